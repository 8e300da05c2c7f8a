/** Adam (Kingma and Ba 2015) and AdamW (Loshchilov and Hutter 2019): running means of gradients and of their squares. */
import { flag } from "../../core/options.ts";
import { add, div, expm1, maximum, mul, neg, sqrt, sub } from "../../dsl/ops.ts";
import type { Tensor } from "../../dsl/tensor.ts";
import { type OptionsOf, option } from "../schema.ts";
import type { CommonOptimizerOptions } from "./common.ts";
import type { Optimizer, Parameter } from "./optimizer.ts";
import { notNegative, optimizerOf, optimizerSchema, rateKind, share } from "./schema.ts";

const adamOptions = {
  /** 0.001 by default; a number, or one of `schedules`. */
  learningRate: option(rateKind, 1e-3),
  /** How much of the running mean of gradients is kept at each update. 0.9 by default. */
  beta1: option(share, 0.9),
  /** How much of the running mean of their squares is kept. 0.999 by default. */
  beta2: option(share, 0.999),
  /** Added to the root of the mean of squares. 1e-7 by default. */
  epsilon: option(notNegative, 1e-7),
  /** Divide by the largest second moment so far. */
  amsgrad: option(flag, false),
};

export interface AdamOptions extends OptionsOf<typeof adamOptions>, CommonOptimizerOptions {}

const moments = { m: {}, v: {}, vMax: { when: ({ amsgrad }: { readonly amsgrad: boolean }) => amsgrad } };

export const adamSchema = optimizerSchema({
  name: "adam",
  options: adamOptions,
  moments,
  counts: true,
  update: adamStep,
});

/** m += (1 - b1)(g - m); v += (1 - b2)(g² - v); w -= lr * sqrt(1 - b2^t) / (1 - b1^t) * m / (sqrt(v) + eps). */
export function adam(options: AdamOptions = {}): Optimizer<"m" | "v" | "vMax"> {
  return optimizerOf(adamSchema, options, arguments);
}

const adamwOptions = {
  ...adamOptions,
  /** As for the others, but 0.004 by default. */
  weightDecay: option(notNegative, 0.004),
};

export interface AdamwOptions extends OptionsOf<typeof adamwOptions>, Omit<CommonOptimizerOptions, "weightDecay"> {}

export const adamwSchema = optimizerSchema({
  name: "adamw",
  options: adamwOptions,
  moments,
  counts: true,
  update: adamStep,
});

/** Adam, with w -= lr * weightDecay * w before the update. */
export function adamw(options: AdamwOptions = {}): Optimizer<"m" | "v" | "vMax"> {
  return optimizerOf(adamwSchema, options, arguments);
}

/** One update of Adam, for optimizers that have it inside as well. */
export function adamStep(
  { w, g, lr, t }: Parameter,
  before: { readonly m: Tensor; readonly v: Tensor; readonly vMax?: Tensor | undefined },
  { beta1, beta2, epsilon }: { readonly beta1: number; readonly beta2: number; readonly epsilon: number },
) {
  const m = add(before.m, mul(sub(g, before.m), 1 - beta1));
  const v = add(before.v, mul(sub(mul(g, g), before.v), 1 - beta2));
  const vMax = before.vMax && maximum(before.vMax, v);
  const correction = div(sqrt(oneMinusPower(beta2, t)), oneMinusPower(beta1, t));
  const step = div(mul(mul(lr, correction), m), add(sqrt(vMax ?? v), epsilon));
  return { m, v, vMax, w: sub(w, step) };
}

/** 1 - base^t, without the cancellation that would cost half the digits while base^t is near 1. */
export function oneMinusPower(base: number, t: Tensor): Tensor {
  return neg(expm1(mul(t, Math.log(base))));
}
