/**
 * Kernel passes over a whole sequence: each kernel once, however often it is launched.
 */
import { CompilerBug } from "../../src/core/errors.ts";
import type { Kernel } from "../../src/kernel/kernel.ts";
import type { KernelPool } from "../../src/kernel/kernel-pool.ts";
import { printMove } from "../../src/kernel/moves.ts";
import { freshStepId, mapKernels, mapSteps, type Sequence } from "../../src/program/sequence.ts";
import { expandFolds } from "../kernel/expand-folds.ts";
import { withFirstLaunches } from "./first-launches.ts";
import { type Around, cutLaunch, type Target } from "./launching.ts";
import { secondLaunch } from "./moves/second-launch.ts";
import { scheduleKernel } from "./schedule.ts";

/** Every kernel scheduled and checked; in two where a fold is too long for one launch, or a loop need not do all of it again. */
export function scheduleSequence(sequence: Sequence, target: Target, from: Omit<Around, "nextId">): Sequence {
  const make = (kernel: Kernel): Kernel => scheduleKernel(kernel, target.scheduling);
  return mapKernels(launchesToSchedule(sequence, target, from), (kernel) =>
    from.kernels.made("schedule", kernel, make),
  );
}

/** The launches whose kernels are then scheduled one by one. */
export function launchesToSchedule(sequence: Sequence, target: Target, from: Omit<Around, "nextId">): Sequence {
  let id = freshStepId(sequence);
  const around = { ...from, nextId: () => id++ };
  return withFirstLaunches(withSecondLaunches(sequence, target, around), target, around);
}

/** Every fold as loops. */
export function expandSequence(sequence: Sequence, kernels: KernelPool): Sequence {
  return mapKernels(sequence, (kernel) => kernels.made("expand", kernel, expandFolds));
}

/** Folds that are too long for one launch in two. One that needs the result of another is the next round's. */
export function withSecondLaunches(sequence: Sequence, { traits, scheduling }: Target, around: Around): Sequence {
  const { secondLaunches, tuned } = scheduling;
  if (secondLaunches === undefined) return sequence;
  const contents = (nodes: readonly { readonly id: number }[]) =>
    `parts of ${nodes.map(({ id }) => `%${id}`).join(", ")}`;
  const words = { suffix: "_parts", contents };
  return mapSteps(sequence, (step) => {
    if (step.kind === "copy") return [step];
    const halvesOf = ({ kernel }: { readonly kernel: Kernel }) => {
      const moves = (tuned?.(kernel)?.scheduling.secondLaunches ?? secondLaunches)(kernel);
      if (moves.length === 0) return undefined;
      const made = secondLaunch(kernel, moves, traits);
      if (typeof made !== "string") return made;
      throw new CompilerBug(`pass "schedule": "${moves.map(printMove).join("; ")}" is not legal: ${made}`);
    };
    return cutLaunch(step, halvesOf, words, around);
  });
}
