/**
 * The primitives as a user calls them: broadcasting done, axes normalised, shapes in the types.
 *
 * Names follow NumPy, Keras and PyTorch where those agree. Everything else (softmax, losses...) is a composite of these.
 */
import { ShapeError, UserError } from "../errors.ts";
import type { DType } from "../graph/dtype.ts";
import type { MapName, ReduceName } from "../graph/node.ts";
import { contract } from "../graph/ops/contract.ts";
import { oneHot as oneHotOp } from "../graph/ops/index-ops.ts";
import { cast as castOp, mapOps } from "../graph/ops/map.ts";
import { concat as concatOp, pad as padOp, slice as sliceOp } from "../graph/ops/parts.ts";
import { reduceOps } from "../graph/ops/reduce.ts";
import { constant, constantAttrs, iota as iotaOp, random as randomOp, size as sizeOp } from "../graph/ops/source.ts";
import {
  broadcast as broadcastOp,
  flip as flipOp,
  permute as permuteOp,
  reshape as reshapeOp,
} from "../graph/ops/view.ts";
import { atLine, here, inCall, type Origin } from "../graph/origin.ts";
import { addDims, broadcastShapes, type Dim, multiplyDims, printShape, type Shape, sameShape } from "../graph/shape.ts";
import { checkArguments, checkOptions, checkValue, type Kind, list, whole } from "../options.ts";
import {
  axesOf, axisKind, axisTable, checkDimension, checkDType, checkOperands, checkShape, checkTensor, checkTensors, reduceTable,
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
  AlongAxis, Broadcast, CheckAxis, CheckBroadcast, CheckDTypes, CheckMatmul, CheckOptions, CheckOrder, MatmulShape, NoOptions, PermuteShape, ReduceOptions, ReduceShape, Reversed,
} from "./shape-types.ts"; // biome-ignore format: names
import { applyOp, type DTypeOf, type Operand, operandDType, type ShapeOf, type Tensor, toTensor } from "./tensor.ts";

// ---- element-wise --------------------------------------------------------------------------------------------------

function broadcastAt(x: Tensor, shape: Shape, origin: Origin): Tensor {
  if (sameShape(x.shape, shape)) return x;
  const axes = x.shape.map((_, axis) => axis + shape.length - x.shape.length);
  return applyOp(broadcastOp, [x], { shape, axes }, origin);
}

function broadcastAll(tensors: readonly Tensor[], origin: Origin): Tensor[] {
  let shape: Shape = [];
  for (const tensor of tensors) {
    const joint = broadcastShapes(shape, tensor.shape);
    if (joint === null) {
      const shapes = tensors.map((t) => t.dtype + printShape(t.shape)).join(", ");
      throw new ShapeError(`${inCall(origin)}(${shapes}): the shapes do not broadcast${atLine(origin)}`);
    }
    shape = joint;
  }
  return tensors.map((tensor) => broadcastAt(tensor, shape, origin));
}

/** `call` is what the user called, which is not always the primitive's name. */
function mapCall(name: MapName, given: readonly Operand[], call: string = name): Tensor {
  const origin = here(call);
  const operands = checkOperands(call, given, given.length === 1 ? ["x"] : ["a", "b"]);
  const dtype = operandDType(operands);
  return applyOp(
    mapOps[name],
    broadcastAll(
      operands.map((x) => toTensor(x, dtype, origin)),
      origin,
    ),
    {},
    origin,
  );
}

export type ResultDType<A, B> = [DTypeOf<A>] extends [never]
  ? [DTypeOf<B>] extends [never]
    ? "f32"
    : DTypeOf<B>
  : DTypeOf<A>;
export type BinaryResult<A extends Operand, B extends Operand> = Tensor<
  Broadcast<ShapeOf<A>, ShapeOf<B>>,
  ResultDType<A, B>
>;
export type ComparisonResult<A extends Operand, B extends Operand> = Tensor<Broadcast<ShapeOf<A>, ShapeOf<B>>, "bool">;
export type OperandsFit<Call extends string, A, B> = CheckBroadcast<Call, ShapeOf<A>, ShapeOf<B>> &
  CheckDTypes<Call, DTypeOf<A>, DTypeOf<B>>;

/** a + b, element by element; shapes broadcast as in NumPy. */
export function add<A extends Operand, B extends Operand>(a: A, b: B & OperandsFit<"add", A, B>): BinaryResult<A, B> {
  checkArguments("add", arguments, 2);
  return mapCall("add", [a, b]) as BinaryResult<A, B>;
}

