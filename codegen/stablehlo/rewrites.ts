/**
 * What XLA rewrites although floats forbid it. Seen on the CPU with jax 0.10, without any flag for fast maths:
 *
 *   (x + c) - c -> x      (x * c) * d -> x * (c * d)      a / b / c -> a / (b * c)      a * c + b * c -> (a + b) * c
 *   log(exp(x)) -> x      sqrt(x * x) -> |x|              exp(a) * exp(b) -> exp(a + b)  exp(x)^y -> exp(x * y)   log(x^2) -> 2 log|x|
 *
 * An operand of such a pair is written behind a `reduce_precision` to its own precision, which changes nothing, fuses with
 * what is around it, and stops them all.
 */
import { isFloat } from "../../src/core/dtype.ts";
import { constantValue } from "../../src/graph/constant-value.ts";
import type { Node } from "../../src/graph/node.ts";
import { typeText, type Value } from "./builder.ts";
import { type Scope, valueFor } from "./scope.ts";

/** What stands for the operands of an element-wise node, kept apart from it where XLA would not do what is written. */
export function asWritten(scope: Scope, node: Node): readonly Value[] {
  return node.args.map((arg) => {
    const value = valueFor(scope, arg);
    return isRewritten(node, arg) ? kept(scope, value) : value;
  });
}

function kept({ builder: hlo }: Scope, x: Value): Value {
  const format = x.dtype === "f64" ? "e11m52" : "e8m23";
  return hlo.one(x, `stablehlo.reduce_precision ${x.name}, format = ${format} : ${typeText(x)}`);
}

function isRewritten(outer: Node, inner: Node): boolean {
  const { dtype } = inner.type;
  if (!isFloat(dtype) || dtype === "f16" || dtype === "bf16") return false;
  const [name, under] = [outer.op.name, inner.op.name];
  switch (name) {
    case "add":
    case "sub":
      if (under === "mul") return outer.args.every((arg) => arg.op.name === "mul") && sharesFactor(outer);
      return (under === "add" || under === "sub") && hasConstant(outer) && hasConstant(inner);
    case "mul":
      if (under === "exp") return outer.args.every((arg) => arg.op.name === "exp");
      return (under === "mul" || under === "div") && hasConstant(outer) && hasConstant(inner);
    case "div":
      return under === "div" || (under === "mul" && hasConstant(outer) && hasConstant(inner));
    case "log":
      return under === "exp" || under === "pow" || isSquare(inner);
    case "sqrt":
      return under === "pow" || isSquare(inner);
    case "pow":
      return under === "exp";
    default:
      return false;
  }
}

function hasConstant({ args }: Node): boolean {
  return args.some((arg) => constantValue(arg) !== undefined);
}

function isSquare({ op, args: [x, y] }: Node): boolean {
  return op.name === "mul" && x === y;
}

function sharesFactor({ args: [left, right] }: Node): boolean {
  return left?.args.some((factor) => right?.args.some((other) => isSame(factor, other)) === true) === true;
}

function isSame(a: Node, b: Node): boolean {
  const known = constantValue(a);
  return a === b || (known !== undefined && Object.is(known, constantValue(b)));
}
