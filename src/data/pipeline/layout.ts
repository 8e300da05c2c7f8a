/**
 * Layouts: what an element is made of, learnt from the first one, and how elements become columns.
 *
 *   { x: Float32Array(4), y: 2 }     fields x: 4 numbers of f32, y: one number      ->  columns Float32Array, Float64Array
 *
 * Numbers of JavaScript keep all their digits (Float64Array), typed arrays their type. Nested lists become one row of numbers.
 */
import { typeName } from "../../core/arrays.ts";
import { DataError } from "../../core/errors.ts";
import { show } from "../../core/options.ts";
import type { Destination } from "../dataset.ts";
import { Pixels } from "../pixels.ts";

/** A typed array of numbers. */
export type NumberArray = Destination | Int8Array | Uint8ClampedArray | Int16Array | Uint16Array;

/** Numbers or texts, one row after the other. */
export type ColumnArray = NumberArray | string[];

/** One thing of an element. */
export interface Leaf {
  readonly kind: "number" | "boolean" | "text" | "array" | "list";
  /** How many numbers a row has. */
  readonly width: number;
  /** An empty array of the type its column has. */
  readonly like: ColumnArray;
  /** Which column it is. */
  readonly column: number;
  /** "x", "x.image"; "" where the element is one thing. */
  readonly path: string;
}

export type Layout = Leaf | { readonly kind: "fields"; readonly fields: readonly (readonly [string, Layout])[] };

/** The layout of an element. `what` begins messages: "batch: element 0". */
export function layoutOf(value: unknown, what: string): Layout {
  let columns = 0;
  const walk = (part: unknown, path: string): Layout => {
    const leaf = (kind: Leaf["kind"], width: number, like: ColumnArray): Leaf => {
      return { kind, width, like, column: columns++, path };
    };
    if (typeof part === "number") return leaf("number", 1, new Float64Array());
    if (typeof part === "boolean") return leaf("boolean", 1, new Uint8Array());
    if (typeof part === "string") return leaf("text", 1, []);
    if (isNumbers(part)) return leaf("array", part.length, newNumbers(part, 0));
    if (Array.isArray(part)) return leaf("list", countNested(part, named(what, path)), new Float64Array());
    if (isFields(part)) {
      const fields = Object.keys(part).map((name) => [name, walk(part[name], joined(path, name))] as const);
      return { kind: "fields", fields };
    }
    throw new DataError(
      `${named(what, path)} is ${show(part)}: it must be made of numbers, texts, and arrays of numbers`,
    );
  };
  return walk(value, "");
}

export function leavesIn(layout: Layout): readonly Leaf[] {
  return layout.kind === "fields" ? layout.fields.flatMap(([, inner]) => leavesIn(inner)) : [layout];
}

/** Throws where rows of one layout cannot stand among those of the other. */
export function checkAlike(what: string, first: Layout, other: Layout): void {
  if (first === other) return;
  const [a, b] = [leavesIn(first), leavesIn(other)].map((leaves) =>
    leaves
      .map(({ kind, width, like, path }) => `${path} ${kind === "array" ? typeName(like) : kind} of ${width}`)
      .join(", "),
  );
  if (a === b) return;
  throw new DataError(`${what}: elements must be alike: the first has ${a}; another has ${b}`);
}

/** The same tree with something for each leaf. */
export function build(layout: Layout, make: (leaf: Leaf) => unknown): unknown {
  if (layout.kind !== "fields") return make(layout);
  const made: Record<string, unknown> = {};
  for (const [name, inner] of layout.fields) define(made, name, build(inner, make));
  return made;
}

/** An empty column for `rows` rows. */
export function columnFor({ like, width }: Leaf, rows: number): ColumnArray {
  if (Array.isArray(like)) return new Array<string>(rows).fill("");
  return newNumbers(like, rows * width);
}

const arrayTypes = {
  Uint8Array, Uint8ClampedArray, Int8Array, Uint16Array, Int16Array, Uint32Array, Int32Array, Float32Array, Float64Array,
} as const; // biome-ignore format: names

/** Zeros in an array of the same type: a Buffer's is Uint8Array, and Pixels stay Pixels. */
export function newNumbers(like: NumberArray, length: number): NumberArray {
  if (like instanceof Pixels) return new Pixels(length);
  for (const [name, ArrayType] of Object.entries(arrayTypes)) if (name === typeName(like)) return new ArrayType(length);
  throw new DataError(`a ${typeName(like)} cannot be put together in batches`);
}

