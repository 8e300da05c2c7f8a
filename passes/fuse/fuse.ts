/**
 * Fusion: which nodes are computed together, in one kernel.
 *
 *   contract -> add bias -> max(., 0)          one cluster: the maps run on the accumulator before it is stored
 *   xᵀ·dh -> optimizer's update -> next w, v   one cluster: the gradient is never written
 *   max, exp, sum, log, select ... along rows  one row cluster
 *   sums of the bias gradients, of the loss    one group: independent small kernels share a launch
 *
 * Nodes are visited in order. Each either joins the newest cluster it reads whose loops fit, if that closes no cycle between
 * clusters, or starts one, or floats: views and cheap maps belong to no cluster and are computed where they are read. Whether
 * a node is stored is decided at its visit and stays so, because later nodes look through the floating ones.
 *
 * That a gradient with a second consumer is stored first (clipping by its norm, an output) needs no rule: joining would
 * close a cycle, or the value is simply one more output of its cluster.
 *
 * A kernel touches no more buffers than the target has. A cluster takes a node in only where there is room; what it must store
 * for readers that come later may still be too much, and is put right at the end (fuse-split.ts).
 */
import { CompilerBug } from "../../src/core/errors.ts";
import { type Entry, neededNodes } from "../../src/graph/entry.ts";
import { innerExtents } from "../../src/graph/flops.ts";
import type { Node } from "../../src/graph/node.ts";
import { sameShape, sizeOf } from "../../src/graph/shape.ts";
import type { TargetTraits } from "../../src/kernel/target.ts";
import { type Access, Accesses, isAligned, nodesOf, shapeOf } from "./access.ts";
import { type BufferKeys, bufferKeys, type Fused, isExternal } from "./cluster.ts";
import { Draft } from "./fuse-draft.ts";
import { finishClusters } from "./fuse-finish.ts";
import { bufferLimit, floatingReads, isMoreThanRead, Prices, storedConcat } from "./fuse-prices.ts";
import { recomputeCheap } from "./fuse-recompute.ts";
import { groupClusters } from "./group.ts";
import { innerContractions } from "./inner.ts";
import { draftOfParts } from "./joined.ts";
import { bodiesFused, mustBeStored } from "./loops.ts";
import { type Prepared, prepareWindows } from "./prepare-windows.ts";
import { splitWideConcats } from "./split-concats.ts";

/** Elements of a row that one iteration may walk when the rows are all there is (no parallel loop is left). */
const smallRow = 4096;
/**
 * Fuses, within the target's buffers a kernel. `apart` names states that are known not to be updated in place: their old and
 * next values are two buffers.
 */
export function fuse(given: Entry, target: TargetTraits, apart: ReadonlySet<string> = new Set()): Fused {
  const limit = bufferLimit(target);
  const mostReads = floatingReads(limit);
  const narrow = splitWideConcats(given, { maxBuffers: limit, mostReads, storedFrom: storedConcat });
  const prepared = prepareWindows(narrow, target);
  const { entry } = prepared;
  const keyOf = bufferKeys(entry, apart);
  const fused = new Fusion(prepared, target, keyOf).partition();
  const loops = bodiesFused(entry, (body) => fuse(body, target, new Set(body.next.map(({ name }) => name))));
  return { ...fused, groups: groupClusters(fused, limit, keyOf), loops };
}

class Fusion {
  readonly #entry: Entry;
  readonly #limit: number;
  /** How many stored values a floating node may read. */
  readonly #mostReads: number;
  readonly #keyOf: BufferKeys;
  readonly #nodes: readonly Node[];
  readonly #results: ReadonlySet<Node>;
  readonly #prices: Prices;
  /** Contractions that a reduction computes for itself. */
  readonly #inner: ReadonlySet<Node>;
  /** Views that are to be stored. */
  readonly #stored: ReadonlySet<Node>;
  readonly #homes = new Map<Node, Draft>();
  /** Row clusters that read a stored value: where another reduction of it may go. */
  readonly #rowsOver = new Map<Node, Draft[]>();
  readonly #accesses = new Accesses((node) => isExternal(node) || this.#homes.has(node));

  constructor({ entry, stored }: Prepared, target: TargetTraits, keyOf: BufferKeys) {
    this.#entry = entry;
    this.#stored = stored;
    this.#limit = bufferLimit(target);
    this.#mostReads = floatingReads(this.#limit);
    this.#keyOf = keyOf;
    this.#nodes = neededNodes(entry);
    this.#results = mustBeStored(entry, this.#nodes);
    this.#prices = new Prices(this.#nodes, stored, target);
    this.#inner = innerContractions(this.#nodes, this.#results, target);
  }

