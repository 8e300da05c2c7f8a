/**
 * Functions written in the primitives: activations, losses, metrics. Each gets its gradient, every target and every test
 * for free. Numerical stability is part of each definition.
 */

import { type DType, isFloat } from "../core/dtype.ts";
import { ShapeError, UserError } from "../core/errors.ts";
import {
  checkArguments,
  checkOptions,
  checkValue,
  flag,
  number,
  type OptionTable,
  show,
  whole,
} from "../core/options.ts";
import { atLine, here, type Origin } from "../core/origin.ts";
import { sameIntegers } from "../graph/integers.ts";
import { oneHot as oneHotOp } from "../graph/ops/index-ops.ts";
import { input as inputOp } from "../graph/ops/source.ts";
import { slopedAs } from "../graph/ops/transform.ts";
import { type Dim, multiplyDims, printShape, type Shape } from "../graph/shape.ts";
import { axesOf, axisTable, checkShapes, checkTensor, checkTensors, reduceOptions } from "./check.ts";
import { asFloat, type FloatOf } from "./floats.ts";
import {
  abs,
  add,
  and,
  argmax,
  cast,
  div,
  equal,
  exp,
  greaterEqual,
  less,
  log,
  log1p,
  max,
  maximum,
  minimum,
  mul,
  neg,
  randomUniform,
  reshape,
  size,
  stopGradient,
  sub,
  sum,
  where,
} from "./ops.ts";
import type { CheckLabels, RowsOf } from "./part-types.ts";
import { rootOrZero } from "./root.ts";
import type {
  AlongAxis,
  CheckAxis,
  CheckDTypes,
  CheckOptions,
  NoOptions,
  ReduceOptions,
  ReduceShape,
} from "./shape-types.ts";
import { applyOp, scalar, type Tensor } from "./tensor.ts";

// ---- statistics ----------------------------------------------------------------------------------------------------

/** How many elements a reduction takes together, as a scalar of x's dtype; symbolic dimensions count when bound. */
function countOf(x: Tensor, axis: ReduceOptions["axis"]): Tensor | number {
  const axes = axesOf(x, axis, here("mean"));
  let known: Dim = 1;
  let count: Tensor | undefined;
  for (const a of axes) {
    const product = multiplyDims(known, x.shape[a] ?? 1);
    if (typeof product === "number") known = product;
    else count = count === undefined ? size(x, a, x.dtype) : mul(count, size(x, a, x.dtype));
  }
  return count === undefined ? Number(known) : mul(count, Number(known));
}

/** Mean over an axis, several, or all. Of whole numbers and truth values it is an f32, as for all that divide. */
export function mean<S extends Shape, D extends DType, const O extends ReduceOptions = NoOptions>(
  x: Tensor<S, D> & CheckAxis<"mean", S, O>,
  options?: O & CheckOptions<"mean", O, ReduceOptions>,
): Tensor<ReduceShape<S, O>, FloatOf<D>> {
  checkArguments("mean", arguments, 2);
  const value = asFloat("mean", x);
  const given = reduceOptions("mean", options);
  return div(sum(value, given) as Tensor, countOf(value, given.axis)) as unknown as Tensor<
    ReduceShape<S, O>,
    FloatOf<D>
  >;
}

/** x * x. */
export function square<S extends Shape, D extends DType>(x: Tensor<S, D>): Tensor<S, D> {
  checkArguments("square", arguments, 1);
  checkTensor("square", x);
  return mul(x, x) as unknown as Tensor<S, D>;
}

/** Mean squared distance from the mean (divided by n, as NumPy does). */
export function variance<S extends Shape, D extends DType, const O extends ReduceOptions = NoOptions>(
  x: Tensor<S, D> & CheckAxis<"variance", S, O>,
  options?: O & CheckOptions<"variance", O, ReduceOptions>,
): Tensor<ReduceShape<S, O>, FloatOf<D>> {
  checkArguments("variance", arguments, 2);
  const value = asFloat("variance", x);
  const given = reduceOptions("variance", options);
  const centre = mean(value, { ...given, keepDims: true }) as Tensor;
  return mean(square(sub(value, centre) as Tensor), given) as unknown as Tensor<ReduceShape<S, O>, FloatOf<D>>;
}

