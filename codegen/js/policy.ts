/**
 * The schedule of a nest for the `js` target: register blocks for what reads the same elements again and again.
 *
 *   parallel i < 128, j < 512                              split i 4; split j 2; jam i_i, j_i
 *     fold acc = sum over k < 784 of x[i, k] * w[k, j]     6 loads for 8 sums
 *
 * Sums over more than a cache holds are taken part by part (`interchange`), and more columns than that some at a time. Rows of
 * costly values that are wanted twice are kept in between. None of it changes a bit: each element is summed in the same order, in
 * the same doubles.
 */

import { type Facts, sizeOf } from "../../passes/schedule/facts.ts";
import { worthKeeping } from "../../passes/schedule/moves/keep.ts";
import { wholeParts } from "../../passes/schedule/moves/second-launch.ts";
import type { Policy } from "../../passes/schedule/schedule.ts";
import type { FoldStmt, Load, LoopVar } from "../../src/kernel/kernel.ts";
import type { JsMove, Move, Schedule } from "../../src/kernel/moves.ts";
import { walkStmts } from "../../src/kernel/rewrite.ts";
import { strideAlong } from "../../src/kernel/stride.ts";

export interface JsBlocks {
  /** Rows and columns of a contraction. */
  readonly outer: number;
  readonly inner: number;
  /** Results of a matrix-vector product or a reduction. */
  readonly single: number;
  /** Bytes that a sum reads, from which on its block finds nothing in a cache that the block before it has read. */
  readonly uncached: number;
  /** Such a sum takes its terms in parts that read so many bytes, and have so many terms at least. */
  readonly part: number;
  readonly leastTerms: number;
  /** Bytes of all columns of a contraction, from which on rows go by some columns at a time; and of these. */
  readonly wide: number;
  readonly panel: number;
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
export const jsBlocks: JsBlocks = {
  ...{ outer: 4, inner: 2, single: 8 },
  ...{ uncached: 2 ** 20, part: 2 ** 17, leastTerms: 64, wide: 2 ** 21, panel: 2 ** 19 },
};

/** Other blocks, by name, for who measures: machines differ in registers and caches. As any block, they change no bit. */
export const jsCandidates: readonly (readonly [name: string, blocks: Partial<JsBlocks>])[] = [
  ["blocks 3x3", { outer: 3, inner: 3 }],
  ["blocks 2x4", { outer: 2, inner: 4 }],
  ["blocks 4x4", { outer: 4, inner: 4 }],
  ["blocks 8x2", { outer: 8, inner: 2 }],
  ["blocks 8x1", { outer: 8, inner: 1 }],
  ["blocks 2x2", { outer: 2, inner: 2 }],
  ["single 1", { single: 1 }],
  ["single 4", { single: 4 }],
  ["single 16", { single: 16 }],
  ["parts from 256 kB", { uncached: 2 ** 18, part: 2 ** 16 }],
  ["parts from 4 MB", { uncached: 2 ** 22, part: 2 ** 19 }],
  ["panels of 256 kB", { wide: 2 ** 19, panel: 2 ** 18 }],
  ["panels of 1 MB", { wide: 2 ** 21, panel: 2 ** 20 }],
  ["no panels", { wide: Infinity }],
];

export function jsPolicy(given: Partial<JsBlocks> = {}): Policy<JsMove> {
  const blocks = { ...jsBlocks, ...given };
  return (facts) => facts.map((nest) => scheduleOf(nest, blocks));
}

function scheduleOf(facts: Facts, blocks: JsBlocks): Schedule<JsMove> {
  const chosen = chooseBlocks(facts, blocks);
  if (chosen.length > 0) {
    const parts = partMoves(facts, chosen, blocks);
    return parts.length > 0 ? inBlocks(chosen, parts) : inPanels(facts, chosen, blocks);
  }
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

/** Each loop is cut into whole blocks and what is left over: up to four nests, none of them with a guard. All end with `last`. */
function inBlocks(
  [block, ...others]: readonly Block[],
  last: Schedule<JsMove>,
  jammed: readonly string[] = [],
): Schedule<JsMove> {
  if (block === undefined) {
    return jammed.length === 0 ? last : [{ move: "jam", axes: jammed, mark: "unrolled" }, ...last];
  }
  const { axis, extent, size } = block;
  if (size === 1) return inBlocks(others, last, jammed);
  const rest = inBlocks(others, last, [...jammed, `${axis}_r`]);
  const tail = extent % size === 0 ? "exact" : { peel: rest };
  return [{ move: "split", axis, by: size, tail }, ...inBlocks(others, last, [...jammed, `${axis}_i`])];
}

/**
 * Blocks of columns turn inside the rows; where a cache would not hold all columns until the next rows want them, they do so for some
 * columns at a time. 2048 x 2048 x 2048: 3.7 GFLOP/s, and 5.0 in panels; 1024: 4.9 and 5.4.
 */
function inPanels(facts: Facts, chosen: readonly Block[], { wide, panel }: JsBlocks): Schedule<JsMove> {
  const [outer, inner] = chosen;
  const [fold] = facts.nest.body;
  if (outer === undefined || inner === undefined || fold?.kind !== "fold") return inBlocks(chosen, []);
  const { axis, extent, size } = inner;
  const bytes = 4 * sizeOf(fold.axes);
  if (bytes * extent <= wide) return inBlocks(chosen, []);
  const width = Math.max(1, Math.floor(panel / (bytes * lineWords))) * lineWords;
  if (width >= extent) return inBlocks(chosen, []);
  const columns = (part: string, count: number): readonly Block[] => {
    return [outer, { axis: `${axis}_${part}`, extent: count, size: Math.min(size, count) }];
  };
  const rest = extent % width;
  const loops = facts.nest.loops.map(({ loop }) => loop.name);
  return [
    { move: "split", axis, by: width, tail: rest === 0 ? "exact" : { peel: inBlocks(columns("r", rest), []) } },
    { move: "reorder", axes: [`${axis}_o`, ...loops.slice(0, loops.indexOf(axis))] },
    ...inBlocks(columns("i", width), []),
  ];
}

/** Sums that wait between parts: 4 MB of doubles. */
const mostSums = 2 ** 19;
const lineBytes = 64;
const lineWords = lineBytes / 4;
/** Of an element: two factors, each of which may be computed of two. */
const fewLoads = 4;

/**
 * Where each block would read anew what no cache holds, all blocks take one part of their sums and then the next. The gradient of a
 * filter, 288 x 64 sums over 24 x 24 places of 128 images: 1.2 GFLOP/s, and 6 image by image.
 */
function partMoves(facts: Facts, chosen: readonly Block[], { uncached, part, leastTerms }: JsBlocks): Schedule<JsMove> {
  const [fold] = facts.nest.body;
  if (chosen.length < 2 || fold?.kind !== "fold" || fold.fn !== "sum") return [];
  const total = sizeOf(fold.axes);
  // Most sums are short, and need no look at what they read.
  const bytes = total * lineBytes * fewLoads <= uncached ? 0 : bytesRead(fold);
  if (bytes <= uncached || sizeOf(facts.nest.loops.map(({ loop }) => loop)) > mostSums) return [];
  const terms = wholeTerms(fold.axes, Math.max(leastTerms, (total * part) / bytes));
  if (terms < leastTerms || terms >= total) return [];
  return [{ move: "interchange", of: fold.accumulators[0]?.name ?? "", terms }];
}

/** Bytes of cache that all terms of one sum take. */
function bytesRead(fold: FoldStmt): number {
  let bytes = 0;
  walkStmts([fold], {
    expr: (expr) => {
      if (expr.kind !== "load") return;
      const moving = fold.axes.filter(({ name }) => expr.reads.includes(name));
      const last = moving[moving.length - 1];
      const stride = last === undefined ? 0 : strideAlong(expr.at, last.name, last.extent, () => true);
      bytes += sizeOf(moving) * Math.min(lineBytes, 4 * Math.abs(stride ?? lineBytes));
    },
  });
  return bytes;
}

/** The most terms, up to so many, that are whole iterations of the axes; 0 where there are none. */
function wholeTerms(axes: readonly LoopVar[], most: number): number {
  for (let i = 0, inside = sizeOf(axes); i < axes.length; i += 1) {
    const extent = axes[i]?.extent ?? 1;
    inside /= extent;
    if (inside <= most) return inside * wholeParts(extent, most / inside);
  }
  return 0;
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
