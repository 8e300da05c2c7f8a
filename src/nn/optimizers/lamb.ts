/** LAMB (You et al. 2020): Adam whose step is as long as the weight, for large batches. */
import { add, div, equal, mul, or, sqrt, square, sub, sum, where } from "../../dsl/ops.ts";
import type { Tensor } from "../../dsl/tensor.ts";
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
  /** How much of the running mean of their squares is kept. 0.999 by default. */
  beta2: option(share, 0.999),
  /** Added to the root of the mean of squares. 1e-7 by default. */
  epsilon: option(notNegative, 1e-7),
};

export interface LambOptions extends OptionsOf<typeof options>, CommonOptimizerOptions {}

export const lambSchema = optimizerSchema({
  name: "lamb",
  options,
  moments: { m: {}, v: {} },
  counts: true,
  update({ w, g, lr, t }, before, { beta1, beta2, epsilon }) {
    const m = add(before.m, mul(sub(g, before.m), 1 - beta1));
    const v = add(before.v, mul(sub(square(g), before.v), 1 - beta2));
    const step = div(div(m, oneMinusPower(beta1, t)), add(sqrt(div(v, oneMinusPower(beta2, t))), epsilon));
    const [length, stepLength] = [norm(w), norm(step)];
    const isNone = or(equal(length, 0), equal(stepLength, 0));
    const ratio = where(isNone, 1, div(length, where(isNone, 1, stepLength)));
    return { m, v, w: sub(w, mul(mul(ratio, lr), step)) };
  },
});

function norm(x: Tensor): Tensor {
  return sqrt(sum(square(x)));
}

/** step = Adam's without its learning rate; w -= lr * |w| / |step| * step, where the quotient is 1 if one of them is 0. */
export function lamb(options: LambOptions = {}): Optimizer<"m" | "v"> {
  return optimizerOf(lambSchema, options, arguments);
}
