/**
 * The trainer on the GPU, as against the CPU: what it keeps when it is compiled again, what it makes of bytes, and what it says of
 * labels and numbers that cannot be.
 */
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { Pixels } from "../../../src/data/pixels.ts";
import { dense } from "../../../src/nn/layers/dense.ts";
import { sequential } from "../../../src/nn/layers/sequential.ts";
import { adam } from "../../../src/nn/optimizers/adam.ts";
import { sgd } from "../../../src/nn/optimizers/sgd.ts";
import { trainerFrom } from "../../../src/nn/saved-trainer.ts";
import { trainer } from "../../../src/nn/trainer.ts";
import type { GpuCase } from "../case.ts";
import { countedDevice, over } from "../counted-device.ts";

const count = 30;
const x = Float32Array.from({ length: 2 * count }, (_, i) => Math.sin(3 * i));
const y = Uint8Array.from({ length: count }, (_, i) => i % 3);

const classifier = () =>
  trainer(sequential([dense(7, { activation: "relu" }), dense(3, { activation: "softmax" })]), {
    input: [2],
    loss: "softmaxCrossEntropy",
    optimizer: adam({ learningRate: 0.05 }),
  });

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);

function near(found: Float32Array, expected: Float32Array): void {
  strictEqual(found.length, expected.length);
  for (const [i, value] of expected.entries())
    ok(Math.abs((found[i] ?? 0) - value) < 1e-5, `${i}: ${found[i]}, ${value}`);
}

