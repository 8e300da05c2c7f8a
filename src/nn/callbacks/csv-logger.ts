/**
 * csvLogger(): a table of a run, a row for each epoch.
 *
 *   epoch,loss,accuracy,val_loss,val_accuracy,learning_rate,seconds
 *   1,0.2586,0.9259,0.1302,0.9604,0.001,2.08
 */
import { checkArguments, checkOptions, checkValue, flag, type Kind, type OptionTable, text } from "../../core/options.ts"; // biome-ignore format: names
import type { EpochRecord } from "../history.ts";
import { scoresOf, withoutTables } from "../progress.ts";
import type { Callback, TrainBegin } from "./callback.ts";
import { LineFile } from "./log-lines.ts";
import { OneRun } from "./one-run.ts";

export interface CsvLoggerOptions {
  /** Between the columns. "," by default. */
  readonly separator?: string;
  /**
   * Whether rows that are in the file stay. By default they do where a run goes on, those of epochs that will be trained again left
   * out.
   */
  readonly append?: boolean;
}

const separatorKind: Kind<string> = {
  wanted: "a character that is in no number or name",
  accepts: (value): value is string => typeof value === "string" && value.length === 1 && !/[\w.+\-"\s]/.test(value.replace("\t", ",")), // biome-ignore format: short
};

const optionTable: OptionTable<CsvLoggerOptions> = { separator: separatorKind, append: flag };

/**
 * Writes the scores of each epoch into a file, with names as Keras has them: `val_` before those of validation, `learning_rate`.
 * Epochs count from 1. NaN is "nan", infinity "inf". A UserError says where the file cannot be written, or has other columns.
 */
export function csvLogger(path: string, options: CsvLoggerOptions = {}): Callback {
  checkArguments("csvLogger", arguments, 2);
  checkValue("csvLogger", "the path", path, text);
  const { separator = ",", append } = checkOptions("csvLogger", options, optionTable, { before: "path, " });
  const file = new LineFile("csvLogger", path);
  const oneRun = new OneRun("csvLogger");
  let columns: readonly string[] = [];
  return {
    onTrainBegin(run, control) {
      oneRun.begin(control);
      columns = columnsOf(run);
      const header = columns.map((name) => quoted(name, separator)).join(separator);
      const goesOn = run.epoch > 1 || run.step > 0;
      const [known, ...rows] = (append ?? goesOn) ? file.lines() : [];
      if (known !== undefined && known !== header) {
        throw file.refuse(`its columns are ${known}, and this run's ${header}: give another path, or append: false`);
      }
      const isKept = (row: string): boolean => !goesOn || Number(row.split(separator)[0]) < run.epoch;
      file.begin([header, ...rows.filter(isKept)]);
    },
    async onEpochEnd(record) {
      const values = valuesOf(record);
      await file.add(columns.map((name) => spelled(values[name])).join(separator));
    },
  };
}

function columnsOf({ scores, validates }: TrainBegin): readonly string[] {
  const validation = validates ? scores.map((name) => `val_${name}`) : [];
  return ["epoch", ...scores, ...validation, "learning_rate", "seconds"];
}

function valuesOf(record: EpochRecord): Readonly<Record<string, number | undefined>> {
  const { epoch, learningRate: learning_rate, seconds, validation } = record;
  const validated = Object.entries(validation === undefined ? {} : withoutTables(validation)).map(
    ([name, value]) => [`val_${name}`, value] as const,
  );
  return { ...scoresOf(record), ...Object.fromEntries(validated), epoch, learning_rate, seconds };
}

function spelled(value: number | undefined): string {
  if (value === undefined) return "NA";
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
}

function quoted(name: string, separator: string): string {
  return name.includes(separator) || /["\r\n]/.test(name) ? `"${name.replaceAll('"', '""')}"` : name;
}
