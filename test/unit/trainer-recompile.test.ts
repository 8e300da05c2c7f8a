/**
 * Compiling a trainer again: weights, moments, counters, random state and the place in the data are kept, whatever the target and
 * the batch; what cannot be kept is refused, and nothing is lost.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { adam, dense, dropout, type FitOptions, sequential, sgd, type TrainerCompileOptions, trainer, trainerFrom, UserError } from "../../src/index.ts"; // biome-ignore format: names
import { loadTrainer, saveTrainer } from "../../src/node.ts";

const count = 20;
const data = {
  x: Float32Array.from({ length: 2 * count }, (_, i) => Math.sin(3 * i)),
  y: Uint8Array.from({ length: count }, (_, i) => i % 2),
};

/** Its next steps depend on moments, a counter, the random state and the shuffles. */
const network = () =>
  trainer(sequential([dense(5), dropout(0.3), dense(2, { activation: "softmax" })]), {
    input: [2],
    loss: "softmaxCrossEntropy",
    optimizer: adam(),
    metrics: ["accuracy"],
  });

async function compiled(options: TrainerCompileOptions = {}) {
  const net = network();
  await net.compile({ target: "js", batch: 4, seed: 3, ...options });
  return net;
}

const stateOf = async (net: ReturnType<typeof network>) => net.executable.state.snapshot();

/** 3 x - 1, learned to the last bit or so. */
async function line(target: "js" | "wasm") {
  const net = trainer(dense(1), { input: [1], loss: "meanSquaredError", optimizer: sgd({ learningRate: 0.1 }) });
  const x = Float32Array.from({ length: 40 }, (_, i) => (i - 20) / 10);
  const samples = { x, y: Float32Array.from(x, (value) => 3 * value - 1) };
  await net.compile({ target, batch: 10 });
  await net.fit({ ...samples, epochs: 60 });
  return { net, samples };
}

test("the training step is compiled at once, the others by their first calls, or all where that is said", async () => {
  const names = (net: ReturnType<typeof network>) => net.executable.report.entries.map(({ entry }) => entry);
  const net = await compiled();
  expect(names(net)).toEqual(["train"]);
  await net.predict({ x: [1, 2] });
  expect(names(net)).toEqual(["train", "predict"]);
  await net.evaluate({ x: [1, 2, 3, 4, 5, 6, 7, 8], y: [0, 1, 0, 1] });
  expect(names(net)).toEqual(["train", "predict", "evaluate"]);
  expect(names(await compiled({ entries: ["train", "evaluate", "predict"] }))).toEqual([
    "train",
    "evaluate",
    "predict",
  ]);
  await expect(compiled({ entries: ["step"] })).rejects.toThrow('the program has no entry "step"');
});

