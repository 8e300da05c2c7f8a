/**
 * Floats of 16 bits in lanes: four of them as f32x4, and back, by arithmetic on their bits.
 *
 *   bf16 read       bits << 16
 *   bf16 written    (bits + 0x7fff + (bits >> 16 & 1)) >> 16, a NaN aside: to the nearest, ties to even
 *   f16             as the helpers of scalars have it (helpers.ts), without their branches: both sides, and a choice
 */
import type { ShortFloat } from "../../src/core/dtype.ts";
import { INFINITY_BITS, MAGNITUDE } from "../../src/kernel/maths/notation.ts";
import type { FunctionWriter } from "./function.ts";

/** The 16 bits in each lane become the number that they stand for. */
export function writeWidened(element: ShortFloat, f: FunctionWriter): void {
  if (element === "bf16") shift(f, "shl", 16);
  else writeHalfRead(f);
}

/** The number in each lane becomes the 16 bits of the nearest one of the type. */
export function writeShortened(element: ShortFloat, f: FunctionWriter): void {
  if (element === "bf16") writeBrainBits(f);
  else writeHalfBits(f);
}

function shift(f: FunctionWriter, direction: "shl" | "shr_u", by: number): void {
  f.constI32(by);
  f.op(`i32x4.${direction}`);
}

/** Shifted into place the magnitude is 2^-112 times its value; where the exponent was all ones it stays that. */
function writeHalfRead(f: FunctionWriter): void {
  const [bits, magnitude] = [f.local("v128"), f.local("v128")];
  f.tee(bits);
  shift(f, "shl", 13);
  f.splatI32(0x0fffe000);
  f.op("v128.and");
  f.tee(magnitude);
  f.splatF32(2 ** 112);
  f.op("f32x4.mul");
  f.get(magnitude);
  f.splatI32(0x0f7fffff);
  f.op("i32x4.gt_s");
  f.splatI32(INFINITY_BITS);
  f.op("v128.and");
  f.op("v128.or");
  f.get(bits);
  shift(f, "shl", 16);
  f.splatI32(-0x80000000);
  f.op("v128.and");
  f.op("v128.or");
  f.release(bits);
  f.release(magnitude);
}

/** A NaN is made of the infinity that it has become, by one bit more. */
function writeHalfBits(f: FunctionWriter): void {
  const [x, magnitude] = [f.local("v128"), f.local("v128")];
  f.tee(x);
  f.splatI32(MAGNITUDE);
  f.op("v128.and");
  f.set(magnitude);
  f.get(magnitude); // below 2^-14, multiples of 2^-24: the last place of 0.5
  f.splatF32(0.5);
  f.op("f32x4.add");
  f.splatF32(0.5);
  f.op("i32x4.sub");
  f.get(magnitude); // the exponent's bias goes from 127 to 15, and 13 bits of the fraction are rounded off
  f.splatI32(0xfff - 0x38000000);
  f.op("i32x4.add");
  f.get(magnitude);
  shift(f, "shr_u", 13);
  f.splatI32(1);
  f.op("v128.and");
  f.op("i32x4.add");
  shift(f, "shr_u", 13);
  f.splatI32(0x7c00);
  f.op("i32x4.min_u");
  f.get(magnitude);
  f.splatI32(0x38800000);
  f.op("i32x4.lt_s");
  f.op("v128.bitselect");
  f.get(x);
  f.get(x);
  f.op("f32x4.ne");
  f.splatI32(0x200);
  f.op("v128.and");
  f.op("v128.or");
  f.get(x);
  shift(f, "shr_u", 16);
  f.splatI32(0x8000);
  f.op("v128.and");
  f.op("v128.or");
  f.release(x);
  f.release(magnitude);
}

function writeBrainBits(f: FunctionWriter): void {
  const x = f.local("v128");
  f.tee(x);
  f.get(x);
  shift(f, "shr_u", 16);
  f.splatI32(1);
  f.op("v128.and");
  f.op("i32x4.add");
  f.splatI32(0x7fff);
  f.op("i32x4.add");
  shift(f, "shr_u", 16);
  f.splatI32(0x7fc0);
  f.get(x);
  f.get(x);
  f.op("f32x4.eq");
  f.op("v128.bitselect");
  f.release(x);
}
