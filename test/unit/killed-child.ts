/**
 * A training run with all that has a state, in a process of its own, for killed.test.ts: random flips and rotations inside the step, dropout,
 * batch norm, a dataset with cache, shuffle and noise, Adam by a schedule with clipping and averaged weights, early stopping.
 *
 *   whole TARGET               trains 3 epochs
 *   killed TARGET FILE STEP    saves after this step of epoch 2, and is killed two steps later
 *   rest TARGET FILE           goes on from there
 *
 * Prints one line of JSON: the scores of the epochs, and a digest of all states.
 */
import { createHash } from "node:crypto";
import { adam, batchNormalization, conv2d, dataset, dense, dropout, earlyStopping, flatten, maxPooling2d, randomFlip, randomRotation, rows, schedules, sequential, trainer } from "tensorloom"; // biome-ignore format: names
import { loadTrainer, saveTrainer } from "tensorloom/node";

const [part = "", target = "js", path = "", step = "0"] = process.argv.slice(2);
const count = 50;
const images = Float32Array.from({ length: count * 64 }, (_, i) => Math.sin(i * i));
const labels = Uint8Array.from({ length: count }, (_, i) => (i * 7) % 3);

const samples = dataset({ x: rows(images, 64), y: labels })
  .map(({ x, y }) => ({ x: x.map((value) => 2 * value), y }))
  .cache()
  .shuffle(20, { seed: 5 })
  .map(({ x, y }, { random }) => ({ x: x.map((value) => value + 0.1 * random.normal()), y }), { seed: 6 });
const learningRate = schedules.cosineDecay({ initialLearningRate: 0.02, decaySteps: 21 });
const layers = [
  randomFlip(),
  randomRotation(0.1),
  conv2d(4, 3, { useBias: false }),
  batchNormalization(),
  maxPooling2d(),
  flatten(),
  dropout(0.3),
] as const;
const net = trainer(sequential([...layers, dense(3, { activation: "softmax" })]), {
  input: [8, 8, 1],
  loss: "softmaxCrossEntropy",
  optimizer: adam({ learningRate, clipnorm: 1, useEma: true }),
  metrics: ["accuracy"],
});
await net.compile({ target: target === "wasm" ? "wasm" : "js", threads: 1, batch: 8, seed: part === "rest" ? 99 : 3 });
if (part === "rest") await loadTrainer(path, net);
const { epochs } = await net.fit({
  data: samples.batch(8).prefetch(2),
  validationData: samples.take(20).batch(8),
  epochs: 3,
  callbacks: [
    earlyStopping({ patience: 2, restoreBestWeights: true }),
    {
      async onBatchEnd(record) {
        if (part !== "killed" || record.epoch !== 2) return;
        if (record.step === Number(step)) await saveTrainer(path, net);
        if (record.step === Number(step) + 2) process.kill(process.pid, "SIGKILL");
      },
    },
  ],
});
const digest = createHash("sha256");
for (const [name, values] of await net.executable.state.snapshot()) {
  digest.update(name).update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
}
const scores = epochs.map(({ epoch, loss, accuracy, validation }) => ({ epoch, loss, accuracy, validation }));
process.stdout.write(JSON.stringify({ scores, state: digest.digest("hex") }));
