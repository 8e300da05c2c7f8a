/**
 * differentiate: `gradient` nodes become the nodes that compute the derivative, by reverse accumulation.
 *
 *   %1: f32[] = mul %0 %0                 %1: f32[] = mul %0 %0        (the loss, if anything else needs it)
 *   %2: f32[] = gradient %1 %0      ->    %3: f32[] = mul 1 %0
 *                                         %4: f32[] = add %3 %3
 *
 * One sweep over ids, upwards: when a gradient node is met, its loss is already free of gradient nodes, so inner
 * derivatives are expanded first and derivatives of derivatives need no further thought. At the first gradient of a loss one
 * reverse sweep, downwards from the loss, serves all of them; it visits only nodes that lead to a wanted parameter.
 *
 * Parameters are tensors and not expressions: one that no state or input is has come here as a node of its own, which no
 * other use of an equal expression reads, and is again an expression like any other when this pass ends.
 *
 * What a sweep makes points at the user's lines of the forward pass, by origins marked `derived`: so pictures can tell the
 * backward pass from the rest.
 */
import { CompilerBug } from "../../src/core/errors.ts";
import { atLine, type Origin } from "../../src/core/origin.ts";
import { builder } from "../../src/graph/build.ts";
import { isOp } from "../../src/graph/define.ts";
import { alone, copyOf, type Entry, merged, neededNodes, rebuild } from "../../src/graph/entry.ts";
import type { Build, Node, NodeOf } from "../../src/graph/node.ts";
import { gradient, slopedAs } from "../../src/graph/ops/transform.ts";
import { printType, sameType } from "../../src/graph/type.ts";
import type { GraphPass, PassContext } from "./pass.ts";

export const differentiate: GraphPass = {
  name: "differentiate",
  expands: ["transform"],
  run(entry: Entry, context: PassContext): Entry {
    const wantedOf = wantedByLoss(entry);
    const moved = new Map<Node, Node>();
    const sweeps: Sweeps = { done: new Map(), origins: new Map() };
    const expand = (node: GradientNode, args: readonly Node[]): Node => {
      const made = derivative(node, args, sweeps, () => wanted(node, wantedOf, moved), context);
      return node.own ? alone(made) : made;
    };
    const expanded = rebuild(entry, (node, args, build) => {
      const made = isOp(node, gradient) ? expand(node, args) : copyOf(node, args, build.graph);
      moved.set(node, made);
      return made;
    });
    return finished(expanded);
  },
};

/** Nobody differentiates any more: nodes of their own and second forms have had their use. */
function finished(entry: Entry): Entry {
  const { nodes } = entry.graph;
  const single = nodes.some(({ op }) => op === slopedAs)
    ? rebuild(entry, ({ op }, [value]) => (op === slopedAs ? value : undefined))
    : entry;
  return nodes.some(({ own }) => own) ? merged(single, new Set()) : single;
}

/** Node -> the derivative of the loss by it. */
type Cotangents = ReadonlyMap<Node, Node>;

type GradientNode = NodeOf<Readonly<Record<never, never>>, 2>;

interface Sweeps {
  /** By loss. */
  readonly done: Map<Node, Cotangents>;
  /** Forward origin -> the origin of what is derived there: one object each, however many sweeps pass. */
  readonly origins: Map<Origin, Origin>;
}

/** The parameters of all gradient nodes, by loss, in the graph as it was. */
function wantedByLoss(entry: Entry): ReadonlyMap<Node, readonly Node[]> {
  const found = new Map<Node, Node[]>();
  for (const node of neededNodes(entry)) {
    if (!isOp(node, gradient)) continue;
    const [loss, parameter] = node.args;
    const known = found.get(loss);
    if (known === undefined) found.set(loss, [parameter]);
    else known.push(parameter);
  }
  return found;
}

/** The parameters of this node's loss in the new graph. One that is not there yet comes after the loss: no path. */
function wanted(
  node: GradientNode,
  wantedOf: ReadonlyMap<Node, readonly Node[]>,
  moved: ReadonlyMap<Node, Node>,
): readonly Node[] {
  const parameters = wantedOf.get(node.args[0]) ?? [];
  return parameters.map((parameter) => moved.get(parameter)).filter((parameter) => parameter !== undefined);
}

