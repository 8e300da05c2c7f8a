/**
 * The `wasm` target's runtime: one WebAssembly memory for everything, one module per entry, and a pool of threads.
 *
 * Addresses are part of a module's code. So a region of the memory stays where it is for as long as an entry uses it, and
 * an entry prepared later shares an earlier one's scratch only where it fits in. Nothing is allocated in a step.
 */

import { control, controlBytes, crowdedLooks, patientLooks } from "../../../codegen/wasm/abi.ts";
import { relocated, type WasmArtifact, type WasmRegion } from "../../../codegen/wasm/artifact.ts";
import { CompilerBug, UserError } from "../../core/errors.ts";
import type { Crew } from "../../program/artifact.ts";
import type { BufferSlot, Segment } from "../../program/buffer.ts";
import type { CompiledEntry } from "../../program/compiled.ts";
import type { Ceiling, Machine, MachineOptions, Runner } from "../machine.ts";
import type { LaunchLog, Track } from "../profile/launch-log.ts";
import { type TypedArray, viewOf } from "../typed-arrays.ts";
import type { Joining } from "./code.ts";
import { Crowding, type Timing } from "./crowding.ts";
import { chooseThreads, findHost, type Instantiate, type WasmHost } from "./host.ts";
import { WasmMemory } from "./memory.ts";
import { WasmPool } from "./pool.ts";
import { Regions, SharedRegions } from "./regions.ts";
import { type LoadedModule, type ThreadCall, WasmRunner } from "./runner.ts";
import { moduleImports } from "./worker.ts";

export interface WasmMachineOptions extends MachineOptions {
  /** How many threads run a step, this one among them; "auto": as many as there are processors, at most 8. */
  readonly threads: number | "auto";
  /** Whether entries with little to do are left to one thread; none is, by default. */
  readonly sparing?: boolean;
  /** How long a thread may show no sign of life, in milliseconds, before the others give up; 30,000 by default. */
  readonly deadlineMs?: number;
  /** Whether the engine has multiply-adds that are rounded once, and may use them; not, by default. */
  readonly relaxed?: boolean;
  /** How modules are compiled whose vectors are joined, or why none are; as the engine does it, by default. */
  readonly joining?: Joining;
  /** How modules are compiled that are worth to be optimized at once; as all others, by default. */
  readonly optimizing?: Instantiate;
  /** Where workers and memory come from: the engine that runs this, by default. */
  readonly host?: WasmHost;
  /** What decides whether a run is left to the thread that calls; by the times of runs, by default. */
  readonly newCrowding?: (threads: number) => Timing;
}

/** Slow machines swap and suspend, and kernels show life only now and then: a false alarm costs more than a late one. */
const defaultDeadlineMs = 30_000;

/**
 * Operations and bytes of a run for each byte of its module from which it is optimized at once: 100 kB take 120 ms. A transformer's
 * step of 4,000 has them back with the third run; what does less is optimized while it runs.
 */
const leastWork = 2_000;

/** An entry's addresses, and how to give them back. */
interface Place {
  readonly bases: Readonly<Record<WasmRegion, number>>;
  free(): void;
}

export class WasmMachine implements Machine<WasmArtifact> {
  readonly device: string;
  readonly remarks: readonly string[];
  readonly crew: Crew;
  readonly runsAhead = false;
  readonly #options: WasmMachineOptions;
  readonly #host: WasmHost;
  readonly #stateBytes: number;
  readonly #regions = new Regions(controlBytes);
  readonly #arenas = new SharedRegions(this.#regions);
  readonly #panels = new SharedRegions(this.#regions);
  /** By the name of the set. */
  readonly #held = new Map<string, SharedRegions>();
  readonly #runners = new Set<WasmRunner>();
  readonly #stateBase: number;
  #memory: WasmMemory | null;
  #pool: WasmPool | null;
  #failure: Error | null = null;
  #entries = 0;

