/**
 * A trainer's checkpoints: all states, the seed, where in its data a run stands, and the architecture.
 *
 *   bytes = await checkpoint(session)          between two steps, also while `fit` runs
 *   restore(other, decoded)                    the next `fit` goes on there, to the same bits on js
 *
 * A run goes on only with the data and batches it was made with: the orders of the samples follow from them.
 */

import { CompilerBug, UserError } from "../core/errors.ts";
import { joinPath } from "../dsl/tree.ts";
import { type Checkpoint, type Constant, type DataPosition, encodeCheckpoint, type Fingerprint, fingerprintOf, modelPrefix, type StateType } from "../io/checkpoint.ts"; // biome-ignore format: names
import type { StoredTensor } from "../io/safetensors.ts";
import type { WeightSource } from "../io/weight-file.ts";
import type { LoadWeightsOptions, WeightsFormat } from "../io/weight-options.ts";
import type { LoadedWeights } from "../io/weights.ts";
import type { TypedArray } from "../runtime/typed-arrays.ts";
import { architectureNote, architectureOf } from "./architecture.ts";
import { decodeCallbacks, encodeCallbacks } from "./callbacks/callback-state.ts";
import type { Config } from "./config.ts";
import { printScales, readScales } from "./input-scale.ts";
import type { Session } from "./session.ts";
import type { Training } from "./training-program.ts";

/** What a checkpoint must have in common with this trainer. The learning rate is state, not a constant. */
export function fingerprintOfTraining({ program, definition: { optimizer } }: Training): Fingerprint {
  return fingerprintOf(program, optimizer.name, new Map(constantsIn(optimizer.config?.constants ?? {})));
}

export async function checkpoint(session: Session): Promise<Uint8Array> {
  return session.turns.take(async () => {
    const position = (await session.where?.()) ?? session.pending;
    const told = isUnderWay(position) ? (session.callbacks?.() ?? session.pendingCallbacks) : null;
    const isEmpty = told === null || (told.states.length === 0 && told.round === null);
    const callbacks = isEmpty ? null : encodeCallbacks(told);
    const state = await session.executable.state.snapshot();
    return encodeCheckpoint({
      fingerprint: fingerprintOfTraining(session.training),
      state,
      seed: session.seed,
      position,
      notes: callbacks === null ? notesOf(session) : notesOf(session).set(callbacksNote, callbacks.note),
      ...(callbacks === null ? {} : { extras: callbacks.tensors }),
    });
  });
}

/** The note that holds what x was multiplied by, and that of what callbacks remember. */
const scalesNote = "input_scales";
const callbacksNote = "callbacks";

function notesOf({ training, scales }: Session): Map<string, string> {
  const notes = new Map([[architectureNote, JSON.stringify(architectureOf(training.definition))]]);
  if (scales !== "unknown") notes.set(scalesNote, printScales(scales));
  return notes;
}

/** Takes everything from a checkpoint that fits; `newRun` leaves the place in the data out. */
export function restore(session: Session, { state, seed, position, notes, extras }: Checkpoint, newRun: boolean): void {
  if (session.isFitting) throw new UserError("restore: a fit is under way: stop it, or wait for its end");
  const scales = readScales(notes.get(scalesNote), session.training.inputs, "restore");
  const told = notes.get(callbacksNote);
  const callbacks = told === undefined ? null : decodeCallbacks(told, extras, "restore");
  session.executable.state.restore(state);
  session.scales = scales;
  session.seed = seed;
  session.shuffles = position?.shuffles ?? 0;
  session.where = null;
  session.callbacks = null;
  const goesOn = isUnderWay(position) && !newRun;
  session.pending = goesOn ? position : null;
  session.pendingCallbacks = goesOn ? callbacks : null;
}

function isUnderWay(position: DataPosition | null): boolean {
  return position !== null && position.epoch + position.batch > 0;
}

/** The types of a model's weights and slots, by their names in the model. */
function weightTypes(training: Training): ReadonlyMap<string, StateType> {
  const states = [...fingerprintOfTraining(training).states].filter(([path]) => path.startsWith(modelPrefix));
  return new Map(states.map(([path, type]) => [path.slice(modelPrefix.length), type]));
}

