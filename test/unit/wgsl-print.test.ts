/**
 * WGSL as text: small goldens, the rows of the quirk table, names, literals, launches and what is refused.
 */
import { describe, expect, test } from "vitest";
import { f32Text } from "../../codegen/wgsl/expr.ts";
import { gpuBytes } from "../../codegen/wgsl/layout.ts";
import { reservedNames, WgslNames } from "../../codegen/wgsl/names.ts";
import { printWgsl } from "../../codegen/wgsl/print.ts";
import { helperFor, legalize, legalizeKernel, quirks } from "../../codegen/wgsl/quirks.ts";
import type { Expr, Kernel } from "../../src/kernel/kernel.ts";
import { printExpr } from "../../src/kernel/print.ts";
import { apply, bitcast, constant, convert, load, loopIndex, name, store } from "../kernel-pool.ts";
import { mapKernel } from "./js-case.ts";
import {
  buffer,
  bytesAndMasks,
  columnSum,
  gather,
  kernelOf,
  loop,
  matmul,
  nest,
  reduction,
  scheduleWgsl,
} from "./wgsl-samples.ts";

const limits = { maxInvocations: 64, maxWorkgroupStorage: 16384, maxWorkgroupsPerDimension: 65535 };
const source = (kernel: Kernel): string => printWgsl(legalizeKernel(scheduleWgsl(kernel, limits))).source;
const main = (kernel: Kernel): string => source(kernel).slice(source(kernel).indexOf("@compute"));

describe("text", () => {
  test("bytes, halves and bools", () => {
    expect(main(bytesAndMasks(2, 3))).toMatchInlineSnapshot(`
      "@compute @workgroup_size(64)
      fn main(@builtin(workgroup_id) tl_id: vec3<u32>, @builtin(local_invocation_index) tl_lane: u32) {
        let tl_group = i32(tl_id.x);
        let flat_i: i32 = i32(tl_lane);
        if (flat_i < 6i) {
          let byte: u32 = extractBits(u[flat_i >> 2u], u32(flat_i & 3) * 8u, 8u);
          let even: bool = tl_mod_u32(byte, 2u) == 0u;
          y[2 * (flat_i % 3) + (flat_i / 3)] = f32(byte) / 255.0f;
          even_out[flat_i] = select(0u, 1u, even && (mask[flat_i] != 0u));
          hash[flat_i] = tl_rotate_left(byte * 2654435761u, 13u);
          let bits: u32 = min(255u - byte, 255u);
          atomicAnd(&inverted[flat_i >> 2u], ~(0xffu << (u32(flat_i & 3) * 8u)));
          atomicOr(&inverted[flat_i >> 2u], bits << (u32(flat_i & 3) * 8u));
          let bits_2: u32 = tl_to_half(unpack2x16float(h[flat_i >> 1u])[flat_i & 1] * 3.0f);
          atomicAnd(&half[flat_i >> 1u], ~(0xffffu << (u32(flat_i & 1) * 16u)));
          atomicOr(&half[flat_i >> 1u], bits_2 << (u32(flat_i & 1) * 16u));
        }
      }
      "
    `);
  });

  test("bf16: the upper half of an f32", () => {
    const kernel = mapKernel([["x", "bf16"]], "bf16", 3, (i) => load("f32", "x", i));
    expect(main(kernel)).toMatchInlineSnapshot(`
      "@compute @workgroup_size(64)
      fn main(@builtin(workgroup_id) tl_id: vec3<u32>, @builtin(local_invocation_index) tl_lane: u32) {
        let tl_group = i32(tl_id.x);
        let i_i: i32 = i32(tl_lane);
        if (i_i < 3i) {
          let bits: u32 = tl_to_brain(bitcast<f32>((x[i_i >> 1u] >> (u32(i_i & 1) * 16u)) << 16u));
          atomicAnd(&y[i_i >> 1u], ~(0xffffu << (u32(i_i & 1) * 16u)));
          atomicOr(&y[i_i >> 1u], bits << (u32(i_i & 1) * 16u));
        }
      }
      "
    `);
  });

  test("a guarded load touches no memory where its guard fails", () => {
    expect(main(gather(2, 3, 4))).toMatchInlineSnapshot(`
      "@compute @workgroup_size(64)
      fn main(@builtin(workgroup_id) tl_id: vec3<u32>, @builtin(local_invocation_index) tl_lane: u32) {
        let tl_group = i32(tl_id.x);
        let flat_i: i32 = i32(tl_lane);
        if (flat_i < 6i) {
          y[flat_i] = table[3 * ids[flat_i / 3] + (flat_i % 3)];
          var guarded: f32 = -1.0f;
          if ((-flat_i + 8) >= 0 && (-flat_i + 8) < 6) {
            guarded = v[-flat_i + 8];
          }
          z[flat_i] = guarded;
          blocks[flat_i] = 100 * tl_floor_mod(-flat_i + 3, 7) - (flat_i / 3) + 2;
        }
      }
      "
    `);
  });

  test("bindings: read_write unless the caller knows better", () => {
    const kernel = scheduleWgsl(gather(2, 3, 4), limits);
    const printed = printWgsl(kernel, { access: (param) => (param === "ids" ? "read" : "read_write") });
    expect(printed.source.match(/@binding.*/g)).toEqual([
      "@binding(0) var<storage, read> ids: array<i32, 2>;",
      "@binding(1) var<storage, read_write> table: array<f32, 12>;",
      "@binding(2) var<storage, read_write> v: array<f32, 6>;",
      "@binding(3) var<storage, read_write> y: array<f32, 6>;",
      "@binding(4) var<storage, read_write> z: array<f32, 6>;",
      "@binding(5) var<storage, read_write> blocks: array<i32, 6>;",
    ]);
    expect(() => printWgsl(kernel, { access: () => "read" })).toThrow("y is written, but bound as read");
  });
});

