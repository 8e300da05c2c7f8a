/**
 * The `wgsl` target's runtime: a device, one buffer for all states, one arena for all entries, and a runner per entry.
 *
 * No buffer is made in a step, once there are enough to go to and from the host. The arena grows to the largest entry; the bind groups of those
 * prepared before are then made anew. `run()` only submits: a caller that never reads lets work pile up, so it should read (a loss, every few
 * steps) or use `executable.run`, which waits in between.
 */
import type { WgslArtifact, WgslModule } from "../../../codegen/wgsl/artifact.ts";
import { allSteps, alone, launchSteps } from "../../program/artifact.ts";
import type { BufferSlot, Segment } from "../../program/buffer.ts";
import type { CompiledEntry } from "../../program/compiled.ts";
import type { Ceiling, Machine, MachineOptions, Runner } from "../machine.ts";
import type { TypedArray } from "../typed-arrays.ts";
import { counterBuffer, type EntryPrograms, type Scratch } from "./actions.ts";
import { checkSizes, decode, storageBuffer } from "./buffers.ts";
import { Commands } from "./commands.ts";
import type { GpuConnection } from "./connection.ts";
import { GpuHealth } from "./health.ts";
import { Places, placesFor } from "./places.ts";
import { GpuPrograms } from "./programs.ts";
import { WebGpuRunner } from "./runner.ts";

export class WebGpuMachine implements Machine<WgslArtifact> {
  readonly device: string;
  readonly crew = alone;
  readonly runsAhead = true;
  readonly #connection: GpuConnection;
  readonly #health: GpuHealth;
  readonly #programs: GpuPrograms;
  readonly #commands: Commands;
  readonly #options: MachineOptions;
  readonly #runners = new Set<WebGpuRunner>();
  #state: GPUBuffer | null = null;
  #arena: GPUBuffer | null = null;
  /** By the name of the set. */
  readonly #held = new Map<string, GPUBuffer>();
  #bounce: GPUBuffer | null = null;
  #poison: GPUBuffer | null = null;
  #isDisposed = false;

  private constructor(connection: GpuConnection, options: MachineOptions) {
    this.#connection = connection;
    this.#health = new GpuHealth(connection, options.onWarning);
    this.#programs = new GpuPrograms(connection, this.#health);
    this.#commands = new Commands(connection, this.#health, options.onLaunch);
    this.#options = options;
    this.device = `wgsl (${connection.name})`;
  }

