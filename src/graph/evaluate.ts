/**
 * The float64 evaluator of the graph: the oracle that every target and every pass is held to.
 *
 * Slow and plain on purpose. Nodes are computed in id order, only those the wanted outputs need; dimensions must be bound.
 */
import { CompilerBug } from "../core/errors.ts";
import { neededBy } from "./graph.ts";
import type { NdArray } from "./ndarray.ts";
import type { Node } from "./node.ts";
import { input, state } from "./ops/source.ts";

/** Values of inputs and states by name. */
export type Environment = ReadonlyMap<string, NdArray>;

/** The value of each wanted node, in order. */
export function evaluateGraph(wanted: readonly Node[], environment: Environment): NdArray[] {
  const values = new Map<Node, NdArray>();
  const resultIn = (node: Node): NdArray => {
    const value = values.get(node);
    if (value === undefined) throw new CompilerBug(`node %${node.id} has no value`);
    return value;
  };
  for (const node of neededBy(wanted)) {
    if (values.has(node)) continue; // another result of its application was needed before
    const made =
      node.op === input || node.op === state
        ? [given(node, environment)]
        : node.op.evaluate(
            node.args.map(resultIn),
            node.attrs,
            node.results.map(({ type }) => type),
          );
    made.forEach((value, i) => {
      const result = node.results[i];
      if (result !== undefined) values.set(result, value);
    });
  }
  return wanted.map(resultIn);
}

function given({ op, attrs }: Node, environment: Environment): NdArray {
  const value = environment.get(String(attrs.name));
  if (value === undefined) throw new CompilerBug(`evaluate: no value for ${op.name} "${attrs.name}"`);
  return value;
}