/** Copies of the model's weights and slots, by their names in the model. */
export async function weightTensors(session: Session): Promise<ReadonlyMap<string, StoredTensor>> {
  const state = await session.turns.take(() => session.executable.state.snapshot());
  const weights = [...weightTypes(session.training)].map(([name, type]) => {
    const data = state.get(`${modelPrefix}${name}`);
    if (data === undefined) throw new CompilerBug(`the state "${name}" is not there`);
    return [name, { ...type, data }] as const;
  });
  return new Map(weights);
}

/** What reads and writes files of weights: most pages load none. */
const loadCodec = () => import("../io/weights.ts");

/** A file of the weights alone. */
export async function weightsOf(session: Session, format?: WeightsFormat): Promise<Uint8Array> {
  const { encodeWeights } = await loadCodec();
  return encodeWeights(await weightTensors(session), format);
}

/** Puts weights in, all that `options` ask for or none. Nothing else changes: moments, counters, the place in the data. */
export async function putWeights(
  session: Session,
  source: WeightSource,
  options: LoadWeightsOptions,
  what: string,
): Promise<LoadedWeights> {
  const { fitWeights } = await loadCodec();
  const { values, result } = await fitWeights(weightTypes(session.training), source, options, what);
  await session.turns.take(async () => {
    if (session.isFitting) throw new UserError(`${what}: a fit is under way: stop it, or wait for its end`);
    putValues(session, values);
    session.scales ??= "unknown"; // a file of weights does not say what x was multiplied by when they were trained
  });
  return result;
}

/** Puts back what `weightTensors` gave in the same run. */
export async function putTensors(session: Session, tensors: ReadonlyMap<string, StoredTensor>): Promise<void> {
  const { fitWeights } = await loadCodec();
  const { values } = await fitWeights(weightTypes(session.training), tensors, {}, "setWeights");
  await session.turns.take(async () => putValues(session, values));
}

function putValues({ executable }: Session, values: ReadonlyMap<string, TypedArray>): void {
  executable.state.restore(new Map([...values].map(([name, value]) => [`${modelPrefix}${name}`, value])));
}

/** The order of a run's samples follows from these. */
export interface RunOrder {
  readonly samples: number;
  readonly batchSize: number;
  readonly shuffle: boolean;
  readonly shuffleSeed: number;
  /** The data is a dataset, which has its own order. */
  readonly stream?: true;
  readonly stepsPerEpoch?: number;
}

/** Of the arrays or the dataset, as a position keeps it. */
export function positionOrder(
  { stream, ...order }: RunOrder,
  seen: number,
): Omit<DataPosition, "epoch" | "batch" | "shuffles" | "sums"> {
  return stream === undefined ? order : { ...order, seen };
}

/** Throws where a run that is to go on would see other batches. `what` it goes on from is for the message. */
export function checkSameRun(
  what: "the checkpoint" | "resume",
  saved: Omit<RunOrder, "stream"> & Pick<DataPosition, "epoch" | "batch" | "seen">,
  now: RunOrder,
): void {
  const rows = [
    ["the data", saved.seen === undefined ? "arrays" : "a dataset", now.stream === undefined ? "arrays" : "a dataset"],
    ["stepsPerEpoch", saved.stepsPerEpoch, now.stepsPerEpoch],
    ["samples", saved.samples, now.samples],
    ["batch", saved.batchSize, now.batchSize],
    ["shuffle", saved.shuffle, now.shuffle],
    ["seed", saved.shuffleSeed, now.shuffleSeed],
  ] as const;
  const differences = rows.filter(([name, was, is]) => was !== is && (name !== "seed" || now.shuffle));
  if (differences.length === 0) return;
  const told = differences.map(([name, was, is]) => `${name} was ${was} and is ${is}`).join(", ");
  throw new UserError(
    `fit: ${what} stands in epoch ${saved.epoch + 1} after ${saved.batch} batches, and this fit would see other ` +
      `batches: ${told}. Give fit what it had then; or ${
        what === "resume"
          ? "leave resume out, and put the weights back with executable.state.restore(resume.state)"
          : "restore with { newRun: true } to start a new run from these weights"
      }.`,
  );
}

/**
 * The numbers, switches and texts of an optimizer (which weights a decay leaves out, say), those of optimizers inside it too, by their
 * paths. A learning rate is state, or a schedule that may be exchanged.
 */
function constantsIn(config: Config, path = ""): readonly (readonly [string, Constant])[] {
  if (config === null) return [];
  if (typeof config !== "object") return [[path, config]];
  return Object.entries(config).flatMap(([name, part]) =>
    name === "learningRate" ? [] : constantsIn(part, joinPath(path, name)),
  );
}
