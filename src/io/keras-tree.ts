/**
 * What a file of Keras's weights says about where each array belongs.
 *
 *     .weights.h5, .keras     layers/dense_1/vars/0        the second Dense of the model, its first variable; the layer's own name is
 *                                                          an attribute of vars; layers/lstm/cell/vars/2 lies inside a layer
 *     .h5 of earlier days     model_weights/answer/small/answer/kernel      layers in the model's order, variables by name
 *
 * A layer is found by its own name ("answer"), or by its kind and number ("dense1"), as `sequential` counts here. Both are noted;
 * keras-names.ts compares them with a model's.
 */
import type { Hdf5Contents } from "./hdf5.ts";
import type { KerasConfig } from "./keras-config.ts";
import { counted } from "./keras-words.ts";
import type { StoredTensor } from "./safetensors.ts";

/** An array of a file, and where it belongs. */
export interface KerasVariable {
  /** Its path in the file. */
  readonly path: string;
  readonly tensor: StoredTensor;
  /** The layers it lies in, and their parts, outermost first: with the layers' own names, where they were given any. */
  readonly named: readonly string[];
  /** The same, with layers counted. */
  readonly counted: readonly string[];
  /** "recurrent_kernel", in files that say it. */
  readonly name: string | null;
}

export interface KerasTree {
  /** In the model's order, where that is known; within a layer always in Keras's. */
  readonly variables: readonly KerasVariable[];
  readonly isInOrder: boolean;
}

/** The variables of a .weights.h5, with the architecture where a .keras file has it. */
export function treeOf(contents: Hdf5Contents, config: KerasConfig | null): KerasTree {
  const tree = new Tree(contents);
  tree.group("", { named: [], counted: [] }, config, 0);
  return { variables: tree.variables, isInOrder: tree.isInOrder };
}

interface Place {
  readonly named: readonly string[];
  readonly counted: readonly string[];
}

/** Parts of layers in the order of their weights in Keras; the files have them by the alphabet. */
const partsInOrder: readonly string[] = [
  ...["forward_layer", "backward_layer"],
  ...["query_dense", "key_dense", "value_dense", "output_dense"],
];

class Tree {
  readonly variables: KerasVariable[] = [];
  isInOrder = true;
  readonly #contents: Hdf5Contents;
  /** Groups inside each group. */
  readonly #groups = new Map<string, string[]>();
  /** Tensors right inside each group. */
  readonly #tensors = new Map<string, string[]>();
  /** Groups with a tensor anywhere inside. */
  readonly #holding = new Set<string>();

  constructor(contents: Hdf5Contents) {
    this.#contents = contents;
    for (const path of contents.attributes.keys()) if (path !== "") push(this.#groups, parentOf(path), lastOf(path));
    for (const path of contents.tensors.keys()) {
      push(this.#tensors, parentOf(path), lastOf(path));
      for (let group = parentOf(path); !this.#holding.has(group); group = parentOf(group)) {
        this.#holding.add(group);
        if (group === "") break;
      }
    }
  }

  /** A model, a layer, a part of one, or a list of layers. */
  group(path: string, place: Place, config: KerasConfig | null, depth: number): void {
    this.#own(join(path, "vars"), place);
    const inside = (this.#groups.get(path) ?? []).filter((key) => key !== "vars" && this.#holding.has(join(path, key)));
    const isList = path !== "" && !this.#groups.get(path)?.includes("vars") && lastOf(path) !== "layers";
    if (lastOf(path) === "layers" || isList) {
      this.#layers(path, inside, place, config, depth);
      return;
    }
    const parts = inOrder(inside);
    if (parts === null) this.isInOrder = false;
    for (const key of parts ?? inside) {
      const isLayers = key === "layers";
      const within = isLayers ? place : { named: [...place.named, key], counted: [...place.counted, key] };
      this.group(join(path, key), within, isLayers ? config : null, depth + 1);
    }
  }

  #own(vars: string, { named, counted }: Place): void {
    const keys = (this.#tensors.get(vars) ?? []).sort((a, b) => Number(a) - Number(b));
    for (const key of keys) {
      const path = join(vars, key);
      const tensor = this.#contents.tensors.get(path);
      if (tensor !== undefined) this.variables.push({ path, tensor, named, counted, name: null });
    }
  }

  #layers(path: string, keys: readonly string[], place: Place, config: KerasConfig | null, depth: number): void {
    const layers = keys.map((key) => ({ key, ...counted(key) }));
    if (config === null && new Set(layers.map(({ kind }) => kind)).size > 1) this.isInOrder = false;
    const unnamed = new Map<string, number>();
    const found = layers
      .sort((a, b) => (a.kind === b.kind ? a.number - b.number : a.kind < b.kind ? -1 : 1))
      .map(({ key, kind, number }) => {
        const inside = join(path, key);
        const own = this.#contents.attributes.get(join(inside, "vars"))?.get("name")?.[0] ?? key;
        const isOwn = counted(own).kind !== kind;
        if (!isOwn) unnamed.set(kind, (unnamed.get(kind) ?? 0) + 1);
        const named = [...place.named, isOwn ? own : `${kind}${unnamed.get(kind)}`];
        const known = config?.get(`${kind}${number}`);
        return { inside, place: { named, counted: [...place.counted, `${kind}${number}`] }, known };
      });
    if (config !== null) found.sort((a, b) => (a.known?.position ?? 0) - (b.known?.position ?? 0));
    for (const { inside, place, known } of found) {
      if (config !== null && known === undefined) this.isInOrder = false;
      this.group(inside, place, known?.layers ?? null, depth + 1);
    }
  }
}

/** Null where the order is not known. */
function inOrder(parts: readonly string[]): readonly string[] | null {
  if (parts.length < 2) return parts;
  const positions = new Map(parts.map((part) => [part, partsInOrder.indexOf(part)]));
  if ([...positions.values()].includes(-1)) return null;
  return [...parts].sort((a, b) => (positions.get(a) ?? 0) - (positions.get(b) ?? 0));
}

function push(lists: Map<string, string[]>, key: string, value: string): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}

const join = (path: string, key: string): string => (path === "" ? key : `${path}/${key}`);
const parentOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf("/")));
const lastOf = (path: string): string => path.slice(path.lastIndexOf("/") + 1);
