/**
 * Which contractions go over panels (panels.ts), which of their factors and loops, and in blocks of what size.
 */
import { type Facts, sizeOf } from "../../../passes/schedule/facts.ts";
import { leavesRest } from "../../../passes/schedule/moves/split-fold.ts";
import type { Expr, FoldStmt, LoopVar, Stmt } from "../../../src/kernel/kernel.ts";
import { type AnyMove, type FirstLaunch, type Move, printMove, type Schedule, type WasmMove } from "../../../src/kernel/moves.ts"; // biome-ignore format: names
import { declaredNames, ownExprs, readsAny } from "../../../src/kernel/rewrite.ts";
import { laneCount } from "../../../src/kernel/stride.ts";
import { blocksFor, rowsInLoop, type WasmBlocks } from "./blocks.ts";
import { type PackedRows, packedRows } from "./colliding.ts";
import { blockedOf, facing, isTransposed, readsWell } from "./facing.ts";
import { type LineSizes, packedLines } from "./lines.ts";
import { canHaveLanes, enoughIterations } from "./parts.ts";
import { type TileSizes, type Tiles, tilesFor } from "./tiles.ts";

/** Fewer multiply-adds are not worth a panel. */
const leastWork = 2048;
/** With fewer rows a panel is not read often enough to pay for filling it. */
const leastRows = 4;
/** Blocks of rows that share a panel where threads share rows: at least, and so many times as many where these divide evenly. */
const blocksPerChunk = 2;
const largerChunks = [4, 2];
/** Shares that each thread should have of what does not divide evenly. */
const enoughShares = 4;
/** A deeper panel, of more than a megabyte, would be no faster than the operand itself. */
const mostDepth = 32768;
/** Fewer terms of a sum inside of a fold are faster along lanes: 9 of C5's convolution 6.1 ms, and 10 with a panel. */
const leastInside = 32;
/** Panels from which on threads share columns. */
const enoughPanels = 8;
/**
 * Bytes of the row operand that stay in a second-level cache of 1 MB while panel after panel goes by. A larger one is read
 * once for several panels, which then take as much: 2048x2048x2048 runs at 32% of the ceiling with one panel at a time.
 */
const cachedBytes = 512 * 1024;
/** Places of an image from which on it pays to fill all panels for each. */
const leastPlaces = 64;
/**
 * Bytes of panels that share a pass all the same: rows of the output, and of what an update reads beside it, are then touched
 * in runs of cache lines. 784x128x512 with RMSprop's update behind it: 0.92 of the time of one panel at a time, on a machine
 * whose neighbours use its caches; 0.98 on a quiet one.
 */
const nearBytes = 64 * 1024;

/** How many panels a pass serves: as many as take so many bytes, where the rows stay in a cache, and never more than `most`. */
export const usualPasses = { near: nearBytes, most: 16 };
/** Elements of a factor, 16 MB. */
const mostPrepared = 2 ** 22;

/** What a policy is told of the machine. */
export interface Tuning {
  readonly blocks: WasmBlocks;
  /** Terms of a sum that are added up one after the other. */
  readonly longest: number;
  /** How many there probably will be. */
  readonly threads: number;
  readonly passes: Readonly<typeof usualPasses>;
  /** Vectors of a map that are written together: two where the engine joins neighbours. */
  readonly together: 1 | 2;
  readonly tiles: TileSizes;
  readonly lines: LineSizes;
}

export interface Plan {
  readonly fold: FoldStmt;
  readonly blocks: WasmBlocks;
  readonly longest: number;
  /** The factor that goes into panels, and how it is copied there. */
  readonly operand: "left" | "right";
  readonly along: "columns" | "depth";
  /** How it is copied before a loop around the launch, and whether it was. */
  readonly first: FirstLaunch;
  readonly isPrepared: boolean;
  /** Whether a thread copies it. */
  readonly isStaged: boolean;
  /** The loops that a register block is made of. */
  readonly row: LoopVar;
  readonly column: LoopVar;
  /** Other loops that the factor does not move with: they turn inside, over the same panel. */
  readonly otherRows: readonly LoopVar[];
  /** All others. */
  readonly outside: readonly LoopVar[];
  readonly byColumns: boolean;
  readonly chunk: number; // rows that share a panel, where threads share rows
  readonly packed: PackedRows | null;
  /** Rows of the other factor that are packed together, as many as a line of a cache has; null where it is read as it lies. */
  readonly lines: number | null;
  readonly tiles: Tiles | null;
  /** Panels that a pass over the rows serves. */
  readonly atOnce: number;
  /** The fold that the sum is computed in. */
  readonly around: FoldStmt | null;
  /** Statements behind the sum that may become a loop over the rows of a block; 0 where a copy for each is better. */
  readonly epilogue: number;
}

/**
 * The factor of a nest that goes into panels, for a launch before the loop around; undefined where there is none, where it lies in
 * them already, or is so large that it is not to lie in memory twice.
 */
