/**
 * How the result of an op may be off: a name for each kind of error, which the op table gives and a target answers with
 * numbers (codegen/<target>/tolerances.ts). Whole numbers and bools are exact on every target, whatever the class.
 */
import type { MathsFn } from "../kernel/kernel.ts";

export type ErrorClass =
  /** Nothing is computed: values are moved, picked or compared. What an op without a class has. */
  | "exact"
  /** One operation that IEEE 754 rounds correctly: + - * and conversions. */
  | "rounded"
  /** Division. */
  | "quotient"
  /** Square root. */
  | "root"
  /** 1 / sqrt(x). */
  | "inverseRoot"
  /** Sums and contractions. */
  | "summed"
  /** Running folds, which are made of blocks on every target. */
  | "running"
  /** Products: a rounding for each factor, in any order. */
  | "multiplied"
  /** A function of the maths library. */
  | MathsFn;
