/**
 * Random schedules: moves of any kind, of loops that are there, as far as they are legal. Whatever a move says of itself is taken
 * at its word, so a move that is legal and wrong is found.
 */

import { jsMoves } from "../../codegen/js/moves/all.ts";
import { wasmMoves } from "../../codegen/wasm/moves/all.ts";
import { wgslMoves } from "../../codegen/wgsl/moves/all.ts";
import { type Applying, tryMove } from "../../passes/schedule/apply.ts";
import { everyFold, sizeOf } from "../../passes/schedule/facts.ts";
import { worthKeeping } from "../../passes/schedule/moves/keep.ts";
import { secondLaunch } from "../../passes/schedule/moves/second-launch.ts";
import { chainOf, nameNow, type Piece } from "../../passes/schedule/piece.ts";
import type { Kernel, LoopVar, Nest, Stmt } from "../../src/kernel/kernel.ts";
import type { AnyMove, MoveOf, Parts, Schedule, SecondLaunch } from "../../src/kernel/moves.ts";
import { freshNames } from "../../src/kernel/names.ts";
import { walkStmts } from "../../src/kernel/rewrite.ts";

/** Those of every target. */
export const ownMoves = { ...jsMoves, ...wasmMoves, ...wgslMoves };

/** A schedule for each nest of the kernel. Choices come from a list that shrinks; where it ends, the first. */
export function randomSchedules(
  kernel: Kernel,
  numbers: readonly number[],
  { gpu = false } = {},
): readonly Schedule<AnyMove>[] {
  let drawn = 0;
  const below = (n: number): number => (numbers[drawn++] ?? 0) % Math.max(1, n);
  const buffers = new Map(kernel.buffers.map((buffer) => [buffer.name, buffer]));
  const around: Applying = {
    fresh: freshNames(kernel),
    buffers,
    shared: [...kernel.shared],
    partials: [],
    ownMoves,
  };
  return kernel.nests.map((nest) => {
    const known = namesOf(nest);
    if (gpu && below(2) === 1) return drawGpu({ nest, names: new Map() }, known, around, below);
    return draw({ nest, names: new Map() }, known, around, below, 2);
  });
}

/** Folds of the kernel for a launch of their own, as many of those drawn as may be cut together. */
export function randomSecondLaunches(kernel: Kernel, numbers: readonly number[]): readonly SecondLaunch[] {
  const chosen: SecondLaunch[] = [];
  const folds = everyFold(kernel.nests.flatMap(({ prelude, body }) => [...prelude, ...body]));
  for (const [i, { accumulators, axes }] of folds.entries()) {
    const drawn = numbers[i] ?? 0;
    if (drawn % 4 === 3) continue;
    const into = { by: "launch", terms: drawnTerms(axes, drawn >> 2) } as const;
    const move: SecondLaunch = { move: "splitFold", of: accumulators[0]?.name ?? "", into };
    if (typeof secondLaunch(kernel, [...chosen, move], roomy) !== "string") chosen.push(move);
  }
  return chosen;
}

/** Any few terms, or whole iterations of the first axis. */
function drawnTerms([first, ...others]: readonly LoopVar[], drawn: number): number {
  const any = 1 + (drawn % 9);
  if (first === undefined || drawn % 2 === 0) return any;
  const divisors = Array.from({ length: first.extent }, (_, i) => i + 1).filter((by) => first.extent % by === 0);
  return (divisors[(drawn >> 1) % divisors.length] ?? 1) * sizeOf(others);
}

/** A target with room for the buffers of any kernel. */
export const roomy = { maxBuffers: 100, bytesOf: (_: unknown, count: number): number => 4 * count } as const;

interface Known {
  /** Loops and axes of folds. */
  readonly loops: string[];
  readonly accumulators: string[];
}

type Below = (n: number) => number;

function draw(start: Piece, known: Known, around: Applying, below: Below, depth: number): Schedule<AnyMove> {
  const moves: AnyMove[] = [];
  let piece = start;
  for (let n = 1 + below(7); n > 0; n -= 1) {
    const move = drawMove(piece, known, around, below, depth);
    if (move === undefined) continue;
    const made = tryMove(piece, move, around);
    if (typeof made === "string") continue;
    moves.push(move);
    piece = { nest: made.nest, names: made.names };
    if (move.move === "split") known.loops.push(`${move.axis}_o`, `${move.axis}_i`);
    if (move.move === "flatten") known.loops.push(move.into);
    if (move.move === "accumulate") {
      known.loops.push(`${move.of}_o`, ...move.over.flatMap((name) => [`${name}_rest`, `${name}_end`]));
      if (made.names.has(`${move.of}_rest`)) known.accumulators.push(`${move.of}_rest`);
    }
  }
  return moves;
}

