/** `schedules`: learning rates that follow the step. */
export { type CosineDecayOptions, type CosineDecayRestartsOptions, cosineDecay, cosineDecayRestarts, type OneCycleOptions, oneCycle } from "./cosine.ts"; // biome-ignore format: names
export { type ConstantOptions, constant, type ExponentialDecayOptions, exponentialDecay, type InverseTimeDecayOptions, inverseTimeDecay, type PiecewiseConstantDecayOptions, type PolynomialDecayOptions, piecewiseConstantDecay, polynomialDecay } from "./decays.ts"; // biome-ignore format: names
export { of, type Scalar, type Schedule } from "./schedule.ts";
