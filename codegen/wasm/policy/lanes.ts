/**
 * Lanes of four for a nest: along a parallel loop, or along the rows that its body folds and stores.
 *
 *   parallel f < 1280                         split f 4; bind f_i lane
 *     y[f] = max(x[f], 0)
 *
 *   parallel i < 128                          splitFold acc lanes x 4; split d 4; bind d_i lane
 *     fold acc = max over c < 512 of x[512*i + c]
 *     for d < 512 { y[512*i + d] = x[512*i + d] - acc }
 *
 * Whichever way has its elements side by side in memory is taken. What is left over of a loop runs in scalars: nothing is read
 * beyond the end of a buffer. Neighbouring parallel loops become one where no index needs its parts: a single long loop fills its
 * vectors, 1280 = 320 * 4, where 10 leaves a rest in every row.
 */

import { everyFold, type Facts, sizeOf, workOf } from "../../../passes/schedule/facts.ts";
import { worthKeeping } from "../../../passes/schedule/moves/keep.ts";
import type { ForStmt } from "../../../passes/schedule/piece.ts";
import type { Bound, Expr, FoldStmt, Index, Stmt } from "../../../src/kernel/kernel.ts";
import type { Move, Schedule, WasmMove } from "../../../src/kernel/moves.ts";
import { walkExpr } from "../../../src/kernel/rewrite.ts";
import { laneCount, strideAlong } from "../../../src/kernel/stride.ts";
import { type FlatAxis, flatAxes, flattenFolds, flattenMoves } from "./flat.ts";
import type { Tuning } from "./panel-plan.ts";
import {
  type Axis,
  canHaveLanes,
  fitsLanes,
  readsChosen,
  serialMoves,
  shareMoves,
  splitMoves,
  vectorsAtOnce,
  vectorsChosen,
} from "./parts.ts";

export function laneMoves(facts: Facts, tuning: Tuning): Schedule<WasmMove> {
  const { longest, together } = tuning;
  const { nest } = facts;
  const axes = flatAxes(facts);
  const flat = flattenMoves(axes);
  const work = workOf(nest.body);
  const sums = serialMoves(everyFold(nest.body), longest);
  if (!canHaveLanes(nest)) return [...flat, ...sums, ...shareMoves(axes, work * sizeOf(axes))];
  const rows = rowsOf(nest.body);
  const plain = costOf(nest.body, [], facts);
  const along = bestAxis(axes, plain, facts);
  const lanes = rows.map((row): Along => ({ loop: row.axis.name, moving: [row.axis.name] }));
  if (rows.length > 0 && costOf(nest.body, lanes, facts) <= (along?.cost ?? Number.POSITIVE_INFINITY)) {
    const kept = worthKeeping(nest);
    const threads =
      kept.length > 0
        ? axes.map(({ name }): Move => ({ move: "bind", axis: name, to: "thread" }))
        : shareMoves(axes, work * sizeOf(axes));
    const others = everyFold(nest.body).filter((fold) => !rows.some((row) => row.stmt === fold));
    return [
      ...flat,
      ...threads,
      ...kept.map((value): Move => ({ move: "keep", value })),
      ...serialMoves(others, longest),
      ...rows.flatMap((row) => rowMoves(row, tuning)),
    ];
  }
  if (along === undefined) return [...flat, ...sums, ...shareMoves(axes, work * sizeOf(axes))];
  // A run's loop has variables, which no block has copies of.
  const isRun = nest.body.some(({ kind }) => kind === "var");
  const hasLoops = !isRun && nest.body.some(({ kind }) => kind === "for" || kind === "fold");
  const { axis } = along;
  const wide = hasLoops ? Math.min(atOnce(nest.body, axis), Math.floor(axis.extent / laneCount)) : together;
  const nested = { axes, axis, work };
  const chosen = flattenFolds(nest.body.filter((stmt) => stmt.kind === "fold").filter(readsChosen));
  return [...flat, ...chosen, ...sums, ...alongMoves(nested, axis.name, axis.extent, wide > 1 ? [wide, 1] : [1])];
}

/** Vectors of a block: more where that is a matter of loads, if they fill the axis. */
function atOnce(body: readonly Stmt[], { extent }: Axis): number {
  const isChosen = body.some((stmt) => stmt.kind === "fold" && readsChosen(stmt));
  return isChosen && extent % (vectorsChosen * laneCount) === 0 ? vectorsChosen : vectorsAtOnce;
}

// ---- what lanes cost -------------------------------------------------------------------------------------------------

/** Lanes along a loop, and all loops whose values then differ between them. */
interface Along {
  readonly loop: string;
  readonly moving: readonly string[];
}

/** The parallel loop along which vectors cost least, if that is less than without. */
function bestAxis(
  axes: readonly FlatAxis[],
  plain: number,
  facts: Facts,
): { readonly axis: FlatAxis; readonly cost: number } | undefined {
  let best: { axis: FlatAxis; cost: number } | undefined;
  for (const axis of axes) {
    if (axis.extent < laneCount) continue;
    const cost = costOf(facts.nest.body, [{ loop: axis.last, moving: axis.of }], facts, true);
    if (cost < (best?.cost ?? plain)) best = { axis, cost };
  }
  return best;
}

/**
 * Instructions for an iteration of the nest, a vector of four counting as a quarter: an access of neighbours is one, one
 * of elements apart four.
 */
