/**
 * The general dot product: matmul, einsum and convolution become this.
 *
 *   result[batch, freeLeft, freeRight] = sum over the paired axes of left * right
 *
 * `batchLeft[i]` pairs with `batchRight[i]`, `sumLeft[i]` with `sumRight[i]`; free axes keep their order.
 */

import { isInteger } from "../../core/dtype.ts";
import { ShapeError } from "../../core/errors.ts";
import { contractOp } from "../define.ts";
import { type NdArray, transpose } from "../ndarray.ts";
import type { Batched, Build, ContractAttrs, ContractSchema, Node, NodeOf, Operands } from "../node.ts";
import { type Dim, dimOf, fixedShape, type Shape, sizeOf } from "../shape.ts";
import { tensorType } from "../type.ts";
import { toFront } from "./view.ts";

/** The axes of an operand that are neither batch nor summed, in order. */
export function freeAxes(rank: number, batch: readonly number[], summed: readonly number[]): number[] {
  const free: number[] = [];
  for (let axis = 0; axis < rank; axis += 1) if (!batch.includes(axis) && !summed.includes(axis)) free.push(axis);
  return free;
}

function dims(shape: Shape, axes: readonly number[]): Dim[] {
  return axes.map((axis) => dimOf(shape, axis));
}

function checkPairs(left: Shape, right: Shape, pairsLeft: readonly number[], pairsRight: readonly number[]): void {
  if (pairsLeft.length !== pairsRight.length) throw new ShapeError("axes to contract come in pairs");
  pairsLeft.forEach((axis, i) => {
    const [a, b] = [left[axis], right[pairsRight[i] ?? -1]];
    if (a === undefined || b === undefined) throw new ShapeError("an axis to contract does not exist");
    if (a !== b) throw new ShapeError(`inner dimensions ${a} and ${b} differ`);
  });
}

/** Operand laid out as batch, rows, columns. */
function asMatrices(x: NdArray, order: readonly [readonly number[], readonly number[], readonly number[]]): NdArray {
  const axes = order.flat();
  return axes.every((axis, i) => axis === i) ? x : transpose(x, axes);
}

/** Products of matrices. Whole numbers wrap at every step: a double would lose the low bits of large products. */
function multiply(
  left: Float64Array,
  right: Float64Array,
  [batch, m, k, n]: readonly [number, number, number, number],
  whole: boolean,
): Float64Array {
  const out = new Float64Array(batch * m * n);
  const addRows = whole ? addWholeRows : addScaledRows;
  for (let row = 0; row < batch * m; row++) {
    const factors = left.subarray(row * k, (row + 1) * k);
    addRows(out.subarray(row * n, (row + 1) * n), factors, right, Math.floor(row / m) * k * n);
  }
  return out;
}

/** out += sum over p of factors[p] * (row p of the matrix at `from`), one after the other; four a turn, for speed. */
function addScaledRows(out: Float64Array, factors: Float64Array, matrix: Float64Array, from: number): void {
  const n = out.length;
  const paired = factors.length & ~3;
  for (let p = 0; p < paired; p += 4) {
    const [a, b] = [factors[p] ?? 0, factors[p + 1] ?? 0];
    const [c, d] = [factors[p + 2] ?? 0, factors[p + 3] ?? 0];
    const [atA, atB, atC, atD] = [from + p * n, from + (p + 1) * n, from + (p + 2) * n, from + (p + 3) * n];
    for (let j = 0; j < n; j++) {
      const half = (out[j] ?? 0) + a * (matrix[atA + j] ?? 0) + b * (matrix[atB + j] ?? 0);
      out[j] = half + c * (matrix[atC + j] ?? 0) + d * (matrix[atD + j] ?? 0);
    }
  }
  for (let p = paired; p < factors.length; p++) {
    const a = factors[p] ?? 0;
    for (let j = 0; j < n; j++) out[j] = (out[j] ?? 0) + a * (matrix[from + p * n + j] ?? 0);
  }
}

function addWholeRows(out: Float64Array, factors: Float64Array, matrix: Float64Array, from: number): void {
  const n = out.length;
  for (const [p, factor] of factors.entries()) {
    for (let j = 0; j < n; j++) out[j] = ((out[j] ?? 0) + Math.imul(factor, matrix[from + p * n + j] ?? 0)) | 0;
  }
}

/**
 * Gradient of one operand: contract `g` with the other operand over the other's free axes, then put the axes in order.
 * `side` 0 is the left.
 */
function operandGradient(node: NodeOf<ContractSchema, 2>, g: Node, side: 0 | 1, b: Build): Node {
  const { attrs } = node;
  const [left, right] = node.args;
  const [leftRank, rightRank] = [left.type.shape.length, right.type.shape.length];
  const batchCount = attrs.batchLeft.length;
  const freeLeft = freeAxes(leftRank, attrs.batchLeft, attrs.sumLeft);
  const freeRight = freeAxes(rightRank, attrs.batchRight, attrs.sumRight);
  const batchG = attrs.batchLeft.map((_, i) => i);
  const leftG = freeLeft.map((_, i) => batchCount + i);
  const rightG = freeRight.map((_, i) => batchCount + freeLeft.length + i);
  if (side === 0) {
    // free axes: freeLeft of g; summed axes of the right in its order
    const summed = attrs.sumRight
      .toSorted((x, y) => x - y)
      .map((axis) => attrs.sumLeft[attrs.sumRight.indexOf(axis)] ?? 0);
    const pairs = { batchLeft: batchG, batchRight: attrs.batchRight, sumLeft: rightG, sumRight: freeRight };
    return oriented(b, g, right, pairs, [attrs.batchLeft, freeLeft, summed]);
  }
  // free axes: summed axes of the left in its order; freeRight of g
  const summed = attrs.sumLeft
    .toSorted((x, y) => x - y)
    .map((axis) => attrs.sumRight[attrs.sumLeft.indexOf(axis)] ?? 0);
  const pairs = { batchLeft: attrs.batchLeft, batchRight: batchG, sumLeft: freeLeft, sumRight: leftG };
  return oriented(b, left, g, pairs, [attrs.batchRight, summed, freeRight]);
}

