/**
 * Scoring: loss and metrics of all outputs of a model, under the names that Keras gives them.
 *
 *   one output       loss, accuracy
 *   several          loss, digit_loss, digit_accuracy, odd_loss: `loss` is their weighted sum
 *
 * Penalties on weights are part of `loss` alone.
 */

import { ShapeError, UserError } from "../core/errors.ts";
import { show } from "../core/options.ts";
import { refusePromise } from "../dsl/check.ts";
import { add, mul } from "../dsl/ops.ts";
import type { InputSpec } from "../dsl/spec.ts";
import { isScalar, Tensor } from "../dsl/tensor.ts";
import { printShape } from "../graph/shape.ts";
import { activate } from "./layers/activations.ts";
import type { TargetRange } from "./losses/loss.ts";
import { type GivenLoss, type OutputLoss, resolveLoss } from "./losses/losses.ts";
import { perSample, type Sums } from "./losses/per-sample.ts";
import type { MetricSlot, MetricState } from "./metrics/metric.ts";
import { type GivenMetric, type OutputMetric, resolveMetric } from "./metrics/metrics.ts";
import type { Head, OutputTensor } from "./model-contract.ts";
import type { Ports } from "./ports.ts";

export type MetricTable = ReadonlyMap<string, GivenMetric>;

export interface ScoringDefinition {
  readonly losses: Ports<GivenLoss>;
  readonly lossWeights: Ports<number>;
  readonly metrics: Ports<MetricTable>;
  /** Those that weights for samples weigh. */
  readonly weightedMetrics: Ports<MetricTable>;
  /** What loss functions compare with; losses by name know it. */
  readonly targets: Ports<InputSpec | undefined>;
}

/** What something costs, and whose that is, for messages: `the regularizer of "dense1.kernel"`. */
export interface Penalty {
  readonly of: string;
  readonly value: Tensor;
}

/** What one forward pass is measured by. */
export interface Measured {
  readonly outputs: Ports<OutputTensor>;
  readonly targets: Ports<Tensor>;
  /** One number for each sample. */
  readonly weights: Ports<Tensor> | null;
  /** Any tensor with the batch in front. */
  readonly batch: Tensor;
  /** Scalars to be added to the loss. */
  readonly penalties: readonly Penalty[];
}

export interface Scoring {
  /** Means over samples, "loss" first. */
  readonly names: readonly string[];
  /** Scores with slots of their own, by name. */
  readonly kept: ReadonlyMap<string, KeptMetric>;
  readonly targets: Ports<InputSpec>;
  readonly ranges: Ports<TargetRange | null>;
  measure(forward: Measured): ReadonlyMap<string, Sums>;
}

/** Whose: those of training, or of evaluation. Each is the name of the states, and of the entry's only output. */
export type KeptPart = "metrics" | "evaluationMetrics";

/** The entry that computes them from their slots. */
export function resultsEntry(part: KeptPart): "results" | "evaluationResults" {
  return part === "metrics" ? "results" : "evaluationResults";
}

/** A metric with slots. */
export interface KeptMetric {
  readonly slots: Readonly<Record<string, MetricSlot>>;
  update(state: MetricState, forward: Measured): MetricState;
  result(state: MetricState): Tensor;
}

