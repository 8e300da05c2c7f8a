/** Numbers as users give them to `fit` and its like, as typed arrays: lists, typed arrays, `rows(array, width)`; anything else is refused in words. */
import { typeName } from "../core/arrays.ts";
import { FeedError } from "../core/errors.ts";
import type { Source } from "../data/dataset.ts";
import type { NumberArray } from "../data/pipeline/layout.ts";
import { Rows } from "../data/pipeline/types.ts";
import { printShape, type Shape } from "../graph/shape.ts";

/** Samples one after the other, row-major; or `rows(array, width)` of them. */
export type Numbers = Source | Rows<NumberArray> | readonly number[];

/** Rows say how many numbers a sample has. */
export function checkRows(call: string, path: string, given: unknown, sample: Shape): void {
  if (!(given instanceof Rows) || given.width === sample.reduce((size: number, dim) => size * Number(dim), 1)) return;
  throw new FeedError(
    `${call}: ${path} has rows of ${given.width} numbers: a sample has the shape ${printShape(sample)}`,
  );
}

/** How many numbers there are, whatever is wrong with them otherwise; NaN where it is no array. */
export function lengthOf(given: unknown): number {
  if (given instanceof Rows) return lengthOf(given.array);
  return Array.isArray(given) || isSource(given) ? given.length : Number.NaN;
}

/** The numbers as a typed array. `path` is for messages. */
export function toSource(
  call: string,
  path: string,
  given: unknown,
  ArrayType: typeof Float32Array | typeof Float64Array,
): Source {
  if (isSource(given)) return given;
  if (given instanceof Rows) return toSource(call, path, given.array, ArrayType);
  if (Array.isArray(given)) {
    const list: readonly unknown[] = given;
    if (areNumbers(list)) return ArrayType.from(list);
    const odd = list.findIndex((value) => typeof value !== "number");
    const nested = Array.isArray(list[odd]) || ArrayBuffer.isView(list[odd]);
    throw new FeedError(
      `${call}: ${path} has ${nested ? "an array" : `${String(list[odd])} (${typeof list[odd]})`} at position ${odd}: it must be ` +
        `one array of numbers, sample after sample${nested ? ": rows.flat(), say" : ""}`,
    );
  }
  const kind = typeName(given);
  const found = given === undefined ? "is missing" : `is of type ${kind}`;
  const known = sourceTypes.join(", ");
  throw new FeedError(
    `${call}: ${path} ${found}: it must be an array of numbers (a list, or ${known})${adviceFor(kind)}`,
  );
}

function areNumbers(given: readonly unknown[]): given is readonly number[] {
  return given.findIndex((value) => typeof value !== "number") === -1; // `every` would pass over holes
}

function isSource(given: unknown): given is Source {
  return ArrayBuffer.isView(given) && sourceTypes.includes(typeName(given));
}

const sourceTypes: readonly string[] = [
  "Uint8Array", "Uint8ClampedArray", "Int8Array", "Uint16Array", "Int16Array", "Uint32Array", "Int32Array",
  "Float16Array", "Float32Array", "Float64Array",
]; // biome-ignore format: names

function adviceFor(kind: string): string {
  if (kind.startsWith("Big")) return ": Int32Array.from(numbers, Number), say";
  const isMemory = kind === "DataView" || kind.endsWith("ArrayBuffer");
  return isMemory ? ": make one over its memory, new Float32Array(buffer, byteOffset, length), say" : "";
}
