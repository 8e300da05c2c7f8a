/**
 * Losses of probabilities: minus the logarithm of what the model gives to the right answer. On logits where outputs are that, or come
 * straight out of softmax or sigmoid; else the probabilities are kept from 1e-7 to 1 - 1e-7, as in Keras 3.
 */
import { isFloat } from "../../core/dtype.ts";
import { flag, number, whole } from "../../core/options.ts";
import { add, clip, div, greater, log, maximum, mul, neg, notEqual, oneHot, pow, sigmoidCrossEntropy as sigmoidLoss, softmaxCrossEntropy as softmaxLoss, sub, sum, where } from "../../dsl/ops.ts"; // biome-ignore format: names
import type { InputSpec } from "../../dsl/spec.ts";
import type { Tensor } from "../../dsl/tensor.ts";
import { sameShape } from "../../graph/shape.ts";
import type { SampleShape } from "../layers/layer.ts";
import { type OptionsOf, option } from "../schema.ts";
import { axisKind, axisLast } from "./axis.ts";
import { type Classes, epsilon, finite, type Loss, type LossOptions, lossOf, lossOptions, lossSchema } from "./loss.ts"; // biome-ignore format: names

const ofClasses = { range: finite, accuracy: "categoricalAccuracy", each: "row" } as const;

/** What is wrong with one output for each sample. The batch is axis 0. */
export function rowProblem(name: string, binary: string, output: SampleShape, axis = -1): string | null {
  if ((output.at(axis < 0 ? axis : axis - 1) ?? 1) > 1) return null;
  return (
    `${name} needs an output for each class, so at least two; of one the loss is always 0. For two classes by ` +
    `one output use ${binary}, and dense(1, { activation: "sigmoid" }) or dense(1)`
  );
}

/** Class numbers, or with floats rows of them. */
function classesOfRows(output: SampleShape, { shape, dtype }: InputSpec): Classes | null {
  const classes = output.at(-1) ?? 1;
  const target = shape.slice(1);
  if (sameShape(target, output.slice(0, -1))) return { classes, isOneHot: false };
  return sameShape(target, output) && isFloat(dtype) ? { classes, isOneHot: true } : null;
}

export const softmaxCrossEntropySchema = lossSchema({
  name: "softmaxCrossEntropy",
  options: lossOptions({}),
  labels: "classes",
  ...ofClasses,
  logits: { activation: "softmax", fromLogits: () => true, isStrict: true },
  check: (output) => rowProblem("softmaxCrossEntropy", "sigmoidCrossEntropy", output),
  classes: classesOfRows,
  compute: (logits, labels) => softmaxLoss(logits, labels),
});

/**
 * Of a model that ends in softmax or in no activation: Keras's sparse categorical cross-entropy. Labels are class numbers; with floats
 * as labels they are one-hot rows or probabilities.
 */
export function softmaxCrossEntropy(options: LossOptions = {}): Loss {
  return lossOf(softmaxCrossEntropySchema, options, arguments);
}

/** A label from 0 (no) to 1 (yes) for each output. */
const answers = {
  labels: "values",
  range: {
    least: 0,
    most: 1,
    wanted:
      "it must be from 0 (no) to 1 (yes). Numbers of classes go with softmaxCrossEntropy; pixels from 0 to 255 have to be divided by 255, which is done for x alone",
  },
  accuracy: "binaryAccuracy",
  each: "element",
  classes: (output: SampleShape): Classes | null => (output.at(-1) === 1 ? { classes: 2, isOneHot: false } : null),
} as const;

export const sigmoidCrossEntropySchema = lossSchema({
  name: "sigmoidCrossEntropy",
  options: lossOptions({}),
  ...answers,
  logits: { activation: "sigmoid", fromLogits: () => true, isStrict: true },
  compute: (logits, labels) => sigmoidLoss(logits, labels),
});

/** Of a model that ends in sigmoid or in no activation: each output is a question of its own, its label from 0 (no) to 1 (yes). */
export function sigmoidCrossEntropy(options: LossOptions = {}): Loss {
  return lossOf(sigmoidCrossEntropySchema, options, arguments);
}

export const fromLogits = option(flag, false);
export const labelSmoothing = option(number({ from: 0, to: 1 }), 0);

const binaryOptions = lossOptions({
  /** Outputs are logits. False by default: they are probabilities; what comes out of sigmoid is taken without it either way. */
  fromLogits,
  /** By how much labels are drawn to one half: 0.2 makes 0.1 and 0.9 of 0 and 1. 0 by default. */
  labelSmoothing,
});

/** Options of `binaryCrossentropy`. */
export interface BinaryCrossentropyOptions extends OptionsOf<typeof binaryOptions> {}

export const binaryCrossentropySchema = lossSchema({
  name: "binaryCrossentropy",
  options: binaryOptions,
  ...answers,
  logits: { activation: "sigmoid", fromLogits: (options) => options.fromLogits },
  compute: (output, labels, options, isLogits) =>
    binaryEntropy(output, smoothed(labels, options.labelSmoothing, 2), isLogits),
});

/** Keras's: each output is a question of its own, its label from 0 (no) to 1 (yes). Also "bce". */
export function binaryCrossentropy(options: BinaryCrossentropyOptions = {}): Loss {
  return lossOf(binaryCrossentropySchema, options, arguments);
}

/** Of each element. */
export function binaryEntropy(output: Tensor, labels: Tensor, isLogits: boolean): Tensor {
  if (isLogits) return sigmoidLoss(output, labels);
  const p = clip(output, epsilon, 1 - epsilon);
  return neg(add(mul(labels, log(p)), mul(sub(1, labels), log(sub(1, p)))));
}

