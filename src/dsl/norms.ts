/**
 * Lengths of vectors, and vectors brought to length 1.
 */
import type { DType } from "../core/dtype.ts";
import { checkArguments, checkOptions } from "../core/options.ts";
import type { Shape } from "../graph/shape.ts";
import { axisTable, checkTensor, checkTensors, reduceOptions } from "./check.ts";
import { asFloat, type FloatOf } from "./floats.ts";
import { equal, where } from "./logic.ts";
import { abs, add, div, square } from "./math.ts";
import { sum } from "./reduce.ts";
import type { AlongAxis, CheckAxis, CheckOptions, NoOptions, ReduceOptions, ReduceShape } from "./shape-types.ts";
import { scalar } from "./sources.ts";
import { rootOrZero } from "./stable.ts";
import type { Tensor } from "./tensor.ts";

/** Sum of absolute values over an axis, several, or all. The slope of |x| at 0 is 0. */
export function l1Norm<S extends Shape, D extends DType, const O extends ReduceOptions = NoOptions>(
  x: Tensor<S, D> & CheckAxis<"l1Norm", S, O>,
  options?: O & CheckOptions<"l1Norm", O, ReduceOptions>,
): Tensor<ReduceShape<S, O>, D>;
export function l1Norm(x: Tensor, options?: ReduceOptions): Tensor {
  checkArguments("l1Norm", arguments, 2);
  const value = checkTensor("l1Norm", x);
  return sum(abs(value), reduceOptions("l1Norm", options));
}

/** Square root of the sum of squares over an axis, several, or all. The gradient of the norm of zeros is 0. */
export function l2Norm<S extends Shape, D extends DType, const O extends ReduceOptions = NoOptions>(
  x: Tensor<S, D> & CheckAxis<"l2Norm", S, O>,
  options?: O & CheckOptions<"l2Norm", O, ReduceOptions>,
): Tensor<ReduceShape<S, O>, FloatOf<D>>;
export function l2Norm(x: Tensor, options?: ReduceOptions): Tensor {
  checkArguments("l2Norm", arguments, 2);
  const squares = sum(square(asFloat("l2Norm", x)), reduceOptions("l2Norm", options));
  return rootOrZero(squares);
}

/** x scaled to length 1 along an axis: x / max(l2Norm(x), tiny). Zeros stay zeros. */
export function normalize<S extends Shape, D extends DType>(
  x: Tensor<S, D>,
  options?: AlongAxis,
): Tensor<S, FloatOf<D>>;
export function normalize(x: Tensor, options: AlongAxis = {}): Tensor {
  checkArguments("normalize", arguments, 2);
  const value = asFloat("normalize", x);
  const { axis = -1 } = checkOptions("normalize", options, axisTable, { before: "a, " });
  const length = l2Norm(value, { axis, keepDims: true });
  const zero = equal(length, 0);
  return div(value, where(zero, 1, length));
}

/** Square root of the sum of squares of all tensors of a list: the length of a gradient. The slope of a length of 0 is 0. */
export function globalNorm(tensors: readonly Tensor[]): Tensor<[]>;
export function globalNorm(tensors: readonly Tensor[]): Tensor {
  checkArguments("globalNorm", arguments, 1);
  const squares = checkTensors("globalNorm", tensors, "tensors").map((x) => sum(square(asFloat("globalNorm", x))));
  const [first, ...rest] = squares;
  if (first === undefined) return scalar(0);
  return rootOrZero(rest.reduce((total, next) => add(total, next), first));
}
