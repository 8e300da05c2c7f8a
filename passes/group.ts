/**
 * Horizontal fusion: small independent clusters share one launch.
 *
 *   sum of dh over the batch -> b1;  sum of dz -> b2;  mean loss;  accuracy      one kernel with four nests
 *
 * A launch costs tens of microseconds on a GPU, far more than such a cluster's work. The nests of a kernel run in no
 * particular order, so no member may depend on another, nor read a state that another overwrites.
 */
import type { Node } from "../src/graph/node.ts";
import { sizeOf } from "../src/graph/shape.ts";
import { innerExtents, shapeOf } from "./access.ts";
import { bufferLabels, type Cluster, type Fused, statesReadBy, touchedBy } from "./cluster.ts";

/** Elements read: up to here a launch costs more than the work (128 x 512 is the bias gradient of the MNIST step). */
const smallWork = 1 << 17;
/** Only the latest groups are tried: a deep network has thousands, and older ones rarely have room. */
const openGroups = 16;

class Group {
  readonly members: Cluster[] = [];
  readonly isSmall: boolean;
  readonly #writes = new Set<string>();
  readonly #reads = new Set<string>();

  constructor(isSmall: boolean) {
    this.isSmall = isSmall;
  }

  add(cluster: Cluster, writes: readonly string[]): void {
    this.members.push(cluster);
    for (const name of writes) this.#writes.add(name);
    for (const name of statesReadBy(cluster)) this.#reads.add(name);
  }

  /** Whether one overwrites a state whose old value the other reads. */
  clashes(cluster: Cluster, writes: readonly string[]): boolean {
    return writes.some((name) => this.#reads.has(name)) || statesReadBy(cluster).some((name) => this.#writes.has(name));
  }
}

export function groupClusters(fused: Fused, maxBuffers: number): readonly (readonly Cluster[])[] {
  const statesOf = new Map<Node, string[]>();
  for (const { name, node } of fused.entry.next) statesOf.set(node, [...(statesOf.get(node) ?? []), name]);
  const label = bufferLabels(fused.entry);
  const groups: Group[] = [];
  const groupOf = new Map<Cluster, Group>();
  const open: Group[] = [];
  for (const [cluster] of fused.groups) {
    if (cluster === undefined) continue;
    const writes = cluster.outputs.flatMap((node) => statesOf.get(node) ?? []);
    const small = isSmall(cluster);
    const fits = (group: Group): boolean =>
      !group.clashes(cluster, writes) &&
      touchedBy([...group.members, cluster], label).size <= maxBuffers &&
      !dependsOn(cluster, group, groupOf, fused) &&
      !group.members.some((member) => dependsOnCluster(member, cluster, groupOf, fused));
    let home = small ? open.find(fits) : undefined;
    if (home === undefined) {
      home = new Group(small);
      groups.push(home);
      if (small) open.push(home);
      if (open.length > openGroups) open.shift();
    }
    home.add(cluster, writes);
    groupOf.set(cluster, home);
  }
  return groups.map((group) => group.members);
}

function isSmall(cluster: Cluster): boolean {
  if (cluster.kind === "contract") return false;
  return cluster.nodes.every((node) => sizeOf(shapeOf(node)) * sizeOf(innerExtents(node)) <= smallWork);
}

/** Whether `cluster` needs anything that the group computes, directly or not; group mates need each other's needs. */
function dependsOn(cluster: Cluster, group: Group, groupOf: ReadonlyMap<Cluster, Group>, fused: Fused): boolean {
  return reaches(cluster, (other) => groupOf.get(other) === group, groupOf, fused);
}

function dependsOnCluster(from: Cluster, to: Cluster, groupOf: ReadonlyMap<Cluster, Group>, fused: Fused): boolean {
  return reaches(from, (other) => other === to, groupOf, fused);
}

function reaches(
  from: Cluster,
  isTarget: (other: Cluster) => boolean,
  groupOf: ReadonlyMap<Cluster, Group>,
  { homes }: Fused,
): boolean {
  const seen = new Set<Cluster>([from]);
  const pending: Cluster[] = [from];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    for (const node of next.reads) {
      const read = homes.get(node);
      if (read === undefined || seen.has(read)) continue;
      if (isTarget(read)) return true;
      for (const mate of groupOf.get(read)?.members ?? [read]) {
        if (seen.has(mate)) continue;
        seen.add(mate);
        pending.push(mate);
      }
    }
  }
  return false;
}
