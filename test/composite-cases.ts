/**
 * A case for every composite: the functions of src/dsl that are made of several ops, or put broadcasting around one. Part
 * of the table in op-cases.ts. A function that src/dsl gains without a case here is named by `reportGaps` in
 * op-report.ts.
 */
import * as ops from "../src/dsl/ops.ts";
import type { Tensor } from "../src/dsl/tensor.ts";
import { convCases } from "./conv-cases.ts";
import { input, type Make, type OpCase, one, type Range, whole, wide } from "./op-case.ts";

type Unary = (x: Tensor) => unknown;
type Binary = (x: Tensor, y: Tensor) => unknown;

// ---- element-wise --------------------------------------------------------------------------------------------------

const unaries: Readonly<Record<string, Unary>> = {
  relu: (x) => ops.relu(x),
  leakyRelu: (x) => ops.leakyRelu(x),
  elu: (x) => ops.elu(x),
  selu: (x) => ops.selu(x),
  gelu: (x) => ops.gelu(x),
  "gelu by tanh": (x) => ops.gelu(x, { approximate: true }),
  silu: (x) => ops.silu(x),
  sigmoid: (x) => ops.sigmoid(x),
  softplus: (x) => ops.softplus(x),
  square: (x) => ops.square(x),
  clip: (x) => ops.clip(x, -0.7, 1.1),
};

/** Functions of two that broadcast, with the range of the second operand. */
const broadcasting: Readonly<Record<string, readonly [f: Binary, range?: Range]>> = {
  add: [ops.add],
  sub: [ops.sub],
  mul: [ops.mul],
  div: [ops.div, [0.3, 3]],
  pow: [(x, y) => ops.pow(ops.add(ops.abs(x), 0.3) as Tensor, y)],
  maximum: [ops.maximum],
  minimum: [ops.minimum],
  mod: [(x, y) => ops.mod(ops.add(ops.mul(x, 0.1) as Tensor, 4.5) as Tensor, y), [1.2, 1.35]],
};

const comparisons: Readonly<Record<string, Binary>> = {
  equal: ops.equal,
  notEqual: ops.notEqual,
  less: ops.less,
  lessEqual: ops.lessEqual,
  greater: ops.greater,
  greaterEqual: ops.greaterEqual,
};

function elementCases(): OpCase[] {
  const each = <T>(table: Readonly<Record<string, T>>, make: (name: string, of: T) => OpCase[]): OpCase[] =>
    Object.entries(table).flatMap(([name, of]) => make(name, of));
  const truth = (shape: readonly number[]) => input(shape, wide, "bool");
  return [
    ...each(unaries, (name, f) =>
      [[1], [17, 13], [0, 3]].map((shape) => one(`composite ${name}`, [input(shape, [-3.1, 2.9])], f)),
    ),
    ...each(broadcasting, (name, [f, range]) =>
      (
        [
          [
            [3, 1],
            [1, 5],
          ],
          [[7], [2, 1, 7]],
          [[0, 3], [1]],
        ] as const
      ).map(([a, b]) => one(`composite ${name}`, [input(a), input(b, range)], f)),
    ),
    ...each(comparisons, (name, f) => [
      one(`composite ${name}`, [whole([5, 1], -2, 2), whole([7], -2, 2)], f, { gradient: false }),
    ]),
    one("composite and", [truth([5, 1]), truth([7])], (x, y) => ops.and(x as never, y as never)),
    one("composite or", [truth([5, 1]), truth([7])], (x, y) => ops.or(x as never, y as never)),
    one("composite where", [truth([5, 1]), input([7]), input([1])], (c, x, y) => ops.where(c as never, x, y)),
  ];
}

// ---- rows ----------------------------------------------------------------------------------------------------------

const rows: Readonly<Record<string, Unary>> = {
  softmax: (x) => ops.softmax(x),
  logSoftmax: (x) => ops.logSoftmax(x),
  logSumExp: (x) => ops.logSumExp(x, { axis: -1 }),
  mean: (x) => ops.mean(x, { axis: -1 }),
  variance: (x) => ops.variance(x, { axis: -1 }),
  standardDeviation: (x) => ops.standardDeviation(x, { axis: -1 }),
  l1Norm: (x) => ops.l1Norm(x, { axis: -1 }),
  l2Norm: (x) => ops.l2Norm(x, { axis: -1 }),
  normalize: (x) => ops.normalize(x),
  cumulativeSum: (x) => ops.cumulativeSum(x),
  cumulativeProduct: (x) => ops.cumulativeProduct(x, { reverse: true }),
  cumulativeMax: (x) => ops.cumulativeMax(x, { reverse: true }),
  cumulativeMin: (x) => ops.cumulativeMin(x),
};

function rowCases(): OpCase[] {
  return Object.entries(rows).flatMap(([name, f]) =>
    [
      [1, 7],
      [5, 37],
      [0, 3],
    ].map((shape) => one(`composite ${name}`, [input(shape)], f)),
  );
}

