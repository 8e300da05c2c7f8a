/**
 * Datasets: recipes for elements, read anew in each epoch.
 *
 *   const data = dataset({ x: rows(images, 784), y: labels })
 *     .map(({ x, y }) => ({ x: new Float32Array(x).map((byte) => byte / 255), y })).cache().shuffle(16_384, { seed: 1 }).batch(512);
 *   await net.fit({ data, epochs: 16 });
 *   for await (const { x, y } of data) ...
 *
 * An operation makes a new dataset and runs nothing. Everything random follows from seed, epoch and place, so a place is two numbers,
 * epoch and elements taken, and `iterate(epoch, taken)` goes on from there with the same elements.
 */

import { UserError } from "../../core/errors.ts";
import {
  callable,
  checkArguments,
  checkOptions,
  checkValue,
  count,
  flag,
  number,
  type OptionTable,
  seed as seedKind,
  show,
  whole,
} from "../../core/options.ts";
import { here, told, withLine } from "../../core/origin.ts";
import { fail } from "../fail.ts";
import { AnyDataset } from "./any-dataset.ts";
import { type Cursor, chain, loop, type MaybePromise, type Pass, type Stage } from "./cursor.ts";
import { BatchCursor, RowBatchCursor } from "./operations/batch.ts";
import { Cache } from "./operations/cache.ts";
import { InterleaveCursor } from "./operations/interleave.ts";
import { MapCursor, type Mapper } from "./operations/map.ts";
import { PadBatchCursor } from "./operations/pad-batch.ts";
import { FilterCursor, RepeatCursor, SkipCursor, TakeCursor } from "./operations/pass-on.ts";
import { PrefetchCursor } from "./operations/prefetch.ts";
import { RowShuffleCursor, ShuffleCursor } from "./operations/shuffle.ts";
import type { Table } from "./table.ts";
import type { Batched } from "./types.ts";

export interface ShuffleOptions {
  /** What the orders follow from, beside the epoch. 0 by default. */
  readonly seed?: number;
}

export interface MapOptions {
  /** What `random` follows from, beside epoch and place. 0 by default. */
  readonly seed?: number;
}

export interface BatchOptions {
  /** Leave out the last batch where it is short. False by default. */
  readonly dropRemainder?: boolean;
}

export interface PadBatchOptions extends BatchOptions {
  /** What rows are filled up with, at their end. 0 by default. */
  readonly value?: number;
  /** Numbers in a row; that of the longest in its batch by default. A longer row is an error. */
  readonly length?: number;
}

export interface InterleaveOptions {
  /** How many datasets are read from in turn. 4 by default. */
  readonly cycle?: number;
  /** How many elements one gives in a row. 1 by default. */
  readonly block?: number;
}

const seedTable: OptionTable<ShuffleOptions> = { seed: seedKind };
const batchTable: OptionTable<BatchOptions> = { dropRemainder: flag };
const padTable: OptionTable<PadBatchOptions> = { ...batchTable, value: number(), length: count };
const interleaveTable: OptionTable<InterleaveOptions> = { cycle: count, block: count };
const fromZero = whole({ from: 0 });

/** A place in a dataset, as plain data. */
export interface DatasetPosition {
  readonly epoch: number;
  /** Elements of the epoch that were taken. */
  readonly taken: number;
}

/** One pass over a dataset. `position` is where it stands. */
export interface DatasetIterator<T> extends AsyncIterableIterator<T> {
  readonly position: DatasetPosition;
}

/** A recipe for elements, read anew in each epoch. `dataset(...)` makes one, each operation another. */
export class Dataset<out T> extends AnyDataset<T> implements AsyncIterable<T> {
  readonly #stage: Stage<T>;
  /** How many elements each one is of: null where they are single ones. */
  readonly batchSize: number | null;
  /** Of batches: how many single elements an epoch has in all, where that is known. */
  readonly samples: number | null;

  /** Made by `dataset(...)`, `datasets.csv(...)` and so on. */
  constructor(stage: Stage<T>, batchSize: number | null = null, samples: number | null = null) {
    super();
    this.#stage = stage;
    this.batchSize = batchSize;
    this.samples = samples;
  }

