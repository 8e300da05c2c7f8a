/**
 * A compiled entry: what `compile` hands to a runtime. Plain data, the target's own part in its artifact.
 */
import type { DType } from "../core/dtype.ts";
import type { Dims } from "../graph/shape.ts";
import type { Buffer, BufferSlot, Range, Segment } from "../program/buffer.ts";

export interface InputSlot {
  /** Path in the tree of inputs, and its parts. */
  readonly path: string;
  readonly parts: readonly string[];
  readonly buffer: BufferSlot;
  /** Whether this entry reads it: a feed may be left out where it does not. */
  readonly used: boolean;
  /** Null where values pick nothing. */
  readonly below: Picks | null;
}

/** What values must be that pick among so many, as labels do. */
export interface Picks {
  /** Whole numbers from 0 to below this. */
  readonly limit: number;
  /** Allowed as well: it picks nothing. */
  readonly ignored: number | null;
  /** For a message: the line that says so. */
  readonly line: string;
}

/** What labels may be, for messages. */
export function labelsInWords({ limit, ignored, line }: Picks): string {
  return `labels go from 0 to ${limit - 1}${ignored === null ? "" : `, or are ${ignored}`}${line}`;
}

export interface CompiledEntry<A = unknown> {
  readonly name: string;
  readonly dims: Dims;
  /** What the target printed. */
  readonly artifact: A;
  readonly buffers: ReadonlyMap<Buffer, BufferSlot>;
  readonly inputs: readonly InputSlot[];
  /** By path in the tree of outputs. */
  readonly outputs: ReadonlyMap<string, BufferSlot>;
  readonly segmentBytes: Readonly<Record<Segment, number>>;
  /** Arena ranges that nothing needs after a step, by the step's id: for the debug mode that fills them with NaN. */
  readonly freedAfter: ReadonlyMap<number, readonly Range[]>;
}

/** Typed arrays as users feed and read them. f16 is its bits, bool is 0 and 1. */
export type TypedArray = ArrayOf<DType>;

const arrayTypes = {
  f32: Float32Array,
  f64: Float64Array,
  i32: Int32Array,
  u32: Uint32Array,
  f16: Uint16Array,
  u8: Uint8Array,
  bool: Uint8Array,
} as const satisfies Record<DType, unknown>;

export interface ArraysByDType {
  readonly f32: Float32Array;
  readonly f64: Float64Array;
  readonly i32: Int32Array;
  readonly u32: Uint32Array;
  readonly f16: Uint16Array;
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
