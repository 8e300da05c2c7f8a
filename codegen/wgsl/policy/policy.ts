/**
 * The schedule of a nest for WGSL: which iterations become workgroups and invocations, and what they share.
 *
 *   contraction           tiles staged in workgroup memory, a block of registers per invocation   tile
 *   long rows, few        several invocations share a row, partial results meet in a tree         team
 *   everything else       one iteration per invocation                                            flatten, split, bind
 *
 * All nests of a kernel have workgroups of one size; each nest gets its own range of workgroups when it is printed. All numbers
 * here are a value (`wgslTuning`) that whoever measures may replace.
 */

import { type Contraction, everyFold, type Facts, neighboursAlong, sizeOf } from "../../../passes/schedule/facts.ts";
import { notShared } from "../../../passes/schedule/moves/tree.ts";
import type { Policy } from "../../../passes/schedule/schedule.ts";
import { folds } from "../../../src/kernel/folds.ts";
import type { FoldStmt, LoopVar, Nest, Stmt, ValueType } from "../../../src/kernel/kernel.ts";
import type { AnyMove, Move, Schedule } from "../../../src/kernel/moves.ts";
import { longestSum } from "../../../src/kernel/target.ts";
import { planRow, type RowStep } from "../moves/team-plan.ts";

export interface WgslLimits {
  /** Per workgroup. */
  readonly maxInvocations: number;
  /** Bytes. */
  readonly maxWorkgroupStorage: number;
}

/** ny x nx invocations, each with a block of rm x rn outputs; `depth` values of k are staged at a time. */
export interface TileShape {
  readonly ny: number;
  readonly nx: number;
  readonly rm: number;
  readonly rn: number;
  readonly depth: number;
  /** Workgroups that there must be at least. */
  readonly least: number;
  readonly why: string;
}

export const wgslTuning = {
  /** Invocations of a workgroup with nothing to share: a multiple of every GPU's subgroup (8 to 64). */
  mapSize: 64,
  /** The best first: more registers per invocation mean fewer loads per product, and fewer workgroups. */
  tiles: [
    { ny: 16, nx: 16, rm: 4, rn: 4, depth: 16, least: 96, why: "2 products per load; only where enough groups remain" },
    { ny: 8, nx: 8, rm: 4, rn: 4, depth: 16, least: 32, why: "as many products per load, a quarter of the size" },
    {
      ny: 8,
      nx: 8,
      rm: 2,
      rn: 2,
      depth: 16,
      least: 16,
      why: "small outputs: 1 product per load, four times the groups",
    },
    { ny: 8, nx: 8, rm: 2, rn: 2, depth: 16, least: 1, why: "short k: a tree would not pay" },
    { ny: 16, nx: 16, rm: 2, rn: 2, depth: 16, least: 1, why: "beside a nest that wants workgroups of 256" },
  ] as readonly TileShape[],
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
  /** Terms of a sum that an invocation adds up one after the other. */
  terms: longestSum,
  /** Rows that folds in parts make at most, each of a workgroup: 2^18 invocations, as many as an H100 has room for. */
  partRows: 1024,
  /** The same where neighbours take neighbouring rows: as many as there may be for workgroups to be wide. */
  partRowsAcross: 4096,
  /** Terms of an invocation at least; and in how many parts a fold is worth a second launch. */
  partTerms: 16,
  leastParts: 16,
  /**
   * A contraction with more terms is cut where its tiles are few workgroups: so is the gradient of a filter. Its parts are whole
   * iterations of its first loop, of so many terms at least, and all partial sums 8 MB at most.
   */
  tileDeep: 8192,
  tileFewGroups: 512,
  tilePartTerms: 2048,
  tilePartials: 2 ** 21,
};

export type WgslTuning = Readonly<typeof wgslTuning>;

export interface Setting {
  readonly limits: WgslLimits;
  readonly tuning: WgslTuning;
}

export function wgslPolicy(limits: WgslLimits, tuning: WgslTuning = wgslTuning): Policy<AnyMove> {
  const setting = { limits, tuning };
  return (facts) => {
    const wishes = facts.map((nest) => wishOf(nest, setting));
    const size = Math.max(...wishes.map((wish) => wish.size), mapSizeOf(setting));
    const memory = new Memory(limits.maxWorkgroupStorage, size);
    return facts.map((nest, n) => scheduleOf(nest, wishes[n] ?? { size }, { ...setting, size, memory }));
  };
}

// ---- what a nest would like ------------------------------------------------------------------------------------------

interface Wish {
  /** Of its workgroups. */
  readonly size: number;
  readonly found?: Contraction;
  readonly steps?: readonly RowStep[];
}

