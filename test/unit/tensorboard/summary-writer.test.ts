/**
 * What a summary writer writes is read back; what TensorBoard would not show is refused where it is written.
 */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { decode } from "fast-png";
import { describe, expect, test } from "vitest";
import { Fields } from "../../../src/io/tensorboard/wire.ts";
import { adam, dense, dropout, f32, matmul, mean, param, program, readEvents, type SummaryWriter, sequential, square, summaryWriter, trainer, UserError, uniform } from "../../../src/node.ts"; // biome-ignore format: names

const newFolder = (): string => mkdtempSync(join(tmpdir(), "tensorloom-summary-"));

async function written(write: (log: SummaryWriter) => void) {
  const folder = join(newFolder(), "logs", "run");
  const log = summaryWriter(folder);
  write(log);
  await log.close();
  return readEvents(folder);
}

test("scalars, NaN and infinities among them, at steps of any size", async () => {
  const values = [0.1, Number.NaN, Number.POSITIVE_INFINITY, -0];
  const { scalars, isCut } = await written((log) => {
    for (const [i, value] of values.entries()) log.scalar("loss", value, 2 ** i - 2);
    log.scalar("loss", 5, Number.MAX_SAFE_INTEGER);
  });
  const points = scalars.get("loss") ?? [];
  expect(points.map(({ value }) => value)).toEqual([...values.map(Math.fround), 5]);
  expect(points.map(({ step }) => step)).toEqual([-1, 0, 2, 6, Number.MAX_SAFE_INTEGER]);
  expect(points.every(({ time }) => Math.abs(time - Date.now() / 1000) < 60)).toBe(true);
  expect(isCut).toBe(false);
});

test("histograms, texts, tables, hyper-parameters, curves", async () => {
  const log = await written((to) => {
    to.hparams({ lr: 0.01, kind: "adam", flag: false }, { metrics: ["loss"] });
    to.histogram(
      "w",
      Float32Array.from({ length: 100 }, (_, i) => i),
      3,
    );
    to.histogram("few", [1, 2, 2], 3, { buckets: 2 });
    to.text("note", "größer **fett** ✓", 0, { description: "why" });
    to.text("table", [["a", "b"], ["c", "d"]], 0); // biome-ignore format: short
    to.prCurve("pr", { labels: [1, 0, 1], predictions: [0.9, 0.5, 0.1], weights: [1, 2, 3] }, 0, { thresholds: 3 });
  });
  expect(log.hparams).toEqual({ lr: 0.01, kind: "adam", flag: false });
  expect(log.histograms.get("w")?.[0]?.value).toHaveLength(30);
  expect(log.histograms.get("few")?.[0]).toMatchObject({ step: 3, value: [{ left: 1, right: 1.5, count: 1 }, { left: 1.5, right: 2, count: 2 }] }); // biome-ignore format: short
  expect(log.texts.get("note")?.[0]?.value).toEqual({ shape: [], texts: ["größer **fett** ✓"] });
  expect(log.texts.get("table")?.[0]?.value.shape).toEqual([2, 2]);
  expect(log.prCurves.get("pr")?.[0]?.value).toMatchObject({ truePositives: [4, 1, 0], falsePositives: [2, 2, 0] });
});

test("images of bytes and of floats, one and several", async () => {
  const grey = Uint8Array.from({ length: 12 }, (_, i) => 20 * i);
  const floats = Float32Array.from({ length: 2 * 2 * 3 * 3 }, (_, i) => i / 35);
  const { images } = await written((log) => {
    log.image("grey", { data: grey, shape: [3, 4] }, 0);
    log.image("colours", { data: floats, shape: [2, 2, 3, 3] }, 0);
  });
  const [one] = images.get("grey") ?? [];
  expect([one?.value.width, one?.value.height]).toEqual([4, 3]);
  const read = decode(one?.value.pngs[0] ?? new Uint8Array());
  expect([read.width, read.height, read.channels, [...read.data]]).toEqual([4, 3, 1, [...grey]]);
  const pngs = images.get("colours")?.[0]?.value.pngs ?? [];
  const pixels = pngs.flatMap((png) => [...decode(png).data]);
  expect(pngs).toHaveLength(2);
  expect(pixels).toEqual([...Uint8ClampedArray.from(floats, (value) => 255 * value)]);
});

