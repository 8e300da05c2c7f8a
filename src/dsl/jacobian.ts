/**
 * The Jacobian: the derivative of every element of y by every element of x, as one gradient for each element of y.
 */

import { ShapeError } from "../core/errors.ts";
import { checkArguments } from "../core/options.ts";
import { atLine, here } from "../core/origin.ts";
import { printShape, sizeOf } from "../graph/shape.ts";
import { checkTensor } from "./check.ts";
import { grad } from "./grad.ts";
import { sum } from "./reduce.ts";
import { concat, reshape, slice } from "./shape.ts";
import type { Tensor } from "./tensor.ts";

/** The shape of y followed by the shape of x. Meant for a small y: the program grows with its size. */
export function jacobian(y: Tensor, x: Tensor): Tensor {
  checkArguments("jacobian", arguments, 2);
  checkTensor("jacobian", y, "y");
  checkTensor("jacobian", x);
  const known = y.shape.every((dim): dim is number => typeof dim === "number");
  if (!known || sizeOf(y.shape) === 0) {
    const found = `${printShape(y.shape)}`;
    throw new ShapeError(`jacobian: y must have a known size and an element, not ${found}${atLine(here("jacobian"))}`);
  }
  const flat = reshape(y, [sizeOf(y.shape)]);
  const rows = Array.from({ length: sizeOf(y.shape) }, (_, i) => {
    const element = sum(slice(flat, [i, i + 1]));
    return reshape(grad(element, x), [1, ...x.shape]);
  });
  return reshape(concat(rows), [...y.shape, ...x.shape]);
}
