/**
 * A session: a compiled trainer, and what its loops have in common: reading sums, evaluating, predicting.
 *
 * Steps, evaluations, predictions and checkpoints take turns, so each sees one set of weights whoever waits for whom.
 */

import { CompilerBug, UserError } from "../core/errors.ts";
import { checkValue, number } from "../core/options.ts";
import { joinPath } from "../dsl/tree.ts";
import { sizeOf } from "../graph/shape.ts";
import type { DataPosition } from "../io/checkpoint.ts";
import { longestSum } from "../kernel/target.ts";
import type { Executable } from "../runtime/executable-type.ts";
import type { SavedCallbacks } from "./callbacks/callback-state.ts";
import { RunningMeans, type Scores } from "./history.ts";
import type { InputScales } from "./input-scale.ts";
import type { Batcher, CheckedTable } from "./samples.ts";
import type { Training, TrainingOutputs } from "./training-program.ts";
import { Turns } from "./turns.ts";
import type { Tally } from "./verbose.ts";
import type { Weighting } from "./weighting.ts";

/** A compiled trainer. */
export interface Session {
  executable: Executable<TrainingOutputs>;
  /** What weights for samples the program takes; null where it takes none. */
  weighting: Weighting | null;
  readonly training: Training;
  batch: number;
  seed: number;
  /** Shuffles used so far, so that a second `fit` sees other orders. */
  shuffles: number;
  /** Where the latest `fit` stands in its data. To be asked between two steps. */
  where: (() => Promise<DataPosition>) | null;
  /** From a checkpoint: where the next `fit` goes on. */
  pending: DataPosition | null;
  /** What the callbacks of the latest `fit` remember. */
  callbacks: (() => SavedCallbacks) | null;
  /** From a checkpoint: what those of the next `fit` go on with. */
  pendingCallbacks: SavedCallbacks | null;
  /** What the latest `fit` multiplied x by. */
  scales: InputScales;
  /** Tables of caches that `fit` has looked through: the next one need not. 47 million numbers take 30 ms. */
  readonly checkedTables: WeakMap<object, CheckedTable>;
  isFitting: boolean;
  /** Compiled to look for the op that makes a NaN. */
  debugsNaN: boolean;
  /** Exchanges the program for one with such weights for samples, also while a fit is under way. In a turn. */
  useWeights(weighting: Weighting): Promise<void>;
  readonly turns: Turns;
  /** Tells of what is no error. */
  warn(message: string): void;
}

/** Nothing of the data was used. */
export const startOfRun: Pick<Session, "shuffles" | "where" | "pending" | "callbacks" | "pendingCallbacks" | "scales"> =
  {
    shuffles: 0,
    where: null,
    pending: null,
    callbacks: null,
    pendingCallbacks: null,
    scales: null,
  };

export function openSession(
  parts: Pick<Session, "executable" | "weighting" | "training" | "batch" | "seed" | "debugsNaN" | "warn">,
): Session {
  return {
    ...parts,
    ...startOfRun,
    checkedTables: new WeakMap(),
    isFitting: false,
    useWeights: async () => {
      throw new CompilerBug("there are no options to compile again with");
    },
    turns: new Turns(),
  };
}

/** The model's outputs for any number of samples, so many at a time; by name where there are several. */
export async function predict(
  session: Session,
  parts: Iterable<Batcher> | AsyncIterable<Batcher>,
  batch = session.batch,
  tally?: Tally,
): Promise<Float32Array | Readonly<Record<string, Float32Array>>> {
  const { executable, training } = session;
  const outputs = training.outputs.map(({ shape }, name) => {
    return { path: training.outputs.path("output", name), width: sizeOf(shape), found: new GrowingFloats() };
  });
  await executable.prepare({ batch }, ["predict"]);
  for await (const data of parts) {
    for (const { width, found } of outputs.values) found.reserve(data.count * width);
    for (let from = 0; from < data.count; from += batch) {
      const to = Math.min(from + batch, data.count);
      executable.predict(data.loadPadded(from, to, batch));
      // All are asked for before any is waited for, so that they belong to one run.
      const values = await Promise.all(outputs.values.map(({ path }) => readOutput(session, path)));
      for (const [i, { width, found }] of outputs.values.entries()) {
        found.push(values[i]?.subarray(0, (to - from) * width) ?? new Float32Array());
      }
      tally?.add(to - from, Array.isArray(parts) ? data.count : null);
    }
  }
  tally?.end();
  return outputs.map(({ found }) => found.all()).tree();
}

/** Numbers one behind the other. */
class GrowingFloats {
  #array = new Float32Array();
  #length = 0;

