/**
 * Evaluation: loss and metrics over all samples, and the sample to name where the loss comes out as no number.
 */
import type { BatchSource, FedBatch } from "./batches.ts";
import { HeldData } from "./held-data.ts";
import { type Evaluated, RunningMeans } from "./history.ts";
import { clearKept, readKept } from "./kept-scores.ts";
import { causeOf, NonFiniteError } from "./non-finite.ts";
import type { OnNaN } from "./on-nan.ts";
import { Breath, DeviceSums, prepareFor, readEveryByDefault, type Session } from "./session.ts";
import type { Tally } from "./verbose.ts";

export interface Evaluation {
  readonly data: BatchSource;
  readonly onNaN: OnNaN;
  /** For messages: " after epoch 1 of 5". */
  readonly when?: string;
  readonly tally?: Tally | undefined;
  /** Where the data lies on the device. */
  readonly held?: HeldData | null | undefined;
  /** How much of it may be left there. */
  readonly holdBytes?: number | undefined;
}

/** Checks the targets, then evaluates. Between turns: the caller takes one. */
export async function evaluateChecked(session: Session, evaluation: Evaluation): Promise<Evaluated> {
  const { data, onNaN, holdBytes } = evaluation;
  const held = await HeldData.of(undefined, session, data, { entry: "evaluate", epochs: 1, holdBytes });
  try {
    if (held === null) await prepareFor(session, data, "evaluate");
    data.check(session, "evaluate", onNaN);
    return await evaluate(session, { ...evaluation, held });
  } catch (error) {
    if (!(error instanceof NonFiniteError)) throw error;
    throw new NonFiniteError(`${error.message}. With onNaN: "warn" or "ignore" it gives the scores regardless.`);
  } finally {
    held?.release();
  }
}

/** Means, each sample counted once. Between turns: the caller takes one. */
export async function evaluate(session: Session, evaluation: Evaluation): Promise<Evaluated> {
  const { data, onNaN, when = "", tally, held = null } = evaluation;
  if (held === null || held.isStale) await prepareFor(session, data, "evaluate");
  const sums = new DeviceSums(session, "evaluationTotals");
  const means = new RunningMeans(session.training.scores);
  let isWatched = onNaN !== "ignore";
  let read = 0; // batches
  const readTo = async (batch: FedBatch): Promise<void> => {
    held?.flush();
    const scores = await sums.moveTo(means);
    const first = read;
    read = batch.index + 1;
    if (!isWatched || first === read || Number.isFinite(scores.loss)) return;
    const { why } = await causeOf(session, batch.stretch(first), scores);
    const which = when === "" || data.call.includes("validation") ? "" : " of the samples kept for validation";
    const message = `${data.call}: the loss${which} is ${scores.loss}${when}: ${why}`;
    if (onNaN === "stop") throw new NonFiniteError(message);
    session.warn(message);
    isWatched = false;
  };
  sums.clear();
  clearKept(session, "evaluationMetrics");
  const breath = new Breath();
  const readEvery = readEveryByDefault(session);
  const reader = data.open({ pass: 0, epoch: 0, batch: 0 }, (work) => work());
  try {
    let last: FedBatch | null = null;
    for (let batch = await reader.next(); batch !== null; batch = await reader.next()) {
      last = batch;
      if (held?.step(batch) !== true) session.executable.evaluate(batch.load());
      if (sums.count(batch.count) >= readEvery) await readTo(batch);
      const tooMany = held?.ready() ?? null;
      if (tooMany !== null) await tooMany;
      tally?.add(batch.count, data.samples);
      await breath.take();
    }
    if (last !== null) await readTo(last);
  } finally {
    tally?.close();
    await reader.close();
  }
  const { numbers, tables } = await readKept(session, "evaluationMetrics");
  const scores: Evaluated = { ...means.means(), ...numbers, ...tables };
  tally?.end(scores);
  return scores;
}
