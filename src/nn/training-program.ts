/**
 * The program behind a trainer: three entries over one state.
 *
 *   train      x, y -> outputs loss and metrics (means of the batch), watch; next model, opt, totals
 *   evaluate   x, y -> the same scores;                                      next evaluationTotals
 *   predict    x    -> output
 *
 * Several inputs or outputs are x.image, y.digit, output.digit. With weights for samples there is one more input, `weight`,
 * [batch] or [batch, steps] for each output; a program without them costs nothing for it.
 *
 * Metrics that need slots (an area under a curve, a table, a weighted mean) have states besides, `metrics` and `evaluationMetrics`, and
 * an entry each, `results` and `evaluationResults`, that makes numbers of them when somebody asks. A program without such metrics
 * has neither.
 *
 * `totals` sums losses and metrics over samples on the device. The host reads and clears them every so many steps and adds
 * them up in float64: means over an epoch weigh every sample equally, whatever the batches, and reading them need not
 * wait for each step. Evaluation has totals of its own, so that one in the middle of an epoch does not mix with it.
 */

import { CompilerBug, UserError } from "../core/errors.ts";
import type { Precision } from "../core/precision.ts";
import { recordOf } from "../core/records.ts";
import { tensorFrom } from "../dsl/check.ts";
import { zeros } from "../dsl/initializers.ts";
import { add, grad } from "../dsl/ops.ts";
import { type Program, program } from "../dsl/program.ts";
import { f32, freeze, InputSpec, type StateSpec, slot, stateLeaf } from "../dsl/spec.ts";
import { isScalar, type Tensor, tensorLeaf } from "../dsl/tensor.ts";
import { leavesOf, mapTree } from "../dsl/tree.ts";
import { fixedShape, type Shape } from "../graph/shape.ts";
import { activate } from "./layers/activations.ts";
import {
  type Mode,
  type ParamTensors,
  type ParamTree,
  type SampleShape,
  type SampleType,
  sampleFrom,
} from "./layers/layer.ts";
import { SlotUpdates } from "./layers/slot-updates.ts";
import type { TargetRange } from "./losses/loss.ts";
import type { Sums } from "./losses/per-sample.ts";
import { type MetricState, statesOf } from "./metrics/metric.ts";
import type { Head, Model, OutputTensor } from "./model-contract.ts";
import type { Optimizer } from "./optimizers/optimizer.ts";
import type { Ports } from "./ports.ts";
import {
  type KeptMetric,
  type KeptPart,
  type Measured,
  type Penalty,
  resultsEntry,
  type ScoringDefinition,
  scoringOf,
} from "./scoring.ts";
import { type Watch, watched } from "./watch.ts";
import { bySample, type Weighting, weightShape } from "./weighting.ts";

export interface TrainingDefinition extends ScoringDefinition {
  readonly model: Model;
  readonly optimizer: Optimizer;
  /** Paths of weights that are not trained, and slots that are not updated, besides those whose layers say so: "dense1.kernel". */
  readonly frozen: ReadonlySet<string>;
  readonly watch: ReadonlyMap<string, Watch>;
  readonly precision: Precision;
}

export interface TrainingOutputs {
  readonly train: Readonly<Record<string, Tensor<[], "f32">>>;
  readonly evaluate: Readonly<Record<string, Tensor<[], "f32">>>;
  readonly predict: { readonly output: Tensor<Shape, "f32"> };
}

export type TrainingProgram = Program<TrainingOutputs>;

/** The program, and what feeding it needs to know. */
export interface Training {
  readonly definition: TrainingDefinition;
  readonly program: TrainingProgram;
  /** The same with weights for samples, or for their steps. Made when it is asked for first. */
  weightedProgram(weighting: Weighting): TrainingProgram;
  /** Means over samples: "loss", then the others. */
  readonly scores: readonly string[];
  /** Scores with slots, by name. */
  readonly kept: ReadonlyMap<string, KeptMetric & { shape(): readonly number[] }>;
  readonly inputs: Ports<SampleShape>;
  readonly takes: Ports<SampleType>;
  readonly outputs: Ports<Head>;
  readonly targets: Ports<InputSpec>;
  readonly ranges: Ports<TargetRange | null>;
}

