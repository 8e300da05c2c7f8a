/** Schedule-free AdamW (Defazio et al. 2024): a rate that needs no schedule, as the weights are means of all that were reached. */
import { whole } from "../../core/options.ts";
import { add, div, equal, minimum, mul, sqrt, square, sub, where } from "../../dsl/ops.ts";
import { type OptionsOf, option } from "../schema.ts";
import { oneMinusPower } from "./adam.ts";
import type { CommonOptimizerOptions } from "./common.ts";
import type { Optimizer } from "./optimizer.ts";
import { notNegative, optimizerOf, optimizerSchema, rateKind, share } from "./schema.ts";

const options = {
  /** 0.0025 by default; a number, or one of `schedules`. */
  learningRate: option(rateKind, 2.5e-3),
  /** How far the weights that gradients are taken at stand from the last point to the mean. 0.9 by default. */
  beta1: option(share, 0.9),
  /** How much of the running mean of squares is kept. 0.999 by default. */
  beta2: option(share, 0.999),
  /** Added to the root of the mean of squares. 1e-8 by default. */
  epsilon: option(notNegative, 1e-8),
  /** Over how many updates the rate grows from 0. 0 by default. */
  warmupSteps: option(whole({ from: 0 }), 0),
};

/** Options of schedule-free AdamW. */
export interface ScheduleFreeAdamwOptions extends OptionsOf<typeof options>, CommonOptimizerOptions {}

export const scheduleFreeAdamwSchema = optimizerSchema({
  name: "scheduleFreeAdamw",
  options,
  moments: { z: {}, v: {}, total: { shape: (): readonly number[] => [] } },
  counts: true,
  check: ({ beta1 }) => (beta1 > 0 ? null : "beta1 must be above 0: the mean is found from the weights by it"),
  update({ w, g, lr, t }, before, { beta1, beta2, epsilon, warmupSteps }) {
    const rate = warmupSteps === 0 ? lr : mul(lr, minimum(div(t, warmupSteps), 1));
    const z = where(equal(t, 1), w, before.z); // before the first update both points are the weights
    const mean = div(sub(w, mul(z, 1 - beta1)), beta1);
    const v = add(before.v, mul(sub(square(g), before.v), 1 - beta2));
    const moved = sub(z, mul(rate, div(g, add(sqrt(div(v, oneMinusPower(beta2, t))), epsilon))));
    const total = add(before.total ?? 0, square(rate));
    const fresh = div(square(rate), total);
    const nextMean = add(mul(mean, sub(1, fresh)), mul(moved, fresh));
    return { z: moved, v, total, w: add(mul(moved, 1 - beta1), mul(nextMean, beta1)) };
  },
});

/**
 * z -= lr * g / (sqrt(v / (1 - b2^t)) + eps); x is the mean of all z, weighted by lr²; w = (1 - b1) * z + b1 * x, where the gradient is
 * taken. The weights are w in evaluation too.
 */
export function scheduleFreeAdamw(options: ScheduleFreeAdamwOptions = {}): Optimizer<"z" | "v" | "total"> {
  return optimizerOf(scheduleFreeAdamwSchema, options, arguments);
}
