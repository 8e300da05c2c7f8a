/**
 * watchNonFinite: two more outputs for each node of floats, its smallest and its largest element, for `debug: { nan: true }`.
 *
 *   %3 = log %2          outputs  $finite.3.least = reduce min %3    $finite.3.most = reduce max %3
 *
 * Gradients and updates are there by then, and ops are still those that the user's lines made. A loop is one node: what happens inside
 * of it is not looked into.
 */
import { isShort } from "../../src/core/dtype.ts";
import { builder } from "../../src/graph/build.ts";
import type { Entry, Result } from "../../src/graph/entry.ts";
import type { Node } from "../../src/graph/node.ts";
import { leastName, mostName, watchedNodes } from "../../src/program/watched.ts";

export function watchNonFinite(entry: Entry): Entry {
  const ranges = watchedNodes(entry).flatMap((node): Result[] => {
    const b = builder(entry.graph, node.origins);
    const wide = isShort(node.type.dtype) ? b.cast(node, "f32") : node;
    const axes = node.type.shape.map((_, axis) => axis);
    const end = (name: "min" | "max"): Node => (axes.length === 0 ? wide : b.reduce(name, wide, axes));
    return [
      { name: leastName(node.id), node: end("min") },
      { name: mostName(node.id), node: end("max") },
    ];
  });
  return { ...entry, outputs: [...entry.outputs, ...ranges] };
}
