/** What containers share: layers inside another one or a model, each under its key. */
import { Tensor } from "../../dsl/tensor.ts";
import { joinPath } from "../../dsl/tree.ts";
import type { Constraint } from "../constraints/constraint.ts";
import type { Regularizer } from "../regularizers/regularizer.ts";
import type { Layer, Mode, ParamTensors } from "./layer.ts";

export interface Member {
  readonly key: string;
  readonly layer: Layer;
}

/** Penalties on the members' parameters, by their paths. */
export function regularizersOf(members: Iterable<Member>): ReadonlyMap<string, Regularizer> {
  const found = [...members].flatMap(({ key, layer }) =>
    [...(layer.regularizers ?? [])].map(([path, it]) => [`${joinPath("", key)}.${path}`, it] as const),
  );
  return new Map(found);
}

/** What the members' parameters become after each update, by their paths. */
export function constraintsOf(members: Iterable<Member>): ReadonlyMap<string, Constraint> {
  const found = [...members].flatMap(({ key, layer }) =>
    [...(layer.constraints ?? [])].map(([path, it]) => [`${joinPath("", key)}.${path}`, it] as const),
  );
  return new Map(found);
}

/** Tells of the layers inside the one called `key`. */
export function watchInside(key: string, onOutput: Mode["onOutput"]): Pick<Mode, "onOutput"> {
  if (onOutput === undefined) return {};
  return { onOutput: (path, output) => onOutput(`${joinPath("", key)}.${path}`, output) };
}

/** The part of a tree of parameters that belongs to one layer. */
export function subtree(params: ParamTensors, name: string): ParamTensors {
  const found = Object.hasOwn(params, name) ? params[name] : undefined;
  return found === undefined || found instanceof Tensor ? {} : found;
}
