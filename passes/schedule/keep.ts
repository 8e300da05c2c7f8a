/**
 * Keeps the costly values of a row that a later loop over the row wants again.
 *
 *   for c < 512                                 for c < 512
 *     let v = exp(x[512*i + c] - top)             let v = exp(x[512*i + c] - top)
 *     sum = sum + v                               row[c] = v
 *   for d < 512                          ->       sum = sum + v
 *     let w = exp(x[512*i + d] - top)           for d < 512
 *     y[512*i + d] = w / sum                      let w = row[d]
 *                                                 y[512*i + d] = w / sum
 *
 * The row lies in a shared array, which is a thread's own: so the loops around it become thread loops.
 */
import { letValue, load, store } from "../../src/kernel/build.ts";
import { type Expr, isMathsFn, type LoopVar, type Nest, type SharedArray, type Stmt } from "../../src/kernel/kernel.ts";
import { readsAny, rewriting, someExpr, walkStmts } from "../../src/kernel/rewrite.ts";
import { type Fresh, letsFor, namesIn } from "./names.ts";

export interface Kept {
  readonly nest: Nest;
  readonly shared: readonly SharedArray[];
}

/** A longer row would not stay in the first-level cache, and a short one is computed as fast. */
const [shortest, longest] = [16, 8192];

type Row = Stmt & { readonly kind: "for" };

/** The nest with rows kept; undefined where nothing costly is computed twice. */
export function keepRows(nest: Nest, fresh: Fresh): Kept | undefined {
  const shared: SharedArray[] = [];
  const body = [...nest.body];
  const homes = new Map<Expr, string>();
  for (const [i, stmt] of body.entries()) {
    if (!isRow(stmt)) continue;
    const made = keepOne(stmt, body.slice(i + 1).filter(isRow), { nest, homes, shared, fresh });
    if (made !== stmt) body[i] = made;
  }
  if (shared.length === 0) return undefined;
  return { nest: { ...nest, loops: nest.loops.map(({ loop }) => ({ loop, mark: "thread" })), body }, shared };
}

function isRow(stmt: Stmt): stmt is Row {
  if (stmt.kind !== "for" || stmt.mark !== "serial") return false;
  const { extent } = stmt.loop;
  return extent >= shortest && extent <= longest && stmt.body.every(({ kind }) => kind !== "for" && kind !== "if");
}

interface Keeping {
  readonly nest: Nest;
  /** The shared array that holds a value. */
  readonly homes: Map<Expr, string>;
  readonly shared: SharedArray[];
  readonly fresh: Fresh;
}

/** One loop: takes the values that an earlier one kept, and keeps those that a later one wants. */
function keepOne(row: Row, later: readonly Row[], { nest, homes, shared, fresh }: Keeping): Row {
  const wanted = new Set(later.flatMap((other) => [...costlyLets(other, nest).values()]));
  const costly = costlyLets(row, nest);
  let changed = false;
  const body = row.body.flatMap((stmt): readonly Stmt[] => {
    const key = stmt.kind === "let" ? costly.get(stmt.name) : undefined;
    if (stmt.kind !== "let" || key === undefined) return [stmt];
    const home = homes.get(key);
    if (home !== undefined) {
      changed = true;
      return [letValue(stmt.name, load("f32", home, fresh.pool.loop(row.loop)))];
    }
    if (!wanted.has(key)) return [stmt];
    changed = true;
    const array: SharedArray = { name: fresh("row"), type: "f32", count: row.loop.extent };
    shared.push(array);
    homes.set(key, array.name);
    return [stmt, store(array.name, fresh.pool.loop(row.loop), fresh.pool.name("f32", stmt.name))];
  });
  return changed ? { ...row, body: withoutUnread(body) } : row;
}

/** Lets of the loop that call a maths routine and that are the same in any loop over the row, as equal ones are there. */
function costlyLets({ loop, body }: Row, nest: Nest): ReadonlyMap<string, Expr> {
  const found = new Map<string, Expr>();
  const known = new Map<string, Expr>();
  // Named by its extent, as a row that is longer has elements that a shorter one has not.
  const element: LoopVar = { name: `#${loop.extent}`, extent: loop.extent };
  const spelled = rewriting((expr) =>
    expr.kind === "loop" && expr.loop.name === loop.name ? expr.pool.loop(element) : expr,
  );
  // Lets come in their order: what a value reads is known before it is asked for.
  const named = rewriting((expr) => (expr.kind === "name" ? (known.get(expr.name) ?? expr) : expr));
  for (const stmt of body) {
    if (stmt.kind !== "let") continue;
    const value = named.expr(spelled.expr(stmt.value));
    known.set(stmt.name, value);
    if (value.type === "f32" && isCostly(value) && isFixed(value, nest)) found.set(stmt.name, value);
  }
  return found;
}

function isCostly(value: Expr): boolean {
  return someExpr(value, (expr) => expr.kind === "apply" && isMathsFn(expr.fn));
}

/** Nothing it reads changes in the nest: no variable, no buffer that is stored to. */
function isFixed(value: Expr, nest: Nest): boolean {
  const changing = new Set<string>();
  walkStmts(nest.body, {
    stmt: (stmt) => {
      if (stmt.kind === "var") changing.add(stmt.name);
      else if (stmt.kind === "store") changing.add(stmt.buffer);
    },
  });
  return !readsAny(value, changing);
}

/** Without the lets that nothing reads any more. */
function withoutUnread(body: readonly Stmt[]): readonly Stmt[] {
  const others = body.filter(({ kind }) => kind !== "let");
  const needed = new Set(letsFor(others, body).map((stmt) => (stmt.kind === "let" ? stmt.name : "")));
  for (const name of namesIn(others)) needed.add(name);
  return body.filter((stmt) => stmt.kind !== "let" || needed.has(stmt.name));
}
