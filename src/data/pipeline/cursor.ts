/**
 * Cursors: one pass over a dataset, element after element. Every operation is a cursor over another one.
 *
 *   while (await cursor.advance()) use(await cursor.value())
 *
 * Where nothing has to be waited for, nothing is: `advance` and `value` give a promise only where a file, a worker or a user's
 * async function is behind them. The element is made when it is asked for, so passing over elements costs no `map`. Where it
 * lies in a table, `table` and `row` say so, and whoever gathers rows never makes it.
 */
import type { Table } from "./table.ts";

export type MaybePromise<T> = T | PromiseLike<T>;

/** A batch of rows of a whole table: they need not be copied before somebody wants the batch, and who has the table wants the rows alone. */
export interface RowBlock<out T> {
  readonly table: Table<unknown>;
  readonly rows: Uint32Array;
  /** The batch itself, copied now. */
  value(): T;
}

/** Rows of a whole table one after the other, many at a time: whoever takes them takes the elements themselves, without a call for each. */
export interface RowWalk<out T> {
  readonly table: Table<T>;
  /** How many are still to come, at most. */
  readonly left: number;
  /** Writes the numbers of the next rows from `out[at]` on; how many, which is fewer than `count` at the end alone. */
  next(out: Uint32Array, at: number, count: number): number;
}

/** One pass: which epoch, and for how many advances beyond its own a value may be overwritten (0: never). */
export interface Pass {
  readonly epoch: number;
  readonly reuse: number;
}

/** A recipe: opened for each pass. */
export interface Stage<T> {
  open(pass: Pass): Cursor<T>;
  /** How many elements a pass has; Infinity; null where only reading tells. */
  readonly size: number | null;
  /** The whole table that all elements are rows of, or batches of rows, as far as that is known. */
  readonly table?: Table<unknown> | null;
}

export abstract class Cursor<T> {
  /** Moves to the next element; false where there is none. Not before the last call is done. */
  abstract advance(): MaybePromise<boolean>;
  /** The element it stands at. */
  abstract value(): MaybePromise<T>;

  /** Where the element lies, until the next `advance`; null where it lies in no table. */
  get table(): Table<T> | null {
    return null;
  }

  get row(): number {
    return 0;
  }

  /** The batch that it stands at as rows; null where it is no such batch. To be asked before the next `advance`, and then it lasts. */
  get block(): RowBlock<T> | null {
    return null;
  }

  /** The elements still to come, where all are rows of a whole table. */
  get walk(): RowWalk<T> | null {
    return null;
  }

  /** Whether nothing is gained by making elements before they are asked for. */
  get isAtHand(): boolean {
    return this.walk !== null;
  }

  /** Passes over `count` elements, or as many as there are. */
  skip(count: number): MaybePromise<void> {
    return skipOneByOne(this, count);
  }

  /** Releases files and workers. */
  close(): MaybePromise<void> {}
}

/** The next step of a computation of which the last may have to be waited for. */
export function chain<A, B>(value: MaybePromise<A>, use: (value: A) => MaybePromise<B>): MaybePromise<B> {
  return isPromise(value) ? value.then(use) : use(value);
}

export function isPromise<T>(value: MaybePromise<T>): value is PromiseLike<T> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

/**
 * Calls `step` until it gives a result, and waits where that gives a promise: in one loop, so that a million steps are no chain of a
 * million promises.
 */
export function loop<R>(step: () => MaybePromise<R | undefined>): MaybePromise<R> {
  for (;;) {
    const result = step();
    if (isPromise(result)) return loopLater(result, step);
    if (result !== undefined) return result;
  }
}

async function loopLater<R>(first: PromiseLike<R | undefined>, step: () => MaybePromise<R | undefined>): Promise<R> {
  let result = await first;
  while (result === undefined) result = await step();
  return result;
}

function skipOneByOne(cursor: Cursor<unknown>, count: number): MaybePromise<void> {
  let left = count;
  const isDone = loop(() => (left-- > 0 ? chain(cursor.advance(), (more) => (more ? undefined : true)) : true));
  return chain(isDone, () => {});
}
