/**
 * A launch becomes two: the first folds parts, the second joins their results and does all the rest.
 *
 *   splitFold acc second launch 9984              k0_sum_parts    parallel part < 1002
 *                                                                   fold acc_part = sum over c < 9984 of x[9984*part + c]
 *   k0_sum   fold acc = sum over                                      where 9984*part + c < 10000000
 *              c < 10000000 of x[c]       ->                        parts[part] = acc_part
 *            y[0] = acc / 10000000                k0_sum          fold acc = sum over part < 1002 of parts[part]
 *                                                                 y[0] = acc / 10000000
 *
 * Where parts are whole iterations of the first axis, the others stay as they are, and with them what a policy sees in the fold:
 *
 *   fold acc = sum over n < 512, h < 26, w < 26             fold acc_part = sum over n_1 < 4, h_1 < 26, w_1 < 26
 *     of x[676*n + 26*h + w]                         ->       of x[2704*part + 676*n_1 + 26*h_1 + w_1]
 *
 * Inside of a launch no workgroup waits for another, and atomics would add up in the order of arrival. So results meet behind a
 * launch, in an order that depends on sizes alone. Both halves are kernels as `lower` writes them, each with moves of its own.
 */
import { load, parallelLoops, store } from "../../../src/kernel/build.ts";
import { copyStmts } from "../../../src/kernel/copies.ts";
import { blockIndex, scaleIndex } from "../../../src/kernel/index-expr.ts";
import type { BufferParam, FoldStmt, Index, Kernel, LoopVar, Nest, Stmt } from "../../../src/kernel/kernel.ts";
import type { SecondLaunch } from "../../../src/kernel/moves.ts";
import { type Fresh, freshNames, letsFor, withoutUnread } from "../../../src/kernel/names.ts";
import { readIn } from "../../../src/kernel/rewrite.ts";
import { openBounds } from "../../kernel/bounds.ts";
import { notShared, sizeOf, storedIn, workOf } from "../facts.ts";
import { legal, refuse } from "../piece.ts";
import { type Halves, halfOf, type Room, scheduledBy } from "./halves.ts";
import { placeOf, recover } from "./loops.ts";

/** The halves of a kernel, or why a move is not legal. All moves of a kernel share the first launch. */
export function secondLaunch(kernel: Kernel, moves: readonly SecondLaunch[], target: Room): Halves | string {
  return legal(() => halvesOf(kernel, moves, target));
}

/** Moves for the folds of which `termsOf` says how long parts of them should be, as many as may be cut together. */
export function secondLaunches(
  kernel: Kernel,
  target: Room,
  termsOf: (nest: Nest, fold: FoldStmt, rows: number) => number | undefined,
): readonly SecondLaunch[] {
  const chosen: SecondLaunch[] = [];
  for (const nest of kernel.nests) {
    for (const stmt of [...nest.prelude, ...nest.body]) {
      if (stmt.kind !== "fold") continue;
      const rows = nest.prelude.includes(stmt) ? 1 : sizeOf(nest.loops.map(({ loop }) => loop));
      const terms = termsOf(nest, stmt, rows);
      if (terms === undefined) continue;
      const of = stmt.accumulators[0]?.name ?? "";
      const move: SecondLaunch = { move: "splitFold", of, into: { by: "launch", terms } };
      if (typeof secondLaunch(kernel, [...chosen, move], target) !== "string") chosen.push(move);
    }
  }
  return chosen;
}

function halvesOf(kernel: Kernel, moves: readonly SecondLaunch[], target: Room): Halves {
  const fresh = freshNames(kernel);
  const named = new Map<string, BufferParam>();
  const cuts: Cut[] = [];
  for (const move of moves) {
    const place = placeIn(kernel, move);
    const { parts, rows, fold } = place;
    const needed = cuts.find((cut) => cut.fold === fold || place.needs.includes(cut.fold));
    if (needed !== undefined) refuse(`${move.of} waits for ${needed.move.of}`);
    const held = fold.accumulators.map(({ type }) => {
      const { name, count } = named.get(type) ?? { name: fresh("parts"), count: 0 };
      named.set(type, { name, element: type, count: count + parts * rows, role: "write" });
      return { buffer: name, offset: count };
    });
    cuts.push({ ...place, held });
  }
  const between = [...named.values()];
  const flops = Math.min(kernel.flops, sum(cuts.map(({ rows, fold }) => rows * workOf([fold], isArithmetic))));
  const groups = together(cuts);
  const nodes: number[] = [];
  const folding = groups.map((mates) => renumbered(partsOf(mates, fresh), nodes));
  // Names of both are new: what is put in place of a loop must not speak of another of its name.
  const first: Kernel = {
    ...halfOf(kernel, folding, between, target),
    name: fresh(`${kernel.name}_parts`),
    flops,
    schedule: groups.map((mates) => mates.map(({ move }) => move)),
  };
  const joins = new Map<Stmt, Stmt>(cuts.map((cut) => [cut.fold, joinOf(cut, fresh)]));
  const joining = kernel.nests.map((nest) => joinedIn(nest, joins));
  const rest: Kernel = {
    ...halfOf(kernel, joining, between, target),
    flops: kernel.flops - flops + sum(cuts.map((cut) => cut.parts * cut.rows)),
    schedule: scheduledBy(kernel, (nest) => cuts.filter((cut) => cut.nest === nest).map(({ move }) => move)),
  };
  return { first, rest, between, nodes };
}

