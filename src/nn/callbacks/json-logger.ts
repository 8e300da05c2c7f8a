/**
 * jsonLogger(): a run as lines of JSON, each a fact that is on the disk before the next step.
 *
 *   {"event":"begin","epoch":1,"epochs":5,"steps":469,"samples":60000,"batch":128,"time":"2026-01-31T12:00:00.000Z"}
 *   {"event":"epoch","epoch":1,"loss":0.2586,"accuracy":0.9259,"validation":{...},"learningRate":0.001,"seconds":2.08,...}
 *   {"event":"end","epochs":5,"stopped":null,"seconds":9.7,...}
 *
 * JSON has no NaN and no infinity: those are texts, "NaN", "Infinity", "-Infinity".
 */
import { checkArguments, checkOptions, checkValue, flag, type OptionTable, text, whole } from "../../core/options.ts";
import type { Callback } from "./callback.ts";
import { LineFile } from "./log-lines.ts";
import { OneRun } from "./one-run.ts";

export interface JsonLoggerOptions {
  /**
   * Whether lines that are in the file stay. By default they do where a run goes on, those of epochs that will be trained again
   * left out.
   */
  readonly append?: boolean;
  /** A line after every so many batches too, counted in each epoch; with none, the default, on a GPU nobody waits for them. */
  readonly everyBatches?: number;
}

const optionTable: OptionTable<JsonLoggerOptions> = { append: flag, everyBatches: whole({ from: 0 }) };

/** Writes a line when a run begins, one for each epoch, and one when it ends. A UserError says where the file cannot be written. */
export function jsonLogger(path: string, options: JsonLoggerOptions = {}): Callback {
  checkArguments("jsonLogger", arguments, 2);
  checkValue("jsonLogger", "the path", path, text);
  const { append, everyBatches = 0 } = checkOptions("jsonLogger", options, optionTable, { before: "path, " });
  const file = new LineFile("jsonLogger", path);
  const oneRun = new OneRun("jsonLogger");
  const add = (event: string, facts: object) => file.add(lineOf(event, facts));
  return {
    onTrainBegin({ program, ...facts }, control) {
      oneRun.begin(control);
      const goesOn = facts.epoch > 1 || facts.step > 0;
      const lines = (append ?? goesOn) ? file.lines() : [];
      file.begin([...lines.filter((line) => !goesOn || isBefore(line, facts.epoch)), lineOf("begin", facts)]);
    },
    ...(everyBatches > 0 && {
      async onBatchEnd({ epoch, step, scores }) {
        if (step % everyBatches === 0) await add("batch", { epoch, step, ...scores });
      },
    }),
    onEpochEnd: (record) => add("epoch", record),
    onTrainEnd: ({ epochs, ...facts }) => add("end", { epochs: epochs.length, ...facts }),
  };
}

function lineOf(event: string, facts: object): string {
  const odd = (_: string, value: unknown) =>
    typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
  return JSON.stringify({ event, ...facts, time: new Date().toISOString() }, odd);
}

/** Whether a line is of an epoch before this one; a line that was cut off is not. */
function isBefore(line: string, epoch: number): boolean {
  try {
    const parsed: unknown = JSON.parse(line);
    if (typeof parsed !== "object" || parsed === null || !("event" in parsed)) return false;
    return !("epoch" in parsed) || parsed.event === "begin" || Number(parsed.epoch) < epoch;
  } catch {
    return false;
  }
}
