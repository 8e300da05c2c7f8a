/**
 * Non-finite numbers: what made a loss NaN or infinite, in words. Nothing looks for it until a loss that was read anyway says
 * so; then the data of the steps since the reading before, the weights and the outputs are gone through, in this order.
 *
 *   fit: the loss is NaN in epoch 1 of 5, at step 3 of 12: x of sample 17 (the first is 0) is NaN
 */
import { UserError } from "../core/errors.ts";
import { sizeOf } from "../graph/shape.ts";
import type { Snapshot } from "../runtime/state.ts";
import type { Scores } from "./history.ts";
import type { NonFiniteNumber, Stretch } from "./samples.ts";
import { readOutput, type Session } from "./session.ts";
import { trainablePaths } from "./training-program.ts";

/** A loss is no finite number; the message says why. */
export class NonFiniteError extends UserError {}

export interface Cause {
  /** "x of sample 17 (the first is 0) is NaN" */
  readonly why: string;
  /** The place in the order of the sample that it is, where one is known. */
  readonly at: number | null;
}

/** Why the loss over these samples came out so. Between turns: it may run the model. */
export async function causeOf(session: Session, stretch: Stretch, scores: Scores): Promise<Cause> {
  const found = stretch.data.firstNonFinite(stretch.order, stretch.from, stretch.to);
  if (found !== null) return { why: inWords(found), at: found.at };
  const op = await session.executable.nonFinite();
  if (op !== null) return { why: op, at: null };
  const of = losses(session, scores);
  const weights = nonFiniteWeights(session, await session.executable.state.snapshot());
  if (weights !== null) return { why: of + besideData(weights, stretch), at: null };
  const output = await nonFiniteOutput(session, stretch);
  if (output !== null) return output;
  return { why: `${of}the data, the weights and the outputs are finite, so the loss made it of them`, at: null };
}

/** Weights with such a number, and the first sample with one: it may have been a step before, whose loss was finite. */
export function besideData(weights: string, { data, order }: Stretch): string {
  const found = data.firstNonFinite(order, 0, order.length);
  return found === null ? `the data are finite; ${weights}` : `${weights}, and ${inWords(found)}`;
}

function inWords({ place, value, isTooLarge }: NonFiniteNumber): string {
  return `${place} is ${value}${isTooLarge ? ", which no f32 can hold" : ""}`;
}

/** "the weight dense1.kernel has NaN at position 3"; null where all that are trained are finite. */
export function nonFiniteWeights({ training }: Pick<Session, "training">, state: Snapshot): string | null {
  for (const path of trainablePaths(training.definition.model.params)) {
    const values = state.get(`model.${path}`);
    if (!(values instanceof Float32Array || values instanceof Float64Array)) continue;
    const at = firstNonFinite(values);
    if (at >= 0) return `the weight ${path} has ${values[at]} at position ${at}`;
  }
  return null;
}

/** The position of the first number that is not finite, or -1. */
function firstNonFinite(values: Float32Array | Float64Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += (values[i] ?? 0) * 0;
  return sum === 0 ? -1 : values.findIndex((value) => !Number.isFinite(value));
}

/** Of several outputs, those whose own loss is none: "of digit, odd: ". */
function losses({ training }: Session, scores: Scores): string {
  if (training.outputs.isSingle) return "";
  const byName = new Map<string, number>(Object.entries(scores));
  const bad = training.outputs.names.filter((name) => {
    const loss = byName.get(`${name}_loss`);
    return loss !== undefined && !Number.isFinite(loss);
  });
  return bad.length === 0 ? "" : `the loss of ${bad.join(", ")} is; `;
}

/** Runs the model on the samples, with the weights as they are. */
async function nonFiniteOutput(session: Session, { data, order, from, to }: Stretch): Promise<Cause | null> {
  const { executable, batch, training } = session;
  await executable.prepare({ batch }, ["predict"]);
  for (let start = from; start < to; start += batch) {
    const rows = Uint32Array.from({ length: batch }, (_, i) => order[Math.min(start + i, to - 1)] ?? 0);
    executable.predict(data.load(rows, 0, batch));
    const reads = training.outputs.entries().map(async ([name, { shape }]) => {
      const path = training.outputs.path("output", name);
      return { path, width: sizeOf(shape), values: await readOutput(session, path) };
    });
    for (const { path, width, values } of await Promise.all(reads)) {
      const at = values.findIndex((value) => !Number.isFinite(value));
      if (at < 0) continue;
      const row = Math.floor(at / width);
      const place = data.placeInData(path, width, (rows[row] ?? 0) * width + (at % width));
      return {
        why: `the data and the weights are finite, and ${place} is ${values[at]}`,
        at: Math.min(start + row, to - 1),
      };
    }
  }
  return null;
}
