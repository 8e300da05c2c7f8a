/**
 * Random programs on `js`: the oracle's numbers within a tolerance; the same bits whatever optional pass is left out, and
 * in the kernel evaluator, which looks for races. Random lifetimes: no plan overlaps, and the proof sees overlaps that are
 * put in. A failure prints the seed and the smallest recipe; FC_SEED=... FC_RUNS=... runs other ones, and more.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findOverlap, type Lifetime, type Placement, plan } from "../../passes/plan.ts";
import { jsTarget } from "../../src/index.ts";
import { RandomStream } from "../../src/random.ts";
import type { TypedArray } from "../../src/runtime/compiled.ts";
import { evaluatorTarget } from "../evaluator-machine.ts";
import { type Call, expectSameBits, type ProgramCase, runOracle, runProgram } from "../program-case.ts";
import type { FlatFeeds } from "../program-oracle.ts";
import { makeProgram, type Recipe, type Step } from "./random-program.ts";

const seed = Number(process.env.FC_SEED ?? 20260);
const programs = Number(process.env.FC_RUNS ?? 200);

const small = fc.nat({ max: 63 });
const step: fc.Arbitrary<Step> = fc.tuple(small, small, small, small);
const recipe: fc.Arbitrary<Recipe> = fc.record({
  steps: fc.array(step, { minLength: 3, maxLength: 14 }),
  next: fc.array(step, { minLength: 5, maxLength: 5 }),
  outputs: fc.array(small, { minLength: 1, maxLength: 3 }),
});

/** Multiples of 1/4 from -2 to 2. */
function gridFeeds(call: number): FlatFeeds {
  const random = new RandomStream(3, `random programs ${call}`);
  const grid = (count: number): Float32Array => Float32Array.from({ length: count }, () => random.integer(17) / 4 - 2);
  return { x: grid(6), y: grid(3), z: grid(9), label: Int32Array.from({ length: 2 }, () => random.integer(3)) };
}

const calls: readonly Call[] = [0, 1, 2].map((call) => ({ entry: "step", feeds: gridFeeds(call) }));

/** Largest error of an array, in parts of its largest number (1 at least). */
function errorOf(found: TypedArray, wanted: Float64Array): number {
  let [scale, worst] = [1, 0];
  for (const [i, value] of wanted.entries()) {
    scale = Math.max(scale, Math.abs(value));
    worst = Math.max(worst, Math.abs((found[i] ?? Number.NaN) - value));
  }
  return worst / scale;
}

describe("random programs", () => {
  const variants = [["fuse"], ["order"], ["plan"], ["schedule"]] as const;

  it("agree with the oracle, with the same bits without fuse, order, plan", { timeout: 600_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(recipe, small, async (made, turn) => {
        const program: ProgramCase = { program: makeProgram(made), calls };
        const { trace } = await runProgram(program, jsTarget, { poisonFreed: true });
        for (const [name, wanted] of runOracle(program)) {
          const error = errorOf(trace.get(name) as TypedArray, wanted);
          expect(error, `${name}: ${[...(trace.get(name) ?? [])]} for ${[...wanted]}`).toBeLessThan(1e-4);
        }
        for (const skip of [["fuse", "order", "plan"], variants[turn % 4] ?? []] as const) {
          const other = await runProgram(program, jsTarget, { skip });
          expectSameBits(other.trace, trace, `without ${skip}`);
        }
        if (turn % 4 === 0) expectSameBits((await runProgram(program, evaluatorTarget)).trace, trace, "the evaluator");
      }),
      { seed, numRuns: programs },
    );
  });
});

describe("random lifetimes", () => {
  const life = fc.tuple(fc.nat({ max: 5000 }), fc.nat({ max: 30 }), fc.nat({ max: 12 }));
  const lives = fc
    .array(life, { minLength: 1, maxLength: 40 })
    .map((parts) =>
      parts.map(([bytes, first, length], i): Lifetime => ({ name: `%${i}`, bytes, first, last: first + length })),
    );

  it("get plans without overlaps, at least as large as the lower bound", () => {
    fc.assert(
      fc.property(lives, fc.constantFrom(1, 4, 64, 256), (some, alignment) => {
        const made = plan(some, { reuse: true, alignment });
        expect(slowOverlap(made.placements)).toBe(false);
        expect(made.placements.every(({ offset }) => offset % alignment === 0)).toBe(true);
        expect(made.peakBytes).toBeGreaterThanOrEqual(made.lowerBoundBytes);
        const without = plan(some, { reuse: false, alignment });
        expect(without.peakBytes).toBeGreaterThanOrEqual(without.withoutReuseBytes);
      }),
      { seed, numRuns: 500 },
    );
  });

  it("the proof says what comparing all pairs byte by byte says", () => {
    const place = fc.tuple(life, fc.nat({ max: 20_000 }));
    fc.assert(
      fc.property(fc.array(place, { minLength: 2, maxLength: 10 }), (places) => {
        const placements = places.map(
          ([[bytes, first, length], offset], i): Placement => ({
            name: `${i}`,
            bytes,
            first,
            last: first + length,
            offset,
          }),
        );
        expect(findOverlap(placements) !== null).toBe(slowOverlap(placements));
      }),
      { seed, numRuns: 1000 },
    );
  });

  it("the proof sees an overlap that is put into a good plan, to the byte", () => {
    fc.assert(
      fc.property(lives, fc.nat(), fc.nat({ max: 3 }), (some, which, shift) => {
        const { placements } = plan(some, { reuse: true, alignment: 4 });
        const filled = placements.filter(({ bytes }) => bytes > 4);
        fc.pre(filled.length > 0);
        const victim = filled[which % filled.length] as Placement;
        const end = victim.offset + victim.bytes;
        const intruder = { name: "intruder", bytes: 8, first: victim.last, last: victim.last + 1 };
        expect(findOverlap([...placements, { ...intruder, offset: end - 1 - shift }])).not.toBeNull();
        const apart = { ...intruder, offset: end, first: victim.last + 100, last: victim.last + 101 };
        expect(findOverlap([...placements, apart])).toBeNull();
      }),
      { seed, numRuns: 300 },
    );
  });
});

function slowOverlap(placements: readonly Placement[]): boolean {
  return placements.some((a, i) =>
    placements.slice(i + 1).some((b) => {
      const together = a.first <= b.last && b.first <= a.last;
      return together && Math.min(a.offset + a.bytes, b.offset + b.bytes) > Math.max(a.offset, b.offset);
    }),
  );
}
