/**
 * From drafts to clusters: what each member reads, and which members are stored.
 */
import { type Entry, resultNodes } from "../src/graph/entry.ts";
import type { Node } from "../src/graph/node.ts";
import type { Access } from "./access.ts";
import type { Cluster, Fused } from "./cluster.ts";
import type { Draft } from "./fuse-draft.ts";

/** Every cluster in a group of its own, in the order in which their last nodes stand. */
export function finishClusters(
  entry: Entry,
  homes: ReadonlyMap<Node, Draft>,
  accessesOf: (node: Node) => readonly Access[],
): Fused {
  const accesses = new Map<Node, readonly Access[]>();
  for (const node of homes.keys()) accesses.set(node, accessesOf(node));
  const draftOf = (node: Node): Draft | undefined => homes.get(node)?.current;
  const results = new Set(resultNodes(entry));
  const needed = neededMembers(results, accesses);
  const readOutside = new Set<Node>();
  for (const node of needed) {
    for (const access of accesses.get(node) ?? []) {
      if (draftOf(access.node) !== draftOf(node)) readOutside.add(access.node);
    }
  }
  const members = new Map<Draft, Node[]>();
  for (const node of needed) {
    const draft = draftOf(node) as Draft;
    members.set(draft, [...(members.get(draft) ?? []), node]);
  }
  const clusters = [...members].map(([draft, nodes], id): Cluster => {
    nodes.sort((a, b) => a.id - b.id);
    const own = new Map(nodes.map((node) => [node, accesses.get(node) ?? []]));
    const read = [...own.values()].flat().map((access) => access.node);
    return {
      id,
      kind: draft.kind,
      domain: draft.domain,
      nodes,
      outputs: nodes.filter((node) => results.has(node) || readOutside.has(node)),
      accesses: own,
      reads: new Set(read.filter((node) => draftOf(node) !== draft)),
    };
  });
  const clusterOf = new Map<Node, Cluster>();
  for (const cluster of clusters) for (const node of cluster.nodes) clusterOf.set(node, cluster);
  clusters.sort((a, b) => lastId(a) - lastId(b));
  return { entry, groups: clusters.map((cluster) => [cluster]), homes: clusterOf };
}

function lastId(cluster: Cluster): number {
  return cluster.nodes[cluster.nodes.length - 1]?.id ?? 0;
}

/** Members that a result needs; one whose readers all compute it themselves by now is not. */
function neededMembers(results: ReadonlySet<Node>, accesses: ReadonlyMap<Node, readonly Access[]>): Set<Node> {
  const needed = new Set<Node>();
  const pending = [...results].filter((node) => accesses.has(node));
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (needed.has(node)) continue;
    needed.add(node);
    for (const access of accesses.get(node) ?? []) if (accesses.has(access.node)) pending.push(access.node);
  }
  return needed;
}
