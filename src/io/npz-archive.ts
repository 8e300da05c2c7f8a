/**
 * npz, NumPy's file of arrays by name: a zip archive with an npy file for each. `npz.ts` is what users call; files of weights are
 * read and written from here, as bundlers load at once what a page's entrance exports, and weights are loaded later.
 */
import { decodeNpy, encodeNpy } from "./npy-arrays.ts";
import type { NpyHeaderOptions } from "./npy-header.ts";
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

interface Wanted extends NpyHeaderOptions {
  readonly only?: readonly string[];
}

export async function decodeNpz(bytes: Uint8Array, name: string, { only, ...reading }: Wanted = {}): Promise<Npz> {
  const wanted = only === undefined ? null : new Set(only);
  const tensors = new Map<string, StoredTensor>();
  const skipped: string[] = [];
  for (const [file, entry] of readZip(bytes, name)) {
    const array = file.endsWith(ending) ? file.slice(0, -ending.length) : null;
    if (array === null || wanted?.has(array) === false) skipped.push(array ?? file);
    else tensors.set(array, decodeNpy(await entry.read(), `${name}: the array ${quoted(array)}`, reading));
  }
  return { tensors, skipped };
}

/** Errors begin with `call`. */
export async function encodeNpz(
  tensors: ReadonlyMap<string, StoredTensor>,
  compress: boolean,
  call: string,
): Promise<Uint8Array> {
  const files = [...tensors].map(([name, tensor]) => [`${name}${ending}`, encodeNpy(name, tensor, call)] as const);
  return writeZip(new Map(files), compress, call);
}

const ending = ".npy";
