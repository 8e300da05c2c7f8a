/**
 * Long sums of f32 on any target, against closed forms: run by test/unit/long-sums.test.ts and test/gpu/cases/long-sums.ts.
 *
 * The numbers are what sums find hardest: equal ones, so that every rounding of a stretch goes the same way.
 */
import { ok } from "node:assert/strict";
import {
  compileOn,
  div,
  dot,
  f32,
  grad,
  i32,
  l2Norm,
  logSumExp,
  matmul,
  mean,
  moments,
  mul,
  type Program,
  program,
  reshape,
  scatterAdd,
  softmaxCrossEntropy,
  square,
  sum,
  transpose,
  variance,
} from "../src/index.ts";
import type { Feeds } from "../src/runtime/feeds.ts";
import type { TargetSetup } from "../src/target-setup.ts";

interface LongSum {
  readonly program: Program<unknown>;
  readonly feeds: Feeds;
  /** What every element of every output is. */
  readonly wanted: Readonly<Record<string, number>>;
}

/** A tenth as an f32 has it. */
const tenth = Math.fround(0.1);
const tenths = (count: number): Float32Array => new Float32Array(count).fill(tenth);

/** Sums of about `n` terms, a multiple of 240; those of contractions are of `deep` ones. */
export const longSums: Readonly<Record<string, (n: number, deep: number) => LongSum>> = {
  "all elements: sum, mean, norm, dot product": (n) => ({
    program: program({
      inputs: { x: f32(n) },
      step: ({ x }) => ({
        outputs: { sum: sum(x), mean: mean(x), norm: l2Norm(x), dot: dot(x, x), parts: div(x, sum(x)) },
      }),
    }),
    feeds: { x: tenths(n) },
    wanted: { sum: n * tenth, mean: tenth, norm: tenth * Math.sqrt(n), dot: n * tenth ** 2, parts: 1 / n },
  }),

  "variance, of one tenth and three": (n) => ({
    program: program({ inputs: { x: f32(n) }, step: ({ x }) => ({ outputs: { all: variance(x) } }) }),
    feeds: { x: tenths(n).map((x, i) => (i % 2 === 0 ? x : Math.fround(3 * x))) },
    wanted: { all: ((Math.fround(3 * tenth) - tenth) / 2) ** 2 },
  }),

  "moments, of one tenth and three": (n) => ({
    program: program({ inputs: { x: f32(n) }, step: ({ x }) => ({ outputs: { ...moments(x) } }) }),
    feeds: { x: tenths(n).map((x, i) => (i % 2 === 0 ? x : Math.fround(3 * x))) },
    wanted: { mean: (Math.fround(3 * tenth) + tenth) / 2, variance: ((Math.fround(3 * tenth) - tenth) / 2) ** 2 },
  }),

  "columns, rows and blocks in between": (n) => ({
    program: program({
      inputs: { x: f32(n) },
      step: ({ x }) => ({
        outputs: {
          columns: mean(reshape(x, [n / 8, 8]), { axis: 0 }),
          odd: mean(reshape(x, [n / 5, 5]), { axis: 0 }),
          rows: mean(reshape(x, [4, n / 4]), { axis: 1 }),
          blocks: mean(reshape(x, [n / 15, 3, 5]), { axis: [0, 2] }),
          squares: mean(square(reshape(x, [n / 240, 2, 60, 2])), { axis: [0, 2] }),
        },
      }),
    }),
    feeds: { x: tenths(n) },
    wanted: { columns: tenth, odd: tenth, rows: tenth, blocks: tenth, squares: tenth ** 2 },
  }),

  "contractions with a deep inner axis, of few columns and of many": (n, deep) => ({
    program: program({
      inputs: { x: f32(n), a: f32(12, deep), b: f32(deep, 24) },
      step: ({ x, a, b }) => ({
        outputs: {
          few: matmul(reshape(x, [4, n / 4]), reshape(x, [n / 4, 4])),
          one: matmul(reshape(x, [1, n]), reshape(x, [n, 1])),
          many: div(matmul(a, b), 2),
          back: matmul(transpose(b), transpose(a)),
        },
      }),
    }),
    feeds: { x: tenths(n), a: tenths(12 * deep), b: tenths(24 * deep) },
    wanted: { few: (n / 4) * tenth ** 2, one: n * tenth ** 2, many: (deep * tenth ** 2) / 2, back: deep * tenth ** 2 },
  }),

  "the gradient of a weight over a large batch, and its loss": (n) => ({
    program: program({
      inputs: { x: f32(n / 4, 4), label: i32(n / 4), w: f32(4, 2) },
      step: ({ x, label, w }) => {
        const loss = mean(softmaxCrossEntropy(matmul(x, w), label));
        return { outputs: { loss, steps: mul(sum(square(grad(loss, w)), { axis: 1 }), 2) } };
      },
    }),
    feeds: { x: tenths(n), label: new Int32Array(n / 4), w: new Float32Array(8) },
    wanted: { loss: Math.LN2, steps: tenth ** 2 },
  }),

  "log-sum-exp of a long row, and updates that meet in few places": (n) => ({
    program: program({
      inputs: { x: f32(n), place: i32(n / 8) },
      step: ({ x, place }) => ({
        outputs: {
          row: logSumExp(x),
          places: sum(scatterAdd(place, reshape(x, [n / 8, 8]), 3), { axis: 0 }),
        },
      }),
    }),
    feeds: { x: tenths(n), place: new Int32Array(n / 8) },
    wanted: { row: Math.log(n) + tenth, places: (n / 8) * tenth },
  }),
};

/** Nearer to the exact value than this, relative to it: blocks of 1,024 equal terms are within 2e-5. */
export const nearness = 3e-5;

/** Every output of the program on the target, held to what is wanted; gives the bits of all of them. */
export async function checkLongSum(target: TargetSetup, { program: made, feeds, wanted }: LongSum): Promise<string> {
  const executable = await compileOn(made as Program, target, {});
  const found = (await executable.run({ entry: "step", feeds })) as Readonly<Record<string, number | Float32Array>>;
  executable.dispose();
  for (const [name, exact] of Object.entries(wanted)) {
    const values = found[name] ?? Number.NaN;
    for (const value of typeof values === "number" ? [values] : values.slice(0, 1000)) {
      ok(Math.abs(value / exact - 1) < nearness, `${name} is ${value}, not ${exact}: ${value / exact - 1} off`);
    }
  }
  return JSON.stringify(
    Object.values(found).map((values) => (typeof values === "number" ? values : [...values.slice(0, 1000)])),
  );
}
