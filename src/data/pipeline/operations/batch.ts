/**
 * batch: elements put together, a column for each of their parts. Elements that lie in a table are never made: their rows are copied,
 * many at once where they are neighbours. What a batch is of follows from the first element; others must be like it.
 */
import { Cursor, chain, loop, type MaybePromise, type Pass, type RowBlock, type RowWalk } from "../cursor.ts";
import { build, type ColumnArray, checkAlike, columnFor, type Layout, layoutOf, leavesIn, writeRow } from "../layout.ts"; // biome-ignore format: names
import { copyRows, type Table } from "../table.ts";
import type { Batched } from "../types.ts";

export interface BatchPlan {
  readonly size: number;
  readonly dropRemainder: boolean;
}

export class BatchCursor<T> extends Cursor<Batched<T>> {
  readonly #from: Cursor<T>;
  readonly #plan: BatchPlan;
  readonly #turns: ColumnTurns;
  #layout: Layout | null = null;
  #columns: ColumnArray[] = [];
  /** Elements so far: of this batch, and of all before. */
  #count = 0;
  #before = 0;
  #batches = 0;
  /** Rows of a table that are to be copied, into the places before `count`. */
  readonly #rows: Uint32Array;
  #waiting = 0;
  #table: Table<T> | null = null;

  constructor(from: Cursor<T>, plan: BatchPlan, { reuse }: Pass) {
    super();
    this.#from = from;
    this.#plan = plan;
    this.#turns = new ColumnTurns(reuse, plan.size);
    this.#rows = new Uint32Array(Math.min(plan.size, mostRows));
  }

