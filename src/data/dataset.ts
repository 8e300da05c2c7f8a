/**
 * What a data set is here, and how a training loop walks over one: bytes for the images, a byte per label, an order of
 * indices per epoch, and rows gathered from there into buffers that the caller owns. Nothing is allocated per batch.
 *
 *     for (const { indices, from, to } of batches({ count, batch: 128, seed, epoch })) {
 *       gatherRows(train.images, 784, indices, from, to, image, 1 / 255);
 *       gatherRows(train.labels, 1, indices, from, to, label);
 *     }
 */
import type { HalfFloats } from "../core/arrays.ts";
import { UserError } from "../core/errors.ts";
import { atLine, here } from "../core/origin.ts";
import { permutation } from "../core/random.ts";
import { fail } from "./fail.ts";
import type { Pixels } from "./pixels.ts";

/** Images with their labels: `images` holds `count` images of `rows * columns` bytes, one after the other. */
export interface Split {
  readonly images: Pixels;
  readonly labels: Uint8Array;
  readonly count: number;
  readonly imageShape: readonly [rows: number, columns: number];
}

/** A data set. `origin` says in words where it came from: a folder, a mirror, or built in. */
export interface ImageSet {
  readonly name: string;
  readonly origin: string;
  readonly train: Split;
  readonly test: Split;
}

export interface BatchOptions {
  /** How many samples there are. */
  readonly count: number;
  /** How many go into one batch. */
  readonly batch: number;
  /** The order of an epoch is a function of these two alone. Both are 0 by default. */
  readonly seed?: number;
  readonly epoch?: number;
  /** True by default; without it the samples come in the order of the file. */
  readonly shuffle?: boolean;
  /** Leave out the last batch where it is short. False by default. */
  readonly dropLast?: boolean;
}

/** One batch: the samples `indices[from]` to `indices[to - 1]`. `indices` is the whole epoch's order, shared. */
export interface Batch {
  readonly index: number;
  readonly indices: Uint32Array;
  readonly from: number;
  readonly to: number;
}

export type Destination = Uint8Array | Float32Array | Float64Array | Int32Array | Uint32Array;
/** Whatever holds numbers; not the bits of other ones. */
export type Source = Destination | Int8Array | Uint8ClampedArray | Int16Array | Uint16Array | HalfFloats;

/** How many batches `batches` gives for the same options. */
export function batchCount(options: Pick<BatchOptions, "count" | "batch" | "dropLast">): number {
  checkSize("count", options.count, 0);
  checkSize("batch", options.batch, 1);
  const whole = options.count / options.batch;
  return options.dropLast ? Math.floor(whole) : Math.ceil(whole);
}

/** The batches of one epoch, in order. Options are checked here, before the first batch is asked for. */
export function batches(options: BatchOptions): Iterable<Batch> {
  const total = batchCount(options);
  const { count, batch, seed = 0, epoch = 0, shuffle = true } = options;
  const indices = shuffle ? permutation(count, seed, epoch) : Uint32Array.from({ length: count }, (_, i) => i);
  return walk(indices, batch, total);
}

/**
 * Copies the rows `indices[from]` .. `indices[to - 1]` of `source`, times `scale`, to the start of `out`.
 * The product is made in float64 and rounded once, to the type of `out`.
 */
export function gatherRows(
  source: Source,
  rowLength: number,
  indices: Uint32Array,
  from: number,
  to: number,
  out: Destination,
  scale = 1,
): void {
  checkGather(source, rowLength, indices, from, to, out);
  // The common case stands alone, so that the engine sees one pair of array types in its loop.
  if (source instanceof Uint8Array && out instanceof Float32Array) {
    gatherBytes(source, rowLength, indices, from, to, out, scale);
    return;
  }
  let at = 0;
  for (let i = from; i < to; i++) {
    const start = (indices[i] ?? 0) * rowLength;
    for (let k = 0; k < rowLength; k++) out[at++] = (source[start + k] ?? 0) * scale;
  }
}

function gatherBytes(
  source: Uint8Array,
  rowLength: number,
  indices: Uint32Array,
  from: number,
  to: number,
  out: Float32Array,
  scale: number,
): void {
  let at = 0;
  for (let i = from; i < to; i++) {
    const start = (indices[i] ?? 0) * rowLength;
    for (let k = 0; k < rowLength; k++) out[at++] = (source[start + k] ?? 0) * scale;
  }
}

function* walk(indices: Uint32Array, batch: number, total: number): Generator<Batch> {
  for (let index = 0; index < total; index++) {
    const from = index * batch;
    yield { index, indices, from, to: Math.min(from + batch, indices.length) };
  }
}

function checkGather(
  source: Source,
  rowLength: number,
  indices: Uint32Array,
  from: number,
  to: number,
  out: Destination,
): void {
  checkSize("row length", rowLength, 1);
  if (!(Number.isInteger(from) && Number.isInteger(to) && from >= 0 && from <= to && to <= indices.length)) {
    fail("gatherRows", `${from} to ${to} is not a range of the ${indices.length} indices`);
  }
  if (out.length < (to - from) * rowLength) {
    const needed = `${to - from} rows of ${rowLength} need ${(to - from) * rowLength} elements`;
    fail("gatherRows", `the output is too small: ${needed}, it has ${out.length}`);
  }
  const rows = Math.floor(source.length / rowLength);
  for (let i = from; i < to; i++) {
    if ((indices[i] ?? 0) >= rows) {
      fail("gatherRows", `index ${indices[i]} (at ${i}) is outside the source, which has ${rows} rows`);
    }
  }
}

function checkSize(what: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least) {
    throw new UserError(`the ${what} must be an integer of at least ${least}; found ${value}${atLine(here(what))}`);
  }
}
