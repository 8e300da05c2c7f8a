/**
 * Weights of samples and classes, and validation split off: one step of a small model against its formulas, and mistakes.
 */
import { describe, expect, test } from "vitest";
import { adam, dense, type FitOptions, f32, i32, mean, model, type Samples, sequential, sgd, softmaxCrossEntropy, square, sub, type Tensor, type Trainer, trainer, UserError } from "../../src/index.ts"; // biome-ignore format: names
import { takenNames } from "../../src/nn/history.ts";

const count = 12;
const x = Float32Array.from({ length: count }, (_, i) => Math.sin(2 * i + 1));
const y = Float32Array.from({ length: count }, (_, i) => Math.cos(3 * i));
const weights = Float32Array.from({ length: count }, (_, i) => (i % 4) / 2);

/** y = kx + b with squared errors. */
async function line(options: { readonly batch?: number; readonly weighted?: boolean } = {}) {
  const net = trainer(dense(1), { input: [1], loss: "meanSquaredError", optimizer: sgd({ learningRate: 0.1 }), metrics: ["meanAbsoluteError"] }); // biome-ignore format: short
  await net.compile({ target: "js", seed: 4, batch: count, ...options });
  return net;
}

const numbersOf = async (net: Trainer<never> | Trainer<"meanAbsoluteError">) => {
  const [[k = 0], [b = 0]] = await Promise.all([net.executable.state.read("model.kernel"), net.executable.state.read("model.bias")]); // biome-ignore format: short
  return { k, b };
};

/** The weighted loss over the number of samples, its gradient, and the plain absolute error, in float64. */
function formula({ k, b }: { readonly k: number; readonly b: number }, w: ArrayLike<number>, from = 0, to = count) {
  let [loss, dk, db, distance] = [0, 0, 0, 0];
  for (let i = from; i < to; i++) {
    const error = k * (x[i] ?? 0) + b - (y[i] ?? 0);
    loss += (w[i] ?? 0) * error ** 2;
    dk += 2 * (w[i] ?? 0) * error * (x[i] ?? 0);
    db += 2 * (w[i] ?? 0) * error;
    distance += Math.abs(error);
  }
  const n = to - from;
  return { loss: loss / n, dk: dk / n, db: db / n, distance: distance / n };
}

describe("sampleWeight", () => {
  test("multiplies losses; the mean is over the number of samples; metrics are not weighted", async () => {
    const net = await line();
    const start = await numbersOf(net);
    const wanted = formula(start, weights);
    const before = await net.evaluate({ x, y, sampleWeight: weights });
    expect(before.loss).toBeCloseTo(wanted.loss, 6);
    expect(before.meanAbsoluteError).toBeCloseTo(wanted.distance, 6);
    const { epochs } = await net.fit({ x, y, sampleWeight: Array.from(weights) });
    expect(epochs[0]?.loss).toBeCloseTo(wanted.loss, 6);
    const { k, b } = await numbersOf(net);
    expect(k).toBeCloseTo(start.k - 0.1 * wanted.dk, 6);
    expect(b).toBeCloseTo(start.b - 0.1 * wanted.db, 6);
  });

  test("of samples to validate on counts under either name, beside arrays and beside a dataset", async () => {
    const held = { x, y, sampleWeight: weights };
    const runs = [
      { x, y, validation: held },
      { x, y, validationData: held },
      { data: [{ x, y }], validation: held },
      { data: [{ x, y }], validationData: held },
    ];
    for (const run of runs) {
      const net = await line();
      net.setLearningRate(0);
      const { epochs } = await net.fit(run);
      expect(epochs[0]?.validation?.loss).toBeCloseTo(formula(await numbersOf(net), weights).loss, 6);
    }
  });

  test("follows its samples when they are shuffled into batches", async () => {
    const net = await line({ batch: 5 });
    net.setLearningRate(0);
    const wanted = formula(await numbersOf(net), weights);
    const { epochs } = await net.fit({ x, y, sampleWeight: weights, epochs: 2 });
    for (const { loss } of epochs) expect(loss).toBeCloseTo(wanted.loss, 6);
  });

  test("weighs a loss of several numbers a sample", async () => {
    const net = trainer(dense(2), { input: [1], loss: "meanSquaredError", optimizer: sgd() });
    await net.compile({ target: "js", batch: 6 });
    const wanted = (await net.predict({ x: x.subarray(0, 6) })).reduce((sum, p, i) => sum + ((p - (y[i] ?? 0)) ** 2 / 2) * (weights[i >> 1] ?? 0), 0) / 6; // biome-ignore format: short
    const { loss } = await net.evaluate({ x: x.subarray(0, 6), y, sampleWeight: weights.subarray(0, 6) });
    expect(loss).toBeCloseTo(wanted, 6);
  });

  test("is an input only where it is used, and what was trained before stays", async () => {
    const net = await line();
    expect(net.program.inputs.map(({ path }) => path)).toEqual(["x", "y"]);
    await net.fit({ x, y });
    const trained = await numbersOf(net);
    const plain = net.executable;
    await net.evaluate({ x, y, sampleWeight: weights });
    expect(net.executable).not.toBe(plain);
    expect(net.program.inputs.map(({ path }) => path)).toEqual(["x", "y", "weight"]);
    expect(await numbersOf(net)).toEqual(trained);
    expect(net.executable.report.target).toBe("js");
    const kept = net.executable;
    await net.fit({ x, y });
    expect(net.executable).toBe(kept);
  });

  test("a program with weights that are all 1 trains to the same bits as one without", async () => {
    const run = async (weighted: boolean) => {
      const net = await line({ batch: 5, weighted });
      const { epochs } = await net.fit({ x, y, epochs: 3 });
      return [epochs.map(({ loss }) => loss), await numbersOf(net)];
    };
    expect(await run(true)).toEqual(await run(false));
  });

  test("a run goes on from a checkpoint with its weights", async () => {
    const options = { x, y, sampleWeight: weights, epochs: 3 };
    const unbroken = await line({ batch: 5 });
    await unbroken.fit(options);
    const first = await line({ batch: 5 });
    await first.fit({ ...options, callbacks: [{ onBatchEnd: ({ epoch, step }, { stop }) => (epoch === 2 && step === 2 ? stop() : undefined) }] }); // biome-ignore format: short
    const second = await line({ batch: 5 });
    await second.restore(await first.checkpoint());
    await second.fit(options);
    expect(await numbersOf(second)).toEqual(await numbersOf(unbroken));
  });
});

