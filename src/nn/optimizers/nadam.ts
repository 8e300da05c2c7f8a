/** Nadam (Dozat 2016): Adam that looks ahead by its momentum, which grows over the first updates. */
import { add, div, full, mul, pow, sqrt, square, sub } from "../../dsl/ops.ts";
import type { Tensor } from "../../dsl/tensor.ts";
import { type OptionsOf, option } from "../schema.ts";
import { oneMinusPower } from "./adam.ts";
import type { CommonOptimizerOptions } from "./common.ts";
import type { Optimizer } from "./optimizer.ts";
import { notNegative, optimizerOf, optimizerSchema, rateKind, share } from "./schema.ts";

const options = {
  /** 0.001 by default; a number, or one of `schedules`. */
  learningRate: option(rateKind, 1e-3),
  /** How much of the running mean of gradients is kept in the long run. 0.9 by default. */
  beta1: option(share, 0.9),
  /** How much of the running mean of their squares is kept. 0.999 by default. */
  beta2: option(share, 0.999),
  /** Added to the root of the mean of squares. 1e-7 by default. */
  epsilon: option(notNegative, 1e-7),
};

export interface NadamOptions extends OptionsOf<typeof options>, CommonOptimizerOptions {}

/** One number for each parameter, the same for all. */
const product = { start: 1, shape: (): readonly number[] => [] };

export const nadamSchema = optimizerSchema({
  name: "nadam",
  options,
  moments: { m: {}, v: {}, product },
  counts: true,
  update({ w, g, lr, t }, before, { beta1, beta2, epsilon }) {
    const momentum = (step: Tensor): Tensor => sub(beta1, mul(pow(full([], 0.96, w.dtype), step), beta1 / 2));
    const [now, next] = [momentum(t), momentum(add(t, 1))];
    const kept: Tensor = mul(before.product ?? full([], 1, w.dtype), now);
    const m = add(before.m, mul(sub(g, before.m), 1 - beta1));
    const v = add(before.v, mul(sub(square(g), before.v), 1 - beta2));
    const ahead = add(div(mul(next, m), sub(1, mul(kept, next))), div(mul(sub(1, now), g), sub(1, kept)));
    const spread = add(sqrt(div(v, oneMinusPower(beta2, t))), epsilon);
    return { m, v, product: kept, w: sub(w, div(mul(ahead, lr), spread)) };
  },
});

/**
 * u(t) = b1 * (1 - 0.96^t / 2), p(t) = u(1) ... u(t); m and v as in Adam;
 * w -= lr * (u(t+1) * m / (1 - p(t+1)) + (1 - u(t)) * g / (1 - p(t))) / (sqrt(v / (1 - b2^t)) + eps).
 */
export function nadam(options: NadamOptions = {}): Optimizer<"m" | "v" | "product"> {
  return optimizerOf(nadamSchema, options, arguments);
}
