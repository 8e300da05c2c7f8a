/**
 * Reductions: one axis, several or all become one number each.
 */
import type { DType } from "../core/dtype.ts";
import { checkArguments, checkOptions } from "../core/options.ts";
import { here } from "../core/origin.ts";
import type { OpDef } from "../graph/node.ts";
import { maxWithIndex as maxWithIndexOp, minWithIndex as minWithIndexOp } from "../graph/ops/reduce.ts";
import type { Shape } from "../graph/shape.ts";
import { applyWithIndexes, reduceCall, type WithIndexes } from "./build.ts";
import { axesOf, axisTable, checkTensor, reduceOptions } from "./check.ts";
import { asFloat, type FloatOf } from "./floats.ts";
import { equal, where } from "./logic.ts";
import { add, exp, log, mul, stopGradient, sub } from "./math.ts";
import { reshape } from "./shape.ts";
import type { AlongAxis, CheckAxis, CheckOptions, NoOptions, ReduceOptions, ReduceShape } from "./shape-types.ts";
import type { Tensor } from "./tensor.ts";

export type { WithIndexes } from "./build.ts";

/** What `sum(x, options)` is: for functions around it. */
export type Reduced<S extends Shape, D extends DType, O extends ReduceOptions> = Tensor<ReduceShape<S, O>, D>;

/** Sum over an axis, several, or all. */
export function sum<S extends Shape, D extends DType, const O extends ReduceOptions = NoOptions>(
  x: Tensor<S, D> & CheckAxis<"sum", S, O>,
  options?: O & CheckOptions<"sum", O, ReduceOptions>,
): Tensor<ReduceShape<S, O>, D>;
export function sum(x: Tensor, options?: ReduceOptions): Tensor {
  checkArguments("sum", arguments, 2);
  return reduceCall("sum", x, options);
}

/** Product over an axis, several, or all. */
export function prod<S extends Shape, D extends DType, const O extends ReduceOptions = NoOptions>(
  x: Tensor<S, D> & CheckAxis<"prod", S, O>,
  options?: O & CheckOptions<"prod", O, ReduceOptions>,
): Tensor<ReduceShape<S, O>, D>;
export function prod(x: Tensor, options?: ReduceOptions): Tensor {
  checkArguments("prod", arguments, 2);
  return reduceCall("prod", x, options);
}

/** Largest element over an axis, several, or all. Elements that tie share the gradient. */
export function max<S extends Shape, D extends DType, const O extends ReduceOptions = NoOptions>(
  x: Tensor<S, D> & CheckAxis<"max", S, O>,
  options?: O & CheckOptions<"max", O, ReduceOptions>,
): Tensor<ReduceShape<S, O>, D>;
export function max(x: Tensor, options?: ReduceOptions): Tensor {
  checkArguments("max", arguments, 2);
  return reduceCall("max", x, options);
}

/** Smallest element over an axis, several, or all. Elements that tie share the gradient. */
export function min<S extends Shape, D extends DType, const O extends ReduceOptions = NoOptions>(
  x: Tensor<S, D> & CheckAxis<"min", S, O>,
  options?: O & CheckOptions<"min", O, ReduceOptions>,
): Tensor<ReduceShape<S, O>, D>;
export function min(x: Tensor, options?: ReduceOptions): Tensor {
  checkArguments("min", arguments, 2);
  return reduceCall("min", x, options);
}

export type AxisOrLast<O extends AlongAxis> = O extends { axis: number } ? O : { axis: -1 };

function bestAlong(call: string, op: OpDef, x: Tensor, given: AlongAxis | undefined): WithIndexes<Shape, DType> {
  checkTensor(call, x);
  const { axis = -1 } = checkOptions(call, given, axisTable, { before: "a, " });
  const origin = here(call);
  return applyWithIndexes(op, x, { axes: axesOf(x, axis, origin) }, origin);
}

