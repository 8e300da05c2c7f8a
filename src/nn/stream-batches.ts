/**
 * Batches from a dataset: taken as they come, each checked as arrays are that a user gives.
 *
 *   fit({ data })                       each epoch is a pass of its own
 *   fit({ data, stepsPerEpoch: 100 })   each epoch goes on where the one before ended; behind the last batch comes the next pass
 */
import { FeedError, UserError } from "../core/errors.ts";
import { didYouMean, show } from "../core/options.ts";
import { AnyDataset } from "../data/pipeline/any-dataset.ts";
import { type Cursor, chain, type MaybePromise, type RowBlock, type Stage } from "../data/pipeline/cursor.ts";
import { isFields } from "../data/pipeline/layout.ts";
import { type Generator, GeneratorCursor } from "../data/pipeline/operations/generate.ts";
import type { Table } from "../data/pipeline/table.ts";
import type { Report } from "../program/report.ts";
import type { Feeds } from "../runtime/feeds.ts";
import type { BatchEntry, BatchReader, BatchSource, EpochPlace, FedBatch, Holdable, TakeTurn } from "./batches.ts";
import type { RunOrder } from "./checkpointing.ts";
import { printScales } from "./input-scale.ts";
import type { OnNaN } from "./on-nan.ts";
import { type AnySamples, Batcher, FeedBuffers, type Stretch } from "./samples.ts";
import type { Session } from "./session.ts";
import { checkTargets } from "./target-check.ts";
import { bothWeightings } from "./weighting.ts";
import { sampleWeights, weightingOf } from "./weights.ts";

/** What a user gives as `data`. */
export interface StreamRequest {
  /** For messages: "fit", "fit: validationData". */
  readonly call: string;
  readonly data: unknown;
  readonly entry: BatchEntry | "predict";
  /** Samples in a batch, for a dataset of single ones. */
  readonly batch: number;
  readonly onNaN: OnNaN;
  readonly scale?: unknown;
  readonly classWeight?: unknown;
  readonly stepsPerEpoch?: number | undefined;
}

/** Batches of a dataset's samples; its own, where it has batches. */
interface Batches {
  readonly stage: Stage<unknown>;
  /** The most samples in a batch, where that is known. */
  readonly size: number | null;
  readonly samples: number | null;
}

export class StreamBatches implements BatchSource {
  readonly order: RunOrder;
  readonly call: string;
  steps: number | null;
  readonly samples: number | null;
  readonly #request: StreamRequest;
  readonly #session: Session;
  readonly #batches: Batches;
  readonly #buffers = new FeedBuffers();
  /** Sizes that were met, the latest last. */
  #met: readonly number[] = [];
  /** Put together anew each time it is asked for. */
  #report: { readonly of: Session["executable"]; readonly report: Report } | null = null;
  #scales: ReturnType<Batcher["scales"]> | null = null;
  /** The table in memory that batches are rows of, and what is held of it. */
  #whole: { readonly table: object; readonly holdable: Holdable | null } | null = null;
  #held: { readonly table: object; readonly holdable: Holdable | null } | null = null;
  /** Kept from one epoch to the next where an epoch is no pass. */
  #cursor: Cursor<unknown> | null = null;
  /** Where that stands: batches since the pass began. */
  #at = 0;

  constructor(session: Session, request: StreamRequest) {
    const { call, data, batch, stepsPerEpoch } = request;
    const batches = batchesOf(call, data, batch);
    const { size } = batches.stage;
    if (size === 0) throw new UserError(`${call}: the data has no elements`);
    if (size === Number.POSITIVE_INFINITY && stepsPerEpoch === undefined) {
      throw new UserError(
        `${call}: the data has no end${request.entry === "train" ? ": give stepsPerEpoch" : ": take(n) of it"}`,
      );
    }
    this.call = call;
    this.#session = session;
    this.#request = request;
    this.#batches = batches;
    this.steps = stepsPerEpoch ?? size;
    this.samples = stepsPerEpoch === undefined ? batches.samples : null;
    const order = { samples: batches.samples ?? 0, batchSize: batches.size ?? 1, shuffle: false, shuffleSeed: 0 };
    this.order = { ...order, stream: true, ...(stepsPerEpoch === undefined ? {} : { stepsPerEpoch }) };
  }

