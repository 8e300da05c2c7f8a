/** How far results of the `wasm` target may be off: every operation is rounded to f32, sums are made of blocks. */
import { exact, libraryTolerances, type Tolerance, type Tolerances, within } from "../tolerance.ts";

const folded: Tolerance = { ulps: 0, absolute: 0, unit: 2 ** -24, inBlocks: false };

export const wasmTolerances: Tolerances = {
  exact,
  rounded: within(0.5),
  quotient: within(0.5),
  root: within(0.5),
  inverseRoot: within(1.5), // root and quotient are rounded, and the root's half ulp is at most one of the result
  summed: { ...folded, inBlocks: true },
  running: { ...folded, inBlocks: true },
  multiplied: folded,
  ...libraryTolerances(),
};
