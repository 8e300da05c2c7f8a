/** What changes the learning rate by hand is told before the first step where it cannot. */
import { UserError } from "../../core/errors.ts";
import { atLine, type Origin } from "../../core/origin.ts";
import type { FitControl } from "./callback.ts";

/** Sets the rate to what it is. `call` made the callback, at `origin`. */
export async function mustBeSettable(call: string, control: FitControl, origin: Origin): Promise<void> {
  try {
    control.setLearningRate(await control.learningRate());
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(`${call} sets the learning rate by hand: ${error.message}${atLine(origin)}`, { cause: error });
  }
}
