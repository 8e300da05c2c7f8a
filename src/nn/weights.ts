/**
 * Weights of samples: from `sampleWeight` and `classWeight` to one number for each sample and output.
 *
 *   classWeight: { 0: 1, 1: 5 }      samples of class 1 count five times
 *
 * The meaning is Keras 3's: each sample's loss is multiplied by its weight, and the sum is divided by the number of samples;
 * a class that is not named has weight 1; labels given as one-hot rows count as their largest. Where Keras refuses to take
 * both kinds at once, or class weights with several outputs, here they are multiplied, and given for each output.
 */

import { FeedError, UserError } from "../core/errors.ts";
import { number, show } from "../core/options.ts";
import { isPlainObject } from "../core/records.ts";
import { printShape } from "../graph/shape.ts";
import { toSource } from "./given-numbers.ts";
import type { Classes } from "./losses/loss.ts";
import { lossesByName } from "./losses/losses.ts";
import type { Ports } from "./ports.ts";
import type { Batcher } from "./samples.ts";
import type { Training } from "./training-program.ts";

/** A weight for each class: a list, or by number. Classes that are left out have weight 1. */
export type ClassWeight = readonly number[] | { readonly [label: number]: number };

/** For one output; by name for several. */
export type ClassWeightFor<Out extends string> = [Out] extends [never]
  ? ClassWeight
  : { readonly [N in Out]?: ClassWeight };

/** Weights as a user gives them. */
export interface GivenWeights {
  readonly sampleWeight?: unknown;
  readonly classWeight?: unknown;
}

/** Weights for each output, sample after sample: ones where none are given. */
export function sampleWeights(
  call: string,
  training: Training,
  data: Batcher,
  { sampleWeight, classWeight }: GivenWeights,
): Ports<Float32Array> {
  const bySample = givenSampleWeights(call, training, sampleWeight);
  const byClass =
    classWeight === undefined
      ? training.outputs.map(() => undefined)
      : training.outputs.match(classWeight, `${call}: classWeight`, true);
  return training.outputs.map((_, name) => {
    const weights = new Float32Array(data.count).fill(1);
    const given = bySample.get(name);
    if (given !== undefined) copyWeights(call, training.outputs.path("sampleWeight", name), given, weights);
    const table = byClass.get(name);
    if (table !== undefined) weighClasses(call, training, name, data, table, weights);
    return weights;
  });
}

function givenSampleWeights(call: string, { outputs }: Training, given: unknown): Ports<unknown> {
  const isForAll = !outputs.isSingle && !isPlainObject(given); // one array is for all outputs
  return isForAll ? outputs.map(() => given) : outputs.match(given, `${call}: sampleWeight`, true);
}

function copyWeights(call: string, path: string, given: unknown, weights: Float32Array): void {
  const source = toSource(call, path, given, Float64Array);
  if (source.length !== weights.length) {
    throw new FeedError(`${call}: ${path} has ${source.length} weights for ${weights.length} samples`);
  }
  for (let i = 0; i < weights.length; i++) {
    const weight = source[i] ?? Number.NaN;
    if (!(Number.isFinite(weight) && weight >= 0)) {
      throw new FeedError(`${call}: ${path} has ${weight} at position ${i}: a weight is a number from 0`);
    }
    weights[i] = weight;
  }
}

function weighClasses(
  call: string,
  training: Training,
  name: string,
  data: Batcher,
  given: unknown,
  weights: Float32Array,
): void {
  const path = training.outputs.path("classWeight", name);
  const { classes, isOneHot } = classesOf(call, path, training, name);
  const table = readTable(call, path, given, classes);
  const labels = data.targets()?.get(name);
  if (labels === undefined) throw new UserError(`${call}: ${path} needs y`);
  for (let i = 0; i < weights.length; i++) {
    const label = isOneHot
      ? largestAt(labels.source, i * labels.width, labels.width)
      : (labels.source[i] ?? Number.NaN);
    if (!Number.isInteger(label)) {
      throw new FeedError(`${call}: ${path} needs whole labels, and y has ${label} at position ${i}`);
    }
    weights[i] = (weights[i] ?? 1) * (table.get(label) ?? 1);
  }
}

/** How many classes an output tells apart; null where its loss is code. */
function classesOf(call: string, path: string, { definition, outputs, targets }: Training, name: string): Classes {
  const loss = definition.losses.get(name);
  const target = targets.get(name);
  const isColumn = target.shape.slice(1).every((size) => size === 1);
  const found =
    typeof loss === "function"
      ? isColumn && { classes: null, isOneHot: false }
      : lossesByName.made(loss).parts.classes?.(outputs.get(name).shape, target);
  if (found) return found;
  throw new UserError(
    `${call}: ${path} needs one class for each sample; here ${target.dtype}${printShape(target.shape)} is compared ` +
      `by ${typeof loss === "function" ? "your loss" : lossesByName.made(loss).name}: use sampleWeight`,
  );
}

const weightKind = number({ from: 0 });

function readTable(call: string, path: string, given: unknown, classes: number | null): ReadonlyMap<number, number> {
  if (!Array.isArray(given) && !isPlainObject(given)) {
    throw new UserError(`${call}: ${path} must be a list of weights, or an object of weights by class`);
  }
  const table = new Map<number, number>();
  for (const [key, weight] of Object.entries<unknown>(given)) {
    const label = Number(key);
    if (!/^\d+$/.test(key) || (classes !== null && label >= classes)) {
      const known = classes === null ? "classes are whole numbers from 0" : `the classes are 0 to ${classes - 1}`;
      throw new UserError(`${call}: ${path} has a weight for ${JSON.stringify(key)}, which is no class: ${known}`);
    }
    if (!weightKind.accepts(weight)) {
      throw new UserError(`${call}: ${path}: the weight of class ${key} must be a number from 0, not ${show(weight)}`);
    }
    table.set(label, weight);
  }
  return table;
}

function largestAt(numbers: ArrayLike<number>, start: number, width: number): number {
  let best = 0;
  for (let k = 1; k < width; k++) if ((numbers[start + k] ?? 0) > (numbers[start + best] ?? 0)) best = k;
  return best;
}
