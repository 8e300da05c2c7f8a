/**
 * Several inputs, outputs and losses: names, types, and training against the float64 oracle of the same program.
 */
import { describe, expect, expectTypeOf, test } from "vitest";
import { add, concat, dense, dropout, type Evaluated, f32, meanAbsoluteError, model, mul, Pixels, sequential, sgd, type Tensor, type Trainer, trainer, UserError } from "../../src/index.ts"; // biome-ignore format: names
import { largestError, ProgramOracle } from "../program-oracle.ts";

const count = 10;
const wave = (length: number, step: number) => Float32Array.from({ length }, (_, i) => Math.sin(step * i + 1));
const x = { image: wave(6 * count, 1.7), size: wave(2 * count, 0.9) };
const y = { digit: Int32Array.from({ length: count }, (_, i) => (i * 3) % 4), odd: Float32Array.from({ length: count }, (_, i) => i % 2) }; // biome-ignore format: short

function twoHeads() {
  const net = model({
    inputs: { image: [6], size: [2] },
    layers: {
      trunk: dense(5, { activation: "tanh" }),
      digit: dense(4, { activation: "softmax" }),
      odd: sequential([dense(3, { activation: "relu" }), dense(1, { activation: "sigmoid" })]),
    },
    call({ image, size }, { trunk, digit, odd }) {
      expectTypeOf(image).toEqualTypeOf<Tensor<["batch", 6], "f32">>();
      const hidden = trunk(concat([image, size], 1) as Tensor<["batch", 8], "f32">);
      expectTypeOf(hidden).toEqualTypeOf<Tensor<["batch", 5], "f32">>();
      return { digit: digit(hidden), odd: odd(hidden) };
    },
  });
  return trainer(net, {
    loss: { digit: "softmaxCrossEntropy", odd: "sigmoidCrossEntropy" },
    lossWeights: { odd: 0.25 },
    metrics: { digit: ["accuracy"], odd: { near: "meanAbsoluteError" } },
    optimizer: sgd({ learningRate: 0.3, momentum: 0.5 }),
  });
}

async function compiled() {
  const net = twoHeads();
  await net.compile({ target: "js", batch: 4, seed: 6 });
  return net;
}

describe("two inputs and two outputs", () => {
  test("train as the oracle says, batch by batch", async () => {
    const net = await compiled();
    const oracle = new ProgramOracle(net.program, { dims: { batch: count }, seed: 6 });
    await net.compile({ target: "js", batch: count, seed: 6 });
    const feeds = { "x.image": x.image, "x.size": x.size, "y.digit": y.digit, "y.odd": y.odd };
    const { epochs } = await net.fit({ x, y, epochs: 4, shuffle: false });
    for (const record of epochs) {
      const wanted = oracle.run("train", feeds);
      for (const name of ["loss", "digit_loss", "digit_accuracy", "odd_loss", "odd_near"] as const) {
        expect(record[name], name).toBeCloseTo(oracle.number(wanted, name), 5);
      }
      expect(record.loss).toBeCloseTo(record.digit_loss + 0.25 * record.odd_loss, 6);
    }
    for (const name of net.executable.state.names.filter((path) => path.startsWith("model."))) {
      expect(largestError(await net.executable.state.read(name), oracle.state(name)), name).toBeLessThan(1e-5);
    }
  });

  test("parameters stand under the layers' names, and predict gives each output with its activation", async () => {
    const net = await compiled();
    expect(net.executable.state.names.filter((path) => path.startsWith("model."))).toEqual([
      "model.trunk.kernel", "model.trunk.bias", "model.digit.kernel", "model.digit.bias",
      "model.odd.dense1.kernel", "model.odd.dense1.bias", "model.odd.dense2.kernel", "model.odd.dense2.bias",
    ]); // biome-ignore format: names
    const { digit, odd } = await net.predict({ x });
    expect(digit).toHaveLength(4 * count);
    expect(odd).toHaveLength(count);
    const { digit_loss, odd_loss, odd_near, digit_accuracy } = await net.evaluate({ x, y });
    const mean = (f: (i: number) => number) => Array.from({ length: count }, (_, i) => f(i)).reduce((a, b) => a + b, 0) / count; // biome-ignore format: short
    expect(digit_loss).toBeCloseTo(mean((i) => -Math.log(digit[4 * i + (y.digit[i] ?? 0)] ?? 0)), 5); // biome-ignore format: short
    expect(odd_loss).toBeCloseTo(mean((i) => -Math.log(y.odd[i] === 1 ? (odd[i] ?? 0) : 1 - (odd[i] ?? 0))), 5); // biome-ignore format: short
    expect(odd_near).toBeCloseTo(mean((i) => Math.abs((odd[i] ?? 0) - (y.odd[i] ?? 0))), 6); // biome-ignore format: short
    const best = (i: number) => [0, 1, 2, 3].reduce((a, b) => ((digit[4 * i + b] ?? 0) > (digit[4 * i + a] ?? 0) ? b : a)); // biome-ignore format: short
    expect(digit_accuracy).toBeCloseTo(mean((i) => Number(best(i) === y.digit[i])), 10); // biome-ignore format: short
  });

  test("a checkpoint goes on to the same bits", async () => {
    const [unbroken, first, second] = [await compiled(), await compiled(), await compiled()];
    await unbroken.fit({ x, y, epochs: 3 });
    await first.fit({ x, y, epochs: 3, callbacks: [{ onBatchEnd: ({ epoch, step }, { stop }) => (epoch === 2 && step === 1 ? stop() : undefined) }] }); // biome-ignore format: short
    await second.restore(await first.checkpoint());
    await second.fit({ x, y, epochs: 3 });
    expect(await second.executable.state.snapshot()).toEqual(await unbroken.executable.state.snapshot());
  });

  test("tsc knows the names", async () => {
    const net = twoHeads();
    type Names = "digit_loss" | "odd_loss" | "digit_accuracy" | "odd_near";
    expectTypeOf(net).toEqualTypeOf<Trainer<Names, "image" | "size", "digit" | "odd">>();
    expectTypeOf(net.evaluate).returns.resolves.toEqualTypeOf<Evaluated<Names>>();
    // @ts-expect-error: an input is missing
    await expect(net.fit({ x: { image: x.image }, y })).rejects.toThrow(
      'fit: x lacks "size": it must have image, size',
    );
    await expect(net.fit({ x, y: { ...y, third: [] } as never })).rejects.toThrow('fit: y has "third", which the model has not (it has: digit, odd)'); // biome-ignore format: short
    await expect(net.fit({ x: { ...x, size: x.size.subarray(2) }, y })).rejects.toThrow("fit: x.size has 9 samples, x.image has 10"); // biome-ignore format: short
    await expect(net.fit({ x, y: { ...y, odd: [] } })).rejects.toThrow("fit: y.odd has 0 numbers for the 10 samples");
    await expect(net.predict({ x: x.image as never })).rejects.toThrow("predict: x must be an object with one value each for image, size"); // biome-ignore format: short
  });
});

