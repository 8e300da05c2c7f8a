/**
 * Rows whose lanes exchange what they have in registers: what they compute is what was lowered, without races, by subgroups of 4 and of
 * 32; how many barriers are left on a card; and who gets it at all. On a device: test/gpu/cases/subgroups.ts.
 */
import { describe, expect, test } from "vitest";
import { bindTarget } from "../../codegen/target.ts";
import type { WgslFacts } from "../../codegen/wgsl/artifact.ts";
import { printWgsl } from "../../codegen/wgsl/print.ts";
import { legalizeKernel } from "../../codegen/wgsl/quirks.ts";
import { wgsl } from "../../codegen/wgsl/target.ts";
import { stagesOf } from "../../src/compile.ts";
import {
  argmax,
  f32,
  logSumExp,
  moments,
  mul,
  type Program,
  program,
  softmax,
  sum,
  type Tensor,
} from "../../src/index.ts";
import { checkKernel } from "../../src/kernel/check.ts";
import { evaluateKernel, findFaults } from "../../src/kernel/evaluate.ts";
import type { Memory } from "../../src/kernel/evaluate-memory.ts";
import type { Kernel, Stmt } from "../../src/kernel/kernel.ts";
import { printSchedules } from "../../src/kernel/moves.ts";
import { printKernel } from "../../src/kernel/print.ts";
import { launchesOf } from "../../src/program/sequence.ts";
import { adapterSource, deviceSource } from "../../src/runtime/webgpu/connection.ts";
import { gpuFound } from "../../src/runtime/webgpu/device.ts";
import { expectAccepted } from "../gpu/accepted.ts";
import { h100 } from "../h100.ts";
import { argMax, columnSum, difference, feedsFor, horizontal, reduction, samples, scheduleWgsl, softmax as softmaxOf } from "./wgsl-samples.ts"; // biome-ignore format: one line

const limits = { maxInvocations: 64, maxWorkgroupStorage: 16384 };

function count(stmts: readonly Stmt[], kind: Stmt["kind"]): number {
  return stmts.reduce((n, stmt) => n + Number(stmt.kind === kind) + ("body" in stmt ? count(stmt.body, kind) : 0), 0);
}

const countIn = ({ nests }: Kernel, kind: Stmt["kind"]): number =>
  nests.reduce((n, { body }) => n + count(body, kind), 0);

function run(kernel: Kernel, given: ReadonlyMap<string, Memory>): ReadonlyMap<string, readonly number[]> {
  const memory = new Map([...given].map(([name, { element, data }]) => [name, { element, data: Array.from(data) }]));
  evaluateKernel(kernel, memory);
  return new Map([...memory].map(([name, { data }]) => [name, data]));
}

/** The kernel for subgroups of so many, whose rows are few enough for exchanges in either layout. */
const inSubgroups = (kernel: Kernel, subgroupSize: number): Kernel =>
  scheduleWgsl(kernel, { ...limits, subgroupSize }, { acrossRows: subgroupSize / 2, rowLeastColumns: 16 });

describe("a kernel computes the same, without races", () => {
  const others = [{ title: "columns of 128", kernel: columnSum(128, 40), tolerance: 1e-4 }];
  const exchanging = [...samples, ...others].filter(({ kernel }) => countIn(inSubgroups(kernel, 4), "exchange") > 0);
  test("there are such", () => expect(exchanging.length).toBeGreaterThan(8));
  test.each(exchanging)("$title", ({ kernel, tolerance }) => {
    const expected = run(kernel, feedsFor(kernel));
    for (const subgroupSize of [4, 32]) {
      const after = inSubgroups(kernel, subgroupSize);
      expect(checkKernel(after)).toBeNull();
      const found = run(after, feedsFor(kernel));
      for (const [name, data] of expected) expect(difference(found.get(name) ?? [], data, tolerance), name).toBeUndefined(); // biome-ignore format: one line
      expect(run(after, feedsFor(kernel))).toEqual(found);
    }
  });

  test("the first of equals and NaN are found in whatever lane they are", () => {
    const [rows, columns] = [6, 200];
    const kernel = argMax(rows, columns);
    const data = Array.from({ length: rows * columns }, (_, i) => ((i * 7) % 5) / 4);
    for (const [row, column] of [[1, 199], [2, 0], [3, 37], [3, 151]] as const) data[row * columns + column] = Number.NaN; // biome-ignore format: one line
    data.fill(-Infinity, 5 * columns);
    const feeds = new Map([
      ["x", { element: "f32", data }],
      ["y", { element: "i32", data: new Array<number>(rows).fill(0) }],
    ] as const);
    for (const subgroupSize of [0, 4, 32]) expect(run(inSubgroups(kernel, subgroupSize), feeds).get("y")).toEqual([2, 199, 0, 37, 2, 0]); // biome-ignore format: one line
  });
});

