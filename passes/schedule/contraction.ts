/**
 * Recognises a nest that is one contraction with what comes after it, and tells its operands apart.
 *
 *   parallel i, j:  var acc = 0;  for k: acc = acc + x[i, k] * w[k, j];  ...epilogue...
 *                                                   row i, column j: the column operand w does not depend on the row
 */
import type { Expr, Index, LoopVar, Nest, ParallelLoop, Stmt } from "../../src/kernel/kernel.ts";
import { readsAny, walkExpr, walkStmts } from "../../src/kernel/rewrite.ts";
import { laneCount, strideAlong } from "../../src/kernel/stride.ts";
import { declaredNames } from "./names.ts";
import { findReuse } from "./reuse.ts";

export interface Contraction {
  readonly row: ParallelLoop;
  /** The loop that becomes lanes. */
  readonly column: ParallelLoop;
  /** The loops that are summed over, outer first. */
  readonly inner: readonly LoopVar[];
  /** Terms of each sum. */
  readonly depth: number;
  /** `acc = acc + rowOperand * columnOperand`. */
  readonly step: Stmt;
  readonly rowOperand: Expr;
  /** Depends on neither the row nor on anything that the body declares. */
  readonly columnOperand: Expr;
}

export function findContraction(nest: Nest): Contraction | undefined {
  const reuse = findReuse(nest);
  if (reuse?.kind !== "contraction") return undefined;
  const sum = sumOf(nest.body);
  if (sum === undefined) return undefined;
  const one = nest.loops.find(({ loop }) => loop.name === reuse.inner);
  const other = nest.loops.find(({ loop }) => loop.name === reuse.outer);
  if (one === undefined || other === undefined) return undefined;
  const readings = [reading(nest, sum, other, one), reading(nest, sum, one, other)];
  const [first, second] = readings;
  if (first === undefined || second === undefined) return first ?? second;
  return neighbours(nest, second) > neighbours(nest, first) ? second : first;
}

interface Sum {
  readonly inner: readonly LoopVar[];
  readonly step: Stmt;
  readonly operands: readonly [Expr, Expr];
}

/** The only serial loops of the body, around one multiply-add in f32. */
function sumOf(body: readonly Stmt[]): Sum | undefined {
  const loops = body.filter((stmt) => stmt.kind === "for");
  const inner: LoopVar[] = [];
  let stmts: readonly Stmt[] = loops;
  while (stmts.length === 1 && stmts[0]?.kind === "for") {
    inner.push(stmts[0].loop);
    stmts = stmts[0].body;
  }
  const [step] = stmts;
  if (stmts.length !== 1 || step?.kind !== "assign" || step.at.length > 0) return undefined;
  const { value } = step;
  if (value.kind !== "apply" || value.fn !== "add" || value.type !== "f32") return undefined;
  const [sum, term] = value.args;
  if (sum?.kind !== "name" || sum.name !== step.name || term?.kind !== "apply" || term.fn !== "mul") return undefined;
  const [a, b] = term.args;
  return a === undefined || b === undefined ? undefined : { inner, step, operands: [a, b] };
}

/** The contraction with these loops as rows and columns, if one operand goes with each. */
function reading(nest: Nest, sum: Sum, row: ParallelLoop, column: ParallelLoop): Contraction | undefined {
  const inner = new Set(sum.inner.map(({ name }) => name));
  const declared = new Set(declaredNames(nest.body).filter((name) => !inner.has(name)));
  const [a, b] = sum.operands;
  for (const [rowOperand, columnOperand] of [
    [a, b],
    [b, a],
  ] as const) {
    if (columnOperand.reads.has(row.loop.name) || !columnOperand.reads.has(column.loop.name)) continue;
    if (readsAny(columnOperand, declared)) continue;
    if (!rowOperand.reads.has(row.loop.name) || rowOperand.reads.has(column.loop.name)) continue;
    const depth = sum.inner.reduce((product, { extent }) => product * extent, 1);
    return { row, column, inner: sum.inner, depth, step: sum.step, rowOperand, columnOperand };
  }
  return undefined;
}

/** Loads and stores outside of the sum whose elements lie side by side along the columns. */
function neighbours(nest: Nest, { column }: Contraction): number {
  let count = 0;
  const see = (at: Index): void => {
    if (strideAlong(at, column.loop.name, laneCount, () => true) === 1) count += 1;
  };
  const around = nest.body.filter((stmt) => stmt.kind !== "for");
  walkStmts(around, {
    stmt: (stmt) => {
      if (stmt.kind === "store") see(stmt.at);
    },
    expr: (expr) => {
      if (expr.kind === "load") see(expr.at);
    },
  });
  return count;
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
