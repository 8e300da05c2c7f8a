/**
 * What the artifacts of all targets have in common: the steps of an entry as plain data, in order. A printer makes them once;
 * a machine, `compile`, `inspect` and the command line read the same.
 */
import { CompilerBug, unreachable } from "../core/errors.ts";
import type { BufferParam, LoopVar } from "../kernel/kernel.ts";
import { type Buffer, type BufferSlot, printBuffer } from "./buffer.ts";
import { bodiesOf, type Launch, type Row, type Sequence } from "./sequence.ts";

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
      /** The iterations that the kernel is given: by how many loops stand around each of these loops. */
      readonly iterations: readonly number[];
    }
  /** A range over another of the same type and size. */
  | {
      readonly kind: "copy";
      readonly id: number;
      readonly from: BufferSlot;
      readonly to: BufferSlot;
      /** Without it, the whole. */
      readonly fromRow?: ArtifactRow;
      readonly toRow?: ArtifactRow;
    }
  | {
      readonly kind: "loop";
      readonly id: number;
      readonly label: string;
      /** How many loops stand around it. */
      readonly depth: number;
      readonly extent: number;
      readonly body: readonly ArtifactStep[];
    }
  /** See `WhileStep`. */
  | {
      readonly kind: "while";
      readonly id: number;
      readonly label: string;
      readonly test: readonly ArtifactStep[];
      readonly flag: BufferSlot;
      readonly most: number;
      readonly body: readonly ArtifactStep[];
    }
  | {
      readonly kind: "if";
      readonly id: number;
      readonly label: string;
      readonly flag: BufferSlot;
      readonly yes: readonly ArtifactStep[];
      readonly no: readonly ArtifactStep[];
    };

/** `count` elements from `offset` on, and so many further for each iteration of the loops at these depths. */
export interface ArtifactRow {
  readonly count: number;
  readonly offset: number;
  readonly strides: readonly { readonly depth: number; readonly by: number }[];
}

export type StepOf<K extends ArtifactStep["kind"]> = ArtifactStep & { readonly kind: K };

export type LaunchStep = StepOf<"launch">;

export interface Artifact {
  readonly steps: readonly ArtifactStep[];
  /** Launches that a machine may make as one: their ids, in order. */
  readonly joined?: readonly { readonly steps: readonly number[] }[];
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
  const launch = (step: Launch, around: readonly LoopVar[]): LaunchStep => {
    const bound = new Map(step.bindings.map(({ param, buffer }) => [param, buffer]));
    const bindings = step.kernel.buffers.map(({ name, role }) => {
      const buffer = bound.get(name);
      if (buffer === undefined) throw new CompilerBug(`${step.name} is launched without ${name}`);
      return { param: name, role, buffer: slot(buffer) };
    });
    const printed = kernelOf(step);
    const kernel = places.get(printed) ?? places.size;
    places.set(printed, kernel);
    const iterations = step.iterations.map((loop) => depthOf(loop, around));
    return { kind: "launch", id: step.id, label: step.name, kernel, bindings, iterations };
  };
  const all = (steps: Sequence, around: readonly LoopVar[]): readonly ArtifactStep[] =>
    steps.map((step): ArtifactStep => {
      const { id } = step;
      switch (step.kind) {
        case "launch":
          return launch(step, around);
        case "copy": {
          const rows = { ...rowAt("fromRow", step.fromRow, around), ...rowAt("toRow", step.toRow, around) };
          return { kind: "copy", id, from: slot(step.from), to: slot(step.to), ...rows };
        }
        case "loop": {
          const body = all(step.body, [...around, step.loop]);
          return { kind: "loop", id, label: step.name, depth: around.length, extent: step.loop.extent, body };
        }
        case "while": {
          const [test, body] = [all(step.test, around), all(step.body, around)];
          return { kind: "while", id, label: step.name, test, flag: slot(step.flag), most: step.most, body };
        }
        case "if": {
          const [yes, no] = [all(step.yes, around), all(step.no, around)];
          return { kind: "if", id, label: step.name, flag: slot(step.flag), yes, no };
        }
        default:
          return unreachable(step);
      }
    });
  return all(sequence, []);
}

function depthOf(loop: LoopVar, around: readonly LoopVar[]): number {
  const depth = around.indexOf(loop);
  if (depth < 0) throw new CompilerBug(`${loop.name} is no loop around the step that speaks of it`);
  return depth;
}

function rowAt<K extends string>(
  key: K,
  row: Row | undefined,
  around: readonly LoopVar[],
): { readonly [_ in K]?: ArtifactRow } {
  if (row === undefined) return {};
  const strides = row.strides.map(({ loop, by }) => ({ depth: depthOf(loop, around), by }));
  const made: { [_ in K]?: ArtifactRow } = {};
  made[key] = { count: row.count, offset: row.offset, strides };
  return made;
}

/** Every step, those that hold others before these. */
export function allSteps(steps: readonly ArtifactStep[]): readonly ArtifactStep[] {
  return steps.flatMap((step) => [step, ...bodiesOf<readonly ArtifactStep[]>(step).flatMap(allSteps)]);
}

export function launchSteps({ steps }: Artifact): readonly LaunchStep[] {
  return allSteps(steps).filter((step) => step.kind === "launch");
}

/** The steps of an artifact, for people to read. */
export function printArtifact({ steps }: Artifact): string {
  return steps.flatMap(linesOf).join("\n");
}

function linesOf(step: ArtifactStep): readonly string[] {
  const inside = (steps: readonly ArtifactStep[]): readonly string[] =>
    steps.flatMap(linesOf).map((line) => `  ${line}`);
  const { id } = step;
  switch (step.kind) {
    case "launch": {
      const bindings = step.bindings.map(({ param, buffer }) => `${param} = ${printBuffer(buffer)}`);
      return [`${id} launch ${step.label}(${bindings.join(", ")})`];
    }
    case "copy":
      return [`${id} copy ${printBuffer(step.from)} to ${printBuffer(step.to)}`];
    case "loop":
      return [`${id} loop ${step.extent} times`, ...inside(step.body)];
    case "while":
      return ["test", ...inside(step.test), `${id} while ${printBuffer(step.flag)}`, ...inside(step.body)];
    case "if":
      return [`${id} if ${printBuffer(step.flag)}`, ...inside(step.yes), "else", ...inside(step.no)];
    default:
      return unreachable(step);
  }
}
