/**
 * The architecture in a checkpoint: a file is enough to make the trainer again, and whatever is not right in it is refused.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { sizeOf } from "../../src/graph/shape.ts";
import { activation, adam, adamw, DataError, decodeCheckpoint, dense, dropout, encodeCheckpoint, f32, flatten, groups, heNormal, type Layer, l1l2, l2, layerFrom, model, nadam, normal, type Optimizer, optimizerFrom, program, rmsprop, sequential, sgd, square, sub, sum, type Tensor, type Trainer, type TrainerOptions, trainer, trainerFrom, UserError } from "../../src/index.ts"; // biome-ignore format: names
import { loadTrainer, saveTrainer } from "../../src/node.ts";

const count = 10;
const x = Float32Array.from({ length: 4 * count }, (_, i) => Math.sin(1.7 * i + 1));
const y = Int32Array.from({ length: count }, (_, i) => i % 3);

const network = () =>
  sequential([
    flatten(),
    dense(6, { kernelRegularizer: l2(0.01), biasRegularizer: l1l2({ l1: 0.1, l2: 0 }), initializer: heNormal }),
    activation("tanh"),
    dropout(0.25, { name: "noise" }),
    sequential([dense(5, { trainable: false, useBias: false, activation: "relu", name: "fixed" })], { name: "inner" }),
    dense(3, { activation: "softmax" }),
  ]);

const options: TrainerOptions<readonly ["accuracy"]> = {
  input: [2, 2],
  loss: "softmaxCrossEntropy",
  optimizer: rmsprop({ learningRate: 0.01, rho: 0.8, momentum: 0.5, centered: true }),
  metrics: ["accuracy"],
  trainable: (name) => name !== "dense1.bias",
};

async function trained(stopAt = 2) {
  const net = trainer(network(), options);
  await net.compile({ target: "js", batch: 4, seed: 8 });
  await net.fit({ x, y, epochs: 2, callbacks: [{ onBatchEnd: ({ epoch, step }, { stop }) => (epoch === 1 && step === stopAt ? stop() : undefined) }] }); // biome-ignore format: short
  return net;
}

describe("a checkpoint alone", () => {
  test("gives a trainer that evaluates, predicts and goes on as the saved one, bit for bit", async () => {
    const net = await trained();
    const saved = await net.checkpoint();
    const again = await trainerFrom(saved, { target: "js" });
    expect(await again.executable.state.snapshot()).toEqual(await net.executable.state.snapshot());
    expect(await again.evaluate({ x, y })).toEqual(await net.evaluate({ x, y }));
    expect(await again.predict({ x })).toEqual(await net.predict({ x }));
    const unbroken = trainer(network(), options);
    await unbroken.compile({ target: "js", batch: 4, seed: 8 });
    const { epochs } = await unbroken.fit({ x, y, epochs: 3 });
    const rest = await again.fit({ x, y, epochs: 3 });
    expect(rest.epochs.map(({ loss, accuracy }) => [loss, accuracy])).toEqual(epochs.map(({ loss, accuracy }) => [loss, accuracy])); // biome-ignore format: short
    expect(await again.executable.state.snapshot()).toEqual(await unbroken.executable.state.snapshot());
    expect(decodeCheckpoint(await again.checkpoint(), "again").notes).toEqual(decodeCheckpoint(saved, "saved").notes);
  });

  test("loadTrainer reads the file, with options or none, or puts it into a trainer", async () => {
    const folder = await mkdtemp(join(tmpdir(), "tensorloom-saved-"));
    try {
      const path = join(folder, "net.safetensors");
      const net = await trained();
      await saveTrainer(path, net);
      const wanted = await net.evaluate({ x, y });
      const loaded = await loadTrainer(path, { target: "js", newRun: true, batch: 5 });
      expect(loaded.executable.report.entries[0]?.dims).toEqual({ batch: 5 });
      expect((await loaded.evaluate({ x, y, batch: 4 })).accuracy).toBe(wanted.accuracy);
      expect((await loaded.fit({ x, y, epochs: 2 })).epochs).toHaveLength(2);
      const defaults = await loadTrainer(path);
      expect((await defaults.fit({ x, y, epochs: 2 })).epochs).toHaveLength(2);
      const mine = trainer(network(), options);
      await mine.compile({ target: "js", batch: 4 });
      await loadTrainer(path, mine);
      expect(await mine.evaluate({ x, y })).toEqual(wanted);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test("holds a target of one's own", async () => {
    const net = trainer(dense(3), {
      input: [4],
      loss: "softmaxCrossEntropy",
      target: f32("batch", 3),
      optimizer: sgd(),
    });
    await net.compile({ target: "js", batch: 4 });
    const rows = Float32Array.from({ length: 3 * count }, (_, i) => Number(i % 3 === 0));
    const again = await trainerFrom(await net.checkpoint(), { target: "js" });
    expect(await again.evaluate({ x, y: rows })).toEqual(await net.evaluate({ x, y: rows }));
  });
});

describe("what is code", () => {
  const own = {
    name: "mine",
    rule: "same",
    activation: "linear",
    outputShape: (sample) => sample,
    params: () => ({}),
    apply: (_, given) => given as never,
  } satisfies Layer<"same">;
  const half = (weights: Tensor) => sum(square(weights)) as Tensor;
  const distance = (p: Tensor, t: Tensor) => square(sub(p, t) as Tensor) as Tensor;
  const small = { ...sgd(), name: "small" };
  const base = { input: [4], loss: "meanSquaredError", optimizer: sgd() } as const;

  test.each<[string, () => Trainer, string]>([
    ["a layer", () => trainer(sequential([dense(1), own]), base), "model.layers.1 (mine)"],
    ["a regularizer", () => trainer(dense(1, { kernelRegularizer: half }), base), "model.kernelRegularizer (half)"],
    ["an initializer", () => trainer(dense(1, { initializer: (...s) => normal(0, 1, ...s) }), base), "model.initializer (initializer)"],
    ["a loss and a metric", () => trainer(dense(1), { ...base, loss: distance, metrics: { far: distance } as never }), "loss (distance), metrics.far (distance)"],
    ["an optimizer", () => trainer(dense(1), { ...base, optimizer: small }), "optimizer (small)"],
    ["a model's call", () => trainer(model({ inputs: [4], layers: { a: dense(1) }, call: (given, { a }) => a(given) }), { loss: "meanSquaredError", optimizer: sgd() }), "model (call)"],
  ])("%s is named, and such a trainer must be made first", async (_, make, where) => {
    const net = make();
    await net.compile({ target: "js", batch: 4, seed: 2 });
    const saved = await net.checkpoint();
    const alone = trainerFrom(saved);
    await expect(alone).rejects.toThrow(UserError);
    await expect(alone).rejects.toThrow(`trainerFrom: this part of the trainer is code, which no file holds: ${where}. Make the trainer`);
    await expect(alone).rejects.toThrow("loadTrainer(path, trainer)");
    const again = make();
    await again.compile({ target: "js", batch: 4, seed: 3 });
    await again.restore(saved);
    expect(await again.predict({ x })).toEqual(await net.predict({ x }));
  }); // biome-ignore format: a table
});

describe("the optimizer's constants are part of the fingerprint", () => {
  const made = (optimizer: Optimizer) => trainer(dense(1), { input: [4], loss: "meanSquaredError", optimizer });
  test.each<[string, Optimizer, Optimizer, string]>([
    ["rho", rmsprop({ rho: 0.9 }), rmsprop({ rho: 0.8 }), "rmsprop's rho 0.9, the program has 0.8"],
    ["epsilon", adam(), adam({ epsilon: 1e-8 }), "adam's epsilon 1e-7, the program has 1e-8"],
    ["weightDecay", adamw(), adamw({ weightDecay: 0.1 }), "adamw's weightDecay 0.004, the program has 0.1"],
    ["nesterov", sgd({ momentum: 0.9 }), sgd({ momentum: 0.9, nesterov: true }), "sgd's nesterov false, the program has true"],
    ["a pattern", adamw({ excludeFromWeightDecay: ["bias"] }), adamw({ excludeFromWeightDecay: ["kernel"] }), `adamw's excludeFromWeightDecay.0 "bias", the program has "kernel"`],
    ["an expression", adamw({ excludeFromWeightDecay: [/bias/] }), adamw({ excludeFromWeightDecay: [/bias/i] }), `adamw's excludeFromWeightDecay.0.flags "", the program has "i"`],
    ["an optimizer of a group", groups([{ weights: "bias", optimizer: adam() }], sgd()), groups([{ weights: "bias", optimizer: nadam() }], sgd()), `groups's groups.0.optimizer.kind "adam", the program has "nadam"`],
    ["which weights a group has", groups([{ weights: "bias", optimizer: sgd() }], sgd()), groups([{ weights: "kernel", optimizer: sgd() }], sgd()), `groups's groups.0.weights "bias", the program has "kernel"`],
  ])("%s", async (_, was, is, message) => {
    const net = made(was);
    await net.compile({ target: "js", batch: 4 });
    const saved = await net.checkpoint();
    const other = made(is);
    await expect(other.restore(saved)).rejects.toThrow(DataError);
    await expect(other.restore(saved)).rejects.toThrow(`the checkpoint was made with ${message}`);
  }); // biome-ignore format: a table

  test("the learning rate is not: it is state", async () => {
    const net = made(sgd({ learningRate: 0.5 }));
    await net.compile({ target: "js", batch: 4 });
    const other = made(sgd({ learningRate: 0.1 }));
    await other.restore(await net.checkpoint());
    expect((await other.executable.state.read("opt.learningRate"))[0]).toBe(0.5);
  });
});

describe("layers and optimizers from their configs", () => {
  test("the same config, parameters and, from a seed, weights", () => {
    const net = network();
    const text = JSON.stringify(net.config);
    const again = layerFrom(JSON.parse(text));
    expect(JSON.stringify(again.config)).toBe(text);
    const weights = (layer: Layer) => {
      const { states } = program({ state: { model: layer.params([2, 2]) }, step: () => ({}) });
      return states.map(({ path, leaf }) => {
        const start = new Float64Array(sizeOf(leaf.initializer.shape as number[]));
        leaf.initializer.fill(start, 1, path);
        return [path, leaf.trainable, start];
      });
    };
    expect(weights(again)).toEqual(weights(net));
    expect(layerFrom({ kind: "dense", units: 2 }).config).toEqual(dense(2).config);
    for (const optimizer of [sgd({ momentum: 0.5, nesterov: true }), rmsprop({ rho: 0.8, centered: true }), adam({ amsgrad: true }), adamw({ weightDecay: 0.1 })]) {
      expect(optimizerFrom(JSON.parse(JSON.stringify(optimizer.config))).config).toEqual(optimizer.config);
    } // biome-ignore format: short
  });

  const nested = (depth: number): unknown =>
    depth === 0 ? { kind: "flatten" } : { kind: "sequential", layers: [nested(depth - 1)] };
  test.each<[string, unknown, string]>([
    ["no object", 3, "layerFrom: config: expected an object, found 3"],
    ["no kind", {}, "config.kind: expected a text, found nothing"],
    ["an unknown kind", { kind: "mine" }, "expected a layer (activation, "],
    ["an unknown field", { kind: "dense", units: 2, unit: 3 }, 'expected only kind, name, units, activation, useBias, initializer, '],
    ["__proto__", JSON.parse('{"kind":"flatten","__proto__":{"kind":"dense"}}'), 'found "__proto__"'],
    ["no units", { kind: "dense" }, 'expected the field "units", found none'],
    ["half a unit", { kind: "dense", units: 0.5 }, "config.units: expected a whole number from 1, found 0.5"],
    ["a text for a number", { kind: "dense", units: "5" }, 'config.units: expected a whole number from 1, found "5"'],
    ["no activation of ours", { kind: "activation", activation: "toString" }, 'expected one of "relu", "leakyRelu", "elu",'],
    ["no initializer of ours", { kind: "dense", units: 1, initializer: "constructor" }, 'expected one of "glorotUniform", "glorotNormal", "heUniform", "heNormal", "lecunUniform", "lecunNormal", "orthogonal", "zeros", "ones", "randomNormal"'],
    ["no regularizer of ours", { kind: "dense", units: 1, kernelRegularizer: { kind: "l3" } }, 'kernelRegularizer: expected a regularizer (l1l2), found "l3"'],
    ["code", { kind: "sequential", layers: [{ kind: "code", name: "mine" }] }, "config.layers.0: this layer is code"],
    ["too deep", nested(40), "nested deeper than 32 levels"],
    ["too many", { kind: "sequential", layers: Array.from({ length: 1001 }, () => ({ kind: "flatten" })) }, "at most 1000 members, found 1001"],
    ["no list", { kind: "sequential", layers: {} }, "config.layers: expected a list, found an object"],
  ])("%s", (_, config, message) => {
    expect(() => layerFrom(config)).toThrow(DataError);
    expect(() => layerFrom(config)).toThrow(message);
  }); // biome-ignore format: a table

  test.each<[unknown, string]>([
    [{ kind: "mine" }, "expected an optimizer (adadelta, adafactor, "],
    [{ kind: "sgd", constants: { rho: 1 } }, "config.constants: expected only momentum, nesterov, weightDecay, "],
    [{ kind: "adam", constants: { amsgrad: 1 } }, "config.constants.amsgrad: expected true or false, found 1"],
    [{ kind: "code", name: "mine" }, "this optimizer is code"],
  ])("%j", (config, message) => {
    expect(() => optimizerFrom(config)).toThrow(message);
  });
});

describe("a file whose architecture is not right is refused", () => {
  const tampered = async (change: (text: string) => string | null) => {
    const { fingerprint, state, seed, position, notes } = decodeCheckpoint(
      await (await trained()).checkpoint(),
      "saved",
    );
    const text = change(notes.get("architecture") ?? "");
    return encodeCheckpoint({ fingerprint, state, seed, position, notes: new Map(text === null ? [] : [["architecture", text]]) }); // biome-ignore format: short
  };

  test.each<[string, (text: string) => string | null, string]>([
    ["none", () => null, "this checkpoint holds no architecture: make the trainer first"],
    ["no JSON", (text) => text.slice(1), "the architecture is no JSON"],
    ["a later version", (text) => text.replace('"version":1', '"version":2'), "architecture.version: expected version 1, found 2"],
    ["a field of nobody", (text) => text.replace("{", '{"more":1,'), 'found "more"'],
    ["other units", (text) => text.replace('"units":6', '"units":7'), "the checkpoint has model.dense1.kernel f32[4,6], the program f32[4,7]"],
    ["as many units as there are not", (text) => text.replace('"units":6', '"units":1e15'), "does not fit the program"],
    ["another constant", (text) => text.replace('"rho":0.8', '"rho":0.7'), "rmsprop's rho 0.8, the program has 0.7"],
    ["a constant out of range", (text) => text.replace('"rho":0.8', '"rho":1.5'), "architecture.optimizer.constants.rho: expected a number from 0 to below 1, found 1.5"],
    ["another loss", (text) => text.replace("softmaxCrossEntropy", "mine"), 'architecture.loss: expected one of "'],
    ["frozen weights that are none", (text) => text.replace('"dense1.bias"', '"dense9.bias"'), 'architecture.frozen.0: expected a weight that can be trained, or a slot, found "dense9.bias"'],
    ["too long", (text) => text + " ".repeat(1_000_001), "longer than 1000000 characters"],
    ["a list", () => "[]", "architecture: expected an object, found a list"],
    ["lists without end", () => "[".repeat(400_000) + "]".repeat(400_000), "architecture: expected an object, found a list"],
    ["objects without end", () => '{"model":'.repeat(90_000) + 1 + "}".repeat(90_000), 'architecture: expected the field "version", found none'],
    ["two scores of one name", (text) => text.replace('{"accuracy":', '{"loss":'), 'architecture: trainer: two scores are called "loss"'],
    ["a target without the batch", (text) => text.replace('"loss"', '"target":{"dtype":"i32","shape":[]},"loss"'), 'architecture.target: expected the field "shape.0"'],
    ["a target of another shape", (text) => text.replace('"loss"', '"target":{"dtype":"i32","shape":["batch",5]},"loss"'), "architecture: "],
    ["null", () => "null", "architecture: expected an object, found null"],
  ])("%s", async (_, change, message) => {
    const load = trainerFrom(await tampered(change), { target: "js" }, "net.safetensors");
    await expect(load).rejects.toThrow(UserError); // a DataError is one
    await expect(load).rejects.toThrow(/^net\.safetensors: /);
    await expect(load).rejects.toThrow(message);
  }); // biome-ignore format: a table
});