describe("classWeight", () => {
  const labels = Int32Array.from({ length: count }, (_, i) => i % 3);
  const classifier = async () => {
    const net = trainer(dense(3, { activation: "softmax" }), { input: [1], loss: "softmaxCrossEntropy", optimizer: sgd({ learningRate: 0 }) }); // biome-ignore format: short
    await net.compile({ target: "js", batch: 5, seed: 2 });
    return net;
  };
  const crossEntropy = async (net: Awaited<ReturnType<typeof classifier>>, weightOf: (label: number, i: number) => number) => {
    const p = await net.predict({ x });
    return labels.reduce((sum, label, i) => sum - weightOf(label, i) * Math.log(p[3 * i + label] ?? 0), 0) / count;
  }; // biome-ignore format: short

  test.each([
    ["an object; classes that are left out have weight 1", { 0: 2, 2: 0.5 }, [2, 1, 0.5]],
    ["a list", [2, 1, 0.5], [2, 1, 0.5]],
  ] as const)("%s", async (_, classWeight, table) => {
    const net = await classifier();
    const { epochs } = await net.fit({ x, y: labels, classWeight });
    expect(epochs[0]?.loss).toBeCloseTo(await crossEntropy(net, (label) => table[label] ?? 0), 5);
  });

  test("and sampleWeight multiply", async () => {
    const net = await classifier();
    const { epochs } = await net.fit({ x, y: labels, classWeight: [1, 3], sampleWeight: weights });
    const wanted = await crossEntropy(net, (label, i) => (label === 1 ? 3 : 1) * (weights[i] ?? 0));
    expect(epochs[0]?.loss).toBeCloseTo(wanted, 5);
  });

  test("counts one-hot rows by their largest", async () => {
    const net = trainer(dense(3), {
      input: [1],
      loss: "softmaxCrossEntropy",
      target: f32("batch", 3),
      optimizer: sgd({ learningRate: 0 }),
    });
    await net.compile({ target: "js", batch: count, seed: 2 });
    const rows = Float32Array.from({ length: 3 * count }, (_, i) => (i % 3 === Math.floor(i / 3) % 3 ? 1 : 0));
    const { epochs } = await net.fit({ x, y: rows, classWeight: { 1: 4 } });
    const same = await classifier();
    expect(epochs[0]?.loss).toBeCloseTo(await crossEntropy(same, (label) => (label === 1 ? 4 : 1)), 5);
  });

  test("of yes and no, with a validation set that it does not touch", async () => {
    const net = trainer(dense(1, { activation: "sigmoid" }), { input: [1], loss: "sigmoidCrossEntropy", optimizer: sgd({ learningRate: 0 }) }); // biome-ignore format: short
    await net.compile({ target: "js", batch: 5 });
    const yes = Float32Array.from(y, (value) => (value > 0 ? 1 : 0));
    const { epochs } = await net.fit({ x, y: yes, classWeight: { 1: 5 }, validation: { x, y: yes } });
    const p = await net.predict({ x });
    const losses = Array.from(p, (value, i) => -Math.log(yes[i] === 1 ? value : 1 - value));
    expect(epochs[0]?.validation?.loss).toBeCloseTo(losses.reduce((a, b) => a + b, 0) / count, 5);
    const weighted = losses.reduce((sum, loss, i) => sum + loss * (yes[i] === 1 ? 5 : 1), 0) / count;
    expect(epochs[0]?.loss).toBeCloseTo(weighted, 5);
  });
});

