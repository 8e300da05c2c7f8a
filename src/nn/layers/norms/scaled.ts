/** x with gamma and beta, which stand along some of its axes. */
import { add, mul, reshape } from "../../../dsl/ops.ts";
import type { Tensor } from "../../../dsl/tensor.ts";
import type { Shape } from "../../../graph/shape.ts";
import { besideX } from "../axes.ts";

export type Values = Tensor<Shape, "f32">;

export interface Scale {
  readonly gamma?: Values;
  readonly beta?: Values;
}

/** One value for each place along the axes, in a shape that broadcasts with x. */
export function alongAxes(one: Values, x: Values, axes: readonly number[]): Values {
  const isLast = axes.every((axis, i) => axis === x.shape.length - axes.length + i);
  return isLast ? one : reshape(one, besideX(x.shape, axes));
}

/** gamma * x + beta, as far as they are there. */
export function withScale(x: Values, { gamma, beta }: Scale, axes: readonly number[]): Values {
  const scaled = gamma === undefined ? x : mul(x, alongAxes(gamma, x, axes));
  return beta === undefined ? scaled : add(scaled, alongAxes(beta, x, axes));
}
