/**
 * A cluster while `fuse` is making it, and the questions asked of the graph of clusters.
 *
 * Drafts know what they read as they grow, so that joining one costs what the joining node reads, not what the draft holds.
 */
import type { Node } from "../src/graph/node.ts";
import { type Access, shapeOf } from "./access.ts";
import type { BufferLabels, ClusterKind } from "./cluster.ts";

export class Draft {
  kind: ClusterKind;
  domain: readonly number[];
  readonly nodes = new Set<Node>();
  /** Values from outside that members read. */
  readonly outside = new Set<Node>();
  /** Members that are results of the entry. */
  readonly results = new Set<Node>();
  /** Largest id of a member. */
  newest = -1;
  readonly #reads = new Set<Draft>();
  #into: Draft | null = null;

  constructor(node: Node) {
    this.kind = node.op.kind === "contract" ? "contract" : node.op.kind === "reduce" ? "row" : "map";
    this.domain = domainOf(node);
  }

  /** The draft that this one has become part of: itself, unless it was merged. */
  get current(): Draft {
    let draft: Draft = this;
    while (draft.#into !== null) draft = draft.#into;
    return draft;
  }

  add(node: Node, accesses: readonly Access[], homes: readonly Draft[], isResult: boolean): void {
    this.nodes.add(node);
    this.outside.delete(node);
    for (const access of accesses) if (!this.nodes.has(access.node)) this.outside.add(access.node);
    for (const home of homes) if (home !== this) this.#reads.add(home);
    if (isResult) this.results.add(node);
    this.newest = Math.max(this.newest, node.id);
  }

  swallow(other: Draft): void {
    for (const node of other.nodes) this.nodes.add(node);
    for (const node of other.outside) this.outside.add(node);
    for (const node of this.nodes) this.outside.delete(node);
    for (const read of other.#reads) this.#reads.add(read);
    for (const node of other.results) this.results.add(node);
    this.newest = Math.max(this.newest, other.newest);
    other.#into = this;
  }

  /**
   * Whether this draft depends on `target`, directly or not, or is it. Ids say nothing about it: a draft that this one reads may
   * have grown since, and read what is newer than all of this one.
   */
  reaches(target: Draft): boolean {
    const seen = new Set<Draft>();
    const pending: Draft[] = [this];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      const draft = next.current;
      if (draft === target) return true;
      if (seen.has(draft)) continue;
      seen.add(draft);
      pending.push(...draft.#reads);
    }
    return false;
  }

  /** Buffers its kernel needs, with some more values: what it reads, its results, and one for what others will read. */
  buffersWith(more: Iterable<Node>, label: BufferLabels): number {
    return new Set([...this.outside, ...this.results, ...more].map(label)).size + 1;
  }
}

/** Trailing axes of size 1 are no loops: [128, 1] and [128] are the same rows. */
function domainOf(node: Node): readonly number[] {
  const shape = shapeOf(node);
  return shape.slice(0, shape.findLastIndex((extent) => extent !== 1) + 1);
}
