/**
 * Reading and writing at places that values say: gather, scatter-add, and parts whose start is known at run time.
 */
import { ShapeError } from "../errors.ts";
import type { DType } from "../graph/dtype.ts";
import { contract } from "../graph/ops/contract.ts";
import {
  dynamicSlice as dynamicSliceOp,
  dynamicUpdate as dynamicUpdateOp,
  gather as gatherOp,
} from "../graph/ops/index-ops.ts";
import { atLine, here } from "../graph/origin.ts";
import { checkDim, type Dim, printShape, type Shape } from "../graph/shape.ts";
import { axesOf, cast, concat, minimum, oneHot, reshape } from "./ops.ts";
import { applyOp, scalar, Tensor } from "./tensor.ts";

/**
 * The elements of x that the indexes say, along an axis (the first by default): gather(table, ids) has a row of the table
 * for each id. The axes of the indexes stand where the axis was. An index out of range gives zeros.
 */
export function gather<D extends DType>(
  x: Tensor<Shape, D>,
  indexes: Tensor,
  options: { readonly axis?: number } = {},
): Tensor<Shape, D> {
  const origin = here("gather");
  const [axis] = axesOf(x, options.axis ?? 0, origin);
  return applyOp(gatherOp, [x, indexes], { axis: axis ?? 0 }, origin) as Tensor<Shape, D>;
}

/**
 * [size, ...rest]: for each place the sum of the updates whose index is the place. `updates` has the axes of the indexes in
 * front, then the rest. Indexes out of range add nothing. Computed as a contraction with a one-hot, so the order of the sum
 * is fixed; an infinite or NaN update makes NaN of everything in its column.
 */
export function scatterAdd<D extends DType>(
  indexes: Tensor,
  updates: Tensor<Shape, D>,
  size: number,
): Tensor<Shape, D> {
  const origin = here("scatterAdd");
  const places = indexes.shape.map((_, i) => i);
  if (!places.every((i) => indexes.shape[i] === updates.shape[i])) {
    const shapes = `${printShape(indexes.shape)}, ${printShape(updates.shape)}`;
    throw new ShapeError(`scatterAdd(${shapes}): updates must have the axes of the indexes in front${atLine(origin)}`);
  }
  // Fed labels are refused where they are out of range; an index may be, so it is no label here.
  const place = minimum(indexes, size) as Tensor;
  const mask = oneHot(place, size, updates.dtype);
  const attrs = { batchLeft: [], batchRight: [], sumLeft: places, sumRight: places };
  return applyOp(contract, [mask as Tensor, updates], attrs, origin) as Tensor<Shape, D>;
}

/** Where a part starts: one i32 vector, or a number or i32 scalar for each axis. */
export type Starts = Tensor | readonly (Tensor | number)[];

function startsOf(starts: Starts): Tensor {
  if (starts instanceof Tensor) return cast(starts, "i32") as Tensor;
  if (starts.length === 0) return reshape(cast(oneHot(scalar(0, "i32"), 0), "i32"), [0]) as Tensor;
  return concat(
    starts.map((start) => {
      const value = typeof start === "number" ? scalar(start, "i32") : start;
      return reshape(cast(value as Tensor, "i32"), [1]) as Tensor;
    }),
  ) as Tensor;
}

/** The part of x with this shape that begins at `starts`, which may depend on values; clamped so that it lies inside. */
export function dynamicSlice<D extends DType, const S extends readonly Dim[]>(
  x: Tensor<Shape, D>,
  starts: Starts,
  shape: S,
): Tensor<[...S], D> {
  const attrs = { shape: shape.map(checkDim) };
  return applyOp(dynamicSliceOp, [x, startsOf(starts)], attrs, here("dynamicSlice")) as Tensor<[...S], D>;
}

/** x with `part` in place of what stands at `starts`; clamped as in `dynamicSlice`. */
export function dynamicUpdate<S extends Shape, D extends DType>(
  x: Tensor<S, D>,
  part: Tensor<Shape, D>,
  starts: Starts,
): Tensor<S, D> {
  return applyOp(dynamicUpdateOp, [x, part, startsOf(starts)], {}, here("dynamicUpdate")) as Tensor<S, D>;
}
