/**
 * Which statements of a row can be shared out among invocations, and how: the analysis before gpu-rows.ts.
 *
 *   var m = -inf                      all       every invocation has it
 *   for c < 1000 { m = max(m, x) }    strided   each lane takes every 64th column; the partial maxima are combined
 *   loss[r] = log(s) + m              first     stores at the level of the row: lane 0 alone
 *   for c < 1000 { y = exp(x-m)/s }   strided   no accumulator, only stores
 *
 * An accumulator is recognised by its form, `acc = fn(acc, value)` with `value` free of `acc`. A loop that couples
 * several variables (arg-max) is repeated by all invocations, which is correct and no slower than one of them.
 */
import type { Expr, Index, LoopVar, ScalarFn, Stmt, ValueType } from "../../src/kernel/kernel.ts";
import { replaceLoops, someStmt, walkStmts } from "../../src/kernel/rewrite.ts";
import { strideIn, totalOf } from "./gpu-flat.ts";
import { declaredNames, namesIn } from "./names.ts";

export type Combine = "add" | "mul" | "max" | "min" | "and" | "or" | "xor";

export interface Accumulator {
  readonly name: string;
  readonly type: ValueType;
  readonly fn: Combine;
}

/** A serial loop, perfectly nested ones taken as one. */
export interface Columns {
  readonly loops: readonly LoopVar[];
  readonly body: readonly Stmt[];
}

export type RowStep =
  | { readonly kind: "all"; readonly stmt: Stmt }
  | { readonly kind: "strided"; readonly columns: Columns; readonly accumulators: readonly Accumulator[] }
  | { readonly kind: "first"; readonly stmts: readonly Stmt[] };

/** The steps of a row, or undefined where sharing it out would race. `after`: what is read once they are done. */
export function planRow(stmts: readonly Stmt[], after: readonly Stmt[] = []): readonly RowStep[] | undefined {
  const variables = new Map<string, ValueType>();
  const steps: RowStep[] = [];
  let run: Stmt[] = [];
  const endRun = (rest: readonly Stmt[]): void => {
    steps.push(...splitRun(run, namesIn([...rest, ...after])));
    run = [];
  };
  for (const [n, stmt] of stmts.entries()) {
    if (stmt.kind === "barrier") return undefined;
    if (stmt.kind === "var" && stmt.shape.length === 0) variables.set(stmt.name, stmt.type);
    if (stmt.kind === "assign" || stmt.kind === "for") endRun(stmts.slice(n));
    if (stmt.kind === "assign") steps.push({ kind: "all", stmt });
    else if (stmt.kind === "for") {
      const step = planLoop(stmt, variables);
      if (step === undefined) return undefined;
      steps.push(step);
    } else if (stmt.kind === "if" && stores(stmt) && assignsOuter(stmt)) return undefined;
    else run.push(stmt);
  }
  endRun([]);
  return racesIn(steps) ? undefined : steps;
}

