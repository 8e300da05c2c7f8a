/**
 * Layers: shapes and parameters they ask for, what they compute (against loops in float64), and what tsc knows of them.
 */
import { expect, expectTypeOf, test } from "vitest";
import { erf } from "../../src/core/special.ts";
import {
  type ActivationName,
  activation,
  compile,
  dense,
  dropout,
  f32,
  flatten,
  type Layer,
  layer,
  ones,
  program,
  relu,
  type Shape,
  ShapeError,
  sequential,
  slice,
  type Tensor,
  UserError,
  uniform,
} from "../../src/index.ts";
import type { OutputShape } from "../../src/types.ts";

const random = (count: number) => Float32Array.from({ length: count }, (_, i) => Math.sin(7.3 * i + 1));

/** Runs a layer on given rows, from the seed's weights. */
async function run(layer: Layer, sample: readonly number[], rows: number, training = false) {
  const x = f32(rows, ...sample);
  const executable = await compile(
    program({
      inputs: { x },
      state: { model: layer.params(sample) },
      step: (inputs, { model }) => ({ outputs: { y: layer.apply(model as never, inputs.x, { training }) } }),
    }),
    { target: "js", seed: 3 },
  );
  const input = random(rows * sample.reduce((a, b) => a * b, 1));
  const { y } = await executable.run({ entry: "step", feeds: { x: input } });
  const weights = await executable.state.snapshot();
  executable.dispose();
  return { input, y: y as Float32Array, weights };
}

test("dense multiplies, adds the bias and applies its activation", async () => {
  const { input, y, weights } = await run(
    dense(3, { activation: "relu", initializer: (...s) => uniform(-1, 1, ...s) }),
    [4],
    2,
  );
  expect([...weights.keys()]).toEqual(["model.kernel", "model.bias"]);
  const kernel = weights.get("model.kernel") ?? [];
  for (let row = 0; row < 2; row++) {
    for (let unit = 0; unit < 3; unit++) {
      let sum = 0;
      for (let k = 0; k < 4; k++) sum += (input[4 * row + k] ?? 0) * (kernel[3 * k + unit] ?? 0);
      expect(y[3 * row + unit]).toBeCloseTo(Math.max(sum, 0), 5);
    }
  }
});

test("dense works along the last axis of any rank, and without a bias", async () => {
  const { input, y, weights } = await run(dense(2, { useBias: false, initializer: (...s) => ones(...s) }), [3, 4], 5);
  expect([...weights.keys()]).toEqual(["model.kernel"]);
  expect(y.length).toBe(5 * 3 * 2);
  for (let i = 0; i < 15; i++) {
    const sum = input.subarray(4 * i, 4 * i + 4).reduce((a, b) => a + b, 0);
    expect(y[2 * i]).toBeCloseTo(sum, 5);
    expect(y[2 * i + 1]).toBeCloseTo(sum, 5);
  }
});

test("layers take one sample without a batch, a vector, in a program of one's own", async () => {
  const layer = sequential([
    dense(3, { initializer: (...s) => ones(...s) }),
    dense(1, { initializer: (...s) => ones(...s) }),
  ]);
  const net = program({
    inputs: { x: f32(2) },
    state: { model: layer.params([2]) },
    step: ({ x }, { model }) => ({ outputs: { y: layer.apply(model as never, x) } }),
  });
  const executable = await compile(net, { target: "js" });
  expect((await executable.run({ entry: "step", feeds: { x: [1, 2] } })).y).toEqual(Float32Array.of(9));
});

test.each([
  ["relu", (x: number) => Math.max(x, 0)],
  ["sigmoid", (x: number) => 1 / (1 + Math.exp(-x))],
  ["tanh", Math.tanh],
  ["linear", (x: number) => x],
] as const)("the activation %s", async (name, wanted) => {
  const { input, y } = await run(activation(name), [6], 2);
  for (let i = 0; i < 12; i++) expect(y[i]).toBeCloseTo(wanted(input[i] ?? 0), 6);
});

