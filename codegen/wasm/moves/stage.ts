/**
 * Copies a factor of a contraction into a panel: a thread's own memory, in which it lies in the order that it is read in.
 *
 *   stage right of acc at j_o into panel along columns
 *
 *     thread j_o < 64                                      thread j_o < 64
 *       for i < 128                                          for k < 784:  panel[8*k + j_i] = w[512*k + 8*j_o + j_i]
 *         for j_i < 8                                ->      for i < 128
 *           fold acc = sum over k < 784 of                     for j_i < 8
 *             x[784*i + k] * w[512*k + 8*j_o + j_i]              fold acc = sum over k < 784 of x[784*i + k] * panel[8*k + j_i]
 *
 * A panel has the axes that move the factor inside of `at`: the innermost loop's lie side by side, those of the fold follow, and
 * then those of other loops. It is contiguous, and stays in the first-level cache while everything inside `at` that does not move
 * it goes by, whatever expression the factor is.
 *
 * Along the columns, vectors are copied as they lie. Along the depth, the rows of a transposed factor are read four depths at a
 * time, whose lanes are stored apart; columns are a loop then, as their copies would be longer than all the rest of a small kernel.
 * Along the lines, all blocks' vectors of one depth are copied before those of the next: what lies in one line of a cache at once.
 */

import { Facts, sizeOf, storedIn } from "../../../passes/schedule/facts.ts";
import { placeOf } from "../../../passes/schedule/moves/loops.ts";
import {
  type Around,
  atFold,
  atStmt,
  type Moved,
  nameNow,
  type Piece,
  refuse,
  withBody,
} from "../../../passes/schedule/piece.ts";
import { forLoops, load } from "../../../src/kernel/build.ts";
import { blockIndex, scaleIndex } from "../../../src/kernel/index-expr.ts";
import type { BlockLoop, Index, LoopVar, SharedArray, Stmt } from "../../../src/kernel/kernel.ts";
import type { Along, MoveOf } from "../../../src/kernel/moves.ts";
import type { Fresh } from "../../../src/kernel/names.ts";
import { declaredNames } from "../../../src/kernel/rewrite.ts";
import { laneCount } from "../../../src/kernel/stride.ts";
import { checkKnown, type Factor, factorOf, readingFold, storedFactor } from "./factor.ts";

export function stage(piece: Piece, move: MoveOf<"stage">, { fresh, shared }: Around): Moved {
  const { operand, of, into } = move;
  if (into.memory === "launch") return refuse("it makes two launches of one");
  const at = move.at === null ? null : nameNow(piece, move.at);
  let [filling, isInside, place]: [readonly Stmt[], boolean, number] = [[], false, 0];
  const made = atFold(piece, of, (fold, { around, after }) => {
    const staged = stagedAt(piece, factorOf(fold, operand), around, at);
    const panel: SharedArray = { name: fresh("panel"), type: staged.factor.type, count: sizeOf(staged.axes) };
    filling = fill(staged, panel, into.along, fresh);
    isInside = around.some((stmt) => stmt.kind === "for" && stmt.loop.name === at);
    // In front of the loops that it is for: they may be one part of a sum's.
    if (around[0]?.kind === "for") place = Math.max(0, piece.nest.body.indexOf(around[0]));
    shared.push(panel);
    return [readingFold(staged, load(panel.type, panel.name, placeOf(staged.axes, fresh))), ...after];
  });
  if (!isInside) {
    const { body } = made.nest;
    return withBody(made, [...body.slice(0, place), ...filling, ...body.slice(place)]);
  }
  return atStmt(made, `loop ${at}`, (stmt) =>
    stmt.kind === "for" && stmt.loop.name === at ? [{ ...stmt, body: [...filling, ...stmt.body] }] : undefined,
  );
}

interface Staged extends Factor {
  /** Of the panel, the one that turns fastest last. */
  readonly axes: readonly LoopVar[];
  /** The last axis, where it is a loop; the axes of the fold that move the factor. */
  readonly column: LoopVar | undefined;
  readonly deep: readonly LoopVar[];
}

