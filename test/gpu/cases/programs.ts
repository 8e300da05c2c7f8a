/**
 * Whole programs on the GPU against `js`: states, specializations, random numbers, views, integers.
 */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { compile } from "../../../src/compile.ts";
import { RandomStream } from "../../../src/core/random.ts";
import { filled, glorotUniform, values, zeros } from "../../../src/dsl/initializers.ts";
import * as ops from "../../../src/dsl/ops.ts";
import { accuracy, dropout, grad, mean, relu, softmax, softmaxCrossEntropy } from "../../../src/dsl/ops.ts";
import { program } from "../../../src/dsl/program.ts";
import { bool, f32, i32, param, slot, u8, u32 } from "../../../src/dsl/spec.ts";
import type { Tensor } from "../../../src/dsl/tensor.ts";
import { dense } from "../../../src/nn/layers/dense.ts";
import { model } from "../../../src/nn/model.ts";
import { adam } from "../../../src/nn/optimizers/adam.ts";
import { sgd } from "../../../src/nn/optimizers/sgd.ts";
import { trainer } from "../../../src/nn/trainer.ts";
import { kerasCall, kerasCases } from "../../batch-norm.ts";
import { largestError } from "../../program-oracle.ts";
import { sameAsJs } from "../against-js.ts";
import type { GpuCase } from "../case.ts";
import { countedDevice } from "../counted-device.ts";

function noise(count: number, name: string): Float32Array {
  const stream = new RandomStream(0, name);
  return Float32Array.from({ length: count }, () => stream.uniform(-2, 2));
}

function classifier(rate = 0) {
  const opt = adam();
  const model = {
    w1: param(glorotUniform(9, 17)),
    b1: param(zeros(17)),
    w2: param(glorotUniform(17, 5)),
    b2: param(zeros(5)),
  };
  type Model = { [K in keyof typeof model]: Tensor };
  const logits = (x: Tensor, m: Model, drop: number): Tensor<[string, 5]> => {
    const low = relu(ops.add(ops.matmul(x, m.w1) as Tensor, m.b1) as Tensor) as Tensor<[string, 17], "f32">;
    const kept = drop === 0 ? low : dropout(low, drop);
    return ops.add(ops.matmul(kept, m.w2) as Tensor, m.b2) as Tensor<[string, 5]>;
  };
  return program({
    inputs: { x: f32("batch", 9), label: i32("batch") },
    state: { model, opt: opt.slots(model) },
    entries: {
      train({ x, label }, { model, opt: slots }) {
        const scores = logits(x, model, rate);
        const loss = mean(softmaxCrossEntropy(scores, label));
        const next = opt.update({ model, slots, gradients: grad(loss, model) });
        return { outputs: { loss, metrics: { accuracy: accuracy(scores, label) } }, next };
      },
      predict({ x }, { model }) {
        return { outputs: { probabilities: softmax(logits(x, model, 0)) } };
      },
    },
  });
}

function labelled(batch: number, name: string) {
  const stream = new RandomStream(1, name);
  return { x: noise(9 * batch, name), label: Int32Array.from({ length: batch }, () => stream.integer(5)) };
}

const trainings = (batches: readonly number[]) =>
  batches.map((batch, n) => ({ entry: "train", feeds: labelled(batch, `batch ${n}`) }));

