/**
 * A contraction in tiles: a workgroup computes a block of the output, staging both factors in its memory (tile-copy.ts).
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
 * `i` and `j` were split into invocations and a block. Where the columns of an invocation lie a tile's width of invocations apart,
 * neighbours read neighbouring words of b_tile and write neighbouring outputs; where they lie side by side, as its rows do, a target
 * with wide accesses reads and writes them at once (all lanes of a row read one word of a_tile, a broadcast). More of it:
 *
 *   4 wide   neighbours along rows and columns are copied together, and the tiles padded by as many words
 *   ahead    the next tile is loaded into registers before this one is multiplied: a load takes as long as 500 products
 *   twice    tiles lie in one of two places in turn: who is late reads one while the next is written, with one barrier a tile
 *   of each  several products of a batch in a workgroup, which one of them would not fill: their tiles lie beside one another, as
 *            one whose rows (columns) are those of all of them
 *   sliced   s invocations add up the same outputs, each of its part of every tile's depth, and join in halves: workgroups s times
 *            as wide where outputs are too few to fill a card
 *
 * It is no move of others because the sum goes on in the same registers from tile to tile, with barriers between: there is no fold
 * left that another move could take further. So it is the last of its fold.
 */

import { whenInside } from "../../../passes/kernel/bounds.ts";
import { movedBy, readsIn, sizeOf } from "../../../passes/schedule/facts.ts";
import {
  type Around,
  atFold,
  copyBlock,
  type Moved,
  nameNow,
  type Piece,
  refuse,
} from "../../../passes/schedule/piece.ts";
import { apply, assign, barrier, forLoop, forLoops, load, store, variable, when } from "../../../src/kernel/build.ts";
import { blockIndex, modIndex, rangedIndex, scaleIndex } from "../../../src/kernel/index-expr.ts";
import type { Expr, FoldStmt, Index, LoopVar, SharedArray, Stmt } from "../../../src/kernel/kernel.ts";
import type { MoveOf } from "../../../src/kernel/moves.ts";
import { readsAny } from "../../../src/kernel/rewrite.ts";
import { type Found, placeIn, type Side, Staging } from "./tile-copy.ts";
import { invocationOf, varyingIn } from "./tree.ts";

export function tile(given: Piece, move: MoveOf<"tile">, around: Around): Moved {
  const { slices = 1, depth } = move;
  if (!Number.isInteger(Math.log2(slices)) || depth % slices !== 0) refuse(`${slices} slices of ${depth}`);
  const slice: LoopVar = { name: around.fresh("slice"), extent: slices };
  const piece = slices === 1 ? given : withSlices(given, slice);
  return atFold(piece, move.of, (fold, { around: outside, after }) => {
    if (outside.length > 0) refuse("it is not at the top of the body");
    const found = readTile(piece, fold, move, { slice, around });
    const sum = writeSum(found, move, around);
    if (slices === 1) return [...sum, ...after];
    const own = around.fresh.pool.loop(slice);
    return [...sum, ...joinSlices(found, slice, around), ...whenInside([{ index: own, extent: 1 }], after)];
  });
}

/** The slices of a workgroup: outside of the invocations that each of them is made of. */
function withSlices({ nest, names }: Piece, slice: LoopVar): Piece {
  const first = nest.loops.findIndex(({ mark }) => mark === "invocation");
  if (first < 0) refuse("there are no invocations");
  const loops = [
    ...nest.loops.slice(0, first),
    { loop: slice, mark: "invocation" } as const,
    ...nest.loops.slice(first),
  ];
  return { nest: { ...nest, loops }, names };
}

// ---- what is there ---------------------------------------------------------------------------------------------------

