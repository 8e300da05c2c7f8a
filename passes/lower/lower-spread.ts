/**
 * A spread: an iteration for each image adds to a tile of its own, which is in the second-level cache, and stores it at the end.
 *
 *   parallel n < 128                                           %3 = spread %0 %1 %2
 *     tile = 0
 *     for p_o < 3                                                 rows of windows that stay in the first-level cache
 *       for f < 64, u < 3, v < 3, c_o < 1
 *         for lane < 4
 *           let w_0 = w[.. + lane], w_1 = w[.. + lane + 4], ..    as many vectors of channels as there are registers for
 *           for p < 48
 *             let at = place[n, f, p];  let value = ..            in the grid of the tile, a place is an offset in it
 *             tile[at + (u, v), ..] += value * w_0, ..
 *     y[n, ..] = tile[..]
 *
 * Only places that differ are added to between two passes over the windows, so no addition waits for the one before it: what is left is
 * a store for each, one a cycle. It comes in lanes, as no move makes them of loops that store.
 */
import { CompilerBug } from "../../src/core/errors.ts";
import type { NodeOf, SpreadSchema } from "../../src/graph/node.ts";
import { placeIndexes, placesIn } from "../../src/graph/place-in-grid.ts";
import { sizeOf, stridesOf } from "../../src/graph/shape.ts";
import { apply, convert, load, store } from "../../src/kernel/build.ts";
import { blockIndex, floorDivIndex, modIndex, rangedIndex, sumIndex } from "../../src/kernel/index-expr.ts";
import type { Expr, ExprPool, Index, LoopVar, SharedArray, Stmt, Term } from "../../src/kernel/kernel.ts";
import { laneCount } from "../../src/kernel/stride.ts";
import { shapeOf } from "../fuse/access.ts";
import type { NestBuilder } from "./lower-nest.ts";
import type { Names } from "./names.ts";

/** Elements of the rows of a tile that are added to again and again: 32 kB. */
const nearElements = 2 ** 13;
/** Vectors of channels that are in registers together. */
const mostVectors = 8;

interface Inside {
  readonly nest: NestBuilder;
  readonly names: Names;
  readonly pool: ExprPool;
}

/** Adds it to the nest, whose loop is at `own`; `storeAt` makes the store of a value. Gives the tile. */
export function lowerSpread(
  node: NodeOf<SpreadSchema, 3>,
  own: readonly Index[],
  inside: Inside,
  storeAt: (at: readonly Index[], value: Expr) => Stmt,
): SharedArray {
  const { names, pool } = inside;
  const shape = shapeOf(node).slice(1);
  const tile: Tile = { name: names.fresh("tile"), type: "f32", count: sizeOf(shape), strides: stridesOf(shape) };
  const flat = (at: readonly Index[]): Index => {
    return sumIndex(at.map((index, axis) => ({ factor: tile.strides[axis] ?? 1, index })), 0, pool); // biome-ignore format: short
  };
  overTile(shape, (at) => store(tile.name, flat(at), pool.constant("f32", 0)), inside);
  addAll(node, own, tile, inside);
  overTile(shape, (at) => storeAt([...own, ...at], load("f32", tile.name, flat(at))), inside);
  return { name: tile.name, type: tile.type, count: tile.count };
}

interface Tile extends SharedArray {
  readonly strides: readonly number[];
}

const loopOf = ({ names }: Inside, hint: string, extent: number): LoopVar => ({ name: names.fresh(hint), extent });

/** A statement for each vector of a tile. */
function overTile(shape: readonly number[], make: (at: readonly Index[]) => Stmt, inside: Inside): void {
  const { pool } = inside;
  const channels = shape[shape.length - 1] ?? 1;
  const outer = shape.slice(0, -1).map((extent) => loopOf(inside, "z", extent));
  const [vector, lane] = [loopOf(inside, "z", channels / laneCount), loopOf(inside, "lane", laneCount)];
  const last = blockIndex(laneCount, pool.loop(vector), pool.loop(lane));
  inLanes([...outer, vector], lane, () => [make([...outer.map((loop) => pool.loop(loop)), last])], inside);
}

