/**
 * A contraction in tiles: a workgroup computes a block of the output, staging both operands in workgroup memory.
 *
 *   workgroup: tile (ti, tj); invocation (ty, tx) has a block of registers
 *     acc_00.. = 0
 *     for each 16 of k
 *       all:  a_tile[k][i] = A(i, k), b_tile[k][j] = B(k, j)      value 0 outside, no memory touched there
 *       barrier
 *       for k < 16 { a0..a3, b0..b3 from the tiles; acc_rc = acc_rc + a_r * b_c }
 *       barrier
 *     if i < M and j < N { the epilogue, once per register }
 *
 * An invocation's rows are consecutive (all lanes of a row read one word, a broadcast) and its columns lie a tile's
 * width of invocations apart, so neighbours read neighbouring words of b_tile and write neighbouring outputs.
 */
import { apply, assign, barrier, letValue, load, store, variable } from "../../src/kernel/build.ts";
import { floorDivIndex, modIndex, sumIndex } from "../../src/kernel/index-expr.ts";
import type { Bound, BufferParam, Expr, ExprPool, Index, LoopVar, Nest, Stmt } from "../../src/kernel/kernel.ts";
import { walkStmts } from "../../src/kernel/rewrite.ts";
import type { Contraction } from "./gpu-contract.ts";
import { guardLoads, isBelow, openBounds, recover, strideIn, totalOf, whenInside } from "./gpu-flat.ts";
import type { Grid } from "./gpu-map.ts";
import { gridLoops } from "./gpu-map.ts";
import type { SharedMemory } from "./gpu-shared.ts";
import type { Fresh } from "./names.ts";
import { copyStmts, letsFor } from "./names.ts";

/** ny x nx invocations, each with a block of rm x rn outputs; `depth` values of k are staged at a time. */
export interface TileShape {
  readonly ny: number;
  readonly nx: number;
  readonly rm: number;
  readonly rn: number;
  readonly depth: number;
}

export function tileBytes(shape: TileShape): number {
  return 4 * shape.depth * (paddedHeight(shape) + paddedWidth(shape));
}

export function tileGroups({ batch, rows, columns }: Contraction, { ny, nx, rm, rn }: TileShape): number {
  return totalOf(batch) * Math.ceil(totalOf(rows) / (ny * rm)) * Math.ceil(totalOf(columns) / (nx * rn));
}

/** One word more than the tile, so that writing it across (k fastest) does not hit one memory bank again and again. */
const paddedHeight = ({ ny, rm }: TileShape): number => ny * rm + 1;
const paddedWidth = ({ nx, rn }: TileShape): number => nx * rn + 1;

interface Around {
  readonly grid: Grid;
  readonly shared: SharedMemory;
  readonly fresh: Fresh;
  readonly buffers: ReadonlyMap<string, BufferParam>;
}

interface Place {
  readonly batch: Index;
  readonly ti: Index;
  readonly tj: Index;
  readonly ty: Index;
  readonly tx: Index;
}

/** The nest in tiles, or undefined where workgroup memory runs out. */
export function scheduleTiles(
  found: Contraction,
  prelude: readonly Stmt[],
  shape: TileShape,
  around: Around,
): Nest | undefined {
  const { grid, shared, fresh } = around;
  const height = shape.ny * shape.rm;
  const width = shape.nx * shape.rn;
  const leftTile = shared.add("a_tile", "f32", shape.depth * paddedHeight(shape));
  const rightTile = shared.add("b_tile", "f32", shape.depth * paddedWidth(shape));
  if (leftTile === undefined || rightTile === undefined) return undefined;
  const place = placeOf(found, shape, grid, fresh.pool);
  const steps: LoopVar = { name: fresh("k_tile"), extent: Math.ceil(totalOf(found.inner) / shape.depth) };
  const fill = (operand: Operand): readonly Stmt[] => fillTile(found, operand, shape, place, steps, around);
  const accumulators = registers(shape, (r, c) => fresh(`${found.accumulator}_${r}${c}`));
  const body: readonly Stmt[] = [
    ...fill({
      value: found.left,
      loops: found.rows,
      tile: leftTile,
      size: height,
      start: place.ti,
      pitch: paddedHeight(shape),
    }),
    ...fill({
      value: found.right,
      loops: found.columns,
      tile: rightTile,
      size: width,
      start: place.tj,
      pitch: paddedWidth(shape),
    }),
    barrier,
    innerProduct(shape, accumulators, leftTile, rightTile, place, fresh),
    barrier,
  ];
  return {
    loops: gridLoops(grid),
    prelude: [],
    body: [
      ...prelude,
      ...accumulators.flat().map((acc) => variable(acc, fresh.pool.constant("f32", 0))),
      { kind: "for", loop: steps, mark: "serial", body },
      ...epilogues(found, shape, accumulators, place, fresh),
    ],
  };
}

