/**
 * One compiled entry on a GPU.
 *
 * Everything that does not change from step to step is made when the entry is prepared: pipelines and bind groups.
 * A step is then a compute pass for each run of launches, and copies between them, recorded in the machine's commands; one that is called
 * alone is submitted at once, those of a chunk (chunk.ts) together. Small feeds wait beside one another (places.ts), so that no copy stands
 * between steps.
 *
 *   launch a; launch b; copy; launch c   ->   pass { a b } copy pass { c }   ->   queue.submit
 */

import type { WgslArtifact } from "../../../codegen/wgsl/artifact.ts";
import { CompilerBug } from "../../core/errors.ts";
import { type BufferSlot, printBuffer } from "../../program/buffer.ts";
import type { CompiledEntry } from "../../program/compiled.ts";
import type { Chunk, LaunchWatch, Runner } from "../machine.ts";
import type { LaunchLog } from "../profile/launch-log.ts";
import type { TypedArray } from "../typed-arrays.ts";
import { type Action, type ActionParts, Binder, type Scratch } from "./actions.ts";
import { decode, gpuBytesOf } from "./buffers.ts";
import { type ChunkParts, ChunkSize, WebGpuChunk } from "./chunk.ts";
import type { Commands } from "./commands.ts";
import type { GpuHealth } from "./health.ts";
import type { Places } from "./places.ts";
import type { LaunchTimes } from "./recorder.ts";
import { elapsedMs, watchBytes } from "./stopwatch.ts";

/** What a runner uses of its machine. */
export interface RunnerParts extends ActionParts {
  readonly health: GpuHealth;
  readonly commands: Commands;
  /** Where small inputs lie; null where they are large, or there are none. */
  readonly places: Places | null;
  readonly forget: (runner: WebGpuRunner) => void;
}

/** Outputs up to this size come back together, whichever is asked for: a round trip costs more than the bytes. */
const readTogether = 65536;

export class WebGpuRunner implements Runner {
  readonly #parts: RunnerParts;
  readonly #chunk: ChunkParts;
  #actions: readonly Action[] = [];
  #held: GPUBuffer | null = null;
  #scratch: Scratch | null = null;
  /** Where launches are timed. */
  #times: LaunchTimes | null = null;
  /** Counts runs, so that a readback is used only for the run it belongs to. */
  #runs = 0;
  #together: { readonly run: number; readonly bytes: Promise<ArrayBuffer> } | null = null;
  /** Where the outputs of a run were copied in its own submit, as those of the run before had been read: a loop that looks at each step. */
  #copied: { readonly run: number; readonly room: GPUBuffer } | null = null;

