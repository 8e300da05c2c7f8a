/**
 * Reading and writing at places that values say: gather, scatter-add, and parts whose start is known at run time.
 */
import type { DType } from "../core/dtype.ts";
import { ShapeError, UserError } from "../core/errors.ts";
import { checkArguments, checkOptions, checkValue, show, whole } from "../core/options.ts";
import { atLine, here } from "../core/origin.ts";
import {
  dynamicSlice as dynamicSliceOp,
  dynamicUpdate as dynamicUpdateOp,
  gather as gatherOp,
  scatterAdd as scatterAddOp,
} from "../graph/ops/gather.ts";
import { type Dim, printShape, type Shape } from "../graph/shape.ts";
import { applyOp } from "./build.ts";
import { axesOf, axisTable, checkShape, checkTensor } from "./check.ts";
import { cast } from "./math.ts";
import type { GatherShape, ScatterShape } from "./part-types.ts";
import { concat, reshape } from "./shape.ts";
import type { AlongAxis, CheckDTypes } from "./shape-types.ts";
import { oneHot, scalar } from "./sources.ts";
import { Tensor } from "./tensor.ts";

/**
 * The elements of x that the indexes say, along an axis (the first by default): gather(table, ids) has a row of the table
 * for each id. The axes of the indexes stand where the axis was. An index out of range gives zeros.
 */
export function gather<S extends Shape, D extends DType, I extends Shape, const A extends number = 0>(
  x: Tensor<S, D>,
  indexes: Tensor<I>,
  options?: {
    /** 0 by default. */
    readonly axis?: A;
  },
): Tensor<GatherShape<S, I, A>, D>;
export function gather(x: Tensor, indexes: Tensor, options: AlongAxis = {}): Tensor {
  checkArguments("gather", arguments, 3);
  const origin = here("gather");
  checkTensor("gather", x);
  checkTensor("gather", indexes, "indexes");
  const { axis: wanted = 0 } = checkOptions("gather", options, axisTable, { before: "a, indexes, ", origin });
  const [axis] = axesOf(x, wanted, origin);
  return applyOp(gatherOp, [x, indexes], { axis: axis ?? 0 }, origin);
}

/**
 * [size, ...rest]: for each place the sum of the updates whose index is the place. `updates` has the axes of the indexes in
 * front, then the rest. Indexes out of range add nothing. The order of the sum is that of the updates, on every target; where
 * there are few places it is a contraction with a one-hot, and an infinite or NaN update makes NaN of everything in its column.
 */
export function scatterAdd<I extends Shape, U extends Shape, D extends DType, const N extends number>(
  indexes: Tensor<I>,
  updates: Tensor<U, D>,
  size: N,
): Tensor<ScatterShape<I, U, N>, D>;
export function scatterAdd(indexes: Tensor, updates: Tensor, size: number): Tensor {
  checkArguments("scatterAdd", arguments, 3);
  const origin = here("scatterAdd");
  checkTensor("scatterAdd", indexes, "indexes");
  checkTensor("scatterAdd", updates, "updates");
  checkValue("scatterAdd", "the size", size, whole({ from: 0 }), origin);
  return applyOp(scatterAddOp, [indexes, updates], { size }, origin);
}

/**
 * [count, ...rest]: the sums of the rows of x that have the same id: segmentSum(x, ids, 3)[1] adds up the rows whose id is 1. Ids need
 * no order; a row with an id out of range is left out, and a segment without rows is 0.
 */
export function segmentSum<S extends Shape, D extends DType, I extends Dim, const N extends number>(
  x: Tensor<S, D>,
  ids: Tensor<readonly [I]>,
  count: N,
): Tensor<ScatterShape<readonly [I], S, N>, D>;
export function segmentSum(x: Tensor, ids: Tensor, count: number): Tensor {
  checkArguments("segmentSum", arguments, 3);
  const origin = here("segmentSum");
  checkTensor("segmentSum", x);
  checkTensor("segmentSum", ids, "ids");
  checkValue("segmentSum", "the count", count, whole({ from: 0 }), origin);
  if (ids.shape.length !== 1)
    throw new ShapeError(
      `segmentSum: ids must be a vector, one for each row, not ${printShape(ids.shape)}${atLine(origin)}`,
    );
  return applyOp(scatterAddOp, [ids, x], { size: count }, origin);
}

/** Where a part starts: one i32 vector, or a number or i32 scalar for each axis. */
export type Starts = Tensor | readonly (Tensor | number)[];

function startsOf(call: string, starts: Starts): Tensor {
  if (starts instanceof Tensor) return cast(starts, "i32");
  if (!Array.isArray(starts)) {
    const wanted = "a vector of whole numbers, or a list of a number or scalar for each axis";
    throw new UserError(`${call}: starts must be ${wanted}, not ${show(starts)}${atLine(here(call))}`);
  }
  if (starts.length === 0) return reshape(cast(oneHot(scalar(0, "i32"), 0), "i32"), [0]);
  return concat(
    starts.map((start: unknown, axis) => {
      if (typeof start === "number") checkValue(call, `starts[${axis}]`, start, whole());
      const value = typeof start === "number" ? scalar(start, "i32") : checkTensor(call, start, `starts[${axis}]`);
      return reshape(cast(value, "i32"), [1]);
    }),
  );
}

/** The part of x with this shape that begins at `starts`, which may depend on values; clamped so that it lies inside. */
export function dynamicSlice<D extends DType, const S extends readonly Dim[]>(
  x: Tensor<Shape, D>,
  starts: Starts,
  shape: S,
): Tensor<[...S], D>;
export function dynamicSlice(x: Tensor, starts: Starts, shape: readonly Dim[]): Tensor {
  checkArguments("dynamicSlice", arguments, 3);
  checkTensor("dynamicSlice", x);
  const attrs = { shape: checkShape("dynamicSlice", shape) };
  return applyOp(dynamicSliceOp, [x, startsOf("dynamicSlice", starts)], attrs, here("dynamicSlice"));
}

/** x with `part` in place of what stands at `starts`; clamped as in `dynamicSlice`. */
export function dynamicUpdate<S extends Shape, D extends DType, E extends DType>(
  x: Tensor<S, D>,
  part: Tensor<Shape, E> & CheckDTypes<"dynamicUpdate", D, E>,
  starts: Starts,
): Tensor<S, D>;
export function dynamicUpdate(x: Tensor, part: Tensor, starts: Starts): Tensor {
  checkArguments("dynamicUpdate", arguments, 3);
  checkTensor("dynamicUpdate", x);
  checkTensor("dynamicUpdate", part, "part");
  return applyOp(dynamicUpdateOp, [x, part, startsOf("dynamicUpdate", starts)], {}, here("dynamicUpdate"));
}
