/**
 * The trainer on small synthetic problems: what is trained, what is reported, and what happens when it is stopped or fails.
 *
 * Reference runs go batch by batch through the same program; failures come from a machine that gives up on purpose.
 */
import { describe, expect, expectTypeOf, test, vi } from "vitest";
import { RandomStream } from "../../src/core/random.ts";
import {
  type Callback,
  type CompileOptions,
  compileOn,
  dense,
  type EpochState,
  type Evaluated,
  FeedError,
  f32,
  i32,
  jsTarget,
  mean,
  Pixels,
  type Progress,
  rmsprop,
  sequential,
  sgd,
  softmaxCrossEntropy,
  square,
  sub,
  type Tensor,
  Trainer,
  TrainingError,
  trainer,
  UserError,
} from "../../src/index.ts";
import { takenNames } from "../../src/nn/history.ts";

/** Points in the plane; the class is the quadrant's diagonal pair. Learnable by a small relu net, not by a line. */
function quadrants(count: number, seed = 1) {
  const random = new RandomStream(seed, "quadrants");
  const x = Float32Array.from({ length: 2 * count }, () => random.uniform(-1, 1));
  const y = Uint8Array.from({ length: count }, (_, i) => ((x[2 * i] ?? 0) > 0 === (x[2 * i + 1] ?? 0) > 0 ? 1 : 0));
  return { x, y };
}

function classifier() {
  const net = sequential([dense(16, { activation: "relu" }), dense(2, { activation: "softmax" })]);
  const optimizer = rmsprop({ learningRate: 0.01 });
  return trainer(net, { input: [2], loss: "softmaxCrossEntropy", optimizer, metrics: ["accuracy"] });
}

async function compiled(batch = 8, seed = 5) {
  const net = classifier();
  await net.compile({ target: "js", batch, seed });
  return net;
}

const weightsOf = async (net: Pick<Trainer, "executable">) =>
  (await net.executable.state.read("model.dense1.kernel")).slice();