function readTile(
  piece: Piece,
  fold: FoldStmt,
  move: MoveOf<"tile">,
  { slice, around }: { readonly slice: LoopVar; readonly around: Around },
): Found {
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
  const product = move.products === undefined ? undefined : productsOf(piece, move.products);
  const others = varyingIn(body.slice(0, body.indexOf(fold)), piece.nest);
  if (product !== undefined) others.delete(product.name);
  for (const { outer, inner } of sides) for (const { name } of [outer, inner]) others.delete(name);
  if (readsIn([fold], others)) refuse("its factors differ between invocations in another way");
  const moved = sides.map(({ outer, inner }) => movedBy(fold.body, [outer.name, inner.name]));
  const moves = (factor: Expr, n: number): boolean => readsAny(factor, moved[n] ?? new Set());
  const [left, right] = moves(first, 1) ? [second, first] : [first, second];
  if (moves(left, 1) || moves(right, 0)) refuse("a factor moves with rows and columns");
  const { invocation, size: invocations } = invocationOf(piece.nest, around);
  const { wide = 1, twice = false, depth } = move;
  const products = product?.extent ?? 1;
  for (const { size } of sides) {
    if (size % wide !== 0 || (((products * size) / wide) * depth) % invocations !== 0)
      refuse(`${invocations} invocations do not fill a tile evenly`);
  }
  const side = (value: Expr, parts: Parts, label: string): Side => {
    // More words than the tile has, so that writing it across (k fastest) does not hit one memory bank again and again.
    const width = products * parts.size;
    const pitch = width + wide;
    const count = (twice ? 2 : 1) * depth * pitch;
    const array: SharedArray = { name: around.fresh(label), type: "f32", count };
    around.shared.push(array);
    return { ...parts, value, product, width, pitch, array };
  };
  return {
    fold,
    rows: side(left, rows, "a_tile"),
    columns: side(right, columns, "b_tile"),
    invocation,
    invocations,
    slice: around.fresh.pool.loop(slice),
  };
}