  partition(): Fused {
    for (const node of this.#nodes) if (!isExternal(node)) this.#visit(node);
    recomputeCheap({
      nodes: this.#nodes,
      results: this.#results,
      homes: this.#homes,
      accesses: this.#accesses,
      prices: this.#prices,
      limit: this.#limit,
      mostReads: this.#mostReads,
      keyOf: this.#keyOf,
    });
    return finishClusters(this.#entry, this.#homes, this.#accesses, this.#limit, this.#keyOf);
  }

  #visit(node: Node): void {
    if (node.args.length === 0 && !this.#results.has(node)) return; // a constant, written where it is used
    const accesses = this.#accesses.of(node);
    const home = this.#homeOfSiblings(node);
    if (home !== null) this.#add(node, home, accesses);
    else if (!this.#place(node, accesses)) this.#start(node, accesses);
  }

  /** Where another result of the same application is computed: there are all of them. */
  #homeOfSiblings(node: Node): Draft | null {
    if (node.results.length === 1) return null;
    for (const other of node.results) if (other !== node && this.#homes.has(other)) return this.#home(other);
    return null;
  }

  /** Finds a node a place in a cluster, or lets it float. False where it has to start a cluster. */
  #place(node: Node, accesses: readonly Access[]): boolean {
    switch (node.op.kind) {
      case "source":
      case "run":
      case "spread":
      case "loop":
        return false;
      case "contract":
        if (this.#inner.has(node)) this.#prices.floats(node, 0);
        return this.#inner.has(node);
      case "view":
        if (this.#stored.has(node)) return false;
        return this.#floats(node, this.#prices.ofView(node), accesses) || this.#joinParts(node, accesses);
      case "gather":
        return this.#floats(node, this.#prices.ofGather(node), accesses);
      case "map":
        if (
          (this.#isTooLarge(node, accesses) || this.#prices.isWidened(node)) &&
          this.#floats(node, node.op.cost, accesses)
        )
          return true;
        return (
          this.#join(node, accesses) || this.#floats(node, node.op.cost, accesses) || this.#joinSequel(node, accesses)
        );
      case "reduce":
        this.#shortenMaps(node, accesses);
        return this.#join(node, accesses) || this.#joinSibling(node, accesses);
      default:
        throw new CompilerBug(`fuse: %${node.id} ${node.op.name} should have been expanded`);
    }
  }

  /** Not a next state: old elements would be read by other iterations than those that overwrite them. */
  #joinParts(node: Node, accesses: readonly Access[]): boolean {
    const draft = draftOfParts(node, (part) => this.#home(part));
    if (draft === null || this.#entry.next.some((next) => next.node === node)) return false;
    if (draft.buffersWith(node, accesses, this.#results.has(node)) > this.#limit) return false;
    this.#add(node, draft, accesses);
    draft.joins = true;
    return true;
  }

  #isTooLarge(node: Node, accesses: readonly Access[]): boolean {
    return isMoreThanRead(node, accesses) || this.#prices.overlaps(node);
  }

  /** Leaves a node without a home where computing it for each reader is cheaper than storing it. */
  #floats(node: Node, own: number, accesses: readonly Access[]): boolean {
    if (node.results.length > 1 || this.#results.has(node)) return false;
    const price = this.#prices.of(node, own);
    if (price > this.#prices.limitOf(node) && !this.#prices.isWindow(node)) return false;
    if (nodesOf(accesses).size > this.#mostReads) return false;
    this.#prices.floats(node, price);
    return true;
  }

  #start(node: Node, accesses: readonly Access[]): void {
    this.#add(node, new Draft(node, this.#keyOf), accesses);
  }

  /** A map that a cluster has no buffer left for goes where the last such map went, or starts where the next will go. */
  #joinSequel(node: Node, accesses: readonly Access[]): boolean {
    const full = this.#homesOf(accesses).filter((home) => this.#hasLoops(node, home, accesses));
    if (full.length === 0) return false;
    const sequels = full.flatMap(({ sequel }) => sequel?.current ?? []);
    const draft = sequels.find((sequel) => this.#fits(node, sequel, accesses)) ?? new Draft(node, this.#keyOf);
    for (const home of full) home.sequel = draft;
    this.#add(node, draft, accesses);
    return true;
  }

  #add(node: Node, draft: Draft, accesses: readonly Access[]): void {
    draft.add(node, accesses, this.#neededBy(node, accesses), this.#results.has(node));
    this.#homes.set(node, draft);
    if (draft.kind !== "row" || this.#accesses.innerOf(node).size > 0) return;
    for (const { node: read } of accesses) {
      const known = this.#rowsOver.get(read);
      if (known === undefined) this.#rowsOver.set(read, [draft]);
      else if (known[known.length - 1] !== draft) known.push(draft);
    }
  }

  /** Joins the newest cluster that the node reads and fits; clusters that only this node brings together are merged. */
  #join(node: Node, accesses: readonly Access[]): boolean {
    const candidates = this.#homesOf(accesses);
    if (candidates.length > 1) candidates.sort((a, b) => b.newest - a.newest);
    for (const draft of candidates) {
      if (!this.#fits(node, draft, accesses)) continue;
      for (const other of candidates) this.#tryMerge(node, draft, other, accesses);
      this.#add(node, draft, accesses);
      return true;
    }
    return false;
  }

  #fits(node: Node, draft: Draft, accesses: readonly Access[]): boolean {
    if (draft.isLong) return false;
    const buffers = draft.buffersWith(node, accesses, this.#results.has(node));
    return buffers <= this.#limit && this.#hasLoops(node, draft, accesses);
  }

  #hasLoops(node: Node, draft: Draft, accesses: readonly Access[]): boolean {
    if (draft.kind === "run" || draft.kind === "loop") return false;
    const shape = shapeOf(node);
    const { domain } = draft;
    const rank = domain.length;
    for (let axis = 0; axis < rank; axis += 1) if (shape[axis] !== domain[axis]) return false;
    let rowsOnly = node.op.kind === "reduce";
    for (let axis = rank; axis < shape.length; axis += 1) if (shape[axis] !== 1) rowsOnly = true;
    if (rowsOnly && (draft.kind !== "row" || (rank === 0 && shape.length > 0))) return false;
    for (const access of accesses) {
      const home = this.#home(access.node);
      if (home === draft ? access.guarded || !isAligned(access, domain) : home?.reaches(draft)) return false;
    }
    const waits = this.#accesses.waitsOf(node);
    return waits.size === 0 || ![...waits].some((awaited) => this.#home(awaited)?.reaches(draft) === true);
  }

  /** Two reductions with the same rows over the same operand, independent of each other, share their loops. */
  #joinSibling(node: Node, accesses: readonly Access[]): boolean {
    const rank = shapeOf(node).length;
    for (const { node: read } of accesses) {
      const known = this.#rowsOver.get(read) ?? [];
      for (let i = known.length - 1; i >= 0; i -= 1) {
        const draft = known[i]?.current;
        if (draft?.kind !== "row" || draft.domain.length !== rank || !this.#fits(node, draft, accesses)) continue;
        this.#add(node, draft, accesses);
        return true;
      }
    }
    return false;
  }

  /** A cluster of maps that a row reduction reads becomes part of the row: its inner axes turn into inner loops. */
  #shortenMaps(node: Node, accesses: readonly Access[]): void {
    const rows = shapeOf(node);
    if (rows.length === 0 && sizeOf(innerExtents(node)) > smallRow) return;
    for (const draft of this.#homesOf(accesses)) {
      if (draft.kind !== "map" || draft.joins || draft.domain.length <= rows.length) continue;
      if (!this.#readsOwnPlace(draft, accesses, rows)) continue;
      const { domain } = draft;
      draft.setLoops("row", rows);
      if (!this.#fits(node, draft, accesses)) draft.setLoops("map", domain);
    }
  }

  /** Whether all that these accesses read of a draft is the iteration's own position. */
  #readsOwnPlace(draft: Draft, accesses: readonly Access[], domain: readonly number[]): boolean {
    for (const access of accesses) {
      if (this.#home(access.node) === draft && (access.guarded || !isAligned(access, domain))) return false;
    }
    return true;
  }

  /** Sibling clusters of maps over the same elements (the moments of one parameter) become one. */
  #tryMerge(node: Node, into: Draft, other: Draft, accesses: readonly Access[]): void {
    if (into === other || other.current !== other || into.isLong || into.kind !== "map" || other.kind !== "map") return;
    if (!sameShape(into.domain, other.domain) || !this.#readsOwnPlace(other, accesses, into.domain)) return;
    if (into.reaches(other) || other.reaches(into)) return;
    // Another operand of the node must not depend on what is swallowed: it would depend on the node's own cluster.
    const needed = this.#neededBy(node, accesses);
    if (needed.some((third) => third !== into && third !== other && third.reaches(other))) return;
    const rest = accesses.filter((access) => this.#home(access.node) !== other);
    if (into.buffersWith(node, rest, this.#results.has(node), other.buffers) > this.#limit) return;
    into.swallow(other);
  }

  #home(node: Node): Draft | null {
    return this.#homes.get(node)?.current ?? null;
  }

  /** The clusters that a node reads or waits for. */
  #neededBy(node: Node, accesses: readonly Access[]): Draft[] {
    const homes = this.#homesOf(accesses);
    const waits = this.#accesses.waitsOf(node);
    if (waits.size === 0) return homes;
    for (const awaited of waits) {
      const home = this.#home(awaited);
      if (home !== null && !homes.includes(home)) homes.push(home);
    }
    return homes;
  }

  /** The clusters that are read, each once. */
  #homesOf(accesses: readonly Access[]): Draft[] {
    const homes = new Set<Draft>();
    for (const { node } of accesses) {
      const home = this.#home(node);
      if (home !== null) homes.add(home);
    }
    return [...homes];
  }
}
