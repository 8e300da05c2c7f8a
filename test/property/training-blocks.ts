/**
 * The blocks of random networks. Each takes [batch, width] and gives the same, so that they stand in any order, and two of one
 * kind may share their weights.
 */
import * as ops from "../../src/index.ts";
import { normal, ones, param, slot, type Tensor, zeros } from "../../src/index.ts";
import { pick } from "./random-value.ts";

type Operand = Tensor | number;

/** Ops of tensors whose shapes only the recipe knows. */
const binary = (op: unknown) => op as (a: Operand, b: Operand) => Tensor;
const unary = (op: unknown) => op as (x: Tensor) => Tensor;
const along = (op: unknown) =>
  op as (x: Tensor, options: { readonly axis: number; readonly keepDims?: true }) => Tensor;
export const [plus, minus, times, over] = [binary(ops.add), binary(ops.sub), binary(ops.mul), binary(ops.div)];
export const [least, most] = [binary(ops.minimum), binary(ops.maximum)];
export const dot = ops.matmul as unknown as (a: Tensor, b: Tensor) => Tensor;
export const [meanAlong, sumAlong] = [along(ops.mean), along(ops.sum)];
const [tanh, sigmoid, rsqrt, softmax] = [unary(ops.tanh), unary(ops.sigmoid), unary(ops.rsqrt), unary(ops.softmax)];
const [variance, turned] = [along(ops.variance), unary(ops.transpose)];
const activations = [unary(ops.relu), tanh, sigmoid, unary(ops.softplus)];

export const matrix = (rows: number, columns: number) => param(normal(0, 0.5, rows, columns));
const vector = (count: number) => param(zeros(count));
const memory = (...shape: number[]) => slot(zeros(...shape));

export type Specs = Readonly<Record<string, ReturnType<typeof param>>>;

export interface Given {
  /** What the block before gave, and what the network was given: [batch, width]. */
  readonly h: Tensor;
  readonly x: Tensor;
  /** Whole numbers below 3: [batch]. */
  readonly label: Tensor;
  readonly width: number;
  readonly choice: number;
  /** The block's weights, and what it remembers from the step before, by name. */
  w(name: string): Tensor;
  old(name: string): Tensor;
}

export interface Block {
  readonly weights: (width: number) => Specs;
  /** States beside the weights: the memory of a cell, moving averages. */
  readonly memory?: (batch: number, width: number) => Specs;
  readonly apply: (given: Given) => { readonly h: Tensor; readonly next?: Readonly<Record<string, Tensor>> };
}

/** Columns `i * width` to `(i + 1) * width`. */
const part = (x: Tensor, i: number, width: number): Tensor =>
  ops.slice(x, null, [i * width, (i + 1) * width]) as Tensor;

function normalized(x: Tensor, axis: number): Tensor {
  const options = { axis, keepDims: true } as const;
  return times(minus(x, meanAlong(x, options)), rsqrt(plus(variance(x, options), 1e-3)));
}

