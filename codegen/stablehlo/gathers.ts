/**
 * Ops whose element places depend on values. StableHLO moves an index that is out of range to the nearest one inside; ours gives
 * zero there, so each is asked first. What `scatter` drops we drop too.
 */
import { isFloat } from "../../src/core/dtype.ts";
import { attrsOf } from "../../src/graph/define.ts";
import { dynamicSlice, gather, oneHot, scatterAdd } from "../../src/graph/ops/gather.ts";
import { putAlong, sort, takeAlong } from "../../src/graph/ops/sort.ts";
import { bindDim, fixedShape } from "../../src/graph/shape.ts";
import { type Hlo, range, type Value } from "./builder.ts";
import { converted } from "./maps.ts";
import { type OpWords, operandValue, single, typeOf } from "./scope.ts";
import { narrowed, widened } from "./short-floats.ts";

/** Numbers behind a word of an attribute. */
function numbers(key: string, values: readonly number[]): string {
  return values.length === 0 ? "" : `${key} = [${values.join(", ")}]`;
}

function dimensionNumbers(kind: "gather" | "scatter", parts: readonly string[], vectorAxis: number): string {
  const given = [...parts.filter((part) => part !== ""), `index_vector_dim = ${vectorAxis}`];
  const key = kind === "gather" ? "dimension_numbers" : "scatter_dimension_numbers";
  return `${key} = #stablehlo.${kind}<${given.join(", ")}>`;
}

/** Whole numbers as indexes into an axis, and where they lie inside. */
function checked(hlo: Hlo, indexes: Value, extent: number): { readonly index: Value; readonly inside: Value } {
  const wide = indexes.dtype === "u8" ? converted(hlo, indexes, "i32") : indexes;
  const below = hlo.compare("LT", wide, hlo.like(wide, extent));
  const inside = wide.dtype === "u32" ? below : hlo.binary("and", below, hlo.compare("GE", wide, hlo.like(wide, 0)));
  return { index: hlo.convert(hlo.select(inside, wide, hlo.like(wide, 0)), "i32"), inside };
}

export const oneHotWords = single((scope, node) => {
  const { builder: hlo } = scope;
  const { dtype } = attrsOf(node, oneHot);
  const given = operandValue(scope, node);
  const labels = given.dtype === "u8" ? hlo.convert(given, "i32") : given;
  const { shape } = typeOf(node);
  const axes = range(labels.shape.length);
  const places = hlo.convert(hlo.iota("i32", shape, axes.length), labels.dtype);
  return converted(hlo, hlo.compare("EQ", hlo.broadcast(labels, shape, axes), places), dtype);
});

export const gatherWords = single((scope, node) => {
  const { builder: hlo } = scope;
  const { axis } = attrsOf(node, gather);
  const [x, indexes] = [operandValue(scope, node), operandValue(scope, node, 1)];
  const type = typeOf(node);
  const zero = hlo.constant(type.dtype, 0, type.shape);
  const extent = x.shape[axis] ?? 0;
  if (extent === 0 || type.shape.includes(0)) return zero;
  const { index, inside } = checked(hlo, indexes, extent);
  const rank = indexes.shape.length;
  const places = range(rank).map((i) => axis + i);
  const offsets = range(type.shape.length).filter((i) => !places.includes(i));
  const attributes = [
    dimensionNumbers(
      "gather",
      [numbers("offset_dims", offsets), numbers("collapsed_slice_dims", [axis]), numbers("start_index_map", [axis])],
      rank,
    ),
    sliceSizes(x.shape.map((dim, i) => (i === axis ? 1 : dim))),
    "indices_are_sorted = false",
  ];
  const [taken = zero] = hlo.generic("gather", [x, index], [type], { attributes });
  return hlo.select(hlo.broadcast(inside, type.shape, places), taken, zero);
});

function sliceSizes(sizes: readonly number[]): string {
  return `slice_sizes = array<i64${sizes.length === 0 ? "" : `: ${sizes.join(", ")}`}>`;
}

export const takeAlongWords = single((scope, node) => {
  const { builder: hlo } = scope;
  const { axis } = attrsOf(node, takeAlong);
  const [x, indexes] = [operandValue(scope, node), operandValue(scope, node, 1)];
  const type = typeOf(node);
  if (type.shape.includes(0)) return hlo.constant(type.dtype, 0, type.shape);
  const others = range(x.shape.length).filter((i) => i !== axis);
  const parts = [
    numbers("collapsed_slice_dims", [axis]),
    numbers("operand_batching_dims", others),
    numbers("start_indices_batching_dims", others),
    numbers("start_index_map", [axis]),
  ];
  const attributes = [
    dimensionNumbers("gather", parts, x.shape.length),
    sliceSizes(x.shape.map(() => 1)),
    "indices_are_sorted = false",
  ];
  const [taken = x] = hlo.generic("gather", [x, indexes], [type], { attributes });
  return taken;
});

