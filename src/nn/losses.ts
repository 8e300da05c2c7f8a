/**
 * Losses by name, for `trainer`: what each compares, and how its result is summed over samples. Metrics are in metrics.ts.
 *
 * Every loss and metric gives one number a sample (or a finer tensor, or one number for the batch); `perSample` brings
 * those forms together, so that a mean over an epoch weighs samples and not batches. Losses that are stable only on logits
 * ask for logits, and a model that ends in softmax or sigmoid is then taken without that last step.
 */

import { isFloat } from "../core/dtype.ts";
import { ShapeError, UserError } from "../core/errors.ts";
import { didYouMean, show } from "../core/options.ts";
import type { Spelled } from "../core/spelling.ts";
import { tensorFrom } from "../dsl/check.ts";
import { sigmoidCrossEntropy, softmaxCrossEntropy, square } from "../dsl/composites.ts";
import { abs, cast, div, mul, reshape, size, sub, sum } from "../dsl/ops.ts";
import { f32, type InputSpec, i32 } from "../dsl/spec.ts";
import type { Tensor } from "../dsl/tensor.ts";
import { printShape, type Shape, sameShape } from "../graph/shape.ts";
import type { ActivationName } from "./layers/activations.ts";
import type { SampleShape } from "./layers/layer.ts";

/** Compares a model's output with the target: one number a sample, or the mean over the batch. */
export type Measure = (output: Tensor<Shape, "f32">, target: Tensor) => Tensor;

/**
 * softmaxCrossEntropy is Keras's sparse categorical cross-entropy: labels are class numbers. With `target: f32("batch", 10)` they
 * are one-hot rows or probabilities of 10 classes. Each of the others compares with a target shaped like the output.
 */
export type LossName = Spelled<"softmaxCrossEntropy" | "sigmoidCrossEntropy" | "meanSquaredError" | "meanAbsoluteError">; // biome-ignore format: long

/** A loss, ready to be put into a program. */
export interface Loss {
  /** Null for a function of the user's. */
  readonly name: LossName | null;
  readonly measure: Measure;
  /** It takes logits: the model's last activation, which must be this one or none, is left out. */
  readonly onLogits: ActivationName | null;
  /** What is compared with: an input with the batch in front. */
  readonly target: InputSpec;
  /** Null where only a function of the user's knows. */
  readonly range: TargetRange | null;
}

/** What the numbers of a target may be, besides what dtype and classes demand. Checked before the first step. */
export interface TargetRange {
  readonly least: number;
  readonly most: number;
  /** For messages: "it must be ...". */
  readonly wanted: string;
}

/** `what` compares, for messages: "the loss". */
export const squaredError =
  (what: string): Measure =>
  (output, target) =>
    square(sub(output as Tensor, alignTarget(what, output, target)) as Tensor);

export const absoluteError =
  (what: string): Measure =>
  (output, target) =>
    abs(sub(output as Tensor, alignTarget(what, output, target)) as Tensor);

const losses: Readonly<Record<LossName, Measure>> = {
  softmaxCrossEntropy(logits, target) {
    // Floats are a number for each class, anything else the class.
    const labels = alignTarget("softmaxCrossEntropy", isFloat(target.dtype) ? logits : classesFor(logits), target);
    return softmaxCrossEntropy(logits as never, labels as Tensor<Shape, "i32">);
  },
  sigmoidCrossEntropy: (logits, target) =>
    sigmoidCrossEntropy(logits as Tensor, alignTarget("sigmoidCrossEntropy", logits, target)),
  meanSquaredError: squaredError("meanSquaredError"),
  meanAbsoluteError: absoluteError("meanAbsoluteError"),
};

const largestF32 = (2 - 2 ** -23) * 2 ** 127;
const finite: TargetRange = { least: -largestF32, most: largestF32, wanted: "it must be a finite f32" };

const targetRanges: Readonly<Record<LossName, TargetRange>> = {
  softmaxCrossEntropy: finite,
  sigmoidCrossEntropy: {
    least: 0,
    most: 1,
    wanted: "it must be from 0 (no) to 1 (yes); of several classes take softmaxCrossEntropy",
  },
  meanSquaredError: finite,
  meanAbsoluteError: finite,
};

/** By name, or a function of the model's output and the target; `target` says what the function is given. */
export function resolveLoss(
  loss: LossName | Measure,
  output: SampleShape,
  ending: ActivationName,
  target: InputSpec | undefined,
): Loss {
  const dense = f32("batch", ...output);
  checkSoftmax(ending, output);
  if (typeof loss === "function") {
    return { name: null, measure: loss, onLogits: null, target: target ?? dense, range: null };
  }
  const measure = named(losses, loss, "loss");
  const onLogits = logitsOf[loss];
  if (onLogits !== null && ending !== onLogits && ending !== "linear") {
    throw new UserError(`${loss} is for a model that ends in ${onLogits} or in no activation, not in ${ending}`);
  }
  if (loss === "softmaxCrossEntropy") checkClasses(output);
  const labels = loss === "softmaxCrossEntropy" ? i32("batch", ...output.slice(0, -1)) : dense;
  return { name: loss, measure, onLogits, target: target ?? labels, range: targetRanges[loss] };
}

