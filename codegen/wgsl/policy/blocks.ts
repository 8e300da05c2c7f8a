/**
 * Contractions in blocks of outputs, each of one invocation, which loads both factors by itself: no workgroup memory and no barrier.
 *
 *   split i 8 mask; split j 8 mask; jam i_i, j_i unrolled       for k { 8 loads of a column, 8 of a row, 64 products }
 */
import { type Contraction, sizeOf } from "../../../passes/schedule/facts.ts";
import type { LoopVar } from "../../../src/kernel/kernel.ts";
import type { Schedule, WgslMove } from "../../../src/kernel/moves.ts";
import { nameOf } from "./registers.ts";
import type { BlockShape } from "./tile-shapes.ts";
import type { Setting, WgslTuning } from "./tuning.ts";

/** Invocations that are computed at a time: 4 on each of a few cores. */
const atOnce = 16;
/** Cycles: of a load, one in a vector of 4, and a product; and how much longer those take that may lie beyond an edge. */
const [loadCost, wideCost, productCost, maskCost] = [16, 14, 2.5, 1.4];
/** Outputs of a block that has edges: each has a condition of its own, and a driver takes 5 ms of CPU to compile one. */
const mostMasked = 16;

/** The block that costs least, or undefined where there is none. */
export function chooseBlock(found: Contraction, { tuning }: Pick<Setting, "tuning">): BlockShape | undefined {
  const [m, n, k] = [sizeOf(found.rows), sizeOf(found.columns), sizeOf(found.inner)];
  if (Math.min(m, n) < tuning.tileLeastSide || m * n * k < tuning.tileLeastWork) return undefined;
  const cost = (shape: BlockShape): number => costOf(found, shape);
  // A single block would leave no loop to spread.
  const several = tuning.blocks.filter((shape) => blocksOf(found, shape) > 1);
  return several.reduce<BlockShape | undefined>(
    (best, shape) => (best === undefined || cost(shape) < cost(best) ? shape : best),
    undefined,
  );
}

/** Times that a device goes through all invocations, as many as it computes at once each time, and what one of them costs for each k. */
function costOf(found: Contraction, { rm, rn }: BlockShape): number {
  const [m, n] = [sizeOf(found.rows), sizeOf(found.columns)];
  const across = rn % 4 === 0 && n % 4 === 0 ? wideCost : loadCost;
  const each = rm * loadCost + rn * across + rm * rn * productCost;
  const isMasked = m % rm > 0 || n % rn > 0;
  if (isMasked && rm * rn > mostMasked) return Number.POSITIVE_INFINITY;
  return Math.ceil(blocksOf(found, { rm, rn }) / atOnce) * each * (isMasked ? maskCost : 1);
}

/** The loops as one: the only one there is, or a new axis of that name, whose move is added to the others. */
export function asOneAxis(loops: readonly LoopVar[], into: string, moves: WgslMove[]): string {
  const [only] = loops;
  if (loops.length === 1 && only !== undefined) return only.name;
  moves.push({ move: "flatten", axes: loops.map(({ name }) => name), into });
  return into;
}

/** How many there are of them. */
function blocksOf({ batch, rows, columns }: Contraction, { rm, rn }: BlockShape): number {
  return sizeOf(batch) * Math.ceil(sizeOf(rows) / rm) * Math.ceil(sizeOf(columns) / rn);
}

export function blockMoves(
  found: Contraction,
  { rm, rn }: BlockShape,
  size: number,
  { terms }: WgslTuning,
): Schedule<WgslMove> {
  const moves: WgslMove[] = [];
  const one = (loops: readonly LoopVar[], into: string): string => asOneAxis(loops, into, moves);
  moves.push({ move: "reorder", axes: [found.batch, found.rows, found.columns].flat().map(({ name }) => name) });
  const batch = found.batch.length === 0 ? [] : [one(found.batch, "batch")];
  const [m, n] = [one(found.rows, "rows"), one(found.columns, "columns")];
  if (sizeOf(found.inner) > terms)
    moves.push({ move: "splitFold", of: nameOf(found.fold), into: { by: "serial", terms } });
  moves.push(
    { move: "split", axis: m, by: rm, tail: "mask" },
    { move: "split", axis: n, by: rn, tail: "mask" },
    { move: "jam", axes: [`${m}_i`, `${n}_i`], mark: "unrolled" },
    { move: "flatten", axes: [...batch, `${m}_o`, `${n}_o`], into: "flat" },
    { move: "split", axis: "flat", by: size, tail: "guard" },
    { move: "bind", axis: "flat_i", to: "invocation" },
    { move: "bind", axis: "flat_o", to: "workgroup" },
  );
  return moves;
}
