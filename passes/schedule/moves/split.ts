/**
 * Cuts a loop into blocks.
 *
 *   split i 4          parallel i < 128      ->   parallel i_o < 32, i_i < 4             i = 4*i_o + i_i
 *   split i 4 peel     parallel i < 130      ->   ... and another nest                   parallel i_r < 2:  i = 128 + i_r
 *   split i 4 guard    parallel i < 130      ->   parallel i_o < 33, i_i < 4 { if 4*i_o + i_i < 130 { ... } }
 *   split i 4 mask     parallel i < 130      ->   the same with the fold before the `if`, and guarded loads (mask.ts)
 *   split i 4 lanes    parallel i < 130      ->   no `if`, and guarded loads and stores
 *
 * A loop in the body stays where it is; what is left over of it is a second loop behind it. Serial loops keep their order.
 * An axis of a fold is not cut: folding its parts apart is `splitFold`.
 */
import { forLoops, when } from "../../../src/kernel/build.ts";
import { copyStmts } from "../../../src/kernel/copies.ts";
import { blockIndex, scaleIndex } from "../../../src/kernel/index-expr.ts";
import type { Index, LoopVar, ParallelLoop, Stmt } from "../../../src/kernel/kernel.ts";
import type { MoveOf } from "../../../src/kernel/moves.ts";
import type { Fresh } from "../../../src/kernel/names.ts";
import { mapStmts, replaceLoops } from "../../../src/kernel/rewrite.ts";
import { isBelow } from "../../kernel/bounds.ts";
import { hasMeeting } from "../facts.ts";
import {
  type Around,
  atStmt,
  copyNest,
  type Moved,
  nameNow,
  namesOfCopy,
  type Piece,
  refuse,
  renameAll,
} from "../piece.ts";
import { guarded, masked } from "./mask.ts";

export function split(piece: Piece, move: MoveOf<"split">, around: Around): Moved {
  const { axis, by, tail } = move;
  const name = nameNow(piece, axis);
  if (name === null) return by === 1 ? piece : refuse(`${axis} has one iteration`);
  if (!(by >= 1)) refuse(`blocks of ${by}`);
  const bound = piece.nest.loops.find(({ loop }) => loop.name === name);
  if (bound !== undefined) return splitNest(piece, bound, move, around);
  if (isPastEnd(tail)) refuse(`${axis} is no parallel loop of the nest`);
  return splitInside(piece, name, move, around);
}

/** Whether the last block may run past the end. */
function isPastEnd(tail: MoveOf<"split">["tail"]): boolean {
  return tail === "guard" || tail === "mask" || tail === "lanes";
}

// ---- where it is cut -------------------------------------------------------------------------------------------------

interface Cut {
  readonly loop: LoopVar;
  /** Its variable in the blocks. */
  readonly at: Index;
  /** Those of one iteration are none. */
  readonly loops: readonly LoopVar[];
  readonly names: Piece["names"];
  /** Iterations in whole blocks, and those left over; below 0 where the last block runs past the end. */
  readonly whole: number;
  readonly rest: number;
}

function cutOf({ names }: Piece, loop: LoopVar, { axis, by, tail, ...move }: MoveOf<"split">, fresh: Fresh): Cut {
  const isPast = isPastEnd(tail);
  const count = move.count ?? (isPast ? Math.ceil(loop.extent / by) : Math.floor(loop.extent / by));
  const rest = loop.extent - count * by;
  if (count < 1 && !isPast) refuse(`${axis} has ${loop.extent} iterations`);
  if (tail === "exact" && rest !== 0) refuse(`${rest} of ${loop.extent} iterations are left over`);
  if (isPast ? rest > 0 : rest < 0) refuse(`${count} blocks of ${by} are not ${loop.extent} iterations`);
  const outer: LoopVar = { name: fresh(`${axis}_o`), extent: count };
  const inner: LoopVar = { name: fresh(`${axis}_i`), extent: by };
  const after = new Map(names);
  after.set(`${axis}_o`, count !== 1 ? outer.name : null).set(`${axis}_i`, by > 1 ? inner.name : null);
  const at = blockIndex(by, fresh.pool.loop(outer), fresh.pool.loop(inner));
  return {
    loop,
    at,
    loops: [outer, inner].filter(({ extent }) => extent !== 1),
    names: after,
    whole: count * by,
    rest,
  };
}

