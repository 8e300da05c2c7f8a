/**
 * Standalone programs (tensorloom compile --standalone): without tensorloom they give its numbers, bit for bit, and refuse what it
 * refuses. In browsers: test/browser/standalone.test.ts.
 */
import { execFile } from "node:child_process";
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { afterAll, describe, expect, test } from "vitest";
import { InputSpec } from "../../src/dsl/spec.ts";
import * as tl from "../../src/index.ts";
import { root } from "../installed.ts";
import { loopPrograms } from "../loop-programs.ts";
import { mnistBatches, mnistDims, mnistStep } from "../mnist-step.ts";
import { caseFeeds, caseProgram } from "../op-case.ts";
import { opCases } from "../op-cases.ts";
import { call, executableOf, expectSame, folderOf, removeFolders } from "../standalone-case.ts";

import { flags as cFlags, findCompiler } from "../targets/c/machine.ts";

const execute = promisify(execFile);
type Tensors = Readonly<Record<string, tl.Tensor>>;

const cpu = ["js", "wasm"] as const;

afterAll(removeFolders);

/** Names that no file, language or comment would take as they are; states by paths, and trees of every form. */
function oddNames() {
  const model = {
    'v <"b&>': tl.param(tl.normal(0, 1, 6, 3)),
    "a.b": { bias: tl.param(tl.zeros(3)), count: tl.slot(tl.zeros(), { dtype: "i32" }) },
  };
  return tl.program({
    inputs: {
      "x y": tl.f32("rows", 6),
      ["__proto__"]: tl.f32(2),
      deep: { "*/": tl.i32(), list: [tl.bool(2), tl.bool(2)], bytes: tl.u8(3) },
    },
    state: { model },
    entries: {
      "train it": (inputs, { model: m }) => {
        const { bias, count } = m["a.b"];
        const y = tl.add(tl.dropout(tl.matmul(inputs["x y"], m['v <"b&>']), 0.5), bias);
        const moved = tl.add(bias, tl.mean(y, { axis: 0 }));
        return {
          outputs: { "the loss": tl.mean(y), list: [y, tl.neg(y)], all: tl.greater(y, 0), ["__proto__"]: count },
          next: {
            model: { 'v <"b&>': tl.mul(m['v <"b&>'], 0.5), "a.b": { bias: moved, count: tl.add(count, 1) } },
          },
        };
      },
      "*/ 2": ({ deep }, { model: m }) => ({
        outputs: [
          ...deep.list.map((flags) => tl.sum(tl.cast(flags, "f32"))),
          tl.cast(deep.bytes, "f32"),
          deep["*/"],
          m["a.b"].count,
          tl.randomBits([2]),
        ],
      }),
      "2": (inputs) => ({ outputs: tl.mul(inputs["x y"], 2) }),
    },
  });
}

