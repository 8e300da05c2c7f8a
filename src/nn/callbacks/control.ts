/**
 * What callbacks can do with a run: the functions behind `FitControl`. None of them costs anything until it is called.
 */
import { UserError } from "../../core/errors.ts";
import { startProfile } from "../../runtime/executable.ts";
import { checkpoint, putTensors, weightTensors } from "../checkpointing.ts";
import { readLearningRate, type Session, setLearningRate } from "../session.ts";
import type { WatchedValues } from "../watched-values.ts";
import type { FitControl } from "./callback.ts";

/** How callbacks end a run, and whether it has ended. */
export interface RunEnds {
  readonly stop: () => void;
  readonly isOver: () => boolean;
}

export function fitControl(session: Session, watched: WatchedValues, { stop, isOver }: RunEnds): FitControl {
  return {
    get isOver() {
      return isOver();
    },
    stop,
    setLearningRate: (value) => setLearningRate(session, value),
    async learningRate() {
      const found = await readLearningRate(session);
      if (found === undefined) throw new UserError("learningRate(): the optimizer keeps no learning rate");
      return found;
    },
    watched: (name) => watched.of(name),
    weights: () => weightTensors(session),
    setWeights: (weights) => putTensors(session, weights),
    checkpoint: () => checkpoint(session),
    profile: (options) => startProfile("profile", session.executable, options),
  };
}
