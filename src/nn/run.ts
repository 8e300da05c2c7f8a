/**
 * A run: one call of `fit`, epoch by epoch and step by step; fit.ts says in which order.
 */

import { CompilerBug, FeedError, UserError } from "../core/errors.ts";
import { median } from "../core/median.ts";
import type { DataPosition } from "../io/checkpoint.ts";
import type { Snapshot } from "../runtime/state.ts";
import type { BatchSource, FedBatch } from "./batches.ts";
import type { TrainBegin } from "./callbacks/callback.ts";
import { CallbackCalls } from "./callbacks/calls.ts";
import { fitControl } from "./callbacks/control.ts";
import { checkSameRun, positionOrder } from "./checkpointing.ts";
import { evaluate } from "./evaluation.ts";
import { fitSources } from "./fit-data.ts";
import type { AnyFitOptions } from "./fit-options.ts";
import { HeldData } from "./held-data.ts";
import { type EpochRecord, type History, RunningMeans, type Scores, type Stop } from "./history.ts";
import { clearKept, readKept } from "./kept-scores.ts";
import { LossWatch, ofSteps, type WatchedEpoch } from "./loss-watch.ts";
import type { OnNaN } from "./on-nan.ts";
import type { EpochPlan, Progress } from "./progress.ts";
import { freshStart, type ResumePoint, type Start, trainingError } from "./resume-point.ts";
import {
  Breath, DeviceSums, prepareFor, readEveryByDefault, readLearningRate, type Session,
  takeAverages,
} from "./session.ts"; // biome-ignore format: names
import { programFor } from "./training-program.ts";
import { verboseProgress } from "./verbose.ts";
import { WatchedValues } from "./watched-values.ts";

/** What an epoch gathers on its way. */
interface EpochWork extends WatchedEpoch {
  readonly started: number;
  /** Milliseconds a step, one for each reading. */
  readonly times: number[];
  windowStart: number;
  /** Orders used before this epoch's. */
  readonly shuffles: number;
}

/** One call of `train`. */
export class Run {
  readonly #session: Session;
  readonly #options: AnyFitOptions;
  readonly #data: BatchSource;
  readonly #validation: BatchSource | null;
  /** Steps of the run that are done. */
  #total = 0;
  readonly #readEvery: number;
  readonly #onNaN: OnNaN;
  readonly #lossWatch: LossWatch;
  readonly #sums: DeviceSums;
  readonly #watched: WatchedValues;
  readonly #breath = new Breath();
  readonly #callbacks: CallbackCalls;
  /** Where the data lies on the device; undefined before that was found out. */
  #held: HeldData | null | undefined;
  /** And that to validate on. */
  #heldApart: HeldData | null | undefined;
  #kept: ResumePoint | null = null;
  /** The copy before, for the next one to be written over. */
  #spare: Snapshot | undefined;
  readonly progress: Progress | undefined;
  stopped: Stop | null = null;

