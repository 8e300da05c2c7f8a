/**
 * Arrays in files as datasets: npy in blocks of rows, so that a file may be larger than memory; npz and IDX as a whole. Node only.
 *
 *   datasets.npy({ x: "images.npy", y: "labels.npy" })     { x: a row of the one, y: a number of the other }
 *   datasets.npz("mnist.npz", { only: ["x_train", "y_train"] })
 *   datasets.idx({ x: "train-images-idx3-ubyte.gz", y: "train-labels-idx1-ubyte.gz" })
 */
import type { FileHandle } from "node:fs/promises";
import { DataError, messageOf } from "../../core/errors.ts";
import { checkArguments, checkOptions, checkValue, show, text } from "../../core/options.ts";
import { readWholeFile } from "../../io/files.ts";
import { decodeNpyElements } from "../../io/npy-arrays.ts";
import { type NpyHeader, readNpyHeader } from "../../io/npy-header.ts";
import { type ReadNpzOptions, readNpz, readNpzTable } from "../../io/npz.ts";
import { fail } from "../fail.ts";
import { gunzipped } from "../gunzip.ts";
import { parseIdx } from "../idx.ts";
import { Cursor, type MaybePromise } from "../pipeline/cursor.ts";
import { Dataset } from "../pipeline/dataset.ts";
import { isFields, isNumbers, type Layout, type Leaf, type NumberArray, newNumbers } from "../pipeline/layout.ts";
import { dataset } from "../pipeline/memory.ts";
import { Table } from "../pipeline/table.ts";
import { Rows } from "../pipeline/types.ts";
import { Pixels } from "../pixels.ts";
import { openFile } from "./blocks.ts";
import { loaded } from "./loaded.ts";

/** Of an array's row: a number, where the array has one axis. */
export type ArrayRow = NumberArray | number;

/** Files by name. */
export type Files = Readonly<Record<string, string>>;

/** Arrays in memory as the rows of their first axis. */
function rowsOf<T>(
  arrays: Iterable<readonly [string, { readonly data: unknown; readonly shape: readonly number[] }]>,
  what: string,
): Dataset<T> {
  const columns = [...arrays].map(([name, { data, shape }]) => {
    const [, ...sample] = shape;
    if (!isNumbers(data) || shape.length === 0)
      throw new DataError(`${what}: ${name} is no array of numbers with rows`);
    const width = sample.reduce((product, size) => product * size, 1);
    return [name, sample.length === 0 ? data : new Rows(data, Math.max(1, width))] as const;
  });
  return dataset(Object.fromEntries(columns)) as unknown as Dataset<T>; // the caller says what is in the file
}

/** The arrays of an npz file, row after row of them all. `only` are the names of those to read. */
export function npz<T = Readonly<Record<string, ArrayRow>>>(path: string, options: ReadNpzOptions = {}): Dataset<T> {
  checkArguments("npz", arguments, 2);
  checkValue("npz", "the path", path, text);
  checkOptions("npz", options, readNpzTable, { before: "path, " });
  return loaded(async () => {
    const { tensors } = await readNpz(await readWholeFile(path), path, options);
    for (const name of options.only ?? [])
      if (!tensors.has(name)) throw new DataError(`${path}: there is no array ${show(name)}`);
    for (const [name, { dtype }] of tensors) refuseHalf(`${path}: ${name}`, dtype);
    return rowsOf<T>(tensors, path);
  });
}

/** IDX files by name, packed by gzip or not: MNIST and its relatives. Bytes of images are `Pixels`. */
export function idx<T = Readonly<Record<string, ArrayRow>>>(files: Files): Dataset<T> {
  checkArguments("idx", arguments, 1);
  checkFiles("idx", files);
  return loaded(async () => {
    const arrays = Object.entries(files).map(async ([name, path]) => {
      const { data, shape } = parseIdx(await unpacked(await readWholeFile(path), path), path);
      const isImage = data instanceof Uint8Array && shape.length > 1;
      return [name, { data: isImage ? new Pixels(data) : data, shape }] as const;
    });
    return rowsOf<T>(await Promise.all(arrays), Object.values(files).join(", "));
  });
}

async function unpacked(bytes: Uint8Array, path: string): Promise<Uint8Array> {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return await gunzipped(bytes);
  } catch (error) {
    throw new DataError(`${path}: the gzip file is truncated or corrupt: ${messageOf(error)}`, { cause: error });
  }
}

/** The rows of an npy file, or of several by name: those along the first axis, as many in each. */
export function npy<T = Readonly<Record<string, ArrayRow>>>(files: Files): Dataset<T>;
export function npy<T = ArrayRow>(path: string): Dataset<T>;
export function npy(files: Files | string): Dataset<unknown> {
  checkArguments("npy", arguments, 1);
  if (typeof files !== "string") checkFiles("npy", files);
  return new Dataset<unknown>({ open: () => new NpyCursor(files), size: null });
}

function checkFiles(call: string, files: unknown): void {
  if (
    isFields(files) &&
    Object.keys(files).length > 0 &&
    Object.values(files).every((path) => typeof path === "string")
  )
    return;
  fail(call, `takes files by name, { x: "x.${call}", y: "y.${call}" }, not ${show(files)}`);
}

/** Bits of half floats are no numbers here. */
function refuseHalf(what: string, dtype: string): void {
  if (dtype === "f16" || dtype === "bf16")
    throw new DataError(`${what} is ${dtype}: save it as f4, x.astype("float32")`);
}

