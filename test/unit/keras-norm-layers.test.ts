/** Normalizations against Keras's: test/fixtures/keras/layers-norm.json. */
import { describe, expect, test } from "vitest";
import { compile, dense, f32, grad, layers, mul, param, program, rows, sequential, sgd, slot, slotUpdates, sum, type Tensor, trainer, values } from "../../src/index.ts"; // biome-ignore format: names
import { expectClose, layerCases, layersLikeKeras, type Numbers } from "../keras-layer-cases.ts";

layersLikeKeras("layers-norm");

const caseOf = (name: string) => layerCases("layers-norm").find((one) => one.name === name);
const numbersOf = (it: Numbers | undefined): number[] => (it?.data ?? []).map(Number);

describe.each(["js", "wasm"] as const)("spectral normalization on %s", (target) => {
  const kept = (name: string, training: boolean) => {
    const one = caseOf(name);
    const [kernel, u, bias] = one?.weights ?? [];
    const net = layers.spectralNormalization(dense(2), { powerIterations: 2 });
    const start = (it: Numbers | undefined) => values(numbersOf(it), ...(it?.shape ?? []));
    const model = { layer: { kernel: param(start(kernel)), bias: param(start(bias)) }, vectorU: slot(start(u)) };
    const made = program({
      inputs: { x: f32(2, 3), weight: f32(2, 2) },
      state: { model },
      step({ x, weight }, { model }) {
        const slots = slotUpdates(model);
        const y = net.apply(model, x, { training, slots }) as Tensor<[2, 2], "f32">;
        const gradient = grad(sum(mul(y, weight)), { x, kernel: model.layer.kernel });
        return { outputs: { y, gradient, kernel: model.layer.kernel }, next: { model: slots.next(model) } };
      },
    });
    const feeds = { x: numbersOf(one?.inputs[0]), weight: numbersOf(one?.cotangents[0]) };
    return { one, made, feeds };
  };

  test("one step of training gives Keras's output and vector, and leaves the kernel", async () => {
    const { one, made, feeds } = kept("spectral-dense-training", true);
    const executable = await compile(made, { target });
    const found = await executable.run({ entry: "step", feeds });
    expectClose("y", found.y, one?.outputs[0] as Numbers);
    expectClose("x", found.gradient.x, one?.grad_inputs[0] as Numbers);
    const after = await executable.state.snapshot();
    const state = (name: string) => [...after].find(([path]) => path.endsWith(name))?.[1] as never;
    expectClose("u", state("vectorU"), one?.state_after?.find(({ name }) => name === "vector_u") as Numbers);
    expect(found.kernel).toEqual(Float32Array.from(numbersOf(one?.weights[0])));
    // along the kernel itself W/sigma(W) does not change, up to what power iteration has not found yet
    const along = [...Float32Array.from(found.gradient.kernel as unknown as ArrayLike<number>)].reduce(
      (total, g, i) => total + g * (numbersOf(one?.weights[0])[i] ?? 0),
      0,
    );
    expect(Math.abs(along)).toBeLessThan(0.01);
    executable.dispose();
  });

  test("evaluation divides too, by what the kept vector says", async () => {
    const { one, made, feeds } = kept("spectral-dense-inference", false);
    const executable = await compile(made, { target });
    const { y } = await executable.run({ entry: "step", feeds });
    const kernel = numbersOf(one?.weights[0]);
    const bias = numbersOf(one?.weights[2]);
    const at = (i: number, j: number): number => kernel[2 * i + j] ?? 0;
    const unit = (v: number[]): number[] => v.map((it) => it / Math.hypot(...v));
    const u = numbersOf(one?.weights[1]);
    const v = unit([0, 1, 2].map((i) => at(i, 0) * (u[0] ?? 0) + at(i, 1) * (u[1] ?? 0)));
    const sigma = Math.hypot(...[0, 1].map((j) => v.reduce((total, it, i) => total + it * at(i, j), 0)));
    const raw = numbersOf(one?.outputs[0]);
    const wanted = raw.map((it, k) => (it - (bias[k % 2] ?? 0)) / sigma + (bias[k % 2] ?? 0));
    expectClose("y", y, { shape: [2, 2], data: wanted });
    executable.dispose();
  });
});

