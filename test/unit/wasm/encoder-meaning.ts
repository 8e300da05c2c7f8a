/**
 * What each WebAssembly instruction without immediates computes, written from the specification in terms of lanes and
 * integers of any width (https://webassembly.github.io/spec/core/exec/numerics.html); the encoder's tests compare an
 * engine with it.
 *
 * Relaxed instructions have the meaning that all engines share; `isShared` says for which operands that is.
 */
import type { PlainOpName } from "../../../codegen/wasm/opcodes.ts";

/** i32, f32, f64: number; i64: bigint; v128: 16 bytes. Integers are signed. */
export type Value = number | bigint | Uint8Array;

/** What the reference throws where an engine traps. */
export class Trap extends Error {}

const unsigned = (a: bigint, bits: number): bigint => BigInt.asUintN(bits, a);
const clamp = (a: bigint, low: bigint, high: bigint): bigint => (a < low ? low : a > high ? high : a);
const saturate = (a: bigint, bits: number, isSigned: boolean): bigint =>
  isSigned
    ? clamp(a, -(1n << BigInt(bits - 1)), (1n << BigInt(bits - 1)) - 1n)
    : clamp(a, 0n, (1n << BigInt(bits)) - 1n);
const binary = (a: bigint, bits: number): string => unsigned(a, bits).toString(2).padStart(bits, "0");
const distance = (b: bigint, bits: number): bigint => unsigned(b, 32) % BigInt(bits);
const rotate = (a: bigint, by: bigint, bits: number): bigint =>
  (unsigned(a, bits) << by) | (unsigned(a, bits) >> (BigInt(bits) - by));
const divide = (a: bigint, b: bigint): bigint => {
  if (b === 0n) throw new Trap();
  return a / b;
};
const remainder = (a: bigint, b: bigint): bigint => {
  if (b === 0n) throw new Trap();
  return a % b;
};

/** Of one integer lane; what does not fit in the width is cut off by the caller. */
type IntegerOp = (a: bigint, b: bigint, bits: number) => bigint | boolean;
const integerOps: Readonly<Record<string, IntegerOp>> = {
  eqz: (a) => a === 0n,
  eq: (a, b) => a === b,
  ne: (a, b) => a !== b,
  lt_s: (a, b) => a < b,
  lt_u: (a, b, n) => unsigned(a, n) < unsigned(b, n),
  gt_s: (a, b) => a > b,
  gt_u: (a, b, n) => unsigned(a, n) > unsigned(b, n),
  le_s: (a, b) => a <= b,
  le_u: (a, b, n) => unsigned(a, n) <= unsigned(b, n),
  ge_s: (a, b) => a >= b,
  ge_u: (a, b, n) => unsigned(a, n) >= unsigned(b, n),
  clz: (a, _, n) => BigInt(`${binary(a, n)}1`.indexOf("1")),
  ctz: (a, _, n) => BigInt([...binary(a, n)].reverse().concat("1").indexOf("1")),
  popcnt: (a, _, n) => BigInt(binary(a, n).replaceAll("0", "").length),
  abs: (a) => (a < 0n ? -a : a),
  neg: (a) => -a,
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div_s: (a, b, n) => {
    const quotient = divide(a, b);
    if (quotient !== BigInt.asIntN(n, quotient)) throw new Trap();
    return quotient;
  },
  div_u: (a, b, n) => divide(unsigned(a, n), unsigned(b, n)),
  rem_s: remainder,
  rem_u: (a, b, n) => remainder(unsigned(a, n), unsigned(b, n)),
  and: (a, b) => a & b,
  andnot: (a, b) => a & ~b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
  not: (a) => ~a,
  shl: (a, b, n) => a << distance(b, n),
  shr_s: (a, b, n) => a >> distance(b, n),
  shr_u: (a, b, n) => unsigned(a, n) >> distance(b, n),
  rotl: (a, b, n) => rotate(a, distance(b, n), n),
  rotr: (a, b, n) => rotate(a, BigInt(n) - distance(b, n), n),
  extend8_s: (a) => BigInt.asIntN(8, a),
  extend16_s: (a) => BigInt.asIntN(16, a),
  extend32_s: (a) => BigInt.asIntN(32, a),
  add_sat_s: (a, b, n) => saturate(a + b, n, true),
  add_sat_u: (a, b, n) => saturate(unsigned(a, n) + unsigned(b, n), n, false),
  sub_sat_s: (a, b, n) => saturate(a - b, n, true),
  sub_sat_u: (a, b, n) => saturate(unsigned(a, n) - unsigned(b, n), n, false),
  min_s: (a, b) => (a < b ? a : b),
  min_u: (a, b, n) => (unsigned(a, n) < unsigned(b, n) ? a : b),
  max_s: (a, b) => (a > b ? a : b),
  max_u: (a, b, n) => (unsigned(a, n) > unsigned(b, n) ? a : b),
  avgr_u: (a, b, n) => (unsigned(a, n) + unsigned(b, n) + 1n) / 2n,
  q15mulr_sat_s: (a, b, n) => saturate((a * b + 0x4000n) >> 15n, n, true),
  relaxed_q15mulr_s: (a, b, n) => saturate((a * b + 0x4000n) >> 15n, n, true),
};

