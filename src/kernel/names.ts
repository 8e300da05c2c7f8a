/**
 * Names in a kernel under rewriting: fresh ones, those that are declared or read, other ones.
 */
import { letValue } from "./build.ts";
import type { Define } from "./folds.ts";
import type { ExprPool, Index, Kernel, Stmt } from "./kernel.ts";
import { declaredNames, poolOf, type Rewrite, readIn, readsAny, rewriting } from "./rewrite.ts";

/** Gives a name that the kernel has not, close to the one wanted. */
export interface Fresh {
  (wanted: string): string;
  /** Where the kernel's expressions are interned. */
  readonly pool: ExprPool;
}

export function freshNames(kernel: Kernel): Fresh {
  const taken = new Set<string>([kernel.name]);
  for (const { name } of [...kernel.buffers, ...kernel.shared]) taken.add(name);
  for (const nest of kernel.nests) {
    for (const { loop } of nest.loops) taken.add(loop.name);
    for (const name of declaredNames([...nest.prelude, ...nest.body])) taken.add(name);
  }
  return freshAmong(taken, poolOf(kernel));
}

/** Gives names that are none of those taken. */
export function freshAmong(taken: Set<string>, pool: ExprPool): Fresh {
  // Names are never given back: of those that end in a number, all below the last one found are taken.
  const last = new Map<string, number>();
  const fresh = (wanted: string): string => {
    let name = wanted;
    let n = last.get(wanted) ?? 0;
    while (taken.has(name)) name = `${wanted}_${++n}`;
    last.set(wanted, n);
    taken.add(name);
    return name;
  };
  return Object.assign(fresh, { pool });
}

/** Gives values names by `let`s that are added to the statements. */
export function defining(stmts: Stmt[], fresh: (wanted: string) => string): Define {
  return (hint, value) => {
    const name = fresh(hint);
    stmts.push(letValue(name, value));
    return value.pool.name(value.type, name);
  };
}

/** What becomes of loop variables and of names. */
export interface Replacement {
  readonly loops: ReadonlyMap<string, Index>;
  /** The spelling, and indexes to put before the name's own. */
  readonly names: ReadonlyMap<string, { readonly name: string; readonly at: readonly Index[] }>;
}

/** A rewrite of loop variables and names together, inside loaded indexes too. */
export function replace({ loops, names }: Replacement): Rewrite {
  return rewriting(
    (expr) => {
      if (expr.kind === "loop") return loops.get(expr.loop.name) ?? expr;
      const found = expr.kind === "name" ? names.get(expr.name) : undefined;
      if (expr.kind !== "name" || found === undefined) return expr;
      return expr.pool.name(expr.type, found.name, [...found.at, ...expr.at]);
    },
    (expr) => readsAny(expr, loops) || readsAny(expr, names),
  );
}

/** The statements without the `let`s and folds whose values neither they read nor `readers`. */
export function withoutUnread(stmts: readonly Stmt[], readers: readonly Stmt[] = []): readonly Stmt[] {
  const isValue = (stmt: Stmt): boolean =>
    stmt.kind === "let" || (stmt.kind === "fold" && stmt.body.every(({ kind }) => kind !== "store"));
  const kept = new Set(letsFor([...stmts.filter((stmt) => !isValue(stmt)), ...readers], stmts));
  return stmts.filter((stmt) => !isValue(stmt) || kept.has(stmt));
}

/** Of `values`, the `let`s and folds that `stmts` need, directly or through one another; in their order. */
export function letsFor(stmts: readonly Stmt[], values: readonly Stmt[]): readonly Stmt[] {
  const needed = readIn(stmts);
  const kept: Stmt[] = [];
  for (const stmt of [...values].reverse()) {
    const names = stmt.kind === "let" ? [stmt] : stmt.kind === "fold" ? stmt.accumulators : [];
    if (!names.some(({ name }) => needed.has(name))) continue;
    kept.push(stmt);
    for (const name of readIn([stmt])) needed.add(name);
  }
  return kept.reverse();
}
