/** A GPU, as compute shaders through WebGPU. */

import { scheduleKernel } from "../../passes/schedule/schedule.ts";
import { type Addresses, artifactSteps, launchSteps } from "../../src/program/artifact.ts";
import { launchesOf, type Sequence } from "../../src/program/sequence.ts";
import type { Target } from "../target.ts";
import type { WgslArtifact, WgslFacts } from "./artifact.ts";
import { gpuBytes } from "./layout.ts";
import { wgslPolicy } from "./policy.ts";
import { printWgsl } from "./print.ts";
import { legalizeSequence } from "./quirks.ts";
import { wgslTolerances } from "./tolerances.ts";

export const wgsl: Target<WgslArtifact, WgslFacts> = {
  name: "wgsl",
  tolerances: wgslTolerances,
  /** The default limits of the WebGPU specification, which every GPU has. */
  portable: {
    maxComputeInvocationsPerWorkgroup: 256,
    maxComputeWorkgroupSizeX: 256,
    maxComputeWorkgroupStorageSize: 16384,
    maxComputeWorkgroupsPerDimension: 65535,
    maxStorageBuffersPerShaderStage: 8,
    minStorageBufferOffsetAlignment: 256,
  },
  traits: (limits) => ({
    name: "wgsl",
    accumulator: "f32",
    maxBuffers: limits.maxStorageBuffersPerShaderStage,
    mostIndex: 2 ** 31 - 1,
    hasF64: false,
    needsSchedule: true, // a loop without a workgroup and an invocation is none
    alignment: limits.minStorageBufferOffsetAlignment,
    bytesOf: gpuBytes,
  }),
  schedule: (kernel, limits) =>
    scheduleKernel(
      kernel,
      wgslPolicy({
        maxInvocations: Math.min(limits.maxComputeInvocationsPerWorkgroup, limits.maxComputeWorkgroupSizeX),
        maxWorkgroupStorage: limits.maxComputeWorkgroupStorageSize,
      }),
      { namesCommon: false }, // the driver's compiler finds it
    ),
  legalize: legalizeSequence,
  print: printShaders,
};

function printShaders(
  sequence: Sequence,
  addresses: Addresses,
  { maxComputeWorkgroupsPerDimension: maxWorkgroupsPerDimension }: WgslFacts,
): WgslArtifact {
  const steps = artifactSteps(sequence, addresses);
  const launches = launchSteps({ steps });
  const kernels = launchesOf(sequence).map(({ kernel }, i) => {
    const segments = new Map(launches[i]?.bindings.map(({ param, buffer }) => [param, buffer.segment]));
    // Inputs are never written. Any other segment may be written elsewhere in the same launch.
    const access = (param: string) => (segments.get(param) === "input" ? "read" : "read_write");
    return printWgsl(kernel, { access, maxWorkgroupsPerDimension });
  });
  return { kernels, steps };
}
