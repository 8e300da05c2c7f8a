/**
 * The primitives as a user calls them: axes normalised, shapes in the types. The element-wise ones are in elementwise.ts.
 *
 * Names follow NumPy, Keras and PyTorch where those agree. Everything else (softmax, losses...) is a composite of these.
 */

import type { DType } from "../core/dtype.ts";
import { ShapeError, UserError } from "../core/errors.ts";
import { checkArguments, checkOptions, checkValue, type Kind, list, whole } from "../core/options.ts";
import { atLine, here, type Origin } from "../core/origin.ts";
import type { ReduceName } from "../graph/node.ts";
import { contract } from "../graph/ops/contract.ts";
import { oneHot as oneHotOp } from "../graph/ops/index-ops.ts";
import { concat as concatOp, pad as padOp, slice as sliceOp } from "../graph/ops/parts.ts";
import { reduceOps } from "../graph/ops/reduce.ts";
import { constant, constantAttrs, iota as iotaOp, random as randomOp, size as sizeOp } from "../graph/ops/source.ts";
import { flip as flipOp, permute as permuteOp, reshape as reshapeOp } from "../graph/ops/view.ts";
import { addDims, broadcastShapes, type Dim, multiplyDims, printShape, type Shape, sameShape } from "../graph/shape.ts";
import { broadcastAt } from "./broadcast.ts";
import {
  axesOf, axisKind, axisTable, checkDimension, checkDType, checkShape, checkTensor, checkTensors, reduceTable,
} from "./check.ts"; // biome-ignore format: names
import type {
  CheckAllDTypes,
  CheckDot,
  ConcatShape,
  DotShape,
  PadShape,
  Range,
  ReshapeShape,
  SliceShape,
  Width,
} from "./part-types.ts";
import type {
  AlongAxis, CheckAxis, CheckDTypes, CheckMatmul, CheckOptions, CheckOrder, MatmulShape, NoOptions, PermuteShape, ReduceOptions, ReduceShape, Reversed,
} from "./shape-types.ts"; // biome-ignore format: names
import { applyOp, type Tensor, toTensor } from "./tensor.ts";

export * from "./elementwise.ts";

// ---- views ---------------------------------------------------------------------------------------------------------

/** The same elements in row-major order under another shape. One dimension may be -1: what is left. */
export function reshape<const T extends Shape, D extends DType>(
  x: Tensor<Shape, D>,
  shape: T,
): Tensor<ReshapeShape<T>, D> {
  checkArguments("reshape", arguments, 2);
  const origin = here("reshape");
  checkTensor("reshape", x);
  return applyOp(reshapeOp, [x], { shape: resolveRest(x, shape, origin) }, origin) as Tensor<ReshapeShape<T>, D>;
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
): Tensor<PermuteShape<S, O>, D> {
  checkArguments("permute", arguments, 2);
  const origin = here("permute");
  checkTensor("permute", x);
  checkValue("permute", "the order", order, list(whole()), origin);
  return applyOp(permuteOp, [x], { order }, origin) as Tensor<PermuteShape<S, O>, D>;
}

/** All axes the other way round: a matrix transposed. */
export function transpose<S extends Shape, D extends DType>(x: Tensor<S, D>): Tensor<Reversed<S>, D> {
  checkArguments("transpose", arguments, 1);
  const { shape } = checkTensor("transpose", x);
  const order = shape.map((_, axis) => shape.length - 1 - axis);
  return applyOp(permuteOp, [x], { order }, here("transpose")) as Tensor<Reversed<S>, D>;
}

/** Repeats x to `shape`, as in NumPy: trailing axes are aligned. */
export function broadcastTo<const T extends Shape, D extends DType>(x: Tensor<Shape, D>, shape: T): Tensor<[...T], D> {
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
  return broadcastAt(x, shape, origin) as Tensor<[...T], D>;
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
): Tensor<SliceShape<S, R>, D> {
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
  return applyOp(sliceOp, [x], { start, stop, step }, origin) as Tensor<SliceShape<S, R>, D>;
}

const widthKind: Kind<Width> = {
  wanted: "[before, after], in whole numbers",
  accepts: (value): value is Width =>
    Array.isArray(value) && value.length === 2 && value.every((width) => Number.isSafeInteger(width)),
};

/** Infinities and NaN too. */
const anyNumber: Kind<number> = { wanted: "a number", accepts: (value): value is number => typeof value === "number" };

