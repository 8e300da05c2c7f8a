/**
 * The laws of contractions that `simplify` rewrites by. A factor that is the same for each entry of a batch is read once: so a
 * matrix product with shared weights, written for one example and given a batch of them, is one matrix product. And what sums
 * nothing is a product element by element, which others can compute where they read it: so the gradients of all examples need not
 * be in memory for their norms to be known. The slope of a mean over positions is the same at each, and so are its products with
 * weights: one position is multiplied, where backpropagation as it is written multiplies all.
 */
import { constantValue } from "../../src/graph/constant-value.ts";
import { attrsOf, isContract, isOp, operand } from "../../src/graph/define.ts";
import type { Build, ContractAttrs, Node } from "../../src/graph/node.ts";
import { barrier } from "../../src/graph/ops/barrier.ts";
import { contract, freeAxes } from "../../src/graph/ops/contract.ts";
import { mapOps } from "../../src/graph/ops/map.ts";
import { broadcast, reshape } from "../../src/graph/ops/view.ts";
import { hole, pattern, type Rule, rule } from "./pattern.ts";

const x = hole("x");
const w = hole("w");
const exact = { exact: true };
const rounds = { exact: false };

export const contractRules: readonly Rule[] = [
  ofEitherOperand("contract(x, w), one repeated along a batch axis = contract(x, w)", withoutRepeats, exact),
  ofEitherOperand("contract(x, w), one repeated along a free axis = contract(x, w) repeated", repeatedBehind, exact),
  ofEitherOperand(
    "contract(x, w), one repeated along a summed axis ≈ contract(x, w), the other summed",
    summedBefore,
    rounds,
  ),
  rule(
    "select(m, reshape(contract), c) = reshape(select(reshape(m), contract, c))",
    pattern(mapOps.select, hole("m"), pattern(reshape, hole("made", isContract)), hole("c")),
    (bound, b, root) => chosenBefore(bound, root, b),
    exact,
  ),
  // 0 + (−0) is 0
  rule(
    "contract(x, w) along a batch, which sums nothing ≈ x · w",
    pattern(contract, x, w),
    (_, b, root) => productOf(root, b),
    rounds,
  ),
];

/** A law for an operand that repeats, tried at the second place and at the first: other contractions are not looked into. */
function ofEitherOperand(
  law: string,
  at: (root: Node, place: 0 | 1, build: Build) => Node | null,
  { exact }: Pick<Rule, "exact">,
): Rule {
  const tried = (root: Node, place: 0 | 1, build: Build): Node | null => {
    const wide = root.args[place];
    return wide !== undefined && isOp(wide, broadcast) ? at(root, place, build) : null;
  };
  return rule(law, pattern(contract, x, w), (_, b, root) => tried(root, 1, b) ?? tried(root, 0, b), { exact });
}

/** So relu's mask joins the product whose slope was flattened; not one that is computed again once that slope is known. */
function chosenBefore({ m, made, c }: Record<"m" | "made" | "c", Node>, root: Node, build: Build): Node | null {
  const value = constantValue(c);
  if (value === undefined || waitsFor(m, made)) return null;
  const inside = build.map("select", build.reshape(m, made.type.shape), made, build.fill(made, value));
  return build.reshape(inside, root.type.shape);
}

/** Whether a barrier on the way to `node` is behind `made`. What is as old as that cannot be, so a walk goes no further back. */
function waitsFor(node: Node, made: Node): boolean {
  const pending = [node];
  const seen = new Set<Node>();
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (next.id < made.id || seen.has(next)) continue;
    if (next.op === barrier) return true;
    seen.add(next);
    pending.push(...next.args);
  }
  return false;
}