describe("the MNIST step", () => {
  const program = mnistStep(tl.rmsprop());
  const options = { dims: mnistDims, script: "mnist.ts", seed: 7 } as const;

  test.each(cpu)("%s: plain Node in an empty folder gives the losses of 20 steps of the executable", async (target) => {
    const folder = await folderOf(program, { ...options, target });
    const batches = mnistBatches(20);
    const executable = await executableOf(program, { ...options, target });
    const losses: unknown[] = [];
    for (const feeds of batches) losses.push((await executable.run({ entry: "train", feeds })) as unknown);
    executable.dispose();

    const elsewhere = await mkdtemp(join(tmpdir(), "tensorloom-elsewhere-"));
    await cp(folder.path, elsewhere, { recursive: true });
    const images = Float32Array.from(batches.flatMap(({ image }) => [...image]));
    const labels = Int32Array.from(batches.flatMap(({ label }) => [...label]));
    await writeFile(join(elsewhere, "images"), images);
    await writeFile(join(elsewhere, "labels"), labels);
    await writeFile(
      join(elsewhere, "main.mjs"),
      `import { readFileSync } from "node:fs";
      import { create } from "./mnist.js";
      const images = new Float32Array(new Uint8Array(readFileSync("images")).buffer);
      const labels = new Int32Array(new Uint8Array(readFileSync("labels")).buffer);
      const net = await create();
      const found = [];
      for (let i = 0; i < 20; i++) {
        const image = images.subarray(100352 * i, 100352 * (i + 1));
        found.push(net.train({ image, label: labels.subarray(128 * i, 128 * (i + 1)) }));
      }
      console.log(JSON.stringify(found));`,
    );
    const { stdout, stderr } = await execute(process.execPath, ["main.mjs"], { cwd: elsewhere, env: {} });
    await rm(elsewhere, { recursive: true });
    expect(stderr).toBe("");
    expect(JSON.parse(stdout)).toEqual(losses);
    expect(losses).toHaveLength(20);
  });

  test("is small: minified and gzipped the js module has under 8 KB, the wasm module with its glue under 12", async () => {
    const sizeOf = async (target: "js" | "wasm"): Promise<number> => {
      const { path } = await folderOf(program, { ...options, target });
      const { outputFiles } = await build({
        entryPoints: [join(path, "mnist.js")],
        minify: true,
        write: false,
        format: "esm",
      });
      const others = (await readdir(path)).filter((name) => name.endsWith(".wasm"));
      const files = [
        outputFiles[0]?.contents ?? new Uint8Array(),
        ...(await Promise.all(others.map((name) => readFile(join(path, name))))),
      ];
      return files.reduce((sum, bytes) => sum + gzipSync(bytes, { level: 9 }).length, 0);
    };
    const [js, wasm] = [await sizeOf("js"), await sizeOf("wasm")];
    console.log(`standalone MNIST step, minified and gzipped: js ${js} bytes, wasm ${wasm} bytes`);
    expect(js).toBeLessThan(8192);
    expect(wasm).toBeLessThan(12288);
  });

  test("compiles no code from text, and imports nothing", async () => {
    for (const target of ["js", "wasm", "wgsl"] as const) {
      const { path } = await folderOf(program, { ...options, target });
      const text = await readFile(join(path, "mnist.js"), "utf8");
      expect(text).not.toMatch(/\bFunction\(|\beval\(|^\s*import\b|\bimport\(/m);
    }
  });
});

describe("any program", () => {
  test.each(cpu)(
    "%s: entries of odd names share states, and draw the random numbers of the executable",
    async (target) => {
      const program = oddNames();
      const x = Float32Array.from({ length: 24 }, (_, i) => Math.sin(i));
      const feeds = {
        "x y": x,
        deep: { "*/": 7, list: [[true, false], Uint8Array.of(1, 0)], bytes: [1, 2, 255] },
      };
      const runs = ["train it", "*/ 2", "2", "train it", "train it"].map((entry) => ({ entry, feeds }));
      await expectSame(program, { target, dims: { rows: 4 }, seed: 2 ** 40 + 3 }, runs);
    },
  );

  test.each(loopPrograms.map((each) => [each.name, each] as const))(
    "loops: %s",
    async (_, { program, dims = {}, calls }) => {
      for (const target of cpu) await expectSame(program, { target, dims }, calls);
    },
  );

  test("a quarter of all ops, with their gradients", async () => {
    const cases = opCases.filter(({ op }, i) => op !== opCases[i + 1]?.op).filter((_, i) => i % 4 === 0);
    const run = [{ entry: "step", feeds: caseFeeds(cases) }];
    for (const target of cpu) await expectSame(caseProgram(cases), { target }, run);
  });

  test.each(["f16", "bf16", "f64", "f32", "i32", "u32", "u8", "bool"] as const)(
    "numbers of %s go in and come back as lists and arrays",
    async (dtype) => {
      const program = tl.program({
        inputs: { one: new InputSpec([], dtype), many: new InputSpec([2, 2], dtype) },
        state: { kept: tl.slot(tl.zeros(2, 2), { dtype }) },
        entries: {
          step: ({ one, many }: Tensors, { kept }: Tensors) => ({ outputs: { one, many, kept }, next: { kept: many } }),
        },
      } as never) as tl.Program;
      const lists = { one: 1, many: [[0, 1], [1, 0]] }; // biome-ignore format: short
      const odd = { one: 0.1, many: [[-0.3, 7e-8], [1e-5, 3e38]] }; // biome-ignore format: short
      const runs = [lists, ...(["f16", "bf16", "f32", "f64"].includes(dtype) ? [odd] : []), lists].map((feeds) => ({
        entry: "step",
        feeds,
      }));
      for (const target of dtype === "f64" ? (["js"] as const) : cpu) await expectSame(program, { target }, runs);
    },
  );
});

describe("a trainer", () => {
  const make = () =>
    tl.trainer(
      tl.sequential([tl.dense(8, { activation: "relu" }), tl.batchNormalization(), tl.dropout(0.2), tl.dense(3)]),
      {
        ...{ input: [4], loss: "softmaxCrossEntropy", metrics: ["accuracy"] },
        optimizer: tl.adam({ learningRate: tl.schedules.cosineDecay({ initialLearningRate: 0.01, decaySteps: 20 }) }),
      },
    );
  const x = Float32Array.from({ length: 4 * 24 }, (_, i) => Math.sin(1.7 * i));
  const y = Int32Array.from({ length: 24 }, (_, i) => i % 3);
  const batch = (i: number) => ({ x: x.subarray(32 * i, 32 * i + 32), y: y.subarray(8 * i, 8 * i + 8) });

  test.each(cpu)("%s: trains, evaluates and predicts, one of them with a size of its own", async (target) => {
    const { program } = make();
    const runs = [0, 1, 2, 0].map((i) => ({ entry: "train", feeds: batch(i) }));
    runs.push({ entry: "evaluate", feeds: batch(1) }, { entry: "train", feeds: batch(1) });
    const predict = { entry: "predict", feeds: { x: x.subarray(0, 4) } };
    await expectSame(program, { target, dims: { batch: 8, "predict.batch": 1 }, seed: 5 }, [...runs, predict]);
  });

  test.each(cpu)(
    "%s: one that only predicts has neither optimizer nor labels, and takes what was trained",
    async (target) => {
      const net = make();
      await net.compile({ target: "js", batch: 8, seed: 5 });
      await net.fit({ x, y, epochs: 2 });
      const checkpoint = await net.checkpoint();
      const wanted = await net.predict({ x });
      const options = { target, dims: { batch: 24 } };
      const whole = await folderOf(net.program, { ...options, seed: 1 });
      const state = { name: "trained.safetensors", bytes: checkpoint };
      const [fresh, trained] = [await folderOf(net.program, { ...options, entries: ["predict"] }), await folderOf(net.program, { ...options, entries: ["predict"], state })]; // biome-ignore format: long
      const [there, later] = [await trained.create(), await fresh.create()];
      later.state.load(checkpoint);
      const own = await fresh.create({ state: checkpoint });
      for (const predictor of [there, later, own]) {
        const { output } = call(predictor, "predict", { x }) as { readonly output: Float32Array };
        for (const [i, value] of output.entries()) expect(value).toBeCloseTo(wanted[i] ?? 0, 5);
        expect(Object.keys(predictor).sort()).toEqual(["predict", "state"]);
        expect(predictor.state.names.filter((name) => !name.startsWith("model."))).toEqual([]);
        expect(predictor.state.names).toHaveLength(8);
      }
      const sizes = await Promise.all(
        [whole, fresh].map(async ({ path }) => (await readFile(join(path, "net.safetensors"))).length),
      );
      expect(sizes[1]).toBeLessThan(0.5 * (sizes[0] ?? 0));
      const text = await readFile(join(fresh.path, "net.d.ts"), "utf8");
      expect(text).not.toMatch(/labels|readonly y\b|train\b|opt\./);
    },
  );

  test("what its states save, ours reads, and the other way round", async () => {
    const { program } = make();
    const folder = await folderOf(program, { target: "js", dims: { batch: 8 } });
    const [net, other] = [await folder.create(), await folder.create()];
    call(net, "train", batch(0));
    const bytes = await net.state.save();
    const { tensors } = tl.readSafetensors(bytes);
    expect([...tensors.keys()].sort()).toEqual([...net.state.names].sort());
    for (const [name, { data }] of tensors) expect(data).toEqual(net.state.read(name));
    other.state.load(bytes);
    expect(call(other, "train", batch(1))).toEqual(call(net, "train", batch(1)));
    const [cut, flipped] = [bytes.slice(0, bytes.length - 4), bytes.slice()];
    flipped[9] = 0;
    for (const wrong of [cut, flipped, new Uint8Array(3), tl.writeSafetensors(new Map())]) {
      const before = other.state.read("model.dense1.kernel");
      expect(() => other.state.load(wrong)).toThrow(/file/);
      expect(other.state.read("model.dense1.kernel")).toEqual(before);
    }
  });
});

describe("what is wrong is refused, in words", () => {
  const program = tl.program({
    inputs: { x: tl.f32(2, 3), label: tl.i32(2), flag: tl.bool(), bytes: tl.u8(2) },
    state: { rate: tl.slot(tl.values([0.5], 1), { range: [0, 1] }) },
    entries: {
      step: ({ x, label, flag, bytes }, { rate }) => ({
        outputs: {
          loss: tl.mean(tl.softmaxCrossEntropy(tl.mul(x, rate), label)),
          rest: tl.where(flag, tl.cast(bytes, "f32"), 0),
        },
      }),
    },
  });
  const right = { x: new Float32Array(6), label: [0, 2], flag: true, bytes: [0, 255] };

  test.each([
    [{ x: undefined }, /step: the input "x" \(f32\[2,3\]\) is missing/],
    [{ x: new Float32Array(5) }, /"x" has 5 numbers; f32\[2,3\] takes 6/],
    [{ x: new Float64Array(6) }, /"x" is a Float64Array; f32\[2,3\] takes a Float32Array/],
    [{ x: new DataView(new ArrayBuffer(24)) }, /"x" is a DataView/],
    [{ x: [[1, 2], [3, 4], [5, 6]] }, /"x" is not shaped like f32\[2,3\]/], // biome-ignore format: short
    [{ x: ["1", 2, 3, 4, 5, 6] }, /"x" holds what is no number/],
    [{ x: { 0: 1 } }, /"x" is not shaped like/],
    [{ label: [0, 3] }, /"label" has 3 at position 1; labels go from 0 to 2/],
    [{ label: [0, 1.5] }, /"label" holds 1.5, which is no i32/],
    [{ bytes: [0, 256] }, /"bytes" holds 256, which is no u8/],
    [{ flag: 2 }, /"flag" is a bool/],
  ] as const)("%j", async (change, words) => {
    for (const target of cpu) {
      const net = await (await folderOf(program, { target })).create();
      expect(call(net, "step", right)).toMatchObject({ rest: Float32Array.of(0, 255) });
      expect(() => call(net, "step", { ...right, ...change })).toThrow(words);
    }
  });

  test("states", async () => {
    const net = await (await folderOf(program, { target: "js" })).create();
    net.state.write("rate", 0.25);
    expect(net.state.read("rate")).toEqual(Float32Array.of(0.25));
    expect(() => net.state.write("rate", 2)).toThrow(/the state "rate" takes finite numbers from 0 to 1, not 2/);
    expect(() => net.state.write("speed", 2)).toThrow(/there is no state "speed"/);
    expect(() => net.state.read("__proto__")).toThrow(/there is no state "__proto__"/);
    const outside = new Uint8Array(8 + 64 + 4); // its numbers would be letters of its header
    outside[0] = 64;
    outside.set(new TextEncoder().encode('{"rate":{"dtype":"F32","shape":[1],"data_offsets":[-8,-4]}}'.padEnd(64)), 8);
    expect(() => net.state.load(outside)).toThrow(/the file ends within the state "rate"/);
  });
});

describe("types", () => {
  test.each([
    ["typescript-5.4", "wgsl"],
    ["typescript", "js"],
  ] as const)("under %s they are those of the program (%s)", async (compiler, target) => {
    const program = tl.program({
      inputs: { x: tl.f32("batch", 3), odd: { "a b": [tl.f16(2), tl.bool()] } },
      state: { "my weights": tl.param(tl.zeros(3)) },
      entries: {
        train: ({ x }, states) => ({ outputs: { loss: tl.mean(x), list: [x, { w: states["my weights"] }] } }),
        "2 predict": ({ odd }) => ({ outputs: tl.cast(odd["a b"][0] as tl.Tensor<[2], "f16">, "f32") }),
      },
    });
    const { path } = await folderOf(program, { target, dims: { batch: 2 } });
    await writeFile(
      join(path, "user.ts"),
      `import { create, type Net, type TrainInputs } from "./net.js";
      async function use(net: Net): Promise<number> {
        const inputs: TrainInputs = { x: new Float32Array(6) };
        const { loss, list: [y, { w }] } = await net.train(inputs);
        net.train({ x: [[1, 2, 3], [4, 5, 6]] });
        const both: Float32Array = await net["2 predict"]({ odd: { "a b": [[1, 2], true] } } as never);
        const kept: Float32Array = await net.state.read("my weights");
        net.state.write("my weights", [1, 2, 3]);
        // @ts-expect-error
        net.state.write("weights", [1, 2, 3]);
        // @ts-expect-error
        net.train({ x: new Float64Array(6) });
        // @ts-expect-error
        net.train({ y: [1] });
        // @ts-expect-error
        net.test({ x: [1] });
        net.state.load(await net.state.save());
        return loss + (y[0] ?? 0) + (w[0] ?? 0) + (both[0] ?? 0) + (kept[0] ?? 0);
      }
      void create({ load: async (file) => new Uint8Array(file.length) }).then(use);`,
    );
    const tsc = join(root, "node_modules", compiler, "bin", "tsc");
    const flags = ["--noEmit", "--strict", "--exactOptionalPropertyTypes", "--noUncheckedIndexedAccess", "--target", "es2022", "--lib", "es2022", "--module", "nodenext"]; // biome-ignore format: flags
    const { stdout } = await execute(process.execPath, [tsc, ...flags, "user.ts"], { cwd: path }).catch(
      (error) => error,
    );
    expect(stdout).toBe("");
    const text = await readFile(join(path, "net.d.ts"), "utf8");
    expect(text).toContain("/** f32[2,3], of [batch,3] */");
    expect(text).toContain('/** Runs "train", with batch 2. */');
    expect(text).toMatch(target === "wgsl" ? /=> Promise<TrainOutputs>/ : /=> TrainOutputs/);
  });
});

test("in C, names that C++ keeps or that the file has itself are spelt another way", async () => {
  const made = tl.program({
    inputs: { class: tl.f32(2), new: tl.f32(2) },
    entries: {
      load: (inputs) => ({ outputs: tl.add(inputs.class, inputs.new) }),
      STATES: (inputs) => ({ outputs: tl.neg(inputs.new) }),
    },
  });
  const { path } = await folderOf(made, { target: "c", script: "NET.ts" });
  const header = await readFile(join(path, "NET.h"), "utf8");
  expect(header.match(/^int .*;$/gm)).toEqual([
    "int NET_load(const char *path);",
    "int NET_save(const char *path);",
    "int NET_load2(const float *class2, const float *new2, float *output);",
    "int NET_STATES2(const float *new2, float *output);",
  ]);
});

describe.skipIf(findCompiler() === undefined)("in C", () => {
  /** Compiles a folder with a main of its own, and runs it there. */
  async function run(path: string, main: string): Promise<string> {
    await writeFile(join(path, "main.c"), `#include <stdio.h>\n#include "net.h"\n${main}`);
    const flags = [...cFlags, "-O2", "-Wall", "-Wno-unused-function", "-Wno-unused-variable", "-Werror"];
    await execute("cc", [...flags, "-o", "main", "main.c", "net.c", "-lm"], { cwd: path });
    return (await execute("./main", [], { cwd: path })).stdout;
  }

  test("one file and its header: the losses and states of js, bit for bit", async () => {
    const program = mnistStep(tl.rmsprop(), 24);
    const options = { target: "c", dims: { batch: 16 }, seed: 7 } as const;
    const { path } = await folderOf(program, options);
    const batches = mnistBatches(5, 16);
    await writeFile(join(path, "images"), Float32Array.from(batches.flatMap(({ image }) => [...image])));
    await writeFile(join(path, "labels"), Int32Array.from(batches.flatMap(({ label }) => [...label])));
    // a learning rate is a finite number from 0
    const start = tl.readSafetensors(await readFile(join(path, "net.safetensors")));
    const rate = [...start.tensors.keys()].find((name) => /learningRate$/.test(name)) ?? expect.fail("no rate");
    for (const [file, value] of Object.entries({ below: -1, none: Number.NaN })) {
      const tensor = { dtype: "f32", shape: [], data: Float32Array.of(value) } as const;
      const bytes = tl.writeSafetensors(new Map([...start.tensors, [rate, tensor]]));
      await writeFile(join(path, `${file}.safetensors`), bytes);
    }
    const printed = await run(
      path,
      `static float image[5][16 * 784], loss, accuracy;
      static int32_t label[5][16];
      int main(void) {
        FILE *images = fopen("images", "rb"), *labels = fopen("labels", "rb");
        if (fread(image, sizeof image, 1, images) != 1 || fread(label, sizeof label, 1, labels) != 1) return 1;
        if (net_load("images") != -1 || net_load("none") != -1 || net_load("net.safetensors") != 0) return 2;
        for (int i = 0; i < 5; i++) {
          if (net_train(image[i], label[i], &loss, &accuracy) != 0) return 3;
          printf("%.9g %.9g\\n", loss, accuracy);
        }
        label[0][3] = 10;
        if (net_train(image[0], label[0], &loss, &accuracy) != 2) return 4;
        if (net_load("below.safetensors") != -1 || net_load("none.safetensors") != -1) return 5;
        return net_save("saved.safetensors");
      }`,
    );
    const executable = await executableOf(program, options);
    const lines = printed.trim().split("\n");
    for (const [i, feeds] of batches.entries()) {
      const outputs = await executable.run({ entry: "train", feeds });
      const [loss, accuracy] = (lines[i] ?? "").split(" ").map((text) => Math.fround(Number(text)));
      expect({ loss, accuracy }).toEqual(outputs);
    }
    const { tensors } = tl.readSafetensors(await readFile(join(path, "saved.safetensors")));
    const wanted = await executable.state.snapshot();
    expect(new Map([...tensors].map(([name, { data }]) => [name, data]))).toEqual(new Map(wanted));
    executable.dispose();
  });

  test("any names, and random numbers from the states of the file", async () => {
    const program = oddNames();
    const options = { target: "c", dims: { rows: 4 }, seed: 2 ** 40 + 3 } as const;
    const { path } = await folderOf(program, options);
    const header = await readFile(join(path, "net.h"), "utf8");
    expect(header).toContain("int net_train_it(const float *x_y, ");
    const printed = await run(
      path,
      `int main(void) {
        uint8_t flags[2][2] = {{1, 0}, {0, 1}}, bytes[3] = {1, 2, 255};
        int32_t seven = 7;
        float sums[2], wide[3];
        int32_t same, count;
        uint32_t bits[2];
        if (net_load("net.safetensors") != 0) return 1;
        if (net_22(&seven, flags[0], flags[1], bytes, &sums[0], &sums[1], wide, &same, &count, bits) != 0) return 2;
        flags[1][0] = 2;
        if (net_22(&seven, flags[0], flags[1], bytes, &sums[0], &sums[1], wide, &same, &count, bits) != 3) return 3;
        printf("[%g, %g, [%g, %g, %g], %d, %d, [%u, %u]]", sums[0], sums[1], wide[0], wide[1], wide[2], same, count, bits[0], bits[1]);
        return 0;
      }`,
    );
    const executable = await executableOf(program, options);
    const deep = { "*/": 7, list: [[true, false], [false, true]], bytes: [1, 2, 255] }; // biome-ignore format: short
    const found = await executable.run({ entry: "*/ 2" as never, feeds: { deep } as never });
    executable.dispose();
    expect(JSON.parse(printed)).toEqual(JSON.parse(JSON.stringify(found, (_, part) => (ArrayBuffer.isView(part) ? [...(part as Float32Array)] : part)))); // biome-ignore format: short
  });
});
