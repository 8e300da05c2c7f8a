/**
 * Folds parts apart, and then joins them as the table of folds says.
 *
 *   splitFold acc serial 1000                           fold acc = sum over c_o < 3 of acc_part
 *     fold acc = sum over c < 3000 of x[c]       ->       fold acc_part = sum over c_i < 1000 of x[1000*c_o + c_i]
 *
 *   splitFold acc lanes x 2                             fold acc_part[v < 2][l < 4 lane] = max over c_o < 2 of x[8*c_o + 4*v + l]
 *     fold acc = max over c < 18 of x[c]         ->     for l < 4 lane:  acc_l[l] = max(acc_part[0][l], acc_part[1][l])
 *                                                       fold acc_r = max over c_r < 2 of x[16 + c_r]
 *                                                       let acc = max(max(max(acc_l[0], acc_l[1]), max(acc_l[2], acc_l[3])), acc_r)
 *
 * lanes x 2 unrolled: the same in registers, for machines without vectors. They are as many loads of neighbours under way at once.
 *
 * lanes x 2 settled: acc_part goes to a thread's own memory, and is read there to be joined. An engine that takes neighbouring vectors
 * for one does so from stores that lie side by side, back through all that they are computed from.
 *
 * serial bounds the error of a long sum: it grows with the length of a part and with the number of parts. An f32 that adds up ten
 * million tenths one by one is 0.6% off: soon each term is a small part of the sum's last digit. The order depends on sizes alone.
 */
import { assign, forLoop, forLoops, letValue, load, store, variable } from "../../../src/kernel/build.ts";
import { copyStmts } from "../../../src/kernel/copies.ts";
import { folds } from "../../../src/kernel/folds.ts";
import { blockIndex, scaleIndex } from "../../../src/kernel/index-expr.ts";
import type { BlockLoop, Expr, FoldStmt, Index, LoopVar, SharedArray, Stmt } from "../../../src/kernel/kernel.ts";
import type { Parts } from "../../../src/kernel/moves.ts";
import { defining, type Fresh } from "../../../src/kernel/names.ts";
import { laneCount } from "../../../src/kernel/stride.ts";
import { sizeOf } from "../facts.ts";
import { type Around, atFold, copyBlock, type Moved, type Piece, refuse } from "../piece.ts";

export function splitFold(
  piece: Piece,
  of: string,
  into: Exclude<Parts, { readonly by: "tree" | "launch" }>,
  { fresh, shared }: Around,
): Moved {
  return atFold(piece, of, (fold, { around, after }) => {
    if (folds[fold.fn].splits(fold.accumulators[0]?.type ?? "f32") === "no") refuse(`a ${fold.fn} has no parts`);
    if (into.by === "serial") {
      const parts = bounded(fold, into.terms, fresh) ?? refuse(`it has ${sizeOf(fold.axes)} terms`);
      if (fold.block.length > 0 && parts.length > 1) refuse("a block of it would have a rest");
      return [...join(fold, parts, fresh), ...after];
    }
    if (fold.block.length > 0 || around.some(({ kind }) => kind === "fold")) refuse("it is in a block or a fold");
    if (around.some((stmt) => stmt.kind === "for" && stmt.mark === "lane")) refuse("it is in lanes");
    return [...inLanes(fold, into, shared, fresh), ...after];
  });
}

// ---- a part of a fold ------------------------------------------------------------------------------------------------

interface Over {
  readonly axes: readonly LoopVar[];
  /** What axes of the fold are that are none of these. */
  readonly at: ReadonlyMap<string, Index>;
  readonly block?: readonly BlockLoop[];
}

/** A copy of the fold over other axes, with more loops in its block. */
export function part(fold: FoldStmt, { axes, at, block = [] }: Over, fresh: Fresh): FoldStmt {
  const kept = fold.axes.filter((axis) => axes.includes(axis));
  const [copy] = copyStmts([{ ...fold, axes: kept }], { loops: at }, fresh);
  if (copy?.kind !== "fold") return fold;
  const own = axes.map((axis) => copy.axes[kept.indexOf(axis)] ?? axis);
  return { ...copy, ...renamed(fold, "_part", fresh), axes: own, block: [...copy.block, ...block] };
}

