/**
 * fit, evaluate and predict on datasets: the numbers are those of the same samples as arrays, a run goes on in the middle of its data
 * to the same bits, and what is no batch is refused with its place.
 */
import { describe, expect, test } from "vitest";
import { adam, concat, type Dataset, dataset, dense, dropout, type FitOptions, model, Pixels, rows, type SampleBatch, sequential, sgd, trainer, UserError } from "../../src/index.ts"; // biome-ignore format: names

const count = 22;
const x = Float32Array.from({ length: 2 * count }, (_, i) => Math.sin(3 * i));
const y = Uint8Array.from({ length: count }, (_, i) => i % 2);
const weight = Float32Array.from({ length: count }, (_, i) => (i % 4) / 2);
const inOrder = { x, y, shuffle: false } as const;
const singles = dataset({ x: rows(x, 2), y });

async function net(options: { readonly seed?: number; readonly batch?: number } = {}) {
  const made = trainer(
    sequential([dense(5, { activation: "relu" }), dropout(0.3), dense(2, { activation: "softmax" })]),
    {
      input: [2],
      loss: "softmaxCrossEntropy",
      optimizer: adam(),
      metrics: ["accuracy"],
    },
  );
  await made.compile({ target: "js", batch: 4, seed: 1, ...options });
  return made;
}

type Net = Awaited<ReturnType<typeof net>>;
const bitsOf = async (made: Net): Promise<ReadonlyMap<string, unknown>> => made.executable.state.snapshot();
const scoresOf = (epochs: readonly { readonly loss: number; readonly accuracy: number }[]) => epochs.map(({ loss, accuracy }) => [loss, accuracy]); // biome-ignore format: short

/** The batches of four, as they stand in the arrays. */
function* batches(): Generator<SampleBatch> {
  for (let from = 0; from < count; from += 4) {
    yield { x: x.subarray(2 * from, 2 * Math.min(from + 4, count)), y: y.subarray(from, Math.min(from + 4, count)) };
  }
}

async function* slowBatches(): AsyncGenerator<SampleBatch> {
  for (const batch of batches()) {
    await Promise.resolve();
    yield batch;
  }
}

