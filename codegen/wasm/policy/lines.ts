/**
 * A factor whose neighbours in memory are rows, not depths: each depth lies in another line of a cache, of which a block of 4 rows
 * takes a quarter.
 *
 *   grad[i, j] = sum over n < 512 of x[784*n + i] * g[512*n + j]        the gradient of a layer's weights, over a batch
 *
 *   split i 16; split i_i 4; stage left of acc at i_o into panel along lines        of each n the 16 rows of a line, read once
 *
 * All panels of a pass go by for those 16 rows, which lie in the order that blocks read them in. It pays where lines are gone before the
 * next block wants its quarter: where the factor is larger than a second-level cache, 784x512x512 takes 0.89 of the time (256 bits:
 * 0.91); and, whatever its size, where depths lie whole pages apart, in one set of the first-level cache and where no processor reads
 * ahead: 1024x64x1024 0.51 (0.55), 1024x1024x1024 0.48 (0.48). Elsewhere it takes 2 to 5% longer, the time of the copy.
 */
import type { Contraction } from "../../../passes/schedule/facts.ts";
import { strideOfLoads } from "./facing.ts";

const pageBytes = 4096;

/** What is told of sizes. */
export interface LineSizes {
  /** Of a line. */
  readonly rows: number;
  readonly least: {
    /** Bytes from depth to depth: another line. */
    readonly apart: number;
    /** Bytes of a factor that stays in no second-level cache, and columns of a pass that pay for the copy then. */
    readonly bytes: number;
    readonly columns: number;
    /** Depths that have no room in one set, which has 8 lines. */
    readonly depths: number;
  };
}

export const usualLines: LineSizes = { rows: 16, least: { apart: 64, bytes: 2 ** 20, columns: 64, depths: 32 } };

/** How many rows are packed together, whole blocks of them; null where the factor is better read where it lies. */
export function packedLines(
  { rows, inner, left }: Contraction,
  { rows: lineRows, least }: LineSizes,
  blockRows: number,
  passColumns: number,
): number | null {
  const [[row, ...otherRows], [axis, ...otherAxes]] = [rows, inner];
  if (row === undefined || axis === undefined || otherRows.length + otherAxes.length > 0) return null;
  const apart = 4 * (strideOfLoads(left, axis.name) ?? 0);
  if (row.extent < 2 * lineRows || strideOfLoads(left, row.name) !== 1 || apart < least.apart) return null;
  const isFar = 4 * row.extent * axis.extent >= least.bytes && passColumns >= least.columns;
  const isInOneSet = apart % pageBytes === 0 && axis.extent >= least.depths;
  return isFar || isInOneSet ? lineRows - (lineRows % blockRows) : null;
}
