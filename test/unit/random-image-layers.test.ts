/** Layers that change images at random: closed forms where the factor leaves no choice, moments and shapes where it does. */
import { describe, expect, test } from "vitest";
import { compile, f32, type Layer, program, randomBrightness, randomContrast, randomCrop, randomFlip, randomRotation, randomTranslation, randomZoom } from "../../src/index.ts"; // biome-ignore format: names

interface Run {
  readonly sample: readonly number[];
  readonly x: readonly number[];
  readonly batch?: number;
  readonly training?: boolean;
  readonly seed?: number;
  readonly target?: "js" | "wasm";
}

/** What it makes of `batch` times the same image. */
async function through(layer: Layer, run: Run): Promise<readonly (readonly number[])[]> {
  const { sample, x, batch = 1, training = true, seed = 1, target = "js" } = run;
  const step = program({
    inputs: { x: f32("batch", ...sample) },
    step: ({ x }) => ({ outputs: { y: layer.apply({}, x, { training }) } }),
  });
  const executable = await compile(step, { target, seed, dims: { batch } });
  const { y } = await executable.run({ entry: "step", feeds: { x: range(batch).flatMap(() => x) } });
  executable.dispose();
  const all = [...(y as unknown as Float32Array)];
  return range(batch).map((i) => all.slice((i * all.length) / batch, ((i + 1) * all.length) / batch));
}

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
const close = (found: readonly number[] = [], wanted: readonly number[] = []): void => {
  expect(found).toHaveLength(wanted.length);
  for (const [i, value] of wanted.entries()) expect(found[i]).toBeCloseTo(value, 3);
};
const meanOf = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0) / list.length;
const image = range(12).map((i) => Math.round(100 * Math.sin(5 * i)));

const every: Readonly<Record<string, Layer>> = {
  randomFlip: randomFlip(),
  randomRotation: randomRotation(0.3),
  randomTranslation: randomTranslation(0.4, [-0.3, 0.2]),
  randomZoom: randomZoom(0.4, { widthFactor: 0.2 }),
  randomCrop: randomCrop(2, 2),
  randomContrast: randomContrast(0.5, { valueRange: [-500, 500] }),
  randomBrightness: randomBrightness(0.5, { valueRange: [-500, 500] }),
};

describe.each(Object.entries(every))("%s", (name, layer) => {
  const run = { sample: [3, 4, 1], x: image, batch: 5 };

  test("the seed says what it draws, on js and wasm, and each image has a draw of its own", async () => {
    const first = await through(layer, run);
    expect(await through(layer, run)).toEqual(first);
    const wasm = await through(layer, { ...run, target: "wasm" });
    for (const [i, one] of first.entries()) close(wasm[i], one);
    expect(await through(layer, { ...run, seed: 2 })).not.toEqual(first);
    expect(new Set(first.map(String)).size).toBeGreaterThan(1);
  });

  test("outside of training nothing is drawn", async () => {
    const found = await through(layer, { ...run, training: false });
    const wanted = name === "randomCrop" ? [1, 2, 5, 6].map((i) => image[i] ?? 0) : image; // the middle
    for (const one of found) expect(one).toEqual(wanted);
  });
});

