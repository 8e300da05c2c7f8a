/**
 * What a program may be compiled with.
 */
import {
  callable,
  checkOptions,
  either,
  flag,
  list,
  type OptionTable,
  object,
  oneOf,
  seed,
  text,
} from "./core/options.ts";
import type { Dims } from "./graph/shape.ts";
import type { LaunchObserver } from "./runtime/machine.ts";
import { type Skippable, skippable } from "./stages.ts";
import { type TargetOptions, targetTable } from "./targets.ts";
import type { TuningOptions } from "./tuning/tuned.ts";

export interface CompileOptions extends TargetOptions, TuningOptions {
  /** Sizes of the symbolic dimensions: `{ batch: 128 }`. */
  readonly dims?: Dims;
  /** Which entries to compile at once: all by default. The others are when `prepare` or `run` first asks for them. */
  readonly entries?: readonly string[];
  /** Starting weights and random draws follow from it: a whole number below 2^53, all of whose bits count. 0 by default. */
  readonly seed?: number;
  /** Steps to leave out, for comparison. */
  readonly skip?: readonly Skippable[];
  /** Told of things that are no errors (a parameter that the loss does not depend on). By default: console.warn. */
  readonly onWarning?: (message: string) => void;
  /** Told of each kernel launch. */
  readonly onLaunch?: LaunchObserver;
  /** For finding faults. */
  readonly debug?: DebugOptions;
}

export interface DebugOptions {
  /** Fill scratch memory with NaN as soon as nothing needs it. */
  readonly poisonFreed?: boolean;
  /**
   * Look in every run for the first op that makes a NaN or an infinity: reading its results is an error then, which names the op, its layer, its line
   * and the ranges of its operands; `fit` and `evaluate` say the same. The run is slower and takes more memory: for finding faults.
   */
  readonly nan?: boolean;
}

const debugTable: OptionTable<DebugOptions> = { poisonFreed: flag, nan: flag };

/** The options of `debug` by name, too. */
export function checkDebug(call: string, { debug }: Pick<CompileOptions, "debug">, before = ""): void {
  if (debug !== undefined) checkOptions(`${call}: debug`, debug, debugTable, { before });
}

export const compileTable: OptionTable<CompileOptions> = {
  ...targetTable,
  dims: object(),
  entries: list(text),
  seed,
  skip: list(oneOf(...skippable)),
  onWarning: callable(),
  onLaunch: callable(),
  debug: object(),
  tune: either(flag, oneOf("kept")),
  tuningFile: text,
};
