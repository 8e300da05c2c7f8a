/**
 * Progress in a terminal (Node only): a bar an epoch where somebody watches, one line an epoch where not.
 *
 *   Epoch 2/5 |█████░░░░░|  52% | loss 0.1131, accuracy 0.9664 | 2,804 samples/s | 10.3 s left
 *   Epoch 2/5: loss 0.1068, accuracy 0.9687 (21.4 s, 2,804 samples/s)
 */
import { SingleBar } from "cli-progress";
import { checkOptions, type OptionTable, object } from "../core/options.ts";
import type { Signal } from "../runtime/platform.ts";
import type { Stop } from "./history.ts";
import {
  type EpochState,
  epochLine,
  formatDuration,
  formatRate,
  formatScores,
  type Progress,
  secondsLeft,
} from "./progress.ts";

/** Where progress is written. */
export interface TerminalProgressOptions {
  /** Where to write; process.stdout by default. */
  readonly stream?: TerminalStream;
}

/** As much of a stream of Node's as is asked for. */
export interface TerminalStream {
  readonly isTTY?: boolean;
  /** How many characters a line has. */
  readonly columns?: number;
  write(text: string): unknown;
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

function lines(stream: TerminalStream): Progress {
  return {
    epochEnd: (record, plan) => stream.write(`${epochLine(record, plan)}\n`),
    end: (stop) => stream.write(stopLine(stop)),
  };
}

function bars(stream: TerminalStream): Progress {
  let bar: SingleBar | null = null;
  const close = (): void => {
    bar?.stop(); // gives the cursor back
    bar = null;
  };
  return {
    epochStart({ epoch, epochs, samples }) {
      bar = new SingleBar({
        stream: stream as NodeJS.WriteStream, // only what is a terminal gets here
        format: `Epoch ${epoch}/${epochs} |{bar}|{told}`,
        barCompleteChar: "█",
        barIncompleteChar: "░",
        barsize: barSize(stream),
        hideCursor: true,
        clearOnComplete: true,
        gracefulExit: false, // Ctrl-C is not the end here
        fps: 10,
      });
      bar.start(samples ?? 0, 0, { told: "" });
    },
    update(state) {
      const taken = `Epoch ${state.epoch}/${state.epochs} ||`.length + barSize(stream);
      if (state.samples !== null) bar?.setTotal(state.samples);
      bar?.update(state.samples === null ? 0 : state.samplesDone, { told: told(state, columnsOf(stream) - taken) });
    },
    epochEnd(record, plan) {
      close();
      stream.write(`${epochLine(record, plan)}\n`);
    },
    end(stop) {
      close();
      stream.write(stopLine(stop));
    },
  };
}

function columnsOf(stream: TerminalStream): number {
  return stream.columns ?? 80;
}

function barSize(stream: TerminalStream): number {
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

function stopLine(stop: Stop | null): string {
  if (stop === null) return "";
  const asked = stop.by === "signal" ? "as asked" : "by a callback";
  return `Stopped ${asked} in epoch ${stop.epoch}, after step ${stop.step}. The weights are those of that step.\n`;
}
