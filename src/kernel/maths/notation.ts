/**
 * Short spellings for writing routines, and the few steps they share.
 *
 *   routine("square", ["x"], (block, x) => block.define("y", mul(x, x)))      square(x) { let y = x * x; y }
 *
 * What every routine of this folder keeps to, so that it means the same on every target:
 *
 * - Only add sub mul div min max abs floor round sqrt neg, comparisons, select, convert, bitcast and integer operations.
 * - A multiplication and addition that a GPU contracts into one fma does no harm: no step relies on the rounding error of
 *   another. Where a value must be split, its low bits are masked off as an integer (`topBits`). Reordering, which WGSL
 *   allows too, costs a few ulp at most, except in pow (see there).
 * - No step relies on a rounding to f32, such as adding a large number to round to a whole one: on `js` a routine is computed in
 *   doubles (in-double.ts).
 * - NaN is found by bits, since WGSL may assume that x == x; min and max may lose it on the way, the last select has it.
 * - No constant is NaN or infinite: WGSL evaluates constant expressions and rejects those. Such results are bits of the
 *   operand with more bits set (`withBits`), which is only known at run time.
 * - A subnormal operand is read through its bits, so a target that flushes subnormals to zero does so at the result.
 */
import { apply, bitcast, constant, letValue, name } from "../build.ts";
import type { Expr, Routine, Stmt } from "../kernel.ts";

/** The `let`s of a routine, in order. */
export interface Block {
  readonly lets: Stmt[];
  /** Declares a `let` and gives the expression that reads it. */
  define(name: string, value: Expr): Expr;
}

/** Names are made unique by a prefix where lets of several blocks meet. */
export function newBlock(prefix = ""): Block {
  const lets: Stmt[] = [];
  return {
    lets,
    define(label, value) {
      lets.push(letValue(prefix + label, value));
      return name(value.type, prefix + label);
    },
  };
}

/** A routine of one f32; it reads its parameter as a name, like a `let`. */
export function routine1(routineName: string, write: (block: Block, x: Expr) => Expr): Routine {
  const block = newBlock();
  const result = write(block, name("f32", "x"));
  return { name: routineName, params: [{ name: "x", type: "f32" }], body: block.lets, result };
}

/** A routine of two f32. */
export function routine2(routineName: string, write: (block: Block, x: Expr, y: Expr) => Expr): Routine {
  const block = newBlock();
  const result = write(block, name("f32", "x"), name("f32", "y"));
  const params = [
    { name: "x", type: "f32" },
    { name: "y", type: "f32" },
  ] as const;
  return { name: routineName, params, body: block.lets, result };
}

// ---- spellings -----------------------------------------------------------------------------------------------------

export const f32 = (value: number): Expr => constant("f32", value);
export const i32 = (value: number): Expr => constant("i32", value);
export const u32 = (value: number): Expr => constant("u32", value);

export const add = (a: Expr, b: Expr): Expr => apply("add", a, b);
export const sub = (a: Expr, b: Expr): Expr => apply("sub", a, b);
export const mul = (a: Expr, b: Expr): Expr => apply("mul", a, b);
export const div = (a: Expr, b: Expr): Expr => apply("div", a, b);
export const min = (a: Expr, b: Expr): Expr => apply("min", a, b);
export const max = (a: Expr, b: Expr): Expr => apply("max", a, b);
export const abs = (a: Expr): Expr => apply("abs", a);
export const floor = (a: Expr): Expr => apply("floor", a);
export const round = (a: Expr): Expr => apply("round", a);
export const select = (condition: Expr, yes: Expr, no: Expr): Expr => apply("select", condition, yes, no);
export const eq = (a: Expr, b: Expr): Expr => apply("eq", a, b);
export const ne = (a: Expr, b: Expr): Expr => apply("ne", a, b);
export const lt = (a: Expr, b: Expr): Expr => apply("lt", a, b);
export const gt = (a: Expr, b: Expr): Expr => apply("gt", a, b);
export const ge = (a: Expr, b: Expr): Expr => apply("ge", a, b);
export const and = (a: Expr, b: Expr): Expr => apply("and", a, b);
export const or = (a: Expr, b: Expr): Expr => apply("or", a, b);
export const xor = (a: Expr, b: Expr): Expr => apply("xor", a, b);
export const shiftLeft = (a: Expr, count: number): Expr => apply("shiftLeft", a, constant(a.type, count));
export const shiftRight = (a: Expr, count: number): Expr => apply("shiftRight", a, constant(a.type, count));

/** c[0] + c[1] x + c[2] x^2 + ..., by Horner's rule. */
export function polynomial(x: Expr, coefficients: readonly number[]): Expr {
  return coefficients
    .slice(0, -1)
    .reduceRight((sum, c) => add(mul(sum, x), f32(c)), f32(coefficients[coefficients.length - 1] ?? 0));
}

// ---- bits ----------------------------------------------------------------------------------------------------------

/** The bits of 1, 2, infinity and so on are compared as u32; above INFINITY_BITS lie the NaNs. */
export const INFINITY_BITS = 0x7f800000;
export const MAGNITUDE = 0x7fffffff;
export const SIGN = 0x80000000;
/** Or-ed into anything, it makes a NaN. */
export const NAN_BITS = 0x7fc00000;

export const bitsOf = (x: Expr): Expr => bitcast("u32", x);
export const fromBits = (bits: Expr): Expr => bitcast("f32", bits);

/** The float whose bits are those of `bits` and `set`. */
export const withBits = (bits: Expr, set: number): Expr => fromBits(or(bits, u32(set)));

/** +infinity, in a way that is known only at run time. */
export const infinity = (bits: Expr): Expr => withBits(and(bits, u32(0)), INFINITY_BITS);

/** x with 12 significant bits, truncated: the product of two such numbers is exact. x - topBits(x) is exact too. */
export const topBits = (x: Expr): Expr => fromBits(and(bitsOf(x), u32(0xfffff000)));

/** `x` itself where it is a NaN, else `value`. `magnitude` is the bits of |x|. */
export const keepNaN = (x: Expr, magnitude: Expr, value: Expr): Expr =>
  select(gt(magnitude, u32(INFINITY_BITS)), x, value);

/** 2^n as f32, for an i32 -126 <= n <= 127. */
export const powerOfTwo = (n: Expr): Expr => fromBits(bitcast("u32", shiftLeft(add(n, i32(127)), 23)));
