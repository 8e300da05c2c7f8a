/**
 * The element-wise primitives as a user calls them: operands broadcast, numbers take the dtype of the tensors they meet.
 */
import type { DType } from "../core/dtype.ts";
import { checkArguments } from "../core/options.ts";
import { here } from "../core/origin.ts";
import type { MapName } from "../graph/node.ts";
import { cast as castOp, mapOps } from "../graph/ops/map.ts";
import type { Shape } from "../graph/shape.ts";
import { broadcastAll } from "./broadcast.ts";
import { checkDType, checkOperands, checkTensor } from "./check.ts";
import type { Broadcast, CheckBroadcast, CheckDTypes } from "./shape-types.ts";
import { applyOp, type DTypeOf, type Operand, operandDType, type ShapeOf, type Tensor, toTensor } from "./tensor.ts";

/** `call` is what the user called, which is not always the primitive's name. */
function mapCall(name: MapName, given: readonly Operand[], call: string = name): Tensor {
  const origin = here(call);
  const operands = checkOperands(call, given, given.length === 1 ? ["x"] : ["a", "b"]);
  const dtype = operandDType(operands);
  return applyOp(
    mapOps[name],
    broadcastAll(
      operands.map((x) => toTensor(x, dtype, origin)),
      origin,
    ),
    {},
    origin,
  );
}

export type ResultDType<A, B> = [DTypeOf<A>] extends [never]
  ? [DTypeOf<B>] extends [never]
    ? "f32"
    : DTypeOf<B>
  : DTypeOf<A>;
export type BinaryResult<A extends Operand, B extends Operand> = Tensor<
  Broadcast<ShapeOf<A>, ShapeOf<B>>,
  ResultDType<A, B>
>;
export type ComparisonResult<A extends Operand, B extends Operand> = Tensor<Broadcast<ShapeOf<A>, ShapeOf<B>>, "bool">;
export type OperandsFit<Call extends string, A, B> = CheckBroadcast<Call, ShapeOf<A>, ShapeOf<B>> &
  CheckDTypes<Call, DTypeOf<A>, DTypeOf<B>>;

/** a + b, element by element; shapes broadcast as in NumPy. */
export function add<A extends Operand, B extends Operand>(a: A, b: B & OperandsFit<"add", A, B>): BinaryResult<A, B> {
  checkArguments("add", arguments, 2);
  return mapCall("add", [a, b]) as BinaryResult<A, B>;
}

/** a - b. */
export function sub<A extends Operand, B extends Operand>(a: A, b: B & OperandsFit<"sub", A, B>): BinaryResult<A, B> {
  checkArguments("sub", arguments, 2);
  return mapCall("sub", [a, b]) as BinaryResult<A, B>;
}

/** a * b. */
export function mul<A extends Operand, B extends Operand>(a: A, b: B & OperandsFit<"mul", A, B>): BinaryResult<A, B> {
  checkArguments("mul", arguments, 2);
  return mapCall("mul", [a, b]) as BinaryResult<A, B>;
}

/** a / b. Integers: truncated, and 0 where b is 0. */
export function div<A extends Operand, B extends Operand>(a: A, b: B & OperandsFit<"div", A, B>): BinaryResult<A, B> {
  checkArguments("div", arguments, 2);
  return mapCall("div", [a, b]) as BinaryResult<A, B>;
}

/** a to the power b. */
export function pow<A extends Operand, B extends Operand>(a: A, b: B & OperandsFit<"pow", A, B>): BinaryResult<A, B> {
  checkArguments("pow", arguments, 2);
  return mapCall("pow", [a, b]) as BinaryResult<A, B>;
}

/** The larger of a and b; NaN if either is. At a tie the gradient goes to b. */
export function maximum<A extends Operand, B extends Operand>(
  a: A,
  b: B & OperandsFit<"maximum", A, B>,
): BinaryResult<A, B> {
  checkArguments("maximum", arguments, 2);
  return mapCall("max", [a, b], "maximum") as BinaryResult<A, B>;
}

/** The smaller of a and b; NaN if either is. At a tie the gradient goes to b. */
export function minimum<A extends Operand, B extends Operand>(
  a: A,
  b: B & OperandsFit<"minimum", A, B>,
): BinaryResult<A, B> {
  checkArguments("minimum", arguments, 2);
  return mapCall("min", [a, b], "minimum") as BinaryResult<A, B>;
}

/** a - b * floor(a / b): has the sign of b. */
export function mod<A extends Operand, B extends Operand>(a: A, b: B & OperandsFit<"mod", A, B>): BinaryResult<A, B> {
  checkArguments("mod", arguments, 2);
  return mapCall("mod", [a, b]) as BinaryResult<A, B>;
}