function inLanes(outer: readonly LoopVar[], lane: LoopVar, make: () => readonly Stmt[], { nest }: Inside): void {
  const around = (): readonly Stmt[] => {
    nest.within([lane], make, "lane");
    return [];
  };
  nest.within(outer, around, "serial");
}

/** Each chosen value, times each vector of the filter, to where it belongs in the tile. */
function addAll(node: NodeOf<SpreadSchema, 3>, own: readonly Index[], tile: Tile, inside: Inside): void {
  const { nest, pool } = inside;
  const [place, values, w] = node.args;
  const { size, grid } = node.attrs;
  const [, filters = 0, ...windows] = shapeOf(place);
  const [channels = 1, ...around] = shapeOf(w).slice(1).toReversed();
  const vectors = vectorsOf(channels);
  const f = loopOf(inside, "f", filters);
  const steps = around.toReversed().map((extent) => loopOf(inside, "u", extent));
  const [block, lane] = [loopOf(inside, "c", channels / (laneCount * vectors)), loopOf(inside, "lane", laneCount)];
  const [first = 1, ...others] = windows;
  const rows = rowsOf(first, (tile.strides[0] ?? 1) * (size[0] ?? 1));
  const near = rows * sizeOf(others);
  const [part, window] = [loopOf(inside, "p_o", first / rows), loopOf(inside, "p", near)];
  const extents = windows.map((extent, i) => extent * (size[i] ?? 1));
  const at = (loop: LoopVar): Index => pool.loop(loop);
  const channel = (v: number): Index => {
    return sumIndex([{ factor: laneCount * vectors, index: at(block) }, { factor: 1, index: at(lane) }], laneCount * v, pool); // biome-ignore format: short
  };
  const vectorsMade = (): readonly Stmt[] => {
    const weights = Array.from({ length: vectors }, (_, v) => nest.value(w, [at(f), ...steps.map(at), channel(v)]));
    const make = (): readonly Stmt[] => {
      const over = recovered(blockIndex(near, at(part), at(window)), windows);
      const from = [...own, at(f), ...over];
      const [value, chosen] = [nest.value(values, from), convert("i32", nest.value(place, from))];
      const within = placeIndexes(indexIn(chosen, placesIn(extents, grid)), extents, grid, { modIndex, floorDivIndex, index: indexIn }); // biome-ignore format: short
      const terms = steps.flatMap((step, i): readonly Term[] => {
        const factor = tile.strides[i] ?? 1;
        const own = within[i];
        if (own === undefined) throw new CompilerBug("a spread has a loop for each axis");
        return [
          { factor, index: at(step) },
          { factor, index: own },
        ];
      });
      return weights.map((weight, v) => {
        const to = sumIndex([...terms, { factor: 1, index: channel(v) }], 0, pool);
        return store(tile.name, to, apply("add", load("f32", tile.name, to), apply("mul", value, weight)));
      });
    };
    nest.within([window], make, "serial");
    return [];
  };
  inLanes([part, f, ...steps, block], lane, vectorsMade, inside);
}

/** Where a window is along each axis, of its number among all. */
function recovered(flat: Index, windows: readonly number[]): readonly Index[] {
  const found: Index[] = [];
  let left = flat;
  for (const extent of windows.slice(1).toReversed()) {
    found.unshift(modIndex(left, extent));
    left = floorDivIndex(left, extent);
  }
  return [left, ...found];
}

const indexIn = (value: Expr, extent: number): Index => rangedIndex(value, 0, extent - 1);

/** Rows of windows whose part of the tile is in the first-level cache. */
function rowsOf(extent: number, each: number): number {
  for (let rows = Math.min(extent, Math.floor(nearElements / each)); rows > 1; rows -= 1)
    if (extent % rows === 0) return rows;
  return 1;
}

/** As many as divide the channels. */
function vectorsOf(channels: number): number {
  const all = channels / laneCount;
  for (let count = Math.min(mostVectors, all); count > 1; count -= 1) if (all % count === 0) return count;
  return 1;
}
