import { describe, expect, test } from "vitest";
import { findReuse, type JsBlocks, jsBlocks } from "../../codegen/js/policy.ts";
import { JsPrinter } from "../../codegen/js/print.ts";
import { cse } from "../../passes/kernel/cse.ts";
import { unroll } from "../../passes/kernel/unroll.ts";
import { Facts } from "../../passes/schedule/facts.ts";
import { moved } from "../../passes/schedule/schedule.ts";
import type { Expr, Kernel } from "../../src/kernel/kernel.ts";
import { printSchedules } from "../../src/kernel/moves.ts";
import { printKernel } from "../../src/kernel/print.ts";
import {
  apply,
  assign,
  constant,
  convert,
  fold,
  forLoop,
  letValue,
  load,
  loopIndex,
  name,
  store,
  variable,
  when,
} from "../kernel-pool.ts";
import type { Data } from "./js-case.ts";
import {
  at,
  buffer,
  dense,
  expectSame,
  kernelOf,
  loop,
  nestOf,
  noise,
  runEvaluator,
  runJs,
  scheduleJs,
} from "./js-case.ts";

const noiseFor = (kernel: Kernel): Data =>
  new Map(kernel.buffers.map(({ name: of, count }, seed) => [of, noise(count, seed + 1)]));

/** Same bits before and after, in the evaluator and as JavaScript, and no race. */
function expectSameAfter(before: Kernel, after: Kernel): void {
  const data = noiseFor(before);
  const expected = runEvaluator(before, data);
  expectSame(runEvaluator(after, data), expected);
  expectSame(runJs(after, data), expected);
  expectSame(runJs(before, data), expected);
}

const double = (value: Expr): Expr => convert("f64", value);
const acc = name("f64", "acc");

test("a block of 2x2: serial loops outside, one load per row and column", () => {
  const kernel = scheduleJs(dense(4, 8, 4), { outer: 2, inner: 2, single: 2 });
  expect(printKernel(kernel)).toMatchInlineSnapshot(`
    "kernel k1_dense(read a: f32[32], read b: f32[32], read bias: f32[4], write out: f32[16])
      // split i 2; split j 2; jam i_i, j_i
      parallel i_o < 2, j_o < 2
        var acc[2][2]: f64 = 0d
        for k < 8
          let a_0: f64 = f64(a[16*i_o + k])
          let b_0: f64 = f64(b[4*k + 2*j_o])
          acc[0][0] = acc[0][0] + (a_0 * b_0)
          let b_1: f64 = f64(b[4*k + 2*j_o + 1])
          acc[0][1] = acc[0][1] + (a_0 * b_1)
          let a_1: f64 = f64(a[16*i_o + k + 8])
          acc[1][0] = acc[1][0] + (a_1 * b_0)
          acc[1][1] = acc[1][1] + (a_1 * b_1)
        let v_0_0: f32 = f32(acc[0][0])
        let bias_0: f32 = bias[2*j_o]
        let s_0_0: f32 = v_0_0 + bias_0
        out[8*i_o + 2*j_o] = max(s_0_0, 0f)
        let v_0_1: f32 = f32(acc[0][1])
        let bias_1: f32 = bias[2*j_o + 1]
        let s_0_1: f32 = v_0_1 + bias_1
        out[8*i_o + 2*j_o + 1] = max(s_0_1, 0f)
        let v_1_0: f32 = f32(acc[1][0])
        let s_1_0: f32 = v_1_0 + bias_0
        out[8*i_o + 2*j_o + 4] = max(s_1_0, 0f)
        let v_1_1: f32 = f32(acc[1][1])
        let s_1_1: f32 = v_1_1 + bias_1
        out[8*i_o + 2*j_o + 5] = max(s_1_1, 0f)"
  `);
  expect(new JsPrinter().print([kernel]).source).toMatchInlineSnapshot(`
    "const fround = Math.fround;
    const zero_cell = new Float64Array(2);
    // max(x, 0) without a branch on the sign, which a processor guesses wrong half the time.
    function relu(x) {
      zero_cell[1] = x;
      return zero_cell[+!(x <= 0)];
    }
    function k1_dense(a, b, bias, out) {
      for (let i_o = 0; i_o < 2; i_o++) {
        const at0 = i_o * 16;
        const at4 = i_o * 8;
        for (let j_o = 0; j_o < 2; j_o++) {
          let acc_0_0 = 0, acc_0_1 = 0, acc_1_0 = 0, acc_1_1 = 0;
          const at2 = j_o * 2;
          for (let k = 0; k < 8; k++) {
            const at1 = at0 + k;
            const a_0 = a[at1];
            const at3 = at2 + k * 4;
            const b_0 = b[at3];
            acc_0_0 += a_0 * b_0;
            const b_1 = b[at3 + 1];
            acc_0_1 += a_0 * b_1;
            const a_1 = a[at1 + 8];
            acc_1_0 += a_1 * b_0;
            acc_1_1 += a_1 * b_1;
          }
          const v_0_0 = fround(acc_0_0);
          const bias_0 = bias[at2];
          const s_0_0 = fround(v_0_0 + bias_0);
          const at5 = at4 + j_o * 2;
          out[at5] = relu(s_0_0);
          const v_0_1 = fround(acc_0_1);
          const bias_1 = bias[at2 + 1];
          const s_0_1 = fround(v_0_1 + bias_1);
          out[at5 + 1] = relu(s_0_1);
          const v_1_0 = fround(acc_1_0);
          const s_1_0 = fround(v_1_0 + bias_0);
          out[at5 + 4] = relu(s_1_0);
          const v_1_1 = fround(acc_1_1);
          const s_1_1 = fround(v_1_1 + bias_1);
          out[at5 + 5] = relu(s_1_1);
        }
      }
    }"
  `);
});

