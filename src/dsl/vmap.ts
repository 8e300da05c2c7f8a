/**
 * vmap: a function of one example, for many at once.
 *
 * The function runs once, in a trace of its own, on tensors that are one example each. What it makes is then made again in the
 * program around it with an axis of examples in front (src/graph/batch.ts). A gradient in the function is each example's: what
 * it is taken by is there once for each, and as examples do not mix, the gradient of all is that of each.
 */
import { CompilerBug, ShapeError, UserError } from "../core/errors.ts";
import {
  callable,
  checkArguments,
  checkedLater,
  checkOptions,
  checkValue,
  type Kind,
  type OptionTable,
  show,
} from "../core/options.ts";
import { atLine, here, type Origin } from "../core/origin.ts";
import { vectorize } from "../graph/batch.ts";
import { builder } from "../graph/build.ts";
import { createTrace, neededBy } from "../graph/graph.ts";
import type { Batched, Graph, Literal, Node } from "../graph/node.ts";
import { input } from "../graph/ops/source.ts";
import { permute, spreadBatch } from "../graph/ops/view.ts";
import { type Dim, dimOf } from "../graph/shape.ts";
import { printType, tensorType } from "../graph/type.ts";
import { BodyTrace, drawRows } from "./body.ts";
import { applyOp } from "./build.ts";
import { axesOf, axisKind, refusePromise } from "./check.ts";
import { tensorsOf } from "./grad.ts";
import { graphOf, isNode, nodeIn, Tensor, tensorLeaf } from "./tensor.ts";
import { leavesOf, mapTree, type NamedLeaf, splitPath, type Tree } from "./tree.ts";
import type { AxisTree, CheckExamples, ExampleOf, ExamplesOf, ExamplesTree } from "./vmap-types.ts";

/** Which axes count the examples. */
export interface VmapOptions<A = AxisTree, O = number> {
  /**
   * Of what is given: 0 by default. A number is for every tensor; a tree of numbers says it by name, 0 where a name is missing.
   * null: the same tensor for each example.
   */
  readonly axis?: A;
  /** Of what the function gives: 0 by default. */
  readonly outAxis?: O;
}

const ofOne: Kind<(x: Tree<Tensor>) => unknown> = callable();
/** A null for all is no examples, which is said below. */
const axesKind: Kind<AxisTree> = { ...checkedLater(), accepts: (_): _ is AxisTree => true };
const vmapTable: OptionTable<VmapOptions> = { axis: axesKind, outAxis: axisKind };

/**
 * The function for every example: `f` is given each tensor of `xs` without its axis of examples, and what it gives has that axis in
 * front. It runs once, to describe one example; what it reads from around it is the same for all.
 *
 *   const gradients = vmap(({ x, y }) => grad(loss(net, x, y), net), { x: images, y: labels });
 *
 * are the gradients of each example. Random numbers that it draws are others for each. It may be given to `grad`, `scan` and
 * `vmap`, and call them.
 */
export function vmap<X, R, const A extends Exclude<AxisTree, null> = 0, const O extends number = 0>(
  f: (x: ExampleOf<X, A>) => R,
  xs: X & CheckExamples<ExamplesOf<X, A>>,
  options?: VmapOptions<A, O>,
): ExamplesTree<R, ExamplesOf<X, A>, O>;
export function vmap(one: unknown, xs: unknown, given?: VmapOptions): unknown {
  checkArguments("vmap", arguments, 3);
  const origin = here("vmap");
  const f = checkValue("vmap", "f", one, ofOne, origin);
  const options = checkOptions("vmap", given, vmapTable, { before: "f, xs, ", origin });
  const leaves = leavesOf(xs, tensorLeaf, "vmap: xs");
  if (options.axis !== undefined) checkNames(options.axis, leaves, origin);
  const axes = leaves.map((leaf) => axisOf(leaf, options.axis === undefined ? 0 : options.axis, origin));
  const size = examplesOf(leaves, axes, origin);
  const outer = leaves.map(({ leaf }, i) => inFront(leaf, axes[i] ?? null, origin));
  const trace = new BodyTrace(outer, drawRows(size), origin);
  const inner = new Map<Node, Tensor>();
  let place = 0;
  const examples = mapTree(xs, tensorLeaf, "vmap", (leaf): Tensor => {
    const [whole, axis] = [outer[place] ?? leaf, axes[place] ?? null];
    place += 1;
    if (axis === null) return leaf;
    const { dtype, shape } = whole.value.type;
    const parameter = trace.parameter(tensorType(dtype, shape.slice(1)));
    inner.set(parameter, whole);
    return new Tensor(parameter);
  });
  try {
    const tree = f(examples);
    refusePromise("vmap: the function", tree, origin);
    const results = tensorsOf(tree, "vmap").map((tensor) => trace.node(tensor));
    const settled = trace.settled(results);
    trace.close(); // what is drawn for all examples is not drawn by the function
    const made = forAll(trace, settled, inner, size, origin);
    let next = 0;
    return mapTree(tree, tensorLeaf, "vmap", (leaf) => outAt(made[next++] ?? leaf, options.outAxis ?? 0, origin));
  } finally {
    trace.close();
  }
}

