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
 * Where there are few columns, threads share rows instead, and each fills the panels of its rows anew.
 */
import { apply, forLoop, load, name as nameOf, store } from "../../src/kernel/build.ts";
import { constIndex, loopIndex, sumIndex } from "../../src/kernel/index-expr.ts";
import type { Expr, Index, LoopVar, Nest, ParallelLoop, SharedArray, Stmt } from "../../src/kernel/kernel.ts";
import { laneCount } from "../../src/kernel/stride.ts";
import { type Contraction, findContraction, strideOfLoads } from "./contraction.ts";
import { jam } from "./jam.ts";
import { copyStmts, type Fresh } from "./names.ts";
import { type ColumnCut, cutColumns, cutRows, enoughPanels, panelsAtOnce, type RowCut } from "./panel-cuts.ts";

export interface WasmBlocks {
  readonly rows: number;
  readonly vectors: number;
}

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
    const block: Block = { nest, found, panel, cut, blocks, fresh };
    return byColumns ? [shareColumns(block)] : shareRows(block);
  });
  return { nests, shared, words: `${blocks.rows}x${width} registers, panels of ${found.depth}x${width}` };
}

// ---- nests ---------------------------------------------------------------------------------------------------------

interface Block {
  readonly nest: Nest;
  readonly found: Contraction;
  readonly panel: SharedArray;
  readonly cut: ColumnCut;
  readonly blocks: WasmBlocks;
  readonly fresh: Fresh;
}

/** What a nest's own copies of the other loops and of the prelude are called. */
interface Frame {
  readonly loops: readonly ParallelLoop[];
  readonly prelude: readonly Stmt[];
  readonly replaced: ReadonlyMap<string, Index>;
  readonly renamed: ReadonlyMap<string, string>;
}

