/** Sizes of register blocks. */
import { laneCount } from "../../../src/kernel/stride.ts";

/** `rows` times `vectors` of four columns. */
export interface WasmBlocks {
  readonly rows: number;
  readonly vectors: number;
}

/** Of the time of the usual blocks. */
const leastSpared = 0.97;
/** A panel of twice as many columns must fit the first-level cache still. */
const mostPanelBytes = 40 * 1024;

/**
 * Half as many rows and twice as many vectors take as many registers, and as long: where that leaves less of the rows over, which
 * take as long as a whole block. 26 rows are 7 blocks of 4, and 13 of 2: the gradient of a convolution's input 60.3 ms, and 56.3.
 */
export function blocksFor(usual: WasmBlocks, rows: number, columns: number, depth: number): WasmBlocks {
  const wide: WasmBlocks = { rows: usual.rows / 2, vectors: usual.vectors * 2 };
  const width = wide.vectors * laneCount;
  const spent = (size: number): number => Math.ceil(rows / size) * size;
  const isLess = usual.rows % 2 === 0 && spent(wide.rows) < leastSpared * spent(usual.rows);
  return isLess && columns % width === 0 && 4 * width * depth <= mostPanelBytes ? wide : usual;
}

/** Of rows for each thread: with fewer a panel is not read often enough to pay for one of each thread's own. */
const leastRowsEach = 16;
/** Multiply-adds of a launch above which it matters little what threads hand over behind it. */
const mostInLoop = 2 ** 20;

/**
 * How many rows each thread has of a contraction that a loop launches again and again, or null where threads share columns better.
 * What goes element by element is shared by rows too, so each thread then takes its rows through all of the loop and meets no other
 * (../footprints.ts). An LSTM of 200 steps there and back, 64 wide, 32 rows, two threads: 3.9 ms; by columns 3.8 or 4.9, by
 * process; beside a busy process 8.4, and 28. It says where an element is computed, and not how: the bits are the same.
 */
export function rowsInLoop({ rows: block }: WasmBlocks, rows: number, work: number, threads: number): number | null {
  const each = rows / threads;
  return threads > 1 && each >= leastRowsEach && each % block === 0 && work <= mostInLoop ? each : null;
}