/** Labels that are drawn to the mean of `classes`. */
export function smoothed(labels: Tensor, by: number, classes: number): Tensor {
  return by === 0 ? labels : add(mul(labels, 1 - by), by / classes);
}

const categoricalOptions = lossOptions({
  /** Outputs are logits. False by default: they are probabilities; what comes out of softmax is taken without it either way. */
  fromLogits,
  /** By how much labels are drawn to all classes alike: 0.1 makes 0.91 and 0.01 of 1 and 0 where there are ten. 0 by default. */
  labelSmoothing,
  /** Along which the classes lie. -1 by default: the last. */
  axis: option(axisKind, -1),
});

/** Options of `categoricalCrossentropy`. */
export interface CategoricalCrossentropyOptions extends OptionsOf<typeof categoricalOptions> {}

export const categoricalCrossentropySchema = lossSchema({
  name: "categoricalCrossentropy",
  options: categoricalOptions,
  labels: "values",
  ...ofClasses,
  logits: { activation: "softmax", fromLogits: (options) => options.fromLogits },
  check: (output, { axis }) => rowProblem("categoricalCrossentropy", "binaryCrossentropy", output, axis),
  classes(output, target) {
    const found = classesOfRows(output, target);
    return found?.isOneHot === true ? found : null;
  },
  compute(output, given, { axis, ...options }, isLogits) {
    const rows = axisLast(output, axis);
    const labels = smoothed(axisLast(given, axis), options.labelSmoothing, Number(rows.shape.at(-1)));
    if (isLogits) return softmaxLoss(rows, labels);
    return neg(sum(mul(labels, log(shares(rows))), { axis: -1 }));
  },
});

/** Keras's: labels are a number for each class, one-hot or probabilities. */
export function categoricalCrossentropy(options: CategoricalCrossentropyOptions = {}): Loss {
  return lossOf(categoricalCrossentropySchema, options, arguments);
}

/** Probabilities that sum to 1, kept off 0 and 1. */
export function shares(rows: Tensor): Tensor {
  return clip(div(rows, sum(rows, { axis: -1, keepDims: true })), epsilon, 1 - epsilon);
}

const sparseOptions = lossOptions({
  /** Outputs are logits. False by default: they are probabilities; what comes out of softmax is taken without it either way. */
  fromLogits,
  /** Samples, or pixels, of this class do not count, and the mean is over the others. None by default. */
  ignoreClass: option(whole()),
});

/** Options of `sparseCategoricalCrossentropy`. */
export interface SparseCategoricalCrossentropyOptions extends OptionsOf<typeof sparseOptions> {}

export const sparseCategoricalCrossentropySchema = lossSchema({
  name: "sparseCategoricalCrossentropy",
  options: sparseOptions,
  labels: "numbers",
  ...ofClasses,
  logits: { activation: "softmax", fromLogits: (options) => options.fromLogits },
  check: (output) => rowProblem("sparseCategoricalCrossentropy", "binaryCrossentropy", output),
  classes(output, target) {
    const found = classesOfRows(output, target);
    return found?.isOneHot === false ? found : null;
  },
  counts: (labels, { ignoreClass }) => (ignoreClass === undefined ? undefined : notEqual(labels, ignoreClass)),
  compute(output, labels, { ignoreClass }, isLogits) {
    const ignore = ignoreClass === undefined ? {} : { ignore: ignoreClass };
    return isLogits
      ? softmaxLoss(output, labels, ignore)
      : softmaxLoss(shares(output), labels, { ...ignore, probabilities: true });
  },
});

/** Keras's: labels are class numbers, one for each row. */
export function sparseCategoricalCrossentropy(options: SparseCategoricalCrossentropyOptions = {}): Loss {
  return lossOf(sparseCategoricalCrossentropySchema, options, arguments);
}

const generalizedOptions = lossOptions({
  /** Between cross-entropy (near 0) and the mean absolute error (1). 0.5 by default. */
  q: option(number({ above: 0, to: 1 }), 0.5),
});

/** Options of `categoricalGeneralizedCrossEntropy`. */
export interface GeneralizedCrossEntropyOptions extends OptionsOf<typeof generalizedOptions> {}

export const categoricalGeneralizedCrossEntropySchema = lossSchema({
  name: "categoricalGeneralizedCrossEntropy",
  options: generalizedOptions,
  labels: "numbers",
  ...ofClasses,
  compute(output, labels, { q }) {
    const right = sum(mul(output, oneHot(labels, Number(output.shape.at(-1)))), { axis: -1 });
    return div(sub(1, pow(right, q)), q);
  },
});

/** (1 - p^q) / q of the right class's probability: bears wrong labels better (Zhang, Sabuncu 2018). Labels are class numbers. */
export function categoricalGeneralizedCrossEntropy(options: GeneralizedCrossEntropyOptions = {}): Loss {
  return lossOf(categoricalGeneralizedCrossEntropySchema, options, arguments);
}

export const klDivergenceSchema = lossSchema({
  name: "klDivergence",
  options: lossOptions({}),
  labels: "values",
  range: finite,
  accuracy: "categoricalAccuracy",
  each: "row",
  compute(output, wanted) {
    const [p, q] = [held(wanted), held(output)];
    return sum(mul(p, log(div(p, q))), { axis: -1 });
  },
});

/** From 1e-7 to 1; a probability of 1 has a gradient still. */
function held(p: Tensor): Tensor {
  const least = maximum(p, epsilon);
  return where(greater(least, 1), 1, least);
}

/** sum(target log(target / output)) of each row of probabilities, both kept from 1e-7 to 1. Also "kld". */
export function klDivergence(options: LossOptions = {}): Loss {
  return lossOf(klDivergenceSchema, options, arguments);
}