// ---- losses and metrics --------------------------------------------------------------------------------------------

const losses: Readonly<Record<string, Binary>> = {
  huber: (a, b) => ops.huber(a, b, { delta: 0.8 }),
  meanSquaredError: (a, b) => ops.meanSquaredError(a, b),
  meanAbsoluteError: (a, b) => ops.meanAbsoluteError(a, b),
  sigmoidCrossEntropy: (a, b) => ops.sigmoidCrossEntropy(a, b),
};

function lossCases(): OpCase[] {
  const [scores, shares, labels] = [input([5, 7]), input([5, 7], [0.05, 1]), whole([5], 0, 7)];
  const entropy = (probabilities: boolean): Binary => {
    return (x, y) => ops.softmaxCrossEntropy(x as never, y as never, { probabilities });
  };
  return [
    ...Object.entries(losses).map(([name, f]) => one(`composite ${name}`, [scores, scores], f)),
    one("composite softmaxCrossEntropy", [scores, labels], entropy(false)),
    one("composite softmaxCrossEntropy of weights", [scores, shares], entropy(false)),
    one("composite softmaxCrossEntropy of shares", [shares, labels], entropy(true)),
    one("composite softmaxCrossEntropy of both", [shares, shares], entropy(true)),
    one("composite accuracy", [scores, whole([5], 0, 7)], (x, y) => ops.accuracy(x as never, y as never), {
      gradient: false,
    }),
    one("composite globalNorm", [input([3, 5]), input([7]), input([])], (x, y, z) => ops.globalNorm([x, y, z])),
  ];
}

// ---- shapes, sums and derivatives ----------------------------------------------------------------------------------

function shapeCases(): OpCase[] {
  return [
    one("composite cumulativeLogSumExp", [input([3, 5])], (x) =>
      ops.cumulativeLogSumExp(x, { reverse: true, axis: 0 }),
    ),
    ...linearAlgebraCases(),
    one("composite transpose", [input([2, 3, 5])], (x) => ops.transpose(x)),
    one("composite transpose", [input([0, 3])], (x) => ops.transpose(x)),
    one("composite broadcastTo", [input([3, 1])], (x) => ops.broadcastTo(x, [2, 3, 5])),
    one("composite flatten", [input([3, 2, 5])], (x) => ops.flatten(x)),
    one("composite scalar", [input([3, 5])], (x) => ops.mul(x, ops.scalar(0.7, x.dtype))),
    one("composite full", [input([3, 5])], (x) => ops.mul(x, ops.full([3, 5], 0.7, x.dtype))),
    one("composite arange", [input([5])], (x) => ops.mul(x, ops.arange(5, x.dtype))),
    one("composite segmentSum", [input([7, 3]), whole([7], -1, 4)], (x, i) => ops.segmentSum(x, i as never, 3)),
  ];
}

