/**
 * Moves of whole loops: which stands where, and what runs its iterations.
 *
 *   reorder j, i           parallel i, j          ->   parallel j, i
 *   flatten i, j into f    parallel i < 3, j < 5  ->   parallel f < 15,  i = f / 5, j = f % 5
 *   bind i thread          parallel i             ->   thread i             (invocation: a prelude goes into the body, as
 *                                                                         nothing runs before a launch)
 *   bind j lane            parallel i, j { ... }  ->   parallel i { for j lane { ... } }
 *   sink j                 parallel i, j { ... }  ->   parallel i { for j parallel { ... } }
 *   unroll u               for u < 4              ->   for u < 4 unrolled
 */
import { floorDivIndex, modIndex, sumIndex } from "../../../src/kernel/index-expr.ts";
import type { Index, LoopMark, LoopVar, Nest, ParallelLoop, Stmt } from "../../../src/kernel/kernel.ts";
import type { MoveOf } from "../../../src/kernel/moves.ts";
import { mapStmts, replaceLoops, someStmt } from "../../../src/kernel/rewrite.ts";
import { laneCount } from "../../../src/kernel/stride.ts";
import { sizeOf } from "../facts.ts";
import type { Fresh } from "../names.ts";
import {
  type Around,
  type ForStmt,
  type Moved,
  mostCopies,
  nameNow,
  namesNow,
  type Piece,
  sharedByAll,
  withBody,
} from "../piece.ts";

export function reorder(piece: Piece, { axes }: MoveOf<"reorder">): Moved | string {
  const { nest } = piece;
  const wanted = namesNow(piece, axes);
  const named = wanted.map((name) => nest.loops.find(({ loop }) => loop.name === name));
  const missing = wanted.find((_, i) => named[i] === undefined);
  if (missing !== undefined) return `${missing} is no parallel loop`;
  if (new Set(wanted).size < wanted.length) return "a loop is named twice";
  let next = 0;
  const loops = nest.loops.map((each) => (named.includes(each) ? (named[next++] ?? each) : each));
  return misplaced(loops) ?? { ...piece, nest: { ...nest, loops } };
}

/** Why loops cannot stand in this order: the invocations of a workgroup are innermost. Null where they can. */
function misplaced(loops: readonly ParallelLoop[]): string | null {
  const marks = loops.map(({ mark }) => mark);
  const first = marks.indexOf("invocation");
  if (first >= 0 && marks.slice(first).some((mark) => mark !== "invocation")) return "invocations are not innermost";
  const isMixed = marks.includes("thread") && (first >= 0 || marks.includes("workgroup"));
  return isMixed ? "threads and workgroups are different machines" : null;
}

export function flatten(piece: Piece, { axes, into }: MoveOf<"flatten">, { fresh }: Around): Moved | string {
  const { nest } = piece;
  const wanted = namesNow(piece, axes);
  const start = nest.loops.findIndex(({ loop }) => loop.name === wanted[0]);
  const flat = nest.loops.slice(start, start + wanted.length);
  if (flat.length === 0) return wanted.length === 0 ? withName(piece, into, null) : `${wanted[0]} is no parallel loop`;
  if (flat.some(({ loop }, i) => loop.name !== wanted[i])) return "the loops are no neighbours in this order";
  if (new Set(flat.map(({ mark }) => mark)).size > 1) return "the loops are bound to different things";
  const parts = flat.map(({ loop }) => loop);
  const both: LoopVar = { name: fresh(into), extent: sizeOf(parts) };
  const loops = [
    ...nest.loops.slice(0, start),
    ...flat.slice(0, 1).map(({ mark }) => ({ loop: both, mark })),
    ...nest.loops.slice(start + flat.length),
  ];
  const made = {
    ...piece,
    nest: { ...nest, loops, body: mapStmts(nest.body, replaceLoops(recover(parts, fresh.pool.loop(both)))) },
  };
  return withName(made, into, both.name);
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
  return loops.reduce<Index>((index, loop) => {
    return sumIndex([
      { factor: loop.extent, index },
      { factor: 1, index: pool.loop(loop) },
    ]);
  }, pool.integer(0));
}

function withName(piece: Piece, name: string, now: string | null): Piece {
  return { ...piece, names: new Map(piece.names).set(name, now) };
}

export function bind(piece: Piece, { axis, to }: MoveOf<"bind">, { shared }: Around): Moved | string {
  const { nest } = piece;
  const name = nameNow(piece, axis);
  if (name === null) return piece;
  if (to === "lane") {
    const sunk = nest.loops.some(({ loop }) => loop.name === name) ? sink(piece, { move: "sink", axis }) : piece;
    if (typeof sunk === "string") return sunk;
    return remark(sunk, name, to, ({ loop, body }) => {
      return loop.extent === laneCount ? sharedByAll(body, [name], shared) : `${name} has ${loop.extent}`;
    });
  }
  const bound = nest.loops.find(({ loop }) => loop.name === name);
  if (bound === undefined) return `${name} is no parallel loop`;
  if (bound.mark !== "parallel") return `${name} is bound already`;
  const loops = nest.loops.map((each) => (each === bound ? { ...each, mark: to } : each));
  const reason = misplaced(loops);
  if (reason !== null) return reason;
  if (to !== "invocation") return { ...piece, nest: { ...nest, loops } };
  return { ...piece, nest: { loops, prelude: [], body: [...nest.prelude, ...nest.body] } };
}

export function sink(piece: Piece, { axis }: MoveOf<"sink">): Moved | string {
  const { nest } = piece;
  const name = nameNow(piece, axis);
  if (name === null) return piece;
  const sunk = nest.loops.find(({ loop }) => loop.name === name);
  if (sunk === undefined) return `${name} is no parallel loop`;
  if (sunk.mark !== "parallel") return `${name} is bound`;
  if (someStmt(nest.body, { stmt: ({ kind }) => kind === "barrier" })) return "there is a barrier in the body";
  const body: Stmt = { kind: "for", loop: sunk.loop, mark: "parallel", body: nest.body };
  const made: Nest = { ...nest, loops: nest.loops.filter((each) => each !== sunk), body: [body] };
  return { ...piece, nest: made };
}

export function unrollLoop(piece: Piece, { axis }: MoveOf<"unroll">): Moved | string {
  const name = nameNow(piece, axis);
  if (name === null) return piece;
  return remark(piece, name, "unrolled", ({ loop }) => {
    return loop.extent <= mostCopies ? null : `${name} has ${loop.extent}`;
  });
}

/** The loop of this name in the body, parallel or serial, with another mark. */
function remark(piece: Piece, name: string, mark: LoopMark, whyNot: (stmt: ForStmt) => string | null): Moved | string {
  const found: { reason: string | null } = { reason: `${name} is no loop of the body` };
  const visit = (stmts: readonly Stmt[]): readonly Stmt[] =>
    stmts.map((stmt) => {
      if (stmt.kind === "if") return { ...stmt, body: visit(stmt.body) };
      if (stmt.kind !== "for") return stmt;
      if (stmt.loop.name !== name) return { ...stmt, body: visit(stmt.body) };
      const isFree = stmt.mark === "parallel" || (stmt.mark === "serial" && mark !== "lane");
      found.reason = isFree ? whyNot(stmt) : `${name} is ${stmt.mark}`;
      return { ...stmt, mark };
    });
  const body = visit(piece.nest.body);
  return found.reason ?? withBody(piece, body);
}
