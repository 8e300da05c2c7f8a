/**
 * Weights alone: saved and loaded by name, by order, in part; files of other programs; and that nothing is changed where they do
 * not fit.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { adam, DataError, dense, type Layer, layer, readSafetensors, type StoredTensor, sequential, slot, trainer, UserError, writeSafetensors, zeros } from "../../src/index.ts"; // biome-ignore format: names
import { fitWeights } from "../../src/io/weights.ts";
import { loadNpz, loadSafetensors, loadWeights, saveSafetensors, saveTrainer, saveWeights } from "../../src/node.ts";
import { batchNorm } from "../batch-norm.ts";

const folder = mkdtempSync(join(tmpdir(), "tensorloom-weights-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const fixture = (name: string) => new Uint8Array(readFileSync(new URL(`../fixtures/safetensors/${name}.safetensors`, import.meta.url))); // biome-ignore format: short
const x = Float32Array.from({ length: 16 }, (_, i) => Math.sin(3 * i));
const y = Float32Array.from({ length: 8 }, (_, i) => Math.cos(i));

async function compiled(
  seed: number,
  net: Layer = sequential([dense(3, { activation: "tanh" }), batchNorm(), dense(1)]),
) {
  const made = trainer(net, { input: [2], loss: "meanSquaredError", optimizer: adam() });
  await made.compile({ target: "js", batch: 4, seed });
  return made;
}
type Made = Awaited<ReturnType<typeof compiled>>;

const statesOf = async (net: Made, prefix: string) =>
  new Map([...(await net.executable.state.snapshot())].filter(([path]) => path.startsWith(prefix)));

async function expectUnchanged(net: Made, call: () => Promise<unknown>, ...messages: readonly string[]) {
  const before = await statesOf(net, "");
  const found = call();
  await expect(found).rejects.toThrow(UserError);
  for (const message of messages) await expect(found).rejects.toThrow(message);
  expect(await statesOf(net, "")).toEqual(before);
}

const names = ["dense1.kernel", "dense1.bias", "norm1.gamma", "norm1.beta", "norm1.mean", "norm1.variance", "dense2.kernel", "dense2.bias"]; // biome-ignore format: short

describe("weights of a trainer", () => {
  test("come into another one: predictions are the same, moments and the place in the data are its own", async () => {
    const [from, to] = [await compiled(1), await compiled(2)];
    await from.fit({ x, y, epochs: 3 });
    await to.fit({ x, y });
    const path = join(folder, "weights.safetensors");
    await saveWeights(path, from);
    expect(readdirSync(folder)).toEqual(["weights.safetensors"]); // no temporary file is left
    const moments = await statesOf(to, "opt.");
    expect(await loadWeights(path, to)).toEqual({ loaded: names, missing: [], unused: [], unfit: [], ignored: [] });
    expect(await statesOf(to, "model.")).toEqual(await statesOf(from, "model."));
    expect(await statesOf(to, "opt.")).toEqual(moments);
    expect(await to.predict({ x })).toEqual(await from.predict({ x }));
    expect([...(await loadSafetensors(path)).tensors.keys()].sort()).toEqual([...names].sort());
  });

  test("are taken from a checkpoint too, and by a trainer that was not compiled", async () => {
    const from = await compiled(1);
    await from.fit({ x, y });
    const path = join(folder, "run.safetensors");
    await saveTrainer(path, from);
    const to = trainer(sequential([dense(3, { activation: "tanh" }), batchNorm(), dense(1)]), { input: [2], loss: "meanSquaredError", optimizer: adam() }); // biome-ignore format: short
    expect((await loadWeights(path, to)).loaded).toEqual(names);
    expect(await to.executable.state.read("model.dense2.kernel")).toEqual(await from.executable.state.read("model.dense2.kernel")); // biome-ignore format: short
    await expectUnchanged(from, () => from.loadWeights(fixture("torch_module"), {}, "torch.safetensors"), "torch.safetensors: the weights do not fit the model, and nothing was changed"); // biome-ignore format: short
    to.dispose();
  });

  test("by order, whatever they are called", async () => {
    const named = (a: string, b: string) => sequential([dense(3, { name: a }), dense(1, { name: b })]);
    const [from, to] = [await compiled(1, named("z", "a")), await compiled(2, named("b", "y"))];
    const bytes = await from.weights();
    await expectUnchanged(to, () => to.loadWeights(bytes), 'there is no tensor for the weight "b.kernel" f32[2,3]', 'there is no weight for the tensor "a.bias"'); // biome-ignore format: short
    expect((await to.loadWeights(bytes, { by: "order" })).loaded).toEqual(["b.kernel", "b.bias", "y.kernel", "y.bias"]);
    expect(await to.predict({ x })).toEqual(await from.predict({ x }));
    const { tensors } = readSafetensors(bytes);
    await expectUnchanged(to, () => to.loadWeights(tensors, { by: "order" }), '"b.kernel": "a.bias": the weight is f32[2,3], the tensor f32[1]'); // biome-ignore format: short
    expect((await to.loadWeights(new Map([...tensors].reverse()), { by: "order" })).loaded).toHaveLength(4);
    await expectUnchanged(to, () => to.loadWeights(new Map([...tensors].slice(1)), { by: "order" }), "there are 3 tensors for 4 weights"); // biome-ignore format: short
    await expectUnchanged(to, () => to.loadWeights(writeSafetensors(tensors), { by: "order" }), "the file does not say in which order"); // biome-ignore format: short
  });

  test("in part: what fits is taken, and the rest is listed", async () => {
    const [from, to] = [await compiled(1), await compiled(2, sequential([dense(3), batchNorm(), dense(4, { name: "head" }), dense(1, { name: "dense2" })]))]; // biome-ignore format: short
    const before = await statesOf(to, "model.");
    const bytes = await from.weights();
    await expectUnchanged(to, () => to.loadWeights(bytes), '"dense2.kernel": the weight is f32[4,1], the tensor f32[3,1]'); // biome-ignore format: short
    const result = await to.loadWeights(bytes, { strict: false });
    expect(result.missing).toEqual(["head.kernel", "head.bias"]);
    expect(result.unfit).toEqual([{ name: "dense2.kernel", why: "the weight is f32[4,1], the tensor f32[3,1]" }]);
    expect(result.unused).toEqual([]);
    expect(result.loaded).toEqual(names.filter((name) => name !== "dense2.kernel"));
    const after = await statesOf(to, "model.");
    for (const path of ["model.head.kernel", "model.dense2.kernel"]) expect(after.get(path)).toEqual(before.get(path));
    expect(after.get("model.dense1.kernel")).toEqual(await from.executable.state.read("model.dense1.kernel"));
    await expectUnchanged(to, () => to.loadWeights(fixture("tied"), { strict: false }), "none of the weights fits"); // biome-ignore format: short
  });

  test("mistakes", async () => {
    const net = await compiled(1);
    const load = (source: unknown, options?: unknown) => () => net.loadWeights(source as never, options as never);
    const kernel: StoredTensor = { dtype: "f32", shape: [2, 3], data: new Float32Array(6) };
    await expectUnchanged(net, load("weights.safetensors"), "must be the bytes of a file (a Uint8Array), or a Map");
    await expectUnchanged(net, load(new Map([["dense1.kernel", undefined]])), '"dense1.kernel" must be a tensor');
    await expectUnchanged(net, load(new Map([["dense1.kernel", { ...kernel, data: new Float32Array(5) }]])), "takes a Float32Array of 6");
    await expectUnchanged(net, load(await net.weights(), { strickt: false }), 'no option "strickt"; did you mean "strict"');
    await expectUnchanged(net, load((await net.weights()).subarray(0, 99)), "loadWeights: ");
    await expectUnchanged(net, () => loadWeights(join(folder, "nowhere"), net), "nowhere: could not be loaded: there is no such file");
    await expect(saveWeights(net as never, "x" as never)).rejects.toThrow("saveWeights: the path must be a text");
    await expect(saveWeights("net.weights.h5", net)).rejects.toThrow("saveWeights: net.weights.h5: a .h5 file is not written: name it .safetensors or .npz"); // biome-ignore format: short
    await expect(saveTrainer("net.keras", net)).rejects.toThrow("saveTrainer: net.keras: a .keras file is not written: name it .safetensors"); // biome-ignore format: short
    await expect(saveTrainer("net.npz", net)).rejects.toThrow("a .npz file is not written of a whole trainer");
    await expect(loadWeights("x", { strict: false } as never)).rejects.toThrow("loadWeights takes a trainer behind the path");
    const fitting = net.fit({ x, y, epochs: 50 });
    const bytes = await net.weights(); // while it trains
    await expect(net.loadWeights(bytes)).rejects.toThrow("loadWeights: a fit is under way");
    await fitting;
    await net.loadWeights(bytes);
    await expect(net.restore(bytes)).rejects.toThrow("loadWeights takes weights alone");
  }); // biome-ignore format: a table
});

describe("values", () => {
  const holder = (dtype: "f32" | "f16" | "bf16" | "i32" | "u8", width: number) =>
    layer({
      name: "held",
      params: () => ({ value: slot(zeros(width), { dtype }) }),
      apply: (_, input) => input,
    });
  const loaded = async (dtype: "f32" | "f16" | "bf16" | "i32" | "u8", tensor: StoredTensor) => {
    const net = trainer(sequential([dense(1), holder(dtype, tensor.data.length)]), { input: [2], loss: "meanSquaredError", optimizer: adam() }); // biome-ignore format: short
    await net.compile({ target: "js", batch: 4, onWarning: () => undefined });
    const result = await net.loadWeights(new Map([["held1.value", tensor], ...readSafetensors(await net.weights(), "own", { only: ["dense1.kernel"] }).tensors]), { strict: false }); // biome-ignore format: short
    return { value: [...(await net.executable.state.read("model.held1.value"))], result };
  };
  const tenth = Math.fround(0.1);
  const taken: readonly (readonly ["f32" | "f16" | "bf16" | "i32" | "u8", StoredTensor, readonly number[]])[] = [
    ["f32", { dtype: "f64", shape: [3], data: Float64Array.of(0.1, Number.NaN, -Infinity) }, [tenth, Number.NaN, -Infinity]],
    ["f32", { dtype: "f16", shape: [4], data: Uint16Array.of(0x3c01, 0x8001, 0x7c00, 0x7e00) }, [1 + 2 ** -10, -(2 ** -24), Infinity, Number.NaN]],
    ["f32", { dtype: "bf16", shape: [4], data: Uint16Array.of(0x3fc0, 0x8001, 0xff80, 0x7fc1) }, [1.5, -(2 ** -133), -Infinity, Number.NaN]],
    ["f16", { dtype: "bf16", shape: [2], data: Uint16Array.of(0x3fc0, 0x0001) }, [0x3e00, 0]],
    ["bf16", { dtype: "f16", shape: [2], data: Uint16Array.of(0x3c03, 0x7bff) }, [0x3f80, 0x4780]],
    ["bf16", { dtype: "f32", shape: [2], data: Float32Array.of(1 + 2 ** -8, 3.38e38) }, [0x3f80, 0x7f7e]],
    ["i32", { dtype: "u32", shape: [2], data: Uint32Array.of(0, 2 ** 31 - 1) }, [0, 2 ** 31 - 1]],
    ["u8", { dtype: "i32", shape: [2], data: Int32Array.of(0, 255) }, [0, 255]],
  ]; // biome-ignore format: a table
  test.each(taken)("%s takes what it can hold, case %#", async (dtype, tensor, wanted) => {
    const { value, result } = await loaded(dtype, tensor);
    expect(value).toEqual(wanted);
    expect(result.unfit).toEqual([]);
  });

  const refused: readonly (readonly ["f32" | "f16" | "bf16" | "i32" | "u8", StoredTensor, string])[] = [
    ["f32", { dtype: "f64", shape: [2], data: Float64Array.of(1, 1e300) }, "the tensor has 1e+300 at position 1, which is no f32"],
    ["f32", { dtype: "i32", shape: [1], data: Int32Array.of(1) }, "the weight is f32[1], the tensor i32[1], which is not converted"],
    ["f32", { dtype: "bool", shape: [1], data: Uint8Array.of(1) }, "which is not converted"],
    ["i32", { dtype: "f32", shape: [1], data: Float32Array.of(1) }, "which is not converted"],
    ["i32", { dtype: "u32", shape: [1], data: Uint32Array.of(2 ** 31) }, "the tensor has 2147483648 at position 0, which is no i32"],
    ["u8", { dtype: "i32", shape: [1], data: Int32Array.of(-1) }, "the tensor has -1 at position 0, which is no u8"],
  ]; // biome-ignore format: a table
  test.each(refused)("%s refuses what it cannot, case %#", async (dtype, tensor, why) => {
    const { value, result } = await loaded(dtype, tensor);
    expect(value).toEqual(new Array(tensor.data.length).fill(0));
    expect(result.unfit).toMatchObject([{ name: "held1.value", why: expect.stringContaining(why) }]);
  });
});

describe("files of other programs", () => {
  test("a PyTorch module comes in, and predicts what its numbers say", async () => {
    const { tensors } = readSafetensors(fixture("torch_module"));
    expect(tensors.get("1.num_batches_tracked")).toEqual({ dtype: "i32", shape: [], data: Int32Array.of(0) }); // i64 there
    const of = (name: string) => tensors.get(name) as StoredTensor;
    // a Linear has [out, in] where dense has [in, out]
    const turned = (name: string): StoredTensor => {
      const { shape: [out = 0, width = 0], data } = of(name); // biome-ignore format: short
      return { dtype: "f32", shape: [width, out], data: Float32Array.from({ length: out * width }, (_, i) => data[(i % out) * width + Math.floor(i / out)] ?? 0) }; // biome-ignore format: short
    };
    const net = trainer(sequential([dense(3), batchNorm({ epsilon: 1e-5 }), dense(2)]), { input: [4], loss: "meanSquaredError", optimizer: adam() }); // biome-ignore format: short
    await net.compile({ target: "js", batch: 2 });
    const { loaded } = await net.loadWeights(
      new Map([
        ["dense1.kernel", turned("0.weight")],
        ["dense1.bias", of("0.bias")],
        ["norm1.gamma", of("1.weight")],
        ["norm1.beta", of("1.bias")],
        ["norm1.mean", of("1.running_mean")],
        ["norm1.variance", of("1.running_var")],
        ["dense2.kernel", turned("2.weight")],
        ["dense2.bias", of("2.bias")],
      ]),
    );
    expect(loaded).toHaveLength(8);
    const input = [1, -2, 0.5, 3];
    const linear = (name: string, from: readonly number[]) =>
      Array.from(of(`${name}.bias`).data, (bias, i) =>
        from.reduce((sum, value, k) => sum + value * (of(`${name}.weight`).data[i * from.length + k] ?? 0), bias),
      );
    const wanted = linear("2", linear("0", input).map((value) => value / Math.sqrt(1 + 1e-5))); // biome-ignore format: short
    const found = await net.predict({ x: input });
    wanted.forEach((value, i) => { expect(found[i]).toBeCloseTo(value, 5); }); // biome-ignore format: short
  });

  test("a PyTorch module comes in under names of the user's own, turned on request", async () => {
    const net = trainer(sequential([dense(3), batchNorm({ epsilon: 1e-5 }), dense(2)]), { input: [4], loss: "meanSquaredError", optimizer: adam() }); // biome-ignore format: short
    await net.compile({ target: "js", batch: 2 });
    const layers = ["dense1", "norm1", "dense2"];
    const called = (name: string) => {
      const [place, part] = name.split(/\.(.*)/);
      return `${layers[Number(place)]}.${{ running_mean: "mean", running_var: "variance" }[part ?? ""] ?? part}`;
    };
    const path = join(folder, "torch.safetensors");
    writeFileSync(path, fixture("torch_module"));
    await expectUnchanged(
      net,
      () => loadWeights(path, net, { names: called }),
      '"dense1.kernel": "0.weight": the weight is f32[4,3], the tensor f32[3,4], which fits transposed: { transpose: true } turns weights that are [out, in], as PyTorch keeps them',
    );
    expect(await loadWeights(path, net, { names: called, transpose: true })).toEqual({
      loaded: names,
      missing: [],
      unused: [],
      unfit: [],
      ignored: ["1.num_batches_tracked: a count of PyTorch's that is no weight"],
    });
    const { tensors } = readSafetensors(fixture("torch_module"));
    const kernel = await net.executable.state.read("model.dense1.kernel");
    const weight = tensors.get("0.weight")?.data ?? [];
    expect([...kernel]).toEqual(Array.from({ length: 12 }, (_, i) => weight[(i % 3) * 4 + Math.floor(i / 3)]));
    await expectUnchanged(
      net,
      () => loadWeights(path, net, { names: { "0.weight": "dense9.kernel" } }),
      'names gives "dense9.kernel" for "0.weight", and there is no weight of that name',
    );
    await expectUnchanged(
      net,
      () => loadWeights(path, net, { names: () => "dense1.bias" }),
      'are to be the weight "dense1.bias"',
    );
    await expectUnchanged(
      net,
      () => loadWeights(path, net, { names: (() => 7) as never }),
      "must give a name, null or undefined, not 7",
    );
    await expectUnchanged(
      net,
      () => loadWeights(path, net, { names: called, by: "order" }),
      "by order names do not count",
    );
    const { result } = await fitWeights(new Map([["fc.kernel", { dtype: "f32", shape: [4, 3] }]]), new Map([["fc.weight", tensors.get("0.weight")]]), { transpose: true }, "torch"); // biome-ignore format: short
    expect(result.loaded).toEqual(["fc.kernel"]); // no names needed where layers are called the same
  });

  test("every type: read exactly, or refused in words, and then left out", () => {
    const bytes = fixture("every_dtype");
    const readable = ["bool", "uint8", "int8", "int16", "uint16", "int32", "uint32", "float16", "float32", "float64", "bf16"]; // biome-ignore format: short
    const { tensors, skipped } = readSafetensors(bytes, "every.safetensors", { only: readable });
    expect(skipped).toEqual(["uint64", "int64", "c64", "f8_e4m3", "f8_e5m2"]);
    const values = (name: string) => [tensors.get(name)?.dtype, ...(tensors.get(name)?.data ?? [])];
    expect(values("bf16")).toEqual(["bf16", 0, 0x8000, 0x3fc0, 0xc010, 0x7fc0, 0x3c00]);
    expect(values("int8")).toEqual(["i32", -128, 0, 1, 127]);
    expect(values("int16")).toEqual(["i32", -32768, 0, 1, 32767]);
    expect(values("uint16")).toEqual(["u32", 0, 0, 1, 65535]);
    expect(values("uint32")).toEqual(["u32", 0, 0, 1, 4294967295]);
    expect(values("float64")).toEqual(["f64", 0, -0, 1.5, -2.25, Infinity, -Infinity, Number.NaN, 1e-8]);
    const reading = (name: string) => () => readSafetensors(bytes, "every.safetensors", { only: [name] });
    expect(reading("int64")).toThrow('every.safetensors: the tensor "int64": expected whole numbers that are i32; found -9223372036854775808 at position 0'); // biome-ignore format: short
    expect(reading("uint64")).toThrow("expected whole numbers that are u32; found 18446744073709551615 at position 3");
    for (const name of ["c64", "f8_e4m3", "f8_e5m2"]) expect(reading(name)).toThrow(DataError);
    expect(() => readSafetensors(bytes)).toThrow("the safetensors file: the tensor");
  });

  test("files are written and read by path", async () => {
    const path = join(folder, "mine.safetensors");
    const tensors = new Map<string, StoredTensor>([["w", { dtype: "f32", shape: [2], data: Float32Array.of(1, 2) }]]);
    await saveSafetensors(path, tensors, new Map([["made by", "me"]]));
    expect(await loadSafetensors(path)).toEqual({ tensors, metadata: new Map([["made by", "me"]]), skipped: [] });
    await expect(saveSafetensors(path, { w: 1 } as never)).rejects.toThrow("tensors must be a Map by name");
    await expect(loadSafetensors(join(folder, "nowhere"))).rejects.toThrow("there is no such file");
    const { tensors: odd } = readSafetensors(fixture("misaligned"));
    expect([...odd].map(([name, { dtype }]) => [name, dtype])).toEqual([["f64", "f64"], ["f16", "f16"], ["bytes", "u8"]]); // biome-ignore format: short
  });
});

describe("layouts of PyTorch's", () => {
  /** Each element says where it was: 1000 o + 100 i + 10 h + w. */
  const torch = (...shape: readonly number[]): StoredTensor => {
    const data = new Float32Array(shape.reduce((product, size) => product * size, 1));
    for (let at = 0; at < data.length; at++) {
      let rest = at;
      let value = 0;
      for (let axis = shape.length - 1; axis >= 0; axis--) {
        const size = shape[axis] ?? 1;
        value += (rest % size) * 10 ** (3 - axis);
        rest = Math.floor(rest / size);
      }
      data[at] = value;
    }
    return { dtype: "f32", shape, data };
  };
  const turned = async (
    name: string,
    tensor: StoredTensor,
    shape: readonly number[],
    transpose: boolean | ((name: string) => boolean) = true,
  ) => {
    const { values } = await fitWeights(new Map([[name, { dtype: "f32", shape }]]), new Map([[name, tensor]]), { transpose }, "torch"); // biome-ignore format: short
    return values.get(name) ?? [];
  };

  test("a convolution's [out, in, height, width] becomes [height, width, in, out]", async () => {
    const [out, inside, height, width] = [2, 3, 4, 5] as const;
    const values = await turned("conv1.kernel", torch(out, inside, height, width), [height, width, inside, out]);
    let at = 0;
    for (let h = 0; h < height; h++)
      for (let w = 0; w < width; w++)
        for (let i = 0; i < inside; i++)
          for (let o = 0; o < out; o++) expect(values[at++]).toBe(1000 * o + 100 * i + 10 * h + w);
  });

  test("one along one axis, and a depthwise one, whose channels stand in one dimension there", async () => {
    expect([...(await turned("conv1.kernel", torch(2, 2, 3), [3, 2, 2]))]).toEqual([
      0, 1000, 100, 1100, 10, 1010, 110, 1110, 20, 1020, 120, 1120,
    ]);
    expect([...(await turned("conv1.depthwiseKernel", torch(6, 1, 2, 1), [2, 1, 3, 2]))]).toEqual(
      [0, 1, 2, 3, 4, 5].map((o) => 1000 * o).concat([0, 1, 2, 3, 4, 5].map((o) => 1000 * o + 10)),
    );
  });

  test("an embedding and a bias stay, and so does what a function leaves", async () => {
    expect([...(await turned("embedding1.embeddings", torch(2, 2), [2, 2]))]).toEqual([0, 100, 1000, 1100]);
    expect([...(await turned("dense1.bias", torch(3), [3]))]).toEqual([0, 1000, 2000]);
    expect([...(await turned("a.w", torch(2, 2), [2, 2], (name) => name === "b.w"))]).toEqual([0, 100, 1000, 1100]);
    expect([...(await turned("a.w", torch(2, 2), [2, 2], (name) => name === "a.w"))]).toEqual([0, 1000, 100, 1100]);
  });

  test("a square one under PyTorch's name is not guessed at", async () => {
    const load = (transpose?: boolean) =>
      fitWeights(new Map([["fc.kernel", { dtype: "f32", shape: [2, 2] }]]), new Map([["fc.weight", torch(2, 2)]]), transpose === undefined ? {} : { transpose }, "torch"); // biome-ignore format: short
    await expect(load()).rejects.toThrow("it fits as it is and transposed: say { transpose: true }, or false");
    expect([...((await load(false)).values.get("fc.kernel") ?? [])]).toEqual([0, 100, 1000, 1100]);
    expect([...((await load(true)).values.get("fc.kernel") ?? [])]).toEqual([0, 1000, 100, 1100]);
  });

  test("what fits the other way only is told so", async () => {
    await expect(turned("dense1.kernel", torch(2, 3), [3, 2], false)).rejects.toThrow(
      "which fits transposed: { transpose: true } turns weights that are [out, in]",
    );
    await expect(turned("conv1.kernel", torch(2, 3, 4, 5), [4, 5, 3, 2], false)).rejects.toThrow(
      "that are [out, in, sizes..]",
    );
    await expect(turned("dense1.kernel", torch(2, 3), [2, 3])).rejects.toThrow(
      "the tensor f32[2,3] ([3,2] as it is laid out here), which fits as it is: { transpose: (name) => ... }",
    );
    await expect(turned("dense1.kernel", torch(2, 3), [5, 2])).rejects.not.toThrow("which fits");
  });
});

