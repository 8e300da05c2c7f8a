/** Datasets of files, as `datasets.csv(...)` and so on. Node only. */
export { type ArrayRow, type Files, idx, npy, npz } from "./arrays.ts";
export { type CsvRow, csv, type Labelled } from "./csv.ts";
export type { CsvColumn, CsvOptions } from "./csv-plan.ts";
export { type FromWorkerOptions, fromWorker, type ModuleUrl } from "./from-worker.ts";
export { type ImageFolderOptions, imageFolder, type LabelledImage } from "./image-folder.ts";
export { textLines } from "./text-lines.ts";
