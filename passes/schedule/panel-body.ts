/**
 * What stands inside the loops over panels: filling one, and a block of registers over it.
 */
import { apply, forLoop, load, store } from "../../src/kernel/build.ts";
import { sumIndex } from "../../src/kernel/index-expr.ts";
import type {
  Expr,
  ExprPool,
  Index,
  LoopMark,
  LoopVar,
  Nest,
  ParallelLoop,
  SharedArray,
  Stmt,
} from "../../src/kernel/kernel.ts";
import { laneCount } from "../../src/kernel/stride.ts";
import { type Contraction, strideOfLoads } from "./contraction.ts";
import { jam } from "./jam.ts";
import { copyStmts, declaredNames, type Fresh, namesIn } from "./names.ts";
import type { ColumnCut, WasmBlocks } from "./panel-cuts.ts";

/** A cut of a contraction's columns: what every panel and block of it needs. */
export interface Block {
  readonly nest: Nest;
  readonly found: Contraction;
  readonly panel: SharedArray;
  readonly cut: ColumnCut;
  readonly epilogue: Epilogue | null;
  readonly blocks: WasmBlocks;
  readonly fresh: Fresh;
}

/** What a nest's own copies of the other loops and of the prelude are called. */
export interface Frame {
  readonly loops: readonly ParallelLoop[];
  readonly prelude: readonly Stmt[];
  readonly replaced: ReadonlyMap<string, Index>;
  readonly renamed: ReadonlyMap<string, string>;
}

/** One panel: its first column, and its number among those of a pass. */
export interface PanelPlace {
  readonly column: Index;
  readonly panel: Index;
}

// ---- a panel -------------------------------------------------------------------------------------------------------

/** Where the element of depth `k` and column `c` of a panel lies. */
function panelIndex({ found, cut }: Block, panel: Index, k: Index, c: Index): Index {
  return sumIndex([
    { factor: cut.width * found.depth, index: panel },
    { factor: cut.width, index: k },
    { factor: 1, index: c },
  ]);
}

