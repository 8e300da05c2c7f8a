/**
 * Where WGSL means something else than the kernel language, one named row each. `legalize` applies the rows that can be
 * said in the kernel language; the others name a helper function that the printer calls.
 *
 *   x != x           ->  (bitcast<u32>(x) & 0x7fffffff) > 0x7f800000
 *   u32(i)           ->  bitcast<u32>(max(i, 0))
 *   max(x, y)        ->  tl_max(x, y)
 *   x * 0            ->  a zero with the sign of x, or NaN, by the bits of x
 */
import { apply, bitcast, constantLike } from "../../src/kernel/build.ts";
import type { Apply, Convert, Expr, Kernel, ScalarFn, Stmt, ValueType } from "../../src/kernel/kernel.ts";
import { mapStmts, rewriting } from "../../src/kernel/rewrite.ts";
import { alignedExpr, alignedStmts } from "./aligned.ts";
import type { Helper } from "./helpers.ts";
import { oneParamEach } from "./sharing.ts";

export interface Quirk {
  readonly name: string;
  readonly why: string;
  /** The same value said otherwise, or undefined where the row does not concern the expression. */
  readonly rewrite: (expr: Expr) => Expr | undefined;
}

/** A row about one function, on operands of one of these types. */
function onApply(
  name: string,
  why: string,
  fns: readonly ScalarFn[],
  types: readonly ValueType[],
  rewrite: (expr: Apply, x: Expr, y: Expr) => Expr | undefined,
): Quirk {
  return {
    name,
    why,
    rewrite(expr) {
      if (expr.kind !== "apply" || !fns.includes(expr.fn)) return undefined;
      const x = expr.args[0];
      const y = expr.args[1] ?? x;
      return x === undefined || y === undefined || !types.includes(x.type) ? undefined : rewrite(expr, x, y);
    },
  };
}

function onConvert(
  name: string,
  why: string,
  from: readonly ValueType[],
  to: readonly ValueType[],
  rewrite: (expr: Convert) => Expr,
): Quirk {
  return {
    name,
    why,
    rewrite: (expr) =>
      expr.kind === "convert" && from.includes(expr.value.type) && to.includes(expr.type) ? rewrite(expr) : undefined,
  };
}

function isNaNByBits(x: Expr): Expr {
  return apply("gt", apply("and", bitcast("u32", x), 0x7fffffff), 0x7f800000);
}

const isZero = (expr: Expr): boolean => expr.kind === "const" && expr.value === 0;

/** Zero with the sign of x, turned where `zero` is -0; NaN where x is not so that zero comes out. */
function zeroOf(x: Expr, zero: Expr, isZeroThen: (bits: Expr) => Expr): Expr {
  const bits = bitcast("u32", x);
  const sign = apply("and", bits, 0x80000000);
  const isNegative = zero.kind === "const" && Object.is(zero.value, -0);
  const signed = bitcast("f32", isNegative ? apply("xor", sign, 0x80000000) : sign);
  return apply("select", isZeroThen(apply("and", bits, 0x7fffffff)), signed, Number.NaN);
}

