/**
 * What `verbose` writes, by Keras's numbers: 0 nothing, 1 a bar where a terminal shows it, 2 a line for each epoch.
 *
 *   Evaluated 10,000 samples: loss 0.0731, accuracy 0.9774 (0.42 s, 23,810 samples/s)
 */
import type { Kind } from "../core/options.ts";
import { formatDuration, formatRate, formatScores, type Progress } from "./progress.ts";
import { barSize, bars, blocks, LiveLine, lines, type TerminalStream } from "./progress-bar.ts";

/** 0 is silent, 1 a progress bar in a terminal and lines elsewhere, 2 a line when an epoch or a call is done. */
export type Verbose = 0 | 1 | 2;

export const verboseKind: Kind<Verbose> = {
  wanted: "0 (silent), 1 (a bar) or 2 (a line for each epoch)",
  accepts: (value): value is Verbose => value === 0 || value === 1 || value === 2,
};

/** For `fit`. */
export function verboseProgress(verbose: Verbose): Progress | undefined {
  if (verbose === 0) return undefined;
  const stream = standardOutput();
  return verbose === 1 && stream.isTTY === true ? bars(stream) : lines(stream);
}

/** How far an evaluation or a prediction is, and its line. */
export class Tally {
  readonly #verb: string;
  readonly #verbose: Verbose;
  readonly #stream = standardOutput();
  readonly #line = new LiveLine(this.#stream);
  readonly #began = performance.now();
  #done = 0;

  /** `verb` as in "Evaluated 10 samples". */
  constructor(verb: string, verbose: Verbose) {
    this.#verb = verb;
    this.#verbose = verbose;
  }

  /** So many more samples, of so many in all where that is known. */
  add(count: number, samples: number | null): void {
    this.#done += count;
    if (this.#verbose !== 1 || this.#stream.isTTY !== true) return;
    const bar = samples === null ? "" : ` |${blocks(this.#done / samples, barSize(this.#stream))}|`;
    this.#line.show(`${this.#verb}${bar} ${this.#samples()} | ${this.#pace()}`);
  }

  end(scores: object = {}): void {
    this.close();
    if (this.#verbose === 0) return;
    const seconds = (performance.now() - this.#began) / 1000;
    const found = formatScores(scores);
    this.#stream.write(
      `${this.#verb} ${this.#samples()}${found === "" ? "" : `: ${found}`} (${formatDuration(seconds)}, ${this.#pace()})\n`,
    );
  }

  /** After an error too. */
  close(): void {
    this.#line.close();
  }

  #samples(): string {
    return `${this.#done.toLocaleString("en-US")} samples`;
  }

  #pace(): string {
    return formatRate(this.#done, (performance.now() - this.#began) / 1000);
  }
}

/** Of the process; in a page its console. */
function standardOutput(): TerminalStream {
  const host: { readonly process?: { readonly stdout?: TerminalStream } } = globalThis;
  return host.process?.stdout ?? { write: (text) => console.log(text.trimEnd()) };
}
