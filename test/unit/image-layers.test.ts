/** Layers that resize images, against closed forms. */
import { describe, expect, test } from "vitest";
import { compile, f32, type Layer, program, resizing } from "../../src/index.ts";

async function through(layer: Layer, sample: readonly number[], x: readonly number[]): Promise<readonly number[]> {
  const step = program({
    inputs: { x: f32(1, ...sample) },
    step: ({ x }) => ({ outputs: { y: layer.apply({}, x) } }),
  });
  const executable = await compile(step, { target: "js" });
  const { y } = await executable.run({ entry: "step", feeds: { x } });
  executable.dispose();
  return [...(y as Float32Array)];
}

const range = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i);

describe("resizing", () => {
  const sizes = [5, 8, 11, 24];

  test.each(sizes)("bicubic gives a parabola as it is, away from the borders: 8 to %d", async (size) => {
    const at = (i: number, of: number): number => ((i + 0.5) * 8) / of;
    const y = await through(
      resizing(1, size, { interpolation: "bicubic" }),
      [1, 8, 1],
      range(8).map((i) => at(i, 8) ** 2),
    );
    for (const i of range(size)) {
      const place = at(i, size);
      if (place > 2 && place < 6) expect(y[i]).toBeCloseTo(place ** 2, 4);
    }
  });

  test.each(sizes)("bilinear and lanczos give a constant as it is, at the borders too: 8 to %d", async (size) => {
    for (const interpolation of ["bilinear", "bicubic", "lanczos3", "lanczos5", "area", "nearest"] as const) {
      for (const antialias of [false, true]) {
        const y = await through(
          resizing(size, size, { interpolation, antialias }),
          [8, 8, 1],
          range(64).map(() => 3),
        );
        expect(Math.max(...y.map((it) => Math.abs(it - 3)))).toBeLessThan(1e-5);
      }
    }
  });

  test("area keeps the mean, whatever the size", async () => {
    const x = range(12).map((i) => Math.sin(3 * i));
    const mean = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0) / list.length;
    for (const size of [3, 5, 7, 12, 18]) {
      const y = await through(resizing(1, size, { interpolation: "area" }), [1, 12, 1], x);
      expect(mean(y)).toBeCloseTo(mean(x), 5);
    }
  });

  test("an element that is not taken is not looked at", async () => {
    const y = await through(resizing(1, 2), [1, 8, 1], [Number.NaN, 1, 2, 3, 4, Number.POSITIVE_INFINITY, 6, 7]);
    expect(y).toEqual([1.5, Number.POSITIVE_INFINITY]);
  });
});
