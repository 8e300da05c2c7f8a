/**
 * The schedule of a kernel for the `wasm` target: lanes for every nest, register blocks over packed panels for contractions,
 * and the loops whose iterations threads share.
 *
 *   parallel i < 128, j < 512                 thread j_o < 64
 *     var acc = 0; for k < 784 { ... }   ->     panel[8*k + c] = w[512*k + 8*j_o + c]
 *                                               for i_o < 20:  for l < 4 lane:  var acc[6][2]; for k < 784 { 12 multiply-adds }
 */
import type { Kernel, Nest, SharedArray } from "../../src/kernel/kernel.ts";
import { collapse } from "./collapse.ts";
import { cse } from "./cse.ts";
import { lanesOver } from "./lanes.ts";
import { freshNames } from "./names.ts";
import { panels, type WasmBlocks } from "./panels.ts";
import { shareAmongThreads } from "./share.ts";
import { unroll } from "./unroll.ts";

/**
 * Rows and vectors of a register block. Of 16 registers 6x2 takes 12 for sums, 2 for a row of the panel and 1 for an
 * element: 4x2 needs a load for each 1.3 multiply-adds (46 against 50 GFLOP/s), 8x2 spills.
 */
export const wasmBlocks: WasmBlocks = { rows: 6, vectors: 2 };

export function scheduleWasm(kernel: Kernel, blocks: WasmBlocks = wasmBlocks): Kernel {
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
    if (vectorized.words !== "") words.add(vectorized.words);
    return vectorized.nests.map(shareAmongThreads);
  });
  return { ...cse(unroll({ ...kernel, nests, shared })), schedule: [...words].join(", ") };
}
