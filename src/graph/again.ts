/**
 * What a backward pass computes a second time, as something is checkpointed.
 *
 * It stands behind barriers, as slopes do that are made of it; but slopes are known as derivatives by their origins, and what is
 * made again has those of the forward pass.
 */
import type { Origin } from "../core/origin.ts";
import type { Node } from "./node.ts";
import { barrier } from "./ops/barrier.ts";

export interface Again {
  readonly nodes: ReadonlySet<Node>;
  /** Where it was said. */
  readonly origins: ReadonlySet<Origin>;
}

/** Whether `differentiate` made it. A value that both passes compute has origins of both. */
export function isDerived({ origins }: Node): boolean {
  return origins.length > 0 && origins.every(({ derived }) => derived === true);
}

/** Among the nodes of a graph, in id order. */
export function madeAgain(nodes: readonly Node[]): Again {
  const found = new Set<Node>();
  const origins = new Set<Origin>();
  for (const node of nodes) {
    if (node.op === barrier) for (const origin of node.origins) origins.add(origin);
    const isBehind = node.op === barrier || (!isDerived(node) && node.args.some((arg) => found.has(arg)));
    if (isBehind) found.add(node);
  }
  return { nodes: found, origins };
}
