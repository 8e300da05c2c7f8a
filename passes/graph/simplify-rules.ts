/**
 * The laws that `simplify` rewrites by, as data. Every one is tested: both sides on random numbers, bit for bit where it
 * says `exact`.
 *
 * What is missing is missing on purpose: x · 0 = 0 and x − x = 0 are false for NaN and infinity, so they stand here for
 * whole numbers only. x + 0 = x is not exact because −0 + 0 is 0.
 */

import { type DType, isFloat, isInteger, roundTo } from "../../src/core/dtype.ts";
import { constantValue } from "../../src/graph/constant-value.ts";
import { operand } from "../../src/graph/define.ts";
import { type NdArray, ndarray } from "../../src/graph/ndarray.ts";
import type { Build, Node } from "../../src/graph/node.ts";
import { cast, mapOps } from "../../src/graph/ops/map.ts";
import { tensorType } from "../../src/graph/type.ts";
import { anyOf, hole, type Pattern, pattern, patternOf, type Rule, rule } from "./pattern.ts";
import { contractRules } from "./simplify-contract.ts";
import { viewRules } from "./simplify-views.ts";
import { windowRules } from "./simplify-windows.ts";

const add = patternOf("add");
const sub = patternOf("sub");
const mul = patternOf("mul");
const div = patternOf("div");
const pow = patternOf("pow");
const neg = patternOf("neg");
const not = patternOf("not");
const select = patternOf("select");

const [x, y, condition] = [hole("x"), hole("y"), hole("condition")];
const whole = hole("whole", (node) => isInteger(node.type.dtype));

/** A constant of a float dtype, or one repeated. */
function known<Name extends string>(name: Name, accepts: (value: number) => boolean = () => true): Pattern<Name> {
  return hole(name, (node) => {
    const value = constantValue(node);
    return value !== undefined && isFloat(node.type.dtype) && accepts(value);
  });
}

const [c, d] = [known("c"), known("d")];

/** Its inverse is a power of two as well, and far from overflow and underflow. */
const powerOfTwo = known("c", (value) => {
  const exponent = Math.round(Math.log2(Math.abs(value)));
  return Math.abs(exponent) <= 126 && 2 ** exponent === Math.abs(value);
});

const exact = { exact: true };
const rounds = { exact: false };

// ---- neutral elements and signs ------------------------------------------------------------------------------------

const arithmetic: readonly Rule[] = [
  rule("x + 0 ≈ x", add(x, 0), ({ x }) => x, rounds),
  rule("x + (−0) = x", add(x, -0), ({ x }) => x, exact),
  rule("x − 0 = x", sub(x, 0), ({ x }) => x, exact),
  rule("x · 1 = x", mul(x, 1), ({ x }) => x, exact),
  rule("x / 1 = x", div(x, 1), ({ x }) => x, exact),
  rule("x¹ = x", pow(x, 1), ({ x }) => x, exact),
  rule("x⁰ = 1", pow(x, 0), ({ x }, b) => b.fill(x, 1), exact),
  rule("−(−x) = x", neg(neg(x)), ({ x }) => x, exact),
  rule("x + (−y) = x − y", add(x, neg(y)), ({ x, y }, b) => b.map("sub", x, y), exact),
  rule("x − (−y) = x + y", sub(x, neg(y)), ({ x, y }, b) => b.map("add", x, y), exact),
  rule("x · (−1) = −x", mul(x, -1), ({ x }, b) => b.map("neg", x), exact),
  rule("−(c · x) = (−c) · x", neg(mul(c, x)), ({ c, x }, b) => b.map("mul", b.fill(x, -value(c)), x), exact),
  rule("(−x) · c = (−c) · x", mul(neg(x), c), ({ c, x }, b) => b.map("mul", b.fill(x, -value(c)), x), exact),
  rule("x + x = 2 · x", add(x, x), ({ x }, b) => b.map("mul", b.fill(x, 2), x), exact),
  rule("whole − whole = 0", sub(whole, whole), ({ whole }, b) => b.fill(whole, 0), exact),
  rule("whole · 0 = 0", mul(whole, 0), ({ whole }, b) => b.fill(whole, 0), exact),
];

// ---- constants -----------------------------------------------------------------------------------------------------

function value(node: Node): number {
  return constantValue(node) ?? Number.NaN;
}

