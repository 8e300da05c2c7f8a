/**
 * What the artifacts of all targets have in common: the steps of an entry as plain data, in order. A printer makes them once;
 * a machine, `compile`, `inspect` and the command line read the same.
 */
import { CompilerBug } from "../core/errors.ts";
import type { BufferParam } from "../kernel/kernel.ts";
import { type Buffer, type BufferSlot, printBuffer } from "./buffer.ts";
import type { Launch, Sequence } from "./sequence.ts";

/** A parameter of a kernel, and the buffer that it is. */
export interface ArtifactBinding {
  readonly param: string;
  readonly role: BufferParam["role"];
  readonly buffer: BufferSlot;
}

export type ArtifactStep =
  | {
      readonly kind: "launch";
      /** The step's in the sequence: what reports, profiles and pictures call it. */
      readonly id: number;
      /** The launch's name. */
      readonly label: string;
      /** Which of the artifact's kernels. */
      readonly kernel: number;
      /** In the order of the kernel's parameters. */
      readonly bindings: readonly ArtifactBinding[];
    }
  /** The whole of one range over another of the same type and size. */
  | { readonly kind: "copy"; readonly id: number; readonly from: BufferSlot; readonly to: BufferSlot };

export type LaunchStep = ArtifactStep & { readonly kind: "launch" };

export interface Artifact {
  readonly steps: readonly ArtifactStep[];
}

/** The buffers of an entry, with their places, and how large each segment is: what a printer needs besides the sequence. */
export interface Addresses {
  readonly buffers: ReadonlyMap<Buffer, BufferSlot>;
  readonly segmentBytes: Readonly<Record<BufferSlot["segment"], number>>;
}

/** Who runs what is printed: a machine says so once it is there. */
export interface Crew {
  readonly threads: number;
  /** Whether small entries are left to one of the threads. */
  readonly sparing: boolean;
  /** Whether the memory is one that threads can share: other entries may run on more of them. */
  readonly shared: boolean;
}

/** One thread with a memory of its own. */
export const alone: Crew = { threads: 1, sparing: false, shared: false };

/**
 * The steps of a sequence, its buffers looked up. `kernelOf`: what the artifact has for a launch; the artifact's kernels are these,
 * each once, in the order in which it comes first.
 */
export function artifactSteps(
  sequence: Sequence,
  { buffers }: Addresses,
  kernelOf: (launch: Launch) => unknown = ({ kernel }) => kernel,
): readonly ArtifactStep[] {
  const slot = (buffer: Buffer): BufferSlot => {
    const found = buffers.get(buffer);
    if (found === undefined) throw new CompilerBug(`${printBuffer(buffer)} has no address`);
    return found;
  };
  const places = new Map<unknown, number>();
  return sequence.map((step): ArtifactStep => {
    const { id } = step;
    if (step.kind === "copy") return { kind: "copy", id, from: slot(step.from), to: slot(step.to) };
    const bound = new Map(step.bindings.map(({ param, buffer }) => [param, buffer]));
    const bindings = step.kernel.buffers.map(({ name, role }) => {
      const buffer = bound.get(name);
      if (buffer === undefined) throw new CompilerBug(`${step.name} is launched without ${name}`);
      return { param: name, role, buffer: slot(buffer) };
    });
    const printed = kernelOf(step);
    const kernel = places.get(printed) ?? places.size;
    places.set(printed, kernel);
    return { kind: "launch", id, label: step.name, kernel, bindings };
  });
}

export function launchSteps({ steps }: Artifact): readonly LaunchStep[] {
  return steps.filter((step) => step.kind === "launch");
}

/** The steps of an artifact, for people to read. */
export function printArtifact({ steps }: Artifact): string {
  const lines = steps.map((step) => {
    if (step.kind === "copy") return `${step.id} copy ${printBuffer(step.from)} to ${printBuffer(step.to)}`;
    const bindings = step.bindings.map(({ param, buffer }) => `${param} = ${printBuffer(buffer)}`);
    return `${step.id} launch ${step.label}(${bindings.join(", ")})`;
  });
  return lines.join("\n");
}
