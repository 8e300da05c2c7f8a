/**
 * Seeds: all 53 bits count for whatever is drawn, seeds of one word draw what they always drew, and anything else is refused.
 */
import { describe, expect, test } from "vitest";
import { permutation, RandomStream, startOfDraws } from "../../src/core/random.ts";
import { batches } from "../../src/data/dataset.ts";
import { syntheticDigits } from "../../src/data/digits.ts";
import { jsTarget, wasmTarget } from "../../src/eager-targets.ts";
import {
  compileOn,
  dense,
  dropout,
  normal,
  param,
  program,
  randomUniform,
  sequential,
  sgd,
  trainer,
  UserError,
} from "../../src/index.ts";
import type { TargetSetup } from "../../src/target-setup.ts";

const drawing = () =>
  program({
    state: { w: param(normal(0, 1, 3)) },
    step: () => ({ outputs: { a: randomUniform([3]), b: randomUniform([3]) } }),
  });

/** Two calls of it, and its weight. */
async function drawn(target: TargetSetup, seed: number) {
  const executable = await compileOn(drawing(), target, { seed });
  const found: (readonly number[])[] = [];
  for (let call = 0; call < 2; call++) {
    const { a, b } = await executable.run({ entry: "step" });
    found.push(...[a, b].map((numbers) => Array.from(numbers, (value) => value * 2 ** 24)));
  }
  const weights = [...(await executable.state.read("w"))];
  executable.dispose();
  return { found, weights };
}

const bits = Array.from({ length: 53 }, (_, i) => 2 ** i);
/** As many different ones as there are bits, and another for none of them. */
const distinct = (values: readonly unknown[]) => expect(new Set(values.map(String)).size).toBe(54);

// By a Threefry-2x32-20 written in Python: the key is (start[0], stream), the counter (start[1] + call, element).
const known: readonly (readonly [seed: number, draws: readonly (readonly number[])[]])[] = [
  [5, [[5454035, 8816903, 9237447], [10685761, 4630963, 10768090], [9940981, 885000, 12239382], [4320485, 7817835, 2578995]]],
  [2 ** 32 - 1, [[4268233, 3706930, 11132725], [8597274, 13004453, 142607], [3177771, 15798893, 3723217], [15969057, 4743806, 6202660]]],
  [2 ** 32, [[15428866, 7642449, 6918554], [10564143, 15600317, 1017299], [7242396, 1823202, 7547469], [1805444, 2708716, 5674931]]],
  [2 ** 32 + 5, [[14645449, 12903004, 10330842], [15401274, 10501635, 10961407], [3280389, 5622996, 12148064], [1571184, 15625430, 4560800]]],
  [2 ** 53 - 1, [[12222680, 7072566, 8698407], [7259344, 9182623, 15058399], [16243286, 2513959, 13590836], [15155738, 8924332, 4748649]]],
]; // biome-ignore format: a table

describe("what a program draws", () => {
  describe.each([["js", jsTarget], ["wasm", wasmTarget({ threads: 1 })], ["wasm, 2 threads", wasmTarget({ threads: 2 })]] as const)("on %s", (_, target) => {
    test.each(known)("from seed %i", async (seed, draws) => {
      expect((await drawn(target, seed)).found).toEqual(draws);
    });
  }); // biome-ignore format: a list

  test("and its starting weights change with each bit of the seed", async () => {
    const all = await Promise.all([0, ...bits].map((seed) => drawn(jsTarget, seed)));
    distinct(all.map(({ found }) => found));
    distinct(all.map(({ weights }) => weights));
  });
});

test("each bit of the seed changes streams, shuffles, digits and where draws begin; one word begins as it is", () => {
  const seeds = [0, ...bits];
  distinct(seeds.map((seed) => new RandomStream(seed, "w").bits()));
  distinct(seeds.map((seed) => permutation(40, seed, 3)));
  distinct(seeds.map((seed) => [...batches({ count: 40, batch: 40, seed })].map(({ indices }) => indices)));
  distinct(seeds.map((seed) => syntheticDigits({ seed, train: 1, test: 1 }).train.images));
  distinct(seeds.map(startOfDraws));
  for (const seed of [0, 1, 77, 2 ** 32 - 1]) expect(startOfDraws(seed)).toEqual([seed, 0]);
});

describe("a seed that is no whole number from 0 to 2^53 - 1 is refused", () => {
  const net = () =>
    trainer(sequential([dropout(0.5), dense(1)]), { input: [2], loss: "meanSquaredError", optimizer: sgd() });
  const data = { x: new Float32Array(4), y: new Float32Array(2) };
  const uses: Readonly<Record<string, (seed: number) => unknown>> = {
    "a program's": (seed) => compileOn(drawing(), jsTarget, { seed }),
    "of a program that draws nothing": (seed) =>
      compileOn(program({ step: () => ({ outputs: {} }) }), jsTarget, { seed }),
    "a trainer's": (seed) => net().compile({ target: "js", seed }),
    "of its shuffles": async (seed) => {
      const trained = net();
      await trained.compile({ target: "js" });
      await trained.fit({ ...data, epochs: 1, batch: 1, seed });
    },
    "of batches": (seed) => [...batches({ count: 3, batch: 2, seed })],
    "of digits": (seed) => syntheticDigits({ seed, train: 1, test: 1 }),
  };
  const wrong = ["a", 1.5, -1, 2 ** 53, Number.NaN, Infinity, 5n, null] as unknown as number[];

  test.each(Object.entries(uses))("%s", async (_, use) => {
    for (const seed of wrong) {
      const refused = expect(async () => use(seed), String(seed)).rejects;
      await refused.toThrow(UserError);
      await refused.toThrow(/seed must be a whole number from 0 to 9007199254740991, not /);
    }
  });
});
