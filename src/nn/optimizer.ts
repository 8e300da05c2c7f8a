/**
 * What an optimizer is: the contract between optimizers, programs and trainers; and one of your own, made of what it does to
 * one parameter.
 *
 * What an optimizer remembers is state like any other. `learningRate` is a scalar state, so `executable.state.write` changes
 * it without recompiling; `t` counts the updates where a formula needs it; moments are trees shaped like the model
 * ("opt.v.w1"). Only trainable leaves have moments and are changed; the others pass through `update` as they are given.
 */

import { type DType, isFloat } from "../core/dtype.ts";
import { UserError } from "../core/errors.ts";
import {
  callable,
  checkArguments,
  checkedLater,
  checkOptions,
  flag,
  list,
  number,
  type OptionTable,
  object,
  show,
  text,
} from "../core/options.ts";
import { atLine, here } from "../core/origin.ts";
import { refusePromise, tensorFrom } from "../dsl/check.ts";
import { withCompanions } from "../dsl/companions.ts";
import { type GradientsOf, tensorLeaf } from "../dsl/grad.ts";
import { filled, zeros } from "../dsl/initializers.ts";
import { add, cast } from "../dsl/ops.ts";
import { type StateSpec, slot, stateLeaf } from "../dsl/spec.ts";
import type { Tensor } from "../dsl/tensor.ts";
import { leavesOf, mapTree } from "../dsl/tree.ts";
import { isPlainObject } from "./ports.ts";

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

/** What an update needs, all of it inside an entry. */
export interface UpdateRequest<Model, Moment extends string> {
  /** The weights before the update, as tensors. */
  readonly model: Model;
  /** What `slots(model)` declared, as tensors. */
  readonly slots: SlotTensors<NoInfer<Model>, Moment>;
  /** Of the loss by each weight: `grad(loss, model)`. */
  readonly gradients: GradientsOf<NoInfer<Model>>;
}

/** Next values, to be returned as `next` by an entry whose state is `{ model, opt }`. */
export interface Updated<Model, Moment extends string> {
  /** The weights after the update. */
  readonly model: Model;
  /** The next values of the slots. */
  readonly opt: SlotTensors<Model, Moment>;
}

/** Every constant of an optimizer by the name of its option, with `kind`: JSON, from which `optimizerFrom` makes it again. */
export interface OptimizerConfig {
  /** "sgd", "adam"... */
  readonly kind: string;
  /** What it starts with. */
  readonly learningRate: number;
  /** The others, by the names of their options. */
  readonly constants: Readonly<Record<string, number | boolean>>;
}

/** How weights follow their gradients. `slots` declares what is kept from step to step, `update` makes the next values. */
export interface Optimizer<Moment extends string = string> {
  /** "sgd", "adam"... */
  readonly name: string;
  /** An optimizer of your own may do without; it is saved as code then. */
  readonly config?: OptimizerConfig;
  /** The states that updating this model needs. */
  slots<Model>(model: Model): OptimizerSlots<Model, Moment>;
  /** The next values of weights and slots, inside an entry. */
  update<Model>(request: UpdateRequest<Model, Moment>): Updated<Model, Moment>;
}

// ---- one of your own -----------------------------------------------------------------------------------------------

/** One trainable tensor of a model in one update. */
export interface Parameter {
  /** Its value before the update. */
  readonly w: Tensor;
  /** The gradient of the loss by w. */
  readonly g: Tensor;
  /** The learning rate, a scalar in the dtype of w. */
  readonly lr: Tensor;
  /** The number of this update, from 1, in the dtype of w: for an optimizer with `counts: true`. */
  readonly t: Tensor;
}

/** What an optimizer keeps for one parameter, by name: tensors of its shape. */
export type ParameterMoments<Moment extends string> = { readonly [M in Moment]: Tensor };

