/**
 * shuffle: a buffer of elements, of which a random one comes next and is replaced by the one that is read next. A buffer as large as
 * the dataset gives every order alike; a smaller one keeps less in memory and shuffles less far.
 *
 * The order is a function of seed and epoch. Of elements that lie in a table for good only their rows are kept; of others in tables
 * copies, in a table of its own; other elements themselves.
 */
import { RandomStream } from "../../../core/random.ts";
import { Cursor, chain, loop, type MaybePromise, type Pass, type RowWalk } from "../cursor.ts";
import { checkAlike } from "../layout.ts";
import { Table } from "../table.ts";

export class ShuffleCursor<T> extends Cursor<T> {
  readonly #from: Cursor<T>;
  readonly #size: number;
  readonly #random: RandomStream;
  #slots: Slots<T> | null = null;
  #count = 0;
  /** The slot it stands at; -1 before the first. */
  #at = -1;
  #ended = false;

  constructor(from: Cursor<T>, size: number, { epoch }: Pass, seed: number) {
    super();
    this.#from = from;
    this.#size = size;
    this.#random = orderOf(seed, epoch);
  }

  /** What it stood at is gone; its place is the next one's. */
  advance(): MaybePromise<boolean> {
    if (this.#at >= 0) {
      this.#count--;
      if (this.#at !== this.#count) this.#slots?.move(this.#count, this.#at);
      this.#at = -1;
    }
    return loop(() => {
      if (this.#ended || this.#count === this.#size) return this.#draw();
      return chain(this.#from.advance(), (more) => this.#take(more));
    });
  }

  #draw(): boolean {
    if (this.#count === 0) return false;
    this.#at = this.#random.integer(this.#count);
    return true;
  }

  #take(more: boolean): MaybePromise<undefined> {
    if (!more) {
      this.#ended = true;
      return undefined;
    }
    this.#slots ??= slotsFor(this.#from);
    return chain(this.#slots.put(this.#count, this.#from), () => {
      this.#count++;
      return undefined;
    });
  }

  value(): MaybePromise<T> {
    return this.#stand.value(this.#at);
  }

  override get table(): Table<T> | null {
    return this.#stand.table;
  }

  override get row(): number {
    return this.#stand.row(this.#at);
  }

  override close(): MaybePromise<void> {
    return this.#from.close();
  }

  get #stand(): Slots<T> {
    if (this.#slots === null) throw new RangeError("the cursor stands at no element");
    return this.#slots;
  }
}

/**
 * The same orders of elements that are rows of a whole table, all of them: numbers alone are shuffled, as many at a time as are asked
 * for.
 */
export class RowShuffleCursor<T> extends Cursor<T> implements RowWalk<T> {
  readonly #from: Cursor<T>;
  readonly #walk: RowWalk<T>;
  readonly #random: RandomStream;
  readonly #slots: Uint32Array;
  #count = 0;
  /** The row it stands at. */
  readonly #one = new Uint32Array(1);

  constructor(from: Cursor<T>, walk: RowWalk<T>, buffer: number, { epoch }: Pass, seed: number) {
    super();
    this.#from = from;
    this.#walk = walk;
    this.#random = orderOf(seed, epoch);
    this.#slots = new Uint32Array(Math.min(buffer, walk.left));
  }

  next(out: Uint32Array, at: number, count: number): number {
    const slots = this.#slots;
    for (let i = 0; i < count; i++) {
      if (this.#count < slots.length) this.#count += this.#walk.next(slots, this.#count, slots.length - this.#count);
      if (this.#count === 0) return i;
      const slot = this.#random.integer(this.#count);
      out[at + i] = slots[slot] ?? 0;
      this.#count--;
      slots[slot] = slots[this.#count] ?? 0;
    }
    return count;
  }

  get left(): number {
    return this.#count + this.#walk.left;
  }

  advance(): boolean {
    return this.next(this.#one, 0, 1) === 1;
  }

  value(): T {
    return this.table.at(this.row);
  }

  override get table(): Table<T> {
    return this.#walk.table;
  }

  override get row(): number {
    return this.#one[0] ?? 0;
  }

  override get walk(): RowWalk<T> {
    return this;
  }

  override close(): MaybePromise<void> {
    return this.#from.close();
  }
}

const orderOf = (seed: number, epoch: number): RandomStream => new RandomStream(seed, `shuffle of epoch ${epoch}`);

/** Where the elements of the buffer are kept. */
interface Slots<T> {
  put(slot: number, from: Cursor<T>): MaybePromise<void>;
  move(from: number, to: number): void;
  value(slot: number): T;
  readonly table: Table<T> | null;
  row(slot: number): number;
}

function slotsFor<T>(from: Cursor<T>): Slots<T> {
  const { table } = from;
  if (table === null) return new Values<T>();
  return table.kind === "whole" ? new RowNumbers<T>(table) : new Copies<T>(table);
}

class RowNumbers<T> implements Slots<T> {
  readonly table: Table<T>;
  readonly #rows: number[] = [];

  constructor(table: Table<T>) {
    this.table = table;
  }

  put(slot: number, from: Cursor<T>): void {
    this.#rows[slot] = from.row;
  }

  move(from: number, to: number): void {
    this.#rows[to] = this.row(from);
  }

  value(slot: number): T {
    return this.table.at(this.row(slot));
  }

  row(slot: number): number {
    return this.#rows[slot] ?? 0;
  }
}

class Copies<T> implements Slots<T> {
  readonly table: Table<T>;

  constructor(like: Table<T>) {
    this.table = Table.empty<T>("ring", like.layout, 16);
  }

  put(slot: number, { table, row }: Cursor<T>): void {
    if (table === null) return;
    checkAlike("shuffle", this.table.layout, table.layout);
    this.table.copy(table, row, slot);
  }

  move(from: number, to: number): void {
    this.table.copy(this.table, from, to);
  }

  value(slot: number): T {
    return this.table.at(slot);
  }

  row(slot: number): number {
    return slot;
  }
}

class Values<T> implements Slots<T> {
  readonly table = null;
  readonly #values: T[] = [];

  put(slot: number, from: Cursor<T>): MaybePromise<void> {
    return chain(from.value(), (value) => {
      this.#values[slot] = value;
    });
  }

  move(from: number, to: number): void {
    this.#values[to] = this.value(from);
  }

  value(slot: number): T {
    return this.#values[slot] as T; // every slot that is stood at was put
  }

  row(): number {
    return 0;
  }
}
