/**
 * Optimizers: how weights follow their gradients, with the formulas of Keras 3.
 *
 *   const opt = adam();                                   state: { model, opt: opt.slots(model) }
 *   next: opt.update({ model, slots, gradients: grad(loss, model) })      // { model, opt }: the next values of both
 *
 * What an optimizer remembers is state like any other. `learningRate` is a scalar state, so `executable.state.write` changes
 * it without recompiling; `t` counts the updates where a formula needs it; moments are trees shaped like the model
 * ("opt.v.w1"). Only trainable leaves have moments and are changed; the others pass through `update` as they are given.
 */

import { type GradientsOf, isTensor } from "../dsl/grad.ts";
import { filled, zeros } from "../dsl/initializers.ts";
import { add, cast, div, expm1, maximum, mul, neg, sqrt, sub } from "../dsl/ops.ts";
import { StateSpec, slot } from "../dsl/spec.ts";
import type { Tensor } from "../dsl/tensor.ts";
import { leavesOf, mapTree } from "../dsl/tree.ts";
import { UserError } from "../errors.ts";
import { type DType, isFloat } from "../graph/dtype.ts";
import type { Shape } from "../graph/shape.ts";
import { checkOptions, flag, type Kind, number, type OptionTable } from "../options.ts";

/** A tree shaped like the model, one moment for each trainable leaf; other leaves are empty objects. */
export type MomentsOf<Model> =
  Model extends StateSpec<infer S, infer D> ? StateSpec<S, D> : { readonly [K in keyof Model]: MomentsOf<Model[K]> };

/** What an optimizer keeps from step to step: a part of a program's state. */
export type OptimizerSlots<Model, Moment extends string> = {
  readonly learningRate: StateSpec<[], "f32">;
  /** Updates so far. */
  readonly t?: StateSpec<[], "u32">;
  /** Paths of leaves that are not trained. Holds no state. */
  readonly fixed?: Readonly<Record<string, Record<never, never>>>;
} & { readonly [K in Moment]?: MomentsOf<Model> };

/** The same inside an entry. `Model` is a tree of tensors there. */
export type SlotTensors<Model, Moment extends string> = {
  readonly learningRate: Tensor<[], "f32">;
  readonly t?: Tensor<[], "u32">;
  readonly fixed?: Readonly<Record<string, Record<never, never>>>;
} & { readonly [K in Moment]?: Model };

export interface UpdateRequest<Model, Moment extends string> {
  readonly model: Model;
  readonly slots: SlotTensors<NoInfer<Model>, Moment>;
  readonly gradients: GradientsOf<NoInfer<Model>>;
}

/** Next values, to be returned as `next` by an entry whose state is `{ model, opt }`. */
export interface Updated<Model, Moment extends string> {
  readonly model: Model;
  readonly opt: SlotTensors<Model, Moment>;
}

/** Every constant of an optimizer by the name of its option, with `kind`: JSON, from which `optimizerFrom` makes it again. */
export interface OptimizerConfig {
  readonly kind: string;
  readonly learningRate: number;
  readonly constants: Readonly<Record<string, number | boolean>>;
}

export interface Optimizer<Moment extends string = string> {
  /** "sgd", "adam"... */
  readonly name: string;
  /** An optimizer of your own may do without; it is saved as code then. */
  readonly config?: OptimizerConfig;
  /** The states that updating this model needs. */
  slots<Model>(model: Model): OptimizerSlots<Model, Moment>;
  update<Model>(request: UpdateRequest<Model, Moment>): Updated<Model, Moment>;
}

export interface SgdOptions {
  readonly learningRate?: number;
  readonly momentum?: number;
  readonly nesterov?: boolean;
}

/** Of a moving average: how much of the old value is kept. */
const share: Kind<number> = number({ from: 0, below: 1 });
const positive: Kind<number> = number({ from: 0 });

const sgdTable: OptionTable<SgdOptions> = { learningRate: positive, momentum: share, nesterov: flag };

/** w -= lr * g; with momentum m = mu * m - lr * g and w += m, or w += mu * m - lr * g (Nesterov). */
export function sgd(options: SgdOptions = {}): Optimizer<"velocity"> {
  const { learningRate = 0.01, momentum = 0, nesterov = false } = checkOptions("sgd", options, sgdTable);
  const moments = momentum === 0 ? [] : ["velocity"];
  const constants = { momentum, nesterov };
  return optimizer({ name: "sgd", learningRate, constants, moments, counts: false }, ({ w, g, lr, moment }) => {
    const step = mul(lr, g) as Tensor;
    if (momentum === 0) return { w: sub(w, step) as Tensor };
    const velocity = sub(mul(moment("velocity"), momentum) as Tensor, step) as Tensor;
    const change = nesterov ? (sub(mul(velocity, momentum) as Tensor, step) as Tensor) : velocity;
    return { w: add(w, change) as Tensor, velocity };
  });
}

