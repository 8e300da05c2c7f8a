/** Reductions, running folds and contractions. Floats of 16 bits are folded in f32 and rounded once. */
import { isFloat } from "../../src/core/dtype.ts";
import { neutral, type PlainFold, type RunningFold } from "../../src/core/fold.ts";
import { attrsOf } from "../../src/graph/define.ts";
import type { ReduceName } from "../../src/graph/op-names.ts";
import { contract } from "../../src/graph/ops/contract.ts";
import { type maxWithIndex, minWithIndex, moments, reduceOps } from "../../src/graph/ops/reduce.ts";
import { foldNamed, running } from "../../src/graph/ops/running.ts";
import { sizeOf } from "../../src/graph/shape.ts";
import { type Hlo, range, typesOf, type Value } from "./builder.ts";
import { type OpWords, operandValue, single, typeOf, valueFor } from "./scope.ts";
import { narrowed, widened } from "./short-floats.ts";

const foldWords: Readonly<Record<PlainFold, string>> = {
  sum: "add",
  prod: "multiply",
  max: "maximum",
  min: "minimum",
};

export const reduceWords = (name: ReduceName): OpWords =>
  single((scope, node) => {
    const { axes } = attrsOf(node, reduceOps[name]);
    const x = widened(scope.builder, operandValue(scope, node));
    return narrowed(scope.builder, folded(scope.builder, name, x, axes), node.type.dtype);
  });

function folded(hlo: Hlo, fold: PlainFold, x: Value, axes: readonly number[]): Value {
  if (axes.length === 0) return x;
  return hlo.reduce(foldWords[fold], x, hlo.constant(x.dtype, neutral(fold, x.dtype)), axes);
}

// ---- the best, and where it stands ---------------------------------------------------------------------------------

export const bestWords = (op: typeof maxWithIndex): OpWords => {
  const fold = op === minWithIndex ? "min" : "max";
  return (scope, node) => {
    const { builder: hlo } = scope;
    const { axes } = attrsOf(node, op);
    const x = operandValue(scope, node);
    const { dtype } = x;
    const [value, index] = node.results.map(typeOf);
    if (value === undefined || index === undefined) return [];
    if (axes.some((axis) => x.shape[axis] === 0)) {
      return [hlo.constant(dtype, neutral(fold, dtype), value.shape), hlo.constant("i32", 0, index.shape)];
    }
    const places = placesOf(hlo, x.shape, axes);
    // what no element stands behind: an element as small stands before it
    const inits = [hlo.constant(dtype, neutral(fold, dtype)), hlo.constant("i32", 2147483647)];
    const scalars = [0, 1].flatMap(() => [
      { dtype, shape: [] },
      { dtype: "i32" as const, shape: [] },
    ]);
    const region = hlo.region(scalars, (inner, [a = x, i = x, b = x, k = x]) => {
      const isFirst = isBetter(inner, fold, a, i, b, k);
      return [inner.select(isFirst, a, b), inner.select(isFirst, i, k)];
    });
    return hlo.generic("reduce", [x, places, ...inits], [value, index], {
      regions: [region],
      attributes: [`dimensions = array<i64: ${axes.join(", ")}>`],
    });
  };
};

/** Whether the first is better, or as good and stands before; a NaN is better than any number. */
function isBetter(hlo: Hlo, fold: "max" | "min", a: Value, i: Value, b: Value, k: Value): Value {
  const isMore = hlo.compare(fold === "max" ? "GT" : "LT", a, b);
  const isBefore = hlo.compare("LT", i, k);
  const isTie = hlo.binary("and", hlo.compare("EQ", a, b), isBefore);
  const better = hlo.binary("or", isMore, isTie);
  if (!isFloat(a.dtype)) return better;
  const [noA, noB] = [hlo.compare("NE", a, a), hlo.compare("NE", b, b)];
  const comesFirst = hlo.binary("or", hlo.unary("not", noB), isBefore);
  return hlo.binary("or", hlo.binary("and", noA, comesFirst), hlo.binary("and", hlo.unary("not", noA), better));
}

/** Where each element stands among those that are folded with it, the last axis fastest. */
function placesOf(hlo: Hlo, shape: readonly number[], axes: readonly number[]): Value {
  const [first = 0, ...others] = axes;
  return others.reduce(
    (outer, axis) => {
      const scaled = hlo.binary("multiply", outer, hlo.like(outer, shape[axis] ?? 1));
      return hlo.binary("add", scaled, hlo.iota("i32", shape, axis));
    },
    hlo.iota("i32", shape, first),
  );
}

