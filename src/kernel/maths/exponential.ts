/**
 * exp, expm1, tanh and erf in float32. All reduce to one step:
 *
 *   e^x = 2^n * e^r,  n = round(x / ln 2),  r = x - n ln 2,  |r| <= 0.35,  e^r = 1 + r + r^2 * P(r)
 *
 * ln 2 is taken in two parts (those of Cephes' expf, S. Moshier); n times the first is exact, as it has 15 bits. P and
 * the other polynomials are fits of our own: bench/maths/fit.py prints them.
 */
import { bitcast, convert } from "../build.ts";
import type { Expr, Routine } from "../kernel.ts";
import type { Block } from "./notation.ts";
import {
  abs,
  add,
  and,
  bitsOf,
  div,
  eq,
  fromBits,
  keepNaN,
  lt,
  MAGNITUDE,
  max,
  min,
  mul,
  or,
  polynomial,
  powerOfTwo,
  round,
  routine1,
  SIGN,
  select,
  shiftLeft,
  sub,
} from "./notation.ts";

export const LN2_HIGH = 0.693145751953125;
export const LN2_LOW = 1.42860677e-6;

/**
 * `strict`: the target computes what is written, and its min, max and rounding keep a NaN. Then a NaN comes out by itself, and the
 * steps need not become an integer and a float again, so that three of 24 instructions of exp can go; every bit stays.
 */
interface Arithmetic {
  readonly strict: boolean;
}

/** Clamped to where the result is surely 0 or infinite: 2^-150 and 2^128 come out of `scale` as 0 and infinity. */
export function expRoutine(how: Arithmetic): Routine {
  return routine1("exp", (block, x) => {
    const { n, r } = reduce(block, block.define("clamped", max(min(x, 89), -104)), how);
    return kept(x, and(bitsOf(x), MAGNITUDE), scale(block, block.define("y", add(1, expTail(r))), n), how);
  });
}

/**
 * 2^n * ((e^r - 1) + (1 - 2^-n)). Between -ln 2 / 2 and 1/2 n is 0 and the polynomial stands alone: with n = 1 the two
 * terms would nearly cancel there.
 */
export function expm1Routine(how: Arithmetic): Routine {
  return routine1("expm1", (block, x) => {
    const clamped = block.define("clamped", max(min(x, 89), -18));
    const { n, r } = reduce(block, clamped, how, (steps) => select(lt(clamped, 0.5), min(steps, 0), steps));
    const e = block.define("e", add(r, mul(mul(r, r), polynomial(r, EXPM1))));
    // 2^-n is far below the last bit of 1 long before 2^-100. The select keeps a compiler from adding e and 1 first.
    const remainder = sub(1, powerOfTwo(sub(0, min(n, 100))));
    const rest = block.define("rest", select(eq(n, 0), 0, remainder));
    const y = scale(block, block.define("y", add(e, rest)), n);
    // Also keeps -0 and subnormals.
    return kept(x, and(bitsOf(x), MAGNITUDE), select(lt(abs(x), 2 ** -25), x, y), how);
  });
}

/** x + x^3 P(x^2) below 0.625, else 1 - 2 / (e^(2|x|) + 1); odd by copying the sign bit. */
export function tanhRoutine(how: Arithmetic): Routine {
  return routine1("tanh", (block, x) => {
    const { sign, magnitude, a } = signAndMagnitude(block, x);
    const square = block.define("square", mul(a, a));
    const small = block.define("small", add(a, mul(mul(a, square), polynomial(square, TANH))));
    const e = expOf(block, mul(2, min(a, 10)), how);
    const large = block.define("large", sub(1, div(2, add(e, 1))));
    const y = block.define("y", select(lt(a, 0.625), small, large));
    return kept(x, magnitude, fromBits(or(bitsOf(y), sign)), how);
  });
}