test("moves leave folds with blocks, and edges as nests of their own", () => {
  const kernel = dense(2, 8, 5);
  const blocked = moved(kernel, [
    [
      { move: "split", axis: "j", by: 4, tail: { peel: [] } },
      { move: "jam", axes: ["j_i"], mark: "unrolled" },
    ],
  ]);
  expect(printKernel(blocked)).toMatchInlineSnapshot(`
    "kernel k1_dense(read a: f32[16], read b: f32[40], read bias: f32[5], write out: f32[10])
      // split j 4 peel; jam j_i
      nest
        parallel i < 2
          fold acc[4]: f64 = sum over k < 8 by j_i < 4 unrolled of f64(a[8*i + k]) * f64(b[5*k + j_i])
          for j_i_1 < 4 unrolled
            let v: f32 = f32(acc[j_i_1])
            let s: f32 = v + bias[j_i_1]
            out[5*i + j_i_1] = max(s, 0f)
      nest
        parallel i_1 < 2
          fold acc_1: f64 = sum over k_1 < 8 of f64(a[8*i_1 + k_1]) * f64(b[5*k_1 + 4])
          let v_1: f32 = f32(acc_1)
          let s_1: f32 = v_1 + bias[4]
          out[5*i_1 + 4] = max(s_1, 0f)"
  `);
  expectSame(runEvaluator(blocked, noiseFor(kernel)), runEvaluator(kernel, noiseFor(kernel)));
});

describe("contractions of sizes that divide no block", () => {
  const sizes = [1, 2, 3, 4, 5, 7, 8, 13];
  for (const m of sizes) {
    test(`${m} rows, any columns`, () => {
      for (const n of sizes) {
        for (const transposed of [false, true]) {
          const kernel = dense(m, 5, n, transposed);
          expectSameAfter(kernel, scheduleJs(kernel));
        }
      }
    });
  }

  test("blocks of other shapes, and an empty sum", () => {
    const blocks: readonly Partial<JsBlocks>[] = [
      { outer: 3, inner: 3, single: 3 },
      { outer: 1, inner: 4, single: 1 },
      { outer: 8, inner: 1, single: 8 },
    ];
    for (const block of blocks) expectSameAfter(dense(7, 3, 11), scheduleJs(dense(7, 3, 11), block));
    expectSameAfter(dense(5, 0, 3), scheduleJs(dense(5, 0, 3)));
  });

  test("few rows get more columns", () => {
    expect(printSchedules(scheduleJs(dense(128, 8, 16)).schedule)).toBe("split i 4; split j 2; jam i_i, j_i");
    expect(printSchedules(scheduleJs(dense(2, 8, 16)).schedule)).toBe("split i 2; split j 4; jam i_i, j_i");
    expect(printSchedules(scheduleJs(dense(1, 8, 16)).schedule)).toBe("split j 8; jam j_i");
    expect(printSchedules(scheduleJs(dense(16, 8, 1)).schedule)).toBe("split i 8; jam i_i");
  });
});

