/** All callbacks, with those that write files. Node only. */
export { type CsvLoggerOptions, csvLogger } from "./csv-logger.ts";
export { type HtmlReportOptions, htmlReport } from "./html-report.ts";
export { type JsonLoggerOptions, jsonLogger } from "./json-logger.ts";
export { type ModelCheckpointOptions, modelCheckpoint } from "./model-checkpoint.ts";
export { type ProfilerOptions, profiler } from "./profiler.ts";
export * from "./public.ts";
export { type TensorBoardOptions, tensorBoard } from "./tensor-board.ts";