/** Fills a panel with the operand that goes with the columns, whatever expression that is. */
export function fill(block: Block, { column, panel: place }: PanelPlace, frame: Frame): readonly Stmt[] {
  const { found, panel, cut, fresh } = block;
  const { name } = found.column.loop;
  const loops = found.inner.map((loop): LoopVar => ({ name: fresh(loop.name), extent: loop.extent }));
  const write = (k: readonly Index[], c: Index): readonly Stmt[] => {
    const replaced = new Map(frame.replaced);
    for (const [i, loop] of found.inner.entries()) replaced.set(loop.name, k[i] ?? fresh.pool.integer(0));
    replaced.set(name, sumIndex([column, c].map((index) => ({ factor: 1, index }))));
    const value = "element"; // the copy gives it a name of its own
    const { type } = found.columnOperand;
    const index = panelIndex(block, place, flat(found.inner, k, fresh.pool), c);
    const stmts: readonly Stmt[] = [
      { kind: "let", name: value, value: found.columnOperand },
      store(panel.name, index, fresh.pool.name(type, value)),
    ];
    return copyStmts(stmts, { loops: replaced, renamed: frame.renamed }, fresh);
  };
  const at = loops.map((loop) => fresh.pool.loop(loop));
  const everyColumn = (k: readonly Index[], mark: LoopMark): readonly Stmt[] => {
    const c: LoopVar = { name: fresh("c"), extent: cut.width };
    return [forLoop(c, write(k, fresh.pool.loop(c)), mark)];
  };
  const inLanes = (make: (lane: Index) => readonly Stmt[]): Stmt => {
    const lane: LoopVar = { name: fresh("lane"), extent: laneCount };
    return { kind: "for", loop: lane, mark: "lane", body: make(fresh.pool.loop(lane)) };
  };
  const innermost = found.inner[found.inner.length - 1];
  const copy = loops[loops.length - 1];
  if (cut.isVector && strideOfLoads(found.columnOperand, name) !== 1 && innermost !== undefined && copy !== undefined) {
    if (strideOfLoads(found.columnOperand, innermost.name) === 1 && innermost.extent >= laneCount) {
      // Rows of the operand run along the depth: four depths at a time, whose lanes are stored apart. The columns are a loop, as
      // their copies would be longer than all the rest of a small kernel; 128x784x512 takes as long either way.
      const blocks: LoopVar = { name: copy.name, extent: Math.floor(innermost.extent / laneCount) };
      const rest: LoopVar = { name: fresh(copy.name), extent: innermost.extent % laneCount };
      const whole = inLanes((lane) => {
        const k = sumIndex([
          { factor: laneCount, index: fresh.pool.loop(blocks) },
          { factor: 1, index: lane },
        ]);
        return everyColumn([...at.slice(0, -1), k], "serial");
      });
      const last = sumIndex([{ factor: 1, index: fresh.pool.loop(rest) }], blocks.extent * laneCount);
      const left = everyColumn([...at.slice(0, -1), last], "serial");
      const inside: Stmt[] = [{ kind: "for", loop: blocks, mark: "serial", body: [whole] }];
      if (rest.extent > 0) inside.push({ kind: "for", loop: rest, mark: "serial", body: left });
      return serial(loops.slice(0, -1), inside);
    }
  }
  if (!cut.isVector) return serial(loops, everyColumn(at, "unrolled"));
  const v: LoopVar = { name: fresh("v"), extent: cut.width / laneCount };
  const vectors = inLanes((lane) => {
    const c = sumIndex([
      { factor: laneCount, index: fresh.pool.loop(v) },
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
function flat(loops: readonly LoopVar[], at: readonly Index[], pool: ExprPool): Index {
  let index: Index = pool.integer(0);
  for (const [i, loop] of loops.entries()) {
    index = sumIndex([
      { factor: loop.extent, index },
      { factor: 1, index: at[i] ?? pool.integer(0) },
    ]);
  }
  return index;
}

// ---- a block -------------------------------------------------------------------------------------------------------

/** A register block of `size` rows from `row` on over a panel, with what comes after the sums. */
export function oneBlock(
  block: Block,
  size: number,
  row: Index,
  { column, panel: place }: PanelPlace,
  frame: Frame,
): readonly Stmt[] {
  const { nest, found, panel, cut, epilogue, fresh } = block;
  const lane: LoopVar = { name: fresh("lane"), extent: laneCount };
  const columnInPanel: LoopVar = { name: fresh("c"), extent: cut.width };
  /** Loops over the rows and the vectors (or columns) of the block, and what the nest's own loops are inside of them. */
  const newLoops = () => {
    const r: LoopVar = { name: fresh("r"), extent: size };
    const v: LoopVar = { name: fresh("v"), extent: copiesOf(cut) };
    const within = cut.isVector
      ? sumIndex([
          { factor: laneCount, index: fresh.pool.loop(v) },
          { factor: 1, index: fresh.pool.loop(lane) },
        ])
      : fresh.pool.loop(v);
    const replaced = new Map(frame.replaced);
    replaced.set(found.row.loop.name, sumIndex([row, fresh.pool.loop(r)].map((index) => ({ factor: 1, index }))));
    replaced.set(found.column.loop.name, sumIndex([column, within].map((index) => ({ factor: 1, index }))));
    replaced.set(columnInPanel.name, within);
    const slot = sumIndex([
      { factor: cut.width, index: fresh.pool.loop(r) },
      { factor: 1, index: within },
    ]);
    return { r, v, replaced, slot };
  };
  const jammed = (
    stmts: readonly Stmt[],
    loops: readonly LoopVar[],
    replaced: ReadonlyMap<string, Index>,
    names: ReadonlyMap<string, Expr> = new Map(),
  ): readonly Stmt[] =>
    jam(
      copyStmts(stmts, { loops: replaced, renamed: frame.renamed, names }, fresh),
      loops.filter(({ extent }) => extent > 1),
      fresh,
      cut.isVector && copiesOf(cut) > 1 ? "interleaved" : "unrolled",
    );
  const k = flat(
    found.inner,
    found.inner.map((loop) => fresh.pool.loop(loop)),
    fresh.pool,
  );
  const at = panelIndex(block, place, k, fresh.pool.loop(columnInPanel));
  const body = withPanel(nest.body, found, load("f32", panel.name, at));
  const stmts = (): readonly Stmt[] => {
    const { r, v, replaced, slot } = newLoops();
    if (epilogue === null || size === 1) return jammed(body, [r, v], replaced);
    const { start, sum, sums } = epilogue;
    const kept = store(sums.name, slot, fresh.pool.name("f32", sum));
    const after = newLoops();
    const read = new Map([[sum, load("f32", sums.name, after.slot)]]);
    return [
      ...jammed([...body.slice(0, start), kept], [r, v], replaced),
      forLoop(after.r, jammed(body.slice(start), [after.v], after.replaced, read)),
    ];
  };
  return cut.isVector ? [{ kind: "for", loop: lane, mark: "lane", body: stmts() }] : stmts();
}

/** Copies of a statement that the columns of a block take. */
function copiesOf({ isVector, width }: ColumnCut): number {
  return isVector ? width / laneCount : width;
}

/** What follows the sums, as a loop over the rows of a block: it finds them in memory. */
export interface Epilogue {
  /** The place of its first statement in the body. */
  readonly start: number;
  /** The variable that holds the sum. */
  readonly sum: string;
  readonly sums: SharedArray;
}

/** Statements that are not worth a loop, all copies counted. */
const fewStmts = 32;
/** Behind a shorter sum, the way through memory takes its time: 1% of a block with this depth. */
const leastDepth = 64;

/**
 * The loop over rows that a long epilogue becomes; null where a copy for each row is better. RMSprop's update in a 4x8 block is
 * 112 statements as copies and 36 as a loop: a cold compilation of the MNIST step takes 20 ms less, the step 1% more at most. One
 * decision for all blocks of a cut, smaller ones at the end too. What was computed before the sum lies in registers of its row,
 * so an epilogue that reads it stays as it is.
 */
export function epilogueOf(
  { body }: Nest,
  found: Contraction,
  rows: number,
  cut: ColumnCut,
  fresh: Fresh,
): Epilogue | null {
  const { step, depth } = found;
  const start = body.findIndex((stmt) => stmt.kind === "for") + 1;
  const after = body.slice(start);
  if (step.kind !== "assign" || depth < leastDepth || after.length * rows * copiesOf(cut) < fewStmts) return null;
  const read = namesIn(after);
  const isRead = (name: string): boolean => name !== step.name && read.has(name);
  const goesOn = after.some((stmt) => stmt.kind !== "let" && stmt.kind !== "store");
  if (goesOn || declaredNames(body.slice(0, start)).some(isRead)) return null;
  return { start, sum: step.name, sums: { name: fresh("sums"), type: "f32", count: rows * cut.width } };
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
