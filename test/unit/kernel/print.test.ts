import { describe, expect, test } from "vitest";
import type { Expr } from "../../../src/kernel/kernel.ts";
import { printExpr, printKernel, printStmts } from "../../../src/kernel/print.ts";
import { printSequence } from "../../../src/program/print.ts";
import { bufferOf } from "../../buffers.ts";
import * as b from "../../kernel-pool.ts";
import { constIndex, floorDivIndex, modIndex, rangedIndex, scaleIndex, sumIndex } from "../../kernel-pool.ts";
import { matmulRelu, tiledMatmulRelu, treeSum } from "./kernels.ts";
import { at, buffer, kernel, loopVar, nest } from "./notation.ts";

describe("indexes", () => {
  const [i, j] = [at(loopVar("i", 100)), at(loopVar("j", 7))];
  const sum = sumIndex(
    [
      { factor: 512, index: i },
      { factor: -1, index: j },
    ],
    -3,
  );

  test.each([
    [constIndex(-4), "-4"],
    [sum, "512*i - j - 3"],
    [scaleIndex(j, -2), "-2*j"],
    [floorDivIndex(sum, 5), "(512*i - j + 2) / 5 - 1"],
    [scaleIndex(floorDivIndex(i, 3), 4), "4*(i / 3)"],
    [modIndex(i, 4), "i % 4"],
    [modIndex(floorDivIndex(i, 3), 4), "(i / 3) % 4"],
    [rangedIndex(b.load("i32", "label", i), 0, 9), "int(label[i])"],
  ])("%#: $1", (index, text) => {
    expect(printExpr(index)).toBe(text);
  });
});

describe("expressions", () => {
  const x = b.load("f32", "x", at(loopVar("i", 4)));

  test.each<[Expr, string]>([
    [b.constant("f32", 0.1), "0.1f"],
    [b.constant("f32", 1 / 3), "0.33333334f"],
    [b.constant("f32", 16777217), "16777216f"],
    [b.constant("f64", 0.1), "0.1d"],
    [b.constant("f64", -0), "-0d"],
    [b.constant("f32", -0), "-0f"],
    [b.constant("f32", Number.NaN), "NaNf"],
    [b.constant("f64", Number.NEGATIVE_INFINITY), "-Infinityd"],
    [b.constant("i32", 1), "1"],
    [b.constant("u32", 1), "1u"],
    [b.constant("bool", 1), "true"],
    [{ ...b.constant("f32", 0), value: 0.1 }, "0.1!f"],
    [b.name("f32", "acc", [constIndex(0), at(loopVar("j", 4))]), "acc[0][j]"],
    [b.apply("lt", b.addIndex(b.scaleIndex(at(loopVar("i", 4)), 8), at(loopVar("j", 8))), 5), "(8*i + j) < 5"],
    [b.apply("mul", b.apply("add", x, x), x), "(x[i] + x[i]) * x[i]"],
    [b.apply("max", x, b.constant("f32", 0)), "max(x[i], 0f)"],
    [b.apply("select", b.apply("lt", x, x), x, x), "select(x[i] < x[i], x[i], x[i])"],
    [b.convert("f64", x), "f64(x[i])"],
    [b.bitcast("u32", x), "bitcast<u32>(x[i])"],
    [
      b.load("f32", "x", constIndex(9), {
        bounds: [{ index: at(loopVar("i", 4)), extent: 3 }],
        otherwise: b.constant("f32", 0),
      }),
      "guarded(0 <= i < 3 ? x[9] : 0f)",
    ],
  ])("%#: $1", (expr, text) => {
    expect(printExpr(expr)).toBe(text);
  });

  test("text tells expressions apart", () => {
    const values = [0, -0, 1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e-45, 3.4e38];
    const constants = (["f32", "f64", "i32", "u32", "bool"] as const).flatMap((type) =>
      values.map((value) => b.constant(type, value)),
    );
    const spelled = (c: Expr): string =>
      c.kind === "const" ? `${c.type} ${Object.is(c.value, -0) ? "-0" : c.value}` : "";
    expect(new Set(constants.map(printExpr)).size).toBe(new Set(constants.map(spelled)).size);
    const y = b.name("f32", "y");
    const shapes = [
      b.apply("sub", b.apply("sub", x, y), y),
      b.apply("sub", x, b.apply("sub", y, y)),
      b.apply("neg", b.constant("f32", 1)),
      b.constant("f32", -1),
    ];
    expect(new Set(shapes.map(printExpr)).size).toBe(shapes.length);
  });
});

