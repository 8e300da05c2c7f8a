/**
 * Moves of whole loops: which stands where, and what runs its iterations.
 *
 *   reorder j, i           parallel i, j          ->   parallel j, i
 *   flatten i, j into f    parallel i < 3, j < 5  ->   parallel f < 15,  i = f / 5, j = f % 5           axes of a fold as well
 *   bind i thread          parallel i             ->   thread i             (invocation: a prelude goes into the body, as
 *                                                                         nothing runs before a launch)
 *   bind j lane            parallel i, j { ... }  ->   parallel i { for j lane { ... } }
 *   sink j                 parallel i, j { ... }  ->   parallel i { for j parallel { ... } }
 *   unroll u               for u < 4              ->   for u < 4 unrolled
 */
import { forLoop } from "../../../src/kernel/build.ts";
import { blockIndex, floorDivIndex, modIndex } from "../../../src/kernel/index-expr.ts";
import type { Index, LoopMark, LoopVar, ParallelLoop } from "../../../src/kernel/kernel.ts";
import type { MoveOf } from "../../../src/kernel/moves.ts";
import type { Fresh } from "../../../src/kernel/names.ts";
import { mapStmts, replaceLoops } from "../../../src/kernel/rewrite.ts";
import { laneCount } from "../../../src/kernel/stride.ts";
import { hasMeeting, sizeOf } from "../facts.ts";
import {
  type Around,
  atStmt,
  checkApart,
  type ForStmt,
  type Moved,
  mostCopies,
  nameNow,
  namesNow,
  type Piece,
  refuse,
  withName,
} from "../piece.ts";

export function reorder(piece: Piece, { axes }: MoveOf<"reorder">): Moved {
  const { nest } = piece;
  const wanted = namesNow(piece, axes);
  const named = wanted.map((name) => nest.loops.find(({ loop }) => loop.name === name));
  const missing = wanted.find((_, i) => named[i] === undefined);
  if (missing !== undefined) refuse(`${missing} is no parallel loop`);
  if (new Set(wanted).size < wanted.length) refuse("a loop is named twice");
  let next = 0;
  const loops = nest.loops.map((each) => (named.includes(each) ? (named[next++] ?? each) : each));
  return withLoops(piece, loops);
}

/** The invocations of a workgroup are innermost. */
function withLoops({ nest, names }: Piece, loops: readonly ParallelLoop[]): Piece {
  const marks = loops.map(({ mark }) => mark);
  const first = marks.indexOf("invocation");
  if (first >= 0 && marks.slice(first).some((mark) => mark !== "invocation")) refuse("invocations are not innermost");
  const isMixed = marks.includes("thread") && (first >= 0 || marks.includes("workgroup"));
  if (isMixed) refuse("threads and workgroups are different machines");
  return { nest: { ...nest, loops }, names };
}

/**
 * No loops at all are one of one iteration. What a nest of one iteration reads before its loops it may overwrite: that goes inside,
 * so that no other iteration reads it once the loop is cut and guarded. Folds do where nobody else is to share them.
 */
export function flatten(piece: Piece, { axes, into, prelude }: MoveOf<"flatten">, { fresh }: Around): Moved {
  const { nest } = piece;
  const wanted = namesNow(piece, axes);
  if (wanted.length === 0 && axes.length > 0) return withName(piece, into, null);
  if (axes.length > 0 && !nest.loops.some(({ loop }) => loop.name === wanted[0]))
    return flattenAxes(piece, wanted, into, fresh);
  const start = Math.max(
    0,
    nest.loops.findIndex(({ loop }) => loop.name === wanted[0]),
  );
  const flat = nest.loops.slice(start, start + wanted.length);
  if (wanted.some((name, i) => name !== flat[i]?.loop.name)) refuse("the loops are no neighbours in this order");
  if (new Set(flat.map(({ mark }) => mark)).size > 1) refuse("the loops are bound to different things");
  const taken = nameNow(piece, into);
  if (nest.loops.some(({ loop }) => loop.name === taken && !wanted.includes(loop.name)))
    refuse(`${into} is another loop`);
  const parts = flat.map(({ loop }) => loop);
  const both: LoopVar = { name: fresh(into), extent: sizeOf(parts) };
  const loops = [...nest.loops];
  loops.splice(start, flat.length, { loop: both, mark: flat[0]?.mark ?? "parallel" });
  const body = mapStmts(nest.body, replaceLoops(recover(parts, fresh.pool.loop(both))));
  const isOne = sizeOf(nest.loops.map(({ loop }) => loop)) === 1 && flat.length === nest.loops.length;
  if (prelude !== undefined && !isOne) refuse("the prelude is computed before all iterations");
  const folds = prelude === "inside" ? 0 : nest.prelude.findLastIndex(({ kind }) => kind === "fold") + 1;
  const outside = isOne ? folds : nest.prelude.length;
  const [before, own] = [nest.prelude.slice(0, outside), nest.prelude.slice(outside)];
  return withName({ ...piece, nest: { loops, prelude: before, body: [...own, ...body] } }, into, both.name);
}

