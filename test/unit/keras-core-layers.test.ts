/** Layers of all kinds against Keras's (test/fixtures/README.md), and the moments of those that draw. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { compile, dense, equal, f32, grad, i32, type Layer, layers, param, program, type Shape, sequential, sgd, sum, type Tensor, trainer, values, where } from "../../src/index.ts"; // biome-ignore format: names
import { layersLikeKeras } from "../keras-layer-cases.ts";

layersLikeKeras("layers-core");

import { note } from "../keras-record.ts";

interface Drawn {
  readonly name: string;
  readonly class: string;
  readonly options: {
    readonly rate?: number;
    readonly stddev?: number;
    readonly noise_shape?: readonly (number | null)[] | null;
  };
  readonly shape: readonly number[];
  readonly mean: number;
  readonly std: number;
  readonly values: readonly number[] | null;
  readonly constant_along: readonly number[];
}

const { drawn } = JSON.parse(readFileSync(new URL("../fixtures/keras/layers-core.json", import.meta.url), "utf8")) as {
  readonly drawn: readonly Drawn[];
};

const drawing: Readonly<Record<string, (options: Drawn["options"]) => Layer>> = {
  Dropout: ({ rate = 0, noise_shape }) => layers.dropout(rate, noise_shape ? { noiseShape: noise_shape } : {}),
  AlphaDropout: ({ rate = 0 }) => layers.alphaDropout(rate),
  SpatialDropout1D: ({ rate = 0 }) => layers.spatialDropout1d(rate),
  GaussianDropout: ({ rate = 0 }) => layers.gaussianDropout(rate),
  GaussianNoise: ({ stddev = 0 }) => layers.gaussianNoise(stddev),
};

/** What a layer makes of ones. */
async function ofOnes(layer: Layer, shape: readonly number[], training: boolean): Promise<Float32Array> {
  const made = program({
    inputs: { x: f32(...shape) },
    step: ({ x }) => ({ outputs: { y: layer.apply({}, x, { training }) as Tensor<Shape, "f32"> } }),
  });
  const executable = await compile(made, { target: "wasm", threads: 1, seed: 11 });
  const size = shape.reduce((a, b) => a * b, 1);
  const { y } = await executable.run({ entry: "step", feeds: { x: new Float32Array(size).fill(1) } });
  executable.dispose();
  return Float32Array.from(y as unknown as Float32Array);
}

describe("what is drawn", () => {
  test.each(drawn)("$name", async (one) => {
    note("layers-core", `drawn ${one.name}`, "wasm");
    const layer = drawing[one.class]?.(one.options) as Layer;
    const found = await ofOnes(layer, one.shape, true);
    const mean = found.reduce((a, b) => a + b, 0) / found.length;
    const spread = Math.sqrt(found.reduce((a, b) => a + (b - mean) ** 2, 0) / found.length);
    // as many independent draws as places that do not share one; the fixture's own are rounded to two digits
    const shared = one.constant_along.reduce((product, axis) => product * (one.shape[axis] ?? 1), 1);
    const draws = found.length / shared;
    expect(Math.abs(mean - one.mean)).toBeLessThan((4 * one.std) / Math.sqrt(draws) + 0.03);
    expect(Math.abs(spread / one.std - 1)).toBeLessThan(0.05);
    if (one.values !== null) {
      const different = [...new Set(found)].toSorted((a, b) => a - b);
      expect(different.length).toBe(one.values.length);
      for (const [i, value] of one.values.entries()) expect(different[i]).toBeCloseTo(value, 5);
    }
    for (const axis of one.constant_along) {
      const inner = one.shape.slice(axis + 1).reduce((a, b) => a * b, 1);
      const size = one.shape[axis] ?? 1;
      const isSame = found.every((value, i) => value === found[i - (Math.floor(i / inner) % size) * inner]);
      expect(isSame).toBe(true);
    }
    expect(
      await ofOnes(
        layer,
        one.shape.map((size) => Math.min(size, 2)),
        false,
      ),
    ).toEqual(new Float32Array(2 ** one.shape.length).fill(1));
  });

  test("images and volumes lose whole channels; a rate of 1 all", async () => {
    for (const [layer, shape] of [
      [layers.spatialDropout2d(0.5), [3, 2, 2, 8]],
      [layers.spatialDropout3d(0.5), [3, 2, 2, 2, 8]],
    ] as const) {
      const found = await ofOnes(layer, shape, true);
      const inner = shape.slice(1, -1).reduce((a, b) => a * b, 1);
      const at = (sample: number, place: number, channel: number) => found[(sample * inner + place) * 8 + channel];
      for (const sample of [0, 1, 2]) {
        for (let channel = 0; channel < 8; channel++) {
          for (let place = 1; place < inner; place++) expect(at(sample, place, channel)).toBe(at(sample, 0, channel));
        }
      }
      expect(new Set(found)).toEqual(new Set([0, 2]));
    }
    expect(await ofOnes(layers.dropout(1), [2, 3], true)).toEqual(new Float32Array(6));
    expect(() => layers.spatialDropout2d(0.5).outputShape([3, 4])).toThrow("takes samples of 3 axes");
    await expect(ofOnes(layers.dropout(0.5, { noiseShape: [null, 2] }), [2, 3], true)).rejects.toThrow(
      "dropout: noiseShape [null, 2] does not fit x of [2,3]",
    );
  });
});

