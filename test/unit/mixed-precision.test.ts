/**
 * Mixed precision: contractions round what they read to f16 and add up f32. What comes out on `js` is known to the bit: products of two
 * f16 numbers, added up in doubles (which is exact here), rounded once; on `wasm` only the order of the sum differs.
 */
import { expect, test } from "vitest";
import { compileOn, stagesOf } from "../../src/compile.ts";
import { syntheticDigits } from "../../src/data/digits.ts";
import { jsTarget, wasmTarget } from "../../src/eager-targets.ts";
import { neededNodes } from "../../src/graph/entry.ts";
import { cast as castOp } from "../../src/graph/ops/map.ts";
import { window as windowOp } from "../../src/graph/ops/window.ts";
import { cast, cholesky, conv, dense, f32, f64, grad, matmul, mul, program, rmsprop, scan, sequential, sum, type Tensor, tanh, trainer, trainerFrom } from "../../src/index.ts"; // biome-ignore format: names
import type { TargetSetup } from "../../src/target-setup.ts";
import { beyondBounds, expected, layered, layeredFeeds, numbers, times } from "../mixed-programs.ts";

async function outputsOn(target: TargetSetup, precision: "f32" | "mixed") {
  const executable = await compileOn(layered, target, { precision });
  const { y, dx, dw } = await executable.run({ entry: "step", feeds: layeredFeeds });
  executable.dispose();
  return { y, dx, dw };
}

test("js: a product and its gradients are those of rounded numbers, to the bit", async () => {
  expect(await outputsOn(jsTarget, "mixed")).toEqual(expected);
  expect((await outputsOn(jsTarget, "f32")).y).not.toEqual(expected.y);
});

test("wasm: the same but for the order of the sums", async () => {
  expect(beyondBounds(await outputsOn(wasmTarget({ threads: 1 }), "mixed"))).toEqual([]);
  expect(beyondBounds(await outputsOn(wasmTarget({ threads: 1 }), "f32"))).not.toEqual([]);
});

