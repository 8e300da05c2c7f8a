/**
 * pow in float32, as C99 defines it: x^y = 2^(y log2 |x|), with log2 |x| to 32 good bits, since y log2 |x| reaches 150.
 *
 *   |x| = 2^k * m,  0.76 <= m < 1.52,  log2 |x| = k - log2 c + log2(1 + f),  1 + f = c m,  |f| < 0.0953
 *
 * c is 38/32, 1, 27/32 or 23/32, so f is exact as an integer number of 2^-29. log2 |x| is kept as two floats: `high`, which
 * has 12 bits so that its products with halves of y are exact, and `low`. Everything large is added exactly, everything
 * rounded is 2^-11 of the result or less. P is a fit of our own (bench/maths/fit.py).
 *
 * A compiler that also reorders additions (gcc -Ofast) costs accuracy only here: about 300 ulp instead of 2.
 */
import { apply, bitcast, constantLike, convert } from "../build.ts";
import type { Expr, Routine } from "../kernel.ts";
import { scale } from "./exponential.ts";
import { normalize } from "./logarithm.ts";
import type { Block } from "./notation.ts";
import {
  abs,
  add,
  and,
  bitsOf,
  eq,
  floor,
  fromBits,
  gt,
  INFINITY_BITS,
  infinity,
  keepNaN,
  lt,
  MAGNITUDE,
  max,
  min,
  mul,
  NAN_BITS,
  ne,
  or,
  polynomial,
  round,
  routine2,
  SIGN,
  select,
  shiftRight,
  sub,
  topBits,
  withBits,
} from "./notation.ts";

export function powRoutine(): Routine {
  return routine2("pow", (block, x, y) => {
    const xBits = block.define("x_bits", bitsOf(x));
    const xMagnitude = block.define("x_magnitude", and(xBits, MAGNITUDE));
    const yMagnitude = block.define("y_magnitude", and(bitsOf(y), MAGNITUDE));
    const power = powerOf(block, log2Of(block, xMagnitude), y);

    // Zero and infinity to a power are the one or the other; an infinite y needs no case of its own.
    const zero = block.define("zero", eq(xMagnitude, 0));
    const extreme = or(zero, eq(xMagnitude, INFINITY_BITS));
    const vanishes = ne(zero, lt(y, 0));
    const limit = select(vanishes, fromBits(and(xBits, 0)), infinity(xBits));
    const size = block.define("size", select(extreme, limit, power));

    const whole = block.define("whole", eq(floor(y), y));
    const half = mul(y, 0.5);
    const odd = and(whole, ne(floor(half), half));
    const signed = block.define("signed", fromBits(or(bitsOf(size), select(odd, and(xBits, SIGN), 0))));
    const root = and(gt(xBits, SIGN), and(ne(xMagnitude, INFINITY_BITS), apply("not", whole)));
    const real = block.define("real", select(root, withBits(xBits, NAN_BITS), signed));
    const proper = block.define("proper", keepNaN(x, xMagnitude, keepNaN(y, yMagnitude, real)));
    return select(or(eq(yMagnitude, 0), eq(xBits, ONE_BITS)), 1, proper);
  });
}

// ---- log2 |x| ------------------------------------------------------------------------------------------------------

interface TwoFloats {
  /** 12 significant bits. */
  readonly high: Expr;
  readonly low: Expr;
}

