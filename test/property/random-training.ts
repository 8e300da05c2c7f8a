/**
 * Random training steps: a recipe becomes a network of blocks as people write them (dense, residual, normalised, recurrent,
 * attention, gated, with shared weights, some of them checkpointed), heads with losses, the gradients of all weights, and an optimizer's updates.
 */
import fc from "fast-check";
import { RandomStream } from "../../src/core/random.ts";
import type { Program } from "../../src/dsl/program.ts";
import {
  accuracy,
  adam,
  adamw,
  checkpoint,
  f32,
  globalNorm,
  grad,
  i32,
  mean,
  meanSquaredError,
  type Optimizer,
  program,
  rmsprop,
  sgd,
  sigmoidCrossEntropy,
  slot,
  softmaxCrossEntropy,
  sum,
  type Tensor,
  zeros,
} from "../../src/index.ts";
import type { FlatFeeds } from "../program-oracle.ts";
import { pick, type Step } from "./random-value.ts";
import { blocks, dot, least, matrix, most, over, plus, type Specs, sumAlong, times } from "./training-blocks.ts";

export interface TrainingRecipe {
  readonly batch: number;
  readonly width: number;
  /** Which block, whether its weights are shared, and choices within it. */
  readonly blocks: readonly Step[];
  /** Which loss, and where in the network it is taken. */
  readonly heads: readonly (readonly [kind: number, from: number])[];
  readonly optimizer: number;
  /** What else is done with the gradients and weights. */
  readonly extra: number;
}

const small = fc.noBias(fc.nat({ max: 63 }));

const arrayOf = <T>(item: fc.Arbitrary<T>, maxLength: number) =>
  fc.array(item, { minLength: 1, maxLength, size: "max" });

/** Networks of up to `depth` blocks. */
export const trainingRecipe = (depth: number): fc.Arbitrary<TrainingRecipe> =>
  fc.record({
    batch: fc.constantFrom(2, 3, 5, 1),
    width: fc.constantFrom(4, 2, 6),
    blocks: arrayOf(fc.tuple(small, small, small, small), depth),
    heads: arrayOf(fc.tuple(small, small), 2),
    optimizer: small,
    extra: small,
  });

const classes = 3;

const optimizers: readonly (() => Optimizer)[] = [
  () => sgd(),
  () => adam(),
  () => rmsprop(),
  () => sgd({ momentum: 0.9, nesterov: true }),
  () => rmsprop({ centered: true, momentum: 0.5 }),
  () => adam({ amsgrad: true }),
  () => adamw(),
];

type Tensors = Readonly<Record<string, Tensor>>;
type Trees = Readonly<Record<string, Tensors>>;
/** What the step's function is given, as it is whatever the recipe says. */
interface Seen {
  readonly model: Trees;
  readonly memory: Trees;
  readonly opt: never;
  readonly average: Trees;
}

/** One entry, "step". */
export function makeTraining(made: TrainingRecipe): Program<unknown> {
  const { batch, width } = made;
  const chain = made.blocks.map(([kind, shared, choice], i) => {
    const [name, block] = pick(Object.entries(blocks), kind);
    return { name: shared % 3 === 0 ? name : `${name}${i}`, block, choice, isAgain: shared % 4 === 2 };
  });
  const model: Readonly<Record<string, Specs>> = Object.fromEntries([
    ...chain.map(({ name, block }) => [name, block.weights(width)]),
    ...made.heads.map(([kind], i) => [`head${i}`, { w: matrix(width, kind % 3 === 0 ? classes : 2) }]),
  ]);
  const memory = chain.map(({ block }) => block.memory?.(batch, width) ?? {});
  const optimizer = pick(optimizers, made.optimizer)();
  return program({
    inputs: { x: f32(batch, width), y: f32(batch, 2), label: i32(batch) },
    state: { model, memory, opt: optimizer.slots(model), average: averagesOf(made, model) },
    step(inputs, state) {
      const { x, y, label } = inputs as { x: Tensor; y: Tensor; label: Tensor };
      const { model: weights, memory: old, opt: slots, average } = state as unknown as Seen;
      const layers: Tensor[] = [x];
      const remembered = chain.map(({ name, block, choice, isAgain }, i) => {
        const w = (leaf: string) => weights[name]?.[leaf] as Tensor;
        const before = (leaf: string) => old[i]?.[leaf] as Tensor;
        const run = (h: Tensor) => block.apply({ h, x, label, width, choice, w, old: before });
        const from = layers.at(-1) ?? x;
        const { h, next = {} } = isAgain ? checkpoint(run, from) : run(from);
        layers.push(h);
        return next;
      });
      const ends = made.heads.map(([kind, from], i) => {
        const h = pick(layers, layers.length * 64 - 1 - (from % 4 === 0 ? from : 0));
        return lossOf(kind, dot(h, weights[`head${i}`]?.w as Tensor), label, y);
      });
      const loss = ends.map((end, i) => times(end.loss, 1 / (i + 1))).reduce(plus);
      const { total, gradients, watched } = slopes(made, loss, weights);
      const { model: next, opt } = optimizer.update({ model: weights, slots, gradients });
      const outputs = { loss: total, seen: ends.map(({ seen }) => seen), ...watched };
      return { outputs, next: { model: next, opt, memory: remembered, average: moved(made, average, weights, next) } };
    },
  }) as Program<unknown>;
}

