/**
 * Expands loops marked `unrolled` or `interleaved` into a copy of their body per iteration.
 *
 *   for j < 2 unrolled                         acc[0] = acc[0] + x[i] * w[2*k]
 *     acc[j] = acc[j] + x[i] * w[2*k + j]  ->  acc[1] = acc[1] + x[i] * w[2*k + 1]
 *
 * What the body declares is renamed in each copy (v_0, v_1; v_0_1 in two such loops). Indexes of array variables become
 * constants, so a printer can keep each element in a register.
 */

import { Copies } from "../../src/kernel/copies.ts";
import type { Index, Kernel, Stmt } from "../../src/kernel/kernel.ts";
import { type Fresh, freshNames } from "../../src/kernel/names.ts";

/** The kernel without `unrolled` and `interleaved` loops. */
export function unroll(kernel: Kernel, fresh = freshNames(kernel)): Kernel {
  const nests = kernel.nests.map((nest) => ({
    ...nest,
    prelude: unrollStmts(nest.prelude, fresh),
    body: unrollStmts(nest.body, fresh),
  }));
  return { ...kernel, nests };
}

function unrollStmts(stmts: readonly Stmt[], fresh: Fresh): readonly Stmt[] {
  const out: Stmt[] = [];
  for (let i = 0; i < stmts.length; i += 1) {
    const stmt = stmts[i];
    if (stmt === undefined) break;
    if (isUnrolled(stmt)) out.push(...unrolled(stmt, fresh));
    else if (stmt.kind === "for" || stmt.kind === "if") out.push({ ...stmt, body: unrollStmts(stmt.body, fresh) });
    else out.push(stmt);
  }
  return out;
}

type Unrolled = Stmt & { readonly kind: "for"; readonly mark: "unrolled" | "interleaved" };

function isUnrolled(stmt: Stmt | undefined): stmt is Unrolled {
  return stmt?.kind === "for" && (stmt.mark === "unrolled" || stmt.mark === "interleaved");
}

/** Loops with nothing between them are left at once: a statement is copied once for each iteration of all of them. */
function unrolled(outermost: Unrolled, fresh: Fresh): readonly Stmt[] {
  const loops = [outermost];
  for (let inner = outermost.body[0]; isUnrolled(inner) && loops.at(-1)?.body.length === 1; inner = inner.body[0]) {
    loops.push(inner);
  }
  let suffixes: readonly string[] = [""];
  for (const { loop } of loops) {
    const own = Array.from({ length: loop.extent }, (_, i) => `_${i}`);
    suffixes = suffixes.flatMap((outer) => own.map((suffix) => outer + suffix));
  }
  const indexes = new Map<string, readonly Index[]>();
  let inside = suffixes.length;
  for (const { loop } of loops) {
    inside /= loop.extent;
    const each = inside;
    indexes.set(
      loop.name,
      suffixes.map((_, n) => fresh.pool.integer(Math.floor(n / each) % loop.extent)),
    );
  }
  const copies = new Copies(loops.at(-1)?.body ?? [], indexes, suffixes, fresh);
  let lists = suffixes.map((_, n) => unrollStmts(copies.copy(n), fresh));
  for (const { loop, mark } of loops.reverse()) {
    const joined: (readonly Stmt[])[] = [];
    for (let from = 0; from < lists.length; from += loop.extent) {
      const own = lists.slice(from, from + loop.extent);
      joined.push(mark === "unrolled" ? oneByOne(own) : together(own));
    }
    lists = joined;
  }
  return lists.length === 1 ? (lists[0] ?? []) : oneByOne(lists);
}

/** All statements of the first copy, then of the second, and so on. Pushed: `flat` asks the engine for each item by itself. */
function oneByOne(copies: readonly (readonly Stmt[])[]): readonly Stmt[] {
  const all: Stmt[] = [];
  for (const copy of copies) all.push(...copy);
  return all;
}

/** The first statements of all copies, then the second ones, and so on. */
function together(copies: readonly (readonly Stmt[])[]): readonly Stmt[] {
  const all: Stmt[] = [];
  const length = copies[0]?.length ?? 0;
  for (let i = 0; i < length; i += 1) for (const copy of copies) all.push(...copy.slice(i, i + 1));
  return all;
}
