/**
 * Map nests: every iteration by itself, one per invocation.
 *
 *   parallel i < 3, j < 5         workgroup g < 1
 *     y[5*i + j] = ...       ->     invocation t < 64
 *                                     if 64*g + t < 15
 *                                       y[64*g + t] = ...
 *
 * Neighbouring invocations take neighbouring iterations of the last loop, which is how row-major memory is read whole.
 */
import { sumIndex } from "../../src/kernel/index-expr.ts";
import type { ExprPool, Index, LoopVar, Nest, ParallelLoop, Stmt } from "../../src/kernel/kernel.ts";
import { mapStmts, replaceLoops } from "../../src/kernel/rewrite.ts";
import { recover, totalOf, whenInside } from "./gpu-flat.ts";
import type { Fresh } from "./names.ts";

/** The two loops of a scheduled nest. */
export interface Grid {
  readonly group: LoopVar;
  readonly lane: LoopVar;
}

export function gridOf(groups: number, size: number, fresh: Fresh): Grid {
  return { group: { name: fresh("group"), extent: groups }, lane: { name: fresh("lane"), extent: size } };
}

export function gridLoops(grid: Grid): readonly ParallelLoop[] {
  return [
    { loop: grid.group, mark: "workgroup" },
    { loop: grid.lane, mark: "invocation" },
  ];
}

/** group * per + lane. */
export function globalIndex(grid: Grid, per: number, lane: Index): Index {
  return sumIndex([
    { factor: per, index: lane.pool.loop(grid.group) },
    { factor: 1, index: lane },
  ]);
}

/** `prelude` was made ready by the caller: it runs in every invocation. */
export function scheduleMap(nest: Nest, prelude: readonly Stmt[], grid: Grid, pool: ExprPool): Nest {
  const loops = nest.loops.map(({ loop }) => loop);
  const flat = globalIndex(grid, grid.lane.extent, pool.loop(grid.lane));
  const body = mapStmts(nest.body, replaceLoops(recover(loops, flat)));
  const inside = whenInside([{ index: flat, extent: totalOf(loops) }], body);
  return { loops: gridLoops(grid), prelude: [], body: [...prelude, ...inside] };
}

export function mapGroups(nest: Nest, size: number): number {
  return Math.ceil(totalOf(nest.loops.map(({ loop }) => loop)) / size);
}