describe("launch", () => {
  test("workgroups beyond one dimension are folded, and those left over do nothing", () => {
    const kernel = scheduleWgsl(columnSum(3, 1000), limits);
    expect(printWgsl(kernel).workgroups).toEqual([16, 1, 1]);
    const folded = printWgsl(kernel, { maxWorkgroupsPerDimension: 7 });
    expect(folded.workgroups).toEqual([6, 3, 1]);
    expect(folded.source).toContain("let tl_group = i32(tl_id.x + 6u * tl_id.y);\n  if (tl_group < 16) {");
    expect(() => printWgsl(kernel, { maxWorkgroupsPerDimension: 3 })).toThrow("more than the GPU can launch");
  });

  test("registers of a tile are variables of their own, none of them an array", () => {
    const { source } = printWgsl(scheduleWgsl(matmul(128, 128, 32), limits));
    expect(source).toMatch(/acc_1_0 = acc_1_0 \+ \(a\w*_1 \* b\w*_0\);/);
    expect(source).not.toMatch(/^ *var \w+: array/m);
  });

  test("nothing to do is no workgroup", () => {
    expect(printWgsl(scheduleWgsl(columnSum(3, 0), limits)).workgroups).toEqual([0, 1, 1]);
  });

  test("a kernel that was not scheduled is refused", () => {
    expect(() => printWgsl(columnSum(3, 4))).toThrow("not scheduled for a GPU");
  });
});

describe("quirks", () => {
  const [x, y] = [name("f32", "x"), name("f32", "y")];
  const [i, j, u] = [name("i32", "i"), name("i32", "j"), name("u32", "u")];
  const rows: Readonly<Record<string, readonly (readonly [Expr, string])[]>> = {
    "NaN test": [
      [apply("ne", x, x), "(bitcast<u32>(x) & 2147483647u) > 2139095040u"],
      [apply("eq", x, x), "not((bitcast<u32>(x) & 2147483647u) > 2139095040u)"],
    ],
    "times 0": [
      [
        apply("mul", x, 0),
        "select((bitcast<u32>(x) & 2147483647u) < 2139095040u, bitcast<f32>(bitcast<u32>(x) & 2147483648u), NaNf)",
      ],
      [
        apply("mul", -0, x),
        "select((bitcast<u32>(x) & 2147483647u) < 2139095040u, bitcast<f32>((bitcast<u32>(x) & 2147483648u) ^ 2147483648u), NaNf)",
      ],
    ],
    "0 over something": [
      [
        apply("div", 0, x),
        "select(((bitcast<u32>(x) & 2147483647u) - 1u) < 2139095040u, bitcast<f32>(bitcast<u32>(x) & 2147483648u), NaNf)",
      ],
    ],
    "unequal floats": [[apply("ne", x, y), "not(x == y)"]],
    "shift counts": [
      [apply("shiftLeft", i, j), "i << (j & 31)"],
      [apply("shiftRight", u, constant("u32", 33)), "u >> 1u"],
      [apply("shiftRight", i, constant("i32", -1)), "i >> 31"],
    ],
    "rotation of i32": [[apply("rotateLeft", i, j), "bitcast<i32>(rotateLeft(bitcast<u32>(i), bitcast<u32>(j)))"]],
    "negated u32": [[apply("neg", u), "0u - u"]],
    "magnitude of u32": [[apply("abs", u), "u"]],
    "sign of u32": [[apply("sign", u), "min(u, 1u)"]],
    "number to bool": [[convert("bool", x), "not(x == 0f)"]],
    "bool to number": [[convert("f32", name("bool", "b")), "select(b, 1f, 0f)"]],
    "i32 to u32": [[convert("u32", i), "bitcast<u32>(max(i, 0))"]],
    "u32 to i32": [[convert("i32", u), "bitcast<i32>(min(u, 2147483647u))"]],
  };

  test.each(quirks.map((quirk) => quirk.name))("%s", (quirk) => {
    const samples = rows[quirk] ?? [];
    expect(samples.length).toBeGreaterThan(0);
    for (const [before, after] of samples) {
      expect(printExpr(legalize(before))).toBe(after);
      expect(printExpr(legalize(legalize(before)))).toBe(after);
    }
  });

  test("inside an index, and inside one another", () => {
    const nested = apply("ne", convert("f32", apply("ne", x, x)), y);
    expect(printExpr(legalize(nested))).toBe("not(select((bitcast<u32>(x) & 2147483647u) > 2139095040u, 1f, 0f) == y)");
  });

  test("helpers stand for max, min, casts of floats and integer division", () => {
    const all = [apply("max", x, y), apply("max", i, j), convert("i32", x), apply("div", u, u), apply("div", x, y)];
    expect(all.map(helperFor)).toEqual(["tl_max", undefined, "tl_f32_to_i32", "tl_div_u32", undefined]);
  });
});

