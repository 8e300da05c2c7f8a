/**
 * The helper functions that generated JavaScript calls, as text. A module contains those it uses, and theirs.
 *
 * Each says in its comment which rule of the kernel language it keeps. They are text and not functions handed in, so that
 * a generated module works when it is saved as a file.
 */

/** `const` lines and functions, by the name they define. */
const texts = {
  fround: "const fround = Math.fround;",

  bits_f32: "const bits_f32 = new Float32Array(1);",
  bits_i32: "const bits_i32 = new Int32Array(bits_f32.buffer);",
  bits_u32: "const bits_u32 = new Uint32Array(bits_f32.buffer);",
  f32_to_bits_i32: "function f32_to_bits_i32(x) {\n  bits_f32[0] = x;\n  return bits_i32[0];\n}",
  f32_to_bits_u32: "function f32_to_bits_u32(x) {\n  bits_f32[0] = x;\n  return bits_u32[0];\n}",
  bits_to_f32: "function bits_to_f32(x) {\n  bits_i32[0] = x;\n  return bits_f32[0];\n}",

  to_i32: `// Truncates; saturates; NaN becomes 0.
function to_i32(x) {
  return x >= 2147483647 ? 2147483647 : x <= -2147483648 ? -2147483648 : x | 0;
}`,
  to_u32: `// Truncates; saturates; NaN becomes 0.
function to_u32(x) {
  return x >= 4294967295 ? 4294967295 : x > 0 ? x >>> 0 : 0;
}`,

  round_even: `// To the nearest integer, halves to the even one; -0, NaN and infinities stay.
function round_even(x) {
  if (!(Math.abs(x) < 4503599627370496)) return x;
  return x < 0 || Object.is(x, -0) ? -(4503599627370496 - x - 4503599627370496) : x + 4503599627370496 - 4503599627370496;
}`,

  zero_cell: "const zero_cell = new Float64Array(2);",
  relu: `// max(x, 0) without a branch on the sign, which a processor guesses wrong half the time.
function relu(x) {
  zero_cell[1] = x;
  return zero_cell[+!(x <= 0)];
}`,

  mod_float: `// The remainder with the sign of the divisor.
function mod_float(x, y) {
  const r = x % y;
  if (r === 0) return y < 0 ? -0 : 0;
  return r < 0 === y < 0 ? r : r + y;
}`,
  mod_i32: `// The remainder with the sign of the divisor; x mod 0 = 0.
function mod_i32(x, y) {
  const r = y === 0 ? 0 : x % y | 0;
  return r !== 0 && r < 0 !== y < 0 ? r + y : r;
}`,
  mod_u32: `// x mod 0 = 0.
function mod_u32(x, y) {
  return y === 0 ? 0 : x % y;
}`,
  floor_mod: `// The remainder of an index that may be negative.
function floor_mod(x, n) {
  const r = x % n;
  return r < 0 ? r + n : r;
}`,

  rotate_left: "function rotate_left(x, n) {\n  return (x << n) | (x >>> (32 - n));\n}",

  from_half: `// The value of 16 bits of a half-precision number.
function from_half(h) {
  const magnitude = h & 0x7fff;
  if (magnitude > 0x7c00) return NaN;
  const value = magnitude === 0x7c00 ? Infinity : bits_to_f32(magnitude << 13) * 5192296858534827628530496329220096;
  return h >= 0x8000 ? -value : value;
}`,
  to_half: `// The 16 bits of the nearest half-precision number of an f32, ties to even.
function to_half(x) {
  const bits = f32_to_bits_i32(x);
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = Math.abs(x);
  if (magnitude !== magnitude) return 0x7e00;
  if (magnitude >= 65520) return sign | 0x7c00;
  if (magnitude < 0.00006103515625) return sign | (magnitude * 16777216 + 4503599627370496 - 4503599627370496);
  return sign | (((bits & 0x7fffffff) - 0x38000000 + 0xfff + ((bits >>> 13) & 1)) >>> 13);
}`,

  round_half: `// The nearest half-precision number of an f64, ties to even: added to 3 * 2^51 of its units, it loses the rest.
function round_half(x) {
  const magnitude = Math.abs(x);
  if (!(magnitude < 65520)) return magnitude >= 65520 ? x * Infinity : x;
  const exponent = Math.max(f32_to_bits_i32(magnitude) & 0x7f800000, 0x38800000);
  const shift = bits_to_f32(exponent - 0x05000000) * 6755399441055744;
  const rounded = magnitude + shift - shift;
  return x < 0 ? -rounded : x === 0 ? x : rounded;
}`,

  from_brain: `// The value of the 16 bits of a bfloat16.
function from_brain(h) {
  return bits_to_f32(h << 16);
}`,
  to_brain: `// The 16 bits of the nearest bfloat16 of an f32, ties to even.
function to_brain(x) {
  if (x !== x) return 0x7fc0;
  const bits = f32_to_bits_i32(x);
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}`,
  round_brain: `// The nearest bfloat16 of an f64, ties to even: added to 3 * 2^51 of its units, it loses the rest.
function round_brain(x) {
  const magnitude = Math.abs(x);
  if (!(magnitude < 3.39617752923046e38)) return x * Infinity;
  const exponent = Math.max(f32_to_bits_i32(magnitude) & 0x7f800000, 0x00800000);
  const shift = bits_to_f32(exponent) * 52776558133248;
  const rounded = magnitude + shift - shift;
  return x < 0 ? -rounded : x === 0 ? x : rounded;
}`,

  polynomial: `function polynomial(coefficients, x) {
  let sum = 0;
  for (let i = coefficients.length - 1; i >= 0; i--) sum = sum * x + coefficients[i];
  return sum;
}`,
  erf_centre: `const erf_centre = [
  1.1283791670955126, -0.37612638903183543, 0.11283791670945006, -0.02686617064323777, 0.0052239776071164225,
  -0.0008548325975389692, 0.00012055294904839707, -1.492473690741966e-5, 1.6447424703317362e-6, -1.6208483801871705e-7,
  1.3720064546777686e-8, -7.795898827002142e-10,
];`,
  erf_tail: `const erf_tail = [
  1.2530080582697296, -0.13562110612458128, -0.04756229435346764, 0.12964515870277799, -0.1192736634131923,
  0.06830802734390644, -0.02377051501976663, 0.0025293917508951618, 0.0018886926936596247, -0.0007798294517483084,
  -0.00010518763242323468, 0.0001250512141750135, 5.111019944653237e-6, -1.9724332775436143e-5, -1.0474106479832425e-6,
  2.284982547947005e-6,
];`,
  erf: `// The error function in double precision.
function erf(x) {
  const a = Math.abs(x);
  if (a <= 1) return x * polynomial(erf_centre, x * x);
  if (a < 6) {
    const erfc = (Math.exp(-a * a) * polynomial(erf_tail, (a - 3) / (a + 3))) / (1 + 2 * a);
    return Math.sign(x) * (1 - erfc);
  }
  return Math.sign(x);
}`,
} as const satisfies Record<string, string>;

