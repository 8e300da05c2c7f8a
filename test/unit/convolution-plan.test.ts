/**
 * What a training step of a convolutional network takes of memory (C5 of the workloads: 32 filters of 3 x 3 on 512 images of 28 x 28,
 * relu, the largest of 2 x 2, two dense layers, Adam), planned: no windows, and no convolved images.
 */
import { describe, expect, test } from "vitest";
import { netProgram } from "../../bench/net-program.ts";
import { c5, conv2 } from "../../bench/workloads.ts";
import { stagesOf } from "../../src/compile.ts";
import { window } from "../../src/graph/ops/window.ts";
import type { Program } from "../../src/index.ts";
import { targets } from "../../src/targets.ts";
import { expectGolden } from "../golden.ts";

const planned = (target: "js" | "wasm" | "wgsl", net = c5) =>
  stagesOf(netProgram(net) as Program, "train", { batch: net.batch }, targets[target].planned);

describe("the plan of a convolutional network", () => {
  test("C5 on wasm: what lies in memory between its kernels, as text", () => {
    const { shown, report } = planned("wasm");
    const { peakBytes, lowerBoundBytes } = report.memory;
    const lines = (shown.get("plan")?.() ?? "").split("\n").filter((line) => line.startsWith("arena"));
    const text = [`peak ${peakBytes} B, at least ${lowerBoundBytes} B`, ...lines].join("\n");
    expectGolden("c5.wasm.plan.txt", text.replace(/ %\d+/g, ""));
    expect(peakBytes).toBeLessThanOrEqual(1.05 * lowerBoundBytes);
    // In their plans: the convolution, its slope, the pool and its slope.
    const theirs = 4 * c5.batch * 32 * (2 * 26 * 26 + 2 * 13 * 13);
    expect(peakBytes).toBeLessThan(0.35 * theirs);
  });

  test.each(["js", "wasm", "wgsl"] as const)(
    "on %s no buffer holds windows, and the peak is near its bound",
    (target) => {
      for (const net of [c5, conv2]) {
        const { ordered, report } = planned(target, net);
        const stored = ordered.fused.groups.flat().flatMap(({ outputs }) => outputs);
        expect(stored.length).toBeGreaterThan(10);
        expect(stored.filter(({ op }) => op === window)).toEqual([]);
        expect(report.memory.peakBytes).toBeLessThanOrEqual(1.05 * report.memory.lowerBoundBytes);
      }
    },
  );
});
