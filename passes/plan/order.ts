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

import { CompilerBug } from "../../src/core/errors.ts";
import type { Result } from "../../src/graph/entry.ts";
import type { Node } from "../../src/graph/node.ts";
import { type NodeNames, nameOf } from "../../src/graph/node-names.ts";
import { state } from "../../src/graph/ops/source.ts";
import { type Buffer, Buffers, type BufferType } from "../../src/program/buffer.ts";
import type { Row } from "../../src/program/sequence.ts";
import { type Access, type Accesses, bytesOf, isOutLoop, shapeOf } from "../fuse/access.ts";
import { type Cluster, type Fused, isExternal } from "../fuse/cluster.ts";
import { asksForMemory, frugal } from "./frugal.ts";
import { type Given, type Kept, keptCarries, keptPlaces, outerSteps, type Shared } from "./order-loops.ts";
import type { Ordered, OrderedStep } from "./ordered.ts";
import { type Count, copyBetween, type Place, wholeOf } from "./place.ts";
import { inIdOrder, leastMemory, type Vertex, type Work } from "./topological.ts";

export interface OrderOptions {
  /** Update states in place and choose the sequence for the least memory. Off: everything is copied, in id order. */
  readonly inPlace: boolean;
  /** Not these, whose next value goes through scratch for what else then need not be kept. */
  readonly apart?: ReadonlySet<string>;
  /** What scratch buffers are called: as the nodes whose values they hold. */
  readonly names?: NodeNames | undefined;
}

export function order(fused: Fused, options: OrderOptions): Ordered {
  const whole = (apart: ReadonlySet<string>): Ordered =>
    orderWithin(fused, { ...options, apart }, { buffers: new Buffers(), steps: 0, loops: 0 }, null);
  return options.inPlace && asksForMemory(fused) ? frugal(whole) : whole(new Set());
}

/** `given`: of a body, where its parameters and results lie. */
function orderWithin(fused: Fused, options: OrderOptions, shared: Shared, given: Given | null): Ordered {
  const work = new Ordering(fused, shared, given, options.names);
  work.addGroups();
  work.addResults(options);
  const { vertices, bufferOf, rowOf, countOf, copied } = work;
  const sorted = options.inPlace ? leastMemory(vertices, bufferOf) : inIdOrder(vertices);
  const around = {
    shared,
    placeOf: (node: Node) => work.placeOf(node),
    countOf: (node: Node) => countOf.get(node),
    keptOf: ({ results }: Node) => work.kept.get(results) ?? new Map(),
    order: (body: Fused, own: Given) => orderWithin(body, options, shared, own),
  };
  const steps = sorted.flatMap(({ work: one }): readonly OrderedStep[] => {
    if (one.kind === "loop") return outerSteps(one.clusters, fused, around);
    const id = shared.steps;
    shared.steps += 1;
    return [{ ...one, id }];
  });
  return { fused, steps, bufferOf, rowOf, countOf, buffers: shared.buffers, copied };
}

/**
 * States whose next value goes through scratch, in kernels that touch more than `maxBuffers` buffers for it: `fuse` counts a state and
 * its next value as one.
 */
export function statesWithoutRoom({ steps, bufferOf, copied }: Ordered, maxBuffers: number): readonly string[] {
  const found = new Set<string>();
  for (const step of steps) {
    if (step.kind !== "group") continue;
    const buffers = new Set<Buffer | undefined>();
    for (const { outputs, reads } of step.clusters) {
      for (const node of outputs) buffers.add(bufferOf.get(node));
      for (const node of reads) buffers.add(bufferOf.get(node));
    }
    if (buffers.size <= maxBuffers) continue;
    const states = [...buffers].flatMap((buffer) => (buffer?.segment === "state" ? [buffer.name] : []));
    const names = states.filter((name) => copied.has(name));
    if (names.length === 0) throw new CompilerBug(`a kernel touches ${buffers.size} buffers, of ${maxBuffers}`);
    for (const name of names) found.add(name);
  }
  return [...found];
}

const byLoop = "a loop computes it";
const forMemory = "less has to be kept that way, and something is checkpointed";

