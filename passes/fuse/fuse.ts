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
import { CompilerBug, UserError } from "../../src/core/errors.ts";
import { type Entry, neededNodes, resultNodes } from "../../src/graph/entry.ts";
import type { Node } from "../../src/graph/node.ts";
import { gather } from "../../src/graph/ops/gather.ts";
import { concat } from "../../src/graph/ops/parts.ts";
import { sizeOf } from "../../src/graph/shape.ts";
import { newPool } from "../../src/kernel/pool.ts";
import type { TargetTraits } from "../../src/kernel/target.ts";
import { type Access, accessesOf, innerExtents, isAligned, shapeOf } from "./access.ts";
import { type BufferKeys, bufferKeys, type Fused, isExternal } from "./cluster.ts";
import { Draft } from "./fuse-draft.ts";
import { finishClusters } from "./fuse-finish.ts";
import { groupClusters } from "./group.ts";
import { splitWideConcats } from "./split-concats.ts";

/** Arithmetic that may be done again for each reader rather than stored. Stores and loads cost about as much. */
const cheap = 6;
/** The same inside a contraction, where each operand element is read once per tile of the other operand. */
const cheapInContraction = 2;
/** A view computes nothing, but long chains of them would be walked for every reader. */
const viewPrice = 0.25;
/** Elements of a row that one iteration may walk when the rows are all there is (no parallel loop is left). */
const smallRow = 4096;
/** Operands of the widest map (select). */
const widestMap = 3;

/**
 * Fuses, within the target's buffers a kernel. `apart` names states that are known not to be updated in place: their old and
 * next values are two buffers.
 */
export function fuse(given: Entry, target: TargetTraits, apart: ReadonlySet<string> = new Set()): Fused {
  const limit = bufferLimit(target);
  const mostReads = floatingReads(limit);
  const entry = splitWideConcats(given, { maxBuffers: limit, mostReads, storedFrom: Math.ceil(cheap + 1 - viewPrice) });
  const keyOf = bufferKeys(entry, apart);
  const fused = new Fusion(entry, limit, keyOf).partition();
  return { ...fused, groups: groupClusters(fused, limit, keyOf) };
}

/** No fusion at all: every map, reduction and contraction is stored. Same results to the bit on `js`. */
export function leaveUnfused(given: Entry, target: TargetTraits): Fused {
  const limit = bufferLimit(target);
  const entry = splitWideConcats(given, { maxBuffers: limit, mostReads: 1, storedFrom: 1 });
  const keyOf = bufferKeys(entry);
  const results = new Set(resultNodes(entry));
  const drafts = new Map<Node, Draft>();
  for (const node of neededNodes(entry)) {
    const isStored = node.op.kind !== "source" && (node.op.kind !== "view" || node.op === concat);
    if (isStored || (!isExternal(node) && (results.has(node) || node.args.length > 0))) {
      const draft = new Draft(node, keyOf);
      draft.add(node, [], [], results.has(node));
      drafts.set(node, draft);
    }
  }
  const pool = newPool();
  const accesses = (node: Node) => accessesOf(node, (other) => isExternal(other) || drafts.has(other), pool);
  return finishClusters(entry, drafts, accesses, limit, keyOf);
}

/** There is a partition as soon as the widest map can be a kernel of its own: its operands, stored, and its result. */
function bufferLimit({ name, maxBuffers }: TargetTraits): number {
  if (maxBuffers > widestMap) return maxBuffers;
  throw new UserError(
    `a kernel of the ${name} target may touch ${maxBuffers} buffers, and needs ${widestMap + 1} at least: use another device`,
  );
}

/**
 * How many stored values a floating node may read. A node that is stored has at most three operands, so that it and what it
 * reads through floating ones fit a kernel.
 */
function floatingReads(maxBuffers: number): number {
  return Math.max(1, Math.min(4, Math.floor((maxBuffers - 2) / widestMap)));
}

class Fusion {
  readonly #entry: Entry;
  readonly #limit: number;
  readonly #keyOf: BufferKeys;
  readonly #nodes: readonly Node[];
  readonly #results: ReadonlySet<Node>;
  readonly #contracted: ReadonlySet<Node>;
  readonly #homes = new Map<Node, Draft>();
  /** Prices of nodes without a home, with what they look through. */
  readonly #floating = new Map<Node, number>();
  /** Row clusters that read a stored value: where another reduction of it may go. */
  readonly #rowsOver = new Map<Node, Draft[]>();
  /** What nodes read. It stays so from their visit on, but where something they read is no longer stored. */
  readonly #known = new Map<Node, readonly Access[]>();
  readonly #pool = newPool();
  readonly #isStored = (node: Node): boolean => isExternal(node) || this.#homes.has(node);

  constructor(entry: Entry, limit: number, keyOf: BufferKeys) {
    this.#entry = entry;
    this.#limit = limit;
    this.#keyOf = keyOf;
    this.#nodes = neededNodes(entry);
    this.#results = new Set(resultNodes(entry));
    this.#contracted = new Set(this.#nodes.filter((node) => node.op.kind === "contract").flatMap(contractedBy));
  }