/** Index of the first largest element along an axis, the last by default. */
export function argmax<S extends Shape, const O extends AlongAxis = NoOptions>(
  x: Tensor<S> & CheckAxis<"argmax", S, AxisOrLast<O>>,
  options?: O & CheckOptions<"argmax", O, AlongAxis>,
): Tensor<ReduceShape<S, AxisOrLast<O>>, "i32">;
export function argmax(x: Tensor, options?: AlongAxis): Tensor {
  checkArguments("argmax", arguments, 2);
  return bestAlong("argmax", maxWithIndexOp, x, options).indexes;
}

/** Index of the first smallest element along an axis, the last by default. */
export function argmin<S extends Shape, const O extends AlongAxis = NoOptions>(
  x: Tensor<S> & CheckAxis<"argmin", S, AxisOrLast<O>>,
  options?: O & CheckOptions<"argmin", O, AlongAxis>,
): Tensor<ReduceShape<S, AxisOrLast<O>>, "i32">;
export function argmin(x: Tensor, options?: AlongAxis): Tensor {
  checkArguments("argmin", arguments, 2);
  return bestAlong("argmin", minWithIndexOp, x, options).indexes;
}

/**
 * The largest element along an axis, the last by default, and its index: the first of equals, a NaN before all. Found in one pass.
 * The gradient goes to that one element, where `max` shares it among equals.
 */
export function maxWithIndex<S extends Shape, D extends DType, const O extends AlongAxis = NoOptions>(
  x: Tensor<S, D> & CheckAxis<"maxWithIndex", S, AxisOrLast<O>>,
  options?: O & CheckOptions<"maxWithIndex", O, AlongAxis>,
): WithIndexes<ReduceShape<S, AxisOrLast<O>>, D>;
export function maxWithIndex(x: Tensor, options?: AlongAxis): WithIndexes<Shape, DType> {
  checkArguments("maxWithIndex", arguments, 2);
  return bestAlong("maxWithIndex", maxWithIndexOp, x, options);
}

/** The smallest element along an axis, the last by default, and its index: as `maxWithIndex`. */
export function minWithIndex<S extends Shape, D extends DType, const O extends AlongAxis = NoOptions>(
  x: Tensor<S, D> & CheckAxis<"minWithIndex", S, AxisOrLast<O>>,
  options?: O & CheckOptions<"minWithIndex", O, AlongAxis>,
): WithIndexes<ReduceShape<S, AxisOrLast<O>>, D>;
export function minWithIndex(x: Tensor, options?: AlongAxis): WithIndexes<Shape, DType> {
  checkArguments("minWithIndex", arguments, 2);
  return bestAlong("minWithIndex", minWithIndexOp, x, options);
}

/**
 * log(sum(exp(x))) over an axis, several, or all, as m + log(sum(exp(x - m))) with m the largest element. -infinity where
 * all elements are, or there are none; the slopes are 0 there.
 */
export function logSumExp<S extends Shape, D extends DType, const O extends ReduceOptions = NoOptions>(
  x: Tensor<S, D> & CheckAxis<"logSumExp", S, O>,
  options?: O & CheckOptions<"logSumExp", O, ReduceOptions>,
): Tensor<ReduceShape<S, O>, FloatOf<D>>;
export function logSumExp(x: Tensor, options?: ReduceOptions): Tensor {
  checkArguments("logSumExp", arguments, 2);
  const value = asFloat("logSumExp", x);
  const given = reduceOptions("logSumExp", options);
  const top = max(value, { ...given, keepDims: true });
  // an infinite maximum is not taken out: infinity minus itself is NaN. Only infinities and 0 are their own half.
  const infinite = equal(top, mul(top, 0.5));
  const shift = stopGradient(where(infinite, 0, top));
  const total = sum(exp(sub(value, shift)), given);
  const none = equal(total, 0); // all are -infinity: their slopes are 0, not 0 / 0
  const low = stopGradient(reshape(top, total.shape));
  const rest = where(none, low, log(where(none, 1, total)));
  return add(rest, reshape(shift, rest.shape));
}
