/**
 * What comes back from a call: numbers of scalars, arrays of anything else, in the tree that the program named.
 */
import { type DType, valueIn } from "../core/dtype.ts";
import { splitPath } from "../dsl/tree.ts";
import type { BufferSlot } from "../program/buffer.ts";
import { arrayTypeOf, type TypedArray } from "./typed-arrays.ts";

/** Where an output stands in the tree, and what came back. */
type Output = readonly [parts: readonly string[], value: unknown];

/** The tree of a call's outputs; `value` gives that of the output number `i`. */
export function outputTree(
  outputs: ReadonlyMap<string, BufferSlot>,
  value: (slot: BufferSlot, i: number) => unknown,
): unknown {
  return toTree([...outputs].map(([path, slot], i) => [path === "" ? [] : splitPath(path), value(slot, i)]));
}

/** The number of a scalar, which of short floats is no longer its bits; the array of anything else. */
export function scalarOr(
  values: TypedArray | undefined,
  { shape, dtype }: BufferSlot,
): number | TypedArray | undefined {
  const first = values?.[0];
  return shape.length > 0 ? values : first === undefined ? undefined : valueIn(dtype, first);
}

/** Arrays, one after the other. */
export function joined(arrays: readonly TypedArray[], dtype: DType): TypedArray | undefined {
  const [first, ...more] = arrays;
  if (first === undefined || more.length === 0) return first;
  const all: TypedArray = new (arrayTypeOf(dtype))(arrays.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const array of arrays) {
    all.set(array, at);
    at += array.length;
  }
  return all;
}

/** Nested objects (arrays where all names are counted) from values by path. */
function toTree(values: readonly Output[]): unknown {
  const direct = values.find(([parts]) => parts.length === 0);
  if (direct !== undefined) return direct[1];
  const groups = new Map<string, Output[]>();
  for (const [parts, value] of values) {
    const [first = "", ...rest] = parts;
    groups.set(first, [...(groups.get(first) ?? []), [rest, value]]);
  }
  const built = [...groups].map(([name, members]) => [name, toTree(members)] as const);
  const isList = built.length > 0 && built.every(([name], i) => name === String(i));
  return isList ? built.map(([, value]) => value) : Object.fromEntries(built);
}