  partition(): Fused {
    for (const node of this.#nodes) this.#visit(node);
    this.#recomputeCheap();
    return finishClusters(this.#entry, this.#homes, (node) => this.#accesses(node), this.#limit, this.#keyOf);
  }

  #visit(node: Node): void {
    const home = this.#homeOfSiblings(node);
    if (home !== null) this.#add(node, home, this.#accesses(node));
    else this.#place(node);
  }

  /** Where another result of the same application is computed: there are all of them. */
  #homeOfSiblings(node: Node): Draft | null {
    for (const other of node.results) if (other !== node && this.#homes.has(other)) return this.#home(other);
    return null;
  }

  #place(node: Node): void {
    const accesses = isExternal(node) ? [] : this.#accesses(node);
    switch (node.op.kind) {
      case "source":
        if (!isExternal(node) && (node.args.length > 0 || this.#results.has(node))) this.#start(node, accesses);
        return;
      case "view":
        this.#floatOr(node, viewPrice + node.args.length - 1, accesses, () => this.#start(node, accesses));
        return;
      case "gather":
        this.#floatOr(node, this.#gatherPrice(node), accesses, () => this.#start(node, accesses));
        return;
      case "map":
        if (this.#join(node, accesses)) return;
        this.#floatOr(node, node.op.cost, accesses, () => this.#startMap(node, accesses));
        return;
      case "reduce":
        this.#shortenMaps(node, accesses);
        if (!this.#join(node, accesses) && !this.#joinSibling(node, accesses)) this.#start(node, accesses);
        return;
      case "contract":
        this.#start(node, accesses);
        return;
      default:
        throw new CompilerBug(`fuse: %${node.id} ${node.op.name} should have been expanded`);
    }
  }

  /** Leaves a node without a home where computing it for each reader is cheaper than storing it. */
  #floatOr(node: Node, own: number, accesses: readonly Access[], start: () => void): void {
    const price = own + this.#priceOfArgs(node);
    const limit = this.#contracted.has(node) ? cheapInContraction : cheap;
    const stored = new Set(accesses.map((access) => access.node));
    if (node.results.length > 1 || price > limit || stored.size > floatingReads(this.#limit) || this.#results.has(node))
      start();
    else this.#floating.set(node, price);
  }

  /** Rows picked for a contraction are stored: read in place, each would be looked up again for every tile of the other operand. */
  #gatherPrice(node: Node): number {
    return node.op === gather && this.#contracted.has(node) ? cheapInContraction + 1 : 1;
  }

  #start(node: Node, accesses: readonly Access[]): void {
    this.#add(node, new Draft(node, this.#keyOf), accesses);
  }

  /** A map that a cluster has no buffer left for goes where the last such map went. */
  #startMap(node: Node, accesses: readonly Access[]): void {
    const full = this.#homesOf(accesses).filter((home) => this.#hasLoops(node, home, accesses));
    const sequels = full.flatMap(({ sequel }) => sequel?.current ?? []);
    const draft = sequels.find((sequel) => this.#fits(node, sequel, accesses)) ?? new Draft(node, this.#keyOf);
    for (const home of full) home.sequel = draft;
    this.#add(node, draft, accesses);
  }

  #add(node: Node, draft: Draft, accesses: readonly Access[]): void {
    draft.add(node, accesses, this.#homesOf(accesses), this.#results.has(node));
    this.#homes.set(node, draft);
    if (draft.kind !== "row") return;
    for (const { node: read } of accesses) {
      const known = this.#rowsOver.get(read);
      if (known === undefined) this.#rowsOver.set(read, [draft]);
      else if (known[known.length - 1] !== draft) known.push(draft);
    }
  }

  /** Joins the newest cluster that the node reads and fits; clusters that only this node brings together are merged. */
  #join(node: Node, accesses: readonly Access[]): boolean {
    const candidates = this.#homesOf(accesses).toSorted((a, b) => b.newest - a.newest);
    for (const draft of candidates) {
      if (!this.#fits(node, draft, accesses)) continue;
      for (const other of candidates) this.#tryMerge(node, draft, other, accesses, candidates);
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
    const shape = shapeOf(node);
    const { domain } = draft;
    const rest = shape.slice(domain.length);
    if (!domain.every((extent, axis) => shape[axis] === extent)) return false;
    const rowsOnly = node.op.kind === "reduce" || rest.some((extent) => extent !== 1);
    if (rowsOnly && (draft.kind !== "row" || (domain.length === 0 && rest.length > 0))) return false;
    for (const access of accesses) {
      const home = this.#home(access.node);
      if (home === draft ? access.guarded || !isAligned(access, domain) : home?.reaches(draft)) return false;
    }
    return true;
  }

  /** Two reductions with the same rows over the same operand, independent of each other, share their loops. */
  #joinSibling(node: Node, accesses: readonly Access[]): boolean {
    const rank = shapeOf(node).length;
    for (const { node: read } of accesses) {
      for (const known of this.#rowsOver.get(read)?.toReversed() ?? []) {
        const draft = known.current;
        if (draft.kind !== "row" || draft.domain.length !== rank || !this.#fits(node, draft, accesses)) continue;
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
      const own = accesses.filter((access) => this.#home(access.node) === draft);
      if (draft.kind !== "map" || draft.domain.length <= rows.length) continue;
      if (!own.every((access) => isAligned(access, rows) && !access.guarded)) continue;
      const { domain } = draft;
      draft.setLoops("row", rows);
      if (!this.#fits(node, draft, accesses)) draft.setLoops("map", domain);
    }
  }

  /** Sibling clusters of maps over the same elements (the moments of one parameter) become one. */
  #tryMerge(node: Node, into: Draft, other: Draft, accesses: readonly Access[], candidates: readonly Draft[]): void {
    if (into === other || other.current !== other || into.isLong || into.kind !== "map" || other.kind !== "map") return;
    if (into.domain.length !== other.domain.length || into.domain.some((extent, i) => extent !== other.domain[i]))
      return;
    const own = accesses.filter((access) => this.#home(access.node) === other);
    if (!own.every((access) => !access.guarded && isAligned(access, into.domain))) return;
    if (into.reaches(other) || other.reaches(into)) return;
    // Another operand of the node must not depend on what is swallowed: it would depend on the node's own cluster.
    if (candidates.some((third) => third.current !== into && third.current !== other && third.current.reaches(other)))
      return;
    const rest = accesses.filter((access) => this.#home(access.node) !== other);
    if (into.buffersWith(node, rest, this.#results.has(node), other.buffers) > this.#limit) return;
    into.swallow(other);
  }

  /**
   * An output that other clusters can cheaply compute from what is stored anyway is not stored: relu's mask is read off
   * the activation. Readers then depend on what the node read, on which they depended through it before: no new cycle.
   */
  #recomputeCheap(): void {
    const readers = new Map<Node, Set<Node>>();
    for (const node of this.#homes.keys()) {
      for (const access of this.#accesses(node)) {
        const known = readers.get(access.node) ?? new Set<Node>();
        readers.set(access.node, known.add(node));
      }
    }
    const isOutput = (node: Node): boolean =>
      this.#results.has(node) ||
      [...(readers.get(node) ?? [])].some((reader) => this.#home(reader) !== this.#home(node));
    for (const [node, home] of [...this.#homes].toReversed()) {
      const draft = home.current;
      const users = [...(readers.get(node) ?? [])];
      if (node.op.kind !== "map" || this.#results.has(node) || draft.nodes.size === 1 || users.length === 0) continue;
      if (users.some((user) => this.#home(user) === draft)) continue;
      const limit = users.some((user) => user.op.kind === "contract") ? cheapInContraction : cheap;
      if (node.op.cost + this.#priceOfArgs(node) > limit) continue;
      const accesses = this.#accesses(node);
      if (!accesses.every(({ node: read }) => isExternal(read) || isOutput(read))) continue;
      if (new Set(accesses.map((access) => access.node)).size > floatingReads(this.#limit)) continue;
      if (!this.#canReadInstead(users, node, accesses)) continue;
      this.#homes.delete(node);
      draft.nodes.delete(node);
      draft.buffers.delete(this.#keyOf(node));
      for (const user of users) {
        this.#known.delete(user);
        this.#home(user)?.readInstead(accesses, node);
      }
      this.#floating.set(node, node.op.cost + this.#priceOfArgs(node));
      for (const access of accesses) for (const user of users) readers.get(access.node)?.add(user);
    }
  }

  /** Whether the readers of a node, and their clusters, have buffers for what it reads in its place. */
  #canReadInstead(users: readonly Node[], node: Node, accesses: readonly Access[]): boolean {
    return users.every((user) => {
      const reads = new Set([...this.#accesses(user), ...accesses].map((access) => access.node));
      if (reads.size > this.#limit) return false; // `node` is among them, and the result is not
      const home = this.#home(user);
      return home === null || home.buffersReading(accesses, node) <= Math.max(this.#limit, home.buffers.size);
    });
  }

  #home(node: Node): Draft | null {
    return this.#homes.get(node)?.current ?? null;
  }

  #homesOf(accesses: readonly Access[]): Draft[] {
    const homes = accesses.map((access) => this.#home(access.node));
    return [...new Set(homes.filter((home) => home !== null))];
  }

  #accesses(node: Node): readonly Access[] {
    const known = this.#known.get(node) ?? accessesOf(node, this.#isStored, this.#pool);
    this.#known.set(node, known);
    return known;
  }

  #priceOfArgs(node: Node): number {
    return node.args.reduce((sum, arg) => sum + (this.#floating.get(arg) ?? 0), 0);
  }
}

/** What a contraction reads again and again: its operands, also through views. */
function contractedBy(contraction: Node): readonly Node[] {
  const found: Node[] = [];
  for (let node of contraction.args) {
    found.push(node);
    while (node.op.kind === "view" && node.args.length === 1) {
      node = node.args[0] as Node;
      found.push(node);
    }
  }
  return found;
}
