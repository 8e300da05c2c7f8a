/**
 * What people do with such a system, with the numbers that NumPy, Keras and TensorFlow gave there (published course notebooks), on
 * MNIST where it lies beside the checkout, else on drawn digits, of which less is known.
 *
 *   C1, C7   784-512-10 by fit, predict, evaluate          one epoch; test:all five
 *   C2       the same from scratch                         201 steps; test:all ten epochs
 *   C3       784-25-15-10, raw pixels, four kinds          two epochs; test:all 128
 *   C5       convolutional, from a dataset                 a part of the images for two epochs; test:all 16 epochs of all
 *
 * The others: A1 to A8 "tensors" and C4 "mnist-tensorboard" in examples.test.ts, B1 to B9 in derivatives.test.ts.
 */
import { existsSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import fromScratch from "../../examples/mnist-from-scratch.ts";
import { compile, dense, rmsprop, type Scores, sequential, type Trainer, trainer } from "../../src/index.ts";
import { type ImageSet, loadMnist } from "../../src/node.ts";
import { effort } from "../effort.ts";
import { startCommands } from "./run-script.ts";

const isLong = effort === 1;
/** A limit against what hangs: on a quiet core C5 takes two minutes, on a busy machine seven. */
const longMs = 3_600_000;
const folder = "../shared/data/mnist";
const isReal = existsSync(folder);
let digits: ImageSet;

/** Runs the examples, one after the other. */
const commands = startCommands({ TENSORLOOM_DATA: isReal ? folder : "" });
afterAll(() => commands.end());

beforeAll(async () => {
  digits = await loadMnist(isReal ? { data: folder } : { mirrors: [], log: () => {} });
});

/** Where the digits are MNIST. */
function expectNear(found: number | undefined, wanted: number, tolerance: number): void {
  if (isReal) expect(Math.abs((found ?? Number.NaN) - wanted), `${found}, wanted ${wanted}`).toBeLessThan(tolerance);
  else expect(found).toBeGreaterThan(0);
}

describe("784-512-10 with RMSprop", () => {
  let net: Trainer<"accuracy">;
  let epochs: readonly Scores<"accuracy">[] = [];
  let tested: Scores<"accuracy">;

  beforeAll(async () => {
    const { train, test: held } = digits;
    net = trainer(sequential([dense(512, { activation: "relu" }), dense(10, { activation: "softmax" })]), {
      input: [784],
      loss: "softmaxCrossEntropy",
      optimizer: rmsprop(),
      metrics: ["accuracy"],
    });
    await net.compile({ target: "wasm", seed: 1, batch: 128 });
    ({ epochs } = await net.fit({ x: train.images, y: train.labels, epochs: isLong ? 5 : 1 }));
    tested = await net.evaluate({ x: held.images, y: held.labels });
  }, longMs);

  test("C1: loss and accuracy of each epoch, and of the test images", () => {
    const wanted = { loss: [0.266, 0.107, 0.071, 0.05, 0.038], accuracy: [0.924, 0.969, 0.98, 0.985, 0.989] };
    for (const [i, { loss, accuracy }] of epochs.entries()) {
      expectNear(loss, wanted.loss[i] ?? 0, 0.01);
      expectNear(accuracy, wanted.accuracy[i] ?? 0, 0.003);
    }
    if (isLong) expectNear(tested.accuracy, 0.979, 0.003);
    else expect(tested.accuracy).toBeGreaterThan(0.95);
  });

  test("C7: the first of ten test images is taken for what it is, and accuracy is the mean of matches", async () => {
    const { images, labels } = digits.test;
    const classes = (rows: Float32Array) =>
      Array.from({ length: rows.length / 10 }, (_, i) => rows.subarray(10 * i, 10 * i + 10)).map((row) =>
        row.indexOf(Math.max(...row)),
      );
    const first = classes(await net.predict({ x: images.subarray(0, 7840) }));
    expect(first).toHaveLength(10);
    expect(first[0]).toBe(isReal ? 7 : labels[0]);
    const all = classes(await net.predict({ x: images }));
    expect(all.slice(0, 10)).toEqual(first);
    const matches = all.filter((digit, i) => digit === labels[i]).length;
    expect(tested.accuracy).toBeCloseTo(matches / labels.length, 6);
    expect(tested.loss).toBeGreaterThan(0);
    net.dispose();
  });
});

const mean = (numbers: readonly number[]): number => numbers.reduce((sum, each) => sum + each, 0) / numbers.length;

/** 401 steps of C2 with RMSprop at 0.0003, and what share of some test images is taken for what it is, after each tenth of the last. */
async function trainedSlowly() {
  const [steps, batch, tested] = [401, 128, 2000];
  const executable = await compile(fromScratch, { target: "wasm", seed: 1, dims: { batch } });
  executable.state.write("opt.learningRate", 3e-4);
  const rowsOf = ({ images }: ImageSet["train"], from: number, to: number) =>
    Float32Array.from(images.subarray(784 * from, 784 * to), (pixel) => pixel / 255);
  const held = rowsOf(digits.test, 0, tested);
  const [losses, accuracies]: [number[], number[]] = [[], []];
  for (let step = 0; step < steps; step++) {
    const [from, to] = [batch * step, batch * (step + 1)];
    const label = Int32Array.from(digits.train.labels.subarray(from, to));
    const feeds = { image: rowsOf(digits.train, from, to), label };
    losses.push((await executable.run({ entry: "train", feeds })).loss as number);
    if (step < steps - 41 || step % 10 !== 0) continue;
    const { logits } = await executable.run({ entry: "predict", feeds: { image: held } });
    const found = Array.from({ length: tested }, (_, i) => largestOf(logits as Float32Array, i));
    accuracies.push(mean(found.map((digit, i) => (digit === digits.test.labels[i] ? 1 : 0))));
  }
  executable.dispose();
  return { losses, accuracies };
}

function largestOf(scores: Float32Array, row: number): number {
  const own = scores.subarray(10 * row, 10 * row + 10);
  return own.indexOf(Math.max(...own));
}

describe("C2: from scratch, weights from 0 to 0.1, no shuffling", () => {
  const printedBy = async (optimizer: "rmsprop" | "sgd") => {
    const flags = ["--optimizer", optimizer, "--epochs", isLong ? "10" : "1", "--images", isLong ? "60000" : "25728"];
    const { code, stdout } = await commands.run("run", "examples/mnist-from-scratch.ts", "--", ...flags);
    expect(code).toBe(0);
    const losses = [...stdout.matchAll(/loss at batch (\d+): ([\d.]+)/g)].map(([, batch, loss]) => [
      batch,
      Number(loss),
    ]);
    expect(losses.slice(0, 3).map(([batch]) => batch)).toEqual(["0", "100", "200"]);
    return {
      losses: losses.map(([, loss]) => Number(loss)),
      accuracy: Number(/^Test accuracy: ([\d.]+)$/m.exec(stdout)?.[1]),
    };
  };

  test("RMSprop", { timeout: longMs }, async () => {
    const { losses, accuracy } = await printedBy("rmsprop");
    expectNear(losses[0], 5.6, 1); // "about 5.8": it hangs on the draw
    expectNear(losses[1], 0.7, 0.2);
    // After 200 steps at this rate the last bits of sums decide: 0.88 on js, 0.83 and 0.77 on wasm by two schedules.
    if (isLong) expect(accuracy).toBeGreaterThan(0.97);
    if (isLong) expectNear(losses.slice(35, 40).reduce((sum, loss) => sum + loss) / 5, 0.03, 0.04); // of epoch 8
  });

  test("RMSprop at a rate at which last bits decide nothing", { timeout: longMs }, async () => {
    const { losses, accuracies } = await trainedSlowly();
    // On js and wasm the same to four digits, whatever the width of vectors; of three draws of the weights at most 0.003 apart.
    expectNear(mean(losses.slice(-50)), 0.452, 0.02);
    expect(mean(accuracies)).toBeGreaterThan(0.81);
  });

  test("SGD is slower", { timeout: longMs }, async () => {
    const { losses, accuracy } = await printedBy("sgd");
    expectNear(losses[0], 5.6, 1);
    expectNear(losses[2], 2.2, 0.3);
    // Of drawn digits 0.16 after 200 steps, where one in ten is chance.
    expect(accuracy).toBeGreaterThan(isLong ? 0.75 : isReal ? 0.18 : 0.12);
  });
});

describe("C3: 784-25-15-10 on raw pixels, 20,000 samples, RMSprop, batches of 32", () => {
  const kinds = (["softmax", "relu"] as const).flatMap((hidden) =>
    (["softmax", "linear"] as const).map((last) => ({ hidden, last })),
  );
  test.each(kinds)("hidden $hidden, output $last", { timeout: longMs }, async ({ hidden, last }) => {
    const layers = [
      dense(25, { activation: hidden }),
      dense(15, { activation: hidden }),
      dense(10, { activation: last }),
    ];
    const net = trainer(sequential(layers), { input: [784], loss: "softmaxCrossEntropy", optimizer: rmsprop() });
    await net.compile({ target: "wasm", threads: 1, seed: 1, batch: 32 });
    const { images, labels } = digits.train;
    const count = 20_000;
    const { epochs } = await net.fit({
      x: images.subarray(0, 784 * count),
      y: labels.subarray(0, count),
      scale: 1, // as they are, from 0 to 255
      epochs: isLong ? 128 : 2,
    });
    for (const { loss } of epochs) expect(Number.isFinite(loss)).toBe(true);
    const [first = Number.NaN, final = Number.NaN] = [epochs[0]?.loss, epochs.at(-1)?.loss];
    expect(final).toBeLessThan(first);
    if (hidden === "relu") expect(final).toBeLessThan(isLong ? 0.2 : 1.8);
    for (const name of ["dense1", "dense2", "dense3"])
      expect((await net.executable.state.read(`model.${name}.kernel`)).every(Number.isFinite)).toBe(true);
    net.dispose();
  });
});

test("C5: a convolutional network, from a dataset: scaled, cached, shuffled, batched", {
  timeout: longMs,
}, async () => {
  const flags = isLong ? ["--epochs", "16"] : ["--images", "2048", "--epochs", "2", "--batch", "128"];
  const { code, stdout } = await commands.run("run", "examples/cnn.ts", "--", "--target", "wasm", ...flags);
  expect(code).toBe(0);
  const [data, compiled, ...rest] = stdout.trimEnd().split("\n");
  expect(data).toMatch(/^Data: .+\.$/);
  expect(compiled).toMatch(/^Compiled for wasm in \d+ ms: \d+ kernel launches, \d+\.\d MB between them\.$/);
  const [, accuracy] = /^Test accuracy after \d+ epochs: ([\d.]+)\. A step/.exec(rest.at(-1) ?? "") ?? [];
  expect(Number(accuracy)).toBeGreaterThanOrEqual(isLong ? 0.98 : 0.75);
});
