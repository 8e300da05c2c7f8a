/**
 * What x is multiplied by: nothing unless it is pixels or somebody asks; the same in prediction as in training; and never a guess
 * where numbers may mean two things.
 */
import { describe, expect, test } from "vitest";
import { syntheticDigits } from "../../src/data/digits.ts";
import { decodeCheckpoint, dense, encodeCheckpoint, FeedError, type FitOptions, Pixels, sgd, type Trainer, trainer, trainerFrom } from "../../src/index.ts"; // biome-ignore format: names

const bytes = Uint8Array.of(0, 100, 150, 200);
const hundredths = Float32Array.from(bytes, (value) => value / 100);

/** y = x / 100, as a line through the numbers that the model sees. */
async function trained(data: Pick<FitOptions, "x" | "scale">, target: "js" | "wasm" = "js") {
  const net = trainer(dense(1), { input: [1], loss: "meanSquaredError", optimizer: sgd({ learningRate: 0 }) });
  await net.compile({ target, batch: 4 });
  await net.fit({ ...data, y: hundredths, epochs: 1 });
  net.executable.state.write("model.kernel", [1]); // so that it predicts what it sees
  return net;
}

const seen = async (net: Trainer, x: FitOptions["x"], scale?: number) =>
  Array.from(
    await net.predict({ x, ...(scale === undefined ? {} : { scale }) }),
    (value) => Math.round(value * 1e4) / 1e4,
  );
const refusal = async (net: Trainer, x: FitOptions["x"]) =>
  net.predict({ x }).then(
    () => "taken",
    (error: unknown) => (error instanceof FeedError ? error.message : String(error)),
  );

describe.each(["js", "wasm"] as const)("on %s", (target) => {
  test("bytes, floats and lists of the same numbers are the same", async () => {
    for (const x of [bytes, Float32Array.from(bytes), Array.from(bytes)]) {
      const net = trainer(dense(1), { input: [1], loss: "meanSquaredError", optimizer: sgd({ learningRate: 3e-5 }) });
      await net.compile({ target, batch: 4 });
      await net.fit({ x, y: hundredths, epochs: 300 });
      for (const given of [Uint8Array.of(100), Float32Array.of(100), Float64Array.of(100), Int32Array.of(100), [100]]) {
        expect((await net.predict({ x: given }))[0]).toBeCloseTo(1, 2);
        expect((await net.evaluate({ x: given, y: [1] })).loss).toBeLessThan(1e-4);
      }
      net.dispose();
    }
  });

  test("pixels are taken from 0 to 1, in training and after it", async () => {
    const net = await trained({ x: new Pixels(bytes) }, target);
    expect(await seen(net, Pixels.of(255, 51))).toEqual([1, 0.2]);
    expect(await seen(net, Uint8Array.of(255, 51))).toEqual([1, 0.2]);
    expect(await seen(net, Uint8ClampedArray.of(255, 51))).toEqual([1, 0.2]); // of a canvas
    net.dispose();
  });
});

test.each(["meanSquaredError", "sigmoidCrossEntropy"] as const)(
  "pixels are taken from 0 to 1 as targets too: an autoencoder's %s",
  async (loss) => {
    const lossOf = async (y: FitOptions["y"]) => {
      const net = trainer(dense(1), { input: [1], loss, optimizer: sgd({ learningRate: 0.1 }) });
      await net.compile({ target: "js", batch: 4, seed: 1 });
      const { epochs } = await net.fit({ x: new Pixels(bytes), y, epochs: 2 });
      return [...epochs.map((epoch) => epoch.loss), (await net.evaluate({ x: new Pixels(bytes), y })).loss];
    };
    expect(await lossOf(new Pixels(bytes))).toEqual(await lossOf(Float32Array.from(bytes, (value) => value / 255)));
    await expect(lossOf(Pixels.of(1))).rejects.toThrow("y has 1 numbers for the 4 samples of x");
  },
);

test("pixels are pixels in parts and copies of them too, and the digits are some", () => {
  const { train } = syntheticDigits({ train: 10, test: 10 });
  expect(
    [train.images, train.images.subarray(0, 784), train.images.slice(784)].map((it) => it instanceof Pixels),
  ).toEqual([true, true, true]);
  expect(train.images.subarray(784)).toHaveLength(9 * 784);
});

