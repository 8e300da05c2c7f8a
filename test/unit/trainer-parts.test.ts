/**
 * What a trainer leaves alone, holds down and shows: weights that are not trained, regularizers, watched values.
 */
import { describe, expect, test } from "vitest";
import { abs, add, type Callback, dense, dropout, globalNorm, grad, type Layer, l1, l1l2, l2, model, mul, rmsprop, sequential, sgd, square, sum, type Tensor, type TrainerOptions, trainer, UserError } from "../../src/index.ts"; // biome-ignore format: names
import { largestError, ProgramOracle } from "../program-oracle.ts";

const count = 8;
const x = Float32Array.from({ length: 2 * count }, (_, i) => Math.sin(1.3 * i + 1));
const y = Int32Array.from({ length: count }, (_, i) => i % 3);

function small(first: Layer, options: Partial<TrainerOptions<readonly []>> = {}) {
  return trainer(sequential([first, dense(3, { activation: "softmax" })]), {
    input: [2],
    loss: "softmaxCrossEntropy",
    optimizer: rmsprop({ learningRate: 0.05 }),
    ...options,
  });
}

async function states(net: ReturnType<typeof small>) {
  return net.executable.state.snapshot();
}

const sumOf = (values: ArrayLike<number> | undefined, f: (value: number) => number) =>
  Array.from(values ?? []).reduce((total, value) => total + f(value), 0);

describe("trainable", () => {
  const ways: readonly (readonly [string, () => ReturnType<typeof small>])[] = [
    ["a layer made so", () => small(dense(4, { activation: "tanh", trainable: false }))],
    ["a predicate", () => small(dense(4, { activation: "tanh" }), { trainable: (name) => !name.startsWith("dense1.") })],
    ["a list of layers", () => small(dense(4, { activation: "tanh" }), { trainable: ["dense2"] })],
    ["a list of weights", () => small(dense(4, { activation: "tanh" }), { trainable: ["dense2.kernel", "dense2.bias"] })],
  ]; // biome-ignore format: a table

  test.each(ways)("%s: no moments, no change, and the rest as the oracle has it", async (_, make) => {
    const net = make();
    await net.compile({ target: "js", batch: count, seed: 3 });
    const oracle = new ProgramOracle(net.program, { dims: { batch: count }, seed: 3 });
    const before = await states(net);
    expect([...before.keys()].filter((path) => path.startsWith("opt.v."))).toEqual(["opt.v.dense2.kernel", "opt.v.dense2.bias"]); // biome-ignore format: short
    await net.fit({ x, y, epochs: 3, shuffle: false });
    for (let i = 0; i < 3; i++) oracle.run("train", { x, y });
    const after = await states(net);
    for (const path of ["model.dense1.kernel", "model.dense1.bias"]) expect(after.get(path)).toEqual(before.get(path));
    for (const path of ["model.dense2.kernel", "model.dense2.bias"]) {
      expect(after.get(path)).not.toEqual(before.get(path));
      expect(largestError(after.get(path) ?? [], oracle.state(path)), path).toBeLessThan(2e-5);
    }
  });

  test("the first weights of a frozen layer are those it would have had", async () => {
    const [frozen, free] = [small(dense(4, { trainable: false })), small(dense(4))];
    for (const net of [frozen, free]) await net.compile({ target: "js", batch: 2, seed: 3 });
    expect(await frozen.executable.state.read("model.dense1.kernel")).toEqual(await free.executable.state.read("model.dense1.kernel")); // biome-ignore format: short
    const launches = (net: typeof free) => net.executable.report.entries.find(({ entry }) => entry === "train")?.launches ?? 0; // biome-ignore format: short
    expect(launches(frozen)).toBeLessThan(launches(free));
  });

  test("a predicate cannot set free what a layer holds", async () => {
    const net = small(dense(4, { trainable: false }), { trainable: () => true });
    expect(net.program.states.some(({ path }) => path.startsWith("opt.v.dense1"))).toBe(false);
  });

  test("mistakes", () => {
    expect(() => small(dense(4), { trainable: ["dense3"] })).toThrow(UserError);
    expect(() => small(dense(4), { trainable: ["dense3"] })).toThrow('trainable names "dense3", which is no layer or weight that can be trained (there are: dense1.kernel, dense1.bias,'); // biome-ignore format: short
    expect(() => small(dense(4), { trainable: [] })).toThrow("no weight of the model is trained");
    expect(() => sequential([dense(2, { name: "a" }), dense(2, { name: "a" })])).toThrow('two layers are called "a"');
  });
});