/** Iterations that are shared out, and that every invocation repeats. */
export function workOf(steps: readonly RowStep[]): { readonly strided: number; readonly repeated: number } {
  let strided = 0;
  let repeated = 0;
  for (const step of steps) {
    if (step.kind === "strided") strided += totalOf(step.columns.loops);
    if (step.kind === "all" && step.stmt.kind === "for") repeated += totalOf(collapse(step.stmt).loops);
  }
  return { strided, repeated };
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

// ---- loops ---------------------------------------------------------------------------------------------------------

export function collapse(stmt: Stmt & { readonly kind: "for" }): Columns {
  const loops = [stmt.loop];
  let body = stmt.body;
  for (;;) {
    const only = body.length === 1 ? body[0] : undefined;
    if (only?.kind !== "for" || only.mark !== "serial") return { loops, body };
    loops.push(only.loop);
    body = only.body;
  }
}

function planLoop(
  stmt: Stmt & { readonly kind: "for" },
  variables: ReadonlyMap<string, ValueType>,
): RowStep | undefined {
  const columns = collapse(stmt);
  const accumulators = stmt.mark === "serial" ? accumulatorsOf(columns.body, variables) : undefined;
  if (accumulators !== undefined) return { kind: "strided", columns, accumulators };
  return stores(stmt) ? undefined : { kind: "all", stmt };
}

/** What the statements accumulate into variables from outside, or undefined where they do anything else to those. */
function accumulatorsOf(
  body: readonly Stmt[],
  variables: ReadonlyMap<string, ValueType>,
): readonly Accumulator[] | undefined {
  const own = new Set(declaredNames(body));
  const found = new Map<string, Accumulator>();
  const reads = new Map<string, number>();
  const ownReads = new Map<string, number>();
  const count = (counts: Map<string, number>, name: string): void => {
    counts.set(name, (counts.get(name) ?? 0) + 1);
  };
  let sound = true;
  walkStmts(body, {
    stmt: (stmt) => {
      sound &&= stmt.kind !== "barrier";
      if (stmt.kind !== "assign" || own.has(stmt.name)) return;
      const type = variables.get(stmt.name);
      const fn = combineOf(stmt.name, stmt.value);
      const known = found.get(stmt.name);
      sound &&= type !== undefined && fn !== undefined && (known === undefined || known.fn === fn);
      if (type !== undefined && fn !== undefined) found.set(stmt.name, { name: stmt.name, type, fn });
      count(ownReads, stmt.name);
    },
    expr: (expr) => {
      if (expr.kind === "name") count(reads, expr.name);
    },
  });
  for (const name of found.keys()) sound &&= reads.get(name) === ownReads.get(name);
  return sound ? [...found.values()] : undefined;
}

const combining: readonly ScalarFn[] = ["add", "mul", "max", "min", "and", "or", "xor"] satisfies readonly Combine[];

function combineOf(name: string, value: Expr): Combine | undefined {
  if (value.kind !== "apply" || !isCombine(value.fn)) return undefined;
  const selves = value.args.filter((arg) => arg.kind === "name" && arg.name === name);
  return selves.length === 1 ? value.fn : undefined;
}

function isCombine(fn: ScalarFn): fn is Combine {
  return combining.includes(fn);
}

// ---- races ---------------------------------------------------------------------------------------------------------

interface Access {
  readonly write: boolean;
  /** Where it happens: in lane 0, in every lane, or in the lane of its column (then `element` says which, if it can be said). */
  readonly place: "first" | "all" | "strided";
  readonly element: Index | undefined;
}

/**
 * Of each buffer the row writes, an element may be touched by one invocation only: either all accesses are lane 0's, or
 * all are of the same element in the same column.
 */
function racesIn(steps: readonly RowStep[]): boolean {
  const accesses = new Map<string, Access[]>();
  for (const step of steps) {
    for (const [buffer, access] of accessesOf(step)) {
      const known = accesses.get(buffer) ?? [];
      known.push(access);
      accesses.set(buffer, known);
    }
  }
  for (const all of accesses.values()) {
    if (!all.some((access) => access.write)) continue;
    const [head] = all;
    if (head === undefined || head.place === "all") return true;
    if (all.some((access) => access.place !== head.place)) return true;
    if (
      head.place === "strided" &&
      (head.element === undefined || all.some((access) => access.element !== head.element))
    )
      return true;
  }
  return false;
}

function accessesOf(step: RowStep): readonly (readonly [string, Access])[] {
  const found: [string, Access][] = [];
  const place = step.kind;
  const columns = step.kind === "strided" ? step.columns : undefined;
  const element = (at: Index): Index | undefined => (columns === undefined ? undefined : elementOf(at, columns));
  const body = step.kind === "all" ? [step.stmt] : step.kind === "first" ? step.stmts : step.columns.body;
  walkStmts(body, {
    stmt: (stmt) => {
      if (stmt.kind === "store") found.push([stmt.buffer, { write: true, place, element: element(stmt.at) }]);
    },
    expr: (expr) => {
      if (expr.kind === "load") found.push([expr.buffer, { write: false, place, element: element(expr.at) }]);
    },
  });
  return found;
}

/** The element by its column in a way that two loops share; undefined where two columns may mean one element. */
function elementOf(at: Index, { loops, body }: Columns): Index | undefined {
  const inner = new Set(declaredNames(body));
  const terms = at.kind === "sum" ? at.terms : [{ factor: 1, index: at }];
  const strides = loops.map((loop) => Math.abs(strideIn(at, loop.name)));
  if (strides.some((stride) => Number.isNaN(stride))) return undefined;
  // Injective when, from the finest stride up, each is larger than all that the finer ones reach.
  let reach = terms
    .filter(({ index }) => index.kind === "loop" && inner.has(index.loop.name))
    .reduce((sum, { factor, index }) => sum + Math.abs(factor) * (index.max - index.min), 0);
  const order = loops.map((loop, n) => ({ loop, stride: strides[n] ?? 0 })).sort((a, b) => a.stride - b.stride);
  for (const { loop, stride } of order) {
    if (loop.extent === 1) continue;
    if (stride <= reach) return undefined;
    reach += stride * (loop.extent - 1);
  }
  if (terms.some(({ index }) => index.kind === "ranged" || readsInner(index, inner))) return undefined;
  const shared = new Map<string, Index>(
    loops.map((loop, n) => {
      const column: LoopVar = { name: loops.length === 1 ? "#" : `#${n}<${loop.extent}`, extent: loop.extent };
      return [loop.name, loop.extent === 1 ? at.pool.integer(0) : at.pool.loop(column)];
    }),
  );
  return replaceLoops(shared).index(at);
}

/** A loop of the body inside a quotient or remainder. */
function readsInner(index: Index, inner: ReadonlySet<string>): boolean {
  if (index.kind === "loop" || index.kind === "const") return false;
  return [...inner].some((name) => Number.isNaN(strideIn(index, name)));
}