describe("a scale that was asked for", () => {
  test("holds for what comes in the same form", async () => {
    const net = await trained({ x: bytes, scale: 1 / 255 });
    expect(await seen(net, Uint8Array.of(255))).toEqual([1]);
    expect(await seen(net, Pixels.of(255))).toEqual([1]);
    expect(await seen(net, Uint8Array.of(255), 1)).toEqual([255]);
    const raw = await trained({ x: new Pixels(bytes), scale: 1 });
    expect([await seen(raw, Pixels.of(255)), await seen(raw, Uint8Array.of(255)), await seen(raw, [255])]).toEqual([
      [255],
      [255],
      [255],
    ]);
    const floats = await trained({ x: Float32Array.from(bytes), scale: 0.01 });
    expect([await seen(floats, [100]), await seen(floats, Uint8Array.of(100))]).toEqual([[1], [1]]);
  });

  test("also for the validation of the same fit, and the next fit", async () => {
    const net = trainer(dense(1), { input: [1], loss: "meanAbsoluteError", optimizer: sgd({ learningRate: 0 }) });
    await net.compile({ target: "js", batch: 4 });
    net.executable.state.write("model.kernel", [1]);
    const validation = { x: Uint8Array.of(200), y: [2] };
    const { epochs } = await net.fit({ x: bytes, scale: 0.01, y: hundredths, validation });
    expect([epochs[0]?.loss, epochs[0]?.validation?.loss]).toEqual([expect.closeTo(0), expect.closeTo(0)]);
    expect((await net.fit({ x: bytes, y: hundredths })).epochs[0]?.loss).toBeCloseTo(0);
  });
});

describe("scaled and unscaled are not mixed without a word", () => {
  test("after scaled bytes: floats within their range are scaled already, others are refused", async () => {
    const net = await trained({ x: new Pixels(bytes) });
    expect(await seen(net, Float32Array.of(0, 0.5, 1))).toEqual([0, 0.5, 1]);
    const message =
      "predict: x has numbers as large as 100, and the bytes it was trained on were multiplied by 1/255, to at most 1: say what x is to be multiplied by, scale: 1/255 for pixels or scale: 1 for numbers as they are";
    expect((await refusal(net, Float32Array.of(0, 100))).split("\n")[0]).toBe(message);
    await expect(net.evaluate({ x: [0, 100], y: [0, 1] })).rejects.toThrow(message.replace("predict", "evaluate"));
    await expect(net.fit({ x: [0, 100], y: [0, 1] })).rejects.toThrow(message.replace("predict", "fit"));
    expect(await seen(net, [0, 255], 1 / 255)).toEqual([0, 1]);
    expect(await seen(net, [0, 100], 1)).toEqual([0, 100]);
  });

  test("after unscaled numbers: pixels are refused, unless the numbers were from 0 to 1", async () => {
    const raw = await trained({ x: Float32Array.from(bytes) });
    expect(await refusal(raw, Pixels.of(100))).toMatch(/^predict: x is pixels, which are taken from 0 to 1, and it was trained on numbers as large as 200: say/); // biome-ignore format: short
    expect(await seen(raw, Uint8Array.of(100))).toEqual([100]);
    const scaled = await trained({ x: Float32Array.from(bytes, (value) => value / 255) });
    expect(await seen(scaled, Pixels.of(255))).toEqual([1]);
    expect(await refusal(scaled, Uint8Array.of(100))).toMatch(/^predict: x is bytes up to 100, and it was trained on numbers up to 0\.78\d*: say/); // biome-ignore format: short
    expect(await seen(scaled, Uint8Array.of(0, 1))).toEqual([0, 1]);
  });

  test("compiled again it is remembered, and started afresh it is not", async () => {
    const net = await trained({ x: bytes, scale: 1 / 255 });
    await net.compile({ target: "js" });
    expect(await seen(net, Uint8Array.of(255))).toEqual([1]);
    await net.compile({ target: "js", fresh: true });
    net.executable.state.write("model.kernel", [1]);
    expect(await seen(net, Uint8Array.of(255))).toEqual([255]);
  });
});

