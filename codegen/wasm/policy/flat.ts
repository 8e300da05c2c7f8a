/**
 * Loops that may become one: no index needs their parts.
 *
 *   parallel i < 128, j < 10:  y[10*i + j] = ...                      flatten i, j into ij           320 whole vectors
 *   fold over u < 3, v < 3, c < 32 of x[832*u + 32*v + c] * ...       flatten v, c into vc           3 loops of 96 terms, and not 9 of 32
 */
import type { Facts } from "../../../passes/schedule/facts.ts";
import type { Expr, FoldStmt, Index, LoopVar, Stmt } from "../../../src/kernel/kernel.ts";
import type { Move } from "../../../src/kernel/moves.ts";
import { operandsOf, ownExprs } from "../../../src/kernel/rewrite.ts";
import type { Axis } from "./parts.ts";

/** A parallel loop, or several that become one. */
export interface FlatAxis extends Axis {
  readonly of: readonly string[];
  /** The one that turns fastest. */
  readonly last: string;
}

export function flatAxes({ nest }: Facts): readonly FlatAxis[] {
  const loops = nest.loops.map(({ loop }) => loop);
  return flatLoops(loops, loops.length > 1 ? indexesOf(nest.body) : []);
}

/**
 * Axes of these folds that become one. At each end of an inner loop the engine takes all sums of a block to memory and back, and
 * waits for them: a convolution of 32 channels, 3 x 3, with its pool, 48.0 ms by 9 loops for each block of sums, and 45.4 by 3.
 */
export function flattenFolds(folds: readonly FoldStmt[]): readonly Move[] {
  return folds.flatMap((fold) => {
    if (fold.axes.length < 2) return [];
    return flattenMoves(flatLoops(fold.axes, indexesOf([...fold.body, { ...fold, body: [] }])));
  });
}

export function flattenMoves(axes: readonly FlatAxis[]): readonly Move[] {
  return axes.flatMap(({ name, of }): readonly Move[] => {
    return of.length === 1 ? [] : [{ move: "flatten", axes: of, into: name }];
  });
}

function flatLoops(loops: readonly LoopVar[], indexes: readonly Index[]): readonly FlatAxis[] {
  const found: FlatAxis[] = [];
  for (const loop of loops.toReversed()) {
    const { name, extent } = loop;
    const [inner] = found;
    if (inner === undefined || !indexes.every((index) => isOne(index, loop, inner))) {
      found.unshift({ name, extent, of: [name], last: name });
      continue;
    }
    const last = inner.extent === 1 ? name : inner.last;
    found[0] = { name: `${name}${inner.name}`, extent: extent * inner.extent, of: [name, ...inner.of], last };
  }
  return found;
}

/** The indexes, none of them a part of another, and those that loaded indexes are made of. */
function indexesOf(body: readonly Stmt[]): readonly Index[] {
  const [seen, inside] = [new Set<Expr>(), new Set<Expr>()];
  const found: Index[] = [];
  const take = (expr: Expr, isPart: boolean): void => {
    const known = isPart ? inside : seen;
    if (known.has(expr)) return;
    known.add(expr);
    const isTerm = expr.kind === "sum" || expr.kind === "floorDiv" || expr.kind === "mod" || expr.kind === "loop";
    if (isTerm && !isPart) found.push(expr);
    for (const operand of operandsOf(expr)) take(operand, isTerm);
  };
  const visit = (stmt: Stmt): void => {
    for (const expr of ownExprs(stmt)) take(expr, false);
    if ("body" in stmt) for (const inner of stmt.body) visit(inner);
  };
  for (const stmt of body) visit(stmt);
  return found;
}

/** Whether the index only grows with both loops as with one: it has the outer one as often as the inner one with its iterations. */
function isOne(index: Index, outer: Axis, inner: FlatAxis): boolean {
  if (outer.extent === 1 || inner.extent === 1) return true;
  const reads = ({ reads: names }: Index): boolean =>
    names.includes(outer.name) || inner.of.some((name) => names.includes(name));
  if (!reads(index)) return true;
  if (index.kind === "ranged") return true; // the indexes that it is made of are asked for themselves
  if (index.kind !== "sum") return false;
  let [ofOuter, ofInner] = [0, 0];
  for (const { factor, index: term } of index.terms) {
    if (term.kind !== "loop") {
      if (!isOne(term, outer, inner)) return false;
    } else if (term.loop.name === outer.name) ofOuter = factor;
    else if (term.loop.name === inner.last) ofInner = factor;
  }
  return ofOuter === ofInner * inner.extent;
}
