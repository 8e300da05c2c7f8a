/**
 * How far XLA on a CPU may be off from what an exported entry means: for its functions the largest error seen with jax 0.10 (in ulps,
 * over millions of numbers), rounded up. Sums are made in an order of its own; a quotient by a constant is a product with
 * its reciprocal. Subnormal numbers are flushed to 0 (`tiny`).
 */
import { exact, type Tolerance, type Tolerances, within } from "../tolerance.ts";

const tiny = 2 ** -126;
const folded: Tolerance = { ulps: 0, absolute: 0, unit: 2 ** -24, inBlocks: false };

export const xlaTolerances: Tolerances = {
  exact,
  rounded: within(0.5, tiny),
  quotient: within(1.5, tiny),
  root: within(0.5, tiny),
  inverseRoot: within(2, tiny),
  summed: folded,
  running: { ...folded, inBlocks: true }, // each number is rounded
  multiplied: folded,
  exp: within(1.5, tiny),
  expm1: within(5.5, tiny),
  log: within(1.5, tiny),
  log1p: within(3, tiny),
  sin: within(2, tiny),
  cos: within(2, tiny),
  tanh: within(5, tiny),
  erf: within(5, tiny),
  pow: within(3, tiny),
};
