import { describe, expect, test } from "vitest";
import type { DType } from "../../src/core/dtype.ts";
import { erf } from "../../src/core/special.ts";
import type { Expr, Kernel, RoutineFn, ScalarFn, ValueType } from "../../src/kernel/kernel.ts";
import { mathsFns, scalarFns } from "../../src/kernel/kernel.ts";
import { routineFor } from "../../src/kernel/maths/library.ts";
import { apply, bitcast, constant, convert, functionsOf, load } from "../kernel-pool.ts";
import type { Numbers } from "./js-case.ts";
import { arrayFor, expectAgreement, mapKernel, runJs } from "./js-case.ts";
import type { Runner } from "./maths/run-routine.ts";
import { run } from "./maths/run-routine.ts";

const floats = [
  0,
  -0,
  1,
  -1,
  0.5,
  -0.5,
  1.5,
  2.5,
  -2.5,
  3.4999999,
  1e-40,
  -1e-45,
  1e-7,
  0.1,
  123.456,
  -7.25,
  255.5,
  256,
  65504,
  65519,
  65520,
  16777217,
  2147483647,
  2147483648,
  -2147483649,
  4294967296,
  1e30,
  -3e38,
  Infinity,
  -Infinity,
  NaN,
];
const signed = [0, 1, -1, 2, -2, 3, -7, 31, 32, 33, 100, -100, 65535, 65537, 2147483647, -2147483647, -2147483648];
const unsigned = [0, 1, 2, 3, 7, 31, 32, 33, 255, 256, 65537, 2147483647, 2147483648, 4294967295];
const samples: Readonly<Record<ValueType, readonly number[]>> = {
  f32: floats,
  f64: floats,
  i32: signed,
  u32: unsigned,
  bool: [0, 1],
};

/** All pairs of samples, as two arrays. */
function pairs(type: ValueType): readonly [Numbers, Numbers] {
  const all = samples[type];
  const [x, y] = [arrayFor(type, all.length ** 2), arrayFor(type, all.length ** 2)];
  x.set(all.flatMap((one) => all.map(() => one)));
  y.set(all.flatMap(() => all));
  return [x, y];
}

/** y = f(a, b) on all pairs, as JavaScript and in the evaluator. */
function agree(type: ValueType, output: DType, f: (a: Expr, b: Expr) => Expr): void {
  const [a, b] = pairs(type);
  const inputs = [
    ["a", type],
    ["b", type],
  ] as const;
  const kernel = mapKernel(inputs, output, a.length, (i) => f(load(type, "a", i), load(type, "b", i)));
  const data = new Map([
    ["a", a],
    ["b", b],
  ]);
  expectAgreement(kernel, data);
}

/** `select` chooses by what no constant is. */
function of(fn: ScalarFn, a: Expr, b: Expr): Expr {
  if (scalarFns[fn].form === "select") return apply(fn, apply("ne", a, b), a, b);
  return scalarFns[fn].arity === 1 ? apply(fn, a) : apply(fn, a, b);
}

describe("every function on every pair of samples means what the evaluator says", () => {
  for (const type of ["f32", "f64", "i32", "u32", "bool"] as const) {
    for (const fn of functionsOf(type)) {
      const output = scalarFns[fn].form === "compare" ? "bool" : type;
      test(`${fn} of ${type}`, () => agree(type, output, (a, b) => of(fn, a, b)));
    }
  }
  for (const type of ["i32", "u32"] as const) {
    test(`sums of sums of ${type}`, () =>
      agree(type, type, (a, b) => apply("mul", apply("sub", apply("add", a, b), apply("mul", b, b)), apply("neg", a))));
  }
});

describe("functions of the maths library", () => {
  for (const fn of mathsFns) {
    test(`${fn} of f64 is the engine's`, () => agree("f64", "f64", (a, b) => of(fn, a, b)));

    test(`${fn} of f32 is the library's routine`, () => {
      const [a, b] = pairs("f32");
      const inputs = [
        ["a", "f32"],
        ["b", "f32"],
      ] as const;
      const kernel = mapKernel(inputs, "f32", a.length, (i) => of(fn, load("f32", "a", i), load("f32", "b", i)));
      expect(resultOf(kernel, a, b)).toEqual([...a].map((x, i) => routine(fn, "f32")(x, b[i] ?? 0)));
    });
  }

  test("threefry takes four words", () => {
    const [a, b] = pairs("u32");
    const inputs = [
      ["a", "u32"],
      ["b", "u32"],
    ] as const;
    const kernel = mapKernel(inputs, "u32", a.length, (i) => {
      const [x, y] = [load("u32", "a", i), load("u32", "b", i)];
      return apply("threefry", constant("u32", 7), x, y, constant("u32", 4000000000));
    });
    const expected = [...a].map((x, i) => routine("threefry", "u32")(7, x, b[i] ?? 0, 4000000000));
    expect(resultOf(kernel, a, b)).toEqual(expected);
  });
});

const resultOf = (kernel: Kernel, a: Numbers, b: Numbers): readonly number[] => {
  const data = new Map([
    ["a", a],
    ["b", b],
  ]);
  return [...(runJs(kernel, data).get("y") ?? [])];
};

const routine = (fn: RoutineFn, type: ValueType): Runner => {
  const found = routineFor(fn, type);
  if (found === undefined) throw new Error(`no routine for ${fn}`);
  return run(found);
};

describe("casts", () => {
  const types = ["f32", "f64", "i32", "u32", "bool"] as const;
  for (const from of types) {
    for (const to of types) test(`${from} to ${to}`, () => agree(from, to, (a) => convert(to, a)));
    test(`${from} stored as a byte`, () => agree(from, "u8", (a) => convert("u32", a)));
  }
  for (const from of ["f32", "i32", "u32"] as const) {
    for (const to of ["f32", "i32", "u32"] as const) {
      test(`the bits of ${from} as ${to}`, () => agree(from, to, (a) => bitcast(to, a)));
    }
  }
});

test("erf in double precision is that of src/core/special.ts", () => {
  const x = new Float64Array(4001).map((_, i) => (i - 2000) / 250);
  const kernel = mapKernel([["x", "f64"]], "f64", x.length, (i) => apply("erf", load("f64", "x", i)));
  expect([...(runJs(kernel, new Map([["x", x]])).get("y") ?? [])]).toEqual([...x].map(erf));
});

test("indexes as values", () => {
  const kernel = mapKernel([["x", "f32"]], "f32", 5, (i) => apply("add", load("f32", "x", i), convert("f32", i)));
  expectAgreement(kernel, new Map([["x", new Float32Array([1, 2, 3, 4, 5])]]));
});
