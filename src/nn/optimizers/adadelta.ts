/** Adadelta (Zeiler 2012): steps scaled by the running size of the steps before. */
import { add, div, mul, sqrt, square, sub } from "../../dsl/ops.ts";
import { type OptionsOf, option } from "../schema.ts";
import type { CommonOptimizerOptions } from "./common.ts";
import type { Optimizer } from "./optimizer.ts";
import { notNegative, optimizerOf, optimizerSchema, rateKind, share } from "./schema.ts";

const options = {
  /** 0.001 by default, and 1 in the paper; a number, or one of `schedules`. */
  learningRate: option(rateKind, 1e-3),
  /** How much of both running means is kept at each update. 0.95 by default. */
  rho: option(share, 0.95),
  /** Added to both, inside the roots. 1e-7 by default. */
  epsilon: option(notNegative, 1e-7),
};

export interface AdadeltaOptions extends OptionsOf<typeof options>, CommonOptimizerOptions {}

export const adadeltaSchema = optimizerSchema({
  name: "adadelta",
  options,
  moments: { v: {}, steps: {} },
  update({ w, g, lr }, before, { rho, epsilon }) {
    const v = add(mul(before.v, rho), mul(square(g), 1 - rho));
    const step = div(mul(sqrt(add(before.steps, epsilon)), g), sqrt(add(v, epsilon)));
    const steps = add(mul(before.steps, rho), mul(square(step), 1 - rho));
    return { v, steps, w: sub(w, mul(lr, step)) };
  },
});

/** v = rho * v + (1 - rho) * g²; step = g * sqrt(steps + eps) / sqrt(v + eps); steps = rho * steps + (1 - rho) * step²; w -= lr * step. */
export function adadelta(options: AdadeltaOptions = {}): Optimizer<"v" | "steps"> {
  return optimizerOf(adadeltaSchema, options, arguments);
}
