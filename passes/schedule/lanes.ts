/**
 * Puts a nest into lanes of four: along a parallel loop, or along the serial loops inside of it.
 *
 *   parallel f < 1280                          parallel f_o < 320
 *     y[f] = max(x[f], 0)                ->      for l < 4 lane:  y[4*f_o + l] = max(x[4*f_o + l], 0)
 *
 *   parallel i < 128                           parallel i < 128
 *     var acc = 0                                var part[4] = 0
 *     for c < 512                        ->      for c_o < 128:  for l < 4 lane:  part[l] = part[l] + x[512*i + 4*c_o + l]
 *       acc = acc + x[512*i + c]                 acc = 0 + ((part[0] + part[1]) + (part[2] + part[3]))
 *
 * Whichever way has its elements side by side in memory is taken. What is left over of a loop runs in scalars: nothing is
 * read beyond the end of a buffer.
 */
import { isIndex, sumIndex } from "../../src/kernel/index-expr.ts";
import type { Expr, Index, LoopVar, Nest, ParallelLoop, Ranged, SharedArray, Stmt } from "../../src/kernel/kernel.ts";
import { operandsOf, readsAny, someStmt, walkExpr, walkStmts } from "../../src/kernel/rewrite.ts";
import { laneCount, strideAlong } from "../../src/kernel/stride.ts";
import { jam } from "./jam.ts";
import { keepRows } from "./keep.ts";
import { copyStmts, type Fresh } from "./names.ts";
import { vectorizeSerial } from "./serial-lanes.ts";

export interface Vectorized {
  readonly nests: readonly Nest[];
  readonly shared: readonly SharedArray[];
  /** What was done, in words; empty where nothing was. */
  readonly words: string;
}

/** Vectors of sums that are under way at once along a parallel loop: an addition takes four cycles, two begin in each. */
const vectorsAtOnce = 4;

export function lanesOver(nest: Nest, fresh: Fresh): Vectorized {
  if (!canHaveLanes(nest)) return { nests: [nest], shared: [], words: "" };
  const serial = vectorizeSerial(nest.body, fresh);
  const along = bestLoop(nest);
  if (serial !== undefined && costOf(nest.body, serial.loops, nest) <= (along?.cost ?? Number.POSITIVE_INFINITY)) {
    const kept = keepRows(nest, fresh);
    const body = kept === undefined ? serial.body : (vectorizeSerial(kept.nest.body, fresh)?.body ?? kept.nest.body);
    const made = { ...(kept?.nest ?? nest), body };
    return { nests: [made], shared: kept?.shared ?? [], words: "4 lanes along rows" };
  }
  if (along === undefined) return { nests: [nest], shared: [], words: "" };
  return { nests: alongParallel(nest, along.loop, fresh), shared: [], words: "4 lanes" };
}

/** No f64, of which only two fit, and nothing that may run in one lane and not in another. */
function canHaveLanes(nest: Nest): boolean {
  return !someStmt([...nest.prelude, ...nest.body], {
    stmt: ({ kind }) => kind === "if" || kind === "barrier",
    expr: ({ type }) => type === "f64",
  });
}

// ---- which loop ----------------------------------------------------------------------------------------------------

/** The parallel loop along which vectors cost least, if that is less than without. */
function bestLoop(nest: Nest): { readonly loop: ParallelLoop; readonly cost: number } | undefined {
  let best: { loop: ParallelLoop; cost: number } | undefined;
  for (const loop of nest.loops) {
    if (loop.loop.extent < laneCount) continue;
    const cost = costOf(nest.body, new Set([loop.loop.name]), nest);
    if (cost < (best?.cost ?? costOf(nest.body, new Set(), nest))) best = { loop, cost };
  }
  return best;
}

/**
 * Instructions for an iteration of the nest, a vector of four counting as a quarter: an access of neighbours is one, one
 * of elements apart four.
 */
function costOf(body: readonly Stmt[], lanes: ReadonlySet<string>, nest: Nest): number {
  const names = dependentNames(body, lanes);
  const visit = (stmts: readonly Stmt[], times: number, inLanes: boolean): number => {
    let cost = 0;
    const each = (vector: boolean): number => times * (vector ? 1 / laneCount : 1);
    for (const stmt of stmts) {
      if (stmt.kind === "for") {
        const on = inLanes || lanes.has(stmt.loop.name);
        cost += visit(stmt.body, times * stmt.loop.extent, on);
        continue;
      }
      const own =
        stmt.kind === "let" || stmt.kind === "assign" ? stmt.value : stmt.kind === "store" ? stmt.value : undefined;
      if (own === undefined) continue;
      walkExpr(own, (expr) => {
        if (expr.kind === "apply") cost += each(inLanes);
        else if (expr.kind === "load")
          cost += accessCost(expr.at, expr.guard !== undefined, lanes, names) * each(inLanes);
      });
      if (stmt.kind === "store") cost += accessCost(stmt.at, stmt.guard.length > 0, lanes, names) * each(inLanes);
    }
    return cost;
  };
  return visit(
    body,
    1,
    nest.loops.some(({ loop }) => lanes.has(loop.name)),
  );
}

