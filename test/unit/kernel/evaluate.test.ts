import { describe, expect, test } from "vitest";
import type { DType } from "../../../src/core/dtype.ts";
import { checkKernel } from "../../../src/kernel/check.ts";
import { evaluateKernel, findFaults } from "../../../src/kernel/evaluate.ts";
import { evaluateRoutine } from "../../../src/kernel/evaluate-expr.ts";
import type { Memory, Numbers } from "../../../src/kernel/evaluate-memory.ts";
import type { Expr, Kernel, Routine } from "../../../src/kernel/kernel.ts";
import { printExpr } from "../../../src/kernel/print.ts";
import * as b from "../../kernel-pool.ts";
import { addIndex, constIndex, floorDivIndex, modIndex, rangedIndex, scaleIndex, sumIndex } from "../../kernel-pool.ts";
import { matmulRelu, tiledMatmulRelu, treeSum } from "./kernels.ts";
import { at, buffer, flat, kernel, loopVar, nest } from "./notation.ts";

/** Memory for a kernel's buffers: the given numbers, or zeros. */
function memoryFor(target: Kernel, given: Readonly<Record<string, Numbers>> = {}): Map<string, Memory> {
  return new Map(
    target.buffers.map(({ name, element, count }) => [
      name,
      { element, data: given[name] ?? new Array<number>(count).fill(0) },
    ]),
  );
}

function run(target: Kernel, given: Readonly<Record<string, Numbers>>, out: string, seed = 1): readonly number[] {
  expect(checkKernel(target)).toBeNull();
  const memory = memoryFor(target, given);
  evaluateKernel(target, memory, { seed });
  return Array.from(memory.get(out)?.data ?? []);
}

function ramp(count: number, of: (i: number) => number = (i) => ((i * 7) % 11) - 5): readonly number[] {
  return Array.from({ length: count }, (_, i) => of(i));
}

/** The value of one expression that needs no memory. */
function resultOf(expr: Expr, element: DType = expr.type): number {
  const one = kernel("one", [buffer("write", "y", 1, element)], [nest([], [b.store("y", constIndex(0), expr)])]);
  return run(one, {}, "y")[0] ?? Number.NaN;
}

describe("matmul", () => {
  const [m, n, k] = [20, 19, 33];
  const x = Float32Array.from(ramp(m * k, (i) => Math.sin(i)));
  const w = Float32Array.from(ramp(k * n, (i) => Math.cos(3 * i)));
  const expected: number[] = [];
  for (let i = 0; i < m; i += 1) {
    for (let j = 0; j < n; j += 1) {
      let acc = 0;
      for (let p = 0; p < k; p += 1) acc += Math.fround((x[i * k + p] ?? 0) * (w[p * n + j] ?? 0));
      expected.push(Math.max(0, Math.fround(acc)));
    }
  }

  test("as it is lowered", () => {
    expect(run(matmulRelu(m, n, k), { x, w }, "y")).toEqual(expected);
  });

  test.each([1, 2, 3])("tiled, staged and guarded, seed %i", (seed) => {
    expect(run(tiledMatmulRelu(m, n, k, 8), { x, w }, "y", seed)).toEqual(expected);
  });

  test("a million inner iterations are quick", () => {
    const start = performance.now();
    run(matmulRelu(100, 100, 100), { x: ramp(10000), w: ramp(10000) }, "y");
    expect(performance.now() - start).toBeLessThan(5000);
  });
});

test("a tree reduction through shared memory", () => {
  const x = ramp(24);
  const total = [0, 1, 2].map((g) => x.slice(8 * g, 8 * g + 8).reduce((sum, value) => sum + value));
  expect(run(treeSum(3, 8), { x }, "total", 5)).toEqual(total);
});

describe("guards", () => {
  const i = loopVar("i", 6);
  const shifted = sumIndex([{ factor: 1, index: at(i) }], -2);
  const padded = b.load("f32", "x", shifted, {
    bounds: [{ index: shifted, extent: 3 }],
    otherwise: b.constant("f32", 9),
  });

  test("a load outside gives the other value", () => {
    const pad = kernel(
      "pad",
      [buffer("read", "x", 3), buffer("write", "y", 6)],
      [nest([["parallel", i]], [b.store("y", at(i), padded)])],
    );
    expect(run(pad, { x: [1, 2, 3] }, "y")).toEqual([9, 9, 1, 2, 3, 9]);
  });

  test("a store outside writes nothing", () => {
    const clip = kernel(
      "clip",
      [buffer("write", "y", 3)],
      [nest([["parallel", i]], [b.store("y", shifted, b.convert("f32", at(i)), [{ index: shifted, extent: 3 }])])],
    );
    expect(run(clip, { y: [7, 7, 7] }, "y")).toEqual([2, 3, 4]);
  });

  test("an access out of bounds is a fault", () => {
    const bare = kernel(
      "bare",
      [buffer("read", "x", 3), buffer("write", "y", 6)],
      [nest([["parallel", i]], [b.store("y", at(i), b.load("f32", "x", shifted))])],
    );
    expect(checkKernel(bare)).toBe("x[i - 2] reaches -2..3, but x has 3 elements");
    expect(findFaults(bare, memoryFor(bare))).toEqual([
      expect.stringMatching(/^out of bounds: x\[(-1|-2|3)\] is read/),
    ]);
    expect(() => evaluateKernel(bare, memoryFor(bare))).toThrow("kernel bare: out of bounds");
  });
});

