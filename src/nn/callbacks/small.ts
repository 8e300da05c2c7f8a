/**
 * Callbacks of a few lines: a learning rate by epochs, an end without an error where the loss is no number, and functions as they are.
 */
import { UserError } from "../../core/errors.ts";
import { callable, checkArguments, checkValue, show } from "../../core/options.ts";
import { atLine, here } from "../../core/origin.ts";
import { checkHooks } from "../hooks.ts";
import { type Callback, callbackHooks, callbackStates } from "./callback.ts";
import { mustBeSettable } from "./settable-rate.ts";

/** The learning rate for an epoch, of how many epochs are done (0 before the first) and the rate as it stands. */
export type EpochRate = (done: number, learningRate: number) => number;

/**
 * Sets the learning rate before each epoch. A learning rate that follows a schedule is refused. For a rate that changes from step to
 * step give the optimizer a schedule.
 */
export function learningRateScheduler(rate: EpochRate): Callback {
  checkArguments("learningRateScheduler", arguments, 1);
  checkValue("learningRateScheduler", "the function of the epoch", rate, callable<EpochRate>());
  const origin = here("learningRateScheduler");
  return {
    name: "learningRateScheduler",
    onTrainBegin: (_, control) => mustBeSettable("learningRateScheduler", control, origin),
    async onEpochBegin({ epoch }, control) {
      const found: unknown = rate(epoch - 1, await control.learningRate());
      if (typeof found !== "number" || !(Number.isFinite(found) && found >= 0)) {
        throw new UserError(
          `learningRateScheduler: the function gave ${show(found)} with ${epoch - 1} epochs done: it must give a number from 0` +
            atLine(origin),
        );
      }
      control.setLearningRate(found);
    },
  };
}

/**
 * Ends the training where the loss comes out as NaN or infinite, with no error: the history says that it was stopped. `fit` ends there by
 * itself, with an error that says why and holds the last good state; with this callback it warns of the same, once.
 */
export function terminateOnNaN(): Callback {
  checkArguments("terminateOnNaN", arguments, 0);
  return {
    name: "terminateOnNaN",
    onNaN: "warn",
    onBatchEnd({ latest }, { stop }) {
      if (!Number.isFinite(latest.loss)) stop();
    },
  };
}

/** A callback of functions, checked where it is made. The functions in an object of their own are one too. */
export function lambdaCallback<Name extends string = never>(hooks: Callback<Name>): Callback<Name> {
  checkArguments("lambdaCallback", arguments, 1);
  checkHooks("lambdaCallback: it", hooks, callbackHooks, callbackStates);
  return { ...hooks };
}