describe("validationSplit", () => {
  test("is the last part as given, before shuffling, and never trained on", async () => {
    const net = await line({ batch: 4 });
    const { epochs } = await net.fit({ x, y, validationSplit: 0.3, epochs: 3 });
    const at = Math.floor(count * 0.7);
    const after = formula(await numbersOf(net), new Float32Array(count).fill(1), at);
    expect(epochs[2]?.validation?.loss).toBeCloseTo(after.loss, 6);
    const same = await line({ batch: 4 });
    const apart = { x: x.subarray(at), y: y.subarray(at) };
    const { epochs: wanted } = await same.fit({
      x: x.subarray(0, at),
      y: y.subarray(0, at),
      validation: apart,
      epochs: 3,
    });
    expect(await numbersOf(net)).toEqual(await numbersOf(same));
    expect(epochs.map(({ loss, validation }) => [loss, validation])).toEqual(wanted.map(({ loss, validation }) => [loss, validation])); // biome-ignore format: short
  });

  test("takes the samples' weights along", async () => {
    const net = await line();
    net.setLearningRate(0);
    const { epochs } = await net.fit({ x, y: Array.from(y), sampleWeight: weights, validationSplit: 0.25 });
    const now = await numbersOf(net);
    expect(epochs[0]?.loss).toBeCloseTo(formula(now, weights, 0, 9).loss, 6);
    expect(epochs[0]?.validation?.loss).toBeCloseTo(formula(now, weights, 9).loss, 6);
  });
});

test("validation has its samples' weights, and no class weights, split off or given", async () => {
  const net = trainer(dense(1), { input: [1], loss: "sigmoidCrossEntropy", optimizer: sgd({ learningRate: 0 }) });
  await net.compile({ target: "js", batch: 4, weighted: true });
  const yes = Float32Array.from(y, (value) => (value > 0 ? 1 : 0));
  const [head, tail] = [0, 9].map((from) => ({ x: x.subarray(from, from === 0 ? 9 : count), y: yes.subarray(from, from === 0 ? 9 : count) })); // biome-ignore format: short
  if (head === undefined || tail === undefined) throw new Error("two parts");
  const last = { ...tail, sampleWeight: weights.subarray(9) };
  const wanted = await net.evaluate(last);
  const split = await net.fit({ x, y: yes, sampleWeight: weights, classWeight: [7, 5], validationSplit: 0.25 });
  const given = await net.fit({ ...head, sampleWeight: weights.subarray(0, 9), classWeight: [7, 5], validation: last });
  for (const { epochs } of [split, given]) expect(epochs[0]?.validation).toEqual(wanted);
  expect(given.epochs[0]?.loss).toBeCloseTo(split.epochs[0]?.loss ?? 0, 6);
  expect(wanted.loss).not.toBe((await net.evaluate(tail)).loss);
});