describe("sums over more than a cache holds", () => {
  const few = { outer: 1, inner: 2, single: 1, uncached: 0, part: 32, leastTerms: 2 };

  test("take their terms part by part, each sum in the order that it had", () => {
    const kernel = scheduleJs(dense(2, 8, 4), few);
    expect(printKernel(kernel)).toMatchInlineSnapshot(`
      "kernel k1_dense(read a: f32[16], read b: f32[32], read bias: f32[4], write out: f32[8])
        // split j 2; jam j_i; interchange acc 2
        shared sums: f64[8]
        once
          for each < 8
            sums[each] = 0d
          for k_o < 4
            for i < 2
              for j_o < 2
                var acc[2]: f64 = 0d
                acc[0] = sums[4*i + 2*j_o]
                acc[1] = sums[4*i + 2*j_o + 1]
                for k_i < 2
                  let a_0: f64 = f64(a[8*i + 2*k_o + k_i])
                  acc[0] = acc[0] + (a_0 * f64(b[8*k_o + 4*k_i + 2*j_o]))
                  acc[1] = acc[1] + (a_0 * f64(b[8*k_o + 4*k_i + 2*j_o + 1]))
                sums[4*i + 2*j_o] = acc[0]
                sums[4*i + 2*j_o + 1] = acc[1]
          for i_1 < 2
            for j_o_1 < 2
              let v_0: f32 = f32(sums[4*i_1 + 2*j_o_1])
              let s_0: f32 = v_0 + bias[2*j_o_1]
              out[4*i_1 + 2*j_o_1] = max(s_0, 0f)
              let v_1: f32 = f32(sums[4*i_1 + 2*j_o_1 + 1])
              let s_1: f32 = v_1 + bias[2*j_o_1 + 1]
              out[4*i_1 + 2*j_o_1 + 1] = max(s_1, 0f)"
    `);
    expectSameAfter(dense(2, 8, 4), kernel);
  });

  test("also with rows and columns left over, in blocks of any shape", () => {
    for (const [m, k, n] of [
      [7, 12, 5],
      [2, 8, 3],
      [5, 6, 13],
    ] as const) {
      for (const outer of [1, 2, 4]) {
        const kernel = dense(m, k, n, m === 7);
        const after = scheduleJs(kernel, { ...few, outer });
        expect(printSchedules(after.schedule)).toContain("interchange acc");
        expectSameAfter(kernel, after);
      }
    }
  });

  test("are gradients of filters, and not what a cache holds or what is read in order", () => {
    const images = filterGradient(128, 24);
    expect(printSchedules(scheduleJs(images).schedule)).toBe(
      "split b 3; split c 2; jam b_i, c_i; interchange acc 1152",
    );
    expect(printSchedules(scheduleJs(filterGradient(8, 24)).schedule)).toBe("split b 3; split c 2; jam b_i, c_i");
    expect(printSchedules(scheduleJs(dense(512, 5408, 64)).schedule)).toBe("split i 4; split j 2; jam i_i, j_i");
    const small = filterGradient(6, 5, 3);
    expectSameAfter(small, scheduleJs(small, { uncached: 64, part: 800, leastTerms: 25 }));
  });
});

