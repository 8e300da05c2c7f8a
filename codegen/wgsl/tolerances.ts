/**
 * How far results of the `wgsl` target may be off: what WGSL (its section "Floating Point Accuracy") allows a device. It lets
 * a device flush subnormal numbers to zero, and calls a result correctly rounded when it is either neighbour of the exact one,
 * so 1 ulp.
 */
import { exact, libraryTolerances, type Tolerance, type Tolerances, within } from "../tolerance.ts";

const flushed = 2 ** -126;
const folded: Tolerance = { ulps: 0, absolute: flushed, unit: 2 ** -24, inBlocks: false };

export const wgslTolerances: Tolerances = {
  exact,
  rounded: within(1, flushed),
  quotient: within(2.5, flushed), // for divisors from 2^-126 to 2^126
  /**
   * WGSL inherits it from 1 / inverseSqrt(x): the 2 ulp of inverseSqrt are at most 4 of a result at the other end of its
   * binade, and the division adds 2.5.
   */
  root: within(6.5, flushed),
  inverseRoot: within(2, flushed),
  summed: { ...folded, inBlocks: true },
  running: { ...folded, inBlocks: true },
  multiplied: folded,
  ...libraryTolerances(flushed, { tanh: 1.5 }), // tanh divides
};
