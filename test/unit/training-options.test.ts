/** What optimizers do around their formulas, inside a trainer: averages, groups, loss scales, schedules, accumulation, constraints. */
import { describe, expect, test } from "vitest";
import { cast, compile, constraints, dense, div, grad, groups, layerFrom, lossScale, mul, type Optimizer, ones, optimizerFrom, param, program, schedules, sequential, sgd, sum, type Tensor, trainer, trainerFrom, values } from "../../src/index.ts"; // biome-ignore format: names

/** One weight of 1 whose loss is (w * x - y)²: its gradient at x = 1, y = 0 is 2w. */
function line(optimizer: Optimizer) {
  const net = sequential([dense(1, { useBias: false, initializer: ones })]);
  return trainer(net, { input: [1], loss: "meanSquaredError", optimizer });
}

const weightOf = async (net: ReturnType<typeof line>): Promise<number> =>
  (await net.executable.state.read("model.dense1.kernel"))[0] ?? Number.NaN;

const steps = (n: number) => ({ x: Array(n).fill(1), y: Array(n).fill(0), batch: 1, shuffle: false });

describe("in a trainer", () => {
  test("the weights are their moving average when a run ends, and not before", async () => {
    const net = line(sgd({ learningRate: 0.25, useEma: true, emaMomentum: 0.5 }));
    await net.compile({ target: "js", batch: 1 });
    const seen: number[] = [];
    await net.fit({ ...steps(3), callbacks: [{ onEpochEnd: async () => void seen.push(await weightOf(net)) }] });
    expect(seen).toEqual([0.125]); // 0.5, 0.25, 0.125
    expect(await weightOf(net)).toBe(0.25); // 0.5; 0.375; 0.25
    net.dispose();
  });

  test("averages of groups, and inside of a loss scale, are the weights in the end", async () => {
    const averaged = sgd({ learningRate: 0.25, useEma: true, emaMomentum: 0.5 });
    const plain = sgd({ learningRate: 0.25 });
    const two = [{ weights: "dense1", optimizer: plain }, { weights: "dense2", optimizer: averaged }]; // biome-ignore format: short
    for (const [optimizer, ends] of [
      [groups([{ weights: "kernel", optimizer: averaged }], plain), [0.25]],
      [groups([], averaged), [0.25]],
      [lossScale(groups([{ weights: "kernel", optimizer: averaged }], plain)), [0.25]],
      [lossScale(averaged), [0.25]],
    ] as const) {
      const net = line(optimizer);
      await net.compile({ target: "js", batch: 1 });
      await net.fit(steps(3));
      expect([await weightOf(net)]).toEqual(ends);
      net.dispose();
    }
    expect(groups(two.slice(1), averaged).averages).toEqual([
      { path: "groups.0.average", counter: "groups.0.t" },
      { path: "average", counter: "t" },
    ]);
  });

  test("a run of no step leaves weights alone: there is no average", async () => {
    for (const gradientAccumulationSteps of [1, 2]) {
      const net = line(sgd({ useEma: true, gradientAccumulationSteps }));
      await net.compile({ target: "js", batch: 1 });
      const stop = { onTrainBegin: (_: unknown, control: { stop(): void }) => control.stop() };
      await net.fit({ ...steps(3), callbacks: [stop] });
      expect(await weightOf(net)).toBe(1);
      net.dispose();
    }
  });

  test("a run that a signal interrupts goes on from a checkpoint as if it had not been, averages too", async () => {
    const optimizer = sgd({ learningRate: 0.25, useEma: true, emaMomentum: 0.5 });
    const ends: number[] = [];
    for (const stopsAt of [null, 2]) {
      const net = line(optimizer);
      await net.compile({ target: "js", batch: 1 });
      const abort = new AbortController();
      const onBatchEnd = ({ step }: { readonly step: number }) => void (step === stopsAt && abort.abort());
      await net.fit({ ...steps(4), signal: abort.signal, callbacks: [{ onBatchEnd }] });
      const again = stopsAt === null ? net : await trainerFrom(await net.checkpoint(), { target: "js" });
      if (stopsAt !== null) await again.fit(steps(4));
      ends.push((await again.executable.state.read("model.dense1.kernel"))[0] ?? Number.NaN);
      again.dispose();
    }
    expect(ends).toEqual([0.15625, 0.15625]); // 0.25 and 0.0625
  });

  test("a learning rate is state, and may be another in the trainer that a checkpoint is put into", async () => {
    for (const made of [
      (rate: number) => lossScale(sgd({ learningRate: rate })),
      (rate: number) =>
        groups([{ weights: "kernel", optimizer: sgd({ learningRate: rate }) }], sgd({ learningRate: rate })),
    ]) {
      // biome-ignore format: short
      const [from, to] = [line(made(0.25)), line(made(0.5))];
      await from.compile({ target: "js", batch: 1 });
      await to.restore(await from.checkpoint());
      const odd = line(made(0.5));
      await odd.compile({ target: "js", batch: 1 });
      await expect(line(sgd({ momentum: 0.5 })).restore(await odd.checkpoint())).rejects.toThrow();
      for (const net of [from, to, odd]) net.dispose();
    }
  });

  test("several batches make one update, from the mean of their gradients", async () => {
    const net = line(sgd({ learningRate: 0.25, gradientAccumulationSteps: 2 }));
    await net.compile({ target: "js", batch: 1 });
    await net.fit(steps(3));
    expect(await weightOf(net)).toBe(0.5);
    await net.fit(steps(1));
    expect(await weightOf(net)).toBe(0.25);
    net.dispose();
  });

  test("a schedule counts updates from 0, shows its rate, and cannot be set by hand", async () => {
    const rates = schedules.piecewiseConstantDecay({ boundaries: [0, 1], values: [0.25, 0.5, 0] });
    const net = line(sgd({ learningRate: rates }));
    await net.compile({ target: "js", batch: 1 });
    const history = await net.fit({ ...steps(3), callbacks: [{ onEpochEnd: (record) => expect(record.learningRate).toBe(0) }] }); // biome-ignore format: short
    expect(history.epochs).toHaveLength(1);
    expect(await weightOf(net)).toBe(0);
    await expect(
      net.fit({ ...steps(1), callbacks: [{ onEpochEnd: (_, control) => control.setLearningRate(0.1) }] }),
    ).rejects.toThrow("the learning rate of sgd follows a schedule");
    net.dispose();
  });

  test("a checkpoint goes on in the middle of a schedule, and holds it", async () => {
    const rates = schedules.exponentialDecay({ initialLearningRate: 0.25, decaySteps: 1, decayRate: 0.5 });
    const net = line(sgd({ learningRate: rates }));
    await net.compile({ target: "js", batch: 1 });
    await net.fit(steps(2));
    const saved = await net.checkpoint();
    await net.fit(steps(2));
    const again = await trainerFrom(saved, { target: "js" });
    await again.fit(steps(2));
    expect(await again.executable.state.read("model.dense1.kernel")).toEqual(
      await net.executable.state.read("model.dense1.kernel"),
    );
    net.dispose();
    again.dispose();
  });

  test("weights of a group follow its optimizer, the others the rest", async () => {
    const opt = groups([{ weights: /^dense2\./, optimizer: sgd({ learningRate: 0 }) }], sgd({ learningRate: 0.25 }));
    const net = trainer(sequential([dense(1, { initializer: ones }), dense(1, { initializer: ones, useBias: false })]), {
      input: [1], loss: "meanSquaredError", optimizer: opt,
    }); // biome-ignore format: short
    await net.compile({ target: "js", batch: 1 });
    await net.fit(steps(1));
    const at = async (name: string) => (await net.executable.state.read(name))[0];
    expect(await at("model.dense1.kernel")).toBe(0.5);
    expect(await at("model.dense1.bias")).toBe(-0.5);
    expect(await at("model.dense2.kernel")).toBe(1);
    expect(optimizerFrom(JSON.parse(JSON.stringify(opt.config))).config).toEqual(opt.config);
    const again = await trainerFrom(await net.checkpoint(), { target: "js" });
    await again.fit(steps(1));
    await net.fit(steps(1));
    expect(await again.executable.state.read("model.dense1.kernel")).toEqual(await net.executable.state.read("model.dense1.kernel")); // biome-ignore format: short
    net.dispose();
    again.dispose();
  });

  test("a scaled loss trains to the same weights; a loss that overflows moves nothing and halves the scale", async () => {
    const net = line(lossScale(sgd({ learningRate: 0.25 }), { initialScale: 16, dynamicGrowthSteps: 2 }));
    await net.compile({ target: "js", batch: 1 });
    const scale = async () => (await net.executable.state.read("opt.lossScale"))[0];
    await net.fit(steps(2));
    expect([await weightOf(net), await scale()]).toEqual([0.25, 32]);
    await net.fit({ ...steps(1), x: [1e30], onNaN: "ignore" });
    expect([await weightOf(net), await scale()]).toEqual([0.25, 16]);
    net.dispose();
    const fixed = line(sgd({ learningRate: 0.25, lossScaleFactor: 1024 }));
    await fixed.compile({ target: "js", batch: 1 });
    await fixed.fit(steps(2));
    expect(await weightOf(fixed)).toBe(0.25);
    fixed.dispose();
  });

  test("a constraint holds after each update, and before the average", async () => {
    const net = trainer(
      sequential([dense(1, { useBias: false, initializer: ones, kernelConstraint: constraints.nonNeg() })]),
      { input: [1], loss: "meanSquaredError", optimizer: sgd({ learningRate: 1, useEma: true, emaMomentum: 0 }) },
    );
    await net.compile({ target: "js", batch: 1 });
    await net.fit(steps(1)); // 1 - 2 = -1 without it
    expect(await weightOf(net)).toBe(0);
    net.dispose();
    const layer = dense(2, { kernelConstraint: constraints.maxNorm({ maxValue: 3, axis: 1 }) });
    expect(layerFrom(JSON.parse(JSON.stringify(layer.config))).config).toEqual(layer.config);
  });

  test("options that make no sense together are refused", () => {
    expect(() => sgd({ clipnorm: 1, clipvalue: 1 })).toThrow(
      "sgd: only one of clipnorm, globalClipnorm and clipvalue can hold",
    );
    expect(() => sgd({ emaMomentum: 0.5 })).toThrow("for useEma: true");
    expect(() => lossScale(sgd({ lossScaleFactor: 2 }))).toThrow("has a loss scale of its own");
    expect(() => groups([], undefined as never)).toThrow(
      "the second argument must be the optimizer of all other weights",
    );
    expect(() => groups([], groups([], sgd()))).toThrow("the second argument is groups too");
    expect(() => schedules.piecewiseConstantDecay({ boundaries: [1], values: [1] })).toThrow(
      "1 boundaries need 2 values, not 1",
    );
    expect(() => schedules.cosineDecay({} as never)).toThrow("initialLearningRate");
  });
});