describe("names", () => {
  test("are never a word of WGSL, one of ours, or given twice", () => {
    const names = new WgslNames();
    const given = [...reservedNames, "tl_max", "_", "__x", "9lives", "a b", "a_b", "x", "main"].map((word) => {
      return names.declare(word);
    });
    expect(new Set(given).size).toBe(given.length);
    for (const identifier of given) {
      expect(identifier).toMatch(/^[A-Za-z]\w*$/);
      expect(identifier.startsWith("tl_") || reservedNames.has(identifier)).toBe(false);
    }
    expect(names.of("x")).toBe("x");
  });

  test("of a kernel may be any", () => {
    const i = loop("loop", 3);
    const kernel = kernelOf(
      "k",
      [buffer("read", "texture", 3), buffer("write", "array", 3)],
      [nest([i], [store("array", loopIndex(i), load("f32", "texture", loopIndex(i)))])],
    );
    expect(source(kernel)).toContain("n_array[loop_i] = texture[loop_i];");
  });
});

describe("literals", () => {
  test("give the same f32 back", () => {
    expect([1, -1.5, 0.1, 16777217, 3e38, 1e-30].map((value) => f32Text(Math.fround(value)))).toEqual([
      "1.0f",
      "-1.5f",
      "0.1f",
      "16777216.0f",
      "3e+38f",
      "1e-30f",
    ]);
    expect([-0, 1e-45].map((value) => f32Text(Math.fround(value)))).toEqual([
      "bitcast<f32>(0x80000000u)",
      "bitcast<f32>(0x00000001u)",
    ]);
    for (let n = 0; n < 2000; n += 1) {
      const value = Math.fround(Math.tan(n) * 10 ** ((n % 60) - 30));
      const text = f32Text(value) ?? "";
      if (!text.startsWith("bitcast")) expect(Math.fround(Number(text.slice(0, -1)))).toBe(value);
    }
  });

  test("that are infinite or NaN are not constants of WGSL", () => {
    expect(source(reduction(1))).toContain("bitcast<f32>(0xff800000u | tl_zero)");
    const i = loop("i", 3);
    const nan = bitcast("u32", constant("f32", Number.NaN));
    const kernel = kernelOf("k", [buffer("write", "y", 3, "u32")], [nest([i], [store("y", loopIndex(i), nan)])]);
    expect(source(kernel)).toContain("bitcast<u32>(bitcast<f32>(0x7fc00000u | tl_zero))");
  });
});

describe("memory", () => {
  test("is whole words, at least one", () => {
    expect((["f32", "i32", "u32", "bool"] as const).map((dtype) => gpuBytes(dtype, 5))).toEqual([20, 20, 20, 20]);
    expect([gpuBytes("u8", 5), gpuBytes("f16", 5), gpuBytes("f32", 0)]).toEqual([8, 12, 4]);
  });

  test("there is no f64", () => {
    expect(() => gpuBytes("f64", 1)).toThrow("the wgsl target has no f64");
    const i = loop("i", 3);
    const wide = convert("f32", convert("f64", load("f32", "x", loopIndex(i))));
    const buffers = [buffer("read", "x", 3), buffer("write", "y", 3)];
    expect(() => source(kernelOf("k", buffers, [nest([i], [store("y", loopIndex(i), wide)])]))).toThrow("no f64");
  });
});
