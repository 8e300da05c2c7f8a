/** Datasets of files, as `datasets.csv(...)` and so on. Node only. */
export { type CsvRow, csv, type Labelled } from "./csv.ts";
export type { CsvColumn, CsvOptions } from "./csv-plan.ts";
export { textLines } from "./text-lines.ts";
