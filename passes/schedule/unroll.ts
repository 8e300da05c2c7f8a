/**
 * Expands loops marked `unrolled` or `interleaved` into a copy of their body per iteration.
 *
 *   for j < 2 unrolled                         acc[0] = acc[0] + x[i] * w[2*k]
 *     acc[j] = acc[j] + x[i] * w[2*k + j]  ->  acc[1] = acc[1] + x[i] * w[2*k + 1]
 *
 * What the body declares is renamed in each copy (v_0, v_1; v_0_1 in two such loops). Indexes of array variables become
 * constants, so a printer can keep each element in a register.
 */
import type { Kernel, Stmt } from "../../src/kernel/kernel.ts";
import type { Fresh } from "./names.ts";
import { copyStmts, freshNames } from "./names.ts";

/** The kernel without `unrolled` and `interleaved` loops. */
export function unroll(kernel: Kernel): Kernel {
  const fresh = freshNames(kernel);
  const nests = kernel.nests.map((nest) => ({
    ...nest,
    prelude: unrollStmts(nest.prelude, fresh),
    body: unrollStmts(nest.body, fresh),
  }));
  return { ...kernel, nests };
}

export function unrollStmts(stmts: readonly Stmt[], fresh: Fresh): readonly Stmt[] {
  return stmts.flatMap((stmt): readonly Stmt[] => {
    if (stmt.kind === "if") return [{ ...stmt, body: unrollStmts(stmt.body, fresh) }];
    if (stmt.kind !== "for") return [stmt];
    if (stmt.mark !== "unrolled" && stmt.mark !== "interleaved") {
      return [{ ...stmt, body: unrollStmts(stmt.body, fresh) }];
    }
    const copies = Array.from({ length: stmt.loop.extent }, (_, i) => {
      const copy = { loops: new Map([[stmt.loop.name, fresh.pool.integer(i)]]), suffix: `_${i}` };
      return unrollStmts(copyStmts(stmt.body, copy, fresh), fresh);
    });
    return stmt.mark === "unrolled" ? copies.flat() : together(copies);
  });
}

/** The first statements of all copies, then the second ones, and so on. */
function together(copies: readonly (readonly Stmt[])[]): readonly Stmt[] {
  return (copies[0] ?? []).flatMap((_, i) => copies.flatMap((copy) => copy.slice(i, i + 1)));
}
