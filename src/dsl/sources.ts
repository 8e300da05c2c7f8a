/**
 * Tensors that are made of no other: constants, counts, sizes of axes; and labels as rows of zeros with a one.
 */
import { type DType, dtypes } from "../core/dtype.ts";
import { UserError } from "../core/errors.ts";
import { checkArguments, checkValue, show, whole } from "../core/options.ts";
import { atLine, here } from "../core/origin.ts";
import { oneHot as oneHotOp } from "../graph/ops/gather.ts";
import { constant, constantAttrs, iota as iotaOp, size as sizeOp } from "../graph/ops/source.ts";
import type { Dim, Shape } from "../graph/shape.ts";
import { applyOp, broadcastAt, toTensor } from "./build.ts";
import { anyNumber, axesOf, axisKind, checkDimension, checkDType, checkShape, checkTensor } from "./check.ts";
import type { Tensor } from "./tensor.ts";

/** A constant scalar. Rounded to its dtype: `scalar(0.1)` is the f32 nearest to 0.1. */
export function scalar<D extends DType = "f32">(value: number, dtype?: D): Tensor<[], D>;
export function scalar(value: number, dtype?: DType): Tensor {
  checkArguments("scalar", arguments, 2);
  const [chosen, origin] = [dtype ?? "f32", here("scalar")];
  if (typeof value !== "number") {
    throw new UserError(`scalar: the value must be a number, not ${show(value)}${atLine(origin)}`);
  }
  if (!dtypes.includes(chosen)) {
    throw new UserError(`scalar: the dtype must be one of ${dtypes.join(", ")}, not ${show(chosen)}${atLine(origin)}`);
  }
  return applyOp(constant, [], constantAttrs(chosen, value), origin);
}

/** `value` everywhere. */
export function full<const S extends Shape, D extends DType = "f32">(
  shape: S,
  value: number,
  dtype?: D,
): Tensor<[...S], D>;
export function full(shape: Shape, value: number, dtype?: DType): Tensor {
  checkArguments("full", arguments, 3);
  const origin = here("full");
  const chosen = checkDType("full", dtype ?? "f32");
  const wanted = checkShape("full", shape);
  checkValue("full", "the value", value, anyNumber, origin);
  return broadcastAt(toTensor(value, chosen, origin), wanted, origin);
}

/** 0, 1, 2 ... along the only axis. */
export function arange<const N extends Dim, D extends DType = "i32">(count: N, dtype?: D): Tensor<[N], D>;
export function arange(count: Dim, dtype?: DType): Tensor {
  checkArguments("arange", arguments, 2);
  const attrs = {
    dtype: checkDType("arange", dtype ?? "i32"),
    shape: [checkDimension("arange", count, "the count")],
    axis: 0,
  };
  return applyOp(iotaOp, [], attrs, here("arange"));
}

/** Size of an axis as a scalar; a symbolic dimension gets its value when the program is compiled. */
export function size<D extends DType = "i32">(x: Tensor, axis: number, dtype?: D): Tensor<[], D>;
export function size(x: Tensor, axis: number, dtype?: DType): Tensor {
  checkArguments("size", arguments, 3);
  const origin = here("size");
  checkTensor("size", x);
  const [at] = axesOf(x, checkValue("size", "axis", axis, axisKind, origin), origin);
  const dim = x.shape[at ?? 0] ?? 0;
  const chosen = checkDType("size", dtype ?? "i32");
  if (typeof dim === "number") return applyOp(constant, [], constantAttrs(chosen, dim), origin);
  return applyOp(sizeOp, [], { dtype: chosen, dim }, origin);
}

/** 1 at each label along a new last axis of `depth`, 0 elsewhere. A label out of range gives a row of zeros. */
export function oneHot<S extends Shape, const N extends number, D extends DType = "f32">(
  labels: Tensor<S>,
  depth: N,
  dtype?: D,
): Tensor<[...S, N], D>;
export function oneHot(labels: Tensor, depth: number, dtype?: DType): Tensor {
  checkArguments("oneHot", arguments, 3);
  const origin = here("oneHot");
  checkTensor("oneHot", labels, "labels");
  checkValue("oneHot", "the depth", depth, whole({ from: 0 }), origin);
  const attrs = { depth, dtype: checkDType("oneHot", dtype ?? "f32") };
  return applyOp(oneHotOp, [labels], attrs, origin);
}
