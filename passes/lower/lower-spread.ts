/**
 * A spread: an iteration for each image adds to a tile of its own, which is in the second-level cache, and stores it at the end.
 *
 *   parallel n < 128                                           %3 = spread %0 %1 %2
 *     tile = 0
 *     for f < 64, u < 3, v < 3, c_o < 1
 *       for lane < 4
 *         let w_0 = w[.. + lane], w_1 = w[.. + lane + 4], ..      as many vectors of channels as there are registers for
 *         for p < 12, q < 12
 *           let at = place[n, f, p, q];  let value = ..
 *           tile[2*p + at / 2 + u, 2*q + at % 2 + v, ..] += value * w_0, ..
 *     y[n, ..] = tile[..]
 *
 * Only places that differ are added to between two passes over the windows, so no addition waits for the one before it. It comes
 * in lanes, as no move makes them of loops that store.
 */
import { CompilerBug } from "../../src/core/errors.ts";
import type { NodeOf, SpreadSchema } from "../../src/graph/node.ts";
import { sizeOf, stridesOf } from "../../src/graph/shape.ts";
import { apply, convert, load, store } from "../../src/kernel/build.ts";
import { blockIndex, floorDivIndex, modIndex, rangedIndex, sumIndex } from "../../src/kernel/index-expr.ts";
import type { Expr, ExprPool, Index, LoopVar, SharedArray, Stmt, Term } from "../../src/kernel/kernel.ts";
import { laneCount } from "../../src/kernel/stride.ts";
import { shapeOf } from "../fuse/access.ts";
import type { NestBuilder } from "./lower-nest.ts";
import type { Names } from "./names.ts";

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
  const [, filters = 0, ...windows] = shapeOf(place);
  const [channels = 1, ...around] = shapeOf(w).slice(1).toReversed();
  const vectors = vectorsOf(channels);
  const f = loopOf(inside, "f", filters);
  const steps = around.toReversed().map((extent) => loopOf(inside, "u", extent));
  const [block, lane] = [loopOf(inside, "c", channels / (laneCount * vectors)), loopOf(inside, "lane", laneCount)];
  const over = windows.map((extent) => loopOf(inside, "p", extent));
  const at = (loop: LoopVar): Index => pool.loop(loop);
  const channel = (v: number): Index => {
    return sumIndex([{ factor: laneCount * vectors, index: at(block) }, { factor: 1, index: at(lane) }], laneCount * v, pool); // biome-ignore format: short
  };
  const vectorsMade = (): readonly Stmt[] => {
    const weights = Array.from({ length: vectors }, (_, v) => nest.value(w, [at(f), ...steps.map(at), channel(v)]));
    const make = (): readonly Stmt[] => {
      const from = [...own, at(f), ...over.map(at)];
      const [value, chosen] = [nest.value(values, from), convert("i32", nest.value(place, from))];
      const terms = placeTerms(chosen, { size: node.attrs.size, tile, over, steps }, pool);
      return weights.map((weight, v) => {
        const to = sumIndex([...terms, { factor: 1, index: channel(v) }], 0, pool);
        return store(tile.name, to, apply("add", load("f32", tile.name, to), apply("mul", value, weight)));
      });
    };
    nest.within(over, make, "serial");
    return [];
  };
  inLanes([f, ...steps, block], lane, vectorsMade, inside);
}

interface Around {
  readonly size: readonly number[];
  readonly tile: Tile;
  /** Over windows, and over the places of the filter. */
  readonly over: readonly LoopVar[];
  readonly steps: readonly LoopVar[];
}

/** Where in the tile the chosen place of a window is, and the place of the filter beyond it. */
function placeTerms(chosen: Expr, { size, tile, over, steps }: Around, pool: ExprPool): readonly Term[] {
  let left: Index = rangedIndex(chosen, 0, sizeOf(size) - 1);
  const terms: Term[] = [];
  for (let i = size.length - 1; i >= 0; i -= 1) {
    const [extent, factor, window, step] = [size[i] ?? 1, tile.strides[i] ?? 1, over[i], steps[i]];
    if (window === undefined || step === undefined) throw new CompilerBug("a spread has a loop for each axis");
    terms.push({ factor: factor * extent, index: pool.loop(window) }, { factor, index: pool.loop(step) });
    terms.push({ factor, index: i === 0 ? left : modIndex(left, extent) });
    left = floorDivIndex(left, extent);
  }
  return terms;
}

/** As many as divide the channels. */
function vectorsOf(channels: number): number {
  const all = channels / laneCount;
  for (let count = Math.min(mostVectors, all); count > 1; count -= 1) if (all % count === 0) return count;
  return 1;
}
