/** `constraints`: what weights become after each update. */

export type { Constraint } from "./constraint.ts";
export { type MaxNormOptions, type MinMaxNormOptions, maxNorm, minMaxNorm, nonNeg, type UnitNormOptions, unitNorm } from "./limits.ts"; // biome-ignore format: names
