/**
 * The example derivatives.ts prints what the table of workloads says, B1 to B9, and the functions it uses hold elsewhere.
 */
import { beforeAll, expect, test } from "vitest";
import {
  add,
  evaluate,
  exp,
  f32,
  formula,
  full,
  grad,
  gradientDistance,
  jacobian,
  mul,
  numericGradient,
  pow,
  sin,
  sum,
  type Tensor,
} from "../../src/index.ts";
import { runScript } from "./run-script.ts";

let printed: readonly string[] = [];

beforeAll(async () => {
  const { code, stdout, stderr } = await runScript("src/tools/cli/main.ts", ["run", "examples/derivatives.ts"]);
  expect(stderr).toBe("");
  expect(code).toBe(0);
  printed = stdout.trim().split("\n");
});

const lineOf = (name: string) => printed.filter((line) => line.startsWith(`${name} `)).join("\n");

/** All numbers behind a mark in a line. */
function numbersBehind(line: string, mark: string): number[] {
  const list = line.slice(line.indexOf(mark) + mark.length).match(/^\[([^\]]*)\]/)?.[1] ?? "";
  return list.split(",").map(Number);
}

test("B1 to B3, B5 to B7: the table, to the digit", () => {
  expect(lineOf("B1")).toBe("B1  d(2x + 3)/dx = 2 at x = 0; [2, 2, 2, 2] at a 2 by 2 matrix");
  expect(lineOf("B2")).toBe("B2  x²y + xy + 3y at (2, 1): d/dx = 5, d/dy = 9");
  expect(lineOf("B3")).toContain("in W [[1, 1], [4, 4], [3, 3]], in b [1, 1]");
  expect(lineOf("B5")).toContain("[[8, 0], [0, 20]]");
  expect(lineOf("B6")).toBe("B6  d(w²)/dw = 2w, 4 at w = 2; d(w³)/dw = 3w², 12 at w = 2");
  expect(lineOf("B7")).toContain("0.30151134");
});

test("B4: as the chain rule says, and as differences say", () => {
  // x = [1, 4, 3], z = xW + b = [0.5, 2.4]: 3z² = [0.75, 17.28] in b, times x in W
  expect(lineOf("B4")).toContain("in W [[0.75, 17.28], [3, 69.12], [2.25, 51.84]], in b [0.75, 17.28]");
  expect(lineOf("B4")).toContain("below 1e-6: in W true, in b true");
});

test("B8: logistic regression in float64", () => {
  const line = lineOf("B8");
  expect(numbersBehind(line, "Z = ")).toEqual([-11, -1, 9, 19, 29]);
  const wanted = [1.670142e-5, 0.26894142, 0.9998766, 0.99999999, 1];
  numbersBehind(line, ", A = ").forEach((a, i) => {
    expect(Math.abs(a - (wanted[i] ?? 0))).toBeLessThan(1.1e-8); // the table cuts its last digit
  });
  const [first = 0, , third = 0] = numbersBehind(line, ", dz = ");
  expect(first).toBeCloseTo(1.670142e-5, 10);
  expect(third).toBeCloseTo(-1.2339458e-4, 10);
});

test("B9: Adam's steps", () => {
  const [, ...found] = lineOf("B9").match(/w = ([\d.]+) after 1, ([\d.]+) after 65, ([\d.]+) after 577/) ?? [];
  const wanted = [0.0999993, 4.66822, 5.000001];
  expect(found).toHaveLength(3);
  found.forEach((text, i) => {
    expect(Math.abs(Number(text) - (wanted[i] ?? 0))).toBeLessThan(5e-5);
  });
});

test("evaluate: numbers for scalars, typed arrays otherwise, trees stay trees", async () => {
  expect(await evaluate(() => add(1, 2))).toBe(3);
  expect(await evaluate(() => full([2, 2], 7))).toEqual(Float32Array.of(7, 7, 7, 7));
  const { a, b } = await evaluate(({ x, y }) => ({ a: mul(x, y), b: { c: x } }), { x: 2, y: [3, 4] });
  expect(a).toEqual(Float32Array.of(6, 8));
  expect(b).toEqual({ c: 2 });
  const third = await evaluate(({ x }) => mul(x, 1 / 3), { x: 1 }, { dtype: "f64" });
  expect(third).toBe(1 / 3);
  await expect(evaluate(() => add(1, 2), { x: "two" as never })).rejects.toThrow('"x" must be a number, lists');
  await expect(evaluate(({ x }) => x, { x: [[1, 2], [3]] })).rejects.toThrow('"x" must have lists of equal lengths'); // biome-ignore format: rows
});

test("formula writes derivatives as people do", () => {
  const w = f32();
  const read = (f: (w: Tensor) => Tensor) => formula((inputs) => grad(f(inputs.w), inputs.w), { w });
  expect(read((x) => pow(x, 2) as Tensor)).toBe("2w");
  expect(read((x) => pow(x, 3) as Tensor)).toBe("3w²");
  expect(read((x) => sin(x))).toBe("cos(w)");
});

test("jacobian is the matrix of all derivatives, gradientDistance and numericGradient agree with it", async () => {
  const f = (x: Tensor): Tensor => mul(exp(x), sum(x)) as Tensor; // df_i/dx_k = e^x_i (S δ_ik + 1)
  const at = [0.1, -0.4, 0.7];
  const matrix = await evaluate(({ x }) => jacobian(f(x), x), { x: at }, { dtype: "f64" });
  const total = at.reduce((a, b) => a + b);
  const wanted = at.flatMap((xi, i) => at.map((_, k) => Math.exp(xi) * ((i === k ? total : 0) + 1)));
  expect(gradientDistance(matrix as Float64Array, wanted)).toBeLessThan(1e-14);
  const columns = await numericGradient(([p = 0, q = 0, r = 0]) => Math.exp(p) * (p + q + r), at);
  expect(gradientDistance(columns, wanted.slice(0, 3))).toBeLessThan(1e-8);
  expect(gradientDistance([0, 0], [0, 0])).toBe(0);
  expect(gradientDistance([1, 2], [-1, -2])).toBe(1);
  expect(() => gradientDistance([1], [1, 2])).toThrow("1 numbers against 2");
});
