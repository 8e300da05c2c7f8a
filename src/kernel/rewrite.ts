/**
 * Rewriting kernels: maps over expressions and statements, substitution of loop variables and names, and walks.
 *
 * Every scheduling step is a few lines on top of these, and none of them forgets an index hidden in a guard. A rewrite looks
 * at an expression once, however often it stands in a kernel, and not at all where it reads nothing that is replaced.
 */
import { unreachable } from "../core/errors.ts";
import { applyTo, bitcast, convert, load } from "./build.ts";
import { asIndex, floorDivIndex, mapTerms, modIndex, rangedIndex } from "./index-expr.ts";
import type { Bound, Expr, ExprPool, Guard, Index, Kernel, Stmt } from "./kernel.ts";
import { newPool } from "./pool.ts";

/** A map over expressions: the same object where nothing changes, as for all maps here. */
export interface Rewrite {
  readonly expr: (expr: Expr) => Expr;
  readonly index: (index: Index) => Index;
}

/**
 * `change` is what becomes of an expression whose operands were rewritten. Expressions for which `touches` is false stay as they
 * are, with all that is in them.
 */
export function rewriting(change: (expr: Expr) => Expr, touches: (expr: Expr) => boolean = () => true): Rewrite {
  const known = new Map<number, Expr>();
  const rewrite: Rewrite = {
    expr(expr) {
      if (!touches(expr)) return expr;
      if (expr.kind === "const" || expr.kind === "loop") return change(expr);
      const before = known.get(expr.id);
      if (before !== undefined) return before;
      const made = change(mapOperands(expr, rewrite));
      known.set(expr.id, made);
      return made;
    },
    index: (index) => asIndex(rewrite.expr(index)),
  };
  return rewrite;
}

/** Whether the expression reads one of these names. */
export function readsAny({ reads }: Expr, names: ReadonlySet<string> | ReadonlyMap<string, unknown>): boolean {
  if (names.size > 0) for (let i = 0; i < reads.length; i += 1) if (names.has(reads[i] ?? "")) return true;
  return false;
}

/** All that the statements read: variables, loops, buffers. */
export function readIn(stmts: readonly Stmt[]): Set<string> {
  const names = new Set<string>();
  addReads(stmts, names);
  return names;
}

/** What is read in an expression it tells itself: no walk goes into it. */
function addReads(stmts: readonly Stmt[], names: Set<string>): void {
  for (let i = 0; i < stmts.length; i += 1) {
    const stmt = stmts[i] as Stmt;
    for (const { reads } of ownExprs(stmt)) for (let n = 0; n < reads.length; n += 1) names.add(reads[n] ?? "");
    if ("body" in stmt) addReads(stmt.body, names);
  }
}

/** A rewrite that replaces loop variables by indexes. Loops themselves stay where they are. */
export function replaceLoops(loops: ReadonlyMap<string, Index>): Rewrite {
  return rewriting(
    (expr) => (expr.kind === "loop" ? (loops.get(expr.loop.name) ?? expr) : expr),
    (expr) => readsAny(expr, loops),
  );
}

/** The expression with its operands rewritten. */
export function mapOperands(expr: Expr, rewrite: Rewrite): Expr {
  switch (expr.kind) {
    case "const":
    case "loop":
      return expr;
    case "name": {
      const at = mapEach(expr.at, rewrite.index);
      return at === expr.at ? expr : expr.pool.name(expr.type, expr.name, at);
    }
    case "load": {
      const at = rewrite.index(expr.at);
      const guard = expr.guard === undefined ? undefined : mapGuard(expr.guard, rewrite);
      return at === expr.at && guard === expr.guard ? expr : load(expr.type, expr.buffer, at, guard);
    }
    case "apply": {
      const args = mapEach(expr.args, rewrite.expr);
      return args === expr.args ? expr : applyTo(expr.fn, args);
    }
    case "convert": {
      const value = rewrite.expr(expr.value);
      return value === expr.value ? expr : convert(expr.type, value);
    }
    case "bitcast": {
      const value = rewrite.expr(expr.value);
      return value === expr.value ? expr : bitcast(expr.type, value);
    }
    case "ranged": {
      const value = rewrite.expr(expr.value);
      return value === expr.value ? expr : rangedIndex(value, expr.min, expr.max);
    }
    case "sum":
      return mapTerms(expr, rewrite.index);
    case "floorDiv": {
      const divided = rewrite.index(expr.index);
      return divided === expr.index ? expr : floorDivIndex(divided, expr.by);
    }
    case "mod": {
      const divided = rewrite.index(expr.index);
      return divided === expr.index ? expr : modIndex(divided, expr.by);
    }
    default:
      return unreachable(expr);
  }
}

function mapGuard(guard: Guard, rewrite: Rewrite): Guard {
  const bounds = mapBounds(guard.bounds, rewrite);
  const otherwise = rewrite.expr(guard.otherwise);
  return bounds === guard.bounds && otherwise === guard.otherwise ? guard : { bounds, otherwise };
}