test("no barrier can be left out", () => {
  for (const kernel of [softmaxOf(3, 300), columnSum(64, 20), reduction(500), horizontal()]) {
    const scheduled = inSubgroups(kernel, 4);
    const barriers = countIn(scheduled, "barrier");
    expect(barriers).toBeGreaterThan(0);
    for (let n = 0; n < barriers; n += 1) {
      let seen = 0;
      const drop = (stmts: readonly Stmt[]): readonly Stmt[] =>
        stmts.flatMap((stmt): readonly Stmt[] => {
          if (stmt.kind === "barrier") return seen++ === n ? [] : [stmt];
          return stmt.kind === "for" ? [{ ...stmt, body: drop(stmt.body) }] : [stmt];
        });
      const broken = { ...scheduled, nests: scheduled.nests.map((nest) => ({ ...nest, body: drop(nest.body) })) };
      expect(findFaults(broken, feedsFor(kernel)).join(), `${kernel.name}, barrier ${n}`).toMatch(/without a barrier|before anyone wrote/); // biome-ignore format: one line
    }
  }
});

function kernelsFor(made: Program<unknown>, facts: WgslFacts): readonly Kernel[] {
  return launchesOf(stagesOf(made as Program, "step", {}, bindTarget(wgsl, facts)).sequence).map(({ kernel }) => kernel); // biome-ignore format: one line
}

const rowsOf = (shape: readonly number[], of: (x: Tensor) => Tensor): Program<unknown> =>
  program({ inputs: { x: f32(...shape) }, step: ({ x }) => ({ outputs: { y: of(x) } }) });

describe("on a card", () => {
  const { subgroupSize: _, ...without } = h100;
  /** Barriers and exchanges of each launch, with subgroups, and barriers without. */
  const meetings = (made: Program<unknown>): readonly string[] => {
    const before = kernelsFor(made, without);
    return kernelsFor(made, h100).map((kernel, n) => {
      const [exchanges, barriers] = [countIn(kernel, "exchange"), countIn(kernel, "barrier")];
      return `${exchanges} exchanges, ${barriers} barriers for ${countIn(before[n] ?? kernel, "barrier")}`;
    });
  };

  test("a reduction of 256 invocations has one barrier in place of nine, each more of the row one in place of ten", () => {
    const columns = { axis: 1 };
    expect(meetings(rowsOf([2 ** 22], (x) => sum(x, { axis: 0 })))).toEqual([
      "5 exchanges, 1 barriers for 9",
      "5 exchanges, 1 barriers for 7",
    ]);
    expect(meetings(rowsOf([1000, 4096], (x) => sum(x, columns)))).toEqual(["5 exchanges, 1 barriers for 9"]);
    expect(meetings(rowsOf([1000, 4096], (x) => argmax(x, columns)))).toEqual(["10 exchanges, 1 barriers for 9"]);
    expect(meetings(rowsOf([1000, 4096], (x) => logSumExp(x, columns)))).toEqual(["10 exchanges, 2 barriers for 19"]);
    expect(meetings(rowsOf([1000, 4096], (x) => moments(x, columns).variance))).toEqual(["15 exchanges, 1 barriers for 9"]); // biome-ignore format: one line
    expect(meetings(rowsOf([1000, 4096], (x) => softmax(x)))).toEqual(["10 exchanges, 2 barriers for 19"]);
  });

  test("rows of one subgroup have none", () => {
    expect(meetings(rowsOf([1000, 256], (x) => softmax(x)))).toEqual(["12 exchanges, 0 barriers for 13"]);
  });

  test("columns side by side have one, where a subgroup has some of each", () => {
    expect(meetings(rowsOf([128, 512], (x) => sum(x, { axis: 0 })))).toEqual(["1 exchanges, 1 barriers for 5"]);
  });

  test("what reduces nothing is as it was", () => {
    const map = rowsOf([128, 512], (x) => mul(x, 2));
    expect(kernelsFor(map, h100).map(printKernel)).toEqual(kernelsFor(map, without).map(printKernel));
  });

  test("what was tuned with subgroups is not for a device without", () => {
    expect(bindTarget(wgsl, h100).facts).not.toBe(bindTarget(wgsl, without).facts);
  });

  test("nobody else exchanges: software, subgroups of other sizes than the workgroup's parts, rows that lie across them", () => {
    const rows = rowsOf([4, 65_536], (x) => sum(x, { axis: 1 }));
    const exchanges = (facts: WgslFacts): number =>
      kernelsFor(rows, facts).reduce((all, kernel) => all + countIn(kernel, "exchange"), 0);
    expect(exchanges(h100)).toBeGreaterThan(0);
    for (const facts of [{ ...h100, isSoftware: true }, without, { ...h100, subgroupSize: 48 }]) {
      expect(exchanges(facts)).toBe(0);
    }
    expect(printSchedules(scheduleWgsl(columnSum(128, 512), { ...limits, subgroupSize: 16 }).schedule)).toBe("team 16 rows x 4 lanes across"); // biome-ignore format: one line
  });
});

