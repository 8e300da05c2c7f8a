/** f16 and bf16: numbers from and to the 16 bits that memory holds. */

/** Of a dtype: the bits of its fraction, and the exponent of its smallest normal number. */
const shortFloats: Readonly<Record<string, readonly [fraction: number, least: number]>> = {
  f16: [10, -14],
  bf16: [7, -126],
};

export function bitsOf(dtype: string, value: number): number {
  const [fraction, least] = shortFloats[dtype] ?? [0, 0];
  const infinite = 0x8000 - 2 ** fraction;
  if (Number.isNaN(value)) return infinite + 2 ** (fraction - 1);
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (magnitude === Infinity) return sign + infinite;
  const exponent = magnitude === 0 ? least : Math.max(least, Math.floor(Math.log2(magnitude)));
  const units = magnitude / 2 ** (exponent - fraction);
  const rest = units % 1;
  const up = rest > 0.5 || (rest === 0.5 && Math.floor(units) % 2 === 1) ? 1 : 0;
  // what is rounded up to the next exponent has its bits too, and beyond the largest those of infinity
  return sign + Math.min(infinite, (exponent - least) * 2 ** fraction + Math.floor(units) + up);
}

export function numberIn(dtype: string, bits: number): number {
  const [fraction, least] = shortFloats[dtype] ?? [0, 0];
  const one = 2 ** fraction;
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits & 0x7fff) >> fraction;
  const rest = bits & (one - 1);
  if (exponent === 0x7fff >> fraction) return rest === 0 ? sign * Infinity : NaN;
  return sign * (exponent === 0 ? rest : one + rest) * 2 ** (least - fraction + Math.max(exponent - 1, 0));
}
