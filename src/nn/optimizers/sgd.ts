/** Stochastic gradient descent. */
import { flag } from "../../core/options.ts";
import { add, mul, sub } from "../../dsl/ops.ts";
import { type OptionsOf, option } from "../schema.ts";
import type { CommonOptimizerOptions } from "./common.ts";
import type { Optimizer } from "./optimizer.ts";
import { optimizerOf, optimizerSchema, rateKind, share } from "./schema.ts";

const options = {
  /** 0.01 by default; a number, or one of `schedules`. */
  learningRate: option(rateKind, 0.01),
  /** How much of the last step is taken again. 0 by default: none. */
  momentum: option(share, 0),
  /** Look ahead by the momentum before the gradient is followed. False by default. */
  nesterov: option(flag, false),
};

export interface SgdOptions extends OptionsOf<typeof options>, CommonOptimizerOptions {}

export const sgdSchema = optimizerSchema({
  name: "sgd",
  options,
  moments: { velocity: { when: ({ momentum }) => momentum > 0 } },
  check: ({ momentum, nesterov }) =>
    nesterov && momentum === 0 ? "nesterov changes nothing without momentum: add momentum: 0.9, say" : null,
  update({ w, g, lr }, { velocity: before }, { momentum, nesterov }) {
    const step = mul(lr, g);
    if (before === undefined) return { w: sub(w, step), velocity: undefined };
    const velocity = sub(mul(before, momentum), step);
    const change = nesterov ? sub(mul(velocity, momentum), step) : velocity;
    return { w: add(w, change), velocity };
  },
});

/** w -= lr * g; with momentum m = mu * m - lr * g and w += m, or w += mu * m - lr * g (Nesterov). */
export function sgd(options: SgdOptions = {}): Optimizer<"velocity"> {
  return optimizerOf(sgdSchema, options, arguments);
}