/** Square root of the sum of squares of all tensors of a list: the length of a gradient. The slope of a length of 0 is 0. */
export function globalNorm(tensors: readonly Tensor[]): Tensor<[]> {
  checkArguments("globalNorm", arguments, 1);
  const squares = checkTensors("globalNorm", tensors, "tensors").map(
    (x) => sum(square(asFloat("globalNorm", x))) as Tensor,
  );
  const [first, ...rest] = squares;
  if (first === undefined) return scalar(0);
  return rootOrZero(rest.reduce((total, next) => add(total, next) as Tensor, first)) as Tensor<[]>;
}

// ---- activations ---------------------------------------------------------------------------------------------------

/** max(x, 0). Its slope at 0 is 0. */
export function relu<S extends Shape, D extends DType>(x: Tensor<S, D>): Tensor<S, D> {
  checkArguments("relu", arguments, 1);
  return maximum(checkTensor("relu", x), 0) as unknown as Tensor<S, D>;
}

/**
 * -|x|, with the slope of the branch x >= 0 at 0. The slope of abs, which is 0 there, would make the derivatives of
 * sigmoid and softplus wrong at 0, where training from zeros starts.
 */
function negativeAbs(x: Tensor, positive: Tensor<Shape, "bool">): Tensor {
  return where(positive, neg(x), x) as Tensor;
}

/** 1 / (1 + exp(-x)), without overflow: from exp(-|x|), which is at most 1. */
export function sigmoid<S extends Shape, D extends DType>(x: Tensor<S, D>): Tensor<S, D> {
  checkArguments("sigmoid", arguments, 1);
  const value = checkTensor("sigmoid", x);
  const positive = greaterEqual(value, 0) as Tensor<Shape, "bool">;
  const shrunk = exp(negativeAbs(value, positive)) as Tensor;
  const numerator = where(positive, 1, shrunk) as Tensor;
  return div(numerator, add(shrunk, 1)) as unknown as Tensor<S, D>;
}

/** log(1 + exp(x)) without overflow: max(x, 0) + log(1 + exp(-|x|)). */
export function softplus<S extends Shape, D extends DType>(x: Tensor<S, D>): Tensor<S, D> {
  checkArguments("softplus", arguments, 1);
  const value = checkTensor("softplus", x);
  const positive = greaterEqual(value, 0) as Tensor<Shape, "bool">;
  const tail = log1p(exp(negativeAbs(value, positive)) as Tensor) as Tensor;
  return add(where(positive, value, 0), tail) as unknown as Tensor<S, D>;
}

/** Checks what a function along one axis is given. */
function alongAxis(call: string, x: Tensor, options: AlongAxis): { readonly value: Tensor; readonly axis: number } {
  const value = checkTensor(call, x);
  return { value, axis: checkOptions(call, options, axisTable, { before: "a, " }).axis ?? -1 };
}

/** x minus its largest element along the axis: what exp can take. The maximum carries no gradient; it cancels. */
function shifted(x: Tensor, axis: number): Tensor {
  return sub(x, stopGradient(max(x, { axis, keepDims: true }) as Tensor)) as Tensor;
}

/** Probabilities along an axis: exp(x) / sum(exp(x)), with the maximum taken out first. */
export function softmax<S extends Shape, D extends DType>(x: Tensor<S, D>, options: AlongAxis = {}): Tensor<S, D> {
  checkArguments("softmax", arguments, 2);
  const { value, axis } = alongAxis("softmax", x, options);
  const weights = exp(shifted(value, axis)) as Tensor;
  return div(weights, sum(weights, { axis, keepDims: true })) as unknown as Tensor<S, D>;
}