/** Writes an element of the same layout as row `row`. */
export function writeRow(
  layout: Layout,
  columns: readonly ColumnArray[],
  row: number,
  value: unknown,
  what: () => string,
): void {
  if (layout.kind === "fields") {
    if (!isFields(value) || Object.keys(value).length !== layout.fields.length) throw odd(layout, value, what());
    for (const [name, inner] of layout.fields) {
      if (!Object.hasOwn(value, name)) throw odd(layout, value, what());
      writeRow(inner, columns, row, value[name], what);
    }
    return;
  }
  const column = columns[layout.column];
  if (column === undefined || !writeLeaf(layout, column, row, value)) throw odd(layout, value, what());
}

/** False where the value is not of the leaf's kind and width. */
function writeLeaf({ kind, width }: Leaf, column: ColumnArray, row: number, value: unknown): boolean {
  if (Array.isArray(column)) {
    if (typeof value !== "string") return false;
    column[row] = value;
    return true;
  }
  if (kind === "number" || kind === "boolean") {
    if (typeof value !== kind) return false;
    column[row] = Number(value);
    return true;
  }
  if (kind === "array") {
    if (!isNumbers(value) || value.length !== width || typeName(value) !== typeName(column)) return false;
    column.set(value, row * width);
    return true;
  }
  if (!Array.isArray(value)) return false;
  const end = writeNested(value, column, row * width, (row + 1) * width);
  return end === (row + 1) * width;
}

/** The place behind the last number; -1 where there is something else, or too many. */
function writeNested(list: readonly unknown[], out: NumberArray, at: number, end: number): number {
  let next = at;
  for (const member of list) {
    if (typeof member === "number" && next >= 0 && next < end) out[next++] = member;
    else if (Array.isArray(member) && next >= 0) next = writeNested(member, out, next, end);
    else return -1;
  }
  return next;
}

function countNested(list: readonly unknown[], what: string): number {
  let count = 0;
  for (const [i, member] of list.entries()) {
    if (typeof member === "number") count++;
    else if (Array.isArray(member)) count += countNested(member, what);
    else
      throw new DataError(
        `${what} has ${show(member)} at position ${i}: a list must have numbers, or lists of numbers`,
      );
  }
  return count;
}

/** What is wrong with an element, as against the first. */
function odd(layout: Layout, value: unknown, what: string): DataError {
  const path = layout.kind === "fields" ? firstPath(layout) : layout.path;
  const hint = layout.kind === "array" || layout.kind === "list" ? ": elements of different lengths need padBatch" : "";
  return new DataError(
    `${named(what, path)} is ${described(value)}, and that of the first element ${wanted(layout)}${hint}`,
  );
}

/** The path of the fields themselves: that of their first member without its name. */
function firstPath(layout: Layout): string {
  const first = leavesIn(layout)[0]?.path ?? "";
  return first.includes(".") ? first.slice(0, first.lastIndexOf(".")) : "";
}

function described(value: unknown): string {
  if (isNumbers(value)) return `a ${typeName(value)} of ${value.length}`;
  if (Array.isArray(value)) return `a list of ${value.flat(8).length}`;
  if (isFields(value)) return `an object with ${Object.keys(value).join(", ") || "nothing"}`;
  return show(value);
}

function wanted(layout: Layout): string {
  if (layout.kind === "fields") return `has ${layout.fields.map(([name]) => name).join(", ")}`;
  if (layout.kind === "array") return `is a ${typeName(layout.like)} of ${layout.width}`;
  if (layout.kind === "list") return `is a list of ${layout.width} numbers`;
  return `is a ${layout.kind}`;
}

function named(what: string, path: string): string {
  return path === "" ? what : `${path} of ${what}`;
}

const joined = (path: string, name: string): string => (path === "" ? name : `${path}.${name}`);

/** `__proto__` is a name like any other. */
function define(target: Record<string, unknown>, name: string, value: unknown): void {
  Object.defineProperty(target, name, { value, enumerable: true, writable: true, configurable: true });
}

/** A typed array of numbers; no bits, no big integers. */
export function isNumbers(value: unknown): value is NumberArray {
  return ArrayBuffer.isView(value) && Object.hasOwn(arrayTypes, typeName(value));
}

export function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
