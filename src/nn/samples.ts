/**
 * Samples: the user's arrays as batches to feed. Rows are gathered into arrays that are allocated once per batch size.
 *
 *   x: bytes or floats, y: labels            load(order, 128, 256)   ->   { x: Float32Array, y: Int32Array }
 *
 * Numbers are taken as they are unless `scale` says otherwise, or they are Pixels: see input-scale.ts. With several inputs or
 * outputs x and y are objects with an array for each.
 */
import { byteWidth, isFloat, roundTo } from "../core/dtype.ts";
import { CompilerBug } from "../core/errors.ts";
import { checkedLater, type OptionTable } from "../core/options.ts";
import { gatherRows } from "../data/dataset.ts";
import { byteScale } from "../dsl/by-rows.ts";
import type { Feed, Feeds } from "../runtime/feeds.ts";
import type { HeldArray } from "../runtime/held-rows.ts";
import { arrayTypeOf } from "../runtime/typed-arrays.ts";
import { type Column, countOf, inputColumns, isBytes, isPlain, placeOf, targetColumns } from "./columns.ts";
import type { Numbers } from "./given-numbers.ts";
import { type InputScale, type InputScales, scaleTrainedOn } from "./input-scale.ts";
import type { Ports } from "./ports.ts";
import type { Training } from "./training-program.ts";

/** An array; an array for each name where there are names. */
export type NumbersFor<Names extends string> = [Names] extends [never] ? Numbers : { readonly [N in Names]: Numbers };

export type ForEach<Names extends string, T> = [Names] extends [never] ? never : { readonly [N in Names]?: T };

/** `In` and `Out` are the names of a model's inputs and outputs; never where there is one of them. */
export interface Samples<In extends string = never, Out extends string = never> {
  /** The inputs, one sample after the other. */
  readonly x: NumbersFor<In>;
  /**
   * What the outputs are compared with, one sample after the other: class numbers, or numbers shaped like the output. Pixels as such
   * numbers, for an autoencoder, are multiplied by 1/255.
   */
  readonly y: NumbersFor<Out>;
  /**
   * What x is multiplied by. 1 by default, but 1/255 for Pixels (what `loadMnist` gives); once there was a `fit`, what its x was
   * multiplied by. An error asks for it where x is of another kind and range than that.
   */
  readonly scale?: number | ForEach<In, number>;
  /**
   * A weight for each sample, which its loss is multiplied by. As in Keras 3 the loss is then the sum of the weighted losses
   * over the number of samples, not over the sum of the weights, and metrics are not weighted. Of an output [steps, features] it
   * may be a weight for each step, sample after sample: the loss is over the number of steps then. With several outputs one array is
   * for all of them, and an object has arrays for some.
   */
  readonly sampleWeight?: Numbers | ForEach<Out, Numbers>;
}

/** The same, whatever the ports. */
export interface AnySamples {
  readonly x?: unknown;
  readonly y?: unknown;
  readonly scale?: unknown;
  readonly sampleWeight?: unknown;
}

export const samplesTable: OptionTable<AnySamples> = {
  x: checkedLater("numbers, sample after sample"),
  y: checkedLater("numbers, sample after sample"),
  scale: checkedLater("a number"),
  sampleWeight: checkedLater("a number for each sample"),
};

type Gathered = Float32Array | Float64Array | Int32Array | Uint32Array | Uint8Array;

/** Columns by what they feed. */
interface Columns {
  readonly x: Ports<Column>;
  readonly y: Ports<Column> | null;
  readonly weight: Ports<Column> | null;
}

export interface NonFiniteNumber {
  /** "x of sample 17 (the first is 0)" */
  readonly place: string;
  readonly value: number;
  /** It is finite as it was given, but not in the program's dtype. */
  readonly isTooLarge: boolean;
  readonly at: number;
}

/** Samples order[from] to order[to - 1] of those in `data`. */
export interface Stretch {
  readonly data: Batcher;
  readonly order: Uint32Array;
  readonly from: number;
  readonly to: number;
  /** The step in which the sample at a place of the order was, from 1. */
  stepOf(at: number): number;
}

/** What a table in memory was found to be, whose numbers never change: `samples` is null where it is fed batch by batch. */
export interface CheckedTable {
  /** What it was checked against. */
  readonly against: readonly unknown[];
  readonly samples: Batcher | null;
}

