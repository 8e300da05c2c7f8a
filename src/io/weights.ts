/**
 * Files of weights alone: a model's parameters and its layers' slots by name, as a safetensors file that other programs read too.
 *
 *     tensors     "dense1.kernel", "norm1.mean"...
 *     metadata    format, version, and the names in the order of the model
 *
 * The tensors may also come from a checkpoint, from a file of another program, or from a Map. Each must have its weight's shape.
 * Floats become the weight's float type: f16 and bf16 are exact in f32; f64 is rounded to the nearest, where a number that is too
 * large is refused. Whole numbers of other widths come in where every one is exact. Between floats, whole numbers and truth values
 * nothing is converted: a file that has them the other way about holds something else.
 */

import { type DType, heldIn, isFloat, isInteger, roundTo, valueIn } from "../core/dtype.ts";
import { DataError, UserError } from "../core/errors.ts";
import { flag, type OptionTable, oneOf } from "../core/options.ts";
import { printShape, sameShape } from "../graph/shape.ts";
import { arrayTypeOf, type TypedArray } from "../runtime/typed-arrays.ts";
import { isCheckpoint, packageVersion, type StateType } from "./checkpoint.ts";
import { checkTensor, readSafetensors, type Safetensors, type StoredTensor, writeSafetensors } from "./safetensors.ts";
import { quoted } from "./safetensors-header.ts";

/** How tensors find their weights. */
export interface LoadWeightsOptions {
  /**
   * "name": a tensor goes to the weight of its name. "order": the first tensor to the first weight, and so on, whatever they are
   * called; in the order of the Map, or that of the model whose weights were saved. "name" by default.
   */
  readonly by?: "name" | "order";
  /** Whether every weight must have a tensor and every tensor a weight. False takes what fits and lists the rest. True by default. */
  readonly strict?: boolean;
}

/** What became of the tensors. All lists but `loaded` are empty where `strict` was not false. */
export interface LoadedWeights {
  /** Names of the weights that have new values. */
  readonly loaded: readonly string[];
  /** Weights for which there was no tensor. */
  readonly missing: readonly string[];
  /** Tensors for which there was no weight. */
  readonly unused: readonly string[];
  /** Weights whose tensor has another shape, or values that theirs cannot have; in words. */
  readonly unfit: readonly { readonly name: string; readonly why: string }[];
}

/** Weights to load: the bytes of a file, or tensors by name. */
export type WeightSource = Uint8Array | ReadonlyMap<string, StoredTensor | undefined>;

export const loadWeightsTable: OptionTable<LoadWeightsOptions> = { by: oneOf("name", "order"), strict: flag };

export function encodeWeights(weights: ReadonlyMap<string, StoredTensor>): Uint8Array {
  return writeSafetensors(
    weights,
    new Map([
      ["format", format],
      ["format_version", "1"],
      ["tensorloom", packageVersion],
      [orderKey, JSON.stringify([...weights.keys()])],
    ]),
  );
}

/** Values for weights of these types, by name. Throws a DataError that begins with `what` and lists what does not fit. */
export function fitWeights(
  weights: ReadonlyMap<string, StateType>,
  source: WeightSource,
  options: LoadWeightsOptions,
  what: string,
): { readonly values: ReadonlyMap<string, TypedArray>; readonly result: LoadedWeights } {
  const { by = "name", strict = true } = options;
  const { tensors, skipped } =
    source instanceof Uint8Array ? tensorsOf(source, weights, by, what) : given(source, what);
  const pairs = by === "name" ? byName(weights, tensors) : byOrder(weights, tensors, what, strict);
  const values = new Map<string, TypedArray>();
  const unfit: { name: string; why: string }[] = [];
  for (const [name, { tensor, from }] of pairs) {
    const fitted = valuesFor(weights.get(name) as StateType, tensor);
    if (typeof fitted !== "string") values.set(name, fitted);
    else unfit.push({ name, why: from === name ? fitted : `${quoted(from)}: ${fitted}` });
  }
  const taken = new Set([...pairs.values()].map(({ from }) => from));
  const result: LoadedWeights = {
    loaded: [...values.keys()],
    missing: [...weights.keys()].filter((name) => !pairs.has(name)),
    unused: [...[...tensors.keys()].filter((name) => !taken.has(name)), ...skipped],
    unfit,
  };
  if (strict || values.size === 0) checkAll(result, weights, what, strict);
  return { values, result };
}

const format = "tensorloom weights";
const orderKey = "order";

interface Pair {
  readonly tensor: StoredTensor;
  /** What it was called. */
  readonly from: string;
}

type Found = Pick<Safetensors, "tensors" | "skipped">;

