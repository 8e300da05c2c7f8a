/**
 * Register blocking: a nest computes a block of neighbouring iterations at once, and loads what they share once.
 *
 *   parallel i < 128, j < 10                       parallel i_o < 32, j_o < 2            and a nest for the last 2 columns
 *     var acc = 0                                    var acc[4][4] = 0
 *     for k < 512                              ->    for k < 512
 *       acc = acc + x[512*i + k] * w[10*k + j]         for i_i < 4 unrolled, j_i < 4 unrolled
 *     y[10*i + j] = acc                                  acc[i_i][j_i] = acc[i_i][j_i] + x[...] * w[...]
 *                                                    for i_i < 4 unrolled, j_i < 4 unrolled
 *                                                      y[...] = acc[i_i][j_i]
 *
 * Each blocked loop is cut into whole blocks and what is left over, so a nest becomes up to four, none with a guard.
 * Serial loops stay outside of the unrolled ones, in their order: every element is computed by the same operations as
 * before. A `var` becomes an array over the block, and so does a `let` that is read beyond a serial loop.
 */
import { CompilerBug } from "../../src/core/errors.ts";
import { sumIndex } from "../../src/kernel/index-expr.ts";
import type { Index, LoopVar, Nest, ParallelLoop, Stmt } from "../../src/kernel/kernel.ts";
import { jam } from "./jam.ts";
import type { Fresh } from "./names.ts";
import { copyStmts, declaredNames } from "./names.ts";

/** Iterations in a block, by the name of the parallel loop. */
export type Blocks = ReadonlyMap<string, number>;

/** The nests that together do what `nest` does, each in blocks. */
export function tile(nest: Nest, blocks: Blocks, fresh: Fresh): readonly Nest[] {
  let cuts: readonly (readonly Cut[])[] = [[]];
  for (const outer of nest.loops) {
    const pieces = cutLoop(outer, blocks.get(outer.loop.name) ?? 1);
    cuts = cuts.flatMap((before) => pieces.map((piece) => [...before, piece]));
  }
  return cuts.map((cut, n) => tileOne(nest, cut, fresh, n === 0 ? (name) => name : fresh));
}

// ---- cutting loops -------------------------------------------------------------------------------------------------

/** `count` blocks of `block` iterations, from iteration `start` on. */
interface Cut {
  readonly outer: ParallelLoop;
  readonly start: number;
  readonly count: number;
  readonly block: number;
}

function cutLoop(outer: ParallelLoop, block: number): readonly Cut[] {
  const { extent } = outer.loop;
  if (!(block >= 1)) throw new CompilerBug(`a block of ${block} iterations of ${outer.loop.name}`);
  const count = Math.floor(extent / block);
  const left = extent - count * block;
  const whole: Cut = { outer, start: 0, count, block };
  const rest: Cut = { outer, start: count * block, count: 1, block: left };
  if (left === 0) return [whole];
  return count === 0 ? [rest] : [whole, rest];
}

/** `rename` gives what the copy declares its names: the first copy keeps those of the nest. */
function tileOne(nest: Nest, cuts: readonly Cut[], fresh: Fresh, rename: (wanted: string) => string): Nest {
  const loops: ParallelLoop[] = [];
  const inner: LoopVar[] = [];
  const replaced = new Map<string, Index>();
  for (const { outer, start, count, block } of cuts) {
    const { name } = outer.loop;
    const wide = block > 1;
    const across: LoopVar = { name: wide ? fresh(`${name}_o`) : rename(name), extent: count };
    const terms = [{ factor: block, index: fresh.pool.loop(across) }];
    if (wide) {
      const within: LoopVar = { name: fresh(`${name}_i`), extent: block };
      inner.push(within);
      terms.push({ factor: 1, index: fresh.pool.loop(within) });
    }
    if (count !== 1) loops.push({ loop: across, mark: outer.mark });
    replaced.set(name, sumIndex(terms, start));
  }
  const prelude = copyStmts(nest.prelude, {}, rename);
  const names = new Map(pairs(nest.prelude, prelude));
  const body = copyStmts(nest.body, { loops: replaced, renamed: names }, rename);
  return { loops, prelude, body: jam(body, inner, fresh) };
}

/** What the prelude declared, and what its copy calls it. */
function pairs(before: readonly Stmt[], after: readonly Stmt[]): readonly (readonly [string, string])[] {
  const copies = declaredNames(after);
  return declaredNames(before).map((name, i) => [name, copies[i] ?? name]);
}
