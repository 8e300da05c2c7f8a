/**
 * A contraction in tiles: a workgroup computes a block of the output, staging both factors in its memory.
 *
 *   tile acc over i, j 16 deep                              var acc[4][4] = 0
 *                                                           for k_tile < 49
 *   invocation i_o < 16, j_i < 16                             for fill:  a_tile[...] = x[...]     all invocations, all rows
 *     fold acc[i_i < 4][j_o < 4] = sum over k < 784           for fill:  b_tile[...] = w[...]     value 0 beyond the last k
 *       of x[i, k] * w[k, j]                          ->      barrier
 *     for i_i, j_o unrolled                                   for k_in < 16
 *       if i < 126 and j < 510                                  a[0 .. 3], b[0 .. 3] = ... from the tiles
 *         y[i, j] = max(acc[i_i][j_o], 0)                       acc[0][0] = acc[0][0] + a[0] * b[0] ...
 *                                                             barrier
 *                                                           if i < 126 and j < 510 { y[i, j] = max(acc[0][0], 0) } ...
 *
 * `i` was split into invocations and a block, `j` into a block and invocations: an invocation's rows are consecutive (all lanes
 * of a row read one word, a broadcast) and its columns lie a tile's width of invocations apart, so neighbours read neighbouring
 * words of b_tile and write neighbouring outputs. It is no move of others because the sum goes on in the same registers from
 * tile to tile, with barriers between: there is no fold left that another move could take further. So it is the last of its fold.
 */

import { guardLoads, isBelow, openBounds } from "../../../passes/kernel/bounds.ts";
import { copyStmts } from "../../../passes/kernel/copies.ts";
import { letsFor } from "../../../passes/kernel/names.ts";
import { movedBy, neighboursAlong, readsIn, sizeOf } from "../../../passes/schedule/facts.ts";
import { recover } from "../../../passes/schedule/moves/loops.ts";
import { invocationOf, varyingIn } from "../../../passes/schedule/moves/tree.ts";
import {
  type Around,
  atFold,
  copyBlock,
  type Moved,
  nameNow,
  type Piece,
  refuse,
} from "../../../passes/schedule/piece.ts";
import {
  apply,
  assign,
  barrier,
  forLoop,
  forLoops,
  letValue,
  load,
  store,
  variable,
} from "../../../src/kernel/build.ts";
import { blockIndex, floorDivIndex, modIndex } from "../../../src/kernel/index-expr.ts";
import type { Bound, Expr, FoldStmt, Index, LoopVar, SharedArray, Stmt } from "../../../src/kernel/kernel.ts";
import type { MoveOf } from "../../../src/kernel/moves.ts";
import { mapStmts, readsAny, rewriting } from "../../../src/kernel/rewrite.ts";

export function tile(piece: Piece, move: MoveOf<"tile">, around: Around): Moved {
  return atFold(piece, move.of, (fold, { around: outside, after }) => {
    if (outside.length > 0) refuse("it is not at the top of the body");
    return [...writeSum(readTile(piece, fold, move, around), move, around), ...after];
  });
}

// ---- what is there ---------------------------------------------------------------------------------------------------

/** A factor, and the split axis that it moves with: `by * outer + inner`. One of the two is a block of registers. */
interface Side {
  readonly value: Expr;
  readonly outer: LoopVar;
  readonly inner: LoopVar;
  readonly block: LoopVar;
  readonly array: SharedArray;
  /** Elements of the axis in a tile, and words from one k to the next. */
  readonly size: number;
  readonly pitch: number;
}

interface Found {
  readonly fold: FoldStmt;
  readonly rows: Side;
  readonly columns: Side;
  readonly invocation: Index;
  readonly invocations: number;
}

