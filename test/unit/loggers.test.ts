/**
 * Callbacks that write: TensorBoard's folders as Keras fills them, CSV, JSON lines. Each is read back.
 */
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type Callback, csvLogger, dense, globalNorm, jsonLogger, readEvents, rmsprop, sequential, tensorBoard, trainer, UserError } from "../../src/node.ts"; // biome-ignore format: names

const newFolder = (): string => mkdtempSync(join(tmpdir(), "tensorloom-loggers-"));
const x = Float32Array.from({ length: 40 }, (_, i) => Math.sin(i));
const y = Int32Array.from({ length: 20 }, (_, i) => i % 3);

async function classifier() {
  const net = trainer(sequential([dense(4, { activation: "relu" }), dense(3, { activation: "softmax" })]), {
    input: [2],
    loss: "softmaxCrossEntropy",
    metrics: ["accuracy"],
    optimizer: rmsprop({ learningRate: 0.01 }),
    watch: {
      gradientNorm: ({ gradients }) => globalNorm(gradients),
      "dense1/kernel": ({ gradient }) => gradient("dense1.kernel"),
    },
  });
  await net.compile({ target: "js", batch: 8, seed: 1 });
  return net;
}

/** Two epochs of two batches, validated. */
const short = { x, y, epochs: 2, validationSplit: 0.2 };

/** Two epochs of three, stopped in the second after its first batch; and the next process's trainer. */
async function stopped(callbacks: readonly Callback[]) {
  const net = await classifier();
  const kept: Uint8Array[] = [];
  const keep: Callback = {
    async onBatchEnd({ epoch, step }) {
      if (epoch === 2 && step === 1) kept.push(await net.checkpoint());
    },
  };
  await net.fit({ ...short, epochs: 3, callbacks: [...callbacks, keep] });
  const again = await classifier();
  await again.restore(kept[0] ?? new Uint8Array());
  return again;
}

async function refused(run: () => unknown): Promise<string> {
  const error: unknown = await Promise.resolve().then(run).then(() => null, (thrown: unknown) => thrown); // biome-ignore format: short
  if (!(error instanceof UserError)) throw new Error(`no UserError, but ${String(error)}`);
  return error.message;
}

