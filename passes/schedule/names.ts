/**
 * Fresh names for a kernel under rewriting, and copies of statements in which everything declared has one.
 *
 *   copy of   let v = x[i + k]; y[i + k] = v    with k -> 3, suffix 3      ->   let v_3 = x[i + 3]; y[i + 3] = v_3
 *
 * A kernel declares each name once, so whatever duplicates statements goes through here.
 */
import { letValue } from "../../src/kernel/build.ts";
import type { Define } from "../../src/kernel/folds.ts";
import type { Expr, ExprPool, Index, Kernel, LoopVar, Stmt } from "../../src/kernel/kernel.ts";
import { mapBounds, mapStmt, poolOf, type Rewrite, readsAny, rewriting, walkStmts } from "../../src/kernel/rewrite.ts";

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
  return Object.assign(fresh, { pool: poolOf(kernel) });
}

/** Gives values names by `let`s that are added to the statements. */
export function defining(stmts: Stmt[], fresh: (wanted: string) => string): Define {
  return (hint, value) => {
    const name = fresh(hint);
    stmts.push(letValue(name, value));
    return value.pool.name(value.type, name);
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
export function copyStmts(stmts: readonly Stmt[], copy: Copy, fresh: (wanted: string) => string): readonly Stmt[] {
  const { names, expr: more, suffix = "" } = copy;
  const loops = new Map<string, Index | LoopVar>(copy.loops);
  const renamed = new Map(copy.renamed);
  const placed = (expr: Expr): Expr => {
    if (expr.kind === "loop") {
      const other = loops.get(expr.loop.name) ?? expr;
      return "extent" in other ? expr.pool.loop(other) : other;
    }
    if (expr.kind !== "name") return expr;
    const other = renamed.get(expr.name);
    return other === undefined ? (names?.get(expr.name) ?? expr) : expr.pool.name(expr.type, other, expr.at);
  };
  // A declaration adds to what is replaced; what reads it comes after it, so nothing is looked at too early.
  const rewrite =
    more === undefined
      ? rewriting(placed, ({ reads }) => {
          for (const read of reads) if (loops.has(read) || renamed.has(read) || names?.has(read) === true) return true;
          return false;
        })
      : rewriting((expr) => more(placed(expr)));
  return stmts.map((stmt) => copyStmt(stmt, { loops, renamed, rewrite, fresh: (wanted) => fresh(wanted + suffix) }));
}

interface Copying {
  readonly loops: Map<string, Index | LoopVar>;
  readonly renamed: Map<string, string>;
  readonly rewrite: Rewrite;
  readonly fresh: (wanted: string) => string;
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
    loops.set(loop.name, other);
    return other;
  };
  switch (stmt.kind) {
    case "let":
      return { ...stmt, value: rewrite.expr(stmt.value), name: rename(stmt.name) };
    case "var":
      return { ...stmt, init: rewrite.expr(stmt.init), name: rename(stmt.name) };
    case "assign": {
      const value = rewrite.expr(stmt.value);
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
      const values = stmt.values.map(rewrite.expr);
      const guard = mapBounds(stmt.guard, rewrite);
      const accumulators = stmt.accumulators.map(({ name, type }) => ({ name: rename(name), type }));
      return { ...stmt, axes, block, body, values, guard, accumulators };
    }
    case "if": {
      const condition = rewrite.expr(stmt.condition);
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

/** The loop or fold without the `let`s of its body that nothing reads. */
export function withoutUnread<S extends Stmt & { readonly kind: "for" | "fold" }>(stmt: S): S {
  const kept = new Set(letsFor([{ ...stmt, body: stmt.body.filter(({ kind }) => kind !== "let") }], stmt.body));
  return { ...stmt, body: stmt.body.filter((inner) => inner.kind !== "let" || kept.has(inner)) };
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