export interface RmspropOptions {
  readonly learningRate?: number;
  readonly rho?: number;
  readonly momentum?: number;
  readonly epsilon?: number;
  /** Subtract the squared mean of the gradients: their variance instead of their second moment. */
  readonly centered?: boolean;
}

const rmspropTable: OptionTable<RmspropOptions> = {
  learningRate: positive,
  rho: share,
  momentum: share,
  epsilon: positive,
  centered: flag,
};

/** v = rho * v + (1 - rho) * g²; w -= lr * g / sqrt(v + eps). */
export function rmsprop(options: RmspropOptions = {}): Optimizer<"v" | "mean" | "velocity"> {
  const given = checkOptions("rmsprop", options, rmspropTable);
  const { learningRate = 1e-3, rho = 0.9, momentum = 0, epsilon = 1e-7, centered = false } = given;
  const moments = ["v", ...(centered ? ["mean"] : []), ...(momentum > 0 ? ["velocity"] : [])];
  const constants = { rho, momentum, epsilon, centered };
  return optimizer({ name: "rmsprop", learningRate, constants, moments, counts: false }, ({ w, g, lr, moment }) => {
    const v = add(mul(moment("v"), rho) as Tensor, mul(mul(g, g) as Tensor, 1 - rho) as Tensor) as Tensor;
    const next: Record<string, Tensor> = { v };
    let spread = v;
    if (centered) {
      const mean = add(mul(moment("mean"), rho) as Tensor, mul(g, 1 - rho) as Tensor) as Tensor;
      spread = sub(v, mul(mean, mean) as Tensor) as Tensor;
      next.mean = mean;
    }
    let step = div(mul(lr, g) as Tensor, sqrt(add(spread, epsilon) as Tensor)) as Tensor;
    if (momentum > 0) {
      step = add(mul(moment("velocity"), momentum) as Tensor, step) as Tensor;
      next.velocity = step;
    }
    return { ...next, w: sub(w, step) as Tensor };
  });
}

export interface AdamOptions {
  readonly learningRate?: number;
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
  /** Divide by the largest second moment so far. */
  readonly amsgrad?: boolean;
}

const adamTable: OptionTable<AdamOptions> = {
  learningRate: positive,
  beta1: share,
  beta2: share,
  epsilon: positive,
  amsgrad: flag,
};

/** m += (1 - b1)(g - m); v += (1 - b2)(g² - v); w -= lr * sqrt(1 - b2^t) / (1 - b1^t) * m / (sqrt(v) + eps). */
export function adam(options: AdamOptions = {}): Optimizer<"m" | "v" | "vMax"> {
  return adamLike("adam", checkOptions("adam", options, adamTable), 0);
}

export interface AdamwOptions extends AdamOptions {
  readonly weightDecay?: number;
}

const adamwTable: OptionTable<AdamwOptions> = { ...adamTable, weightDecay: positive };

/** Adam, with w -= lr * weightDecay * w before the update. */
export function adamw(options: AdamwOptions = {}): Optimizer<"m" | "v" | "vMax"> {
  const given = checkOptions<AdamwOptions>("adamw", options, adamwTable);
  return adamLike("adamw", given, given.weightDecay ?? 0.004);
}

function adamLike(name: string, options: AdamOptions, weightDecay: number): Optimizer<"m" | "v" | "vMax"> {
  const { learningRate = 1e-3, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7, amsgrad = false } = options;
  const moments = ["m", "v", ...(amsgrad ? ["vMax"] : [])];
  const constants = { beta1, beta2, epsilon, amsgrad, ...(name === "adamw" ? { weightDecay } : {}) };
  return optimizer({ name, learningRate, constants, moments, counts: true }, ({ w, g, lr, t, moment }) => {
    const [oldM, oldV] = [moment("m"), moment("v")];
    const m = add(oldM, mul(sub(g, oldM) as Tensor, 1 - beta1) as Tensor) as Tensor;
    const v = add(oldV, mul(sub(mul(g, g) as Tensor, oldV) as Tensor, 1 - beta2) as Tensor) as Tensor;
    const largest = amsgrad ? { vMax: maximum(moment("vMax"), v) as Tensor } : {};
    const correction = div(sqrt(oneMinusPower(beta2, t)), oneMinusPower(beta1, t)) as Tensor;
    const scale = sqrt(largest.vMax ?? v) as Tensor;
    const step = div(mul(mul(lr, correction) as Tensor, m) as Tensor, add(scale, epsilon) as Tensor) as Tensor;
    const kept = weightDecay === 0 ? w : (sub(w, mul(mul(lr, weightDecay) as Tensor, w) as Tensor) as Tensor);
    return { m, v, ...largest, w: sub(kept, step) as Tensor };
  });
}

/** 1 - base^t, without the cancellation that would cost half the digits while base^t is near 1. */
function oneMinusPower(base: number, t: Tensor): Tensor {
  return neg(expm1(mul(t, Math.log(base)) as Tensor) as Tensor) as Tensor;
}

// ---- what all optimizers share -------------------------------------------------------------------------------------