/** Whether a = b, element by element. NaN is equal to nothing. */
export function equal<A extends Operand, B extends Operand>(
  a: A,
  b: B & OperandsFit<"equal", A, B>,
): ComparisonResult<A, B> {
  checkArguments("equal", arguments, 2);
  return mapCall("eq", [a, b], "equal") as ComparisonResult<A, B>;
}

/** Whether a is not b, element by element. NaN is not equal to itself. */
export function notEqual<A extends Operand, B extends Operand>(
  a: A,
  b: B & OperandsFit<"notEqual", A, B>,
): ComparisonResult<A, B> {
  checkArguments("notEqual", arguments, 2);
  return mapCall("ne", [a, b], "notEqual") as ComparisonResult<A, B>;
}

/** a < b, element by element. */
export function less<A extends Operand, B extends Operand>(
  a: A,
  b: B & OperandsFit<"less", A, B>,
): ComparisonResult<A, B> {
  checkArguments("less", arguments, 2);
  return mapCall("lt", [a, b], "less") as ComparisonResult<A, B>;
}

/** a <= b, element by element. */
export function lessEqual<A extends Operand, B extends Operand>(
  a: A,
  b: B & OperandsFit<"lessEqual", A, B>,
): ComparisonResult<A, B> {
  checkArguments("lessEqual", arguments, 2);
  return mapCall("le", [a, b], "lessEqual") as ComparisonResult<A, B>;
}

/** a > b, element by element. */
export function greater<A extends Operand, B extends Operand>(
  a: A,
  b: B & OperandsFit<"greater", A, B>,
): ComparisonResult<A, B> {
  checkArguments("greater", arguments, 2);
  return mapCall("gt", [a, b], "greater") as ComparisonResult<A, B>;
}

/** a >= b, element by element. */
export function greaterEqual<A extends Operand, B extends Operand>(
  a: A,
  b: B & OperandsFit<"greaterEqual", A, B>,
): ComparisonResult<A, B> {
  checkArguments("greaterEqual", arguments, 2);
  return mapCall("ge", [a, b], "greaterEqual") as ComparisonResult<A, B>;
}

/** Whether both hold. */
export function and<A extends Shape, B extends Shape>(
  a: Tensor<A, "bool">,
  b: Tensor<B, "bool"> & CheckBroadcast<"and", A, B>,
): Tensor<Broadcast<A, B>, "bool"> {
  checkArguments("and", arguments, 2);
  return mapCall("and", [a, b]) as Tensor<Broadcast<A, B>, "bool">;
}

/** Whether one holds, or both. */
export function or<A extends Shape, B extends Shape>(
  a: Tensor<A, "bool">,
  b: Tensor<B, "bool"> & CheckBroadcast<"or", A, B>,
): Tensor<Broadcast<A, B>, "bool"> {
  checkArguments("or", arguments, 2);
  return mapCall("or", [a, b]) as Tensor<Broadcast<A, B>, "bool">;
}

/** Whether it does not hold. */
export function not<S extends Shape>(x: Tensor<S, "bool">): Tensor<S, "bool"> {
  checkArguments("not", arguments, 1);
  return mapCall("not", [x]) as Tensor<S, "bool">;
}

/** a where the condition holds, b elsewhere. All three broadcast. */
export function where<C extends Shape, A extends Operand, B extends Operand>(
  condition: Tensor<C, "bool">,
  a: A,
  b: B & OperandsFit<"where", A, B>,
): Tensor<Broadcast<C, Broadcast<ShapeOf<A>, ShapeOf<B>>>, ResultDType<A, B>> {
  checkArguments("where", arguments, 3);
  const origin = here("where");
  const mask = checkTensor("where", condition, "condition");
  const branches = checkOperands("where", [a, b], ["a", "b"]);
  const dtype = operandDType(branches);
  const operands = broadcastAll([mask, ...branches.map((x) => toTensor(x, dtype, origin))], origin);
  return applyOp(mapOps.select, operands, {}, origin) as never;
}

export type UnaryFunction = <T extends Tensor>(x: T) => Tensor<ShapeOf<T>, DTypeOf<T>>;

function unary(name: MapName): UnaryFunction {
  return function (x) {
    checkArguments(name, arguments, 1);
    return mapCall(name, [x]) as never;
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
export function cast<S extends Shape, D extends DType>(x: Tensor<S>, dtype: D): Tensor<S, D> {
  checkArguments("cast", arguments, 2);
  const value = checkTensor("cast", x);
  const wanted = checkDType("cast", dtype);
  if (value.dtype === wanted) return value as Tensor<S, D>;
  return applyOp(castOp, [value], { dtype: wanted }, here("cast")) as Tensor<S, D>;
}
