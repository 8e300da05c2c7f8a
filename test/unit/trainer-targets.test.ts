/**
 * Targets that cannot be: found before the first step, with the sample's place in the user's array, whatever would have shuffled it.
 */
import { describe, expect, test } from "vitest";
import { dense, FeedError, type FitOptions, i32, model, oneHot, reshape, sequential, sgd, square, sub, type Tensor, trainer, u8 } from "../../src/index.ts"; // biome-ignore format: names

const count = 90;
const x = Float32Array.from({ length: 2 * count }, (_, i) => Math.sin(3 * i));
const labels = () => Array.from({ length: count }, (_, i) => i % 3);
const withLabel = (at: number, label: number) => labels().with(at, label);

async function classifier(target: "js" | "wasm" = "js") {
  const net = trainer(sequential([dense(3, { activation: "softmax" })]), {
    input: [2],
    loss: "softmaxCrossEntropy",
    optimizer: sgd(),
  });
  await net.compile({ target, batch: 16, seed: 2 });
  return net;
}

/** What `fit` says; the states must be what they were. */
async function refusal(net: Awaited<ReturnType<typeof classifier>>, options: Partial<FitOptions>): Promise<string> {
  const before = await net.executable.state.snapshot();
  let steps = 0;
  const count = { onBatchEnd: () => void steps++ };
  const error: unknown = await net.fit({ x, y: labels(), epochs: 2, callbacks: [count], ...options }).then(
    () => "it was taken",
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(FeedError);
  expect(steps).toBe(0);
  expect(await net.executable.state.snapshot()).toEqual(before);
  const [message = "", line] = (error as Error).message.split("\n");
  expect(line).toMatch(/^ {4}at .*trainer-targets\.test\.ts:/);
  return message;
}

describe("a class label", () => {
  test.each(["js", "wasm"] as const)(
    "out of range, on %s: sample, value and range are named, and nothing is trained",
    async (target) => {
      const net = await classifier(target);
      const message = await refusal(net, { y: withLabel(70, 7) });
      expect(message).toContain("fit: y of sample 70 (the first is 0) is 7: labels go from 0 to 2");
      expect(await refusal(net, { y: Uint8Array.from(withLabel(89, 3)) })).toContain(
        "y of sample 89 (the first is 0) is 3:",
      );
      expect(await refusal(net, { y: withLabel(0, -1) })).toContain("y of sample 0 (the first is 0) is -1:");
      await expect(net.evaluate({ x, y: withLabel(70, 7) })).rejects.toThrow(
        "evaluate: y of sample 70 (the first is 0) is 7:",
      );
      net.dispose();
    },
  );

  test.each([
    [0.5, "is 0.5, which is no i32"],
    [Number.NaN, "is NaN, which is no i32"],
    [Number.POSITIVE_INFINITY, "is Infinity, which is no i32"],
    [2 ** 32, "is 4294967296, which is no i32"],
  ])("%d is none", async (label, message) => {
    const net = await classifier();
    expect(await refusal(net, { y: withLabel(70, label) })).toBe(`fit: y of sample 70 (the first is 0) ${message}`);
    const floats = Float64Array.from(withLabel(5, label));
    expect(await refusal(net, { y: floats })).toBe(`fit: y of sample 5 (the first is 0) ${message}`);
    await expect(net.evaluate({ x, y: floats })).rejects.toThrow(`evaluate: y of sample 5 (the first is 0) ${message}`);
  });

  test("of validation data, and of the part that is split off", async () => {
    const net = await classifier();
    const validation = { x: x.subarray(0, 20), y: labels().slice(0, 10).with(4, 5) };
    expect(await refusal(net, { validation })).toContain(
      "fit: validation: y of sample 4 (the first is 0) is 5: labels",
    );
    const options = { validationSplit: 0.1, y: withLabel(88, 6) };
    expect(await refusal(net, options)).toContain("fit: y of sample 88 (the first is 0) is 6: labels");
    expect(await refusal(net, { ...options, y: withLabel(70, 6) })).toContain(
      "fit: y of sample 70 (the first is 0) is 6",
    );
  });

  test("with class and sample weights", async () => {
    const net = await classifier();
    await net.compile({ target: "js", weighted: true });
    expect(await refusal(net, { classWeight: { 1: 2 }, y: withLabel(70, 7) })).toContain(
      "y of sample 70 (the first is 0) is 7",
    );
    const [sampleWeight, y] = [new Float32Array(count), withLabel(60, 3)];
    expect(await refusal(net, { sampleWeight, y })).toContain("y of sample 60 (the first is 0) is 3");
  });

  test("of one of several outputs, and of several in a sample", async () => {
    const net = trainer(
      model({
        inputs: [2],
        layers: { digit: dense(4), pair: dense(6) },
        call: (given, { digit, pair }) => ({ digit: digit(given), pair: pair(given) }),
      }),
      {
        loss: {
          digit: "softmaxCrossEntropy",
          pair(output, target) {
            const rows = reshape(oneHot(target as Tensor<["batch", 2], "i32">, 3), ["batch", 6]);
            return square(sub(output as Tensor, rows as Tensor) as Tensor) as Tensor;
          },
        },
        target: { digit: u8("batch"), pair: i32("batch", 2) },
        optimizer: sgd(),
      },
    );
    await net.compile({ target: "js", batch: 16 });
    const [digit, pair] = [labels(), Array.from(x, (_, i) => i % 3)];
    const refused = (y: { digit: number[]; pair: number[] }) => expect(net.fit({ x, y })).rejects;
    await refused({ digit: withLabel(70, 4), pair }).toThrow(/^fit: y\.digit of sample 70 \(the first is 0\) is 4: labels go from 0 to 3/); // biome-ignore format: short
    await refused({ digit: withLabel(70, 256), pair }).toThrow("fit: y.digit of sample 70 (the first is 0) is 256, which is no u8"); // biome-ignore format: short
    await refused({ digit, pair: pair.with(141, 3) }).toThrow(
      /^fit: y\.pair of sample 70 \(the first is 0\), number 1 of its 2, is 3: labels go from 0 to 2\n +at .*trainer-targets\.test\.ts/,
    );
    expect((await net.fit({ x, y: { digit, pair } })).epochs).toHaveLength(1);
  });
});

describe("a number", () => {
  test("that is none, for a loss by name", async () => {
    const net = trainer(dense(2), { input: [2], loss: "meanSquaredError", optimizer: sgd() });
    await net.compile({ target: "js", batch: 16 });
    const y = Array.from(x);
    expect(await refusal(net as never, { y: y.with(141, Number.NaN) })).toBe(
      "fit: y of sample 70 (the first is 0), number 1 of its 2, is NaN: it must be a finite f32",
    );
    expect(await refusal(net as never, { y: y.with(3, 1e39) })).toContain(
      "y of sample 1 (the first is 0), number 1 of its 2, is 1e+39",
    );
    expect((await net.fit({ x, y: y.with(3, 3.4e38), onNaN: "ignore" })).epochs).toHaveLength(1);
  });
});
