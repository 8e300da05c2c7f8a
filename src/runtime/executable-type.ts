/**
 * What users have of a compiled program. See executable.ts for how it works.
 */
import type { Dims } from "../graph/shape.ts";
import type { Report } from "../program/report.ts";
import type { FeedsOf } from "./feeds.ts";
import type { Profile, ProfileOptions } from "./profile/profile.ts";
import type { RunRequest, StepsRequest } from "./requests.ts";
import type { StateAccess } from "./state.ts";
import type { ReadValue, SeriesOf, ValueOf } from "./value-types.ts";

/**
 * The methods of every executable; entries stand beside them under their own names.
 *
 * Calls of all of these, and of `state`, take effect in the order in which they are made, awaited or not, whatever must be
 * compiled first. Feeds and values count as they are at the call: an array may be written to again as soon as it returns.
 */
export interface ExecutableCore<Outputs, Inputs = unknown> {
  /** The states, by path. */
  readonly state: StateAccess;
  readonly report: Report;
  /** Compiles entries (all by default) for other sizes of symbolic dimensions (a last, shorter batch), over the same states. */
  prepare(dims: Dims, entries?: readonly (keyof Outputs & string)[]): Promise<void>;
  /** An output of the latest call that has one of this name. */
  read<N extends string>(name: N): Promise<ReadValue<Outputs, N>>;
  /** Runs an entry, once or for many steps, and brings all its outputs back: with `steps`, those of every step. */
  run<E extends keyof Outputs & string>(request: StepsRequest<E, Inputs>): Promise<SeriesOf<Outputs[E]>>;
  run<E extends keyof Outputs & string>(request: RunRequest<E, Inputs>): Promise<ValueOf<Outputs[E]>>;
  /**
   * What made the first NaN or infinity of the latest run, in words, with the line; null where its results are finite, or the program was
   * compiled without `debug: { nan: true }`.
   */
  nonFinite(): Promise<string | null>;
  /**
   * Runs `work`, and says where the time of this executable went meanwhile: kernel by kernel, thread by thread, to the device and back.
   * What ran is in it, `fit` of a trainer too. Kernels on a GPU are timed by its own clock, where it has one.
   *
   *   const profile = await executable.profile(() => executable.run({ entry: "train", feeds, steps: 20 }));
   *   console.log(printProfile(profile));
   */
  profile(work: () => unknown, options?: ProfileOptions): Promise<Profile>;
  /** Releases device and memory. Later calls fail. */
  dispose(): void;
}

/** A compiled program: its entries by `run`, or each by its own name, its state, its report. */
export type Executable<Outputs = Readonly<Record<string, unknown>>, Inputs = unknown> = ExecutableCore<
  Outputs,
  Inputs
> & {
  readonly [E in keyof Outputs]: (feeds?: FeedsOf<Inputs>) => void;
};