test("as text, and as a shader", () => {
  const scheduled = scheduleWgsl(columnSum(128, 40), { ...limits, subgroupSize: 32 });
  expect(printKernel(scheduled)).toMatchInlineSnapshot(`
    "kernel column_sum(read d: f32[5120], update b: f32[40])
      // team 16 rows x 4 lanes across in subgroups of 32
      shared partials: f32[32]
      workgroup group < 3
        invocation lane < 64
          var acc_part: f32 = 0f
          for i_trip < 32
            acc_part = acc_part + guarded(0 <= 16*group + lane % 16 < 40 ? d[160*i_trip + 40*(lane / 16) + 16*group + lane % 16] : 0f)
          exchange other: f32 = acc_part of ^16 in 32
          let both: f32 = acc_part + other
          if (lane % 32) < 16
            partials[16*(lane / 32) + lane % 16] = both
          barrier
          var acc_all: f32 = partials[lane % 16]
          acc_all = acc_all + partials[lane % 16 + 16]
          let acc: f32 = acc_all
          if (lane / 16) < 1
            let old: f32 = guarded(0 <= 16*group + lane % 16 < 40 ? b[16*group + lane % 16] : 0f)
            b[16*group + lane % 16] = old - (0.5f * acc) where 0 <= 16*group + lane % 16 < 40"
  `);
  const { source } = printWgsl(legalizeKernel(scheduled));
  expect(source).toMatch(/^enable subgroups;\n/);
  const lines = source.split("\n").filter((line) => /subgroup|tl_lane/.test(line) && !line.startsWith("//"));
  expect(lines).toMatchInlineSnapshot(`
    [
      "enable subgroups;",
      "fn main(@builtin(workgroup_id) tl_id: vec3<u32>, @builtin(subgroup_id) tl_subgroup: u32, @builtin(subgroup_invocation_id) tl_place: u32) {",
      "  let tl_lane = 32u * tl_subgroup + tl_place;",
      "  let lane: i32 = i32(tl_lane);",
      "  let other: f32 = subgroupShuffleXor(acc_part, 16u);",
    ]
  `);
  expect(printWgsl(legalizeKernel(scheduleWgsl(columnSum(128, 40), limits))).source).not.toContain("subgroup");
});

test("Dawn's compiler takes modules for subgroups of 32 without a word", () => {
  const all = program({
    inputs: { x: f32(4096, 1024) },
    step: ({ x }) => ({
      outputs: {
        total: sum(x),
        soft: softmax(x),
        best: argmax(x, { axis: 1 }),
        parts: moments(x, { axis: 0 }).variance,
      },
    }),
  });
  const { artifact } = stagesOf(all, "step", {}, bindTarget(wgsl, h100)).entry;
  const sources = artifact.kernels.map(({ source }) => source);
  expect(sources.filter((source) => source.includes("subgroupShuffle")).length).toBeGreaterThan(3);
  expectAccepted(sources);
}, 70_000);

describe("who has subgroups", () => {
  const info = {
    vendor: "v",
    architecture: "",
    device: "",
    description: "d",
    subgroupMinSize: 32,
    subgroupMaxSize: 32,
  };
  const limitsOfAll = new Proxy({}, { get: () => 256 });
  const sizeOf = async (features: readonly string[], words: readonly string[], sizes = {}): Promise<unknown> => {
    const about = { limits: limitsOfAll, info: { ...info, ...sizes }, adapterInfo: { ...info, ...sizes }, features: new Set(features) }; // biome-ignore format: one line
    const gpu = { requestAdapter: async () => about, wgslLanguageFeatures: new Set(words) };
    const source = await adapterSource(gpu as unknown as GPU);
    const given = gpuFound(deviceSource(about as unknown as GPUDevice, "f32", gpu as unknown as GPU));
    if (source === null) return null;
    expect(given.facts.subgroupSize).toBe(gpuFound(source).facts.subgroupSize);
    return given.facts.subgroupSize;
  };

  test("a device with one size of them, that tells invocations which they are in", async () => {
    expect(await sizeOf(["subgroups"], ["subgroup_id"])).toBe(32);
    expect(await sizeOf([], ["subgroup_id"])).toBeUndefined();
    expect(await sizeOf(["subgroups"], [])).toBeUndefined();
    expect(await sizeOf(["subgroups"], ["subgroup_id"], { subgroupMinSize: 16 })).toBeUndefined();
  });
});