describe.each(["js", "wasm"] as const)("what is not finite or too small, on %s", (target) => {
  type Loss = (w: Tensor, slots: { readonly batches: Tensor<[], "u32"> }) => Tensor<[], "f32">;

  /** Steps of one weight that starts with 1, and the states that are left. */
  async function statesAfter(count: number, dtype: "f16" | "f32", optimizer: Optimizer, lossOf: Loss) {
    const model = { w: param(values([1], 1), { dtype }) };
    const made = program({
      state: { model, opt: optimizer.slots(model) },
      step(_, { model, opt }) {
        const plain = lossOf(model.w, opt as never);
        const loss = optimizer.scaleLoss?.(plain, opt) ?? plain;
        return { outputs: { loss }, next: optimizer.update({ model, slots: opt, gradients: grad(loss, model) }) };
      },
    });
    const executable = await compile(made, { target, threads: 1 });
    await executable.run({ entry: "step", steps: count });
    const names = executable.state.names;
    const found = await Promise.all(names.map(async (name) => [name, (await executable.state.read(name))[0]] as const));
    executable.dispose();
    return Object.fromEntries(found);
  }

  const linear =
    (slope: number): Loss =>
    (w) =>
      mul(sum(cast(w, "f32")), slope);
  const one = 0x3c00; // 1 as f16

  test("a loss scale: gradients that f16 has no number for are divided in f32", async () => {
    const optimizer = lossScale(sgd({ learningRate: 2 ** 24 }), { initialScale: 2 ** 16 });
    expect(await statesAfter(1, "f16", optimizer, linear(2 ** -26))).toMatchObject({ "model.w": one - 0x200 }); // 0.75
  });

  test("a loss scale: a gradient that is infinite in f16 moves nothing", async () => {
    const found = await statesAfter(
      2,
      "f16",
      lossScale(sgd({ learningRate: 1 }), { initialScale: 2 ** 15 }),
      linear(1000),
    );
    expect(found).toMatchObject({ "model.w": one, "opt.lossScale": 2 ** 13 });
  });

  test("a loss scale grows no further than f32 goes", async () => {
    const found = await statesAfter(140, "f32", lossScale(sgd(), { dynamicGrowthSteps: 1 }), linear(0));
    expect(found["model.w"]).toBe(1);
    expect(found["opt.lossScale"]).toBeLessThan(Number.POSITIVE_INFINITY);
  });

  test("a sum of gradients begins anew behind an infinite one", async () => {
    const optimizer = sgd({ learningRate: 0.25, clipvalue: 1, gradientAccumulationSteps: 2 });
    const first: Loss = (w, { batches }) => div(sum(cast(w, "f32")), mul(cast(batches, "f32"), 2)); // 1 / 0, 1 / 2; 1 / 4, 1 / 6
    const found = await statesAfter(4, "f32", optimizer, first);
    expect(found["model.w"]).toBeCloseTo(1 - 0.25 - 0.25 * (5 / 24), 6);
    expect(found["opt.accumulated.w"]).toBe(0);
  });
});
