/**
 * Losses and metrics by name, for `trainer`: what each compares, and how its result is summed over samples.
 *
 * Every loss and metric gives one number a sample (or a finer tensor, or one number for the batch); `perSample` brings
 * those forms together, so that a mean over an epoch weighs samples and not batches. Losses that are stable only on logits
 * ask for logits, and a model that ends in softmax or sigmoid is then taken without that last step.
 */
import { sigmoidCrossEntropy, softmaxCrossEntropy, square } from "../dsl/composites.ts";
import { abs, argmax, cast, div, equal, greater, mul, reshape, size, sub, sum } from "../dsl/ops.ts";
import { f32, type InputSpec, i32 } from "../dsl/spec.ts";
import { Tensor } from "../dsl/tensor.ts";
import { ShapeError, UserError } from "../errors.ts";
import { printShape, type Shape } from "../graph/shape.ts";
import type { ActivationName, SampleShape } from "./layer.ts";

/** Compares a model's output with the target: one number a sample, or the mean over the batch. */
export type Measure = (output: Tensor<Shape, "f32">, target: Tensor) => Tensor;

/**
 * softmaxCrossEntropy is Keras's sparse categorical cross-entropy: labels are class numbers. With `target: f32("batch", 10)` they
 * are one-hot rows or probabilities of 10 classes.
 */
export type LossName = "softmaxCrossEntropy" | "sigmoidCrossEntropy" | "meanSquaredError" | "meanAbsoluteError";
/** accuracy: the largest output stands at the label, or where the label's row is largest. binaryAccuracy: the output lies on the label's side of one half. */
export type MetricName = "accuracy" | "binaryAccuracy" | "meanSquaredError" | "meanAbsoluteError";

/** A loss, ready to be put into a program. */
export interface Loss {
  readonly measure: Measure;
  /** It takes logits: the model's last activation, which must be this one or none, is left out. */
  readonly onLogits: ActivationName | null;
  /** What is compared with: an input with the batch in front. */
  readonly target: InputSpec;
}

type Table<Name extends string> = Readonly<Record<Name, Measure>>;

const squaredError: Measure = (output, target) => square(sub(output as Tensor, target) as Tensor);
const absoluteError: Measure = (output, target) => abs(sub(output as Tensor, target) as Tensor);

const losses: Table<LossName> = {
  softmaxCrossEntropy: (logits, labels) => softmaxCrossEntropy(logits as never, labels as Tensor<Shape, "i32">),
  sigmoidCrossEntropy: (logits, wanted) => sigmoidCrossEntropy(logits as Tensor, wanted),
  meanSquaredError: squaredError,
  meanAbsoluteError: absoluteError,
};

const metrics: Table<MetricName> = {
  accuracy: (output, labels) => cast(equal(argmax(output as Tensor) as Tensor, classesOf(output, labels)) as Tensor, "f32"), // biome-ignore format: short
  binaryAccuracy: (output, wanted) => cast(equal(isLarge(output), isLarge(wanted)) as Tensor, "f32"),
  meanSquaredError: squaredError,
  meanAbsoluteError: absoluteError,
};

/** By name, or a function of the model's output and the target; `target` says what the function is given. */
export function resolveLoss(
  loss: LossName | Measure,
  output: SampleShape,
  ending: ActivationName,
  target: InputSpec | undefined,
): Loss {
  const dense = f32("batch", ...output);
  if (typeof loss === "function") return { measure: loss, onLogits: null, target: target ?? dense };
  const measure = named(losses, loss, "loss");
  const onLogits = logitsOf[loss];
  if (onLogits !== null && ending !== onLogits && ending !== "linear") {
    throw new UserError(`${loss} is for a model that ends in ${onLogits} or in no activation, not in ${ending}`);
  }
  const labels = loss === "softmaxCrossEntropy" ? i32("batch", ...output.slice(0, -1)) : dense;
  return { measure, onLogits, target: target ?? labels };
}

export function resolveMetric(metric: MetricName | Measure): Measure {
  return typeof metric === "function" ? metric : named(metrics, metric, "metric");
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
  if (!(measured instanceof Tensor)) throw new UserError(`${what} must give a tensor, not ${String(measured)}`);
  const samples = size(batch, 0, "f32");
  const values = cast(measured, "f32");
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

/** Labels as class numbers, or the largest of each row where there is a number for every class. */
function classesOf(output: Tensor<Shape, "f32">, labels: Tensor): Tensor {
  return labels.shape.length === output.shape.length ? (argmax(labels) as Tensor) : labels;
}

function isLarge(x: Tensor): Tensor {
  return cast(greater(x, 0.5) as Tensor, "i32");
}

function named<Name extends string>(table: Table<Name>, name: Name, what: string): Measure {
  if (Object.hasOwn(table, name)) return table[name];
  const known = Object.keys(table).join(", ");
  throw new UserError(`there is no ${what} "${name}" (there are: ${known}); a function works too`);
}

export const lossNames = Object.keys(losses) as readonly LossName[];
export const metricNames = Object.keys(metrics) as readonly MetricName[];
