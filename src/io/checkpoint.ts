/**
 * Checkpoints: everything that a program needs to go on bit for bit, in one safetensors file.
 *
 *     tensors     every state by its path: parameters, moments, counters, learning rate, random state ("$random"); others of the caller's
 *                 own under "$extra."
 *     metadata    format, version, optimizer, seed, where in the data the run stands, and texts of the caller's own
 *
 * The names, shapes and dtypes of the states, the optimizer's name and its constants are the fingerprint: a checkpoint is only
 * taken by a program with the same one, and an error lists every difference. Other tools read the tensors as in any safetensors file.
 */

import type { DType } from "../core/dtype.ts";
import { DataError, UserError } from "../core/errors.ts";
import { show } from "../core/options.ts";
import type { Program } from "../dsl/program.ts";
import { fixedShape, printShape } from "../graph/shape.ts";
import type { Snapshot } from "../runtime/state.ts";
import type { TypedArray } from "../runtime/typed-arrays.ts";
import { readSafetensors, type StoredTensor, writeSafetensors } from "./safetensors.ts";
import { quoted } from "./safetensors-header.ts";

/** The version of this package that checkpoints name as their maker. */
export const packageVersion = "0.1.0";

/** What a checkpoint and a program must have in common. */
export interface Fingerprint {
  /** "adam", say; null where there is none. */
  readonly optimizer: string | null;
  /** The optimizer's constants by name (`rho`, say), where it has any: other ones would go on with other numbers. */
  readonly constants?: ReadonlyMap<string, Constant>;
  /** By path. */
  readonly states: ReadonlyMap<string, StateType>;
}

/** A number that is finite, a switch, or a text. */
export type Constant = number | boolean | string;

