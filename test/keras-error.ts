/** How far numbers are from Keras's, for the report (keras-report.ts). No test's, since the GPU's cases compare with the same functions. */

/** Takes the error of one comparison. */
export type Tell = (error: number) => void;

/** Of numbers that are both finite; infinities and NaN agree or the test fails. */
export function errorOf(found: number | ArrayLike<unknown>, wanted: ArrayLike<unknown>, least = 1e-6): number {
  const ours = typeof found === "number" ? [found] : Array.from(found, Number);
  const theirs = Array.from(wanted, Number);
  const largest = Math.max(least, ...theirs.filter(Number.isFinite).map(Math.abs));
  const apart = theirs.map((value, i) => Math.abs(value - (ours[i] ?? Number.NaN)) / largest);
  return Math.max(0, ...apart.filter(Number.isFinite));
}
