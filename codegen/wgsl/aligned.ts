/**
 * What neighbours decide alike is decided once: indexes, bounds and conditions of which all parts but a constant are multiples of a
 * number that divides the limit too.
 *
 *   (4*i + 3) mod 512          ->   4*(i mod 128) + 3         four neighbours lie in one row
 *   (4*i + 3) / 512            ->   i / 128
 *   if 4*i < 508 { a }         ->   if i < 127 { a; b }       and so the stores of a and b are neighbours (wide.ts)
 *   if 4*i + 1 < 508 { b }
 *
 * It is said exactly, for negative numbers too: with 0 <= c < g and g dividing n, g*x + c < g*n just where x < n.
 */
import { apply, load, when } from "../../src/kernel/build.ts";
import { floorDivIndex, isIndex, modIndex, scaleIndex, sumIndex } from "../../src/kernel/index-expr.ts";
import type { Bound, Expr, Index, Stmt } from "../../src/kernel/kernel.ts";
import { mapEach, readsAny, walkExpr, walkStmts } from "../../src/kernel/rewrite.ts";
import { gcd } from "../../src/kernel/stride.ts";

/** index = by * whole + rest, 0 <= rest < by, where `by` is the largest such divisor of `limit`; undefined where that is 1. */
function partsOf(
  index: Index,
  limit: number,
): { readonly by: number; readonly whole: Index; readonly rest: number } | undefined {
  if (index.kind !== "sum") return undefined;
  let by = limit;
  for (const { factor } of index.terms) by = gcd(by, Math.abs(factor));
  if (by <= 1) return undefined;
  const rest = ((index.offset % by) + by) % by;
  const terms = index.terms.map((term) => ({ factor: term.factor / by, index: term.index }));
  return { by, whole: sumIndex(terms, (index.offset - rest) / by), rest };
}

/** The expression, of which the operands are aligned, or undefined where nothing is to be said otherwise. */
export function alignedExpr(expr: Expr): Expr | undefined {
  switch (expr.kind) {
    case "floorDiv": {
      const parts = partsOf(expr.index, expr.by);
      return parts === undefined ? undefined : floorDivIndex(parts.whole, expr.by / parts.by);
    }
    case "mod": {
      const parts = partsOf(expr.index, expr.by);
      return parts === undefined
        ? undefined
        : scaleIndex(modIndex(parts.whole, expr.by / parts.by), parts.by, parts.rest);
    }
    case "apply": {
      const [index, limit] = expr.args;
      if (expr.fn !== "lt" || index === undefined || limit?.kind !== "const" || !isIndex(index)) return undefined;
      const bound = alignedBound({ index, extent: limit.value });
      return bound.index === index ? undefined : apply("lt", bound.index, bound.extent);
    }
    case "load": {
      if (expr.guard === undefined) return undefined;
      const bounds = mapEach(expr.guard.bounds, alignedBound);
      return bounds === expr.guard.bounds
        ? undefined
        : load(expr.type, expr.buffer, expr.at, { ...expr.guard, bounds });
    }
    default:
      return undefined;
  }
}

function alignedBound(bound: Bound): Bound {
  const parts = bound.extent > 0 ? partsOf(bound.index, bound.extent) : undefined;
  return parts === undefined ? bound : { index: parts.whole, extent: bound.extent / parts.by };
}

/** Statements whose expressions are aligned: bounds of stores, and one `if` for neighbours with one condition. */
export function alignedStmts(stmts: readonly Stmt[]): readonly Stmt[] {
  const made: Stmt[] = [];
  for (const given of stmts) {
    const stmt = alignedStmt(given);
    const last = made.at(-1);
    if (stmt.kind === "if" && last?.kind === "if" && stmt.condition === last.condition && staysAfter(last)) {
      made[made.length - 1] = when(last.condition, alignedStmts([...last.body, ...stmt.body]));
    } else made.push(stmt);
  }
  return made.length === stmts.length && made.every((stmt, n) => stmt === stmts[n]) ? stmts : made;
}

function alignedStmt(stmt: Stmt): Stmt {
  if (stmt.kind === "store") {
    const guard = mapEach(stmt.guard, alignedBound);
    return guard === stmt.guard ? stmt : { ...stmt, guard };
  }
  if (stmt.kind !== "for" && stmt.kind !== "if") return stmt;
  const body = alignedStmts(stmt.body);
  return body === stmt.body ? stmt : { ...stmt, body };
}

/** Whether the condition still holds behind the body. */
function staysAfter({ condition, body }: Stmt & { readonly kind: "if" }): boolean {
  let stays = true;
  walkExpr(condition, ({ kind }) => {
    if (kind === "load") stays = false;
  });
  const assigned = new Set<string>();
  walkStmts(body, {
    stmt: (stmt) => {
      if (stmt.kind === "assign") assigned.add(stmt.name);
      if (stmt.kind === "barrier") stays = false;
    },
  });
  return stays && !readsAny(condition, assigned);
}
