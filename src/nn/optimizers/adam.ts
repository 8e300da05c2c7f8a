/** Adam (Kingma and Ba 2015) and AdamW (Loshchilov and Hutter 2019): running means of gradients and of their squares. */
import { flag } from "../../core/options.ts";
import { add, div, expm1, maximum, mul, neg, sqrt, sub } from "../../dsl/ops.ts";
import type { Tensor } from "../../dsl/tensor.ts";
import { type OptionsOf, option, type ValuesOf } from "../schema.ts";
import type { Optimizer, Parameter } from "./optimizer.ts";
import { type MomentTensors, notNegative, optimizerOf, optimizerSchema, share } from "./schema.ts";

const adamOptions = {
  /** 0.001 by default. */
  learningRate: option(notNegative, 1e-3),
  /** How much of the running mean of gradients is kept at each update. 0.9 by default. */
  beta1: option(share, 0.9),
  /** How much of the running mean of their squares is kept. 0.999 by default. */
  beta2: option(share, 0.999),
  /** Added to the root of the mean of squares. 1e-7 by default. */
  epsilon: option(notNegative, 1e-7),
  /** Divide by the largest second moment so far. */
  amsgrad: option(flag, false),
};

export interface AdamOptions extends OptionsOf<typeof adamOptions> {}

const moments = { m: {}, v: {}, vMax: { when: ({ amsgrad }: { readonly amsgrad: boolean }) => amsgrad } };

export const adamSchema = optimizerSchema({
  name: "adam",
  options: adamOptions,
  moments,
  counts: true,
  update: (parameter, before, options) => adamUpdate(parameter, before, options, 0),
});

/** m += (1 - b1)(g - m); v += (1 - b2)(g² - v); w -= lr * sqrt(1 - b2^t) / (1 - b1^t) * m / (sqrt(v) + eps). */
export function adam(options: AdamOptions = {}): Optimizer<"m" | "v" | "vMax"> {
  return optimizerOf(adamSchema, options, arguments);
}

const adamwOptions = {
  ...adamOptions,
  /** The share of each weight that an update takes away, times the learning rate. 0.004 by default. */
  weightDecay: option(notNegative, 0.004),
};

export interface AdamwOptions extends OptionsOf<typeof adamwOptions> {}

export const adamwSchema = optimizerSchema({
  name: "adamw",
  options: adamwOptions,
  moments,
  counts: true,
  update: (parameter, before, options) => adamUpdate(parameter, before, options, options.weightDecay),
});

/** Adam, with w -= lr * weightDecay * w before the update. */
export function adamw(options: AdamwOptions = {}): Optimizer<"m" | "v" | "vMax"> {
  return optimizerOf(adamwSchema, options, arguments);
}

function adamUpdate(
  { w, g, lr, t }: Parameter,
  before: MomentTensors<typeof moments>,
  { beta1, beta2, epsilon }: ValuesOf<typeof adamOptions>,
  weightDecay: number,
) {
  const m = add(before.m, mul(sub(g, before.m), 1 - beta1));
  const v = add(before.v, mul(sub(mul(g, g), before.v), 1 - beta2));
  const vMax = before.vMax && maximum(before.vMax, v);
  const correction = div(sqrt(oneMinusPower(beta2, t)), oneMinusPower(beta1, t));
  const step = div(mul(mul(lr, correction), m), add(sqrt(vMax ?? v), epsilon));
  const kept = weightDecay === 0 ? w : sub(w, mul(mul(lr, weightDecay), w));
  return { m, v, vMax, w: sub(kept, step) };
}

/** 1 - base^t, without the cancellation that would cost half the digits while base^t is near 1. */
function oneMinusPower(base: number, t: Tensor): Tensor {
  return neg(expm1(mul(t, Math.log(base))));
}