  /** How many elements an epoch has: Infinity after `repeat()`, null where only reading tells. */
  get size(): number | null {
    return this.#stage.size;
  }

  /** The table in memory that all elements are rows of, or batches of rows, as far as that is known: for `fit`. */
  get table(): Table<unknown> | null {
    return this.#stage.table ?? null;
  }

  /** A pass for operations of one's own and for `fit`; `iterate` is for everybody else. */
  open(pass: Pass): Cursor<T> {
    return this.#stage.open(pass);
  }

  /** Each element as `mapper` makes it of it, now or later (a promise). It is told the place, and has random numbers for it. */
  map<U>(mapper: Mapper<T, U>, options: MapOptions = {}): Dataset<U> {
    checkArguments("map", arguments, 2);
    checkValue("map", "its argument", mapper, callable());
    const { seed = 0 } = checkOptions("map", options, seedTable, { before: "f, " });
    return this.#derive(this.size, (pass) => new MapCursor(this.open(fresh(pass)), mapper, pass, seed));
  }

  /** The elements that `keeps` says true of, now or later (a promise). */
  filter<S extends T>(keeps: (value: T) => value is S): Dataset<S>;
  filter(keeps: (value: T) => MaybePromise<boolean>): Dataset<T>;
  filter(keeps: (value: T) => MaybePromise<boolean>): Dataset<T> {
    checkArguments("filter", arguments, 1);
    checkValue("filter", "its argument", keeps, callable());
    return this.#derive(null, (pass) => new FilterCursor(this.open(fresh(pass)), keeps));
  }

