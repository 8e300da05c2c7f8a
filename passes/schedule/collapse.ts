/**
 * Makes one loop of two neighbouring parallel loops, where every index allows it.
 *
 *   parallel i < 128, j < 10                      parallel f < 1280
 *     y[10*i + j] = x[10*i + j] * 2        ->       y[f] = x[f] * 2
 *
 * A single long loop fills its vectors: 1280 = 320 * 4, where 10 leaves a rest in every row.
 */
import { floorDivIndex, modIndex } from "../../src/kernel/index-expr.ts";
import type { Index, LoopVar, Nest, Stmt } from "../../src/kernel/kernel.ts";
import { mapStmts, replaceLoops, someStmt } from "../../src/kernel/rewrite.ts";
import type { Fresh } from "./names.ts";

export function collapse(nest: Nest, fresh: Fresh): Nest {
  let made = nest;
  for (let inner = nest.loops.length - 1; inner > 0; inner--) made = collapsePair(made, inner, fresh) ?? made;
  return made;
}

/** Loops `inner - 1` and `inner` as one; undefined where an index would need its parts. */
function collapsePair(nest: Nest, inner: number, fresh: Fresh): Nest | undefined {
  const [a, b] = [nest.loops[inner - 1], nest.loops[inner]];
  if (a === undefined || b === undefined || a.mark !== b.mark) return undefined;
  const both: LoopVar = { name: fresh(`${a.loop.name}${b.loop.name}`), extent: a.loop.extent * b.loop.extent };
  const parts = new Map<string, Index>([
    [a.loop.name, floorDivIndex(fresh.pool.loop(both), b.loop.extent)],
    [b.loop.name, modIndex(fresh.pool.loop(both), b.loop.extent)],
  ]);
  const body = mapStmts(nest.body, replaceLoops(parts));
  if (needsParts(body, both.name)) return undefined;
  return {
    ...nest,
    body,
    loops: [...nest.loops.slice(0, inner - 1), { ...b, loop: both }, ...nest.loops.slice(inner + 1)],
  };
}

function needsParts(body: readonly Stmt[], loop: string): boolean {
  return someStmt(body, {
    expr: ({ kind, reads }) => (kind === "floorDiv" || kind === "mod") && reads.has(loop),
  });
}
