/**
 * The schedule for WGSL: which iterations become workgroups and invocations, and what is staged in workgroup memory.
 *
 *   contraction           tiles staged in workgroup memory, a block of registers per invocation   (gpu-tile.ts)
 *   long rows, few        several invocations share a row, partial results meet in a tree         (gpu-rows.ts)
 *   everything else       one iteration per invocation                                            (gpu-map.ts)
 *
 * All nests of a kernel have workgroups of one size; each nest gets its own range of workgroups when it is printed.
 * A long reduction with few outputs (a norm over all weights, a convolution's filter gradient) has one workgroup per
 * output here; splitting it over several needs a second kernel, which is not this pass's business.
 */
import { UserError } from "../../src/core/errors.ts";
import type { BufferParam, Kernel, Nest, Stmt } from "../../src/kernel/kernel.ts";
import { walkStmts } from "../../src/kernel/rewrite.ts";
import { longestSum } from "../../src/kernel/target.ts";
import { expandFolds } from "../lower/expand-folds.ts";
import { boundSums } from "./bound-sums.ts";
import type { Contraction } from "./gpu-contract.ts";
import { contractionOf } from "./gpu-contract.ts";
import { strideIn, totalOf } from "./gpu-flat.ts";
import { gridOf, mapGroups, scheduleMap } from "./gpu-map.ts";
import type { RowTiling } from "./gpu-rows.ts";
import { scheduleRows, shareWithAll } from "./gpu-rows.ts";
import type { RowStep } from "./gpu-rows-plan.ts";
import { planRow, workOf } from "./gpu-rows-plan.ts";
import type { SharedMemory } from "./gpu-shared.ts";
import { sharedMemory } from "./gpu-shared.ts";
import type { TileShape } from "./gpu-tile.ts";
import { scheduleTiles, tileBytes, tileGroups } from "./gpu-tile.ts";
import type { Fresh } from "./names.ts";
import { freshNames } from "./names.ts";

export interface WgslLimits {
  /** Per workgroup. */
  readonly maxInvocations: number;
  /** Bytes. */
  readonly maxWorkgroupStorage: number;
  readonly maxWorkgroupsPerDimension: number;
}

/** Invocations of a workgroup with nothing to share: a multiple of every GPU's subgroup (8 to 64). */
const mapSize = 64;

/** Tiles, the best first: more registers per invocation mean fewer loads per product, and fewer workgroups. */
const tileTable: readonly (TileShape & { readonly least: number; readonly why: string })[] = [
  { ny: 16, nx: 16, rm: 4, rn: 4, depth: 16, least: 96, why: "2 products per load; only where enough groups remain" },
  { ny: 8, nx: 8, rm: 4, rn: 4, depth: 16, least: 32, why: "as many products per load, a quarter of the size" },
  { ny: 8, nx: 8, rm: 2, rn: 2, depth: 16, least: 16, why: "small outputs: 1 product per load, four times the groups" },
  { ny: 8, nx: 8, rm: 2, rn: 2, depth: 16, least: 1, why: "short k: a tree would not pay" },
  { ny: 16, nx: 16, rm: 2, rn: 2, depth: 16, least: 1, why: "beside a nest that wants workgroups of 256" },
];

const rules = {
  /** Output smaller than this in rows or columns, or less work: no tile is worth its barriers. */
  tileLeastSide: 4,
  tileLeastWork: 4096,
  /** k at least this long makes a tree of partial sums better than a tile with few workgroups. */
  tileLongInner: 128,
  /** Fewer iterations than this cost less than the barriers that sharing them needs. */
  rowLeastColumns: 32,
  /** With more rows than this one invocation per row fills a GPU: sharing rows only pays if it reads memory in order. */
  mapRows: 16384,
  /** Rows side by side where neighbours take neighbouring rows: 16 words are a 64-byte piece of memory. */
  acrossRows: 16,
  /** Columns for each lane at least: with fewer, most of the time goes into the tree. Few rows leave lanes idle anyway. */
  alongLeast: 8,
  alongFewRows: 64,
  alongLeastFew: 2,
  /** Few rows, much work: larger workgroups, as there are not enough of them. */
  wideMostRows: 4096,
  wideSize: 256,
  wideLeastColumns: 128,
} as const;

type Wish =
  | { readonly kind: "map"; readonly size: number }
  | { readonly kind: "rows"; readonly size: number; readonly steps: readonly RowStep[] }
  | { readonly kind: "tiles"; readonly size: number; readonly found: Contraction; readonly steps?: readonly RowStep[] };

