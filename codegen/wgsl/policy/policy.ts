/**
 * The schedule of a nest for WGSL: which iterations become workgroups and invocations, and what they share.
 *
 *   contraction           tiles staged in workgroup memory, a block of registers per invocation   tile
 *   the same on a CPU     a block of registers per invocation                                     split, jam
 *   long rows, few        several invocations share a row, partial results meet in a tree         team
 *   a map read across     tiles of it are turned in workgroup memory                              turn
 *   a large map           16 bytes of neighbours per invocation                                   split, sink, unroll
 *   neighbouring rows     four of them in the registers of an invocation                          split, jam
 *   everything else       one iteration per invocation                                            flatten, split, bind
 *
 * All nests of a kernel have workgroups of one size; each nest gets its own range of workgroups when it is printed.
 */

import { type Contraction, type Facts, neighboursAlong, notShared, sizeOf } from "../../../passes/schedule/facts.ts";
import type { Policy } from "../../../passes/schedule/schedule.ts";
import type { FoldStmt, LoopVar, Nest, ValueType } from "../../../src/kernel/kernel.ts";
import type { Schedule, WgslMove } from "../../../src/kernel/moves.ts";
import { slotsOf } from "../moves/subgroups.ts";
import { planRow, type RowStep } from "../moves/team-plan.ts";
import { asOneAxis, blockMoves, chooseBlock } from "./blocks.ts";
import { heldAlone, heldElements } from "./held.ts";
import { type MapSetting, mapLanes } from "./lanes.ts";
import { matrixMoves } from "./matrices.ts";
import { aloneMoves, columnsOf, nameOf, rowOf, run, runOf, serialMoves, sharedParts } from "./registers.ts";
import { type BlockShape, invocationsOf, tileBytes } from "./tile-shapes.ts";
import { chooseTile, contractionOf } from "./tiles.ts";
import { type Setting, type WgslLimits, type WgslTuning, wgslTuning } from "./tuning.ts";
import { type Turn, turnOf } from "./turns.ts";

/** `matrixInvocations`: of the workgroups whose contractions matrix units compute; 0 where the device has none. */
export function wgslPolicy(
  limits: WgslLimits,
  tuning: WgslTuning = wgslTuning,
  matrixInvocations = 0,
): Policy<WgslMove> {
  const setting = { limits, tuning };
  return (facts, { buffers }) => {
    const [only, ...others] = facts;
    const byUnits =
      matrixInvocations === 0 || only === undefined || others.length > 0
        ? undefined
        : matrixMoves(only, { ...setting, buffers }, matrixInvocations);
    if (byUnits !== undefined) return [byUnits];
    const wishes = facts.map((nest) => wishOf(nest, { ...setting, buffers }));
    const size = Math.max(...wishes.map((wish) => wish.size), mapSizeOf(setting));
    const memory = new Memory(limits.maxWorkgroupStorage);
    return facts.map((nest, n) => scheduleOf(nest, wishes[n] ?? { size }, { ...setting, size, memory }));
  };
}

// ---- what a nest would like ------------------------------------------------------------------------------------------

interface Wish {
  /** Of its workgroups. */
  readonly size: number;
  readonly found?: Contraction;
  /** Of its outputs, in an invocation. */
  readonly block?: BlockShape;
  readonly steps?: readonly RowStep[];
  readonly turn?: Turn;
  /** Elements that an invocation of a map has. */
  readonly lanes?: number;
  /** Of which an invocation folds neighbours side by side. */
  readonly columns?: LoopVar;
}

const mapSizeOf = ({ limits, tuning }: Setting): number => Math.min(tuning.mapSize, powerBelow(limits.maxInvocations));

/** Invocations of the workgroups that share long rows. */
export const teamSize = ({ limits, tuning }: Setting): number =>
  Math.min(powerBelow(limits.maxInvocations), tuning.wideSize);

