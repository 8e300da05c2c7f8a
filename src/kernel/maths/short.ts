/**
 * Rounding to floats of 16 bits in float32: the nearest one, ties to even, as an f32.
 *
 * f16, the binary16 of IEEE 754:
 *
 *   2^-14 <= |x|   13 bits of the fraction go: half of the last that stays is added, one unit less where that is even
 *   |x| < 2^-14    a multiple of 2^-24, by rounding |x| * 2^24, which is exact
 *   above 65504    infinity, from 65520 on, where the sum above carries into the exponent
 *
 * bf16 has the exponents of f32, so that all numbers are as those in the first row, with 16 bits; what is too large carries into
 * infinity by itself. It is done on bits alone: a machine that flushes subnormals leaves them.
 */
import type { Routine } from "../kernel.ts";
import {
  abs,
  add,
  and,
  bitsOf,
  fromBits,
  gt,
  INFINITY_BITS,
  keepNaN,
  lt,
  MAGNITUDE,
  mul,
  or,
  round,
  routine1,
  SIGN,
  select,
  shiftRight,
} from "./notation.ts";

/** The bits of 65504, the largest, and of 2^-14, the smallest normal number. */
const LARGEST = 0x477fe000;
const NORMAL = 0x38800000;

export function roundHalfRoutine(): Routine {
  return routine1("round_half", (block, x) => {
    const bits = block.define("bits", bitsOf(x));
    const magnitude = block.define("magnitude", and(bits, MAGNITUDE));
    const odd = and(shiftRight(magnitude, 13), 1);
    const cut = block.define("cut", and(add(add(magnitude, 0xfff), odd), 0xffffe000));
    const normal = select(gt(cut, LARGEST), INFINITY_BITS, cut);
    const small = bitsOf(mul(round(mul(abs(x), 2 ** 24)), 2 ** -24));
    const found = block.define("found", select(lt(magnitude, NORMAL), small, normal));
    return keepNaN(x, magnitude, fromBits(or(found, and(bits, SIGN))));
  });
}

export function roundBrainRoutine(): Routine {
  return routine1("round_brain", (block, x) => {
    const bits = block.define("bits", bitsOf(x));
    const odd = and(shiftRight(bits, 16), 1);
    const cut = and(add(add(bits, 0x7fff), odd), 0xffff0000);
    return keepNaN(x, and(bits, MAGNITUDE), fromBits(cut));
  });
}
