/**
 * Loops flattened to one index and recovered from it, and guards for indexes that run past the end.
 *
 *   i < 3, j < 5   ->   flat < 15, i = flat / 5, j = flat % 5
 *
 * A workgroup's invocations are a power of two and sizes are not. Where a barrier follows, invocations beyond the end
 * must come along: they run the same code, their loads are guarded (value 0, no memory touched) and their stores too.
 */
import { apply, constantLike, load } from "../../src/kernel/build.ts";
import { floorDivIndex, isDynamic, modIndex } from "../../src/kernel/index-expr.ts";
import type { Bound, BufferParam, Expr, Index, LoopVar, Stmt } from "../../src/kernel/kernel.ts";

export function totalOf(loops: readonly LoopVar[]): number {
  return loops.reduce((total, loop) => total * loop.extent, 1);
}

/** The loop variables, the last one fastest, as functions of the flat index. The first runs over where `flat` does. */
export function recover(loops: readonly LoopVar[], flat: Index): ReadonlyMap<string, Index> {
  const found = new Map<string, Index>();
  let stride = 1;
  for (let n = loops.length - 1; n >= 0; n -= 1) {
    const loop = loops[n];
    if (loop === undefined) continue;
    const quotient = floorDivIndex(flat, Math.max(1, stride));
    found.set(loop.name, n === 0 ? quotient : modIndex(quotient, Math.max(1, loop.extent)));
    stride *= loop.extent;
  }
  return found;
}

export function isBelow(index: Index, limit: number): Expr {
  return apply("lt", index, limit);
}

/** `stmts` where all bounds hold; as they are where the ranges say that they always do. */
export function whenInside(bounds: readonly Bound[], stmts: readonly Stmt[]): readonly Stmt[] {
  const open = openBounds(bounds);
  if (open.length === 0) return stmts;
  const condition = open.map((bound) => isBelow(bound.index, bound.extent)).reduce((a, b) => apply("and", a, b));
  return [{ kind: "if", condition, body: stmts }];
}

/** The bounds that can fail at all. */
export function openBounds(bounds: readonly Bound[]): readonly Bound[] {
  return bounds.filter((bound) => bound.index.min < 0 || bound.index.max >= bound.extent);
}

/**
 * Guards the loads from buffers (not from shared arrays) by more bounds. A load from a buffer that nobody writes, and
 * that cannot leave it anyway, stays bare: it reads some other element, and what is made of it is never stored.
 */
export function guardLoads(bounds: readonly Bound[], buffers: ReadonlyMap<string, BufferParam>): (expr: Expr) => Expr {
  const open = openBounds(bounds);
  return (expr) => {
    if (open.length === 0 || expr.kind !== "load") return expr;
    const buffer = buffers.get(expr.buffer);
    if (buffer === undefined) return expr;
    const inside = expr.at.min >= 0 && expr.at.max < buffer.count;
    if (inside && buffer.role === "read" && expr.guard === undefined && !isDynamic(expr.at)) return expr;
    const otherwise = expr.guard?.otherwise ?? constantLike(expr, 0);
    return load(expr.type, expr.buffer, expr.at, { bounds: [...(expr.guard?.bounds ?? []), ...open], otherwise });
  };
}

/** How far apart in memory two neighbours in `loop` lie: 0 where the index does not move, NaN where it is not linear. */
export function strideIn(index: Index, loop: string): number {
  const direct = (part: Index): number => {
    if (part.kind === "loop") return part.loop.name === loop ? 1 : 0;
    return part.reads.has(loop) || isDynamic(part) ? Number.NaN : 0;
  };
  if (index.kind !== "sum") return direct(index);
  return index.terms.reduce((sum, term) => sum + term.factor * direct(term.index), 0);
}
