/** Mixed precision on the GPU: the numbers that every target has. */
import { deepStrictEqual, match, ok, rejects } from "node:assert/strict";
import { compile, compileOn } from "../../../src/compile.ts";
import { wgslTarget } from "../../../src/eager-targets.ts";
import { deviceSource } from "../../../src/runtime/webgpu/connection.ts";
import { beyondBounds, layered, layeredFeeds } from "../../mixed-programs.ts";
import type { GpuCase } from "../case.ts";

export const cases: readonly GpuCase[] = [
  {
    name: "a product and its gradients are those of operands rounded to f16",
    async run({ device }) {
      for (const precision of ["mixed", "f32"] as const) {
        const executable = await compile(layered, { target: "wgsl", device, precision });
        const { y, dx, dw } = await executable.run({ entry: "step", feeds: layeredFeeds });
        const beyond = beyondBounds({ y, dx, dw });
        if (precision === "mixed") deepStrictEqual(beyond, []);
        else ok(beyond.length > 0);
        if (precision === "mixed") match(executable.report.device, /, with(out)? f16/);
        executable.dispose();
      }
    },
  },
  {
    name: "a real GPU without f16 is refused, with what to do",
    async run({ device }) {
      const source = { ...deviceSource(device, "mixed"), software: false };
      const without = { ...source, mixed: { hasHalves: false, hasMatrixUnits: false, subgroupSize: 0 } };
      await rejects(compileOn(layered, wgslTarget(without), { precision: "mixed" }), /no "shader-f16".*nodeGpu/);
    },
  },
];
