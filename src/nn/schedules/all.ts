/** All schedules that have a name, by it. A new one is a line here and in public.ts. */
export { cosineDecayRestartsSchema as cosineDecayRestarts, cosineDecaySchema as cosineDecay, oneCycleSchema as oneCycle } from "./cosine.ts"; // biome-ignore format: names
export { constantSchema as constant, exponentialDecaySchema as exponentialDecay, inverseTimeDecaySchema as inverseTimeDecay, piecewiseConstantDecaySchema as piecewiseConstantDecay, polynomialDecaySchema as polynomialDecay } from "./decays.ts"; // biome-ignore format: names
