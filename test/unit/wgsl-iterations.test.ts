/**
 * No launch may run longer than a watchdog allows, which ends a browser's page after some seconds: what one invocation goes through, of
 * programs that are hard to share out. And how reductions are shared: by the launches, their invocations and what each goes through.
 *
 * A loop whose end is known when it runs (`whileLoop`, `scan`) is a launch for each iteration; nothing in a kernel waits for a value.
 */
import { describe, expect, test } from "vitest";
import { wgsl } from "../../codegen/wgsl/target.ts";
import { stagesOf } from "../../src/compile.ts";
import { plannedTargets } from "../../src/eager-targets.ts";
import {
  add,
  argmax,
  cast,
  cumulativeMax,
  cumulativeSum,
  f16,
  f32,
  gather,
  i32,
  logSumExp,
  matmul,
  max,
  maxPool,
  moments,
  mul,
  type Program,
  prod,
  program,
  scatterAdd,
  softmax,
  sort,
  square,
  sum,
  topK,
  u8,
  variance,
} from "../../src/index.ts";
import type { Kernel, Nest, Stmt } from "../../src/kernel/kernel.ts";
import { launchesOf } from "../../src/program/sequence.ts";
import { h100 } from "../h100.ts";

function kernelsFor(made: Program<unknown>, facts = h100): readonly Kernel[] {
  const planned = { ...plannedTargets.wgsl, scheduling: wgsl.scheduling(facts), traits: wgsl.traits(facts) };
  return launchesOf(stagesOf(made as Program, "step", {}, planned).sequence).map(({ kernel }) => kernel);
}

/** Iterations of all loops, innermost ones counted, that an invocation goes through at most. */
function iterationsOf(stmts: readonly Stmt[]): number {
  return stmts.reduce((all, stmt) => {
    if (stmt.kind === "for") return all + stmt.loop.extent * Math.max(1, iterationsOf(stmt.body));
    return all + ("body" in stmt ? iterationsOf(stmt.body) : 0);
  }, 0);
}

const extentsOf = ({ loops }: Nest, wanted: string): number =>
  loops.reduce((all, { loop, mark }) => all * (mark === wanted ? loop.extent : 1), 1);

/** Workgroups x invocations: iterations, of each launch. */
const shares = (made: Program<unknown>, facts = h100): readonly string[] =>
  kernelsFor(made, facts).map(({ nests }) =>
    nests
      .map((nest) => {
        const own = iterationsOf([...nest.prelude, ...nest.body]);
        return `${extentsOf(nest, "workgroup")} x ${extentsOf(nest, "invocation")}: ${own}`;
      })
      .join(", "),
  );

const M = 2 ** 20;

const hard: Readonly<Record<string, Program<unknown>>> = {
  "sum of 2^26": program({ inputs: { x: f32(64 * M) }, step: ({ x }) => ({ outputs: { y: sum(x) } }) }),
  "product of 2^26 and one": program({
    inputs: { x: f32(64 * M + 1) },
    step: ({ x }) => ({ outputs: { y: prod(x) } }),
  }),
  "sum of 2^26 bytes": program({
    inputs: { x: u8(64 * M) },
    step: ({ x }) => ({ outputs: { y: sum(cast(x, "f32")) } }),
  }),
  "sum of 2^24 halves": program({
    inputs: { x: f16(16 * M) },
    step: ({ x }) => ({ outputs: { y: sum(cast(x, "f32")) } }),
  }),
  "arg-max of one row of 2^24": program({
    inputs: { x: f32(1, 16 * M) },
    step: ({ x }) => ({ outputs: { y: argmax(x, { axis: 1 }) } }),
  }),
  "variance, mean and variance, and log of sum of 2^24": program({
    inputs: { x: f32(16 * M) },
    step: ({ x }) => ({ outputs: { v: variance(x), l: logSumExp(x), ...moments(x) } }),
  }),
  "softmax of 2^24": program({ inputs: { x: f32(16 * M) }, step: ({ x }) => ({ outputs: { y: softmax(x) } }) }),
  "running sums and extremes of 2^24": program({
    inputs: { x: f32(16 * M) },
    step: ({ x }) => ({ outputs: { y: cumulativeSum(x), z: cumulativeMax(x) } }),
  }),
  "running sums of columns of 2^20": program({
    inputs: { x: f32(M, 3) },
    step: ({ x }) => ({ outputs: { y: cumulativeSum(x, { axis: 0 }) } }),
  }),
  "sort of 2^20, and the first of them": program({
    inputs: { x: f32(M) },
    step: ({ x }) => ({ outputs: { y: sort(x), z: topK(x, 5).values } }),
  }),
  "rows chosen, and added up where they came from": program({
    inputs: { x: f32(M, 8), i: i32(4 * M), j: i32(M) },
    step: ({ x, i, j }) => ({ outputs: { y: gather(x, i), z: scatterAdd(j, x, 100) } }),
  }),
  "few products of 2^24 terms": program({
    inputs: { x: f32(4, 16 * M), w: f32(16 * M, 4) },
    step: ({ x, w }) => ({ outputs: { y: matmul(x, w) } }),
  }),
  "some products of 2^22 terms": program({
    inputs: { x: f32(64, 4 * M), w: f32(4 * M, 64) },
    step: ({ x, w }) => ({ outputs: { y: matmul(x, w) } }),
  }),
  "product of a matrix and a vector of 2^24": program({
    inputs: { x: f32(3, 16 * M), w: f32(16 * M, 1) },
    step: ({ x, w }) => ({ outputs: { y: matmul(x, w) } }),
  }),
  "one window over all of an image": program({
    inputs: { x: f32(4, 1024, 1024, 2) },
    step: ({ x }) => ({ outputs: { y: maxPool(x, { size: [1024, 1024] }) } }),
  }),
  "loops in rows: sums of squares of rows, of which the largest": program({
    inputs: { x: f32(16, M) },
    step: ({ x }) => ({ outputs: { y: max(add(x, sum(square(x), { axis: 1, keepDims: true })), { axis: 1 }) } }),
  }),
};

