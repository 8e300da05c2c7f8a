/**
 * The digits we draw ourselves: the same for a seed, all classes, and neither trivial nor noise.
 */
import { describe, expect, it } from "vitest";
import { syntheticDigits } from "../../src/data/digits.ts";
import { dense, rmsprop, sequential, trainer } from "../../src/index.ts";

describe("synthetic digits", () => {
  const { train, test } = syntheticDigits({ seed: 5, train: 4000, test: 1000 });

  it("are 28x28 bytes with labels 0 to 9, about as many of each", () => {
    expect(train.images).toHaveLength(4000 * 784);
    const counts = Array.from({ length: 10 }, (_, digit) => train.labels.filter((label) => label === digit).length);
    for (const count of counts) expect(Math.abs(count - 400)).toBeLessThan(100);
    const ink = train.images.reduce((sum, pixel) => sum + pixel, 0) / train.images.length / 255;
    expect(ink).toBeGreaterThan(0.05);
    expect(ink).toBeLessThan(0.35);
  });

  it("repeat with the seed, and differ without", () => {
    const again = syntheticDigits({ seed: 5, train: 50, test: 10 });
    expect(again.train.images).toEqual(train.images.slice(0, 50 * 784));
    expect(syntheticDigits({ seed: 6, train: 50, test: 10 }).train.images).not.toEqual(again.train.images);
  });

  // The whole set: a linear model reaches 0.883, the 784-512-10 network 0.994 (5 epochs each).
  it("are harder for a linear model than for a network", { timeout: 120_000 }, async () => {
    const score = async (layers: Parameters<typeof sequential>[0]): Promise<number> => {
      const net = trainer(sequential(layers), {
        input: [784],
        loss: "softmaxCrossEntropy",
        optimizer: rmsprop(),
        metrics: ["accuracy"],
      });
      await net.compile({ target: "js", seed: 1, batch: 50 });
      await net.fit({ x: train.images, y: train.labels, epochs: 4 });
      const { accuracy } = await net.evaluate({ x: test.images, y: test.labels });
      net.dispose();
      return accuracy as number;
    };
    const linear = await score([dense(10, { activation: "softmax" })]);
    const network = await score([dense(64, { activation: "relu" }), dense(10, { activation: "softmax" })]);
    expect(linear).toBeGreaterThan(0.6);
    expect(linear).toBeLessThan(0.93);
    expect(network).toBeGreaterThan(linear + 0.03);
  });
});
