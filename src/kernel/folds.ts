/**
 * The folds: for each function what it accumulates, where that starts, and how two partial results meet.
 *
 *              accumulators          an element       join
 *   sum        acc                   x                a + b
 *   argMax     best, place           x, its index     the greater; the earlier of equals; NaN is greater than all
 *   maxBits    top, low, far         x's bits         max, min, max
 *   moments    count, mean, m2       1, x, 0          Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm
 *                                                     for computing sample variances", 1979
 *   logSumExp  top, sum              x, 1             of terms that are taken relative to the largest: nothing overflows
 *
 * An element is a partial result itself, of one element: so a step of a loop is a join, and so is the end of a tree.
 */
import { CompilerBug } from "../core/errors.ts";
import { type KernelFold, neutral, type PlainFold } from "../core/fold.ts";
import { apply, bitcast } from "./build.ts";
import { blockIndex } from "./index-expr.ts";
import type { Expr, Index, LoopVar, ScalarFn, ValueType } from "./kernel.ts";

const [INFINITY_BITS, SIGN_BIT, NEGATIVE_INFINITY_BITS] = [0x7f800000, 0x80000000, 0xff800000] as const;

/** Gives a value a name, close to the one wanted, where it is used more than once. */
export type Define = (hint: string, value: Expr) => Expr;

export interface Fold {
  /** What its accumulators are called. */
  readonly names: readonly string[];
  /** Types of the accumulators, where elements are of `type`. */
  types(type: ValueType): readonly ValueType[];
  /** An element as a partial result; `at` is where it stands on each folded axis, whose loops these are. */
  element(value: Expr, at: readonly Index[], loops: readonly LoopVar[]): readonly Expr[];
  /** What the accumulators start as; joined to a partial result it changes nothing. */
  identity(type: ValueType): readonly number[];
  /**
   * Two partial results as one: `a` of the earlier elements, `b` of the later ones. `isMixed`: of any elements, neither
   * before the other, as lanes that take turns have them; it costs `argMax` two comparisons more.
   */
  join(a: readonly Expr[], b: readonly Expr[], define: Define, isMixed?: boolean): readonly Expr[];
  /** The one number that a partial result means, where that is not its first. */
  result?(partial: readonly Expr[]): Expr | undefined;
  /** Whether parts of the elements may be folded apart and then joined: with the same bits, or with other roundings. */
  splits(type: ValueType): "exactly" | "rounding" | "no";
  /** Whether it accumulates in the target's wider type, where the target has one (`accumulatorType`). */
  readonly isWide: boolean;
}

const isFloating = (type: ValueType): boolean => type === "f32" || type === "f64";

function plain(fn: PlainFold, scalar: ScalarFn, isWide: boolean): Fold {
  return {
    names: ["acc"],
    types: (type) => [type],
    element: (value) => [value],
    identity: (type) => [neutral(fn, type)],
    join: ([a], [b]) => (a === undefined || b === undefined ? [] : [apply(scalar, a, b)]),
    splits: (type) => (isWide && isFloating(type) ? "rounding" : "exactly"),
    isWide,
  };
}

/** The place counts through all folded axes, the last fastest. The identity's is 0: among elements that are all the worst there is, the first is the one. */
function arg(better: "gt" | "lt"): Fold {
  return {
    names: ["best", "place"],
    types: (type) => [type, "i32"],
    element: (value, at, loops) => [value, placeIn(at, loops)],
    identity: (type) => [neutral(better === "gt" ? "max" : "min", type), 0],
    join([held, place], [value, position], define, isMixed = false) {
      if (held === undefined || place === undefined || value === undefined || position === undefined) return [];
      const isBetter = apply(better, value, held);
      const isNan = (x: Expr): Expr => apply("ne", x, x);
      const floats = isFloating(value.type);
      const beats = floats ? apply("or", isBetter, apply("and", isNan(value), apply("eq", held, held))) : isBetter;
      const equals = apply("eq", value, held);
      const ties = floats ? apply("or", equals, apply("and", isNan(value), isNan(held))) : equals;
      const isEarlier = apply("and", ties, apply("lt", position, place));
      const take = define("take", isMixed ? apply("or", beats, isEarlier) : beats);
      return [apply("select", take, value, held), apply("select", take, position, place)];
    },
    splits: () => "exactly",
    isWide: false,
  };
}

function placeIn(at: readonly Index[], loops: readonly LoopVar[]): Index {
  let [place] = at;
  for (let axis = 1; axis < at.length; axis += 1) {
    const [index, extent] = [at[axis], loops[axis]?.extent];
    if (place !== undefined && index !== undefined && extent !== undefined) place = blockIndex(extent, place, index);
  }
  if (place === undefined) throw new CompilerBug("the best of no axis");
  return place;
}

