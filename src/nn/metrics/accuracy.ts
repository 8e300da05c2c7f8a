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
import { UserError } from "../../core/errors.ts";
import { argmax, cast, equal, greater } from "../../dsl/ops.ts";
import type { Tensor } from "../../dsl/tensor.ts";
import type { Shape } from "../../graph/shape.ts";
import type { Head } from "../built-model.ts";
import { alignTarget } from "../losses/loss.ts";
import type { OutputLoss } from "../losses/losses.ts";
import type { Measuring, Standing } from "./metric.ts";

export const accuracy: Standing = { standsFor: accuracyFor };

/** The largest output stands at the label, or where the label's row is largest. */
export const categoricalAccuracy: Measuring = {
  of: "scores",
  labels: "any",
  check: (shape) =>
    (shape.at(-1) ?? 1) > 1
      ? null
      : 'the metric "categoricalAccuracy" asks which of a row\'s numbers is the largest, and this output has rows of one: use "binaryAccuracy"',
  measure: hitsOfRows,
};

/** Each output lies on its label's side of one half. */
export const binaryAccuracy: Measuring = {
  of: "probabilities",
  labels: "values",
  measure: (probabilities, wanted) => cast(equal(isLarge(probabilities), isLarge(wanted)), "f32"),
};

/** Which of them "accuracy" is here. Throws where outputs are no probabilities, as far as anybody can tell. */
function accuracyFor(loss: OutputLoss, { shape, activation: ending }: Head): ReturnType<Standing["standsFor"]> {
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

/** For each row 1 where its largest number is the label's. Labels are class numbers, or a number for each class. */
function hitsOfRows(rows: Tensor<Shape, "f32">, target: Tensor): Tensor {
  const isRows = target.shape.length === rows.shape.length && target.shape.at(-1) !== 1;
  const labels = isRows ? argmax(alignTarget("categoricalAccuracy", rows, target)) : target;
  const found = argmax(rows);
  return cast(equal(found, alignTarget("categoricalAccuracy", found, labels)), "f32");
}

function isLarge(x: Tensor): Tensor {
  return cast(greater(x, 0.5), "i32");
}
