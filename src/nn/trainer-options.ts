/**
 * What `trainer` is given, and how it becomes a definition of training: one output or several, names checked.
 */

import { UserError } from "../core/errors.ts";
import {
  checkedLater,
  checkOptions,
  checkValue,
  either,
  type Kind,
  list,
  type OptionTable,
  object,
  show,
  text,
} from "../core/options.ts";
import { atLine, here } from "../core/origin.ts";
import { type Precision, precisionKind } from "../core/precision.ts";
import { refusePromise } from "../dsl/check.ts";
import { InputSpec } from "../dsl/spec.ts";
import { takenNames } from "./history.ts";
import { isLayer, isSampleShape, type Layer, type SampleShape } from "./layers/layer.ts";
import { type GivenLoss, lossesByName } from "./losses/losses.ts";
import { Metric } from "./metrics/metric.ts";
import { type GivenMetric, type MetricName, metricsByName } from "./metrics/metrics.ts";
import { modelOfLayer } from "./model.ts";
import type { Model } from "./model-contract.ts";
import { isModel } from "./nested-model.ts";
import * as optimizers from "./optimizers/all.ts";
import { lossScale } from "./optimizers/loss-scale.ts";
import type { Optimizer } from "./optimizers/optimizer.ts";
import type { Ports } from "./ports.ts";
import type { MetricTable } from "./scoring.ts";
import { movablePaths, type TrainingDefinition } from "./training-program.ts";
import type { Watch } from "./watch.ts";

/** By name or made with options, or a table of your own names: `{ accuracy: "accuracy", error: (output, target) => ... }`. */
export type Metrics = readonly (MetricName | Metric)[] | { readonly [name: string]: GivenMetric };

/** For one output, or by the names of several. */
export type MetricsFor<Out extends string> = [Out] extends [never] ? Metrics : { readonly [K in Out]?: Metrics };

/** Undefined in M: no metrics were given. */
type NamesOf<M> = undefined extends M
  ? never
  : M extends readonly (infer N)[]
    ? NameOf<N>
    : { [K in keyof M & string]: M[K] extends Metric<string, "table"> ? never : K }[keyof M & string];

/** Of one metric of a list; tables have none among the numbers. */
type NameOf<N> = N extends string
  ? N
  : N extends Metric<infer Name, infer Gives>
    ? Gives extends "number"
      ? Name
      : never
    : never;

/** A weighted metric beside one of its name is "weighted_" and that. */
type WeightedNames<W, M> =
  NamesOf<W> extends infer N extends string ? (N extends NamesOf<M> ? `weighted_${N}` : N) : never;

/** The names of the metrics of one output. */
type MetricNames<M, W> = NamesOf<M> | WeightedNames<W, M>;

/** The names of all scores but "loss": metrics, or "digit_loss", "digit_accuracy"... for several outputs. */
export type ScoreNames<M, Out extends string, W = undefined> = [Out] extends [never]
  ? MetricNames<M, W>
  : `${Out}_loss` | { [K in Out]: `${K}_${MetricNames<Of<M, K>, Of<W, K>>}` }[Out];

/** Those of one output among several; undefined where there are none. */
type Of<M, K extends string> = K extends keyof M ? M[K] : undefined;

export interface CommonTrainerOptions {
  /** `rmsprop()`, `adam()`..., or one of your own. */
  readonly optimizer: Optimizer;
  /**
   * Which weights are trained: a list of names, a layer's ("dense1") or a weight's ("dense1.kernel"), or a predicate of a
   * weight's name. All by default. Layers that were made with `trainable: false` stay as they are. Slots have names too, such as a
   * batch norm's averages ("norm1.mean"): one that is left out is not updated, and a layer with nothing left in is `frozen`.
   */
  readonly trainable?: readonly string[] | ((name: string) => boolean);
  /**
   * "f32" by default. "mixed": products, convolutions and their gradients round what they read to f16 and add up f32. Weights and
   * optimizer stay f32, and the optimizer scales the loss (`lossScale`, unless it has a scale already), as small gradients would be 0.
   */
  readonly precision?: Precision;
  /** More outputs of a training step: gradients, activations. See `WatchContext`. */
  readonly watch?: Readonly<Record<string, Watch>>;
}

