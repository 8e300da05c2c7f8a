/**
 * Fusion: which nodes are computed together, in one kernel.
 *
 *   contract -> add bias -> max(., 0)          one cluster: the maps run on the accumulator before it is stored
 *   xᵀ·dh -> optimizer's update -> next w, v   one cluster: the gradient is never written
 *   max, exp, sum, log, select ... along rows  one row cluster
 *   sums of the bias gradients, of the loss    one group: independent small kernels share a launch
 *
 * Nodes are visited in order and join the newest cluster they read whose loops fit, if that closes no cycle between
 * clusters. Views and cheap maps belong to no cluster: they are computed where they are read. That a gradient with a second
 * consumer is stored first (clipping by its norm, an output) needs no rule: joining would close a cycle, or the value is
 * simply one more output of its cluster.
 */
import { CompilerBug } from "../src/errors.ts";
import { type Entry, neededNodes, resultNodes } from "../src/graph/entry.ts";
import type { Node } from "../src/graph/node.ts";
import { sizeOf } from "../src/graph/shape.ts";
import type { TargetTraits } from "../src/kernel/target.ts";
import { type Access, accessesOf, innerExtents, isAligned, shapeOf } from "./access.ts";
import { type Cluster, type ClusterKind, type Fused, isExternal } from "./cluster.ts";
import { buffersOf } from "./fuse-buffers.ts";
import { groupClusters } from "./group.ts";

/** Arithmetic that may be done again for each reader rather than stored. Stores and loads cost about as much. */
const cheap = 6;
/** The same inside a contraction, where each operand element is read once per tile of the other operand. */
const cheapInContraction = 2;
/** Elements of a row that one iteration may walk when the rows are all there is (no parallel loop is left). */
const smallRow = 4096;

interface Draft {
  readonly id: number;
  kind: ClusterKind;
  domain: readonly number[];
  readonly nodes: Node[];
  /** Clusters whose outputs this one reads. */
  readonly reads: Set<Draft>;
  /** Set when another cluster swallowed this one. */
  into: Draft | null;
}

/** Fuses, and keeps within the target's buffer limit: a partition that breaks it is made again more carefully. */
export function fuse(entry: Entry, target: TargetTraits): Fused {
  for (let limit = target.maxBuffers; limit > 2; limit--) {
    const fused = partition(entry, limit);
    const worst = Math.max(0, ...fused.groups.map((group) => buffersOf(group, fused).size));
    if (worst <= target.maxBuffers) return { ...fused, groups: groupClusters(fused, target.maxBuffers) };
  }
  throw new CompilerBug(`no partition needs at most ${target.maxBuffers} buffers a kernel`);
}

/** No fusion at all: every map, reduction and contraction is stored. Same results to the bit on `js`. */
export function leaveUnfused(entry: Entry): Fused {
  const results = new Set(resultNodes(entry));
  const drafts: Draft[] = [];
  const homes = new Map<Node, Draft>();
  for (const node of neededNodes(entry)) {
    const { kind } = node.op;
    const computes = kind === "map" || kind === "reduce" || kind === "contract" || kind === "index";
    if (computes || (results.has(node) && !isExternal(node))) addDraft(drafts, homes, node);
  }
  return finish(entry, drafts, homes);
}

function partition(entry: Entry, maxBuffers: number): Fused {
  const fusion = new Fusion(entry, maxBuffers);
  for (const node of neededNodes(entry)) fusion.visit(node);
  fusion.storeResults();
  fusion.recomputeCheap();
  return finish(entry, fusion.drafts, fusion.homes);
}

// ---- the greedy partition ------------------------------------------------------------------------------------------

class Fusion {
  readonly drafts: Draft[] = [];
  readonly homes = new Map<Node, Draft>();
  readonly #maxBuffers: number;
  readonly #results: ReadonlySet<Node>;
  /** Arithmetic of nodes that have no home, with what they read. */
  readonly #floating = new Map<Node, number>();

  constructor(entry: Entry, maxBuffers: number) {
    this.#maxBuffers = maxBuffers;
    this.#results = new Set(resultNodes(entry));
  }

  visit(node: Node): void {
    switch (node.op.kind) {
      case "source":
        if (node.op.element !== undefined && node.args.length > 0) addDraft(this.drafts, this.homes, node);
        return;
      case "view":
      case "index":
        this.#floating.set(node, this.#priceOfArgs(node) + (node.op.kind === "index" ? 1 : 0));
        return;
      case "map":
        this.#visitMap(node);
        return;
      case "reduce":
        this.#visitReduce(node);
        return;
      case "contract":
        this.#visitContract(node);
        return;
      default:
        throw new CompilerBug(`fuse: %${node.id} ${node.op.name} should have been expanded`);
    }
  }

  /** Results that nobody computes yet: views, cheap maps and constants become clusters of their own. */
  storeResults(): void {
    for (const node of this.#results) {
      if (!this.homes.has(node) && !isExternal(node)) this.#start(node);
    }
  }

