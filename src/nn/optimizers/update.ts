/**
 * What all optimizers share: states for what they keep, and an update of a whole model by what happens to one parameter.
 */
import { type DType, isFloat, isShort } from "../../core/dtype.ts";
import { UserError } from "../../core/errors.ts";
import { checkedLater, checkOptions, type OptionTable, object } from "../../core/options.ts";
import { withCompanions } from "../../dsl/companions.ts";
import { filled, zeros } from "../../dsl/initializers.ts";
import { add, cast, div, equal, mod, mul, sub } from "../../dsl/ops.ts";
import { type StateSpec, slot, stateLeaf } from "../../dsl/spec.ts";
import { Tensor, tensorLeaf } from "../../dsl/tensor.ts";
import { leavesOf, mapTree } from "../../dsl/tree.ts";
import type { Constraint } from "../constraints/constraint.ts";
import type { Scalar, Schedule } from "../schedules/schedule.ts";
import { type CommonValues, clipped, decays, either } from "./common.ts";
import type { Optimizer, OptimizerConfig, OptimizerSlots, Parameter, Updated, UpdateRequest } from "./optimizer.ts";

/** What is kept from update to update for a parameter. */
export interface KeptMoment {
  readonly name: string;
  /** What its numbers start with. */
  readonly start: number;
  /** Its shape for a parameter of this one; null where that parameter has none. */
  shape(parameter: readonly number[], path: string): readonly number[] | null;
}

/** An optimizer by what it does to one parameter. */
export interface Recipe<Moments> {
  readonly name: string;
  readonly learningRate: number | Schedule;
  /** What `optimizerFrom` makes it from; none where it is code. */
  readonly config?: OptimizerConfig;
  readonly moments: readonly KeptMoment[];
  /** Whether updates are counted. */
  readonly counts: boolean;
  readonly common?: Partial<CommonValues>;
  /** The share of a parameter that decays; that of `common` by default. */
  decay?(sizes: readonly number[], path: string): number;
  /** The next value of one parameter as `w`, and of its moments by their names. What else is in it is not looked at. */
  update(parameter: Parameter, moments: Moments): object;
}

/** Names that no moment may have: they stand beside them. */
export const takenNames: readonly string[] = [
  "learningRate", "t", "fixed", "w", "average", "accumulated", "batches", "lossScale", "finiteSteps", "groups",
]; // biome-ignore format: names

export function optimizerBy<Moments>(recipe: Recipe<Moments>): Optimizer<keyof Moments & string> {
  type Moment = keyof Moments & string;
  const { lossScaleFactor = 1, useEma = false, emaOverwriteFrequency } = recipe.common ?? {};
  return {
    name: recipe.name,
    ...(recipe.config === undefined ? {} : { config: recipe.config }),
    ...(typeof recipe.learningRate === "number" ? {} : { isScheduled: true }),
    ...(useEma && emaOverwriteFrequency === undefined ? { endsWithAverage: true } : {}),
    ...(lossScaleFactor === 1 ? {} : { scaleLoss: (loss: Scalar) => mul(loss, lossScaleFactor) }),
    slots: <Model>(model: Model) => slotsFor(recipe, model) as OptimizerSlots<Model, Moment>,
    update: <Model>(request: UpdateRequest<Model, Moment>) => updateAll(recipe, request) as Updated<Model, Moment>,
  };
}

// ---- what is kept --------------------------------------------------------------------------------------------------

/** Whether it must know how many updates there were. */
function isCounted<Moments>({ counts, learningRate, common = {} }: Recipe<Moments>): boolean {
  return counts || typeof learningRate !== "number" || common.useEma === true || accumulates(common);
}

function accumulates({ gradientAccumulationSteps: steps = 1 }: Partial<CommonValues>): boolean {
  return steps > 1;
}

const alike: KeptMoment["shape"] = (shape) => shape;

/** Its own moments, and those that options of all optimizers ask for. */
function momentsOf<Moments>({ moments, common = {} }: Recipe<Moments>): readonly KeptMoment[] {
  return [
    ...moments,
    ...(common.useEma === true ? [{ name: "average", start: 0, shape: alike }] : []),
    ...(accumulates(common) ? [{ name: "accumulated", start: 0, shape: alike }] : []),
  ];
}

function slotsFor<Moments>(kind: Recipe<Moments>, model: unknown): object {
  const what = `${kind.name}: slots`;
  const fixed = leavesOf(model, stateLeaf, what).filter(({ leaf }) => !leaf.trainable);
  const momentOf =
    ({ start, shape }: KeptMoment) =>
    (leaf: StateSpec, path: string): StateSpec | object => {
      const sizes = leaf.trainable ? shape(fixedSizes(leaf), path) : null;
      if (sizes === null) return {};
      return slot(start === 0 ? zeros(...sizes) : filled(start, ...sizes), { dtype: leaf.dtype });
    };
  const { learningRate, common = {} } = kind;
  const started = typeof learningRate === "number" ? filled(learningRate) : zeros();
  return {
    learningRate: slot(started, { range: [0, Number.POSITIVE_INFINITY] }),
    ...(isCounted(kind) ? { t: slot(zeros(), { dtype: "u32" }) } : {}),
    ...(accumulates(common) ? { batches: slot(zeros(), { dtype: "u32" }) } : {}),
    ...(fixed.length === 0 ? {} : { fixed: Object.fromEntries(fixed.map(({ path }) => [path, {}])) }),
    ...Object.fromEntries(momentsOf(kind).map((it) => [it.name, mapTree(model, stateLeaf, what, momentOf(it))])),
  };
}

