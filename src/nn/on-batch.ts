/**
 * One batch at a time, for training loops of one's own: a step, its scores, its predictions, for batches of any size.
 *
 *   for (const { x, y } of batches) console.log((await net.trainOnBatch({ x, y })).loss);
 *
 * Scores are of the batch alone. What a `fit` has summed so far is put aside meanwhile, so neither sees the other's samples.
 */
import { checkedLater, type OptionTable } from "../core/options.ts";
import { ArrayBatches } from "./batches.ts";
import { evaluateChecked } from "./evaluation.ts";
import { evaluationData } from "./fit-data.ts";
import { type Evaluated, RunningMeans, type Scores } from "./history.ts";
import { clearKept, readKept } from "./kept-scores.ts";
import { causeOf, NonFiniteError } from "./non-finite.ts";
import { type OnNaN, onNaNKind } from "./on-nan.ts";
import { type AnySamples, Batcher, FeedBuffers, type Samples, samplesTable } from "./samples.ts";
import { DeviceSums, predict, type Session } from "./session.ts";
import { checkTargets } from "./target-check.ts";
import type { ClassWeightFor } from "./weights.ts";

/** A batch to evaluate on. */
export interface TestOnBatchOptions<In extends string = never, Out extends string = never> extends Samples<In, Out> {
  /** What to do where the loss is no finite number: "stop", the default, is an error that says why. */
  readonly onNaN?: OnNaN;
}

/** A batch to predict; what else there is in samples to evaluate is not looked at. */
export type PredictOnBatchOptions<In extends string = never, Out extends string = never> = Pick<Samples<In, Out>, "x"> &
  Partial<Samples<In, Out>>;

/** A batch to train on. */
export interface TrainOnBatchOptions<In extends string = never, Out extends string = never>
  extends TestOnBatchOptions<In, Out> {
  /** A weight for each class, as in `fit`. */
  readonly classWeight?: ClassWeightFor<Out>;
}

/** The same, whatever the ports. */
export interface AnyBatchOptions extends AnySamples {
  readonly classWeight?: unknown;
  readonly onNaN?: OnNaN;
}

export const testOnBatchTable: OptionTable<Omit<AnyBatchOptions, "classWeight">> = {
  ...samplesTable,
  onNaN: onNaNKind,
};
export const trainOnBatchTable: OptionTable<AnyBatchOptions> = { ...testOnBatchTable, classWeight: checkedLater() };

/** Arrays that batches are copied to, kept from one call to the next. */
export class BatchBuffers {
  readonly labelled = new FeedBuffers();
  readonly bare = new FeedBuffers();
}

/** One step, and the scores that the batch had before it. In a turn. */
export async function trainOnBatch(
  session: Session,
  given: AnyBatchOptions,
  buffers: BatchBuffers,
): Promise<Evaluated> {
  const { executable, training } = session;
  const data = evaluationData("trainOnBatch", session, given, session.scales, buffers.labelled);
  await executable.prepare({ batch: data.count }, ["train"]);
  const { onNaN = "stop" } = given;
  checkTargets(training, executable.report, { data, entry: "train", onNaN });
  session.scales ??= data.scales();
  const putBack = await putAside(session);
  const sums = new DeviceSums(session, "totals");
  sums.clear();
  clearKept(session, "metrics");
  executable.train(data.loadAll());
  sums.count(data.count);
  const scores = await sums.moveTo(new RunningMeans(training.scores));
  const { numbers, tables } = await readKept(session, "metrics");
  putBack();
  if (onNaN !== "ignore") await checkFinite(session, data, scores, onNaN);
  return { ...scores, ...numbers, ...tables };
}

/** The scores of a batch, without training. In a turn. */
export async function testOnBatch(session: Session, given: AnyBatchOptions, buffers: BatchBuffers): Promise<Evaluated> {
  const data = evaluationData("testOnBatch", session, given, session.scales, buffers.labelled);
  const order = { batchSize: data.count, shuffle: false, shuffleSeed: 0 };
  return evaluateChecked(session, { data: new ArrayBatches(session, data, order), onNaN: given.onNaN ?? "stop" });
}

/** The outputs for a batch, computed as one. In a turn. */
export async function predictOnBatch(
  session: Session,
  { x, scale }: AnySamples,
  buffers: BatchBuffers,
): ReturnType<typeof predict> {
  const data = Batcher.of("predictOnBatch", session.training, { x, scale }, session.scales, buffers.bare);
  return predict(session, [data], Math.max(1, data.count));
}

/** What a run has summed on the device; gives what puts it back. */
async function putAside({ executable: { state }, where, pending }: Session): Promise<() => void> {
  if (where === null && pending === null) return () => {};
  const names = state.names.filter((name) => /^(?:totals|metrics)\./.test(name));
  const values = await Promise.all(names.map((name) => state.read(name)));
  return () => {
    for (const [i, name] of names.entries()) state.write(name, values[i] ?? []);
  };
}

async function checkFinite(session: Session, data: Batcher, scores: Scores, onNaN: OnNaN): Promise<void> {
  const { count } = data;
  const why = Number.isFinite(scores.loss)
    ? session.debugsNaN && (await session.executable.nonFinite())
    : (await causeOf(session, { data, order: Uint32Array.from({ length: count }, (_, i) => i), from: 0, to: count, stepOf: () => 1 }, scores)).why; // biome-ignore format: short
  if (typeof why !== "string") return;
  const message = `trainOnBatch: the loss is ${scores.loss}: ${why}`;
  if (onNaN === "stop") throw new NonFiniteError(message);
  session.warn(message);
}
