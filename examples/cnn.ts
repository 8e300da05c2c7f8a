/**
 * A small convolutional network for handwritten digits: 32 filters of 3 x 3, the largest of every 2 x 2, two dense layers; images
 * from a dataset, scaled once and shuffled in each epoch.
 *
 *   npx tsx src/tools/cli/main.ts run examples/cnn.ts -- --epochs 16
 *
 * In the compiled step convolution, relu and pool are one kernel, and no windows and no convolved image are ever in memory:
 * `npx tsx src/tools/cli/main.ts explain examples/cnn.ts` shows it.
 */
import { adam, conv2d, dataset, dense, flatten, losses, maxPooling2d, rows, sequential, trainer } from "tensorloom";
import { loadMnist, nodeTarget, parseFlags, terminalProgress } from "tensorloom/node";

const net = trainer(
  sequential([
    conv2d(32, 3, { activation: "relu" }),
    maxPooling2d(),
    flatten(),
    dense(64, { activation: "relu" }),
    dense(10),
  ]),
  {
    input: [28, 28, 1],
    loss: losses.sparseCategoricalCrossentropy({ fromLogits: true }),
    optimizer: adam(),
    metrics: ["accuracy"],
  },
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
  const scaled = dataset({ x: rows(train.images, 784), y: train.labels })
    .take(images)
    .map(({ x, y }) => ({ x: new Float32Array(x).map((pixel) => pixel / 255), y }))
    .cache()
    .shuffle(16_384, { seed: 1 })
    .batch(batch);
  const history = await net.fit({ data: scaled, epochs, progress: terminalProgress() });
  const { accuracy } = await net.evaluate({ x: test.images, y: test.labels });
  const [stepMs = 0] = history.epochs.map((epoch) => epoch.stepMs ?? 0).sort((a, b) => a - b);
  console.log(`Test accuracy after ${epochs} epochs: ${accuracy.toFixed(4)}. A step took ${stepMs.toFixed(1)} ms.`);
  net.dispose();
}