  static async create(
    connection: GpuConnection,
    stateBytes: number,
    options: MachineOptions = {},
  ): Promise<WebGpuMachine> {
    const machine = new WebGpuMachine(connection, options);
    try {
      checkSizes({ state: stateBytes }, [], connection.limits);
      machine.#state = await machine.#health.attempt(`for ${stateBytes} bytes of states`, () =>
        storageBuffer(connection, "states", stateBytes),
      );
      return machine;
    } catch (error) {
      machine.dispose();
      throw error;
    }
  }

  async prepare(given: CompiledEntry<WgslArtifact>): Promise<Runner> {
    this.#health.assertWell();
    const entry = this.#options.poisonFreed === true ? launchedApart(given) : given;
    checkSizes(entry.segmentBytes, entry.buffers.values(), this.#connection.limits);
    const programs = await this.#compile(entry);
    const { arena, input, output } = entry.segmentBytes;
    const what = `for the entry ${entry.name} (${arena} bytes of scratch, ${input} of inputs, ${output} of outputs)`;
    const made: WebGpuRunner[] = [];
    await this.#hold(entry);
    this.#commands.submit(); // what is recorded names scratch that may be replaced
    try {
      // All at once, without waiting in between: two entries may be prepared at the same time.
      return await this.#health.attempt(what, () => {
        const runner = this.#runner(entry, programs);
        made.push(runner);
        const stale = this.#grow(entry) ? [...this.#runners] : [runner];
        for (const other of stale) other.bind(this.#scratchOf(other.entry));
        return runner;
      });
    } catch (error) {
      for (const runner of made) runner.release();
      this.#health.fail(error); // other entries may be bound to an arena that does not exist
      throw error;
    }
  }

  writeState(slot: BufferSlot, values: TypedArray): void {
    this.#health.assertWell();
    if (this.#state === null) return;
    this.#commands.upload(this.#state, slot, values, null);
  }

  async readState(slot: BufferSlot): Promise<TypedArray> {
    this.#health.assertWell();
    if (this.#state === null) return decode(slot, new ArrayBuffer(0), 0);
    return decode(slot, await this.#commands.read(this.#state, slot.offset, slot.bytes), 0);
  }

  async ceiling(): Promise<Ceiling> {
    const { gpuCeiling } = await import("./ceiling.ts");
    this.#commands.submit();
    return gpuCeiling(this.#connection);
  }

  /** Scratch for copies within one buffer counts as arena. What is on its way to or from the host is no program memory. */
  allocatedBytes(): Readonly<Record<Segment, number>> {
    const bytes = { state: this.#state?.size ?? 0, arena: this.#arena?.size ?? 0, held: 0, input: 0, output: 0 };
    bytes.arena += this.#bounce?.size ?? 0;
    for (const { size } of this.#held.values()) bytes.held += size;
    for (const { buffers } of this.#runners) {
      bytes.input += buffers.input?.size ?? 0;
      bytes.output += buffers.output?.size ?? 0;
    }
    return bytes;
  }

  dispose(): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    this.#health.close();
    this.#commands.dispose();
    for (const runner of [...this.#runners]) runner.release();
    for (const buffer of [this.#state, this.#arena, this.#bounce, this.#poison, ...this.#held.values()])
      buffer?.destroy();
    if (this.#connection.isOurs) this.#connection.device.destroy();
  }

  #runner(entry: CompiledEntry<WgslArtifact>, programs: EntryPrograms): WebGpuRunner {
    const sizes = placesFor(entry.segmentBytes.input);
    const input = storageBuffer(this.#connection, `inputs of ${entry.name}`, sizes.count * sizes.stride);
    const runner = new WebGpuRunner({
      device: this.#connection.device,
      health: this.#health,
      commands: this.#commands,
      entry,
      programs,
      input,
      placeBytes: sizes.stride,
      places: input === null || sizes.count === 1 ? null : new Places(input, sizes),
      output: storageBuffer(this.#connection, `outputs of ${entry.name}`, entry.segmentBytes.output),
      counters: counterBuffer(this.#connection.device, entry),
      forget: (gone) => this.#forget(gone),
    });
    this.#runners.add(runner);
    return runner;
  }

  /** A program for each module that is launched; all are compiled at the same time. */
  async #compile({ artifact }: CompiledEntry<WgslArtifact>): Promise<EntryPrograms> {
    const inOthers = new Set(artifact.joined.flatMap(({ steps }) => steps));
    const labels = new Map<WgslModule, string>();
    for (const { id, kernel, label } of launchSteps(artifact)) {
      const module = artifact.kernels[kernel];
      if (module !== undefined && !inOthers.has(id)) labels.set(module, label);
    }
    for (const { module } of artifact.joined) labels.set(module, "launches in one");
    const made = [...labels].map(
      async ([module, label]) => [module, await this.#programs.program(label, module)] as const,
    );
    return new Map(await Promise.all(made));
  }

  /** Makes shared scratch large enough for an entry. True when a buffer was replaced. */
  #grow(entry: CompiledEntry<WgslArtifact>): boolean {
    const needs = {
      arena: entry.segmentBytes.arena,
      bounce: largestInnerCopy(entry),
      poison: this.#options.poisonFreed === true ? entry.segmentBytes.arena : 0,
    };
    const [arena, bounce, poison] = [this.#arena, this.#bounce, this.#poison];
    this.#arena = this.#larger(arena, "arena", needs.arena);
    this.#bounce = this.#larger(bounce, "copies", needs.bounce);
    this.#poison = this.#larger(poison, "NaN", needs.poison);
    if (this.#poison !== poison && this.#poison !== null) {
      const { device } = this.#connection;
      device.queue.writeBuffer(this.#poison, 0, new Uint8Array(this.#poison.size).fill(0xff));
    }
    return this.#arena !== arena || this.#bounce !== bounce || this.#poison !== poison;
  }

  /** Makes room for data that is held. It may be large: where there is none nothing was changed, and the machine is as well as before. */
  async #hold({ heldIn = "", segmentBytes: { held: bytes } }: CompiledEntry<WgslArtifact>): Promise<void> {
    const lacksRoom = (): boolean => bytes > (this.#held.get(heldIn)?.size ?? 0);
    if (!lacksRoom()) return;
    const made: GPUBuffer[] = [];
    try {
      await this.#health.attempt(`for ${bytes} bytes of data that is held`, () => {
        const buffer = storageBuffer(this.#connection, "held inputs", bytes);
        if (buffer !== null) made.push(buffer);
      });
    } catch (error) {
      for (const buffer of made) buffer.destroy();
      throw error;
    }
    const [larger] = made;
    if (larger === undefined || !lacksRoom()) return larger?.destroy(); // another entry was faster
    this.#commands.submit(); // what is recorded names the one before
    this.#held.get(heldIn)?.destroy();
    this.#held.set(heldIn, larger);
    for (const runner of this.#runners) runner.bind(this.#scratchOf(runner.entry));
  }

  #scratchOf({ heldIn = "" }: CompiledEntry<WgslArtifact>): Scratch {
    const held = this.#held.get(heldIn) ?? null;
    return { state: this.#state, arena: this.#arena, held, bounce: this.#bounce, poison: this.#poison };
  }

  #larger(buffer: GPUBuffer | null, what: string, bytes: number): GPUBuffer | null {
    if (bytes <= (buffer?.size ?? 0)) return buffer;
    const larger = storageBuffer(this.#connection, what, bytes);
    buffer?.destroy(); // what was submitted with it still runs
    return larger;
  }

  #forget(runner: WebGpuRunner): void {
    this.#runners.delete(runner);
    this.#programs.keep(new Set([...this.#runners].flatMap(({ sources }) => sources)));
  }
}

/** For what is to happen between launches: each is one of its own. */
function launchedApart(entry: CompiledEntry<WgslArtifact>): CompiledEntry<WgslArtifact> {
  return { ...entry, artifact: { ...entry.artifact, joined: [] } };
}

/** Bytes of the largest copy between two slots of one segment. */
function largestInnerCopy({ artifact }: CompiledEntry<WgslArtifact>): number {
  let largest = 0;
  for (const step of allSteps(artifact.steps)) {
    if (step.kind === "copy" && step.from.segment === step.to.segment) largest = Math.max(largest, step.from.bytes);
  }
  return largest;
}