describe("the same numbers as from arrays, short last batch and all", () => {
  test.each<readonly [string, Parameters<Net["fit"]>[0]]>([
    ["single samples, which fit batches", { data: singles }],
    ["batches", { data: singles.batch(4) }],
    ["batches of lists", { data: singles.map((it) => ({ x: [...it.x], y: it.y })).batch(4) }],
    ["batches that were read ahead", { data: singles.batch(4).prefetch(2) }],
    ["batches kept in memory", { data: singles.batch(4).cache() }],
    ["a list of batches", { data: [...batches()] }],
    ["a function of the epoch", { data: () => batches() }],
    ["an async function of the epoch", { data: () => slowBatches() }],
    ["a generator of samples", { data: dataset(() => singles.iterate()) }],
  ])("%s", async (_, given) => {
    const [arrays, streamed] = [await net(), await net()];
    const wanted = await arrays.fit({ ...inOrder, epochs: 3, validation: { x, y } });
    const found = await streamed.fit({ ...given, epochs: 3, validationData: singles });
    expect(scoresOf(found.epochs)).toEqual(scoresOf(wanted.epochs));
    expect(found.epochs.map(({ validation }) => validation)).toEqual(wanted.epochs.map(({ validation }) => validation));
    expect(await bitsOf(streamed)).toEqual(await bitsOf(arrays));
  });

  test("one generator as data and as validation", async () => {
    const one = batches();
    await expect((await net()).fit({ data: one, validationData: one })).rejects.toThrow("fit: data and validationData are one generator, which is walked once"); // biome-ignore format: short
  });

  test("evaluate and predict", async () => {
    const made = await net();
    const scores = await made.evaluate({ x, y });
    const outputs = await made.predict({ x });
    for (const data of [singles, singles.batch(3), () => slowBatches()]) {
      const found = await made.evaluate({ data });
      expect(found.loss).toBeCloseTo(scores.loss, 6);
      expect(found.accuracy).toBe(scores.accuracy);
      expect(await made.predict({ data })).toEqual(outputs);
    }
    expect(
      await made.predict({
        data: dataset(rows(x, 2))
          .map((row) => ({ x: row }))
          .batch(9),
      }),
    ).toEqual(outputs);
    expect(await made.predict({ data: [x.subarray(0, 6), x.subarray(6)] as never })).toEqual(outputs);
  });

  test("validationData as arrays, and with arrays to train on", async () => {
    const [a, b, c] = [await net(), await net(), await net()];
    const wanted = await a.fit({ ...inOrder, validation: { x, y } });
    for (const found of [
      await b.fit({ ...inOrder, validationData: singles }),
      await c.fit({ data: singles, validationData: { x, y } }),
    ]) {
      expect(found.epochs[0]?.validation).toEqual(wanted.epochs[0]?.validation);
    }
  });

  test("weights in batches and weights of classes; a program without them is exchanged when they come", async () => {
    const [arrays, streamed, late] = [await net(), await net(), await net()];
    const given = { epochs: 2, classWeight: { 0: 1, 1: 3 } } as const;
    const weighted = dataset({ x: rows(x, 2), y, weight });
    const wanted = await arrays.fit({ ...inOrder, sampleWeight: weight, ...given });
    expect(scoresOf((await streamed.fit({ data: weighted, ...given })).epochs)).toEqual(scoresOf(wanted.epochs));
    const plain = await late.fit({ data: weighted, epochs: 1 });
    const again = await (await net()).fit({ ...inOrder, sampleWeight: weight });
    expect(scoresOf(plain.epochs)).toEqual(scoresOf(again.epochs));
    const first = await net();
    expect(await first.evaluate({ data: weighted })).toEqual(
      await (await net()).evaluate({ x, y, sampleWeight: weight }),
    );
  });

  test("pixels are scaled, and later calls know it", async () => {
    const pixels = Pixels.from({ length: 2 * count }, (_, i) => (37 * i) % 256) as Pixels;
    const [arrays, streamed] = [await net(), await net()];
    await arrays.fit({ ...inOrder, x: pixels });
    await streamed.fit({ data: dataset({ x: rows(pixels, 2), y }).batch(4) });
    expect(await bitsOf(streamed)).toEqual(await bitsOf(arrays));
    expect(await streamed.predict({ x: pixels })).toEqual(await arrays.predict({ x: pixels }));
  });

  test("several inputs and outputs by name", async () => {
    const make = async () => {
      const layers = { a: dense(2, { activation: "softmax" }), b: dense(1) };
      const two = model({ inputs: { u: [1], v: [1] }, layers, call: ({ u, v }, { a, b }) => { const h = concat([u, v], 1); return { kind: a(h), size: b(h) }; } }); // biome-ignore format: short
      const made = trainer(two, { loss: { kind: "softmaxCrossEntropy", size: "meanSquaredError" }, optimizer: sgd() });
      await made.compile({ target: "js", batch: 4, seed: 3 });
      return made;
    };
    const [u, v] = [x.slice(0, count), x.slice(count)];
    const [arrays, streamed] = [await make(), await make()];
    const wanted = await arrays.fit({ x: { u, v }, y: { kind: y, size: u }, shuffle: false });
    const found = await streamed.fit({ data: dataset({ x: { u, v }, y: { kind: y, size: u } }).batch(4) });
    expect(found.epochs[0]?.loss).toBe(wanted.epochs[0]?.loss);
    expect(found.epochs[0]?.kind_loss).toBe(wanted.epochs[0]?.kind_loss);
  });
});