const mapSizeOf = ({ limits, tuning }: Setting): number => Math.min(tuning.mapSize, powerBelow(limits.maxInvocations));

/** Invocations of the workgroups that share long rows. */
export const teamSize = ({ limits, tuning }: Setting): number =>
  Math.min(powerBelow(limits.maxInvocations), tuning.wideSize);

export function wishOf(facts: Facts, setting: Setting): Wish {
  const rows = rowWish(facts.nest, setting);
  const found = contractionOf(facts);
  const isLong = found !== undefined && sizeOf(found.inner) >= setting.tuning.tileLongInner;
  const shape = found === undefined ? undefined : chooseTile(found, setting, isLong && rows !== undefined);
  if (found !== undefined && shape !== undefined) return { ...rows, size: shape.nx * shape.ny, found };
  return rows ?? { size: mapSizeOf(setting) };
}

/** The first fold of the body, where only `let`s stand before it, no other fold after it, and its elements are but products. */
export function contractionOf(facts: Facts): Contraction | undefined {
  const { body } = facts.nest;
  const at = body.findIndex(({ kind }) => kind === "fold");
  const fold = body[at];
  if (fold?.kind !== "fold" || body.slice(0, at).some(({ kind }) => kind !== "let")) return undefined;
  if (body.slice(at + 1).some(({ kind }) => kind !== "let" && kind !== "store")) return undefined;
  if (fold.guard.length > 0 || fold.values[0]?.type !== "f32" || fold.body.some(({ kind }) => kind !== "let"))
    return undefined;
  return facts.contraction(fold);
}

/** Workgroups that a contraction is tiled for. */
export function tileGroups(found: Contraction, setting: Setting): number {
  const shape = chooseTile(found, setting, false);
  return shape === undefined ? 0 : groupsOf(found, shape);
}

function groupsOf({ batch, rows, columns }: Contraction, { ny, nx, rm, rn }: TileShape): number {
  return sizeOf(batch) * Math.ceil(sizeOf(rows) / (ny * rm)) * Math.ceil(sizeOf(columns) / (nx * rn));
}

/** The first tile of the table that leaves enough workgroups; of one size of workgroup, when that is given. */
function chooseTile(
  found: Contraction,
  { limits, tuning }: Setting,
  alternative: boolean,
  size?: number,
): TileShape | undefined {
  const [m, n, k] = [sizeOf(found.rows), sizeOf(found.columns), sizeOf(found.inner)];
  if (Math.min(m, n) < tuning.tileLeastSide || m * n * k < tuning.tileLeastWork) return undefined;
  const fitting = tuning.tiles.filter(
    (shape) =>
      shape.nx * shape.ny <= limits.maxInvocations &&
      tileBytes(shape) <= limits.maxWorkgroupStorage &&
      (size === undefined || shape.nx * shape.ny === size),
  );
  const chosen = fitting.find((shape) => groupsOf(found, shape) >= shape.least);
  if (chosen?.least === 1 && alternative) return undefined;
  return chosen ?? (size === undefined ? undefined : fitting.at(-1));
}

function tileBytes({ ny, nx, rm, rn, depth }: TileShape): number {
  return 4 * depth * (ny * rm + 1 + nx * rn + 1);
}

function rowWish(nest: Nest, { limits, tuning }: Setting): Wish | undefined {
  const rows = sizeOf(nest.loops.map(({ loop }) => loop));
  const steps = planRow(nest.body);
  if (typeof steps === "string" || rows === 0) return undefined;
  const { shared, repeated } = sharedWork(steps);
  const columns = longestRow(steps);
  if (columns < tuning.rowLeastColumns || repeated > shared / 4) return undefined;
  if (rows > tuning.mapRows && votesAcross(nest, steps) >= 0) return undefined;
  const isWide = rows <= tuning.wideMostRows && columns >= tuning.wideLeastColumns;
  return { size: Math.min(powerBelow(limits.maxInvocations), isWide ? tuning.wideSize : tuning.mapSize), steps };
}

/** Iterations that are shared out, and that every invocation repeats. */
function sharedWork(steps: readonly RowStep[]): { readonly shared: number; readonly repeated: number } {
  let [shared, repeated] = [0, 0];
  for (const { kind, loops, stmts } of steps) {
    if (loops !== undefined) shared += sizeOf(loops);
    if (kind !== "all") continue;
    for (const stmt of stmts) {
      if (stmt.kind === "for") repeated += stmt.loop.extent;
      else if (stmt.kind === "fold") repeated += sizeOf(stmt.axes);
    }
  }
  return { shared, repeated };
}