describe("memory is narrower than values", () => {
  const i = loopVar("i", 3);

  test("u8 loads as u32; stores saturate", () => {
    const value = b.apply("mul", b.load("u32", "x", at(i)), b.constant("u32", 2));
    const double = kernel(
      "double",
      [buffer("read", "x", 3, "u8"), buffer("write", "y", 3, "u8")],
      [nest([["parallel", i]], [b.store("y", at(i), value)])],
    );
    expect(run(double, { x: Uint8Array.of(1, 100, 200) }, "y")).toEqual([2, 200, 255]);
  });

  test("f16, bf16 and f32 round where they are stored, and where numbers are finer than the element", () => {
    const copy = (from: DType, to: DType): Kernel =>
      kernel(
        "copy",
        [buffer("read", "x", 3, from), buffer("write", "y", 3, to)],
        [nest([["parallel", i]], [b.store("y", at(i), b.load("f32", "x", at(i)))])],
      );
    expect(run(copy("f32", "f16"), { x: [0.1, 1, 1e6] }, "y")).toEqual([0.0999755859375, 1, Number.POSITIVE_INFINITY]);
    expect(run(copy("f16", "f32"), { x: [0.1, 1, 2] }, "y")).toEqual([0.0999755859375, 1, 2]);
    const brain = [0.10009765625, 256, Number.POSITIVE_INFINITY];
    expect(run(copy("f32", "bf16"), { x: [0.1, 257, 3.4e38] }, "y")).toEqual(brain);
    expect(run(copy("bf16", "f32"), { x: [0.1, 257, 3.4e38] }, "y")).toEqual(brain);
    expect(run(copy("f32", "f32"), { x: [0.1, 1, 2] }, "y")).toEqual([Math.fround(0.1), 1, 2]);
  });
});

describe("scalar functions", () => {
  const f = (value: number): Expr => b.constant("f32", value);
  const d = (value: number): Expr => b.constant("f64", value);
  const n = (value: number): Expr => b.constant("i32", value);
  const u = (value: number): Expr => b.constant("u32", value);

  test.each<[Expr, number]>([
    [b.apply("add", f(0.1), f(0.2)), Math.fround(Math.fround(0.1) + Math.fround(0.2))],
    [b.apply("add", d(0.1), d(0.2)), 0.1 + 0.2],
    [b.apply("add", n(2147483647), n(1)), -2147483648],
    [b.apply("mul", n(123456789), n(987654321)), -67153019],
    [b.apply("mul", u(123456789), u(987654321)), 4227814277],
    [b.apply("sub", u(0), u(1)), 4294967295],
    [b.apply("neg", n(-2147483648)), -2147483648],
    [b.apply("div", n(-7), n(2)), -3],
    [b.apply("div", n(-7), n(0)), 0],
    [b.apply("div", n(-2147483648), n(-1)), -2147483648],
    [b.apply("div", u(4294967295), u(2)), 2147483647],
    [b.apply("mod", n(-7), n(3)), 2],
    [b.apply("mod", n(7), n(-3)), -2],
    [b.apply("mod", n(7), n(0)), 0],
    [b.apply("mod", f(-7.5), f(2)), 0.5],
    [b.apply("mod", d(-1e-20), d(3)), 3],
    [b.apply("min", f(Number.NaN), f(1)), Number.NaN],
    [b.apply("max", d(1), d(Number.NaN)), Number.NaN],
    [b.apply("round", f(2.5)), 2],
    [b.apply("round", f(-0.5)), -0],
    [b.apply("rsqrt", f(3)), Math.fround(1 / Math.sqrt(3))],
    [b.apply("exp", f(1)), Math.fround(Math.E)],
    [b.apply("erf", d(0.5)), 0.5204998778130465],
    [b.apply("pow", f(2), f(0.5)), Math.fround(Math.SQRT2)],
    [b.apply("xor", u(0xf0f0f0f0), u(0xffffffff)), 0x0f0f0f0f],
    [b.apply("not", u(0)), 4294967295],
    [b.apply("and", n(-1), n(255)), 255],
    [b.apply("shiftLeft", u(1), u(31)), 2147483648],
    [b.apply("shiftLeft", u(1), u(33)), 2],
    [b.apply("shiftRight", n(-8), n(1)), -4],
    [b.apply("shiftRight", u(0x80000000), u(31)), 1],
    [b.apply("rotateLeft", u(0x80000001), u(1)), 3],
    [b.apply("rotateLeft", u(0x80000001), u(0)), 0x80000001],
    [b.apply("rotateLeft", n(-2147483648), n(1)), 1],
    [b.apply("not", b.constant("bool", 1)), 0],
    [b.apply("ne", f(Number.NaN), f(Number.NaN)), 1],
    [b.apply("select", b.apply("lt", n(1), n(2)), f(5), f(6)), 5],
    [b.pool.nodes.convert("i32", f(-3e9)), -2147483648],
    [b.pool.nodes.convert("u32", f(-1)), 0],
    [b.pool.nodes.convert("i32", f(Number.NaN)), 0],
    [b.pool.nodes.convert("f32", d(0.1)), Math.fround(0.1)],
    [b.bitcast("u32", f(1)), 0x3f800000],
    [b.bitcast("f32", n(-2147483648)), -0],
    [b.bitcast("i32", u(4294967295)), -1],
  ])("%#: %s", (expr, expected) => {
    expect(resultOf(expr), printExpr(expr)).toBe(expected);
  });

  test("maths functions come from routines where there are any", () => {
    const x = { name: "x", type: "f32" } as const;
    const twice: Routine = {
      name: "expm1_f32",
      params: [x],
      body: [b.letValue("y", b.apply("add", b.name("f32", "x"), b.name("f32", "x")))],
      result: b.name("f32", "y"),
    };
    const sum: Routine = {
      name: "pow_f32",
      params: [x, { name: "y", type: "f32" }],
      body: [],
      result: b.apply("add", b.apply("expm1", b.name("f32", "x")), b.name("f32", "y")),
    };
    const nested = b.apply("pow", f(1), b.apply("pow", f(10), b.apply("expm1", b.apply("expm1", f(25)))));
    const one = kernel("one", [buffer("write", "y", 1)], [nest([], [b.store("y", constIndex(0), nested)])]);
    const memory = memoryFor(one);
    const routines = (fn: string): Routine | undefined => (fn === "pow" ? sum : fn === "expm1" ? twice : undefined);
    evaluateKernel(one, memory, { routines });
    expect(memory.get("y")?.data[0]).toBe(2 + (20 + 100));
    expect(evaluateRoutine(sum, routines)(3, 4)).toBe(10);
    expect(evaluateRoutine(twice)(0.1)).toBe(Math.fround(0.2));
  });
});

