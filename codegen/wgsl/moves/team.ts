/**
 * Several invocations of a workgroup share each row, and join their partial results.
 *
 *   team 16 rows x 4 lanes across        workgroup group < 32, invocation lane < 64
 *   parallel j < 512                       fold s_part = sum over i_trip < 32 of dh[512*(4*i_trip + lane/16) + 16*group + lane%16]
 *     fold s = sum over i < 128            partials[lane] = s_part; barrier; ...halve until lane 0 has the sum; barrier
 *       of dh[512*i + j]            ->     let s = partials[lane%16]
 *     b[j] = b[j] - rate*s                 if lane/16 < 1 { b[16*group + lane%16] = ... }
 *
 * along: neighbours take neighbouring columns of one row. across: they take neighbouring rows. Every barrier stands where all
 * invocations come: rows beyond the end run along with guarded loads and stores. It is no move of others because what becomes of
 * one statement depends on what becomes of all of them: who may store what another one has read.
 */

import { guardLoads, guardStores, openBounds, whenInside } from "../../../passes/kernel/bounds.ts";
import { sizeOf } from "../../../passes/schedule/facts.ts";
import { recover } from "../../../passes/schedule/moves/loops.ts";
import { type Around, type Moved, type Piece, refuse } from "../../../passes/schedule/piece.ts";
import { forLoop } from "../../../src/kernel/build.ts";
import { blockIndex, floorDivIndex, modIndex, scaleIndex } from "../../../src/kernel/index-expr.ts";
import type { Index, LoopVar, Stmt } from "../../../src/kernel/kernel.ts";
import type { MoveOf } from "../../../src/kernel/moves.ts";
import { mapStmts, replaceLoops, rewriting } from "../../../src/kernel/rewrite.ts";
import type { Team } from "./partials.ts";
import { planRow, type RowStep } from "./team-plan.ts";
import { shareFold, shareOf } from "./tree.ts";

export function team(piece: Piece, move: MoveOf<"team">, around: Around): Moved {
  const { nest } = piece;
  const { fresh, buffers } = around;
  const { rows, lanes } = move;
  if (nest.loops.some(({ mark }) => mark !== "parallel")) refuse("a loop is bound already");
  if (!Number.isInteger(Math.log2(lanes)) || !(rows >= 1)) refuse(`${rows} rows of ${lanes} lanes`);
  const steps = planRow(nest.body);
  if (typeof steps === "string") return refuse(steps);
  const loops = nest.loops.map(({ loop }) => loop);
  const total = sizeOf(loops);
  const group: LoopVar = { name: fresh("group"), extent: Math.ceil(total / rows) };
  const lane: LoopVar = { name: fresh("lane"), extent: rows * lanes };
  const { own, row } = teamOf(fresh.pool.loop(lane), move);
  const flat = blockIndex(rows, fresh.pool.loop(group), row);
  const bounds = openBounds([{ index: flat, extent: total }]);
  const names = new Map(piece.names);
  const shared = shareOut(steps, own, nest.prelude, names, around);
  const placed = mapStmts(shared, replaceLoops(recover(loops, flat)));
  // Rows beyond the end store nothing.
  const guarded = guardStores(mapStmts(placed, rewriting(guardLoads(bounds, buffers))), bounds, buffers);
  names.set("group", group.name).set("lane", lane.name);
  return {
    nest: {
      loops: [
        { loop: group, mark: "workgroup" },
        { loop: lane, mark: "invocation" },
      ],
      prelude: [],
      body: [...nest.prelude, ...guarded],
    },
    names,
  };
}

function teamOf(
  invocation: Index,
  { layout, rows, lanes, run = 1, subgroup }: MoveOf<"team">,
): { readonly own: Team; readonly row: Index } {
  const size = rows * lanes;
  if (layout === "across") {
    const row = modIndex(invocation, rows);
    return {
      own: { lanes, lane: floorDivIndex(invocation, rows), step: rows, first: row, invocation, size, run, subgroup },
      row,
    };
  }
  const row = floorDivIndex(invocation, lanes);
  const first = scaleIndex(row, lanes);
  return { own: { lanes, lane: modIndex(invocation, lanes), step: 1, first, invocation, size, run, subgroup }, row };
}

function shareOut(
  steps: readonly RowStep[],
  own: Team,
  prelude: readonly Stmt[],
  names: Map<string, string | null>,
  around: Around,
): readonly Stmt[] {
  const { fresh } = around;
  const out: Stmt[] = [];
  // Folds of the prelude may become trees too.
  let isUsed = prelude.length > 0;
  for (const step of steps) {
    if (step.kind === "fold") {
      out.push(...shareFold(step.fold, own, names, { before: [...out], after: [], isUsed }, around));
      isUsed = true;
    } else if (step.kind === "spread") {
      const share = shareOf(step.loops, own, fresh);
      const body = mapStmts(step.stmts, replaceLoops(recover(step.loops, share.column)));
      const runs = share.each.reduce<readonly Stmt[]>((inside, loop) => [forLoop(loop, inside, "unrolled")], body);
      const inside = whenInside([share.bound], runs);
      out.push(...share.trips.reduce((stmts, loop) => [forLoop(loop, stmts)], inside));
    } else if (step.kind === "first") out.push(...whenInside([{ index: own.lane, extent: 1 }], step.stmts));
    else out.push(...step.stmts);
  }
  return out;
}
