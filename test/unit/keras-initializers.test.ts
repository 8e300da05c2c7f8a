/** Initializers against Keras's (test/fixtures/keras/initializers.json): fans, limits and deviations by shape, exact values, orthogonal rows. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { stateLeaf } from "../../src/dsl/spec.ts";
import { leavesOf } from "../../src/dsl/tree.ts";
import {
  dense,
  type Initializer,
  type InitializerOption,
  initializers,
  type Layer,
  layerFrom,
  layers,
  values,
  zeros,
} from "../../src/index.ts";
import { initializerKind, startOf } from "../../src/nn/initializers.ts";
import { note } from "../keras-record.ts";

interface Scaled {
  readonly name: string;
  readonly shape: readonly number[];
  readonly mode: "fan_in" | "fan_out" | "fan_avg";
  readonly distribution: "uniform" | "truncated_normal" | "untruncated_normal";
  readonly scale: number;
  readonly std: number;
  readonly limit: number | null;
}
interface Plain {
  readonly name: string;
  readonly class: string;
  readonly options: {
    readonly minval?: number;
    readonly maxval?: number;
    readonly mean?: number;
    readonly stddev?: number;
  };
  readonly measured_mean: number;
  readonly measured_std: number;
  readonly measured_min: number;
  readonly measured_max: number;
}
interface Fixture {
  readonly scaling: readonly Scaled[];
  readonly plain: readonly Plain[];
  readonly exact: readonly { readonly name: string; readonly shape: readonly number[]; readonly values: { readonly data: readonly number[] } }[];
  readonly layers: readonly { readonly layer: string; readonly weights: readonly { readonly weight: string; readonly shape: readonly number[]; readonly max: number }[] }[];
  readonly orthogonal: readonly { readonly shape: readonly number[]; readonly gain: number; readonly flattened: readonly [number, number]; readonly orthonormal: string; readonly product_diagonal: number }[];
} // biome-ignore format: long

const fixture = JSON.parse(
  readFileSync(new URL("../fixtures/keras/initializers.json", import.meta.url), "utf8"),
) as Fixture;

const place = { call: "test", weight: "kernel", origin: "" as never };
const camel = (name: string): string => name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());

/** Draws of about `wanted` numbers, over several names. */
function draws(option: InitializerOption, shape: readonly number[], wanted = 8000): Float64Array {
  const start = startOf(option, shape, place);
  const size = shape.reduce((a, b) => a * b, 1);
  const all = new Float64Array(Math.ceil(wanted / size) * size);
  for (let at = 0; at < all.length; at += size) start.fill(all.subarray(at, at + size), 7, `w${at}`);
  return all;
}

const meanOf = (all: Float64Array): number => all.reduce((a, b) => a + b, 0) / all.length;
const spreadOf = (all: Float64Array): number => {
  const mean = meanOf(all);
  return Math.sqrt(all.reduce((a, b) => a + (b - mean) ** 2, 0) / all.length);
};

const named = ["glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_uniform", "lecun_normal"];

/** By its name where it has one. */
function optionOf({ name, scale, mode, distribution }: Scaled): InitializerOption {
  if (named.includes(name)) return camel(name) as InitializerOption;
  return initializers.varianceScaling({
    scale,
    mode: camel(mode) as never,
    distribution: camel(distribution) as never,
  });
}

test.each(fixture.scaling)("$name of $shape", (one) => {
  note("initializers", `${one.name} of ${one.shape}`, "start");
  const all = draws(optionOf(one), one.shape);
  expect(Math.abs(spreadOf(all) / one.std - 1)).toBeLessThan(0.04);
  expect(Math.abs(meanOf(all))).toBeLessThan((4.5 * one.std) / Math.sqrt(all.length));
  const largest = all.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  if (one.limit === null) return;
  expect(largest).toBeLessThanOrEqual(one.limit * (1 + 1e-6));
  expect(largest).toBeGreaterThan(0.98 * one.limit);
});

test.each(fixture.plain)("$name", ({ class: kind, options, ...measured }) => {
  note("initializers", measured.name, "start");
  const make = (initializers as unknown as Record<string, (given: object) => InitializerOption>)[
    kind.charAt(0).toLowerCase() + kind.slice(1)
  ];
  const all = draws(make?.(options) ?? "zeros", [8000]);
  const near = (found: number, wanted: number, by: number) => expect(Math.abs(found - wanted)).toBeLessThan(by);
  near(meanOf(all), measured.measured_mean, 0.05 * measured.measured_std);
  near(spreadOf(all), measured.measured_std, 0.03 * measured.measured_std);
  if (kind === "RandomNormal") return; // whose extremes are chance
  near(Math.min(...all), measured.measured_min, 0.02 * measured.measured_std);
  near(Math.max(...all), measured.measured_max, 0.02 * measured.measured_std);
});

