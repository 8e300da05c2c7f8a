/**
 * What contractions and all other nests of the `wasm` target have in common: folds in parts, and loops that threads share.
 */

import { sizeOf } from "../../../passes/schedule/facts.ts";
import type { FoldStmt, Nest, Stmt } from "../../../src/kernel/kernel.ts";
import type { Move, WasmMove } from "../../../src/kernel/moves.ts";
import { someStmt, walkExpr } from "../../../src/kernel/rewrite.ts";
import { laneCount } from "../../../src/kernel/stride.ts";

// ---- folds -----------------------------------------------------------------------------------------------------------

/** Vectors of sums under way at once: an addition takes four cycles, two begin in each. */
export const vectorsAtOnce = 4;

/** The same where each is a load as well, at a place that another value says: a block's loads need as many registers as its sums. */
export const vectorsChosen = 6;

/** Whether what is folded lies where another value says. */
export function readsChosen({ values }: FoldStmt): boolean {
  let isFound = false;
  for (const value of values) {
    walkExpr(value, ({ kind }) => {
      if (kind === "ranged") isFound = true;
    });
  }
  return isFound;
}

/** The fold in lanes where it can be, and in parts of so few terms that its error stays small. */
export function splitMoves(fold: FoldStmt, { longest, together }: FoldTuning): readonly WasmMove[] {
  const [axis, [held]] = [fold.axes[fold.axes.length - 1], fold.accumulators];
  if (axis === undefined || held === undefined) return [];
  if (!fitsLanes(fold)) return serialMoves([fold], longest);
  const whole = Math.floor(axis.extent / laneCount);
  const compares: readonly WasmMove[] = comparesBits(fold) ? [{ move: "compareBits", of: held.name }] : [];
  const vectors = Math.min(compares.length > 0 ? vectorsCompared * together : vectorsAtOnce, Math.ceil(whole / 2));
  const around = sizeOf(fold.axes.slice(0, -1));
  const most = around * Math.max(Math.floor(whole / vectors), axis.extent % laneCount);
  const terms = isLong(fold, most, longest) ? { terms: longest } : {};
  const isLongRow = around * Math.floor(whole / vectors) >= leastSettled;
  const settled = together > 1 && vectors > 1 && isLongRow && held.type === "f32" ? { settled: true } : {};
  return [...compares, { move: "splitFold", of: held.name, into: { by: "lanes", vectors, ...terms, ...settled } }];
}

/** The same where they are compared as bits: a comparison takes one cycle, and each vector has three. */
const vectorsCompared = 2;

/** Elements of a row from which on the largest is found among bits: to make a float of these takes ten operations of one lane. */
const leastCompared = 64;

function comparesBits({ fn, accumulators: [held], axes }: FoldStmt): boolean {
  return (fn === "max" || fn === "min") && held?.type === "f32" && sizeOf(axes) >= leastCompared;
}

/** Blocks of vectors from which on it pays to take their sums to memory and back, so that they are added up in wider vectors. */
const leastSettled = 4;

/** `longest`: terms of a sum that are added up one after the other; `together`: vectors that the engine takes for one. */
interface FoldTuning {
  readonly longest: number;
  readonly together: number;
}

/** An arg-max and moments stay as they are along a row: their steps are long, and lanes would have to be joined at each end. */
export function fitsLanes({ axes, accumulators, body, values }: FoldStmt): boolean {
  const [axis, [held]] = [axes[axes.length - 1], accumulators];
  if (axis === undefined || axis.extent < laneCount || accumulators.length > 1 || held?.type === "f64") return false;
  const isDouble = values.some(({ type }) => type === "f64") || someStmt(body, { expr: ({ type }) => type === "f64" });
  return !isDouble && body.every(({ kind }) => kind !== "fold");
}

const isLong = ({ fn, accumulators: [held] }: FoldStmt, terms: number, longest: number): boolean =>
  (fn === "sum" || fn === "moments") && held?.type === "f32" && terms > longest;

/** Partial sums, one after the other, for all long ones among the folds. */
export function serialMoves(folds: readonly FoldStmt[], longest: number): readonly Move[] {
  return folds.flatMap((fold) => {
    const [held] = fold.accumulators;
    if (held === undefined || !isLong(fold, sizeOf(fold.axes), longest)) return [];
    return [{ move: "splitFold", of: held.name, into: { by: "serial", terms: longest } }];
  });
}

// ---- threads ---------------------------------------------------------------------------------------------------------

/**
 * Operations below which a nest stays on one thread: about 2 microseconds of them. Every kernel ends at a barrier anyway, so
 * sharing costs only the cache lines that move between cores.
 */
const leastWork = 4096;
/** Iterations that a shared loop should have: few do not divide evenly. */
export const enoughIterations = 8;

export interface Axis {
  readonly name: string;
  readonly extent: number;
}

/** Threads share the outermost loop, a long one first. */
export function shareMoves(loops: readonly Axis[], work: number): readonly Move[] {
  const turning = loops.filter(({ extent }) => extent > 1);
  const long = Math.max(
    0,
    turning.findIndex(({ extent }) => extent >= enoughIterations),
  );
  const first = turning[long];
  if (first === undefined || work < leastWork) return [];
  const axes = [first, ...turning.slice(0, long)].map(({ name }) => name);
  const order: readonly Move[] = long === 0 ? [] : [{ move: "reorder", axes }];
  return [...order, { move: "bind", axis: first.name, to: "thread" }];
}

const inAnyLane: ReadonlySet<Stmt["kind"]> = new Set(["let", "for", "store"]);

/** No f64, of which only two fit, nothing that may run in one lane and not in another, and no fold written out already. */
export function canHaveLanes(nest: Nest): boolean {
  return !someStmt([...nest.prelude, ...nest.body], {
    stmt: (stmt) => (stmt.kind === "fold" ? stmt.guard.length > 0 : !inAnyLane.has(stmt.kind)),
    expr: ({ type }) => type === "f64",
  });
}