describe("regularizers", () => {
  test("are part of the loss, of training and of evaluation, and pull as the oracle says", async () => {
    const penalized = dense(4, { activation: "tanh", kernelRegularizer: l2(0.1), biasRegularizer: l1(0.2) });
    const [net, plain] = [small(penalized), small(dense(4, { activation: "tanh" }))];
    for (const each of [net, plain]) await each.compile({ target: "js", batch: 3, seed: 3 });
    net.executable.state.write("model.dense1.bias", [0.5, -1, 0, 2]);
    plain.executable.state.restore(new Map([...(await states(net))].filter(([path]) => path.startsWith("model."))));
    const start = await states(net);
    const penalty = 0.1 * sumOf(start.get("model.dense1.kernel"), (w) => w * w) + 0.2 * sumOf(start.get("model.dense1.bias"), Math.abs); // biome-ignore format: short
    expect(penalty).toBeGreaterThan(0.7);
    const [with_, without] = [await net.evaluate({ x, y }), await plain.evaluate({ x, y })];
    expect(with_.loss).toBeCloseTo(without.loss + penalty, 5);
    net.setLearningRate(0);
    const { epochs } = await net.fit({ x, y });
    expect(epochs[0]?.loss).toBeCloseTo(without.loss + penalty, 5);
  });

  test("move weights by their slopes", async () => {
    const options = { input: [2], loss: "meanSquaredError", optimizer: sgd({ learningRate: 0.5 }) } as const;
    const run = async (layer: Layer) => {
      const net = trainer(layer, options);
      await net.compile({ target: "js", batch: count, seed: 3 });
      const before = await net.executable.state.read("model.kernel");
      await net.fit({ x, y, shuffle: false });
      return { before, after: await net.executable.state.read("model.kernel") };
    };
    const plain = await run(dense(1));
    const both = await run(dense(1, { kernelRegularizer: l1l2({ l1: 0.02, l2: 0.03 }) }));
    both.before.forEach((w, i) => {
      const wanted = (plain.after[i] ?? 0) - 0.5 * (0.02 * Math.sign(w) + 2 * 0.03 * w);
      expect(both.after[i]).toBeCloseTo(wanted, 6);
    });
    const own = (weights: Tensor) => add(mul(sum(abs(weights) as Tensor) as Tensor, 0.02) as Tensor, mul(sum(square(weights)) as Tensor, 0.03) as Tensor) as Tensor; // biome-ignore format: short
    expect((await run(dense(1, { kernelRegularizer: own }))).after).toEqual(both.after);
  });

  test("hold for weights that are trained alone, as in Keras", async () => {
    const kernelRegularizer = l2(10);
    const [frozen, plain] = [small(dense(4, { kernelRegularizer, trainable: false })), small(dense(4))];
    for (const net of [frozen, plain]) await net.compile({ target: "js", batch: 8, seed: 3 });
    expect((await frozen.evaluate({ x, y })).loss).toBe((await plain.evaluate({ x, y })).loss);
  });

  test("of several outputs are in `loss` and in no output's own", async () => {
    const net = trainer(
      model({
        inputs: [2],
        layers: { a: dense(1, { kernelRegularizer: l2(1) }), b: dense(1) },
        call: (given, { a, b }) => ({ a: a(given), b: b(given) }),
      }),
      { loss: { a: "meanSquaredError", b: "meanSquaredError" }, optimizer: sgd() },
    );
    await net.compile({ target: "js", batch: count });
    const penalty = sumOf(await net.executable.state.read("model.a.kernel"), (w) => w * w);
    const { loss, a_loss, b_loss } = await net.evaluate({ x, y: { a: y, b: y } });
    expect(loss).toBeCloseTo(a_loss + b_loss + penalty, 5);
  });

  test("mistakes", () => {
    expect(() => l2(-1)).toThrow("l2: the factor must be a number from 0, not -1");
    expect(() => l1l2({ l1: Number.NaN })).toThrow(UserError);
    expect(() => small(dense(2, { kernelRegularizer: (w) => square(w) }))).toThrow('the regularizer of "dense1.kernel" must give one f32 number; it gave f32[2,2]'); // biome-ignore format: short
    expect(() => small(dense(2, { kernelRegularizer: () => 3 as never }))).toThrow(
      'the regularizer of "dense1.kernel" must give one f32 number; it gave 3',
    );
    expect(() => dense(2, { useBias: false, biasRegularizer: l2() })).toThrow("a biasRegularizer needs a bias");
    expect(() => dense(2, { kernelRegularizer: "l2" as never })).toThrow("kernelRegularizer must be a function of the weights: l2(0.01), say"); // biome-ignore format: short
  });
});

