/** What recurrent layers do beside Keras's numbers (keras-recurrent-layers.test.ts): states between batches, dropout, types, messages. */
import { readFileSync } from "node:fs";
import { describe, expect, expectTypeOf, test } from "vitest";
import { bidirectional, bool, cast, compile, dense, f32, full, gru, gruCell, lstm, lstmCell, Masks, model, program, rnn, type Shape, sequential, sgd, simpleRnn, slot, type Tensor, timeDistributed, trainer, zeros } from "../../src/index.ts"; // biome-ignore format: names
import { expectClose, type Numbers } from "../keras-layer-cases.ts";
import { note } from "../keras-record.ts";

type Any = Tensor<Shape, "f32">;

/** What `step` gives on js. */
async function found(step: (x: Any) => Readonly<Record<string, Tensor>>, data: readonly number[], ...shape: number[]) {
  const made = program({ inputs: { x: f32(...shape) }, step: ({ x }) => ({ outputs: step(x as Any) }) });
  const executable = await compile(made, { target: "js", seed: 3 });
  const results = await executable.run({ entry: "step", feeds: { x: data } });
  executable.dispose();
  return results as Readonly<Record<string, Float32Array>>;
}

describe("states from batch to batch", () => {
  interface Stateful {
    readonly weights: readonly Numbers[];
    readonly steps: readonly { readonly reset?: boolean; readonly input: Numbers; readonly output: Numbers }[];
  }
  const text = readFileSync(new URL("../fixtures/keras/layers-recurrent.json", import.meta.url), "utf8");
  const [one] = (JSON.parse(text) as { stateful: readonly Stateful[] }).stateful;

  test("a program keeps them, as Keras's stateful GRU does, and its caller starts anew", async () => {
    if (one === undefined) throw new Error("the fixture has a stateful layer");
    note("layers-recurrent", "stateful", "js");
    const layer = gru(2, { returnState: true });
    const stream = program({
      inputs: { x: f32(1, 2, 2) },
      state: { net: layer.params([2, 2]), h: slot(zeros(1, 2)) },
      step({ x }, { net, h }) {
        const [y, next] = layer.several?.apply(net as never, [x, h]) ?? [];
        return { outputs: { y: y as Any }, next: { h: next as Tensor<[1, 2], "f32"> } };
      },
    });
    const executable = await compile(stream, { target: "js" });
    const [kernel, recurrentKernel, bias] = one.weights.map(({ data }) => Float32Array.from(data as number[]));
    for (const [name, data] of Object.entries({ kernel, recurrentKernel, bias })) {
      await executable.state.write(`net.${name}` as never, data as never);
    }
    for (const { reset, input, output } of one.steps) {
      if (reset === true) await executable.state.write("h", new Float32Array(2));
      const { y } = await executable.run({ entry: "step", feeds: { x: input.data as readonly number[] } });
      expectClose("y", y as Float32Array, output);
    }
    executable.dispose();
  });

  test("stateful is refused with a reason", () => {
    expect(() => lstm(4, { stateful: true } as object)).toThrow(
      /^lstm: there is no option "stateful", as layers store nothing: returnState: true gives the last states, .*\n {4}at .*recurrent-layers\.test\.ts/,
    );
  });
});

test("a sequence that goes backwards has its mask backwards", async () => {
  const masks = new Masks();
  const layer = simpleRnn(1, { returnSequences: true, goBackwards: true });
  const made = program({
    inputs: { x: f32(1, 3, 1), mask: bool(1, 3) },
    state: { net: layer.params([3, 1]) },
    step({ x, mask }, { net }) {
      masks.give(x, mask);
      const y = layer.apply(net as never, x, { masks });
      return { outputs: { counts: cast(masks.of(y) as Tensor, "f32") } };
    },
  });
  const executable = await compile(made, { target: "js" });
  const { counts } = await executable.run({ entry: "step", feeds: { x: [1, 2, 3], mask: [true, false, false] } });
  expect([...(counts as Float32Array)]).toEqual([0, 0, 1]);
  executable.dispose();
});

