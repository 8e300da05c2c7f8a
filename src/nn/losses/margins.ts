/** Losses of margins and angles: hinges, and the cosine of two rows. */
import { add, div, equal, less, max, mul, neg, sqrt, square, sub, sum, where } from "../../dsl/ops.ts";
import type { Tensor } from "../../dsl/tensor.ts";
import { type OptionsOf, option } from "../schema.ts";
import { axisKind, axisLast } from "./axis.ts";
import { finite, type Loss, type LossOptions, lossOf, lossOptions, lossSchema } from "./loss.ts";

const ofSides = { labels: "values", range: finite, accuracy: null, each: "element" } as const;

/** max(1 - label output, 0); a label of 0 is -1. */
function hinged(output: Tensor, labels: Tensor): Tensor {
  const sides = where(equal(labels, 0), -1, labels);
  return positive(sub(1, mul(sides, output)));
}

/** max(x, 0) with a slope of 1 at 0, as Keras has it. */
function positive(x: Tensor): Tensor {
  return where(less(x, 0), 0, x);
}

export const hingeSchema = lossSchema({ name: "hinge", options: lossOptions({}), ...ofSides, compute: hinged });

/** max(1 - label output, 0); labels are -1 and 1, or 0 and 1. */
export function hinge(options: LossOptions = {}): Loss {
  return lossOf(hingeSchema, options, arguments);
}

export const squaredHingeSchema = lossSchema({
  name: "squaredHinge",
  options: lossOptions({}),
  ...ofSides,
  compute: (output, labels) => square(hinged(output, labels)),
});

/** The square of `hinge`. */
export function squaredHinge(options: LossOptions = {}): Loss {
  return lossOf(squaredHingeSchema, options, arguments);
}

export const categoricalHingeSchema = lossSchema({
  name: "categoricalHinge",
  options: lossOptions({}),
  labels: "values",
  range: finite,
  accuracy: null,
  each: "row",
  compute(output, labels) {
    const right = sum(mul(labels, output), { axis: -1 });
    const wrong = max(mul(sub(1, labels), output), { axis: -1 });
    return positive(add(sub(wrong, right), 1));
  },
});

/** max(largest wrong output - right output + 1, 0); labels are one-hot rows. */
export function categoricalHinge(options: LossOptions = {}): Loss {
  return lossOf(categoricalHingeSchema, options, arguments);
}

const cosineOptions = lossOptions({
  /** Along which rows lie. -1 by default: the last. */
  axis: option(axisKind, -1),
});

/** Options of `cosineSimilarity`. */
export interface CosineSimilarityOptions extends OptionsOf<typeof cosineOptions> {}

export const cosineSimilaritySchema = lossSchema({
  name: "cosineSimilarity",
  options: cosineOptions,
  labels: "values",
  range: finite,
  accuracy: null,
  each: "row",
  compute: (output, wanted, { axis }) =>
    neg(sum(mul(unit(axisLast(output, axis)), unit(axisLast(wanted, axis))), { axis: -1 })),
});

/** Minus the cosine of the angle between output and target: -1 where they point the same way. 0 where either is zero. */
export function cosineSimilarity(options: CosineSimilarityOptions = {}): Loss {
  return lossOf(cosineSimilaritySchema, options, arguments);
}

/** Rows of length 1. A row of zeros stays that, and no gradient flows to it. */
export function unit(rows: Tensor): Tensor {
  const squares = sum(square(rows), { axis: -1, keepDims: true });
  const isZero = equal(squares, 0);
  return where(isZero, 0, div(rows, sqrt(where(isZero, 1, squares))));
}
