/**
 * Cuts a loop into blocks.
 *
 *   split i 4          parallel i < 128      ->   parallel i_o < 32, i_i < 4             i = 4*i_o + i_i
 *   split i 4 peel     parallel i < 130      ->   ... and another nest                   parallel i_r < 2:  i = 128 + i_r
 *   split i 4 guard    parallel i < 130      ->   parallel i_o < 33, i_i < 4 { if 4*i_o + i_i < 130 { ... } }
 *   split i 4 mask     parallel i < 130      ->   the same with the fold before the `if`, and guarded loads (mask.ts)
 *
 * A loop in the body stays where it is; what is left over of it is a second loop behind it. Serial loops keep their order.
 * An axis of a fold is cut exactly, or not: folding its parts apart is `splitFold`.
 */
import { when } from "../../../src/kernel/build.ts";
import { sumIndex } from "../../../src/kernel/index-expr.ts";
import type { Index, LoopVar, Stmt } from "../../../src/kernel/kernel.ts";
import type { MoveOf } from "../../../src/kernel/moves.ts";
import { mapStmt, mapStmts, replaceLoops, someStmt } from "../../../src/kernel/rewrite.ts";
import { isBelow } from "../bounds.ts";
import { copyStmts, type Fresh } from "../names.ts";
import { type Around, copyNest, type Moved, nameNow, namesOfCopy, type Piece, renameAll, withBody } from "../piece.ts";
import { masked } from "./mask.ts";

export function split(piece: Piece, move: MoveOf<"split">, around: Around): Moved | string {
  const name = nameNow(piece, move.axis);
  if (name === null) return splitOne(piece, move, around);
  if (!(move.by >= 1)) return `blocks of ${move.by}`;
  const outer = piece.nest.loops.find(({ loop }) => loop.name === name);
  if (outer !== undefined) return splitNest(piece, outer.loop, move, around);
  return splitInside(piece, name, move, around);
}

/** A loop of one iteration, which there is no more. */
function splitOne(piece: Piece, { axis, by, tail }: MoveOf<"split">, { fresh }: Around): Moved | string {
  const { nest } = piece;
  if (by === 1) return piece;
  if (tail !== "guard") return `${axis} has one iteration`;
  const inner: LoopVar = { name: fresh(`${axis}_i`), extent: by };
  const body = guarded(nest.body, fresh.pool.loop(inner), 1);
  if (body === undefined) return "there is a barrier in the body";
  const names = new Map(piece.names).set(`${axis}_o`, null).set(`${axis}_i`, inner.name);
  return { nest: { ...nest, loops: [...nest.loops, { loop: inner, mark: "parallel" }], body }, names };
}

// ---- where it is cut -------------------------------------------------------------------------------------------------

interface Cut {
  /** The loop's variable in the blocks. */
  readonly at: Index;
  /** Those of one iteration are none. */
  readonly loops: readonly LoopVar[];
  readonly names: Piece["names"];
  /** Iterations in whole blocks, and those left over. */
  readonly whole: number;
  readonly rest: number;
}

function cutOf({ names }: Piece, loop: LoopVar, move: MoveOf<"split">, fresh: Fresh): Cut | string {
  const { axis, by, tail } = move;
  const isPast = tail === "guard" || tail === "mask";
  const count = move.count ?? (isPast ? Math.ceil(loop.extent / by) : Math.floor(loop.extent / by));
  const rest = loop.extent - count * by;
  if (count < 1 && !isPast) return `${axis} has ${loop.extent} iterations`;
  if (tail === "exact" && rest !== 0) return `${rest} of ${loop.extent} iterations are left over`;
  if (isPast ? rest > 0 : rest < 0) return `${count} blocks of ${by} are not ${loop.extent} iterations`;
  const outer: LoopVar = { name: fresh(`${axis}_o`), extent: count };
  const inner: LoopVar = { name: fresh(`${axis}_i`), extent: by };
  const at = sumIndex([
    { factor: by, index: fresh.pool.loop(outer) },
    { factor: 1, index: fresh.pool.loop(inner) },
  ]);
  const after = new Map(names);
  after.set(`${axis}_o`, count !== 1 ? outer.name : null).set(`${axis}_i`, by > 1 ? inner.name : null);
  const loops = [outer, inner].filter(({ extent }) => extent !== 1);
  return { at, loops, names: after, whole: count * by, rest };
}

/** The variable of the loop over what is left, and that loop. */
function restOf({ whole, rest }: Cut, axis: string, fresh: Fresh): { readonly at: Index; readonly loop: LoopVar } {
  const loop: LoopVar = { name: fresh(`${axis}_r`), extent: rest };
  return { at: sumIndex([{ factor: 1, index: fresh.pool.loop(loop) }], whole, fresh.pool), loop };
}

// ---- a parallel loop of the nest -------------------------------------------------------------------------------------

