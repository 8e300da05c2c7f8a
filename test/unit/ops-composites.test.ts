/**
 * Composites, indexes and random numbers where values alone tell: edges, large numbers, shapes in the types, and messages.
 */
import { expect, test } from "vitest";
import { threefry2x32 } from "../../src/core/random.ts";
import { printEntry } from "../../src/graph/print.ts";
import {
  add,
  arange,
  batchMatmul,
  cast,
  checkGradient,
  cumulativeProduct,
  cumulativeSum,
  dynamicSlice,
  dynamicUpdate,
  einsum,
  elu,
  evaluate,
  exp,
  f32,
  gather,
  gelu,
  grad,
  hessian,
  huber,
  l2Norm,
  leakyRelu,
  logSumExp,
  mul,
  program,
  randomBernoulli,
  randomBits,
  randomNormal,
  reshape,
  scatterAdd,
  selu,
  silu,
  softmaxCrossEntropy,
  standardDeviation,
  stopGradient,
  sum,
  type Tensor,
  valueAndGrad,
} from "../../src/index.ts";

const list = (value: unknown): number[] => (typeof value === "number" ? [value] : [...(value as Float32Array)]);
const at = async (f: (x: Tensor) => unknown, x: number | readonly number[] | readonly number[][]): Promise<number[]> =>
  list(await evaluate(({ x }) => f(x), { x: x as number[] }, { dtype: "f64" }));

function expectNear(found: readonly number[], wanted: readonly number[]): void {
  expect(found.length).toBe(wanted.length);
  for (const [i, value] of wanted.entries()) expect(found[i]).toBeCloseTo(value, 9);
}

test("evaluate takes typed arrays, which say what they hold, and a target", async () => {
  const square = ({ x }: { x: Tensor }): Tensor => mul(x, x);
  const of = (x: object, options: object = {}): Promise<unknown> => evaluate(square, { x } as never, options);
  expect(await of(Float32Array.of(1, 0.1))).toEqual(Float32Array.of(1, Math.fround(0.1) * Math.fround(0.1)));
  expect(await of(Float64Array.of(1, 0.1))).toEqual(Float64Array.of(1, 0.1 * 0.1));
  expect(await of(Int32Array.of(-3))).toEqual(Int32Array.of(9));
  expect(await of(Uint32Array.of(2 ** 16))).toEqual(Uint32Array.of(0));
  expect(await of(Float32Array.of(3), { target: "wasm" })).toEqual(Float32Array.of(9));
  const mixed: Float64Array | number = await evaluate(
    ({ x, w }) => mul(x, w),
    { x: Float64Array.of(2), w: 3 },
    { dtype: "f64" },
  );
  expect(mixed).toEqual(Float64Array.of(6));
  await expect(of(Float64Array.of(3), { target: "wasm" })).rejects.toThrow("the wasm target has no f64");
  await expect(of(Int8Array.of(3))).rejects.toThrow('evaluate: "x" must be one of Float32Array, Float64Array, ');
  await expect(of([[1, 2], [3]])).rejects.toThrow(
    'evaluate: "x" must have lists of equal lengths, as the first are ([2,2])',
  );
  await expect(of(Float32Array.of(3), { target: "cuda" })).rejects.toThrow(
    'evaluate: target must be one of "auto", "js"',
  );
});

test("activations have the values of their papers", async () => {
  expectNear(await at((x) => leakyRelu(x), [-1, 0, 2]), [-0.2, 0, 2]);
  expectNear(await at((x) => elu(x), [-1, 0, 900]), [Math.expm1(-1), 0, 900]);
  expectNear(await at((x) => selu(x), [-1, 1]), [-1.1113307378, 1.0507009874]);
  expectNear(await at((x) => gelu(x), [-1, 0, 1]), [-0.1586552539, 0, 0.8413447461]);
  expectNear(await at((x) => gelu(x, { approximate: true }), [1]), [0.8411919906]);
  expectNear(await at((x) => silu(x), [-1000, 0, 1]), [-0, 0, 0.7310585786]);
});

test("slopes where there is a kink, and where exp would overflow", async () => {
  const slope = (f: (x: Tensor) => Tensor) => (x: Tensor) => grad(sum(f(x)), x);
  expectNear(
    await at(
      slope((x) => leakyRelu(x)),
      [0],
    ),
    [0.2],
  );
  expectNear(
    await at(
      slope((x) => elu(x)),
      [0, 900],
    ),
    [1, 1],
  );
  expectNear(
    await at(
      slope((x) => l2Norm(x)),
      [0, 0],
    ),
    [0, 0],
  );
  expectNear(
    await at(
      slope((x) => standardDeviation(x)),
      [3, 3],
    ),
    [0, 0],
  );
  expectNear(
    await at(
      slope((x) => silu(x)),
      [-1000, 1000],
    ),
    [0, 1],
  );
});

