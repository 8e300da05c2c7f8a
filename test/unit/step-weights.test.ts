/**
 * Weights for each step of a sequence, or each place of a picture: Keras's temporal sample weights, against its numbers
 * (test/fixtures/keras-step-weights.json), with class weights by step, by dataset, and what is refused.
 */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { conv2d, dataset, dense, flatten, type Layer, type Loss, layers, losses, type Metric, mean, metrics, model, rows, sequential, sgd, simpleRnn, square, sub, type Tensor, trainer } from "../../src/index.ts"; // biome-ignore format: names

interface Numbers {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}
type Named<T> = T | Readonly<Record<string, T>>;
interface Case {
  readonly name: string;
  readonly x: string;
  readonly y: Named<string>;
  readonly weight: Named<string>;
  readonly start: readonly Numbers[];
  readonly evaluate: Readonly<Record<string, number>>;
  readonly history: Readonly<Record<string, readonly number[]>>;
  readonly after: readonly (readonly number[])[];
}
const fixture = JSON.parse(readFileSync(new URL("../fixtures/keras-step-weights.json", import.meta.url), "utf8")) as {
  readonly data: Readonly<Record<string, Numbers>>;
  readonly cases: readonly Case[];
};

const softmax = dense(3, { activation: "softmax" });
const sigmoid = dense(1, { activation: "sigmoid" });
const accuracy = metrics.sparseCategoricalAccuracy({ name: "accuracy" });
const both = model({
  inputs: [4, 2],
  layers: { hidden: dense(3, { activation: "tanh" }), each: softmax, flat: flatten(), whole: dense(1) },
  call(x, { hidden, each, flat, whole }) {
    const h = hidden(x);
    return { each: each(h), whole: whole(flat(h)) };
  },
});

interface Ours {
  readonly net: Layer;
  readonly loss: Loss;
  readonly metrics?: readonly Metric<string, "number">[];
  readonly input?: readonly number[];
}
const sparse = losses.sparseCategoricalCrossentropy();
const answers: Ours = { net: sigmoid, loss: losses.binaryCrossentropy(), metrics: [metrics.binaryAccuracy({ name: "accuracy" })] }; // biome-ignore format: short
const ours: Readonly<Record<string, Ours>> = {
  classes: { net: softmax, loss: sparse, metrics: [accuracy, metrics.sparseCategoricalCrossentropy({ name: "sparse_categorical_crossentropy" })] }, // biome-ignore format: short
  rows: { net: softmax, loss: losses.categoricalCrossentropy(), metrics: [metrics.categoricalAccuracy({ name: "accuracy" })] }, // biome-ignore format: short
  numbers: { net: dense(2), loss: losses.meanSquaredError(), metrics: [metrics.meanAbsoluteError({ name: "mae" }), metrics.meanSquaredError({ name: "mse" })] }, // biome-ignore format: short
  "huber, sum": { net: dense(2), loss: losses.huber({ delta: 0.5, reduction: "sum" }) },
  "huber, mean by weights": { net: dense(2), loss: losses.huber({ delta: 0.5, reduction: "meanWithSampleWeight" }) },
  answers: { ...answers, metrics: [...(answers.metrics ?? []), metrics.precision(), metrics.auc()] },
  "answers, a column of weights": answers,
  masked: { net: sequential([layers.masking(), softmax]), loss: sparse, metrics: [accuracy] },
  "masked, ignored": { net: sequential([layers.masking(), softmax]), loss: losses.sparseCategoricalCrossentropy({ ignoreClass: 1 }) }, // biome-ignore format: short
  recurrent: { net: sequential([simpleRnn(3, { returnSequences: true }), dense(2)]), loss: losses.meanAbsoluteError(), metrics: [metrics.meanSquaredError({ name: "mse" })] }, // biome-ignore format: short
  pixels: { net: conv2d(3, 2, { padding: "same", activation: "softmax" }), loss: sparse, metrics: [accuracy], input: [3, 2, 2] }, // biome-ignore format: short
};

function dataOf(name: string): Float32Array {
  return Float32Array.from(fixture.data[name]?.data ?? []);
}
const labelsOf = (name: string) => (/^(labels|pixels)$/.test(name) ? Int32Array.from(dataOf(name)) : dataOf(name));
const only = (given: Named<string>): string => (typeof given === "string" ? given : "");

