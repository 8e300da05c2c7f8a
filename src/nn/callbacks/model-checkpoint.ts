/**
 * modelCheckpoint(): a trainer, or its weights, written to a file while it trains. Node only.
 *
 *   modelCheckpoint("best.safetensors", { saveBestOnly: true })
 *   modelCheckpoint("runs/{epoch:02d}-{valLoss:.3f}.npz", { saveWeightsOnly: true })
 */
import { dirname } from "node:path";
import { messageOf, UserError } from "../../core/errors.ts";
import { checkArguments, checkOptions, checkValue, flag, type Kind, number, type OptionTable, text } from "../../core/options.ts"; // biome-ignore format: names
import { atLine, here } from "../../core/origin.ts";
import { checkFileEnding } from "../../io/file-ending.ts";
import { writeFileAtomically } from "../../io/files.ts";
import { makeFolder } from "../../io/folder.ts";
import { encodeWeights } from "../../io/weights.ts";
import type { Scores } from "../history.ts";
import type { Callback, FitControl, TrainBegin } from "./callback.ts";
import { FileName } from "./file-name.ts";
import { findScore, Monitor, type MonitorOptions, monitorTable, type Scored, scoreNames } from "./monitor.ts";
import { OneRun } from "./one-run.ts";

export interface ModelCheckpointOptions extends MonitorOptions {
  /** Only where the monitored score is better than ever before. False by default, and then no score is looked at. */
  readonly saveBestOnly?: boolean;
  /** What the score must be better than for the first file. */
  readonly initialValueThreshold?: number;
  /**
   * The weights alone, as `saveWeights` writes them: an npz file where the path ends so, else safetensors. By default the whole trainer,
   * from which `loadTrainer` goes on.
   */
  readonly saveWeightsOnly?: boolean;
  /** After each epoch, or after so many batches. "epoch" by default. */
  readonly saveFreq?: "epoch" | number;
}

const frequency: Kind<"epoch" | number> = {
  wanted: '"epoch" or a number of batches',
  accepts: (value): value is "epoch" | number =>
    value === "epoch" || (Number.isSafeInteger(value) && Number(value) > 0),
};

const table: OptionTable<ModelCheckpointOptions> = {
  ...monitorTable,
  saveBestOnly: flag,
  initialValueThreshold: number(),
  saveWeightsOnly: flag,
  saveFreq: frequency,
};

type Moment = Scored & Scores & { readonly epoch: number; readonly step?: number; readonly learningRate?: number };

/**
 * Writes files of that name, each the old one or the new one whatever happens meanwhile. In the name `{epoch}` and `{batch}` count from
 * 1, `{loss}`, `{valLoss}` and the other scores are those of the epoch; `{epoch:02d}` and `{loss:.2f}` say how. Folders are made.
 */
export function modelCheckpoint(path: string, options: ModelCheckpointOptions = {}): Callback {
  checkArguments("modelCheckpoint", arguments, 2);
  checkValue("modelCheckpoint", "the path", path, text);
  const given = checkOptions("modelCheckpoint", options, table, { before: "path, " });
  const { saveBestOnly = false, saveWeightsOnly = false, saveFreq = "epoch", initialValueThreshold = null } = given;
  const origin = here("modelCheckpoint");
  checkFileEnding("modelCheckpoint", path, saveWeightsOnly, ".safetensors, or with saveWeightsOnly: true .npz");
  const name = new FileName("modelCheckpoint", path);
  const monitor = new Monitor("modelCheckpoint", given, origin);
  const refuse = (why: string) => new UserError(`modelCheckpoint: ${why}${atLine(origin)}`);
  const oneRun = new OneRun("modelCheckpoint");
  let run: TrainBegin | null = null;
  let best = initialValueThreshold;
  let seen = 0; // batches since the last file
  let last = 0; // of this epoch
  const save = async (moment: Moment, control: FitControl): Promise<void> => {
    if (saveBestOnly) {
      const value = monitor.of(moment);
      if (!monitor.isBetter(value, best)) return;
      best = value; // before the checkpoint, which it is part of
    }
    const file = name.with((place) => valueAt(place, moment, run));
    const bytes = saveWeightsOnly
      ? await encodeWeights(await control.weights(), /\.npz$/i.test(file) ? "npz" : "safetensors")
      : await control.checkpoint();
    try {
      makeFolder(dirname(file));
    } catch (error) {
      throw refuse(`${file}: its folder could not be made: ${messageOf(error)}`);
    }
    await writeFileAtomically(file, bytes);
  };
  return {
    name: "modelCheckpoint",
    onTrainBegin(begun, control) {
      oneRun.begin(control);
      run = begun;
      [best, seen, last] = [initialValueThreshold, 0, begun.step];
      if (saveBestOnly) monitor.begin(begun);
      if (saveFreq !== "epoch" && saveBestOnly && monitor.isOfValidation) {
        throw refuse(
          "with saveFreq in batches the score must be one of the training: the validation comes at the end of an epoch",
        );
      }
      checkPlaces(name.names, begun, saveFreq !== "epoch", refuse);
    },
    ...(saveFreq === "epoch"
      ? { onEpochEnd: (record, control) => save(record, control) }
      : {
          onEpochBegin: () => {
            last = 0;
          },
          async onBatchEnd({ epoch, step, scores }, control) {
            seen += step - last;
            last = step;
            if (seen < saveFreq) return;
            seen = 0;
            await save({ ...scores, epoch, step }, control);
          },
        }),
    saveState: () => ({ values: { best, seen } }),
    restoreState({ values }) {
      best = typeof values.best === "number" ? values.best : null;
      seen = Number(values.seen);
    },
  } satisfies Callback;
}

function checkPlaces(
  names: readonly string[],
  run: TrainBegin,
  inBatches: boolean,
  refuse: (why: string) => UserError,
): void {
  for (const name of names) {
    if (name === "epoch" || (name === "learningRate" && !inBatches)) continue;
    if (name === "batch" && inBatches) continue;
    const found = findScore(name, run);
    if (found?.of === "training" || (found !== null && run.validates && !inBatches)) continue;
    const known = [
      "epoch",
      inBatches ? "batch" : "learningRate",
      ...scoreNames({ ...run, validates: run.validates && !inBatches }),
    ];
    throw refuse(`the path has {${name}}, which is not known then (known are: ${known.join(", ")})`);
  }
}

function valueAt(place: string, moment: Moment, run: TrainBegin | null): number {
  if (place === "epoch") return moment.epoch;
  if (place === "batch") return moment.step ?? 0;
  if (place === "learningRate") return moment.learningRate ?? Number.NaN;
  const score = run === null ? null : findScore(place, run);
  const scores: Readonly<Record<string, unknown>> = { ...(score?.of === "validation" ? moment.validation : moment) };
  return Number(scores[score?.name ?? ""] ?? Number.NaN);
}
