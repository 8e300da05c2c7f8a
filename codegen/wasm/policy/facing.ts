/** Which factor of a contraction goes into panels, along which loops blocks are made, and how that factor lies in memory. */
import type { Contraction, Facts } from "../../../passes/schedule/facts.ts";
import type { Expr, FoldStmt, LoopVar, Stmt } from "../../../src/kernel/kernel.ts";
import { walkExpr, walkStmts } from "../../../src/kernel/rewrite.ts";
import { laneCount, strideAlong } from "../../../src/kernel/stride.ts";
import { enoughIterations } from "./parts.ts";

/** Columns are what the nest's other loads and stores have side by side: where the two loops could change places, they do. */
export function facing(facts: Facts, fold: FoldStmt): Contraction | undefined {
  const found = facts.contraction(fold);
  if (found === undefined) return undefined;
  const { rows, columns, left, right } = found;
  const swapped = { ...found, rows: columns, columns: rows, left: right, right: left };
  const around = facts.nest.body.filter(({ kind }) => kind !== "fold");
  const neighbours = (of: readonly LoopVar[]): number => {
    const column = blockedOf(of);
    return column === undefined ? 0 : countNeighbours(around, column);
  };
  return neighbours(rows) > neighbours(columns) ? swapped : found;
}

/** Loads and stores whose elements lie side by side along the loop. */
function countNeighbours(stmts: readonly Stmt[], { name }: LoopVar): number {
  let count = 0;
  walkStmts(stmts, {
    stmt: (stmt) => {
      if (stmt.kind === "store" && strideAlong(stmt.at, name, laneCount, () => true) === 1) count += 1;
    },
    expr: (expr) => {
      if (expr.kind === "load" && strideAlong(expr.at, name, laneCount, () => true) === 1) count += 1;
    },
  });
  return count;
}

/** The loop to make blocks of: an inner one, if it is not short. */
export function blockedOf(loops: readonly LoopVar[]): LoopVar | undefined {
  const longest = loops.reduce<LoopVar | undefined>((best, loop) => {
    return best === undefined || loop.extent >= best.extent ? loop : best;
  }, undefined);
  return loops.findLast(({ extent }) => extent >= enoughIterations) ?? longest;
}

/** The factor's rows run along the depth. */
export function isTransposed(factor: Expr, column: LoopVar, inner: readonly LoopVar[]): boolean {
  const deepest = inner[inner.length - 1];
  if (deepest === undefined || deepest.extent < laneCount) return false;
  return strideOfLoads(factor, column.name) !== 1 && strideOfLoads(factor, deepest.name) === 1;
}

/** Rows of as many bytes apart lie in one set of a first-level cache, which holds 8 of them. */
const setBytes = 4096;

/**
 * Whether a factor is read as fast where it lies: few rows of blocks read it, whose columns are neighbours. 640 x 256 elements, in time
 * with panels: by 4 rows 0.54, by 8 0.71; 512 x 1024, whose rows are in each other's way in a cache, 1.06 and 1.44.
 */
export function readsWell(
  factor: Expr,
  column: LoopVar,
  deepest: LoopVar | undefined,
  rows: number,
  blockRows: number,
): boolean {
  if (factor.kind !== "load" || factor.guard !== undefined || rows > 2 * blockRows) return false;
  if (deepest === undefined || strideOfLoads(factor, column.name) !== 1) return false;
  const stride = strideOfLoads(factor, deepest.name);
  return stride !== null && (4 * stride) % setBytes !== 0;
}

/** How far apart in memory an expression's loads are along a loop: null where they differ, or are guarded. */
export function strideOfLoads(expr: Expr, loop: string): number | null {
  let stride: number | null | undefined;
  walkExpr(expr, (part) => {
    if (part.kind !== "load") return;
    const own = part.guard === undefined ? strideAlong(part.at, loop, laneCount, () => true) : null;
    stride = stride === undefined || stride === own ? own : null;
  });
  return stride ?? null;
}
