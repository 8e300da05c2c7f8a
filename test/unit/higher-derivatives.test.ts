/**
 * First, second and third derivatives where a gradient rule or a composite chooses by a value: zeros, ties, ends, large
 * numbers. A rule that puts in constants by a condition is right once and wrong twice. On `js` in f64, against closed forms;
 * where a function has no derivative, against what docs/semantics.md says.
 */
import { describe, expect, test } from "vitest";
import { erf as erfOf } from "../../src/core/special.ts";
import * as api from "../../src/index.ts";
import { compile, f64, grad, jacobian, program, sum, type Tensor } from "../../src/index.ts";

type Loose = (...operands: readonly unknown[]) => Tensor;
const { abs, avgPool, clip, conv, convTranspose, cos, cumulativeProduct, div, elu, erf, exp, expm1, gelu, globalNorm, huber, l1Norm, l2Norm, leakyRelu, log, log1p, logSoftmax, logSumExp, max, maximum, maxPool, meanAbsoluteError, min, minimum, mod, mul, normalize, pow, prod, relu, reshape, rsqrt, selu, sigmoid, sigmoidCrossEntropy, silu, sin, slice, softmax, softmaxCrossEntropy, softplus, sqrt, standardDeviation, tanh, variance, where, greater } = api as unknown as { readonly [Name in keyof typeof api]: Loose }; // biome-ignore format: names

const total = sum as unknown as Loose;
const by = grad as unknown as Loose;
const byEach = jacobian as unknown as Loose;

async function results(
  x: readonly number[],
  make: (x: Tensor, weights: Tensor) => readonly Tensor[],
  weights: readonly (readonly number[])[] = [],
): Promise<number[][]> {
  const made = program({
    inputs: { x: f64(x.length), weights: f64(weights.length, weights.length) },
    step: (t) => ({ outputs: make(t.x as unknown as Tensor, t.weights as unknown as Tensor) }),
  });
  const executable = await compile(made, { target: "js", onWarning: () => {} });
  const found = (await executable.run({ entry: "step", feeds: { x, weights } } as never)) as readonly unknown[];
  executable.dispose();
  return found.map((value) => (typeof value === "number" ? [value] : Array.from(value as Float64Array)));
}

function expectNear(found: readonly number[] | undefined, wanted: readonly number[], what: string): void {
  expect(found?.length, what).toBe(wanted.length);
  wanted.forEach((value, i) => {
    const error = Math.abs((found?.[i] ?? Number.NaN) - value);
    const isNear = Object.is(found?.[i], value) || error <= 1e-10 * Math.max(1, Math.abs(value));
    expect(isNear, `${what}, element ${i}: ${found?.[i]}, wanted ${value}`).toBe(true);
  });
}

// ---- element by element --------------------------------------------------------------------------------------------

type Function1 = (x: number) => number;

interface Elementwise {
  readonly f: (x: Tensor) => Tensor;
  readonly at: readonly number[];
  /** f', f'', f'''. */
  readonly wanted: readonly [Function1, Function1, Function1];
}

const zero: Function1 = () => 0;
const one: Function1 = () => 1;
const logistic: Function1 = (x) => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x)));
/** Derivatives of the logistic function in itself and its complement, which keeps digits far out. */
const bell: Function1 = (x) => logistic(x) * logistic(-x);
const bellSlope: Function1 = (x) => bell(x) * (logistic(-x) - logistic(x));
const bellBend: Function1 = (x) => bell(x) * (1 - 6 * bell(x));
const density: Function1 = (x) => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
const power = (c: number): Elementwise["wanted"] => [
  (x) => (c === 0 ? 0 : c * x ** (c - 1)),
  (x) => (c === 0 || c === 1 ? 0 : c * (c - 1) * x ** (c - 2)),
  (x) => (c === 0 || c === 1 || c === 2 ? 0 : c * (c - 1) * (c - 2) * x ** (c - 3)),
];
const raised = (c: number, at: readonly number[]): Elementwise => ({
  f: (x) => pow(x, c),
  at,
  wanted: power(c),
});
const step =
  (below: number, above: number, atZero: number): Function1 =>
  (x) =>
    x > 0 ? above : x < 0 ? below : atZero;
