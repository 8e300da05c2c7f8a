/**
 * Which folds a GPU cuts into two launches: those with few results and very many terms.
 *
 * The results of a launch are shared by workgroups, and those of a sum of all elements by one: it reads what 256 invocations have
 * under way, some gigabytes a second, where the card has thousands. On an H100 a load takes about 0.7 microseconds and a launch,
 * with its part of the host's work, 7. An invocation has about 4 loads under way, so 256 terms in turn take 45 microseconds; in
 * 16 parts they take 3, and 7 for the launch. Of columns side by side each invocation folds four by itself, in parts for 2^17 of them: so no
 * barrier is needed, and all of 16,384 x 4,096 is under way at once, where 65,536 invocations had 1,024 terms in turn. What joins the
 * parts is asked again, and cut again where it is long. A contraction is tiled, and cut where its terms are many and its tiles few: the
 * gradient of 3 x 3 x 32 filters for 64 channels is 5 workgroups, each of which would go through 73,728 places, and a dense layer of 64
 * behind 5,408 values is 8 for 512 images, on a card with 132 processors.
 */
import { type Contraction, Facts, sizeOf } from "../../../passes/schedule/facts.ts";
import type { Room } from "../../../passes/schedule/moves/halves.ts";
import { secondLaunches, wholeParts } from "../../../passes/schedule/moves/second-launch.ts";
import type { FoldStmt, Kernel, Nest } from "../../../src/kernel/kernel.ts";
import type { SecondLaunch } from "../../../src/kernel/moves.ts";
import { teamSize, votesAcross, wishOf } from "./policy.ts";
import { run } from "./registers.ts";
import { contractionOf, tileGroups } from "./tiles.ts";
import { type Setting, type WgslLimits, type WgslTuning, wgslTuning } from "./tuning.ts";

export function wgslSecondLaunches(
  kernel: Kernel,
  limits: WgslLimits,
  target: Room,
  tuning: WgslTuning = wgslTuning,
): readonly SecondLaunch[] {
  const setting = { limits, tuning };
  return secondLaunches(kernel, target, (nest, fold, rows) => termsOf(nest, fold, rows, setting));
}

/** The terms of each part; undefined where the fold stays whole. */
function termsOf(nest: Nest, fold: FoldStmt, rows: number, setting: Setting): number | undefined {
  if (rows === 1) return termsOfRows(nest, fold, rows, setting);
  const facts = new Facts(nest);
  const found = contractionOf(facts);
  const terms = found === undefined ? undefined : termsOfTiles(found, rows, setting);
  if (terms !== undefined) return terms;
  const isTiled = wishOf(facts, { ...setting, buffers: [] }).found !== undefined;
  return isTiled ? undefined : termsOfRows(nest, fold, rows, setting);
}

/** A contraction that would be few workgroups is tiled in parts, each of which is as many. */
function termsOfTiles(found: Contraction, rows: number, setting: Setting): number | undefined {
  const { tileDeep, tileFewGroups, tilePartTerms, tileLeastParts, tilePartials } = setting.tuning;
  const [first] = found.inner;
  const total = sizeOf(found.inner);
  const groups = tileGroups(found, setting);
  if (first === undefined || groups === 0 || total <= tileDeep) return undefined;
  const parts = wholeParts(first.extent, Math.min(total / tilePartTerms, tileFewGroups / groups, tilePartials / rows));
  return parts < tileLeastParts ? undefined : total / parts;
}

function termsOfRows(nest: Nest, fold: FoldStmt, rows: number, setting: Setting): number | undefined {
  const { partRows, partRowsAcross, partTerms, leastParts, acrossRows, partsAreShared, flatRows } = setting.tuning;
  const total = sizeOf(fold.axes);
  const size = teamSize(setting);
  // As in the policy: several rows side by side, or the elements of one.
  const isAcross = rows > 1 && votesAcross(nest, [{ kind: "fold", fold, stmts: [fold], loops: fold.axes }]) > 0;
  if (isAcross && rows >= flatRows && (nest.loops.at(-1)?.loop.extent ?? 1) % run === 0)
    return termsOfColumns(total, rows, setting);
  const shared = isAcross ? Math.max(1, size / acrossRows) : size;
  const lanes = partsAreShared ? shared : 1;
  const most = Math.floor((isAcross ? partRowsAcross : partRows) / rows);
  const parts = Math.min(most, Math.floor(total / (lanes * partTerms)));
  // Results of parts are not worth another launch.
  if (!(parts >= leastParts) || rows * total < leastParts * partTerms * size) return undefined;
  return wholeRuns(total, parts, lanes);
}

/** Neighbouring rows in the registers of an invocation: parts for as many invocations as a large GPU has room for. */
function termsOfColumns(total: number, rows: number, { tuning }: Setting): number | undefined {
  const { flatInvocations, flatTerms, flatLeast, partTerms, leastParts } = tuning;
  const parts = Math.floor(Math.min((flatInvocations * run) / rows, total / flatTerms));
  const isLong = total >= leastParts * partTerms && rows * total >= flatLeast;
  return parts < 2 || !isLong ? undefined : Math.ceil(total / parts);
}

/** Terms of a part: whole runs of neighbours for each lane. */
function wholeRuns(total: number, parts: number, lanes: number): number {
  const each = lanes * run;
  return Math.ceil(total / parts / each) * each;
}
