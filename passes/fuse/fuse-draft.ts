/**
 * A cluster while `fuse` is making it, and the questions asked of the graph of clusters.
 *
 * Drafts know what they read as they grow, so that joining one costs what the joining node reads, not what the draft holds.
 */
import { isRun } from "../../src/graph/define.ts";
import type { Node } from "../../src/graph/node.ts";
import { type Access, shapeOf } from "./access.ts";
import type { BufferKey, BufferKeys, ClusterKind } from "./cluster.ts";

/**
 * Arithmetic of one iteration, in prices of ops: V8 optimizes no function of more than 60 kB of bytecode, and one that is much
 * longer needs more stack for its variables than there is.
 */
const mostWork = 4096;
/** The least that a member counts: reductions ask for members inside the row one below the other, so chains stay short. */
const leastPrice = 8;
/** Reductions of a row, times members inside it: each walks along the row and computes anew what it needs. */
const mostRowWork = 2048;

export class Draft {
  readonly nodes = new Set<Node>();
  /** Labels of what its kernel touches: values from outside that members read, and members that are stored. */
  readonly buffers = new Set<BufferKey>();
  /** Where what fits this draft goes on when its buffers are all taken. */
  sequel: Draft | null = null;
  /** Whether a member joins parts (joined.ts): it has other elements than the loops, which may then not become those of rows. */
  joins = false;
  /** Largest id of a member. */
  newest = -1;
  /** Both are changed by `setLoops`. */
  kind: ClusterKind;
  domain: readonly number[];
  #work = 0;
  /** Members with a place inside the row, and reductions. */
  #inRow = 0;
  #folds = 0;
  readonly #reads = new Set<Draft>();
  readonly #readers = new Set<Draft>();
  /** The id of its first member, and the largest of these among all that it depends on, itself included. */
  #first: number;
  #highest: number;
  readonly #keyOf: BufferKeys;
  #into: Draft | null = null;

  constructor(node: Node, keyOf: BufferKeys) {
    this.#keyOf = keyOf;
    this.kind = kindOf(node);
    this.domain = this.kind === "loop" ? [] : domainOf(node);
    this.#first = this.#highest = node.id;
  }

  setLoops(kind: ClusterKind, domain: readonly number[]): void {
    this.kind = kind;
    this.domain = domain;
    this.#inRow = 0;
    for (const node of this.nodes) if (this.#isInRow(node)) this.#inRow += 1;
  }

  /** Whether it is too long a kernel to take more in. */
  get isLong(): boolean {
    return this.#work >= mostWork || this.#inRow * this.#folds >= mostRowWork;
  }

  #isInRow(node: Node): boolean {
    const shape = shapeOf(node);
    for (let axis = this.domain.length; axis < shape.length; axis += 1) if (shape[axis] !== 1) return true;
    return false;
  }

  /** The draft that this one has become part of: itself, unless it was merged. */
  get current(): Draft {
    let draft: Draft = this;
    while (draft.#into !== null) draft = draft.#into;
    return draft;
  }

  /** Takes a node in. What it reads of other drafts has to be stored by them. */
  add(node: Node, accesses: readonly Access[], homes: readonly Draft[], isResult: boolean): void {
    // the results of one op are computed at once
    const isOneMore = node.results.length === 1 || !node.results.some((other) => this.nodes.has(other));
    this.nodes.add(node);
    for (const { node: read } of accesses) if (!this.nodes.has(read)) this.buffers.add(this.#keyOf(read));
    for (const home of homes) {
      if (home === this) continue;
      this.#reads.add(home);
      home.#readers.add(this);
      this.#raise(home.#highest);
      for (const { node: read } of accesses) if (home.nodes.has(read)) home.buffers.add(this.#keyOf(read));
    }
    if (isResult) this.buffers.add(this.#keyOf(node));
    if (isOneMore) this.#work += node.op.kind === "map" ? Math.max(leastPrice, node.op.cost) : leastPrice;
    if (isOneMore && node.op.kind === "reduce") this.#folds += 1;
    if (this.#isInRow(node)) this.#inRow += 1;
    this.newest = Math.max(this.newest, node.id);
  }

  swallow(other: Draft): void {
    for (const node of other.nodes) this.nodes.add(node);
    for (const buffer of other.buffers) this.buffers.add(buffer);
    for (const read of other.#reads) this.#reads.add(read);
    this.#first = Math.min(this.#first, other.#first);
    this.#raise(other.#highest);
    for (const reader of other.#readers) {
      this.#readers.add(reader);
      reader.current.#raise(this.#highest);
    }
    this.#work += other.#work;
    this.newest = Math.max(this.newest, other.newest);
    this.joins ||= other.joins;
    other.#into = this;
  }

  /** It depends on a draft with this first member, and so do those who read it. */
  #raise(first: number): void {
    const pending: Draft[] = [this];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      const draft = next.current;
      if (draft.#highest >= first) continue;
      draft.#highest = first;
      pending.push(...draft.#readers);
    }
  }

  /** The buffers it touches when it has this node too; one more where the node's readers are still to come. */
  buffersWith(node: Node, accesses: readonly Access[], isResult: boolean, others?: Iterable<BufferKey>): number {
    const more: BufferKey[] = []; // few, so a list is searched sooner than a set is made
    if (others !== undefined) for (const buffer of others) this.#need(buffer, more);
    for (const { node: read } of accesses) if (!this.nodes.has(read)) this.#need(this.#keyOf(read), more);
    if (isResult) this.#need(this.#keyOf(node), more);
    return this.buffers.size + more.length + (isResult ? 0 : 1);
  }

  #need(buffer: BufferKey, more: BufferKey[]): void {
    if (!this.buffers.has(buffer) && !more.includes(buffer)) more.push(buffer);
  }

  /** The same when its members read other values in place of a stored one. */
  buffersReading(accesses: readonly Access[], insteadOf: Node): number {
    const more: BufferKey[] = [];
    for (const { node: read } of accesses) this.#need(this.#keyOf(read), more);
    return this.buffers.size + more.length - (this.buffers.has(this.#keyOf(insteadOf)) ? 1 : 0);
  }

  readInstead(accesses: readonly Access[], node: Node): void {
    this.buffers.delete(this.#keyOf(node));
    for (const { node: read } of accesses) this.buffers.add(this.#keyOf(read));
  }

  /**
   * Whether this draft depends on `target`, directly or not, or is it. Ids of members say nothing about it: a draft that this one
   * reads may have grown since, and read what is newer than all of this one. `#highest` does, as it grows with what is read: in
   * a deep network most is older than `target`, and is not gone through.
   */
  reaches(target: Draft): boolean {
    const seen = new Set<Draft>();
    const pending: Draft[] = [this];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      const draft = next.current;
      if (draft === target) return true;
      if (draft.#highest < target.#first || seen.has(draft)) continue;
      seen.add(draft);
      pending.push(...draft.#reads);
    }
    return false;
  }
}

function kindOf({ op }: Node): ClusterKind {
  if (op.kind === "spread") return "run";
  if (op.kind === "contract" || op.kind === "run" || op.kind === "loop") return op.kind;
  return op.kind === "reduce" ? "row" : "map";
}

/** Trailing axes of size 1 are no loops: [128, 1] and [128] are the same rows. */
export function domainOf(node: Node): readonly number[] {
  const shape = shapeOf(node);
  if (isRun(node)) return shape.toSpliced(node.attrs.axis, 1);
  if (node.op.kind === "spread") return shape.slice(0, 1);
  let rank = shape.length;
  while (rank > 0 && shape[rank - 1] === 1) rank -= 1;
  return shape.slice(0, rank);
}
