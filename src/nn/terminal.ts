/** What a program in a terminal gives `fit` (Node only): a bar, and an end by Ctrl-C. */
import { checkOptions, type OptionTable, object } from "../core/options.ts";
import type { Signal } from "../runtime/platform.ts";
import type { Progress } from "./progress.ts";
import { bars, lines, type TerminalStream } from "./progress-bar.ts";

/** Where progress is written. */
export interface TerminalProgressOptions {
  /** Where to write; process.stdout by default. */
  readonly stream?: TerminalStream;
}

const optionTable: OptionTable<TerminalProgressOptions> = {
  stream: object("a stream to write to: process.stderr, say"),
};

/** A progress bar for each epoch in a terminal; lines now and then where the output is no terminal. */
export function terminalProgress(options: TerminalProgressOptions = {}): Progress {
  const { stream = process.stdout } = checkOptions("terminalProgress", options, optionTable);
  return stream.isTTY === true ? bars(stream) : lines(stream);
}

/**
 * An AbortSignal for `fit` that Ctrl-C sets off: training ends after the current step and what follows it still runs. A
 * second Ctrl-C ends the process at once.
 */
export function interruptSignal(): Signal {
  const controller = new AbortController();
  process.once("SIGINT", () => controller.abort());
  return controller.signal;
}
