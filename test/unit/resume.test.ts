/**
 * Checkpoints of a trainer: a run that goes on in a new process does what the unbroken one did, bit for bit, and whatever
 * does not fit is refused with a reason.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { adam, DataError, decodeCheckpoint, dense, dropout, type FitOptions, sequential, sgd, trainer, UserError } from "../../src/index.ts"; // biome-ignore format: names
import { runScript } from "./run-script.ts";

/** The same for a run that is killed on its way, with all that has a state. */
test.each(["js", "wasm"])(
  "killed and resumed in a new process, to the same bits on %s with one thread",
  async (target) => {
    const folder = await mkdtemp(join(tmpdir(), "tensorloom-killed-"));
    try {
      const path = join(folder, "run.safetensors");
      const run = (...args: readonly string[]) => runScript("test/unit/killed-child.ts", args);
      const [whole, killed] = await Promise.all([run("whole", target), run("killed", target, path, "3")]);
      expect([whole.code, whole.stderr]).toEqual([0, ""]);
      expect(killed).toMatchObject({ code: null, stdout: "", stderr: "" });
      const rest = await run("rest", target, path);
      expect([rest.code, rest.stderr]).toEqual([0, ""]);
      const [wanted, found] = [JSON.parse(whole.stdout), JSON.parse(rest.stdout)];
      expect(wanted.scores).toHaveLength(3);
      expect(found.scores).toEqual(wanted.scores.slice(1));
      expect(found.state).toBe(wanted.state);
    } finally {
      await rm(folder, { recursive: true });
    }
  },
);

async function child(...args: readonly string[]) {
  const { code, stdout, stderr } = await runScript("test/unit/resume-child.ts", args);
  expect(stderr).toBe("");
  expect(code).toBe(0);
  return JSON.parse(stdout) as { readonly scores: readonly unknown[]; readonly state: string };
}

test.each([1, 4, 7])("a new process goes on after step %i of 7, to the same bits", async (step) => {
  const folder = await mkdtemp(join(tmpdir(), "tensorloom-resume-"));
  try {
    const path = join(folder, "run.safetensors");
    const whole = await child("whole", path, String(step));
    const rest = await child("rest", path);
    expect(whole.scores).toHaveLength(4);
    expect(rest.scores).toEqual(whole.scores.slice(1));
    expect(rest.state).toBe(whole.state);
  } finally {
    await rm(folder, { recursive: true });
  }
});

const samples = 20;
const data = {
  x: Float32Array.from({ length: 2 * samples }, (_, i) => Math.sin(3 * i)),
  y: Uint8Array.from({ length: samples }, (_, i) => i % 2),
};
const small = (optimizer = sgd({ momentum: 0.9 }), units = 5) =>
  trainer(sequential([dense(units), dropout(0.3), dense(2, { activation: "softmax" })]), {
    input: [2],
    loss: "softmaxCrossEntropy",
    optimizer,
  });

async function compiled(seed = 1, batch = 4) {
  const net = small();
  await net.compile({ target: "js", batch, seed });
  return net;
}

/** The checkpoint of a run of `epochs` that was stopped after some steps of its second epoch. */
async function stopped(steps = 2, options: Partial<FitOptions> = {}) {
  const net = await compiled();
  const onBatchEnd: NonNullable<FitOptions["callbacks"]>[number]["onBatchEnd"] = ({ epoch, step }, control) => {
    if (epoch === 2 && step === steps) control.stop();
  };
  const { stopped: stop } = await net.fit({ ...data, epochs: 3, ...options, callbacks: [{ onBatchEnd }] });
  expect(stop).toMatchObject({ epoch: 2, step: steps });
  return net.checkpoint();
}

const stateOf = async (net: ReturnType<typeof small>) => net.executable.state.snapshot();

test("a run that was stopped goes on, whatever was evaluated and predicted between", async () => {
  const unbroken = await compiled();
  const { epochs } = await unbroken.fit({ ...data, epochs: 3 });
  const saved = await stopped();
  expect(decodeCheckpoint(saved, "saved").position).toMatchObject({
    epoch: 1,
    batch: 2,
    shuffles: 1,
    samples,
    batchSize: 4,
  });
  const net = await compiled(77);
  await net.restore(saved);
  await net.evaluate(data);
  await net.predict(data);
  const again = await net.checkpoint();
  expect(Buffer.compare(again.subarray(0, 200), saved.subarray(0, 200))).toBe(0);
  const rest = await net.fit({ ...data, epochs: 3 });
  expect(rest.epochs.map(({ epoch, loss }) => [epoch, loss])).toEqual(epochs.slice(1).map(({ epoch, loss }) => [epoch, loss])); // biome-ignore format: rows
  expect(await stateOf(net)).toEqual(await stateOf(unbroken));
});

