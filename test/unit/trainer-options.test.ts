/**
 * What a trainer is given, checked before it is too late: callbacks that nobody would call, functions that give promises, seeds,
 * learning rates and labels that mean nothing. wrong-calls.test.ts looks after the names of options.
 */
import { describe, expect, test } from "vitest";
import { compile } from "../../src/compile.ts";
import { FeedError, UserError } from "../../src/core/errors.ts";
import { zeros } from "../../src/dsl/initializers.ts";
import { mul, square, sub, sum } from "../../src/dsl/ops.ts";
import { program } from "../../src/dsl/program.ts";
import { param, slot } from "../../src/dsl/spec.ts";
import type { Tensor } from "../../src/dsl/tensor.ts";
import { dense } from "../../src/nn/layers/dense.ts";
import type { Layer } from "../../src/nn/layers/layer.ts";
import { layer } from "../../src/nn/layers/own.ts";
import { sequential } from "../../src/nn/layers/sequential.ts";
import { model } from "../../src/nn/model.ts";
import { sgd } from "../../src/nn/optimizers/sgd.ts";
import { trainerFrom } from "../../src/nn/saved-trainer.ts";
import { type Trainer, trainer } from "../../src/nn/trainer.ts";

const x = Float32Array.of(0, 1, 2, 3);
const y = Float32Array.of(0, 2, 4, 6);

const line = (options: object = {}): Trainer<string> =>
  trainer(sequential([dense(1)]), {
    input: [1],
    loss: "meanSquaredError",
    optimizer: sgd(),
    ...options,
  }) as unknown as Trainer<string>;

async function refused(run: () => unknown): Promise<string> {
  const error: unknown = await Promise.resolve()
    .then(run)
    .then(() => null)
    .catch((thrown: unknown) => thrown);
  if (!(error instanceof UserError)) throw new Error(`no UserError, but ${String(error)}`, { cause: error });
  return error.message;
}

test("nothing at all", async () => {
  expect(await refused(() => line().fit(undefined as never))).toContain(
    "fit takes samples: fit({ x, y }), or fit({ data })\n    at ",
  );
});

describe("callbacks", () => {
  const train = (options: object): Promise<unknown> => line().fit({ x, y, ...options });

  test.each<[object, string]>([
    [{ onEpochend() {} }, 'fit: callbacks[0]: nobody calls "onEpochend"; did you mean "onEpochEnd"? (there are: onEpochEnd, onBatchEnd, onTrainBegin, onTrainEnd, onEpochBegin)'],
    [{ onBatchEnd() {}, onBatchBegin() {} }, 'fit: callbacks[0]: nobody calls "onBatchBegin"'],
    [{ epochEnd() {} }, 'fit: callbacks[0]: nobody calls "epochEnd"; did you mean "onEpochEnd"?'],
    [{ best: 0 }, "fit: callbacks[0] has none of onEpochEnd, onBatchEnd, onTrainBegin, onTrainEnd, onEpochBegin: nobody would call it"],
    [{ onEpochEnd: "log" }, 'fit: callbacks[0]: onEpochEnd must be a function, not "log"'],
    [() => {}, "fit: callbacks[0] must be an object with onEpochEnd or onBatchEnd or onTrainBegin or onTrainEnd or onEpochBegin, not a function"],
  ])("%o", async (callback, message) => {
    expect(await refused(() => train({ callbacks: [callback] }))).toContain(message);
  }); // biome-ignore format: a table

  test("one in place of the list, bare hooks, and a progress that nobody would call", async () => {
    expect(await refused(() => train({ callbacks: { onEpochEnd() {} } }))).toContain("fit: callbacks must be a list");
    expect(await refused(() => train({ onBatchEnd() {} }))).toContain(
      "fit: onBatchEnd belongs in a callback: fit({ callbacks: [{ onBatchEnd(...) { ... } }] })\n    at ",
    );
    expect(await refused(() => train({ progress: { epochstart() {} } }))).toContain('did you mean "epochStart"?');
  });

  test("may hold things of their own, and be of a class", async () => {
    class Best {
      epochs = 0;
      note = (): void => void this.epochs++;
      onEpochEnd(): void {
        this.note();
      }
    }
    const best = new Best();
    await train({ callbacks: [best, { onBatchEnd: undefined, onEpochEnd() {}, seen: [] }], epochs: 2 });
    expect(best.epochs).toBe(2);
  });
});

test.each<[string, unknown]>([
  ["a loss", { loss: async (output: Tensor, target: Tensor) => square(sub(output, target) as Tensor) }],
  ["a metric", { metrics: { error: async (output: Tensor) => output } }],
  ["a watch", { watch: { norm: async ({ loss }: { loss: Tensor }) => loss } }],
])("%s that gives a promise", async (_, options) => {
  expect(await refused(() => line(options as object))).toMatch(/gave a promise: .* must not be async/);
});

test("a call and a regularizer that give promises", async () => {
  const call = async ({ only }: { only: Tensor }, { head }: { head: (x: Tensor) => Tensor }) => head(only);
  expect(
    await refused(() => model({ inputs: { only: [1] }, layers: { head: dense(1) }, call: call as never })),
  ).toMatch(/^model: call gave a promise/);
  const kernelRegularizer = (async (w: Tensor) => mul(sum(w) as Tensor, 0.1)) as never;
  expect(
    await refused(() =>
      trainer(dense(1, { kernelRegularizer }), { input: [1], loss: "meanSquaredError", optimizer: sgd() }),
    ),
  ).toMatch(/regularizer.* gave a promise/);
});

