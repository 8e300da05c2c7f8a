/**
 * Weights of samples: from `sampleWeight` and `classWeight` to one number for each sample and output, or for each step of its samples.
 *
 *   classWeight: { 0: 1, 1: 5 }      samples of class 1 count five times
 *   sampleWeight: [batch, steps]     of an output [batch, steps, features]: what Keras calls temporal
 *
 * The meaning is Keras 3's: each sample's loss is multiplied by its weight, and the sum is divided by the number of samples;
 * a class that is not named has weight 1; labels given as one-hot rows count as their largest. Where Keras refuses to take
 * both kinds at once, or class weights with several outputs, here they are multiplied, and given for each output.
 */

import { FeedError, UserError } from "../core/errors.ts";
import { number, show } from "../core/options.ts";
import { isPlainObject } from "../core/records.ts";
import type { Source } from "../data/dataset.ts";
import { printShape, sizeOf } from "../graph/shape.ts";
import { lengthOf, toSource } from "./given-numbers.ts";
import type { Classes } from "./losses/loss.ts";
import { lossesByName } from "./losses/losses.ts";
import type { Ports } from "./ports.ts";
import type { AnySamples, Batcher } from "./samples.ts";
import type { Training } from "./training-program.ts";
import { rowsOf, type Weighting, weightShape, withSteps } from "./weighting.ts";

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

/** What a program must take for these weights; null where none are given. Their numbers are looked at later. */
export function weightingOf(call: string, training: Training, given: AnySamples & GivenWeights): Weighting | null {
  const { x, sampleWeight, classWeight } = given;
  if (sampleWeight === undefined && classWeight === undefined) return null;
  const { inputs, outputs } = training;
  const [[first = "", shape = []] = []] = inputs.entries();
  const samples = inputs.isSingle ? x : isPlainObject(x) ? x[first] : undefined;
  const count = lengthOf(samples) / sizeOf(shape);
  const weights = givenSampleWeights(call, training, sampleWeight);
  const byClass = givenClassWeights(call, training, classWeight);
  const isByStep = (name: string): boolean =>
    lengthOf(weights.get(name)) === count * rowsOf(outputs, name) ||
    (byClass.get(name) !== undefined && labelsOf(training, name) > 1);
  return new Set([...withSteps(outputs)].filter(isByStep));
}

/** Weights for each output, sample after sample: ones where none are given. */
export function sampleWeights(
  call: string,
  training: Training,
  data: Batcher,
  weighting: Weighting,
  { sampleWeight, classWeight }: GivenWeights,
): Ports<Float32Array> {
  const given = givenSampleWeights(call, training, sampleWeight);
  const byClass = givenClassWeights(call, training, classWeight);
  return training.outputs.map((_, name) => {
    const weights = new Float32Array(data.count * sizeOf(weightShape(training.outputs, weighting, name))).fill(1);
    const ofThis = given.get(name);
    if (ofThis !== undefined) copyWeights(call, training, name, data.count, ofThis, weights);
    const table = byClass.get(name);
    if (table !== undefined) weighClasses(call, training, name, data, table, weights);
    return weights;
  });
}

/** The same samples for a program that has come to take weights: of 1 where there are none, a sample's for each of its steps. */
export function weightedAs(training: Training, data: Batcher, weighting: Weighting): Batcher {
  const before = data.weights();
  return data.weighted(
    training.outputs.map((_, name) => {
      const weights = new Float32Array(data.count * sizeOf(weightShape(training.outputs, weighting, name))).fill(1);
      if (before !== null) spread(before.get(name).source, weights);
      return weights;
    }),
  );
}

function givenSampleWeights(call: string, { outputs }: Training, given: unknown): Ports<unknown> {
  const isForAll = !outputs.isSingle && !isPlainObject(given); // one array is for all outputs
  return isForAll ? outputs.map(() => given) : outputs.match(given, `${call}: sampleWeight`, true);
}

function givenClassWeights(call: string, { outputs }: Training, given: unknown): Ports<unknown> {
  return given === undefined ? outputs.map(() => undefined) : outputs.match(given, `${call}: classWeight`, true);
}

function copyWeights(
  call: string,
  { outputs }: Training,
  name: string,
  count: number,
  given: unknown,
  weights: Float32Array,
): void {
  const path = outputs.path("sampleWeight", name);
  const source = toSource(call, path, given, Float64Array);
  if (source.length !== count && source.length !== weights.length) {
    const rows = rowsOf(outputs, name);
    const each = rows === 1 ? "" : `: one for each sample, or for each of its ${rows} steps`;
    throw new FeedError(`${call}: ${path} has ${source.length} weights for ${count} samples${each}`);
  }
  for (let i = 0; i < source.length; i++) {
    const weight = source[i] ?? Number.NaN;
    if (weight >= 0 && Number.isFinite(Math.fround(weight))) continue;
    throw new FeedError(`${call}: ${path} has ${weight} at position ${i}: a weight is a number from 0`);
  }
  spread(source, weights);
}

/** Weights of samples as weights of their steps too. */
function spread(source: Source, weights: Float32Array): void {
  const steps = weights.length / source.length;
  for (let i = 0; i < weights.length; i++) weights[i] = source[Math.floor(i / steps)] ?? Number.NaN;
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
  const { source } = labels;
  const width = isOneHot ? (classes ?? 1) : 1;
  const each = (weights.length * width) / source.length;
  for (let i = 0; i < weights.length; i++) {
    const at = Math.floor(i / each);
    const label = isOneHot ? largestAt(source, at * width, width) : (source[at] ?? Number.NaN);
    if (!Number.isInteger(label)) {
      throw new FeedError(`${call}: ${path} needs whole labels, and y has ${label} at position ${at}`);
    }
    weights[i] = (weights[i] ?? 1) * (table.get(label) ?? 1);
  }
}

/** How many classes a sample of an output is of; 0 where nobody knows. */
function labelsOf(training: Training, name: string): number {
  const found = classesIn(training, name);
  if (found === null) return 0;
  const size = training.targets
    .get(name)
    .shape.slice(1)
    .reduce((product: number, dim) => product * Number(dim), 1);
  return found.isOneHot ? size / (found.classes ?? 1) : size;
}

/** How many classes an output tells apart; null where its targets are no classes. The number is null where its loss is code. */
function classesIn({ definition, outputs, targets }: Training, name: string): Classes | null {
  const loss = definition.losses.get(name);
  const target = targets.get(name);
  if (typeof loss !== "function") {
    return lossesByName.made(loss).parts.classes?.(outputs.get(name).shape, target) ?? null;
  }
  return target.shape.slice(1).every((size) => size === 1) ? { classes: null, isOneHot: false } : null;
}

function classesOf(call: string, path: string, training: Training, name: string): Classes {
  const found = classesIn(training, name);
  if (found !== null) return found;
  const loss = training.definition.losses.get(name);
  const { dtype, shape } = training.targets.get(name);
  const steps = rowsOf(training.outputs, name) === 1 ? "" : ", or for each of its steps";
  throw new UserError(
    `${call}: ${path} needs one class for each sample${steps}; here ${dtype}${printShape(shape)} is compared ` +
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
