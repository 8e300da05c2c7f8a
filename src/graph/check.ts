/**
 * The checker of the graph language: run after every pass, it names the first broken invariant.
 */
import { bodiesOf } from "./body.ts";
import { inferTypes } from "./define.ts";
import type { Graph, Node, OpKind } from "./node.ts";
import { sameType } from "./type.ts";

/** The first broken invariant in words, or null. `absent`: kinds of op that an earlier pass has expanded. */
export function checkGraph(graph: Graph, absent: readonly OpKind[] = []): string | null {
  const { nodes } = graph;
  for (let id = 0; id < nodes.length; id += 1) {
    const node = nodes[id];
    if (node === undefined) return `there is no node %${id}`;
    const broken = brokenBy(node, id, graph);
    if (broken !== null) return `${broken}: %${node.id} ${node.op.name}`;
    if (absent.includes(node.op.kind)) return `no ${node.op.kind} node is left: %${node.id} ${node.op.name}`;
    const bodies = bodiesOf(node);
    if (bodies.length === 0) continue;
    for (const [name, { entry }] of bodies) {
      const within = checkGraph(entry.graph, absent);
      if (within !== null) return `${within}, in the ${name} of %${node.id} ${node.op.name}`;
    }
  }
  return null;
}

/** What the node in this place breaks, in words. */
function brokenBy(node: Node, place: number, graph: Graph): string | null {
  const { id, args } = node;
  if (node.graph !== graph) return "a node belongs to the graph that lists it";
  for (let i = 0; i < args.length; i += 1) {
    const arg = args[i];
    if (arg === undefined || arg.id >= id) return "operands come before their users";
    if (graph.nodes[arg.id] !== arg) return "operands are nodes of the same graph";
  }
  if (id !== place) return "ids count the nodes";
  if (!knowsItsResults(node)) return "results of an application know each other";
  return hasInferredType(node) ? null : "the type is what the op's rule gives";
}

function knowsItsResults({ id, op, args, attrs, result, results }: Node): boolean {
  for (let i = 0; i < results.length; i += 1) {
    const other = results[i];
    if (other?.result !== i || other.id !== id - result + i || other.results !== results) return false;
    if (other.op !== op || other.args !== args || other.attrs !== attrs) return false;
  }
  return result < results.length;
}

/** Asked of the first result for all of them. */
function hasInferredType({ op, args, attrs, result, results }: Node): boolean {
  if (result > 0) return true;
  try {
    const types = inferTypes(
      op,
      args.map((arg) => arg.type),
      attrs,
    );
    for (let i = 0; i < results.length; i += 1) {
      const found = results[i]?.type;
      const inferred = types[i];
      if (found === undefined || inferred === undefined || !sameType(found, inferred)) return false;
    }
    return types.length === results.length;
  } catch {
    return false;
  }
}
