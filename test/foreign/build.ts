/**
 * Instructions as tensorloom writes them: one row for each name, which calls the public function of that name.
 * torch_answers.py has the same names.
 */
import * as tl from "../../src/index.ts";
import { networks } from "./build-networks.ts";
import type { Attrs, Recipe } from "./recipe.ts";

type Tensor = tl.Tensor;
type Build = (of: readonly Tensor[], attrs: Attrs) => unknown;
type Call = (...operands: readonly Tensor[]) => unknown;

const all =
  (call: unknown): Build =>
  (of) =>
    (call as Call)(...of);

/** One tensor, with options. */
const withOptions =
  (call: unknown): Build =>
  ([x], { keep, axes, ...rest }) => {
    const options = {
      ...rest,
      ...(axes === undefined ? {} : { axis: axes }),
      ...(keep === undefined ? {} : { keepDims: keep }),
    };
    return (call as (x: unknown, options: unknown) => unknown)(x, options);
  };

const language: Readonly<Record<string, unknown>> = tl;

const unaries = [
  "neg", "abs", "sign", "exp", "expm1", "log", "log1p", "sqrt", "rsqrt", "sin", "cos", "tanh", "erf", "floor", "ceil",
  "round", "stopGradient", "relu", "elu", "selu", "silu", "sigmoid", "softplus", "square", "transpose", "flatten",
] as const; // biome-ignore format: names
const binaries = [
  "add", "sub", "mul", "div", "pow", "maximum", "minimum", "mod", "matmul", "dot", "batchMatmul", "meanSquaredError",
  "meanAbsoluteError", "sigmoidCrossEntropy", "scatterAdd",
] as const; // biome-ignore format: names
const reductions = [
  "sum", "prod", "mean", "max", "min", "variance", "standardDeviation", "l1Norm", "l2Norm", "logSumExp",
] as const; // biome-ignore format: names
const alongAxis = ["softmax", "logSoftmax", "normalize", "cumulativeSum", "cumulativeProduct", "gelu"] as const;
const comparisons = ["equal", "notEqual", "less", "lessEqual", "greater", "greaterEqual"] as const;

const row = (names: readonly string[], build: (call: unknown) => Build): Record<string, Build> =>
  Object.fromEntries(names.map((name) => [name, build(language[name])]));

const numbers = (value: Attrs[string] | undefined): readonly number[] =>
  Array.isArray(value) ? (value as readonly number[]) : [];
const countOf = (x: Tensor): number => x.shape.reduce((product: number, dim) => product * Number(dim), 1);
const asFloat = (x: unknown): Tensor => tl.cast(x as Tensor, "f64");

/** Elements, each times the number of its place: what tells of both. */
function withPlaces({ values, indexes }: { readonly values: Tensor; readonly indexes: Tensor }): Tensor {
  return tl.mul(values as Tensor, tl.add(asFloat(indexes), 1)) as Tensor;
}

/** Numbers of which no two are alike, where elements that tie or are zero would ask for a convention. */
function ramp(x: Tensor, phase: number): Tensor {
  const places = tl.add(tl.mul(tl.arange(countOf(x), "f64"), 0.7), phase);
  return tl.reshape(tl.mul(tl.sin(places), 0.37), x.shape);
}

