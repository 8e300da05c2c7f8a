/**
 * The command line of `tensorloom report`.
 *
 *   tensorloom report logs/run1 logs/run2 --out report.html
 */
import { basename } from "node:path";
import type { Command } from "commander";
import { writeFileAtomically } from "../../io/files.ts";
import { readRuns } from "../../nn/report/read-runs.ts";
import { namedRuns, pageParts, reportPage } from "../../nn/report/report.ts";

export function addReportCommand(program: Command): void {
  program
    .command("report")
    .description("draw the curves of runs as one HTML page, to be opened without a server")
    .argument("<run...>", "folders of event files (of one run, or of several), or lines of JSON")
    .option("--out <file>", "where to write it", "report.html")
    .option("--title <text>", "what the page is called", "Training")
    .action(async (paths: readonly string[], { out, title }: { readonly out: string; readonly title: string }) => {
      const found = await Promise.all(paths.map(async (path) => ({ path, runs: await readRuns(path) })));
      const runs = found.flatMap((one) => (paths.length === 1 ? one.runs : named(one.path, one.runs)));
      await writeFileAtomically(out, new TextEncoder().encode(reportPage(runs, await pageParts(), title)));
      process.stdout.write(`${out}: ${runs.length === 1 ? "one run" : `${runs.length} runs`}\n`);
    });

  const named = (path: string, runs: Awaited<ReturnType<typeof readRuns>>) =>
    namedRuns(basename(path).replace(/\.jsonl?$/, ""), runs);
}
