/**
 * Copies a factor of a contraction into a panel: a thread's own memory, in which it lies in the order that it is read in.
 *
 *   stage right of acc at j_o into panel along columns
 *
 *     thread j_o < 64                                      thread j_o < 64
 *       for i < 128                                          for k < 784:  panel[8*k + j_i] = w[512*k + 8*j_o + j_i]
 *         for j_i < 8                                ->      for i < 128
 *           fold acc = sum over k < 784 of                     for j_i < 8
 *             x[784*i + k] * w[512*k + 8*j_o + j_i]              fold acc = sum over k < 784 of x[784*i + k] * panel[8*k + j_i]
 *
 * A panel has the axes that move the factor inside of `at`: the innermost loop's lie side by side, those of the fold follow, and
 * then those of other loops. It is contiguous, and stays in the first-level cache while everything inside `at` that does not move
 * it goes by, whatever expression the factor is.
 *
 * Along the columns, vectors are copied as they lie. Along the depth, the rows of a transposed factor are read four depths at a
 * time, whose lanes are stored apart; columns are a loop then, as their copies would be longer than all the rest of a small kernel.
 */
import { apply, forLoops, letValue, load, store } from "../../../src/kernel/build.ts";
import { sumIndex } from "../../../src/kernel/index-expr.ts";
import type { Expr, FoldStmt, Index, LoopMark, LoopVar, SharedArray, Stmt } from "../../../src/kernel/kernel.ts";
import type { MoveOf } from "../../../src/kernel/moves.ts";
import { readsAny, someStmt } from "../../../src/kernel/rewrite.ts";
import { laneCount } from "../../../src/kernel/stride.ts";
import { Facts, sizeOf } from "../facts.ts";
import { copyStmts, declaredNames, type Fresh, letsFor, withoutUnread } from "../names.ts";
import { type Around, atFold, type FoldPlace, type Moved, nameNow, type Piece, withBody } from "../piece.ts";
import { placeOf } from "./loops.ts";

export function stage(piece: Piece, move: MoveOf<"stage">, { fresh, shared }: Around): Moved | string {
  const { operand, of, into } = move;
  const at = move.at === null ? null : nameNow(piece, move.at);
  const found: { filling?: readonly Stmt[] } = {};
  const made = atFold(piece, of, (place) => {
    const staged = stagedAt(piece, place, operand, at);
    if (typeof staged === "string") return staged;
    const count = sizeOf(staged.axes);
    const panel: SharedArray = { name: fresh("panel"), type: staged.factor.type, count };
    const filling = fill(staged, panel, into.along, fresh);
    if (typeof filling === "string") return filling;
    shared.push(panel);
    found.filling = filling;
    return [...place.before, withPanel(staged, operand, panel, fresh), ...place.after];
  });
  if (typeof made === "string") return made;
  const filling = found.filling ?? [];
  const inside = made.place.loops.some(({ loop }) => loop.name === at);
  const fillIn = (stmts: readonly Stmt[]): readonly Stmt[] =>
    stmts.map((stmt) => {
      if (stmt.kind !== "for" && stmt.kind !== "if") return stmt;
      if (stmt.kind === "for" && stmt.loop.name === at) return { ...stmt, body: [...filling, ...stmt.body] };
      return { ...stmt, body: fillIn(stmt.body) };
    });
  const { body } = made.nest;
  return { ...withBody(piece, inside ? fillIn(body) : [...filling, ...body]), names: piece.names };
}

interface StagedFactor {
  readonly fold: FoldStmt;
  readonly factor: Expr;
  /** The `let`s of the fold that it needs. */
  readonly lets: readonly Stmt[];
  /** Of the panel, the one that turns fastest last. */
  readonly axes: readonly LoopVar[];
  /** The last axis, where it is a loop; the innermost axis of the fold that moves the factor. */
  readonly column: LoopVar | undefined;
  readonly depth: LoopVar | undefined;
}

function stagedAt(
  { nest }: Piece,
  { fold, loops, isInFold, isInIf }: FoldPlace,
  operand: "left" | "right",
  at: string | null,
): StagedFactor | string {
  const [value] = fold.values;
  if (fold.fn !== "sum" || value?.kind !== "apply" || value.fn !== "mul") return "it is no sum of a product";
  if (isInFold || fold.block.length > 0) return "it is in a block or a fold";
  if (isInIf) return "what the condition keeps from being read would be copied";
  const factor = value.args[operand === "left" ? 0 : 1];
  if (factor === undefined) return "it has no factors";
  const inside = loops.slice(loops.findIndex(({ loop }) => loop.name === at) + 1);
  const lane = loops.find(({ mark }) => mark === "lane");
  if (lane !== undefined) return `${lane.loop.name} is a loop over lanes`;
  const bound = inside.find(({ mark }) => mark !== "parallel");
  if (bound !== undefined) return `${bound.loop.name} is ${bound.mark}`;
  const lets = letsFor([letValue("", factor)], fold.body);
  if (readsBetween(nest.body, fold, [factor, ...lets.flatMap((stmt) => (stmt.kind === "let" ? [stmt.value] : []))])) {
    return "it reads what is not known before";
  }
  const moves = new Facts(nest).movesWith(factor);
  const across = inside.map(({ loop }) => loop).filter(({ name }) => moves.has(name));
  const column = across[across.length - 1];
  const deep = fold.axes.filter(({ name }) => moves.has(name));
  const axes = [...across.slice(0, -1), ...deep, ...(column === undefined ? [] : [column])];
  return { fold, factor, lets, axes, column, depth: deep[deep.length - 1] };
}

