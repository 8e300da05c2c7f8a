/**
 * The operations of random programs that compute: maps of every dtype, reductions, contractions, random numbers, gradients,
 * loops and transforms.
 */
import {
  add,
  avgPool,
  batchMatmul,
  conv,
  convTranspose,
  cos,
  cumulativeLogSumExp,
  cumulativeSum,
  div,
  einsum,
  erf,
  exp,
  expm1,
  full,
  grad,
  log1p,
  logSoftmax,
  matmul,
  max,
  mean,
  min,
  mul,
  neg,
  pow,
  prod,
  randomBernoulli,
  randomNormal,
  randomUniform,
  reshape,
  rsqrt,
  sigmoid,
  sin,
  softmax,
  softmaxCrossEntropy,
  softplus,
  sqrt,
  stopGradient,
  sub,
  sum,
  type Tensor,
  tanh,
  transpose,
  variance,
} from "../../src/index.ts";
import { discontinuous, integer, logical } from "./random-discrete.ts";
import { looped } from "./random-loops.ts";
import { inShort } from "./random-short.ts";
import { transformed } from "./random-transforms.ts";
import {
  countOf,
  exactly,
  isExact,
  isFloat,
  isInteger,
  partner,
  pick,
  rounded,
  type Step,
  shapeOf,
  type Value,
  whole,
} from "./random-value.ts";
import { indexed, view } from "./random-views.ts";

/** How many gradients a program may still take: each multiplies the work of what it differentiates. */
export interface Budget {
  gradients: number;
}

export function operation(step: Step, values: readonly Value[], budget: Budget): Value | null {
  const [op, a, b, choice] = step;
  const floats = values.filter(isFloat);
  const [left, right] = [pick(floats, a), pick(floats, b)];
  switch (op % 17) {
    case 0:
    case 1:
      return binary(left, partner(left, right), choice);
    case 2:
      return smooth(left, choice);
    case 3:
    case 14:
      return product(left, right, choice) ?? square(left);
    case 4:
    case 15:
      return reduction(left, choice);
    case 5:
    case 6:
      return view(pick(values, a), pick(values, b), choice);
    case 7:
      return (
        (choice % 4 < 2 ? inShort(floats.filter(isExact), step) : null) ?? discontinuous(floats.filter(isExact), step)
      );
    case 8:
      return integer(values, step);
    case 9:
      return logical(values, step);
    case 10:
      return indexed(values, step);
    case 11:
      return randomNumbers(left, choice);
    case 16:
      return transformed(left, right, choice);
    case 12:
      return gradient(left, right, values[5] ?? left, choice, budget);
    default:
      return choice < 44 ? composite(left, values, choice) : looped(left, right, choice);
  }
}

function binary(left: Value, right: Value, choice: number): Value {
  const [x, y] = [left.x, right.x];
  const error = left.error + right.error;
  const sumBits = Math.max(left.bits, right.bits) + 1;
  switch (choice % 6) {
    case 0:
      return exactly(add(x, y), left.bound + right.bound, sumBits, error);
    case 1:
      return exactly(sub(x, y), left.bound + right.bound, sumBits, error);
    case 2: {
      const across = left.bound * right.error + right.bound * left.error;
      return exactly(mul(x, y), left.bound * right.bound, left.bits + right.bits, across);
    }
    case 3:
      return rounded(div(x, add(mul(y, y), 1)), left.bound, left.error + left.bound * right.error);
    case 4: {
      const base = add(mul(tanh(x), tanh(x)), 0.5);
      return rounded(pow(base, sin(y)), 2, 4 * error);
    }
    default:
      return exactly(mul(x, 0.5), left.bound, left.bits + 1, left.error);
  }
}

