/** The training step that the networks of nets.ts have in common: kernels and biases in turns, "model.0", "model.1", ..., and Adam. */
import { adam, f32, grad, i32, mean, param, program, softmaxCrossEntropy, type Tensor, zeros } from "tensorloom";
import type { NetWorkload } from "./nets.ts";

type Floats<S extends readonly (number | string)[]> = Tensor<S, "f32">;

export interface Layer {
  readonly kernel: Floats<[number, number]>;
  readonly bias: Floats<[number]>;
}

/** `scoresOf` says what the network makes of images. */
export function trainingStep<L extends readonly Layer[]>(
  { params }: NetWorkload,
  scoresOf: (image: Floats<["batch", 784]>, layers: L) => Floats<["batch", number]>,
) {
  const model = params.map(({ shape }) => param(zeros(...shape)));
  const optimizer = adam();
  return program({
    inputs: { image: f32("batch", 784), label: i32("batch") },
    state: { model, opt: optimizer.slots(model) },
    entries: {
      train({ image, label }, { model: weights, opt: slots }) {
        const layers = weights.flatMap((kernel, i) => (i % 2 === 0 ? [{ kernel, bias: weights[i + 1] }] : []));
        const loss = mean(softmaxCrossEntropy(scoresOf(image, layers as unknown as L), label));
        return { outputs: { loss }, next: optimizer.update({ model: weights, slots, gradients: grad(loss, weights) }) };
      },
    },
  });
}
