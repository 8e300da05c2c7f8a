/** Losses of probabilities, on logits: minus the logarithm of what the model gives to the right answer. */
import { isFloat } from "../../core/dtype.ts";
import { sigmoidCrossEntropy as sigmoidLoss, softmaxCrossEntropy as softmaxLoss } from "../../dsl/ops.ts";
import { finite, type LossSchema } from "./loss.ts";

/**
 * Keras's sparse categorical cross-entropy: labels are class numbers. With floats as labels they are one-hot rows or
 * probabilities.
 */
export const softmaxCrossEntropy: LossSchema = {
  onLogits: "softmax",
  labels: "classes",
  range: finite,
  accuracy: "categoricalAccuracy",
  check: (output) =>
    (output.at(-1) ?? 1) > 1
      ? null
      : "softmaxCrossEntropy needs an output for each class, so at least two; of one the loss is always 0. For two classes by " +
        'one output use sigmoidCrossEntropy, and dense(1, { activation: "sigmoid" }) or dense(1)',
  classes(output, { shape, dtype }) {
    const classes = output.at(-1) ?? 1;
    if (shape.length === 1) return { classes, isOneHot: false };
    return shape.length === 2 && shape[1] === classes && isFloat(dtype) ? { classes, isOneHot: true } : null;
  },
  measure: (logits, labels) => softmaxLoss(logits, labels),
};

/** Each output is a question of its own, its label from 0 (no) to 1 (yes). */
export const sigmoidCrossEntropy: LossSchema = {
  onLogits: "sigmoid",
  labels: "values",
  range: {
    least: 0,
    most: 1,
    wanted: "it must be from 0 (no) to 1 (yes); of several classes take softmaxCrossEntropy",
  },
  accuracy: "binaryAccuracy",
  classes: (_, { shape }) => (shape.slice(1).every((size) => size === 1) ? { classes: 2, isOneHot: false } : null),
  measure: (logits, labels) => sigmoidLoss(logits, labels),
};