function smooth({ x, bound, bits, error }: Value, choice: number): Value {
  const square = (): Tensor => mul(x, x);
  switch (choice % 12) {
    case 0:
      return rounded(tanh(x), 1, error);
    case 1:
      return bound <= 3 ? rounded(exp(x), Math.exp(bound), Math.exp(bound) * error) : rounded(sigmoid(x), 1, error);
    case 2:
      return exactly(neg(x), bound, bits, error);
    case 3:
      return rounded(sqrt(add(square(), 1)), bound + 1, error);
    case 4:
      return rounded(sin(x), 1, error);
    case 5:
      return rounded(log1p(square()), 2 * Math.log(bound + 1) + 1, error);
    case 6:
      return rounded(cos(x), 1, error);
    case 7:
      return rounded(erf(x), 1, 2 * error);
    case 8:
      return rounded(rsqrt(add(square(), 0.5)), 1.5, 2 * error);
    case 9:
      return bound <= 3
        ? rounded(expm1(x), Math.exp(bound), Math.exp(bound) * error)
        : rounded(softplus(x), bound + 1, error);
    case 10:
      return { x: stopGradient(x), bound, bits, error };
    default:
      return rounded(sigmoid(x), 1, error);
  }
}

/** A contraction, transposing where that makes the inner dimensions fit. */
function product(left: Value, right: Value, choice: number): Value | null {
  const [x, y] = [left.x, right.x];
  const [rows, inner] = shapeOf(left);
  const [first, second] = shapeOf(right);
  const made = (tensor: unknown, terms: number): Value => {
    const across = left.bound * right.error + right.bound * left.error;
    const bits = left.bits + right.bits + Math.ceil(Math.log2(terms + 1));
    return exactly(tensor, Math.max(1, terms) * left.bound * right.bound, bits, terms * across);
  };
  if (countOf(left) * countOf(right) > 40_000) return null;
  if (x.rank === 1 && y.rank === 1 && rows !== undefined && first !== undefined) {
    if (choice % 2 === 0 && rows === first) return made(einsum("i,i->", x, y), rows);
    return made(einsum("i,j->ji", x, y), 1);
  }
  if (x.rank > 2 && x.rank === y.rank) {
    const batch = shapeOf(left).slice(0, -2).join() === shapeOf(right).slice(0, -2).join();
    const inside = shapeOf(left).at(-1);
    // Batches are the leading axes of what batchMatmul takes, the last two the matrices.
    return x.rank === 3 && batch && inside === shapeOf(right).at(-2) ? made(batchMatmul(x, y), inside ?? 1) : null;
  }
  if (x.rank === 3 && y.rank === 2 && shapeOf(left)[2] === second)
    return made(einsum("abc,dc->bda", x, y), second ?? 1);
  if (x.rank !== 2 || y.rank !== 2 || rows === undefined || inner === undefined) return null;
  if (choice % 5 === 4 && rows === inner) return made(einsum("ii,jk->kij", x, y), 1);
  if (inner === first) return made(matmul(x, y), inner);
  if (inner === second) return made(matmul(x, transpose(y)), inner);
  if (rows === first) return made(matmul(transpose(x), y), rows);
  return null;
}

/** The products of all rows of a matrix, or the sum of the squares. */
function square(value: Value): Value | null {
  const { x, bound, bits, error } = value;
  const terms = countOf(value);
  if (terms > 200) return null;
  const left = x.rank === 2 ? x : reshape(x, [1, -1]);
  return exactly(matmul(left, transpose(left)), terms * bound * bound, 2 * bits + 8, 2 * terms * bound * error);
}

