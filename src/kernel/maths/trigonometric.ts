/**
 * sin and cos in float32, with full accuracy for every argument.
 *
 * Beyond pi/4 the argument is reduced as Payne and Hanek do ("Radian reduction for trigonometric functions", 1983), in
 * integers: |x| = m * 2^e with a 24-bit m, so x * 2/pi mod 4 needs only those bits of 2/pi whose product with m has
 * weights from 2 down. Of 96 such bits times m the upper 64 are kept: quadrants with 62 fractional bits, while no float
 * of 32 bits comes nearer to a multiple of pi/2 than about 2^-30. So r = x - q pi/2, |r| <= pi/4, has 30 good bits.
 *
 *   sin r = r + r^3 S(r^2),  cos r = 1 - r^2 / 2 + r^4 C(r^2),  r = high + low
 */
import { apply, constantLike, convert } from "../build.ts";
import type { Expr, Routine } from "../kernel.ts";
import type { Block } from "./notation.ts";
import {
  add,
  and,
  bitsOf,
  eq,
  fromBits,
  ge,
  gt,
  INFINITY_BITS,
  MAGNITUDE,
  mul,
  NAN_BITS,
  ne,
  or,
  polynomial,
  routine1,
  SIGN,
  select,
  shiftLeft,
  shiftRight,
  sub,
  withBits,
  xor,
} from "./notation.ts";

export function sinRoutine(): Routine {
  return routine1("sin", (block, x) => trigonometric(block, x, (quadrant) => quadrant, and(bitsOf(x), SIGN)));
}

/** cos x = sin(x + pi/2), and does not ask for the sign of x. */
export function cosRoutine(): Routine {
  return routine1("cos", (block, x) =>
    trigonometric(block, x, (quadrant) => add(quadrant, 1), x.pool.constant("u32", 0)),
  );
}

/** sin(|x| + turn * pi/2), its sign flipped by `sign`; NaN where |x| is not finite. */
function trigonometric(block: Block, x: Expr, turn: (quadrant: Expr) => Expr, sign: Expr): Expr {
  const magnitude = block.define("magnitude", and(bitsOf(x), MAGNITUDE));
  const { high, low, quadrant, negative } = reduce(block, magnitude);
  const r = block.define("r", add(high, low));
  const z = block.define("z", mul(r, r));
  const sine = block.define("sine", add(high, add(low, mul(mul(r, z), polynomial(z, SIN)))));
  const cosine = block.define("cosine", sub(1, sub(mul(0.5, z), mul(mul(z, z), polynomial(z, COS)))));
  const turned = block.define("turned", turn(quadrant));
  const odd = block.define("odd", ne(and(turned, 1), 0));
  const flip = xor(and(shiftLeft(turned, 30), SIGN), xor(sign, select(odd, 0, and(negative, SIGN))));
  const y = fromBits(xor(bitsOf(select(odd, cosine, sine)), flip));
  return select(ge(magnitude, INFINITY_BITS), withBits(bitsOf(x), NAN_BITS), y);
}

interface Reduced {
  /** |r| in two parts; `high` is exact, `low` less than 2^-11 of it unless r is small. */
  readonly high: Expr;
  readonly low: Expr;
  readonly quadrant: Expr;
  /** All bits set where r is negative. */
  readonly negative: Expr;
}

function reduce(block: Block, magnitude: Expr): Reduced {
  const { whole, rest } = quadrants(block, magnitude);
  // The nearest quadrant; what is left lies within half a quadrant, 2^29 units, of zero, and is made positive.
  const quadrant = block.define("quadrant", shiftRight(add(whole, 0x20000000), 30));
  const left = block.define("left", sub(whole, shiftLeft(quadrant, 30)));
  const negative = block.define("negative", sub(0, shiftRight(left, 31)));
  const units = block.define("units", xor(left, negative));
  const coarse = block.define("coarse", convert("f32", and(units, 0x3ffe0000)));
  const fine = block.define("fine", convert("f32", and(units, 0x0001ffff)));
  const finest = mul(convert("f32", xor(rest, negative)), 2 ** -32);
  const tail = add(mul(coarse, UNIT_LOW), mul(add(fine, finest), UNIT));

  const large = block.define("large", gt(magnitude, QUARTER_PI_BITS));
  return {
    high: block.define("high", select(large, mul(coarse, UNIT_HIGH), fromBits(magnitude))),
    low: block.define("low", select(large, tail, 0)),
    quadrant: block.define("turns", select(large, quadrant, 0)),
    negative: block.define("sign", select(large, negative, 0)),
  };
}

