/**
 * Profile: where the time of an executable went, as plain data: JSON as it stands. `printProfile` (table.ts) makes a table of it,
 * `profileTrace` (trace.ts) a file for Perfetto.
 *
 *   const profile = await executable.profile(() => executable.run({ entry: "train", feeds, steps: 20 }));
 *   console.log(printProfile(profile));
 */
import { type Kind, type OptionTable, show } from "../../core/options.ts";
import type { Dims } from "../../graph/shape.ts";
import type { Ceiling } from "../machine.ts";

export interface ProfileOptions {
  /**
   * Which runs of each entry count: from the first of these numbers on, and before the second. `[10, 20]` passes over ten runs, in
   * which an engine optimizes what it sees often, and looks at ten. All by default.
   */
  readonly steps?: readonly [from: number, to: number];
}

const stepsKind: Kind<readonly [from: number, to: number]> = {
  wanted: "two whole numbers, the first run that counts and the one behind the last: [10, 20]",
  accepts: (value): value is readonly [number, number] =>
    Array.isArray(value) &&
    value.length === 2 &&
    value.every((each) => Number.isSafeInteger(each) && each >= 0) &&
    value[0] < value[1],
};

export const profileTable: OptionTable<ProfileOptions> = { steps: stepsKind };

/** A profile that is being taken. */
export interface RunningProfile {
  /** Ends it, after all calls so far. A second call gives the same. */
  stop(): Promise<Profile>;
}

export interface Profile {
  readonly target: string;
  /** What ran the kernels: "wasm (2 threads)". */
  readonly device: string;
  readonly threads: number;
  /** How launches were timed, in words. */
  readonly clock: string;
  /** What the device can do at most, in a second; null where that could not be measured. */
  readonly ceiling: Ceiling | null;
  /** When it began, in milliseconds since 1970, and how many it lasted. */
  readonly startedAt: number;
  readonly ms: number;
  /** One for each entry and set of dimensions that ran. */
  readonly entries: readonly EntryProfile[];
  /** What went to the device and came back: "feed", "read output", "write state", "read state". */
  readonly transfers: readonly TransferProfile[];
  /** When things were: the first of them, where there are too many to keep (`notes` says so then). */
  readonly timeline: readonly Span[];
  /** What one should know to read it. */
  readonly notes: readonly string[];
}

export interface EntryProfile {
  /** As the program calls it. */
  readonly entry: string;
  /** Whether it took its rows from data that is held on the device, as `fit` does. */
  readonly byRows: boolean;
  readonly dims: Dims;
  /** Runs that count. */
  readonly runs: number;
  /** Runs that do not: `steps` says which. */
  readonly passedOver: number;
  /** Milliseconds of all that count: of the calls that ran them. On a GPU, which is only told what to do in them, that is the host's time. */
  readonly hostMs: number;
  /** Milliseconds of its kernels: all of `kernels`. */
  readonly kernelMs: number;
  /** In the order in which they run. */
  readonly kernels: readonly KernelProfile[];
}

/** A kernel as it stands in an entry, or launches that are one on this device. Sums are over all runs that count. */
export interface KernelProfile {
  /** The name of the launch; with how many more, where several are one. */
  readonly name: string;
  readonly kind: "kernel" | "copy";
  /** Ids of its steps, which the report has, too. */
  readonly steps: readonly number[];
  /** Ids of the graph's nodes that it computes. */
  readonly nodes: readonly number[];
  /** The user's lines that they come from, as "file:line:column", and layers by path; what takes the time first. */
  readonly lines: readonly string[];
  readonly layers: readonly string[];
  readonly launches: number;
  /** Milliseconds that runs took for it: on several threads, until the first of them went on. Null where copies are not timed, as on a GPU. */
  readonly ms: number | null;
  /** Of each thread: at work, and waiting behind it for the others. One on a GPU. */
  readonly threads: readonly ThreadProfile[];
  /** Multiplications, additions and the like of one launch, and bytes that it reads and writes, each buffer once. */
  readonly flops: number;
  readonly bytes: number;
  /** In a second. */
  readonly flopsPerSecond: number;
  readonly bytesPerSecond: number;
  /** What bounds it from below, and which part of its time that is: above 1 where caches hold what the ceiling copies through memory. */
  readonly bound: "flops" | "bytes";
  readonly ofCeiling: number | null;
}

export interface ThreadProfile {
  readonly ms: number;
  readonly waitMs: number;
}

export interface TransferProfile {
  readonly kind: TransferKind;
  readonly count: number;
  readonly bytes: number;
  /** Milliseconds; of a read from a GPU until it is here, which includes what the GPU had still to do. */
  readonly ms: number;
}

export type TransferKind = "feed" | "read output" | "write state" | "read state";

/** Something that took time. */
export interface Span {
  /** What the row of the timeline is called: "host", "thread 1", "GPU", "readback". What is in one row lies apart, or one in the other. */
  readonly track: string;
  readonly kind: "run" | "kernel" | "wait" | "transfer";
  readonly name: string;
  /** Index into `entries` and into its `kernels`; -1 where it is of none. */
  readonly entry: number;
  readonly kernel: number;
  /** Milliseconds since the profile began. */
  readonly start: number;
  readonly ms: number;
  /** Of a transfer. */
  readonly bytes?: number;
}

/** For the error of a `work` that is none. */
export const workWords = (given: unknown): string =>
  `profile takes a function that does what is to be looked at: profile(() => executable.run({ ... })), not ${show(given)}`;