function reduction(value: Value, choice: number): Value {
  const { x, bound, bits, error } = value;
  const shape = shapeOf(value);
  const axes = choice % 5 === 0 || x.rank === 0 ? shape.map((_, axis) => axis) : [choice % x.rank];
  const options = { axis: axes, keepDims: choice % 2 === 1 };
  const terms = axes.reduce((count, axis) => count * (shape[axis] ?? 1), 1);
  if (isExact(value) && terms > 0) {
    if (choice % 6 === 0) return exactly(max(x, options), bound, bits);
    if (choice % 6 === 1) return exactly(min(x, options), bound, bits);
  }
  if (choice % 6 === 2 && terms > 0) return rounded(mean(x, options), bound, error);
  if (choice % 6 === 3 && bound <= 2 && terms <= 5) {
    return rounded(prod(x, options), 2 ** terms, 2 ** terms * terms * error);
  }
  return exactly(sum(x, options), bound * Math.max(1, terms), bits + Math.ceil(Math.log2(terms + 1)), terms * error);
}

function randomNumbers(value: Value, choice: number): Value {
  const shape = shapeOf(value);
  switch (choice % 4) {
    case 0:
      return rounded(randomUniform(shape), 1, 0);
    case 1:
      return whole(randomBernoulli(shape, 0.25));
    case 2:
      return rounded(randomNormal(shape, { deviation: 0.5 }), 3, 1e-6);
    default:
      return rounded(mul(randomUniform(shape), value.x), value.bound, value.error);
  }
}

/** The slope of something by something, which may be a slope itself; of numbers drawn, the scalar input has one. */
function gradient(of: Value, by: Value, input: Value, choice: number, budget: Budget): Value | null {
  if (budget.gradients === 0 || countOf(of) === 0) return null;
  budget.gradients -= 1;
  const bounded = choice % 3 === 0 ? mul(of.x, of.x) : tanh(of.x);
  const loss = add(choice % 2 === 0 ? mean(bounded) : sum(bounded), input.x);
  const slope = grad(loss, by.x);
  return rounded(tanh(slope), 1, 20 * (of.error + by.error) + 1e-6);
}

/** All elements as an image of one axis and one channel. */
const imageOf = (x: Tensor): Tensor => reshape(x, [1, -1, 1]);

function composite(value: Value, values: readonly Value[], choice: number): Value | null {
  const { bound, error } = value;
  const x = value.x.rank === 0 ? reshape(value.x, [1]) : value.x;
  if (countOf(value) === 0) return null;
  const axis = choice % x.rank;
  const stride = 1 + ((choice >> 3) % 3);
  switch (choice % 8) {
    case 5:
      return rounded(avgPool(imageOf(x), { size: 2 + (choice % 2), stride, padding: "same" }), bound, error);
    case 6: {
      const filter = full([1 + (choice % 4), 1, 2], 0.5);
      return rounded(conv(imageOf(x), filter, { stride, padding: "same" }), 2 * bound, 2 * error);
    }
    case 7:
      return rounded(convTranspose(imageOf(x), full([3, 1, 1], 0.5), { stride }), 1.5 * bound, 1.5 * error);
    case 0:
      return rounded(softmax(x, { axis }), 1, error);
    case 1:
      return bound > 8 ? null : rounded(logSoftmax(x, { axis }), 2 * bound + 6, 2 * error);
    case 2: {
      const terms = Number(x.shape[axis]);
      if (choice % 2 === 0 && isFloat(value)) {
        // it moves no more than what it is of
        return rounded(cumulativeLogSumExp(x, { axis, reverse: choice % 3 === 0 }), bound + Math.log(terms), 2 * error);
      }
      return rounded(cumulativeSum(x, { axis }), bound * terms, terms * error);
    }
    case 3:
      return rounded(variance(x, { axis }), bound * bound, 4 * bound * error);
    default: {
      const labels = values.find(
        (one) => isInteger(one) && one.bound <= 2 && x.rank === 2 && one.x.rank === 1 && one.x.shape[0] === x.shape[0],
      );
      if (labels === undefined || bound > 8 || Number(x.shape[1]) < 3) return null;
      return rounded(
        softmaxCrossEntropy(
          x as Tensor<readonly [number, number], "f32">,
          labels.x as Tensor<readonly [number], "i32">,
        ),
        2 * bound + 6,
        2 * error,
      );
    }
  }
}
