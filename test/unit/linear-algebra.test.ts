/**
 * Linear algebra against closed forms: pivots that must be exchanged, a singular matrix, gradients of eigenvalues and determinants.
 * Values, gradients and second derivatives of random matrices agreed with PyTorch's to 1e-13 (test/op-cases.ts has all targets).
 */
import { expect, test } from "vitest";
import {
  cholesky,
  det,
  evaluate,
  grad,
  inverse,
  powerIteration,
  scalar,
  solve,
  solveTriangular,
  sum,
  type Tensor,
} from "../../src/index.ts";

type Matrix = readonly (readonly number[])[];
const list = (value: unknown): number[] => (typeof value === "number" ? [value] : [...(value as Float64Array)]);
const at = async (f: (x: Tensor) => unknown, x: Matrix): Promise<number[]> =>
  list(await evaluate(({ x }) => f(x), { x: x as number[][] }, { dtype: "f64" }));

function expectNear(found: readonly number[], wanted: readonly number[]): void {
  expect(found.length).toBe(wanted.length);
  for (const [i, value] of wanted.entries()) expect(found[i]).toBeCloseTo(value, 10);
}

test("an inverse, a solution and a determinant whose rows must be exchanged first", async () => {
  const [swap, plain] = [[[0, 2], [1, 0]], [[4, 7], [2, 6]]]; // biome-ignore format: matrices
  expectNear(await at((x) => inverse(x), plain as Matrix), [0.6, -0.7, -0.2, 0.4]);
  expectNear(await at((x) => inverse(x), swap as Matrix), [0, 1, 0.5, 0]);
  expectNear(await at((x) => det(x), swap as Matrix), [-2]);
  expectNear(await at((x) => solve(x, x), swap as Matrix), [1, 0, 0, 1]);
});

test("the gradient of a determinant is the matrix of cofactors, of a singular matrix too", async () => {
  const cofactors = (x: Matrix): Promise<number[]> => at((a) => grad(det(a) as never, a), x);
  expectNear(await cofactors([[1, 2], [3, 4]]), [4, -3, -2, 1]); // biome-ignore format: a matrix
  expectNear(await cofactors([[1, 2], [2, 4]]), [4, -2, -2, 1]); // biome-ignore format: a matrix
  expectNear(await cofactors([[0, 0], [0, 0]]), [0, 0, 0, 0]); // biome-ignore format: a matrix
  // a column of zeros that is not the last, as it is or once the one before it is subtracted
  expectNear(await cofactors([[0, 1, 2], [0, 3, 4], [0, 5, 7]]), [1, 0, 0, 3, 0, 0, -2, 0, 0]); // biome-ignore format: a matrix
  expectNear(await cofactors([[1, 1, 3], [2, 2, 4], [1, 1, 7]]), [10, -10, 0, -4, 4, 0, -2, 2, 0]); // biome-ignore format: a matrix
  expectNear(await cofactors([[0, 0, 1], [0, 0, 2], [1, 3, 4]]), [-6, 2, 0, 3, -1, 0, 0, 0, 0]); // biome-ignore format: a matrix
});

test("triangular systems read their triangle alone", async () => {
  const x = [[2, 9], [1, 4]]; // biome-ignore format: a matrix
  const of = (options: object): Promise<number[]> => at((a) => solveTriangular(a, a, options), x);
  expectNear(await of({}), [1, 4.5, 0, -0.125]);
  expectNear(await of({ lower: false }), [-0.125, 0, 0.25, 1]);
  expectNear(await of({ unitDiagonal: true }), [2, 9, -1, -5]);
});

test("cholesky takes a matrix as symmetric, and one that is not positive definite for NaN", async () => {
  expectNear(await at((x) => cholesky(x), [[4, 2], [2, 3]]), [2, 0, 1, Math.SQRT2]); // biome-ignore format: a matrix
  expectNear(await at((x) => cholesky(x), [[4, 1], [3, 3]]), [2, 0, 1, Math.SQRT2]); // biome-ignore format: a matrix
  const slopes = await at((x) => grad(sum(cholesky(x)), x), [[4, 2], [2, 3]]); // biome-ignore format: a matrix
  expect(slopes[1]).toBeCloseTo(slopes[2] ?? Number.NaN, 12);
  expect((await at((x) => cholesky(x), [[1, 2], [2, 1]])).some(Number.isNaN)).toBe(true); // biome-ignore format: a matrix
});

test("the largest eigenvalue, its vector, and its gradient, which is the vector times itself", async () => {
  const x = [[2, 1], [1, 2]]; // biome-ignore format: a matrix
  expectNear(await at((a) => powerIteration(a).value, x), [3]);
  for (const target of ["js", "wasm"] as const) {
    const found = await evaluate(({ a }) => powerIteration(a).value, { a: x }, { target });
    expect(list(found)[0]).toBeCloseTo(3, 5);
  }
  const half = Math.SQRT1_2;
  expectNear(await at((a) => powerIteration(a, { steps: 50 }).vector, x), [half, half]);
  expectNear(await at((a) => grad(powerIteration(a).value as never, a), x), [0.5, 0.5, 0.5, 0.5]);
});

test("what is no square, no system, no float is refused", () => {
  const x = scalar(1);
  expect(() => det(x)).toThrow(/det: a must be square matrices \[\.\., n, n\], not \[\]/);
  expect(() => solve(x as never, x)).toThrow(/square matrices/);
});
