/** Rates along half a cosine: with warm-up, with restarts (Loshchilov and Hutter 2017), and one cycle up and down (Smith and Topin 2019). */
import { number, oneOf, whole } from "../../core/options.ts";
import { add, cos, div, equal, floor, full, greater, greaterEqual, less, log, minimum, mul, pow, round, sub, where } from "../../dsl/ops.ts"; // biome-ignore format: names
import type { Tensor } from "../../dsl/tensor.ts";
import { type OptionsOf, option, required } from "../schema.ts";
import { type Schedule, scheduleOf, scheduleSchema } from "./schedule.ts";

const rate = number({ from: 0 });
const steps = number({ above: 0 });

/** From 1 to 0 as its operand goes from 0 to 1. */
function halfCosine(fraction: Tensor): Tensor {
  return mul(add(cos(mul(fraction, Math.PI)), 1), 0.5);
}

const cosineOptions = {
  /** At step 0: where the decay begins, or with `warmupTarget` the warm-up. */
  initialLearningRate: required(rate),
  /** How many steps the decay takes, warm-up not counted. */
  decaySteps: required(steps),
  /** The share of the rate that is left in the end. 0 by default. */
  alpha: option(rate, 0),
  /** The rate after a straight warm-up, from which it decays. No warm-up by default. */
  warmupTarget: option(rate),
  /** How many steps the warm-up takes. 0 by default; without `warmupTarget` it has no meaning. */
  warmupSteps: option(whole({ from: 0 }), 0),
};

/** Options of a cosine decay. */
export interface CosineDecayOptions extends OptionsOf<typeof cosineOptions> {}

export const cosineDecaySchema = scheduleSchema({
  name: "cosineDecay",
  options: cosineOptions,
  at(step, { initialLearningRate, decaySteps, alpha, warmupTarget, warmupSteps }) {
    const decayed = (passed: Tensor, from: number): Tensor =>
      mul(add(mul(halfCosine(div(minimum(passed, decaySteps), decaySteps)), 1 - alpha), alpha), from);
    if (warmupTarget === undefined) return decayed(step, initialLearningRate);
    const warm = add(mul(div(step, warmupSteps || 1), warmupTarget - initialLearningRate), initialLearningRate);
    return where(less(step, warmupSteps), warm, decayed(sub(step, warmupSteps), warmupTarget));
  },
});

/** initialLearningRate * ((1 - alpha) * (1 + cos(pi * step / decaySteps)) / 2 + alpha), perhaps behind a warm-up. */
export function cosineDecay(options: CosineDecayOptions): Schedule {
  return scheduleOf(cosineDecaySchema, options, arguments);
}

const restartsOptions = {
  /** At step 0. */
  initialLearningRate: required(rate),
  /** How many steps the first decay takes. */
  firstDecaySteps: required(steps),
  /** How many times as long each next one takes. 2 by default. */
  tMul: option(number({ from: 1 }), 2),
  /** What each next one begins with, as a share of the one before. 1 by default. */
  mMul: option(rate, 1),
  /** The share of the initial rate that it falls to. 0 by default. */
  alpha: option(rate, 0),
};

/** Options of a cosine decay that begins again. */
export interface CosineDecayRestartsOptions extends OptionsOf<typeof restartsOptions> {}

export const cosineDecayRestartsSchema = scheduleSchema({
  name: "cosineDecayRestarts",
  options: restartsOptions,
  at(step, { initialLearningRate, firstDecaySteps, tMul, mMul, alpha }) {
    const { restarts, fraction } =
      tMul === 1 ? equalPeriods(step, firstDecaySteps) : growingPeriods(step, firstDecaySteps, tMul);
    const height = mMul === 1 ? full([], 1) : pow(full([], mMul), restarts);
    return mul(add(mul(mul(halfCosine(fraction), height), 1 - alpha), alpha), initialLearningRate);
  },
});

/** How often it has begun again, and how far it is in its period. */
interface Place {
  readonly restarts: Tensor;
  readonly fraction: Tensor;
}

