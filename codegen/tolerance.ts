/**
 * How far a target's result of one op may be from the exact result for the same operands: a target has these numbers for each
 * class of error that the op table names. The tests hold every op to its own tolerance, and add these up along a graph for
 * composites and gradients.
 *
 *   |found - exact| <= ulps * ulp(exact) + absolute            and for an op that folds K terms together
 *                      + (R(K) + 8) * unit * sum|terms|
 *
 * R(K) is how many roundings a term may go through: K, or in partial sums of bounded length `roundingsInBlocks(K)`.
 *
 * The numbers are for f32. f64 exists on `js` alone, which computes it as the float64 evaluator does.
 */
import type { ErrorClass } from "../src/graph/error-class.ts";
import type { MathsFn } from "../src/kernel/kernel.ts";
import { maxUlps } from "../src/kernel/maths/library.ts";
import { longestSum } from "../src/kernel/target.ts";

export interface Tolerance {
  /** Units in the last place of the exact result, in the result's dtype. 0.5 is the nearest number there is. */
  readonly ulps: number;
  readonly absolute: number;
  /** Unit roundoff of the accumulator, for ops that fold terms together; 0 for others. */
  readonly unit: number;
  /** Whether a long sum is made of partial sums of at most `longestSum` terms. */
  readonly inBlocks: boolean;
}

export type Tolerances = Readonly<Record<ErrorClass, Tolerance>>;

export const exact: Tolerance = { ulps: 0, absolute: 0, unit: 0, inBlocks: false };

/** So many ulps, and an absolute error where subnormal numbers may be flushed. */
export function within(ulps: number, absolute = 0): Tolerance {
  return { ulps, absolute, unit: 0, inBlocks: false };
}

/** The functions of the maths library, which all targets compute alike: `extra` is what a target's own division adds. */
export function libraryTolerances(
  absolute = 0,
  extra: Readonly<Partial<Record<MathsFn, number>>> = {},
): Readonly<Record<MathsFn, Tolerance>> {
  const of = (fn: MathsFn): Tolerance => within(maxUlps[fn] + (extra[fn] ?? 0), absolute);
  return {
    exp: of("exp"),
    expm1: of("expm1"),
    log: of("log"),
    log1p: of("log1p"),
    sin: of("sin"),
    cos: of("cos"),
    tanh: of("tanh"),
    erf: of("erf"),
    pow: of("pow"),
  };
}

/** Roundings on the way of a term through a sum of so many: blocks have more than half of the terms they may have. */
export function roundingsInBlocks(terms: number): number {
  return terms <= longestSum ? terms : longestSum * Math.ceil(Math.log2(terms) / Math.log2(longestSum / 2));
}

/**
 * The same of a running fold, which is cut into blocks from 65 terms on, of about the root of their number, and those again. In a
 * wide accumulator (not `each`) nothing is rounded but what blocks come to and start with: of a sum each is as much off as its part.
 */
export function roundingsInRun(terms: number, each: boolean, isSum: boolean): number {
  if (terms <= 64) return each ? terms + 8 : 0;
  const size = Math.min(longestSum, Math.max(16, 2 ** Math.round(Math.log2(terms) / 2)));
  const blocks = Math.ceil(terms / size);
  return (each ? size : isSum ? 2 : 2 + blocks) + roundingsInRun(blocks, each, isSum);
}
