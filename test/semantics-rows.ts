/**
 * The rows of docs/semantics.md that are about special values, as programs with the results that the page promises: one
 * table for all targets. What the rows on tolerances and randomness promise is tested in other files.
 */
import { compileOn } from "../src/compile.ts";
import { roundTo, type ShortFloat, shortFloats } from "../src/core/dtype.ts";
import {
  abs,
  add,
  argmax,
  argmin,
  argsort,
  cast,
  concat,
  div,
  equal,
  full,
  greater,
  matmul,
  max,
  maximum,
  maxWithIndex,
  min,
  minimum,
  mod,
  moments,
  mul,
  neg,
  oneHot,
  pow,
  prod,
  reshape,
  round,
  sign,
  slice,
  sort,
  sqrt,
  sub,
  sum,
  topK,
  where,
} from "../src/dsl/ops.ts";
import { avgPool, cond, conv, convTranspose, cumulativeLogSumExp, cumulativeMax, cumulativeMin, cumulativeProduct, cumulativeSum, dynamicSlice, dynamicUpdate, elu, f32, gather, globalNorm, grad, hessian, huber, i32, jvp, l1Norm, l2Norm, leakyRelu, logSumExp, maxPool, mean, meanAbsoluteError, meanSquaredError, normalize, program, relu, scatterAdd, segmentSum, sigmoid, softmaxCrossEntropy, standardDeviation, type Tensor, variance, vmap } from "../src/index.ts"; // biome-ignore format: names
import type { TypedArray } from "../src/runtime/typed-arrays.ts";
import type { TargetSetup } from "../src/target-setup.ts";

/** Numbers of an f32, or of an i32. */
type Given = readonly number[] | { readonly whole: readonly number[] };

interface Row {
  readonly says: string;
  readonly given: readonly Given[];
  make(...tensors: readonly Tensor[]): unknown;
  readonly wanted: readonly number[];
  /** Has infinities, which WGSL need not know. */
  readonly infinite?: true;
}

const [lowest, highest] = [-2147483648, 2147483647];
const [inf, nan] = [Number.POSITIVE_INFINITY, Number.NaN];
const whole = (...numbers: readonly number[]): Given => ({ whole: numbers });

function row(says: string, given: readonly Given[], make: Row["make"], wanted: readonly number[]): Row {
  return { says, given, make, wanted };
}

/** The slopes of a sum of `f` at some numbers. */
function slopes(says: string, at: readonly number[], f: (x: Tensor) => unknown, wanted: readonly number[]): Row {
  return row(`gradient: ${says}`, [at], (x) => grad(sum(f(x) as Tensor), x), wanted);
}

const square = (x: Tensor): Tensor => reshape(x, [1, 1]);

/** An image of one axis and one channel. */
const line = (x: Tensor): Tensor => reshape(x, [1, -1, 1]);

/** Mean and variance, found in one pass. */
function momentsOf(x: Tensor): Tensor {
  const { mean, variance } = moments(x, { keepDims: true });
  return concat([mean, variance]);
}

/** The first element to the power of the second. */
function powerOf(x: Tensor): Tensor {
  return sum(pow(slice(x, [0, 1]), slice(x, [1, 2])));
}

/** The root of v times w, which has none below 0, or there v * v. */
function rootOrSquare(v: Tensor, w?: Tensor): Tensor {
  const [root, other] = [(at: Tensor) => mul(sqrt(at), w ?? 1) as Tensor, (at: Tensor) => mul(at, at) as Tensor];
  return cond(greater(v, 0) as never, root, other, v);
}

/** The slopes of sum(3 (x + a) + b) by a and by b, which are both zeros. */
function byTwoZeros(x: Tensor): Tensor {
  const [a, b] = [full([2], 0), full([2], 0)];
  const y = sum(add(mul(add(x, a), 3), b));
  return concat([grad(y, a), grad(y, b)]);
}

