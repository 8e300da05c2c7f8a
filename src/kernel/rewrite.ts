/**
 * Rewriting kernels: maps over expressions and statements, and substitution of loop variables.
 *
 * Every scheduling step is a few lines on top of these, and none of them forgets an index hidden in a guard.
 */
import { constant, indexValue } from "./build.ts";
import { substituteIndex, walkIndex } from "./index-expr.ts";
import type { Bound, Expr, Index, Stmt } from "./kernel.ts";
import { printExpr } from "./print.ts";

/** What becomes of each index and, after its operands were rewritten, of each expression. */
export interface Rewrite {
  readonly index: (index: Index) => Index;
  readonly expr: (expr: Expr) => Expr;
}

const same = <T>(value: T): T => value;

/** A rewrite that replaces loop variables by indexes. Loops themselves stay where they are. */
export function replaceLoops(loops: ReadonlyMap<string, Index>): Rewrite {
  const rewrite: Rewrite = {
    index: (index) => substituteIndex(index, loops, (value) => mapExpr(value, rewrite), printExpr),
    expr: same,
  };
  return rewrite;
}

/** A rewrite of expressions alone, inside loaded indexes too. */
export function replaceExprs(expr: (expr: Expr) => Expr): Rewrite {
  const none = new Map<string, Index>();
  const rewrite: Rewrite = {
    index: (index) => substituteIndex(index, none, (value) => mapExpr(value, rewrite), printExpr),
    expr,
  };
  return rewrite;
}

export function mapExpr(expr: Expr, rewrite: Rewrite): Expr {
  return rewrite.expr(mapOperands(expr, rewrite));
}

function mapOperands(expr: Expr, rewrite: Rewrite): Expr {
  switch (expr.kind) {
    case "const":
    case "param":
      return expr;
    case "name":
      return expr.at.length === 0 ? expr : { ...expr, at: expr.at.map(rewrite.index) };
    case "index": {
      const index = rewrite.index(expr.index);
      return index.kind === "const" ? constant("i32", index.value) : indexValue(index);
    }
    case "load": {
      const at = rewrite.index(expr.at);
      if (expr.guard === undefined) return { ...expr, at };
      const guard = {
        bounds: mapBounds(expr.guard.bounds, rewrite),
        otherwise: mapExpr(expr.guard.otherwise, rewrite),
      };
      return { ...expr, at, guard };
    }
    case "apply":
      return { ...expr, args: expr.args.map((arg) => mapExpr(arg, rewrite)) };
    case "convert":
    case "bitcast":
      return { ...expr, value: mapExpr(expr.value, rewrite) };
  }
}

export function mapBounds(bounds: readonly Bound[], rewrite: Rewrite): readonly Bound[] {
  return bounds.map((bound) => ({ index: rewrite.index(bound.index), extent: bound.extent }));
}

/** Rewrites all indexes and expressions of a statement, nested statements included. */
export function mapStmt(stmt: Stmt, rewrite: Rewrite): Stmt {
  switch (stmt.kind) {
    case "for":
      return { ...stmt, body: mapStmts(stmt.body, rewrite) };
    case "let":
      return { ...stmt, value: mapExpr(stmt.value, rewrite) };
    case "var":
      return { ...stmt, init: mapExpr(stmt.init, rewrite) };
    case "assign":
      return { ...stmt, at: stmt.at.map(rewrite.index), value: mapExpr(stmt.value, rewrite) };
    case "store":
      return {
        ...stmt,
        at: rewrite.index(stmt.at),
        value: mapExpr(stmt.value, rewrite),
        guard: mapBounds(stmt.guard, rewrite),
      };
    case "if":
      return { ...stmt, condition: mapExpr(stmt.condition, rewrite), body: mapStmts(stmt.body, rewrite) };
    case "stage":
      return { ...stmt, at: rewrite.index(stmt.at), value: mapExpr(stmt.value, rewrite) };
    case "barrier":
      return stmt;
  }
}

export function mapStmts(stmts: readonly Stmt[], rewrite: Rewrite): readonly Stmt[] {
  return stmts.map((stmt) => mapStmt(stmt, rewrite));
}

/** Visits every expression of `expr`, operands first, those inside indexes too; and every index. */
export function walkExpr(expr: Expr, visit: { expr?: (expr: Expr) => void; index?: (index: Index) => void }): void {
  const index = (at: Index): void => {
    visit.index?.(at);
    walkIndex(at, { value: (value) => walkExpr(value, visit) });
  };
  switch (expr.kind) {
    case "const":
    case "param":
      break;
    case "name":
      expr.at.forEach(index);
      break;
    case "index":
      index(expr.index);
      break;
    case "load":
      index(expr.at);
      for (const bound of expr.guard?.bounds ?? []) index(bound.index);
      if (expr.guard !== undefined) walkExpr(expr.guard.otherwise, visit);
      break;
    case "apply":
      for (const arg of expr.args) walkExpr(arg, visit);
      break;
    case "convert":
    case "bitcast":
      walkExpr(expr.value, visit);
  }
  visit.expr?.(expr);
}

/** Visits every statement, outer before inner, and every expression and index in them. */
export function walkStmts(
  stmts: readonly Stmt[],
  visit: { stmt?: (stmt: Stmt) => void; expr?: (expr: Expr) => void; index?: (index: Index) => void },
): void {
  const index = (at: Index): void => {
    visit.index?.(at);
    walkIndex(at, { value: (value) => walkExpr(value, visit) });
  };
  for (const stmt of stmts) {
    visit.stmt?.(stmt);
    switch (stmt.kind) {
      case "for":
        walkStmts(stmt.body, visit);
        break;
      case "let":
        walkExpr(stmt.value, visit);
        break;
      case "var":
        walkExpr(stmt.init, visit);
        break;
      case "assign":
        stmt.at.forEach(index);
        walkExpr(stmt.value, visit);
        break;
      case "store":
        index(stmt.at);
        for (const bound of stmt.guard) index(bound.index);
        walkExpr(stmt.value, visit);
        break;
      case "if":
        walkExpr(stmt.condition, visit);
        walkStmts(stmt.body, visit);
        break;
      case "stage":
        index(stmt.at);
        walkExpr(stmt.value, visit);
        break;
      case "barrier":
        break;
    }
  }
}
