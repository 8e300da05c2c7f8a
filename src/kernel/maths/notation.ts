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
import { apply, bitcast, constantLike, letValue } from "../build.ts";
import type { Expr, ExprPool, Routine, Stmt } from "../kernel.ts";
import { newPool } from "../pool.ts";

/** The `let`s of a routine, in order. */
export interface Block {
  readonly lets: Stmt[];
  /** Declares a `let` and gives the expression that reads it. */
  define(name: string, value: Expr): Expr;
}

/** Names are made unique by a prefix where lets of several blocks meet. */
export function newBlock(pool: ExprPool, prefix = ""): Block {
  const lets: Stmt[] = [];
  return {
    lets,
    define(label, value) {
      lets.push(letValue(prefix + label, value));
      return pool.name(value.type, prefix + label);
    },
  };
}

/** A routine of one f32, in a pool of its own; it reads its parameter as a name, like a `let`. */
export function routine1(name: string, write: (block: Block, x: Expr) => Expr): Routine {
  const pool = newPool();
  const block = newBlock(pool);
  const result = write(block, pool.name("f32", "x"));
  return { name, params: [{ name: "x", type: "f32" }], body: block.lets, result };
}

/** A routine of two f32. */
export function routine2(name: string, write: (block: Block, x: Expr, y: Expr) => Expr): Routine {
  const pool = newPool();
  const block = newBlock(pool);
  const result = write(block, pool.name("f32", "x"), pool.name("f32", "y"));
  const params = [
    { name: "x", type: "f32" },
    { name: "y", type: "f32" },
  ] as const;
  return { name, params, body: block.lets, result };
}

// ---- spellings -----------------------------------------------------------------------------------------------------

/** A number is a constant of the type of the operand beside it. */
export type Operand = Expr | number;

export const add = (a: Operand, b: Operand): Expr => apply("add", a, b);
export const sub = (a: Operand, b: Operand): Expr => apply("sub", a, b);
export const mul = (a: Operand, b: Operand): Expr => apply("mul", a, b);
export const div = (a: Operand, b: Operand): Expr => apply("div", a, b);
export const min = (a: Operand, b: Operand): Expr => apply("min", a, b);
export const max = (a: Operand, b: Operand): Expr => apply("max", a, b);
export const abs = (a: Expr): Expr => apply("abs", a);
export const floor = (a: Expr): Expr => apply("floor", a);
export const round = (a: Expr): Expr => apply("round", a);
export const select = (condition: Expr, yes: Operand, no: Operand): Expr => apply("select", condition, yes, no);
export const eq = (a: Operand, b: Operand): Expr => apply("eq", a, b);
export const ne = (a: Operand, b: Operand): Expr => apply("ne", a, b);
export const lt = (a: Operand, b: Operand): Expr => apply("lt", a, b);
export const gt = (a: Operand, b: Operand): Expr => apply("gt", a, b);
export const ge = (a: Operand, b: Operand): Expr => apply("ge", a, b);
export const and = (a: Operand, b: Operand): Expr => apply("and", a, b);
export const or = (a: Operand, b: Operand): Expr => apply("or", a, b);
export const xor = (a: Operand, b: Operand): Expr => apply("xor", a, b);
export const shiftLeft = (a: Expr, count: number): Expr => apply("shiftLeft", a, count);
export const shiftRight = (a: Expr, count: number): Expr => apply("shiftRight", a, count);

/** c[0] + c[1] x + c[2] x^2 + ..., by Horner's rule. */
export function polynomial(x: Expr, coefficients: readonly number[]): Expr {
  const last = constantLike(x, coefficients[coefficients.length - 1] ?? 0);
  return coefficients.slice(0, -1).reduceRight<Expr>((sum, c) => add(mul(sum, x), c), last);
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
export const withBits = (bits: Expr, set: number): Expr => fromBits(or(bits, set));

/** +infinity, in a way that is known only at run time. */
export const infinity = (bits: Expr): Expr => withBits(and(bits, 0), INFINITY_BITS);

/** x with 12 significant bits, truncated: the product of two such numbers is exact. x - topBits(x) is exact too. */
export const topBits = (x: Expr): Expr => fromBits(and(bitsOf(x), 0xfffff000));

/** `x` itself where it is a NaN, else `value`. `magnitude` is the bits of |x|. */
export const keepNaN = (x: Expr, magnitude: Expr, value: Expr): Expr => select(gt(magnitude, INFINITY_BITS), x, value);

/** 2^n as f32, for an i32 -126 <= n <= 127. */
export const powerOfTwo = (n: Expr): Expr => fromBits(bitcast("u32", shiftLeft(add(n, 127), 23)));
