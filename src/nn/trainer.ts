/**
 * trainer(): a model, a loss and an optimizer as one compiled program, with the loop around it.
 *
 *   const net = trainer(sequential([dense(512, { activation: "relu" }), dense(10, { activation: "softmax" })]), {
 *     input: [784], loss: "softmaxCrossEntropy", optimizer: rmsprop(), metrics: ["accuracy"],
 *   });
 *   await net.compile({ seed: 1, batch: 128 });
 *   const history = await net.fit({ x: images, y: labels, epochs: 5 });
 *   const { loss, accuracy } = await net.evaluate({ x: testImages, y: testLabels });
 *   const probabilities = await net.predict({ x: testImages });
 *
 * A thin layer: `net.program` is an ordinary program and `net.executable` an ordinary executable, so one can go on by hand.
 */
import { type CompileOptions, compile } from "../compile.ts";
import type { InputSpec } from "../dsl/spec.ts";
import { UserError } from "../errors.ts";
import { type Checkpoint, decodeCheckpoint, type Fingerprint } from "../io/checkpoint.ts";
import type { Executable } from "../runtime/executable.ts";
import { checkpoint, fingerprintOfTraining, restore } from "./checkpointing.ts";
import { type FitOptions, train } from "./fit.ts";
import { type History, type Scores, takenNames } from "./history.ts";
import type { Layer, SampleShape } from "./layers.ts";
import type { LossName, Measure, MetricName } from "./losses.ts";
import type { Optimizer } from "./optimizers.ts";
import { Batcher, type Samples } from "./samples.ts";
import { evaluate, openSession, predict, type Session, setLearningRate } from "./session.ts";
import { type Training, type TrainingOutputs, type TrainingProgram, trainingProgram } from "./training-program.ts";

type MetricTable = Readonly<Record<string, MetricName | Measure>>;
/** By name, or a table of your own names: `{ accuracy: "accuracy", error: (output, target) => ... }`. */
export type Metrics = readonly MetricName[] | MetricTable;

export type NamesOf<M extends Metrics> = M extends readonly (infer N extends string)[] ? N : keyof M & string;

export interface TrainerOptions<M extends Metrics> {
  /** The shape of one sample, without the batch: `[784]`. */
  readonly input: SampleShape;
  readonly loss: LossName | Measure;
  readonly optimizer: Optimizer;
  readonly metrics?: M;
  /** What a loss function compares with: `i32("batch")`, say. By default floats shaped like the model's output. */
  readonly target?: InputSpec;
}

export interface TrainerCompileOptions extends Omit<CompileOptions, "dims"> {
  /** Samples a step; 128 by default. */
  readonly batch?: number;
  /** What compiles the program: `compile` by default. */
  readonly compiler?: (program: TrainingProgram, options: CompileOptions) => Promise<Executable<TrainingOutputs>>;
}

export interface RestoreOptions {
  /** Take the states, but not the place in the data: the next `fit` is a new run. False by default: it goes on. */
  readonly newRun?: boolean;
}

export interface EvaluateOptions extends Samples {
  /** Samples at a time; what the trainer was compiled for by default. */
  readonly batch?: number;
}

export function trainer<const M extends Metrics = readonly []>(
  model: Layer,
  options: TrainerOptions<M>,
): Trainer<NamesOf<M>> {
  const metrics = metricTable(options.metrics ?? []);
  for (const name of metrics.keys()) {
    if (!takenNames.includes(name)) continue;
    throw new UserError(`trainer: a metric cannot be called "${name}": give it another name in a table of metrics`);
  }
  const { input, loss, optimizer, target } = options;
  return new Trainer(trainingProgram({ model, input, loss, optimizer, metrics, target }));
}

export class Trainer<Name extends string = never> {
  readonly #training: Training;
  #session: Session | null = null;

  constructor(training: Training) {
    this.#training = training;
  }

  /** Entries train, evaluate and predict; inputs x and y; states model, opt and totals. */
  get program(): TrainingProgram {
    return this.#training.program;
  }

