/**
 * Derivatives of every element by every element: one pullback with a row of the identity for each, as one program whose length does
 * not grow with the sizes.
 */
import type { DType } from "../core/dtype.ts";
import { checkArguments } from "../core/options.ts";
import { here, type Origin } from "../core/origin.ts";
import { cast as castOp, mapOps } from "../graph/ops/map.ts";
import { constant, constantAttrs, iota } from "../graph/ops/source.ts";
import { gradient as gradientOp } from "../graph/ops/transform.ts";
import { permute as permuteOp } from "../graph/ops/view.ts";
import type { Shape } from "../graph/shape.ts";
import { applyOp } from "./build.ts";
import { checkTensor } from "./check.ts";
import { graphOfAll, pullbackOf, unknownLike } from "./grad.ts";
import type { Tensor } from "./tensor.ts";

/**
 * The derivative of every element of y by every element of x: the shape of y followed by the shape of x. Row by row from the
 * results, or column by column from x, whichever are fewer.
 */
export function jacobian<A extends Shape, B extends Shape, D extends DType>(
  y: Tensor<A, D>,
  x: Tensor<B, D>,
): Tensor<[...A, ...B], D>;
export function jacobian(y: Tensor, x: Tensor): Tensor {
  checkArguments("jacobian", arguments, 2);
  checkTensor("jacobian", y, "y");
  checkTensor("jacobian", x);
  return jacobianOf("jacobian", y, x, here("jacobian"));
}

/** Second derivatives of a scalar: the shape of x twice. */
export function hessian<S extends Shape, D extends DType>(
  y: Tensor<readonly []> | Tensor<Shape>,
  x: Tensor<S, D>,
): Tensor<[...S, ...S], D>;
export function hessian(y: Tensor, x: Tensor): Tensor {
  checkArguments("hessian", arguments, 2);
  checkTensor("hessian", y, "y");
  checkTensor("hessian", x);
  const origin = here("hessian");
  graphOfAll("hessian", "y", [y, x], origin);
  return jacobianOf("hessian", applyOp(gradientOp, [y, x], {}, origin), x, origin);
}

function jacobianOf(call: string, y: Tensor, x: Tensor, origin: Origin): Tensor {
  const graph = graphOfAll(call, "y", [y, x], origin);
  if (!isLarger(y.shape, x.shape)) return pullbackOf([y], [identity(y, origin)], x, origin);
  const slope = unknownLike(y, graph, origin);
  const back = pullbackOf([y], [slope], x, origin);
  const columns = pullbackOf([back], [identity(x, origin)], slope, origin, true); // [..x, ..y]
  const order = columns.shape.map((_, axis) => (axis + x.rank) % columns.rank);
  return applyOp(permuteOp, [columns], { order }, origin);
}

/** Whether `a` is known to have more elements than `b`. */
function isLarger(a: Shape, b: Shape): boolean {
  const size = (shape: Shape): number => shape.reduce<number>((product, dim) => product * Number(dim), 1);
  return size(a) > size(b); // never with a name in it
}

/** [..shape, ..shape]: 1 where all indexes are equal. */
function identity(x: Tensor, origin: Origin): Tensor {
  const { dtype, shape } = x.value.type;
  const rank = shape.length;
  const wide = [...shape, ...shape];
  const along = (axis: number): Tensor => applyOp(iota, [], { dtype: "i32", shape: wide, axis }, origin);
  const [first, ...others] = shape.map((_, axis) => applyOp(mapOps.eq, [along(axis), along(rank + axis)], {}, origin));
  if (first === undefined) return applyOp(constant, [], constantAttrs(dtype, 1), origin);
  const all = others.reduce((every, one) => applyOp(mapOps.and, [every, one], {}, origin), first);
  return applyOp(castOp, [all], { dtype }, origin);
}
