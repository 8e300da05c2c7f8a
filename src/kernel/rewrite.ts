/**
 * Rewriting kernels: maps over expressions and statements, and substitution of loop variables.
 *
 * Every scheduling step is a few lines on top of these, and none of them forgets an index hidden in a guard.
 */
import { unreachable } from "../errors.ts";
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
    case "param":
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
    case "stage": {
      const at = rewrite.index(stmt.at);
      const value = mapExpr(stmt.value, rewrite);
      return at === stmt.at && value === stmt.value ? stmt : { ...stmt, at, value };
    }
    case "barrier":
      return stmt;
  }
}

export function mapStmts(stmts: readonly Stmt[], rewrite: Rewrite): readonly Stmt[] {
  return mapEach(stmts, (stmt) => mapStmt(stmt, rewrite));
}

/** What to call for each expression and each index. Without either, the expressions of statements are not looked into. */
export interface Visit {
  readonly expr?: (expr: Expr) => void;
  readonly index?: (index: Index) => void;
}

/** Visits every expression of `expr`, operands first, those inside indexes too; and every index. */
export function walkExpr(expr: Expr, visit: Visit): void {
  switch (expr.kind) {
    case "const":
    case "param":
      break;
    case "name":
      for (const at of expr.at) walkPlace(at, visit);
      break;
    case "index":
      walkPlace(expr.index, visit);
      break;
    case "load":
      walkPlace(expr.at, visit);
      if (expr.guard === undefined) break;
      for (const bound of expr.guard.bounds) walkPlace(bound.index, visit);
      walkExpr(expr.guard.otherwise, visit);
      break;
    case "apply":
      expr.args.forEach((arg) => {
        walkExpr(arg, visit);
      });
      break;
    case "convert":
    case "bitcast":
      walkExpr(expr.value, visit);
  }
  visit.expr?.(expr);
}

function walkPlace(index: Index, visit: Visit): void {
  visit.index?.(index);
  walkLoaded(index, visit);
}

/** The expressions inside an index. No closure and no object for each of them: this is the walk most often taken. */
function walkLoaded(index: Index, visit: Visit): void {
  if (index.kind === "value") walkExpr(index.value, visit);
  else if (index.kind === "sum") for (const term of index.terms) walkLoaded(term.index, visit);
  else if (index.kind === "floorDiv" || index.kind === "mod") walkLoaded(index.index, visit);
}

/** What to ask of each expression and each index. */
export interface Question {
  readonly expr?: (expr: Expr) => boolean;
  readonly index?: (index: Index) => boolean;
}

/** Whether there is an expression or an index in `expr` of which this holds: looks no further than the first. */
export function someExpr(expr: Expr, holds: Question): boolean {
  if (holds.expr?.(expr) === true) return true;
  switch (expr.kind) {
    case "const":
    case "param":
      return false;
    case "name":
      return somePlace(expr.at, holds);
    case "index":
      return somePlace([expr.index], holds);
    case "load": {
      if (somePlace([expr.at], holds)) return true;
      const { guard } = expr;
      if (guard === undefined) return false;
      return guard.bounds.some(({ index }) => somePlace([index], holds)) || someExpr(guard.otherwise, holds);
    }
    case "apply":
      for (const arg of expr.args) if (someExpr(arg, holds)) return true;
      return false;
    case "convert":
    case "bitcast":
      return someExpr(expr.value, holds);
  }
}

function somePlace(at: readonly Index[], holds: Question): boolean {
  for (const index of at) if (holds.index?.(index) === true || someLoaded(index, holds)) return true;
  return false;
}

function someLoaded(index: Index, holds: Question): boolean {
  switch (index.kind) {
    case "value":
      return someExpr(index.value, holds);
    case "sum":
      for (const term of index.terms) if (someLoaded(term.index, holds)) return true;
      return false;
    case "floorDiv":
    case "mod":
      return someLoaded(index.index, holds);
    default:
      return false;
  }
}

/** Visits every statement, outer before inner, and every expression and index in them. */
export function walkStmts(stmts: readonly Stmt[], visit: Visit & { readonly stmt?: (stmt: Stmt) => void }): void {
  const looksInside = visit.expr !== undefined || visit.index !== undefined;
  for (const stmt of stmts) {
    visit.stmt?.(stmt);
    if (stmt.kind === "for" || stmt.kind === "if") {
      if (looksInside && stmt.kind === "if") walkExpr(stmt.condition, visit);
      walkStmts(stmt.body, visit);
    } else if (looksInside) walkOwn(stmt, visit);
  }
}

/** The expressions and indexes of a statement that holds no others. */
function walkOwn(stmt: Exclude<Stmt, { readonly kind: "for" | "if" }>, visit: Visit): void {
  switch (stmt.kind) {
    case "let":
      walkExpr(stmt.value, visit);
      break;
    case "var":
      walkExpr(stmt.init, visit);
      break;
    case "assign":
      for (const at of stmt.at) walkPlace(at, visit);
      walkExpr(stmt.value, visit);
      break;
    case "store":
      walkPlace(stmt.at, visit);
      for (const bound of stmt.guard) walkPlace(bound.index, visit);
      walkExpr(stmt.value, visit);
      break;
    case "stage":
      walkPlace(stmt.at, visit);
      walkExpr(stmt.value, visit);
      break;
    case "barrier":
      break;
  }
}

/** Whether there is an expression or an index in the statements of which this holds. */
export function someStmt(stmts: readonly Stmt[], holds: Question): boolean {
  return stmts.some((stmt) => {
    switch (stmt.kind) {
      case "for":
        return someStmt(stmt.body, holds);
      case "if":
        return someExpr(stmt.condition, holds) || someStmt(stmt.body, holds);
      case "let":
        return someExpr(stmt.value, holds);
      case "var":
        return someExpr(stmt.init, holds);
      case "assign":
        return somePlace(stmt.at, holds) || someExpr(stmt.value, holds);
      case "store":
        return (
          somePlace([stmt.at], holds) ||
          stmt.guard.some(({ index }) => somePlace([index], holds)) ||
          someExpr(stmt.value, holds)
        );
      case "stage":
        return somePlace([stmt.at], holds) || someExpr(stmt.value, holds);
      case "barrier":
        return false;
      default:
        return unreachable(stmt);
    }
  });
}