test("softmax gives probabilities", async () => {
  const { y } = await run(activation("softmax"), [5], 3);
  for (let row = 0; row < 3; row++) {
    expect(y.subarray(5 * row, 5 * row + 5).reduce((a, b) => a + b, 0)).toBeCloseTo(1, 6);
  }
});

test.each<[ActivationName, (x: number) => number]>([
  ["leakyRelu", (x) => (x > 0 ? x : 0.2 * x)],
  ["elu", (x) => (x > 0 ? x : Math.expm1(x))],
  ["selu", (x) => 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * Math.expm1(x))],
  ["gelu", (x) => (x * (1 + erf(x / Math.SQRT2))) / 2],
  ["silu", (x) => x / (1 + Math.exp(-x))],
  ["softplus", (x) => Math.log1p(Math.exp(x))],
  ["linear", (x) => x],
])("the activation %s is the function of that name", async (name, f) => {
  const { input, y } = await run(activation(name), [4], 2);
  expect(y.length).toBe(8);
  for (const [i, found] of y.entries()) expect(found).toBeCloseTo(f(input[i] ?? 0), 6);
});

test("flatten keeps the numbers and makes rows of them", async () => {
  expect(flatten().outputShape([28, 28])).toEqual([784]);
  const { input, y } = await run(flatten(), [3, 4], 2);
  expect(y).toEqual(input);
});

/** Sums over a sliding window along the first axis, every other place: [batch, 7, c] becomes [batch, 3, 2]. */
const windows = (padding: "valid" | "same") =>
  layer({
    name: "windows",
    rule: { axes: [{ size: 3, stride: 2, padding }, 2] },
    apply: (_, x) => slice(x, [0, 0, 0], [2, padding === "same" ? 4 : 3, 2]),
  });

test("a shape rule says what a convolution does, axis by axis", () => {
  expect(windows("valid").outputShape([7, 5])).toEqual([3, 2]);
  expect(windows("valid").outputShape([8, 5])).toEqual([3, 2]);
  expect(windows("same").outputShape([7, 5])).toEqual([4, 2]);
  expect(sequential([windows("valid"), flatten()]).outputShape([7, 5])).toEqual([6]);
  const dilated = layer({ name: "d", rule: { axes: [{ size: 3, dilation: 2 }, "same"] }, apply: (_, x) => x });
  expect(dilated.outputShape([7, 5])).toEqual([3, 5]);
  expect(() => windows("valid").outputShape([2, 5])).toThrow('"windows": its window does not fit into axis 0');
  expect(() => windows("valid").outputShape([7])).toThrow("takes samples with 2 axes, not [7]");
  expectTypeOf<
    OutputShape<{ readonly axes: readonly [{ size: 3 }, "same", 32] }, readonly ["batch", 28, 9, 1]>
  >().toEqualTypeOf<["batch", number, 9, 32]>();
  expectTypeOf<OutputShape<{ readonly axes: readonly [2] }, readonly ["batch", 28, 9]>>().toEqualTypeOf<Shape>();
});

test("a layer is held to its shape rule", () => {
  const wrong = layer({ name: "wrong", rule: { axes: [{ size: 3 }] }, apply: (_, x) => x });
  const make = () =>
    program({
      inputs: { x: f32(2, 5) },
      step: ({ x }) => ({ outputs: { y: sequential([wrong]).apply({}, x) } }),
    });
  expect(make).toThrow('the layer "wrong" gives [2,5] of [2,5], so a sample of [5]; its rule says [3]');
});

test("parameters that lack what was described are refused, by the layer's own name", () => {
  const make = () =>
    program({ inputs: { x: f32(2, 5) }, step: ({ x }) => ({ outputs: { y: dense(3).apply({}, x) } }) });
  expect(make).toThrow('dense: the parameters have no tensor "kernel"');
});