export const blocks: Readonly<Record<string, Block>> = {
  dense: {
    weights: (n) => ({ w: matrix(n, n), b: vector(n) }),
    apply: ({ h, w, choice }) => ({ h: pick(activations, choice)(plus(dot(h, w("w")), w("b"))) }),
  },
  residual: {
    weights: (n) => ({ w1: matrix(n, 2 * n), b1: vector(2 * n), w2: matrix(2 * n, n) }),
    apply: ({ h, w, choice }) => ({
      h: plus(h, dot(pick(activations, choice)(plus(dot(h, w("w1")), w("b1"))), w("w2"))),
    }),
  },
  layerNorm: {
    weights: (n) => ({ gain: param(ones(n)), shift: vector(n) }),
    apply: ({ h, w }) => ({ h: plus(times(normalized(h, -1), w("gain")), w("shift")) }),
  },
  batchNorm: {
    weights: (n) => ({ gain: param(ones(n)), shift: vector(n) }),
    memory: (_, n) => ({ mean: memory(n), spread: memory(n) }),
    apply({ h, w, old }) {
      const moved = (name: string, to: Tensor): Tensor => plus(times(old(name), 0.9), times(to, 0.1));
      const next = {
        mean: moved("mean", meanAlong(h, { axis: 0 })),
        spread: moved("spread", variance(h, { axis: 0 })),
      };
      return { h: plus(times(normalized(h, 0), w("gain")), w("shift")), next };
    },
  },
  lstm: {
    weights: (n) => ({ w: matrix(n, 4 * n), u: matrix(n, 4 * n), b: vector(4 * n) }),
    memory: (batch, n) => ({ h: memory(batch, n), c: memory(batch, n) }),
    apply({ h, w, old, width, choice }) {
      const both = plus(dot(h, w("w")), dot(old("h"), w("u")));
      const z = choice % 2 === 0 ? both : plus(both, w("b"));
      const c = plus(
        times(sigmoid(part(z, 0, width)), old("c")),
        times(sigmoid(part(z, 1, width)), tanh(part(z, 2, width))),
      );
      const out = times(sigmoid(part(z, 3, width)), tanh(c));
      return { h: out, next: choice % 3 === 0 ? {} : { h: out, c } };
    },
  },
  gru: {
    weights: (n) => ({ w: matrix(n, 3 * n), u: matrix(n, 3 * n) }),
    memory: (batch, n) => ({ h: memory(batch, n) }),
    apply({ h, w, old, width, choice }) {
      const [a, b] = [dot(h, w("w")), dot(old("h"), w("u"))];
      const reset = sigmoid(plus(part(a, 0, width), part(b, 0, width)));
      const update = sigmoid(plus(part(a, 1, width), part(b, 1, width)));
      const candidate = tanh(plus(part(a, 2, width), times(reset, part(b, 2, width))));
      const out = plus(times(update, old("h")), times(minus(1, update), candidate));
      return { h: out, next: choice % 3 === 0 ? {} : { h: out } };
    },
  },
  attention: {
    weights: (n) => ({ q: matrix(n, n), k: matrix(n, n), v: matrix(n, n), out: matrix(n, n) }),
    apply({ h, w, width, choice }) {
      const scores = over(dot(dot(h, w("q")), turned(dot(h, w("k")))), Math.sqrt(width));
      const mixed = dot(dot(softmax(scores), dot(h, w("v"))), w("out"));
      return { h: choice % 2 === 0 ? plus(h, mixed) : mixed };
    },
  },
  gated: {
    weights: (n) => ({ w: matrix(n, 2 * n) }),
    apply({ h, w, width }) {
      const z = dot(h, w("w"));
      return { h: times(part(z, 0, width), sigmoid(part(z, 1, width))) };
    },
  },
  dropout: {
    weights: () => ({}),
    apply: ({ h }) => ({ h: ops.dropout(h as Tensor<readonly number[], "f32">, 0.25) }),
  },
  embedding: {
    weights: (n) => ({ table: matrix(5, n) }),
    apply: ({ h, w, label }) => ({ h: plus(h, ops.gather(w("table"), label) as Tensor) }),
  },
  skip: {
    weights: (n) => ({ w: matrix(2 * n, n) }),
    apply: ({ h, x, w }) => ({ h: dot(ops.concat([h, x], 1), w("w")) }),
  },
  experts: {
    weights: (n) => ({ gate: matrix(n, 3), w0: matrix(n, n), w1: matrix(n, n), w2: matrix(n, n) }),
    apply({ h, w, choice }) {
      const gates = softmax(dot(h, w("gate")));
      const outs = [0, 1, 2].map((i) => times(part(gates, i, 1), pick(activations, choice + i)(dot(h, w(`w${i}`)))));
      return { h: outs.reduce(plus) };
    },
  },
};
