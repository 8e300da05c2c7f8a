/** What the tuner's tests tune: a product with what follows it, sums along both axes, a convolution, an update. */
import {
  add,
  conv,
  f32,
  grad,
  matmul,
  mean,
  mul,
  normal,
  param,
  program,
  relu,
  softmax,
  square,
  sub,
  sum,
} from "../src/index.ts";

/** One kernel: a product with an addition behind it. */
export const oneProduct = (rows = 24, inner = 40, columns = 48) =>
  program({
    inputs: { x: f32(rows, inner), w: f32(inner, columns), b: f32(columns) },
    step: ({ x, w, b }) => ({ outputs: { y: relu(add(matmul(x, w), b)) } }),
  });

/** Contractions of all three kinds, rows, columns and an update. */
export const smallTraining = program({
  inputs: { x: f32(20, 36), y: f32(20, 24) },
  state: { v: param(normal(0, 0.2, 36, 72)), w: param(normal(0, 0.2, 72, 24)) },
  step({ x, y }, { v, w }) {
    const found = softmax(matmul(relu(matmul(x, v)), w));
    const loss = mean(square(sub(found, y)));
    const next = { v: sub(v, mul(grad(loss, v), 0.1)), w: sub(w, mul(grad(loss, w), 0.1)) };
    return { outputs: { loss, columns: sum(found, { axis: 0 }) }, next };
  },
});

export const smallConvolution = program({
  inputs: { x: f32(2, 11, 11, 3), f: f32(3, 3, 3, 20) },
  step: ({ x, f }) => ({ outputs: { y: relu(conv(x, f)), all: sum(square(x)) } }),
});