/**
 * The target in the form that `like` has: its dtype, and its shape but for a last axis of one: labels [batch] stand beside
 * outputs [batch,1], and the other way about. Anything else would be broadcast, to as many comparisons as there are pairs.
 */
export function alignTarget(what: string, like: Pick<Tensor, "shape" | "dtype">, target: Tensor): Tensor {
  const wanted = like.shape;
  const isAlike = sameShape(squeezed(target.shape), squeezed(wanted));
  if (!isAlike) {
    throw new ShapeError(
      `trainer: ${what} compares ${printShape(wanted)} with a target of that shape; the target is ${target.dtype}${printShape(target.shape)}`,
    );
  }
  const shaped = sameShape(target.shape, wanted) ? target : (reshape(target, wanted) as Tensor);
  return shaped.dtype === like.dtype ? shaped : cast(shaped, like.dtype);
}

/** Sum over the batch and mean over the batch of a measure's result. */
export interface Sums {
  readonly total: Tensor<[], "f32">;
  readonly mean: Tensor<[], "f32">;
}

/**
 * `batch` is any tensor with the batch in front. `what` is for the message. With weights, one a sample, each sample's value is
 * multiplied by its weight and the mean is still over the number of samples: Keras's "sum_over_batch_size".
 */
export function perSample(measured: Tensor, batch: Tensor, what: string, weights?: Tensor<Shape, "f32">): Sums {
  const samples = size(batch, 0, "f32");
  const values = cast(tensorFrom(what, measured), "f32");
  if (values.shape.length === 0) {
    if (weights !== undefined) {
      throw new ShapeError(`${what} gives one number for the batch: to be weighted it must give one for each sample`);
    }
    return { total: mul(values as Tensor<[], "f32">, samples), mean: values as Tensor<[], "f32"> };
  }
  if (values.shape[0] !== batch.shape[0]) {
    const found = `a tensor of shape ${printShape(values.shape)}`;
    throw new ShapeError(`${what} must give one number, or one for each sample of the batch; it gave ${found}`);
  }
  if (values.shape.indexOf(batch.shape[0] ?? "batch", 1) !== -1) {
    throw new ShapeError(
      `${what} gave ${printShape(values.shape)}, every sample with every other: output and target were broadcast against each ` +
        'other. Give both one shape: reshape(target, output.shape), or target: f32("batch", 1)',
    );
  }
  const each = values.shape.slice(1).reduce((product: number, dim) => product * Number(dim), 1);
  const sumOfAll = sum(weights === undefined ? values : weighted(values, weights)) as Tensor<[], "f32">;
  const total = each === 1 ? sumOfAll : div(sumOfAll, each);
  return { total, mean: div(total, samples) };
}

function weighted(values: Tensor<Shape, "f32">, weights: Tensor<Shape, "f32">): Tensor<Shape, "f32"> {
  const [samples = "batch", ...inner] = values.shape;
  const column = inner.length === 0 ? weights : reshape(weights, [samples, ...inner.map(() => 1)]);
  return mul(values as Tensor, column as Tensor) as Tensor<Shape, "f32">;
}

const logitsOf: Readonly<Record<LossName, ActivationName | null>> = {
  softmaxCrossEntropy: "softmax",
  sigmoidCrossEntropy: "sigmoid",
  meanSquaredError: null,
  meanAbsoluteError: null,
};

/** Without a last axis of one, behind the batch. */
function squeezed(shape: Shape): Shape {
  return shape.length > 1 && shape.at(-1) === 1 ? shape.slice(0, -1) : shape;
}

/** What class numbers for these rows look like. */
function classesFor({ shape }: Tensor): Pick<Tensor, "shape" | "dtype"> {
  return { shape: shape.slice(0, -1), dtype: "i32" };
}

/** The softmax of a row of one is 1, whatever the number, and its gradient 0: training would change nothing. */
function checkSoftmax(ending: ActivationName, output: SampleShape): void {
  if (ending !== "softmax" || (output.at(-1) ?? 1) > 1) return;
  throw new UserError(
    "trainer: the softmax of a row of one is always 1. For one probability end in sigmoid, with sigmoidCrossEntropy; " +
      "for classes have an output for each: dense(2), say",
  );
}

function checkClasses(output: SampleShape): void {
  if ((output.at(-1) ?? 1) > 1) return;
  throw new UserError(
    "trainer: softmaxCrossEntropy needs an output for each class, so at least two; of one the loss is always 0. For two classes by " +
      'one output use sigmoidCrossEntropy, and dense(1, { activation: "sigmoid" }) or dense(1)',
  );
}

export function named<Name extends string, T>(table: Readonly<Record<Name, T>>, name: Name, what: string): T {
  if (Object.hasOwn(table, name)) return table[name];
  const known = Object.keys(table).join(", ");
  const hint = typeof name === "string" ? didYouMean(name, Object.keys(table)) : "";
  throw new UserError(`there is no ${what} ${show(name)}${hint} (there are: ${known}); a function works too`);
}

export const lossNames = Object.keys(losses) as readonly LossName[];