/** Arrays to feed, one for each column. */
interface Buffers {
  readonly arrays: readonly Gathered[];
  readonly feeds: Feeds;
}

/** Arrays to feed by the number of samples. Batchers of one trainer and the same kinds of columns may share them. */
export class FeedBuffers {
  readonly bySize = new Map<number, Buffers>();
}

export class Batcher {
  readonly count: number;
  /** For messages: "fit". */
  readonly call: string;
  /** Of the samples that the user gave, which is the first of these. */
  readonly #first: number;
  /** Of a dataset, which batch these are: nobody else knows a sample's place there. */
  readonly #batch: number | null;
  readonly #columns: Columns;
  readonly #buffers: FeedBuffers;

  private constructor(
    call: string,
    columns: Columns,
    count: number,
    { first = 0, batch = null }: { readonly first?: number; readonly batch?: number | null },
    buffers = new FeedBuffers(),
  ) {
    this.call = call;
    this.#first = first;
    this.#batch = batch;
    this.#columns = columns;
    this.count = count;
    this.#buffers = buffers;
  }

  /** `call` is for messages: "fit"; `batch` says which one of a dataset it is. Without y the batches are for `predict`. */
  static of(
    call: string,
    training: Training,
    samples: AnySamples,
    scales: InputScales,
    buffers = new FeedBuffers(),
    batch: number | null = null,
  ): Batcher {
    const x = inputColumns(call, training, samples, scales);
    const count = countOf(call, training, x, samples.y !== undefined);
    const y = samples.y === undefined ? null : targetColumns(call, training, samples.y, count);
    return new Batcher(call, { x, y, weight: null }, count, { batch }, buffers);
  }

