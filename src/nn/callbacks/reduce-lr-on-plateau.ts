/**
 * reduceLROnPlateau(): a smaller learning rate when a score has not become better for some epochs.
 */
import { checkArguments, checkOptions, number, type OptionTable, whole } from "../../core/options.ts";
import { here } from "../../core/origin.ts";
import type { Callback } from "./callback.ts";
import { Monitor, type MonitorOptions, monitorTable } from "./monitor.ts";
import { OneRun } from "./one-run.ts";
import { mustBeSettable } from "./settable-rate.ts";

export interface ReduceLROnPlateauOptions extends MonitorOptions {
  /** What the learning rate is multiplied by. 0.1 by default. */
  readonly factor?: number;
  /** Epochs one after the other without a better score after which it is. 10 by default. */
  readonly patience?: number;
  /** By how much a score must be better to count as better. 1e-4 by default. */
  readonly minDelta?: number;
  /** After a cut so many epochs are not waited. 0 by default. */
  readonly cooldown?: number;
  /** The learning rate never becomes smaller than this. 0 by default. */
  readonly minLearningRate?: number;
}

const table: OptionTable<ReduceLROnPlateauOptions> = {
  ...monitorTable,
  factor: number({ from: 0, below: 1 }),
  patience: whole({ from: 0 }),
  minDelta: number({ from: 0 }),
  cooldown: whole({ from: 0 }),
  minLearningRate: number({ from: 0 }),
};

/**
 * Looks at a score after each epoch; the history has the rate before the cut. A NaN is never better, and anything is better than it. A
 * learning rate that follows a schedule is refused before the first step.
 */
export function reduceLROnPlateau(options: ReduceLROnPlateauOptions = {}): Callback {
  checkArguments("reduceLROnPlateau", arguments, 1);
  const given = checkOptions("reduceLROnPlateau", options, table);
  const { factor = 0.1, patience = 10, minDelta = 1e-4, cooldown = 0, minLearningRate = 0 } = given;
  const origin = here("reduceLROnPlateau");
  const monitor = new Monitor("reduceLROnPlateau", given, origin, minDelta);
  const oneRun = new OneRun("reduceLROnPlateau");
  let best: number | null = null;
  let wait = 0;
  let cooling = 0;
  return {
    name: "reduceLROnPlateau",
    async onTrainBegin(run, control) {
      oneRun.begin(control);
      monitor.begin(run);
      await mustBeSettable("reduceLROnPlateau", control, origin); // refused now rather than at the first cut
      [best, wait, cooling] = [null, 0, 0];
    },
    async onEpochEnd(record, control) {
      if (!monitor.isIn(record)) return;
      const value = monitor.of(record);
      if (cooling > 0) {
        cooling--;
        wait = 0;
      }
      if (monitor.isBetter(value, best)) [best, wait] = [value, 0];
      else if (cooling === 0 && ++wait >= patience) {
        const rate = await control.learningRate();
        if (rate <= Math.fround(minLearningRate)) return;
        control.setLearningRate(Math.max(rate * factor, minLearningRate));
        [wait, cooling] = [0, cooldown];
      }
    },
    saveState: () => ({ values: { best, wait, cooling } }),
    restoreState({ values }) {
      best = typeof values.best === "number" ? values.best : null;
      [wait, cooling] = [Number(values.wait), Number(values.cooling)];
    },
  };
}
