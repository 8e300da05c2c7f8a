/**
 * Element-wise ops. Where ONNX leaves open what happens, or onnxruntime has no kernel (whole numbers over 0, casts out of range,
 * `log1p`), the words say what we mean.
 */
import { type DType, isFloat } from "../../src/core/dtype.ts";
import { UserError } from "../../src/core/errors.ts";
import { constantValue } from "../../src/graph/constant-value.ts";
import { attrsOf } from "../../src/graph/define.ts";
import type { Node } from "../../src/graph/node.ts";
import type { MapName } from "../../src/graph/op-names.ts";
import { cast } from "../../src/graph/ops/map.ts";
import type { Held, Onnx, Value } from "./builder.ts";
import { type OpWords, operandValue, single, valueFor, widened } from "./scope.ts";

type Words = (onnx: Onnx, x: Value, y: Value, z: Value, node: Node) => Value;

const unary =
  (op: string): Words =>
  (onnx, x) =>
    onnx.each(op, [x]);
const binary =
  (op: string): Words =>
  (onnx, x, y) =>
    onnx.each(op, [x, y]);
const compare =
  (op: Parameters<Onnx["compare"]>[0]): Words =>
  (onnx, x, y) =>
    onnx.compare(op, x, y);

const words: Readonly<Record<MapName, Words>> = {
  add: binary("Add"),
  sub: binary("Sub"),
  mul: binary("Mul"),
  div: (onnx, x, y) => (isFloat(heldDtype(x)) ? onnx.each("Div", [x, y]) : overNonZero(onnx, "Div", x, y)),
  pow: power,
  max: binary("Max"),
  min: binary("Min"),
  mod,
  neg: (onnx, x) => (x.dtype === "u32" ? onnx.each("Sub", [onnx.like(x, 0), x]) : onnx.each("Neg", [x])),
  abs: unary("Abs"),
  sign: unary("Sign"),
  exp: unary("Exp"),
  log: unary("Log"),
  log1p: logOfMore,
  expm1: expLess,
  sqrt: unary("Sqrt"),
  rsqrt: (onnx, x) => onnx.each("Div", [onnx.like(x, 1), onnx.each("Sqrt", [x])]),
  sin: unary("Sin"),
  cos: unary("Cos"),
  tanh: unary("Tanh"),
  erf: (onnx, x) => {
    if (x.dtype === "f64")
      throw new UserError("erf of f64 cannot be exported: onnxruntime has no kernel for it. Cast to f32");
    return onnx.each("Erf", [x]);
  },
  floor: unary("Floor"),
  ceil: unary("Ceil"),
  round: unary("Round"),
  eq: compare("Equal"),
  ne: (onnx, x, y) => onnx.not(onnx.compare("Equal", x, y)),
  lt: compare("Less"),
  le: compare("LessOrEqual"),
  gt: compare("Greater"),
  ge: compare("GreaterOrEqual"),
  and: binary("And"),
  or: binary("Or"),
  not: unary("Not"),
  select: (onnx, x, y, z) => onnx.select(x, y, z),
  stopGradient: (_, x) => x,
};

/** All element-wise ops but `cast`. */
export const mapWords = Object.fromEntries(
  Object.entries(words).map(([name, write]) => [
    name,
    single((scope, node) => {
      const { builder: onnx } = scope;
      const [x = onnx.constant("f32", 0), y = x, z = y] = node.args.map((arg) => widened(valueFor(scope, arg)));
      return onnx.cast(write(onnx, x, y, z, node), node.type.dtype);
    }),
  ]),
) as Readonly<Record<MapName, OpWords>>;

function heldDtype({ dtype }: Value): DType {
  return dtype === "i64" ? "i32" : dtype;
}

/** Whole numbers, in 64 bits, where the least over -1 is a number too: 0 where the divisor is 0. */
function overNonZero(onnx: Onnx, op: "Div" | "Mod", x: Value, y: Value): Value {
  const [above, below] = [onnx.cast(x, "i64"), onnx.cast(y, "i64")];
  const isZero = onnx.compare("Equal", below, onnx.like(below, 0));
  const divided = onnx.each(op, [above, onnx.select(isZero, onnx.like(below, 1), below)]);
  return onnx.cast(onnx.select(isZero, onnx.like(below, 0), divided), x.dtype);
}

