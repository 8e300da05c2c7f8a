/**
 * Register blocks over packed panels: how a contraction runs on a CPU with vectors.
 *
 *   parallel i < 128, j < 512                   thread j_o < 64
 *     var acc = 0                                 for k < 784, c < 8:  panel[8*k + c] = w[512*k + 8*j_o + c]
 *     for k < 784                        ->       for i_b < 32
 *       acc = acc + x[i, k] * w[k, j]               for l < 4 lane
 *     y[i, j] = max(acc + b[j], 0)                    var acc[4][2] = 0
 *                                                     for k < 784:  8 multiply-adds of panel[8*k + 4*v + l] and x[4*i_b + r, k]
 *                                                     y[4*i_b + r, 8*j_o + 4*v + l] = ...
 *
 * The panel is contiguous and stays in the first-level cache while all rows go by, whatever the operand's own layout; it is
 * filled by whatever expression the operand is. The other operand is read where it lies: each element is used for a whole
 * row of the block.
 *
 * Rows go by once for several panels where these are small, or the rows too large for the cache.
 *
 * A long epilogue is a loop over the rows of a block, which finds its sums in memory (panel-body.ts): a copy for each row would
 * be most of the kernel.
 *
 * Where there are few columns, threads share rows instead, and each fills the panels of its rows anew.
 */
import { sumIndex } from "../../src/kernel/index-expr.ts";
import type { Index, LoopVar, Nest, ParallelLoop, SharedArray, Stmt } from "../../src/kernel/kernel.ts";
import { laneCount } from "../../src/kernel/stride.ts";
import { findContraction } from "./contraction.ts";
import { copyStmts, type Fresh } from "./names.ts";
import { type Block, epilogueOf, type Frame, fill, oneBlock, type PanelPlace } from "./panel-body.ts";
import { cutColumns, cutRows, enoughPanels, panelsAtOnce, type RowCut, type WasmBlocks } from "./panel-cuts.ts";

export interface Blocked {
  readonly nests: readonly Nest[];
  readonly shared: readonly SharedArray[];
  readonly words: string;
}

/** Fewer multiply-adds are not worth a panel. */
const leastWork = 2048;
/** With fewer rows a panel is not read often enough to pay for filling it. */
const leastRows = 4;
/** Blocks of rows that share a panel where threads share rows. */
const blocksPerChunk = 2;
/** A deeper panel, of more than a megabyte, would be no faster than the operand itself. */
const mostDepth = 32768;

/** The nest in blocks; undefined where it is no contraction, or too small. */
export function panels(nest: Nest, blocks: WasmBlocks, fresh: Fresh): Blocked | undefined {
  const found = findContraction(nest);
  if (found === undefined) return undefined;
  const rows = found.row.loop.extent;
  const columns = found.column.loop.extent;
  const { depth } = found;
  if (rows < leastRows || depth > mostDepth || rows * columns * depth < leastWork) return undefined;
  const width = blocks.vectors * laneCount;
  const shared: SharedArray[] = [];
  const byColumns = columns >= enoughPanels * width;
  const atOnce = byColumns ? panelsAtOnce(rows, columns / width, found.depth, width) : 1;
  const nests = cutColumns(columns, blocks.vectors, atOnce).flatMap((cut): readonly Nest[] => {
    const panel: SharedArray = { name: fresh("panel"), type: "f32", count: found.depth * cut.width * cut.panels };
    shared.push(panel);
    const epilogue = epilogueOf(nest, found, blocks.rows, cut, fresh);
    if (epilogue !== null) shared.push(epilogue.sums);
    const block: Block = { nest, found, panel, cut, epilogue, blocks, fresh };
    return byColumns ? [shareColumns(block)] : shareRows(block);
  });
  return { nests, shared, words: `${blocks.rows}x${width} registers, panels of ${found.depth}x${width}` };
}

// ---- nests ---------------------------------------------------------------------------------------------------------

