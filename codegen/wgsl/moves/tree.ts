/**
 * Folds shared out among invocations of a workgroup: each takes every n-th element, and halves of them join until one is left.
 *
 *   splitFold norm tree 64                             fold norm_part = sum over c_trip < 16 of x[64*c_trip + lane]
 *                                                      partials[lane] = norm_part; barrier
 *   invocation lane < 64                        ->     if lane < 32 { partials[lane] = partials[lane] + partials[lane + 32] }; barrier
 *     fold norm = sum over c < 1000 of x[c]            ... until lane 0 has the sum
 *                                                      let norm = partials[0]
 *
 * `by 4`: an invocation takes every n-th four, of which another move makes sums side by side, and a printer one access. Every barrier
 * stands where all invocations come. The order depends on sizes alone.
 */

import { isBelow, openBounds } from "../../../passes/kernel/bounds.ts";
import { movedBy, notShared, readsIn, sizeOf } from "../../../passes/schedule/facts.ts";
import { recover } from "../../../passes/schedule/moves/loops.ts";
import { part } from "../../../passes/schedule/moves/split-fold.ts";
import {
  type Around,
  atFold,
  type Moved,
  namesOfCopy,
  type Piece,
  refuse,
  renameAll,
} from "../../../passes/schedule/piece.ts";
import { barrier, letValue, load, store, when } from "../../../src/kernel/build.ts";
import { folds } from "../../../src/kernel/folds.ts";
import { blockIndex, scaleIndex, sumIndex } from "../../../src/kernel/index-expr.ts";
import type { Bound, Expr, FoldStmt, Index, LoopVar, Nest, SharedArray, Stmt } from "../../../src/kernel/kernel.ts";
import type { Parts } from "../../../src/kernel/moves.ts";
import { defining, type Fresh } from "../../../src/kernel/names.ts";
import { someStmt } from "../../../src/kernel/rewrite.ts";
import { type Beside, partialArray, type Team } from "./partials.ts";
import { joinSubgroups } from "./subgroups.ts";

/** A fold at the top of the body, among all invocations. */
export function splitTree(
  piece: Piece,
  of: string,
  { lanes, run = 1, subgroup }: Parts & { readonly by: "tree" },
  around: Around,
): Moved {
  const { invocation, size } = invocationOf(piece.nest, around);
  if (size !== lanes) refuse(`a workgroup has ${size} invocations`);
  if (!Number.isInteger(Math.log2(size))) refuse(`${size} lanes are not halved evenly`);
  const first = around.fresh.pool.integer(0);
  const team: Team = { lanes, lane: invocation, step: 1, first, invocation, size, run, subgroup };
  const names = new Map(piece.names);
  const made = atFold(piece, of, (fold, { after }) => {
    const { body } = piece.nest;
    const reason = body.includes(fold) ? notShared(fold) : "it is not at the top of the body";
    if (reason !== null) refuse(reason);
    const before = body.slice(0, body.indexOf(fold));
    if (readsIn([fold], varyingIn(before, piece.nest))) refuse("it differs between invocations");
    return [...shareFold(fold, team, names, { before, after, isUsed: usesPartials(before, around) }, around), ...after];
  });
  return { nest: made.nest, names };
}

/** The number of an invocation in its workgroup, and how many there are. */
export function invocationOf(
  { loops }: Nest,
  { fresh }: Around,
): { readonly invocation: Index; readonly size: number } {
  const own = loops.flatMap(({ loop, mark }) => (mark === "invocation" ? [loop] : []));
  let size = 1;
  const terms = own.toReversed().map((loop) => {
    const term = { factor: size, index: fresh.pool.loop(loop) };
    size *= loop.extent;
    return term;
  });
  return { invocation: sumIndex(terms, 0, fresh.pool), size };
}

/** Loops, and names of the statements, whose values differ between the invocations of a workgroup. */
export function varyingIn(stmts: readonly Stmt[], { loops }: Nest): Set<string> {
  return movedBy(
    stmts,
    loops.flatMap(({ loop, mark }) => (mark === "invocation" ? [loop.name] : [])),
  );
}

/**
 * The elements of each lane, and how the lanes' results become the fold's. `isUsed`: statements before it may have read the arrays of
 * partial results.
 */