describe("npz", () => {
  test("is what saveWeights writes for a path that says so, for NumPy and back, by name and by order", async () => {
    const [from, to] = [await compiled(1), await compiled(2)];
    const path = join(folder, "weights.npz");
    await saveWeights(path, from);
    const { tensors } = await loadNpz(path);
    expect([...tensors]).toEqual([
      ...(await from.weights().then((bytes) => names.map((name) => [name, readSafetensors(bytes).tensors.get(name)]))),
    ]);
    expect((await loadWeights(path, to)).loaded).toEqual(names);
    expect(await statesOf(to, "model.")).toEqual(await statesOf(from, "model."));
    const other = await compiled(3);
    await saveWeights(join(folder, "weights.bin"), from, { format: "npz" });
    await loadWeights(join(folder, "weights.bin"), other, { by: "order" });
    expect(await statesOf(other, "model.")).toEqual(await statesOf(from, "model."));
    expect(await from.weights({ format: "npz" })).toEqual(new Uint8Array(readFileSync(path)));
  });

  test("has no name for bf16, and the file that was there stays", async () => {
    const short = layer({
      name: "short",
      params: () => ({ w: slot(zeros(2), { dtype: "bf16" }) }),
      apply: (_, input) => input,
    });
    const net = trainer(sequential([dense(1), short]), { input: [2], loss: "meanSquaredError", optimizer: adam() });
    await net.compile({ target: "js", batch: 4, onWarning: () => undefined });
    const path = join(folder, "short.npz");
    await expect(saveWeights(path, net)).rejects.toThrow('"short1.w" is bf16, for which npy has no name');
    await expect(loadNpz(path)).rejects.toThrow("there is no such file");
    await expect(saveWeights(path, net, { format: "zip" as never })).rejects.toThrow(
      'saveWeights: format must be one of "safetensors", "npz"',
    );
  });
});
