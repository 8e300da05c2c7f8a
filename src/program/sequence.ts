/**
 * The sequence language: what runs in one call of an entry, in order.
 *
 * A sequence never looks inside a kernel and a kernel never contains another: a scan is a `loop` of launches. Buffers are
 * named by the plan; a kernel's buffer parameters are bound to them one by one.
 */
import type { Kernel } from "../kernel/kernel.ts";

/** Binds the parameter `param` of a kernel to the planned buffer `buffer`. */
export interface Binding {
  readonly param: string;
  readonly buffer: string;
}

/** A number given at launch: a constant, or the index of an enclosing `loop`. */
export type ScalarArgument =
  | { readonly param: string; readonly kind: "const"; readonly value: number }
  | { readonly param: string; readonly kind: "loopIndex"; readonly loop: string };

export type Step =
  | {
      readonly kind: "launch";
      readonly kernel: Kernel;
      readonly bindings: readonly Binding[];
      readonly scalars: readonly ScalarArgument[];
    }
  /** Copies the whole of `from` over `to`; both have the same element type and count. */
  | { readonly kind: "copy"; readonly from: string; readonly to: string }
  | { readonly kind: "loop"; readonly index: string; readonly count: number; readonly body: Sequence }
  /** Runs `body` when the bool in the one-element buffer `flag` is set. */
  | { readonly kind: "if"; readonly flag: string; readonly body: Sequence };

export type Sequence = readonly Step[];

/** Calls `visit` for every step, loop bodies included, in program order. */
export function walkSequence(sequence: Sequence, visit: (step: Step) => void): void {
  for (const step of sequence) {
    visit(step);
    if (step.kind === "loop" || step.kind === "if") walkSequence(step.body, visit);
  }
}

/** Launches of one call, loops counted in full and conditions as taken. */
export function countLaunches(sequence: Sequence): number {
  let launches = 0;
  for (const step of sequence) {
    if (step.kind === "launch") launches += 1;
    else if (step.kind === "loop") launches += step.count * countLaunches(step.body);
    else if (step.kind === "if") launches += countLaunches(step.body);
  }
  return launches;
}
