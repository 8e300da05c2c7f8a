/**
 * What `fuse` weighs: arithmetic that is done again where a value is not stored, and the buffers that a kernel has room for.
 */
import { UserError } from "../../src/core/errors.ts";
import { operand } from "../../src/graph/define.ts";
import type { Node } from "../../src/graph/node.ts";
import { gather } from "../../src/graph/ops/gather.ts";
import type { TargetTraits } from "../../src/kernel/target.ts";

/** Arithmetic that may be done again for each reader rather than stored. Stores and loads cost about as much. */
const cheap = 6;
/** The same inside a contraction, where each operand element is read once per tile of the other operand. */
const cheapInContraction = 2;
/** A view computes nothing, but long chains of them would be walked for every reader. */
export const viewPrice = 0.25;
/** Operands from which on a concatenation is stored. */
export const storedConcat = Math.ceil(cheap + 1 - viewPrice);
/** Operands of the widest map (select). */
const widestMap = 3;

/** Prices of nodes that are computed where they are read, with all that they look through. */
export class Prices {
  readonly #contracted: ReadonlySet<Node>;
  readonly #floating = new Map<Node, number>();

  constructor(nodes: readonly Node[]) {
    this.#contracted = contractedIn(nodes);
  }

  /** The price of an element of a node whose own work is `own`. */
  of({ args }: Node, own: number): number {
    let price = own;
    for (const arg of args) price += this.#floating.get(arg) ?? 0;
    return price;
  }

  /** Rows picked for a contraction are stored: read in place, each would be looked up again for every tile of the other operand. */
  ofGather(node: Node): number {
    return node.op === gather && this.#contracted.has(node) ? cheapInContraction + 1 : 1;
  }

  /** From which price on a node is stored. */
  limitOf(node: Node): number {
    return this.#contracted.has(node) ? cheapInContraction : cheap;
  }

  /** The node has no home. */
  floats(node: Node, price: number): void {
    this.#floating.set(node, price);
  }
}

/** The price that these may compute for themselves. */
export function limitFor(users: Iterable<Node>): number {
  for (const { op } of users) if (op.kind === "contract") return cheapInContraction;
  return cheap;
}

/** What contractions read again and again: their operands, also through views. */
function contractedIn(nodes: readonly Node[]): ReadonlySet<Node> {
  const found = new Set<Node>();
  for (const { op, args } of nodes) {
    if (op.kind !== "contract") continue;
    for (let node of args) {
      found.add(node);
      while (node.op.kind === "view" && node.args.length === 1) {
        node = operand(node);
        found.add(node);
      }
    }
  }
  return found;
}

/** There is a partition as soon as the widest map can be a kernel of its own: its operands, stored, and its result. */
export function bufferLimit({ name, maxBuffers }: TargetTraits): number {
  if (maxBuffers > widestMap) return maxBuffers;
  throw new UserError(
    `a kernel of the ${name} target may touch ${maxBuffers} buffers, and needs ${widestMap + 1} at least: use another device`,
  );
}

/**
 * How many stored values a floating node may read. A node that is stored has at most three operands, so that it and what it
 * reads through floating ones fit a kernel.
 */
export function floatingReads(maxBuffers: number): number {
  return Math.max(1, Math.min(4, Math.floor((maxBuffers - 2) / widestMap)));
}