describe("orders", () => {
  test("a second fit sees other orders, as one fit of more epochs does", async () => {
    const data = singles.shuffle(count, { seed: 5 }).batch(4);
    const [once, twice] = [await net(), await net()];
    await once.fit({ data, epochs: 2 });
    await twice.fit({ data });
    await twice.fit({ data });
    expect(await bitsOf(twice)).toEqual(await bitsOf(once));
  });

  test("stepsPerEpoch: each epoch has as many, and goes on where the one before ended", async () => {
    const seen: number[] = [];
    const numbered = (n: number) => dataset(Float32Array.from({ length: n }, (_, i) => i)).map((i) => {
      seen.push(i);
      return { x: Float32Array.of(i, i), y: 0 };
    }).batch(1); // biome-ignore format: short
    const walk = async (
      data: Dataset<{ readonly x: unknown; readonly y: unknown }>,
      epochs: number,
      stepsPerEpoch: number,
    ) => {
      seen.length = 0;
      const { epochs: records } = await (await net()).fit({ data, epochs, stepsPerEpoch });
      expect(records.length).toBe(epochs);
      return [...seen];
    };
    expect(await walk(numbered(3), 3, 2)).toEqual([0, 1, 2, 0, 1, 2]);
    expect(await walk(numbered(3).repeat(), 2, 4)).toEqual([0, 1, 2, 0, 1, 2, 0, 1]);
    await expect(walk(numbered(3).repeat(), 1, 0)).rejects.toThrow(
      "fit: stepsPerEpoch must be a whole number from 1, not 0",
    );
  });

  test("progress and callbacks are told what is known", async () => {
    const plans: unknown[] = [];
    const progress = { epochStart: ({ steps, samples }: { steps: number | null; samples: number | null }) => void plans.push([steps, samples]) }; // biome-ignore format: short
    const told: unknown[] = [];
    const callbacks = [{ onTrainBegin: ({ steps, samples, batch }: { steps: number | null; samples: number | null; batch: number }) => void told.push([steps, samples, batch]) }]; // biome-ignore format: short
    await (await net()).fit({ data: singles, progress, callbacks });
    await (await net()).fit({ data: () => batches(), epochs: 2, progress, callbacks });
    await (await net()).fit({ data: singles.batch(4).repeat(), stepsPerEpoch: 3, progress, callbacks });
    expect(plans).toEqual([[6, 22], [null, null], [6, null], [3, null]]); // biome-ignore format: rows
    expect(told).toEqual([[6, 22, 4], [null, null, 1], [3, null, 4]]); // biome-ignore format: rows
  });
});

describe("a run that goes on", () => {
  const noisy = (data: Dataset<{ x: Float32Array; y: number }>) =>
    data.shuffle(7, { seed: 2 }).map((it, { random }) => ({ x: it.x.map((v) => v + 0.1 * random.uniform()), y: it.y }), { seed: 9 }); // biome-ignore format: short
  test.each<readonly [string, Parameters<Net["fit"]>[0]]>([
    ["of known length", { data: noisy(singles).batch(4).prefetch(2) }],
    ["of unknown length", { data: noisy(singles.filter(({ y: label }) => label < 2)).batch(4) }],
    ["of single samples, cached", { data: noisy(singles.cache()) }],
    ["a function of the epoch", { data: (epoch) => dataset([...batches()]).iterate(epoch) }],
    ["without end", { data: noisy(singles).repeat().batch(4), stepsPerEpoch: 4 }],
    ["begun anew within epochs", { data: noisy(singles).batch(4), stepsPerEpoch: 4 }],
  ])("%s: from a checkpoint after any step, to the same bits", async (_, given) => {
    const whole = await net();
    const { epochs } = await whole.fit({ ...given, epochs: 3 });
    for (const steps of [1, 3, 4, 7]) {
      const first = await net();
      let [done, saved]: [number, Promise<Uint8Array> | null] = [0, null];
      const onBatchEnd = (__: unknown, control: { stop(): void }): void => {
        if (++done !== steps) return;
        saved = first.checkpoint();
        control.stop();
      };
      await first.fit({ ...given, epochs: 3, callbacks: [{ onBatchEnd }] });
      const second = await net({ seed: 77 });
      await second.restore((await saved) ?? new Uint8Array());
      const rest = await second.fit({ ...given, epochs: 3 });
      expect(scoresOf(rest.epochs)).toEqual(scoresOf(epochs).slice(-rest.epochs.length));
      expect(await bitsOf(second)).toEqual(await bitsOf(whole));
    }
  });

  test("another kind of data, or other steps, is refused", async () => {
    const first = await net();
    const onBatchEnd = (_: unknown, control: { stop(): void }): void => control.stop();
    await first.fit({ data: singles.batch(4), epochs: 2, callbacks: [{ onBatchEnd }] });
    const saved = await first.checkpoint();
    const second = await net();
    await second.restore(saved);
    await expect(second.fit({ x, y, epochs: 2 })).rejects.toThrow("the data was a dataset and is arrays");
    await expect(second.fit({ data: singles.batch(5), epochs: 2 })).rejects.toThrow("batch was 4 and is 5");
    await expect(second.fit({ data: singles.batch(4), epochs: 2, stepsPerEpoch: 2 })).rejects.toThrow(
      "stepsPerEpoch was undefined and is 2",
    );
    await expect(second.fit({ data: singles.take(20).batch(4), epochs: 2 })).rejects.toThrow(
      "samples was 22 and is 20",
    );
  });

  test("behind an epoch that failed, by resume", async () => {
    const [whole, broken] = [await net(), await net()];
    const data = noisy(singles).batch(4);
    await whole.fit({ data, epochs: 3 });
    let step = 0;
    const spoilt = data.map((batch) => (++step === 9 ? { x: batch.x.fill(Number.NaN), y: batch.y } : batch));
    const error = await broken
      .fit({ data: spoilt, epochs: 3 })
      .catch((thrown: unknown) => thrown as { message: string; resume: never });
    expect(String(error)).toContain(
      "in epoch 2 of 3, at step 3 of 6: x of sample 0 of batch 2 (the first of both is 0), number 0 of its 2, is NaN",
    );
    const { resume } = error as { readonly resume: never };
    await broken.fit({ data, epochs: 3, resume });
    expect(await bitsOf(broken)).toEqual(await bitsOf(whole));
  });

  test.each([
    ["of single samples", () => noisy(singles)],
    ["of batches that are kept", () => noisy(singles).cache().batch(4).prefetch(2)],
  ])("one dataset %s in two fits at once, as training and as validation: each sees what it would have seen alone", async (_, make) => {
    const [alone, longer, first, second] = [await net(), await net(), await net(), await net()];
    const { epochs } = await alone.fit({ data: make(), validationData: make(), epochs: 2 });
    await longer.fit({ data: make(), epochs: 3 });
    const shared = make();
    const [history] = await Promise.all([
      first.fit({ data: shared, validationData: shared, epochs: 2 }),
      second.fit({ data: shared, epochs: 3 }),
    ]);
    expect(await bitsOf(first)).toEqual(await bitsOf(alone));
    expect(await bitsOf(second)).toEqual(await bitsOf(longer));
    expect(history.epochs.map(({ validation }) => validation)).toEqual(epochs.map(({ validation }) => validation));
  }); // biome-ignore format: long
});