describe("tensorBoard", () => {
  const steps = (points: readonly { readonly step: number }[] | undefined) => points?.map(({ step }) => step);

  test("writes what Keras's callback does, under its names", async () => {
    const logDir = newFolder();
    const net = await classifier();
    const { epochs } = await net.fit({ ...short, callbacks: [tensorBoard({ logDir })] });
    const [train, validation] = [await readEvents(join(logDir, "train")), await readEvents(join(logDir, "validation"))];
    expect([...train.scalars.keys()].sort()).toEqual(["epoch_accuracy", "epoch_gradientNorm", "epoch_learning_rate", "epoch_loss"]); // biome-ignore format: short
    expect([...validation.scalars.keys()].sort()).toEqual([
      "epoch_accuracy", "epoch_loss", "evaluation_accuracy_vs_iterations", "evaluation_loss_vs_iterations",
    ]); // biome-ignore format: names
    expect(steps(train.scalars.get("epoch_loss"))).toEqual([0, 1]);
    expect(steps(validation.scalars.get("evaluation_loss_vs_iterations"))).toEqual([2, 4]);
    const losses = (points: readonly { readonly value: number }[] | undefined) => points?.map(({ value }) => value);
    expect(losses(train.scalars.get("epoch_loss"))).toEqual(epochs.map(({ loss }) => Math.fround(loss)));
    expect(losses(validation.scalars.get("epoch_loss"))).toEqual(epochs.map((epoch) => Math.fround(epoch.validation?.loss ?? 0))); // biome-ignore format: short
    expect([train.graphs.length, train.histograms.size, validation.graphs.length]).toEqual([1, 0, 0]);
  });

  test("batches, histograms of weights and of what is watched, pictures, hyper-parameters", async () => {
    const logDir = newFolder();
    const net = await classifier();
    const options = {
      updateFreq: 2,
      histogramFreq: 2,
      writeImages: true,
      writeGraph: false,
      writeStepsPerSecond: true,
    };
    await net.fit({ ...short, epochs: 3, callbacks: [tensorBoard({ logDir, ...options, hparams: { units: 4 } })] });
    const train = await readEvents(join(logDir, "train"));
    expect(steps(train.scalars.get("batch_loss"))).toEqual([2, 4, 6]);
    expect([...train.scalars.keys()].filter((tag) => tag.startsWith("batch_")).sort()).toEqual([
      "batch_accuracy", "batch_gradientNorm", "batch_loss", "batch_steps_per_second",
    ]); // biome-ignore format: names
    expect(steps(train.histograms.get("dense1/kernel/histogram"))).toEqual([0, 2]);
    expect([...train.histograms.keys()].sort()).toEqual([
      "dense1/bias/histogram", "dense1/kernel/histogram", "dense2/bias/histogram", "dense2/kernel/histogram",
      "watch/dense1/kernel/histogram",
    ]); // biome-ignore format: names
    const counted = train.histograms
      .get("dense2/kernel/histogram")?.[0]
      ?.value.reduce((sum, { count }) => sum + count, 0);
    expect(counted).toBe(12);
    expect(train.images.get("dense1/kernel/image")?.[0]?.value).toMatchObject({ width: 4, height: 2 });
    expect(train.images.get("dense2/kernel/image")?.[0]?.value).toMatchObject({ width: 4, height: 3 }); // lying
    expect(train.scalars.get("epoch_steps_per_second")?.every(({ value }) => value > 0)).toBe(true);
    expect(train.graphs).toEqual([]);
    expect((await readEvents(logDir)).hparams).toEqual({ units: 4 });
  });

  test("a run that goes on goes on behind its last step", async () => {
    const logDir = newFolder();
    const again = await stopped([tensorBoard({ logDir, updateFreq: "batch" })]);
    const folder = newFolder();
    await again.fit({ ...short, epochs: 3, callbacks: [tensorBoard({ logDir: folder, updateFreq: "batch" })] });
    const train = await readEvents(join(folder, "train"));
    expect(steps(train.scalars.get("batch_loss"))).toEqual([4, 5, 6]);
    expect(steps(train.scalars.get("epoch_loss"))).toEqual([1, 2]);
  });

  test("a folder that cannot be written is told before the first step, with the line of the call", async () => {
    const path = join(newFolder(), "logs");
    writeFileSync(path, "");
    const net = await classifier();
    const message = await refused(() => net.fit({ ...short, callbacks: [tensorBoard({ logDir: path })] }));
    expect(message).toMatch(/^tensorBoard: .*no event file can be written there: .*\n {4}at .*loggers\.test\.ts/);
    expect(await refused(() => tensorBoard({ updateFreq: 0 }))).toMatch(/updateFreq must be one of "epoch", "batch" or a whole number from 1/); // biome-ignore format: short
  });
});