/** The accumulators, each at an element of the block. */
function held(fold: FoldStmt, at: readonly Index[], { pool }: Fresh): readonly Expr[] {
  return fold.accumulators.map(({ name, type }) => pool.name(type, name, at));
}

// ---- one after the other ---------------------------------------------------------------------------------------------

/** Folds whose joined results are the fold's, none of which adds more than so many terms. Undefined where it is short enough. */
function bounded(fold: FoldStmt, terms: number, fresh: Fresh): readonly FoldStmt[] | undefined {
  const { axes } = fold;
  const cut = cutOf(axes, terms);
  if (cut === undefined) return undefined;
  const { inner, axis, suffix, size } = cut;
  if (inner > 1) {
    // Outer axes sum up what the others do for each of their iterations.
    const of = part(fold, { axes: axes.slice(inner - 1), at: new Map() }, fresh);
    return overParts(fold, axes.slice(0, inner - 1), bounded(of, terms, fresh) ?? [of], terms, fresh);
  }
  if (size === 1) return overParts(fold, [axis], [part(fold, { axes: suffix, at: new Map() }, fresh)], terms, fresh);
  const { pool } = fresh;
  const [count, rest] = [Math.floor(axis.extent / size), axis.extent % size];
  const piece = (extent: number, at: (inner: Index) => Index): FoldStmt => {
    const loop: LoopVar = { name: fresh(`${axis.name}_i`), extent };
    return part(fold, { axes: [loop, ...suffix], at: new Map([[axis.name, at(pool.loop(loop))]]) }, fresh);
  };
  const outer: LoopVar = { name: fresh(`${axis.name}_o`), extent: count };
  const main = piece(size, (inner) => blockIndex(size, pool.loop(outer), inner));
  const blocks = count > 1 ? overParts(fold, [outer], [main], terms, fresh) : [main];
  return rest === 0 ? blocks : [...blocks, piece(rest, (inner) => scaleIndex(inner, 1, count * size))];
}

/** Whether a fold over these axes, in parts of so many terms, is joined behind its loops. */
export function leavesRest(axes: readonly Extent[], terms: number): boolean {
  const cut = cutOf(axes, terms);
  if (cut === undefined) return false;
  const { inner, axis, size } = cut;
  if (inner > 1) return leavesRest(axes.slice(0, inner - 1), terms);
  if (size === 1) return leavesRest([axis], terms);
  return axis.extent % size > 0 || leavesRest([{ extent: axis.extent / size }], terms);
}

interface Extent {
  readonly extent: number;
}

/** The axis to cut, in blocks of `size`: it is the `inner`-th, and those behind it, `suffix`, fit in a part. */
function cutOf<Axis extends Extent>(axes: readonly Axis[], terms: number) {
  if (sizeOf(axes) <= terms || terms < 2) return undefined;
  let inner = axes.length;
  while (inner > 0 && sizeOf(axes.slice(inner - 1)) <= terms) inner -= 1;
  const [axis, suffix] = [axes[inner - 1], axes.slice(inner)];
  if (axis === undefined) return undefined;
  return { inner, axis, suffix, size: partSize(axis.extent, Math.floor(terms / sizeOf(suffix))) };
}

/** The fold over `axes` of the joined results of `parts`, itself bounded. */
function overParts(
  fold: FoldStmt,
  axes: readonly LoopVar[],
  parts: readonly FoldStmt[],
  terms: number,
  fresh: Fresh,
): readonly FoldStmt[] {
  const { block, at } = copyBlock(fold.block, fresh);
  const body: Stmt[] = [...parts];
  const results = parts.map((one) => held(one, at, fresh));
  const outer = { ...fold, axes, block, body, values: joined(fold, results, body, fresh), guard: [] };
  return bounded(outer, terms, fresh) ?? [outer];
}

