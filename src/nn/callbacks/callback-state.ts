/**
 * What callbacks remember, as part of a checkpoint: a run that is broken off and goes on stops, cuts its learning rate and keeps its best
 * weights where the unbroken run would have.
 *
 *   states     of each callback that has any, found again by its name and its turn among those of that name
 *   round      who had been told when the checkpoint was taken while the callbacks were called; the others are told first thing
 */
import { DataError, messageOf } from "../../core/errors.ts";
import { isRecord } from "../../core/records.ts";
import type { StoredTensor } from "../../io/safetensors.ts";
import type { EpochRecord } from "../history.ts";
import type { Callback, CallbackState } from "./callback.ts";

/** Callbacks are being called, one after the other. */
export interface CallbackRound {
  readonly hook: "onEpochBegin" | "onEpochEnd";
  /** How many of them have been. */
  readonly told: number;
  /** What the epoch's end is told with; null at its beginning. */
  readonly record: EpochRecord | null;
  /** Steps of the epoch. */
  readonly step: number;
  /** Whether one of them has asked for the end of the training. */
  readonly stop: boolean;
}

export interface SavedCallbacks {
  readonly states: readonly { readonly name: string; readonly state: CallbackState }[];
  readonly round: CallbackRound | null;
}

export function saveCallbacks(callbacks: readonly Callback[], round: CallbackRound | null): SavedCallbacks {
  const states = callbacks.flatMap((callback) => {
    const state = callback.saveState?.();
    return state === undefined ? [] : [{ name: callback.name ?? "", state }];
  });
  return { states, round };
}

/** Gives each callback the state that one of its name had; those that were not there begin anew. */
export function restoreCallbacks(callbacks: readonly Callback[], { states }: SavedCallbacks): void {
  const left = [...states];
  for (const callback of callbacks) {
    if (callback.restoreState === undefined) continue;
    const at = left.findIndex(({ name }) => name === (callback.name ?? ""));
    const [found] = at < 0 ? [] : left.splice(at, 1);
    if (found !== undefined) callback.restoreState(found.state);
  }
}

// ---- in a checkpoint -----------------------------------------------------------------------------------------------

/** As a text and tensors. */
export function encodeCallbacks({ states, round }: SavedCallbacks): {
  readonly note: string;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
} {
  const tensors = new Map<string, StoredTensor>();
  const told = states.map(({ name, state }, i) => {
    for (const [path, tensor] of state.tensors ?? []) tensors.set(`callback${i}.${path}`, tensor);
    return { name, values: state.values, hasTensors: state.tensors !== undefined };
  });
  return { note: JSON.stringify({ states: told, round }, withNonFinite), tensors };
}

/** `name` is what errors call the checkpoint. */
export function decodeCallbacks(
  note: string,
  tensors: ReadonlyMap<string, StoredTensor>,
  name: string,
): SavedCallbacks {
  const problem = (why: string) => new DataError(`${name}: the states of the callbacks: ${why}; the file is corrupt`);
  let read: unknown;
  try {
    read = JSON.parse(note, readNonFinite);
  } catch (error) {
    throw problem(messageOf(error));
  }
  if (!isRecord(read) || !Array.isArray(read.states)) throw problem("expected a list of them");
  const states = read.states.map((given: unknown, i) => {
    if (!isRecord(given) || typeof given.name !== "string" || !isValues(given.values)) {
      throw problem(`expected a name and values for number ${i}`);
    }
    const prefix = `callback${i}.`;
    const own = [...tensors].filter(([path]) => path.startsWith(prefix));
    const parts = { tensors: new Map(own.map(([path, tensor]) => [path.slice(prefix.length), tensor])) };
    return { name: given.name, state: { values: given.values, ...(given.hasTensors === true ? parts : {}) } };
  });
  const { round = null } = read;
  if (round !== null && !isRound(round)) throw problem("expected who had been told");
  return { states, round };
}

/** JSON has no NaN and no infinity. */
function withNonFinite(_: string, value: unknown): unknown {
  return typeof value === "number" && !Number.isFinite(value) ? { number: String(value) } : value;
}

function readNonFinite(_: string, value: unknown): unknown {
  return isRecord(value) && typeof value.number === "string" ? Number(value.number) : value;
}

function isValues(value: unknown): value is CallbackState["values"] {
  const kinds = ["number", "string", "boolean"];
  return isRecord(value) && Object.values(value).every((it) => it === null || kinds.includes(typeof it));
}

function isRound(value: unknown): value is CallbackRound {
  if (!isRecord(value) || typeof value.told !== "number" || typeof value.step !== "number") return false;
  if (typeof value.stop !== "boolean") return false;
  return value.hook === "onEpochBegin" || (value.hook === "onEpochEnd" && isEpochRecord(value.record));
}

function isEpochRecord(value: unknown): value is EpochRecord {
  if (!isRecord(value) || typeof value.loss !== "number" || typeof value.epoch !== "number") return false;
  const isScore = (it: unknown): boolean => typeof it === "number";
  const { validation = {}, ...scores } = value;
  return Object.values(scores).every(isScore) && isRecord(validation) && Object.values(validation).every(isScore);
}
