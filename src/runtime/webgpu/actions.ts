/**
 * What a step does on a GPU, bound to buffers: made when an entry is prepared, recorded in every run (recorder.ts).
 *
 *   launch a; loop t < 2 { launch b; copy }   ->   pass { a b(0) } copy pass { b(1) } copy
 *
 * There is no loop in a command buffer: what it holds is recorded again and again. Which iteration it is, a kernel reads from a uniform
 * buffer that holds 0, 1, 2, ...: each dispatch says at which offset.
 */
import type { JoinedLaunches, WgslArtifact, WgslModule } from "../../../codegen/wgsl/artifact.ts";
import { byteWidth } from "../../core/dtype.ts";
import { CompilerBug, DeviceError, unreachable } from "../../core/errors.ts";
import {
  type ArtifactBinding,
  type ArtifactRow,
  type ArtifactStep,
  allSteps,
  type LaunchStep,
  type StepOf,
} from "../../program/artifact.ts";
import { type BufferSlot, printBuffer, type Segment } from "../../program/buffer.ts";
import type { CompiledEntry } from "../../program/compiled.ts";
import { usages } from "./buffers.ts";
import { labelPrefix } from "./health.ts";
import type { GpuProgram } from "./programs.ts";

/** The buffers that an entry's slots lie in; null where a segment is empty. */
export type Segments = Readonly<Record<Segment, GPUBuffer | null>>;

/** Shared scratch, made anew when it grows. */
export interface Scratch {
  readonly state: GPUBuffer | null;
  readonly arena: GPUBuffer | null;
  /** What inputs are held in. */
  readonly held: GPUBuffer | null;
  /** Copies within one buffer are not allowed: they go through this one. */
  readonly bounce: GPUBuffer | null;
  /** Debug: NaN, to copy over freed memory. */
  readonly poison: GPUBuffer | null;
}

/** Where a range begins: at `at`, `byPlace` bytes further for each place of the inputs, and `by` for each iteration of the loop at `depth`. */
export interface Start {
  readonly buffer: GPUBuffer;
  readonly at: number;
  readonly byPlace: number;
  readonly strides: readonly { readonly depth: number; readonly by: number }[];
}

interface Copy {
  readonly from: Start;
  readonly to: Start;
}

export type Action =
  | {
      readonly kind: "dispatch";
      /** One, or those that were joined. */
      readonly steps: readonly LaunchStep[];
      readonly program: GpuProgram;
      readonly groups: Groups;
      readonly iterations: GPUBindGroup | null;
      /** Where each iteration stands in the buffer of counters: filled for every dispatch. */
      readonly offsets: Uint32Array<ArrayBuffer>;
    }
  | { readonly kind: "copies"; readonly bytes: number; readonly copies: readonly Copy[] }
  | { readonly kind: "loop"; readonly depth: number; readonly extent: number; readonly actions: readonly Action[] };

/** The bind groups of a launch: one for each place of its inputs, made when a step first has that place. */
export class Groups {
  readonly #make: (place: number) => GPUBindGroup;
  readonly #made: GPUBindGroup[] = [];

  constructor(make: (place: number) => GPUBindGroup) {
    this.#make = make;
  }

  at(place: number): GPUBindGroup {
    const known = this.#made[place];
    if (known !== undefined) return known;
    const made = this.#make(place);
    this.#made[place] = made;
    return made;
  }
}

/** What an entry's launches were compiled to: a program for each module that is launched. */
export type EntryPrograms = ReadonlyMap<WgslModule, GpuProgram>;

/** What actions are made of. */
export interface ActionParts {
  readonly device: GPUDevice;
  readonly entry: CompiledEntry<WgslArtifact>;
  readonly programs: EntryPrograms;
  readonly input: GPUBuffer | null;
  /** From one place of the inputs to the next. */
  readonly placeBytes: number;
  readonly output: GPUBuffer | null;
  /** 0, 1, 2, ...: a number every `counterStride` bytes. */
  readonly counters: GPUBuffer | null;
}

