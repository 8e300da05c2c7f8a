/**
 * Files with weights, told apart by what is in them and not by their names:
 *
 *     safetensors    of `saveWeights`, a checkpoint (its model's part), or another program's
 *     npz            NumPy's archive of arrays
 *     HDF5, zip      Keras's .weights.h5, .h5 and .keras (keras-file.ts)
 *
 * Each says which tensors it has, to which weights they belong by name, and in which order they were; they are read once it is known
 * which are wanted: a file may hold types that nobody here reads.
 */
import { DataError, UserError } from "../core/errors.ts";
import { show } from "../core/options.ts";
import { isCheckpoint, modelPrefix } from "./checkpoint.ts";
import { type Hdf5Library, isHdf5 } from "./hdf5.ts";
import type { KerasFile } from "./keras-file.ts";
import { isNpy } from "./npy-header.ts";
import { decodeNpz } from "./npz-archive.ts";
import { checkTensor, readSafetensors, type StoredTensor } from "./safetensors.ts";
import { quoted } from "./safetensors-header.ts";
import { matchNames } from "./torch-names.ts";
import { isZip, readZip } from "./zip.ts";

/** Weights to load: the bytes of a file, or tensors by name. */
export type WeightSource = Uint8Array | ReadonlyMap<string, StoredTensor | undefined>;

/** Where tensors come from. */
export interface WeightFile {
  /** Of all tensors, as they are called there. */
  readonly names: readonly string[];
  /** Names of tensors -> names of weights, of the tensors that are free: the user has not said whose they are. */
  match(weights: readonly string[], isFree: (name: string) => boolean): ReadonlyMap<string, string>;
  /** Names in the order of the model. Throws where that is not known. */
  ordered(): readonly string[];
  /** Those that are there. */
  read(names: ReadonlySet<string>): Promise<ReadonlyMap<string, StoredTensor>>;
  /** What is there and is no weights, in words. */
  readonly ignored: readonly string[];
}

/** What marks a file of weights as ours, and where it notes their order. */
export const weightsFormat = "tensorloom weights";
export const orderKey = "order";

/** Opens a file; `what` begins its errors. What reads Keras's files is loaded as it is needed. */
export async function openWeights(bytes: Uint8Array, what: string, library?: Hdf5Library): Promise<WeightFile> {
  if (isNpy(bytes)) {
    throw new DataError(
      `${what}: an npy file holds one array without a name: readNpy reads it, and a Map gives it one`,
    );
  }
  const entries = isZip(bytes) ? readZip(bytes, what) : null;
  const isKeras = entries?.has("config.json") || entries?.has("model.weights.h5") || isHdf5(bytes);
  if (!isKeras) return entries === null ? ofSafetensors(bytes, what) : ofNpz(bytes, what);
  const [{ readKeras, readKerasArchive }, { matchKeras }] = await Promise.all([
    import("./keras-file.ts"),
    import("./keras-names.ts"),
  ]);
  const file = await (entries === null ? readKeras(bytes, what, library) : readKerasArchive(entries, what, library));
  return ofKeras(
    file,
    (weights, isFree) =>
      matchKeras(
        file.variables.filter(({ path }) => isFree(path)),
        weights,
      ),
    what,
  );
}

/** Tensors of the user's own. */
export function tensorsGiven(tensors: WeightSource, what: string): WeightFile {
  if (!(tensors instanceof Map)) {
    const whole = typeof tensors === "object" && tensors !== null && "tensors" in tensors;
    throw new UserError(
      `${what}: weights must be the bytes of a file (a Uint8Array), or a Map of tensors by name${whole ? ": the tensors of what was given, say" : `, not ${show(tensors)}`}`,
    );
  }
  for (const [name, tensor] of tensors) checkTensor(name, tensor, what);
  return ofTensors(tensors);
}

function ofTensors(tensors: ReadonlyMap<string, StoredTensor>): WeightFile {
  const names = [...tensors.keys()];
  return {
    names,
    match: (weights) => matchNames(names, weights),
    ordered: () => names,
    read: async () => tensors,
    ignored: [],
  };
}

async function ofNpz(bytes: Uint8Array, what: string): Promise<WeightFile> {
  const names = (await decodeNpz(bytes, what, { only: [] })).skipped;
  return {
    names,
    match: (weights) => matchNames(names, weights),
    ordered: () => names,
    read: async (wanted) => (await decodeNpz(bytes, what, { only: [...wanted] })).tensors,
    ignored: [],
  };
}

function ofKeras(
  { variables, isInOrder, others, ignored }: KerasFile,
  match: WeightFile["match"],
  what: string,
): WeightFile {
  const tensors = new Map(variables.map(({ path, tensor }) => [path, tensor]));
  return {
    names: [...tensors.keys(), ...others],
    match,
    ordered() {
      if (isInOrder) return [...tensors.keys()];
      throw new UserError(
        `${what}: the file does not say in which order the layers are: it sorts them by name. A .keras file has the architecture, which says it`,
      );
    },
    read: async () => tensors,
    ignored,
  };
}

/** Of a checkpoint, the tensors of the model. */
function ofSafetensors(bytes: Uint8Array, what: string): WeightFile {
  const { metadata, skipped } = readSafetensors(bytes, what, { only: [] });
  const prefix = isCheckpoint(metadata) ? modelPrefix : "";
  const names = skipped.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
  return {
    names,
    match: (weights) => matchNames(names, weights),
    ordered: () => noted(metadata, skipped, what),
    async read(wanted) {
      const { tensors } = readSafetensors(bytes, what, { only: [...wanted].map((name) => `${prefix}${name}`) });
      return new Map([...tensors].map(([name, tensor]) => [name.slice(prefix.length), tensor]));
    },
    ignored: [],
  };
}

/** In the order that the file's maker noted: the format itself sorts by type and name, biases before kernels. */
function noted(metadata: ReadonlyMap<string, string>, names: readonly string[], what: string): readonly string[] {
  const text = metadata.get("format") === weightsFormat ? metadata.get(orderKey) : undefined;
  if (text === undefined) {
    throw new UserError(
      `${what}: the file does not say in which order its weights were: safetensors sorts them by type and name. Read it with ` +
        "readSafetensors, and give a Map of its tensors in the order of the model's weights",
    );
  }
  const found = new Set(namesIn(text) ?? []);
  if (found.size === names.length && namesIn(text)?.length === names.length && names.every((name) => found.has(name))) {
    return [...found];
  }
  throw new DataError(
    `${what}: ${orderKey}: expected each tensor's name once, found ${quoted(text)}; the file is corrupt`,
  );
}

function namesIn(text: string): readonly string[] | null {
  try {
    const names: unknown = JSON.parse(text);
    return Array.isArray(names) && names.every((name) => typeof name === "string") ? names : null;
  } catch {
    return null;
  }
}
