/**
 * Which folds a CPU cuts into two launches: those with few results and very many terms.
 *
 *   filter gradient of a convolution     splitFold acc second launch 2304       panels of 4 x 24 x 24 places in place of 73,728,
 *     288 x 64 sums of 73,728                                                   which stay in the first-level cache
 *   sum of all elements, of columns      splitFold acc second launch 16384      threads share parts
 *
 * 288 x 64 sums of 36,864 terms run at 21 GFLOP/s along lanes, as no panel is so deep, and in parts at 55, the ceiling. 512 x 128 sums
 * of 2,048, the gradient of a dense layer's weights over all tokens of a batch, at 36 whole and at 56 in parts: panel after panel
 * goes by rows that would lie in no near cache. Sizes alone decide, so the number of threads changes no bit.
 */
import { Facts, sizeOf, workOf } from "../../../passes/schedule/facts.ts";
import type { Room } from "../../../passes/schedule/moves/halves.ts";
import { secondLaunches, wholeParts } from "../../../passes/schedule/moves/second-launch.ts";
import type { FoldStmt, Kernel, LoopVar, Nest } from "../../../src/kernel/kernel.ts";
import type { SecondLaunch } from "../../../src/kernel/moves.ts";
import { enoughIterations, readsChosen } from "./parts.ts";

/** Up to so many terms a contraction stays whole, and a sum. */
const deepestProduct = 1024;
const deepestSum = 4096;
/** Elements of a part's rows, which stay in a second-level cache: 512 kB. */
const nearElements = 2 ** 17;
/** Terms of a part of a contraction: with less, partial sums would be many; a panel of more is larger than the first-level cache. */
const leastTerms = 512;
const mostTerms = 2048;
/** Fewer multiply-adds are not worth another launch, about 20 microseconds of them. */
const leastProducts = 2 ** 20;
/** Where a factor is read all over, a few of its images should stay in the second-level cache. */
const chosenTerms = 256;
/** Partial sums, of which 8 MB take about a millisecond there and back. */
const mostPartials = 2 ** 21;
/** Elements of a sum that are worth another launch, about 0.1 ms on one thread; and results that threads do not share well. */
const leastElements = 2 ** 18;
const fewRows = 64;

export function wasmSecondLaunches(kernel: Kernel, target: Room): readonly SecondLaunch[] {
  return secondLaunches(kernel, target, termsOf);
}

/** The terms of each part; undefined where the fold stays whole. */
function termsOf(nest: Nest, fold: FoldStmt, rows: number): number | undefined {
  const [first] = fold.axes;
  const total = sizeOf(fold.axes);
  if (first === undefined || total <= deepestProduct || fold.fn !== "sum" || fold.accumulators.length > 1)
    return undefined;
  const found = new Facts(nest).contraction(fold);
  if (readsChosen(fold)) return cut(first, total, rows, { wanted: total / chosenTerms, least: enoughIterations });
  if (found === undefined) {
    const work = rows * workOf([fold], (kind) => kind === "load");
    const isLong = total > deepestSum && rows <= fewRows && work >= leastElements;
    return isLong ? cut(first, total, rows, { wanted: partsOfSum, least: enoughIterations }) : undefined;
  }
  const near = Math.min(mostTerms, Math.max(leastTerms, nearElements / sizeOf(found.rows)));
  const wanted = Math.max(total / near, Math.min(enoughIterations, total / leastTerms));
  return rows * total < leastProducts ? undefined : cut(first, total, rows, { wanted, least: Math.max(2, wanted / 2) });
}

/** Terms of each of about so many parts: of whole iterations of the first axis, and not too many partial sums. */
function cut(
  first: LoopVar,
  total: number,
  rows: number,
  { wanted, least }: { readonly wanted: number; readonly least: number },
): number | undefined {
  const parts = wholeParts(first.extent, Math.max(Math.min(mostPartials / rows, wanted), least));
  return parts * rows > mostPartials || parts < least ? undefined : total / parts;
}

/** Parts of a sum that threads share. */
const partsOfSum = 64;