test("a scale for each input", async () => {
  const bytes = Pixels.from({ length: 6 * count }, (_, i) => (i * 7) % 256);
  const net = await compiled();
  const wanted = await net.predict({ x: { image: Float32Array.from(bytes, (v) => v / 255), size: x.size } });
  expect(await net.predict({ x: { image: bytes, size: x.size } })).toEqual(wanted);
  const half = Float32Array.from(x.size, (v) => v / 2);
  const same = await net.predict({ x: { image: bytes, size: half }, scale: { size: 2 } });
  expect(largestError(same.odd, wanted.odd)).toBeLessThan(1e-6);
  await expect(net.predict({ x: { image: bytes, size: half }, scale: { sizes: 2 } as never })).rejects.toThrow('scale has "sizes"'); // biome-ignore format: short
});

test("one input and output, a layer used twice, and something between the layers", async () => {
  const net = model({
    inputs: [3],
    layers: { twice: dense(3, { activation: "tanh" }), last: dense(1) },
    call: (given, { twice, last }) => last(add(twice(twice(given)), mul(given, 0.5)) as Tensor<["batch", 3], "f32">),
  });
  const one = trainer(net, { loss: "meanSquaredError", optimizer: sgd({ learningRate: 0.1 }), metrics: ["meanAbsoluteError"] }); // biome-ignore format: short
  expectTypeOf(one).toEqualTypeOf<Trainer<"meanAbsoluteError">>();
  await one.compile({ target: "js", batch: 4, seed: 1 });
  expect(one.executable.state.names.filter((path) => path.startsWith("model."))).toHaveLength(4);
  const oracle = new ProgramOracle(one.program, { dims: { batch: 4 }, seed: 1 });
  const feeds = { x: wave(12, 1), y: wave(4, 2) };
  const { epochs } = await one.fit({ ...feeds, epochs: 3, shuffle: false });
  for (const { loss } of epochs) expect(loss).toBeCloseTo(oracle.number(oracle.run("train", feeds), "loss"), 5);
  expect(await one.predict({ x: feeds.x })).toHaveLength(4);
});

test("any name is a name", async () => {
  const names = ["__proto__", "a.b", "constructor"] as const;
  const record = <T>(make: (name: string) => T) => Object.fromEntries(names.map((name) => [name, make(name)])) as Record<string, T>; // biome-ignore format: short
  const net = trainer(
    model({
      inputs: record(() => [2]),
      layers: record(() => dense(1)),
      call: (inputs, layers) => record((name) => (layers[name] as (x: Tensor) => Tensor)(inputs[name] as Tensor)),
    }),
    { loss: record(() => "meanSquaredError" as const), optimizer: sgd() },
  );
  await net.compile({ target: "js", batch: 2 });
  const { epochs } = await net.fit({ x: record(() => wave(4, 1)), y: record(() => wave(2, 3)) });
  const scores = new Map(Object.entries(epochs[0] ?? {}));
  const parts = names.map((name) => Number(scores.get(`${name}_loss`)));
  expect(parts.reduce((a, b) => a + b)).toBeCloseTo(Number(scores.get("loss")), 5);
  const found = await net.predict({ x: record(() => wave(4, 1)) });
  expect(Object.keys(found)).toEqual(names);
});