describe("what one invocation goes through", () => {
  const portable = wgsl.portable;
  for (const [title, made] of Object.entries(hard)) {
    test(title, () => {
      for (const facts of [h100, portable]) {
        for (const kernel of kernelsFor(made, facts)) {
          for (const { prelude, body } of kernel.nests)
            expect(iterationsOf([...prelude, ...body]), kernel.name).toBeLessThanOrEqual(M);
        }
      }
    });
  }
});

describe("reductions use the card", () => {
  const reduce = (shape: readonly [number, ...number[]], axis: number) =>
    program({ inputs: { x: f32(...shape) }, step: ({ x }) => ({ outputs: { y: sum(x, { axis }) } }) });

  test("2^18 invocations, each with 16 bytes at a time, and one workgroup behind them", () => {
    expect(shares(reduce([64 * M], 0))).toEqual(["1024 x 256: 64", "1 x 64: 4"]);
    expect(shares(reduce([4 * M], 0))).toEqual(["1024 x 256: 4", "1 x 64: 4"]);
  });

  test("columns: as many parts as make 2^17 invocations, each of four columns", () => {
    expect(shares(reduce([16_384, 4096], 0))).toEqual(["2048 x 64: 128", "256 x 256: 8"]);
    expect(shares(reduce([1024, 65_536], 0))).toEqual(["2048 x 64: 128", "256 x 64: 8"]);
    expect(shares(reduce([64, 4096, 64], 1))).toEqual(["2048 x 64: 32", "256 x 256: 8"]);
    expect(shares(reduce([128, 512], 0))).toEqual(["32 x 256: 8"]);
  });

  test("rows: a workgroup each, by 16 bytes", () => {
    const rows = program({
      inputs: { x: f32(16_384, 4096) },
      step: ({ x }) => ({ outputs: { y: argmax(x, { axis: 1 }) } }),
    });
    expect(shares(rows)).toEqual(["16384 x 64: 16"]);
  });

  test("a driver on the CPU has no barriers, and a part for each lane of its cores", () => {
    const software = { ...h100, isSoftware: true };
    const kernels = kernelsFor(reduce([4 * M], 0), software);
    expect(shares(reduce([4 * M], 0), software)).toEqual(["16 x 64: 1024", "1 x 64: 1024"]);
    expect(shares(reduce([1024, 4096], 1), software)).toEqual(["16 x 64: 1024"]);
    const rows = program({
      inputs: { x: f32(1000, 1000) },
      step: ({ x }) => ({ outputs: { y: mul(softmax(x), 2) } }),
    });
    for (const { shared } of [...kernels, ...kernelsFor(rows, software)]) expect(shared).toEqual([]);
  });
});
