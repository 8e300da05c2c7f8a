/**
 * Folds of very many elements with few results, which a GPU folds in parts and joins in a second launch: against `js`, which has
 * no parts, in sizes that do not divide.
 */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { compileOn } from "../../../src/compile.ts";
import type { Program } from "../../../src/dsl/program.ts";
import {
  add,
  argmax,
  argmin,
  conv,
  div,
  f32,
  grad,
  i32,
  l2Norm,
  matmul,
  max,
  maximum,
  maxPool,
  mean,
  min,
  moments,
  mul,
  normal,
  param,
  program,
  relu,
  softmax,
  softmaxCrossEntropy,
  sqrt,
  square,
  sub,
  sum,
  variance,
  zeros,
} from "../../../src/index.ts";
import { numbers } from "../../numbers.ts";
import { cardTarget, sameAsJs } from "../against-js.ts";
import type { GpuCase } from "../case.ts";

const long = 131_101;
const tall = 24_007;

/** The names of the launches, in order. */
async function launchesOf(device: GPUDevice, made: Program<unknown>): Promise<readonly string[]> {
  const executable = await compileOn(made as Program, cardTarget(device), {});
  const [report] = executable.report.entries;
  executable.dispose();
  return report?.kernels.map(({ name }) => name) ?? [];
}

const isFirst = (launch: string): boolean => /_parts(_\d+)?$/.test(launch);

const folds = program({
  inputs: { x: f32(long) },
  step: ({ x }) => {
    const length = l2Norm(x);
    return {
      outputs: {
        all: { sum: sum(x), average: mean(x), ...moments(x), variance: variance(x), length },
        ends: { most: max(x), least: min(x), first: argmax(x), last: argmin(x) },
        slope: grad(length, x),
        soft: softmax(x),
      },
    };
  },
});

const columns = program({
  inputs: { x: f32(tall, 3), y: f32(tall, 2) },
  step: ({ x, y }) => ({
    outputs: {
      sums: sum(x, { axis: 0 }),
      first: argmax(x, { axis: 0 }),
      ...moments(x, { axis: 0 }),
      slopes: grad(sum(square(mean(x, { axis: 0 }))), x),
      squares: sum(square(sub(x, mean(x, { axis: 0, keepDims: true })))),
      both: sum(mul(x, sum(y, { axis: 1, keepDims: true })), { axis: 0 }),
    },
  }),
});

const training = program({
  inputs: { x: f32(tall, 12), label: i32(tall) },
  state: { w: param(normal(0, 0.3, 12, 5)), b: param(zeros(5)), seen: param(zeros()) },
  step({ x, label }, { w, b, seen }) {
    const loss = mean(softmaxCrossEntropy(add(matmul(x, w), b), label));
    const slopes = [grad(loss, w), grad(loss, b)] as const;
    const norm = sqrt(add(sum(square(slopes[0])), sum(square(slopes[1]))));
    const rate = div(0.5, maximum(norm, 0.1));
    const next = { w: sub(w, mul(slopes[0], rate)), b: sub(b, mul(slopes[1], rate)), seen: add(seen, sum(x)) };
    return { outputs: { loss, norm }, next };
  },
});

/** A pool that computes its convolution, and a filter's gradient of 9,408 places for 18 x 8 results. */
const convolving = program({
  inputs: { x: f32(12, 30, 30, 2) },
  state: { w: param(normal(0, 0.3, 3, 3, 2, 8)), b: param(zeros(8)) },
  step({ x }, { w, b }) {
    const pooled = maxPool(relu(add(conv(x, w), b)), { size: 2 });
    const loss = mean(square(sub(pooled, 0.5)));
    return { outputs: { loss, pooled }, next: { w: sub(w, grad(loss, w)), b: sub(b, grad(loss, b)) } };
  },
});

