/**
 * earlyStopping(): ends the training when a score has not become better for some epochs.
 *
 *   fit({ ..., epochs: 100, validationSplit: 0.1, callbacks: [earlyStopping({ patience: 5, restoreBestWeights: true })] })
 */
import { checkArguments, checkOptions, flag, number, type OptionTable, whole } from "../../core/options.ts";
import { here } from "../../core/origin.ts";
import type { StoredTensor } from "../../io/safetensors.ts";
import type { Callback, CallbackState } from "./callback.ts";
import { Monitor, type MonitorOptions, monitorTable } from "./monitor.ts";
import { OneRun } from "./one-run.ts";

export interface EarlyStoppingOptions extends MonitorOptions {
  /** By how much a score must be better to count as better. 0 by default. */
  readonly minDelta?: number;
  /** Epochs one after the other without a better score after which the training ends. 0 by default, which is as 1. */
  readonly patience?: number;
  /** What the score must be better than for the waiting to begin anew: a run that does not get there within `patience` epochs ends. */
  readonly baseline?: number;
  /** Whether the weights of the best epoch are put back at the end, also where all epochs were trained. False by default. */
  readonly restoreBestWeights?: boolean;
  /** So many epochs are not looked at. 0 by default. */
  readonly startFromEpoch?: number;
}

const table: OptionTable<EarlyStoppingOptions> = {
  ...monitorTable,
  minDelta: number({ from: 0 }),
  patience: whole({ from: 0 }),
  baseline: number(),
  restoreBestWeights: flag,
  startFromEpoch: whole({ from: 0 }),
};

/**
 * Looks at a score after each epoch. A NaN is never better, and anything is better than it. A run that is ended by its `signal` keeps
 * the weights it has, so that it can go on.
 */
export function earlyStopping(options: EarlyStoppingOptions = {}): Callback {
  checkArguments("earlyStopping", arguments, 1);
  const given = checkOptions("earlyStopping", options, table);
  const { patience = 0, baseline = null, restoreBestWeights = false, startFromEpoch = 0, minDelta = 0 } = given;
  const monitor = new Monitor("earlyStopping", given, here("earlyStopping"), minDelta);
  const oneRun = new OneRun("earlyStopping");
  let best: number | null = null;
  let wait = 0;
  let weights: ReadonlyMap<string, StoredTensor> | null = null;
  return {
    name: "earlyStopping",
    onTrainBegin(run, control) {
      oneRun.begin(control);
      monitor.begin(run);
      [best, wait, weights] = [null, 0, null];
    },
    async onEpochEnd(record, control) {
      if (record.epoch <= startFromEpoch || !monitor.isIn(record)) return;
      const value = monitor.of(record);
      const isBetter = monitor.isBetter(value, best);
      if (restoreBestWeights && (isBetter || weights === null)) weights = await control.weights();
      wait++;
      if (isBetter) {
        best = value;
        if (baseline === null || monitor.isBetter(value, baseline)) wait = 0;
      } else if (wait >= patience && record.epoch > 1) control.stop();
    },
    async onTrainEnd({ stopped }, control) {
      if (weights !== null && stopped?.by !== "signal") await control.setWeights(weights);
    },
    saveState: (): CallbackState => ({ values: { best, wait }, ...(weights === null ? {} : { tensors: weights }) }),
    restoreState({ values, tensors }) {
      best = typeof values.best === "number" ? values.best : null;
      wait = Number(values.wait);
      weights = tensors ?? null;
    },
  };
}
