/**
 * Samples: the user's arrays as batches to feed. Rows are gathered into arrays that are allocated once per batch size.
 *
 *   x: bytes or floats, y: labels            load(order, 128, 256)   ->   { x: Float32Array, y: Int32Array }
 *
 * Bytes in x become floats from 0 to 1 (times 1/255) unless `scale` says otherwise; everything else is taken as it is.
 */
import { gatherRows, type Source } from "../data/dataset.ts";
import type { InputSpec } from "../dsl/spec.ts";
import { FeedError, UserError } from "../errors.ts";
import { isInteger, roundTo } from "../graph/dtype.ts";
import { printShape, sizeOf } from "../graph/shape.ts";
import { arrayTypeOf } from "../runtime/compiled.ts";
import type { Feeds } from "../runtime/feeds.ts";
import type { Training } from "./training-program.ts";

/** Samples one after the other, row-major. */
export type Numbers = Source | readonly number[];

export interface Samples {
  readonly x: Numbers;
  readonly y: Numbers;
  /** What x is multiplied by: 1/255 for bytes (a Uint8Array), else 1. */
  readonly scale?: number;
}

type Gathered = Float32Array | Float64Array | Int32Array | Uint32Array | Uint8Array;

interface Buffers {
  readonly x: Float32Array;
  readonly y: Gathered | null;
  readonly feeds: Feeds;
}

export class Batcher {
  readonly count: number;
  readonly #x: Source;
  readonly #y: Source | null;
  readonly #xSize: number;
  readonly #ySize: number;
  readonly #target: InputSpec;
  readonly #scale: number;
  readonly #buffers = new Map<number, Buffers>();

  /** `call` is for messages: "fit". Without y the batches are for `predict`. */
  constructor(call: string, training: Training, { x, y, scale }: Omit<Samples, "y"> & { readonly y?: Numbers }) {
    const { input, target } = training;
    this.#x = toSource(x, Float32Array);
    this.#y = y === undefined ? null : toSource(y, Float64Array);
    this.#xSize = sizeOf(input);
    this.#ySize = target.shape.slice(1).reduce((product: number, dim) => product * Number(dim), 1);
    this.#target = target;
    this.#scale = scale ?? (x instanceof Uint8Array ? 1 / 255 : 1);
    this.count = this.#x.length / this.#xSize;
    this.#check(call, training);
  }

  /** Feeds for the samples order[from] to order[to - 1]; filled again by the next call for as many. */
  load(order: Uint32Array, from: number, to: number): Feeds {
    const buffers = this.#buffersFor(to - from);
    gatherRows(this.#x, this.#xSize, order, from, to, buffers.x, this.#scale);
    if (this.#y !== null && buffers.y !== null) gatherRows(this.#y, this.#ySize, order, from, to, buffers.y);
    return buffers.feeds;
  }

  /** The same for `size` rows of which the last repeat sample `to - 1`: for a batch that needs no specialization. */
  loadPadded(from: number, to: number, size: number): Feeds {
    return this.load(
      Uint32Array.from({ length: size }, (_, i) => Math.min(from + i, to - 1)),
      0,
      size,
    );
  }

  #buffersFor(size: number): Buffers {
    const known = this.#buffers.get(size);
    if (known !== undefined) return known;
    const x = new Float32Array(size * this.#xSize);
    const y = this.#y === null ? null : (new (arrayTypeOf(this.#target.dtype))(size * this.#ySize) as Gathered);
    const made: Buffers = { x, y, feeds: y === null ? { x } : { x, y } };
    this.#buffers.set(size, made);
    return made;
  }

  #check(call: string, { input, target }: Training): void {
    if (this.#x.length === 0 && this.#y !== null) throw new FeedError(`${call}: x has no samples`);
    if (!Number.isSafeInteger(this.count)) {
      throw new FeedError(
        `${call}: x has ${this.#x.length} numbers, no multiple of ${this.#xSize}: a sample has the shape ${printShape(input)}`,
      );
    }
    if (this.#y !== null && this.#y.length !== this.count * this.#ySize) {
      const wanted = `${this.#ySize} each, as ${target.dtype}${printShape(target.shape)} needs`;
      throw new FeedError(
        `${call}: y has ${this.#y.length} numbers for the ${this.count} samples of x; wanted ${wanted}`,
      );
    }
    if (target.dtype === "f16" || target.dtype === "bool") {
      throw new UserError(`${call}: a target cannot be ${target.dtype}: use f32 or i32`);
    }
    if (this.#y !== null) checkIntegers(call, this.#y, target);
  }
}

/** Gathering would cut 2.7 to 2 without a word. */
function checkIntegers(call: string, y: Source, { dtype }: InputSpec): void {
  if (!isInteger(dtype)) return;
  for (let i = 0; i < y.length; i++) {
    const value = y[i] as number;
    if (roundTo(dtype, value) === value) continue;
    throw new FeedError(`${call}: y has ${value} at position ${i}, which is no ${dtype}`);
  }
}

function toSource(numbers: Numbers, ArrayType: typeof Float32Array | typeof Float64Array): Source {
  return ArrayBuffer.isView(numbers) ? numbers : ArrayType.from(numbers);
}
