/**
 * Everything with a config, there and back: each layer, optimizer, loss, metric, regularizer and initializer that has a name is written
 * and read again, alone and in the file of a trainer, and computes the same bits. Whoever exports one that is in no table, or gives one
 * an option that no row sets, is told.
 */
import { describe, expect, expectTypeOf, test } from "vitest";
import * as tensorloom from "../../src/index.ts";
import {
  compile,
  dense,
  f32,
  flatten,
  type GivenLoss,
  type Initializer,
  type Layer,
  type Loss,
  type LossName,
  layerFrom,
  losses,
  lossFrom,
  type MetricName,
  type Optimizer,
  optimizerFrom,
  program,
  type Regularizer,
  sequential,
  sgd,
  slotUpdates,
  type Trainer,
  trainer,
  trainerFrom,
} from "../../src/index.ts";
import { initializers } from "../../src/nn/initializers.ts";
import * as layers from "../../src/nn/layers/all.ts";
import type { AnyLayerSchema } from "../../src/nn/layers/schema.ts";
import * as lossSchemas from "../../src/nn/losses/all.ts";
import type { AnyLossSchema } from "../../src/nn/losses/loss.ts";
import * as metrics from "../../src/nn/metrics/all.ts";
import * as optimizers from "../../src/nn/optimizers/all.ts";
import type { AnyOptimizerSchema } from "../../src/nn/optimizers/schema.ts";
import type { Fields } from "../../src/nn/schema.ts";
import { type InitializerRow, initializerRows, type LayerRow, layerRows, lossRows, type MeasureRow, metricRows, type OptimizerRow, optimizerRows, regularizerRows } from "../nn-rows.ts"; // biome-ignore format: names

type Table<T> = Readonly<Record<string, T>>;
const layerSchemas: Table<AnyLayerSchema> = layers;
const optimizerSchemas: Table<AnyOptimizerSchema> = optimizers;
const exported: Table<unknown> = { ...tensorloom, ...tensorloom.optimizers, ...tensorloom.layers };

const known = <T>(table: Table<T>, name: string): T => {
  const found = table[name];
  if (found === undefined) throw new Error(`"${name}" is in no table`);
  return found;
};

function made(name: string, ...args: readonly unknown[]): unknown {
  const make = exported[name];
  if (typeof make !== "function") throw new Error(`src/index.ts does not export "${name}"`);
  return make(...args);
}

const layerOf = (name: string, { given, options = {} }: LayerRow): Layer => made(name, ...given, options) as Layer;

const rowsOf = <R>(rows: Table<readonly R[]>): [string, R][] =>
  Object.entries(rows).flatMap(([name, list]) => list.map((row): [string, R] => [name, row]));

const copyOf = (config: unknown): unknown => JSON.parse(JSON.stringify(config));

// ---- nothing is forgotten ------------------------------------------------------------------------------------------

/** Names of exported functions that make such a thing. */
type MakersOf<T, M = typeof tensorloom> = {
  [K in keyof M]: M[K] extends (...args: never[]) => infer R
    ? [R] extends [never]
      ? never
      : R extends T
        ? K
        : never
    : never;
}[keyof M];

describe("what is exported is in its table", () => {
  test("by the types of the functions", () => {
    expectTypeOf<MakersOf<Layer, typeof tensorloom.layers>>().toEqualTypeOf<
      Exclude<keyof typeof layers, Overloaded> | "layer" | "normalizationOf"
    >();
    expectTypeOf<MakersOf<Optimizer>>().toEqualTypeOf<
      keyof typeof optimizers | "groups" | "lossScale" | "optimizer" | "optimizerFrom"
    >();
    expectTypeOf<Exclude<MakersOf<Initializer>, TakesNumbers>>().toEqualTypeOf<keyof typeof initializers>();
    expectTypeOf<MakersOf<Regularizer>>().toEqualTypeOf<keyof typeof regularizerRows>();
  });

  test.each(Object.entries({ ...layerSchemas, ...optimizerSchemas }))(
    "%s by the name of its function",
    (name, schema) => {
      expect(schema.name).toBe(name);
      expect(exported[name]).toBeTypeOf("function");
    },
  );
});

