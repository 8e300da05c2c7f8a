/** What an NVIDIA H100 offers through Dawn, for plans that are made without one; alignment as tensorloom asks for it. */
import type { WgslFacts } from "../codegen/wgsl/artifact.ts";

export const h100: WgslFacts = {
  isSoftware: false,
  maxComputeInvocationsPerWorkgroup: 1024,
  maxComputeWorkgroupSizeX: 1024,
  maxComputeWorkgroupStorageSize: 49_152,
  maxComputeWorkgroupsPerDimension: 65_535,
  maxStorageBuffersPerShaderStage: 16,
  minStorageBufferOffsetAlignment: 256,
  subgroupSize: 32,
};