describe("no choice", () => {
  /** numpy.rot90: out[i][j] = in[j][n - 1 - i]. */
  const turned = (x: readonly number[], n: number): number[] =>
    range(n * n).map((at) => x[(at % n) * n + (n - 1 - Math.floor(at / n))] ?? 0);

  test.each([4, 5])("a quarter of a turn against the clock, of %d x %d", async (n) => {
    const x = range(n * n).map((i) => Math.round(100 * Math.sin(7 * i)));
    for (const interpolation of ["bilinear", "nearest"] as const) {
      const [y] = await through(randomRotation([0.25, 0.25], { interpolation }), { sample: [n, n, 1], x });
      close(y, turned(x, n));
      const [back] = await through(randomRotation([-0.5, -0.5], { interpolation }), { sample: [n, n, 1], x });
      close(back, x.toReversed());
    }
  });

  test.each([
    ["reflect", [2, 1, 1, 2, 3, 4]],
    ["wrap", [5, 6, 1, 2, 3, 4]],
    ["nearest", [1, 1, 1, 2, 3, 4]],
    ["constant", [9, 9, 1, 2, 3, 4]],
  ] as const)("moved to the right, filled by %s", async (fillMode, wanted) => {
    const layer = randomTranslation(0, [1 / 3, 1 / 3], { fillMode, fillValue: 9 });
    const [y] = await through(layer, { sample: [1, 6, 1], x: [1, 2, 3, 4, 5, 6] });
    close(y, wanted);
  });

  test("half an element down is the mean of two", async () => {
    const [y] = await through(randomTranslation([0.125, 0.125], 0), { sample: [4, 1, 1], x: [1, 2, 4, 8] });
    close(y, [1, 1.5, 3, 6]);
  });

  test("zoomed in, a slope is half as steep, and out twice", async () => {
    const run = { sample: [9, 1, 1], x: range(9) };
    close(
      (await through(randomZoom([-0.5, -0.5]), run))[0],
      range(9).map((i) => 4 + (i - 4) / 2),
    );
    close(
      (await through(randomZoom([1, 1]), run))[0]?.slice(2, 7),
      range(5).map((i) => 4 + (i - 2) * 2),
    );
  });

  test("zoomed by a factor of its own for each axis", async () => {
    const layer = randomZoom([0, 0], { widthFactor: [-0.5, -0.5] });
    close((await through(layer, { sample: [9, 1, 1], x: range(9) }))[0], range(9));
    close(
      (await through(layer, { sample: [1, 9, 1], x: range(9) }))[0],
      range(9).map((i) => 4 + (i - 4) / 2),
    );
  });

  test("channels first are moved as channels last are", async () => {
    const given = { sample: [2, 2, 3], x: range(12) };
    const [y] = await through(randomRotation([0.5, 0.5], { dataFormat: "channelsFirst" }), given);
    close(y, [5, 4, 3, 2, 1, 0, 11, 10, 9, 8, 7, 6]);
  });
});

describe("a choice", () => {
  const batch = 600;

  test("two axes are flipped independently: four images, a quarter each", async () => {
    const found = await through(randomFlip(), { sample: [2, 2, 1], x: [1, 2, 3, 4], batch });
    const counts = new Map<string, number>();
    for (const one of found) counts.set(one.join(""), (counts.get(one.join("")) ?? 0) + 1);
    expect([...counts.keys()].sort()).toEqual(["1234", "2143", "3412", "4321"]);
    for (const count of counts.values()) expect(Math.abs(count / batch - 0.25)).toBeLessThan(0.07); // four deviations
  });

  test("a crop is a part of the image, and begins anywhere", async () => {
    const found = await through(randomCrop(2, 3), { sample: [4, 5, 1], x: range(20), batch });
    const starts = new Set(found.map(([first]) => first));
    for (const [first = 0, ...rest] of found) expect(rest.map((it) => it - first)).toEqual([1, 2, 5, 6, 7]);
    expect([...starts].sort((a = 0, b = 0) => a - b)).toEqual([0, 1, 2, 5, 6, 7, 10, 11, 12]);
  });

  test("contrast leaves the mean of a channel and stretches what is around it by a uniform factor", async () => {
    const layer = randomContrast([0.5, 0.2], { valueRange: [-500, 500] });
    const found = await through(layer, { sample: [1, 2, 1], x: [1, 5], batch });
    for (const one of found) expect(meanOf(one)).toBeCloseTo(3, 4);
    const factors = found.map(([low = 0, high = 0]) => (high - low) / 4);
    expect(Math.min(...factors)).toBeGreaterThanOrEqual(0.5);
    expect(Math.max(...factors)).toBeLessThanOrEqual(1.2);
    expect(Math.abs(meanOf(factors) - 0.85)).toBeLessThan(0.035); // four deviations of 0.7 / sqrt(12 * 600)
  });

  test("brightness adds one number to all of an image, and stays in the range", async () => {
    const found = await through(randomBrightness(0.5, { valueRange: [0, 1] }), {
      sample: [1, 2, 1],
      x: [0.5, 0.6],
      batch,
    });
    for (const [a = 0, b = 0] of found) expect(b - a).toBeCloseTo(a >= 0.9 ? 1 - a : 0.1, 5);
    expect(Math.abs(meanOf(found.map(([a = 0]) => a)) - 0.5)).toBeLessThan(0.05);
    const bright = await through(randomBrightness([1, 1], { valueRange: [0, 1] }), { sample: [1, 1, 1], x: [0.5] });
    expect(bright).toEqual([[1]]);
  });
});
