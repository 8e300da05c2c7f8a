/**
 * Derivatives built from gradients: value and gradient together, the Hessian, and the check of a gradient.
 */
import type { DType } from "../core/dtype.ts";
import { ShapeError } from "../core/errors.ts";
import { checkArguments, checkValue, number } from "../core/options.ts";
import { atLine, here } from "../core/origin.ts";
import { printShape, type Shape, sizeOf } from "../graph/shape.ts";
import { checkFunction, checkTensor, refusePromise } from "./check.ts";
import { type GradientsOf, grad } from "./grad.ts";
import { jacobian } from "./jacobian.ts";
import { equal, where } from "./logic.ts";
import { add, div, mul, sub } from "./math.ts";
import { l2Norm } from "./norms.ts";
import { concat, reshape } from "./shape.ts";
import { oneHot, scalar } from "./sources.ts";
import type { Tensor } from "./tensor.ts";

/** The value of a function at a tree of tensors, and its derivatives by each of them. */
export function valueAndGrad<T, S extends readonly [] | Shape, D extends DType>(
  f: (at: T) => Tensor<S, D>,
  at: T,
): { readonly value: Tensor<S, D>; readonly gradient: GradientsOf<T> } {
  checkArguments("valueAndGrad", arguments, 2);
  checkFunction("valueAndGrad", f, "f");
  const value = f(at);
  refusePromise("valueAndGrad: the function", value, here("valueAndGrad"));
  checkTensor("valueAndGrad", value, "what the function gives");
  return { value, gradient: grad(value, at) };
}

/** Second derivatives of a scalar: shape of x twice. Meant for a small x: the program grows with its size. */
export function hessian(y: Tensor, x: Tensor): Tensor {
  checkArguments("hessian", arguments, 2);
  checkTensor("hessian", y, "y");
  checkTensor("hessian", x);
  return jacobian(grad(y, x), x);
}

/**
 * How far the gradient of a scalar function at x is from central differences (f(x + h) - f(x - h)) / 2h of the function
 * itself: |a - b| / (|a| + |b|), as `gradientDistance` has it. It is an expression like any other; evaluate it in f64:
 *
 *   await evaluate(({ w }) => checkGradient(f, w), { w: [1, 2] }, { dtype: "f64" })     about 1e-9: right
 *
 * Meant for a small x: the program has the function twice for each of its elements.
 */
export function checkGradient<S extends Shape, D extends DType>(
  f: (x: Tensor<S, D>) => Tensor,
  x: Tensor<S, D>,
  step?: number,
): Tensor<[], D>;
export function checkGradient(
  f: (x: Tensor) => Tensor,
  x: Tensor,
  step: number = x?.dtype === "f64" ? 1e-5 : 1e-2,
): Tensor {
  checkArguments("checkGradient", arguments, 3);
  checkFunction("checkGradient", f, "f");
  checkTensor("checkGradient", x);
  checkValue("checkGradient", "the step", step, number({ above: 0 }));
  const { shape } = x;
  if (!shape.every((dim): dim is number => typeof dim === "number") || sizeOf(shape) === 0) {
    throw new ShapeError(
      `checkGradient: x must have a known size and an element, not ${printShape(shape)}${atLine(here("checkGradient"))}`,
    );
  }
  const count = sizeOf(shape);
  const slopes = Array.from({ length: count }, (_, i) => {
    const direction = reshape(oneHot(scalar(i, "i32"), count, x.dtype), x.shape);
    const moved = mul(direction, step);
    const high = f(add(x, moved));
    const low = f(sub(x, moved));
    return reshape(div(sub(high, low), 2 * step), [1]);
  });
  const numeric = concat(slopes);
  const found = reshape(grad(f(x), x), [count]);
  const scale = add(l2Norm(found), l2Norm(numeric));
  const zero = equal(scale, 0);
  const distance = l2Norm(sub(found, numeric));
  return div(distance, where(zero, 1, scale));
}
