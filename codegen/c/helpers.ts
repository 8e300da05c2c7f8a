/** What every printed C program starts with: the rules of the kernel language that C has otherwise, or leaves open. */

export const helpers = `#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

// x / 0 = 0, x mod 0 = 0; the remainder has the sign of the divisor. C stops at the lowest number by -1.
static inline int32_t div_i32(int32_t x, int32_t y) { return y == 0 ? 0 : y == -1 ? -x : x / y; }
static inline uint32_t div_u32(uint32_t x, uint32_t y) { return y == 0 ? 0 : x / y; }
static inline int32_t mod_i32(int32_t x, int32_t y) {
  const int32_t r = y == 0 || y == -1 ? 0 : x % y;
  return r != 0 && (r < 0) != (y < 0) ? r + y : r;
}
static inline uint32_t mod_u32(uint32_t x, uint32_t y) { return y == 0 ? 0 : x % y; }
static inline double mod_f64(double x, double y) {
  const double r = fmod(x, y);
  if (r == 0) return y < 0 ? -0.0 : 0.0;
  return (r < 0) == (y < 0) ? r : r + y;
}
static inline float mod_f32(float x, float y) { return (float)mod_f64(x, y); }

// NaN is passed on; -0 is less than 0. The compiler may choose for fmin and fmax.
#define EXTREMES(T, name) \\
  static inline T min_##name(T x, T y) { return x != x ? x : y != y ? y : x == y ? (signbit(x) ? x : y) : x < y ? x : y; } \\
  static inline T max_##name(T x, T y) { return x != x ? x : y != y ? y : x == y ? (signbit(x) ? y : x) : x < y ? y : x; } \\
  static inline T sign_##name(T x) { return x > 0 ? 1 : x < 0 ? -1 : x; }
EXTREMES(float, f32)
EXTREMES(double, f64)
#define WHOLE(T, name) \\
  static inline T min_##name(T x, T y) { return x < y ? x : y; } \\
  static inline T max_##name(T x, T y) { return x < y ? y : x; } \\
  static inline T sign_##name(T x) { return (T)((x > 0) - (x < 0)); } \\
  static inline T abs_##name(T x) { return x < 0 ? -x : x; }
WHOLE(int32_t, i32)
WHOLE(uint32_t, u32)
static inline float abs_f32(float x) { return fabsf(x); }
static inline double abs_f64(double x) { return fabs(x); }

static inline uint32_t rotate_left(uint32_t x, uint32_t n) { return (x << (n & 31)) | (x >> (-n & 31)); }

// Casts of floats cut off and saturate; NaN becomes 0. C leaves open what does not fit.
static inline int32_t to_i32(double x) {
  return x != x ? 0 : x >= 2147483647.0 ? INT32_MAX : x <= -2147483648.0 ? INT32_MIN : (int32_t)x;
}
static inline uint32_t to_u32(double x) { return x >= 4294967295.0 ? UINT32_MAX : x > 0 ? (uint32_t)x : 0; }

static inline uint32_t bits_of(float x) { uint32_t bits; memcpy(&bits, &x, 4); return bits; }
static inline float from_bits(uint32_t bits) { float x; memcpy(&x, &bits, 4); return x; }

// The nearest number of half precision, ties to even: added to 3 * 2^51 of its units, it loses the rest.
static inline double round_half_f64(double x) {
  const double magnitude = fabs(x);
  if (!(magnitude < 65520)) return magnitude >= 65520 ? x * INFINITY : x;
  const uint32_t found = bits_of((float)magnitude) & 0x7f800000, exponent = found > 0x38800000 ? found : 0x38800000;
  const double shift = from_bits(exponent - 0x05000000) * 6755399441055744.0;
  const double rounded = magnitude + shift - shift;
  return copysign(rounded, x);
}
static inline float round_half_f32(float x) { return (float)round_half_f64(x); }

static inline float from_half(uint32_t h) {
  const uint32_t magnitude = h & 0x7fff;
  const float x = magnitude > 0x7c00 ? NAN : magnitude == 0x7c00 ? INFINITY : from_bits(magnitude << 13) * 0x1p112f;
  return h & 0x8000 ? -x : x;
}
static inline uint16_t to_half(float x) {
  const uint32_t bits = bits_of(x), sign = (bits >> 16) & 0x8000;
  const float magnitude = fabsf(x);
  if (x != x) return 0x7e00;
  if (magnitude >= 65520) return sign | 0x7c00;
  if (magnitude < 0x1p-14f) return sign | (uint32_t)rint(magnitude * 0x1p24);
  return sign | (((bits & 0x7fffffff) - 0x38000000 + 0xfff + ((bits >> 13) & 1)) >> 13);
}

// The nearest bfloat16, ties to even.
static inline double round_brain_f64(double x) {
  const double magnitude = fabs(x);
  if (!(magnitude < 0x1.ffp127)) return x * INFINITY;
  const uint32_t found = bits_of((float)magnitude) & 0x7f800000, exponent = found > 0x00800000 ? found : 0x00800000;
  const double shift = from_bits(exponent) * 0x1.8p45;
  const double rounded = magnitude + shift - shift;
  return copysign(rounded, x);
}
static inline float round_brain_f32(float x) { return (float)round_brain_f64(x); }

static inline uint16_t to_brain(float x) {
  const uint32_t bits = bits_of(x);
  return x != x ? 0x7fc0 : (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
}

// What is left of an index that may be negative, and its floored quotient.
static inline int32_t floor_mod(int32_t x, int32_t n) { const int32_t r = x % n; return r < 0 ? r + n : r; }
static inline int32_t floor_div(int32_t x, int32_t n) { return (x - floor_mod(x, n)) / n; }
`;
