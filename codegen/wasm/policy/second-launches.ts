/**
 * Which folds a CPU cuts into two launches: those with few results and very many terms.
 *
 *   filter gradient of a convolution     splitFold acc second launch 2304       panels of 4 x 24 x 24 places in place of 73,728,
 *     288 x 64 sums of 73,728                                                   which stay in the first-level cache
 *   sum of all elements, of columns      splitFold acc second launch 16384      threads share parts
 *
 * 288 x 64 sums of 36,864 terms run at 21 GFLOP/s along lanes, as no panel is so deep, and in parts at 55, the ceiling. Sizes alone
 * decide, so the number of threads changes no bit.
 */
import { Facts, sizeOf, workOf } from "../../../passes/schedule/facts.ts";
import { secondLaunch, wholeParts } from "../../../passes/schedule/moves/second-launch.ts";
import type { FoldStmt, Kernel, Nest } from "../../../src/kernel/kernel.ts";
import type { SecondLaunch } from "../../../src/kernel/moves.ts";
import type { TargetTraits } from "../../../src/kernel/target.ts";
import { enoughIterations } from "./parts.ts";

/** Up to so many terms a panel is as fast as in parts. */
const deepest = 4096;
/** Terms of a part of a contraction: its panel of 8 columns is 64 kB. */
const panelTerms = 2048;
/** Partial sums, of which 8 MB take about a millisecond there and back. */
const mostPartials = 2 ** 21;
/** Elements of a sum that are worth another launch, about 0.1 ms on one thread; and results that threads do not share well. */
const leastElements = 2 ** 18;
const fewRows = 64;

export function wasmSecondLaunches(
  kernel: Kernel,
  target: Pick<TargetTraits, "maxBuffers" | "bytesOf">,
): readonly SecondLaunch[] {
  const chosen: SecondLaunch[] = [];
  const consider = (nest: Nest, fold: FoldStmt, rows: number): void => {
    const terms = termsOf(nest, fold, rows);
    if (terms === undefined) return;
    const of = fold.accumulators[0]?.name ?? "";
    const move: SecondLaunch = { move: "splitFold", of, into: { by: "launch", terms } };
    if (typeof secondLaunch(kernel, [...chosen, move], target) !== "string") chosen.push(move);
  };
  for (const nest of kernel.nests) {
    for (const stmt of nest.prelude) if (stmt.kind === "fold") consider(nest, stmt, 1);
    const rows = sizeOf(nest.loops.map(({ loop }) => loop));
    for (const stmt of nest.body) if (stmt.kind === "fold") consider(nest, stmt, rows);
  }
  return chosen;
}

/** The terms of each part; undefined where the fold stays whole. */
function termsOf(nest: Nest, fold: FoldStmt, rows: number): number | undefined {
  const [first] = fold.axes;
  const total = sizeOf(fold.axes);
  if (first === undefined || total <= deepest || fold.fn !== "sum" || fold.accumulators.length > 1) return undefined;
  const isContraction = new Facts(nest).contraction(fold) !== undefined;
  const work = rows * workOf([fold], (kind) => kind === "load");
  if (!isContraction && (rows > fewRows || work < leastElements)) return undefined;
  const most = Math.floor(Math.min(mostPartials / rows, isContraction ? total / panelTerms : partsOfSum));
  const parts = wholeParts(first.extent, Math.max(most, enoughIterations));
  return parts * rows > mostPartials || parts < enoughIterations ? undefined : total / parts;
}

/** Parts of a sum that threads share. */
const partsOfSum = 64;
