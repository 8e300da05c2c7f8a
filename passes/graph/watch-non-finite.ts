/**
 * watchNonFinite: two more outputs for each node of floats, its smallest and its largest element, for `debug: { nan: true }`.
 *
 *   %3 = log %2          outputs  $finite.3.least = reduce min %3    $finite.3.most = reduce max %3
 *
 * Gradients and updates are there by then, and ops are still those that the user's lines made. A loop is one node: what happens inside
 * of it is not looked into.
 */
import { isFloat, isShort } from "../../src/core/dtype.ts";
import { builder } from "../../src/graph/build.ts";
import { type Entry, neededNodes, type Result } from "../../src/graph/entry.ts";
import type { Node } from "../../src/graph/node.ts";
import { constant, input, state } from "../../src/graph/ops/source.ts";
import { fixedShape, sizeOf } from "../../src/graph/shape.ts";
import type { BufferSlot } from "../../src/program/buffer.ts";
import { isWatchName, leastName, mostName, type Watched, type WatchedNode } from "../../src/program/watched.ts";

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

/** The watched of an entry as `watchNonFinite` left it, by the addresses of what it put out. */
export function watchedOf(entry: Entry, outputs: ReadonlyMap<string, BufferSlot>): Watched {
  const places = new Map<Node, number>();
  const nodes: WatchedNode[] = [];
  for (const node of watchedNodes(entry)) {
    const [least, most] = [outputs.get(leastName(node.id)), outputs.get(mostName(node.id))];
    if (least === undefined || most === undefined) continue;
    const args = node.args.flatMap((arg) => places.get(arg) ?? []);
    places.set(node, nodes.length);
    nodes.push({ ...kindOf(node), origin: node.origins[0], args, least, most });
  }
  const results = [...entry.outputs.filter(({ name }) => !isWatchName(name)), ...entry.next];
  return { nodes, results: results.flatMap(({ node }) => places.get(node) ?? []) };
}

function watchedNodes(entry: Entry): readonly Node[] {
  return neededNodes(entry).filter(({ type: { dtype, shape } }) => isFloat(dtype) && sizeOf(fixedShape(shape)) > 0);
}

function kindOf({ op, attrs }: Node): Pick<WatchedNode, "kind" | "name"> {
  if (op === input) return { kind: "input", name: String(attrs.name) };
  if (op === state) return { kind: "state", name: String(attrs.name) };
  return { kind: op === constant ? "constant" : "made", name: op.name };
}