/** The loss of a head, and what is measured beside it. */
function lossOf(kind: number, out: Tensor, label: Tensor, y: Tensor): { readonly loss: Tensor; readonly seen: Tensor } {
  const found = out as Tensor<readonly [number, number], "f32">;
  if (kind % 3 === 0) {
    const labels = label as Tensor<readonly [number], "i32">;
    return { loss: mean(softmaxCrossEntropy(found, labels)) as Tensor, seen: accuracy(found, labels) as Tensor };
  }
  const wanted = y as Tensor<readonly [number, number], "f32">;
  if (kind % 3 === 1) return { loss: meanSquaredError(found, wanted) as Tensor, seen: sumAlong(out, { axis: 1 }) };
  return { loss: mean(sigmoidCrossEntropy(found, wanted)) as Tensor, seen: out };
}

/** The gradients as the optimizer gets them: as they are, clipped by their norm or value, of a regularised loss, or put out too. */
function slopes({ extra }: TrainingRecipe, loss: Tensor, weights: Trees) {
  const leaves = Object.values(weights).flatMap((tree) => Object.values(tree));
  const squares = (of: readonly Tensor[]): Tensor => of.map((x) => sum(times(x, x)) as Tensor).reduce(plus);
  const total = extra % 8 === 1 ? plus(loss, times(squares(leaves), 1e-3)) : loss;
  const gradients = grad(total, weights) as Trees;
  const all = Object.values(gradients).flatMap((tree) => Object.values(tree));
  const each = (change: (slope: Tensor) => Tensor): Trees =>
    Object.fromEntries(
      Object.entries(gradients).map(([name, tree]) => [
        name,
        Object.fromEntries(Object.entries(tree).map(([leaf, slope]) => [leaf, change(slope)])),
      ]),
    );
  switch (extra % 8) {
    case 2: {
      const norm = globalNorm(all) as Tensor;
      return {
        total,
        gradients: each((slope) => times(slope, least(over(1, plus(norm, 1e-6)), 1))),
        watched: { norm },
      };
    }
    case 3:
      return { total, gradients, watched: { gradients } };
    case 4:
      return { total, gradients: each((slope) => most(least(slope, 0.5), -0.5)), watched: {} };
    default:
      return { total, gradients, watched: {} };
  }
}

/** Moving averages of all weights, old or new, for some recipes. */
const hasAverages = ({ extra }: TrainingRecipe): boolean => extra % 5 === 4;

function averagesOf(made: TrainingRecipe, model: Readonly<Record<string, Specs>>): Readonly<Record<string, Specs>> {
  if (!hasAverages(made)) return {};
  const slots = (specs: Specs): Specs =>
    Object.fromEntries(Object.entries(specs).map(([leaf, { shape }]) => [leaf, slot(zeros(...shape.map(Number)))]));
  return Object.fromEntries(Object.entries(model).map(([name, specs]) => [name, slots(specs)]));
}

function moved(made: TrainingRecipe, average: Trees, weights: Trees, next: Trees): Trees {
  const to = made.extra % 2 === 0 ? weights : next;
  const blend = (name: string, leaf: string, old: Tensor) =>
    plus(times(old, 0.9), times(to[name]?.[leaf] as Tensor, 0.1));
  return Object.fromEntries(
    Object.entries(average).map(([name, tree]) => [
      name,
      Object.fromEntries(Object.entries(tree).map(([leaf, old]) => [leaf, blend(name, leaf, old)])),
    ]),
  );
}

/** What a call is fed. */
export function trainingFeeds({ batch, width }: TrainingRecipe, call: number): FlatFeeds {
  const random = new RandomStream(3, `random training ${call}`);
  const grid = (count: number): Float32Array => Float32Array.from({ length: count }, () => random.integer(17) / 8 - 1);
  return {
    x: grid(batch * width),
    y: Float32Array.from({ length: 2 * batch }, () => random.integer(2)),
    label: Int32Array.from({ length: batch }, () => random.integer(classes)),
  };
}