describe("a graph", () => {
  interface Drawn {
    readonly name: string;
    readonly op: string;
    readonly inputs: readonly string[];
    readonly sizes: readonly (readonly number[])[];
  }

  async function drawn(...given: Parameters<SummaryWriter["graph"]>): Promise<readonly Drawn[]> {
    const { graphs } = await written((log) => log.graph(...given));
    return new Fields(graphs[0] ?? new Uint8Array()).messages(1).map((node) => {
      const attrs = new Map(node.messages(5).map((entry) => [entry.text(1), entry.message(2)]));
      const shapes = attrs.get("_output_shapes")?.message(1).messages(7) ?? [];
      const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
      const sizes = shapes.map((shape) => shape.messages(2).map((dim) => dim.int(1)));
      return { name: node.text(1), op: node.text(2), inputs: node.raws(3).map(text), sizes };
    });
  }

  function checkWhole(nodes: readonly Drawn[]): void {
    const names = new Set(nodes.map(({ name }) => name));
    expect(names.size).toBe(nodes.length);
    for (const name of names) expect(name).toMatch(/^[A-Za-z0-9.][\w./-]*$/);
    for (const from of nodes.flatMap(({ inputs }) => inputs)) expect(names).toContain(from.split(":")[0]);
  }

  test("of a trainer: layers are boxes, and so are loss and optimizer", async () => {
    const net = trainer(sequential([dense(8, { activation: "relu" }), dropout(0.2), dense(3, { activation: "softmax" })]), {
      input: [4], loss: "softmaxCrossEntropy", optimizer: adam(), metrics: ["accuracy"],
    }); // biome-ignore format: short
    const nodes = await drawn(net);
    checkWhole(nodes);
    const boxes = new Set(nodes.map(({ name }) => name.split("/")[0]));
    expect([...boxes].sort()).toEqual([
      "dense1", "dense2", "gradients", "loss", "next", "optimizer", "other", "outputs", "random", "totals", "x", "y",
    ]); // biome-ignore format: names
    expect(nodes.find(({ name }) => name === "dense1/contract")).toMatchObject({
      inputs: ["x", "dense1/kernel"],
      sizes: [[-1, 8]],
    });
    expect(nodes.some(({ inputs }) => inputs.some((from) => from.endsWith(":1")))).toBe(true); // argmax is a second result
    expect((await drawn(net, { entry: "predict" })).length).toBeLessThan(nodes.length);
  });

  test("of a program of one's own: functions are boxes", async () => {
    const hidden = (x: never, w: never) => square(matmul(x, w));
    const own = program({
      inputs: { x: f32("batch", 4) },
      state: { w: param(uniform(-1, 1, 4, 2)) },
      step: ({ x }, { w }) => ({ outputs: { size: mean(hidden(x as never, w as never)) } }),
    });
    const nodes = await drawn(own);
    checkWhole(nodes);
    expect(nodes.map(({ name }) => name)).toContain("hidden/contract");
    expect(nodes.at(-1)).toMatchObject({ name: "outputs/size", op: "output" });
  });
});

test("files of one folder and second have names of their own, in order; a folder can be written to again", async () => {
  const folder = newFolder();
  const logs = [summaryWriter(folder), summaryWriter(folder)];
  for (const [i, log] of logs.entries()) log.scalar("loss", i, i);
  await Promise.all(logs.map((log) => log.flush()));
  expect(readdirSync(folder).sort()).toEqual(logs.map(({ path }) => basename(path)));
  expect(readdirSync(folder).every((name) => /^events\.out\.tfevents\.\d{10}\./.test(name))).toBe(true);
  expect((await readEvents(folder)).scalars.get("loss")?.map(({ step }) => step)).toEqual([0, 1]);
  for (const log of logs) await log.close();
});

test("whatever was flushed is whole records, while more is written", async () => {
  const log = summaryWriter(newFolder());
  for (let i = 0; i < 50; i++) {
    for (let j = 0; j < 20; j++) log.scalar("loss", j, 20 * i + j);
    if (i % 7 === 0) await log.flush();
    else await new Promise((resolve) => setImmediate(resolve));
    expect((await readEvents(log.path)).isCut).toBe(false);
  }
  await log.close();
  expect((await readEvents(log.path)).scalars.get("loss")).toHaveLength(1000);
});