/** The loop over what is left, and the variable in it. */
function restOf({ loop, whole, rest }: Cut, axis: string, fresh: Fresh) {
  const left: LoopVar = { name: fresh(`${axis}_r`), extent: rest };
  const at = new Map([[loop.name, scaleIndex(fresh.pool.loop(left), 1, whole)]]);
  return { at, left: rest > 1 ? [left] : [], name: rest > 1 ? left.name : null };
}

/** Statements in the blocks. */
function inBlocks(body: readonly Stmt[], { loop, at }: Cut): readonly Stmt[] {
  return mapStmts(body, replaceLoops(new Map([[loop.name, at]])));
}

/** The same where the last block may run past the end. */
function pastEnd(body: readonly Stmt[], cut: Cut, tail: MoveOf<"split">["tail"], around: Around): readonly Stmt[] {
  const { loop, at, rest } = cut;
  if (tail === "mask") return masked(body, { index: at, extent: loop.extent }, around);
  if (tail === "lanes") return guarded(body, { index: at, extent: loop.extent }, around);
  if (tail !== "guard" || rest === 0) return body;
  if (hasMeeting(body)) refuse("there is a barrier in the body");
  return [when(isBelow(at, loop.extent), body)];
}

// ---- a parallel loop of the nest -------------------------------------------------------------------------------------

function splitNest(piece: Piece, bound: ParallelLoop, move: MoveOf<"split">, around: Around): Moved {
  const { nest } = piece;
  const { axis, tail } = move;
  const { loop, mark } = bound;
  // What invocations share, they share among all of them.
  if (tail !== "exact" && (mark === "workgroup" || mark === "invocation")) refuse(`${axis} is bound`);
  const cut = cutOf(piece, loop, move, around.fresh);
  const place = nest.loops.indexOf(bound);
  const withLoops = (of: Piece["nest"]["loops"], own: readonly LoopVar[], end: number) => {
    return [...of.slice(0, place), ...marked(own, mark), ...of.slice(end)];
  };
  const body = pastEnd(inBlocks(nest.body, cut), cut, tail, around);
  const moved = { nest: { ...nest, loops: withLoops(nest.loops, cut.loops, place + 1), body }, names: cut.names };
  if (typeof tail === "string" || cut.rest === 0) return moved;
  const rest = (): Piece => {
    const { at, left, name } = restOf(cut, axis, around.fresh);
    const copy = copyNest(piece, at, around.fresh);
    const loops = withLoops(copy.nest.loops, left, place);
    return { nest: { ...copy.nest, loops }, names: new Map(copy.names).set(`${axis}_r`, name) };
  };
  return { ...moved, beside: { piece: rest, moves: tail.peel } };
}

// ---- a loop in the body ----------------------------------------------------------------------------------------------

function splitInside(piece: Piece, name: string, move: MoveOf<"split">, { fresh }: Around): Moved {
  const { axis, tail } = move;
  let after: Pick<Moved, "names" | "inside"> = piece;
  const { nest } = atStmt(piece, `loop ${axis}`, (stmt) => {
    if (stmt.kind !== "for" || stmt.loop.name !== name) return undefined;
    const { loop, mark, body } = stmt;
    if (mark !== "parallel" && mark !== "serial") refuse(`${axis} is ${mark}`);
    const cut = cutOf(piece, loop, move, fresh);
    after = { names: cut.names };
    const main = forLoops(marked(cut.loops, mark), inBlocks(body, cut));
    if (typeof tail === "string" || cut.rest === 0) return main;
    const { at, left, name: now } = restOf(cut, axis, fresh);
    const copies = copyStmts(body, { loops: at }, fresh);
    const names = new Map(renameAll(piece.names, namesOfCopy(body, copies))).set(`${axis}_r`, now);
    after = { names: cut.names, inside: { names, moves: tail.peel } };
    return [...main, ...forLoops(marked(left, mark), copies)];
  });
  return { nest, ...after };
}

function marked<Mark>(loops: readonly LoopVar[], mark: Mark) {
  return loops.map((loop) => ({ loop, mark }));
}