/** Cross-entropy of two rows by class numbers that the program has made, or of one by weights. */
function lossOf(x: Tensor, labels: Tensor, { soft = false, ...options }: Loose = {}): Tensor {
  const given = soft ? labels : minimum(labels, 1000);
  return softmaxCrossEntropy((soft ? x : reshape(x, [2, 2])) as never, given as never, options);
}

type Loose = { readonly soft?: boolean; readonly ignore?: number; readonly probabilities?: boolean };

const rows: readonly Row[] = [
  row("add wraps", [whole(highest, lowest), whole(1, -1)], add as never, [lowest, highest]),
  row("mul wraps", [whole(highest, 65537), whole(highest, 65537)], mul as never, [1, 131073]),
  row("sum wraps", [whole(highest, 1, 1)], sum as never, [-2147483647]),
  row("prod wraps", [whole(65537, 65537, 2)], prod as never, [262146]),
  row("contraction wraps", [whole(highest), whole(highest)], (x, y) => matmul(square(x), square(y) as never), [1]),
  row("abs and neg of the lowest", [whole(lowest, lowest), whole(0)], (x) => sub(abs(x), neg(x)), [0, 0]),
  row("division", [whole(7, -7, 5, lowest), whole(2, 2, 0, -1)], div as never, [3, -3, 0, lowest]),
  row("mod", [whole(7, -7, 7, -7, 5), whole(3, 3, -3, -3, 0)], mod as never, [1, 2, -2, -1, 0]),
  row("cast to i32", [[3e9, -3e9, nan, 2.7, -2.7]], (x) => cast(x, "i32"), [highest, lowest, 0, 2, -2]),
  row("cast to u32", [[-1, 5e9, nan, 2.7]], (x) => cast(x, "u32"), [0, 4294967295, 0, 2]),
  row("cast to u8", [[-1, 300, nan, 2.9]], (x) => cast(x, "u8"), [0, 255, 0, 2]),
  row("cast to bool", [[-0.5, 0, 2]], (x) => cast(cast(x, "bool"), "f32"), [1, 0, 1]),
  row("round", [[0.5, 1.5, 2.5, -0.2, -1.5]], round as never, [0, 2, 2, 0, -2]),
  row("times 0", [[nan, 2]], (x) => mul(x, 0), [nan, 0]),
  row("0 over something", [[nan, 0, 2]], (x) => div(0, x), [nan, nan, 0]),
  { ...row("infinity times 0", [[inf, -inf]], (x) => mul(0, x), [nan, nan]), infinite: true },
  row("maximum of NaN", [[1, nan, 3], [nan, 2, 1]], maximum as never, [nan, nan, 3]),
  row("max of NaN", [[1, nan, 3]], max as never, [nan]),
  row("min of NaN", [[1, nan, 3]], min as never, [nan]),
  row("argmax of equals", [[1, 3, 3]], argmax as never, [1]),
  row("argmax of the better of equals", [[-0, 0]], argmax as never, [0]),
  row("argmin of NaNs", [[1, nan, 0, nan]], argmin as never, [1]),
  row("maxWithIndex of NaNs", [[1, nan, 3, nan]], (x) => maxWithIndex(x as never).values, [nan]),
  row("argmax of NaNs", [[1, nan, 3, nan]], argmax as never, [1]),
  row("argmin of NaNs", [[1, nan, -3, nan]], argmin as never, [1]),
  row("equal", [[nan, 0], [nan, -0]], (x, y) => cast(equal(x, y), "i32"), [0, 1]),
  row("sign", [[0, nan, -3, 2]], sign as never, [0, nan, -1, 1]),
  row("pow(x, 0)", [[nan, 0, -2], [0, 0, 0]], pow as never, [1, 1, 1]),
  row("mean of whole numbers", [whole(1, 2)], (x) => mean(x), [1.5]),
  row("mean of bytes", [whole(1, 2, 255, 0)], (x) => mean(cast(x, "u8")), [64.5]),
  row("mean of truth values", [whole(1, 0, 7, 2)], (x) => mean(cast(x, "bool")), [0.75]),
  row("mean of unsigned numbers", [whole(1, 2)], (x) => mean(cast(x, "u32"), { axis: -1 }), [1.5]),
  row("moments of numbers far from 0", [[10000.25, 9999.75]], momentsOf, [10000, 0.0625]),
  row("moments of one number, whose square is none", [[2 ** 100]], momentsOf, [2 ** 100, 0]),
  { ...row("moments of nothing", [[]], momentsOf, [nan, nan]), infinite: true },
  row("moments of a NaN", [[1, nan]], momentsOf, [nan, nan]),
  row("moments of whole numbers", [whole(1, 3)], momentsOf, [2, 1]),
  row("variance of whole numbers", [whole(1, 2, 5, 6)], (x) => variance(x), [4.25]),
  row("standardDeviation of whole numbers", [whole(1, 4)], (x) => standardDeviation(x), [1.5]),
  row("l2Norm of whole numbers", [whole(3, 4)], (x) => l2Norm(x), [5]),
  row("l1Norm of whole numbers is whole", [whole(3, -4)], (x) => div(l1Norm(x), 2), [3]),
  row("globalNorm of whole numbers", [whole(3), whole(4)], (x, y) => globalNorm([x, y]), [5]),
  row("normalize of whole numbers", [whole(0, -5)], (x) => normalize(x), [0, -1]),
  row("logSumExp of whole numbers", [whole(5)], (x) => logSumExp(x), [5]),
  row("meanSquaredError of whole numbers", [whole(1, 2), whole(2, 5)], (x, y) => meanSquaredError(x, y), [5]),
  row("meanSquaredError of unsigned numbers", [whole(1, 2), whole(2, 4)], (x, y) => meanSquaredError(cast(x, "u32"), cast(y, "u32")), [2.5]),
  row("meanAbsoluteError of whole numbers", [whole(1, 2), whole(2, 4)], (x, y) => meanAbsoluteError(x, y), [1.5]),
  row("huber of whole numbers", [whole(1, 2), whole(2, 5)], (x, y) => huber(x, y), [1.5]),
  row("maxPool with NaN", [[nan, 1, 2, 3]], (x) => maxPool(line(x), { size: 2 }), [nan, 3]),
  row("maxPool with a border", [[-3, -1, -2]], (x) => maxPool(line(x), { size: 2, padding: "same" }), [-1, -2]),
  { ...row("maxPool of -infinity", [[-inf, -inf, 1]], (x) => maxPool(line(x), { size: 2, stride: 1 }), [-inf, 1]), infinite: true }, // biome-ignore format: a row
  slopes("maxPool at ties", [1, 1, 0, 2, 2], (x) => maxPool(line(x), { size: 3, stride: 2 }), [1, 0, 0, 1, 0]),
  row("avgPool with a border", [[2, 4, 6]], (x) => avgPool(line(x), { size: 2, padding: "same" }), [3, 6]),
  row("conv with a border", [[1, 2, 3]], (x) => conv(line(x), full([2, 1, 1], 1), { padding: "same" }), [3, 5, 3]),
  row("convTranspose where no window reaches", [[1, 2]], (x) => convTranspose(line(x), full([1, 1, 1], 3), { stride: 3 }), [3, 0, 0, 6, 0, 0]), // biome-ignore format: a row
  { ...row("logSumExp of -infinity", [[-inf, -inf]], (x) => logSumExp(x), [-inf]), infinite: true },
  { ...row("logSumExp of infinity", [[inf, 1]], (x) => logSumExp(x), [inf]), infinite: true },
  {
    ...row("softmaxCrossEntropy", [[0, -inf], whole(0)], (x, y) => softmaxCrossEntropy(reshape(x, [1, 2]) as never, mul(y, 1) as never), [0]),
    infinite: true,
  },
  row("a label that is no class", [[0, 0, 3, 1], whole(2, -1)], (x, y) => lossOf(x, y), [nan, nan]),
  row("a label that is no class, probabilities", [[0.5, 0.5, 1, 0], whole(255, 0)], (x, y) => lossOf(x, y, { probabilities: true }), [nan, 0]),
  row("a label that is ignored", [[0, nan, 3, 3], whole(255, -1)], (x, y) => lossOf(x, y, { ignore: 255 }), [0, nan]),
  row("gradient: labels that are no class or ignored", [[0, nan, 3, 3], whole(255, 2)], (x, y) => grad(sum(lossOf(x, y, { ignore: 255 })), x), [0, 0, 0, 0]),
  row("gradient: by a label of 0", [[2, 2], [0, 0.5]], (x, y) => grad(lossOf(x, y, { soft: true }), y), [Math.fround(Math.LN2), Math.fround(Math.LN2)]),
  {
    ...row("gradient: a masked logit", [[0, -inf, 0], [0.5, 0, 0.5]], (x, y) => grad(lossOf(x, y, { soft: true }), x), [0, 0, 0]),
    infinite: true,
  },
  row("sum of nothing", [[]], sum as never, [0]),
  row("prod of nothing", [[]], prod as never, [1]),
  { ...row("max of nothing", [[]], max as never, [-inf]), infinite: true },
  { ...row("min of nothing", [[]], min as never, [inf]), infinite: true },
  row("max of no whole numbers", [whole()], max as never, [lowest]),
  row("min of no whole numbers", [whole()], min as never, [highest]),
  row("argmax of nothing", [[]], argmax as never, [0]),
  row("sort of nothing", [[]], sort as never, []),
  row("sort of one", [[nan]], sort as never, [nan]),
  row("sort of zeros", [[1, 0, -0, -1, 0]], sort as never, [-1, 0, -0, 0, 1]),
  row("sort of NaNs", [[1, nan, -3, nan, 2]], sort as never, [-3, 1, 2, nan, nan]),
  row("argsort of equals and NaNs", [[1, nan, 0, 1, nan, 0]], argsort as never, [2, 5, 0, 3, 1, 4]),
  row(
    "argsort of equals and NaNs, descending",
    [[1, nan, 0, 1, nan, 0]],
    (x) => argsort(x as never, { descending: true }),
    [1, 4, 0, 3, 2, 5],
  ),
  row("sort of whole numbers", [whole(lowest, highest, 0, -1)], sort as never, [lowest, -1, 0, highest]),
  row("topK of NaNs", [[1, nan, 3, nan]], (x) => topK(x as never, 3).indexes, [1, 3, 2]),
  row("topK of none", [[1, 2]], (x) => topK(x as never, 0).values, []),
  slopes("max and its index where elements tie", [1, 3, 3], (x) => maxWithIndex(x as never).values, [0, 1, 0]),
  slopes("topK where elements tie", [3, 1, 3, 3], (x) => topK(x as never, 2).values, [1, 0, 1, 0]),
  row("gather", [[1, 2, 3], whole(-1, 3, 1)], (x, i) => gather(x, i as never), [0, 0, 2]),
  row("scatterAdd", [whole(0, 0, 5, -1), [1, 2, 3, 4]], (i, x) => scatterAdd(i as never, x, 2), [3, 0]),
  row("segmentSum", [[1, 2, 3, 4], whole(2, 0, -1, 2)], (x, i) => segmentSum(x as never, i as never, 3), [2, 0, 5]),
  row("running sums of NaN", [[1, nan, 2]], (x) => cumulativeSum(x as never), [1, nan, nan]),
  row("running sums of whole numbers wrap", [whole(highest, 1)], (x) => cumulativeSum(x as never), [highest, lowest]),
  row("running maxima of NaN", [[1, 3, nan, 4]], (x) => cumulativeMax(x as never), [1, 3, nan, nan]),
  row("running minima before", [whole(3, 1)], (x) => cumulativeMin(x as never, { exclusive: true }), [highest, 3]),
  row("running products before", [[3, 0, 2]], (x) => cumulativeProduct(x as never, { exclusive: true }), [1, 3, 0]),
  row("running folds of nothing", [[]], (x) => cumulativeLogSumExp(x as never), []),
  {
    ...row("running log-sum-exps", [[-inf, 0, 1000]], (x) => cumulativeLogSumExp(x as never), [-inf, 0, 1000]),
    infinite: true,
  },
  slopes("running maxima where elements tie", [1, 3, 3, 2], (x) => cumulativeMax(x as never), [1, 3, 0, 0]),
  slopes("running products from a zero on", [2, 0, 3, 0], (x) => cumulativeProduct(x as never), [1, 8, 0, 0]),
  row("oneHot", [whole(4, 0, 2)], (x) => oneHot(sub(x, 1) as never, 3), [0, 0, 0, 0, 0, 0, 0, 1, 0]),
  row("dynamicSlice", [[1, 2, 3, 4], whole(9)], (x, at) => dynamicSlice(x, at as never, [2]), [3, 4]),
  row("dynamicUpdate", [[1, 2, 3], [8, 9], whole(-5)], (x, part, at) => dynamicUpdate(x, part, at as never), [8, 9, 3]),
  slopes("abs", [0, -1], (x) => abs(x), [0, -1]),
  slopes("relu", [0, 1], (x) => relu(x as never), [0, 1]),
  slopes("maximum at a tie", [2], (x) => maximum(x, 2), [0]),
  slopes("max at a tie", [2, 2, 1], (x) => max(x), [0.5, 0.5, 0]),
  slopes("prod with a zero", [0, 2, 3], (x) => prod(x), [6, 0, 0]),
  slopes("prod with two zeros", [0, 0, 3], (x) => prod(x), [0, 0, 0]),
  slopes("pow(x, 0)", [0, -1, 2], (x) => pow(x, 0), [0, 0, 0]),
  slopes("leakyRelu", [0], (x) => leakyRelu(x, 0.25), [0.25]),
  slopes("elu", [0], (x) => elu(x), [1]),
  slopes("sigmoid", [0], (x) => sigmoid(x as never), [0.25]),
  slopes("l2Norm of zeros", [0, 0], (x) => l2Norm(x), [0, 0]),
  slopes("standardDeviation of equals", [2, 2], (x) => standardDeviation(x), [0, 0]),
  { ...slopes("where, a branch that is not taken", [0, 4], (x) => where(greater(x, 0) as never, sqrt(x), 0), [nan, 0.25]), infinite: true },
  slopes("where, written safely", [0, 4], (x) => where(greater(x, 0) as never, sqrt(where(greater(x, 0) as never, x, 1)), 0), [0, 0.25]),
  slopes("cond, a branch that is not taken", [-4], (x) => rootOrSquare(reshape(x, [])), [-8]),
  slopes("vmap of cond, a branch that is not taken", [-4, 4, 0], (x) => vmap((v: Tensor) => rootOrSquare(v), x), [-8, 0.25, 0]),
  row("gradient: in vmap, of cond", [[-4, 4, 0]], (x) => vmap((v) => grad(rootOrSquare(v) as never, v), x), [-8, 0.25, 0]),
  row("gradient: vmap of cond, by what all examples share", [[-4, 4, -1], [3]], (x, w) => grad(sum(vmap((v) => rootOrSquare(v, reshape(w, [])), x) as Tensor), w), [2]),
  row("Hessian: vmap of cond, a branch that is not taken", [[-4, 4]], (x) => hessian(sum(vmap((v: Tensor) => rootOrSquare(v), x) as Tensor), x), [2, 0, 0, -0.03125]),
  row("tangent: vmap of cond, a branch that is not taken", [[-4, 4]], (x) => jvp((at) => vmap((v: Tensor) => rootOrSquare(v), at), x, x).tangent, [32, 1]),
  slopes("globalNorm of zeros", [0, 0], (x) => globalNorm([x]), [0, 0]),
  row("Hessian: prod with a zero", [[2, 0, 3]], (x) => hessian(prod(x), x), [0, 3, 0, 3, 0, 2, 0, 2, 0]),
  row("Hessian: pow(x, y) where y is 0", [[2, 0]], (x) => hessian(powerOf(x), x), [0, 0.5, 0.5, Math.fround(Math.LN2 ** 2)]),
  row("gradient: by each of two tensors of zeros", [[1, 2]], (x) => byTwoZeros(x), [3, 3, 1, 1]),
  slopes("round", [0.7], (x) => add(round(x), mul(x, 0)), [0]),
]; // biome-ignore format: a table

