/**
 * A classifier of handwritten digits with dropout, logged: loss and accuracy of training and test images for each epoch, for
 * TensorBoard and as a table, and the seconds of each epoch on the terminal.
 *
 *   npx tensorloom run examples/mnist-tensorboard.ts -- --epochs 5 --logs logs/mnist
 *   tensorboard --logdir logs                     or, without it:  npx tensorloom report logs --out report.html
 */
import { adam, dense, dropout, sequential, trainer } from "tensorloom";
import { csvLogger, loadMnist, nodeTarget, parseFlags, tensorBoard, terminalProgress } from "tensorloom/node";

const layers = sequential([
  dense(512, { activation: "relu", useBias: false }),
  dropout(0.2),
  dense(10, { activation: "softmax", useBias: false }),
]);
const net = trainer(layers, {
  input: [784],
  loss: "softmaxCrossEntropy",
  optimizer: adam({ learningRate: 1e-3 }),
  metrics: ["accuracy"],
});
export default net;

const flags = {
  data: { kind: "text", about: "folder with MNIST's four IDX files; otherwise what TENSORLOOM_DATA or the cache has" },
  logs: { kind: "text", about: "folder for event files and log.csv; logs/mnist by default" },
  epochs: { kind: "count", default: 5, about: "how often to go through the training images" },
  batch: { kind: "count", default: 64, about: "images a step" },
  images: { kind: "count", default: 60_000, about: "how many of the training images" },
  target: { kind: "choice", of: ["auto", "js", "wasm", "wgsl"], default: "auto", about: "what to run on" },
  seed: { kind: "count", default: 1, least: 0, about: "starting weights, shuffles and dropout follow from it" },
} as const;
const about = "Trains 784-512-10 with dropout, and logs each epoch for TensorBoard.";

export async function main(args: readonly string[]): Promise<void> {
  const {
    data,
    logs = "logs/mnist",
    epochs,
    batch,
    images,
    target,
    seed,
  } = parseFlags({ name: "mnist-tensorboard", about, flags }, args);
  const { train, test, name } = await loadMnist({ data });
  const { report } = await net.compile({ ...(await nodeTarget(target)), seed, batch });
  console.log(`${name} on ${report.device}, logged in ${logs}`);

  const { seconds } = await net.fit({
    x: train.images.subarray(0, 784 * images),
    y: train.labels.subarray(0, images),
    validation: { x: test.images, y: test.labels },
    epochs,
    progress: terminalProgress(), // a line for each epoch, with its seconds
    callbacks: [
      tensorBoard({ logDir: logs, histogramFreq: 1, hparams: { batch, seed } }),
      csvLogger(`${logs}/log.csv`),
    ],
  });
  console.log(`${epochs} epochs took ${seconds.toFixed(1)} s`);
  net.dispose();
}