export const builders: Readonly<Record<string, Build>> = {
  ...row(unaries, all),
  ...row(binaries, all),
  ...row(reductions, withOptions),
  ...row(alongAxis, withOptions),
  moments: withOptions((x: Tensor, options: tl.ReduceOptions) => {
    const { mean, variance } = tl.moments(x, options);
    return tl.add(mean, tl.mul(variance, 0.5));
  }),
  ...Object.fromEntries(
    comparisons.map((name) => [
      name,
      ([a, b, x, y]: readonly Tensor[]) =>
        tl.where((language[name] as Call)(a as Tensor, b as Tensor) as never, x as Tensor, y as Tensor),
    ]),
  ),
  // x where both, either or not, of a > 0 and b > 0
  logic: ([a, b, x, y], { how }) => {
    const [left, right] = [tl.greater(a as Tensor, 0), tl.greater(b as Tensor, 0)] as never[];
    const both =
      how === "and"
        ? tl.and(left as never, right as never)
        : how === "or"
          ? tl.or(left as never, right as never)
          : tl.not(left as never);
    return tl.where(both as never, x as Tensor, y as Tensor);
  },
  leakyRelu: ([x], { slope }) => tl.leakyRelu(x as Tensor, Number(slope)),
  clip: ([x], { low, high }) => tl.clip(x as Tensor, Number(low), Number(high)),
  power: ([x], { exponent }) => tl.pow(x as Tensor, Number(exponent)),
  scale: ([x], { factor, shift }) => tl.add(tl.mul(x as Tensor, Number(factor)), Number(shift)),
  spread: ([x], { phase }) => tl.add(x as Tensor, ramp(x as Tensor, Number(phase))),
  argmax: ([x, y], { axis }) => tl.mul(asFloat(tl.argmax(x as Tensor, { axis: Number(axis) })), y as Tensor),
  argsort: ([x, y], options) => tl.mul(asFloat(tl.argsort(x as Tensor, options as tl.SortOptions)), y as Tensor),
  sort: ([x], options) => tl.sort(x as Tensor, options as tl.SortOptions),
  topK: ([x], { k, ...options }) => withPlaces(tl.topK(x as Tensor, Number(k), options as tl.TopKOptions)),
  maxWithIndex: ([x], { axis }) => withPlaces(tl.maxWithIndex(x as Tensor, { axis: Number(axis) })),
  minWithIndex: ([x], { axis }) => withPlaces(tl.minWithIndex(x as Tensor, { axis: Number(axis) })),
  argmin: ([x, y], { axis }) => tl.mul(asFloat(tl.argmin(x as Tensor, { axis: Number(axis) })), y as Tensor),
  accuracy: ([x, labels, y], _) => tl.mul(asFloat(tl.accuracy(x as never, labels as never)), y as Tensor),
  size: ([x, y], { axis }) => tl.mul(tl.size(x as Tensor, Number(axis), "f64"), y as Tensor),
  huber: ([a, b], { delta }) => tl.huber(a as Tensor, b as Tensor, { delta: Number(delta) }),
  softmaxCrossEntropy: ([scores, labels], { probabilities }) =>
    tl.softmaxCrossEntropy(scores as never, labels as never, { probabilities: probabilities === true }),
  globalNorm: (of) => tl.globalNorm(of),
  reshape: ([x], { shape }) => tl.reshape(x as Tensor, numbers(shape)),
  permute: ([x], { order }) => tl.permute(x as Tensor, numbers(order) as never),
  broadcastTo: ([x], { shape }) => tl.broadcastTo(x as Tensor, numbers(shape)),
  slice: ([x], { start, stop, step }) => {
    const [starts, stops, steps] = [numbers(start), numbers(stop), numbers(step)];
    return tl.slice(x as Tensor, ...starts.map((at, i) => [at, stops[i] ?? 0, steps[i] ?? 1] as const));
  },
  pad: ([x], { before, after, value }) => {
    const behind = numbers(after);
    return tl.pad(
      x as Tensor,
      numbers(before).map((width, i) => [width, behind[i] ?? 0] as const),
      Number(value),
    );
  },
  concat: (of, { axis }) => tl.concat(of, Number(axis)),
  flip: ([x], { axes }) => tl.flip(x as Tensor, numbers(axes)),
  /** Any shape from any tensor: cut off, or filled up with one half. */
  fit: ([x], { shape }) => {
    const [flat, wanted] = [tl.reshape(x as Tensor, [countOf(x as Tensor)]), numbers(shape)];
    const count = wanted.reduce((product, dim) => product * dim, 1);
    const missing = Math.max(0, count - countOf(x as Tensor));
    return tl.reshape(tl.slice(tl.pad(flat, [[0, missing]], 0.5), [0, count]), wanted);
  },
  gather: ([x, indexes], { axis }) => tl.gather(x as Tensor, indexes as Tensor, { axis: Number(axis) }),
  scatterAdd: ([indexes, updates], { size }) => tl.scatterAdd(indexes as Tensor, updates as Tensor, Number(size)),
  dynamicSlice: ([x, starts], { shape }) => tl.dynamicSlice(x as Tensor, starts as Tensor, numbers(shape)),
  dynamicUpdate: ([x, part, starts]) => tl.dynamicUpdate(x as Tensor, part as Tensor, starts as Tensor),
  oneHot: ([labels, y], { depth }) => tl.mul(tl.oneHot(labels as Tensor, Number(depth), "f64"), y as Tensor),
  full: ([y], { shape, value }) => tl.mul(tl.full(numbers(shape), Number(value), "f64"), y as Tensor),
  einsum: (of, { spec }) => tl.einsum(String(spec), ...(of as never[])),
  jacobian: ([x]) => tl.jacobian(tl.tanh(tl.mul(x as Tensor, x as Tensor)), x as Tensor),
  ...networks,
  hessian: ([x]) => tl.hessian(tl.sum(tl.prod(tl.sin(x as Tensor), { axis: -1 })), x as Tensor),
};

/** The values of a recipe, the inputs among them. */
export function buildValues(recipe: Recipe, inputs: readonly Tensor[]): readonly Tensor[] {
  const values = [...inputs];
  for (const { op, of, attrs } of recipe.instructions) {
    const build = builders[op];
    if (build === undefined) throw new Error(`no instruction "${op}"`);
    values.push(
      build(
        of.map((at) => values[at] as Tensor),
        attrs,
      ) as Tensor,
    );
  }
  return values;
}

function weightedSum(x: Tensor): Tensor {
  const places = tl.add(tl.mul(tl.arange(countOf(x), "f64"), 0.9), 0.4);
  return tl.sum(tl.mul(x, tl.reshape(tl.cos(places), x.shape)));
}

/** What is asked for of a recipe, as tensors; `g` and `h` by float inputs. */
export function askedFor(recipe: Recipe, inputs: readonly Tensor[]): Readonly<Record<string, Tensor>> {
  const values = buildValues(recipe, inputs);
  const floats = inputs.filter((_, i) => recipe.inputs[i]?.whole === false);
  const y = values.at(-1) as Tensor;
  const loss = weightedSum(y);
  const g = floats.map((x) => tl.grad(loss, x));
  const slopes = g.map(weightedSum).reduce((a, b) => tl.add(a, b));
  const h = floats.map((x) => tl.grad(slopes, x));
  return {
    y,
    by: tl.grad(loss, values[recipe.by] as Tensor),
    ...Object.fromEntries([...g.map((x, i) => [`g${i}`, x]), ...h.map((x, i) => [`h${i}`, x])]),
  };
}
