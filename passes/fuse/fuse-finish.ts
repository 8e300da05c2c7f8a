/**
 * From drafts to clusters: which members are needed, which are stored, and whether a kernel's buffers hold it.
 */
import { type Entry, resultNodes } from "../../src/graph/entry.ts";
import type { Node } from "../../src/graph/node.ts";
import type { Accesses } from "./access.ts";
import { type BufferKeys, type Cluster, type Fused, touchedBy } from "./cluster.ts";
import { type Draft, domainOf } from "./fuse-draft.ts";
import { splitMembers } from "./fuse-split.ts";

/**
 * Every cluster in a group of its own, in the order in which their last nodes stand. None touches more than `limit` buffers.
 * `homes`: the draft of each node that has one, in id order.
 */
export function finishClusters(
  entry: Entry,
  homes: ReadonlyMap<Node, Draft>,
  accesses: Accesses,
  limit: number,
  keyOf: BufferKeys,
): Fused {
  const results = resultNodes(entry);
  const { needed, awaited } = neededMembers(results, homes, accesses);
  const stored = new Set([...results, ...awaited]);
  const members = new Map<Draft, Node[]>();
  for (const [node, home] of homes) {
    if (!needed.has(node)) continue;
    const draft = home.current;
    const known = members.get(draft);
    if (known === undefined) members.set(draft, [node]);
    else known.push(node);
    for (const { node: read } of accesses.of(node)) if (homes.get(read)?.current !== draft) stored.add(read);
  }
  const clusters: Cluster[] = [];
  for (const [draft, nodes] of members) {
    const whole = clusterOf({ draft, nodes }, stored, accesses);
    if (whole.kind === "loop" || touchedBy(whole, keyOf).size <= limit) {
      clusters.push(whole);
      continue;
    }
    const runs = splitMembers(nodes, { accesses, stored, keyOf, limit });
    for (const node of readAcross(runs, accesses)) stored.add(node);
    for (const run of runs) clusters.push(clusterOf(partOf(draft, run), stored, accesses));
  }
  const clusterOfNode = new Map<Node, Cluster>();
  for (const cluster of clusters) for (const node of cluster.nodes) clusterOfNode.set(node, cluster);
  clusters.sort((a, b) => lastId(a) - lastId(b));
  return { entry, groups: clusters.map((cluster) => [cluster]), homes: clusterOfNode, accesses, loops: new Map() };
}

interface Part {
  readonly draft: Pick<Draft, "kind" | "domain">;
  readonly nodes: readonly Node[];
}

/** A part of a draft that was split: a contraction or reduction in it keeps its loops, maps alone are loops over their elements. */
function partOf(draft: Draft, nodes: readonly Node[]): Part {
  const first = domainOf(nodes[0] as Node);
  const isMaps = nodes.every((node) => {
    const domain = domainOf(node);
    return (
      node.op.kind === "map" && domain.length === first.length && domain.every((extent, axis) => extent === first[axis])
    );
  });
  return { draft: isMaps ? { kind: "map", domain: first } : draft, nodes };
}

function clusterOf({ draft, nodes }: Part, stored: ReadonlySet<Node>, accesses: Accesses): Cluster {
  const own = new Set(nodes);
  const outputs: Node[] = [];
  const reads = new Set<Node>();
  let waits = none;
  for (const node of nodes) {
    if (stored.has(node)) outputs.push(node);
    for (const { node: read } of accesses.of(node)) if (!own.has(read)) reads.add(read);
    const more = accesses.waitsOf(node);
    if (more.size > 0) waits = new Set([...waits, ...more]);
  }
  const inner = innerOf(nodes, accesses);
  const all = inner.size === 0 ? nodes : [...nodes, ...inner].sort((a, b) => a.id - b.id);
  return { kind: draft.kind, domain: draft.domain, nodes: all, inner, outputs, reads, waits };
}

const none: ReadonlySet<Node> = new Set();

function innerOf(nodes: readonly Node[], accesses: Accesses): ReadonlySet<Node> {
  let found: Set<Node> | undefined;
  for (const node of nodes) {
    for (const inner of accesses.innerOf(node)) {
      found ??= new Set();
      found.add(inner);
    }
  }
  return found ?? none;
}

/** What runs read of one another. */
function readAcross(runs: readonly (readonly Node[])[], accesses: Accesses): Node[] {
  return runs.flatMap((run) => {
    const own = new Set(run);
    const reads = run.flatMap((node) => accesses.of(node).map((access) => access.node));
    return reads.filter((node) => !own.has(node));
  });
}

function lastId({ nodes }: Cluster): number {
  return nodes[nodes.length - 1]?.id ?? 0;
}

interface Needed {
  readonly needed: ReadonlySet<Node>;
  /** Those that nobody reads: others wait for them. */
  readonly awaited: readonly Node[];
}

/** Members that a result needs; one whose readers all compute it themselves by now is not. */
function neededMembers(results: readonly Node[], homes: ReadonlyMap<Node, Draft>, accesses: Accesses): Needed {
  const needed = new Set<Node>();
  const waits: Node[] = [];
  const awaited: Node[] = [];
  const pending = results.slice();
  for (;;) {
    for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
      if (needed.has(node) || !homes.has(node)) continue;
      needed.add(node);
      for (const access of accesses.of(node)) pending.push(access.node);
      const more = accesses.waitsOf(node);
      if (more.size > 0) waits.push(...more);
    }
    const next = waits.pop();
    if (next === undefined) return { needed, awaited };
    if (needed.has(next) || !homes.has(next)) continue;
    awaited.push(next);
    pending.push(next);
  }
}
