/**
 * Keras's files of weights into models here: where each array goes, by name and by order, in each kind of file; and predictions.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zipSync } from "fflate";
import * as h5wasm from "h5wasm";
import { afterAll, describe, expect, it, test } from "vitest";
import type { DType } from "../../src/core/dtype.ts";
import { stateLeaf } from "../../src/dsl/spec.ts";
import { leavesOf } from "../../src/dsl/tree.ts";
import { adam, add, batchNormalization, bidirectional, conv1d, conv2d, dense, dropout, globalAveragePooling1d, gru, type Layer, layer, layerNormalization, layers, lstm, model, mul, multiHeadAttention, param, sequential, timeDistributed, trainer, UserError, zeros } from "../../src/index.ts"; // biome-ignore format: names
import type { StateType } from "../../src/io/checkpoint.ts";
import type { LoadWeightsOptions } from "../../src/io/weight-options.ts";
import { fitWeights } from "../../src/io/weights.ts";
import { readZip } from "../../src/io/zip.ts";
import { loadWeights } from "../../src/node.ts";
import { arraysOf, type WeightCase, weightCases, weightFile, weightFiles } from "../keras-weight-files.ts";

/** Weights of a model here, in its order -> where Keras has them. */
type Rows = Readonly<Record<string, string>>;

const caseOf = (name: string): WeightCase => weightCases.find((one) => one.name === name) as WeightCase;

/** `${ours}.kernel` and so on -> `${path}/vars/0` and so on. */
const within = (ours: string, path: string, parts: readonly string[]): Rows =>
  Object.fromEntries(parts.map((part, i) => [`${ours}${part}`, `${path}/vars/${i}`]));
const dense_ = ["kernel", "bias"];
const norm = ["gamma", "beta", "movingMean", "movingVariance"];
const cell = ["kernel", "recurrentKernel", "bias"];

const small = (look: string, answer: string): Rows => ({
  ...within(`${look}.`, "layers/conv2d", dense_),
  ...within("batchNormalization1.", "layers/batch_normalization", norm),
  ...within("lstm1.", "layers/lstm/cell", cell),
  ...within(`${answer}.`, "layers/dense", dense_),
});

const various = (forward: string, query: (name: string) => string, wrapped: string): Rows => ({
  ...within(`bidirectional1.${forward}.`, "layers/bidirectional/forward_layer/cell", cell),
  ...within(
    `bidirectional1.${forward.replace("forward", "backward")}.`,
    "layers/bidirectional/backward_layer/cell",
    cell,
  ),
  ...within("layerNormalization1.", "layers/layer_normalization", norm.slice(0, 2)),
  ...Object.assign(
    {},
    ...["query", "key", "value", "output"].map((part) =>
      Object.fromEntries(
        dense_.map((name, i) => [query(`${part}.${name}`), `layers/multi_head_attention/${part}_dense/vars/${i}`]),
      ),
    ),
  ),
  ...within(`timeDistributed1.${wrapped}`, "layers/time_distributed/layer", dense_),
  ...within("conv1d1.", "layers/conv1d", dense_),
});

/** By the model's own names, and by kind and number. */
const models: Readonly<Record<string, readonly Rows[]>> = {
  sequential: [small("look", "answer"), small("conv2d1", "dense1")],
  nested: [
    {
      ...within("encoder.zeta.", "layers/sequential/layers/dense", dense_),
      ...within("encoder.alpha.", "layers/sequential/layers/batch_normalization", norm),
      ...within("first.", "layers/dense", dense_),
      ...within("second.", "layers/dense_1", dense_),
      ...within("side.inside.", "layers/functional/layers/dense", dense_),
    },
    {
      ...within("sequential1.dense1.", "layers/sequential/layers/dense", dense_),
      ...within("sequential1.batchNormalization1.", "layers/sequential/layers/batch_normalization", norm),
      ...within("dense1.", "layers/dense", dense_),
      ...within("dense2.", "layers/dense_1", dense_),
      ...within("model1.dense1.", "layers/functional/layers/dense", dense_),
    },
  ],
  various: [
    various("forward", (name) => `multiHeadAttention1.${name}`, ""),
    various(
      "forwardLayer.cell",
      (name) => `multiHeadAttention1.${name.replace(".k", "K").replace(".b", "B")}`,
      "layer.",
    ),
    various("forward", (name) => `multiHeadAttention1.${name.replace(".", "Dense.")}`, "dense1."),
  ],
  float16: [within("dense1.", "layers/dense", dense_)],
  bfloat16: [within("dense1.", "layers/dense", dense_)],
  own: [
    {
      scale: "vars/0",
      ...within("head.", "head", dense_),
      ...within("blocks.dense1.", "blocks/dense", dense_),
      ...within("blocks.dense2.", "blocks/dense_1", dense_),
    },
  ],
};

