/** Adamax (Kingma and Ba 2015, section 7): Adam with the largest gradient in place of the mean of squares. */
import { abs, add, div, maximum, mul, sub } from "../../dsl/ops.ts";
import { type OptionsOf, option } from "../schema.ts";
import { oneMinusPower } from "./adam.ts";
import type { CommonOptimizerOptions } from "./common.ts";
import type { Optimizer } from "./optimizer.ts";
import { notNegative, optimizerOf, optimizerSchema, rateKind, share } from "./schema.ts";

const options = {
  /** 0.001 by default; a number, or one of `schedules`. */
  learningRate: option(rateKind, 1e-3),
  /** How much of the running mean of gradients is kept at each update. 0.9 by default. */
  beta1: option(share, 0.9),
  /** How much of the largest gradient so far is kept. 0.999 by default. */
  beta2: option(share, 0.999),
  /** Added to the largest gradient. 1e-7 by default. */
  epsilon: option(notNegative, 1e-7),
};

export interface AdamaxOptions extends OptionsOf<typeof options>, CommonOptimizerOptions {}

export const adamaxSchema = optimizerSchema({
  name: "adamax",
  options,
  moments: { m: {}, u: {} },
  counts: true,
  update({ w, g, lr, t }, before, { beta1, beta2, epsilon }) {
    const m = add(before.m, mul(sub(g, before.m), 1 - beta1));
    const u = maximum(mul(before.u, beta2), abs(g));
    const step = div(mul(lr, m), mul(oneMinusPower(beta1, t), add(u, epsilon)));
    return { m, u, w: sub(w, step) };
  },
});

/** m += (1 - b1)(g - m); u = max(b2 * u, |g|); w -= lr * m / ((1 - b1^t)(u + eps)). */
export function adamax(options: AdamaxOptions = {}): Optimizer<"m" | "u"> {
  return optimizerOf(adamaxSchema, options, arguments);
}
