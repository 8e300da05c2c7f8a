/** What layers can say beside a tensor in and a tensor out: whole numbers, several tensors, masks, and numbers added to the loss. */
import { describe, expect, test } from "vitest";
import { add, cast, dense, dropout, f32, flatten, gather, greater, i32, type Layer, layer, Masks, mean, model, mul, param, program, type Shape, sequential, sgd, square, sum, type Tensor, trainer, values, zeros } from "../../src/index.ts"; // biome-ignore format: names

/** A table of rows, read by whole numbers, whose output has a mask where they are not 0. */
function table(): Layer {
  return layer({
    name: "table",
    takes: "i32",
    masking: "own",
    params: () => ({ rows: param(values([0, 0, 1, 2, 3, 4], 3, 2)) }),
    outputShape: (sample) => [...sample, 2],
    apply({ rows }, x, { masks }) {
      const found = gather(rows, x) as Tensor<Shape, "f32">;
      masks?.give(found, greater(x, 0));
      return found;
    },
  });
}

/** The sum of its tensors, and their product. */
function both(): Layer<"any", 1> {
  return layer({
    name: "both",
    apply: (_, x) => x,
    more: 1,
    several: {
      outputShape: ([first = []]) => first,
      apply: (_, [a, b]) => [add(a as never, b as never) as never, mul(a as never, b as never) as never],
    },
  });
}

describe("whole numbers", () => {
  test("a layer says what it takes, a sequential what its first member does, and a trainer feeds that", async () => {
    const net = trainer(sequential([table(), flatten(), dense(1, { initializer: (n) => values(Array.from({ length: n }, () => 1), n, 1) })]), {
      input: [2], loss: "meanSquaredError", optimizer: sgd(),
    }); // biome-ignore format: short
    await net.compile({ target: "js", batch: 2 });
    expect([...((await net.predict({ x: [1, 2, 0, 1] })) as Float32Array)]).toEqual([10, 3]);
    await expect(net.predict({ x: [1, 2.5] })).rejects.toThrow(
      "x of sample 0 (the first is 0), number 1 of its 2, is 2.5, which is no i32",
    );
    net.dispose();
  });

  test("floats that an i32 layer is given are cut; integers that an f32 layer is given are refused", () => {
    const step = (given: (x: Tensor<[2], "f32">, n: Tensor<[2], "i32">) => Tensor) =>
      program({ inputs: { x: f32(2), n: i32(2) }, step: ({ x, n }) => ({ outputs: { y: given(x, n) } }) });
    expect(() => step((x) => table().apply({ rows: cast(x, "f32") as never }, x))).not.toThrow();
    expect(() => step((_, n) => layer({ name: "own", apply: (_p, x) => x }).apply({}, n))).toThrow(
      'the layer "own" takes f32, not Tensor i32[2]: cast(x, "f32") makes it that',
    );
  });
});

describe("several tensors", () => {
  const net = model({
    inputs: { words: i32("batch", 2), size: [2, 2] },
    layers: { rows: table(), both: both() },
    call({ words, size }, { rows, both }) {
      const [total, product] = both.all(rows(words), size);
      return { total, product, same: both(rows(words), size) };
    },
  });

  test("a layer of several tensors gives its output and all the others", async () => {
    const made = trainer(net, {
      loss: { total: "meanSquaredError", product: "meanSquaredError", same: "meanSquaredError" },
      optimizer: sgd(),
    });
    await made.compile({ target: "js", batch: 1 });
    const found = await made.predict({ x: { words: [0, 2], size: [1, 2, 3, 4] } });
    expect([...(found.total ?? [])]).toEqual([1, 2, 6, 8]);
    expect([...(found.product ?? [])]).toEqual([0, 0, 9, 16]);
    expect([...(found.same ?? [])]).toEqual([1, 2, 6, 8]);
    made.dispose();
  });

  test("a layer of one tensor refuses two, and odd options are named", () => {
    const call = (use: (layers: never, x: never) => unknown) => () =>
      model({ inputs: [2], layers: { d: dense(2) }, call: (x, layers) => use(layers as never, x as never) as never });
    expect(call(({ d }: { d: (...xs: unknown[]) => unknown }, x) => d(x, x) as never)).toThrow(
      'the layer "d" takes one argument',
    );
    expect(call(({ d }: { d: (...xs: unknown[]) => unknown }, x) => d(x, { masks: 1 }))).toThrow(/"masks"|masks/);
  });
});

describe("masks", () => {
  test("pass through what keeps steps apart, and end where steps are mixed", () => {
    const made: unknown[] = [];
    program({
      inputs: { x: i32("batch", 3), rows: f32(3, 2), kernel: f32(2, 4), bias: f32(4) },
      step({ x, rows, kernel, bias }) {
        const masks = new Masks();
        const seen = new Map<string, Tensor>();
        const net = sequential([table(), dropout(0.5), dense(4), flatten()]);
        const onOutput = (path: string, output: Tensor) => void seen.set(path, output);
        net.apply({ table1: { rows }, dense1: { kernel, bias } }, x, { masks, onOutput });
        for (const [path, output] of seen) made.push([path, masks.of(output)?.shape]);
        return { outputs: { y: sum(cast(x, "f32")) } };
      },
    });
    expect(made).toEqual([
      ["table1", ["batch", 3]],
      ["dropout1", ["batch", 3]],
      ["dense1", ["batch", 3]],
      ["flatten1", undefined],
    ]);
  });

  test("the loss is the mean over the steps that count, whatever stands in the others", async () => {
    const net = trainer(sequential([table()]), {
      input: [3], loss: "meanSquaredError", optimizer: sgd({ learningRate: 0 }), target: f32("batch", 3, 2),
    }); // biome-ignore format: short
    await net.compile({ target: "js", batch: 2 });
    const y = [0, 0, 5, 5, 9, 9, 1, 2, 3, 4, 7, 7];
    const { loss } = await net.evaluate({ x: [1, 0, 0, 1, 2, 0], y });
    expect(loss).toBeCloseTo((0.5 * (1 + 4) + 0 + 0) / 3, 6);
    net.dispose();
  });
});

test("a number that a layer adds to the loss is in it, in evaluation too", async () => {
  const penalized = layer({
    name: "penalized",
    rule: "same",
    apply(_, x, { addLoss }) {
      addLoss(mean(square(x)) as never);
      return x;
    },
  });
  const net = trainer(sequential([penalized, dense(1, { initializer: () => zeros(2, 1) })]), {
    input: [2], loss: "meanSquaredError", optimizer: sgd(),
  }); // biome-ignore format: short
  await net.compile({ target: "js", batch: 1 });
  expect((await net.evaluate({ x: [1, 3], y: [0] })).loss).toBeCloseTo(5, 6);
  net.dispose();
});