/** Neighbouring axes of a fold in the body. */
function flattenAxes(piece: Piece, wanted: readonly string[], into: string, fresh: Fresh): Piece {
  const name = fresh(into);
  const made = atStmt(piece, `fold over ${wanted.join(", ")}`, (stmt) => {
    if (stmt.kind !== "fold") return undefined;
    const start = stmt.axes.findIndex((axis) => axis.name === wanted[0]);
    const parts = stmt.axes.slice(Math.max(0, start), start + wanted.length);
    if (start < 0 || wanted.some((axis, i) => axis !== parts[i]?.name)) return undefined;
    const both: LoopVar = { name, extent: sizeOf(parts) };
    const axes = [...stmt.axes.slice(0, start), both, ...stmt.axes.slice(start + parts.length)];
    return mapStmts([{ ...stmt, axes }], replaceLoops(recover(parts, fresh.pool.loop(both))));
  });
  return withName(made, into, name);
}

/** The loops, the last one fastest, as functions of the flat index. The first runs over where that one does. */
export function recover(loops: readonly LoopVar[], flat: Index): ReadonlyMap<string, Index> {
  const found = new Map<string, Index>();
  let stride = 1;
  for (let n = loops.length - 1; n >= 0; n -= 1) {
    const loop = loops[n];
    if (loop === undefined) continue;
    const quotient = floorDivIndex(flat, Math.max(1, stride));
    found.set(loop.name, n === 0 ? quotient : modIndex(quotient, Math.max(1, loop.extent)));
    stride *= loop.extent;
  }
  return found;
}

/** The flat index of the loops' iterations, the last one fastest. */
export function placeOf(loops: readonly LoopVar[], { pool }: Fresh): Index {
  return loops.reduce<Index>((index, loop) => blockIndex(loop.extent, index, pool.loop(loop)), pool.integer(0));
}

export function bind(piece: Piece, { axis, to }: MoveOf<"bind">, { shared }: Around): Moved {
  const { nest } = piece;
  const name = nameNow(piece, axis);
  if (name === null) return piece;
  const bound = nest.loops.find(({ loop }) => loop.name === name);
  if (to === "lane") {
    return remark(bound === undefined ? piece : sinkLoop(piece, name), name, to, ({ loop, body }) => {
      if (loop.extent !== laneCount) refuse(`${name} has ${loop.extent}`);
      checkApart(body, [name], shared);
    });
  }
  if (bound === undefined) return refuse(`${name} is no parallel loop`);
  if (bound.mark !== "parallel") refuse(`${name} is bound already`);
  const loops = nest.loops.map((each) => (each === bound ? { ...each, mark: to } : each));
  const made = withLoops(piece, loops);
  if (to !== "invocation") return made;
  return { ...piece, nest: { loops, prelude: [], body: [...nest.prelude, ...nest.body] } };
}

export function sink(piece: Piece, { axis }: MoveOf<"sink">): Moved {
  const name = nameNow(piece, axis);
  return name === null ? piece : sinkLoop(piece, name);
}

/** The loop as it is called now. */
export function sinkLoop(piece: Piece, name: string): Piece {
  const { nest, names } = piece;
  const sunk = nest.loops.find(({ loop }) => loop.name === name);
  if (sunk === undefined) return refuse(`${name} is no parallel loop`);
  if (sunk.mark !== "parallel") refuse(`${name} is bound`);
  if (hasMeeting(nest.body)) refuse("there is a barrier in the body");
  const loops = nest.loops.filter((each) => each !== sunk);
  return { nest: { ...nest, loops, body: [forLoop(sunk.loop, nest.body, "parallel")] }, names };
}

export function unrollLoop(piece: Piece, { axis }: MoveOf<"unroll">): Moved {
  const name = nameNow(piece, axis);
  if (name === null) return piece;
  return remark(piece, name, "unrolled", ({ loop }) => {
    if (loop.extent > mostCopies) refuse(`${name} has ${loop.extent}`);
  });
}

/** The loop of this name in the body, parallel or serial, with another mark. */
function remark(piece: Piece, name: string, mark: LoopMark, check: (stmt: ForStmt) => void): Piece {
  return atStmt(piece, `loop ${name} in the body`, (stmt) => {
    if (stmt.kind !== "for" || stmt.loop.name !== name) return undefined;
    const isFree = stmt.mark === "parallel" || (stmt.mark === "serial" && mark !== "lane");
    if (!isFree) refuse(`${name} is ${stmt.mark}`);
    check(stmt);
    return [{ ...stmt, mark }];
  });
}
