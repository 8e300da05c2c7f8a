/** Metrics of a trainer: by name, made with options, or a function of the user's, ready to be put into a program. */

import { UserError } from "../../core/errors.ts";
import { keyOf } from "../../core/options.ts";
import type { Spelled } from "../../core/spelling.ts";
import type { Mask, Tensor } from "../../dsl/tensor.ts";
import type { Shape } from "../../graph/shape.ts";
import { activate } from "../layers/activations.ts";
import { floatsFrom } from "../layers/layer.ts";
import { ByName, shortErrors } from "../losses/by-name.ts";
import { alignTarget, type Measure } from "../losses/loss.ts";
import type { OutputLoss } from "../losses/losses.ts";
import type { Head, OutputTensor } from "../model-contract.ts";
import * as metrics from "./all.ts";
import { weightedMean } from "./means.ts";
import { type AnyMetricSchema, Metric, type MetricParts, type MetricSlot, type MetricState } from "./metric.ts";

const short = { acc: "accuracy", ...shortErrors } as const satisfies Readonly<Record<string, keyof typeof metrics>>;

/** Those that cannot do without options. */
export type NeedsOptions =
  | "precisionAtRecall"
  | "recallAtPrecision"
  | "sensitivityAtSpecificity"
  | "specificityAtSensitivity"
  | "meanIoU"
  | "iou"
  | "oneHotIoU"
  | "oneHotMeanIoU"
  | "confusionMatrix";

/**
 * Each stands for the metric of the namespace `metrics` with its default options; "acc", "mse", "mae", "mape", "msle", "bce" and
 * "kld" are short for some. accuracy: `categoricalAccuracy` or `binaryAccuracy`, as loss and model say.
 */
export type MetricName = Spelled<Exclude<keyof typeof metrics, NeedsOptions> | keyof typeof short>;

const schemas: Readonly<Record<keyof typeof metrics, AnyMetricSchema>> = metrics;

const { precisionAtRecall: _a, recallAtPrecision: _b, sensitivityAtSpecificity: _c, specificityAtSensitivity: _d, meanIoU: _e, iou: _f, oneHotIoU: _g, oneHotMeanIoU: _h, confusionMatrix: _i, ...named } = metrics; // biome-ignore format: short

const names = keyOf({ ...named, ...short } satisfies Readonly<Record<MetricName, unknown>>);

/** All metrics. */
export const metricsByName = new ByName("metric", Metric, schemas, short, names);

/** A metric of a trainer. */
export type GivenMetric = MetricName | Metric | Measure;

/** A metric for one output of a model. */
export interface OutputMetric {
  /** Of a mean over samples: what is measured of each. */
  readonly measure: ((output: OutputTensor, target: Tensor) => Tensor) | null;
  /** What is kept on the device. */
  readonly slots: Readonly<Record<string, MetricSlot>>;
  update(state: MetricState, seen: SeenOutput): MetricState;
  result(state: MetricState): Tensor;
}

interface SeenOutput {
  readonly output: OutputTensor;
  readonly target: Tensor;
  readonly weight?: Tensor | undefined;
  readonly mask?: Mask | undefined;
}

/** By name, by options, or a function of the model's output, with its last activation, and the target. */
export function resolveMetric(given: GivenMetric, loss: OutputLoss, head: Head): OutputMetric {
  if (typeof given === "function") return ofMeasure(given);
  const { name, parts } = metricsByName.made(given);
  if (parts.standsFor !== undefined) return resolveMetric(parts.standsFor(loss, head), loss, head);
  const problem = parts.check?.(head.shape) ?? null;
  if (problem !== null) throw new UserError(`trainer: ${problem}`);
  const compared = (output: OutputTensor, target: Tensor): readonly [Tensor<Shape, "f32">, Tensor] => {
    const values = comparedBy(parts, output, loss);
    return [values, parts.labels === "any" ? target : alignTarget(name, values, target)];
  };
  const { measure } = parts;
  return {
    measure: measure === undefined ? null : (output, target) => measure(...compared(output, target)),
    slots: parts.slots({ output: head.shape }),
    update(state, { output: made, target: labelled, ...seen }) {
      const [output, target] = compared(made, labelled);
      return parts.update(state, { ...seen, output, target });
    },
    result: (state) => parts.result(state),
  };
}

function ofMeasure(measure: Measure): OutputMetric {
  const parts = weightedMean("a metric", (output, target) => measure(floatsFrom("a metric", output), target));
  return {
    measure: (output, target) => measure(shownBy(output), target),
    slots: parts.slots({ output: [] }),
    update: (state, { output, ...seen }) => parts.update(state, { ...seen, output: shownBy(output) }),
    result: (state) => parts.result(state),
  };
}

/** The numbers that a metric compares. The largest of a row stands at the same place in logits and probabilities. */
function comparedBy({ of }: MetricParts, output: OutputTensor, { onLogits }: OutputLoss): Tensor<Shape, "f32"> {
  if (of === "output" || onLogits === null) return shownBy(output);
  if (of === "scores") return output.logits;
  return output.activation === "linear" ? activate(onLogits, output.logits) : shownBy(output);
}

function shownBy({ logits, activation }: OutputTensor): Tensor<Shape, "f32"> {
  return activate(activation, logits);
}
