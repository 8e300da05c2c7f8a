/**
 * Slots that layers move while they train: a batch norm of a user's own against Keras and against the float64 oracle, in every
 * kind of model; layers that are called twice, held fixed, evaluated; checkpoints; and mistakes.
 */
import { describe, expect, expectTypeOf, test } from "vitest";
import { add, compile, dense, f32, filled, freeze, grad, type Layer, layer, mean, model, mul, param, program, sequential, sgd, slot, slotUpdates, type Tensor, trainer, zeros } from "../../src/index.ts"; // biome-ignore format: names
import { explainProgram } from "../../src/tools/cli/explain.ts";
import { batchNorm, kerasCall, kerasCases } from "../batch-norm.ts";
import { expectSound } from "../program-case.ts";
import { largestError, ProgramOracle } from "../program-oracle.ts";

const silent = { onWarning: () => undefined };

describe("a batch norm of one's own is Keras's", () => {
  test.each(kerasCases().map((one) => [one.name, one] as const))("%s", async (name, one) => {
    const program = kerasCall(one);
    for (const target of ["js", "wasm"] as const) {
      const executable = await compile(program, { target, threads: 1 });
      const { y, gradients } = (await executable.run({ entry: "step", feeds: { x: one.x, weight: one.cotangent } })) as unknown as { y: Float32Array; gradients: Record<string, Float32Array> }; // biome-ignore format: short
      expect(largestError(y, one.output), target).toBeLessThan(1e-5);
      for (const [by, wanted] of Object.entries(one.gradients)) {
        expect(largestError(gradients[by] ?? [], wanted), `${target} ${by}`).toBeLessThan(2e-5);
      }
      for (const slot of ["mean", "variance"]) {
        const wanted = one.after[`moving_${slot}`] ?? one.weights[`moving_${slot}`] ?? [];
        expect(largestError(await executable.state.read(`model.${slot}`), wanted), `${target} ${slot}`).toBeLessThan(1e-6); // biome-ignore format: short
      }
      executable.dispose();
    }
    const feeds = { x: one.x, weight: one.cotangent };
    if (name === "images-training") await expectSound({ program, calls: [{ entry: "step", feeds }, { entry: "step", feeds }] }); // biome-ignore format: short
  });
});

const count = 24;
const x = Float32Array.from({ length: 2 * count }, (_, i) => 50 + 20 * Math.sin(i * i));
const y = Float32Array.from({ length: count }, (_, i) => ((x[2 * i] ?? 0) - (x[2 * i + 1] ?? 0)) / 20);

function regression(net: Layer) {
  return trainer(net, { input: [2], loss: "meanSquaredError", optimizer: sgd({ learningRate: 0.05 }) });
}

/** Trains by batches of 8 in order; all states against the oracle, and the loss of evaluation too. */
async function expectAsOracle(net: ReturnType<typeof regression>, steps: number) {
  await net.compile({ target: "js", batch: 8, seed: 2 });
  const oracle = new ProgramOracle(net.program, { dims: { batch: 8 }, seed: 2 });
  await net.fit({ x, y, epochs: steps / 3, shuffle: false });
  for (let i = 0; i < steps; i++) {
    const at = i % 3;
    oracle.run("train", { x: x.subarray(16 * at, 16 * at + 16), y: y.subarray(8 * at, 8 * at + 8) });
  }
  const states = await net.executable.state.snapshot();
  for (const path of [...states.keys()].filter((name) => name.startsWith("model."))) {
    expect(largestError(states.get(path) ?? [], oracle.state(path)), path).toBeLessThan(1e-4);
  }
  return states;
}

