/**
 * The checker of the graph language: run after every pass, it names the first broken invariant.
 */
import { inferTypes } from "./define.ts";
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
  { sentence: "results of an application know each other", holds: knowsItsResults },
  { sentence: "the type is what the op's rule gives", holds: hasInferredType },
];

function knowsItsResults(node: Node): boolean {
  const { id, op, args, attrs, result, results } = node;
  return (
    results[result] === node &&
    results.every((other, i) => {
      const isNext = other.result === i && other.id === id - result + i && other.results === results;
      return isNext && other.op === op && other.args === args && other.attrs === attrs;
    })
  );
}

function hasInferredType({ op, args, attrs, results }: Node): boolean {
  try {
    const types = inferTypes(
      op,
      args.map((arg) => arg.type),
      attrs,
    );
    return types.length === results.length && results.every(({ type }, i) => sameType(type, types[i] ?? type));
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