describe("training", () => {
  test("learns, and evaluate and predict agree with it", async () => {
    const net = await compiled(16);
    const data = quadrants(500);
    const { epochs } = await net.fit({ ...data, epochs: 20 });
    expect(epochs).toHaveLength(20);
    expect(epochs.at(-1)?.loss).toBeLessThan((epochs[0]?.loss ?? 0) / 2);
    const fresh = quadrants(203, 2);
    const { loss, accuracy } = await net.evaluate(fresh);
    expect(accuracy).toBeGreaterThan(0.93);
    const probabilities = await net.predict({ x: fresh.x });
    const rows = Array.from(fresh.y, (label, i) => ({ label, p: probabilities.subarray(2 * i, 2 * i + 2) }));
    const hits = rows.filter(({ label, p }) => ((p[1] ?? 0) > (p[0] ?? 0) ? 1 : 0) === label).length;
    expect(accuracy).toBeCloseTo(hits / 203, 10);
    const losses = rows.map(({ label, p }) => -Math.log(p[label] ?? 0));
    expect(loss).toBeCloseTo(losses.reduce((a, b) => a + b, 0) / 203, 5);
  });

  test("the short last batch is trained too, on the same weights, by programs compiled before the first step", async () => {
    const net = await compiled(8);
    const compiledFor: string[] = [];
    const watch: Progress = {
      epochStart: () =>
        compiledFor.push(net.executable.report.entries.map(({ entry, dims }) => `${entry} ${dims.batch}`).join(", ")),
    };
    const steps: number[] = [];
    const { epochs } = await net.fit({
      ...quadrants(20),
      epochs: 2,
      progress: watch,
      callbacks: [{ onBatchEnd: ({ step }) => void steps.push(step) }],
    });
    expect(steps).toEqual([1, 2, 3, 1, 2, 3]);
    expect(epochs).toHaveLength(2);
    for (const known of compiledFor) expect(known).toContain("train 4");
    expect(net.executable.report.entries.filter(({ entry }) => entry === "train")).toHaveLength(2);
  });

  test("fewer samples than a batch are one short batch", async () => {
    const net = await compiled(64);
    const { epochs } = await net.fit({ ...quadrants(5), epochs: 1 });
    expect(epochs[0]?.accuracy).toBeLessThanOrEqual(1);
    expect((await net.evaluate(quadrants(3))).loss).toBeGreaterThan(0);
  });

  test("is a function of the seed, shuffles included", async () => {
    const data = quadrants(50);
    const run = async (seed: number, shuffle: boolean) => {
      const net = await compiled(8, seed);
      await net.fit({ ...data, epochs: 3, shuffle });
      return weightsOf(net);
    };
    const [a, b, c, d] = [await run(1, true), await run(1, true), await run(2, true), await run(1, false)];
    expect(b).toEqual(a);
    expect(c).not.toEqual(a);
    expect(d).not.toEqual(a);
  });

  test("every epoch has an order of its own, unless shuffling is off", async () => {
    const net = await compiled(8);
    net.setLearningRate(0); // so that only the order changes a batch's loss
    const losses = async (shuffle: boolean) => {
      const seen: number[] = [];
      const watch: Callback = { onBatchEnd: ({ latest }) => void seen.push(latest.loss) };
      await net.fit({ ...quadrants(80), epochs: 2, shuffle, callbacks: [watch] });
      return { first: seen.slice(0, 10), second: seen.slice(10) };
    };
    const [shuffled, plain] = [await losses(true), await losses(false)];
    expect(shuffled.second).not.toEqual(shuffled.first);
    expect(plain.second).toEqual(plain.first);
    expect(shuffled.first).not.toEqual(plain.first);
  });

  test("a second fit goes on with other orders, like one long run", async () => {
    const data = quadrants(50);
    const [once, twice] = [await compiled(), await compiled()];
    await once.fit({ ...data, epochs: 4 });
    await twice.fit({ ...data, epochs: 1 });
    await twice.fit({ ...data, epochs: 3 });
    expect(await weightsOf(twice)).toEqual(await weightsOf(once));
  });

  test("pixels are scaled to 0..1, and bytes where that is asked for", async () => {
    const bytes = Uint8Array.from({ length: 60 }, (_, i) => (i * 37) % 256);
    const floats = Float32Array.from(bytes, (value) => value / 255);
    const y = Array.from({ length: 30 }, (_, i) => i % 2);
    const run = async (x: Uint8Array | Float32Array, scale?: number) => {
      const net = await compiled();
      await net.fit({ x, y, ...(scale === undefined ? {} : { scale }) });
      return weightsOf(net);
    };
    const wanted = await run(floats);
    expect(await run(new Pixels(bytes))).toEqual(wanted);
    expect(await run(bytes, 1 / 255)).toEqual(wanted);
    const unscaled = await run(Float32Array.from(bytes));
    expect(await run(bytes)).toEqual(unscaled);
    expect(await run(new Pixels(bytes), 1)).toEqual(unscaled);
    expect(unscaled).not.toEqual(wanted);
  });

  test("the softmax at the end is taken off for the loss: huge logits do no harm", async () => {
    const net = await compiled(4);
    net.executable.state.write("model.dense2.bias", [1000, -1000]);
    const { epochs } = await net.fit({ x: quadrants(4).x, y: [1, 1, 1, 1] });
    expect(epochs[0]?.loss).toBeGreaterThan(1900);
    expect(Number.isFinite(epochs[0]?.loss)).toBe(true);
  });

  test("the learning rate can be set between epochs", async () => {
    const net = await compiled();
    const seen: Float32Array[] = [];
    const freeze: Callback<"accuracy"> = {
      async onEpochEnd({ epoch }, { setLearningRate }) {
        seen.push((await weightsOf(net)) as Float32Array);
        if (epoch === 2) setLearningRate(0);
      },
    };
    await net.fit({ ...quadrants(30), epochs: 4, callbacks: [freeze] });
    expect(seen[1]).not.toEqual(seen[0]);
    expect(seen[3]).toEqual(seen[1]);
    expect(() => net.setLearningRate(Number.NaN)).toThrow(UserError);
  });
});