interface NpyFile {
  readonly path: string;
  readonly file: FileHandle;
  readonly header: NpyHeader;
  readonly width: number;
}

/** Rows of all files together: about so many bytes at a time. */
const blockBytes = 1 << 20;

class NpyCursor extends Cursor<unknown> {
  readonly #paths: Files | string;
  #files: readonly NpyFile[] | null = null;
  #layout: Layout | null = null;
  #table: Table<unknown> | null = null;
  #rows = 0;
  #perBlock = 1;
  /** The row it stands at, of all; and the first one of the table. */
  #at = -1;
  #first = 0;
  #end = 0;

  constructor(paths: Files | string) {
    super();
    this.#paths = paths;
  }

  advance(): MaybePromise<boolean> {
    this.#at++;
    return this.#at < this.#end && this.#at >= this.#first ? true : this.#read();
  }

  /** A row further on is where it is: nothing before it is read. */
  override skip(count: number): void {
    this.#at += count;
  }

  async #read(): Promise<boolean> {
    this.#files ??= await this.#open();
    const files = this.#files;
    if (this.#at >= this.#rows) {
      await this.close();
      return false;
    }
    const count = Math.min(this.#perBlock, this.#rows - this.#at);
    const columns: NumberArray[] = [];
    for (const { path, file, header, width } of files) {
      const rowBytes = width * header.width;
      const bytes = new Uint8Array(count * rowBytes);
      const { bytesRead } = await file.read(bytes, 0, bytes.length, header.headerBytes + this.#at * rowBytes);
      if (bytesRead < bytes.length) throw new DataError(`${path}: the file is truncated: it ends within rows ${this.#at} to ${this.#at + count - 1}`); // biome-ignore format: short
      const elements = decodeNpyElements(bytes, header, path);
      if (!isNumbers(elements)) throw new DataError(`${path}: it has no numbers`);
      columns.push(elements);
    }
    this.#layout ??= layoutOfFiles(this.#paths, files, columns);
    this.#table = new Table<unknown>("block", this.#layout, columns, count);
    [this.#first, this.#end] = [this.#at, this.#at + count];
    return true;
  }

  async #open(): Promise<readonly NpyFile[]> {
    const paths = typeof this.#paths === "string" ? [this.#paths] : Object.values(this.#paths);
    const files: NpyFile[] = [];
    this.#files = files; // those that are open are closed, whatever happens to the next
    for (const path of paths) files.push(await openNpy(path));
    const [first] = files;
    this.#rows = first?.header.shape[0] ?? 0;
    const odd = files.find(({ header }) => header.shape[0] !== this.#rows);
    if (odd !== undefined)
      throw new DataError(`${odd.path} has ${odd.header.shape[0]} rows, ${first?.path} ${this.#rows}`);
    const rowBytes = files.reduce((sum, { width, header }) => sum + width * header.width, 0);
    this.#perBlock = Math.max(1, Math.floor(blockBytes / Math.max(1, rowBytes)));
    return files;
  }

  value(): unknown {
    return this.table.at(this.row);
  }

  override get table(): Table<unknown> {
    if (this.#table === null) throw new RangeError("the cursor stands at no element");
    return this.#table;
  }

  override get row(): number {
    return this.#at - this.#first;
  }

  override async close(): Promise<void> {
    const files = this.#files ?? [];
    this.#files = [];
    this.#rows = 0;
    for (const { file } of files) await file.close();
  }
}

async function openNpy(path: string): Promise<NpyFile> {
  const file = await openFile(path);
  try {
    const start = new Uint8Array(16_384); // more than the longest header that is read
    const { bytesRead } = await file.read(start, 0, start.length, 0);
    const header = readNpyHeader(start.subarray(0, bytesRead), path);
    if (header === null) throw new DataError(`${path}: the file is truncated: it ends within its header`);
    const [rows, ...sample] = header.shape;
    if (rows === undefined) throw new DataError(`${path}: it is a single number: an array with rows is wanted`);
    refuseHalf(path, header.type.dtype);
    if (header.isFortran && sample.length > 0) throw new DataError(`${path}: it is in Fortran's order, so its rows are not together: save numpy.ascontiguousarray(x)`); // biome-ignore format: short
    const { size } = await file.stat();
    const wanted = header.headerBytes + header.count * header.width;
    if (size !== wanted) throw new DataError(`${path}: ${size < wanted ? "the file is truncated" : "there are bytes behind the array"}: expected ${wanted} bytes, found ${size}`); // biome-ignore format: short
    return { path, file, header, width: sample.reduce((product, it) => product * it, 1) };
  } catch (error) {
    await file.close();
    throw error;
  }
}

function layoutOfFiles(paths: Files | string, files: readonly NpyFile[], columns: readonly NumberArray[]): Layout {
  const leaves = files.map(({ header, width }, column): Leaf => {
    const path = typeof paths === "string" ? "" : (Object.keys(paths)[column] ?? "");
    const isNumber = header.shape.length === 1;
    const like = isNumber ? new Float64Array() : newNumbers(columns[column] ?? new Float32Array(), 0);
    return { kind: isNumber ? "number" : "array", width, like, column, path };
  });
  const [first] = leaves;
  if (typeof paths === "string" && first !== undefined) return first;
  return { kind: "fields", fields: leaves.map((leaf) => [leaf.path, leaf] as const) };
}
