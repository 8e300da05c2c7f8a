/**
 * Ops whose element places depend on values. An index out of range is an error in onnxruntime; ours gives zero there, so each is
 * asked first.
 */
import { isFloat } from "../../src/core/dtype.ts";
import { attrsOf } from "../../src/graph/define.ts";
import { dynamicSlice, gather, oneHot, scatterAdd } from "../../src/graph/ops/gather.ts";
import { putAlong, sort, takeAlong } from "../../src/graph/ops/sort.ts";
import { bindDim, fixedShape, sizeOf } from "../../src/graph/shape.ts";
import { type Onnx, range, type Value } from "./builder.ts";
import { converted } from "./maps.ts";
import { type OpWords, operandValue, single, typeOf, widened } from "./scope.ts";

/** Whole numbers as indexes into an axis (`otherwise` where they lie outside), and where they lie inside. */
function checked(onnx: Onnx, indexes: Value, extent: number, otherwise = 0) {
  const wide = onnx.cast(indexes, "i64");
  const isBelow = onnx.compare("Less", wide, onnx.like(wide, extent));
  const isInside = onnx.each("And", [isBelow, onnx.compare("GreaterOrEqual", wide, onnx.like(wide, 0))]);
  return { index: onnx.select(isInside, wide, onnx.like(wide, otherwise)), isInside };
}

export const oneHotWords = single((scope, node) => {
  const { builder: onnx } = scope;
  const { dtype } = attrsOf(node, oneHot);
  const labels = onnx.cast(operandValue(scope, node), "i64");
  const { shape } = typeOf(node);
  const axes = range(labels.shape.length);
  const places = onnx.iota("i64", shape, axes.length);
  return converted(onnx, onnx.compare("Equal", onnx.spread(labels, shape, axes), places), dtype);
});

export const gatherWords = single((scope, node) => {
  const { builder: onnx } = scope;
  const { axis } = attrsOf(node, gather);
  const [x, indexes] = [operandValue(scope, node), operandValue(scope, node, 1)];
  const { shape } = typeOf(node);
  const zero = onnx.constant(x.dtype, 0, shape);
  const extent = x.shape[axis] ?? 0;
  if (extent === 0) return zero;
  const { index, isInside } = checked(onnx, indexes, extent);
  const taken = onnx.one("Gather", [x, index], { dtype: x.dtype, shape }, { axis });
  const places = range(indexes.shape.length).map((i) => axis + i);
  return onnx.select(onnx.spread(isInside, shape, places), taken, zero);
});

export const takeAlongWords = single((scope, node) => {
  const { axis } = attrsOf(node, takeAlong);
  return takenAlong(scope.builder, operandValue(scope, node), operandValue(scope, node, 1), axis);
});

function takenAlong(onnx: Onnx, x: Value, indexes: Value, axis: number): Value {
  const index = indexes.dtype === "i32" ? indexes : onnx.cast(indexes, "i64");
  return onnx.one("GatherElements", [x, index], { dtype: x.dtype, shape: indexes.shape }, { axis });
}

export const putAlongWords = single((scope, node) => {
  const { builder: onnx } = scope;
  const { axis } = attrsOf(node, putAlong);
  const [x, indexes] = [operandValue(scope, node), operandValue(scope, node, 1)];
  const zeros = onnx.constant(x.dtype, 0, typeOf(node).shape);
  if (x.shape.includes(0)) return zeros;
  return onnx.one("ScatterElements", [zeros, onnx.cast(indexes, "i64"), x], zeros, { axis });
});

/** What points outside is added to a row more, which is cut off. */
export const scatterAddWords = single((scope, node) => {
  const { builder: onnx } = scope;
  const { shape } = typeOf(node);
  const extent = bindDim(attrsOf(node, scatterAdd).size, {});
  const indexes = operandValue(scope, node);
  const updates = widened(operandValue(scope, node, 1));
  if (updates.shape.includes(0)) return onnx.constant(node.type.dtype, 0, shape);
  const rows = sizeOf(indexes.shape);
  const columns = sizeOf(shape.slice(1));
  const { index } = checked(onnx, indexes, extent, extent);
  const each = onnx.spread(onnx.reshape(index, [rows]), [rows, columns], [0]);
  const given = [onnx.constant(updates.dtype, 0, [extent + 1, columns]), each, onnx.reshape(updates, [rows, columns])];
  const type = { dtype: updates.dtype, shape: [extent + 1, columns] };
  const summed = onnx.one("ScatterElements", given, type, { axis: 0, reduction: "add" });
  const sum = onnx.slice(summed, [0, 0], [extent, columns], [1, 1]);
  return onnx.cast(onnx.reshape(sum, shape), node.type.dtype);
});

