/**
 * customGradient: a function whose gradient its author knows better than the rules of the ops do.
 */
import { isFloat } from "../core/dtype.ts";
import { CompilerBug, UserError } from "../core/errors.ts";
import { checkArguments } from "../core/options.ts";
import { atLine, here, type Origin } from "../core/origin.ts";
import type { Body } from "../graph/body.ts";
import { neededBy } from "../graph/graph.ts";
import type { Node } from "../graph/node.ts";
import { withSlopes } from "../graph/ops/custom.ts";
import { mapOps } from "../graph/ops/map.ts";
import { input, state } from "../graph/ops/source.ts";
import { printType } from "../graph/type.ts";
import { BodyTrace, drawOnce } from "./body.ts";
import { applyOp } from "./build.ts";
import { checkFunction, checkTensor, refusePromise } from "./check.ts";
import { type GradientsOf, graphOfAll, leavesLike } from "./grad.ts";
import { nodeIn, Tensor, tensorLeaf } from "./tensor.ts";
import { leavesOf, mapTree, type NamedLeaf } from "./tree.ts";

/** What a gradient is computed from: what the function was given, what it gave, and the slope of that. */
export interface SlopeAt<X, R> {
  readonly inputs: X;
  readonly value: R;
  readonly slope: R;
}

/**
 * The value of `f` at a tree of tensors, with a gradient of its own: `backward` is given the inputs, the value and the slope of the
 * value, and gives the slope of each input, a tree of the same form.
 *
 *   const clipped = customGradient((x) => x, ({ slope }) => clip(slope, -1, 1), x);
 *
 * Nothing flows through f itself, so f must be given all that a gradient is to flow to. `backward` runs once, and is made
 * of differentiable functions: second derivatives are those of it. Tensors of integers in `x` have no slope: what is given for
 * them is not read.
 */
export function customGradient<X, R extends Tensor>(
  f: (x: X) => R,
  backward: (at: SlopeAt<X, NoInfer<R>>) => GradientsOf<X>,
  x: X,
): R;
export function customGradient(
  f: (x: unknown) => unknown,
  backward: (at: SlopeAt<unknown, Tensor>) => unknown,
  x: unknown,
): Tensor {
  checkArguments("customGradient", arguments, 3);
  const origin = here("customGradient");
  checkFunction("customGradient", f, "f");
  checkFunction("customGradient", backward, "backward");
  const inputs = leavesOf(x, tensorLeaf, "customGradient");
  const given = inputs.map(({ leaf }) => leaf);
  const made = f(x);
  refusePromise("customGradient: f", made, origin);
  const value = checkTensor("customGradient", made, "what f gives");
  if (!isFloat(value.dtype)) {
    throw new UserError(`customGradient: f gives ${value.dtype}, which has no slope${atLine(origin)}`);
  }
  const graph = graphOfAll("customGradient", "the value", [value, ...given], origin);
  const node = nodeIn(graph, value);
  const nodes = given.map((tensor) => nodeIn(graph, tensor));
  checkReads(node, nodes, origin);
  const operands = [node, ...nodes].map((one) => new Tensor(one));
  const { captured, body } = slopesOf(backward, { x, inputs, operands }, origin);
  return applyOp(withSlopes, [...operands, ...captured], { body, count: nodes.length }, origin);
}

/** What `backward` makes of value, inputs and slope, as a body, and what it reads besides. */
function slopesOf(
  backward: (at: SlopeAt<unknown, Tensor>) => unknown,
  given: { readonly x: unknown; readonly inputs: readonly NamedLeaf<Tensor>[]; readonly operands: readonly Tensor[] },
  origin: Origin,
): { readonly captured: readonly Tensor[]; readonly body: Body } {
  const { inputs, operands } = given;
  const trace = new BodyTrace(operands, drawOnce, origin);
  try {
    const parameters = operands.map(({ value }) => trace.parameter(value.type));
    const [value, ...others] = parameters;
    if (value === undefined) throw new CompilerBug("customGradient has no value");
    const slope = trace.parameter(value.type);
    let next = 0;
    const at = {
      inputs: mapTree(given.x, tensorLeaf, "customGradient", (leaf) => tensorAt(others, next++) ?? leaf),
      value: new Tensor(value),
      slope: new Tensor(slope),
    };
    const slopes = backward(at);
    refusePromise("customGradient: backward", slopes, origin);
    const floats = inputs.filter(({ leaf }) => isFloat(leaf.dtype));
    const unread = new Set(inputs.filter((leaf) => !floats.includes(leaf)).map(({ path }) => path));
    const outputs = leavesLike("customGradient", "the slope", slopes, floats, origin, unread);
    const nodes = trace.settled(outputs.map((tensor) => trace.node(tensor)));
    const outside = [...trace.drawn, ...trace.captured];
    const all = [...parameters, ...outside.map(([parameter]) => parameter), slope];
    const numbers = new Map(all.map((parameter, i) => [parameter, i]));
    return { captured: outside.map(([, tensor]) => tensor), body: trace.body(numbers, nodes, []) };
  } finally {
    trace.close();
  }
}

function tensorAt(nodes: readonly Node[], place: number): Tensor | undefined {
  const node = nodes[place];
  return node === undefined ? undefined : new Tensor(node);
}

/** What f reads from around it would have no gradient, and nobody would be told. */
function checkReads(value: Node, given: readonly Node[], origin: Origin): void {
  const { graph } = value;
  const ends = new Map<Node, null>(given.map((node) => [node, null]));
  for (const node of graph.nodes) {
    if (node.op === mapOps.stopGradient || !isFloat(node.type.dtype)) ends.set(node, null);
  }
  const outer = neededBy([value], ends).find((node) => !ends.has(node) && (node.op === input || node.op === state));
  if (outer === undefined) return;
  throw new UserError(
    `customGradient: f reads a tensor from around it (${printType(outer.type)} ${outer.attrs.name}), to which no gradient would ` +
      `flow: give it in x, or stopGradient of it${atLine(origin)}`,
  );
}
