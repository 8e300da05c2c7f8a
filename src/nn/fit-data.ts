/**
 * The data of a run: from what a user gives `fit` and `evaluate` to batches, with validation split off and weights found.
 */
import { FeedError, UserError } from "../core/errors.ts";
import { checkOptions } from "../core/options.ts";
import { isPlainObject } from "../core/records.ts";
import { ArrayBatches, type BatchSource } from "./batches.ts";
import type { InputScales } from "./input-scale.ts";
import type { OnNaN } from "./on-nan.ts";
import type { Ports } from "./ports.ts";
import { type AnySamples, Batcher, type FeedBuffers, samplesTable } from "./samples.ts";
import type { Session } from "./session.ts";
import { StreamBatches } from "./stream-batches.ts";
import type { Training } from "./training-program.ts";
import { bothWeightings, type Weighting } from "./weighting.ts";
import { type GivenWeights, sampleWeights, weightingOf } from "./weights.ts";

/** What `fit` is given, whatever the ports. */
export interface AnyFitData extends AnySamples, GivenWeights {
  readonly data?: unknown;
  readonly stepsPerEpoch?: number | undefined;
  readonly validation?: AnySamples | undefined;
  readonly validationData?: unknown;
  readonly validationSplit?: number | undefined;
}

/** How the data is walked over. */
export interface Walk {
  readonly batch: number;
  readonly shuffle: boolean;
  readonly seed: number;
  readonly onNaN: OnNaN;
}

/** What weights the program must take; batches of a dataset tell it when they come. */
export function weightingFor(call: string, training: Training, given: AnyFitData): Weighting | null {
  const { x, sampleWeight, classWeight } = given;
  const trained = weightingOf(call, training, { x, sampleWeight, classWeight });
  const validation = validationOf(given);
  if (validation === undefined) return trained;
  return bothWeightings(trained, weightingOf(`${call}: validation`, training, validation));
}

/** Samples to validate on that are arrays, under either name. */
function validationOf({ validation, validationData }: AnyFitData): AnySamples | undefined {
  return validation ?? (isSamples(validationData) ? validationData : undefined);
}

/** What to train on and, where asked for, to validate on. */
export function fitSources(
  session: Session,
  given: AnyFitData,
  walk: Walk,
): { readonly train: BatchSource; readonly validation: BatchSource | null } {
  const { batch, shuffle, seed: shuffleSeed, onNaN } = walk;
  const { data, validationData, stepsPerEpoch, scale, classWeight } = given;
  checkTogether(given);
  const inOrder = { batchSize: batch, shuffle: false, shuffleSeed: 0 };
  const streamed =
    validationData === undefined || isSamples(validationData)
      ? null
      : new StreamBatches(session, { call: "fit: validationData", data: validationData, entry: "evaluate", batch, onNaN, scale }); // biome-ignore format: short
  if (data !== undefined) {
    const train = new StreamBatches(session, { call: "fit", data, entry: "train", batch, onNaN, scale, classWeight, stepsPerEpoch }); // biome-ignore format: short
    const samples = validationOf(given);
    const apart =
      samples === undefined ? null : () => evaluationData("fit: validation", session, { scale, ...samples });
    return { train, validation: streamed ?? (apart === null ? null : new ArrayBatches(session, apart(), inOrder)) };
  }
  const found = fitData(session, { ...given, validation: validationOf(given) });
  const kept = found.validation === null ? null : new ArrayBatches(session, found.validation, inOrder);
  return {
    train: new ArrayBatches(session, found.train, { batchSize: batch, shuffle, shuffleSeed }),
    validation: streamed ?? kept,
  };
}

/** Samples as arrays, and no dataset. */
function isSamples(given: unknown): given is AnySamples {
  if (!isPlainObject(given) || Symbol.asyncIterator in given || Symbol.iterator in given) return false;
  checkOptions("fit: validationData", given, samplesTable);
  return true;
}

/** What a dataset decides for itself, or has with it. */
function checkTogether({
  data,
  stepsPerEpoch,
  validation,
  validationData,
  validationSplit,
  ...rest
}: AnyFitData): void {
  if (validationData !== undefined && (validation !== undefined || validationSplit !== undefined)) {
    throw new UserError("fit: give one of validation, validationData and validationSplit");
  }
  if (data === undefined) {
    if (stepsPerEpoch !== undefined)
      throw new UserError("fit: stepsPerEpoch is for data: arrays are trained on as a whole");
    return;
  }
  checkDataAlone("fit", data, rest);
  if (validationSplit === undefined) return;
  throw new UserError("fit: validationSplit does not go with data: data.take(n) and data.skip(n) split it");
}

/** Samples come from arrays or from a dataset. */
export function checkDataAlone(call: string, data: unknown, { x, y, sampleWeight }: AnySamples): void {
  if (data === undefined) return;
  const odd = Object.entries({ x, y, sampleWeight }).find(([, value]) => value !== undefined);
  if (odd === undefined) return;
  throw new UserError(`${call}: ${odd[0]} does not go with data: its elements have x, y and weight`);
}

/** Samples to train on and, where asked for, to validate on. The first are weighted by class too. */
function fitData(
  session: Session,
  given: AnyFitData,
): { readonly train: Batcher; readonly validation: Batcher | null } {
  const { validation, validationSplit } = given;
  if (validation !== undefined && validationSplit !== undefined) {
    throw new UserError("fit: give validation or validationSplit, not both");
  }
  checkTargets("fit", given);
  const whole = Batcher.of("fit", session.training, given, session.scales);
  const { classWeight, ...bySample } = given;
  const weightsOf = (weights: GivenWeights): Ports<Float32Array> | null =>
    session.weighting && sampleWeights("fit", session.training, whole, session.weighting, weights);
  const train = withWeights(whole, weightsOf(given));
  if (validationSplit === undefined) {
    const apart =
      validation === undefined ? null : evaluationData("fit: validation", session, validation, whole.scales());
    return { train, validation: apart };
  }
  const at = splitAt(whole.count, validationSplit);
  // The whole is weighted before it is cut, so that positions in messages are those of the user's arrays.
  const rest = classWeight === undefined ? train : withWeights(whole, weightsOf(bySample));
  return { train: train.part(0, at), validation: rest.part(at, whole.count) };
}

/** Samples to evaluate on, or one batch of them. */
export function evaluationData(
  call: string,
  session: Session,
  given: AnySamples & GivenWeights,
  scales: InputScales = session.scales,
  buffers?: FeedBuffers,
): Batcher {
  checkTargets(call, given);
  const data = Batcher.of(call, session.training, given, scales, buffers);
  const { training, weighting } = session;
  return withWeights(data, weighting && sampleWeights(call, training, data, weighting, given));
}

function checkTargets(call: string, { y }: AnySamples): void {
  if (y === undefined) throw new FeedError(`${call}: y is missing: it must hold the targets of x`);
}

function withWeights(data: Batcher, weights: Ports<Float32Array> | null): Batcher {
  return weights === null ? data : data.weighted(weights);
}

/** As in Keras: the last part, before anything is shuffled; `floor(count * (1 - split))` samples stay to train on. */
function splitAt(count: number, split: number): number {
  if (!(split > 0 && split < 1)) {
    throw new UserError(`fit: validationSplit must lie between 0 and 1, not ${split}: 0.1 is the last tenth`);
  }
  const at = Math.floor(count * (1 - split));
  if (at > 0 && at < count) return at;
  const empty = at === 0 ? "train" : "validate";
  throw new UserError(`fit: with validationSplit ${split} of ${count} samples there are none left to ${empty} on`);
}