const learning: readonly GpuCase[] = [
  {
    name: "a classifier, trained with adam; a short last batch, and larger ones, over the same states",
    async run({ device }) {
      const predict = { entry: "predict", feeds: { x: noise(9 * 3, "predict") } };
      const calls = [...trainings([16, 16, 5, 16, 40, 5]), predict, ...trainings([16, 40])];
      await sameAsJs(device, classifier(), calls, { options: { dims: { batch: 16 } }, tolerance: 1e-5 });
    },
  },
  {
    name: "freed scratch full of NaN changes nothing, nor do passes left out",
    async run({ device }) {
      const options = { dims: { batch: 12 } };
      const calls = trainings([12, 12, 7]);
      const poisoned = { debug: { poisonFreed: true } };
      await sameAsJs(device, classifier(), calls, { options, gpuOptions: poisoned, tolerance: 1e-5 });
      for (const skip of ["fuse", "order", "plan"] as const) {
        await sameAsJs(device, classifier(), calls, { options, gpuOptions: { skip: [skip] }, tolerance: 1e-5 });
      }
    },
  },
  {
    name: "a device with the default limits: eight storage buffers",
    async run({ gpu }) {
      const adapter = await gpu.requestAdapter();
      const device = await adapter?.requestDevice();
      ok(device !== undefined);
      strictEqual(device.limits.maxStorageBuffersPerShaderStage, 8);
      try {
        await sameAsJs(device, classifier(), trainings([8, 8]), { options: { dims: { batch: 8 } }, tolerance: 1e-5 });
        await sameAsJs(device, manyInputs(20), [{ feeds: { parts: many(20) } }], { tolerance: 1e-6 });
      } finally {
        device.destroy();
      }
    },
  },
  {
    name: "run({ steps }) trains, and single runs use staging buffers again",
    async run({ device }) {
      const { device: watched, counts } = countedDevice(device);
      const executable = await compile(classifier(), { target: "wgsl", device: watched, dims: { batch: 8 } });
      const feeds = labelled(8, "steps");
      const outputs = await executable.run({ entry: "train", feeds, steps: 30 });
      const [first = 0, last = 0] = [outputs.loss[0], outputs.loss[29]];
      ok(outputs.loss.length === 30 && outputs.metrics.accuracy.length === 30);
      ok(last < 1.7 && last < first, `the loss went from ${first} to ${last}`);
      const live = counts.live.size;
      for (let i = 0; i < 5; i++) await executable.run({ entry: "train", feeds });
      strictEqual(counts.live.size, live, "staging buffers are used again");
      executable.dispose();
      strictEqual(counts.live.size, 0);
    },
  },
  {
    name: "an observer sees each dispatch, and what is read belongs to the call before",
    async run({ device }) {
      const p = program({
        state: { n: slot(zeros()) },
        step: (_, { n }) => ({ outputs: { n: ops.add(n, 1) }, next: { n: ops.add(n, 1) } }),
      });
      const seen: string[] = [];
      const executable = await compile(p, { target: "wgsl", device, onLaunch: (kernel) => void seen.push(kernel) });
      const reads: Promise<number>[] = [];
      for (let i = 0; i < 4; i++) {
        executable.step();
        reads.push(executable.read("n"));
      }
      deepStrictEqual(await Promise.all(reads), [1, 2, 3, 4]);
      strictEqual(seen.length, 4 * (executable.report.entries[0]?.launches ?? 0));
      strictEqual(executable.report.device.startsWith("wgsl ("), true);
      executable.dispose();
    },
  },
];

const partNames = (count: number) => Array.from({ length: count }, (_, i) => `p${i}`);

/** The sum of many inputs, which one kernel cannot take together where buffers are few. */
function manyInputs(count: number) {
  const parts = Object.fromEntries(partNames(count).map((name) => [name, f32(6)]));
  return program({
    inputs: { parts },
    step: ({ parts }) => ({
      outputs: { total: Object.values(parts).reduce((a, b) => ops.add(ops.mul(a, 0.5) as Tensor<[6], "f32">, b)) },
    }),
  });
}

function many(count: number) {
  return Object.fromEntries(partNames(count).map((name) => [name, noise(6, name)]));
}

const layers: readonly GpuCase[] = [
  {
    name: "accuracy of one sigmoid, one logit, several sigmoids and classes, as js has it",
    async run({ device }) {
      const heads = model({
        inputs: [3],
        layers: {
          sigmoid: dense(1, { activation: "sigmoid" }),
          logit: dense(1),
          tags: dense(4, { activation: "sigmoid" }),
          digit: dense(5),
        },
        call: (x, { sigmoid, logit, tags, digit }) => ({ sigmoid: sigmoid(x), logit: logit(x), tags: tags(x), digit: digit(x) }), // biome-ignore format: short
      });
      const [binary, accurate] = ["sigmoidCrossEntropy", ["accuracy"]] as const;
      const net = trainer(heads, {
        loss: { sigmoid: binary, logit: binary, tags: binary, digit: "softmaxCrossEntropy" },
        metrics: { sigmoid: accurate, logit: accurate, tags: accurate, digit: accurate },
        optimizer: sgd(),
      });
      const bits = (count: number) => Float32Array.from({ length: count }, (_, i) => Number(Math.sin(i * i) > 0));
      const y = { sigmoid: bits(64), logit: bits(64), tags: bits(256), digit: labelled(64, "digits").label };
      const feeds = { x: noise(3 * 64, "points"), y };
      const [scores] = await sameAsJs(device, net.program, [{ entry: "evaluate", feeds }], { options: { dims: { batch: 64 } }, tolerance: 1e-5 }); // biome-ignore format: short
      for (const [name, value] of Object.entries(scores as Record<string, number>)) {
        if (name.endsWith("_accuracy")) ok(value > 0 && value < 1, `${name} is ${value}`);
      }
    },
  },
  {
    name: "a batch norm's moving averages are Keras's, and those of js after a second step",
    async run({ device }) {
      for (const one of kerasCases()) {
        const feeds = { x: one.x, weight: one.cotangent };
        const [outputs] = await sameAsJs(device, kerasCall(one), [{ feeds }, { feeds }], { tolerance: 1e-5 });
        const { y } = outputs as { readonly y: Float32Array };
        ok(largestError(y, one.output) < 1e-5, one.name);
      }
    },
  },
];

