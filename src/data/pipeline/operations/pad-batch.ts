/**
 * padBatch: sequences of different lengths put together as rows of one length, filled up with a value at their end.
 *
 *   [5, 8], [3]     value 0   ->   [5, 8, 3, 0], two rows of 2
 */
import { typeName } from "../../../core/arrays.ts";
import { DataError } from "../../../core/errors.ts";
import { show } from "../../../core/options.ts";
import { Cursor, type MaybePromise, type Pass } from "../cursor.ts";
import { isFields, isNumbers, type NumberArray, newNumbers } from "../layout.ts";
import type { Batched } from "../types.ts";
import { BatchCursor } from "./batch.ts";

export interface PadPlan {
  readonly size: number;
  readonly value: number;
  /** Numbers in a row; that of the longest in the batch where it is null. */
  readonly length: number | null;
  readonly dropRemainder: boolean;
}

export class PadBatchCursor<T> extends Cursor<Batched<T>> {
  readonly #from: Cursor<T>;
  readonly #plan: PadPlan;
  #elements: T[] = [];
  #before = 0;

  constructor(from: Cursor<T>, plan: PadPlan) {
    super();
    this.#from = from;
    this.#plan = plan;
  }

  async advance(): Promise<boolean> {
    this.#before += this.#elements.length;
    this.#elements = [];
    while (this.#elements.length < this.#plan.size && (await this.#from.advance())) {
      this.#elements.push(await this.#from.value());
    }
    const isWhole = this.#elements.length === this.#plan.size;
    return this.#elements.length > 0 && (isWhole || !this.#plan.dropRemainder);
  }

  async value(): Promise<Batched<T>> {
    const what = (i: number): string => `padBatch: element ${this.#before + i} (the first is 0)`;
    const padded = padAll(this.#elements, this.#plan, what);
    const gather = new BatchCursor<unknown>(
      new ListCursor(padded),
      { size: padded.length, dropRemainder: false },
      fresh,
    );
    await gather.advance();
    return gather.value() as Batched<T>; // padding changes no kinds
  }

  override skip(count: number): MaybePromise<void> {
    this.#before += count * this.#plan.size;
    return this.#from.skip(count * this.#plan.size);
  }

  override close(): MaybePromise<void> {
    return this.#from.close();
  }
}

const fresh: Pass = { epoch: 0, reuse: 0 };

class ListCursor<T> extends Cursor<T> {
  readonly #list: readonly T[];
  #at = -1;

  constructor(list: readonly T[]) {
    super();
    this.#list = list;
  }

  advance(): boolean {
    return ++this.#at < this.#list.length;
  }

  value(): T {
    return this.#list[this.#at] as T; // it stands at one
  }
}

/** The same elements, with all lists of a part as long as each other. */
function padAll(elements: readonly unknown[], plan: PadPlan, what: (i: number) => string): readonly unknown[] {
  const [first] = elements;
  if (isFields(first)) {
    const names = Object.keys(first);
    const columns = names.map((name) => {
      const parts = elements.map((element, i) => {
        if (isFields(element) && Object.hasOwn(element, name)) return element[name];
        throw new DataError(`${what(i)} has no "${name}", which the first of its batch has`);
      });
      return [name, padAll(parts, plan, (i) => `${name} of ${what(i)}`)] as const;
    });
    return elements.map((_, i) => Object.fromEntries(columns.map(([name, parts]) => [name, parts[i]])));
  }
  if (!Array.isArray(first) && !isNumbers(first)) return elements;
  const lists = elements.map((element, i) => {
    if (isNumbers(element)) return element;
    if (Array.isArray(element) && element.every((member) => typeof member === "number"))
      return Float64Array.from(element);
    throw new DataError(`${what(i)} is ${show(element)}: padBatch pads lists of numbers`);
  });
  const longest = Math.max(...lists.map(({ length }) => length));
  const length = plan.length ?? longest;
  if (longest > length) {
    const i = lists.findIndex((list) => list.length > length);
    throw new DataError(
      `${what(i)} has ${longest} numbers, and padBatch was given length: ${length}; cut it in a map before`,
    );
  }
  return lists.map((list, i) => {
    const row = newNumbers(list, length).fill(plan.value, list.length);
    if (list.length < length && !holds(row, plan.value)) {
      throw new DataError(`${what(i)} is a ${typeName(list)}, which cannot be filled up with ${plan.value}`);
    }
    row.set(list);
    return row;
  });
}

/** Whether a row that was filled up with a value ends in it, as near as floats come. */
function holds(row: NumberArray, value: number): boolean {
  const held = row.at(-1);
  return Object.is(held, value) || held === value || (row instanceof Float32Array && held === Math.fround(value) && Number.isFinite(held)); // biome-ignore format: short
}