describe("compile again", () => {
  test.each([
    ["js", "wasm"],
    ["wasm", "js"],
    ["wasm", "wasm"],
  ] as const)("from %s to %s: a loaded trainer predicts what it has learned", async (from, to) => {
    const folder = await mkdtemp(join(tmpdir(), "tensorloom-line-"));
    try {
      const { net, samples } = await line(from);
      const path = join(folder, "line.safetensors");
      await saveTrainer(path, net);
      const loaded = await loadTrainer(path, { target: from });
      const before = await loaded.predict(samples);
      await loaded.compile({ target: to, batch: 50 });
      expect(loaded.executable.report).toMatchObject({ target: to });
      expect((await loaded.evaluate(samples)).loss).toBeLessThan(1e-9);
      const after = await loaded.predict(samples);
      for (const [i, value] of after.entries()) expect(value).toBeCloseTo(before[i] ?? 0, 5);
      for (const each of [net, loaded]) each.dispose();
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test("between two fits it changes nothing: moments, counters, masks and orders go on", async () => {
    const [unbroken, net] = [await compiled(), await compiled()];
    const { epochs: wanted } = await unbroken.fit({ ...data, epochs: 4 });
    await net.fit({ ...data, epochs: 2 });
    const old = net.executable;
    expect(await net.compile({ target: "js" })).toBe(net.executable);
    expect(net.executable).not.toBe(old);
    expect(net.executable.report.entries[0]?.dims).toEqual({ batch: 4 });
    const { epochs } = await net.fit({ ...data, epochs: 2 });
    expect(epochs.map(({ loss }) => loss)).toEqual(wanted.slice(2).map(({ loss }) => loss));
    expect(await stateOf(net)).toEqual(await stateOf(unbroken));
    expect(() => old.evaluate(data as never)).toThrow();
  });

  test("in the middle of a run that was put back, it goes on there", async () => {
    const unbroken = await compiled();
    await unbroken.fit({ ...data, epochs: 3 });
    const first = await compiled();
    const onBatchEnd: NonNullable<FitOptions["callbacks"]>[number]["onBatchEnd"] = ({ epoch, step }, { stop }) =>
      epoch === 2 && step === 2 ? stop() : undefined;
    await first.fit({ ...data, epochs: 3, callbacks: [{ onBatchEnd }] });
    const saved = await first.checkpoint();
    await first.compile({ target: "wasm", threads: 1 });
    expect(await first.checkpoint()).toEqual(saved);
    const net = await compiled();
    await net.restore(saved);
    await net.compile({ target: "js" });
    expect((await net.fit({ ...data, epochs: 3 })).epochs).toHaveLength(2);
    expect(await stateOf(net)).toEqual(await stateOf(unbroken));
    for (const each of [first, net]) each.dispose();
  });

  test("weights for samples stay, and are added with everything kept", async () => {
    const net = await compiled({ fresh: true });
    await net.fit(data);
    const before = await stateOf(net);
    await net.evaluate({ ...data, sampleWeight: new Float32Array(count).fill(2) });
    expect((await stateOf(net)).get("model.dense1.kernel")).toEqual(before.get("model.dense1.kernel"));
    await net.compile({ target: "js", batch: 5 });
    expect(net.program.inputs.map(({ path }) => path)).toContain("weight");
    expect((await stateOf(net)).get("opt.t")).toEqual(before.get("opt.t"));
  });

  test("fresh starts anew, like a trainer that never was", async () => {
    const net = await compiled();
    await net.fit(data);
    await net.compile({ fresh: true, target: "js", batch: 5, seed: 9 });
    const other = await compiled({ batch: 5, seed: 9 });
    expect(await stateOf(net)).toEqual(await stateOf(other));
    for (const each of [net, other]) await each.fit({ ...data, epochs: 2 });
    expect(await stateOf(net)).toEqual(await stateOf(other));
  });
});

describe("nothing is lost", () => {
  test("by another seed, which is refused; the same one is none", async () => {
    const net = await compiled();
    await net.fit(data);
    const before = await stateOf(net);
    await expect(net.compile({ target: "js", seed: 4 })).rejects.toThrow(
      "compile: the seed is 4, and this trainer's weights and random state come from seed 3: leave seed out to keep them, or start anew with compile({ fresh: true, seed })",
    );
    await net.compile({ target: "js", seed: 3 });
    expect(await stateOf(net)).toEqual(before);
    const saved = await net.checkpoint();
    await expect(trainerFrom(saved, { target: "js", seed: 4 } as never)).rejects.toThrow(
      "come from seed 3: leave seed out",
    );
    const other = await compiled({ seed: 8 });
    await other.restore(saved);
    await other.compile({ target: "js", seed: 3 });
    expect(await stateOf(other)).toEqual(before);
  });

  test("by a compilation that fails", async () => {
    const net = await compiled();
    await net.fit(data);
    const before = await stateOf(net);
    await expect(net.compile({ target: "js", batch: -1 })).rejects.toThrow(UserError);
    await expect(net.compile({ target: "wgsl" })).rejects.toThrow(UserError);
    await expect(net.compile({ fresh: true, target: "wgsl" })).rejects.toThrow(UserError);
    await expect(net.compile({ compiler: () => Promise.reject(new Error("mine")) })).rejects.toThrow(/^mine$/);
    expect(await stateOf(net)).toEqual(before);
    const unbroken = await compiled();
    for (const each of [net, unbroken]) await each.fit({ ...data, epochs: net === each ? 1 : 2 });
    expect(await stateOf(net)).toEqual(await stateOf(unbroken));
  });

  test("while a fit runs: it is refused, and the fit goes on", async () => {
    const [unbroken, net] = [await compiled(), await compiled()];
    await unbroken.fit({ ...data, epochs: 2 });
    const running = net.fit({ ...data, epochs: 2 });
    for (const fresh of [false, true]) {
      await expect(net.compile({ target: "js", fresh })).rejects.toThrow(
        "compile: a fit is under way: wait for its end, or stop it",
      );
    }
    await running;
    expect(await stateOf(net)).toEqual(await stateOf(unbroken));
  });

  test("by calls that nobody waits for: they keep their order", async () => {
    const net = await compiled();
    await net.fit(data);
    const wanted = await net.evaluate(data);
    const unbroken = await compiled();
    await unbroken.fit({ ...data, epochs: 2 });
    const evaluated = net.evaluate(data);
    const all = [net.compile({ target: "js", batch: 5 }), net.compile({ target: "js", batch: 4 })];
    const again = net.evaluate(data);
    const fitted = net.fit(data);
    expect([await evaluated, await again]).toEqual([wanted, wanted]);
    await Promise.all(all);
    await fitted;
    expect(await stateOf(net)).toEqual(await stateOf(unbroken));
    const first = network();
    const [a, b] = await Promise.all([
      first.compile({ target: "js", seed: 6 }),
      first.compile({ target: "js", batch: 4 }),
    ]);
    expect(a).not.toBe(b);
    expect(first.executable).toBe(b);
    expect(await stateOf(first)).toEqual(await stateOf(await compiled({ seed: 6 })));
  });
});
