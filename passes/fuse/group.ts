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
import { innerExtents } from "../../src/graph/flops.ts";
import type { Node } from "../../src/graph/node.ts";
import { sizeOf } from "../../src/graph/shape.ts";
import { bytesOf, shapeOf } from "./access.ts";
import {
  type BufferKey,
  type BufferKeys,
  type Cluster,
  type Fused,
  isExternal,
  statesReadBy,
  touchedBy,
} from "./cluster.ts";

/** Elements read: up to here a launch costs more than the work (128 x 512 is the bias gradient of the MNIST step). */
const smallWork = 1 << 17;
/**
 * Bytes that members may wait for one another with: what a member reads lives until all others can run, and the slopes of a deep
 * network, each read by a bias gradient, would live until the last. A little more than one small member may read.
 */
const mostWaiting = 5 * smallWork;
/** Only the latest groups are tried: a deep network has thousands, and older ones rarely have room. */
const openGroups = 16;

class Group {
  readonly members: Cluster[] = [];
  readonly #writes = new Set<string>();
  readonly #reads = new Set<string>();
  readonly #buffers = new Set<BufferKey>();
  readonly #waiting = new Set<Node>();
  #bytes = 0;

  add({ cluster, writes, reads, buffers, waiting }: Candidate): void {
    this.members.push(cluster);
    this.#bytes += this.#bytesOfNew(waiting);
    for (const node of waiting) this.#waiting.add(node);
    for (const name of writes) this.#writes.add(name);
    for (const name of reads) this.#reads.add(name);
    for (const buffer of buffers) this.#buffers.add(buffer);
  }

  /** Whether its kernel has the buffers for this one too, and neither overwrites a state whose old value the other reads. */
  hasRoom({ writes, reads, buffers, waiting }: Candidate, maxBuffers: number): boolean {
    let count = this.#buffers.size;
    for (const buffer of buffers) if (!this.#buffers.has(buffer)) count += 1;
    if (count > maxBuffers || this.#bytes + this.#bytesOfNew(waiting) > mostWaiting) return false;
    for (const name of writes) if (this.#reads.has(name)) return false;
    for (const name of reads) if (this.#writes.has(name)) return false;
    return true;
  }

  #bytesOfNew(nodes: readonly Node[]): number {
    let bytes = 0;
    for (const node of nodes) if (!this.#waiting.has(node)) bytes += bytesOf(node);
    return bytes;
  }
}

/** A cluster, with what decides where it may go. */
interface Candidate {
  readonly cluster: Cluster;
  /** States that it overwrites, and those whose old value it reads. */
  readonly writes: readonly string[];
  readonly reads: readonly string[];
  readonly buffers: ReadonlySet<BufferKey>;
  /** What it reads of other clusters. */
  readonly waiting: readonly Node[];
}

type StatesOf = ReadonlyMap<Node, readonly string[]>;

export function groupClusters(fused: Fused, maxBuffers: number, keyOf: BufferKeys): readonly (readonly Cluster[])[] {
  const statesOf = new Map<Node, string[]>();
  for (const { name, node } of fused.entry.next) {
    const known = statesOf.get(node);
    if (known === undefined) statesOf.set(node, [name]);
    else known.push(name);
  }
  const clusters = fused.groups.flat();
  const levels = levelsOf(clusters, fused.homes);
  const groups: (readonly Cluster[])[] = [];
  const open = new Map<number, Group[]>();
  for (const cluster of clusters) {
    if (!isSmall(cluster)) {
      groups.push([cluster]);
      continue;
    }
    const one = candidate(cluster, statesOf, keyOf);
    const level = levels.get(cluster) ?? 0;
    const tried = open.get(level) ?? [];
    let home = tried.find((group) => group.hasRoom(one, maxBuffers));
    if (home === undefined) {
      home = new Group();
      groups.push(home.members);
      if (tried.push(home) > openGroups) tried.shift();
      open.set(level, tried);
    }
    home.add(one);
  }
  return groups;
}

function candidate(cluster: Cluster, statesOf: StatesOf, keyOf: BufferKeys): Candidate {
  const writes: string[] = [];
  for (const node of cluster.outputs) writes.push(...(statesOf.get(node) ?? []));
  const waiting = [...cluster.reads].filter((node) => !isExternal(node));
  return { cluster, writes, reads: statesReadBy(cluster), buffers: touchedBy(cluster, keyOf), waiting };
}

/** The longest chain of clusters that need each one, directly or not: 0 where nothing does. */
function levelsOf(clusters: readonly Cluster[], homes: Fused["homes"]): ReadonlyMap<Cluster, number> {
  const waiting = new Map<Cluster, number>(); // for how many reads
  for (const cluster of clusters) {
    for (const node of before(cluster)) {
      const read = homes.get(node);
      if (read !== undefined) waiting.set(read, (waiting.get(read) ?? 0) + 1);
    }
  }
  const levels = new Map<Cluster, number>();
  const ready = clusters.filter((cluster) => !waiting.has(cluster));
  for (let next = ready.pop(); next !== undefined; next = ready.pop()) {
    const level = levels.get(next) ?? 0;
    levels.set(next, level);
    for (const node of before(next)) {
      const read = homes.get(node);
      if (read === undefined) continue;
      levels.set(read, Math.max(levels.get(read) ?? 0, level + 1));
      const left = (waiting.get(read) ?? 0) - 1;
      waiting.set(read, left);
      if (left === 0) ready.push(read);
    }
  }
  return levels;
}

/** What a cluster needs others for. */
function before({ reads, waits }: Cluster): Iterable<Node> {
  return waits.size === 0 ? reads : [...reads, ...waits];
}

function isSmall({ kind, nodes }: Cluster): boolean {
  if (kind === "contract" || kind === "loop") return false;
  for (const node of nodes) if (sizeOf(shapeOf(node)) * sizeOf(innerExtents(node)) > smallWork) return false;
  return true;
}
