/**
 * Reductions: fold the axes `attrs.axes` away. What an empty reduction gives is the start value (0, 1, -inf, +inf).
 */

import type { DType } from "../../core/dtype.ts";
import { isFloat, isInteger } from "../../core/dtype.ts";
import { ShapeError } from "../../core/errors.ts";
import { neutral, type PlainFold } from "../../core/fold.ts";
import { reduceOp } from "../define.ts";
import { generate, type NdArray, ndarray, reader } from "../ndarray.ts";
import type { Build, Node, ReduceOp, ReduceSchema } from "../node.ts";
import type { BestName, ReduceName } from "../op-names.ts";
import { dimOf, type Shape, sizeOf } from "../shape.ts";
import { type TensorType, tensorType } from "../type.ts";

/** The type with the axes folded away. */
function withoutAxes(type: TensorType, axes: readonly number[]): TensorType {
  if (axes.some((axis, i) => type.shape[axis] === undefined || axes.indexOf(axis) !== i)) {
    throw new ShapeError(`has no axes [${axes}] to reduce`);
  }
  if (type.dtype === "bool" || type.dtype === "u8") {
    throw new ShapeError(`is not defined for ${type.dtype}: cast it first`);
  }
  const kept = type.shape.filter((_, axis) => !axes.includes(axis));
  return tensorType(type.dtype, kept);
}

/** For each kept position, what `fold` makes of its group of elements, in order. */
function foldGroups(x: NdArray, axes: readonly number[], dtype: DType, fold: (group: Float64Array) => number): NdArray {
  const kept = x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  const order = [...kept, ...axes.toSorted((a, b) => a - b)];
  const read = reader(x);
  const from = x.shape.map(() => 0);
  const moved = generate(
    x.dtype,
    order.map((axis) => x.shape[axis] ?? 0),
    (at) => {
      order.forEach((axis, i) => {
        from[axis] = at[i] ?? 0;
      });
      return read(from);
    },
  );
  const shape = kept.map((axis) => x.shape[axis] ?? 0);
  const group = sizeOf(axes.map((axis) => x.shape[axis] ?? 0));
  const out = Array.from({ length: sizeOf(shape) }, (_, row) =>
    fold(moved.data.subarray(row * group, (row + 1) * group)),
  );
  return ndarray(dtype, shape, out);
}

/** The first of the largest, or of the smallest; a NaN counts as both. */
function bestPlace(group: Float64Array, fold: "argMax" | "argMin"): number {
  let best = 0;
  for (let i = 1; i < group.length; i++) {
    const [value, held] = [group[i] ?? 0, group[best] ?? 0];
    const better = fold === "argMax" ? value > held : value < held;
    if (better || (Number.isNaN(value) && !Number.isNaN(held))) best = i;
  }
  return best;
}

function foldStep(fn: PlainFold, total: number, value: number, dtype: DType): number {
  if (fn === "max") return Math.max(total, value);
  if (fn === "min") return Math.min(total, value);
  if (!isInteger(dtype)) return fn === "sum" ? total + value : total * value;
  const whole = fn === "sum" ? total + value : Math.imul(total, value);
  return dtype === "i32" ? whole | 0 : whole >>> 0;
}

function makeReduce(
  name: ReduceName,
  fold: PlainFold,
  gradient: (x: Node, g: Node, y: Node, axes: readonly number[], b: Build) => Node,
): ReduceOp<ReduceSchema, 1> {
  return reduceOp({
    name,
    fold,
    infer: ([type], { axes }) => withoutAxes(type, axes),
    ...(name === "sum" ? { tolerance: "summed" } : name === "prod" ? { tolerance: "multiplied" } : {}),
    vjp: (node, g, build) => [gradient(node.args[0], g, node, node.attrs.axes, build)],
    evaluate: ([x], { axes }) =>
      foldGroups(x, axes, x.dtype, (group) =>
        group.reduce((total, value) => foldStep(fold, total, value, x.dtype), neutral(fold, x.dtype)),
      ),
  });
}