export const momentWords: OpWords = (scope, node) => {
  const { builder: hlo } = scope;
  const { axes } = attrsOf(node, moments);
  const x = widened(hlo, operandValue(scope, node));
  const { dtype, shape } = typeOf(node);
  const count = sizeOf(axes.map((axis) => x.shape[axis] ?? 1));
  const counts = hlo.constant(x.dtype, count, shape);
  const mean = count === 0 ? counts : hlo.binary("divide", folded(hlo, "sum", x, axes), counts);
  const kept = range(x.shape.length).filter((axis) => !axes.includes(axis));
  const off = hlo.binary("subtract", x, hlo.broadcast(mean, x.shape, kept));
  const m2 = folded(hlo, "sum", hlo.binary("multiply", off, off), axes);
  return [counts, mean, m2].map((value) => narrowed(hlo, value, dtype));
};

// ---- running folds -------------------------------------------------------------------------------------------------

/**
 * In log2(n) rounds, each of which joins what stands 1, 2, 4, ... places before (Hillis and Steele, "Data parallel algorithms",
 * 1986). What has met a place where it starts anew takes nothing more.
 */
export const runningWords = single((scope, node) => {
  const { builder: hlo } = scope;
  const { axis, fold: name } = attrsOf(node, running);
  const fold = foldNamed(name);
  const [given, restarts] = node.args.map((arg) => valueFor(scope, arg));
  let y = widened(hlo, given ?? hlo.constant("f32", 0));
  let isNew = restarts;
  const count = y.shape[axis] ?? 0;
  for (let by = 1; by < count; by *= 2) {
    const before = shifted(hlo, y, axis, by, neutral(fold, y.dtype));
    const sum = joined(hlo, fold, before, y);
    y = isNew === undefined ? sum : hlo.select(isNew, y, sum);
    if (isNew !== undefined) isNew = hlo.binary("or", isNew, shifted(hlo, isNew, axis, by, 0));
  }
  return narrowed(hlo, y, node.type.dtype);
});

/** What stands `by` places before each element; `otherwise` where nothing does. */
function shifted(hlo: Hlo, x: Value, axis: number, by: number, otherwise: number): Value {
  const low = x.shape.map((_, i) => (i === axis ? by : 0));
  return hlo.pad(
    x,
    hlo.constant(x.dtype, otherwise),
    low,
    low.map((edge) => 0 - edge),
  );
}

function joined(hlo: Hlo, fold: RunningFold, a: Value, b: Value): Value {
  if (fold !== "logSumExp") return hlo.binary(foldWords[fold], a, b);
  const top = hlo.binary("maximum", a, b);
  const apart = hlo.unary("abs", hlo.binary("subtract", a, b));
  const more = hlo.unary("log_plus_one", hlo.unary("exponential", hlo.unary("negate", apart)));
  // two infinities of one sign are 0 apart, not NaN
  const isSame = hlo.compare("EQ", a, b);
  return hlo.binary("add", top, hlo.select(isSame, hlo.like(more, Math.log(2)), more));
}

// ---- contractions --------------------------------------------------------------------------------------------------

export const contractWords = single((scope, node) => {
  const { builder: hlo } = scope;
  const { batchLeft, batchRight, sumLeft, sumRight } = attrsOf(node, contract);
  const args = [operandValue(scope, node), operandValue(scope, node, 1)].map((x) => widened(hlo, x));
  const type = { dtype: args[0]?.dtype ?? "f32", shape: typeOf(node).shape };
  const pairs = (left: readonly number[], right: readonly number[]): string =>
    `[${left.join(", ")}] x [${right.join(", ")}]`;
  const batch = batchLeft.length === 0 ? "" : `batching_dims = ${pairs(batchLeft, batchRight)}, `;
  const how = `${batch}contracting_dims = ${pairs(sumLeft, sumRight)}, precision = [HIGHEST, HIGHEST]`;
  const names = args.map(({ name }) => name).join(", ");
  const made = hlo.one(type, `stablehlo.dot_general ${names}, ${how} : (${typesOf(args)}) -> ${typesOf([type])}`);
  return narrowed(hlo, made, node.type.dtype);
});
