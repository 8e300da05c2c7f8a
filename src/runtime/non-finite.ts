/**
 * Which op made the first NaN or infinity of a run, from the ranges of all nodes.
 *
 * The search goes from a result that is not finite back to the operands that it comes from, so a -Infinity that was masked out is not
 * blamed. A NaN is followed through NaNs; where no operand has one, through infinities that something made, and not to those that were
 * written down.
 */
import { atLine, inCall } from "../core/origin.ts";
import type { BufferSlot } from "../program/buffer.ts";
import type { Watched, WatchedNode } from "../program/watched.ts";

interface Range {
  readonly least: number;
  readonly most: number;
}

/** In words, with the line; null where all results are finite. `read` gives a number that the run put out. */
export async function firstNonFinite(
  { nodes, results }: Watched,
  entry: string,
  read: (slot: BufferSlot) => Promise<number>,
): Promise<string | null> {
  // All are asked for before any is waited for, so that they belong to one run.
  const ranges = await Promise.all(
    nodes.map(async ({ least, most }): Promise<Range> => {
      const [low, high] = await Promise.all([read(least), read(most)]);
      return { least: low, most: high };
    }),
  );
  const rangeOf = (place: number): Range => ranges[place] ?? { least: 0, most: 0 };
  const bad = results.filter((place) => !isAllFinite(rangeOf(place)));
  // The earliest in the graph: a loss rather than what was updated by its gradients.
  const found = bad.map((place) => sourceOf(place, nodes, rangeOf)).sort((a, b) => a - b)[0];
  const node = found === undefined ? undefined : nodes[found];
  return found === undefined || node === undefined ? null : inWords(node, entry, rangeOf(found), nodes, rangeOf);
}

/** Where it came from: the place of a node that is not finite and has no operand to blame. */
function sourceOf(start: number, nodes: readonly WatchedNode[], rangeOf: (place: number) => Range): number {
  const isWritten = writtenIn(nodes, rangeOf);
  let place = start;
  for (;;) {
    const args = nodes[place]?.args ?? [];
    const isNaNHere = hasNaN(rangeOf(place));
    const withNaN = args.filter((arg) => hasNaN(rangeOf(arg)));
    const infinite = args.filter((arg) => !isAllFinite(rangeOf(arg)) && !isWritten(arg));
    const next = (isNaNHere ? withNaN[0] : undefined) ?? infinite[0];
    if (next === undefined) return place;
    place = next;
  }
}

/** Whether an infinity was written down, or comes from nothing but such ones: a mask, say. */
function writtenIn(nodes: readonly WatchedNode[], rangeOf: (place: number) => Range): (place: number) => boolean {
  const known = new Map<number, boolean>();
  for (const [place, { kind, args }] of nodes.entries()) {
    const bad = args.filter((arg) => !isAllFinite(rangeOf(arg)));
    const passesOn = bad.length > 0 && bad.every((arg) => known.get(arg) === true);
    known.set(place, kind === "constant" || (passesOn && !hasNaN(rangeOf(place))));
  }
  return (place) => known.get(place) === true;
}

function inWords(
  { kind, name, origin, args, isHalf }: WatchedNode,
  entry: string,
  range: Range,
  nodes: readonly WatchedNode[],
  rangeOf: (place: number) => Range,
): string {
  const value = hasNaN(range) ? "NaN" : range.least === -Infinity ? "-Infinity" : "Infinity";
  if (kind === "input") return `${entry}: the input ${name} has ${value}`;
  if (kind === "state") return `${entry}: the state ${name} had ${value} before the run`;
  const call = origin === undefined ? name : inCall(origin);
  const of = origin?.derived === true ? `the gradient of ${call}` : call;
  const place = origin?.layer === undefined ? `${entry}: ` : `${entry}: in the layer "${origin.layer}", `;
  const inside = of === name || of.endsWith(`: ${name}`) ? "" : ` (its op ${name})`;
  if (kind === "constant") return `${place}${of} has ${value} written down${atLine(origin)}`;
  const operands = args.map((arg) => `${nameOf(arg, nodes)} in ${printRange(rangeOf(arg))}`);
  const made = operands.length === 0 ? "" : ` of ${operands.join(" and ")}`;
  const why = isHalf && !hasNaN(range) ? "; f16 ends at 65504 (with precision \"mixed\" products read f16: scale what is larger)" : ""; // biome-ignore format: short
  return `${place}${of}${inside} made ${value}${made}${why}${atLine(origin)}`;
}

/** What a person would call it, whatever the shape it has been given since. */
function nameOf(place: number, nodes: readonly WatchedNode[]): string {
  const node = nodes[place];
  if (node === undefined) return "a tensor";
  const { kind, name, origin, args } = node;
  if (kind === "constant") return "numbers";
  if (kind !== "made") return name;
  const [only] = args;
  if (only !== undefined && reshaping.has(name)) return nameOf(only, nodes);
  return `${origin?.derived === true ? "a gradient" : "the result"} of ${origin?.call ?? name}`;
}

const reshaping: ReadonlySet<string> = new Set(["broadcast", "reshape", "permute", "flip", "cast"]);

function printRange({ least, most }: Range): string {
  const print = (value: number): string => String(Number(value.toPrecision(6)));
  return least === most ? `[${print(least)}]` : `[${print(least)}, ${print(most)}]`;
}

function hasNaN({ least, most }: Range): boolean {
  return Number.isNaN(least) || Number.isNaN(most);
}

function isAllFinite({ least, most }: Range): boolean {
  return Number.isFinite(least) && Number.isFinite(most);
}
