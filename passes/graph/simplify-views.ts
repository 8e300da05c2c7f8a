/**
 * The laws about shapes that `simplify` rewrites by: views of views, repeated values, reductions over nothing.
 *
 * Repetition moves towards the result, so that arithmetic on scalars and rows is done once and not once an element:
 *
 *   exp(broadcast(x))   ->   broadcast(exp(x))
 */
import { constantValue } from "../../src/graph/constant-value.ts";
import { attrsOf, isOp, isReduce, operand } from "../../src/graph/define.ts";
import type { Build, Node } from "../../src/graph/node.ts";
import { mapOps } from "../../src/graph/ops/map.ts";
import { concat, pad, slice } from "../../src/graph/ops/parts.ts";
import { reduceOps } from "../../src/graph/ops/reduce.ts";
import { broadcast, flip, permute, reshape } from "../../src/graph/ops/view.ts";
import { type Shape, sameShape } from "../../src/graph/shape.ts";
import { anyOf, hole, pattern, type Rule, rule } from "./pattern.ts";

const x = hole("x");
const exact = { exact: true };
const rounds = { exact: false };

function shapeOf(node: Node): Shape {
  return node.type.shape;
}

// ---- views of views ------------------------------------------------------------------------------------------------

function orderOf(node: Node): readonly number[] {
  return attrsOf(node, permute).order;
}

/** Where the axes of a broadcast's operand stand in its result. */
function axesOf(node: Node): readonly number[] {
  return attrsOf(node, broadcast).axes;
}

/** Both permutations at once: result axis i is axis inner[outer[i]] of x. */
function permuteOnce(x: Node, root: Node, build: Build): Node {
  const inner = orderOf(operand(root));
  return build.permute(
    x,
    orderOf(root).map((axis) => inner[axis] ?? 0),
  );
}

function broadcastOnce(x: Node, root: Node, build: Build): Node {
  const outer = axesOf(root);
  return build.broadcast(
    x,
    shapeOf(root),
    axesOf(operand(root)).map((axis) => outer[axis] ?? 0),
  );
}

/**
 * For each axis of `from`, its place in `to`, where `to` is `from` with axes of size 1 put in; else null. Taking the first
 * fitting place is enough: what is skipped has size 1.
 */
function placesIn(from: Shape, to: Shape): number[] | null {
  const places: number[] = [];
  for (let axis = 0; axis < to.length; axis++) {
    const wanted = from[places.length];
    if (wanted === to[axis]) places.push(axis);
    else if (to[axis] !== 1) return null;
  }
  return places.length === from.length ? places : null;
}

/** The axes of size 1 that a reshape puts in are what broadcast can put in by itself. */
function broadcastOfReshape(x: Node, root: Node, build: Build): Node | null {
  const places = placesIn(shapeOf(x), shapeOf(operand(root)));
  const outer = axesOf(root);
  if (places === null) return null;
  return build.broadcast(
    x,
    shapeOf(root),
    places.map((axis) => outer[axis] ?? 0),
  );
}

function unchanged(x: Node, root: Node): Node | null {
  return sameShape(shapeOf(x), shapeOf(root)) ? x : null;
}