describe("by the trainer", () => {
  const x = Float32Array.from({ length: 40 }, (_, i) => Math.sin(3 * i) * (i % 2 === 0 ? 1 : 10) + 5);
  const y = Float32Array.from({ length: 20 }, (_, i) => Math.cos(i));

  test("running statistics move in fit, are used in evaluation, and stay where the layer is held", async () => {
    const made = (trainable: boolean) =>
      trainer(sequential([layers.batchNormalization({ momentum: 0.5, trainable }), dense(1)]), {
        input: [2], loss: "meanSquaredError", optimizer: sgd({ learningRate: 0.01 }),
      }); // biome-ignore format: short
    const movedTo = async (trainable: boolean) => {
      const net = made(trainable);
      await net.compile({ target: "js", batch: 20 });
      await net.fit({ x, y, epochs: 12 });
      const found = [...(await net.executable.state.snapshot())].find(([path]) => path.endsWith("movingMean"));
      net.dispose();
      return [...Float32Array.from((found?.[1] ?? []) as unknown as ArrayLike<number>)];
    };
    const meanOf = (odd: number) => x.filter((_, i) => i % 2 === odd).reduce((a, b) => a + b, 0) / 20;
    const [first = 0, second = 0] = await movedTo(true);
    expect(first / meanOf(0)).toBeCloseTo(1 - 0.5 ** 12, 5);
    expect(second / meanOf(1)).toBeCloseTo(1 - 0.5 ** 12, 5);
    expect(await movedTo(false)).toEqual([0, 0]);
  });

  test("normalizationOf finds the statistics of the data, and keeps them", async () => {
    const given = [[1, 10], [3, 30], [5, 50]]; // biome-ignore format: rows
    const layer = layers.normalizationOf(given);
    expect(layers.normalizationOf(rows(Float32Array.from(given.flat()), 2)).config).toEqual(layer.config);
    expect(layer.config).toMatchObject({ mean: [3, 30], variance: [8 / 3, 800 / 3], asState: true });
    expect(layers.normalizationOf(given.flat(), { sample: [2], axis: [] }).config).toMatchObject({ mean: [16.5] });
    const net = trainer(sequential([layer, dense(2, { initializer: "identity" })]), {
      input: [2],
      loss: "meanSquaredError",
      optimizer: sgd(),
    });
    await net.compile({ target: "js", batch: 1 });
    const z = await net.predict({ x: [5, 50] });
    expect([...(z as Float32Array)].map((it) => Math.round(it * 1e4))).toEqual([12247, 12247]);
    net.dispose();
    expect(() => layers.normalizationOf([1, 2, 3], { sample: [2] })).toThrow(
      "3 numbers are no whole number of samples of 2",
    );
    expect(() => layers.normalizationOf([1, Number.NaN], { sample: [2] })).toThrow("sample 0 holds NaN");
    expect(() => layers.normalizationOf([1, 2])).toThrow("say the shape of a sample");
  });

  test("what cannot be is said in the user's line", () => {
    expect(() => layers.groupNormalization().params([3, 8])).toThrow(
      /groupNormalization: 32 groups do not divide 8 channels: give groups that divide it, such as { groups: 8 }\n {4}at .*keras-norm-layers/,
    );
    expect(() => layers.batchNormalization({ axis: 0 }).params([3])).toThrow("0 is none that a sample has");
    expect(() => layers.layerNormalization({ axis: [1, -1] }).params([3])).toThrow("names one twice");
    expect(() => layers.normalization({ mean: 1 })).toThrow("give both mean and variance");
    expect(() => layers.spectralNormalization(layers.flatten()).params([3])).toThrow(
      'the layer "flatten" has no kernel',
    );
  });
});