/** What the function has made, for all examples, in the program around it. */
function forAll(
  trace: BodyTrace,
  results: readonly Node[],
  inner: ReadonlyMap<Node, Tensor>,
  size: Dim,
  origin: Origin,
): readonly Tensor[] {
  const perExample = new Map([...inner, ...trace.drawn]);
  const shared = trace.captured;
  const around = graphOf([...perExample.values(), ...shared.values()]);
  const graph = around ?? createTrace();
  const constants = new Map<Node, Literal>();
  const place = (tensor: Tensor): Node =>
    around === undefined ? standIn(graph, tensor, constants) : nodeIn(graph, tensor);
  const build = builder(graph, [origin]);
  const given = new Map<Node, Batched>();
  for (const [parameter, tensor] of perExample) given.set(parameter, { node: place(tensor), batched: true });
  for (const [parameter, tensor] of shared) given.set(parameter, { node: place(tensor), batched: false });
  const made = vectorize(graph, results, given, size).map((node) => spreadBatch(node, size, build));
  return around === undefined ? closedAgain(made, constants, origin) : made.map((node) => new Tensor(node));
}

/** A parameter for a closed expression. */
function standIn(graph: Graph, { value, dtype, shape }: Tensor, constants: Map<Node, Literal>): Node {
  if (isNode(value)) throw new CompilerBug("a tensor of a program stands among constants");
  const node = graph.node(input, [], { name: "constant", dtype, shape }, [value.origin]);
  constants.set(node, value);
  return node;
}

/** Of constants alone: what was made of them belongs to no program, and is a closed expression. */
function closedAgain(made: readonly Node[], constants: ReadonlyMap<Node, Literal>, origin: Origin): readonly Tensor[] {
  const literals = new Map(constants);
  const literalOf = (node: Node): Literal => {
    const literal = literals.get(node);
    if (literal === undefined) throw new CompilerBug(`${node.op.name} is closed before its operands`);
    return literal;
  };
  for (const node of neededBy(made)) {
    if (literals.has(node)) continue;
    const { op, attrs, type, result, origins } = node;
    const args = node.args.map(literalOf);
    const drawn = Math.max(0, ...args.map((arg) => arg.drawn));
    literals.set(node, { op, args, attrs, type, result, origin: origins[0] ?? origin, drawn });
  }
  return made.map((node) => new Tensor(literalOf(node)));
}

/** A name in the axes that is none in the tree of tensors would be as if it were not there. */
function checkNames(axis: AxisTree, leaves: readonly NamedLeaf<Tensor>[], origin: Origin): void {
  const paths = leaves.map(({ path }) => (path === "" ? [] : splitPath(path)));
  const check = (tree: unknown, depth: number, among: readonly (readonly string[])[]): void => {
    if (typeof tree !== "object" || tree === null) return;
    for (const [name, part] of Object.entries(tree)) {
      const found = among.filter((path) => path[depth] === name);
      if (found.length > 0) check(part, depth + 1, found);
      else if (among.some((path) => path.length > depth)) {
        const names = new Set(among.flatMap((path) => path.slice(depth, depth + 1)));
        throw new UserError(
          `vmap: axis has ${show(name)}, and xs has no such name (${[...names].join(", ")})${atLine(origin)}`,
        );
      }
    }
  };
  check(axis, 0, paths);
}

/** The axis of a leaf that counts the examples, as the options have it: a number, null, or a tree of them. */
function axisOf({ path, leaf }: NamedLeaf<Tensor>, axis: AxisTree, origin: Origin): number | null {
  let found: unknown = axis;
  for (const name of path === "" ? [] : splitPath(path)) {
    if (typeof found !== "object" || found === null) break;
    found = Object.hasOwn(found, name) ? (found as Readonly<Record<string, unknown>>)[name] : 0;
  }
  if (found === null) return null;
  const name = path === "" ? "" : ` of "${path}"`;
  if (typeof found !== "number" || !Number.isSafeInteger(found)) {
    throw new UserError(`vmap: axis${name} must be a whole number or null, not ${show(found)}${atLine(origin)}`);
  }
  return axesOf(leaf, found, origin)[0] ?? null;
}

/** How many examples all tensors have. */
function examplesOf(leaves: readonly NamedLeaf<Tensor>[], axes: readonly (number | null)[], origin: Origin): Dim {
  let size: Dim | undefined;
  leaves.forEach(({ leaf, path }, i) => {
    const axis = axes[i] ?? null;
    if (axis === null) return;
    const count = dimOf(leaf.shape, axis);
    size ??= count;
    if (count !== size) {
      const name = path === "" ? "" : ` in "${path}"`;
      throw new ShapeError(
        `vmap: ${size} examples, and ${count}${name} (${printType(leaf.value.type)})${atLine(origin)}`,
      );
    }
  });
  if (size !== undefined) return size;
  const why = axes.includes(null) ? ": axis says null of each, and f can be called as it is" : "";
  throw new UserError(`vmap: no tensor of xs has an axis of examples${why}${atLine(origin)}`);
}

/** The axis of examples in front of the others. */
function inFront(x: Tensor, axis: number | null, origin: Origin): Tensor {
  if (axis === null || axis === 0) return x;
  const others = x.shape.map((_, i) => i).filter((i) => i !== axis);
  return applyOp(permute, [x], { order: [axis, ...others] }, origin);
}

/** The axis of examples, which is in front, in another place. */
function outAt(x: Tensor, axis: number, origin: Origin): Tensor {
  const [place = 0] = axesOf(x, axis, origin);
  if (place === 0) return x;
  const order = x.shape.map((_, i) => (i < place ? i + 1 : i === place ? 0 : i));
  return applyOp(permute, [x], { order }, origin);
}
