/**
 * NaN and infinity in training, evaluation and prediction: what says so, where it came from, and how to go on.
 */
import { describe, expect, test, vi } from "vitest";
import { abs, add, dense, type FitOptions, log, model, neg, sequential, sgd, sqrt, square, stopGradient, sub, type Tensor, type TrainerCompileOptions, TrainingError, trainer, UserError } from "../../src/index.ts"; // biome-ignore format: names

const count = 40;
const x = Float32Array.from({ length: 2 * count }, (_, i) => Math.sin(3 * i));
const y = Float32Array.from({ length: count }, (_, i) => 2 * (x[2 * i] ?? 0) - (x[2 * i + 1] ?? 0));
const spoilt = (values: Float32Array, at: number, value = Number.NaN) => values.with(at, value);

async function line(options: TrainerCompileOptions = {}, learningRate = 0.05) {
  const net = trainer(dense(1), { input: [2], loss: "meanSquaredError", optimizer: sgd({ learningRate }) });
  await net.compile({ target: "js", batch: 8, seed: 1, ...options });
  return net;
}
type Net = Awaited<ReturnType<typeof line>>;

async function failure(net: Pick<Net, "fit">, options: Partial<FitOptions>): Promise<TrainingError> {
  const error: unknown = await net.fit({ x, y, epochs: 3, ...options }).then(
    () => "it went on",
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(TrainingError);
  return error as TrainingError;
}

/** A line with a loss of one's own. */
async function own(loss: (output: Tensor, target: Tensor) => unknown) {
  const net = trainer(dense(1), { input: [2], loss: loss as never, optimizer: sgd({ learningRate: 0.05 }) });
  await net.compile({ target: "js", batch: count });
  return net;
}

describe("fit stops", () => {
  test.each(["js", "wasm"] as const)("at a NaN in x, on %s: epoch, step and sample are named", async (target) => {
    const net = await line({ target });
    const { message, resume } = await failure(net, { x: spoilt(x, 35), shuffle: false });
    const [first, place, ...advice] = message.split("\n");
    expect(place).toMatch(/^ {4}at .*trainer-non-finite\.test\.ts:/);
    expect([first, ...advice].join("\n")).toBe(
      "fit: the loss is NaN in epoch 1 of 3, at step 3 of 5: x of sample 17 (the first is 0), number 1 of its 2, is NaN (the loss before was 2.7735)\n" + // biome-ignore format: short
        "The state from before the first epoch is in this error's `resume`: fit({ ..., resume }) goes on from there, with its learning rate. For another call executable.state.restore(error.resume.state), setLearningRate and fit without resume. " + // biome-ignore format: short
        'With onNaN: "warn" or "ignore" fit trains on regardless. ' +
        "Behind compile({ debug: { nan: true } }) it names the op that made the number.",
    );
    expect(resume).toMatchObject({ epoch: 0, step: 0 });
    net.dispose();
  });

  test("at infinities, shuffled or not, and at what is infinite as f32", async () => {
    for (const [value, said] of [
      [Infinity, "is Infinity"],
      [-Infinity, "is -Infinity"],
    ] as const) {
      const { message } = await failure(await line(), { x: spoilt(x, 35, value) });
      expect(message).toMatch(/^fit: the loss is (NaN|Infinity) in epoch 1 of 3, at step [1-5] of 5: x of sample 17 /);
      expect(message).toContain(said);
    }
    const large = Float64Array.from(x).with(6, 1e39);
    expect((await failure(await line(), { x: large })).message).toContain("x of sample 3 (the first is 0), number 0 of its 2, is 1e+39, which no f32 can hold"); // biome-ignore format: short
    const half = await failure(await line(), { x: Float32Array.from(x).with(6, 1e20), scale: 1e30 });
    expect(half.message).toContain("x of sample 3 (the first is 0), number 0 of its 2, is 100000002004087730000, which no f32 can hold"); // biome-ignore format: short
  });

  test("with readings now and then: at the step of the sample, and the steps of others by their range", async () => {
    for (const readEvery of [2, 3, 50]) {
      const { message } = await failure(await line(), { x: spoilt(x, 35), shuffle: false, readEvery });
      expect(message).toContain("in epoch 1 of 3, at step 3 of 5: x of sample 17 ");
    }
    const { message } = await failure(await line({}, 1e25), { readEvery: 4 });
    expect(message).toMatch(/in epoch 1 of 3, in steps 1 to 4 of 5: the data are finite; the weight kernel has -?(NaN|Infinity) at position 0\n/); // biome-ignore format: short
  });

  test("where a checkpoint has read the sums meanwhile", async () => {
    const net = await line();
    const fitted = failure(net, { x: spoilt(x, 1), shuffle: false, readEvery: 50 });
    await net.checkpoint();
    expect((await fitted).message).toContain("at step 1 of 5: x of sample 0 ");
  });

  test("at a loss that grows beyond all numbers, with the one before", async () => {
    const { message } = await failure(await line({}, 30), { epochs: 100 });
    expect(message).toMatch(/^fit: the loss is (NaN|Infinity) in epoch \d+ of 100, at step [1-5] of 5: the data, the weights and the outputs are finite, so the loss made it of them \(the loss before was \d\.\d{3}e\+\d\d\)\n/); // biome-ignore format: short
  });

  test("at a NaN in a target of a loss of one's own; a loss by name refuses it at once", async () => {
    const net = await own((output, target) => square(sub(output, target) as Tensor));
    expect((await failure(net, { y: spoilt(y, 7) })).message).toContain("y of sample 7 (the first is 0) is NaN");
    await expect((await line()).fit({ x, y: spoilt(y, 7) })).rejects.toThrow("fit: y of sample 7 (the first is 0) is NaN: it must be a finite f32"); // biome-ignore format: short
  });

  test("at a loss that is none of finite numbers", async () => {
    const net = await own((output) => add(square(output) as Tensor, log(stopGradient(neg(square(output) as Tensor) as Tensor) as Tensor) as Tensor)); // biome-ignore format: short
    expect((await failure(net, {})).message).toContain("at step 1 of 1: the data, the weights and the outputs are finite, so the loss made it of them"); // biome-ignore format: short
  });

  test("at weights that no loss was computed with any more", async () => {
    const net = await own((output, target) => add(sqrt(square(sub(output, output) as Tensor) as Tensor) as Tensor, abs(target) as Tensor)); // biome-ignore format: short
    const { message, resume } = await failure(net, { epochs: 1 });
    expect(message).toMatch(/^fit: after epoch 1, whose loss was finite, the data are finite; the weight kernel has NaN at position 0\n {4}at .*\nThe state from before/); // biome-ignore format: short
    expect(resume.step).toBe(0);
    await expect(net.fit({ x, y })).rejects.toThrow(
      /^fit: before the first step the weight kernel has NaN at position 0/,
    );
    net.executable.state.restore(resume.state);
    expect((await net.predict({ x })).every(Number.isFinite)).toBe(true);
  });

  test("at what an infinity a step before made of the weights: its sample is named, not that this step's are finite", async () => {
    const net = trainer(sequential([dense(4, { activation: "tanh" }), dense(1)]), { input: [2], loss: "meanSquaredError", optimizer: sgd() }); // biome-ignore format: short
    await net.compile({ target: "js", batch: 8 });
    const found =
      /the weight dense1\.kernel has NaN at position \d, and x of sample 17 \(the first is 0\), number 1 of its 2, is Infinity/;
    const { message } = await failure(net, { x: spoilt(x, 35, Infinity), shuffle: false });
    expect(message).toMatch(/^fit: the loss is NaN in epoch 1 of 3, at step 4 of 5: /);
    expect(message).toMatch(found);
    await net.compile({ fresh: true, batch: count });
    const last = await failure(net, { x: spoilt(x, 35, Infinity), epochs: 1 });
    expect(last.message).toMatch(/^fit: after epoch 1, whose loss was finite, /);
    expect(last.message).toMatch(found);
  });

  test("at validation data, given or split off", async () => {
    const net = await line();
    const given = await failure(net, { validation: { x: spoilt(x, 7), y } });
    expect(given.message).toMatch(/^fit: validation: the loss is NaN after epoch 1 of 3: x of sample 3 \(the first is 0\), number 1 of its 2, is NaN\n/); // biome-ignore format: short
    const split = await failure(net, { x: spoilt(x, 78), validationSplit: 0.1 });
    expect(split.message).toContain(
      "the loss of the samples kept for validation is NaN after epoch 1 of 3: x of sample 39 (the first is 0), number 0 of its 2, is NaN",
    );
  });

  test("and names the output and the input, of several", async () => {
    const net = trainer(
      model({
        inputs: { point: [2], size: [1] },
        layers: { a: dense(1), b: dense(1) },
        call: ({ point, size }, { a, b }) => ({ near: a(point), far: b(size) }),
      }),
      { loss: { near: "meanSquaredError", far: "meanSquaredError" }, optimizer: sgd({ learningRate: 0.1 }) },
    );
    await net.compile({ target: "js", batch: 8 });
    const size = new Float32Array(count).fill(1);
    const data = { x: { point: x, size }, y: { near: y, far: y } };
    await expect(net.fit({ ...data, x: { point: x, size: spoilt(size, 9) } })).rejects.toThrow("x.size of sample 9 (the first is 0) is NaN"); // biome-ignore format: short
    await net.compile({ target: "js", fresh: true, batch: 8 });
    const huge = { ...data, x: { point: x, size: size.fill(1e18) } };
    await expect(net.fit({ ...huge, epochs: 9 })).rejects.toThrow(/: the loss of far is; the data are finite; the weight b\.kernel has/); // biome-ignore format: short
  });
});

test("resume goes on from the last good epoch, to the numbers of a run without the fault", async () => {
  const [unbroken, net] = [await line(), await line()];
  await unbroken.fit({ x, y, epochs: 4 });
  const mine = x.slice();
  const spoil = {
    onEpochEnd: ({ epoch }: { epoch: number }) => void (epoch === 2 ? mine.fill(Number.NaN, 35, 36) : 0),
  };
  const { message, resume } = await failure(net, { x: mine, epochs: 4, callbacks: [spoil] });
  expect(message).toMatch(/^fit: the loss is NaN in epoch 3 of 4, at step [1-5] of 5: x of sample 17 .*\n {4}at .*\nThe state after epoch 2 \(10 steps\), copied then,/); // biome-ignore format: short
  const { epochs } = await net.fit({ x, y, epochs: 4, resume });
  expect(epochs.map(({ epoch }) => epoch)).toEqual([3, 4]);
  expect(await net.predict({ x })).toEqual(await unbroken.predict({ x }));
});

describe("where it is asked to go on", () => {
  test("warn tells it once, ignore not at all; both train to the end", async () => {
    const onWarning = vi.fn();
    const net = await line({ onWarning });
    const data = { x: spoilt(x, 35), y, epochs: 2 };
    for (const onNaN of ["warn", "ignore"] as const) {
      const { epochs } = await net.fit({ ...data, onNaN, validation: { x, y: spoilt(y, 0) } });
      expect(epochs.map(({ loss, validation }) => [loss, validation?.loss])).toEqual([[Number.NaN, Number.NaN], [Number.NaN, Number.NaN]]); // biome-ignore format: short
      await net.compile({ target: "js", fresh: true, batch: 8, onWarning });
    }
    const told = onWarning.mock.calls.map(([message]) => String(message).slice(0, 60));
    expect(told.filter((message) => message.startsWith("fit: the loss is NaN in epoch 1 of 2"))).toHaveLength(1);
    expect(told.filter((message) => message.startsWith("fit: validation: the loss is NaN after"))).toHaveLength(2);
    expect(told).toHaveLength(3);
  });

  test("anything else is refused", async () => {
    const net = await line();
    await expect(net.fit({ x, y, onNaN: "stopp" as never })).rejects.toThrow('fit: onNaN must be one of "stop", "warn", "ignore", not "stopp"'); // biome-ignore format: short
    await expect(net.evaluate({ x, y, onNaN: true as never })).rejects.toThrow("evaluate: onNaN must be one of");
  });
});

describe("evaluate", () => {
  test("names the sample, and gives the scores where asked to", async () => {
    const onWarning = vi.fn();
    const net = await line({ onWarning });
    const data = { x: spoilt(x, 35), y };
    const message = "evaluate: the loss is NaN: x of sample 17 (the first is 0), number 1 of its 2, is NaN";
    await expect(net.evaluate(data)).rejects.toThrow(UserError);
    await expect(net.evaluate(data)).rejects.toThrow(
      `${message}. With onNaN: "warn" or "ignore" it gives the scores regardless.`,
    );
    expect(await net.evaluate({ ...data, onNaN: "ignore" })).toEqual({ loss: Number.NaN });
    expect(onWarning).not.toHaveBeenCalled();
    expect(await net.evaluate({ ...data, onNaN: "warn" })).toEqual({ loss: Number.NaN });
    expect(onWarning.mock.calls).toEqual([[message]]);
    expect((await net.evaluate({ x, y })).loss).toBeGreaterThan(0);
  });

  test("names the output, and the weight", async () => {
    const net = await line();
    net.executable.state.write("model.kernel", [2, 2]);
    const large = net.evaluate({ x: spoilt(x, 34, 3e38), y });
    await expect(large).rejects.toThrow("evaluate: the loss is Infinity: the data and the weights are finite, and output of sample 17 (the first is 0) is Infinity"); // biome-ignore format: short
    await expect(net.evaluate({ x: spoilt(x, 34, 1e30), y })).rejects.toThrow("outputs are finite, so the loss made it of them"); // biome-ignore format: short
    net.executable.state.write("model.kernel", [2, Number.NaN]);
    await expect(net.evaluate({ x, y })).rejects.toThrow("evaluate: the loss is NaN: the data are finite; the weight kernel has NaN at position 1"); // biome-ignore format: short
  });
});

test("predict has NaN in the row of a sample that has one, and nowhere else", async () => {
  const net = await line();
  const [plain, found] = [await net.predict({ x }), await net.predict({ x: spoilt(x, 35) })];
  expect(found).toEqual(plain.with(17, Number.NaN));
});
