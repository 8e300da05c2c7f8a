/**
 * Every op and composite on the GPU, value and gradient, against the float64 oracle: the table of test/op-cases.ts. Of each op
 * the first and the last case, as a driver takes 10 ms to compile a kernel; `npm run test:all` tries all.
 */
import { ok } from "node:assert/strict";
import { wgslTarget } from "../../../src/eager-targets.ts";
import { deviceSource } from "../../../src/runtime/webgpu/connection.ts";
import { effort } from "../../effort.ts";
import { shortTypes } from "../../op-case.ts";
import { casesOf, opCases } from "../../op-cases.ts";
import { reportGaps } from "../../op-gaps.ts";
import { compareOps, printReport } from "../../op-report.ts";
import type { GpuCase } from "../case.ts";

const [first, last] = [
  new Map(opCases.toReversed().map((one) => [one.op, one])),
  new Map(opCases.map((one) => [one.op, one])),
];
const chosen = opCases.filter((one) => effort === 1 || one === first.get(one.op) || one === last.get(one.op));

export const cases: readonly GpuCase[] = [
  {
    name: "every op and composite against the oracle, value and gradient",
    async run({ device }, show) {
      const { rows, failures } = await compareOps(wgslTarget(deviceSource(device)), "wgsl", chosen);
      // Dawn warns on stdout, with no line end, of the empty dispatches of empty tensors; messages need lines of their own.
      show(printReport(rows));
      const problems = [...failures, ...reportGaps(rows)];
      ok(problems.length === 0, problems.join("\n"));
    },
  },
  ...shortTypes.map(
    (dtype): GpuCase => ({
      name: `ops of ${dtype} against the oracle, value and gradient`,
      async run({ device }) {
        const every = effort === 1 ? 1 : 40;
        const some = casesOf(dtype).filter((_, i) => i % every === 0);
        const { failures } = await compareOps(wgslTarget(deviceSource(device)), "wgsl", some);
        ok(failures.length === 0, failures.join("\n"));
      },
    }),
  ),
];