/** log(softmax(x)), computed as x - max - log(sum(exp(x - max))). */
export function logSoftmax<S extends Shape, D extends DType>(x: Tensor<S, D>, options: AlongAxis = {}): Tensor<S, D> {
  checkArguments("logSoftmax", arguments, 2);
  const { value, axis } = alongAxis("logSoftmax", x, options);
  const low = shifted(value, axis);
  const norm = log(sum(exp(low) as Tensor, { axis, keepDims: true }) as Tensor) as Tensor;
  return sub(low, norm) as unknown as Tensor<S, D>;
}

// ---- losses --------------------------------------------------------------------------------------------------------

/** What scores and labels are. */
export interface CrossEntropyOptions {
  /** The scores are probabilities of each class (after a softmax) in place of logits. False by default. */
  readonly probabilities?: boolean;
  /**
   * Samples with this class number do not count: their value is 0 and nothing flows back from them. A mean of the values is still
   * over all samples; for one over those that count, divide the sum by sum(cast(notEqual(labels, ignore), "f32")).
   */
  readonly ignore?: number;
}

const crossEntropyTable: OptionTable<CrossEntropyOptions> = { probabilities: flag, ignore: whole() };

/** Probabilities below this count as this: log(0) has no use. As in Keras. */
const leastProbability = 1e-7;

/**
 * Cross-entropy of each row: -sum(label * log(softmax(logits))). Labels are class numbers, or a weight for each class
 * (one-hot, or soft). Give logits, which are stable; with `probabilities: true`, probabilities, which are kept from 1e-7 up.
 *
 * A number that is no class gives NaN, and no gradient; where the labels are an input as it was fed, they are checked before
 * the step and refused.
 */
export function softmaxCrossEntropy<S extends Shape, D extends DType, T extends Shape, E extends DType>(
  logits: Tensor<S, D>,
  labels: Tensor<T, E> & CheckLabels<"softmaxCrossEntropy", S, D, T, E>,
  options?: CrossEntropyOptions,
): Tensor<RowsOf<S>, D>;
export function softmaxCrossEntropy(scores: Tensor, labels: Tensor, options: CrossEntropyOptions = {}): Tensor {
  checkArguments("softmaxCrossEntropy", arguments, 3);
  const origin = here("softmaxCrossEntropy");
  checkTensor("softmaxCrossEntropy", scores, "logits");
  checkTensor("softmaxCrossEntropy", labels, "labels");
  const place = { before: "logits, labels, ", origin };
  const given = checkOptions("softmaxCrossEntropy", options, crossEntropyTable, place);
  if (!isFloat(labels.dtype)) return classCrossEntropy(scores, labels, given, origin);
  if (given.ignore !== undefined) {
    const what = `labels of ${labels.dtype} are a weight for each class, and a row of zeros weighs nothing`;
    throw new UserError(`softmaxCrossEntropy: ignore is for class numbers; ${what}${atLine(origin)}`);
  }
  checkShapes(origin.call, labels, "labels", scores.shape, ", a weight for each class");
  const { low, norm } = logShares(scores, given);
  // A masked logit is -infinity, and 0 times that is NaN, so the value is chosen. The slopes are those of the product.
  const product = mul(low, labels) as Tensor;
  const share = where(equal(labels, 0) as Tensor<Shape, "bool">, 0, product) as Tensor;
  const chosen = sum(applyOp(slopedAs, [share, product], {}, origin), { axis: -1 }) as Tensor;
  return norm === undefined
    ? (neg(chosen) as Tensor)
    : (sub(mul(norm, sum(labels, { axis: -1 }) as Tensor) as Tensor, chosen) as Tensor);
}

