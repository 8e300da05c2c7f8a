/**
 * Decimal numbers from bytes, correctly rounded: up to 15 digits times or by a power of ten up to 22 are two exact doubles, so one
 * rounded operation gives what `Number` gives (W. D. Clinger, "How to Read Floating Point Numbers Accurately", 1990). Whatever is
 * longer, or no plain number, is for the caller to read as text.
 */
const powers = Float64Array.from({ length: 23 }, (_, i) => Number(`1e${i}`));

/** What was read last: a module of its own may not have state, so the caller holds one. */
export interface NumberReader {
  /** The place behind the number. */
  end: number;
}

/** The number that begins at `from`, and its end in `reader`; NaN, and the end `from`, where it is not plain. */
export function readNumber(bytes: Uint8Array, from: number, reader: NumberReader): number {
  let at = from;
  let byte = bytes[at] ?? 0;
  const isNegative = byte === 45;
  if (isNegative) byte = bytes[++at] ?? 0;
  const first = at;
  let digits = 0;
  while (byte >= 48 && byte <= 57) {
    digits = digits * 10 + (byte - 48);
    byte = bytes[++at] ?? 0;
  }
  let count = at - first;
  let exponent = 0;
  if (byte === 46) {
    const point = at;
    byte = bytes[++at] ?? 0;
    while (byte >= 48 && byte <= 57) {
      digits = digits * 10 + (byte - 48);
      byte = bytes[++at] ?? 0;
    }
    exponent = point + 1 - at;
    count -= exponent;
  }
  reader.end = from;
  if (count === 0 || count > 15) return Number.NaN;
  if (byte === 101 || byte === 69) {
    byte = bytes[++at] ?? 0;
    const isSmall = byte === 45;
    if (isSmall || byte === 43) byte = bytes[++at] ?? 0;
    const start = at;
    let power = 0;
    while (byte >= 48 && byte <= 57) {
      power = power * 10 + (byte - 48);
      byte = bytes[++at] ?? 0;
    }
    if (at === start || at > start + 4) return Number.NaN;
    exponent += isSmall ? -power : power;
  }
  if (exponent < -22 || exponent > 22) return Number.NaN;
  reader.end = at;
  const scaled = exponent < 0 ? digits / (powers[-exponent] ?? 1) : digits * (powers[exponent] ?? 1);
  return isNegative ? -scaled : scaled;
}

const plain = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

/** The number that a text is, blanks around it left out; null where it is none: "0x10", "1,5", "nan" are none. */
export function numberFrom(text: string): number | null {
  const trimmed = text.trim();
  return plain.test(trimmed) ? Number(trimmed) : null;
}