/** What `trainer` is given beside a layer. */
export interface TrainerOptions<M = Metrics, W = Metrics> extends CommonTrainerOptions {
  /** The shape of one sample, without the batch: `[784]`. */
  readonly input: SampleShape;
  /** What training makes small: a name, `losses.huber({ delta: 2 })`, or a function of output and target. */
  readonly loss: GivenLoss;
  /** What else is measured: names, or a table of your own names. None by default. Weights for samples do not count in it. */
  readonly metrics?: M;
  /** What is measured with the weights for samples: means are over their sum, as in Keras. None by default. */
  readonly weightedMetrics?: W;
  /** What a loss function compares with: `i32("batch")`, say. By default floats shaped like the model's output. */
  readonly target?: InputSpec;
}

/** For what `model` made: it knows its inputs, and with several outputs there is a loss for each. */
export interface ModelTrainerOptions<Out extends string, M = MetricsFor<Out>, W = MetricsFor<Out>>
  extends CommonTrainerOptions {
  /** What training makes small: a loss, or one for each output. */
  readonly loss: [Out] extends [never] ? GivenLoss : { readonly [K in Out]: GivenLoss };
  /** What else is measured, by the names of several outputs. None by default. Weights for samples do not count in it. */
  readonly metrics?: M;
  /** What is measured with the weights for samples: means are over their sum, as in Keras. None by default. */
  readonly weightedMetrics?: W;
  /** What loss functions compare with: `i32("batch")`, say. By default floats shaped like the output. */
  readonly target?: [Out] extends [never] ? InputSpec : { readonly [K in Out]?: InputSpec };
  /** `loss` is the sum of the outputs' losses times these; 1 by default. */
  readonly lossWeights?: [Out] extends [never] ? never : { readonly [K in Out]?: number };
}

/** A layer, or what `model` made. */
export type Trainable = Layer | Model<never, never> | Model;

/** The names of its inputs and outputs, where there are several. */
export type InputNames<T> = T extends Model<infer In, string> ? In : never;
/** The names of its outputs, where there are several. */
export type OutputNames<T> = T extends Model<string, infer Out> ? Out : never;

/** The options for a layer or for a model. M: its metrics, undefined where none are given. */
export type TrainerOptionsFor<T, M, W = undefined> =
  T extends Model<string, infer Out> ? ModelTrainerOptions<Out, M, W> : TrainerOptions<M, W>;

/** The options of either kind. */
export interface AnyTrainerOptions extends Partial<CommonTrainerOptions> {
  readonly input?: SampleShape;
  readonly loss?: unknown;
  readonly metrics?: unknown;
  readonly weightedMetrics?: unknown;
  readonly target?: unknown;
  readonly lossWeights?: unknown;
}

const optimizerCalls = Object.keys(optimizers)
  .map((name) => `${name}()`)
  .join(", ");

const optionTable: OptionTable<AnyTrainerOptions> = {
  input: checkedLater("the shape of one sample: [784], say"),
  loss: checkedLater("a name or a function"),
  metrics: checkedLater("a list of names, or a table"),
  weightedMetrics: checkedLater("a list of names, or a table"),
  target: checkedLater(),
  lossWeights: checkedLater(),
  optimizer: checkedLater(`made by ${optimizerCalls}, or one of your own`),
  trainable: checkedLater("a list of names or a predicate"),
  precision: precisionKind,
  watch: object(),
};

/** Names and kinds; what fits the model is for `definitionOf`. */
export function checkTrainerOptions(given: unknown, options: object | undefined): AnyTrainerOptions {
  if (!isLayer(given) && !isModel(given)) {
    const wanted = "a layer, sequential([...]) or what model() made";
    throw new UserError(`trainer takes ${wanted}, not ${show(given)}${atLine(here("trainer"))}`);
  }
  const checked: AnyTrainerOptions = checkOptions("trainer", options, optionTable, { before: "model, " });
  const { loss, metrics, watch = {} } = checked;
  if (loss === undefined)
    throw new UserError(`trainer: loss is missing: a name, "meanSquaredError" say, or a function`);
  for (const [name, given] of Object.entries({ metrics, weightedMetrics: checked.weightedMetrics })) {
    if (typeof given !== "string") continue;
    throw new UserError(`trainer: ${name} must be a list: [${show(given)}], not ${show(given)}`);
  }
  for (const [name, make] of Object.entries(watch)) {
    if (typeof make === "function") continue;
    throw new UserError(`trainer: watch "${name}" must be a function, not ${show(make)}`);
  }
  return checked;
}

/** `what` is for messages: "target", "target.digit". */
function targetFrom(what: string, given: unknown): InputSpec | undefined {
  if (given === undefined || given instanceof InputSpec) return given;
  throw new UserError(
    `trainer: ${what} must be an input, i32("batch") say, not ${show(given)}${atLine(here("trainer"))}`,
  );
}