interface Recipe {
  readonly name: string;
  readonly learningRate: number;
  readonly constants: Readonly<Record<string, number | boolean>>;
  readonly moments: readonly string[];
  /** Whether updates are counted. */
  readonly counts: boolean;
}

interface Parameter {
  readonly w: Tensor;
  readonly g: Tensor;
  /** The learning rate and the number of this update, from 1, in the parameter's dtype. */
  readonly lr: Tensor;
  readonly t: Tensor;
  moment(name: string): Tensor;
}

/** The parameter's next value as `w`, and its next moments by name. */
type Rule = (parameter: Parameter) => Readonly<Record<string, Tensor>>;

/** Trees inside an update, without the types that only users need. */
interface Loose {
  readonly model: unknown;
  readonly slots: Readonly<Record<string, unknown>>;
  readonly gradients: unknown;
}

function optimizer<Moment extends string>(kind: Recipe, rule: Rule): Optimizer<Moment> {
  return {
    name: kind.name,
    config: { kind: kind.name, learningRate: kind.learningRate, constants: kind.constants },
    slots: <Model>(model: Model) => slotsFor(kind, model) as unknown as OptimizerSlots<Model, Moment>,
    update: <Model>(request: UpdateRequest<Model, Moment>) =>
      updateAll(kind, rule, request as unknown as Loose) as unknown as Updated<Model, Moment>,
  };
}

const isStateSpec = (value: unknown): value is StateSpec => value instanceof StateSpec;

function slotsFor(kind: Recipe, model: unknown): object {
  const what = `${kind.name}: slots`;
  const fixed = leavesOf(model, isStateSpec, what).filter(({ leaf }) => !leaf.trainable);
  const momentOf = (leaf: StateSpec): StateSpec | object =>
    leaf.trainable ? slot(zeros(...fixedSizes(leaf)), { dtype: leaf.dtype }) : {};
  return {
    learningRate: slot(filled(kind.learningRate), { range: [0, Number.POSITIVE_INFINITY] }),
    ...(kind.counts ? { t: slot(zeros(), { dtype: "u32" }) } : {}),
    ...(fixed.length === 0 ? {} : { fixed: Object.fromEntries(fixed.map(({ path }) => [path, {}])) }),
    ...Object.fromEntries(kind.moments.map((name) => [name, mapTree(model, isStateSpec, what, momentOf)])),
  };
}

/** States have no symbolic dimensions. */
function fixedSizes(leaf: StateSpec): readonly number[] {
  return leaf.shape.map(Number);
}

function updateAll(kind: Recipe, rule: Rule, { model, slots, gradients }: Loose): object {
  const what = `${kind.name}: update`;
  const tensors = (tree: unknown, name: string): ReadonlyMap<string, Tensor> =>
    new Map(leavesOf(tree ?? {}, isTensor, `${what}: ${name}`).map(({ path, leaf }) => [path, leaf]));
  const found = (known: ReadonlyMap<string, Tensor>, path: string, tree: string): Tensor => {
    const tensor = known.get(path);
    if (tensor === undefined) throw new UserError(`${what}: ${tree} has nothing at "${path}"`);
    return tensor;
  };
  const slopes = tensors(gradients, "gradients");
  const moments = new Map(kind.moments.map((name) => [name, tensors(slots[name], `slots.${name}`)]));
  const scalars = tensors({ learningRate: slots.learningRate, ...(kind.counts ? { t: slots.t } : {}) }, "slots");
  const learningRate = found(scalars, "learningRate", "slots");
  const t = kind.counts ? (add(found(scalars, "t", "slots"), 1) as Tensor) : learningRate;
  const fixed = new Set(Object.keys(slots.fixed ?? {}));

  const nextMoments = new Map<string, Map<string, Tensor>>(kind.moments.map((name) => [name, new Map()]));
  const nextModel = mapTree(model, isTensor, `${what}: model`, (w, path) => {
    if (fixed.has(path)) return w;
    checkTrainable(what, path, w.dtype);
    const next = rule({
      w,
      g: found(slopes, path, "gradients"),
      lr: cast(learningRate as Tensor<Shape>, w.dtype) as Tensor,
      t: cast(t as Tensor<Shape>, w.dtype) as Tensor,
      moment: (name) => found(moments.get(name) ?? new Map(), path, `slots.${name}`),
    });
    for (const [name, tree] of nextMoments) tree.set(path, found(new Map(Object.entries(next)), name, "the rule"));
    return next.w;
  });
  const opt = {
    ...slots,
    ...(kind.counts ? { t } : {}),
    ...Object.fromEntries(
      kind.moments.map((name) => [
        name,
        mapTree(slots[name], isTensor, what, (_, path) => found(nextMoments.get(name) ?? new Map(), path, "model")),
      ]),
    ),
  };
  return { model: nextModel, opt };
}

function checkTrainable(what: string, path: string, dtype: DType): void {
  if (isFloat(dtype)) return;
  throw new UserError(`${what}: "${path}" is ${dtype}, which has no gradient: declare it as a slot`);
}
