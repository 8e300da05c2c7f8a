/**
 * Which statements of a row can be shared out among invocations, and how: the analysis before team.ts.
 *
 *   fold m = max over c < 1000 of x     fold      each lane takes every 64th column; the partial results meet in a tree
 *   loss[r] = log(s) + m                first     stores at the level of the row: lane 0 alone
 *   for c < 1000 parallel { y = x/s }   spread    no result, only stores
 *   let top = abs(m)                    all       every invocation has it
 */

import { notShared } from "../../../passes/schedule/facts.ts";
import { chainOf, type ForStmt } from "../../../passes/schedule/piece.ts";
import { isDynamic } from "../../../src/kernel/index-expr.ts";
import type { FoldStmt, Index, LoopVar, Stmt } from "../../../src/kernel/kernel.ts";
import { declaredNames, readIn, readsAny, replaceLoops, someStmt, walkStmts } from "../../../src/kernel/rewrite.ts";
import { strideAlong } from "../../../src/kernel/stride.ts";

/** Statements of a row, and the loops whose iterations the lanes take: parallel ones around one another are taken as one. */
export type RowStep =
  | { readonly kind: "all" | "first"; readonly stmts: readonly Stmt[]; readonly loops?: undefined }
  | {
      readonly kind: "fold";
      readonly fold: FoldStmt;
      readonly stmts: readonly Stmt[];
      readonly loops: readonly LoopVar[];
    }
  | { readonly kind: "spread"; readonly stmts: readonly Stmt[]; readonly loops: readonly LoopVar[] };

/** The steps of a row, or why sharing it out would race. */
export function planRow(stmts: readonly Stmt[]): readonly RowStep[] | string {
  const steps: RowStep[] = [];
  let run: Stmt[] = [];
  const endRun = (rest: readonly Stmt[]): void => {
    steps.push(...splitRun(run, readIn(rest)));
    run = [];
  };
  for (const [n, stmt] of stmts.entries()) {
    if (stmt.kind === "barrier" || stmt.kind === "exchange")
      return `there is ${stmt.kind === "barrier" ? "a barrier" : "an exchange"} in the body`;
    if (stmt.kind === "assign" || stmt.kind === "for" || stmt.kind === "fold") endRun(stmts.slice(n));
    if (stmt.kind === "assign") steps.push({ kind: "all", stmts: [stmt] });
    else if (stmt.kind === "fold") {
      const isShared = notShared(stmt) === null;
      steps.push(
        isShared ? { kind: "fold", fold: stmt, stmts: [stmt], loops: stmt.axes } : { kind: "all", stmts: [stmt] },
      );
    } else if (stmt.kind === "for") {
      const step = planLoop(stmt);
      if (step === undefined) return `iterations of ${stmt.loop.name} know of each other`;
      steps.push(step);
    } else if (stmt.kind === "if" && stores(stmt) && assignsOuter(stmt)) return "an if stores and assigns";
    else run.push(stmt);
  }
  endRun([]);
  const race = raceIn(steps);
  return race === undefined ? steps : `invocations would race for ${race}`;
}

// ---- runs of statements at the level of the row --------------------------------------------------------------------

/** Stores go to lane 0, and with them the `let`s that only they read; what comes later needs the rest everywhere. */
function splitRun(run: readonly Stmt[], readLater: ReadonlySet<string>): readonly RowStep[] {
  const needed = new Set(readLater);
  const first: Stmt[] = [];
  const all: RowStep[] = [];
  for (const stmt of [...run].reverse()) {
    const toFirst = stores(stmt) || (stmt.kind === "let" && !needed.has(stmt.name));
    if (toFirst) {
      first.push(stmt);
      continue;
    }
    all.push({ kind: "all", stmts: [stmt] });
    for (const name of readIn([stmt])) needed.add(name);
  }
  if (!first.some(stores)) return all.reverse();
  return [...all.reverse(), { kind: "first", stmts: first.reverse() }];
}

function stores(stmt: Stmt): boolean {
  return someStmt([stmt], { stmt: ({ kind }) => kind === "store" });
}

function assignsOuter(stmt: Stmt): boolean {
  const own = new Set(declaredNames([stmt]));
  return someStmt([stmt], { stmt: (inner) => inner.kind === "assign" && !own.has(inner.name) });
}

function planLoop(stmt: ForStmt): RowStep | undefined {
  const chain = chainOf(stmt);
  const end = chain.findIndex(({ mark }) => mark !== "parallel");
  const loops = end < 0 ? chain : chain.slice(0, end);
  const inner = loops[loops.length - 1];
  if (inner !== undefined && !assignsOuter(stmt))
    return { kind: "spread", loops: loops.map(({ loop }) => loop), stmts: inner.body };
  return stores(stmt) ? undefined : { kind: "all", stmts: [stmt] };
}

// ---- races ---------------------------------------------------------------------------------------------------------

/**
 * Of each buffer the row writes, an element may be touched by one invocation only: either all accesses are lane 0's, or
 * all are of the same element in the same column. The first buffer of which that is not so.
 */
function raceIn(steps: readonly RowStep[]): string | undefined {
  const written = new Set<string>();
  const touched = new Map<string, Set<Index | "first" | "any">>();
  for (const step of steps) {
    const { kind, stmts, loops } = step;
    const inner = new Set(declaredNames(kind === "fold" ? step.fold.body : stmts));
    const see = (buffer: string, at: Index): void => {
      const by = kind === "first" ? kind : ((loops && elementOf(at, loops, inner)) ?? "any");
      touched.set(buffer, (touched.get(buffer) ?? new Set()).add(by));
    };
    walkStmts(stmts, {
      stmt: (stmt) => {
        if (stmt.kind !== "store") return;
        written.add(stmt.buffer);
        see(stmt.buffer, stmt.at);
      },
      expr: (expr) => {
        if (expr.kind === "load") see(expr.buffer, expr.at);
      },
    });
  }
  return [...written].find((buffer) => {
    const by = touched.get(buffer);
    return by !== undefined && (by.size > 1 || by.has("any"));
  });
}

/** The element by its column in a way that two loops share; undefined where two columns may mean one element. */
function elementOf(at: Index, loops: readonly LoopVar[], inner: ReadonlySet<string>): Index | undefined {
  const terms = at.kind === "sum" ? at.terms : [{ factor: 1, index: at }];
  const order: { readonly loop: LoopVar; readonly stride: number }[] = [];
  for (const loop of loops) {
    const stride = strideAlong(at, loop.name, loop.extent, () => true);
    if (stride === null) return undefined;
    order.push({ loop, stride: Math.abs(stride) });
  }
  // Injective when, from the finest stride up, each is larger than all that the finer ones reach.
  let reach = terms
    .filter(({ index }) => index.kind === "loop" && inner.has(index.loop.name))
    .reduce((sum, { factor, index }) => sum + Math.abs(factor) * (index.max - index.min), 0);
  for (const { loop, stride } of order.sort((a, b) => a.stride - b.stride)) {
    if (loop.extent === 1) continue;
    if (stride <= reach) return undefined;
    reach += stride * (loop.extent - 1);
  }
  if (terms.some(({ index }) => isDynamic(index) || (index.kind !== "loop" && readsAny(index, inner))))
    return undefined;
  const columns = new Map<string, Index>(
    loops.map((loop, n) => {
      const column: LoopVar = { name: loops.length === 1 ? "#" : `#${n}<${loop.extent}`, extent: loop.extent };
      return [loop.name, at.pool.loop(column)];
    }),
  );
  return replaceLoops(columns).index(at);
}
