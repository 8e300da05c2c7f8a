/**
 * The data of a run: from what a user gives `fit` and `evaluate` to batches, with validation split off and weights found.
 */
import { FeedError, UserError } from "../core/errors.ts";
import type { InputScales } from "./input-scale.ts";
import type { Ports } from "./ports.ts";
import { type AnySamples, Batcher } from "./samples.ts";
import type { Session } from "./session.ts";
import { type GivenWeights, sampleWeights } from "./weights.ts";

/** What `fit` is given, whatever the ports. */
export interface AnyFitData extends AnySamples, GivenWeights {
  readonly validation?: AnySamples | undefined;
  readonly validationSplit?: number | undefined;
}

/** Whether a program with weights is needed. */
export function usesWeights({ sampleWeight, classWeight, validation }: AnyFitData): boolean {
  return sampleWeight !== undefined || classWeight !== undefined || validation?.sampleWeight !== undefined;
}

/** Samples to train on and, where asked for, to validate on. The first are weighted by class too. */
export function fitData(
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
    session.isWeighted ? sampleWeights("fit", session.training, whole, weights) : null;
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

/** Samples to evaluate on. */
export function evaluationData(
  call: string,
  session: Session,
  given: AnySamples,
  scales: InputScales = session.scales,
): Batcher {
  checkTargets(call, given);
  const data = Batcher.of(call, session.training, given, scales);
  if (!session.isWeighted) return data;
  return withWeights(data, sampleWeights(call, session.training, data, { sampleWeight: given.sampleWeight }));
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
