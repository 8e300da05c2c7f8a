/**
 * Callbacks: what `fit` calls while a model is trained, what they are told, and what they can do.
 *
 *   onTrainBegin -> (onEpochBegin -> onBatchEnd ... -> onEpochEnd) for each epoch -> onTrainEnd
 */
import type { StoredTensor } from "../../io/safetensors.ts";
import type { ProfileOptions, RunningProfile } from "../../runtime/profile/profile.ts";
import type { TypedArray } from "../../runtime/typed-arrays.ts";
import type { EpochRecord, History, Scores } from "../history.ts";
import type { OnNaN } from "../on-nan.ts";
import type { TrainingProgram } from "../training-program.ts";

/** What a callback is told before the first step. */
export interface TrainBegin {
  /** The first epoch that will be trained, from 1: more than 1 where a run goes on. */
  readonly epoch: number;
  /** The batches of that epoch that were trained before: more than 0 where a run goes on in the middle of one. */
  readonly step: number;
  /** How many epochs there are. */
  readonly epochs: number;
  /** Batches in an epoch; null where only reading the data will tell. */
  readonly steps: number | null;
  /** Samples in an epoch; null where only reading the data will tell. */
  readonly samples: number | null;
  /** Samples in a batch. */
  readonly batch: number;
  /** Whether each epoch ends with an evaluation on validation data. */
  readonly validates: boolean;
  /** The names of the scores: "loss", then the metrics. */
  readonly scores: readonly string[];
  /** The names of what the trainer watches. */
  readonly watches: readonly string[];
  /** The program that is trained: its graphs and states. */
  readonly program: TrainingProgram;
}

/** What a callback is told before an epoch. */
export interface EpochBegin {
  /** From 1. */
  readonly epoch: number;
  /** How many there are. */
  readonly epochs: number;
}

/** What a callback is told after a batch. */
export interface BatchRecord<Name extends string = never> {
  /** Both from 1. */
  readonly epoch: number;
  /** The batch in the epoch, from 1. */
  readonly step: number;
  /** Means over the samples of the epoch so far. */
  readonly scores: Scores<Name>;
  /** Means over the samples since the last reading: of this batch, unless `readEvery` is larger than 1. */
  readonly latest: Scores<Name>;
}

/** What a callback can do. */
export interface FitControl {
  /** Whether that call of `fit` has ended: another one has a control of its own. */
  readonly isOver: boolean;
  /** Ends the training after the current step; the state stays as it is. */
  stop(): void;
  /** From the next step on. */
  setLearningRate(value: number): void;
  /** The learning rate as it stands. */
  learningRate(): Promise<number>;
  /** What the trainer watches, by name: its value in the last step that was read (see `readEvery`). */
  watched(name: string): number | TypedArray;
  /** A copy of the model's weights and slots as they stand, by name: "dense1.kernel". */
  weights(): Promise<ReadonlyMap<string, StoredTensor>>;
  /** Puts weights back that `weights()` gave, all or nothing. The optimizer's moments stay as they are. */
  setWeights(weights: ReadonlyMap<string, StoredTensor>): Promise<void>;
  /** The trainer's checkpoint as it stands: see `Trainer.checkpoint`. */
  checkpoint(): Promise<Uint8Array>;
  /** Begins a profile, which ends when its `stop` is called: see `Trainer.profile`. Runs are counted from now on. */
  profile(options?: ProfileOptions): Promise<RunningProfile>;
}

/** What a callback remembers: numbers (NaN and infinity too), words, switches; and tensors, weights say. */
export interface CallbackState {
  /** By name. */
  readonly values: Readonly<Record<string, number | string | boolean | null>>;
  /** By name, like those of `weights()`. */
  readonly tensors?: ReadonlyMap<string, StoredTensor>;
}

/** What is called while a model is trained. A promise is waited for; an error ends the training. */
export interface Callback<Name extends string = never> {
  /** What a checkpoint finds its state by. */
  readonly name?: string;
  /** What `fit` does about a loss that is no number, where it is not told itself. */
  readonly onNaN?: OnNaN;
  /** Before the first step. */
  onTrainBegin?(run: TrainBegin, control: FitControl): void | Promise<void>;
  /** Before the first step of an epoch; not where a run goes on in the middle of one. */
  onEpochBegin?(epoch: EpochBegin, control: FitControl): void | Promise<void>;
  /** After each batch whose results were read: each one on the CPU, and where `readEvery` is not given. */
  onBatchEnd?(record: BatchRecord<Name>, control: FitControl): void | Promise<void>;
  /** After each epoch, validation included. */
  onEpochEnd?(record: EpochRecord<Name>, control: FitControl): void | Promise<void>;
  /** After the last epoch, or where the training was ended early; not after an error. */
  onTrainEnd?(history: History<Name>, control: FitControl): void | Promise<void>;
  /** What it remembers, for a checkpoint: a run that goes on from there is to do what the unbroken one would have done. */
  saveState?(): CallbackState;
  /** Takes it back, after `onTrainBegin`. */
  restoreState?(state: CallbackState): void;
}

/** Their names; in the order in which messages list them. */
export const callbackHooks: readonly (keyof Callback)[] = [
  "onEpochEnd", "onBatchEnd", "onTrainBegin", "onTrainEnd", "onEpochBegin",
]; // biome-ignore format: names

/** Functions of theirs that are not enough to be one. */
export const callbackStates: readonly (keyof Callback)[] = ["saveState", "restoreState"];
