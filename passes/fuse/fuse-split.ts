/**
 * Splits what needs more buffers than a kernel has.
 *
 * While clusters grow, a member may come to be read by clusters that are made later: it has to be stored then, and what was
 * joined before stays joined. Where that is too much in the end, the members are cut into runs, each as long as fits: as they
 * were written, or depth first, where what belongs together stands together and fewer values cross a cut. A run reads earlier
 * runs only, so no cycle can close: one that did would have gone through the cluster before.
 */
import { CompilerBug } from "../../src/core/errors.ts";
import type { Node } from "../../src/graph/node.ts";
import type { Accesses } from "./access.ts";
import type { BufferKey, BufferKeys } from "./cluster.ts";

interface Request {
  readonly accesses: Accesses;
  /** Nodes that are stored whatever is cut: results, and what other clusters read. */
  readonly stored: ReadonlySet<Node>;
  readonly keyOf: BufferKeys;
  readonly limit: number;
}

/** The members of a cluster, given in id order, as runs of at most `limit` buffers, each in id order. */
export function splitMembers(members: readonly Node[], request: Request): readonly (readonly Node[])[] {
  const readers = new Map<Node, number>(members.map((node) => [node, 0]));
  for (const node of members) {
    for (const read of readsOf(node, request)) if (readers.has(read)) readers.set(read, (readers.get(read) ?? 0) + 1);
  }
  const asWritten = cut(members, readers, request);
  const depthFirst = cut(operandsFirst(members, readers, request), readers, request);
  return depthFirst.length < asWritten.length ? depthFirst : asWritten;
}

function cut(members: readonly Node[], readers: ReadonlyMap<Node, number>, request: Request): Node[][] {
  const runs: Node[][] = [];
  for (let start = 0, end = 0; start < members.length; start = end) {
    end = longestRun(members, start, readers, request);
    if (end === start)
      throw new CompilerBug(`%${members[start]?.id} needs more than ${request.limit} buffers by itself`);
    runs.push(members.slice(start, end).sort((a, b) => a.id - b.id));
  }
  return runs;
}

/** Where the longest run from `start` ends that fits a kernel: `start` itself where none does. */
function longestRun(
  members: readonly Node[],
  start: number,
  readers: ReadonlyMap<Node, number>,
  request: Request,
): number {
  const { stored, keyOf, limit } = request;
  /** What is read from outside or stored in any case: it only grows. */
  const touched = new Set<BufferKey>();
  /** Members with readers behind the end of the run, and how many. */
  const open = new Map<Node, number>();
  const inside = new Set<Node>();
  let longest = start;
  for (let end = start; end < members.length && touched.size <= limit; end++) {
    const node = members[end] as Node;
    for (const read of readsOf(node, request)) {
      const left = open.get(read);
      if (!inside.has(read)) touched.add(keyOf(read));
      else if (left !== undefined && left > 1) open.set(read, left - 1);
      else open.delete(read);
    }
    inside.add(node);
    if (stored.has(node)) touched.add(keyOf(node));
    else open.set(node, readers.get(node) ?? 0);
    if (touched.size + open.size <= limit) longest = end + 1;
  }
  return longest;
}

/** Operands before their readers, and one reader's operands as close before it as can be. */
function operandsFirst(members: readonly Node[], readers: ReadonlyMap<Node, number>, request: Request): Node[] {
  const ordered: Node[] = [];
  const seen = new Set<Node>();
  for (const last of members.filter((node) => readers.get(node) === 0)) {
    const pending = [last];
    while (pending.length > 0) {
      const node = pending[pending.length - 1] as Node;
      const missing = seen.has(node)
        ? []
        : readsOf(node, request).filter((read) => readers.has(read) && !seen.has(read));
      if (missing.length > 0) pending.push(...missing.toReversed());
      else {
        pending.pop();
        if (!seen.has(node)) ordered.push(node);
        seen.add(node);
      }
    }
  }
  return ordered;
}

function readsOf(node: Node, { accesses }: Request): Node[] {
  return [...new Set(accesses.of(node).map((access) => access.node))];
}
