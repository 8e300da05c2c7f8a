/** Kernels as WebAssembly, before and after their schedule, against the evaluator; and what the schedule makes of them. */
import { describe, expect, test } from "vitest";
import { joinedBlocks, scheduleWasm } from "../../../passes/schedule/wasm.ts";
import type { DType } from "../../../src/core/dtype.ts";
import type { Expr, Index, Kernel, ScalarFn, ValueType } from "../../../src/kernel/kernel.ts";
import { valueTypeOf } from "../../../src/kernel/kernel.ts";
import { printSchedules } from "../../../src/kernel/moves.ts";
import { printKernel } from "../../../src/kernel/print.ts";
import { engineFeatures } from "../../../src/runtime/wasm/device.ts";
import {
  apply,
  assign,
  bitcast,
  constant,
  convert,
  forLoop,
  letValue,
  load,
  loopIndex,
  modIndex,
  name,
  rangedIndex,
  store,
  sumIndex,
  variable,
} from "../../kernel-pool.ts";
import {
  arrayFor,
  at,
  buffer,
  type Data,
  expectSame,
  kernelOf,
  loop,
  mapKernel,
  nestOf,
  noise,
  runEvaluator,
  runJs,
} from "../js-case.ts";
import { expectWasmAgrees, runWasm } from "./wasm-case.ts";

/** Counts that fill no vector, one, some, and leave rests. */
const counts = [1, 3, 4, 7, 8, 13, 64, 67];

const f = (value: number): Expr => constant("f32", value);

function numbers(dtype: DType, count: number, seed: number): ReturnType<typeof arrayFor> {
  const drawn = noise(count, seed);
  const made = arrayFor(dtype, count);
  for (let i = 0; i < count; i++) {
    const value = drawn[i] ?? 0;
    made[i] =
      dtype === "f32" ? value : dtype === "bool" ? Number(value > 0) : dtype === "f16" ? 0x3c00 + i * 37 : value * 1e3;
  }
  return made;
}

/** The kernel as it is and as it is scheduled: both agree with the evaluator, and with each other where nothing is summed. */
function expectBothWays(kernel: Kernel, data: Data): Kernel {
  const before = expectWasmAgrees(kernel, data);
  const scheduled = scheduleWasm(kernel);
  const after = expectWasmAgrees(scheduled, data);
  for (const [of, expected] of before) {
    const found = after.get(of) ?? [];
    expected.forEach((value, i) => {
      const difference = Math.abs(Number(found[i]) - value);
      if (Number.isFinite(value)) expect(difference, of).toBeLessThanOrEqual(1e-5 * Math.max(1, Math.abs(value)));
      else expect(found[i]).toBe(value);
    });
  }
  return scheduled;
}

