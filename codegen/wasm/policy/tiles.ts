/**
 * Large products go by in tiles of the result (moves: tile-moves.ts): what a tile reads again and again lies in a near cache.
 *
 *   split i 256; split j 512; bind i_o, j_o thread       a tile for a thread: 256 x 512 sums
 *   accumulate acc 1024                                  1,024 terms of each at a time, and then the next
 *   stage right at j_i_o                                 a panel of 1024 x 8 or 16, in the first-level cache, or the second
 *   split i_i 4; jam ...                                 for it 256 rows of the other factor go by: 1 MB, in the second-level cache
 *
 * Of a product of n x n x n a panel is filled n / 256 times, and the rows are read from far away n / 512 times: a byte for 100
 * multiply-adds, where all rows went by for every few panels, a byte for 8 of 2048^3. How much that is depends on who else reads from
 * far away: alone, with 32 MB of third-level cache, one thread, 256 bits, 5000^3 takes 2.34 s of CPU time and took 2.85, 2200^3 0.93 of
 * what it took, 2048^3 as long; beside busy neighbours 5000^3 0.56. Where the rows lie across, 2048^3 takes 0.17 s and took 0.61.
 *
 * Rows of the other factor are read where they lie: packed, all takes 5% longer. They are packed where they lie across, or are computed.
 *
 * Sums are added up in the order of `splitFold acc serial`, so tiles change no bit of them, whatever their sizes.
 */
import type { Contraction } from "../../../passes/schedule/facts.ts";
import { partSize } from "../../../passes/schedule/moves/split-fold.ts";
import { isTransposed } from "./facing.ts";

/** What is told of sizes. */
export interface TileSizes {
  readonly rows: number;
  readonly columns: number;
  /** Of a product that is worth tiles: with fewer rows a panel is not read often enough, with fewer columns a row is not. */
  readonly least: {
    readonly rows: number;
    readonly columns: number;
    readonly bytes: number;
    readonly wholeBytes: number;
  };
}

/**
 * Bytes of the factor that goes by, from which on it goes by in tiles: it does not stay in a second-level cache; where a sum is one
 * part, so that panels are short, it does not stay in a third-level one either.
 */
const [leastBytes, leastWholeBytes] = [2 ** 20, 2 ** 23];

export const usualTiles: TileSizes = {
  rows: 256,
  columns: 512,
  least: { rows: 32, columns: 128, bytes: leastBytes, wholeBytes: leastWholeBytes },
};

/** Of a contraction. */
export interface Tiles extends TileSizes {
  /** Terms of a part of each sum; null where that is all. */
  readonly terms: number | null;
  /** How the factor that goes by is packed; null where it is read as it lies. */
  readonly packed: "columns" | "depth" | null;
}

/** How a contraction goes by in tiles; null where the factor that goes by is small, or it has other loops. */
export function tilesFor({ rows, columns, inner, left }: Contraction, sizes: TileSizes, longest: number): Tiles | null {
  const [[row, ...otherRows], [column, ...otherColumns], [axis, ...axes]] = [rows, columns, inner];
  if (row === undefined || column === undefined || axis === undefined) return null;
  if (otherRows.length + otherColumns.length + axes.length > 0) return null;
  const isWhole = axis.extent <= longest;
  const { least } = sizes;
  if (row.extent < least.rows || column.extent < least.columns || axis.extent > longest * longest) return null;
  if (4 * row.extent * axis.extent < (isWhole ? least.wholeBytes : least.bytes)) return null;
  const along = isTransposed(left, row, inner) ? "depth" : "columns";
  return {
    ...sizes,
    terms: isWhole ? null : partSize(axis.extent, longest),
    packed: along === "depth" && left.kind === "load" ? null : along,
  };
}
