/**
 * An output that other clusters can cheaply compute from what is stored anyway is not stored: relu's mask is read off
 * the activation, and so is 1 - h*h of a tanh. Readers then depend on what the node read, on which they depended through it
 * before: no new cycle.
 */
import type { Node } from "../../src/graph/node.ts";
import { type Access, type Accesses, nodesOf } from "./access.ts";
import { type BufferKeys, isExternal } from "./cluster.ts";
import type { Draft } from "./fuse-draft.ts";
import type { Prices } from "./fuse-prices.ts";

/** Nodes in the clusters that they are computed in. */
export interface Partition {
  readonly nodes: readonly Node[];
  /** What must be stored. */
  readonly results: ReadonlySet<Node>;
  readonly homes: Map<Node, Draft>;
  readonly accesses: Accesses;
  readonly prices: Prices;
  /** Buffers of a kernel. */
  readonly limit: number;
  /** How many stored values a floating node may read. */
  readonly mostReads: number;
  readonly keyOf: BufferKeys;
}

export function recomputeCheap(of: Partition): void {
  new Recomputing(of).run();
}

class Recomputing {
  readonly #of: Partition;

  constructor(of: Partition) {
    this.#of = of;
  }

  run(): void {
    const readers = this.#readers();
    for (let i = this.#of.nodes.length - 1; i >= 0; i -= 1) {
      const node = this.#of.nodes[i];
      if (node?.op.kind !== "map" || this.#of.results.has(node)) continue;
      const draft = this.#home(node);
      const users = readers.get(node);
      if (draft === null || draft.nodes.size === 1 || users === undefined) continue;
      const limit = this.#priceLimit(node, users, draft);
      const { members, accesses, price } = this.#withThoseItAloneReads(node, limit, readers);
      if (price > limit || draft.nodes.size === members.length || !this.#areStored(accesses, readers)) continue;
      if (nodesOf(accesses).size > this.#of.mostReads || !this.#canReadInstead(users, node, accesses)) continue;
      for (const member of members.reverse()) {
        this.#of.homes.delete(member);
        draft.nodes.delete(member);
        this.#of.prices.floats(member, this.#of.prices.of(member, costOf(member)));
      }
      draft.buffers.delete(this.#of.keyOf(node));
      for (const user of users) {
        this.#of.accesses.forget(user);
        this.#home(user)?.readInstead(accesses, node);
        for (const { node: read } of accesses) readers.get(read)?.add(user);
      }
    }
    this.#of.accesses.forgetWaits();
  }

  /**
   * A map and those maps of its draft that it alone reads, with their price and what they read. Several only where that is the
   * draft's, and stored for others: a normalized row is one value, and what it is made of more.
   */
  #withThoseItAloneReads(node: Node, limit: number, readers: ReadonlyMap<Node, ReadonlySet<Node>>) {
    const members = [node];
    const accesses: Access[] = [];
    let price = 0;
    for (const member of members) {
      price += this.#of.prices.of(member, costOf(member));
      if (price > limit) break;
      for (const access of this.#of.accesses.of(member)) {
        const { node: read } = access;
        if (members.includes(read)) continue;
        const users = readers.get(read);
        const isOwn = read.op.kind === "map" && this.#home(read) === this.#home(node) && !this.#of.results.has(read);
        if (isOwn && users !== undefined && [...users].every((user) => members.includes(user))) members.push(read);
        else accesses.push(access);
      }
    }
    const isMadeOfItsOwn = accesses.every(({ node: read }) => this.#home(read) === this.#home(node));
    return { members, accesses, price: members.length === 1 || isMadeOfItsOwn ? price : Number.POSITIVE_INFINITY };
  }

  /** Who reads each node. */
  #readers(): ReadonlyMap<Node, Set<Node>> {
    const readers = new Map<Node, Set<Node>>();
    for (const node of this.#of.homes.keys()) {
      for (const { node: read } of this.#of.accesses.of(node)) {
        const known = readers.get(read);
        if (known === undefined) readers.set(read, new Set([node]));
        else known.add(node);
      }
    }
    return readers;
  }

  /** What a member of `draft` may cost, for these to compute it themselves. Nothing where one of them is a member too. */
  #priceLimit(node: Node, users: Iterable<Node>, draft: Draft): number {
    for (const user of users) if (this.#home(user) === draft) return Number.NEGATIVE_INFINITY;
    return this.#of.prices.limitFor(users, node);
  }

  /** Whether all that is read lies in memory anyway. */
  #areStored(accesses: readonly Access[], readers: ReadonlyMap<Node, Iterable<Node>>): boolean {
    for (const { node } of accesses)
      if (!isExternal(node) && !this.#isOutput(node, readers.get(node) ?? [])) return false;
    return true;
  }

  #isOutput(node: Node, readers: Iterable<Node>): boolean {
    if (this.#of.results.has(node)) return true;
    for (const reader of readers) if (this.#home(reader) !== this.#home(node)) return true;
    return false;
  }

  /** Whether the readers of a node, and their clusters, have buffers for what it reads in its place. */
  #canReadInstead(users: Iterable<Node>, node: Node, accesses: readonly Access[]): boolean {
    for (const user of users) {
      const reads = nodesOf(this.#of.accesses.of(user));
      for (const access of accesses) reads.add(access.node);
      if (reads.size > this.#of.limit) return false; // `node` is among them, and the result is not
      const home = this.#home(user);
      if (home === null) continue;
      if (home.buffersReading(accesses, node) > Math.max(this.#of.limit, home.buffers.size)) return false;
    }
    return true;
  }

  #home(node: Node): Draft | null {
    return this.#of.homes.get(node)?.current ?? null;
  }
}

/** What a map costs by itself. */
const costOf = ({ op }: Node): number => (op.kind === "map" ? op.cost : 0);
