/**
 * Partial results that meet in registers: invocations of a subgroup exchange them, and only one for each subgroup goes through memory.
 *
 *   lanes of 256 in subgroups of 32                    exchange other: f32 = acc_part of ^16 in 32
 *                                                      let both: f32 = acc_part + other        ... of ^8, ^4, ^2, ^1
 *   acc_part                                     ->    if lane % 32 < 1 { partials[lane / 32] = both_4 }; barrier
 *                                                      var all = partials[0]; all = all + partials[1] ... partials[7]
 *
 * One barrier stands where the tree has 1 + log2(lanes), and none where a subgroup has the row for itself. Every lane adds up the results
 * of subgroups in one order; within a subgroup, where lanes may differ in the last bit, all take what the first of them has. So the
 * order depends on sizes and on the subgroup's alone.
 */

import { isBelow } from "../../../passes/kernel/bounds.ts";
import { storedIn } from "../../../passes/schedule/facts.ts";
import { type Around, refuse } from "../../../passes/schedule/piece.ts";
import {
  assign,
  barrier,
  exchange,
  forLoop,
  letValue,
  load,
  store,
  variable,
  when,
} from "../../../src/kernel/build.ts";
import { folds } from "../../../src/kernel/folds.ts";
import { floorDivIndex, modIndex, sumIndex } from "../../../src/kernel/index-expr.ts";
import type { Expr, FoldStmt, Index, LoopVar, SharedArray, Stmt } from "../../../src/kernel/kernel.ts";
import { defining } from "../../../src/kernel/names.ts";
import { readIn } from "../../../src/kernel/rewrite.ts";
import { type Beside, partialArray, type Team } from "./partials.ts";

/** Elements of an array in which the subgroups of a workgroup leave their results; 0 where a row's lanes are in one. */
export function slotsOf({ size, lanes, step }: Pick<Team, "size" | "lanes" | "step">, subgroup: number): number {
  return lanes * step <= subgroup ? 0 : (size / subgroup) * step;
}

/** Joins what the lanes of each row have, `parts`, into the fold's accumulators, everywhere. */
export function joinSubgroups(
  fold: FoldStmt,
  parts: readonly Expr[],
  team: Team & { readonly subgroup: number },
  beside: Beside,
  around: Around,
): readonly Stmt[] {
  const { lanes, step, size, subgroup } = team;
  if (!isPower(subgroup) || size % subgroup !== 0) refuse(`a workgroup of ${size} has no subgroups of ${subgroup}`);
  if (!isPower(step) || lanes < 2 || step >= subgroup) refuse("no two lanes of a row are in one subgroup");
  const { fresh } = around;
  const out: Stmt[] = [];
  const define = defining(out, fresh);
  let mine = parts;
  for (let mask = Math.min(subgroup, lanes * step) / 2; mask >= step; mask /= 2) {
    const others = mine.map((value) => {
      const name = fresh("other");
      out.push(exchange(name, value, { bits: "flipped", mask, size: subgroup }));
      return value.pool.name(value.type, name);
    });
    mine = folds[fold.fn].join(mine, others, define, true).map((value) => define("both", value));
  }
  const mask = step * (lanes - 1);
  if (mask >= subgroup) return [...out, ...joinAll(fold, mine, team, beside, around)];
  for (const [i, { name }] of fold.accumulators.entries()) {
    const value = mine[i];
    if (value !== undefined) out.push(exchange(name, value, { bits: "cleared", mask, size: subgroup }));
  }
  return out;
}

const isPower = (count: number): boolean => Number.isInteger(Math.log2(count));

/** Copies of a join at most: 8 subgroups are 256 invocations. */
const mostWritten = 8;

/** What subgroups have, through memory. */
function joinAll(
  fold: FoldStmt,
  mine: readonly Expr[],
  { lanes, step, size, subgroup, first, invocation }: Team & { readonly subgroup: number },
  beside: Beside,
  around: Around,
): readonly Stmt[] {
  const { fresh } = around;
  const { pool } = fresh;
  const arrays = freeArrays(fold, slotsOf({ lanes, step, size }, subgroup), beside, around);
  /** Where the subgroup of an invocation leaves the result of its row. */
  const slotOf = (
    of: Index,
    more: readonly { readonly factor: number; readonly index: Index }[] = [],
    offset = 0,
  ): Index =>
    sumIndex(
      [{ factor: step, index: floorDivIndex(of, subgroup) }, { factor: 1, index: modIndex(of, step) }, ...more],
      offset,
      pool,
    );
  const own = slotOf(invocation);
  const left = arrays.map(({ name }, i) => store(name, own, mine[i] ?? refuse("a partial result is missing")));
  const held = fold.accumulators.map(({ name, type }, i) => {
    const all = fresh(`${name}_all`);
    const array = arrays[i]?.name ?? "";
    return { name, array, all, value: pool.name(type, all), start: load(type, array, slotOf(first)) };
  });
  const count = (lanes * step) / subgroup - 1;
  const each: LoopVar = { name: fresh("subgroup"), extent: count };
  const next = slotOf(first, [{ factor: step, index: pool.loop(each) }], step);
  const body: Stmt[] = [];
  const define = defining(body, fresh);
  const isOne = held.length === 1;
  const others = held.map(({ array, value: { type } }) => {
    const value = load(type, array, next);
    return isOne ? value : define("other", value);
  });
  const values = folds[fold.fn].join(held.map(({ value }) => value), others, define, true); // biome-ignore format: short
  const joined = isOne ? values : values.map((value) => define("both", value));
  for (const [i, { all }] of held.entries()) {
    const value = joined[i];
    if (value !== undefined) body.push(assign(all, value));
  }
  return [
    when(isBelow(modIndex(invocation, subgroup), step), left),
    barrier,
    ...held.map(({ all, start }) => variable(all, start)),
    ...(count === 0 ? [] : [forLoop(each, body, count < mostWritten ? "unrolled" : "serial")]),
    ...held.map(({ name, value }) => letValue(name, value)),
  ];
}

/**
 * Arrays for the accumulators that nobody touches between the barrier before and the one behind: without a barrier of their own, folds
 * one after the other take turns with them.
 */
function freeArrays(
  { accumulators }: FoldStmt,
  count: number,
  { before, after }: Beside,
  around: Around,
): readonly SharedArray[] {
  const isBarrier = ({ kind }: Stmt): boolean => kind === "barrier";
  const next = after.findIndex(isBarrier);
  const near = [...before.slice(before.findLastIndex(isBarrier) + 1), ...(next < 0 ? after : after.slice(0, next))];
  const busy = new Set([...readIn(near), ...storedIn(near)]);
  return accumulators.map(({ type }) => {
    for (let n = 0; ; n += 1) {
      const array = partialArray(type, n, count, around);
      if (busy.has(array.name)) continue;
      busy.add(array.name);
      return array;
    }
  });
}