export const quirks: readonly Quirk[] = [
  onApply(
    "NaN test",
    "a compiler may assume that there is no NaN and fold x != x to false: look at the bits",
    ["ne", "eq"],
    ["f32"],
    (expr, x, y) => {
      if (x !== y) return undefined;
      return expr.fn === "ne" ? isNaNByBits(x) : apply("not", isNaNByBits(x));
    },
  ),
  onApply(
    "unequal floats",
    "!= is compiled to an ordered comparison, false when one side is NaN; == is false then too, so its opposite is right",
    ["ne"],
    ["f32"],
    (_, x, y) => apply("not", apply("eq", x, y)),
  ),
  onApply(
    "times 0",
    "a driver's optimizer (spirv-opt's rules) makes 0 of x * 0, which is NaN where x is NaN or infinite",
    ["mul"],
    ["f32"],
    (_, x, y) => {
      const [zero, other] = isZero(x) ? [x, y] : [y, x];
      return isZero(zero) ? zeroOf(other, zero, (size) => apply("lt", size, 0x7f800000)) : undefined;
    },
  ),
  onApply(
    "0 over something",
    "as times 0: NaN where that is NaN or 0",
    ["div"],
    ["f32"],
    (_, x, y) => (isZero(x) ? zeroOf(y, x, (size) => apply("lt", apply("sub", size, 1), 0x7f800000)) : undefined), // 0 - 1 is the largest
  ),
  onApply(
    "shift counts",
    "a constant count of 32 or more is an error; ours count modulo 32",
    ["shiftLeft", "shiftRight"],
    ["i32", "u32"],
    (expr, x, y) => {
      if (y.kind === "const") return y.value >= 0 && y.value < 32 ? undefined : apply(expr.fn, x, masked(y));
      const isMasked = y.kind === "apply" && y.fn === "and" && y.args[1]?.kind === "const" && y.args[1].value === 31;
      return isMasked ? undefined : apply(expr.fn, x, masked(y));
    },
  ),
  onApply("rotation of i32", "the helper turns u32", ["rotateLeft"], ["i32"], (_, x, y) =>
    bitcast("i32", apply("rotateLeft", bitcast("u32", x), bitcast("u32", y))),
  ),
  onApply("negated u32", "there is no unary minus for u32", ["neg"], ["u32"], (_, x) => apply("sub", 0, x)),
  onApply("magnitude of u32", "it is the number itself", ["abs"], ["u32"], (_, x) => x),
  onApply("sign of u32", "sign() is for i32 and f32", ["sign"], ["u32"], (_, x) => apply("min", x, 1)),
  onConvert(
    "number to bool",
    "bool(x) is x != 0, which is false for NaN where != is an ordered comparison",
    ["f32", "i32", "u32"],
    ["bool"],
    ({ value }) => apply("not", apply("eq", value, 0)),
  ),
  onConvert("bool to number", "one spelling for all types", ["bool"], ["f32", "i32", "u32"], ({ type, value }) =>
    apply("select", value, value.pool.constant(type, 1), 0),
  ),
  onConvert("i32 to u32", "u32(i) keeps the bits; our casts saturate", ["i32"], ["u32"], ({ value }) =>
    bitcast("u32", apply("max", value, 0)),
  ),
  onConvert("u32 to i32", "i32(u) keeps the bits; our casts saturate", ["u32"], ["i32"], ({ value }) =>
    bitcast("i32", apply("min", value, 0x7fffffff)),
  ),
];

function masked(count: Expr): Expr {
  if (count.kind === "const") return constantLike(count, count.value & 31);
  return apply("and", count, 31);
}

/** Functions for which WGSL has none, or one that differs: by function and operand type. */
const calls: Readonly<Partial<Record<ScalarFn, Partial<Record<ValueType, Helper>>>>> = {
  // max and min may return either operand when one is NaN.
  max: { f32: "tl_max" },
  min: { f32: "tl_min" },
  // The sign of NaN is anything.
  sign: { f32: "tl_sign" },
  // x / 0 = x in WGSL, and an error when 0 is a constant.
  div: { i32: "tl_div_i32", u32: "tl_div_u32" },
  // % has the sign of the dividend.
  mod: { i32: "tl_mod_i32", u32: "tl_mod_u32", f32: "tl_mod_f32" },
  rotateLeft: { u32: "tl_rotate_left" },
};

/** The helper that stands for this expression, if one does. */
export function helperFor(expr: Expr): Helper | undefined {
  // Casts of floats out of range, and of NaN, are not the same everywhere.
  if (expr.kind === "convert" && expr.value.type === "f32") {
    return expr.type === "i32" ? "tl_f32_to_i32" : expr.type === "u32" ? "tl_f32_to_u32" : undefined;
  }
  return expr.kind === "apply" ? calls[expr.fn]?.[expr.type] : undefined;
}

/** What a row gives is legal as it stands, given legal operands. */
function legalizeOnce(expr: Expr): Expr {
  for (const quirk of quirks) {
    const other = quirk.rewrite(expr);
    if (other !== undefined) return other;
  }
  return expr;
}

export function legalize(expr: Expr): Expr {
  return rewriting(legalizeOnce).expr(expr);
}

/** A kernel as the printer takes it. */
export function legalizeKernel(given: Kernel): Kernel {
  const kernel = oneParamEach(given);
  const legal = rewriting((expr) => alignedExpr(expr) ?? legalizeOnce(expr));
  const nests = kernel.nests.map((nest) => ({
    ...nest,
    prelude: alignedStmts(mapStmts(nest.prelude, legal)),
    body: alignedStmts(mapStmts(nest.body, legal)),
  }));
  return { ...kernel, nests };
}

export function legalizeStmts(stmts: readonly Stmt[]): readonly Stmt[] {
  return mapStmts(stmts, rewriting(legalizeOnce));
}
