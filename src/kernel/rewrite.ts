/**
 * Rewriting kernels: maps over expressions and statements, and substitution of loop variables.
 *
 * Every scheduling step is a few lines on top of these, and none of them forgets an index hidden in a guard.
 */
import { unreachable } from "../core/errors.ts";
import { constant, indexValue } from "./build.ts";
import { substituteIndex } from "./index-expr.ts";
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

/** The same object where nothing changes, as for all maps here: most rewrites leave most of a kernel as it is. */
export function mapExpr(expr: Expr, rewrite: Rewrite): Expr {
  return rewrite.expr(mapOperands(expr, rewrite));
}

function mapOperands(expr: Expr, rewrite: Rewrite): Expr {
  switch (expr.kind) {
    case "const":
      return expr;
    case "name": {
      const at = mapEach(expr.at, rewrite.index);
      return at === expr.at ? expr : { ...expr, at };
    }
    case "index": {
      const index = rewrite.index(expr.index);
      if (index.kind === "const") return constant("i32", index.value);
      return index === expr.index ? expr : indexValue(index);
    }
    case "load": {
      const at = rewrite.index(expr.at);
      if (expr.guard === undefined) return at === expr.at ? expr : { ...expr, at };
      const bounds = mapBounds(expr.guard.bounds, rewrite);
      const otherwise = mapExpr(expr.guard.otherwise, rewrite);
      const isSame = at === expr.at && bounds === expr.guard.bounds && otherwise === expr.guard.otherwise;
      return isSame ? expr : { ...expr, at, guard: { bounds, otherwise } };
    }
    case "apply": {
      const args = mapEach(expr.args, (arg) => mapExpr(arg, rewrite));
      return args === expr.args ? expr : { ...expr, args };
    }
    case "convert":
    case "bitcast": {
      const value = mapExpr(expr.value, rewrite);
      return value === expr.value ? expr : { ...expr, value };
    }
  }
}

export function mapBounds(bounds: readonly Bound[], rewrite: Rewrite): readonly Bound[] {
  return mapEach(bounds, (bound) => {
    const index = rewrite.index(bound.index);
    return index === bound.index ? bound : { index, extent: bound.extent };
  });
}

/** The list with each item mapped; the list itself where all stay as they are. */
function mapEach<T>(items: readonly T[], map: (item: T) => T): readonly T[] {
  const made = items.map(map);
  return made.every((after, i) => after === items[i]) ? items : made;
}

/** Rewrites all indexes and expressions of a statement, nested statements included. */
export function mapStmt(stmt: Stmt, rewrite: Rewrite): Stmt {
  switch (stmt.kind) {
    case "for": {
      const body = mapStmts(stmt.body, rewrite);
      return body === stmt.body ? stmt : { ...stmt, body };
    }
    case "let": {
      const value = mapExpr(stmt.value, rewrite);
      return value === stmt.value ? stmt : { ...stmt, value };
    }
    case "var": {
      const init = mapExpr(stmt.init, rewrite);
      return init === stmt.init ? stmt : { ...stmt, init };
    }
    case "assign": {
      const at = mapEach(stmt.at, rewrite.index);
      const value = mapExpr(stmt.value, rewrite);
      return at === stmt.at && value === stmt.value ? stmt : { ...stmt, at, value };
    }
    case "store": {
      const at = rewrite.index(stmt.at);
      const value = mapExpr(stmt.value, rewrite);
      const guard = mapBounds(stmt.guard, rewrite);
      return at === stmt.at && value === stmt.value && guard === stmt.guard ? stmt : { ...stmt, at, value, guard };
    }
    case "if": {
      const condition = mapExpr(stmt.condition, rewrite);
      const body = mapStmts(stmt.body, rewrite);
      return condition === stmt.condition && body === stmt.body ? stmt : { ...stmt, condition, body };
    }
    case "fold": {
      const body = mapStmts(stmt.body, rewrite);
      const values = mapEach(stmt.values, (value) => mapExpr(value, rewrite));
      return body === stmt.body && values === stmt.values ? stmt : { ...stmt, body, values };
    }
    case "barrier":
      return stmt;
  }
}

