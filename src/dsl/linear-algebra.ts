/**
 * Linear algebra of small matrices [.., n, n], any number of them in front. Each is a loop over rows or columns (`scan`), so that
 * compiling takes the same time for any n; its gradient is the loop the other way round.
 *
 *   solveTriangular   row i: x[i] = (b[i] - sum over j < i of a[i, j] x[j]) / a[i, i]
 *   cholesky          column j: what the columns before it leave of a[:, j], over the root of its first
 *   solve, inverse        elimination by columns with partial pivoting (Golub and Van Loan, "Matrix Computations", 3.4)
 *   det                   the same with complete pivoting
 */
import type { DType } from "../core/dtype.ts";
import { ShapeError } from "../core/errors.ts";
import { checkArguments, checkOptions, flag, type OptionTable, whole } from "../core/options.ts";
import { atLine, here, type Origin } from "../core/origin.ts";
import { slice as sliceOp } from "../graph/ops/parts.ts";
import { type Dim, printShape, type Shape } from "../graph/shape.ts";
import { applyOp } from "./build.ts";
import { checkTensor } from "./check.ts";
import { equal, greater, greaterEqual, where } from "./logic.ts";
import { scan } from "./loops.ts";
import { abs, add, cast, div, mul, neg, sin, sqrt, square, sub } from "./math.ts";
import { productOf } from "./product-of.ts";
import { argmax, max, prod, sum } from "./reduce.ts";
import { broadcastTo, concat, flip, permute, reshape } from "./shape.ts";
import type { CheckDTypes } from "./shape-types.ts";
import { arange, full } from "./sources.ts";
import { rootOrZero } from "./stable.ts";
import { type Tensor, tensorLeaf } from "./tensor.ts";

/** The shape of the list of matrices. */
export type MatricesOf<S extends Shape> = S extends readonly [...infer Front extends Shape, Dim, Dim] ? Front : Shape;

/** The shape of a vector for each matrix. */
export type VectorsOf<S extends Shape> = S extends readonly [...infer Front extends Shape, Dim] ? Front : Shape;

/** Which triangle of a matrix counts, and how. */
export interface TriangularOptions {
  /** The lower triangle, which is the default, or the upper one. What lies in the other counts as 0. */
  readonly lower?: boolean;
  /** Solve with the transposed matrix. False by default. */
  readonly transposed?: boolean;
  /** Take the diagonal for ones, whatever stands there. False by default. */
  readonly unitDiagonal?: boolean;
}

const triangularTable: OptionTable<TriangularOptions> = { lower: flag, transposed: flag, unitDiagonal: flag };

/**
 * x [.., n, k] with a x = b, for a triangular matrix a [.., n, n] and right sides b [.., n, k]. A 0 on the diagonal gives infinities
 * and NaN.
 */
export function solveTriangular<S extends Shape, B extends Shape, D extends DType, E extends DType>(
  a: Tensor<S, D>,
  b: Tensor<B, E> & CheckDTypes<"solveTriangular", D, E>,
  options?: TriangularOptions,
): Tensor<B, D>;
export function solveTriangular(a: Tensor, b: Tensor, given: TriangularOptions = {}): Tensor {
  checkArguments("solveTriangular", arguments, 3);
  const origin = here("solveTriangular");
  checkSystem("solveTriangular", a, b, origin);
  const options = checkOptions("solveTriangular", given, triangularTable, { before: "a, b, ", origin });
  const turned = options.transposed === true ? swapped(a) : a;
  const isLower = (options.lower ?? true) !== (options.transposed === true);
  const unit = options.unitDiagonal === true;
  if (isLower) return forward(turned, b, unit, origin);
  // From the last row to the first: the lower triangle of the matrix turned about.
  const rows = a.shape.length - 2;
  return flip(forward(flip(turned, [rows, rows + 1]), flip(b, [rows]), unit, origin), [rows]);
}