const rows = Object.entries(models).flatMap(([name, all]) =>
  all.map((ours, i) => [`${name}, ${i + 1}`, caseOf(name), ours] as const),
);

const typesOf = (one: WeightCase, ours: Rows, dtype: DType = "f32"): ReadonlyMap<string, StateType> => {
  const arrays = arraysOf(one);
  return new Map(Object.entries(ours).map(([name, path]) => [name, { dtype, shape: arrays.get(path)?.shape ?? [] }]));
};

async function expectFitted(one: WeightCase, ours: Rows, bytes: Uint8Array, options: LoadWeightsOptions = {}) {
  const { values, result } = await fitWeights(typesOf(one, ours), bytes, { hdf5: h5wasm, ...options }, "w.h5");
  expect(result).toMatchObject({ loaded: Object.keys(ours), missing: [], unused: [], unfit: [] });
  const arrays = arraysOf(one);
  for (const [name, path] of Object.entries(ours)) {
    const expected = (arrays.get(path)?.data ?? []).map(Number);
    const found = [...(values.get(name) ?? [])];
    expect(found.length).toBe(expected.length);
    expect(
      Math.max(...found.map((value, i) => Math.abs(value - (expected[i] ?? 0)))),
      `${name} is ${path}`,
    ).toBeLessThan(1e-6);
  }
  return result;
}

test("every case has its rows", () => {
  expect(Object.keys(models).sort()).toEqual(weightCases.map(({ name }) => name).sort());
  for (const [, one, ours] of rows) expect(Object.keys(ours)).toHaveLength(one.weights.length);
});

describe("every array finds its weight in .weights.h5", () => {
  test.each(rows)("%s", async (_, one, ours) => {
    await expectFitted(one, ours, weightFile(`${one.name}.weights.h5`));
  });
});

describe("the same in .keras, by name and by order", () => {
  const archived = rows.filter(([, { files }]) => Object.keys(files).some((file) => file.endsWith(".keras")));
  test.each(archived)("%s", async (_, one, ours) => {
    const bytes = weightFile(`${one.name}.keras`);
    await expectFitted(one, ours, bytes);
    await expectFitted(one, ours, bytes, { by: "order" });
    const renamed = Object.entries(ours).map(([, path], i) => [`w${i}`, path]);
    await expectFitted(one, Object.fromEntries(renamed), bytes, { by: "order" });
  });
});

describe("parts of layers, which files sort by the alphabet,", () => {
  const [one, ours] = [caseOf("various"), models.various?.[0] ?? {}];

  it("come in Keras's order where the architecture says that of the layers", async () => {
    const kinds = [
      "InputLayer",
      "Bidirectional",
      "LayerNormalization",
      "MultiHeadAttention",
      "TimeDistributed",
      "Conv1D",
    ];
    const layers = kinds.map((class_name) => ({ class_name, config: { name: class_name } }));
    const config = new TextEncoder().encode(
      JSON.stringify({ class_name: "Functional", config: { name: "various", layers } }),
    );
    const bytes = zipSync({ "config.json": config, "model.weights.h5": weightFile("various.weights.h5") });
    await expectFitted(one, ours, bytes, { by: "order" });
  });

  it("and so do more than ten variables", async () => {
    const numbers = Array.from({ length: 12 }, (_, i) => i);
    const bytes = await written((file) => {
      const group = file.create_group("layers").create_group("dense").create_group("vars");
      for (const i of numbers) group.create_dataset({ name: `${i}`, data: new Float32Array([i]), shape: [1] });
    });
    const types = new Map(numbers.map((i) => [`dense1.w${i}`, { dtype: "f32", shape: [1] } as const]));
    const { values } = await fitWeights(types, bytes, { hdf5: h5wasm }, "many.h5");
    expect([...values.values()].map(([first]) => first)).toEqual(numbers);
  });
});

