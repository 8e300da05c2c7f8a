/**
 * Order: in which sequence the kernels run, and which states are updated in place.
 *
 *   w2' = w2 - lr * hᵀ·dz      may overwrite w2 only after   dh = dz · w2ᵀ   has read it
 *
 * A read of a state means its value before the step. A store may reuse the state's memory if every other kernel that reads
 * the old value comes first, and inside the kernel each old element is read only by the iteration that overwrites it. The
 * first is an edge between kernels; where edges would close a cycle (U V^T updates U from V and V from U) the state goes
 * through scratch memory and is copied at the end. Large states choose first, so the copy is the cheapest one.
 */
import { CompilerBug } from "../src/errors.ts";
import { byteWidth } from "../src/graph/dtype.ts";
import type { Result } from "../src/graph/entry.ts";
import type { Node } from "../src/graph/node.ts";
import { state } from "../src/graph/ops/source.ts";
import { sizeOf } from "../src/graph/shape.ts";
import { typeOf } from "../src/graph/type.ts";
import { type Access, accessesOf, shapeOf } from "./access.ts";
import { type Cluster, type Fused, isExternal } from "./cluster.ts";

/** A buffer of the program: its name says in which segment it lies ("state model.w1", "input image", "output loss", "%12"). */
export type BufferName = string;

export type OrderedStep =
  | { readonly kind: "group"; readonly clusters: readonly Cluster[] }
  | { readonly kind: "copy"; readonly from: BufferName; readonly to: BufferName };

export interface Ordered {
  readonly fused: Fused;
  readonly steps: readonly OrderedStep[];
  /** Where the value of a stored node lies. */
  readonly bufferOf: ReadonlyMap<Node, BufferName>;
  /** States whose next value goes through scratch and a copy, with the reason. */
  readonly copied: ReadonlyMap<string, string>;
}

export const inputBuffer = (name: string): BufferName => `input ${name}`;
export const stateBuffer = (name: string): BufferName => `state ${name}`;
export const outputBuffer = (name: string): BufferName => `output ${name}`;
export const scratchBuffer = (node: Node): BufferName => `%${node.id}`;

interface Vertex {
  step: OrderedStep;
  readonly reads: ReadonlySet<BufferName | Node>;
  readonly before: Set<Vertex>;
}

export interface OrderOptions {
  /** Update states in place and choose the sequence for the least memory. Off: everything is copied, in id order. */
  readonly inPlace: boolean;
}

export function order(fused: Fused, options: OrderOptions): Ordered {
  const work = new Ordering(fused);
  work.addGroups();
  work.addResults(options.inPlace);
  const steps = options.inPlace ? leastMemory(work.vertices, work.bufferOf) : inIdOrder(work.vertices);
  return { fused, steps: steps.map((vertex) => vertex.step), bufferOf: work.bufferOf, copied: work.copied };
}

class Ordering {
  readonly vertices: Vertex[] = [];
  readonly bufferOf = new Map<Node, BufferName>();
  readonly copied = new Map<string, string>();
  readonly #fused: Fused;
  readonly #vertexOf = new Map<Cluster, Vertex>();

  constructor(fused: Fused) {
    this.#fused = fused;
  }