const bend = (x: number): number => Math.tanh(x);
const sech = (x: number): number => 1 - bend(x) ** 2;

const elementwise: Readonly<Record<string, Elementwise>> = {
  abs: { f: abs, at: [-2, 0, 3], wanted: [Math.sign, zero, zero] },
  "x·|x|": {
    f: (x) => mul(x, abs(x)),
    at: [-2, 0, 3],
    wanted: [(x) => 2 * Math.abs(x), (x) => 2 * Math.sign(x), zero],
  },
  relu: { f: relu, at: [-2, 0, 3], wanted: [step(0, 1, 0), zero, zero] },
  "relu squared": {
    f: (x) => mul(relu(x), relu(x)),
    at: [-2, 0, 3],
    wanted: [(x) => 2 * Math.max(x, 0), step(0, 2, 0), zero],
  },
  leakyRelu: { f: leakyRelu, at: [-2, 0, 3], wanted: [step(0.2, 1, 0.2), zero, zero] },
  elu: {
    f: elu,
    at: [-800, -1, 0, 800],
    wanted: [(x) => (x < 0 ? Math.exp(x) : 1), (x) => (x < 0 ? Math.exp(x) : 0), (x) => (x < 0 ? Math.exp(x) : 0)],
  },
  selu: { f: (x) => div(selu(x), 1.0507009873554805), at: [0, 2], wanted: [one, zero, zero] },
  gelu: {
    f: gelu,
    at: [-40, -1, 0, 1, 40],
    wanted: [
      (x) => density(x) * x + 0.5 * (1 + erfOf(x * Math.SQRT1_2)),
      (x) => density(x) * (2 - x * x),
      (x) => density(x) * (x ** 3 - 4 * x),
    ],
  },
  sigmoid: { f: sigmoid, at: [-800, -30, -1, 0, 1, 30, 800], wanted: [bell, bellSlope, bellBend] },
  softplus: { f: softplus, at: [-800, -1, 0, 1, 800], wanted: [logistic, bell, bellSlope] },
  silu: {
    f: silu,
    at: [-800, -1, 0, 1, 800],
    wanted: [
      (x) => logistic(x) + x * bell(x),
      (x) => 2 * bell(x) + x * bellSlope(x),
      (x) => 3 * bellSlope(x) + x * bellBend(x),
    ],
  },
  tanh: {
    f: tanh,
    at: [-400, 0, 1, 400],
    wanted: [sech, (x) => -2 * bend(x) * sech(x), (x) => sech(x) * (6 * bend(x) ** 2 - 2)],
  },
  erf: {
    f: erf,
    at: [-30, 0, 1],
    wanted: [
      (x) => (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x),
      (x) => (-4 * x * Math.exp(-x * x)) / Math.sqrt(Math.PI),
      (x) => ((8 * x * x - 4) * Math.exp(-x * x)) / Math.sqrt(Math.PI),
    ],
  },
  exp: { f: exp, at: [-800, 0, 1], wanted: [Math.exp, Math.exp, Math.exp] },
  expm1: { f: expm1, at: [-800, 0, 1e-9], wanted: [Math.exp, Math.exp, Math.exp] },
  log: { f: log, at: [1, 0.5], wanted: [(x) => 1 / x, (x) => -1 / x ** 2, (x) => 2 / x ** 3] },
  log1p: { f: log1p, at: [0, 1e-9], wanted: [(x) => 1 / (1 + x), (x) => -1 / (1 + x) ** 2, (x) => 2 / (1 + x) ** 3] },
  sqrt: { f: sqrt, at: [1, 4], wanted: power(0.5) },
  rsqrt: { f: rsqrt, at: [1, 4], wanted: power(-0.5) },
  sin: { f: sin, at: [0, 1], wanted: [Math.cos, (x) => -Math.sin(x), (x) => -Math.cos(x)] },
  cos: { f: cos, at: [0, 1], wanted: [(x) => -Math.sin(x), (x) => -Math.cos(x), Math.sin] },
  "x⁰": raised(0, [-2, 0, 3]),
  "x¹": raised(1, [-2, 0, 3]),
  "x²": raised(2, [-2, 0, 3]),
  "x³": raised(3, [-2, 0, 3]),
  "x⁴": raised(4, [-2, 0, 3]),
  "x⁻¹": raised(-1, [-2, 3]),
  "√x as a power": raised(0.5, [4]),
  "x^2.5": raised(2.5, [0, 4].slice(1)),
  clip: {
    f: (x) => clip(x, -1, 1),
    at: [-2, -1, 0, 1, 2],
    wanted: [(x) => Number(Math.abs(x) < 1), zero, zero],
  },
  mod: { f: (x) => mod(x, 3), at: [-2, 0, 2, 4], wanted: [one, zero, zero] },
  "maximum with itself": { f: (x) => maximum(x, x), at: [-2, 0], wanted: [one, zero, zero] },
  "minimum of squares": {
    f: (x) => minimum(mul(x, x), x),
    at: [-2, 0.5, 3],
    wanted: [(x) => (x * x < x ? 2 * x : 1), (x) => (x * x < x ? 2 : 0), zero],
  },
  "where, both written safely": {
    f: (x) => where(greater(x, 0), log(where(greater(x, 0), x, 1)), 0),
    at: [-1, 0, 2],
    wanted: [(x) => (x > 0 ? 1 / x : 0), (x) => (x > 0 ? -1 / x ** 2 : 0), (x) => (x > 0 ? 2 / x ** 3 : 0)],
  },
  huber: { f: (x) => huber(x, mul(x, 0)), at: [0], wanted: [(x) => x, one, zero] },
  "huber, far": { f: (x) => huber(x, mul(x, 0)), at: [3], wanted: [one, zero, zero] },
};

