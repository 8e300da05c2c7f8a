/**
 * What a fold computes, by name, and where a plain one starts. The graph language has reductions of these names and an oracle
 * for them; how a target computes them is in src/kernel/folds.ts.
 */
import { type DType, isFloat } from "./dtype.ts";

/** `argMax`, `argMin`: the value and where it stands. `moments`: count, mean and the sum of squares about the mean. */
export type FoldFn = RunningFold | "argMax" | "argMin" | "moments";

/** What a kernel may fold: `maxBits` and `minBits` are the largest and smallest f32, found among bits. */
export type KernelFold = FoldFn | "maxBits" | "minBits";

/** One number out of many, also of the first ones alone. `logSumExp`: log(exp(a) + exp(b) + ...). */
export type RunningFold = PlainFold | "logSumExp";

/** One number out of many, with an element that changes nothing. */
export type PlainFold = "sum" | "prod" | "max" | "min";

/** The number that changes nothing: what a fold of no elements gives. */
export function neutral(fn: RunningFold, dtype: DType): number {
  switch (fn) {
    case "sum":
      return 0;
    case "prod":
      return 1;
    case "logSumExp":
      return Number.NEGATIVE_INFINITY;
    case "max":
      return isFloat(dtype) ? Number.NEGATIVE_INFINITY : dtype === "i32" ? -2147483648 : 0;
    case "min":
      return isFloat(dtype) ? Number.POSITIVE_INFINITY : dtype === "i32" ? 2147483647 : 4294967295;
  }
}
