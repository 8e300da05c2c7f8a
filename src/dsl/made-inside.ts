/**
 * Gradients inside a function by a tensor from outside. What is made of that tensor alone is made outside, once; but a gradient
 * flows through what the function makes, and would miss it. So that is made again, inside.
 *
 *   vmap((x) => grad(loss(dot(x, transpose(w))), w), xs)      transpose(w) is a node outside, and has to be one of the function's
 */

import { neededBy } from "../graph/graph.ts";
import type { Graph, Node } from "../graph/node.ts";
import { isRequest } from "../graph/ops/transform.ts";

/** `results` of the traced function, with everything that gradients in it flow through made in its graph. */
export function madeInside(graph: Graph, results: readonly Node[]): readonly Node[] {
  const targets = new Set(takenBy(graph.nodes).filter((node) => node.graph !== graph));
  if (targets.size === 0) return results;
  // A gradient that is made again, as one flows through it, is by a tensor from outside too.
  for (let known = 0; known < targets.size; ) {
    known = targets.size;
    const inside = new Inside(graph, targets);
    for (const node of takenBy(graph.nodes.flatMap((one) => inside.broughtBy(one)))) targets.add(node);
  }
  const inside = new Inside(graph, targets);
  const before = [...graph.nodes];
  for (const parameter of before) {
    if (graph.outside(parameter) !== parameter) inside.bring(parameter);
  }
  if (inside.made.size === 0) return results;
  for (const node of before) {
    if (node.result === 0 && node.args.some((arg) => inside.made.has(arg))) inside.again(node, (arg) => arg);
  }
  return results.map((node) => inside.made.get(node) ?? node);
}

/** What those of the nodes that are gradients are taken by: what it is outside, where it is from there. */
function takenBy(nodes: readonly Node[]): readonly Node[] {
  const by = nodes.flatMap((node) => (isRequest(node) ? node.args.slice(-1) : []));
  return by.map((node) => node.graph.outside(node));
}

class Inside {
  /** Nodes of any graph -> what stands for them now. */
  readonly made = new Map<Node, Node>();
  readonly #graph: Graph;
  readonly #targets: ReadonlySet<Node>;
  readonly #followers = new Map<Graph, ReadonlySet<Node>>();

  constructor(graph: Graph, targets: ReadonlySet<Node>) {
    this.#graph = graph;
    this.#targets = targets;
  }

  /** What is to be made again for a parameter; nothing for any other node. */
  broughtBy(parameter: Node): readonly Node[] {
    const source = parameter.graph.outside(parameter);
    if (source === parameter || !this.#follows(source)) return [];
    const needed = neededBy([source]).filter((node) => this.#follows(node));
    return needed.flatMap((node) => (node.graph.outside(node) === node ? [node] : this.broughtBy(node)));
  }

  /** Makes what a parameter stands for, where that follows from a target; it may be one itself. */
  bring(parameter: Node): void {
    const source = parameter.graph.outside(parameter);
    if (!this.#follows(source)) return;
    for (const node of neededBy([source])) {
      if (this.made.has(node) || !this.#follows(node)) continue;
      if (node.graph.outside(node) !== node) this.bring(node);
      else this.again(node, (arg) => this.#graph.reach(arg));
    }
    const made = this.made.get(source);
    if (made !== undefined) this.made.set(parameter, made);
  }

  /** Makes an application again, on what stands for its operands; `other`: for one that nothing stands for. */
  again({ op, args, attrs, origins, results }: Node, other: (arg: Node) => Node): void {
    const operands = args.map((arg) => this.made.get(arg) ?? other(arg));
    const node = this.#graph.node(op, operands, attrs, origins);
    results.forEach((result, i) => {
      const made = node.results[i];
      if (made !== undefined) this.made.set(result, made);
    });
  }

  #isTarget(node: Node): boolean {
    return this.#targets.has(node.graph.outside(node));
  }

  /** Whether something that it is made of is a target. */
  #follows(node: Node): boolean {
    const { graph } = node;
    const known = this.#followers.get(graph);
    if (known !== undefined) return known.has(node);
    const found = new Set<Node>();
    this.#followers.set(graph, found);
    for (const one of graph.nodes) {
      const source = graph.outside(one);
      if (source === one ? one.args.some((arg) => found.has(arg) || this.#isTarget(arg)) : this.#follows(source)) {
        found.add(one);
      }
    }
    return found.has(node);
  }
}
