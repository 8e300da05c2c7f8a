/**
 * How far a target's result of one op may be from the exact result for the same operands: the numbers that stand in the op
 * table. The tests hold every op to its own tolerance, and add these up along a graph for composites and gradients.
 *
 *   |found - exact| <= ulps * ulp(exact) + absolute            and for an op that folds K terms together
 *                      + (R(K) + 8) * unit * sum|terms|
 *
 * R(K) is how many roundings a term may go through: K, or in partial sums of bounded length `roundingsInBlocks(K)`.
 *
 * The numbers are for f32. f64 exists on `js` alone, which computes it as the float64 evaluator does. Whole numbers and
 * bools are exact on every target, whatever the row says.
 */

import { type DType, isFloat } from "../core/dtype.ts";
import type { MathsFn } from "../kernel/kernel.ts";
import { maxUlps } from "../kernel/maths/library.ts";
import type { TargetName } from "../kernel/target.ts";

export interface Tolerance {
  /** Units in the last place of the exact result, in the result's dtype. 0.5 is the nearest number there is. */
  readonly ulps: number;
  readonly absolute: number;
  /** Unit roundoff of the accumulator, for ops that fold terms together; 0 for others. */
  readonly unit: number;
  /** Whether a long sum is made of partial sums of at most `longestSum` terms. */
  readonly inBlocks: boolean;
}

export type Tolerances = Readonly<Record<TargetName, Tolerance>>;

/**
 * WGSL (its section "Floating Point Accuracy") lets a device flush subnormal numbers to zero, and
 * calls a result correctly rounded when it is either neighbour of the exact one, so 1 ulp.
 */
const flushed = 2 ** -126;
const either = 1;

function within(js: number, wasm: number, wgsl: number): Tolerances {
  const single = (ulps: number, absolute: number): Tolerance => ({ ulps, absolute, unit: 0, inBlocks: false });
  return { js: single(js, 0), wasm: single(wasm, 0), wgsl: single(wgsl, flushed) };
}

const none: Tolerance = { ulps: 0, absolute: 0, unit: 0, inBlocks: false };

/** Nothing is computed: values are moved, picked or compared. What an op without a tolerance has. */
export const exact: Tolerances = { js: none, wasm: none, wgsl: none };

/** One operation that IEEE 754 rounds correctly: + - * and conversions. */
export const rounded: Tolerances = within(0.5, 0.5, either);

/** Division: 2.5 ulp in WGSL, for divisors from 2^-126 to 2^126. */
export const quotient: Tolerances = within(0.5, 0.5, 2.5);

/**
 * Square root. WGSL inherits it from 1 / inverseSqrt(x): the 2 ulp of inverseSqrt are at most 4 of a result at the other
 * end of its binade, and the division adds 2.5.
 */
export const root: Tolerances = within(0.5, 0.5, 6.5);

/**
 * 1 / sqrt(x): 2 ulp in WGSL. `js` computes it in double and rounds once; `wasm` rounds the root and the quotient, where
 * the root's half ulp is at most one of the result.
 */
export const inverseRoot: Tolerances = within(0.5 + 2 ** -28, 1.5, 2);

/** A function of the maths library, on all targets. `wgsl` is what a division that is not correctly rounded adds. */
export function library(fn: MathsFn, wgsl = 0): Tolerances {
  return within(maxUlps[fn], maxUlps[fn], maxUlps[fn] + wgsl);
}

/** Terms that a target adds up one after the other in f32; a longer sum is a sum of such sums (passes/schedule/bound-sums.ts). */
export const longestSum = 1024;

/** Roundings on the way of a term through a sum of so many: blocks have more than half of the terms they may have. */
export function roundingsInBlocks(terms: number): number {
  return terms <= longestSum ? terms : longestSum * Math.ceil(Math.log2(terms) / Math.log2(longestSum / 2));
}

/** Sums and contractions: `js` accumulates in double and rounds once, the others in f32. */
export const summed: Tolerances = folded(true);

/** Products: a rounding for each factor, in any order. */
export const multiplied: Tolerances = folded(false);

function folded(inBlocks: boolean): Tolerances {
  return {
    js: { ulps: 0.5, absolute: 0, unit: 2 ** -53, inBlocks: false },
    wasm: { ulps: 0, absolute: 0, unit: 2 ** -24, inBlocks },
    wgsl: { ulps: 0, absolute: flushed, unit: 2 ** -24, inBlocks },
  };
}

/** Bits of the fraction with the hidden one, and the exponent of the smallest normal number. */
const floats = { f16: [11, -14], f32: [24, -126], f64: [53, -1022] } as const;

/** Distance between the numbers of a dtype around a value; 0 for whole numbers and bools. */
export function ulpOf(dtype: DType, value: number): number {
  if (!isFloat(dtype) || !Number.isFinite(value)) return 0;
  const [digits, lowest] = floats[dtype as keyof typeof floats];
  const exponent = value === 0 ? lowest : Math.max(lowest, Math.floor(Math.log2(Math.abs(value))));
  return 2 ** (exponent - digits + 1);
}
