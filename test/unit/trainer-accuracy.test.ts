/**
 * What "accuracy" and the other metrics by name mean for each kind of output, against counting by hand; and the pairs of output,
 * loss, labels and metric that are refused since no number of theirs would mean anything.
 */
import { beforeAll, describe, expect, test } from "vitest";
import { accuracy, activation, dense, f32, type InputSpec, i32, type Layer, type LossName, type Measure, type MetricName, mean, model, program, sequential, sgd, square, sub, type Tensor, trainer, trainerFrom, u8 } from "../../src/index.ts"; // biome-ignore format: names

const count = 200;
const x = Float32Array.from({ length: count }, (_, i) => (Math.sin(i * i) * 3) / 2);
const share = (hits: (i: number) => boolean) => Array.from({ length: count }, (_, i) => Number(hits(i))).reduce((a, b) => a + b) / count; // biome-ignore format: short

interface Case {
  readonly layer: Layer;
  readonly loss: LossName | Measure;
  readonly target?: InputSpec;
  readonly metrics?: readonly MetricName[];
  readonly y: ArrayLike<number>;
  /** From the model's outputs, row after row, counted here. */
  readonly right: (output: Float32Array, i: number) => boolean;
}

const bits = Uint8Array.from(x, (value, i) => Number(value + Math.cos(i) > 0.4));
const classes = Int32Array.from(x, (_, i) => (i * 7) % 3);
const rows = Float32Array.from({ length: 3 * count }, (_, i) => Number(classes[Math.floor(i / 3)] === i % 3));
const tags = Float32Array.from({ length: 3 * count }, (_, i) => Number(Math.sin(i * 5) > 0.3));
const largest = (output: Float32Array, i: number) => [0, 1, 2].reduce((best, k) => ((output[3 * i + k] ?? 0) > (output[3 * i + best] ?? 0) ? k : best), 0); // biome-ignore format: short
const isClass = (output: Float32Array, i: number) => largest(output, i) === classes[i];
const isBit = (bound: number) => (output: Float32Array, i: number) => (output[i] ?? 0) > bound === (bits[i] === 1);
const ownError: Measure = (output, wanted) => mean(square(sub(output as Tensor, wanted) as Tensor)) as Tensor;
const squares: Measure = (output) => mean(square(output)) as Tensor;

const cases: readonly (readonly [string, Case])[] = [
  ["one sigmoid", { layer: dense(1, { activation: "sigmoid" }), loss: "sigmoidCrossEntropy", y: bits, right: isBit(0.5) }],
  ["one logit: its probability is compared with a half", { layer: dense(1), loss: "sigmoidCrossEntropy", y: bits, right: isBit(0) }],
  ["one logit, binaryAccuracy", { layer: dense(1), loss: "sigmoidCrossEntropy", metrics: ["binaryAccuracy"], y: bits, right: isBit(0) }],
  ["one sigmoid, labels [batch]", { layer: dense(1, { activation: "sigmoid" }), loss: "sigmoidCrossEntropy", target: f32("batch"), y: bits, right: isBit(0.5) }],
  ["one sigmoid, labels u8[batch]", { layer: dense(1, { activation: "sigmoid" }), loss: "sigmoidCrossEntropy", target: u8("batch"), y: bits, right: isBit(0.5) }],
  ["one sigmoid by its squared error", { layer: dense(1, { activation: "sigmoid" }), loss: "meanSquaredError", y: bits, right: isBit(0.5) }],
  ["one sigmoid, a loss of one's own", { layer: dense(1, { activation: "sigmoid" }), loss: ownError, y: bits, right: isBit(0.5) }],
  ["three softmax", { layer: dense(3, { activation: "softmax" }), loss: "softmaxCrossEntropy", y: classes, right: isClass }],
  ["three softmax, labels u8[batch,1]", { layer: dense(3, { activation: "softmax" }), loss: "softmaxCrossEntropy", target: u8("batch", 1), y: classes, right: isClass }],
  ["three logits, categoricalAccuracy", { layer: dense(3), loss: "softmaxCrossEntropy", metrics: ["categoricalAccuracy"], y: classes, right: isClass }],
  ["three softmax, rows, by their squared error", { layer: dense(3, { activation: "softmax" }), loss: "meanSquaredError", y: rows, right: isClass }],
  ["three outputs, rows, a loss of one's own", { layer: dense(3), loss: ownError, y: rows, right: isClass }],
  ["three outputs, classes, a loss of one's own", { layer: dense(3), loss: squares, target: i32("batch"), y: classes, right: isClass }],
  ["three sigmoid, one of them right", { layer: dense(3, { activation: "sigmoid" }), loss: "sigmoidCrossEntropy", metrics: ["categoricalAccuracy"], y: rows, right: isClass }],
  ["three sigmoid, classes, a loss of one's own", { layer: dense(3, { activation: "sigmoid" }), loss: squares, target: i32("batch"), y: classes, right: isClass }],
]; // biome-ignore format: a table

