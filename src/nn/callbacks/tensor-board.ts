/**
 * tensorBoard(): a run in the folders and under the names that Keras's callback gives it. Node only.
 *
 *   logs/train        epoch_loss, epoch_accuracy, epoch_learning_rate; batch_loss...; dense1/kernel/histogram; the graph
 *   logs/validation   epoch_loss, epoch_accuracy; evaluation_loss_vs_iterations
 *
 * Steps of `epoch_` are epochs from 0, of `batch_` and `_vs_iterations` the training steps so far, as there. A run that goes on in
 * the same folder goes on behind its last step.
 */
import { valueIn } from "../../core/dtype.ts";
import { UserError } from "../../core/errors.ts";
import { checkArguments, checkOptions, count, either, flag, type OptionTable, object, oneOf, text, whole } from "../../core/options.ts"; // biome-ignore format: names
import { atLine, here } from "../../core/origin.ts";
import type { StoredTensor } from "../../io/safetensors.ts";
import type { HyperParameters } from "../../io/tensorboard/hparams.ts";
import { type SummaryWriter, writerIn } from "../../io/tensorboard/summary-writer.ts";
import type { EpochRecord } from "../history.ts";
import { scoresOf, withoutTables } from "../progress.ts";
import type { BatchRecord, Callback, FitControl, TrainBegin } from "./callback.ts";
import { OneRun } from "./one-run.ts";
import { weightImage } from "./weight-image.ts";

export interface TensorBoardOptions {
  /** The folder of the run. "logs" by default. */
  readonly logDir?: string;
  /** Every how many epochs weights are counted into histograms, the first one included. 0, never, by default. */
  readonly histogramFreq?: number;
  /** Whether the graph of the training step is written. True by default. */
  readonly writeGraph?: boolean;
  /** Whether weights are written as pictures too, when they are counted. False by default. */
  readonly writeImages?: boolean;
  /** Whether steps in a second are written, with the scores of epochs and of batches. False by default. */
  readonly writeStepsPerSecond?: boolean;
  /** "epoch", the default; or after how many batches their scores are written too: "batch" for each. A GPU is waited for then. */
  readonly updateFreq?: "epoch" | "batch" | number;
  /** Hyper-parameters of the run, for the table that compares runs. */
  readonly hparams?: HyperParameters;
}

const optionTable: OptionTable<TensorBoardOptions> = {
  logDir: text,
  histogramFreq: whole({ from: 0 }),
  writeGraph: flag,
  writeImages: flag,
  writeStepsPerSecond: flag,
  updateFreq: either(oneOf("epoch", "batch"), count),
  hparams: object("an object of numbers, texts and truth values"),
};

/**
 * Writes a run for TensorBoard: `tensorboard --logdir logs`. What the trainer watches is written too: numbers as scalars beside the
 * scores, tensors (gradients, say) as histograms when weights are. A UserError says where the folder cannot be written.
 */
export function tensorBoard(options: TensorBoardOptions = {}): Callback {
  checkArguments("tensorBoard", arguments, 1);
  const given = checkOptions("tensorBoard", options, optionTable);
  const origin = here("tensorBoard");
  const { updateFreq = "epoch" } = given;
  const every = updateFreq === "batch" ? 1 : updateFreq;
  const oneRun = new OneRun("tensorBoard");
  let board: Board | null = null;
  return {
    onTrainBegin(run, control) {
      oneRun.begin(control);
      try {
        board = new Board(given, run);
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        throw new UserError(`tensorBoard: ${error.message}${atLine(origin)}`, { cause: error });
      }
    },
    ...(every !== "epoch" && {
      onBatchEnd: (record, control) => board?.batch(record, control, every),
    }),
    onEpochEnd: (record, control) => board?.epoch(record, control),
    onTrainEnd: () => board?.close(),
  };
}

/** One run. */
class Board {
  readonly #options: TensorBoardOptions;
  readonly #run: TrainBegin;
  readonly #train: SummaryWriter;
  readonly #validation: SummaryWriter | null;
  /** Of the folder itself: hyper-parameters belong to both. */
  readonly #whole: SummaryWriter | null;
  /** When the last batch ended that was told of. */
  #batchEnd = performance.now();
  #batchStep = 0;
  /** Steps of the epochs that are done, and the latest of the one under way, as far as batches were told of. */
  #before = 0;
  #latest = 0;

