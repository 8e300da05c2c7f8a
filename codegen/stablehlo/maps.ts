/**
 * Element-wise ops. Where StableHLO means something else (whole numbers over 0, `mod`, casts that saturate) the words say what
 * we mean.
 */
import { type DType, isFloat, isShort } from "../../src/core/dtype.ts";
import { constantValue } from "../../src/graph/constant-value.ts";
import { attrsOf } from "../../src/graph/define.ts";
import type { Node } from "../../src/graph/node.ts";
import type { MapName } from "../../src/graph/op-names.ts";
import { cast } from "../../src/graph/ops/map.ts";
import { type Comparison, type Hlo, typeText, type Value } from "./builder.ts";
import { asWritten } from "./rewrites.ts";
import { type OpWords, type Scope, single, valueFor } from "./scope.ts";
import { narrowed, widened } from "./short-floats.ts";

type Words = (hlo: Hlo, x: Value, y: Value, z: Value, node: Node) => Value;

/** As they stand, also for floats of 16 bits: nothing is rounded. */
const exact: ReadonlySet<MapName> = new Set<MapName>([
  ...(["max", "min", "neg", "abs", "sign", "floor", "ceil", "round", "select", "stopGradient"] as const),
  ...(["eq", "ne", "lt", "le", "gt", "ge", "and", "or", "not"] as const),
]);

const unary =
  (word: string): Words =>
  (hlo, x) =>
    hlo.unary(word, x);
const binary =
  (word: string): Words =>
  (hlo, x, y) =>
    hlo.binary(word, x, y);
const compare =
  (direction: Comparison): Words =>
  (hlo, x, y) =>
    hlo.compare(direction, x, y);

const words: Readonly<Record<MapName, Words>> = {
  add: binary("add"),
  sub: binary("subtract"),
  mul: binary("multiply"),
  div: (hlo, x, y) => (isFloat(x.dtype) ? hlo.binary("divide", x, y) : overNonZero(hlo, "divide", x, y)),
  pow: power,
  max: binary("maximum"),
  min: binary("minimum"),
  mod,
  neg: unary("negate"),
  abs: (hlo, x) => (x.dtype === "u32" ? x : hlo.unary("abs", x)),
  sign: (hlo, x) =>
    x.dtype === "u32" ? hlo.convert(hlo.compare("NE", x, hlo.like(x, 0)), "u32") : hlo.unary("sign", x),
  exp: unary("exponential"),
  log: unary("log"),
  log1p: unary("log_plus_one"),
  expm1: unary("exponential_minus_one"),
  sqrt: unary("sqrt"),
  rsqrt: unary("rsqrt"),
  sin: unary("sine"),
  cos: unary("cosine"),
  tanh: unary("tanh"),
  erf: (hlo, x) => hlo.one(x, `chlo.erf ${x.name} : ${typeText(x)} -> ${typeText(x)}`),
  floor: unary("floor"),
  ceil: unary("ceil"),
  round: unary("round_nearest_even"),
  eq: compare("EQ"),
  ne: compare("NE"),
  lt: compare("LT"),
  le: compare("LE"),
  gt: compare("GT"),
  ge: compare("GE"),
  and: binary("and"),
  or: binary("or"),
  not: unary("not"),
  select: (hlo, x, y, z) => hlo.select(x, y, z),
  stopGradient: (_, x) => x,
};

/** All element-wise ops but `cast`. */
export const mapWords = Object.fromEntries(
  Object.entries(words).map(([name, write]) => [name, single((scope, node) => written(scope, node, name, write))]),
) as Readonly<Record<MapName, OpWords>>;

function written(scope: Scope, node: Node, name: string, write: Words): Value {
  const { builder: hlo } = scope;
  const isExact = [...exact].some((each) => each === name);
  const given = asWritten(scope, node);
  const args = isExact ? given : given.map((arg) => widened(hlo, arg));
  const [x = hlo.constant("f32", 0), y = x, z = y] = args;
  const made = write(hlo, x, y, z, node);
  return made.dtype === node.type.dtype ? made : narrowed(hlo, made, node.type.dtype);
}

/** Whole numbers: 0 where the divisor is 0. */
function overNonZero(hlo: Hlo, word: string, x: Value, y: Value): Value {
  const zero = hlo.like(y, 0);
  const isZero = hlo.compare("EQ", y, zero);
  const divided = hlo.binary(word, x, hlo.select(isZero, hlo.like(y, 1), y));
  return hlo.select(isZero, zero, divided);
}

/** A small whole exponent is multiplication, as on our own targets. */
function power(hlo: Hlo, x: Value, y: Value, _z: Value, { args: [, exponent] }: Node): Value {
  const known = exponent === undefined ? undefined : constantValue(exponent);
  if (known === 1) return x;
  if (known === 2) return hlo.binary("multiply", x, x);
  if (known === 3) return hlo.binary("multiply", hlo.binary("multiply", x, x), x);
  return hlo.binary("power", x, y);
}

/** The rest has the sign of the divisor; what is left of nothing, too. */
function mod(hlo: Hlo, x: Value, y: Value): Value {
  const isWhole = !isFloat(x.dtype);
  const rest = isWhole ? overNonZero(hlo, "remainder", x, y) : hlo.binary("remainder", x, y);
  if (x.dtype === "u32") return rest;
  const zero = hlo.like(x, 0);
  const isNegative = hlo.compare("LT", y, zero);
  const differs = hlo.compare("NE", hlo.compare("LT", rest, zero), isNegative);
  const moved = hlo.select(differs, hlo.binary("add", rest, y), rest);
  if (isWhole)
    return hlo.select(hlo.binary("or", hlo.compare("EQ", rest, zero), hlo.compare("EQ", y, zero)), zero, moved);
  return hlo.select(hlo.compare("EQ", rest, zero), hlo.select(isNegative, hlo.like(x, -0), zero), moved);
}

export const castWords = single((scope, node) => {
  const { builder: hlo } = scope;
  return converted(hlo, valueFor(scope, node.args[0]), attrsOf(node, cast).dtype);
});

/** The ends of whole numbers as floats and as whole numbers; conversions from floats saturate in StableHLO too, on all of XLA's devices. */
const ends: Readonly<Partial<Record<DType, readonly [number, number]>>> = {
  i32: [-2147483648, 2147483647],
  u32: [0, 4294967295],
  u8: [0, 255],
};

/** As our casts: whole numbers saturate, a NaN is 0, everything but 0 is true. */
export function converted(hlo: Hlo, x: Value, dtype: DType): Value {
  if (x.dtype === dtype) return x;
  if (dtype === "bool") return hlo.compare("NE", x, hlo.like(x, 0));
  if (x.dtype === "bool") return hlo.convert(x, dtype);
  if (isShort(dtype)) return narrowed(hlo, x, dtype);
  const to = ends[dtype];
  const from = ends[x.dtype];
  if (to === undefined || from === undefined) return hlo.convert(x, dtype);
  const low = to[0] > from[0] ? hlo.binary("maximum", x, hlo.like(x, to[0])) : x;
  return hlo.convert(to[1] < from[1] ? hlo.binary("minimum", low, hlo.like(x, to[1])) : low, dtype);
}
