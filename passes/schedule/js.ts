/**
 * The schedule of a kernel for the `js` target: register blocks for what reads the same elements again and again.
 *
 *   kernel k4_matmul_relu                                kernel k4_matmul_relu      // 4x2 registers
 *     parallel i < 128, j < 512                            parallel i_o < 32, j_o < 256
 *       var acc = 0; for k < 784 { acc = ... }      ->       var acc[4][2] = 0; for k < 784 { 6 loads, 8 sums }
 *
 * Rows of costly values that are wanted twice are kept in between (keep.ts).
 *
 * A block changes no bit: each element is summed in the same order, in the same doubles.
 */
import type { Kernel, Nest, SharedArray } from "../../src/kernel/kernel.ts";
import { cse } from "./cse.ts";
import { keepRows } from "./keep.ts";
import { freshNames } from "./names.ts";
import { findReuse } from "./reuse.ts";
import { tile } from "./tile.ts";
import { unroll } from "./unroll.ts";

export interface JsBlocks {
  /** Rows and columns of a contraction. */
  readonly outer: number;
  readonly inner: number;
  /** Results of a matrix-vector product or a reduction. */
  readonly single: number;
}

/**
 * Iterations per block, measured with Node 20 by bench/js-contraction.ts (GFLOP/s; plain loops 1.3).
 *
 * outer x inner: 4x2 and 3x3 4.7, 2x4 4.6, 4x4 4.3, 3x4 and 4x3 4.4, 8x2 4.2, 8x1 4.1, 2x2 3.1. Of x86's 16 registers
 * for doubles, 4x4 spills; 4x2 divides more sizes than 3x3. Not worth it: unrolling k by 2 (+-5%) or 4 (-5%), packing
 * the rows as doubles (+-0%), the order of the two loops (+-1%).
 *
 * single: additions under way at once. Elements/ns for 1, 2, 4, 8, 16: sums of columns 128x512 1.0, 1.6, 2.2, 2.4, 2.0;
 * of rows 512x128 1.2, 1.8, 2.4, 2.5, 2.0; matrix times vector 512x784 0.7, 1.2, 1.7, 2.1, 1.7.
 */
export const jsBlocks: JsBlocks = { outer: 4, inner: 2, single: 8 };

/** The kernel with its contractions and reductions in register blocks; other kernels as they are. */
export function scheduleJs(kernel: Kernel, blocks: JsBlocks = jsBlocks): Kernel {
  const fresh = freshNames(kernel);
  const words: string[] = [];
  const shared: SharedArray[] = [...kernel.shared];
  const nests = kernel.nests.flatMap((nest): readonly Nest[] => {
    const chosen = chooseBlocks(nest, blocks);
    if (chosen === undefined) {
      const kept = keepRows(nest, fresh);
      if (kept === undefined) return [nest];
      shared.push(...kept.shared);
      words.push("rows kept");
      return [kept.nest];
    }
    words.push(`${[...chosen.values()].join("x")} registers`);
    return tile(nest, chosen, fresh);
  });
  if (words.length === 0) return kernel;
  return { ...cse(unroll({ ...kernel, nests, shared })), schedule: [...new Set(words)].join(", ") };
}

/** Where there are fewer rows than wanted, a block has more columns. */
function chooseBlocks(nest: Nest, blocks: JsBlocks): ReadonlyMap<string, number> | undefined {
  const reuse = findReuse(nest);
  if (reuse === undefined) return undefined;
  const extents = new Map(nest.loops.map(({ loop }) => [loop.name, loop.extent]));
  const atMost = (loop: string, block: number): number => Math.min(block, extents.get(loop) ?? 1);
  if (reuse.kind !== "contraction") return new Map([[reuse.loop, atMost(reuse.loop, blocks.single)]]);
  const outer = atMost(reuse.outer, blocks.outer);
  const inner = atMost(reuse.inner, Math.floor((blocks.outer * blocks.inner) / outer));
  return new Map([
    [reuse.outer, outer],
    [reuse.inner, inner],
  ]);
}
