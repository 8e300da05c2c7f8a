/**
 * Maxima over windows before what follows them.
 *
 *   max over windows of relu(conv + bias)   ->   relu(max over windows of conv  + bias)
 *
 * A function that never falls commutes with the maximum, and it is computed on as many elements as there are windows. Before
 * `differentiate`, so that the slope of relu reads the pooled value as well, and the convolution's output is needed by nobody:
 * a pool, its convolution and what lies between are one kernel.
 *
 * Exact, as rounding never falls either: x <= y gives round(x + b) <= round(y + b); but for infinity - infinity, where an
 * infinite bias meets an infinite element that is not the largest. Of elements that are equal only once they are rounded,
 * another one may get the slope.
 */
import { isFloat } from "../../src/core/dtype.ts";
import { everywhere } from "../../src/graph/body.ts";
import { constantValue } from "../../src/graph/constant-value.ts";
import { isOp, isReduce, operand } from "../../src/graph/define.ts";
import { neededNodes, rebuild } from "../../src/graph/entry.ts";
import { resultOf } from "../../src/graph/graph.ts";
import type { Build, Node } from "../../src/graph/node.ts";
import { mapOps } from "../../src/graph/ops/map.ts";
import { maxWithIndex, minWithIndex, reduceOps } from "../../src/graph/ops/reduce.ts";
import { broadcast, permute } from "../../src/graph/ops/view.ts";
import { window } from "../../src/graph/ops/window.ts";
import { stepsOf } from "../../src/graph/ops/window-steps.ts";
import { dimOf } from "../../src/graph/shape.ts";
import type { GraphPass } from "./pass.ts";

export const maxFirst: GraphPass = {
  name: "maxFirst",
  run: everywhere((entry) => {
    if (!entry.graph.nodes.some(({ op }) => op === window)) return entry;
    const needed = new Set(neededNodes(entry));
    const readers = new Map<Node, number>();
    for (const { args } of needed) for (const arg of args) readers.set(arg, (readers.get(arg) ?? 0) + 1);
    for (const { node } of [...entry.outputs, ...entry.next]) readers.set(node, 2);
    /** What others read besides: it is computed anyway. */
    const shared = new Set<Node>();
    return rebuild(entry, (node, args, build) => {
      for (const [i, arg] of args.entries()) if ((readers.get(operand(node, i)) ?? 0) > 1) shared.add(arg);
      const isBest = isExtreme(node) && node.result === 0 && !node.results.slice(1).some((other) => needed.has(other));
      return isBest ? lifted(node, args, build, shared) : undefined;
    });
  }),
};

function isExtreme({ op }: Node): boolean {
  return op === reduceOps.max || op === reduceOps.min || op === maxWithIndex || op === minWithIndex;
}

/** The extreme with all functions behind it that may be; undefined where there are none. */
function lifted(node: Node, [x]: readonly Node[], build: Build, shared: ReadonlySet<Node>): Node | undefined {
  if (!isReduce(node) || x === undefined || !isFloat(x.type.dtype)) return undefined;
  const isMax = node.op === reduceOps.max || node.op === maxWithIndex;
  const reduced = (of: Node): Node => resultOf(build.graph.node(node.op, [of], node.attrs, node.origins), 0);
  const lift = (over: Node): Node | undefined => {
    const found = functionUnder(over, isMax, shared);
    if (found === null) return undefined;
    const { views, map, place } = found;
    const others = map.args.map((arg, i) => (i === place ? null : repeatedAlong(arg, views, node.attrs.axes)));
    if (others.some((other, i) => i !== place && other === null)) return undefined;
    const inner = views.reduceRight<Node>((below, view) => build.graph.copy(view, [below]), operand(map, place));
    const best = lift(inner) ?? reduced(inner);
    const args = others.map((other) => (other === null ? best : repeatedOver(other, best, build)));
    return build.graph.node(map.op, args, map.attrs, map.origins);
  };
  return lift(x);
}

interface FunctionUnder {
  /** From the top. */
  readonly views: readonly Node[];
  readonly map: Node;
  /** The operand that it rises with. */
  readonly place: number;
}

/** A function that never falls, under views of which each window holds an element of it. */
function functionUnder(over: Node, isMax: boolean, shared: ReadonlySet<Node>): FunctionUnder | null {
  const views: Node[] = [];
  let node = over;
  while (!node.own && !shared.has(node) && (node.op === permute || isFilled(node, isMax))) {
    views.push(node);
    node = operand(node);
  }
  if (node.own || shared.has(node)) return null;
  const place = risesWith(node);
  return place === null ? null : { views, map: node, place };
}

/** The windows have a border below (above) all numbers, and none is of border alone. */
function isFilled(node: Node, isMax: boolean): boolean {
  if (!isOp(node, window)) return false;
  const { attrs } = node;
  if (attrs.value !== (isMax ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY)) return false;
  return attrs.axes.every((axis, i) => {
    const { size, stride, dilation, base, before } = stepsOf(attrs, i);
    const [extent, count] = [dimOf(node.args[0].type.shape, axis), attrs.count[i]];
    if (dilation !== 1 || base !== 1 || typeof extent !== "number" || typeof count !== "number") return false;
    return before < size && (count - 1) * stride - before < extent;
  });
}

/** Which operand the function rises with, whatever the others are; null where there is none. */
function risesWith({ op, args }: Node): number | null {
  const isRepeated = args.map((arg) => arg.op === broadcast || constantValue(arg) !== undefined);
  const [left, right] = isRepeated;
  if (op === mapOps.add || op === mapOps.max || op === mapOps.min) return right ? 0 : left ? 1 : null;
  if (op === mapOps.sub) return right ? 0 : null;
  const isFactor = (i: number): boolean => {
    const value = args[i] === undefined ? undefined : constantValue(args[i]);
    return value !== undefined && value > 0 && value < Number.POSITIVE_INFINITY;
  };
  if (op === mapOps.mul) return isFactor(1) ? 0 : isFactor(0) ? 1 : null;
  return op === mapOps.div && isFactor(1) ? 0 : null;
}

/** What is repeated, and which axes of the result its own axes are. */
interface Repeated {
  readonly source: Node;
  readonly axes: readonly number[];
}

/** An operand that is the same along all that is folded, as a repetition in the shape of the result; else null. */
function repeatedAlong(arg: Node, views: readonly Node[], folded: readonly number[]): Repeated | null {
  if (!isOp(arg, broadcast) || arg.own) return arg.type.shape.length === 0 ? { source: arg, axes: [] } : null;
  const [source] = arg.args;
  const axes: number[] = [];
  for (const [i, axis] of arg.attrs.axes.entries()) {
    if (source.type.shape[i] === 1) continue;
    let place = axis;
    for (const view of views.toReversed()) {
      if (isOp(view, permute)) place = view.attrs.order.indexOf(place);
      else if (isOp(view, window) && view.attrs.axes.includes(place)) return null;
    }
    if (folded.includes(place)) return null;
    axes.push(place - folded.filter((one) => one < place).length);
  }
  return { source, axes };
}

function repeatedOver({ source, axes }: Repeated, like: Node, build: Build): Node {
  const kept = source.type.shape.filter((dim) => dim !== 1);
  const order = axes.map((_, i) => i).sort((a, b) => (axes[a] ?? 0) - (axes[b] ?? 0));
  const ascending = order.map((i) => axes[i] ?? 0);
  return build.broadcast(build.permute(build.reshape(source, kept), order), like.type.shape, ascending);
}
