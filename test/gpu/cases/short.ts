/** Casts to f16 and bf16 on the GPU, by the rows of test/short-rows.ts, and training in them. */
import { deepStrictEqual, ok } from "node:assert/strict";
import { compileOn } from "../../../src/compile.ts";
import { wgslTarget } from "../../../src/eager-targets.ts";
import { cast, f32, program } from "../../../src/index.ts";
import { deviceSource } from "../../../src/runtime/webgpu/connection.ts";
import type { Skippable } from "../../../src/stages.ts";
import { shortTypes } from "../../op-case.ts";
import { brokenShorts, decodeShort, isAsTorch, torchNumbers } from "../../short-rows.ts";
import { shortFeeds, shortSteps, shortTraining, trainedBits } from "../../short-training.ts";
import type { GpuCase } from "../case.ts";

const casts = shortTypes.map(
  (dtype): GpuCase => ({
    name: `casts to ${dtype} round as the reference does and PyTorch, fused or not`,
    async run({ device }) {
      const skips: readonly (readonly Skippable[])[] = [[], ["fuse"]];
      for (const skip of skips) {
        const broken = await brokenShorts(dtype, wgslTarget(deviceSource(device)), skip);
        ok(broken.length === 0, [`without ${skip}`, ...broken].join("\n"));
      }
      const numbers = torchNumbers();
      const made = program({
        inputs: { x: f32(numbers.length) },
        step: ({ x }) => ({ outputs: { y: cast(x, dtype) } }),
      });
      const executable = await compileOn(made, wgslTarget(deviceSource(device)), {});
      const { y } = await executable.run({ entry: "step", feeds: { x: numbers } });
      executable.dispose();
      ok(isAsTorch(dtype, y as Uint16Array), "PyTorch rounds otherwise");
    },
  }),
);

const trainings = shortTypes.map(
  (dtype): GpuCase => ({
    name: `a step of training in ${dtype} has the bits that it has everywhere`,
    async run({ device }) {
      const executable = await compileOn(shortTraining(dtype), wgslTarget(deviceSource(device)), { seed: 4 });
      const read = async (name: string): Promise<number[]> => [...((await executable.state.read(name)) as Uint16Array)];
      const [w, velocity] = trainedBits(dtype, await read("model.w"));
      for (let i = 0; i < shortSteps; i++) await executable.run({ entry: "step", feeds: shortFeeds } as never);
      const found = [await read("model.w"), await read("opt.velocity.w")];
      executable.dispose();
      deepStrictEqual(
        found.map((all) => all.map((bits) => decodeShort(dtype, bits))),
        [w, velocity],
      );
    },
  }),
);

export const cases: readonly GpuCase[] = [...casts, ...trainings];
