/**
 * Dense row-major arrays of the float64 evaluator. Every dtype is held in doubles: integers exactly, bool as 0 and 1,
 * f32 unrounded (the oracle computes what the program means, not what a target rounds).
 */

import type { DType } from "../core/dtype.ts";
import { CompilerBug } from "../core/errors.ts";
import { sizeOf, stridesOf } from "./shape.ts";

export interface NdArray {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

export function ndarray(dtype: DType, shape: readonly number[], data: ArrayLike<number>): NdArray {
  const size = sizeOf(shape);
  if (data.length !== size) throw new CompilerBug(`${data.length} numbers for the shape [${shape}]`);
  return { dtype, shape, data: Float64Array.from(data) };
}

/** An array filled by a function of the row-major coordinates. The coordinate array is reused between calls. */
export function generate(
  dtype: DType,
  shape: readonly number[],
  at: (coordinates: readonly number[]) => number,
): NdArray {
  const data = new Float64Array(sizeOf(shape));
  const coordinates = shape.map(() => 0);
  for (let i = 0; i < data.length; i++) {
    data[i] = at(coordinates);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const next = (coordinates[axis] ?? 0) + 1;
      coordinates[axis] = next;
      if (next < (shape[axis] ?? 0)) break;
      coordinates[axis] = 0;
    }
  }
  return { dtype, shape, data };
}

/** Reads by coordinates. */
export function reader(array: NdArray): (coordinates: readonly number[]) => number {
  const strides = stridesOf(array.shape);
  return (coordinates) => {
    let offset = 0;
    for (let axis = 0; axis < strides.length; axis++) offset += (coordinates[axis] ?? 0) * (strides[axis] ?? 0);
    return array.data[offset] ?? 0;
  };
}

/** A copy with axes in another order: result axis i is operand axis order[i]. */
export function transpose(array: NdArray, order: readonly number[]): NdArray {
  const strides = stridesOf(array.shape);
  const moved = order.map((axis) => strides[axis] ?? 0);
  return generate(
    array.dtype,
    order.map((axis) => array.shape[axis] ?? 0),
    (at) => {
      let offset = 0;
      for (let axis = 0; axis < moved.length; axis++) offset += (at[axis] ?? 0) * (moved[axis] ?? 0);
      return array.data[offset] ?? 0;
    },
  );
}
