/**
 * Kernel passes over a whole sequence: each kernel once, however often it is launched.
 */
import type { Kernel } from "../../src/kernel/kernel.ts";
import type { KernelPool } from "../../src/kernel/kernel-pool.ts";
import { mapKernels, type Sequence } from "../../src/program/sequence.ts";
import { expandFolds } from "../lower/expand-folds.ts";
import { soundly } from "./schedule.ts";

/** Every kernel scheduled and checked. */
export function scheduleSequence(
  sequence: Sequence,
  kernels: KernelPool,
  schedule: (kernel: Kernel) => Kernel,
): Sequence {
  return mapKernels(sequence, (kernel) => kernels.made("schedule", kernel, (one) => soundly(one, schedule(one))));
}

/** Every fold as loops. */
export function expandSequence(sequence: Sequence, kernels: KernelPool): Sequence {
  return mapKernels(sequence, (kernel) => kernels.made("expand", kernel, expandFolds));
}
