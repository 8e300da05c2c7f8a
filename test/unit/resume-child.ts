/**
 * A training run in a process of its own, for resume.test.ts: dropout, momentum, shuffling, a short last batch.
 *
 *   whole FILE    trains 4 epochs and saves after step STEP of epoch 2 on its way
 *   rest FILE     loads that and trains what is left
 *
 * Prints one line of JSON: the losses of the epochs, and a digest of all states.
 */
import { createHash } from "node:crypto";
import { dense, dropout, sequential, sgd, trainer } from "tensorloom";
import { loadTrainer, saveTrainer } from "tensorloom/node";

const [part = "", path = "", step = "0"] = process.argv.slice(2);
const samples = 53;
const x = Float32Array.from({ length: samples * 6 }, (_, i) => Math.sin(i * i));
const y = Uint8Array.from({ length: samples }, (_, i) => (i * 7) % 4);

const net = trainer(
  sequential([dense(16, { activation: "relu" }), dropout(0.4), dense(4, { activation: "softmax" })]),
  {
    input: [6],
    loss: "softmaxCrossEntropy",
    optimizer: sgd({ learningRate: 0.1, momentum: 0.9 }),
    metrics: ["accuracy"],
  },
);
const isWhole = part === "whole";
await net.compile({ target: "js", batch: 8, seed: isWhole ? 3 : 99 });
if (!isWhole) await loadTrainer(path, net);
const { epochs } = await net.fit({
  x,
  y,
  epochs: 4,
  validation: { x: x.subarray(0, 60), y: y.subarray(0, 10) },
  callbacks: [
    {
      async onBatchEnd(record) {
        if (isWhole && record.epoch === 2 && record.step === Number(step)) await saveTrainer(path, net);
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