describe.each(Object.entries(elementwise))("%s", (name, { f, at, wanted }) => {
  test("first, second and third derivative", async () => {
    const found = await results(at, (x) => {
      const first = by(total(f(x)), x);
      const second = by(total(first), x);
      return [first, second, by(total(second), x)];
    });
    wanted.forEach((derivative, i) => {
      expectNear(found[i], at.map(derivative), `${name}, derivative ${i + 1}`);
    });
  });
});

// ---- several arguments ---------------------------------------------------------------------------------------------

interface Several {
  readonly f: (x: Tensor) => Tensor;
  readonly at: readonly number[];
  readonly first: (i: number) => number;
  readonly second: (i: number, j: number) => number;
  readonly third: (i: number, j: number, k: number) => number;
}

const same = (...indexes: readonly number[]): number => Number(indexes.every((index) => index === indexes[0]));
const none = { first: () => 0, second: () => 0, third: () => 0 };
const take = (x: Tensor, i: number): Tensor => reshape(slice(x, [i, i + 1]), []);

/** Of the product of all: the product of the others, 0 for an index twice. */
function products(at: readonly number[]): Omit<Several, "f" | "at"> {
  const without = (...left: readonly number[]): number =>
    new Set(left).size < left.length ? 0 : at.reduce((all, x, i) => (left.includes(i) ? all : all * x), 1);
  return { first: without, second: without, third: without };
}

function product(...at: readonly number[]): Several {
  return { f: prod, at, ...products(at) };
}

/** x to the power y; where x <= 0, nothing flows to y. */
function powers(x: number, y: number): Several {
  const L = x > 0 ? Math.log(x) : 0;
  const at = (factor: number, exponent: number): number => (factor === 0 ? 0 : factor * x ** exponent);
  const table = [
    [at(y, y - 1), x > 0 ? x ** y * L : 0],
    [at(y * (y - 1), y - 2), x > 0 ? x ** (y - 1) * (1 + y * L) : 0, x > 0 ? x ** y * L ** 2 : 0],
    [
      at(y * (y - 1) * (y - 2), y - 3),
      x > 0 ? x ** (y - 2) * (2 * y - 1 + y * (y - 1) * L) : 0,
      x > 0 ? x ** (y - 1) * (2 * L + y * L ** 2) : 0,
      x > 0 ? x ** y * L ** 3 : 0,
    ],
  ];
  const derivative = (...by: readonly number[]): number =>
    table[by.length - 1]?.[by.reduce((sum, i) => sum + i, 0)] ?? Number.NaN;
  return {
    f: (v) => pow(take(v, 0), take(v, 1)),
    at: [x, y],
    first: derivative,
    second: derivative,
    third: derivative,
  };
}