function readTile(piece: Piece, fold: FoldStmt, move: MoveOf<"tile">, around: Around): Found {
  const [value] = fold.values;
  const [first, second] = value?.kind === "apply" && value.fn === "mul" ? value.args : [];
  if (fold.fn !== "sum" || value?.type !== "f32" || first === undefined || second === undefined)
    return refuse("it is no sum of products");
  if (fold.guard.length > 0 || fold.body.some(({ kind }) => kind !== "let"))
    refuse("its elements are more than products");
  const sides = [move.rows, move.columns].map((axis) => partsOf(piece, fold, axis));
  const [rows, columns] = sides;
  if (rows === undefined || columns === undefined) return refuse("it has no rows and columns");
  if (fold.block.length !== 2 || fold.block.some(({ loop }, n) => loop !== sides[n]?.block))
    refuse("its block is not of rows and columns");
  const { body } = piece.nest;
  const others = varyingIn(body.slice(0, body.indexOf(fold)), piece.nest);
  for (const { outer, inner } of sides) for (const { name } of [outer, inner]) others.delete(name);
  if (readsIn([fold], others)) refuse("its factors differ between invocations in another way");
  const moved = sides.map(({ outer, inner }) => movedBy(fold.body, [outer.name, inner.name]));
  const moves = (factor: Expr, n: number): boolean => readsAny(factor, moved[n] ?? new Set());
  const [left, right] = moves(first, 1) ? [second, first] : [first, second];
  if (moves(left, 1) || moves(right, 0)) refuse("a factor moves with rows and columns");
  const { invocation, size: invocations } = invocationOf(piece.nest, around);
  if (sides.some(({ size }) => (size * move.depth) % invocations !== 0))
    refuse(`${invocations} invocations do not fill a tile evenly`);
  const side = (value: Expr, parts: Parts, label: string): Side => {
    // One word more than the tile, so that writing it across (k fastest) does not hit one memory bank again and again.
    const pitch = parts.size + 1;
    const array: SharedArray = { name: around.fresh(label), type: "f32", count: move.depth * pitch };
    around.shared.push(array);
    return { ...parts, value, pitch, array };
  };
  return { fold, rows: side(left, rows, "a_tile"), columns: side(right, columns, "b_tile"), invocation, invocations };
}

type Parts = Pick<Side, "outer" | "inner" | "block" | "size">;

function partsOf(piece: Piece, fold: FoldStmt, axis: string): Parts {
  const block = fold.block.map(({ loop }) => loop);
  const bound = piece.nest.loops.flatMap(({ loop, mark }) => (mark === "invocation" ? [loop] : []));
  const [outer, inner] = [`${axis}_o`, `${axis}_i`].map((part) => {
    return [...block, ...bound].find(({ name }) => name === nameNow(piece, part));
  });
  if (outer === undefined || inner === undefined) return refuse(`${axis} is not split into invocations and a block`);
  if (block.includes(outer) === block.includes(inner)) refuse(`not one part of ${axis} is a block`);
  return { outer, inner, block: block.includes(outer) ? outer : inner, size: outer.extent * inner.extent };
}

// ---- the sum ---------------------------------------------------------------------------------------------------------

/** Tiles one after the other. More terms than a part may have are added up in registers of their own, and these then. */
function writeSum(found: Found, { of, depth, terms }: MoveOf<"tile">, around: Around): readonly Stmt[] {
  const { fresh } = around;
  const { pool } = fresh;
  const [held] = found.fold.accumulators;
  const tiles = Math.ceil(sizeOf(found.fold.axes) / depth);
  const most = terms === undefined ? tiles : Math.max(1, Math.floor(terms / depth));
  const shape = [found.rows.block.extent, found.columns.block.extent];
  const sum = (acc: string, count: number, first: (tile: Index) => Index): readonly Stmt[] => {
    const start = variable(acc, pool.constant("f32", 0), shape);
    if (count <= most) {
      const steps: LoopVar = { name: fresh("k_tile"), extent: count };
      return [start, forLoop(steps, oneTile(found, acc, first(pool.loop(steps)), depth, around))];
    }
    // Parts of one length; of the last one some tiles may lie beyond the end, and are 0.
    const length = Math.ceil(count / Math.ceil(count / most));
    const parts: LoopVar = { name: fresh("k_part"), extent: Math.ceil(count / length) };
    const own = fresh(`${of}_part`);
    const inner = sum(own, length, (each) => first(blockIndex(length, pool.loop(parts), each)));
    const add = inBlock(found, around, (at) => addTo(acc, at, pool.name("f32", own, at)));
    return [start, forLoop(parts, [...inner, ...add])];
  };
  return sum(held?.name ?? "", tiles, (each) => each);
}

