/**
 * Every op and composite on `js`, value and gradient, against the float64 oracle; and the oracle's gradients against central
 * differences of its values. Generated from test/op-cases.ts; test/gpu/cases/ops.ts runs the same table on `wgsl`.
 */
import { afterAll, describe, expect, test } from "vitest";
import { isFloat } from "../../src/graph/dtype.ts";
import { compileOn, jsTarget } from "../../src/index.ts";
import { RandomStream, threefry2x32 } from "../../src/random.ts";
import type { TypedArray } from "../../src/runtime/compiled.ts";
import { caseFeeds, caseProgram, type OpCase } from "../op-case.ts";
import { missingOps, opCases } from "../op-cases.ts";
import { type FlatFeeds, largestError, ProgramOracle } from "../program-oracle.ts";

const names = [...new Set(opCases.map(({ op }) => op))];
/** op -> what was compared on js: how often, and the largest error. */
const report = new Map<string, { forward: number; gradient: number; worst: number }>();

afterAll(() => {
  const lines = names.map((name) => {
    const { forward, gradient, worst } = report.get(name) ?? { forward: 0, gradient: 0, worst: Number.NaN };
    const slopes = gradient === 0 ? "none flows" : `${gradient}`;
    return `${name.padEnd(44)} js  forward ${forward}  gradient ${slopes.padEnd(10)}  worst ${worst.toExponential(1)}`;
  });
  console.log(["op x target", ...lines].join("\n"));
});

test("every op of the op tables has a case", () => {
  expect(missingOps()).toEqual([]);
});

describe("on js, against the oracle", () => {
  test.each(names)("%s", async (name) => {
    const counts = { forward: 0, gradient: 0, worst: 0 };
    for (const c of opCases.filter(({ op }) => op === name)) {
      const given = caseProgram([c]);
      const feeds = caseFeeds([c]);
      const wanted = new ProgramOracle(given).run("step", feeds);
      for (const [path, value] of await outputsOnJs(c, feeds)) {
        const error = largestError(value, wanted.get(path) ?? []);
        expect(error <= c.tolerance, `${path} of ${shapesOf(c)}: off by ${error}`).toBe(true);
        counts[path.includes(".g") ? "gradient" : "forward"] += path.endsWith("loss") ? 0 : 1;
        counts.worst = Math.max(counts.worst, error);
      }
      checkSlopes(c, feeds);
    }
    report.set(name, counts);
    expect(counts.forward).toBeGreaterThan(0);
  });
});

const shapesOf = (c: OpCase): string => c.inputs.map(({ shape }) => `[${shape}]`).join(" ");

async function outputsOnJs(c: OpCase, feeds: FlatFeeds): Promise<(readonly [string, ArrayLike<number>])[]> {
  const executable = await compileOn(caseProgram([c]), jsTarget, { onWarning: () => undefined });
  const outputs = (await executable.run({ entry: "step" as never, feeds })) as {
    c0: Record<string, TypedArray | number>;
  };
  executable.dispose();
  return Object.entries(outputs.c0).map(([key, value]) => [
    `c0.${key}`,
    typeof value === "number" ? [value] : (value as ArrayLike<number>),
  ]);
}

/** The oracle's gradients along a random direction, against differences of its values. */
function checkSlopes(c: OpCase, feeds: FlatFeeds): void {
  const oracle = new ProgramOracle(caseProgram([c]));
  const outputs = oracle.run("step", feeds);
  if (!outputs.has("c0.loss")) return;
  const step = 1e-5;
  c.inputs.forEach(({ dtype }, i) => {
    if (!isFloat(dtype)) return;
    const name = `c0x${i}`;
    const values = [...(feeds[name] as readonly number[])];
    const stream = new RandomStream(4, `${c.op} ${i}`);
    const direction = values.map(() => stream.uniform(-1, 1));
    const lossAt = (sign: number): number => {
      const moved = values.map((value, k) => value + sign * step * (direction[k] ?? 0));
      return oracle.run("step", { ...feeds, [name]: moved }).get("c0.loss")?.[0] ?? Number.NaN;
    };
    const numeric = (lossAt(1) - lossAt(-1)) / (2 * step);
    const gradient = outputs.get(`c0.g${i}`) ?? [];
    const slope = [...gradient].reduce((sum, g, k) => sum + g * (direction[k] ?? 0), 0);
    if (values.length === 0) return;
    const scale = Math.max(1, Math.abs(numeric));
    expect(Math.abs(slope - numeric) / scale, `${shapesOf(c)} by operand ${i}: ${slope}, not ${numeric}`).toBeLessThan(
      1e-6,
    );
  });
}

test("the generator's published vectors (Random123, threefry2x32 with 20 rounds)", () => {
  const all = 0xffffffff;
  expect([...threefry2x32(0, 0, 0, 0)]).toEqual([0x6b200159, 0x99ba4efe]);
  expect([...threefry2x32(all, all, all, all)]).toEqual([0x1cb996fc, 0xbb002be7]);
  expect([...threefry2x32(0x13198a2e, 0x03707344, 0x243f6a88, 0x85a308d3)]).toEqual([0xc4923a9c, 0x483df7a0]);
});
