/** Launches that the host calls one by one, timed as they are called: one look at the clock for each, and one behind the last. */
import type { Artifact, ArtifactStep } from "../../program/artifact.ts";
import type { Action } from "../bound-steps.ts";
import type { LaunchWatch } from "../machine.ts";
import { LaunchLog } from "./launch-log.ts";

/** What a runner binds its steps with. */
export interface StepWatch {
  /** What becomes of a step. */
  around(run: Action, step: ArtifactStep): Action;
  /** Behind the last. */
  over(): void;
}

/** Times launches on the first thread of a log. `end`: the mark behind the last. */
export function stepWatch(log: LaunchLog, end: number): StepWatch {
  const [track] = log.tracks;
  return {
    around(run, { id }) {
      const row = log.rowOf(id);
      if (row === undefined) return run;
      return () => {
        track?.mark(2 * row);
        run();
      };
    },
    over: () => track?.mark(end),
  };
}

/** `use`: has a runner bind its steps so, or as usual. */
export function hostWatch(artifact: Artifact, use: (watch: StepWatch | null) => void): LaunchWatch {
  const log = new LaunchLog(artifact, 1);
  use(stepWatch(log, log.end));
  return { log, clock: hostClock, begin: () => log.reset(), settled: async () => undefined, end: () => use(null) };
}

export const hostClock = "the host's clock, read as each launch begins";