function log2Of(block: Block, magnitude: Expr): TwoFloats {
  const { bits, exponent } = normalize(block, magnitude);
  const shifted = block.define("shifted", add(bits, ONE_BITS - LOWEST_BITS));
  const k = add(sub(bitcast("i32", shiftRight(shifted, 23)), 127), exponent);
  const m = block.define("m", fromBits(add(and(shifted, 0x007fffff), LOWEST_BITS)));

  // c m - 1 in units of 2^-29: its first 12 bits, and what they leave, are exact.
  const scaled = mul(
    convert("i32", mul(m, 2 ** 24)),
    pick(m, (c) => m.pool.constant("i32", c.times)),
  );
  const units = block.define("units", sub(scaled, 2 ** 29));
  const top = block.define("top", topBits(convert("f32", units)));
  const upper = block.define("upper", mul(top, 2 ** -29));
  const lower = block.define("lower", mul(convert("f32", sub(units, convert("i32", top))), 2 ** -29));
  const f = block.define("f", add(upper, lower));

  // log(1 + f) = main + rest: main has 12 bits of upper - upper^2 / 2, so its product with 12 bits of log2(e) is exact.
  const square = block.define("square", mul(upper, mul(0.5, upper)));
  const main = block.define("main", topBits(sub(upper, square)));
  const cube = mul(mul(mul(f, f), f), polynomial(f, POW));
  const lesser = sub(cube, mul(mul(0.5, lower), add(f, upper)));
  const rest = block.define("rest", add(lower, add(lesser, sub(sub(upper, main), square))));

  const start = block.define(
    "start",
    add(
      convert("f32", k),
      pick(m, (c) => constantLike(m, c.high)),
    ),
  );
  const product = block.define("product", mul(main, LOG2E_HIGH));
  const remaining = add(mul(rest, LOG2E), mul(main, LOG2E_LOW));
  const small = block.define(
    "small",
    add(
      remaining,
      pick(m, (c) => constantLike(m, c.low)),
    ),
  );
  const high = block.define("high", topBits(add(start, add(product, small))));
  return { high, low: block.define("low", add(add(sub(start, high), product), small)) };
}

interface Factor {
  /** m is multiplied by times / 32 where it lies below the limit. */
  readonly times: number;
  readonly below: number;
  /** -log2(times / 32) in two parts, the first a multiple of 2^-12. */
  readonly high: number;
  readonly low: number;
}

function pick(m: Expr, value: (factor: Factor) => Expr): Expr {
  const [a, b, c, d] = FACTORS;
  return select(lt(m, b.below), select(lt(m, a.below), value(a), value(b)), select(lt(m, c.below), value(c), value(d)));
}

// ---- 2^(y log2 |x|) ------------------------------------------------------------------------------------------------

/** Beyond +-160 the result is 0 or infinite. |log2 |x|| is at least 2^-24 or 0, so |y| beyond 2^40 adds nothing new. */
function powerOf(block: Block, log2: TwoFloats, y: Expr): Expr {
  const limited = block.define("limited", max(min(y, 2 ** 40), -(2 ** 40)));
  const upper = block.define("y_upper", topBits(limited));
  const exact = block.define("exact", mul(upper, log2.high));
  const lesser = add(mul(sub(limited, upper), log2.high), mul(limited, log2.low));
  const small = block.define("lesser", lesser);
  const total = block.define("total", add(exact, small));
  const beyond = block.define("beyond", gt(abs(total), 160));
  const steps = block.define("steps", round(max(min(total, 160), -160)));
  const r = block.define("r", select(beyond, 0, add(sub(exact, steps), small)));
  const y2 = block.define("y2", add(1, mul(r, polynomial(r, EXP2))));
  return scale(block, y2, convert("i32", steps));
}

// ---- constants -----------------------------------------------------------------------------------------------------

const ONE_BITS = 0x3f800000;
/** 64/84, the smallest m: there c m - 1 is as far below 0 as it is above at the largest. */
const LOWEST_BITS = 0x3f430c31;

const FACTORS = [
  { times: 38, below: 64 / 70, high: -0.248046875, low: 0.00011936155351577327 },
  { times: 32, below: 64 / 59, high: 0, low: 0 },
  { times: 27, below: 64 / 50, high: 0.2451171875, low: -4.68966345579247e-6 },
  { times: 23, below: 2, high: 0.476318359375, low: 0.00011968456965405494 },
] as const satisfies readonly Factor[];

const LOG2E = 1 / Math.LN2;
/** 12 bits. */
const LOG2E_HIGH = Math.floor(LOG2E * 2 ** 11) * 2 ** -11;
const LOG2E_LOW = LOG2E - LOG2E_HIGH;

/** (log(1 + f) - f + f^2 / 2) / f^3, |f| <= 0.0953: the error of log(1 + f) is 2^-32. */
const POW = [0.33333334, -0.24999464, 0.19999155, -0.16837066, 0.14466882];
/** (2^r - 1) / r, |r| <= 0.501: the error of 2^r is 2^-28.3. */
// biome-ignore lint/suspicious/noApproximativeNumericConstant: the float32 beside ln 2, with the others of its fit.
const EXP2 = [0.6931472, 0.24022648, 0.055503596, 0.009618505, 0.0013391025, 0.00015327196];
