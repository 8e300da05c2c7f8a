/**
 * One compiled entry on a GPU.
 *
 * Everything that does not change from step to step is made when the entry is prepared: pipelines and bind groups.
 * A step is then one command buffer: a compute pass for each run of launches, copies between them, one submit.
 *
 *   launch a; launch b; copy; launch c   ->   pass { a b } copy pass { c }   ->   queue.submit
 */

import type { WgslArtifact } from "../../../codegen/wgsl/artifact.ts";
import { CompilerBug } from "../../core/errors.ts";
import type { ArtifactStep, LaunchStep } from "../../program/artifact.ts";
import { type BufferSlot, printBuffer, type Segment } from "../../program/buffer.ts";
import type { CompiledEntry } from "../../program/compiled.ts";
import type { LaunchObserver, Runner } from "../machine.ts";
import type { TypedArray } from "../typed-arrays.ts";
import { decode, type Staging, upload } from "./buffers.ts";
import { type GpuHealth, labelPrefix } from "./health.ts";
import type { GpuProgram } from "./programs.ts";

/** The buffers that an entry's slots lie in; null where a segment is empty. */
export type Segments = Readonly<Record<Segment, GPUBuffer | null>>;

type Copy = { readonly from: GPUBuffer; readonly fromAt: number; readonly to: GPUBuffer; readonly toAt: number };

type Action =
  | {
      readonly kind: "dispatch";
      readonly step: LaunchStep;
      readonly program: GpuProgram;
      readonly group: GPUBindGroup;
    }
  | { readonly kind: "copies"; readonly bytes: number; readonly copies: readonly Copy[] };

/** What a runner uses of its machine. */
export interface RunnerParts {
  readonly device: GPUDevice;
  readonly health: GpuHealth;
  readonly staging: Staging;
  readonly entry: CompiledEntry<WgslArtifact>;
  /** For each of the artifact's kernels. */
  readonly programs: readonly GpuProgram[];
  readonly input: GPUBuffer | null;
  readonly output: GPUBuffer | null;
  readonly onLaunch: LaunchObserver | undefined;
  readonly forget: (runner: WebGpuRunner) => void;
}

/** Shared scratch, made anew when it grows. */
export interface Scratch {
  readonly state: GPUBuffer | null;
  readonly arena: GPUBuffer | null;
  /** Copies within one buffer are not allowed: they go through this one. */
  readonly bounce: GPUBuffer | null;
  /** Debug: NaN, to copy over freed memory. */
  readonly poison: GPUBuffer | null;
}

/** Outputs up to this size come back together, whichever is asked for: a round trip costs more than the bytes. */
const readTogether = 65536;

/** A fence for so many runs, and two of them: enough to keep a GPU busy, and little to wait for when something fails. */
const runsPerFence = 8;
const mostFences = 2;

export class WebGpuRunner implements Runner {
  readonly #parts: RunnerParts;
  #actions: readonly Action[] = [];
  /** Counts runs, so that a readback is used only for the run it belongs to. */
  #runs = 0;
  #together: { readonly run: number; readonly bytes: Promise<ArrayBuffer> } | null = null;
  readonly #fences: Promise<undefined>[] = [];

  constructor(parts: RunnerParts) {
    this.#parts = parts;
  }

  get buffers(): { readonly input: GPUBuffer | null; readonly output: GPUBuffer | null } {
    return this.#parts;
  }

  get sources(): readonly string[] {
    return this.#parts.programs.map(({ text }) => text.source);
  }