function longestRow(steps: readonly RowStep[]): number {
  return Math.max(0, ...steps.map(({ loops }) => (loops === undefined ? 0 : sizeOf(loops))));
}

/** Which neighbours share memory: those in the last parallel loop (positive), or those in the column loop (negative)? */
export function votesAcross({ loops }: Nest, steps: readonly RowStep[]): number {
  const row = loops.findLast(({ loop }) => loop.extent > 1)?.loop;
  if (row === undefined) return -1;
  return steps.reduce((votes, { loops: columns, stmts }) => {
    if (columns === undefined) return votes;
    const column = columns.findLast((loop) => loop.extent > 1);
    return votes + neighboursAlong(stmts, row) - (column === undefined ? 0 : neighboursAlong(stmts, column));
  }, 0);
}

function powerBelow(limit: number): number {
  return 2 ** Math.floor(Math.log2(limit));
}

// ---- what it gets ----------------------------------------------------------------------------------------------------

interface Choice extends Setting {
  readonly size: number;
  readonly memory: Memory;
}

/** Workgroup memory: what is left of it. Arrays for partial results are shared by all nests. */
class Memory {
  readonly #partials = new Map<ValueType, number>();
  readonly #size: number;
  #left: number;

  constructor(bytes: number, size: number) {
    this.#left = bytes;
    this.#size = size;
  }

