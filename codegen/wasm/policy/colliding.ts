/**
 * Many rows of a factor that lies across: what a block reads of it, one line of each depth, shares few sets of a first-level cache.
 *
 *   grad[i, j] = sum over n < 128 of x[9216*n + i] * g[128*n + j]         36,864 bytes from depth to depth: 128 lines in one set of 8
 *
 * Its rows are packed as well then, as many as the cache has room for, and all columns go by while they are there: the factor is read
 * from far away once. conv2's gradient of 9216 x 128 weights, with Adam's update behind it: 12.5 ms on one thread and 7.0 packed (11.6
 * by all columns alone); while neighbours use the caches 26 and 7.1.
 */
import { type Contraction, sizeOf } from "../../../passes/schedule/facts.ts";
import type { MoveOf, WasmMove } from "../../../src/kernel/moves.ts";
import type { WasmBlocks } from "./blocks.ts";
import { strideOfLoads } from "./facing.ts";

/** Bytes that lie in sets of their own in a first-level cache, and the lines that a set has room for, with what else is read. */
const wayBytes = 4096;
const ways = 8;
/** So many times more lines are worth a copy: of twice as many, C5's 5408 x 64 weights, most is there still. */
const leastCrowded = 4;
/** Of packed rows, which are to stay. */
const roomBytes = 32 * 1024;
/** Of panels with all columns, which stay in a second-level cache; and of a factor that does not. */
const mostPanelBytes = 128 * 1024;
const leastBytes = 1024 * 1024;
/** Of rows for threads to share. */
const leastChunks = 16;

export interface PackedRows {
  /** Rows that threads share at a time, and those of them that are packed together. */
  readonly chunk: number;
  readonly rows: number;
}

/** How many rows are packed; null where the factor is better read where it lies. */
export function packedRows(
  { rows, columns, batch, inner, left }: Contraction,
  blocks: WasmBlocks,
  width: number,
): PackedRows | null {
  const [row, column, deepest] = [rows[0], columns[0], inner[inner.length - 1]];
  if (row === undefined || column === undefined || deepest === undefined) return null;
  if (rows.length > 1 || columns.length > 1 || batch.length > 0 || column.extent % width !== 0) return null;
  const depth = sizeOf(inner);
  if (4 * depth * column.extent > mostPanelBytes || 4 * depth * row.extent < leastBytes) return null;
  if (strideOfLoads(left, row.name) !== 1 || !collides(4 * (strideOfLoads(left, deepest.name) ?? 0), depth))
    return null;
  const together = divisor(row.extent, roomBytes / (4 * depth), blocks.rows);
  const count = row.extent / together;
  if (together < blocks.rows || count < leastChunks) return null;
  return { chunk: together * divisor(count, count / leastChunks, 1), rows: together };
}

/** Some rows at a time are copied into a panel of their own; and what blocks are made of then. */
export function packedMoves(
  packed: PackedRows | null,
  { row, extent }: { readonly row: string; readonly extent: number },
  { of, operand }: Pick<MoveOf<"stage">, "of" | "operand">,
) {
  if (packed === null) return { row, extent, moves: [] };
  const moves: readonly WasmMove[] = [
    { move: "split", axis: row, by: packed.rows, tail: "exact" },
    { move: "stage", operand, of, at: `${row}_o`, into: { memory: "panel", along: "columns" } },
  ];
  return { row: `${row}_i`, extent: packed.rows, moves };
}

/** Whether lines so far apart have by far no room in the sets that they fall into. */
function collides(bytes: number, lines: number): boolean {
  return bytes > 0 && lines >= leastCrowded * ways * (wayBytes / common(bytes, wayBytes));
}

const common = (a: number, b: number): number => (b === 0 ? a : common(b, a % b));

/** The largest divisor up to `most` that is a multiple of `by`; 0 where there is none. */
function divisor(extent: number, most: number, by: number): number {
  for (let found = Math.floor(most / by) * by; found > 0; found -= by) if (extent % found === 0) return found;
  return 0;
}