export function trainingOf(definition: TrainingDefinition): Training {
  const { inputs, outputs, takes } = definition.model;
  const scoring = scoringOf(outputs, definition);
  const make = (weighting: Weighting | null): TrainingProgram =>
    trainingProgram(definition, scoring, weighting, shapes);
  const withWeights = new Map<string, TrainingProgram>();
  const shapes = new Map<string, readonly number[]>();
  return {
    definition,
    program: make(null),
    weightedProgram(weighting) {
      const key = JSON.stringify([...weighting].sort());
      const made = withWeights.get(key) ?? make(weighting);
      withWeights.set(key, made);
      return made;
    },
    scores: scoring.names,
    kept: new Map(
      [...scoring.kept].map(([name, metric]) => [name, { ...metric, shape: () => shapes.get(name) ?? [] }]),
    ),
    inputs,
    takes,
    outputs,
    targets: scoring.targets,
    ranges: scoring.ranges,
  };
}

/** The one for such weights. */
export function programFor(training: Training, weighting: Weighting | null): TrainingProgram {
  return weighting === null ? training.program : training.weightedProgram(weighting);
}

function trainingProgram(
  definition: TrainingDefinition,
  { names, targets, measure, kept }: ReturnType<typeof scoringOf>,
  weighting: Weighting | null,
  shapes: Map<string, readonly number[]>,
): TrainingProgram {
  const { model: net, optimizer, frozen, watch, precision } = definition;
  const model = frozen.size === 0 ? net.params : withFrozen(net.params, frozen);
  const known = new Set<string>();
  const trained = new Set<string>();
  const movable = new Set<string>();
  const idle = new Set<string>(); // slots, until something updates them
  for (const { path, leaf } of leavesOf(model, stateLeaf, "trainer: model")) {
    known.add(path);
    if (leaf.trainable) trained.add(path);
    if (!leaf.frozen) movable.add(path);
    if (!leaf.trainable && !leaf.frozen) idle.add(path);
  }
  if (trained.size === 0) {
    throw new UserError("trainer: no weight of the model is trained: make a layer trainable, or select other names");
  }
  const odd = [...net.constraints.keys()].find((path) => !known.has(path));
  if (odd !== undefined) throw new UserError(`trainer: a layer has a constraint for "${odd}", which it has not`);
  const constrained = net.constraints.size === 0 ? {} : { constraints: net.constraints };
  const metrics = keptStates(kept, shapes);
  const state = { model, opt: optimizer.slots(model), totals: zeroTotals(names), evaluationTotals: zeroTotals(names), ...metrics.state }; // biome-ignore format: short
  /** What one forward pass is measured by. */
  const measuredBy = (params: ParamTensors, fed: Fed, made: Forward): Measured => ({
    outputs: made.outputs,
    targets: net.outputs.match(fed.y, "y").map((it) => tensorFrom("y", it)),
    weights:
      fed.weight === undefined ? null : net.outputs.match(fed.weight, "weight").map((it) => tensorFrom("weight", it)),
    batch: made.batch,
    penalties: [
      ...penaltiesOn(params, net, trained),
      ...made.added.map((value) => ({ of: "what a layer adds to the loss, by onLoss,", value })),
    ],
  });
  const means = (scores: Scores) => recordOf(names, (name) => pick(scores, name).mean);
  const grown = (totals: Readonly<Record<string, Tensor>>, scores: Scores) => {
    const before = new Map(Object.entries(totals));
    return recordOf(names, (name) => add(pick(before, name), pick(scores, name).total));
  };

  const made = program({
    inputs: inputsOf(net, targets, weighting),
    state,
    entries: {
      train(given, states) {
        const { model: params, opt, totals } = states;
        const fed: Fed = { x: given.x, y: given.y, weight: given.weight };
        const slots = new SlotUpdates(params, (path) => movable.has(path));
        const made = forward(net, params, fed.x, { training: true, slots }, watch.size > 0);
        for (const path of slots.values.keys()) idle.delete(path);
        const measured = measuredBy(params, fed, made);
        const scores = measure(measured);
        const loss = pick(scores, "loss").mean;
        const weights = tensorsOf(params);
        if (!isScalar(loss)) throw new CompilerBug(`the loss is ${loss}`);
        const scaled = optimizer.scaleLoss?.(loss, opt) ?? loss;
        const gradients = gradientsOf(scaled, weights, trained);
        const tree = mapTree<Tensor, Tensor | ParamTensors>(
          params,
          tensorLeaf,
          "trainer",
          (_, path) => gradients.get(path) ?? {},
        );
        const updated = optimizer.update({ model: params, slots: opt, gradients: tree, ...constrained });
        const extra = watched(watch, { loss, weights, gradients, layers: made.layers, outputs: made.outputs, inputs: fed.x, targets: fed.y }); // biome-ignore format: short
        return {
          outputs: { ...means(scores), ...extra },
          next: {
            ...updated,
            model: slots.next(updated.model),
            totals: grown(totals, scores),
            ...metrics.next("metrics", states, measured),
          },
        };
      },
      evaluate(given, states) {
        const { model: params, evaluationTotals } = states;
        const fed: Fed = { x: given.x, y: given.y, weight: given.weight };
        const measured = measuredBy(params, fed, forward(net, params, fed.x, {}));
        const scores = measure(measured);
        const next = { evaluationTotals: grown(evaluationTotals, scores), ...metrics.next("evaluationMetrics", states, measured) }; // biome-ignore format: short
        return { outputs: means(scores), next };
      },
      predict({ x }, { model: params }) {
        const { outputs } = forward(net, params, x, {});
        return { outputs: { output: outputs.map(({ logits, activation }) => activate(activation, logits)).tree() } };
      },
      ...metrics.entries,
    },
  }) as unknown as TrainingProgram;
  return { ...made, warnings: [...(made.warnings ?? []), ...[...idle].map(idleSlot)], precision };
}