describe("maps", () => {
  test.each(counts)("of %i elements, in lanes with a scalar rest", (count) => {
    const kernel = mapKernel(
      [
        ["x", "f32"],
        ["z", "f32"],
      ],
      "f32",
      count,
      (i) => apply("max", apply("add", load("f32", "x", i), load("f32", "z", i)), f(0)),
    );
    const data = new Map([
      ["x", noise(count, 1)],
      ["z", noise(count, 2)],
    ]);
    const scheduled = expectBothWays(kernel, data);
    expect(printSchedules(scheduled.schedule)).toBe(count >= 4 ? "4 lanes" : "");
  });

  test("the schedule of one", () => {
    const kernel = mapKernel([["x", "f32"]], "f32", 6, (i) => apply("mul", load("f32", "x", i), f(2)));
    expect(printKernel(scheduleWasm(kernel))).toMatchInlineSnapshot(`
      "kernel k0_map(read x: f32[6], write y: f32[6])
        // 4 lanes
        nest
          parallel i_o < 1
            for i_l < 4 lane
              y[i_l] = x[i_l] * 2f
        nest
          parallel i_r < 2
            y[i_r + 4] = x[i_r + 4] * 2f"
    `);
  });

  const dtypes: readonly DType[] = ["f32", "i32", "u32", "u8", "bool", "f16"];
  test.each(dtypes)("%s is loaded and stored in lanes", (dtype) => {
    const count = 23;
    const kernel = mapKernel([["x", dtype]], dtype, count, (i) => load(valueTypeOf(dtype), "x", i));
    const data = new Map([["x", numbers(dtype, count, 3)]]);
    expectSame(runWasm(scheduleWasm(kernel), data), runJs(kernel, data));
    expectSame(runWasm(kernel, data), runJs(kernel, data));
  });

  test("every half-precision number there and back, and the nearest one of others", () => {
    const all = Uint16Array.from({ length: 65536 }, (_, bits) => bits);
    const copy = mapKernel([["x", "f16"]], "f16", all.length, (i) => load("f32", "x", i));
    const isNotANumber = (bits: number): boolean => (bits & 0x7fff) > 0x7c00;
    runWasm(copy, new Map([["x", all]]))
      .get("y")
      ?.forEach((bits, i) => {
        if (isNotANumber(i)) expect(isNotANumber(bits)).toBe(true);
        else if (bits !== i) expect(bits).toBe(i);
      });
    const kernel = mapKernel([["x", "f32"]], "f16", 4096, (i) => load("f32", "x", i));
    const wide = noise(4096, 6).map((x, i) => x * 2 ** ((i % 44) - 26));
    expectSame(runWasm(kernel, new Map([["x", wide]])), runJs(kernel, new Map([["x", wide]])));
  });

  const values: readonly ValueType[] = ["f32", "i32", "u32", "bool"];
  test.each(values.flatMap((from) => values.map((to) => [from, to] as const)))("%s becomes %s", (from, to) => {
    const data = numbers(from, 40, 4);
    if (from === "f32") data.set([Number.NaN, Number.POSITIVE_INFINITY, -1e20, 3e9, -0.5, 2147483648]);
    else if (from !== "bool") data.set([-1, 0, 1, 2147483647]);
    const kernel = mapKernel([["x", from]], to, 40, (i) => convert(to, load(from, "x", i)));
    expectBothWays(kernel, new Map([["x", data]]));
  });

  const floatFns: readonly ScalarFn[] = ["add", "sub", "mul", "div", "mod", "min", "max"];
  const floatUnary: readonly ScalarFn[] = ["neg", "abs", "sign", "floor", "ceil", "round", "sqrt", "rsqrt"];
  const maths: readonly ScalarFn[] = ["exp", "expm1", "log", "log1p", "sin", "cos", "tanh", "erf"];
  const edges = [
    0,
    -0,
    1,
    -1,
    0.5,
    -0.5,
    1.5,
    2.5,
    1e-40,
    1e38,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
  ];
  const pairs = edges.flatMap((x) => edges.map((y) => [x, y] as const));
  const xs = Float32Array.from(pairs, ([x]) => x);
  const ys = Float32Array.from(pairs, ([, y]) => y);

  test.each([...floatFns, "pow" as const])("f32 %s at the edges, in all lanes", (fn) => {
    const kernel = mapKernel(
      [
        ["x", "f32"],
        ["z", "f32"],
      ],
      "f32",
      xs.length,
      (i) => apply(fn, load("f32", "x", i), load("f32", "z", i)),
    );
    const data = new Map([
      ["x", xs],
      ["z", ys],
    ]);
    expectSame(runWasm(scheduleWasm(kernel), data), runWasm(kernel, data));
    // rounded twice, where the evaluator rounds once
    if (fn !== "rsqrt") expectSame(runWasm(kernel, data), runEvaluator(kernel, data));
  });

  test.each([...floatUnary, ...maths])("f32 %s at the edges, in all lanes", (fn) => {
    const kernel = mapKernel([["x", "f32"]], "f32", xs.length, (i) => apply(fn, load("f32", "x", i)));
    const data = new Map([["x", xs]]);
    expectSame(runWasm(scheduleWasm(kernel), data), runWasm(kernel, data));
    // rounded twice, where the evaluator rounds once
    if (fn !== "rsqrt") expectSame(runWasm(kernel, data), runEvaluator(kernel, data));
  });

  const compare: readonly ScalarFn[] = ["eq", "ne", "lt", "le", "gt", "ge"];
  test.each(compare)("%s of floats and integers, chosen by", (fn) => {
    for (const type of ["f32", "i32", "u32"] as const) {
      const kernel = mapKernel(
        [
          ["x", type],
          ["z", type],
        ],
        type,
        60,
        (i) => {
          const [x, z] = [load(type, "x", i), load(type, "z", i)];
          return apply("select", apply(fn, x, z), x, apply("add", z, constant(type, 1)));
        },
      );
      const data = new Map([
        ["x", numbers(type, 60, 5)],
        ["z", numbers(type, 60, 6)],
      ]);
      data.get("x")?.set(data.get("z")?.subarray(0, 9) as never);
      expectBothWays(kernel, data);
    }
  });

  const integerFns: readonly ScalarFn[] = [
    "add",
    "sub",
    "mul",
    "div",
    "mod",
    "min",
    "max",
    "and",
    "or",
    "xor",
    "shiftLeft",
    "shiftRight",
  ];
  test.each(integerFns)("integer %s wraps, and divides by zero", (fn) => {
    const some = [0, 1, -1, 7, -7, 31, 33, 2147483647, -2147483648];
    const both = some.flatMap((x) => some.map((y) => [x, y] as const));
    for (const type of ["i32", "u32"] as const) {
      const kernel = mapKernel(
        [
          ["x", type],
          ["z", type],
        ],
        type,
        both.length,
        (i) => apply(fn, load(type, "x", i), load(type, "z", i)),
      );
      const array = type === "i32" ? Int32Array : Uint32Array;
      const data = new Map([
        ["x", array.from(both.map(([x]) => x))],
        ["z", array.from(both.map(([, y]) => y))],
      ]);
      expectBothWays(kernel, data);
    }
  });

  test.each(["neg", "abs", "sign", "not"] as const)("integer %s", (fn) => {
    for (const type of ["i32", "u32"] as const) {
      const kernel = mapKernel([["x", type]], type, 9, (i) => apply(fn, load(type, "x", i)));
      const array = type === "i32" ? Int32Array : Uint32Array;
      expectBothWays(kernel, new Map([["x", array.from([0, 1, -1, 5, -5, 2147483647, -2147483648, 3, 9])]]));
    }
  });

  test("threefry, bits and rotations", () => {
    const kernel = mapKernel([["x", "u32"]], "f32", 37, (i) => {
      const counter = bitcast("u32", i);
      const word = apply("threefry", load("u32", "x", i), constant("u32", 3), counter, constant("u32", 9));
      return bitcast("f32", apply("or", apply("shiftRight", word, constant("u32", 9)), constant("u32", 0x3f800000)));
    });
    expectBothWays(kernel, new Map([["x", numbers("u32", 37, 8)]]));
  });
});

