/** Metrics of a trainer: by name or a function of the user's, ready to be put into a program. */
import { UserError } from "../../core/errors.ts";
import { keyOf } from "../../core/options.ts";
import type { Spelled } from "../../core/spelling.ts";
import type { Tensor } from "../../dsl/tensor.ts";
import type { Shape } from "../../graph/shape.ts";
import type { Head, OutputTensor } from "../built-model.ts";
import { activate } from "../layers/activations.ts";
import { alignTarget, type Measure } from "../losses/loss.ts";
import { measureKind, type OutputLoss, unknownName } from "../losses/losses.ts";
import * as metrics from "./all.ts";
import type { Measuring, MetricSchema } from "./metric.ts";

/**
 * accuracy: one of the next two. categoricalAccuracy: the largest output stands at the label, or where the label's row is
 * largest. binaryAccuracy: each output lies on its label's side of one half. The errors compare element by element.
 */
export type MetricName = Spelled<keyof typeof metrics>;

const schemas: Readonly<Record<MetricName, MetricSchema>> = metrics;

export const metricKind = keyOf(schemas);

/** A metric for one output of a model. */
export type Metric = (output: OutputTensor, target: Tensor) => Tensor;

/** A metric as a user gives it. */
export function metricFrom(given: unknown): MetricName | Measure {
  if (measureKind.accepts(given) || metricKind.accepts(given)) return given;
  throw unknownName("metric", given, metricKind);
}

/** By name, or a function of the model's output, with its last activation, and the target. */
export function resolveMetric(metric: MetricName | Measure, loss: OutputLoss, head: Head): Metric {
  if (typeof metric === "function") return (output, target) => metric(shownBy(output), target);
  const given = schemas[metric];
  if ("standsFor" in given) return resolveMetric(given.standsFor(loss, head), loss, head);
  const problem = given.check?.(head.shape) ?? null;
  if (problem !== null) throw new UserError(`trainer: ${problem}`);
  return (output, target) => {
    const compared = comparedBy(given, output, loss);
    return given.measure(compared, given.labels === "any" ? target : alignTarget(metric, compared, target));
  };
}

/** The numbers that a metric compares. The largest of a row stands at the same place in logits and probabilities. */
function comparedBy({ of }: Measuring, output: OutputTensor, { onLogits }: OutputLoss): Tensor<Shape, "f32"> {
  if (of === "output" || onLogits === null) return shownBy(output);
  if (of === "scores") return output.logits;
  return output.activation === "linear" ? activate(onLogits, output.logits) : shownBy(output);
}

function shownBy({ logits, activation }: OutputTensor): Tensor<Shape, "f32"> {
  return activate(activation, logits);
}
