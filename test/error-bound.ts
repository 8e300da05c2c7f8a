/**
 * How far a target may be from the float64 oracle, at every element of every output of an entry: the tolerances of the op
 * table, added up along the graph (a running error analysis; Higham, "Accuracy and Stability of Numerical Algorithms",
 * section 3.3).
 *
 *   bound(y) = what the operands' bounds can change of y  +  the tolerance of y's own op
 *
 * The first is found by evaluating the op once more on operands moved by their bounds, so no derivative is written down
 * twice. It is of first order: operands are moved one after the other, and products of bounds are left out.
 */
import { roundingsInBlocks, roundingsInRun, type Tolerances } from "../codegen/tolerance.ts";
import { type DType, isFloat, isShort, roundTo } from "../src/core/dtype.ts";
import { isContract, isOp, isReduce, isRun, operand } from "../src/graph/define.ts";
import type { Entry } from "../src/graph/entry.ts";
import type { Environment } from "../src/graph/evaluate.ts";
import { neededBy } from "../src/graph/graph.ts";
import type { NdArray } from "../src/graph/ndarray.ts";
import type { Node } from "../src/graph/node.ts";
import { contract } from "../src/graph/ops/contract.ts";
import { scatterAdd } from "../src/graph/ops/gather.ts";
import { cast } from "../src/graph/ops/map.ts";
import { moments } from "../src/graph/ops/reduce.ts";
import { running } from "../src/graph/ops/running.ts";
import { input, state } from "../src/graph/ops/source.ts";
import { permute } from "../src/graph/ops/view.ts";
import { windowSum } from "../src/graph/ops/window-sum.ts";
import { sizeOf } from "../src/graph/shape.ts";
import { loopBounds } from "./loop-bounds.ts";

export interface Bounded {
  readonly value: NdArray;
  /** For each element, the largest |found - value|. 0 where the target must have the very number. */
  readonly bound: Float64Array;
}

/** The oracle itself rounds to doubles: bounds are wider by these ulps of a double, and those of sums by this unit. */
const oracleUlps = 2;
const oracleUnit = 2 ** -53;

/** Outputs of an entry (differentiated, its dimensions bound) with their bounds on a target, by name. */
export function errorBounds(entry: Entry, given: Environment, target: Tolerances): ReadonlyMap<string, Bounded> {
  const fed = new Map([...given].map(([name, value]) => [name, { value, bound: none(value) }]));
  const found = boundsOf(
    entry.outputs.map(({ node }) => node),
    fed,
    target,
  );
  return new Map(entry.outputs.map(({ name }, i) => [name, found[i] as Bounded]));
}

function boundsOf(
  wanted: readonly Node[],
  given: ReadonlyMap<string, Bounded>,
  target: Tolerances,
): readonly Bounded[] {
  const known = new Map<Node, Bounded>();
  for (const node of neededBy(wanted)) {
    if (known.has(node)) continue;
    const fed = node.op === input || node.op === state ? given.get(String(node.attrs.name)) : undefined;
    if (fed === undefined && node.op.kind === "loop") {
      const operands = node.args.map((arg) => known.get(arg) as Bounded);
      const found = loopBounds(node, operands, (inside, parameters) => boundsOf(inside, parameters, target));
      node.results.forEach((result, i) => void known.set(result, found[i] as Bounded));
    } else known.set(node, fed ?? boundNode(node, known, target));
  }
  return wanted.map((node) => known.get(node) as Bounded);
}

const none = ({ data }: NdArray): Float64Array => new Float64Array(data.length);

function boundNode(node: Node, known: ReadonlyMap<Node, Bounded>, target: Tolerances): Bounded {
  const operands = node.args.map((arg) => {
    const found = known.get(arg) as Bounded;
    return node.op === windowSum ? notYetRounded(arg, found) : found;
  });
  const evaluate = (args: readonly NdArray[]): NdArray => {
    const types = node.results.map(({ type }) => type);
    return node.op.evaluate(args, node.attrs, types)[node.result] as NdArray;
  };
  const values = operands.map(({ value }) => value);
  const value = evaluate(values);
  const multiplies = node.op.kind === "contract" || node.op.name === "prod" || node.attrs.fold === "prod";
  const inherited = multiplies ? productsMoved(operands, evaluate) : operandsMoved(operands, value, evaluate);
  if (!isFloat(value.dtype)) return { value, bound: inherited };
  const { tolerance = "exact" } = node.op;
  const { ulps, absolute, unit, inBlocks } = target[tolerance];
  if (ulps === 0 && unit === 0) return { value, bound: inherited };
  const sums = unit === 0 ? none(value) : sumsOf(node, values, evaluate);
  const terms = termsOf(node, values);
  const rounds =
    tolerance === "running"
      ? roundingsInRun(terms, inBlocks, node.attrs.fold !== "prod")
      : (inBlocks ? roundingsInBlocks(terms) : terms) + 8;
  const perTerms = unit === 0 ? 0 : rounds * unit + (terms + 8) * oracleUnit;
  const whole = unit !== 0 && operands.every(isWhole);
  const bound = inherited.map((moved, i) => {
    const [y, total] = [value.data[i] as number, sums[i] as number];
    if (whole && total <= 2 ** 24) return 0;
    if (tolerance === "rounded" && moved === 0 && isNormal(value.dtype, y)) return 0;
    const stored = isShort(value.dtype) && ulps === 0 ? 0.5 : 0; // what is folded in f32 is rounded once more
    const own = (ulps + stored) * ulpOf(value.dtype, Math.abs(y) + moved) + oracleUlps * ulpOf("f64", y) + absolute;
    return moved + own + perTerms * total;
  });
  return { value, bound };
}