/** The logarithm of each class's probability is low - norm; no norm where they are given as probabilities. */
function logShares(scores: Tensor, { probabilities }: CrossEntropyOptions): { low: Tensor; norm: Tensor | undefined } {
  if (probabilities === true)
    return { low: log(maximum(scores, leastProbability) as Tensor) as Tensor, norm: undefined };
  const low = shifted(scores, -1);
  return { low, norm: log(sum(exp(low) as Tensor, { axis: -1 }) as Tensor) as Tensor };
}

function classCrossEntropy(scores: Tensor, labels: Tensor, options: CrossEntropyOptions, origin: Origin): Tensor {
  const { ignore } = options;
  checkShapes(origin.call, labels, "labels", scores.shape.slice(0, -1), ", a class number for each row");
  const numbers = labels.dtype === "u8" ? (cast(labels, "i32") as Tensor) : labels;
  const skipped = ignore === undefined ? undefined : (equal(numbers, ignore) as Tensor<Shape, "bool">);
  // scores of a sample that does not count may be anything: NaN in them must not come back as a gradient
  const column = (mask: Tensor): Tensor<Shape, "bool"> => reshape(mask, [...mask.shape, 1]) as Tensor<Shape, "bool">;
  const counted = skipped === undefined ? scores : (where(column(skipped), 0, scores) as Tensor);
  const { low, norm } = logShares(counted, options);
  const classes = Number(scores.shape[scores.shape.length - 1]); // no number: oneHot says so
  const ignored = ignore === undefined ? {} : { ignored: ignore };
  const isLabel = applyOp(oneHotOp, [labels], { depth: classes, dtype: "bool", ...ignored }, origin);
  const chosen = sum(where(isLabel as Tensor<Shape, "bool">, low, 0) as Tensor, { axis: -1 }) as Tensor;
  const loss = norm === undefined ? (neg(chosen) as Tensor) : (sub(norm, chosen) as Tensor);
  const judged = areChecked(labels) ? loss : (where(areClasses(numbers, classes), loss, Number.NaN) as Tensor);
  return skipped === undefined ? judged : (where(skipped, 0, judged) as Tensor);
}

/** Whether labels are an input as it was fed: those that are no class are refused before the step. */
function areChecked({ value }: Tensor): boolean {
  return "graph" in value && sameIntegers(value).op === inputOp;
}

function areClasses(labels: Tensor, classes: number): Tensor<Shape, "bool"> {
  const [low, high] = [greaterEqual(labels, 0), less(labels, classes)];
  return and(low as Tensor<Shape, "bool">, high as Tensor<Shape, "bool">);
}

/** Cross-entropy of independent yes/no labels (0 to 1) with logits, element by element: max(x,0) - xz + log(1+exp(-|x|)). */
export function sigmoidCrossEntropy<S extends Shape, D extends DType, E extends DType>(
  logits: Tensor<S, D>,
  labels: Tensor<S, E> & CheckDTypes<"sigmoidCrossEntropy", D, E>,
): Tensor<S, D> {
  checkArguments("sigmoidCrossEntropy", arguments, 2);
  const x = checkTensor("sigmoidCrossEntropy", logits, "logits");
  const wanted = checkTensor("sigmoidCrossEntropy", labels, "labels");
  checkShapes("sigmoidCrossEntropy", wanted, "labels", x.shape);
  return sub(softplus(x), mul(x, wanted) as Tensor) as unknown as Tensor<S, D>;
}

function differenceOf(call: string, predicted: Tensor, wanted: Tensor): Tensor {
  const [a, b] = [asFloat(call, predicted, "predicted"), asFloat(call, wanted, "wanted")];
  checkShapes(call, b, "wanted", a.shape);
  return sub(a, b) as Tensor;
}

