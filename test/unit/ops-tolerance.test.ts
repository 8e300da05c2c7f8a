/**
 * The tolerances of the op table: what they say in docs/semantics.md, and how they add up along a graph.
 */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { roundingsInBlocks, type Tolerance } from "../../codegen/tolerance.ts";
import { plannedTargets } from "../../src/eager-targets.ts";
import { builder } from "../../src/graph/build.ts";
import type { Entry } from "../../src/graph/entry.ts";
import type { ErrorClass } from "../../src/graph/error-class.ts";
import { createGraph } from "../../src/graph/graph.ts";
import { type NdArray, ndarray } from "../../src/graph/ndarray.ts";
import type { Build, Node } from "../../src/graph/node.ts";
import { type TargetName, targetNames } from "../../src/kernel/target.ts";
import { errorBounds, ulpOf } from "../error-bound.ts";
import { knownOps } from "../op-gaps.ts";
import { inputNode } from "./oracle.ts";

/** The table of docs/semantics.md: ops that have the same tolerances share a row. */
function toleranceTable(): string {
  const shared = new Map<string, string[]>();
  for (const op of knownOps()) {
    const { tolerance = "exact" } = op;
    const cells = targetNames
      .map((target) => printTolerance(plannedTargets[target].tolerances[tolerance], tolerance))
      .join(" | ");
    shared.set(cells, [...(shared.get(cells) ?? []), `\`${op.name}\``]);
  }
  const rows = [...shared].map(([cells, names]) => `| ${[...new Set(names)].join(" ")} | ${cells} |`);
  return [`| ops | ${targetNames.join(" | ")} |`, `| --- |${" --- |".repeat(targetNames.length)}`, ...rows].join("\n");
}

function printTolerance({ ulps, absolute, unit, inBlocks }: Tolerance, kind: ErrorClass): string {
  const power = (value: number): string => `2^${Math.log2(value)}`;
  const terms = [
    ...(ulps === 0 ? [] : [`${Number(ulps.toFixed(9))} ulp`]),
    ...(unit === 0 ? [] : [`${kind === "running" ? "P" : `(${inBlocks ? "R" : "K"} + 8)`} · ${power(unit)} · Σ`]),
    ...(absolute === 0 ? [] : [power(absolute)]),
  ];
  return terms.length === 0 ? "exact" : terms.join(" + ");
}

test("docs/semantics.md has the tolerances of the op table", () => {
  const page = readFileSync(new URL("../../docs/semantics.md", import.meta.url), "utf8");
  const table = toleranceTable();
  expect(page.includes(table), `the section "Tolerances" should have this table:\n${table}`).toBe(true);
});

test("an ulp is the distance between neighbours", () => {
  expect(ulpOf("f32", 1)).toBe(2 ** -23);
  expect(ulpOf("f32", -3.9)).toBe(2 ** -22);
  expect(ulpOf("f32", 0)).toBe(2 ** -149);
  expect(ulpOf("f32", 2 ** -130)).toBe(2 ** -149);
  expect(ulpOf("f16", 1)).toBe(2 ** -10);
  expect(ulpOf("f64", 1)).toBe(2 ** -52);
  expect(ulpOf("i32", 5)).toBe(0);
  expect(ulpOf("f32", Number.POSITIVE_INFINITY)).toBe(0);
});

// ---- along a graph -------------------------------------------------------------------------------------------------

/** The bounds of what is made of f32 inputs with these numbers. */
function boundsOf(
  numbers: readonly (readonly number[])[],
  make: (b: Build, inputs: readonly Node[]) => Node,
  target: TargetName = "js",
): number[] {
  const graph = createGraph();
  const b = builder(graph);
  const inputs = numbers.map((list, i) => inputNode(b, `x${i}`, "f32", [list.length]));
  const entry: Entry = { name: "e", graph, outputs: [{ name: "y", node: make(b, inputs) }], next: [] };
  const given = new Map(numbers.map((list, i): [string, NdArray] => [`x${i}`, ndarray("f32", [list.length], list)]));
  return [...(errorBounds(entry, given, plannedTargets[target].tolerances).get("y")?.bound ?? [])];
}