/** The length of a vector, and 0 where it is 0. */
function lengths(v: readonly number[]): Omit<Several, "f" | "at"> {
  const n = Math.hypot(...v);
  if (n === 0) return none;
  const x = (i: number): number => v[i] as number;
  return {
    first: (i) => x(i) / n,
    second: (i, j) => same(i, j) / n - (x(i) * x(j)) / n ** 3,
    third: (i, j, k) =>
      -(same(i, j) * x(k) + same(i, k) * x(j) + same(j, k) * x(i)) / n ** 3 + (3 * x(i) * x(j) * x(k)) / n ** 5,
  };
}

/** log of the sum of exp: the cumulants of the shares. */
function logSums(v: readonly number[]): Omit<Several, "f" | "at"> {
  const top = Math.max(...v);
  const sum = v.reduce((all, x) => all + Math.exp(x - top), 0);
  const p = (i: number): number => Math.exp((v[i] as number) - top) / sum;
  return {
    first: p,
    second: (i, j) => same(i, j) * p(i) - p(i) * p(j),
    third: (i, j, k) =>
      same(i, j, k) * p(i) -
      same(i, j) * p(i) * p(k) -
      same(i, k) * p(i) * p(j) -
      same(j, k) * p(j) * p(i) +
      2 * p(i) * p(j) * p(k),
  };
}

/** Cross-entropy of three logits, the first arguments, with three soft labels, the others. */
function crossEntropy(at: readonly number[]): Several {
  const logits = logSums(at.slice(0, 3));
  const labels = at.slice(3);
  const share = labels.reduce((all, x) => all + x, 0);
  const top = Math.max(...at.slice(0, 3));
  const norm = top + Math.log(at.slice(0, 3).reduce((all, x) => all + Math.exp(x - top), 0));
  const isLabel = (i: number): boolean => i >= 3;
  return {
    f: (v) => total(softmaxCrossEntropy(slice(v, [0, 3]), slice(v, [3, 6]))),
    at,
    first: (i) => (isLabel(i) ? norm - (at[i - 3] as number) : share * logits.first(i) - (labels[i] as number)),
    second: (i, j) => {
      if (isLabel(i) && isLabel(j)) return 0;
      if (!isLabel(i) && !isLabel(j)) return share * logits.second(i, j);
      const [z, q] = isLabel(i) ? [j, i] : [i, j];
      return logits.first(z) - same(z, q - 3);
    },
    third: (...by) => {
      const z = by.filter((i) => !isLabel(i));
      if (z.length === 3) return share * logits.third(z[0] as number, z[1] as number, z[2] as number);
      return z.length === 2 ? logits.second(z[0] as number, z[1] as number) : 0;
    },
  };
}

/** An image of one axis and one channel. */
const line = (x: Tensor): Tensor => reshape(x, [1, -1, 1]);
const squareOf = (x: Tensor): Tensor => mul(x, x);
const centred = (v: readonly number[]): number[] => v.map((x) => x - v.reduce((a, b) => a + b, 0) / v.length);