// ---- parts whose place is a value ----------------------------------------------------------------------------------

interface Span {
  readonly axis: number;
  readonly size: number;
  /** Where it begins and ends: a list of one i64. */
  readonly start: Value;
  readonly stop: Value;
}

/** The axes of which not all is meant. A start is moved to where the part lies inside, as ours is. */
function spans(onnx: Onnx, starts: Value, whole: readonly number[], part: readonly number[]): readonly Span[] {
  const wide = onnx.cast(starts, "i64");
  return range(whole.length)
    .filter((axis) => whole[axis] !== part[axis])
    .map((axis) => {
      const size = part[axis] ?? 0;
      const given = onnx.slice(wide, [axis], [axis + 1], [1]);
      const [none, last] = [onnx.like(given, 0), onnx.like(given, (whole[axis] ?? 0) - size)];
      const from = onnx.select(onnx.compare("Less", given, none), none, given);
      const start = onnx.select(onnx.compare("Less", last, from), last, from);
      return { axis, size, start, stop: onnx.each("Add", [start, onnx.like(start, size)]) };
    });
}

function cut(onnx: Onnx, x: Value, axis: number, size: number, start: Value, stop: Value): Value {
  const type = { dtype: x.dtype, shape: x.shape.with(axis, size) };
  return onnx.one("Slice", [x, start, stop, onnx.vector([axis])], type);
}

export const dynamicSliceWords = single((scope, node) => {
  const { builder: onnx } = scope;
  const x = operandValue(scope, node);
  const sizes = fixedShape(attrsOf(node, dynamicSlice).shape);
  return spans(onnx, operandValue(scope, node, 1), x.shape, sizes).reduce(
    (left, { axis, size, start, stop }) => cut(onnx, left, axis, size, start, stop),
    x,
  );
});

export const dynamicUpdateWords = single((scope, node) => {
  const { builder: onnx } = scope;
  const [x, part] = [operandValue(scope, node), operandValue(scope, node, 1)];
  if (part.shape.includes(0)) return x;
  return updated(onnx, x, part, spans(onnx, operandValue(scope, node, 2), x.shape, part.shape));
});

/** Along each axis: what stands before, the part, what stands behind. */
function updated(onnx: Onnx, x: Value, part: Value, [span, ...others]: readonly Span[]): Value {
  if (span === undefined) return part;
  const { axis, size, start, stop } = span;
  const extent = x.shape[axis] ?? 0;
  const middle = updated(onnx, cut(onnx, x, axis, size, start, stop), part, others);
  // how long these are is not known before it runs
  const before = cut(onnx, x, axis, extent - size, onnx.vector([0]), start);
  const after = cut(onnx, x, axis, extent - size, stop, onnx.vector([extent]));
  return onnx.one("Concat", [before, middle, after], x, { axis });
}

// ---- order ---------------------------------------------------------------------------------------------------------

/**
 * By `TopK` of all, which keeps the order of equal ones but loses numbers where a NaN is: NaNs stand in as infinities, and are
 * brought to their end of those by a second one.
 */
export const sortWords: OpWords = (scope, node) => {
  const { builder: onnx } = scope;
  const { axis, descending } = attrsOf(node, sort);
  const x = operandValue(scope, node);
  const byNumber = (keys: Value): Value => orderOf(onnx, keys, axis, descending);
  let order: Value;
  if (x.dtype !== "i64" && isFloat(x.dtype)) {
    const keys = widened(x);
    const isNone = onnx.each("IsNaN", [keys], "bool");
    const first = byNumber(onnx.select(isNone, onnx.like(keys, Number.POSITIVE_INFINITY), keys));
    const isLate = takenAlong(onnx, onnx.cast(isNone, "i32"), first, axis);
    order = takenAlong(onnx, first, byNumber(isLate), axis);
  } else {
    order = byNumber(onnx.cast(x, "i64"));
  }
  const { shape } = typeOf(node);
  return [takenAlong(onnx, x, order, axis), onnx.cast(order, "i32")].map((value) =>
    onnx.slice(
      value,
      shape.map(() => 0),
      shape,
      shape.map(() => 1),
    ),
  );
};

function orderOf(onnx: Onnx, keys: Value, axis: number, descending: boolean): Value {
  const index = { dtype: "i64" as const, shape: keys.shape };
  const count = onnx.vector([keys.shape[axis] ?? 0]);
  const [, order] = onnx.several("TopK", [keys, count], [keys, index], {
    axis,
    largest: descending ? 1 : 0,
    sorted: 1,
  });
  return order ?? keys;
}
