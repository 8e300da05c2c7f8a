/**
 * Requests that `differentiate` expands. The DSL's `grad` makes one `gradient` node per parameter, so the forward graph can be
 * shown as it was written and gradients of gradients come for free. `slopedAs` is for functions whose good form is no form
 * to differentiate.
 */

import { isFloat } from "../../core/dtype.ts";
import { CompilerBug, ShapeError } from "../../core/errors.ts";
import { transformOp } from "../define.ts";
import type { Batched, Build, Node } from "../node.ts";
import { type Dim, elementCount, type Shape, sameShape } from "../shape.ts";
import { printType, sameType, type TensorType, tensorType } from "../type.ts";
import { spreadBatch, toFront } from "./view.ts";

/** gradient(y, x): the derivative of the scalar y by x; has the type of x. */
export const gradient = transformOp({
  name: "gradient",
  arity: 2,
  schema: {},
  infer([loss, parameter]) {
    if (loss.shape.length > 0) throw new ShapeError("the loss must be a scalar: take its sum or mean first");
    if (!isFloat(loss.dtype)) throw new ShapeError(`the loss must be a float, not ${printType(loss)}`);
    if (!isFloat(parameter.dtype)) throw new ShapeError(`only floats have gradients, not ${printType(parameter)}`);
    return parameter;
  },
  // examples do not mix: what all of them add up to has the gradient of each
  batch: ([loss, parameter], _attrs, size, b) => {
    const value = spreadBatch(loss, size, b);
    const by = spreadBatch(parameter, size, b);
    return [{ node: b.node(pullback, [value, b.fill(value, 1), by], { silent: false }), batched: true }];
  },
  evaluate() {
    throw new CompilerBug("gradient nodes are expanded by `differentiate` before anything is evaluated");
  },
});

/**
 * pullback(y.., slope.., x): what a change of x does to the sum of all y, each weighted by its slope, as if slopes were constants;
 * has the type of x. As many slopes as values, each of the type of its value; where all have the same axes more in front,
 * so many sets of slopes, the result has them too. It is linear in the slopes, so its own derivative by them is the derivative of
 * the y in a direction.
 */
export const pullback = transformOp({
  name: "pullback",
  arity: "many",
  /** Whether it is no news to the user that x has no influence on any y. */
  schema: { silent: "flag" },
  infer(args) {
    const { values, slopes, by } = pullbackParts(args);
    const leading = leadingAxes(values, slopes);
    values.forEach((value, i) => {
      const slope = slopes[i] ?? value;
      if (!isFloat(value.dtype)) throw new ShapeError(`only floats have derivatives, not ${printType(value)}`);
      if (slope.dtype !== value.dtype || !sameShape(slope.shape, [...leading, ...value.shape])) {
        throw new ShapeError(`the slope must have the type of its value, ${printType(value)}, not ${printType(slope)}`);
      }
    });
    if (!isFloat(by.dtype)) throw new ShapeError(`only floats have gradients, not ${printType(by)}`);
    elementCount(leading); // the sets of slopes are counted along one axis
    return tensorType(by.dtype, [...leading, ...by.shape]);
  },
  batch: (args, { silent }, size, b) => [pullbackEach(args, silent, size, b)],
  evaluate() {
    throw new CompilerBug("pullback nodes are expanded by `differentiate` before anything is evaluated");
  },
});

/** Whether a node asks for a derivative: by its last operand. */
export function isRequest({ op }: Node): boolean {
  return op === gradient || op === pullback;
}

/** The axes that slopes have in front of those of their values. */
export function leadingAxes(values: readonly TensorType[], slopes: readonly TensorType[]): Shape {
  const [value] = values;
  const [slope] = slopes;
  return value === undefined || slope === undefined
    ? []
    : slope.shape.slice(0, slope.shape.length - value.shape.length);
}

/** The operands of a pullback by what they are. */
export function pullbackParts<T>(args: readonly T[]): {
  readonly values: readonly T[];
  readonly slopes: readonly T[];
  readonly by: T;
} {
  const count = (args.length - 1) / 2;
  const by = args[2 * count];
  if (!Number.isInteger(count) || count < 1 || by === undefined) {
    throw new CompilerBug("pullback takes values, as many slopes, and what it is taken by");
  }
  return { values: args.slice(0, count), slopes: args.slice(count, 2 * count), by };
}

/** Sets of slopes stay in front of the examples, as they are more than those. */
function pullbackEach(args: readonly Batched[], silent: boolean, size: Dim, b: Build): Batched {
  const { values, slopes, by } = pullbackParts(args);
  const rank = ({ node, batched }: Batched): number => node.type.shape.length - Number(batched);
  const [value, slope] = [values[0] ?? by, slopes[0] ?? by];
  const sets = rank(slope) - rank(value);
  const behindSets = (x: Node): readonly number[] =>
    x.type.shape.map((_, i) => (i < sets ? i + 1 : i === sets ? 0 : i));
  const moved = slopes.map((one) => {
    const wide = spreadBatch(one, size, b);
    return b.permute(wide, behindSets(wide));
  });
  const operands = [...values.map((one) => spreadBatch(one, size, b)), ...moved, spreadBatch(by, size, b)];
  return { node: toFront(b.node(pullback, operands, { silent }), sets, b), batched: true };
}

/**
 * slopedAs(value, twin): the value of the first, the gradient of the second, which is the same function in another form.
 *
 * A form that puts in constants by a condition (1 for a factor that is 0) is cheap and right, and its derivative is wrong.
 * With this the cheap form is what is computed, and the twin is computed only where someone differentiates.
 */
export const slopedAs = transformOp({
  name: "slopedAs",
  arity: 2,
  schema: {},
  infer([value, twin]) {
    if (!sameType(value, twin)) throw new ShapeError("takes two of a type");
    return value;
  },
  vjp: (_, g) => [null, g],
  evaluate: ([value]) => value,
});
