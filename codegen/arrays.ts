/**
 * Array variables whose elements are variables of their own: those that are indexed by constants alone, as loops over them are
 * unrolled. An engine then keeps each element in a register.
 */
import type { Index, Stmt } from "../src/kernel/kernel.ts";
import { walkStmts } from "../src/kernel/rewrite.ts";

/** The array variables that are indexed by more than constants. */
export function indexedArrays(stmts: readonly Stmt[]): ReadonlySet<string> {
  const found = new Set<string>();
  const see = (name: string, at: readonly Index[]): void => {
    if (at.some((index) => index.kind !== "const")) found.add(name);
  };
  walkStmts(stmts, {
    stmt: (stmt) => {
      if (stmt.kind === "assign") see(stmt.name, stmt.at);
    },
    expr: (expr) => {
      if (expr.kind === "name") see(expr.name, expr.at);
    },
  });
  return found;
}

/** All positions in an array of this shape, the last axis fastest. */
export function elements(shape: readonly number[]): readonly (readonly number[])[] {
  let all: readonly (readonly number[])[] = [[]];
  for (const size of shape) all = all.flatMap((at) => Array.from({ length: size }, (_, i) => [...at, i]));
  return all;
}