interface Around {
  readonly size: number;
  readonly limits: WgslLimits;
  readonly fresh: Fresh;
  readonly shared: SharedMemory;
  readonly buffers: ReadonlyMap<string, BufferParam>;
}

/** `longest`: terms of a sum that an invocation adds up one after the other. */
export function scheduleWgsl(folded: Kernel, limits: WgslLimits, longest = longestSum): Kernel {
  const kernel = expandFolds(folded);
  const fresh = freshNames(kernel);
  const wishes = kernel.nests.map((nest) => wishOf(nest, limits));
  const size = Math.max(...wishes.map((wish) => wish.size), Math.min(mapSize, powerBelow(limits.maxInvocations)));
  const shared = sharedMemory(limits.maxWorkgroupStorage, size, fresh);
  const buffers = new Map(kernel.buffers.map((buffer) => [buffer.name, buffer]));
  const done = kernel.nests.map((nest, n) => {
    const wish = wishes[n] ?? { kind: "map", size };
    return scheduleNest(nest, wish, { size, limits, fresh, shared, buffers });
  });
  const groups = done.reduce((sum, { nest }) => sum + totalOf(nest.loops.slice(0, 1).map(({ loop }) => loop)), 0);
  if (groups > limits.maxWorkgroupsPerDimension ** 2) {
    throw new UserError(`kernel ${kernel.name} needs ${groups} workgroups, more than the GPU can launch at once`);
  }
  const nests = done.map(({ nest }) => nest);
  return {
    ...boundSums({ ...kernel, shared: [...kernel.shared, ...shared.arrays()], nests }, fresh, longest),
    schedule: done.map(({ words }) => [{ move: "byHand", words }]),
  };
}

// ---- choices -------------------------------------------------------------------------------------------------------

function wishOf(nest: Nest, limits: WgslLimits): Wish {
  const mapWish: Wish = { kind: "map", size: Math.min(mapSize, powerBelow(limits.maxInvocations)) };
  const rows = rowWish(nest, limits);
  const found = contractionOf(nest);
  const inner = found === undefined ? 0 : totalOf(found.inner);
  const shape = found === undefined ? undefined : chooseTile(found, limits, inner >= rules.tileLongInner && !!rows);
  if (found !== undefined && shape !== undefined) {
    const wish = { kind: "tiles", size: shape.nx * shape.ny, found } as const;
    return rows?.kind === "rows" ? { ...wish, steps: rows.steps } : wish;
  }
  return rows ?? mapWish;
}

/** The first tile of the table that leaves enough workgroups; of one size of workgroup, when that is given. */
function chooseTile(
  found: Contraction,
  limits: WgslLimits,
  alternative: boolean,
  size?: number,
): TileShape | undefined {
  const [m, n, k] = [totalOf(found.rows), totalOf(found.columns), totalOf(found.inner)];
  if (Math.min(m, n) < rules.tileLeastSide || m * n * k < rules.tileLeastWork) return undefined;
  const fitting = tileTable.filter(
    (shape) =>
      shape.nx * shape.ny <= limits.maxInvocations &&
      tileBytes(shape) <= limits.maxWorkgroupStorage &&
      (size === undefined || shape.nx * shape.ny === size),
  );
  const chosen = fitting.find((shape) => tileGroups(found, shape) >= shape.least);
  if (chosen?.least === 1 && alternative) return undefined;
  return chosen ?? (size === undefined ? undefined : fitting.at(-1));
}

function rowWish(nest: Nest, limits: WgslLimits): Wish | undefined {
  const steps = planRow(nest.body);
  if (steps === undefined) return undefined;
  const { strided, repeated } = workOf(steps);
  const columns = longest(steps);
  const rows = totalOf(nest.loops.map(({ loop }) => loop));
  if (columns < rules.rowLeastColumns || repeated > strided / 4 || rows === 0) return undefined;
  if (rows > rules.mapRows && votesAcross(nest, steps) >= 0) return undefined;
  const wide = rows <= rules.wideMostRows && columns >= rules.wideLeastColumns;
  const most = powerBelow(limits.maxInvocations);
  return { kind: "rows", size: Math.min(most, wide ? rules.wideSize : mapSize), steps };
}