describe("accesses", () => {
  const i = loop("i", 21);
  const one = (index: Index, count: number, guarded = false): Kernel => {
    const guard = guarded ? { bounds: [{ index, extent: count }], otherwise: f(-1) } : undefined;
    return kernelOf(
      "k0",
      [buffer("x", "f32", count), buffer("y", "f32", 21, "write")],
      [nestOf([i], [store("y", loopIndex(i), apply("add", load("f32", "x", index, guard), f(1)))])],
    );
  };

  test.each([
    ["apart", at([i, 3], 1), 64],
    ["backwards", at([i, -1], 20), 21],
    ["the same for all", at(5), 21],
    ["in blocks of 7", modIndex(loopIndex(i), 7), 7],
    ["in blocks of 4", sumIndex([{ factor: 1, index: modIndex(at([i, 1]), 4) }]), 4],
  ] as const)("elements %s", (_, index, count) => {
    expectBothWays(one(index, count), new Map([["x", noise(count, 9)]]));
  });

  test("behind a guard nothing is read: a window that hangs over both ends", () => {
    expectBothWays(one(at([i, 1], -3), 15, true), new Map([["x", noise(15, 9)]]));
  });

  test("where an index says", () => {
    const label = load("i32", "label", loopIndex(i));
    const index = rangedIndex(label, 0, 9);
    const kernel = kernelOf(
      "k0",
      [buffer("label", "i32", 21), buffer("x", "f32", 10), buffer("y", "f32", 21, "write")],
      [nestOf([i], [store("y", loopIndex(i), load("f32", "x", index))])],
    );
    const labels = Int32Array.from({ length: 21 }, (_, n) => (n * 7) % 10);
    expectBothWays(
      kernel,
      new Map<string, ReturnType<typeof arrayFor>>([
        ["label", labels],
        ["x", noise(10, 2)],
      ]),
    );
  });

  test("two loops become one where every index allows it", () => {
    const [a, b] = [loop("a", 6), loop("b", 10)];
    const place = at([a, 10], [b, 1]);
    const kernel = kernelOf(
      "k0",
      [buffer("x", "f32", 60), buffer("y", "f32", 60, "write")],
      [nestOf([a, b], [store("y", place, apply("neg", load("f32", "x", place)))])],
    );
    const scheduled = expectBothWays(kernel, new Map([["x", noise(60, 3)]]));
    expect(scheduled.nests[0]?.loops.map(({ loop: { extent } }) => extent)).toEqual([15]);
    const byRow = kernelOf(
      "k0",
      [buffer("x", "f32", 6), buffer("y", "f32", 60, "write")],
      [nestOf([a, b], [store("y", place, load("f32", "x", loopIndex(a)))])],
    );
    expect(expectBothWays(byRow, new Map([["x", noise(6, 3)]])).nests[0]?.loops.length).toBe(2);
  });
});