/** A sum of one element is none. */
function productOf(root: Node, build: Build): Node | null {
  if (!isContract(root) || root.attrs.batchLeft.length === 0) return null;
  const { batchLeft, batchRight, sumLeft, sumRight } = root.attrs;
  const [left, right] = root.args;
  if (sumLeft.some((axis) => left.type.shape[axis] !== 1)) return null;
  const { shape } = root.type;
  const freeLeft = freeAxes(left.type.shape.length, batchLeft, sumLeft);
  const freeRight = freeAxes(right.type.shape.length, batchRight, sumRight);
  const spread = (node: Node, batch: readonly number[], free: readonly number[], from: number): Node => {
    const kept = [...batch, ...free];
    const others = node.type.shape.map((_, axis) => axis).filter((axis) => !kept.includes(axis));
    const flat = build.reshape(
      build.permute(node, [...kept, ...others]),
      kept.map((axis) => node.type.shape[axis] ?? 1),
    );
    return build.broadcast(flat, shape, [...batch.map((_, i) => i), ...free.map((_, i) => from + i)]);
  };
  return build.map(
    "mul",
    spread(left, batchLeft, freeLeft, batchLeft.length),
    spread(right, batchRight, freeRight, batchLeft.length + freeLeft.length),
  );
}

/** The same products without the batch axes along which the operand in `place` repeats: they become free axes of the other. */
function withoutRepeats(root: Node, place: 0 | 1, build: Build): Node | null {
  const wide = root.args[place];
  if (!isContract(root) || wide === undefined || !isOp(wide, broadcast)) return null;
  const { attrs } = root;
  const batch = place === 0 ? attrs.batchLeft : attrs.batchRight;
  const isRepeated = batch.map((axis) => !wide.attrs.axes.includes(axis));
  if (!isRepeated.includes(true)) return null;
  const kept = batch.map((_, i) => i).filter((i) => isRepeated[i] === false);
  const pick = (axes: readonly number[]): number[] => kept.map((i) => axes[i] ?? 0);
  const gone = batch.filter((_, i) => isRepeated[i]);
  const left = wide.type.shape.map((_, axis) => axis).filter((axis) => !gone.includes(axis));
  const small = build.broadcast(
    wide.args[0],
    left.map((axis) => wide.type.shape[axis] ?? 1),
    wide.attrs.axes.map((axis) => left.indexOf(axis)),
  );
  const own = (axes: readonly number[]): number[] => axes.map((axis) => left.indexOf(axis));
  const { batchLeft, batchRight, sumLeft, sumRight } = attrs;
  const made =
    place === 0
      ? { batchLeft: own(pick(batchLeft)), sumLeft: own(sumLeft), batchRight: pick(batchRight), sumRight }
      : { batchLeft: pick(batchLeft), sumLeft, batchRight: own(pick(batchRight)), sumRight: own(sumRight) };
  const [a, b] = place === 0 ? [small, root.args[1]] : [root.args[0], small];
  // axes by the operand and the axis that they come from, as they were called before
  const label = (side: number, axis: number): string => `${side === place ? "w" : "x"}${axis}`;
  const before = resultAxes(root.args, attrs, place, label);
  const behind = resultAxes([a, b], made, place, (side, axis) =>
    label(side, side === place ? (left[axis] ?? 0) : axis),
  );
  const order = before.map((axis) => behind.indexOf(axis));
  return build.permute(build.contract(a, b, made), order);
}

/** Products with an operand that repeats along free axes are computed for one of its elements there. */
function repeatedBehind(root: Node, place: 0 | 1, build: Build): Node | null {
  const wide = root.args[place];
  if (!isContract(root) || wide === undefined) return null;
  const { batchLeft, batchRight, sumLeft, sumRight } = root.attrs;
  const left = freeAxes(root.args[0].type.shape.length, batchLeft, sumLeft);
  const free = place === 0 ? left : freeAxes(root.args[1].type.shape.length, batchRight, sumRight);
  const gone = free.filter((axis) => repeats(wide, axis));
  if (gone.length === 0) return null;
  const first = batchLeft.length + (place === 0 ? 0 : left.length);
  const behind = gone.map((axis) => first + free.indexOf(axis));
  const kept = root.type.shape.map((_, axis) => axis).filter((axis) => !behind.includes(axis));
  const narrow = without(wide, gone, build);
  const small =
    place === 0
      ? build.contract(narrow, root.args[1], narrowed(root.attrs, gone, []))
      : build.contract(root.args[0], narrow, narrowed(root.attrs, [], gone));
  return build.broadcast(small, root.type.shape, kept);
}

