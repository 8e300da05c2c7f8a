/** The moves of a contraction that goes by in tiles (tiles.ts): of the result, and of depth where a sum is of several parts. */
import { sizeOf } from "../../../passes/schedule/facts.ts";
import type { Move, Schedule, WasmMove } from "../../../src/kernel/moves.ts";
import { laneCount } from "../../../src/kernel/stride.ts";
import { acrossOf, jamMoves, type Plan, spillMoves } from "./panel-plan.ts";
import type { Axis } from "./parts.ts";
import type { Tiles } from "./tiles.ts";

export function tileMoves(plan: Plan, tiles: Tiles): Schedule<WasmMove> {
  const { row, column } = plan;
  return alongRows(plan, tiles, row, (rows) => alongColumns(plan, tiles, column, rows));
}

// ---- tiles -----------------------------------------------------------------------------------------------------------

/** A loop in tiles: the one over them, the one in a tile, and iterations of that which a block takes; null: only one iteration. */
interface Tiled {
  readonly outer: string | null;
  readonly inner: string | null;
  readonly extent: number;
  readonly by: number;
}

type Then = (of: Tiled) => Schedule<WasmMove>;

/** Whole blocks of rows, and another nest for those that make none. */
function alongRows(plan: Plan, tiles: Tiles, axis: Axis, then: Then): Schedule<WasmMove> {
  const by = Math.min(plan.blocks.rows, axis.extent);
  return inTiles(axis, by, tiles.rows, then, (rest) => alongRows(plan, tiles, rest, then));
}

/** Whole panels, one for what is left over of vectors, and fewer columns than a vector has. */
function alongColumns(plan: Plan, tiles: Tiles, axis: Axis, rows: Tiled): Schedule<WasmMove> {
  const vectors = Math.min(plan.blocks.vectors, Math.floor(axis.extent / laneCount));
  const by = vectors > 0 ? vectors * laneCount : axis.extent;
  const then = (columns: Tiled): Schedule<WasmMove> => tileOf(plan, tiles, rows, columns);
  return inTiles(axis, by, tiles.columns, then, (rest) => alongColumns(plan, tiles, rest, rows));
}

/** Tiles of about the same size, all of the same where half as many again can be. */
function inTiles(
  { name, extent }: Axis,
  by: number,
  most: number,
  then: Then,
  peel: (rest: Axis) => Schedule<WasmMove>,
): Schedule<WasmMove> {
  const blocks = Math.floor(extent / by);
  const least = Math.ceil((blocks * by) / Math.max(by, most));
  let count = least;
  while (blocks % count !== 0 && 2 * count < 3 * least) count += 1;
  if (blocks % count !== 0) count = least;
  const size = Math.ceil(blocks / count) * by;
  if (size === extent) return then({ outer: null, inner: size > 1 ? name : null, extent: size, by });
  const whole = Math.floor(extent / size);
  const rest = extent - whole * size;
  const tail = rest === 0 ? "exact" : { peel: peel({ name: `${name}_r`, extent: rest }) };
  const [outer, inner] = [whole > 1 ? `${name}_o` : null, size > 1 ? `${name}_i` : null];
  return [{ move: "split", axis: name, by: size, tail }, ...then({ outer, inner, extent: size, by })];
}

// ---- in a tile -------------------------------------------------------------------------------------------------------

function tileOf(plan: Plan, tiles: Tiles, rows: Tiled, columns: Tiled): Schedule<WasmMove> {
  const { fold, outside } = plan;
  const { terms } = tiles;
  const of = fold.accumulators[0]?.name ?? "";
  const [down, across] = [blocksOf(rows), blocksOf(columns)];
  const shared = named(rows.outer, columns.outer);
  // One loop over all tiles: they divide evenly, and each is a sign of life.
  const flat: readonly Move[] =
    shared.length < 2
      ? []
      : [
          { move: "reorder", axes: shared },
          { move: "flatten", axes: shared, into: "tile" },
        ];
  const threads = [...outside.map(({ name }) => name), ...(flat.length > 0 ? ["tile"] : shared)];
  const panels = named(across.over, down.over, down.inside, across.inside);
  const inOrder = terms === null ? panels : named(down.over, down.inside, across.over, across.inside);
  const start: readonly WasmMove[] = [
    ...down.moves,
    ...across.moves,
    ...inOrder.toReversed().map((axis): Move => ({ move: "sink", axis })),
    ...flat,
    ...threads.map((axis): Move => ({ move: "bind", axis, to: "thread" })),
  ];
  const depth = sizeOf(fold.axes);
  const block = { row: down.inside, panel: across.over, column: across.inside, width: columns.by };
  if (terms === null) return [...start, ...blockMoves(plan, tiles, { ...block, of, parts: null, depth }, true)];
  const rest = depth % terms;
  const under = (name: string | null): string | null => (name === null ? null : `${name}_rest`);
  const own = { row: under(block.row), panel: under(block.panel), column: under(block.column), width: columns.by };
  const last = acrossOf(across.inside === null ? null : `${across.inside}_end`, columns.by);
  return [
    ...start,
    { move: "accumulate", of, terms, over: panels },
    ...blockMoves(plan, tiles, { ...block, of, parts: `${of}_o`, depth: terms }),
    ...(rest === 0 ? [] : blockMoves(plan, tiles, { ...own, of: `${of}_rest`, parts: null, depth: rest })),
    ...last.lanes,
    ...jamMoves(null, last),
  ];
}

const named = (...names: readonly (string | null)[]): readonly string[] => names.flatMap((name) => name ?? []);

/** The loop of a tile over blocks, and the one in a block. */
function blocksOf({ inner, extent, by }: Tiled) {
  if (inner === null) return { moves: [], over: null, inside: null };
  if (extent === by) return { moves: [], over: null, inside: inner };
  const moves: readonly WasmMove[] = [{ move: "split", axis: inner, by, tail: "exact" }];
  return { moves, over: `${inner}_o`, inside: by > 1 ? `${inner}_i` : null };
}

/** The loops of a block, of one part of the sum. */
interface BlockOf {
  readonly row: string | null;
  readonly panel: string | null;
  readonly column: string | null;
  readonly width: number;
  readonly of: string;
  /** The loop over parts, and the terms of each. */
  readonly parts: string | null;
  readonly depth: number;
}

function blockMoves(plan: Plan, { packed }: Tiles, block: BlockOf, spills = false): readonly WasmMove[] {
  const { row, panel, column, width, of, parts, depth } = block;
  const { operand, along } = plan;
  const into = (wanted: "columns" | "depth") => {
    return { memory: "panel", along: depth < laneCount ? "columns" : wanted } as const;
  };
  const other = operand === "left" ? "right" : "left";
  const across = acrossOf(column, width);
  return [
    ...(packed === null ? [] : [{ move: "stage", operand: other, of, at: parts, into: into(packed) } as const]),
    { move: "stage", operand, of, at: panel ?? parts, into: into(across.isVector ? along : "columns") },
    ...across.lanes,
    ...jamMoves(row, across),
    ...(spills && row !== null ? spillMoves(plan, row, across.copies) : []),
  ];
}
