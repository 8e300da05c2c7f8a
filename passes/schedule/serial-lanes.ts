/**
 * Puts the serial loops of a body into lanes: loops that fold elements into sums or extremes, and loops that store.
 *
 *   for c < 10                              for c_o < 2:  for l < 4 lane:  part[l] = max(part[l], x[10*i + 4*c_o + l])
 *     acc = max(acc, x[10*i + c])     ->    acc = max(acc, max(max(part[0], part[1]), max(part[2], part[3])))
 *                                           for c_r < 2:  acc = max(acc, x[10*i + c_r + 8])
 *
 * A sum is then made of several partial sums, in an order that depends on nothing but the sizes.
 */
import { apply, assign, variable } from "../../src/kernel/build.ts";
import { sumIndex } from "../../src/kernel/index-expr.ts";
import type { Expr, Index, LoopVar, ScalarFn, Stmt, ValueType } from "../../src/kernel/kernel.ts";
import { someStmt, walkStmts } from "../../src/kernel/rewrite.ts";
import { laneCount, strideAlong } from "../../src/kernel/stride.ts";
import { copyStmts, type Fresh } from "./names.ts";

export interface SerialLanes {
  readonly body: readonly Stmt[];
  /** The loops that were put into lanes. */
  readonly loops: ReadonlySet<string>;
}

/** Vectors of sums under way at once in a long loop. */
const vectorsAtOnce = 4;

/** The body with every innermost serial loop that allows it in lanes; undefined where none does. */
export function vectorizeSerial(body: readonly Stmt[], fresh: Fresh): SerialLanes | undefined {
  const loops = new Set<string>();
  const visit = (stmts: readonly Stmt[]): readonly Stmt[] =>
    stmts.flatMap((stmt): readonly Stmt[] => {
      if (stmt.kind !== "for" || stmt.mark !== "serial") return [stmt];
      if (stmt.body.some(({ kind }) => kind === "for")) return [{ ...stmt, body: visit(stmt.body) }];
      const folds = stmt.loop.extent >= laneCount ? foldsOf(stmt.loop, stmt.body) : undefined;
      if (folds === undefined) return [stmt];
      loops.add(stmt.loop.name);
      return inLanes(stmt.loop, stmt.body, folds, fresh);
    });
  const made = visit(body);
  return loops.size === 0 ? undefined : { body: made, loops };
}

// ---- what a loop does ----------------------------------------------------------------------------------------------

/** `name = fn(name, ...)`, and nothing else reads it. */
interface Fold {
  readonly name: string;
  readonly fn: "add" | "mul" | "max" | "min";
  readonly type: ValueType;
}

/** The variables that the loop folds; undefined where its iterations depend on each other in another way. */
function foldsOf(loop: LoopVar, body: readonly Stmt[]): ReadonlyMap<string, Fold> | undefined {
  const folds = new Map<string, Fold>();
  const stored = new Map<string, Index>();
  for (const stmt of body) {
    if (stmt.kind === "store") {
      if (stored.has(stmt.buffer)) return undefined;
      stored.set(stmt.buffer, stmt.at);
    } else if (stmt.kind === "assign") {
      const fold = foldOf(stmt);
      if (fold === undefined || folds.has(stmt.name)) return undefined;
      folds.set(stmt.name, fold);
    } else if (stmt.kind !== "let") return undefined;
  }
  const reads = countReads(body, folds);
  const meets = someStmt(body, {
    expr: (expr) => {
      const at = expr.kind === "load" ? stored.get(expr.buffer) : undefined;
      if (expr.kind !== "load" || at === undefined) return false;
      // Lanes load together before they store: each must have an element of its own.
      const stride = strideAlong(at, loop.name, loop.extent, () => true);
      return at !== expr.at || stride === null || stride === 0;
    },
  });
  return !meets && [...reads.values()].every((count) => count === 1) ? folds : undefined;
}

function foldOf(stmt: Stmt & { readonly kind: "assign" }): Fold | undefined {
  const { value, name } = stmt;
  if (stmt.at.length > 0 || value.kind !== "apply" || value.type === "bool" || value.type === "f64") return undefined;
  const { fn, type } = value;
  if (fn !== "add" && fn !== "mul" && fn !== "max" && fn !== "min") return undefined;
  const [first] = value.args;
  return first?.kind === "name" && first.name === name ? { name, fn, type } : undefined;
}

function countReads(body: readonly Stmt[], folds: ReadonlyMap<string, Fold>): ReadonlyMap<string, number> {
  const reads = new Map([...folds.keys()].map((name) => [name, 0]));
  walkStmts(body, {
    expr: (expr) => {
      const count = expr.kind === "name" ? reads.get(expr.name) : undefined;
      if (expr.kind === "name" && count !== undefined) reads.set(expr.name, count + 1);
    },
  });
  return reads;
}

