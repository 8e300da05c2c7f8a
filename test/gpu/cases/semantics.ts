/** The special values of docs/semantics.md on the GPU. */
import { ok } from "node:assert/strict";
import { wgslTarget } from "../../../src/eager-targets.ts";
import { deviceSource } from "../../../src/runtime/webgpu/connection.ts";
import { brokenRows } from "../../semantics-rows.ts";
import type { GpuCase } from "../case.ts";

export const cases: readonly GpuCase[] = [
  {
    name: "special values, as docs/semantics.md has them",
    async run({ device }) {
      const broken = await brokenRows(wgslTarget(deviceSource(device)));
      ok(broken.length === 0, broken.join("\n"));
    },
  },
];
