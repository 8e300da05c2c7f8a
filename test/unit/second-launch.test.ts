/** One launch made two: which folds a GPU cuts, what becomes of the kernel, and who is told. */
import { describe, expect, test } from "vitest";
import { printDot } from "../../codegen/picture/dot.ts";
import { drawEntry } from "../../codegen/picture/drawing.ts";
import { findOverlap } from "../../passes/plan/plan.ts";
import type { Scheduling } from "../../passes/schedule/schedule.ts";
import { withSecondLaunches } from "../../passes/schedule/sequence.ts";
import { stagesOf } from "../../src/compile.ts";
import { plannedTargets } from "../../src/eager-targets.ts";
import { argmax, einsum, f32, matmul, mean, type Program, program, sum, variance } from "../../src/index.ts";
import { KernelPool } from "../../src/kernel/kernel-pool.ts";
import { printMove, printSchedules, type SecondLaunch } from "../../src/kernel/moves.ts";
import { printKernel } from "../../src/kernel/print.ts";
import { Buffers, printBuffer } from "../../src/program/buffer.ts";
import { printSequence } from "../../src/program/print.ts";
import { freshStepId, launchesOf } from "../../src/program/sequence.ts";
import { kernelsOf } from "../../src/tools/cli/graph.ts";

const gpu = plannedTargets.wgsl;
const compiled = (made: Program<unknown>) => stagesOf(made as Program, "step", {}, gpu);
const launches = (made: Program<unknown>) => launchesOf(compiled(made).sequence).map(({ name }) => name);

const long = program({
  inputs: { x: f32(100_000) },
  step: ({ x }) => ({ outputs: { mean: mean(x), first: argmax(x) } }),
});

/** The halves before anything else is done to them. */
function halves(made: Program<unknown>, moves?: readonly SecondLaunch[], isTwice = false) {
  const lowered = compiled(made).lowered.flatMap((step) => [step, ...(isTwice ? [{ ...step, id: step.id + 10 }] : [])]);
  const isFirst = ({ name }: { readonly name: string }): boolean => name === launchesOf(lowered)[0]?.kernel.name;
  const given: Scheduling = {
    ...gpu.scheduling,
    secondLaunches: (kernel) => (isFirst(kernel) ? (moves ?? []) : []),
  };
  const target = { traits: gpu.traits, scheduling: moves === undefined ? gpu.scheduling : given };
  let id = freshStepId(lowered);
  return withSecondLaunches(lowered, target, { kernels: new KernelPool(), buffers: new Buffers(), nextId: () => id++ });
}

