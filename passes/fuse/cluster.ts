/**
 * Clusters: the partition of a graph that `fuse` decides and `group`, `order`, `layout` and `lower` read.
 *
 * A cluster is computed by one nest: parallel loops over `domain`, and inside them everything in `nodes`. Each node's shape
 * begins with the domain; axes beyond it are inner loops (a row kernel). `outputs` are stored; other members live in
 * registers. Nodes of no cluster (views, cheap maps) are computed where they are read.
 */
import type { Entry, Result } from "../../src/graph/entry.ts";
import type { Node } from "../../src/graph/node.ts";
import { type NodeNames, nameOf } from "../../src/graph/node-names.ts";
import { state } from "../../src/graph/ops/source.ts";
import { printNode } from "../../src/graph/print.ts";
import type { Accesses } from "./access.ts";

/**
 * contract: one contraction and its epilogue. row: reductions along rows and what shares the rows. map: one element each. run: one
 * run alone, whose domain is its shape without the axis along which it goes. loop: a loop over bodies, which is no kernel.
 */
export type ClusterKind = "contract" | "row" | "map" | "run" | "loop";

export interface Cluster {
  readonly kind: ClusterKind;
  readonly domain: readonly number[];
  /** In id order; those of `inner` are among them. */
  readonly nodes: readonly Node[];
  /** Contractions that members compute inside of their own folds (inner.ts). */
  readonly inner: ReadonlySet<Node>;
  /** Members that are read outside or are results, in id order. */
  readonly outputs: readonly Node[];
  /** The nodes read from memory: inputs, states, and outputs of other clusters. */
  readonly reads: ReadonlySet<Node>;
  /** What has to be computed before, though nothing of it is read. */
  readonly waits: ReadonlySet<Node>;
}

export interface Fused {
  readonly entry: Entry;
  /** One kernel each: clusters of one group are independent of each other (horizontal fusion). */
  readonly groups: readonly (readonly Cluster[])[];
  /** The cluster that stores or computes a node. */
  readonly homes: ReadonlyMap<Node, Cluster>;
  /** What members read: inputs, states, members, and outputs of other clusters. */
  readonly accesses: Accesses;
  /** The bodies of a loop, by its results. */
  readonly loops: ReadonlyMap<readonly Node[], readonly Fused[]>;
}

/** Inputs and states lie in buffers of their own. */
export function isExternal(node: Node): boolean {
  return node.op.kind === "source" && node.op.element === undefined;
}

/** What will lie in one buffer: the value of a node; a state and its next value together, where it is updated in place. */
export type BufferKey = Node | Result;

export type BufferKeys = (node: Node) => BufferKey;

/** `apart`: states whose next value is known to need a buffer of its own. */
export function bufferKeys(entry: Entry, apart: ReadonlySet<string> = new Set()): BufferKeys {
  const states = new Map<unknown, Result>();
  const nextOf = new Map<Node, Result>();
  for (const next of entry.next) {
    states.set(next.name, next);
    // an input that becomes a state is copied: it lies in its own buffer
    if (!apart.has(next.name) && !isExternal(next.node)) nextOf.set(next.node, next);
  }
  return (node) => (node.op === state ? states.get(node.attrs.name) : nextOf.get(node)) ?? node;
}

/** The buffers that a kernel of this cluster touches. */
export function touchedBy({ outputs, reads }: Cluster, keyOf: BufferKeys): ReadonlySet<BufferKey> {
  const touched = new Set<BufferKey>();
  for (const node of outputs) touched.add(keyOf(node));
  for (const node of reads) touched.add(keyOf(node));
  return touched;
}

/** Names of the states whose old value a cluster reads. */
export function statesReadBy({ reads }: Cluster): readonly string[] {
  const names: string[] = [];
  for (const node of reads) if (node.op === state) names.push(String(node.attrs.name));
  return names;
}

/**
 * The partition as text.
 *
 *   group
 *     contract [128,512]
 *       %8: f32[128,512] = contract %2 %0
 *       %11: f32[128,512] = max %10 %4    stored
 */
export function printFused({ groups }: Fused, names?: NodeNames): string {
  return groups.map((clusters) => printGroup(clusters, names)).join("\n");
}

export function printGroup(clusters: readonly Cluster[], names?: NodeNames): string {
  const lines = clusters.flatMap((cluster) => [
    `  ${cluster.kind} [${cluster.domain.join(",")}]`,
    ...applicationsIn(cluster, names),
  ]);
  return ["group", ...lines].join("\n");
}

/** A line for each application, however many of its results are in the cluster. */
function applicationsIn({ nodes, outputs }: Cluster, names: NodeNames | undefined): string[] {
  const applications = new Map(nodes.map((node) => [node.results, node]));
  return [...applications.values()].map((node) => {
    const stored = outputs.filter(({ results }) => results === node.results);
    const which = node.results.length === 1 ? "" : stored.map((result) => ` ${nameOf(result, names)}`).join("");
    return `    ${printNode(node, names)}${stored.length === 0 ? "" : `    stored${which}`}`;
  });
}
