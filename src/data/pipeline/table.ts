/**
 * Tables: elements as columns, so that many of them are a few arrays, and rows are gathered without making the elements.
 *
 *   dataset({ x: rows(images, 784), y: labels })     a table: x 784 numbers a row, y one
 *
 * Elements made of a table are copies: whoever writes into one changes nothing here.
 */
import { DataError } from "../../core/errors.ts";
import { build, type ColumnArray, columnFor, type Layout, type Leaf, leavesIn, type NumberArray, writeRow } from "./layout.ts"; // biome-ignore format: names

/** What may be done with the rows: "whole" tables have a dataset's elements for as long as it lives, "block" tables a part of them
 * that nobody changes, "ring" tables rows that are overwritten by the next `advance`. */
export type TableKind = "whole" | "block" | "ring";

export class Table<out T> {
  readonly layout: Layout;
  readonly leaves: readonly Leaf[];
  readonly kind: TableKind;
  /** Whether nobody else has its columns, so that a whole one never changes. */
  readonly isOwn: boolean;
  #columns: readonly ColumnArray[];
  #capacity: number;

  constructor(kind: TableKind, layout: Layout, columns: readonly ColumnArray[], capacity: number, isOwn = false) {
    this.kind = kind;
    this.isOwn = isOwn;
    this.layout = layout;
    this.leaves = leavesIn(layout);
    this.#columns = columns;
    this.#capacity = capacity;
  }

  /** With room for `capacity` rows. */
  static empty<T>(kind: TableKind, layout: Layout, capacity: number): Table<T> {
    const columns = leavesIn(layout).map((leaf) => columnFor(leaf, capacity));
    return new Table<T>(kind, layout, columns, capacity);
  }

  /** All rows together, as a batch of them would be; null where they have texts. */
  all(): unknown {
    if (this.leaves.some(({ kind }) => kind === "text")) return null;
    return build(this.layout, ({ kind, column }) => {
      const values = this.#columns[column];
      if (kind === "number" && !(values instanceof Float64Array)) return Float64Array.from(values ?? [], Number);
      return values;
    });
  }

  get columns(): readonly ColumnArray[] {
    return this.#columns;
  }

  /** The element of a row. */
  at(row: number): T {
    return build(this.layout, ({ kind, width, column }) => {
      const values = this.#columns[column];
      if (kind === "array") return values?.slice(row * width, (row + 1) * width);
      const value = values?.[row];
      return kind === "boolean" ? value !== 0 : value;
    }) as T; // the layout is that of a T
  }

  /** Writes an element; `what` names it for errors. */
  write(row: number, value: unknown, what: () => string): void {
    this.reserve(row + 1);
    writeRow(this.layout, this.#columns, row, value, what);
  }

  /** The same; false where it is not like the others. */
  tryWrite(row: number, value: unknown): boolean {
    try {
      this.write(row, value, () => "");
      return true;
    } catch (error) {
      if (error instanceof DataError) return false;
      throw error;
    }
  }

  /** Copies a row of a table with the same layout. */
  copy(from: Table<unknown>, row: number, to: number): void {
    this.reserve(to + 1);
    copyRows(from, [row], 1, this.#columns, to);
  }

  /** Makes room, by doubling. */
  reserve(rows: number): void {
    if (rows <= this.#capacity) return;
    const capacity = Math.max(rows, 2 * this.#capacity, 16);
    this.#columns = this.leaves.map((leaf) => {
      const old = this.#columns[leaf.column] ?? [];
      const grown = columnFor(leaf, capacity);
      if (Array.isArray(grown)) for (const [i, text] of old.entries()) grown[i] = String(text);
      else if (!Array.isArray(old)) grown.set(old);
      return grown;
    });
    this.#capacity = capacity;
  }

  /** Without the room that `rows` rows do not need. */
  trimmed(kind: TableKind, rows: number): Table<T> {
    const columns = this.leaves.map(({ width, column }) => this.#columns[column]?.slice(0, rows * width) ?? []);
    return new Table<T>(kind, this.layout, columns, rows, true);
  }
}

/** Rows rows[0] to rows[count - 1] of a table, into columns from row `to` on. */
export function copyRows(
  from: Table<unknown>,
  rows: ArrayLike<number>,
  count: number,
  columns: readonly ColumnArray[],
  to: number,
): void {
  for (const { width, column } of from.leaves) {
    const [source, target] = [from.columns[column], columns[column]];
    if (source === undefined || target === undefined) continue;
    if (Array.isArray(source) || Array.isArray(target)) {
      if (!Array.isArray(source) || !Array.isArray(target)) continue;
      for (let i = 0; i < count; i++) target[to + i] = source[rows[i] ?? 0] ?? "";
    } else copyNumbers(source, width, rows, count, target, to * width);
  }
}

/** Row after row, but neighbours at once. */
function copyNumbers(
  source: NumberArray,
  width: number,
  rows: ArrayLike<number>,
  count: number,
  target: NumberArray,
  to: number,
): void {
  if (width === 1) {
    for (let i = 0; i < count; i++) target[to + i] = source[rows[i] ?? 0] ?? 0;
    return;
  }
  for (let i = 0; i < count; ) {
    const row = rows[i] ?? 0;
    let next = i + 1;
    while (next < count && rows[next] === row + next - i) next++;
    target.set(source.subarray(row * width, (row + next - i) * width), to + i * width);
    i = next;
  }
}
