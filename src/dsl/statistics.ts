/**
 * Means and how far values lie from them.
 */
import type { DType } from "../core/dtype.ts";
import { checkArguments } from "../core/options.ts";
import { here } from "../core/origin.ts";
import { type Dim, multiplyDims, type Shape } from "../graph/shape.ts";
import { axesOf, checkTensor, reduceOptions } from "./check.ts";
import { asFloat, type FloatOf } from "./floats.ts";
import { div, mul, square, sub } from "./math.ts";
import { sum } from "./reduce.ts";
import type { CheckAxis, CheckOptions, NoOptions, ReduceOptions, ReduceShape } from "./shape-types.ts";
import { size } from "./sources.ts";
import { rootOrZero } from "./stable.ts";
import type { Tensor } from "./tensor.ts";

/** How many elements a reduction takes together, as a scalar of x's dtype; symbolic dimensions count when bound. */
function countOf(x: Tensor, axis: ReduceOptions["axis"]): Tensor | number {
  const axes = axesOf(x, axis, here("mean"));
  let known: Dim = 1;
  let count: Tensor | undefined;
  for (const a of axes) {
    const product = multiplyDims(known, x.shape[a] ?? 1);
    if (typeof product === "number") known = product;
    else count = count === undefined ? size(x, a, x.dtype) : mul(count, size(x, a, x.dtype));
  }
  return count === undefined ? Number(known) : mul(count, Number(known));
}

/** Mean over an axis, several, or all. Of whole numbers and truth values it is an f32, as for all that divide. */
export function mean<S extends Shape, D extends DType, const O extends ReduceOptions = NoOptions>(
  x: Tensor<S, D> & CheckAxis<"mean", S, O>,
  options?: O & CheckOptions<"mean", O, ReduceOptions>,
): Tensor<ReduceShape<S, O>, FloatOf<D>>;
export function mean(x: Tensor, options?: ReduceOptions): Tensor {
  checkArguments("mean", arguments, 2);
  const value = asFloat("mean", x);
  const given = reduceOptions("mean", options);
  return div(sum(value, given), countOf(value, given.axis));
}

/** Mean squared distance from the mean (divided by n, as NumPy does). */
export function variance<S extends Shape, D extends DType, const O extends ReduceOptions = NoOptions>(
  x: Tensor<S, D> & CheckAxis<"variance", S, O>,
  options?: O & CheckOptions<"variance", O, ReduceOptions>,
): Tensor<ReduceShape<S, O>, FloatOf<D>>;
export function variance(x: Tensor, options?: ReduceOptions): Tensor {
  checkArguments("variance", arguments, 2);
  const value = asFloat("variance", x);
  const given = reduceOptions("variance", options);
  const centre = mean(value, { ...given, keepDims: true });
  return mean(square(sub(value, centre)), given);
}

/** Square root of the variance (divided by n, as NumPy does). The gradient where all elements are equal is 0. */
export function standardDeviation<S extends Shape, D extends DType, const O extends ReduceOptions = NoOptions>(
  x: Tensor<S, D> & CheckAxis<"standardDeviation", S, O>,
  options?: O & CheckOptions<"standardDeviation", O, ReduceOptions>,
): Tensor<ReduceShape<S, O>, FloatOf<D>>;
export function standardDeviation(x: Tensor, options?: ReduceOptions): Tensor {
  checkArguments("standardDeviation", arguments, 2);
  const value = checkTensor("standardDeviation", x);
  const spread = variance(value, reduceOptions("standardDeviation", options));
  return rootOrZero(spread);
}