  constructor(parts: RunnerParts) {
    this.#parts = parts;
    this.#chunk = {
      commands: parts.commands,
      size: new ChunkSize(),
      output: parts.output,
      outputBytes: parts.entry.segmentBytes.output,
      feed: (input, values, more) => this.#feed(input, values, more),
      record: () => this.#record(),
    };
  }

  get buffers(): { readonly input: GPUBuffer | null; readonly output: GPUBuffer | null } {
    return this.#parts;
  }

  get entry(): CompiledEntry<WgslArtifact> {
    return this.#parts.entry;
  }

  get sources(): readonly string[] {
    return [...this.#parts.programs.keys()].map(({ source }) => source);
  }

  bind(scratch: Scratch): void {
    this.#scratch = scratch;
    this.#held = scratch.held;
    this.#actions = new Binder(this.#parts, scratch).actions();
  }

  feed(input: number, values: TypedArray): void {
    this.#feed(input, values, null);
  }

  run(): void {
    const { commands, output, entry } = this.#parts;
    const wasRead = this.#together?.run === this.#runs;
    this.#record();
    if (output !== null && wasRead) {
      const bytes = entry.segmentBytes.output;
      const room = this.#copied?.room ?? commands.room(bytes);
      commands.recorder.copy(output, 0, room, 0, bytes);
      this.#copied = { run: this.#runs, room };
    }
    commands.submit();
  }

  chunk(left: number, done: number, reads: "each step" | "none"): Chunk {
    const parts = reads === "none" ? { ...this.#chunk, output: null, outputBytes: 0 } : this.#chunk;
    return new WebGpuChunk(parts, left, done);
  }

  /** One pass of so many runs; undefined where copies stand between its launches, or the device has no clock. */
  async timed(runs: number): Promise<number | undefined> {
    const { commands, health } = this.#parts;
    const watch = commands.stopwatch;
    if (watch === null || !isOnePass(this.#actions)) return undefined;
    health.assertWell();
    commands.submit();
    commands.recorder.time(watch);
    for (let i = 0; i < runs; i += 1) this.#record();
    return elapsedMs(await commands.read(commands.recorder.timed(watch), 0, watchBytes));
  }

  async watch(): Promise<LaunchWatch> {
    const { commands, entry } = this.#parts;
    const [clock, { LaunchLog }] = [await commands.passClock(), await import("../profile/launch-log.ts")];
    const log = new LaunchLog(entry.artifact, 1);
    if (clock === null) return this.#drained(log);
    return {
      log,
      clock: "the GPU's clock, each launch in a pass of its own",
      begin: () => {
        this.#times = { clock, log };
      },
      settled: () => {
        commands.submit();
        return clock.settled();
      },
      end: () => {
        this.#times = null;
      },
    };
  }

  /** Runs are counted, and their launches timed behind them. */
  #drained(log: LaunchLog): LaunchWatch {
    const { device, commands, output, health } = this.#parts;
    let [first, counted]: [number | null, number] = [null, 0];
    const count = (): void => {
      if (first !== null) counted = this.#runs - first;
    };
    return {
      log,
      clock: "the host's, as the GPU has none: each launch by itself behind the runs, until the queue is empty",
      begin: () => {
        first = this.#runs;
      },
      settled: async () => {
        count();
        first = null;
        commands.submit();
        const { timeDrained } = await import("./drained.ts");
        health.assertWell();
        const kept = [this.#scratch?.state ?? null, output];
        await timeDrained({ device, actions: this.#actions, kept, log, runs: counted });
      },
      end: () => {
        count();
        first = null;
      },
    };
  }

  ready(): Promise<void> {
    return this.#parts.commands.ready();
  }

  async read(slot: BufferSlot): Promise<TypedArray> {
    const { entry, output, commands } = this.#parts;
    if (output === null) throw new CompilerBug(`${printBuffer(slot)} is read, but there are no outputs`);
    if (entry.segmentBytes.output > readTogether) {
      return decode(slot, await commands.read(output, slot.offset, slot.bytes), 0);
    }
    if (this.#together?.run !== this.#runs) this.#together = { run: this.#runs, bytes: this.#readAll(output) };
    return decode(slot, await this.#together.bytes, slot.offset);
  }

  release(): void {
    const { input, output, counters, commands, forget } = this.#parts;
    commands.submit(); // what is recorded names these buffers
    for (const buffer of [input, output, counters, this.#copied?.room]) buffer?.destroy();
    this.#actions = [];
    forget(this);
  }

  #readAll(output: GPUBuffer): Promise<ArrayBuffer> {
    const { entry, commands } = this.#parts;
    const bytes = entry.segmentBytes.output;
    if (this.#copied?.run !== this.#runs) return commands.read(output, 0, bytes);
    const { room } = this.#copied;
    this.#copied = null;
    return commands.deliver(room, bytes);
  }

  #feed(input: number, values: TypedArray, more: number | null): number {
    const { entry, input: fed, places, health, commands } = this.#parts;
    health.assertWell();
    const slot = entry.inputs[input]?.buffer;
    if (slot === undefined) return 0;
    if (slot.segment !== "held" && places !== null) {
      if (places.isFull) commands.submit();
      const bytes = gpuBytesOf(slot, values);
      places.feed(slot, bytes);
      return bytes.byteLength;
    }
    const buffer = slot.segment === "held" ? this.#held : fed;
    return buffer === null ? 0 : commands.upload(buffer, slot, values, more);
  }

  #record(): void {
    const { health, commands, places } = this.#parts;
    health.assertWell();
    commands.recorder.record(this.#actions, places === null ? 0 : commands.placeOf(places), this.#times);
    this.#runs++;
  }
}

function isOnePass(actions: readonly Action[]): boolean {
  return actions.every((action) => action.kind === "dispatch" || (action.kind === "loop" && isOnePass(action.actions)));
}