test("logSumExp of large, infinite and no elements", async () => {
  expectNear(await at((x) => logSumExp(x), [1000, 1000]), [1000 + Math.LN2]);
  expect(await at((x) => logSumExp(mul(x, Number.POSITIVE_INFINITY)), [-1, -1])).toEqual([-Infinity]);
  expect(await at((x) => logSumExp(mul(x, Number.POSITIVE_INFINITY)), [-1, 1])).toEqual([Infinity]);
});

test("running sums and products", async () => {
  expect(await at((x) => cumulativeSum(x), [1, 2, 3])).toEqual([1, 3, 6]);
  expect(await at((x) => cumulativeSum(x, { reverse: true, exclusive: true }), [1, 2, 3])).toEqual([5, 3, 0]);
  expect(await at((x) => cumulativeSum(x, { axis: 0 }), [[1, 2], [3, 4]])).toEqual([1, 2, 4, 6]); // biome-ignore format: rows
  expect(await at((x) => cumulativeProduct(x), [2, 0, 3])).toEqual([2, 0, 0]);
  expectNear(await at((x) => grad(sum(cumulativeProduct(x)), x), [2, 0, 3]), [1, 8, 0]);
});

test("cross-entropy: class numbers and weights, logits and probabilities agree", async () => {
  const logits = [[1, 2, 4]];
  const wanted = Math.log(Math.exp(1) + Math.exp(2) + Math.exp(4)) - 2;
  const hot = (x: Tensor) => sum(softmaxCrossEntropy(x as never, mul(stopGradient(x), 0) as never));
  expectNear(await at(hot, logits), [0]);
  const both = await evaluate(
    ({ x, y }) => softmaxCrossEntropy(x as never, y as never),
    { x: logits, y: [[0, 1, 0]] },
    { dtype: "f64" },
  );
  expectNear(list(both), [wanted]);
  const shares = await evaluate(
    ({ x, y }) => softmaxCrossEntropy(x as never, y as never, { probabilities: true }),
    { x: [[0.25, 0.75, 0]], y: [[0, 1, 0]] },
    { dtype: "f64" },
  );
  expectNear(list(shares), [-Math.log(0.75)]);
  expectNear(list(await evaluate(({ x, y }) => huber(x, y), { x: 3, y: 0.5 })), [2]);
});

test("derivatives of second order, with values, and checked", async () => {
  expectNear(await at((x) => hessian(sum(mul(x, mul(x, x))), x), [1, 2]), [6, 0, 0, 12]);
  const both = await evaluate(({ x }) => valueAndGrad((v: Tensor<[]>) => mul(v, v), x), { x: 3 });
  expect(both).toEqual({ value: 9, gradient: 6 });
  const right = await at((x) => checkGradient((v) => sum(exp(v)), x), [1, 2]);
  expect(right[0]).toBeLessThan(1e-8);
  const wrong = await at((x) => checkGradient((v) => sum(mul(v, stopGradient(v))), x), [1, 2]);
  expect(wrong[0]).toBeGreaterThan(0.1);
});

/** Of the numbers 1, 2, 3... in these shapes: the shape and the numbers that NumPy gives; it has no sum over `...`. */
const equations: readonly (readonly [spec: string, shapes: number[][], shape: number[], numbers: number[]])[] = [
  ["ji", [[2, 3]], [3, 2], [1, 4, 2, 5, 3, 6]],
  ["ii", [[3, 3]], [], [15]],
  [
    "aB,Bc",
    [
      [2, 2],
      [2, 1],
    ],
    [2, 1],
    [5, 11],
  ],
  [
    "...ij,...jk",
    [
      [2, 1, 2],
      [2, 1],
    ],
    [2, 1, 1],
    [5, 11],
  ],
  [
    "...ij,...j->i...",
    [
      [1, 2, 2],
      [2, 2],
    ],
    [2, 2],
    [5, 11, 11, 25],
  ],
  [
    "b...,b...->...",
    [
      [2, 1, 2],
      [2, 2, 1],
    ],
    [2, 2],
    [10, 14, 14, 20],
  ],
  ["...i->...", [[2, 2]], [2], [3, 7]],
  [
    "ab,bc,cd->da",
    [
      [1, 4],
      [4, 2],
      [2, 1],
    ],
    [1, 1],
    [170],
  ],
];

test.each(equations)("einsum(%j) of %j", async (spec, shapes, shape, numbers) => {
  const operands = shapes.map((dims) =>
    reshape(
      add(
        arange(
          dims.reduce((all, dim) => all * dim, 1),
          "f32",
        ),
        1,
      ),
      dims,
    ),
  );
  expect(einsum(spec as never, ...(operands as Tensor[])).shape).toEqual(shape);
  expect(await at((x) => add(einsum(spec as never, ...(operands as Tensor[])), cast(x, "f32")), 0)).toEqual(numbers);
});