const views: readonly Rule[] = [
  rule("reshape(x) to its own shape = x", pattern(reshape, x), ({ x }, _, root) => unchanged(x, root), exact),
  rule("broadcast(x) to its own shape = x", pattern(broadcast, x), ({ x }, _, root) => unchanged(x, root), exact),
  rule(
    "permute(x) by 0, 1, 2... = x",
    pattern(permute, x),
    ({ x }, _, root) => (orderOf(root).every((axis, i) => axis === i) ? x : null),
    exact,
  ),
  rule(
    "reshape(reshape(x)) = reshape(x)",
    pattern(reshape, pattern(reshape, x)),
    ({ x }, b, root) => b.reshape(x, shapeOf(root)),
    exact,
  ),
  rule(
    "permute(permute(x)) = permute(x)",
    pattern(permute, pattern(permute, x)),
    ({ x }, b, root) => permuteOnce(x, root, b),
    exact,
  ),
  rule(
    "broadcast(broadcast(x)) = broadcast(x)",
    pattern(broadcast, pattern(broadcast, x)),
    ({ x }, b, root) => broadcastOnce(x, root, b),
    exact,
  ),
  rule(
    "broadcast(reshape(x)) = broadcast(x) where the reshape only adds axes of size 1",
    pattern(broadcast, pattern(reshape, x)),
    ({ x }, b, root) => broadcastOfReshape(x, root, b),
    exact,
  ),
  // −0 + 0 is 0
  rule(
    "pad(x) + pad(y) ≈ concat(x, y) where they lie beside each other",
    pattern(
      mapOps.add,
      hole("x", ({ op }) => op === pad),
      hole("y", ({ op }) => op === pad || op === mapOps.add),
    ),
    (_, b, root) => padsBeside(root, b),
    rounds,
  ),
  ...[reshape, permute, slice, flip].map((op) =>
    rule(`${op.name}(c repeated) = c repeated`, pattern(op, x), ({ x }, b, root) => sameConstant(x, root, b), exact),
  ),
];

/** Parts of a sum that are looked at: more are not the slices of one tensor. */
const mostParts = 16;

/** Slopes of slices, each in its place among zeros, lie beside each other. */
function padsBeside(root: Node, build: Build): Node | null {
  const parts: Part[] = [];
  const pending = [root];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (node.op === mapOps.add) pending.push(...node.args);
    else {
      const part = partOf(node);
      if (part === null || parts.length === mostParts) return null;
      parts.push(part);
    }
  }
  parts.sort((a, b) => a.from - b.from);
  const [first] = parts;
  if (first === undefined) return null;
  const { axis, from } = first;
  let to = from;
  for (const part of parts) {
    if (part.axis !== axis || part.from !== to) return null;
    to += part.extent;
  }
  const whole = build.concat(
    parts.flatMap(({ x }) => (isOp(x, concat) && x.attrs.axis === axis ? x.args : [x])),
    axis,
  );
  const along = (width: number): number[] => shapeOf(root).map((_, other) => (other === axis ? width : 0));
  const after = Number(shapeOf(root)[axis]) - to;
  return from === 0 && after === 0 ? whole : build.pad(whole, along(from), along(after), along(0), 0);
}

interface Part {
  readonly x: Node;
  readonly axis: number;
  readonly from: number;
  readonly extent: number;
}

/** What has zeros before and behind it along one axis, of a size that is known. */
function partOf(node: Node): Part | null {
  if (!isOp(node, pad)) return null;
  const { before, after, inner, value } = node.attrs;
  const [x] = node.args;
  const padded = before.map((_, axis) => axis).filter((axis) => before[axis] !== 0 || after[axis] !== 0);
  const [axis = 0] = padded;
  const extent = x.type.shape[axis];
  if (padded.length !== 1 || !Object.is(value, 0) || inner.some((gap) => gap !== 0) || typeof extent !== "number")
    return null;
  return { x, axis, from: before[axis] ?? 0, extent };
}

function sameConstant(x: Node, root: Node, build: Build): Node | null {
  const value = constantValue(x);
  return value === undefined ? null : build.fill(root, value);
}

// ---- repeated values -----------------------------------------------------------------------------------------------

/** A broadcast that makes more elements of fewer. */
function grows(node: Node): boolean {
  if (node.op !== broadcast) return false;
  const axes = axesOf(node);
  const shape = shapeOf(node);
  const from = shapeOf(operand(node));
  for (let axis = 0; axis < shape.length; axis += 1) {
    if (shape[axis] !== 1 && from[axes.indexOf(axis)] !== shape[axis]) return true;
  }
  return false;
}

