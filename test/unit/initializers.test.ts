/** What states start as: the distributions of the initializers, and their values in every dtype. */
import { describe, expect, test } from "vitest";
import type { DType } from "../../src/core/dtype.ts";
import { RandomStream } from "../../src/core/random.ts";
import {
  cast,
  compile,
  values as given,
  glorotNormal,
  glorotUniform,
  heNormal,
  heUniform,
  type Initializer,
  orthogonal,
  program,
  slot,
} from "../../src/index.ts";

function drawn(initializer: Initializer, seed = 1, name = "w"): Float64Array {
  const into = new Float64Array(initializer.shape.reduce((product: number, size) => product * Number(size), 1));
  initializer.fill(into, seed, name);
  return into;
}

/** The deviation of a normal number that lies within two of its own: Keras divides by it. */
const withinTwo = 0.87962566103423978;

describe("initializers", () => {
  const [fanIn, fanOut] = [300, 100];
  const cutOff = 2 / withinTwo;
  const each = [
    [glorotUniform.name, glorotUniform, 2 / (fanIn + fanOut), Math.sqrt(6 / (fanIn + fanOut))],
    [glorotNormal.name, glorotNormal, 2 / (fanIn + fanOut), cutOff * Math.sqrt(2 / (fanIn + fanOut))],
    [heUniform.name, heUniform, 2 / fanIn, Math.sqrt(6 / fanIn)],
    [heNormal.name, heNormal, 2 / fanIn, cutOff * Math.sqrt(2 / fanIn)],
  ] as const;

  test.each(each)("%s has its variance, and lies within its limit", (_, make, variance, limit) => {
    const values = drawn(make(fanIn, fanOut));
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const square = values.reduce((sum, value) => sum + value * value, 0) / values.length;
    expect(Math.abs(mean)).toBeLessThan(4 * Math.sqrt(variance / values.length));
    expect(Math.abs(square / variance - 1)).toBeLessThan(0.04);
    const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    expect(largest).toBeLessThan(limit);
    expect(largest).toBeGreaterThan(0.99 * limit);
  });

  test.each([
    [[6, 24], 6, (i: number, k: number) => i * 24 + k],
    [[3, 5, 4], 4, (i: number, k: number) => k * 4 + i],
    [[4, 4], 4, (i: number, k: number) => i * 4 + k],
  ])("orthogonal(%j): %i vectors of length 1, at right angles", (shape, count, at) => {
    const made = drawn(orthogonal(...shape));
    const length = made.length / count;
    for (let i = 0; i < count; i++) {
      for (let j = 0; j <= i; j++) {
        let product = 0;
        for (let k = 0; k < length; k++) product += (made[at(i, k)] ?? 0) * (made[at(j, k)] ?? 0);
        expect(product).toBeCloseTo(i === j ? 1 : 0, 12);
      }
    }
  });

  test("follow from the seed and the state's name", () => {
    const made = heNormal(4, 5);
    expect(drawn(made)).toEqual(drawn(made));
    expect(drawn(made, 2)).not.toEqual(drawn(made));
    expect(drawn(made, 1, "v")).not.toEqual(drawn(made));
    const stream = new RandomStream(1, "w");
    expect(stream.normal()).toBeGreaterThan(2); // which is drawn again
    expect(drawn(made)[0]).toBe((Math.sqrt(2 / 4) / withinTwo) * stream.normal());
  });
});

describe("states start as their initializer says", () => {
  const numbers = [1.5, -2, 0.1, 0, 300, -0.4, 1e-7, 70_000];
  const wanted: Readonly<Record<Exclude<DType, "f64">, readonly number[]>> = {
    f32: numbers.map(Math.fround),
    f16: [1.5, -2, 0.0999755859375, 0, 300, -0.39990234375, 1.1920928955078125e-7, Number.POSITIVE_INFINITY],
    bf16: [1.5, -2, 0.10009765625, 0, 300, -0.400390625, 1.0011717677116394e-7, 70144],
    i32: [1, -2, 0, 0, 300, 0, 0, 70_000],
    u32: [1, 0, 0, 0, 300, 0, 0, 70_000],
    u8: [1, 0, 0, 0, 255, 0, 0, 255],
    bool: [1, 1, 1, 0, 1, 1, 1, 1],
  };

  test.each(Object.keys(wanted) as (keyof typeof wanted)[])("%s", async (dtype) => {
    const made = program({
      state: { w: slot(given(numbers, 8), { dtype }) },
      entries: { look: (_, { w }) => ({ outputs: { y: cast(w, "f32") } }) },
    });
    for (const target of ["js", "wasm"] as const) {
      const executable = await compile(made, { target, threads: 1 });
      const { y } = await executable.run({ entry: "look" });
      expect(y, target).toEqual(Float32Array.from(wanted[dtype]));
      executable.dispose();
    }
  });
});

test.each([
  ["nested lists", [[1], [2]], "[1] at position 0 is no number: one list for all"],
  ["texts", ["1", "2"], "at position 0 is no number"],
  ["a hole", Object.assign(new Array(2), { 0: 1 }), "undefined at position 1 is no number"],
  ["BigInt", BigInt64Array.of(1n, 2n), "1n at position 0 is no number"],
  ["bytes without a type", new DataView(new ArrayBuffer(2)), "the numbers must be a list"],
])("values refuses %s", (_, numbers, message) => {
  expect(() => given(numbers as never, 2)).toThrow(message);
});
