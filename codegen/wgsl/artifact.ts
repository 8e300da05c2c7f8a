/** What the `wgsl` target prints for an entry: a shader for each kernel, and how to launch it. */
import type { Artifact, ArtifactBinding } from "../../src/program/artifact.ts";

export type Access = "read" | "read_write";

/** Buffer parameter `param` is @binding(binding) of @group(0). */
export interface WgslBinding {
  readonly param: string;
  readonly binding: number;
  readonly access: Access;
  readonly bytes: number;
}

export interface WgslModule {
  readonly source: string;
  readonly entryPoint: "main";
  /** For dispatchWorkgroups; the first is 0 where there is nothing to do. */
  readonly workgroups: readonly [number, number, number];
  readonly workgroupSize: number;
  /** In the order of the kernel's parameters. */
  readonly bindings: readonly WgslBinding[];
  /** How many loops around the launch it is told the iteration of: @binding(0), @binding(1), ... of @group(1), a u32 each. */
  readonly iterations: number;
}

export interface WgslArtifact extends Artifact {
  /** Each once, in the order in which it comes first. */
  readonly kernels: readonly WgslModule[];
  /** Launches that a machine may make as one. */
  readonly joined: readonly JoinedLaunches[];
}

/** Launches that follow one another, in one. */
export interface JoinedLaunches {
  /** Their ids, in order. */
  readonly steps: readonly number[];
  readonly module: WgslModule;
  /** In the order of its parameters: a range of words of each segment. */
  readonly bindings: readonly ArtifactBinding[];
}

/** What kernels depend on: the limits of a GPU, as WebGPU calls them. */
export interface WgslFacts {
  /** Whether it is a driver that computes on the CPU. */
  readonly isSoftware: boolean;
  readonly maxComputeInvocationsPerWorkgroup: number;
  readonly maxComputeWorkgroupSizeX: number;
  readonly maxComputeWorkgroupStorageSize: number;
  readonly maxComputeWorkgroupsPerDimension: number;
  readonly maxStorageBuffersPerShaderStage: number;
  readonly minStorageBufferOffsetAlignment: number;
  /**
   * Invocations of a subgroup, where they may exchange values: all devices of its kind agree on the size, and an invocation is told its
   * place. Absent or 0 elsewhere.
   */
  readonly subgroupSize?: number;
  /** What it has for mixed precision, where that was asked for. */
  readonly mixed?: MixedFacts;
}

/** Of the device, as it was or will be opened. */
export interface MixedFacts {
  /** "shader-f16". */
  readonly hasHalves: boolean;
  /** Matrix units that multiply 16 x 16 numbers of f16 and add up f32 ("chromium-experimental-subgroup-matrix"). */
  readonly hasMatrixUnits: boolean;
  /** Invocations that work on a matrix together, where all devices of its kind agree on it; else 0. */
  readonly subgroupSize: number;
}