test.each(fixture.exact)("$name", ({ name, shape, values: wanted }) => {
  const options: Readonly<Record<string, InitializerOption>> = {
    zeros: "zeros",
    ones: "ones",
    constant: initializers.constant(0.3),
    identity: initializers.identity({ gain: 2 }),
    "identity-wide": "identity",
  };
  const into = new Float64Array(wanted.data.length).fill(9);
  startOf(options[name] ?? "heNormal", shape, place).fill(into, 1, "w");
  expect([...into]).toEqual(wanted.data);
  note("initializers", name, "start");
});

/** Our layers by Keras's words for them, and a sample of each. */
const made: Readonly<Record<string, readonly [Layer, ...(readonly number[])[]]>> = {
  "Dense(3)": [dense(3), [8]],
  "Conv1D(4, 3)": [layers.conv1d(4, 3), [9, 8]],
  "Conv2D(16, 3)": [layers.conv2d(16, 3), [9, 9, 8]],
  "Conv2D(16, 3, groups=4)": [layers.conv2d(16, 3, { groups: 4 }), [9, 9, 8]],
  "Conv3D(4, 2)": [layers.conv3d(4, 2), [5, 5, 5, 3]],
  "DepthwiseConv2D(3, depth_multiplier=2)": [layers.depthwiseConv2d(3, { depthMultiplier: 2 }), [9, 9, 8]],
  "DepthwiseConv1D(3)": [layers.depthwiseConv1d(3), [9, 8]],
  "SeparableConv2D(16, 3, depth_multiplier=2)": [layers.separableConv2d(16, 3, { depthMultiplier: 2 }), [9, 9, 8]],
  "Conv2DTranspose(16, 3)": [layers.conv2dTranspose(16, 3), [9, 9, 8]],
  "Embedding(10, 4)": [layers.embedding(10, 4), [3]],
  "SimpleRNN(4)": [layers.simpleRnn(4), [3, 5]],
  "GRU(4)": [layers.gru(4), [3, 5]],
  "LSTM(4)": [layers.lstm(4), [3, 5]],
  "MultiHeadAttention(2, 8) on 16": [layers.multiHeadAttention(2, 8), [6, 16], [6, 16]],
  "PReLU()": [layers.prelu(), [4]],
  "BatchNormalization()": [layers.batchNormalization(), [4]],
  "EinsumDense('abc,cde->abde', (None, 2, 8), bias_axes='de') on 16": [
    layers.einsumDense("abc,cde->abde", [null, 2, 8], { biasAxes: "de" }),
    [6, 16],
  ],
};

test.each(fixture.layers)("$layer starts as Keras's", ({ layer, weights }) => {
  const [ours, ...samples] = made[layer] ?? [dense(1), [1]];
  const tree = samples.length > 1 ? ours.several?.params(samples) : ours.params(samples[0] ?? []);
  const leaves = leavesOf(tree ?? {}, stateLeaf, layer);
  expect(leaves.map(({ leaf }) => leaf.shape)).toEqual(weights.map(({ shape }) => shape));
  for (const [i, { leaf, path }] of leaves.entries()) {
    const { weight, shape, max } = weights[i] ?? { weight: "", shape: [], max: 0 };
    const size = shape.reduce((a, b) => a * b, 1);
    let largest = 0;
    for (let draw = 0; draw < 60; draw++) {
      const values = new Float64Array(size);
      leaf.initializer.fill(values, draw, path);
      largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), largest);
    }
    const byChance = weight.endsWith("recurrent_kernel"); // orthogonal: no limit but 1
    if (byChance) expect(Math.abs(largest - max)).toBeLessThan(0.2);
    else expect(Math.abs(largest - max), `${path} of ${layer}: ${largest} for ${max}`).toBeLessThanOrEqual(0.03 * max);
  }
  note("initializers", layer, "start");
});

test.each(fixture.orthogonal)(
  "orthogonal $shape by $gain",
  ({ shape, gain, flattened, orthonormal, product_diagonal }) => {
    note("initializers", `orthogonal ${shape} by ${gain}`, "start");
    const [rows, columns] = flattened;
    const all = new Float64Array(rows * columns);
    startOf(initializers.orthogonal({ gain }), shape, place).fill(all, 3, "w");
    const at = (i: number, k: number): number =>
      (orthonormal === "columns" ? all[k * columns + i] : all[i * columns + k]) ?? Number.NaN;
    const [count, length] = orthonormal === "columns" ? [columns, rows] : [rows, columns];
    for (let i = 0; i < count; i++) {
      for (let j = 0; j < count; j++) {
        let sum = 0;
        for (let k = 0; k < length; k++) sum += at(i, k) * at(j, k);
        expect(sum).toBeCloseTo(i === j ? product_diagonal : 0, 10);
      }
    }
  },
);

