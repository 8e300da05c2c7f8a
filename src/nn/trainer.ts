/**
 * trainer(): a model, losses and an optimizer as one compiled program, with the loop around it.
 *
 *   const net = trainer(sequential([dense(512, { activation: "relu" }), dense(10, { activation: "softmax" })]), {
 *     input: [784], loss: "softmaxCrossEntropy", optimizer: rmsprop(), metrics: ["accuracy"],
 *   });
 *   await net.compile({ seed: 1, batch: 128 });
 *   const history = await net.fit({ x: images, y: labels, epochs: 5 });
 *   const { loss, accuracy } = await net.evaluate({ x: testImages, y: testLabels });
 *   const probabilities = await net.predict({ x: testImages });
 *
 * For several inputs and outputs there is `model`. A thin layer: `net.program` is an ordinary program and `net.executable` an
 * ordinary executable, so one can go on by hand.
 */
import { UserError } from "../core/errors.ts";
import { checkArguments, checkedLater, checkOptions, count, flag, type OptionTable, whole } from "../core/options.ts";
import { atLine, here, told, withLine } from "../core/origin.ts";
import { type Checkpoint, checkSaved, decodeCheckpoint, type Fingerprint } from "../io/checkpoint.ts";
import type { WeightSource } from "../io/weight-file.ts";
import { type LoadWeightsOptions, loadWeightsTable, type SaveWeightsOptions, saveWeightsTable } from "../io/weight-options.ts"; // biome-ignore format: names
import type { LoadedWeights } from "../io/weights.ts";
import type { Executable } from "../runtime/executable-type.ts";
import type { Profile, ProfileOptions } from "../runtime/profile/profile.ts";
import { ArrayBatches } from "./batches.ts";
import { checkpoint, fingerprintOfTraining, putWeights, restore, weightsOf } from "./checkpointing.ts";
import {
  addWeights,
  addWeightsInTurn,
  checkCompileOptions,
  compileAgain,
  compileFirst,
  type TrainerCompileOptions,
} from "./compilation.ts";
import { evaluateChecked } from "./evaluation.ts";
import { train } from "./fit.ts";
import { checkFitOptions } from "./fit-check.ts";
import { checkDataAlone, evaluationData, weightingFor } from "./fit-data.ts";
import type { FitDataOptions, FitOptions, SampleBatch, SampleData } from "./fit-options.ts";
import type { Evaluated, History } from "./history.ts";
import { BatchBuffers, type PredictOnBatchOptions, predictOnBatch, type TestOnBatchOptions, type TrainOnBatchOptions, testOnBatch, testOnBatchTable, trainOnBatch, trainOnBatchTable } from "./on-batch.ts"; // biome-ignore format: names
import { type OnNaN, onNaNKind } from "./on-nan.ts";
import { type AnySamples, Batcher, type Samples, samplesTable } from "./samples.ts";
import { predict, type Session, setLearningRate } from "./session.ts";
import { predictBatches, StreamBatches } from "./stream-batches.ts";
import { type SummaryOptions, summaryOf } from "./summary.ts";
import type { Summary } from "./summary-text.ts";
import { checkTrainerOptions, definitionOf, type InputNames, type MetricsFor, type OutputNames, type ScoreNames, type Trainable, type TrainerOptionsFor } from "./trainer-options.ts"; // biome-ignore format: names
import { programFor, type Training, type TrainingOutputs, type TrainingProgram, trainingOf } from "./training-program.ts"; // biome-ignore format: names
import { Turns } from "./turns.ts";
import { Tally, type Verbose, verboseKind } from "./verbose.ts";
import type { Weighting } from "./weighting.ts";

/** How a checkpoint is put back. */
export interface RestoreOptions {
  /** Take the states, but not the place in the data: the next `fit` is a new run. False by default: it goes on. */
  readonly newRun?: boolean;
}

