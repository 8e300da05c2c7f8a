/** Adagrad (Duchi et al. 2011): steps divided by the root of the sum of all squared gradients. */
import { add, div, mul, sqrt, square, sub } from "../../dsl/ops.ts";
import { type OptionsOf, option } from "../schema.ts";
import type { CommonOptimizerOptions } from "./common.ts";
import type { Optimizer } from "./optimizer.ts";
import { notNegative, optimizerOf, optimizerSchema, rateKind } from "./schema.ts";

const options = {
  /** 0.001 by default; a number, or one of `schedules`. */
  learningRate: option(rateKind, 1e-3),
  /** What the sum of squares starts with. 0.1 by default. */
  initialAccumulatorValue: option(notNegative, 0.1),
  /** Added to the sum, inside the root. 1e-7 by default. */
  epsilon: option(notNegative, 1e-7),
};

export interface AdagradOptions extends OptionsOf<typeof options>, CommonOptimizerOptions {}

export const adagradSchema = optimizerSchema({
  name: "adagrad",
  options,
  moments: {
    sum: {
      start: ({ initialAccumulatorValue }: { readonly initialAccumulatorValue: number }) => initialAccumulatorValue,
    },
  },
  update({ w, g, lr }, before, { epsilon }) {
    const sum = add(before.sum, square(g));
    return { sum, w: sub(w, div(mul(lr, g), sqrt(add(sum, epsilon)))) };
  },
});

/** sum += g²; w -= lr * g / sqrt(sum + eps). */
export function adagrad(options: AdagradOptions = {}): Optimizer<"sum"> {
  return optimizerOf(adagradSchema, options, arguments);
}