describe("a fold in a launch of its own", () => {
  test("parts side by side, in an order that only sizes decide; what remains is as it was", () => {
    const sequence = halves(long);
    expect(printSequence(sequence)).toBe(
      [
        "launch k0_sum_maxwithindex_parts(x: input x, parts: parts of %1, %5 as f32, parts_1: parts of %1, %5 as i32)",
        "launch k0_sum_maxwithindex(mean: output mean, first: output first, parts: parts of %1, %5 as f32, parts_1: parts of %1, %5 as i32)",
      ].join("\n"),
    );
    const [parts, rest] = launchesOf(sequence).map(({ kernel }) => printKernel(kernel));
    expect(parts).toMatchInlineSnapshot(`
      "kernel k0_sum_maxwithindex_parts(read x: f32[100000], write parts: f32[40], write parts_1: i32[20])
        // splitFold acc second launch 5120; splitFold best second launch 5120
        parallel part < 20
          fold acc_part: f32 = sum over c_1 < 5120
            let v_1: f32 = x[5120*part + c_1]
            of v_1 where 0 <= 5120*part + c_1 < 100000
          fold best_part: f32, place_part: i32 = argMax over c_2_1 < 5120
            let v_4_1: f32 = x[5120*part + c_2_1]
            of v_4_1, 5120*part + c_2_1 where 0 <= 5120*part + c_2_1 < 100000
          parts[part] = acc_part
          parts[part + 20] = best_part
          parts_1[part] = place_part"
    `);
    expect(rest).toMatchInlineSnapshot(`
      "kernel k0_sum_maxwithindex(write mean: f32[1], write first: i32[1], read parts: f32[40], read parts_1: i32[20])
        // splitFold acc second launch 5120; splitFold best second launch 5120
        prelude
          fold acc: f32 = sum over part_1 < 20 of parts[part_1]
          let v_2: f32 = acc
          let v_3: f32 = v_2 / 100000f
          fold best: f32, place: i32 = argMax over part_2 < 20 of parts[part_2 + 20], parts_1[part_2]
          let v_5: i32 = place
        once
          mean[0] = v_3
          first[0] = v_5"
    `);
  });

  test("few results and many terms: not short folds, not many rows, not what has no parts", () => {
    const of = (...shape: readonly [number, ...number[]]) =>
      launches(program({ inputs: { x: f32(...shape) }, step: ({ x }) => ({ outputs: { s: sum(x, { axis: 0 }) } }) }));
    expect(of(65_535)).toEqual(["k0_sum"]);
    expect(of(65_536)).toEqual(["k0_sum_parts", "k0_sum"]);
    expect(of(1_000_000, 8)).toEqual(["k0_sum_parts", "k0_sum"]);
    expect(of(1_000_000, 256)).toEqual(["k0_sum_parts", "k0_sum"]);
    expect(of(1_000_000, 257)).toEqual(["k0_sum"]);
    expect(of(128, 512)).toEqual(["k0_sum"]);
  });

  test("a contraction whose tiles are few workgroups, in parts that keep its loops", () => {
    const products = (batch: number, rows: number, columns: number) =>
      launchesOf(
        compiled(
          program({
            inputs: { x: f32(batch, 26, rows), g: f32(batch, 26, columns) },
            step: ({ x, g }) => ({ outputs: { y: einsum("bti,btj->ij", x, g) } }),
          }),
        ).sequence,
      ).map(({ kernel }) => printSchedules(kernel.schedule));
    const [parts = "", rest] = products(512, 288, 64);
    expect(parts).toMatch(/^splitFold acc second launch 416; reorder part, .* tile acc_part over /);
    expect(rest).toMatch(/^splitFold acc second launch 416; /);
    // 2,048 terms are not worth it, and 1,024 workgroups are enough.
    expect(products(64, 288, 64)).toHaveLength(1);
    expect(products(512, 2048, 2048)).toHaveLength(1);
    // A dense layer behind a convolution: 8 workgroups of 5,408 terms each.
    const dense = (rows: number, terms: number) =>
      launches(
        program({
          inputs: { x: f32(rows, terms), w: f32(terms, 64) },
          step: ({ x, w }) => ({ outputs: { y: matmul(x, w) } }),
        }),
      );
    expect(dense(512, 5408)).toEqual(["k0_contract_parts", "k0_contract"]);
    expect(dense(512, 784)).toEqual(["k0_contract"]);
    expect(dense(16_384, 5408)).toEqual(["k0_contract"]);
  });

  test("a fold that needs another is the next round's, and its first launch joins that other", () => {
    const made = program({ inputs: { x: f32(300_000) }, step: ({ x }) => ({ outputs: { v: variance(x) } }) });
    const found = launchesOf(compiled(made).sequence).map(({ name, bindings }) => [
      name,
      ...bindings.map(({ buffer }) => printBuffer(buffer)),
    ]);
    expect(found).toEqual([
      ["k0_sum_div_parts", "input x", "parts of %1"],
      ["k0_sum_div_parts_2", "input x", "parts of %1", "parts of %1, %9"],
      ["k0_sum_div", "output v", "parts of %1, %9"],
    ]);
  });

  test("report, schedule, plan and picture know of both", () => {
    const whole = compiled(long);
    const { report, layout, sequence } = whole;
    expect(report.launches).toBe(2);
    expect(new Set(report.kernels.map(({ step }) => step)).size).toBe(2);
    for (const { schedule } of report.kernels)
      expect(schedule).toMatch(/^splitFold acc second launch 5120; splitFold best second launch 5120; /);
    expect(report.kernels[0]?.fuses).toEqual([
      "%1: f32[] = sum %0 axes=[0]",
      "%4: f32[], %5: i32[] = maxWithIndex %0 axes=[0]",
    ]);
    const scratch = [...layout.buffers.values()].filter(({ segment }) => segment === "arena");
    expect(scratch.map(({ dtype, count }) => [dtype, count])).toEqual([
      ["f32", 40],
      ["i32", 20],
    ]);
    expect(findOverlap(layout.arena.placements)).toBeNull();
    const [first] = launchesOf(sequence);
    expect(layout.freedAfter.get(first?.id ?? -1)).toEqual([]);
    const drawing = drawEntry(whole.ordered.fused.entry, kernelsOf(whole));
    expect(drawing.frames?.map(({ name }) => name)).toEqual(report.kernels.map(({ name }) => name));
    expect(printDot(drawing, { title: "", about: "" })).toContain("parts of %1");
  });

  test("a kernel that is launched twice is cut once, with scratch for each launch", () => {
    const found = launchesOf(halves(long, undefined, true));
    expect(found.map(({ id }) => id)).toEqual([11, 0, 12, 10]);
    expect(new Set(found.map(({ kernel }) => kernel)).size).toBe(2);
    const scratch = found.flatMap(({ bindings }) => bindings.filter(({ buffer }) => buffer.segment === "arena"));
    expect(new Set(scratch.map(({ buffer }) => buffer)).size).toBe(4);
  });

  test("a move that is not legal is named", () => {
    const move = (of: string, terms: number): SecondLaunch => ({
      move: "splitFold",
      of,
      into: { by: "launch", terms },
    });
    expect(() => halves(long, [move("acc", 100_000)])).toThrow(
      'pass "schedule": "splitFold acc second launch 100000" is not legal: it has 100000 terms',
    );
    expect(() => halves(long, [move("nothing", 4)])).toThrow("there is no fold nothing at the top of a nest");
    expect(() => halves(long, [move("acc", 4), move("acc", 8)])).toThrow("acc waits for acc");
  });
});