export const putAlongWords = single((scope, node) => {
  const { builder: hlo } = scope;
  const { axis } = attrsOf(node, putAlong);
  const [x, indexes] = [operandValue(scope, node), operandValue(scope, node, 1)];
  const type = typeOf(node);
  const zeros = hlo.constant(type.dtype, 0, type.shape);
  if (x.shape.includes(0) || type.shape.includes(0)) return zeros;
  const others = range(x.shape.length).filter((i) => i !== axis);
  const parts = [
    numbers("inserted_window_dims", [axis]),
    numbers("input_batching_dims", others),
    numbers("scatter_indices_batching_dims", others),
    numbers("scatter_dims_to_operand_dims", [axis]),
  ];
  return scattered(hlo, zeros, indexes, x, {
    numbers: dimensionNumbers("scatter", parts, x.shape.length),
    isUnique: true,
    join: (_, update) => update,
  });
});

interface Scatter {
  readonly numbers: string;
  readonly isUnique: boolean;
  readonly join: (held: Value, update: Value, inner: Hlo) => Value;
}

function scattered(
  hlo: Hlo,
  x: Value,
  indexes: Value,
  updates: Value,
  { numbers: how, isUnique, join }: Scatter,
): Value {
  const scalar = { dtype: x.dtype, shape: [] };
  const region = hlo.region([scalar, scalar], (inner, [held = x, update = x]) => [join(held, update, inner)]);
  const attributes = [how, "indices_are_sorted = false", `unique_indices = ${isUnique}`];
  const [made = x] = hlo.generic("scatter", [x, indexes, updates], [x], { regions: [region], attributes });
  return made;
}

export const scatterAddWords = single((scope, node) => {
  const { builder: hlo } = scope;
  const { size } = attrsOf(node, scatterAdd);
  const type = typeOf(node);
  const updates = widened(hlo, operandValue(scope, node, 1));
  const zeros = hlo.constant(updates.dtype, 0, type.shape);
  if (updates.shape.includes(0) || type.shape.includes(0)) return narrowed(hlo, zeros, type.dtype);
  const { index, inside } = checked(hlo, operandValue(scope, node), bindDim(size, {}));
  const marked = hlo.select(inside, index, hlo.like(index, -1));
  const rank = index.shape.length;
  const parts = [
    numbers("update_window_dims", range(updates.shape.length).slice(rank)),
    numbers("inserted_window_dims", [0]),
    numbers("scatter_dims_to_operand_dims", [0]),
  ];
  const made = scattered(hlo, zeros, marked, updates, {
    numbers: dimensionNumbers("scatter", parts, rank),
    isUnique: false,
    join: (held, update, inner) => inner.binary("add", held, update),
  });
  return narrowed(hlo, made, type.dtype);
});

/** Where a part begins: one number for each axis. StableHLO moves it inside as we do. */
function startsOf(hlo: Hlo, starts: Value, rank: number): readonly Value[] {
  return range(rank).map((axis) => hlo.reshape(hlo.slice(starts, [axis], [axis + 1], [1]), []));
}

export const dynamicSliceWords = single((scope, node) => {
  const { builder: hlo } = scope;
  const sizes = fixedShape(attrsOf(node, dynamicSlice).shape);
  const x = operandValue(scope, node);
  const starts = startsOf(hlo, operandValue(scope, node, 1), x.shape.length);
  return hlo.dynamicSlice(x, starts, sizes);
});

export const dynamicUpdateWords = single((scope, node) => {
  const { builder: hlo } = scope;
  const [x, part] = [operandValue(scope, node), operandValue(scope, node, 1)];
  return hlo.dynamicUpdate(x, part, startsOf(hlo, operandValue(scope, node, 2), x.shape.length));
});

export const sortWords: OpWords = (scope, node) => {
  const { builder: hlo } = scope;
  const { axis, descending } = attrsOf(node, sort);
  const x = operandValue(scope, node);
  const given = [x, hlo.iota("i32", x.shape, axis)];
  const scalars = given.flatMap(({ dtype }) => [
    { dtype, shape: [] },
    { dtype, shape: [] },
  ]);
  const region = hlo.region(scalars, (inner, [a = x, b = x]) => [comesBefore(inner, a, b, descending)]);
  const attributes = [`dimension = ${axis} : i64`, "is_stable = true"];
  const sorted = hlo.generic("sort", given, given, { regions: [region], attributes });
  const { shape } = typeOf(node);
  return sorted.map((value) =>
    hlo.slice(
      value,
      shape.map(() => 0),
      shape,
      shape.map(() => 1),
    ),
  );
};

/** A NaN stands after every number, and before them all where it descends. */
function comesBefore(hlo: Hlo, a: Value, b: Value, descending: boolean): Value {
  const [first, second] = descending ? [b, a] : [a, b];
  const isLess = hlo.compare("LT", first, second);
  if (!isFloat(a.dtype)) return isLess;
  const isNumber = hlo.compare("EQ", first, first);
  const isNone = hlo.compare("NE", second, second);
  return hlo.binary("or", isLess, hlo.binary("and", isNumber, isNone));
}