  constructor(session: Session, options: AnyFitOptions) {
    const { batch = session.batch, callbacks = [], readEvery, resume } = options;
    const { shuffle = true, seed = resume?.order.shuffleSeed ?? session.seed } = options;
    this.#onNaN = options.onNaN ?? callbacks.find((it) => it.onNaN !== undefined)?.onNaN ?? "stop";
    this.#session = session;
    this.#options = options;
    this.progress = options.progress ?? verboseProgress(options.verbose ?? 0);
    const { train, validation } = fitSources(session, options, { batch, shuffle, seed, onNaN: this.#onNaN });
    this.#data = train;
    this.#validation = validation;
    // What a dataset is multiplied by is that of the samples to train on, which may yet have to be read.
    if (validation?.order.stream === true) this.#heldApart = null;
    this.#lossWatch = new LossWatch(session, train, this.#onNaN);
    this.#sums = new DeviceSums(session, "totals");
    this.#watched = new WatchedValues(session);
    this.#callbacks = new CallbackCalls(callbacks, (ends) => fitControl(session, this.#watched, ends));
    this.#readEvery = readEvery ?? (this.#callbacks.has("onBatchEnd") ? 1 : readEveryByDefault(session));
  }

  get order(): BatchSource["order"] {
    return this.#data.order;
  }

  /** Compiles before the first step whatever the data will need. */
  async prepare(): Promise<void> {
    const { epochs = 1, holdBytes, validationFreq: freq = 1 } = this.#options;
    this.#held = await HeldData.of(this.#held, this.#session, this.#data, { entry: "train", epochs, holdBytes });
    if (this.#held === null) await prepareFor(this.#session, this.#data, "train");
    if (this.#validation === null) return;
    const times = typeof freq === "number" ? Math.floor(epochs / freq) : freq.length;
    const wish = { entry: "evaluate", epochs: times, holdBytes, besides: this.#held?.bytes } as const;
    this.#heldApart = await HeldData.of(this.#heldApart, this.#session, this.#validation, wish);
    if (this.#heldApart === null) await prepareFor(this.#session, this.#validation, "evaluate");
  }

  /** All labels, of validation too, before anything is trained. */
  checkTargets(): void {
    this.#data.check(this.#session, "train", this.#onNaN);
    this.#validation?.check(this.#session, "evaluate", this.#onNaN);
  }

  async close(): Promise<void> {
    await this.#data.close();
    await this.#validation?.close();
  }

  over(): void {
    this.#held?.release();
    this.#heldApart?.release();
    this.#callbacks.over();
  }

  /** Where a new run begins whose first epochs count as done: with the orders that would be left. */
  skip(epoch: number): Start {
    if (this.order.stepsPerEpoch === undefined) this.#session.shuffles = Math.max(this.#session.shuffles, epoch);
    return { ...freshStart, epoch };
  }

  /** Checks that a run under way sees the batches it would have seen. */
  begin(start: Start): Start {
    const { pending } = this.#session;
    if (this.#options.resume === undefined && pending !== null) checkSameRun("the checkpoint", pending, this.order);
    const { epochs = 1 } = this.#options;
    const begun = start.epoch + Math.sign(start.batch);
    if (epochs < begun) {
      throw new UserError(
        `fit: epochs is ${epochs}, and the run that goes on is in epoch ${begun}: epochs count from its first, so give ` +
          "more; or restore with { newRun: true } to start a new run from these weights",
      );
    }
    this.#session.pending = null;
    this.#session.pendingCallbacks = null;
    this.#session.callbacks = () => this.#callbacks.save();
    this.#session.scales = this.#data.scales() ?? this.#session.scales;
    this.#total = start.epoch * (this.#data.steps ?? 0) + start.batch;
    this.#stands(start);
    return start;
  }

  async tellBegin({ epoch, batch: step, callbacks }: Start): Promise<void> {
    const { epochs = 1 } = this.#options;
    const { weighting, training } = this.#session;
    const { scores, kept, definition } = training;
    const run: TrainBegin = {
      epoch: epoch + 1,
      step,
      epochs,
      steps: this.#data.steps,
      samples: this.#data.samples,
      batch: this.order.batchSize,
      validates: this.#validation !== null,
      scores: [...scores, ...[...kept].flatMap(([name, { shape }]) => (shape().length === 0 ? [name] : []))],
      watches: [...definition.watch.keys()],
      program: programFor(training, weighting),
    };
    await this.#callbacks.begin(run, callbacks);
    const ended = callbacks?.round?.hook === "onEpochEnd" ? callbacks.round.step : null;
    if (ended !== null && epoch < epochs) this.#shouldStop(epoch, ended);
  }

  async tellEnd(history: History): Promise<void> {
    await this.#callbacks.end(history);
  }

  /**
   * Weights that are averages in the end become so, but not where a signal interrupts a run, which may go on. With all epochs done the
   * next `fit` is a new run.
   */
  async end(): Promise<void> {
    if (this.stopped?.by !== "signal") await this.#session.turns.take(() => takeAverages(this.#session));
    if (this.stopped !== null) return;
    if (this.order.stepsPerEpoch !== undefined) this.#session.shuffles++; // all its epochs were of one order
    this.#stands(freshStart);
  }

  /** Notes what a checkpoint would say from here on. */
  #stands(start: Start): void {
    const { shuffles } = this.#session;
    const { epoch, batch, sums } = start;
    this.#session.where = async () => ({
      ...positionOrder(this.order, this.#seen(start)),
      epoch,
      batch,
      shuffles,
      sums,
    });
  }

  /** Samples of the epoch under way. */
  #seen({ batch, seen }: Start): number {
    return this.#data.samplesBefore(batch) ?? seen ?? 0;
  }

  /** Trains one epoch, or what is left of it; null when it was ended before its last step. */
  async epoch(epoch: number, start: Start): Promise<EpochRecord | null> {
    const { epochs = 1 } = this.#options;
    const plan: EpochPlan = { epoch, epochs, steps: this.#data.steps, samples: this.#data.samples };
    if (this.order.stream === true) this.#held ??= undefined; // what is read into memory may be there by now
    if (this.#validation?.order.stream === true && this.#total > 0) this.#heldApart ??= undefined;
    await this.#guarded(plan, 0, () => this.prepare()); // a callback may have evaluated so much that ours was dropped
    this.progress?.epochStart?.(plan);
    if (start.batch === 0) await this.#callbacks.epochBegin({ epoch, epochs });
    const { shuffles } = this.#session;
    const started = performance.now();
    const before = this.#seen(start);
    const means = new RunningMeans(this.#session.training.scores, start.sums, before);
    const work: EpochWork = {
      plan,
      means,
      started,
      times: [],
      windowStart: started,
      shuffles,
      done: start.batch,
      seen: start.batch,
      beganFinite: Number.isFinite(start.sums.get("loss") ?? 0),
    };
    if (this.order.stepsPerEpoch === undefined) this.#session.shuffles++;
    this.#session.where = () => this.#standsIn(work);
    this.#sums.clear();
    if (start.batch === 0) clearKept(this.#session, "metrics");
    if (!(await this.#steps(work, start))) return null;
    const { done } = work;
    const seconds = (performance.now() - started) / 1000;
    const samplesPerSecond = (means.samples - before) / seconds;
    const facts = { epoch, seconds, samplesPerSecond, stepMs: median(work.times) };
    const kept = await this.#guarded(plan, done, () =>
      this.#session.turns.take(() => readKept(this.#session, "metrics")),
    );
    const checked = await this.#guarded(plan, done, () => this.#validate(plan));
    const learningRate = await this.#guarded(plan, done, () => readLearningRate(this.#session));
    const rate = learningRate === undefined ? {} : { learningRate };
    const record: EpochRecord = { ...facts, ...rate, ...checked, ...means.means(), ...kept.numbers, ...kept.tables };
    await this.#guarded(plan, done, () => this.keep({ ...freshStart, epoch }));
    this.#stands({ ...freshStart, epoch });
    this.progress?.epochEnd?.(record, plan);
    await this.#callbacks.epochEnd(record, done);
    if (this.#callbacks.has("onEpochEnd")) await this.#guarded(plan, done, () => this.keepAgain());
    if (epoch < epochs) this.#shouldStop(epoch, done);
    return record;
  }

  /** The steps of an epoch, or what is left of them; false when they were ended early. */
  async #steps(work: EpochWork, { batch: begun }: Start): Promise<boolean> {
    const { plan, means, shuffles } = work;
    const { turns } = this.#session;
    const place = { pass: shuffles, epoch: plan.epoch - 1, batch: begun };
    const reader = this.#data.open(place, (change) => turns.take(change));
    let last: FedBatch | null = null;
    try {
      for (let batch = await reader.next(); batch !== null; batch = await reader.next()) {
        if (this.#shouldStop(plan.epoch, batch.index)) {
          const trained = last;
          await this.#guarded(plan, batch.index, async () => {
            const latest = await this.#sums.moveTo(means); // whatever runs next may clear them
            if (trained !== null && this.#lossWatch.isOdd(work, latest))
              await this.#lossWatch.explain(work, trained, latest);
          });
          return false;
        }
        await this.#step(work, batch);
        last = batch;
      }
      const [trained, isRead] = [last, this.#sums.areRead];
      if (trained !== null && !isRead)
        await this.#guarded(plan, work.done, () => turns.take(() => this.#read(work, trained)));
      return true;
    } finally {
      await reader.close();
    }
  }

  /** The middle of an epoch. Sums that wait on the device are read first. */
  async #standsIn({ plan, means, shuffles, done }: EpochWork): Promise<DataPosition> {
    await this.#sums.moveTo(means);
    const order = positionOrder(this.order, means.samples);
    return { ...order, epoch: plan.epoch - 1, batch: done, shuffles, sums: means.sums };
  }

  async #validate({ epoch, epochs }: EpochPlan): Promise<Pick<EpochRecord, "validation">> {
    const { validationFreq: freq = 1 } = this.#options;
    const isDue = typeof freq === "number" ? epoch % freq === 0 : freq.includes(epoch);
    if (this.#validation === null || !isDue) return {};
    const data = this.#validation;
    const when = ` after epoch ${epoch} of ${epochs}`;
    const evaluation = { data, onNaN: this.#onNaN, when, held: this.#heldApart };
    return { validation: await this.#session.turns.take(() => evaluate(this.#session, evaluation)) };
  }

  /** Copies the state to the host, to go back to. */
  async keep(start: Start): Promise<void> {
    const { epoch, batch, sums } = start;
    const state = await this.#session.executable.state.snapshot(this.#spare);
    this.#lossWatch.checkWeights(state, this.#kept === null ? null : epoch);
    const { shuffles, seed } = this.#session;
    const [seen, step] = [this.#seen(start), this.#total];
    const callbacks = this.#kept === null ? start.callbacks : this.#callbacks.save();
    this.#spare = this.#kept?.state;
    this.#kept = { epoch, batch, sums, seen, step, shuffles, order: this.order, seed, state, callbacks };
  }

  /** The same once more: a callback may have changed the learning rate, or weights. */
  async keepAgain(): Promise<void> {
    if (this.#kept === null) return;
    const state = await this.#session.executable.state.snapshot(this.#spare);
    const callbacks = this.#callbacks.save();
    this.#spare = this.#kept.state;
    this.#kept = { ...this.#kept, state, callbacks };
  }

  /** Scores of the steps since the last reading. In a turn. */
  async #read(work: EpochWork, batch: FedBatch): Promise<Scores> {
    const waiting = this.#sums.waiting;
    this.#held?.flush();
    const [scores] = await Promise.all([this.#sums.moveTo(work.means), this.#watched.take()]);
    if (this.#lossWatch.isOdd(work, scores)) await this.#lossWatch.explain(work, batch, scores);
    else if (this.#session.debugsNaN) await this.#lossWatch.lookInto(work);
    work.times.push((performance.now() - work.windowStart) / waiting);
    return scores;
  }

  /** A step, and its scores where they are read now. In a turn. */
  async #train(work: EpochWork, batch: FedBatch): Promise<Scores | null> {
    if (this.#held?.step(batch) !== true) this.#session.executable.train(batch.load());
    const waiting = this.#sums.count(batch.count);
    work.done = batch.index + 1;
    this.#total++;
    this.#callbacks.stepped();
    if (waiting >= this.#readEvery || work.done === work.plan.steps) return this.#read(work, batch);
    if (this.#sums.isLong) await this.#sums.drain();
    const tooMany = this.#held?.ready() ?? null;
    if (tooMany !== null) await tooMany;
    return null;
  }

  async #step(work: EpochWork, batch: FedBatch): Promise<void> {
    const { callbacks = [] } = this.#options;
    const { plan, means } = work;
    const step = batch.index + 1;
    const latest = await this.#guarded(plan, step, () => this.#session.turns.take(() => this.#train(work, batch)));
    if (latest !== null) {
      const scores = means.means();
      const seconds = (performance.now() - work.started) / 1000;
      this.progress?.update?.({ ...plan, stepsDone: step, samplesDone: means.samples, scores, seconds });
      const record = { epoch: plan.epoch, step, scores, latest };
      await this.#callbacks.batchEnd(record);
      // A callback may have evaluated so many sizes that ours was dropped; otherwise this finds it at once.
      if (callbacks.length > 0) await this.#guarded(plan, step, () => this.prepare());
    }
    await this.#breath.take();
    if (latest !== null) work.windowStart = performance.now();
  }

  /** Whether to end here; remembers where and why. The end of the last epoch is no early end, and is not asked about. */
  #shouldStop(epoch: number, step: number): boolean {
    const aborted = this.#options.signal?.aborted === true;
    const { stopAsked } = this.#callbacks;
    if (!aborted && !stopAsked) return false;
    this.stopped ??= { epoch, step, by: stopAsked ? "callback" : "signal" };
    return true;
  }

  /** A failure of the machine becomes an error that says where to go on. Others are the caller's, or bugs of ours. */
  async #guarded<T>(plan: EpochPlan, step: number, run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (error) {
      const kept = this.#kept;
      if (error instanceof FeedError || error instanceof CompilerBug || kept === null) throw error;
      throw trainingError(error, kept, `epoch ${plan.epoch} of ${plan.epochs}, at step ${step}${ofSteps(plan)}`);
    }
  }
}