function frameOf({ nest, found, fresh }: Block): Frame {
  const replaced = new Map<string, Index>();
  const loops = nest.loops
    .filter((each) => each !== found.row && each !== found.column)
    .map(({ loop }): ParallelLoop => {
      const copy: LoopVar = { name: fresh(loop.name), extent: loop.extent };
      replaced.set(loop.name, loopIndex(copy));
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
  const column = sumIndex([{ factor: cut.width * cut.panels, index: loopIndex(outer) }], cut.start);
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
    const first = sumIndex([{ factor: size, index: loopIndex(outer) }], start);
    const columnLoop: LoopVar = { name: fresh(`${found.column.loop.name}_o`), extent: cut.count };
    const column = sumIndex([{ factor: cut.width, index: loopIndex(columnLoop) }], cut.start);
    const inside = [
      ...fill(block, { column, panel: constIndex(0) }, frame),
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

// ---- a panel -------------------------------------------------------------------------------------------------------

/** One panel: its first column, and its number among those of a pass. */
interface PanelPlace {
  readonly column: Index;
  readonly panel: Index;
}

/** `make` for every panel of a pass, in a loop where there are several. */
function eachPanel(
  { cut, fresh }: Block,
  column: Index,
  make: (place: PanelPlace) => readonly Stmt[],
): readonly Stmt[] {
  const loop: LoopVar = { name: fresh("p"), extent: cut.panels };
  const panel = loopIndex(loop);
  const first = sumIndex([
    { factor: 1, index: column },
    { factor: cut.width, index: panel },
  ]);
  const body = make({ column: first, panel });
  return cut.panels > 1 ? [{ kind: "for", loop, mark: "serial", body }] : body;
}

/** Where the element of depth `k` and column `c` of a panel lies. */
function panelIndex({ found, cut }: Block, panel: Index, k: Index, c: Index): Index {
  return sumIndex([
    { factor: cut.width * found.depth, index: panel },
    { factor: cut.width, index: k },
    { factor: 1, index: c },
  ]);
}

function fill(block: Block, { column, panel: place }: PanelPlace, frame: Frame): readonly Stmt[] {
  const { found, panel, cut, fresh } = block;
  const { name } = found.column.loop;
  const loops = found.inner.map((loop): LoopVar => ({ name: fresh(loop.name), extent: loop.extent }));
  const write = (k: readonly Index[], c: Index): readonly Stmt[] => {
    const replaced = new Map(frame.replaced);
    for (const [i, loop] of found.inner.entries()) replaced.set(loop.name, k[i] ?? constIndex(0));
    replaced.set(name, sumIndex([column, c].map((index) => ({ factor: 1, index }))));
    const value = "element"; // the copy gives it a name of its own
    const { type } = found.columnOperand;
    const index = panelIndex(block, place, flat(found.inner, k), c);
    const stmts: readonly Stmt[] = [
      { kind: "let", name: value, value: found.columnOperand },
      store(panel.name, index, nameOf(type, value)),
    ];
    return copyStmts(stmts, { loops: replaced, renamed: frame.renamed }, fresh);
  };
  const at = loops.map(loopIndex);
  const across = (columns: number, make: (c: Index) => readonly Stmt[]): readonly Stmt[] =>
    Array.from({ length: columns }, (_, c) => make(constIndex(c))).flat();
  const inLanes = (make: (lane: Index) => readonly Stmt[]): Stmt => {
    const lane: LoopVar = { name: fresh("lane"), extent: laneCount };
    return { kind: "for", loop: lane, mark: "lane", body: make(loopIndex(lane)) };
  };
  const innermost = found.inner[found.inner.length - 1];
  const copy = loops[loops.length - 1];
  if (cut.isVector && strideOfLoads(found.columnOperand, name) !== 1 && innermost !== undefined && copy !== undefined) {
    if (strideOfLoads(found.columnOperand, innermost.name) === 1 && innermost.extent >= laneCount) {
      // Rows of the operand run along the depth: four depths at a time, whose lanes are stored apart.
      const blocks: LoopVar = { name: copy.name, extent: Math.floor(innermost.extent / laneCount) };
      const rest: LoopVar = { name: fresh(copy.name), extent: innermost.extent % laneCount };
      const whole = inLanes((lane) => {
        const k = sumIndex([
          { factor: laneCount, index: loopIndex(blocks) },
          { factor: 1, index: lane },
        ]);
        return across(cut.width, (c) => write([...at.slice(0, -1), k], c));
      });
      const last = sumIndex([{ factor: 1, index: loopIndex(rest) }], blocks.extent * laneCount);
      const left = across(cut.width, (c) => write([...at.slice(0, -1), last], c));
      const inside: Stmt[] = [{ kind: "for", loop: blocks, mark: "serial", body: [whole] }];
      if (rest.extent > 0) inside.push({ kind: "for", loop: rest, mark: "serial", body: left });
      return serial(loops.slice(0, -1), inside);
    }
  }
  if (!cut.isVector)
    return serial(
      loops,
      across(cut.width, (c) => write(at, c)),
    );
  const v: LoopVar = { name: fresh("v"), extent: cut.width / laneCount };
  const vectors = inLanes((lane) => {
    const c = sumIndex([
      { factor: laneCount, index: loopIndex(v) },
      { factor: 1, index: lane },
    ]);
    return [forLoop(v, write(at, c), "interleaved")];
  });
  return serial(loops, [vectors]);
}

function serial(loops: readonly LoopVar[], body: readonly Stmt[]): readonly Stmt[] {
  return loops.reduceRight<readonly Stmt[]>(
    (inside, loop) => [{ kind: "for", loop, mark: "serial", body: inside }],
    body,
  );
}

/** The place among all iterations of nested loops. */
function flat(loops: readonly LoopVar[], at: readonly Index[]): Index {
  let index = constIndex(0);
  for (const [i, loop] of loops.entries()) {
    index = sumIndex([
      { factor: loop.extent, index },
      { factor: 1, index: at[i] ?? constIndex(0) },
    ]);
  }
  return index;
}

// ---- a block -------------------------------------------------------------------------------------------------------

/** The blocks of one size, from row `first` on: a loop over them where there are several. */
function rowBlocks(
  block: Block,
  { start, count, size }: RowCut,
  column: Index,
  frame: Frame,
  first: Index = constIndex(0),
): readonly Stmt[] {
  const { found, fresh } = block;
  const outer: LoopVar = { name: fresh(`${found.row.loop.name}_b`), extent: count };
  const row = sumIndex(
    [
      { factor: 1, index: first },
      { factor: size, index: loopIndex(outer) },
    ],
    start,
  );
  const body = eachPanel(block, column, (place) => oneBlock(block, size, row, place, frame));
  return count > 1 ? [{ kind: "for", loop: outer, mark: "serial", body }] : body;
}

function oneBlock(
  block: Block,
  size: number,
  row: Index,
  { column, panel: place }: PanelPlace,
  frame: Frame,
): readonly Stmt[] {
  const { nest, found, panel, cut, fresh } = block;
  const r: LoopVar = { name: fresh("r"), extent: size };
  const v: LoopVar = { name: fresh("v"), extent: cut.isVector ? cut.width / laneCount : cut.width };
  const lane: LoopVar = { name: fresh("lane"), extent: laneCount };
  const within = cut.isVector
    ? sumIndex([
        { factor: laneCount, index: loopIndex(v) },
        { factor: 1, index: loopIndex(lane) },
      ])
    : loopIndex(v);
  const replaced = new Map(frame.replaced);
  replaced.set(found.row.loop.name, sumIndex([row, loopIndex(r)].map((index) => ({ factor: 1, index }))));
  replaced.set(found.column.loop.name, sumIndex([column, within].map((index) => ({ factor: 1, index }))));
  const columnInPanel: LoopVar = { name: fresh("c"), extent: cut.width };
  replaced.set(columnInPanel.name, within);
  const k = flat(found.inner, found.inner.map(loopIndex));
  const at = panelIndex(block, place, k, loopIndex(columnInPanel));
  const body = copyStmts(
    withPanel(nest.body, found, load("f32", panel.name, at)),
    { loops: replaced, renamed: frame.renamed },
    fresh,
  );
  const jammed = jam(
    body,
    [r, v].filter(({ extent }) => extent > 1),
    fresh,
    cut.isVector && v.extent > 1 ? "interleaved" : "unrolled",
  );
  return cut.isVector ? [{ kind: "for", loop: lane, mark: "lane", body: jammed }] : jammed;
}

/** The body, its multiply-add reading the panel. */
function withPanel(stmts: readonly Stmt[], found: Contraction, panel: Expr): readonly Stmt[] {
  return stmts.map((stmt): Stmt => {
    if (stmt.kind === "for") return { ...stmt, body: withPanel(stmt.body, found, panel) };
    if (stmt !== found.step || stmt.kind !== "assign" || stmt.value.kind !== "apply") return stmt;
    const [sum] = stmt.value.args;
    if (sum === undefined) return stmt;
    return { ...stmt, value: apply("add", sum, apply("mul", found.rowOperand, panel)) };
  });
}