describe("embedding", () => {
  const table = Array.from({ length: 8 }, (_, i) => i + 1);
  test.each(["js", "wasm"] as const)("an index that has no row gives NaN, and no gradient, on %s", async (target) => {
    const layer = layers.embedding(4, 2);
    const step = program({
      inputs: { x: i32(6) },
      state: { model: { embeddings: param(values(table, 4, 2)) } },
      step({ x }, { model }) {
        const y = layer.apply(model, x) as Tensor<[6, 2], "f32">;
        const known = where(equal(y, y), y, 0);
        return { outputs: { y, gradient: grad(sum(known), { model }) } };
      },
    });
    const executable = await compile(step, { target });
    const { y, gradient } = await executable.run({ entry: "step", feeds: { x: [0, 3, -1, -4, 4, -5] } });
    const none = Number.NaN;
    expect([...Float32Array.from(y as never)]).toEqual([1, 2, 7, 8, 7, 8, 1, 2, none, none, none, none]);
    expect([...Float32Array.from(gradient.model.embeddings as never)]).toEqual([2, 2, 0, 0, 0, 0, 2, 2]);
    executable.dispose();
  });

  test("its mask reaches the loss, and training never moves row 0 by what it hides", async () => {
    const net = trainer(sequential([layers.embedding(3, 1, { maskZero: true, embeddingsInitializer: "ones" })]), {
      input: [3], loss: "meanSquaredError", optimizer: sgd({ learningRate: 0.1 }), target: f32("batch", 3, 1),
    }); // biome-ignore format: short
    await net.compile({ target: "js", batch: 1 });
    const { loss } = await net.evaluate({ x: [1, 2, 0], y: [0, 3, 100] });
    expect(loss).toBeCloseTo((1 + 4) / 2, 5);
    net.dispose();
  });
});

test("activityRegularization adds its cost for each sample to the loss", async () => {
  const net = trainer(sequential([layers.activityRegularization({ l1: 0.1, l2: 0.2 }), dense(1, { initializer: "zeros" })]), {
    input: [2], loss: "meanSquaredError", optimizer: sgd(),
  }); // biome-ignore format: short
  await net.compile({ target: "js", batch: 2 });
  const { loss } = await net.evaluate({ x: [1, -2, 3, 0], y: [0, 0] });
  expect(loss).toBeCloseTo((0.1 * 6 + 0.2 * 14) / 2, 5);
  net.dispose();
});

describe("encodings", () => {
  const apply = async (layer: Layer, x: readonly number[], shape: readonly number[], whole: boolean) => {
    const made = program({
      inputs: { x: whole ? i32(...shape) : f32(...shape) },
      step: ({ x }) => ({ outputs: { y: layer.apply({}, x as never) as Tensor } }),
    });
    const executable = await compile(made, { target: "js" });
    const { y } = await executable.run({ entry: "step", feeds: { x: x as never } });
    executable.dispose();
    return [...Float32Array.from(y as never)];
  };

  test("a token out of range adds nothing; a last axis of 1 is the tokens'", async () => {
    expect(await apply(layers.categoryEncoding(2, { outputMode: "count" }), [0, 5, -1, 0], [1, 4], true)).toEqual([
      2, 0,
    ]);
    expect(await apply(layers.categoryEncoding(2, { outputMode: "oneHot" }), [1, 0], [2, 1], true)).toEqual([
      0, 1, 1, 0,
    ]);
    expect(layers.categoryEncoding(2, { outputMode: "oneHot" }).outputShape([1])).toEqual([2]);
  });

  test("bins, places in a list, and what is in none", async () => {
    expect(await apply(layers.discretization([0, 1], { outputMode: "oneHot" }), [-1, 1], [2, 1], false)).toEqual([1, 0, 0, 0, 0, 1]); // biome-ignore format: short
    const codes = [7, 9, 8, 0];
    expect(await apply(layers.integerLookup([7, 9]), codes, [4], true)).toEqual([1, 2, 0, 0]);
    expect(await apply(layers.integerLookup([7, 9], { numOovIndices: 0 }), codes, [4], true)).toEqual([0, 1, -1, -1]);
    expect(await apply(layers.integerLookup([7, 9], { maskToken: 0 }), codes, [4], true)).toEqual([2, 3, 1, 0]);
    expect(await apply(layers.integerLookup([7, 9], { maskToken: 0, numOovIndices: 0 }), codes, [4], true)).toEqual([1, 2, -1, 0]); // biome-ignore format: short
    expect(() => layers.discretization([1, 0])).toThrow("the boundaries must ascend");
    expect(() => layers.integerLookup([1, 1])).toThrow("each number once");
  });
});
