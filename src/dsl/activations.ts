/**
 * More activations, norms and running sums, written in the primitives.
 *
 * Stability is part of each definition: exp only of what is not positive, square roots with a slope of 0 where their
 * operand is 0 (not 0 times infinity), and branches chosen by `where`, whose gradient drops the other branch.
 */
import type { DType } from "../core/dtype.ts";
import { checkArguments, checkOptions, checkValue, flag, number, type OptionTable } from "../core/options.ts";
import { here } from "../core/origin.ts";
import { iota } from "../graph/ops/source.ts";
import type { Shape } from "../graph/shape.ts";
import { axesOf, axisKind, axisTable, checkShapes, checkTensor, reduceOptions } from "./check.ts";
import { mean, sigmoid, square, variance } from "./composites.ts";
import { asFloat, type FloatOf } from "./floats.ts";
import {
  abs,
  add,
  div,
  equal,
  erf,
  exp,
  expm1,
  greater,
  greaterEqual,
  less,
  lessEqual,
  log,
  max,
  mul,
  prod,
  reshape,
  stopGradient,
  sub,
  sum,
  tanh,
  where,
} from "./ops.ts";
import { rootOrZero } from "./root.ts";
import type { AlongAxis, CheckAxis, CheckDTypes, CheckOptions, NoOptions, ReduceOptions, ReduceShape } from "./shape-types.ts"; // biome-ignore format: names
import { applyOp, type Tensor } from "./tensor.ts";

type Mask = Tensor<Shape, "bool">;

// ---- activations ---------------------------------------------------------------------------------------------------

/** x where x > 0, slope * x elsewhere; `slope` is 0.2, as in Keras. The derivative at 0 is the slope. */
export function leakyRelu<S extends Shape, D extends DType>(x: Tensor<S, D>, slope = 0.2): Tensor<S, D> {
  checkArguments("leakyRelu", arguments, 2);
  const value = checkTensor("leakyRelu", x);
  const positive = greater(value, 0) as Mask;
  const below = mul(value, checkValue("leakyRelu", "the slope", slope, number()));
  return where(positive, value, below) as unknown as Tensor<S, D>;
}

/** x where x >= 0, alpha * (exp(x) - 1) elsewhere. The derivative at 0 is 1. */
export function elu<S extends Shape, D extends DType>(x: Tensor<S, D>, alpha = 1): Tensor<S, D> {
  checkArguments("elu", arguments, 2);
  const value = checkTensor("elu", x);
  checkValue("elu", "alpha", alpha, number());
  const positive = greaterEqual(value, 0) as Mask;
  const below = where(positive, 0, value) as Tensor; // exp of large numbers would overflow where it is not used
  return where(positive, value, mul(expm1(below) as Tensor, alpha)) as unknown as Tensor<S, D>;
}

/** 1.0507 * elu(x, 1.6733): keeps mean 0 and variance 1 (Klambauer et al. 2017). */
export function selu<S extends Shape, D extends DType>(x: Tensor<S, D>): Tensor<S, D> {
  checkArguments("selu", arguments, 1);
  const value = checkTensor("selu", x);
  return mul(elu(value, 1.6732632423543772), 1.0507009873554805) as unknown as Tensor<S, D>;
}

export interface GeluOptions {
  /** Whether to take the form with tanh. False by default. */
  readonly approximate?: boolean;
}

const geluTable: OptionTable<GeluOptions> = { approximate: flag };

/**
 * x * P(X <= x) for a standard normal X: x/2 * (1 + erf(x / sqrt 2)). With `approximate`, the form with tanh:
 * x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 x^3))).
 */
export function gelu<S extends Shape, D extends DType>(x: Tensor<S, D>, options: GeluOptions = {}): Tensor<S, D> {
  checkArguments("gelu", arguments, 2);
  const value = checkTensor("gelu", x);
  const { approximate = false } = checkOptions("gelu", options, geluTable, { before: "a, " });
  const half = mul(value, 0.5) as Tensor;
  if (!approximate) {
    return mul(half, add(erf(mul(value, Math.SQRT1_2) as Tensor) as Tensor, 1)) as unknown as Tensor<S, D>;
  }
  const bent = mul(value, add(mul(square(value), 0.044715) as Tensor, 1)) as Tensor;
  const share = add(tanh(mul(bent, Math.sqrt(2 / Math.PI)) as Tensor) as Tensor, 1);
  return mul(half, share) as unknown as Tensor<S, D>;
}