test("einsum takes the cheapest two first", () => {
  const chain = program({
    inputs: { a: f32(2, 50), b: f32(50, 50), c: f32(50, 1) },
    step: ({ a, b, c }) => ({ outputs: { y: einsum("ij,jk,kl->il", a, b, c) } }),
  });
  expect(printEntry(chain.entries.get("step") as never)).toContain("f32[50,1] = contract");
});

test("einsum knows its result's shape, and refuses what does not fit", async () => {
  const [a, b] = [[[1, 2], [3, 4]], [[1, 0], [2, 1]]]; // biome-ignore format: matrices
  const product = await evaluate(({ a, b }) => einsum("ij,jk->ki", a, b), { a, b } as never);
  expect(list(product)).toEqual([5, 11, 2, 4]);
  expect(await at((x) => einsum("ii->i", x), a as number[][])).toEqual([1, 4]);
  const typed = (x: Tensor<[3, 5]>, y: Tensor<[5, 7]>): Tensor<[7, 3]> => einsum("ij,jk->ki", x, y);
  const implied = (x: Tensor<[3, 5]>, y: Tensor<[5, 7]>): Tensor<[7, 3]> => einsum("zj,jb", x, y);
  expect([typed, implied].map((each) => typeof each)).toEqual(["function", "function"]);
  await expect(at((x) => einsum("ij,j->i", x, x), a as number[][])).rejects.toThrow(
    /"j" for an operand of shape \[2,2\]/,
  );
  await expect(at((x) => einsum("ij->ik", x), a as number[][])).rejects.toThrow(/no operand has the result's axis k/);
  await expect(at((x) => einsum("i1", x), a as number[][])).rejects.toThrow(/wanted letters like/);
  await expect(at((x) => einsum("i...k...", x), a as number[][])).rejects.toThrow(/wanted letters like/);
  // as NumPy has it; PyTorch sums, and nobody is told
  for (const spec of ["...j->j", "i...->i", "...->"]) {
    await expect(at((x) => einsum(spec, x), a as number[][])).rejects.toThrow(
      new RegExp(`"\\.\\.\\." stands for ${spec === "...->" ? "2 axes" : "an axis"}, and the result has none`),
    );
  }
  await expect(at((x) => einsum("...ijk->ijk", x), a as number[][])).rejects.toThrow(/"ijk" for an operand/);
  await expect(at((x) => batchMatmul(x, x), [1, 2])).rejects.toThrow(/same rank, at least 2/);
});

test("indexes out of range give 0, starts are clamped", async () => {
  const table = [10, 20, 30];
  const places = (numbers: readonly number[]) => ({ x: table, i: [...numbers] });
  const asked = await evaluate(({ x, i }) => gather(x, castWhole(i)), places([2, -1, 3, 0]));
  expect(list(asked)).toEqual([30, 0, 0, 10]);
  const added = await evaluate(({ x, i }) => scatterAdd(castWhole(i), x, 3), places([1, 1, 7]));
  expect(list(added)).toEqual([0, 30, 0]);
  expect(await at((x) => dynamicSlice(x, [9], [2]), table)).toEqual([20, 30]);
  expect(await at((x) => dynamicSlice(x, [-9], [2]), table)).toEqual([10, 20]);
  expect(await at((x) => dynamicUpdate(x, mul(dynamicSlice(x, [0], [1]), -1), [2]), table)).toEqual([
    10, 20, -10,
  ]); // biome-ignore format: one row
});

test("random numbers: Threefry's bits, a normal's moments, a coin's share", async () => {
  const bits = list(await evaluate(() => randomBits([3])));
  const streams = Array.from({ length: 8 }, (_, stream) => [0, 1, 2].map((i) => threefry2x32(0, stream, 0, i)[0]));
  expect(streams).toContainEqual(bits);
  const normal = list(await evaluate(() => randomNormal([10000], { mean: 1, deviation: 2 })));
  const mean = normal.reduce((a, b) => a + b, 0) / normal.length;
  const spread = Math.sqrt(normal.reduce((a, b) => a + (b - mean) ** 2, 0) / normal.length);
  expect(Math.abs(mean - 1)).toBeLessThan(0.08);
  expect(Math.abs(spread - 2)).toBeLessThan(0.06);
  const coins = list(await evaluate(() => randomBernoulli([10000], 0.3)));
  expect(Math.abs(coins.reduce((a, b) => a + b, 0) / coins.length - 0.3)).toBeLessThan(0.02);
  expect(await evaluate(() => randomNormal([5]))).toEqual(await evaluate(() => randomNormal([5])));
});

function castWhole(x: Tensor): Tensor {
  return cast(x, "i32");
}
