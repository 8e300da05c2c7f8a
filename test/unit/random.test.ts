/**
 * Random numbers of the host: the published vectors of the generator, and what is built on it.
 */
import { describe, expect, it } from "vitest";
import { permutation, RandomStream, threefry2x32, uniformFromBits } from "../../src/random.ts";

describe("Threefry-2x32-20", () => {
  // Known answers of the Random123 library (Salmon et al. 2011).
  it.each([
    [[0, 0, 0, 0], [0x6b200159, 0x99ba4efe]],
    [[0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff], [0x1cb996fc, 0xbb002be7]],
    [[0x13198a2e, 0x03707344, 0x243f6a88, 0x85a308d3], [0xc4923a9c, 0x483df7a0]],
  ] as const)("of %j", ([key0, key1, counter0, counter1], words) => {
    expect(threefry2x32(key0, key1, counter0, counter1)).toEqual(words);
  }); // biome-ignore format: a table

  it("gives uniform numbers from 0 to below 1, on a grid of 2^-24", () => {
    expect(uniformFromBits(0)).toBe(0);
    expect(uniformFromBits(0xffffffff)).toBe(1 - 2 ** -24);
    expect(Math.fround(uniformFromBits(0xdeadbeef))).toBe(uniformFromBits(0xdeadbeef));
  });
});

describe("streams", () => {
  const draw = (seed: number, stream: string, count: number): number[] => {
    const random = new RandomStream(seed, stream);
    return Array.from({ length: count }, () => random.uniform());
  };

  it("repeat with the seed and the name, and differ with either", () => {
    expect(draw(1, "w", 50)).toEqual(draw(1, "w", 50));
    expect(draw(1, "w", 50)).not.toEqual(draw(2, "w", 50));
    expect(draw(1, "w", 50)).not.toEqual(draw(1, "b", 50));
  });

  it.each([
    [0, 1],
    [0, 777],
    [1, 4],
    [2, 1000],
    [5, 301],
  ])("after %i draws fill %i numbers with what as many calls give", (before, count) => {
    const streams = (): readonly [RandomStream, RandomStream] => [
      new RandomStream(4, "fill"),
      new RandomStream(4, "fill"),
    ];
    const [filled, called] = streams();
    for (const random of [filled, called]) for (let i = 0; i < before; i++) random.normal();
    const normals = new Float64Array(count);
    filled.fillNormal(normals, 3, 0.5);
    expect([...normals]).toEqual(Array.from({ length: count }, () => 3 + 0.5 * called.normal()));
    const [even, single] = streams();
    for (const random of [even, single]) for (let i = 0; i < before; i++) random.bits();
    const uniforms = new Float64Array(count);
    even.fillUniform(uniforms, -2, 5);
    expect([...uniforms]).toEqual(Array.from({ length: count }, () => single.uniform(-2, 5)));
    expect([filled.bits(), even.bits()]).toEqual([called.bits(), single.bits()]);
  });

  it("have the mean and variance of their distribution", () => {
    const random = new RandomStream(3, "moments");
    const normals = Array.from({ length: 20_000 }, () => random.normal());
    const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
    expect(Math.abs(mean(normals))).toBeLessThan(0.03);
    expect(Math.abs(mean(normals.map((x) => x * x)) - 1)).toBeLessThan(0.05);
    expect(Math.abs(mean(draw(3, "uniform", 20_000)) - 0.5)).toBeLessThan(0.01);
  });

  it("draw integers below n, all of them", () => {
    const random = new RandomStream(4, "integers");
    const seen = new Set(Array.from({ length: 500 }, () => random.integer(7)));
    expect([...seen].sort()).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });
});

describe("permutation", () => {
  it("holds every index once, and differs with seed and epoch", () => {
    const order = permutation(1000, 1, 1);
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
    expect(order).toEqual(permutation(1000, 1, 1));
    expect(order).not.toEqual(permutation(1000, 1, 2));
    expect(order).not.toEqual(permutation(1000, 2, 1));
  });
});