/** States have no symbolic dimensions. */
function fixedSizes(leaf: StateSpec): readonly number[] {
  return leaf.shape.map(Number);
}

// ---- an update -----------------------------------------------------------------------------------------------------

/** Trees inside an update, without the types that only users need. */
interface Loose {
  readonly model: unknown;
  readonly slots: object;
  readonly gradients: unknown;
  readonly constraints?: ReadonlyMap<string, Constraint>;
}

const requestTable: OptionTable<Loose> = {
  model: checkedLater(),
  slots: object(),
  gradients: checkedLater(),
  constraints: object(),
};

type ByPath = ReadonlyMap<string, Tensor>;

/** What is the same for all parameters of an update. */
interface Turn {
  readonly learningRate: Tensor;
  /** The number of this update, from 1, where it is counted. */
  readonly t: Tensor;
  /** How many batches there were before this one, where several make an update. */
  readonly batches: Tensor | null;
  /** Whether this batch makes an update; null where each does. */
  readonly isUpdate: Tensor | null;
}

function updateAll<Moments>(kind: Recipe<Moments>, request: Loose): object {
  const what = `${kind.name}: update`;
  const { model, slots = {}, gradients, constraints = new Map() } = checkOptions(what, request, requestTable);
  const { common = {} } = kind;
  const tensors = (tree: unknown, name: string): ByPath =>
    new Map(leavesOf(tree ?? {}, tensorLeaf, `${what}: ${name}`).map(({ path, leaf }) => [path, leaf]));
  const found = (known: ReadonlyMap<string, unknown> | undefined, path: string, tree: string): Tensor => {
    const tensor = known?.get(path);
    if (tensor instanceof Tensor) return tensor;
    throw new UserError(`${what}: ${tree} has nothing at "${path}"`);
  };
  const slotTrees = new Map<string, unknown>(Object.entries(slots));
  const moments = momentsOf(kind).map(({ name }) => ({
    name,
    now: tensors(slotTrees.get(name), `slots.${name}`),
    next: new Map<string, Tensor>(),
  }));
  const scalar = (name: string): Tensor => found(tensors({ [name]: slotTrees.get(name) }, "slots"), name, "slots");
  const turn = turnOf(kind, scalar);
  const fixed = new Set(Object.keys(slotTrees.get("fixed") ?? {}));
  const known = momentsOf(kind);
  const kept = (path: string, w: Tensor, inside: (x: Tensor) => Tensor): ReadonlyMap<string, Tensor> => {
    const sizes = w.shape.map(Number);
    const own = moments.filter((_, i) => known[i]?.shape(sizes, path) !== null);
    return new Map(own.map(({ name, now }) => [name, inside(found(now, path, `slots.${name}`))] as const));
  };

  const weights = tensors(model, "model");
  const trained = [...weights].filter(([path]) => !fixed.has(path));
  for (const [path, w] of trained) checkTrainable(what, path, w.dtype);
  const slopes = tensors(gradients, "gradients");
  const { raw, ready } = preparedGradients(
    trained.map(([path, w]) => {
      const { inside } = arithmeticOf(w.dtype);
      return [path, inside(found(slopes, path, "gradients")), kept(path, w, inside).get("accumulated")] as const;
    }),
    common,
  );

  const nextModel = mapTree(model, tensorLeaf, `${what}: model`, (w, path) => {
    if (fixed.has(path)) return w;
    const { inside, outside } = arithmeticOf(w.dtype);
    const [lr, t] = [cast(turn.learningRate, inside(w).dtype), cast(turn.t, inside(w).dtype)];
    const before = kept(path, w, inside);
    const decayed = withDecay(inside(w), lr, path, kind);
    const parameter: Parameter = { w: decayed, g: found(ready, path, "gradients"), lr, t, path };
    const own = Object.fromEntries(kind.moments.flatMap(({ name }) => (before.has(name) ? [[name, before.get(name)]] : []))); // biome-ignore format: short
    const given = new Map<string, unknown>(Object.entries(kind.update(parameter, own as Moments)));
    const next = new Map([...before.keys(), "w"].map((name) => [name, nextOf(name)] as const));

    function nextOf(name: string): Tensor {
      if (name === "average" || name === "accumulated") return before.get(name) ?? w;
      const value = found(given, name, "the rule");
      return turn.isUpdate === null ? value : either(turn.isUpdate, value, name === "w" ? inside(w) : before.get(name) ?? value); // biome-ignore format: short
    }

    const constraint = constraints.get(path);
    const constrained =
      constraint === undefined ? found(next, "w", "the rule") : constraint(found(next, "w", "the rule"));
    next.set("w", constrained);
    const total = raw.get(path);
    if (turn.isUpdate !== null && total !== undefined)
      next.set("accumulated", either(turn.isUpdate, mul(total, 0), total));
    const average = before.get("average");
    if (average !== undefined) averaged(next, average, constrained, turn, common);
    for (const { name, next: tree } of moments) {
      const value = next.get(name);
      if (value !== undefined) tree.set(path, outside(value));
    }
    return outside(found(next, "w", "the rule"));
  });

  const nextMoments = moments.map(({ name, next }) => [
    name,
    mapTree(slotTrees.get(name), tensorLeaf, what, (_, path) => found(next, path, "model")),
  ]);
  const counters = countersOf(kind, turn, scalar);
  const opt = { ...slots, ...counters, ...Object.fromEntries(nextMoments) };
  const keptNext = moments.flatMap(({ name, next }) => [...next].map(([path, it]) => [`${name}.${path}`, it] as const));
  const companions = new Map([...Object.entries(counters), ...keptNext]);
  return { model: withCompanions(nextModel, kind.name, companions), opt };
}

