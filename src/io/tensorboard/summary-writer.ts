/**
 * summaryWriter(): writes what TensorBoard shows, into a folder that is one run. Node only.
 *
 *   const log = summaryWriter("logs/run1");
 *   log.scalar("loss", 0.25, step);
 *   log.histogram("dense1/kernel", kernel, step);
 *   await log.close();
 *
 * TensorBoard drops what it knows of a tag from a step on when an earlier step comes again, so a step that goes back is refused;
 * a run that goes on in the same folder begins behind the step that was last.
 */
import { UserError } from "../../core/errors.ts";
import { checkArguments, checkOptions, checkValue, count, type Kind, list, type OptionTable, object, show, text, whole } from "../../core/options.ts"; // biome-ignore format: names
import { atLine, here } from "../../core/origin.ts";
import type { Program } from "../../dsl/program.ts";
import { EventFile } from "./event-file.ts";
import { curveValue, encodeGraphEvent, encodeValue, histogramValue, hparamsValue, imageValue, scalarValue, textValue } from "./event-writing.ts"; // biome-ignore format: names
import { encodeGraphDef } from "./graph-def.ts";
import { bucketsOf } from "./histogram.ts";
import { encodeExperiment, encodeSessionEnd, encodeSessionStart, type HyperParameters, hparamsTags } from "./hparams.ts"; // biome-ignore format: names
import { encodeImages, type ImageTensor, imageProblem } from "./image.ts";
import { prCurveOf } from "./pr-curve.ts";

/** What can be said with every value. */
export interface SummaryOptions {
  /** Markdown that TensorBoard shows beside the tag; that of the tag's first value counts. */
  readonly description?: string;
}

export interface HistogramOptions extends SummaryOptions {
  /** 30 by default. */
  readonly buckets?: number;
}

export interface PrCurveOptions extends SummaryOptions {
  /** From 0 to 1, evenly; 201 by default. */
  readonly thresholds?: number;
}

export interface GraphOptions {
  /** Which entry of the program; "train" by default, where there is one, else the first. */
  readonly entry?: string;
}

export interface HparamsOptions {
  /** Tags of scalars that the table is to show: "epoch_loss". All by default. */
  readonly metrics?: readonly string[];
}

/** What a classifier of yes and no predicted. */
export interface Predictions {
  /** 0 or 1. */
  readonly labels: ArrayLike<number>;
  /** From 0 to 1, one for each label. */
  readonly predictions: ArrayLike<number>;
  /** From 0, one for each label. 1 by default. */
  readonly weights?: ArrayLike<number>;
}

const summaryTable: OptionTable<SummaryOptions> = { description: text };
const histogramTable: OptionTable<HistogramOptions> = { ...summaryTable, buckets: count };
const prCurveTable: OptionTable<PrCurveOptions> = { ...summaryTable, thresholds: whole({ from: 2 }) };
const graphTable: OptionTable<GraphOptions> = { entry: text };
const hparamsTable: OptionTable<HparamsOptions> = { metrics: list(text) };

const numbers: Kind<ArrayLike<number>> = {
  wanted: "a list of numbers or a typed array",
  accepts: (value): value is ArrayLike<number> =>
    (Array.isArray(value) && value.every((member) => typeof member === "number")) ||
    (ArrayBuffer.isView(value) && !isOddView(value)),
};

function isOddView(value: ArrayBufferView): boolean {
  return value instanceof DataView || value instanceof BigInt64Array || value instanceof BigUint64Array;
}

const numberKind: Kind<number> = { wanted: "a number", accepts: (value): value is number => typeof value === "number" };
const steps = whole();

/** A folder's new event file. Nothing that is written is waited for. */
export class SummaryWriter {
  readonly #file: EventFile;
  /** Of each tag, what was written last. */
  readonly #last = new Map<string, { readonly call: string; readonly step: number }>();
  #hasSession = false;
  #isClosed = false;

  constructor(file: EventFile) {
    this.#file = file;
  }

  /** Where the file lies. */
  get path(): string {
    return this.#file.path;
  }

  /** A number, as float32; NaN and infinities too. */
  scalar(tag: string, value: number, step: number, options?: SummaryOptions): void {
    this.#check("scalar", tag, step);
    checkValue("scalar", "the value", value, numberKind);
    const { description } = checkOptions("scalar", options, summaryTable, { before: "tag, value, step, " });
    if (Number.isFinite(value) && !Number.isFinite(Math.fround(value))) {
      throw new UserError(
        `scalar: ${value} is too large for float32, which TensorBoard takes${atLine(here("scalar"))}`,
      );
    }
    this.#add(tag, step, scalarValue(value, description));
  }

