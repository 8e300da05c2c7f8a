/** What `fit` is given: samples as arrays or as a dataset, and settings. */
import type { Dataset } from "../data/pipeline/dataset.ts";
import type { Signal } from "../runtime/platform.ts";
import type { Callback } from "./callbacks/callback.ts";
import type { AnyFitData } from "./fit-data.ts";
import type { Numbers } from "./given-numbers.ts";
import type { OnNaN } from "./on-nan.ts";
import type { Progress } from "./progress.ts";
import type { ResumePoint } from "./resume-point.ts";
import type { ForEach, NumbersFor, Samples } from "./samples.ts";
import type { Verbose } from "./verbose.ts";
import type { ClassWeightFor } from "./weights.ts";

/** A batch of samples: arrays as `fit` takes them. */
export interface SampleBatch<In extends string = never, Out extends string = never> {
  readonly x: NumbersFor<In>;
  readonly y: NumbersFor<Out>;
  /** A weight for each sample, or for each of its steps. */
  readonly weight?: Numbers | ForEach<Out, Numbers>;
}

/** What gives batches, one after the other. */
export type Batches<B> = AsyncIterable<B> | Iterable<B>;

/**
 * A dataset of batches, or of single samples, which are batched then; or what gives batches, or a function of the epoch (from 0) that
 * gives one.
 */
export type SampleData<B> =
  | Dataset<{ readonly [K in keyof B]: unknown }>
  | Batches<B>
  | ((epoch: number) => Batches<B> | PromiseLike<Batches<B>>);

/** Training on a dataset, or on whatever else gives batches. */
export interface FitDataOptions<Name extends string = never, In extends string = never, Out extends string = never>
  extends FitSettings<Name, In, Out>,
    Pick<Samples<In, Out>, "scale"> {
  /** The samples, or batches of them. Its elements are `{ x, y }`, with a `weight` where samples are weighted. */
  readonly data: SampleData<SampleBatch<In, Out>>;
  /** Steps in an epoch. Each epoch goes on where the one before ended; behind the last batch the data begins anew. */
  readonly stepsPerEpoch?: number;
}

/** Training on arrays of samples. */
export interface FitOptions<Name extends string = never, In extends string = never, Out extends string = never>
  extends FitSettings<Name, In, Out>,
    Samples<In, Out> {}

export interface FitSettings<Name extends string = never, In extends string = never, Out extends string = never> {
  /** The number of the last one: 1 by default. */
  readonly epochs?: number;
  /**
   * Epochs that count as done: with 3 the first one trained is the fourth, with the data that it would have had. 0 by default. A run that
   * goes on from a checkpoint knows it itself.
   */
  readonly initialEpoch?: number;
  /** Samples a step; what the trainer was compiled for by default. A short last batch is trained too. */
  readonly batch?: number;
  /** A new order each epoch. True by default. */
  readonly shuffle?: boolean;
  /** For the shuffles; that of `compile` by default. */
  readonly seed?: number;
  /** Evaluated after each epoch. */
  readonly validation?: Samples<In, Out>;
  /** The same, as arrays or as a dataset. */
  readonly validationData?: Samples<In, Out> | SampleData<SampleBatch<In, Out>>;
  /**
   * This share of the samples is kept for validation: the last ones, as they are given, before shuffling. As in Keras their
   * sample weights count, class weights do not.
   */
  readonly validationSplit?: number;
  /** After which epochs: every so many, or a list of them, from 1. 1 by default. */
  readonly validationFreq?: number | readonly number[];
  /**
   * A weight for each class, which the losses of its samples are multiplied by: `{ 0: 1, 1: 5 }`, or a list. As in Keras 3 a
   * class that is left out has weight 1, and the weighted losses are summed over the number of samples. Together with
   * `sampleWeight` (which Keras refuses) both are multiplied. By name for several outputs.
   */
  readonly classWeight?: ClassWeightFor<Out>;
  /** Called in this order. None by default. */
  readonly callbacks?: readonly Callback<Name>[];
  /** `terminalProgress()` of "tensorloom/node", or your own. */
  readonly progress?: Progress;
  /** Keras's word for it: 0, the default, is silent, 1 a progress bar where a terminal shows it, 2 a line for each epoch. */
  readonly verbose?: Verbose;
  /** Ends the training after the current step; in Node `interruptSignal()` is one for Ctrl-C. */
  readonly signal?: Signal | undefined;
  /** How many steps between readings of loss and metrics; 50 on a GPU, but 1 with `onBatchEnd` and on the CPU. */
  readonly readEvery?: number;
  /**
   * The most bytes of x, y and weights that are left on the device for the run, from where each step takes its rows: 268,435,456 by
   * default, 0 for none. So are those of a dataset whose batches are rows of arrays, or of what `cache` keeps, without weights. What is
   * held is as it was before the first step, whatever is written to the arrays meanwhile, and stays in the device's memory until
   * `dispose`, where the next run may find it. By default a short run feeds its batches, and so does `js`, where nothing is won; the
   * numbers are the same.
   */
  readonly holdBytes?: number;
  /**
   * What to do where the loss comes out as NaN or infinite: "stop", the default, ends with a TrainingError that names epoch, step and
   * the first sample, weight or output with such a number; "warn" tells it once and trains on; "ignore" trains on.
   */
  readonly onNaN?: OnNaN;
  /** From the TrainingError of a run that failed: goes on behind the epoch it holds. */
  readonly resume?: ResumePoint;
}

/** The options of `fit`, whatever the ports. */
export type AnyFitOptions = Omit<FitSettings, keyof AnyFitData> & AnyFitData;