  /**
   * Another order in each epoch: a random one of the next `buffer` elements comes next. A buffer as large as the dataset shuffles it
   * wholly.
   */
  shuffle(buffer: number, options: ShuffleOptions = {}): Dataset<T> {
    checkArguments("shuffle", arguments, 2);
    checkValue("shuffle", "the buffer", buffer, count);
    const { seed = 0 } = checkOptions("shuffle", options, seedTable, { before: "buffer, " });
    return this.#rows(this.size, (pass) => {
      const from = this.open(fresh(pass));
      const { walk } = from;
      if (walk !== null) return new RowShuffleCursor(from, walk, buffer, pass, seed);
      return new ShuffleCursor(from, buffer, pass, seed);
    });
  }

  /**
   * `size` elements put together: numbers as a Float64Array, typed arrays one behind the other as one of their type, lists of numbers
   * as a Float64Array, texts as a list; objects field by field. All elements must be alike. The last batch may be short.
   */
  batch(size: number, options: BatchOptions = {}): Dataset<Batched<T>> {
    checkArguments("batch", arguments, 2);
    checkValue("batch", "the size", size, count);
    const { dropRemainder = false } = checkOptions("batch", options, batchTable, { before: "size, " });
    this.#mustBeSingle("batch");
    const plan = { size, dropRemainder };
    const open = (pass: Pass): Cursor<Batched<T>> => {
      const from = this.open(fresh(pass));
      const { walk } = from;
      return walk === null ? new BatchCursor<T>(from, plan, pass) : new RowBatchCursor<T>(from, walk, plan, pass);
    };
    return this.#batched(open, size, dropRemainder, true);
  }

  /** The same for arrays of different lengths: all that are longer than one number are filled up at their end. */
  padBatch(size: number, options: PadBatchOptions = {}): Dataset<Batched<T>> {
    checkArguments("padBatch", arguments, 2);
    checkValue("padBatch", "the size", size, count);
    const checked = checkOptions("padBatch", options, padTable, { before: "size, " });
    const { dropRemainder = false, value = 0, length = null } = checked;
    this.#mustBeSingle("padBatch");
    const plan = { size, dropRemainder, value, length };
    const open = (pass: Pass): Cursor<Batched<T>> => new PadBatchCursor<T>(this.open(fresh(pass)), plan);
    return this.#batched(open, size, dropRemainder);
  }

  /** The dataset `times` times, each an epoch of its own; without end by default. */
  repeat(times = Number.POSITIVE_INFINITY): Dataset<T> {
    checkArguments("repeat", arguments, 1);
    if (times !== Number.POSITIVE_INFINITY) checkValue("repeat", "its argument", times, count);
    const size = this.size === null ? null : this.size === 0 ? 0 : this.size * times;
    return this.#rows(size, (pass) => new RepeatCursor(this, pass, times));
  }

  /** The first `size` elements. */
  take(size: number): Dataset<T> {
    checkArguments("take", arguments, 1);
    checkValue("take", "its argument", size, fromZero);
    const known = this.size === null ? null : Math.min(this.size, size);
    return this.#rows(known, (pass) => new TakeCursor(this.open(pass), size));
  }

  /** All but the first `size` elements. */
  skip(size: number): Dataset<T> {
    checkArguments("skip", arguments, 1);
    checkValue("skip", "its argument", size, fromZero);
    const known = this.size === null ? null : Math.max(this.size - size, 0);
    return this.#rows(known, (pass) => new SkipCursor(this.open(pass), size));
  }

  /** Keeps the elements in memory when they were read once: as they are in epoch 0. Put what is random behind it. */
  cache(): Dataset<T> {
    checkArguments("cache", arguments, 0);
    return new Dataset<T>(new Cache<T>(this), this.batchSize, this.samples);
  }

  /** A dataset for each element, their elements in turn: many files at once, say. */
  interleave<U>(make: (value: T) => MaybePromise<Dataset<U>>, options: InterleaveOptions = {}): Dataset<U> {
    checkArguments("interleave", arguments, 2);
    checkValue("interleave", "its argument", make, callable());
    const { cycle = 4, block = 1 } = checkOptions("interleave", options, interleaveTable, { before: "f, " });
    const checked = (value: T): MaybePromise<Dataset<U>> => chain(make(value), mustBeDataset);
    const open = (pass: Pass): Cursor<U> =>
      new InterleaveCursor(this.open(fresh(pass)), { make: checked, cycle, block }, pass);
    return new Dataset<U>({ open, size: null });
  }

  /** Up to `most` elements are made before they are asked for, while those before are used. */
  prefetch(most: number): Dataset<T> {
    checkArguments("prefetch", arguments, 1);
    checkValue("prefetch", "its argument", most, count);
    return this.#rows(this.size, (pass) => {
      const held = pass.reuse === 0 ? 0 : pass.reuse + most + 1;
      const from = this.open({ ...pass, reuse: held });
      return from.isAtHand ? from : new PrefetchCursor(from, most);
    });
  }

  /** The elements of an epoch, from place `taken` on. */
  iterate(epoch = 0, taken = 0): DatasetIterator<T> {
    checkArguments("iterate", arguments, 2);
    checkValue("iterate", "the epoch", epoch, fromZero);
    checkValue("iterate", "the place", taken, fromZero);
    return new Iteration<T>(this, epoch, taken);
  }

  /** The elements of epoch 0. */
  [Symbol.asyncIterator](): DatasetIterator<T> {
    return this.iterate();
  }

  /** All elements of an epoch, as a list. */
  async toArray(epoch = 0): Promise<T[]> {
    checkArguments("toArray", arguments, 1);
    this.#mustEnd("toArray");
    const all: T[] = [];
    for await (const element of this.iterate(epoch)) all.push(element);
    return all;
  }

  /**
   * All elements of epoch 0 together, as `batch` puts them: `{ x, y }` of rows of a file as two arrays, for `trainTestSplit` or `fit`.
   * There must be one.
   */
  async toColumns(): Promise<Batched<T>> {
    checkArguments("toColumns", arguments, 0);
    this.#mustBeSingle("toColumns");
    this.#mustEnd("toColumns");
    return told("toColumns", async () => {
      const kept = this.cache();
      let size = 0;
      const filling = kept.open({ epoch: 0, reuse: 0 });
      try {
        await loop(() => chain(filling.advance(), (more) => (more && ++size ? undefined : true)));
      } finally {
        await filling.close();
      }
      if (size === 0) throw new UserError("toColumns: the dataset has no elements");
      const [columns] = await kept.batch(size).toArray();
      return columns as Batched<T>; // there is one batch
    });
  }

  #mustEnd(call: string): void {
    if (this.size !== Number.POSITIVE_INFINITY) return;
    fail(call, "the dataset has no end: take(n) of it");
  }

  /** Batches are counted as they were where there are as many as before. */
  #derive<U>(size: number | null, open: (pass: Pass) => Cursor<U>): Dataset<U> {
    return new Dataset<U>({ open, size }, this.batchSize, size === this.size ? this.samples : null);
  }

  /** The same where elements stay rows of the same table. */
  #rows(size: number | null, open: (pass: Pass) => Cursor<T>): Dataset<T> {
    return new Dataset<T>(this.#inTable(size, open), this.batchSize, size === this.size ? this.samples : null);
  }

  #inTable<U>(size: number | null, open: (pass: Pass) => Cursor<U>): Stage<U> {
    const tableOf = (): Table<unknown> | null => this.table; // a cache has one when it is full
    return {
      open,
      size,
      get table() {
        return tableOf();
      },
    };
  }

  #batched<U>(open: (pass: Pass) => Cursor<U>, size: number, dropRemainder: boolean, areRows = false): Dataset<U> {
    const { size: singles } = this;
    const batches = singles === null ? null : dropRemainder ? Math.floor(singles / size) : Math.ceil(singles / size);
    const stage = areRows ? this.#inTable(batches, open) : { open, size: batches };
    if (singles === null || batches === null) return new Dataset<U>(stage, size);
    const samples = dropRemainder ? batches * size : singles;
    return new Dataset<U>(stage, size, Number.isFinite(samples) ? samples : null);
  }

  #mustBeSingle(call: string): void {
    if (this.batchSize === null) return;
    fail(call, `the elements are batches of ${this.batchSize} already`);
  }
}

