/**
 * The inputs of an entry: whether the entry reads them, and what values may be that pick among so many.
 */
import { atLine } from "../core/origin.ts";
import { type Entry, neededNodes } from "../graph/entry.ts";
import { sameIntegers } from "../graph/integers.ts";
import type { Node } from "../graph/node.ts";
import { oneHot } from "../graph/ops/gather.ts";
import { input } from "../graph/ops/source.ts";
import type { BufferSlot } from "./buffer.ts";
import type { InputSlot, Picks } from "./compiled.ts";

/** Inputs, with the range that a use as labels demands. */
export function inputSlots(
  entry: Entry,
  slots: readonly BufferSlot[],
  partsOf: (path: string) => readonly string[],
): readonly InputSlot[] {
  const below = new Map<string, Picks>();
  const used = new Set<string>();
  for (const node of neededNodes(entry)) {
    if (node.op === input) used.add(String(node.attrs.name));
    const labels = node.op === oneHot ? labelsOf(node) : undefined;
    if (labels === undefined) continue;
    const name = String(labels.attrs.name);
    below.set(name, narrowed(node, below.get(name)));
  }
  return slots.map((buffer) => ({
    path: buffer.name,
    parts: partsOf(buffer.name),
    buffer,
    used: used.has(buffer.name),
    below: below.get(buffer.name) ?? null,
  }));
}

/** The input whose integers pick. */
function labelsOf({ args: [picked] }: Node): Node | undefined {
  const labels = picked === undefined ? undefined : sameIntegers(picked);
  return labels?.op === input ? labels : undefined;
}

/** What values may be for this use and those before it. */
function narrowed({ attrs, origins }: Node, known: Picks | undefined): Picks {
  const limit = Number(attrs.depth);
  const ignored = typeof attrs.ignored === "number" ? attrs.ignored : null;
  if (known === undefined) return { limit, ignored, line: atLine(origins[0]) };
  return {
    limit: Math.min(limit, known.limit),
    ignored: ignored === known.ignored ? ignored : null, // what one use refuses is refused
    line: limit < known.limit ? atLine(origins[0]) : known.line,
  };
}
