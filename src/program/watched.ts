/**
 * Watched nodes: with `debug: { nan: true }` an entry also puts out the range of every node of floats, from which the first one that made
 * a NaN or an infinity follows.
 */
import { isFloat } from "../core/dtype.ts";
import type { Origin } from "../core/origin.ts";
import { type Entry, neededNodes } from "../graph/entry.ts";
import type { Node } from "../graph/node.ts";
import { constant, input, state } from "../graph/ops/source.ts";
import { fixedShape, sizeOf } from "../graph/shape.ts";
import type { BufferSlot } from "./buffer.ts";

/** A node whose range is known after a run. A NaN in it makes both of its ends NaN. */
export interface WatchedNode {
  /** What comes from outside by its path, a number that was written down, or what an op made of others. */
  readonly kind: "input" | "state" | "constant" | "made";
  /** The name of its op, or its path. */
  readonly name: string;
  readonly origin: Origin | undefined;
  /** Of f16. */
  readonly isHalf: boolean;
  /** The place among the watched of each operand of floats. */
  readonly args: readonly number[];
  readonly least: BufferSlot;
  readonly most: BufferSlot;
}

export interface Watched {
  /** Operands before what is made of them. */
  readonly nodes: readonly WatchedNode[];
  /** Results of the entry: outputs, and the next values of states. */
  readonly results: readonly number[];
}

/** The outputs with the ranges, by a node's id. */
export const leastName = (id: number): string => `$finite.${id}.least`;
export const mostName = (id: number): string => `$finite.${id}.most`;
export const isWatchName = (name: string): boolean => name.startsWith("$finite.");

/** The watched of an entry as `watchNonFinite` left it, by the addresses of what it put out. */
export function watchedOf(entry: Entry, outputs: ReadonlyMap<string, BufferSlot>): Watched {
  const places = new Map<Node, number>();
  const nodes: WatchedNode[] = [];
  for (const node of watchedNodes(entry)) {
    const [least, most] = [outputs.get(leastName(node.id)), outputs.get(mostName(node.id))];
    if (least === undefined || most === undefined) continue;
    const args = node.args.flatMap((arg) => places.get(arg) ?? []);
    places.set(node, nodes.length);
    nodes.push({ ...kindOf(node), origin: node.origins[0], isHalf: node.type.dtype === "f16", args, least, most });
  }
  const results = [...entry.outputs.filter(({ name }) => !isWatchName(name)), ...entry.next];
  return { nodes, results: results.flatMap(({ node }) => places.get(node) ?? []) };
}

/** Those of floats that have elements; operands before what is made of them. */
export function watchedNodes(entry: Entry): readonly Node[] {
  return neededNodes(entry).filter(({ type: { dtype, shape } }) => isFloat(dtype) && sizeOf(fixedShape(shape)) > 0);
}

function kindOf({ op, attrs }: Node): Pick<WatchedNode, "kind" | "name"> {
  if (op === input) return { kind: "input", name: String(attrs.name) };
  if (op === state) return { kind: "state", name: String(attrs.name) };
  return { kind: op === constant ? "constant" : "made", name: op.name };
}
