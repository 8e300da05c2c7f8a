/**
 * Keras's activations that are no operation of their own, as functions of tensors. Each is of x alone, element by element, where it
 * says nothing else. A NaN stays NaN in all of them.
 */
import { abs, add, arange, cast, clip, cumulativeSum, div, equal, expm1, greater, greaterEqual, leakyRelu, less, lessEqual, max, mul, neg, relu, sigmoid, slice, softplus, sort, sqrt, square, sub, sum, tanh, where } from "../dsl/ops.ts"; // biome-ignore format: names
import type { Tensor } from "../dsl/tensor.ts";
import type { Shape } from "../graph/shape.ts";

type Values = Tensor<Shape, "f32">;

/** What `relu` of Keras may be given beside x. */
export interface ReluShape {
  /** Times what lies below the threshold. 0 by default. */
  readonly negativeSlope?: number;
  /** The most that comes out. No bound by default. */
  readonly maxValue?: number | undefined;
  /** Where x begins to count. 0 by default. */
  readonly threshold?: number;
}

/** x above the threshold, at most maxValue; negativeSlope * (x - threshold) below. */
export function bentRelu(x: Values, { negativeSlope = 0, maxValue, threshold = 0 }: ReluShape = {}): Values {
  const bent = belowMost(x, negativeSlope, threshold);
  return maxValue === undefined ? bent : where(greater(x, maxValue), maxValue, bent);
}

function belowMost(x: Values, slope: number, threshold: number): Values {
  if (threshold === 0) return slope === 0 ? relu(x) : leakyRelu(x, slope);
  if (slope === 0) return where(lessEqual(x, threshold), 0, x);
  const below = where(less(x, threshold), mul(sub(x, threshold), slope), x);
  return where(equal(x, threshold), 0, below); // where the derivative is 0, as in Keras
}

/** x above 0, alpha * (exp(x) - 1) elsewhere. The derivative at 0 is alpha; that of the operation elu is 1. */
export function elu(x: Values, alpha = 1): Values {
  const positive = greater(x, 0);
  return where(positive, x, mul(expm1(where(positive, 0, x)), alpha));
}

/** min(max(x, 0), 6). The derivative at 6 is 0, as in Keras. */
export const relu6 = (x: Values): Values => where(greaterEqual(x, 6), 6, relu(x));

/** max(x, 0) + min(0, alpha * (exp(x / alpha) - 1)) (Barron 2017). The derivative at 0 is 1. */
export function celu(x: Values, alpha = 1): Values {
  const positive = greaterEqual(x, 0);
  return where(positive, x, mul(expm1(div(where(positive, 0, x), alpha)), alpha));
}

/** x where |x| > threshold (0.5), 0 elsewhere. */
export const hardShrink = (x: Values, threshold = 0.5): Values => where(lessEqual(abs(x), threshold), 0, x);

/** relu6(x + 3) / 6. */
export const hardSigmoid = (x: Values): Values =>
  where(greaterEqual(x, 3), 1, where(lessEqual(x, -3), 0, div(add(x, 3), 6)));

/** x * hardSigmoid(x). */
export const hardSilu = (x: Values): Values => mul(x, hardSigmoid(x));

/** x kept within -1 and 1. The derivative at both is 1. */
export const hardTanh = (x: Values): Values => where(greater(x, 1), 1, where(less(x, -1), -1, x));

/** log(sigmoid(x)). */
export const logSigmoid = (x: Values): Values => neg(softplus(neg(x)));

/** x * tanh(softplus(x)) (Misra 2019). */
export const mish = (x: Values): Values => mul(x, tanh(softplus(x)));

/** x - threshold (0.5) above it, x + threshold below -threshold, 0 between. */
export function softShrink(x: Values, threshold = 0.5): Values {
  return where(greater(x, threshold), sub(x, threshold), where(greaterEqual(x, -threshold), 0, add(x, threshold)));
}

/** x / (1 + |x|). */
export const softsign = (x: Values): Values => div(x, add(abs(x), 1));

/** 0 below -1, x above 1, (x + 1)² / 4 between. */
export function sparsePlus(x: Values): Values {
  const between = square(add(clip(x, -1, 1), 1));
  return where(lessEqual(x, -1), 0, where(greaterEqual(x, 1), x, mul(between, 0.25)));
}

/** 0 below -1, 1 above 1, (x + 1) / 2 between. */
export const sparseSigmoid = (x: Values): Values =>
  where(lessEqual(x, -1), 0, where(greaterEqual(x, 1), 1, mul(add(x, 1), 0.5)));

/** (x + sqrt(x² + b)) / 2, b = 4 (Barron 2021). */
export const squareplus = (x: Values, b = 4): Values => mul(add(x, sqrt(add(square(x), b))), 0.5);

/** x - tanh(x). */
export const tanhShrink = (x: Values): Values => sub(x, tanh(x));

/** x where it is above `level`, `otherwise` elsewhere. */
export const threshold = (x: Values, level: number, otherwise: number): Values =>
  where(lessEqual(x, level), otherwise, x);

/** The first half of the last axis times the sigmoid of the second (Dauphin et al. 2017). */
export function glu(x: Values): Values {
  const width = Number(x.shape.at(-1));
  const before = x.shape.slice(0, -1).map(() => null);
  const half = width / 2;
  return mul(slice(x, ...before, [0, half]), sigmoid(slice(x, ...before, [half, width])));
}

/** Probabilities of which many are 0: the nearest point of the simplex, along the last axis (Martins and Astudillo 2016). */
export function sparsemax(x: Values): Values {
  const width = Number(x.shape.at(-1));
  const low = sub(x, max(x, { axis: -1, keepDims: true }));
  const sorted = sort(low, { axis: -1, descending: true });
  const sums = cumulativeSum(sorted, { axis: -1 });
  const ranks = add(cast(arange(width), "f32"), 1);
  const inside = greater(add(mul(sorted, ranks), 1), sums);
  const count = sum(cast(inside, "f32"), { axis: -1, keepDims: true });
  const tau = div(sub(sum(where(inside, sorted, 0), { axis: -1, keepDims: true }), 1), count);
  return relu(sub(low, tau));
}
