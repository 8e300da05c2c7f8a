/**
 * The checker of the graph language: run after every pass, it names the first broken invariant.
 */
import type { Graph, Node, OpKind } from "./node.ts";
import { printType } from "./type.ts";

type Invariant = readonly [sentence: string, holds: (node: Node, graph: Graph) => boolean];

const invariants: readonly Invariant[] = [
  ["a node belongs to the graph that lists it", (node, graph) => node.graph === graph],
  ["operands come before their users", (node) => node.args.every((arg) => arg.id < node.id)],
  ["operands are nodes of the same graph", (node, graph) => node.args.every((arg) => graph.nodes[arg.id] === arg)],
  ["ids count the nodes", (node, graph) => graph.nodes[node.id] === node],
  ["the type is what the op's rule gives", (node) => inferredType(node) === printType(node.type)],
  [
    "regions are closed",
    (node) =>
      node.regions.every(({ graph, inputs, outputs }) => [...inputs, ...outputs].every((o) => graph.nodes[o.id] === o)),
  ],
  [
    "the nodes of regions hold to all this too",
    (node) => node.regions.every(({ graph }) => checkGraph(graph) === null),
  ],
];

/** What the op's rule gives for the node's operands, in words; what it complains of where it refuses them. */
function inferredType(node: Node): string {
  const args = node.args.map((arg) => arg.type);
  try {
    return printType(node.op.infer(args, node.attrs, node.regions));
  } catch (error) {
    return String(error);
  }
}

/** The first broken invariant in words, or null. `absent`: kinds of op that an earlier pass has expanded. */
export function checkGraph(graph: Graph, absent: readonly OpKind[] = []): string | null {
  for (const node of graph.nodes) {
    for (const [sentence, holds] of invariants) {
      if (!holds(node, graph)) return `${sentence}: %${node.id} ${node.op.name}`;
    }
    if (absent.includes(node.op.kind)) return `no ${node.op.kind} node is left: %${node.id} ${node.op.name}`;
  }
  return null;
}