/** An optimizer of your own, by what it does to one parameter. */
export interface OptimizerDefinition<Moment extends string = string> {
  /** What it is called in files and messages. */
  readonly name: string;
  /** What it starts with: `setLearningRate` changes it. */
  readonly learningRate: number;
  /** What is kept from update to update for each parameter: names of tensors like it, which start as zeros. */
  readonly moments?: readonly Moment[];
  /** Whether updates are counted. False by default. */
  readonly counts?: boolean;
  /** The next value of one parameter, and of each of its moments. All have the shape and dtype of w. */
  update(parameter: Parameter, moments: ParameterMoments<Moment>): { readonly w: Tensor } & ParameterMoments<Moment>;
}

const definitionTable: OptionTable<OptimizerDefinition> = {
  name: text,
  learningRate: number({ from: 0 }),
  moments: list(text),
  counts: flag,
  update: callable(),
};

/**
 * An optimizer of your own. It is in no file: a trainer that has one is made first, and its file loaded into it.
 *
 *   const sign = optimizer({
 *     name: "signMomentum", learningRate: 1e-3, moments: ["m"],
 *     update({ w, g, lr }, { m }) {
 *       const next = add(mul(m, 0.9), mul(g, 0.1));
 *       return { w: sub(w, mul(lr, sign(next))), m: next };
 *     },
 *   });
 */