type Axes = readonly number[];

/**
 * Contracts so that the result has the axes of the operand it is the gradient of: with the sides exchanged where that does
 * it, so that an optimizer's update finds the contraction itself; otherwise with a permute. The result's axes stand for the
 * operand's axes `batch`, `first` (free in `left`) and `second` (free in `right`).
 */
export function oriented(
  b: Build,
  left: Node,
  right: Node,
  pairs: ContractAttrs,
  [batch, first, second]: readonly [Axes, Axes, Axes],
): Node {
  const isInOrder = (axes: Axes): boolean => axes.every((axis, i) => axis === i);
  const straight = [...batch, ...first, ...second];
  if (!isInOrder(straight) && isInOrder([...batch, ...second, ...first])) {
    const { batchLeft, batchRight, sumLeft, sumRight } = pairs;
    return b.contract(right, left, {
      batchLeft: batchRight,
      batchRight: batchLeft,
      sumLeft: sumRight,
      sumRight: sumLeft,
    });
  }
  const raw = b.contract(left, right, pairs);
  return isInOrder(straight)
    ? raw
    : b.permute(
        raw,
        straight.map((_, axis) => straight.indexOf(axis)),
      );
}

/**
 * An axis of examples of both factors is one more batch axis. Of one alone it is one more free axis, so that a product with shared
 * weights stays one product.
 */
function batchContract(
  [left, right]: Operands<2, Batched>,
  attrs: ContractAttrs,
  _size: Dim,
  b: Build,
): readonly Batched[] {
  const up = (axes: Axes, batched: boolean): Axes => (batched ? axes.map((axis) => axis + 1) : axes);
  const batchLeft = up(attrs.batchLeft, left.batched);
  const batchRight = up(attrs.batchRight, right.batched);
  const isBoth = left.batched && right.batched;
  const made = b.node(contract, [left.node, right.node], {
    batchLeft: isBoth ? [0, ...batchLeft] : batchLeft,
    batchRight: isBoth ? [0, ...batchRight] : batchRight,
    sumLeft: up(attrs.sumLeft, left.batched),
    sumRight: up(attrs.sumRight, right.batched),
  });
  const leftRank = left.node.type.shape.length;
  const before = left.batched ? batchLeft.length : leftRank - attrs.sumLeft.length;
  return [{ node: isBoth ? made : toFront(made, before, b), batched: true }];
}

export const contract = contractOp({
  name: "contract",
  tolerance: "summed",
  infer([left, right], { batchLeft, batchRight, sumLeft, sumRight }) {
    if (left.dtype !== right.dtype) throw new ShapeError(`dtypes ${left.dtype} and ${right.dtype} differ: cast one`);
    if (left.dtype === "bool" || left.dtype === "u8") {
      throw new ShapeError(`is not defined for ${left.dtype}: cast it first`);
    }
    checkPairs(left.shape, right.shape, batchLeft, batchRight);
    checkPairs(left.shape, right.shape, sumLeft, sumRight);
    const freeLeft = freeAxes(left.shape.length, batchLeft, sumLeft);
    const freeRight = freeAxes(right.shape.length, batchRight, sumRight);
    return tensorType(left.dtype, [
      ...dims(left.shape, batchLeft),
      ...dims(left.shape, freeLeft),
      ...dims(right.shape, freeRight),
    ]);
  },
  batch: batchContract,
  // C = AB: dA = dC Bᵀ, dB = Aᵀ dC
  vjp: (node, g, b) => [operandGradient(node, g, 0, b), operandGradient(node, g, 1, b)],
  evaluate([a, b], attrs, type) {
    const freeLeft = freeAxes(a.shape.length, attrs.batchLeft, attrs.sumLeft);
    const freeRight = freeAxes(b.shape.length, attrs.batchRight, attrs.sumRight);
    const count = (x: NdArray, axes: readonly number[]): number => sizeOf(axes.map((axis) => x.shape[axis] ?? 0));
    const data = multiply(
      asMatrices(a, [attrs.batchLeft, freeLeft, attrs.sumLeft]).data,
      asMatrices(b, [attrs.batchRight, attrs.sumRight, freeRight]).data,
      [count(a, attrs.batchLeft), count(a, freeLeft), count(a, attrs.sumLeft), count(b, freeRight)],
      isInteger(type.dtype),
    );
    const wrapped = type.dtype === "u32" ? data.map((v) => v >>> 0) : data;
    return { dtype: type.dtype, shape: fixedShape(type.shape), data: wrapped };
  },
});
