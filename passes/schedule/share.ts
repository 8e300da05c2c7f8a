/**
 * Which loop of a nest the threads share. Every kernel ends at a barrier anyway, so sharing costs only the cache lines that
 * move between cores: it pays from a few thousand operations on.
 */
import type { Expr, Nest, Stmt } from "../../src/kernel/kernel.ts";
import { walkExpr } from "../../src/kernel/rewrite.ts";

/** Operations below which a nest stays on one thread: about 2 microseconds of them. */
const leastWork = 4096;
/** Iterations that a shared loop should have: few do not divide evenly. */
const enoughIterations = 8;

/** The nest with its outermost loop marked `thread`, a long one first; as it is where there is little to do. */
export function shareAmongThreads(nest: Nest): Nest {
  const iterations = nest.loops.reduce((product, { loop }) => product * loop.extent, 1);
  const isMarked = nest.loops.some(({ mark }) => mark === "thread");
  if (isMarked || iterations * workOf(nest.body) < leastWork || nest.loops.length === 0) return nest;
  const long = nest.loops.findIndex(({ loop }) => loop.extent >= enoughIterations);
  const first = nest.loops[Math.max(0, long)];
  const rest = nest.loops.filter((loop) => loop !== first);
  if (first === undefined || first.loop.extent < 2) return nest;
  return { ...nest, loops: [{ ...first, mark: "thread" }, ...rest] };
}

/** Arithmetic, loads and stores of one iteration. */
export function workOf(stmts: readonly Stmt[]): number {
  let work = 0;
  for (const stmt of stmts) {
    switch (stmt.kind) {
      case "for":
        work += stmt.loop.extent * workOf(stmt.body);
        break;
      case "if":
        work += workOf(stmt.body) + exprWork(stmt.condition);
        break;
      case "let":
      case "assign":
        work += exprWork(stmt.value);
        break;
      case "store":
        work += 1 + exprWork(stmt.value);
        break;
      default:
        break;
    }
  }
  return work;
}

function exprWork(expr: Expr): number {
  let work = 0;
  walkExpr(expr, ({ kind }) => {
    if (kind === "apply" || kind === "load") work += 1;
  });
  return work;
}
