/**
 * The share of right answers: a row of probabilities is right where its largest stands at the label, a probability of its own is
 * right where it lies on the label's side of one half.
 *
 *   dense(10, { activation: "softmax" }), softmaxCrossEntropy    accuracy is categoricalAccuracy
 *   dense(1, { activation: "sigmoid" }), sigmoidCrossEntropy     accuracy is binaryAccuracy, of each element where there are several
 *
 * The choice is made from loss, activation, width and labels, as in Keras, but for three cases in which Keras's number misleads
 * (docs/from-keras.md): logits are compared by the probability they stand for, several sigmoid columns are several answers, and
 * numbers that are no probabilities have no accuracy.
 */
import { isInteger } from "../../core/dtype.ts";
import { CompilerBug, UserError } from "../../core/errors.ts";
import { count, number } from "../../core/options.ts";
import { and, argmax, cast, equal, greater, less, oneHot, reshape, sum, where } from "../../dsl/ops.ts";
import type { Tensor } from "../../dsl/tensor.ts";
import type { SampleShape } from "../layers/layer.ts";
import { alignTarget } from "../losses/loss.ts";
import type { OutputLoss } from "../losses/losses.ts";
import type { Head } from "../model-contract.ts";
import { type OptionsOf, option } from "../schema.ts";
import { meanOf } from "./means.ts";
import { type Metric, type MetricParts, metricOf, metricSchema, type Named } from "./metric.ts";

const chosen = (): never => {
  throw new CompilerBug("accuracy stands for another metric");
};

export const accuracySchema = metricSchema({
  name: "accuracy",
  options: {},
  make: (): MetricParts => ({
    of: "scores",
    labels: "any",
    slots: chosen,
    update: chosen,
    result: chosen,
    standsFor: accuracyFor,
  }),
});

/** The share of right answers: `categoricalAccuracy` or `binaryAccuracy`, as the loss and the model's last activation say. In a trainer. */
export function accuracy<const N extends string = "accuracy">(options: Named<N> = {}): Metric<NoInfer<N>, "number"> {
  return metricOf(accuracySchema, options, arguments);
}

const rows = (name: string) => (shape: SampleShape) =>
  (shape.at(-1) ?? 1) > 1
    ? null
    : `the metric "${name}" asks which of a row's numbers is the largest, and this output has rows of one: use "binaryAccuracy"`;

const hits = (name: string): MetricParts =>
  meanOf(name, { of: "scores", labels: "any", check: rows(name), measure: hitsOfRows });

export const categoricalAccuracySchema = metricSchema({
  name: "categoricalAccuracy",
  options: {},
  make: () => hits("categoricalAccuracy"),
});

/** The largest output stands at the label, or where the label's row is largest. */
export function categoricalAccuracy<const N extends string = "categoricalAccuracy">(
  options: Named<N> = {},
): Metric<NoInfer<N>, "number"> {
  return metricOf(categoricalAccuracySchema, options, arguments);
}

export const sparseCategoricalAccuracySchema = metricSchema({
  name: "sparseCategoricalAccuracy",
  options: {},
  make: () => hits("sparseCategoricalAccuracy"),
});

/** The same: labels are looked at. */
export function sparseCategoricalAccuracy<const N extends string = "sparseCategoricalAccuracy">(
  options: Named<N> = {},
): Metric<NoInfer<N>, "number"> {
  return metricOf(sparseCategoricalAccuracySchema, options, arguments);
}

const binaryOptions = {
  /** Probabilities above it are yes. One half by default. */
  threshold: option(number(), 0.5),
};

/** Options of `binaryAccuracy`. */
export interface BinaryAccuracyOptions extends OptionsOf<typeof binaryOptions> {}

export const binaryAccuracySchema = metricSchema({
  name: "binaryAccuracy",
  options: binaryOptions,
  make: ({ threshold }) =>
    meanOf("binaryAccuracy", {
      of: "probabilities",
      labels: "values",
      measure: (output, wanted) => cast(equal(isAbove(output, threshold), isAbove(wanted, 0.5)), "f32"),
    }),
});

/** Each output lies on its label's side of the threshold. */
export function binaryAccuracy<const N extends string = "binaryAccuracy">(
  options: BinaryAccuracyOptions & Named<N> = {},
): Metric<NoInfer<N>, "number"> {
  return metricOf(binaryAccuracySchema, options, arguments);
}

