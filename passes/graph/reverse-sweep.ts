/**
 * Reverse accumulation: cotangents of some nodes from those of others, downwards through the ops' gradient rules. It visits only
 * nodes that lead from the one to the other.
 *
 * A rule may sweep as well (`Build.pullback`): through a body that it writes, or through a second copy of what is
 * checkpointed. And it may put another form in the place of what the forward pass has, a loop that keeps more of
 * what it computes: that is noted here, and done when nobody differentiates any more (`settled`).
 *
 * What a sweep makes points at the user's lines of the forward pass, by origins marked `derived`: so pictures can tell the
 * backward pass from the rest.
 */
import { CompilerBug } from "../../src/core/errors.ts";
import type { Origin } from "../../src/core/origin.ts";
import { builder, type Sweeping } from "../../src/graph/build.ts";
import { copyOf } from "../../src/graph/copies.ts";
import { createGraph, neededBy, resultOf } from "../../src/graph/graph.ts";
import type { Build, Node } from "../../src/graph/node.ts";
import { printType, sameType } from "../../src/graph/type.ts";

/** Node -> what a change of it does to the weighted sum of the values that a sweep began with. */
export type Cotangents = ReadonlyMap<Node, Node>;

/** A value and its cotangent. */
export type Seed = readonly [value: Node, slope: Node];

/** The sweeps of one run of `differentiate`. */
export class Sweeps implements Sweeping {
  /** Forward origin -> the origin of what is derived there: one object each, however many sweeps pass. */
  readonly #origins = new Map<Origin, Origin>();
  /** The first result of an application -> that of the one to be read in its place. */
  readonly #superseded = new Map<Node, Node>();

  /** Constructors whose nodes come from the same lines as `node`, and are known as derivatives. */
  derivedFrom({ graph, origins }: Pick<Node, "graph" | "origins">): Build {
    const derived = origins.map((origin) => {
      if (origin.derived) return origin;
      const known = this.#origins.get(origin) ?? { ...origin, derived: true };
      this.#origins.set(origin, known);
      return known;
    });
    return builder(graph, derived, this);
  }

  /** Cotangents of everything between the seeds and the parameters. */
  sweep(seeds: readonly Seed[], parameters: readonly Node[]): Cotangents {
    const cotangents = new Map<Node, Node>();
    const [first] = parameters;
    if (first === undefined) return cotangents;
    const highest = seeds.reduce((id, [value]) => Math.max(id, lastOf(value).id), -1);
    const lowest = parameters.reduce((id, parameter) => Math.min(id, parameter.id), first.id);
    const between = leadingTo(first.graph.nodes, new Set(parameters), lowest, highest);
    for (const [value, slope] of seeds) this.#add(cotangents, value, slope, value);
    // the operands of the lowest parameter lead from none
    for (let id = highest; id > lowest; id--) {
      const node = first.graph.nodes[id];
      // with the first result of an application, the cotangents of all are known: whoever reads one comes later
      if (node === undefined || node.result > 0 || node.op.vjp === undefined) continue;
      this.#step(node, between, cotangents);
    }
    return cotangents;
  }

  #step(node: Node, between: ReadonlySet<Node>, cotangents: Map<Node, Node>): void {
    const slopes: (Node | null)[] = [];
    let flows = false;
    for (const result of node.results) {
      const slope = between.has(result) ? (cotangents.get(result) ?? null) : null;
      slopes.push(slope);
      flows ||= slope !== null;
    }
    if (!flows) return;
    const parts = node.op.vjp?.(node, slopes, this.derivedFrom(node)) ?? [];
    for (let i = 0; i < parts.length; i += 1) {
      const flow = parts[i];
      const operand = node.args[i];
      if (flow === null || flow === undefined || operand === undefined || !between.has(operand)) continue;
      checkFlow(node, operand, flow);
      this.#add(cotangents, operand, flow, node);
    }
  }

  #add(cotangents: Map<Node, Node>, node: Node, flow: Node, from: Node): void {
    const sum = cotangents.get(node);
    cotangents.set(node, sum === undefined ? flow : this.derivedFrom(from).addSlopes(sum, flow));
  }

  pullback(values: readonly Node[], slopes: readonly (Node | null)[], by: readonly Node[]): readonly (Node | null)[] {
    const seeds = values.flatMap((value, i): Seed[] => {
      const slope = slopes[i];
      return slope === null || slope === undefined ? [] : [[value, slope]];
    });
    const found = this.sweep(seeds, by);
    return by.map((node) => found.get(node) ?? null);
  }

  supersede(node: Node, by: Node): void {
    const args = node.args.every((arg, i) => arg === by.args[i]) && node.args.length === by.args.length;
    if (!args || by.graph !== node.graph)
      throw new CompilerBug(`${by.op.name} has other operands than what it supersedes`);
    const [from, to] = [this.latest(node), resultOf(by, 0)];
    if (from !== to) this.#superseded.set(from, to);
  }

  latest(node: Node): Node {
    let current = resultOf(node, 0);
    for (let next = this.#superseded.get(current); next !== undefined; next = this.#superseded.get(current)) {
      current = next;
    }
    return current;
  }

  /** Whether something of this graph is superseded. */
  hasSuperseded(nodes: readonly Node[]): boolean {
    return this.#superseded.size > 0 && nodes.some((node) => this.#superseded.has(node));
  }

  /** The node again, or what supersedes it. */
  settledCopy(node: Node, args: readonly Node[], graph: Node["graph"]): Node {
    const latest = this.latest(node);
    return latest === resultOf(node, 0)
      ? copyOf(node, args, graph)
      : resultOf(copyOf(latest, args, graph), node.result);
  }

  settled(results: readonly Node[]): readonly Node[] {
    const graph = createGraph();
    const moved = new Map<Node, Node>();
    const target = (node: Node): Node => {
      const made = moved.get(node);
      if (made === undefined) throw new CompilerBug(`%${node.id} ${node.op.name} is read before it is made`);
      return made;
    };
    for (const node of neededBy(results)) moved.set(node, this.settledCopy(node, node.args.map(target), graph));
    return results.map(target);
  }
}

/** The last result of the application that a node belongs to. */
function lastOf(node: Node): Node {
  return node.results[node.results.length - 1] ?? node;
}

/** The nodes whose value depends on a parameter, the parameters included; ids from `lowest` to `highest`. */
function leadingTo(
  nodes: readonly Node[],
  parameters: ReadonlySet<Node>,
  lowest: number,
  highest: number,
): ReadonlySet<Node> {
  const found = new Set<Node>();
  for (let id = lowest; id <= highest; id += 1) {
    const node = nodes[id];
    if (node === undefined) break;
    if (parameters.has(node) || node.args.some((arg) => found.has(arg))) found.add(node);
  }
  return found;
}

/** A cotangent has the type of what it is the cotangent of. */
function checkFlow(node: Node, operand: Node, flow: Node): void {
  if (sameType(flow.type, operand.type)) return;
  throw new CompilerBug(
    `the gradient rule of ${node.op.name} gives ${printType(flow.type)} for an operand ${printType(operand.type)}`,
  );
}
