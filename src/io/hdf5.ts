/**
 * HDF5 files, the container of Keras's weights, through the HDF Group's own library as WebAssembly: the package `h5wasm` (15 MB, so
 * nobody gets it unasked; Hdf5Library says what of it is used).
 *
 * The library's own arrays are passed by, for it has none for float16: elements are taken as bytes, and become numbers here. A file
 * lies in the library's memory while it is read: it reaches no other file, whatever its links say. Nothing is allocated that the
 * file's bytes cannot fill.
 */
import { DataError, messageOf, UserError } from "../core/errors.ts";
import { decodeElements, type ElementType } from "./elements.ts";
import { foreignTypes } from "./foreign-dtypes.ts";
import type { StoredTensor } from "./safetensors.ts";
import { quoted } from "./safetensors-header.ts";

/** The package h5wasm, as far as it is used: `import * as h5wasm from "h5wasm"`. */
export interface Hdf5Library {
  readonly ready: Promise<Hdf5Engine>;
  readonly File: new (name: string, mode: "r") => Hdf5Group & { close(): unknown };
  readonly Group: abstract new (...given: never[]) => Hdf5Group;
  readonly Dataset: abstract new (...given: never[]) => Hdf5Dataset;
}

/** The library's WebAssembly, and its file system in memory. */
export interface Hdf5Engine {
  readonly HEAPU8: Uint8Array;
  readonly FS: { writeFile(path: string, data: Uint8Array): void; unlink(path: string): void };
  _malloc(bytes: number): number;
  _free(at: number): void;
  get_dataset_data(file: bigint, path: string, count: null, offset: null, strides: null, into: bigint): number;
  activate_throwing_error_handler(): number;
  deactivate_throwing_error_handler(): number;
}

export interface WithAttributes {
  readonly attrs: Readonly<Record<string, { readonly value: unknown }>>;
}

export interface Hdf5Group extends WithAttributes {
  keys(): string[];
  get(name: string): unknown;
}

export interface Hdf5Dataset extends WithAttributes {
  readonly file_id: bigint;
  readonly path: string;
  readonly metadata: Hdf5Metadata;
}

export interface Hdf5Metadata {
  readonly type: number;
  /** Bytes of an element. */
  readonly size: number;
  readonly total_size: number;
  readonly shape: readonly number[] | null;
  readonly chunks: readonly number[] | null;
  readonly signed: boolean;
}

/** What a file holds. Paths have no slash at either end; the file's own is "". */
export interface Hdf5Contents {
  /** By path. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** Texts, and lists of texts, that are attributes of groups: by path, then by name. */
  readonly attributes: ReadonlyMap<string, ReadonlyMap<string, readonly string[]>>;
  /** Paths of datasets that are no tensors: texts, say. */
  readonly others: readonly string[];
  /** Paths of what was to be left out, and is there. */
  readonly left: readonly string[];
}

/** Whether the bytes begin as HDF5 does. */
export function isHdf5(bytes: Uint8Array): boolean {
  return signature.every((byte, i) => bytes[i] === byte);
}

const signature = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a];

/** Reads a file but for the groups of these names; `name` is what errors call it. */
export async function readHdf5(
  bytes: Uint8Array,
  name: string,
  library: Hdf5Library,
  without: ReadonlySet<string> = new Set(),
): Promise<Hdf5Contents> {
  const engine = await library.ready;
  engine.activate_throwing_error_handler(); // it prints them otherwise
  try {
    engine.FS.writeFile(place, bytes);
    const file = new library.File(place, "r");
    try {
      return new Walk(library, engine, bytes.length, name, without).all(file);
    } finally {
      file.close();
    }
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new DataError(`${name}: the HDF5 file cannot be read, it is truncated or corrupt: ${inShort(error)}`, {
      cause: error,
    });
  } finally {
    engine.deactivate_throwing_error_handler();
    removeQuietly(engine);
  }
}

/** Where a file lies in the library's memory: nothing is awaited between writing and removing it. */
const place = "/tensorloom.h5";

function removeQuietly({ FS }: Hdf5Engine): void {
  try {
    FS.unlink(place);
  } catch {
    // It never got there.
  }
}

/** The library's errors are a stack of its functions, outermost first: the first says what failed. */
function inShort(error: unknown): string {
  const message = messageOf(error);
  return /#000: .*? in (.*)/.exec(message)?.[1] ?? message.split("\n")[0] ?? "";
}

/** More than any file of weights has; links may go round in circles. */
const MOST_OBJECTS = 100_000;
const DEEPEST = 64;

/** No byte of deflate's stands for more. */
const MOST_INFLATED = 1032;

/** The library's memory. Its malloc takes 32 bits: of 4 GiB and a little it would give the little, and write 4 GiB there. */
const LIBRARY_BYTES = 2 ** 31;

/** Classes of types, as the library numbers them. */
const [INTEGER, FLOAT, OPAQUE, ENUM] = [0, 1, 5, 8];

