/** What outputs cost: the loss grows by the factor times the sum of their squares, over the samples of the batch, whatever path they take. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { bidirectional, concat, conv2d, dense, embedding, f32, flatten, groupQueryAttention, type Layer, l1l2, l2, layerFrom, layers, lstm, model, mul, multiHeadAttention, type Regularizer, sequential, sgd, square, sum, trainer } from "../../src/index.ts"; // biome-ignore format: names

const squares = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((all, value) => all + value * value, 0);
const settings = { loss: "meanSquaredError", optimizer: sgd() } as const;

const rows: Readonly<Record<string, readonly [(given: { activityRegularizer?: Regularizer }) => Layer, readonly number[]]>> = {
  dense: [(given) => dense(3, { activation: "tanh", ...given }), [4]],
  "conv2d": [(given) => conv2d(2, 2, { activation: "relu", ...given }), [3, 3, 1]],
  embedding: [(given) => embedding(5, 2, given), [3]],
  "lstm, every step": [(given) => lstm(2, { returnSequences: true, ...given }), [3, 2]],
  "lstm, the last step": [(given) => lstm(2, given), [3, 2]],
  "both directions, each": [(given) => bidirectional(lstm(2, { returnSequences: true, ...given })), [3, 2]],
}; // biome-ignore format: table

test.each(Object.entries(rows))("%s", async (_, [make, input]) => {
  const samples = 4;
  const x = Float32Array.from({ length: samples * input.reduce((a, b) => a * b) }, (_, i) => i % 4);
  const y = new Float32Array(samples);
  const costs = async (layer: Layer, batch: number) => {
    const net = trainer(sequential([layer, flatten(), dense(1)]), { ...settings, input });
    await net.compile({ target: "js", batch, seed: 1 });
    return (await net.evaluate({ x, y })).loss;
  };
  const free = trainer(sequential([make({}), flatten()]), { ...settings, input });
  await free.compile({ target: "js", batch: samples, seed: 1 });
  const wanted = (0.5 * squares(await free.predict({ x }))) / samples;
  expect(wanted).toBeGreaterThan(0);
  const without = await costs(make({}), samples);
  const costly = make({ activityRegularizer: l2(0.5) });
  for (const batch of [samples, 2]) expect((await costs(costly, batch)) - without).toBeCloseTo(wanted, 5);
  expect((await costs(layerFrom(JSON.parse(JSON.stringify(costly.config))), samples)) - without).toBeCloseTo(wanted, 5);
});

test("it is of the probabilities where a loss takes the logits behind them, and gradients flow", async () => {
  const given = { input: [2], loss: "softmaxCrossEntropy", optimizer: sgd({ learningRate: 1 }) } as const;
  const x = [1, 2, -1, 0.5];
  const data = { x, y: [0, 1] };
  const code: Regularizer = (output) => mul(sum(square(output)), 3);
  const [free, costly] = [{}, { activityRegularizer: code }].map((options) => trainer(dense(2, { activation: "softmax", ...options }), given)); // biome-ignore format: short
  for (const net of [free, costly]) await net?.compile({ target: "js", batch: 2, seed: 1 });
  const wanted = (3 * squares((await free?.predict({ x })) ?? [])) / 2;
  expect(((await costly?.evaluate(data))?.loss ?? 0) - ((await free?.evaluate(data))?.loss ?? 0)).toBeCloseTo(
    wanted,
    5,
  );
  for (const net of [free, costly]) await net?.trainOnBatch(data);
  expect(await costly?.predict({ x })).not.toEqual(await free?.predict({ x }));
});

test("the states that a layer returns count too, as in Keras, and so does each call", async () => {
  const x = Float32Array.from({ length: 12 }, (_, i) => Math.sin(i));
  const net = (given: object, calls: number) => {
    const made = model({
      inputs: [3, 2],
      layers: { memory: lstm(1, { returnState: true, ...given }) },
      call(x, { memory }) {
        for (let i = 1; i < calls; i++) memory.all(x);
        return concat([...memory.all(x)], 1);
      },
    });
    return trainer(made, { ...settings, target: f32("batch", 3) });
  };
  const [free, once, twice] = [net({}, 1), net({ activityRegularizer: l2(0.5) }, 1), net({ activityRegularizer: l2(0.5) }, 2)]; // biome-ignore format: short
  const data = { x, y: new Float32Array(6) };
  for (const it of [free, once, twice]) await it.compile({ target: "js", batch: 2, seed: 1 });
  const { loss } = await free.evaluate(data);
  const wanted = (0.5 * squares(await free.predict({ x }))) / 2;
  expect((await once.evaluate(data)).loss - loss).toBeCloseTo(wanted, 6);
  expect((await twice.evaluate(data)).loss - loss).toBeCloseTo(2 * wanted, 6);
});

interface Numbers {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}
interface PenaltyCase {
  readonly name: string;
  readonly weights: readonly Numbers[];
  readonly output: Numbers;
  readonly losses: readonly number[];
}
const attention = JSON.parse(
  readFileSync(new URL("../fixtures/keras-attention-penalty.json", import.meta.url), "utf8"),
) as { readonly query: Numbers; readonly value: Numbers; readonly cases: readonly PenaltyCase[] };

/** As Keras's case; GroupQueryAttention counts its output twice there. */
const attentions: Readonly<Record<string, (given: { activityRegularizer: Regularizer }) => Layer>> = {
  attention: (given) => layers.attention({ useScale: true, ...given }),
  additiveAttention: (given) => layers.additiveAttention(given),
  multiHeadAttention: (given) => multiHeadAttention(2, 3, given),
  "multiHeadAttention, without biases": (given) => multiHeadAttention(2, 3, { useBias: false, ...given }),
  groupQueryAttention: (given) => groupQueryAttention(3, 4, 2, given),
};

test.each(attention.cases.map((it) => [it.name, it] as const))("%s, against Keras", async (name, wanted) => {
  const attend = attentions[name]?.({ activityRegularizer: l1l2({ l1: 0.1, l2: 0.5 }) }) ?? dense(1);
  const net = trainer(
    model({ inputs: { query: [3, 4], value: [5, 4] }, layers: { attend }, call: ({ query, value }, { attend }) => attend(query, value) }),
    settings,
  ); // biome-ignore format: short
  await net.compile({ target: "js", batch: 2 });
  const paths = net.executable.state.names.filter((path) => path.startsWith("model."));
  expect(paths).toHaveLength(wanted.weights.length);
  for (const [i, path] of paths.entries()) net.executable.state.write(path, wanted.weights[i]?.data ?? []);
  const x = { query: Float32Array.from(attention.query.data), value: Float32Array.from(attention.value.data) };
  const y = Float32Array.from(wanted.output.data);
  for (const [i, value] of (await net.predict({ x })).entries()) expect(value).toBeCloseTo(y[i] ?? Number.NaN, 4);
  const counted = name === "groupQueryAttention" ? wanted.losses.slice(0, -1) : wanted.losses;
  const cost = counted.reduce((a, b) => a + b, 0); // the errors themselves are 0
  expect(Math.abs((await net.evaluate({ x, y })).loss - cost)).toBeLessThan(1e-5 * cost);
});
