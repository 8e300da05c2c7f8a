/**
 * The training step that the project measures itself by: 784-512-10, relu, softmax cross-entropy, batch 128. With seeded
 * batches of synthetic digits.
 */

import {
  accuracy,
  add,
  f32,
  glorotUniform,
  grad,
  i32,
  matmul,
  mean,
  type Optimizer,
  param,
  program,
  relu,
  softmaxCrossEntropy,
  zeros,
} from "tensorloom";
import { syntheticDigits } from "../src/data/digits.ts";

export const mnistDims = { batch: 128 };

export function mnistStep(opt: Optimizer, hiddenSize = 512) {
  const model = {
    w1: param(glorotUniform(784, hiddenSize)),
    b1: param(zeros(hiddenSize)),
    w2: param(glorotUniform(hiddenSize, 10)),
    b2: param(zeros(10)),
  };
  return program({
    inputs: { image: f32("batch", 784), label: i32("batch") },
    state: { model, opt: opt.slots(model) },
    entries: {
      train({ image, label }, { model, opt: slots }) {
        const hidden = relu(add(matmul(image, model.w1), model.b1));
        const logits = add(matmul(hidden, model.w2), model.b2);
        const loss = mean(softmaxCrossEntropy(logits, label));
        return {
          outputs: { loss, accuracy: accuracy(logits, label) },
          next: opt.update({ model, slots, gradients: grad(loss, model) }),
        };
      },
    },
  });
}

export type Batch = {
  readonly image: Float32Array;
  readonly label: Int32Array;
};

export function mnistBatches(count: number, batch = mnistDims.batch): Batch[] {
  const { train } = syntheticDigits({ seed: 5, train: count * batch, test: 1 });
  return Array.from({ length: count }, (_, i) => ({
    image: Float32Array.from(train.images.subarray(i * batch * 784, (i + 1) * batch * 784), (byte) => byte / 255),
    label: Int32Array.from(train.labels.subarray(i * batch, (i + 1) * batch)),
  }));
}