/** a - b. */
export function sub<A extends Operand, B extends Operand>(a: A, b: B & OperandsFit<"sub", A, B>): BinaryResult<A, B> {
  checkArguments("sub", arguments, 2);
  return mapCall("sub", [a, b]) as BinaryResult<A, B>;
}

/** a * b. */
export function mul<A extends Operand, B extends Operand>(a: A, b: B & OperandsFit<"mul", A, B>): BinaryResult<A, B> {
  checkArguments("mul", arguments, 2);
  return mapCall("mul", [a, b]) as BinaryResult<A, B>;
}

/** a / b. Integers: truncated, and 0 where b is 0. */
export function div<A extends Operand, B extends Operand>(a: A, b: B & OperandsFit<"div", A, B>): BinaryResult<A, B> {
  checkArguments("div", arguments, 2);
  return mapCall("div", [a, b]) as BinaryResult<A, B>;
}

/** a to the power b. */
export function pow<A extends Operand, B extends Operand>(a: A, b: B & OperandsFit<"pow", A, B>): BinaryResult<A, B> {
  checkArguments("pow", arguments, 2);
  return mapCall("pow", [a, b]) as BinaryResult<A, B>;
}

/** The larger of a and b; NaN if either is. At a tie the gradient goes to b. */
export function maximum<A extends Operand, B extends Operand>(
  a: A,
  b: B & OperandsFit<"maximum", A, B>,
): BinaryResult<A, B> {
  checkArguments("maximum", arguments, 2);
  return mapCall("max", [a, b], "maximum") as BinaryResult<A, B>;
}

/** The smaller of a and b; NaN if either is. At a tie the gradient goes to b. */
export function minimum<A extends Operand, B extends Operand>(
  a: A,
  b: B & OperandsFit<"minimum", A, B>,
): BinaryResult<A, B> {
  checkArguments("minimum", arguments, 2);
  return mapCall("min", [a, b], "minimum") as BinaryResult<A, B>;
}

/** a - b * floor(a / b): has the sign of b. */
export function mod<A extends Operand, B extends Operand>(a: A, b: B & OperandsFit<"mod", A, B>): BinaryResult<A, B> {
  checkArguments("mod", arguments, 2);
  return mapCall("mod", [a, b]) as BinaryResult<A, B>;
}

/** Whether a = b, element by element. NaN is equal to nothing. */
export function equal<A extends Operand, B extends Operand>(
  a: A,
  b: B & OperandsFit<"equal", A, B>,
): ComparisonResult<A, B> {
  checkArguments("equal", arguments, 2);
  return mapCall("eq", [a, b], "equal") as ComparisonResult<A, B>;
}

/** Whether a is not b, element by element. NaN is not equal to itself. */
export function notEqual<A extends Operand, B extends Operand>(
  a: A,
  b: B & OperandsFit<"notEqual", A, B>,
): ComparisonResult<A, B> {
  checkArguments("notEqual", arguments, 2);
  return mapCall("ne", [a, b], "notEqual") as ComparisonResult<A, B>;
}

/** a < b, element by element. */
export function less<A extends Operand, B extends Operand>(
  a: A,
  b: B & OperandsFit<"less", A, B>,
): ComparisonResult<A, B> {
  checkArguments("less", arguments, 2);
  return mapCall("lt", [a, b], "less") as ComparisonResult<A, B>;
}

/** a <= b, element by element. */
export function lessEqual<A extends Operand, B extends Operand>(
  a: A,
  b: B & OperandsFit<"lessEqual", A, B>,
): ComparisonResult<A, B> {
  checkArguments("lessEqual", arguments, 2);
  return mapCall("le", [a, b], "lessEqual") as ComparisonResult<A, B>;
}

/** a > b, element by element. */
export function greater<A extends Operand, B extends Operand>(
  a: A,
  b: B & OperandsFit<"greater", A, B>,
): ComparisonResult<A, B> {
  checkArguments("greater", arguments, 2);
  return mapCall("gt", [a, b], "greater") as ComparisonResult<A, B>;
}

/** a >= b, element by element. */
export function greaterEqual<A extends Operand, B extends Operand>(
  a: A,
  b: B & OperandsFit<"greaterEqual", A, B>,
): ComparisonResult<A, B> {
  checkArguments("greaterEqual", arguments, 2);
  return mapCall("ge", [a, b], "greaterEqual") as ComparisonResult<A, B>;
}

