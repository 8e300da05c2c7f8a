/**
 * Event files read back: what was written of each tag, by any program. One file, or all of a folder one after the other.
 */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { DataError } from "../../core/errors.ts";
import { checkArguments, checkValue, text } from "../../core/options.ts";
import { readWholeFile } from "../files.ts";
import { type ReadData, type ReadEvent, type ReadValue, readEvent } from "./event-reading.ts";
import type { Moment } from "./event-writing.ts";
import type { Bucket } from "./histogram.ts";
import { type HyperParameters, hparamsTags, readSessionStart } from "./hparams.ts";
import { curveRows, type PrCurve } from "./pr-curve.ts";
import { readRecords } from "./records.ts";

/** What was written of a tag at one step. */
export interface Logged<T> {
  /** Exact to 2^53. */
  readonly step: number;
  /** Seconds since 1970. */
  readonly time: number;
  readonly value: T;
}

/** Images of one step, as the bytes of PNG files. */
export interface LoggedImages {
  readonly width: number;
  readonly height: number;
  readonly pngs: readonly Uint8Array[];
}

/** A text, a list of them, or rows of a table. */
export interface LoggedTexts {
  readonly shape: readonly number[];
  /** Row by row. */
  readonly texts: readonly string[];
}

/** What was written of each tag, in the order in which it was written. */
export type LoggedByTag<T> = ReadonlyMap<string, readonly Logged<T>[]>;

/** Everything in event files, by tag. */
export interface EventLog {
  readonly scalars: LoggedByTag<number>;
  readonly histograms: LoggedByTag<readonly Bucket[]>;
  readonly images: LoggedByTag<LoggedImages>;
  readonly texts: LoggedByTag<LoggedTexts>;
  readonly prCurves: LoggedByTag<PrCurve>;
  /** GraphDefs, as they are. */
  readonly graphs: readonly Uint8Array[];
  /** Of this run, where they were written. */
  readonly hparams: HyperParameters | null;
  /** Whether the (last) file ends within a record: it is being written, or its writer was killed. */
  readonly isCut: boolean;
}

/**
 * What event files hold: of one file, or of a folder, whose event files are read in the order of their names; folders in it are
 * runs of their own. Throws a DataError where there are none, or one is damaged.
 */
export async function readEvents(path: string): Promise<EventLog> {
  checkArguments("readEvents", arguments, 1);
  checkValue("readEvents", "the path", path, text);
  const gathered = new Gathered();
  for (const file of await eventFilesAt(path)) {
    const { records, isCut } = readRecords(await readWholeFile(file), file);
    for (const record of records) gathered.add(readEvent(record, file));
    gathered.isCut = isCut;
  }
  return gathered;
}

/** Throws a DataError where there are none. */
async function eventFilesAt(path: string): Promise<readonly string[]> {
  const found = await stat(path).catch(() => null);
  if (found?.isDirectory() !== true) return [path]; // reading it says what is wrong
  const files = await eventFilesIn(path);
  if (files.length > 0) return files;
  throw new DataError(`${path}: there are no event files in this folder (their names hold "tfevents")`);
}

/** Paths of the event files that lie in a folder itself, in the order of their names. */
export async function eventFilesIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries.filter((entry) => !entry.isDirectory() && entry.name.includes("tfevents"));
  return names.map(({ name }) => join(folder, name)).sort();
}

class Gathered implements EventLog {
  readonly scalars = new Map<string, Logged<number>[]>();
  readonly histograms = new Map<string, Logged<readonly Bucket[]>[]>();
  readonly images = new Map<string, Logged<LoggedImages>[]>();
  readonly texts = new Map<string, Logged<LoggedTexts>[]>();
  readonly prCurves = new Map<string, Logged<PrCurve>[]>();
  readonly graphs: Uint8Array[] = [];
  hparams: HyperParameters | null = null;
  isCut = false;
  /** Of a tag, from the first event that names it. */
  readonly #plugins = new Map<string, string>();

  add(event: ReadEvent): void {
    if (event.graph !== undefined) this.graphs.push(event.graph);
    for (const value of event.values) this.#addValue(event, value);
  }

  #addValue({ step, time }: ReadEvent, { tag, plugin, content, data }: ReadValue): void {
    const shown = this.#plugins.get(tag) ?? plugin;
    if (shown !== "") this.#plugins.set(tag, shown);
    if (tag === hparamsTags.start) this.hparams = readSessionStart(content);
    if (data !== null) this.#addData(tag, shown, { step, time }, data);
  }

  #addData(tag: string, plugin: string, at: Moment, data: ReadData): void {
    switch (data.kind) {
      case "histogram":
        note(this.histograms, tag, at, data.buckets);
        break;
      case "image":
        note(this.images, tag, at, { width: data.width, height: data.height, pngs: [data.png] });
        break;
      case "texts":
        if (plugin === "images") note(this.images, tag, at, imagesIn(data.texts));
        else note(this.texts, tag, at, { shape: data.shape, texts: data.texts.map(decoded) });
        break;
      case "numbers":
        if (plugin === "histograms") note(this.histograms, tag, at, bucketsIn(data.numbers));
        else if (plugin === "pr_curves") note(this.prCurves, tag, at, curveIn(data.numbers));
        else if (data.shape.length === 0) note(this.scalars, tag, at, data.numbers[0] ?? 0);
        break;
    }
  }
}

function note<T>(known: Map<string, Logged<T>[]>, tag: string, at: Moment, value: T): void {
  const list = known.get(tag);
  if (list === undefined) known.set(tag, [{ ...at, value }]);
  else list.push({ ...at, value });
}

function decoded(bytes: Uint8Array | undefined): string {
  return new TextDecoder().decode(bytes);
}

function imagesIn([width, height, ...pngs]: readonly Uint8Array[]): LoggedImages {
  return { width: Number(decoded(width)), height: Number(decoded(height)), pngs };
}

function bucketsIn(numbers: readonly number[]): readonly Bucket[] {
  return Array.from({ length: Math.floor(numbers.length / 3) }, (_, i) => {
    const [left = 0, right = 0, count = 0] = numbers.slice(3 * i, 3 * i + 3);
    return { left, right, count };
  });
}

function curveIn(numbers: readonly number[]): PrCurve {
  const thresholds = Math.floor(numbers.length / curveRows.length);
  const row = (name: keyof PrCurve): readonly number[] => {
    const at = curveRows.indexOf(name) * thresholds;
    return numbers.slice(at, at + thresholds);
  };
  return {
    truePositives: row("truePositives"),
    falsePositives: row("falsePositives"),
    trueNegatives: row("trueNegatives"),
    falseNegatives: row("falseNegatives"),
    precision: row("precision"),
    recall: row("recall"),
  };
}