function sumCases(): OpCase[] {
  const cube = (x: Tensor): Tensor => ops.sum(ops.mul(ops.mul(x, x), ops.mul(x, ops.sum(x)))) as Tensor;
  const chain: Make = (a, b, c) => ops.einsum("ij,jk,kl->li", a, b, c);
  const layer = (x: Tensor, w: Tensor): Tensor => ops.exp(ops.matmul(x, w as never)) as Tensor;
  const both = [input([3, 2], [0.3, 0.9]), input([2, 5], [0.3, 0.9])];
  return [
    one("composite matmul", [input([17, 13]), input([13, 1])], (a, b) => ops.matmul(a, b as never)),
    one("composite matmul", [input([5, 0]), input([0, 3])], (a, b) => ops.matmul(a, b as never)),
    one("composite dot", [input([37], [0.3, 3]), input([37], [0.3, 3])], (a, b) => ops.dot(a, b)),
    one("composite dot", [input([3, 7]), input([7])], (a, b) => ops.dot(a, b)),
    one("composite einsum", [input([3, 5]), input([5, 7]), input([7, 2])], chain),
    one("composite einsum", [input([2]), input([3]), input([2, 5])], (a, b, c) => ops.einsum("i,j,ik->kij", a, b, c)),
    one("composite einsum", [input([5, 5])], (a) => ops.einsum("ii->", a)),
    one("composite einsum", [input([3, 5]), input([3, 7])], (a, b) => ops.einsum("ij,ik->", a, b)),
    one("composite batchMatmul", [input([2, 3, 5]), input([2, 5, 1])], (a, b) => ops.batchMatmul(a, b)),
    one("composite valueAndGrad", [input([3])], (x) => ops.valueAndGrad((v: Tensor) => cube(v), x).gradient),
    one("composite jacobian", [input([3])], (x) => ops.jacobian(ops.mul(x, ops.sum(x)) as Tensor, x)),
    one("composite jacobian", [input([2]), input([2, 3])], (x, w) => ops.jacobian(ops.exp(ops.dot(x, w as never)), x)),
    one("composite jacobian", [input([3, 1])], (x) => ops.jacobian(ops.sin(x), x)),
    one("composite hessian", [input([3])], (x) => ops.hessian(cube(x), x)),
    one("composite pullback", [input([5]), input([5])], (x, g) => ops.pullback(ops.sort(ops.mul(x, x)), g, x)),
    one("composite vjp", [...both, input([3, 5], [0.3, 2])], (x, w, g) =>
      ops.vjp((at: Tensor) => layer(at, w), x).pullback(g),
    ),
    one("composite jvp", [...both, input([3, 5], [0.3, 2])], (x, w, g) => {
      const { tangent } = ops.jvp(({ a, b }) => layer(a, b), { a: x, b: w }, { a: ops.mul(x, x) as Tensor, b: w });
      return ops.mul(tangent, g);
    }),
    one("composite vmap", [input([3, 4]), input([4, 5])], (x, w) => ops.vmap((a: Tensor) => ops.dot(a, w as never), x)),
    one("composite vmap", [input([3, 4], [0.3, 0.9]), input([4, 2], [0.3, 0.9])], (x, w) =>
      ops.vmap((a: Tensor) => ops.grad(ops.sum(ops.square(ops.dot(a, w as never))) as never, w), x),
    ),
    one("composite customGradient", [input([5], [0.3, 2]), input([5], [0.3, 2])], (x, w) =>
      ops.customGradient(
        ({ a, b }) => ops.mul(a, b) as Tensor,
        ({ inputs, slope }) => ({ a: ops.mul(slope, inputs.b) as Tensor, b: ops.mul(slope, inputs.a) as Tensor }),
        { a: x, b: w },
      ),
    ),
    one("composite checkpoint", [input([3, 4]), input([4, 5])], (x, w) =>
      ops.checkpoint((a: Tensor) => ops.tanh(ops.matmul(ops.exp(a), w as never)) as Tensor, x),
    ),
    one("composite hvp", [input([3]), input([3])], (x, v) => ops.hvp(cube(x), x, v)),
  ];
}

// ---- random numbers ------------------------------------------------------------------------------------------------

function randomCases(): OpCase[] {
  return [
    one("composite randomUniform", [], () => ops.randomUniform([7, 13])),
    one("composite randomBits", [], () => ops.randomBits([5])),
    one("composite randomNormal", [], () => ops.randomNormal([7, 13], { mean: 1, deviation: 2 })),
    one("composite randomBernoulli", [], () => ops.randomBernoulli([7, 13], 0.3)),
    one("composite dropout", [input([7, 13])], (x) => ops.dropout(x as never, 0.3)),
  ];
}

export function compositeCases(): OpCase[] {
  return [
    ...elementCases(),
    ...rowCases(),
    ...lossCases(),
    ...shapeCases(),
    ...sumCases(),
    ...convCases(),
    ...randomCases(),
  ];
}

/** Composites through which no gradient flows, by definition. */
export const withoutGradient: readonly string[] = [
  ...[...Object.keys(comparisons), "and", "or", "accuracy", "argmax", "argmin", "argsort"],
  ...["randomUniform", "randomBits", "randomNormal", "randomBernoulli"],
].map((name) => `composite ${name}`);

/** Of matrices that are well off being singular. */
function linearAlgebraCases(): OpCase[] {
  const near = (x: Tensor): Tensor => {
    const n = x.shape[x.shape.length - 1] ?? 0;
    const identity = ops.cast(ops.equal(ops.reshape(ops.arange(n), [n, 1]), ops.arange(n)), "f32");
    return ops.add(ops.mul(x, 0.2) as Tensor, ops.mul(identity, 2) as Tensor) as Tensor;
  };
  const [x, right] = [input([2, 3, 3]), input([2, 3, 2])];
  return [
    one("composite solveTriangular", [x, right], (a, b) => ops.solveTriangular(near(a), b)),
    one("composite solveTriangular", [x, right], (a, b) =>
      ops.solveTriangular(near(a), b, { lower: false, transposed: true, unitDiagonal: true }),
    ),
    one("composite solve", [x, right], (a, b) => ops.solve(near(a), b)),
    one("composite inverse", [input([4, 4])], (a) => ops.inverse(near(a))),
    one("composite det", [x], (a) => ops.det(near(a))),
    one("composite cholesky", [x], (a) => ops.cholesky(near(a))),
    one("composite powerIteration", [input([2, 3, 3])], (a) => ops.powerIteration(near(a), { steps: 0 }).value),
    one("composite powerIteration", [input([2, 2])], (a) => ops.powerIteration(near(a), { steps: 1 }).vector, {
      gradient: false,
    }),
  ];
}
