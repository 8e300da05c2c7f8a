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
  const isLess = spent(wide.rows) < leastSpared * spent(usual.rows);
  return isLess && columns % width === 0 && 4 * width * depth <= mostPanelBytes ? wide : usual;
}
