/** Focal losses (Lin et al. 2017): cross-entropies that weigh least what the model is sure of. Formulas are Keras 3's. */
import { either, flag, list, number } from "../../core/options.ts";
import { add, concat, log, mul, neg, pow, reshape, scalar, sigmoid, softmax, sub, sum } from "../../dsl/ops.ts";
import type { InputSpec } from "../../dsl/spec.ts";
import type { Tensor } from "../../dsl/tensor.ts";
import type { SampleShape } from "../layers/layer.ts";
import { type OptionsOf, option } from "../schema.ts";
import { axisKind, axisLast } from "./axis.ts";
import { binaryCrossentropySchema, binaryEntropy, categoricalCrossentropySchema, fromLogits, labelSmoothing, rowProblem, shares, smoothed } from "./cross-entropy.ts"; // biome-ignore format: names
import { type Classes, type Loss, lossOf, lossOptions, lossSchema } from "./loss.ts";

const gamma = option(number({ from: 0 }), 2);

const binaryOptions = lossOptions({
  /** Whether yes is weighed by alpha, and no by 1 - alpha. False by default. */
  applyClassBalancing: option(flag, false),
  /** 0.25 by default. */
  alpha: option(number({ from: 0, to: 1 }), 0.25),
  /** How much less what is certain weighs. 2 by default. */
  gamma,
  /** Outputs are logits. False by default. */
  fromLogits,
  /** By how much labels are drawn to one half. 0 by default. */
  labelSmoothing,
});

/** Options of `binaryFocalCrossentropy`. */
export interface BinaryFocalOptions extends OptionsOf<typeof binaryOptions> {}

export const binaryFocalCrossentropySchema = lossSchema({
  name: "binaryFocalCrossentropy",
  options: binaryOptions,
  labels: "values",
  range: binaryCrossentropySchema.range,
  accuracy: "binaryAccuracy",
  each: "element",
  logits: { activation: "sigmoid", fromLogits: (options) => options.fromLogits },
  classes: (output, target) => binaryCrossentropySchema.classes?.(output, target) ?? null,
  compute(output, given, { alpha, gamma: power, applyClassBalancing, ...options }, isLogits) {
    const labels = smoothed(given, options.labelSmoothing, 2);
    const p = isLogits ? sigmoid(output) : output;
    const right = add(mul(labels, p), mul(sub(1, labels), sub(1, p)));
    const focal = mul(pow(sub(1, right), power), binaryEntropy(output, labels, isLogits));
    return applyClassBalancing ? mul(add(mul(labels, alpha), mul(sub(1, labels), 1 - alpha)), focal) : focal;
  },
});

/** (1 - p)^gamma times the cross-entropy of each answer, p what the model gives to the right one. */
export function binaryFocalCrossentropy(options: BinaryFocalOptions = {}): Loss {
  return lossOf(binaryFocalCrossentropySchema, options, arguments);
}

const weightKind = number({ from: 0 });

const categoricalOptions = lossOptions({
  /** A weight for all classes, or one for each. 0.25 by default. */
  alpha: option(either(weightKind, list(weightKind)), 0.25),
  /** How much less what is certain weighs. 2 by default. */
  gamma,
  /** Outputs are logits. False by default. */
  fromLogits,
  /** By how much labels are drawn to all classes alike. 0 by default. */
  labelSmoothing,
  /** Along which the classes lie. -1 by default: the last. */
  axis: option(axisKind, -1),
});

/** Options of `categoricalFocalCrossentropy`. */
export interface CategoricalFocalOptions extends OptionsOf<typeof categoricalOptions> {}

export const categoricalFocalCrossentropySchema = lossSchema({
  name: "categoricalFocalCrossentropy",
  options: categoricalOptions,
  labels: "values",
  range: categoricalCrossentropySchema.range,
  accuracy: "categoricalAccuracy",
  each: "row",
  check: (output, { axis }) => rowProblem("categoricalFocalCrossentropy", "binaryFocalCrossentropy", output, axis),
  classes: (output: SampleShape, target: InputSpec): Classes | null =>
    categoricalCrossentropySchema.classes?.(output, target) ?? null,
  compute(output, given, { alpha, gamma: power, axis, ...options }) {
    const rows = axisLast(output, axis);
    const labels = smoothed(axisLast(given, axis), options.labelSmoothing, Number(rows.shape.at(-1)));
    const p = shares(options.fromLogits ? softmax(rows) : rows);
    const weight = typeof alpha === "number" ? alpha : rowOf(alpha);
    return sum(mul(mul(pow(sub(1, p), power), weight), neg(mul(labels, log(p)))), { axis: -1 });
  },
});

/** sum(alpha (1 - p)^gamma times the cross-entropy) over the classes. */
export function categoricalFocalCrossentropy(options: CategoricalFocalOptions = {}): Loss {
  return lossOf(categoricalFocalCrossentropySchema, options, arguments);
}

/** A few numbers as a tensor. */
export function rowOf(numbers: readonly number[]): Tensor {
  return concat(numbers.map((value): Tensor => reshape(scalar(value), [1])));
}
