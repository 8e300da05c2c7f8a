/**
 * Contractions of f16 by matrix units: what the schedule chooses for a device that has them, what its kernels compute (by the evaluator,
 * and against the kernels that `lower` wrote), and that Dawn's compiler accepts every module. No such device is needed: a process of its
 * own asks Dawn for its null backend, which compiles and runs nothing.
 */
import { expect, test } from "vitest";
import { bindTarget } from "../../codegen/target.ts";
import type { WgslFacts } from "../../codegen/wgsl/artifact.ts";
import { wgsl } from "../../codegen/wgsl/target.ts";
import { stagesOf } from "../../src/compile.ts";
import {
  add,
  batchMatmul,
  f32,
  grad,
  matmul,
  mul,
  param,
  program,
  relu,
  sum,
  transpose,
  values,
} from "../../src/index.ts";
import { apply, assign, barrier, forLoop, load, store, variable } from "../../src/kernel/build.ts";
import { checkKernel } from "../../src/kernel/check.ts";
import { evaluateKernel } from "../../src/kernel/evaluate.ts";
import { blockIndex, floorDivIndex, modIndex, sumIndex } from "../../src/kernel/index-expr.ts";
import type { Index, Kernel, LoopVar, MatrixFactor, MatrixProduct, Stmt } from "../../src/kernel/kernel.ts";
import { freshNames } from "../../src/kernel/names.ts";
import { launchesOf, type Sequence } from "../../src/program/sequence.ts";
import { expectAccepted } from "../gpu/accepted.ts";
import { h100 } from "../h100.ts";
import { difference, feedsFor } from "./wgsl-samples.ts";

const card: WgslFacts = { ...h100, mixed: { hasHalves: true, hasMatrixUnits: true, subgroupSize: 32 } };

/** A layer and its gradients: rows and columns of both factors, a bias and a mask behind the product. */
function layered(m: number, k: number, n: number) {
  const start = (count: number): Float32Array => new Float32Array(count).fill(0.5);
  return program({
    inputs: { x: f32(m, k), slope: f32(m, n) },
    state: { w: param(values(start(k * n), k, n)), b: param(values(start(n), n)) },
    step({ x, slope }, { w, b }) {
      const y = relu(add(matmul(x, w), b));
      const { dx, dw } = grad(sum(mul(y, slope)), { dx: x, dw: w });
      return { outputs: { y, dx, dw } };
    },
  });
}

const batched = program({
  inputs: { a: f32(64, 32, 64), b: f32(64, 64, 32) },
  step: ({ a, b }) => ({ outputs: { y: batchMatmul(a, b) } }),
});

function stages(of: Parameters<typeof stagesOf>[0], facts: WgslFacts = card) {
  return stagesOf(of, "step", {}, bindTarget(wgsl, facts), { precision: "mixed" });
}

const kernelsOf = (sequence: Sequence): readonly Kernel[] => [
  ...new Set(launchesOf(sequence).map(({ kernel }) => kernel)),
];

const products = (sequence: Sequence): readonly string[] =>
  kernelsOf(sequence).flatMap(({ schedule }) =>
    schedule.flat().flatMap((move) => (move.move === "matrix" ? [`${move.invocations}`] : [])),
  );

test("products, their gradients and lists of products are computed so, where the device has matrix units", () => {
  expect(products(stages(layered(256, 128, 256)).sequence)).toHaveLength(3);
  expect(products(stages(batched).sequence)).toHaveLength(1);
  const { mixed: _, ...plain } = card;
  for (const facts of [plain, { ...card, mixed: { hasHalves: true, hasMatrixUnits: false, subgroupSize: 32 } }]) {
    expect(products(stages(layered(256, 128, 256), facts).sequence)).toEqual([]);
  }
  expect(products(stages(layered(256, 128, 250)).sequence)).toEqual([]); // no whole blocks
  expect(products(stages(layered(32, 128, 32)).sequence)).toEqual([]); // too few for the card
});

/** What the printer is told of a product, in the kernel language: in place of what the schedule says that it means. */
function described(kernel: Kernel): Kernel {
  const fresh = freshNames(kernel);
  const { pool } = fresh;
  const meaning = ({ into, rows, columns, terms, left, right }: MatrixProduct, lanes: LoopVar): readonly Stmt[] => {
    const cells: LoopVar = { name: fresh("cell"), extent: (rows * columns) / lanes.extent };
    const k: LoopVar = { name: fresh("k"), extent: terms };
    const sum = fresh("sum");
    const cell = blockIndex(lanes.extent, pool.loop(cells), pool.loop(lanes));
    const [i, j] = [floorDivIndex(cell, columns), modIndex(cell, columns)];
    const element = ({ buffer, at, stride, order }: MatrixFactor, row: Index, column: Index) => {
      const [outer, inner] = order === "rows" ? [row, column] : [column, row];
      return load("f32", buffer, sumIndex([{ factor: 1, index: at }, { factor: stride, index: outer }, { factor: 1, index: inner }], 0, pool)); // biome-ignore format: short
    };
    const term = apply("mul", element(left, i, pool.loop(k)), element(right, pool.loop(k), j));
    const total = pool.name("f32", sum);
    const added = [variable(sum, pool.constant("f32", 0)), forLoop(k, [assign(sum, apply("add", total, term))])];
    return [forLoop(cells, [...added, store(into, cell, total)]), barrier];
  };
  const nests = kernel.nests.map((nest) => {
    const lanes = nest.loops.find(({ mark }) => mark === "invocation")?.loop;
    if (lanes === undefined) throw new Error("no invocations");
    const body = nest.body.map((stmt) => (stmt.kind === "matrix" ? { ...stmt, body: meaning(stmt.product, lanes) } : stmt)); // biome-ignore format: short
    return { ...nest, body };
  });
  return { ...kernel, nests };
}

test("what they compute is what was lowered, without races, and what the printer is told", () => {
  const products = program({
    inputs: { x: f32(128, 16), xt: f32(16, 128), w: f32(16, 256), wt: f32(256, 16), b: f32(256) },
    step: ({ x, xt, w, wt, b }) => ({
      outputs: { y: relu(add(matmul(x, w), b)), left: matmul(transpose(xt), w), both: matmul(transpose(xt), transpose(wt)) }, // biome-ignore format: short
    }),
  });
  const { lowered, scheduled } = stages(products);
  const kernels = kernelsOf(scheduled).filter(({ schedule }) => schedule.flat().some(({ move }) => move === "matrix"));
  expect(kernels).toHaveLength(3);
  for (const kernel of kernels) {
    const before = kernelsOf(lowered).find(({ name }) => name === kernel.name);
    if (before === undefined) throw new Error(`${kernel.name} was not lowered`);
    const expected = feedsFor(before);
    evaluateKernel(before, expected);
    for (const after of [kernel, described(kernel)]) {
      expect(checkKernel(after)).toBeNull();
      const actual = feedsFor(before);
      evaluateKernel(after, actual);
      for (const { name } of before.buffers) {
        const [a, e] = [actual.get(name)?.data ?? [], expected.get(name)?.data ?? []];
        expect(difference(a, e, 1e-4), name).toBeUndefined();
      }
    }
  }
});

test("Dawn's compiler takes every module without a word", () => {
  const sources = [stages(layered(1024, 1024, 1024)), stages(batched)].flatMap(({ entry }) =>
    entry.artifact.kernels.map(({ source }) => source),
  );
  expect(sources.filter((source) => source.includes("subgroupMatrixMultiplyAccumulate"))).toHaveLength(4);
  expectAccepted(sources);
}, 70_000);