describe("more columns than a cache holds", () => {
  test("rows go by some of them at a time", () => {
    const words = (m: number, k: number, n: number): string => printSchedules(scheduleJs(dense(m, k, n)).schedule);
    expect(words(1024, 1024, 1024)).toBe("split j 128; reorder j_o, i; split i 4; split j_i 2; jam i_i, j_i_i");
    expect(words(512, 4608, 1000)).toBe(
      "split j 16 peel(split i 4; split j_r 2; jam i_i, j_r_i); reorder j_o, i; split i 4; split j_i 2; jam i_i, j_i_i",
    );
    expect(words(128, 784, 512)).toBe("split i 4; split j 2; jam i_i, j_i");
  });

  test("also those that are left over, whatever is left of the rows", () => {
    for (const [m, n] of [
      [7, 37],
      [1, 33],
      [4, 32],
      [6, 18],
    ] as const) {
      const kernel = dense(m, 5, n, m === 7);
      const after = scheduleJs(kernel, { wide: 0, panel: 1 });
      expect(printSchedules(after.schedule).startsWith("split j 16")).toBe(m > 1);
      expectSameAfter(kernel, after);
    }
  });
});

/** Of 3 x 3 by 64 filters, or fewer: sums over all places of all images. */
function filterGradient(images: number, places: number, filters = 64): Kernel {
  const [a, b, c] = [loop("a", 3), loop("b", 3), loop("c", filters)];
  const [n, h, w] = [loop("n", images), loop("h", places), loop("w", places)];
  const [width, count] = [places + 2, places * places];
  const image = load("f32", "x", at([n, width * width], [h, width], [a, width], [w, 1], [b, 1]));
  const slope = load("f32", "g", at([n, count * filters], [h, places * filters], [w, filters], [c, 1]));
  return kernelOf(
    "k0_filter",
    [
      buffer("x", "f32", images * width * width),
      buffer("g", "f32", images * count * filters),
      buffer("y", "f32", 9 * filters, "write"),
    ],
    [
      nestOf(
        [a, b, c],
        [
          fold("sum", ["acc"], [n, h, w], [apply("mul", double(image), double(slope))]),
          store("y", at([a, 3 * filters], [b, filters], [c, 1]), convert("f32", acc)),
        ],
      ),
    ],
  );
}

