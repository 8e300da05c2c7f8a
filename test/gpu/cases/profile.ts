/**
 * Profiles on a GPU: each launch is timed by the GPU's own clock, in a pass of its own, single or in chunks; the numbers do not change;
 * and a device that has no clock says so.
 */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { compileOn } from "../../../src/compile.ts";
import { zeros } from "../../../src/dsl/initializers.ts";
import { scan } from "../../../src/dsl/loops.ts";
import { add, matmul, mul, relu, sum } from "../../../src/dsl/ops.ts";
import { program } from "../../../src/dsl/program.ts";
import { f32, slot } from "../../../src/dsl/spec.ts";
import { wgslTarget } from "../../../src/eager-targets.ts";
import type { Profile } from "../../../src/runtime/profile/profile.ts";
import { printProfile } from "../../../src/runtime/profile/table.ts";
import { deviceSource } from "../../../src/runtime/webgpu/connection.ts";
import type { Gpu, GpuCase } from "../case.ts";

const width = 48;

/** A product, and a loop whose body is a launch of its own in each iteration. */
const made = program({
  inputs: { x: f32(width, width), rows: f32(7, width) },
  state: { s: slot(zeros(width)) },
  entries: {
    step({ x, rows }, { s }) {
      const { carry } = scan((c, row) => ({ carry: relu(add(mul(c, 0.5), add(row, sum(c)))) }), s, rows);
      return { outputs: { product: matmul(x, x), total: sum(carry) }, next: { s: carry } };
    },
  },
});

const feeds = {
  x: Float32Array.from({ length: width * width }, (_, i) => ((i * 7) % 5) / 4),
  rows: Float32Array.from({ length: 7 * width }, (_, i) => (i % 3) / 256),
};

async function clockless({ gpu }: Gpu): Promise<GPUDevice> {
  const adapter = await gpu.requestAdapter();
  ok(adapter !== null);
  return adapter.requestDevice();
}

/** What was launched, kernel by kernel. */
function launches({ entries: [entry] }: Profile) {
  return (entry?.kernels ?? []).filter(({ kind }) => kind === "kernel").map((kernel) => kernel.launches);
}

export const cases: readonly GpuCase[] = [
  {
    name: "a profile has the time of each launch, by the GPU's clock where it has one, and changes no number",
    async run(gpu, show) {
      const [plain, timed] = [0, 1].map(() => compileOn(made, wgslTarget(deviceSource(gpu.device))));
      const [expected, executable] = [await plain, await timed];
      ok(expected !== undefined && executable !== undefined);
      for (let i = 0; i < 3; i++) await expected.run({ entry: "step", feeds, steps: 5 });
      const few = await executable.profile(() => executable.run({ entry: "step", feeds, steps: 5 }));
      const more = await executable.profile(() => executable.run({ entry: "step", feeds, steps: 10 }), {
        steps: [3, 7],
      });
      deepStrictEqual(await executable.state.snapshot(), await expected.state.snapshot());
      const { entries, target, clock, ceiling } = few;
      strictEqual(target, "wgsl");
      ok(clock.includes("the GPU's clock"), clock);
      ok(ceiling !== null && ceiling.flops > 1e6 && ceiling.bytes > 1e6);
      const times = new Map(executable.report.entries[0]?.kernels.map((kernel) => [kernel.step, kernel.times]));
      const wanted = (runs: number) =>
        entries[0]?.kernels.filter(({ kind }) => kind === "kernel").map(({ steps: [first = -1] }) => runs * (times.get(first) ?? 0)); // biome-ignore format: short
      deepStrictEqual(launches(few), wanted(5));
      deepStrictEqual(launches(more), wanted(4));
      ok(launches(few).some((count) => count === 35));
      ok((entries[0]?.kernelMs ?? 0) > 0);
      for (const { ms, kind } of entries[0]?.kernels ?? []) ok(kind === "copy" ? ms === null : ms !== null && ms >= 0);
      const spans = few.timeline.filter(({ track }) => track === "GPU");
      strictEqual(
        spans.length,
        launches(few).reduce((all, count) => all + count, 0),
      );
      show(printProfile(few));
      for (const one of [expected, executable]) one.dispose();
    },
  },
  {
    name: "on a device without a clock launches are timed behind the runs, and leave no trace in states and outputs",
    async run(gpu) {
      const device = await clockless(gpu);
      const [expected, executable] = [await compileOn(made, wgslTarget(deviceSource(gpu.device))), await compileOn(made, wgslTarget(deviceSource(device)))]; // biome-ignore format: short
      for (const one of [expected, executable]) await one.run({ entry: "step", feeds });
      const profile = await executable.profile(() => executable.run({ entry: "step", feeds, steps: 2 }));
      await expected.run({ entry: "step", feeds, steps: 2 });
      ok(profile.clock.includes("has none"), profile.clock);
      const [entry] = profile.entries;
      strictEqual(entry?.runs, 2);
      ok(launches(profile).some((count) => count === 14));
      ok((entry?.kernelMs ?? 0) > 0);
      ok(profile.ceiling !== null && profile.ceiling.flops > 1e6);
      deepStrictEqual(await executable.state.snapshot(), await expected.state.snapshot());
      deepStrictEqual(await executable.read("product"), await expected.read("product"));
      for (const one of [expected, executable]) one.dispose();
      device.destroy();
    },
  },
];