/**
 * The largest or smallest f32, found among bits as whole numbers: from 0 up they have the order of the floats, with NaNs above
 * infinity; of two negative floats the greater has the smaller bits, and as unsigned numbers NaNs with a sign are the greatest. Three
 * such numbers know of every NaN and of the sign of 0, by an instruction of one cycle each, where x86 takes eight for a maximum of
 * floats, each of which waits for the one before.
 */
function bits(fn: "max" | "min"): Fold {
  const types = ["i32", fn === "max" ? "u32" : "i32", "u32"] as const;
  const identity = fn === "max" ? NEGATIVE_INFINITY_BITS : INFINITY_BITS;
  return {
    names: ["top", "low", "far"],
    types: () => types,
    element: (value) => types.map((type) => bitcast(type, value)),
    identity: () => types.map((type) => (type === "i32" ? identity | 0 : identity)),
    join([topA, lowA, farA], [topB, lowB, farB]) {
      if (topA === undefined || lowA === undefined || farA === undefined) return [];
      if (topB === undefined || lowB === undefined || farB === undefined) return [];
      return [apply("max", topA, topB), apply("min", lowA, lowB), apply("max", farA, farB)];
    },
    result([top, low, far]) {
      if (top === undefined || low === undefined || far === undefined) return undefined;
      const [topFloat, lowFloat, farFloat] = [bitcast("f32", top), bitcast("f32", low), bitcast("f32", far)];
      const number =
        fn === "max"
          ? apply("select", apply("ge", top, 0), topFloat, lowFloat)
          : apply("select", apply("ge", far, SIGN_BIT), farFloat, lowFloat);
      const orNan = apply("select", apply("gt", far, NEGATIVE_INFINITY_BITS), farFloat, number);
      return apply("select", apply("gt", top, INFINITY_BITS), topFloat, orNan);
    },
    splits: () => "exactly",
    isWide: false,
  };
}

/** The variance is m2 / count, unbiased m2 / (count - 1). Counts are numbers of the type: exact up to 2^24 in f32. */
const moments: Fold = {
  names: ["count", "mean", "m2"],
  types: (type) => [type, type, type],
  element: (value) => [value.pool.constant(value.type, 1), value, value.pool.constant(value.type, 0)],
  identity: () => [0, 0, 0],
  join([countA, meanA, m2A], [countB, meanB, m2B], define) {
    if (countA === undefined || meanA === undefined || m2A === undefined) return [];
    if (countB === undefined || meanB === undefined || m2B === undefined) return [];
    const count = define("count", apply("add", countA, countB));
    const delta = define("delta", apply("sub", meanB, meanA));
    // Of no elements at all the share is 0, not 0 / 0.
    const share = define("share", apply("div", countB, apply("max", count, 1)));
    // From the right: beside no elements it is 0, where delta² alone may be above all numbers.
    const between = apply("mul", delta, apply("mul", delta, apply("mul", countA, share)));
    return [count, apply("add", meanA, apply("mul", delta, share)), apply("add", apply("add", m2A, m2B), between)];
  },
  splits: () => "rounding",
  isWide: true,
};

/** log(sum exp(x)) = top + log(sum): `sum` is of exp(x - top), so one exponential brings two partial results together. */
const logSumExp: Fold = {
  names: ["top", "sum"],
  types: (type) => [type, type],
  element: (value) => [value, value.pool.constant(value.type, 1)],
  identity: () => [Number.NEGATIVE_INFINITY, 0],
  join([topA, sumA], [topB, sumB], define) {
    if (topA === undefined || sumA === undefined || topB === undefined || sumB === undefined) return [];
    // Of equals it is 0, also where both are infinite.
    const apart = apply("select", apply("eq", topA, topB), 0, apply("abs", apply("sub", topA, topB)));
    const factor = define("factor", apply("exp", apply("neg", define("apart", apart))));
    const isBelow = apply("lt", topA, topB);
    const grown = apply("add", apply("mul", sumA, factor), sumB);
    const joined = apply("add", sumA, apply("mul", sumB, factor));
    return [apply("max", topA, topB), apply("select", isBelow, grown, joined)];
  },
  result: ([top, sum]) => (top === undefined || sum === undefined ? undefined : apply("add", top, apply("log", sum))),
  splits: () => "rounding",
  isWide: true,
};

export const folds: Readonly<Record<KernelFold, Fold>> = {
  sum: plain("sum", "add", true),
  prod: plain("prod", "mul", true),
  max: plain("max", "max", false),
  min: plain("min", "min", false),
  argMax: arg("gt"),
  argMin: arg("lt"),
  moments,
  logSumExp,
  maxBits: bits("max"),
  minBits: bits("min"),
};