function turnOf<Moments>(kind: Recipe<Moments>, scalar: (name: string) => Tensor): Turn {
  const { learningRate, common = {} } = kind;
  const steps = common.gradientAccumulationSteps ?? 1;
  const batches = accumulates(common) ? scalar("batches") : null;
  const t = isCounted(kind) ? add(scalar("t"), 1) : scalar("learningRate");
  return {
    learningRate:
      typeof learningRate === "number" ? scalar("learningRate") : learningRate.at(cast(scalar("t"), "f32") as Scalar),
    t,
    batches,
    isUpdate: batches === null ? null : equal(mod(add(batches, 1), steps), 0),
  };
}

/** The next values of what is one for all parameters. */
function countersOf<Moments>(
  kind: Recipe<Moments>,
  { learningRate, t, batches, isUpdate }: Turn,
  scalar: (name: string) => Tensor,
): Readonly<Record<string, Tensor>> {
  return {
    ...(isCounted(kind) ? { t: isUpdate === null ? t : either(isUpdate, t, scalar("t")) } : {}),
    ...(batches === null ? {} : { batches: add(batches, 1) }),
    ...(typeof kind.learningRate === "number" ? {} : { learningRate }),
  };
}

/** Sums of the batches so far, and gradients as the formula gets them. */
function preparedGradients(
  given: readonly (readonly [string, Tensor, Tensor | undefined])[],
  common: Partial<CommonValues>,
): { readonly raw: ByPath; readonly ready: ByPath } {
  const { lossScaleFactor = 1, gradientAccumulationSteps: steps = 1 } = common;
  const raw = new Map(
    given.map(([path, g, before]) => {
      const unscaled = lossScaleFactor === 1 ? g : div(g, lossScaleFactor);
      return [path, before === undefined ? unscaled : add(before, unscaled)] as const;
    }),
  );
  const means = steps === 1 ? raw : new Map([...raw].map(([path, g]): [string, Tensor] => [path, div(g, steps)]));
  return { raw, ready: clipped(means, common) };
}

function withDecay<M>(w: Tensor, lr: Tensor, path: string, { common = {}, decay }: Recipe<M>): Tensor {
  const weightDecay = decay?.(w.shape.map(Number), path) ?? common.weightDecay ?? 0;
  return weightDecay === 0 || !decays(path, common) ? w : sub(w, mul(mul(lr, weightDecay), w));
}

/** The moving average of a weight: what it is after the first step, then a mean that forgets; and the weight it may become. */
function averaged(
  next: Map<string, Tensor>,
  average: Tensor,
  w: Tensor,
  { t, batches }: Turn,
  { emaMomentum = 0.99, emaOverwriteFrequency }: Partial<CommonValues>,
): void {
  const step = batches === null ? t : add(batches, 1);
  const now = either(equal(step, 1), w, add(mul(average, emaMomentum), mul(w, 1 - emaMomentum)));
  next.set("average", now);
  if (emaOverwriteFrequency !== undefined) next.set("w", either(equal(mod(step, emaOverwriteFrequency), 0), now, w));
}

/** Short floats are how parameters and moments are kept: an update is computed in f32, and each result rounded once. */
function arithmeticOf(dtype: DType): Readonly<Record<"inside" | "outside", (x: Tensor) => Tensor>> {
  if (!isShort(dtype)) return { inside: (x) => x, outside: (x) => x };
  return { inside: (x) => cast(x, "f32"), outside: (x) => cast(x, dtype) };
}

function checkTrainable(what: string, path: string, dtype: DType): void {
  if (isFloat(dtype)) return;
  throw new UserError(`${what}: "${path}" is ${dtype}, which has no gradient: declare it as a slot`);
}
