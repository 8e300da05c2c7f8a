/** FTRL-proximal (McMahan et al. 2013): follow the regularized leader; with l1 weights become exactly 0. */
import { number } from "../../core/options.ts";
import { add, div, maximum, minimum, mul, pow, sqrt, square, sub } from "../../dsl/ops.ts";
import type { Tensor } from "../../dsl/tensor.ts";
import { type OptionsOf, option } from "../schema.ts";
import type { CommonOptimizerOptions } from "./common.ts";
import type { Optimizer } from "./optimizer.ts";
import { notNegative, optimizerOf, optimizerSchema, rateKind } from "./schema.ts";

const options = {
  /** 0.001 by default; a number, or one of `schedules`. */
  learningRate: option(rateKind, 1e-3),
  /** How steps fall with the sum of squared gradients; 0 for steps of one size. -0.5 by default. */
  learningRatePower: option(number({ to: 0 }), -0.5),
  /** What the sum of squares starts with. 0.1 by default. */
  initialAccumulatorValue: option(notNegative, 0.1),
  /** How strongly weights are held at 0. 0 by default. */
  l1RegularizationStrength: option(notNegative, 0),
  /** How strongly weights are drawn to 0. 0 by default. */
  l2RegularizationStrength: option(notNegative, 0),
  /** An l2 penalty on the gradient alone. 0 by default. */
  l2ShrinkageRegularizationStrength: option(notNegative, 0),
  /** The paper's beta. 0 by default. */
  beta: option(notNegative, 0),
};

export interface FtrlOptions extends OptionsOf<typeof options>, CommonOptimizerOptions {}

export const ftrlSchema = optimizerSchema({
  name: "ftrl",
  options,
  moments: {
    sum: {
      start: ({ initialAccumulatorValue }: { readonly initialAccumulatorValue: number }) => initialAccumulatorValue,
    },
    linear: {},
  },
  update({ w, g, lr }, before, given) {
    const { learningRatePower, l1RegularizationStrength: l1, l2RegularizationStrength: l2, l2ShrinkageRegularizationStrength: shrinkage, beta } = given; // biome-ignore format: names
    const power = (x: Tensor): Tensor => (learningRatePower === -0.5 ? sqrt(x) : pow(x, -learningRatePower));
    const slope: Tensor = shrinkage === 0 ? g : add(g, mul(w, 2 * shrinkage));
    const sum = add(before.sum, square(g));
    const linear = add(before.linear, sub(slope, mul(div(sub(power(sum), power(before.sum)), lr), w)));
    const pull = add(div(add(power(sum), beta), lr), 2 * l2);
    return { sum, linear, w: div(sub(minimum(maximum(linear, -l1), l1), linear), pull) };
  },
});

/**
 * sum' = sum + g²; linear += g - (sqrt(sum') - sqrt(sum)) / lr * w; w = (clip(linear, -l1, l1) - linear) / ((sqrt(sum') + beta) / lr + 2 * l2).
 * As in Keras the first update forgets what a weight started with; a weight whose gradient is 0 becomes 0 by it.
 */
export function ftrl(options: FtrlOptions = {}): Optimizer<"sum" | "linear"> {
  return optimizerOf(ftrlSchema, options, arguments);
}
