/**
 * batch: elements put together, a column for each of their parts. Elements that lie in a table are never made: their rows are copied,
 * many at once where they are neighbours. What a batch is of follows from the first element; others must be like it.
 */
import { Cursor, chain, loop, type MaybePromise, type Pass, type RowBlock } from "../cursor.ts";
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
  /** Batches that may be held at a time; 0 where each is to be new. */
  readonly #turns: number;
  readonly #used: ColumnArray[][] = [];
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
    this.#turns = reuse;
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
    const turn = this.#turns === 0 ? this.#batches : this.#batches % this.#turns;
    this.#columns = this.#used[turn] ?? leavesIn(layout).map((leaf) => columnFor(leaf, this.#plan.size));
    if (this.#turns > 0) this.#used[turn] = this.#columns;
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
    const isWhole = count === this.#plan.size;
    return build(this.layout, ({ column, width }) => {
      const array = columns[column] ?? [];
      if (isWhole) return array;
      return Array.isArray(array) ? array.slice(0, count) : array.subarray(0, count * width);
    }) as Batched<T>; // each leaf is the column of its kind
  }

  override skip(count: number): MaybePromise<void> {
    this.#before += count * this.#plan.size;
    return this.#from.skip(count * this.#plan.size);
  }

  override close(): MaybePromise<void> {
    return this.#from.close();
  }
}

/** That are copied at once. */
const mostRows = 4096;
