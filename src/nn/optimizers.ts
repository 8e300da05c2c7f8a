/**
 * Optimizers: how weights follow their gradients, with the formulas of Keras 3.
 *
 *   const opt = adam();                                   state: { model, opt: opt.slots(model) }
 *   next: opt.update({ model, slots, gradients: grad(loss, model) })      // { model, opt }: the next values of both
 *
 * `optimizer.ts` has what they share.
 */

import { UserError } from "../core/errors.ts";
import { checkArguments, checkOptions, flag, type Kind, number, type OptionTable } from "../core/options.ts";
import { atLine, here } from "../core/origin.ts";
import { add, div, expm1, maximum, mul, neg, sqrt, sub } from "../dsl/ops.ts";
import type { Tensor } from "../dsl/tensor.ts";
import { type Optimizer, optimizerOf } from "./optimizer.ts";

export interface SgdOptions {
  /** 0.01 by default. */
  readonly learningRate?: number;
  /** How much of the last step is taken again. 0 by default: none. */
  readonly momentum?: number;
  /** Look ahead by the momentum before the gradient is followed. False by default. */
  readonly nesterov?: boolean;
}

/** Of a moving average: how much of the old value is kept. */
const share: Kind<number> = number({ from: 0, below: 1 });
const notNegative: Kind<number> = number({ from: 0 });

const sgdTable: OptionTable<SgdOptions> = { learningRate: notNegative, momentum: share, nesterov: flag };

/** w -= lr * g; with momentum m = mu * m - lr * g and w += m, or w += mu * m - lr * g (Nesterov). */
export function sgd(options: SgdOptions = {}): Optimizer<"velocity"> {
  checkArguments("sgd", arguments, 1);
  const { learningRate = 0.01, momentum = 0, nesterov = false } = checkOptions("sgd", options, sgdTable);
  if (nesterov && momentum === 0) {
    throw new UserError(`sgd: nesterov changes nothing without momentum: add momentum: 0.9, say${atLine(here("sgd"))}`);
  }
  const moments = momentum === 0 ? [] : ["velocity"];
  const constants = { momentum, nesterov };
  return optimizerOf({ name: "sgd", learningRate, constants, moments, counts: false }, ({ w, g, lr, moment }) => {
    const step = mul(lr, g);
    if (momentum === 0) return { w: sub(w, step) };
    const velocity = sub(mul(moment("velocity"), momentum), step);
    const change = nesterov ? sub(mul(velocity, momentum), step) : velocity;
    return { w: add(w, change), velocity };
  });
}

export interface RmspropOptions {
  /** 0.001 by default. */
  readonly learningRate?: number;
  /** How much of the running mean of squares is kept at each update. 0.9 by default. */
  readonly rho?: number;
  /** How much of the last step is taken again. 0 by default: none. */
  readonly momentum?: number;
  /** Added to the mean of squares, inside the root. 1e-7 by default. */
  readonly epsilon?: number;
  /** Subtract the squared mean of the gradients: their variance instead of their second moment. */
  readonly centered?: boolean;
}

const rmspropTable: OptionTable<RmspropOptions> = {
  learningRate: notNegative,
  rho: share,
  momentum: share,
  epsilon: notNegative,
  centered: flag,
};

/** v = rho * v + (1 - rho) * g²; w -= lr * g / sqrt(v + eps). */
export function rmsprop(options: RmspropOptions = {}): Optimizer<"v" | "mean" | "velocity"> {
  checkArguments("rmsprop", arguments, 1);
  const given = checkOptions("rmsprop", options, rmspropTable);
  const { learningRate = 1e-3, rho = 0.9, momentum = 0, epsilon = 1e-7, centered = false } = given;
  const moments = ["v", ...(centered ? ["mean"] : []), ...(momentum > 0 ? ["velocity"] : [])];
  const constants = { rho, momentum, epsilon, centered };
  return optimizerOf({ name: "rmsprop", learningRate, constants, moments, counts: false }, ({ w, g, lr, moment }) => {
    const v = add(mul(moment("v"), rho), mul(mul(g, g), 1 - rho));
    const next: Record<string, Tensor> = { v };
    let spread = v;
    if (centered) {
      const mean = add(mul(moment("mean"), rho), mul(g, 1 - rho));
      spread = sub(v, mul(mean, mean));
      next.mean = mean;
    }
    let step = div(mul(lr, g), sqrt(add(spread, epsilon)));
    if (momentum > 0) {
      step = add(mul(moment("velocity"), momentum), step);
      next.velocity = step;
    }
    return { ...next, w: sub(w, step) };
  });
}

