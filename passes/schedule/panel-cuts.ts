/** How the columns of a contraction are cut into panels and its rows into blocks: whole ones, and what is left over. */
import { laneCount } from "../../src/kernel/stride.ts";

/** A register block: `rows` times `vectors` of four columns. */
export interface WasmBlocks {
  readonly rows: number;
  readonly vectors: number;
}

/** Panels from which on threads share columns. */
export const enoughPanels = 8;
/**
 * Bytes of the row operand that stay in a second-level cache of 1 MB while panel after panel goes by. A larger one is read
 * once for several panels, which then take as much: 2048x2048x2048 runs at 32% of the ceiling with one panel at a time.
 */
const cachedBytes = 512 * 1024;
const mostPanels = 16;
/**
 * Bytes of panels that share a pass all the same: rows of the output, and of what an update reads beside it, are then touched
 * in runs of cache lines. 784x128x512 with RMSprop's update behind it: 0.92 of the time of one panel at a time, on a machine
 * whose neighbours use its caches; 0.98 on a quiet one.
 */
const nearBytes = 64 * 1024;

/** `count` times `panels` panels of `width` columns, in vectors or one by one. */
export interface ColumnCut {
  readonly start: number;
  readonly count: number;
  readonly panels: number;
  readonly width: number;
  readonly isVector: boolean;
}

/** How many panels a pass over the rows serves; every thread should have some passes. */
export function panelsAtOnce(rows: number, panelCount: number, depth: number, width: number): number {
  const bytes = 4 * depth;
  const room = rows * bytes <= cachedBytes ? nearBytes : cachedBytes;
  const fitting = Math.floor(room / (bytes * width));
  return Math.max(1, Math.min(mostPanels, fitting, Math.floor(panelCount / enoughPanels)));
}

export function cutColumns(columns: number, vectors: number, atOnce: number): readonly ColumnCut[] {
  const cuts: ColumnCut[] = [];
  let start = 0;
  const take = (width: number, panelsOfEach: number, isVector: boolean): void => {
    const each = width * panelsOfEach;
    const count = Math.floor((columns - start) / each);
    if (count > 0) cuts.push({ start, count, panels: panelsOfEach, width, isVector });
    start += count * each;
  };
  if (atOnce > 1) take(vectors * laneCount, atOnce, true);
  for (let v = vectors; v > 0; v--) take(v * laneCount, 1, true);
  if (start < columns) take(columns - start, 1, false);
  return cuts;
}

/** `count` blocks of `size` rows. */
export interface RowCut {
  readonly start: number;
  readonly count: number;
  readonly size: number;
}

/** Whole blocks, and the rest in blocks of nearly equal size: 17 = 3 * 4 + 3 + 2, as a block of 1 would wait for itself. */
export function cutRows(rows: number, size: number): readonly RowCut[] {
  const rest = rows % size;
  const small = rest > 0 && 2 * rest < size && rows > size;
  const whole = Math.floor(rows / size) - (small ? 1 : 0);
  const left = rows - whole * size;
  const cuts: RowCut[] = whole > 0 ? [{ start: 0, count: whole, size }] : [];
  let start = whole * size;
  const take = (count: number, each: number): void => {
    if (count > 0 && each > 0) cuts.push({ start, count, size: each });
    start += count * each;
  };
  if (left > size) {
    const half = Math.floor(left / 2);
    if (2 * half === left) take(2, half);
    else {
      take(1, half + 1);
      take(1, half);
    }
  } else take(1, left);
  return cuts;
}
