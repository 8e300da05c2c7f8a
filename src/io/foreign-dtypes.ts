/**
 * Element types of files that programs here do not have, and what they are read as: the narrowest type of ours that holds every
 * value exactly.
 *
 *     I8, I16, U16    i32, i32, u32
 *     I64, U64        i32, u32  where each value of the tensor is one; otherwise the tensor is refused, value and place in words
 */
import type { DType } from "../core/dtype.ts";
import type { TypedArray } from "../runtime/typed-arrays.ts";

export interface ForeignType {
  /** Of one element in the file. */
  readonly bytes: number;
  readonly dtype: DType;
  /** The first `count` elements; or which of them its type does not hold. */
  read(from: DataView, count: number): TypedArray | OutOfRange;
}

export interface OutOfRange {
  readonly position: number;
  readonly value: bigint;
}

export const foreignTypes: ReadonlyMap<string, ForeignType> = new Map<string, ForeignType>([
  ["I8", { bytes: 1, dtype: "i32", read: (from, count) => Int32Array.from({ length: count }, (_, i) => from.getInt8(i)) }], // biome-ignore format: a table
  ["I16", { bytes: 2, dtype: "i32", read: (from, count) => Int32Array.from({ length: count }, (_, i) => from.getInt16(2 * i, true)) }], // biome-ignore format: a table
  ["U16", { bytes: 2, dtype: "u32", read: (from, count) => Uint32Array.from({ length: count }, (_, i) => from.getUint16(2 * i, true)) }], // biome-ignore format: a table
  ["I64", { bytes: 8, dtype: "i32", read: (from, count) => readLong(new Int32Array(count), (i) => from.getBigInt64(8 * i, true)) }], // biome-ignore format: a table
  ["U64", { bytes: 8, dtype: "u32", read: (from, count) => readLong(new Uint32Array(count), (i) => from.getBigUint64(8 * i, true)) }], // biome-ignore format: a table
]);

function readLong(into: Int32Array | Uint32Array, at: (i: number) => bigint): TypedArray | OutOfRange {
  for (let i = 0; i < into.length; i++) {
    const value = at(i);
    into[i] = Number(BigInt.asIntN(32, value));
    if (BigInt(into[i] ?? 0) !== value) return { position: i, value };
  }
  return into;
}
