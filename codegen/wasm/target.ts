/** The CPU, as WebAssembly with vectors of four, and threads where memory can be shared. */

import { byteWidth } from "../../src/core/dtype.ts";
import type { Target } from "../target.ts";
import type { WasmArtifact, WasmFacts } from "./artifact.ts";
import { joinedBlocks, wasmBlocks, wasmPolicy } from "./policy/policy.ts";
import { wasmPrinter } from "./step.ts";
import { wasmTolerances } from "./tolerances.ts";

export const wasm: Target<WasmArtifact, WasmFacts> = {
  name: "wasm",
  tolerances: wasmTolerances,
  portable: { joinsVectors: false, relaxed: false },
  traits: () => ({
    name: "wasm",
    accumulator: "f32",
    maxBuffers: 64,
    mostIndex: 2 ** 31 - 1,
    hasF64: false,
    innerTerms: 0,
    packs: true,
    needsSchedule: false,
    alignment: 64, // a cache line
    bytesOf: (dtype, count) => byteWidth(dtype) * count,
  }),
  // No second launches: threads share the loops of one.
  scheduling: ({ joinsVectors }) => ({ policy: wasmPolicy(joinsVectors ? joinedBlocks : wasmBlocks) }),
  legalize: (kernel) => kernel,
  printer: wasmPrinter,
};
