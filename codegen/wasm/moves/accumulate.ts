/**
 * Takes parts of a sum out of all the loops around it: these turn once for each part, and the sums wait in a thread's own memory.
 *
 *   accumulate acc 1024 over j, i            for v < 32, l < 4 lane:  sums[4*v + l] = 0
 *                                            for acc_o < 5
 *   for i < 8, j < 16                          for j, i
 *     fold acc = sum over k < 5120 of          fold acc = sum over k_i < 1024 of x[5120*i + 1024*acc_o + k_i] * ...
 *       x[5120*i + k] * w[16*k + j]     ->       sums[16*i + j] = sums[16*i + j] + acc
 *     y[16*i + j] = max(acc, 0)              for i_end, j_end
 *                                              let acc_end = sums[16*i_end + j_end]
 *                                              y[16*i_end + j_end] = max(acc_end, 0)
 *
 * So what all sums read of one part stays in a near cache while they do. Loops stand in the order of the move around the parts, and
 * as they stood around what follows; terms that make no whole part have a copy of the loops, behind the others (`j_rest`, `acc_rest`).
 * A sum is added up as `splitFold acc serial 1024` does it, where that cuts it into the same parts: bit by bit.
 */

import { sizeOf, storedIn } from "../../../passes/schedule/facts.ts";
import { placeOf } from "../../../passes/schedule/moves/loops.ts";
import { part } from "../../../passes/schedule/moves/split-fold.ts";
import {
  type Around,
  chainOf,
  type Moved,
  nameNow,
  namesNow,
  namesOfCopy,
  type Piece,
  refuse,
} from "../../../passes/schedule/piece.ts";
import { apply, forLoop, forLoops, letValue, load, parallelLoops, store } from "../../../src/kernel/build.ts";
import { copyStmts } from "../../../src/kernel/copies.ts";
import { blockIndex, scaleIndex } from "../../../src/kernel/index-expr.ts";
import type { BlockLoop, FoldStmt, Index, LoopVar, SharedArray, Stmt } from "../../../src/kernel/kernel.ts";
import type { MoveOf } from "../../../src/kernel/moves.ts";
import { type Fresh, letsFor, withoutUnread } from "../../../src/kernel/names.ts";
import { laneCount } from "../../../src/kernel/stride.ts";

export function accumulate(piece: Piece, { of, terms, over }: MoveOf<"accumulate">, around: Around): Moved {
  const { fresh } = around;
  const found = summedIn(piece, of, namesNow(piece, over));
  const { loops, axis, before, after, held } = found;
  const parts = Math.floor(axis.extent / terms);
  const rest = axis.extent - parts * terms;
  if (!(terms >= 2) || parts < 1 || parts + rest < 2) refuse(`it has ${axis.extent} terms`);
  const sums: SharedArray = { name: fresh("sums"), type: held.type, count: sizeOf(loops) };
  around.shared.push(sums);

  const names = new Map(piece.names);
  const rename = (suffix: string, now: ReadonlyMap<string, string>): void => {
    for (const name of over) {
      const own = nameNow(piece, name);
      names.set(`${name}${suffix}`, own === null ? null : (now.get(own) ?? null));
    }
  };
  const outer: LoopVar = { name: fresh(`${of}_o`), extent: parts };
  const main = partOf(
    found,
    sums,
    { extent: terms, at: (own) => blockIndex(terms, fresh.pool.loop(outer), own) },
    fresh,
  );
  const body = [...zeros(sums, fresh), ...(parts > 1 ? [forLoop(outer, main.stmts)] : main.stmts)];
  names.set(of, main.of).set(`${of}_o`, parts > 1 ? outer.name : null);
  if (rest > 0) {
    const last = partOf(found, sums, { extent: rest, at: (own) => scaleIndex(own, 1, parts * terms) }, fresh);
    const copied = copyStmts(last.stmts, {}, fresh);
    const now = namesOfCopy(last.stmts, copied);
    names.set(`${of}_rest`, now.get(last.of) ?? last.of);
    rename("_rest", now);
    body.push(...copied);
  }
  const read = letValue(held.name, load(sums.type, sums.name, placeOf(loops, fresh)));
  const end = forLoops(parallelLoops(loops), withoutUnread([...before, read, ...after]));
  const ended = copyStmts(end, {}, fresh);
  rename("_end", namesOfCopy(end, ended));
  body.push(...ended);
  return { nest: { ...piece.nest, body }, names };
}

