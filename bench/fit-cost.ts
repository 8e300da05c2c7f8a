/**
 * `npm run bench:fit`: what `fit` on a dataset costs over the bare compiled step, on `wasm`: epochs of each in turns, the data
 * pipeline, metrics, reading of the scores and callbacks included.
 *
 *   npm run bench:fit               both networks
 *   npm run bench:fit -- --rounds 9 --only conv     one: dense or conv
 */
import { parseArgs } from "node:util";
import { median } from "../src/core/median.ts";
import { RandomStream } from "../src/core/random.ts";
import { adam, add, conv, dataset, dense, dropout, flatten, heUniform, layer, maxPool, param, relu, reshape, rows, sequential, trainer, zeros } from "../src/index.ts"; // biome-ignore format: names

const { values: flags } = parseArgs({
  options: { rounds: { type: "string", default: "4" }, only: { type: "string" } },
});
const rounds = Number(flags.rounds);
const isWanted = (name: string): boolean => flags.only === undefined || name === flags.only;
const random = new RandomStream(1, "images");
const most = 60_000;
const images = Uint8Array.from({ length: most * 784 }, () => random.integer(256));
const labels = Uint8Array.from({ length: most }, () => random.integer(10));
const epochs = 2;
const callbacks = [{ onBatchEnd() {}, onEpochEnd() {} }];

const mlp = trainer(
  sequential([dense(512, { activation: "relu", useBias: false }), dropout(0.2), dense(10, { activation: "softmax", useBias: false })]), // biome-ignore format: short
  { input: [784], loss: "softmaxCrossEntropy", optimizer: adam(), metrics: ["accuracy"] },
);
const convolution = layer({
  name: "convolution",
  outputShape: () => [26, 26, 32],
  params: () => ({ kernel: param(heUniform(3, 3, 1, 32)), bias: param(zeros(32)) }),
  apply: ({ kernel, bias }, x) => relu(add(conv(reshape(x, ["batch", 28, 28, 1]), kernel), bias)),
});
const pool = layer({
  name: "pool",
  outputShape: ([high = 0, wide = 0, channels = 0]) => [high / 2, wide / 2, channels],
  apply: (_, x) => maxPool(x, { size: 2 }),
});
const cnn = trainer(
  sequential([convolution, pool, flatten(), dense(64, { activation: "relu" }), dense(10, { activation: "softmax" })]),
  { input: [784], loss: "softmaxCrossEntropy", optimizer: adam(), metrics: ["accuracy"] },
);

if (isWanted("dense")) await measure("Dense 512, Dropout, Dense 10, batch 64", mlp, 64, 937);
if (isWanted("conv")) await measure("Conv 32, MaxPool, Dense 64, Dense 10, batch 512", cnn, 512, 117);

async function measure(name: string, net: typeof mlp, batch: number, steps: number): Promise<void> {
  await net.compile({ target: "wasm", batch, seed: 1 });
  const count = batch * steps;
  const pixels = dataset({ x: rows(images.subarray(0, count * 784), 784), y: labels.subarray(0, count) });
  const data = pixels
    .map(({ x, y }) => ({ x: new Float32Array(x).map((byte) => byte / 255), y }))
    .cache()
    .shuffle(16_384)
    .batch(batch)
    .prefetch(2);
  // Real images: a pool of all equal numbers is quicker than one whose largest the processor cannot foretell.
  // Batch after batch, as a loop of one's own feeds them: one alone would stay in the cache.
  const batches = Array.from({ length: 64 }, (_, i) => ({
    x: Float32Array.from(images.subarray(i * batch * 784, (i + 1) * batch * 784), (byte) => byte / 255),
    y: Int32Array.from(labels.subarray(i * batch, (i + 1) * batch)),
  }));
  const bare = (): number => {
    const started = performance.now();
    for (let done = 0; done < steps; done += batches.length) {
      for (const feeds of batches.slice(0, steps - done)) net.executable.train(feeds);
    }
    return performance.now() - started;
  };
  const fitted = async (given: Parameters<typeof net.fit>[0]): Promise<number> => {
    const started = performance.now();
    await net.fit({ callbacks, epochs, ...given });
    return (performance.now() - started) / epochs;
  };
  const arrays = { x: images.subarray(0, count * 784), y: labels.subarray(0, count), scale: 1 / 255 };
  // Apart, as a dataset stays on the device from one fit to the next, and only other data that is held takes its place.
  const onData = await compared(() => fitted({ data }), bare);
  const onArrays = await compared(() => fitted(arrays), bare);
  console.log(
    `${name}: a step ${(onData.bare / steps).toFixed(2)} ms; an epoch of ${steps} steps by fit on a dataset ${onData.ratio} of the bare steps, ` +
      `on arrays ${onArrays.ratio}`,
  );
  net.dispose();
}

/** In turns, the first not counted; medians. */
async function compared(
  fitted: () => Promise<number>,
  bare: () => number,
): Promise<{ readonly ratio: string; readonly bare: number }> {
  const times: { readonly bare: number; readonly ratio: number }[] = [];
  for (let round = -1; round < rounds; round++) {
    const once = bare();
    const ratio = (await fitted()) / once;
    if (round >= 0) times.push({ bare: once, ratio });
  }
  return { ratio: median(times.map(({ ratio }) => ratio)).toFixed(3), bare: median(times.map((time) => time.bare)) };
}
