import { describe, expect, test } from "vitest";
import { factoryText, moduleText } from "../../codegen/js/artifact.ts";
import { JsPrinter } from "../../codegen/js/print.ts";
import { Writer } from "../../codegen/writer.ts";
import { expandFolds } from "../../passes/kernel/expand-folds.ts";
import {
  apply,
  assign,
  constant,
  convert,
  floorDivIndex,
  forLoop,
  letValue,
  load,
  loopIndex,
  modIndex,
  name,
  pool,
  rangedIndex,
  store,
  variable,
  when,
} from "../kernel-pool.ts";
import { at, buffer, dense, expectAgreement, kernelOf, loop, mapKernel, nestOf, noise } from "./js-case.ts";

const source = (kernel: Parameters<JsPrinter["print"]>[0][number]): string =>
  new JsPrinter().print([expandFolds(kernel)]).source;

test("Writer puts a line before the block that is open", () => {
  const writer = new Writer();
  writer.block("a {", () => {
    writer.block("b {", () => {
      writer.line("inner");
      writer.line("early", 1);
    });
  });
  expect(String(writer)).toBe("a {\n  early\n  b {\n    inner\n  }\n}");
});

describe("printed text", () => {
  test("a map over f32 rounds once per operation and leaves the last rounding to the store", () => {
    const kernel = mapKernel([["x", "f32"]], "f32", 8, (i) => {
      const x = load("f32", "x", i);
      return apply("add", apply("mul", x, x), apply("max", x, constant("f32", 0)));
    });
    expect(source(kernel)).toMatchInlineSnapshot(`
      "const fround = Math.fround;
      const zero_cell = new Float64Array(2);
      // max(x, 0) without a branch on the sign, which a processor guesses wrong half the time.
      function relu(x) {
        zero_cell[1] = x;
        return zero_cell[+!(x <= 0)];
      }
      function k0_map(x, y) {
        for (let i = 0; i < 8; i++) {
          y[i] = fround(x[i] * x[i]) + relu(x[i]);
        }
      }"
    `);
  });

  test("what data choose, or 0, is taken from two places, and not by a branch", () => {
    const zero = constant("f32", 0);
    const kernel = mapKernel(
      [
        ["x", "f32"],
        ["g", "f32"],
      ],
      "f32",
      8,
      (i) => {
        const [x, g] = [load("f32", "x", i), load("f32", "g", i)];
        const isOn = apply("gt", x, zero);
        const chosen = apply("select", isOn, apply("max", g, zero), zero);
        // What is compared uses the two places itself; the others are no choices by data, or not of 0.
        const late = apply("select", apply("gt", apply("max", x, zero), g), g, zero);
        const byPlace = apply("select", apply("lt", i, constant("i32", 3)), g, zero);
        return [chosen, late, byPlace, apply("select", isOn, g, constant("f32", -0))].reduce((a, b) =>
          apply("add", a, b),
        );
      },
    );
    expect(
      source(kernel)
        .split("\n")
        .find((line) => line.includes("y[i]"))
        ?.trim(),
    ).toMatchInlineSnapshot(
      `"y[i] = fround(fround((zero_cell[1] = relu(g[i]), zero_cell[+(x[i] > 0)]) + (relu(x[i]) > g[i] ? g[i] : 0)) + (i < 3 ? g[i] : 0)) + (x[i] > 0 ? g[i] : -0);"`,
    );
    const x = Float32Array.of(1, -1, 2, Number.NaN, 3, 0, Number.POSITIVE_INFINITY, 4);
    const g = Float32Array.of(Number.NaN, Number.NaN, -0, 5, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, 3, -2);
    expectAgreement(
      kernel,
      new Map([
        ["x", x],
        ["g", g],
      ]),
    );
  });

  test("a contraction keeps its sum in a double and its row outside of the loop", () => {
    expect(source(dense(4, 8, 3))).toMatchInlineSnapshot(`
      "const fround = Math.fround;
      const zero_cell = new Float64Array(2);
      // max(x, 0) without a branch on the sign, which a processor guesses wrong half the time.
      function relu(x) {
        zero_cell[1] = x;
        return zero_cell[+!(x <= 0)];
      }
      function k1_dense(a, b, bias, out) {
        for (let i = 0; i < 4; i++) {
          const at0 = i * 8;
          const at1 = i * 3;
          for (let j = 0; j < 3; j++) {
            let acc = 0;
            for (let k = 0; k < 8; k++) {
              acc += a[at0 + k] * b[j + k * 3];
            }
            const v = fround(acc);
            const s = fround(v + bias[j]);
            out[at1 + j] = relu(s);
          }
        }
      }"
    `);
  });

  test("loops of one iteration and empty nests of braces do not appear", () => {
    expect(source(dense(1, 8, 1))).toMatchInlineSnapshot(`
      "const fround = Math.fround;
      const zero_cell = new Float64Array(2);
      // max(x, 0) without a branch on the sign, which a processor guesses wrong half the time.
      function relu(x) {
        zero_cell[1] = x;
        return zero_cell[+!(x <= 0)];
      }
      function k1_dense(a, b, bias, out) {
        let acc = 0;
        for (let k = 0; k < 8; k++) {
          acc += a[k] * b[k];
        }
        const v = fround(acc);
        const s = fround(v + bias[0]);
        out[0] = relu(s);
      }"
    `);
  });

  test("a variable that a loop indexes is made once, outside the function", () => {
    const [r, c, d] = [loop("r", 4), loop("c", 3), loop("d", 3)];
    const body = [
      variable("row", constant("f32", 0), [3]),
      forLoop(c, [assign("row", load("f32", "x", at([r, 3], [c, 1])), [loopIndex(c)])]),
      forLoop(d, [store("y", at([r, 3], [d, 1]), name("f32", "row", [at([d, -1], 2)]))]),
    ];
    const kernel = kernelOf("k0_flip", [buffer("x", "f32", 12), buffer("y", "f32", 12, "write")], [nestOf([r], body)]);
    expect(source(kernel)).toMatchInlineSnapshot(`
      "const row = new Float32Array(3);
      function k0_flip(x, y) {
        for (let r = 0; r < 4; r++) {
          row.fill(0);
          const at0 = r * 3;
          for (let c = 0; c < 3; c++) {
            row[c] = x[at0 + c];
          }
          for (let d = 0; d < 3; d++) {
            y[at0 + d] = row[2 - d];
          }
        }
      }"
    `);
    expectAgreement(kernel, new Map([["x", noise(12)]]));
  });

  test("names that JavaScript or the module takes are spelled otherwise", () => {
    const i = loop("for", 2);
    const body = [
      letValue("fround", load("f32", "new", loopIndex(i))),
      letValue("k0", apply("sqrt", apply("abs", name("f32", "fround")))),
    ];
    const kernel = kernelOf(
      "class",
      [buffer("new", "f32", 2), buffer("return", "f32", 2, "write")],
      [nestOf([i], [...body, store("return", loopIndex(i), apply("mul", name("f32", "k0"), name("f32", "k0")))])],
    );
    expectAgreement(kernel, new Map([["new", noise(2)]]));
    expect(new JsPrinter().print([kernel, { ...kernel }]).names).toEqual(["class_", "class__1"]);
  });
});

