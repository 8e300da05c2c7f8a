/**
 * What is read across goes through workgroup memory, so that memory is read and written in order.
 *
 *   turn i, j in tiles of 32 by 256          workgroup i_o < 4, j_o < 16; invocation lane < 256
 *                                              for n < 4     turned[33*(8*n + lane/32) + lane%32] = x[128*j + i]
 *   parallel i < 128, j < 512                                  with i = 32*i_o + lane%32, j = 32*j_o + 8*n + lane/32
 *     y[512*i + j] = x[128*j + i]       ->     barrier
 *                                              for n < 4     y[512*i + j] = turned[33*(lane%32) + 8*n + lane/32]
 *                                                              with i = 32*i_o + 8*n + lane/32, j = 32*j_o + lane%32
 *
 * 32 neighbours read 128 bytes that lie side by side, and write as many; one by one of them they would read 32 pieces of memory, of
 * each of which they use 4 bytes. Rows of the tile are 33 words apart: those of 32 would lie in one memory bank.
 */
import { guardLoads, openBounds, whenInside } from "../../../passes/kernel/bounds.ts";
import { sizeOf } from "../../../passes/schedule/facts.ts";
import { recover } from "../../../passes/schedule/moves/loops.ts";
import { type Around, type Moved, nameNow, type Piece, refuse } from "../../../passes/schedule/piece.ts";
import { barrier, forLoop, load, store } from "../../../src/kernel/build.ts";
import { copyStmts } from "../../../src/kernel/copies.ts";
import { blockIndex, floorDivIndex, isDynamic, modIndex } from "../../../src/kernel/index-expr.ts";
import type { Bound, Expr, Index, Load, LoopVar, Nest, SharedArray, Stmt } from "../../../src/kernel/kernel.ts";
import type { MoveOf } from "../../../src/kernel/moves.ts";
import { declaredNames, mapStmts, readsAny, rewriting, walkStmts } from "../../../src/kernel/rewrite.ts";
import { strideAlong } from "../../../src/kernel/stride.ts";

export function turn(piece: Piece, move: MoveOf<"turn">, around: Around): Moved {
  const { nest } = piece;
  const { fresh, buffers, shared } = around;
  const { side, invocations } = move;
  if (nest.loops.some(({ mark }) => mark !== "parallel")) refuse("a loop is bound already");
  if (nest.body.some(({ kind }) => kind !== "let" && kind !== "store")) refuse("there is more than values and stores");
  if (invocations % side !== 0 || (side * side) % invocations !== 0)
    refuse(`${invocations} invocations do not fill a tile of ${side} evenly`);
  const [rows, columns] = [move.rows, move.columns].map((axis) => {
    return nest.loops.find(({ loop }) => loop.name === nameNow(piece, axis))?.loop ?? refuse(`there is no ${axis}`);
  });
  if (rows === undefined || columns === undefined || rows === columns) return refuse("it takes two loops");
  const turned = turnedLoads(nest, rows, columns, (name) => {
    const buffer = buffers.get(name);
    return buffer?.role === "read" && buffer.sharing === undefined;
  });
  if (turned.length === 0) refuse("nothing is read across");

  const { pool } = fresh;
  const lane: LoopVar = { name: fresh("lane"), extent: invocations };
  const [fast, slow] = [modIndex(pool.loop(lane), side), floorDivIndex(pool.loop(lane), side)];
  const others = nest.loops.flatMap(({ loop }) => (loop === rows || loop === columns ? [] : [loop]));
  const tilesOf = (loop: LoopVar): LoopVar => ({
    name: fresh(`${loop.name}_o`),
    extent: Math.ceil(loop.extent / side),
  });
  const [down, right] = [tilesOf(rows), tilesOf(columns)];
  const group: LoopVar = { name: fresh("group"), extent: sizeOf([...others, down, right]) };
  const outer = recover([...others, down, right], pool.loop(group));
  const start = (loop: LoopVar): Index => outer.get(loop.name) ?? pool.loop(loop);
  const turns = (make: (far: Index) => readonly Stmt[]): Stmt => {
    const trips: LoopVar = { name: fresh("n"), extent: (side * side) / invocations };
    return forLoop(trips, make(blockIndex(invocations / side, pool.loop(trips), slow)), "unrolled");
  };
  /** The statements at a place in the tile, where that is one. */
  const placed = (stmts: readonly Stmt[], row: Index, column: Index): readonly Stmt[] => {
    const [i, j] = [blockIndex(side, start(down), row), blockIndex(side, start(right), column)];
    const bounds = openBounds([bound(i, rows), bound(j, columns)]);
    const loops = new Map([...outer, [rows.name, i], [columns.name, j]]);
    const copies = copyStmts(stmts, { loops }, fresh);
    // What is staged is staged everywhere; what is stored is not.
    const isStaging = stmts.every((stmt) => stmt.kind === "store" && !buffers.has(stmt.buffer));
    return isStaging ? mapStmts(copies, rewriting(guardLoads(bounds, buffers))) : whenInside(bounds, copies);
  };

  const arrays = new Map(
    turned.map((expr): [Expr, SharedArray] => [
      expr,
      { name: fresh("turned"), type: expr.type, count: side * (side + 1) },
    ]),
  );
  shared.push(...arrays.values());
  const fill = turns((far) =>
    [...arrays].flatMap(([expr, { name }]) => placed([store(name, blockIndex(side + 1, far, fast), expr)], fast, far)),
  );
  const use = turns((far) => {
    const taken = rewriting((expr) => {
      const array = arrays.get(expr);
      return array === undefined ? expr : load(array.type, array.name, blockIndex(side + 1, fast, far));
    });
    return placed(mapStmts(nest.body, taken), far, fast);
  });
  const names = new Map(piece.names).set("group", group.name).set("lane", lane.name);
  const body = [...nest.prelude, fill, barrier, use];
  return {
    nest: {
      loops: [
        { loop: group, mark: "workgroup" },
        { loop: lane, mark: "invocation" },
      ],
      prelude: [],
      body,
    },
    names,
  };
}

const bound = (index: Index, { extent }: LoopVar): Bound => ({ index, extent });

/** Loads whose neighbours lie side by side along `rows`, and far apart along `columns`; of what nobody writes, by loops alone. */
export function turnedLoads(
  { body }: Pick<Nest, "body">,
  rows: LoopVar,
  columns: LoopVar,
  isRead: (buffer: string) => boolean,
): readonly Load[] {
  const own = new Set(declaredNames(body));
  const found = new Set<Load>();
  walkStmts(body, {
    expr: (expr) => {
      if (expr.kind !== "load" || !isRead(expr.buffer) || isDynamic(expr.at) || readsAny(expr, own)) return;
      const stride = (loop: LoopVar): number => strideAlong(expr.at, loop.name, loop.extent, () => true) ?? 0;
      if (Math.abs(stride(rows)) === 1 && Math.abs(stride(columns)) > 1) found.add(expr);
    },
  });
  return [...found];
}
