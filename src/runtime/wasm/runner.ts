/**
 * One entry on the wasm machine: its module, its inputs and outputs, and how it runs.
 *
 * Most often a run is one call of the module's `run`. With an observer or with the debug mode that overwrites freed memory, and
 * where threads would wait for one another more than they help (crowding.ts), the steps are called one by one.
 */

import { stepName } from "../../../codegen/wasm/abi.ts";
import { iterationsOf, type WasmArtifact } from "../../../codegen/wasm/artifact.ts";
import { CompilerBug } from "../../core/errors.ts";
import type { BufferSlot, Segment } from "../../program/buffer.ts";
import type { CompiledEntry } from "../../program/compiled.ts";
import { type Action, bindSteps, iterationsFor, runAll } from "../bound-steps.ts";
import type { LaunchWatch, MachineOptions, Runner } from "../machine.ts";
import type { StepWatch } from "../profile/host-watch.ts";
import type { LaunchLog } from "../profile/launch-log.ts";
import { type TypedArray, viewOf } from "../typed-arrays.ts";
import type { Timing } from "./crowding.ts";

/** Address of each segment. */
export type Bases = Readonly<Record<Segment, number>>;

export type ThreadCall = (thread: number, ...iterations: readonly number[]) => number;

/** A module that is ready to run on all of its threads. */
export interface LoadedModule {
  exported(name: string): ThreadCall;
  /** Sends the workers off to run it. */
  start(): void;
  unload(): void;
}

/** What a runner needs of its machine. */
export interface RunnerParts {
  readonly entry: CompiledEntry<WasmArtifact>;
  readonly loaded: LoadedModule;
  /** The same module with clocks, for a log. */
  clocked(log: LaunchLog): Promise<LoadedModule>;
  readonly bases: Bases;
  readonly options: MachineOptions;
  /** Throws what went wrong earlier. */
  assertWell(): void;
  /** Notes what went wrong for good, and gives the error for the caller. */
  fail(error: unknown): Error;
  /** What decides whether a run is left to the calling thread. */
  newCrowding(threads: number): Timing;
  /** The error for a `run` that did not return 0. */
  gaveUp(): Error;
  forget(): void;
}

export class WasmRunner implements Runner {
  readonly #parts: RunnerParts;
  /** Whether the steps are always called one by one. */
  readonly #isWatched: boolean;
  /** Whether they are now; null where there is one thread anyway. */
  readonly #crowding: Timing | null;
  /** What all threads run together. */
  #together: Together;
  #watch: StepWatch | null = null;
  #alone: readonly Action[] | null = null;
  #buffer = new ArrayBuffer(0);
  #inputViews: readonly TypedArray[] = [];
  #isReleased = false;

  constructor(parts: RunnerParts) {
    const { entry, options } = parts;
    this.#parts = parts;
    this.#together = togetherOf(parts.loaded);
    this.#isWatched = options.onLaunch !== undefined || options.poisonFreed === true;
    this.#crowding = this.#isWatched || entry.artifact.threads === 1 ? null : parts.newCrowding(entry.artifact.threads);
  }

  get segmentBytes(): CompiledEntry["segmentBytes"] {
    return this.#parts.entry.segmentBytes;
  }

