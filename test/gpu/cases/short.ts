/** Casts to f16 and bf16 on the GPU, by the rows of test/short-rows.ts. */
import { ok } from "node:assert/strict";
import { deviceSource } from "../../../src/runtime/webgpu/connection.ts";
import type { Skippable } from "../../../src/stages.ts";
import { wgslTarget } from "../../../src/targets.ts";
import { brokenShorts, shortTypes } from "../../short-rows.ts";
import type { GpuCase } from "../case.ts";

export const cases: readonly GpuCase[] = shortTypes.map((dtype) => ({
  name: `casts to ${dtype} round, fused or not`,
  async run({ device }) {
    const skips: readonly (readonly Skippable[])[] = [[], ["fuse"]];
    for (const skip of skips) {
      const broken = await brokenShorts(dtype, wgslTarget(deviceSource(device)), skip);
      ok(broken.length === 0, [`without ${skip}`, ...broken].join("\n"));
    }
  },
}));
