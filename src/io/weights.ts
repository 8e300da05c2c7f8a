/**
 * Weights alone: a model's parameters and its layers' slots by name, to a file, and from files of whatever program.
 *
 *     tensors     "dense1.kernel", "norm1.mean"...
 *     metadata    format, version, and the names in the order of the model
 *
 * Tensors come from a file (weight-file.ts) or from a Map. Each is paired with a weight (weight-pairs.ts), and becomes
 * its values (weight-values.ts): all of them, or those that fit, or none.
 */

import { DataError, UserError } from "../core/errors.ts";
import { printShape } from "../graph/shape.ts";
import type { TypedArray } from "../runtime/typed-arrays.ts";
import { packageVersion, type StateType } from "./checkpoint.ts";
import { encodeNpz } from "./npz-archive.ts";
import { type StoredTensor, writeSafetensors } from "./safetensors.ts";
import { quoted } from "./safetensors-header.ts";
import { openWeights, orderKey, tensorsGiven, type WeightSource, weightsFormat } from "./weight-file.ts"; // biome-ignore format: names
import type { LoadWeightsOptions, WeightsFormat } from "./weight-options.ts";
import { byName, byOrder, reasonToIgnore, type Weights } from "./weight-pairs.ts";
import { valuesFor } from "./weight-values.ts";

/** What became of the tensors. `missing`, `unused` and `unfit` are empty where `strict` was not false. */
export interface LoadedWeights {
  /** Names of the weights that have new values. */
  readonly loaded: readonly string[];
  /** Weights for which there was no tensor. */
  readonly missing: readonly string[];
  /** Tensors for which there was no weight. */
  readonly unused: readonly string[];
  /** Weights whose tensor has another shape, or values that theirs cannot have; in words. */
  readonly unfit: readonly { readonly name: string; readonly why: string }[];
  /** What the file has besides, in words: the state of Keras's optimizer; tensors that `names` left out. */
  readonly ignored: readonly string[];
}

export async function encodeWeights(
  weights: ReadonlyMap<string, StoredTensor>,
  format: WeightsFormat = "safetensors",
): Promise<Uint8Array> {
  if (format === "npz") return encodeNpz(weights, false, "writeNpz");
  return writeSafetensors(
    weights,
    new Map([
      ["format", weightsFormat],
      ["format_version", "1"],
      ["tensorloom", packageVersion],
      [orderKey, JSON.stringify([...weights.keys()])],
    ]),
  );
}

interface Fitted {
  readonly values: ReadonlyMap<string, TypedArray>;
  readonly result: LoadedWeights;
}

/** Values for weights of these types, by name. Throws a DataError that begins with `what` and lists what does not fit. */
export async function fitWeights(
  weights: Weights,
  source: WeightSource,
  options: LoadWeightsOptions,
  what: string,
): Promise<Fitted> {
  const isFile = source instanceof Uint8Array;
  const file = isFile ? await openWeights(source, what, options.hdf5) : tensorsGiven(source, what);
  const { by = "name", strict = true, transpose } = options;
  if (by === "order" && options.names !== undefined) {
    throw new UserError(`${what}: names are for { by: "name" }: by order names do not count`);
  }
  const pairs = by === "name" ? byName(weights, file, options.names, what) : byOrder(weights, file, what, strict);
  const tensors = await file.read(new Set(pairs.values()));
  const values = new Map<string, TypedArray>();
  const unfit: { name: string; why: string }[] = [];
  for (const [name, from] of pairs) {
    const [weight, tensor] = [weights.get(name), tensors.get(from)];
    if (weight === undefined || tensor === undefined) continue;
    const fitted = valuesFor(weight, tensor, { name, from, transpose });
    if (typeof fitted !== "string") values.set(name, fitted);
    else unfit.push({ name, why: from === name ? fitted : `${quoted(from)}: ${fitted}` });
  }
  const taken = new Set(pairs.values());
  const rest = file.names.filter((name) => !taken.has(name));
  const ignored = new Map(rest.flatMap((name) => reasonToIgnore(name, options.names, what)));
  const result: LoadedWeights = {
    loaded: [...values.keys()],
    missing: [...weights.keys()].filter((name) => !tensors.has(pairs.get(name) ?? "")),
    unused: rest.filter((name) => !ignored.has(name)),
    unfit,
    ignored: [...file.ignored, ...[...ignored].map(([name, why]) => `${name}: ${why}`)],
  };
  if (strict || values.size === 0) checkAll(result, weights, what, strict);
  return { values, result };
}

function checkAll(result: LoadedWeights, weights: ReadonlyMap<string, StateType>, what: string, strict: boolean): void {
  const print = (name: string): string => {
    const { dtype, shape } = weights.get(name) as StateType;
    return `${quoted(name)} ${dtype}${printShape(shape)}`;
  };
  const differences = [
    ...result.missing.map((name) => `there is no tensor for the weight ${print(name)}`),
    ...result.unfit.map(({ name, why }) => `${quoted(name)}: ${why}`),
    ...result.unused.map((name) => `there is no weight for the tensor ${quoted(name)}`),
  ];
  if (differences.length === 0) return;
  const shown = differences.slice(0, 10);
  if (shown.length < differences.length) shown.push(`and ${differences.length - shown.length} more`);
  const advice = strict
    ? "the weights do not fit the model, and nothing was changed ({ strict: false } takes those that do)"
    : "none of the weights fits the model, and nothing was changed";
  throw new DataError([`${what}: ${advice}:`, ...shown].join("\n  "));
}
