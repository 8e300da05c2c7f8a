/**
 * Derivatives of functions at a place: value and gradient together, in both directions, and the check of a gradient.
 *
 * A change of what a function is given goes forwards (`jvp`), a slope of what it gives goes backwards (`vjp`). Both are made of
 * the one table of gradient rules: a pullback is linear in the slope, so its derivative by the slope is the forward one.
 */
import type { DType } from "../core/dtype.ts";
import { ShapeError } from "../core/errors.ts";
import { checkArguments, checkValue, number } from "../core/options.ts";
import { atLine, here } from "../core/origin.ts";
import { alone } from "../graph/copies.ts";
import { gradient as gradientOp } from "../graph/ops/transform.ts";
import { printShape, type Shape, sizeOf } from "../graph/shape.ts";
import { applyOp } from "./build.ts";
import { checkFunction, checkTensor, refusePromise } from "./check.ts";
import {
  type GradientsOf,
  grad,
  graphOfAll,
  leavesLike,
  pullback,
  pullbackOf,
  tensorsOf,
  unknownLike,
} from "./grad.ts";
import { equal, where } from "./logic.ts";
import { add, div, mul, sub } from "./math.ts";
import { l2Norm } from "./norms.ts";
import { concat, reshape } from "./shape.ts";
import { oneHot, scalar } from "./sources.ts";
import { isNode, Tensor, tensorLeaf } from "./tensor.ts";
import { leavesOf, mapTree, type Tree } from "./tree.ts";

/** The value of a function at a tree of tensors, and its derivatives by each of them. */
export function valueAndGrad<T, S extends readonly [] | Shape, D extends DType>(
  f: (at: T) => Tensor<S, D>,
  at: T,
): { readonly value: Tensor<S, D>; readonly gradient: GradientsOf<T> } {
  checkArguments("valueAndGrad", arguments, 2);
  const place = apart("valueAndGrad", at);
  const value = valueAt("valueAndGrad", f, place);
  checkTensor("valueAndGrad", value, "what the function gives");
  return { value, gradient: grad(value, place) };
}

/** The value of a function at a tree of tensors, and what takes slopes of it back to slopes of each of them. */
export function vjp<T, R>(
  f: (at: T) => R,
  at: T,
): { readonly value: R; readonly pullback: (slope: GradientsOf<R>) => GradientsOf<T> } {
  checkArguments("vjp", arguments, 2);
  const place = apart("vjp", at);
  const value = valueAt("vjp", f, place);
  return { value, pullback: (slope) => pullback(value, slope, place) };
}

/**
 * The value of a function at a tree of tensors, and how it changes when those change in the direction of `tangent`, a tree of
 * the same form: the derivative of f(at + h · tangent) by h, at h = 0.
 */
export function jvp<T, R>(
  f: (at: T) => R,
  at: T,
  tangent: GradientsOf<T>,
): { readonly value: R; readonly tangent: GradientsOf<R> };
export function jvp(
  f: (at: unknown) => unknown,
  at: unknown,
  tangent: unknown,
): { readonly value: unknown; readonly tangent: Tree<Tensor> } {
  checkArguments("jvp", arguments, 3);
  const origin = here("jvp");
  const place = apart("jvp", at);
  const places = leavesOf(place, tensorLeaf, "jvp");
  const directions = leavesLike("jvp", "the tangent", tangent, places, origin);
  const value = valueAt("jvp", f, place);
  const by = places.map(({ leaf }) => leaf);
  const values = tensorsOf(value, "jvp");
  const graph = graphOfAll("jvp", "the values", [...values, ...by], origin);
  const slopes = values.map((y) => unknownLike(y, graph, origin));
  const back = by.map((x) => pullbackOf(values, slopes, x, origin));
  const changes = slopes.map((slope) => pullbackOf(back, directions, slope, origin, true));
  let next = 0;
  return { value, tangent: mapTree(value, tensorLeaf, "jvp", (y) => changes[next++] ?? y) };
}

/**
 * The product of the Hessian of a scalar, its second derivatives by all tensors of a tree, with a vector: a tree of the same form.
 * It costs about two gradients, whatever the size of the Hessian.
 */
export function hvp<T>(y: Tensor<readonly []> | Tensor<Shape>, by: T, vector: GradientsOf<T>): GradientsOf<T>;
export function hvp(y: Tensor, by: unknown, vector: unknown): Tree<Tensor> {
  checkArguments("hvp", arguments, 3);
  const origin = here("hvp");
  checkTensor("hvp", y, "y");
  const places = leavesOf(by, tensorLeaf, "hvp");
  const directions = leavesLike("hvp", "the vector", vector, places, origin);
  graphOfAll("hvp", "y", [y, ...places.map(({ leaf }) => leaf)], origin);
  const first = places.map(({ leaf }) => applyOp(gradientOp, [y, leaf], {}, origin));
  // second derivatives are symmetric: what goes backwards through the gradient is what goes forwards
  return mapTree(by, tensorLeaf, "hvp", (leaf) => pullbackOf(first, directions, leaf, origin, true));
}

/** The tree, with a tensor that stands in several places another one in each: what the function makes of one is not made of the others. */
function apart<T>(call: string, at: T): T;
function apart(call: string, at: unknown): unknown {
  const times = new Map<Tensor["value"], number>();
  for (const { value } of tensorsOf(at, call)) times.set(value, (times.get(value) ?? 0) + 1);
  return mapTree(at, tensorLeaf, call, (leaf) => {
    const { value } = leaf;
    return isNode(value) && (times.get(value) ?? 0) > 1 ? new Tensor(alone(value)) : leaf;
  });
}

/** What a user's function gives for a tree of tensors. */
function valueAt<T, R>(call: string, f: (at: T) => R, at: T): R {
  checkFunction(call, f, "f");
  const value = f(at);
  refusePromise(`${call}: the function`, value, here(call));
  return value;
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