describe("in a trainer", () => {
  const norm = () => batchNorm({ momentum: 0.5 });
  const block = () => {
    const [inner, last] = [norm(), dense(2, { activation: "tanh" })];
    return layer({
      name: "block",
      params: (sample) => ({ inner: inner.params(sample), last: last.params(sample) }),
      outputShape: () => [2],
      apply: (params, input, mode) => last.apply(params.last, inner.apply(params.inner, input, mode), mode),
    });
  };
  const kinds: readonly (readonly [string, () => Layer, readonly string[]])[] = [
    ["sequential", () => sequential([norm(), dense(3, { activation: "tanh" }), norm(), dense(1)]), ["norm1", "norm2"]],
    ["sequential in sequential", () => sequential([sequential([norm(), dense(3)]), dense(1)]), ["sequential1.norm1"]],
    ["a layer that calls layers", () => sequential([block(), dense(1)]), ["block1.inner"]],
  ];

  test.each(kinds)("%s: moves as the oracle says", async (_, make, names) => {
    const states = await expectAsOracle(regression(make()), 6);
    for (const name of names) {
      expect(states.get(`model.${name}.mean`)).not.toEqual(new Float32Array(states.get(`model.${name}.mean`)?.length ?? 0)); // biome-ignore format: short
    }
  });

  // trained to 1.5 and evaluated to 417 where nothing could move the averages
  test("evaluates about as it trained, by the averages it has", async () => {
    const net = regression(sequential([norm(), dense(1)]));
    for (const target of ["js", "wasm"] as const) {
      await net.compile({ target, threads: 1, batch: 8, seed: 2, fresh: true });
      const { epochs } = await net.fit({ x, y, epochs: 30 });
      const { loss } = await net.evaluate({ x, y });
      expect(epochs.at(-1)?.loss).toBeLessThan(0.3);
      expect(loss).toBeLessThan(0.6);
    }
    const before = await net.executable.state.snapshot();
    await net.evaluate({ x, y });
    await net.predict({ x });
    const after = await net.executable.state.snapshot();
    for (const path of before.keys()) {
      if (path.startsWith("model.")) expect(after.get(path), path).toEqual(before.get(path));
    }
  });

  test("a shared layer updates at each call, in order, and sees what the call before left", async () => {
    const tally = layer({
      name: "tally",
      params: () => ({ seen: slot(zeros()) }),
      apply({ seen }, input, { update }) {
        update(seen, add(mul(seen, 10), mean(input)));
        return mul(input, add(seen, 1)); // by the value that this call found
      },
    });
    const net = trainer(
      model({
        inputs: [1],
        layers: { tally, last: dense(1) },
        call: (input, { tally, last }) => last(tally(mul(tally(input), 2))),
      }),
      { loss: "meanSquaredError", optimizer: sgd() },
    );
    await net.compile({ target: "js", batch: 2, seed: 1 });
    await net.fit({ x: [1, 2], y: [0, 0], shuffle: false });
    // first call: 10 * 0 + 1.5, output x; second: 10 * 1.5 + 2 * 1.5
    expect(await net.executable.state.read("model.tally.seen")).toEqual(Float32Array.of(18));
    const oracle = new ProgramOracle(net.program, { dims: { batch: 2 }, seed: 1 });
    oracle.run("train", { x: [1, 2], y: [0, 0] });
    expect([...oracle.state("model.tally.seen")]).toEqual([18]);
    expect(largestError(await net.executable.state.read("model.last.kernel"), oracle.state("model.last.kernel"))).toBeLessThan(1e-5); // biome-ignore format: short
  });

  test("no gradient flows through what an earlier call left", async () => {
    const keeps = layer({
      name: "keeps",
      params: () => ({ kept: slot(zeros()) }),
      apply({ kept }, input, { update }) {
        update(kept, mean(input));
        return add(mul(input, 0), kept);
      },
    });
    const p = program({
      inputs: { x: f32(2) },
      state: { kept: slot(filled(3)) },
      step({ x }, state) {
        const slots = slotUpdates(state);
        const mode = { training: true, slots };
        const second = keeps.apply(state, add(x, keeps.apply(state, x, mode)) as Tensor<[2], "f32">, mode);
        return { outputs: { second, slope: grad(mean(second), x) }, next: slots.next(state) };
      },
    });
    const executable = await compile(p, { target: "js", ...silent });
    expect(executable.step({ x: [1, 2] })).toBeUndefined();
    expect(await executable.read("second")).toEqual(Float32Array.of(1.5, 1.5));
    expect(await executable.read("slope")).toEqual(Float32Array.of(0, 0));
    expect(await executable.state.read("kept")).toEqual(Float32Array.of(4.5)); // mean of x + 3
  });

  test("updates that a program of one's own does not return are warned of", async () => {
    const counts = layer({
      name: "counts",
      params: () => ({ calls: slot(zeros()) }),
      apply({ calls }, input, { update }) {
        update(calls, add(calls, 1));
        return input;
      },
    });
    const warningsOf = async (returns: boolean): Promise<readonly string[]> => {
      const p = program({
        inputs: { x: f32(2) },
        state: { net: { calls: slot(zeros()) } },
        entries: {
          train({ x }, { net }) {
            const slots = slotUpdates(net);
            const y = counts.apply(net, x, { training: true, slots });
            return { outputs: { y }, next: returns ? { net: slots.next(net) } : {} };
          },
          predict: ({ x }, { net }) => ({ outputs: { y: counts.apply(net, x) } }),
        },
      });
      const executable = await compile(p, { target: "js", ...silent });
      return executable.report.warnings;
    };
    expect(await warningsOf(true)).toEqual([]);
    expect(await warningsOf(false)).toEqual([expect.stringMatching(/^entry "train": layers update "calls", and next does not have it: .*layer-slots/s)]); // biome-ignore format: one line
  });

  test("layers that the trainer holds fixed keep their slots, and use them", async () => {
    const body = () => ({ norm: norm(), last: dense(1) });
    const net = (trainable: readonly string[] | ((name: string) => boolean)) =>
      trainer(
        model({ inputs: [2], layers: body(), call: (input, { norm, last }) => last(norm(input)) }),
        { loss: "meanSquaredError", optimizer: sgd(), trainable }, // biome-ignore format: short
      );
    for (const trainable of [["last"], (name: string) => !name.startsWith("norm.")]) {
      const held = net(trainable);
      await held.compile({ target: "js", batch: 8, seed: 2, onWarning: (text) => expect.fail(text) });
      const before = await held.evaluate({ x, y });
      held.setLearningRate(0);
      const { epochs } = await held.fit({ x, y });
      expect(await held.executable.state.read("model.norm.mean")).toEqual(new Float32Array(2));
      expect(epochs[0]?.loss).toBeCloseTo(before.loss, 3); // the stored statistics, in training too
    }
  });

  test("checkpoints hold them, and a run goes on to the same bits", async () => {
    const make = () => regression(sequential([norm(), dense(1)]));
    const whole = make();
    await whole.compile({ target: "js", batch: 8, seed: 2 });
    await whole.fit({ x, y, epochs: 4 });
    const half = make();
    await half.compile({ target: "js", batch: 8, seed: 2 });
    await half.fit({ x, y, epochs: 2 });
    const rest = make();
    await rest.restore(await half.checkpoint(), { newRun: false });
    await rest.compile({ target: "js", batch: 8 });
    await rest.fit({ x, y, epochs: 2 });
    const [a, b] = [await whole.executable.state.snapshot(), await rest.executable.state.snapshot()];
    for (const path of ["model.norm1.mean", "model.norm1.variance", "model.dense1.kernel"]) {
      expect(b.get(path), path).toEqual(a.get(path));
    }
  });
});