  /**
   * An output that other clusters can cheaply compute from what is stored anyway is not stored: relu's mask is read off
   * the activation.
   */
  recomputeCheap(): void {
    const readers = this.#readers();
    for (const draft of this.drafts) {
      for (const node of draft.nodes.toReversed()) {
        if (node.op.kind !== "map" || this.#results.has(node) || draft.nodes.length === 1) continue;
        const inside = (readers.get(node) ?? []).some((reader) => reader === draft);
        if (inside || node.op.cost > cheap) continue;
        const accesses = this.#accesses(node);
        const stored = (access: Access): boolean => isExternal(access.node) || this.#isOutput(access.node, readers);
        if (!accesses.every(stored)) continue;
        this.homes.delete(node);
        draft.nodes.splice(draft.nodes.indexOf(node), 1);
      }
    }
  }

  #visitMap(node: Node): void {
    const accesses = this.#accesses(node);
    if (this.#join(node, accesses)) return;
    const price = (node.op.kind === "map" ? node.op.cost : 0) + this.#priceOfArgs(node);
    if (price <= cheap && !this.#results.has(node)) this.#floating.set(node, price);
    else this.#start(node);
  }

  #visitReduce(node: Node): void {
    const accesses = this.#accesses(node);
    this.#shortenMaps(node, accesses);
    const fresh = this.#accesses(node);
    if (this.#join(node, fresh) || this.#joinSibling(node, fresh)) return;
    this.#start(node);
  }

  #visitContract(node: Node): void {
    for (const arg of node.args) this.#storeDearOperand(arg);
    this.#start(node);
  }

  /** What a contraction reads again and again is stored, unless it is nearly free. */
  #storeDearOperand(operand: Node): void {
    let node = operand;
    while (node.op.kind === "view" && node.args.length === 1) node = node.args[0] as Node;
    if (this.homes.has(node) || node.op.kind !== "map" || (this.#floating.get(node) ?? 0) <= cheapInContraction) return;
    this.#floating.delete(node);
    this.#start(node);
  }

  #start(node: Node): void {
    const draft = addDraft(this.drafts, this.homes, node);
    this.#connect(draft, this.#accesses(node));
  }

  /** Joins the newest cluster that the node reads and fits; clusters that only this node brings together are merged. */
  #join(node: Node, accesses: readonly Access[]): boolean {
    const candidates = this.#homesOf(accesses).toSorted((a, b) => b.id - a.id);
    for (const draft of candidates) {
      if (!this.#fits(node, draft, accesses)) continue;
      for (const other of candidates) this.#tryMerge(draft, other, accesses);
      this.#add(node, draft, accesses);
      return true;
    }
    return false;
  }

  #add(node: Node, draft: Draft, accesses: readonly Access[]): void {
    draft.nodes.push(node);
    this.homes.set(node, draft);
    this.#connect(draft, accesses);
  }

