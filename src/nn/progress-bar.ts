/**
 * Progress in a terminal: a bar an epoch where somebody watches, one line an epoch where not.
 *
 *   Epoch 2/5 |█████░░░░░|  52% | loss 0.1131, accuracy 0.9664 | 2,804 samples/s | 10.3 s left
 *   Epoch 2/5: loss 0.1068, accuracy 0.9687 (21.4 s, 2,804 samples/s)
 */
import type { Stop } from "./history.ts";
import {
  type EpochPlan,
  type EpochState,
  epochLine,
  formatDuration,
  formatRate,
  formatScores,
  type Progress,
  secondsLeft,
} from "./progress.ts";

/** As much of a stream of Node's as is asked for. */
export interface TerminalStream {
  readonly isTTY?: boolean;
  /** How many characters a line has. */
  readonly columns?: number;
  write(text: string): unknown;
}

/** A line for each epoch. */
export function lines(stream: TerminalStream): Progress {
  return {
    epochEnd: (record, plan) => stream.write(`${epochLine(record, plan)}\n`),
    end: (stop) => tellStop(stream, stop),
  };
}

/** A bar for each epoch, and its line when it is done. */
export function bars(stream: TerminalStream): Progress {
  const line = new LiveLine(stream);
  return {
    epochStart: (plan) => line.show(bar(stream, plan, 0, ""), true),
    update(state) {
      const { samples, samplesDone } = state;
      const taken = `Epoch ${state.epoch}/${state.epochs} ||`.length + barSize(stream);
      const share = samples === null ? 0 : samplesDone / samples;
      line.show(bar(stream, state, share, told(state, columnsOf(stream) - taken)));
    },
    epochEnd(record, plan) {
      line.close();
      stream.write(`${epochLine(record, plan)}\n`);
    },
    end(stop) {
      line.close();
      tellStop(stream, stop);
    },
  };
}

/** A line of a terminal that is written over and over. */
export class LiveLine {
  readonly #stream: TerminalStream;
  #drawn = Number.NEGATIVE_INFINITY;
  #isOpen = false;

  constructor(stream: TerminalStream) {
    this.#stream = stream;
  }

  /** Ten times a second at most; the first one of a new line is followed by any. */
  show(text: string, isNew = false): void {
    const now = performance.now();
    if (!isNew && now - this.#drawn < 100) return;
    this.#drawn = isNew ? Number.NEGATIVE_INFINITY : now;
    this.#stream.write(`${this.#isOpen ? "" : hideCursor}\r${clearLine}${text}`);
    this.#isOpen = true;
  }

  /** Leaves an empty line, and gives the cursor back. */
  close(): void {
    if (this.#isOpen) this.#stream.write(`\r${clearLine}${showCursor}`);
    this.#isOpen = false;
  }
}

const [clearLine, hideCursor, showCursor] = ["\u001b[K", "\u001b[?25l", "\u001b[?25h"];

function bar(stream: TerminalStream, { epoch, epochs }: EpochPlan, share: number, told: string): string {
  return `Epoch ${epoch}/${epochs} |${blocks(share, barSize(stream))}|${told}`;
}

export function blocks(share: number, size: number): string {
  const full = Math.floor(size * Math.min(1, share));
  return "█".repeat(full) + "░".repeat(size - full);
}

export function columnsOf(stream: TerminalStream): number {
  return stream.columns ?? 80;
}

export function barSize(stream: TerminalStream): number {
  return columnsOf(stream) < 110 ? 10 : 30;
}

/** As much as fits into `room` columns: the pace goes first, then the metrics. */
function told(state: EpochState, room: number): string {
  const { scores, samples, samplesDone, seconds } = state;
  const percent =
    samples === null ? ` ${samplesDone} samples` : `${Math.floor((100 * samplesDone) / samples)}%`.padStart(5);
  const isDone = samples !== null && samplesDone >= samples;
  const left =
    samples === null ? formatDuration(seconds) : isDone ? "epoch done" : `${formatDuration(secondsLeft(state))} left`;
  const pace = formatRate(samplesDone, seconds);
  const forms = [
    [percent, formatScores(scores), pace, left],
    [percent, formatScores(scores), left],
    [percent, formatScores({ loss: scores.loss }), left],
  ].map((parts) => parts.join(" | "));
  return forms.find((form) => form.length <= room) ?? percent;
}

function tellStop(stream: TerminalStream, stop: Stop | null): void {
  if (stop === null) return;
  const asked = stop.by === "signal" ? "as asked" : "by a callback";
  stream.write(
    `Stopped ${asked} in epoch ${stop.epoch}, after step ${stop.step}. The weights are those of that step.\n`,
  );
}
