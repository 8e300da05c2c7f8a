/** Kernels as WebAssembly, before and after their schedule, against the evaluator; and what the schedule makes of them. */
import { describe, expect, test } from "vitest";
import { joinedTuning } from "../../../codegen/wasm/policy/policy.ts";
import { type DType, isShort } from "../../../src/core/dtype.ts";
import type { Expr, Index, Kernel, ScalarFn, ValueType } from "../../../src/kernel/kernel.ts";
import { mathsFns, scalarFns, valueTypeOf } from "../../../src/kernel/kernel.ts";
import { printSchedules } from "../../../src/kernel/moves.ts";
import { printKernel } from "../../../src/kernel/print.ts";
import { engineFeatures } from "../../../src/runtime/wasm/found.ts";
import { allowRelaxedSimd } from "../../../src/runtime/wasm/host.ts";
import {
  apply,
  bitcast,
  constant,
  convert,
  fold,
  forLoop,
  functionsOf,
  letValue,
  load,
  loopIndex,
  modIndex,
  name,
  rangedIndex,
  store,
  sumIndex,
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
import { expectWasmAgrees, runWasm, scheduleWasm } from "./wasm-case.ts";

allowRelaxedSimd();

/** Counts that fill no vector, one, some, and leave rests. */
const counts = [1, 3, 4, 7, 8, 13, 64, 67];

const f = (value: number): Expr => constant("f32", value);

function numbers(dtype: DType, count: number, seed: number): ReturnType<typeof arrayFor> {
  const drawn = noise(count, seed);
  const made = arrayFor(dtype, count);
  for (let i = 0; i < count; i++) {
    const value = drawn[i] ?? 0;
    made[i] =
      dtype === "f32" ? value : dtype === "bool" ? Number(value > 0) : isShort(dtype) ? 0x3c00 + i * 37 : value * 1e3;
  }
  return made;
}

/**
 * The kernel as it is and as it is scheduled: both agree with the evaluator, and with each other where nothing is summed. Where vectors
 * are joined its bits are those of the other schedule.
 */
function expectBothWays(kernel: Kernel, data: Data): Kernel {
  const before = expectWasmAgrees(kernel, data);
  const scheduled = scheduleWasm(kernel);
  const after = expectWasmAgrees(scheduled, data);
  const joined = scheduleWasm(kernel, joinedTuning);
  expectSame(runEvaluator(joined, data), after);
  expectSame(runWasm(joined, data, { joinsVectors: true }), after);
  expectSame(runWasm(joined, data, { joinsVectors: true, relaxed: true }), runWasm(scheduled, data, { relaxed: true }));
  for (const [of, expected] of before) {
    const found = after.get(of) ?? [];
    const far = expected.findIndex((value, i) => {
      const difference = Math.abs(Number(found[i]) - value);
      if (Number.isFinite(value)) return !(difference <= 1e-5 * Math.max(1, Math.abs(value)));
      return !Object.is(found[i], value);
    });
    if (far >= 0) expect(found[far], `${of}[${far}]`).toBe(expected[far]);
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
    const whole = count % 4 === 0 ? "" : " peel";
    const lanes = count === 4 ? "bind i lane" : `split i 4${whole}; bind i_i lane`;
    expect(printSchedules(scheduled.schedule)).toBe(count >= 4 ? lanes : "");
  });

  test("the schedule of one", () => {
    const kernel = mapKernel([["x", "f32"]], "f32", 6, (i) => apply("mul", load("f32", "x", i), f(2)));
    expect(printKernel(scheduleWasm(kernel))).toMatchInlineSnapshot(`
      "kernel k0_map(read x: f32[6], write y: f32[6])
        // split i 4 peel; bind i_i lane
        nest
          once
            for i_i < 4 lane
              y[i_i] = x[i_i] * 2f
        nest
          parallel i_r < 2
            y[i_r + 4] = x[i_r + 4] * 2f"
    `);
  });

  const dtypes: readonly DType[] = ["f32", "i32", "u32", "u8", "bool", "f16", "bf16"];
  test.each(dtypes)("%s is loaded and stored in lanes", (dtype) => {
    const count = 23;
    const kernel = mapKernel([["x", dtype]], dtype, count, (i) => load(valueTypeOf(dtype), "x", i));
    const data = new Map([["x", numbers(dtype, count, 3)]]);
    expectSame(runWasm(scheduleWasm(kernel), data), runJs(kernel, data));
    expectSame(runWasm(kernel, data), runJs(kernel, data));
  });

  const values: readonly ValueType[] = ["f32", "i32", "u32", "bool"];
  test.each(values.flatMap((from) => values.map((to) => [from, to] as const)))("%s becomes %s", (from, to) => {
    const data = numbers(from, 40, 4);
    if (from === "f32") data.set([Number.NaN, Number.POSITIVE_INFINITY, -1e20, 3e9, -0.5, 2147483648]);
    else if (from !== "bool") data.set([-1, 0, 1, 2147483647]);
    const kernel = mapKernel([["x", from]], to, 40, (i) => convert(to, load(from, "x", i)));
    expectBothWays(kernel, new Map([["x", data]]));
  });

  const valuesOf = (type: ValueType, arity: number): readonly ScalarFn[] =>
    functionsOf(type).filter((fn) => scalarFns[fn].form === "value" && scalarFns[fn].arity === arity);
  const mathsOf = (arity: number): readonly ScalarFn[] => mathsFns.filter((fn) => scalarFns[fn].arity === arity);
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

  test.each([...valuesOf("f32", 2), ...mathsOf(2)])("f32 %s at the edges, in all lanes", (fn) => {
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

  test.each([...valuesOf("f32", 1), ...mathsOf(1)])("f32 %s at the edges, in all lanes", (fn) => {
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

  test.each(valuesOf("i32", 2))("integer %s wraps, and divides by zero", (fn) => {
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

  test.each(valuesOf("i32", 1))("integer %s", (fn) => {
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

  test("random words by places in two loops, whole and as floats", () => {
    const [i, j] = [loop("i", 5), loop("j", 37)];
    const counter = bitcast("u32", at([i, 3 * 37], [j, 3]));
    const word = apply("threefry", load("u32", "x", loopIndex(i)), constant("u32", 0), constant("u32", 9), counter);
    const float = convert("f32", apply("shiftRight", word, constant("u32", 8)));
    const kernel = kernelOf(
      "k0",
      [buffer("x", "u32", 5), buffer("y", "f32", 5 * 37, "write"), buffer("z", "f32", 5 * 37, "write")],
      [nestOf([i, j], [store("y", at([i, 37], [j, 1]), float), store("z", at([i, 37], [j, 1]), convert("f32", word))])],
    );
    expectBothWays(kernel, new Map([["x", numbers("u32", 5, 8)]]));
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

  test.each(["f32", "i32", "u32", "u8", "f16"] as const)(
    "rows of %s that lie inside are read in vectors",
    (element) => {
      const [row, column] = [loop("row", 7), loop("column", 20)];
      const [index, type] = [
        at([row, 20], [column, 1], -40),
        element === "f16" ? "f32" : element === "u8" ? "u32" : element,
      ];
      const guard = { bounds: [{ index: at([row, 1], -2), extent: 4 }], otherwise: constant(type, 3) };
      const kernel = kernelOf(
        "k0",
        [buffer("x", element, 80), buffer("y", type, 140, "write")],
        [nestOf([row, column], [store("y", at([row, 20], [column, 1]), load(type, "x", index, guard))])],
      );
      const scheduled = expectBothWays(kernel, new Map([["x", numbers(element, 80, 4)]]));
      expect(printSchedules(scheduled.schedule)).toContain("lane");
    },
  );

  // The address of the first lane alone may be negative: those of the others had lost their constants.
  test.each([0, 1])("rows of 3 with lanes along the rows, from %i elements before", (before) => {
    const [row, column] = [loop("row", 4), loop("column", 3)];
    const shift = rangedIndex(load("i32", "shift", at(0)), 0, 1);
    const from = sumIndex([
      { factor: 1, index: at([row, 3], [column, 1]) },
      { factor: -1, index: shift },
    ]);
    const inside = sumIndex([
      { factor: 1, index: loopIndex(column) },
      { factor: -1, index: shift },
    ]);
    const moved = load("f32", "x", from, { bounds: [{ index: inside, extent: 3 }], otherwise: f(-1) });
    const here = load("f32", "x", at([row, 3], [column, 1]));
    const kernel = kernelOf(
      "k0",
      [buffer("shift", "i32", 1), buffer("x", "f32", 12), buffer("y", "f32", 12, "write")],
      [nestOf([column, row], [store("y", at([row, 3], [column, 1]), apply("sub", moved, here))])],
    );
    const data = new Map<string, ReturnType<typeof arrayFor>>([
      ["shift", Int32Array.of(before)],
      ["x", noise(12, 9)],
    ]);
    expect(printSchedules(expectBothWays(kernel, data).schedule)).toContain("lane");
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
            fold("max", ["top"], [c], [x(c)]),
            letValue("most", name("f32", "top")),
            fold("sum", ["sum"], [d], [name("f32", "v")], { body: [letValue("v", shifted(d))] }),
            forLoop(
              e,
              [
                letValue("w", shifted(e)),
                store("y", at([i, columns], [e, 1]), apply("div", name("f32", "w"), name("f32", "sum"))),
              ],
              "parallel",
            ),
          ],
        ),
      ],
    );
  }

  test.each([
    [3, 10, "splitFold top lanes x 1; splitFold sum lanes x 1; split e 4 peel; bind e_i lane"],
    [9, 4, "splitFold top lanes x 1; splitFold sum lanes x 1; bind e lane"],
    [2, 1, ""],
    [
      5,
      67,
      "bind i thread; keep v; compareBits top; splitFold top lanes x 2; splitFold sum lanes x 4; split e 4 peel; bind e_i lane",
    ],
    [
      1,
      300,
      "bind i thread; keep v; compareBits top; splitFold top lanes x 2; splitFold sum lanes x 4; split e 4; bind e_i lane",
    ],
  ])("softmax of %i rows of %i", (rows, columns, schedule) => {
    const scheduled = expectBothWays(softmax(rows, columns), new Map([["x", noise(rows * columns, 4)]]));
    expect(printSchedules(scheduled.schedule)).toBe(schedule);
  });

  test.each(["max", "min"] as const)(
    "a %s of long rows finds NaNs, infinities and the sign of 0 wherever they are",
    (fn) => {
      const [rows, columns] = [140, 67];
      const [i, c] = [loop("i", rows), loop("c", columns)];
      const x = load("f32", "x", at([i, columns], [c, 1]));
      const body = [fold(fn, ["best"], [c], [x]), store("y", loopIndex(i), name("f32", "best"))];
      const buffers = [buffer("x", "f32", rows * columns), buffer("y", "f32", rows, "write")];
      const kernel = kernelOf("k0", buffers, [nestOf([i], body)]);
      const values = new Float32Array(rows * columns);
      const bits = new Uint32Array(values.buffer);
      const signed = fn === "max" ? -0 : 0; // what loses to the other 0
      for (let row = 0; row < rows; row++) {
        const own = values.subarray(row * columns, (row + 1) * columns).fill([signed, -1, 1][row % 3] ?? 0);
        const place = row % columns;
        if (row < columns) own[place] = [-signed, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY][row % 3] ?? 0;
        else bits[row * columns + place] = row % 2 === 0 ? 0x7fc00000 : 0xffc00000;
      }
      const scheduled = expectBothWays(kernel, new Map([["x", values]]));
      expect(printSchedules(scheduled.schedule)).toContain("compareBits best");
      const found = runWasm(scheduled, new Map([["x", values]])).get("y");
      for (let row = 0; row < rows; row++)
        expect(found?.[row]).toBe(Math[fn](...values.subarray(row * columns, (row + 1) * columns)));
    },
  );

  test("two neighbouring vectors at once where the engine joins them", () => {
    const moves = printSchedules(scheduleWasm(softmax(5, 67), joinedTuning).schedule);
    expect(moves).toBe(
      "bind i thread; keep v; compareBits top; splitFold top lanes x 4 settled; splitFold sum lanes x 4 settled; " +
        "split e 8 peel; split e_i 4; bind e_i_i lane; jam e_i_o interleaved",
    );
  });

  test("the exponentials of a row are kept for the loop that divides them", () => {
    const scheduled = scheduleWasm(softmax(2, 18));
    expect(scheduled.shared).toMatchObject([{ type: "f32", count: 18 }]);
    expect(scheduled.nests[0]?.loops[0]?.mark).toBe("thread");
    expect(printKernel(scheduled).match(/= exp\(/g)?.length).toBe(3); // two vectors and a scalar of the one loop
    expect(printKernel(scheduled)).toMatchInlineSnapshot(`
      "kernel k0(read x: f32[36], write y: f32[36])
        // bind i thread; keep v; splitFold top lanes x 2; splitFold sum lanes x 2; split e 4 peel; bind e_i lane
        shared row: f32[18]
        thread i < 2
          var top_part[2][4]: f32 = -Infinityf
          for c_o < 2
            for c_l < 4 lane
              top_part[0][c_l] = max(top_part[0][c_l], x[18*i + 8*c_o + c_l])
              top_part[1][c_l] = max(top_part[1][c_l], x[18*i + 8*c_o + c_l + 4])
          var top_l[4]: f32 = 0f
          for l < 4 lane
            top_l[l] = max(top_part[0][l], top_part[1][l])
          var top_part_1: f32 = -Infinityf
          for c_r < 2
            top_part_1 = max(top_part_1, x[18*i + c_r + 16])
          let top: f32 = max(max(max(top_l[0], top_l[1]), max(top_l[2], top_l[3])), top_part_1)
          let most: f32 = top
          var sum_part[2][4]: f32 = 0f
          for d_o < 2
            for d_l < 4 lane
              let v_1_0: f32 = exp(x[18*i + 8*d_o + d_l] - most)
              row[8*d_o + d_l] = v_1_0
              sum_part[0][d_l] = sum_part[0][d_l] + v_1_0
              let v_1_1: f32 = exp(x[18*i + 8*d_o + d_l + 4] - most)
              row[8*d_o + d_l + 4] = v_1_1
              sum_part[1][d_l] = sum_part[1][d_l] + v_1_1
          var sum_l[4]: f32 = 0f
          for l_1 < 4 lane
            sum_l[l_1] = sum_part[0][l_1] + sum_part[1][l_1]
          var sum_part_1: f32 = 0f
          for d_r < 2
            let v_2: f32 = exp(x[18*i + d_r + 16] - most)
            row[d_r + 16] = v_2
            sum_part_1 = sum_part_1 + v_2
          let sum: f32 = ((sum_l[0] + sum_l[1]) + (sum_l[2] + sum_l[3])) + sum_part_1
          for e_o < 4
            for e_i < 4 lane
              let w: f32 = row[4*e_o + e_i]
              y[18*i + 4*e_o + e_i] = w / sum
          for e_r < 2
            let w_1: f32 = row[e_r + 16]
            y[18*i + e_r + 16] = w_1 / sum"
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
            fold("sum", ["sum"], [c], [name("f32", "v")], { body: [letValue("v", apply("exp", x(c)))] }),
            forLoop(
              d,
              [
                letValue("w", apply("exp", x(d))),
                store("x", at([i, 20], [d, 1]), apply("div", name("f32", "w"), name("f32", "sum"))),
              ],
              "parallel",
            ),
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
            fold("sum", ["sum"], [k], [load("f32", "x", at([k, 45], [j, 1]))]),
            store("y", loopIndex(j), name("f32", "sum")),
          ],
        ),
      ],
    );
    const { schedule } = expectBothWays(kernel, new Map([["x", noise(19 * 45, 4)]]));
    expect(printSchedules(schedule)).toMatchInlineSnapshot(
      `"split j 16 peel(split j_r 4 peel; bind j_r_i lane); split j_i 4; bind j_i_i lane; jam j_i_o interleaved"`,
    );
  });

  test.each([
    [3000, 1, "splitFold sum lanes x 4"],
    [30_011, 1, "splitFold sum lanes x 4 serial 1024"],
    [3001, 8, "splitFold sum serial 1024; split j 4; bind j_i lane; jam j_o interleaved"],
  ])("the sums of %i rows of %i: %s", (rows, columns, schedule) => {
    const [j, k] = [loop("j", columns), loop("k", rows)];
    const kernel = kernelOf(
      "k0",
      [buffer("x", "f32", rows * columns), buffer("y", "f32", columns, "write")],
      [
        nestOf(
          [j],
          [
            fold("sum", ["sum"], [k], [load("f32", "x", at([k, columns], [j, 1]))]),
            store("y", loopIndex(j), name("f32", "sum")),
          ],
        ),
      ],
    );
    const scheduled = scheduleWasm(kernel);
    expect(printSchedules(scheduled.schedule)).toBe(schedule);
    const ones = new Float32Array(rows * columns).fill(1);
    expect([...(runWasm(scheduled, new Map([["x", ones]])).get("y") ?? [])]).toEqual(new Array(columns).fill(rows));
    expectWasmAgrees(scheduled, new Map([["x", noise(rows * columns, 4)]]));
  });

  test("an arg-max stays as it is along the row, and runs in lanes across rows", () => {
    const [i, c] = [loop("i", 9), loop("c", 6)];
    const value = load("f32", "x", at([i, 6], [c, 1]));
    const kernel = kernelOf(
      "k0",
      [buffer("x", "f32", 54), buffer("y", "i32", 9, "write")],
      [
        nestOf(
          [i],
          [
            fold("argMax", ["best", "place"], [c], [name("f32", "v"), loopIndex(c)], { body: [letValue("v", value)] }),
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
            fold("sum", ["acc"], [d], [apply("mul", a, b)]),
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
    [40, 33, 10],
    [22, 40, 3],
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
      expect(scheduled.shared.length > 0).toBe(m > 8 || right === "transposed");
      expect(engineFeatures(true).relaxed).toBe(true);
      const precise = runWasm(scheduled, data).get("y");
      expect(runWasm(scheduleWasm(kernel, joinedTuning), data).get("y"), "blocks twice as wide").toEqual(precise);
      const relaxed = runWasm(scheduled, data, { relaxed: true }).get("y");
      expect(relaxed?.findIndex((value, at) => !(Math.abs(value - Number(precise?.[at])) < 1e-4))).toBe(-1);
    },
  );

  test("the schedule of a small one", () => {
    const kernel = product(12, 4, 64, "plain", "plain");
    expect(printKernel(scheduleWasm(kernel))).toMatchInlineSnapshot(`
      "kernel k0(read a: f32[48], read b: f32[256], read bias: f32[64], write y: f32[768])
        // split j 8; bind j_o thread; sink j_i; sink i; stage right of acc into panel along columns; split j_i 4; bind j_i_i lane; split i 4; jam i_i, j_i_o interleaved
        shared panel: f32[32]
        thread j_o < 8
          for k_1 < 4
            for lane < 4 lane
              let element_0: f32 = b[64*k_1 + 8*j_o + lane]
              let element_1: f32 = b[64*k_1 + 8*j_o + lane + 4]
              panel[8*k_1 + lane] = element_0
              panel[8*k_1 + lane + 4] = element_1
          for i_o < 3
            for j_i_i < 4 lane
              var acc[4][2]: f32 = 0f
              for k < 4
                let a_0: f32 = a[16*i_o + k]
                let panel_0: f32 = panel[8*k + j_i_i]
                acc[0][0] = acc[0][0] + (a_0 * panel_0)
                let panel_1: f32 = panel[8*k + j_i_i + 4]
                acc[0][1] = acc[0][1] + (a_0 * panel_1)
                let a_1: f32 = a[16*i_o + k + 4]
                acc[1][0] = acc[1][0] + (a_1 * panel_0)
                acc[1][1] = acc[1][1] + (a_1 * panel_1)
                let a_2: f32 = a[16*i_o + k + 8]
                acc[2][0] = acc[2][0] + (a_2 * panel_0)
                acc[2][1] = acc[2][1] + (a_2 * panel_1)
                let a_3: f32 = a[16*i_o + k + 12]
                acc[3][0] = acc[3][0] + (a_3 * panel_0)
                acc[3][1] = acc[3][1] + (a_3 * panel_1)
              let bias_0: f32 = bias[8*j_o + j_i_i]
              let v_0_0: f32 = acc[0][0] + bias_0
              let bias_1: f32 = bias[8*j_o + j_i_i + 4]
              let v_0_1: f32 = acc[0][1] + bias_1
              y[256*i_o + 8*j_o + j_i_i] = max(v_0_0, 0f)
              y[256*i_o + 8*j_o + j_i_i + 4] = max(v_0_1, 0f)
              let v_1_0: f32 = acc[1][0] + bias_0
              let v_1_1: f32 = acc[1][1] + bias_1
              y[256*i_o + 8*j_o + j_i_i + 64] = max(v_1_0, 0f)
              y[256*i_o + 8*j_o + j_i_i + 68] = max(v_1_1, 0f)
              let v_2_0: f32 = acc[2][0] + bias_0
              let v_2_1: f32 = acc[2][1] + bias_1
              y[256*i_o + 8*j_o + j_i_i + 128] = max(v_2_0, 0f)
              y[256*i_o + 8*j_o + j_i_i + 132] = max(v_2_1, 0f)
              let v_3_0: f32 = acc[3][0] + bias_0
              let v_3_1: f32 = acc[3][1] + bias_1
              y[256*i_o + 8*j_o + j_i_i + 192] = max(v_3_0, 0f)
              y[256*i_o + 8*j_o + j_i_i + 196] = max(v_3_1, 0f)"
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
    expect(text.slice(text.indexOf("sums["))).toMatchInlineSnapshot(`
      "sums[j_i_i] = acc[0][0]
              sums[j_i_i + 4] = acc[0][1]
              sums[j_i_i + 8] = acc[1][0]
              sums[j_i_i + 12] = acc[1][1]
              sums[j_i_i + 16] = acc[2][0]
              sums[j_i_i + 20] = acc[2][1]
              sums[j_i_i + 24] = acc[3][0]
              sums[j_i_i + 28] = acc[3][1]
              for i_i_1 < 4
                let sums_0: f32 = sums[8*i_i_1 + j_i_i]
                let u_0_0: f32 = sums_0 * sums_0
                let sums_1: f32 = sums[8*i_i_1 + j_i_i + 4]
                let u_0_1: f32 = sums_1 * sums_1
                let u_1_0: f32 = u_0_0 + sums_0
                let u_1_1: f32 = u_0_1 + sums_1
                let u_2_0: f32 = max(u_1_0, sums_0)
                let u_2_1: f32 = max(u_1_1, sums_1)
                let u_3_0: f32 = u_2_0 + sums_0
                let u_3_1: f32 = u_2_1 + sums_1
                let v_0: f32 = u_3_0 + bias[8*j_o + j_i_i]
                let v_1: f32 = u_3_1 + bias[8*j_o + j_i_i + 4]
                y[256*i_o + 64*i_i_1 + 8*j_o + j_i_i] = max(v_0, 0f)
                y[256*i_o + 64*i_i_1 + 8*j_o + j_i_i + 4] = max(v_1, 0f)"
    `);
  });

  test("blocks are twice as wide where the engine joins vectors", () => {
    const kernel = product(12, 4, 256, "plain", "plain");
    expect(printSchedules(scheduleWasm(kernel).schedule)).toMatchInlineSnapshot(
      `"split j 32; split j_i 8; bind j_o thread; sink j_i_i; sink j_i_o; sink i; stage right of acc into panel along columns; split j_i_i 4; bind j_i_i_i lane; split i 4; jam i_i, j_i_i_o interleaved"`,
    );
    expect(printSchedules(scheduleWasm(kernel, joinedTuning).schedule)).toMatchInlineSnapshot(
      `"split j 32; split j_i 16; bind j_o thread; sink j_i_i; sink j_i_o; sink i; stage right of acc into panel along columns; split j_i_i 4; bind j_i_i_i lane; split i 4; jam i_i, j_i_i_o interleaved"`,
    );
  });

  /** y[n, h, w, o] = sum over r, s, c of x[n, h + r, w + s, c] * f[r, s, c, o]. */
  function convolution(filters: number): Kernel {
    const [n, h, w, o] = [loop("n", 2), loop("h", 5), loop("w", 9), loop("o", filters)];
    const [r, s, c] = [loop("r", 3), loop("s", 2), loop("c", 3)];
    const x = load("f32", "x", at([n, 210], [h, 30], [r, 30], [w, 3], [s, 3], [c, 1]));
    const filter = load("f32", "f", at([r, 6 * filters], [s, 3 * filters], [c, filters], [o, 1]));
    return kernelOf(
      "k0",
      [buffer("x", "f32", 2 * 210), buffer("f", "f32", 18 * filters), buffer("y", "f32", 90 * filters, "write")],
      [
        nestOf(
          [n, h, w, o],
          [
            fold("sum", ["acc"], [r, s, c], [apply("mul", x, filter)]),
            store(
              "y",
              at([n, 45 * filters], [h, 9 * filters], [w, filters], [o, 1]),
              apply("max", name("f32", "acc"), f(0)),
            ),
          ],
        ),
      ],
    );
  }

  test.each([
    [
      64,
      18 * 8,
      "flatten s, c into sc; split o 8; bind o_o thread; sink o_i; sink w; sink h; sink n; stage right of acc into panel along columns; " +
        "split o_i 4; bind o_i_i lane; split w 4 count 1 peel(split w_r 3 count 1 peel(jam w_r_r, o_i_o interleaved); " +
        "jam w_r_i, o_i_o interleaved); jam w_i, o_i_o interleaved",
    ],
    [
      32,
      18 * 16,
      "flatten s, c into sc; split o 16; bind n thread; bind h thread; sink o_i; sink w; sink o_o; stage right of acc at o_o into panel along columns; " +
        "split o_i 4; bind o_i_i lane; split w 2 peel(jam o_i_o interleaved); jam w_i, o_i_o interleaved",
    ],
    [
      8,
      18 * 8,
      "flatten s, c into sc; bind n thread; bind h thread; sink o; sink w; stage right of acc into panel along columns; split o 4; " +
        "bind o_i lane; split w 4 count 1 peel(split w_r 3 count 1 peel(jam w_r_r, o_o interleaved); " +
        "jam w_r_i, o_o interleaved); jam w_i, o_o interleaved",
    ],
  ])("a convolution of %i filters over windows: its places go by panels of filters", (filters, panel, schedule) => {
    const data = new Map([
      ["x", noise(420, 5)],
      ["f", noise(18 * filters, 6)],
    ]);
    const scheduled = expectBothWays(convolution(filters), data);
    expect(scheduled.shared.map(({ count }) => count)).toEqual([panel]);
    expect(printSchedules(scheduled.schedule)).toBe(schedule);
  });

  test("few rows are not worth a panel, and read a factor where it lies: but for rows of it that share a set of a cache", () => {
    const hasPanels = (m: number, n: number, right: Layout): boolean =>
      scheduleWasm(product(m, 300, n, "plain", right)).shared.length > 0;
    expect(hasPanels(2, 64, "plain")).toBe(false);
    expect(hasPanels(8, 64, "plain")).toBe(false);
    expect(hasPanels(9, 64, "plain")).toBe(true);
    expect(hasPanels(8, 64, "transposed")).toBe(true);
    expect(hasPanels(8, 1024, "plain")).toBe(true);
  });
});
