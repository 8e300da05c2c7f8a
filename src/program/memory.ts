/**
 * Memory as sequences see it: named buffers in four segments.
 */
import type { DType } from "../core/dtype.ts";

/** Which memory a buffer lies in: states persist, outputs last until the entry's next call, the arena is scratch. */
export type Segment = "state" | "input" | "output" | "arena";

/** A range of bytes of a segment. */
export interface Range {
  readonly offset: number;
  readonly bytes: number;
}

export interface BufferSlot extends Range {
  /** "state model.w1", "input image", "output loss", "%12": what sequences call it. */
  readonly name: string;
  readonly segment: Segment;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly count: number;
}
