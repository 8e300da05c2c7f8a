/**
 * Every op and composite on the GPU, value and gradient, against the float64 oracle: the table of test/op-cases.ts.
 */
import { ok } from "node:assert/strict";
import { deviceSource } from "../../../src/runtime/webgpu/device.ts";
import { wgslTarget } from "../../../src/targets.ts";
import { reportGaps } from "../../op-gaps.ts";
import { compareOps, printReport } from "../../op-report.ts";
import type { GpuCase } from "../case.ts";

export const cases: readonly GpuCase[] = [
  {
    name: "every op and composite against the oracle, value and gradient",
    async run({ device }, show) {
      const { rows, failures } = await compareOps(wgslTarget(deviceSource(device)), "wgsl");
      // Dawn warns on stdout, with no line end, of the empty dispatches of empty tensors; messages need lines of their own.
      show(printReport(rows));
      const problems = [...failures, ...reportGaps(rows)];
      ok(problems.length === 0, problems.join("\n"));
    },
  },
];