/** WebGPU's least alignment of a uniform buffer's offset, which every device has. */
export const counterStride = 256;
/** 16 MB of counters. */
const mostIterations = 65_536;

/** The numbers that kernels in loops read their iteration from; null where there are no loops. */
export function counterBuffer(device: GPUDevice, { name, artifact }: CompiledEntry<WgslArtifact>): GPUBuffer | null {
  let most = 0;
  for (const step of allSteps(artifact.steps)) if (step.kind === "loop") most = Math.max(most, step.extent);
  if (most === 0) return null;
  if (most > mostIterations) {
    const words = `${name} has a loop of ${most} iterations; the wgsl target has at most ${mostIterations}`;
    throw new DeviceError(`${words}. Use several shorter loops, or target: "wasm".`);
  }
  const numbers = new Uint32Array((most * counterStride) / 4);
  for (let i = 0; i < most; i += 1) numbers[(i * counterStride) / 4] = i;
  const usage = usages.uniform | usages.copyDst;
  const buffer = device.createBuffer({
    label: `${labelPrefix} iterations of ${name}`,
    size: numbers.byteLength,
    usage,
  });
  device.queue.writeBuffer(buffer, 0, numbers);
  return buffer;
}

/** Binds a sequence to buffers. */
export class Binder {
  readonly #parts: ActionParts;
  readonly #scratch: Scratch;
  readonly #segments: Segments;
  /** By the first of their steps. */
  readonly #joined: ReadonlyMap<number, JoinedLaunches>;

  constructor(parts: ActionParts, scratch: Scratch) {
    this.#parts = parts;
    this.#scratch = scratch;
    this.#joined = new Map(parts.entry.artifact.joined.map((one) => [one.steps[0] ?? -1, one]));
    const { state, arena, held } = scratch;
    this.#segments = { state, arena, held, input: parts.input, output: parts.output };
  }

  actions(): readonly Action[] {
    return this.#all(this.#parts.entry.artifact.steps);
  }