function accessCost(at: Index, guarded: boolean, lanes: ReadonlySet<string>, names: ReadonlySet<string>): number {
  if (lanes.size === 0) return 1;
  let worst = 1;
  for (const loop of lanes) {
    const stride = strideAlong(at, loop, laneCount, (value) => readsAny(value, names));
    if (stride === null) worst = Math.max(worst, 2 * laneCount);
    else if (guarded && stride !== 0) worst = Math.max(worst, 2 * laneCount);
    else if (stride !== 0 && stride !== 1) worst = Math.max(worst, laneCount + 1);
  }
  return worst;
}

/** Names whose values differ along the loops. */
function dependentNames(body: readonly Stmt[], loops: ReadonlySet<string>): ReadonlySet<string> {
  const names = new Set<string>();
  for (let before = -1; before !== names.size; ) {
    before = names.size;
    walkStmts(body, {
      stmt: (stmt) => {
        const value = stmt.kind === "let" || stmt.kind === "assign" ? stmt.value : undefined;
        if (value === undefined || (stmt.kind !== "let" && stmt.kind !== "assign") || names.has(stmt.name)) return;
        if (readsAny(value, names) || growsAlong(value, loops)) names.add(stmt.name);
      },
    });
  }
  return names;
}

/** An index may read a loop and not grow along its lanes: (4*k + l) / 28. */
function growsAlong(value: Expr, loops: ReadonlySet<string>): boolean {
  if (!readsAny(value, loops)) return false;
  if (!isIndex(value) || value.kind === "ranged") return operandsOf(value).some((part) => growsAlong(part, loops));
  const grows = (loaded: Ranged): boolean => growsAlong(loaded.value, loops);
  return [...loops].some((loop) => strideAlong(value, loop, laneCount, grows) !== 0);
}

// ---- along a parallel loop -----------------------------------------------------------------------------------------

function alongParallel(nest: Nest, along: ParallelLoop, fresh: Fresh): readonly Nest[] {
  const { extent } = along.loop;
  const sums = nest.body.some((stmt) => stmt.kind === "for");
  const wide = sums ? Math.min(vectorsAtOnce, Math.floor(extent / laneCount)) : 1;
  const nests: Nest[] = [];
  let start = 0;
  for (const vectors of wide > 1 ? [wide, 1] : [1]) {
    const size = vectors * laneCount;
    const count = Math.floor((extent - start) / size);
    if (count > 0) nests.push(piece(nest, along, { start, count, vectors }, fresh));
    start += count * size;
  }
  if (start < extent) nests.push(rest(nest, along, start, fresh));
  return nests;
}

interface Piece {
  readonly start: number;
  readonly count: number;
  readonly vectors: number;
}

function piece(nest: Nest, along: ParallelLoop, { start, count, vectors }: Piece, fresh: Fresh): Nest {
  const { name } = along.loop;
  const outer: LoopVar = { name: fresh(`${name}_o`), extent: count };
  const lane: LoopVar = { name: fresh(`${name}_l`), extent: laneCount };
  const vector: LoopVar = { name: fresh(`${name}_v`), extent: vectors };
  const at = sumIndex(
    [
      { factor: vectors * laneCount, index: fresh.pool.loop(outer) },
      { factor: laneCount, index: fresh.pool.loop(vector) },
      { factor: 1, index: fresh.pool.loop(lane) },
    ],
    start,
  );
  const made = copyNest(nest, along, at, outer, fresh);
  const body = vectors > 1 ? jam(made.body, [vector], fresh, "interleaved") : made.body;
  return { ...made, body: [{ kind: "for", loop: lane, mark: "lane", body }] };
}

/** The last iterations, one by one. */
function rest(nest: Nest, along: ParallelLoop, start: number, fresh: Fresh): Nest {
  const loop: LoopVar = { name: fresh(`${along.loop.name}_r`), extent: along.loop.extent - start };
  return copyNest(nest, along, sumIndex([{ factor: 1, index: fresh.pool.loop(loop) }], start), loop, fresh);
}

/** A copy of the nest in which the loop `along` is `outer`, and its variable `at`. */
function copyNest(nest: Nest, along: ParallelLoop, at: Index, outer: LoopVar, fresh: Fresh): Nest {
  const loops: ParallelLoop[] = [];
  const replaced = new Map<string, Index>([[along.loop.name, at]]);
  for (const each of nest.loops) {
    const loop = each === along ? outer : { name: fresh(each.loop.name), extent: each.loop.extent };
    loops.push({ loop, mark: each.mark });
    if (each !== along) replaced.set(each.loop.name, fresh.pool.loop(loop));
  }
  const copies = copyStmts([...nest.prelude, ...nest.body], { loops: replaced }, fresh);
  return { loops, prelude: copies.slice(0, nest.prelude.length), body: copies.slice(nest.prelude.length) };
}
