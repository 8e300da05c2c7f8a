/**
 * dataset(): datasets of what is in memory already, and of generators.
 *
 *   dataset({ x: rows(images, 784), y: labels })       elements { x: 784 numbers, y: a number }
 *   dataset([{ x: [1, 2], y: 0 }, ...])                the members of a list
 *   dataset(async function* () { ... })                what a generator gives, run for each epoch
 */
import { checkArguments, checkValue, count, show } from "../../core/options.ts";
import { fail } from "../fail.ts";
import type { Stage } from "./cursor.ts";
import { Dataset } from "./dataset.ts";
import { type ColumnArray, isFields, isNumbers, type Layout, type Leaf, type NumberArray, newNumbers } from "./layout.ts"; // biome-ignore format: names
import { TableCursor, ValuesCursor } from "./operations/cache.ts";
import { type Generator, GeneratorCursor } from "./operations/generate.ts";
import { Table } from "./table.ts";
import { type RowOf, Rows } from "./types.ts";

/** A column: a list of anything, a typed array (a number a row), or `rows(...)`. */
export type Column = readonly unknown[] | NumberArray | Rows<NumberArray>;

/** Columns by name; columns of several inputs are objects. */
export type Columns = { readonly [name: string]: Column | Columns };

type ElementOf<C> = C extends Column ? RowOf<C> : { readonly [K in keyof C]: ElementOf<C[K]> };

/** An array of which `width` numbers are one row: `rows(images, 784)`. */
export function rows<A extends NumberArray>(array: A, width: number): Rows<A> {
  checkArguments("rows", arguments, 2);
  checkValue("rows", "the width", width, count);
  if (!isNumbers(array)) fail("rows", `takes a typed array of numbers, not ${show(array)}`);
  if (array.length % width === 0) return new Rows(array, width);
  fail("rows", `${array.length} numbers are no whole number of rows of ${width}`);
}

/** Of columns in memory, a list, or a function that gives something to iterate over, called for each epoch. */
export function dataset<T>(generate: Generator<T>): Dataset<T>;
export function dataset<A extends NumberArray>(array: Rows<A>): Dataset<A>;
export function dataset(array: NumberArray): Dataset<number>;
export function dataset<T>(list: readonly T[]): Dataset<T>;
export function dataset<C extends Columns>(columns: C): Dataset<{ readonly [K in keyof C]: ElementOf<C[K]> }>;
export function dataset(given: unknown): Dataset<unknown> {
  checkArguments("dataset", arguments, 1);
  if (typeof given === "function") return ofGenerator(given as Generator<unknown>); // what it gives is checked when it is called
  if (given instanceof Rows || isNumbers(given)) return ofColumns(given);
  if (Array.isArray(given)) return new Dataset<unknown>(ofValues(given));
  if (isFields(given)) return ofColumns(given);
  fail(
    "dataset",
    `takes columns ({ x, y }), a list, or a generator function (async function* () { ... }), not ${show(given)}`,
  );
}

function ofGenerator<T>(generate: Generator<T>): Dataset<T> {
  return new Dataset<T>({ open: ({ epoch }) => new GeneratorCursor<T>(generate, epoch), size: null });
}

function ofValues<T>(values: readonly T[]): Stage<T> {
  return { open: () => new ValuesCursor<T>(values), size: values.length };
}

/** One column, with its way to an element's part. */
interface Part {
  readonly path: string;
  readonly column: Column;
  readonly count: number;
}

function ofColumns(given: unknown): Dataset<unknown> {
  const parts: Part[] = [];
  const arrays: ColumnArray[] = [];
  let isTable = true;
  const walk = (part: unknown, path: string): Layout => {
    if (isFields(part) && !(part instanceof Rows)) {
      const names = Object.keys(part);
      if (names.length === 0) fail("dataset", `${path === "" ? "the object" : path} has no columns`);
      return { kind: "fields", fields: names.map((name) => [name, walk(part[name], path === "" ? name : `${path}.${name}`)] as const) }; // biome-ignore format: short
    }
    const column = checkColumn(part, path);
    parts.push({ path, column, count: column instanceof Rows ? column.array.length / column.width : column.length });
    const stored = columnOf(column, path, parts.length - 1);
    if (stored === null) isTable = false;
    else arrays[parts.length - 1] = stored.array;
    return stored?.leaf ?? { kind: "list", width: 1, like: [], column: parts.length - 1, path };
  };
  const layout = walk(given, "");
  const size = countOf(parts);
  if (!isTable) return new Dataset<unknown>(ofValues(elementsOf(layout, parts, size)));
  const table = new Table<unknown>("whole", layout, arrays, size);
  return new Dataset<unknown>({ open: () => new TableCursor(table, size), size, table });
}

function checkColumn(part: unknown, path: string): Column {
  if (part instanceof Rows || isNumbers(part) || Array.isArray(part)) return part;
  fail("dataset", `${path} is ${show(part)}: a column is a typed array, a list, or rows(array, width)`);
}

function countOf(parts: readonly Part[]): number {
  const [first, ...others] = parts;
  const other = others.find(({ count }) => count !== first?.count);
  if (first === undefined || other === undefined) return first?.count ?? 0;
  const [more, less] = first.count > other.count ? [first, other] : [other, first];
  const width = more.count / less.count;
  const hint =
    Number.isSafeInteger(width) && isNumbers(more.column)
      ? `: where ${width} numbers are one row, rows(${more.path}, ${width}) says so`
      : "";
  fail("dataset", `${first.path} has ${first.count} rows, ${other.path} ${other.count}${hint}`);
}

/** Null where the column's rows are lists or anything else: elements are then made of them as they are. */
function columnOf(
  column: Column,
  path: string,
  at: number,
): { readonly array: ColumnArray; readonly leaf: Leaf } | null {
  const leaf = (kind: Leaf["kind"], width: number, like: ColumnArray): Leaf => ({
    kind,
    width,
    like,
    column: at,
    path,
  });
  if (column instanceof Rows) {
    return { array: column.array, leaf: leaf("array", column.width, newNumbers(column.array, 0)) };
  }
  if (isNumbers(column)) return { array: column, leaf: leaf("number", 1, new Float64Array()) };
  if (column.length > 0 && isListOf(column, "number")) {
    return { array: Float64Array.from(column), leaf: leaf("number", 1, new Float64Array()) };
  }
  if (column.length > 0 && isListOf(column, "string")) return { array: [...column], leaf: leaf("text", 1, []) };
  return null;
}

interface Primitives {
  readonly number: number;
  readonly string: string;
}

function isListOf<K extends keyof Primitives>(list: readonly unknown[], kind: K): list is readonly Primitives[K][] {
  return list.findIndex((member) => typeof member !== kind) === -1; // `every` would pass over holes
}

function elementsOf(layout: Layout, parts: readonly Part[], size: number): readonly unknown[] {
  const element = (part: Layout, row: number): unknown => {
    if (part.kind === "fields") {
      return Object.fromEntries(part.fields.map(([name, inner]) => [name, element(inner, row)]));
    }
    const column = parts[part.column]?.column ?? [];
    if (!(column instanceof Rows)) return column[row];
    return column.array.slice(row * column.width, (row + 1) * column.width);
  };
  return Array.from({ length: size }, (_, row) => element(layout, row));
}
