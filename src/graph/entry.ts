/**
 * An entry: a graph with named results. It is what passes take and give.
 *
 *   outputs   what the caller gets to read
 *   next      new values of states; a state that is not named stays as it is
 *
 * A pass makes a new graph by `rebuild`, which visits the needed nodes in order and lets the pass say what becomes of each;
 * nodes that no output needs vanish on the way.
 *
 * A gradient is taken by one tensor, and flows back from the uses of that tensor alone. So what a gradient is taken by is a
 * node of its `own`, from the end of the trace until `differentiate` has run; `rebuild` keeps it so, `merged` ends it.
 */
import { CompilerBug } from "../core/errors.ts";
import { builder } from "./build.ts";
import { alone, copyOf } from "./copies.ts";
import { createGraph, neededBy } from "./graph.ts";
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

/** The new node for `node`, given its new operands; `undefined` keeps op and attributes. One of its own is for `node` alone. */
export type Transform = (node: Node, args: readonly Node[], build: Build) => Node | undefined;

export function rebuild(entry: Entry, transform: Transform): Entry {
  return remade(entry, (node, args, build) => {
    const made = transform(node, args, build) ?? copyOf(node, args, build.graph);
    return node.own && !made.own ? alone(made) : made;
  });
}

/** Equal expressions become one node, but for those that are to be of their own. `names`: other names for sources. */
export function merged(entry: Entry, own: ReadonlySet<Node>, names: ReadonlyMap<Node, string> = new Map()): Entry {
  return remade(entry, (node, args, { graph }) => {
    const name = names.get(node);
    if (name !== undefined) return graph.node(node.op, args, { ...node.attrs, name }, node.origins);
    return copyOf(node, args, graph, own.has(node));
  });
}

function remade(entry: Entry, make: (node: Node, args: readonly Node[], build: Build) => Node): Entry {
  const graph = createGraph();
  const moved = new Array<Node | undefined>(entry.graph.nodes.length); // by id
  const target = ({ id, op }: Node): Node => {
    const made = moved[id];
    if (made === undefined) throw new CompilerBug(`node %${id} ${op.name} was not rebuilt before its use`);
    return made;
  };
  for (const node of neededNodes(entry)) {
    moved[node.id] = make(node, node.args.map(target), builder(graph, node.origins));
  }
  const move = ({ name, node }: Result): Result => ({ name, node: target(node) });
  return { name: entry.name, graph, outputs: entry.outputs.map(move), next: entry.next.map(move) };
}