/** A small whole exponent is multiplication, as on our own targets. */
function power(onnx: Onnx, x: Value, y: Value, _z: Value, { args: [, exponent] }: Node): Value {
  const known = exponent === undefined ? undefined : constantValue(exponent);
  if (known === 1) return x;
  if (known === 2) return onnx.each("Mul", [x, x]);
  if (known === 3) return onnx.each("Mul", [onnx.each("Mul", [x, x]), x]);
  return onnx.each("Pow", [x, y]);
}

/** The rest has the sign of the divisor, as that of whole numbers in ONNX; what is left of nothing, too. */
function mod(onnx: Onnx, x: Value, y: Value): Value {
  if (!isFloat(heldDtype(x))) return overNonZero(onnx, "Mod", x, y);
  const rest = onnx.each("Mod", [x, y], x.dtype, { fmod: 1 });
  const zero = onnx.like(x, 0);
  const isNegative = onnx.compare("Less", y, zero);
  const differs = onnx.each("Xor", [onnx.compare("Less", rest, zero), isNegative]);
  const moved = onnx.select(differs, onnx.each("Add", [rest, y]), rest);
  const nothing = onnx.select(isNegative, onnx.like(x, -0), zero);
  return onnx.select(onnx.compare("Equal", rest, zero), nothing, moved);
}

/** log(1 + x), exact where 1 + x is rounded: x log(u) / (u - 1) of u = 1 + x (Kahan). */
export function logOfMore(onnx: Onnx, x: Value): Value {
  const one = onnx.like(x, 1);
  const u = onnx.each("Add", [x, one]);
  const log = onnx.each("Log", [u]);
  const off = onnx.each("Sub", [u, one]);
  const isOne = onnx.compare("Equal", u, one);
  const ratio = onnx.each("Div", [x, onnx.select(isOne, one, off)]);
  const isEndless = onnx.compare("Equal", u, onnx.like(x, Number.POSITIVE_INFINITY));
  return onnx.select(isOne, x, onnx.select(isEndless, u, onnx.each("Mul", [log, ratio])));
}

/** exp(x) - 1, the same way: (u - 1) x / log(u) of u = exp(x). */
function expLess(onnx: Onnx, x: Value): Value {
  const one = onnx.like(x, 1);
  const u = onnx.each("Exp", [x]);
  const less = onnx.each("Sub", [u, one]);
  const isOne = onnx.compare("Equal", u, one);
  const log = onnx.select(isOne, one, onnx.each("Log", [u]));
  const near = onnx.each("Mul", [less, onnx.each("Div", [x, log])]);
  // far off, where nothing cancels
  const isNear = onnx.compare("Less", onnx.each("Abs", [x]), onnx.like(x, 8));
  return onnx.select(isOne, x, onnx.select(isNear, near, less));
}

export const castWords = single((scope, node) =>
  converted(scope.builder, operandValue(scope, node), attrsOf(node, cast).dtype),
);

/** The ends of whole numbers. */
const ends: Readonly<Partial<Record<Held, readonly [number, number]>>> = {
  i32: [-2147483648, 2147483647],
  u32: [0, 4294967295],
  u8: [0, 255],
};

/** As our casts: whole numbers saturate, a NaN is 0, everything but 0 is true. onnxruntime's wrap. */
export function converted(onnx: Onnx, x: Value, dtype: DType): Value {
  if (x.dtype === dtype) return x;
  if (dtype === "bool") return onnx.not(onnx.compare("Equal", x, onnx.like(x, 0)));
  const to = ends[dtype];
  if (x.dtype === "bool" || to === undefined) return onnx.cast(x, dtype);
  const from = ends[x.dtype];
  if (from !== undefined && from[0] >= to[0] && from[1] <= to[1]) return onnx.cast(x, dtype);
  const none = from === undefined ? onnx.each("IsNaN", [x], "bool") : undefined;
  const number = none === undefined ? x : onnx.select(none, onnx.like(x, 0), x);
  // f64 holds all of them; onnxruntime 1.30 takes the wrong one of two i64 beyond 32 bits for the lesser
  const wide = onnx.cast(number, "f64");
  const inside = onnx.each("Min", [onnx.each("Max", [wide, onnx.like(wide, to[0])]), onnx.like(wide, to[1])]);
  return onnx.cast(onnx.cast(inside, "i64"), dtype);
}