/** The states, updates and entries of metrics with slots; nothing where there are none. */
function keptStates(kept: ReadonlyMap<string, KeptMetric>, shapes: Map<string, readonly number[]>) {
  const names = [...kept.keys()];
  const of = (part: KeptPart, states: object): ReadonlyMap<string, MetricState> =>
    new Map(Object.entries<MetricState>(new Map(Object.entries(states)).get(part)));
  const slots = (): ParamTree => recordOf(names, (name) => statesOf(pick(kept, name).slots));
  const results = (part: KeptPart) => (_: unknown, states: object) => {
    const before = of(part, states);
    const found = recordOf(names, (name) => pick(kept, name).result(pick(before, name)));
    for (const [name, { shape }] of Object.entries(found)) shapes.set(name, fixedShape(shape));
    return { outputs: { [part]: found } };
  };
  if (kept.size === 0) return { state: {}, entries: {}, next: () => ({}) };
  return {
    state: { metrics: slots(), evaluationMetrics: slots() },
    entries: {
      [resultsEntry("metrics")]: results("metrics"),
      [resultsEntry("evaluationMetrics")]: results("evaluationMetrics"),
    },
    next(part: KeptPart, states: object, measured: Measured) {
      const before = of(part, states);
      return { [part]: recordOf(names, (name) => pick(kept, name).update(pick(before, name), measured)) };
    },
  };
}

function withFrozen(params: ParamTree, frozen: ReadonlySet<string>): ParamTree {
  const freezing = (leaf: StateSpec, path: string): StateSpec => (frozen.has(path) ? freeze(leaf) : leaf);
  return mapTree(params, stateLeaf, "trainer: model", freezing);
}

function inputsOf(net: Model, targets: Ports<InputSpec>, weighting: Weighting | null) {
  const weight = (_: Head, name: string): InputSpec =>
    f32("batch", ...weightShape(net.outputs, weighting ?? bySample, name));
  return {
    x: net.inputs.map((shape, name): InputSpec => new InputSpec(["batch", ...shape], net.takes.get(name))).tree(),
    y: targets.tree(),
    ...(weighting === null ? {} : { weight: net.outputs.map(weight).tree() }),
  };
}