function drawMove(piece: Piece, known: Known, around: Applying, below: Below, depth: number): AnyMove | undefined {
  const pick = <T>(from: readonly T[]): T | undefined => from[below(from.length)];
  const axis = pick(known.loops);
  const there = new Map(known.loops.map((name) => [nameNow(piece, name), name]));
  const parallel = piece.nest.loops.flatMap(({ loop }) => there.get(loop.name) ?? []);
  if (axis === undefined) return undefined;
  switch (below(18)) {
    case 0:
    case 1:
    case 2: {
      const by = 1 + below(5);
      const count = below(4) === 3 ? { count: 1 + below(2) } : {};
      const tail = pick(["exact", "guard", "peel", "peel", "mask", "lanes"] as const) ?? "exact";
      if (tail !== "peel") return { move: "split", axis, by, tail, ...count };
      const whole: MoveOf<"split"> = { move: "split", axis, by, tail: { peel: [] }, ...count };
      return { ...whole, tail: { peel: peeled(piece, known, whole, around, below, depth) } };
    }
    case 3:
    case 4:
    case 5: {
      const axes = [...new Set([axis, ...(below(2) === 1 ? [pick(known.loops) ?? axis] : [])])];
      return { move: "jam", axes, mark: below(3) === 2 ? "interleaved" : "unrolled" };
    }
    case 6:
      return { move: "reorder", axes: below(2) === 0 ? parallel.toReversed() : [axis, pick(known.loops) ?? axis] };
    case 7: {
      const folded = everyFold(piece.nest.body).map(({ axes }) => axes.flatMap(({ name }) => there.get(name) ?? []));
      const loops = pick([parallel, ...folded]) ?? parallel;
      const at = below(loops.length);
      return { move: "flatten", axes: loops.slice(at, at + 2), into: `flat${known.loops.length}` };
    }
    case 8:
      return { move: "sink", axis };
    case 9:
      return below(2) === 0 ? { move: "unroll", axis } : { move: "bind", axis, to: below(2) === 0 ? "lane" : "thread" };
    case 10: {
      const value = pick(worthKeeping(piece.nest));
      return value === undefined ? undefined : { move: "keep", value };
    }
    case 11:
    case 12: {
      const of = pick(known.accumulators);
      if (of === undefined) return undefined;
      const at = below(2) === 0 ? null : axis;
      const along = pick(["columns", "depth", "lines"] as const) ?? "columns";
      return { move: "stage", operand: below(2) === 0 ? "left" : "right", of, at, into: { memory: "panel", along } };
    }
    case 13: {
      const of = pick(known.accumulators);
      return of === undefined ? undefined : { move: "spill", of, axis };
    }
    case 14: {
      const of = pick(known.accumulators);
      return of === undefined ? undefined : { move: "interchange", of, terms: 1 + below(6) };
    }
    case 15: {
      const of = pick(known.accumulators);
      const [outer] = piece.nest.body;
      const chain = outer?.kind === "for" ? chainOf(outer) : [];
      const over = chain.flatMap(({ loop }) => there.get(loop.name) ?? []);
      const order = below(2) === 0 ? over : over.toReversed();
      return of === undefined ? undefined : { move: "accumulate", of, terms: 2 + below(6), over: order };
    }
    case 16: {
      const of = pick(known.accumulators);
      return of === undefined ? undefined : { move: "compareBits", of };
    }
    default: {
      const of = pick(known.accumulators);
      const into: Parts =
        below(2) === 0
          ? { by: "serial", terms: 1 + below(5) }
          : { by: "lanes", vectors: 1 + below(3), settled: below(2) === 1 };
      return of === undefined ? undefined : { move: "splitFold", of, into };
    }
  }
}