const isNegative = (a: number): boolean => a < 0 || Object.is(a, -0);
/** Rounds to the nearest integer, ties to the even one, and keeps the sign of zero. */
const nearest = (a: number): number => {
  const down = Math.floor(a);
  const tie = a - down;
  const rounded = tie < 0.5 || (tie === 0.5 && down % 2 === 0) ? down : down + 1;
  return !Number.isFinite(a) || tie === 0 ? a : rounded === 0 && isNegative(a) ? -0 : rounded;
};

/** Of one lane of floats; the caller rounds. For f32, a double's rounding before it changes nothing. */
type FloatOp = (a: number, b: number, c: number) => number | boolean;
const floatOps: Readonly<Record<string, FloatOp>> = {
  eq: (a, b) => a === b,
  ne: (a, b) => a !== b,
  lt: (a, b) => a < b,
  gt: (a, b) => a > b,
  le: (a, b) => a <= b,
  ge: (a, b) => a >= b,
  abs: Math.abs,
  neg: (a) => -a,
  ceil: Math.ceil,
  floor: Math.floor,
  trunc: Math.trunc,
  nearest,
  sqrt: Math.sqrt,
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  min: (a, b) => Math.min(a, b),
  max: (a, b) => Math.max(a, b),
  pmin: (a, b) => (b < a ? b : a),
  pmax: (a, b) => (a < b ? b : a),
  copysign: (a, b) => (isNegative(a) === isNegative(b) ? a : -a),
  relaxed_min: (a, b) => Math.min(a, b),
  relaxed_max: (a, b) => Math.max(a, b),
  relaxed_madd: (a, b, c) => a * b + c,
  relaxed_nmadd: (a, b, c) => -(a * b) + c,
};

/** Bits of a lane. */
const widths: Readonly<Record<string, number>> = {
  ...{ i32: 32, i64: 64, f32: 32, f64: 64 },
  ...{ i8x16: 8, i16x8: 16, i32x4: 32, i64x2: 64, f32x4: 32, f64x2: 64, v128: 64 },
};

export function isComparison(name: PlainOpName): boolean {
  return /\.(eq|ne|lt|gt|le|ge)(_|$)/.test(name);
}

