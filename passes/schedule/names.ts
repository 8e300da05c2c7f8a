/**
 * Fresh names for a kernel under rewriting, and copies of statements in which everything declared has one.
 *
 *   copy of   let v = x[i + k]; y[i + k] = v    with k -> 3, suffix 3      ->   let v_3 = x[i + 3]; y[i + 3] = v_3
 *
 * A kernel declares each name once, so whatever duplicates statements goes through here.
 */
import { loopIndex, substituteIndex } from "../../src/kernel/index-expr.ts";
import type { Expr, Index, Kernel, LoopVar, Stmt } from "../../src/kernel/kernel.ts";
import { printExpr } from "../../src/kernel/print.ts";
import type { Rewrite } from "../../src/kernel/rewrite.ts";
import { mapBounds, mapExpr, walkStmts } from "../../src/kernel/rewrite.ts";

/** Gives a name that the kernel has not, close to the one wanted. */
export type Fresh = (wanted: string) => string;

export function freshNames(kernel: Kernel): Fresh {
  const taken = new Set<string>([kernel.name]);
  for (const { name } of [...kernel.buffers, ...kernel.scalars, ...kernel.shared]) taken.add(name);
  for (const nest of kernel.nests) {
    for (const { loop } of nest.loops) taken.add(loop.name);
    for (const name of declaredNames([...nest.prelude, ...nest.body])) taken.add(name);
  }
  return (wanted) => {
    let name = wanted;
    for (let n = 1; taken.has(name); n += 1) name = `${wanted}_${n}`;
    taken.add(name);
    return name;
  };
}

/** Loops, `let`s and `var`s declared in the statements, nested ones too. */
export function declaredNames(stmts: readonly Stmt[]): readonly string[] {
  const names: string[] = [];
  walkStmts(stmts, {
    stmt: (stmt) => {
      if (stmt.kind === "let" || stmt.kind === "var") names.push(stmt.name);
      else if (stmt.kind === "for") names.push(stmt.loop.name);
      else if (stmt.kind === "stage") names.push(...stmt.loops.map((loop) => loop.name));
    },
  });
  return names;
}

/** What becomes of loop variables and of names. */
export interface Replacement {
  readonly loops: ReadonlyMap<string, Index>;
  /** The spelling, and indexes to put before the name's own. */
  readonly names: ReadonlyMap<string, { readonly name: string; readonly at: readonly Index[] }>;
}

/** A rewrite of loop variables and names together, inside loaded indexes too. */
export function replace({ loops, names }: Replacement): Rewrite {
  const rewrite: Rewrite = {
    index: (index) => substituteIndex(index, loops, (value) => mapExpr(value, rewrite), printExpr),
    expr: (expr: Expr) => {
      if (expr.kind !== "name") return expr;
      const found = names.get(expr.name);
      return found === undefined ? expr : { ...expr, name: found.name, at: [...found.at, ...expr.at] };
    },
  };
  return rewrite;
}

/** The statements with loop variables replaced, and every name they declare renamed to a fresh one; `names` as well. */
export function copyStmts(
  stmts: readonly Stmt[],
  loops: ReadonlyMap<string, Index>,
  fresh: Fresh,
  suffix: string,
  names: ReadonlyMap<string, string> = new Map(),
): readonly Stmt[] {
  const inner = new Map<string, LoopVar>();
  walkStmts(stmts, {
    stmt: (stmt) => {
      const own = stmt.kind === "for" ? [stmt.loop] : stmt.kind === "stage" ? stmt.loops : [];
      for (const loop of own) inner.set(loop.name, loop);
    },
  });
  const renamed = new Map([...names].map(([from, to]) => [from, { name: to, at: [] }]));
  for (const name of declaredNames(stmts)) renamed.set(name, { name: fresh(name + suffix), at: [] });
  const loopOf = (loop: LoopVar): LoopVar => ({ ...loop, name: renamed.get(loop.name)?.name ?? loop.name });
  const all = new Map(loops);
  for (const [name, loop] of inner) all.set(name, loopIndex(loopOf(loop)));
  const rewrite = replace({ loops: all, names: renamed });
  const named = (name: string): string => renamed.get(name)?.name ?? name;
  return stmts.map((stmt) => renameStmt(stmt, rewrite, named, loopOf));
}

function renameStmt(
  stmt: Stmt,
  rewrite: Rewrite,
  named: (name: string) => string,
  loopOf: (loop: LoopVar) => LoopVar,
): Stmt {
  const inside = (body: readonly Stmt[]): readonly Stmt[] => body.map((one) => renameStmt(one, rewrite, named, loopOf));
  switch (stmt.kind) {
    case "for":
      return { ...stmt, loop: loopOf(stmt.loop), body: inside(stmt.body) };
    case "let":
      return { ...stmt, name: named(stmt.name), value: mapExpr(stmt.value, rewrite) };
    case "var":
      return { ...stmt, name: named(stmt.name), init: mapExpr(stmt.init, rewrite) };
    case "assign":
      return { ...stmt, name: named(stmt.name), at: stmt.at.map(rewrite.index), value: mapExpr(stmt.value, rewrite) };
    case "store":
      return {
        ...stmt,
        at: rewrite.index(stmt.at),
        value: mapExpr(stmt.value, rewrite),
        guard: mapBounds(stmt.guard, rewrite),
      };
    case "if":
      return { ...stmt, condition: mapExpr(stmt.condition, rewrite), body: inside(stmt.body) };
    case "stage":
      return {
        ...stmt,
        loops: stmt.loops.map(loopOf),
        at: rewrite.index(stmt.at),
        value: mapExpr(stmt.value, rewrite),
      };
    case "barrier":
      return stmt;
  }
}
