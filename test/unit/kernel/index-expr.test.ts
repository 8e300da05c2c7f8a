/** Index arithmetic against plain integer arithmetic, over all values of the loops. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Index, LoopVar } from "../../../src/kernel/kernel.ts";
import { printExpr } from "../../../src/kernel/print.ts";
import { replaceLoops } from "../../../src/kernel/rewrite.ts";
import {
  addIndex,
  constIndex,
  floorDivIndex,
  loopIndex,
  modIndex,
  rangedIndex,
  scaleIndex,
  sumIndex,
} from "../../kernel-pool.ts";
import { flat, loopVar } from "./notation.ts";

/** Loop values by name. */
type Values = ReadonlyMap<string, number>;

/** An index as a test writes it: what to build, and what it should mean. */
interface Spelled {
  readonly index: Index;
  readonly meaning: (values: Values) => number;
}

function meaningOf(index: Index, values: Values): number {
  switch (index.kind) {
    case "const":
      return index.value;
    case "loop":
      return values.get(index.loop.name) ?? Number.NaN;
    case "sum":
      return index.terms.reduce((sum, term) => sum + term.factor * meaningOf(term.index, values), index.offset);
    case "floorDiv":
      return Math.floor(meaningOf(index.index, values) / index.by);
    case "mod":
      return floorMod(meaningOf(index.index, values), index.by);
    default:
      return Number.NaN;
  }
}

function floorMod(value: number, by: number): number {
  return value - by * Math.floor(value / by);
}

function* allValues(loops: readonly LoopVar[]): Generator<Values> {
  const [first, ...others] = loops;
  if (first === undefined) {
    yield new Map();
    return;
  }
  for (const values of allValues(others)) {
    for (let value = 0; value < first.extent; value += 1) yield new Map([...values, [first.name, value]]);
  }
}

const loops: readonly LoopVar[] = [loopVar("i", 5), loopVar("j", 6), loopVar("k", 4), loopVar("one", 1)];

const leaf: fc.Arbitrary<Spelled> = fc.oneof(
  fc.constantFrom(...loops).map((loop) => ({
    index: loopIndex(loop),
    meaning: (values: Values) => values.get(loop.name) ?? Number.NaN,
  })),
  fc.integer({ min: -9, max: 9 }).map((value) => ({ index: constIndex(value), meaning: () => value })),
);

const everywhere: readonly Values[] = [...allValues(loops)];

/** Divisors and factors with common multiples, so that the foldings are met. */
const size = fc.constantFrom(1, 2, 3, 4, 6, 8, 12, 24);
const factor = fc.oneof(size, fc.integer({ min: -7, max: 7 }));

const spelled: fc.Arbitrary<Spelled> = fc.letrec<{ any: Spelled }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 5, depthSize: "medium" },
    leaf,
    fc.tuple(tie("any"), size).map(([{ index, meaning }, by]) => ({
      index: floorDivIndex(index, by),
      meaning: (values: Values) => Math.floor(meaning(values) / by),
    })),
    fc.tuple(tie("any"), size).map(([{ index, meaning }, by]) => ({
      index: modIndex(index, by),
      meaning: (values: Values) => floorMod(meaning(values), by),
    })),
    // n * (x / n) + x % n, which must fold back to x wherever it is met
    fc.tuple(tie("any"), size, factor, tie("any")).map(([{ index, meaning }, by, scale, other]) => ({
      index: sumIndex([
        { factor: scale, index: modIndex(index, by) },
        { factor: scale * by, index: floorDivIndex(index, by) },
        { factor: 1, index: other.index },
      ]),
      meaning: (values: Values) => scale * meaning(values) + other.meaning(values),
    })),
    fc
      .tuple(fc.array(fc.tuple(factor, tie("any")), { maxLength: 3 }), fc.integer({ min: -30, max: 30 }))
      .map(([terms, offset]) => ({
        index: sumIndex(
          terms.map(([by, term]) => ({ factor: by, index: term.index })),
          offset,
        ),
        meaning: (values: Values) => terms.reduce((sum, [by, term]) => sum + by * term.meaning(values), offset),
      })),
  ),
})).any;

test("an index means what was asked for, and stays in its range", () => {
  fc.assert(
    fc.property(spelled, ({ index, meaning }) => {
      for (const values of everywhere) {
        const value = meaningOf(index, values);
        const sound = value === meaning(values) && value >= index.min && value <= index.max;
        if (sound) continue;
        const where = `${printExpr(index)} (${index.min}..${index.max}) at ${JSON.stringify([...values])}`;
        expect.fail(`${where} is ${value}, not ${meaning(values)}`);
      }
    }),
    { numRuns: 1500, seed: 7 },
  );
});

test("one object means one value", () => {
  fc.assert(
    fc.property(spelled, spelled, (a, b) => {
      fc.pre(a.index === b.index);
      expect(everywhere.every((values) => a.meaning(values) === b.meaning(values))).toBe(true);
    }),
    { numRuns: 100, seed: 7, maxSkipsPerRun: 1000 },
  );
});

test("substitution replaces loops everywhere", () => {
  // i < 5 becomes 2*f + h, which stays in 0..3: a replacement must lie in the range of what it replaces
  const [f, h] = [loopVar("f", 2), loopVar("h", 2)];
  const by = flat([f, h], [2, 2]);
  const places = [...allValues([...loops.slice(1), f, h])];
  fc.assert(
    fc.property(spelled, ({ index, meaning }) => {
      const replaced = replaceLoops(new Map([["i", by]])).index(index);
      for (const values of places) {
        const i = 2 * (values.get("f") ?? 0) + (values.get("h") ?? 0);
        if (meaningOf(replaced, values) === meaning(new Map([...values, ["i", i]]))) continue;
        expect.fail(`${printExpr(index)} became ${printExpr(replaced)}`);
      }
    }),
    { numRuns: 500, seed: 7 },
  );
});

describe("foldings", () => {
  const [i, j] = [loopIndex({ name: "i", extent: 100 }), loopIndex({ name: "j", extent: 28 })];
  const pixel = addIndex(scaleIndex(i, 28), j);

  test.each<[string, Index, string]>([
    ["a reshape there and back: column", modIndex(pixel, 28), "j"],
    ["a reshape there and back: row", floorDivIndex(pixel, 28), "i"],
    ["row and column together", addIndex(scaleIndex(floorDivIndex(pixel, 28), 28), modIndex(pixel, 28)), "28*i + j"],
    [
      "the same where a remainder is known to be small",
      addIndex(scaleIndex(floorDivIndex(i, 7), 7), rangedIndex(modIndex(i, 7), 0, 1)),
      "i",
    ],
    ["split and joined again", addIndex(scaleIndex(floorDivIndex(i, 7), 7), modIndex(i, 7)), "i"],
    ["the same with an offset", addIndex(scaleIndex(floorDivIndex(i, 7), 7, 5), modIndex(i, 7)), "i + 5"],
    ["two divisions", floorDivIndex(floorDivIndex(i, 5), 4), "i / 20"],
    ["two remainders", modIndex(modIndex(i, 24), 8), "i % 8"],
    ["terms that cancel", addIndex(pixel, scaleIndex(j, -1)), "28*i"],
    ["an offset past the divisor", modIndex(scaleIndex(j, 1, 28), 28), "j"],
  ])("%s", (_, index, text) => {
    expect(printExpr(index)).toBe(text);
  });
});
