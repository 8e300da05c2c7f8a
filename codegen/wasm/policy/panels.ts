/**
 * Register blocks over packed panels: how a contraction runs on a CPU with vectors.
 *
 *   split j 8; bind j_o thread; sink j_i; sink i       threads share the columns, 8 a panel; each goes through all rows
 *   stage right of acc into panel along columns        contiguous, and in the first-level cache while the rows go by
 *   split j_i 4; bind j_i_i lane                       two vectors of columns
 *   split i 4; jam i_i, j_i_o interleaved              4 rows x 2 vectors of sums in registers: 8 multiply-adds for 6 loads
 *   spill acc over i_i                                 a long epilogue once for the rows of a block, not in 4 copies
 *
 * The other factor is read where it lies: each element is used for a whole row of the block. So is this one, where few rows read it
 * and no panel would be worth filling (facing.ts). Rows go by once for several panels where these are small, or the rows too large
 * for the cache. Where there are few columns, threads share rows instead, and each fills the panels of its rows anew, or where its
 * lines would push one another out of the cache (colliding.ts).
 *
 * Of several row axes one is blocked, and the others turn around it, over the same panel; of several column axes one lies in the
 * panels, and the others turn outside: the windows of a convolution are a panel of filters, which all places go by.
 */

import { type Facts, sizeOf } from "../../../passes/schedule/facts.ts";
import type { LoopVar } from "../../../src/kernel/kernel.ts";
import type { AnyMove, Move, MoveOf, Schedule, WasmMove } from "../../../src/kernel/moves.ts";
import { laneCount } from "../../../src/kernel/stride.ts";
import { packedMoves } from "./colliding.ts";
import { type Across, acrossOf, jamMoves, type Plan, planOf, spillMoves, type Tuning } from "./panel-plan.ts";
import { enoughIterations, serialMoves } from "./parts.ts";
import { tileMoves } from "./tile-moves.ts";

/** The moves for a nest that is one contraction with what comes after it; undefined where it is none, or too small. */
export function panelMoves(
  facts: Facts,
  tuning: Tuning,
  before: Schedule<AnyMove> = [],
): Schedule<WasmMove> | undefined {
  const plan = planOf(facts, tuning, before);
  if (plan === undefined) return undefined;
  const { column, atOnce, tiles } = plan;
  if (tiles !== null) return tileMoves(plan, tiles);
  const { vectors } = plan.blocks;
  const width = vectors * laneCount;
  const sizes: readonly ColumnSize[] = [
    ...(atOnce > 1 ? [{ width, panels: atOnce }] : []),
    ...Array.from({ length: vectors }, (_, v) => ({ width: (vectors - v) * laneCount, panels: 1 })),
  ];
  return columnMoves(plan, column.name, column.extent, sizes);
}

// ---- columns ---------------------------------------------------------------------------------------------------------

interface ColumnSize {
  readonly width: number;
  readonly panels: number;
}

/** A panel's columns, in vectors or one by one; null where there is only one. */
interface Columns {
  /** Over panels, shared or around a pass. */
  readonly outer: string | null;
  /** Over the panels of a pass. */
  readonly pass: string | null;
  readonly column: string | null;
  readonly width: number;
}

/**
 * Whole panels, narrower ones for what is left over, and a last one whose last vector is partly empty: of ten columns two in scalars
 * take longer than the other eight. A single one that is left over is a scalar, for blocks of any width: lanes may be rounded
 * otherwise, and the width must change no bit. Columns that no panel is filled with one by one, where they fill no vector.
 */
function columnMoves(plan: Plan, axis: string, left: number, sizes: readonly ColumnSize[]): Schedule<WasmMove> {
  const needed = Math.ceil(left / laneCount);
  if (plan.isStaged && plan.around === null && left % laneCount > 1 && needed <= plan.blocks.vectors) {
    const width = needed * laneCount;
    const columns = { outer: null, pass: null, column: `${axis}_i`, width };
    return [{ move: "split", axis, by: width, tail: "lanes" }, ...rowMoves(plan, columns)];
  }
  const at = sizes.findIndex(({ width, panels }) => width * panels <= left);
  const size = sizes[at];
  if (size === undefined)
    return rowMoves(plan, { outer: null, pass: null, column: left > 1 ? axis : null, width: left });
  const { width, panels } = size;
  const each = width * panels;
  const rest = left % each;
  if (left === width) return rowMoves(plan, { outer: null, pass: null, column: axis, width });
  const tail = rest === 0 ? "exact" : { peel: columnMoves(plan, `${axis}_r`, rest, sizes.slice(at + 1)) };
  const split: WasmMove = { move: "split", axis, by: each, tail };
  const outer = left - rest > each ? `${axis}_o` : null;
  if (panels === 1) return [split, ...rowMoves(plan, { outer, pass: null, column: `${axis}_i`, width })];
  const passes: WasmMove = { move: "split", axis: `${axis}_i`, by: width, tail: "exact" };
  return [split, passes, ...rowMoves(plan, { outer, pass: `${axis}_i_o`, column: `${axis}_i_i`, width })];
}

// ---- rows ------------------------------------------------------------------------------------------------------------

