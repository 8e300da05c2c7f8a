/** The history of a run, and its columns: one score, epoch after epoch. */

import { UserError } from "../core/errors.ts";
import { checkArguments, checkValue, didYouMean, text } from "../core/options.ts";
import { atLine, here } from "../core/origin.ts";
import { findScore } from "./callbacks/monitor.ts";
import type { EpochRecord, History, Stop } from "./history.ts";

export class RunHistory implements History {
  readonly epochs: readonly EpochRecord[];
  readonly stopped: Stop | null;
  readonly seconds: number;

  constructor(epochs: readonly EpochRecord[], stopped: Stop | null, seconds: number) {
    this.epochs = epochs;
    this.stopped = stopped;
    this.seconds = seconds;
  }

  column(name: string): readonly number[] {
    checkArguments("column", arguments, 1);
    checkValue("column", "the name", name, text);
    const columns = new Map<string, number[]>();
    for (const { validation = {}, ...record } of this.epochs) {
      const validated = Object.entries(validation).map(([key, value]) => [`validation.${key}`, value] as const);
      for (const [key, value] of [...Object.entries(record), ...validated]) {
        if (typeof value !== "number") continue;
        const column = columns.get(key) ?? [];
        columns.set(key, column);
        column.push(value);
      }
    }
    const known = [...columns.keys()];
    const score = findScore(name, { scores: known.map((it) => it.replace("validation.", "")) });
    const found = columns.get(score?.of === "validation" ? `validation.${score.name}` : (score?.name ?? name));
    if (found !== undefined) return found;
    if (this.epochs.length === 0) return [];
    throw new UserError(
      `column: the history has no "${name}"${didYouMean(name, known)} (it has: ${known.join(", ")})${atLine(here("column"))}`,
    );
  }
}
