/**
 * Every op and composite on `js` and `wasm`, value and gradient, against the float64 oracle, with a report; and the
 * oracle's gradients against central differences of its values. Generated from test/op-cases.ts; test/gpu/cases/ops.ts
 * runs the same table on `wgsl`.
 */
import { readdirSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { isFloat } from "../../src/core/dtype.ts";
import { RandomStream, threefry2x32 } from "../../src/core/random.ts";
import { jsTarget, wasmTarget } from "../../src/eager-targets.ts";
import type { TargetSetup } from "../../src/target-setup.ts";
import { caseFeeds, caseProgram, type OpCase, shortOf, shortTypes } from "../op-case.ts";
import { casesOf, opCases } from "../op-cases.ts";
import { reportGaps, unknownModules, unknownOpFiles } from "../op-gaps.ts";
import { compareOps, type OpComparison, printReport, type ReportRow, shapesOf, type Tally } from "../op-report.ts";
import { type FlatFeeds, ProgramOracle } from "../program-oracle.ts";
import { spreadCases } from "../window-cases.ts";

/** On `wasm` every value of both options; that bits are the same on any number of threads, wasm/programs.test.ts says. */
const plain: readonly (readonly [label: string, target: TargetSetup])[] = [
  ["js", jsTarget],
  ["wasm, 1 thread", wasmTarget({ threads: 1 })],
];
const targets: typeof plain = [...plain, ["wasm, precise, 2 threads", wasmTarget({ threads: 2, precise: true })]];

describe.each(targets)("on %s, against the oracle", (label, target) => {
  let found: OpComparison;
  beforeAll(async () => {
    found = await compareOps(target, label);
    console.log(printReport(found.rows));
  });

  test("every value and gradient is within its tolerance", () => {
    expect(found.failures.join("\n")).toBe("");
  });

  test("the report is complete: every op of the op tables and every composite of src/dsl, gradients too", () => {
    expect(reportGaps(found.rows)).toEqual([]);
  });
});

test.each(targets.filter(([, { traits }]) => traits.name === "wasm"))(
  "on %s, what is spread",
  async (label, target) => {
    const { rows, failures } = await compareOps(target, label, spreadCases());
    expect(failures.join("\n")).toBe("");
    expect(rows.map(({ forward }) => forward.count)).toEqual([spreadCases().length]);
  },
);

test.each(plain.flatMap(([label, target]) => shortTypes.map((dtype) => [label, dtype, target] as const)))(
  "on %s, whatever takes %s",
  async (label, dtype, target) => {
    const { rows, failures } = await compareOps(target, label, casesOf(dtype));
    expect(failures.join("\n")).toBe("");
    expect(rows.length).toBeGreaterThan(140);
  },
);

describe("what a report leaves out", () => {
  const row = (op: string): ReportRow => ({ op, label: "js", forward: some, gradient: some });
  const [some, none] = [1, 0].map((count) => ({ count, worst: 0, width: 0 })) as [Tally, Tally];
  const rows = [...new Set(opCases.map(({ op }) => op))].map(row);

  test("a row that is not there is a gap, and so is one with nothing compared", () => {
    expect(reportGaps(rows)).toEqual([]);
    const fewer = rows.filter(({ op }) => !/^map exp$|^composite gelu/.test(op));
    expect(reportGaps(fewer)).toEqual(["map exp: no case", "composite gelu: no case", "composite exp: no case"]);
    const empty = rows.map((one) => (one.op === "composite relu" ? { ...one, forward: none } : one));
    expect(reportGaps(empty)).toEqual(["composite relu: no case"]);
  });

  test("so is a gradient that is defined and was not compared", () => {
    const blind = rows.map((one) => (/contract|softplus/.test(one.op) ? { ...one, gradient: none } : one));
    expect(reportGaps(blind)).toEqual(["contract contract: no gradient", "composite softplus: no gradient"]);
  });

  test("every module of src/dsl is known to have composites, or none", () => {
    expect(unknownModules(readdirSync(new URL("../../src/dsl", import.meta.url)))).toEqual([]);
    expect(unknownModules(["ops.ts", "sparse.ts"])).toEqual(["sparse.ts"]);
  });

  test("every file of src/graph/ops is a table of the report", () => {
    expect(unknownOpFiles(readdirSync(new URL("../../src/graph/ops", import.meta.url)))).toEqual([]);
    expect(unknownOpFiles(["map.ts", "sparse.ts"])).toEqual(["sparse.ts"]);
  });
});

test("sums in f32 are outside of the tolerance of js, which has doubles", async () => {
  const single = { ...jsTarget, traits: { ...jsTarget.traits, accumulator: "f32" as const } };
  const chosen = opCases.filter(({ op }) => /^(reduce|contract) (sum|contract)/.test(op));
  const { failures } = await compareOps(single, "js", chosen);
  expect(failures.join("\n")).toMatch(/reduce sum of \[2,37,5\]: y: element/);
  expect(failures.join("\n")).toMatch(/contract contract of \[17,13\] \[13,37\]: g0: element/);
});

describe("the oracle's gradients are the slopes of its values", () => {
  // Of short floats there are no differences to be taken: casts to it are steps, for the oracle as well.
  const names = [...new Set(opCases.filter((one) => shortOf(one) === undefined).map(({ op }) => op))];
  test.each(names)("%s", (name) => {
    for (const c of opCases.filter(({ op }) => op === name)) checkSlopes(c);
  });
});

/** The oracle's gradients along a random direction, against differences of its values. */
function checkSlopes(c: OpCase): void {
  const program = caseProgram([c]);
  const given = caseFeeds([c]);
  // a new oracle each time, as random numbers are other ones in the next call
  const run = (feeds: FlatFeeds) => new ProgramOracle(program).run("step", feeds);
  const outputs = run(given);
  if (!outputs.has("c0.loss")) return;
  const step = 1e-5;
  c.inputs.forEach(({ dtype }, i) => {
    const name = `c0x${i}`;
    const values = [...(given[name] as readonly number[])];
    if (!isFloat(dtype) || values.length === 0) return;
    const stream = new RandomStream(4, `${c.op} ${i}`);
    const direction = values.map(() => stream.uniform(-1, 1));
    const lossAt = (sign: number): number => {
      const moved = values.map((value, k) => value + sign * step * (direction[k] ?? 0));
      return run({ ...given, [name]: moved }).get("c0.loss")?.[0] ?? Number.NaN;
    };
    const numeric = (lossAt(1) - lossAt(-1)) / (2 * step);
    const gradient = outputs.get(`c0.g${i}`) ?? [];
    const slope = [...gradient].reduce((sum, g, k) => sum + g * (direction[k] ?? 0), 0);
    const message = `${shapesOf(c)} by operand ${i}: ${slope}, not ${numeric}`;
    expect(Math.abs(slope - numeric), message).toBeLessThan(1e-6 * Math.max(1, Math.abs(numeric)));
  });
}

test("the generator's published vectors (Random123, threefry2x32 with 20 rounds)", () => {
  const all = 0xffffffff;
  expect([...threefry2x32(0, 0, 0, 0)]).toEqual([0x6b200159, 0x99ba4efe]);
  expect([...threefry2x32(all, all, all, all)]).toEqual([0x1cb996fc, 0xbb002be7]);
  expect([...threefry2x32(0x13198a2e, 0x03707344, 0x243f6a88, 0x85a308d3)]).toEqual([0xc4923a9c, 0x483df7a0]);
});