/** Evaluation on arrays of samples. */
export interface EvaluateOptions<In extends string = never, Out extends string = never>
  extends EvaluateSettings,
    Samples<In, Out> {}

/** Evaluation on a dataset, or on whatever else gives batches. */
export interface EvaluateDataOptions<In extends string = never, Out extends string = never>
  extends EvaluateSettings,
    Pick<Samples<In, Out>, "scale"> {
  /** The samples, or batches of them: see `fit`. */
  readonly data: SampleData<SampleBatch<In, Out>>;
}

export interface EvaluateSettings {
  /** Samples at a time; what the trainer was compiled for by default. */
  readonly batch?: number;
  /** What to do where the loss is no finite number: "stop", the default, is an error that names the first such sample. */
  readonly onNaN?: OnNaN;
  /** The most bytes of the samples that go to the device at once, from where each batch takes its rows, as in `fit`: 268,435,456 by default. */
  readonly holdBytes?: number;
  /** 0, the default, is silent; 1 a progress bar where a terminal shows it, 2 a line at the end. */
  readonly verbose?: Verbose;
}

/** Samples to predict as a dataset; its elements need no y. */
export interface PredictDataOptions<In extends string = never, Out extends string = never>
  extends Pick<Samples<In, Out>, "scale">,
    Pick<EvaluateSettings, "verbose"> {
  /** The samples, or batches of them, as `fit` takes them; of each only x is looked at. */
  readonly data: SampleData<Pick<SampleBatch<In, Out>, "x">>;
}

/** Of samples to evaluate, what `predict` has no use for is not looked at. */
export type PredictOptions<In extends string = never, Out extends string = never> = PredictOnBatchOptions<In, Out> &
  Pick<EvaluateSettings, "verbose">;

export const restoreTable: OptionTable<RestoreOptions> = { newRun: flag };

interface AnyPredictOptions extends AnySamples, Pick<EvaluateSettings, "verbose"> {
  readonly data?: unknown;
}
const predictTable: OptionTable<AnyPredictOptions> = {
  ...samplesTable,
  data: checkedLater("a dataset, or what gives batches"),
  verbose: verboseKind,
};
type AnyEvaluateOptions = AnyPredictOptions & EvaluateSettings;
const evaluateTable: OptionTable<AnyEvaluateOptions> = { ...predictTable, batch: count, onNaN: onNaNKind, holdBytes: whole({ from: 0 }) }; // biome-ignore format: short

/** The model's output, or its outputs by name. */
export type Predicted<Out extends string> = [Out] extends [never]
  ? Float32Array
  : { readonly [N in Out]: Float32Array };

/**
 * Makes a trainer of a layer (`sequential`, say) or of what `model` made. Nothing is compiled yet. What it takes is in
 * `TrainerOptions`, for what `model` made in `ModelTrainerOptions`; `compile` takes `TrainerCompileOptions`, `fit` `FitOptions`,
 * `evaluate` `EvaluateOptions`.
 */
export function trainer<
  const T extends Trainable,
  const M extends MetricsFor<OutputNames<T>> | undefined,
  const W extends MetricsFor<OutputNames<T>> | undefined = undefined,
>(
  model: T,
  options: TrainerOptionsFor<T, M, W>,
): Trainer<ScoreNames<M, OutputNames<T>, W>, InputNames<T>, OutputNames<T>> {
  checkArguments("trainer", arguments, 2);
  try {
    return new Trainer(trainingOf(definitionOf(model, checkTrainerOptions(model, options))));
  } catch (error) {
    throw withLine(error, "trainer");
  }
}

/** `Name` are the names of its scores besides "loss"; `In` and `Out` those of the model's inputs and outputs, if there are several. */
export class Trainer<Name extends string = never, In extends string = never, Out extends string = never> {
  readonly #training: Training;
  #session: Session | null = null;
  /** Compilations wait for each other, and a fit for those that were asked for before it. */
  readonly #compilations = new Turns();
  #compiling = 0;
  #compileOptions: TrainerCompileOptions = {};
  readonly #batchBuffers = new BatchBuffers();