class Ordering {
  readonly vertices: Vertex[] = [];
  readonly bufferOf = new Map<Node, Buffer>();
  readonly rowOf = new Map<Node, Row>();
  readonly countOf = new Map<Node, Count>();
  readonly buffers: Buffers;
  readonly copied = new Map<string, string>();
  /** What loops keep of their carries, by their results. */
  readonly kept = new Map<readonly Node[], ReadonlyMap<number, Kept>>();
  readonly #fused: Fused;
  readonly #given: Given | null;
  readonly #names: NodeNames | undefined;
  readonly #vertexOf = new Map<Cluster, Vertex>();
  /** Who reads the old value of each state. */
  readonly #readers = new Map<string, Vertex[]>();

  constructor(fused: Fused, { buffers }: Shared, given: Given | null, names: NodeNames | undefined) {
    this.#fused = fused;
    this.#names = names;
    this.buffers = buffers;
    this.#given = given;
  }

  addGroups(): void {
    for (const clusters of this.#fused.groups) {
      const reads = new Set<Node>();
      for (const cluster of clusters) for (const node of cluster.reads) reads.add(node);
      const isLoop = clusters[0]?.kind === "loop";
      const vertex = this.#addVertex(isLoop ? { kind: "loop", clusters } : { kind: "group", clusters }, reads);
      for (const cluster of clusters) this.#vertexOf.set(cluster, vertex);
    }
    for (const vertex of this.vertices) {
      for (const node of vertex.reads) {
        this.#putBehindMaker(vertex, node);
        if (isExternal(node)) this.#placeSource(node);
      }
    }
    for (const [{ waits }, vertex] of this.#vertexOf) for (const node of waits) this.#putBehindMaker(vertex, node);
    for (const [results, bodies] of this.#fused.loops) this.#keep(results, bodies);
  }

  #putBehindMaker(vertex: Vertex, node: Node): void {
    const home = this.#fused.homes.get(node);
    const maker = home === undefined ? undefined : this.#vertexOf.get(home);
    if (maker !== undefined && maker !== vertex) putBefore(maker, vertex);
  }

  #keep(results: readonly Node[], bodies: readonly Fused[]): void {
    const [node] = results;
    if (node === undefined) return;
    const kept = keptCarries(node, bodies, (carry, rows) => {
      const { dtype, shape } = bufferType(carry);
      return this.buffers.scratch(`${this.#called(carry)} kept`, { dtype, shape: [rows, ...shape] });
    });
    this.kept.set(results, kept);
    for (const [result, place] of keptPlaces(node, kept)) this.#put(result, place);
  }

  /** Gives every result its buffer: states first, the largest before the smaller, then outputs. */
  addResults(options: OrderOptions): void {
    const { entry } = this.#fused;
    const isKept = (result: Result): boolean => this.#given?.isKept(result) === true;
    const changed = entry.next.filter(({ name, node }) => !isSameState(node, name));
    const largestFirst = changed.sort((a, b) => bytesOf(b.node) - bytesOf(a.node) || (a.name < b.name ? -1 : 1));
    // Copies of inputs and states stand first, so that whoever overwrites a state waits for them.
    const copies = new Map<Result, Vertex>();
    for (const result of largestFirst) this.#copyExternal(result, this.#state(result), copies);
    const outputs = entry.outputs.filter((result) => !isKept(result));
    for (const result of outputs) this.#copyExternal(result, this.#output(result), copies);
    for (const result of largestFirst) if (isKept(result)) this.#addKept(result);
    for (const result of largestFirst) {
      if (isKept(result)) continue;
      const copy = copies.get(result);
      if (copy === undefined) this.#addNext(result, options);
      else if (!this.#orderBehindReaders(copy, result.name)) this.#detour(copy, result);
    }
    for (const result of outputs) if (!copies.has(result)) this.#addOutput(result);
    for (const cluster of this.#vertexOf.keys()) {
      for (const node of cluster.outputs) if (!this.bufferOf.has(node)) this.#placeInScratch(node);
    }
  }

  #copyExternal(result: Result, to: Place, copies: Map<Result, Vertex>): void {
    if (!isExternal(result.node)) return;
    this.#placeSource(result.node);
    const work = copyBetween(this.placeOf(result.node), to);
    copies.set(result, this.#addVertex(work, new Set([result.node])));
  }

  /** Two states that swap: one of them waits in scratch memory. */
  #detour(copy: Vertex, result: Result): void {
    const { name, node } = result;
    const scratch = wholeOf(this.buffers.scratch(`${this.#called(node)} for ${name}`, bufferType(node)));
    copy.work = copyBetween(this.placeOf(node), scratch);
    const last = this.#addVertex(copyBetween(scratch, this.#state(result)), new Set());
    putBefore(copy, last);
    this.copied.set(name, "it swaps values with another state");
    this.#mustOrder(last, name);
  }

