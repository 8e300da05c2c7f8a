/**
 * Horizontal fusion: small independent clusters share one launch.
 *
 *   sum of dh over the batch -> b1;  sum of dz -> b2;  mean loss;  accuracy      one kernel with four nests
 *
 * A launch costs tens of microseconds on a GPU, far more than such a cluster's work. The nests of a kernel run in no
 * particular order, so no member may depend on another, nor read a state that another overwrites. Members are at one level:
 * as many steps before the end of the entry. What depends on what always lies at a lower level, so clusters of one level are
 * independent, and stay so when others are grouped: no search for cycles. Updates and metrics are all at the last level.
 */
import type { Node } from "../../src/graph/node.ts";
import { sizeOf } from "../../src/graph/shape.ts";
import { innerExtents, shapeOf } from "./access.ts";
import { type BufferKey, type BufferKeys, type Cluster, type Fused, statesReadBy, touchedBy } from "./cluster.ts";

/** Elements read: up to here a launch costs more than the work (128 x 512 is the bias gradient of the MNIST step). */
const smallWork = 1 << 17;
/** Only the latest groups are tried: a deep network has thousands, and older ones rarely have room. */
const openGroups = 16;

class Group {
  readonly members: Cluster[] = [];
  readonly #writes = new Set<string>();
  readonly #reads = new Set<string>();
  readonly #buffers = new Set<BufferKey>();

  add({ cluster, writes, reads, buffers }: Candidate): void {
    this.members.push(cluster);
    for (const name of writes) this.#writes.add(name);
    for (const name of reads) this.#reads.add(name);
    for (const buffer of buffers) this.#buffers.add(buffer);
  }

  /** Whether one overwrites a state whose old value the other reads. */
  clashes({ writes, reads }: Candidate): boolean {
    return writes.some((name) => this.#reads.has(name)) || reads.some((name) => this.#writes.has(name));
  }

  /** How many buffers its kernel touches with this one. */
  buffersWith({ buffers }: Candidate): number {
    let count = this.#buffers.size;
    for (const buffer of buffers) if (!this.#buffers.has(buffer)) count += 1;
    return count;
  }
}

/** A cluster, with what decides where it may go. */
interface Candidate {
  readonly cluster: Cluster;
  /** States that it overwrites, and those whose old value it reads. */
  readonly writes: readonly string[];
  readonly reads: readonly string[];
  readonly buffers: ReadonlySet<BufferKey>;
}

export function groupClusters(fused: Fused, maxBuffers: number, keyOf: BufferKeys): readonly (readonly Cluster[])[] {
  const statesOf = new Map<Node, string[]>();
  for (const { name, node } of fused.entry.next) statesOf.set(node, [...(statesOf.get(node) ?? []), name]);
  const levels = levelsOf(fused);
  const groups: Group[] = [];
  const open = new Map<number, Group[]>();
  for (const cluster of fused.groups.flat()) {
    const writes = cluster.outputs.flatMap((node) => statesOf.get(node) ?? []);
    const level = levels.get(cluster) ?? 0;
    const candidates = isSmall(cluster) ? (open.get(level) ?? []) : [];
    const one = { cluster, writes, reads: statesReadBy(cluster), buffers: touchedBy(cluster, keyOf) };
    let home = candidates.find((group) => group.buffersWith(one) <= maxBuffers && !group.clashes(one));
    if (home === undefined) {
      home = new Group();
      groups.push(home);
      if (isSmall(cluster)) open.set(level, [...candidates, home].slice(-openGroups));
    }
    home.add(one);
  }
  return groups.map((group) => group.members);
}

/** The longest chain of clusters that need each one, directly or not: 0 where nothing does. */
function levelsOf({ groups, homes }: Fused): ReadonlyMap<Cluster, number> {
  const clusters = groups.flat();
  const readsOf = new Map(
    clusters.map((cluster) => [cluster, new Set([...cluster.reads].flatMap((n) => homes.get(n) ?? []))]),
  );
  const waiting = new Map<Cluster, number>(clusters.map((cluster) => [cluster, 0]));
  for (const reads of readsOf.values()) for (const read of reads) waiting.set(read, (waiting.get(read) ?? 0) + 1);
  const levels = new Map<Cluster, number>();
  const ready = clusters.filter((cluster) => waiting.get(cluster) === 0);
  for (let next = ready.pop(); next !== undefined; next = ready.pop()) {
    const level = levels.get(next) ?? 0;
    levels.set(next, level);
    for (const read of readsOf.get(next) ?? []) {
      levels.set(read, Math.max(levels.get(read) ?? 0, level + 1));
      const left = (waiting.get(read) ?? 0) - 1;
      waiting.set(read, left);
      if (left === 0) ready.push(read);
    }
  }
  return levels;
}

function isSmall(cluster: Cluster): boolean {
  if (cluster.kind === "contract") return false;
  return cluster.nodes.every((node) => sizeOf(shapeOf(node)) * sizeOf(innerExtents(node)) <= smallWork);
}