describe("the .h5 of earlier days", () => {
  test.each(rows.filter(([, { name }]) => name === "sequential"))("%s, by name and by order", async (_, one, ours) => {
    const bytes = weightFile("sequential.h5");
    const { ignored } = await expectFitted(one, ours, bytes);
    expect(ignored).toEqual(["optimizer_weights: the state of the optimizer"]);
    await expectFitted(one, ours, bytes, { by: "order" });
  });

  it("as Keras 2 made it: lists in the file itself, and names with :0", async () => {
    const bytes = await written((file) => {
      for (const name of ["dense_7", "dense_9"]) {
        const group = file.create_group(name);
        group.create_attribute("weight_names", [`${name}/kernel:0`, `${name}/bias:0`]);
        const inside = group.create_group(name);
        const units = name === "dense_7" ? 3 : 1;
        const inputs = name === "dense_7" ? 2 : 3;
        inside.create_dataset({
          name: "kernel:0",
          data: new Float32Array(inputs * units).fill(units),
          shape: [inputs, units],
        });
        inside.create_dataset({ name: "bias:0", data: new Float32Array(units).fill(-units), shape: [units] });
      }
      file.create_attribute("layer_names", ["dense_9", "dense_7"].reverse());
    });
    const shapes = { "dense1.kernel": [2, 3], "dense1.bias": [3], "dense2.kernel": [3, 1], "dense2.bias": [1] };
    const types = new Map(Object.entries(shapes).map(([name, shape]) => [name, { dtype: "f32", shape } as const]));
    for (const by of ["name", "order"] as const) {
      const { values, result } = await fitWeights(types, bytes, { by, hdf5: h5wasm }, "old.h5");
      expect(result.loaded).toHaveLength(4);
      expect([...values.values()].map(([first]) => first)).toEqual([3, -3, 1, -1]);
    }
  });
});

/** A file made by the library. */
async function written(make: (file: InstanceType<typeof h5wasm.File>) => void): Promise<Uint8Array> {
  const { FS } = await h5wasm.ready;
  const file = new h5wasm.File("/made.h5", "w");
  make(file);
  file.close();
  const bytes = FS.readFile("/made.h5").slice();
  FS.unlink("/made.h5");
  return bytes;
}

/** A file with these groups of variables, each variable full of its place; with an empty group beside the parts of a layer, as Keras has it. */
const laidOut = (parts: readonly Part[]): Promise<Uint8Array> =>
  written((file) => {
    const made = new Map<string, h5wasm.Group>([["", file]]);
    const group = (path: string): h5wasm.Group => {
      const known = made.get(path);
      if (known !== undefined) return known;
      const at = path.lastIndexOf("/");
      const inside = group(path.slice(0, Math.max(0, at))).create_group(path.slice(at + 1));
      made.set(path, inside);
      if (at > 0 && !path.endsWith("/vars")) made.set(`${path}/vars`, inside.create_group("vars"));
      return inside;
    };
    let next = 0;
    for (const [path, ...shapes] of parts)
      for (const [i, shape] of shapes.entries()) {
        const size = shape.reduce((a, b) => a * b, 1);
        group(`layers/${path}/vars`).create_dataset({
          name: `${i}`,
          data: new Float32Array(size).fill(next++),
          shape: [...shape],
        });
      }
  });

type Part = readonly [path: string, ...shapes: (readonly number[])[]];

