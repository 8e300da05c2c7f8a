/**
 * What each scalar function means, on JavaScript numbers: an f32 result is rounded once, integers wrap, bool is 0 or 1.
 *
 * The functions of maths/ have a fallback here, the engine's double rounded to the type, for kernels that are run
 * without them.
 */
import { roundHalfEven, roundTo } from "../core/dtype.ts";
import { erf, floorMod } from "../core/special.ts";
import type { ScalarFn, ValueType } from "./kernel.ts";

export type Meaning = (x: number, y: number, z: number) => number;

/** `fn` on operands of this type (for `select`, the type of the two alternatives). */
export function meaningOf(fn: ScalarFn, operand: ValueType): Meaning {
  if (fn in comparisons) return comparisons[fn as keyof typeof comparisons];
  if (fn === "select") return (condition, yes, no) => (condition !== 0 ? yes : no);
  switch (operand) {
    case "f64":
      return floats[fn];
    case "f32": {
      const exact = floats[fn];
      return (x, y, z) => Math.fround(exact(x, y, z));
    }
    case "i32":
      return integers[fn] ?? signed[fn] ?? undefinedFor(fn, operand);
    case "u32": {
      const meaning = unsigned[fn] ?? integers[fn] ?? undefinedFor(fn, operand);
      return (x, y, z) => meaning(x, y, z) >>> 0;
    }
    case "bool":
      return bools[fn] ?? undefinedFor(fn, operand);
  }
}

function undefinedFor(fn: ScalarFn, type: ValueType): Meaning {
  return () => {
    throw new RangeError(`${fn} is not defined for ${type}`);
  };
}

const comparisons = {
  eq: (x, y) => Number(x === y),
  ne: (x, y) => Number(x !== y),
  lt: (x, y) => Number(x < y),
  le: (x, y) => Number(x <= y),
  gt: (x, y) => Number(x > y),
  ge: (x, y) => Number(x >= y),
} satisfies Partial<Record<ScalarFn, Meaning>>;

const none = (): number => Number.NaN;

const floats: Readonly<Record<ScalarFn, Meaning>> = {
  ...comparisons,
  add: (x, y) => x + y,
  sub: (x, y) => x - y,
  mul: (x, y) => x * y,
  div: (x, y) => x / y,
  mod: floorMod,
  min: (x, y) => Math.min(x, y),
  max: (x, y) => Math.max(x, y),
  neg: (x) => -x,
  abs: (x) => Math.abs(x),
  sign: (x) => Math.sign(x),
  floor: (x) => Math.floor(x),
  ceil: (x) => Math.ceil(x),
  round: (x) => roundHalfEven(x),
  roundHalf: (x) => roundTo("f16", x),
  roundBrain: (x) => roundTo("bf16", x),
  sqrt: (x) => Math.sqrt(x),
  rsqrt: (x) => 1 / Math.sqrt(x),
  exp: (x) => Math.exp(x),
  expm1: (x) => Math.expm1(x),
  log: (x) => Math.log(x),
  log1p: (x) => Math.log1p(x),
  sin: (x) => Math.sin(x),
  cos: (x) => Math.cos(x),
  tanh: (x) => Math.tanh(x),
  erf: (x) => erf(x),
  pow: (x, y) => x ** y,
  and: none,
  or: none,
  not: none,
  xor: none,
  shiftLeft: none,
  shiftRight: none,
  rotateLeft: none,
  threefry: none,
  select: none,
};

/** The same bits for i32 and u32, once wrapped. Division truncates. */
const integers: Readonly<Partial<Record<ScalarFn, Meaning>>> = {
  add: (x, y) => (x + y) | 0,
  sub: (x, y) => (x - y) | 0,
  mul: (x, y) => Math.imul(x, y),
  div: (x, y) => (y === 0 ? 0 : (x / y) | 0),
  mod: (x, y) => (y === 0 ? 0 : floorMod(x, y) | 0),
  min: (x, y) => Math.min(x, y),
  max: (x, y) => Math.max(x, y),
  neg: (x) => -x | 0,
  sign: (x) => Math.sign(x),
  and: (x, y) => x & y,
  or: (x, y) => x | y,
  not: (x) => ~x,
  xor: (x, y) => x ^ y,
  shiftLeft: (x, y) => x << y,
  rotateLeft: (x, y) => (x << (y & 31)) | (x >>> (-y & 31)),
};

const signed: Readonly<Partial<Record<ScalarFn, Meaning>>> = {
  abs: (x) => Math.abs(x) | 0,
  shiftRight: (x, y) => x >> y,
};

const unsigned: Readonly<Partial<Record<ScalarFn, Meaning>>> = {
  abs: (x) => x,
  div: (x, y) => (y === 0 ? 0 : Math.trunc(x / y)),
  shiftRight: (x, y) => x >>> y,
};

const bools: Readonly<Partial<Record<ScalarFn, Meaning>>> = {
  and: (x, y) => x & y,
  or: (x, y) => x | y,
  xor: (x, y) => x ^ y,
  not: (x) => 1 - x,
};

const bits = new DataView(new ArrayBuffer(4));

/** The 32 bits of a number of one type, read as another. (The bits of a NaN are those JavaScript happens to keep.) */
export function bitcastMeaning(from: ValueType, to: ValueType): (x: number) => number {
  const write = from === "f32" ? bits.setFloat32 : from === "i32" ? bits.setInt32 : bits.setUint32;
  const read = to === "f32" ? bits.getFloat32 : to === "i32" ? bits.getInt32 : bits.getUint32;
  return (x) => {
    write.call(bits, 0, x);
    return read.call(bits, 0);
  };
}