describe("modules", () => {
  test("an ES module exports the kernels, a factory returns them", async () => {
    const kernel = mapKernel([["x", "f32"]], "f32", 2, (i) => apply("tanh", load("f32", "x", i)));
    const text = moduleText(new JsPrinter().print([kernel]));
    const module: unknown = await import(`data:text/javascript,${encodeURIComponent(text)}`);
    const { k0_map: run } = module as { k0_map: (x: Float32Array, y: Float32Array) => void };
    const y = new Float32Array(2);
    run(new Float32Array([0, 100]), y);
    expect([...y]).toEqual([0, 1]);
    expect(factoryText(new JsPrinter().print([kernel])).trim()).toMatch(/return \[k0_map\];$/);
  });

  test("a routine is written where it is used: calling a function could box its numbers", () => {
    const kernel = mapKernel([["x", "f32"]], "f32", 2, (i) => apply("exp", load("f32", "x", i)));
    const text = moduleText(new JsPrinter().print([kernel, { ...kernel, name: "k1_map" }]));
    expect(text).not.toMatch(/^function exp/m);
    expect(text).toMatch(/y\[i\] = exp;/);
  });

  test("behind a guard a routine is a function, printed once for all kernels", () => {
    const kernel = mapKernel([["x", "f32"]], "f32", 2, (i) => apply("exp", load("f32", "x", i)));
    const guarded = {
      ...kernel,
      nests: kernel.nests.map((nest) => ({
        ...nest,
        body: nest.body.map((stmt) =>
          stmt.kind === "store" ? { ...stmt, guard: [{ index: stmt.at, extent: 1 }] } : stmt,
        ),
      })),
    };
    const text = moduleText(new JsPrinter().print([guarded, { ...guarded, name: "k1_map" }]));
    expect(text.match(/^function exp\w*\(/gm)).toHaveLength(1);
    expectAgreement(guarded, new Map([["x", noise(2)]]));
  });
});

describe("indexes", () => {
  const through = (
    index: Parameters<typeof load>[2],
    i: ReturnType<typeof loop>,
    extra: readonly ReturnType<typeof loop>[] = [],
  ) =>
    kernelOf(
      "k0_view",
      [buffer("x", "f32", 60), buffer("y", "f32", 60, "write")],
      [nestOf([i, ...extra], [store("y", loopIndex(i), load("f32", "x", index))])],
    );

  test("divisions and remainders, by powers of two and others", () => {
    const i = loop("i", 60);
    const of = loopIndex(i);
    for (const by of [4, 7]) {
      expectAgreement(through(floorDivIndex(of, by), i), new Map([["x", noise(60)]]));
      expectAgreement(through(modIndex(of, by), i), new Map([["x", noise(60)]]));
      const shifted = at([i, 1], -31);
      const low = at([i, 0], 31);
      expectAgreement(through(modIndex(shifted, by), i), new Map([["x", noise(60)]]));
      const floor = floorDivIndex(shifted, by);
      const up = modIndex(floor, 32);
      expectAgreement(through(up, i), new Map([["x", noise(60)]]));
      expect(low.kind).toBe("const");
    }
  });

  test("a flip", () => {
    const i = loop("i", 60);
    expectAgreement(through(at([i, -1], 59), i), new Map([["x", noise(60)]]));
  });

  test("a guarded load touches nothing outside and has a value of its own", () => {
    const [i, j] = [loop("i", 6), loop("j", 10)];
    const shifted = at([j, 1], -2);
    const guard = { bounds: [{ index: shifted, extent: 6 }], otherwise: constant("f32", -1) };
    const kernel = kernelOf(
      "k0_pad",
      [buffer("x", "f32", 36), buffer("y", "f32", 60, "write")],
      [nestOf([i, j], [store("y", at([i, 10], [j, 1]), load("f32", "x", at([i, 6], [j, 1], -2), guard))])],
    );
    expect(source(kernel)).toMatchInlineSnapshot(`
      "function k0_pad(x, y) {
        for (let i = 0; i < 6; i++) {
          const at0 = i * 10;
          const at1 = i * 6;
          for (let j = 0; j < 10; j++) {
            y[at0 + j] = j - 2 >= 0 && j - 2 < 6 ? x[at1 + j - 2] : -1;
          }
        }
      }"
    `);
    expectAgreement(kernel, new Map([["x", noise(36)]]));
  });

  test("rows picked by loaded indexes, under an if", () => {
    const [i, j] = [loop("i", 5), loop("j", 4)];
    const picked = load("i32", "ids", loopIndex(i));
    const row = rangedIndex(picked, 0, 6);
    const from = at([j, 1]);
    const index = pool.nodes.sum(
      [
        { factor: 4, index: row },
        { factor: 1, index: from },
      ],
      0,
      0,
      27,
    );
    const kernel = kernelOf(
      "k0_gather",
      [buffer("ids", "i32", 5), buffer("x", "f32", 28), buffer("y", "f32", 20, "write")],
      [
        nestOf(
          [i, j],
          [when(apply("ge", picked, constant("i32", 0)), [store("y", at([i, 4], [j, 1]), load("f32", "x", index))])],
        ),
      ],
    );
    expectAgreement(
      kernel,
      new Map<string, Int32Array | Float32Array>([
        ["ids", new Int32Array([6, 0, 3, 3, 1])],
        ["x", noise(28)],
      ]),
    );
  });
});

test("shared arrays, and stores with guards", () => {
  const [t, p, q] = [loop("t", 4), loop("p", 6), loop("q", 6)];
  const bound = {
    index: at([t, 6], [q, 1]),
    extent: 20,
  };
  const kernel = kernelOf(
    "k0_shared",
    [buffer("x", "f32", 24), buffer("y", "f32", 20, "write")],
    [
      {
        loops: [{ loop: t, mark: "thread" }],
        prelude: [letValue("two", convert("f32", constant("f64", 2)))],
        body: [
          forLoop(p, [store("panel", loopIndex(p), load("f32", "x", at([t, 6], [p, 1])))]),
          { kind: "barrier", of: "shared" },
          forLoop(q, [
            store("y", bound.index, apply("mul", name("f32", "two"), load("f32", "panel", at([q, -1], 5))), [bound]),
          ]),
        ],
      },
    ],
    { shared: [{ name: "panel", type: "f32", count: 6 }] },
  );
  expectAgreement(kernel, new Map([["x", noise(24)]]));
});