/** Rows shared by teams, a block in tiles, or iterations of their own; with folds of theirs split in any way. */
function drawGpu(start: Piece, known: Known, around: Applying, below: Below): Schedule<AnyMove> {
  const moves: AnyMove[] = [];
  let piece = start;
  const make = (move: AnyMove): boolean => {
    const made = tryMove(piece, move, around);
    if (typeof made === "string") return false;
    moves.push(move);
    piece = { nest: made.nest, names: made.names };
    return true;
  };
  const power = (most: number): number => 2 ** below(most + 1);
  const loops = piece.nest.loops.map(({ loop }) => loop.name);
  const kind = below(4);
  const run = 2 ** below(3);
  const exchanging = (): { readonly subgroup?: number } => (below(2) === 0 ? {} : { subgroup: 2 ** (1 + below(3)) });
  if (kind === 0) {
    const layout = below(2) === 0 ? "along" : "across";
    make({ move: "team", rows: 1 + below(5), lanes: power(4), layout, run, ...exchanging() });
  } else if (kind === 1) drawTile(loops, known, make, below);
  else if (kind === 2) {
    const [rows, columns] = [loops[below(loops.length)] ?? "", loops[below(loops.length)] ?? ""];
    make({ move: "turn", rows, columns, side: 4, invocations: 4 * power(2) });
  }
  if (piece === start) {
    make({ move: "flatten", axes: loops, into: "flat" });
    make({ move: "split", axis: "flat", by: 2 * power(3), tail: "guard" });
    make({ move: "bind", axis: "flat_i", to: "invocation" });
    make({ move: "bind", axis: "flat_o", to: "workgroup" });
  }
  for (const { accumulators } of [...start.nest.prelude, ...start.nest.body].filter((stmt) => stmt.kind === "fold")) {
    const of = accumulators[0]?.name ?? "";
    const lanes = piece.nest.loops.reduce((n, { loop, mark }) => (mark === "invocation" ? n * loop.extent : n), 1);
    if (below(2) === 1)
      make({ move: "splitFold", of, into: { by: "tree", lanes, run: 2 ** below(3), ...exchanging() } });
    const beside = { by: "lanes", vectors: 1 + below(2), mark: "unrolled" } as const;
    if (below(3) === 1) make({ move: "splitFold", of: `${of}_part`, into: beside });
    if (below(2) === 1) make({ move: "splitFold", of: `${of}_part`, into: { by: "serial", terms: 2 + below(4) } });
  }
  if (below(3) === 2) make({ move: "hold", most: 2 + below(15) });
  return moves;
}

/** As the policy tiles, of any sizes; it ends where a move is not legal. */
function drawTile(loops: readonly string[], known: Known, make: (move: AnyMove) => boolean, below: Below): void {
  const [m, n] = [loops[below(loops.length)], loops[below(loops.length)]];
  if (m === undefined || n === undefined || m === n) return;
  const [ny, nx, rm, rn] = [2 ** (1 + below(2)), 2 ** (1 + below(2)), 2 + below(2), 2 + below(2)];
  const others = loops.filter((name) => name !== m && name !== n);
  const terms = below(2) === 0 ? {} : { terms: 5 };
  const slices = 2 ** below(3);
  const staging = { wide: 1 + below(2), ahead: below(2) === 1, twice: below(2) === 1, slices };
  // An invocation's columns lie side by side, or those of neighbours do.
  const [by, lane, block] = below(2) === 0 ? [nx, `${n}_i_i`, `${n}_i_o`] : [rn, `${n}_i_o`, `${n}_i_i`];
  const depth = ny * nx * slices;
  const moves: readonly AnyMove[] = [
    { move: "split", axis: m, by: ny * rm, tail: "mask" },
    { move: "split", axis: `${m}_i`, by: rm, tail: "exact" },
    { move: "split", axis: n, by: nx * rn, tail: "mask" },
    { move: "split", axis: `${n}_i`, by, tail: "exact" },
    { move: "jam", axes: [`${m}_i_i`, block], mark: "unrolled" },
    { move: "reorder", axes: [...others, `${m}_o`, `${n}_o`, `${m}_i_o`, lane] },
    { move: "bind", axis: lane, to: "invocation" },
    { move: "bind", axis: `${m}_i_o`, to: "invocation" },
    { move: "tile", of: known.accumulators[0] ?? "", rows: `${m}_i`, columns: `${n}_i`, depth, ...terms, ...staging },
    { move: "flatten", axes: [`${m}_i_o`, lane], into: "lane" },
  ];
  moves.every(make);
}

/** Moves of what a split leaves over: found by making the split, and drawing for the piece that it cuts off. */
function peeled(
  piece: Piece,
  known: Known,
  split: MoveOf<"split">,
  around: Applying,
  below: Below,
  depth: number,
): Schedule<AnyMove> {
  if (depth === 0) return [];
  const made = tryMove(piece, split, around);
  if (typeof made === "string") return [];
  const left = { loops: [...known.loops, `${split.axis}_r`], accumulators: [...known.accumulators] };
  if (made.beside !== undefined) return draw(made.beside.piece(), left, around, below, depth - 1);
  if (made.inside === undefined) return [];
  return draw({ nest: made.nest, names: made.inside.names }, left, around, below, depth - 1);
}

function namesOf(nest: Nest): Known {
  const loops = nest.loops.map(({ loop }) => loop.name);
  walkStmts(nest.body, {
    stmt: (stmt: Stmt) => {
      if (stmt.kind === "for") loops.push(stmt.loop.name);
      if (stmt.kind === "fold") loops.push(...stmt.axes.map(({ name }) => name));
    },
  });
  const accumulators = everyFold(nest.body).map(({ accumulators: [first] }) => first?.name ?? "");
  return { loops, accumulators };
}