describe("mistakes", () => {
  const softmax = trainer(sequential([dense(3)]), { input: [1], loss: "softmaxCrossEntropy", optimizer: adam() });
  const labels = new Uint8Array(count);

  test.each<[string, Partial<FitOptions>, string]>([
    ["a class that is none", { classWeight: { 3: 1 } }, 'classWeight has a weight for "3", which is no class: the classes are 0 to 2'],
    ["a name for a class", { classWeight: { one: 1 } as never }, 'a weight for "one"'],
    ["a negative weight", { classWeight: [1, -1] }, "the weight of class 1 must be a number from 0, not -1"],
    ["a sample's negative weight", { sampleWeight: [-1, ...Array(11).fill(1)] }, "fit: sampleWeight has -1 at position 0: a weight is a number from 0"],
    ["a weight that is no number", { classWeight: [1, Number.NaN] }, "the weight of class 1 must be a number from 0, not NaN"],
    ["too few weights", { sampleWeight: weights.subarray(1) }, "fit: sampleWeight has 11 weights for 12 samples"],
    ["an infinite weight", { sampleWeight: Array.from(x, () => Infinity) }, "sampleWeight has Infinity at position 0"],
    ["weights by name", { sampleWeight: { a: weights } as never }, "sampleWeight is of type Object: it must be an array"],
    ["a Map of classes", { classWeight: new Map([[1, 2]]) as never }, "classWeight must be a list of weights, or an object"],
    ["all for validation", { validationSplit: 1 }, "validationSplit must lie between 0 and 1, not 1"],
    ["nothing for validation", { validationSplit: 0 }, "validationSplit must lie between 0 and 1, not 0"],
    ["a split that leaves nothing", { validationSplit: 0.95 }, "of 12 samples there are none left to train on"],
    ["two kinds of validation", { validationSplit: 0.5, validation: { x, y: labels } }, "not both"],
  ])("%s", async (_, options, message) => {
    await softmax.compile({ target: "js", batch: 4 });
    const fit = softmax.fit({ x, y: labels, ...options });
    await expect(fit).rejects.toThrow(UserError);
    await expect(fit).rejects.toThrow(message);
  }); // biome-ignore format: a table

  test("class weights where there are no classes", async () => {
    const net = await line();
    const fit = net.fit({ x, y, classWeight: [1, 2] });
    await expect(fit).rejects.toThrow("classWeight needs one class for each sample; here f32[batch,1] is compared by meanSquaredError: use sampleWeight"); // biome-ignore format: short
  });

  test("a label between classes", async () => {
    const net = trainer(dense(1), { input: [1], loss: "sigmoidCrossEntropy", optimizer: sgd() });
    await net.compile({ target: "js", batch: 4 });
    const soft = net.fit({ x, y: Array.from(x, () => 0.3), classWeight: { 1: 2 } });
    await expect(soft).rejects.toThrow(/needs whole labels, and y has 0\.3\d* at position 0/);
  });

  test("a loss that is one number for the batch cannot be weighted", async () => {
    const net = trainer(dense(1), { input: [1], loss: (p, t) => mean(square(sub(p as Tensor, t) as Tensor)) as Tensor, optimizer: sgd() }); // biome-ignore format: short
    await net.compile({ target: "js", batch: 4 });
    await expect(net.fit({ x, y, sampleWeight: weights })).rejects.toThrow("the loss gives one number for the batch");
    expect((await net.fit({ x, y })).epochs).toHaveLength(1);
  });

  test("weights for an evaluation in the middle of a fit without", async () => {
    const net = await line({ batch: 4 });
    const running = net.fit({ x, y, epochs: 2 });
    const evaluated = net.evaluate({ x, y, sampleWeight: weights });
    await expect(evaluated).rejects.toThrow("a fit without weights is under way");
    expect((await running).epochs).toHaveLength(2);
    const early = net.evaluate({ x, y, sampleWeight: weights }); // compiles while the next fit begins
    const second = net.fit({ x, y, epochs: 2 });
    await expect(early).rejects.toThrow(UserError);
    expect((await second).epochs).toHaveLength(2);
    expect((await net.evaluate({ x, y, sampleWeight: weights })).loss).toBeGreaterThan(0);
  });

  test("a custom loss on labels takes class weights of any whole number", async () => {
    const net = trainer(dense(3), {
      input: [1],
      loss: (logits, wanted) => softmaxCrossEntropy(logits as never, wanted as Tensor<["batch"], "i32">) as Tensor,
      target: i32("batch"),
      optimizer: sgd({ learningRate: 0 }),
    });
    await net.compile({ target: "js", batch: count });
    const once = await net.evaluate({ x, y: labels });
    const { epochs } = await net.fit({ x, y: labels, classWeight: { 0: 2 } });
    expect(epochs[0]?.loss).toBeCloseTo(2 * once.loss, 5);
  });
});

test("class and sample weights by output", async () => {
  const net = trainer(
    model({
      inputs: [1],
      layers: { a: dense(3), b: dense(1) },
      call: (given, { a, b }) => ({ a: a(given), b: b(given) }),
    }),
    { loss: { a: "softmaxCrossEntropy", b: "meanSquaredError" }, optimizer: sgd({ learningRate: 0 }) },
  );
  await net.compile({ target: "js", batch: 5 });
  const data: Samples<never, "a" | "b"> = { x, y: { a: Array.from(x, (_, i) => i % 3), b: y } };
  const plain = await net.evaluate(data);
  const { epochs } = await net.fit({
    ...data,
    classWeight: { a: [2, 2, 2] },
    sampleWeight: { b: Array.from(x, () => 3) },
  });
  expect(epochs[0]?.a_loss).toBeCloseTo(2 * plain.a_loss, 5);
  expect(epochs[0]?.b_loss).toBeCloseTo(3 * plain.b_loss, 5);
  const both = await net.evaluate({ ...data, sampleWeight: Array.from(x, () => 2) });
  expect(both.loss).toBeCloseTo(2 * (plain.a_loss + plain.b_loss), 5);
  await expect(net.fit({ ...data, classWeight: { c: [1] } as never })).rejects.toThrow('classWeight has "c", which the model has not (it has: a, b)'); // biome-ignore format: short
  await expect(net.fit({ ...data, classWeight: { b: [1] } })).rejects.toThrow("classWeight.b needs one class");
  expect(takenNames).toContain("watch");
});
