/**
 * inline: `call` nodes and the `pick`s that read them become the nodes of the called region.
 *
 *   %2: (f32[]) = call %0 %1 {a, b -> add a b}      %2: f32[] = add %0 %1
 *   %3: f32[] = pick %2 index=0                  ->  (users of %3 read %2)
 *
 * A region called twice is copied twice; interning makes one of what is equal. Passes behind this one meet no tuples.
 */
import { CompilerBug } from "../../src/core/errors.ts";
import { alone, copyOf, type Entry, neededNodes, type Result } from "../../src/graph/entry.ts";
import { neededBy } from "../../src/graph/evaluate.ts";
import { createGraph } from "../../src/graph/graph.ts";
import type { Graph, Node } from "../../src/graph/node.ts";
import { call, pick } from "../../src/graph/ops/region.ts";
import type { GraphPass } from "./pass.ts";

export const inline: GraphPass = {
  name: "inline",
  expands: ["region"],
  run(entry: Entry): Entry {
    const graph = createGraph();
    const moved: Moved = new Map();
    place(graph, neededNodes(entry), moved);
    const move = ({ name, node }: Result): Result => ({ name, node: result(moved, node) });
    return { name: entry.name, graph, outputs: entry.outputs.map(move), next: entry.next.map(move) };
  },
};

/** Results of each old node in the new graph: one, or those of a call. */
type Moved = Map<Node, readonly Node[]>;

function result(moved: Moved, node: Node, index = 0): Node {
  const made = moved.get(node)?.[index];
  if (made === undefined) throw new CompilerBug(`inline: %${node.id} ${node.op.name} has no result ${index}`);
  return made;
}

/** Copies nodes, which come in id order. Goes down once a nesting of calls, not once a node. */
function place(graph: Graph, nodes: readonly Node[], moved: Moved): void {
  for (const node of nodes) {
    if (moved.has(node)) continue; // an input of a region
    moved.set(node, copy(graph, node, moved));
  }
}

function copy(graph: Graph, node: Node, moved: Moved): readonly Node[] {
  const [first] = node.args;
  if (node.op === pick && first?.op === call) {
    const picked = result(moved, first, Number(node.attrs.index));
    return [node.own ? alone(picked) : picked]; // others may pick the same
  }
  const args = node.args.map((arg) => result(moved, arg));
  const [region] = node.regions;
  if (node.op !== call || region === undefined) {
    return [copyOf(node, args, graph)];
  }
  const inside: Moved = new Map(region.inputs.map((input, i) => [input, [args[i] as Node]]));
  place(graph, neededBy(region.outputs), inside);
  return region.outputs.map((output) => result(inside, output));
}