/** x + x P(x^2) below 1, else 1 - e^(-|x| Q(|x|)), where x Q(x) = -log(1 - erf x); odd by copying the sign bit. */
export function erfRoutine(how: Arithmetic): Routine {
  return routine1("erf", (block, x) => {
    const { sign, magnitude, a } = signAndMagnitude(block, x);
    const square = block.define("square", mul(a, a));
    const small = block.define("small", add(a, mul(a, polynomial(square, ERF))));
    const top = block.define("top", min(a, 4));
    const e = expOf(block, mul(sub(0, top), polynomial(top, ERF_TAIL)), how);
    const large = block.define("large", sub(1, e));
    const y = block.define("y", select(lt(a, 1), small, large));
    return kept(x, magnitude, fromBits(or(bitsOf(y), sign)), how);
  });
}

/**
 * y * 2^n for y = 0 or 2^-40 < |y| < 2^40 and |n| <= 170, in two steps, so that no factor leaves the range of f32. The first
 * adds to the exponent of y and is exact; a result below 2^-126 is rounded once. (n = 0 leaves the bits of 0 alone.)
 */
export function scale(block: Block, y: Expr, n: Expr): Expr {
  const power = block.define("power", shiftLeft(n, 23));
  const step = block.define("step", max(min(power, 80 << 23), -(80 << 23)));
  const second = fromBits(bitcast("u32", add(sub(power, step), 127 << 23)));
  return mul(fromBits(add(bitsOf(y), bitcast("u32", step))), second);
}

// ---- steps ---------------------------------------------------------------------------------------------------------

/** x = n ln 2 + r. The low part multiplies n as it comes back from an integer: no compiler adds the parts up again. */
function reduce(
  block: Block,
  x: Expr,
  { strict }: Arithmetic,
  adjust = (steps: Expr): Expr => steps,
): { readonly n: Expr; readonly r: Expr } {
  const steps = block.define("steps", adjust(round(mul(x, 1 / Math.LN2))));
  const n = block.define("n", convert("i32", steps));
  const r = block.define("r", sub(sub(x, mul(steps, LN2_HIGH)), mul(strict ? steps : convert("f32", n), LN2_LOW)));
  return { n, r };
}

/** e^r - 1 for |r| <= 0.35. */
function expTail(r: Expr): Expr {
  return add(r, mul(mul(r, r), polynomial(r, EXP)));
}

/** e^x where neither it nor 2^n leaves the normal numbers. */
function expOf(block: Block, x: Expr, how: Arithmetic): Expr {
  const { n, r } = reduce(block, block.define("exponent", x), how);
  return block.define("e", mul(add(1, expTail(r)), powerOfTwo(n)));
}

function kept(x: Expr, magnitude: Expr, value: Expr, { strict }: Arithmetic): Expr {
  return strict ? value : keepNaN(x, magnitude, value);
}

function signAndMagnitude(block: Block, x: Expr): { readonly sign: Expr; readonly magnitude: Expr; readonly a: Expr } {
  const sign = block.define("sign", and(bitsOf(x), SIGN));
  const magnitude = block.define("magnitude", and(bitsOf(x), MAGNITUDE));
  return { sign, magnitude, a: block.define("a", fromBits(magnitude)) };
}

// ---- polynomials: name, interval, relative error of the function ---------------------------------------------------

/** (e^r - 1 - r) / r^2, |r| <= 0.347: 2^-28.2. */
const EXP = [0.49999994, 0.16666521, 0.04166828, 0.0083686905, 0.001381949];
/** The same, -0.347 <= r <= 0.5, relative to e^r - 1: 2^-29.4. */
const EXPM1 = [0.5, 0.16666675, 0.041666456, 0.008331099, 0.0013933877, 0.00021178318];
/** (tanh x - x) / x^3 in x^2, x <= 0.625: 2^-27.7. */
const TANH = [-0.3333328, 0.13331406, -0.053736515, 0.020628167, -0.005692296];
/** erf(x) / x - 1 in x^2, x <= 1: 2^-29.4. */
const ERF = [0.12837917, -0.37612626, 0.11283579, -0.026853347, 0.005187162, -0.0007997853, 7.806903e-5];
/** -log(erfc(x)) / x, 1 <= x <= 4, relative to 1: 2^-31.3. */
const ERF_TAIL = [1.1286972, 0.6349583, 0.10654902, -0.024025403, 0.0037645958, -0.00035231313, 1.41316605e-5];
