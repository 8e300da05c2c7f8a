/** The CPU, as WebAssembly with vectors of four, and threads where memory can be shared. */

import { byteWidth, type DType } from "../../src/core/dtype.ts";
import type { Kernel } from "../../src/kernel/kernel.ts";
import type { Target } from "../target.ts";
import type { WasmArtifact, WasmFacts } from "./artifact.ts";
import { wasmMoves } from "./moves/all.ts";
import { wasmFirstLaunch } from "./policy/first-launches.ts";
import type { Tuning } from "./policy/panel-plan.ts";
import { joinedTuning, wasmCandidates, wasmPolicy, wasmTuning } from "./policy/policy.ts";
import { wasmSecondLaunches } from "./policy/second-launches.ts";
import { wasmPrinter } from "./step.ts";
import { wasmTolerances } from "./tolerances.ts";

const maxBuffers = 64;
const bytesOf = (dtype: DType, count: number): number => byteWidth(dtype) * count;

export const wasm: Target<WasmArtifact, WasmFacts> = {
  name: "wasm",
  tolerances: wasmTolerances,
  portable: { joinsVectors: false, relaxed: false, threads: 1 },
  traits: () => ({
    name: "wasm",
    accumulator: "f32",
    maxBuffers,
    mostIndex: 2 ** 31 - 1,
    hasF64: false,
    innerTerms: 32768,
    packs: "columns",
    storesBorders: { leastReads: 64, leastElements: 2 ** 14, mostGrowth: 2 },
    choosesSlopes: { leastChannels: 16, leastTerms: 2 ** 12, leastImages: 8, leastPlaces: 4 },
    hasBranches: true,
    needsSchedule: false,
    alignment: 64, // a cache line
    copied: 1,
    bytesOf,
  }),
  scheduling: (facts) => schedulingWith(tuningOf(facts)),
  candidates: (facts) =>
    wasmCandidates.map(([name, own]) => ({ name, scheduling: schedulingWith({ ...tuningOf(facts), ...own }) })),
  legalize: (kernel) => kernel,
  printer: wasmPrinter,
};

function tuningOf({ joinsVectors, threads }: WasmFacts): Tuning {
  return { ...wasmTuning, ...(joinsVectors ? joinedTuning : {}), threads };
}

function schedulingWith(tuning: Tuning) {
  return {
    policy: wasmPolicy(tuning),
    ownMoves: wasmMoves,
    secondLaunches: (kernel: Kernel) => wasmSecondLaunches(kernel, { maxBuffers, bytesOf }),
    firstLaunch: wasmFirstLaunch(tuning, { maxBuffers, bytesOf }),
  };
}