function splitNest(piece: Piece, loop: LoopVar, move: MoveOf<"split">, around: Around): Moved | string {
  const { nest } = piece;
  const { axis, tail } = move;
  const { fresh } = around;
  const mark = nest.loops.find((each) => each.loop === loop)?.mark;
  // What invocations share, they share among all of them.
  if (tail !== "exact" && (mark === "workgroup" || mark === "invocation")) return `${axis} is bound`;
  const cut = cutOf(piece, loop, move, fresh);
  if (typeof cut === "string") return cut;
  const loops = nest.loops.flatMap((each) =>
    each.loop === loop ? cut.loops.map((part) => ({ loop: part, mark: each.mark })) : [each],
  );
  const replaced = mapStmts(nest.body, replaceLoops(new Map([[loop.name, cut.at]])));
  const body =
    tail === "mask"
      ? masked(replaced, { index: cut.at, extent: loop.extent }, around)
      : tail === "guard" && cut.rest < 0
        ? guarded(replaced, cut.at, loop.extent)
        : replaced;
  if (body === undefined) return "there is a barrier in the body";
  if (typeof body === "string") return body;
  const moved = { nest: { ...nest, loops, body }, names: cut.names };
  if (typeof tail === "string" || cut.rest === 0) return moved;
  const rest = (): Piece => {
    const { at, loop: left } = restOf(cut, axis, fresh);
    const place = nest.loops.findIndex((each) => each.loop === loop);
    const copy = copyNest(piece, loop.name, fresh);
    const before = copy.nest.loops.slice(0, place);
    const own = left.extent > 1 ? [{ loop: left, mark: nest.loops[place]?.mark ?? "parallel" }] : [];
    return {
      nest: {
        ...copy.nest,
        loops: [...before, ...own, ...copy.nest.loops.slice(place)],
        body: mapStmts(copy.nest.body, replaceLoops(new Map([[loop.name, at]]))),
      },
      names: new Map(copy.names).set(`${axis}_r`, left.extent > 1 ? left.name : null),
    };
  };
  return { ...moved, beside: { piece: rest, moves: tail.peel } };
}

function guarded(body: readonly Stmt[], at: Index, extent: number): readonly Stmt[] | undefined {
  if (someStmt(body, { stmt: ({ kind }) => kind === "barrier" })) return undefined;
  return [when(isBelow(at, extent), body)];
}

// ---- a loop in the body, or an axis of a fold ------------------------------------------------------------------------

function splitInside(piece: Piece, name: string, move: MoveOf<"split">, around: Around): Moved | string {
  const { fresh } = around;
  const { axis, tail } = move;
  const found: { answer: Omit<Moved, "nest"> | string } = { answer: `there is no loop ${axis}` };
  if (tail === "mask") return `${axis} is no parallel loop of the nest`;
  const cutLoop = (stmt: Stmt & { readonly kind: "for" }): readonly Stmt[] => {
    const cut = cutOf(piece, stmt.loop, move, fresh);
    if (typeof cut === "string") {
      found.answer = cut;
      return [stmt];
    }
    const { mark } = stmt;
    if (mark !== "parallel" && mark !== "serial") {
      found.answer = `${axis} is ${mark}`;
      return [stmt];
    }
    found.answer = { names: cut.names };
    let inside = mapStmts(stmt.body, replaceLoops(new Map([[name, cut.at]])));
    if (tail === "guard" && cut.rest < 0) {
      const checked = guarded(inside, cut.at, stmt.loop.extent);
      if (checked === undefined) found.answer = "there is a barrier in the body";
      inside = checked ?? inside;
    }
    const main = nested(cut.loops, mark, inside);
    if (typeof tail === "string" || cut.rest === 0) return main;
    const { at, loop: left } = restOf(cut, axis, fresh);
    const copies = copyStmts(stmt.body, { loops: new Map([[name, at]]) }, fresh);
    const names = new Map(renameAll(piece.names, namesOfCopy(stmt.body, copies)));
    names.set(`${axis}_r`, left.extent > 1 ? left.name : null);
    found.answer = { names: cut.names, inside: { names, moves: tail.peel } };
    return [...main, ...nested(left.extent > 1 ? [left] : [], mark, copies)];
  };
  const visit = (stmts: readonly Stmt[]): readonly Stmt[] =>
    stmts.flatMap((stmt): readonly Stmt[] => {
      if (stmt.kind === "for" && stmt.loop.name === name) return cutLoop(stmt);
      if (stmt.kind === "for" || stmt.kind === "if") return [{ ...stmt, body: visit(stmt.body) }];
      if (stmt.kind !== "fold") return [stmt];
      const folded = stmt.axes.find((one) => one.name === name);
      if (folded === undefined) return [stmt];
      const cut = cutOf(piece, folded, { ...move, tail: "exact" }, fresh);
      found.answer = typeof cut === "string" ? cut : { names: cut.names };
      if (typeof cut === "string") return [stmt];
      const axes = stmt.axes.flatMap((one) => (one === folded ? cut.loops : [one]));
      const made = mapStmt({ ...stmt, axes }, replaceLoops(new Map([[name, cut.at]])));
      return [made];
    });
  const body = visit(piece.nest.body);
  const { answer } = found;
  return typeof answer === "string" ? answer : { ...withBody(piece, body), ...answer };
}

function nested(loops: readonly LoopVar[], mark: "parallel" | "serial", body: readonly Stmt[]): readonly Stmt[] {
  return loops.reduceRight<readonly Stmt[]>((inside, loop) => [{ kind: "for", loop, mark, body: inside }], body);
}
