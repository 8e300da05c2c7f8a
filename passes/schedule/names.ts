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
import { mapExpr, mapStmt, walkStmts } from "../../src/kernel/rewrite.ts";

/** Gives a name that the kernel has not, close to the one wanted. */
export type Fresh = (wanted: string) => string;

export function freshNames(kernel: Kernel): Fresh {
  const taken = new Set<string>([kernel.name]);
  for (const { name } of [...kernel.buffers, ...kernel.shared]) taken.add(name);
  for (const nest of kernel.nests) {
    for (const { loop } of nest.loops) taken.add(loop.name);
    for (const name of declaredNames([...nest.prelude, ...nest.body])) taken.add(name);
  }
  // Names are never given back: of those that end in a number, all below the last one found are taken.
  const last = new Map<string, number>();
  return (wanted) => {
    let name = wanted;
    let n = last.get(wanted) ?? 0;
    while (taken.has(name)) name = `${wanted}_${++n}`;
    last.set(wanted, n);
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
      else if (stmt.kind === "fold") {
        names.push(
          ...[...stmt.axes, ...stmt.block.map(({ loop }) => loop), ...stmt.accumulators].map(({ name }) => name),
        );
      }
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

/** What a copy replaces. Whatever it declares itself gets a fresh name. */
export interface Copy {
  readonly loops?: ReadonlyMap<string, Index>;
  /** Other names for things declared outside the copy. */
  readonly renamed?: ReadonlyMap<string, string>;
  /** Names replaced by expressions. */
  readonly names?: ReadonlyMap<string, Expr>;
  /** Every expression once more, after loops and names were replaced: for instance to guard loads. */
  readonly expr?: (expr: Expr) => Expr;
  /** What fresh names end in. */
  readonly suffix?: string;
}

/** Copies statements; everything they declare gets a fresh name. */
export function copyStmts(stmts: readonly Stmt[], copy: Copy, fresh: Fresh): readonly Stmt[] {
  const loops = new Map(copy.loops);
  const renamed = new Map(copy.renamed);
  const rewrite: Rewrite = {
    index: (index) => substituteIndex(index, loops, (value) => mapExpr(value, rewrite), printExpr),
    expr: (expr) => {
      let result = expr;
      if (expr.kind === "name") {
        const other = renamed.get(expr.name);
        result = other === undefined ? (copy.names?.get(expr.name) ?? expr) : { ...expr, name: other };
      }
      return copy.expr?.(result) ?? result;
    },
  };
  const freshly: Fresh = (wanted) => fresh(wanted + (copy.suffix ?? ""));
  return stmts.map((stmt) => copyStmt(stmt, { loops, renamed, rewrite, fresh: freshly }));
}

interface Copying {
  readonly loops: Map<string, Index>;
  readonly renamed: Map<string, string>;
  readonly rewrite: Rewrite;
  readonly fresh: Fresh;
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
    case "fold": {
      const axes = stmt.axes.map(renameLoop);
      const block = stmt.block.map(({ loop, mark }) => ({ loop: renameLoop(loop), mark }));
      const body = stmt.body.map((inner) => copyStmt(inner, copying));
      const values = stmt.values.map((value) => mapExpr(value, rewrite));
      const accumulators = stmt.accumulators.map(({ name, type }) => ({ name: rename(name), type }));
      return { ...stmt, axes, block, body, values, accumulators };
    }
    case "if": {
      const condition = mapExpr(stmt.condition, rewrite);
      return { ...stmt, condition, body: stmt.body.map((inner) => copyStmt(inner, copying)) };
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