function derivative(
  node: GradientNode,
  [loss, parameter]: readonly Node[],
  sweeps: Sweeps,
  parameters: () => readonly Node[],
  context: PassContext,
): Node {
  if (loss === undefined || parameter === undefined) throw new CompilerBug("gradient takes a loss and a parameter");
  const [oldLoss] = node.args;
  const cotangents = sweeps.done.get(oldLoss) ?? reverseSweep(loss, parameters(), sweeps);
  sweeps.done.set(oldLoss, cotangents);
  const found = cotangents.get(parameter);
  if (found !== undefined) return found;
  const hint = hasEqual(parameter)
    ? " (an expression that equals it is another tensor: keep the one that the loss uses in a variable)"
    : "";
  context.warn(
    `the loss does not depend on ${describe(parameter)}: its gradient is zero${hint}${atLine(node.origins[0])}`,
  );
  return derivedFrom({ graph: loss.graph, origins: node.origins }, sweeps).fill(parameter, 0);
}

/** Constructors whose nodes come from the same lines as `node`, and are known as derivatives. */
function derivedFrom({ graph, origins }: Pick<Node, "graph" | "origins">, sweeps: Sweeps): Build {
  const derived = origins.map((origin) => {
    if (origin.derived) return origin;
    const known = sweeps.origins.get(origin) ?? { ...origin, derived: true };
    sweeps.origins.set(origin, known);
    return known;
  });
  return builder(graph, derived);
}

/** Whether the same operation on the same operands stands elsewhere: what the user may have meant. */
function hasEqual(parameter: Node): boolean {
  const { graph, op, args, key } = parameter;
  return graph.nodes.some(
    (node) =>
      node !== parameter &&
      node.op === op &&
      node.args.length === args.length &&
      node.args.every((arg, i) => arg === args[i]) &&
      node.key === key,
  );
}

function describe(parameter: Node): string {
  const { name } = parameter.attrs;
  if (parameter.op.kind === "source" && typeof name === "string") return `${parameter.op.name} "${name}"`;
  return `a value of ${parameter.op.name} ${printType(parameter.type)}`;
}

/** Cotangents of everything between the loss and the parameters. */
function reverseSweep(loss: Node, parameters: readonly Node[], sweeps: Sweeps): Cotangents {
  const { graph } = loss;
  const between = leadingTo(loss, new Set(parameters));
  const cotangents = new Map<Node, Node>();
  cotangents.set(loss, derivedFrom(loss, sweeps).constant(loss.type.dtype, 1));
  for (let id = lastOf(loss).id; id >= 0; id--) {
    const node = graph.nodes[id];
    // with the first result of an application, the cotangents of all are known: whoever reads one comes later
    if (node === undefined || node.result > 0 || node.op.vjp === undefined) continue;
    const slopes: (Node | null)[] = [];
    let flows = false;
    for (const result of node.results) {
      const slope = between.has(result) ? (cotangents.get(result) ?? null) : null;
      slopes.push(slope);
      flows ||= slope !== null;
    }
    if (!flows) continue;
    const build = derivedFrom(node, sweeps);
    const parts = node.op.vjp(node, slopes, build);
    for (let i = 0; i < parts.length; i += 1) {
      const flow = parts[i];
      const operand = node.args[i];
      if (flow === null || flow === undefined || operand === undefined || !between.has(operand)) continue;
      checkFlow(node, operand, flow);
      const sum = cotangents.get(operand);
      cotangents.set(operand, sum === undefined ? flow : build.addSlopes(sum, flow));
    }
  }
  return cotangents;
}

/** The last result of the application that a node belongs to. */
function lastOf(node: Node): Node {
  return node.results[node.results.length - 1] ?? node;
}

/** The nodes up to the loss whose value depends on a parameter, the parameters included. */
function leadingTo(loss: Node, parameters: ReadonlySet<Node>): ReadonlySet<Node> {
  const found = new Set<Node>();
  for (const node of loss.graph.nodes) {
    if (node.id > loss.id) break;
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