  /** How numbers are spread; those that are not finite are left out. */
  histogram(tag: string, values: ArrayLike<number>, step: number, options?: HistogramOptions): void {
    this.#check("histogram", tag, step);
    checkValue("histogram", "what is counted", values, numbers);
    const { buckets = 30, description } = checkOptions("histogram", options, histogramTable, {
      before: "tag, values, step, ",
    });
    this.#add(tag, step, histogramValue(bucketsOf(values, buckets), description));
  }

  /** One image or several. */
  image(tag: string, image: ImageTensor, step: number, options?: SummaryOptions): void {
    this.#check("image", tag, step);
    checkValue("image", "the image", image, object("{ data, shape }"));
    const { description } = checkOptions("image", options, summaryTable, { before: "tag, image, step, " });
    const problem = imageProblem(image);
    if (problem !== null) throw new UserError(`image "${tag}": ${problem}${atLine(here("image"))}`);
    this.#add(tag, step, imageValue(encodeImages(image), description));
  }

  /** A text in Markdown, a list of texts, or the rows of a table. */
  text(
    tag: string,
    value: string | readonly string[] | readonly (readonly string[])[],
    step: number,
    options?: SummaryOptions,
  ): void {
    this.#check("text", tag, step);
    const { description } = checkOptions("text", options, summaryTable, { before: "tag, text, step, " });
    const found = textsIn(value);
    if (found === null) {
      throw new UserError(
        `text: what is written must be a text, a list of texts or rows of them, each as long, not ${show(value)}${atLine(here("text"))}`,
      );
    }
    this.#add(tag, step, textValue(found.texts, found.shape, description));
  }

  /** Precision and recall at many thresholds. */
  prCurve(tag: string, given: Predictions, step: number, options?: PrCurveOptions): void {
    this.#check("prCurve", tag, step);
    checkValue("prCurve", "what is counted", given, object("{ labels, predictions }"));
    const { thresholds = 201, description } = checkOptions("prCurve", options, prCurveTable, {
      before: "tag, predictions, step, ",
    });
    const { labels, predictions, weights } = given;
    checkNumbers("labels", labels, labels?.length, (value) => value === 0 || value === 1, "0 or 1");
    checkNumbers("predictions", predictions, labels.length, (value) => value >= 0 && value <= 1, "from 0 to 1");
    if (weights !== undefined)
      checkNumbers("weights", weights, labels.length, (value) => value >= 0 && value < Infinity, "from 0");
    this.#add(tag, step, curveValue(prCurveOf(labels, predictions, weights, thresholds), description));
  }

  /** The graph of a program's entry, as it is written: before it is differentiated and fused. */
  graph(source: Program<unknown> | { readonly program: Program<unknown> }, options?: GraphOptions): void {
    this.#checkOpen("graph");
    checkValue("graph", "what is drawn", source, object("a program or a trainer"));
    const { entries } = "program" in source ? source.program : source;
    if (!(entries instanceof Map)) {
      throw new UserError(`graph takes a program or a trainer, not ${show(source)}${atLine(here("graph"))}`);
    }
    const { entry = entries.has("train") ? "train" : [...entries.keys()][0] } = checkOptions(
      "graph",
      options,
      graphTable,
      {
        before: "program, ",
      },
    );
    const found = entries.get(entry ?? "");
    if (found === undefined) {
      throw new UserError(
        `graph: there is no entry "${entry}" (there are: ${[...entries.keys()].join(", ")})${atLine(here("graph"))}`,
      );
    }
    this.#file.add(encodeGraphEvent(Date.now() / 1000, encodeGraphDef(found)));
  }

