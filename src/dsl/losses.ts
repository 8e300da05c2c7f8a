/**
 * Losses: how far predictions are from what was wanted. The cross-entropies take logits, from which they are stable.
 */
import { type DType, isFloat } from "../core/dtype.ts";
import { UserError } from "../core/errors.ts";
import { checkArguments, checkOptions, flag, number, type OptionTable, whole } from "../core/options.ts";
import { atLine, here, type Origin } from "../core/origin.ts";
import { sameIntegers } from "../graph/integers.ts";
import { oneHot as oneHotOp } from "../graph/ops/gather.ts";
import { input as inputOp } from "../graph/ops/source.ts";
import { slopedAs } from "../graph/ops/transform.ts";
import type { Shape } from "../graph/shape.ts";
import { softplus } from "./activations.ts";
import { applyOp, selectCall } from "./build.ts";
import { checkShapes, checkTensor } from "./check.ts";
import { asFloat, type FloatOf } from "./floats.ts";
import { and, equal, greaterEqual, less, lessEqual, where } from "./logic.ts";
import { abs, cast, exp, log, maximum, mul, neg, square, sub } from "./math.ts";
import type { CheckLabels, RowsOf } from "./part-types.ts";
import { sum } from "./reduce.ts";
import { reshape } from "./shape.ts";
import type { CheckDTypes } from "./shape-types.ts";
import { shifted } from "./stable.ts";
import { mean } from "./statistics.ts";
import type { Mask, Tensor } from "./tensor.ts";

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
  const product = mul(low, labels);
  const share = where(equal(labels, 0), 0, product);
  const chosen = sum(applyOp(slopedAs, [share, product], {}, origin), { axis: -1 });
  return norm === undefined ? neg(chosen) : sub(mul(norm, sum(labels, { axis: -1 })), chosen);
}

/** The logarithm of each class's probability is low - norm; no norm where they are given as probabilities. */
function logShares(scores: Tensor, { probabilities }: CrossEntropyOptions): { low: Tensor; norm: Tensor | undefined } {
  if (probabilities === true) return { low: log(maximum(scores, leastProbability)), norm: undefined };
  const low = shifted(scores, -1);
  return { low, norm: log(sum(exp(low), { axis: -1 })) };
}

function classCrossEntropy(scores: Tensor, labels: Tensor, options: CrossEntropyOptions, origin: Origin): Tensor {
  const { ignore } = options;
  checkShapes(origin.call, labels, "labels", scores.shape.slice(0, -1), ", a class number for each row");
  const numbers = labels.dtype === "u8" ? cast(labels, "i32") : labels;
  const skipped = ignore === undefined ? undefined : equal(numbers, ignore);
  // scores of a sample that does not count may be anything: NaN in them must not come back as a gradient
  const column = (mask: Mask): Mask => reshape(mask, [...mask.shape, 1]);
  const counted = skipped === undefined ? scores : where(column(skipped), 0, scores);
  const { low, norm } = logShares(counted, options);
  const classes = Number(scores.shape[scores.shape.length - 1]); // no number: oneHot says so
  const ignored = ignore === undefined ? {} : { ignored: ignore };
  const isLabel = applyOp(oneHotOp, [labels], { depth: classes, dtype: "bool", ...ignored }, origin);
  const chosen = sum(selectCall(isLabel, low, 0), { axis: -1 });
  const loss = norm === undefined ? neg(chosen) : sub(norm, chosen);
  const judged = areChecked(labels) ? loss : where(areClasses(numbers, classes), loss, Number.NaN);
  return skipped === undefined ? judged : where(skipped, 0, judged);
}

/** Whether labels are an input as it was fed: those that are no class are refused before the step. */
function areChecked({ value }: Tensor): boolean {
  return "graph" in value && sameIntegers(value).op === inputOp;
}

function areClasses(labels: Tensor, classes: number): Mask {
  const [low, high] = [greaterEqual(labels, 0), less(labels, classes)];
  return and(low, high);
}

/** Cross-entropy of independent yes/no labels (0 to 1) with logits, element by element: max(x,0) - xz + log(1+exp(-|x|)). */
export function sigmoidCrossEntropy<S extends Shape, D extends DType, E extends DType>(
  logits: Tensor<S, D>,
  labels: Tensor<S, E> & CheckDTypes<"sigmoidCrossEntropy", D, E>,
): Tensor<S, D>;
export function sigmoidCrossEntropy(logits: Tensor, labels: Tensor): Tensor {
  checkArguments("sigmoidCrossEntropy", arguments, 2);
  const x = checkTensor("sigmoidCrossEntropy", logits, "logits");
  const wanted = checkTensor("sigmoidCrossEntropy", labels, "labels");
  checkShapes("sigmoidCrossEntropy", wanted, "labels", x.shape);
  return sub(softplus(x), mul(x, wanted));
}

function differenceOf(call: string, predicted: Tensor, wanted: Tensor): Tensor {
  const [a, b] = [asFloat(call, predicted, "predicted"), asFloat(call, wanted, "wanted")];
  checkShapes(call, b, "wanted", a.shape);
  return sub(a, b);
}

/** Mean of the squared differences. */
export function meanSquaredError<S extends Shape, D extends DType, E extends DType>(
  predicted: Tensor<S, D>,
  wanted: Tensor<S, E> & CheckDTypes<"meanSquaredError", FloatOf<D>, FloatOf<E>>,
): Tensor<[], FloatOf<D>>;
export function meanSquaredError(predicted: Tensor, wanted: Tensor): Tensor {
  checkArguments("meanSquaredError", arguments, 2);
  const difference = differenceOf("meanSquaredError", predicted, wanted);
  return mean(square(difference));
}

/** Mean of the absolute differences. */
export function meanAbsoluteError<S extends Shape, D extends DType, E extends DType>(
  predicted: Tensor<S, D>,
  wanted: Tensor<S, E> & CheckDTypes<"meanAbsoluteError", FloatOf<D>, FloatOf<E>>,
): Tensor<[], FloatOf<D>>;
export function meanAbsoluteError(predicted: Tensor, wanted: Tensor): Tensor {
  checkArguments("meanAbsoluteError", arguments, 2);
  const difference = differenceOf("meanAbsoluteError", predicted, wanted);
  return mean(abs(difference));
}

export interface HuberOptions {
  /** Where the bowl becomes a line. 1 by default. */
  readonly delta?: number;
}

const huberTable: OptionTable<HuberOptions> = { delta: number({ from: 0 }) };

/** Mean of d^2/2 where |d| <= delta, of delta * (|d| - delta/2) elsewhere, d the difference. */
export function huber<S extends Shape, D extends DType, E extends DType>(
  predicted: Tensor<S, D>,
  wanted: Tensor<S, E> & CheckDTypes<"huber", FloatOf<D>, FloatOf<E>>,
  options?: HuberOptions,
): Tensor<[], FloatOf<D>>;
export function huber(predicted: Tensor, wanted: Tensor, options: HuberOptions = {}): Tensor {
  checkArguments("huber", arguments, 3);
  const { delta = 1 } = checkOptions("huber", options, huberTable, { before: "predicted, wanted, " });
  const difference = differenceOf("huber", predicted, wanted);
  const size = abs(difference);
  const line = mul(sub(size, delta / 2), delta);
  const bowl = mul(square(difference), 0.5);
  return mean(where(lessEqual(size, delta), bowl, line));
}
