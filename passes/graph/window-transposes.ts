/**
 * Transposes of images on their way through windows, pools and what follows a convolution:
 *
 *   window(permute(x))                           ->   permute(window(x))
 *   max over windows(permute(window(x)))         ->   permute(max over windows(window(x)))
 *   f(permute(conv), bias repeated, ...)         ->   permute(f(conv, bias repeated, ...))
 *   permute(permute(x))                          ->   permute(x), or x
 *
 * So a net whose images have their channels first, as its user wrote it, computes in the layout that its contractions have, and
 * what follows one element by element joins it. Exact: the same elements, in other places. Only where a window is below: the
 * layout of anything else is its user's.
 */
import { isContract, isOp, isReduce, operand } from "../../src/graph/define.ts";
import { resultOf } from "../../src/graph/graph.ts";
import type { Build, Node } from "../../src/graph/node.ts";
import { broadcast, permute } from "../../src/graph/ops/view.ts";
import { window } from "../../src/graph/ops/window.ts";

/** Moves transposes, a node after the other in the order of a graph; it knows what it has moved one behind. */
export function sinking(): (node: Node, args: readonly Node[], build: Build) => Node | undefined {
  const above = new Set<Node>();
  const isMoved = (node: Node): boolean => {
    if (orderOf(node) === null) return false;
    const under = operand(node);
    return above.has(under) || under.op === window || (isFold(under) && under.args.some(({ op }) => op === window));
  };
  return (node, args, build) => {
    const [x] = args;
    if (x === undefined) return undefined;
    if (isOp(node, window)) return behindWindow(node.attrs, x, build);
    if (isReduce(node)) return behindReduce(node, x, build);
    if (node.op === permute) return isMoved(x) ? joined(node, x, build) : undefined;
    const moved = node.op.kind === "map" ? args.find(isMoved) : undefined;
    const made = moved === undefined ? undefined : behindMap(node, args, moved, build);
    if (made !== undefined) above.add(operand(made));
    return made;
  };
}

const isFold = (node: Node): boolean => isContract(node) || isReduce(node);

function orderOf(node: Node): readonly number[] | null {
  return isOp(node, permute) && !node.own ? node.attrs.order : null;
}

function behindWindow(attrs: Parameters<Build["window"]>[1], x: Node, build: Build): Node | undefined {
  const order = orderOf(x);
  if (order === null) return undefined;
  const made = build.window(operand(x), { ...attrs, axes: attrs.axes.map((axis) => order[axis] ?? 0) });
  return build.permute(made, [...order, ...attrs.axes.map((_, i) => order.length + i)]);
}

function behindReduce(node: Node, x: Node, build: Build): Node | undefined {
  const order = orderOf(x);
  if (order === null || !isReduce(node) || operand(x).op !== window) return undefined;
  const axes = node.attrs.axes.map((axis) => order[axis] ?? 0);
  if (axes.some((axis, i) => i > 0 && axis < (axes[i - 1] ?? 0))) return undefined; // places count in the order of axes
  const made = resultOf(build.graph.node(node.op, [operand(x)], { axes }, node.origins), node.result);
  const kept = order.filter((_, axis) => !node.attrs.axes.includes(axis));
  return build.permute(
    made,
    kept.map((axis) => axis - axes.filter((one) => one < axis).length),
  );
}

function joined(node: Node, x: Node, build: Build): Node | undefined {
  const [outer, inner] = [orderOf(node), orderOf(x)];
  if (outer === null || inner === null) return undefined;
  return build.permute(
    operand(x),
    outer.map((axis) => inner[axis] ?? 0),
  );
}

/** All operands in the layout below the transpose of one, where the others are repeated, or transposed alike. */
function behindMap(node: Node, args: readonly Node[], moved: Node, build: Build): Node | undefined {
  const order = orderOf(moved);
  if (order === null) return undefined;
  const below = args.flatMap((arg) => inLayout(arg, order, operand(moved), build) ?? []);
  if (below.length < args.length) return undefined;
  return build.permute(build.graph.node(node.op, below, node.attrs, node.origins), order);
}

/** An operand in the layout under a transpose; null where that takes one of its own. */
function inLayout(arg: Node, order: readonly number[], like: Node, build: Build): Node | null {
  if (arg.type.shape.length === 0) return arg;
  const own = orderOf(arg);
  if (own?.every((axis, i) => axis === order[i])) return operand(arg);
  if (!isOp(arg, broadcast) || arg.own) return null;
  const [source] = arg.args;
  const { shape } = source.type;
  const axes = arg.attrs.axes.filter((_, i) => shape[i] !== 1).map((axis) => order[axis] ?? 0);
  const places = axes.map((_, i) => i).sort((a, b) => (axes[a] ?? 0) - (axes[b] ?? 0));
  const moving = build.reshape(
    source,
    shape.filter((dim) => dim !== 1),
  );
  return build.broadcast(
    build.permute(moving, places),
    like.type.shape,
    places.map((i) => axes[i] ?? 0),
  );
}