const tenth = Math.fround(0.1);
const half = 2 ** -24;

describe("the tolerance of a chain", () => {
  test("one op: half an ulp of its result on js, one and the flushed numbers on wgsl", () => {
    const product = (b: Build, [x, y]: readonly Node[]): Node => b.map("mul", x as Node, y as Node);
    expect(boundsOf([[tenth], [1.1]], product)[0]).toBeCloseTo(2 ** -28, 15);
    expect(boundsOf([[tenth], [1.1]], product, "wgsl")[0]).toBeCloseTo(2 ** -27, 15);
  });

  test("a result that needs no rounding is exact, and so is a number that is only moved", () => {
    expect(boundsOf([[0.5, 2]], (b, [x]) => b.map("add", x as Node, x as Node), "wgsl")).toEqual([0, 0]);
    expect(boundsOf([[tenth, 2]], (b, [x]) => b.flip(x as Node, [0]))).toEqual([0, 0]);
    expect(boundsOf([[tenth, 2]], (b, [x]) => b.map("lt", x as Node, b.fill(x as Node, 1)))).toEqual([0, 0]);
  });

  test("an error on the way is taken along by the slope of what follows", () => {
    // (x * x) * 1000: half an ulp of x * x, a thousand times, and half an ulp of the result
    const [bound] = boundsOf([[tenth]], (b, [x]) => {
      const square = b.map("mul", x as Node, x as Node);
      return b.map("mul", square, b.fill(square, 1000));
    });
    expect(bound).toBeCloseTo(1000 * 2 ** -31 + 2 ** -21, 12);
  });

  test("a comparison that the errors of its operand can turn is not held to either answer", () => {
    const turned = boundsOf([[tenth]], (b, [x]) => {
      const square = b.map("mul", x as Node, x as Node);
      return b.map("gt", square, b.fill(square, tenth * tenth));
    });
    expect(turned).toEqual([1]);
  });

  test("a long sum: its bound grows with the logarithm of its length", () => {
    const units = [1024, 1025, 1e5, 1e6, 1e7, 1e9].map((terms) => roundingsInBlocks(terms) / 1024);
    expect(units).toEqual([1, 2, 2, 3, 3, 4]);
    const sum = (b: Build, [x]: readonly Node[]): Node => b.reduce("sum", x as Node, [0]);
    const [bound] = boundsOf([Array(5000).fill(0.5 + 2 ** -20)], sum, "wasm");
    expect(bound).toBeCloseTo((2 * 1024 + 8) * half * 2500, 4);
  });

  test("a sum: (K + 8) units of the accumulator of sum|terms|, however much cancels", () => {
    const numbers = [0.3, -0.3, 0.7, -0.7];
    const sum = (b: Build, [x]: readonly Node[]): Node => b.reduce("sum", x as Node, [0]);
    expect(boundsOf([numbers], sum, "wgsl")[0]).toBeCloseTo(12 * half * 2, 12);
    expect(boundsOf([numbers], sum, "js")[0]).toBeLessThan(1e-14);
    expect(boundsOf([[3, -4, 5]], sum, "wgsl")).toEqual([0]); // few whole numbers: exact in any order
  });

  test("where an operand's error reaches out of a function's domain on both sides, nothing is known", () => {
    const power = (b: Build, [x, y]: readonly Node[]): Node => {
      return b.map("pow", x as Node, b.reshape(b.reduce("sum", y as Node, [0]), [1]));
    };
    expect(boundsOf([[-2], [1.5, 1.5]], power, "wgsl")).toEqual([Number.POSITIVE_INFINITY]);
    expect(boundsOf([[-2], [1, 2]], power, "wgsl")[0]).toBeLessThan(1e-5);
  });
});