/** Repeats a reduced value over the axes that were folded. */
function spread(b: Build, value: Node, shape: Shape, axes: readonly number[]): Node {
  const kept = shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  return b.broadcast(value, shape, kept);
}

/** Elements that equal the extreme share its gradient equally. */
function extremeGradient(x: Node, g: Node, y: Node, axes: readonly number[], b: Build): Node {
  const { shape, dtype } = x.type;
  if (axes.some((axis) => shape[axis] === 0)) return b.fill(x, 0); // no element has a share, and none of g is left
  const isExtreme = b.map("eq", x, spread(b, y, shape, axes));
  const count = b.reduce("sum", b.cast(isExtreme, dtype), axes);
  return b.map("select", isExtreme, spread(b, b.map("div", g, count), shape, axes), b.fill(x, 0));
}

/**
 * d(prod) = product of the others; right also where one element is zero, or several. What is computed divides the product;
 * derivatives of it are those of the product itself, n times as much work, since a zero counts there as what it is.
 */
function productGradient(x: Node, g: Node, _y: Node, axes: readonly number[], b: Build): Node {
  const { shape, dtype } = x.type;
  const isZero = b.map("eq", x, b.fill(x, 0));
  const filled = b.map("select", isZero, b.fill(x, 1), x);
  const others = b.reduce("prod", filled, axes);
  const zeros = b.reduce("sum", b.cast(isZero, dtype), axes);
  const whenNone = b.map("select", b.map("eq", zeros, b.fill(zeros, 0)), others, b.fill(others, 0));
  const whenOne = b.map("select", b.map("eq", zeros, b.fill(zeros, 1)), others, b.fill(others, 0));
  const slope = b.map(
    "select",
    isZero,
    spread(b, whenOne, shape, axes),
    b.map("div", spread(b, whenNone, shape, axes), filled),
  );
  return b.map("mul", spread(b, g, shape, axes), b.slopedAs(slope, productOfOthers(x, axes, b)));
}

/** At each element the product of the others that are folded with it, over a copy of the folded axes. */
function productOfOthers(x: Node, axes: readonly number[], b: Build): Node {
  const { shape } = x.type;
  const folded = axes.toSorted((i, k) => i - k);
  const kept = shape.map((_, axis) => axis).filter((axis) => !folded.includes(axis));
  const wide = [...shape, ...folded.map((axis) => dimOf(shape, axis))];
  const copies = folded.map((_, i) => shape.length + i);
  const spreadOut = b.broadcast(b.permute(x, [...kept, ...folded]), wide, [...kept, ...copies]);
  const itself = folded
    .map((axis, i) => b.map("eq", b.iota("i32", wide, axis), b.iota("i32", wide, shape.length + i)))
    .reduce((all, next) => b.map("and", all, next));
  return b.reduce("prod", b.map("select", itself, b.fill(spreadOut, 1), spreadOut), copies);
}

export const reduceOps: Readonly<Record<ReduceName, ReduceOp<ReduceSchema, 1>>> = {
  sum: makeReduce("sum", "sum", (x, g, _, axes, b) => spread(b, g, x.type.shape, axes)),
  prod: makeReduce("prod", "prod", productGradient),
  max: makeReduce("max", "max", extremeGradient),
  min: makeReduce("min", "min", extremeGradient),
};

/**
 * The best element along some axes and where among them it stands, counted with the last axis fastest: the first of equals, a
 * NaN before all. Only the one has a slope.
 */
