/**
 * Targets are checked before the first step: class labels by what the compiled program picks with them, others by what their
 * loss takes. A message names the sample in the user's array, whatever the shuffle would have made of it.
 *
 *   fit: y of sample 70 (the first is 0) is 7: labels go from 0 to 2
 */
import type { Source } from "../data/dataset.ts";
import { FeedError } from "../errors.ts";
import type { Report } from "../report.ts";
import { labelsInWords } from "../runtime/compiled.ts";
import type { Batcher } from "./samples.ts";
import type { Training } from "./training-program.ts";

/** For entries that are compiled: theirs is the knowledge of what a label may be. */
export function checkTargets(training: Training, report: Report, data: Batcher, entry: "train" | "evaluate"): void {
  const compiled = report.entries.find((it) => it.entry === entry);
  for (const [name, { source, width }] of data.targets()?.entries() ?? []) {
    const path = training.targets.path("y", name);
    const fail = (at: number, wanted: string): never => {
      throw new FeedError(`${data.placeOf(path, width, at)} is ${source[at]}: ${wanted}`);
    };
    const picks = compiled?.picks.find(({ input }) => input === path);
    if (picks !== undefined) {
      const at = firstOutside(source, 0, picks.limit - 1, picks.ignored);
      if (at >= 0) fail(at, labelsInWords(picks));
    }
    const range = training.ranges.get(name);
    const isFine = range === null || (source instanceof Uint8Array && range.least <= 0 && range.most >= 255);
    const at = isFine ? -1 : firstOutside(source, range.least, range.most);
    if (range !== null && at >= 0) fail(at, range.wanted);
  }
}

/** The place of the first number that is neither within nor allowed besides, NaN too; -1 where there is none. */
function firstOutside(source: Source, least: number, most: number, besides: number | null = null): number {
  for (let i = 0; i < source.length; i++) {
    const value = source[i] as number;
    if (!(value >= least && value <= most) && value !== besides) return i;
  }
  return -1;
}
