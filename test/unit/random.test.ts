/**
 * Random numbers of the host: the published vectors of the generator, and what is built on it.
 */
import { describe, expect, it, vi } from "vitest";
import { normalFromBits, permutation, RandomStream, threefry2x32, uniformFromBits } from "../../src/core/random.ts";
import { manyWords, moduleBytes, wordsAtOnce } from "../../src/core/threefry-simd.ts";
import { threefryModule } from "../threefry-module.ts";

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

describe("many words at once", () => {
  it("are those of the blocks one by one, with all bits of keys and counters", () => {
    const many = manyWords();
    if (many === null) throw new Error("no SIMD here");
    for (const [key0, key1, counter0, counter1] of [
      [0, 0, 0, 0],
      [0xffffffff, 0x80000000, 0x7fffff00, 0xffffffff],
      [0x13198a2e, 0x03707344, 0xfffffc00, 0x85a308d3],
    ] as const) {
      many.draw(key0 | 0, key1 | 0, counter0 | 0, counter1 | 0);
      for (let block = 0; block < wordsAtOnce / 2; block++) {
        const words = threefry2x32(key0, key1, (counter0 + block) >>> 0, counter1);
        expect([many.words[2 * block], many.words[2 * block + 1]]).toEqual(words);
      }
      const [words, low, width] = [many.words.slice(), 0.1, 3.7];
      many.toUniforms(low, width);
      expect(many.floats).toEqual(Float32Array.from(words, (word) => low + width * uniformFromBits(word)));
    }
  });

  it("come from the module that test/threefry-module.ts writes", () => {
    expect(moduleBytes()).toEqual(threefryModule());
  });
});

describe("normals", () => {
  const word = (share: number): number => Math.round(share * 2 ** 32 - 0.5);

  // Quantiles of the standard normal distribution, from its tables.
  it.each([
    [0.5, 0],
    [0.75, 0.6744897502],
    [0.9, 1.2815515655],
    [0.92, 1.4050715603],
    [0.93, 1.475791028],
    [0.975, 1.9599639845],
    [0.99, 2.326347874],
    [0.999, 3.0902323062],
    [0.99999, 4.264890794],
    [0.9999999, 5.1993375822],
  ])("the quantile of %d", (share, quantile) => {
    // the word is rounded, which far out moves the quantile
    const near = 1e-6 + 1e-9 / (1 - share);
    expect(Math.abs(normalFromBits(word(share)) - quantile)).toBeLessThan(near);
    expect(Math.abs(normalFromBits(word(1 - share)) + quantile)).toBeLessThan(near);
  });

  // Bits that every engine must give: no function in which they differ has a part in them.
  it.each([
    [0, -6.337957427824967],
    [1, -6.166428921067377],
    [5, -5.957506965274244],
    [1000, -5.039851312493642],
    [79_191_230, -2.087131291167751],
    [322_122_546, -1.439531561436602],
    [322_122_547, -1.4395314046140637],
    [2 ** 31, 2.9180995063785865e-10],
    [3_000_000_000, 0.5200680745554893],
    [4_294_967_295, 6.337957427824967],
  ])("the word %d", (word, value) => {
    expect(normalFromBits(word)).toBe(value);
  });

  it("are symmetric, and grow with the word", () => {
    const words = Array.from({ length: 4097 }, (_, i) => Math.min(2 ** 32 - 1, i * 2 ** 20));
    let before = Number.NEGATIVE_INFINITY;
    for (const bits of words) {
      const value = normalFromBits(bits);
      expect(value).toBeGreaterThan(before);
      expect(normalFromBits(2 ** 32 - 1 - bits)).toBe(-value);
      before = value;
    }
    // both sides of where the formulas meet
    for (const edge of [0.075, 0.925]) {
      const [under, over] = [normalFromBits(word(edge) - 300), normalFromBits(word(edge) + 300)];
      expect(over - under).toBeGreaterThan(0);
      expect(over - under).toBeLessThan(2e-6);
    }
    expect([normalFromBits(0), normalFromBits(2 ** 32 - 1)].map(Math.round)).toEqual([-6, 6]);
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
    [0, wordsAtOnce],
    [0, 2 * wordsAtOnce - 1],
    [3, 3 * wordsAtOnce + 6],
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

  it.each([wordsAtOnce - 1, wordsAtOnce, 2 * wordsAtOnce + 5])(
    "fill %i numbers of float32 alike with SIMD instructions and without, in other parts too",
    (count) => {
      const fill = (): readonly Float32Array[] => {
        const random = new RandomStream(2 ** 40 + 3, "w");
        const drawn = [new Float32Array(count), new Float32Array(count), new Float32Array(count)] as const;
        random.fillUniform(drawn[0], -0.3, 1.7);
        random.restart(2 ** 31 + 5);
        random.fillNormal(drawn[1], 1, 0.1);
        random.fillUniform(drawn[2], 0, 1);
        return drawn;
      };
      const many = fill();
      vi.stubGlobal("WebAssembly", undefined);
      const alone = fill();
      vi.unstubAllGlobals();
      expect(many).toEqual(alone);
      const called = new RandomStream(2 ** 40 + 3, "w");
      expect(many[0]).toEqual(Float32Array.from({ length: count }, () => called.uniform(-0.3, 1.7)));
    },
  );

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