  #fits(node: Node, draft: Draft, accesses: readonly Access[]): boolean {
    const shape = shapeOf(node);
    const { domain } = draft;
    const rest = shape.slice(domain.length);
    if (!domain.every((extent, axis) => shape[axis] === extent)) return false;
    const rowsOnly = node.op.kind === "reduce" || rest.some((extent) => extent !== 1);
    if (rowsOnly && (draft.kind !== "row" || (domain.length === 0 && rest.length > 0))) return false;
    for (const access of accesses) {
      const home = this.#home(access.node);
      if (home === draft ? access.guarded || !isAligned(access, domain) : home !== null && reaches(home, draft)) {
        return false;
      }
    }
    return this.#buffersWith(draft, node, accesses) <= this.#maxBuffers;
  }

  /** Two reductions with the same rows over the same operand, independent of each other, share their loops. */
  #joinSibling(node: Node, accesses: readonly Access[]): boolean {
    const shape = shapeOf(node);
    const read = new Set(accesses.map((access) => access.node));
    for (const draft of this.drafts.toReversed()) {
      if (draft.into !== null || draft.kind !== "row" || draft.domain.length !== shape.length) continue;
      if (!draft.nodes.some((member) => this.#accesses(member).some((access) => read.has(access.node)))) continue;
      if (!this.#fits(node, draft, accesses)) continue;
      this.#add(node, draft, accesses);
      return true;
    }
    return false;
  }

  /** A cluster of maps that a row reduction reads becomes part of the row: its inner axes turn into inner loops. */
  #shortenMaps(node: Node, accesses: readonly Access[]): void {
    const rows = shapeOf(node);
    const inner = sizeOf(innerExtents(node));
    for (const draft of this.#homesOf(accesses)) {
      const own = accesses.filter((access) => this.#home(access.node) === draft);
      if (draft.kind !== "map" || draft.domain.length <= rows.length) continue;
      if (rows.length === 0 && inner > smallRow) continue;
      if (!own.every((access) => isAligned(access, rows) && !access.guarded)) continue;
      draft.kind = "row";
      draft.domain = rows;
    }
  }

  /** Sibling clusters of maps over the same elements (the moments of one parameter) become one. */
  #tryMerge(into: Draft, other: Draft, accesses: readonly Access[]): void {
    if (into === other || other.into !== null || into.kind !== "map" || other.kind !== "map") return;
    if (into.domain.length !== other.domain.length || into.domain.some((extent, i) => extent !== other.domain[i]))
      return;
    const aligned = accesses
      .filter((a) => this.#home(a.node) === other)
      .every((a) => !a.guarded && isAligned(a, into.domain));
    if (!aligned || reaches(into, other) || reaches(other, into)) return;
    other.into = into;
    for (const node of other.nodes) this.homes.set(node, into);
    into.nodes.push(...other.nodes);
    for (const read of other.reads) into.reads.add(read);
    for (const draft of this.drafts) if (draft.reads.delete(other)) draft.reads.add(into);
    other.nodes.length = 0;
  }

  #connect(draft: Draft, accesses: readonly Access[]): void {
    for (const home of this.#homesOf(accesses)) if (home !== draft) draft.reads.add(home);
  }

  #home(node: Node): Draft | null {
    return this.homes.get(node) ?? null;
  }

  #homesOf(accesses: readonly Access[]): Draft[] {
    const homes = accesses.map((access) => this.#home(access.node));
    return [...new Set(homes.filter((home) => home !== null))];
  }

  #accesses(node: Node): readonly Access[] {
    return accessesOf(node, (other) => isExternal(other) || this.homes.has(other));
  }

  #priceOfArgs(node: Node): number {
    return node.args.reduce((sum, arg) => sum + (this.#floating.get(arg) ?? 0), 0);
  }

  /** Buffers of the cluster if the node joins: what it reads from outside, results, and one for what others will read. */
  #buffersWith(draft: Draft, node: Node, accesses: readonly Access[]): number {
    const members = [...draft.nodes, node];
    const outside = new Set<Node>();
    for (const access of [...accesses, ...draft.nodes.flatMap((member) => [...this.#accesses(member)])]) {
      if (!members.includes(access.node)) outside.add(access.node);
    }
    return outside.size + members.filter((member) => this.#results.has(member)).length + 1;
  }

  /** The clusters that read each node, directly or through nodes without a home. */
  #readers(): Map<Node, Draft[]> {
    const readers = new Map<Node, Draft[]>();
    for (const [node, home] of this.homes) {
      for (const access of this.#accesses(node)) {
        const known = readers.get(access.node);
        if (known === undefined) readers.set(access.node, [home]);
        else known.push(home);
      }
    }
    return readers;
  }

  #isOutput(node: Node, readers: ReadonlyMap<Node, readonly Draft[]>): boolean {
    const home = this.#home(node);
    return this.#results.has(node) || (readers.get(node) ?? []).some((reader) => reader !== home);
  }
}

function addDraft(drafts: Draft[], homes: Map<Node, Draft>, node: Node): Draft {
  const kind = node.op.kind === "contract" ? "contract" : node.op.kind === "reduce" ? "row" : "map";
  const draft: Draft = { id: drafts.length, kind, domain: domainOf(node), nodes: [node], reads: new Set(), into: null };
  drafts.push(draft);
  homes.set(node, draft);
  return draft;
}

/** Trailing axes of size 1 are no loops: [128, 1] and [128] are the same rows. */
function domainOf(node: Node): readonly number[] {
  const shape = shapeOf(node);
  return shape.slice(0, shape.findLastIndex((extent) => extent !== 1) + 1);
}

/** Whether `from` depends on `to` (or is it). Clusters older than all of `to` cannot. */
function reaches(from: Draft, to: Draft): boolean {
  const oldest = Math.min(...to.nodes.map((node) => node.id));
  const seen = new Set<Draft>();
  const pending = [from];
  for (let draft = pending.pop(); draft !== undefined; draft = pending.pop()) {
    if (draft === to) return true;
    if (seen.has(draft)) continue;
    seen.add(draft);
    for (const read of draft.reads) {
      if (read.nodes.some((node) => node.id > oldest)) pending.push(read);
      else if (read === to) return true;
    }
  }
  return false;
}

// ---- the finished partition ----------------------------------------------------------------------------------------

function finish(entry: Entry, drafts: readonly Draft[], draftOf: ReadonlyMap<Node, Draft>): Fused {
  const isStored = (node: Node): boolean => isExternal(node) || draftOf.has(node);
  const results = new Set(resultNodes(entry));
  const readOutside = new Set<Node>();
  for (const [node, draft] of draftOf) {
    for (const access of accessesOf(node, isStored)) {
      if (draftOf.get(access.node) !== draft) readOutside.add(access.node);
    }
  }
  const clusters = new Map<Draft, Cluster>();
  for (const draft of drafts) {
    if (draft.into !== null || draft.nodes.length === 0) continue;
    const nodes = draft.nodes.toSorted((a, b) => a.id - b.id);
    const outputs = nodes.filter((node) => results.has(node) || readOutside.has(node));
    clusters.set(draft, { id: draft.id, kind: draft.kind, domain: draft.domain, nodes, outputs });
  }
  const homes = new Map<Node, Cluster>();
  for (const [node, draft] of draftOf) homes.set(node, clusters.get(draft) as Cluster);
  const live = [...clusters.values()].filter((cluster) => cluster.outputs.length > 0);
  return { entry, groups: live.map((cluster) => [cluster]), homes };
}