function addTo(acc: string, at: readonly Index[], value: Expr): Stmt {
  return assign(acc, apply("add", value.pool.name("f32", acc, at), value), at);
}

/** For each register of the block. */
function inBlock({ fold }: Found, { fresh }: Around, make: (at: readonly Index[]) => Stmt): readonly Stmt[] {
  const { block, at } = copyBlock(fold.block, fresh);
  return forLoops(block, [make(at)]);
}

function oneTile(found: Found, acc: string, step: Index, depth: number, around: Around): readonly Stmt[] {
  const { rows, columns } = found;
  const { fresh } = around;
  const { pool } = fresh;
  const k: LoopVar = { name: fresh("k_in"), extent: depth };
  const [left, right] = [readRow(rows, fresh("a"), k, around), readRow(columns, fresh("b"), k, around)];
  const products = inBlock(found, around, (at) => {
    const [row, column] = [at.slice(0, 1), at.slice(1)];
    return addTo(acc, at, apply("mul", pool.name("f32", left.name, row), pool.name("f32", right.name, column)));
  });
  const fills = [rows, columns].map((side) => fill(found, side, step, depth, around));
  return [...fills, barrier, forLoop(k, [...left.stmts, ...right.stmts, ...products]), barrier];
}

/** An invocation's elements of a tile, in registers. */
function readRow({ outer, inner, block, array, pitch }: Side, name: string, k: LoopVar, { fresh }: Around) {
  const { pool } = fresh;
  const each: LoopVar = { ...block, name: fresh(block.name) };
  const part = (loop: LoopVar): Index => pool.loop(loop === block ? each : loop);
  const across = blockIndex(inner.extent, part(outer), part(inner));
  const element = load(array.type, array.name, blockIndex(pitch, pool.loop(k), across));
  const read = forLoop(each, [assign(name, element, [pool.loop(each)])], "unrolled");
  return { name, stmts: [variable(name, pool.constant(array.type, 0), [each.extent]), read] };
}

// ---- staging ---------------------------------------------------------------------------------------------------------

function fill(found: Found, side: Side, step: Index, depth: number, { fresh, buffers }: Around): Stmt {
  const { fold, invocation, invocations } = found;
  const { value, outer, inner, array, size, pitch } = side;
  const trips: LoopVar = { name: fresh("fill"), extent: (size * depth) / invocations };
  const flat = blockIndex(invocations, fresh.pool.loop(trips), invocation);
  const needed = [...letsFor([letValue("", value)], fold.body), letValue("staged", value)];
  // Whether neighbours in k lie closer together in memory than neighbours in the row or column.
  const last = fold.axes[fold.axes.length - 1];
  const isDeep = last !== undefined && neighboursAlong(needed, last) > neighboursAlong(needed, inner);
  const deep = isDeep ? modIndex(flat, depth) : floorDivIndex(flat, size);
  const across = isDeep ? floorDivIndex(flat, depth) : modIndex(flat, size);
  const k = blockIndex(depth, step, deep);
  const bound: Bound = { index: k, extent: sizeOf(fold.axes) };
  const loops = new Map([...recover([outer, inner], across), ...recover(fold.axes, k)]);
  const copies = mapStmts(copyStmts(needed, { loops }, fresh), rewriting(guardLoads([bound], buffers)));
  const body = copies.map((stmt, n): Stmt => {
    if (stmt.kind !== "let" || n < copies.length - 1) return stmt;
    return store(array.name, blockIndex(pitch, deep, across), zeroBeyond(bound, stmt.value));
  });
  return forLoop(trips, body);
}

/** A product beyond the last k must be 0 on both sides (0 * inf is not): a guarded load alone gives that by itself. */
function zeroBeyond(inner: Bound, value: Expr): Expr {
  if (openBounds([inner]).length === 0) return value;
  const guard = value.kind === "load" ? value.guard : undefined;
  const zero = guard?.otherwise.kind === "const" && guard.otherwise.value === 0;
  if (zero && guard.bounds.some((bound) => bound.index === inner.index)) return value;
  return apply("select", isBelow(inner.index, inner.extent), value, 0);
}
