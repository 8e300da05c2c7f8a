/**
 * Expands loops marked `unrolled` or `interleaved` into a copy of their body per iteration.
 *
 *   for j < 2 unrolled                         acc[0] = acc[0] + x[i] * w[2*k]
 *     acc[j] = acc[j] + x[i] * w[2*k + j]  ->  acc[1] = acc[1] + x[i] * w[2*k + 1]
 *
 * What the body declares is renamed in each copy (v_0, v_1; v_0_1 in two such loops). Indexes of array variables become
 * constants, so a printer can keep each element in a register.
 */
import type { Index, Kernel, Stmt } from "../../src/kernel/kernel.ts";
import type { Fresh } from "./names.ts";
import { copyStmts, freshNames } from "./names.ts";

/** The kernel without `unrolled` and `interleaved` loops. */
export function unroll(kernel: Kernel, fresh = freshNames(kernel)): Kernel {
  const nests = kernel.nests.map((nest) => ({
    ...nest,
    prelude: unrollStmts(nest.prelude, fresh),
    body: unrollStmts(nest.body, fresh),
  }));
  return { ...kernel, nests };
}

export function unrollStmts(stmts: readonly Stmt[], fresh: Fresh): readonly Stmt[] {
  return stmts.flatMap((stmt): readonly Stmt[] => {
    const unrolled = asUnrolled(stmt);
    if (unrolled !== undefined) return copiesOf(unrolled, new Map(), "", fresh);
    return stmt.kind === "for" || stmt.kind === "if" ? [{ ...stmt, body: unrollStmts(stmt.body, fresh) }] : [stmt];
  });
}

type Unrolled = Stmt & { readonly kind: "for" };

function asUnrolled(stmt: Stmt | undefined): Unrolled | undefined {
  return stmt?.kind === "for" && (stmt.mark === "unrolled" || stmt.mark === "interleaved") ? stmt : undefined;
}

/** Loops with nothing between them are left at once: a statement is copied once for each iteration of all of them. */
function copiesOf(
  { loop, mark, body }: Unrolled,
  outer: ReadonlyMap<string, Index>,
  suffix: string,
  fresh: Fresh,
): readonly Stmt[] {
  const only = body.length === 1 ? asUnrolled(body[0]) : undefined;
  const copies = Array.from({ length: loop.extent }, (_, i) => {
    const loops = new Map(outer).set(loop.name, fresh.pool.integer(i));
    const own = `${suffix}_${i}`;
    if (only !== undefined) return copiesOf(only, loops, own, fresh);
    return unrollStmts(copyStmts(body, { loops, suffix: own }, fresh), fresh);
  });
  return mark === "unrolled" ? copies.flat() : together(copies);
}

/** The first statements of all copies, then the second ones, and so on. */
function together(copies: readonly (readonly Stmt[])[]): readonly Stmt[] {
  return (copies[0] ?? []).flatMap((_, i) => copies.flatMap((copy) => copy.slice(i, i + 1)));
}
