/** Adafactor (Shazeer and Stern 2018): the mean of squares of a matrix kept as a row and a column. */
import { flag, number } from "../../core/options.ts";
import { add, div, maximum, mean, minimum, mul, pow, reshape, sqrt, square, sub } from "../../dsl/ops.ts";
import type { Tensor } from "../../dsl/tensor.ts";
import { type OptionsOf, option } from "../schema.ts";
import type { CommonOptimizerOptions } from "./common.ts";
import type { Optimizer } from "./optimizer.ts";
import { notNegative, optimizerOf, optimizerSchema, rateKind } from "./schema.ts";

const options = {
  /** 0.001 by default; a number, or one of `schedules`. With `relativeStep` the largest that it is. */
  learningRate: option(rateKind, 1e-3),
  /** How fast the means forget: less and less, by t to this power. -0.8 by default. */
  beta2Decay: option(number({ below: 0 }), -0.8),
  /** Added to squared gradients. 1e-30 by default. */
  epsilon1: option(notNegative, 1e-30),
  /** The smallest size of a weight that a step is measured by. 0.001 by default. */
  epsilon2: option(notNegative, 1e-3),
  /** The largest size of a step, in roots of its mean square. 1 by default. */
  clipThreshold: option(number({ above: 0 }), 1),
  /** Let the rate fall as 1 / sqrt(t). True by default. */
  relativeStep: option(flag, true),
};

export interface AdafactorOptions extends OptionsOf<typeof options>, CommonOptimizerOptions {}

type Sizes = readonly number[];

export const adafactorSchema = optimizerSchema({
  name: "adafactor",
  options,
  moments: {
    rows: { shape: (sizes: Sizes): Sizes | null => (sizes.length < 2 ? null : sizes.slice(0, -1)) },
    columns: {
      shape: (sizes: Sizes): Sizes | null => (sizes.length < 2 ? null : [...sizes.slice(0, -2), ...sizes.slice(-1)]),
    },
    v: { shape: (sizes: Sizes): Sizes | null => (sizes.length < 2 ? sizes : null) },
  },
  counts: true,
  update({ w, g, lr, t }, { rows, columns, v }, { beta2Decay, epsilon1, epsilon2, clipThreshold, relativeStep }) {
    const fresh = pow(t, beta2Decay);
    const rate = relativeStep ? minimum(lr, div(1, sqrt(t))) : lr;
    const squares = add(square(g), epsilon1);
    const blend = (before: Tensor, now: Tensor): Tensor => add(mul(before, sub(1, fresh)), mul(now, fresh));
    const kept = {
      rows: rows && blend(rows, mean(squares, { axis: -1 })),
      columns: columns && blend(columns, mean(squares, { axis: -2 })),
      v: v && blend(v, squares),
    };
    const spread = kept.rows && kept.columns ? product(kept.rows, kept.columns, w) : (kept.v ?? squares);
    const step = div(g, sqrt(spread));
    const shortened = div(step, maximum(div(size(step), clipThreshold), 1));
    return { ...kept, w: sub(w, mul(mul(maximum(size(w), epsilon2), rate), shortened)) };
  },
});

/** The root of the mean square. */
function size(x: Tensor): Tensor {
  return sqrt(mean(square(x)));
}

/** What a matrix of squares is taken for, from the means of its rows and columns. */
function product(rows: Tensor, columns: Tensor, { shape }: Tensor): Tensor {
  const [outer, last] = [shape.slice(0, -1), shape.slice(-1)];
  const shares = div(rows, mean(rows, { axis: -1, keepDims: true }));
  return mul(reshape(shares, [...outer, 1]), reshape(columns, [...outer.slice(0, -1), 1, ...last]));
}

/**
 * b = 1 - t^beta2Decay; rows and columns are means with b of the means of g² + eps1 along an axis; step = g / sqrt(rows / mean(rows) * columns);
 * w -= min(lr, 1 / sqrt(t)) * max(eps2, rms(w)) * step / max(1, rms(step) / clipThreshold). A vector keeps its mean of squares whole.
 */
export function adafactor(options: AdafactorOptions = {}): Optimizer<"rows" | "columns" | "v"> {
  return optimizerOf(adafactorSchema, options, arguments);
}
