/**
 * Makes the moves of a schedule, one after the other.
 *
 * Those that are one target's own come from it (`ownMoves`). A move that is not legal says why, and that is a fault of the policy
 * that chose it: the error names the move. Whether what came out is sound is asked by the caller at the end; where it is not,
 * `apply` goes through the list again with `verify`, which looks at the nest after each move, and the move is found that broke it.
 */
import { CompilerBug } from "../../src/core/errors.ts";
import type { Nest } from "../../src/kernel/kernel.ts";
import {
  type AnyMove,
  type CommonMoveName,
  type MoveName,
  type MoveOf,
  type OwnMoveName,
  type Parts,
  printMove,
  type Schedule,
} from "../../src/kernel/moves.ts";
import { jam } from "./moves/jam.ts";
import { keep } from "./moves/keep.ts";
import { bind, flatten, reorder, sink, unrollLoop } from "./moves/loops.ts";
import { split } from "./moves/split.ts";
import { splitFold } from "./moves/split-fold.ts";
import { type Around, legal, type Moved, type Piece, refuse } from "./piece.ts";

/** The nest after a move, which refuses where it is not legal. */
type MakeMove<Name extends MoveName> = (piece: Piece, move: MoveOf<Name>, around: Applying) => Moved;

/** How each of these moves is made. */
export type MakeMoves<Names extends MoveName> = { readonly [Name in Names]: MakeMove<Name> };

/** A fold in a tree of invocations, which only targets that have them make. */
type SplitTree = (piece: Piece, of: string, into: Parts & { readonly by: "tree" }, around: Around) => Moved;

/** How a target makes the moves that are its own. */
export type MovesOf<Names extends MoveName> = MakeMoves<Names> & { readonly splitTree?: SplitTree };

/** How moves are made that every target may ask for; `splitTree` is the target's. */
const common: MakeMoves<CommonMoveName> = {
  split,
  reorder,
  flatten,
  bind,
  sink,
  jam,
  unroll: unrollLoop,
  keep,
  splitFold(piece, { of, into }, around) {
    if (into.by === "launch") return refuse("it makes two launches of one");
    if (into.by !== "tree") return splitFold(piece, of, into, around);
    return around.ownMoves.splitTree?.(piece, of, into, around) ?? refuse("it is a move of another target");
  },
};

export interface Applying extends Around {
  /** How the target makes the moves that are its own. */
  readonly ownMoves: Partial<MovesOf<OwnMoveName>>;
  /** What is wrong with a nest, or null: asked after each move. */
  readonly verify?: (nest: Nest) => string | null;
}

/** The nests that `nest` becomes, the one that the moves speak of first. */
export function apply(nest: Nest, schedule: Schedule<AnyMove>, around: Applying): readonly Nest[] {
  return applyTo({ nest, names: new Map() }, schedule, around);
}

function applyTo(piece: Piece, schedule: Schedule<AnyMove>, around: Applying): readonly Nest[] {
  let now = piece;
  // The last to be cut off comes first: a list is read from the inside out.
  const beside: NonNullable<Moved["beside"]>[] = [];
  for (const move of schedule) {
    const made = tryMove(now, move, around);
    if (typeof made === "string") throw new CompilerBug(`pass "schedule": "${printMove(move)}" is not legal: ${made}`);
    const broken = around.verify?.(made.nest) ?? null;
    if (broken !== null) throw new CompilerBug(`pass "schedule" broke: ${broken}, after "${printMove(move)}"`);
    if (made.beside !== undefined) beside.unshift(made.beside);
    now = { nest: made.nest, names: made.names };
  }
  return [now.nest, ...beside.flatMap((other) => applyTo(other.piece(), other.moves, around))];
}

/** One move, with those of what it cuts off in the body; or why it is not legal. */
export function tryMove(piece: Piece, move: AnyMove, around: Applying): Moved | string {
  return legal(() => {
    const made = dispatch(piece, move, around);
    if (made.inside === undefined) return made;
    const { names, moves } = made.inside;
    const [nest = made.nest, ...others] = applyTo({ nest: made.nest, names }, moves, around);
    return others.length > 0
      ? refuse("what is left over in the body cuts a loop that is around all of it")
      : { ...made, nest };
  });
}

function dispatch<Name extends MoveName>(piece: Piece, move: MoveOf<Name> & AnyMove, around: Applying): Moved {
  const table: Partial<MakeMoves<MoveName>> = move.move in common ? common : around.ownMoves;
  const make: MakeMove<Name> | undefined = table[move.move];
  return make === undefined ? refuse("it is a move of another target") : make(piece, move, around);
}
