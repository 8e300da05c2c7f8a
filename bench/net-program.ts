/** The training step of a network of images (nets.ts), as somebody writes it who thinks in maths. */
import * as tensorloom from "tensorloom";
import { add, matmul, relu, reshape, type Tensor } from "tensorloom";
import type { NetWorkload } from "./nets.ts";
import { type Layer, trainingStep } from "./network-step.ts";
import { blockProgram, lstmProgram } from "./sequence-programs.ts";

type Images = Tensor<readonly ["batch", number, number, number], "f32">;

/** The training step. Weights are "model.0", "model.1", ... */
export function netProgram(workload: NetWorkload) {
  if (workload.net === "lstm") return lstmProgram(workload);
  if (workload.net === "block") return blockProgram(workload);
  // Of the namespace: a checkout that has no convolutions yet is bundled all the same.
  const { conv, maxPool } = tensorloom;
  return trainingStep<readonly Layer[]>(workload, (image, layers) => {
    const isConvolved = layers.map(({ kernel }) => (kernel.shape as readonly number[]).length === 4);
    let x: Tensor = reshape(image, ["batch", 28, 28, 1]);
    layers.forEach(({ kernel, bias }, i) => {
      if (isConvolved[i] === true) x = relu(add(conv(x as Images, kernel as never), bias) as Images);
      else x = add(matmul(x as never, kernel as never), bias) as Tensor;
      if (isConvolved[i] === true && isConvolved[i + 1] === false) {
        const pooled: Tensor = maxPool(x as Images, { size: 2 });
        x = reshape(pooled, ["batch", pooled.shape.slice(1).reduce<number>((size, each) => size * Number(each), 1)]);
      }
      if (isConvolved[i] === false && i < layers.length - 1) x = relu(x as Images);
    });
    return x as Tensor<["batch", number], "f32">;
  });
}
