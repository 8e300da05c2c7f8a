/** Casts to f16 and bf16 on the GPU, by the rows of test/short-rows.ts. */
import { ok } from "node:assert/strict";
import { compileOn } from "../../../src/compile.ts";
import { cast, f32, program } from "../../../src/index.ts";
import { deviceSource } from "../../../src/runtime/webgpu/connection.ts";
import type { Skippable } from "../../../src/stages.ts";
import { wgslTarget } from "../../../src/targets.ts";
import { shortTypes } from "../../op-case.ts";
import { brokenShorts, isAsTorch, torchNumbers } from "../../short-rows.ts";
import type { GpuCase } from "../case.ts";

export const cases: readonly GpuCase[] = shortTypes.map((dtype) => ({
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
}));