function trainerFor(name: string) {
  const {
    net,
    loss,
    metrics: weightedMetrics = [],
    input = [4, 2],
  } = ours[name] ?? { net: dense(1), loss: losses.meanSquaredError() };
  return trainer(net, { input, loss, optimizer: sgd({ learningRate: 0.1 }), weightedMetrics });
}

/** Each number of `wanted`, to 1e-5. */
function expectNear(found: object, wanted: Readonly<Record<string, number>>) {
  const byName = new Map<string, unknown>(Object.entries(found));
  for (const [name, value] of Object.entries(wanted)) {
    const got = Number(byName.get(name));
    expect(Math.abs(got - value), `${name} is ${got}, not ${value}`).toBeLessThan(1e-5 * Math.max(1, value));
  }
}

describe.each(["js", "wasm"] as const)("on %s", (target) => {
  test.each(fixture.cases.map((it) => [it.name, it] as const))("%s", async (name, wanted) => {
    const isOne = name !== "two outputs";
    const one = trainerFor(name);
    const two = trainer(both, { loss: { each: sparse, whole: "meanSquaredError" }, optimizer: sgd({ learningRate: 0.1 }), weightedMetrics: { each: { accuracy }, whole: { mae: "meanAbsoluteError" } } }); // biome-ignore format: short
    const net = isOne ? one : two;
    await net.compile({ target, batch: 6 });
    const paths = net.executable.state.names.filter((path) => path.startsWith("model."));
    const kernelsFirst = isOne ? paths : ["hidden", "each", "whole"].flatMap((layer) => [`model.${layer}.kernel`, `model.${layer}.bias`]); // biome-ignore format: short
    for (const [i, path] of kernelsFirst.entries()) net.executable.state.write(path, wanted.start[i]?.data ?? []);
    const x = dataOf(wanted.x);
    const given = { x, y: labelsOf(only(wanted.y)), sampleWeight: dataOf(only(wanted.weight)) };
    const given2 = { x, y: { each: labelsOf("labels"), whole: dataOf("one") }, sampleWeight: { each: dataOf("w"), whole: dataOf("ws") } }; // biome-ignore format: short
    expectNear(isOne ? await one.evaluate(given) : await two.evaluate(given2), wanted.evaluate);
    const run = { epochs: 3, shuffle: false } as const;
    const { epochs } = isOne ? await one.fit({ ...given, ...run }) : await two.fit({ ...given2, ...run });
    for (const [i, epoch] of epochs.entries()) {
      expectNear(epoch, Object.fromEntries(Object.entries(wanted.history).map(([score, values]) => [score, values[i] ?? Number.NaN]))); // biome-ignore format: short
    }
    for (const [i, path] of kernelsFirst.entries()) {
      const weights = await net.executable.state.read(path);
      for (const [j, value] of (wanted.after[i] ?? []).entries()) expect(weights[j]).toBeCloseTo(value, 5);
    }
  });
});

const x = dataOf("x");
const y = labelsOf("labels");
const byStep = dataOf("w");
const lossOf = async (given: { readonly sampleWeight?: Float32Array; readonly batch?: number }) => {
  const net = trainerFor("classes");
  await net.compile({ target: "js", batch: 6 });
  return (await net.evaluate({ x, y, ...given })).loss;
};

test("a weight for each sample is one for each of its steps", async () => {
  const bySample = Float32Array.of(1, 0, 2, 0.5, 1, 3);
  const spread = Float32Array.from({ length: 24 }, (_, i) => bySample[Math.floor(i / 4)] ?? 0);
  expect(await lossOf({ sampleWeight: bySample })).toBeCloseTo(await lossOf({ sampleWeight: spread }), 6);
});

