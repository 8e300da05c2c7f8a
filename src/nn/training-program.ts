/**
 * The program behind a trainer: three entries over one state.
 *
 *   train      x, y -> outputs loss and metrics (means of the batch); next model, opt, totals
 *   evaluate   x, y -> the same outputs;                              next totals
 *   predict    x    -> output
 *
 * `totals` sums losses and metrics over samples on the device. The host reads and clears them every so many steps and adds
 * them up in float64: means over an epoch weigh every sample equally, whatever the batches, and reading them need not
 * wait for each step.
 */
import { grad } from "../dsl/grad.ts";
import { zeros } from "../dsl/initializers.ts";
import { add } from "../dsl/ops.ts";
import { type Program, program } from "../dsl/program.ts";
import { f32, type InputSpec, type StateSpec, slot } from "../dsl/spec.ts";
import type { Tensor } from "../dsl/tensor.ts";
import { UserError } from "../errors.ts";
import type { Shape } from "../graph/shape.ts";
import type { Layer, ParamTensors, SampleShape } from "./layers.ts";
import { type LossName, type Measure, type MetricName, perSample, resolveLoss, resolveMetric } from "./losses.ts";
import type { Optimizer } from "./optimizers.ts";

export interface TrainingDefinition {
  readonly model: Layer;
  /** The shape of one sample. */
  readonly input: SampleShape;
  readonly loss: LossName | Measure;
  readonly optimizer: Optimizer;
  readonly metrics: ReadonlyMap<string, MetricName | Measure>;
  /** What a loss function compares with; losses by name know it. */
  readonly target?: InputSpec | undefined;
}

export interface TrainingOutputs {
  readonly train: Readonly<Record<string, Tensor<[], "f32">>>;
  readonly evaluate: Readonly<Record<string, Tensor<[], "f32">>>;
  readonly predict: { readonly output: Tensor<Shape, "f32"> };
}

export type TrainingProgram = Program<TrainingOutputs>;

/** The program, and what feeding it needs to know. */
export interface Training {
  readonly program: TrainingProgram;
  /** The optimizer's name. */
  readonly optimizer: string;
  /** "loss", then the metrics. */
  readonly scores: readonly string[];
  readonly input: SampleShape;
  readonly output: SampleShape;
  readonly target: InputSpec;
}

export function trainingProgram(definition: TrainingDefinition): Training {
  const { model: net, input, optimizer } = definition;
  const output = net.outputShape(input);
  const loss = resolveLoss(definition.loss, output, net.activation, definition.target);
  if (loss.target.shape[0] !== "batch") {
    throw new UserError(`the target must have "batch" as its first dimension: i32("batch"), say`);
  }
  const names = ["loss", ...definition.metrics.keys()];
  const model = net.params(input);
  const state = { model, opt: optimizer.slots(model), totals: zeroTotals(names) };

  /** Loss and metrics by name: one forward pass. */
  const measure = (params: ParamTensors, x: Tensor<Shape, "f32">, y: Tensor, training: boolean) => {
    const logits = loss.onLogits !== null;
    const raw = net.apply(params, x, { training, logits });
    const scores = new Map([["loss", perSample(loss.measure(raw, y), x, "the loss")]]);
    for (const [name, metric] of definition.metrics) {
      // arg max is the same for logits and probabilities
      const shown = logits && metric !== "accuracy" ? net.apply(params, x, { training }) : raw;
      scores.set(name, perSample(resolveMetric(metric)(shown, y), x, `the metric "${name}"`));
    }
    return scores;
  };
  type Scores = ReturnType<typeof measure>;
  const means = (scores: Scores) => record(names, (name) => pick(scores, name).mean);
  const grown = (totals: Readonly<Record<string, Tensor>>, scores: Scores) =>
    record(names, (name) => add(pick(totals, name), pick(scores, name).total) as Tensor);

  return {
    program: program({
      inputs: { x: f32("batch", ...input), y: loss.target },
      state: state as unknown as TrainingState,
      entries: {
        train({ x, y }, { model: params, opt, totals }) {
          const scores = measure(params, x, y, true);
          const gradients = grad(pick(scores, "loss").mean, params);
          const updated = optimizer.update({ model: params, slots: opt as never, gradients });
          return { outputs: means(scores), next: { ...updated, totals: grown(totals, scores) } };
        },
        evaluate({ x, y }, { model: params, totals }) {
          const scores = measure(params, x, y, false);
          return { outputs: means(scores), next: { totals: grown(totals, scores) } };
        },
        predict({ x }, { model: params }) {
          return { outputs: { output: net.apply(params, x) as Tensor<Shape, "f32"> } };
        },
      },
    }) as unknown as TrainingProgram,
    optimizer: optimizer.name,
    scores: names,
    input,
    output,
    target: loss.target,
  };
}

/** The state as `program` sees its type; which moments an optimizer keeps is its own affair. */
interface TrainingState {
  readonly model: Readonly<Record<string, StateSpec>>;
  readonly opt: Readonly<Record<string, StateSpec>>;
  readonly totals: Readonly<Record<string, StateSpec<readonly [], "f32">>>;
}

function zeroTotals(names: readonly string[]): Readonly<Record<string, StateSpec<readonly [], "f32">>> {
  return record(names, () => slot(zeros()));
}

function record<T>(names: readonly string[], make: (name: string) => T): Readonly<Record<string, T>> {
  return Object.fromEntries(names.map((name) => [name, make(name)]));
}

function pick<T>(from: ReadonlyMap<string, T> | Readonly<Record<string, T>>, name: string): T {
  const found = from instanceof Map ? (from.get(name) as T | undefined) : (from as Readonly<Record<string, T>>)[name];
  if (found === undefined) throw new UserError(`there is no score "${name}"`);
  return found;
}
