/**
 * How many buffers a kernel needs: targets limit it, so fusion counts.
 */
import type { Node } from "../src/graph/node.ts";
import { state } from "../src/graph/ops/source.ts";
import { accessesOf } from "./access.ts";
import { type Cluster, type Fused, isExternal } from "./cluster.ts";

/** The stored values that a group of clusters touches; a next value and the old state it overwrites count once. */
export function buffersOf(
  group: readonly Cluster[],
  { entry, homes }: Pick<Fused, "entry" | "homes">,
): ReadonlySet<string> {
  const isStored = (node: Node): boolean => isExternal(node) || homes.has(node);
  const stateOf = new Map(entry.next.map(({ name, node }) => [node, name]));
  const touched = new Set<string>();
  const label = (node: Node): string => (node.op === state ? `state ${node.attrs.name}` : `%${node.id}`);
  for (const cluster of group) {
    for (const output of cluster.outputs) {
      const next = stateOf.get(output);
      touched.add(next === undefined ? label(output) : `state ${next}`);
    }
    for (const node of cluster.nodes) {
      for (const access of accessesOf(node, isStored)) {
        if (homes.get(access.node) !== cluster) touched.add(label(access.node));
      }
    }
  }
  return touched;
}