/** The lower triangle alone is read. */
function forward(a: Tensor, b: Tensor, unit: boolean, origin: Origin): Tensor {
  const { rank, n } = sizesOf(a);
  const index = arange(n);
  const right = [...b.shape.slice(0, rank - 2), 1, b.shape[rank - 1] ?? 1];
  const step = (x: Tensor, { row, of, i }: { readonly row: Tensor; readonly of: Tensor; readonly i: Tensor }) => {
    const isOwn = equal(index, i);
    const before = where(greater(i, index), row, 0);
    const rest = sub(reshape(of, right), productOf(reshape(before, [...right.slice(0, -1), n]), x, origin));
    const own = reshape(sum(where(isOwn, row, 0), { axis: -1 }), [...right.slice(0, -1), 1]);
    return { carry: where(reshape(isOwn, [n, 1]), unit ? rest : div(rest, own), x) };
  };
  return scan(step, mul(b, 0), { row: inFront(a, rank - 2), of: inFront(b, rank - 2), i: index }).carry;
}

/**
 * The lower triangular matrix l with l lᵀ = a, of a symmetric positive definite matrix a [.., n, n]. Of one that is not symmetric it is
 * that of (a + aᵀ) / 2, so that gradients are symmetric; one that is not positive definite gives NaN.
 */
export function cholesky<S extends Shape, D extends DType>(a: Tensor<S, D>): Tensor<S, D>;
export function cholesky(a: Tensor): Tensor {
  checkArguments("cholesky", arguments, 1);
  const origin = here("cholesky");
  checkSquare("cholesky", a, origin);
  const { rank, n } = sizesOf(a);
  const index = arange(n);
  const symmetric = mul(add(a, swapped(a)), 0.5);
  const column = [...a.shape.slice(0, rank - 1), 1];
  const step = (l: Tensor, { of, j }: { readonly of: Tensor; readonly j: Tensor }) => {
    const isOwn = equal(index, j);
    const row = sum(where(reshape(isOwn, [n, 1]), l, 0), { axis: -2 });
    const rest = sub(of, reshape(productOf(l, reshape(row, column), origin), column.slice(0, -1)));
    const root = sqrt(sum(where(isOwn, rest, 0), { axis: -1, keepDims: true }));
    const made = where(greaterEqual(index, j), div(rest, root), 0);
    return { carry: where(isOwn, reshape(made, column), l) };
  };
  return scan(step, mul(a, 0), { of: inFront(symmetric, rank - 1), j: index }).carry;
}

/**
 * x [.., n, k] with a x = b, for any matrix a [.., n, n] that has an inverse; of one that has none infinities and NaN. A vector is a
 * right side [.., n, 1].
 */
export function solve<S extends Shape, B extends Shape, D extends DType, E extends DType>(
  a: Tensor<S, D>,
  b: Tensor<B, E> & CheckDTypes<"solve", D, E>,
): Tensor<B, D>;
export function solve(a: Tensor, b: Tensor): Tensor {
  checkArguments("solve", arguments, 2);
  const origin = here("solve");
  checkSystem("solve", a, b, origin);
  return solved(a, b, origin);
}

function solved(a: Tensor, b: Tensor, origin: Origin): Tensor {
  const { rank, n } = sizesOf(a);
  const { rows } = eliminated(concat([a, b], rank - 1), n);
  const start = rows.shape.map((_, axis) => (axis === rank - 1 ? n : 0));
  const step = start.map(() => 1);
  const upper = applyOp(sliceOp, [rows], { start: step.map(() => 0), stop: a.shape, step }, origin);
  const right = applyOp(sliceOp, [rows], { start, stop: rows.shape, step }, origin);
  return solveTriangular(upper, right, { lower: false });
}

/** The inverse of a matrix [.., n, n]; see `solve`, which is better where a system is to be solved. */
export function inverse<S extends Shape, D extends DType>(a: Tensor<S, D>): Tensor<S, D>;
export function inverse(a: Tensor): Tensor {
  checkArguments("inverse", arguments, 1);
  const origin = here("inverse");
  checkSquare("inverse", a, origin);
  const { n } = sizesOf(a);
  const identity = cast(equal(reshape(arange(n), [n, 1]), arange(n)), a.dtype);
  return solved(a, broadcastTo(identity, a.shape), origin);
}