export function mapStmts(stmts: readonly Stmt[], rewrite: Rewrite): readonly Stmt[] {
  return mapEach(stmts, (stmt) => mapStmt(stmt, rewrite));
}

/** What to call for each expression and each index. A call that gives true ends the walk; those of `walk*` give nothing. */
export interface Visit<Answer = boolean | undefined> {
  readonly expr?: (expr: Expr) => Answer;
  readonly index?: (index: Index) => Answer;
}

export interface StmtVisit<Answer = boolean | undefined> extends Visit<Answer> {
  readonly stmt?: (stmt: Stmt) => Answer;
}

/**
 * Visits every expression of `expr`, operands first, those inside indexes too; and every index. Whether one of the calls gave
 * true, after which there are no more. No closure and no object for each of them: this is the walk most often taken.
 */
export function someExpr(expr: Expr, visit: Visit): boolean {
  return someOperand(expr, visit) || visit.expr?.(expr) === true;
}

function someOperand(expr: Expr, visit: Visit): boolean {
  switch (expr.kind) {
    case "const":
      return false;
    case "name":
      for (const at of expr.at) if (somePlace(at, visit)) return true;
      return false;
    case "index":
      return somePlace(expr.index, visit);
    case "load": {
      const { at, guard } = expr;
      if (somePlace(at, visit)) return true;
      return guard !== undefined && (someBound(guard.bounds, visit) || someExpr(guard.otherwise, visit));
    }
    case "apply":
      for (const arg of expr.args) if (someExpr(arg, visit)) return true;
      return false;
    case "convert":
    case "bitcast":
      return someExpr(expr.value, visit);
  }
}

function someBound(bounds: readonly Bound[], visit: Visit): boolean {
  for (const { index } of bounds) if (somePlace(index, visit)) return true;
  return false;
}

function somePlace(index: Index, visit: Visit): boolean {
  return visit.index?.(index) === true || someLoaded(index, visit);
}

/** The expressions inside an index. */
function someLoaded(index: Index, visit: Visit): boolean {
  switch (index.kind) {
    case "value":
      return someExpr(index.value, visit);
    case "sum":
      for (const term of index.terms) if (someLoaded(term.index, visit)) return true;
      return false;
    case "floorDiv":
    case "mod":
      return someLoaded(index.index, visit);
    default:
      return false;
  }
}

/**
 * Visits every statement, outer before inner, and every expression and index in them; ends as `someExpr` does. Where only
 * statements are asked for, their expressions are not looked into.
 */
export function someStmt(stmts: readonly Stmt[], visit: StmtVisit): boolean {
  const looksInside = visit.expr !== undefined || visit.index !== undefined;
  for (const stmt of stmts) {
    if (visit.stmt?.(stmt) === true || (looksInside && someOwn(stmt, visit))) return true;
    if ("body" in stmt && someStmt(stmt.body, visit)) return true;
  }
  return false;
}

/** The expressions and indexes of a statement, without those of statements in it. */
function someOwn(stmt: Stmt, visit: Visit): boolean {
  switch (stmt.kind) {
    case "for":
    case "barrier":
      return false;
    case "if":
      return someExpr(stmt.condition, visit);
    case "let":
      return someExpr(stmt.value, visit);
    case "var":
      return someExpr(stmt.init, visit);
    case "assign":
      for (const at of stmt.at) if (somePlace(at, visit)) return true;
      return someExpr(stmt.value, visit);
    case "store":
      return somePlace(stmt.at, visit) || someBound(stmt.guard, visit) || someExpr(stmt.value, visit);
    case "fold":
      for (const value of stmt.values) if (someExpr(value, visit)) return true;
      return false;
    default:
      return unreachable(stmt);
  }
}

/** `someExpr` for visits that none of the calls ends. */
export function walkExpr(expr: Expr, visit: Visit<undefined>): void {
  someExpr(expr, visit);
}

/** `someStmt` for visits that none of the calls ends. */
export function walkStmts(stmts: readonly Stmt[], visit: StmtVisit<undefined>): void {
  someStmt(stmts, visit);
}