function costOf(body: readonly Stmt[], lanes: readonly Along[], facts: Facts, isAround = false): number {
  const visit = (stmts: readonly Stmt[], times: number, inLanes: boolean): number => {
    let cost = 0;
    const each = times * (inLanes ? 1 / laneCount : 1);
    const access = (at: Index, guard: readonly Bound[]): number => each * accessCost(at, guard, lanes, facts);
    const isLane = (name: string): boolean => lanes.some(({ loop }) => loop === name);
    const values = (stmt: Stmt, every: (at: Index, guard: readonly Bound[]) => number, one: number): void => {
      const own = stmt.kind === "let" || stmt.kind === "store" ? [stmt.value] : stmt.kind === "fold" ? stmt.values : [];
      for (const value of own) {
        walkExpr(value, (expr) => {
          if (expr.kind === "apply") cost += one;
          else if (expr.kind === "load") cost += every(expr.at, expr.guard?.bounds ?? []);
        });
      }
    };
    for (const stmt of stmts) {
      if (stmt.kind === "for") cost += visit(stmt.body, times * stmt.loop.extent, inLanes || isLane(stmt.loop.name));
      else if (stmt.kind === "fold") {
        const often = stmt.axes.reduce((size, { extent }) => size * extent, times);
        const on = inLanes || stmt.axes.some(({ name }) => isLane(name));
        const step = often * (on ? 1 / laneCount : 1);
        cost += visit(stmt.body, often, on) + step * (stmt.accumulators.length === 1 ? 1 : costOfLongStep);
        values(stmt, (at, guard) => step * accessCost(at, guard, lanes, facts), step);
      } else {
        values(stmt, access, each);
        if (stmt.kind === "store") cost += access(stmt.at, stmt.guard);
      }
    }
    return cost;
  };
  return visit(body, 1, isAround);
}

/** Operations of a step with several accumulators. */
const costOfLongStep = 8;

/** A condition that is the same in all lanes is asked once. */
function accessCost(at: Index, guard: readonly Bound[], lanes: readonly Along[], facts: Facts): number {
  let worst = 1;
  for (const { loop, moving } of lanes) {
    const isMoved = (value: Expr): boolean => {
      const moves = facts.movesWith(value);
      return moving.some((name) => moves.has(name));
    };
    const stride = strideAlong(at, loop, laneCount, isMoved);
    if (stride === null || (stride !== 0 && guard.some(({ index }) => isMoved(index))))
      worst = Math.max(worst, 2 * laneCount);
    else if (stride !== 0 && stride !== 1) worst = Math.max(worst, laneCount + 1);
  }
  return worst;
}

// ---- along rows ------------------------------------------------------------------------------------------------------

/** What runs along a row: a fold, or a loop that stores. */
type Row =
  | { readonly kind: "fold"; readonly stmt: FoldStmt; readonly axis: Axis }
  | { readonly kind: "for"; readonly stmt: ForStmt; readonly axis: Axis };

function rowsOf(stmts: readonly Stmt[]): readonly Row[] {
  return stmts.flatMap((stmt): readonly Row[] => {
    if (stmt.kind === "fold") {
      const axis = stmt.axes[stmt.axes.length - 1];
      return axis !== undefined && fitsLanes(stmt) ? [{ kind: "fold", stmt, axis }] : [];
    }
    if (stmt.kind !== "for") return [];
    if (stmt.body.some(({ kind }) => kind === "for" || kind === "fold")) return rowsOf(stmt.body);
    const isFree = stmt.mark === "parallel" && stmt.loop.extent >= laneCount;
    return isFree && stmt.body.every(({ kind }) => kind === "let" || kind === "store")
      ? [{ kind: "for", stmt, axis: stmt.loop }]
      : [];
  });
}

function rowMoves(row: Row, tuning: Tuning): readonly WasmMove[] {
  if (row.kind === "fold") return splitMoves(row.stmt, tuning);
  const { together } = tuning;
  const { name, extent } = row.axis;
  return vectorMoves(name, extent, together > 1 ? [together, 1] : [1], () => []);
}

// ---- along a parallel loop -------------------------------------------------------------------------------------------

interface Nested {
  readonly axes: readonly Axis[];
  readonly axis: Axis;
  /** Of one iteration. */
  readonly work: number;
}

function alongMoves({ axes, axis, work }: Nested, name: string, left: number, sizes: readonly number[]): Schedule {
  const others = sizeOf(axes) / axis.extent;
  return vectorMoves(name, left, sizes, (outer, elements) => {
    return shareMoves(
      axes.map((each) => (each === axis ? outer : each)),
      others * elements * work,
    );
  });
}

/** Whole blocks of vectors, single vectors, and what fills none. `sharing`: what becomes of the loop over blocks, and so many elements. */
function vectorMoves(
  name: string,
  left: number,
  sizes: readonly number[],
  sharing: (blocks: Axis, elements: number) => readonly Move[],
): readonly Move[] {
  const at = sizes.findIndex((vectors) => vectors * laneCount <= left);
  const vectors = sizes[at];
  if (vectors === undefined) return sharing({ name, extent: left }, left);
  const size = vectors * laneCount;
  const rest = left % size;
  const tail = rest === 0 ? "exact" : { peel: vectorMoves(`${name}_r`, rest, sizes.slice(at + 1), sharing) };
  const cut: readonly Move[] = left === size ? [] : [{ move: "split", axis: name, by: size, tail }];
  const block = left === size ? name : `${name}_i`;
  const shared = sharing({ name: `${name}_o`, extent: (left - rest) / size }, left - rest);
  if (vectors === 1) return [...cut, { move: "bind", axis: block, to: "lane" }, ...shared];
  return [
    ...cut,
    { move: "split", axis: block, by: laneCount, tail: "exact" },
    { move: "bind", axis: `${block}_i`, to: "lane" },
    { move: "jam", axes: [`${block}_o`], mark: "interleaved" },
    ...shared,
  ];
}