export function optimizer<const Moment extends string = never>(
  definition: OptimizerDefinition<Moment>,
): Optimizer<Moment> {
  checkArguments("optimizer", arguments, 1);
  const given: OptimizerDefinition = definition as object as OptimizerDefinition;
  const { name, learningRate, moments = [], counts = false } = checkOptions("optimizer", given, definitionTable);
  if (name === undefined || learningRate === undefined || given.update === undefined) {
    const wanted = "a name, a learningRate and a function update({ w, g, lr, t }, moments)";
    throw new UserError(`optimizer: needs ${wanted}${atLine(here("optimizer"))}`);
  }
  const taken = moments.find((moment) => ["learningRate", "t", "fixed", "w"].includes(moment));
  if (taken !== undefined)
    throw new UserError(`optimizer: a moment cannot be called "${taken}"${atLine(here("optimizer"))}`);
  const rule: Rule = ({ w, g, lr, t, moment }) => {
    const parameter: Parameter = {
      w,
      g,
      lr,
      get t() {
        if (counts) return t;
        throw new UserError(`optimizer "${name}": updates are not counted: for t give it counts: true`);
      },
    };
    const what = `optimizer "${name}": update`;
    const next: unknown = given.update(parameter, Object.fromEntries(moments.map((key) => [key, moment(key)])));
    refusePromise(what, next);
    if (!isPlainObject(next))
      throw new UserError(`${what} must give an object with w and its moments, not ${show(next)}`);
    const odd = Object.keys(next).find((key) => key !== "w" && !moments.includes(key));
    if (odd !== undefined) {
      const declared = JSON.stringify([...moments, odd]);
      throw new UserError(
        `${what} gives "${odd}", which is not kept: declare it by moments: ${declared}, or leave it out`,
      );
    }
    return Object.fromEntries(["w", ...moments].map((key) => [key, tensorFrom(`${what}: ${key}`, next[key])]));
  };
  const { config: _, ...made } = optimizerOf<Moment>({ name, learningRate, constants: {}, moments, counts }, rule);
  return made;
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

/** The parameter's next value as `w`, and its next moments by name. */
type Rule = (parameter: Parameter & { moment(name: string): Tensor }) => Readonly<Record<string, Tensor>>;

/** Trees inside an update, without the types that only users need. */
interface Loose {
  readonly model: unknown;
  readonly slots: Readonly<Record<string, unknown>>;
  readonly gradients: unknown;
}

/** What these moments and this rule make. */
export function optimizerOf<Moment extends string>(kind: Recipe, rule: Rule): Optimizer<Moment> {
  return {
    name: kind.name,
    config: { kind: kind.name, learningRate: kind.learningRate, constants: kind.constants },
    slots: <Model>(model: Model) => slotsFor(kind, model) as unknown as OptimizerSlots<Model, Moment>,
    update: <Model>(request: UpdateRequest<Model, Moment>) =>
      updateAll(kind, rule, request as unknown as Loose) as unknown as Updated<Model, Moment>,
  };
}

function slotsFor(kind: Recipe, model: unknown): object {
  const what = `${kind.name}: slots`;
  const fixed = leavesOf(model, stateLeaf, what).filter(({ leaf }) => !leaf.trainable);
  const momentOf = (leaf: StateSpec): StateSpec | object =>
    leaf.trainable ? slot(zeros(...fixedSizes(leaf)), { dtype: leaf.dtype }) : {};
  return {
    learningRate: slot(filled(kind.learningRate), { range: [0, Number.POSITIVE_INFINITY] }),
    ...(kind.counts ? { t: slot(zeros(), { dtype: "u32" }) } : {}),
    ...(fixed.length === 0 ? {} : { fixed: Object.fromEntries(fixed.map(({ path }) => [path, {}])) }),
    ...Object.fromEntries(kind.moments.map((name) => [name, mapTree(model, stateLeaf, what, momentOf)])),
  };
}

/** States have no symbolic dimensions. */
function fixedSizes(leaf: StateSpec): readonly number[] {
  return leaf.shape.map(Number);
}

const requestTable: OptionTable<Loose> = { model: checkedLater(), slots: object(), gradients: checkedLater() };

function updateAll(kind: Recipe, rule: Rule, request: Loose): object {
  const what = `${kind.name}: update`;
  const { model, slots = {}, gradients } = checkOptions(what, request, requestTable);
  const tensors = (tree: unknown, name: string): ReadonlyMap<string, Tensor> =>
    new Map(leavesOf(tree ?? {}, tensorLeaf, `${what}: ${name}`).map(({ path, leaf }) => [path, leaf]));
  const found = (known: ReadonlyMap<string, Tensor>, path: string, tree: string): Tensor => {
    const tensor = known.get(path);
    if (tensor === undefined) throw new UserError(`${what}: ${tree} has nothing at "${path}"`);
    return tensor;
  };
  const slopes = tensors(gradients, "gradients");
  const moments = new Map(kind.moments.map((name) => [name, tensors(slots[name], `slots.${name}`)]));
  const scalars = tensors({ learningRate: slots.learningRate, ...(kind.counts ? { t: slots.t } : {}) }, "slots");
  const learningRate = found(scalars, "learningRate", "slots");
  const t = kind.counts ? add(found(scalars, "t", "slots"), 1) : learningRate;
  const fixed = new Set(Object.keys(slots.fixed ?? {}));

  const nextMoments = new Map<string, Map<string, Tensor>>(kind.moments.map((name) => [name, new Map()]));
  const nextModel = mapTree(model, tensorLeaf, `${what}: model`, (w, path) => {
    if (fixed.has(path)) return w;
    checkTrainable(what, path, w.dtype);
    const next = rule({
      w,
      g: found(slopes, path, "gradients"),
      lr: cast(learningRate, w.dtype),
      t: cast(t, w.dtype),
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
        mapTree(slots[name], tensorLeaf, what, (_, path) => found(nextMoments.get(name) ?? new Map(), path, "model")),
      ]),
    ),
  };
  const kept = [...nextMoments].flatMap(([name, tree]) =>
    [...tree].map(([path, next]) => [`${name}.${path}`, next] as const),
  );
  const companions = new Map([...(kind.counts ? [["t", t] as const] : []), ...kept]);
  return { model: withCompanions(nextModel, { name: kind.name, tensors: companions }), opt };
}

function checkTrainable(what: string, path: string, dtype: DType): void {
  if (isFloat(dtype)) return;
  throw new UserError(`${what}: "${path}" is ${dtype}, which has no gradient: declare it as a slot`);
}
