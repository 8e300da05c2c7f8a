/**
 * A contraction in tiles: a workgroup computes a block of the output, staging both factors in its memory.
 *
 *   tile acc over i, j 16 deep                              var acc_00 = 0 ...
 *                                                           for k_tile < 49
 *   invocation i_o < 16, j_i < 16                             for fill:  a_tile[...] = x[...]     all invocations, all rows
 *     fold acc[i_i < 4][j_o < 4] = sum over k < 784           for fill:  b_tile[...] = w[...]     value 0 beyond the last k
 *       of x[i, k] * w[k, j]                          ->      barrier
 *     for i_i, j_o unrolled                                   for k_in < 16
 *       if i < 126 and j < 510                                  let a0 .. a3, b0 .. b3 from the tiles
 *         y[i, j] = max(acc[i_i][j_o], 0)                       acc_00 = acc_00 + a0 * b0 ...
 *                                                             barrier
 *                                                           if i < 126 and j < 510 { y[i, j] = max(acc_00, 0) } ...
 *
 * `i` was split into invocations and a block, `j` into a block and invocations: an invocation's rows are consecutive (all lanes
 * of a row read one word, a broadcast) and its columns lie a tile's width of invocations apart, so neighbours read neighbouring
 * words of b_tile and write neighbouring outputs. It is no move of others because the sum goes on in the same registers from
 * tile to tile, with barriers between: there is no fold left that another move could take further. So it is the last of its fold.
 */
import { apply, assign, barrier, letValue, load, store, variable } from "../../../src/kernel/build.ts";
import { floorDivIndex, modIndex, sumIndex } from "../../../src/kernel/index-expr.ts";
import type { Bound, Expr, FoldStmt, Index, LoopVar, SharedArray, Stmt } from "../../../src/kernel/kernel.ts";
import type { MoveOf } from "../../../src/kernel/moves.ts";
import { mapStmts, ownExprs, readsAny, rewriting, walkStmts } from "../../../src/kernel/rewrite.ts";
import { strideAlong } from "../../../src/kernel/stride.ts";
import { guardLoads, isBelow, openBounds } from "../bounds.ts";
import { sizeOf } from "../facts.ts";
import { copyStmts, letsFor } from "../names.ts";
import { type Around, type Moved, nameNow, type Piece, refuse, withBody } from "../piece.ts";
import { unrollStmts } from "../unroll.ts";
import { recover } from "./loops.ts";
import { invocationOf, varies, varyingIn } from "./tree.ts";

export function tile(piece: Piece, move: MoveOf<"tile">, around: Around): Moved {
  const { body } = piece.nest;
  const name = nameNow(piece, move.of);
  const at = body.findIndex((stmt) => stmt.kind === "fold" && stmt.accumulators[0]?.name === name);
  const fold = body[at];
  if (fold?.kind !== "fold") return refuse(`there is no fold ${move.of} at the top of the body`);
  const found = readTile(piece, fold, body.slice(0, at), move, around);
  const registers = found.rows.block.map((_, r) => {
    return found.columns.block.map((_, c) => around.fresh(`${move.of}_${r}${c}`));
  });
  const rest = inRegisters(unrollStmts(body.slice(at + 1), around.fresh), fold, registers);
  if (rest === undefined) return refuse("what follows is no block of registers");
  const sum = writeSum(found, registers, move, around);
  return withBody(piece, [...body.slice(0, at), ...sum, ...rest]);
}

// ---- what is there ---------------------------------------------------------------------------------------------------

/** A factor, and the split axis that it moves with: `by * outer + inner`. One of the two is a block of registers. */
interface Side {
  readonly value: Expr;
  readonly outer: LoopVar;
  readonly inner: LoopVar;
  readonly isOuterBlock: boolean;
  /** The axis at each iteration of the block. */
  readonly block: readonly Index[];
  readonly array: SharedArray;
  /** Elements of the axis in a tile, and words from one k to the next. */
  readonly size: number;
  readonly pitch: number;
}