describe("other nests with reuse", () => {
  test("a weight updated in place by the contraction that makes its gradient", () => {
    const [i, j, k] = [loop("i", 6), loop("j", 9), loop("k", 4)];
    const here = at([i, 9], [j, 1]);
    const product = apply(
      "mul",
      double(load("f32", "x", at([k, 6], [i, 1]))),
      double(load("f32", "dh", at([k, 9], [j, 1]))),
    );
    const g = name("f32", "g");
    const body = [
      fold("sum", ["acc"], [k], [product]),
      letValue("g", convert("f32", acc)),
      letValue("v1", apply("add", apply("mul", load("f32", "v", here), constant("f32", 0.9)), apply("mul", g, g))),
      store("v", here, name("f32", "v1")),
      letValue("scale", apply("rsqrt", apply("add", name("f32", "v1"), constant("f32", 1e-7)))),
      store("w", here, apply("sub", load("f32", "w", here), apply("mul", g, name("f32", "scale")))),
    ];
    const kernel = kernelOf(
      "k2_update",
      [
        buffer("x", "f32", 24),
        buffer("dh", "f32", 36),
        buffer("v", "f32", 54, "update"),
        buffer("w", "f32", 54, "update"),
      ],
      [nestOf([i, j], body)],
    );
    const data = new Map(noiseFor(kernel)).set("v", noise(54).map(Math.abs));
    const after = scheduleJs(kernel);
    expect(after.nests).toHaveLength(4);
    const expected = runEvaluator(kernel, data);
    expectSame(runEvaluator(after, data), expected);
    expectSame(runJs(after, data), expected);
  });

  test("a convolution: output channels and columns, with padding guarded", () => {
    const [n, c, h, w] = [loop("n", 2), loop("c", 5), loop("h", 4), loop("w", 5)];
    const [p, q] = [loop("p", 3), loop("q", 3)];
    const bounds = [
      { index: at([h, 1], [p, 1], -1), extent: 4 },
      { index: at([w, 1], [q, 1], -1), extent: 5 },
    ];
    const x = load("f32", "x", at([n, 20], [h, 5], [p, 5], [w, 1], [q, 1], -6), {
      bounds,
      otherwise: constant("f32", 0),
    });
    const f = load("f32", "f", at([c, 9], [p, 3], [q, 1]));
    const body = [
      fold("sum", ["acc"], [p, q], [apply("mul", double(x), double(f))]),
      store("y", at([n, 100], [c, 20], [h, 5], [w, 1]), convert("f32", acc)),
    ];
    const kernel = kernelOf(
      "k0_conv",
      [buffer("x", "f32", 40), buffer("f", "f32", 45), buffer("y", "f32", 200, "write")],
      [nestOf([n, c, h, w], body)],
    );
    expect(findReuse(new Facts(nestOf([n, c, h, w], body)))).toEqual({ outer: "c", inner: "w" });
    expectSameAfter(kernel, scheduleJs(kernel));
  });

  test("sums of columns, of rows, and a row maximum", () => {
    for (const [si, sk] of [
      [1, 11],
      [6, 1],
    ] as const) {
      const [i, k] = [loop("i", 11), loop("k", 6)];
      const x = load("f32", "x", at([i, si], [k, sk]));
      const body = [
        letValue("top", load("f32", "x", at([i, si]))),
        fold("sum", ["acc"], [k], [double(x)]),
        store("y", loopIndex(i), apply("add", convert("f32", acc), name("f32", "top"))),
      ];
      const kernel = kernelOf("k0_sum", [buffer("x", "f32", 66), buffer("y", "f32", 11, "write")], [nestOf([i], body)]);
      expect(printSchedules(scheduleJs(kernel).schedule)).toBe("split i 8 peel(jam i_r); jam i_i");
      expectSameAfter(kernel, scheduleJs(kernel));
    }
  });

  test("a value read after the loop and before it, and a prelude, survive every edge", () => {
    const [i, j, k] = [loop("i", 5), loop("j", 3), loop("k", 4)];
    const x = load("f32", "x", at([i, 4], [k, 1]));
    const w = load("f32", "w", at([k, 3], [j, 1]));
    const body = [
      letValue("b", load("f32", "w", loopIndex(j))),
      letValue("twice", apply("mul", name("f32", "b"), name("f32", "scale"))),
      letValue("fixed", apply("mul", name("f32", "scale"), constant("f32", 3))),
      fold("sum", ["acc"], [k], [apply("mul", double(x), double(apply("add", w, name("f32", "b"))))]),
      store(
        "y",
        at([i, 3], [j, 1]),
        apply("mul", apply("mul", convert("f32", acc), name("f32", "twice")), name("f32", "fixed")),
      ),
    ];
    const prelude = [letValue("scale", apply("add", load("f32", "w", at(0)), constant("f32", 1)))];
    const kernel = kernelOf(
      "k0_prelude",
      [buffer("x", "f32", 20), buffer("w", "f32", 12), buffer("y", "f32", 15, "write")],
      [nestOf([i, j], body, prelude), nestOf([loop("q", 0)], [])],
    );
    const after = scheduleJs(kernel);
    expect(after.nests).toHaveLength(5);
    expectSameAfter(kernel, after);
  });

  test("an element-wise kernel, an if, and a second launch of the schedule change nothing", () => {
    const i = loop("i", 9);
    const plain = kernelOf(
      "k0_map",
      [buffer("x", "f32", 9), buffer("y", "f32", 9, "write")],
      [
        nestOf(
          [i],
          [
            when(apply("gt", load("f32", "x", loopIndex(i)), constant("f32", 0)), [
              store("y", loopIndex(i), constant("f32", 1)),
            ]),
          ],
        ),
      ],
    );
    expect(scheduleJs(plain)).toEqual(plain);
    expect(jsBlocks.outer * jsBlocks.inner).toBe(8);
  });
});