/** What sums of windows add up of a contraction of short floats is never rounded to them: there is no array of it. */
function notYetRounded(node: Node, { value, bound }: Bounded): Bounded {
  const chain = [node];
  let under = node;
  while (under.op === cast || under.op === permute) {
    under = operand(under);
    chain.push(under);
  }
  const dtype = chain.map(({ type }) => type.dtype).find(isShort);
  if (under.op !== contract || dtype === undefined) return { value, bound };
  return { value, bound: bound.map((moved, i) => moved + ulpOf(dtype, Math.abs(value.data[i] as number) + moved) / 2) };
}

/**
 * Of the magnitudes of the terms. Squares about a mean lose digits as the mean is far from 0: their sum times the root of
 * (squares about 0) / (squares about the mean) (Chan, Golub and LeVeque, "Algorithms for computing the sample variance", 1983).
 */
function sumsOf(node: Node, values: readonly NdArray[], evaluate: (args: readonly NdArray[]) => NdArray): Float64Array {
  // Powers are relative to the largest, so their sum is 1 at least: what is off of it is off of the logarithm.
  if (node.attrs.fold === "logSumExp")
    return evaluate(values).data.map((y) => (Number.isFinite(y) ? 1 + Math.abs(y) : 0));
  if (node.op !== moments || node.result !== 2) return evaluate(values.map(magnitudes)).data;
  const types = node.results.map(({ type }) => type);
  const [count, mean, squares] = node.op.evaluate(values, node.attrs, types).map(({ data }) => data);
  return (squares as Float64Array).map((m2, i) => Math.sqrt(m2 * (m2 + (count?.[i] ?? 0) * (mean?.[i] ?? 0) ** 2)));
}

/** Bits of the fraction with the hidden one, and the exponent of the smallest normal number. */
const floats = { f16: [11, -14], bf16: [8, -126], f32: [24, -126], f64: [53, -1022] } as const;

/** Distance between the numbers of a dtype around a value; 0 for whole numbers and bools. */
export function ulpOf(dtype: DType, value: number): number {
  if (!isFloat(dtype) || !Number.isFinite(value)) return 0;
  const [digits, lowest] = floats[dtype as keyof typeof floats];
  const exponent = value === 0 ? lowest : Math.max(lowest, Math.floor(Math.log2(Math.abs(value))));
  return 2 ** (exponent - digits + 1);
}

/** Whole numbers, known exactly: sums of few of them are exact in any order. */
function isWhole({ value, bound }: Bounded): boolean {
  return value.data.every(Number.isInteger) && bound.every((b) => b === 0);
}

/** Correct rounding keeps a result that is a number of the dtype; one below the normal numbers may be flushed. */
function isNormal(dtype: DType, y: number): boolean {
  return roundTo(dtype, y) === y && (y === 0 || Math.abs(y) >= 2 ** -126);
}

/** What changes when each operand is moved up, and down, by its bounds. Right where the op is monotone in between. */
function operandsMoved(
  operands: readonly Bounded[],
  value: NdArray,
  evaluate: (args: readonly NdArray[]) => NdArray,
): Float64Array {
  const total = none(value);
  operands.forEach((operand, which) => {
    if (operand.bound.every((bound) => bound === 0)) return;
    const [up, down] = [1, -1].map((sign) =>
      evaluate(operands.map((other, i) => (i === which ? moved(other, sign) : other.value))),
    );
    for (let i = 0; i < total.length; i++) {
      const y = value.data[i] as number;
      const changes = [up?.data[i], down?.data[i]].map((z) => (Object.is(z, y) ? 0 : Math.abs((z as number) - y)));
      // one side may lie outside of the function's domain (a root of 0 - bound); with both outside nothing is known
      const inside = changes.filter((change) => !Number.isNaN(change));
      const change = Number.isNaN(y) ? 0 : inside.length === 0 ? Number.POSITIVE_INFINITY : Math.max(...inside);
      total[i] = (total[i] as number) + change;
    }
  });
  return total;
}

/** Of products and sums of them: with |a| + bound in place of a, less the same with |a|. */
function productsMoved(operands: readonly Bounded[], evaluate: (args: readonly NdArray[]) => NdArray): Float64Array {
  const wide = evaluate(operands.map(({ value, bound }) => moved({ value: magnitudes(value), bound }, 1))).data;
  const narrow = evaluate(operands.map(({ value }) => magnitudes(value))).data;
  return wide.map((w, i) => Math.max(0, w - (narrow[i] as number)));
}

function moved({ value, bound }: Bounded, sign: number): NdArray {
  return { ...value, data: value.data.map((x, i) => x + sign * (bound[i] as number)) };
}

function magnitudes(x: NdArray): NdArray {
  return { ...x, data: x.data.map(Math.abs) };
}

/** How many terms each result of a reduction or contraction folds together, the last of a running fold. */
function termsOf(node: Node, [x]: readonly NdArray[]): number {
  if (isOp(node, windowSum)) return sizeOf(node.attrs.size);
  if (node.op === scatterAdd) return sizeOf(x?.shape ?? []);
  if (isRun(node) || node.op === running) return x?.shape[Number(node.attrs.axis)] ?? 0;
  if (!isReduce(node) && !isContract(node)) return 0;
  const axes = isReduce(node) ? node.attrs.axes : node.attrs.sumLeft;
  return sizeOf(axes.map((axis) => x?.shape[axis] ?? 0));
}
