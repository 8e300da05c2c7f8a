/**
 * Functions that generated WGSL calls where WGSL's own differ from the kernel language. A module contains those it uses.
 *
 * Comparisons of floats may be compiled as if there were no NaN, so every test for one looks at the bits.
 */
const helpers = {
  tl_zero: `// Zero, but not a constant expression: WGSL refuses constants that are infinite, NaN or overflow.
var<private> tl_zero: u32 = 0u;`,
  tl_is_nan: `fn tl_is_nan(x: f32) -> bool {
  return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u;
}`,
  tl_max: `// The larger; NaN when either is.
fn tl_max(x: f32, y: f32) -> f32 {
  return select(select(max(x, y), y, tl_is_nan(y)), x, tl_is_nan(x));
}`,
  tl_min: `// The smaller; NaN when either is.
fn tl_min(x: f32, y: f32) -> f32 {
  return select(select(min(x, y), y, tl_is_nan(y)), x, tl_is_nan(x));
}`,
  tl_sign: `// -1, 0 or 1; zeros and NaN as they are.
fn tl_sign(x: f32) -> f32 {
  return select(sign(x), x, x == 0.0f || tl_is_nan(x));
}`,
  tl_f32_to_i32: `// Truncates; saturates; NaN becomes 0.
fn tl_f32_to_i32(x: f32) -> i32 {
  if (tl_is_nan(x)) { return 0i; }
  if (x >= 2147483648.0f) { return 2147483647i; }
  if (x <= -2147483648.0f) { return i32(-2147483648); }
  return i32(x);
}`,
  tl_f32_to_u32: `// Truncates; saturates; NaN becomes 0.
fn tl_f32_to_u32(x: f32) -> u32 {
  if (tl_is_nan(x) || x <= 0.0f) { return 0u; }
  if (x >= 4294967296.0f) { return 4294967295u; }
  return u32(x);
}`,
  tl_div_i32: `// x / 0 = 0.
fn tl_div_i32(x: i32, y: i32) -> i32 {
  if (y == 0i) { return 0i; }
  return x / y;
}`,
  tl_div_u32: `// x / 0 = 0.
fn tl_div_u32(x: u32, y: u32) -> u32 {
  if (y == 0u) { return 0u; }
  return x / y;
}`,
  tl_mod_i32: `// The remainder with the sign of the divisor; x mod 0 = 0.
fn tl_mod_i32(x: i32, y: i32) -> i32 {
  if (y == 0i) { return 0i; }
  let r = x % y;
  return select(r, r + y, r != 0i && ((r < 0i) != (y < 0i)));
}`,
  tl_mod_u32: `// x mod 0 = 0.
fn tl_mod_u32(x: u32, y: u32) -> u32 {
  if (y == 0u) { return 0u; }
  return x % y;
}`,
  tl_mod_f32: `// The remainder with the sign of the divisor, by exact long division; a subnormal divisor counts as 0.
fn tl_mod_f32(x: f32, y: f32) -> f32 {
  let divisor = bitcast<u32>(y) & 0x7fffffffu;
  let dividend = bitcast<u32>(x) & 0x7fffffffu;
  if (dividend >= 0x7f800000u || divisor > 0x7f800000u || divisor < 0x00800000u) {
    return bitcast<f32>(0x7fc00000u | tl_zero);
  }
  var r = bitcast<f32>(dividend);
  while (r >= bitcast<f32>(divisor)) {
    let steps = (bitcast<u32>(r) >> 23u) - (divisor >> 23u);
    var part = bitcast<f32>(divisor + (steps << 23u));
    if (part > r) { part = bitcast<f32>(divisor + ((steps - 1u) << 23u)); }
    r -= part;
  }
  if (r == 0.0f) { return bitcast<f32>(bitcast<u32>(y) & 0x80000000u); }
  if (x < 0.0f) { r = -r; }
  return select(r, r + y, (r < 0.0f) != (y < 0.0f));
}`,
  tl_rotate_left: `fn tl_rotate_left(x: u32, n: u32) -> u32 {
  return (x << (n & 31u)) | (x >> ((32u - n) & 31u));
}`,
  tl_floor_div: `// Of an index that may be negative; n > 0.
fn tl_floor_div(x: i32, n: i32) -> i32 {
  return select(x / n, (x + 1i) / n - 1i, x < 0i);
}`,
  tl_floor_mod: `// Of an index that may be negative; n > 0.
fn tl_floor_mod(x: i32, n: i32) -> i32 {
  let r = x % n;
  return select(r, r + n, r < 0i);
}`,
  tl_to_half: `// The 16 bits of the nearest half-precision number, ties to even (pack2x16float may round otherwise).
fn tl_to_half(x: f32) -> u32 {
  let bits = bitcast<u32>(x);
  let sign_bit = (bits >> 16u) & 0x8000u;
  let magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) { return sign_bit | 0x7e00u; }
  if (magnitude >= 0x477ff000u) { return sign_bit | 0x7c00u; }
  if (magnitude < 0x38800000u) { return sign_bit | u32(round(bitcast<f32>(magnitude) * 16777216.0f)); }
  return sign_bit | ((magnitude - 0x38000000u + 0xfffu + ((magnitude >> 13u) & 1u)) >> 13u);
}`,
  tl_to_brain: `// The 16 bits of the nearest bfloat16, ties to even.
fn tl_to_brain(x: f32) -> u32 {
  let bits = bitcast<u32>(x);
  if (tl_is_nan(x)) { return 0x7fc0u; }
  return (bits + 0x7fffu + ((bits >> 16u) & 1u)) >> 16u;
}`,
} as const satisfies Record<string, string>;

export type Helper = keyof typeof helpers;

const order = Object.keys(helpers) as readonly Helper[];

/** The text of the helpers and of those they call. */
export function helperTexts(used: ReadonlySet<Helper>): readonly string[] {
  const wanted = new Set<Helper>(used);
  for (const helper of [...order].reverse()) {
    if (!wanted.has(helper)) continue;
    for (const other of order) if (new RegExp(`\\b${other}\\b`).test(helpers[helper])) wanted.add(other);
  }
  return order.filter((helper) => wanted.has(helper)).map((helper) => helpers[helper]);
}