test("after all epochs the next fit is a new run, as in the process that saved", async () => {
  const first = await compiled();
  await first.fit({ ...data, epochs: 2 });
  const saved = await first.checkpoint();
  await first.fit({ ...data, epochs: 1 });
  const second = await compiled(77);
  await second.restore(saved);
  await second.fit({ ...data, epochs: 1 });
  expect(await stateOf(second)).toEqual(await stateOf(first));
});

test("restore compiles where that was not done, with the seed and the batch of the run", async () => {
  const net = small();
  await net.restore(await stopped());
  expect(net.executable.report.entries[0]?.dims).toEqual({ batch: 4 });
  expect((await net.fit({ ...data, epochs: 3 })).epochs).toHaveLength(2);
});

test("with readings now and then the weights are the same, and the means too but for rounding", async () => {
  const unbroken = await compiled();
  const { epochs } = await unbroken.fit({ ...data, epochs: 3, readEvery: 3 });
  const net = await compiled();
  let saving: Promise<Uint8Array> | undefined;
  const onBatchEnd = () => {
    saving ??= net.checkpoint(); // not waited for: the next step does
  };
  await net.fit({ ...data, epochs: 3, readEvery: 2, callbacks: [{ onBatchEnd }] });
  const saved = (await saving) ?? new Uint8Array();
  expect(decodeCheckpoint(saved, "saved").position).toMatchObject({ epoch: 0, batch: 2 });
  await net.restore(saved);
  const rest = await net.fit({ ...data, epochs: 3, readEvery: 3 });
  expect(await stateOf(net)).toEqual(await stateOf(unbroken));
  for (const [i, { loss }] of rest.epochs.entries()) expect(loss).toBeCloseTo(epochs[i]?.loss ?? 0, 6);
});

test("other batches than the run began with are refused, each difference named", async () => {
  const net = await compiled(1, 5);
  await net.restore(await stopped());
  await expect(net.fit({ ...data, epochs: 3 })).rejects.toThrow("batch was 4 and is 5");
  const other = { x: data.x.subarray(0, 20), y: data.y.subarray(0, 10) };
  const wrong = net.fit({ ...other, batch: 4, epochs: 3, seed: 2, shuffle: false });
  await expect(wrong).rejects.toThrow(
    "epoch 2 after 2 batches, and this fit would see other batches: samples was 20 and is 10, shuffle was true and is false",
  );
  await expect(net.fit({ ...data, batch: 4, epochs: 3, seed: 2 })).rejects.toThrow(UserError);
  const { epochs } = await net.fit({ ...data, batch: 4, epochs: 3 });
  expect(epochs).toHaveLength(2);
});

test("fewer epochs than the run has begun are refused, not taken for its end", async () => {
  const net = await compiled();
  await net.restore(await stopped());
  await expect(net.fit({ ...data, epochs: 1 })).rejects.toThrow("epochs is 1, and the run that goes on is in epoch 2");
  expect((await net.fit({ ...data, epochs: 2 })).epochs).toHaveLength(1);
});

test("newRun takes the weights alone", async () => {
  const net = await compiled(1, 5);
  await net.restore(await stopped(), { newRun: true });
  expect((await net.fit({ ...data, epochs: 3 })).epochs).toHaveLength(3);
});

test("another model or optimizer is refused, and nothing is changed", async () => {
  const saved = await stopped();
  const net = small(adam() as never);
  await net.compile({ target: "js", batch: 4 });
  const before = await stateOf(net);
  await expect(net.restore(saved)).rejects.toThrow(DataError);
  await expect(net.restore(saved)).rejects.toThrow("the program has opt.t u32[], the checkpoint nothing of that name");
  await expect(small(undefined, 6).restore(saved)).rejects.toThrow(
    "model.dense1.kernel f32[2,5], the program f32[2,6]",
  );
  expect(await stateOf(net)).toEqual(before);
  const renamed = small({ ...sgd({ momentum: 0.9 }), name: "mine" }).restore(saved);
  await expect(renamed).rejects.toThrow("the checkpoint has the optimizer sgd, the program mine");
});

test("an evaluation that nobody waited for ends on the weights it began with before others are put back", async () => {
  const saved = await stopped();
  const net = await compiled(77);
  const wanted = await net.evaluate(data);
  const evaluated = net.evaluate(data);
  await net.restore(saved);
  expect(await evaluated).toEqual(wanted);
  expect(await net.evaluate(data)).not.toEqual(wanted);
});

test("two first fits at once share one compilation, and the second is refused", async () => {
  const net = small();
  const running = net.fit({ ...data, epochs: 2 });
  await expect(net.fit({ ...data, epochs: 2 })).rejects.toThrow("another fit of this trainer is under way");
  expect((await running).epochs).toHaveLength(2);
});

test("one thing at a time: no restore and no second fit while fit runs", async () => {
  const saved = await stopped();
  const net = await compiled();
  const running = net.fit({ ...data, epochs: 2 });
  await expect(net.restore(saved)).rejects.toThrow("a fit is under way");
  await expect(net.fit(data)).rejects.toThrow("another fit of this trainer is under way");
  expect((await running).epochs).toHaveLength(2);
});