interface Found {
  readonly fold: FoldStmt;
  readonly rows: Side;
  readonly columns: Side;
  readonly invocation: Index;
  readonly invocations: number;
}

function readTile(piece: Piece, fold: FoldStmt, before: readonly Stmt[], move: MoveOf<"tile">, around: Around): Found {
  const [value] = fold.values;
  const [first, second] = value?.kind === "apply" && value.fn === "mul" ? value.args : [];
  if (fold.fn !== "sum" || value?.type !== "f32" || first === undefined || second === undefined)
    return refuse("it is no sum of products");
  if (fold.guard.length > 0 || fold.body.some(({ kind }) => kind !== "let"))
    refuse("its elements are more than products");
  const rows = partsOf(piece, fold, move.rows);
  const columns = partsOf(piece, fold, move.columns);
  const isBlock = ({ outer, inner, isOuterBlock }: Parts, n: number): boolean =>
    fold.block[n]?.loop === (isOuterBlock ? outer : inner);
  if (fold.block.length !== 2 || !isBlock(rows, 0) || !isBlock(columns, 1))
    refuse("its block is not of rows and columns");
  const others = varyingIn(before, piece.nest);
  for (const { outer, inner } of [rows, columns]) for (const { name } of [outer, inner]) others.delete(name);
  if (varies([fold], others)) refuse("its factors differ between invocations in another way");
  const movers = [rows, columns].map(({ outer, inner }) => new Set([outer.name, inner.name]));
  const moves = (factor: Expr, n: number): boolean => {
    const needed = letsFor([letValue("", factor)], fold.body).flatMap(ownExprs);
    return [...needed, factor].some((expr) => readsAny(expr, movers[n] ?? new Set()));
  };
  const isSwapped = moves(first, 1);
  const [left, right] = isSwapped ? [second, first] : [first, second];
  if (moves(left, 1) || moves(right, 0)) refuse("a factor moves with rows and columns");
  const { invocation, size: invocations } = invocationOf(piece.nest, around);
  const words = [rows, columns].map(({ outer, inner }) => outer.extent * inner.extent);
  if (words.some((each) => (each * move.depth) % invocations !== 0))
    refuse(`${invocations} invocations do not fill a tile evenly`);
  return {
    fold,
    rows: sideOf(left, rows, "a_tile", move.depth, around),
    columns: sideOf(right, columns, "b_tile", move.depth, around),
    invocation,
    invocations,
  };
}

type Parts = Pick<Side, "outer" | "inner" | "isOuterBlock">;

function partsOf(piece: Piece, fold: FoldStmt, axis: string): Parts {
  const block = fold.block.map(({ loop }) => loop);
  const bound = piece.nest.loops.flatMap(({ loop, mark }) => (mark === "invocation" ? [loop] : []));
  const named = (name: string): LoopVar | undefined => {
    return [...block, ...bound].find((loop) => loop.name === nameNow(piece, name));
  };
  const [outer, inner] = [named(`${axis}_o`), named(`${axis}_i`)];
  if (outer === undefined || inner === undefined) return refuse(`${axis} is not split into invocations and a block`);
  if (block.includes(outer) === block.includes(inner)) refuse(`not one part of ${axis} is a block`);
  return { outer, inner, isOuterBlock: block.includes(outer) };
}

function sideOf(
  value: Expr,
  { outer, inner, isOuterBlock }: Parts,
  label: string,
  depth: number,
  around: Around,
): Side {
  const { fresh, shared } = around;
  const size = outer.extent * inner.extent;
  // One word more than the tile, so that writing it across (k fastest) does not hit one memory bank again and again.
  const pitch = size + 1;
  const array: SharedArray = { name: fresh(label), type: "f32", count: depth * pitch };
  shared.push(array);
  const of = (o: Index, i: Index): Index =>
    weighted([
      [inner.extent, o],
      [1, i],
    ]);
  const count = isOuterBlock ? outer.extent : inner.extent;
  const block = Array.from({ length: count }, (_, n) => {
    const at = fresh.pool.integer(n);
    return isOuterBlock ? of(at, fresh.pool.loop(inner)) : of(fresh.pool.loop(outer), at);
  });
  return { value, outer, inner, isOuterBlock, block, array, size, pitch };
}

