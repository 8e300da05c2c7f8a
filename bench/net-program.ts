/** The training step of a network of images (nets.ts), as somebody writes it who thinks in maths. */
import * as tensorloom from "tensorloom";
import { adam, add, f32, grad, i32, matmul, mean, param, program, relu, reshape, type Tensor, zeros } from "tensorloom";
import type { NetWorkload } from "./nets.ts";
import { blockProgram, lstmProgram } from "./sequence-programs.ts";

type Images = Tensor<readonly ["batch", number, number, number], "f32">;

/** The training step. Weights are "model.0", "model.1", ... */
export function netProgram(workload: NetWorkload) {
  if (workload.net === "lstm") return lstmProgram(workload);
  if (workload.net === "block") return blockProgram(workload);
  const { params } = workload;
  // Of the namespace: a checkout that has no convolutions yet is bundled all the same.
  const { conv, maxPool } = tensorloom;
  const model = params.map(({ shape }) => param(zeros(...shape)));
  const optimizer = adam();
  return program({
    inputs: { image: f32("batch", 784), label: i32("batch") },
    state: { model, opt: optimizer.slots(model) },
    entries: {
      train({ image, label }, { model: weights, opt: slots }) {
        const layers = weights.flatMap((kernel, i) => {
          const bias = weights[i + 1];
          return i % 2 === 0 && bias !== undefined ? [{ kernel, bias }] : [];
        });
        const isConvolved = layers.map(({ kernel }) => kernel.rank === 4);
        let x: Tensor = reshape(image, ["batch", 28, 28, 1]);
        layers.forEach(({ kernel, bias }, i) => {
          if (isConvolved[i] === true) x = relu(add(conv(x as Images, kernel as never), bias) as Images);
          else x = add(matmul(x as never, kernel as never), bias) as Tensor;
          if (isConvolved[i] === true && isConvolved[i + 1] === false) {
            const pooled: Tensor = maxPool(x as Images, { size: 2 });
            x = reshape(pooled, [
              "batch",
              pooled.shape.slice(1).reduce<number>((size, each) => size * Number(each), 1),
            ]);
          }
          if (isConvolved[i] === false && i < layers.length - 1) x = relu(x as Images);
        });
        const loss = mean(tensorloom.softmaxCrossEntropy(x as Tensor<["batch", number], "f32">, label));
        return { outputs: { loss }, next: optimizer.update({ model: weights, slots, gradients: grad(loss, weights) }) };
      },
    },
  });
}