/** The largest size up to `most`, and above half of it, that leaves nothing over; else `most`. */
export function partSize(extent: number, most: number): number {
  for (let size = most; 2 * size > most; size -= 1) if (extent % size === 0) return size;
  return Math.max(1, most);
}

/** All as one result, the earlier ones first; what it needs besides is added to the statements. */
function joined(
  { fn }: FoldStmt,
  results: readonly (readonly Expr[])[],
  stmts: Stmt[],
  fresh: Fresh,
  isMixed = false,
): readonly Expr[] {
  const define = defining(stmts, fresh);
  return results.reduce((all, next) => folds[fn].join(all, next, define, isMixed));
}

/** What the fold's own accumulators are. */
function named({ accumulators }: FoldStmt, values: readonly Expr[]): readonly Stmt[] {
  return values.map((value, i) => letValue(accumulators[i]?.name ?? "", value));
}

/** The parts, and what the fold's own accumulators are then: one of them has their names, or they are `let`s. */
function join(fold: FoldStmt, [first, ...others]: readonly FoldStmt[], fresh: Fresh): readonly Stmt[] {
  if (first === undefined) return [];
  if (others.length === 0) return [{ ...first, accumulators: fold.accumulators }];
  const parts = [{ ...first, ...renamed(first, "_o", fresh) }, ...others];
  const stmts: Stmt[] = [...parts];
  const results = parts.map((one) => held(one, [], fresh));
  const values = joined(fold, results, stmts, fresh);
  return [...stmts, ...named(fold, values)];
}

function renamed({ accumulators }: FoldStmt, suffix: string, fresh: Fresh): Pick<FoldStmt, "accumulators"> {
  return { accumulators: accumulators.map(({ name, type }) => ({ name: fresh(name + suffix), type })) };
}

// ---- side by side ----------------------------------------------------------------------------------------------------

/** The innermost axis in lanes: whole blocks of vectors, single vectors, and what fills none. */
function inLanes(
  fold: FoldStmt,
  { vectors, terms, mark = "lane", settled = false }: Omit<Parts & { readonly by: "lanes" }, "by">,
  shared: SharedArray[],
  fresh: Fresh,
): readonly Stmt[] {
  const axis = fold.axes[fold.axes.length - 1];
  if (axis === undefined || axis.extent < vectors * laneCount)
    return refuse(`${axis?.extent ?? 0} elements fill no block`);
  const stmts: Stmt[] = [];
  const add = (over: Over): readonly FoldStmt[] => {
    const one = part(fold, over, fresh);
    const parts = (terms && bounded(one, terms, fresh)) || [one];
    stmts.push(...parts);
    return parts;
  };
  const outer = fold.axes.slice(0, -1);
  const found: InLane[] = [];
  let start = 0;
  for (const each of vectors > 1 ? [vectors, 1] : [1]) {
    const count = Math.floor((axis.extent - start) / (each * laneCount));
    if (count === 0) continue;
    for (const one of add(vectorsOf(outer, axis, { start, count, each, mark, settled }, fresh))) {
      if (settled && each > 1) {
        found.push(...settle(one, each, stmts, shared, fresh));
        continue;
      }
      for (let v = 0; v < each; v += 1) {
        found.push((lane) => held(one, each > 1 ? [fresh.pool.integer(v), lane] : [lane], fresh));
      }
    }
    start += count * each * laneCount;
  }
  const results = [acrossLanes(fold, found, mark, stmts, fresh)];
  if (start < axis.extent) {
    const loop: LoopVar = { name: fresh(`${axis.name}_r`), extent: axis.extent - start };
    const at = new Map([[axis.name, scaleIndex(fresh.pool.loop(loop), 1, start)]]);
    results.push(...add({ axes: [...outer, loop], at }).map((one) => held(one, [], fresh)));
  }
  const values = joined(fold, results, stmts, fresh, true);
  return [...stmts, ...named(fold, values)];
}

/** Whether lanes are those of a vector, or registers. */
type LaneMark = NonNullable<(Parts & { readonly by: "lanes" })["mark"]>;

