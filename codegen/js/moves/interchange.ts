/**
 * Takes the outer part of a fold out of all the loops of its nest: these turn in it, and the sums wait in a thread's own memory.
 *
 *   interchange acc 676                                       for f < 288:  sums[f] = 0
 *                                                             for n < 512
 *   parallel i < 9, j < 32                                      for i < 9, j < 32
 *     fold acc = sum over n < 512, p < 676              ->        var acc = sums[32*i + j]
 *       of x[784*n + p + i] * g[21632*n + 32*p + j]               for p < 676:  acc = acc + x[...] * g[...]
 *     y[32*i + j] = acc                                           sums[32*i + j] = acc
 *                                                             for i < 9, j < 32:  y[32*i + j] = sums[32*i + j]
 *
 * Each sum takes its terms in the order that it took them in before, so no bit changes; but what all of them read of one part lies
 * in a near cache while they do. Parts are whole iterations of the fold's axes. It writes the sums out, with an accumulator that
 * starts where it was: there is no fold left that another move could take further.
 */

import { foldLoops } from "../../../passes/kernel/expand-folds.ts";
import { sizeOf, storedIn } from "../../../passes/schedule/facts.ts";
import { placeOf } from "../../../passes/schedule/moves/loops.ts";
import { type Around, copyBlock, type Moved, nameNow, type Piece, refuse } from "../../../passes/schedule/piece.ts";
import { assign, forLoop, forLoops, load, parallelLoops, store } from "../../../src/kernel/build.ts";
import { folds } from "../../../src/kernel/folds.ts";
import { blockIndex } from "../../../src/kernel/index-expr.ts";
import type { BlockLoop, Expr, FoldStmt, Index, LoopVar, SharedArray, Stmt } from "../../../src/kernel/kernel.ts";
import type { MoveOf } from "../../../src/kernel/moves.ts";
import type { Fresh } from "../../../src/kernel/names.ts";
import { mapStmts, readsAny, replaceLoops, rewriting } from "../../../src/kernel/rewrite.ts";

export function interchange(piece: Piece, { of, terms }: MoveOf<"interchange">, { fresh, shared }: Around): Moved {
  const { nest, names } = piece;
  const [fold, ...after] = nest.body;
  if (fold?.kind !== "fold" || fold.accumulators[0]?.name !== nameNow(piece, of)) return refuse(`${of} is not first`);
  if (nest.loops.some(({ mark }) => mark !== "parallel")) refuse("a loop is bound already");
  if (storedIn([fold]).size > 0) refuse("the fold stores");
  const { outer, inner, at } = cutAxes(fold.axes, terms, fresh);
  const loops = nest.loops.map(({ loop }) => loop);
  const own = [...loops, ...fold.block.map(({ loop }) => loop)];
  const starts = folds[fold.fn].identity(fold.accumulators[0].type);
  const arrays = fold.accumulators.map(({ name, type }, i) => {
    const array: SharedArray = { name: fresh("sums"), type, count: sizeOf(own) };
    shared.push(array);
    return { name, array, start: fresh.pool.constant(type, starts[i] ?? 0) };
  });
  const each: LoopVar = { name: fresh("each"), extent: sizeOf(own) };
  const first = arrays.map(({ array, start }) => store(array.name, fresh.pool.loop(each), start));
  const part: FoldStmt = { ...fold, axes: inner };
  const turns = [...forLoops(parallelLoops(loops), mapStmts(sumsOf(part, arrays, loops, fresh), replaceLoops(at)))];
  const held = new Map(arrays.map(({ name, array }) => [name, array]));
  const found = rewriting(
    (expr: Expr) => {
      const array = expr.kind === "name" ? held.get(expr.name) : undefined;
      if (expr.kind !== "name" || array === undefined) return expr;
      return load(array.type, array.name, placeIn(loops, fold.block, expr.at, fresh));
    },
    (expr) => readsAny(expr, held),
  );
  const rest = copyOfLoops(loops, mapStmts(after, found), fresh);
  const rounds = outer.reduceRight<readonly Stmt[]>((body, loop) => [forLoop(loop, body)], turns);
  return {
    nest: { loops: [], prelude: nest.prelude, body: [forLoop(each, first, "parallel"), ...rounds, ...rest] },
    names,
  };
}

interface CutAxes {
  /** Those around everything, and those of each part. */
  readonly outer: readonly LoopVar[];
  readonly inner: readonly LoopVar[];
  /** Where the axis is that was cut. */
  readonly at: ReadonlyMap<string, Index>;
}

/** Parts of so many terms: whole iterations of one axis with all inside of it. */
function cutAxes(axes: readonly LoopVar[], terms: number, fresh: Fresh): CutAxes {
  const cut = axes.findIndex((_, i) => sizeOf(axes.slice(i + 1)) <= terms);
  const axis = axes[cut];
  const others = axes.slice(cut + 1);
  const by = terms / sizeOf(others);
  const parts = (axis?.extent ?? 0) / by;
  if (axis === undefined || terms < 1 || !Number.isInteger(by) || !Number.isInteger(parts))
    return refuse(`${terms} terms are no whole iterations`);
  const before = axes.slice(0, cut);
  if (sizeOf(before) * parts < 2) refuse(`it has ${terms} terms`);
  if (by === 1) return { outer: [...before, axis], inner: others, at: new Map() };
  if (parts === 1) return { outer: before, inner: [axis, ...others], at: new Map() };
  const [outer, inner] = [
    { name: fresh(`${axis.name}_o`), extent: parts },
    { name: fresh(`${axis.name}_i`), extent: by },
  ];
  const at = blockIndex(by, fresh.pool.loop(outer), fresh.pool.loop(inner));
  return { outer: [...before, outer], inner: [inner, ...others], at: new Map([[axis.name, at]]) };
}

interface Held {
  /** The accumulator, and where it waits. */
  readonly name: string;
  readonly array: SharedArray;
}

/** One iteration of the nest in one part: from where the sums were to where they are then. */
function sumsOf(fold: FoldStmt, arrays: readonly Held[], loops: readonly LoopVar[], fresh: Fresh): readonly Stmt[] {
  const { vars, body } = foldLoops(fold, fresh);
  const inBlock = (make: (held: Held, at: readonly Index[], place: Index) => Stmt): readonly Stmt[] => {
    const { block, at } = copyBlock(fold.block, fresh);
    const place = placeIn(loops, fold.block, at, fresh);
    return forLoops(
      block,
      arrays.map((held) => make(held, at, place)),
    );
  };
  return [
    ...vars,
    ...inBlock(({ name, array }, at, place) => assign(name, load(array.type, array.name, place), at)),
    ...body,
    ...inBlock(({ name, array }, at, place) => store(array.name, place, fresh.pool.name(array.type, name, at))),
  ];
}

/** Where a sum waits: neighbours of the last loop side by side, each with its block. */
function placeIn(loops: readonly LoopVar[], block: readonly BlockLoop[], at: readonly Index[], fresh: Fresh): Index {
  return block.reduce<Index>(
    (place, { loop }, i) => blockIndex(loop.extent, place, at[i] ?? fresh.pool.integer(0)),
    placeOf(loops, fresh),
  );
}

/** The loops under names of their own, around statements that know them by the old ones. */
function copyOfLoops(loops: readonly LoopVar[], stmts: readonly Stmt[], fresh: Fresh): readonly Stmt[] {
  const { block, at } = copyBlock(parallelLoops(loops), fresh);
  const replaced = new Map(loops.map(({ name }, i) => [name, at[i] ?? fresh.pool.integer(0)]));
  return forLoops(block, mapStmts(stmts, replaceLoops(replaced)));
}
