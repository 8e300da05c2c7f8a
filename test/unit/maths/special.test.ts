/**
 * The float64 error function against values computed with 40 digits (mpmath) and rounded to float64.
 */
import { expect, test } from "vitest";
import { erf } from "../../../src/core/special.ts";

const ERF = [
  [1e-300, 1.1283791670955126e-300],
  [1e-20, 1.1283791670955125e-20],
  [1e-8, 1.1283791670955126e-8],
  [0.001, 0.0011283787909692365],
  [0.1, 0.1124629160182849],
  [0.25, 0.27632639016823696],
  [0.5, 0.5204998778130465],
  [0.75, 0.7111556336535151],
  [0.9, 0.7969082124228322],
  [1.0, 0.8427007929497149],
  [1.0000000000000002, 0.842700792949715],
  [1.001, 0.8431154854780762],
  [1.1, 0.8802050695740817],
  [1.25, 0.9229001282564583],
  [1.5, 0.9661051464753108],
  [1.75, 0.9866716712191824],
  [2.0, 0.9953222650189527],
  [2.5, 0.999593047982555],
  [3.0, 0.9999779095030014],
  [3.5, 0.9999992569016276],
  [4.0, 0.9999999845827421],
  [4.5, 0.9999999998033839],
  [5.0, 0.9999999999984626],
  [5.5, 0.9999999999999927],
  [5.9, 0.9999999999999999],
  [5.999999, 1.0],
] as const;

test("erf agrees to 4e-16 relative, and is odd", () => {
  for (const [x, value] of ERF) {
    expect(Math.abs(erf(x) - value) / value, `erf(${x})`).toBeLessThan(4e-16);
    expect(erf(-x)).toBe(-erf(x));
  }
});

test("erf of zeros, infinities and NaN", () => {
  expect(erf(0)).toBe(0);
  expect(erf(-0)).toBe(-0);
  expect(erf(Number.POSITIVE_INFINITY)).toBe(1);
  expect(erf(Number.NEGATIVE_INFINITY)).toBe(-1);
  expect(erf(Number.NaN)).toBeNaN();
});

test("erf rises across the places where its formula changes", () => {
  for (const edge of [1, 6]) {
    const values = [-3, -2, -1, 0, 1, 2, 3].map((step) => erf(edge + step * 1e-14));
    for (const [i, value] of values.entries()) expect(value).toBeGreaterThanOrEqual((values[i - 1] ?? 0) - 2 ** -53);
  }
});
