/**
 * A contraction of f16 by matrix units.
 *
 *   matrix acc over i_i, j_i by 32                          matrix block[64, 64] over 512: x from 32768*i_o by rows of 512, ...
 *                                                             for cell < 128:  block[...] = sum over k of x[i, k] * w[k, j]
 *   parallel i_o, j_o, i_i < 64, j_i < 64                     barrier
 *     fold acc = sum over k < 512 of x[i, k] * w[k, j] ->   for cell < 128
 *     y[i, j] = acc + b[j]                                    let acc = block[32*cell + lane]
 *                                                             y[i, j] = acc + b[j]
 *
 * What the block is stands in the kernel language (`body` of the statement), which the evaluator runs; the printer writes loads of
 * matrices, their products and a store in its place. Factors must be f16 in memory, one row or column after the other, whole tiles of 16.
 */

import { sizeOf } from "../../../passes/schedule/facts.ts";
import { recover } from "../../../passes/schedule/moves/loops.ts";
import { type Around, type Moved, nameNow, type Piece, refuse } from "../../../passes/schedule/piece.ts";
import { apply, assign, barrier, forLoop, letValue, load, store, variable } from "../../../src/kernel/build.ts";
import { copyStmts } from "../../../src/kernel/copies.ts";
import { blockIndex } from "../../../src/kernel/index-expr.ts";
import type { Expr, FoldStmt, Index, Load, LoopVar, MatrixFactor, Stmt } from "../../../src/kernel/kernel.ts";
import type { MoveOf } from "../../../src/kernel/moves.ts";
import { rewriting } from "../../../src/kernel/rewrite.ts";
import { strideAlong } from "../../../src/kernel/stride.ts";

/** Rows and columns of what a matrix unit multiplies. */
export const matrixSide = 16;

export function matrix(piece: Piece, move: MoveOf<"matrix">, around: Around): Moved {
  const { nest, names } = piece;
  const { fresh } = around;
  const at = nest.body.findIndex((stmt) => isFoldOf(stmt, nameNow(piece, move.of)));
  const fold = nest.body[at];
  if (fold?.kind !== "fold") return refuse(`there is no fold ${move.of} at the top of the body`);
  const [before, after] = [nest.body.slice(0, at), nest.body.slice(at + 1)];
  if (before.some(({ kind }) => kind !== "let")) refuse("more than values stands before it");
  const [rows, columns] = [move.rows, move.columns].map((axis) => loopOf(piece, axis));
  const [k, ...others] = fold.axes;
  if (rows === undefined || columns === undefined || k === undefined || others.length > 0) return refuse("it has no single rows, columns and terms"); // biome-ignore format: short
  if ([rows, columns, k].some(({ extent }) => extent % matrixSide !== 0)) refuse("it is not of whole tiles");
  const cells = rows.extent * columns.extent;
  if (cells % move.invocations !== 0) refuse("invocations do not share a block evenly");
  const left = factorOf(fold, [rows, k, columns], around);
  const right = factorOf(fold, [k, columns, rows], around);
  const block = { name: fresh("block"), type: "f32", count: cells } as const;
  around.shared.push(block);

  const { pool } = fresh;
  const lane: LoopVar = { name: fresh("lane"), extent: move.invocations };
  /** For each cell of an invocation. */
  const shared = (stmts: readonly Stmt[]): Stmt => {
    const each: LoopVar = { name: fresh("cell"), extent: cells / move.invocations };
    const cell = blockIndex(move.invocations, pool.loop(each), pool.loop(lane));
    return forLoop(each, copyStmts(stmts, { loops: recover([rows, columns], cell) }, fresh));
  };
  const place = blockIndex(columns.extent, pool.loop(rows), pool.loop(columns));
  const name = fold.accumulators[0]?.name ?? "";
  const body = [shared([...before, ...sumOf(fold, block.name, place, fresh("sum"))]), barrier];
  const product = { into: block.name, rows: rows.extent, columns: columns.extent, terms: sizeOf(fold.axes), left, right }; // biome-ignore format: short
  const rest = shared([...before, letValue(name, load("f32", block.name, place)), ...after]);
  const loops = nest.loops.filter(({ loop }) => loop !== rows && loop !== columns);
  const made: Stmt = { kind: "matrix", product, body };
  return {
    nest: {
      ...nest,
      loops: [...loops, { loop: lane, mark: "invocation" }],
      prelude: [],
      body: [...nest.prelude, made, rest],
    },
    names,
  };
}

const isFoldOf = (stmt: Stmt, name: string | null): boolean =>
  stmt.kind === "fold" && stmt.accumulators.some((held) => held.name === name);

function loopOf(piece: Piece, axis: string): LoopVar | undefined {
  return piece.nest.loops.find(({ loop, mark }) => mark === "parallel" && loop.name === nameNow(piece, axis))?.loop;
}

/** The fold as statements that leave it in a shared array. */
function sumOf({ axes, body, values }: FoldStmt, into: string, place: Index, sum: string): readonly Stmt[] {
  const [value] = values;
  const [k] = axes;
  if (value === undefined || k === undefined) return refuse("it has no terms");
  const { pool } = value;
  const total = pool.name("f32", sum);
  return [
    variable(sum, pool.constant("f32", 0)),
    forLoop(k, [...body, assign(sum, apply("add", total, value))]),
    store(into, place, total),
  ];
}

/** The factor that moves along the first two and not along the third, as it lies in its buffer. */
function factorOf(
  fold: FoldStmt,
  [down, across, other]: readonly [LoopVar, LoopVar, LoopVar],
  around: Around,
): MatrixFactor {
  const [value] = fold.values;
  const factors = fold.fn === "sum" && value?.kind === "apply" && value.fn === "mul" ? value.args : [];
  const loads = factors.map((factor) => loadIn(factor, fold.body));
  const growth = (of: Load, loop: LoopVar): number | null => strideAlong(of.at, loop.name, loop.extent, () => true);
  const found = loads.find((of) => of !== undefined && growth(of, other) === 0);
  if (found === undefined || found.guard !== undefined) return refuse("a factor is no plain load");
  const buffer = around.buffers.get(found.buffer);
  if (buffer?.element !== "f16" || buffer.role !== "read") return refuse("a factor is not of f16");
  const [one, two] = [growth(found, down), growth(found, across)];
  const start = rewriting((expr) => {
    const isGone = expr.kind === "loop" && [down, across].some(({ name }) => name === expr.loop.name);
    return isGone ? expr.pool.integer(0) : expr;
  });
  const at = start.index(found.at);
  if (two === 1 && one !== null && one > 0) return { buffer: found.buffer, at, stride: one, order: "rows" };
  if (one === 1 && two !== null && two > 0) return { buffer: found.buffer, at, stride: two, order: "columns" };
  return refuse("a factor lies in no rows or columns");
}

/** The load that an operand is, by its name or as it stands. */
export function loadIn(factor: Expr, body: readonly Stmt[]): Load | undefined {
  if (factor.kind === "load") return factor;
  if (factor.kind !== "name") return undefined;
  const made = body.find((stmt) => stmt.kind === "let" && stmt.name === factor.name);
  return made?.kind === "let" ? loadIn(made.value, body) : undefined;
}
