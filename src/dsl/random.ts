/**
 * Random tensors. All come from one source, Threefry-2x32-20: the same seed gives the same bits on every target, new ones
 * at each call of the entry, and another stream at each place in the program.
 */

import { checkArguments, checkOptions, checkValue, number, type OptionTable } from "../core/options.ts";
import { here } from "../core/origin.ts";
import { random } from "../graph/ops/source.ts";
import type { Shape } from "../graph/shape.ts";
import { checkShape } from "./check.ts";
import { add, cos, less, log, mul, neg, randomUniform, sqrt, sub } from "./ops.ts";
import { applyOp, type Tensor } from "./tensor.ts";

/** 32 random bits an element. */
export function randomBits<const S extends Shape>(shape: S): Tensor<[...S], "u32"> {
  checkArguments("randomBits", arguments, 1);
  const attrs = { dtype: "u32", shape: checkShape("randomBits", shape), stream: 0 };
  return applyOp(random, [], attrs, here("randomBits")) as Tensor<[...S], "u32">;
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
export function randomNormal<const S extends Shape>(shape: S, options: NormalOptions = {}): Tensor<[...S], "f32"> {
  checkArguments("randomNormal", arguments, 2);
  checkShape("randomNormal", shape);
  const { mean = 0, deviation = 1 } = checkOptions("randomNormal", options, normalTable, { before: "shape, " });
  const left = sub(1, randomUniform(shape) as Tensor) as Tensor; // in (0, 1]: never the logarithm of 0
  const radius = sqrt(mul(neg(log(left) as Tensor) as Tensor, 2) as Tensor) as Tensor;
  const angle = mul(randomUniform(shape) as Tensor, 2 * Math.PI) as Tensor;
  const standard = mul(radius, cos(angle) as Tensor) as Tensor;
  return add(mul(standard, deviation) as Tensor, mean) as unknown as Tensor<[...S], "f32">;
}

/** True with this probability, exact to 24 bits. */
export function randomBernoulli<const S extends Shape>(shape: S, probability: number): Tensor<[...S], "bool"> {
  checkArguments("randomBernoulli", arguments, 2);
  checkShape("randomBernoulli", shape);
  checkValue("randomBernoulli", "the probability", probability, number({ from: 0, to: 1 }));
  return less(randomUniform(shape) as Tensor, probability) as unknown as Tensor<[...S], "bool">;
}