export function mapBounds(bounds: readonly Bound[], rewrite: Rewrite): readonly Bound[] {
  return mapEach(bounds, (bound) => {
    const index = rewrite.index(bound.index);
    return index === bound.index ? bound : { index, extent: bound.extent };
  });
}

/** The list with each item mapped; the list itself where all stay as they are. */
export function mapEach<T>(items: readonly T[], map: (item: T) => T): readonly T[] {
  let made: T[] | undefined;
  for (let i = 0; i < items.length; i += 1) {
    const item = items[i] as T;
    const after = map(item);
    if (after === item) continue;
    made ??= items.slice();
    made[i] = after;
  }
  return made ?? items;
}

/** Rewrites all indexes and expressions of a statement, nested statements included. */
export function mapStmt(stmt: Stmt, rewrite: Rewrite): Stmt {
  switch (stmt.kind) {
    case "for": {
      const body = mapStmts(stmt.body, rewrite);
      return body === stmt.body ? stmt : { ...stmt, body };
    }
    case "let":
    case "exchange": {
      const value = rewrite.expr(stmt.value);
      return value === stmt.value ? stmt : { ...stmt, value };
    }
    case "var": {
      const init = rewrite.expr(stmt.init);
      return init === stmt.init ? stmt : { ...stmt, init };
    }
    case "assign": {
      const at = mapEach(stmt.at, rewrite.index);
      const value = rewrite.expr(stmt.value);
      return at === stmt.at && value === stmt.value ? stmt : { ...stmt, at, value };
    }
    case "store": {
      const at = rewrite.index(stmt.at);
      const value = rewrite.expr(stmt.value);
      const guard = mapBounds(stmt.guard, rewrite);
      return at === stmt.at && value === stmt.value && guard === stmt.guard ? stmt : { ...stmt, at, value, guard };
    }
    case "if": {
      const condition = rewrite.expr(stmt.condition);
      const body = mapStmts(stmt.body, rewrite);
      return condition === stmt.condition && body === stmt.body ? stmt : { ...stmt, condition, body };
    }
    case "fold": {
      const body = mapStmts(stmt.body, rewrite);
      const values = mapEach(stmt.values, (value) => rewrite.expr(value));
      const guard = mapBounds(stmt.guard, rewrite);
      const isSame = body === stmt.body && values === stmt.values && guard === stmt.guard;
      return isSame ? stmt : { ...stmt, body, values, guard };
    }
    case "matrix": {
      const body = mapStmts(stmt.body, rewrite);
      const { left, right } = stmt.product;
      const [leftAt, rightAt] = [rewrite.index(left.at), rewrite.index(right.at)];
      if (body === stmt.body && leftAt === left.at && rightAt === right.at) return stmt;
      const product = { ...stmt.product, left: { ...left, at: leftAt }, right: { ...right, at: rightAt } };
      return { ...stmt, body, product };
    }
    case "barrier":
      return stmt;
  }
}

export function mapStmts(stmts: readonly Stmt[], rewrite: Rewrite): readonly Stmt[] {
  return mapEach(stmts, (stmt) => mapStmt(stmt, rewrite));
}

/** What to call for each expression, those inside indexes too. A call that gives true ends the walk; those of `walk*` give nothing. */
export interface Visit<Answer = boolean | undefined> {
  readonly expr?: (expr: Expr) => Answer;
}

export interface StmtVisit<Answer = boolean | undefined> extends Visit<Answer> {
  readonly stmt?: (stmt: Stmt) => Answer;
}

/**
 * Visits every expression of `expr`, operands first. Whether one of the calls gave true, after which there are no more. What
 * it reads at all is known without a walk: `expr.reads`. No closure and no object for each of them: this is the walk most often taken.
 */
export function someExpr(expr: Expr, visit: (expr: Expr) => boolean | undefined): boolean {
  return someOperand(expr, visit) || visit(expr) === true;
}

function someOperand(expr: Expr, visit: (expr: Expr) => boolean | undefined): boolean {
  switch (expr.kind) {
    case "const":
    case "loop":
      return false;
    case "name":
      return expr.at.length > 0 && someOf(expr.at, visit);
    case "load": {
      const { at, guard } = expr;
      if (someExpr(at, visit)) return true;
      return guard !== undefined && (someBound(guard.bounds, visit) || someExpr(guard.otherwise, visit));
    }
    case "apply":
      return someOf(expr.args, visit);
    case "convert":
    case "bitcast":
    case "ranged":
      return someExpr(expr.value, visit);
    case "sum": {
      const { terms } = expr;
      for (let i = 0; i < terms.length; i += 1) if (someExpr(terms[i]?.index ?? expr, visit)) return true;
      return false;
    }
    case "floorDiv":
    case "mod":
      return someExpr(expr.index, visit);
    default:
      return unreachable(expr);
  }
}

