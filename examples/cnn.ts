/**
 * A small convolutional network for handwritten digits: 32 filters of 3 x 3, the largest of every 2 x 2, two dense layers.
 *
 *   npx tsx src/tools/cli/main.ts run examples/cnn.ts -- --epochs 16
 *
 * Convolution and pool are two layers of our own, a few lines each. In the compiled step they are one kernel, and no windows and
 * no convolved image are ever in memory: `npx tsx src/tools/cli/main.ts explain examples/cnn.ts` shows it.
 */
import { adam, add, conv, dense, flatten, heUniform, layer, maxPool, param, relu, reshape, sequential, trainer, zeros } from "tensorloom"; // biome-ignore format: names
import { loadMnist, nodeTarget, parseFlags, terminalProgress } from "tensorloom/node";

const [image, window, filters] = [28, 3, 32] as const;

/** [batch, 784] -> [batch, 26, 26, 32] */
const convolution = layer({
  name: "convolution",
  outputShape: () => [image - window + 1, image - window + 1, filters],
  params: () => ({ kernel: param(heUniform(window, window, 1, filters)), bias: param(zeros(filters)) }),
  apply: ({ kernel, bias }, x) => relu(add(conv(reshape(x, ["batch", image, image, 1]), kernel), bias)),
});

/** [batch, 26, 26, 32] -> [batch, 13, 13, 32] */
const pool = layer({
  name: "pool",
  outputShape: ([high = 0, wide = 0, channels = 0]) => [high / 2, wide / 2, channels],
  apply: (_, x) => maxPool(x, { size: 2 }),
});

const net = trainer(
  sequential([convolution, pool, flatten(), dense(64, { activation: "relu" }), dense(10, { activation: "softmax" })]),
  { input: [image * image], loss: "softmaxCrossEntropy", optimizer: adam(), metrics: ["accuracy"] },
);
export default net;

const flags = {
  data: { kind: "text", about: "folder with MNIST's four IDX files; otherwise what TENSORLOOM_DATA or the cache has" },
  epochs: { kind: "count", default: 3, about: "how often to go through the training images" },
  batch: { kind: "count", default: 512, about: "images a step" },
  images: { kind: "count", default: 60_000, about: "of the training images, the first so many" },
  target: { kind: "choice", of: ["auto", "js", "wasm", "wgsl"], default: "auto", about: "what to run on" },
} as const;

export async function main(args: readonly string[]): Promise<void> {
  const about = "Trains a convolutional network on MNIST, and tests it.";
  const { data, epochs, batch, images, target } = parseFlags({ name: "cnn", about, flags }, args);
  const { train, test, name, origin } = await loadMnist({ data });
  console.log(`Data: ${name} (${origin}).`);

  const { report } = await net.compile({ ...(await nodeTarget(target)), seed: 1, batch });
  const [step] = report.entries;
  const megabytes = (step?.memory.peakBytes ?? 0) / 1e6;
  console.log(
    `Compiled for ${report.target} in ${report.compileMs.toFixed(0)} ms: ${step?.launches} kernel launches, ${megabytes.toFixed(1)} MB between them.`,
  );
  const history = await net.fit({
    x: train.images.subarray(0, images * image * image),
    y: train.labels.subarray(0, images),
    epochs,
    progress: terminalProgress(),
  });
  const { accuracy } = await net.evaluate({ x: test.images, y: test.labels });
  const [stepMs = 0] = history.epochs.map((epoch) => epoch.stepMs ?? 0).sort((a, b) => a - b);
  console.log(`Test accuracy after ${epochs} epochs: ${accuracy.toFixed(4)}. A step took ${stepMs.toFixed(1)} ms.`);
  net.dispose();
}
