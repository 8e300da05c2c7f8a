/**
 * What moves elements and leaves them as they are: other shapes, orders and repetitions, parts, borders, and joints.
 */
import type { DType } from "../core/dtype.ts";
import { ShapeError, UserError } from "../core/errors.ts";
import { checkArguments, checkValue, type Kind, list, whole } from "../core/options.ts";
import { atLine, here, type Origin } from "../core/origin.ts";
import { concat as concatOp, pad as padOp, slice as sliceOp } from "../graph/ops/parts.ts";
import { flip as flipOp, permute as permuteOp, reshape as reshapeOp } from "../graph/ops/view.ts";
import { addDims, broadcastShapes, type Dim, multiplyDims, printShape, type Shape, sameShape } from "../graph/shape.ts";
import { applyOp, broadcastAt, checkNumber } from "./build.ts";
import { anyNumber, axisKind, checkShape, checkTensor, checkTensors } from "./check.ts";
import type { CheckAllDTypes, ConcatShape, PadShape, Range, ReshapeShape, SliceShape, Width } from "./part-types.ts";
import type { CheckOrder, PermuteShape, Reversed } from "./shape-types.ts";
import type { Tensor } from "./tensor.ts";

/** The same elements in row-major order under another shape. One dimension may be -1: what is left. */
export function reshape<const T extends Shape, D extends DType>(
  x: Tensor<Shape, D>,
  shape: T,
): Tensor<ReshapeShape<T>, D>;
export function reshape(x: Tensor, shape: Shape): Tensor {
  checkArguments("reshape", arguments, 2);
  const origin = here("reshape");
  checkTensor("reshape", x);
  return applyOp(reshapeOp, [x], { shape: resolveRest(x, shape, origin) }, origin);
}

function resolveRest(x: Tensor, given: Shape, origin: Origin): Shape {
  if (Array.isArray(given) && given.filter((dim) => dim === -1).length > 1) {
    const all = printShape(given);
    throw new ShapeError(
      `reshape: one dimension at most may be -1, what is left of the others; ${all} has more${atLine(origin)}`,
    );
  }
  const open = Array.isArray(given) ? given.indexOf(-1) : -1;
  const shape = checkShape("reshape", open < 0 ? given : given.map((dim, axis) => (axis === open ? 1 : dim))).map(
    (dim, axis) => (axis === open ? -1 : dim),
  );
  if (open < 0) return shape;
  // Dimensions that stand on both sides cancel; what is left of the numbers goes into the open one.
  const left = [...x.shape];
  let divisor = 1;
  for (const dim of shape.filter((_, axis) => axis !== open)) {
    const same = left.indexOf(dim);
    if (same >= 0) left.splice(same, 1);
    else divisor *= typeof dim === "number" ? dim : Number.NaN;
  }
  const names = left.filter((dim) => typeof dim === "string");
  const count = left.reduce((product: number, dim) => product * (typeof dim === "number" ? dim : 1), 1) / divisor;
  const rest = names.length <= 1 && Number.isSafeInteger(count) ? multiplyDims(count, names[0] ?? 1) : null;
  if (rest === null) {
    throw new ShapeError(
      `reshape(${x.dtype}${printShape(x.shape)}): no size in place of the -1 in ${printShape(shape)} holds as many elements${atLine(origin)}`,
    );
  }
  return shape.map((dim, axis) => (axis === open ? rest : dim));
}

/** Axes in another order: result axis i is operand axis order[i]. */
export function permute<S extends Shape, D extends DType, const O extends readonly number[]>(
  x: Tensor<S, D> & CheckOrder<S, O>,
  order: O,
): Tensor<PermuteShape<S, O>, D>;
export function permute(x: Tensor, order: readonly number[]): Tensor {
  checkArguments("permute", arguments, 2);
  const origin = here("permute");
  checkTensor("permute", x);
  checkValue("permute", "the order", order, list(whole()), origin);
  return applyOp(permuteOp, [x], { order }, origin);
}

/** All axes the other way round: a matrix transposed. */
export function transpose<S extends Shape, D extends DType>(x: Tensor<S, D>): Tensor<Reversed<S>, D>;
export function transpose(x: Tensor): Tensor {
  checkArguments("transpose", arguments, 1);
  const { shape } = checkTensor("transpose", x);
  const order = shape.map((_, axis) => shape.length - 1 - axis);
  return applyOp(permuteOp, [x], { order }, here("transpose"));
}