export function panelBefore(facts: Facts, tuning: Tuning, before: Schedule<AnyMove>): FirstLaunch | undefined {
  const plan = planOf(facts, tuning, before);
  if (plan === undefined || plan.around !== null || plan.isPrepared) return undefined;
  return sizeOf([plan.column, ...plan.fold.axes]) > mostPrepared ? undefined : plan.first;
}

/** What is to become of a nest that is one contraction with what comes after it; undefined where it is none, or too small. */
export function planOf(
  facts: Facts,
  { blocks: usual, longest, threads, passes, tiles: tileSizes, lines: lineSizes }: Tuning,
  before: Schedule<AnyMove>,
): Plan | undefined {
  const summed = sumOf(facts);
  if (summed === undefined) return undefined;
  const { fold, around } = summed;
  const found = facing(facts, fold);
  if (found === undefined || !canHaveLanes(facts.nest)) return undefined;
  const { rows, columns, batch, inner, right } = found;
  const [row, column] = [blockedOf(rows), blockedOf(columns)];
  if (row === undefined || column === undefined) return undefined;
  const moving = facts.movesWith(right);
  const depth = sizeOf(inner.filter(({ name }) => moving.has(name)));
  const work = sizeOf(rows) * sizeOf(columns) * sizeOf(inner);
  if (sizeOf(rows) < leastRows || depth > mostDepth || work < leastWork) return undefined;
  const { body } = facts.nest;
  if (readsBody(right, around === null ? body : [...body, ...around.body])) return undefined;
  if (around?.axes.some(({ name }) => moving.has(name))) return undefined;
  const otherRows = rows.filter((loop) => loop !== row);
  const enough = enoughPanels * usual.vectors * laneCount;
  const each = facts.isRepeated && otherRows.length === 0 ? rowsInLoop(usual, row.extent, work, threads) : null;
  const isWhole = around === null && each === null && !facts.isRepeated && !readsBody(found.left, body);
  const packed = isWhole ? packedRows(found, usual, usual.vectors * laneCount) : null;
  const tiles = isWhole ? tilesFor(found, tileSizes, longest) : null;
  const byColumns =
    packed === null && each === null && sizeOf(columns) >= enough && !byImages(otherRows, sizeOf(rows), inner);
  const isFew = byColumns && sizeOf(columns) < 2 * enough; // of wide panels there would be too few to share
  const blocks = isFew || packed !== null ? usual : blocksFor(usual, row.extent, column.extent, depth);
  const width = blocks.vectors * laneCount;
  const atOnce = byColumns ? panelsAtOnce(sizeOf(rows), column.extent / width, depth, width, passes) : 1;
  const [product] = fold.values;
  const operand = product?.kind === "apply" && product.args[1] === right ? "right" : "left";
  const into = { memory: "launch", axis: column.name, by: width } as const;
  const first: FirstLaunch = { move: "stage", operand, of: fold.accumulators[0]?.name ?? "", at: null, into };
  const isPrepared = before.some((move) => printMove(move) === printMove(first));
  return {
    fold,
    blocks,
    longest,
    operand,
    along: isTransposed(
      right,
      column,
      inner.filter(({ name }) => moving.has(name)),
    )
      ? "depth"
      : "columns",
    first,
    isPrepared,
    isStaged: !isPrepared && !readsWell(right, column, inner[inner.length - 1], sizeOf(rows), blocks.rows),
    row,
    column,
    otherRows,
    outside: [...batch, ...columns.filter((loop) => loop !== column)],
    byColumns,
    chunk: packed?.chunk ?? each ?? chunkOf(row.extent, blocks.rows * blocksPerChunk, threads),
    packed,
    lines: isWhole && packed === null ? packedLines(found, lineSizes, blocks.rows, atOnce * width) : null,
    tiles,
    atOnce: packed === null ? atOnce : column.extent / width,
    around,
    epilogue: around === null ? epilogueOf(body, fold, longest) : 0,
  };
}

/** The last panel of columns that fill no vector is filled lane by lane: 128x512x10 by 8 rows 26 us, by 16 23, by 32 and 64 21. */
function chunkOf(rows: number, least: number, threads: number): number {
  const isEven = (chunk: number): boolean => {
    const count = rows / chunk;
    return Number.isInteger(count) && (count % threads === 0 || count >= enoughShares * threads);
  };
  return largerChunks.map((times) => times * least).find(isEven) ?? least;
}

