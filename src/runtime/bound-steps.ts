/**
 * The steps of an artifact as functions, made once, for a machine that goes through them on the host: a run looks nothing up
 * and allocates nothing. What a launch and a copy are the machine says.
 */
import { unreachable } from "../core/errors.ts";
import { type ArtifactStep, allSteps, type StepOf } from "../program/artifact.ts";
import type { BufferSlot } from "../program/buffer.ts";
import type { TypedArray } from "./typed-arrays.ts";

export type Action = () => void;

export interface StepBinder {
  call(step: StepOf<"launch" | "copy">): Action;
  /** Where a flag is read. */
  view(slot: BufferSlot): TypedArray;
  /** The iteration of each loop that runs, by how many stand around it: `iterationsFor`. */
  readonly iterations: Int32Array;
  /** What becomes of a step that is bound. */
  around?(run: Action, step: ArtifactStep): Action;
}

export function bindSteps(steps: readonly ArtifactStep[], binder: StepBinder): readonly Action[] {
  return steps.map((step) => {
    const run = bindStep(step, binder);
    return binder.around === undefined ? run : binder.around(run, step);
  });
}

export function runAll(actions: readonly Action[]): void {
  for (let i = 0; i < actions.length; i++) actions[i]?.();
}

/** Room for as many iterations as loops stand in one another. */
export function iterationsFor(steps: readonly ArtifactStep[]): Int32Array {
  return new Int32Array(
    allSteps(steps).reduce((most, step) => (step.kind === "loop" ? Math.max(most, step.depth + 1) : most), 0),
  );
}

function bindStep(step: ArtifactStep, binder: StepBinder): Action {
  switch (step.kind) {
    case "launch":
    case "copy":
      return binder.call(step);
    case "loop": {
      const [body, iterations, { depth, extent }] = [bindSteps(step.body, binder), binder.iterations, step];
      return () => {
        for (let i = 0; i < extent; i++) {
          iterations[depth] = i;
          runAll(body);
        }
      };
    }
    case "while": {
      const { most } = step;
      const [test, body, flag] = [bindSteps(step.test, binder), bindSteps(step.body, binder), binder.view(step.flag)];
      return () => {
        runAll(test);
        for (let i = 0; i < most && flag[0] !== 0; i++) {
          runAll(body);
          runAll(test);
        }
      };
    }
    case "if": {
      const [yes, no, flag] = [bindSteps(step.yes, binder), bindSteps(step.no, binder), binder.view(step.flag)];
      return () => runAll(flag[0] !== 0 ? yes : no);
    }
    default:
      return unreachable(step);
  }
}
