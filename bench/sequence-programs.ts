/** The networks of sequences (nets.ts). */
import * as tensorloom from "tensorloom";
import { add, arange, batchMatmul, dot, full, greaterEqual, matmul, mean, mul, permute, relu, reshape, rsqrt, type Shape, sigmoid, slice, softmax, sub, type Tensor, tanh, variance, where } from "tensorloom"; // biome-ignore format: names
import { blockShape, lstmShape, type NetWorkload } from "./nets.ts";
import { type Layer, trainingStep } from "./network-step.ts";

type Floats<S extends Shape> = Tensor<S, "f32">;
type Six = readonly [Layer, Layer, Layer, Layer, Layer, Layer];

export function lstmProgram(workload: NetWorkload) {
  const { steps, pixels, width } = lstmShape;
  return trainingStep<Six>(workload, (image, [input, memory, classes]) => {
    const rows = permute(reshape(slice(image, null, [0, steps * pixels]), ["batch", steps, pixels]), [1, 0, 2]);
    const nothing: Floats<["batch", number]> = full(["batch", width], 0);
    // Of the namespace: a checkout that has no loops yet is bundled all the same.
    const { carry } = tensorloom.scan(
      ({ h, c }, x) => {
        const z = add(layerOf(x as Floats<["batch", number]>, input), layerOf(h, memory));
        const part = (i: number): Floats<["batch", number]> => slice(z, null, [i * width, (i + 1) * width]);
        const kept = add(mul(sigmoid(part(1)), c), mul(sigmoid(part(0)), tanh(part(2))));
        return { carry: { h: mul(sigmoid(part(3)), tanh(kept)), c: kept } };
      },
      { h: nothing, c: nothing },
      rows,
    );
    return layerOf(carry.h, classes);
  });
}

export function blockProgram(workload: NetWorkload) {
  const { tokens, pixels, width, heads } = blockShape;
  return trainingStep<Six>(workload, (image, [embedding, attention, joined, wide, narrow, classes]) => {
    type Tokens = Floats<["batch", number, number]>;
    const dense = (x: Tokens, { kernel, bias }: Layer): Tokens => add(dot(x, kernel as never), bias) as Tokens;
    const x = dense(reshape(slice(image, null, [0, tokens * pixels]), ["batch", tokens, pixels]), embedding);
    const all = reshape(dense(normalized(x), attention), ["batch", tokens, 3, heads, width / heads]);
    const part = (i: number) =>
      reshape(permute(slice(all, null, null, [i, i + 1]), [0, 2, 3, 1, 4]), ["batch", heads, tokens, width / heads]);
    const match = mul(batchMatmul(part(0), permute(part(1), [0, 1, 3, 2])), (width / heads) ** -0.5);
    const past = greaterEqual(reshape(arange(tokens), [tokens, 1]), arange(tokens));
    const seen = batchMatmul(softmax(where(past, match, Number.NEGATIVE_INFINITY)), part(2));
    const met = add(x, dense(reshape(permute(seen, [0, 2, 1, 3]), ["batch", tokens, width]), joined));
    const out = add(met, dense(relu(dense(normalized(met), wide)), narrow));
    return layerOf(mean(out, { axis: 1 }) as Floats<["batch", number]>, classes);
  });
}

/** To mean 0 and variance 1 along the last axis. */
function normalized<S extends Shape>(x: Floats<S>): Floats<S> {
  const row = { axis: -1, keepDims: true } as const;
  const wide = x as Floats<Shape>;
  return mul(sub(wide, mean(wide, row)), rsqrt(add(variance(wide, row), 1e-5))) as Floats<S>;
}

function layerOf(x: Floats<["batch", number]>, { kernel, bias }: Layer): Floats<["batch", number]> {
  return add(matmul(x, kernel), bias);
}
