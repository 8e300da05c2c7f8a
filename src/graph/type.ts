/**
 * The type of a node: dtype and shape.
 */

import type { DType } from "../core/dtype.ts";
import { printShape, type Shape, sameShape } from "./shape.ts";

export interface TensorType {
  readonly dtype: DType;
  readonly shape: Shape;
}

export function tensorType(dtype: DType, shape: Shape): TensorType {
  return { dtype, shape };
}

export function printType({ dtype, shape }: TensorType): string {
  return dtype + printShape(shape);
}

export function sameType(a: TensorType, b: TensorType): boolean {
  return a.dtype === b.dtype && sameShape(a.shape, b.shape);
}
