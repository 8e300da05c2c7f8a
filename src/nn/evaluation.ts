/**
 * Evaluation: loss and metrics over all samples, and the sample to name where the loss comes out as no number.
 */
import { batches } from "../data/dataset.ts";
import { RunningMeans, type Scores } from "./history.ts";
import { causeOf, NonFiniteError, type OnNaN } from "./non-finite.ts";
import type { Batcher } from "./samples.ts";
import { Breath, DeviceSums, prepareFor, readEveryByDefault, type Session } from "./session.ts";
import { checkTargets } from "./target-check.ts";

export interface Evaluation {
  readonly data: Batcher;
  readonly batch: number;
  readonly onNaN: OnNaN;
  /** For messages: " after epoch 1 of 5". */
  readonly when?: string;
}

/** Checks the targets, then evaluates. Between turns: the caller takes one. */
export async function evaluateChecked(session: Session, evaluation: Evaluation): Promise<Scores> {
  const { data, batch, onNaN } = evaluation;
  await prepareFor(session, data, batch, "evaluate");
  checkTargets(session.training, session.executable.report, { data, entry: "evaluate", onNaN });
  try {
    return await evaluate(session, evaluation);
  } catch (error) {
    if (!(error instanceof NonFiniteError)) throw error;
    throw new NonFiniteError(`${error.message}. With onNaN: "warn" or "ignore" it gives the scores regardless.`);
  }
}

/** Means, each sample counted once. Between turns: the caller takes one. */
export async function evaluate(session: Session, { data, batch, onNaN, when = "" }: Evaluation): Promise<Scores> {
  const { executable, training } = session;
  await prepareFor(session, data, batch, "evaluate");
  const sums = new DeviceSums(session, "evaluationTotals");
  const means = new RunningMeans(training.scores);
  let isWatched = onNaN !== "ignore";
  let read = 0; // samples
  const readTo = async (to: number, order: Uint32Array): Promise<void> => {
    const scores = await sums.moveTo(means);
    const from = read;
    read = to;
    if (!isWatched || from === to || Number.isFinite(scores.loss)) return;
    const { why } = await causeOf(session, data, { order, from, to }, scores);
    const which = when === "" || data.call.includes("validation") ? "" : " of the samples kept for validation";
    const message = `${data.call}: the loss${which} is ${scores.loss}${when}: ${why}`;
    if (onNaN === "stop") throw new NonFiniteError(message);
    session.warn(message);
    isWatched = false;
  };
  sums.clear();
  const breath = new Breath();
  const readEvery = readEveryByDefault(session);
  let order: Uint32Array = new Uint32Array();
  for (const { indices, from, to } of batches({ count: data.count, batch, shuffle: false })) {
    order = indices;
    executable.evaluate(data.load(indices, from, to));
    if (sums.count(to - from) >= readEvery) await readTo(to, order);
    await breath.take();
  }
  await readTo(data.count, order);
  return means.means();
}
