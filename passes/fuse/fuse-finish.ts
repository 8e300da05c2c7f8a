/**
 * From drafts to clusters: what each member reads, which members are stored, and whether a kernel's buffers hold it.
 */
import { type Entry, resultNodes } from "../../src/graph/entry.ts";
import type { Node } from "../../src/graph/node.ts";
import type { Access } from "./access.ts";
import type { BufferKeys, Cluster, ClusterKind, Fused } from "./cluster.ts";
import { type Draft, domainOf } from "./fuse-draft.ts";
import { splitMembers } from "./fuse-split.ts";

/** Every cluster in a group of its own, in the order in which their last nodes stand. None touches more than `limit` buffers. */
export function finishClusters(
  entry: Entry,
  homes: ReadonlyMap<Node, Draft>,
  accessesOf: (node: Node) => readonly Access[],
  limit: number,
  keyOf: BufferKeys,
): Fused {
  const accesses = new Map<Node, readonly Access[]>();
  for (const node of homes.keys()) accesses.set(node, accessesOf(node));
  const results = new Set(resultNodes(entry));
  const needed = neededMembers(results, accesses);
  const draftOf = (node: Node): Draft | undefined => homes.get(node)?.current;
  const stored = storedNodes(needed, results, accesses, draftOf);
  const parts: Part[] = [];
  for (const [draft, nodes] of membersOf(needed, draftOf)) {
    const split = splitMembers(nodes, { accesses, stored, keyOf, limit });
    for (const members of split)
      parts.push(split.length === 1 ? { ...shapeOfDraft(draft), members } : partOf(draft, members));
  }
  const homeOf = new Map(parts.flatMap((part) => part.members.map((node) => [node, part] as const)));
  const outputs = storedNodes(needed, results, accesses, (node) => homeOf.get(node));
  const clusters = parts.map(({ kind, domain, members }, id): Cluster => {
    const own = new Map(members.map((node) => [node, accesses.get(node) ?? []]));
    const read = [...own.values()].flat().map((access) => access.node);
    return {
      id,
      kind,
      domain,
      nodes: members,
      outputs: members.filter((node) => outputs.has(node)),
      accesses: own,
      reads: new Set(read.filter((node) => !own.has(node))),
    };
  });
  const clusterOf = new Map<Node, Cluster>();
  for (const cluster of clusters) for (const node of cluster.nodes) clusterOf.set(node, cluster);
  clusters.sort((a, b) => lastId(a) - lastId(b));
  return { entry, groups: clusters.map((cluster) => [cluster]), homes: clusterOf };
}

interface Part {
  readonly kind: ClusterKind;
  readonly domain: readonly number[];
  readonly members: readonly Node[];
}

const shapeOfDraft = ({ kind, domain }: Draft) => ({ kind, domain });

/** A part of a draft that was split: a contraction or reduction in it keeps its loops, maps alone are loops over their elements. */
function partOf(draft: Draft, members: readonly Node[]): Part {
  const first = domainOf(members[0] as Node);
  const isMaps = members.every((node) => {
    const domain = domainOf(node);
    return (
      node.op.kind === "map" && domain.length === first.length && domain.every((extent, axis) => extent === first[axis])
    );
  });
  return isMaps ? { kind: "map", domain: first, members } : { ...shapeOfDraft(draft), members };
}

/** Results, and what is read outside its home. */
function storedNodes(
  needed: ReadonlySet<Node>,
  results: ReadonlySet<Node>,
  accesses: ReadonlyMap<Node, readonly Access[]>,
  homeOf: (node: Node) => unknown,
): ReadonlySet<Node> {
  const stored = new Set(results);
  for (const node of needed) {
    for (const access of accesses.get(node) ?? []) if (homeOf(access.node) !== homeOf(node)) stored.add(access.node);
  }
  return stored;
}

/** Each draft's needed nodes, in id order. */
function membersOf(needed: ReadonlySet<Node>, draftOf: (node: Node) => Draft | undefined): ReadonlyMap<Draft, Node[]> {
  const members = new Map<Draft, Node[]>();
  for (const node of [...needed].sort((a, b) => a.id - b.id)) {
    const draft = draftOf(node) as Draft;
    const known = members.get(draft);
    if (known === undefined) members.set(draft, [node]);
    else known.push(node);
  }
  return members;
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
