/**
 * Horizontal fusion: small independent clusters share one launch.
 *
 *   sum of dh over the batch -> b1;  sum of dz -> b2;  mean loss;  accuracy      one kernel with four nests
 *
 * A launch costs tens of microseconds on a GPU, far more than such a cluster's work. The nests of a kernel run in no
 * particular order, so no member may depend on another, nor read a state that another overwrites.
 */
import type { Node } from "../src/graph/node.ts";
import { state } from "../src/graph/ops/source.ts";
import { sizeOf } from "../src/graph/shape.ts";
import { accessesOf, innerExtents, shapeOf } from "./access.ts";
import { type Cluster, type Fused, isExternal } from "./cluster.ts";
import { buffersOf } from "./fuse-buffers.ts";

/** Elements read: up to here a launch costs more than the work (128 x 512 is the bias gradient of the MNIST step). */
const smallWork = 1 << 17;

interface Group {
  readonly members: Cluster[];
}

export function groupClusters(fused: Fused, maxBuffers: number): readonly (readonly Cluster[])[] {
  const clusters = fused.groups.flat();
  const reads = dependencies(clusters, fused);
  const groups: Group[] = [];
  const groupOf = new Map<Cluster, Group>();
  for (const cluster of clusters) {
    const home = isSmall(cluster)
      ? groups.find((group) => accepts(group, cluster, reads, groupOf, fused, maxBuffers))
      : undefined;
    if (home !== undefined) home.members.push(cluster);
    else groups.push({ members: [cluster] });
    groupOf.set(cluster, home ?? (groups[groups.length - 1] as Group));
  }
  return groups.map((group) => group.members);
}

function isSmall(cluster: Cluster): boolean {
  if (cluster.kind === "contract") return false;
  const work = cluster.nodes.map((node) => sizeOf(shapeOf(node)) * sizeOf(innerExtents(node)));
  return Math.max(...work) <= smallWork;
}

function accepts(
  group: Group,
  cluster: Cluster,
  reads: ReadonlyMap<Cluster, ReadonlySet<Cluster>>,
  groupOf: ReadonlyMap<Cluster, Group>,
  fused: Fused,
  maxBuffers: number,
): boolean {
  if (!group.members.every(isSmall)) return false;
  if (dependsOn(cluster, group, reads, groupOf)) return false;
  if (group.members.some((member) => statesClash(member, cluster, fused) || statesClash(cluster, member, fused)))
    return false;
  return buffersOf([...group.members, cluster], fused).size <= maxBuffers;
}

/** Whether the cluster and the group need one another, directly or not; group mates share their needs. */
function dependsOn(
  cluster: Cluster,
  group: Group,
  reads: ReadonlyMap<Cluster, ReadonlySet<Cluster>>,
  groupOf: ReadonlyMap<Cluster, Group>,
): boolean {
  const needs = (start: readonly Cluster[], isTarget: (other: Cluster) => boolean): boolean => {
    const seen = new Set<Cluster>(start);
    const pending = start.flatMap((from) => [...(reads.get(from) ?? [])]);
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      if (isTarget(next)) return true;
      for (const mate of groupOf.get(next)?.members ?? [next]) {
        if (seen.has(mate)) continue;
        seen.add(mate);
        pending.push(mate, ...(reads.get(mate) ?? []));
      }
    }
    return false;
  };
  return (
    needs([cluster], (other) => groupOf.get(other) === group) || needs(group.members, (other) => other === cluster)
  );
}

function dependencies(clusters: readonly Cluster[], fused: Fused): Map<Cluster, Set<Cluster>> {
  const isStored = (node: Node): boolean => isExternal(node) || fused.homes.has(node);
  const reads = new Map<Cluster, Set<Cluster>>();
  for (const cluster of clusters) {
    const homes = new Set<Cluster>();
    for (const node of cluster.nodes) {
      for (const access of accessesOf(node, isStored)) {
        const home = fused.homes.get(access.node);
        if (home !== undefined && home !== cluster) homes.add(home);
      }
    }
    reads.set(cluster, homes);
  }
  return reads;
}

/** Whether `writer` gives a state its next value while `reader` reads the old one. */
function statesClash(writer: Cluster, reader: Cluster, { entry, homes }: Fused): boolean {
  const written = new Set(entry.next.filter(({ node }) => writer.outputs.includes(node)).map(({ name }) => name));
  if (written.size === 0) return false;
  const isStored = (node: Node): boolean => isExternal(node) || homes.has(node);
  return reader.nodes.some((node) =>
    accessesOf(node, isStored).some(({ node: read }) => read.op === state && written.has(String(read.attrs.name))),
  );
}
