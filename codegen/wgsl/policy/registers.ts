/**
 * Folds of neighbours, side by side in the registers of one invocation: as many loads are under way at once, and a printer makes one
 * access of 16 bytes of them. A load takes an H100 0.7 microseconds; one of 4 bytes by each of the 2^18 invocations it has room for is
 * half of what its memory could bring in that time.
 *
 *   along     elements of a row       splitFold acc lanes x 1 unrolled      4 sums of one row, joined at the end
 *   across    neighbouring rows       split j 4; jam j_i                    4 rows, each with a sum of its own
 */
import { everyFold, neighboursAlong, notShared, sizeOf } from "../../../passes/schedule/facts.ts";
import { leavesRest } from "../../../passes/schedule/moves/split-fold.ts";
import { folds } from "../../../src/kernel/folds.ts";
import type { FoldStmt, LoopVar, Nest, Stmt } from "../../../src/kernel/kernel.ts";
import type { Schedule } from "../../../src/kernel/moves.ts";
import { laneCount } from "../../../src/kernel/stride.ts";
import type { WgslTuning } from "./tuning.ts";

/** Neighbours that an invocation takes at a time. */
export const run = laneCount;

export const nameOf = ({ accumulators }: FoldStmt): string => accumulators[0]?.name ?? "";

/** Folds whose roundings add up, in parts of bounded length; all but some, and those inside them. */
export function serialMoves(stmts: readonly Stmt[], tuning: WgslTuning, but: ReadonlySet<Stmt> = new Set()): Schedule {
  const long = everyFold(stmts).filter((fold) => !but.has(fold));
  return long.flatMap((fold) => bounded(fold, nameOf(fold), sizeOf(fold.axes), tuning));
}

/** The same, where one invocation folds a long row: its elements side by side. */
export function aloneMoves({ loops, body }: Nest, tuning: WgslTuning): Schedule {
  const row = rowOf({ loops });
  const beside = body.flatMap((stmt) => {
    if (stmt.kind !== "fold" || !isBeside(stmt, row) || lastOf(stmt) < tuning.besideLeast) return [];
    return [stmt];
  });
  return [
    ...beside.flatMap((fold) => sideBySide(fold, nameOf(fold), sizeOf(fold.axes), tuning)),
    ...serialMoves(body, tuning, new Set(beside)),
  ];
}

/** What each lane adds up of a fold that is shared, `by` neighbours at a time. */
export function sharedParts(fold: FoldStmt, lanes: number, tuning: WgslTuning, by: number): Schedule {
  const name = `${nameOf(fold)}_part`;
  const each = Math.ceil(sizeOf(fold.axes) / lanes);
  return by > 1 ? sideBySide(fold, name, each, tuning) : bounded(fold, name, each, tuning);
}

/** Neighbours that each lane takes at a time of all that is shared: the same everywhere, as a lane finds what it stored itself. */
export function runOf(
  shared: readonly FoldStmt[],
  loops: readonly (readonly LoopVar[])[],
  lanes: number,
  row?: LoopVar,
): number {
  const sizes = loops.map(sizeOf);
  const isWhole = sizes.every((size) => size % run === 0) && Math.max(...sizes) >= run * lanes;
  return isWhole && shared.some((fold) => isBeside(fold, row)) ? run : 1;
}

/** The loop whose neighbouring iterations an invocation takes together, as they read and write neighbours. */
export function columnsOf({ loops, body }: Nest, tuning: WgslTuning): LoopVar | undefined {
  const last = loops.at(-1)?.loop;
  const rows = sizeOf(loops.map(({ loop }) => loop));
  if (last === undefined || last.extent % run !== 0 || rows < run * tuning.besideLeastRows) return undefined;
  const found = everyFold(body);
  const isPlain = body.every(({ kind }) => kind === "let" || kind === "fold" || kind === "store");
  if (found.length === 0 || !isPlain || found.some((fold) => !canJam(fold, last, tuning))) return undefined;
  return last;
}

function canJam(fold: FoldStmt, last: LoopVar, tuning: WgslTuning): boolean {
  const isBound = rounds(fold) && leavesRest(fold.axes, tuning.terms);
  return (
    notShared(fold) === null &&
    !isBound &&
    neighboursAlong([fold], last) > 0 &&
    fold.body.every(({ kind }) => kind === "let")
  );
}

/** Whether neighbouring elements of the innermost axis lie side by side, more of them than of neighbouring rows. */
function isBeside(fold: FoldStmt, row?: LoopVar): boolean {
  const axis = fold.axes.at(-1);
  if (axis === undefined || axis.extent % run !== 0 || notShared(fold) !== null) return false;
  return neighboursAlong([fold], axis) > (row === undefined ? 0 : neighboursAlong([fold], row));
}

export const rowOf = ({ loops }: Pick<Nest, "loops">): LoopVar | undefined =>
  loops.findLast(({ loop }) => loop.extent > 1)?.loop;

const lastOf = ({ axes }: FoldStmt): number => axes.at(-1)?.extent ?? 0;
const rounds = ({ fn, accumulators }: FoldStmt): boolean =>
  folds[fn].splits(accumulators[0]?.type ?? "f32") === "rounding";

function sideBySide(fold: FoldStmt, of: string, count: number, { terms }: WgslTuning): Schedule {
  const bound = rounds(fold) && count / run > terms ? { terms } : {};
  return [{ move: "splitFold", of, into: { by: "lanes", vectors: 1, mark: "unrolled", ...bound } }];
}

function bounded(fold: FoldStmt, of: string, count: number, { terms }: WgslTuning): Schedule {
  return rounds(fold) && count > terms ? [{ move: "splitFold", of, into: { by: "serial", terms } }] : [];
}