function equalPeriods(step: Tensor, length: number): Place {
  const begin = (i: Tensor): Tensor => mul(i, length);
  const restarts = settled(floor(div(step, length)), step, begin);
  return { restarts, fraction: div(sub(step, begin(restarts)), length) };
}

/** Periods of 1, tMul, tMul².. times the first one's length: the i-th begins at length * (tMul^i - 1) / (tMul - 1). */
function growingPeriods(step: Tensor, length: number, tMul: number): Place {
  const power = (i: Tensor): Tensor => {
    const raised = pow(full([], tMul), i);
    return Number.isInteger(tMul) ? round(raised) : raised;
  };
  const scaled = mul(step, tMul - 1);
  const begin = (i: Tensor): Tensor => mul(sub(power(i), 1), length);
  const guess = floor(div(log(add(div(scaled, length), 1)), Math.log(tMul)));
  const restarts = settled(guess, scaled, begin);
  return { restarts, fraction: div(sub(scaled, begin(restarts)), mul(power(restarts), length * (tMul - 1))) };
}

/**
 * A quotient or a logarithm that is rounded may be one off where a period begins, and WGSL's division may be 2.5 units in the last place
 * off: the rate would be that of the end. Products of whole numbers up to 2^24 are exact, so they say which period it is.
 */
function settled(guess: Tensor, step: Tensor, begin: (i: Tensor) => Tensor): Tensor {
  const next = add(guess, 1);
  const late = where(greaterEqual(step, begin(next)), next, guess);
  return where(greater(begin(late), step), sub(late, 1), late);
}

/** cosineDecay that begins again after firstDecaySteps, then after tMul times as many, each time from mMul of the height. */
export function cosineDecayRestarts(options: CosineDecayRestartsOptions): Schedule {
  return scheduleOf(cosineDecayRestartsSchema, options, arguments);
}

const oneCycleOptions = {
  /** The rate at the top. */
  maxLearningRate: required(rate),
  /** How many steps the whole takes; it stays at its end after them. */
  totalSteps: required(whole({ from: 2 })),
  /** The share of the steps that go up. 0.3 by default. */
  pctStart: option(number({ above: 0, below: 1 }), 0.3),
  /** It begins at maxLearningRate / divFactor. 25 by default. */
  divFactor: option(number({ above: 0 }), 25),
  /** It ends at a finalDivFactor-th of its beginning. 10,000 by default. */
  finalDivFactor: option(number({ above: 0 }), 1e4),
  /** "cos", the default, or "linear". */
  annealStrategy: option(oneOf("cos", "linear"), "cos"),
};

/** Options of one cycle; names and defaults are PyTorch's. */
export interface OneCycleOptions extends OptionsOf<typeof oneCycleOptions> {}

export const oneCycleSchema = scheduleSchema({
  name: "oneCycle",
  options: oneCycleOptions,
  at(step, { maxLearningRate, totalSteps, pctStart, divFactor, finalDivFactor, annealStrategy }) {
    const first = maxLearningRate / divFactor;
    const last = first / finalDivFactor;
    const top = Math.max(pctStart * totalSteps - 1, 0);
    const down = totalSteps - 1 - top;
    const way = (from: number, to: number, fraction: Tensor): Tensor =>
      annealStrategy === "cos" ? add(mul(halfCosine(fraction), from - to), to) : add(mul(fraction, to - from), from);
    const rising = way(first, maxLearningRate, div(step, top || 1));
    const falling = way(maxLearningRate, last, div(sub(minimum(step, totalSteps - 1), top), down || 1));
    return where(
      greater(step, top),
      falling,
      top === 0 ? where(equal(step, 0), full([], maxLearningRate), rising) : rising,
    );
  },
});

/** Up from maxLearningRate / divFactor to maxLearningRate, then down to a finalDivFactor-th of the beginning: PyTorch's OneCycleLR. */
export function oneCycle(options: OneCycleOptions): Schedule {
  return scheduleOf(oneCycleSchema, options, arguments);
}
