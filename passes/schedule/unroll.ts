/**
 * Expands loops marked `unrolled` into a copy of their body per iteration.
 *
 *   for j < 2 unrolled                         acc[0] = acc[0] + x[i] * w[2*k]
 *     acc[j] = acc[j] + x[i] * w[2*k + j]  ->  acc[1] = acc[1] + x[i] * w[2*k + 1]
 *
 * What the body declares is renamed in each copy (v_0, v_1; v_0_1 in two such loops). Indexes of array variables become
 * constants, so a printer can keep each element in a register.
 */
import { constIndex } from "../../src/kernel/index-expr.ts";
import type { Kernel, Stmt } from "../../src/kernel/kernel.ts";
import type { Fresh } from "./names.ts";
import { copyStmts, freshNames } from "./names.ts";

/** The kernel without `unrolled` loops. */
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
    if (stmt.mark !== "unrolled") return [{ ...stmt, body: unrollStmts(stmt.body, fresh) }];
    return Array.from({ length: stmt.loop.extent }, (_, i) =>
      unrollStmts(
        copyStmts(stmt.body, { loops: new Map([[stmt.loop.name, constIndex(i)]]), suffix: `_${i}` }, fresh),
        fresh,
      ),
    ).flat();
  });
}
