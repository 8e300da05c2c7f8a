/**
 * Makes a loop of what follows the sums of a register block: it finds them in a thread's own memory.
 *
 *   spill acc over r      fold acc[r < 4][v < 2] = ...                     fold acc[r < 4][v < 2] = ...
 *                         for r_1 < 4 unrolled                             for r_2 < 4 unrolled, v_2 < 2:  sums[8*r_2 + 4*v_2 + lane] = acc[r_2][v_2]
 *                           for v_1 < 2 interleaved              ->        for r_1 < 4
 *                             y[...] = max(acc[r_1][v_1] + b, 0)             for v_1 < 2 interleaved:  y[...] = max(sums[...] + b, 0)
 *
 * A long epilogue would be most of a kernel as a copy for each row. What was computed before the sums lies in registers of its
 * row, so an epilogue that reads it stays as it is.
 */

import { readsIn, sizeOf } from "../../../passes/schedule/facts.ts";
import { placeOf } from "../../../passes/schedule/moves/loops.ts";
import {
  type Around,
  atFold,
  chainOf,
  copyBlock,
  type ForStmt,
  type Moved,
  nameNow,
  type Piece,
  type Place,
  refuse,
} from "../../../passes/schedule/piece.ts";
import { forLoops, load, store } from "../../../src/kernel/build.ts";
import type { Expr, FoldStmt, Index, LoopVar, SharedArray, Stmt } from "../../../src/kernel/kernel.ts";
import type { MoveOf } from "../../../src/kernel/moves.ts";
import type { Fresh } from "../../../src/kernel/names.ts";
import { mapStmts, readsAny, rewriting, someStmt } from "../../../src/kernel/rewrite.ts";

export function spill(piece: Piece, { of, axis }: MoveOf<"spill">, { fresh, shared }: Around): Moved {
  const name = nameNow(piece, axis);
  if (name === null) return piece;
  return atFold(piece, of, (fold, place) => {
    if (fold.block[0]?.loop.name !== name) refuse(`${axis} is not the outer loop of its block`);
    return spilled(fold, place, shared, fresh);
  });
}

interface Epilogue {
  /** What does not move with the block. */
  readonly once: readonly Stmt[];
  readonly loop: ForStmt;
  /** What has nothing to do with it. */
  readonly rest: readonly Stmt[];
  /** The loops of the block, as this part of the body calls them. */
  readonly block: readonly LoopVar[];
}

/** The loop over the block that follows the fold, where nothing behind it reads the sums. */
function epilogueOf(fold: FoldStmt, { around, after }: Place): Epilogue {
  const start = after.findIndex(({ kind }) => kind !== "let");
  const loop = after[start];
  if (around.some(({ kind }) => kind === "fold") || loop?.kind !== "for")
    return refuse("what follows is no loop over the block");
  const held = new Set(fold.accumulators.map(({ name }) => name));
  const [once, rest] = [after.slice(0, start), after.slice(start + 1)];
  if (readsIn([...once, ...rest], held)) refuse("they are read elsewhere too");
  const chain = chainOf(loop).slice(0, fold.block.length);
  if (fold.block.some((wanted, i) => wanted.loop.extent !== chain[i]?.loop.extent)) refuse("it is in other loops");
  const isStrange = someStmt(chain[chain.length - 1]?.body ?? [], {
    stmt: ({ kind }) => kind !== "let" && kind !== "store",
    expr: (expr) => expr.kind === "name" && expr.at.length > 0 && !held.has(expr.name),
  });
  if (isStrange) refuse("it reads registers of its row");
  return { once, loop, block: chain.map((each) => each.loop), rest };
}

function spilled(fold: FoldStmt, place: Place, shared: SharedArray[], fresh: Fresh): readonly Stmt[] {
  const { once, loop, block, rest } = epilogueOf(fold, place);
  const { pool } = fresh;
  const lanes = place.around.flatMap((stmt) => (stmt.kind === "for" && stmt.mark === "lane" ? [stmt.loop] : []));
  const slot = (loops: readonly LoopVar[]): Index => placeOf([...loops, ...lanes], fresh);
  const own = copyBlock(fold.block, fresh);
  const ownLoops = own.block.map((each) => each.loop);
  const arrays = new Map<string, SharedArray>();
  const kept = fold.accumulators.map(({ name, type }) => {
    const array: SharedArray = { name: fresh("sums"), type, count: sizeOf([...ownLoops, ...lanes]) };
    arrays.set(name, array);
    return store(array.name, slot(ownLoops), pool.name(type, name, own.at));
  });
  shared.push(...arrays.values());
  const found = slot(block);
  const read = rewriting(
    (expr: Expr) => {
      const array = expr.kind === "name" ? arrays.get(expr.name) : undefined;
      return array === undefined ? expr : load(array.type, array.name, found);
    },
    (expr) => readsAny(expr, arrays),
  );
  return [
    fold,
    ...once,
    ...forLoops(own.block, kept),
    { ...loop, mark: "serial", body: mapStmts(loop.body, read) },
    ...rest,
  ];
}
