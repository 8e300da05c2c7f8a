/**
 * Loops among clusters: what they read lies in memory, and their bodies are fused as entries of their own.
 */
import { CompilerBug } from "../../src/core/errors.ts";
import { type Body, bodiesOf } from "../../src/graph/body.ts";
import { type Entry, neededNodes, resultNodes } from "../../src/graph/entry.ts";
import type { Node } from "../../src/graph/node.ts";
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
      const made = known.get(body) ?? fuse(body.entry);
      known.set(body, made);
      return [made];
    });
    if (fused.length === 0) throw new CompilerBug(`fuse: the loop %${node.id} has no body`);
    loops.set(node.results, fused);
  }
  return loops;
}
