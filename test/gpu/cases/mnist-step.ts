/**
 * The step that everything is measured by (784-512-10, batch 128): the GPU against `js`, from equal weights over equal
 * batches. A few steps at full size, 20 with each optimizer on a net a fiftieth as large, as this GPU may be a CPU. Launches,
 * submissions and buffers are counted at the device, not taken from the report.
 */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { compile } from "../../../src/compile.ts";
import type { CompileOptions } from "../../../src/compile-options.ts";
import { RandomStream } from "../../../src/core/random.ts";
import { glorotUniform, zeros } from "../../../src/dsl/initializers.ts";
import { add, grad, matmul, mean, relu, softmaxCrossEntropy } from "../../../src/dsl/ops.ts";
import { program } from "../../../src/dsl/program.ts";
import { f32, i32, param } from "../../../src/dsl/spec.ts";
import { adam } from "../../../src/nn/optimizers/adam.ts";
import type { Optimizer } from "../../../src/nn/optimizers/optimizer.ts";
import { rmsprop } from "../../../src/nn/optimizers/rmsprop.ts";
import { sgd } from "../../../src/nn/optimizers/sgd.ts";
import type { GpuCase } from "../case.ts";
import { countedDevice } from "../counted-device.ts";

interface Size {
  readonly batch: number;
  readonly inputs: number;
  readonly hidden: number;
}

const full: Size = { batch: 128, inputs: 784, hidden: 512 };
const small: Size = { batch: 48, inputs: 196, hidden: 100 };
const classes = 10;

function mnist(opt: Optimizer, { inputs, hidden }: Size) {
  const model = {
    w1: param(glorotUniform(inputs, hidden)),
    b1: param(zeros(hidden)),
    w2: param(glorotUniform(hidden, classes)),
    b2: param(zeros(classes)),
  };
  return program({
    inputs: { image: f32("batch", inputs), label: i32("batch") },
    state: { model, opt: opt.slots(model) },
    entries: {
      train({ image, label }, { model, opt: slots }) {
        const low = relu(add(matmul(image, model.w1), model.b1));
        const loss = mean(softmaxCrossEntropy(add(matmul(low, model.w2), model.b2), label));
        return { outputs: { loss }, next: opt.update({ model, slots, gradients: grad(loss, model) }) };
      },
    },
  });
}

/** Batches like digits: most pixels black, a spot that depends on the label, so that there is something to learn. */
function batches(count: number, seed: number, { batch, inputs }: Size) {
  const stream = new RandomStream(seed, "mnist step");
  return Array.from({ length: count }, () => {
    const image = new Float32Array(batch * inputs);
    const label = Int32Array.from({ length: batch }, () => stream.integer(classes));
    for (let at = 0; at < image.length; at++) {
      const lit = Math.floor((at % inputs) / Math.ceil(inputs / classes)) === label[Math.floor(at / inputs)];
      image[at] = stream.uniform() < (lit ? 0.5 : 0.12) ? stream.integer(256) / 255 : 0;
    }
    return { image, label };
  });
}

interface Trained {
  readonly losses: readonly number[];
  readonly start: ReadonlyMap<string, ArrayLike<number>>;
  readonly end: ReadonlyMap<string, ArrayLike<number>>;
}

async function trained(opt: Optimizer, size: Size, steps: number, options: CompileOptions): Promise<Trained> {
  const executable = await compile(mnist(opt, size), { dims: { batch: size.batch }, seed: 7, ...options });
  const start = await executable.state.snapshot();
  const losses: number[] = [];
  for (const feeds of batches(steps, 3, size)) {
    executable.train(feeds);
    losses.push(await executable.read("loss"));
  }
  const end = await executable.state.snapshot();
  executable.dispose();
  return { losses, start, end };
}

async function compareWithJs(device: GPUDevice, opt: Optimizer, size: Size, steps: number): Promise<void> {
  const expected = await trained(opt, size, steps, { target: "js" });
  const found = await trained(opt, size, steps, { target: "wgsl", device });
  deepStrictEqual(found.start, expected.start);
  for (const [step, loss] of expected.losses.entries()) {
    const difference = Math.abs((found.losses[step] ?? Number.NaN) - loss);
    ok(difference <= 1e-5 * Math.abs(loss), `loss of step ${step}: ${found.losses[step]}, js has ${loss}`);
  }
  ok((expected.losses.at(-1) ?? 1) < (expected.losses[0] ?? 0), `it learns nothing: ${expected.losses}`);
  for (const [name, wanted] of expected.end) compareState(name, found, wanted, expected.start.get(name) ?? []);
}

