/**
 * What number a node is, as far as it can be told at once: for gradient rules and for the laws of `simplify`.
 */
import { isOp } from "./define.ts";
import type { Node } from "./node.ts";
import { constant } from "./ops/source.ts";
import { broadcast } from "./ops/view.ts";

/** The number that every element of a node is; NaN is a number too. */
export function constantValue(node: Node): number | undefined {
  const source = isOp(node, broadcast) ? node.args[0] : node;
  return isOp(source, constant) ? source.attrs.value : undefined;
}
