/** What optimizers do around their formulas, inside a trainer: averages, groups, loss scales, schedules, accumulation, constraints. */
import { describe, expect, test } from "vitest";
import { constraints, dense, groups, layerFrom, lossScale, type Optimizer, ones, optimizerFrom, schedules, sequential, sgd, trainer, trainerFrom } from "../../src/index.ts"; // biome-ignore format: names

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
    expect(() => schedules.piecewiseConstantDecay({ boundaries: [1], values: [1] })).toThrow(
      "1 boundaries need 2 values, not 1",
    );
    expect(() => schedules.cosineDecay({} as never)).toThrow("initialLearningRate");
  });
});