/** One pass through the model. */
interface Forward {
  /** One of the inputs: a tensor with the batch in front. */
  readonly batch: Tensor;
  /** What layers gave, by their paths, where that is asked for. */
  readonly layers: ReadonlyMap<string, Tensor<Shape, "f32">>;
  /** What layers add to the loss. */
  readonly added: readonly Tensor<Shape, "f32">[];
  readonly outputs: Ports<OutputTensor>;
}

function forward(net: Model, params: ParamTensors, fed: unknown, mode: Mode, isWatched = false): Forward {
  const x = net.inputs.match(fed, "x").map((it) => sampleFrom("x", it));
  const [batch] = x.values;
  if (batch === undefined) throw new UserError("trainer: a model needs an input");
  const layers = new Map<string, Tensor<Shape, "f32">>();
  const added: Tensor<Shape, "f32">[] = [];
  const onOutput: Mode["onOutput"] = (path, output) => void layers.set(path, output);
  const told = { ...mode, onLoss: (value: Tensor<Shape, "f32">) => void added.push(value) };
  return { batch, layers, added, outputs: net.apply(params, x, isWatched ? { ...told, onOutput } : told) };
}

function gradientsOf(
  loss: Tensor,
  weights: ReadonlyMap<string, Tensor>,
  trained: ReadonlySet<string>,
): ReadonlyMap<string, Tensor> {
  const wanted = [...weights].filter(([path]) => trained.has(path));
  return new Map(Object.entries(grad(loss, Object.fromEntries(wanted))));
}

/** Paths of the weights that training changes. */
export function trainablePaths(params: ParamTree): readonly string[] {
  return pathsOf(params, ({ trainable }) => trainable);
}

/** Paths of everything that may change while a model trains: weights, and slots that layers update. */
export function movablePaths(params: ParamTree): readonly string[] {
  return pathsOf(params, ({ frozen }) => !frozen);
}

function pathsOf(params: ParamTree, which: (spec: StateSpec) => boolean): readonly string[] {
  return leavesOf(params, stateLeaf, "trainer: model")
    .filter(({ leaf }) => which(leaf))
    .map(({ path }) => path);
}

/** A layer that never moves its averages evaluates with those it started with. */
function idleSlot(path: string): string {
  return (
    `trainer: the slot "${path}" is never updated while its layer trains, so it stays as it starts: call update(slot, value) in the ` +
    "layer's apply, or declare it by freeze(slot(...)) where it is meant to stay"
  );
}

type Scores = ReadonlyMap<string, Sums>;

/** Tensors of the inputs, as trees. */
interface Fed {
  readonly x: unknown;
  readonly y: unknown;
  readonly weight?: unknown;
}

function tensorsOf(params: ParamTensors): ReadonlyMap<string, Tensor> {
  return new Map(leavesOf(params, tensorLeaf, "trainer: model").map(({ path, leaf }) => [path, leaf]));
}

/** As in Keras, only weights that are trained are held down. */
function penaltiesOn(params: ParamTensors, net: Model, trained: ReadonlySet<string>): readonly Penalty[] {
  if (net.regularizers.size === 0) return [];
  const weights = tensorsOf(params);
  return [...net.regularizers].flatMap(([path, regularizer]) => {
    const weight = weights.get(path);
    if (weight === undefined) throw new UserError(`trainer: a layer has a regularizer for "${path}", which it has not`);
    return trained.has(path) ? [{ of: `the regularizer of "${path}"`, value: regularizer(weight) }] : [];
  });
}

function zeroTotals(names: readonly string[]): Readonly<Record<string, StateSpec<readonly [], "f32">>> {
  return recordOf(names, () => slot(zeros()));
}

function pick<T>(from: ReadonlyMap<string, T>, name: string): T {
  const found = from.get(name);
  if (found === undefined) throw new UserError(`there is no score "${name}"`);
  return found;
}
