/**
 * Scoring: loss and metrics of all outputs of a model, under the names that Keras gives them.
 *
 *   one output       loss, accuracy
 *   several          loss, digit_loss, digit_accuracy, odd_loss: `loss` is their weighted sum
 *
 * Penalties on weights are part of `loss` alone.
 */

import { ShapeError, UserError } from "../core/errors.ts";
import { refusePromise } from "../dsl/check.ts";
import { add, mul } from "../dsl/ops.ts";
import type { InputSpec } from "../dsl/spec.ts";
import { Tensor } from "../dsl/tensor.ts";
import { printShape } from "../graph/shape.ts";
import type { Head, OutputTensor } from "./built-model.ts";
import { activate } from "./layers/activations.ts";
import type { Measure, TargetRange } from "./losses/loss.ts";
import { type GivenLoss, type OutputLoss, resolveLoss } from "./losses/losses.ts";
import { perSample, type Sums } from "./losses/per-sample.ts";
import { type Metric, type MetricName, resolveMetric } from "./metrics/metrics.ts";
import type { Ports } from "./ports.ts";

export type MetricTable = ReadonlyMap<string, MetricName | Measure>;

export interface ScoringDefinition {
  readonly losses: Ports<GivenLoss>;
  readonly lossWeights: Ports<number>;
  readonly metrics: Ports<MetricTable>;
  /** What loss functions compare with; losses by name know it. */
  readonly targets: Ports<InputSpec | undefined>;
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
  readonly penalties: readonly Tensor[];
}

export interface Scoring {
  /** "loss" first. */
  readonly names: readonly string[];
  readonly targets: Ports<InputSpec>;
  readonly ranges: Ports<TargetRange | null>;
  measure(forward: Measured): ReadonlyMap<string, Sums>;
}

export function scoringOf(heads: Ports<Head>, definition: ScoringDefinition): Scoring {
  const losses = heads.map(({ shape, activation }, name): OutputLoss => {
    const loss = resolveLoss(definition.losses.get(name), shape, activation, definition.targets.get(name));
    if (loss.target.shape[0] === "batch") return loss;
    throw new UserError(`the target must have "batch" as its first dimension: i32("batch"), say`);
  });
  const metrics = heads.map((head, name): ReadonlyMap<string, Metric> => {
    const given = [...definition.metrics.get(name)];
    return new Map(given.map(([metric, measure]) => [metric, resolveMetric(measure, losses.get(name), head)]));
  });
  const prefixed = (output: string, score: string): string => (heads.isSingle ? score : `${output}_${score}`);
  const names = heads.names.flatMap((output) => [
    ...(heads.isSingle ? [] : [prefixed(output, "loss")]),
    ...[...definition.metrics.get(output).keys()].map((metric) => prefixed(output, metric)),
  ]);
  checkNames(["loss", ...names]);

  /** One output's loss, then its metrics. */
  const scoresOf = (output: string, { outputs, targets, weights, batch }: Measured): ReadonlyMap<string, Sums> => {
    const loss = losses.get(output);
    const made = outputs.get(output);
    const target = targets.get(output);
    const of = output === "" ? "" : ` of "${output}"`;
    const compared = loss.takesLogits ? made.logits : activate(made.activation, made.logits);
    const context = { weights: weights?.get(output), mask: made.mask };
    const scores = new Map([["loss", loss.sums(compared, target, batch, `the loss${of}`, context)]]);
    for (const [name, metric] of metrics.get(output)) {
      scores.set(name, perSample(metric(made, target), batch, `the metric "${name}"${of}`, undefined, made.mask));
    }
    return scores;
  };

  return {
    names: ["loss", ...names],
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

function penaltySums(penalty: unknown, batch: Tensor): Sums {
  refusePromise("a regularizer", penalty);
  const isScalar = penalty instanceof Tensor && penalty.shape.length === 0 && penalty.dtype === "f32";
  if (isScalar) return perSample(penalty, batch, "a regularizer");
  const found = penalty instanceof Tensor ? `${penalty.dtype}${printShape(penalty.shape)}` : String(penalty);
  throw new ShapeError(`a regularizer must give one f32 number for a tensor of weights; it gave ${found}`);
}