  /** The hyper-parameters of this run: once, before its scores. Runs with the same ones are a group of the table. */
  hparams(values: HyperParameters, options?: HparamsOptions): void {
    this.#checkOpen("hparams");
    checkValue("hparams", "the hyper-parameters", values, object("an object of numbers, texts and truth values"));
    const { metrics } = checkOptions("hparams", options, hparamsTable, { before: "values, " });
    for (const [name, value] of Object.entries(values)) {
      if (name !== "" && ["number", "string", "boolean"].includes(typeof value)) continue;
      throw new UserError(
        `hparams: "${name}" must be a number, a text or a truth value, not ${show(value)}${atLine(here("hparams"))}`,
      );
    }
    if (this.#hasSession)
      throw new UserError(`hparams: this run has its hyper-parameters already${atLine(here("hparams"))}`);
    this.#hasSession = true;
    const time = Date.now() / 1000;
    if (metrics !== undefined) this.#add(hparamsTags.experiment, 0, hparamsValue(encodeExperiment(values, metrics)));
    this.#add(hparamsTags.start, 0, hparamsValue(encodeSessionStart(values, time)));
  }

  /** Waits until everything is on the disk. Throws where something could not be written. */
  async flush(): Promise<void> {
    await this.#file.flush();
  }

  /** Writes what is left; nothing can be written any more. */
  async close(): Promise<void> {
    if (this.#hasSession && !this.#isClosed) {
      this.#add(hparamsTags.end, 0, hparamsValue(encodeSessionEnd(Date.now() / 1000)));
    }
    this.#isClosed = true;
    await this.#file.flush();
  }

  #add(tag: string, step: number, value: Parameters<typeof encodeValue>[2]): void {
    this.#file.add(encodeValue({ time: Date.now() / 1000, step }, tag, value));
  }

  #checkOpen(call: string): void {
    if (this.#isClosed) throw new UserError(`${call}: this summary writer is closed${atLine(here(call))}`);
  }

  #check(call: string, tag: string, step: number): void {
    this.#checkOpen(call);
    checkValue(call, "the tag", tag, text);
    checkValue(call, "the step", step, steps);
    if (tag === "")
      throw new UserError(`${call}: the tag is empty: TensorBoard shows nothing without a name${atLine(here(call))}`);
    const { call: other = call, step: before = step } = this.#last.get(tag) ?? {};
    if (other !== call) {
      throw new UserError(
        `${call}: "${tag}" is the tag of a ${other}: TensorBoard would not show both; take another tag${atLine(here(call))}`,
      );
    }
    if (step < before) {
      throw new UserError(
        `${call}: step ${step} of "${tag}" comes after step ${before}: TensorBoard would drop all from ${step} on. Steps of a ` +
          `tag go up; for another run make a writer of another folder${atLine(here(call))}`,
      );
    }
    this.#last.set(tag, { call, step });
  }
}

/** A writer of a new event file in this folder, which is made where it is not there. A UserError says where that cannot be done. */
export function summaryWriter(folder: string): SummaryWriter {
  checkArguments("summaryWriter", arguments, 1);
  checkValue("summaryWriter", "the folder", folder, text);
  try {
    return writerIn(folder);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(`summaryWriter: ${error.message}${atLine(here("summaryWriter"))}`, { cause: error });
  }
}

/** The same for those who check themselves, and say where. */
export function writerIn(folder: string): SummaryWriter {
  return new SummaryWriter(new EventFile(folder));
}

function textsIn(value: unknown): { readonly texts: readonly string[]; readonly shape: readonly number[] } | null {
  if (typeof value === "string") return { texts: [value], shape: [] };
  if (!Array.isArray(value)) return null;
  if (value.every((member): member is string => typeof member === "string")) {
    return { texts: value, shape: [value.length] };
  }
  const rows: readonly unknown[] = value;
  const width = Array.isArray(rows[0]) ? rows[0].length : 0;
  const isRow = (row: unknown): row is readonly string[] =>
    Array.isArray(row) && row.length === width && row.every((member) => typeof member === "string");
  return rows.every(isRow) ? { texts: rows.flat(), shape: [rows.length, width] } : null;
}

function checkNumbers(
  name: string,
  values: ArrayLike<number>,
  length: number,
  isFit: (value: number) => boolean,
  wanted: string,
): void {
  checkValue("prCurve", name, values, numbers);
  if (values.length !== length) {
    throw new UserError(`prCurve: there are ${length} labels and ${values.length} ${name}${atLine(here("prCurve"))}`);
  }
  for (let i = 0; i < length; i++) {
    const value = values[i] ?? Number.NaN;
    if (isFit(value)) continue;
    throw new UserError(`prCurve: ${name} are ${wanted}, and number ${i} is ${value}${atLine(here("prCurve"))}`);
  }
}
