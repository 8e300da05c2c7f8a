/** npz, NumPy's file of arrays by name, read and written by users: arguments are looked at here, bytes in npz-archive.ts. */
import { UserError } from "../core/errors.ts";
import { checkArguments, checkOptions, flag, list, type OptionTable, show, text } from "../core/options.ts";
import { type ReadNpyOptions, readNpyTable } from "./npy.ts";
import { decodeNpz, encodeNpz, type Npz } from "./npz-archive.ts";
import type { StoredTensor } from "./safetensors.ts";

export interface ReadNpzOptions extends ReadNpyOptions {
  /** Read arrays of these names, where the file has them, and no others: it may hold types that nobody here reads. All by default. */
  readonly only?: readonly string[];
}

export const readNpzTable: OptionTable<ReadNpzOptions> = { ...readNpyTable, only: list(text) };

/** Reads a whole npz file; `name` is what errors call it. For what becomes of the types see `readNpy`; damage is a DataError. */
export async function readNpz(bytes: Uint8Array, name = "the npz file", options: ReadNpzOptions = {}): Promise<Npz> {
  checkArguments("readNpz", arguments, 3);
  checkOptions("readNpz", options, readNpzTable, { before: "bytes, name, " });
  if (!(bytes instanceof Uint8Array)) {
    throw new UserError(`readNpz takes the bytes of a file, a Uint8Array, not ${show(bytes)}`);
  }
  return decodeNpz(bytes, name, options);
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
  return encodeNpz(tensors, compress, "writeNpz");
}