/** x * sigmoid(x), also called swish. */
export function silu<S extends Shape, D extends DType>(x: Tensor<S, D>): Tensor<S, D> {
  checkArguments("silu", arguments, 1);
  const value = checkTensor("silu", x);
  return mul(value, sigmoid(value)) as unknown as Tensor<S, D>;
}

// ---- reductions ----------------------------------------------------------------------------------------------------

/**
 * log(sum(exp(x))) over an axis, several, or all, as m + log(sum(exp(x - m))) with m the largest element. -infinity where
 * all elements are, or there are none; the slopes are 0 there.
 */
export function logSumExp<S extends Shape, D extends DType, const O extends ReduceOptions = NoOptions>(
  x: Tensor<S, D> & CheckAxis<"logSumExp", S, O>,
  options?: O & CheckOptions<"logSumExp", O, ReduceOptions>,
): Tensor<ReduceShape<S, O>, FloatOf<D>> {
  checkArguments("logSumExp", arguments, 2);
  const value = asFloat("logSumExp", x);
  const given = reduceOptions("logSumExp", options);
  const top = max(value, { ...given, keepDims: true }) as Tensor;
  // an infinite maximum is not taken out: infinity minus itself is NaN. Only infinities and 0 are their own half.
  const infinite = equal(top, mul(top, 0.5) as Tensor) as Mask;
  const shift = stopGradient(where(infinite, 0, top) as Tensor) as Tensor;
  const total = sum(exp(sub(value, shift) as Tensor) as Tensor, given) as Tensor;
  const none = equal(total, 0) as Mask; // all are -infinity: their slopes are 0, not 0 / 0
  const low = stopGradient(reshape(top, total.shape) as Tensor);
  const rest = where(none, low, log(where(none, 1, total) as Tensor)) as Tensor;
  return add(rest, reshape(shift, rest.shape)) as unknown as Tensor<ReduceShape<S, O>, FloatOf<D>>;
}

/** Square root of the variance (divided by n, as NumPy does). The gradient where all elements are equal is 0. */
export function standardDeviation<S extends Shape, D extends DType, const O extends ReduceOptions = NoOptions>(
  x: Tensor<S, D> & CheckAxis<"standardDeviation", S, O>,
  options?: O & CheckOptions<"standardDeviation", O, ReduceOptions>,
): Tensor<ReduceShape<S, O>, FloatOf<D>> {
  checkArguments("standardDeviation", arguments, 2);
  const value = checkTensor("standardDeviation", x);
  const spread = variance(value, reduceOptions("standardDeviation", options)) as Tensor;
  return rootOrZero(spread) as Tensor<ReduceShape<S, O>, FloatOf<D>>;
}

/** Sum of absolute values over an axis, several, or all. The slope of |x| at 0 is 0. */
export function l1Norm<S extends Shape, D extends DType, const O extends ReduceOptions = NoOptions>(
  x: Tensor<S, D> & CheckAxis<"l1Norm", S, O>,
  options?: O & CheckOptions<"l1Norm", O, ReduceOptions>,
): Tensor<ReduceShape<S, O>, D> {
  checkArguments("l1Norm", arguments, 2);
  const value = checkTensor("l1Norm", x);
  return sum(abs(value) as Tensor, reduceOptions("l1Norm", options)) as unknown as Tensor<ReduceShape<S, O>, D>;
}

/** Square root of the sum of squares over an axis, several, or all. The gradient of the norm of zeros is 0. */
export function l2Norm<S extends Shape, D extends DType, const O extends ReduceOptions = NoOptions>(
  x: Tensor<S, D> & CheckAxis<"l2Norm", S, O>,
  options?: O & CheckOptions<"l2Norm", O, ReduceOptions>,
): Tensor<ReduceShape<S, O>, FloatOf<D>> {
  checkArguments("l2Norm", arguments, 2);
  const squares = sum(square(asFloat("l2Norm", x)), reduceOptions("l2Norm", options)) as Tensor;
  return rootOrZero(squares) as Tensor<ReduceShape<S, O>, FloatOf<D>>;
}

// ---- losses --------------------------------------------------------------------------------------------------------

export interface HuberOptions {
  /** Where the bowl becomes a line. 1 by default. */
  readonly delta?: number;
}

const huberTable: OptionTable<HuberOptions> = { delta: number({ from: 0 }) };