/** |x| * 2/pi modulo 4, as 64 bits: two for the quadrant, 62 of fraction. Meaningless below 2^-7, where it is not used. */
function quadrants(block: Block, magnitude: Expr): { readonly whole: Expr; readonly rest: Expr } {
  const m = block.define("m", or(and(magnitude, 0x007fffff), 0x00800000));
  // |x| = m * 2^(e - 150), and the bit of TWO_OVER_PI numbered b has weight 2^(31 - b): b = e - 120 is the first to count.
  const first = block.define("first", sub(shiftRight(magnitude, 23), 120));
  const word = block.define("word", shiftRight(first, 5));
  const offset = block.define("offset", and(first, 31));
  const words = [0, 1, 2, 3].map((i) => block.define(`word${i}`, wordAt(word, i)));
  const windows = [0, 1, 2].map((i) =>
    block.define(`window${i}`, shiftedPair(words[i] ?? word, words[i + 1] ?? word, offset)),
  );
  const [w0, w1, w2] = [windows[0] ?? word, windows[1] ?? word, windows[2] ?? word];
  const middle = block.define("middle", mul(m, w1));
  const rest = block.define("rest", add(middle, highProduct(block, "low_", m, w2)));
  const carry = select(gt(middle, rest), constantLike(m, 1), 0);
  return { whole: block.define("whole", add(add(mul(m, w0), highProduct(block, "high_", m, w1)), carry)), rest };
}

/** TWO_OVER_PI[word + i], for 0 <= word <= 4. */
function wordAt(word: Expr, i: number): Expr {
  const entries = TWO_OVER_PI.slice(i, i + 5);
  return entries
    .slice(0, -1)
    .reduceRight<Expr>((rest, value, at) => select(eq(word, at), value, rest), constantLike(word, entries[4] ?? 0));
}

/** The upper 32 bits of the 64 bits a, b shifted left by 0 to 31. */
function shiftedPair(a: Expr, b: Expr, by: Expr): Expr {
  return or(apply("shiftLeft", a, by), apply("shiftRight", shiftRight(b, 1), sub(31, by)));
}

/** The upper 32 bits of the product of m < 2^24 and w, from products of 16 bits that fit into 32. */
function highProduct(block: Block, prefix: string, m: Expr, w: Expr): Expr {
  const [m1, m0] = [shiftRight(m, 16), and(m, 0xffff)];
  const [w1, w0] = [shiftRight(w, 16), and(w, 0xffff)];
  const lower = block.define(`${prefix}lower`, add(shiftRight(mul(m0, w0), 16), mul(m1, w0)));
  const cross = block.define(`${prefix}cross`, add(and(lower, 0xffff), mul(m0, w1)));
  return add(mul(m1, w1), add(shiftRight(lower, 16), shiftRight(cross, 16)));
}

/** The largest float below pi/4. */
const QUARTER_PI_BITS = 0x3f490fda;

/** A quadrant, pi/2, has 2^30 units. The high part of a unit has 12 bits. */
const UNIT = (Math.PI / 2) * 2 ** -30;
const UNIT_HIGH = Math.floor((Math.PI / 2) * 2 ** 11) * 2 ** -41;
const UNIT_LOW = UNIT - UNIT_HIGH;

/** 2/pi, after a word of zeros. */
const TWO_OVER_PI = [
  0, 0xa2f9836e, 0x4e441529, 0xfc2757d1, 0xf534ddc0, 0xdb629599, 0x3c439041, 0xfe5163ab, 0xdebbc561,
] as const;

/** (sin r - r) / r^3 in r^2, |r| <= pi/4: 2^-27.9. */
const SIN = [-0.16666655, 0.008332189, -0.00019518285];
/** (cos r - 1 + r^2 / 2) / r^4 in r^2: 2^-33. */
const COS = [0.041666646, -0.0013887311, 2.4432564e-5];
