/**
 * What formulas share that must not overflow and must have a slope everywhere.
 */
import { equal, where } from "./logic.ts";
import { sqrt, stopGradient, sub } from "./math.ts";
import { max } from "./reduce.ts";
import type { Tensor } from "./tensor.ts";

/** x minus its largest element along the axis: what exp can take. The maximum carries no gradient; it cancels. */
export function shifted(x: Tensor, axis: number): Tensor {
  return sub(x, stopGradient(max(x, { axis, keepDims: true })));
}

/**
 * Square root whose slope at 0 is 0: where nothing varies, nothing flows back. Every root of a sum of squares is this
 * one: 0 times infinity is no answer.
 */
export function rootOrZero(x: Tensor): Tensor {
  const zero = equal(x, 0);
  return where(zero, 0, sqrt(where(zero, 1, x)));
}