/** Of fewer elements the products take no longer than the sum. */
const fewElements = 8;

/** What is multiplied by the same along summed axes is summed first. Not halves, whose sums would be rounded to halves. */
function summedBefore(root: Node, place: 0 | 1, build: Build): Node | null {
  const wide = root.args[place];
  const { dtype } = root.type;
  if (!isContract(root) || wide === undefined || (dtype !== "f32" && dtype !== "f64")) return null;
  const { batchLeft, batchRight, sumLeft, sumRight } = root.attrs;
  const [batch, own, others] = place === 0 ? [batchLeft, sumLeft, sumRight] : [batchRight, sumRight, sumLeft];
  const { shape } = wide.type;
  const elements = freeAxes(shape.length, batch, own).reduce((size, axis) => size * Number(shape[axis]), 1);
  const pairs = own.map((_, i) => i).filter((i) => repeats(wide, own[i] ?? 0));
  // NaN where a dimension is not bound yet
  if (pairs.length === 0 || !(elements >= fewElements)) return null;
  const gone = pairs.map((i) => own[i] ?? 0);
  const summed = pairs.map((i) => others[i] ?? 0).sort((a, b) => a - b);
  const narrow = without(wide, gone, build);
  return place === 0
    ? build.contract(narrow, build.reduce("sum", root.args[1], summed), narrowed(root.attrs, gone, summed))
    : build.contract(build.reduce("sum", root.args[0], summed), narrow, narrowed(root.attrs, summed, gone));
}

/** Several elements along the axis are all the same one. */
function repeats(wide: Node, axis: number): boolean {
  if (!isOp(wide, broadcast) || wide.type.shape[axis] === 1) return false;
  const from = wide.attrs.axes.indexOf(axis);
  return from < 0 || wide.args[0].type.shape[from] === 1;
}

/** A repeated value without axes along which it repeats. */
function without(wide: Node, gone: readonly number[], build: Build): Node {
  const { axes } = attrsOf(wide, broadcast);
  const { shape } = wide.type;
  const x = operand(wide);
  const own = axes.map((_, i) => i).filter((i) => !gone.includes(axes[i] ?? 0));
  const left = shape.map((_, axis) => axis).filter((axis) => !gone.includes(axis));
  return build.broadcast(
    build.reshape(
      x,
      own.map((i) => x.type.shape[i] ?? 1),
    ),
    left.map((axis) => shape[axis] ?? 1),
    own.map((i) => left.indexOf(axes[i] ?? 0)),
  );
}

/** The attributes for operands without these axes. */
function narrowed(
  { batchLeft, batchRight, sumLeft, sumRight }: ContractAttrs,
  goneLeft: readonly number[],
  goneRight: readonly number[],
): ContractAttrs {
  const left = (axis: number): number => axis - goneLeft.filter((gone) => gone < axis).length;
  const right = (axis: number): number => axis - goneRight.filter((gone) => gone < axis).length;
  return {
    batchLeft: batchLeft.map(left),
    batchRight: batchRight.map(right),
    sumLeft: sumLeft.filter((axis) => !goneLeft.includes(axis)).map(left),
    sumRight: sumRight.filter((axis) => !goneRight.includes(axis)).map(right),
  };
}

/** What the axes of a result come from; those of the batch, from the operand that is not in `place`. */
function resultAxes(
  [a, b]: readonly [Node, Node],
  { batchLeft, batchRight, sumLeft, sumRight }: ContractAttrs,
  place: 0 | 1,
  label: (side: number, axis: number) => string,
): readonly string[] {
  return [
    ...(place === 0 ? batchRight : batchLeft).map((axis) => label(1 - place, axis)),
    ...freeAxes(a.type.shape.length, batchLeft, sumLeft).map((axis) => label(0, axis)),
    ...freeAxes(b.type.shape.length, batchRight, sumRight).map((axis) => label(1, axis)),
  ];
}