const operations: readonly GpuCase[] = [
  {
    name: "random numbers and dropout masks are the same bits, call after call",
    async run({ device }) {
      const p = program({
        inputs: { x: f32(37, 11) },
        step: ({ x }) => ({
          outputs: { noise: ops.randomUniform([5, 67]), mask: dropout(x, 0.3), other: dropout(x, 0.5) },
        }),
      });
      const feeds = { x: new Float32Array(37 * 11).fill(1) };
      const masks: string[] = [];
      for (const seed of [5, 2 ** 32 + 5, 2 ** 53 - 1]) {
        const outputs = await sameAsJs(device, p, [{ feeds }, { feeds }, { feeds }], { options: { seed } });
        masks.push(...(outputs as readonly { readonly mask: Float32Array }[]).map(({ mask }) => mask.join()));
      }
      strictEqual(new Set(masks).size, 9, "three calls have three masks, and so has each seed");
      await sameAsJs(device, classifier(0.4), trainings([16, 16]), {
        options: { dims: { batch: 16 } },
        tolerance: 1e-5,
      });
    },
  },
  {
    name: "reductions of short and long rows, columns and everything",
    async run({ device }) {
      const p = program({
        inputs: { wide: f32(3, 1000), tall: f32(515, 7), cube: f32(4, 5, 6), whole: i32(4, 300) },
        step: ({ wide, tall, cube, whole }) => ({
          outputs: {
            rows: { sum: ops.sum(wide, { axis: 1 }), max: ops.max(wide, { axis: 1 }), where: ops.argmax(wide) },
            columns: {
              sum: ops.sum(tall, { axis: 0 }),
              min: ops.min(tall, { axis: 0 }),
              mean: mean(tall, { axis: 0 }),
            },
            cube: { prod: ops.prod(cube, { axis: [0, 2] }), kept: ops.max(cube, { axis: 1, keepDims: true }) },
            all: { mean: mean(tall), max: ops.max(wide), where: ops.argmin(tall, { axis: 0 }) },
            whole: { sum: ops.sum(whole, { axis: 1 }), max: ops.max(whole), where: ops.argmax(whole, { axis: 0 }) },
          },
        }),
      });
      const feeds = {
        wide: noise(3000, "wide"),
        tall: noise(515 * 7, "tall"),
        cube: noise(120, "cube"),
        whole: Int32Array.from(noise(1200, "whole"), (value) => Math.round(value * 1e9)),
      };
      await sameAsJs(device, p, [{ feeds }], { tolerance: 1e-5 });
    },
  },
  {
    name: "views: pad, concat, slice, flip, permute, broadcast",
    async run({ device }) {
      const p = program({
        inputs: { x: f32(5, 7), y: f32(3, 7), z: f32(2, 3, 4) },
        step: ({ x, y, z }) => ({
          outputs: {
            padded: ops.pad(
              x,
              [
                [1, 2],
                [0, 3],
              ],
              -1,
            ),
            joined: ops.concat([x, y, ops.mul(x, 2)], 0),
            beside: ops.concat([ops.transpose(x), ops.transpose(y)], -1),
            part: ops.slice(x, [1, 5, 2], [-6, -1]),
            flipped: ops.flip(z, [0, 2]),
            turned: ops.reshape(ops.permute(z, [2, 0, 1]), [-1]),
            wide: ops.add(ops.broadcastTo(ops.slice(y, [0, 1]), [4, 7]), ops.slice(x, [1, 5])),
            all: ops.flip(
              ops.pad(ops.concat([ops.slice(x, [0, 2]), y], 0), [
                [0, 0],
                [1, 1],
              ]),
              [1],
            ),
          },
        }),
      });
      const feeds = { x: noise(35, "x"), y: noise(21, "y"), z: noise(24, "z") };
      await sameAsJs(device, p, [{ feeds }]);
    },
  },
  {
    name: "integers, bools and bytes, of counts that fill no word",
    async run({ device }) {
      const p = program({
        inputs: { a: i32(9), b: i32(9), u: u32(9), v: u32(9), flags: bool(7), bytes: u8(13) },
        state: { seen: slot(zeros(13), { dtype: "u8" }), last: slot(zeros(7), { dtype: "bool" }) },
        step: ({ a, b, u, v, flags, bytes }, { seen, last }) => ({
          outputs: {
            i: {
              add: ops.add(a, b),
              mul: ops.mul(a, b),
              div: ops.div(a, b),
              mod: ops.mod(a, b),
              low: ops.minimum(a, b),
            },
            u: {
              sub: ops.sub(u, v),
              mul: ops.mul(u, v),
              div: ops.div(u, v),
              mod: ops.mod(u, v),
              high: ops.maximum(u, v),
            },
            less: ops.less(a, b),
            either: ops.or(flags, ops.not(last)),
            chosen: ops.where(ops.greater(u, v), a, b),
            floats: ops.cast(bytes, "f32"),
            before: seen,
          },
          next: { seen: ops.cast(ops.sub(255, ops.cast(bytes, "i32")), "u8"), last: flags },
        }),
      });
      const whole = (name: string) => Int32Array.from(noise(9, name), (value) => Math.round(value * 2 ** 30));
      const feeds = {
        a: Int32Array.of(-(2 ** 31), ...whole("a").subarray(1)),
        b: Int32Array.of(-1, 0, ...whole("b").subarray(2)),
        u: Uint32Array.from(whole("u")),
        v: Uint32Array.of(0, 7, ...Uint32Array.from(whole("v")).subarray(2)),
        flags: Uint8Array.of(1, 0, 1, 1, 0, 0, 1),
        bytes: Uint8Array.from({ length: 13 }, (_, i) => 20 * i),
      };
      await sameAsJs(device, p, [{ feeds }, { feeds: { ...feeds, flags: feeds.flags.toReversed() } }]);
    },
  },
  {
    name: "states: in place, swapped, kept as an output, and written from the host",
    async run({ device }) {
      const p = program({
        inputs: { x: f32(5) },
        state: {
          a: slot(values([1, 2, 3, 4, 5], 5)),
          b: slot(filled(7, 5)),
          t: slot(zeros(), { dtype: "u32" }),
          still: slot(filled(3)),
        },
        entries: {
          swap: ({ x }, { a, b, t }) => ({
            outputs: { old: a, sum: ops.add(a, x) },
            next: { a: b, b: a, t: ops.add(t, 1) },
          }),
          grow: ({ x }, { a, b, still }) => ({
            outputs: { both: ops.add(a, b) },
            next: { a: ops.add(ops.mul(a, still), x), b: ops.flip(a, [0]) },
          }),
        },
      });
      const calls = ["swap", "grow", "grow", "swap", "swap"].map((entry, n) => ({
        entry,
        feeds: { x: noise(5, `${n}`) },
      }));
      await sameAsJs(device, p, calls, { tolerance: 1e-6 });

      const executable = await compile(p, { target: "wgsl", device });
      const saved = await executable.state.snapshot();
      executable.state.write("a", [9, 8, 7, 6, 5]);
      executable.swap({ x: new Float32Array(5) });
      deepStrictEqual(await executable.read("old"), Float32Array.of(9, 8, 7, 6, 5));
      deepStrictEqual(await executable.state.read("b"), Float32Array.of(9, 8, 7, 6, 5));
      executable.state.restore(saved);
      deepStrictEqual(await executable.state.read("t"), Uint32Array.of(0));
      deepStrictEqual(await executable.state.read("b"), new Float32Array(5).fill(7));
      executable.dispose();
    },
  },
];

export const cases: readonly GpuCase[] = [...learning, ...layers, ...operations];