/** Layers that are functions of a tensor too: of overloads the type of the last is looked at. */
type Overloaded = "dropout" | "flatten";
/** Initializers that need more than a shape: in a layer they are code. */
type TakesNumbers = "filled" | "values" | "uniform" | "normal";

/** Fields that no config has at another value than the default. */
function neverSet(fields: Fields, configs: readonly object[]): readonly string[] {
  return Object.entries(fields)
    .filter(([name, { fallback, write }]) => {
      const start = fallback === undefined ? undefined : JSON.stringify(write(fallback));
      const found = configs.map((config) => new Map(Object.entries(config)).get(name));
      return found.every((value) => value === undefined || JSON.stringify(value) === start);
    })
    .map(([name]) => name);
}

describe("a row sets each option", () => {
  test.each(Object.entries(layerSchemas))("of %s", (name, { given, options }) => {
    const configs = known<readonly LayerRow[]>(layerRows, name).map((row) => Object(layerOf(name, row).config));
    expect(neverSet({ ...given, ...options }, configs)).toEqual([]);
  });

  test.each(Object.entries<AnyLossSchema>(lossSchemas))("of the loss %s", (name, { options }) => {
    const { reduction: _, ...own } = options; // one of all of them
    const given = name === "circle" || name === "ctc" ? [name === "ctc" ? {} : { gamma: 2, margin: 0.3 }] : known<readonly MeasureRow[]>(lossRows, name).map((row) => row.options ?? {}); // biome-ignore format: short
    const configs = given.map((it) => lossOf(name, it).config);
    expect(neverSet(own, configs)).toEqual([]);
    for (const config of configs) expect(lossFrom(copyOf(config)).config).toEqual(config);
  });

  test.each(Object.entries(optimizerSchemas))("of %s", (name, { options }) => {
    expect(neverSet(options, known<OptimizerRow>(optimizerRows, name).options)).toEqual([]);
  });
});

// ---- there and back ------------------------------------------------------------------------------------------------

const count = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
const numbers = (length: number): Float32Array => Float32Array.from({ length }, (_, i) => Math.sin(3 * i + 1));

/** Numbers that the layer takes. */
const inputOf = ({ takes }: Layer, length: number): Float32Array =>
  takes === "i32" ? Float32Array.from({ length }, (_, i) => i % 3) : numbers(length);

/** What a layer gives for two samples while it trains, from the seed. */
async function outputOf(layer: Layer, sample: readonly number[]): Promise<unknown> {
  const step = program({
    inputs: { x: f32(2, ...sample) },
    state: { model: layer.params(sample) },
    step({ x }, { model }) {
      const slots = slotUpdates(model);
      const y = layer.apply(model as never, x, { training: true, slots });
      return { outputs: { y }, next: { model: slots.next(model) } };
    },
  });
  const executable = await compile(step, { target: "js", seed: 5 });
  const { y } = await executable.run({ entry: "step", feeds: { x: inputOf(layer, 2 * count(sample)) } });
  executable.dispose();
  return y;
}

/** What a layer of several tensors gives for two samples of each. */
async function joinedOf({ several }: Layer, samples: readonly (readonly number[])[]): Promise<unknown> {
  const step = program({
    inputs: { xs: samples.map((sample) => f32(2, ...sample)) },
    step({ xs }) {
      const [y] = several?.apply({}, xs) ?? [];
      return { outputs: y === undefined ? {} : { y } };
    },
  });
  const executable = await compile(step, { target: "js" });
  const xs = samples.map((sample) => numbers(2 * count(sample)));
  const { y } = await executable.run({ entry: "step", feeds: { xs } });
  executable.dispose();
  return y;
}