function stagedAt({ nest }: Piece, of: Factor, around: readonly Stmt[], at: string | null): Staged {
  const { fold, factor } = of;
  // A panel is filled behind the prelude.
  if (around.length === 0 && !nest.body.includes(fold)) refuse("it is not in the body");
  const loops = around.filter((stmt) => stmt.kind === "for");
  const folds = around.filter((stmt) => stmt.kind === "fold");
  if (fold.block.length > 0 || folds.some(({ block }) => block.length > 0)) refuse("it is in a block");
  // The panel is filled outside of a fold that is around: what it copies knows nothing of that.
  if (around.slice(loops.length).some(({ kind }) => kind !== "fold")) refuse("it is in a loop of a fold");
  if ([fold, ...folds].some(({ guard }) => guard.length > 0))
    refuse("what the condition keeps from being read would be copied");
  const inside = loops.slice(loops.findIndex(({ loop }) => loop.name === at) + 1);
  const bound = loops.find(({ mark }) => mark === "lane") ?? inside.find(({ mark }) => mark !== "parallel");
  if (bound !== undefined) refuse(`${bound.loop.name} is ${bound.mark}`);
  const own = [...declaredNames(nest.body), ...storedIn(nest.body)];
  checkKnown(
    of,
    own,
    loops.map(({ loop }) => loop),
  );
  const moves = new Facts(nest).movesWith(factor);
  const across = inside.map(({ loop }) => loop).filter(({ name }) => moves.has(name));
  const column = across[across.length - 1];
  const deep = fold.axes.filter(({ name }) => moves.has(name));
  const axes = [...across.slice(0, -1), ...deep, ...(column === undefined ? [] : [column])];
  return { ...of, axes, column, deep };
}

// ---- filling it ------------------------------------------------------------------------------------------------------

function fill(staged: Staged, panel: SharedArray, along: Along, fresh: Fresh): readonly Stmt[] {
  const { axes, column, deep } = staged;
  const depth = deep[deep.length - 1];
  if (along === "depth" && (depth?.extent ?? 0) < laneCount) refuse("it is not deep enough");
  const vector = along === "depth" ? depth : column;
  const copy = (loop: LoopVar, mark: BlockLoop["mark"] = "parallel"): Copied => {
    const own: LoopVar = { ...loop, name: fresh(loop.name) };
    return { loops: [{ loop: own, mark }], at: [[loop.name, fresh.pool.loop(own)]] };
  };
  const others = axes.filter((axis) => axis !== vector && axis !== column);
  const outer =
    along === "lines"
      ? [
          ...deep.map((axis) => copy(axis)),
          ...others.filter((axis) => !deep.includes(axis)).map((axis) => copy(axis, "interleaved")),
        ]
      : others.map((axis) => copy(axis));
  const pieces = vector === undefined ? [{ loops: [], at: [] }] : inLanes(vector, along, fresh);
  const filling = pieces.flatMap((piece) => {
    const inner = column === undefined || column === vector ? [] : [copy(column)];
    const at = [...outer, piece, ...inner].flatMap((each) => each.at);
    return loopsAround([piece, ...inner], storedFactor(staged, panel.name, placeOf(axes, fresh), new Map(at), fresh));
  });
  return loopsAround(outer, filling);
}

/** Loops over an axis, or a part of it, and where they are in it. */
interface Copied {
  readonly loops: readonly BlockLoop[];
  readonly at: readonly (readonly [string, Index])[];
}

/** The axis in whole vectors, side by side along the columns; and what fills none. */
function inLanes({ name, extent }: LoopVar, along: Along, fresh: Fresh): readonly Copied[] {
  const { pool } = fresh;
  const [whole, rest] = [Math.floor(extent / laneCount), extent % laneCount];
  const loop = (of: string, size: number): LoopVar => ({ name: fresh(of), extent: size });
  if (along !== "depth" && rest > 0) {
    const each = loop(name, extent);
    return [{ loops: [{ loop: each, mark: "unrolled" }], at: [[name, pool.loop(each)]] }];
  }
  const [vector, lane, left] = [loop(along === "depth" ? name : "v", whole), loop("lane", laneCount), loop(name, rest)];
  const lanes: BlockLoop = { loop: lane, mark: "lane" };
  const at = blockIndex(laneCount, pool.loop(vector), pool.loop(lane));
  if (along !== "depth") return [{ loops: [lanes, { loop: vector, mark: "interleaved" }], at: [[name, at]] }];
  const vectors: Copied = { loops: [{ loop: vector, mark: "parallel" }, lanes], at: [[name, at]] };
  const last = scaleIndex(pool.loop(left), 1, whole * laneCount);
  return rest === 0 ? [vectors] : [vectors, { loops: [{ loop: left, mark: "parallel" }], at: [[name, last]] }];
}

/** Loops of one iteration are none. */
function loopsAround(copies: readonly Copied[], body: readonly Stmt[]): readonly Stmt[] {
  return forLoops(
    copies.flatMap(({ loops }) => loops).filter(({ loop }) => loop.extent > 1),
    body,
  );
}