/** Where threads share rows, each has some blocks of them, and what is left over is one thread's. */
function rowMoves(plan: Plan, columns: Columns): Schedule<WasmMove> {
  const { row, otherRows, chunk, byColumns, outside } = plan;
  if (byColumns)
    return insideMoves(plan, columns, { row: row.name, extent: row.extent, shared: [], around: otherRows });
  // Outer ones are shared as long as threads lack iterations.
  const shared: LoopVar[] = [];
  const isEnough = (): boolean => sizeOf(outside) * sizeOf(shared) >= enoughIterations;
  for (const loop of otherRows) if (!isEnough()) shared.push(loop);
  const around = otherRows.filter((loop) => !shared.includes(loop));
  const names = shared.map(({ name }) => name);
  if (isEnough() || row.extent <= chunk) {
    return insideMoves(plan, columns, { row: row.name, extent: row.extent, shared: names, around });
  }
  const rest = row.extent % chunk;
  const left = { row: `${row.name}_r`, extent: rest, shared: names, around };
  const tail = rest === 0 ? "exact" : { peel: insideMoves(plan, columns, left) };
  const own = row.extent - rest > chunk ? [`${row.name}_o`] : [];
  return [
    { move: "split", axis: row.name, by: chunk, tail },
    ...insideMoves(plan, columns, { row: `${row.name}_i`, extent: chunk, shared: [...own, ...names], around }),
  ];
}

interface Rows {
  readonly row: string;
  readonly extent: number;
  /** Shared by threads. */
  readonly shared: readonly string[];
  /** Around the blocks of rows. */
  readonly around: readonly LoopVar[];
}

/** All the other moves: which loops threads share and which turn inside, the panel, and the blocks. */
function insideMoves(plan: Plan, columns: Columns, rows: Rows): Schedule<WasmMove> {
  const { fold, around, operand, along, isStaged, outside, byColumns, longest } = plan;
  const { outer, pass, column, width } = columns;
  const across = acrossOf(column, width);
  const threads = [...rows.shared, ...outside.map(({ name }) => name), ...(byColumns && outer !== null ? [outer] : [])];
  const inside = [
    column,
    pass,
    rows.extent > 1 ? rows.row : null,
    ...rows.around.map(({ name }) => name).reverse(),
    byColumns ? null : outer,
  ];
  const of = fold.accumulators[0]?.name ?? "";
  const at = byColumns ? null : outer;
  const into = { memory: "panel", along: across.isVector ? along : "columns" } as const;
  const other = { of, operand: operand === "left" ? "right" : "left" } as const;
  const [packed, serial] = [
    packedMoves(plan.packed, rows, other),
    serialMoves(around === null ? [fold] : [fold, around], longest),
  ];
  const blocks = (axis: string, extent: number) => [
    ...across.lanes,
    ...serial,
    ...blockMoves(plan, axis, extent, across),
  ];
  return [
    ...threads.map((axis): Move => ({ move: "bind", axis, to: "thread" })),
    ...inside.flatMap((axis): readonly WasmMove[] => (axis === null ? [] : [{ move: "sink", axis }])),
    ...(isStaged ? [{ move: "stage", operand, of, at, into } as const] : []),
    ...(plan.lines === null || rows.extent < 2 * plan.lines
      ? [...packed.moves, ...blocks(packed.row, packed.extent)]
      : lineMoves(plan, rows, plan.lines, other, blocks)),
  ];
}

/** Whole lines of packed rows, and what is left over as it lies. */
function lineMoves(
  { blocks: { rows: block } }: Plan,
  { row, extent }: Rows,
  lines: number,
  other: Pick<MoveOf<"stage">, "of" | "operand">,
  blocks: (axis: string, extent: number) => Schedule<WasmMove>,
): Schedule<WasmMove> {
  const rest = extent % lines;
  return [
    { move: "split", axis: row, by: lines, tail: rest === 0 ? "exact" : { peel: blocks(`${row}_r`, rest) } },
    { move: "split", axis: `${row}_i`, by: block, tail: "exact" },
    { move: "stage", ...other, at: `${row}_o`, into: { memory: "panel", along: "lines" } },
    ...blocks(`${row}_i_i`, block),
  ];
}

/** Whole blocks, and the rest in blocks of nearly equal size: 17 = 3 * 4 + 3 + 2, as a block of 1 would wait for itself. */
function blockMoves(plan: Plan, axis: string, rows: number, across: Across): Schedule<WasmMove> {
  const size = plan.blocks.rows;
  const rest = rows % size;
  const isSmall = rest > 0 && 2 * rest < size && rows > size;
  const whole = Math.floor(rows / size) - (isSmall ? 1 : 0);
  const left = rows - whole * size;
  if (whole === 0) return restMoves(plan, axis, rows, across);
  if (rows === size) return oneBlock(plan, axis, rows, across);
  const count = isSmall ? { count: whole } : {};
  const tail = left === 0 ? "exact" : { peel: restMoves(plan, `${axis}_r`, left, across) };
  return [{ move: "split", axis, by: size, tail, ...count }, ...oneBlock(plan, `${axis}_i`, size, across)];
}

function restMoves(plan: Plan, axis: string, rows: number, across: Across): Schedule<WasmMove> {
  if (rows <= plan.blocks.rows) return oneBlock(plan, axis, rows, across);
  const half = Math.ceil(rows / 2);
  const inside = oneBlock(plan, `${axis}_i`, half, across);
  if (2 * half === rows) return [{ move: "split", axis, by: half, tail: "exact" }, ...inside];
  const peel = oneBlock(plan, `${axis}_r`, rows - half, across);
  return [{ move: "split", axis, by: half, tail: { peel }, count: 1 }, ...inside];
}

function oneBlock(plan: Plan, axis: string, rows: number, across: Across): Schedule<WasmMove> {
  return rows > 1 ? [...jamMoves(axis, across), ...spillMoves(plan, axis, across.copies)] : jamMoves(null, across);
}