describe("is refused", () => {
  const log = summaryWriter(newFolder());
  const here = /\n {4}at .*summary-writer\.test\.ts:\d+:\d+$/;
  log.scalar("used", 1, 5);

  test.each<[string, () => void, RegExp]>([
    ["an empty tag", () => log.scalar("", 1, 0), /^scalar: the tag is empty/],
    ["a tag that is none", () => log.scalar(1 as never, 1, 0), /^scalar: the tag must be a text, not 1/],
    ["a value that is no number", () => log.scalar("a", "1" as never, 0), /^scalar: the value must be a number, not "1"/],
    ["a tensor for a number", () => log.scalar("a", new Float32Array(1) as never, 0), /^scalar: the value must be a number/],
    ["more than float32 holds", () => log.scalar("a", 1e300, 0), /^scalar: 1e\+300 is too large for float32/],
    ["no step", () => log.scalar("a", 1, undefined as never), /^scalar: the step must be a whole number, not undefined/],
    ["half a step", () => log.scalar("a", 1, 0.5), /^scalar: the step must be a whole number, not 0\.5/],
    ["a step back", () => log.scalar("used", 1, 4), /^scalar: step 4 of "used" comes after step 5: TensorBoard would drop/],
    ["a tag of another kind", () => log.text("used", "a", 6), /^text: "used" is the tag of a scalar/],
    ["an option that there is not", () => log.histogram("h", [1], 0, { bucket: 3 } as never), /^histogram: there is no option "bucket"; did you mean "buckets"/],
    ["texts for numbers", () => log.histogram("h", ["1"] as never, 0), /^histogram: what is counted must be a list of numbers/],
    ["a bigint", () => log.histogram("h", new BigInt64Array(2) as never, 0), /^histogram: what is counted must be/],
    ["floats up to 255", () => log.image("i", { data: Float32Array.of(0, 255), shape: [1, 2] }, 0), /^image "i": floats of an image are from 0 to 1, and number 1 is 255/],
    ["an image's NaN", () => log.image("i", { data: Float32Array.of(Number.NaN), shape: [1, 1] }, 0), /number 0 is NaN/],
    ["another shape", () => log.image("i", { data: new Uint8Array(3), shape: [2, 2] }, 0), /its shape \[2,2\] has 4 numbers, and its data 3/],
    ["many channels", () => log.image("i", { data: new Uint8Array(5), shape: [1, 1, 5] }, 0), /it has 5 channels/],
    ["ragged rows", () => log.text("t", [["a"], ["b", "c"]], 0), /^text: what is written must be a text/],
    ["labels that are none", () => log.prCurve("p", { labels: [2], predictions: [0] }, 0), /^prCurve: labels are 0 or 1, and number 0 is 2/],
    ["no probabilities", () => log.prCurve("p", { labels: [1], predictions: [1.5] }, 0), /^prCurve: predictions are from 0 to 1/],
    ["fewer predictions", () => log.prCurve("p", { labels: [1, 0], predictions: [1] }, 0), /^prCurve: there are 2 labels and 1 predictions/],
    ["a layer for a program", () => log.graph(dense(3) as never), /^graph takes a program or a trainer/],
    ["a list of hyper-parameters", () => log.hparams({ units: [3] } as never), /^hparams: "units" must be a number, a text or a truth value/],
    ["a folder that is a file's name", () => summaryWriter(join(newFolder(), "tfevents")), /^summaryWriter: .* name it otherwise/],
  ])("%s", (_, run, message) => {
    let found: unknown;
    try {
      run();
    } catch (error) {
      found = error;
    }
    if (!(found instanceof UserError)) throw new Error(`no UserError, but ${String(found)}`);
    expect(found.message).toMatch(message);
    expect(found.message).toMatch(here);
  }); // biome-ignore format: a table

  test("and leaves no trace", async () => {
    await log.close();
    const { scalars, histograms, images } = await readEvents(log.path);
    expect([[...scalars.keys()], histograms.size, images.size]).toEqual([["used"], 0, 0]);
    expect(() => log.scalar("used", 1, 6)).toThrow("this summary writer is closed");
  });
});

describe("a folder that cannot be written", () => {
  test("is a file", () => {
    const path = join(newFolder(), "logs");
    writeFileSync(path, "");
    expect(() => summaryWriter(join(path, "run"))).toThrow(/^summaryWriter: .*no event file can be written there: a part of the path is no folder\n {4}at .*summary-writer\.test\.ts/); // biome-ignore format: short
  });

  test("goes away later: the next call tells", async () => {
    const folder = newFolder();
    const log = summaryWriter(folder);
    rmSync(folder, { recursive: true });
    log.scalar("loss", 1, 0);
    await expect(log.flush()).rejects.toThrow(/could not be written: there is no such file or folder/);
    expect(() => log.scalar("loss", 1, 1)).toThrow(/could not be written/);
  });
});
