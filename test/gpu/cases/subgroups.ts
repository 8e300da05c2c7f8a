/**
 * Lanes of a row that exchange what they have in registers: on the device what the evaluator of the kernel language says, the same bits
 * each time; with and without, and who asks a device for them. Random reductions: reductions.ts.
 */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { compileOn } from "../../../src/compile.ts";
import {
  add,
  argmax,
  argmin,
  f32,
  l2Norm,
  logSumExp,
  max,
  min,
  moments,
  mul,
  prod,
  program,
  softmax,
  sum,
  variance,
} from "../../../src/index.ts";
import { evaluateKernel } from "../../../src/kernel/evaluate.ts";
import { adapterSource, openDevice } from "../../../src/runtime/webgpu/connection.ts";
import { argMax, columnSum, difference, feedsFor, horizontal, reduction, scheduleWgsl, softmax as softmaxOf } from "../../unit/wgsl-samples.ts"; // biome-ignore format: one line
import { cardTarget, sameAsJs, subgroupSizeOn } from "../against-js.ts";
import type { GpuCase } from "../case.ts";
import { launch } from "../run-kernel.ts";

const limits = { maxInvocations: 64, maxWorkgroupStorage: 16384 };

/** Rows of 97 and 1,024 by all folds, along and across. */
const folded = program({
  inputs: { x: f32(5, 1024), narrow: f32(97, 24) },
  step: ({ x, narrow }) => {
    const [row, column] = [{ axis: 1 }, { axis: 0 }];
    return {
      outputs: {
        sums: sum(x, row),
        columns: sum(narrow, column),
        products: prod(add(mul(x, 1e-3), 1), row),
        most: max(x, row),
        least: min(narrow, column),
        best: argmax(x, row),
        worst: argmin(narrow, column),
        norms: l2Norm(x, row),
        spread: variance(x, row),
        parts: moments(narrow, column).variance,
        logs: logSumExp(x, row),
        soft: softmax(x),
      },
    };
  },
});

/** With ties, and a NaN in a row and in a column of its own. */
function feeds() {
  const x = Float32Array.from({ length: 5 * 1024 }, (_, i) => ((i * 37) % 101) / 50 - 1);
  const narrow = Float32Array.from({ length: 97 * 24 }, (_, i) => ((i * 29) % 53) / 25 - 1);
  x[3 * 1024 + 700] = Number.NaN;
  narrow[60 * 24 + 5] = Number.NaN;
  return { x, narrow };
}

export const cases: readonly GpuCase[] = [
  {
    name: "what lanes exchange is what the evaluator says",
    async run({ device }) {
      const subgroupSize = subgroupSizeOn(device);
      if (subgroupSize === 0) return;
      const tuning = { acrossRows: subgroupSize / 2, rowLeastColumns: 16 };
      for (const kernel of [softmaxOf(3, 300), argMax(3, 1000), columnSum(128, 40), reduction(500), horizontal()]) {
        const scheduled = scheduleWgsl(kernel, { ...limits, subgroupSize }, tuning);
        const expected = feedsFor(kernel);
        evaluateKernel(scheduled, expected);
        const { buffers, source } = await launch(device, scheduled, feedsFor(kernel));
        match(source, /subgroupShuffleXor/);
        deepStrictEqual((await launch(device, scheduled, feedsFor(kernel))).buffers, buffers);
        for (const { name, role } of kernel.buffers) {
          if (role === "read") continue;
          const found = difference(buffers.get(name) ?? [], expected.get(name)?.data ?? [], 1e-4);
          strictEqual(found, undefined, `${kernel.name}, ${name}: ${found}\n${source}`);
        }
      }
    },
  },
  {
    name: "all folds, with and without subgroups",
    async run({ device }) {
      await sameAsJs(device, folded, [{ feeds: feeds() }], { tolerance: 1e-4, asCard: true });
      const outputs: unknown[] = [];
      for (const size of [subgroupSizeOn(device), 0]) {
        const compiled = await compileOn(folded, cardTarget(device, size), {});
        const schedules = compiled.report.entries.flatMap(({ kernels }) => kernels.map(({ schedule }) => schedule));
        strictEqual(size > 0, schedules.some((schedule) => schedule.includes("in subgroups of"))); // biome-ignore format: one line
        const { soft: _, logs: __, ...out } = await compiled.run({ entry: "step", feeds: feeds() });
        outputs.push([out.most, out.least, out.best, out.worst]);
        compiled.dispose();
      }
      deepStrictEqual(outputs[0], outputs[1]);
    },
  },
  {
    name: "a device is asked for them where it tells invocations which they are in",
    async run({ gpu, device }) {
      const source = await adapterSource(gpu);
      if (source === null) throw new Error("no adapter");
      strictEqual(source.subgroupSize, gpu.wgslLanguageFeatures.has("subgroup_id") ? subgroupSizeOn(device) : 0);
      const opened = await openDevice(source);
      strictEqual(opened.device.features.has("subgroups"), source.subgroupSize > 0);
      ok(opened.isOurs);
      opened.device.destroy();
    },
  },
];