describe("csvLogger", () => {
  const rowsOf = (path: string): readonly (readonly string[])[] => readFileSync(path, "utf8").trimEnd().split("\n").map((line) => line.split(",")); // biome-ignore format: short

  test("a row for each epoch, numbers in full", async () => {
    const path = join(newFolder(), "deep", "log.csv");
    const { epochs } = await (await classifier()).fit({ ...short, callbacks: [csvLogger(path)] });
    const [header, ...rows] = rowsOf(path);
    expect(header).toEqual(["epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "seconds"]);
    expect(rows.map((row) => row.map(Number))).toEqual(
      epochs.map((epoch) => {
        const { loss, accuracy, validation, learningRate, seconds } = epoch;
        return [epoch.epoch, loss, accuracy, validation?.loss, validation?.accuracy, learningRate, seconds];
      }),
    );
    expect(readFileSync(path, "utf8")).not.toContain("\r");
  });

  test("another run begins anew, or stands behind the first; other columns are refused", async () => {
    const path = join(newFolder(), "log.csv");
    const net = await classifier();
    await net.fit({ ...short, callbacks: [csvLogger(path)] });
    await net.fit({ ...short, callbacks: [csvLogger(path)] });
    expect(rowsOf(path)).toHaveLength(3);
    await net.fit({ ...short, callbacks: [csvLogger(path, { append: true })] });
    expect(rowsOf(path).map(([epoch]) => epoch)).toEqual(["epoch", "1", "2", "1", "2"]);
    const message = await refused(() => net.fit({ x, y, callbacks: [csvLogger(path, { append: true })] }));
    expect(message).toMatch(/^csvLogger: .*its columns are epoch,loss,accuracy,val_loss.* append: false\n {4}at .*loggers\.test\.ts/); // biome-ignore format: short
    await net.fit({ ...short, callbacks: [csvLogger(path, { separator: ";" })] });
    expect(readFileSync(path, "utf8")).toMatch(/^epoch;loss;accuracy;/);
  });

  test("a run that goes on has each epoch once, whatever stood behind the checkpoint", async () => {
    const path = join(newFolder(), "log.csv");
    const again = await stopped([csvLogger(path)]);
    writeFileSync(path, `${readFileSync(path, "utf8").trimEnd().slice(0, -5)}`); // a row that was cut off
    await again.fit({ ...short, epochs: 3, callbacks: [csvLogger(path)] });
    expect(rowsOf(path).map(([epoch]) => epoch)).toEqual(["epoch", "1", "2", "3"]);
  });

  test("NaN and infinities", async () => {
    const path = join(newFolder(), "log.csv");
    const net = await classifier();
    const far = Float32Array.from(x, () => Number.POSITIVE_INFINITY);
    await net.fit({ x: far, y, onNaN: "ignore", callbacks: [csvLogger(path)] });
    expect(rowsOf(path)[1]?.slice(0, 2)).toEqual(["1", "nan"]);
  });

  test("a path that cannot be written, a separator that is a digit", async () => {
    const net = await classifier();
    const message = await refused(() => net.fit({ ...short, callbacks: [csvLogger("/dev/null/log.csv")] }));
    expect(message).toMatch(/^csvLogger: \/dev\/null\/log\.csv: could not be written: .*\n {4}at .*loggers\.test\.ts/);
    expect(await refused(() => csvLogger("log.csv", { separator: "1" }))).toMatch(/separator must be a character that is in no number/); // biome-ignore format: short
    expect(await refused(() => csvLogger(3 as never))).toMatch(/^csvLogger: the path must be a text, not 3/);
  });
});

describe("jsonLogger", () => {
  const linesOf = (path: string): readonly Readonly<Record<string, unknown>>[] =>
    readFileSync(path, "utf8").trimEnd().split("\n").map((line) => JSON.parse(line)); // biome-ignore format: short

  test("begin, batches, epochs, end", async () => {
    const path = join(newFolder(), "log.jsonl");
    const { epochs } = await (await classifier()).fit({ ...short, callbacks: [jsonLogger(path, { everyBatches: 2 })] });
    const lines = linesOf(path);
    expect(lines.map(({ event }) => event)).toEqual(["begin", "batch", "epoch", "batch", "epoch", "end"]);
    expect(lines[0]).toMatchObject({ epoch: 1, epochs: 2, steps: 2, samples: 16, batch: 8, validates: true });
    expect(lines[1]).toMatchObject({ epoch: 1, step: 2, loss: epochs[0]?.loss });
    expect(lines[2]).toMatchObject({ ...epochs[0] });
    expect(lines[5]).toMatchObject({ epochs: 2, stopped: null });
    expect(lines.every(({ time }) => Math.abs(Date.parse(String(time)) - Date.now()) < 60_000)).toBe(true);
  });

  test("each line is there before the next step, and a run goes on in its file", async () => {
    const path = join(newFolder(), "log.jsonl");
    const seen: number[] = [];
    const look: Callback = { onEpochEnd: () => void seen.push(linesOf(path).length) };
    const again = await stopped([jsonLogger(path), look]);
    expect(seen).toEqual([2, 3, 4]);
    await again.fit({ ...short, epochs: 3, callbacks: [jsonLogger(path)] });
    const epochs = linesOf(path).filter(({ event }) => event === "epoch");
    expect(epochs.map(({ epoch }) => epoch)).toEqual([1, 2, 3]);
    expect(linesOf(path).map(({ event }) => event)).toEqual([
      "begin",
      "epoch",
      "end",
      "begin",
      "epoch",
      "epoch",
      "end",
    ]);
  });

  test("NaN is a text", async () => {
    const path = join(newFolder(), "log.jsonl");
    const far = Float32Array.from(x, () => Number.POSITIVE_INFINITY);
    await (await classifier()).fit({ x: far, y, onNaN: "ignore", callbacks: [jsonLogger(path)] });
    expect(linesOf(path)[1]).toMatchObject({ event: "epoch", loss: "NaN" });
  });
});