/** A border of `value`: `[before, after]` for each axis. */
export function pad<S extends Shape, D extends DType, const W extends readonly Width[]>(
  x: Tensor<S, D>,
  widths: W,
  value = 0,
): Tensor<PadShape<S, W>, D> {
  checkArguments("pad", arguments, 3);
  const origin = here("pad");
  checkTensor("pad", x);
  checkValue("pad", "the widths", widths, list(widthKind), origin);
  checkValue("pad", "the value", value, anyNumber, origin);
  const [before, after] = [widths.map((w) => w[0]), widths.map((w) => w[1])];
  const inner = widths.map(() => 0);
  return applyOp(padOp, [x], { before, after, inner, value }, origin) as Tensor<PadShape<S, W>, D>;
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
export function flip<S extends Shape, D extends DType>(x: Tensor<S, D>, axes: readonly number[]): Tensor<S, D> {
  checkArguments("flip", arguments, 2);
  const origin = here("flip");
  checkTensor("flip", x);
  checkValue("flip", "axes", axes, list(axisKind), origin);
  const fromFront = axes.map((axis) => (axis < 0 ? axis + x.shape.length : axis));
  return applyOp(flipOp, [x], { axes: fromFront }, origin) as Tensor<S, D>;
}

// ---- reductions ----------------------------------------------------------------------------------------------------

function reduceCall(name: ReduceName, x: Tensor, given: ReduceOptions | undefined): Tensor {
  const origin = here(name);
  checkTensor(name, x);
  const options = checkOptions(name, given, reduceTable, { before: "a, ", origin });
  const axes = axesOf(x, options.axis, origin);
  const reduced = axes.length === 0 ? x : applyOp(reduceOps[name], [x], { axes }, origin);
  if (options.keepDims !== true) return reduced;
  return applyOp(reshapeOp, [reduced], { shape: x.shape.map((dim, i) => (axes.includes(i) ? 1 : dim)) }, origin);
}

export type Reduced<S extends Shape, D extends DType, O extends ReduceOptions> = Tensor<ReduceShape<S, O>, D>;

/** Sum over an axis, several, or all. */
export function sum<S extends Shape, D extends DType, const O extends ReduceOptions = NoOptions>(
  x: Tensor<S, D> & CheckAxis<"sum", S, O>,
  options?: O & CheckOptions<"sum", O, ReduceOptions>,
): Reduced<S, D, O> {
  checkArguments("sum", arguments, 2);
  return reduceCall("sum", x, options) as Reduced<S, D, O>;
}

/** Product over an axis, several, or all. */
export function prod<S extends Shape, D extends DType, const O extends ReduceOptions = NoOptions>(
  x: Tensor<S, D> & CheckAxis<"prod", S, O>,
  options?: O & CheckOptions<"prod", O, ReduceOptions>,
): Reduced<S, D, O> {
  checkArguments("prod", arguments, 2);
  return reduceCall("prod", x, options) as Reduced<S, D, O>;
}

/** Largest element over an axis, several, or all. Elements that tie share the gradient. */
export function max<S extends Shape, D extends DType, const O extends ReduceOptions = NoOptions>(
  x: Tensor<S, D> & CheckAxis<"max", S, O>,
  options?: O & CheckOptions<"max", O, ReduceOptions>,
): Reduced<S, D, O> {
  checkArguments("max", arguments, 2);
  return reduceCall("max", x, options) as Reduced<S, D, O>;
}

/** Smallest element over an axis, several, or all. Elements that tie share the gradient. */
export function min<S extends Shape, D extends DType, const O extends ReduceOptions = NoOptions>(
  x: Tensor<S, D> & CheckAxis<"min", S, O>,
  options?: O & CheckOptions<"min", O, ReduceOptions>,
): Reduced<S, D, O> {
  checkArguments("min", arguments, 2);
  return reduceCall("min", x, options) as Reduced<S, D, O>;
}

export type AxisOrLast<O extends AlongAxis> = O extends { axis: number } ? O : { axis: -1 };

function alongAxis(name: ReduceName, x: Tensor, given: AlongAxis | undefined): Tensor {
  checkTensor(name, x);
  const { axis = -1 } = checkOptions(name, given, axisTable, { before: "a, " });
  return reduceCall(name, x, { axis });
}

/** Index of the first largest element along an axis, the last by default. */
export function argmax<S extends Shape, const O extends AlongAxis = NoOptions>(
  x: Tensor<S> & CheckAxis<"argmax", S, AxisOrLast<O>>,
  options?: O & CheckOptions<"argmax", O, AlongAxis>,
): Tensor<ReduceShape<S, AxisOrLast<O>>, "i32"> {
  checkArguments("argmax", arguments, 2);
  return alongAxis("argmax", x, options) as never;
}

/** Index of the first smallest element along an axis, the last by default. */
export function argmin<S extends Shape, const O extends AlongAxis = NoOptions>(
  x: Tensor<S> & CheckAxis<"argmin", S, AxisOrLast<O>>,
  options?: O & CheckOptions<"argmin", O, AlongAxis>,
): Tensor<ReduceShape<S, AxisOrLast<O>>, "i32"> {
  checkArguments("argmin", arguments, 2);
  return alongAxis("argmin", x, options) as never;
}

// ---- contractions --------------------------------------------------------------------------------------------------

/** Matrix product of [m, k] and [k, n]. */
export function matmul<A extends Shape, B extends Shape, D extends DType, E extends DType>(
  a: Tensor<A, D>,
  b: Tensor<B, E> & CheckMatmul<A, B> & CheckDTypes<"matmul", D, E>,
): Tensor<MatmulShape<A, B>, D> {
  checkArguments("matmul", arguments, 2);
  const origin = here("matmul");
  for (const [side, x] of [
    ["left", a],
    ["right", b as Tensor],
  ] as const) {
    const { length: rank } = checkTensor("matmul", x, `the ${side} operand`).shape;
    if (rank === 2) continue;
    const hint = rank > 2 ? ": batchMatmul multiplies stacks of matrices" : rank === 1 ? ": dot takes vectors" : "";
    throw new ShapeError(`matmul: the ${side} operand has rank ${rank}, wanted 2${hint}${atLine(origin)}`);
  }
  const attrs = { batchLeft: [], batchRight: [], sumLeft: [1], sumRight: [0] };
  return applyOp(contract, [a, b], attrs, origin) as Tensor<MatmulShape<A, B>, D>;
}

/** Sum over the last axis of a and the first of b: vector·vector, matrix·vector, matrix·matrix. */
export function dot<A extends Shape, B extends Shape, D extends DType, E extends DType>(
  a: Tensor<A, D>,
  b: Tensor<B, E> & CheckDot<A, B> & CheckDTypes<"dot", D, E>,
): Tensor<DotShape<A, B>, D> {
  checkArguments("dot", arguments, 2);
  const origin = here("dot");
  for (const [what, x] of Object.entries({ a, b })) {
    if (checkTensor("dot", x, what).shape.length > 0) continue;
    throw new ShapeError(`dot: ${what} is a scalar, wanted a vector or more: use mul${atLine(origin)}`);
  }
  const attrs = { batchLeft: [], batchRight: [], sumLeft: [a.shape.length - 1], sumRight: [0] };
  return applyOp(contract, [a, b], attrs, origin) as Tensor<DotShape<A, B>, D>;
}

// ---- sources and indexes -------------------------------------------------------------------------------------------

/** `value` everywhere. */
export function full<const S extends Shape, D extends DType = "f32">(
  shape: S,
  value: number,
  dtype?: D,
): Tensor<[...S], D> {
  checkArguments("full", arguments, 3);
  const origin = here("full");
  const chosen = checkDType("full", dtype ?? "f32");
  const wanted = checkShape("full", shape);
  checkValue("full", "the value", value, anyNumber, origin);
  return broadcastAt(toTensor(value, chosen, origin), wanted, origin) as Tensor<[...S], D>;
}

/** 0, 1, 2 ... along the only axis. */
export function arange<const N extends Dim, D extends DType = "i32">(count: N, dtype?: D): Tensor<[N], D> {
  checkArguments("arange", arguments, 2);
  const attrs = {
    dtype: checkDType("arange", dtype ?? "i32"),
    shape: [checkDimension("arange", count, "the count")],
    axis: 0,
  };
  return applyOp(iotaOp, [], attrs, here("arange")) as Tensor<[N], D>;
}

/** Size of an axis as a scalar; a symbolic dimension gets its value when the program is compiled. */
export function size<D extends DType = "i32">(x: Tensor, axis: number, dtype?: D): Tensor<[], D> {
  checkArguments("size", arguments, 3);
  const origin = here("size");
  checkTensor("size", x);
  const [at] = axesOf(x, checkValue("size", "axis", axis, axisKind, origin), origin);
  const dim = x.shape[at ?? 0] ?? 0;
  const chosen = checkDType("size", dtype ?? "i32");
  if (typeof dim === "number") return applyOp(constant, [], constantAttrs(chosen, dim), origin) as Tensor<[], D>;
  return applyOp(sizeOp, [], { dtype: chosen, shape: [dim] }, origin) as Tensor<[], D>;
}

/** 1 at each label along a new last axis of `depth`, 0 elsewhere. A label out of range gives a row of zeros. */
export function oneHot<S extends Shape, const N extends number, D extends DType = "f32">(
  labels: Tensor<S>,
  depth: N,
  dtype?: D,
): Tensor<[...S, N], D> {
  checkArguments("oneHot", arguments, 3);
  const origin = here("oneHot");
  checkTensor("oneHot", labels, "labels");
  checkValue("oneHot", "the depth", depth, whole({ from: 0 }), origin);
  const attrs = { depth, dtype: checkDType("oneHot", dtype ?? "f32") };
  return applyOp(oneHotOp, [labels], attrs, origin) as Tensor<[...S, N], D>;
}

/** Uniform random numbers in [0, 1): new ones at each call of the entry, another stream at each place in the program. */
export function randomUniform<const S extends Shape>(shape: S): Tensor<[...S], "f32"> {
  checkArguments("randomUniform", arguments, 1);
  const attrs = { dtype: "f32", shape: checkShape("randomUniform", shape), stream: 0 };
  return applyOp(randomOp, [], attrs, here("randomUniform")) as Tensor<[...S], "f32">;
}