/** Of floats of 16 bits: sums that were rounded to them at each step would stay at 2^(digits), where adding 1 changes nothing. */
function shortRows(dtype: ShortFloat): readonly Row[] {
  const { fraction, most } = shortFloats[dtype];
  const short = (x: Tensor): Tensor => cast(x, dtype);
  const single = (x: unknown): Tensor => cast(x as Tensor, "f32");
  const count = 3 * 2 ** fraction;
  const ones = Array.from({ length: count }, () => 1);
  const half = 2 ** -(fraction + 1);
  return [
    row(`sum of ${dtype}`, [ones], (x) => single(sum(short(x))), [count]),
    row(`mean of ${dtype}`, [ones], (x) => single(mean(short(x))), [1]),
    row(`contraction of ${dtype}`, [ones], (x) => single(matmul(reshape(short(x), [1, -1]), reshape(short(x), [-1, 1]))), [count]),
    row(`running sum of ${dtype}`, [ones], (x) => single(slice(cumulativeSum(short(x)) as Tensor, [count - 1, count])), [count]),
    row(`ops of ${dtype} round one by one`, [[1], [half]], (x, y) => single(add(add(short(x), short(y)), short(y))), [1]),
    row(`casts of ${dtype} round once`, [[1], [half]], (x, y) => single(short(add(add(x, y), y))), [1 + 2 * half]),
    row(`a NaN of ${dtype}`, [[nan, 1]], (x) => single(mul(short(x), 2)), [nan, 2]),
    { ...row(`what is too large for ${dtype}`, [[most, -most]], (x) => single(mul(short(x), 2)), [inf, -inf]), infinite: true },
    slopes(`of ${dtype}`, [1, 2], (x) => single(mul(short(x), 0.3)), [0.3, 0.3].map((slope) => roundTo(dtype, slope))),
  ]; // biome-ignore format: a table
}

