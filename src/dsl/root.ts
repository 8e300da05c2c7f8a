/**
 * The square root that norms are made of: the root of a sum of squares has no slope at 0, and 0 times infinity is no answer.
 */
import type { Shape } from "../graph/shape.ts";
import { equal, sqrt, where } from "./ops.ts";
import type { Tensor } from "./tensor.ts";

/** Square root whose slope at 0 is 0: where nothing varies, nothing flows back. Every root of a sum of squares is this one. */
export function rootOrZero(x: Tensor): Tensor {
  const zero = equal(x, 0) as Tensor<Shape, "bool">;
  return where(zero, 0, sqrt(where(zero, 1, x) as Tensor) as Tensor) as Tensor;
}