/** The sum that blocks are made of: alone in the body; or in the fold of a pool, which computes it for each of its elements. */
function sumOf(facts: Facts): Pick<Plan, "fold" | "around"> | undefined {
  const { body } = facts.nest;
  if (body.some(({ kind }) => kind !== "let" && kind !== "fold" && kind !== "store")) return undefined;
  const [top, ...others] = facts.folds();
  if (top === undefined || others.length > 0 || top.guard.length > 0) return undefined;
  const [inner, ...more] = top.body.filter((stmt) => stmt.kind === "fold");
  const fold = inner ?? top;
  if (more.length > 0 || fold.guard.length > 0 || fold.accumulators[0]?.type !== "f32") return undefined;
  if (fold.body.some(({ kind }) => kind !== "let")) return undefined;
  if (fold === top) return { fold, around: null };
  const isPlain = top.body.every(({ kind }) => kind === "fold" || kind === "let");
  return isPlain && sizeOf(fold.axes) >= leastInside ? { fold, around: top } : undefined;
}

/**
 * Whether threads share images rather than columns: so an image stays in the second-level cache for all filters, where else all
 * images would go by for each panel of them. A convolution of 11 MB, with its pool, 53.1 ms by filters, and 49.0 by images.
 */
function byImages([images]: readonly LoopVar[], rows: number, inner: readonly LoopVar[]): boolean {
  const isShared = images !== undefined && images.extent >= enoughIterations && rows >= leastPlaces * images.extent;
  return isShared && inner.length > 1 && 4 * rows * sizeOf(inner) > cachedBytes;
}

/** A panel is filled before the body begins. */
function readsBody(factor: Expr, body: readonly Stmt[]): boolean {
  const names = new Set(body.flatMap((stmt) => (stmt.kind === "store" ? [stmt.buffer] : [])));
  for (const stmt of body) if (stmt.kind === "let") names.add(stmt.name);
  return readsAny(factor, names);
}

/** How many panels a pass over the rows serves; every thread should have some passes. */
function panelsAtOnce(
  rows: number,
  panelCount: number,
  depth: number,
  width: number,
  { near, most }: Tuning["passes"],
): number {
  const bytes = 4 * depth;
  const room = rows * bytes <= cachedBytes ? near : cachedBytes;
  const fitting = Math.floor(room / (bytes * width));
  return Math.max(1, Math.min(most, fitting, Math.floor(panelCount / enoughPanels)));
}

/** Behind a shorter sum, the way through memory takes its time: 1% of a block with this depth. */
const leastDepth = 64;

/**
 * RMSprop's update in a 4x8 block is 112 statements as copies and 36 as a loop: a cold compilation of the MNIST step takes 20 ms
 * less, the step 1% more at most. What was computed before the sum lies in registers of its row, so an epilogue that reads it
 * stays as it is; and so does that of a sum whose parts are joined behind it.
 */
function epilogueOf(body: readonly Stmt[], fold: FoldStmt, longest: number): number {
  const start = body.indexOf(fold);
  const depth = sizeOf(fold.axes);
  const [after, before] = [body.slice(start + 1), new Set(declaredNames(body.slice(0, start)))];
  const goesBack = after.some(
    (stmt) => (stmt.kind === "let" || stmt.kind === "store") && ownExprs(stmt).some((expr) => readsAny(expr, before)),
  );
  const isJoined = leavesRest(fold.axes, longest);
  return depth < leastDepth || goesBack || isJoined ? 0 : after.length;
}

/** The columns of a block. */
export interface Across {
  /** The loop over its vectors, or over columns that fill none; null where it has one of them. */
  readonly loop: string | null;
  readonly isVector: boolean;
  /** Vectors, or columns. */
  readonly copies: number;
  /** Make vectors of `loop`. */
  readonly lanes: readonly Move[];
}

/** `column`: the loop over so many columns; null where there is one. */
export function acrossOf(column: string | null, width: number): Across {
  if (column === null || width % laneCount !== 0) return { loop: column, isVector: false, copies: width, lanes: [] };
  const vectors = { isVector: true, copies: width / laneCount };
  if (width === laneCount) return { ...vectors, loop: null, lanes: [{ move: "bind", axis: column, to: "lane" }] };
  const lanes: readonly Move[] = [
    { move: "split", axis: column, by: laneCount, tail: "exact" },
    { move: "bind", axis: `${column}_i`, to: "lane" },
  ];
  return { ...vectors, loop: `${column}_o`, lanes };
}

/** A block as straight code: of the rows of `row`, null where it has one. */
export function jamMoves(row: string | null, { loop, isVector }: Across): readonly Move[] {
  const axes = [row, loop].flatMap((name) => name ?? []);
  if (axes.length === 0) return [];
  return [{ move: "jam", axes, mark: isVector && loop !== null ? "interleaved" : "unrolled" }];
}

/** Statements that are not worth a loop, all copies counted. */
const fewStmts = 32;

/** A loop over the rows of a block, which `axis` is, for what follows its sums, of so many vectors or columns: where that is long. */
export function spillMoves({ fold, epilogue, blocks }: Plan, axis: string, copies: number): readonly WasmMove[] {
  if (epilogue * blocks.rows * copies < fewStmts) return [];
  return [{ move: "spill", of: fold.accumulators[0]?.name ?? "", axis }];
}
