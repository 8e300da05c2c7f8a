/**
 * A sequence of steps each of which runs after those it waits for; of the ones that can run, the one that leaves the fewest bytes alive.
 */
import { CompilerBug } from "../../src/core/errors.ts";
import type { Node } from "../../src/graph/node.ts";
import type { Buffer } from "../../src/program/buffer.ts";
import type { Copy } from "../../src/program/sequence.ts";
import { bytesOf } from "../fuse/access.ts";
import type { Cluster } from "../fuse/cluster.ts";

/** A step before it has a place in the sequence. */
export type Work =
  | { readonly kind: "group"; readonly clusters: readonly Cluster[] }
  | { readonly kind: "loop"; readonly clusters: readonly Cluster[] }
  | Omit<Copy, "id">;

export interface Vertex {
  /** How many were made before it. */
  readonly place: number;
  work: Work;
  readonly reads: ReadonlySet<Node>;
  readonly before: Set<Vertex>;
  /** The other direction: those that it stands before. */
  readonly after: Set<Vertex>;
}

export function inIdOrder(vertices: readonly Vertex[]): Vertex[] {
  return schedule(vertices, () => 0);
}

/** Of the steps that can run, the one that leaves the fewest bytes alive. */
export function leastMemory(vertices: readonly Vertex[], bufferOf: ReadonlyMap<Node, Buffer>): Vertex[] {
  /** Who has not read a value in scratch yet. */
  const waiting = new Map<Node, Set<Vertex>>();
  for (const vertex of vertices) {
    for (const node of vertex.reads) {
      if (!isScratch(node, bufferOf)) continue;
      const known = waiting.get(node);
      if (known === undefined) waiting.set(node, new Set([vertex]));
      else known.add(vertex);
    }
  }
  const growth = ({ work, reads }: Vertex): number => {
    let bytes = 0;
    if (work.kind !== "copy") {
      for (const { outputs } of work.clusters) {
        for (const node of outputs) if (isScratch(node, bufferOf)) bytes += bytesOf(node);
      }
    }
    for (const node of reads) if (waiting.get(node)?.size === 1) bytes -= bytesOf(node);
    return bytes;
  };
  return schedule(vertices, growth, (vertex) => {
    const changed: Vertex[] = [];
    for (const node of vertex.reads) {
      const others = waiting.get(node);
      others?.delete(vertex);
      if (others?.size === 1) changed.push(...others);
    }
    return changed;
  });
}

function isScratch(node: Node, bufferOf: ReadonlyMap<Node, Buffer>): boolean {
  return bufferOf.get(node)?.segment === "arena";
}

/**
 * Kahn's algorithm; among the steps that are ready the cheapest, the first of equals. `changedBy` is told of each step taken and
 * gives those that cost something else now.
 */
function schedule(
  vertices: readonly Vertex[],
  cost: (vertex: Vertex) => number,
  changedBy?: (vertex: Vertex) => readonly Vertex[],
): Vertex[] {
  /** For how many steps each still has to wait. */
  const blocked = vertices.map((vertex) => vertex.before.size);
  const ready = new Map<Vertex, number>();
  for (const vertex of vertices) if (vertex.before.size === 0) ready.set(vertex, cost(vertex));
  const sequence: Vertex[] = [];
  while (ready.size > 0) {
    const next = cheapest(ready);
    ready.delete(next);
    sequence.push(next);
    for (const vertex of changedBy?.(next) ?? []) if (ready.has(vertex)) ready.set(vertex, cost(vertex));
    for (const vertex of next.after) {
      const left = (blocked[vertex.place] ?? 0) - 1;
      blocked[vertex.place] = left;
      if (left === 0) ready.set(vertex, cost(vertex));
    }
  }
  if (sequence.length < vertices.length) throw new CompilerBug("the kernels depend on one another in a circle");
  return sequence;
}

function cheapest(ready: ReadonlyMap<Vertex, number>): Vertex {
  let best: Vertex | undefined;
  let lowest = 0;
  for (const [vertex, cost] of ready) {
    if (best !== undefined && (cost > lowest || (cost === lowest && vertex.place > best.place))) continue;
    best = vertex;
    lowest = cost;
  }
  if (best === undefined) throw new CompilerBug("there is no step to take");
  return best;
}