/** What is given for each output; for the only one the value itself. */
function forOutputs({ outputs }: Model, given: unknown, what: string): Ports<unknown> {
  return outputs.match(outputs.isSingle ? given : (given ?? {}), `trainer: ${what}`, true);
}

function lossWeightsOf(model: Model, given: unknown): Ports<number> {
  const { outputs } = model;
  if (outputs.isSingle && given !== undefined) {
    throw new UserError("trainer: lossWeights are for several outputs; this model has one");
  }
  return forOutputs(model, given, "lossWeights").map((weight = 1, name) => {
    if (typeof weight === "number" && Number.isFinite(weight)) return weight;
    throw new UserError(`trainer: the weight of "${name}" in lossWeights must be a number, not ${String(weight)}`);
  });
}

export function definitionOf(given: Layer | Model, options: AnyTrainerOptions): TrainingDefinition {
  const { optimizer, precision = "f32" } = options;
  if (typeof optimizer?.slots !== "function") {
    throw new UserError(
      `trainer: optimizer must be made by ${optimizerCalls}, or be one of your own, not ${show(optimizer)}`,
    );
  }
  const model = isModel(given) ? given : modelOfLayer(given, sampleOf(options.input));
  if (isModel(given) && options.input !== undefined) {
    throw new UserError("trainer: the model knows its inputs: leave input out");
  }
  return {
    model,
    lossWeights: lossWeightsOf(model, options.lossWeights),
    losses: model.outputs.match(options.loss, "trainer: loss").map((loss) => lossesByName.given(loss)),
    metrics: forOutputs(model, options.metrics, "metrics").map(metricTable),
    weightedMetrics: forOutputs(model, options.weightedMetrics, "weightedMetrics").map(metricTable),
    targets: forOutputs(model, options.target, "target").map((target, name) =>
      targetFrom(model.outputs.path("target", name), target),
    ),
    optimizer: precision === "mixed" && optimizer.scaleLoss === undefined ? lossScale(optimizer) : optimizer,
    precision,
    frozen: frozenBy(options.trainable, model),
    watch: new Map(Object.entries(options.watch ?? {})),
  };
}

function sampleOf(input: SampleShape | undefined): SampleShape {
  if (isSampleShape(input)) return input;
  throw new UserError(
    "trainer: input must be the shape of one sample, without the batch: [784], say; for several inputs use model()",
  );
}

/** The weights that an option leaves out. */
function frozenBy(trainable: CommonTrainerOptions["trainable"], { params }: Model): ReadonlySet<string> {
  if (trainable === undefined) return new Set();
  const paths = movablePaths(params);
  if (typeof trainable !== "function" && !Array.isArray(trainable)) {
    throw new UserError('trainer: trainable must be a list of names or a predicate: ["dense1"], say');
  }
  if (typeof trainable === "function") {
    return new Set(
      paths.filter((path) => {
        const answer: unknown = trainable(path);
        refusePromise("trainer: trainable", answer);
        return !answer;
      }),
    );
  }
  const isIn = (path: string, name: string): boolean => path === name || path.startsWith(`${name}.`);
  const unknown = trainable.find((name) => !paths.some((path) => isIn(path, name)));
  if (unknown !== undefined) {
    throw new UserError(
      `trainer: trainable names "${unknown}", which is no layer or weight that can be trained (there are: ${paths.join(", ")})`,
    );
  }
  return new Set(paths.filter((path) => !trainable.some((name) => isIn(path, name))));
}

const ownName = (given: string | Metric): [string, unknown] =>
  given instanceof Metric ? [given.name, given] : [given, given];

const isMetric = (value: unknown): value is Metric => value instanceof Metric;
const metricNames: Kind<readonly (string | Metric)[]> = {
  ...list(either(text, { wanted: "a metric", accepts: isMetric })),
  wanted:
    "a list of names, and of what metrics.auc() and its like give; a function needs a name, in a table: { mine: (output, target) => ... }",
};

function metricTable(metrics: unknown = []): MetricTable {
  const isList = Array.isArray(metrics);
  const named = isList
    ? checkValue("trainer", "metrics", metrics, metricNames).map(ownName)
    : Object.entries(Object(metrics));
  for (const [i, [name]] of named.entries()) {
    if (takenNames.includes(name))
      throw new UserError(`trainer: a metric cannot be called "${name}": give it another name in a table of metrics`);
    if (named.findIndex(([other]) => other === name) < i)
      throw new UserError(`trainer: two metrics are called "${name}": give one of them the option name, another one`);
  }
  return new Map(named.map(([name, metric]) => [name, metricsByName.given(metric)]));
}
