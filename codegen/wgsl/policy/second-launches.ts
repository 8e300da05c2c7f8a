/**
 * Which folds a GPU cuts into two launches: those with few results and very many terms.
 *
 * The results of a launch are shared by workgroups, and those of a sum of all elements by one: it reads what 256 invocations have
 * under way, some gigabytes a second, where the card has thousands. On an H100 a load takes about 0.7 microseconds and a launch,
 * with its part of the host's work, 7. An invocation has about 4 loads under way, so 256 terms in turn take 45 microseconds; in
 * 16 parts they take 3, and 7 for the launch.
 */
import { Facts, sizeOf } from "../../../passes/schedule/facts.ts";
import { secondLaunch } from "../../../passes/schedule/moves/second-launch.ts";
import type { FoldStmt, Kernel, Nest } from "../../../src/kernel/kernel.ts";
import type { SecondLaunch } from "../../../src/kernel/moves.ts";
import type { TargetTraits } from "../../../src/kernel/target.ts";
import { type Setting, teamSize, votesAcross, type WgslLimits, type WgslTuning, wgslTuning, wishOf } from "./policy.ts";

export function wgslSecondLaunches(
  kernel: Kernel,
  limits: WgslLimits,
  target: Pick<TargetTraits, "maxBuffers" | "bytesOf">,
  tuning: WgslTuning = wgslTuning,
): readonly SecondLaunch[] {
  const setting = { limits, tuning };
  const chosen: SecondLaunch[] = [];
  const consider = (nest: Nest, fold: FoldStmt, rows: number): void => {
    const terms = termsOf(nest, fold, rows, setting);
    if (terms === undefined) return;
    const move: SecondLaunch = {
      move: "splitFold",
      of: fold.accumulators[0]?.name ?? "",
      into: { by: "launch", terms },
    };
    if (typeof secondLaunch(kernel, [...chosen, move], target) !== "string") chosen.push(move);
  };
  for (const nest of kernel.nests) {
    const rows = sizeOf(nest.loops.map(({ loop }) => loop));
    for (const stmt of nest.prelude) if (stmt.kind === "fold") consider(nest, stmt, 1);
    for (const stmt of nest.body) if (stmt.kind === "fold") consider(nest, stmt, rows);
  }
  return chosen;
}

/** The terms of each part; undefined where the fold stays whole. */
function termsOf(nest: Nest, fold: FoldStmt, rows: number, setting: Setting): number | undefined {
  const { partRows, partRowsAcross, partTerms, leastParts, acrossRows } = setting.tuning;
  const total = sizeOf(fold.axes);
  const size = teamSize(setting);
  // As in the policy: several rows side by side, or the elements of one.
  const isAcross = rows > 1 && votesAcross(nest, [{ kind: "fold", fold, stmts: [fold], loops: fold.axes }]) > 0;
  const lanes = isAcross ? Math.max(1, size / acrossRows) : size;
  const most = Math.floor((isAcross ? partRowsAcross : partRows) / rows);
  const parts = Math.min(most, Math.floor(total / (lanes * partTerms)));
  // Results of parts are not worth another launch.
  if (!(parts >= leastParts) || rows * total < leastParts * partTerms * size) return undefined;
  if (rows > 1 && wishOf(new Facts(nest), setting).found !== undefined) return undefined;
  return Math.ceil(total / parts / lanes) * lanes;
}
