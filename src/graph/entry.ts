/**
 * An entry: a graph with named results. It is what passes take and give.
 *
 *   outputs   what the caller gets to read
 *   next      new values of states; a state that is not named stays as it is
 *
 * A pass makes a new graph by `rebuild`, which visits the needed nodes in order and lets the pass say what becomes of each;
 * nodes that no output needs vanish on the way.
 */
import { CompilerBug } from "../errors.ts";
import { builder } from "./build.ts";
import { neededBy } from "./evaluate.ts";
import { createGraph } from "./graph.ts";
import type { Build, Graph, Node } from "./node.ts";

export interface Result {
  /** Path in the user's tree: "loss", "model.w1". */
  readonly name: string;
  readonly node: Node;
}

export interface Entry {
  readonly name: string;
  readonly graph: Graph;
  readonly outputs: readonly Result[];
  readonly next: readonly Result[];
}

/** All nodes that an entry's results need, in id order. */
export function neededNodes(entry: Entry): Node[] {
  return neededBy(resultNodes(entry));
}

export function resultNodes(entry: Entry): Node[] {
  return [...entry.outputs, ...entry.next].map((result) => result.node);
}

/** The new node for `node`, given its new operands; `undefined` keeps op and attributes. */
export type Transform = (node: Node, args: readonly Node[], build: Build) => Node | undefined;

export function rebuild(entry: Entry, transform: Transform): Entry {
  const graph = createGraph();
  const moved = new Map<Node, Node>();
  const target = (node: Node): Node => {
    const made = moved.get(node);
    if (made === undefined) throw new CompilerBug(`node %${node.id} ${node.op.name} was not rebuilt before its use`);
    return made;
  };
  for (const node of neededNodes(entry)) {
    const args = node.args.map(target);
    const made = transform(node, args, builder(graph, node.origins));
    moved.set(node, made ?? graph.node(node.op, args, node.attrs, node.origins, node.regions));
  }
  const move = ({ name, node }: Result): Result => ({ name, node: target(node) });
  return { name: entry.name, graph, outputs: entry.outputs.map(move), next: entry.next.map(move) };
}
