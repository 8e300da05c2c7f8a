/**
 * Progress: what a training run tells while it runs, and how its numbers are written. Nothing here draws: see
 * terminal.ts for a terminal, and give `fit` your own object for anything else.
 *
 *   Epoch 2/5: loss 0.1068, accuracy 0.9687 (21.4 s, 2,804 samples/s)
 */
import type { EpochRecord, Evaluated, Scores, Stop } from "./history.ts";

/** Told by `fit`. Called between steps, so it should be quick; a thrown error ends the training. */
export interface Progress {
  /** Before the first step of an epoch. */
  epochStart?(epoch: EpochPlan): void;
  /** After steps whose results were read. */
  update?(state: EpochState): void;
  /** After the last one, and after validation. */
  epochEnd?(record: EpochRecord, epoch: EpochPlan): void;
  /** Always the last call, also after an error. `stop` when training ended early. */
  end?(stop: Stop | null): void;
}

/** What an epoch is going to be. */
export interface EpochPlan {
  /** From 1. */
  readonly epoch: number;
  /** How many there are. */
  readonly epochs: number;
  /** Batches in the epoch; null where only reading the data will tell. */
  readonly steps: number | null;
  /** Samples in the epoch; null where only reading the data will tell. */
  readonly samples: number | null;
}

/** How far an epoch is. */
export interface EpochState extends EpochPlan {
  /** Batches so far. */
  readonly stepsDone: number;
  /** Samples so far. */
  readonly samplesDone: number;
  /** Means over the samples so far. */
  readonly scores: Scores;
  /** Since the epoch began. */
  readonly seconds: number;
}

/** "loss 0.1068, accuracy 0.9687"; tables are left out. */
export function formatScores(scores: object, prefix = ""): string {
  return Object.entries<unknown>({ ...scores })
    .filter((score): score is [string, number] => typeof score[1] === "number")
    .map(([name, value]) => `${prefix}${name} ${formatScore(value)}`)
    .join(", ");
}

/** Four decimals; small and large numbers in powers of ten. */
export function formatScore(value: number): string {
  if (!Number.isFinite(value) || value === 0) return String(value);
  const size = Math.abs(value);
  return size >= 0.001 && size < 100_000 ? value.toFixed(4) : value.toExponential(3);
}

/** "2,804 samples/s" */
export function formatRate(samples: number, seconds: number): string {
  const rate = seconds > 0 ? samples / seconds : 0;
  return `${rate >= 10 ? Math.round(rate).toLocaleString("en-US") : rate.toFixed(1)} samples/s`;
}

/** "0.42 s", "21.4 s", "3 min 05 s", "2 h 07 min" */
export function formatDuration(seconds: number): string {
  if (seconds < 9.995) return `${seconds.toFixed(2)} s`;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${twoDigits(whole % 60)} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${twoDigits(minutes % 60)} min`;
}

/** Seconds until the epoch is done, at the pace so far. */
export function secondsLeft({ samples, samplesDone, seconds }: EpochState): number {
  return samplesDone === 0 || samples === null ? 0 : ((samples - samplesDone) * seconds) / samplesDone;
}

/** One line for a finished epoch. */
export function epochLine(record: EpochRecord, { epoch, epochs }: EpochPlan): string {
  const validation = record.validation === undefined ? "" : `, ${formatScores(record.validation, "validation ")}`;
  const pace = `${formatDuration(record.seconds)}, ${formatRate(record.samplesPerSecond, 1)}`;
  return `Epoch ${epoch}/${epochs}: ${formatScores(scoresOf(record))}${validation} (${pace})`;
}

/** The loss and metrics of an epoch without its other facts. */
export function scoresOf(record: EpochRecord): Scores {
  const { epoch, seconds, samplesPerSecond, stepMs, learningRate, validation, tables, ...scores } = record;
  return scores;
}

/** Scores without the tables. */
export function withoutTables({ tables: _, ...scores }: Evaluated): Scores {
  return scores;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, "0");
}
