/**
 * History: what a training run reports, and the arithmetic behind it.
 */

/** A loss and metrics by name: means over samples. */
export type Scores<Name extends string = never> = { readonly loss: number } & { readonly [N in Name]: number };

/** Scores that are no single numbers. */
export interface ScoreTables {
  /** By the metrics' names: a confusion matrix, precision at several thresholds. Where there are any. */
  readonly tables?: Readonly<Record<string, Table>>;
}

/** All that an evaluation gives: the scores, and tables where there are any. */
export type Evaluated<Name extends string = never> = Scores<Name> & ScoreTables;

/** Numbers of a metric, row-major. */
export interface Table {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export interface EpochFacts<Name extends string> extends ScoreTables {
  /** From 1. */
  readonly epoch: number;
  /** How long it took, validation left out. */
  readonly seconds: number;
  /** How many samples were trained in a second. */
  readonly samplesPerSecond: number;
  /** Median time of a step, data and all. */
  readonly stepMs: number;
  /** Of its last step; where the optimizer has one. */
  readonly learningRate?: number;
  /** On the validation data, after the epoch. */
  readonly validation?: Evaluated<Name>;
}

/** One epoch: `loss` and each metric, as means over its samples while the weights were changing; and how long it took. */
export type EpochRecord<Name extends string = never> = EpochFacts<Name> & Scores<Name>;

/** Names that a metric cannot have. */
export const takenNames: readonly string[] = [
  "loss",
  "epoch",
  "seconds",
  "samplesPerSecond",
  "stepMs",
  "learningRate",
  "validation",
  "watch",
  "tables",
];

/** Where a run ended before its last epoch, and what ended it. */
export interface Stop {
  /** The epoch and the step in it that were done last, from 1. */
  readonly epoch: number;
  /** The step in it, from 1. */
  readonly step: number;
  /** The `signal` of `fit`, or a callback that called `stop`. */
  readonly by: "signal" | "callback";
}

/** What `fit` gives back. */
export interface History<Name extends string = never> {
  /** The epochs that were completed. */
  readonly epochs: readonly EpochRecord<Name>[];
  /** Null when all epochs were done. */
  readonly stopped: Stop | null;
  /** From the first epoch to the last. */
  readonly seconds: number;
  /**
   * One number of all epochs that have it, in their order: `history.column("validation.loss")`. Keras's names are known too ("val_loss").
   * An unknown name is a UserError.
   */
  column(name: ColumnName<Name>): readonly number[];
}

/** What an epoch has a number for. */
export type ColumnName<Name extends string = never> =
  | "loss"
  | Name
  | `${"validation." | "val_"}${"loss" | Name}`
  | "epoch"
  | "seconds"
  | "samplesPerSecond"
  | "stepMs"
  | "learningRate";

/** Means over samples, from sums over batches. Adds in float64. */
export class RunningMeans {
  readonly #names: readonly string[];
  readonly #totals: Float64Array;
  #samples = 0;

  /** From zero, or from sums over `samples` samples. */
  constructor(names: readonly string[], sums: ReadonlyMap<string, number> = new Map(), samples = 0) {
    this.#names = names;
    this.#totals = Float64Array.from(names, (name) => sums.get(name) ?? 0);
    this.#samples = samples;
  }

  /** `totals` in the order of the names: each a sum over `samples` samples. */
  add(totals: ArrayLike<number>, samples: number): void {
    for (let i = 0; i < this.#totals.length; i++) this.#totals[i] = (this.#totals[i] ?? 0) + (totals[i] ?? 0);
    this.#samples += samples;
  }

  addMeans(other: RunningMeans): void {
    this.add(other.#totals, other.#samples);
  }

  get samples(): number {
    return this.#samples;
  }

  /** By name, over `samples` samples. */
  get sums(): ReadonlyMap<string, number> {
    return new Map(this.#names.map((name, i) => [name, this.#totals[i] ?? 0]));
  }

  /** Of the first name. */
  get firstMean(): number {
    return this.#mean(0);
  }

  #mean(i: number): number {
    return (this.#totals[i] ?? 0) / this.#samples;
  }

  means(): Scores {
    return {
      loss: this.firstMean,
      ...Object.fromEntries(this.#names.map((name, i) => [name, this.#mean(i)] as const)),
    };
  }

  clear(): void {
    this.#totals.fill(0);
    this.#samples = 0;
  }
}