describe("a checkpoint", () => {
  /** The same without, or with another, note of the scale. */
  async function noted(net: Trainer, note: string | null) {
    const { fingerprint, state, seed, notes } = decodeCheckpoint(await net.checkpoint(), "saved");
    const changed = new Map(notes);
    changed.delete("input_scales");
    if (note !== null) changed.set("input_scales", note);
    return encodeCheckpoint({ fingerprint, state, seed, notes: changed });
  }

  test("remembers it", async () => {
    for (const [data, sees] of [
      [{ x: bytes, scale: 0.01 }, 2],
      [{ x: new Pixels(bytes) }, 200 / 255],
      [{ x: bytes }, 200],
    ] as const) {
      // biome-ignore format: short
      const again = await trainerFrom(await (await trained(data)).checkpoint(), { target: "js" });
      expect((await again.predict({ x: Uint8Array.of(200) }))[0]).toBeCloseTo(sees, 4);
      const twice = await trainerFrom(await again.checkpoint(), { target: "js" });
      expect((await twice.predict({ x: Uint8Array.of(200) }))[0]).toBeCloseTo(sees, 4);
    }
    const net = await trained({ x: bytes });
    await net.restore(await (await trained({ x: bytes, scale: 0.01 })).checkpoint());
    expect(await seen(net, Uint8Array.of(200))).toEqual([2]);
  });

  test("of a run whose x has an infinity can be read", async () => {
    const net = trainer(dense(1), { input: [1], loss: "meanSquaredError", optimizer: sgd({ learningRate: 0 }) });
    await net.compile({ target: "js", batch: 4 });
    await net.fit({ x: [1, 2, Number.POSITIVE_INFINITY], y: [1, 2, 3], onNaN: "ignore" });
    const again = await trainerFrom(await net.checkpoint(), { target: "js" });
    expect(await refusal(again, Pixels.of(255))).toMatch(/trained on numbers as large as 2:/);
  });

  test("from before it was remembered: bytes must say what they are, pixels and floats need not", async () => {
    const net = await trainerFrom(await noted(await trained({ x: bytes }), null), { target: "js" });
    expect(await refusal(net, Uint8Array.of(200))).toMatch(
      /^predict: x is bytes, and the file that the weights are from does not say what/,
    );
    expect([
      await seen(net, Uint8Array.of(255), 1 / 255),
      await seen(net, Pixels.of(255)),
      await seen(net, [2]),
    ]).toEqual([[1], [1], [2]]);
    const again = await trainerFrom(await net.checkpoint(), { target: "js" });
    expect(await refusal(again, Uint8Array.of(200))).toMatch(/does not say/);
    await again.fit({ x: bytes, scale: 0.01, y: hundredths });
    expect(await seen(again, Uint8Array.of(200))).toEqual([2]);
  });

  test.each(["", "[", "{}", "[1]", '[{"name":"","scale":"1","bytes":true,"largest":1}]', '[{"name":""}]'])(
    "with the note %j is refused, and nothing is changed",
    async (note) => {
      const net = await trained({ x: bytes, scale: 0.01 });
      await expect(net.restore(await noted(net, note))).rejects.toThrow(/^restore: (the )?input scales/);
      expect(await seen(net, Uint8Array.of(200))).toEqual([2]);
    },
  );

  test("of weights alone does not say", async () => {
    const weights = await (await trained({ x: bytes, scale: 0.01 })).weights();
    const net = trainer(dense(1), { input: [1], loss: "meanSquaredError", optimizer: sgd() });
    await net.compile({ target: "js", batch: 4 });
    await net.loadWeights(weights);
    expect(await refusal(net, Uint8Array.of(200))).toMatch(/the file that the weights are from does not say/);
    expect(await seen(net, Uint8Array.of(200), 0.01)).toEqual([2]);
    const same = await trained({ x: bytes, scale: 0.1 });
    await same.loadWeights(weights);
    expect(await seen(same, Uint8Array.of(200))).toEqual([20]);
  });

  test("of other inputs says nothing of these", async () => {
    const net = await trainerFrom(await noted(await trained({ x: bytes }), "[]"), { target: "js" });
    expect(await refusal(net, Uint8Array.of(200))).toMatch(/does not say/);
  });
});