// ---- what is cut -----------------------------------------------------------------------------------------------------

interface Summed {
  /** Around it, as they stand, and as they are to stand around a part. */
  readonly loops: readonly LoopVar[];
  readonly inside: readonly LoopVar[];
  readonly fold: FoldStmt;
  readonly axis: LoopVar;
  readonly held: FoldStmt["accumulators"][number];
  readonly before: readonly Stmt[];
  readonly after: readonly Stmt[];
}

/** The fold, in loops that stand around nothing else, over one axis. */
function summedIn(piece: Piece, of: string, order: readonly string[]): Summed {
  const [only, ...others] = piece.nest.body;
  const chain = only?.kind === "for" && others.length === 0 ? chainOf(only) : [];
  if (chain.some(({ mark }) => mark !== "parallel")) refuse("a loop around it is decided already");
  const body = chain[chain.length - 1]?.body ?? piece.nest.body;
  const name = nameNow(piece, of);
  const at = body.findIndex((stmt) => stmt.kind === "fold" && stmt.accumulators[0]?.name === name);
  const fold = body[at];
  if (fold?.kind !== "fold") return refuse(`${of} is not in them`);
  const [[axis, ...axes], [held, ...more]] = [fold.axes, fold.accumulators];
  if (axis === undefined || axes.length > 0 || held === undefined || more.length > 0 || fold.fn !== "sum")
    return refuse("it is no sum over one axis");
  if (fold.block.length > 0 || fold.guard.length > 0) refuse("it is scheduled already");
  const before = body.slice(0, at);
  if (storedIn([...before, fold]).size > 0) refuse("something is stored before it is added up");
  const loops = chain.map(({ loop }) => loop);
  const inside = order.map(
    (wanted) => loops.find((loop) => loop.name === wanted) ?? refuse(`${wanted} is not around it`),
  );
  if (new Set(inside).size < loops.length || inside.length > loops.length)
    refuse("a loop around it has no place, or two");
  return { loops, inside, fold, axis, held, before, after: body.slice(at + 1) };
}

// ---- what is made ----------------------------------------------------------------------------------------------------

interface Terms {
  readonly extent: number;
  /** Where the axis is, in a part. */
  readonly at: (own: Index) => Index;
}

/** The loops around a part of the fold, which is added to the sums. */
function partOf({ loops, inside, fold, axis, before }: Summed, sums: SharedArray, { extent, at }: Terms, fresh: Fresh) {
  const own: LoopVar = { name: fresh(`${axis.name}_i`), extent };
  const one = part(fold, { axes: [own], at: new Map([[axis.name, at(fresh.pool.loop(own))]]) }, fresh);
  const [{ name, type } = { name: "", type: sums.type }] = one.accumulators;
  const place = placeOf(loops, fresh);
  const added = apply("add", load(sums.type, sums.name, place), fresh.pool.name(type, name));
  // The values of a block together, and then all its stores: only so are neighbouring vectors joined.
  const total = fresh("total");
  const stmts = forLoops(parallelLoops(inside), [
    ...letsFor([one], before),
    one,
    letValue(total, added),
    store(sums.name, place, fresh.pool.name(type, total)),
  ]);
  return { of: name, stmts };
}

function zeros({ name, type, count }: SharedArray, fresh: Fresh): readonly Stmt[] {
  const { pool } = fresh;
  const each = count % laneCount === 0 ? laneCount : 1;
  const [vector, lane] = [
    { name: fresh("v"), extent: count / each },
    { name: fresh("lane"), extent: each },
  ];
  const at = blockIndex(each, pool.loop(vector), pool.loop(lane));
  const loops: readonly BlockLoop[] = [
    { loop: vector, mark: "parallel" },
    { loop: lane, mark: "lane" },
  ];
  return forLoops(
    loops.filter(({ loop }) => loop.extent > 1),
    [store(name, at, pool.constant(type, 0))],
  );
}
