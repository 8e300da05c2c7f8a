/**
 * What a target's runtime does: holds the states, and runs compiled entries.
 *
 * A machine is made when a program is compiled and lives as long as its executable. It allocates when an entry is prepared
 * and never in a step.
 */
import type { Crew } from "../program/artifact.ts";
import type { BufferSlot } from "../program/buffer.ts";
import type { CompiledEntry } from "../program/compiled.ts";
import type { LaunchLog } from "./profile/launch-log.ts";
import type { TypedArray } from "./typed-arrays.ts";

/** `A` is the artifact that it loads. */
export interface Machine<A = unknown> {
  /** What runs the kernels, for people: "js", "wgsl (NVIDIA H200)". */
  readonly device: string;
  /** What is worth telling of it, a line each: why vectors are narrow. */
  readonly remarks?: readonly string[];
  /** For whom entries are printed. */
  readonly crew: Crew;
  /** Whether a run returns before it is done, so that to read means to wait. */
  readonly runsAhead: boolean;
  /** Makes an entry ready to run: code compiled, buffers bound. */
  prepare(entry: CompiledEntry<A>): Promise<Runner>;
  writeState(slot: BufferSlot, values: TypedArray): void;
  /** The memory itself, where the host can write it: valid until anything is prepared. */
  stateMemory?(slot: BufferSlot): TypedArray;
  readState(slot: BufferSlot): Promise<TypedArray>;
  /** Bytes of the buffers that really exist, by segment; inputs and outputs summed over the prepared entries. */
  allocatedBytes(): Readonly<Record<BufferSlot["segment"], number>>;
  /** What it can do at most, measured in some tenths of a second: what kernels are compared with. */
  ceiling?(): Promise<Ceiling>;
  /** Releases everything. Safe to call twice. */
  dispose(): void;
}

/** What a device can do at most, in a second. */
export interface Ceiling {
  /** Multiplications and additions of f32, in registers. */
  readonly flops: number;
  /** Bytes read and written when more is copied than caches hold. */
  readonly bytes: number;
}

/** Makes a machine with so many bytes of states. */
export type MachineMaker<A> = (stateBytes: number, options: MachineOptions) => Promise<Machine<A>>;

export interface Runner {
  /** Copies a feed into the entry's input buffer. */
  feed(input: number, values: TypedArray): void;
  /** Runs the sequence once; may return before it is done. */
  run(): void;
  /**
   * Begins to hand over several steps of a call, of which so many are left and so many done. Of those that nobody reads step by step
   * no outputs are kept but the last. Missing where a run is done when it returns.
   */
  chunk?(left: number, done: number, reads: "each step" | "none"): Chunk;
  /** Waits while more chunks are under way than is sensible. */
  ready?(): Promise<void>;
  /** Runs the sequence so many times, and gives the milliseconds that took by the device's own clock; undefined where it has none. */
  timed?(runs: number): Promise<number | undefined>;
  /** Has its runs timed launch by launch, from the next on, for who asks where the time goes. The numbers are the same. */
  watch?(): Promise<LaunchWatch>;
  /** Waits for the runs so far and brings back an output. */
  read(output: BufferSlot): Promise<TypedArray>;
  /** Frees what the entry alone uses. */
  release(): void;
}

/** A runner that is timed. */
export interface LaunchWatch {
  readonly log: LaunchLog;
  /** How times are taken, for people. */
  readonly clock: string;
  /** The runs so far are forgotten, or were not timed. */
  begin(): void;
  /** Waits until the times of all runs so far are in the log. */
  settled(): Promise<void>;
  /** From the next run on nothing is timed. At once. */
  end(): void;
}

/**
 * Steps that are handed over together. They count as run, one after the other, from the moment `run` was called: what is asked of
 * the machine in between (a state that is written, another entry that runs, a read) comes between them.
 */
export interface Chunk {
  /** Whether another step may be run: the first always. How many are let in is for the machine to say. */
  readonly hasRoom: boolean;
  /** Copies a feed, for the steps from the next on. */
  feed(input: number, values: TypedArray): void;
  run(): void;
  /**
   * Sends off whatever was not yet. What it gives reads outputs, and is to be asked before anything else is run: the values of all
   * steps of the chunk, one after the other. Not for steps that nobody reads.
   */
  end(): Pick<Runner, "read">;
}

/** A chunk of one step, of any runner. */
export class OneStep implements Chunk {
  readonly #runner: Runner;
  hasRoom = true;

  constructor(runner: Runner) {
    this.#runner = runner;
  }

  feed(input: number, values: TypedArray): void {
    this.#runner.feed(input, values);
  }

  run(): void {
    this.#runner.run();
    this.hasRoom = false;
  }

  end(): Runner {
    return this.#runner;
  }
}

/** Seen at each launch: the kernel's name, and the id of its step in the report. For counting and for tests. Must not throw. */
export type LaunchObserver = (kernel: string, step: number) => void;

export interface MachineOptions {
  readonly onLaunch?: LaunchObserver;
  /** Debug: fill arena memory with NaN as soon as nothing needs it. */
  readonly poisonFreed?: boolean;
  /** About how many arithmetic operations the dearest entry is: whether more threads pay. */
  readonly work?: () => number;
  /** Told of things that are no errors (fewer threads than were asked for). */
  readonly onWarning?: (message: string) => void;
}
