/**
 * npz, NumPy's file of arrays by name: a zip archive with an npy file for each.
 */
import { UserError } from "../core/errors.ts";
import { checkArguments, checkOptions, flag, list, type OptionTable, show, text } from "../core/options.ts";
import { encodeNpy, type ReadNpyOptions, readNpy, readNpyTable } from "./npy.ts";
import type { StoredTensor } from "./safetensors.ts";
import { quoted } from "./safetensors-header.ts";
import { readZip, writeZip } from "./zip.ts";

/** What an npz file holds. */
export interface Npz {
  /** By name, in the order in which they were saved. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** Names of arrays that `only` left out, and of entries that are no arrays. */
  readonly skipped: readonly string[];
}

export interface ReadNpzOptions extends ReadNpyOptions {
  /** Read arrays of these names, where the file has them, and no others: it may hold types that nobody here reads. All by default. */
  readonly only?: readonly string[];
}

export const readNpzTable: OptionTable<ReadNpzOptions> = { ...readNpyTable, only: list(text) };

/** Reads a whole npz file; `name` is what errors call it. For what becomes of the types see `readNpy`; damage is a DataError. */
export async function readNpz(bytes: Uint8Array, name = "the npz file", options: ReadNpzOptions = {}): Promise<Npz> {
  checkArguments("readNpz", arguments, 3);
  const { only, ...reading } = checkOptions("readNpz", options, readNpzTable, { before: "bytes, name, " });
  if (!(bytes instanceof Uint8Array)) {
    throw new UserError(`readNpz takes the bytes of a file, a Uint8Array, not ${show(bytes)}`);
  }
  const wanted = only === undefined ? null : new Set(only);
  const tensors = new Map<string, StoredTensor>();
  const skipped: string[] = [];
  for (const [file, entry] of readZip(bytes, name)) {
    const array = file.endsWith(ending) ? file.slice(0, -ending.length) : null;
    if (array === null || wanted?.has(array) === false) skipped.push(array ?? file);
    else tensors.set(array, readNpy(await entry.read(), `${name}: the array ${quoted(array)}`, reading));
  }
  return { tensors, skipped };
}

export interface WriteNpzOptions {
  /** As `numpy.savez_compressed`: smaller by little where the numbers are weights. False by default. */
  readonly compress?: boolean;
}

export const writeNpzTable: OptionTable<WriteNpzOptions> = { compress: flag };

/** Bytes of an npz file, which `numpy.load` reads; see `writeNpy` for the types. */
export async function writeNpz(
  tensors: ReadonlyMap<string, StoredTensor>,
  options: WriteNpzOptions = {},
): Promise<Uint8Array> {
  checkArguments("writeNpz", arguments, 2);
  const { compress = false } = checkOptions("writeNpz", options, writeNpzTable, { before: "tensors, " });
  if (!(tensors instanceof Map)) {
    throw new UserError(`writeNpz: tensors must be a Map by name, not ${show(tensors)}: new Map(Object.entries(...))`);
  }
  const files = [...tensors].map(
    ([name, tensor]) => [`${name}${ending}`, encodeNpy(name, tensor, "writeNpz")] as const,
  );
  return writeZip(new Map(files), compress, "writeNpz");
}

const ending = ".npy";