  take(bytes: number): boolean {
    if (bytes > this.#left) return false;
    this.#left -= bytes;
    return true;
  }

  takePartials(shared: readonly FoldStmt[]): boolean {
    const wanted = new Map(this.#partials);
    for (const { accumulators } of shared) {
      for (const { type } of accumulators) {
        const count = accumulators.filter((other) => other.type === type).length;
        wanted.set(type, Math.max(wanted.get(type) ?? 0, count));
      }
    }
    let more = 0;
    for (const [type, count] of wanted) more += count - (this.#partials.get(type) ?? 0);
    if (!this.take(4 * this.#size * more)) return false;
    for (const [type, count] of wanted) this.#partials.set(type, count);
    return true;
  }
}

function scheduleOf(facts: Facts, { found, steps }: Wish, choice: Choice): Schedule<AnyMove> {
  const { nest } = facts;
  const prelude = preludeMoves(nest, choice);
  const tile = found === undefined ? undefined : tileMoves(found, steps !== undefined, choice);
  if (tile !== undefined) return [...tile, ...prelude];
  const rows = steps === undefined ? undefined : rowMoves(nest, steps, choice);
  const isShared = prelude.some((made) => made.move === "splitFold" && made.into.by === "tree");
  return [...(rows ?? mapMoves(nest, choice, isShared)), ...prelude];
}

function mapMoves({ loops, body }: Nest, { size, tuning }: Choice, isShared: boolean): Schedule {
  const names = loops.map(({ loop }) => loop.name);
  const [first] = names;
  const isOne = sizeOf(loops.map(({ loop }) => loop)) === 1;
  const flat = names.length === 1 && first !== undefined && !isOne ? first : "flat";
  const inside = isOne && !isShared ? ({ prelude: "inside" } as const) : {};
  return [
    ...(flat === first ? [] : [{ move: "flatten", axes: names, into: flat, ...inside } as const]),
    { move: "split", axis: flat, by: size, tail: "guard" },
    { move: "bind", axis: `${flat}_i`, to: "invocation" },
    { move: "bind", axis: `${flat}_o`, to: "workgroup" },
    ...serialMoves(body, tuning),
  ];
}

function tileMoves(found: Contraction, hasRows: boolean, choice: Choice): Schedule<AnyMove> | undefined {
  const { size, memory, tuning } = choice;
  const terms = sizeOf(found.inner);
  const shape = chooseTile(found, choice, hasRows && terms >= tuning.tileLongInner, size);
  if (shape === undefined || !memory.take(tileBytes(shape))) return undefined;
  const { ny, nx, rm, rn, depth } = shape;
  const moves: AnyMove[] = [];
  const one = (loops: readonly LoopVar[], into: string): string => {
    const [only] = loops;
    if (loops.length === 1 && only !== undefined) return only.name;
    moves.push({ move: "flatten", axes: loops.map(({ name }) => name), into });
    return into;
  };
  const all = [found.batch, found.rows, found.columns];
  moves.push({ move: "reorder", axes: all.flat().map(({ name }) => name) });
  const batch = found.batch.length === 0 ? [] : [one(found.batch, "batch")];
  // `lower` has an "m" and an "n" of its own in nests of five loops and more
  const [m, n] = [one(found.rows, "rows"), one(found.columns, "columns")];
  const groups = [...batch, `${m}_o`, `${n}_o`];
  moves.push(
    { move: "split", axis: m, by: ny * rm, tail: "mask" },
    { move: "split", axis: `${m}_i`, by: rm, tail: "exact" },
    { move: "split", axis: n, by: nx * rn, tail: "mask" },
    { move: "split", axis: `${n}_i`, by: nx, tail: "exact" },
    { move: "jam", axes: [`${m}_i_i`, `${n}_i_o`], mark: "unrolled" },
    { move: "reorder", axes: [...groups, `${m}_i_o`, `${n}_i_i`] },
    { move: "bind", axis: `${n}_i_i`, to: "invocation" },
    { move: "bind", axis: `${m}_i_o`, to: "invocation" },
    {
      move: "tile",
      of: found.fold.accumulators[0]?.name ?? "",
      rows: `${m}_i`,
      columns: `${n}_i`,
      depth,
      ...(terms > tuning.terms ? { terms: tuning.terms } : {}),
    },
    { move: "flatten", axes: [`${m}_i_o`, `${n}_i_i`], into: "lane" },
    { move: "flatten", axes: groups, into: "group" },
    { move: "bind", axis: "group", to: "workgroup" },
  );
  return moves;
}

function rowMoves(nest: Nest, steps: readonly RowStep[], choice: Choice): Schedule<AnyMove> | undefined {
  const { memory, tuning } = choice;
  const shared = steps.flatMap((step) => (step.kind === "fold" ? [step.fold] : []));
  if (!memory.takePartials(shared)) return undefined;
  const { rows, lanes, layout } = teamShape(nest, steps, choice);
  return [
    { move: "team", rows, lanes, layout },
    ...shared.flatMap((fold) => serialParts(fold, lanes, tuning)),
    ...serialMoves(nest.body, tuning, new Set(shared)),
  ];
}

function teamShape(nest: Nest, steps: readonly RowStep[], { size, tuning }: Choice) {
  if (votesAcross(nest, steps) > 0) {
    const rows = Math.max(1, Math.min(tuning.acrossRows, size / 2));
    return { layout: "across", rows, lanes: size / rows } as const;
  }
  const rowCount = sizeOf(nest.loops.map(({ loop }) => loop));
  const least = rowCount <= tuning.alongFewRows ? tuning.alongLeastFew : tuning.alongLeast;
  const lanes = Math.min(size, powerBelow(Math.max(2, longestRow(steps) / least)));
  return { layout: "along", rows: size / lanes, lanes } as const;
}

/** A long sum before the loops is shared out among the workgroup; anything else each invocation computes by itself. */
function preludeMoves({ prelude }: Nest, { size, memory, tuning }: Choice): Schedule {
  const long = prelude.flatMap((stmt) =>
    stmt.kind === "fold" && sizeOf(stmt.axes) >= tuning.rowLeastColumns ? [stmt] : [],
  );
  const shared = long.filter((fold) => notShared(fold) === null);
  if (size < 2 || !memory.takePartials(shared)) return serialMoves(prelude, tuning);
  return [
    ...shared.flatMap((fold): Schedule => {
      const tree: Move = { move: "splitFold", of: nameOf(fold), into: { by: "tree", lanes: size } };
      return [tree, ...serialParts(fold, size, tuning)];
    }),
    ...serialMoves(prelude, tuning, new Set(shared)),
  ];
}

// ---- long sums -------------------------------------------------------------------------------------------------------

const nameOf = ({ accumulators }: FoldStmt): string => accumulators[0]?.name ?? "";

/** Folds whose roundings add up, in parts of bounded length; all but some, and those inside them. */
function serialMoves(stmts: readonly Stmt[], tuning: WgslTuning, but: ReadonlySet<Stmt> = new Set()): Schedule {
  const long = everyFold(stmts).filter((fold) => !but.has(fold));
  return long.flatMap((fold) => bounded(fold, nameOf(fold), sizeOf(fold.axes), tuning));
}

/** What each lane adds up of a fold that is shared. */
function serialParts(fold: FoldStmt, lanes: number, tuning: WgslTuning): Schedule {
  return bounded(fold, `${nameOf(fold)}_part`, Math.ceil(sizeOf(fold.axes) / lanes), tuning);
}

function bounded({ fn, accumulators }: FoldStmt, of: string, count: number, { terms }: WgslTuning): Schedule {
  const rounds = folds[fn].splits(accumulators[0]?.type ?? "f32") === "rounding";
  return rounds && count > terms ? [{ move: "splitFold", of, into: { by: "serial", terms } }] : [];
}