describe("rows", () => {
  /** Softmax of each row: an extreme, a sum and a store. */
  function softmax(rows: number, columns: number): Kernel {
    const [i, c, d, e] = [loop("i", rows), loop("c", columns), loop("d", columns), loop("e", columns)];
    const x = (k: typeof c): Expr => load("f32", "x", at([i, columns], [k, 1]));
    const shifted = (k: typeof c): Expr => apply("exp", apply("sub", x(k), name("f32", "most")));
    return kernelOf(
      "k0",
      [buffer("x", "f32", rows * columns), buffer("y", "f32", rows * columns, "write")],
      [
        nestOf(
          [i],
          [
            variable("top", f(Number.NEGATIVE_INFINITY)),
            forLoop(c, [assign("top", apply("max", name("f32", "top"), x(c)))]),
            letValue("most", name("f32", "top")),
            variable("sum", f(0)),
            forLoop(d, [letValue("v", shifted(d)), assign("sum", apply("add", name("f32", "sum"), name("f32", "v")))]),
            forLoop(e, [
              letValue("w", shifted(e)),
              store("y", at([i, columns], [e, 1]), apply("div", name("f32", "w"), name("f32", "sum"))),
            ]),
          ],
        ),
      ],
    );
  }

  test.each([
    [3, 10],
    [9, 4],
    [2, 1],
    [5, 67],
    [1, 300],
  ])("softmax of %i rows of %i", (rows, columns) => {
    const scheduled = expectBothWays(softmax(rows, columns), new Map([["x", noise(rows * columns, 4)]]));
    if (columns >= 4) expect(printSchedules(scheduled.schedule)).toBe("4 lanes along rows");
  });

  test("the exponentials of a row are kept for the loop that divides them", () => {
    const scheduled = scheduleWasm(softmax(2, 18));
    expect(scheduled.shared).toMatchObject([{ type: "f32", count: 18 }]);
    expect(scheduled.nests[0]?.loops[0]?.mark).toBe("thread");
    expect(printKernel(scheduled).match(/= exp\(/g)?.length).toBe(3); // two vectors and a scalar of the one loop
    expect(printKernel(scheduled)).toMatchInlineSnapshot(`
      "kernel k0(read x: f32[36], write y: f32[36])
        // 4 lanes along rows
        shared row: f32[18]
        thread i < 2
          var top: f32 = -Infinityf
          var top_part_1[2][4]: f32 = -Infinityf
          for c_o_1 < 2
            for c_l_1 < 4 lane
              top_part_1[0][c_l_1] = max(top_part_1[0][c_l_1], x[18*i + 8*c_o_1 + c_l_1])
              top_part_1[1][c_l_1] = max(top_part_1[1][c_l_1], x[18*i + 8*c_o_1 + c_l_1 + 4])
          for top_l_1 < 4 lane
            top_part_1[0][top_l_1] = max(top_part_1[0][top_l_1], top_part_1[1][top_l_1])
          top = max(top, max(max(top_part_1[0][0], top_part_1[0][1]), max(top_part_1[0][2], top_part_1[0][3])))
          for c_r_1 < 2
            top = max(top, x[18*i + c_r_1 + 16])
          let most: f32 = top
          var sum: f32 = 0f
          var sum_part_1[2][4]: f32 = 0f
          for d_o_1 < 2
            for d_l_1 < 4 lane
              let v_4: f32 = exp(x[18*i + 8*d_o_1 + d_l_1] - most)
              row[8*d_o_1 + d_l_1] = v_4
              sum_part_1[0][d_l_1] = sum_part_1[0][d_l_1] + v_4
              let v_5: f32 = exp(x[18*i + 8*d_o_1 + d_l_1 + 4] - most)
              row[8*d_o_1 + d_l_1 + 4] = v_5
              sum_part_1[1][d_l_1] = sum_part_1[1][d_l_1] + v_5
          for sum_l_1 < 4 lane
            sum_part_1[0][sum_l_1] = sum_part_1[0][sum_l_1] + sum_part_1[1][sum_l_1]
          sum = sum + ((sum_part_1[0][0] + sum_part_1[0][1]) + (sum_part_1[0][2] + sum_part_1[0][3]))
          for d_r_1 < 2
            let v_6: f32 = exp(x[18*i + d_r_1 + 16] - most)
            row[d_r_1 + 16] = v_6
            sum = sum + v_6
          for e_o_1 < 4
            for e_l_1 < 4 lane
              let w_3: f32 = row[4*e_o_1 + e_l_1]
              y[18*i + 4*e_o_1 + e_l_1] = w_3 / sum
          for e_r_1 < 2
            let w_4: f32 = row[e_r_1 + 16]
            y[18*i + e_r_1 + 16] = w_4 / sum"
    `);
  });

  test("what a loop changes is not kept: a row updated in place", () => {
    const [i, c, d] = [loop("i", 3), loop("c", 20), loop("d", 20)];
    const x = (k: typeof c): Expr => load("f32", "x", at([i, 20], [k, 1]));
    const kernel = kernelOf(
      "k0",
      [buffer("x", "f32", 60, "update")],
      [
        nestOf(
          [i],
          [
            variable("sum", f(0)),
            forLoop(c, [
              letValue("v", apply("exp", x(c))),
              assign("sum", apply("add", name("f32", "sum"), name("f32", "v"))),
            ]),
            forLoop(d, [store("x", at([i, 20], [d, 1]), apply("div", apply("exp", x(d)), name("f32", "sum")))]),
          ],
        ),
      ],
    );
    expect(expectBothWays(kernel, new Map([["x", noise(60, 4)]])).shared).toEqual([]);
  });

  test("sums of columns run along the columns", () => {
    const [j, k] = [loop("j", 45), loop("k", 19)];
    const kernel = kernelOf(
      "k0",
      [buffer("x", "f32", 19 * 45), buffer("y", "f32", 45, "write")],
      [
        nestOf(
          [j],
          [
            variable("sum", f(0)),
            forLoop(k, [assign("sum", apply("add", name("f32", "sum"), load("f32", "x", at([k, 45], [j, 1]))))]),
            store("y", loopIndex(j), name("f32", "sum")),
          ],
        ),
      ],
    );
    expect(printSchedules(expectBothWays(kernel, new Map([["x", noise(19 * 45, 4)]])).schedule)).toBe("4 lanes");
  });

  test("an arg-max stays as it is along the row, and runs in lanes across rows", () => {
    const [i, c] = [loop("i", 9), loop("c", 6)];
    const value = load("f32", "x", at([i, 6], [c, 1]));
    const better = apply("gt", name("f32", "v"), name("f32", "best"));
    const kernel = kernelOf(
      "k0",
      [buffer("x", "f32", 54), buffer("y", "i32", 9, "write")],
      [
        nestOf(
          [i],
          [
            variable("best", f(Number.NEGATIVE_INFINITY)),
            variable("place", constant("i32", 0)),
            forLoop(c, [
              letValue("v", value),
              letValue("take", better),
              assign("place", apply("select", name("bool", "take"), loopIndex(c), name("i32", "place"))),
              assign("best", apply("select", name("bool", "take"), name("f32", "v"), name("f32", "best"))),
            ]),
            store("y", loopIndex(i), name("i32", "place")),
          ],
        ),
      ],
    );
    expectBothWays(kernel, new Map([["x", noise(54, 4)]]));
  });
});

describe("contractions", () => {
  type Layout = "plain" | "transposed";

  /** What follows the sum: a bias and relu; an update of many steps; the same with a value that was made before the sum. */
  type Epilogue = "short" | "long" | "reads back";

  function product(m: number, k: number, n: number, left: Layout, right: Layout, epilogue: Epilogue = "short"): Kernel {
    const [i, j, d] = [loop("i", m), loop("j", n), loop("k", k)];
    const a = load("f32", "a", left === "plain" ? at([i, k], [d, 1]) : at([d, m], [i, 1]));
    const b = load("f32", "b", right === "plain" ? at([d, n], [j, 1]) : at([j, k], [d, 1]));
    const sum = name("f32", "acc");
    const bias = load("f32", "bias", loopIndex(j));
    const steps = ["mul", "add", "max", "add"] as const;
    const update = steps.map((fn, n) => letValue(`u_${n}`, apply(fn, n === 0 ? sum : name("f32", `u_${n - 1}`), sum)));
    const kept = letValue("kept", apply("mul", bias, f(3)));
    const added = epilogue === "short" ? sum : name("f32", "u_3");
    return kernelOf(
      "k0",
      [
        buffer("a", "f32", m * k),
        buffer("b", "f32", k * n),
        buffer("bias", "f32", n),
        buffer("y", "f32", m * n, "write"),
      ],
      [
        nestOf(
          [i, j],
          [
            ...(epilogue === "reads back" ? [kept] : []),
            variable("acc", f(0)),
            forLoop(d, [assign("acc", apply("add", sum, apply("mul", a, b)))]),
            ...(epilogue === "short" ? [] : update),
            letValue("v", apply("add", added, epilogue === "reads back" ? name("f32", "kept") : bias)),
            store("y", at([i, n], [j, 1]), apply("max", name("f32", "v"), f(0))),
          ],
        ),
      ],
    );
  }

  const sizes = [
    [32, 20, 64],
    [5, 45, 10],
    [13, 31, 17],
    [4, 600, 3],
    [6, 40, 101],
    [128, 8, 9],
    [67, 5, 66],
  ] as const;
  const layouts = ["plain", "transposed"] as const;
  test.each(sizes.flatMap(([m, k, n]) => layouts.flatMap((l) => layouts.map((r) => [m, k, n, l, r] as const))))(
    "%i x %i x %i, left %s, right %s",
    (m, k, n, left, right) => {
      const kernel = product(m, k, n, left, right);
      const data = new Map([
        ["a", noise(m * k, 5)],
        ["b", noise(k * n, 6)],
        ["bias", noise(n, 7)],
      ]);
      const scheduled = expectBothWays(kernel, data);
      expect(scheduled.shared.length).toBeGreaterThan(0);
      expect(engineFeatures(true).relaxed).toBe(true);
      const precise = runWasm(scheduled, data).get("y");
      expect(runWasm(scheduleWasm(kernel, joinedBlocks), data).get("y"), "blocks twice as wide").toEqual(precise);
      runWasm(scheduled, data, { relaxed: true })
        .get("y")
        ?.forEach((value, at) => {
          expect(Math.abs(value - Number(precise?.[at]))).toBeLessThan(1e-4);
        });
    },
  );

  test("the schedule of a small one", () => {
    const kernel = product(8, 4, 64, "plain", "plain");
    expect(printKernel(scheduleWasm(kernel))).toMatchInlineSnapshot(`
      "kernel k0(read a: f32[32], read b: f32[256], read bias: f32[64], write y: f32[512])
        // 4x8 registers, panels of 4x8
        shared panel: f32[32]
        thread j_o < 8
          for k_1 < 4
            for lane < 4 lane
              let element_0: f32 = b[64*k_1 + 8*j_o + lane]
              let element_1: f32 = b[64*k_1 + 8*j_o + lane + 4]
              panel[8*k_1 + lane] = element_0
              panel[8*k_1 + lane + 4] = element_1
          for i_b < 2
            for lane_1 < 4 lane
              var acc_1[4][2]: f32 = 0f
              for k_2 < 4
                let a_0: f32 = a[16*i_b + k_2]
                let panel_0: f32 = panel[8*k_2 + lane_1]
                acc_1[0][0] = acc_1[0][0] + (a_0 * panel_0)
                let panel_1: f32 = panel[8*k_2 + lane_1 + 4]
                acc_1[0][1] = acc_1[0][1] + (a_0 * panel_1)
                let a_1: f32 = a[16*i_b + k_2 + 4]
                acc_1[1][0] = acc_1[1][0] + (a_1 * panel_0)
                acc_1[1][1] = acc_1[1][1] + (a_1 * panel_1)
                let a_2: f32 = a[16*i_b + k_2 + 8]
                acc_1[2][0] = acc_1[2][0] + (a_2 * panel_0)
                acc_1[2][1] = acc_1[2][1] + (a_2 * panel_1)
                let a_3: f32 = a[16*i_b + k_2 + 12]
                acc_1[3][0] = acc_1[3][0] + (a_3 * panel_0)
                acc_1[3][1] = acc_1[3][1] + (a_3 * panel_1)
              let bias_0: f32 = bias[8*j_o + lane_1]
              let v_3_0_0: f32 = acc_1[0][0] + bias_0
              let bias_1: f32 = bias[8*j_o + lane_1 + 4]
              let v_3_0_1: f32 = acc_1[0][1] + bias_1
              y[256*i_b + 8*j_o + lane_1] = max(v_3_0_0, 0f)
              y[256*i_b + 8*j_o + lane_1 + 4] = max(v_3_0_1, 0f)
              let v_3_1_0: f32 = acc_1[1][0] + bias_0
              let v_3_1_1: f32 = acc_1[1][1] + bias_1
              y[256*i_b + 8*j_o + lane_1 + 64] = max(v_3_1_0, 0f)
              y[256*i_b + 8*j_o + lane_1 + 68] = max(v_3_1_1, 0f)
              let v_3_2_0: f32 = acc_1[2][0] + bias_0
              let v_3_2_1: f32 = acc_1[2][1] + bias_1
              y[256*i_b + 8*j_o + lane_1 + 128] = max(v_3_2_0, 0f)
              y[256*i_b + 8*j_o + lane_1 + 132] = max(v_3_2_1, 0f)
              let v_3_3_0: f32 = acc_1[3][0] + bias_0
              let v_3_3_1: f32 = acc_1[3][1] + bias_1
              y[256*i_b + 8*j_o + lane_1 + 192] = max(v_3_3_0, 0f)
              y[256*i_b + 8*j_o + lane_1 + 196] = max(v_3_3_1, 0f)"
    `);
  });

  test.each([
    [8, 64, 64, "long", true],
    [13, 70, 17, "long", true],
    [6, 100, 101, "long", true],
    [128, 66, 10, "long", true],
    [8, 63, 64, "long", false],
    [8, 64, 64, "reads back", false],
    [13, 70, 17, "reads back", false],
  ] as const)("%i x %i x %i: a %s epilogue is a loop over rows: %s", (m, k, n, epilogue, isLoop) => {
    const kernel = product(m, k, n, "plain", "plain", epilogue);
    const data = new Map([
      ["a", noise(m * k, 5)],
      ["b", noise(k * n, 6)],
      ["bias", noise(n, 7)],
    ]);
    const { shared } = expectBothWays(kernel, data);
    expect(shared.some(({ name }) => name.startsWith("sums"))).toBe(isLoop);
  });

  test("a long epilogue stands once for the rows of a block", () => {
    const text = printKernel(scheduleWasm(product(8, 64, 64, "plain", "plain", "long")));
    expect(text.slice(text.indexOf("sums[lane_1]"))).toMatchInlineSnapshot(`
      "sums[lane_1] = acc_1[0][0]
              sums[lane_1 + 4] = acc_1[0][1]
              sums[lane_1 + 8] = acc_1[1][0]
              sums[lane_1 + 12] = acc_1[1][1]
              sums[lane_1 + 16] = acc_1[2][0]
              sums[lane_1 + 20] = acc_1[2][1]
              sums[lane_1 + 24] = acc_1[3][0]
              sums[lane_1 + 28] = acc_1[3][1]
              for r_1 < 4
                let sums_0: f32 = sums[8*r_1 + lane_1]
                let u_0_1_0: f32 = sums_0 * sums_0
                let sums_1: f32 = sums[8*r_1 + lane_1 + 4]
                let u_0_1_1: f32 = sums_1 * sums_1
                let u_1_1_0: f32 = u_0_1_0 + sums_0
                let u_1_1_1: f32 = u_0_1_1 + sums_1
                let u_2_1_0: f32 = max(u_1_1_0, sums_0)
                let u_2_1_1: f32 = max(u_1_1_1, sums_1)
                let u_3_1_0: f32 = u_2_1_0 + sums_0
                let u_3_1_1: f32 = u_2_1_1 + sums_1
                let v_4_0: f32 = u_3_1_0 + bias[8*j_o + lane_1]
                let v_4_1: f32 = u_3_1_1 + bias[8*j_o + lane_1 + 4]
                y[256*i_b + 64*r_1 + 8*j_o + lane_1] = max(v_4_0, 0f)
                y[256*i_b + 64*r_1 + 8*j_o + lane_1 + 4] = max(v_4_1, 0f)"
    `);
  });

  test("blocks are twice as wide where the engine joins vectors", () => {
    const kernel = product(8, 4, 256, "plain", "plain");
    expect(printSchedules(scheduleWasm(kernel).schedule)).toMatch(/^4x8 registers/);
    expect(printSchedules(scheduleWasm(kernel, joinedBlocks).schedule)).toMatch(/^4x16 registers/);
  });

  test("few rows are not worth a panel", () => {
    expect(scheduleWasm(product(2, 300, 40, "plain", "plain")).shared).toEqual([]);
  });
});
