/**
 * Element types, and what storing a number in one does to it.
 *
 * f32 is what programs compute in. f64 exists for the float64 evaluator and the `js` target, u8 and the short floats f16 and bf16 for
 * storage (ops of short floats are f32 inside), bool for masks (one byte in memory on a CPU, a u32 where a GPU cannot share bool with
 * the host).
 */
export const dtypes = ["f32", "f64", "f16", "bf16", "i32", "u32", "u8", "bool"] as const;
/**
 * What elements are. f32 is what programs compute in; ops of f16 and of bf16 are computed in f32 and rounded once; u8 is for storage:
 * cast before computing. f64 is for the `js` target.
 */
export type DType = (typeof dtypes)[number];

const widths: Readonly<Record<DType, number>> = { f32: 4, f64: 8, f16: 2, bf16: 2, i32: 4, u32: 4, u8: 1, bool: 1 };

/**
 * Floats of 16 bits, which typed arrays and memory hold as bits: those of the fraction, the exponent of the smallest normal number,
 * the largest number, and the function of the kernel language that rounds to them. f16 is the binary16 of IEEE 754; bf16, bfloat16,
 * the upper half of an f32.
 */
export const shortFloats = {
  f16: { fraction: 10, least: -14, most: 65504, rounding: "roundHalf" },
  bf16: { fraction: 7, least: -126, most: 2 ** 128 - 2 ** 120, rounding: "roundBrain" },
} as const;

export type ShortFloat = keyof typeof shortFloats;

export function isShort(dtype: DType): dtype is ShortFloat {
  return dtype in shortFloats;
}

/** Bytes of one element on a CPU. */
export function byteWidth(dtype: DType): number {
  return widths[dtype];
}

export function isFloat(dtype: DType): boolean {
  return dtype === "f32" || dtype === "f64" || isShort(dtype);
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
    case "bf16":
      return roundToShort(dtype, value);
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

/** The nearest number of the type, ties to even; below the normal numbers, of the multiples of the smallest. */
function roundToShort(dtype: ShortFloat, value: number): number {
  if (!Number.isFinite(value) || value === 0) return value;
  const unit = unitAt(dtype, Math.abs(value));
  const rounded = roundHalfEven(Math.abs(value) / unit) * unit;
  return Math.sign(value) * (rounded > shortFloats[dtype].most ? Number.POSITIVE_INFINITY : rounded);
}

/** The last place of the numbers near a magnitude. */
function unitAt(dtype: ShortFloat, magnitude: number): number {
  const { fraction, least } = shortFloats[dtype];
  return 2 ** (magnitude === 0 ? least - fraction : Math.max(least, Math.floor(Math.log2(magnitude))) - fraction);
}

/** What a typed array holds for a number of the type: the number itself, or the 16 bits of a short float. */
export function heldIn(dtype: DType, value: number): number {
  if (!isShort(dtype)) return value;
  const { fraction, least } = shortFloats[dtype];
  const one = 2 ** fraction;
  const infinite = 0x8000 - one; // all bits of the exponent
  if (Number.isNaN(value)) return infinite + one / 2;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (magnitude === Number.POSITIVE_INFINITY) return sign + infinite;
  const unit = unitAt(dtype, magnitude);
  return sign + (Math.log2(unit) + fraction - least) * one + magnitude / unit;
}

/** The number that a typed array of the type holds as this one: `heldIn` back. */
export function valueIn(dtype: DType, held: number): number {
  if (!isShort(dtype)) return held;
  const { fraction, least } = shortFloats[dtype];
  const one = 2 ** fraction;
  const sign = held & 0x8000 ? -1 : 1;
  const [exponent, rest] = [(held & 0x7fff) >> fraction, held & (one - 1)];
  if (exponent === 0x7fff >> fraction) return rest === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? rest : one + rest) * 2 ** (least - fraction + Math.max(exponent - 1, 0));
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