test("a layer that gives a promise, or nothing", async () => {
  const made = (apply: (params: unknown, x: Tensor) => unknown): Layer =>
    layer({ name: "mine", params: () => ({ w: param(zeros(1)) }), apply: apply as never });
  const build = (member: Layer) => [
    () => trainer(member, { input: [1], loss: "meanSquaredError", optimizer: sgd() }),
    () => trainer(sequential([member, dense(1)]), { input: [1], loss: "meanSquaredError", optimizer: sgd() }),
    () => model({ inputs: [1], layers: { member }, call: (x, { member: use }) => use(x) }),
  ];
  for (const make of build(made(async (_, x) => x))) {
    expect(await refused(make)).toContain('the layer "mine" gave a promise');
  }
  for (const make of build(made(() => {}))) {
    expect(await refused(make)).toContain('the layer "mine" must give a tensor, not undefined');
  }
});

test.each(["a", 1.5, -1, Number.NaN, 2 ** 53, null])("the seed %s is none", async (seed) => {
  const wanted = /seed must be a whole number from 0.*, not /;
  expect(await refused(() => line().compile({ seed: seed as never }))).toMatch(wanted);
  expect(await refused(() => line().fit({ x, y, seed: seed as never }))).toMatch(wanted);
});

test.each(["0.1", Number.NaN, Number.POSITIVE_INFINITY, -1])("the learning rate %s is none", async (rate) => {
  expect(await refused(() => sgd({ learningRate: rate as never }))).toContain(
    "sgd: learningRate must be a number from 0",
  );
  const net = line();
  const executable = await net.compile({ target: "js", batch: 4 });
  expect(await refused(() => net.setLearningRate(rate as never))).toContain(
    "the learning rate must be a number from 0",
  );
  if (typeof rate === "string") return;
  expect(await refused(() => executable.state.write("opt.learningRate", rate))).toContain(
    `the state "opt.learningRate" takes finite numbers from 0, not ${rate}`,
  );
  expect(await executable.state.read("opt.learningRate")).toEqual(Float32Array.of(0.01));
});

test("a state may have a range, which whatever is written to it from outside must be in", async () => {
  const state = { s: slot(zeros(2), { dtype: "i32", range: [-1, 5] }), free: slot(zeros()) };
  const executable = await compile(program({ state, step: (_, { s }) => ({ outputs: { s } }) }), { target: "js" });
  executable.state.write("s", [-1, 5]);
  executable.state.write("free", Number.NaN);
  expect(await refused(() => executable.state.write("s", [0, 6]))).toContain(
    'the state "s" takes finite numbers from -1 to 5, not 6',
  );
  const snapshot = new Map([...(await executable.state.snapshot()), ["s", Int32Array.of(9, 9)]]);
  expect(await refused(() => executable.state.restore(snapshot))).toContain("from -1 to 5, not 9");
  expect(await executable.state.read("s")).toEqual(Int32Array.of(-1, 5));
  expect(await refused(() => slot(zeros(), { range: [1, 0] }))).toContain("slot: range must be two numbers");
  expect(await refused(() => slot(zeros(), { dtype: "f16", range: [0, 1] }))).toContain("takes no range");
});

test("labels that are no probabilities are found before the first step of sigmoidCrossEntropy", async () => {
  const net = line({ loss: "sigmoidCrossEntropy" });
  const before = await (await net.compile({ target: "js", batch: 2 })).state.snapshot();
  const fit = net.fit({ x, y: Uint8Array.of(0, 1, 7, 3) });
  await expect(fit).rejects.toThrow(FeedError);
  await expect(fit).rejects.toThrow("fit: y of sample 2 (the first is 0) is 7: it must be from 0 (no) to 1 (yes). Numbers of classes go with softmaxCrossEntropy; pixels from 0 to 255 have to be divided by 255, which is done for x alone"); // biome-ignore format: long
  await expect(net.evaluate({ x, y: [0, 1, -0.5, 1] })).rejects.toThrow("evaluate: y of sample 2");
  expect(await net.executable.state.snapshot()).toEqual(before);
  await net.fit({ x, y: [0, 0.5, 1, 1] });
});

test("a name that other libraries have for a loss or metric is told ours", async () => {
  expect(await refused(() => line({ loss: "binary_crossentropy" as never }))).toContain(
    'there is no loss "binary_crossentropy"; did you mean "binaryCrossentropy"?',
  );
  expect(await refused(() => line({ metrics: ["binary_accuracy" as never] }))).toContain(
    'there is no metric "binary_accuracy"; did you mean "binaryAccuracy"?',
  );
});

test("an option that is undefined was not given: a loaded trainer keeps the batch of its file", async () => {
  const net = line();
  await net.compile({ target: "js", batch: 2 });
  await net.fit({ x, y, callbacks: [{ onBatchEnd: (_, { stop }) => stop() }] });
  const again = await trainerFrom(await net.checkpoint(), { target: "js", batch: undefined as never });
  expect(again.executable.report.entries.map(({ dims }) => dims.batch)).toContain(2);
});
