/** What attention does beside Keras's numbers (keras-attention-layers.test.ts): how it starts, what it hides, types, messages. */
import { describe, expect, expectTypeOf, test } from "vitest";
import { stateLeaf } from "../../src/dsl/spec.ts";
import { leavesOf } from "../../src/dsl/tree.ts";
import { additiveAttention, attention, compile, f32, full, groupQueryAttention, mean, model, multiHeadAttention, program, type Shape, square, type Tensor } from "../../src/index.ts"; // biome-ignore format: names

type Any = Tensor<Shape, "f32">;

test("kernels start as those of a dense layer with the same inputs and outputs, whatever their axes", async () => {
  const leaves = leavesOf(multiHeadAttention(2, 8).params([5, 16]), stateLeaf, "params");
  for (const { path, leaf } of leaves.filter(({ path }) => path.endsWith("kernel"))) {
    const drawn = new Float64Array(16 * 16);
    leaf.initializer.fill(drawn, 1, path);
    const largest = Math.max(...drawn.map(Math.abs));
    expect(largest).toBeLessThanOrEqual(Math.sqrt(6 / 32)); // Keras's limit; the plain rule of shapes says 0.194 or less
    expect(largest).toBeGreaterThan(0.97 * Math.sqrt(6 / 32));
  }
});

test("weights are called and ordered as in Keras", () => {
  const layer = groupQueryAttention(2, 4, 2, { useGate: true });
  const leaves = leavesOf(layer.params([3, 6]), stateLeaf, "params");
  expect(leaves.map(({ path, leaf }) => `${path} ${leaf.shape}`)).toEqual([
    ..."query.kernel 6,4,2|query.bias 4,2|key.kernel 6,2,2|key.bias 2,2|gate.kernel 6,4,2|gate.bias 4,2".split("|"),
    ..."value.kernel 6,2,2|value.bias 2,2|output.kernel 4,2,6|output.bias 6".split("|"),
  ]);
});

test("in a model: another sequence, the scores, a mask of the call", () => {
  model({
    inputs: { x: [5, 8], memory: [7, 6] },
    layers: { self: multiHeadAttention(2, 4, { causal: true }), cross: multiHeadAttention(2, 4), plain: attention() },
    call({ x, memory }, { self, cross, plain }) {
      const [seen, scores] = cross.all(x, memory, { mask: full([5, 7], 1, "bool") });
      expectTypeOf(cross.all(x, memory).length).toEqualTypeOf<2>();
      expect(scores.shape).toEqual(["batch", 2, 5, 7]);
      return { own: self(x), seen, plain: plain(x) };
    },
  });
});

test("dropout is for training alone", async () => {
  const layer = attention({ dropout: 0.5 });
  const run = program({
    inputs: { x: f32(2, 6, 3) },
    step: ({ x }) => {
      const [plain, dropped] = [false, true].map((training) => layer.apply({}, x as Any, { training })) as [Any, Any];
      return { outputs: { same: mean(square(plain)), other: mean(square(dropped)) } };
    },
  });
  const executable = await compile(run, { target: "js", seed: 2 });
  const { same, other } = await executable.run({ entry: "step", feeds: { x: Array(36).fill(1) } });
  expect(same).toBeCloseTo(1, 6);
  expect(Math.abs(Number(other) - 1)).toBeGreaterThan(0.01);
  executable.dispose();
});

describe("messages", () => {
  const inEntry = (f: (x: Any) => unknown) => () =>
    program({ inputs: { x: f32(2, 3, 4) }, step: ({ x }) => ({ outputs: { y: f(x as Any) as Any } }) });
  test.each<[string, () => unknown, RegExp]>([
    [
      "a sample without steps",
      () => multiHeadAttention(2, 4).outputShape([8]),
      /^multiHeadAttention: a sample must be \[steps, features\], not \[8\]\n/,
    ],
    [
      "heads that do not share",
      () => groupQueryAttention(4, 3, 2),
      /^groupQueryAttention: 3 heads of queries cannot share 2 of keys evenly\n/,
    ],
    [
      "a mask of the keys alone",
      inEntry((x) => attention().apply({}, x, { mask: full([2, 3], 1, "bool") })),
      /^attention: the mask says which keys each query sees, \[3,3\] or \[2,3,3\], not \[2,3\]; one of keys alone is reshape\(mask, \[batch, 1, 3\]\)\n/,
    ],
    [
      "keys of another width",
      () =>
        additiveAttention().several?.params([
          [3, 4],
          [5, 6],
        ]),
      /^additiveAttention: samples must be .*, not \[3,4\], \[5,6\]\n/,
    ],
    [
      "four tensors",
      inEntry((x) => attention().several?.apply({}, [x, x, x, x])[0]),
      /^attention takes a query, a value and a key, not 4 tensors\n/,
    ],
  ])("%s", (_, call, message) => {
    expect(call).toThrow(message);
    expect(call).toThrow(/\n {4}at .*attention-layers\.test\.ts:\d+/);
  });
});