/** By number: in a process that has just begun, each step of an iterator makes an object. */
function someOf(exprs: readonly Expr[], visit: (expr: Expr) => boolean | undefined): boolean {
  for (let i = 0; i < exprs.length; i += 1) {
    const expr = exprs[i];
    if (expr !== undefined && someExpr(expr, visit)) return true;
  }
  return false;
}

/** What an expression is made of, each operand as it is. */
export function operandsOf(expr: Expr): readonly Expr[] {
  switch (expr.kind) {
    case "const":
    case "loop":
      return [];
    case "name":
      return expr.at;
    case "load": {
      const { at, guard } = expr;
      return guard === undefined ? [at] : [at, ...guard.bounds.map(({ index }) => index), guard.otherwise];
    }
    case "apply":
      return expr.args;
    case "convert":
    case "bitcast":
    case "ranged":
      return [expr.value];
    case "sum":
      return expr.terms.map(({ index }) => index);
    case "floorDiv":
    case "mod":
      return [expr.index];
    default:
      return unreachable(expr);
  }
}

function someBound(bounds: readonly Bound[], visit: (expr: Expr) => boolean | undefined): boolean {
  if (bounds.length === 0) return false;
  for (const { index } of bounds) if (someExpr(index, visit)) return true;
  return false;
}

/**
 * Visits every statement, outer before inner, and every expression in them; ends as `someExpr` does. Where only
 * statements are asked for, their expressions are not looked into.
 */
export function someStmt(stmts: readonly Stmt[], visit: StmtVisit): boolean {
  const { expr } = visit;
  for (let i = 0; i < stmts.length; i += 1) {
    const stmt = stmts[i];
    if (stmt === undefined) continue;
    if (visit.stmt?.(stmt) === true || (expr !== undefined && someOwn(stmt, expr))) return true;
    if ("body" in stmt && someStmt(stmt.body, visit)) return true;
  }
  return false;
}

function someOwn(stmt: Stmt, visit: (expr: Expr) => boolean | undefined): boolean {
  switch (stmt.kind) {
    case "for":
    case "barrier":
      return false;
    case "if":
      return someExpr(stmt.condition, visit);
    case "matrix":
      return someExpr(stmt.product.left.at, visit) || someExpr(stmt.product.right.at, visit);
    case "let":
    case "exchange":
      return someExpr(stmt.value, visit);
    case "var":
      return someExpr(stmt.init, visit);
    case "assign":
      return someOf(stmt.at, visit) || someExpr(stmt.value, visit);
    case "store":
      return someExpr(stmt.at, visit) || someBound(stmt.guard, visit) || someExpr(stmt.value, visit);
    case "fold":
      return someBound(stmt.guard, visit) || someOf(stmt.values, visit);
    default:
      return unreachable(stmt);
  }
}

/** The expressions of a statement, without those of statements in it. */
export function ownExprs(stmt: Stmt): readonly Expr[] {
  switch (stmt.kind) {
    case "for":
    case "barrier":
      return [];
    case "if":
      return [stmt.condition];
    case "matrix":
      return [stmt.product.left.at, stmt.product.right.at];
    case "let":
    case "exchange":
      return [stmt.value];
    case "var":
      return [stmt.init];
    case "assign":
      return [...stmt.at, stmt.value];
    case "store":
      return [stmt.at, ...stmt.guard.map(({ index }) => index), stmt.value];
    case "fold":
      return stmt.guard.length === 0 ? stmt.values : [...stmt.guard.map(({ index }) => index), ...stmt.values];
    default:
      return unreachable(stmt);
  }
}

/** `someExpr` for visits that none of the calls ends. */
export function walkExpr(expr: Expr, visit: (expr: Expr) => undefined): void {
  someExpr(expr, visit);
}

/** `someStmt` for visits that none of the calls ends. */
export function walkStmts(stmts: readonly Stmt[], visit: StmtVisit<undefined>): void {
  someStmt(stmts, visit);
}

/** The pool of a kernel's expressions; a new one where there is none to be mixed with. */
export function poolOf({ nests }: Kernel): ExprPool {
  let found: ExprPool | undefined;
  for (const { prelude, body } of nests) {
    const see = ({ pool }: Expr): boolean => {
      found = pool;
      return true;
    };
    if (someStmt(prelude, { expr: see }) || someStmt(body, { expr: see })) break;
  }
  return found ?? newPool();
}

/** Loops, `let`s and `var`s declared in the statements, nested ones too. */
export function declaredNames(stmts: readonly Stmt[]): readonly string[] {
  const names: string[] = [];
  walkStmts(stmts, {
    stmt: (stmt) => {
      if (stmt.kind === "let" || stmt.kind === "var" || stmt.kind === "exchange") names.push(stmt.name);
      else if (stmt.kind === "for") names.push(stmt.loop.name);
      else if (stmt.kind === "fold") {
        names.push(
          ...[...stmt.axes, ...stmt.block.map(({ loop }) => loop), ...stmt.accumulators].map(({ name }) => name),
        );
      }
    },
  });
  return names;
}
