/**
 * Typed arrays by dtype: what memory is seen as, and what users feed and read.
 */
import type { DType } from "../core/dtype.ts";

/** Typed arrays as users feed and read them. f16 and bf16 are their bits, bool is 0 and 1. */
export type TypedArray = ArrayOf<DType>;

const arrayTypes = {
  f32: Float32Array,
  f64: Float64Array,
  i32: Int32Array,
  u32: Uint32Array,
  f16: Uint16Array,
  bf16: Uint16Array,
  u8: Uint8Array,
  bool: Uint8Array,
} as const satisfies Record<DType, unknown>;

export interface ArraysByDType {
  readonly f32: Float32Array;
  readonly f64: Float64Array;
  readonly i32: Int32Array;
  readonly u32: Uint32Array;
  readonly f16: Uint16Array;
  readonly bf16: Uint16Array;
  readonly u8: Uint8Array;
  readonly bool: Uint8Array;
}

/** Over any kind of buffer, shared ones too. */
export type ArrayOf<D extends DType> = ArraysByDType[D];

export function arrayTypeOf<D extends DType>(dtype: D): (typeof arrayTypes)[D] {
  return arrayTypes[dtype];
}

/** A view of `count` elements in a buffer. */
export function viewOf(dtype: DType, buffer: ArrayBuffer, offset: number, count: number): TypedArray {
  return new arrayTypes[dtype](buffer, offset, count);
}
