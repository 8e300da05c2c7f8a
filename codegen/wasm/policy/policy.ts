/**
 * The schedule of a nest for the `wasm` target: register blocks over packed panels for contractions, lanes for every other nest,
 * and the loops whose iterations threads share.
 *
 *   parallel i < 128, j < 512                              split j 8; bind j_o thread; sink j_i; sink i;
 *     fold acc = sum over k < 784 of x[i, k] * w[k, j]     stage right of acc into panel along columns;
 *                                                          split j_i 4; bind j_i_i lane; split i 4; jam i_i, j_i_o interleaved
 *
 *   parallel f < 1280:  y[f] = max(x[f], 0)                split f 4; bind f_i lane
 */

import { everyFold, type Facts, sizeOf, workOf } from "../../../passes/schedule/facts.ts";
import type { Policy } from "../../../passes/schedule/schedule.ts";
import type { Stmt } from "../../../src/kernel/kernel.ts";
import type { AnyMove, Schedule, WasmMove } from "../../../src/kernel/moves.ts";
import { someStmt } from "../../../src/kernel/rewrite.ts";
import { longestSum } from "../../../src/kernel/target.ts";
import type { WasmBlocks } from "./blocks.ts";
import { flattenFolds } from "./flat.ts";
import { laneMoves } from "./lanes.ts";
import { usualLines } from "./lines.ts";
import { type Tuning, usualPasses } from "./panel-plan.ts";
import { panelMoves } from "./panels.ts";
import { shareMoves, splitMoves } from "./parts.ts";
import { usualTiles } from "./tiles.ts";

/**
 * Rows and vectors of a register block. V8 puts all loads of an iteration before its multiply-adds, so a block needs a
 * register for every sum, row and vector at once, and has 15. Parts of the multiply-add ceiling, 128x784x512 with its panels
 * filled, Node 20: 4x2 (14 registers) 92%, 2x4 93%, 3x3 93%, 3x2 72%, 4x1 49%; 6x2 (20), which hand-written machine code would
 * take, keeps sums in memory: 48%. 4x2 divides more sizes than 3x3, and reads half as much of a panel as 2x4.
 */
export const wasmBlocks: WasmBlocks = { rows: 4, vectors: 2 };

/**
 * The same where the engine joins neighbouring vectors to ones of 256 bits (V8 13 with a flag): a block twice as wide then takes
 * as many registers. In GFLOP/s, by hand, Node 24: 4x2 58, 8x2 90, 12x2 98, 3x4 88, 4x4 109, 6x4 71; without the flag 4x4 has 28.
 */
const joinedBlocks: WasmBlocks = { rows: 4, vectors: 4 };

/** Of one thread. */
export const wasmTuning: Tuning = {
  blocks: wasmBlocks,
  longest: longestSum,
  threads: 1,
  passes: usualPasses,
  together: 1,
  tiles: usualTiles,
  lines: usualLines,
};

/** What differs where neighbouring vectors are joined. */
export const joinedTuning = { blocks: joinedBlocks, together: 2 } as const satisfies Partial<Tuning>;

export function wasmPolicy(tuning: Tuning): Policy<WasmMove> {
  return (facts, { schedule }) => facts.map((nest, i) => scheduleOf(nest, tuning, schedule[i]));
}

/** Other numbers than the usual, by name, for who measures. None of them changes the order in which a sum is added up. */
export const wasmCandidates: readonly (readonly [name: string, tuning: Partial<Tuning>])[] = [
  ["blocks 2x4", { blocks: { rows: 2, vectors: 4 } }],
  ["blocks 3x3", { blocks: { rows: 3, vectors: 3 } }],
  ["blocks 4x2", { blocks: { rows: 4, vectors: 2 } }],
  ["blocks 4x4", { blocks: { rows: 4, vectors: 4 } }],
  ["blocks 8x1", { blocks: { rows: 8, vectors: 1 } }],
  ["blocks 4x1", { blocks: { rows: 4, vectors: 1 } }],
  ["one panel at a time", { passes: { near: 0, most: 1 } }],
  ["four panels at a time", { passes: { near: Infinity, most: 4 } }],
  ["16 panels at a time", { passes: { near: Infinity, most: 16 } }],
];

function scheduleOf(facts: Facts, tuning: Tuning, made: Schedule<AnyMove> | undefined): Schedule<WasmMove> {
  const { nest } = facts;
  if (nest.loops.some(({ loop }) => loop.extent === 0)) return [];
  if (nest.body.some((stmt) => stmt.kind === "for" && isInLanes(stmt))) {
    const axes = nest.loops.map(({ loop }) => loop);
    return shareMoves(axes, workOf(nest.body) * sizeOf(axes));
  }
  const storesNothing = { ...tuning, together: 1 };
  const before = nest.prelude.flatMap((stmt) => (stmt.kind === "fold" ? splitMoves(stmt, storesNothing) : []));
  const panels = panelMoves(facts, tuning, made);
  if (panels === undefined) return [...before, ...laneMoves(facts, tuning)];
  return [...before, ...flattenFolds(everyFold(nest.body)), ...panels];
}

/** Since it was lowered. */
function isInLanes(stmt: Stmt): boolean {
  return someStmt([stmt], { stmt: (inner) => inner.kind === "for" && inner.mark === "lane" });
}