const several: Readonly<Record<string, Several>> = {
  "prod, no zero": product(2, -1, 3),
  "prod, one zero": product(2, 0, 3),
  "prod, two zeros": product(0, 0, 3, 4),
  "prod, all zeros": product(0, 0, 0),
  "prod of one, which is zero": product(0),
  "prod over both axes": { ...product(2, 0, 3, 5), f: (x) => prod(reshape(x, [2, 2])) },
  "prod over the first axis": {
    f: (x) => total(prod(reshape(x, [2, 2]), { axis: 0 })),
    at: [2, 3, 0, 5],
    first: (i) => [0, 5, 2, 3][i] as number,
    second: (i, j) => Number(Math.abs(i - j) === 2),
    third: () => 0,
  },
  "running products, last of them": { ...product(2, 0, 3), f: (x) => take(cumulativeProduct(x), 2) },
  "0⁰": powers(0, 0),
  "0¹": powers(0, 1),
  "0²": powers(0, 2),
  "0³": powers(0, 3),
  "0^2.5": { ...powers(0, 3), at: [0, 3.5], first: () => 0, second: () => 0, third: () => 0 },
  "2⁰": powers(2, 0),
  "2¹": powers(2, 1),
  "2^-1": powers(2, -1),
  "(-2)⁰": powers(-2, 0),
  "(-2)²": powers(-2, 2),
  "(-2)³": powers(-2, 3),
  "the square of 0^y": {
    f: (v) => mul(pow(take(v, 0), take(v, 1)), pow(take(v, 0), take(v, 1))),
    at: [0, 1],
    first: () => 0,
    second: (i, j) => (i + j === 0 ? 2 : 0),
    third: () => 0,
  },
  "a convolution with what is convolved": {
    f: (x) => total(conv(line(x), reshape(slice(x, [0, 2]), [2, 1, 1]))),
    at: [2, -1, 3],
    first: (i) => [3, 3, -1][i] as number,
    second: (i, j) => (i === j ? ([2, 2, 0][i] as number) : Number(Math.abs(i - j) === 1)),
    third: () => 0,
  },
  "a convolution that is transposed, squared": {
    f: (x) => total(squareOf(convTranspose(line(x), reshape(slice(x, [0, 1]), [1, 1, 1]), { stride: 2 }))),
    at: [2, 3],
    // a² (a² + b²)
    first: (i) => [4 * 8 + 2 * 2 * 9, 2 * 4 * 3][i] as number,
    second: (i, j) => (i !== j ? 4 * 2 * 3 : ([12 * 4 + 2 * 9, 2 * 4][i] as number)),
    third: (...by) => [24 * 2, 4 * 3, 4 * 2, 0][by.reduce((all, i) => all + i, 0)] as number,
  },
  "overlapping maximum pools, squared": {
    f: (x) => total(squareOf(maxPool(line(x), { size: 2, stride: 1 }))),
    at: [1, 3, 2],
    first: (i) => [0, 12, 0][i] as number,
    second: (i, j) => 4 * Number(i === 1 && j === 1),
    third: () => 0,
  },
  "maximum pools at a tie, squared": {
    f: (x) => total(squareOf(maxPool(line(x), { size: 2, stride: 1 }))),
    at: [2, 2, 1],
    first: (i) => [4, 4, 0][i] as number,
    second: (i, j) => 2 * Number(i === j && i < 2),
    third: () => 0,
  },
  "average pools with a border, squared": {
    f: (x) => total(squareOf(avgPool(line(x), { size: 2, stride: 1, padding: "same" }))),
    at: [1, 3, 2],
    first: (i) => [2, 4.5, 6.5][i] as number,
    second: (i, j) => (i === j ? ([0.5, 1, 2.5][i] as number) : 0.5 * Number(Math.abs(i - j) === 1)),
    third: () => 0,
  },
  "max with a tie": { ...none, f: max, at: [1, 2, 2], first: (i) => [0, 0.5, 0.5][i] as number },
  "min with a tie": { ...none, f: min, at: [1, 1, 2], first: (i) => [0.5, 0.5, 0][i] as number },
  "maximum of two at a tie": { ...none, f: (v) => maximum(take(v, 0), take(v, 1)), at: [1, 1], first: (i) => i },
  "l2Norm of zeros": { ...none, f: l2Norm, at: [0, 0] },
  "l2Norm, one zero": { ...lengths([3, 0, -4]), f: l2Norm, at: [3, 0, -4] },
  "globalNorm of zeros": { ...none, f: (x) => globalNorm([take(x, 0), slice(x, [1, 3])]), at: [0, 0, 0] },
  globalNorm: { ...lengths([3, 0, -4]), f: (x) => globalNorm([take(x, 0), slice(x, [1, 3])]), at: [3, 0, -4] },
  "l1Norm, one zero": { ...none, f: l1Norm, at: [3, 0, -4], first: (i) => [1, 0, -1][i] as number },
  "standardDeviation of equals": { ...none, f: standardDeviation, at: [5, 5, 5] },
  "standardDeviation of two": {
    ...none,
    f: standardDeviation,
    at: [1, 3],
    first: (i) => (centred([1, 3])[i] as number) / 2,
  },
  variance: {
    f: variance,
    at: [1, 1, 4],
    first: (i) => (2 / 3) * (centred([1, 1, 4])[i] as number),
    second: (i, j) => (2 / 3) * (same(i, j) - 1 / 3),
    third: () => 0,
  },
  "moments, mean and variance": {
    f: (x) => api.add(api.moments(x as Tensor).mean, api.moments(x as Tensor).variance),
    at: [1, 1, 4],
    first: (i) => 1 / 3 + (2 / 3) * (centred([1, 1, 4])[i] as number),
    second: (i, j) => (2 / 3) * (same(i, j) - 1 / 3),
    third: () => 0,
  },
  "normalize of zeros": { ...none, f: (x) => take(normalize(x), 0), at: [0, 0], first: (i) => 1 - i },
  "meanAbsoluteError of equals": { ...none, f: (x) => meanAbsoluteError(x, mul(x, 1)), at: [1, 2] },
  "logSumExp, equal": { ...logSums([0, 0, 0]), f: logSumExp, at: [0, 0, 0] },
  "logSumExp, far apart": { ...logSums([1000, 0, 999]), f: logSumExp, at: [1000, 0, 999] },
  "logSumExp, one of -infinity": { ...logSums([-Infinity, 0, 1]), f: logSumExp, at: [-Infinity, 0, 1] },
  "logSumExp, all of -infinity": { ...none, f: logSumExp, at: [-Infinity, -Infinity] },
  "logSoftmax, far apart": {
    f: (x) => take(logSoftmax(x), 0),
    at: [1000, 0, 999],
    first: (i) => same(i, 0) - logSums([1000, 0, 999]).first(i),
    second: (i, j) => -logSums([1000, 0, 999]).second(i, j),
    third: (i, j, k) => -logSums([1000, 0, 999]).third(i, j, k),
  },
  "softmax, far apart": {
    ...none,
    f: (x) => take(softmax(x), 0),
    at: [1000, 0],
  },
  "softmaxCrossEntropy, a label of 0": crossEntropy([1, 2, 3, 0, 0.5, 0.5]),
  "softmaxCrossEntropy, one-hot": crossEntropy([1, 2, 3, 0, 1, 0]),
  "softmaxCrossEntropy, no label": crossEntropy([1, 2, 3, 0, 0, 0]),
  "sigmoidCrossEntropy at 0": {
    f: (v) => sigmoidCrossEntropy(take(v, 0), take(v, 1)),
    at: [0, 0],
    first: (i) => [0.5, 0][i] as number,
    second: (i, j) => [0.25, -1, 0][i + j] as number,
    third: () => 0,
  },
  "a quotient with 0 above": {
    f: (v) => div(take(v, 0), take(v, 1)),
    at: [0, 2],
    first: (i) => [0.5, 0][i] as number,
    second: (i, j) => [0, -0.25, 0][i + j] as number,
    third: (...by) => [0, 0, 0.25, 0][by.reduce((sum, i) => sum + i, 0)] as number,
  },
};

/** Third derivatives are added up with weights that tell the places apart: one gradient in place of one for each pair. */
const weight = (i: number, j: number): number => 1 + Math.sqrt(i + 2 * j + 1);

describe.each(Object.entries(several))("%s", (name, { f, at, first, second, third }) => {
  test("gradient, Hessian and third derivatives", async () => {
    const places = at.map((_, i) => i);
    const weights = places.map((i) => places.map((j) => weight(i, j)));
    const found = await results(
      at,
      (x, given) => {
        const gradient = by(f(x), x);
        const hessian = byEach(gradient, x);
        return [gradient, hessian, by(total(mul(hessian, given)), x)];
      },
      weights,
    );
    const sumOver = (of: (i: number) => number): number => places.reduce((all, i) => all + of(i), 0);
    const all = places.map((k) => sumOver((i) => sumOver((j) => weight(i, j) * third(i, j, k))));
    expectNear(
      found[0],
      places.map((i) => first(i)),
      `${name}: gradient`,
    );
    expectNear(
      found[1],
      places.flatMap((i) => places.map((j) => second(i, j))),
      `${name}: Hessian`,
    );
    expectNear(found[2], all, `${name}: third derivatives`);
  });
});