describe("mistakes", () => {
  const lazy = (spec: ReturnType<typeof slot>) =>
    layer({ name: "lazy", params: () => ({ w: param(filled(1)), still: spec }), apply: ({ w }, input) => mul(input, w) }); // biome-ignore format: short
  const warningsOf = async (net: Layer) => {
    const warnings: string[] = [];
    const made = trainer(net, { input: [1], loss: "meanSquaredError", optimizer: sgd() });
    const { report } = await made.compile({ target: "js", batch: 2, onWarning: (text) => warnings.push(text) });
    await made.fit({ x: [1, 2, 3], y: [1, 2, 3], epochs: 2 });
    expect(report.warnings).toEqual(warnings);
    for (const again of [{ target: "wasm" }, { target: "js", weighted: true }] as const) {
      const { report } = await made.compile({ ...again, onWarning: (text) => warnings.push(text) });
      expect(report.warnings).toEqual(warnings); // told before
    }
    return warnings;
  };

  test("a slot that never moves warns, once; one that is frozen does not", async () => {
    const [warning, ...more] = await warningsOf(sequential([lazy(slot(zeros())), dense(1)]));
    expect(warning).toContain('the slot "lazy1.still" is never updated while its layer trains');
    expect(more).toEqual([]);
    expect(await warningsOf(sequential([lazy(freeze(slot(zeros()))), dense(1)]))).toEqual([]);
    expect(await warningsOf(sequential([dense(2, { trainable: false }), dense(1)]))).toEqual([]);
    expect(await warningsOf(sequential([batchNorm(), dense(1)]))).toEqual([]);
  });

  test("explain tells of it too", () => {
    const { program } = trainer(sequential([lazy(slot(zeros())), dense(1)]), { input: [1], loss: "meanSquaredError", optimizer: sgd() }); // biome-ignore format: short
    const { warnings } = explainProgram(program, { dims: { batch: 2 }, target: "js" });
    expect(warnings.join()).toContain('the slot "lazy1.still" is never updated');
  });

  const updating = (change: (params: { w: Tensor; s: Tensor<[2], "f32"> }, input: Tensor, update: (slot: Tensor, value: Tensor) => void) => void) =>
    layer({
      name: "odd",
      params: () => ({ w: param(zeros(2)), s: slot(zeros(2)) }),
      apply(params, input, { update }) {
        change(params, input, update);
        return add(input, params.w);
      },
    }); // biome-ignore format: short
  const wrong: readonly (readonly [string, Layer, string])[] = [
    ["a value of another shape", updating(({ s }, input, update) => update(s, input)), 'update: the slot "s" is f32[2], the value f32[batch,2]'],
    ["no tensor", updating(({ s }, _, update) => update(s, 3 as never)), "the value 3"],
    ["no slot", updating((_, input, update) => update(input, input)), "is no slot of this model"],
    ["a weight", updating(({ w }, _, update) => update(w, mul(w, 2))), '"w" is changed by an optimizer too: declare it as a slot'],
    ["twice", updating(({ s }, _, update) => { update(s, s); update(s, s); }), '"s" was updated in this step already'],
  ]; // biome-ignore format: a table

  test.each(wrong)("%s", (_, net, message) => {
    const make = () => trainer(net, { input: [2], loss: "meanSquaredError", optimizer: sgd() });
    expect(make).toThrow(message);
    expect(make).toThrow("layer-slots.test.ts");
  });

  test("a definition that is misspelt, or lacks what it needs", () => {
    const apply = (_: unknown, input: Tensor) => input;
    expect(() => layer({ name: "odd", param: () => ({}), apply } as never)).toThrow(
      'no option "param"; did you mean "params"',
    );
    expect(() => layer({ name: "odd" } as never)).toThrow("layer: needs a name and a function apply(params, x, mode)");
    expect(() => layer({ name: "odd", activation: "tan", apply } as never)).toThrow("activation must be one of");
  });

  test("a program of one's own that trains without taking the next values is told", () => {
    const net = batchNorm();
    const make = (training: boolean) =>
      program({
        inputs: { x: f32("n", 2) },
        state: { net: net.params([2]) },
        step: ({ x }, { net: params }) => ({ outputs: { y: net.apply(params as never, x, { training }) } }),
      });
    expect(() => make(true)).toThrow('layer "norm": it updates a slot, and nobody takes the next value: give apply');
    expect(() => make(false)).not.toThrow();
  });
});

test("tsc knows the parameters of a layer, and its rule", () => {
  layer({
    name: "typed",
    params: ([width = 1]) => ({ w: param(zeros(width, 3)), list: { n: slot(zeros(), { dtype: "u32" }) } }),
    apply({ w, list }, input) {
      expectTypeOf(w).toEqualTypeOf<Tensor<[number, 3], "f32">>();
      expectTypeOf(list.n).toEqualTypeOf<Tensor<[], "u32">>();
      // @ts-expect-error: there is no such parameter
      expect(list.m).toBeUndefined();
      return input;
    },
  });
  expectTypeOf(layer({ name: "same", rule: "same", apply: (_, input) => input })).toEqualTypeOf<Layer<"same">>();
});