test("dropout inside a model works while training alone", async () => {
  const net = trainer(
    model({ inputs: [4], layers: { noise: dropout(0.5), last: dense(1) }, call: (given, { noise, last }) => last(noise(given)) }), // biome-ignore format: short
    { loss: "meanSquaredError", optimizer: sgd({ learningRate: 0 }) },
  );
  await net.compile({ target: "js", batch: 6 });
  const data = { x: wave(24, 1), y: wave(6, 1) };
  const { epochs } = await net.fit({ ...data, epochs: 2 });
  expect(epochs[0]?.loss).not.toBe(epochs[1]?.loss);
  expect((await net.evaluate(data)).loss).toBe((await net.evaluate(data)).loss);
});

describe("mistakes are found when the model or trainer is made", () => {
  const single = { inputs: [2], layers: { a: dense(2) } } as const;

  test.each<[string, () => unknown, string]>([
    ["a layer that is not used", () => model({ inputs: [2], layers: { a: dense(1), b: dense(1) }, call: (x, { a }) => a(x) }), 'never uses the layer "b"'],
    ["no output", () => model({ ...single, call: () => ({}) }), "call must give a tensor, or an object of tensors by name"],
    ["a number", () => model({ ...single, call: () => 3 as never }), "call must give a tensor"],
    ["an output without the batch", () => model({ ...single, call: (x, { a }) => meanAbsoluteError(a(x), a(x)) }), 'the output is f32[]; it must be f32 with "batch"'],
    ["two sizes for one layer", () => model({ inputs: { p: [2], q: [3] }, layers: { a: dense(1) }, call: ({ p, q }, { a }) => ({ p: a(p), q: a(q) }) }), "kernel [2,1], bias [1] and kernel [3,1], bias [1]: make two layers"],
    ["an input with the batch", () => model({ ...single, inputs: { p: [null as never, 2] }, call: ({ p }, { a }) => a(p) }), "inputs.p must be the shape of one sample, without the batch"],
    ["no inputs", () => model({ inputs: {}, layers: {}, call: () => ({}) }), "a model needs an input"],
  ])("%s", (_, make, message) => {
    expect(make).toThrow(UserError);
    expect(make).toThrow(message);
  }); // biome-ignore format: a table

  const heads = model({ ...single, call: (x, { a }) => ({ p: a(x), q: mul(a(x), 2) as Tensor<["batch", 2], "f32"> }) });
  const loss = { p: "meanSquaredError", q: "meanSquaredError" } as const;
  const optimizer = sgd();
  test.each<[string, () => unknown, string]>([
    ["a loss that is missing", () => trainer(heads, { loss: { p: "meanSquaredError" } as never, optimizer }), 'trainer: loss lacks "q": it must have p, q'],
    ["one loss for two", () => trainer(heads, { loss: "meanSquaredError" as never, optimizer }), "trainer: loss must be an object with one value each for p, q"],
    ["an unknown name in lossWeights", () => trainer(heads, { loss, optimizer, lossWeights: { r: 1 } as never }), 'trainer: lossWeights has "r", which the model has not'],
    ["a weight that is none", () => trainer(heads, { loss, optimizer, lossWeights: { p: Number.NaN } }), 'the weight of "p" in lossWeights must be a number, not NaN'],
    ["lossWeights for one output", () => trainer(dense(1), { input: [1], loss: "meanSquaredError", optimizer, lossWeights: { p: 1 } } as never), "this model has one"],
    ["metrics of an unknown output", () => trainer(heads, { loss, optimizer, metrics: { r: [] } as never }), 'trainer: metrics has "r"'],
    ["two scores of one name", () => trainer(heads, { loss, optimizer, metrics: { p: { loss2: "meanSquaredError", loss: "meanSquaredError" } } as never }), 'a metric cannot be called "loss"'],
    ["an input where the model knows it", () => trainer(heads, { loss, optimizer, input: [2] } as never), "leave input out"],
    ["no input", () => trainer(dense(1), { loss: "meanSquaredError", optimizer } as never), "input must be the shape of one sample"],
    ["a target that does not fit", () => trainer(heads, { loss, optimizer, target: { p: f32(3) } }), '"batch" as its first dimension'],
  ])("%s", (_, make, message) => {
    expect(make).toThrow(UserError);
    expect(make).toThrow(message);
  }); // biome-ignore format: a table
});
