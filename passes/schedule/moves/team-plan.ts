/**
 * Which statements of a row can be shared out among invocations, and how: the analysis before team.ts.
 *
 *   fold m = max over c < 1000 of x     fold      each lane takes every 64th column; the partial results meet in a tree
 *   loss[r] = log(s) + m                first     stores at the level of the row: lane 0 alone
 *   for c < 1000 parallel { y = x/s }   spread    no result, only stores
 *   let top = abs(m)                    all       every invocation has it
 */
import { isDynamic } from "../../../src/kernel/index-expr.ts";
import type { FoldStmt, Index, LoopVar, Nest, Stmt } from "../../../src/kernel/kernel.ts";
import { readsAny, replaceLoops, someStmt, walkStmts } from "../../../src/kernel/rewrite.ts";
import { strideAlong } from "../../../src/kernel/stride.ts";
import { sizeOf } from "../facts.ts";
import { declaredNames, namesIn } from "../names.ts";
import { notShared } from "./tree.ts";

export type RowStep =
  | { readonly kind: "all"; readonly stmt: Stmt }
  | { readonly kind: "fold"; readonly fold: FoldStmt }
  /** Parallel loops around one another, taken as one. */
  | { readonly kind: "spread"; readonly loops: readonly LoopVar[]; readonly body: readonly Stmt[] }
  | { readonly kind: "first"; readonly stmts: readonly Stmt[] };

/** The steps of a row, or why sharing it out would race. */
export function planRow(stmts: readonly Stmt[]): readonly RowStep[] | string {
  const steps: RowStep[] = [];
  let run: Stmt[] = [];
  const endRun = (rest: readonly Stmt[]): void => {
    steps.push(...splitRun(run, namesIn(rest)));
    run = [];
  };
  for (const [n, stmt] of stmts.entries()) {
    if (stmt.kind === "barrier") return "there is a barrier in the body";
    if (stmt.kind === "assign" || stmt.kind === "for" || stmt.kind === "fold") endRun(stmts.slice(n));
    if (stmt.kind === "assign") steps.push({ kind: "all", stmt });
    else if (stmt.kind === "fold")
      steps.push(notShared(stmt) === null ? { kind: "fold", fold: stmt } : { kind: "all", stmt });
    else if (stmt.kind === "for") {
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

/** Iterations that are shared out, and that every invocation repeats. */
export function sharedWork(steps: readonly RowStep[]): { readonly shared: number; readonly repeated: number } {
  let shared = 0;
  let repeated = 0;
  for (const step of steps) {
    const columns = columnsOf(step);
    if (columns !== undefined) shared += sizeOf(columns);
    else if (step.kind === "all" && step.stmt.kind === "for") repeated += step.stmt.loop.extent;
    else if (step.kind === "all" && step.stmt.kind === "fold") repeated += sizeOf(step.stmt.axes);
  }
  return { shared, repeated };
}

/** The loops whose iterations the lanes take. */
export function columnsOf(step: RowStep): readonly LoopVar[] | undefined {
  if (step.kind === "fold") return step.fold.axes;
  return step.kind === "spread" ? step.loops : undefined;
}

export function longestRow(steps: readonly RowStep[]): number {
  return Math.max(0, ...steps.map((step) => sizeOf(columnsOf(step) ?? [{ name: "", extent: 0 }])));
}

/** Which neighbours share memory: those in the last parallel loop (positive), or those in the column loop (negative)? */
export function votesAcross({ loops }: Nest, steps: readonly RowStep[]): number {
  const row = loops.findLast(({ loop }) => loop.extent > 1)?.loop;
  if (row === undefined) return -1;
  let votes = 0;
  const isNext = (at: Index, loop: LoopVar | undefined): boolean =>
    loop !== undefined && Math.abs(strideAlong(at, loop.name, loop.extent, () => true) ?? 0) === 1;
  for (const step of steps) {
    const column = columnsOf(step)?.findLast((loop) => loop.extent > 1);
    if (step.kind !== "fold" && step.kind !== "spread") continue;
    walkStmts(step.kind === "fold" ? [step.fold] : step.body, {
      expr: (expr) => {
        if (expr.kind !== "load") return;
        if (isNext(expr.at, row)) votes += 1;
        if (isNext(expr.at, column)) votes -= 1;
      },
    });
  }
  return votes;
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
    all.push({ kind: "all", stmt });
    for (const name of namesIn([stmt])) needed.add(name);
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

function planLoop(stmt: Stmt & { readonly kind: "for" }): RowStep | undefined {
  const body = [stmt];
  const inside = (): Stmt | undefined => {
    const last = body[body.length - 1]?.body;
    return last?.length === 1 ? last[0] : undefined;
  };
  for (let only = inside(); only?.kind === "for" && only.mark === "parallel"; only = inside()) body.push(only);
  const isSpread = body.every(({ mark }) => mark === "parallel") && !assignsOuter(stmt);
  if (!isSpread) return stores(stmt) ? undefined : { kind: "all", stmt };
  return { kind: "spread", loops: body.map(({ loop }) => loop), body: body[body.length - 1]?.body ?? [] };
}

// ---- races ---------------------------------------------------------------------------------------------------------

interface Access {
  readonly write: boolean;
  /** Where it happens: in lane 0, in every lane, or in the lane of its column (then `element` says which, if it can be said). */
  readonly place: "first" | "all" | "column";
  readonly element: Index | undefined;
}

/**
 * Of each buffer the row writes, an element may be touched by one invocation only: either all accesses are lane 0's, or
 * all are of the same element in the same column. The first buffer of which that is not so.
 */
function raceIn(steps: readonly RowStep[]): string | undefined {
  const accesses = new Map<string, Access[]>();
  for (const step of steps) {
    for (const [buffer, access] of accessesOf(step)) {
      const known = accesses.get(buffer) ?? [];
      known.push(access);
      accesses.set(buffer, known);
    }
  }
  for (const [buffer, all] of accesses) {
    const [head] = all;
    if (head === undefined || !all.some((access) => access.write)) continue;
    const isApart = head.place !== "all" && all.every(({ place }) => place === head.place);
    const isSame =
      head.place !== "column" || (head.element !== undefined && all.every((a) => a.element === head.element));
    if (!isApart || !isSame) return buffer;
  }
  return undefined;
}

function accessesOf(step: RowStep): readonly (readonly [string, Access])[] {
  const found: [string, Access][] = [];
  const loops = columnsOf(step);
  const place = step.kind === "fold" || step.kind === "spread" ? "column" : step.kind;
  const inside = step.kind === "fold" ? step.fold.body : step.kind === "spread" ? step.body : [];
  const inner = new Set(declaredNames(inside));
  const element = (at: Index): Index | undefined => (loops === undefined ? undefined : elementOf(at, loops, inner));
  walkStmts(stmtsOf(step), {
    stmt: (stmt) => {
      if (stmt.kind === "store") found.push([stmt.buffer, { write: true, place, element: element(stmt.at) }]);
    },
    expr: (expr) => {
      if (expr.kind === "load") found.push([expr.buffer, { write: false, place, element: element(expr.at) }]);
    },
  });
  return found;
}

function stmtsOf(step: RowStep): readonly Stmt[] {
  switch (step.kind) {
    case "all":
      return [step.stmt];
    case "fold":
      return [step.fold];
    case "first":
      return step.stmts;
    case "spread":
      return step.body;
  }
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