/** Whether both hold. */
export function and<A extends Shape, B extends Shape>(
  a: Tensor<A, "bool">,
  b: Tensor<B, "bool"> & CheckBroadcast<"and", A, B>,
): Tensor<Broadcast<A, B>, "bool"> {
  checkArguments("and", arguments, 2);
  return mapCall("and", [a, b]) as Tensor<Broadcast<A, B>, "bool">;
}

/** Whether one holds, or both. */
export function or<A extends Shape, B extends Shape>(
  a: Tensor<A, "bool">,
  b: Tensor<B, "bool"> & CheckBroadcast<"or", A, B>,
): Tensor<Broadcast<A, B>, "bool"> {
  checkArguments("or", arguments, 2);
  return mapCall("or", [a, b]) as Tensor<Broadcast<A, B>, "bool">;
}

/** Whether it does not hold. */
export function not<S extends Shape>(x: Tensor<S, "bool">): Tensor<S, "bool"> {
  checkArguments("not", arguments, 1);
  return mapCall("not", [x]) as Tensor<S, "bool">;
}

/** a where the condition holds, b elsewhere. All three broadcast. */
export function where<C extends Shape, A extends Operand, B extends Operand>(
  condition: Tensor<C, "bool">,
  a: A,
  b: B & OperandsFit<"where", A, B>,
): Tensor<Broadcast<C, Broadcast<ShapeOf<A>, ShapeOf<B>>>, ResultDType<A, B>> {
  checkArguments("where", arguments, 3);
  const origin = here("where");
  const mask = checkTensor("where", condition, "condition");
  const branches = checkOperands("where", [a, b], ["a", "b"]);
  const dtype = operandDType(branches);
  const operands = broadcastAll([mask, ...branches.map((x) => toTensor(x, dtype, origin))], origin);
  return applyOp(mapOps.select, operands, {}, origin) as never;
}

export type UnaryFunction = <T extends Tensor>(x: T) => Tensor<ShapeOf<T>, DTypeOf<T>>;

function unary(name: MapName): UnaryFunction {
  return function (x) {
    checkArguments(name, arguments, 1);
    return mapCall(name, [x]) as never;
  };
}

/** -x. */
export const neg: UnaryFunction = unary("neg");
/** |x|. Its slope at 0 is 0. */
export const abs: UnaryFunction = unary("abs");
/** -1, 0 or 1; zeros and NaN as they are. */
export const sign: UnaryFunction = unary("sign");
/** e to the power x. */
export const exp: UnaryFunction = unary("exp");
/** exp(x) - 1, exact for small x. */
export const expm1: UnaryFunction = unary("expm1");
/** The natural logarithm; NaN below 0. */
export const log: UnaryFunction = unary("log");
/** log(1 + x), exact for small x. */
export const log1p: UnaryFunction = unary("log1p");
/** The square root; NaN below 0. */
export const sqrt: UnaryFunction = unary("sqrt");
/** 1 / sqrt(x). */
export const rsqrt: UnaryFunction = unary("rsqrt");
/** The sine of an angle in radians. */
export const sin: UnaryFunction = unary("sin");
/** The cosine of an angle in radians. */
export const cos: UnaryFunction = unary("cos");
/** The hyperbolic tangent. */
export const tanh: UnaryFunction = unary("tanh");
/** The error function: 2 / sqrt(pi) times the integral of exp(-t²) from 0 to x. */
export const erf: UnaryFunction = unary("erf");
/** The largest whole number that is not above x. */
export const floor: UnaryFunction = unary("floor");
/** The smallest whole number that is not below x. */
export const ceil: UnaryFunction = unary("ceil");
/** To the nearest whole number, halves to the even one. */
export const round: UnaryFunction = unary("round");
/** The value, through which no gradient flows. */
export const stopGradient: UnaryFunction = unary("stopGradient");

/** Converts to another dtype: floats truncate to integers and saturate, NaN becomes 0. */
export function cast<S extends Shape, D extends DType>(x: Tensor<S>, dtype: D): Tensor<S, D> {
  checkArguments("cast", arguments, 2);
  const value = checkTensor("cast", x);
  const wanted = checkDType("cast", dtype);
  if (value.dtype === wanted) return value as Tensor<S, D>;
  return applyOp(castOp, [value], { dtype: wanted }, here("cast")) as Tensor<S, D>;
}

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
