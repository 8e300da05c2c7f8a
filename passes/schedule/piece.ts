/**
 * A nest while moves are made: moves speak the names that `lower` gave, and `names` tells what became of them.
 */
import type { BufferParam, FoldStmt, LoopVar, Nest, SharedArray, Stmt } from "../../src/kernel/kernel.ts";
import type { Schedule } from "../../src/kernel/moves.ts";
import { someStmt } from "../../src/kernel/rewrite.ts";
import { copyStmts, declaredNames, type Fresh } from "./names.ts";

export interface Piece {
  readonly nest: Nest;
  /** Where a name is not what it was: its own now, or null for a loop of one iteration, which there is no more. */
  readonly names: ReadonlyMap<string, string | null>;
}

/** A copy of statements in the body, with moves of its own. */
export interface Inside {
  readonly names: Piece["names"];
  readonly moves: Schedule;
}

export interface Moved extends Piece {
  /** Another nest, which does the rest of the work, and its moves. Made when it is its turn. */
  readonly beside?: { readonly piece: () => Piece; readonly moves: Schedule };
  readonly inside?: Inside;
}

/** What moves may use and add to. */
export interface Around {
  readonly fresh: Fresh;
  readonly buffers: ReadonlyMap<string, BufferParam>;
  readonly shared: SharedArray[];
  /** Of these, those for partial results of the invocations of a workgroup: the nests of a kernel share them. */
  readonly partials: SharedArray[];
}

/** More copies of a statement are a longer kernel than any engine likes. */
export const mostCopies = 64;

/** What a name of a move is called now; null for a loop that is none. */
export function nameNow({ names }: Piece, name: string): string | null {
  const now = names.get(name);
  return now === undefined ? name : now;
}

/** Those of the names that are loops still, as they are called now. */
export function namesNow(piece: Piece, names: readonly string[]): readonly string[] {
  return names.flatMap((name) => nameNow(piece, name) ?? []);
}

export function withBody({ nest, names }: Piece, body: readonly Stmt[]): Piece {
  return { nest: { ...nest, body }, names };
}

/** A copy of the nest without one of its loops, of whose variable the body still makes use. */
export function copyNest({ nest, names }: Piece, without: string, fresh: Fresh): Piece {
  const renamed = new Map<string, string>();
  const loops = nest.loops
    .filter(({ loop }) => loop.name !== without)
    .map(({ loop, mark }) => {
      const copy: LoopVar = { name: fresh(loop.name), extent: loop.extent };
      renamed.set(loop.name, copy.name);
      return { loop: copy, mark, old: loop };
    });
  const replaced = new Map(loops.map(({ old, loop }) => [old.name, fresh.pool.loop(loop)]));
  const before = [...nest.prelude, ...nest.body];
  const copies = copyStmts(before, { loops: replaced }, fresh);
  for (const [old, now] of namesOfCopy(before, copies)) renamed.set(old, now);
  return {
    nest: {
      loops: loops.map(({ loop, mark }) => ({ loop, mark })),
      prelude: copies.slice(0, nest.prelude.length),
      body: copies.slice(nest.prelude.length),
    },
    names: renameAll(names, renamed),
  };
}

/** What statements declare, and what their copy calls it. */
export function namesOfCopy(before: readonly Stmt[], copies: readonly Stmt[]): ReadonlyMap<string, string> {
  const after = declaredNames(copies);
  return new Map(declaredNames(before).map((name, i) => [name, after[i] ?? name]));
}

/** The names as moves of a copy mean them. */
export function renameAll(names: Piece["names"], renamed: ReadonlyMap<string, string>): Piece["names"] {
  const made = new Map<string, string | null>(renamed);
  for (const [name, now] of names) made.set(name, now === null ? null : (renamed.get(now) ?? now));
  return made;
}

/** Why iterations of these loops cannot run together: a shared array in which they would store to the same place; null if none. */
export function sharedByAll(
  stmts: readonly Stmt[],
  loops: readonly string[],
  shared: readonly SharedArray[],
): string | null {
  const arrays = new Set(shared.map(({ name }) => name));
  const found = { name: "" };
  const isShared = someStmt(stmts, {
    stmt: (stmt) => {
      if (stmt.kind !== "store" || !arrays.has(stmt.buffer) || loops.every((loop) => stmt.at.reads.has(loop)))
        return false;
      found.name = stmt.buffer;
      return true;
    },
  });
  return isShared ? `all iterations store to ${found.name}` : null;
}

/** Where a fold stands. */
export interface FoldPlace {
  readonly fold: FoldStmt;
  /** Loops of the body around it, outer first. */
  readonly loops: readonly ForStmt[];
  /** Whether it is in the body of another fold, where there are only folds and `let`s. */
  readonly isInFold: boolean;
  /** Whether it is in an `if`. */
  readonly isInIf: boolean;
  /** Statements beside it. */
  readonly before: readonly Stmt[];
  readonly after: readonly Stmt[];
}

export type ForStmt = Stmt & { readonly kind: "for" };

/** The nest with other statements in place of a fold and those beside it; `make` gives these, or why it cannot be. */
export function atFold(
  piece: Piece,
  of: string,
  make: (place: FoldPlace) => readonly Stmt[] | string,
): { readonly nest: Nest; readonly place: FoldPlace } | string {
  const name = nameNow(piece, of);
  const found: { place?: FoldPlace; reason?: string } = {};
  type Outside = Pick<FoldPlace, "loops" | "isInFold" | "isInIf">;
  const visit = (stmts: readonly Stmt[], around: Outside): readonly Stmt[] => {
    for (const [i, stmt] of stmts.entries()) {
      if (found.place !== undefined) break;
      if (stmt.kind === "fold" && stmt.accumulators.some((held) => held.name === name)) {
        found.place = { ...around, fold: stmt, before: stmts.slice(0, i), after: stmts.slice(i + 1) };
        const made = make(found.place);
        if (typeof made !== "string") return made;
        found.reason = made;
      } else if ("body" in stmt) {
        const body = visit(stmt.body, {
          loops: stmt.kind === "for" ? [...around.loops, stmt] : around.loops,
          isInFold: around.isInFold || stmt.kind === "fold",
          isInIf: around.isInIf || stmt.kind === "if",
        });
        if (body !== stmt.body) return [...stmts.slice(0, i), { ...stmt, body }, ...stmts.slice(i + 1)];
      }
    }
    return stmts;
  };
  const { nest } = piece;
  const nothing: Outside = { loops: [], isInFold: false, isInIf: false };
  const prelude = visit(nest.prelude, nothing);
  const body = visit(nest.body, nothing);
  if (found.place === undefined) return `there is no fold ${of}`;
  return found.reason ?? { nest: { ...nest, prelude, body }, place: found.place };
}
