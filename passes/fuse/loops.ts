/**
 * Loops among clusters: what they read lies in memory, and their bodies are fused as entries of their own.
 */
import { CompilerBug } from "../../src/core/errors.ts";
import { type Body, bodiesOf } from "../../src/graph/body.ts";
import { type Entry, neededNodes, type Result, rebuild, resultNodes } from "../../src/graph/entry.ts";
import { resultOf } from "../../src/graph/graph.ts";
import type { Build, Node } from "../../src/graph/node.ts";
import { reshape } from "../../src/graph/ops/view.ts";
import type { Fused } from "./cluster.ts";

/** In the order in which steps name them (order-loops.ts). */
const bodyNames = ["test", "body", "yes", "no"];

/** Results of the entry, and what loops read. */
export function mustBeStored(entry: Entry, nodes: readonly Node[]): ReadonlySet<Node> {
  const stored = new Set(resultNodes(entry));
  for (const { op, args } of nodes) if (op.kind === "loop") for (const arg of args) stored.add(arg);
  return stored;
}

/** The bodies of each loop, by its results. */
export function bodiesFused(entry: Entry, fuse: (body: Entry) => Fused): Fused["loops"] {
  const loops = new Map<readonly Node[], readonly Fused[]>();
  const known = new Map<Body, Fused>();
  for (const node of neededNodes(entry)) {
    if (node.op.kind !== "loop" || loops.has(node.results)) continue;
    const bodies = new Map(bodiesOf(node));
    const fused = bodyNames.flatMap((name) => {
      const body = bodies.get(name);
      if (body === undefined) return [];
      const made = known.get(body) ?? fuse(countStored(body));
      known.set(body, made);
      return [made];
    });
    if (fused.length === 0) throw new CompilerBug(`fuse: the loop %${node.id} has no body`);
    loops.set(node.results, fused);
  }
  return loops;
}

/** The number of the iteration lies nowhere: where somebody wants it from memory, a node that is its copy is stored. */
function countStored({ entry, iteration }: Body): Entry {
  if (iteration === undefined || !mustBeStored(entry, neededNodes(entry)).has(iteration)) return entry;
  const copies = new Map<Node, Node>();
  const copyOf = (node: Node, { graph }: Pick<Build, "graph">): Node => {
    const made = copies.get(node) ?? resultOf(graph.node(reshape, [node], { shape: [] }, node.origins), 0);
    copies.set(node, made);
    return made;
  };
  let count: Node | undefined;
  const made = rebuild(entry, (node, args, build) => {
    if (node === iteration) {
      count = build.graph.node(node.op, args, node.attrs, node.origins);
      return count;
    }
    if (node.op.kind !== "loop") return undefined;
    const stored = args.map((arg) => (arg === count ? copyOf(arg, build) : arg));
    return resultOf(build.graph.node(node.op, stored, node.attrs, node.origins), node.result);
  });
  const moved = ({ name, node }: Result): Result => ({ name, node: node === count ? copyOf(node, made) : node });
  return { ...made, outputs: made.outputs.map(moved), next: made.next.map(moved) };
}
