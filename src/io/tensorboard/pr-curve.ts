/**
 * Precision and recall of a classifier of yes and no, at thresholds from 0 to 1.
 *
 * A sample counts as found at threshold i of n where floor(prediction * (n - 1)) >= i.
 */

/** Each a list with a number for each threshold, i / (n - 1). */
export interface PrCurve {
  readonly truePositives: readonly number[];
  readonly falsePositives: readonly number[];
  readonly trueNegatives: readonly number[];
  readonly falseNegatives: readonly number[];
  /** 0 where nothing is found. */
  readonly precision: readonly number[];
  /** 0 where there is nothing to find. */
  readonly recall: readonly number[];
}

/** The rows in the order in which TensorBoard keeps them. */
export const curveRows: readonly (keyof PrCurve)[] = [
  "truePositives", "falsePositives", "trueNegatives", "falseNegatives", "precision", "recall",
]; // biome-ignore format: names

/** `predictions` are from 0 to 1, labels 0 and 1. */
export function prCurveOf(
  labels: ArrayLike<number>,
  predictions: ArrayLike<number>,
  weights: ArrayLike<number> | undefined,
  thresholds: number,
): PrCurve {
  const [yes, no] = [new Float64Array(thresholds), new Float64Array(thresholds)];
  for (let i = 0; i < predictions.length; i++) {
    const bucket = Math.floor((predictions[i] ?? 0) * (thresholds - 1));
    const counts = labels[i] === 1 ? yes : no;
    counts[bucket] = (counts[bucket] ?? 0) + (weights?.[i] ?? 1);
  }
  const [truePositives, falsePositives] = [fromTheEnd(yes), fromTheEnd(no)];
  const missed = (found: readonly number[]): number[] => found.map((count) => (found[0] ?? 0) - count);
  const [trueNegatives, falseNegatives] = [missed(falsePositives), missed(truePositives)];
  const share = (others: readonly number[]) =>
    truePositives.map((found, i) => (found === 0 ? 0 : found / (found + (others[i] ?? 0))));
  const [precision, recall] = [share(falsePositives), share(falseNegatives)];
  return { truePositives, falsePositives, trueNegatives, falseNegatives, precision, recall };
}

/** Element i is the sum of those from i on. */
function fromTheEnd(counts: Float64Array): number[] {
  const sums = Array.from(counts);
  for (let i = sums.length - 2; i >= 0; i--) sums[i] = (sums[i] ?? 0) + (sums[i + 1] ?? 0);
  return sums;
}
