/**
 * The inputs of an entry: whether the entry reads them, and what values may be that pick among so many.
 */
import { atLine, type Origin } from "../core/origin.ts";
import { type Entry, neededNodes } from "../graph/entry.ts";
import { sameIntegers } from "../graph/integers.ts";
import type { Node } from "../graph/node.ts";
import { gather, oneHot } from "../graph/ops/gather.ts";
import { input } from "../graph/ops/source.ts";
import type { BufferSlot } from "./buffer.ts";
import type { InputSlot, Picks } from "./compiled.ts";

/** Inputs, with the range that a use as labels demands. */
export function inputSlots(
  entry: Entry,
  slots: readonly BufferSlot[],
  partsOf: (path: string) => readonly string[],
): readonly InputSlot[] {
  const below = new Map<string, Limits>();
  const used = new Set<string>();
  const held = new Set(slots.flatMap(({ segment, name }) => (segment === "held" ? [name] : [])));
  for (const node of neededNodes(entry)) {
    if (node.op === input) used.add(String(node.attrs.name));
    const labels = node.op === oneHot ? labelsOf(node, held) : undefined;
    if (labels === undefined) continue;
    const name = String(labels.attrs.name);
    below.set(name, narrowed(node, below.get(name)));
  }
  return slots.map((buffer) => ({
    path: buffer.name,
    parts: partsOf(buffer.name),
    buffer,
    used: used.has(buffer.name),
    below: picksOf(buffer.name, below.get(buffer.name)),
  }));
}

/** The input whose integers pick: as they are fed, or rows of those that are held. */
function labelsOf({ args: [picked] }: Node, held: ReadonlySet<string>): Node | undefined {
  const labels = picked === undefined ? undefined : sameIntegers(picked);
  const source = labels?.op === gather ? labels.args[0] : labels;
  if (source?.op !== input) return undefined;
  return source === labels || held.has(String(source.attrs.name)) ? source : undefined;
}

/** What uses that pick ask of an input's values. */
interface Limits {
  readonly limit: number;
  readonly ignored: number | null;
  /** Of the use that asks for most. */
  readonly origin: Origin | undefined;
}

/** What values may be for this use and those before it. */
function narrowed({ attrs, origins: [origin] }: Node, known: Limits | undefined): Limits {
  const limit = Number(attrs.depth);
  const ignored = typeof attrs.ignored === "number" ? attrs.ignored : null;
  if (known === undefined) return { limit, ignored, origin };
  const both = ignored === known.ignored ? ignored : null; // what one use refuses is refused
  return limit < known.limit ? { limit, ignored: both, origin } : { ...known, ignored: both };
}

/** The line is read off its stack when somebody asks: the first time takes 2 ms. */
function picksOf(input: string, limits: Limits | undefined): Picks | null {
  if (limits === undefined) return null;
  const { limit, ignored, origin } = limits;
  return {
    input,
    limit,
    ignored,
    get line() {
      return atLine(origin);
    },
  };
}
