/** What the tests of the maths library compute: operands over all of f32, and what float64 says of them. */
import { erf } from "../../../src/core/special.ts";
import type { MathsFn, Routine } from "../../../src/kernel/kernel.ts";
import { mathsFns } from "../../../src/kernel/kernel.ts";
import { routineFor } from "../../../src/kernel/maths/library.ts";
import { bitsToFloat, floatToBits } from "./run-routine.ts";

export type Unary = Exclude<MathsFn, "pow">;

export const unary = mathsFns.filter((fn): fn is Unary => fn !== "pow");

export const references: Readonly<Record<MathsFn, (x: number, y: number) => number>> = {
  exp: Math.exp,
  expm1: Math.expm1,
  log: Math.log,
  log1p: Math.log1p,
  sin: Math.sin,
  cos: Math.cos,
  tanh: Math.tanh,
  erf,
  pow: Math.pow,
};

/** 0 <= x < 1, the same every time. */
export function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

export function routine(fn: MathsFn): Routine {
  const found = routineFor(fn, "f32");
  if (found === undefined) throw new Error(`no routine for ${fn}`);
  return found;
}

/** `count` bit patterns spread over all 2^32, and floats on both sides of the places where formulas change. */
export function* operands(count: number): Generator<number> {
  const random = generator(1);
  for (let i = 0; i < count; i++) yield bitsToFloat(Math.floor((i + random()) * (2 ** 32 / count)));
  for (const [low, high] of [
    [-2, 2],
    [-20, 20],
    [-110, 95],
    [0.3, 3.5],
  ] as const) {
    for (let i = 0; i < count / 8; i++) yield Math.fround(low + (high - low) * random());
  }
  const edges = [0, 2 ** -149, 2 ** -126, 2 ** -25, 0.625, 1, 4, 10, 18, 87.33655, 88.72284, 103.97208, 104, 2 ** 60];
  for (let k = 1; k <= 300; k++)
    edges.push((k * Math.PI) / 4, (k * Math.LN2) / 2, 2 ** (k / 2), 2 ** (-k / 2), 10 ** (k / 9));
  for (const edge of edges) {
    const bits = floatToBits(edge);
    for (let step = -8; step <= 8; step++) {
      const near = bitsToFloat((bits + step) >>> 0);
      yield near;
      yield -near;
      yield near - 1;
    }
  }
}

/** Pairs whose power is a finite number: log2 |x| from 2^-24 to 149, y as large as the result allows. */
export function* powOperands(count: number): Generator<readonly [x: number, y: number]> {
  const random = generator(2);
  for (let i = 0; i < count; i++) {
    const near = i % 3 === 0 ? 0x3f800000 + (random() < 0.5 ? -1 : 1) * Math.floor(2 ** (24 * random())) : undefined;
    const x = bitsToFloat(near ?? Math.floor(random() * 0x7f800000));
    const y = Math.fround((i % 2 === 0 ? 277 * random() - 149 : 100 * (random() - 0.5)) / Math.log2(x));
    if (Number.isFinite(y)) yield [x, y];
  }
}

/** Where C99 has rules for powers. */
export const powEdges: readonly number[] = (() => {
  const values = [0, 1, 0.5, 2, 3, 2.5, 1e-40, 3e38, 2 ** 24 + 2, 1e20, 2 ** 23 + 1, 1e-5, Number.POSITIVE_INFINITY];
  const rounded = values.map(Math.fround);
  return [...rounded, ...rounded.map((value) => -value), Number.NaN];
})();
