/** What containers share: layers inside another one or a model, each under its key. */
import { UserError } from "../../core/errors.ts";
import { atLine, here } from "../../core/origin.ts";
import { Tensor } from "../../dsl/tensor.ts";
import { joinPath } from "../../dsl/tree.ts";
import type { Constraint } from "../constraints/constraint.ts";
import type { Regularizer } from "../regularizers/regularizer.ts";
import type { Layer, Mode, ParamTensors } from "./layer.ts";

export interface Member<L extends Layer = Layer> {
  readonly key: string;
  readonly layer: L;
}

/** Each layer under its own name, or under its kind's, which is counted: dense1, dense2. */
export function keyed<L extends Layer>(call: string, layers: readonly L[]): readonly Member<L>[] {
  const seen = new Map<string, number>();
  const taken = new Set<string>();
  return layers.map((layer) => {
    const ordinal = (seen.get(layer.name) ?? 0) + 1;
    if (layer.givenName === undefined) seen.set(layer.name, ordinal);
    const key = layer.givenName ?? `${layer.name}${ordinal}`;
    if (taken.has(key)) {
      throw new UserError(`${call}: two layers are called "${key}": give one another name${atLine(here(call))}`);
    }
    taken.add(key);
    return { layer, key };
  });
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

/** What the layer called `key` is told of its place, and what is told of the layers inside it. */
export function placeInside(key: string, { path: outer = "", onOutput }: Place): Place & { readonly path: string } {
  const path = joinPath(outer, key);
  if (onOutput === undefined) return { path };
  return { path, onOutput: (inner, output, layer) => onOutput(`${joinPath("", key)}.${inner}`, output, layer) };
}

type Place = Pick<Mode, "path" | "onOutput">;

/** How many nodes there are around x, before a layer is applied to it. */
export function nodesAround({ value }: Tensor): number {
  return "graph" in value ? value.graph.nodes.length : 0;
}

/**
 * Tells what came to the graph around x since then which layer it is in, for messages; layers inside have told theirs. Numbers that were
 * made elsewhere are left out: their origin may be in many graphs.
 */
export function nameNodes(path: string, { value }: Tensor, since: number): void {
  if (!("graph" in value)) return;
  const { nodes } = value.graph;
  for (let id = since; id < nodes.length; id++) {
    const node = nodes[id];
    if (node === undefined || node.args.length === 0) continue;
    for (const origin of node.origins) if (origin.layer?.startsWith(`${path}.`) !== true) origin.layer = path;
  }
}

/** The part of a tree of parameters that belongs to one layer. */
export function subtree(params: ParamTensors, name: string): ParamTensors {
  const found = Object.hasOwn(params, name) ? params[name] : undefined;
  return found === undefined || found instanceof Tensor ? {} : found;
}