/** Few tiles of many terms, with more behind the sums. */
const deep = program({
  inputs: { x: f32(37, 2304) },
  state: { w: param(normal(0, 0.05, 2304, 41)), b: param(zeros(41)) },
  step({ x }, { w, b }) {
    const y = relu(add(matmul(x, w), b));
    const loss = mean(square(sub(y, 0.5)));
    return { outputs: { loss, y }, next: { w: sub(w, grad(loss, w)), b: sub(b, grad(loss, b)) } };
  },
});

export const cases: readonly GpuCase[] = [
  {
    name: "a dense layer of many inputs in parts, with bias and relu behind",
    async run({ device }) {
      const feeds = { x: numbers(37 * 2304) };
      const launches = await launchesOf(device, deep);
      ok(
        launches.some((launch) => launch.startsWith("k0_contract") && isFirst(launch)),
        launches.join(" "),
      );
      await sameAsJs(device, deep, [{ feeds }, { feeds }], { tolerance: 1e-5, asCard: true });
    },
  },
  {
    name: "a convolution inside of a pool, and the gradient of its filters in parts",
    async run({ device }) {
      const feeds = { x: numbers(12 * 30 * 30 * 2) };
      const options = { debug: { poisonFreed: true } } as const;
      const launches = await launchesOf(device, convolving);
      ok(
        launches.some((launch) => launch.includes("contract_maxwithindex")),
        launches.join(" "),
      );
      ok(
        launches.some((launch) => launch.includes("contract") && isFirst(launch)),
        launches.join(" "),
      );
      await sameAsJs(device, convolving, [{ feeds }, { feeds }], { options, tolerance: 1e-5, asCard: true });
    },
  },
  {
    name: "every fold of a long vector, and what reads it",
    async run({ device }) {
      const [x, ties] = [numbers(long), numbers(long).fill(2)];
      const holes = numbers(long);
      holes[100_000] = holes[130_000] = Number.NaN;
      const calls = [x, ties, holes].map((values) => ({ feeds: { x: values } }));
      const [, tied, torn] = await sameAsJs(device, folds, calls, { tolerance: 1e-5, asCard: true });
      const ends = (found: unknown) => (found as { ends: Record<string, number> }).ends;
      deepStrictEqual([ends(tied).first, ends(tied).last], [0, 0]);
      deepStrictEqual([ends(torn).first, ends(torn).last], [100_000, 100_000]);
    },
  },
  {
    name: "columns of a tall matrix, with slopes, on memory that is spoilt where nothing needs it",
    async run({ device }) {
      const feeds = { x: numbers(3 * tall), y: numbers(2 * tall) };
      const options = { debug: { poisonFreed: true } } as const;
      ok((await launchesOf(device, columns)).some(isFirst));
      await sameAsJs(device, columns, [{ feeds }, { feeds }], { options, tolerance: 1e-5, asCard: true });
    },
  },
  {
    name: "a whole step with a global norm",
    async run({ device }) {
      const feeds = { x: numbers(12 * tall), label: Int32Array.from({ length: tall }, (_, i) => (i * i) % 5) };
      const options = { debug: { poisonFreed: true } } as const;
      ok((await launchesOf(device, training)).some(isFirst));
      await sameAsJs(device, training, [{ feeds }, { feeds }, { feeds }], { options, tolerance: 1e-5, asCard: true });
    },
  },
  {
    name: "one launch folds what several results need, and the bits are the same each time",
    async run({ device }) {
      const made = program({
        inputs: { x: f32(long) },
        step: ({ x }) => ({ outputs: { sum: sum(x), most: max(x), first: argmax(x) } }),
      });
      const names = await launchesOf(device, made);
      strictEqual(names.length, 2);
      strictEqual(names[0], `${names[1]}_parts`);
      const x = numbers(long);
      const feeds = Array.from({ length: 5 }, () => ({ feeds: { x } }));
      const [first, ...others] = await sameAsJs(device, made, feeds, { tolerance: 1e-5, asCard: true });
      for (const other of others) deepStrictEqual(other, first);
    },
  },
];
