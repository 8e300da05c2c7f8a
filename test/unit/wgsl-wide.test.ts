/** Which neighbours become one access of memory in WGSL, as types of arrays and as text; what a GPU computes is test/gpu/cases/wide.ts. */
import { describe, expect, test } from "vitest";
import { alignedExpr } from "../../codegen/wgsl/aligned.ts";
import { printWgsl } from "../../codegen/wgsl/print.ts";
import { legalizeKernel } from "../../codegen/wgsl/quirks.ts";
import { checkKernel } from "../../src/kernel/check.ts";
import { evaluateKernel } from "../../src/kernel/evaluate.ts";
import type { Expr, Index } from "../../src/kernel/kernel.ts";
import { printSchedules } from "../../src/kernel/moves.ts";
import { printExpr } from "../../src/kernel/print.ts";
import { rewriting } from "../../src/kernel/rewrite.ts";
import { apply, convert, floorDivIndex, loopIndex, modIndex, store, sumIndex } from "../kernel-pool.ts";
import { at, buffer, feedsFor, kernelOf, loop, nest, scheduleWgsl, softmax } from "./wgsl-samples.ts";
import { wideSamples } from "./wgsl-wide-samples.ts";

describe("arrays", () => {
  test.each(wideSamples.map((sample) => [sample.title, sample] as const))("%s", (_, { kernel, plain, types }) => {
    expect(checkKernel(kernel)).toBeNull();
    const { source } = printWgsl(legalizeKernel(kernel));
    const found = [...source.matchAll(/^(?:@.*)?var<(?:storage|workgroup)[^>]*> (\w+): (.*);/gm)].map(
      ([, array, type]) => [array, type],
    );
    expect(Object.fromEntries(found)).toEqual(types);
    const [expected, actual] = [feedsFor(plain), feedsFor(plain)];
    evaluateKernel(plain, expected);
    evaluateKernel(legalizeKernel(kernel), actual);
    expect(actual).toEqual(expected);
  });
});

test("as text: loads where the first is needed, a store where the last one stands", () => {
  const [first] = wideSamples;
  const source = first === undefined ? "" : printWgsl(legalizeKernel(first.kernel)).source;
  expect(source.slice(source.indexOf("@compute"))).toMatchInlineSnapshot(`
    "@compute @workgroup_size(256)
    fn main(@builtin(workgroup_id) tl_id: vec3<u32>, @builtin(local_invocation_index) tl_lane: u32) {
      let tl_group = i32(tl_id.x);
      let flat_i: i32 = i32(tl_lane);
      if (flat_i < 18i) {
        let x_wide: vec4<f32> = x[flat_i];
        let b_wide: vec4<f32> = b[flat_i % 3];
        let y_wide: vec4<f32> = y[flat_i];
        let y_2: f32 = (x_wide.x + b_wide.x) + y_wide.x;
        let u_wide: u32 = u[flat_i];
        let v_2: u32 = min(extractBits(u_wide, 0u, 8u) + 7u, 255u);
        let y_3: f32 = (x_wide.y + b_wide.y) + y_wide.y;
        let v_3: u32 = min(extractBits(u_wide, 8u, 8u) + 7u, 255u);
        let y_4: f32 = (x_wide.z + b_wide.z) + y_wide.z;
        let v_4: u32 = min(extractBits(u_wide, 16u, 8u) + 7u, 255u);
        let y_5: f32 = (x_wide.w + b_wide.w) + y_wide.w;
        y[flat_i] = vec4<f32>(y_2, y_3, y_4, y_5);
        let v_5: u32 = min(extractBits(u_wide, 24u, 8u) + 7u, 255u);
        v[flat_i] = v_2 | (v_3 << 8u) | (v_4 << 16u) | (v_5 << 24u);
      }
    }
    "
  `);
});

test("a short row is read once, however often it is gone through, and written in place", () => {
  const kernel = scheduleWgsl(softmax(2 ** 14, 8), { maxInvocations: 256, maxWorkgroupStorage: 16384 });
  expect(printSchedules(kernel.schedule)).toBe("split r 64 guard; bind r_i invocation; bind r_o workgroup; hold 8");
  const { source } = printWgsl(legalizeKernel(kernel));
  expect([...source.matchAll(/= x\[/g)].length).toBe(2);
  expect([...source.matchAll(/ x\[.*\] = /g)].length).toBe(2);
  // Long rows are shared: what a lane has of one is its own all the time.
  const long = scheduleWgsl(softmax(4096, 2048), { maxInvocations: 256, maxWorkgroupStorage: 16384 });
  expect(printSchedules(long.schedule)).toMatch(/^team 1 rows x 256 lanes along by 4; .*; hold 8$/);
  const shared = printWgsl(legalizeKernel(long)).source;
  expect([...shared.matchAll(/= x\[/g)].length).toBe(2);
  expect([...shared.matchAll(/ x\[.*\] = /g)].length).toBe(2);
  // Few rows wait for the longest chain of an invocation: loops stay loops.
  const few = scheduleWgsl(softmax(128, 8), { maxInvocations: 256, maxWorkgroupStorage: 16384 });
  expect(printSchedules(few.schedule)).not.toContain("hold");
});

describe("what neighbours decide alike", () => {
  const [rows, columns] = [loop("i", 100), loop("j", 7)];
  const [i, j] = [loopIndex(rows), loopIndex(columns)];
  const sum = (...[a, b, offset]: readonly [number, number, number]): Index =>
    sumIndex(
      [
        { factor: a, index: i },
        { factor: b, index: j },
      ],
      offset,
    );

  const { expr: align } = rewriting((expr) => alignedExpr(expr) ?? expr);
  /** For all i and j. */
  const valuesOf = (expr: Expr): ArrayLike<number> | undefined => {
    const body = [store("y", at([7, rows], [1, columns]), convert("i32", expr))];
    const kernel = kernelOf("values", [buffer("write", "y", 700, "i32")], [nest([rows, columns], body)]);
    const feeds = feedsFor(kernel);
    evaluateKernel(kernel, feeds);
    return feeds.get("y")?.data;
  };

  test.each([
    ["a remainder", modIndex(sum(4, 8, 3), 12), "4*((2*j + i) % 3) + 3"],
    ["a quotient", floorDivIndex(sum(4, -8, 3), 12), "(i - 2*j) / 3"],
    ["a negative offset", floorDivIndex(sum(4, 8, -1), 12), "(2*j + i + 2) / 3 - 1"],
    ["a bound", apply("lt", sum(4, 8, 3), 20), "(2*j + i) < 5"],
  ] as const)("%s", (_, expr, text) => {
    const aligned = align(expr);
    expect(printExpr(aligned)).toBe(text);
    expect(valuesOf(aligned)).toEqual(valuesOf(expr));
  });

  test.each([
    ["no divisor is common", modIndex(sum(4, 3, 0), 12)],
    ["the limit is prime to it", floorDivIndex(sum(4, 8, 1), 9)],
    ["a limit between", apply("lt", sum(4, 8, 3), 19)],
  ] as const)("not where %s", (_, expr) => expect(align(expr)).toBe(expr));
});
