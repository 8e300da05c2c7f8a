/**
 * Arithmetic and functions of numbers, element by element: operands broadcast, numbers take the dtype of the tensors they meet.
 */

import type { DType } from "../core/dtype.ts";
import { UserError } from "../core/errors.ts";
import { checkArguments, show } from "../core/options.ts";
import { atLine, here } from "../core/origin.ts";
import type { MapName } from "../graph/op-names.ts";
import { cast as castOp } from "../graph/ops/map.ts";
import type { Shape } from "../graph/shape.ts";
import { applyOp, mapCall } from "./build.ts";
import { checkDType, checkTensor } from "./check.ts";
import type { Broadcast, CheckBroadcast, CheckDTypes } from "./shape-types.ts";
import type { DTypeOf, Operand, ShapeOf, Tensor } from "./tensor.ts";

export type ResultDType<A, B> = [DTypeOf<A>] extends [never]
  ? [DTypeOf<B>] extends [never]
    ? "f32"
    : DTypeOf<B>
  : DTypeOf<A>;

/** What `add(a, b)` is: for functions around it. The functions write it out, so that an editor shows a shape and no name. */
export type BinaryResult<A extends Operand, B extends Operand> = Tensor<
  Broadcast<ShapeOf<A>, ShapeOf<B>>,
  ResultDType<A, B>
>;

export type OperandsFit<Call extends string, A, B> = CheckBroadcast<Call, ShapeOf<A>, ShapeOf<B>> &
  CheckDTypes<Call, DTypeOf<A>, DTypeOf<B>>;

/** a + b, element by element; shapes broadcast as in NumPy. */
export function add<A extends Operand, B extends Operand>(
  a: A,
  b: B & OperandsFit<"add", A, B>,
): Tensor<Broadcast<ShapeOf<A>, ShapeOf<B>>, ResultDType<A, B>>;
export function add(a: Operand, b: Operand): Tensor {
  checkArguments("add", arguments, 2);
  return mapCall("add", [a, b]);
}

/** a - b. */
export function sub<A extends Operand, B extends Operand>(
  a: A,
  b: B & OperandsFit<"sub", A, B>,
): Tensor<Broadcast<ShapeOf<A>, ShapeOf<B>>, ResultDType<A, B>>;
export function sub(a: Operand, b: Operand): Tensor {
  checkArguments("sub", arguments, 2);
  return mapCall("sub", [a, b]);
}

/** a * b. */
export function mul<A extends Operand, B extends Operand>(
  a: A,
  b: B & OperandsFit<"mul", A, B>,
): Tensor<Broadcast<ShapeOf<A>, ShapeOf<B>>, ResultDType<A, B>>;
export function mul(a: Operand, b: Operand): Tensor {
  checkArguments("mul", arguments, 2);
  return mapCall("mul", [a, b]);
}

/** a / b. Integers: truncated, and 0 where b is 0. */
export function div<A extends Operand, B extends Operand>(
  a: A,
  b: B & OperandsFit<"div", A, B>,
): Tensor<Broadcast<ShapeOf<A>, ShapeOf<B>>, ResultDType<A, B>>;
export function div(a: Operand, b: Operand): Tensor {
  checkArguments("div", arguments, 2);
  return mapCall("div", [a, b]);
}

/** a to the power b. */
export function pow<A extends Operand, B extends Operand>(
  a: A,
  b: B & OperandsFit<"pow", A, B>,
): Tensor<Broadcast<ShapeOf<A>, ShapeOf<B>>, ResultDType<A, B>>;
export function pow(a: Operand, b: Operand): Tensor {
  checkArguments("pow", arguments, 2);
  return mapCall("pow", [a, b]);
}

/** The larger of a and b; NaN if either is. At a tie the gradient goes to b. */
export function maximum<A extends Operand, B extends Operand>(
  a: A,
  b: B & OperandsFit<"maximum", A, B>,
): Tensor<Broadcast<ShapeOf<A>, ShapeOf<B>>, ResultDType<A, B>>;
export function maximum(a: Operand, b: Operand): Tensor {
  checkArguments("maximum", arguments, 2);
  return mapCall("max", [a, b], "maximum");
}