  advance(): MaybePromise<boolean> {
    this.#before += this.#count;
    this.#count = 0;
    this.#columns = [];
    this.#waiting = 0;
    this.#table = null;
    return loop(this.#step);
  }

  /** Takes one element; a result where that was the last of the batch. */
  readonly #step = (): MaybePromise<boolean | undefined> => chain(this.#from.advance(), this.#arrive);
  readonly #arrive = (more: boolean): MaybePromise<boolean | undefined> =>
    more ? chain(this.#put(), this.#placed) : this.#finish();
  readonly #placed = (): boolean | undefined => (this.#count === this.#plan.size ? this.#finish() : undefined);

  #finish(): boolean {
    if (!this.#isBlock) this.#copyWaiting();
    const isWhole = this.#count === this.#plan.size;
    if (this.#count === 0 || (!isWhole && this.#plan.dropRemainder)) return false;
    this.#batches++;
    return true;
  }

  /** Whether the batch is rows of a whole table: it is copied when it is asked for. */
  get #isBlock(): boolean {
    return this.#table?.kind === "whole" && this.#waiting === this.#count;
  }

  override get block(): RowBlock<Batched<T>> | null {
    const table = this.#table;
    if (table === null || !this.#isBlock) return null;
    const [columns, count, rows] = [this.#columns, this.#count, this.#rows.slice(0, this.#waiting)];
    const value = (): Batched<T> => {
      copyRows(table, rows, count, columns, 0);
      return this.#built(columns, count);
    };
    return { table, rows, value };
  }

  /** Puts the element that is stood at behind the others. */
  #put(): MaybePromise<void> {
    const { table } = this.#from;
    if (table === null) return chain(this.#from.value(), (value) => this.#write(value));
    if (table !== this.#table || this.#waiting === this.#rows.length) this.#copyWaiting();
    if (table !== this.#table && this.#layout !== null) checkAlike("batch", this.#layout, table.layout);
    this.#table = table;
    if (this.#count === 0) this.#begin(this.#layout ?? table.layout);
    this.#rows[this.#waiting++] = this.#from.row;
    this.#count++;
    if (table.kind === "ring") this.#copyWaiting();
  }

  #copyWaiting(): void {
    if (this.#table !== null && this.#waiting > 0) {
      copyRows(this.#table, this.#rows, this.#waiting, this.#columns, this.#count - this.#waiting);
    }
    this.#waiting = 0;
  }

  #write(value: T): void {
    const what = (): string => `batch: element ${this.#before + this.#count} (the first is 0)`;
    this.#copyWaiting();
    if (this.#count === 0) this.#begin(this.#layout ?? layoutOf(value, what()));
    writeRow(this.layout, this.#columns, this.#count, value, what);
    this.#count++;
  }

  #begin(layout: Layout): void {
    this.#layout = layout;
    this.#columns = this.#turns.columnsFor(this.#batches, layout);
  }

  get layout(): Layout {
    if (this.#layout === null) throw new RangeError("the cursor stands at no batch");
    return this.#layout;
  }

  value(): Batched<T> {
    this.#copyWaiting();
    return this.#built(this.#columns, this.#count);
  }

  #built(columns: readonly ColumnArray[], count: number): Batched<T> {
    return built<T>(this.layout, columns, count, this.#plan.size);
  }

  override skip(count: number): MaybePromise<void> {
    this.#before += count * this.#plan.size;
    return this.#from.skip(count * this.#plan.size);
  }

  override close(): MaybePromise<void> {
    return this.#from.close();
  }
}

/** Columns for batches: new ones for each, or the same in turns. */
class ColumnTurns {
  /** Batches that may be held at a time; 0 where each is to be new. */
  readonly #turns: number;
  readonly #size: number;
  readonly #used: ColumnArray[][] = [];

  constructor(turns: number, size: number) {
    this.#turns = turns;
    this.#size = size;
  }

  columnsFor(batch: number, layout: Layout): ColumnArray[] {
    const turn = this.#turns === 0 ? batch : batch % this.#turns;
    const columns = this.#used[turn] ?? leavesIn(layout).map((leaf) => columnFor(leaf, this.#size));
    if (this.#turns > 0) this.#used[turn] = columns;
    return columns;
  }
}

/** The columns as a batch; those of a short one are cut. */
function built<T>(layout: Layout, columns: readonly ColumnArray[], count: number, size: number): Batched<T> {
  return build(layout, ({ column, width }) => {
    const array = columns[column] ?? [];
    if (count === size) return array;
    return Array.isArray(array) ? array.slice(0, count) : array.subarray(0, count * width);
  }) as Batched<T>; // each leaf is the column of its kind
}

/**
 * The same of elements that are rows of a whole table, all of them: a batch is the numbers of its rows until somebody asks for it. An
 * epoch of 60,000 elements costs 2 ms, and by a call for each 18.
 */
export class RowBatchCursor<T> extends Cursor<Batched<T>> {
  readonly #from: Cursor<T>;
  readonly #walk: RowWalk<T>;
  readonly #plan: BatchPlan;
  readonly #turns: ColumnTurns;
  /** Rows that were taken ahead, and where the next batch's begin. */
  #rows = new Uint32Array();
  #at = 0;
  #batches = 0;
  #block: RowBlock<Batched<T>> | null = null;

  constructor(from: Cursor<T>, walk: RowWalk<T>, plan: BatchPlan, { reuse }: Pass) {
    super();
    this.#from = from;
    this.#walk = walk;
    this.#plan = plan;
    this.#turns = new ColumnTurns(reuse, plan.size);
  }

  advance(): boolean {
    const { size, dropRemainder } = this.#plan;
    if (this.#at === this.#rows.length) this.#takeAhead();
    const rows = this.#rows.subarray(this.#at, this.#at + size);
    this.#at += rows.length;
    const isBatch = dropRemainder ? rows.length === size : rows.length > 0;
    this.#block = isBatch ? this.#blockOf(rows, this.#batches++) : null;
    return isBatch;
  }

  /** For many batches: the buffer of a shuffle would have left the cache between one and the next. */
  #takeAhead(): void {
    const { size } = this.#plan;
    const wanted = Math.max(1, Math.floor(mostRows / size)) * size;
    const rows = new Uint32Array(Math.min(wanted, this.#walk.left)); // new: batches last
    this.#rows = rows.subarray(0, this.#walk.next(rows, 0, rows.length));
    this.#at = 0;
  }

  #blockOf(rows: Uint32Array, index: number): RowBlock<Batched<T>> {
    const { table } = this.#walk;
    const value = (): Batched<T> => {
      const columns = this.#turns.columnsFor(index, table.layout);
      copyRows(table, rows, rows.length, columns, 0);
      return built<T>(table.layout, columns, rows.length, this.#plan.size);
    };
    return { table, rows, value };
  }

  override get block(): RowBlock<Batched<T>> | null {
    return this.#block;
  }

  override get isAtHand(): boolean {
    return true;
  }

  value(): Batched<T> {
    if (this.#block === null) throw new RangeError("the cursor stands at no batch");
    return this.#block.value();
  }

  override skip(count: number): MaybePromise<void> {
    const passed = Math.min(count * this.#plan.size, this.#rows.length - this.#at);
    this.#at += passed;
    return this.#from.skip(count * this.#plan.size - passed);
  }

  override close(): MaybePromise<void> {
    return this.#from.close();
  }
}

/** That are taken or copied at once. */
const mostRows = 4096;