/** What keeps or changes elements needs new ones. */
const fresh = ({ epoch }: Pass): Pass => ({ epoch, reuse: 0 });

function mustBeDataset<U>(made: Dataset<U>): Dataset<U> {
  if (made instanceof Dataset) return made;
  throw new UserError(`interleave: the function gave ${show(made)}: it must give a dataset`);
}

class Iteration<T> implements DatasetIterator<T> {
  readonly #stage: Stage<T>;
  readonly #epoch: number;
  readonly #from: number;
  #taken: number;
  #cursor: Cursor<T> | null = null;
  #last: Promise<unknown> = Promise.resolve();
  #isOver = false;
  /** Who walks over it, for messages of what is read. */
  readonly #origin = here("iterate");

  constructor(stage: Stage<T>, epoch: number, from: number) {
    this.#stage = stage;
    this.#epoch = epoch;
    this.#from = this.#taken = from;
  }

  get position(): DatasetPosition {
    return { epoch: this.#epoch, taken: this.#taken };
  }

  /** One after the other, also where several are asked for at once. */
  next(): Promise<IteratorResult<T, undefined>> {
    const result = this.#last.then(() => this.#next());
    this.#last = result.catch(() => {}); // whoever asked for it hears of it
    return result;
  }

  async #next(): Promise<IteratorResult<T, undefined>> {
    if (this.#isOver) return { done: true, value: undefined };
    try {
      if (this.#cursor === null) {
        this.#cursor = this.#stage.open({ epoch: this.#epoch, reuse: 0 });
        if (this.#from > 0) await this.#cursor.skip(this.#from);
      }
      if (await this.#cursor.advance()) {
        const value = await this.#cursor.value();
        this.#taken++;
        return { done: false, value };
      }
    } catch (error) {
      await this.#end().catch(() => {}); // the first error is the one to tell
      throw withLine(error, this.#origin);
    }
    await this.#end();
    return { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<T, undefined>> {
    await this.#last;
    await this.#end();
    return { done: true, value: undefined };
  }

  async #end(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    await this.#cursor?.close();
  }

  [Symbol.asyncIterator](): DatasetIterator<T> {
    return this;
  }
}