describe("wrong input", () => {
  const batch = { x: x.subarray(0, 8), y: y.subarray(0, 4) };
  const ofBatch = (given: unknown) => ({ data: [given] as never });
  test.each<readonly [string, object, string]>([
    ["arrays beside it", { data: singles, x, y }, "fit: x does not go with data: its elements have x, y and weight"],
    ["a share for validation", { data: singles, validationSplit: 0.1 }, "fit: validationSplit does not go with data: data.take(n) and data.skip(n) split it"],
    ["shuffle", { data: singles, shuffle: true }, "fit: shuffle does not go with data, which has its own order: data.shuffle(buffer, { seed })"],
    ["another batch", { data: singles.batch(4), batch: 8 }, "fit: batch is 8, and the data has batches of 4 already"],
    ["steps of arrays", { x, y, stepsPerEpoch: 3 }, "fit: stepsPerEpoch is for data"],
    ["two validations", { data: singles, validation: { x, y }, validationData: singles }, "fit: give one of validation, validationData and validationSplit"],
    ["no data", { data: 3 }, "fit: data must be a dataset, something to iterate over that gives batches { x, y }, or a function of the epoch that gives one, not 3"],
    ["a function that gives none", { data: () => 3 }, "the function gave 3"],
    ["nothing in it", { data: singles.take(0) }, "fit: the data has no elements"],
    ["nothing comes", { data: singles.filter(() => false) }, "fit: the data gave no batch in epoch 1"],
    ["no end", { data: singles.repeat() }, "fit: the data has no end: give stepsPerEpoch"],
    ["validation without end", { x, y, validationData: singles.repeat() }, "fit: validationData: the data has no end: take(n) of it"],
    ["a generator for two epochs", { data: batches(), epochs: 2 }, "fit: the data gave no batch in epoch 2: a generator is walked once; give the function that makes it"],
    ["it ends before its steps", { data: () => [batch], stepsPerEpoch: 0.5 }, "stepsPerEpoch must be a whole number"],
    ["no object", ofBatch(7), "fit: batch 0 is 7: it must be an object { x, y }"],
    ["no y", ofBatch({ x: batch.x }), "fit: batch 0 has no y, the targets of x"],
    ["no x", ofBatch({ y: batch.y }), "fit: batch 0: x is missing"],
    ["a name that is none", ofBatch({ ...batch, wieght: [1] }), 'fit: batch 0 has "wieght"; did you mean "weight"?: it may have x, y and weight; map takes others out'],
    ["labels out of range", ofBatch({ x: batch.x, y: [0, 1, 2, 0] }), "fit: batch 0: y of sample 2 (the first is 0) is 2: labels go from 0 to 1"],
    ["labels that are no integers", ofBatch({ x: batch.x, y: [0, 1, 0.5, 0] }), "fit: batch 0: y of sample 2 (the first is 0) is 0.5, which is no i32"],
    ["too few labels", ofBatch({ x: batch.x, y: [0, 1] }), "fit: batch 0: y has 2 numbers for the 4 samples of x"],
    ["no samples", ofBatch({ x: [], y: [] }), "fit: batch 0: x has no samples"],
    ["a number that is none", ofBatch({ x: [1, 2, 3, Number.NaN, 1, 2, 3, 4], y: batch.y }), "at step 1: x of sample 1 of batch 0 (the first of both is 0), number 1 of its 2, is NaN"],
    ["a weight below 0", ofBatch({ ...batch, weight: [1, -1, 1, 1] }), "fit: batch 0: sampleWeight has -1 at position 1"],
    ["texts", { data: dataset([{ x: "a", y: 0 }]) }, "fit: batch 0: x has a (string) at position 0"],
    ["batches where samples belong", { data: dataset([...batches()].map((it) => ({ x: it.x as Float32Array, y: it.y as Uint8Array })).slice(0, 4)) }, "fit: batch 0: 4 elements made 16 samples: each element must be one sample"],
    ["samples of another size", { data: dataset({ x: rows(x.subarray(0, 33), 3), y: y.subarray(0, 11) }) }, "fit: batch 0: y has 4 numbers for the 6 samples of x"],
  ])("%s", async (_, given, message) => {
    const found: unknown = await (await net()).fit(given as never).catch((error: unknown) => error);
    expect(found).toBeInstanceOf(UserError);
    expect(String(found)).toContain(message);
  }); // biome-ignore format: a row each

  test("evaluate and predict", async () => {
    const made = await net();
    await expect(made.evaluate({ data: singles, x, y } as never)).rejects.toThrow("evaluate: x does not go with data");
    await expect(made.predict({ data: singles, x } as never)).rejects.toThrow("predict: x does not go with data");
    await expect(made.evaluate({ data: [{ x: batch.x, y: [0, 5, 0, 0] }] })).rejects.toThrow(
      "evaluate: batch 0: y of sample 1 (the first is 0) is 5",
    );
    await expect(made.predict({ data: singles.repeat() })).rejects.toThrow(
      "predict: the data has no end: take(n) of it",
    );
    const spoilt = [batch, { x: Float32Array.of(1, Number.NaN), y: [0] }];
    await expect(made.evaluate({ data: spoilt })).rejects.toThrow(
      "evaluate: the loss is NaN: x of sample 0 of batch 1 (the first of both is 0), number 1 of its 2, is NaN",
    );
  });

  test("an error of the data ends the run, and the next one is free", async () => {
    const made = await net();
    const broken = singles.map((it, { index }) => {
      if (index === 9) throw new Error("the disk is gone");
      return it;
    });
    await expect(made.fit({ data: broken })).rejects.toThrow("the disk is gone");
    expect((await made.fit({ data: singles })).epochs.length).toBe(1);
  });
});

test("arrays may be rows(array, width), as trainTestSplit gives them", async () => {
  const x = Float32Array.from({ length: 24 }, (_, i) => Math.sin(i));
  const y = Float32Array.from({ length: 24 }, (_, i) => Math.cos(i));
  const scores = async (given: { readonly x: FitOptions["x"]; readonly y: FitOptions["y"] }) => {
    const net = trainer(sequential([dense(2)]), { input: [2], loss: "meanSquaredError", optimizer: sgd() });
    await net.compile({ target: "js", seed: 1, batch: 4 });
    const { epochs } = await net.fit({ ...given, epochs: 2, validation: given });
    return [
      epochs.map(({ loss, validation }) => [loss, validation?.loss]),
      await net.evaluate(given),
      await net.predict(given),
    ];
  };
  expect(await scores({ x: rows(x, 2), y: rows(y, 2) })).toEqual(await scores({ x, y }));
  await expect(scores({ x: rows(x, 3), y })).rejects.toThrow(
    "fit: x has rows of 3 numbers: a sample has the shape [2]",
  );
  await expect(scores({ x, y: rows(y, 4) })).rejects.toThrow(
    "fit: y has rows of 4 numbers: a sample has the shape [2]",
  );
});