/** Mean of d^2/2 where |d| <= delta, of delta * (|d| - delta/2) elsewhere, d the difference. */
export function huber<S extends Shape, D extends DType, E extends DType>(
  predicted: Tensor<S, D>,
  wanted: Tensor<S, E> & CheckDTypes<"huber", FloatOf<D>, FloatOf<E>>,
  options: HuberOptions = {},
): Tensor<[], FloatOf<D>> {
  checkArguments("huber", arguments, 3);
  const { delta = 1 } = checkOptions("huber", options, huberTable, { before: "predicted, wanted, " });
  const [a, b] = [asFloat("huber", predicted, "predicted"), asFloat("huber", wanted, "wanted")];
  checkShapes("huber", b, "wanted", a.shape);
  const difference = sub(a, b) as Tensor;
  const size = abs(difference) as Tensor;
  const line = mul(sub(size, delta / 2) as Tensor, delta) as Tensor;
  const bowl = mul(square(difference), 0.5) as Tensor;
  return mean(where(lessEqual(size, delta) as Mask, bowl, line) as Tensor) as unknown as Tensor<[], FloatOf<D>>;
}

// ---- running sums --------------------------------------------------------------------------------------------------

/** How running sums and products go along an axis. */
export interface RunningOptions {
  /** The last by default. */
  readonly axis?: number;
  /** Leave the element itself out: the first result is the sum of nothing. */
  readonly exclusive?: boolean;
  /** From the end to the front. */
  readonly reverse?: boolean;
}

const runningTable: OptionTable<RunningOptions> = { axis: axisKind, exclusive: flag, reverse: flag };

/**
 * Sums of the first 1, 2, 3... elements along an axis: y[j] = sum over i <= j of x[i], with a triangular mask. The work is
 * n * n for an axis of n, so for short axes.
 */
export function cumulativeSum<S extends Shape, D extends DType>(
  x: Tensor<S, D>,
  options: RunningOptions = {},
): Tensor<S, D> {
  checkArguments("cumulativeSum", arguments, 2);
  const { part, over } = prefixes(x, 0, options, "cumulativeSum");
  return sum(part, { axis: over }) as unknown as Tensor<S, D>;
}

/** Products of the first 1, 2, 3... elements along an axis; see `cumulativeSum`. The gradient is right at zeros too. */
export function cumulativeProduct<S extends Shape, D extends DType>(
  x: Tensor<S, D>,
  options: RunningOptions = {},
): Tensor<S, D> {
  checkArguments("cumulativeProduct", arguments, 2);
  const { part, over } = prefixes(x, 1, options, "cumulativeProduct");
  return prod(part, { axis: over }) as unknown as Tensor<S, D>;
}

/** [..., j, i, ...]: x[i] where it belongs to the running sum j, `rest` elsewhere. `over` is the axis i. */
function prefixes(x: Tensor, rest: number, given: RunningOptions, call: string): { part: Tensor; over: number } {
  const origin = here(call);
  checkTensor(call, x);
  const options = checkOptions(call, given, runningTable, { before: "a, ", origin });
  const axis = axesOf(x, options.axis ?? -1, origin)[0] ?? 0;
  const extent = x.shape[axis] ?? 1;
  const counts = (along: 0 | 1): Tensor => {
    return applyOp(iota, [], { dtype: "i32", shape: [extent, extent], axis: along }, origin);
  };
  const compare = options.exclusive === true ? less : lessEqual;
  const [front, back] = options.reverse === true ? [counts(0), counts(1)] : [counts(1), counts(0)];
  const behind = x.shape.slice(axis + 1).map(() => 1);
  const mask = reshape(compare(front, back) as Mask, [extent, extent, ...behind]) as Mask;
  const spread = reshape(x, [...x.shape.slice(0, axis), 1, ...x.shape.slice(axis)]) as Tensor;
  return { part: where(mask, spread, rest) as Tensor, over: axis + 1 };
}

/** x scaled to length 1 along an axis: x / max(l2Norm(x), tiny). Zeros stay zeros. */
export function normalize<S extends Shape, D extends DType>(
  x: Tensor<S, D>,
  options: AlongAxis = {},
): Tensor<S, FloatOf<D>> {
  checkArguments("normalize", arguments, 2);
  const value = asFloat("normalize", x);
  const { axis = -1 } = checkOptions("normalize", options, axisTable, { before: "a, " });
  const length = l2Norm(value, { axis, keepDims: true }) as Tensor;
  const zero = equal(length, 0) as Mask;
  return div(value, where(zero, 1, length) as Tensor) as unknown as Tensor<S, FloatOf<D>>;
}