/** The determinant of a matrix [.., n, n]. The gradient is right where it is 0, too. */
export function det<S extends Shape, D extends DType>(a: Tensor<S, D>): Tensor<MatricesOf<S>, D>;
export function det(a: Tensor): Tensor {
  checkArguments("det", arguments, 1);
  checkSquare("det", a, here("det"));
  const { n } = sizesOf(a);
  const { rows, sign } = eliminated(a, n, true);
  const pivots = sum(where(equal(reshape(arange(n), [n, 1]), arange(n)), rows, 0), { axis: -1 });
  return mul(sign, prod(pivots, { axis: -1 }));
}

/**
 * Rows [.., n, m] without what stands below the diagonal of the first n columns, and the sign of what was exchanged: rows, and of
 * square ones, where `complete`, columns as well. Then a pivot is 0 only where all that is left is, and the gradient of a
 * product of pivots is right there too (complete pivoting, Golub and Van Loan 3.4.8).
 */
function eliminated(whole: Tensor, n: Dim, complete = false): { readonly rows: Tensor; readonly sign: Tensor } {
  const { rank } = sizesOf(whole);
  const lead: Shape = whole.shape.slice(0, rank - 2);
  const [down, across] = [arange(n), arange(whole.shape[rank - 1] ?? 0)];
  const step = (before: { readonly rows: Tensor; readonly sign: Tensor }, k: Tensor) => {
    const { rows, sign } = complete ? withLargestColumn(before, k, n) : before;
    const isColumn = equal(across, k);
    const column = sum(where(isColumn, rows, 0), { axis: -1 });
    const place = argmax(where(greaterEqual(down, k), abs(column), -1));
    const isPivot = reshape(equal(down, reshape(place, [...lead, 1])), [...lead, n, 1]);
    const isOwn = reshape(equal(down, k), [n, 1]);
    const rowOf = (is: Tensor<Shape, "bool">): Tensor => sum(where(is, rows, 0), { axis: -2, keepDims: true });
    const pivotRow = rowOf(isPivot);
    const exchanged = where(isOwn, pivotRow, where(isPivot, rowOf(isOwn), rows));
    const columnOf = (of: Tensor): Tensor => sum(where(isColumn, of, 0), { axis: -1, keepDims: true });
    const pivot = columnOf(pivotRow);
    const divisor = where(equal(pivot, 0), 1, pivot);
    const factor = where(reshape(greater(down, k), [n, 1]), div(columnOf(exchanged), divisor), 0);
    const flipped = where(equal(place, k), sign, neg(sign));
    return { carry: { rows: sub(exchanged, mul(factor, pivotRow)), sign: flipped } };
  };
  const ones: Tensor = full(lead, 1, whole.dtype);
  return scan(step, { rows: whole, sign: ones }, down).carry;
}

/** Column k exchanged with the one that has the largest of the elements from row and column k on. */
function withLargestColumn({ rows, sign }: { readonly rows: Tensor; readonly sign: Tensor }, k: Tensor, n: Dim) {
  const { rank } = sizesOf(rows);
  const across = arange(n);
  const isLeft = greaterEqual(across, k);
  const largest = max(where(reshape(isLeft, [n, 1]), abs(rows), -1), { axis: -2 });
  const place = argmax(where(isLeft, largest, -1));
  const isPlace = reshape(equal(across, reshape(place, [...place.shape, 1])), [...rows.shape.slice(0, rank - 2), 1, n]);
  const isOwn = equal(across, k);
  const columnOf = (is: Tensor<Shape, "bool">): Tensor => sum(where(is, rows, 0), { axis: -1, keepDims: true });
  const exchanged = where(isOwn, columnOf(isPlace), where(isPlace, columnOf(isOwn), rows));
  return { rows: exchanged, sign: where(equal(place, k), sign, neg(sign)) };
}

/** How long a power iteration goes on, and from where. */
export interface PowerOptions {
  /** Products with the matrix. 100 by default. */
  readonly steps?: number;
  /** A vector [.., n] to start with, of any length; sin(1), sin(2), ... by default. */
  readonly start?: Tensor;
}

const powerTable: OptionTable<PowerOptions> = { steps: whole({ from: 0 }), start: tensorLeaf };