describe("history", () => {
  test("means weigh every sample equally, whatever the batches and however rarely they are read", async () => {
    const data = quadrants(20);
    const frozen = async (batch: number, readEvery: number) => {
      const net = await compiled(batch);
      net.setLearningRate(0); // so that every sample meets the same weights
      const { epochs } = await net.fit({ ...data, readEvery, validation: data });
      return { fit: epochs[0], evaluated: await net.evaluate(data) };
    };
    const whole = await frozen(20, 1);
    for (const [batch, readEvery] of [
      [8, 1],
      [8, 2],
      [7, 50],
      [1, 3],
    ] as const) {
      // biome-ignore format: a table
      const { fit, evaluated } = await frozen(batch, readEvery);
      expect(fit?.loss).toBeCloseTo(whole.fit?.loss ?? 0, 6);
      expect(fit?.accuracy).toBeCloseTo(whole.fit?.accuracy ?? 0, 10);
      expect(fit?.validation).toEqual(evaluated);
      expect(evaluated.loss).toBeCloseTo(whole.evaluated.loss, 6);
    }
  });

  test("an epoch of many steps that is read at its end is no sum of that many in f32", async () => {
    const net = await compiled(1);
    net.setLearningRate(0);
    const count = 20_000;
    const alike = { x: new Float32Array(2 * count).fill(0.3), y: new Uint8Array(count) };
    const { loss } = await net.evaluate({ x: alike.x.subarray(0, 2), y: alike.y.subarray(0, 1) });
    const { epochs } = await net.fit({ ...alike, readEvery: count });
    expect(Math.abs((epochs[0]?.loss ?? 0) / loss - 1)).toBeLessThan(3e-5);
  });

  test("an epoch's mean is the mean of its batches' losses, weighted by their sizes", async () => {
    const net = await compiled(8);
    const latest: number[] = [];
    const running: number[] = [];
    const watch: Callback = {
      onBatchEnd(batch) {
        latest.push(batch.latest.loss);
        running.push(batch.scores.loss);
      },
    };
    const { epochs } = await net.fit({ ...quadrants(20), callbacks: [watch] });
    const [a = 0, b = 0, c = 0] = latest;
    expect(epochs[0]?.loss).toBeCloseTo((8 * a + 8 * b + 4 * c) / 20, 12);
    expect(running[1]).toBeCloseTo((a + b) / 2, 12);
    expect(running[2]).toBe(epochs[0]?.loss);
  });

  test("where reading means waiting, it reads rarely and reports the same", async () => {
    let reads = 0;
    const dear: typeof jsTarget = {
      ...jsTarget,
      async machine(bytes, options) {
        const machine = Object.assign(await jsTarget.machine(bytes, options), { runsAhead: true });
        const read = machine.readState.bind(machine);
        machine.readState = (slot) => {
          if (/totals\.loss$/i.test(slot.name)) reads++;
          return read(slot);
        };
        return machine;
      },
    };
    const data = quadrants(500);
    const run = async (target: typeof jsTarget) => {
      const net = classifier();
      await net.compile({ batch: 4, seed: 5, compiler: (program, options) => compileOn(program, target, options) });
      const { epochs } = await net.fit({ ...data, epochs: 1 });
      return { loss: epochs[0]?.loss, accuracy: epochs[0]?.accuracy, evaluated: await net.evaluate(data) };
    };
    const rarely = await run(dear);
    expect(reads).toBe(2 * 2 + 3 + 3); // two snapshots, of the totals of both kinds; 125 steps in three readings; 125 more to evaluate
    const often = await run(jsTarget);
    expect(rarely.loss).toBeCloseTo(often.loss ?? 0, 6);
    expect(rarely.accuracy).toBe(often.accuracy);
    expect(rarely.evaluated.loss).toBeCloseTo(often.evaluated.loss, 6);
    expect(rarely.evaluated.accuracy).toBe(often.evaluated.accuracy);
  });

  test("the batch's own loss and metrics are outputs of the program", async () => {
    const net = await compiled(4);
    const { x, y } = quadrants(4);
    net.executable.train({ x, y: Int32Array.from(y) });
    const loss = await net.executable.read("loss");
    const [total] = await net.executable.state.read("totals.loss");
    expect(total).toBeCloseTo(4 * Number(loss), 5);
  });

  test("says how long things took, and progress hears of it", async () => {
    const net = await compiled(8);
    const states: EpochState[] = [];
    const end = vi.fn();
    const { epochs, seconds, stopped } = await net.fit({
      ...quadrants(20),
      epochs: 2,
      progress: { update: (state) => states.push(state), end },
    });
    expect(epochs.map(({ epoch }) => epoch)).toEqual([1, 2]);
    expect(epochs[0]?.stepMs).toBeGreaterThan(0);
    expect(seconds).toBeGreaterThanOrEqual((epochs[0]?.seconds ?? 0) + (epochs[1]?.seconds ?? 0));
    expect(stopped).toBeNull();
    expect(states.map(({ samplesDone }) => samplesDone)).toEqual([8, 16, 20, 8, 16, 20]);
    expect(states[0]).toMatchObject({ epoch: 1, epochs: 2, steps: 3, samples: 20, stepsDone: 1 });
    expect(end.mock.calls).toEqual([[null]]);
  });
});