  #addNext(result: Result, { inPlace, apart }: OrderOptions): void {
    const { name, node } = result;
    const target = this.#state(result);
    const { cluster, vertex } = this.#makerOf(node);
    const known = this.#knownPlace(node);
    if (known !== undefined) {
      this.copied.set(name, cluster.kind === "loop" ? byLoop : "another state has the same next value");
      this.#mustOrder(this.#addCopyStep(known, target, vertex), name);
      return;
    }
    const isApart = this.#given === null && apart?.has(name) === true;
    const reason = isApart
      ? forMemory
      : inPlace
        ? this.#whyNotInPlace(name, node, cluster, vertex)
        : "in-place updates are off";
    if (reason === null) {
      this.#put(node, target);
      return;
    }
    this.copied.set(name, reason);
    this.#mustOrder(this.#addCopyStep(this.#placeInScratch(node), target, vertex), name);
  }

  /** The new row of a kept carry. What an inner loop keeps among its own rows is copied from there. */
  #addKept(result: Result): void {
    const { node } = result;
    const known = this.#knownPlace(node);
    if (known === undefined) this.#put(node, this.#state(result));
    else this.#addCopyStep(known, this.#state(result), this.#makerOf(node).vertex);
  }

  #addOutput(result: Result): void {
    const { node } = result;
    const known = this.#knownPlace(node);
    if (known === undefined) this.#put(node, this.#output(result));
    else this.#addCopyStep(known, this.#output(result), this.#makerOf(node).vertex);
  }

  #mustOrder(copy: Vertex, name: string): void {
    if (!this.#orderBehindReaders(copy, name)) throw new CompilerBug(`no order of steps lets "${name}" be copied last`);
  }

  /** Puts `writer` behind all who read the old value of the state. False, and nothing changed, where that closes a cycle. */
  #orderBehindReaders(writer: Vertex, name: string): boolean {
    const readers = (this.#readers.get(name) ?? []).filter((vertex) => vertex !== writer);
    if (leadsTo(writer, new Set(readers))) return false;
    for (const reader of readers) putBefore(reader, writer);
    return true;
  }

  #whyNotInPlace(name: string, node: Node, cluster: Cluster, vertex: Vertex): string | null {
    if (cluster.kind === "loop") return byLoop;
    const sameGroup = vertex.work.kind === "group" ? vertex.work.clusters : [];
    for (const mate of sameGroup) {
      if (this.#readsOthers(mate, name, mate === cluster ? node : null))
        return "its kernel reads old elements that others overwrite";
    }
    if (shapeOf(node).length > cluster.domain.length && !walksRowsOnce(cluster, this.#fused.accesses)) {
      return "its kernel goes over a row several times";
    }
    if (this.#orderBehindReaders(vertex, name)) return null;
    return "kernels that read its old value need its new one, or one another";
  }

  /** Whether a cluster reads old elements of a state, other than those that its iterations overwrite with `next`. */
  #readsOthers({ nodes, reads }: Cluster, name: string, next: Node | null): boolean {
    for (const read of reads) {
      if (!isSameState(read, name)) continue;
      if (next === null) return true;
      for (const node of nodes) {
        for (const access of this.#fused.accesses.of(node)) {
          if (access.node === read && !readsOwnElement(access, next)) return true;
        }
      }
    }
    return false;
  }

  #addCopyStep(from: Place, to: Place, writer: Vertex): Vertex {
    const vertex = this.#addVertex(copyBetween(from, to), new Set());
    putBefore(writer, vertex);
    return vertex;
  }

  /** Who computes a node that is stored. */
  #makerOf(node: Node): { readonly cluster: Cluster; readonly vertex: Vertex } {
    const cluster = this.#fused.homes.get(node);
    const vertex = cluster === undefined ? undefined : this.#vertexOf.get(cluster);
    if (cluster === undefined || vertex === undefined) {
      throw new CompilerBug(`%${node.id} ${node.op.name} is a result that no kernel computes`);
    }
    return { cluster, vertex };
  }

  #addVertex(work: Work, reads: ReadonlySet<Node>): Vertex {
    const vertex: Vertex = { place: this.vertices.length, work, reads, before: new Set(), after: new Set() };
    this.vertices.push(vertex);
    for (const node of reads) {
      if (node.op !== state) continue;
      const name = String(node.attrs.name);
      const known = this.#readers.get(name);
      if (known === undefined) this.#readers.set(name, [vertex]);
      else known.push(vertex);
    }
    return vertex;
  }

  /** Where a node lies; one that nobody else needed a place of gets one in scratch. */
  placeOf(node: Node): Place {
    if (this.countOf.has(node))
      throw new CompilerBug(`order: %${node.id} is the number of an iteration, and in no buffer`);
    return this.#knownPlace(node) ?? this.#placeInScratch(node);
  }

  #knownPlace(node: Node): Place | undefined {
    const buffer = this.bufferOf.get(node);
    return buffer === undefined ? undefined : { buffer, row: this.rowOf.get(node) ?? null };
  }

  #put(node: Node, { buffer, row }: Place): void {
    this.bufferOf.set(node, buffer);
    if (row !== null) this.rowOf.set(node, row);
  }

  /** Finds the place of an input or a state. */
  #placeSource(node: Node): void {
    if (this.#given !== null) {
      const given = this.#given.sourceOf(node);
      if ("loop" in given) this.countOf.set(node, given);
      else this.#put(node, given);
      return;
    }
    const segment = node.op === state ? "state" : "input";
    this.bufferOf.set(node, this.buffers.named(segment, String(node.attrs.name), bufferType(node)));
  }

  #called(node: Node): string {
    return nameOf(node, this.#names);
  }

  #placeInScratch(node: Node): Place {
    const place = wholeOf(this.buffers.scratch(this.#called(node), bufferType(node)));
    this.#put(node, place);
    return place;
  }

  #state(result: Result): Place {
    const { name, node } = result;
    return this.#given?.placeOf(result) ?? wholeOf(this.buffers.named("state", name, bufferType(node)));
  }

  #output(result: Result): Place {
    const { name, node } = result;
    return this.#given?.placeOf(result) ?? wholeOf(this.buffers.named("output", name, bufferType(node)));
  }
}