function placeOf(found: Contraction, { ny, nx, rm, rn }: TileShape, grid: Grid, pool: ExprPool): Place {
  const across = Math.ceil(totalOf(found.columns) / (nx * rn));
  const down = Math.ceil(totalOf(found.rows) / (ny * rm));
  const group = pool.loop(grid.group);
  const lane = pool.loop(grid.lane);
  return {
    batch: floorDivIndex(group, across * down),
    ti: modIndex(floorDivIndex(group, across), down),
    tj: modIndex(group, across),
    ty: floorDivIndex(lane, nx),
    tx: modIndex(lane, nx),
  };
}

function registers<T>({ rm, rn }: TileShape, make: (r: number, c: number) => T): readonly (readonly T[])[] {
  return Array.from({ length: rm }, (_, r) => Array.from({ length: rn }, (_, c) => make(r, c)));
}

const weighted = (terms: readonly (readonly [number, Index])[], offset = 0): Index =>
  sumIndex(
    terms.map(([factor, index]) => ({ factor, index })),
    offset,
  );

// ---- staging -------------------------------------------------------------------------------------------------------

interface Operand {
  readonly value: Expr;
  /** Rows or columns, flattened. */
  readonly loops: readonly LoopVar[];
  readonly tile: string;
  /** Rows or columns in the tile. */
  readonly size: number;
  /** Which tile. */
  readonly start: Index;
  readonly pitch: number;
}