  /** Room for so many more: exactly, the first time. */
  reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#array.length) return;
    const larger = new Float32Array(this.#length === 0 ? needed : Math.max(needed, 2 * this.#array.length));
    larger.set(this.#array.subarray(0, this.#length));
    this.#array = larger;
  }

  push(values: Float32Array): void {
    this.reserve(values.length);
    this.#array.set(values, this.#length);
    this.#length += values.length;
  }

  all(): Float32Array {
    return this.#length === this.#array.length ? this.#array : this.#array.slice(0, this.#length);
  }
}

/** An output of the model for the latest batch. */
export async function readOutput({ executable }: Session, path: string): Promise<Float32Array> {
  const found: unknown = await executable.read(path);
  if (found instanceof Float32Array) return found;
  throw new CompilerBug(`the output "${path}" is no tensor of f32`);
}

export function setLearningRate(session: Session, value: number): void {
  checkValue("setLearningRate", "the learning rate", value, number({ from: 0 }));
  const { optimizer } = session.training.definition;
  if (optimizer.isScheduled === true) {
    throw new UserError(
      `setLearningRate: the learning rate of ${optimizer.name} follows a schedule: give it a number to set it by hand`,
    );
  }
  session.executable.state.write(learningRatePath, value);
}

/** Weights become their moving averages, where the optimizer says so and there were steps: at the end of a run. */
export async function takeAverages({ executable: { state }, training }: Session): Promise<void> {
  for (const { path, counter } of training.definition.optimizer.averages ?? []) {
    const [steps = 0] = await state.read(`opt.${counter}`);
    if (Number(steps) === 0) continue;
    const prefix = `opt.${path}.`;
    const averages = state.names.filter((name) => name.startsWith(prefix));
    for (const name of averages) state.write(`model.${name.slice(prefix.length)}`, await state.read(name));
  }
}

/** As it stands, as the shortest decimal that float32 holds as that; undefined where the optimizer keeps none. */
export async function readLearningRate({ executable }: Session): Promise<number | undefined> {
  if (!executable.state.names.includes(learningRatePath)) return undefined;
  const [held = Number.NaN] = await executable.state.read(learningRatePath);
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(held.toPrecision(digits));
    if (Math.fround(short) === held) return short;
  }
  return held;
}

const learningRatePath = "opt.learningRate";

/** Compiles an entry for the batch sizes that the data will need, the short last one too. */
export async function prepareFor(
  { executable }: Session,
  { sizes }: { readonly sizes: readonly number[] },
  entry: "train" | "evaluate",
): Promise<void> {
  for (const batch of sizes) await executable.prepare({ batch }, [entry]);
}

/** Reading is free where a step is done when it returns; otherwise it would be waited for. */
export function readEveryByDefault({ executable, debugsNaN }: Session): number {
  if (debugsNaN) return 1; // only the latest step can be looked into
  return executable.report.runsAhead ? 50 : 1;
}

/** Sums on the device since they were last read, and how many samples went into them. */
export class DeviceSums {
  readonly #session: Session;
  readonly #paths: readonly string[];
  /** What came from the device since the last reading, and how many samples are in what did not. */
  readonly #onHost: RunningMeans;
  #samples = 0;
  #steps = 0;
  readonly #zero = new Float32Array(1);

  constructor(session: Session, state: "totals" | "evaluationTotals") {
    this.#session = session;
    this.#paths = session.training.scores.map((name) => joinPath(state, name));
    this.#onHost = new RunningMeans(session.training.scores);
  }

  clear(): void {
    this.#clearDevice();
    this.#clearHost();
  }

  /** Counts a step; returns how many are waiting to be read. */
  count(samples: number): number {
    this.#samples += samples;
    return ++this.#steps;
  }

  /** Steps since they were last read. */
  get waiting(): number {
    return this.#steps;
  }

  /** Whether nothing waits to be read. */
  get areRead(): boolean {
    return this.#steps === 0;
  }

  /** Whether f32 has added up as many steps as it should. */
  get isLong(): boolean {
    return this.#steps % longestSum === 0;
  }

  /** Waits for the steps so far, adds their sums to `means` and clears them. Returns their own means. */
  async moveTo(means: RunningMeans): Promise<Scores> {
    await this.drain();
    const latest = this.#onHost;
    if (latest.samples === 0) return means.means();
    means.addMeans(latest);
    const scores = latest.means();
    this.#clearHost();
    return scores;
  }

  /** Takes what is on the device to the host, which adds in float64. */
  async drain(): Promise<void> {
    if (this.#samples === 0) return;
    const totals: number[] = [];
    for (const path of this.#paths) totals.push((await this.#session.executable.state.read(path))[0] ?? 0);
    this.#onHost.add(totals, this.#samples);
    this.#clearDevice();
  }

  #clearDevice(): void {
    for (const path of this.#paths) this.#session.executable.state.write(path, this.#zero);
    this.#samples = 0;
  }

  #clearHost(): void {
    this.#onHost.clear();
    this.#steps = 0;
  }
}

/** Lets timers, signals and the page have a turn now and then: a loop of steps on the CPU would never end its turn. */
export class Breath {
  #last = performance.now();

  async take(): Promise<void> {
    if (performance.now() - this.#last < 100) return;
    await new Promise<void>(nextTask);
    this.#last = performance.now();
  }
}

/** Node's timers wait for a millisecond at least, which is 1% of what there is between two breaths; setImmediate lets all have a turn, too. */
function nextTask(resolve: () => void): void {
  const host: { readonly setImmediate?: (run: () => void) => unknown } = globalThis;
  if (host.setImmediate === undefined) setTimeout(resolve, 0);
  else host.setImmediate(resolve);
}
