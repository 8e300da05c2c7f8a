/**
 * Fresh names, and copies of statements under fresh names.
 *
 * Names are unique within a kernel, so whoever copies a `let` (a register block copies its epilogue once per element)
 * gives the copy a name of its own, and rewrites what reads it.
 */
import { loopIndex, substituteIndex } from "../../src/kernel/index-expr.ts";
import type { Expr, Index, Kernel, LoopVar, Stmt } from "../../src/kernel/kernel.ts";
import { printExpr } from "../../src/kernel/print.ts";
import type { Rewrite } from "../../src/kernel/rewrite.ts";
import { mapExpr, mapStmt, walkStmts } from "../../src/kernel/rewrite.ts";

/** Gives a name that nothing in the kernel has yet: `base`, else `base_2`, `base_3`... */
export type Names = (base: string) => string;

export function namesOf(kernel: Kernel): Names {
  const taken = new Set<string>([kernel.name]);
  for (const { name } of [...kernel.buffers, ...kernel.scalars, ...kernel.shared]) taken.add(name);
  for (const nest of kernel.nests) {
    for (const { loop } of nest.loops) taken.add(loop.name);
    for (const name of declaredBy([...nest.prelude, ...nest.body])) taken.add(name);
  }
  return (base) => {
    let name = base;
    for (let n = 2; taken.has(name); n += 1) name = `${base}_${n}`;
    taken.add(name);
    return name;
  };
}

/** Names of the `let`s, `var`s and loops that the statements declare, nested ones included. */
export function declaredBy(stmts: readonly Stmt[]): ReadonlySet<string> {
  const names = new Set<string>();
  walkStmts(stmts, {
    stmt: (stmt) => {
      if (stmt.kind === "let" || stmt.kind === "var") names.add(stmt.name);
      if (stmt.kind === "for") names.add(stmt.loop.name);
      if (stmt.kind === "stage") for (const loop of stmt.loops) names.add(loop.name);
    },
  });
  return names;
}

/** What a copy replaces: loop variables by indexes, names by expressions, and every expression once more at the end. */
export interface Replacement {
  readonly loops: ReadonlyMap<string, Index>;
  readonly names: ReadonlyMap<string, Expr>;
  /** After loops and names were replaced: for instance to guard loads. */
  readonly expr?: (expr: Expr) => Expr;
}

/** Copies statements; everything they declare gets a fresh name. */
export function copyStmts(stmts: readonly Stmt[], replacement: Replacement, fresh: Names): readonly Stmt[] {
  const loops = new Map(replacement.loops);
  const renamed = new Map<string, string>();
  const rewrite: Rewrite = {
    index: (index) => substituteIndex(index, loops, (value) => mapExpr(value, rewrite), printExpr),
    expr: (expr) => {
      let result = expr;
      if (expr.kind === "name") {
        const other = renamed.get(expr.name);
        result = other === undefined ? (replacement.names.get(expr.name) ?? expr) : { ...expr, name: other };
      }
      return replacement.expr?.(result) ?? result;
    },
  };
  return stmts.map((stmt) => copyStmt(stmt, { loops, renamed, rewrite, fresh }));
}

interface Copying {
  readonly loops: Map<string, Index>;
  readonly renamed: Map<string, string>;
  readonly rewrite: Rewrite;
  readonly fresh: Names;
}

/** What a statement reads is rewritten before what it declares is renamed. */
function copyStmt(stmt: Stmt, copying: Copying): Stmt {
  const { loops, renamed, rewrite, fresh } = copying;
  const rename = (name: string): string => {
    const other = fresh(name);
    renamed.set(name, other);
    return other;
  };
  const renameLoop = (loop: LoopVar): LoopVar => {
    const other: LoopVar = { name: fresh(loop.name), extent: loop.extent };
    loops.set(loop.name, loopIndex(other));
    return other;
  };
  switch (stmt.kind) {
    case "let":
      return { ...stmt, value: mapExpr(stmt.value, rewrite), name: rename(stmt.name) };
    case "var":
      return { ...stmt, init: mapExpr(stmt.init, rewrite), name: rename(stmt.name) };
    case "assign": {
      const value = mapExpr(stmt.value, rewrite);
      return { ...stmt, name: renamed.get(stmt.name) ?? stmt.name, at: stmt.at.map(rewrite.index), value };
    }
    case "for": {
      const loop = renameLoop(stmt.loop);
      return { ...stmt, loop, body: stmt.body.map((inner) => copyStmt(inner, copying)) };
    }
    case "if": {
      const condition = mapExpr(stmt.condition, rewrite);
      return { ...stmt, condition, body: stmt.body.map((inner) => copyStmt(inner, copying)) };
    }
    case "stage": {
      const renamedLoops = stmt.loops.map(renameLoop);
      return { ...stmt, loops: renamedLoops, at: rewrite.index(stmt.at), value: mapExpr(stmt.value, rewrite) };
    }
    default:
      return mapStmt(stmt, rewrite);
  }
}

/** The names an expression reads. */
export function namesIn(stmts: readonly Stmt[]): ReadonlySet<string> {
  const names = new Set<string>();
  walkStmts(stmts, {
    expr: (expr) => {
      if (expr.kind === "name") names.add(expr.name);
    },
  });
  return names;
}

/** Of `lets`, those that `stmts` need, directly or through one another; in their order. */
export function letsFor(stmts: readonly Stmt[], lets: readonly Stmt[]): readonly Stmt[] {
  const needed = new Set(namesIn(stmts));
  const kept: Stmt[] = [];
  for (const stmt of [...lets].reverse()) {
    if (stmt.kind !== "let" || !needed.has(stmt.name)) continue;
    kept.push(stmt);
    for (const name of namesIn([stmt])) needed.add(name);
  }
  return kept.reverse();
}
