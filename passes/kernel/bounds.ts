/**
 * Guards for indexes that run past the end.
 *
 * A workgroup's invocations are a power of two and sizes are not. Where a barrier follows, invocations beyond the end
 * must come along: they run the same code, their loads are guarded (value 0, no memory touched) and their stores too.
 */
import { apply, constantLike, load, when } from "../../src/kernel/build.ts";
import { isDynamic } from "../../src/kernel/index-expr.ts";
import type { Bound, BufferParam, Expr, Index, Stmt } from "../../src/kernel/kernel.ts";

export function isBelow(index: Index, limit: number): Expr {
  return apply("lt", index, limit);
}

/** `stmts` where all bounds hold; as they are where the ranges say that they always do. */
export function whenInside(bounds: readonly Bound[], stmts: readonly Stmt[]): readonly Stmt[] {
  const open = openBounds(bounds);
  if (open.length === 0) return stmts;
  const condition = open.map((bound) => isBelow(bound.index, bound.extent)).reduce((a, b) => apply("and", a, b));
  return [when(condition, stmts)];
}

/** The bounds that can fail at all. */
export function openBounds(bounds: readonly Bound[]): readonly Bound[] {
  return bounds.filter((bound) => bound.index.min < 0 || bound.index.max >= bound.extent);
}

/** Guards the stores, to any memory or to these buffers alone, by more bounds. */
export function guardStores(
  stmts: readonly Stmt[],
  bounds: readonly Bound[],
  buffers?: ReadonlyMap<string, BufferParam>,
): readonly Stmt[] {
  if (bounds.length === 0) return stmts;
  return stmts.map((stmt): Stmt => {
    if (stmt.kind === "for" || stmt.kind === "if") return { ...stmt, body: guardStores(stmt.body, bounds, buffers) };
    if (stmt.kind !== "store" || buffers?.has(stmt.buffer) === false) return stmt;
    return { ...stmt, guard: [...stmt.guard, ...bounds] };
  });
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
    if (
      inside &&
      buffer.role === "read" &&
      buffer.sharing === undefined &&
      expr.guard === undefined &&
      !isDynamic(expr.at)
    )
      return expr;
    const otherwise = expr.guard?.otherwise ?? constantLike(expr, 0);
    return load(expr.type, expr.buffer, expr.at, { bounds: [...(expr.guard?.bounds ?? []), ...open], otherwise });
  };
}
