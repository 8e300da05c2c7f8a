/** RMSprop (Hinton 2012, lecture 6e): steps divided by the root of a running mean of squared gradients. */
import { flag } from "../../core/options.ts";
import { add, div, mul, sqrt, sub } from "../../dsl/ops.ts";
import { type OptionsOf, option } from "../schema.ts";
import type { CommonOptimizerOptions } from "./common.ts";
import type { Optimizer } from "./optimizer.ts";
import { notNegative, optimizerOf, optimizerSchema, rateKind, share } from "./schema.ts";

const options = {
  /** 0.001 by default; a number, or one of `schedules`. */
  learningRate: option(rateKind, 1e-3),
  /** How much of the running mean of squares is kept at each update. 0.9 by default. */
  rho: option(share, 0.9),
  /** How much of the last step is taken again. 0 by default: none. */
  momentum: option(share, 0),
  /** Added to the mean of squares, inside the root. 1e-7 by default. */
  epsilon: option(notNegative, 1e-7),
  /** Subtract the squared mean of the gradients: their variance instead of their second moment. */
  centered: option(flag, false),
};

export interface RmspropOptions extends OptionsOf<typeof options>, CommonOptimizerOptions {}

export const rmspropSchema = optimizerSchema({
  name: "rmsprop",
  options,
  moments: { v: {}, mean: { when: ({ centered }) => centered }, velocity: { when: ({ momentum }) => momentum > 0 } },
  update({ w, g, lr }, before, { rho, momentum, epsilon }) {
    const v = add(mul(before.v, rho), mul(mul(g, g), 1 - rho));
    const mean = before.mean && add(mul(before.mean, rho), mul(g, 1 - rho));
    const spread = mean === undefined ? v : sub(v, mul(mean, mean));
    const step = div(mul(lr, g), sqrt(add(spread, epsilon)));
    const velocity = before.velocity && add(mul(before.velocity, momentum), step);
    return { v, mean, velocity, w: sub(w, velocity ?? step) };
  },
});

/** v = rho * v + (1 - rho) * g²; w -= lr * g / sqrt(v + eps). */
export function rmsprop(options: RmspropOptions = {}): Optimizer<"v" | "mean" | "velocity"> {
  return optimizerOf(rmspropSchema, options, arguments);
}