describe("layers", () => {
  test.each(rowsOf<LayerRow>(layerRows).filter(([, { samples }]) => samples !== undefined))(
    "%s of several",
    async (name, row) => {
      const { samples = [] } = row;
      const layer = layerOf(name, row);
      const again = layerFrom(copyOf(layer.config));
      expect(again.config).toEqual(layer.config);
      expect(again.givenName).toBe(row.options?.name);
      expect(again.several?.outputShape(samples)).toEqual(layer.several?.outputShape(samples));
      const y = await joinedOf(layer, samples);
      expect(y).toHaveLength(2 * count(layer.several?.outputShape(samples) ?? []));
      expect(await joinedOf(again, samples)).toEqual(y);
    },
  );

  test.each(rowsOf<LayerRow>(layerRows).filter(([, { samples }]) => samples === undefined))("%s", async (name, row) => {
    const { sample = [6] } = row;
    const layer = layerOf(name, row);
    const again = layerFrom(copyOf(layer.config));
    expect(again.config).toEqual(layer.config);
    expect(again.name).toBe(layer.name);
    expect(again.givenName).toBe(row.options?.name);
    expect(again.outputShape(sample)).toEqual(layer.outputShape(sample));
    expect(await outputOf(again, sample)).toEqual(await outputOf(layer, sample));

    const net = trainer(sequential([layer, flatten(), dense(1)]), { ...options, input: sample });
    const x = inputOf(layer, 4 * count(sample));
    await net.compile({ target: "js", batch: 2, seed: 3 });
    await net.fit({ x, y: numbers(4), epochs: 1 });
    // A loss of what is predicted, with the layer's penalties: of other predictions it has other bits.
    const loaded = await reloaded(net);
    expect(await loaded.evaluate({ x, y: numbers(4) })).toEqual(await net.evaluate({ x, y: numbers(4) }));
  });
});

/** As files of version 0.1.0 have it. */
const saved = {
  kind: "sequential",
  layers: [
    {
      kind: "dense",
      name: "first",
      units: 8,
      activation: "gelu",
      useBias: true,
      initializer: "heNormal",
      trainable: true,
      kernelRegularizer: { kind: "l1l2", l1: 0.01, l2: 0 },
    },
    { kind: "dropout", rate: 0.3 },
    { kind: "activation", name: "end", activation: "relu" },
    { kind: "flatten" },
  ],
};

test("a config in a file that was saved before is read, and written as it was", () => {
  expect(JSON.stringify(layerFrom(saved).config)).toBe(JSON.stringify(saved));
  const constants = { beta1: 0.9, beta2: 0.99, epsilon: 1e-7, amsgrad: false, weightDecay: 0.1 };
  const optimizer = { kind: "adamw", learningRate: 0.001, constants };
  expect(JSON.stringify(optimizerFrom(optimizer).config)).toBe(JSON.stringify(optimizer));
});

const options = { loss: "meanSquaredError", optimizer: sgd() } as const;

/** The trainer that the file of one makes. */
async function reloaded(net: { checkpoint(): Promise<Uint8Array> }, batch = 2): Promise<Trainer<string>> {
  return trainerFrom(await net.checkpoint(), { target: "js", batch });
}

/** The last row of each: the others differ from it by numbers alone, which formulas.test.ts looks at. */
const lastOf = <R>(rows: Table<readonly R[]>): [string, R][] =>
  Object.entries(rows).flatMap(([name, list]) => list.slice(-1).map((row): [string, R] => [name, row]));

test.each(Object.entries<OptimizerRow>(optimizerRows))("the optimizer %s", async (name, row) => {
  const all = row.options.map((given) => made(name, given) as Optimizer);
  for (const { config } of all) expect(optimizerFrom(copyOf(config)).config).toEqual(config);
  const net = trainer(dense(2), { ...options, input: [3], optimizer: all.at(-1) ?? sgd() });
  await net.compile({ target: "js", batch: 2 });
  const data = { x: numbers(12), y: numbers(8) };
  await net.fit({ ...data, epochs: 2 });
  const loaded = await reloaded(net);
  for (const it of [net, loaded]) await it.fit({ ...data, epochs: 4 });
  expect(await loaded.executable.state.snapshot()).toEqual(await net.executable.state.snapshot());
});

