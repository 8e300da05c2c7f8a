/**
 * Histograms as TensorBoard's are made: buckets of one width from the least to the largest value.
 *
 *   [left, right, count] for each; all values alike: each bucket is empty but the last, and every edge is that value
 */

/** One bucket: values from `left` to `right`. The last one holds its right edge too. */
export interface Bucket {
  readonly left: number;
  readonly right: number;
  readonly count: number;
}

/** Values that are not finite have no place in a histogram, and are left out. No values: buckets from 0 to 0, all empty. */
export function bucketsOf(values: ArrayLike<number>, buckets: number): readonly Bucket[] {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  let finite = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? Number.NaN;
    if (!Number.isFinite(value)) continue;
    finite++;
    if (value < least) least = value;
    if (value > most) most = value;
  }
  if (finite === 0) [least, most] = [0, 0];
  const counts = new Float64Array(buckets);
  const width = Number.isFinite(most - least) ? (most - least) / buckets : most / buckets - least / buckets;
  if (width > 0) countInto(counts, values, least, width);
  else counts[buckets - 1] = finite;
  const edge = (i: number): number => (i === buckets ? most : least + i * width);
  return Array.from(counts, (count, i) => ({ left: edge(i), right: edge(i + 1), count }));
}

function countInto(counts: Float64Array, values: ArrayLike<number>, least: number, width: number): void {
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? Number.NaN;
    if (!Number.isFinite(value)) continue;
    const above = value - least;
    const widths = Number.isFinite(above) ? above / width : value / width - least / width;
    const bucket = Math.min(Math.floor(widths), counts.length - 1);
    counts[bucket] = (counts[bucket] ?? 0) + 1;
  }
}
