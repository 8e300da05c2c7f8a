/**
 * Rules of batching: what a graph becomes when some of its operands get an axis of examples in front.
 *
 *   %2: f32[10] = contract %0 %1 sumLeft=[0] sumRight=[0]        %0 f32[784] becomes f32[128,784]
 *   %2: f32[128,10] = contract %0 %1 sumLeft=[1] sumRight=[0]
 *
 * What depends on no such operand stays as it is. For most ops the rule is their schema: all operands get the axis, and axes in
 * the attributes move by one (`shiftAxes`, `OpDef.shift`); an op that can do better, or cannot do this, has `batch`.
 */
import { CompilerBug } from "../core/errors.ts";
import { shiftAxes } from "./attrs.ts";
import { builder } from "./build.ts";
import { alone, copyOf } from "./copies.ts";
import { neededBy } from "./graph.ts";
import type { Batched, Build, Graph, Node } from "./node.ts";
import { isRequest } from "./ops/transform.ts";
import { spreadBatch } from "./ops/view.ts";
import type { Dim } from "./shape.ts";

/**
 * `results` in `graph`, where nodes that are `given` are already there, some with an axis of examples of `size` in front. Nodes of
 * `graph` itself that need no such axis stay where they are. What a derivative is taken by is there for each example, as a node
 * that is nothing else: each has a derivative of its own by what is the same for all.
 */
export function vectorize(
  graph: Graph,
  results: readonly Node[],
  given: ReadonlyMap<Node, Batched>,
  size: Dim,
): readonly Batched[] {
  const needed = neededBy(results, given);
  const by = new Set(needed.flatMap((node) => (isRequest(node) ? node.args.slice(-1) : [])));
  const each = (made: Batched, build: Build): Batched => ({
    node: alone(spreadBatch(made, size, build)),
    batched: true,
  });
  const made = new Map<Node, Batched>();
  for (const [node, one] of given) made.set(node, by.has(node) ? each(one, builder(graph, node.origins)) : one);
  const target = (node: Node): Batched => {
    const found = made.get(node);
    if (found === undefined) throw new CompilerBug(`%${node.id} ${node.op.name} is read before it is made`);
    return found;
  };
  for (const node of needed) {
    if (made.has(node)) continue;
    const args = node.args.map(target);
    const build = builder(graph, node.origins);
    const all = args.some(({ batched }) => batched)
      ? batchNode(node, args, size, build)
      : alike(node, args, graph).results.map((result) => ({ node: result, batched: false }));
    node.results.forEach((result, i) => {
      const one = all[i];
      if (one === undefined || given.has(result)) return;
      made.set(result, by.has(result) ? each(one, build) : one);
    });
  }
  return results.map(target);
}

function alike(node: Node, args: readonly Batched[], graph: Graph): Node {
  const nodes = args.map((arg) => arg.node);
  if (node.graph === graph && nodes.every((arg, i) => arg === node.args[i])) return node;
  return copyOf(node, nodes, graph, false);
}

/** The results of the application of a node, where at least one operand has an axis of examples. */
export function batchNode(node: Node, args: readonly Batched[], size: Dim, b: Build): readonly Batched[] {
  const { op, attrs } = node;
  if (op.batch !== undefined) return op.batch(args, attrs, size, b);
  if (op.kind === "loop") throw new CompilerBug(`${op.name} has no rule for an axis of examples`);
  const operands = args.map((arg) => spreadBatch(arg, size, b));
  const shifted = op.shift?.(attrs, size) ?? shiftAxes(op.schema, attrs, size);
  return b.node(op, operands, shifted).results.map((result) => ({ node: result, batched: true }));
}
