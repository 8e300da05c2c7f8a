/**
 * What all optimizers share: states for what they keep, and an update of a whole model by what happens to one parameter.
 */
import { type DType, isFloat, isShort } from "../../core/dtype.ts";
import { UserError } from "../../core/errors.ts";
import { checkedLater, checkOptions, type OptionTable, object } from "../../core/options.ts";
import { withCompanions } from "../../dsl/companions.ts";
import { filled, zeros } from "../../dsl/initializers.ts";
import { add, cast, div, equal, mod, mul, sub, where } from "../../dsl/ops.ts";
import { type StateSpec, slot, stateLeaf } from "../../dsl/spec.ts";
import { isScalar, type Mask, Tensor, tensorLeaf } from "../../dsl/tensor.ts";
import { leavesOf, mapTree } from "../../dsl/tree.ts";
import type { Constraint } from "../constraints/constraint.ts";
import type { Scalar, Schedule } from "../schedules/schedule.ts";
import { type CommonValues, clipped, decays } from "./common.ts";
import { facedOptimizer, type LooseOptimizer, type LooseRequest, type Optimizer, type OptimizerConfig, type Parameter } from "./optimizer.ts"; // biome-ignore format: names

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
  const { lossScaleFactor = 1, useEma = false, emaOverwriteFrequency } = recipe.common ?? {};
  const counter = accumulates(recipe.common ?? {}) ? "batches" : "t";
  return facedOptimizer<keyof Moments & string>({
    name: recipe.name,
    ...(recipe.config === undefined ? {} : { config: recipe.config }),
    ...(typeof recipe.learningRate === "number" ? {} : { isScheduled: true }),
    ...(useEma && emaOverwriteFrequency === undefined ? { averages: [{ path: "average", counter }] } : {}),
    ...(lossScaleFactor === 1 ? {} : { scaleLoss: (loss: Scalar) => mul(loss, lossScaleFactor) }),
    slots: (model) => slotsFor(recipe, model),
    update: (request) => updateAll(recipe, request),
  });
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

const requestTable: OptionTable<LooseRequest> = {
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
  readonly isUpdate: Mask | null;
}

function updateAll<Moments>(kind: Recipe<Moments>, request: LooseRequest): ReturnType<LooseOptimizer["update"]> {
  const what = `${kind.name}: update`;
  const { model, slots = {}, gradients, constraints } = checkOptions(what, request, requestTable);
  const given = new Given(what, momentsOf(kind), slots);
  const turn = turnOf(kind, (name) => given.scalar(name));
  const trained = given.trained(model, gradients);
  const { raw, ready } = preparedGradients(trained, kind.common ?? {});
  const next = new Map<string, ReadonlyMap<string, Tensor>>(
    trained.map((one) => {
      const { path, outside } = one;
      const [g, total] = [given.found(ready, path, "gradients"), given.found(raw, path, "gradients")];
      const values = nextOf(kind, turn, { ...one, g, total, constraint: constraints?.get(path) }, given);
      return [path, new Map([...values].map(([name, value]) => [name, outside(value)] as const))];
    }),
  );
  const nextModel = mapTree(model, tensorLeaf, `${what}: model`, (w, path) => next.get(path)?.get("w") ?? w);
  const nextMoments = momentsOf(kind).map(({ name }): [string, unknown] => {
    const values = new Map([...next].map(([path, named]) => [path, named.get(name)] as const));
    return [name, mapTree(given.tree(name), tensorLeaf, what, (_, path) => given.found(values, path, "model"))];
  });
  const counters = countersOf(kind, turn, (name) => given.scalar(name));
  const kept = [...next].flatMap(([path, values]) =>
    [...values].flatMap(([name, value]) => (name === "w" ? [] : [[`${name}.${path}`, value] as const])),
  );
  const companions = new Map([...Object.entries(counters), ...kept]);
  return {
    model: withCompanions(nextModel, kind.name, companions),
    opt: { ...slots, ...counters, ...Object.fromEntries(nextMoments) },
  };
}

/** A parameter that is trained, what is kept for it, and its gradient, all as an update computes with them. */
interface Trained {
  readonly path: string;
  readonly w: Tensor;
  readonly g: Tensor;
  /** By the moments' names. */
  readonly kept: ByPath;
  /** From the arithmetic of an update to how the parameter is kept. */
  outside(x: Tensor): Tensor;
}

/** What an update was given: slots, and by their paths the tensors of model and gradients. */
class Given {
  readonly #what: string;
  readonly #moments: readonly KeptMoment[];
  readonly #slots: ReadonlyMap<string, unknown>;

  constructor(what: string, moments: readonly KeptMoment[], slots: object) {
    this.#what = what;
    this.#moments = moments;
    this.#slots = new Map<string, unknown>(Object.entries(slots));
  }

  /** What is kept under a name. */
  tree(name: string): unknown {
    return this.#slots.get(name);
  }

