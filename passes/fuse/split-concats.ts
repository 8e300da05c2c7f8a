/**
 * Wide concatenations become trees of ones that fit a kernel.
 *
 *   concat of 200 stored rows, 8 buffers      29 of 7 rows, 5 of those, 1
 *
 * A part counts as what it may make its reader touch: one buffer where it is surely stored, else as many as `fuse` lets a value
 * read that is computed in place.
 */
import { type Entry, neededNodes, rebuild, resultNodes } from "../../src/graph/entry.ts";
import type { Build, Node } from "../../src/graph/node.ts";
import { concat } from "../../src/graph/ops/parts.ts";
import { isExternal } from "./cluster.ts";

interface Limits {
  readonly maxBuffers: number;
  /** How many stored values a node may read that is not stored itself. */
  readonly mostReads: number;
  /** A concatenation of as many parts is stored. */
  readonly storedFrom: number;
}

export function splitWideConcats(entry: Entry, limits: Limits): Entry {
  const { maxBuffers, mostReads } = limits;
  const nodes = neededNodes(entry);
  if (!nodes.some((node) => node.op === concat && node.args.length * mostReads >= maxBuffers)) return entry;
  const results = new Set(resultNodes(entry));
  const prices = new Map<Node, number>();
  for (const node of nodes) {
    const isStored =
      isExternal(node) ||
      results.has(node) ||
      node.op.kind === "contract" ||
      node.op.kind === "reduce" ||
      node.op.kind === "run" ||
      node.op.kind === "spread";
    prices.set(
      node,
      isStored ? 1 : Math.min(mostReads, Math.max(1, sum(node.args.map((arg) => prices.get(arg) ?? 1)))),
    );
  }
  return rebuild(entry, (node, args, build) => {
    if (node.op !== concat) return undefined;
    const parts = args.map((part, i): Part => ({ node: part, reads: prices.get(node.args[i] as Node) ?? mostReads }));
    return joinAll(parts, Number(node.attrs.axis), build, limits);
  });
}

interface Part {
  readonly node: Node;
  /** The most that reading it touches. */
  readonly reads: number;
}

function joinAll(parts: readonly Part[], axis: number, build: Build, limits: Limits): Node {
  const most = limits.maxBuffers - 1;
  if (sum(parts.map(({ reads }) => reads)) <= most)
    return build.concat(
      parts.map(({ node }) => node),
      axis,
    );
  const joined: Part[] = [];
  for (let start = 0, end = 0; start < parts.length; start = end) {
    let reads = 0;
    for (; end < parts.length && reads + (parts[end]?.reads ?? 0) <= most; end++) reads += parts[end]?.reads ?? 0;
    const group = parts.slice(start, end).map(({ node }) => node);
    const isStored = group.length >= limits.storedFrom;
    joined.push({ node: build.concat(group, axis), reads: isStored ? 1 : Math.min(limits.mostReads, reads) });
  }
  return joinAll(joined, axis, build, limits);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
