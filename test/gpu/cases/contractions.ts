/**
 * Contractions in the tiles that a card takes, and in the blocks that a driver on a CPU takes, against `js`: sizes that no tile divides,
 * infinities where a product beyond the last k must be nothing, batches, and what is fused behind the sums. One of each kind of tile:
 * what the others compute is asked of the evaluator (test/unit/wgsl-tiles.test.ts), and a software GPU takes 0.1 s to compile each KB of
 * workgroup memory.
 */
import { add, batchMatmul, f32, matmul, permute, program, relu, transpose } from "../../../src/index.ts";
import { numbers } from "../../numbers.ts";
import { sameAsJs } from "../against-js.ts";
import type { GpuCase } from "../case.ts";

const product = (m: number, n: number, k: number) =>
  program({
    inputs: { a: f32(m, k), b: f32(k, n), c: f32(n) },
    step: ({ a, b, c }) => ({ outputs: { y: relu(add(matmul(a, b), c)) } }),
  });

/** Both factors the other way round. */
const turned = (m: number, n: number, k: number) =>
  program({
    inputs: { a: f32(k, m), b: f32(n, k) },
    step: ({ a, b }) => ({ outputs: { y: matmul(transpose(a), transpose(b)) } }),
  });

const heads = program({
  inputs: { q: f32(5, 37, 20), k: f32(5, 20, 41), few: f32(130, 9, 16), each: f32(130, 16, 9) },
  step: ({ q, k, few, each }) => ({ outputs: { scores: batchMatmul(q, k), small: batchMatmul(few, each) } }),
});

/** Small products in a batch, either operand the other way round, and what is fused behind them. */
const small = (batch: number, m: number, n: number, k: number, leftTurned: boolean, rightTurned: boolean) =>
  program({
    inputs: {
      a: leftTurned ? f32(batch, k, m) : f32(batch, m, k),
      b: rightTurned ? f32(batch, n, k) : f32(batch, k, n),
      c: f32(n),
    },
    step({ a, b, c }) {
      const left = leftTurned ? permute(a, [0, 2, 1]) : a;
      const right = rightTurned ? permute(b, [0, 2, 1]) : b;
      return { outputs: { y: relu(add(batchMatmul(left, right), c)) } };
    },
  });

const card = { tolerance: 1e-5, asCard: true, options: { debug: { poisonFreed: true } } } as const;

export const cases: readonly GpuCase[] = [
  ...(
    [
      ["of very many groups", 1475, 1470, 33],
      ["of few columns", 1030, 10, 200],
      ["of few columns and few terms", 8200, 6, 19],
    ] as const
  ).map(([name, m, n, k]): GpuCase => {
    const feeds = { a: numbers(m * k), b: numbers(k * n, 5), c: numbers(n) };
    return {
      name: `${name}: ${m} x ${n} of ${k}`,
      run: async ({ device }) => void (await sameAsJs(device, product(m, n, k), [{ feeds }], card)),
    };
  }),
  {
    name: "in blocks from memory: edges within them, turned, of many terms, in a batch",
    async run({ device }) {
      const own = { tolerance: 1e-5, options: { debug: { poisonFreed: true } } } as const;
      const feedsOf = (m: number, n: number, k: number) => ({ a: numbers(m * k), b: numbers(k * n, 5) });
      const each = { ...feedsOf(33, 65, 77), c: numbers(65) };
      await sameAsJs(device, product(33, 65, 77), [{ feeds: each }], own);
      const odd = { ...feedsOf(24, 40, 1031), c: numbers(40) };
      await sameAsJs(device, product(24, 40, 1031), [{ feeds: odd }], { ...own, tolerance: 1e-4 });
      await sameAsJs(device, turned(30, 20, 31), [{ feeds: feedsOf(30, 20, 31) }], own);
      const [q, k] = [numbers(5 * 37 * 20), numbers(5 * 20 * 41, 5)];
      const [few, many] = [numbers(130 * 9 * 16), numbers(130 * 16 * 9, 5)];
      await sameAsJs(device, heads, [{ feeds: { q, k, few, each: many } }], own);
    },
  },
  {
    name: "both factors turned, in slices",
    async run({ device }) {
      const feeds = { a: numbers(203 * 70), b: numbers(90 * 203, 5) };
      await sameAsJs(device, turned(70, 90, 203), [{ feeds }], card);
    },
  },
  {
    name: "infinities and NaN stay in their rows and columns",
    async run({ device }) {
      const [m, n, k] = [135, 518, 259];
      const [a, b, c] = [numbers(m * k), numbers(k * n, 5), numbers(n)];
      // The last of the terms, behind which tiles are padded, and the last row and column.
      a[k - 1] = a[m * k - 1] = Number.POSITIVE_INFINITY;
      b[n - 1] = Number.NEGATIVE_INFINITY;
      b[(k - 1) * n] = 0;
      c[7] = Number.NaN;
      await sameAsJs(device, product(m, n, k), [{ feeds: { a, b, c } }], card);
    },
  },
  {
    name: "batches: five heads, and 130 products smaller than a tile",
    async run({ device }) {
      const feeds = {
        q: numbers(5 * 37 * 20),
        k: numbers(5 * 20 * 41, 5),
        few: numbers(130 * 9 * 16, 7),
        each: numbers(130 * 16 * 9, 11),
      };
      await sameAsJs(device, heads, [{ feeds }], card);
    },
  },
  ...(
    [
      [1024, 8, 8, 8, false, false],
      [515, 16, 16, 16, false, true],
      [1001, 4, 4, 5, true, true],
    ] as const
  ).map(([batch, m, n, k, leftTurned, rightTurned]): GpuCase => {
    const feeds = { a: numbers(batch * m * k), b: numbers(batch * k * n, 5), c: numbers(n, 7) };
    return {
      name: `${batch} small products: ${m} x ${n} of ${k}`,
      async run({ device }) {
        const made = small(batch, m, n, k, leftTurned, rightTurned);
        // Several of them in a workgroup, as on a card; and as a driver on a CPU has them.
        await sameAsJs(device, made, [{ feeds }], card);
        await sameAsJs(device, made, [{ feeds }], { ...card, asCard: false });
      },
    };
  }),
  {
    name: "small products: infinities and NaN stay in theirs",
    async run({ device }) {
      const [batch, side] = [1030, 7];
      const area = side ** 2;
      const [a, b, c] = [numbers(batch * area), numbers(batch * area, 5), numbers(side, 7)];
      // Behind the last of the terms is the padding of a tile, behind the last product nothing.
      a[3 * area + side - 1] = b[area - 1] = a[batch * area - 1] = Number.POSITIVE_INFINITY;
      b[16 * area] = Number.NaN;
      await sameAsJs(device, small(batch, side, side, side, false, false), [{ feeds: { a, b, c } }], card);
    },
  },
];