test("a costly value of a row is kept, also where a kept one is in it, and all of it stays the same", () => {
  const [i, c, d, e] = [loop("i", 3), loop("c", 20), loop("d", 20), loop("e", 20)];
  const x = (of: typeof c) => load("f32", "x", at([i, 20], [of, 1]));
  const once = (of: string) => apply("exp", name("f32", of));
  const body = [
    fold("sum", ["acc"], [c], [double(name("f32", "v"))], { body: [letValue("v", apply("exp", x(c)))] }),
    forLoop(
      d,
      [
        letValue("v2", apply("exp", x(d))),
        letValue("w", once("v2")),
        store("y", at([i, 20], [d, 1]), apply("mul", name("f32", "w"), convert("f32", acc))),
      ],
      "parallel",
    ),
    forLoop(
      e,
      [
        letValue("far", x(e)),
        letValue("v3", once("far")),
        letValue("w2", once("v3")),
        store("z", at([i, 20], [e, 1]), apply("sub", name("f32", "w2"), name("f32", "v3"))),
      ],
      "parallel",
    ),
  ];
  const kernel = kernelOf(
    "k0_rows",
    [buffer("x", "f32", 60), buffer("y", "f32", 60, "write"), buffer("z", "f32", 60, "write")],
    [nestOf([i], body)],
  );
  const after = scheduleJs(kernel);
  expect(printSchedules(after.schedule)).toBe("bind i thread; keep v; keep w");
  expect(after.shared).toHaveLength(2);
  expect(printKernel(after).match(/exp\(/g)).toHaveLength(2);
  expect(printKernel(after).match(/x\[/g)).toHaveLength(1);
  expectSameAfter(kernel, after);
});

describe("unroll and cse", () => {
  test("copies have names of their own", () => {
    const [i, u, v] = [loop("i", 2), loop("u", 2), loop("v", 2)];
    const body = [
      variable("acc", constant("f32", 0), [2]),
      forLoop(
        u,
        [
          letValue("x2", apply("mul", load("f32", "x", at([i, 2], [u, 1])), constant("f32", 2))),
          forLoop(
            v,
            [assign("acc", apply("add", name("f32", "acc", [loopIndex(v)]), name("f32", "x2")), [loopIndex(v)])],
            "unrolled",
          ),
        ],
        "unrolled",
      ),
      store("y", loopIndex(i), apply("mul", name("f32", "acc", [at(0)]), name("f32", "acc", [at(1)]))),
    ];
    const kernel = kernelOf("k0", [buffer("x", "f32", 4), buffer("y", "f32", 2, "write")], [nestOf([i], body)]);
    expect(printKernel(unroll(kernel))).toMatchInlineSnapshot(`
      "kernel k0(read x: f32[4], write y: f32[2])
        parallel i < 2
          var acc[2]: f32 = 0f
          let x2_0: f32 = x[2*i] * 2f
          acc[0] = acc[0] + x2_0
          acc[1] = acc[1] + x2_0
          let x2_1: f32 = x[2*i + 1] * 2f
          acc[0] = acc[0] + x2_1
          acc[1] = acc[1] + x2_1
          y[i] = acc[0] * acc[1]"
    `);
    expectSameAfter(kernel, unroll(kernel));
  });

  test("a store or an assignment between them keeps two equal expressions apart", () => {
    const i = loop("i", 4);
    const here = loopIndex(i);
    const square = apply("mul", load("f32", "w", here), load("f32", "w", here));
    const body = [
      variable("m", constant("f32", 1)),
      letValue("a", apply("add", square, name("f32", "m"))),
      letValue("same", apply("add", square, name("f32", "m"))),
      store("w", here, apply("add", name("f32", "a"), name("f32", "same"))),
      letValue("b", square),
      assign("m", name("f32", "b")),
      letValue("c", apply("add", square, name("f32", "m"))),
      store("y", here, apply("add", name("f32", "c"), square)),
    ];
    const kernel = kernelOf(
      "k0",
      [buffer("w", "f32", 4, "update"), buffer("y", "f32", 4, "write")],
      [nestOf([i], body)],
    );
    expect(printKernel(cse(kernel))).toMatchInlineSnapshot(`
      "kernel k0(update w: f32[4], write y: f32[4])
        parallel i < 4
          var m: f32 = 1f
          let w_0: f32 = w[i]
          let a: f32 = (w_0 * w_0) + m
          w[i] = a + a
          let w_1: f32 = w[i]
          let b: f32 = w_1 * w_1
          m = b
          let c: f32 = b + m
          y[i] = c + b"
    `);
    expectSameAfter(kernel, cse(kernel));
  });
});
