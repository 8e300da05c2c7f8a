/**
 * Folds shared out among invocations of a workgroup: each takes every n-th element, and halves of them join until one is left.
 *
 *   splitFold norm tree 64                             fold norm_part = sum over c_trip < 16 of x[64*c_trip + lane]
 *                                                      partials[lane] = norm_part; barrier
 *   invocation lane < 64                        ->     if lane < 32 { partials[lane] = partials[lane] + partials[lane + 32] }; barrier
 *     fold norm = sum over c < 1000 of x[c]            ... until lane 0 has the sum
 *                                                      let norm = partials[0]
 *
 * Every barrier stands where all invocations come. The order depends on sizes alone.
 */
import { barrier, letValue, load, store, when } from "../../../src/kernel/build.ts";
import { folds } from "../../../src/kernel/folds.ts";
import { blockIndex, scaleIndex, sumIndex } from "../../../src/kernel/index-expr.ts";
import type { Expr, FoldStmt, Index, Nest, SharedArray, Stmt, ValueType } from "../../../src/kernel/kernel.ts";
import type { MoveOf } from "../../../src/kernel/moves.ts";
import { mapStmt, replaceLoops, someStmt } from "../../../src/kernel/rewrite.ts";
import { isBelow, openBounds } from "../bounds.ts";
import { movedBy, readsIn, sizeOf } from "../facts.ts";
import { defining } from "../names.ts";
import { type Around, type Moved, nameNow, type Piece, refuse, withBody } from "../piece.ts";
import { recover } from "./loops.ts";

/** Who shares a row: `lanes` invocations, `step` apart, the first of which is `first`. */
export interface Team {
  readonly lanes: number;
  readonly lane: Index;
  readonly step: number;
  readonly first: Index;
  readonly invocation: Index;
  /** Invocations of the workgroup. */
  readonly size: number;
}

/** A fold at the top of the body, among all invocations. */
export function splitTree(piece: Piece, { of, into }: MoveOf<"splitFold">, around: Around): Moved {
  if (into.by !== "tree") return refuse(`it is split by ${into.by}`);
  const { fresh } = around;
  const { invocation, size } = invocationOf(piece.nest, around);
  if (size !== into.lanes) refuse(`a workgroup has ${size} invocations`);
  const team: Team = { lanes: size, lane: invocation, step: 1, first: fresh.pool.integer(0), invocation, size };
  const { body } = piece.nest;
  const name = nameNow(piece, of);
  const at = body.findIndex((stmt) => stmt.kind === "fold" && stmt.accumulators[0]?.name === name);
  const fold = body[at];
  if (fold?.kind !== "fold") return refuse(`there is no fold ${of} at the top of the body`);
  const before = body.slice(0, at);
  const reason = notShared(fold);
  if (reason !== null) refuse(reason);
  if (!Number.isInteger(Math.log2(size))) refuse(`${size} lanes are not halved evenly`);
  if (readsIn([fold], varyingIn(before, piece.nest))) refuse("it differs between invocations");
  const part = shareFold(fold, team, around);
  const tree = joinInTree(fold, part, { team, isUsed: usesPartials(before, around) }, around);
  const names = new Map(piece.names).set(`${of}_part`, part.accumulators[0]?.name ?? null);
  return { ...withBody(piece, [...before, part, ...tree, ...body.slice(at + 1)]), names };
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

/** Why invocations cannot share a fold, or null. */
export function notShared(fold: FoldStmt): string | null {
  if (fold.block.length > 0 || fold.guard.length > 0) return "the fold is scheduled already";
  if (folds[fold.fn].splits(fold.accumulators[0]?.type ?? "f32") === "no") return `a ${fold.fn} has no parts`;
  return fold.body.some(({ kind }) => kind === "store") ? "the fold stores" : null;
}

/** The elements of one lane. */
export function shareFold(fold: FoldStmt, { lanes, lane }: Team, { fresh }: Around): FoldStmt {
  const { axes } = fold;
  const total = sizeOf(axes);
  const trips = { name: fresh(`${axes[0]?.name ?? "c"}_trip`), extent: Math.ceil(total / lanes) };
  const column = blockIndex(lanes, fresh.pool.loop(trips), lane);
  const share = mapStmt({ ...fold, axes: trips.extent === 1 ? [] : [trips] }, replaceLoops(recover(axes, column)));
  if (share.kind !== "fold") return fold;
  const accumulators = fold.accumulators.map(({ name, type }) => ({ name: fresh(`${name}_part`), type }));
  return { ...share, accumulators, guard: openBounds([{ index: column, extent: total }]) };
}

/**
 * What follows the parts: half of the lanes join the other half's results to their own until one is left, whose results are then
 * the fold's. `isUsed`: statements before it have read the arrays, and all invocations have to be done with that first.
 */
export function joinInTree(
  fold: FoldStmt,
  part: FoldStmt,
  { team, isUsed }: { readonly team: Team; readonly isUsed: boolean },
  around: Around,
): readonly Stmt[] {
  const { pool } = around.fresh;
  const slots = new Map<ValueType, number>();
  const arrays = fold.accumulators.map(({ type }) => {
    const slot = slots.get(type) ?? 0;
    slots.set(type, slot + 1);
    return partialArray(type, slot, team.size, around);
  });
  const out: Stmt[] = isUsed ? [barrier] : [];
  for (const [i, array] of arrays.entries()) {
    out.push(store(array.name, team.invocation, pool.name(array.type, part.accumulators[i]?.name ?? "")));
  }
  out.push(barrier);
  for (let half = team.lanes / 2; half >= 1; half /= 2) {
    const other = scaleIndex(team.invocation, 1, half * team.step);
    out.push(when(isBelow(team.lane, half), joinPair(fold, arrays, [team.invocation, other], around)), barrier);
  }
  for (const [i, { name }] of fold.accumulators.entries()) {
    const array = arrays[i];
    if (array !== undefined) out.push(letValue(name, load(array.type, array.name, team.first)));
  }
  return out;
}

/** Whether a tree stands in the statements. */
export function usesPartials(stmts: readonly Stmt[], { partials }: Around): boolean {
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

/** The n-th array of one element per invocation for partial results of this type. */
function partialArray(type: ValueType, n: number, size: number, { fresh, shared, partials }: Around): SharedArray {
  const known = partials.filter((array) => array.type === type && array.count === size)[n];
  if (known !== undefined) return known;
  const array: SharedArray = { name: fresh("partials"), type, count: size };
  shared.push(array);
  partials.push(array);
  return array;
}
