/**
 * A nest while moves are made: moves speak the names that `lower` gave, and `names` tells what became of them.
 */
import { forLoop } from "../../src/kernel/build.ts";
import { copyStmts } from "../../src/kernel/copies.ts";
import type { BlockLoop, BufferParam, FoldStmt, Index, Nest, SharedArray, Stmt } from "../../src/kernel/kernel.ts";
import type { AnyMove, Schedule } from "../../src/kernel/moves.ts";
import type { Fresh } from "../../src/kernel/names.ts";
import { declaredNames, walkStmts } from "../../src/kernel/rewrite.ts";

export interface Piece {
  readonly nest: Nest;
  /** Where a name is not what it was: its own now, or null for a loop of one iteration, which there is no more. */
  readonly names: ReadonlyMap<string, string | null>;
}

/** A copy of statements in the body, with moves of its own. */
export interface Inside {
  readonly names: Piece["names"];
  readonly moves: Schedule<AnyMove>;
}

export interface Moved extends Piece {
  /** Another nest, which does the rest of the work, and its moves. Made when it is its turn. */
  readonly beside?: { readonly piece: () => Piece; readonly moves: Schedule<AnyMove> };
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

/** Why a move cannot be made. */
class Illegal extends Error {}

export function refuse(reason: string): never {
  throw new Illegal(reason);
}

/** What is made, or why it is not legal. */
export function legal<Made>(make: () => Made): Made | string {
  try {
    return make();
  } catch (error) {
    if (error instanceof Illegal) return error.message;
    throw error;
  }
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

export function withName({ nest, names }: Piece, name: string, now: string | null): Piece {
  return { nest, names: new Map(names).set(name, now) };
}

/** A copy of the nest without the loops of which is told what they are. */
export function copyNest({ nest, names }: Piece, replaced: ReadonlyMap<string, Index>, fresh: Fresh): Piece {
  const others = nest.loops.filter(({ loop }) => !replaced.has(loop.name));
  const inside = others.reduceRight<readonly Stmt[]>((body, { loop }) => [forLoop(loop, body)], nest.body);
  const before = [...nest.prelude, ...inside];
  const copies = copyStmts(before, { loops: replaced }, fresh);
  let body: readonly Stmt[] = copies.slice(nest.prelude.length);
  const loops = others.flatMap(({ mark }) => {
    const [only] = body;
    if (only?.kind !== "for") return [];
    body = only.body;
    return [{ loop: only.loop, mark }];
  });
  const prelude = copies.slice(0, nest.prelude.length);
  return { nest: { loops, prelude, body }, names: renameAll(names, namesOfCopy(before, copies)) };
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

/** Iterations of these loops cannot run together where all of them would store to the same place of a shared array. */
export function checkApart(stmts: readonly Stmt[], loops: readonly string[], shared: readonly SharedArray[]): void {
  const arrays = new Set(shared.map(({ name }) => name));
  walkStmts(stmts, {
    stmt: (stmt) => {
      if (stmt.kind !== "store" || !arrays.has(stmt.buffer) || loops.every((loop) => stmt.at.reads.includes(loop)))
        return;
      refuse(`all iterations store to ${stmt.buffer}`);
    },
  });
}

// ---- statements of a nest, each where it stands ----------------------------------------------------------------------

export type ForStmt = Stmt & { readonly kind: "for" };

/** Loops that stand around nothing but one another, outer first. */
export function chainOf(outer: ForStmt): readonly ForStmt[] {
  const [only, ...others] = outer.body;
  return only?.kind === "for" && others.length === 0 ? [outer, ...chainOf(only)] : [outer];
}

/** Copies of the loops of a block, and where in them one is. */
export function copyBlock(loops: readonly BlockLoop[], fresh: Fresh) {
  const block: readonly BlockLoop[] = loops.map(({ loop, mark }) => ({
    loop: { ...loop, name: fresh(loop.name) },
    mark,
  }));
  return { block, at: block.map(({ loop }) => fresh.pool.loop(loop)) };
}

/** What stands in place of a statement and of those behind it in its list; undefined where it is not the one that is looked for. */
type Find = (stmt: Stmt, after: () => readonly Stmt[], around: readonly Stmt[]) => readonly Stmt[] | undefined;

function found(stmts: readonly Stmt[], find: Find, around: readonly Stmt[] = []): readonly Stmt[] | undefined {
  for (let i = 0; i < stmts.length; i += 1) {
    const stmt = stmts[i];
    if (stmt === undefined) break;
    const made = find(stmt, () => stmts.slice(i + 1), around);
    if (made !== undefined) return [...stmts.slice(0, i), ...made];
    const body = "body" in stmt ? found(stmt.body, find, [...around, stmt]) : undefined;
    if (body !== undefined) return stmts.map((each) => (each === stmt ? { ...stmt, body } : each));
  }
  return undefined;
}

/** The nest with others in place of the first statement of the body for which `make` gives any. */
export function atStmt(piece: Piece, what: string, make: (stmt: Stmt) => readonly Stmt[] | undefined): Piece {
  const body = found(piece.nest.body, (stmt, after) => {
    const made = make(stmt);
    return made === undefined ? undefined : [...made, ...after()];
  });
  return withBody(piece, body ?? refuse(`there is no ${what}`));
}

/** Where a fold stands. */
export interface Place {
  /** What it is inside of, outer first. */
  readonly around: readonly Stmt[];
  /** What stands behind it. */
  readonly after: readonly Stmt[];
}

/** The nest with others in place of a fold and of what stands behind it. */
export function atFold(piece: Piece, of: string, make: (fold: FoldStmt, place: Place) => readonly Stmt[]): Piece {
  const { nest, names } = piece;
  const name = nameNow(piece, of);
  const find: Find = (stmt, after, around) => {
    const isIt = stmt.kind === "fold" && stmt.accumulators.some((held) => held.name === name);
    return isIt ? make(stmt, { around, after: after() }) : undefined;
  };
  const prelude = found(nest.prelude, find);
  if (prelude !== undefined) return { nest: { ...nest, prelude }, names };
  return withBody(piece, found(nest.body, find) ?? refuse(`there is no fold ${of}`));
}