describe("accuracy", () => {
  test.each(cases)("of %s", async (_, { layer, loss, target, metrics = ["accuracy"], y, right }) => {
    const net = trainer(layer, { input: [1], loss, ...(target === undefined ? {} : { target }), metrics, optimizer: sgd() }); // biome-ignore format: short
    for (const where of ["js", "wasm"] as const) {
      await net.compile({ target: where, threads: 1, batch: 64, seed: 4 });
      const output = await net.predict({ x });
      const wanted = share((i) => right(output, i));
      expect(wanted).toBeGreaterThan(0.1); // neither none nor all, so that a constant answer fails
      expect(wanted).toBeLessThan(0.9);
      const found = await net.evaluate({ x, y: Float64Array.from(y) });
      expect(found[metrics[0] as MetricName], where).toBeCloseTo(wanted, 6);
    }
    net.dispose();
  });

  test("of three sigmoid columns is the share of right answers, not of right rows", async () => {
    const net = trainer(dense(3, { activation: "sigmoid" }), { input: [1], loss: "sigmoidCrossEntropy", metrics: ["accuracy"], optimizer: sgd() }); // biome-ignore format: short
    await net.compile({ target: "js", batch: 64, seed: 4 });
    const output = await net.predict({ x });
    const hits = Array.from(output, (p, k): number => Number(p > 0.5 === (tags[k] === 1)));
    const wanted = hits.reduce((a, b) => a + b) / hits.length;
    expect((await net.evaluate({ x, y: tags })).accuracy).toBeCloseTo(wanted, 6);
    net.dispose();
  });

  test("is chosen for each of several outputs, with weights for samples too", async () => {
    const heads = model({
      inputs: [1],
      layers: { odd: dense(1, { activation: "sigmoid" }), digit: dense(3, { activation: "softmax" }) },
      call: (input, { odd, digit }) => ({ odd: odd(input), digit: digit(input) }),
    });
    const net = trainer(heads, {
      loss: { odd: "sigmoidCrossEntropy", digit: "softmaxCrossEntropy" },
      metrics: { odd: ["accuracy"], digit: ["accuracy"] },
      optimizer: sgd(),
    });
    await net.compile({ target: "js", batch: 64, seed: 4 });
    const { odd, digit } = await net.predict({ x });
    const scores = await net.evaluate({ x, y: { odd: bits, digit: classes }, sampleWeight: new Float32Array(count).fill(0.5) }); // biome-ignore format: short
    expect(scores.odd_accuracy).toBeCloseTo(
      share((i) => isBit(0.5)(odd, i)),
      6,
    ); // metrics are not weighted
    expect(scores.digit_accuracy).toBeCloseTo(share((i) => isClass(digit, i)), 6); // biome-ignore format: short
    net.dispose();
  });
});

test("a saved trainer has the same accuracy", async () => {
  const net = trainer(dense(1, { activation: "sigmoid" }), { input: [1], loss: "sigmoidCrossEntropy", target: f32("batch"), metrics: ["accuracy"], optimizer: sgd() }); // biome-ignore format: short
  await net.compile({ target: "js", batch: 64, seed: 4 });
  const loaded = await trainerFrom(await net.checkpoint(), { target: "js" });
  expect(await loaded.evaluate({ x, y: bits })).toEqual(await net.evaluate({ x, y: bits }));
  loaded.dispose();
  net.dispose();
});

