/**
 * report.html: the curves of runs as one file that needs nothing else, opened from the disk. The charts are uPlot's, put into the
 * file with our page's script by esbuild.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { messageOf, UserError } from "../../core/errors.ts";
import { checkArguments, checkOptions, checkValue, type OptionTable, object, show, text } from "../../core/options.ts";
import { atLine, here } from "../../core/origin.ts";
import { writeFileAtomically } from "../../io/files.ts";
import type { History } from "../history.ts";
import { readRuns } from "./read-runs.ts";
import { curvesOfEpochs, type ReportRun } from "./run-curves.ts";
import { pageStyle } from "./style.ts";

export interface ReportOptions {
  /** What the page is called. "Training" by default. */
  readonly title?: string;
}

/** What a run is read from: a history, or the path of its log (a folder of event files, or lines of JSON). */
export type RunSource = History<string> | string;

export const reportTable: OptionTable<ReportOptions> = { title: text };

/** Everything of the page that is the same for all runs. It takes a moment to make, so it is kept for pages that are made often. */
export interface PageParts {
  readonly script: string;
  readonly style: string;
}

/**
 * uPlot asks for the numbers of `navigator.language` as soon as it is loaded, and ends the script where that is no language: a
 * Chromium without a locale says "en-US@posix".
 */
const knownLanguage =
  'try{new Intl.NumberFormat(navigator.language)}catch{Object.defineProperty(navigator,"language",{value:"en-US"})}';

/** A UserError where they are not to be had: our own code has been put into a bundle. */
export async function pageParts(): Promise<PageParts> {
  const page = fileURLToPath(new URL(`./page${extname(import.meta.url)}`, import.meta.url));
  try {
    const { build } = await import("esbuild"); // who draws no report does not load it
    const { outputFiles } = await build({
      entryPoints: [page],
      bundle: true,
      minify: true,
      write: false,
      format: "iife",
      target: "es2020",
      banner: { js: knownLanguage },
      logLevel: "silent",
    });
    const charts = readFileSync(createRequire(import.meta.url).resolve("uplot/dist/uPlot.min.css"), "utf8");
    return { script: outputFiles[0]?.text ?? "", style: `${charts}\n${pageStyle}` };
  } catch (error) {
    throw new UserError(`the page of a report could not be made from ${page}: ${messageOf(error)}`, { cause: error });
  }
}

/** The page as text. */
export function reportPage(runs: readonly ReportRun[], { script, style }: PageParts, title = "Training"): string {
  const data = JSON.stringify({ title, runs }).replaceAll("<", "\\u003c");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title>
<style>
${style}
</style>
</head>
<body>
<noscript>The curves are drawn by a script.</noscript>
<script type="application/json" id="data">${data}</script>
<script>
${script.replaceAll("</script", "<\\/script")}
</script>
</body>
</html>
`;
}

function escaped(value: string): string {
  return value.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}

/**
 * Writes a page with the curves of runs, each under its name: of a history that `fit` gave, or of a log. One file, which any browser
 * opens, with no server and no network.
 */
export async function saveReport(
  path: string,
  runs: Readonly<Record<string, RunSource>>,
  options: ReportOptions = {},
): Promise<void> {
  checkArguments("saveReport", arguments, 3);
  checkValue("saveReport", "the path", path, text);
  checkValue("saveReport", "what is drawn", runs, object("an object of histories, or of paths of logs, by name"));
  const { title } = checkOptions("saveReport", options, reportTable, { before: "path, runs, " });
  const origin = here("saveReport");
  const read = Object.entries(runs).map(async ([name, source]) => {
    if (typeof source === "string") return namedRuns(name, await readRuns(source));
    if (Array.isArray(source?.epochs)) return [{ name, curves: curvesOfEpochs(source.epochs) }];
    throw new UserError(
      `saveReport: "${name}" must be a history or the path of a log, not ${show(source)}${atLine(origin)}`,
    );
  });
  const found = (await Promise.all(read)).flat();
  await writeFileAtomically(path, new TextEncoder().encode(reportPage(found, await pageParts(), title)));
}

/** Several runs at one path have names of their own behind the given one. */
export function namedRuns(name: string, runs: readonly ReportRun[]): readonly ReportRun[] {
  return runs.length === 1
    ? runs.map((run) => ({ ...run, name }))
    : runs.map((run) => ({ ...run, name: `${name}/${run.name}` }));
}
