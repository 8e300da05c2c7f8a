/**
 * What a training step of a convolutional network takes of memory (C5 of the workloads: 32 filters of 3 x 3 on 512 images of 28 x 28,
 * relu, the largest of 2 x 2, two dense layers, Adam), planned: no windows, and no convolved images.
 */
import { describe, expect, test } from "vitest";
import { netProgram } from "../../bench/net-program.ts";
import { c5, conv2 } from "../../bench/workloads.ts";
import { stagesOf } from "../../src/compile.ts";
import { pad } from "../../src/graph/ops/parts.ts";
import { window } from "../../src/graph/ops/window.ts";
import {
  add,
  checkpoint,
  conv,
  f32,
  glorotUniform,
  grad,
  i32,
  matmul,
  maxPool,
  mean,
  type Program,
  param,
  program,
  relu,
  reshape,
  softmaxCrossEntropy,
  zeros,
} from "../../src/index.ts";
import { printSchedules } from "../../src/kernel/moves.ts";
import { printKernel } from "../../src/kernel/print.ts";
import { launchesOf } from "../../src/program/sequence.ts";
import { targets } from "../../src/targets.ts";
import { expectGolden } from "../golden.ts";

const planned = (target: "js" | "wasm" | "wgsl", net = c5) =>
  stagesOf(netProgram(net) as Program, "train", { batch: net.batch }, targets[target].planned);

/** C5's first layer and its last, with and without what lies between them kept. */
function withCheckpoint(isKept: boolean) {
  const batch = 512;
  const model = {
    kernel: param(glorotUniform(3, 3, 1, 32)),
    bias: param(zeros(32)),
    w: param(glorotUniform(5408, 64)),
  };
  return program({
    inputs: { image: f32(batch, 28, 28, 1), label: i32(batch) },
    state: { model },
    step({ image, label }, { model: weights }) {
      const layer = (x: typeof image) => maxPool(relu(add(conv(x, weights.kernel), weights.bias)), { size: 2 });
      const pooled = isKept ? layer(image) : checkpoint(layer, image);
      const logits = matmul(reshape(pooled, [batch, 5408]), weights.w);
      const loss = mean(softmaxCrossEntropy(logits, label));
      const slopes = grad(loss, weights);
      return {
        outputs: { loss },
        next: { model: { kernel: slopes.kernel, bias: slopes.bias, w: slopes.w } },
      };
    },
  });
}

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

  test("what is made again in the backward pass needs less memory", () => {
    const [kept, again] = [true, false].map((isKept) => {
      const { report } = stagesOf(withCheckpoint(isKept) as Program, "step", {}, targets.wasm.planned);
      return {
        ...report.memory,
        convolutions: report.kernels.filter(({ name }) => name.includes("maxwithindex")).length,
      };
    });
    expect([kept?.convolutions, again?.convolutions]).toEqual([1, 2]);
    expect(again?.peakBytes).toBeLessThan(kept?.peakBytes ?? 0);
    expect(again?.peakBytes).toBeLessThanOrEqual(1.05 * (again?.lowerBoundBytes ?? 0));
  });

  test.each(["js", "wasm", "wgsl"] as const)(
    "on %s no buffer holds windows, and the peak is near its bound",
    (target) => {
      for (const net of [c5, conv2]) {
        const { ordered, report } = planned(target, net);
        const stored = ordered.fused.groups.flat().flatMap(({ outputs }) => outputs);
        expect(stored.length).toBeGreaterThan(10);
        expect(stored.filter(({ op }) => op === window)).toEqual([]);
        // Nor the slopes that a pool chooses: they lie as the convolution's gradients read them. A kernel of 8 buffers has no room for that.
        const chosen = stored.filter(({ op, type }) => op.name === "select" && type.shape.length > 4);
        expect(chosen.length).toBe(target === "wgsl" ? 1 : 0);
        expect(report.memory.peakBytes).toBeLessThanOrEqual(1.05 * report.memory.lowerBoundBytes);
      }
    },
  );

  test("of two convolutions on wasm: by images, and over a border where the gradient of the input reads beyond the edge", () => {
    const { ordered, sequence } = planned("wasm", conv2);
    const padded = ordered.fused.groups.flat().flatMap(({ outputs }) => outputs.filter(({ op }) => op === pad));
    expect(padded.map(({ type }) => type.shape)).toEqual([[128, 28, 28, 64]]);
    const kernels = launchesOf(sequence).map(({ kernel }) => kernel);
    const schedules = kernels.flatMap(({ name, schedule }) =>
      /maxwithindex|contract_select/.test(name) ? [`${name}: ${printSchedules(schedule)}`] : [],
    );
    expect(schedules).toMatchInlineSnapshot(`
      [
        "k2_contract_maxwithindex_cast: split l 8; bind i thread; sink l_i; sink k; sink j; sink l_o; stage right of acc at l_o into panel along columns; split l_i 4; bind l_i_i lane; split k 4; jam k_i, l_i_o interleaved",
        "k6_contract_select: split j 16; split j_i 8; bind j_o thread; sink j_i_i; sink j_i_o; sink i; stage right of acc into panel along depth; split j_i_i 4; bind j_i_i_i lane; split i 4; jam i_i, j_i_i_o interleaved",
        "k13_contract_select: split l 16; bind i thread; sink l_i; sink k; sink j; sink l_o; stage right of acc at l_o into panel along depth; split l_i 4; bind l_i_i lane; split k 2; jam k_i, l_i_o interleaved; spill acc over k_i",
      ]
    `);
    const guarded = kernels.filter((kernel) => printKernel(kernel).includes("guarded"));
    expect(guarded.map(({ name }) => name)).toEqual(["k11_pad"]);
  });
});