describe("stopping", () => {
  test("a callback stops after the current step, and after the current epoch", async () => {
    const net = await compiled(8);
    const early = await net.fit({
      ...quadrants(20),
      epochs: 3,
      callbacks: [{ onBatchEnd: ({ epoch, step }, { stop }) => (epoch === 2 && step === 1 ? stop() : undefined) }],
    });
    expect(early.epochs).toHaveLength(1);
    expect(early.stopped).toEqual({ epoch: 2, step: 1, by: "callback" });
    const patient = await net.fit({
      ...quadrants(20),
      epochs: 3,
      callbacks: [{ onEpochEnd: ({ epoch }, { stop }) => (epoch === 2 ? stop() : undefined) }],
    });
    expect(patient.epochs).toHaveLength(2);
    expect(patient.stopped).toEqual({ epoch: 2, step: 3, by: "callback" });
    const last = await net.fit({ ...quadrants(20), epochs: 1, callbacks: [{ onEpochEnd: (_, { stop }) => stop() }] });
    expect(last.stopped).toBeNull();
  });

  test("an abort signal ends it cleanly, and keeps the state", async () => {
    const net = await compiled(8);
    const controller = new AbortController();
    const before = await weightsOf(net);
    const end = vi.fn();
    const { epochs, stopped } = await net.fit({
      ...quadrants(80),
      epochs: 100,
      signal: controller.signal,
      callbacks: [{ onBatchEnd: ({ step }) => (step === 4 ? controller.abort() : undefined) }],
      progress: { end },
    });
    expect(epochs).toEqual([]);
    expect(stopped).toEqual({ epoch: 1, step: 4, by: "signal" });
    expect(end.mock.calls).toEqual([[stopped]]);
    expect(await weightsOf(net)).not.toEqual(before);
    expect((await net.evaluate(quadrants(20))).loss).toBeGreaterThan(0);
    expect((await net.fit({ ...quadrants(20), signal: controller.signal })).stopped?.step).toBe(0);
  });

  test("timers and signals get a turn while the CPU is busy", async () => {
    const net = await compiled(1);
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 150);
    const { stopped } = await net.fit({ ...quadrants(2000), epochs: 100_000, signal: controller.signal });
    expect(stopped?.by).toBe("signal");
  });
});