/** The axis of the invocations that have a product each. */
function productsOf({ nest, names }: Piece, axis: string): LoopVar {
  const name = nameNow({ nest, names }, axis);
  const found = nest.loops.find(({ loop, mark }) => loop.name === name && mark === "invocation");
  return found?.loop ?? refuse(`${axis} is no loop of invocations`);
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
function writeSum(found: Found, move: MoveOf<"tile">, around: Around): readonly Stmt[] {
  const { of, depth, slices = 1, terms } = move;
  const { fresh } = around;
  const { pool } = fresh;
  const tiles = Math.ceil(sizeOf(found.fold.axes) / depth);
  const most = terms === undefined ? tiles : Math.max(1, Math.floor((terms * slices) / depth));
  const shape = [found.rows.block.extent, found.columns.block.extent];
  const zeros = (name: string): Stmt => variable(name, pool.constant("f32", 0), shape);
  const acc = sumOf(found);
  if (tiles <= most) {
    const turns: Turns = { acc, count: tiles, first: (each) => each };
    return [zeros(acc), ...tilesInTurn(found, turns, move, around)];
  }
  // Parts of one length; of the last one some tiles may lie beyond the end, and are 0.
  const length = Math.ceil(tiles / Math.ceil(tiles / most));
  const parts: LoopVar = { name: fresh("k_part"), extent: Math.ceil(tiles / length) };
  const own = fresh(`${of}_part`);
  const first = (each: Index): Index => blockIndex(length, pool.loop(parts), each);
  const inner = tilesInTurn(found, { acc: own, count: length, first }, move, around);
  const add = inBlock(found, around, (at) => addTo(acc, at, pool.name("f32", own, at)));
  return [zeros(acc), forLoop(parts, [zeros(own), ...inner, ...add])];
}

const sumOf = ({ fold }: Found): string => fold.accumulators[0]?.name ?? "";

function addTo(acc: string, at: readonly Index[], value: Expr): Stmt {
  return assign(acc, apply("add", value.pool.name("f32", acc, at), value), at);
}

/** For each register of the block. */
function inBlock({ fold }: Found, { fresh }: Around, make: (at: readonly Index[]) => Stmt): readonly Stmt[] {
  const { block, at } = copyBlock(fold.block, fresh);
  return forLoops(block, [make(at)]);
}

interface Turns {
  readonly acc: string;
  readonly count: number;
  /** The number among all tiles of one of these. */
  readonly first: (each: Index) => Index;
}

function tilesInTurn(found: Found, turns: Turns, move: MoveOf<"tile">, around: Around): readonly Stmt[] {
  const { acc, count, first } = turns;
  const { ahead = false, twice = false } = move;
  const { fresh } = around;
  const { pool } = fresh;
  if (count === 0) return [];
  const staging = new Staging(found, move, around);
  const multiply = (step: Index): readonly Stmt[] => products(found, { acc, step, move }, around);
  // Of two places the next tile takes the other one, and all have left that before the barrier in between.
  const done = twice ? [] : [barrier];
  const steps: LoopVar = { name: fresh("k_tile"), extent: count };
  const turn = pool.loop(steps);
  const step = first(turn);
  // There is a next tile where it is loaded: so its elements are not asked for by one.
  const next = rangedIndex(scaleIndex(step, 1, 1), 0, first(pool.integer(count - 1)).max);
  const meanwhile = ahead && count > 1 ? [when(apply("lt", turn, count - 1), staging.load(next))] : [];
  const here = [...(ahead ? [] : staging.load(step)), ...staging.store(step)];
  return [
    ...staging.registers,
    ...(ahead ? staging.load(first(pool.integer(0))) : []),
    forLoop(steps, [...here, barrier, ...meanwhile, ...multiply(step), ...done]),
  ];
}

interface Multiplied {
  readonly acc: string;
  readonly step: Index;
  readonly move: MoveOf<"tile">;
}

/** What a tile adds to the block: of a slice, its own part of the depth. */
function products(found: Found, { acc, step, move }: Multiplied, around: Around): readonly Stmt[] {
  const { rows, columns, slice } = found;
  const { depth, slices = 1 } = move;
  const { fresh } = around;
  const { pool } = fresh;
  const own = depth / slices;
  const k: LoopVar = { name: fresh("k_in"), extent: own };
  const deep = blockIndex(own, slice, pool.loop(k));
  const [left, right] = [rows, columns].map((side, n) => {
    return readRow(side, fresh(n === 0 ? "a" : "b"), placeIn(side, move, step, deep), around);
  });
  if (left === undefined || right === undefined) return [];
  const sums = inBlock(found, around, (at) => {
    const [row, column] = [at.slice(0, 1), at.slice(1)];
    return addTo(acc, at, apply("mul", pool.name("f32", left.name, row), pool.name("f32", right.name, column)));
  });
  return [forLoop(k, [...left.stmts, ...right.stmts, ...sums])];
}

/** An invocation's elements of a tile, in registers. */
function readRow(side: Side, name: string, start: Index, { fresh }: Around) {
  const { outer, inner, block, product, array } = side;
  const { pool } = fresh;
  const each: LoopVar = { ...block, name: fresh(block.name) };
  const part = (loop: LoopVar): Index => pool.loop(loop === block ? each : loop);
  const own = blockIndex(inner.extent, part(outer), part(inner));
  const across = product === undefined ? own : blockIndex(side.size, pool.loop(product), own);
  const element = load(array.type, array.name, blockIndex(1, start, across));
  const read = forLoop(each, [assign(name, element, [pool.loop(each)])], "unrolled");
  return { name, stmts: [variable(name, pool.constant(array.type, 0), [each.extent]), read] };
}

// ---- slices ----------------------------------------------------------------------------------------------------------

/** Half of the slices hand their sums to the other half, until the first has all of them: in an order that is always the same. */
function joinSlices(found: Found, slice: LoopVar, around: Around): readonly Stmt[] {
  const { fold, invocation, invocations } = found;
  const { fresh } = around;
  const { pool } = fresh;
  const lanes = invocations / slice.extent;
  const registers = sizeOf(fold.block.map(({ loop }) => loop));
  const [own, lane] = [pool.loop(slice), modIndex(invocation, lanes)];
  const array: SharedArray = { name: fresh("sums"), type: "f32", count: (slice.extent / 2) * registers * lanes };
  around.shared.push(array);
  const acc = sumOf(found);
  const stmts: Stmt[] = [];
  for (let half = slice.extent / 2; half >= 1; half /= 2) {
    // Neighbours take neighbouring words.
    const place = ([row, column]: readonly Index[]): Index => {
      const register = blockIndex(fold.block[1]?.loop.extent ?? 1, row ?? own, column ?? own);
      return blockIndex(lanes, blockIndex(registers, modIndex(own, half), register), lane);
    };
    const give = inBlock(found, around, (at) => store(array.name, place(at), pool.name("f32", acc, at)));
    const take = inBlock(found, around, (at) => addTo(acc, at, load("f32", array.name, place(at))));
    const isGiving = apply("and", apply("ge", own, half), apply("lt", own, 2 * half));
    if (stmts.length > 0) stmts.push(barrier);
    stmts.push(when(2 * half === slice.extent ? apply("ge", own, half) : isGiving, give), barrier);
    stmts.push(when(apply("lt", own, half), take));
  }
  return stmts;
}