/** The meaning of an instruction; `Trap` is thrown where it traps. A name without one is an error. */
export function meaning(name: PlainOpName): (...operands: readonly Value[]) => Value {
  const [family = "", op = ""] = name.split(".");
  const bits = widths[family] ?? 0;
  const special = conversion(name) ?? vectorOp(family, op, bits);
  if (special !== undefined) return special;
  if (family.startsWith("f")) {
    const f = floatOps[op];
    if (f === undefined) throw new Error(`no meaning for ${name}`);
    if (!family.includes("x"))
      return (a = 0, b = 0) => {
        const result = f(Number(a), Number(b), 0);
        return typeof result === "boolean" ? Number(result) : rounded(result, bits);
      };
    return (a, b, c) => {
      const bs = b === undefined ? [] : floats(b, bits);
      const cs = c === undefined ? [] : floats(c, bits);
      const lanes = floats(a, bits).map((x, i) => f(x, bs[i] ?? 0, cs[i] ?? 0));
      if (lanes.some((x) => typeof x === "boolean")) return fromInts(lanes.map(maskOf), bits);
      return fromFloats(lanes.map(Number), bits);
    };
  }
  const f = integerOps[op];
  if (f === undefined) throw new Error(`no meaning for ${name}`);
  if (!(family.includes("x") || family === "v128"))
    return (a, b) => {
      const result = f(integer(a), integer(b ?? 0), bits);
      if (typeof result === "boolean") return Number(result);
      return scalar(result, bits);
    };
  return (a, b) => {
    const bs = b instanceof Uint8Array ? ints(b, bits) : undefined;
    return fromInts(
      ints(a, bits).map((x, i) => {
        const lane = f(x, bs?.[i] ?? integer(bs === undefined ? (b ?? 0) : 0), bits);
        return typeof lane === "boolean" ? maskOf(lane) : lane;
      }),
      bits,
    );
  };
}

/** Instructions between scalar types, and between lanes of integers and floats. */
function conversion(name: PlainOpName): ((...operands: readonly Value[]) => Value) | undefined {
  const [family = "", op = ""] = name.split(".");
  const bits = widths[family] ?? 0;
  const isSigned = !/_u(_zero)?$/.test(op);
  const source = /_([if]\d+(x\d)?)(_|$)/.exec(op)?.[1] ?? "";
  const from = widths[source] ?? 0;
  const view = new DataView(new ArrayBuffer(8));
  if (/^(trunc|trunc_sat|relaxed_trunc)_f/.test(op)) {
    const mayTrap = /^trunc_f/.test(op);
    const convert = (x: number): bigint => truncated(x, bits, isSigned, mayTrap);
    if (!family.includes("x")) return (a) => scalar(convert(Number(a)), bits);
    return (a) => {
      const lanes = floats(a, from).map(convert);
      return fromInts([...lanes, 0n, 0n].slice(0, 4), 32);
    };
  }
  if (op.startsWith("convert_low_")) return (a) => fromFloats(lanesOf(a, from, isSigned).slice(0, 2).map(Number), bits);
  if (op.startsWith("convert_"))
    return family.includes("x")
      ? (a) => fromFloats(lanesOf(a, from, isSigned).map(Number), bits)
      : (a) => toFloat(isSigned ? integer(a) : unsigned(integer(a), from), bits);
  switch (name) {
    case "i32.wrap_i64":
      return (a) => scalar(integer(a), 32);
    case "i64.extend_i32_s":
      return (a) => integer(a);
    case "i64.extend_i32_u":
      return (a) => unsigned(integer(a), 32);
    case "f32.demote_f64":
      return (a) => Math.fround(Number(a));
    case "f64.promote_f32":
      return (a) => Number(a);
    case "f32x4.demote_f64x2_zero":
      return (a) => fromFloats([...floats(a, 64), 0, 0], 32);
    case "f64x2.promote_low_f32x4":
      return (a) => fromFloats(floats(a, 32).slice(0, 2), 64);
    case "i32.reinterpret_f32":
      return (a) => {
        view.setFloat32(0, Number(a));
        return view.getInt32(0);
      };
    case "i64.reinterpret_f64":
      return (a) => {
        view.setFloat64(0, Number(a));
        return view.getBigInt64(0);
      };
    case "f32.reinterpret_i32":
      return (a) => {
        view.setInt32(0, Number(a));
        return view.getFloat32(0);
      };
    case "f64.reinterpret_i64":
      return (a) => {
        view.setBigInt64(0, integer(a));
        return view.getFloat64(0);
      };
    default:
      return undefined;
  }
}

