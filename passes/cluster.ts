/**
 * Clusters: the partition of a graph that `fuse` decides and `order`, `plan` and `lower` read.
 *
 * A cluster is computed by one nest: parallel loops over `domain`, and inside them everything in `nodes`. Each node's shape
 * begins with the domain; axes beyond it are inner loops (a row kernel). `outputs` are stored; other members live in
 * registers. Nodes of no cluster (views, cheap maps) are computed where they are read.
 */
import type { Entry } from "../src/graph/entry.ts";
import type { Node } from "../src/graph/node.ts";

/** contract: one contraction and its epilogue. row: reductions along rows and what shares the rows. map: one element each. */
export type ClusterKind = "contract" | "row" | "map";

export interface Cluster {
  readonly id: number;
  readonly kind: ClusterKind;
  readonly domain: readonly number[];
  /** In id order. */
  readonly nodes: readonly Node[];
  /** Members that are read outside or are results, in id order. */
  readonly outputs: readonly Node[];
}

export interface Fused {
  readonly entry: Entry;
  /** One kernel each: clusters of one group are independent of each other (horizontal fusion). */
  readonly groups: readonly (readonly Cluster[])[];
  /** The cluster that stores or computes a node. */
  readonly homes: ReadonlyMap<Node, Cluster>;
}

/** Inputs and states lie in buffers of their own. */
export function isExternal(node: Node): boolean {
  return node.op.kind === "source" && node.op.element === undefined;
}
