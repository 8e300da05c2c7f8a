/**
 * Element types, and what storing a number in one does to it.
 *
 * f32 is what programs compute in. f64 exists for the float64 evaluator and the `js` target, u8 and f16 for storage (ops of f16 are f32 inside),
 * bool for masks (one byte in memory on a CPU, a u32 where a GPU cannot share bool with the host).
 */
export const dtypes = ["f32", "f64", "f16", "i32", "u32", "u8", "bool"] as const;
/**
 * What elements are. f32 is what programs compute in; ops of f16 are computed in f32 and rounded once; u8 is for storage: cast before
 * computing. f64 is for the `js` target.
 */
export type DType = (typeof dtypes)[number];

const widths: Readonly<Record<DType, number>> = { f32: 4, f64: 8, f16: 2, i32: 4, u32: 4, u8: 1, bool: 1 };

/** Bytes of one element on a CPU. */
export function byteWidth(dtype: DType): number {
  return widths[dtype];
}

export function isFloat(dtype: DType): boolean {
  return dtype === "f32" || dtype === "f64" || dtype === "f16";
}

export function isInteger(dtype: DType): boolean {
  return dtype === "i32" || dtype === "u32" || dtype === "u8";
}

/**
 * The value that `value` has after it was cast to `dtype`: floats round to nearest even; a float becomes an integer by
 * truncation, saturating at the ends, NaN becoming 0; bool is 0 or 1.
 */
export function roundTo(dtype: DType, value: number): number {
  switch (dtype) {
    case "f64":
      return value;
    case "f32":
      return Math.fround(value);
    case "f16":
      return roundToHalf(value);
    case "i32":
      return saturate(value, -2147483648, 2147483647);
    case "u32":
      return saturate(value, 0, 4294967295);
    case "u8":
      return saturate(value, 0, 255);
    case "bool":
      return value !== 0 ? 1 : 0;
  }
}

function saturate(value: number, low: number, high: number): number {
  if (Number.isNaN(value)) return 0;
  return Math.min(high, Math.max(low, Math.trunc(value))) + 0;
}

/** Nearest IEEE binary16 value, ties to even: 10 bits of fraction, exponents -14 to 15, subnormals of 2^-24. */
function roundToHalf(value: number): number {
  if (!Number.isFinite(value) || value === 0) return value;
  const magnitude = Math.abs(value);
  const exponent = Math.max(-14, Math.floor(Math.log2(magnitude)));
  const unit = 2 ** (exponent - 10);
  const rounded = roundHalfEven(magnitude / unit) * unit;
  return Math.sign(value) * (rounded > 65504 ? Number.POSITIVE_INFINITY : rounded);
}

/** The 16 bits of an IEEE binary16 value. */
export function halfBits(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (magnitude === Number.POSITIVE_INFINITY) return sign + 0x7c00;
  const exponent = magnitude === 0 ? -14 : Math.max(-14, Math.floor(Math.log2(magnitude)));
  return sign + (exponent + 14) * 1024 + magnitude / 2 ** (exponent - 10);
}

/** The value of 16 bits of an IEEE binary16. */
export function halfValue(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}

/** Rounds to the nearest integer, halves to the even one, as IEEE 754 and NumPy do. Keeps -0, NaN and infinities. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest < 0.5) return value === 0 ? value : floor === 0 && value < 0 ? -0 : floor;
  if (rest > 0.5) return floor + 1 === 0 ? -0 : floor + 1;
  if (Number.isNaN(rest)) return value;
  const even = floor % 2 === 0 ? floor : floor + 1;
  return even === 0 && value < 0 ? -0 : even;
}