test("an operand is rounded once, however many contractions read it, and below its windows", () => {
  const { expanded, shown } = stagesOf(layered, "step", {}, jsTarget, { precision: "mixed" });
  const casts = neededNodes(expanded).filter(({ op }) => op === castOp);
  expect(casts.filter(({ type }) => type.dtype === "f16")).toHaveLength(3); // x, w, slope: read by six factors
  expect(
    shown
      .get("lower")?.()
      .match(/roundHalf\(/g),
  ).toHaveLength(3); // none again where it is read
  const rounded = stagesOf(convolved(false), "step", {}, jsTarget, { precision: "mixed" }).expanded;
  for (const { op, args } of neededNodes(rounded)) if (op === windowOp) expect(args[0]?.op).not.toBe(windowOp);
  const shapes = neededNodes(rounded).flatMap(({ type }) => (type.dtype === "f16" ? [type.shape] : []));
  expect(shapes.toSorted()).toEqual(
    [
      [2, 6, 6, 4],
      [2, 6, 6, 3],
      [3, 3, 3, 4],
    ].toSorted(),
  );
});

/** The same numbers by casts of one's own, of all three factors. */
function convolved(isCast: boolean) {
  const own = <T extends Tensor>(value: T): T => (isCast ? (cast(cast(value, "f16"), "f32") as T) : value);
  return program({
    inputs: { image: f32(2, 6, 6, 3), filter: f32(3, 3, 3, 4), slope: f32(2, 6, 6, 4) },
    step({ image, filter, slope }) {
      const [i, f, s] = [own(image), own(filter), own(slope)];
      const y = conv(i, f, { padding: "same" });
      const { di, df } = grad(sum(mul(y, s)), { di: i, df: f });
      return { outputs: { y, di, df } };
    },
  });
}

test("convolutions and their gradients", async () => {
  const feeds = { image: numbers(216, 5), filter: numbers(108, 6), slope: numbers(288, 7) };
  const results = await Promise.all(
    [true, false].map(async (isCast) => {
      const executable = await compileOn(convolved(isCast), jsTarget, { precision: isCast ? "f32" : "mixed" });
      const { y, di, df } = await executable.run({ entry: "step", feeds });
      executable.dispose();
      return { y, di, df };
    }),
  );
  expect(results[1]).toEqual(results[0]);
});

test("inside of loops, too; not in linear algebra, nor of f64", async () => {
  const looped = program({
    inputs: { start: f32(4, 4), wide: f64(2, 2) },
    step: ({ start, wide }) => ({
      outputs: {
        power: scan((h: Tensor<[4, 4]>) => ({ carry: tanh(matmul(h, start)) }), start, {}, { length: 2 }).carry,
        root: cholesky(matmul(start, start)),
        wide: matmul(wide, wide),
      },
    }),
  });
  const executable = await compileOn(looped, jsTarget, { precision: "mixed" });
  const positive = Float32Array.from({ length: 16 }, (_, i) => (i % 5 === 0 ? 2.00048828125 : 0.1));
  const wide = [1 / 3, 2 / 3, 1 / 7, 2 / 7];
  const { power, root, wide: square } = await executable.run({ entry: "step", feeds: { start: positive, wide } });
  let carry = positive;
  for (let i = 0; i < 2; i++) carry = times(carry, positive, [4, 4, 4]).map(Math.tanh);
  power.forEach((value, i) => {
    expect(value).toBeCloseTo(carry[i] ?? 0, 6);
  });
  const product = times(positive, positive, [4, 4, 4]);
  const back = (i: number, j: number): number => [0, 1, 2, 3].reduce((total, p) => total + (root[4 * i + p] ?? 0) * (root[4 * j + p] ?? 0), 0); // biome-ignore format: short
  for (let i = 0; i < 16; i++) expect(back(Math.floor(i / 4), i % 4)).toBeCloseTo(product[i] ?? 0, 5);
  expect(square[0]).toBeCloseTo(1 / 9 + 2 / 21, 15);
  executable.dispose();
});

test("what f16 cannot hold: infinity from 65520 on, subnormals to multiples of 2^-24", async () => {
  const dot = program({
    inputs: { a: f32(1, 4), b: f32(4, 1) },
    step: ({ a, b }) => ({ outputs: { y: matmul(a, b) } }),
  });
  const run = async (target: TargetSetup, a: readonly number[], b: readonly number[]): Promise<number | undefined> => {
    const executable = await compileOn(dot, target, { precision: "mixed" });
    const { y } = await executable.run({ entry: "step", feeds: { a, b } });
    executable.dispose();
    return y[0];
  };
  for (const target of [jsTarget, wasmTarget({ threads: 1 })]) {
    expect(await run(target, [65519, 0, 0, 0], [1, 0, 0, 0])).toBe(65504);
    expect(await run(target, [65520, 0, 0, 0], [1, 0, 0, 0])).toBe(Number.POSITIVE_INFINITY);
    expect(await run(target, [65520, 0, 0, 0], [0, 0, 0, 0])).toBe(Number.NaN);
    expect(await run(target, [1.5 * 2 ** -24, 2 ** -25, 0.75 * 2 ** -24, 0], [1, 1, 1, 1])).toBe(3 * 2 ** -24);
  }
  const debugged = await compileOn(dot, jsTarget, { precision: "mixed", debug: { nan: true } });
  const overflowing = debugged.run({ entry: "step", feeds: { a: [7e4, 0, 0, 0], b: [1, 0, 0, 0] } });
  await expect(overflowing).rejects.toThrow(/a in \[0, 70000\]; f16 ends at 65504 .*mixed/);
});

const net = (precision: "f32" | "mixed") =>
  trainer(sequential([dense(64, { activation: "relu" }), dense(10, { activation: "softmax" })]), {
    input: [784],
    loss: "softmaxCrossEntropy",
    optimizer: rmsprop(),
    metrics: ["accuracy"],
    precision,
  });

test("a trainer: digits are learnt as well as in f32; the loss is scaled; a file keeps it", async () => {
  const { images, labels } = syntheticDigits({ train: 1500, test: 1, seed: 2 }).train;
  const accuracies: number[] = [];
  for (const precision of ["f32", "mixed"] as const) {
    const one = net(precision);
    await one.compile({ target: "wasm", threads: 1, seed: 3, batch: 100 });
    await one.fit({ x: images, y: labels, epochs: 10, verbose: 0 });
    accuracies.push((await one.evaluate({ x: images, y: labels })).accuracy);
    if (precision === "mixed") {
      expect(await one.executable.state.read("opt.lossScale")).toEqual(Float32Array.of(2 ** 15));
      const again = await trainerFrom(await one.checkpoint(), { target: "wasm", threads: 1 });
      expect(again.program.precision).toBe("mixed");
      again.dispose();
    }
    one.dispose();
  }
  const [f32Accuracy = 0, mixedAccuracy = 0] = accuracies;
  expect(f32Accuracy).toBeGreaterThan(0.9);
  expect(Math.abs(mixedAccuracy - f32Accuracy)).toBeLessThan(0.01);
});

test("a trainer without it cannot be compiled with it", async () => {
  await expect(net("f32").compile({ target: "js", precision: "mixed" })).rejects.toThrow(/option of the trainer/);
});