/** The rows that a target does not keep: a line each. */
export async function brokenRows(target: TargetSetup): Promise<readonly string[]> {
  const all = [...rows, ...shortRows("f16"), ...shortRows("bf16")];
  const chosen = all.filter(({ infinite }) => infinite !== true || target.traits.name !== "wgsl");
  const named = chosen.flatMap(({ given }, i) => given.map((numbers, k) => [`r${i}_${k}`, numbers] as const));
  const held = program({
    inputs: Object.fromEntries(named.map(([name, numbers]) => [name, specOf(numbers)])),
    step: (inputs) => ({
      outputs: Object.fromEntries(
        chosen.map(({ given, make }, i) => [`r${i}`, make(...given.map((_, k) => inputs[`r${i}_${k}`] as Tensor))]),
      ) as Readonly<Record<string, Tensor>>,
    }),
  });
  const executable = await compileOn(held, target, { onWarning: () => undefined });
  try {
    const feeds = Object.fromEntries(named.map(([name, numbers]) => [name, arrayOf(numbers)]));
    const found = await executable.run({ entry: "step", feeds });
    return chosen.flatMap(({ says, wanted }, i) => {
      const value = found[`r${i}`] as number | TypedArray;
      const numbers = typeof value === "number" ? [value] : [...value];
      const isSame = numbers.length === wanted.length && numbers.every((x, k) => isEqual(x, wanted[k]));
      return isSame ? [] : [`${says}: ${numbers.join(", ")}, not ${wanted.join(", ")}`];
    });
  } finally {
    executable.dispose();
  }
}

function specOf(given: Given) {
  return "whole" in given ? i32(given.whole.length) : f32(given.length);
}

/** Zeros are alike: WGSL need not keep their sign. */
function isEqual(found: number, wanted: number | undefined): boolean {
  return found === wanted || (Number.isNaN(found) && Number.isNaN(wanted));
}

function arrayOf(given: Given): Float32Array | Int32Array {
  return "whole" in given ? Int32Array.from(given.whole) : Float32Array.from(given);
}
