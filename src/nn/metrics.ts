/**
 * Metrics by name, and which of them "accuracy" stands for: a row of probabilities is right where its largest stands at the
 * label, a probability of its own is right where it lies on the label's side of one half.
 *
 *   dense(10, { activation: "softmax" }), softmaxCrossEntropy    accuracy is categoricalAccuracy
 *   dense(1, { activation: "sigmoid" }), sigmoidCrossEntropy     accuracy is binaryAccuracy, of each element where there are several
 *
 * The choice is made from loss, activation, width and labels, as in Keras, but for three cases in which Keras's number misleads
 * (docs/from-keras.md): logits are compared by the probability they stand for, several sigmoid columns are several answers, and
 * numbers that are no probabilities have no accuracy.
 */

import { isInteger } from "../core/dtype.ts";
import { UserError } from "../core/errors.ts";
import type { Spelled } from "../core/spelling.ts";
import { argmax, cast, equal, greater } from "../dsl/ops.ts";
import type { Tensor } from "../dsl/tensor.ts";
import type { Shape } from "../graph/shape.ts";
import { type ActivationName, activate } from "./layers/activations.ts";
import type { SampleShape } from "./layers/layer.ts";
import { absoluteError, alignTarget, type Loss, type Measure, named, squaredError } from "./losses.ts";
import type { Head, OutputTensor } from "./model.ts";

/**
 * accuracy: one of the next two. categoricalAccuracy: the largest output stands at the label, or where the label's row is
 * largest. binaryAccuracy: each output lies on its label's side of one half. The errors compare element by element.
 */
export type MetricName = Spelled<
  ("accuracy" | "categoricalAccuracy" | "binaryAccuracy") | ("meanSquaredError" | "meanAbsoluteError")
>;

/** A metric for one output of a model. */
export type Metric = (output: OutputTensor, target: Tensor) => Tensor;

type Accuracy = "categoricalAccuracy" | "binaryAccuracy";

/** By name, or a function of the model's output, with its last activation, and the target. */
export function resolveMetric(metric: MetricName | Measure, loss: Loss, head: Head): Metric {
  if (typeof metric === "function") return (output, target) => metric(shownBy(output), target);
  return named(metrics, metric, "metric")(loss, head);
}

const metrics: Readonly<Record<MetricName, (loss: Loss, head: Head) => Metric>> = {
  accuracy: (loss, head) => metrics[accuracyFor(loss, head)](loss, head),
  categoricalAccuracy(loss, { shape }) {
    checkRow(shape);
    // arg max is the same for logits and probabilities
    return (output, target) => hitsOfRows(loss.onLogits === null ? shownBy(output) : output.logits, target);
  },
  binaryAccuracy: (loss) => (output, target) => {
    const probabilities = probabilitiesBy(output, loss.onLogits);
    const wanted = alignTarget("binaryAccuracy", probabilities, target);
    return cast(equal(isLarge(probabilities), isLarge(wanted)) as Tensor, "f32");
  },
  meanSquaredError: () => (output, target) => squaredError("meanSquaredError")(shownBy(output), target),
  meanAbsoluteError: () => (output, target) => absoluteError("meanAbsoluteError")(shownBy(output), target),
};

export const metricNames = Object.keys(metrics) as readonly MetricName[];

/** Which of them "accuracy" is here. Throws where outputs are no probabilities, as far as anybody can tell. */
function accuracyFor({ name, target }: Loss, { shape, activation: ending }: Head): Accuracy {
  if (name === "softmaxCrossEntropy" || ending === "softmax") return "categoricalAccuracy";
  const isRow = (shape.at(-1) ?? 1) > 1;
  const areClasses = isRow && isInteger(target.dtype) && target.shape.length === shape.length;
  if (name === "sigmoidCrossEntropy") return "binaryAccuracy";
  if (ending === "sigmoid") return areClasses ? "categoricalAccuracy" : "binaryAccuracy";
  if (name === null && isRow) return "categoricalAccuracy";
  const told = name === null ? "a loss of your own" : name;
  throw new UserError(
    `trainer: "accuracy" is the share of right classes, and a model that ends in ${ending} with ${told} gives ` +
      `${isRow ? "numbers" : "a number"}, no classes. For numbers use the metric "meanAbsoluteError"; for probabilities "binaryAccuracy" (on the ` +
      'label\'s side of one half) or "categoricalAccuracy" (the largest of a row stands at the label)',
  );
}

function checkRow(shape: SampleShape): void {
  if ((shape.at(-1) ?? 1) > 1) return;
  throw new UserError(
    'trainer: the metric "categoricalAccuracy" asks which of a row\'s numbers is the largest, and this output has rows of one: use "binaryAccuracy"',
  );
}

/** For each row 1 where its largest number is the label's. Labels are class numbers, or a number for each class. */
function hitsOfRows(rows: Tensor<Shape, "f32">, target: Tensor): Tensor {
  const labels = target.shape.length === rows.shape.length && target.shape.at(-1) !== 1 ? argmaxOf(rows, target) : target; // biome-ignore format: short
  const found = argmax(rows as Tensor) as Tensor<Shape, "i32">;
  return cast(equal(found, alignTarget("categoricalAccuracy", found, labels)) as Tensor, "f32");
}

function argmaxOf(rows: Tensor, target: Tensor): Tensor {
  return argmax(alignTarget("categoricalAccuracy", rows, target) as Tensor) as Tensor;
}

function isLarge(x: Tensor): Tensor {
  return cast(greater(x, 0.5) as Tensor, "i32");
}

function shownBy({ logits, activation }: OutputTensor): Tensor<Shape, "f32"> {
  return activate(activation, logits);
}

/** The probabilities that the loss sees: a model without a last activation gives logits to a loss on logits. */
function probabilitiesBy(output: OutputTensor, onLogits: ActivationName | null): Tensor<Shape, "f32"> {
  if (onLogits === null || output.activation !== "linear") return shownBy(output);
  return activate(onLogits, output.logits);
}
