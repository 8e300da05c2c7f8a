/**
 * Metrics with slots in a trainer: they begin anew with each epoch and evaluation, go on from a checkpoint in the middle of one, are in
 * the trainer's file, and cost a program without them nothing.
 */
import { describe, expect, expectTypeOf, test } from "vitest";
import { add, dense, max, maximum, metrics, mul, sgd, sub, type Trainer, trainer, trainerFrom } from "../../src/index.ts"; // biome-ignore format: names

const x = Float32Array.from({ length: 24 }, (_, i) => Math.sin(5 * i));
const y = Float32Array.from({ length: 12 }, (_, i) => (i % 3 === 0 ? 1 : 0));
const sampleWeight = Float32Array.from({ length: 12 }, (_, i) => (i % 4) / 2);

const answers = () =>
  trainer(dense(1, { activation: "sigmoid" }), {
    input: [2],
    loss: "binaryCrossentropy",
    optimizer: sgd({ learningRate: 0.5 }),
    metrics: ["mse", metrics.auc({ numThresholds: 20 }), metrics.confusionMatrix({ numClasses: 2, name: "table" })],
    weightedMetrics: ["mse", "mae"],
  });

const fitted = { x, y, sampleWeight, epochs: 2, batch: 4, shuffle: false };

test("tsc knows which are numbers", () => {
  expectTypeOf(answers()).toEqualTypeOf<Trainer<"mse" | "auc" | "weighted_mse" | "mae">>();
});

test("a table counts every sample once, in each epoch and evaluation; a weighted mean is over the weights' sum", async () => {
  const net = answers();
  await net.compile({ target: "js", batch: 4 });
  const { epochs } = await net.fit({ ...fitted, validation: { x: x.subarray(0, 8), y: y.subarray(0, 4) } });
  for (const { tables, validation } of epochs) {
    expect(tables?.table?.shape).toEqual([2, 2]);
    expect(tables?.table?.data.reduce((a, b) => a + b, 0)).toBe(12);
    expect(validation?.tables?.table?.data.reduce((a, b) => a + b, 0)).toBe(4);
  }
  const p = await net.predict({ x });
  const [plain, weighted] = [await net.evaluate({ x, y }), await net.evaluate({ x, y, sampleWeight })];
  const squares = [...p].map((it, i) => (it - (y[i] ?? 0)) ** 2);
  const all = sampleWeight.reduce((a, b) => a + b, 0);
  expect(plain.weighted_mse).toBeCloseTo(plain.mse, 6);
  expect(weighted.mse).toBeCloseTo(plain.mse, 6);
  expect(weighted.weighted_mse).toBeCloseTo(squares.reduce((a, b, i) => a + b * (sampleWeight[i] ?? 0), 0) / all, 6);
  expect(plain.auc).toBe((await net.evaluate({ x, y })).auc);
});

test("a run goes on in the middle of an epoch to the same scores, from the file alone", async () => {
  const whole = answers();
  await whole.compile({ target: "js", batch: 4 });
  const wanted = (await whole.fit(fitted)).epochs[1];
  const first = answers();
  await first.compile({ target: "js", batch: 4 });
  await first.fit({ ...fitted, callbacks: [{ onBatchEnd: ({ epoch, step }, { stop }) => (epoch === 2 && step === 2 ? stop() : undefined) }] }); // biome-ignore format: short
  const second = await trainerFrom(await first.checkpoint(), { target: "js" });
  const { seconds: _, stepMs: __, samplesPerSecond: ___, ...found } = (await second.fit(fitted)).epochs[0] ?? {};
  expect(wanted).toMatchObject(found);
  expect(found).toHaveProperty("weighted_mse");
});

describe("of one's own", () => {
  test("slots, where they start, and what they amount to", async () => {
    const largest = metrics.own({
      name: "largest",
      state: { most: { shape: [], start: -1 }, runs: { shape: [] } },
      update: ({ most, runs }, { output, target }) => ({
        most: maximum(most as never, max(sub(output, target))),
        runs: add(runs as never, 1),
      }),
      result: ({ most, runs }) => add(most as never, mul(runs as never, 10)),
    });
    const net = trainer(dense(1), { input: [2], loss: "mse", optimizer: sgd(), metrics: [largest, metrics.total("all", (output) => output)] }); // biome-ignore format: short
    await net.compile({ target: "js", batch: 4 });
    const p = await net.predict({ x });
    for (let again = 0; again < 2; again++) {
      const scores = await net.evaluate({ x, y });
      expect(scores.largest).toBeCloseTo(30 + Math.max(-1, ...[...p].map((it, i) => it - (y[i] ?? 0))), 5);
      expect(scores.all).toBeCloseTo(
        [...p].reduce((a, b) => a + b, 0),
        4,
      );
    }
  });

  test("what is missing is said", () => {
    expect(() => metrics.own({ name: "mine", state: {}, update: (state: object) => state } as never)).toThrow("metrics.own: result is missing"); // biome-ignore format: short
    expect(() => metrics.mean("mine", 3 as never)).toThrow("metrics.mean: the measure must be a function");
  });
});

test("a program without such metrics has neither their states nor their entries", async () => {
  const net = trainer(dense(1), { input: [2], loss: "mse", optimizer: sgd(), metrics: ["mae", "mape"] });
  expect([...net.program.entries.keys()]).toEqual(["train", "evaluate", "predict"]);
  expect((await net.compile({ target: "js", batch: 4 })).state.names.filter((name) => /metrics/i.test(name))).toEqual(
    [],
  );
});
