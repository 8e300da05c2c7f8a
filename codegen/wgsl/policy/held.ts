/**
 * Which rows lie in registers from one loop over them to the next.
 *
 * A softmax goes through a row three times, a layer norm twice. From memory each time an H100 did 991 and 934 GB/s of the row's own
 * bytes; held, each is read once.
 */
import { sizeOf } from "../../../passes/schedule/facts.ts";
import { mostCopies } from "../../../passes/schedule/piece.ts";
import type { Nest } from "../../../src/kernel/kernel.ts";
import { walkStmts } from "../../../src/kernel/rewrite.ts";
import { strideAlong } from "../../../src/kernel/stride.ts";
import { planRow, type RowStep } from "../moves/team-plan.ts";
import type { Setting } from "./tuning.ts";

/** The same of rows that are an invocation's own, where there are many: those that are an even number of elements lie in vectors. */
export function heldAlone({ loops, body }: Nest, setting: Pick<Setting, "tuning">): number | undefined {
  const steps = planRow(body);
  if (typeof steps === "string") return undefined;
  const each = heldElements(steps, 1, 2, setting);
  const rows = sizeOf(loops.map(({ loop }) => loop));
  return each !== undefined && rows * each >= setting.tuning.wideLeast ? each : undefined;
}

/** How many elements of a row each of the lanes holds, or undefined where they hold none: `by` neighbours at a time fill it evenly. */
export function heldElements(
  steps: readonly RowStep[],
  lanes: number,
  by: number,
  { tuning }: Pick<Setting, "tuning">,
): number | undefined {
  const over = steps.filter((step) => step.loops !== undefined);
  const length = Math.max(0, ...over.map(({ loops }) => sizeOf(loops ?? [])));
  const each = length / lanes;
  if (by === 1 || each % by !== 0 || each > mostCopies) return undefined;
  const held = repeatedIn(over.filter(({ loops }) => sizeOf(loops ?? []) === length));
  return held > 0 && held * each <= tuning.heldMost ? each : undefined;
}

/** Buffers that more than one of the loops over the row loads in order. */
function repeatedIn(steps: readonly RowStep[]): number {
  const times = new Map<string, number>();
  for (const { loops = [], stmts } of steps) {
    const column = loops.at(-1);
    const loaded = new Set<string>();
    walkStmts(stmts, {
      expr: (expr) => {
        if (expr.kind !== "load" || column === undefined) return;
        if (strideAlong(expr.at, column.name, column.extent, () => true) === 1) loaded.add(expr.buffer);
      },
    });
    for (const buffer of loaded) times.set(buffer, (times.get(buffer) ?? 0) + 1);
  }
  return [...times.values()].filter((count) => count > 1).length;
}
