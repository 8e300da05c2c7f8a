/**
 * Floats of whatever comes: what divides, or takes roots or logarithms, gives floats for whole numbers too, as in NumPy.
 */
import { type DType, isFloat, type ShortFloat } from "../core/dtype.ts";
import { checkTensor } from "./check.ts";
import { cast } from "./math.ts";
import type { Tensor } from "./tensor.ts";

/** What a mean of this dtype is: a float stays one, whole numbers and truth values give f32. */
export type FloatOf<D extends DType> = D extends "f32" | "f64" | ShortFloat ? D : "f32";

/** Floats as they are, anything else as f32. Whole numbers above 2^24 are rounded. */
export function asFloat(call: string, x: Tensor, what = "x"): Tensor {
  const value = checkTensor(call, x, what);
  return isFloat(value.dtype) ? value : cast(value, "f32");
}