  #all(steps: readonly ArtifactStep[]): readonly Action[] {
    const actions: Action[] = [];
    for (let i = 0; i < steps.length; ) {
      const step = steps[i];
      if (step === undefined) break;
      const joined = this.#joined.get(step.id);
      const count = joined?.steps.length ?? 1;
      if (joined === undefined) actions.push(this.#step(step), ...this.#poisoning(step));
      else actions.push(this.#dispatch(steps.slice(i, i + count).filter(isLaunch), joined.module, joined.bindings));
      i += count;
    }
    return actions;
  }

  #poisoning({ id }: ArtifactStep): readonly Action[] {
    const { poison, arena } = this.#scratch;
    if (poison === null || arena === null) return [];
    return (this.#parts.entry.freedAfter.get(id) ?? []).flatMap(({ offset, bytes }): Action[] => {
      if (bytes === 0) return [];
      return [{ kind: "copies", bytes, copies: [{ from: startOf(poison, 0), to: startOf(arena, offset) }] }];
    });
  }

  #step(step: ArtifactStep): Action {
    switch (step.kind) {
      case "launch":
        return this.#launch(step);
      case "copy":
        return this.#copy(step);
      case "loop":
        return { kind: "loop", depth: step.depth, extent: step.extent, actions: this.#all(step.body) };
      case "while":
      case "if":
        throw new CompilerBug(`${step.label}: the wgsl target has no branches between kernels`);
      default:
        return unreachable(step);
    }
  }

  #launch(step: LaunchStep): Action {
    const module = this.#parts.entry.artifact.kernels[step.kernel];
    if (module === undefined) throw new CompilerBug(`the kernel ${step.label} was not printed`);
    return this.#dispatch([step], module, step.bindings);
  }

  #dispatch(steps: readonly LaunchStep[], module: WgslModule, bindings: readonly ArtifactBinding[]): Action {
    const label = labelOf(steps);
    const program = this.#parts.programs.get(module);
    if (program === undefined) throw new CompilerBug(`the kernel ${label} was not compiled`);
    return {
      kind: "dispatch",
      steps,
      program,
      groups: this.#groups(label, program, bindings),
      iterations: this.#iterations(program),
      offsets: new Uint32Array(module.iterations),
    };
  }

  #groups(label: string, { text, layout }: GpuProgram, bindings: readonly ArtifactBinding[]): Groups {
    const { device } = this.#parts;
    const ranges = text.bindings.map(({ binding, param, bytes }, i) => {
      const bound = bindings[i];
      if (bound === undefined) throw new CompilerBug(`${param} of ${label} is not bound`);
      return { binding, bytes, start: this.#start(bound.buffer, undefined) };
    });
    const group = (place: number): GPUBindGroup => {
      const entries = ranges.map(({ binding, bytes, start: { buffer, at, byPlace } }): GPUBindGroupEntry => {
        return { binding, resource: { buffer, offset: at + byPlace * place, size: bytes } };
      });
      return device.createBindGroup({ label: `${labelPrefix} ${label}`, layout, entries });
    };
    const first = group(0); // what is wrong with it shows now
    const isPlaced = ranges.some(({ start }) => start.byPlace > 0);
    return new Groups((place) => (place === 0 || !isPlaced ? first : group(place)));
  }

  #iterations({ iterationLayout, text }: GpuProgram): GPUBindGroup | null {
    const { device, counters } = this.#parts;
    if (iterationLayout === null) return null;
    if (counters === null) throw new CompilerBug("a kernel is told of a loop, and there is none");
    const entries = Array.from({ length: text.iterations }, (_, binding) => {
      return { binding, resource: { buffer: counters, offset: 0, size: 4 } };
    });
    return device.createBindGroup({ label: `${labelPrefix} iterations`, layout: iterationLayout, entries });
  }

  #copy({ from, to, fromRow, toRow }: StepOf<"copy">): Action {
    const bytes = fromRow === undefined ? from.bytes : fromRow.count * elementBytes(from);
    const [first, second] = [this.#start(from, fromRow), this.#start(to, toRow)];
    const starts = [bytes, first.at, second.at, ...[...first.strides, ...second.strides].map(({ by }) => by)];
    if (starts.some((start) => start % 4 !== 0)) {
      const words = `${printBuffer(from)} is copied to ${printBuffer(to)} in rows of ${bytes} bytes`;
      throw new CompilerBug(`${words}, and WebGPU copies whole words`);
    }
    if (first.buffer !== second.buffer) return { kind: "copies", bytes, copies: [{ from: first, to: second }] };
    const { bounce } = this.#scratch;
    if (bounce === null) throw new CompilerBug(`no room to copy ${printBuffer(from)} to ${printBuffer(to)}`);
    const between = startOf(bounce, 0);
    const copies = [
      { from: first, to: between },
      { from: between, to: second },
    ];
    return { kind: "copies", bytes, copies };
  }

  #start(slot: BufferSlot, row: ArtifactRow | undefined): Start {
    const buffer = this.#segments[slot.segment];
    if (buffer === null)
      throw new CompilerBug(`a step names a buffer of a segment without memory: ${printBuffer(slot)}`);
    const byPlace = slot.segment === "input" ? this.#parts.placeBytes : 0;
    if (row === undefined) return { ...startOf(buffer, slot.offset), byPlace };
    const width = elementBytes(slot);
    const strides = row.strides.map(({ depth, by }) => ({ depth, by: by * width }));
    return { buffer, at: slot.offset + row.offset * width, byPlace, strides };
  }
}

function isLaunch(step: ArtifactStep): step is LaunchStep {
  return step.kind === "launch";
}

/** For people. */
function labelOf([first, ...others]: readonly LaunchStep[]): string {
  const label = first?.label ?? "";
  return others.length === 0 ? label : `${label} and ${others.length} more`;
}

function startOf(buffer: GPUBuffer, at: number): Start {
  return { buffer, at, byPlace: 0, strides: [] };
}

/** A bool is a word on the GPU. */
function elementBytes({ dtype }: BufferSlot): number {
  return dtype === "bool" ? 4 : byteWidth(dtype);
}
