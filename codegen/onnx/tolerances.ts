/**
 * How far onnxruntime on a CPU may be off from what an exported entry means: for its functions the largest error seen with onnxruntime
 * 1.30 (in ulps), rounded up. Sums are made in an order of its own.
 */
import { exact, type Tolerance, type Tolerances, within } from "../tolerance.ts";

const tiny = 2 ** -126;
const folded: Tolerance = { ulps: 0, absolute: 0, unit: 2 ** -24, inBlocks: false };

export const onnxTolerances: Tolerances = {
  exact,
  rounded: within(0.5, tiny),
  quotient: within(0.5, tiny),
  root: within(0.5, tiny),
  inverseRoot: within(1.5, tiny),
  summed: folded,
  running: { ...folded, inBlocks: true }, // each number is rounded
  multiplied: folded,
  exp: within(1, tiny),
  expm1: within(5.5, tiny),
  log: within(3.5, tiny),
  log1p: within(5, tiny),
  sin: within(2.5, tiny),
  cos: within(2.5, tiny),
  tanh: within(6, tiny),
  erf: within(1.5, tiny),
  pow: within(1, tiny),
};
