/**
 * A product and its gradients in mixed precision: what comes out on `js` is known to the bit, as products of two f16 numbers, added up in
 * doubles (which is exact here), rounded once; elsewhere within the bounds of docs/semantics.md.
 */
import { f32, grad, matmul, mul, param, program, sum, values } from "../src/index.ts";

/** Half precision by adding and taking away what leaves ten bits: not how the compiler does it. */
function half(x: number): number {
  const exponent = Math.max(-14, Math.floor(Math.log2(Math.abs(x) || 1)));
  const bias = 1.5 * 2 ** (52 - 10 + exponent);
  const rounded = x + bias - bias;
  return Math.abs(rounded) > 65504 ? Math.sign(x) * Number.POSITIVE_INFINITY : rounded;
}

export const numbers = (count: number, seed: number, scale = 1): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => scale * Math.sin(seed + 1.7 * i + 0.01 * i * i));

/** Rows by columns; exact but for the last rounding where the numbers are of about one size. */
export function times(a: Float32Array, b: Float32Array, [m, k, n]: readonly [number, number, number]): Float32Array {
  return Float32Array.from({ length: m * n }, (_, at) => {
    const [i, j] = [Math.floor(at / n), at % n];
    let total = 0;
    for (let p = 0; p < k; p++) total += half(a[i * k + p] ?? 0) * half(b[p * n + j] ?? 0);
    return total;
  });
}

function transposed(a: Float32Array, [rows, columns]: readonly [number, number]): Float32Array {
  return Float32Array.from({ length: a.length }, (_, at) => a[(at % rows) * columns + Math.floor(at / rows)] ?? 0);
}

const [m, k, n] = [13, 70, 21];
const x = numbers(m * k, 1);
const w = numbers(k * n, 2, 0.3);
const slope = numbers(m * n, 3, 2);

export const layered = program({
  inputs: { x: f32(m, k), slope: f32(m, n) },
  state: { w: param(values(w, k, n)) },
  step({ x, slope }, { w }) {
    const y = matmul(x, w);
    const loss = sum(mul(y, slope));
    const { dx, dw } = grad(loss, { dx: x, dw: w });
    return { outputs: { y, dx, dw } };
  },
});

export const expected = {
  y: times(x, w, [m, k, n]),
  dx: times(slope, transposed(w, [k, n]), [m, n, k]),
  dw: times(transposed(x, [m, k]), slope, [k, m, n]),
};

export const layeredFeeds = { x, slope };

/** Elements that are farther from `expected` than a sum of so many f32 may be. */
export function beyondBounds(found: Readonly<Record<keyof typeof expected, Float32Array>>): readonly string[] {
  const [p, q, r] = [x, w, slope].map((all) => all.map(Math.abs));
  if (p === undefined || q === undefined || r === undefined) return ["nothing to compare"];
  const magnitudes = {
    y: [k, times(p, q, [m, k, n])],
    dx: [n, times(r, transposed(q, [k, n]), [m, n, k])],
    dw: [m, times(transposed(p, [m, k]), r, [k, m, n])],
  } as const;
  return (["y", "dx", "dw"] as const).flatMap((name) => {
    const [terms, most] = magnitudes[name];
    const isWithin = (i: number): boolean =>
      Math.abs((found[name][i] ?? Number.NaN) - (expected[name][i] ?? 0)) <= (terms + 8) * 2 ** -24 * (most[i] ?? 0);
    return Array.from(expected[name].keys()).flatMap((i) => (isWithin(i) ? [] : [`${name}[${i}]`]));
  });
}