/** The tensors of a file: of a checkpoint, those of the model. By name those that have a weight, whatever the types of others. */
function tensorsOf(
  bytes: Uint8Array,
  weights: ReadonlyMap<string, StateType>,
  by: "name" | "order",
  what: string,
): Found {
  const { metadata } = readSafetensors(bytes, what, { only: [] });
  const prefix = isCheckpoint(metadata) ? modelPrefix : "";
  if (by === "order") return { tensors: inOrder(readSafetensors(bytes, what), what), skipped: [] };
  const file = readSafetensors(bytes, what, { only: [...weights.keys()].map((name) => `${prefix}${name}`) });
  return {
    tensors: new Map([...file.tensors].map(([name, tensor]) => [name.slice(prefix.length), tensor])),
    skipped: file.skipped.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length)),
  };
}

/** A Map of the user's. */
function given(tensors: WeightSource, what: string): Found {
  if (!(tensors instanceof Map)) {
    const whole = typeof tensors === "object" && tensors !== null && "tensors" in tensors;
    throw new UserError(
      `${what}: weights must be the bytes of a safetensors file (a Uint8Array), or a Map of tensors by name${whole ? ": the tensors of what was given, say" : ""}`,
    );
  }
  for (const [name, tensor] of tensors as ReadonlyMap<string, StoredTensor>) checkTensor(name, tensor, what);
  return { tensors, skipped: [] };
}

/** What the states of a model stand under in a trainer's checkpoint. */
export const modelPrefix = "model.";

/** In the order that the file's maker noted: the format itself sorts by type and name, biases before kernels. */
function inOrder({ metadata, tensors }: Safetensors, what: string): ReadonlyMap<string, StoredTensor> {
  const noted = metadata.get("format") === format ? metadata.get(orderKey) : undefined;
  if (noted === undefined) {
    throw new UserError(
      `${what}: the file does not say in which order its weights were: safetensors sorts them by type and name. Read it with ` +
        "readSafetensors, and give a Map of its tensors in the order of the model's weights",
    );
  }
  const names = namesIn(noted);
  const ordered = (names ?? []).flatMap((name) => {
    const tensor = tensors.get(name);
    return tensor === undefined ? [] : [[name, tensor] as const];
  });
  if (names === null || new Set(names).size !== tensors.size || ordered.length !== tensors.size) {
    throw new DataError(
      `${what}: ${orderKey}: expected each tensor's name once, found ${quoted(noted)}; the file is corrupt`,
    );
  }
  return new Map(ordered);
}

function namesIn(text: string): readonly string[] | null {
  try {
    const names: unknown = JSON.parse(text);
    return Array.isArray(names) && names.every((name) => typeof name === "string") ? names : null;
  } catch {
    return null;
  }
}

function byName(
  weights: ReadonlyMap<string, StateType>,
  tensors: ReadonlyMap<string, StoredTensor>,
): ReadonlyMap<string, Pair> {
  const pairs = new Map<string, Pair>();
  for (const name of weights.keys()) {
    const tensor = tensors.get(name);
    if (tensor !== undefined) pairs.set(name, { tensor, from: name });
  }
  return pairs;
}

function byOrder(
  weights: ReadonlyMap<string, StateType>,
  tensors: ReadonlyMap<string, StoredTensor>,
  what: string,
  strict: boolean,
): ReadonlyMap<string, Pair> {
  if (strict && weights.size !== tensors.size) {
    throw new DataError(
      `${what}: there are ${tensors.size} tensors for ${weights.size} weights: by order they must be as many`,
    );
  }
  const names = [...weights.keys()];
  const pairs = [...tensors].map(([from, tensor], i) => [names[i] ?? "", { tensor, from }] as const);
  return new Map(pairs.slice(0, names.length));
}

/** The tensor's values in the weight's type; or in words why not. */
function valuesFor(weight: StateType, { dtype, shape, data }: StoredTensor): TypedArray | string {
  const wanted = `${weight.dtype}${printShape(weight.shape)}`;
  const found = `${dtype}${printShape(shape)}`;
  if (!sameShape(shape, weight.shape)) return `the weight is ${wanted}, the tensor ${found}`;
  if (dtype === weight.dtype) return data;
  const isAlike = (isFloat(dtype) && isFloat(weight.dtype)) || (isInteger(dtype) && isInteger(weight.dtype));
  if (!isAlike) return `the weight is ${wanted}, the tensor ${found}, which is not converted`;
  return convert(data, dtype, weight.dtype);
}

function convert(data: TypedArray, from: DType, to: DType): TypedArray | string {
  const converted = new (arrayTypeOf(to))(data.length);
  for (let i = 0; i < data.length; i++) {
    const value = valueIn(from, data[i] ?? 0);
    const rounded = roundTo(to, value);
    const isKept = isFloat(to) ? Number.isFinite(rounded) || !Number.isFinite(value) : rounded === value;
    if (!isKept) return `the tensor has ${value} at position ${i}, which is no ${to}`;
    converted[i] = heldIn(to, rounded);
  }
  return converted;
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
