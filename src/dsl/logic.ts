/**
 * Comparisons and what is done with their truth values, element by element.
 */
import { checkArguments } from "../core/options.ts";
import type { Shape } from "../graph/shape.ts";
import { mapCall, selectCall } from "./build.ts";
import type { OperandsFit, ResultDType } from "./math.ts";
import type { Broadcast, CheckBroadcast } from "./shape-types.ts";
import type { Operand, ShapeOf, Tensor } from "./tensor.ts";

/** What `less(a, b)` is: for functions around it. */
export type ComparisonResult<A extends Operand, B extends Operand> = Tensor<Broadcast<ShapeOf<A>, ShapeOf<B>>, "bool">;

/** Whether a = b, element by element. NaN is equal to nothing. */
export function equal<A extends Operand, B extends Operand>(
  a: A,
  b: B & OperandsFit<"equal", A, B>,
): Tensor<Broadcast<ShapeOf<A>, ShapeOf<B>>, "bool">;
export function equal(a: Operand, b: Operand): Tensor {
  checkArguments("equal", arguments, 2);
  return mapCall("eq", [a, b], "equal");
}

/** Whether a is not b, element by element. NaN is not equal to itself. */
export function notEqual<A extends Operand, B extends Operand>(
  a: A,
  b: B & OperandsFit<"notEqual", A, B>,
): Tensor<Broadcast<ShapeOf<A>, ShapeOf<B>>, "bool">;
export function notEqual(a: Operand, b: Operand): Tensor {
  checkArguments("notEqual", arguments, 2);
  return mapCall("ne", [a, b], "notEqual");
}

/** a < b, element by element. */
export function less<A extends Operand, B extends Operand>(
  a: A,
  b: B & OperandsFit<"less", A, B>,
): Tensor<Broadcast<ShapeOf<A>, ShapeOf<B>>, "bool">;
export function less(a: Operand, b: Operand): Tensor {
  checkArguments("less", arguments, 2);
  return mapCall("lt", [a, b], "less");
}

/** a <= b, element by element. */
export function lessEqual<A extends Operand, B extends Operand>(
  a: A,
  b: B & OperandsFit<"lessEqual", A, B>,
): Tensor<Broadcast<ShapeOf<A>, ShapeOf<B>>, "bool">;
export function lessEqual(a: Operand, b: Operand): Tensor {
  checkArguments("lessEqual", arguments, 2);
  return mapCall("le", [a, b], "lessEqual");
}

/** a > b, element by element. */
export function greater<A extends Operand, B extends Operand>(
  a: A,
  b: B & OperandsFit<"greater", A, B>,
): Tensor<Broadcast<ShapeOf<A>, ShapeOf<B>>, "bool">;
export function greater(a: Operand, b: Operand): Tensor {
  checkArguments("greater", arguments, 2);
  return mapCall("gt", [a, b], "greater");
}

/** a >= b, element by element. */
export function greaterEqual<A extends Operand, B extends Operand>(
  a: A,
  b: B & OperandsFit<"greaterEqual", A, B>,
): Tensor<Broadcast<ShapeOf<A>, ShapeOf<B>>, "bool">;
export function greaterEqual(a: Operand, b: Operand): Tensor {
  checkArguments("greaterEqual", arguments, 2);
  return mapCall("ge", [a, b], "greaterEqual");
}

/** Whether both hold. */
export function and<A extends Shape, B extends Shape>(
  a: Tensor<A, "bool">,
  b: Tensor<B, "bool"> & CheckBroadcast<"and", A, B>,
): Tensor<Broadcast<A, B>, "bool">;
export function and(a: Tensor, b: Tensor): Tensor {
  checkArguments("and", arguments, 2);
  return mapCall("and", [a, b]);
}

/** Whether one holds, or both. */
export function or<A extends Shape, B extends Shape>(
  a: Tensor<A, "bool">,
  b: Tensor<B, "bool"> & CheckBroadcast<"or", A, B>,
): Tensor<Broadcast<A, B>, "bool">;
export function or(a: Tensor, b: Tensor): Tensor {
  checkArguments("or", arguments, 2);
  return mapCall("or", [a, b]);
}

/** Whether it does not hold. */
export function not<S extends Shape>(x: Tensor<S, "bool">): Tensor<S, "bool">;
export function not(x: Tensor): Tensor {
  checkArguments("not", arguments, 1);
  return mapCall("not", [x]);
}

/** a where the condition holds, b elsewhere. All three broadcast. */
export function where<C extends Shape, A extends Operand, B extends Operand>(
  condition: Tensor<C, "bool">,
  a: A,
  b: B & OperandsFit<"where", A, B>,
): Tensor<Broadcast<C, Broadcast<ShapeOf<A>, ShapeOf<B>>>, ResultDType<A, B>>;
export function where(condition: Tensor, a: Operand, b: Operand): Tensor {
  checkArguments("where", arguments, 3);
  return selectCall(condition, a, b);
}