describe("layers by layers as Keras lays their files out", () => {
  /** Our layer, a sample of x, and Keras's groups: its variables come in the order of our weights. */
  const kinds: readonly (readonly [Layer, readonly number[], ...Part[]])[] = [
    [gru(4), [5, 3], ["gru/cell", [3, 12], [4, 12], [2, 12]]],
    [gru(4, { resetAfter: false }), [5, 3], ["gru/cell", [3, 12], [4, 12], [12]]],
    [layers.simpleRnn(4), [5, 3], ["simple_rnn/cell", [3, 4], [4, 4], [4]]],
    [bidirectional(gru(2)), [5, 3], ["bidirectional/forward_layer/cell", [3, 6], [2, 6], [2, 6]], ["bidirectional/backward_layer/cell", [3, 6], [2, 6], [2, 6]]],
    [layers.convLstm2d(2, 3), [3, 6, 6, 1], ["conv_lstm2d/cell", [3, 3, 1, 8], [3, 3, 2, 8], [8]]],
    [layers.separableConv2d(4, 3), [8, 8, 3], ["separable_conv2d", [3, 3, 3, 1], [1, 1, 3, 4], [4]]],
    [timeDistributed(layers.separableConv1d(4, 3)), [2, 8, 3], ["time_distributed/layer", [3, 3, 1], [1, 3, 4], [4]]],
    [layers.depthwiseConv2d(3), [8, 8, 3], ["depthwise_conv2d", [3, 3, 3, 1], [3]]],
    [layers.conv2dTranspose(4, 3), [8, 8, 3], ["conv2d_transpose", [3, 3, 4, 3], [4]]],
    [layers.conv3d(4, 2), [4, 4, 4, 3], ["conv3d", [2, 2, 2, 3, 4], [4]]],
    [batchNormalization(), [8, 4], ["batch_normalization", [4], [4], [4], [4]]],
    [batchNormalization({ scale: false }), [8, 4], ["batch_normalization", [4], [4], [4]]],
    [layers.groupNormalization({ groups: 2 }), [8, 4], ["group_normalization", [4], [4]]],
    [layerNormalization({ scale: false }), [8, 4], ["layer_normalization", [4]]],
    [layers.rmsNormalization(), [8, 4], ["rms_normalization", [4]]],
    [layers.spectralNormalization(dense(3)), [4], ["spectral_normalization", [1, 3]], ["spectral_normalization/layer", [4, 3], [3]]],
    [layers.prelu(), [8, 4], ["p_re_lu", [8, 4]]],
    [layers.embedding(10, 3), [6], ["embedding", [10, 3]]],
    [layers.einsumDense("abc,cd->abd", [8, 5], { biasAxes: "d" }), [8, 4], ["einsum_dense", [4, 5], [5]]],
  ]; // biome-ignore format: a row each
  const weightsOf = ({ name, params }: Pick<Layer, "name" | "params">, sample: readonly number[]) =>
    new Map(leavesOf(params(sample), stateLeaf, name).map(({ path, leaf }) => [`${name}1.${path}`, { dtype: leaf.dtype, shape: leaf.shape as readonly number[] }])); // biome-ignore format: short

  test.each(kinds.map(([layer, sample, ...parts]) => [layer.name, weightsOf(layer, sample), parts] as const))("%s", async (_, weights, parts) => {
    const { values, result } = await fitWeights(weights, await laidOut(parts), { hdf5: h5wasm }, "w.h5");
    expect(result).toMatchObject({ missing: [], unused: [], unfit: [] });
    expect([...weights.keys()].map((name) => values.get(name)?.[0])).toEqual([...weights.keys()].map((_, i) => i));
  }); // biome-ignore format: long

  test("another kind of GRU is told", async () => {
    const file = await laidOut([["gru/cell", [3, 12], [4, 12], [2, 12]]]);
    const loading = fitWeights(weightsOf(gru(4, { resetAfter: false }), [5, 3]), file, { hdf5: h5wasm }, "w.h5");
    await expect(loading).rejects.toThrow(/"gru1\.bias": "layers\/gru\/cell\/vars\/2": the weight is f32\[12\], the tensor f32\[2,12\]: a gru's bias has two rows with resetAfter: true/); // biome-ignore format: short
  });

  test("numbered variables of which one is too many are none's, also where not all must fit", async () => {
    const file = await laidOut([["batch_normalization", [4], [4], [4], [4]]]);
    const weights = weightsOf(batchNormalization({ center: false }), [8, 4]);
    const loading = fitWeights(weights, file, { hdf5: h5wasm }, "w.h5");
    await expect(loading).rejects.toThrow(/no tensor for the weight "batchNormalization1\.movingMean"/);
    const some = fitWeights(weights, file, { hdf5: h5wasm, strict: false }, "w.h5");
    await expect(some).rejects.toThrow("none of the weights fits the model"); // by place beta would have been the mean
  });
});

describe("what a file has besides, and has not", () => {
  const [one, ours] = [caseOf("sequential"), small("look", "answer")];
  const types = typesOf(one, ours);

  it("is told: the optimizer's state", async () => {
    const { ignored } = await expectFitted(one, ours, weightFile("sequential.weights.h5"));
    expect(ignored).toEqual(["optimizer: the state of the optimizer"]);
  });

  it("is told: a layer that is not here, a layer that is not there", async () => {
    const fewer = new Map([...types].filter(([name]) => !name.startsWith("look")));
    fewer.set("more.kernel", { dtype: "f32", shape: [2] });
    const load = (options: LoadWeightsOptions) =>
      fitWeights(fewer, weightFile("sequential.keras"), { hdf5: h5wasm, ...options }, "s.keras");
    await expect(load({})).rejects.toThrow(
      /s\.keras: the weights do not fit.*\n.*no tensor for the weight "more\.kernel" f32\[2\]\n.*no weight for the tensor "layers\/conv2d\/vars\/0"/,
    );
    expect((await load({ strict: false })).result).toMatchObject({
      missing: ["more.kernel"],
      unused: ["layers/conv2d/vars/0", "layers/conv2d/vars/1"],
    });
  });

  it("order is not told by a .weights.h5 of layers of several kinds, but by one of layers of one kind", async () => {
    const load = (name: string, weights: ReadonlyMap<string, StateType>) =>
      fitWeights(weights, weightFile(name), { by: "order", hdf5: h5wasm }, name);
    await expect(load("sequential.weights.h5", types)).rejects.toThrow(
      /does not say in which order the layers are.* A \.keras file/,
    );
    await expect(load("own.weights.h5", types)).rejects.toThrow(/does not say in which order/);
    const dense16 = typesOf(caseOf("float16"), { a: "layers/dense/vars/0", b: "layers/dense/vars/1" });
    expect((await load("float16.weights.h5", dense16)).result.loaded).toEqual(["a", "b"]);
  });

  it("names of the user's own come first", async () => {
    const other = Object.fromEntries(Object.entries(ours).map(([name, path]) => [name.replace("look", "eye"), path]));
    const names = (name: string) => /conv2d\/vars\/([01])$/.test(name) ? `eye.${name.endsWith("0") ? "kernel" : "bias"}` : undefined; // biome-ignore format: short
    await expectFitted(one, other, weightFile("sequential.weights.h5"), { names });
    const { result } = await fitWeights(
      new Map([...types].filter(([name]) => name !== "look.bias")),
      weightFile("sequential.weights.h5"),
      { hdf5: h5wasm, names: { "layers/conv2d/vars/1": null } },
      "w.h5",
    );
    expect(result.ignored).toEqual([
      "optimizer: the state of the optimizer",
      "layers/conv2d/vars/1: left out by names",
    ]);
  });
});

const folder = mkdtempSync(join(tmpdir(), "tensorloom-keras-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("files", () => {
  const net = () => trainer(sequential([dense(2)]), { input: [3], loss: "meanSquaredError", optimizer: adam() });
  const path = (name: string, bytes: Uint8Array): string => {
    writeFileSync(join(folder, name), bytes);
    return join(folder, name);
  };

  it("are told by what is in them, whatever they are called", async () => {
    const made = net();
    await made.compile({ target: "js", batch: 2 });
    const { loaded } = await loadWeights(path("mystery.bin", weightFile("float16.weights.h5")), made);
    expect(loaded).toEqual(["dense1.kernel", "dense1.bias"]);
    const archive = zipSync({ "model.weights.h5": weightFile("bfloat16.weights.h5") });
    expect((await made.loadWeights(archive, { hdf5: h5wasm })).loaded).toHaveLength(2);
  });

  it("of HDF5 take the package h5wasm, and say so", async () => {
    const made = net();
    await made.compile({ target: "js", batch: 2 });
    const found = made.loadWeights(weightFile("float16.weights.h5"));
    await expect(found).rejects.toThrow(UserError);
    await expect(found).rejects.toThrow(
      /^loadWeights: the file is HDF5, which the package h5wasm reads: npm install h5wasm/,
    );
    await expect(made.loadWeights(new Uint8Array(), { hdf5: {} as never })).rejects.toThrow(/the package h5wasm/);
  });

  it("that are damaged, cut or something else are refused by name, and nothing is changed", async () => {
    const made = net();
    await made.compile({ target: "js", batch: 2, seed: 1 });
    const before = await made.weights();
    const keras = weightFile("sequential.keras");
    const inner = (await readZip(keras, "x").get("model.weights.h5")?.read()) ?? new Uint8Array();
    const bad: Readonly<Record<string, readonly [Uint8Array, RegExp]>> = {
      "cut.weights.h5": [
        weightFile("float16.weights.h5").subarray(0, 5000),
        /the HDF5 file cannot be read, it is truncated/,
      ],
      "cut.keras": [keras.subarray(0, 9000), /expected a zip archive, found no directory at its end/],
      "damaged.keras": [keras.with(keras.length - inner.length, 77), /the checksum is not that of the bytes|corrupt/],
      "empty.keras": [zipSync({ "config.json": new Uint8Array(2) }), /there is no model\.weights\.h5 in the archive/],
      "empty.h5": [new Uint8Array(0), /truncated: expected a safetensors file/],
      "text.h5": [new TextEncoder().encode("not a file of weights at all"), /expected a safetensors file/],
      "one.npy": [
        Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0),
        /an npy file holds one array without a name/,
      ],
    };
    for (const [name, [bytes, why]] of Object.entries(bad)) {
      const found = loadWeights(path(name, bytes), made);
      await expect(found, name).rejects.toThrow(why);
      await expect(found, name).rejects.toThrow(join(folder, name));
    }
    expect(await made.weights()).toEqual(before);
  });
});

