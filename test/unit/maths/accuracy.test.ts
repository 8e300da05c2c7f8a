/**
 * Every routine of the maths library against float64, in units in the last place, over all signs and exponents and near
 * the places where its formula changes; and the values IEEE 754 and C99 fix at zero, infinity and NaN.
 */
import { describe, expect, test } from "vitest";
import { evaluateRoutine } from "../../../src/kernel/evaluate-expr.ts";
import type { MathsFn } from "../../../src/kernel/kernel.ts";
import { mathsFns } from "../../../src/kernel/kernel.ts";
import { doubleRoutineFor } from "../../../src/kernel/maths/in-double.ts";
import { maxUlps, routineFor } from "../../../src/kernel/maths/library.ts";
import { tried } from "../../effort.ts";
import { operands, powEdges, powOperands, references, routine, type Unary, unary } from "./operands.ts";
import { perturbed, type Runner, run, ulps } from "./run-routine.ts";

const COUNT = tried(150_000);

/** Largest error, or the first beyond `enough`; where float64 says infinity, zero or NaN, so must the routine. */
function worstUnary(fn: Unary, compute: Runner, enough: number): number {
  const reference = references[fn];
  let worst = 0;
  for (const value of operands(COUNT)) {
    const x = Math.fround(value);
    worst = Math.max(worst, ulps(compute(x), reference(x, 0)));
    if (worst > enough) break;
  }
  return worst;
}

function worstPow(compute: Runner, enough: number): number {
  let worst = 0;
  for (const [x, y] of powOperands(COUNT)) {
    worst = Math.max(worst, ulps(compute(x, y), x ** y));
    if (worst > enough) break;
  }
  return worst;
}

function worst(fn: MathsFn, compute: Runner, enough = Number.POSITIVE_INFINITY): number {
  return fn === "pow" ? worstPow(compute, enough) : worstUnary(fn, compute, enough);
}

/** Rounded once, at the end: as the js target computes it. */
function inDouble(fn: MathsFn): Runner {
  const found = doubleRoutineFor(fn, "f32");
  if (found === undefined) throw new Error(`no routine for ${fn}`);
  return evaluateRoutine(found);
}

/** How the two ways to compute are called in the tests below. */
const ways = [
  ["rounded", (fn: MathsFn) => run(routine(fn))],
  ["in double", inDouble],
] as const;

describe.each(mathsFns)("%s", (fn) => {
  test("stays within its stated error, rounded or contracted", () => {
    const rounded = worst(fn, run(routine(fn)));
    const contracted = worst(fn, run(routine(fn), { contract: true }));
    console.log(`${fn}: ${rounded.toFixed(2)} ulp, contracted ${contracted.toFixed(2)}, stated ${maxUlps[fn]}`);
    expect(rounded).toBeLessThanOrEqual(maxUlps[fn]);
    expect(contracted).toBeLessThanOrEqual(maxUlps[fn]);
  });

  test("is as near or nearer in double", () => {
    const double = worst(fn, inDouble(fn));
    console.log(`${fn} in double: ${double.toFixed(2)} ulp`);
    expect(double).toBeLessThanOrEqual(Math.min(1, maxUlps[fn]));
  });

  test("the bound fails when any coefficient of its polynomials is off by an eighth", () => {
    for (const broken of perturbed(routine(fn))) {
      expect(worst(fn, run(broken.routine), maxUlps[fn]), broken.what).toBeGreaterThan(maxUlps[fn]);
    }
  });

  test("is the same where subnormals are flushed to zero, but next to them", () => {
    const [normal, flushed] = [run(routine(fn)), run(routine(fn), { flush: true })];
    const differing: number[] = [];
    for (const operand of operands(COUNT)) {
      const x = Math.fround(operand);
      const want = normal(x, 1.5);
      const ordinary = Math.abs(want) >= 2 ** -122 && Math.abs(x) >= 2 ** -122;
      if (ordinary && !Object.is(flushed(x, 1.5), want)) differing.push(x);
    }
    expect(differing).toEqual([]);
  });
});

describe.each(ways)("%s", (_, way) => {
  test.each(unary)("%s of zeros, infinities and NaN", (fn) => {
    const compute = way(fn);
    for (const x of [0, -0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, 1, -1]) {
      const want = references[fn](x, 0);
      if (Number.isFinite(want) && want !== 0) expect(ulps(compute(x), want), `${fn}(${x})`).toBeLessThan(1);
      else expect(compute(x), `${fn}(${x})`).toBe(want);
    }
  });

  test("sin and cos reduce huge arguments exactly (references computed with 60 digits)", () => {
    const [sin, cos] = [way("sin"), way("cos")];
    for (const [x, sine, cosine] of HUGE) {
      expect(ulps(sin(x), sine), `sin ${x}`).toBeLessThanOrEqual(maxUlps.sin);
      expect(ulps(cos(x), cosine), `cos ${x}`).toBeLessThanOrEqual(maxUlps.cos);
    }
  });

  test("pow keeps every special case of C99", () => {
    const compute = way("pow");
    for (const x of powEdges) {
      for (const y of powEdges) {
        // JavaScript differs from C99 in two cases: (+-1) ** +-Infinity and 1 ** NaN are NaN there.
        const want = x === 1 || (x === -1 && Math.abs(y) === Number.POSITIVE_INFINITY) ? 1 : x ** y;
        const got = compute(x, y);
        if (want === 0 || !Number.isFinite(want)) expect(got, `pow(${x}, ${y})`).toBe(want);
        else expect(ulps(got, want), `pow(${x}, ${y}) = ${got}, not ${want}`).toBeLessThanOrEqual(maxUlps.pow);
      }
    }
  });
});

test("there are routines for f32 alone", () => {
  for (const fn of mathsFns) expect(routineFor(fn, "f64")).toBeUndefined();
});

const HUGE = [
  [10000.0, -0.30561438888825215, -0.9521553682590148],
  [12345.677734375, -0.7042699143669338, 0.7099323120675602],
  [100000.0, 0.03574879797201651, -0.9993608074382124],
  [1000000.0, -0.34999350217129294, 0.9367521275331447],
  [7.729178919452902e28, 1.0, -1.6147697982476211e-9],
  [10000000000.0, -0.4875060250875107, 0.873119622676856],
  [1.0000000200408773e20, 0.6565766778545903, 0.7542592830701055],
  [1.0000000150474662e30, -0.7911634385219837, -0.6116047854178966],
  [3.4028234663852886e38, -0.5218765233336585, 0.8530210398303042],
  [1.7014118346046923e38, 0.6233855129558702, 0.78191463871496],
] as const;