  get sizes(): readonly number[] {
    const { size, samples } = this.#batches;
    if (size === null || samples === null) return this.#met;
    return [size, samples % size].filter((it) => it > 0 && it <= samples);
  }

  samplesBefore(): null {
    return null;
  }

  scales(): ReturnType<Batcher["scales"]> | null {
    return this.#scales;
  }

  /** Rows that are held, which do not come: what a label may be is known now that their entry is compiled. Others are looked at as they come. */
  check({ training, executable }: Session, entry: BatchEntry, onNaN: OnNaN): void {
    const samples = this.#held?.holdable?.samples;
    if (samples !== undefined) checkTargets(training, executable.report, { data: samples, entry, onNaN });
  }

  /** Rows of a table in memory, without weights. What is wrong with them is told when they come. */
  holdable(): Holdable | null {
    const { data, entry, classWeight } = this.#request;
    const table = data instanceof AnyDataset ? data.table : null;
    if (table === null || entry === "predict" || classWeight !== undefined || this.#session.weighting !== null)
      return null;
    if (this.#whole?.table === table) return this.#whole.holdable;
    const canBeKnown = table.isOwn && typeof this.#request.scale !== "object"; // whoever has an object may write into it
    const samples = canBeKnown ? this.#knownSamples(table, entry) : this.#samplesOf(table, entry);
    const holdable = samples === null ? null : { samples, key: table.isOwn ? table : null };
    this.#whole = { table, holdable };
    return holdable;
  }

  /** Looked through once for all runs that ask the same of them. */
  #knownSamples(table: Table<unknown>, entry: BatchEntry): Batcher | null {
    const { checkedTables, scales } = this.#session;
    const { call, scale, onNaN } = this.#request;
    const trained = this.#scales ?? scales;
    const against = [call, entry, onNaN, scale, trained === "unknown" ? trained : printScales(trained)];
    const known = checkedTables.get(table);
    if (known?.against.every((value, i) => Object.is(value, against[i])) === true) return known.samples;
    const samples = this.#samplesOf(table, entry);
    checkedTables.set(table, { against, samples });
    return samples;
  }

  /** Null where something is wrong with them, which is told when they come, or they have weights. */
  #samplesOf(table: Table<unknown>, entry: BatchEntry): Batcher | null {
    const { training, executable, scales } = this.#session;
    const { call, scale, onNaN } = this.#request;
    try {
      const { x, y, weight } = partsOf(call, table.all(), entry);
      const samples = Batcher.of(call, training, { x, y, scale }, this.#scales ?? scales);
      checkTargets(training, executable.report, { data: samples, entry, onNaN });
      return weight === undefined ? samples : null;
    } catch (error) {
      if (error instanceof FeedError) return null;
      throw error;
    }
  }

  nowHeld(): void {
    this.#held = this.#whole;
    this.#scales ??= this.#whole?.holdable?.samples.scales() ?? null;
    this.#session.scales = this.#scales;
  }

  all(): null {
    return null;
  }

  async close(): Promise<void> {
    const cursor = this.#cursor;
    this.#cursor = null;
    await cursor?.close();
  }

  open(place: EpochPlace, takeTurn: TakeTurn): BatchReader {
    const { stepsPerEpoch } = this.#request;
    let index = place.batch;
    // Rows that are held are there at once.
    const batchAt = (cursor: Cursor<unknown>): MaybePromise<FedBatch | null> =>
      chain(cursor.advance(), (more) => {
        if (!more) return this.#over(index, place);
        this.#at++;
        const at = index++;
        return this.#rowsIn(cursor.block, at) ?? this.#fed(cursor, at, takeTurn);
      });
    let opened: Cursor<unknown> | null = null;
    const first = async (): Promise<FedBatch | null> => {
      opened = await this.#openAt(place);
      return batchAt(opened);
    };
    return {
      next: () => (index === stepsPerEpoch ? null : opened === null ? first() : batchAt(opened)),
      close: () => (stepsPerEpoch === undefined ? this.close() : undefined),
    };
  }

  async #fed(cursor: Cursor<unknown>, index: number, takeTurn: TakeTurn): Promise<FedBatch> {
    return fedBatch(await this.#wrap(await cursor.value(), index, takeTurn), index);
  }

  /** A batch of rows that are held; null where it must be fed. */
  #rowsIn(block: RowBlock<unknown> | null, index: number): FedBatch | null {
    const samples = this.#held?.holdable?.samples;
    if (block === null || samples === undefined || block.table !== this.#held?.table) return null;
    const { rows: order } = block;
    if (!this.sizes.includes(order.length)) return null;
    const stretch = (): Stretch => ({ data: samples, order, from: 0, to: order.length, stepOf: () => index + 1 });
    const load = (): Feeds => samples.load(order, 0, order.length);
    return { index, count: order.length, rows: { order, from: 0, to: order.length }, load, stretch };
  }

  async #openAt({ pass, epoch, batch }: EpochPlace): Promise<Cursor<unknown>> {
    const { stepsPerEpoch } = this.#request;
    const from = stepsPerEpoch === undefined ? batch : epoch * stepsPerEpoch + batch;
    if (this.#cursor !== null && this.#at === from) return this.#cursor;
    await this.close();
    const { stage } = this.#batches;
    const hasEnd = stage.size !== Number.POSITIVE_INFINITY;
    const whole = stepsPerEpoch === undefined || !hasEnd ? stage : await repeated(stage);
    // The batches are copied before the next is asked for.
    const cursor = whole.open({ epoch: pass, reuse: 1 });
    this.#cursor = cursor;
    if (from > 0) await cursor.skip(from);
    this.#at = from;
    return cursor;
  }

  /** The end of a pass. */
  #over(index: number, { epoch, batch }: EpochPlace): null {
    const { call, stepsPerEpoch } = this.#request;
    if (stepsPerEpoch !== undefined) {
      throw new UserError(`${call}: the data ended after ${index} of ${stepsPerEpoch} steps of epoch ${epoch + 1}`);
    }
    if (index > 0 || batch > 0) {
      this.steps = index;
      return null;
    }
    const hint =
      epoch > 0 ? ": a generator is walked once; give the function that makes it, which is called for each epoch" : "";
    throw new UserError(`${call}: the data gave no batch in epoch ${epoch + 1}${hint}`);
  }

