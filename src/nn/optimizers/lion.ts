/** Lion (Chen et al. 2023): steps of one size, in the direction of the sign of a momentum. */
import { add, mul, sign, sub } from "../../dsl/ops.ts";
import { type OptionsOf, option } from "../schema.ts";
import type { CommonOptimizerOptions } from "./common.ts";
import type { Optimizer } from "./optimizer.ts";
import { optimizerOf, optimizerSchema, rateKind, share } from "./schema.ts";

const options = {
  /** 0.001 by default; a number, or one of `schedules`. */
  learningRate: option(rateKind, 1e-3),
  /** How much of the running mean goes into the direction. 0.9 by default. */
  beta1: option(share, 0.9),
  /** How much of it is kept. 0.99 by default. */
  beta2: option(share, 0.99),
};

export interface LionOptions extends OptionsOf<typeof options>, CommonOptimizerOptions {}

export const lionSchema = optimizerSchema({
  name: "lion",
  options,
  moments: { m: {} },
  update({ w, g, lr }, before, { beta1, beta2 }) {
    const direction = sign(add(mul(before.m, beta1), mul(g, 1 - beta1)));
    return { m: add(mul(before.m, beta2), mul(g, 1 - beta2)), w: sub(w, mul(lr, direction)) };
  },
});

/** w -= lr * sign(b1 * m + (1 - b1) * g); m = b2 * m + (1 - b2) * g. */
export function lion(options: LionOptions = {}): Optimizer<"m"> {
  return optimizerOf(lionSchema, options, arguments);
}