/** The most parts of whole iterations of a loop, up to `most`: 1 where there are none. */
export function wholeParts(extent: number, most: number): number {
  for (let parts = Math.min(extent, Math.floor(most)); parts > 1; parts -= 1) if (extent % parts === 0) return parts;
  return 1;
}

// ---- which folds -----------------------------------------------------------------------------------------------------

/** A fold at the top of a nest. */
interface Place {
  readonly move: SecondLaunch;
  readonly nest: Nest;
  readonly fold: FoldStmt;
  readonly parts: number;
  /** Whether it stands in the prelude. */
  readonly isAbove: boolean;
  /** The loops around it: those of the nest, or none. */
  readonly loops: readonly LoopVar[];
  readonly rows: number;
  /** What it is made of. */
  readonly needs: readonly Stmt[];
}

interface Cut extends Place {
  /** Where the results of each accumulator lie. */
  readonly held: readonly { readonly buffer: string; readonly offset: number }[];
}

function placeIn({ nests }: Kernel, move: SecondLaunch): Place {
  const isOf = (stmt: Stmt): boolean => stmt.kind === "fold" && stmt.accumulators[0]?.name === move.of;
  for (const nest of nests) {
    const isAbove = nest.prelude.some(isOf);
    const stmts = isAbove ? nest.prelude : nest.body;
    const at = stmts.findIndex(isOf);
    const fold = stmts[at];
    if (fold?.kind !== "fold") continue;
    const before = [...(isAbove ? [] : nest.prelude), ...stmts.slice(0, at)];
    const needs = letsFor([fold], before);
    const reason = whyWhole(fold, [...needs, fold], before);
    if (reason !== null) refuse(reason);
    const total = sizeOf(fold.axes);
    const parts = Math.ceil(total / move.into.terms);
    if (parts < 2 || move.into.terms < 2) refuse(`it has ${total} terms`);
    const loops = isAbove ? [] : nest.loops.map(({ loop }) => loop);
    return { move, nest, fold, parts, isAbove, loops, rows: sizeOf(loops), needs };
  }
  return refuse(`there is no fold ${move.of} at the top of a nest`);
}

/** Why a fold, made of these statements, has to be folded where it stands; null if it has not. */
function whyWhole(fold: FoldStmt, made: readonly Stmt[], before: readonly Stmt[]): string | null {
  const reason = fold.guard.length > 0 ? "the fold is scheduled already" : notShared(fold);
  if (reason !== null) return reason;
  if (before.some(({ kind }) => kind === "var" || kind === "barrier" || kind === "exchange"))
    return "its row is scheduled already";
  const stored = storedIn(before);
  if ([...readIn(made)].some((name) => stored.has(name))) return "it reads what its row has stored";
  return storedIn(made).size > 0 ? "the fold stores" : null;
}

// ---- the halves ------------------------------------------------------------------------------------------------------

/** Folds of one nest that are cut alike go over their parts together: what they all read is read once. */
function together(cuts: readonly Cut[]): readonly (readonly [Cut, ...Cut[]])[] {
  const found: [Cut, ...Cut[]][] = [];
  for (const cut of cuts) {
    const { nest, loops, parts, move } = cut;
    const mates = found.find(([other]) => {
      const isSame = other.nest === nest && other.loops.length === loops.length && other.parts === parts;
      return isSame && other.move.into.terms === move.into.terms;
    });
    if (mates === undefined) found.push([cut]);
    else mates.push(cut);
  }
  return found;
}