  /** Makes the views, anew when the memory has grown. */
  bind(buffer: ArrayBuffer): void {
    const { entry, bases } = this.#parts;
    this.#buffer = buffer;
    this.#alone = null;
    this.#inputViews = entry.inputs.map(({ buffer: { dtype, segment, offset, count } }) =>
      viewOf(dtype, buffer, bases[segment] + offset, count),
    );
  }

  feed(input: number, values: TypedArray): void {
    this.#assertUsable();
    this.#inputViews[input]?.set(values);
  }

  run(): void {
    this.#assertUsable();
    let status: number;
    try {
      status = this.#crowding === null ? this.#runOnce(this.#isSteps) : this.#runTimed(this.#crowding);
    } catch (error) {
      throw this.#parts.fail(this.#explained(error));
    }
    if (status !== 0) throw this.#parts.fail(this.#parts.gaveUp());
  }

  #runTimed(crowding: Timing): number {
    const started = performance.now();
    const status = this.#runOnce(crowding.isAlone);
    crowding.took(performance.now() - started);
    return status;
  }

  #runOnce(alone: boolean): number {
    if (alone) {
      this.#alone ??= this.#stepsAlone();
      runAll(this.#alone);
      return 0;
    }
    this.#together.start();
    return this.#together.run(0);
  }

  /** Where all threads run, their own code has the clock; steps that are called one by one are timed from here. */
  async watch(): Promise<LaunchWatch> {
    const { hostClock, hostWatch, stepWatch } = await import("../profile/host-watch.ts");
    const { entry, loaded } = this.#parts;
    const watchSteps = (watch: StepWatch | null): void => {
      this.#watch = watch;
      this.#alone = null;
    };
    if (this.#crowding === null) return hostWatch(entry.artifact, watchSteps);
    const { LaunchLog } = await import("../profile/launch-log.ts");
    const log = new LaunchLog(entry.artifact, entry.artifact.threads);
    const clocked = await this.#parts.clocked(log);
    this.#assertUsable();
    this.#together = togetherOf(clocked);
    watchSteps(stepWatch(log, log.endAlone));
    return {
      log,
      begin: () => log.reset(),
      clock: `${hostClock}, by each of ${entry.artifact.threads} threads`,
      // Workers note the end of a run just behind the barrier that lets it end.
      settled: () => new Promise((resolve) => setTimeout(resolve, 1)),
      end: () => {
        this.#together = togetherOf(loaded);
        watchSteps(null);
        clocked.unload();
      },
    };
  }

  async read(output: BufferSlot): Promise<TypedArray> {
    this.#assertUsable();
    return this.#view(output).slice();
  }

  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#inputViews = [];
    this.#alone = null;
    this.#buffer = new ArrayBuffer(0);
    this.#parts.forget();
  }

  #assertUsable(): void {
    this.#parts.assertWell();
    if (this.#isReleased) throw new CompilerBug(`${this.#parts.entry.name} was used after its release`);
  }

  /** Whether one thread, which is all there is, calls step by step. */
  get #isSteps(): boolean {
    return this.#isWatched || this.#watch !== null;
  }

  #view({ dtype, segment, offset, count }: BufferSlot): TypedArray {
    return viewOf(dtype, this.#buffer, this.#parts.bases[segment] + offset, count);
  }

  /** Printed code has no way to trap, so a trap is ours; an exhausted stack or an observer's error is passed on. */
  #explained(error: unknown): unknown {
    if (!(error instanceof WebAssembly.RuntimeError)) return error;
    return new CompilerBug(
      `the wasm code of ${this.#parts.entry.name} stopped: ${error.message}\n${error.stack ?? ""}`,
    );
  }

  /** The steps as functions of this thread, which computes in each the parts of all threads. Made where they are wanted first. */
  #stepsAlone(): readonly Action[] {
    const { entry, options } = this.#parts;
    const { steps, threads } = entry.artifact;
    const iterations = iterationsFor(steps);
    const watch = this.#watch;
    const actions = bindSteps(steps, {
      iterations,
      view: (slot) => this.#view(slot),
      call: (step) => {
        const call = this.#parts.loaded.exported(stepName(step.id));
        const depths = iterationsOf(step);
        if (threads === 1 && depths.length === 0 && options.onLaunch === undefined) return () => call(0);
        const given = [0, ...depths];
        return () => {
          if (step.kind === "launch") options.onLaunch?.(step.label, step.id);
          for (let i = 0; i < depths.length; i++) given[i + 1] = iterations[depths[i] ?? 0] ?? 0;
          for (let thread = 0; thread < threads; thread++) {
            given[0] = thread;
            Reflect.apply(call, undefined, given);
          }
        };
      },
      around: (run, step) => {
        const watched = watch === null ? run : watch.around(run, step);
        return options.poisonFreed === true ? this.#poisonAfter(watched, step.id) : watched;
      },
    });
    return watch === null ? actions : [...actions, watch.over];
  }

  #poisonAfter(run: Action, id: number): Action {
    const { entry, bases } = this.#parts;
    const scratch = new Uint8Array(this.#buffer, bases.arena, entry.segmentBytes.arena);
    const freed = entry.freedAfter.get(id) ?? [];
    return () => {
      run();
      for (const { offset, bytes } of freed) scratch.fill(0xff, offset, offset + bytes);
    };
  }
}

/** What a run of all threads calls, looked up once. */
interface Together {
  readonly run: ThreadCall;
  start(): void;
}

function togetherOf(loaded: LoadedModule): Together {
  return { run: loaded.exported("run"), start: loaded.start };
}