/**
 * The eigenvector of length 1 [.., n] whose eigenvalue is the largest in magnitude, and that eigenvalue, of a symmetric matrix
 * [.., n, n]: the vector is multiplied by the matrix and brought to length 1, again and again. What is wrong with it falls by the
 * ratio of the second largest eigenvalue and the largest in each step.
 */
export function powerIteration<S extends Shape, D extends DType>(
  a: Tensor<S, D>,
  options?: PowerOptions,
): { readonly value: Tensor<MatricesOf<S>, D>; readonly vector: Tensor<VectorsOf<S>, D> };
export function powerIteration(
  a: Tensor,
  given: PowerOptions = {},
): { readonly value: Tensor; readonly vector: Tensor } {
  checkArguments("powerIteration", arguments, 2);
  const origin = here("powerIteration");
  checkSquare("powerIteration", a, origin);
  const options = checkOptions("powerIteration", given, powerTable, { before: "a, ", origin });
  const { rank, n } = sizesOf(a);
  const vectors = a.shape.slice(0, rank - 1);
  const start = options.start ?? broadcastTo(sin(cast(add(arange(n), 1), a.dtype)), vectors);
  if (start.dtype !== a.dtype || printShape(start.shape) !== printShape(vectors)) {
    const wanted = `a start of ${a.dtype}${printShape(vectors)}, not ${start.dtype}${printShape(start.shape)}`;
    throw new ShapeError(`powerIteration(${printShape(a.shape)}) takes ${wanted}${atLine(origin)}`);
  }
  const times = (v: Tensor): Tensor => reshape(productOf(a, reshape(v, [...vectors, 1]), origin), vectors);
  const step = (v: Tensor) => ({ carry: unit(times(v)) });
  const vector = scan(step, unit(start), {}, { length: options.steps ?? 100 }).carry;
  return { value: sum(mul(vector, times(vector)), { axis: -1 }), vector };
}

/** Of length 1; a vector of zeros stays one. */
function unit(v: Tensor): Tensor {
  const length = rootOrZero(sum(square(v), { axis: -1, keepDims: true }));
  return div(v, where(equal(length, 0), 1, length));
}

// ---- shapes ----------------------------------------------------------------------------------------------------------

function sizesOf({ shape }: Tensor): { readonly rank: number; readonly n: Dim } {
  return { rank: shape.length, n: shape[shape.length - 2] ?? 0 };
}

/** The last two axes exchanged. */
function swapped(a: Tensor): Tensor {
  const rank = a.shape.length;
  return permute(a, [...a.shape.slice(2).map((_, i) => i), rank - 1, rank - 2]);
}

/** An axis in front of the others: what a loop takes rows of. */
function inFront(x: Tensor, axis: number): Tensor {
  return permute(x, [axis, ...x.shape.flatMap((_, i) => (i === axis ? [] : [i]))]);
}

function checkSquare(call: string, a: Tensor, origin: Origin): void {
  const { shape, dtype } = checkTensor(call, a);
  const [rows, columns] = shape.slice(-2);
  if (shape.length < 2 || rows !== columns)
    throw new ShapeError(`${call}: a must be square matrices [.., n, n], not ${printShape(shape)}${atLine(origin)}`);
  if (dtype !== "f32" && dtype !== "f64")
    throw new ShapeError(`${call}: a must be f32 or f64, not ${dtype}: cast it first${atLine(origin)}`);
}

function checkSystem(call: string, a: Tensor, b: Tensor, origin: Origin): void {
  checkSquare(call, a, origin);
  checkTensor(call, b, "b");
  const rank = a.shape.length;
  const fits = b.shape.length === rank && a.shape.slice(0, -1).every((dim, i) => dim === b.shape[i]);
  if (fits && a.dtype === b.dtype) return;
  const types = `${a.dtype}${printShape(a.shape)}, ${b.dtype}${printShape(b.shape)}`;
  const hint = b.shape.length === rank - 1 ? ": a vector is a right side [.., n, 1]" : "";
  throw new ShapeError(`${call}(${types}): wanted [.., n, n] and [.., n, k] of one dtype${hint}${atLine(origin)}`);
}