/** Whether the factor is made of something that the body declares or changes outside of the fold. */
function readsBetween(body: readonly Stmt[], fold: FoldStmt, values: readonly Expr[]): boolean {
  const declared = new Set<string>();
  const own = new Set(declaredNames([fold]));
  someStmt(body, {
    stmt: (stmt) => {
      if (stmt.kind === "store") declared.add(stmt.buffer);
      else if ((stmt.kind === "let" || stmt.kind === "var") && !own.has(stmt.name)) declared.add(stmt.name);
      else if (stmt.kind === "fold") for (const { name } of stmt.accumulators) declared.add(name);
      return false;
    },
  });
  return values.some((value) => readsAny(value, declared));
}

/** The fold, which finds the factor in the panel. */
function withPanel(staged: StagedFactor, operand: "left" | "right", panel: SharedArray, fresh: Fresh): FoldStmt {
  const { fold, axes } = staged;
  const [value] = fold.values;
  if (value?.kind !== "apply") return fold;
  const at = placeOf(axes, fresh);
  const read = load(panel.type, panel.name, at);
  const [left, right] = value.args;
  if (left === undefined || right === undefined) return fold;
  const product = operand === "left" ? apply("mul", read, right) : apply("mul", left, read);
  return withoutUnread({ ...fold, values: [product] });
}

// ---- filling it ------------------------------------------------------------------------------------------------------

function fill(
  staged: StagedFactor,
  panel: SharedArray,
  along: "columns" | "depth",
  fresh: Fresh,
): readonly Stmt[] | string {
  const { axes, column, depth } = staged;
  const { pool } = fresh;
  const copy = (loop: LoopVar, extent = loop.extent): LoopVar => ({ name: fresh(loop.name), extent });
  const outer = axes.filter((axis) => axis !== column && (along === "columns" || axis !== depth));
  const copies = new Map(outer.map((axis) => [axis, copy(axis)]));
  const at = new Map([...copies].map(([axis, loop]): [LoopVar, Index] => [axis, pool.loop(loop)]));
  const around = (inside: readonly Stmt[]): readonly Stmt[] => loopsAround([...copies.values()], inside);
  const write = (more: readonly (readonly [LoopVar, Index])[]): readonly Stmt[] =>
    element(staged, panel, new Map([...at, ...more]), fresh);
  if (along === "columns") {
    if (column === undefined) return around(write([]));
    if (column.extent % laneCount !== 0) {
      const each = copy(column);
      return around(loopsAround([each], write([[column, pool.loop(each)]]), "unrolled"));
    }
    const lane: LoopVar = { name: fresh("lane"), extent: laneCount };
    const vector: LoopVar = { name: fresh("v"), extent: column.extent / laneCount };
    const vectors = write([[column, steps(laneCount, vector, lane, fresh)]]);
    return around(loopsAround([lane], loopsAround([vector], vectors, "interleaved"), "lane"));
  }
  if (depth === undefined || depth.extent < laneCount) return "it is not deep enough";
  const everyColumn = (k: Index): readonly Stmt[] => {
    if (column === undefined) return write([[depth, k]]);
    const each = copy(column);
    return loopsAround(
      [each],
      write([
        [depth, k],
        [column, pool.loop(each)],
      ]),
    );
  };
  const whole = copy(depth, Math.floor(depth.extent / laneCount));
  const rest = copy(depth, depth.extent % laneCount);
  const lane: LoopVar = { name: fresh("lane"), extent: laneCount };
  const inside = [
    ...loopsAround([whole], loopsAround([lane], everyColumn(steps(laneCount, whole, lane, fresh)), "lane")),
  ];
  if (rest.extent > 0) {
    const last = sumIndex([{ factor: 1, index: pool.loop(rest) }], whole.extent * laneCount, pool);
    inside.push(...loopsAround([rest], everyColumn(last)));
  }
  return around(inside);
}

function steps(factor: number, outer: LoopVar, inner: LoopVar, { pool }: Fresh): Index {
  return sumIndex([
    { factor, index: pool.loop(outer) },
    { factor: 1, index: pool.loop(inner) },
  ]);
}

/** Loops of one iteration are none. */
function loopsAround(loops: readonly LoopVar[], body: readonly Stmt[], mark: LoopMark = "parallel"): readonly Stmt[] {
  const turning = loops.filter(({ extent }) => extent > 1);
  return forLoops(
    turning.map((loop) => ({ loop, mark })),
    body,
  );
}

/** One element of the panel. */
function element(
  { factor, lets, axes }: StagedFactor,
  panel: SharedArray,
  at: ReadonlyMap<LoopVar, Index>,
  fresh: Fresh,
): readonly Stmt[] {
  const { pool } = fresh;
  const name = "element"; // the copy gives it a name of its own
  const index = placeOf(axes, fresh);
  const stmts = [...lets, letValue(name, factor), store(panel.name, index, pool.name(factor.type, name))];
  return copyStmts(stmts, { loops: new Map([...at].map(([axis, value]) => [axis.name, value])) }, fresh);
}