test("orthogonal has both signs on its diagonal, and stays orthogonal where it is large", () => {
  const signs = new Set(
    ["a", "b", "c", "d", "e", "f"].map((name) => {
      const all = new Float64Array(16);
      initializers.orthogonal()(4, 4).fill(all, 1, name);
      return Math.sign(all[0] ?? 0);
    }),
  );
  expect(signs.size).toBe(2);
  const large = new Float64Array(200 * 200);
  initializers.orthogonal()(200, 200).fill(large, 1, "w");
  let worst = 0;
  for (let k = 1; k < 200; k++) {
    let sum = 0;
    for (let i = 0; i < 200; i++) sum += (large[i * 200] ?? 0) * (large[i * 200 + k] ?? 0);
    worst = Math.max(worst, Math.abs(sum));
  }
  expect(worst).toBeLessThan(1e-9);
});

describe("as an option", () => {
  test("told fans hold in place of the shape's", () => {
    for (const option of [
      "glorotUniform",
      initializers.glorotUniform,
      initializers.varianceScaling({ mode: "fanAvg", distribution: "uniform" }),
    ] as const) {
      // biome-ignore format: short
      const told = startOf(option, [16, 2, 8], { ...place, fans: { fanIn: 16, fanOut: 16 } });
      const all = new Float64Array(256);
      told.fill(all, 1, "w");
      expect(Math.max(...all.map(Math.abs))).toBeGreaterThan(0.4); // 0.433, by the shape 0.194
      expect(Math.max(...all.map(Math.abs))).toBeLessThan(0.4331);
    }
  });

  test("a seed of its own holds whatever the program's is, and names still differ", () => {
    const drawn = (start: Initializer, seed: number, name = "w"): number => {
      const into = new Float64Array(1);
      start.fill(into, seed, name);
      return into[0] ?? 0;
    };
    const start = initializers.randomNormal({ seed: 4 })(1);
    expect(drawn(start, 1)).toBe(drawn(start, 2));
    expect(drawn(start, 1)).not.toBe(drawn(start, 1, "v"));
    expect(drawn(initializers.randomNormal()(1), 1)).not.toBe(drawn(initializers.randomNormal()(1), 2));
  });

  const options: readonly InitializerOption[] = [
    "heNormal",
    "orthogonal",
    initializers.randomNormal({ mean: 1, stddev: 2, seed: 3 }),
    initializers.truncatedNormal({ stddev: 0.1 }),
    initializers.randomUniform({ minval: -1 }),
    initializers.varianceScaling({ scale: 2, mode: "fanOut", distribution: "untruncatedNormal" }),
    initializers.orthogonal({ gain: 2 }),
    initializers.identity({ gain: 3 }),
    initializers.constant(0.5),
  ];
  test.each(
    options.map((it) => [typeof it === "string" ? it : JSON.stringify(initializerKind.write(it)), it] as const),
  )("%s is saved and read", (_, initializer) => {
    const layer = dense(3, { initializer });
    const again = layerFrom(JSON.parse(JSON.stringify(layer.config)));
    expect(again.config).toEqual(layer.config);
    const kernel = (it: Layer): Float64Array => {
      const into = new Float64Array(15);
      (it.params([5]).kernel as unknown as { initializer: Initializer }).initializer.fill(into, 1, "kernel");
      return into;
    };
    expect(kernel(again)).toEqual(kernel(layer));
  });

  test("values are taken where their shape is the weight's; what is wrong is said", () => {
    expect(() => dense(2, { initializer: values([1, 2, 3, 4], 2, 2) }).params([2])).not.toThrow();
    expect(() => dense(2, { initializer: zeros(3, 3) }).params([2])).toThrow(
      "dense(2): the initializer gives [3,3], the kernel is [2,2]\n    at ",
    );
    expect(() => dense(2, { initializer: "glorot" as never })).toThrow('initializer must be a name such as "heNormal"');
    expect(() => dense(2, { initializer: initializers.orthogonal as never }).params([3])).toThrow("orthogonal takes");
    expect(() => initializers.orthogonal()(3)).toThrow("orthogonal: a weight must have two axes or more, not [3]");
    expect(() => initializers.identity()(3, 3, 3)).toThrow("identity: a weight must be a matrix, not [3,3,3]");
    expect(() => initializers.truncatedNormal({ stddev: -1 })).toThrow("stddev must be a number from 0, not -1");
    expect(() => initializers.randomUniform({ minval: 1, maxval: 0 })).toThrow("maxval must be a number from 1, not 0");
  });
});
