/** Rates that fall by a power, a fraction or a table: exponential, inverse time, polynomial, piecewise; and one that stays. */
import { flag, list, number, whole } from "../../core/options.ts";
import { add, ceil, div, floor, full, greater, maximum, minimum, mul, pow, sub, where } from "../../dsl/ops.ts";
import type { Tensor } from "../../dsl/tensor.ts";
import { type OptionsOf, option, required } from "../schema.ts";
import { type Scalar, type Schedule, scheduleOf, scheduleSchema } from "./schedule.ts";

const rate = number({ from: 0 });
const steps = number({ above: 0 });

/** steps / decaySteps, in whole numbers where it goes by stairs. */
function passed(step: Scalar, decaySteps: number, staircase: boolean): Tensor {
  const fraction = div(step, decaySteps);
  return staircase ? floor(fraction) : fraction;
}

const constantOptions = {
  /** What it always is. */
  learningRate: required(rate),
};

export interface ConstantOptions extends OptionsOf<typeof constantOptions> {}

export const constantSchema = scheduleSchema({
  name: "constant",
  options: constantOptions,
  at: (_, { learningRate }) => full([], learningRate),
});

/** Always `learningRate`. As a schedule it cannot be changed while training, which a number can. */
export function constant(options: ConstantOptions): Schedule {
  return scheduleOf(constantSchema, options, arguments);
}

const exponentialOptions = {
  /** At step 0. */
  initialLearningRate: required(rate),
  /** After how many steps the rate is `decayRate` times as large. */
  decaySteps: required(steps),
  /** How many times as large it is then. */
  decayRate: required(rate),
  /** Whether it changes every `decaySteps` only. False by default. */
  staircase: option(flag, false),
};

/** Options of an exponential decay. */
export interface ExponentialDecayOptions extends OptionsOf<typeof exponentialOptions> {}

export const exponentialDecaySchema = scheduleSchema({
  name: "exponentialDecay",
  options: exponentialOptions,
  at: (step, { initialLearningRate, decaySteps, decayRate, staircase }) =>
    mul(pow(full([], decayRate), passed(step, decaySteps, staircase)), initialLearningRate),
});

/** initialLearningRate * decayRate ^ (step / decaySteps). */
export function exponentialDecay(options: ExponentialDecayOptions): Schedule {
  return scheduleOf(exponentialDecaySchema, options, arguments);
}

const inverseTimeOptions = { ...exponentialOptions };

/** Options of an inverse time decay: those of the exponential one. */
export interface InverseTimeDecayOptions extends OptionsOf<typeof inverseTimeOptions> {}

export const inverseTimeDecaySchema = scheduleSchema({
  name: "inverseTimeDecay",
  options: inverseTimeOptions,
  at: (step, { initialLearningRate, decaySteps, decayRate, staircase }) =>
    div(initialLearningRate, add(mul(passed(step, decaySteps, staircase), decayRate), 1)),
});

/** initialLearningRate / (1 + decayRate * step / decaySteps). */
export function inverseTimeDecay(options: InverseTimeDecayOptions): Schedule {
  return scheduleOf(inverseTimeDecaySchema, options, arguments);
}

const polynomialOptions = {
  /** At step 0. */
  initialLearningRate: required(rate),
  /** After how many steps it has arrived. */
  decaySteps: required(steps),
  /** Where it stays. 0.0001 by default. */
  endLearningRate: option(rate, 1e-4),
  /** 1 by default: a straight line. */
  power: option(number({ above: 0 }), 1),
  /** Begin again, slower each time, in place of staying there. False by default. */
  cycle: option(flag, false),
};

/** Options of a polynomial decay. */
export interface PolynomialDecayOptions extends OptionsOf<typeof polynomialOptions> {}

export const polynomialDecaySchema = scheduleSchema({
  name: "polynomialDecay",
  options: polynomialOptions,
  at(step, { initialLearningRate, decaySteps, endLearningRate, power, cycle }) {
    const span = cycle ? mul(maximum(ceil(div(step, decaySteps)), 1), decaySteps) : full([], decaySteps);
    const left = sub(1, div(cycle ? step : minimum(step, decaySteps), span));
    const shaped: Tensor = power === 1 ? left : pow(left, power);
    return add(mul(shaped, initialLearningRate - endLearningRate), endLearningRate);
  },
});

/** (initialLearningRate - endLearningRate) * (1 - step / decaySteps) ^ power + endLearningRate, which it is from decaySteps on. */
export function polynomialDecay(options: PolynomialDecayOptions): Schedule {
  return scheduleOf(polynomialDecaySchema, options, arguments);
}

const piecewiseOptions = {
  /** Steps, each larger than the one before: up to and with such a step the rate before it holds. */
  boundaries: required(list(whole({ from: 0 }))),
  /** One rate more than boundaries. */
  values: required(list(rate)),
};

/** Options of a rate by stretches. */
export interface PiecewiseConstantDecayOptions extends OptionsOf<typeof piecewiseOptions> {}

export const piecewiseConstantDecaySchema = scheduleSchema({
  name: "piecewiseConstantDecay",
  options: piecewiseOptions,
  check({ boundaries, values }) {
    if (values.length !== boundaries.length + 1) {
      return `${boundaries.length} boundaries need ${boundaries.length + 1} values, not ${values.length}`;
    }
    const sorted = boundaries.every((step, i) => i === 0 || step > (boundaries[i - 1] ?? 0));
    return sorted ? null : "boundaries must grow";
  },
  at: (step, { boundaries, values }) =>
    boundaries.reduce<Tensor>((before, boundary, i) => where(greater(step, boundary), full([], values[i + 1] ?? 0), before), full([], values[0] ?? 0)), // biome-ignore format: short
});

/** values[0] up to boundaries[0], values[1] up to boundaries[1], and so on: a boundary itself has the earlier value. */
export function piecewiseConstantDecay(options: PiecewiseConstantDecayOptions): Schedule {
  return scheduleOf(piecewiseConstantDecaySchema, options, arguments);
}