export type Helper = keyof typeof texts;

const needs: Readonly<Partial<Record<Helper, readonly Helper[]>>> = {
  bits_i32: ["bits_f32"],
  bits_u32: ["bits_f32"],
  f32_to_bits_i32: ["bits_f32", "bits_i32"],
  f32_to_bits_u32: ["bits_f32", "bits_u32"],
  bits_to_f32: ["bits_f32", "bits_i32"],
  relu: ["zero_cell"],
  from_half: ["bits_to_f32"],
  to_half: ["f32_to_bits_i32"],
  round_half: ["f32_to_bits_i32", "bits_to_f32"],
  from_brain: ["bits_to_f32"],
  to_brain: ["f32_to_bits_i32"],
  round_brain: ["f32_to_bits_i32", "bits_to_f32"],
  erf: ["polynomial", "erf_centre", "erf_tail"],
};

/** The text of the helpers in `used` and of those they need, in an order in which each finds what it needs. */
export function helperTexts(used: ReadonlySet<Helper>): readonly string[] {
  const wanted = new Set<Helper>();
  const want = (helper: Helper): void => {
    for (const needed of needs[helper] ?? []) want(needed);
    wanted.add(helper);
  };
  for (const helper of used) want(helper);
  return helperNames.filter((helper) => wanted.has(helper)).map((helper) => texts[helper]);
}

const helperNames = Object.keys(texts) as readonly Helper[];

/** What a generated name must not be: JavaScript's words, the globals that generated code uses, and the helpers. */
export const reservedWords: ReadonlySet<string> = new Set([
  ...(
    "arguments await break case catch class const continue debugger default delete do else enum eval export extends " +
    "false finally for function if implements import in instanceof interface let new null package private protected " +
    "public return static super switch this throw true try typeof var void while with yield async of get set " +
    "undefined NaN Infinity Math Object Float32Array Float64Array Int32Array Uint32Array Uint16Array Uint8Array"
  ).split(" "),
  ...helperNames,
]);
