/**
 * Kernel passes over a whole sequence.
 */
import type { Kernel } from "../../src/kernel/kernel.ts";
import { launchesOf, type Sequence } from "../../src/program/sequence.ts";
import { expandFolds } from "../lower/expand-folds.ts";
import { scheduleAlike } from "./alike.ts";
import { soundly } from "./schedule.ts";

/** Every kernel scheduled and checked; kernels that are alike once. */
export function scheduleSequence(sequence: Sequence, schedule: (kernel: Kernel) => Kernel): Sequence {
  const launches = launchesOf(sequence);
  const scheduled = scheduleAlike(
    launches.map(({ kernel }) => kernel),
    (kernel) => soundly(kernel, schedule(kernel)),
  );
  const kernels = scheduled[Symbol.iterator]();
  return mapKernels(sequence, (kernel) => kernels.next().value ?? kernel);
}

/** Every fold as loops. */
export function expandSequence(sequence: Sequence): Sequence {
  return mapKernels(sequence, expandFolds);
}

/** In order. */
function mapKernels(sequence: Sequence, change: (kernel: Kernel) => Kernel): Sequence {
  return sequence.map((step) => (step.kind === "launch" ? { ...step, kernel: change(step.kernel) } : step));
}