export function wishOf(facts: Facts, setting: MapSetting): Wish {
  const rows = rowWish(facts.nest, setting);
  const found = contractionOf(facts);
  const block = found === undefined ? undefined : chooseBlock(found, setting);
  if (found !== undefined && block !== undefined) return { size: mapSizeOf(setting), found, block };
  const isLong = found !== undefined && sizeOf(found.inner) >= setting.tuning.tileLongInner;
  const shape = found === undefined ? undefined : chooseTile(found, setting, isLong && rows !== undefined);
  if (found !== undefined && shape !== undefined) return { ...rows, size: invocationsOf(shape), found };
  if (rows !== undefined) return rows;
  const turn = turnOf(facts.nest, setting);
  if (turn !== undefined) return { size: teamSize(setting), turn };
  const lanes = mapLanes(facts.nest, setting);
  if (lanes > 1) return { size: teamSize(setting), lanes };
  const columns = columnsOf(facts.nest, setting.tuning);
  return { size: mapSizeOf(setting), ...(columns === undefined ? {} : { columns }) };
}

function rowWish(nest: Nest, { limits, tuning }: Setting): Wish | undefined {
  const rows = sizeOf(nest.loops.map(({ loop }) => loop));
  const steps = planRow(nest.body);
  if (typeof steps === "string" || rows === 0 || rows > tuning.teamMostRows) return undefined;
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
export function votesAcross(nest: Nest, steps: readonly RowStep[]): number {
  const row = rowOf(nest);
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
  /** How many by their length and type. */
  readonly #partials = new Map<number, ReadonlyMap<ValueType, number>>();
  #left: number;

  constructor(bytes: number) {
    this.#left = bytes;
  }

  take(bytes: number): boolean {
    if (bytes > this.#left) return false;
    this.#left -= bytes;
    return true;
  }

  /** For folds whose results meet in arrays of so many elements, each fold's in the next of some sets of them. */
  takePartials(shared: readonly FoldStmt[], length: number, sets: number): boolean {
    const before = this.#partials.get(length) ?? new Map<ValueType, number>();
    const wanted = new Map(before);
    for (const { accumulators } of shared) {
      for (const { type } of accumulators) {
        const count = sets * accumulators.filter((other) => other.type === type).length;
        wanted.set(type, Math.max(wanted.get(type) ?? 0, count));
      }
    }
    let more = 0;
    for (const [type, count] of wanted) more += count - (before.get(type) ?? 0);
    if (!this.take(4 * length * more)) return false;
    this.#partials.set(length, wanted);
    return true;
  }
}

function scheduleOf(
  facts: Facts,
  { found, block, steps, turn, columns, lanes = 1 }: Wish,
  choice: Choice,
): Schedule<WgslMove> {
  const { nest } = facts;
  const prelude = preludeMoves(nest, choice);
  if (found !== undefined && block !== undefined)
    return [...blockMoves(found, block, choice.size, choice.tuning), ...prelude];
  const tile = found === undefined ? undefined : tileMoves(found, steps !== undefined, choice);
  if (tile !== undefined) return [...tile, ...prelude];
  if (columns !== undefined) return [...columnMoves(nest, columns, choice), ...prelude];
  const rows = steps === undefined ? turnMoves(turn, choice) : rowMoves(nest, steps, choice);
  const isShared = prelude.some((made) => made.move === "splitFold" && made.into.by === "tree");
  return [...(rows ?? mapMoves(nest, { ...choice, lanes }, isShared)), ...prelude];
}

function mapMoves(
  nest: Nest,
  { size, tuning, lanes }: Choice & { readonly lanes: number },
  isShared: boolean,
): Schedule<WgslMove> {
  const { loops, body } = nest;
  const names = loops.map(({ loop }) => loop.name);
  const last = loops.at(-1)?.loop;
  if (lanes > 1 && last !== undefined && last.extent % lanes === 0)
    return [...inLanes(last.name, lanes), ...spreadOuter(names, size)];
  const [first] = names;
  const isOne = sizeOf(loops.map(({ loop }) => loop)) === 1;
  const flat = names.length === 1 && first !== undefined && !isOne ? first : "flat";
  const inside = isOne && !isShared ? ({ prelude: "inside" } as const) : {};
  const held = heldAlone(nest, { tuning });
  return [
    ...(flat === first ? [] : [{ move: "flatten", axes: names, into: flat, ...inside } as const]),
    ...(lanes > 1 ? [...inLanes(flat, lanes), ...spread(`${flat}_o`, size)] : spread(flat, size)),
    ...aloneMoves({ loops, prelude: [], body }, tuning),
    ...(held === undefined ? [] : [{ move: "hold", most: held } as const]),
  ];
}

function columnMoves({ loops, body }: Nest, { name }: LoopVar, { size, tuning }: Choice): Schedule {
  return [
    ...serialMoves(body, tuning),
    { move: "split", axis: name, by: run, tail: "exact" },
    { move: "jam", axes: [`${name}_i`], mark: "unrolled" },
    ...spreadOuter(
      loops.map(({ loop }) => loop.name),
      size,
    ),
  ];
}

function turnMoves(turn: Turn | undefined, { size, memory }: Choice): Schedule<WgslMove> | undefined {
  if (turn === undefined) return undefined;
  const { rows, columns, side, bytes } = turn;
  const isEven = size % side === 0 && (side * side) % size === 0;
  if (!isEven || !memory.take(bytes)) return undefined;
  return [{ move: "turn", rows: rows.name, columns: columns.name, side, invocations: size }];
}

/** Neighbours in one invocation. */
function inLanes(axis: string, lanes: number): Schedule {
  return [
    { move: "split", axis, by: lanes, tail: "exact" },
    { move: "sink", axis: `${axis}_i` },
    { move: "unroll", axis: `${axis}_i` },
  ];
}

/** The outer part of the last of these loops, with all that are around it. */
function spreadOuter(names: readonly string[], size: number): Schedule {
  const outer = `${names.at(-1)}_o`;
  if (names.length === 1) return spread(outer, size);
  return [{ move: "flatten", axes: [...names.slice(0, -1), outer], into: "flat" }, ...spread("flat", size)];
}

function spread(axis: string, size: number): Schedule {
  return [
    { move: "split", axis, by: size, tail: "guard" },
    { move: "bind", axis: `${axis}_i`, to: "invocation" },
    { move: "bind", axis: `${axis}_o`, to: "workgroup" },
  ];
}

function tileMoves(found: Contraction, hasRows: boolean, choice: Choice): Schedule<WgslMove> | undefined {
  const { size, memory, tuning } = choice;
  const terms = sizeOf(found.inner);
  const shape = chooseTile(found, choice, hasRows && terms >= tuning.tileLongInner, size);
  if (shape === undefined || !memory.take(tileBytes(shape))) return undefined;
  const { ny, nx, rm, rn, depth, wide = 1, ahead = false, twice = false, slices = 1, products = 1 } = shape;
  const moves: WgslMove[] = [];
  const one = (loops: readonly LoopVar[], into: string): string => asOneAxis(loops, into, moves);
  const all = [found.batch, found.rows, found.columns];
  moves.push({ move: "reorder", axes: all.flat().map(({ name }) => name) });
  const batch = found.batch.length === 0 ? [] : [one(found.batch, "batch")];
  // `lower` has an "m" and an "n" of its own in nests of five loops and more
  const [m, n] = [one(found.rows, "rows"), one(found.columns, "columns")];
  const isPacked = products > 1;
  const groups = [...batch.map((axis) => (isPacked ? `${axis}_o` : axis)), `${m}_o`, `${n}_o`];
  const own = isPacked ? batch.map((axis) => `${axis}_i`) : [];
  // An invocation's columns lie side by side, or those of neighbours do.
  const [by, lane, block] = wide > 1 ? [rn, `${n}_i_o`, `${n}_i_i`] : [nx, `${n}_i_i`, `${n}_i_o`];
  if (isPacked) for (const axis of batch) moves.push({ move: "split", axis, by: products, tail: "mask" });
  moves.push(
    { move: "split", axis: m, by: ny * rm, tail: "mask" },
    { move: "split", axis: `${m}_i`, by: rm, tail: "exact" },
    { move: "split", axis: n, by: nx * rn, tail: "mask" },
    { move: "split", axis: `${n}_i`, by, tail: "exact" },
    { move: "jam", axes: [`${m}_i_i`, block], mark: "unrolled" },
    { move: "reorder", axes: [...groups, ...own, `${m}_i_o`, lane] },
    { move: "bind", axis: lane, to: "invocation" },
    { move: "bind", axis: `${m}_i_o`, to: "invocation" },
    ...own.map((axis) => ({ move: "bind", axis, to: "invocation" }) as const),
    {
      move: "tile",
      of: nameOf(found.fold),
      rows: `${m}_i`,
      columns: `${n}_i`,
      depth,
      ...(wide > 1 ? { wide } : {}),
      ...(ahead ? { ahead } : {}),
      ...(twice ? { twice } : {}),
      ...(slices > 1 ? { slices } : {}),
      ...own.map((axis) => ({ products: axis }))[0],
      ...(terms > tuning.terms ? { terms: tuning.terms } : {}),
    },
    { move: "flatten", axes: [...own, `${m}_i_o`, lane], into: "lane" },
    { move: "flatten", axes: groups, into: "group" },
    { move: "bind", axis: "group", to: "workgroup" },
  );
  return moves;
}

function rowMoves(nest: Nest, steps: readonly RowStep[], choice: Choice): Schedule<WgslMove> | undefined {
  const { tuning } = choice;
  const shared = steps.flatMap((step) => (step.kind === "fold" ? [step.fold] : []));
  const { rows, lanes, layout } = teamShape(nest, steps, choice);
  const joined = joinedBy(shared, { size: choice.size, lanes, step: layout === "along" ? 1 : rows }, choice);
  if (joined === undefined) return undefined;
  const loops = steps.flatMap((step) => (step.loops === undefined ? [] : [step.loops]));
  const by = layout === "along" ? runOf(shared, loops, lanes, rowOf(nest)) : 1;
  const held = heldElements(steps, lanes, by, choice);
  return [
    { move: "team", rows, lanes, layout, ...(by > 1 ? { run: by } : {}), ...joined },
    ...shared.flatMap((fold) => sharedParts(fold, lanes, tuning, by)),
    ...serialMoves(nest.body, tuning, new Set(shared)),
    ...(held === undefined ? [] : [{ move: "hold", most: held } as const]),
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

interface Lanes {
  readonly size: number;
  readonly lanes: number;
  readonly step: number;
  /** Whether other folds of all of the workgroup may read what comes out: from memory it is known to be the same everywhere. */
  readonly isOfAll?: boolean;
}

/** How lanes join what they have of these folds; undefined where there is no memory for it. */
function joinedBy(
  shared: readonly FoldStmt[],
  team: Lanes,
  { limits: { subgroupSize: subgroup = 0 }, memory, tuning }: Choice,
): { readonly subgroup?: number } | undefined {
  const isShort = team.isOfAll === true && subgroup >= team.size;
  const isMade = tuning.usesSubgroups && subgroup > team.step && team.size % subgroup === 0 && !isShort;
  if (!isMade) return memory.takePartials(shared, team.size, 1) ? {} : undefined;
  // Folds take turns with two sets; one before the loops may find both in use.
  return memory.takePartials(shared, slotsOf(team, subgroup), 3) ? { subgroup } : undefined;
}

/** A long sum before the loops is shared out among the workgroup; anything else each invocation computes by itself. */
function preludeMoves({ prelude }: Nest, choice: Choice): Schedule {
  const { size, tuning } = choice;
  const long = prelude.flatMap((stmt) =>
    stmt.kind === "fold" && sizeOf(stmt.axes) >= tuning.preludeLeastColumns ? [stmt] : [],
  );
  const shared = long.filter((fold) => notShared(fold) === null);
  const joined = size < 2 ? undefined : joinedBy(shared, { size, lanes: size, step: 1, isOfAll: true }, choice);
  if (joined === undefined) return serialMoves(prelude, tuning);
  return [
    ...shared.flatMap((fold): Schedule => {
      const by = runOf([fold], [fold.axes], size);
      const into = { by: "tree", lanes: size, ...(by > 1 ? { run: by } : {}), ...joined } as const;
      return [{ move: "splitFold", of: nameOf(fold), into }, ...sharedParts(fold, size, tuning, by)];
    }),
    ...serialMoves(prelude, tuning, new Set(shared)),
  ];
}