test("a matmul", () => {
  expect(printKernel(matmulRelu(128, 512, 784))).toMatchInlineSnapshot(`
    "kernel matmul_relu(read x: f32[100352], read w: f32[401408], write y: f32[65536])
      parallel i < 128, j < 512
        var acc: f64 = 0d
        for k < 784
          acc = acc + f64(x[784*i + k] * w[512*k + j])
        let sum: f32 = f32(acc)
        y[512*i + j] = max(sum, 0f)"
  `);
});

test("a tiled matmul", () => {
  expect(printKernel(tiledMatmulRelu(20, 20, 20, 16))).toMatchInlineSnapshot(`
    "kernel matmul_relu(read x: f32[400], read w: f32[400], write y: f32[400])
      // tile acc over i, j 16 deep
      shared xs: f32[256]
      shared ws: f32[256]
      workgroup wi < 2, wj < 2
        invocation ii < 16, jj < 16
          var acc: f64 = 0d
          for kt < 2
            xs[16*ii + jj] = guarded(0 <= 16*wi + ii < 20 && 0 <= 16*kt + jj < 20 ? x[320*wi + 20*ii + 16*kt + jj] : 0f)
            ws[16*ii + jj] = guarded(0 <= 16*kt + ii < 20 && 0 <= 16*wj + jj < 20 ? w[320*kt + 20*ii + 16*wj + jj] : 0f)
            barrier
            for kk < 16 unrolled
              acc = acc + f64(xs[16*ii + kk] * ws[16*kk + jj])
            barrier
          y[320*wi + 20*ii + 16*wj + jj] = max(f32(acc), 0f) where 0 <= 16*wi + ii < 20 && 0 <= 16*wj + jj < 20"
  `);
});

test("a tree sum", () => {
  expect(printKernel(treeSum(3, 4))).toMatchInlineSnapshot(`
    "kernel tree_sum(read x: f32[12], write total: f32[3])
      shared part: f32[4]
      workgroup g < 3
        invocation t < 4
          part[t] = x[4*g + t]
          barrier
          if t < 2
            part[t] = part[t] + part[t + 2]
          barrier
          if t < 1
            part[t] = part[t] + part[t + 1]
          barrier
          if t == 0
            total[g] = part[0]"
  `);
});

test("nests, preludes and marks", () => {
  const [i, l] = [loopVar("i", 8), loopVar("l", 4)];
  const scale = b.letValue("scale", b.apply("exp", b.load("f32", "rate", constIndex(0))));
  const body = [
    b.variable("acc", b.constant("f32", 0), [2, 2]),
    b.forLoop(l, [b.assign("acc", b.name("f32", "scale"), [constIndex(0), constIndex(1)])], "lane"),
  ];
  const many = kernel(
    "many",
    [buffer("update", "w", 8, "u8"), buffer("read", "rate", 1)],
    [nest([["thread", i]], body, [scale]), nest([], [b.store("w", constIndex(0), b.constant("u32", 1))])],
  );
  expect(printKernel(many)).toMatchInlineSnapshot(`
    "kernel many(update w: u8[8], read rate: f32[1])
      nest
        prelude
          let scale: f32 = exp(rate[0])
        thread i < 8
          var acc[2][2]: f32 = 0f
          for l < 4 lane
            acc[0][1] = scale
      nest
        once
          w[0] = 1u"
  `);
});

test("statements at a depth, and sequences", () => {
  expect(printStmts([b.barrier, b.when(b.constant("bool", 1), [b.barrier])], 1)).toBe(
    "  barrier\n  if true\n    barrier",
  );
  const one = b.constant("f32", 1);
  expect(printStmts([b.exchange("a", one, { bits: "flipped", mask: 16, size: 32 })])).toBe("exchange a: f32 = 1f of ^16 in 32"); // biome-ignore format: one line
  expect(printStmts([b.exchange("a", one, { bits: "cleared", mask: 3, size: 4 })])).toBe("exchange a: f32 = 1f of & ~3 in 4"); // biome-ignore format: one line
  const launch = {
    kind: "launch",
    id: 0,
    name: "k4_contract_max",
    kernel: matmulRelu(1, 1, 1),
    bindings: [{ param: "x", buffer: bufferOf("image", 1, "input") }],
    iterations: [],
    nodes: [],
  } as const;
  const copy = { kind: "copy", id: 1, from: bufferOf("%7", 1), to: bufferOf("model.w", 1, "state") } as const;
  const text = printSequence([launch, copy]);
  expect(text).toMatchInlineSnapshot(`
    "launch k4_contract_max(x: input image) as matmul_relu
    copy %7 to state model.w"
  `);
});
