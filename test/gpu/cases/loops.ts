/** Sequences with loops on the GPU: kernels that are told the iteration, and copies of rows. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { checkpointedStep } from "../../checkpoint-program.ts";
import { loopPrograms, recurrentProgram, statesProgram } from "../../loop-programs.ts";
import { loopCases, runLoopCase } from "../../loop-sequences.ts";
import { cardTarget, sameAsJs } from "../against-js.ts";
import type { GpuCase } from "../case.ts";

const everything = [...loopPrograms, statesProgram(), recurrentProgram(5, 9, 37), checkpointedStep()];

const programs: readonly GpuCase[] = everything.map(({ name, program, calls }) => ({
  name,
  async run({ device }) {
    await sameAsJs(device, program, calls, { tolerance: 1e-5, asCard: true });
  },
}));

const byHand: readonly GpuCase[] = loopCases.map((one) => ({
  name: one.name,
  async run({ device }) {
    let heard = 0;
    const onLaunch = (): void => {
      heard += 1;
    };
    const wanted = one.outputs.map(({ expected }) => expected);
    deepStrictEqual(await runLoopCase(one, cardTarget(device), { onLaunch }), wanted);
    strictEqual(heard, 2 * one.launches);
    deepStrictEqual(await runLoopCase(one, cardTarget(device), { poisonFreed: true }), wanted);
  },
}));

export const cases: readonly GpuCase[] = [...byHand, ...programs];
