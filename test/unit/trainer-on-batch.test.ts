/**
 * Single batches: the numbers and states are those of `fit`, `evaluate` and `predict` on the same samples; scores are of the batch
 * alone; a run under way, or in a checkpoint, does not see them.
 */
import { describe, expect, test } from "vitest";
import { adam, dense, metrics, sequential, sgd, trainer } from "../../src/index.ts";

const x = Float32Array.from({ length: 22 }, (_, i) => Math.sin(3 * i));
const y = Float32Array.from({ length: 11 }, (_, i) => i % 2);
const sampleWeight = Float32Array.from({ length: 11 }, (_, i) => (i % 4) / 2);
const part = (from: number, to: number) => ({ x: x.subarray(2 * from, 2 * to), y: y.subarray(from, to) });

async function net(target = "js", options: { readonly seed?: number } = {}) {
  const layers = [dense(5, { activation: "tanh" }), dense(1, { activation: "sigmoid" })];
  const given = { input: [2], loss: "binaryCrossentropy", optimizer: adam({ learningRate: 0.05 }) } as const;
  const made = trainer(sequential(layers), { ...given, metrics: ["meanAbsoluteError", metrics.auc({ numThresholds: 20 })], weightedMetrics: ["mse"] }); // biome-ignore format: short
  await made.compile({ target: target as "js", batch: 4, seed: 1, ...options });
  return made;
}

const scoresOf = ({ loss, meanAbsoluteError, auc, mse }: Awaited<ReturnType<Awaited<ReturnType<typeof net>>["evaluate"]>>) => ({ loss, meanAbsoluteError, auc, mse }); // biome-ignore format: short

describe.each(["js", "wasm"])("on %s", (target) => {
  test("trainOnBatch is a step of fit, testOnBatch an evaluation, predictOnBatch a prediction", async () => {
    const [one, fitted] = [await net(target), await net(target)];
    for (const [from, to] of [
      [0, 4],
      [4, 8],
      [8, 11],
    ] as const) {
      // biome-ignore format: short
      const batch = part(from, to);
      const { epochs } = await fitted.fit({ ...batch, batch: to - from, shuffle: false });
      expect(await one.trainOnBatch(batch)).toEqual(scoresOf(epochs[0] as never));
    }
    const [mine, its] = [await one.executable.state.snapshot(), await fitted.executable.state.snapshot()];
    for (const [name, values] of its) if (/^(model|opt)\./.test(name)) expect(mine.get(name), name).toEqual(values);
    const all = part(0, 11);
    expect(await one.testOnBatch(all)).toEqual(await fitted.evaluate({ ...all, batch: 11 }));
    const [whole, parts] = [await one.predictOnBatch({ x }), await one.predict({ x })];
    for (const [i, value] of parts.entries()) expect(whole[i]).toBeCloseTo(value, 6);
    expect(await one.predictOnBatch({ x: [] })).toHaveLength(0);
  });

  test("weights of samples and of classes", async () => {
    const [one, fitted] = [await net(target), await net(target)];
    const given = { ...part(0, 11), sampleWeight, classWeight: [1, 3] };
    const { epochs } = await fitted.fit({ ...given, batch: 11, shuffle: false });
    expect(await one.trainOnBatch(given)).toEqual(scoresOf(epochs[0] as never));
    expect(await one.testOnBatch({ ...part(0, 11), sampleWeight })).toEqual(
      await fitted.evaluate({ ...part(0, 11), sampleWeight, batch: 11 }),
    );
  });
});

test("it compiles where that was not done, and what scales x is remembered", async () => {
  const made = trainer(dense(1), { input: [2], loss: "mse", optimizer: sgd() });
  const { loss } = await made.trainOnBatch({ x: Uint8Array.of(0, 255, 255, 0), y: [0, 1], scale: 1 / 255 });
  expect(loss).toBeGreaterThan(0);
  const plain = await made.predictOnBatch({ x: [1, 0] });
  expect(await made.predictOnBatch({ x: Uint8Array.of(255, 0) })).toEqual(plain);
});

test("a run under way, and one that a checkpoint is in the middle of, count their own samples", async () => {
  const [one, alone] = [await net(), await net()];
  const frozen = { ...part(0, 11), shuffle: false, epochs: 1 } as const;
  for (const it of [one, alone]) it.setLearningRate(0); // so that the weights are the same whatever is trained
  const wanted = await alone.fit(frozen);
  const callbacks = [{ onBatchEnd: async () => void (await one.trainOnBatch(part(3, 9))) }];
  const seen = await one.fit({ ...frozen, callbacks });
  expect(scoresOf(seen.epochs[0] as never)).toEqual(scoresOf(wanted.epochs[0] as never));

  const stopped = await net();
  stopped.setLearningRate(0);
  await stopped.fit({ ...frozen, epochs: 2, callbacks: [{ onBatchEnd: ({ step }, control) => (step === 2 ? control.stop() : undefined) }] }); // biome-ignore format: short
  await stopped.trainOnBatch(part(0, 7));
  const again = await net();
  await again.restore(await stopped.checkpoint());
  await again.trainOnBatch(part(1, 6));
  const rest = await again.fit({ ...frozen, epochs: 1 });
  expect(scoresOf(rest.epochs[0] as never)).toEqual(scoresOf(wanted.epochs[0] as never));
});

test("what is wrong is said", async () => {
  const made = await net();
  const odd = { x: [Number.NaN, 1], y: [1] };
  await expect(made.trainOnBatch(odd)).rejects.toThrow(
    /^trainOnBatch: the loss is NaN: x of sample 0 \(the first is 0\), number 0 of its 2, is NaN/,
  );
  await expect((await net()).testOnBatch(odd)).rejects.toThrow(/^testOnBatch: the loss is NaN: x of sample 0/);
  const fresh = await net();
  expect((await fresh.trainOnBatch({ ...odd, onNaN: "ignore" })).loss).toBeNaN();
  await expect(fresh.trainOnBatch(part(0, 2))).rejects.toThrow(/the loss is NaN: .*weight dense1\.kernel has NaN/);
  await expect(fresh.trainOnBatch({ x: [1, 2], y: [2] })).rejects.toThrow(/trainOnBatch: y of sample 0 .* is 2/);
  await expect(fresh.trainOnBatch({ x: [], y: [] })).rejects.toThrow("trainOnBatch: x has no samples");
  await expect(fresh.trainOnBatch({ ...part(0, 2), batch: 2 } as never)).rejects.toThrow(/trainOnBatch.*"batch"/);
  await expect(fresh.predictOnBatch({ x: [1, 2, 3] })).rejects.toThrow(/predictOnBatch: x has 3 numbers/);
});

test("a history's columns, by our names and by Keras's", async () => {
  const made = await net();
  const history = await made.fit({ ...part(0, 8), epochs: 3, validation: part(8, 11) });
  const { epochs } = history;
  expect(history.column("loss")).toEqual(epochs.map(({ loss }) => loss));
  expect(history.column("validation.meanAbsoluteError")).toEqual(
    epochs.map(({ validation }) => validation?.meanAbsoluteError),
  );
  expect(history.column("val_loss")).toEqual(history.column("validation.loss"));
  expect(history.column("val_mean_absolute_error" as never)).toEqual(history.column("validation.meanAbsoluteError"));
  expect(history.column("epoch")).toEqual([1, 2, 3]);
  expect(history.column("learningRate")).toEqual([0.05, 0.05, 0.05]);
  expect(() => history.column("los" as never)).toThrow(/column: the history has no "los"; did you mean "loss"\?/);
  expect(JSON.parse(JSON.stringify(history)).epochs).toHaveLength(3);
});