export const cases: readonly GpuCase[] = [
  {
    name: "compiled for js, wgsl, wasm and wgsl, a loaded trainer keeps all states to the bit, and predicts the same",
    async run({ device }) {
      const first = classifier();
      await first.compile({ target: "wgsl", device, batch: 8 });
      await first.fit({ x, y, epochs: 3 });
      const state = await first.executable.state.snapshot();
      const expected = await first.predict({ x });
      const loaded = await trainerFrom(await first.checkpoint(), { target: "js" });
      for (const options of [
        { target: "wgsl", device },
        { target: "wasm", threads: 1 },
        { target: "wgsl", device, batch: 7 },
      ] as const) {
        await loaded.compile(options);
        deepStrictEqual(await loaded.executable.state.snapshot(), state);
        near(await loaded.predict({ x }), expected);
      }
      await loaded.fit({ x, y });
      await first.fit({ x, y, batch: 7 });
      near(await loaded.predict({ x }), await first.predict({ x }));
      for (const each of [first, loaded]) each.dispose();
    },
  },
  {
    name: "bytes are numbers as they are, pixels go from 0 to 1, and a loaded trainer knows which",
    async run({ device }) {
      const bytes = Uint8Array.of(0, 100, 150, 200);
      const y = [0, 1, 1.5, 2];
      const net = trainer(dense(1), { input: [1], loss: "meanSquaredError", optimizer: sgd({ learningRate: 3e-5 }) });
      await net.compile({ target: "wgsl", device, batch: 4 });
      await net.fit({ x: bytes, y, epochs: 100 });
      for (const given of [Uint8Array.of(100), Float32Array.of(100)]) {
        ok(Math.abs(((await net.predict({ x: given }))[0] ?? 0) - 1) < 0.01);
      }
      const shown = trainer(dense(1), { input: [1], loss: "meanSquaredError", optimizer: sgd({ learningRate: 0.1 }) });
      await shown.compile({ target: "wgsl", device, batch: 4 });
      await shown.fit({ x: new Pixels(bytes), y: Float32Array.from(bytes, (value) => value / 255), epochs: 300 });
      const loaded = await trainerFrom(await shown.checkpoint(), { target: "wgsl", device });
      const [white = 0] = await loaded.predict({ x: Uint8Array.of(255) });
      ok(Math.abs(white - 1) < 0.01, `white is ${white}`);
      for (const each of [net, shown, loaded]) each.dispose();
    },
  },
  {
    name: "fit holds the data on the device: one upload, then numbers of rows alone, and the same losses to the bit",
    async run({ device: given }) {
      const bytes = Uint8Array.from({ length: 2 * count }, (_, i) => (37 * i) % 256);
      const runs = [];
      for (const holdBytes of [0, 1e6]) {
        const { device, counts } = countedDevice(given);
        const net = classifier();
        await net.compile({ target: "wgsl", device, batch: 8, seed: 3 });
        counts.written.length = 0;
        const { epochs } = await net.fit({ x: bytes, y, scale: 1 / 255, epochs: 3, holdBytes });
        runs.push({ losses: epochs.map(({ loss }) => loss), state: await net.executable.state.snapshot() });
        const large = counts.written.filter((size) => size > 4);
        const arrays = large.splice(0, holdBytes > 0 ? 3 : 0);
        // Bytes of x, labels as i32, the table of 256 bytes; then four steps in each epoch: of a chunk there are as many rows, a place of
        // 256 bytes for the numbers of each. What is fed goes up with its step, bytes of x beside labels.
        if (holdBytes > 0) deepStrictEqual(arrays, [2 * count, 1024, 4 * count]);
        const most = holdBytes > 0 ? 256 : 512;
        ok(large.length <= 12 && sum(large) <= 12 * most, `${large.length} uploads of ${sum(large)} bytes`);
        net.dispose();
      }
      deepStrictEqual(runs[1], runs[0]);
    },
  },
  {
    name: "samples to validate on, and to evaluate on, go over once too, and the scores are those of fed ones to the bit",
    async run({ device: given }) {
      const runs = [];
      const apart = { x: x.map((value) => value / 2), y };
      for (const holdBytes of [0, 1e6]) {
        const { device, counts } = countedDevice(given);
        const net = classifier();
        await net.compile({ target: "wgsl", device, batch: 10, seed: 3 });
        counts.written.length = 0;
        const { epochs } = await net.fit({ x, y, epochs: 4, holdBytes, validation: apart });
        const uploads = counts.written.splice(0);
        const scores = await net.evaluate({ ...apart, holdBytes });
        // The numbers are f32, the labels i32; numbers of rows have a place of 256 bytes for each of three steps.
        const [numbers, picks] = [8 * count, 4 * count].map((size) => uploads.filter((bytes) => bytes === size).length);
        deepStrictEqual([numbers, picks], holdBytes > 0 ? [2, 2] : [0, 0]);
        const evaluated = counts.written.filter((bytes) => bytes > 4);
        if (holdBytes > 0) deepStrictEqual(evaluated.slice(0, 2), [8 * count, 4 * count]);
        const rest = sum(evaluated.slice(2));
        ok(holdBytes === 0 || (rest >= 3 * 40 && rest <= 3 * 256), `${rest} bytes of numbers of rows`);
        runs.push([epochs.map(({ loss, validation }) => ({ loss, validation })), scores]);
        net.dispose();
        strictEqual(counts.live.size, 0);
      }
      deepStrictEqual(runs[1], runs[0]);
    },
  },
  {
    name: "an epoch on held data: a chunk is one pass after one write of the numbers of its rows, and nothing is copied",
    async run({ device: given }) {
      const steps = 192;
      // Nothing is computed, so that no step takes long.
      const { device, counts } = countedDevice(given, { dispatch: false });
      const net = classifier();
      await net.compile({ target: "wgsl", device, batch: 4, seed: 3 });
      const many = { x: Float32Array.from({ length: 8 * steps }, (_, i) => Math.sin(i)), y: new Uint8Array(4 * steps) };
      const fit = { ...many, shuffle: true, holdBytes: 1e6, verbose: 0 } as const;
      await net.fit(fit);
      const before = { ...counts };
      counts.written.length = 0;
      await net.fit(fit);
      const [, held, labels, ...others] = counts.written; // the first is the state of random numbers
      deepStrictEqual([held, labels], [32 * steps, 16 * steps], "what is held goes over once");
      const rows = others.filter((bytes) => bytes % 256 === 0);
      strictEqual(sum(rows), 256 * steps, "a place for each step");
      const passes = counts.passes - before.passes;
      strictEqual(passes, rows.length);
      ok(passes <= 48, `${passes} passes`);
      strictEqual(counts.copies - before.copies, counts.readbacks - before.readbacks, "but to read the losses");
      net.dispose();
    },
  },
  {
    name: "data that the device has no room for is fed, and everything else goes on",
    async run({ device: given }) {
      const size = 2 * given.limits.maxBufferSize;
      let refused = 0;
      const device = over(given, {
        createBuffer(descriptor: GPUBufferDescriptor) {
          const isHeld = descriptor.label?.includes("held") === true;
          if (isHeld) refused += 1;
          return given.createBuffer(isHeld ? { ...descriptor, size } : descriptor);
        },
      });
      const losses = [];
      for (const holdBytes of [0, 1e6]) {
        const net = classifier();
        await net.compile({ target: "wgsl", device, batch: 8, seed: 3 });
        const { epochs } = await net.fit({ x, y, epochs: 2, holdBytes });
        losses.push(epochs.map(({ loss }) => loss));
        net.dispose();
      }
      deepStrictEqual(losses[1], losses[0]);
      ok(refused > 0, "room was asked for");
    },
  },
  {
    name: "steps on data that the device holds are submitted together, and read where a callback wants to know",
    async run({ device: given }) {
      const counted = [];
      for (const holdBytes of [0, 1e6]) {
        const { device, counts } = countedDevice(given);
        const net = classifier();
        await net.compile({ target: "wgsl", device, batch: 2, seed: 3 });
        const before = { ...counts };
        const { epochs } = await net.fit({ x, y, epochs: 8, holdBytes });
        const [submits, copies] = [counts.submits - before.submits, counts.copies - before.copies];
        const seen: number[] = [];
        await net.fit({ x, y, holdBytes, readEvery: 4, callbacks: [{ onBatchEnd: ({ latest }) => void seen.push(latest.loss) }] }); // biome-ignore format: short
        counted.push({ submits, copies, losses: [...epochs.map(({ loss }) => loss), ...seen] });
        net.dispose();
      }
      const [fed, held] = counted;
      deepStrictEqual(held?.losses, fed?.losses);
      strictEqual(held?.losses.length, 8 + 4);
      // Of 120 steps: the first chunk has one, and the ones after grow.
      ok(
        (held?.submits ?? 0) < (fed?.submits ?? 0) - 80,
        `${held?.submits} submits of held data, ${fed?.submits} of fed`,
      );
      // A copy for each step more, of its numbers of rows, and none of outputs that nobody reads.
      const most = (fed?.copies ?? 0) + 120;
      ok((held?.copies ?? 0) <= most, `${held?.copies} copies on held data, where ${most} are enough`);
    },
  },
  {
    name: "a wrong label before the first step, and a NaN with readings now and then, are named by their sample",
    async run({ device }) {
      const net = classifier();
      await net.compile({ target: "wgsl", device, batch: 8 });
      const before = await net.executable.state.snapshot();
      const wrong = [...y].with(17, 3);
      await rejects(
        net.fit({ x, y: wrong }),
        /^FeedError: fit: y of sample 17 \(the first is 0\) is 3: labels go from 0 to 2/,
      );
      deepStrictEqual(await net.executable.state.snapshot(), before);
      const spoilt = x.with(35, Number.NaN);
      const place =
        /^TrainingError: fit: the loss is NaN in epoch 1 of 2, at step [1-4] of 4: x of sample 17 \(the first is 0\), number 1 of its 2, is NaN\n/;
      await rejects(net.fit({ x: spoilt, y, epochs: 2 }), place);
      net.executable.state.restore(before);
      await rejects(net.evaluate({ x: spoilt, y }), /evaluate: the loss is NaN: x of sample 17 /);
      await rejects(
        net.fit({ x: x.map((value) => value * 1e38), y }),
        /in steps 1 to 4 of 4: the data (are finite|and the weights)/,
      );
      net.dispose();
    },
  },
];