describe("predictions", () => {
  const scaled = layer({
    name: "scaled",
    rule: "same",
    params: ([width = 1]) => ({ scale: param(zeros(width)) }),
    apply: ({ scale }, x) => mul(x, scale as typeof x),
  });
  const denses = sequential([dense(2)]);
  /** Models whose layers there are, with a tolerance of their own where Keras computes in a short type. */
  const made: Readonly<
    Record<
      string,
      { readonly net: Parameters<typeof trainer>[0]; readonly options?: LoadWeightsOptions; readonly within?: number }
    >
  > = {
    float16: { net: denses, within: 2e-3 },
    bfloat16: { net: denses, within: 2e-2 },
    nested: {
      net: model({
        inputs: [4],
        layers: {
          encoder: sequential([dense(3, { activation: "tanh", name: "zeta" }), batchNormalization({ name: "alpha" })]),
          first: dense(3),
          second: dense(2),
          side: sequential([dense(2, { name: "inside" })]),
        },
        call: (x, { encoder, first, second, side }) => add(second(first(encoder(x))), side(x)),
      }) as never,
    },
    sequential: {
      net: sequential([
        conv2d(3, 3, { strides: 2, padding: "same", activation: "relu", name: "look" }),
        batchNormalization(),
        layers.reshape([9, 3]),
        lstm(4),
        dropout(0.3),
        dense(2, { activation: "softmax", name: "answer" }),
      ]),
    },
    various: {
      net: sequential([
        bidirectional(gru(2, { returnSequences: true })),
        layerNormalization(),
        multiHeadAttention(2, 2),
        timeDistributed(dense(2)),
        conv1d(2, 2, { padding: "causal" }),
        globalAveragePooling1d(),
      ]),
    },
    own: {
      net: model({
        inputs: [3],
        layers: { head: dense(3), blocks: sequential([dense(3, { activation: "relu" }), dense(3)]), scaled },
        call: (x, { head, blocks, scaled }) => scaled(blocks(head(x))),
      }) as never,
      options: { names: { "vars/0": "scaled.scale" } },
    },
  };
  test("each case is made", () => {
    expect(Object.keys(made).sort()).toEqual(weightCases.map(({ name }) => name).sort());
  });

  const files = Object.keys(made).flatMap((name) => Object.keys(caseOf(name).files).map((file) => [file, name] as const)); // biome-ignore format: short
  test("each file is read", () => expect(files.map(([file]) => file).toSorted()).toEqual(weightFiles.toSorted()));

  test.each(files)("%s gives what Keras predicts", async (given, name) => {
    const { net, options, within = 1e-5 } = made[name] ?? { net: denses };
    const { x, y } = caseOf(name);
    const definition = {
      ...("inputs" in net ? {} : { input: x.shape.slice(1) }),
      loss: "meanSquaredError",
      optimizer: adam(),
    };
    const it = trainer(net as never, definition as never);
    await it.compile({ target: "js", batch: 2 });
    const file = join(folder, given);
    writeFileSync(file, weightFile(given));
    await loadWeights(file, it, options);
    const predicted = [
      ...((await it.predict({ x: Float32Array.from(x.data, Number) } as never)) as unknown as Float32Array),
    ];
    expect(predicted).toHaveLength(y.data.length);
    const most = Math.max(...y.data.map((value) => Math.abs(Number(value))));
    const off = Math.max(...predicted.map((value, i) => Math.abs(value - Number(y.data[i]))));
    expect(off).toBeLessThan(within * most);
  });
});
