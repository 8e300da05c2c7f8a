/** Sequences with loops on every target that needs no GPU: the right numbers, with dead memory poisoned, on several threads. */
import { describe, expect, test } from "vitest";
import { jsTarget, wasmTarget } from "../../src/eager-targets.ts";
import type { MachineOptions } from "../../src/runtime/machine.ts";
import { WasmMachine } from "../../src/runtime/wasm/machine.ts";
import type { TargetSetup } from "../../src/target-setup.ts";
import { evaluatorTarget, wasmEvaluatorTarget } from "../evaluator-machine.ts";
import { branchCases, loopCases, runLoopCase } from "../loop-sequences.ts";
import { cTarget, findCompiler } from "../targets/c/machine.ts";

interface Setup {
  readonly name: string;
  readonly setup: TargetSetup;
  readonly options?: MachineOptions;
}

/** The first run is left to the calling thread, the second is everybody's. */
const partsOfThree: TargetSetup = {
  ...wasmTarget({ threads: 3 }),
  machine: async (stateBytes, options) => {
    const timing = { isAlone: true, took: () => (timing.isAlone = false) };
    return new WasmMachine(stateBytes, { ...options, threads: 3, newCrowding: () => timing });
  },
};

const setups: readonly Setup[] = [
  { name: "the evaluator", setup: evaluatorTarget },
  { name: "the evaluator, as for wasm", setup: wasmEvaluatorTarget },
  { name: "js", setup: jsTarget },
  { name: "js, poisoned", setup: jsTarget, options: { poisonFreed: true } },
  { name: "wasm", setup: wasmTarget({ threads: 1 }) },
  { name: "wasm, poisoned", setup: wasmTarget({ threads: 1 }), options: { poisonFreed: true } },
  { name: "wasm on 3 threads", setup: wasmTarget({ threads: 3 }) },
  { name: "wasm, the parts of 3 threads on one", setup: partsOfThree },
  ...(findCompiler() === undefined ? [] : [{ name: "C", setup: cTarget }]),
];

describe.each(setups)("$name", ({ setup, options }) => {
  test.each([...loopCases, ...branchCases])("$name", async (one) => {
    const found = await runLoopCase(one, setup, options);
    expect(found).toEqual(one.outputs.map(({ expected }) => expected));
  });
});

test.each([jsTarget, wasmTarget({ threads: 1 })])("an observer hears every iteration", async (setup) => {
  for (const one of [...loopCases, ...branchCases]) {
    let heard = 0;
    await runLoopCase(one, setup, { onLaunch: () => (heard += 1) });
    expect(heard).toBe(2 * one.launches);
  }
});