  constructor(training: Training) {
    this.#training = training;
  }

  /**
   * Entries train, evaluate and predict; inputs x and y, and weight where samples have weights; states model, opt, totals and
   * evaluationTotals.
   */
  get program(): TrainingProgram {
    return programFor(this.#training, this.#session?.weighting ?? null);
  }

  /** The compiled program: its state, its report, its entries. */
  get executable(): Executable<TrainingOutputs> {
    return this.#compiled("executable").executable;
  }

  /**
   * Compiles: the first time with fresh weights, and again for another target, batch or whatever else the options say, with all
   * states kept unless `fresh` asks for new ones. A compilation that fails changes nothing. Not while `fit` runs; `fit` does it
   * too, with these defaults, where it was not done.
   */
  async compile(options: TrainerCompileOptions = {}): Promise<Executable<TrainingOutputs>> {
    checkArguments("compile", arguments, 1);
    return told("compile", async () => {
      checkCompileOptions(options);
      this.#compiling++;
      try {
        return await this.#compilations.take(() => this.#compile(options));
      } finally {
        this.#compiling--;
      }
    });
  }

  /** Trains for some epochs. Call it again to go on. */
  async fit(options: FitOptions<Name, In, Out> | FitDataOptions<Name, In, Out>): Promise<History<Name>> {
    checkArguments("fit", arguments, 1);
    return told("fit", async () => {
      const given = checkFitOptions(options);
      const weighting = weightingFor("fit", this.#training, given);
      if (this.#compiling > 0) await this.#compilations.take(async () => {});
      if (this.#session === null) {
        const { batch, seed } = options;
        await this.compile({
          weighted: this.#takes(weighting),
          ...(batch === undefined ? {} : { batch }),
          ...(seed === undefined ? {} : { seed }),
        });
      }
      const session = this.#compiled("fit");
      if (weighting !== null) await addWeights("fit", session, this.#compileOptions, weighting);
      return (await train(session, given)) as History<Name>;
    });
  }

  /** Loss and metrics over all samples, without training. While `fit` runs it is done between two of its steps. */
  async evaluate(options: EvaluateOptions<In, Out> | EvaluateDataOptions<In, Out>): Promise<Evaluated<Name>> {
    checkArguments("evaluate", arguments, 1);
    return told("evaluate", async () => {
      const { batch: asked, onNaN = "stop", data, verbose = 0, holdBytes, ...given } = checkOptions("evaluate", options, evaluateTable); // biome-ignore format: short
      const session = this.#compiled("evaluate");
      const batch = asked ?? session.batch;
      const weighting = weightingFor("evaluate", this.#training, given);
      if (weighting !== null) await addWeights("evaluate", session, this.#compileOptions, weighting);
      checkDataAlone("evaluate", data, given);
      const order = { batchSize: batch, shuffle: false, shuffleSeed: 0 };
      const scores = session.turns.take(async () => {
        const source =
          data === undefined
            ? new ArrayBatches(session, evaluationData("evaluate", session, given), order)
            : new StreamBatches(session, {
                call: "evaluate",
                data,
                entry: "evaluate",
                batch,
                onNaN,
                scale: given.scale,
              });
        try {
          const tally = new Tally("Evaluated", verbose);
          return await evaluateChecked(session, { data: source, onNaN, tally, holdBytes });
        } finally {
          await source.close();
        }
      });
      return (await scores) as Evaluated<Name>;
    });
  }

  /**
   * The model's outputs for any number of samples, row after row; a NaN in a sample is in its own row only. While `fit` runs it is
   * done between two of its steps.
   */
  async predict(options: PredictOptions<In, Out> | PredictDataOptions<In, Out>): Promise<Predicted<Out>> {
    checkArguments("predict", arguments, 1);
    return told("predict", async () => {
      const { data, verbose = 0, ...given } = checkOptions("predict", options, predictTable);
      const { x, scale } = given;
      const session = this.#compiled("predict");
      const { batch } = session;
      checkDataAlone("predict", data, given);
      const found = session.turns.take(async () => {
        const parts = data === undefined ? [Batcher.of("predict", this.#training, { x, scale }, session.scales)] : predictBatches(session, { call: "predict", data, entry: "predict", batch, onNaN: "ignore", scale }); // biome-ignore format: short
        return predict(session, parts, batch, new Tally("Predicted", verbose));
      });
      return (await found) as Predicted<Out>;
    });
  }

  /**
   * One step on a batch of any size, and its scores: of this batch alone, before the step. Learning rate, moments and slots move as in
   * `fit`, which it may stand beside. Compiles with the defaults where that was not done, and once more for each other size.
   */
  async trainOnBatch(options: TrainOnBatchOptions<In, Out>): Promise<Evaluated<Name>> {
    checkArguments("trainOnBatch", arguments, 1);
    return told("trainOnBatch", async () => {
      const given = checkOptions("trainOnBatch", options, trainOnBatchTable);
      const weighting = weightingFor("trainOnBatch", this.#training, given);
      if (this.#session === null) await this.compile({ weighted: this.#takes(weighting) });
      const session = this.#compiled("trainOnBatch");
      if (weighting !== null) await addWeights("trainOnBatch", session, this.#compileOptions, weighting);
      return (await session.turns.take(() => trainOnBatch(session, given, this.#batchBuffers))) as Evaluated<Name>;
    });
  }

  /** Loss and metrics of a batch of any size, without training. */
  async testOnBatch(options: TestOnBatchOptions<In, Out>): Promise<Evaluated<Name>> {
    checkArguments("testOnBatch", arguments, 1);
    return told("testOnBatch", async () => {
      const given = checkOptions("testOnBatch", options, testOnBatchTable);
      const session = this.#compiled("testOnBatch");
      const weighting = weightingFor("testOnBatch", this.#training, given);
      if (weighting !== null) await addWeights("testOnBatch", session, this.#compileOptions, weighting);
      return (await session.turns.take(() => testOnBatch(session, given, this.#batchBuffers))) as Evaluated<Name>;
    });
  }

  /** The model's outputs for a batch of any size, computed as one. Of `options` only x and scale are looked at. */
  async predictOnBatch(options: PredictOnBatchOptions<In, Out>): Promise<Predicted<Out>> {
    checkArguments("predictOnBatch", arguments, 1);
    return told("predictOnBatch", async () => {
      const given = checkOptions("predictOnBatch", options, samplesTable);
      const session = this.#compiled("predictOnBatch");
      return (await session.turns.take(() => predictOnBatch(session, given, this.#batchBuffers))) as Predicted<Out>;
    });
  }

  /** Where the time goes while `work` runs, `() => net.fit(...)` say: see `Executable.profile`. Not what runs after a new compilation. */
  async profile(work: () => unknown, options?: ProfileOptions): Promise<Profile> {
    return told("profile", async () => this.#compiled("profile").executable.profile(work, options));
  }

  /** From the next step on; nothing is compiled anew. */
  setLearningRate(value: number): void {
    try {
      setLearningRate(this.#compiled("setLearningRate"), value);
    } catch (error) {
      throw withLine(error, "setLearningRate");
    }
  }

  /**
   * Everything that the run needs to go on bit for bit, as a safetensors file: weights, moments, counters, random state, the
   * place in the data, and the architecture, from which `trainerFrom` makes the trainer again. Also while `fit` runs: between
   * two steps. In Node `saveTrainer` writes it to a file.
   */
  async checkpoint(): Promise<Uint8Array> {
    return told("checkpoint", () => checkpoint(this.#compiled("checkpoint")));
  }

  /**
   * Puts a checkpoint back, all or nothing. Where its run was under way, the next `fit` goes on in the middle of the epoch: give
   * it what the first one had; its `epochs` count from the first. Compiles with its batch where that was not done. A checkpoint
   * that is decoded already must have been held against this trainer's `fingerprint`.
   */
  async restore(saved: Uint8Array | Checkpoint, options: RestoreOptions = {}): Promise<void> {
    checkArguments("restore", arguments, 2);
    return told("restore", async () => {
      const { newRun = false } = checkOptions("restore", options, restoreTable, { before: "bytes, " });
      checkSaved("restore", saved);
      const found = saved instanceof Uint8Array ? decodeCheckpoint(saved, "restore", this.fingerprint) : saved;
      if (this.#session === null) {
        const batch = found.position?.batchSize;
        await this.compile({ seed: found.seed, ...(batch === undefined ? {} : { batch }) });
      }
      const session = this.#compiled("restore");
      await session.turns.take(async () => restore(session, found, newRun));
    });
  }

  /**
   * The weights alone, and the slots of layers, as a safetensors file: no moments, no place in the data, no architecture. Names are
   * those in the model: "dense1.kernel". `{ format: "npz" }` is for NumPy. Also while `fit` runs. In Node `saveWeights` writes it to a file.
   */
  async weights(options: SaveWeightsOptions = {}): Promise<Uint8Array> {
    const { format } = checkOptions("weights", options, saveWeightsTable);
    return told("weights", () => weightsOf(this.#compiled("weights"), format));
  }

  /**
   * Puts weights into the model: from a file of weights, a checkpoint, another program's safetensors or npz, a file of Keras's (their
   * bytes), or a Map of tensors. All or nothing, unless `strict: false` takes what fits; gives lists of what did and what did not. Everything else stays
   * as it is, the optimizer's moments too. Compiles with the defaults where that was not done. `name` is what errors call it.
   */
  async loadWeights(
    source: WeightSource,
    options: LoadWeightsOptions = {},
    name = "loadWeights",
  ): Promise<LoadedWeights> {
    return told("loadWeights", async () => {
      checkOptions("loadWeights", options, loadWeightsTable, { before: "weights, " });
      if (this.#session === null) await this.compile();
      return putWeights(this.#compiled("loadWeights"), source, options, name);
    });
  }

  /** A table of its layers: shapes, weights, arithmetic. `console.log(net.summary().text)`. Needs no compilation. */
  summary(options: SummaryOptions = {}): Summary {
    checkArguments("summary", arguments, 1);
    const { definition } = this.#training;
    return summaryOf(definition.model, options, { frozen: definition.frozen, states: this.#training.program.states });
  }

  /** What a checkpoint must have in common with this trainer: its states, the optimizer's name and constants. */
  get fingerprint(): Fingerprint {
    return fingerprintOfTraining(this.#training);
  }

  /** Releases the device and its memory; `compile` starts anew. */
  dispose(): void {
    this.#session?.executable.dispose();
    this.#session = null;
  }

  async #compile(options: TrainerCompileOptions): Promise<Executable<TrainingOutputs>> {
    const before = this.#session;
    const session = before ?? (await compileFirst(this.#training, options));
    if (before !== null) await compileAgain(before, options);
    this.#session = session;
    this.#compileOptions = options;
    session.useWeights = (weighting) => addWeightsInTurn(session, this.#compileOptions, weighting);
    return session.executable;
  }

  /** For a first compilation: with several outputs not all that have steps need weights for them. */
  #takes(weighting: Weighting | null): boolean | "steps" {
    if (weighting === null) return false;
    return this.#training.outputs.isSingle && weighting.size > 0 ? "steps" : true;
  }

  #compiled(call: string): Session {
    if (this.#session !== null) return this.#session;
    throw new UserError(`${call}: call await trainer.compile() first${atLine(here(call))}`);
  }
}
