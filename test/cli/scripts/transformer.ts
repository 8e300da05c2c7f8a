/** A transformer, written from primitives: of two blocks where nobody asks for more. */
import {
  adam, add, batchMatmul, gather, grad, i32, matmul, mean, mul, normal, ones, param, permute, program, relu, reshape, rsqrt,
  softmax, softmaxCrossEntropy, sub, type Tensor, zeros,
} from "tensorloom"; // biome-ignore format: names

const [batch, time, width, heads, vocabulary] = [4, 16, 32, 4, 64];
const [tokens, depth] = [batch * time, width / heads];

const linear = (inputs: number, outputs: number) => ({
  w: param(normal(0, 0.02, inputs, outputs)),
  b: param(zeros(outputs)),
});
const norm = () => ({ gain: param(ones(width)), shift: param(zeros(width)) });
const parameters = (blocks: number) => ({
  tokens: param(normal(0, 0.02, vocabulary, width)),
  positions: param(normal(0, 0.02, time, width)),
  blocks: Array.from({ length: blocks }, () => ({
    norm1: norm(), query: linear(width, width), key: linear(width, width), value: linear(width, width),
    out: linear(width, width), norm2: norm(), up: linear(width, 4 * width), down: linear(4 * width, width),
  })), // biome-ignore format: layers
  norm: norm(),
  head: linear(width, vocabulary),
});

type TensorsIn<T> = { readonly [K in keyof T]: T[K] extends { readonly dtype: string } ? Tensor : TensorsIn<T[K]> };
type Weights = TensorsIn<ReturnType<typeof parameters>>;
type Block = Weights["blocks"][number];

function dense(x: Tensor, { w, b }: Block["query"]): Tensor {
  return add(matmul(x, w), b);
}

function layerNorm(x: Tensor, { gain, shift }: Block["norm1"]): Tensor {
  const off = sub(x, mean(x, { axis: 1, keepDims: true }));
  const variance = mean(mul(off, off), { axis: 1, keepDims: true });
  return add(mul(mul(off, rsqrt(add(variance, 1e-5))), gain), shift);
}

/** [tokens, width] to [batch * heads, time, depth]. */
function splitHeads(x: Tensor): Tensor {
  const apart = permute(reshape(x, [batch, time, heads, depth]), [0, 2, 1, 3]);
  return reshape(apart, [batch * heads, time, depth]);
}

function attention(x: Tensor, { query, key, value, out }: Block): Tensor {
  const [q, k, v] = [splitHeads(dense(x, query)), splitHeads(dense(x, key)), splitHeads(dense(x, value))];
  const products = batchMatmul(q, permute(k, [0, 2, 1])) as Tensor<[number, number, number], "f32">;
  const scores = softmax(mul(products, 1 / Math.sqrt(depth)));
  const apart = reshape(batchMatmul(scores, v), [batch, heads, time, depth]);
  return dense(reshape(permute(apart, [0, 2, 1, 3]), [tokens, width]), out);
}

function mlp(x: Tensor, { up, down }: Block): Tensor {
  return dense(relu(dense(x, up)), down);
}

function block(x: Tensor, weights: Block): Tensor {
  const attended = add(x, attention(layerNorm(x, weights.norm1), weights));
  return add(attended, mlp(layerNorm(attended, weights.norm2), weights));
}

function embed(text: Tensor, weights: Weights): Tensor {
  const words = reshape(gather(weights.tokens, text), [batch, time, width]);
  return reshape(add(words, weights.positions), [tokens, width]);
}

function logits(text: Tensor, weights: Weights): Tensor {
  let x = embed(text, weights);
  for (const each of weights.blocks) x = block(x, each);
  return dense(layerNorm(x, weights.norm), weights.head);
}

export function transformer(blocks: number) {
  const opt = adam();
  const model = parameters(blocks);
  return program({
    inputs: { text: i32(tokens), next: i32(tokens) },
    state: { model, opt: opt.slots(model) },
    entries: {
      train({ text, next }, { model: weights, opt: slots }) {
        const loss = mean(softmaxCrossEntropy(logits(text as never, weights as never) as never, next));
        return { outputs: { loss }, next: opt.update({ model: weights, slots, gradients: grad(loss, weights) }) };
      },
    },
  });
}

export default transformer(2);
