/**
 * The schedule of a kernel for the `wasm` target: lanes for every nest, register blocks over packed panels for contractions,
 * and the loops whose iterations threads share.
 *
 *   parallel i < 128, j < 512                 thread j_o < 64
 *     var acc = 0; for k < 784 { ... }   ->     panel[8*k + c] = w[512*k + 8*j_o + c]
 *                                               for i_b < 32:  for l < 4 lane:  var acc[4][2]; for k < 784 { 8 multiply-adds }
 */
import type { Kernel, Nest, SharedArray } from "../../src/kernel/kernel.ts";
import { longestSum } from "../../src/kernel/target.ts";
import { expandFolds } from "../lower/expand-folds.ts";
import { boundSums } from "./bound-sums.ts";
import { collapse } from "./collapse.ts";
import { cse } from "./cse.ts";
import { lanesOver } from "./lanes.ts";
import { freshNames } from "./names.ts";
import type { WasmBlocks } from "./panel-cuts.ts";
import { panels } from "./panels.ts";
import { vectorizeSerial } from "./serial-lanes.ts";
import { shareAmongThreads } from "./share.ts";
import { unroll } from "./unroll.ts";

/**
 * Rows and vectors of a register block. V8 puts all loads of an iteration before its multiply-adds, so a block needs a
 * register for every sum, row and vector at once, and has 15. Parts of the multiply-add ceiling, 128x784x512 with its panels
 * filled, Node 20: 4x2 (14 registers) 92%, 2x4 93%, 3x3 93%, 3x2 72%, 4x1 49%; 6x2 (20), which hand-written machine code would
 * take, keeps sums in memory: 48%. 4x2 divides more sizes than 3x3, and reads half as much of a panel as 2x4.
 */
export const wasmBlocks: WasmBlocks = { rows: 4, vectors: 2 };

/**
 * The same where the engine joins neighbouring vectors to ones of 256 bits (V8 13 with a flag): a block twice as wide then takes
 * as many registers. In GFLOP/s, by hand, Node 24: 4x2 58, 8x2 90, 12x2 98, 3x4 88, 4x4 109, 6x4 71; without the flag 4x4 has 28.
 */
export const joinedBlocks: WasmBlocks = { rows: 4, vectors: 4 };

/** `longest`: terms of a sum that are added up one after the other. */
export function scheduleWasm(folded: Kernel, blocks: WasmBlocks = wasmBlocks, longest = longestSum): Kernel {
  const kernel = expandFolds(folded);
  const fresh = freshNames(kernel);
  const shared: SharedArray[] = [...kernel.shared];
  const words = new Set<string>();
  const nests = kernel.nests.flatMap((nest): readonly Nest[] => {
    if (nest.loops.some(({ loop }) => loop.extent === 0)) return [nest];
    const blocked = panels(nest, blocks, fresh);
    if (blocked !== undefined) {
      shared.push(...blocked.shared);
      words.add(blocked.words);
      return blocked.nests;
    }
    const vectorized = lanesOver(collapse(nest, fresh), fresh);
    shared.push(...vectorized.shared);
    if (vectorized.words !== "") words.add(vectorized.words);
    return vectorized.nests.map(shareAmongThreads);
  });
  const rows = nests.map((nest) => {
    const made = vectorizeSerial(nest.prelude, fresh);
    if (made === undefined) return nest;
    words.add("4 lanes along rows");
    return { ...nest, prelude: made.body };
  });
  return {
    ...cse(unroll(boundSums({ ...kernel, nests: rows, shared }, fresh, longest))),
    schedule: words.size === 0 ? [] : [[{ move: "byHand", words: [...words].join(", ") }]],
  };
}