describe("dropout", () => {
  const ones = { kernelInitializer: (a: number, b: number) => filledWith(a, b, 1), activation: "linear" } as const;
  const filledWith = (rows: number, columns: number, value: number) => ({
    shape: [rows, columns],
    fill: (into: Float32Array | Float64Array) => void into.fill(value),
  });
  const weights = { kernel: full([1, 1], 1), recurrentKernel: full([1, 1], 0), bias: full([1], 0) } as never;

  test("of the inputs leaves out the same at each step of a sequence, others in another sample", async () => {
    const layer = simpleRnn(1, { ...ones, dropout: 0.5, returnSequences: true });
    const { y } = await found((x) => ({ y: layer.apply(weights, x, { training: true }) }), Array(40).fill(1), 20, 2, 1);
    const samples = Array.from({ length: 20 }, (_, i) => [...(y ?? [])].slice(2 * i, 2 * i + 2));
    for (const [first, second] of samples) expect(first).toBe(second);
    expect(new Set(samples.map(([first]) => first))).toEqual(new Set([0, 2]));
  });

  test("of the states leaves what is carried whole, and does nothing where the layer does not train", async () => {
    const layer = gru(1, { recurrentDropout: 0.9, returnSequences: true });
    // z is 1 - 2e-9 whatever comes in: the state stays as it was given.
    const held = { kernel: full([1, 3], 0), recurrentKernel: full([1, 3], 0), bias: full([2, 3], 10) } as never;
    const run = (training: boolean) => (x: Any) => ({
      y: layer.several?.apply(held, [x, full([4, 1], 0.5)], { training })[0] as Any,
    });
    for (const training of [true, false]) {
      const { y } = await found(run(training), Array(8).fill(1), 4, 2, 1);
      for (const value of y ?? []) expect(value).toBeCloseTo(0.5, 5);
    }
  });
});

test("types: what comes out, and how many states", () => {
  const net = model({
    inputs: [5, 3],
    layers: {
      all: lstm(4, { returnSequences: true, returnState: true }),
      last: gru(2),
      one: simpleRnn(3, { returnState: true }),
    },
    call(x, { all, last, one }) {
      const [, state] = one.all(x);
      const [sequence, h, c] = all.all(x);
      expectTypeOf(all(x).shape).toEqualTypeOf<["batch", 5, 4]>();
      expectTypeOf(last(x).shape).toEqualTypeOf<["batch", 2]>();
      expect([sequence.shape, h.shape, c.shape]).toEqual([
        ["batch", 5, 4],
        ["batch", 4],
        ["batch", 4],
      ]);
      expectTypeOf(one.all(x).length).toEqualTypeOf<2>();
      return { last: last(x), sequence, given: one(x, state) };
    },
  });
  expect(Object.keys(net.params)).toEqual(["all", "last", "one"]);
});

test("a sentence by its last state: a model trains through an LSTM", async () => {
  const net = trainer(sequential([lstm(8), dense(1)]), { input: [4, 2], loss: "meanSquaredError", optimizer: sgd({ learningRate: 0.1 }) }); // biome-ignore format: short
  await net.compile({ target: "js", batch: 4, seed: 1 });
  const x = Float32Array.from({ length: 32 }, (_, i) => Math.sin(i));
  const y = [0, 1, 2].map(() => 0).concat([1]);
  const before = await net.evaluate({ x, y });
  await net.fit({ x, y, epochs: 40 });
  const after = await net.evaluate({ x, y });
  expect(after.loss).toBeLessThan(before.loss / 2);
  net.dispose();
});

test("types and sizes of layers that hold others", () => {
  model({
    inputs: [5, 3],
    layers: {
      both: bidirectional(lstm(4, { returnSequences: true, returnState: true })),
      joined: bidirectional(gru(4)),
      stack: rnn([lstmCell(4), gruCell(2)], { returnSequences: true }),
      each: timeDistributed(dense(7)),
    },
    call(x, { both, joined, stack, each }) {
      expect(both.all(x).map(({ shape }) => shape)).toEqual([["batch", 5, 8], ...Array(4).fill(["batch", 4])]);
      expectTypeOf(both(x).shape).toEqualTypeOf<["batch", 5, number]>();
      expectTypeOf(joined(x).shape).toEqualTypeOf<["batch", number]>();
      expectTypeOf(stack(x).shape).toEqualTypeOf<["batch", 5, 2]>();
      expectTypeOf(each(x).shape).toEqualTypeOf<["batch", 5, 7]>();
      return { y: joined(x), z: stack(x), each: each(x), w: both(x) };
    },
  });
  expect(bidirectional(lstm(4)).outputShape([5, 3])).toEqual([8]);
  expect(bidirectional(lstm(4), { mergeMode: "sum" }).outputShape([5, 3])).toEqual([4]);
  expect(Object.keys(rnn([lstmCell(4), lstmCell(2), gruCell(2, { name: "top" })]).params([5, 3]))).toEqual([
    "lstmCell1",
    "lstmCell2",
    "top",
  ]);
});