describe("targets stand beside outputs", () => {
  let wanted = 0;
  const evaluated = async (target: InputSpec | undefined, loss: LossName) => {
    const net = trainer(dense(1), { input: [1], loss, ...(target === undefined ? {} : { target }), optimizer: sgd() });
    await net.compile({ target: "js", batch: 64, seed: 4 });
    return (await net.evaluate({ x, y: bits })).loss;
  };

  beforeAll(async () => {
    wanted = await evaluated(undefined, "meanSquaredError");
  });

  // [batch,1] and [batch] broadcast to [batch,batch]: the loss of all pairs
  test.each([f32("batch"), i32("batch"), i32("batch", 1), u8("batch")])("meanSquaredError, case %#", async (target) => {
    expect(wanted).toBeGreaterThan(0);
    expect(await evaluated(target, "meanSquaredError")).toBeCloseTo(wanted, 6);
  });
});

describe("what cannot mean anything is refused", () => {
  type Given = { layer: Layer; loss: LossName | Measure; target?: InputSpec; metrics?: readonly MetricName[] };
  const three = dense(3, { activation: "softmax" });
  const refused: readonly (readonly [string, Given, string])[] = [
    ["softmaxCrossEntropy of one output", { layer: dense(1), loss: "softmaxCrossEntropy" }, "softmaxCrossEntropy needs an output for each class, so at least two"],
    ["the softmax of one output", { layer: dense(1, { activation: "softmax" }), loss: "meanSquaredError" }, "the softmax of a row of one is always 1"],
    ["the same as a layer", { layer: sequential([dense(1), activation("softmax")]), loss: squares }, "the softmax of a row of one is always 1"],
    ["accuracy of a number", { layer: dense(1), loss: "meanSquaredError", metrics: ["accuracy"] }, 'a model that ends in linear with meanSquaredError gives a number, no classes. For numbers use the metric "meanAbsoluteError"'],
    ["accuracy of numbers", { layer: dense(3, { activation: "relu" }), loss: "meanAbsoluteError", metrics: ["accuracy"] }, "ends in relu with meanAbsoluteError gives numbers"],
    ["accuracy of who knows what", { layer: dense(1), loss: squares, metrics: ["accuracy"] }, "a loss of your own gives a number"],
    ["the largest of one", { layer: dense(1, { activation: "sigmoid" }), loss: "sigmoidCrossEntropy", metrics: ["categoricalAccuracy"] }, "rows of one"],
    ["an error between rows and class numbers", { layer: three, loss: "softmaxCrossEntropy", metrics: ["meanSquaredError"] }, "meanSquaredError compares [batch,3] with a target of that shape; the target is i32[batch]"],
    ["one half and class numbers", { layer: three, loss: "softmaxCrossEntropy", metrics: ["binaryAccuracy"] }, "binaryAccuracy compares [batch,3]"],
    ["one label for three answers", { layer: dense(3), loss: "sigmoidCrossEntropy", target: f32("batch", 1) }, "sigmoidCrossEntropy compares [batch,3]"],
    ["probabilities of one class for three", { layer: three, loss: "softmaxCrossEntropy", target: f32("batch", 1) }, "softmaxCrossEntropy compares [batch,3]"],
    ["three classes a sample", { layer: three, loss: "softmaxCrossEntropy", target: i32("batch", 3) }, "softmaxCrossEntropy compares [batch]"],
    ["every sample with every other", { layer: dense(1), loss: (output, wanted) => square(sub(output as Tensor, wanted) as Tensor), target: f32("batch") }, "the loss gave [batch,batch], every sample with every other"],
  ]; // biome-ignore format: a table

  test.each(refused)("%s", (_, { layer, ...options }, message) => {
    expect(() => trainer(layer, { input: [1], optimizer: sgd(), ...options })).toThrow(message);
  });

  test("the function accuracy on rows of one", () => {
    const make = () =>
      program({
        inputs: { scores: f32("n", 1), label: i32("n") },
        step: ({ scores, label }) => ({ outputs: { right: accuracy(scores, label) } }),
      });
    expect(make).toThrow("accuracy: the rows of [n,1] have one score, which is always the largest");
    expect(make).toThrow("trainer-accuracy.test.ts");
  });
});