  bind(scratch: Scratch): void {
    const binder = new Binder(this.#parts, scratch);
    this.#actions = binder.actions(this.#parts.entry);
  }

  feed(input: number, values: TypedArray): void {
    const { device, entry, input: buffer, health } = this.#parts;
    health.assertWell();
    const slot = entry.inputs[input]?.buffer;
    if (buffer !== null && slot !== undefined) upload(device, buffer, slot, values);
  }

  run(): void {
    const { device, health, onLaunch } = this.#parts;
    health.assertWell();
    const encoder = device.createCommandEncoder({ label: `${labelPrefix} ${this.#parts.entry.name}` });
    let pass: GPUComputePassEncoder | null = null;
    for (let i = 0; i < this.#actions.length; i++) {
      const action = this.#actions[i];
      if (action === undefined) continue;
      if (action.kind === "copies") {
        pass?.end();
        pass = null;
        for (const { from, fromAt, to, toAt } of action.copies) {
          encoder.copyBufferToBuffer(from, fromAt, to, toAt, action.bytes);
        }
        continue;
      }
      pass ??= encoder.beginComputePass();
      const { program, group } = action;
      const [x, y, z] = program.text.workgroups;
      if (x * y * z === 0) continue; // an empty tensor: nothing to launch, and Dawn would warn
      pass.setPipeline(program.pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(x, y, z);
      onLaunch?.(action.step.label, action.step.id);
    }
    pass?.end();
    device.queue.submit([encoder.finish()]);
    this.#runs++;
  }

  /** Waits while too many runs are in flight. */
  async ready(): Promise<void> {
    if (this.#runs === 0 || this.#runs % runsPerFence !== 0) return;
    const { device, health } = this.#parts;
    const fence = device.queue.onSubmittedWorkDone();
    fence.catch(() => undefined); // one that nobody waits for any more may fail in peace
    this.#fences.push(fence);
    if (this.#fences.length <= mostFences) return;
    await health.wait("waiting for a step", this.#fences.shift() ?? Promise.resolve(undefined));
  }

  async read(slot: BufferSlot): Promise<TypedArray> {
    const { entry, output, staging } = this.#parts;
    if (output === null) throw new CompilerBug(`${printBuffer(slot)} is read, but there are no outputs`);
    if (entry.segmentBytes.output > readTogether) {
      return decode(slot, await staging.read(output, slot.offset, slot.bytes), 0);
    }
    if (this.#together?.run !== this.#runs) {
      this.#together = { run: this.#runs, bytes: staging.read(output, 0, entry.segmentBytes.output) };
    }
    return decode(slot, await this.#together.bytes, slot.offset);
  }

  release(): void {
    const { input, output, forget } = this.#parts;
    for (const buffer of [input, output]) buffer?.destroy();
    this.#actions = [];
    forget(this);
  }
}

/** Binds a sequence to buffers. */
class Binder {
  readonly #parts: RunnerParts;
  readonly #scratch: Scratch;
  readonly #segments: Segments;

  constructor(parts: RunnerParts, scratch: Scratch) {
    this.#parts = parts;
    this.#scratch = scratch;
    this.#segments = { state: scratch.state, arena: scratch.arena, input: parts.input, output: parts.output };
  }

  actions({ artifact, freedAfter }: CompiledEntry<WgslArtifact>): readonly Action[] {
    return artifact.steps.flatMap((step) => {
      const freed = this.#scratch.poison === null ? [] : (freedAfter.get(step.id) ?? []);
      const poisoning = freed.flatMap(({ offset, bytes }): Action[] => {
        const [from, to] = [this.#scratch.poison, this.#segments.arena];
        if (from === null || to === null || bytes === 0) return [];
        return [{ kind: "copies", bytes, copies: [{ from, fromAt: 0, to, toAt: offset }] }];
      });
      return [this.#step(step), ...poisoning];
    });
  }

  #step(step: ArtifactStep): Action {
    switch (step.kind) {
      case "launch":
        return this.#launch(step);
      case "copy":
        return this.#copy(this.#place(step.from), this.#place(step.to));
    }
  }

  #launch(step: LaunchStep): Action {
    const program = this.#parts.programs[step.kernel];
    if (program === undefined) throw new CompilerBug(`the kernel ${step.label} was not compiled`);
    return { kind: "dispatch", step, program, group: this.#group(step, program) };
  }

  #group(step: LaunchStep, { text, layout }: GpuProgram): GPUBindGroup {
    const { device } = this.#parts;
    const entries: GPUBindGroupEntry[] = text.bindings.map(({ binding, param, bytes }, i) => {
      const bound = step.bindings[i];
      if (bound === undefined) throw new CompilerBug(`${param} of ${step.label} is not bound`);
      const { buffer, slot } = this.#place(bound.buffer);
      return { binding, resource: { buffer, offset: slot.offset, size: bytes } };
    });
    return device.createBindGroup({ label: `${labelPrefix} ${step.label}`, layout, entries });
  }

  #copy(from: Place, to: Place): Action {
    const direct = { from: from.buffer, fromAt: from.slot.offset, to: to.buffer, toAt: to.slot.offset };
    const { bytes } = from.slot;
    if (from.buffer !== to.buffer) return { kind: "copies", bytes, copies: [direct] };
    const { bounce } = this.#scratch;
    if (bounce === null) throw new CompilerBug(`no room to copy ${printBuffer(from.slot)} to ${printBuffer(to.slot)}`);
    const copies = [
      { ...direct, to: bounce, toAt: 0 },
      { ...direct, from: bounce, fromAt: 0 },
    ];
    return { kind: "copies", bytes, copies };
  }

  #place(slot: BufferSlot): Place {
    const buffer = this.#segments[slot.segment];
    if (buffer === null)
      throw new CompilerBug(`a step names a buffer of a segment without memory: ${printBuffer(slot)}`);
    return { slot, buffer };
  }
}

interface Place {
  readonly slot: BufferSlot;
  readonly buffer: GPUBuffer;
}
