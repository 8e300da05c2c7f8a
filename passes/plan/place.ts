/**
 * Where the value of a node lies: in a buffer of its own, or in a row of one that is larger, which loops choose.
 *
 *   xs[t]        the slice of a scan's operand        row of 2048 elements of xs, 2048 further for each t
 *   xs[T-1-t]    of one that goes backwards           from the last row on, 2048 less for each t
 */
import type { LoopVar } from "../../src/kernel/kernel.ts";
import type { Buffer } from "../../src/program/buffer.ts";
import type { Copy, Row } from "../../src/program/sequence.ts";

export interface Place {
  readonly buffer: Buffer;
  /** Null where it is all of the buffer. */
  readonly row: Row | null;
}

/** The number of an iteration, from the last down to 0 where the loop goes backwards. */
export interface Count {
  readonly loop: LoopVar;
  readonly isReversed: boolean;
}

export function wholeOf(buffer: Buffer): Place {
  return { buffer, row: null };
}

/** The part of a place that an iteration of `loop` works on: `loop.extent` rows lie there side by side. */
export function rowAt({ buffer, row }: Place, loop: LoopVar, isReversed: boolean): Place {
  const count = (row?.count ?? buffer.count) / loop.extent;
  const offset = (row?.offset ?? 0) + (isReversed ? (loop.extent - 1) * count : 0);
  const strides = [...(row?.strides ?? []), { loop, by: isReversed ? -count : count }];
  return { buffer, row: { count, offset, strides } };
}

/** One place over another. */
export function copyBetween(from: Place, to: Place): Omit<Copy, "id"> {
  const fromRow = from.row === null ? {} : { fromRow: from.row };
  const toRow = to.row === null ? {} : { toRow: to.row };
  return { kind: "copy", from: from.buffer, to: to.buffer, ...fromRow, ...toRow };
}
