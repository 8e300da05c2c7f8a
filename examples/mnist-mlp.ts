/**
 * The main job: handwritten digits with a small network, trained and tested.
 *
 *   npm start                                    npm start -- --target js --epochs 2
 *   npm start -- --data DIR                      npm start -- --json | tail -1
 *
 * `npm start` is `tensorloom run examples/mnist-mlp.ts --`. `tensorloom graph`, `explain` and `compile` look into the default
 * export.
 */
import { dense, rmsprop, sequential, trainer } from "tensorloom";
import { interruptSignal, loadMnist, nodeTarget, parseFlags, terminalProgress } from "tensorloom/node";

const net = trainer(sequential([dense(512, { activation: "relu" }), dense(10, { activation: "softmax" })]), {
  input: [784],
  loss: "softmaxCrossEntropy",
  optimizer: rmsprop(),
  metrics: ["accuracy"],
});
export default net;

const flags = {
  data: { kind: "text", about: "folder with MNIST's four IDX files; otherwise what TENSORLOOM_DATA or the cache has" },
  epochs: { kind: "count", default: 5, about: "how often to go through the training images" },
  batch: { kind: "count", default: 128, about: "images a step" },
  target: { kind: "choice", of: ["auto", "js", "wasm", "wgsl"], default: "auto", about: "what to run on" },
  threads: { kind: "count", default: "auto", about: "of the wasm target" },
  seed: { kind: "count", default: 1, least: 0, about: "starting weights and shuffles follow from it" },
  real: { kind: "switch", about: "stop where MNIST cannot be had, in place of drawing digits" },
  json: { kind: "switch", about: "the last line of stdout is one JSON object; all else goes to stderr" },
} as const;
const about = "Trains 784-512-10 on MNIST, tests it, and says what the first ten test images are.";

export async function main(args: readonly string[]): Promise<void> {
  const given = parseFlags({ name: "mnist-mlp", about, flags }, args);
  const { data, epochs, batch, target, threads, seed, real, json } = given;
  const stream = json ? process.stderr : process.stdout;
  const say = (text: string) => stream.write(`${text}\n`);

  const { train, test, name, origin } = await loadMnist({ data, synthetic: !real });
  say(`Data: ${name} (${origin}): ${train.count} images to train on, ${test.count} to test on.`);

  const where = await nodeTarget(target);
  const { report } = await net.compile({ ...where, threads, seed, batch });
  const [step] = report.entries;
  say(`Target: ${report.device} (${where.lack ?? report.why}).`);
  say(`Compiled in ${report.compileMs.toFixed(0)} ms: a training step is ${step?.launches} kernel launches.`);

  const history = await net.fit({
    x: train.images,
    y: train.labels,
    epochs,
    progress: terminalProgress({ stream }),
    signal: interruptSignal(),
  });

  const result = await net.evaluate({ x: test.images, y: test.labels });
  say(`Test: loss ${result.loss.toFixed(4)}, accuracy ${result.accuracy.toFixed(4)}.`);

  const probabilities = await net.predict({ x: test.images.subarray(0, 10 * 784) });
  const labels = test.labels.slice(0, 10);
  const digits = Array.from(labels, (_, i) => largest(probabilities.subarray(10 * i, 10 * i + 10)));
  say(`The first ${labels.length} test images are taken for ${digits.join(" ")}; they are ${labels.join(" ")}.`);

  const medians = history.epochs.map((epoch) => epoch.stepMs).sort((a, b) => a - b);
  const stepMs = medians[medians.length >> 1] ?? null;
  if (stepMs !== null) say(`A step took ${stepMs.toFixed(1)} ms (the median).`);
  if (json) {
    const summary = {
      target: report.target,
      device: report.device,
      data: `${name} (${origin})`,
      epochs: history.epochs.map(({ loss, accuracy, seconds }) => ({ loss, accuracy, seconds })),
      test: result,
      stepMs,
      compileMs: report.compileMs,
      kernels: step?.launches,
      arenaBytes: step?.memory.peakBytes,
    };
    console.log(JSON.stringify(summary));
  }
  net.dispose();
}

function largest(values: Float32Array): number {
  return values.indexOf(Math.max(...values));
}