  /** The same samples with weights for every output: one each, or one for each step. */
  weighted(weights: Ports<Float32Array>): Batcher {
    const { count } = this;
    const weight = weights.map((source): Column => ({ source, width: source.length / count, scale: 1, dtype: "f32" }));
    const place = { first: this.#first, batch: this.#batch };
    return new Batcher(this.call, { ...this.#columns, weight }, this.count, place, this.#buffers);
  }

  /** Null where there are none. */
  weights(): Ports<Pick<Column, "source">> | null {
    return this.#columns.weight;
  }

  /** Samples `from` to `to - 1`, in the order they were given. */
  part(from: number, to: number): Batcher {
    const cut = (column: Column): Column => ({
      ...column,
      source: column.source.subarray(from * column.width, to * column.width),
    });
    const { x, y, weight } = this.#columns;
    const columns = { x: x.map(cut), y: y?.map(cut) ?? null, weight: weight?.map(cut) ?? null };
    return new Batcher(this.call, columns, to - from, { first: this.#first + from, batch: this.#batch });
  }

  /** Whose number stands at `at` of a column, in the user's own array: "y of sample 70 (the first is 0)". */
  placeOf(path: string, width: number, at: number): string {
    return placeOf(path, width, this.#first * width + at);
  }

  /** The same where the message does not begin with `call`: "y of sample 70 of batch 3 (the first of both is 0)", of a dataset. */
  placeInData(path: string, width: number, at: number): string {
    return placeOf(path, width, this.#first * width + at, this.#batch);
  }

  /** What a trainer remembers that trains on these. */
  scales(): Ports<InputScale> {
    return this.#columns.x.map(({ source, scale }) => scaleTrainedOn(source, scale));
  }

  /** The targets as they were given, how many numbers each sample has, and what they are multiplied by. */
  targets(): Ports<Pick<Column, "source" | "width" | "scale">> | null {
    return this.#columns.y;
  }

  /** The first number that is not finite among the samples order[from] to order[to - 1]; `at` is its sample's place in the order. */
  firstNonFinite(order: Uint32Array, from: number, to: number): NonFiniteNumber | null {
    const { x, y, weight } = this.#columns;
    const named = (root: string, columns: Ports<Column> | null) =>
      columns?.entries().map(([name, column]) => [columns.path(root, name), column] as const) ?? [];
    const columns = [...named("x", x), ...named("y", y), ...named("sampleWeight", weight)];
    const floats = columns.filter(([, { dtype }]) => isFloat(dtype));
    for (let at = from; at < to; at++) {
      for (const [path, { source, width, scale, dtype }] of floats) {
        const start = (order[at] ?? 0) * width;
        for (let i = start; i < start + width; i++) {
          const value = source[i] ?? Number.NaN;
          if (Number.isFinite(roundTo(dtype, value * scale))) continue;
          return { place: this.placeInData(path, width, i), value, isTooLarge: Number.isFinite(value), at };
        }
      }
    }
    return null;
  }

  /** Feeds for the samples order[from] to order[to - 1]; filled again by the next call for as many. */
  load(order: Uint32Array, from: number, to: number): Feeds {
    const { arrays, feeds } = this.#buffersFor(to - from);
    for (const [i, { source, width, scale }] of this.#allColumns().entries()) {
      const array = arrays[i];
      if (array !== undefined) gatherRows(source, width, order, from, to, array, scale);
    }
    return feeds;
  }

  /** Feeds for all samples in their order: the user's own arrays where those are as the program takes them. */
  loadAll(): Feeds {
    const { arrays } = this.#buffersFor(this.count);
    const { x, y, weight } = this.#columns;
    let next = 0;
    const fill = ({ source, width, scale, dtype }: Column): Feed => {
      const array = arrays[next++];
      if (array === undefined) throw new CompilerBug("there is no array for a column");
      if (scale !== 1) gatherRows(source, width * this.count, firstRow, 0, 1, array, scale);
      else if (isPlain(source, dtype)) return source;
      else array.set(source);
      return array;
    };
    const feeds: Record<string, Feeds[string]> = { x: x.map(fill).tree() };
    if (y !== null) feeds.y = y.map(fill).tree();
    if (weight !== null) feeds.weight = weight.map(fill).tree();
    return feeds;
  }

  /** How many numbers the inputs and targets have in all. */
  get numbers(): number {
    return this.#allColumns().reduce((sum, { width }) => sum + width * this.count, 0);
  }

  /** Bytes that `held` takes. */
  get heldBytes(): number {
    return this.#allColumns().reduce((sum, column) => {
      return sum + this.count * column.width * (isBytes(column) ? 1 : byteWidth(column.dtype));
    }, 0);
  }

  /** All samples as a device holds them: bytes as bytes, with how they are scaled there. `divides`: see `byteScale`. */
  held(divides: boolean): readonly HeldArray[] {
    const { x, y, weight } = this.#columns;
    return Object.entries({ x, y, weight }).flatMap(([root, columns]) =>
      (columns?.entries() ?? []).map(([name, column]): HeldArray => {
        const { source, width, scale, dtype } = column;
        const part = { path: columns?.path(root, name) ?? root, factor: scale };
        if (isBytes(column)) {
          const values = new Uint8Array(source.buffer, source.byteOffset, source.length);
          return { ...part, values, scale: byteScale(scale, divides) };
        }
        if (scale === 1 && isPlain(source, dtype)) return { ...part, values: source, scale: null };
        const values = new (arrayTypeOf(dtype))(source.length);
        gatherRows(source, width * this.count, firstRow, 0, 1, values, scale);
        return { ...part, values, scale: null };
      }),
    );
  }

  #allColumns(): readonly Column[] {
    const { x, y, weight } = this.#columns;
    return [...x.values, ...(y?.values ?? []), ...(weight?.values ?? [])];
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
    const { bySize } = this.#buffers;
    const known = bySize.get(size);
    const columns = this.#allColumns();
    const fits = (array: Gathered, i: number): boolean => array.length === size * (columns[i]?.width ?? 0);
    if (known !== undefined && known.arrays.length === columns.length && known.arrays.every(fits)) return known;
    const arrays: Gathered[] = [];
    const { x, y, weight } = this.#columns;
    const feeds: Record<string, Feeds[string]> = {};
    for (const [root, columns] of Object.entries({ x, y, weight })) {
      if (columns === null) continue;
      const made = columns.map((column) => new (arrayTypeOf(column.dtype))(size * column.width));
      arrays.push(...made.values);
      feeds[root] = made.tree();
    }
    const buffers: Buffers = { arrays, feeds };
    bySize.set(size, buffers);
    return buffers;
  }
}

const firstRow = Uint32Array.of(0);