  constructor(options: TensorBoardOptions, run: TrainBegin) {
    const { logDir = "logs", writeGraph = true, hparams } = options;
    this.#options = options;
    this.#run = run;
    this.#train = writerIn(`${logDir}/train`);
    this.#validation = run.validates ? writerIn(`${logDir}/validation`) : null;
    this.#whole = hparams === undefined ? null : writerIn(logDir);
    if (hparams !== undefined) this.#whole?.hparams(hparams);
    if (writeGraph) this.#train.graph(run.program);
    this.#batchStep = this.#stepsAt(run.epoch, run.step);
  }

  /** Steps of the run up to here. Of data that does not say how long it is they are counted from where the run begins. */
  #stepsAt(epoch: number, step: number): number {
    return this.#run.steps === null ? this.#before + step : (epoch - 1) * this.#run.steps + step;
  }

  batch({ epoch, step, scores }: BatchRecord, control: FitControl, every: number): void {
    this.#latest = step;
    const done = this.#stepsAt(epoch, step);
    if (done % every !== 0) return;
    this.#scalars(this.#train, "batch_", { ...this.#watchedNumbers(control), ...scores }, done);
    if (this.#options.writeStepsPerSecond !== true) return;
    const now = performance.now();
    this.#train.scalar("batch_steps_per_second", ((done - this.#batchStep) * 1000) / (now - this.#batchEnd), done);
    this.#batchEnd = now;
    this.#batchStep = done;
  }

  async epoch(record: EpochRecord, control: FitControl): Promise<void> {
    const { epoch, learningRate, seconds, stepMs, validation } = record;
    const { histogramFreq = 0, writeStepsPerSecond = false } = this.#options;
    const [at, { steps }] = [epoch - 1, this.#run];
    const perSecond =
      steps === null ? 1000 / stepMs : (steps - (epoch === this.#run.epoch ? this.#run.step : 0)) / seconds;
    this.#before += this.#latest;
    this.#latest = 0;
    const iterations = steps === null ? this.#before || epoch : epoch * steps;
    this.#scalars(this.#train, "epoch_", { ...this.#watchedNumbers(control), ...scoresOf(record) }, at);
    if (learningRate !== undefined) this.#train.scalar("epoch_learning_rate", learningRate, at);
    if (writeStepsPerSecond) this.#train.scalar("epoch_steps_per_second", perSecond, at);
    if (validation !== undefined && this.#validation !== null) {
      const scores = withoutTables(validation);
      this.#scalars(this.#validation, "epoch_", scores, at);
      for (const [name, value] of Object.entries(scores)) {
        this.#validation.scalar(`evaluation_${name}_vs_iterations`, value, iterations);
      }
    }
    if (histogramFreq > 0 && at % histogramFreq === 0) await this.#histograms(at, control);
    await Promise.all(this.#writers.map((writer) => writer.flush()));
  }

  async close(): Promise<void> {
    await Promise.all(this.#writers.map((writer) => writer.close()));
  }

  get #writers(): readonly SummaryWriter[] {
    return [this.#train, this.#validation, this.#whole].filter((writer) => writer !== null);
  }

  #scalars(writer: SummaryWriter, prefix: string, values: Readonly<Record<string, number>>, step: number): void {
    for (const [name, value] of Object.entries(values)) writer.scalar(`${prefix}${name}`, value, step);
  }

  #watchedNumbers(control: FitControl): Readonly<Record<string, number>> {
    const values = this.#run.watches.map((name) => [name, control.watched(name)] as const);
    return Object.fromEntries(values.filter((pair): pair is [string, number] => typeof pair[1] === "number"));
  }

  async #histograms(step: number, control: FitControl): Promise<void> {
    for (const [name, weight] of await control.weights()) {
      const [tag, values] = [name.replaceAll(".", "/"), numbersOf(weight)];
      this.#train.histogram(`${tag}/histogram`, values, step);
      const image = this.#options.writeImages === true ? weightImage(weight.shape, values) : null;
      if (image !== null) this.#train.image(`${tag}/image`, image, step);
    }
    for (const name of this.#run.watches) {
      const values = control.watched(name);
      if (typeof values !== "number") this.#train.histogram(`watch/${name}/histogram`, values, step);
    }
  }
}

/** f16 and bf16 come as their bits. */
function numbersOf({ dtype, data }: StoredTensor): ArrayLike<number> {
  return dtype === "f16" || dtype === "bf16" ? Float32Array.from(data, (bits) => valueIn(dtype, bits)) : data;
}
