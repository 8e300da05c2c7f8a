/**
 * cache: the first whole pass keeps its elements in memory, and later ones take them from there. What is kept is always the pass of
 * epoch 0, so that a run that begins in another epoch sees the same. A pass that is ended early keeps nothing.
 *
 * Elements of numbers and typed arrays that are alike are kept as a table, others as they are: whoever writes into those changes
 * what later passes see.
 */
import { Cursor, chain, type MaybePromise, type RowWalk, type Stage } from "../cursor.ts";
import { type Layout, layoutOf, leavesIn } from "../layout.ts";
import { Table } from "../table.ts";

type Kept<T> = { readonly table: Table<T>; readonly count: number } | { readonly values: readonly T[] };

export class Cache<T> implements Stage<T> {
  readonly #from: Stage<T>;
  #kept: Kept<T> | null = null;

  constructor(from: Stage<T>) {
    this.#from = from;
  }

  get size(): number | null {
    if (this.#kept === null) return this.#from.size;
    return "table" in this.#kept ? this.#kept.count : this.#kept.values.length;
  }

  get table(): Table<unknown> | null {
    return this.#kept !== null && "table" in this.#kept ? this.#kept.table : null;
  }

  open(): Cursor<T> {
    if (this.#kept === null) {
      const from = this.#from.open({ epoch: 0, reuse: 0 });
      return new FillCursor(from, new Keeper<T>(this.#from.size), (kept) => {
        this.#kept ??= kept;
      });
    }
    return "table" in this.#kept
      ? new TableCursor(this.#kept.table, this.#kept.count)
      : new ValuesCursor(this.#kept.values);
  }
}

/** Walks over the rows of a table. */
export class TableCursor<T> extends Cursor<T> implements RowWalk<T> {
  readonly #table: Table<T>;
  readonly #count: number;
  #row = -1;

  constructor(table: Table<T>, count: number) {
    super();
    this.#table = table;
    this.#count = count;
  }

  advance(): boolean {
    return ++this.#row < this.#count;
  }

  value(): T {
    return this.#table.at(this.#row);
  }

  override get table(): Table<T> {
    return this.#table;
  }

  override get row(): number {
    return this.#row;
  }

  override get walk(): RowWalk<T> | null {
    return this.#table.kind === "whole" ? this : null;
  }

  get left(): number {
    return Math.max(this.#count - this.#row - 1, 0);
  }

  next(out: Uint32Array, at: number, count: number): number {
    const found = Math.min(count, this.left);
    for (let i = 0; i < found; i++) out[at + i] = ++this.#row;
    return found;
  }

  override skip(count: number): void {
    this.#row = Math.min(this.#row + count, this.#count);
  }
}

/** Walks over a list. */
export class ValuesCursor<T> extends Cursor<T> {
  readonly #values: readonly T[];
  #at = -1;

  constructor(values: readonly T[]) {
    super();
    this.#values = values;
  }

  advance(): boolean {
    return ++this.#at < this.#values.length;
  }

  value(): T {
    return this.#values[this.#at] as T; // it stands at one
  }

  override skip(count: number): void {
    this.#at = Math.min(this.#at + count, this.#values.length);
  }
}

/** Hands on what it keeps. */
class FillCursor<T> extends Cursor<T> {
  readonly #from: Cursor<T>;
  readonly #keeper: Keeper<T>;
  readonly #done: (kept: Kept<T>) => void;
  #isDone = false;

  constructor(from: Cursor<T>, keeper: Keeper<T>, done: (kept: Kept<T>) => void) {
    super();
    this.#from = from;
    this.#keeper = keeper;
    this.#done = done;
  }

  advance(): MaybePromise<boolean> {
    return chain(this.#from.advance(), (more) => {
      if (more) return chain(this.#keeper.keep(this.#from), () => true);
      if (!this.#isDone) this.#done(this.#keeper.end());
      this.#isDone = true;
      return false;
    });
  }

  value(): MaybePromise<T> {
    return this.#from.value();
  }

  override get table(): Table<T> | null {
    return this.#from.table;
  }

  override get row(): number {
    return this.#from.row;
  }

  override close(): MaybePromise<void> {
    return this.#from.close();
  }
}

/** Collects elements: as a table for as long as they fit into one. */
class Keeper<T> {
  readonly #room: number;
  #table: Table<T> | null = null;
  #values: T[] = [];
  #count = 0;
  #isTable = true;

  constructor(size: number | null) {
    this.#room = size !== null && Number.isFinite(size) ? size : 16;
  }

  keep(from: Cursor<T>): MaybePromise<void> {
    const { table } = from;
    if (table !== null && this.#isTable) {
      this.#table ??= Table.empty<T>("whole", table.layout, this.#room);
      if (this.#table.layout === table.layout) {
        this.#table.copy(table, from.row, this.#count++);
        return;
      }
    }
    return chain(from.value(), (value) => this.#keepValue(value));
  }

  #keepValue(value: T): void {
    if (this.#isTable && this.#count === 0) {
      const layout = tableLayout(value);
      if (layout === null) this.#isTable = false;
      else this.#table = Table.empty<T>("whole", layout, this.#room);
    }
    if (this.#isTable && this.#table !== null && !this.#table.tryWrite(this.#count, value))
      this.#leaveTable(this.#table);
    if (!this.#isTable) this.#values.push(value);
    this.#count++;
  }

  #leaveTable(table: Table<T>): void {
    this.#values = Array.from({ length: this.#count }, (_, row) => table.at(row));
    this.#isTable = false;
    this.#table = null;
  }

  end(): Kept<T> {
    if (!this.#isTable || this.#table === null) return { values: this.#values };
    return { table: this.#table.trimmed("whole", this.#count), count: this.#count };
  }
}

/** Null where a table would make something else of the elements: lists become typed arrays there. */
function tableLayout(value: unknown): Layout | null {
  try {
    const layout = layoutOf(value, "cache");
    return leavesIn(layout).some(({ kind }) => kind === "list") ? null : layout;
  } catch {
    return null;
  }
}