describe("failure", () => {
  /** js, until the machine has launched `count` training steps: then every run fails, as after a lost device. */
  function failingAfter(count: number) {
    let steps = 0;
    return (program: Parameters<typeof compileOn>[0], options: CompileOptions) => {
      const target: typeof jsTarget = {
        ...jsTarget,
        async machine(bytes, machineOptions) {
          const machine = await jsTarget.machine(bytes, machineOptions);
          const prepare = machine.prepare.bind(machine);
          machine.prepare = async (entry) => {
            const runner = await prepare(entry);
            const run = runner.run.bind(runner);
            runner.run = () => {
              if (entry.name === "train" && ++steps > count) throw new Error("the device was lost");
              run();
            };
            return runner;
          };
          return machine;
        },
      };
      return compileOn(program, target, options) as never;
    };
  }

  test("names the epoch and step, and a resumed run reaches the numbers of an unbroken one", async () => {
    const data = quadrants(20);
    const unbroken = await compiled(8);
    await unbroken.fit({ ...data, epochs: 4 });

    const net = classifier();
    await net.compile({ batch: 8, seed: 5, compiler: failingAfter(3 * 2 + 1) });
    const end = vi.fn();
    const error: unknown = await net.fit({ ...data, epochs: 4, progress: { end } }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(TrainingError);
    if (!(error instanceof TrainingError)) return;
    expect(error.message).toContain("training failed in epoch 3 of 4, at step 2 of 3: the device was lost");
    expect(error.message).toContain("after epoch 2 (6 steps)");
    expect(error.resume).toMatchObject({ epoch: 2, step: 6 });
    expect((error.cause as Error).message).toBe("the device was lost");
    expect(end).toHaveBeenCalledTimes(1);
    await expect(net.evaluate(data)).rejects.toThrow("the device was lost");

    await expect(net.compile({ target: "js" })).rejects.toThrow(
      /states cannot be kept, as they cannot be read any more: the device was lost\n.*trainer\.test\.ts:\d+:\d+\ncompile\({ fresh: true }\)/,
    );
    await net.compile({ fresh: true, target: "js", batch: 8, seed: 5 });
    const { epochs } = await net.fit({ ...data, epochs: 4, resume: error.resume });
    expect(epochs.map(({ epoch }) => epoch)).toEqual([3, 4]);
    expect(await weightsOf(net)).toEqual(await weightsOf(unbroken));
  });

  test.each([[], [{ onEpochEnd() {} }]])(
    "holds the state after whichever epoch was the last, of copies that are written over",
    async (...callbacks) => {
      const data = quadrants(20);
      for (let done = 0; done < 5; done++) {
        const unbroken = await compiled(8);
        if (done > 0) await unbroken.fit({ ...data, epochs: done });
        const net = classifier();
        await net.compile({ batch: 8, seed: 5, compiler: failingAfter(3 * done + 2) });
        const error: unknown = await net.fit({ ...data, epochs: 6, callbacks }).catch((reason: unknown) => reason);
        if (!(error instanceof TrainingError)) throw new Error("it did not fail");
        expect(error.resume.epoch).toBe(done);
        expect(error.resume.state).toEqual(await unbroken.executable.state.snapshot());
      }
    },
  );

  test.each(["js", "wasm"] as const)("a snapshot over another, on %s", async (target) => {
    const net = classifier();
    await net.compile({ target, batch: 8, seed: 5 });
    const { state } = net.executable;
    const first = await state.snapshot();
    const kept = new Map([...first].map(([name, values]) => [name, values.slice()]));
    await net.fit(quadrants(20));
    const now = await state.snapshot();
    expect(first).toEqual(kept);
    expect(now).not.toEqual(kept);
    const name = "model.dense1.kernel";
    const over = new Map([...first, [name, new Float32Array(1)]]); // of another model, say
    const second = await state.snapshot(over);
    expect(second).toEqual(now);
    expect(over.get(name)).toEqual(new Float32Array(1));
    for (const [other, values] of second) if (other !== name) expect(values).toBe(first.get(other));
    net.dispose();
  });

  /** The error of a run of four epochs that fails in its third. */
  async function failed(data: ReturnType<typeof quadrants>) {
    const net = classifier();
    await net.compile({ batch: 8, seed: 5, compiler: failingAfter(3 * 2 + 1) });
    const error: unknown = await net.fit({ ...data, epochs: 4 }).catch((reason: unknown) => reason);
    if (!(error instanceof TrainingError)) throw new Error("it did not fail");
    return { net, resume: error.resume };
  }

  test("a resumed run sees the same batches, whatever seed it is compiled with now", async () => {
    const data = quadrants(20);
    const unbroken = await compiled(8);
    const { epochs: wanted } = await unbroken.fit({ ...data, epochs: 5 });
    const { net, resume } = await failed(data);
    await net.compile({ fresh: true, target: "js", batch: 8, seed: 77 });
    const { epochs } = await net.fit({ ...data, epochs: 4, resume });
    expect(epochs.map(({ loss }) => loss)).toEqual(wanted.slice(2, 4).map(({ loss }) => loss));
    await net.fit(data); // the shuffles after it follow from the first seed too
    expect(await weightsOf(net)).toEqual(await weightsOf(unbroken));
  });

  test("a resumed run that would see other batches is refused, each difference named", async () => {
    const { net, resume } = await failed(quadrants(20));
    await net.compile({ fresh: true, target: "js", batch: 5, seed: 5 });
    const before = await weightsOf(net);
    const other = net.fit({ ...quadrants(30), epochs: 4, seed: 6, resume });
    await expect(other).rejects.toThrow(UserError);
    await expect(other).rejects.toThrow(
      "fit: resume stands in epoch 3 after 0 batches, and this fit would see other batches: samples was 20 and is 30, batch was 8 and is 5, seed was 5 and is 6",
    );
    expect(await weightsOf(net)).toEqual(before);
  });

  test("in the first epoch it goes back to the start", async () => {
    const net = classifier();
    await net.compile({ batch: 8, compiler: failingAfter(0) });
    const failed = net.fit({ ...quadrants(20), epochs: 2 });
    await expect(failed).rejects.toThrow(
      /epoch 1 of 2, at step 1 of 3.*\n.*trainer\.test\.ts:\d+:\d+\n.*before the first epoch/,
    );
  });

  test("the user's own errors stay as they are", async () => {
    const net = await compiled(8);
    const { x } = quadrants(20);
    await expect(net.fit({ x, y: new Uint8Array(19) })).rejects.toThrow(
      "fit: y has 19 numbers for the 20 samples of x",
    );
    await expect(net.fit({ x: x.subarray(1), y: new Uint8Array(20) })).rejects.toThrow("no multiple of 2");
    await expect(net.fit({ x, y: new Uint8Array(20).fill(2) })).rejects.toThrow(FeedError);
    await expect(net.fit({ x, y: new Uint8Array(20), epochs: 1.5 })).rejects.toThrow("epochs must be a whole number");
    const boom: Callback = { onEpochEnd: () => Promise.reject(new Error("mine")) };
    await expect(net.fit({ x, y: new Uint8Array(20), callbacks: [boom] })).rejects.toThrow(/^mine$/);
    await expect(classifier().evaluate({ x, y: [] })).rejects.toThrow("evaluate: call await trainer.compile() first");
  });
});

describe("while a fit runs that nobody waits for", () => {
  const data = quadrants(60);
  const others = quadrants(30, 2);

  /** A run, with something done after its fourth step. */
  async function run(meanwhile: (net: Awaited<ReturnType<typeof compiled>>) => unknown) {
    const net = await compiled(8);
    let steps = 0;
    const onBatchEnd = () => (++steps === 2 ? meanwhile(net) : undefined) as undefined;
    const { epochs } = await net.fit({
      ...data,
      epochs: 3,
      readEvery: 2,
      validation: others,
      callbacks: [{ onBatchEnd }],
    });
    return { net, epochs: epochs.map(({ loss, accuracy, validation }) => ({ loss, accuracy, validation })) };
  }

  test("evaluate, predict and checkpoint see one moment, and leave its sums alone", async () => {
    const quiet = await run(() => undefined);
    const awaited: unknown[] = [];
    await run(async (net) => awaited.push(await net.evaluate(others), await net.predict(others)));
    const found: Promise<unknown>[] = [];
    const busy = await run((net) => {
      found.push(net.evaluate(others), net.predict(others), net.evaluate(data), net.checkpoint(), net.evaluate(others));
    });
    expect(busy.epochs).toEqual(quiet.epochs);
    const [evaluated, predicted, , , again] = await Promise.all(found);
    expect([evaluated, predicted]).toEqual(awaited);
    expect(again).toEqual(evaluated);
    const statesOf = async ({ net }: typeof busy) => net.executable.state.snapshot();
    expect(await statesOf(busy)).toEqual(await statesOf(quiet));
  });

  test("two evaluations at once do not mix", async () => {
    const net = await compiled(8);
    const [a, b] = [await net.evaluate(data), await net.evaluate(others)];
    expect(await Promise.all([net.evaluate(data), net.evaluate(others), net.evaluate(data)])).toEqual([a, b, a]);
  });
});

describe("predict", () => {
  test.each([1, 7, 8, 9, 16, 100])("takes %i rows", async (rows) => {
    const net = await compiled(8);
    const { x } = quadrants(100);
    const all = await net.predict({ x });
    const some = await net.predict({ x: x.subarray(0, 2 * rows) });
    expect(some).toEqual(all.subarray(0, 2 * rows));
  });
});

describe("losses and metrics", () => {
  const x = Float32Array.from({ length: 40 }, (_, i) => (i - 20) / 10);

  test("regression, by name and as a function, are the same", async () => {
    const y = Array.from(x, (value) => 3 * value - 1);
    const fitted = async (loss: "meanSquaredError" | "asFunction" | "asMean") => {
      const error = (output: Tensor, target: Tensor) => square(sub(output, target) as Tensor) as Tensor;
      const asMean = (output: Tensor, target: Tensor) => mean(error(output, target)) as Tensor;
      const net = trainer(dense(1), {
        input: [1],
        loss: loss === "asFunction" ? error : loss === "asMean" ? asMean : loss,
        optimizer: sgd({ learningRate: 0.1 }),
        metrics: { distance: "meanAbsoluteError" },
      });
      await net.compile({ target: "js", batch: 7 });
      const { epochs } = await net.fit({ x, y, epochs: 60 });
      expect(epochs.at(-1)?.loss).toBeLessThan(1e-6);
      expect(epochs.at(-1)?.distance).toBeLessThan(1e-3);
      return epochs[0]?.loss ?? 0;
    };
    const named = await fitted("meanSquaredError");
    expect(await fitted("asFunction")).toBeCloseTo(named, 6);
    expect(await fitted("asMean")).toBeCloseTo(named, 5);
  });

  test("yes or no: sigmoid, its cross-entropy and binaryAccuracy", async () => {
    const net = trainer(dense(1, { activation: "sigmoid" }), {
      input: [1],
      loss: "sigmoidCrossEntropy",
      optimizer: rmsprop({ learningRate: 0.1 }),
      metrics: ["binaryAccuracy"],
    });
    await net.compile({ target: "js", batch: 8 });
    const { epochs } = await net.fit({ x, y: Array.from(x, (value) => (value > 0.45 ? 1 : 0)), epochs: 100 });
    expect(epochs.at(-1)?.binaryAccuracy).toBeGreaterThan(0.9);
  });

  test("a loss function with a target of its own", async () => {
    const net = trainer(dense(3), {
      input: [1],
      loss: (logits, labels) => softmaxCrossEntropy(logits as never, labels as Tensor<["batch"], "i32">) as Tensor,
      target: i32("batch"),
      optimizer: sgd(),
    });
    await net.compile({ target: "js", batch: 8 });
    const { epochs } = await net.fit({ x, y: Array.from(x, (_, i) => i % 3) });
    expect(epochs[0]?.loss).toBeGreaterThan(0);
  });

  test("accuracy of one-hot rows is that of their class numbers", async () => {
    const network = () => dense(3, { activation: "softmax" });
    const common = { input: [2], loss: "softmaxCrossEntropy", metrics: ["accuracy"], optimizer: sgd() } as const;
    const x = Float32Array.from({ length: 24 }, (_, i) => Math.sin(i));
    const labels = Int32Array.from({ length: 12 }, (_, i) => (i * 5) % 3);
    const rows = Float32Array.from({ length: 36 }, (_, i) => Number(labels[Math.floor(i / 3)] === i % 3));
    const [byNumber, byRow] = [trainer(network(), common), trainer(network(), { ...common, target: f32("batch", 3) })];
    for (const net of [byNumber, byRow]) await net.compile({ target: "js", batch: 5, seed: 2 });
    const wanted = await byNumber.evaluate({ x, y: labels });
    expect(wanted.accuracy).toBeGreaterThan(0);
    const found = await byRow.evaluate({ x, y: rows });
    expect(found.accuracy).toBe(wanted.accuracy);
    expect(found.loss).toBeCloseTo(wanted.loss, 6);
  });

  test("mistakes are found when the trainer is made", () => {
    const optimizer = sgd();
    const relu = sequential([dense(2, { activation: "relu" })]);
    expect(() => trainer(relu, { input: [2], loss: "softmaxCrossEntropy", optimizer })).toThrow("not in relu");
    expect(() => trainer(dense(2), { input: [2], loss: "crossEntropy" as never, optimizer })).toThrow("no loss");
    expect(() =>
      trainer(dense(2), { input: [2], loss: "meanSquaredError", optimizer, metrics: { seconds: "accuracy" } }),
    ).toThrow('a metric cannot be called "seconds"');
    expect(takenNames).toContain("validation");
    const made = (options: object) => () => trainer(dense(2), { input: [2], loss: "meanSquaredError", optimizer, ...options } as never); // biome-ignore format: short
    for (const input of [[null, 2], [0], [1.5], 2]) {
      expect(made({ input })).toThrow("input must be the shape of one sample, without the batch");
    }
    for (const odd of ["adam", undefined])
      expect(made({ optimizer: odd })).toThrow("optimizer must be made by adadelta()");
    expect(made({ trainable: "kernel" })).toThrow("trainable must be a list of names or a predicate");
    expect(made({ loss: () => 3 })).toThrow("the loss must give a tensor, not 3");
  });

  const arrays: readonly (readonly [string, unknown, string])[] = [
    ["rows in a list", [[1, 2], [3, 4]], "x has an array at position 0: it must be one array of numbers, sample after sample: rows.flat()"],
    ["texts", [1, "2"], "x has 2 (string) at position 1"],
    ["a hole", [undefined, 1], "x has undefined (undefined) at position 0"],
    ["big integers", BigInt64Array.of(1n, 2n), "x is of type BigInt64Array: it must be an array of numbers"],
    ["no array", new Map(), "x is of type Map"],
    ["nothing", undefined, "x is missing"],
  ]; // biome-ignore format: a table

  test.each(arrays)("%s is no array of numbers", async (_, x, message) => {
    const net = await compiled();
    const found = net.predict({ x: x as never });
    await expect(found).rejects.toThrow(FeedError);
    await expect(found).rejects.toThrow(message);
  });

  test("fit and evaluate need targets", async () => {
    const net = await compiled();
    const { x } = quadrants(8);
    await expect(net.fit({ x } as never)).rejects.toThrow("fit: y is missing");
    await expect(net.evaluate({ x } as never)).rejects.toThrow("evaluate: y is missing");
  });

  test("tsc knows the scores by name", () => {
    const net = classifier();
    expectTypeOf(net).toEqualTypeOf<Trainer<"accuracy">>();
    expectTypeOf(net.evaluate).returns.resolves.toEqualTypeOf<Evaluated<"accuracy">>();
    expect(net).toBeInstanceOf(Trainer);
  });
});