describe("on a CPU", () => {
  const cpu = plannedTargets.wasm;
  const of = (made: Program<unknown>) =>
    launchesOf(stagesOf(made as Program, "step", {}, cpu).sequence).map(({ kernel }) => kernel);
  const products = (batch: number, rows: number, columns: number) =>
    of(
      program({
        inputs: { x: f32(batch, 26, rows), g: f32(batch, 26, columns) },
        step: ({ x, g }) => ({ outputs: { y: einsum("bti,btj->ij", x, g) } }),
      }),
    );

  test("parts of a contraction are whole iterations of its first loop: blocks over panels, which no one else fills anew", () => {
    const [parts, rest, ...others] = products(512, 9, 32);
    expect(others).toEqual([]);
    expect(parts?.schedule[0]?.map(printMove).slice(0, 6)).toEqual([
      "splitFold acc second launch 1664",
      "flatten k_1, k_2_1 into k_1k_2_1",
      "split j_1 8",
      "bind part thread",
      "sink j_1_i",
      "sink i_1",
    ]);
    expect(parts?.nests[0]?.loops.map(({ loop }) => loop.extent)).toEqual([8]);
    expect(rest?.nests.length).toBeGreaterThan(0);
  });

  test("parts of a contraction of many rows are so short that these stay in the second-level cache", () => {
    const termsOf = (depth: number, rows: number) => {
      const made = program({
        inputs: { x: f32(depth, rows), g: f32(depth, 64) },
        step: ({ x, g }) => ({ outputs: { y: einsum("ti,tj->ij", x, g) } }),
      });
      return /second launch (\d+)/.exec(of(made)[0]?.schedule[0]?.map(printMove).join() ?? "")?.[1] ?? "whole";
    };
    expect(termsOf(1024, 512)).toBe("whole");
    expect([64, 128, 256, 512].map((rows) => termsOf(32768, rows))).toEqual(["2048", "1024", "512", "512"]);
    expect([64, 512].map((rows) => termsOf(2048, rows))).toEqual(["512", "512"]);
    expect(termsOf(2048, 4)).toBe("whole"); // too little to do
  });

  test("not of few terms, nor where partial sums would be many, nor of a length that has no parts", () => {
    expect(products(128, 9, 32)).toHaveLength(1);
    expect(products(512, 1024, 1024)).toHaveLength(1);
    expect(products(509, 9, 32)).toHaveLength(1);
  });

  test("a long sum of few results is shared by threads", () => {
    const sums = (...shape: readonly [number, ...number[]]) =>
      of(program({ inputs: { x: f32(...shape) }, step: ({ x }) => ({ outputs: { s: sum(x, { axis: 0 }) } }) })).length;
    expect(sums(1_000_000)).toBe(2);
    expect(sums(100_000)).toBe(1);
    expect(sums(20_000, 32)).toBe(2);
    expect(sums(20_000, 128)).toBe(1);
  });
});
