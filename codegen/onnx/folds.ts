/** Reductions, running folds and contractions. Floats of 16 bits are folded in f32 and rounded once. */
import { isFloat } from "../../src/core/dtype.ts";
import { neutral, type PlainFold, type RunningFold } from "../../src/core/fold.ts";
import { attrsOf } from "../../src/graph/define.ts";
import type { ReduceName } from "../../src/graph/op-names.ts";
import { contract } from "../../src/graph/ops/contract.ts";
import { type maxWithIndex, minWithIndex, moments, reduceOps } from "../../src/graph/ops/reduce.ts";
import { foldNamed, running } from "../../src/graph/ops/running.ts";
import { sizeOf } from "../../src/graph/shape.ts";
import { type Onnx, range, type Value } from "./builder.ts";
import { logOfMore } from "./maps.ts";
import { type OpWords, operandValue, single, typeOf, valueFor, widened } from "./scope.ts";

const reductions: Readonly<Record<PlainFold, string>> = {
  sum: "ReduceSum",
  prod: "ReduceProd",
  max: "ReduceMax",
  min: "ReduceMin",
};

const pairs: Readonly<Record<PlainFold, string>> = { sum: "Add", prod: "Mul", max: "Max", min: "Min" };

export const reduceWords = (name: ReduceName): OpWords =>
  single((scope, node) => {
    const { axes } = attrsOf(node, reduceOps[name]);
    const x = widened(operandValue(scope, node));
    return scope.builder.cast(folded(scope.builder, name, x, axes), node.type.dtype);
  });

function isFloatValue({ dtype }: Value): boolean {
  return dtype !== "i64" && isFloat(dtype);
}

function folded(onnx: Onnx, fold: PlainFold, x: Value, axes: readonly number[]): Value {
  if (axes.length === 0) return x;
  const shape = x.shape.filter((_, axis) => !axes.includes(axis));
  if (axes.some((axis) => x.shape[axis] === 0)) {
    return onnx.constant(x.dtype, x.dtype === "i64" ? 0 : neutral(fold, x.dtype), shape);
  }
  if (x.dtype === "u32" || x.dtype === "u8") return onnx.cast(folded(onnx, fold, onnx.cast(x, "i64"), axes), x.dtype);
  const made = onnx.reduce(reductions[fold], x, axes);
  if (!isFloatValue(x) || fold === "sum" || fold === "prod") return made;
  // onnxruntime sees a NaN only where it stands first
  const hasNone = onnx.reduce("ReduceMax", onnx.each("IsNaN", [x], "bool"), axes);
  return onnx.select(hasNone, onnx.like(made, Number.NaN), made);
}

// ---- the best, and where it stands ---------------------------------------------------------------------------------

/** The first of what is best; a NaN is better than any number. */
export const bestWords = (op: typeof maxWithIndex): OpWords => {
  const fold = op === minWithIndex ? "min" : "max";
  return (scope, node) => {
    const { builder: onnx } = scope;
    const { axes } = attrsOf(node, op);
    const x = operandValue(scope, node);
    const { dtype, shape } = typeOf(node);
    if (axes.some((axis) => x.shape[axis] === 0)) {
      return [onnx.constant(dtype, neutral(fold, dtype), shape), onnx.constant("i32", 0, shape)];
    }
    const others = range(x.shape.length).filter((axis) => !axes.includes(axis));
    const moved = onnx.transpose(x, [...others, ...axes]);
    const count = sizeOf(axes.map((axis) => x.shape[axis] ?? 1));
    const rows = onnx.reshape(x.dtype === "u32" ? onnx.cast(moved, "i64") : widened(moved), [...shape, count]);
    const best = folded(onnx, fold, rows, [shape.length]);
    const wide = onnx.spread(best, rows.shape, range(shape.length));
    const isEqual = onnx.compare("Equal", rows, wide);
    // where the best is NaN, nothing equals it; where it is not, there is none
    const isBest = isFloatValue(rows) ? onnx.each("Or", [isEqual, onnx.each("IsNaN", [rows], "bool")]) : isEqual;
    const marks = onnx.cast(isBest, "i32");
    const place = onnx.one("ArgMax", [marks], { dtype: "i64", shape }, { axis: shape.length, keepdims: 0 });
    return [onnx.cast(best, dtype), onnx.cast(place, "i32")];
  };
};