/** Weights to 2e-5, and what the steps changed in them to 1e-3 of its length. */
function compareState(name: string, found: Trained, wanted: ArrayLike<number>, start: ArrayLike<number>): void {
  const values = found.end.get(name) ?? [];
  let [worst, error, change] = [0, 0, 0];
  for (let i = 0; i < wanted.length; i++) {
    const difference = Math.abs((values[i] ?? Number.NaN) - (wanted[i] ?? 0));
    worst = difference <= worst ? worst : difference; // NaN stays
    error += difference ** 2;
    change += ((wanted[i] ?? 0) - (start[i] ?? 0)) ** 2;
  }
  ok(worst <= 2e-5, `${name} is off by up to ${worst}`);
  ok(
    Math.sqrt(error) <= 1e-3 * Math.sqrt(change),
    `${name} changed by ${Math.sqrt(change)}, off by ${Math.sqrt(error)}`,
  );
}

export const cases: readonly GpuCase[] = [
  {
    name: "rmsprop: launches, submissions and memory are what the report says",
    async run({ device }) {
      const { batch, inputs, hidden } = full;
      // Nothing is computed: the numbers are the next case's.
      const { device: watched, counts, storageBytes } = countedDevice(device, { dispatch: false });
      const seen: string[] = [];
      const onLaunch = (kernel: string): number => seen.push(kernel);
      const options = { target: "wgsl", device: watched, dims: { batch }, onLaunch } as const;
      const executable = await compile(mnist(rmsprop(), full), options);
      const report = executable.report.entries[0];
      ok(report !== undefined);
      const { memory, launches, kernels } = report;
      const [feeds] = batches(1, 1, full);
      ok(feeds !== undefined);
      for (let step = 1; step <= 3; step++) {
        const before = { ...counts };
        const live = counts.live.size;
        executable.train(feeds);
        strictEqual(counts.submits - before.submits, 1, "submits in a step");
        strictEqual(counts.passes - before.passes, 1, "compute passes in a step");
        strictEqual(counts.dispatches - before.dispatches, launches);
        strictEqual(counts.copies - before.copies, report.copies);
        strictEqual(counts.live.size, live, "a step makes no buffer");
      }
      await executable.read("loss");
      strictEqual(seen.length, 3 * launches);
      const before = { ...counts };
      await executable.run({ entry: "train", feeds, steps: 20 });
      strictEqual(counts.dispatches - before.dispatches, 20 * launches);
      strictEqual(counts.passes - before.passes, 20, "a pass for each of many steps");
      strictEqual(counts.copies - before.copies, 20 * (report.copies + 1), "and a copy of its outputs");
      ok(counts.settings - before.settings <= 20 * 2 * launches, "pipelines and bind groups");
      ok(counts.submits - before.submits < 20, `${counts.submits - before.submits} submits of 20 steps`);
      ok(launches <= 9, `${launches} launches: ${kernels.map(({ name }) => name).join(", ")}`);

      const { stateBytes, inputBytes, outputBytes, peakBytes, lowerBoundBytes } = memory;
      strictEqual(storageBytes(), stateBytes + inputBytes + outputBytes + peakBytes);
      ok(peakBytes <= 545_000, `${peakBytes} bytes of scratch`);
      ok(peakBytes <= 1.05 * lowerBoundBytes, `${peakBytes} bytes of scratch, at least ${lowerBoundBytes}`);
      const parameters = [inputs * hidden, hidden * classes].map((count) => 4 * count);
      const gradients = report.buffers.filter(
        ({ segment, bytes }) => segment === "arena" && parameters.includes(bytes),
      );
      deepStrictEqual(gradients, [], "no gradient is kept in memory");
      executable.dispose();
      strictEqual(counts.live.size, 0, "everything is destroyed");
    },
  },
  { name: "rmsprop: four steps at full size as on js", run: ({ device }) => compareWithJs(device, rmsprop(), full, 4) },
  { name: "rmsprop: 20 steps as on js", run: ({ device }) => compareWithJs(device, rmsprop(), small, 20) },
  { name: "sgd: 20 steps as on js", run: ({ device }) => compareWithJs(device, sgd({ learningRate: 0.1 }), small, 20) },
  { name: "adam: 20 steps as on js", run: ({ device }) => compareWithJs(device, adam(), small, 20) },
];
