/**
 * log and log1p in float32, by
 *
 *   x = 2^k * (1 + f),  sqrt(1/2) <= 1 + f < sqrt(2),  log(1 + f) = f - f^2 / 2 + f^3 P(f)
 *
 * The exponent and f come from the bits of x and are exact; k times the high part of ln 2 (15 bits) is exact too. P is a
 * fit of our own: bench/maths/fit.py prints it.
 */
import { bitcast, constantLike, convert } from "../build.ts";
import type { Expr, Routine } from "../kernel.ts";
import { LN2_HIGH, LN2_LOW } from "./exponential.ts";
import type { Block } from "./notation.ts";
import {
  abs,
  add,
  and,
  bitsOf,
  eq,
  fromBits,
  ge,
  gt,
  INFINITY_BITS,
  lt,
  MAGNITUDE,
  mul,
  NAN_BITS,
  polynomial,
  powerOfTwo,
  routine1,
  SIGN,
  select,
  shiftRight,
  sub,
  withBits,
} from "./notation.ts";

/** log(+-0) = -infinity; the logarithm of a negative number is NaN. */
export function logRoutine(): Routine {
  return routine1("log", (block, x) => {
    const bits = block.define("bits", bitsOf(x));
    const normal = normalize(block, bits);
    const { k, mantissa } = splitExponent(block, normal.bits, normal.exponent);
    const y = logOf(block, convert("f32", k), block.define("f", sub(mantissa, 1)));
    return specialLog(x, bits, and(bits, MAGNITUDE), y);
  });
}

/**
 * The exponent k of 1 + x, rounded; then f = (1 + x) / 2^k - 1 = x / 2^k + (1 / 2^k - 1), in which nothing is lost: the two
 * terms are exact, and nearly cancel unless k = 0. Above 2^60 the 1 no longer counts and x is scaled down first.
 */
export function log1pRoutine(): Routine {
  return routine1("log1p", (block, x) => {
    const huge = block.define("huge", ge(x, 2 ** 60));
    const scaled = block.define("scaled", select(huge, mul(x, 2 ** -64), x));
    const whole = block.define("whole", select(huge, scaled, add(1, x)));
    const { k, shrink } = exponentOf(block, whole);
    const f = block.define("f", add(mul(scaled, shrink), select(huge, -1, sub(shrink, 1))));
    const y = logOf(block, convert("f32", add(k, select(huge, constantLike(k, 64), 0))), f);
    // |x| < 2^-25: x itself, which keeps -0 and subnormals. x < -1 has the bits of a negative `whole`, x = -1 of zero.
    const bits = block.define("whole_bits", bitsOf(add(1, x)));
    return select(lt(abs(x), 2 ** -25), x, specialLog(x, bits, bits, y));
  });
}

/** k ln 2 + log(1 + f). */
export function logOf(block: Block, k: Expr, f: Expr): Expr {
  const square = block.define("square", mul(f, f));
  const cube = block.define("cube", mul(mul(square, f), polynomial(f, LOG)));
  const small = block.define("small", sub(mul(0.5, square), add(cube, mul(k, LN2_LOW))));
  return block.define("y", add(mul(k, LN2_HIGH), sub(f, small)));
}

/** Bits of |x| as those of a normal number, and the exponent by which that is too large. */
export function normalize(block: Block, magnitude: Expr): { readonly bits: Expr; readonly exponent: Expr } {
  const subnormal = block.define("subnormal", lt(magnitude, 0x00800000));
  // A subnormal number is its bits, as an integer, times 2^-149.
  const bits = block.define("normal", select(subnormal, bitsOf(convert("f32", magnitude)), magnitude));
  return { bits, exponent: select(subnormal, magnitude.pool.constant("i32", -149), 0) };
}

// ---- steps ---------------------------------------------------------------------------------------------------------

/** Bits from just above sqrt(1/2) to 1. Added, they make the exponent step at sqrt(2) rather than at 2. */
const ROOT_HALF_BITS = 0x3f3504f3;
const STEP = 0x3f800000 - ROOT_HALF_BITS;

function splitExponent(block: Block, bits: Expr, extra: Expr): { readonly k: Expr; readonly mantissa: Expr } {
  const shifted = block.define("shifted", add(bits, STEP));
  const k = block.define("k", add(sub(bitcast("i32", shiftRight(shifted, 23)), 127), extra));
  const mantissa = fromBits(add(and(shifted, 0x007fffff), ROOT_HALF_BITS));
  return { k, mantissa: block.define("mantissa", mantissa) };
}

/** The exponent of a normal number, and 2^-k. */
function exponentOf(block: Block, x: Expr): { readonly k: Expr; readonly shrink: Expr } {
  const biased = block.define("biased", shiftRight(add(and(bitsOf(x), MAGNITUDE), STEP), 23));
  const k = block.define("k", sub(bitcast("i32", biased), 127));
  return { k, shrink: block.define("shrink", powerOfTwo(sub(0, k))) };
}

/** y, but what a logarithm is at zero, below it, at infinity and of NaN; `bits` are those of the number it is of. */
function specialLog(x: Expr, bits: Expr, magnitude: Expr, y: Expr): Expr {
  const zero = eq(magnitude, 0);
  const infinite = select(gt(bits, INFINITY_BITS), withBits(bits, NAN_BITS), x);
  return select(zero, withBits(bits, SIGN + INFINITY_BITS), select(ge(bits, INFINITY_BITS), infinite, y));
}

/** (log(1 + f) - f + f^2 / 2) / f^3, sqrt(1/2) - 1 <= f <= sqrt(2) - 1: the error of log(1 + f) is 2^-27.4. */
const LOG = [0.3333333, -0.2500082, 0.20001242, -0.16623409, 0.1420158, -0.1315961, 0.12762217, -0.07636439];
