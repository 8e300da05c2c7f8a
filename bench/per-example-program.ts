/**
 * A training step with the gradients of single examples: each is cut to norm 1, the weights take a step of plain SGD along their mean
 * (what training with differential privacy does, without its noise).
 */
import * as tensorloom from "tensorloom";
import { add, div, f32, i32, matmul, mean, minimum, mul, param, program, relu, reshape, softmaxCrossEntropy, sub, type Tensor, zeros } from "tensorloom"; // biome-ignore format: names
import { constants, network } from "./workloads.ts";

type Row<N extends number> = Tensor<[N], "f32">;

/** The loss of one example. */
function lossOf(
  { w1, b1, w2, b2 }: Weights,
  image: Row<784>,
  label: Tensor<[], "i32">,
): { readonly loss: Tensor<[], "f32"> } {
  const hidden = relu(add(matmul(reshape(image, [1, network.inputs]), w1), b1));
  return { loss: mean(softmaxCrossEntropy(add(matmul(hidden, w2), b2), reshape(label, [1]))) };
}

interface Weights {
  readonly w1: Tensor<[784, 512], "f32">;
  readonly b1: Row<512>;
  readonly w2: Tensor<[512, 10], "f32">;
  readonly b2: Row<10>;
}

/** Weights are "model.w1", "model.w2". */
export function perExampleProgram() {
  // Of the namespace: a checkout that has no vmap yet is bundled all the same.
  const { globalNorm, valueAndGrad, vmap } = tensorloom;
  const { inputs, hidden, classes } = network;
  const model = {
    w1: param(zeros(inputs, hidden)),
    b1: param(zeros(hidden)),
    w2: param(zeros(hidden, classes)),
    b2: param(zeros(classes)),
  };
  return program({
    inputs: { image: f32("batch", inputs), label: i32("batch") },
    state: { model },
    entries: {
      train({ image, label }, { model: weights }) {
        const each = vmap(
          (one) => {
            const { value, gradient } = valueAndGrad((at: Weights) => lossOf(at, one.image, one.label).loss, weights);
            const { w1, b1, w2, b2 } = gradient;
            const scale = minimum(div(1, globalNorm([w1, b1, w2, b2])), 1);
            const cut = { w1: mul(w1, scale), b1: mul(b1, scale), w2: mul(w2, scale), b2: mul(b2, scale) };
            return { value, cut };
          },
          { image, label },
        );
        const rate = constants.sgd.learningRate;
        const next = {
          w1: sub(weights.w1, mul(mean(each.cut.w1, { axis: 0 }), rate)),
          b1: sub(weights.b1, mul(mean(each.cut.b1, { axis: 0 }), rate)),
          w2: sub(weights.w2, mul(mean(each.cut.w2, { axis: 0 }), rate)),
          b2: sub(weights.b2, mul(mean(each.cut.b2, { axis: 0 }), rate)),
        };
        return { outputs: { loss: mean(each.value) }, next: { model: next } };
      },
    },
  });
}
