/**
 * Targets are checked before the first step: class labels by what the compiled program picks with them, others by what their
 * loss takes. A message names the sample in the user's array, whatever the shuffle would have made of it.
 *
 *   fit: y of sample 70 (the first is 0) is 7: labels go from 0 to 2
 */

import { FeedError } from "../core/errors.ts";
import type { Source } from "../data/dataset.ts";
import { isByRows } from "../dsl/by-rows.ts";
import { labelsInWords } from "../program/compiled.ts";
import type { Report } from "../program/report.ts";
import type { OnNaN } from "./on-nan.ts";
import type { Batcher } from "./samples.ts";
import type { Training } from "./training-program.ts";

/** For entries that are compiled: theirs is the knowledge of what a label may be. */
export function checkTargets(
  training: Training,
  report: Report,
  { data, entry, onNaN }: { readonly data: Batcher; readonly entry: "train" | "evaluate"; readonly onNaN: OnNaN },
): void {
  const compiled = report.entries.find((it) => it.entry === entry || isByRows(it.entry, entry));
  const besides = (value: number): boolean => onNaN !== "stop" && !Number.isFinite(Math.fround(value));
  for (const [name, { source, width, scale }] of data.targets()?.entries() ?? []) {
    const path = training.targets.path("y", name);
    const fail = (at: number, wanted: string): never => {
      throw new FeedError(`${data.call}: ${data.placeOf(path, width, at)} is ${source[at]}: ${wanted}`);
    };
    const picks = compiled?.picks.find(({ input }) => input === path);
    if (picks !== undefined) {
      const { limit, ignored } = picks;
      const at = firstOutside(source, 0, limit - 1, (value) => value === ignored);
      if (at >= 0) fail(at, labelsInWords(picks));
    }
    const range = training.ranges.get(name);
    const [least, most] = range === null ? [0, 0] : [range.least / scale, range.most / scale];
    const isFine = range === null || (source instanceof Uint8Array && least <= 0 && most >= 255);
    const at = isFine ? -1 : firstOutside(source, least, most, besides);
    if (range !== null && at >= 0) fail(at, range.wanted);
  }
}

/** The place of the first number that is neither within nor allowed besides; NaN is not within. -1 where there is none. */
function firstOutside(source: Source, least: number, most: number, besides: (value: number) => boolean): number {
  for (let i = 0; i < source.length; i++) {
    const value = source[i] ?? Number.NaN;
    if (!(value >= least && value <= most) && !besides(value)) return i;
  }
  return -1;
}