function longest(steps: readonly RowStep[]): number {
  return Math.max(0, ...steps.map((step) => (step.kind === "strided" ? totalOf(step.columns.loops) : 0)));
}

/** Which neighbours share memory: those in the last parallel loop (positive), or those in the column loop (negative)? */
function votesAcross(nest: Nest, steps: readonly RowStep[]): number {
  const row = nest.loops.findLast(({ loop }) => loop.extent > 1)?.loop.name;
  if (row === undefined) return -1;
  let votes = 0;
  for (const step of steps) {
    if (step.kind !== "strided") continue;
    const column = step.columns.loops.findLast((loop) => loop.extent > 1)?.name ?? "";
    walkStmts(step.columns.body, {
      expr: (expr) => {
        if (expr.kind !== "load") return;
        if (Math.abs(strideIn(expr.at, row)) === 1) votes += 1;
        if (Math.abs(strideIn(expr.at, column)) === 1) votes -= 1;
      },
    });
  }
  return votes;
}

function rowTiling(nest: Nest, steps: readonly RowStep[], size: number): RowTiling {
  if (votesAcross(nest, steps) > 0) {
    const rows = Math.max(1, Math.min(rules.acrossRows, size / 2));
    return { layout: "across", rows, lanes: size / rows };
  }
  const rowCount = totalOf(nest.loops.map(({ loop }) => loop));
  const least = rowCount <= rules.alongFewRows ? rules.alongLeastFew : rules.alongLeast;
  const lanes = Math.min(size, powerBelow(Math.max(2, longest(steps) / least)));
  return { layout: "along", rows: size / lanes, lanes };
}

function powerBelow(limit: number): number {
  return 2 ** Math.floor(Math.log2(limit));
}

// ---- one nest ------------------------------------------------------------------------------------------------------

interface Done {
  readonly nest: Nest;
  readonly words: string;
}

function scheduleNest(nest: Nest, wish: Wish, around: Around): Done {
  const tiled = wish.kind === "tiles" ? tileNest(nest, wish.found, wish.steps !== undefined, around) : undefined;
  if (tiled !== undefined) return tiled;
  const steps = wish.kind === "map" ? undefined : wish.steps;
  const rows = steps === undefined ? undefined : rowsNest(nest, steps, around);
  return rows ?? mapNest(nest, around);
}

function tileNest(nest: Nest, found: Contraction, alternative: boolean, around: Around): Done | undefined {
  const long = alternative && totalOf(found.inner) >= rules.tileLongInner;
  const shape = chooseTile(found, around.limits, long, around.size);
  if (shape === undefined) return undefined;
  const grid = gridOf(tileGroups(found, shape), around.size, around.fresh);
  const prelude = sharedPrelude(nest, grid, around);
  const done = scheduleTiles(found, prelude, shape, { ...around, grid });
  const { ny, nx, rm, rn, depth } = shape;
  const words = `${ny * rm}x${nx * rn} tile, ${depth} deep, ${rm}x${rn} registers`;
  return done === undefined ? undefined : { nest: done, words };
}

function rowsNest(nest: Nest, steps: readonly RowStep[], around: Around): Done | undefined {
  const tiling = rowTiling(nest, steps, around.size);
  const groups = Math.ceil(totalOf(nest.loops.map(({ loop }) => loop)) / tiling.rows);
  const grid = gridOf(groups, around.size, around.fresh);
  const prelude = sharedPrelude(nest, grid, around);
  const done = scheduleRows(nest, prelude, steps, tiling, { ...around, grid });
  const words = `${tiling.rows} rows of ${tiling.lanes} lanes, ${tiling.layout}`;
  return done === undefined ? undefined : { nest: done, words };
}

function mapNest(nest: Nest, around: Around): Done {
  const grid = gridOf(mapGroups(nest, around.size), around.size, around.fresh);
  return {
    nest: scheduleMap(nest, sharedPrelude(nest, grid, around), grid, around.fresh.pool),
    words: `map, ${around.size} wide`,
  };
}

/** A long sum before the loops is shared out among the workgroup; anything else each invocation computes by itself. */
function sharedPrelude(nest: Nest, grid: ReturnType<typeof gridOf>, around: Around): readonly Stmt[] {
  const steps = planRow(nest.prelude, nest.body);
  if (steps === undefined || longest(steps) < 2 * around.size) return nest.prelude;
  return shareWithAll(steps, grid, around.shared, around.fresh) ?? nest.prelude;
}