const lossOf = (name: string, options: object): Loss =>
  known(losses as unknown as Table<(options: object) => Loss>, name)(options);

test("every metric is in the namespace, by the name of its schema", () => {
  const names = Object.keys(metrics);
  expect(Object.values<{ readonly name: string }>(metrics).map(({ name }) => name)).toEqual(names);
  const own = ["mean", "own", "total"]; // code, in no table
  expect(Object.keys(tensorloom.metrics).toSorted()).toEqual([...names, ...own].toSorted());
});

test("every loss is in the namespace, by the name of its schema", () => {
  expect(Object.entries<AnyLossSchema>(lossSchemas).map(([name, schema]) => [name, schema.name])).toEqual(
    Object.keys(lossSchemas).map((name) => [name, name]),
  );
  expect(Object.keys(losses).toSorted()).toEqual(Object.keys(lossSchemas).toSorted());
});

/** Scores of a trainer, and of the one that its file makes. */
async function scoresTwice(
  row: MeasureRow,
  loss: GivenLoss,
  names: readonly MetricName[],
): Promise<readonly unknown[]> {
  const { width, ending, target } = row;
  const given = { input: [2], loss, metrics: names, optimizer: sgd(), ...(target === undefined ? {} : { target }) };
  const net = trainer(dense(width, { activation: ending }), given);
  await net.compile({ target: "js", batch: 4 });
  const data = { x: numbers(12), y: [...Array(6).keys()].flatMap((i) => row.labels(i)) };
  return [await net.evaluate(data), await (await reloaded(net, 4)).evaluate(data)];
}

test.each(lastOf<MeasureRow>(lossRows))("the loss %s", async (name, row) => {
  expect(Object.keys(lossSchemas)).toContain(name);
  const [was, is] = await scoresTwice(
    row,
    row.options === undefined ? (name as LossName) : lossOf(name, row.options),
    [],
  );
  expect(is).toEqual(was);
});

test.each(lastOf<MeasureRow & { readonly loss: LossName }>(metricRows))("the metric %s", async (name, row) => {
  expect(Object.keys(metrics)).toContain(name);
  const [was, is] = await scoresTwice(row, row.loss, [name as MetricName]);
  expect(is).toEqual(was);
  expect(Object.keys(Object(is))).toEqual(["loss", name]);
});

test.each(Object.entries(regularizerRows))("the regularizer %s", async (_, { made: kernelRegularizer }) => {
  const net = trainer(dense(2, { kernelRegularizer }), { ...options, input: [3] });
  await net.compile({ target: "js", batch: 2 });
  const data = { x: numbers(6), y: numbers(4) };
  expect(await (await reloaded(net)).evaluate(data)).toEqual(await net.evaluate(data));
});

test.each(Object.entries<InitializerRow>(initializerRows))("the initializer %s", async (name, row) => {
  const layer = dense(40, { initializer: known(initializers, name) as (...shape: number[]) => Initializer });
  expect(layer.config).toMatchObject({ initializer: name });
  expect(layerFrom(copyOf(layer.config)).config).toEqual(layer.config);
  const kernel = new Float64Array(60 * 40);
  known(initializers, name)(60, 40).fill(kernel, 1, "kernel");
  const deviation = row.deviation(60, 40);
  const mean = kernel.reduce((a, b) => a + b, 0) / kernel.length;
  const spread = Math.sqrt(kernel.reduce((a, b) => a + (b - mean) ** 2, 0) / kernel.length);
  expect(Math.abs(mean - row.mean)).toBeLessThanOrEqual(deviation / 10);
  expect(Math.abs(spread - deviation)).toBeLessThanOrEqual(deviation / 20);
  if (row.bound !== undefined) expect(Math.max(...kernel.map(Math.abs))).toBeLessThanOrEqual(row.bound * deviation);
});