/** The operand itself where it repeats `wide.args[0]` the same way, or a scalar repeated to that smaller shape. */
function before(arg: Node, wide: Node, build: Build): Node | null {
  const [small, wideSmall] = [arg.args[0], wide.args[0]];
  if (arg.op !== broadcast || small === undefined || wideSmall === undefined) return null;
  const shape = shapeOf(wideSmall);
  if (shapeOf(small).length === 0) return build.broadcast(small, shape, []);
  const sameAxes = axesOf(arg).every((axis, i) => axis === axesOf(wide)[i]);
  return sameAxes && sameShape(shapeOf(small), shape) ? small : null;
}

function rankBefore(node: Node): number {
  return shapeOf(operand(node)).length;
}

/** f(broadcast(x), broadcast(y), c...) = broadcast(f(x, y, c...)), when x and y have one shape and are repeated alike. */
function mapBeforeBroadcast(root: Node, build: Build): Node | null {
  let wide: Node | null = null;
  for (const arg of root.args) {
    if (arg.op !== broadcast) return null;
    if (grows(arg) && (wide === null || rankBefore(arg) > rankBefore(wide))) wide = arg;
  }
  if (wide === null) return null;
  const args: Node[] = [];
  for (const arg of root.args) {
    const small = before(arg, wide, build);
    if (small === null) return null;
    args.push(small);
  }
  const small = build.graph.node(root.op, args, root.attrs, root.origins);
  return build.broadcast(small, shapeOf(root), axesOf(wide));
}

/** The sum of n equal things, where every summed axis is one that the broadcast made. */
function sumOfRepeated(x: Node, root: Node, build: Build): Node | null {
  const wide = operand(root);
  const { axes } = attrsOf(root, reduceOps.sum);
  if (axes.some((axis) => axesOf(wide).includes(axis))) return null;
  let count = 1;
  for (const axis of axes) count *= Number(shapeOf(wide)[axis]); // NaN where a dimension is not bound yet
  if (!(count >= 1 && count <= 2 ** 24)) return null;
  const kept = shapeOf(wide)
    .map((_, axis) => axis)
    .filter((axis) => !axes.includes(axis));
  const repeated = build.broadcast(
    x,
    shapeOf(root),
    axesOf(wide).map((axis) => kept.indexOf(axis)),
  );
  return build.map("mul", build.fill(root, count), repeated);
}

const repeated: readonly Rule[] = [
  rule(
    "f(broadcast(x), broadcast(y)) = broadcast(f(x, y))",
    anyOf("map"),
    (_, b, root) => mapBeforeBroadcast(root, b),
    exact,
  ),
  rule(
    "sum(x repeated n times) ≈ n · x",
    pattern(reduceOps.sum, pattern(broadcast, x)),
    ({ x }, b, root) => sumOfRepeated(x, root, b),
    rounds,
  ),
];

// ---- reductions over nothing ---------------------------------------------------------------------------------------

/** Folding one element gives that element. */
function withoutSingleAxes(x: Node, root: Node, build: Build): Node | null {
  if (!isReduce(root)) return null;
  const { axes } = root.attrs;
  const single = axes.filter((axis) => shapeOf(x)[axis] === 1);
  if (single.length === 0) return null;
  const kept = shapeOf(x)
    .map((_, axis) => axis)
    .filter((axis) => !single.includes(axis));
  const flat = build.reshape(
    x,
    kept.map((axis) => shapeOf(x)[axis] ?? 1),
  );
  const left = axes.filter((axis) => !single.includes(axis)).map((axis) => kept.indexOf(axis));
  return left.length === 0 ? flat : build.graph.node(root.op, [flat], { axes: left }, root.origins);
}

/** Only a sum of one element is not exact: 0 + (−0) is 0. */
const reductions: readonly Rule[] = [
  ...(["prod", "max", "min"] as const).map((name) =>
    rule(
      `${name} over axes of size 1 = reshape`,
      pattern(reduceOps[name], x),
      ({ x }, b, root) => withoutSingleAxes(x, root, b),
      exact,
    ),
  ),
  rule(
    "sum over axes of size 1 ≈ reshape",
    pattern(reduceOps.sum, x),
    ({ x }, b, root) => withoutSingleAxes(x, root, b),
    rounds,
  ),
];

export const viewRules: readonly Rule[] = [...views, ...repeated, ...reductions];
