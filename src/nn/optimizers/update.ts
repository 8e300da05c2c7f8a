/**
 * What all optimizers share: states for what they keep, and an update of a whole model by what happens to one parameter.
 */
import { type DType, isFloat, isShort } from "../../core/dtype.ts";
import { UserError } from "../../core/errors.ts";
import { checkedLater, checkOptions, type OptionTable, object } from "../../core/options.ts";
import { withCompanions } from "../../dsl/companions.ts";
import { filled, zeros } from "../../dsl/initializers.ts";
import { add, cast } from "../../dsl/ops.ts";
import { type StateSpec, slot, stateLeaf } from "../../dsl/spec.ts";
import { Tensor, tensorLeaf } from "../../dsl/tensor.ts";
import { leavesOf, mapTree } from "../../dsl/tree.ts";
import type { Optimizer, OptimizerConfig, OptimizerSlots, Parameter, Updated, UpdateRequest } from "./optimizer.ts";

/** An optimizer by what it does to one parameter. */
export interface Recipe<Moments> {
  readonly name: string;
  readonly learningRate: number;
  /** What `optimizerFrom` makes it from; none where it is code. */
  readonly config?: OptimizerConfig;
  readonly moments: readonly string[];
  /** Whether updates are counted. */
  readonly counts: boolean;
  /** The next value of one parameter as `w`, and of its moments by their names. What else is in it is not looked at. */
  update(parameter: Parameter, moments: Moments): object;
}

/** Names that no moment may have: they stand beside them. */
export const takenNames: readonly string[] = ["learningRate", "t", "fixed", "w"];

export function optimizerBy<Moments>(recipe: Recipe<Moments>): Optimizer<keyof Moments & string> {
  type Moment = keyof Moments & string;
  return {
    name: recipe.name,
    ...(recipe.config === undefined ? {} : { config: recipe.config }),
    slots: <Model>(model: Model) => slotsFor(recipe, model) as OptimizerSlots<Model, Moment>,
    update: <Model>(request: UpdateRequest<Model, Moment>) => updateAll(recipe, request) as Updated<Model, Moment>,
  };
}

function slotsFor<Moments>(kind: Recipe<Moments>, model: unknown): object {
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

/** Trees inside an update, without the types that only users need. */
interface Loose {
  readonly model: unknown;
  readonly slots: object;
  readonly gradients: unknown;
}

const requestTable: OptionTable<Loose> = { model: checkedLater(), slots: object(), gradients: checkedLater() };

type ByPath = ReadonlyMap<string, Tensor>;

function updateAll<Moments>(kind: Recipe<Moments>, request: Loose): object {
  const what = `${kind.name}: update`;
  const { model, slots = {}, gradients } = checkOptions(what, request, requestTable);
  const tensors = (tree: unknown, name: string): ByPath =>
    new Map(leavesOf(tree ?? {}, tensorLeaf, `${what}: ${name}`).map(({ path, leaf }) => [path, leaf]));
  const found = (known: ReadonlyMap<string, unknown> | undefined, path: string, tree: string): Tensor => {
    const tensor = known?.get(path);
    if (tensor instanceof Tensor) return tensor;
    throw new UserError(`${what}: ${tree} has nothing at "${path}"`);
  };
  const slotTrees = new Map<string, unknown>(Object.entries(slots));
  const slopes = tensors(gradients, "gradients");
  const moments = kind.moments.map((name) => ({
    name,
    now: tensors(slotTrees.get(name), `slots.${name}`),
    next: new Map<string, Tensor>(),
  }));
  const counters = kind.counts ? { t: slotTrees.get("t") } : {};
  const scalars = tensors({ learningRate: slotTrees.get("learningRate"), ...counters }, "slots");
  const learningRate = found(scalars, "learningRate", "slots");
  const t = kind.counts ? add(found(scalars, "t", "slots"), 1) : learningRate;
  const fixed = new Set(Object.keys(slotTrees.get("fixed") ?? {}));

  const nextModel = mapTree(model, tensorLeaf, `${what}: model`, (w, path) => {
    if (fixed.has(path)) return w;
    checkTrainable(what, path, w.dtype);
    const { inside, outside } = arithmeticOf(w.dtype);
    const [lr, count] = [cast(learningRate, inside(w).dtype), cast(t, inside(w).dtype)];
    const parameter = { w: inside(w), g: inside(found(slopes, path, "gradients")), lr, t: count };
    const kept = moments.map(({ name, now }) => [name, inside(found(now, path, `slots.${name}`))] as const);
    const next = new Map<string, unknown>(Object.entries(kind.update(parameter, Object.fromEntries(kept) as Moments)));
    for (const { name, next: tree } of moments) tree.set(path, outside(found(next, name, "the rule")));
    return outside(found(next, "w", "the rule"));
  });
  const nextMoments = moments.map(({ name, next }) => [
    name,
    mapTree(slotTrees.get(name), tensorLeaf, what, (_, path) => found(next, path, "model")),
  ]);
  const opt = { ...slots, ...(kind.counts ? { t } : {}), ...Object.fromEntries(nextMoments) };
  const kept = moments.flatMap(({ name, next }) => [...next].map(([path, it]) => [`${name}.${path}`, it] as const));
  const companions = new Map([...(kind.counts ? [["t", t] as const] : []), ...kept]);
  return { model: withCompanions(nextModel, kind.name, companions), opt };
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
