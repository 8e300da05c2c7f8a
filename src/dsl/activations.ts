/**
 * Activations. Stability is part of each definition: exp only of what is not positive, and branches chosen by `where`, whose gradient
 * drops the other branch.
 */
import type { DType } from "../core/dtype.ts";
import { checkArguments, checkOptions, checkValue, flag, number, type OptionTable } from "../core/options.ts";
import type { Shape } from "../graph/shape.ts";
import { axisTable, checkTensor } from "./check.ts";
import { greater, greaterEqual, where } from "./logic.ts";
import { add, div, erf, exp, expm1, log, log1p, maximum, mul, neg, square, sub, tanh } from "./math.ts";
import { sum } from "./reduce.ts";
import type { AlongAxis } from "./shape-types.ts";
import { shifted } from "./stable.ts";
import type { Mask, Tensor } from "./tensor.ts";

/** max(x, 0). Its slope at 0 is 0. */
export function relu<S extends Shape, D extends DType>(x: Tensor<S, D>): Tensor<S, D>;
export function relu(x: Tensor): Tensor {
  checkArguments("relu", arguments, 1);
  return maximum(checkTensor("relu", x), 0);
}

/**
 * -|x|, with the slope of the branch x >= 0 at 0. The slope of abs, which is 0 there, would make the derivatives of
 * sigmoid and softplus wrong at 0, where training from zeros starts.
 */
function negativeAbs(x: Tensor, positive: Mask): Tensor {
  return where(positive, neg(x), x);
}

/** 1 / (1 + exp(-x)), without overflow: from exp(-|x|), which is at most 1. */
export function sigmoid<S extends Shape, D extends DType>(x: Tensor<S, D>): Tensor<S, D>;
export function sigmoid(x: Tensor): Tensor {
  checkArguments("sigmoid", arguments, 1);
  const value = checkTensor("sigmoid", x);
  const positive = greaterEqual(value, 0);
  const shrunk = exp(negativeAbs(value, positive));
  const numerator = where(positive, 1, shrunk);
  return div(numerator, add(shrunk, 1));
}

/** log(1 + exp(x)) without overflow: max(x, 0) + log(1 + exp(-|x|)). */
export function softplus<S extends Shape, D extends DType>(x: Tensor<S, D>): Tensor<S, D>;
export function softplus(x: Tensor): Tensor {
  checkArguments("softplus", arguments, 1);
  const value = checkTensor("softplus", x);
  const positive = greaterEqual(value, 0);
  const tail = log1p(exp(negativeAbs(value, positive)));
  return add(where(positive, value, 0), tail);
}

/** Checks what a function along one axis is given. */
function alongAxis(call: string, x: Tensor, options: AlongAxis): { readonly value: Tensor; readonly axis: number } {
  const value = checkTensor(call, x);
  return { value, axis: checkOptions(call, options, axisTable, { before: "a, " }).axis ?? -1 };
}

/** Probabilities along an axis: exp(x) / sum(exp(x)), with the maximum taken out first. */
export function softmax<S extends Shape, D extends DType>(x: Tensor<S, D>, options?: AlongAxis): Tensor<S, D>;
export function softmax(x: Tensor, options: AlongAxis = {}): Tensor {
  checkArguments("softmax", arguments, 2);
  const { value, axis } = alongAxis("softmax", x, options);
  const weights = exp(shifted(value, axis));
  return div(weights, sum(weights, { axis, keepDims: true }));
}

/** log(softmax(x)), computed as x - max - log(sum(exp(x - max))). */
export function logSoftmax<S extends Shape, D extends DType>(x: Tensor<S, D>, options?: AlongAxis): Tensor<S, D>;
export function logSoftmax(x: Tensor, options: AlongAxis = {}): Tensor {
  checkArguments("logSoftmax", arguments, 2);
  const { value, axis } = alongAxis("logSoftmax", x, options);
  const low = shifted(value, axis);
  const norm = log(sum(exp(low), { axis, keepDims: true }));
  return sub(low, norm);
}

/** x where x > 0, slope * x elsewhere; `slope` is 0.2, as in Keras. The derivative at 0 is the slope. */
export function leakyRelu<S extends Shape, D extends DType>(x: Tensor<S, D>, slope?: number): Tensor<S, D>;
export function leakyRelu(x: Tensor, slope = 0.2): Tensor {
  checkArguments("leakyRelu", arguments, 2);
  const value = checkTensor("leakyRelu", x);
  const positive = greater(value, 0);
  const below = mul(value, checkValue("leakyRelu", "the slope", slope, number()));
  return where(positive, value, below);
}

/** x where x >= 0, alpha * (exp(x) - 1) elsewhere. The derivative at 0 is 1. */
export function elu<S extends Shape, D extends DType>(x: Tensor<S, D>, alpha?: number): Tensor<S, D>;
export function elu(x: Tensor, alpha = 1): Tensor {
  checkArguments("elu", arguments, 2);
  const value = checkTensor("elu", x);
  checkValue("elu", "alpha", alpha, number());
  const positive = greaterEqual(value, 0);
  const below = where(positive, 0, value); // exp of large numbers would overflow where it is not used
  return where(positive, value, mul(expm1(below), alpha));
}

/** 1.0507 * elu(x, 1.6733): keeps mean 0 and variance 1 (Klambauer et al. 2017). */
export function selu<S extends Shape, D extends DType>(x: Tensor<S, D>): Tensor<S, D>;
export function selu(x: Tensor): Tensor {
  checkArguments("selu", arguments, 1);
  const value = checkTensor("selu", x);
  return mul(elu(value, 1.6732632423543772), 1.0507009873554805);
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
export function gelu<S extends Shape, D extends DType>(x: Tensor<S, D>, options?: GeluOptions): Tensor<S, D>;
export function gelu(x: Tensor, options: GeluOptions = {}): Tensor {
  checkArguments("gelu", arguments, 2);
  const value = checkTensor("gelu", x);
  const { approximate = false } = checkOptions("gelu", options, geluTable, { before: "a, " });
  const half = mul(value, 0.5);
  if (!approximate) {
    return mul(half, add(erf(mul(value, Math.SQRT1_2)), 1));
  }
  const bent = mul(value, add(mul(square(value), 0.044715), 1));
  const share = add(tanh(mul(bent, Math.sqrt(2 / Math.PI))), 1);
  return mul(half, share);
}

/** x * sigmoid(x), also called swish. */
export function silu<S extends Shape, D extends DType>(x: Tensor<S, D>): Tensor<S, D>;
export function silu(x: Tensor): Tensor {
  checkArguments("silu", arguments, 1);
  const value = checkTensor("silu", x);
  return mul(value, sigmoid(value));
}