function fillTile(
  found: Contraction,
  operand: Operand,
  shape: TileShape,
  place: Place,
  steps: LoopVar,
  { grid, fresh, buffers }: Around,
): readonly Stmt[] {
  const { loops, tile, size, pitch } = operand;
  const invocations = grid.lane.extent;
  const trips: LoopVar = { name: fresh("fill"), extent: (size * shape.depth) / invocations };
  const flat = weighted([
    [invocations, fresh.pool.loop(trips)],
    [1, fresh.pool.loop(grid.lane)],
  ]);
  const alongInner = innerIsContiguous(operand.value, found, loops);
  const depth = alongInner ? modIndex(flat, shape.depth) : floorDivIndex(flat, size);
  const across = alongInner ? floorDivIndex(flat, shape.depth) : modIndex(flat, size);
  const outer = weighted([
    [size, operand.start],
    [1, across],
  ]);
  const k = weighted([
    [shape.depth, fresh.pool.loop(steps)],
    [1, depth],
  ]);
  const inner: Bound = { index: k, extent: totalOf(found.inner) };
  const bounds = openBounds([{ index: outer, extent: totalOf(loops) }, inner]);
  const replaced = new Map([
    ...recover(found.batch, place.batch),
    ...recover(loops, outer),
    ...recover(found.inner, k),
  ]);
  const at = weighted([
    [pitch, depth],
    [1, across],
  ]);
  const written = store(tile, at, operand.value);
  const lets = letsFor([written], [...found.lets, ...found.innerLets]);
  const copied = copyStmts(
    [...lets, written],
    { loops: replaced, names: new Map(), expr: guardLoads(bounds, buffers) },
    fresh,
  );
  const body = copied.map((stmt) => (stmt.kind === "store" ? { ...stmt, value: zeroBeyond(inner, stmt.value) } : stmt));
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

/** Whether neighbours in k lie closer together in memory than neighbours in the last row or column. */
function innerIsContiguous(value: Expr, found: Contraction, loops: readonly LoopVar[]): boolean {
  const inner = found.inner.at(-1)?.name ?? "";
  const outer = loops.at(-1)?.name ?? "";
  let votes = 0;
  const vote = (expr: Expr): undefined => {
    if (expr.kind !== "load") return;
    if (Math.abs(strideIn(expr.at, inner)) === 1) votes += 1;
    if (Math.abs(strideIn(expr.at, outer)) === 1) votes -= 1;
  };
  const whole = letValue("", value);
  walkStmts([...letsFor([whole], [...found.lets, ...found.innerLets]), whole], { expr: vote });
  return votes > 0;
}

// ---- registers -----------------------------------------------------------------------------------------------------

function innerProduct(
  shape: TileShape,
  accumulators: readonly (readonly string[])[],
  leftTile: string,
  rightTile: string,
  place: Place,
  fresh: Fresh,
): Stmt {
  const k: LoopVar = { name: fresh("k_in"), extent: shape.depth };
  const lefts = Array.from({ length: shape.rm }, (_, r) => fresh(`a${r}`));
  const rights = Array.from({ length: shape.rn }, (_, c) => fresh(`b${c}`));
  const leftAt = (r: number): Index =>
    weighted(
      [
        [paddedHeight(shape), fresh.pool.loop(k)],
        [shape.rm, place.ty],
      ],
      r,
    );
  const rightAt = (c: number): Index =>
    weighted(
      [
        [paddedWidth(shape), fresh.pool.loop(k)],
        [1, place.tx],
      ],
      c * shape.nx,
    );
  const products = accumulators.flatMap((row, r) =>
    row.map((acc, c) => {
      const product = apply("mul", fresh.pool.name("f32", lefts[r] ?? ""), fresh.pool.name("f32", rights[c] ?? ""));
      return assign(acc, apply("add", fresh.pool.name("f32", acc), product));
    }),
  );
  const body = [
    ...lefts.map((left, r) => letValue(left, load("f32", leftTile, leftAt(r)))),
    ...rights.map((right, c) => letValue(right, load("f32", rightTile, rightAt(c)))),
    ...products,
  ];
  return { kind: "for", loop: k, mark: "serial", body };
}

// ---- epilogue ------------------------------------------------------------------------------------------------------

function epilogues(
  found: Contraction,
  shape: TileShape,
  accumulators: readonly (readonly string[])[],
  place: Place,
  fresh: Fresh,
): readonly Stmt[] {
  const { epilogue, lets, init, accumulator } = found;
  const assigned = assignsTo(epilogue, accumulator);
  return accumulators.flatMap((row, r) =>
    row.flatMap((acc, c) => {
      const i = weighted(
        [
          [shape.ny * shape.rm, place.ti],
          [shape.rm, place.ty],
        ],
        r,
      );
      const j = weighted(
        [
          [shape.nx * shape.rn, place.tj],
          [1, place.tx],
        ],
        c * shape.nx,
      );
      const bounds = [
        { index: i, extent: totalOf(found.rows) },
        { index: j, extent: totalOf(found.columns) },
      ];
      const loops = new Map([
        ...recover(found.batch, place.batch),
        ...recover(found.rows, i),
        ...recover(found.columns, j),
      ]);
      const zero = init.kind === "const" && init.value === 0;
      const total = zero ? fresh.pool.name("f32", acc) : apply("add", init, fresh.pool.name("f32", acc));
      // The accumulator under its own name again where the epilogue assigns to it, or it did not start at 0.
      const start = assigned ? [variable(accumulator, total)] : zero ? [] : [letValue(accumulator, total)];
      const names = new Map([[accumulator, fresh.pool.name("f32", acc)]]);
      const needed = letsFor([...start, ...epilogue], lets);
      const stmts = copyStmts([...needed, ...start, ...epilogue], { loops, names }, fresh);
      return whenInside(bounds, stmts);
    }),
  );
}

function assignsTo(stmts: readonly Stmt[], name: string): boolean {
  return stmts.some(
    (stmt) =>
      (stmt.kind === "assign" && stmt.name === name) ||
      ((stmt.kind === "for" || stmt.kind === "if") && assignsTo(stmt.body, name)),
  );
}