test("batches of a dataset may have either, the first for steps in the middle of a run, and validation too", async () => {
  const first = { x: x.subarray(0, 24), y: y.subarray(0, 12), weight: Float32Array.of(1, 2, 0) };
  const second = { x: x.subarray(24), y: y.subarray(12), weight: byStep.subarray(12) };
  const all = Float32Array.from(byStep, (weight, i) => (i < 12 ? (first.weight[Math.floor(i / 4)] ?? 0) : weight));
  const wanted = await lossOf({ sampleWeight: all, batch: 3 });
  const net = trainerFor("classes");
  await net.compile({ target: "js", batch: 3 });
  net.setLearningRate(0);
  const { epochs } = await net.fit({ data: () => [first, second], epochs: 2 });
  for (const { loss } of epochs) expect(loss).toBeCloseTo(wanted, 6);
  const beside = trainerFor("classes");
  await beside.compile({ target: "js", batch: 4 });
  beside.setLearningRate(0);
  const run = await beside.fit({ x, y, sampleWeight: Float32Array.of(1, 2, 0, 1, 1, 1), validationData: () => [second], epochs: 2 }); // biome-ignore format: short
  const ofSecond = await net.evaluate({ x: second.x, y: second.y, sampleWeight: second.weight });
  for (const { validation } of run.epochs) expect(validation?.loss).toBeCloseTo(ofSecond.loss, 6);
  expect(run.epochs[1]?.loss).toBeCloseTo(run.epochs[0]?.loss ?? 0, 6);
});

test("elements of a dataset have theirs, and one batch at a time", async () => {
  const wanted = await lossOf({ sampleWeight: byStep });
  const net = trainerFor("classes");
  await net.compile({ target: "js", batch: 6 });
  net.setLearningRate(0);
  const elements = dataset({ x: rows(x, 8), y: rows(y, 4), weight: rows(byStep, 4) });
  expect((await net.fit({ data: elements.batch(4) })).epochs[0]?.loss).toBeCloseTo(wanted, 6);
  await net.trainOnBatch({ x, y, sampleWeight: Float32Array.of(1, 1, 1, 1, 1, 1) });
  expect((await net.trainOnBatch({ x, y, sampleWeight: byStep })).loss).toBeCloseTo(wanted, 6);
  expect((await net.testOnBatch({ x, y, sampleWeight: byStep })).loss).toBeCloseTo(wanted, 6);
});

test.each([
  ["class numbers", undefined],
  ["one-hot rows", "hot"],
] as const)("class weights of steps, by %s", async (_, hot) => {
  const table = [1, 3, 0.5];
  const byClass = Float32Array.from(y, (label, i) => (table[label] ?? 0) * (byStep[i] ?? 0));
  const wanted = await lossOf({ sampleWeight: byClass });
  const net = trainerFor(hot === undefined ? "classes" : "rows");
  const targets = hot === undefined ? y : dataOf(hot);
  await net.compile({ target: "js", batch: 6 });
  net.setLearningRate(0);
  const { epochs } = await net.fit({ x, y: targets, sampleWeight: byStep, classWeight: table });
  expect(epochs[0]?.loss).toBeCloseTo(wanted, 5);
  const alone = await lossOf({ sampleWeight: Float32Array.from(y, (label) => table[label] ?? 0) });
  expect((await net.fit({ x, y: targets, classWeight: table })).epochs[0]?.loss).toBeCloseTo(alone, 5);
});

test("what does not fit is told", async () => {
  const net = trainerFor("classes");
  await net.compile({ target: "js", batch: 6 });
  await expect(net.fit({ x, y, sampleWeight: byStep.subarray(1) })).rejects.toThrow("fit: sampleWeight has 23 weights for 6 samples: one for each sample, or for each of its 4 steps"); // biome-ignore format: short
  await expect(net.fit({ x, y, sampleWeight: Float32Array.from(byStep, () => -1) })).rejects.toThrow("sampleWeight has -1 at position 0"); // biome-ignore format: short
  const whole = trainer(sequential([flatten(), dense(1)]), { input: [4, 2], loss: "meanSquaredError", optimizer: sgd() }); // biome-ignore format: short
  await whole.compile({ target: "js", batch: 6 });
  await expect(whole.fit({ x, y: dataOf("one"), sampleWeight: byStep })).rejects.toThrow(
    "has 24 weights for 6 samples",
  );
  const own = trainer(dense(2), {
    input: [4, 2],
    loss: (output: Tensor, target: Tensor) => mean(square(sub(output, target)), { axis: [1, 2] }),
    optimizer: sgd(),
  });
  await own.compile({ target: "js", batch: 6 });
  await expect(own.fit({ x, y: dataOf("values"), sampleWeight: byStep })).rejects.toThrow("the loss: sampleWeight must have a number for each of [batch], or for each sample; it has [batch,4]"); // biome-ignore format: short
  expect((await own.fit({ x, y: dataOf("values") })).epochs[0]?.loss).toBeGreaterThan(0);
});
