/**
 * Callbacks against Keras 3.15: when a run stops, which learning rates it has and which weights it ends with, for scores that are given;
 * the names of checkpoint files; and a run that is broken off anywhere, which goes on to the same end.
 */

import { readFileSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { adam, type Callback, callbacks, dense, type EpochRecord, earlyStopping, type History, lambdaCallback, learningRateScheduler, loadTrainer, loadWeights, modelCheckpoint, reduceLROnPlateau, schedules, sequential, sgd, type Trainer, terminateOnNaN, trainer, UserError } from "../../src/node.ts"; // biome-ignore format: names
import { numberOf } from "../keras-layer-cases.ts";
import { note } from "../keras-record.ts";

type Entry = number | string;

interface Case {
  readonly name: string;
  readonly weights: readonly { readonly shape: readonly number[]; readonly data: readonly number[] }[];
  readonly fit: { readonly epochs: number };
  readonly callbacks: readonly { readonly class: string; readonly options: Readonly<Record<string, unknown>> }[];
  readonly history: Readonly<Record<string, readonly Entry[]>>;
  readonly epochs: readonly number[];
  readonly weights_after: readonly (readonly number[])[];
}

interface Fixture {
  readonly data: Readonly<Record<string, { readonly shape: readonly number[]; readonly data: readonly number[] }>>;
  readonly cases: readonly (Case | Omit<Case, "callbacks">)[];
  readonly files: { readonly names: readonly string[]; readonly checkpoint_patterns: readonly string[] };
}

const number = (entry: Entry): number => Number(numberOf(entry));

const fixture: Fixture = JSON.parse(readFileSync(new URL("../fixtures/keras/training.json", import.meta.url), "utf8"));
const cases = fixture.cases.filter((it): it is Case => "callbacks" in it);
const x = Float32Array.from(fixture.data.x?.data ?? []);
const y = Float32Array.from(fixture.data.y?.data ?? []);

/** Answered otherwise on purpose: docs/from-keras.md says how. */
const otherwise = new Set(["early-stopping-first-nan"]);

const camel = (name: string): string =>
  name === "min_lr" ? "minLearningRate" : name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
const ours = (options: object): never =>
  Object.fromEntries(Object.entries(options).map(([name, value]) => [camel(name), value])) as never;

const made: Readonly<Record<string, (options: never) => Callback>> = {
  EarlyStopping: earlyStopping,
  ReduceLROnPlateau: reduceLROnPlateau,
  LearningRateScheduler: () => learningRateScheduler((epoch, rate) => (epoch > 0 ? rate / 2 : rate)),
};

/** The callback, shown these losses of validation. */
function scripted(callback: Callback, losses: readonly number[]): Callback {
  const shown = (record: EpochRecord): EpochRecord => ({
    ...record,
    validation: { loss: losses[record.epoch - 1] ?? 0 },
  });
  return {
    ...callback,
    onTrainBegin: (run, control) => callback.onTrainBegin?.({ ...run, validates: true }, control),
    onEpochEnd: (record, control) => callback.onEpochEnd?.(shown(record), control),
  };
}

function callbacksOf({ callbacks }: Case): Callback[] {
  const losses = callbacks.find((it) => it.class === "Scripted")?.options.val_loss;
  const script = Array.isArray(losses) ? losses.map(number) : null;
  const others = callbacks.filter((it) => it.class !== "Scripted");
  return others.map(({ class: name, options }) => {
    const make = made[name];
    if (make === undefined) throw new Error(`no callback ${name}`);
    const callback = make(ours(options));
    return script === null ? callback : scripted(callback, script);
  });
}

async function line(target: "js" | "wasm" = "js", batch = 7): Promise<Trainer> {
  const net = trainer(dense(2), { input: [3], loss: "meanSquaredError", optimizer: sgd() });
  await net.compile({ target, batch, seed: 1 });
  return net;
}

const nets = new Map<string, Promise<{ readonly net: Trainer; readonly fresh: Uint8Array }>>();

/** One net for all cases: everything in it is put back. */
async function started({ weights }: Case, target: "js" | "wasm" = "js"): Promise<Trainer> {
  const made = nets.get(target) ?? line(target).then(async (net) => ({ net, fresh: await net.checkpoint() }));
  nets.set(target, made);
  const { net, fresh } = await made;
  await net.restore(fresh);
  const [kernel, bias] = weights.map(({ data }) => Float32Array.from(data));
  net.executable.state.write("model.kernel", kernel ?? new Float32Array(6));
  net.executable.state.write("model.bias", bias ?? new Float32Array(2));
  return net;
}

const weightsOf = async (net: Trainer): Promise<number[][]> => [
  [...(await net.executable.state.read("model.kernel"))],
  [...(await net.executable.state.read("model.bias"))],
];

function expectClose(found: readonly number[] | undefined, wanted: readonly number[] | undefined, tolerance = 1e-5) {
  expect(found?.length).toBe(wanted?.length);
  for (const [i, value] of (wanted ?? []).entries()) expect(Math.abs((found?.[i] ?? Number.NaN) - value)).toBeLessThan(tolerance); // biome-ignore format: short
}

describe.each(["js", "wasm"] as const)("on %s", (target) => {
  test.each(cases.map((it) => [it.name, it] as const))("%s", async (name, given) => {
    note("training", name, target);
    const net = await started(given, target);
    const { epochs } = await net.fit({ x, y, shuffle: false, epochs: given.fit.epochs, callbacks: callbacksOf(given) });
    if (otherwise.has(name)) {
      // NaN, .5, .4, .3, .2, .2, .2: the NaN counts as no improvement, and what follows as one.
      expect(epochs).toHaveLength(7);
      return;
    }
    expect(epochs.map(({ epoch }) => epoch - 1)).toEqual(given.epochs);
    expectClose(epochs.map(({ loss }) => loss), given.history.loss?.map(number)); // biome-ignore format: short
    const rates = given.history.learning_rate?.map(number);
    if (rates !== undefined) expectClose(epochs.map(({ learningRate }) => learningRate ?? 0), rates, 1e-8); // biome-ignore format: short
    const after = await weightsOf(net);
    for (const [i, wanted] of given.weights_after.entries()) expectClose(after[i], wanted);
  });
});

test("all cases of callbacks are there", () => {
  expect(cases.map(({ name }) => name)).toHaveLength(14);
});

describe("a run that goes on", () => {
  const stateful = cases.filter(({ callbacks }) => callbacks.some(({ class: name }) => name !== "Scripted"));

  test.each(stateful.map((it) => [it.name, it] as const))(
    "%s: from every callback's every moment to the same end",
    async (name, given) => {
      const run = (net: Trainer, more: Callback[] = [], at: "before" | "after" = "after"): Promise<History> => {
        const own = callbacksOf(given);
        const all = at === "before" ? [...more, ...own] : [...own, ...more];
        return net.fit({ x, y, shuffle: false, epochs: given.fit.epochs, callbacks: all });
      };
      const whole = await started(given);
      const history = await run(whole);
      const end = await weightsOf(whole);
      for (const at of ["before", "after"] as const) {
        const saved: { readonly done: number; readonly bytes: Uint8Array }[] = [];
        const keep: Callback = {
          async onEpochBegin({ epoch }, control) {
            if (epoch > 1) saved.push({ done: epoch - 1, bytes: await control.checkpoint() });
          },
          async onEpochEnd({ epoch }, control) {
            saved.push({ done: epoch, bytes: await control.checkpoint() });
          },
        };
        await run(await started(given), [keep], at);
        // A third of them, others for each case: 2 s instead of 6.
        const some = saved.filter(({ done }, i) => done < given.fit.epochs && (i + name.length) % 3 === 0);
        for (const { done, bytes } of some) {
          const again = await line();
          await again.restore(bytes);
          const nothing: Callback = { onEpochEnd() {} };
          const rest = await run(again, [nothing], at);
          expect(
            rest.epochs.map(({ epoch, learningRate }) => [epoch, learningRate]),
            `${at} ${done}`,
          ).toEqual(history.epochs.slice(done).map(({ epoch, learningRate }) => [epoch, learningRate]));
          expect(rest.stopped).toEqual(history.stopped);
          expect(await weightsOf(again)).toEqual(end);
        }
      }
    },
  );

  test("in the middle of an epoch, and behind an error", async () => {
    const rates = (): Callback => learningRateScheduler((done, rate) => (done > 0 ? rate / 2 : rate));
    const whole = await line("js", 3);
    const { epochs } = await whole.fit({ x, y, epochs: 4, callbacks: [rates()] });
    const saved: Uint8Array[] = [];
    const keep: Callback = {
      async onBatchEnd({ epoch, step }, control) {
        if (epoch === 2 && step === 2) saved.push(await control.checkpoint());
      },
    };
    await (await line("js", 3)).fit({ x, y, epochs: 4, callbacks: [rates(), keep] });
    const again = await line("js", 3);
    await again.restore(saved[0] ?? new Uint8Array());
    const rest = await again.fit({ x, y, epochs: 4, callbacks: [rates(), { onBatchEnd() {} }] });
    expect(rest.epochs.map(({ loss }) => loss)).toEqual(epochs.slice(1).map(({ loss }) => loss));
    expect(await weightsOf(again)).toEqual(await weightsOf(whole));

    const failing = await line("js", 3);
    const spoil: Callback = { onEpochBegin: ({ epoch }) => { if (epoch === 3) failing.executable.state.write("model.bias", Float32Array.of(Number.NaN, 0)); } }; // biome-ignore format: short
    const error = await failing.fit({ x, y, epochs: 4, callbacks: [rates(), spoil] }).catch((it) => it);
    expect(error.message).toMatch(/the weight kernel has NaN/);
    const resumed = await failing.fit({ x, y, epochs: 4, callbacks: [rates(), {  onEpochEnd() {} }], resume: error.resume }); // biome-ignore format: short
    expect(resumed.epochs.map(({ loss, learningRate }) => [loss, learningRate])).toEqual(epochs.slice(2).map(({ loss, learningRate }) => [loss, learningRate])); // biome-ignore format: short
  });

  test("a run that its signal ends keeps its weights, the best of before come back when it has gone on to its end", async () => {
    const losses = [0.5, 0.7, 0.8, 0.9];
    const stop = new AbortController();
    const best: number[][][] = [];
    const net = await line();
    const see: Callback = {
      async onEpochEnd({ epoch }) {
        if (epoch === 1) best.push(await weightsOf(net));
        if (epoch === 2) stop.abort();
      },
    };
    const early = () => scripted(earlyStopping({ patience: 5, restoreBestWeights: true }), losses);
    await net.fit({ x, y, epochs: 4, signal: stop.signal, callbacks: [early(), see] });
    expect(await weightsOf(net)).not.toEqual(best[0]);
    const again = await line();
    await again.restore(await net.checkpoint());
    await again.fit({ x, y, epochs: 4, callbacks: [early()] });
    expect(await weightsOf(again)).toEqual(best[0]);
  });
});

describe("names of scores", () => {
  const twoHeads = () =>
    trainer(sequential([dense(1)]), {
      input: [3],
      loss: "meanSquaredError",
      metrics: ["meanAbsoluteError"],
      optimizer: sgd(),
    });
  const trained = async (callback: Callback, options: object = { validationSplit: 0.3 }): Promise<number> => {
    const net = twoHeads();
    await net.compile({ target: "js", batch: 7 });
    const { epochs } = await net.fit({ x, y: y.slice(0, 7), epochs: 3, callbacks: [callback], ...options });
    return epochs.length;
  };

  test.each(["validation.loss", "val_loss", "valLoss", "loss", "meanAbsoluteError", "val_mean_absolute_error"])(
    "%s is known",
    async (monitor) => {
      expect(await trained(earlyStopping({ monitor }))).toBeGreaterThan(1);
    },
  );

  test("what is not known is refused before the first step, with the line", async () => {
    const refused = async (callback: Callback, message: RegExp, options?: object): Promise<void> => {
      const error = await trained(callback, options).catch((it) => it);
      expect(error).toBeInstanceOf(UserError);
      expect(error.message).toMatch(message);
    };
    await refused(earlyStopping({ monitor: "val_los" }), /earlyStopping: there is no score "val_los".*loss, meanAbsoluteError, validation.loss.*keras-callbacks.test.ts:/s); // biome-ignore format: short
    await refused(earlyStopping(), /this fit has no validation: give it validation or validationSplit, or monitor: "loss"/, {}); // biome-ignore format: short
    const path = "never-{val_los}.safetensors";
    await refused(
      modelCheckpoint(path),
      /has {val_los}, which is not known then \(known are: epoch, learningRate, loss/,
    );
    await refused(modelCheckpoint("x", { saveBestOnly: true, saveFreq: 2 }), /with saveFreq in batches/);
    expect(() => modelCheckpoint("model.keras")).toThrow(/a .keras file is not written: name it .safetensors/);
    expect(() => modelCheckpoint("model-{loss:3}.npz")).toThrow(/of a whole trainer|has {loss:3}/);
    const mine = trainer(dense(1), {
      input: [3],
      loss: "meanSquaredError",
      metrics: { size: (output) => output },
      optimizer: sgd(),
    });
    await mine.compile({ target: "js", batch: 7 });
    const early = earlyStopping({ monitor: "size" });
    await expect(mine.fit({ x, y: y.slice(0, 7), callbacks: [early] })).rejects.toThrow(/say mode: "min" or "max"/);
  });

  test("a rate that follows a schedule is refused by what would change it", async () => {
    for (const callback of [reduceLROnPlateau({ monitor: "loss" }), learningRateScheduler(() => 0.1)]) {
      const net = trainer(dense(2), {
        input: [3],
        loss: "meanSquaredError",
        optimizer: adam({ learningRate: schedules.cosineDecay({ initialLearningRate: 0.1, decaySteps: 10 }) }),
      });
      await net.compile({ target: "js", batch: 7 });
      let steps = 0;
      const counter = lambdaCallback({ onBatchEnd: () => void steps++ });
      const fitting = net.fit({ x, y, callbacks: [counter, callback] });
      await expect(fitting).rejects.toThrow(/^(reduceLROnPlateau|learningRateScheduler) sets the learning rate by hand: .*follows a schedule/); // biome-ignore format: short
      await expect(fitting).rejects.toThrow(/keras-callbacks\.test\.ts/);
      expect(steps).toBe(0);
    }
  });
});

describe("one callback and two fits", () => {
  const oneStep = async (): Promise<Trainer> => {
    const net = trainer(dense(2), { input: [3], loss: "meanSquaredError", optimizer: sgd() });
    await net.compile({ target: "js", batch: 7 });
    return net;
  };
  /** The losses of a run with no model: five epochs of each. */
  const falling = [5, 4, 3, 2, 1];
  const rising = [5, 6, 7, 8, 9];
  const run = async (net: Trainer, callback: Callback, losses: readonly number[]) =>
    net.fit({ x, y, epochs: 5, validationSplit: 0.2, callbacks: [scripted(callback, losses)] });

  test("one after the other: each begins anew, also behind a run that was stopped or failed", async () => {
    const [net, stopping] = [await oneStep(), earlyStopping({ patience: 2 })];
    const broken = lambdaCallback({ onEpochBegin: () => { throw new Error("broken"); } }); // biome-ignore format: short
    expect((await run(net, stopping, rising)).stopped?.epoch).toBe(3);
    await expect(net.fit({ x, y, validationSplit: 0.2, callbacks: [stopping, broken] })).rejects.toThrow("broken");
    expect((await run(net, stopping, falling)).stopped).toBe(null);
    expect((await run(await oneStep(), stopping, [9, 10, 11, 12, 13])).stopped?.epoch).toBe(3);
  });

  test.each([
    earlyStopping({ monitor: "loss" }),
    reduceLROnPlateau({ monitor: "loss" }),
    modelCheckpoint(join(tmpdir(), "never", "written.safetensors"), { saveFreq: 1000 }),
  ])("two at once, or one twice: refused, with its line ($name)", async (callback) => {
    const [first, second] = [await oneStep(), await oneStep()];
    const running = first.fit({ x, y, callbacks: [callback] });
    await expect(second.fit({ x, y, callbacks: [callback] })).rejects.toThrow(`${callback.name}: this callback serves another fit`);
    await running;
    const twice = second.fit({ x, y, callbacks: [callback, callback] });
    await expect(twice).rejects.toThrow(/is twice among the callbacks of a fit: make one for each[\s\S]*keras-callbacks\.test\.ts/);
    await second.fit({ x, y, callbacks: [callback] });
  }); // biome-ignore format: long

  test("a checkpoint of a run that was stopped has what they remembered then, whoever has them now", async () => {
    const [first, second, stopping] = [await oneStep(), await oneStep(), earlyStopping({ monitor: "loss" })];
    const stop = lambdaCallback({ onEpochEnd: (_, control) => control.stop() });
    await first.fit({ x, y, epochs: 3, callbacks: [stopping, stop] });
    const before = await first.checkpoint();
    await second.fit({ x, y: y.map((value) => 100 * value), epochs: 3, callbacks: [stopping] });
    expect(await first.checkpoint()).toEqual(before);
  });
});

test("terminateOnNaN ends without an error, and says why", async () => {
  const net = trainer(dense(2), { input: [3], loss: "meanSquaredError", optimizer: sgd({ learningRate: 1e30 }) });
  const warnings: string[] = [];
  await net.compile({ target: "js", batch: 3, onWarning: (message) => void warnings.push(message) });
  const { stopped, epochs } = await net.fit({ x, y, epochs: 3, callbacks: [terminateOnNaN()] });
  expect(stopped).toMatchObject({ epoch: 1, by: "callback" });
  expect(epochs).toHaveLength(0);
  expect(warnings.join()).toMatch(/fit: the loss is (NaN|Infinity) in epoch 1/);
  await expect(net.fit({ x, y, onNaN: "stop", callbacks: [terminateOnNaN()] })).rejects.toThrow(/the weight/);
});

test("lambdaCallback checks what it is given", async () => {
  const seen: number[] = [];
  await (await line()).fit({
    x,
    y,
    epochs: 2,
    callbacks: [lambdaCallback({ onEpochBegin: ({ epoch }) => void seen.push(epoch) })],
  });
  expect(seen).toEqual([1, 2]);
  expect(() => lambdaCallback({ onEpochStart() {} } as never)).toThrow(/nobody calls "onEpochStart"/);
  expect(callbacks.lambdaCallback).toBe(lambdaCallback);
});

test("modelCheckpoint names its files as Keras does, and what it writes is read back", async () => {
  const folder = await mkdtemp(join(tmpdir(), "tensorloom-checkpoints-"));
  try {
    const net = await line("js", 3);
    const losses = [2.0353, 1.9828, 2.5];
    const best = scripted(
      modelCheckpoint(join(folder, "w.{epoch:02d}-{val_loss:.2f}.safetensors"), { saveBestOnly: true }),
      losses,
    );
    const weights = modelCheckpoint(join(folder, "deep", "s.{epoch}-{batch:03d}.npz"), {
      saveWeightsOnly: true,
      saveFreq: 2,
    });
    await net.fit({ x, y, epochs: 3, shuffle: false, callbacks: [best, weights] });
    const names = await readdir(folder, { recursive: true });
    expect(names.filter((it) => it !== "deep").map((it) => it.replace(/^deep./, "")).sort()).toEqual([
      "s.1-002.npz", "s.2-001.npz", "s.2-003.npz", "s.3-002.npz", "w.01-2.04.safetensors", "w.02-1.98.safetensors",
    ]); // biome-ignore format: short
    expect(
      fixture.files.names
        .filter((it) => /^[sw]\./.test(it))
        .map((it) => it.replace(/\.[a-z].*$/, ""))
        .sort(),
    ).toEqual(["s.1-002", "s.2-001", "s.2-003", "w.01-2.04", "w.02-1.98"]);
    const again = await loadTrainer(join(folder, "w.02-1.98.safetensors"), { target: "js" });
    const rest = await again.fit({ x, y, epochs: 3, shuffle: false });
    expect(rest.epochs.map(({ epoch }) => epoch)).toEqual([3]);
    expect((await loadWeights(join(folder, "deep", "s.1-002.npz"), again)).missing).toEqual([]);
  } finally {
    await rm(folder, { recursive: true });
  }
});
