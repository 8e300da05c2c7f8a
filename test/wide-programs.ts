/**
 * Ordinary programs that touch more than a kernel may: an LSTM cell with its update, and Jacobians of many outputs. For every
 * target, those of 8 buffers among them.
 */

import { RandomStream } from "../src/core/random.ts";
import {
  add,
  concat,
  f32,
  grad,
  matmul,
  mul,
  normal,
  param,
  program,
  reshape,
  sigmoid,
  slice,
  sub,
  sum,
  type Tensor,
  tanh,
} from "../src/index.ts";

export function noise(count: number, name: string): Float32Array {
  const random = new RandomStream(11, name);
  return Float32Array.from({ length: count }, () => random.uniform(-1, 1));
}

/** One LSTM cell, its loss, and the update of its weights. */
export const lstmStep = program({
  inputs: { x: f32(5, 3), h: f32(5, 4), c: f32(5, 4) },
  state: { w: param(normal(0, 0.5, 3, 16)), u: param(normal(0, 0.5, 4, 16)) },
  step({ x, h, c }, { w, u }) {
    const z = add(matmul(x, w), matmul(h, u));
    const gate = (i: number) => slice(z, null, [4 * i, 4 * i + 4]) as Tensor<[5, 4], "f32">;
    const c2 = add(mul(sigmoid(gate(0)), c), mul(sigmoid(gate(1)), tanh(gate(2))));
    const loss = sum(mul(sigmoid(gate(3)), tanh(c2)));
    return { outputs: { loss }, next: { w: sub(w, grad(loss, w)), u: sub(u, grad(loss, u)) } };
  },
});

export const lstmFeeds = (call: number) => ({
  x: noise(15, `x${call}`),
  h: noise(20, `h${call}`),
  c: noise(20, `c${call}`),
});

/** The Jacobian of tanh(x w), x of 3 numbers, as one gradient for each element of y: (1 - y²) w, transposed. */
export const jacobianStep = (outputs: number) =>
  program({
    inputs: { x: f32(3) },
    state: { w: param(normal(0, 0.5, 3, outputs)) },
    step({ x }, { w }) {
      const y = reshape(tanh(matmul(reshape(x, [1, 3]), w)), [outputs]) as Tensor;
      const rows = Array.from({ length: outputs }, (_, i) =>
        reshape(grad(sum(slice(y, [i, i + 1])), x as Tensor), [1, 3]),
      );
      return { outputs: { y, slopes: concat(rows) } };
    },
  });

export const jacobianFeeds = { x: Float32Array.of(0.5, -1, 0.25) };
