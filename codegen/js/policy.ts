/**
 * The schedule of a nest for the `js` target: register blocks for what reads the same elements again and again.
 *
 *   parallel i < 128, j < 512                              split i 4; split j 2; jam i_i, j_i
 *     fold acc = sum over k < 784 of x[i, k] * w[k, j]     6 loads for 8 sums
 *
 * Rows of costly values that are wanted twice are kept in between. A block changes no bit: each element is summed in the same
 * order, in the same doubles.
 */

import type { Facts } from "../../passes/schedule/facts.ts";
import { worthKeeping } from "../../passes/schedule/moves/keep.ts";
import type { Policy } from "../../passes/schedule/schedule.ts";
import type { FoldStmt, Load } from "../../src/kernel/kernel.ts";
import type { Move, Schedule } from "../../src/kernel/moves.ts";
import { walkStmts } from "../../src/kernel/rewrite.ts";

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

export function jsPolicy(blocks: JsBlocks = jsBlocks): Policy {
  return (facts) => facts.map((nest) => scheduleOf(nest, blocks));
}

function scheduleOf(facts: Facts, blocks: JsBlocks): Schedule {
  const chosen = chooseBlocks(facts, blocks);
  if (chosen.length > 0) return inBlocks(chosen);
  const values = worthKeeping(facts.nest);
  if (values.length === 0) return [];
  const threads = facts.nest.loops.map(({ loop }): Move => ({ move: "bind", axis: loop.name, to: "thread" }));
  return [...threads, ...values.map((value): Move => ({ move: "keep", value }))];
}

/** Iterations in a block, of the parallel loops that are worth one. */
interface Block {
  readonly axis: string;
  readonly extent: number;
  readonly size: number;
}

/** Where there are fewer rows than wanted, a block has more columns. */
function chooseBlocks(facts: Facts, blocks: JsBlocks): readonly Block[] {
  const reuse = findReuse(facts);
  if (reuse === undefined) return [];
  const extents = new Map(facts.nest.loops.map(({ loop }) => [loop.name, loop.extent]));
  const block = (axis: string, most: number): Block => {
    const extent = extents.get(axis) ?? 1;
    return { axis, extent, size: Math.min(most, extent) };
  };
  if (typeof reuse === "string") return [block(reuse, blocks.single)];
  const outer = block(reuse.outer, blocks.outer);
  return [outer, block(reuse.inner, Math.floor((blocks.outer * blocks.inner) / outer.size))];
}

/** Each loop is cut into whole blocks and what is left over: up to four nests, none of them with a guard. */
function inBlocks([block, ...others]: readonly Block[], jammed: readonly string[] = []): Schedule {
  if (block === undefined) return jammed.length === 0 ? [] : [{ move: "jam", axes: jammed, mark: "unrolled" }];
  const { axis, extent, size } = block;
  if (size === 1) return inBlocks(others, jammed);
  const rest = inBlocks(others, [...jammed, `${axis}_r`]);
  const tail = extent % size === 0 ? "exact" : { peel: rest };
  return [{ move: "split", axis, by: size, tail }, ...inBlocks(others, [...jammed, `${axis}_i`])];
}

/**
 * The parallel loops along which folds load the same again: two, outer first, of a contraction; one of a product with a vector, or
 * of a sum over elements that are all different, where a block only keeps several additions under way at once.
 *
 *   fold sum over k of x[i, k] * w[k, j]                 x does not move with j, w not with i      -> i and j
 *   fold sum over k of x[i, k] * v[k]                    v does not move with i                    -> i
 *   fold sum over k of x[n, h + k, w] * f[c, k]                                                    -> c and w
 */
export function findReuse(facts: Facts): { readonly outer: string; readonly inner: string } | string | undefined {
  const { body } = facts.nest;
  const folds = facts.folds();
  if (folds.length === 0 || body.some(({ kind }) => kind !== "let" && kind !== "fold" && kind !== "store")) return;
  const loops = facts.nest.loops.filter(({ loop }) => loop.extent > 1).map(({ loop }) => loop.name);
  const loads = loadsOf(facts, folds);
  const along = (wanted: string, other?: string): boolean =>
    loads.some((moves) => moves.has(wanted) && (other === undefined || !moves.has(other)));
  for (const inner of loops.toReversed()) {
    for (const outer of loops.slice(0, loops.indexOf(inner)).reverse()) {
      if (along(inner, outer) && along(outer, inner)) return { outer, inner };
    }
  }
  // Several results at once, as of an arg-max, would not stay in registers.
  const [fold, ...others] = folds;
  if (fold === undefined || others.length > 0 || fold.accumulators.length > 1) return undefined;
  if (fold.body.some(({ kind }) => kind === "fold")) return undefined;
  const shared = (loop: string): boolean => loads.some((moves) => !moves.has(loop));
  return loops.findLast((loop) => along(loop) && shared(loop)) ?? loops.findLast((loop) => along(loop));
}

/** The loads of folds, each with the loops that it moves with. */
function loadsOf(facts: Facts, folds: readonly FoldStmt[]) {
  const found = new Set<Load>();
  walkStmts(folds, {
    expr: (expr) => {
      if (expr.kind === "load") found.add(expr);
    },
  });
  return [...found].map((load) => facts.movesWith(load));
}