  addGroups(): void {
    for (const clusters of this.#fused.groups) {
      const reads = new Set(clusters.flatMap((cluster) => this.#accesses(cluster).map((access) => access.node)));
      const vertex = this.#addVertex({ kind: "group", clusters }, reads);
      for (const cluster of clusters) this.#vertexOf.set(cluster, vertex);
    }
    for (const vertex of this.vertices) {
      for (const node of vertex.reads) {
        const home = typeof node === "string" ? undefined : this.#fused.homes.get(node);
        const writer = home === undefined ? undefined : this.#vertexOf.get(home);
        if (writer !== undefined && writer !== vertex) vertex.before.add(writer);
      }
      for (const node of vertex.reads) if (typeof node !== "string") this.#placeSource(node);
    }
  }

  /** Gives every result its buffer: states first, the largest before the smaller, then outputs. */
  addResults(inPlace: boolean): void {
    const { entry } = this.#fused;
    const changed = entry.next.filter(({ name, node }) => !isSameState(node, name));
    const bytes = (node: Node): number => sizeOf(shapeOf(node)) * byteWidth(typeOf(node).dtype);
    const largestFirst = changed.toSorted((a, b) => bytes(b.node) - bytes(a.node) || (a.name < b.name ? -1 : 1));
    // Copies of inputs and states stand first, so that whoever overwrites a state waits for them.
    const copies = new Map<Result, Vertex>();
    for (const result of largestFirst) this.#copyExternal(result, stateBuffer(result.name), copies);
    for (const result of entry.outputs) this.#copyExternal(result, outputBuffer(result.name), copies);
    for (const result of largestFirst) {
      const copy = copies.get(result);
      if (copy === undefined) this.#addNext(result.name, result.node, inPlace);
      else if (!this.#orderBehindReaders(copy, result.name)) this.#detour(copy, result);
    }
    for (const result of entry.outputs) if (!copies.has(result)) this.#addOutput(result.name, result.node);
    for (const cluster of this.#vertexOf.keys()) {
      for (const node of cluster.outputs) if (!this.bufferOf.has(node)) this.bufferOf.set(node, scratchBuffer(node));
    }
  }

  #copyExternal(result: Result, to: BufferName, copies: Map<Result, Vertex>): void {
    if (!isExternal(result.node)) return;
    const from = this.#placeSource(result.node);
    copies.set(result, this.#addVertex({ kind: "copy", from, to }, new Set([from])));
  }

  /** Two states that swap: one of them waits in scratch memory. */
  #detour(copy: Vertex, { name, node }: Result): void {
    const scratch = `${scratchBuffer(node)} for ${name}`;
    copy.step = { kind: "copy", from: this.#placeSource(node), to: scratch };
    const last = this.#addVertex({ kind: "copy", from: scratch, to: stateBuffer(name) }, new Set());
    last.before.add(copy);
    this.copied.set(name, "it swaps values with another state");
    this.#mustOrder(last, name);
  }

  #addNext(name: string, node: Node, inPlace: boolean): void {
    const target = stateBuffer(name);
    const cluster = this.#fused.homes.get(node) as Cluster;
    const known = this.bufferOf.get(node);
    if (known !== undefined) {
      this.copied.set(name, "another state has the same next value");
      this.#mustOrder(this.#addCopyStep(known, target, cluster), name);
      return;
    }
    const vertex = this.#vertexOf.get(cluster) as Vertex;
    const reason = inPlace ? this.#whyNotInPlace(name, node, cluster, vertex) : "in-place updates are off";
    if (reason === null) {
      this.bufferOf.set(node, target);
      return;
    }
    this.copied.set(name, reason);
    this.bufferOf.set(node, scratchBuffer(node));
    this.#mustOrder(this.#addCopyStep(scratchBuffer(node), target, cluster), name);
  }

  #addOutput(name: string, node: Node): void {
    const cluster = this.#fused.homes.get(node) as Cluster;
    const known = this.bufferOf.get(node);
    if (known === undefined) this.bufferOf.set(node, outputBuffer(name));
    else this.#addCopyStep(known, outputBuffer(name), cluster);
  }

  #mustOrder(copy: Vertex, name: string): void {
    if (!this.#orderBehindReaders(copy, name)) throw new CompilerBug(`no order of steps lets "${name}" be copied last`);
  }

  /** Puts `writer` behind all who read the old value of the state. False, and nothing changed, where that closes a cycle. */
  #orderBehindReaders(writer: Vertex, name: string): boolean {
    const readers = this.vertices.filter((vertex) => vertex !== writer && this.#readsState(vertex, name));
    if (readers.some((reader) => this.#dependsOn(reader, writer))) return false;
    for (const reader of readers) writer.before.add(reader);
    return true;
  }

  #whyNotInPlace(name: string, node: Node, cluster: Cluster, vertex: Vertex): string | null {
    const sameGroup = vertex.step.kind === "group" ? vertex.step.clusters : [];
    for (const mate of sameGroup) {
      for (const access of this.#accesses(mate)) {
        if (access.node.op !== state || access.node.attrs.name !== name) continue;
        if (mate !== cluster || !readsOwnElement(access, node))
          return "its kernel reads old elements that others overwrite";
      }
    }
    const loops = new Set(cluster.outputs.map((output) => shapeOf(output).slice(cluster.domain.length).join(",")));
    if (loops.size > 1 && shapeOf(node).length > cluster.domain.length)
      return "its kernel stores rows of several lengths";
    if (this.#orderBehindReaders(vertex, name)) return null;
    return "kernels that read its old value need its new one, or one another";
  }

  #readsState(vertex: Vertex, name: string): boolean {
    if (vertex.reads.has(stateBuffer(name))) return true;
    for (const node of vertex.reads) {
      if (typeof node !== "string" && node.op === state && node.attrs.name === name) return true;
    }
    return false;
  }

  #addCopyStep(from: BufferName, to: BufferName, writer: Cluster): Vertex {
    const vertex = this.#addVertex({ kind: "copy", from, to }, new Set());
    vertex.before.add(this.#vertexOf.get(writer) as Vertex);
    return vertex;
  }

  #addVertex(step: OrderedStep, reads: ReadonlySet<BufferName | Node>): Vertex {
    const vertex: Vertex = { step, reads, before: new Set() };
    this.vertices.push(vertex);
    return vertex;
  }

  #placeSource(node: Node): BufferName {
    if (!isExternal(node)) return scratchBuffer(node);
    const name = String(node.attrs.name);
    const buffer = node.op === state ? stateBuffer(name) : inputBuffer(name);
    this.bufferOf.set(node, buffer);
    return buffer;
  }