export interface StateType {
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/**
 * Where a run stands in its data. The next batch is number `batch` of
 * `batches({ count: samples, batch: batchSize, seed: shuffleSeed, epoch: shuffles, shuffle })`.
 */
export interface DataPosition {
  /** Epochs of the run that are done. */
  readonly epoch: number;
  /** Batches that are done of the epoch under way. */
  readonly batch: number;
  /** Samples in a batch. */
  readonly batchSize: number;
  /** How many samples there are: with another number the orders would be others. */
  readonly samples: number;
  /** Whether the samples are shuffled. */
  readonly shuffle: boolean;
  /** What their orders follow from. */
  readonly shuffleSeed: number;
  /** Orders that were used up before the epoch under way. */
  readonly shuffles: number;
  /** Loss and metrics summed over the samples of the epoch so far, so that its means come out the same. */
  readonly sums: ReadonlyMap<string, number>;
  /** Where the data is a dataset, which has its own order: samples of the epoch under way that are done. */
  readonly seen?: number;
  /** Steps in an epoch, where `fit` was given that. */
  readonly stepsPerEpoch?: number;
}

/** What goes into a checkpoint. */
export interface CheckpointContents {
  /** What it must have in common with what it is put back into. */
  readonly fingerprint: Fingerprint;
  /** All states: `await executable.state.snapshot()`. */
  readonly state: Snapshot;
  /** What the program was compiled with. */
  readonly seed: number;
  /** Where in the data a run stands; null between runs. */
  readonly position?: DataPosition | null;
  /** Texts to keep beside it: a trainer's architecture. */
  readonly notes?: ReadonlyMap<string, string>;
  /** Tensors to keep beside the states: what callbacks remember. */
  readonly extras?: ReadonlyMap<string, StoredTensor>;
}

/** What comes out of one. */
export interface Checkpoint extends Required<CheckpointContents> {
  /** The version of tensorloom that made it. */
  readonly madeBy: string;
}

/** What a checkpoint of this program must have in common with it. */
export function fingerprintOf(
  program: Program<unknown>,
  optimizer: string | null = null,
  constants: ReadonlyMap<string, Constant> = new Map(),
): Fingerprint {
  const states = program.states.map(({ path, leaf }) => {
    return [path, { dtype: leaf.dtype, shape: fixedShape(leaf.shape) }] as const;
  });
  return { optimizer, ...(constants.size === 0 ? {} : { constants }), states: new Map(states) };
}

/** The bytes of a checkpoint, or one that is decoded. */
export function checkSaved(call: string, saved: unknown): void {
  if (saved instanceof Uint8Array) return;
  if (typeof saved === "object" && saved !== null && "fingerprint" in saved && "notes" in saved) return;
  throw new UserError(`${call} takes the bytes of a checkpoint, a Uint8Array, not ${show(saved)}`);
}

/** A checkpoint as the bytes of a safetensors file. */
export function encodeCheckpoint(contents: CheckpointContents): Uint8Array {
  if (!(contents?.state instanceof Map) || !(contents.fingerprint?.states instanceof Map)) {
    throw new UserError(`checkpoint: takes { fingerprint, state, seed }, not ${show(contents)}`);
  }
  const { fingerprint, state, seed, position = null, notes = new Map<string, string>() } = contents;
  const extra = [...state.keys()].find((name) => !fingerprint.states.has(name));
  if (extra !== undefined) throw new UserError(`checkpoint: ${printName(extra)} is no state of the program`);
  const tensors = new Map<string, StoredTensor>();
  for (const [name, { dtype, shape }] of fingerprint.states) {
    const data = state.get(name);
    if (data === undefined) throw new UserError(`checkpoint: the values of ${printName(name)} are missing`);
    tensors.set(name, { dtype, shape, data });
  }
  for (const [name, tensor] of contents.extras ?? []) tensors.set(`${extraPrefix}${name}`, tensor);
  const metadata = new Map<string, string>([
    [keys.format, FORMAT],
    [keys.formatVersion, String(FORMAT_VERSION)],
    [keys.madeBy, packageVersion],
    [keys.seed, printWhole("the seed", seed)],
  ]);
  if (fingerprint.optimizer !== null) metadata.set(keys.optimizer, fingerprint.optimizer);
  for (const [option, value] of fingerprint.constants ?? [])
    metadata.set(`${keys.constant}${option}`, printConstant(value));
  if (position !== null) for (const [key, value] of printPosition(position)) metadata.set(key, value);
  for (const [name, text] of notes) metadata.set(`${keys.note}${name}`, text);
  return writeSafetensors(tensors, metadata);
}

/** Reads a checkpoint; `name` is what errors call it. It must fit `expected`, where that is given. */
export function decodeCheckpoint(bytes: Uint8Array, name: string, expected?: Fingerprint): Checkpoint {
  const { tensors: all, metadata } = readSafetensors(bytes, name);
  checkFormat(metadata, name);
  const tensors = new Map([...all].filter(([path]) => !path.startsWith(extraPrefix)));
  const optimizer = { optimizer: metadata.get(keys.optimizer) ?? null, ...readConstants({ metadata, name }) };
  if (expected !== undefined) checkFingerprint({ ...optimizer, states: tensors }, expected, name);
  const states = new Map<string, StateType>();
  const state = new Map<string, TypedArray>();
  for (const path of (expected?.states ?? tensors).keys()) {
    const tensor = tensors.get(path);
    if (tensor === undefined) continue;
    states.set(path, { dtype: tensor.dtype, shape: tensor.shape });
    state.set(path, tensor.data);
  }
  return {
    fingerprint: { ...optimizer, states },
    state,
    seed: readWhole({ metadata, name }, keys.seed, 0),
    position: readPosition({ metadata, name }),
    notes: withPrefix(metadata, keys.note),
    extras: withPrefix(all, extraPrefix),
    madeBy: metadata.get(keys.madeBy) ?? "an unknown version",
  };
}

const FORMAT = "tensorloom checkpoint";
const FORMAT_VERSION = 1;
const extraPrefix = "$extra.";

/** Keys of the metadata. */
const keys = {
  format: "format",
  formatVersion: "format_version",
  madeBy: "tensorloom",
  optimizer: "optimizer",
  constant: "optimizer.constant.",
  seed: "seed",
  note: "note.",
  epoch: "position.epoch",
  batch: "position.batch",
  batchSize: "position.batch_size",
  samples: "position.samples",
  shuffle: "position.shuffle",
  shuffleSeed: "position.shuffle_seed",
  shuffles: "position.shuffles",
  seen: "position.seen",
  stepsPerEpoch: "position.steps_per_epoch",
  sum: "position.sum.",
} as const;

/** What the states of a model stand under in a trainer's checkpoint. */
export const modelPrefix = "model.";

/** Whether a file with this metadata is a checkpoint: its tensors are a program's states, those of a trainer's model under "model.". */
export function isCheckpoint(metadata: ReadonlyMap<string, string>): boolean {
  return metadata.get(keys.format) === FORMAT;
}

function checkFormat(metadata: ReadonlyMap<string, string>, name: string): void {
  if (metadata.get(keys.format) !== FORMAT) {
    const found = "found a safetensors file without that mark";
    throw new DataError(
      `${name}: expected a checkpoint of tensorloom (format "${FORMAT}" in its metadata), ${found}; readSafetensors reads its tensors, and loadWeights takes weights alone`,
    );
  }
  const version = metadata.get(keys.formatVersion);
  if (version === String(FORMAT_VERSION)) return;
  const maker = metadata.get(keys.madeBy) ?? "an unknown version";
  throw new DataError(
    `${name}: expected version ${FORMAT_VERSION} of the checkpoint format, found ${quoted(version ?? "none")}, made by tensorloom ${maker}; use that version`,
  );
}

/** Throws a DataError with all differences, each on a line of its own. `name` is what it calls the checkpoint. */
export function checkFingerprint(found: Fingerprint, expected: Fingerprint, name: string): void {
  const differences: string[] = [];
  for (const [path, type] of expected.states) {
    const other = found.states.get(path);
    if (other !== undefined && printType(other) === printType(type)) continue;
    const has = other === undefined ? "nothing of that name" : printType(other);
    differences.push(
      other === undefined
        ? `the program has ${printName(path)} ${printType(type)}, the checkpoint ${has}`
        : `the checkpoint has ${printName(path)} ${has}, the program ${printType(type)}`,
    );
  }
  for (const [path, type] of found.states) {
    if (expected.states.has(path)) continue;
    differences.push(`the checkpoint has ${printName(path)} ${printType(type)}, the program nothing of that name`);
  }
  if (found.optimizer !== expected.optimizer) {
    const [mine, theirs] = [found.optimizer, expected.optimizer].map((it) => (it === null ? "none" : printName(it)));
    differences.push(`the checkpoint has the optimizer ${mine}, the program ${theirs}`);
  } else differences.push(...otherConstants(found, expected));
  if (differences.length === 0) return;
  const shown = differences.slice(0, 10);
  if (shown.length < differences.length) shown.push(`and ${differences.length - shown.length} more`);
  const count = differences.length === 1 ? "one difference" : `${differences.length} differences`;
  throw new DataError([`${name}: the checkpoint does not fit the program (${count}):`, ...shown].join("\n  "));
}

function otherConstants(found: Fingerprint, expected: Fingerprint): readonly string[] {
  const names = new Set([...(found.constants?.keys() ?? []), ...(expected.constants?.keys() ?? [])]);
  return [...names].flatMap((name) => {
    const [was, is] = [found.constants?.get(name), expected.constants?.get(name)];
    if (Object.is(was, is)) return [];
    const [mine, theirs] = [was, is].map((value) => (value === undefined ? "none" : printConstant(value)));
    const option = `${printName(expected.optimizer ?? "")}'s ${printName(name)}`;
    return [`the checkpoint was made with ${option} ${mine}, the program has ${theirs}`];
  });
}

function printConstant(value: Constant): string {
  if (typeof value === "string") return JSON.stringify(value);
  return typeof value === "boolean" ? String(value) : printNumber(value);
}

function readConstants({ metadata, name }: Source): Pick<Fingerprint, "constants"> {
  const constants = [...withPrefix(metadata, keys.constant)].map(([option, text]): [string, Constant] => {
    if (text === "true" || text === "false") return [option, text === "true"];
    const told = textIn(text);
    if (told !== null) return [option, told];
    const value = Number(text);
    if (printNumber(value) === text && Number.isFinite(value)) return [option, value];
    const what = `${keys.constant}${option}`;
    throw new DataError(
      `${name}: ${what}: expected a number, true, false or a text in quotes, found ${quoted(text)}; the file is corrupt`,
    );
  });
  return constants.length === 0 ? {} : { constants: new Map(constants) };
}

/** As `printConstant` writes it, between quotes; null where it is none. */
function textIn(written: string): string | null {
  if (!written.startsWith('"')) return null;
  try {
    const text: unknown = JSON.parse(written);
    return typeof text === "string" ? text : null;
  } catch {
    return null;
  }
}

function printType({ dtype, shape }: StateType): string {
  return `${dtype}${printShape(shape)}`;
}

function printName(name: string): string {
  return name.length <= 80 && /^[\w.$-]+$/.test(name) ? name : quoted(name);
}

function printPosition(position: DataPosition): readonly (readonly [string, string])[] {
  const { epoch, batch, batchSize, samples, shuffle, shuffleSeed, shuffles, sums, seen, stepsPerEpoch } = position;
  const whole = (key: string, value: number) => [key, printWhole(key, value)] as const;
  return [
    whole(keys.epoch, epoch),
    whole(keys.batch, batch),
    whole(keys.batchSize, batchSize),
    whole(keys.samples, samples),
    [keys.shuffle, String(shuffle)],
    whole(keys.shuffleSeed, shuffleSeed),
    whole(keys.shuffles, shuffles),
    ...(seen === undefined ? [] : [whole(keys.seen, seen)]),
    ...(stepsPerEpoch === undefined ? [] : [whole(keys.stepsPerEpoch, stepsPerEpoch)]),
    ...[...sums].map(([name, sum]) => [`${keys.sum}${name}`, printNumber(sum)] as const),
  ];
}

function printWhole(what: string, value: number): string {
  if (Number.isSafeInteger(value)) return printNumber(value);
  throw new UserError(`checkpoint: ${what} must be a whole number, not ${value}`);
}

/** The shortest text that is read back as the same number, -0 and NaN too. */
function printNumber(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}

/** The metadata of a file, with what errors call it. */
interface Source {
  readonly metadata: ReadonlyMap<string, string>;
  readonly name: string;
}

function readPosition(source: Source): DataPosition | null {
  if (![...source.metadata.keys()].some((key) => key.startsWith("position."))) return null;
  const position: DataPosition = {
    epoch: readWhole(source, keys.epoch, 0),
    batch: readWhole(source, keys.batch, 0),
    batchSize: readWhole(source, keys.batchSize, 1),
    samples: readWhole(source, keys.samples, 0),
    shuffle: readText(source, keys.shuffle, "true or false", /^(?:true|false)$/) === "true",
    shuffleSeed: readWhole(source, keys.shuffleSeed, 0),
    shuffles: readWhole(source, keys.shuffles, 0),
    sums: new Map([...withPrefix(source.metadata, keys.sum).keys()].map((key) => [key, readSum(source, key)])),
    ...(source.metadata.has(keys.seen) ? { seen: readWhole(source, keys.seen, 0) } : {}),
    ...(source.metadata.has(keys.stepsPerEpoch) ? { stepsPerEpoch: readWhole(source, keys.stepsPerEpoch, 1) } : {}),
  };
  if (position.seen !== undefined) return position;
  const batches = Math.ceil(position.samples / position.batchSize);
  if (position.batch <= batches) return position;
  const expected = `${position.samples} samples make ${batches} batches of ${position.batchSize}`;
  throw new DataError(`${source.name}: ${keys.batch}: ${expected}, found ${position.batch} done; the file is corrupt`);
}

function readSum(source: Source, score: string): number {
  return readNumber(source, `${keys.sum}${score}`, "a number");
}

function readWhole(source: Source, key: string, least: number): number {
  const expected = `a whole number from ${least}`;
  const value = readNumber(source, key, expected);
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new DataError(`${source.name}: ${key}: expected ${expected}, found ${value}; the file is corrupt`);
}

/** Only numbers as `printNumber` writes them. */
function readNumber(source: Source, key: string, expected: string): number {
  const text = readText(source, key, expected, /^/);
  const value = Number(text);
  if (printNumber(value) === text) return value;
  throw new DataError(`${source.name}: ${key}: expected ${expected}, found ${quoted(text)}; the file is corrupt`);
}

function readText({ metadata, name }: Source, key: string, expected: string, form: RegExp): string {
  const text = metadata.get(key);
  if (text !== undefined && form.test(text)) return text;
  const found = text === undefined ? "nothing" : quoted(text);
  throw new DataError(`${name}: ${key}: expected ${expected}, found ${found}; the file is corrupt`);
}

function withPrefix<T>(values: ReadonlyMap<string, T>, prefix: string): ReadonlyMap<string, T> {
  const found = [...values].filter(([key]) => key.startsWith(prefix));
  return new Map(found.map(([key, value]) => [key.slice(prefix.length), value]));
}
