/**
 * Products of matrices and vectors. `einsum` has all others.
 */
import type { DType } from "../core/dtype.ts";
import { ShapeError } from "../core/errors.ts";
import { checkArguments } from "../core/options.ts";
import { atLine, here } from "../core/origin.ts";
import { contract } from "../graph/ops/contract.ts";
import { printShape, type Shape } from "../graph/shape.ts";
import { applyOp } from "./build.ts";
import { checkTensor } from "./check.ts";
import type { BatchMatmulShape, CheckBatchMatmul, CheckDot, DotShape } from "./part-types.ts";
import { productOf } from "./product-of.ts";
import type { CheckDTypes, CheckMatmul, MatmulShape } from "./shape-types.ts";
import type { Tensor } from "./tensor.ts";

/** Matrix product of [m, k] and [k, n]. */
export function matmul<A extends Shape, B extends Shape, D extends DType, E extends DType>(
  a: Tensor<A, D>,
  b: Tensor<B, E> & CheckMatmul<A, B> & CheckDTypes<"matmul", D, E>,
): Tensor<MatmulShape<A, B>, D>;
export function matmul(a: Tensor, b: Tensor): Tensor {
  checkArguments("matmul", arguments, 2);
  const origin = here("matmul");
  for (const [side, x] of [
    ["left", a],
    ["right", b],
  ] as const) {
    const { length: rank } = checkTensor("matmul", x, `the ${side} operand`).shape;
    if (rank === 2) continue;
    const hint = rank > 2 ? ": batchMatmul multiplies stacks of matrices" : rank === 1 ? ": dot takes vectors" : "";
    throw new ShapeError(`matmul: the ${side} operand has rank ${rank}, wanted 2${hint}${atLine(origin)}`);
  }
  const attrs = { batchLeft: [], batchRight: [], sumLeft: [1], sumRight: [0] };
  return applyOp(contract, [a, b], attrs, origin);
}

/** Sum over the last axis of a and the first of b: vector·vector, matrix·vector, matrix·matrix. */
export function dot<A extends Shape, B extends Shape, D extends DType, E extends DType>(
  a: Tensor<A, D>,
  b: Tensor<B, E> & CheckDot<A, B> & CheckDTypes<"dot", D, E>,
): Tensor<DotShape<A, B>, D>;
export function dot(a: Tensor, b: Tensor): Tensor {
  checkArguments("dot", arguments, 2);
  const origin = here("dot");
  for (const [what, x] of Object.entries({ a, b })) {
    if (checkTensor("dot", x, what).shape.length > 0) continue;
    throw new ShapeError(`dot: ${what} is a scalar, wanted a vector or more: use mul${atLine(origin)}`);
  }
  const attrs = { batchLeft: [], batchRight: [], sumLeft: [a.shape.length - 1], sumRight: [0] };
  return applyOp(contract, [a, b], attrs, origin);
}

/** Matrix products of [..., m, k] and [..., k, n], one for each place in the leading axes, which must be equal. */
export function batchMatmul<A extends Shape, B extends Shape, D extends DType, E extends DType>(
  a: Tensor<A, D>,
  b: Tensor<B, E> & CheckBatchMatmul<A, B> & CheckDTypes<"batchMatmul", D, E>,
): Tensor<BatchMatmulShape<A, B>, D>;
export function batchMatmul(a: Tensor, b: Tensor): Tensor {
  checkArguments("batchMatmul", arguments, 2);
  const origin = here("batchMatmul");
  checkTensor("batchMatmul", a, "a");
  checkTensor("batchMatmul", b, "b");
  const rank = a.shape.length;
  if (rank < 2 || rank !== b.shape.length) {
    const shapes = `${printShape(a.shape)}, ${printShape(b.shape)}`;
    throw new ShapeError(`batchMatmul(${shapes}): both must have the same rank, at least 2${atLine(origin)}`);
  }
  return productOf(a, b, origin);
}
