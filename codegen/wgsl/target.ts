/** A GPU, as compute shaders through WebGPU. */

import type { Kernel } from "../../src/kernel/kernel.ts";
import type { TargetTraits } from "../../src/kernel/target.ts";
import { type Addresses, artifactSteps } from "../../src/program/artifact.ts";
import { type Launch, launchesOf, type Sequence } from "../../src/program/sequence.ts";
import type { Target } from "../target.ts";
import type { WgslArtifact, WgslFacts, WgslModule } from "./artifact.ts";
import { joinedLaunches } from "./join.ts";
import { gpuBytes } from "./layout.ts";
import { wgslMoves } from "./moves/all.ts";
import { wgslCandidates } from "./policy/candidates.ts";
import { wgslPolicy } from "./policy/policy.ts";
import { wgslSecondLaunches } from "./policy/second-launches.ts";
import { softwareTuning, type WgslLimits, type WgslTuning, wgslTuning } from "./policy/tuning.ts";
import { printWgsl } from "./print.ts";
import { legalizeKernel } from "./quirks.ts";
import { wgslTolerances } from "./tolerances.ts";

export const wgsl: Target<WgslArtifact, WgslFacts> = {
  name: "wgsl",
  tolerances: wgslTolerances,
  /** The default limits of the WebGPU specification, which every GPU has. */
  portable: {
    isSoftware: false,
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
    innerTerms: 64,
    packs: "both",
    storesBorders: null,
    choosesSlopes: null,
    hasBranches: false,
    needsSchedule: true, // a loop without a workgroup and an invocation is none
    alignment: limits.minStorageBufferOffsetAlignment,
    copied: 4,
    bytesOf: gpuBytes,
    ...lackOf(limits),
  }),
  scheduling: (facts) => schedulingWith(facts, tuningOf(facts)),
  candidates: (facts) =>
    wgslCandidates.map(([name, own]) => ({ name, scheduling: schedulingWith(facts, { ...tuningOf(facts), ...own }) })),
  legalize: legalizeKernel,
  printer: shaderPrinter,
};

/** Without f16 there is nothing to gain; a software GPU has none, and is for looking at numbers. */
function lackOf({ isSoftware, mixed }: WgslFacts): Pick<TargetTraits, "lacksMixed"> {
  if (isSoftware || mixed?.hasHalves === true) return {};
  return {
    lacksMixed:
      'the device has no "shader-f16". In Node, an NVIDIA GPU has it with gpu: await nodeGpu({ precision: "mixed" }); a device of your ' +
      "own must be made with that feature. The wasm and js targets take any precision",
  };
}

const tuningOf = ({ isSoftware }: WgslFacts): WgslTuning => (isSoftware ? softwareTuning : wgslTuning);

function schedulingWith(facts: WgslFacts, tuning: WgslTuning) {
  const limits = limitsOf(facts);
  const target = { maxBuffers: facts.maxStorageBuffersPerShaderStage, bytesOf: gpuBytes };
  return {
    policy: wgslPolicy(limits, tuning, facts.mixed?.hasMatrixUnits === true ? facts.mixed.subgroupSize : 0),
    ownMoves: wgslMoves,
    secondLaunches: (kernel: Kernel) => wgslSecondLaunches(kernel, limits, target, tuning),
    findsCommon: !facts.isSoftware, // the compilers of drivers do; SwiftShader gathers the same element again
  };
}

function limitsOf(facts: WgslFacts): WgslLimits {
  return {
    maxInvocations: Math.min(facts.maxComputeInvocationsPerWorkgroup, facts.maxComputeWorkgroupSizeX),
    maxWorkgroupStorage: facts.maxComputeWorkgroupStorageSize,
    subgroupSize: facts.subgroupSize ?? 0,
  };
}

/** A kernel is printed once for each way in which its parameters may be bound. */
function shaderPrinter(facts: WgslFacts) {
  const { maxComputeWorkgroupsPerDimension: maxWorkgroupsPerDimension } = facts;
  const known = new Map<Kernel, Map<string, WgslModule>>();
  const shaderOf = ({ kernel, bindings }: Launch): WgslModule => {
    // Inputs are never written. Any other segment may be written elsewhere in the same launch.
    const inputs = new Set(bindings.filter(({ buffer }) => buffer.segment === "input").map(({ param }) => param));
    const key = [...inputs].join(" ");
    const others = known.get(kernel) ?? new Map<string, WgslModule>();
    known.set(kernel, others);
    const access = (param: string) => (inputs.has(param) ? "read" : "read_write");
    const shader = others.get(key) ?? printWgsl(kernel, { access, maxWorkgroupsPerDimension });
    others.set(key, shader);
    return shader;
  };
  return (sequence: Sequence, addresses: Addresses): WgslArtifact => {
    const kernels = [...new Set(launchesOf(sequence).map(shaderOf))];
    const joined = joinedLaunches(sequence, addresses, facts, tuningOf(facts)).map(({ launches, kernel, bindings }) => {
      const access = (param: string) => (param === "input" ? "read" : "read_write");
      return { steps: launches.map(({ id }) => id), module: printWgsl(kernel, { access }), bindings };
    });
    return { kernels, steps: artifactSteps(sequence, addresses, shaderOf), joined };
  };
}