describe("watch", () => {
  test("gradients and activations are outputs of a step, with the numbers of the oracle", async () => {
    const net = small(sequential([dense(4, { activation: "tanh", name: "hidden" }), dropout(0)]), {
      watch: {
        gradientNorm: ({ gradients }) => globalNorm(gradients),
        kernelGradient: ({ gradient }) => gradient("dense1.kernel"),
        hidden: ({ layer }) => layer("sequential1.hidden"),
        probabilities: ({ output }) => output(),
        last: ({ layer }) => layer("dense1"),
        slope: ({ loss, layer }) => grad(loss, layer("sequential1.hidden")) as Tensor,
        weight: ({ weight }) => weight("dense1.bias"),
        input: ({ inputs }) => inputs as Tensor,
      },
    });
    await net.compile({ target: "js", batch: count, seed: 3 });
    const oracle = new ProgramOracle(net.program, { dims: { batch: count }, seed: 3 });
    const wanted = oracle.run("train", { x, y });
    const seen = new Map<string, number | ArrayLike<number>>();
    const names = [...wanted.keys()].filter((name) => name.startsWith("watch."));
    expect(names).toHaveLength(8);
    const probabilities = await net.predict({ x });
    await net.fit({ x, y, shuffle: false, callbacks: [{ async onBatchEnd() { for (const name of names) seen.set(name, await net.executable.read(name)); } }] }); // biome-ignore format: short
    for (const name of names) {
      const found = seen.get(name) ?? [];
      expect(largestError(typeof found === "number" ? [found] : found, wanted.get(name) ?? []), name).toBeLessThan(
        1e-5,
      );
    }
    expect(largestError(seen.get("watch.probabilities") as Float32Array, probabilities)).toBeLessThan(1e-6);
    expect(seen.get("watch.last")).toEqual(seen.get("watch.probabilities"));
    expect(seen.get("watch.input")).toEqual(x);
    expect(Number(seen.get("watch.gradientNorm"))).toBeGreaterThan(0);
  });

  test("callbacks have the values of the last step that was read, also after a validation", async () => {
    const net = small(dense(4), { watch: { loss: ({ loss }) => loss, hidden: ({ layer }) => layer("dense1") } });
    await net.compile({ target: "js", batch: 4, seed: 3 });
    const seen: (number | ArrayLike<number>)[] = [];
    const losses: number[] = [];
    const callback: Callback = {
      onBatchEnd({ latest }, { watched }) {
        seen.push(watched("loss"));
        losses.push(latest.loss);
      },
      async onEpochEnd(_, { watched }) {
        await net.evaluate({ x, y });
        seen.push(watched("loss"), watched("hidden"));
        losses.push(losses.at(-1) ?? 0);
        expect(() => watched("los")).toThrow(
          'watched("los"): the trainer watches nothing of that name (it watches loss, hidden)',
        );
      },
    };
    await net.fit({ x, y, validation: { x, y }, callbacks: [callback] });
    expect(seen.pop()).toHaveLength(4 * 4);
    expect(losses).toHaveLength(3);
    expect(seen.map((value) => Number(value).toFixed(5))).toEqual(losses.map((loss) => loss.toFixed(5)));
  });

  test("changes no number that is trained", async () => {
    const run = async (watch: TrainerOptions<readonly []>["watch"]) => {
      const net = small(dense(4, { activation: "tanh" }), watch === undefined ? {} : { watch });
      await net.compile({ target: "js", batch: 3, seed: 3 });
      await net.fit({ x, y, epochs: 3 });
      return states(net);
    };
    expect(await run({ norm: ({ gradients }) => globalNorm(gradients) })).toEqual(await run(undefined));
  });

  test("knows the layers of a model by name", async () => {
    const net = trainer(
      model({ inputs: { a: [2] }, layers: { first: dense(3, { activation: "relu" }), last: dense(1) }, call: ({ a }, { first, last }) => ({ only: last(first(a)) }) }), // biome-ignore format: short
      { loss: { only: "meanSquaredError" }, optimizer: sgd(), watch: { first: ({ layer }) => layer("first"), only: ({ output }) => output("only") } }, // biome-ignore format: short
    );
    await net.compile({ target: "js", batch: count });
    const { only } = await net.predict({ x: { a: x } });
    await net.fit({ x: { a: x }, y: { only: y }, shuffle: false });
    const read = async (name: string): Promise<unknown> => net.executable.read(name);
    expect(largestError((await read("watch.only")) as Float32Array, only)).toBeLessThan(1e-6);
    expect(Math.min(...((await read("watch.first")) as Float32Array))).toBe(0);
  });

  test("mistakes", () => {
    const watching = (watch: TrainerOptions<readonly []>["watch"]) => () => small(dense(4, { trainable: false }), { watch: watch ?? {} }); // biome-ignore format: short
    expect(watching({ a: ({ layer }) => layer("dense3") })).toThrow('watch: the model has no layer "dense3" (it has: dense1, dense2)'); // biome-ignore format: short
    expect(watching({ a: ({ gradient }) => gradient("dense1.kernel") })).toThrow('no trained weight "dense1.kernel" (it has: dense2.kernel, dense2.bias)'); // biome-ignore format: short
    expect(watching({ a: ({ output }) => output("b") })).toThrow('no output "b" (it has none by name)');
    expect(watching({ a: () => 3 as never })).toThrow('watch "a" must give a tensor, not 3');
    expect(watching({ a: () => 3 as never })).toThrow(UserError);
  });
});
