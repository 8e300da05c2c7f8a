/** htmlReport(): the curves of a run as a page, written anew after each epoch. Node only. */
import { checkArguments, checkOptions, checkValue, list, type OptionTable, text } from "../../core/options.ts";
import { writeFileAtomically } from "../../io/files.ts";
import type { EpochRecord } from "../history.ts";
import { readRuns } from "../report/read-runs.ts";
import { type PageParts, pageParts, type ReportOptions, reportPage, reportTable } from "../report/report.ts";
import { curvesOfEpochs, type ReportRun } from "../report/run-curves.ts";
import type { Callback } from "./callback.ts";
import { OneRun } from "./one-run.ts";

export interface HtmlReportOptions extends ReportOptions {
  /** What this run is called. "this run" by default. */
  readonly name?: string;
  /** Paths of logs (folders of event files, lines of JSON) of other runs to compare it with. None by default. */
  readonly compare?: readonly string[];
}

const optionTable: OptionTable<HtmlReportOptions> = { ...reportTable, name: text, compare: list(text) };

/**
 * Writes a page with the curves of loss, metrics, learning rate and seconds an epoch: one file that any browser opens, with no
 * server and no network. Where a run goes on, its first epochs are not in the page: draw its log, which has all of them.
 */
export function htmlReport(path: string, options: HtmlReportOptions = {}): Callback {
  checkArguments("htmlReport", arguments, 2);
  checkValue("htmlReport", "the path", path, text);
  const given = checkOptions("htmlReport", options, optionTable, { before: "path, " });
  const { name = "this run", compare = [], title } = given;
  const oneRun = new OneRun("htmlReport");
  let epochs: EpochRecord[] = [];
  let parts: PageParts | null = null;
  let others: readonly ReportRun[] = [];
  const write = async (): Promise<void> => {
    parts ??= await pageParts();
    const runs = [{ name, curves: curvesOfEpochs(epochs) }, ...others];
    await writeFileAtomically(path, new TextEncoder().encode(reportPage(runs, parts, title)));
  };
  return {
    async onTrainBegin(_, control) {
      oneRun.begin(control);
      epochs = [];
      others = (await Promise.all(compare.map(readRuns))).flat();
      await write(); // a path that cannot be written is told before the first step
    },
    async onEpochEnd(record) {
      epochs.push(record);
      await write();
    },
  };
}