describe("messages", () => {
  test.each<[string, () => unknown, RegExp]>([
    [
      "a sample without steps",
      () => lstm(4).outputShape([3]),
      /^lstm: a sample must be \[steps, features\], not \[3\]: a recurrent layer before it gives all steps with returnSequences: true\n/,
    ],
    [
      "a cell with steps",
      () => lstmCell(4).outputShape([3, 2]),
      /^lstmCell: a sample must be \[features\], not \[3,2\]\n/,
    ],
    [
      "backwards both ways",
      () => bidirectional(lstm(2, { goBackwards: true })),
      /^bidirectional: its layer goes forwards: /,
    ],
    [
      "forwards both ways",
      () => bidirectional(lstm(2), { backwardLayer: gru(2) }),
      /^bidirectional: backwardLayer must have goB/,
    ],
    [
      "a sum of what does not fit",
      () =>
        bidirectional(lstm(2), { mergeMode: "sum", backwardLayer: gru(3, { goBackwards: true }) }).outputShape([4, 1]),
      /^bidirectional: the layers give \[2\] forwards and \[3\] backwards, which "sum" cannot join\n/,
    ],
    [
      "no recurrent layer",
      () => bidirectional(dense(3) as never),
      /^bidirectional: layer must be a recurrent layer, lstm\(64\) say, not /,
    ],
    ["no cell", () => rnn(lstm(3) as never), /^rnn: cell must be a cell, lstmCell\(64\) say, or a list of cells, not /],
    ["an empty stack", () => rnn([]), /^rnn: there is no cell\n/],
    [
      "steps of nothing",
      () => timeDistributed(dense(2)).outputShape([4]),
      /^timeDistributed: a sample must have steps and features/,
    ],
    [
      "half of the states",
      () => found((x) => ({ y: lstm(2).several?.apply(lstmWeights(), [x, full([1, 2], 0)])[0] as Any }), [], 1, 3, 2),
      /^lstm: behind x come no states or all: \[1,2\] and \[1,2\], not \[1,2\]\n/,
    ],
    [
      "a mask of another length",
      () => found((x) => ({ y: lstm(2).apply(lstmWeights(), x, { mask: full([1, 2], 1, "bool") }) }), [], 1, 3, 2),
      /^lstm: the mask must be \[1,3\], a value for each step, not \[1,2\]\n/,
    ],
    [
      "an initializer of another shape",
      () => gru(2, { recurrentInitializer: () => zeros(2, 2) }).params([3, 1]),
      /^gru: the initializer gives \[2,2\], the recurrentKernel is \[2,6\]\n/,
    ],
  ])("%s", async (_, call, message) => {
    await expect(async () => call()).rejects.toThrow(message);
    await expect(async () => call()).rejects.toThrow(/\n {4}at .*recurrent-layers\.test\.ts:\d+/);
  });

  const lstmWeights = () =>
    ({ kernel: full([2, 8], 0), recurrentKernel: full([2, 8], 0), bias: full([8], 0) }) as never;
});

test("the forget gate alone starts open", async () => {
  const step = program({
    inputs: {},
    state: { net: lstm(2).params([3, 1]), plain: lstm(2, { unitForgetBias: false }).params([3, 1]) },
    step: (_, { net, plain }) => ({ outputs: { bias: net.bias as Any, plain: plain.bias as Any } }),
  });
  const executable = await compile(step, { target: "js" });
  const { bias, plain } = await executable.run({ entry: "step", feeds: {} });
  expect([...(bias as Float32Array)]).toEqual([0, 0, 1, 1, 0, 0, 0, 0]);
  expect([...(plain as Float32Array)]).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
  executable.dispose();
});
