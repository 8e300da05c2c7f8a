/**
 * Progress in a terminal (Node only): a bar an epoch where somebody watches, one line an epoch where not.
 *
 *   Epoch 2/5 |██████████░░░░░░░░░░|  52% | loss 0.1131 | accuracy 0.9664 | 2,804 samples/s | 10.3 s left
 *   Epoch 2/5: loss 0.1068, accuracy 0.9687 (21.4 s, 2,804 samples/s)
 */
import { SingleBar } from "cli-progress";
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

export interface TerminalProgressOptions {
  /** Where to write; process.stdout by default. */
  readonly stream?: NodeJS.WriteStream;
}

export function terminalProgress({ stream = process.stdout }: TerminalProgressOptions = {}): Progress {
  return stream.isTTY === true ? bars(stream) : lines(stream);
}

/**
 * An AbortSignal for `fit` that Ctrl-C sets off: training ends after the current step and what follows it still runs. A
 * second Ctrl-C ends the process at once.
 */
export function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  process.once("SIGINT", () => {
    process.stderr.write("\nStopping after this step. Ctrl-C again quits at once.\n");
    controller.abort();
  });
  return controller.signal;
}

function lines(stream: NodeJS.WriteStream): Progress {
  return {
    epochEnd: (record, plan) => stream.write(`${epochLine(record, plan)}\n`),
    end: (stop) => stream.write(stopLine(stop)),
  };
}

/** Drawn by hand on one line that is cleared first, except for the bar itself. */
function bars(stream: NodeJS.WriteStream): Progress {
  let bar: SingleBar | null = null;
  const close = (): void => {
    bar?.stop(); // gives the cursor back
    bar = null;
  };
  return {
    epochStart({ epoch, epochs, samples }) {
      bar = new SingleBar({
        stream,
        format: `Epoch ${epoch}/${epochs} |{bar}| {percentage}%{told}`,
        barCompleteChar: "█",
        barIncompleteChar: "░",
        barsize: Math.max(10, Math.min(30, (stream.columns ?? 80) - 80)),
        hideCursor: true,
        clearOnComplete: true,
        gracefulExit: false,
        fps: 10,
      });
      bar.start(samples, 0, { told: "" });
    },
    update: (state) => bar?.update(state.samplesDone, { told: told(state) }),
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

function told(state: EpochState): string {
  const { scores, samplesDone, seconds } = state;
  const left = samplesDone < state.samples ? `${formatDuration(secondsLeft(state))} left` : "checking";
  return ` | ${formatScores(scores)} | ${formatRate(samplesDone, seconds)} | ${left}`;
}

function stopLine(stop: Stop | null): string {
  if (stop === null) return "";
  const asked = stop.by === "signal" ? "as asked" : "by a callback";
  return `Stopped ${asked} in epoch ${stop.epoch}, after step ${stop.step}. The weights are those of that step.\n`;
}
