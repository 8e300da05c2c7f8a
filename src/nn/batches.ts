/**
 * Batches: what `fit` trains on and `evaluate` evaluates, whatever they come from.
 *
 *   arrays of samples     array-batches below    gathered by an order of the whole epoch
 *   a dataset             stream-batches.ts      taken as they come
 */
import { type Batch, batchCount, batches } from "../data/dataset.ts";
import type { MaybePromise } from "../data/pipeline/cursor.ts";
import type { Feeds } from "../runtime/feeds.ts";
import type { RunOrder } from "./checkpointing.ts";
import type { InputScale } from "./input-scale.ts";
import type { OnNaN } from "./on-nan.ts";
import type { Ports } from "./ports.ts";
import type { Batcher, Stretch } from "./samples.ts";
import type { Session } from "./session.ts";
import { checkTargets } from "./target-check.ts";
import type { Weighting } from "./weighting.ts";
import { weightedAs } from "./weights.ts";

export type BatchEntry = "train" | "evaluate";

/** Where an epoch begins. */
export interface EpochPlace {
  /** Orders of the data that were used up before. */
  readonly pass: number;
  /** Epochs of the run that are done. */
  readonly epoch: number;
  /** Batches of this one that are done. */
  readonly batch: number;
}

/** Samples order[from] to order[to - 1] of those that `holdable` gives. */
export interface BatchRows {
  readonly order: Uint32Array;
  readonly from: number;
  readonly to: number;
}

export interface Holdable {
  readonly samples: Batcher;
  /** Where they never change: what to know them by when they are asked for again. */
  readonly key: object | null;
}

export interface FedBatch {
  /** In the epoch, from 0. */
  readonly index: number;
  /** Samples. */
  readonly count: number;
  /** Null where its samples are no rows of what `holdable` gives. */
  readonly rows: BatchRows | null;
  /** What to run a step on; filled again for the next batch. */
  load(): Feeds;
  /** These samples, and those of the batches before from number `first` on, as far as they are still there. */
  stretch(first: number): Stretch;
}

/** The batches of one epoch, or of what is left of it. */
export interface BatchReader {
  next(): MaybePromise<FedBatch | null>;
  close(): MaybePromise<void>;
}

/** How the reader of a run may change the program: in a turn of its own, or in the one that it is read in. */
export type TakeTurn = <T>(work: () => Promise<T>) => Promise<T>;

export interface BatchSource {
  /** For messages: "fit". */
  readonly call: string;
  /** What a run that goes on must have in common with this one. */
  readonly order: RunOrder;
  /** Batches in an epoch; null where only reading tells. */
  readonly steps: number | null;
  /** Samples in an epoch. */
  readonly samples: number | null;
  /** How many samples batches have, as far as that is known. */
  readonly sizes: readonly number[];
  /** Samples before a batch of an epoch, where that follows from its number. */
  samplesBefore(batch: number): number | null;
  /** What x is multiplied by; null where only reading tells. */
  scales(): Ports<InputScale> | null;
  /** All targets that are there already, before anything is trained. */
  check(session: Session, entry: BatchEntry, onNaN: OnNaN): void;
  open(place: EpochPlace, takeTurn: TakeTurn): BatchReader;
  /** Samples that lie in memory and of which batches are rows; null where there are none, or not yet. */
  holdable(): Holdable | null;
  /** From now on batches that are rows of those are told as such. */
  nowHeld(): void;
  /** All samples, where they are in memory. */
  all(): Stretch | null;
  close(): MaybePromise<void>;
}

/** Samples in memory. */
export class ArrayBatches implements BatchSource {
  readonly order: RunOrder;
  readonly steps: number;
  readonly #session: Session;
  /** What the samples are weighted for. */
  #weighting: Weighting | null;
  #given: Batcher;

  constructor(session: Session, data: Batcher, order: Omit<RunOrder, "samples">) {
    this.#session = session;
    this.#weighting = data.weights() === null ? null : session.weighting;
    this.#given = data;
    this.order = { samples: data.count, ...order };
    this.steps = batchCount({ count: data.count, batch: order.batchSize });
  }

  get call(): string {
    return this.#given.call;
  }

  get samples(): number {
    return this.#given.count;
  }

  /** A dataset in the other role may bring the first weights in the middle of a run, or the first for each step. */
  get #data(): Batcher {
    const { weighting, training } = this.#session;
    if (weighting !== null && weighting !== this.#weighting) {
      this.#given = weightedAs(training, this.#given, weighting);
      this.#weighting = weighting;
    }
    return this.#given;
  }

  /** The short last one too. */
  get sizes(): readonly number[] {
    const { batchSize } = this.order;
    return [batchSize, this.samples % batchSize].filter((size) => size > 0 && size <= this.samples);
  }

  samplesBefore(batch: number): number {
    return Math.min(batch * this.order.batchSize, this.samples);
  }

  scales(): Ports<InputScale> {
    return this.#data.scales();
  }

  check({ training, executable }: Session, entry: BatchEntry, onNaN: OnNaN): void {
    checkTargets(training, executable.report, { data: this.#data, entry, onNaN });
  }

  open({ pass, batch: done }: EpochPlace): BatchReader {
    const { samples: count, batchSize: batch, shuffle, shuffleSeed: seed } = this.order;
    const walk = batches({ count, batch, shuffle, seed, epoch: pass })[Symbol.iterator]();
    for (let i = 0; i < done; i++) walk.next();
    return {
      next: () => {
        const { done: isOver, value } = walk.next();
        return isOver === true ? null : this.#fed(value);
      },
      close() {},
    };
  }

  holdable(): Holdable {
    return { samples: this.#data, key: null };
  }

  nowHeld(): void {}

  #fed({ index, indices, from, to }: Batch): FedBatch {
    const { batchSize } = this.order;
    return {
      index,
      count: to - from,
      rows: { order: indices, from, to },
      load: () => this.#data.load(indices, from, to),
      stretch: (first) => this.#stretch(indices, Math.min(first * batchSize, from), to),
    };
  }

  all(): Stretch {
    return this.#stretch(
      Uint32Array.from({ length: this.samples }, (_, i) => i),
      0,
      this.samples,
    );
  }

  #stretch(order: Uint32Array, from: number, to: number): Stretch {
    return { data: this.#data, order, from, to, stepOf: (at) => Math.floor(at / this.order.batchSize) + 1 };
  }

  close(): void {}
}
