/**
 * The check of what `fit` is given, before anything is compiled for it: names and kinds. What is in the arrays is for samples.ts
 * and target-check.ts.
 */
import { UserError } from "../core/errors.ts";
import { checkedLater, checkOptions, count, either, flag, type Kind, list, number, type OptionTable, object, seed as seedKind, show, whole } from "../core/options.ts"; // biome-ignore format: names
import { atLine, here } from "../core/origin.ts";
import { AnyDataset } from "../data/pipeline/any-dataset.ts";
import type { Signal } from "../runtime/platform.ts";
import { callbackHooks, callbackStates } from "./callbacks/callback.ts";
import type { AnyFitOptions } from "./fit-options.ts";
import { checkHooks } from "./hooks.ts";
import { onNaNKind } from "./on-nan.ts";
import type { Progress } from "./progress.ts";
import type { ResumePoint } from "./resume-point.ts";
import { samplesTable } from "./samples.ts";
import { verboseKind } from "./verbose.ts";

const progressHooks: readonly (keyof Progress)[] = ["epochStart", "update", "epochEnd", "end"];

const resumeKind: Kind<ResumePoint> = {
  wanted: "the `resume` of a TrainingError",
  accepts: (value): value is ResumePoint =>
    typeof value === "object" && value !== null && "order" in value && "state" in value && "shuffles" in value,
};

const signalKind: Kind<Signal> = {
  wanted: "an AbortSignal (of an AbortController its signal)",
  accepts: (value): value is Signal =>
    typeof value === "object" && value !== null && "aborted" in value && typeof value.aborted === "boolean",
};

const fitTable: OptionTable<AnyFitOptions> = {
  ...samplesTable,
  epochs: whole({ from: 0 }),
  initialEpoch: whole({ from: 0 }),
  batch: count,
  shuffle: flag,
  seed: seedKind,
  data: checkedLater("a dataset, or what gives batches"),
  stepsPerEpoch: count,
  validation: object(),
  validationData: checkedLater("a dataset, or { x, y }"),
  validationSplit: number(),
  validationFreq: either(count, list(count)),
  classWeight: checkedLater(),
  callbacks: checkedLater(),
  progress: checkedLater(),
  verbose: verboseKind,
  signal: signalKind,
  readEvery: count,
  holdBytes: whole({ from: 0 }),
  onNaN: onNaNKind,
  resume: resumeKind,
};

/** Names and kinds, before anything is compiled for them. */
export function checkFitOptions(given: object | undefined): Partial<AnyFitOptions> {
  for (const hook of callbackHooks) {
    if (typeof given !== "object" || given === null || !(hook in given)) continue;
    throw new UserError(
      `fit: ${hook} belongs in a callback: fit({ callbacks: [{ ${hook}(...) { ... } }] })${atLine(here("fit"))}`,
    );
  }
  if (given === undefined)
    throw new UserError(`fit takes samples: fit({ x, y }), or fit({ data })${atLine(here("fit"))}`);
  const checked = checkOptions("fit", given, fitTable);
  const { callbacks = [], progress, validation } = checked;
  if (!Array.isArray(callbacks)) {
    throw new UserError(`fit: callbacks must be a list: [{ onEpochEnd(record) { ... } }], not ${show(callbacks)}`);
  }
  for (const [i, callback] of callbacks.entries()) {
    checkHooks(`fit: callbacks[${i}]`, callback, callbackHooks, callbackStates);
  }
  if (progress !== undefined) checkHooks("fit: progress", progress, progressHooks);
  if (progress !== undefined && checked.verbose !== undefined) throw new UserError("fit: give progress or verbose, not both"); // biome-ignore format: short
  checkOptions("fit: validation", validation, samplesTable);
  checkWithData(checked);
  checkEpochs(checked);
  return checked;
}

/** Of a run that goes on `epochs` is looked at where it begins. */
function checkEpochs(given: Partial<AnyFitOptions>): void {
  const { initialEpoch = 0, epochs = 1, validationFreq, validation, validationData, validationSplit } = given;
  if (initialEpoch > epochs) {
    throw new UserError(
      `fit: initialEpoch is ${initialEpoch} and epochs ${epochs}: epochs is the number of the last one, and those before count`,
    );
  }
  if (validationFreq === undefined || [validation, validationData, validationSplit].some((it) => it !== undefined))
    return;
  throw new UserError(
    "fit: validationFreq needs something to validate on: validation, validationData or validationSplit",
  );
}

/** An iterator: what is taken of it is gone. */
function isWalkedOnce(data: unknown): boolean {
  return typeof data === "object" && data !== null && "next" in data && typeof data.next === "function";
}

/** A dataset has its own order and batches. */
function checkWithData({ data, validationData, shuffle, batch }: Partial<AnyFitOptions>): void {
  if (data === undefined) return;
  if (data === validationData && isWalkedOnce(data)) {
    throw new UserError("fit: data and validationData are one generator, which is walked once: give a function that makes it to each"); // biome-ignore format: short
  }
  if (shuffle !== undefined) {
    throw new UserError("fit: shuffle does not go with data, which has its own order: data.shuffle(buffer, { seed })");
  }
  const size = data instanceof AnyDataset ? data.batchSize : null;
  if (size === null || batch === undefined || size === batch) return;
  throw new UserError(`fit: batch is ${batch}, and the data has batches of ${size} already`);
}