  /** The compiled program: its state, its report, its entries. */
  get executable(): Executable<TrainingOutputs> {
    return this.#compiled("executable").executable;
  }

  /** Compiles, with fresh weights. `fit` does it too, with these defaults, where it was not done. */
  async compile(options: TrainerCompileOptions = {}): Promise<Executable<TrainingOutputs>> {
    const { batch = 128, compiler = compile, ...rest } = options;
    const executable = await compiler(this.program, { ...rest, dims: { batch } });
    this.dispose(); // the one before, now that there is another: a compilation that fails loses no weights
    this.#session = openSession({ executable, training: this.#training, batch, seed: options.seed ?? 0 });
    return executable;
  }

  /** Trains for some epochs. Call it again to go on. */
  async fit(options: FitOptions<Name>): Promise<History<Name>> {
    if (this.#session === null) {
      const { batch, seed } = options;
      await this.compile({ ...(batch === undefined ? {} : { batch }), ...(seed === undefined ? {} : { seed }) });
    }
    return (await train(this.#compiled("fit"), options as FitOptions)) as History<Name>;
  }

  /** Loss and metrics over all samples, without training. */
  async evaluate({ batch, ...samples }: EvaluateOptions): Promise<Scores<Name>> {
    const session = this.#compiled("evaluate");
    const data = new Batcher("evaluate", this.#training, samples);
    return (await evaluate(session, data, batch ?? session.batch)) as Scores<Name>;
  }

  /** The model's outputs for any number of samples, row after row. */
  async predict({ x, scale }: Pick<Samples, "x" | "scale">): Promise<Float32Array> {
    const session = this.#compiled("predict");
    return predict(session, new Batcher("predict", this.#training, scale === undefined ? { x } : { x, scale }));
  }

  /** From the next step on; nothing is compiled anew. */
  setLearningRate(value: number): void {
    setLearningRate(this.#compiled("setLearningRate"), value);
  }

  /**
   * Everything that the run needs to go on bit for bit, as a safetensors file: weights, moments, counters, random state, and
   * the place in the data. Also while `fit` runs: between two steps. In Node `saveTrainer` writes it to a file.
   */
  async checkpoint(): Promise<Uint8Array> {
    return checkpoint(this.#compiled("checkpoint"));
  }

  /**
   * Puts a checkpoint back, all or nothing. Where its run was under way, the next `fit` goes on in the middle of the epoch: give
   * it what the first one had; its `epochs` count from the first. Compiles with its batch where that was not done. A checkpoint
   * that is decoded already must have been held against this trainer's `fingerprint`.
   */
  async restore(saved: Uint8Array | Checkpoint, { newRun = false }: RestoreOptions = {}): Promise<void> {
    const found = saved instanceof Uint8Array ? decodeCheckpoint(saved, "restore", this.fingerprint) : saved;
    if (this.#session === null) {
      const batch = found.position?.batchSize;
      await this.compile({ seed: found.seed, ...(batch === undefined ? {} : { batch }) });
    }
    restore(this.#compiled("restore"), found, newRun);
  }

  /** What a checkpoint must have in common with this trainer: its states and the optimizer's name. */
  get fingerprint(): Fingerprint {
    return fingerprintOfTraining(this.#training);
  }

  /** Releases the device and its memory; `compile` starts anew. */
  dispose(): void {
    this.#session?.executable.dispose();
    this.#session = null;
  }

  #compiled(call: string): Session {
    if (this.#session !== null) return this.#session;
    throw new UserError(`${call}: call await trainer.compile() first`);
  }
}

function metricTable(metrics: Metrics): ReadonlyMap<string, MetricName | Measure> {
  if (!isList(metrics)) return new Map(Object.entries(metrics));
  return new Map(metrics.map((name) => [name, name]));
}

function isList(metrics: Metrics): metrics is readonly MetricName[] {
  return Array.isArray(metrics);
}
