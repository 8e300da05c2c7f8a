/**
 * Random tensors. All come from one source, Threefry-2x32-20: the same seed gives the same bits on every target, new ones
 * at each call of the entry, and another stream at each place in the program.
 */
import { isFloat } from "../core/dtype.ts";
import { ShapeError } from "../core/errors.ts";
import { checkArguments, checkOptions, checkValue, number, type OptionTable } from "../core/options.ts";
import { atLine, here } from "../core/origin.ts";
import { random } from "../graph/ops/source.ts";
import type { Shape } from "../graph/shape.ts";
import { applyOp } from "./build.ts";
import { checkShape, checkTensor } from "./check.ts";
import { greaterEqual, less, where } from "./logic.ts";
import { add, cos, log, mul, neg, sqrt, sub } from "./math.ts";
import type { Tensor } from "./tensor.ts";

/** Uniform random numbers in [0, 1): new ones at each call of the entry, another stream at each place in the program. */
export function randomUniform<const S extends Shape>(shape: S): Tensor<[...S], "f32">;
export function randomUniform(shape: Shape): Tensor {
  checkArguments("randomUniform", arguments, 1);
  const attrs = { dtype: "f32", shape: checkShape("randomUniform", shape), stream: 0 };
  return applyOp(random, [], attrs, here("randomUniform"));
}

/** 32 random bits an element. */
export function randomBits<const S extends Shape>(shape: S): Tensor<[...S], "u32">;
export function randomBits(shape: Shape): Tensor {
  checkArguments("randomBits", arguments, 1);
  const attrs = { dtype: "u32", shape: checkShape("randomBits", shape), stream: 0 };
  return applyOp(random, [], attrs, here("randomBits"));
}

export interface NormalOptions {
  /** 0 by default. */
  readonly mean?: number;
  /** 1 by default. */
  readonly deviation?: number;
}

const normalTable: OptionTable<NormalOptions> = { mean: number(), deviation: number({ from: 0 }) };

/**
 * Normally distributed numbers by Box and Muller: sqrt(-2 log(1 - u)) cos(2 pi v), with u and v uniform in [0, 1). The
 * largest distance from the mean is 5.8 deviations, as u has 24 bits.
 */
export function randomNormal<const S extends Shape>(shape: S, options?: NormalOptions): Tensor<[...S], "f32">;
export function randomNormal(shape: Shape, options: NormalOptions = {}): Tensor {
  checkArguments("randomNormal", arguments, 2);
  checkShape("randomNormal", shape);
  const { mean = 0, deviation = 1 } = checkOptions("randomNormal", options, normalTable, { before: "shape, " });
  const left = sub(1, randomUniform(shape)); // in (0, 1]: never the logarithm of 0
  const radius = sqrt(mul(neg(log(left)), 2));
  const angle = mul(randomUniform(shape), 2 * Math.PI);
  const standard = mul(radius, cos(angle));
  return add(mul(standard, deviation), mean);
}

/** True with this probability, exact to 24 bits. */
export function randomBernoulli<const S extends Shape>(shape: S, probability: number): Tensor<[...S], "bool">;
export function randomBernoulli(shape: Shape, probability: number): Tensor {
  checkArguments("randomBernoulli", arguments, 2);
  checkShape("randomBernoulli", shape);
  checkValue("randomBernoulli", "the probability", probability, number({ from: 0, to: 1 }));
  return less(randomUniform(shape), probability);
}

/** Zeroes each element with probability `rate` and scales the others by 1 / (1 - rate). New noise at each call. */
export function dropout<S extends Shape>(x: Tensor<S, "f32">, rate: number): Tensor<S, "f32">;
export function dropout(x: Tensor, rate: number): Tensor {
  checkArguments("dropout", arguments, 2);
  const value = checkTensor("dropout", x);
  checkValue("dropout", "the rate", rate, number({ from: 0, below: 1 }));
  if (!isFloat(value.dtype)) {
    throw new ShapeError(`dropout: x is ${value.dtype}, wanted floats: cast it first${atLine(here("dropout"))}`);
  }
  const keep = greaterEqual(randomUniform(value.shape), rate);
  return where(keep, mul(value, 1 / (1 - rate)), 0);
}
