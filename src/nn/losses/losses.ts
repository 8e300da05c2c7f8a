/** Losses of a trainer: by name, made with options, or a function of the user's, ready to be put into a program. */
import { UserError } from "../../core/errors.ts";
import { keyOf } from "../../core/options.ts";
import type { Spelled } from "../../core/spelling.ts";
import { f32, type InputSpec, i32 } from "../../dsl/spec.ts";
import type { Mask, Tensor } from "../../dsl/tensor.ts";
import type { Shape } from "../../graph/shape.ts";
import type { ActivationName } from "../layers/activations.ts";
import type { SampleShape } from "../layers/layer.ts";
import * as losses from "./all.ts";
import { ByName, shortErrors } from "./by-name.ts";
import {
  type AnyLossSchema,
  alignLabels,
  bothMasks,
  Loss,
  type LossParts,
  type Measure,
  rowsOf,
  type TargetRange,
} from "./loss.ts";
import { perSample, type Sums, sumsOf } from "./per-sample.ts";

/**
 * Each stands for the loss of the namespace `losses` with its default options; "mse", "mae", "mape", "msle", "bce" and "kld" are
 * short for some. softmaxCrossEntropy is Keras's sparse categorical cross-entropy of probabilities or logits, whichever the model
 * gives: labels are class numbers, with `target: f32("batch", 10)` one-hot rows or probabilities of 10 classes.
 */
export type LossName = Spelled<keyof typeof losses | keyof typeof shortErrors>;

const schemas: Readonly<Record<keyof typeof losses, AnyLossSchema>> = losses;

const names = keyOf({ ...losses, ...shortErrors } satisfies Readonly<Record<LossName, unknown>>);

/** All losses. */
export const lossesByName = new ByName("loss", Loss, schemas, shortErrors satisfies Readonly<Record<string, keyof typeof losses>>, names); // biome-ignore format: short

/** A loss of a trainer. */
export type GivenLoss = LossName | Loss | Measure;

/** A loss, ready to be put into a program. */
export interface OutputLoss {
  /** Null for a function of the user's. */
  readonly name: string | null;
  /** It takes logits, of which this activation makes probabilities. */
  readonly onLogits: ActivationName | null;
  readonly accuracy: LossParts["accuracy"];
  /** What is compared with: an input with the batch in front. */
  readonly target: InputSpec;
  /** Null where only a function of the user's knows. */
  readonly range: TargetRange | null;
  /** Of the output, or of logits: `takesLogits`. */
  readonly takesLogits: boolean;
  sums(output: Tensor<Shape, "f32">, target: Tensor, batch: Tensor, what: string, given: LossContext): Sums;
}

interface LossContext {
  readonly weights: Tensor | undefined;
  readonly mask: Mask | undefined;
}

/** By name, by options, or a function of the model's output and the target; `target` says what the function is given. */
export function resolveLoss(
  given: GivenLoss,
  output: SampleShape,
  ending: ActivationName,
  target: InputSpec | undefined,
): OutputLoss {
  const like = f32("batch", ...output);
  checkSoftmax(ending, output);
  if (typeof given === "function") return ofMeasure(given, target ?? like);
  const { name, parts } = lossesByName.made(given);
  const { logits, labels, accuracy, range } = parts;
  if (logits?.isStrict === true && ending !== logits.activation && ending !== "linear") {
    throw new UserError(
      `${name} is for a model that ends in ${logits.activation} or in no activation, not in ${ending}`,
    );
  }
  if (parts.reduction === "none") {
    throw new UserError(
      `trainer: ${name} with reduction "none" gives no one number to make small: leave reduction out, or say "sum"`,
    );
  }
  const problem = parts.check(output);
  if (problem !== null) throw new UserError(`trainer: ${problem}`);
  if (labels === "texts" && target === undefined) {
    throw new UserError(`trainer: ${name} needs to know how long texts are: target: i32("batch", 20), say`);
  }
  const takesLogits = logits !== null && ending === logits.activation;
  const isLogits = takesLogits || logits?.fromLogits === true;
  return {
    name,
    accuracy,
    range,
    takesLogits,
    onLogits: isLogits ? (logits?.activation ?? null) : null,
    target: target ?? (labels === "values" ? like : i32("batch", ...output.slice(0, -1))),
    sums: (values, labelled, batch, what, context) =>
      sumsOfLoss(parts, isLogits, values, alignLabels(name, values, labelled, labels), batch, what, context),
  };
}

function ofMeasure(measure: Measure, target: InputSpec): OutputLoss {
  return {
    name: null,
    onLogits: null,
    accuracy: null,
    target,
    range: null,
    takesLogits: false,
    sums: (values, labelled, batch, what, { weights, mask }) =>
      perSample(measure(values, labelled), batch, what, weights, mask),
  };
}

function sumsOfLoss(
  parts: LossParts,
  isLogits: boolean,
  values: Tensor,
  labels: Tensor,
  batch: Tensor,
  what: string,
  { weights, mask: given }: LossContext,
): Sums {
  const mask = bothMasks(given, parts.counts(labels));
  const computed = parts.compute(values, labels, isLogits);
  const { reduction } = parts;
  if (reduction === "sumOverBatchSize" || reduction === "mean") return perSample(computed, batch, what, weights, mask);
  return sumsOf(rowsOf(parts, computed), batch, reduction, what, weights, mask);
}

/** The softmax of a row of one is 1, whatever the number, and its gradient 0: training would change nothing. */
function checkSoftmax(ending: ActivationName, output: SampleShape): void {
  if (ending !== "softmax" || (output.at(-1) ?? 1) > 1) return;
  throw new UserError(
    "trainer: the softmax of a row of one is always 1. For one probability end in sigmoid, with sigmoidCrossEntropy; " +
      "for classes have an output for each: dense(2), say",
  );
}