class Walk {
  readonly #library: Hdf5Library;
  readonly #engine: Hdf5Engine;
  readonly #fileBytes: number;
  readonly #name: string;
  readonly #without: ReadonlySet<string>;
  readonly #tensors = new Map<string, StoredTensor>();
  readonly #attributes = new Map<string, ReadonlyMap<string, readonly string[]>>();
  readonly #others: string[] = [];
  readonly #left: string[] = [];
  #objects = 0;

  constructor(library: Hdf5Library, engine: Hdf5Engine, fileBytes: number, name: string, without: ReadonlySet<string>) {
    this.#library = library;
    this.#engine = engine;
    this.#fileBytes = fileBytes;
    this.#name = name;
    this.#without = without;
  }

  all(file: Hdf5Group): Hdf5Contents {
    this.#group("", file, 0);
    return { tensors: this.#tensors, attributes: this.#attributes, others: this.#others, left: this.#left };
  }

  #group(path: string, group: Hdf5Group, depth: number): void {
    if (depth > DEEPEST) throw new DataError(`${this.#name}: groups nest deeper than ${DEEPEST}, or in a circle`);
    this.#attributes.set(path, textsOf(group));
    for (const key of group.keys()) {
      this.#objects += 1;
      if (this.#objects > MOST_OBJECTS)
        throw new DataError(`${this.#name}: there are more than ${MOST_OBJECTS} objects in it`);
      const inside = path === "" ? key : `${path}/${key}`;
      if (this.#without.has(inside)) {
        this.#left.push(inside);
        continue;
      }
      const found = group.get(key);
      if (found instanceof this.#library.Group) this.#group(inside, found, depth + 1);
      else if (found instanceof this.#library.Dataset) this.#dataset(inside, found);
    }
  }

  #dataset(path: string, dataset: Hdf5Dataset): void {
    const { metadata } = dataset;
    const type = typeOf(dataset);
    if (type === null || metadata.shape === null) {
      this.#others.push(path);
      return;
    }
    const where = `${this.#name}: the dataset ${quoted(path)}`;
    const bytes = this.#elements(dataset, where);
    const data = decodeElements(bytes, type, where);
    this.#tensors.set(path, { dtype: type.dtype, shape: metadata.shape.map(Number), data });
  }

  /** A copy of a dataset's elements, all of them in rows; the library makes numbers little-endian. */
  #elements({ metadata, file_id, path }: Hdf5Dataset, where: string): Uint8Array {
    const needed = metadata.size * metadata.total_size;
    const most = this.#fileBytes * (metadata.chunks === null ? 1 : MOST_INFLATED);
    if (!(needed <= most)) {
      throw new DataError(
        `${where}: ${needed} bytes are expected of a file of ${this.#fileBytes}; the file is truncated or corrupt`,
      );
    }
    if (needed >= LIBRARY_BYTES) {
      throw new DataError(
        `${where}: its ${needed} bytes are more than the HDF5 library takes, 2 GiB; write safetensors`,
      );
    }
    if (needed === 0) return new Uint8Array(0);
    const at = this.#engine._malloc(needed);
    if (at === 0) throw new DataError(`${where}: the HDF5 library has no memory for its ${needed} bytes`);
    try {
      this.#engine.get_dataset_data(file_id, path, null, null, null, BigInt(at));
      return this.#engine.HEAPU8.slice(at, at + needed);
    } finally {
      this.#engine._free(at);
    }
  }
}

/** What its elements are; null where no tensor has such. */
function typeOf(dataset: Hdf5Dataset): ElementType | null {
  const { type, size, signed } = dataset.metadata;
  const isBrain =
    size === 2 && (type === OPAQUE || type === FLOAT) && textsOf(dataset).get("dtype")?.[0] === "bfloat16";
  if (isBrain) return { dtype: "bf16", foreign: undefined };
  if (type === FLOAT) {
    const dtype = size === 2 ? "f16" : size === 4 ? "f32" : size === 8 ? "f64" : null;
    return dtype === null ? null : { dtype, foreign: undefined };
  }
  if (type === ENUM) return size === 1 ? { dtype: "bool", foreign: undefined } : null; // as h5py keeps truth values
  if (type !== INTEGER) return null;
  const own = signed ? (size === 4 ? "i32" : null) : size === 4 ? "u32" : size === 1 ? "u8" : null;
  if (own !== null) return { dtype: own, foreign: undefined };
  const foreign = foreignTypes.get(`${signed ? "I" : "U"}${8 * size}`);
  return foreign === undefined ? null : { dtype: foreign.dtype, foreign };
}

function textsOf({ attrs }: WithAttributes): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  for (const [name, attribute] of Object.entries(attrs)) {
    const { value } = attribute;
    const texts: readonly unknown[] = Array.isArray(value) ? value : [value];
    if (texts.every((text) => typeof text === "string")) found.set(name, texts);
  }
  return found;
}