/** Mean of the squared differences. */
export function meanSquaredError<S extends Shape, D extends DType, E extends DType>(
  predicted: Tensor<S, D>,
  wanted: Tensor<S, E> & CheckDTypes<"meanSquaredError", FloatOf<D>, FloatOf<E>>,
): Tensor<[], FloatOf<D>> {
  checkArguments("meanSquaredError", arguments, 2);
  const difference = differenceOf("meanSquaredError", predicted, wanted);
  return mean(square(difference)) as unknown as Tensor<[], FloatOf<D>>;
}

/** Mean of the absolute differences. */
export function meanAbsoluteError<S extends Shape, D extends DType, E extends DType>(
  predicted: Tensor<S, D>,
  wanted: Tensor<S, E> & CheckDTypes<"meanAbsoluteError", FloatOf<D>, FloatOf<E>>,
): Tensor<[], FloatOf<D>> {
  checkArguments("meanAbsoluteError", arguments, 2);
  const difference = differenceOf("meanAbsoluteError", predicted, wanted);
  return mean(abs(difference) as Tensor) as unknown as Tensor<[], FloatOf<D>>;
}

// ---- metrics -------------------------------------------------------------------------------------------------------

/** Share of rows whose largest score stands at the label. A row of one has no choice: a ShapeError. */
export function accuracy<L extends Shape>(
  scores: Tensor<readonly [...L, Dim]>,
  labels: Tensor<L, "i32">,
): Tensor<[], "f32"> {
  checkArguments("accuracy", arguments, 2);
  checkTensor("accuracy", scores, "scores");
  checkTensor("accuracy", labels, "labels");
  if (scores.shape.at(-1) === 1) {
    throw new ShapeError(
      `accuracy: the rows of ${printShape(scores.shape)} have one score, which is always the largest: compare it with a bound, ` +
        `by greater(scores, 0.5), say${atLine(here("accuracy"))}`,
    );
  }
  checkShapes("accuracy", labels, "labels", scores.shape.slice(0, -1), ", a class number for each row");
  const hits = equal(argmax(scores as Tensor) as Tensor, labels) as Tensor;
  return mean(cast(hits, "f32")) as unknown as Tensor<[], "f32">;
}

// ---- limits and noise ----------------------------------------------------------------------------------------------

/** x kept within low and high. */
export function clip<S extends Shape, D extends DType>(x: Tensor<S, D>, low: number, high: number): Tensor<S, D> {
  checkArguments("clip", arguments, 3);
  const value = checkTensor("clip", x);
  for (const [what, bound] of Object.entries({ low, high })) {
    if (typeof bound === "number" && !Number.isNaN(bound)) continue;
    throw new UserError(`clip: ${what} must be a number, not ${show(bound)}${atLine(here("clip"))}`);
  }
  if (low > high) throw new UserError(`clip: low is ${low}, above high, ${high}${atLine(here("clip"))}`);
  return minimum(maximum(value, low) as Tensor, high) as unknown as Tensor<S, D>;
}

/** Zeroes each element with probability `rate` and scales the others by 1 / (1 - rate). New noise at each call. */
export function dropout<S extends Shape>(x: Tensor<S, "f32">, rate: number): Tensor<S, "f32"> {
  checkArguments("dropout", arguments, 2);
  const value = checkTensor("dropout", x);
  checkValue("dropout", "the rate", rate, number({ from: 0, below: 1 }));
  if (!isFloat(value.dtype)) {
    throw new ShapeError(`dropout: x is ${value.dtype}, wanted floats: cast it first${atLine(here("dropout"))}`);
  }
  const keep = greaterEqual(randomUniform(value.shape), rate) as Tensor<Shape, "bool">;
  return where(keep, mul(value, 1 / (1 - rate)), 0) as unknown as Tensor<S, "f32">;
}

/** x as [first axis, everything else]. */
export function flatten<D extends DType>(x: Tensor<Shape, D>): Tensor<Shape, D> {
  checkArguments("flatten", arguments, 1);
  checkTensor("flatten", x);
  return reshape(x, [x.shape[0] ?? 1, -1]) as Tensor<Shape, D>;
}