export const momentWords: OpWords = (scope, node) => {
  const { builder: onnx } = scope;
  const { axes } = attrsOf(node, moments);
  const x = widened(operandValue(scope, node));
  const { dtype, shape } = typeOf(node);
  const count = sizeOf(axes.map((axis) => x.shape[axis] ?? 1));
  const counts = onnx.constant(x.dtype, count, shape);
  const mean = count === 0 ? counts : onnx.each("Div", [folded(onnx, "sum", x, axes), counts]);
  const kept = range(x.shape.length).filter((axis) => !axes.includes(axis));
  const off = onnx.each("Sub", [x, onnx.spread(mean, x.shape, kept)]);
  const m2 = folded(onnx, "sum", onnx.each("Mul", [off, off]), axes);
  return [counts, mean, m2].map((value) => onnx.cast(value, dtype));
};

// ---- running folds -------------------------------------------------------------------------------------------------

/**
 * In log2(n) rounds, each of which joins what stands 1, 2, 4, ... places before (Hillis and Steele, "Data parallel algorithms",
 * 1986). What has met a place where it starts anew takes nothing more.
 */
export const runningWords = single((scope, node) => {
  const { builder: onnx } = scope;
  const { axis, fold: name } = attrsOf(node, running);
  const fold = foldNamed(name);
  const [given, restarts] = node.args.map((arg) => valueFor(scope, arg));
  let y = widened(given ?? onnx.constant("f32", 0));
  let isNew = restarts;
  const count = y.shape[axis] ?? 0;
  const start = neutral(fold, node.type.dtype);
  for (let by = 1; by < count; by *= 2) {
    const sum = joined(onnx, fold, shifted(onnx, y, axis, by, start), y);
    y = isNew === undefined ? sum : onnx.select(isNew, y, sum);
    if (isNew !== undefined) isNew = onnx.each("Or", [isNew, shifted(onnx, isNew, axis, by, 0)]);
  }
  return onnx.cast(y, node.type.dtype);
});

/** What stands `by` places before each element; `otherwise` where nothing does. */
function shifted(onnx: Onnx, x: Value, axis: number, by: number, otherwise: number): Value {
  const low = x.shape.map((_, i) => (i === axis ? by : 0));
  const high = low.map((edge) => 0 - edge);
  return onnx.pad(x, onnx.constant(x.dtype, otherwise), low, high);
}

function joined(onnx: Onnx, fold: RunningFold, a: Value, b: Value): Value {
  if (fold !== "logSumExp") return onnx.each(pairs[fold], [a, b]);
  const top = onnx.each("Max", [a, b]);
  const apart = onnx.each("Abs", [onnx.each("Sub", [a, b])]);
  const more = logOfMore(onnx, onnx.each("Exp", [onnx.each("Neg", [apart])]));
  // two infinities of one sign are 0 apart, not NaN
  const isSame = onnx.compare("Equal", a, b);
  return onnx.each("Add", [top, onnx.select(isSame, onnx.like(more, Math.log(2)), more)]);
}

// ---- contractions --------------------------------------------------------------------------------------------------

/** A product of matrices, as many as the batch has: axes are brought together, and apart again. */
export const contractWords = single((scope, node) => {
  const { builder: onnx } = scope;
  const { batchLeft, batchRight, sumLeft, sumRight } = attrsOf(node, contract);
  const [x, y] = [operandValue(scope, node), operandValue(scope, node, 1)].map(widened);
  const { shape } = typeOf(node);
  if (x === undefined || y === undefined || x.shape.includes(0) || y.shape.includes(0)) {
    return onnx.constant(node.type.dtype, 0, shape);
  }
  const freeLeft = freeAxes(x, batchLeft, sumLeft);
  const freeRight = freeAxes(y, batchRight, sumRight);
  const sizes = (value: Value, axes: readonly number[]): number => sizeOf(axes.map((axis) => value.shape[axis] ?? 1));
  const batch = batchLeft.length === 0 ? [] : [sizes(x, batchLeft)];
  const [m, k, n] = [sizes(x, freeLeft), sizes(x, sumLeft), sizes(y, freeRight)];
  const left = onnx.reshape(onnx.transpose(x, [...batchLeft, ...freeLeft, ...sumLeft]), [...batch, m, k]);
  const right = onnx.reshape(onnx.transpose(y, [...batchRight, ...sumRight, ...freeRight]), [...batch, k, n]);
  const product = onnx.one("MatMul", [left, right], { dtype: x.dtype, shape: [...batch, m, n] });
  return onnx.cast(onnx.reshape(product, shape), node.type.dtype);
});

function freeAxes({ shape }: Value, batch: readonly number[], sum: readonly number[]): readonly number[] {
  return range(shape.length).filter((axis) => !batch.includes(axis) && !sum.includes(axis));
}
