/**
 * The sequence language: what runs in one call of an entry, in order.
 *
 * A sequence never looks inside a kernel and a kernel never contains another. Buffers are named by the plan; a kernel's
 * buffer parameters are bound to them one by one.
 */
import type { Kernel } from "../kernel/kernel.ts";

/** Binds the parameter `param` of a kernel to the planned buffer `buffer`. */
export interface Binding {
  readonly param: string;
  readonly buffer: string;
}

export type Step =
  | { readonly kind: "launch"; readonly kernel: Kernel; readonly bindings: readonly Binding[] }
  /** Copies the whole of `from` over `to`; both have the same element type and count. */
  | { readonly kind: "copy"; readonly from: string; readonly to: string };

export type Sequence = readonly Step[];

export type Launch = Step & { readonly kind: "launch" };

/** The launches of one call, in order. */
export function launchesOf(sequence: Sequence): readonly Launch[] {
  return sequence.filter((step) => step.kind === "launch");
}

export function countLaunches(sequence: Sequence): number {
  return launchesOf(sequence).length;
}
