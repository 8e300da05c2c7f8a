/**
 * The sequence language: what runs in one call of an entry, in order.
 *
 * A sequence never looks inside a kernel and a kernel never contains another. A kernel is a function and a launch its call: the
 * buffer parameters are bound one by one, and their names are those of whoever launched it first.
 * Whoever tells something of a step (report, picture, profiler, what is freed after it) tells it by the step's id: positions
 * change when a pass makes two launches of one.
 */
import { unreachable } from "../core/errors.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { Buffer } from "./buffer.ts";

/** Binds the parameter `param` of a kernel to a buffer. */
export interface Binding {
  readonly param: string;
  readonly buffer: Buffer;
}

export interface Launch {
  readonly kind: "launch";
  /** Unlike that of any other step of the sequence. */
  readonly id: number;
  /** For people: unlike that of any other launch of the sequence. */
  readonly name: string;
  /** Launches of kernels that are alike have one object for it. */
  readonly kernel: Kernel;
  readonly bindings: readonly Binding[];
  /** Ids of the graph nodes that it computes: what the kernel calls the first, the second, ... (`from`). */
  readonly nodes: readonly number[];
}

/** Copies the whole of `from` over `to`; both have the same element type and count. */
export interface Copy {
  readonly kind: "copy";
  readonly id: number;
  readonly from: Buffer;
  readonly to: Buffer;
}

export type Step = Launch | Copy;

export type Sequence = readonly Step[];

/** The buffers that a step touches, in order. */
export function buffersOf(step: Step): readonly Buffer[] {
  switch (step.kind) {
    case "launch":
      return step.bindings.map(({ buffer }) => buffer);
    case "copy":
      return [step.from, step.to];
    default:
      return unreachable(step);
  }
}

/** The launches of one call, in order. */
export function launchesOf(sequence: Sequence): readonly Launch[] {
  return sequence.filter((step) => step.kind === "launch");
}

/** What they launch, each kernel once, in the order in which it comes first. */
export function kernelsOf(sequence: Sequence): readonly Kernel[] {
  return [...new Set(launchesOf(sequence).map(({ kernel }) => kernel))];
}

/** The sequence with what became of its kernels. */
export function mapKernels(sequence: Sequence, change: (kernel: Kernel) => Kernel): Sequence {
  return sequence.map((step) => (step.kind === "launch" ? { ...step, kernel: change(step.kernel) } : step));
}

export function countLaunches(sequence: Sequence): number {
  return launchesOf(sequence).length;
}

/** An id for a step that a pass adds. */
export function freshStepId(sequence: Sequence): number {
  return sequence.reduce((most, { id }) => Math.max(most, id), -1) + 1;
}