export const matchesSchema = metricSchema({
  name: "matches",
  options: {},
  make: () =>
    meanOf("matches", {
      of: "output",
      labels: "values",
      measure: (output, wanted) => cast(equal(output, wanted), "f32"),
    }),
});

/** How often outputs are the target itself: the class `Accuracy` of Keras. */
export function matches<const N extends string = "matches">(options: Named<N> = {}): Metric<NoInfer<N>, "number"> {
  return metricOf(matchesSchema, options, arguments);
}

const topOptions = {
  /** Among how many. 5 by default. */
  k: option(count, 5),
};

/** Options of `topKCategoricalAccuracy`. */
export interface TopKOptions extends OptionsOf<typeof topOptions> {}

const amongTop = (name: string, k: number): MetricParts =>
  meanOf(name, {
    of: "scores",
    labels: "any",
    check: rows(name),
    measure: (output, target) => isAmongTop(output, target, k),
  });

export const topKCategoricalAccuracySchema = metricSchema({
  name: "topKCategoricalAccuracy",
  options: topOptions,
  make: ({ k }) => amongTop("topKCategoricalAccuracy", k),
});

/** The label is among the k largest of its row, ties being within. */
export function topKCategoricalAccuracy<const N extends string = "topKCategoricalAccuracy">(
  options: TopKOptions & Named<N> = {},
): Metric<NoInfer<N>, "number"> {
  return metricOf(topKCategoricalAccuracySchema, options, arguments);
}

export const sparseTopKCategoricalAccuracySchema = metricSchema({
  name: "sparseTopKCategoricalAccuracy",
  options: topOptions,
  make: ({ k }) => amongTop("sparseTopKCategoricalAccuracy", k),
});

/** The same: labels are looked at. */
export function sparseTopKCategoricalAccuracy<const N extends string = "sparseTopKCategoricalAccuracy">(
  options: TopKOptions & Named<N> = {},
): Metric<NoInfer<N>, "number"> {
  return metricOf(sparseTopKCategoricalAccuracySchema, options, arguments);
}

/** Which of them "accuracy" is here. Throws where outputs are no probabilities, as far as anybody can tell. */
function accuracyFor(loss: OutputLoss, { shape, activation: ending }: Head): "categoricalAccuracy" | "binaryAccuracy" {
  const { name, target } = loss;
  if (ending === "softmax") return "categoricalAccuracy";
  if (loss.accuracy !== null) return loss.accuracy;
  const isRow = (shape.at(-1) ?? 1) > 1;
  const areClasses = isRow && isInteger(target.dtype) && target.shape.length === shape.length;
  if (ending === "sigmoid") return areClasses ? "categoricalAccuracy" : "binaryAccuracy";
  if (name === null && isRow) return "categoricalAccuracy";
  const told = name === null ? "a loss of your own" : name;
  throw new UserError(
    `trainer: "accuracy" is the share of right classes, and a model that ends in ${ending} with ${told} gives ` +
      `${isRow ? "numbers" : "a number"}, no classes. For numbers use the metric "meanAbsoluteError"; for probabilities "binaryAccuracy" (on the ` +
      'label\'s side of one half) or "categoricalAccuracy" (the largest of a row stands at the label)',
  );
}

/** For each row the class of its label: labels are class numbers, or a number for each class. */
function labelsOf(name: string, output: Tensor, target: Tensor, found: Tensor): Tensor {
  const isRows = target.shape.length === output.shape.length && target.shape.at(-1) !== 1;
  const labels = isRows ? argmax(alignTarget(name, output, target)) : target;
  return alignTarget(name, found, labels);
}

/** For each row 1 where its largest number is the label's. */
function hitsOfRows(output: Tensor, target: Tensor): Tensor {
  const found = argmax(output);
  return cast(equal(found, labelsOf("categoricalAccuracy", output, target, found)), "f32");
}

/** 1 where fewer than k are above the label's; not where that is NaN. */
function isAmongTop(output: Tensor, target: Tensor, k: number): Tensor {
  const labels = labelsOf("topKCategoricalAccuracy", output, target, argmax(output));
  const isLabel = oneHot(labels, Number(output.shape.at(-1)), "bool");
  const own: Tensor = sum(where(isLabel, output, 0), { axis: -1 });
  const above: Tensor = sum(cast(greater(output, reshape(own, [...own.shape, 1])), "f32"), { axis: -1 });
  return cast(and(less(above, k), equal(own, own)), "f32");
}

function isAbove(x: Tensor, threshold: number): Tensor {
  return cast(greater(x, threshold), "i32");
}