  /** What is kept once for all parameters. */
  scalar(name: string): Tensor {
    return this.found(this.#tensors({ [name]: this.tree(name) }, "slots"), name, "slots");
  }

  /** The tensor at a path; `tree` is what an error says it was looked for in. */
  found(known: ReadonlyMap<string, unknown> | undefined, path: string, tree: string): Tensor {
    const tensor = known?.get(path);
    if (tensor instanceof Tensor) return tensor;
    throw new UserError(`${this.#what}: ${tree} has nothing at "${path}"`);
  }

  /** All parameters that are trained. */
  trained(model: unknown, gradients: unknown): readonly Trained[] {
    const fixed = new Set(Object.keys(this.tree("fixed") ?? {}));
    const weights = [...this.#tensors(model, "model")].filter(([path]) => !fixed.has(path));
    for (const [path, w] of weights) checkTrainable(this.#what, path, w.dtype);
    const slopes = this.#tensors(gradients, "gradients");
    const moments = this.#moments.map((it) => ({ ...it, now: this.#tensors(this.tree(it.name), `slots.${it.name}`) }));
    return weights.map(([path, w]) => {
      const { inside, outside } = arithmeticOf(w.dtype);
      const own = moments.filter(({ shape }) => shape(w.shape.map(Number), path) !== null);
      const g = inside(this.found(slopes, path, "gradients"));
      const kept = own.map(({ name, now }) => [name, inside(this.found(now, path, `slots.${name}`))] as const);
      return { path, w: inside(w), g, kept: new Map(kept), outside };
    });
  }

  #tensors(tree: unknown, name: string): ByPath {
    return new Map(leavesOf(tree ?? {}, tensorLeaf, `${this.#what}: ${name}`).map(({ path, leaf }) => [path, leaf]));
  }
}

/** The next values of a parameter, as "w", and of what is kept for it. `total` is the sum of its gradients so far. */
function nextOf<Moments>(
  kind: Recipe<Moments>,
  turn: Turn,
  one: Trained & { readonly total: Tensor; readonly constraint: Constraint | undefined },
  given: Given,
): ReadonlyMap<string, Tensor> {
  const { path, w, g, kept, total, constraint } = one;
  const { common = {}, moments } = kind;
  const { isUpdate } = turn;
  const [lr, t] = [cast(turn.learningRate, w.dtype), cast(turn.t, w.dtype)];
  const decayed = withDecay(w, lr, path, kind);
  const own = Object.fromEntries(moments.flatMap(({ name }) => (kept.has(name) ? [[name, kept.get(name)]] : [])));
  const made = new Map<string, unknown>(Object.entries(kind.update({ w: decayed, g, lr, t, path }, own as Moments)));
  const chosen = (name: string, before: Tensor): Tensor => {
    const value = given.found(made, name, "the rule");
    return isUpdate === null ? value : where(isUpdate, value, before);
  };
  const next = new Map<string, Tensor>();
  for (const { name } of moments) {
    const before = kept.get(name);
    if (before !== undefined) next.set(name, chosen(name, before));
  }
  const stepped = chosen("w", w);
  const constrained = constraint === undefined ? stepped : constraint(stepped);
  next.set("w", constrained);
  if (isUpdate !== null) next.set("accumulated", where(isUpdate, 0, total)); // 0, also after what is not finite
  const average = kept.get("average");
  if (average !== undefined) averaged(next, average, constrained, turn, common);
  return next;
}

/** The number of an update, for schedules. */
function stepOf(t: Tensor): Scalar {
  const step = cast(t, "f32");
  if (isScalar(step)) return step;
  throw new UserError(`update: slots.t must be one number, not ${step}`);
}

function turnOf<Moments>(kind: Recipe<Moments>, scalar: (name: string) => Tensor): Turn {
  const { learningRate, common = {} } = kind;
  const steps = common.gradientAccumulationSteps ?? 1;
  const batches = accumulates(common) ? scalar("batches") : null;
  const t = isCounted(kind) ? add(scalar("t"), 1) : scalar("learningRate");
  return {
    learningRate: typeof learningRate === "number" ? scalar("learningRate") : learningRate.at(stepOf(scalar("t"))),
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
    ...(isCounted(kind) ? { t: isUpdate === null ? t : where(isUpdate, t, scalar("t")) } : {}),
    ...(batches === null ? {} : { batches: add(batches, 1) }),
    ...(typeof kind.learningRate === "number" ? {} : { learningRate }),
  };
}

/** Sums of the batches so far, and gradients as the formula gets them. */
function preparedGradients(
  trained: readonly Trained[],
  common: Partial<CommonValues>,
): { readonly raw: ByPath; readonly ready: ByPath } {
  const { lossScaleFactor = 1, gradientAccumulationSteps: steps = 1 } = common;
  const raw = new Map(
    trained.map(({ path, g, kept }) => {
      const unscaled = lossScaleFactor === 1 ? g : div(g, lossScaleFactor);
      const before = kept.get("accumulated");
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
  const now = where(equal(step, 1), w, add(mul(average, emaMomentum), mul(w, 1 - emaMomentum)));
  next.set("average", now);
  if (emaOverwriteFrequency !== undefined) next.set("w", where(equal(mod(step, emaOverwriteFrequency), 0), now, w));
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