const weighted = (terms: readonly (readonly [number, Index])[]): Index =>
  sumIndex(terms.map(([factor, index]) => ({ factor, index })));

// ---- the sum ---------------------------------------------------------------------------------------------------------

type Registers = readonly (readonly string[])[];

/** Tiles one after the other. More terms than a part may have are added up in registers of its own, and these then. */
function writeSum(
  found: Found,
  registers: Registers,
  { of, depth, terms }: MoveOf<"tile">,
  around: Around,
): readonly Stmt[] {
  const { fresh } = around;
  const { pool } = fresh;
  const total = sizeOf(found.fold.axes);
  const tiles = Math.ceil(total / depth);
  const most = terms === undefined ? tiles : Math.max(1, Math.floor(terms / depth));
  const starts = (names: Registers): readonly Stmt[] =>
    names.flat().map((name) => variable(name, pool.constant("f32", 0)));
  const level = (count: number, names: Registers, start: (tile: Index) => Index): readonly Stmt[] => {
    if (count <= most) {
      const steps: LoopVar = { name: fresh("k_tile"), extent: count };
      return [
        {
          kind: "for",
          loop: steps,
          mark: "serial",
          body: oneTile(found, names, start(pool.loop(steps)), depth, around),
        },
      ];
    }
    // Parts of one length; of the last one some tiles may lie beyond the end, and are 0.
    const length = Math.ceil(count / Math.ceil(count / most));
    const parts: LoopVar = { name: fresh("k_part"), extent: Math.ceil(count / length) };
    const own = names.map((row, r) => row.map((_, c) => fresh(`${of}_part_${r}${c}`)));
    const inner = level(length, own, (tile) =>
      start(
        weighted([
          [length, pool.loop(parts)],
          [1, tile],
        ]),
      ),
    );
    const adds = names.flatMap((row, r) =>
      row.map((name, c) => assign(name, apply("add", pool.name("f32", name), pool.name("f32", own[r]?.[c] ?? "")))),
    );
    return [{ kind: "for", loop: parts, mark: "serial", body: [...starts(own), ...inner, ...adds] }];
  };
  return [...starts(registers), ...level(tiles, registers, (tile) => tile)];
}

function oneTile(found: Found, names: Registers, step: Index, depth: number, around: Around): readonly Stmt[] {
  return [
    ...fill(found, found.rows, step, depth, around),
    ...fill(found, found.columns, step, depth, around),
    barrier,
    product(found, names, depth, around),
    barrier,
  ];
}

// ---- staging ---------------------------------------------------------------------------------------------------------

function fill(found: Found, side: Side, step: Index, depth: number, { fresh, buffers }: Around): readonly Stmt[] {
  const { fold, invocation, invocations } = found;
  const { value, outer, inner, array, size, pitch } = side;
  const trips: LoopVar = { name: fresh("fill"), extent: (size * depth) / invocations };
  const flat = weighted([
    [invocations, fresh.pool.loop(trips)],
    [1, invocation],
  ]);
  const staged = letValue("staged", value);
  const needed = [...letsFor([staged], fold.body), staged];
  const alongInner = innerIsContiguous(needed, fold, inner);
  const deep = alongInner ? modIndex(flat, depth) : floorDivIndex(flat, size);
  const across = alongInner ? floorDivIndex(flat, depth) : modIndex(flat, size);
  const k = weighted([
    [depth, step],
    [1, deep],
  ]);
  const bound: Bound = { index: k, extent: sizeOf(fold.axes) };
  const loops = new Map([
    [outer.name, floorDivIndex(across, inner.extent)],
    [inner.name, modIndex(across, inner.extent)],
    ...recover(fold.axes, k),
  ]);
  const copied = copyStmts(needed, { loops, expr: guardLoads([bound], buffers) }, fresh);
  const body = copied.map((stmt, n): Stmt => {
    if (stmt.kind !== "let" || n < copied.length - 1) return stmt;
    return store(
      array.name,
      weighted([
        [pitch, deep],
        [1, across],
      ]),
      zeroBeyond(bound, stmt.value),
    );
  });
  return [{ kind: "for", loop: trips, mark: "serial", body }];
}