function bufferType(node: Node): BufferType {
  return { dtype: node.type.dtype, shape: shapeOf(node) };
}

function putBefore(first: Vertex, second: Vertex): void {
  second.before.add(first);
  first.after.add(second);
}

/** Whether one of `ends` has to wait for `from`. Little waits for who changes a state, so few are looked at. */
function leadsTo(from: Vertex, ends: ReadonlySet<Vertex>): boolean {
  const seen = new Set<Vertex>();
  const pending = [from];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (ends.has(next)) return true;
    if (seen.has(next)) continue;
    seen.add(next);
    pending.push(...next.after);
  }
  return false;
}

function isSameState(node: Node, name: string): boolean {
  return node.op === state && node.attrs.name === name;
}

/** The element read is the one that the same iteration overwrites. */
function readsOwnElement(access: Access, next: Node): boolean {
  const shape = shapeOf(next);
  if (access.guarded || access.at.length !== shape.length) return false;
  for (let axis = 0; axis < shape.length; axis += 1) {
    if (shape[axis] !== 1 && !isOutLoop(access.at[axis], axis)) return false;
  }
  return true;
}

/**
 * Whether the values that have a place inside the row are all computed in one walk along it, each from its own place. Then
 * the store, which ends that walk, overwrites nothing that is still to be read.
 */
function walksRowsOnce({ nodes, outputs, domain }: Cluster, accesses: Accesses): boolean {
  const inRow = (node: Node): boolean => shapeOf(node).length > domain.length;
  const walks = new Set(outputs.filter(inRow).map((output) => shapeOf(output).join(",")));
  if (walks.size > 1) return false;
  for (const node of nodes) {
    for (const access of accesses.of(node)) {
      const member = nodes.includes(access.node);
      if (member && inRow(access.node) && (!inRow(node) || !readsOwnElement(access, access.node))) return false;
    }
  }
  return true;
}