  #accesses(cluster: Cluster): Access[] {
    const isStored = (node: Node): boolean => isExternal(node) || this.#fused.homes.has(node);
    return cluster.nodes.flatMap((node) => [...accessesOf(node, isStored)]);
  }

  #dependsOn(from: Vertex, to: Vertex): boolean {
    const seen = new Set<Vertex>();
    const pending = [from];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      if (next === to) return true;
      if (seen.has(next)) continue;
      seen.add(next);
      pending.push(...next.before);
    }
    return false;
  }
}

function isSameState(node: Node, name: string): boolean {
  return node.op === state && node.attrs.name === name;
}

/** The element read is the one that the same iteration overwrites. */
function readsOwnElement(access: Access, next: Node): boolean {
  const shape = shapeOf(next);
  return (
    !access.guarded &&
    access.at.length === shape.length &&
    shape.every((extent, axis) => extent === 1 || access.at[axis]?.key === `o${axis}`)
  );
}

// ---- the sequence --------------------------------------------------------------------------------------------------

function inIdOrder(vertices: readonly Vertex[]): Vertex[] {
  return schedule(vertices, () => 0);
}

/** Of the steps that can run, the one that leaves the fewest bytes alive. */
function leastMemory(vertices: readonly Vertex[], bufferOf: ReadonlyMap<Node, BufferName>): Vertex[] {
  const bytes = (node: Node): number => sizeOf(shapeOf(node)) * byteWidth(typeOf(node).dtype);
  const isScratch = (node: Node): boolean => bufferOf.get(node)?.startsWith("%") === true;
  const waiting = new Map<Node, Set<Vertex>>();
  for (const vertex of vertices) {
    for (const node of vertex.reads) {
      if (typeof node === "string" || !isScratch(node)) continue;
      const readers = waiting.get(node) ?? new Set<Vertex>();
      waiting.set(node, readers.add(vertex));
    }
  }
  const growth = (vertex: Vertex): number => {
    let sum = 0;
    if (vertex.step.kind === "group") {
      for (const cluster of vertex.step.clusters) {
        for (const node of cluster.outputs) if (isScratch(node)) sum += bytes(node);
      }
    }
    for (const node of vertex.reads) {
      const readers = typeof node === "string" ? undefined : waiting.get(node);
      if (typeof node !== "string" && readers?.size === 1 && readers.has(vertex)) sum -= bytes(node);
    }
    return sum;
  };
  return schedule(vertices, growth, (vertex) => {
    for (const readers of waiting.values()) readers.delete(vertex);
  });
}

function schedule(
  vertices: readonly Vertex[],
  cost: (vertex: Vertex) => number,
  done?: (vertex: Vertex) => void,
): Vertex[] {
  const sequence: Vertex[] = [];
  const placed = new Set<Vertex>();
  const open = new Set(vertices);
  while (open.size > 0) {
    let best: Vertex | undefined;
    let bestCost = Number.POSITIVE_INFINITY;
    for (const vertex of open) {
      if ([...vertex.before].some((other) => !placed.has(other))) continue;
      const price = cost(vertex);
      if (price < bestCost) [best, bestCost] = [vertex, price];
    }
    if (best === undefined) throw new CompilerBug("the kernels depend on one another in a circle");
    sequence.push(best);
    placed.add(best);
    open.delete(best);
    done?.(best);
  }
  return sequence;
}
