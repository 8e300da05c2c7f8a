/**
 * What is taken from a model's architecture as Keras writes it (config.json in a .keras file, model_config in an old .h5): the kinds
 * and names of layers in their order, as far down as models nest. Nothing is built from it.
 */
import { plain } from "./keras-words.ts";

/** The layers of a model by kind and number: "dense1" is its first Dense. */
export type KerasConfig = ReadonlyMap<string, KerasLayer>;

export interface KerasLayer {
  readonly name: string;
  /** Plain: "batchnormalization". */
  readonly kind: string;
  readonly number: number;
  readonly position: number;
  /** Of a model inside the model. */
  readonly layers: KerasConfig | null;
}

/** Null where the text is no architecture, or one of a class of the user's own. */
export function parseKerasConfig(text: string): KerasConfig | null {
  try {
    return layersOf(JSON.parse(text), 0);
  } catch {
    return null; // it is a help, not a need
  }
}

const DEEPEST = 64;

function layersOf(model: unknown, depth: number): KerasConfig | null {
  const config = member(model, "config");
  const list = member(config, "layers");
  if (!Array.isArray(list) || depth > DEEPEST) return null;
  const counts = new Map<string, number>();
  const layers = new Map<string, KerasLayer>();
  for (const [position, layer] of list.entries()) {
    const [kindName, name] = [member(layer, "class_name"), member(member(layer, "config"), "name")];
    if (typeof kindName !== "string" || typeof name !== "string") return null;
    const kind = plain(kindName);
    const number = (counts.get(kind) ?? 0) + 1;
    counts.set(kind, number);
    layers.set(`${kind}${number}`, { name, kind, number, position, layers: layersOf(layer, depth + 1) });
  }
  return layers;
}

function member(value: unknown, key: string): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Readonly<Record<string, unknown>>)[key];
}