/** Repeats x to `shape`, as in NumPy: trailing axes are aligned. */
export function broadcastTo<const T extends Shape, D extends DType>(x: Tensor<Shape, D>, shape: T): Tensor<[...T], D>;
export function broadcastTo(x: Tensor, shape: Shape): Tensor {
  checkArguments("broadcastTo", arguments, 2);
  const origin = here("broadcastTo");
  checkTensor("broadcastTo", x);
  checkShape("broadcastTo", shape);
  const joint = broadcastShapes(x.shape, shape);
  if (joint === null || !sameShape(joint, shape)) {
    throw new ShapeError(
      `broadcastTo(${x.dtype}${printShape(x.shape)}): does not broadcast to ${printShape(shape)}${atLine(origin)}`,
    );
  }
  return broadcastAt(x, shape, origin);
}

export type { Range, Width } from "./part-types.ts";

const rangeKind: Kind<Range> = {
  wanted: "[start, stop], [start, stop, step] or null, all whole numbers",
  accepts: (value): value is Range =>
    value === null ||
    (Array.isArray(value) &&
      value.length >= 2 &&
      value.length <= 3 &&
      value.every((place) => Number.isSafeInteger(place))),
};

/** Elements start, start + step, ... before stop of each axis; axes that are not given are taken whole. */
export function slice<S extends Shape, D extends DType, const R extends readonly Range[]>(
  x: Tensor<S, D>,
  ...ranges: R
): Tensor<SliceShape<S, R>, D>;
export function slice(x: Tensor, ...ranges: readonly Range[]): Tensor {
  const origin = here("slice");
  checkTensor("slice", x);
  ranges.forEach((range, axis) => {
    checkValue("slice", `the range of axis ${axis}`, range, rangeKind, origin);
  });
  if (ranges.length > x.shape.length) {
    throw new ShapeError(`slice: ${ranges.length} ranges for rank ${x.shape.length}${atLine(origin)}`);
  }
  const bound = (value: number, dim: Dim): Dim => (value < 0 ? addDims(dim, value) : value);
  const start = x.shape.map((dim, axis) => bound(ranges[axis]?.[0] ?? 0, dim));
  const stop = x.shape.map((dim, axis) => {
    const end = ranges[axis]?.[1];
    return end === undefined ? dim : bound(end, dim);
  });
  const step = x.shape.map((_, axis) => ranges[axis]?.[2] ?? 1);
  return applyOp(sliceOp, [x], { start, stop, step }, origin);
}

const widthKind: Kind<Width> = {
  wanted: "[before, after], in whole numbers",
  accepts: (value): value is Width =>
    Array.isArray(value) && value.length === 2 && value.every((width) => Number.isSafeInteger(width)),
};

/** A border of `value`: `[before, after]` for each axis. */
export function pad<S extends Shape, D extends DType, const W extends readonly Width[]>(
  x: Tensor<S, D>,
  widths: W,
  value?: number,
): Tensor<PadShape<S, W>, D>;
export function pad(x: Tensor, widths: readonly Width[], value = 0): Tensor {
  checkArguments("pad", arguments, 3);
  const origin = here("pad");
  checkTensor("pad", x);
  checkValue("pad", "the widths", widths, list(widthKind), origin);
  checkNumber(checkValue("pad", "the value", value, anyNumber, origin), x.dtype, origin);
  const [before, after] = [widths.map((w) => w[0]), widths.map((w) => w[1])];
  const inner = widths.map(() => 0);
  return applyOp(padOp, [x], { before, after, inner, value }, origin);
}

/** Tensors one behind the other along `axis`. */
export function concat<const P extends readonly Tensor[], const A extends number = 0>(
  parts: readonly [...P] & CheckAllDTypes<"concat", P>,
  axis?: A,
): Tensor<ConcatShape<P, A>, P[number]["dtype"]>;
export function concat(parts: readonly Tensor[], axis = 0): Tensor {
  checkArguments("concat", arguments, 2);
  const origin = here("concat");
  checkTensors("concat", parts, "parts");
  checkValue("concat", "axis", axis, axisKind, origin);
  const first = parts[0];
  if (first === undefined) throw new UserError(`concat: nothing to join${atLine(origin)}`);
  return applyOp(concatOp, parts, { axis: axis < 0 ? axis + first.rank : axis }, origin);
}

/** The other way round along the given axes. */
export function flip<S extends Shape, D extends DType>(x: Tensor<S, D>, axes: readonly number[]): Tensor<S, D>;
export function flip(x: Tensor, axes: readonly number[]): Tensor {
  checkArguments("flip", arguments, 2);
  const origin = here("flip");
  checkTensor("flip", x);
  checkValue("flip", "axes", axes, list(axisKind), origin);
  const fromFront = axes.map((axis) => (axis < 0 ? axis + x.shape.length : axis));
  return applyOp(flipOp, [x], { axes: fromFront }, origin);
}

/** x as [first axis, everything else]. */
export function flatten<D extends DType>(x: Tensor<Shape, D>): Tensor<Shape, D>;
export function flatten(x: Tensor): Tensor {
  checkArguments("flatten", arguments, 1);
  checkTensor("flatten", x);
  return reshape(x, [x.shape[0] ?? 1, -1]);
}