/** Vector instructions whose lanes depend on more than the same lane of the operands. */
function vectorOp(family: string, op: string, bits: number): ((...operands: readonly Value[]) => Value) | undefined {
  const [, what = "", half = "", sourceBits = "8", sign = "s"] =
    /^([a-z]+)(?:_(low|high|pairwise))?_i(\d+)x\d+_([su])$/.exec(op) ?? [];
  const source = (v: Value | undefined): readonly bigint[] => lanesOf(v, Number(sourceBits), sign === "s");
  const halved = (v: Value | undefined): readonly bigint[] => {
    const lanes = source(v);
    return half === "low" ? lanes.slice(0, lanes.length / 2) : lanes.slice(lanes.length / 2);
  };
  if (what === "narrow")
    return (a, b) =>
      fromInts(
        [...ints(a, bits * 2), ...ints(b, bits * 2)].map((x) => saturate(x, bits, sign === "s")),
        bits,
      );
  if (what === "extend") return (a) => fromInts(halved(a), bits);
  if (what === "extmul")
    return (a, b) => {
      const bs = halved(b);
      return fromInts(
        halved(a).map((x, i) => x * (bs[i] ?? 0n)),
        bits,
      );
    };
  if (what === "extadd") return (a) => fromInts(sums(source(a), 2), bits);
  if (op === "dot_i16x8_s") return (a, b) => fromInts(sums(products(a, b, 16), 2), 32);
  if (op === "relaxed_dot_i8x16_i7x16_s")
    return (a, b) =>
      fromInts(
        sums(products(a, b, 8), 2).map((x) => saturate(x, 16, true)),
        16,
      );
  if (op === "swizzle" || op === "relaxed_swizzle")
    return (a, b) => bytes(b).map((at) => (at < 16 ? (bytes(a)[at] ?? 0) : 0));
  if (op === "splat")
    return family.startsWith("f")
      ? (a) => fromFloats(new Array<number>(128 / bits).fill(Number(a)), bits)
      : (a) => fromInts(new Array<bigint>(128 / bits).fill(integer(a)), bits);
  if (op === "bitselect" || op === "relaxed_laneselect")
    return (a, b, mask) => {
      const [bs, masks] = [bytes(b), bytes(mask)];
      return bytes(a).map((x, i) => (x & (masks[i] ?? 0)) | ((bs[i] ?? 0) & ~(masks[i] ?? 0)));
    };
  if (op === "any_true") return (a) => Number(bytes(a).some((x) => x !== 0));
  if (op === "all_true") return (a) => Number(ints(a, bits).every((x) => x !== 0n));
  if (op === "bitmask") return (a) => ints(a, bits).reduce((mask, x, i) => mask | (x < 0n ? 1 << i : 0), 0);
  return undefined;
}

/** Whether all engines give the same result: always, but for relaxed instructions. */
export function isShared(name: PlainOpName, operands: readonly Value[]): boolean {
  const [family = "", op = ""] = name.split(".");
  const [a, b, c] = operands;
  if (!op.startsWith("relaxed_")) return true;
  if (op === "relaxed_swizzle") return bytes(b).every((x) => x < 16);
  if (op === "relaxed_laneselect") return ints(c, widths[family] ?? 8).every((x) => x === 0n || x === -1n);
  if (op === "relaxed_q15mulr_s") return [...ints(a, 16), ...ints(b, 16)].every((x) => x !== -0x8000n);
  if (op.startsWith("relaxed_dot")) return bytes(b).every((x) => x < 0x80);
  if (op.startsWith("relaxed_trunc_f32")) return floats(a, 32).every((x) => x >= 0 && x < 2 ** 31);
  if (op.startsWith("relaxed_trunc_f64")) return floats(a, 64).every((x) => x >= 0 && x < 2 ** 31);
  const lanes = operands.map((v) => floats(v, widths[family] ?? 32));
  // Products of short numbers are exact, so that a multiply-add rounds once, fused or not.
  if (op.endsWith("madd")) return lanes.flat().every((x) => Math.abs(x) < 1000 && (x * 8) % 1 === 0);
  return lanes.flat().every((x) => !Number.isNaN(x) && x !== 0);
}