export interface AdamOptions {
  /** 0.001 by default. */
  readonly learningRate?: number;
  /** How much of the running mean of gradients is kept at each update. 0.9 by default. */
  readonly beta1?: number;
  /** How much of the running mean of their squares is kept. 0.999 by default. */
  readonly beta2?: number;
  /** Added to the root of the mean of squares. 1e-7 by default. */
  readonly epsilon?: number;
  /** Divide by the largest second moment so far. */
  readonly amsgrad?: boolean;
}

const adamTable: OptionTable<AdamOptions> = {
  learningRate: notNegative,
  beta1: share,
  beta2: share,
  epsilon: notNegative,
  amsgrad: flag,
};

/** m += (1 - b1)(g - m); v += (1 - b2)(g² - v); w -= lr * sqrt(1 - b2^t) / (1 - b1^t) * m / (sqrt(v) + eps). */
export function adam(options: AdamOptions = {}): Optimizer<"m" | "v" | "vMax"> {
  checkArguments("adam", arguments, 1);
  return adamLike("adam", checkOptions("adam", options, adamTable), 0);
}

export interface AdamwOptions extends AdamOptions {
  /** The share of each weight that an update takes away, times the learning rate. 0.004 by default. */
  readonly weightDecay?: number;
}

const adamwTable: OptionTable<AdamwOptions> = { ...adamTable, weightDecay: notNegative };

/** Adam, with w -= lr * weightDecay * w before the update. */
export function adamw(options: AdamwOptions = {}): Optimizer<"m" | "v" | "vMax"> {
  checkArguments("adamw", arguments, 1);
  const given = checkOptions<AdamwOptions>("adamw", options, adamwTable);
  return adamLike("adamw", given, given.weightDecay ?? 0.004);
}

function adamLike(name: string, options: AdamOptions, weightDecay: number): Optimizer<"m" | "v" | "vMax"> {
  const { learningRate = 1e-3, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7, amsgrad = false } = options;
  const moments = ["m", "v", ...(amsgrad ? ["vMax"] : [])];
  const constants = { beta1, beta2, epsilon, amsgrad, ...(name === "adamw" ? { weightDecay } : {}) };
  return optimizerOf({ name, learningRate, constants, moments, counts: true }, ({ w, g, lr, t, moment }) => {
    const [oldM, oldV] = [moment("m"), moment("v")];
    const m = add(oldM, mul(sub(g, oldM), 1 - beta1));
    const v = add(oldV, mul(sub(mul(g, g), oldV), 1 - beta2));
    const largest = amsgrad ? { vMax: maximum(moment("vMax"), v) } : {};
    const correction = div(sqrt(oneMinusPower(beta2, t)), oneMinusPower(beta1, t));
    const scale = sqrt(largest.vMax ?? v);
    const step = div(mul(mul(lr, correction), m), add(scale, epsilon));
    const kept = weightDecay === 0 ? w : sub(w, mul(mul(lr, weightDecay), w));
    return { m, v, ...largest, w: sub(kept, step) };
  });
}

/** 1 - base^t, without the cancellation that would cost half the digits while base^t is near 1. */
function oneMinusPower(base: number, t: Tensor): Tensor {
  return neg(expm1(mul(t, Math.log(base))));
}
