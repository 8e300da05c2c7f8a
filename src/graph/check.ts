/**
 * The checker of the graph language: run after every pass, it names the first broken invariant.
 */
import type { Graph, Node, OpKind } from "./node.ts";
import { sameType } from "./type.ts";

interface Invariant {
  readonly sentence: string;
  readonly holds: (node: Node, graph: Graph) => boolean;
}

const invariants: readonly Invariant[] = [
  { sentence: "a node belongs to the graph that lists it", holds: (node, graph) => node.graph === graph },
  { sentence: "operands come before their users", holds: (node) => node.args.every((arg) => arg.id < node.id) },
  {
    sentence: "operands are nodes of the same graph",
    holds: (node, graph) => node.args.every((arg) => graph.nodes[arg.id] === arg),
  },
  { sentence: "ids count the nodes", holds: (node, graph) => graph.nodes[node.id] === node },
  { sentence: "the type is what the op's rule gives", holds: hasInferredType },
  {
    sentence: "regions are closed",
    holds: ({ regions }) =>
      regions.every(({ graph, inputs, outputs }) => [...inputs, ...outputs].every((o) => graph.nodes[o.id] === o)),
  },
  {
    sentence: "the nodes of regions hold to all this too",
    holds: (node) => node.regions.every(({ graph }) => checkGraph(graph) === null),
  },
];

function hasInferredType(node: Node): boolean {
  const args = node.args.map((arg) => arg.type);
  try {
    return sameType(node.op.infer(args, node.attrs, node.regions), node.type);
  } catch {
    return false;
  }
}

/** The first broken invariant in words, or null. `absent`: kinds of op that an earlier pass has expanded. */
export function checkGraph(graph: Graph, absent: readonly OpKind[] = []): string | null {
  for (const node of graph.nodes) {
    const broken = invariants.find(({ holds }) => !holds(node, graph));
    if (broken !== undefined) return `${broken.sentence}: %${node.id} ${node.op.name}`;
    if (absent.includes(node.op.kind)) return `no ${node.op.kind} node is left: %${node.id} ${node.op.name}`;
  }
  return null;
}