export function scoringOf(heads: Ports<Head>, definition: ScoringDefinition): Scoring {
  const losses = heads.map(({ shape, activation }, name): OutputLoss => {
    const loss = resolveLoss(definition.losses.get(name), shape, activation, definition.targets.get(name));
    if (loss.target.shape[0] === "batch") return loss;
    throw new UserError(`the target must have "batch" as its first dimension: i32("batch"), say`);
  });
  const resolved = (tables: Ports<MetricTable>): Ports<ReadonlyMap<string, OutputMetric>> =>
    heads.map((head, name) => {
      const given = [...tables.get(name)];
      return new Map(given.map(([metric, it]) => [metric, resolveMetric(it, losses.get(name), head)]));
    });
  const metrics = resolved(definition.metrics);
  const weighted = resolved(definition.weightedMetrics);
  const prefixed = (output: string, score: string): string => (heads.isSingle ? score : `${output}_${score}`);
  const names = heads.names.flatMap((output) => [
    ...(heads.isSingle ? [] : [prefixed(output, "loss")]),
    ...[...metrics.get(output)].flatMap(([metric, { measure }]) =>
      measure === null ? [] : [prefixed(output, metric)],
    ),
  ]);
  const kept = heads.names.flatMap((output) => [
    ...[...metrics.get(output)].flatMap(([name, metric]) =>
      metric.measure === null ? [[prefixed(output, name), keptMetric(output, metric, false)] as const] : [],
    ),
    ...[...weighted.get(output)].map(
      ([name, metric]) =>
        [prefixed(output, weightedName(name, metrics.get(output))), keptMetric(output, metric, true)] as const,
    ),
  ]);
  checkNames(["loss", ...names, ...kept.map(([name]) => name)]);

  /** One output's loss, then its metrics. */
  const scoresOf = (output: string, { outputs, targets, weights, batch }: Measured): ReadonlyMap<string, Sums> => {
    const loss = losses.get(output);
    const made = outputs.get(output);
    const target = targets.get(output);
    const of = output === "" ? "" : ` of "${output}"`;
    const compared = loss.takesLogits ? made.logits : activate(made.activation, made.logits);
    const context = { weights: weights?.get(output), mask: made.mask };
    const scores = new Map([["loss", loss.sums(compared, target, batch, `the loss${of}`, context)]]);
    for (const [name, { measure }] of metrics.get(output)) {
      if (measure === null) continue;
      scores.set(name, perSample(measure(made, target), batch, `the metric "${name}"${of}`, undefined, made.mask));
    }
    return scores;
  };

  return {
    names: ["loss", ...names],
    kept: new Map(kept),
    targets: losses.map(({ target }) => target),
    ranges: losses.map(({ range }) => range),
    measure(forward) {
      const each = heads.map((_, output) => scoresOf(output, forward));
      const named = each
        .entries()
        .flatMap(([output, scores]) =>
          [...scores]
            .filter(([name]) => !heads.isSingle || name !== "loss")
            .map(([name, sums]) => [prefixed(output, name), sums] as const),
        );
      const parts = each
        .entries()
        .flatMap(([output, scores]) => lossOf(scores).map((it) => times(it, definition.lossWeights.get(output))));
      const penalties = forward.penalties.map((penalty) => penaltySums(penalty, forward.batch));
      const loss = [...parts, ...penalties].reduce((a, b) => ({
        total: add(a.total, b.total),
        mean: add(a.mean, b.mean),
      }));
      return new Map([["loss", loss], ...named]);
    },
  };
}

function keptMetric(output: string, metric: OutputMetric, isWeighted: boolean): KeptMetric {
  return {
    slots: metric.slots,
    update(state, { outputs, targets, weights }) {
      const made = outputs.get(output);
      const weight = isWeighted ? weights?.get(output) : undefined;
      return metric.update(state, { output: made, target: targets.get(output), weight, mask: made.mask });
    },
    result: (state) => metric.result(state),
  };
}

/** As Keras has it: "weighted_mse" where there is an "mse" without. */
function weightedName(name: string, others: ReadonlyMap<string, unknown>): string {
  return others.has(name) ? `weighted_${name}` : name;
}

function checkNames(names: readonly string[]): void {
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice === undefined) return;
  throw new UserError(`trainer: two scores are called "${twice}": give a metric or an output another name`);
}

function lossOf(scores: ReadonlyMap<string, Sums>): readonly Sums[] {
  return [...scores].flatMap(([name, sums]) => (name === "loss" ? [sums] : []));
}

function times({ total, mean }: Sums, factor: number): Sums {
  return factor === 1 ? { total, mean } : { total: mul(total, factor), mean: mul(mean, factor) };
}

function penaltySums({ of, value }: { readonly of: string; readonly value: unknown }, batch: Tensor): Sums {
  refusePromise(of, value);
  if (value instanceof Tensor && isScalar(value)) return perSample(value, batch, of);
  const found = value instanceof Tensor ? `${value.dtype}${printShape(value.shape)}` : show(value);
  throw new ShapeError(`${of} must give one f32 number; it gave ${found}`);
}
