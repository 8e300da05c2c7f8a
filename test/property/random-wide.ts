/**
 * Random programs that are wide: sums and concatenations of hundreds of values, hundreds of outputs and states, and gradients
 * by all of them. No kernel may touch so much, so whatever fusion likes, it has to be divided.
 */
import fc from "fast-check";
import { RandomStream } from "../../src/core/random.ts";
import type { Program } from "../../src/dsl/program.ts";
import * as ops from "../../src/index.ts";
import { f32, normal, param, program, type Tensor } from "../../src/index.ts";
import type { FlatFeeds } from "../program-oracle.ts";
import { pick } from "./random-value.ts";
import { dot, minus, over, plus, sumAlong, times } from "./training-blocks.ts";

export interface WideRecipe {
  readonly count: number;
  readonly size: number;
  /** What becomes of each value, over and over, before they come together. */
  readonly each: readonly number[];
  /** How they come together. */
  readonly together: number;
  /** What becomes of the states. */
  readonly next: number;
  /** Whether each value is put out too. */
  readonly puts: boolean;
}

const small = fc.noBias(fc.nat({ max: 63 }));

export const wideRecipe: fc.Arbitrary<WideRecipe> = fc.record({
  count: fc.oneof(fc.integer({ min: 2, max: 40 }), fc.integer({ min: 41, max: 200 })),
  size: fc.constantFrom(3, 1, 4, 5),
  each: fc.array(small, { minLength: 1, maxLength: 4, size: "max" }),
  together: small,
  next: small,
  puts: fc.boolean(),
});

const unary = (op: unknown) => op as (x: Tensor) => Tensor;
const [tanh, sin, total] = [unary(ops.tanh), unary(ops.sin), unary(ops.sum)];
const turned = unary(ops.transpose);
const inRow = (x: Tensor): Tensor => ops.reshape(x, [1, x.shape[0] ?? 1]) as Tensor;
const joined = (parts: readonly Tensor[]): Tensor => ops.concat(parts as Tensor<readonly number[], "f32">[]) as Tensor;

/** Of a vector and its neighbour, a vector of as many elements. */
const changes: readonly ((v: Tensor, beside: Tensor, x: Tensor) => Tensor)[] = [
  (v) => v,
  (v) => tanh(v),
  (v, beside) => times(v, sin(beside)),
  (v) => ops.flip(v as Tensor<readonly number[], "f32">, [0]) as Tensor,
  (v, beside) => over(v, plus(times(beside, beside), 1)),
  (v, _, x) => plus(v, x),
  (v) => over(v, plus(total(times(v, v)), 1)),
];

const combinations: readonly ((values: readonly Tensor[]) => Tensor)[] = [
  (values) => values.reduce(plus),
  (values) => joined(values),
  (values) => sumAlong(joined(values.map(inRow)), { axis: 0 }),
  (values) => values.map((v) => total(v)).reduce(plus),
  (values) => dot(joined(values.map(inRow)), turned(joined(values.slice(0, 9).map(inRow)))),
  (values) => joined(values.map((v, i) => (i % 2 === 0 ? v : (ops.reshape(total(v), [1]) as Tensor)))),
];

/** One entry, "step". */
export function makeWide({ count, size, each, together, next, puts }: WideRecipe): Program<unknown> {
  const names = Array.from({ length: count }, (_, i) => `v${i}`);
  return program({
    inputs: { x: f32(size) },
    state: Object.fromEntries(names.map((name) => [name, param(normal(0, 0.5, size))])),
    step({ x }, states) {
      const old = Object.values(states) as Tensor[];
      const values = old.map((v, i) => pick(changes, pick(each, i))(v, old[(i + 1) % count] ?? v, x as Tensor));
      const whole = tanh(pick(combinations, together)(values));
      const loss = total(whole);
      const slopes = next % 4 < 2 ? (ops.grad(loss, old) as Tensor[]) : [];
      const nexts = old.map((v, i): Tensor => {
        if (next % 4 === 0) return minus(v, times(slopes[i] ?? v, 0.1));
        if (next % 4 === 1) return minus(old[(i + 1) % count] ?? v, slopes[i] ?? v);
        return next % 4 === 2
          ? times(v, over(loss, plus(times(loss, loss), 1)))
          : tanh(plus(v, old[(i + 2) % count] ?? v));
      });
      const outputs = { whole, ...(puts ? Object.fromEntries(values.map((v, i) => [`o${i}`, v])) : {}) };
      return { outputs, next: Object.fromEntries(names.map((name, i) => [name, nexts[i] as Tensor])) };
    },
  }) as Program<unknown>;
}

export function wideFeeds({ size }: WideRecipe, call: number): FlatFeeds {
  const random = new RandomStream(3, `wide ${call}`);
  return { x: Float32Array.from({ length: size }, () => random.integer(17) / 8 - 1) };
}