/** The smaller of a and b; NaN if either is. At a tie the gradient goes to b. */
export function minimum<A extends Operand, B extends Operand>(
  a: A,
  b: B & OperandsFit<"minimum", A, B>,
): Tensor<Broadcast<ShapeOf<A>, ShapeOf<B>>, ResultDType<A, B>>;
export function minimum(a: Operand, b: Operand): Tensor {
  checkArguments("minimum", arguments, 2);
  return mapCall("min", [a, b], "minimum");
}

/** a - b * floor(a / b): has the sign of b. */
export function mod<A extends Operand, B extends Operand>(
  a: A,
  b: B & OperandsFit<"mod", A, B>,
): Tensor<Broadcast<ShapeOf<A>, ShapeOf<B>>, ResultDType<A, B>>;
export function mod(a: Operand, b: Operand): Tensor {
  checkArguments("mod", arguments, 2);
  return mapCall("mod", [a, b]);
}

export type UnaryFunction = <T extends Tensor>(x: T) => Tensor<ShapeOf<T>, DTypeOf<T>>;

function unary(name: MapName): UnaryFunction {
  return function (x) {
    checkArguments(name, arguments, 1);
    return mapCall(name, [x]) as never; // only functions with a name of their own take two signatures
  };
}

/** -x. */
export const neg: UnaryFunction = unary("neg");
/** |x|. Its slope at 0 is 0. */
export const abs: UnaryFunction = unary("abs");
/** -1, 0 or 1; zeros and NaN as they are. */
export const sign: UnaryFunction = unary("sign");
/** e to the power x. */
export const exp: UnaryFunction = unary("exp");
/** exp(x) - 1, exact for small x. */
export const expm1: UnaryFunction = unary("expm1");
/** The natural logarithm; NaN below 0. */
export const log: UnaryFunction = unary("log");
/** log(1 + x), exact for small x. */
export const log1p: UnaryFunction = unary("log1p");
/** The square root; NaN below 0. */
export const sqrt: UnaryFunction = unary("sqrt");
/** 1 / sqrt(x). */
export const rsqrt: UnaryFunction = unary("rsqrt");
/** The sine of an angle in radians. */
export const sin: UnaryFunction = unary("sin");
/** The cosine of an angle in radians. */
export const cos: UnaryFunction = unary("cos");
/** The hyperbolic tangent. */
export const tanh: UnaryFunction = unary("tanh");
/** The error function: 2 / sqrt(pi) times the integral of exp(-t²) from 0 to x. */
export const erf: UnaryFunction = unary("erf");
/** The largest whole number that is not above x. */
export const floor: UnaryFunction = unary("floor");
/** The smallest whole number that is not below x. */
export const ceil: UnaryFunction = unary("ceil");
/** To the nearest whole number, halves to the even one. */
export const round: UnaryFunction = unary("round");
/** The value, through which no gradient flows. */
export const stopGradient: UnaryFunction = unary("stopGradient");

/** Converts to another dtype: floats truncate to integers and saturate, NaN becomes 0. */
export function cast<S extends Shape, D extends DType>(x: Tensor<S>, dtype: D): Tensor<S, D>;
export function cast(x: Tensor, dtype: DType): Tensor {
  checkArguments("cast", arguments, 2);
  const value = checkTensor("cast", x);
  const wanted = checkDType("cast", dtype);
  if (value.dtype === wanted) return value;
  return applyOp(castOp, [value], { dtype: wanted }, here("cast"));
}

/** x * x. */
export function square<S extends Shape, D extends DType>(x: Tensor<S, D>): Tensor<S, D>;
export function square(x: Tensor): Tensor {
  checkArguments("square", arguments, 1);
  checkTensor("square", x);
  return mul(x, x);
}

/** x kept within low and high. */
export function clip<S extends Shape, D extends DType>(x: Tensor<S, D>, low: number, high: number): Tensor<S, D>;
export function clip(x: Tensor, low: number, high: number): Tensor {
  checkArguments("clip", arguments, 3);
  const value = checkTensor("clip", x);
  for (const [what, bound] of Object.entries({ low, high })) {
    if (typeof bound === "number" && !Number.isNaN(bound)) continue;
    throw new UserError(`clip: ${what} must be a number, not ${show(bound)}${atLine(here("clip"))}`);
  }
  if (low > high) throw new UserError(`clip: low is ${low}, above high, ${high}${atLine(here("clip"))}`);
  return minimum(maximum(value, low), high);
}
