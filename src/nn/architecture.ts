/**
 * A trainer's architecture as JSON: model, input, loss, metrics and optimizer with all its constants. It lies beside the weights
 * in every checkpoint, so that a file is enough to go on.
 *
 *   { "version": 1, "model": { "kind": "sequential", ... }, "input": [784], "loss": "softmaxCrossEntropy", ... }
 *
 * Functions of the user's are there as `{ "kind": "code" }`. What is watched is no part of it: it changes no number.
 */

import { DataError, messageOf, UserError } from "../core/errors.ts";
import { precisions } from "../core/precision.ts";
import { f32, f64, type InputSpec, i32, u8, u32 } from "../dsl/spec.ts";
import { type Config, ConfigReader, type ConfigRecord, codeConfig, codeIn, compactConfig, required } from "./config.ts";
import { nested, readLayer, readOptimizer } from "./from-config.ts";
import { lossesByName } from "./losses/losses.ts";
import { metricsByName } from "./metrics/metrics.ts";
import { modelOfLayer } from "./model.ts";
import { Ports } from "./ports.ts";
import type { MetricTable } from "./scoring.ts";
import { movablePaths, type Training, type TrainingDefinition, trainingOf } from "./training-program.ts";

/** The note of a checkpoint that holds it. */
export const architectureNote = "architecture";

export function architectureOf(definition: TrainingDefinition): ConfigRecord {
  const { model, losses, lossWeights, metrics, weightedMetrics, targets, optimizer, frozen, precision } = definition;
  const { config } = optimizer;
  const isOurs = config !== undefined && config.kind === optimizer.name;
  return compactConfig({
    version: 1,
    model: model.config,
    input: model.inputs.tree(),
    target: targets.values.some((target) => target !== undefined)
      ? targets.map((target) => configOfTarget(target)).tree()
      : undefined,
    loss: losses.map((loss) => lossesByName.config(loss)).tree(),
    lossWeights: model.outputs.isSingle ? undefined : lossWeights.tree(),
    metrics: metrics.map((table) => configOfMetrics(table)).tree(),
    weightedMetrics: weightedMetrics.values.every(({ size }) => size === 0)
      ? undefined
      : weightedMetrics.map((table) => configOfMetrics(table)).tree(),
    optimizer: isOurs ? { ...config } : codeConfig(optimizer.name),
    frozen: frozen.size === 0 ? undefined : [...frozen],
    precision: precision === "f32" ? undefined : precision,
  });
}

/**
 * A trainer's program from the text of its architecture. `file` is what errors call it. Throws a UserError that lists what is
 * code, and a DataError where the text is no architecture.
 */
export function trainingFrom(text: string, file: string): Training {
  if (text.length > maxLength) throw new DataError(`${file}: the architecture is longer than ${maxLength} characters`);
  const parsed = parse(text, file);
  const code = Object.entries(parsed ?? {}).flatMap(([name, part]) => codeIn(part, name));
  if (code.length > 0) {
    throw new UserError(
      `${file}: this part of the trainer is code, which no file holds: ${code.slice(0, 10).join(", ")}. ` +
        `Make the trainer as you did when it was saved, and load the file into it: loadTrainer(path, trainer), or trainer.restore(bytes).`,
    );
  }
  const reader = new ConfigReader(parsed, `${file}: architecture`);
  try {
    return trainingOf(readDefinition(reader));
  } catch (error) {
    if (error instanceof DataError || !(error instanceof UserError)) throw error;
    throw new DataError(`${reader.path}: ${error.message}`, { cause: error });
  }
}

const maxLength = 1_000_000;

function parse(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new DataError(`${file}: the architecture is no JSON: ${messageOf(error)}`, { cause: error });
  }
}

/** A model of one input and one output: others are code. */
function readDefinition(reader: ConfigReader): TrainingDefinition {
  const fields = reader.fields(
    "version",
    "model",
    "input",
    "target",
    "loss",
    "metrics",
    "weightedMetrics",
    "optimizer",
    "frozen",
    "precision",
  );
  const field = (name: keyof typeof fields): ConfigReader => required(fields[name], reader, name);
  const version = field("version").whole(1);
  if (version !== 1) throw field("version").error("version 1", String(version));
  const input = field("input").list(8).map((size) => size.whole(1)); // biome-ignore format: short
  const model = modelOfLayer(readLayer(field("model")), input);
  const known = new Set(movablePaths(model.params));
  const frozen = (fields.frozen?.list(known.size) ?? []).map((name) => {
    if (known.has(name.text())) return name.text();
    throw name.error("a weight that can be trained, or a slot", JSON.stringify(name.text()));
  });
  return {
    model,
    losses: Ports.single(lossesByName.read(field("loss"), nested)),
    lossWeights: Ports.single(1),
    metrics: Ports.single(readMetrics(field("metrics"))),
    weightedMetrics: Ports.single(
      fields.weightedMetrics === undefined ? new Map() : readMetrics(fields.weightedMetrics),
    ),
    targets: Ports.single(fields.target === undefined ? undefined : readTarget(fields.target)),
    optimizer: readOptimizer(field("optimizer")),
    frozen: new Set(frozen),
    watch: new Map(),
    precision: fields.precision?.oneOf(precisions) ?? "f32",
  };
}

const targetTypes = { f32, f64, i32, u32, u8 } as const;

function configOfTarget(target: InputSpec | undefined): Config {
  return target === undefined ? null : { dtype: target.dtype, shape: [...target.shape] };
}

function readTarget(reader: ConfigReader): InputSpec {
  const fields = reader.fields("dtype", "shape");
  const dtype = required(fields.dtype, reader, "dtype").oneOf(["f32", "f64", "i32", "u32", "u8"]);
  const [batch, ...sizes] = required(fields.shape, reader, "shape").list(8);
  required(batch, reader, "shape.0").oneOf(["batch"]);
  return targetTypes[dtype]("batch", ...sizes.map((size) => size.whole(1)));
}

function readMetrics(reader: ConfigReader): MetricTable {
  return new Map(reader.entries().map(([name, metric]) => [name, metricsByName.read(metric, nested)]));
}

function configOfMetrics(metrics: TrainingDefinition["metrics"]["values"][number]): Config {
  return Object.fromEntries([...metrics].map(([name, metric]) => [name, metricsByName.config(metric)]));
}