  /** Throws `UserError` for a number of threads that cannot be, `DeviceError` where memory for the states or workers are refused. */
  constructor(stateBytes: number, options: WasmMachineOptions) {
    this.#options = options;
    this.#host = options.host ?? findHost();
    this.#stateBytes = stateBytes;
    const { threads: most, warning } = chooseThreads(options.threads, this.#host);
    if (warning !== null) options.onWarning?.(warning);
    // Steps are watched one at a time, and a step of several launches has barriers only inside `run`.
    const isWatched = options.onLaunch !== undefined || options.poisonFreed === true;
    const threads = isWatched ? 1 : most;
    this.crew = { threads, sparing: options.sparing === true, shared: threads > 1 };
    const { joining } = options;
    const isWide = joining?.lack === null;
    this.device = `wasm (${threads} ${threads === 1 ? "thread" : "threads"}${isWide ? ", 256 bits" : ""})`;
    this.remarks = joining === undefined || joining.lack === null ? [] : [`vectors of 128 bits: ${joining.lack}`];
    if (joining?.isWanted === true) for (const remark of this.remarks) options.onWarning?.(remark);
    this.#stateBase = this.#regions.take(stateBytes);
    this.#memory = new WasmMemory(this.#regions.end, "states", threads > 1, (wanted) => this.#host.newMemory(wanted));
    const words = new Int32Array(this.#memory.buffer, 0, controlBytes / 4);
    words[control.deadlineMs / 4] = options.deadlineMs ?? defaultDeadlineMs;
    if (threads > 1) {
      const looks = threads <= this.#host.parallelism ? patientLooks : crowdedLooks;
      words[control.barrierLooks / 4] = looks.barrier;
      words[control.idleLooks / 4] = looks.idle;
    }
    // Now, so that workers start (40 ms) while the program is compiled.
    this.#pool =
      threads > 1 ? new WasmPool(this.#host, this.#memory.memory, threads, (error) => this.#fail(error)) : null;
  }

  async prepare(entry: CompiledEntry<WasmArtifact>): Promise<Runner> {
    const place = this.#place(entry);
    try {
      const loaded = await this.#load(entry.name, entry.artifact, place.bases);
      const { buffer } = this.#wellMemory();
      const runner: WasmRunner = new WasmRunner({
        entry,
        loaded,
        clocked: (log) => this.#load(entry.name, entry.clocked?.() ?? entry.artifact, place.bases, log),
        bases: place.bases,
        options: this.#options,
        assertWell: () => this.#assertWell(),
        fail: (error) => this.#fail(error),
        newCrowding: this.#options.newCrowding ?? ((threads) => new Crowding(threads)),
        gaveUp: () => this.#pool?.gaveUp() ?? new CompilerBug(`the wasm code of ${entry.name} gave up on one thread`),
        forget: () => {
          if (!this.#runners.delete(runner)) return;
          loaded.unload();
          place.free();
        },
      });
      runner.bind(buffer);
      this.#runners.add(runner);
      return runner;
    } catch (error) {
      place.free();
      throw error;
    }
  }

  stateMemory({ dtype, offset, count }: BufferSlot): TypedArray {
    return viewOf(dtype, this.#wellMemory().buffer, this.#stateBase + offset, count);
  }

  writeState(slot: BufferSlot, values: TypedArray): void {
    this.stateMemory(slot).set(values);
  }

  async readState(slot: BufferSlot): Promise<TypedArray> {
    return this.stateMemory(slot).slice();
  }

  /** What entries asked for. The memory has whole pages, and beside this the threads' panels and 5 KB through which they meet. */
  allocatedBytes(): Readonly<Record<Segment, number>> {
    const held = [...this.#held.values()].reduce((sum, { bytes }) => sum + bytes, 0);
    const bytes = { state: this.#stateBytes, arena: this.#arenas.bytes, held, input: 0, output: 0 };
    for (const { segmentBytes } of this.#runners) {
      bytes.input += segmentBytes.input;
      bytes.output += segmentBytes.output;
    }
    return bytes;
  }

  async ceiling(): Promise<Ceiling> {
    const { wasmCeiling } = await import("./ceiling.ts");
    const { joining, relaxed = false } = this.#options;
    const joined = joining?.lack === null ? joining.instantiate : null;
    return wasmCeiling({ host: this.#host, threads: this.crew.threads, relaxed, joined });
  }

  dispose(): void {
    this.#end(new UserError("this executable was disposed"));
    for (const runner of [...this.#runners]) runner.release();
    this.#memory = null;
  }

  /** Finds room for an entry. All at once, without waiting in between: two entries may be prepared at the same time. */
  #place(entry: CompiledEntry<WasmArtifact>): Place {
    const memory = this.#wellMemory();
    const { arena, input, output, held } = entry.segmentBytes;
    const panelBytes = entry.artifact.bytes.panels;
    const { heldIn = "" } = entry;
    const heldSet = this.#held.get(heldIn) ?? new SharedRegions(this.#regions);
    this.#held.set(heldIn, heldSet);
    const bases = {
      state: this.#stateBase,
      arena: this.#arenas.take(arena),
      input: this.#regions.take(input),
      output: this.#regions.take(output),
      panels: this.#panels.take(panelBytes),
      held: heldSet.take(held),
    };
    const free = (): void => {
      heldSet.free(bases.held);
      this.#panels.free(bases.panels);
      this.#regions.free(bases.output);
      this.#regions.free(bases.input);
      this.#arenas.free(bases.arena);
    };
    const before = memory.buffer;
    try {
      const bytes = arena + input + output + panelBytes + held;
      const kept = held === 0 ? "" : `, ${held} of data that is held`;
      const what = `the entry ${entry.name} (${arena} bytes of scratch, ${input} of inputs, ${output} of outputs${kept})`;
      memory.ensure(this.#regions.end, bytes, what);
    } catch (error) {
      free();
      throw error;
    }
    if (memory.buffer !== before) for (const other of this.#runners) other.bind(memory.buffer);
    return { bases, free };
  }

  /** Makes a module ready to run, on every thread. `log`: it has clocks, which note their times there. */
  async #load(name: string, artifact: WasmArtifact, bases: Place["bases"], log?: LaunchLog): Promise<LoadedModule> {
    const { module, instance } = await this.#instantiate(name, artifact, bases, log?.tracks[0]);
    const exported = (what: string): ThreadCall => {
      const found = instance.exports[what];
      if (typeof found !== "function") throw new CompilerBug(`the wasm module of ${name} exports no ${what}`);
      return found as ThreadCall;
    };
    if (artifact.threads === 1) return { exported, start: () => {}, unload: () => {} };
    const id = this.#entries++;
    await this.#pool?.load(id, module, log?.tracks);
    return {
      exported,
      // A run of nothing has no barrier at its end that would tell when the workers have seen it.
      start: () => (artifact.steps.length === 0 ? undefined : this.#pool?.start(id)),
      unload: () => this.#pool?.unload(id),
    };
  }

  async #instantiate(
    name: string,
    artifact: WasmArtifact,
    bases: Place["bases"],
    track: Track | undefined,
  ): Promise<WebAssembly.WebAssemblyInstantiatedSource> {
    const { joinsVectors, work } = artifact;
    const { joining, optimizing } = this.#options;
    const bytes = relocated(artifact, bases);
    const atOnce = joinsVectors ? joining?.instantiate : work >= leastWork * bytes.length ? optimizing : undefined;
    const { memory } = this.#wellMemory();
    try {
      return await this.#host.instantiate(bytes, moduleImports(memory, track), atOnce);
    } catch (error) {
      if (!(error instanceof WebAssembly.CompileError)) throw error;
      throw new CompilerBug(`the engine refused the wasm module of ${name}: ${error.message}`);
    }
  }

  #wellMemory(): WasmMemory {
    this.#assertWell();
    if (this.#memory === null) throw new CompilerBug("the wasm machine has lost its memory");
    return this.#memory;
  }

  #assertWell(): void {
    if (this.#failure !== null) throw this.#failure;
  }

  /** A step that half happened has no state worth going on with: every later call gives this error. */
  #fail(error: unknown): Error {
    return this.#end(error instanceof Error ? error : new Error(String(error)));
  }

  #end(reason: Error): Error {
    this.#failure ??= reason;
    this.#pool?.end(this.#failure);
    this.#pool = null;
    return this.#failure;
  }
}