function bestWithIndex(name: BestName, fold: "argMax" | "argMin"): ReduceOp<ReduceSchema, 1> {
  return {
    name,
    kind: "reduce",
    arity: 1,
    schema: { axes: "axes" },
    fold,
    infer([type], { axes }) {
      const isAscending = axes.every((axis, i) => i === 0 || axis > (axes[i - 1] ?? 0));
      if (axes.length === 0 || !isAscending) throw new ShapeError(`takes axes in order, not [${axes}]`);
      const value = withoutAxes(type, axes);
      return [value, tensorType("i32", value.shape)];
    },
    vjp({ args: [x], attrs: { axes }, results: [, index] }, [g], b) {
      if (g === null || g === undefined || index === undefined) return [null];
      const { shape } = x.type;
      const isBest = b.map("eq", placesOf(shape, axes, b), spread(b, held(x, index, axes, b), shape, axes));
      return [b.map("select", isBest, spread(b, g, shape, axes), b.fill(x, 0))];
    },
    evaluate([x], { axes }) {
      const start = neutral(fold === "argMax" ? "max" : "min", x.dtype);
      return [
        foldGroups(x, axes, x.dtype, (group) => group[bestPlace(group, fold)] ?? start),
        foldGroups(x, axes, "i32", (group) => bestPlace(group, fold)),
      ];
    },
  };
}

/** Where each element stands among those that are folded with it. */
function placesOf(shape: Shape, axes: readonly number[], b: Build): Node {
  const [first = 0, ...others] = axes;
  if (others.length === 0) return b.iota("i32", shape, first);
  const folded = axes.map((axis) => dimOf(shape, axis));
  const place = folded
    .map((_, i) => b.iota("i32", folded, i))
    .reduce((outer, inner, i) => {
      const extent = b.broadcast(b.size(folded[i] ?? 1, "i32"), folded, []);
      return b.map("add", b.map("mul", outer, extent), inner);
    });
  return b.broadcast(place, shape, axes);
}

/** The place as it is kept for the gradient: in a byte, where that holds it and there are places as often as windows. */
function held(x: Node, index: Node, axes: readonly number[], b: Build): Node {
  const count = axes.map((axis) => dimOf(x.type.shape, axis)).reduce((n: number, dim) => n * Number(dim), 1);
  return axes.length > 1 && count <= 256 ? b.cast(b.cast(index, "u8"), "i32") : index;
}

export const maxWithIndex = bestWithIndex("maxWithIndex", "argMax");
export const minWithIndex = bestWithIndex("minWithIndex", "argMin");

/**
 * Count, mean and the sum of squares about the mean, in one pass over memory: the variance is the last over the first. For the
 * slopes, d mean = dx / n and d m2 = 2 (x - mean) dx; of what the mean itself adds to m2 nothing is left, as x - mean adds up to 0.
 */
export const moments: ReduceOp<ReduceSchema, 1> = {
  name: "moments",
  kind: "reduce",
  arity: 1,
  schema: { axes: "axes" },
  fold: "moments",
  tolerance: "summed",
  infer([type], { axes }) {
    if (!isFloat(type.dtype)) throw new ShapeError(`is not defined for ${type.dtype}: cast it first`);
    const one = withoutAxes(type, axes);
    return [one, one, one];
  },
  vjp({ args: [x], attrs: { axes }, results: [, mean] }, [, ofMean, ofM2], b) {
    const { shape, dtype } = x.type;
    const slopes: Node[] = [];
    if (ofMean !== null && ofMean !== undefined) {
      const count = axes.map((axis) => b.size(dimOf(shape, axis), dtype)).reduce((n, size) => b.map("mul", n, size));
      slopes.push(spread(b, b.map("div", ofMean, b.broadcast(count, ofMean.type.shape, [])), shape, axes));
    }
    if (ofM2 !== null && ofM2 !== undefined && mean !== undefined) {
      const twice = b.map("mul", b.fill(ofM2, 2), ofM2);
      slopes.push(b.map("mul", spread(b, twice, shape, axes), b.map("sub", x, spread(b, mean, shape, axes))));
    }
    return [slopes.length === 0 ? null : slopes.reduce((all, one) => b.map("add", all, one))];
  },
  evaluate([x], { axes }) {
    const meanOf = (group: Float64Array): number =>
      group.length === 0 ? 0 : group.reduce((total, value) => total + value, 0) / group.length;
    return [
      foldGroups(x, axes, x.dtype, (group) => group.length),
      foldGroups(x, axes, x.dtype, meanOf),
      foldGroups(x, axes, x.dtype, (group) => {
        const mean = meanOf(group);
        return group.reduce((total, value) => total + (value - mean) ** 2, 0);
      }),
    ];
  },
};
