/**
 * The same digits, from scratch: a dense layer, a model, a training step and a batch loop of our own, on nothing but
 * tensors. Weights start uniform in [0, 0.1), images come in the order of the file, and the step is still one program.
 *
 *   npx tsx src/tools/cli/main.ts run examples/mnist-from-scratch.ts -- --optimizer sgd
 */
import {
  add,
  compile,
  type Dim,
  f32,
  grad,
  i32,
  matmul,
  mean,
  param,
  program,
  relu,
  rmsprop,
  sgd,
  softmaxCrossEntropy,
  type Tensor,
  uniform,
  zeros,
} from "tensorloom";
import { loadMnist, nodeTarget, parseFlags } from "tensorloom/node";

type Matrix = Tensor<readonly [Dim, Dim], "f32">;
interface Weights {
  readonly w: Matrix;
  readonly b: Tensor<readonly [Dim], "f32">;
}

/** A layer is its parameters, and what it does with them. */
function naiveDense(inputs: number, outputs: number, activation: (x: Matrix) => Matrix) {
  return {
    params: { w: param(uniform(0, 0.1, inputs, outputs)), b: param(zeros(outputs)) },
    call: ({ w, b }: Weights, x: Matrix): Matrix => activation(add(matmul(x, w), b)),
  };
}

/** A model is its layers, one after the other. */
function naiveSequential(layers: readonly ReturnType<typeof naiveDense>[]) {
  return {
    params: layers.map((layer) => layer.params),
    call: (params: readonly Weights[], x: Matrix): Matrix =>
      layers.reduce((value, layer, i) => layer.call(params[i] as Weights, value), x),
  };
}

const net = naiveSequential([naiveDense(784, 512, relu), naiveDense(512, 10, (logits) => logits)]);

/** One training step: forward, loss, gradients, update. */
function trainingProgram(opt: ReturnType<typeof sgd> | ReturnType<typeof rmsprop>) {
  return program({
    inputs: { image: f32("batch", 784), label: i32("batch") },
    state: { model: net.params, opt: opt.slots(net.params) },
    entries: {
      train({ image, label }, { model, opt: slots }) {
        const loss = mean(softmaxCrossEntropy(net.call(model, image), label));
        return { outputs: { loss }, next: opt.update({ model, slots, gradients: grad(loss, model) }) };
      },
      predict: ({ image }, { model }) => ({ outputs: { logits: net.call(model, image) } }),
    },
  });
}

export default trainingProgram(rmsprop({ learningRate: 1e-3 }));

const flags = {
  data: { kind: "text", about: "folder with MNIST's four IDX files" },
  optimizer: { kind: "choice", of: ["rmsprop", "sgd"], default: "rmsprop", about: "both with learning rate 0.001" },
  epochs: { kind: "count", default: 10, about: "how often to go through the training images" },
  images: { kind: "count", default: 60_000, about: "of the training images, the first so many" },
  target: { kind: "choice", of: ["auto", "js", "wasm", "wgsl"], default: "auto", about: "what to run on" },
} as const;

export async function main(args: readonly string[]): Promise<void> {
  const about = "Trains 784-512-10 on MNIST by hand.";
  const chosen = parseFlags({ name: "mnist-from-scratch", about, flags }, args);
  const { train, test, name, origin } = await loadMnist({ data: chosen.data });
  console.log(`Data: ${name} (${origin}).`);
  const count = Math.min(chosen.images, train.count);
  const images = scaled(train.images.subarray(0, 784 * count));
  const labels = Int32Array.from(train.labels);

  const opt = chosen.optimizer === "sgd" ? sgd({ learningRate: 1e-3 }) : rmsprop({ learningRate: 1e-3 });
  const batch = 128;
  const executable = await compile(trainingProgram(opt), { ...(await nodeTarget(chosen.target)), dims: { batch } });

  for (let epoch = 1; epoch <= chosen.epochs; epoch++) {
    console.log(`Epoch ${epoch}`);
    for (let from = 0, step = 0; from < count; from += batch, step++) {
      const to = Math.min(from + batch, count); // `run` compiles anew for the short last batch, once
      const feeds = { image: images.subarray(784 * from, 784 * to), label: labels.subarray(from, to) };
      const { loss } = await executable.run({ entry: "train", feeds });
      if (step % 100 === 0) console.log(`  loss at batch ${step}: ${loss.toFixed(2)}`);
    }
  }

  const { logits } = await executable.run({ entry: "predict", feeds: { image: scaled(test.images) } });
  const scores = logits as Float32Array;
  const matches = Array.from(test.labels, (label, i) => label === largest(scores.subarray(10 * i, 10 * i + 10)));
  console.log(`Test accuracy: ${(matches.filter(Boolean).length / matches.length).toFixed(4)}`);
  executable.dispose();
}

/** From 0 to 1. `Float32Array.from(pixels, f)` takes six times as long: it makes a list of all of them first. */
function scaled(pixels: Uint8Array): Float32Array {
  return new Float32Array(pixels).map((pixel) => pixel / 255);
}

function largest(values: Float32Array): number {
  return values.indexOf(Math.max(...values));
}