export function shareFold(
  fold: FoldStmt,
  team: Team,
  names: Map<string, string | null>,
  beside: Beside & { readonly isUsed: boolean },
  around: Around,
): readonly Stmt[] {
  const { fresh } = around;
  const share = shareOf(fold.axes, team, fresh);
  const over = { axes: [...share.trips, ...share.each], at: recover(fold.axes, share.column) };
  const own = part(fold, over, fresh);
  for (const [name, now] of renameAll(names, namesOfCopy(fold.body, own.body))) names.set(name, now);
  const parts = own.accumulators.map(({ name, type }) => fresh.pool.name(type, name));
  for (const [i, { name }] of fold.accumulators.entries()) names.set(`${name}_part`, own.accumulators[i]?.name ?? "");
  const { subgroup } = team;
  const joined =
    subgroup === undefined
      ? joinHalves(fold, parts, team, beside.isUsed, around)
      : joinSubgroups(fold, parts, { ...team, subgroup }, beside, around);
  return [{ ...own, guard: openBounds([share.bound, ...own.guard]) }, ...joined];
}

/** Half of the lanes join the other half's results to their own until one is left; all are done with the arrays first where they are used. */
function joinHalves(
  fold: FoldStmt,
  parts: readonly Expr[],
  team: Team,
  isUsed: boolean,
  around: Around,
): readonly Stmt[] {
  const { invocation, lanes, lane, size } = team;
  const held = fold.accumulators.map(({ name, type }, i) => {
    const slot = fold.accumulators.slice(0, i).filter((before) => before.type === type).length;
    return { name, array: partialArray(type, slot, size, around) };
  });
  const out: Stmt[] = isUsed ? [barrier] : [];
  const arrays = held.map(({ array }) => array);
  for (const [i, part] of parts.entries()) out.push(store(arrays[i]?.name ?? "", invocation, part));
  out.push(barrier);
  for (let half = lanes / 2; half >= 1; half /= 2) {
    const other = scaleIndex(invocation, 1, half * team.step);
    out.push(when(isBelow(lane, half), joinPair(fold, arrays, [invocation, other], around)), barrier);
  }
  for (const { name, array } of held) out.push(letValue(name, load(array.type, array.name, team.first)));
  return out;
}

/** Which iterations of some loops a lane takes. */
interface Share {
  /** Loops of its own, none or one: from run to run, and in a run. */
  readonly trips: readonly LoopVar[];
  readonly each: readonly LoopVar[];
  /** The iteration, through all the loops, and what holds where there is one. */
  readonly column: Index;
  readonly bound: Bound;
}

export function shareOf(loops: readonly LoopVar[], { lanes, lane, run }: Team, fresh: Fresh): Share {
  const { pool } = fresh;
  const [hint, total] = [loops[0]?.name ?? "c", sizeOf(loops)];
  if (total % run !== 0) refuse(`${total} iterations are no runs of ${run}`);
  const trips: LoopVar = { name: fresh(`${hint}_trip`), extent: Math.ceil(total / (lanes * run)) };
  const each: LoopVar = { name: run === 1 ? "" : fresh(`${hint}_run`), extent: run };
  const place = blockIndex(lanes, pool.loop(trips), lane);
  const some = (loop: LoopVar): readonly LoopVar[] => (loop.extent === 1 ? [] : [loop]);
  return {
    trips: some(trips),
    each: some(each),
    column: blockIndex(run, place, pool.loop(each)),
    bound: { index: place, extent: total / run },
  };
}

/** Whether a tree stands in the statements. */
function usesPartials(stmts: readonly Stmt[], { partials }: Around): boolean {
  const names = new Set(partials.map(({ name }) => name));
  return someStmt(stmts, { stmt: (stmt) => stmt.kind === "store" && names.has(stmt.buffer) });
}

/** Of one accumulator in one statement; several are all read before one of them is written. */
function joinPair(
  { fn }: FoldStmt,
  arrays: readonly SharedArray[],
  [mine, other]: readonly [Index, Index],
  { fresh }: Around,
): readonly Stmt[] {
  const stmts: Stmt[] = [];
  const define = defining(stmts, fresh);
  const read = (hint: string, at: Index): readonly Expr[] =>
    arrays.map(({ name, type }) => {
      const value = load(type, name, at);
      return arrays.length === 1 ? value : define(hint, value);
    });
  const joined = folds[fn].join(read("mine", mine), read("other", other), define, true);
  const values = arrays.length === 1 ? joined : joined.map((value) => define("both", value));
  for (const [i, value] of values.entries()) stmts.push(store(arrays[i]?.name ?? "", mine, value));
  return stmts;
}
