/** How far results of the `js` target may be off: it computes in doubles and rounds once. */
import { exact, libraryTolerances, type Tolerance, type Tolerances, within } from "../tolerance.ts";

const folded: Tolerance = { ulps: 0.5, absolute: 0, unit: 2 ** -53, inBlocks: false };

export const jsTolerances: Tolerances = {
  exact,
  rounded: within(0.5),
  quotient: within(0.5),
  root: within(0.5),
  inverseRoot: within(0.5 + 2 ** -28), // in double, and rounded once more
  summed: folded,
  running: { ...folded, unit: 2 ** -24 }, // what a block comes to, and what it starts with
  multiplied: folded,
  ...libraryTolerances(),
};
