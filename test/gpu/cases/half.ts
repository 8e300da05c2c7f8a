/** Casts to f16 on the GPU, by the rows of test/half-rows.ts. */
import { ok } from "node:assert/strict";
import { deviceSource } from "../../../src/runtime/webgpu/connection.ts";
import type { Skippable } from "../../../src/stages.ts";
import { wgslTarget } from "../../../src/targets.ts";
import { brokenHalves } from "../../half-rows.ts";
import type { GpuCase } from "../case.ts";

export const cases: readonly GpuCase[] = [
  {
    name: "casts to f16 round, fused or not",
    async run({ device }) {
      const skips: readonly (readonly Skippable[])[] = [[], ["fuse"]];
      for (const skip of skips) {
        const broken = await brokenHalves(wgslTarget(deviceSource(device)), skip);
        ok(broken.length === 0, [`without ${skip}`, ...broken].join("\n"));
      }
    },
  },
];
