/** Programs with loops on every target that needs no GPU, every stage left out in turn, against the oracle; and what becomes of them. */
import { describe, expect, test } from "vitest";
import { stagesOf } from "../../src/compile.ts";
import { jsTarget } from "../../src/eager-targets.ts";
import { printSequence } from "../../src/program/print.ts";
import { kernelsOf } from "../../src/program/sequence.ts";
import { wgslEvaluatorTarget } from "../evaluator-machine.ts";
import { alikeLoops, loopPrograms, recurrentProgram, statesProgram } from "../loop-programs.ts";
import { expectClose, expectSound, runOracle, runProgram } from "../program-case.ts";

const all = [...loopPrograms, statesProgram(), recurrentProgram(5, 9, 37), alikeLoops()];

describe.each(all)("$name", ({ hasFlags = false, ...one }) => {
  test("on js and wasm", async () => {
    await expectSound(one, 1e-5, { hasFlags });
  });

  test("as for a GPU", async () => {
    expectClose((await runProgram(one, wgslEvaluatorTarget)).trace, runOracle(one), 1e-5);
  });
});

test("a carry that is stacked lies in its stack: nothing is copied in the loop", () => {
  const { program } = recurrentProgram(100, 32, 64);
  const { sequence, report } = stagesOf(program, "step", {}, jsTarget);
  expect(printSequence(sequence)).toMatchInlineSnapshot(`
    "copy input h to %3 kept[0]
    loop t < 100
      launch k2_contract_tanh(t0: %3 kept, u: input u, xs: input xs, t5: %3 kept) at t
    copy %3 kept[204800] to output carry
    copy %3 kept[2048] to output outputs"
  `);
  expect(report.kernels.map(({ times }) => times)).toEqual([100]);
  expect(report.launches).toBe(100);
});

test("loops that are alike launch the same kernels", () => {
  const { sequence } = stagesOf(alikeLoops().program, "step", {}, jsTarget);
  const loops = sequence.filter((step) => step.kind === "loop");
  expect(loops).toHaveLength(3);
  expect(kernelsOf(loops)).toHaveLength(2); // what the first has stacked lies a row further on
});

test("a loop of 1,000 iterations is as much code as one of 10", () => {
  const [short, long] = [10, 1000].map((steps) => {
    const { sequence, report } = stagesOf(recurrentProgram(steps, 4, 8).program, "step", {}, jsTarget);
    return { steps: sequence.length, kernels: report.kernels.length, passes: report.passes.map(({ count }) => count) };
  });
  expect(long).toEqual({ ...short, passes: expect.anything() });
});