function frameOf({ nest, found, fresh }: Block): Frame {
  const replaced = new Map<string, Index>();
  const loops = nest.loops
    .filter((each) => each !== found.row && each !== found.column)
    .map(({ loop }): ParallelLoop => {
      const copy: LoopVar = { name: fresh(loop.name), extent: loop.extent };
      replaced.set(loop.name, fresh.pool.loop(copy));
      return { loop: copy, mark: "thread" };
    });
  const prelude = copyStmts(nest.prelude, { loops: replaced }, fresh);
  const renamed = new Map<string, string>();
  nest.prelude.forEach((stmt, i) => {
    const copy = prelude[i];
    if ("name" in stmt && copy !== undefined && "name" in copy) renamed.set(stmt.name, copy.name);
  });
  return { loops, prelude, replaced, renamed };
}

/** Threads share the panels of columns; each goes through all rows. */
function shareColumns(block: Block): Nest {
  const { found, cut, blocks, fresh } = block;
  const frame = frameOf(block);
  const outer: LoopVar = { name: fresh(`${found.column.loop.name}_o`), extent: cut.count };
  const column = sumIndex([{ factor: cut.width * cut.panels, index: fresh.pool.loop(outer) }], cut.start);
  const body = [
    ...eachPanel(block, column, (place) => fill(block, place, frame)),
    ...cutRows(found.row.loop.extent, blocks.rows).flatMap((rows) => rowBlocks(block, rows, column, frame)),
  ];
  const own: ParallelLoop[] = cut.count > 1 ? [{ loop: outer, mark: "thread" }] : [];
  return { loops: [...frame.loops, ...own], prelude: frame.prelude, body };
}

/** Threads share the rows; each fills the panels for its own. */
function shareRows(block: Block): readonly Nest[] {
  const { found, cut, blocks, fresh } = block;
  const chunk = blocks.rows * blocksPerChunk;
  const rows = found.row.loop.extent;
  const chunks = Math.floor(rows / chunk);
  const nests: Nest[] = [];
  const add = (start: number, count: number, size: number): void => {
    if (count < 1 || size < 1) return;
    const frame = frameOf(block);
    const outer: LoopVar = { name: fresh(`${found.row.loop.name}_o`), extent: count };
    const first = sumIndex([{ factor: size, index: fresh.pool.loop(outer) }], start);
    const columnLoop: LoopVar = { name: fresh(`${found.column.loop.name}_o`), extent: cut.count };
    const column = sumIndex([{ factor: cut.width, index: fresh.pool.loop(columnLoop) }], cut.start);
    const inside = [
      ...fill(block, { column, panel: fresh.pool.integer(0) }, frame),
      ...cutRows(size, blocks.rows).flatMap((cutOfRows) => rowBlocks(block, cutOfRows, column, frame, first)),
    ];
    const body: readonly Stmt[] =
      cut.count > 1 ? [{ kind: "for", loop: columnLoop, mark: "serial", body: inside }] : inside;
    const own: ParallelLoop[] = count > 1 ? [{ loop: outer, mark: "thread" }] : [];
    nests.push({ loops: [...own, ...frame.loops], prelude: frame.prelude, body });
  };
  add(0, chunks, chunk);
  add(chunks * chunk, 1, rows - chunks * chunk);
  return nests;
}

// ---- panels and blocks ---------------------------------------------------------------------------------------------

/** `make` for every panel of a pass, in a loop where there are several. */
function eachPanel(
  { cut, fresh }: Block,
  column: Index,
  make: (place: PanelPlace) => readonly Stmt[],
): readonly Stmt[] {
  const loop: LoopVar = { name: fresh("p"), extent: cut.panels };
  const panel = fresh.pool.loop(loop);
  const first = sumIndex([
    { factor: 1, index: column },
    { factor: cut.width, index: panel },
  ]);
  const body = make({ column: first, panel });
  return cut.panels > 1 ? [{ kind: "for", loop, mark: "serial", body }] : body;
}

/** The blocks of one size, from row `first` on: a loop over them where there are several. */
function rowBlocks(
  block: Block,
  { start, count, size }: RowCut,
  column: Index,
  frame: Frame,
  first: Index = block.fresh.pool.integer(0),
): readonly Stmt[] {
  const { found, fresh } = block;
  const outer: LoopVar = { name: fresh(`${found.row.loop.name}_b`), extent: count };
  const row = sumIndex(
    [
      { factor: 1, index: first },
      { factor: size, index: fresh.pool.loop(outer) },
    ],
    start,
  );
  const body = eachPanel(block, column, (place) => oneBlock(block, size, row, place, frame));
  return count > 1 ? [{ kind: "for", loop: outer, mark: "serial", body }] : body;
}