test("dropout does nothing but while training", async () => {
  const calm = await run(dropout(0.5), [1000], 2);
  expect(calm.y).toEqual(calm.input);
  const { input, y } = await run(dropout(0.5), [1000], 2, true);
  const kept = y.filter((value) => value !== 0).length;
  expect(kept).toBeGreaterThan(900);
  expect(kept).toBeLessThan(1100);
  y.forEach((value, i) => {
    if (value !== 0) expect(value).toBeCloseTo(2 * (input[i] ?? 0), 5);
  });
});

test("a sequential names its parameters by layer and counts them", () => {
  const net = sequential([flatten(), dense(8), dropout(0.1), sequential([dense(4), activation("tanh")]), dense(2)]);
  expect(net.outputShape([3, 5])).toEqual([2]);
  const params = net.params([3, 5]);
  expect(Object.keys(params)).toEqual(["dense1", "sequential1", "dense2"]);
  expect(params).toMatchObject({
    dense1: { kernel: { shape: [15, 8], trainable: true }, bias: { shape: [8] } },
    sequential1: { dense1: { kernel: { shape: [8, 4] } } },
    dense2: { kernel: { shape: [4, 2] } },
  });
});

test("a sequential is of the layers that its list had", () => {
  const list: Layer[] = [dense(3)];
  const net = sequential(list);
  list.push(net, dense(7));
  expect([net.outputShape([5]), Object.keys(net.params([5]))]).toEqual([[3], ["dense1"]]);
});

test("logits leave out the last activation only, also of a nested model", async () => {
  const net = sequential([dense(3, { activation: "relu" }), sequential([dense(2), activation("softmax")])]);
  expect(net.activation).toBe("softmax");
  const executable = await compile(
    program({
      inputs: { x: f32(1, 4) },
      state: { model: net.params([4]) },
      step: ({ x }, { model }) => ({
        outputs: { a: net.apply(model as never, x), b: net.apply(model as never, x, { logits: true }) },
      }),
    }),
    { target: "js" },
  );
  const { a, b } = await executable.run({ entry: "step", feeds: { x: random(4) } });
  const [p, q] = b as Float32Array;
  expect((a as Float32Array)[0]).toBeCloseTo(1 / (1 + Math.exp((q ?? 0) - (p ?? 0))), 5);
  executable.dispose();
});

test("dropout and flatten are functions on tensors as well", () => {
  const both = program({
    inputs: { x: f32("batch", 2, 3) },
    step: ({ x }) => ({ outputs: { y: relu(flatten(dropout(x, 0.5))) } }),
  });
  expect(both.entries.get("step")?.outputs[0]?.node.type).toMatchObject({ shape: ["batch", 6] });
});

test("tsc knows the shapes of literal layers", () => {
  const net = sequential([dense(512, { activation: "relu" }), dropout(0.2), dense(10)]);
  expectTypeOf(net.apply<readonly ["batch", 784]>).returns.toEqualTypeOf<Tensor<["batch", 10], "f32">>();
  const images = sequential([flatten(), activation("relu")]);
  expectTypeOf(images.apply<readonly ["batch", 28, 28]>).returns.toEqualTypeOf<Tensor<["batch", number], "f32">>();
  const open = sequential([dense(10 as number)]);
  expectTypeOf(open.apply<readonly ["batch", 784]>).returns.toEqualTypeOf<Tensor<["batch", number], "f32">>();
});

test("mistakes are the user's, and say what to do", () => {
  expect(() => dense(0)).toThrow("dense: units must be a whole number from 1, not 0");
  expect(() => dense(3, { activation: "rleu" as never })).toThrow(
    /activation must be one of "relu", "leakyRelu".*, not "rleu"; did you mean "relu"\?/,
  );
  expect(() => dropout(1.5)).toThrow(UserError);
  expect(() => sequential([])).toThrow("sequential: a model needs a layer");
  expect(() => sequential(dense(3) as never)).toThrow("sequential takes its layers as one list");
  expect(() => sequential([dense(3), "relu"] as never)).toThrow("sequential: layers must be a list of layers");
  expect(() => dense(3).params([])).toThrow(ShapeError);
});