/** `factor · x` with one rounding of the factor; null where that overflows or loses bits below the normal numbers. */
function scale(build: Build, name: "mul" | "div", x: Node, factor: number): Node | null {
  const rounded = roundTo(x.type.dtype, factor);
  if (!Number.isFinite(rounded) || Math.abs(rounded) < 2 ** -126) return null;
  const constant = build.fill(x, rounded);
  return name === "mul" ? build.map("mul", constant, x) : build.map("div", x, constant);
}

/** The op's own meaning on one element, rounded to its dtype. */
function fold(root: Node, build: Build): Node | null {
  const operands: NdArray[] = [];
  for (const arg of root.args) {
    const value = constantValue(arg);
    if (value === undefined) return null;
    operands.push(ndarray(arg.type.dtype, [], [value]));
  }
  const { dtype } = root.type;
  const [value] = root.op.evaluate(operands, root.attrs, [tensorType(dtype, [])]);
  return build.fill(root, value?.data[0] ?? Number.NaN);
}

const constants: readonly Rule[] = [
  rule("f(c, d) ≈ its value", anyOf("map"), (_, b, root) => fold(root, b), rounds),
  rule(
    "c · (d · x) ≈ (c · d) · x",
    mul(c, mul(d, x)),
    ({ c, d, x }, b) => scale(b, "mul", x, value(c) * value(d)),
    rounds,
  ),
  rule(
    "(c · x) / d ≈ (c / d) · x",
    div(mul(c, x), d),
    ({ c, d, x }, b) => scale(b, "mul", x, value(c) / value(d)),
    rounds,
  ),
  rule(
    "c · (x / d) ≈ (c / d) · x",
    mul(c, div(x, d)),
    ({ c, d, x }, b) => scale(b, "mul", x, value(c) / value(d)),
    rounds,
  ),
  rule(
    "(x / c) / d ≈ x / (c · d)",
    div(div(x, c), d),
    ({ c, d, x }, b) => scale(b, "div", x, value(c) * value(d)),
    rounds,
  ),
  rule("x / 2ⁿ = x · 2⁻ⁿ", div(x, powerOfTwo), ({ c, x }, b) => scale(b, "mul", x, 1 / value(c)), exact),
];

// ---- choices and conversions ---------------------------------------------------------------------------------------

/** Dtypes that hold every value of another. */
const holdsAllOf: Readonly<Record<DType, readonly DType[]>> = {
  bool: ["u8", "f16", "bf16", "i32", "u32", "f32", "f64"],
  u8: ["f16", "bf16", "i32", "u32", "f32", "f64"],
  f16: ["f32", "f64"],
  bf16: ["f32", "f64"],
  f32: ["f64"],
  i32: ["f64"],
  u32: ["f64"],
  f64: [],
};

/** cast(cast(x)), where the first loses nothing. */
function castOnce(inner: Node, root: Node, build: Build): Node | null {
  const from = inner.type.dtype;
  const between = operand(root).type.dtype;
  return holdsAllOf[from].includes(between) ? build.cast(inner, root.type.dtype) : null;
}

const choices: readonly Rule[] = [
  rule("select(condition, x, x) = x", select(condition, x, x), ({ x }) => x, exact),
  rule("select(true, x, y) = x", select(1, x, y), ({ x }) => x, exact),
  rule("select(false, x, y) = y", select(0, x, y), ({ y }) => y, exact),
  rule(
    "select(¬condition, x, y) = select(condition, y, x)",
    select(not(condition), x, y),
    ({ condition, x, y }, b) => b.map("select", condition, y, x),
    exact,
  ),
  rule("¬¬x = x", not(not(x)), ({ x }) => x, exact),
  rule("stopGradient(x) = x", pattern(mapOps.stopGradient, x), ({ x }) => x, exact),
  rule(
    "cast(x) to its own dtype = x",
    pattern(cast, x),
    ({ x }, _, root) => (x.type.dtype === root.type.dtype ? x : null),
    exact,
  ),
  rule(
    "cast(cast(x)) = cast(x) where the first loses nothing",
    pattern(cast, pattern(cast, x)),
    ({ x }, b, root) => castOnce(x, root, b),
    exact,
  ),
];

/** In the order in which they are tried at a node. */
export const rules: readonly Rule[] = [
  ...arithmetic,
  ...constants,
  ...choices,
  ...viewRules,
  ...windowRules,
  ...contractRules,
];
