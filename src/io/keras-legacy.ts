/**
 * Weights in a .h5 of Keras before its third version, which Keras 3 still writes: layers in the model's order, each with its variables
 * by name in Keras's order. The lists of names are attributes, cut into pieces where they are long.
 *
 *     model_weights (or the file itself)    layer_names = [look, answer]
 *     model_weights/answer                  weight_names = [small/answer/kernel, small/answer/bias]      earlier "answer/kernel:0"
 */
import type { Hdf5Contents } from "./hdf5.ts";
import type { KerasConfig, KerasLayer } from "./keras-config.ts";
import type { KerasTree, KerasVariable } from "./keras-tree.ts";
import { counted, plain } from "./keras-words.ts";

/** The group with the list of layers; null where the file is of another kind. */
export function legacyRoot({ attributes }: Hdf5Contents): string | null {
  const root = ["model_weights", ""].find((path) => listOf(attributes.get(path), "layer_names") !== null);
  return root ?? null;
}

export function legacyTree(contents: Hdf5Contents, root: string, config: KerasConfig | null): KerasTree {
  const { attributes, tensors } = contents;
  const names = listOf(attributes.get(root), "layer_names") ?? [];
  const keys = keysOf(names, config);
  const variables: KerasVariable[] = [];
  for (const name of [...names, "top_level_model_weights"]) {
    const group = root === "" ? name : `${root}/${name}`;
    const key = keys.get(name) ?? { named: "", counted: "", layers: null };
    for (const weight of listOf(attributes.get(group), "weight_names") ?? []) {
      const tensor = tensors.get(`${group}/${weight}`);
      if (tensor === undefined) continue;
      const inside = weight.replace(/:0$/, "").split("/");
      const rest = inside.slice(inside.indexOf(name) + 1);
      const place = placeInside(rest.slice(0, -1), key.layers);
      variables.push({
        path: `${group}/${weight}`,
        tensor,
        named: [key.named, ...place.named].filter((part) => part !== ""),
        counted: [key.counted, ...place.counted].filter((part) => part !== ""),
        name: rest.at(-1) ?? null,
      });
    }
  }
  return { variables, isInOrder: true };
}

type Attributes = ReadonlyMap<string, readonly string[]> | undefined;

/** A list that may be cut into NAME0, NAME1, ...; null where there is none. One without members looks like one of numbers. */
function listOf(attributes: Attributes, name: string): readonly string[] | null {
  const whole = attributes?.get(name);
  if (whole !== undefined) return whole;
  const pieces: string[] = [];
  for (let i = 0; attributes?.has(`${name}${i}`); i++) pieces.push(...(attributes.get(`${name}${i}`) ?? []));
  return pieces.length === 0 ? null : pieces;
}

interface Key {
  readonly named: string;
  readonly counted: string;
  readonly layers: KerasConfig | null;
}

/** What layers are called. Without an architecture a name that Keras gave ("dense_7") cannot be told from one of the user's. */
function keysOf(names: readonly string[], config: KerasConfig | null): ReadonlyMap<string, Key> {
  if (config !== null) return new Map([...namedKeys(config)]);
  const numbers = new Map<string, number>();
  return new Map(
    names.map((name) => {
      const { kind } = counted(name);
      numbers.set(kind, (numbers.get(kind) ?? 0) + 1);
      return [name, { named: name, counted: `${kind}${numbers.get(kind)}`, layers: null }] as const;
    }),
  );
}

function namedKeys(config: KerasConfig): ReadonlyMap<string, Key> {
  const unnamed = new Map<string, number>();
  const keyOf = ({ name, kind, number, layers }: KerasLayer): readonly [string, Key] => {
    const isOwn = counted(name).kind !== kind;
    if (!isOwn) unnamed.set(kind, (unnamed.get(kind) ?? 0) + 1);
    return [name, { named: isOwn ? name : `${kind}${unnamed.get(kind)}`, counted: `${kind}${number}`, layers }];
  };
  return new Map([...config.values()].map(keyOf));
}

/** Layers of a model inside, then parts of a layer. */
function placeInside(parts: readonly string[], layers: KerasConfig | null): Pick<KerasVariable, "named" | "counted"> {
  const [first, ...rest] = parts;
  if (first === undefined) return { named: [], counted: [] };
  const key = layers === null ? undefined : namedKeys(layers).get(first);
  const inside = placeInside(rest, key?.layers ?? null);
  return {
    named: [key?.named ?? plain(first), ...inside.named],
    counted: [key?.counted ?? plain(first), ...inside.counted],
  };
}
