/**
 * Nodes made again in another graph: as they are, alone or with all that they depend on.
 */
import { CompilerBug } from "../core/errors.ts";
import { neededBy, resultOf } from "./graph.ts";
import type { Graph, Node } from "./node.ts";
import { reshape } from "./ops/view.ts";

/** The same node on operands of another graph. */
export function copyOf(node: Node, args: readonly Node[], graph: Graph, isOwn = node.own): Node {
  const { op, attrs, origins, result, results } = node;
  if (isOwn && results.length === 1) return graph.own(op, args, attrs, origins);
  const copy = resultOf(graph.copy(node, args), result);
  return isOwn ? alone(copy) : copy; // one result may be of its own, and the others not
}

/** A node of its own with this value. */
export function alone(node: Node): Node {
  return node.graph.own(reshape, [node], { shape: node.type.shape }, node.origins);
}

/** `results` and what they depend on, made again in `graph`; what is in `moved` is there already. */
export function copiedInto(graph: Graph, results: readonly Node[], moved: ReadonlyMap<Node, Node>): readonly Node[] {
  const made = new Map(moved);
  const target = (node: Node): Node => {
    const found = made.get(node);
    if (found === undefined) throw new CompilerBug(`%${node.id} ${node.op.name} is copied before its operands`);
    return found;
  };
  for (const node of neededBy(results, moved)) {
    if (!made.has(node)) made.set(node, copyOf(node, node.args.map(target), graph));
  }
  return results.map(target);
}
