/** Every kind of array on the GPU: what Dawn or a browser would refuse, or die of, is copied or refused before. */
import { ok } from "node:assert/strict";
import { wgslTarget } from "../../../src/eager-targets.ts";
import { deviceSource } from "../../../src/runtime/webgpu/connection.ts";
import { wronglyTreated, wronglyTreatedData } from "../../array-kinds.ts";
import type { GpuCase } from "../case.ts";

export const cases: readonly GpuCase[] = [
  {
    name: "each is taken or refused as feed and as state",
    async run({ device }) {
      const wrong = await wronglyTreated(wgslTarget(deviceSource(device)));
      ok(wrong.length === 0, wrong.join("\n"));
    },
  },
  {
    name: "each is taken or refused as a data set",
    async run({ device }) {
      const wrong = await wronglyTreatedData({ target: "wgsl", device });
      ok(wrong.length === 0, wrong.join("\n"));
    },
  },
];