/** Lanes of 8 to 64 bits, signed. */
export function ints(v: Value | undefined, bits: number): readonly bigint[] {
  const view = new DataView(bytes(v).slice().buffer);
  return Array.from({ length: 128 / bits }, (_, i) => {
    if (bits === 64) return view.getBigInt64(8 * i, true);
    if (bits === 32) return BigInt(view.getInt32(4 * i, true));
    return BigInt(bits === 16 ? view.getInt16(2 * i, true) : view.getInt8(i));
  });
}

export function fromInts(lanes: readonly bigint[], bits: number): Uint8Array {
  const all = lanes.reduceRight((sum, lane) => (sum << BigInt(bits)) | unsigned(lane, bits), 0n);
  return Uint8Array.from({ length: 16 }, (_, i) => Number((all >> BigInt(8 * i)) & 0xffn));
}

export function floats(v: Value | undefined, bits: number): readonly number[] {
  const copy = bytes(v).slice().buffer;
  return [...(bits === 32 ? new Float32Array(copy) : new Float64Array(copy))];
}

export function fromFloats(lanes: readonly number[], bits: number): Uint8Array {
  return new Uint8Array((bits === 32 ? Float32Array.from(lanes) : Float64Array.from(lanes)).buffer);
}

function bytes(v: Value | undefined): Uint8Array {
  if (!(v instanceof Uint8Array)) throw new Error("not a vector");
  return v;
}

function integer(v: Value | undefined): bigint {
  if (v === undefined || v instanceof Uint8Array) throw new Error("not a number");
  return BigInt(v);
}

function scalar(value: bigint, bits: number): Value {
  return bits === 32 ? Number(BigInt.asIntN(32, value)) : BigInt.asIntN(64, value);
}

function lanesOf(v: Value | undefined, bits: number, isSigned: boolean): readonly bigint[] {
  return isSigned ? ints(v, bits) : ints(v, bits).map((x) => unsigned(x, bits));
}

function products(a: Value | undefined, b: Value | undefined, bits: number): readonly bigint[] {
  const bs = ints(b, bits);
  return ints(a, bits).map((x, i) => x * (bs[i] ?? 0n));
}

/** Of each group of neighbours. */
function sums(lanes: readonly bigint[], group: number): readonly bigint[] {
  return Array.from({ length: lanes.length / group }, (_, i) =>
    lanes.slice(group * i, group * (i + 1)).reduce((sum, x) => sum + x, 0n),
  );
}

function maskOf(lane: number | boolean): bigint {
  return lane ? -1n : 0n;
}

function rounded(x: number, bits: number): number {
  return bits === 32 ? Math.fround(x) : x;
}

function truncated(x: number, bits: number, isSigned: boolean, mayTrap: boolean): bigint {
  if (Number.isFinite(x)) {
    const whole = BigInt(Math.trunc(x));
    const fitting = saturate(whole, bits, isSigned);
    if (mayTrap && fitting !== whole) throw new Trap();
    return fitting;
  }
  if (mayTrap) throw new Trap();
  return Number.isNaN(x) ? 0n : saturate(x < 0 ? -(1n << 80n) : 1n << 80n, bits, isSigned);
}

/** Rounds once. What a shift cuts off is kept as a sticky bit, or a number between two floats could become a tie. */
function toFloat(x: bigint, bits: number): number {
  if (bits === 64 || (x > -(1n << 53n) && x < 1n << 53n)) return rounded(Number(x), bits);
  const magnitude = x < 0n ? -x : x;
  const top = (magnitude >> 20n) | ((magnitude & 0xfffffn) === 0n ? 0n : 1n);
  return Math.fround(Number(top)) * 2 ** 20 * (x < 0n ? -1 : 1);
}
