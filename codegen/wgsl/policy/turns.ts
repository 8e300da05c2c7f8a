/** Which maps read across: their neighbours write side by side, and read far apart what other neighbours would read side by side. */
import { sizeOf } from "../../../passes/schedule/facts.ts";
import type { LoopVar, Nest } from "../../../src/kernel/kernel.ts";
import { turnedLoads } from "../moves/turn.ts";
import { type MapSetting, storesBeside } from "./lanes.ts";

export interface Turn {
  readonly rows: LoopVar;
  readonly columns: LoopVar;
  readonly side: number;
  /** Of workgroup memory. */
  readonly bytes: number;
}

export function turnOf({ loops, body }: Nest, { buffers, tuning }: MapSetting): Turn | undefined {
  const { turnLeast, turnLeastSide, turnSide: side } = tuning;
  const all = loops.map(({ loop }) => loop);
  const columns = all.at(-1);
  if (columns === undefined || columns.extent < turnLeastSide || sizeOf(all) < turnLeast) return undefined;
  if (!storesBeside(body, columns)) return undefined;
  const read = new Set(
    buffers.flatMap(({ name, role, sharing }) => (role === "read" && sharing === undefined ? [name] : [])),
  );
  let best: Turn | undefined;
  for (const rows of all.slice(0, -1)) {
    if (rows.extent < turnLeastSide) continue;
    const bytes = turnedLoads({ body }, rows, columns, (name) => read.has(name)).length * 4 * side * (side + 1);
    if (bytes > (best?.bytes ?? 0)) best = { rows, columns, side, bytes };
  }
  return best;
}