/** What changes nothing when it is folded in. */
function identity(fn: Fold["fn"], type: ValueType): number {
  if (fn === "add") return 0;
  if (fn === "mul") return 1;
  const largest = type === "f32" ? Number.POSITIVE_INFINITY : type === "i32" ? 2147483647 : 4294967295;
  const smallest = type === "f32" ? Number.NEGATIVE_INFINITY : type === "i32" ? -2147483648 : 0;
  return fn === "max" ? smallest : largest;
}

// ---- writing it out ------------------------------------------------------------------------------------------------

function inLanes(
  loop: LoopVar,
  body: readonly Stmt[],
  folds: ReadonlyMap<string, Fold>,
  fresh: Fresh,
): readonly Stmt[] {
  const whole = Math.floor(loop.extent / laneCount);
  const atOnce = folds.size === 0 ? 1 : Math.min(vectorsAtOnce, Math.ceil(whole / 2));
  const parts = new Map([...folds.values()].map((fold) => [fold.name, fresh(`${fold.name}_part`)]));
  const out: Stmt[] = [...folds.values()].map((fold) =>
    variable(parts.get(fold.name) ?? fold.name, fresh.pool.constant(fold.type, identity(fold.fn, fold.type)), [
      atOnce,
      laneCount,
    ]),
  );
  let start = 0;
  for (const vectors of atOnce > 1 ? [atOnce, 1] : [1]) {
    const count = Math.floor((loop.extent - start) / (vectors * laneCount));
    if (count > 0) out.push(vectorLoop(loop, body, { start, count, vectors }, { folds, parts }, fresh));
    start += count * vectors * laneCount;
  }
  for (const fold of folds.values()) out.push(...combine(fold, parts.get(fold.name) ?? fold.name, atOnce, fresh));
  if (start < loop.extent) {
    const rest: LoopVar = { name: fresh(`${loop.name}_r`), extent: loop.extent - start };
    const at = sumIndex([{ factor: 1, index: fresh.pool.loop(rest) }], start);
    const copies = copyStmts(body, { loops: new Map([[loop.name, at]]) }, fresh);
    out.push({ kind: "for", loop: rest, mark: "serial", body: copies });
  }
  return out;
}

interface Piece {
  readonly start: number;
  readonly count: number;
  readonly vectors: number;
}

interface Parts {
  readonly folds: ReadonlyMap<string, Fold>;
  readonly parts: ReadonlyMap<string, string>;
}

/** `count` times `vectors` vectors, from `start` on. */
function vectorLoop(
  loop: LoopVar,
  body: readonly Stmt[],
  { start, count, vectors }: Piece,
  { folds, parts }: Parts,
  fresh: Fresh,
): Stmt {
  const outer: LoopVar = { name: fresh(`${loop.name}_o`), extent: count };
  const lane: LoopVar = { name: fresh(`${loop.name}_l`), extent: laneCount };
  const copies = Array.from({ length: vectors }, (_, vector) => {
    const at = sumIndex(
      [
        { factor: vectors * laneCount, index: fresh.pool.loop(outer) },
        { factor: 1, index: fresh.pool.loop(lane) },
      ],
      start + vector * laneCount,
    );
    const place: readonly Index[] = [fresh.pool.integer(vector), fresh.pool.loop(lane)];
    const names = new Map<string, Expr>();
    for (const { name, type } of folds.values()) names.set(name, fresh.pool.name(type, parts.get(name) ?? name, place));
    return copyStmts(body, { loops: new Map([[loop.name, at]]), names }, fresh).map((stmt): Stmt => {
      const part = stmt.kind === "assign" ? parts.get(stmt.name) : undefined;
      return stmt.kind === "assign" && part !== undefined ? { ...stmt, name: part, at: place } : stmt;
    });
  }).flat();
  const inside: Stmt = { kind: "for", loop: lane, mark: "lane", body: copies };
  return { kind: "for", loop: outer, mark: "serial", body: [inside] };
}

/** The vectors folded into the first, and its lanes into the variable. */
function combine({ name, fn, type }: Fold, part: string, vectors: number, fresh: Fresh): readonly Stmt[] {
  const out: Stmt[] = [];
  if (vectors > 1) {
    const lane: LoopVar = { name: fresh(`${name}_l`), extent: laneCount };
    const at = (vector: number): readonly Index[] => [fresh.pool.integer(vector), fresh.pool.loop(lane)];
    const body: Stmt[] = [];
    for (let vector = 1; vector < vectors; vector++) {
      const value = apply(fn, fresh.pool.name(type, part, at(0)), fresh.pool.name(type, part, at(vector)));
      body.push(assign(part, value, at(0)));
    }
    out.push({ kind: "for", loop: lane, mark: "lane", body });
  }
  const lane = (l: number): Expr => fresh.pool.name(type, part, [fresh.pool.integer(0), fresh.pool.integer(l)]);
  const both = (fold: ScalarFn, a: Expr, b: Expr): Expr => apply(fold, a, b);
  const all = both(fn, both(fn, lane(0), lane(1)), both(fn, lane(2), lane(3)));
  out.push(assign(name, apply(fn, fresh.pool.name(type, name), all)));
  return out;
}