test("preludes, divisions and loaded indexes", () => {
  const i = loopVar("i", 6);
  const picked = b.load("i32", "order", modIndex(at(i), 3));
  const from = addIndex(rangedIndex(picked, 0, 2), scaleIndex(floorDivIndex(at(i), 3), 3));
  const body = [
    b.store("y", addIndex(at(i), constIndex(12)), b.apply("mul", b.load("f32", "x", from), b.name("f32", "rate2"))),
  ];
  const gather = kernel(
    "gather",
    [buffer("read", "x", 6), buffer("read", "order", 3, "i32"), buffer("read", "rate", 1), buffer("write", "y", 24)],
    [
      nest([["parallel", i]], body, [
        b.letValue("rate2", b.apply("add", b.load("f32", "rate", constIndex(0)), b.load("f32", "rate", constIndex(0)))),
      ]),
    ],
  );
  expect(checkKernel(gather)).toBeNull();
  const memory = memoryFor(gather, { x: [1, 2, 3, 4, 5, 6], order: [2, 0, 1], rate: [5] });
  evaluateKernel(gather, memory);
  expect(Array.from(memory.get("y")?.data ?? []).slice(12, 18)).toEqual([30, 10, 20, 60, 40, 50]);
  const wrong = memoryFor(gather, { order: [0, 1, 7] });
  expect(findFaults(gather, wrong)).toContainEqual("range: int(order[i % 3]) is 7, promised 0..2");
});

test("array variables, unrolled loops and if", () => {
  const [i, r] = [loopVar("i", 2), loopVar("r", 3)];
  const [s, t] = [loopVar("s", 3), loopVar("t", 1)];
  const odd = b.apply("ne", b.apply("mod", at(s), b.constant("i32", 2)), b.constant("i32", 0));
  const fill = b.assign("acc", b.convert("f32", flat([i, r], [2, 3])), [constIndex(0), at(r)]);
  const body = [
    b.variable("acc", b.constant("f32", -1), [1, 3]),
    b.forLoop(r, [fill], "unrolled"),
    b.forLoop(s, [
      b.forLoop(t, [b.when(odd, [b.assign("acc", b.constant("f32", 100), [at(t), at(s)])])]),
      b.store("y", flat([i, s], [2, 3]), b.name("f32", "acc", [constIndex(0), at(s)])),
    ]),
  ];
  const target = kernel("registers", [buffer("write", "y", 6)], [nest([["thread", i]], body)]);
  expect(run(target, {}, "y")).toEqual([0, 100, 2, 3, 100, 5]);
});

test("buffers must be given as declared", () => {
  const target = matmulRelu(1, 1, 1);
  expect(() => evaluateKernel(target, new Map())).toThrow("evaluate matmul_relu: x is not given");
  expect(() => evaluateKernel(target, memoryFor(target, { x: [1, 2] }))).toThrow("x is f32[1], given f32[2]");
});