/** A product beyond the last k must be 0 on both sides (0 * inf is not): a guarded load alone gives that by itself. */
function zeroBeyond(inner: Bound, value: Expr): Expr {
  if (openBounds([inner]).length === 0) return value;
  const guard = value.kind === "load" ? value.guard : undefined;
  const zero = guard?.otherwise.kind === "const" && guard.otherwise.value === 0;
  if (zero && guard.bounds.some((bound) => bound.index === inner.index)) return value;
  return apply("select", isBelow(inner.index, inner.extent), value, 0);
}

/** Whether neighbours in k lie closer together in memory than neighbours in the row or column. */
function innerIsContiguous(stmts: readonly Stmt[], { axes }: FoldStmt, along: LoopVar): boolean {
  const last = axes[axes.length - 1];
  let votes = 0;
  const isNext = (at: Index, loop: LoopVar): boolean =>
    Math.abs(strideAlong(at, loop.name, loop.extent, () => true) ?? 0) === 1;
  walkStmts(stmts, {
    expr: (expr) => {
      if (expr.kind !== "load") return;
      if (last !== undefined && isNext(expr.at, last)) votes += 1;
      if (isNext(expr.at, along)) votes -= 1;
    },
  });
  return votes > 0;
}

// ---- registers -------------------------------------------------------------------------------------------------------

function product({ rows, columns }: Found, names: Registers, depth: number, { fresh }: Around): Stmt {
  const k: LoopVar = { name: fresh("k_in"), extent: depth };
  const { pool } = fresh;
  const loads = ({ block, array, pitch }: Side, label: string): readonly (readonly [string, Stmt])[] =>
    block.map((at, n) => {
      const name = fresh(`${label}${n}`);
      return [
        name,
        letValue(
          name,
          load(
            "f32",
            array.name,
            weighted([
              [pitch, pool.loop(k)],
              [1, at],
            ]),
          ),
        ),
      ];
    });
  const [lefts, rights] = [loads(rows, "a"), loads(columns, "b")];
  const products = lefts.flatMap(([left], r) =>
    rights.map(([right], c) => {
      const acc = names[r]?.[c] ?? "";
      return assign(
        acc,
        apply("add", pool.name("f32", acc), apply("mul", pool.name("f32", left), pool.name("f32", right))),
      );
    }),
  );
  const body = [...lefts.map(([, stmt]) => stmt), ...rights.map(([, stmt]) => stmt), ...products];
  return { kind: "for", loop: k, mark: "serial", body };
}

/** The statements with a variable for each element of the accumulator; undefined where they do not say which. */
function inRegisters(
  stmts: readonly Stmt[],
  { accumulators }: FoldStmt,
  names: Registers,
): readonly Stmt[] | undefined {
  const [acc] = accumulators;
  const isKnown = { yes: true };
  const rewrite = rewriting(
    (expr) => {
      if (expr.kind !== "name" || expr.name !== acc?.name) return expr;
      const [r, c] = expr.at;
      const name = r?.kind === "const" && c?.kind === "const" ? names[r.value]?.[c.value] : undefined;
      isKnown.yes &&= name !== undefined;
      return name === undefined ? expr : expr.pool.name(expr.type, name);
    },
    ({ reads }) => acc !== undefined && reads.has(acc.name),
  );
  const made = mapStmts(stmts, rewrite);
  return isKnown.yes ? made : undefined;
}