/** The accumulators of a vector in one lane. */
type InLane = (lane: Index) => readonly Expr[];

/** `count` times `each` vectors, from `start` on. */
function vectorsOf(
  outer: readonly LoopVar[],
  { name }: LoopVar,
  {
    start,
    count,
    each,
    mark,
    settled,
  }: {
    readonly start: number;
    readonly count: number;
    readonly each: number;
    readonly mark: LaneMark;
    readonly settled: boolean;
  },
  fresh: Fresh,
): Over {
  const { pool } = fresh;
  const blocks: LoopVar = { name: fresh(`${name}_o`), extent: count };
  const vector: LoopVar = { name: fresh(`${name}_v`), extent: each };
  const lane: LoopVar = { name: fresh(`${name}_l`), extent: laneCount };
  const inBlock = blockIndex(laneCount, pool.loop(vector), pool.loop(lane));
  const at = scaleIndex(blockIndex(each * laneCount, pool.loop(blocks), inBlock), 1, start);
  const vectors: readonly BlockLoop[] = each > 1 ? [{ loop: vector, mark: settled ? "interleaved" : "unrolled" }] : [];
  return {
    axes: [...outer, ...(count > 1 ? [blocks] : [])],
    at: new Map([[name, at]]),
    block: [...vectors, { loop: lane, mark }],
  };
}

/** The vectors of a part, stored; they are read where they lie. */
function settle(
  { accumulators }: FoldStmt,
  count: number,
  stmts: Stmt[],
  shared: SharedArray[],
  fresh: Fresh,
): readonly InLane[] {
  const { pool } = fresh;
  const lane: LoopVar = { name: fresh("l"), extent: laneCount };
  const vector: LoopVar = { name: fresh("v"), extent: count };
  const at = [pool.loop(vector), pool.loop(lane)];
  const arrays = accumulators.map(({ type }) => ({ name: fresh("sums"), type, count: count * laneCount }));
  shared.push(...arrays);
  const stores = arrays.map((array, i) => {
    const { name, type } = accumulators[i] ?? array;
    return store(array.name, blockIndex(laneCount, pool.loop(vector), pool.loop(lane)), pool.name(type, name, at));
  });
  stmts.push(...forLoops([{ loop: lane, mark: "lane" }, { loop: vector, mark: "interleaved" }], stores)); // biome-ignore format: outer, inner
  return Array.from({ length: count }, (_, v): InLane => {
    return (of) => arrays.map(({ name, type }) => load(type, name, scaleIndex(of, 1, v * laneCount)));
  });
}

/** All vectors in one, and then its lanes. */
function acrossLanes(
  fold: FoldStmt,
  vectors: readonly InLane[],
  mark: LaneMark,
  stmts: Stmt[],
  fresh: Fresh,
): readonly Expr[] {
  const { pool } = fresh;
  const join = (results: readonly (readonly Expr[])[], out = stmts) => joined(fold, results, out, fresh, true);
  const lanesOf = (of: InLane): readonly Expr[] => {
    const [a = [], b = [], c = [], d = []] = Array.from({ length: laneCount }, (_, lane) => of(pool.integer(lane)));
    return join([join([a, b]), join([c, d])]);
  };
  const [only, ...others] = vectors;
  if (only === undefined || others.length === 0) return lanesOf(only ?? (() => []));
  const { accumulators } = renamed(fold, "_l", fresh);
  const loop: LoopVar = { name: fresh("l"), extent: laneCount };
  const lane = pool.loop(loop);
  const body: Stmt[] = [];
  for (const [i, value] of join(
    vectors.map((of) => of(lane)),
    body,
  ).entries()) {
    const { name, type } = accumulators[i] ?? { name: "", type: value.type };
    stmts.push(variable(name, pool.constant(type, 0), [laneCount]));
    body.push(assign(name, value, [lane]));
  }
  stmts.push(forLoop(loop, body, mark));
  return lanesOf((at) => accumulators.map(({ name, type }) => pool.name(type, name, [at])));
}
