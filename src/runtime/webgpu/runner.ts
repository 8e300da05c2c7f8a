/**
 * One compiled entry on a GPU.
 *
 * Everything that does not change from step to step is made when the entry is prepared: pipelines and bind groups.
 * A step is then one command buffer: a compute pass for each run of launches, copies between them, one submit.
 *
 *   launch a; launch b; copy; launch c   ->   pass { a b } copy pass { c }   ->   queue.submit
 */

import { CompilerBug } from "../../core/errors.ts";
import { type BufferSlot, printBuffer } from "../../program/buffer.ts";
import type { LaunchObserver, Runner } from "../machine.ts";
import type { TypedArray } from "../typed-arrays.ts";
import { type Action, type ActionParts, Binder, Recorder, type Scratch } from "./actions.ts";
import { decode, type Staging, upload } from "./buffers.ts";
import { type GpuHealth, labelPrefix } from "./health.ts";

/** What a runner uses of its machine. */
export interface RunnerParts extends ActionParts {
  readonly health: GpuHealth;
  readonly staging: Staging;
  readonly onLaunch: LaunchObserver | undefined;
  readonly forget: (runner: WebGpuRunner) => void;
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
    this.#actions = new Binder(this.#parts, scratch).actions();
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
    const recorder = new Recorder(encoder, onLaunch);
    recorder.record(this.#actions);
    device.queue.submit([recorder.finish()]);
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
    const { input, output, counters, forget } = this.#parts;
    for (const buffer of [input, output, counters]) buffer?.destroy();
    this.#actions = [];
    forget(this);
  }
}