  /** A batch as the samples that a user gives. */
  async #wrap(value: unknown, index: number, takeTurn: TakeTurn): Promise<Batcher> {
    const { entry, onNaN, scale, classWeight } = this.#request;
    const { training } = this.#session;
    const call = `${this.call}: batch ${index}`;
    const { x, y, weight } = partsOf(call, value, entry);
    const samples: AnySamples = entry === "predict" ? { x, scale } : { x, y, scale };
    const data = Batcher.of(call, training, samples, this.#scales ?? this.#session.scales, this.#buffers, index);
    if (this.#scales === null) {
      this.#scales = data.scales();
      if (entry === "train") this.#session.scales = this.#scales;
    }
    this.#checkSize(data.count, call);
    if (entry === "predict") return data;
    const wanted = weightingOf(call, training, { x, sampleWeight: weight, classWeight });
    if (wanted !== null && bothWeightings(this.#session.weighting, wanted) !== this.#session.weighting) {
      await takeTurn(() => this.#session.useWeights(wanted));
    }
    await this.#prepare(data.count, entry);
    const { executable, weighting } = this.#session;
    if (this.#report?.of !== executable) this.#report = { of: executable, report: executable.report };
    checkTargets(training, this.#report.report, { data, entry, onNaN });
    if (weighting === null) return data;
    return data.weighted(sampleWeights(call, training, data, weighting, { sampleWeight: weight, classWeight }));
  }

  #checkSize(count: number, call: string): void {
    if (count === 0) throw new FeedError(`${call}: x has no samples`);
    const { data, batch } = this.#request;
    if (!(data instanceof AnyDataset) || data.batchSize !== null || count <= batch) return;
    throw new FeedError(
      `${call}: ${batch} elements made ${count} samples: each element must be one sample; batches come from batch(n), or from a function that is given to ${this.call} itself`,
    );
  }

  /** Compiled already, but for sizes that nobody knew of. */
  async #prepare(size: number, entry: BatchEntry): Promise<void> {
    if (this.#met.at(-1) === size) return;
    this.#met = [...this.#met.filter((it) => it !== size), size].slice(-2);
    await this.#session.executable.prepare({ batch: size }, [entry]);
  }
}

function fedBatch(data: Batcher, index: number): FedBatch {
  const stretch = (): Stretch => ({
    data,
    order: Uint32Array.from({ length: data.count }, (_, i) => i),
    from: 0,
    to: data.count,
    stepOf: () => index + 1,
  });
  return { index, count: data.count, rows: null, load: () => data.loadAll(), stretch };
}

function batchesOf(call: string, data: unknown, batch: number): Batches {
  if (data instanceof AnyDataset) {
    if (data.batchSize !== null) return { stage: data, size: data.batchSize, samples: data.samples };
    return { stage: data.batch(batch), size: batch, samples: Number.isFinite(data.size) ? data.size : null };
  }
  if (typeof data === "function") return { stage: generated((epoch) => data(epoch)), size: null, samples: null };
  if (typeof data === "object" && data !== null && (Symbol.asyncIterator in data || Symbol.iterator in data)) {
    return { stage: generated(() => data), size: null, samples: null };
  }
  throw new UserError(
    `${call}: data must be a dataset, something to iterate over that gives batches { x, y }, or a function of the epoch that gives one, not ${show(data)}`,
  );
}

/** One pass after the other, without end. Operations of datasets are loaded by who has one. */
async function repeated(stage: Stage<unknown>): Promise<Stage<unknown>> {
  const { RepeatCursor } = await import("../data/pipeline/operations/pass-on.ts");
  const { POSITIVE_INFINITY: size } = Number;
  return { open: (pass) => new RepeatCursor(stage, pass, size), size };
}

/** What is given to iterate over is checked when it is asked for. */
function generated(make: (epoch: number) => unknown): Stage<unknown> {
  return { open: ({ epoch }) => new GeneratorCursor((() => make(epoch)) as Generator<unknown>, epoch), size: null };
}

const partNames = ["x", "y", "weight"];

function partsOf(
  call: string,
  value: unknown,
  entry: StreamRequest["entry"],
): { readonly x: unknown; readonly y: unknown; readonly weight: unknown } {
  if (entry === "predict" && (ArrayBuffer.isView(value) || Array.isArray(value)))
    return { x: value, y: undefined, weight: undefined };
  if (!isFields(value)) throw new FeedError(`${call} is ${show(value)}: it must be an object { x, y }`);
  const odd = Object.keys(value).find((name) => !partNames.includes(name));
  if (odd !== undefined) {
    throw new FeedError(
      `${call} has ${show(odd)}${didYouMean(odd, partNames)}: it may have x, y and weight; map takes others out`,
    );
  }
  const { x, y, weight } = value;
  if (y === undefined && entry !== "predict") throw new FeedError(`${call} has no y, the targets of x`);
  return { x, y, weight };
}

/** Batches of samples to predict, one after the other. */
export async function* predictBatches(session: Session, request: StreamRequest): AsyncGenerator<Batcher> {
  const source = new StreamBatches(session, request);
  const reader = source.open({ pass: 0, epoch: 0, batch: 0 }, (work) => work());
  try {
    for (let batch = await reader.next(); batch !== null; batch = await reader.next()) yield batch.stretch(0).data;
  } finally {
    await source.close();
  }
}