function partsOf(cuts: readonly [Cut, ...Cut[]], fresh: Fresh): Nest {
  const { pool } = fresh;
  const [{ nest, move, parts, isAbove, ...first }] = cuts;
  const { terms } = move.into;
  const part: LoopVar = { name: fresh("part"), extent: parts };
  const loops = first.loops.map(({ name, extent }) => ({ name: fresh(name), extent }));
  const rows = first.loops.map(({ name }, i) => [name, pool.loop(loops[i] ?? part)] as const);
  const folds = cuts.map(({ fold }) => fold);
  const body = isAbove ? [] : letsFor(folds, nest.body);
  const prelude = letsFor([...body, ...folds], nest.prelude);
  const own = folds.map((fold) => inPart(fold, terms, part, fresh));
  const replaced = new Map<string, Index>([...rows, ...own.flatMap(({ at }) => [...at])]);
  const bare = folds.map((fold): FoldStmt => ({ ...fold, accumulators: inParts(fold), axes: [] }));
  const copied = copyStmts([...prelude, ...body, ...bare], { loops: replaced }, fresh);
  const made = copied.slice(prelude.length).map((stmt, i): Stmt => {
    const of = own[i - body.length];
    return stmt.kind !== "fold" || of === undefined ? stmt : { ...stmt, axes: of.axes, guard: of.guard };
  });
  const stores = cuts.flatMap((cut, n) => {
    const stmt = made[body.length + n];
    if (stmt?.kind !== "fold") return [];
    return stmt.accumulators.map(({ name, type }, i) => {
      return store(cut.held[i]?.buffer ?? "", rowOf(cut, i, part, loops, fresh), pool.name(type, name));
    });
  });
  return {
    loops: parallelLoops([part, ...loops]),
    prelude: copied.slice(0, prelude.length),
    body: [...made, ...stores],
  };
}

/** The axes of a fold in a part, where the fold's own are then, and whether they are inside. */
interface InPart extends Pick<FoldStmt, "axes" | "guard"> {
  readonly at: ReadonlyMap<string, Index>;
}

function inPart({ axes }: FoldStmt, terms: number, part: LoopVar, fresh: Fresh): InPart {
  const [first, ...others] = axes;
  const each = terms / sizeOf(others);
  if (first === undefined || !Number.isInteger(each) || first.extent % each !== 0) {
    const axis: LoopVar = { name: fresh(first?.name ?? ""), extent: terms };
    const flat = placeOf([part, axis], fresh);
    return { axes: [axis], at: recover(axes, flat), guard: openBounds([{ index: flat, extent: sizeOf(axes) }]) };
  }
  const own: LoopVar = { name: fresh(first.name), extent: each };
  const kept = others.map(({ name, extent }): LoopVar => ({ name: fresh(name), extent }));
  const at = new Map([[first.name, placeOf([part, own], fresh)]]);
  for (const [i, loop] of kept.entries()) at.set(others[i]?.name ?? "", fresh.pool.loop(loop));
  return { axes: each === 1 && kept.length > 0 ? kept : [own, ...kept], at, guard: [] };
}

/** The nest with nodes by their places in `nodes`, to which it adds those that it computes. */
function renumbered(nest: Nest, nodes: number[]): Nest {
  const numbered = (stmts: readonly Stmt[]): readonly Stmt[] =>
    stmts.map((stmt): Stmt => {
      if (stmt.kind !== "fold") return stmt;
      for (const place of stmt.from) if (!nodes.includes(place)) nodes.push(place);
      return { ...stmt, body: numbered(stmt.body), from: stmt.from.map((place) => nodes.indexOf(place)) };
    });
  return { ...nest, prelude: numbered(nest.prelude), body: numbered(nest.body) };
}

const inParts = ({ accumulators }: FoldStmt): FoldStmt["accumulators"] =>
  accumulators.map(({ name, type }) => ({ name: `${name}_part`, type }));

function joinOf(cut: Cut, fresh: Fresh): FoldStmt {
  const part: LoopVar = { name: fresh("part"), extent: cut.parts };
  const values = cut.fold.accumulators.map(({ type }, i) =>
    load(type, cut.held[i]?.buffer ?? "", rowOf(cut, i, part, cut.loops, fresh)),
  );
  return { ...cut.fold, axes: [part], body: [], values };
}

/** Where the result of a part lies: those of neighbouring rows side by side. */
function rowOf({ rows, held }: Cut, i: number, part: LoopVar, loops: readonly LoopVar[], fresh: Fresh): Index {
  return scaleIndex(blockIndex(rows, fresh.pool.loop(part), placeOf(loops, fresh)), 1, held[i]?.offset);
}

function joinedIn(nest: Nest, joins: ReadonlyMap<Stmt, Stmt>): Nest {
  const body = withoutUnread(nest.body.map((stmt) => joins.get(stmt) ?? stmt));
  const prelude = nest.prelude.map((stmt) => joins.get(stmt) ?? stmt);
  return { ...nest, prelude: withoutUnread(prelude, body), body };
}

// ---- buffers and work ------------------------------------------------------------------------------------------------

const isArithmetic = (kind: string): boolean => kind === "apply";
const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0);
