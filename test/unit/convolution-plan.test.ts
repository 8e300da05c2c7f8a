/**
 * What a training step of a convolutional network takes of memory (C5 of the workloads: 32 filters of 3 x 3 on 512 images of 28 x 28,
 * relu, the largest of 2 x 2, two dense layers, Adam), planned: no windows, and no convolved images.
 */
import { describe, expect, test } from "vitest";
import { netProgram } from "../../bench/net-program.ts";
import { c5, conv2 } from "../../bench/workloads.ts";
import checkpointed from "../../examples/checkpoint.ts";
import { stagesOf } from "../../src/compile.ts";
import * as ops from "../../src/dsl/ops.ts";
import { plannedTargets } from "../../src/eager-targets.ts";
import { window } from "../../src/graph/ops/window.ts";
import { f32, grad, i32, type Program, param, program, type Tensor, zeros } from "../../src/index.ts";
import { printSchedules } from "../../src/kernel/moves.ts";
import { printKernel } from "../../src/kernel/print.ts";
import { launchesOf } from "../../src/program/sequence.ts";
import { drawProgram } from "../../src/tools/cli/graph.ts";
import { expectGolden } from "../golden.ts";

const planned = (target: "js" | "wasm" | "wgsl", net = c5) =>
  stagesOf(netProgram(net) as Program, "train", { batch: net.batch }, plannedTargets[target]);

/** C5's convolution and pool as floats, and as places: what the slopes go back by. */
const pooled = 512 * 13 * 13 * 32;

describe("the plan of a convolutional network", () => {
  // What the command prints: tensorloom graph examples/checkpoint.ts --entry kept --stage memory --dims batch=512 --target wasm
  test.each(["kept", "again"] as const)("C5 on wasm, %s, as text", async (entry) => {
    const options = { entry, stage: "memory", format: "text", dims: { batch: 512 }, target: "wasm" } as const;
    const text = String(await drawProgram(checkpointed as Program, options));
    expectGolden(`c5-${entry}.wasm.memory.txt`, text);
  });

  test("C5 keeps a third of what others do, and half of that where its convolution is made again", () => {
    const [kept, again] = ["kept", "again"].map(
      (entry) => stagesOf(checkpointed as Program, entry, { batch: 512 }, plannedTargets.wasm).report,
    );
    const [before, after] = [kept?.memory, again?.memory];
    for (const memory of [before, after])
      expect(memory?.peakBytes).toBeLessThanOrEqual(1.05 * (memory?.lowerBoundBytes ?? 0));
    // In their plans: the convolution, its slope, the pool and its slope.
    const theirs = 4 * c5.batch * 32 * (2 * 26 * 26 + 2 * 13 * 13);
    expect(before?.peakBytes).toBeLessThan(0.35 * theirs);
    // The slope of the pool and the places of its greatest. Without, the pool besides: the dense layer's update waits for it.
    expect(before?.peakBytes).toBeGreaterThan((4 + 4 + 1) * pooled);
    expect(after?.peakBytes).toBeLessThan(1.05 * (4 + 1) * pooled);
    const convolutions = [kept, again].map(
      (report) => report?.kernels.filter(({ name }) => name.includes("maxwithindex")).length,
    );
    expect(convolutions).toEqual([1, 2]);
    expect(again?.copied).toEqual({ "net.wide.kernel": expect.stringMatching(/checkpointed/) });
  });

  test.each(["kept", "again"] as const)("C5 takes no more on js than on wasm, %s", (entry) => {
    const [js = 0, wasm = 0] = (["js", "wasm"] as const).map((target) => {
      const { report } = stagesOf(checkpointed as Program, entry, { batch: 512 }, plannedTargets[target]);
      return report.memory.peakBytes;
    });
    expect(js).toBeLessThan(1.01 * wasm);
  });

  test("two convolutions, each made again: an image and its slope, and what the pool chose", () => {
    // Of the slope only what the pool chose is in memory, with its places, twice: as it is, and as the gradients read it.
    const [first, chosen] = [128 * 26 * 26 * 32 * 4, 128 * 12 * 12 * 64 * 4];
    const [peakBytes] = (["wasm", "js", "wgsl"] as const).map((target) => {
      const { memory } = stagesOf(twoConvolutions(), "step", {}, plannedTargets[target]).report;
      // on wgsl 1.10 where buffers are placed in their first order
      expect(memory.peakBytes, target).toBeLessThanOrEqual(1.05 * memory.lowerBoundBytes);
      return memory.peakBytes;
    });
    const before = planned("wasm", conv2).report.memory.peakBytes;
    expect(before).toBeLessThan(2 * first + 2.1 * chosen);
    expect(peakBytes).toBeLessThan(2 * first + 0.8 * chosen);
  });

  test.each(["js", "wasm", "wgsl"] as const)(
    "a checkpoint around all of C5, which frees nothing, takes nothing on %s",
    (target) => {
      const [plain, whole] = [false, true].map(
        (again) => stagesOf(convolved(again), "step", {}, plannedTargets[target]).report.memory.peakBytes,
      );
      expect(whole).toBeLessThan(1.01 * (plain ?? 0));
    },
  );

  test.each(["js", "wasm", "wgsl"] as const)(
    "on %s no buffer holds windows, and the peak is near its bound",
    (target) => {
      for (const net of [c5, conv2]) {
        const { ordered, report } = planned(target, net);
        const stored = ordered.fused.groups.flat().flatMap(({ outputs }) => outputs);
        expect(stored.length).toBeGreaterThan(10);
        expect(stored.filter(({ op }) => op === window)).toEqual([]);
        // Nor the slopes that a pool chooses: they lie as the convolution's gradients read them.
        const chosen = stored.filter(({ op, type }) => op.name === "select" && type.shape.length > 4);
        expect(chosen).toEqual([]);
        expect(report.memory.peakBytes).toBeLessThanOrEqual(1.05 * report.memory.lowerBoundBytes);
      }
    },
  );

  test("of two convolutions on wasm: by images, and over what the pool chose", () => {
    const { ordered, sequence } = planned("wasm", conv2);
    const views = ordered.fused.groups.flat().flatMap(({ outputs }) => outputs.filter(({ op }) => op.kind === "view"));
    expect(views.map(({ op, type }) => `${op.name} ${type.shape}`)).toMatchInlineSnapshot(`
      [
        "permute 128,64,12,12",
        "permute 64,3,3,32",
      ]
    `);
    const kernels = launchesOf(sequence).map(({ kernel }) => kernel);
    const large = kernels.filter(({ buffers }) => buffers.some(({ count }) => count >= 128 * 26 * 26 * 32));
    const schedules = large.map(({ name, schedule }) => `${name}: ${printSchedules(schedule)}`);
    expect(schedules).toMatchInlineSnapshot(`
      [
        "k2_contract_max: flatten k_3, k_4 into k_3k_4; split l 16; bind i thread; sink l_i; sink k; sink j; sink l_o; stage right of acc at l_o into panel along columns; split l_i 4; bind l_i_i lane; split k 2; jam k_i, l_i_o interleaved",
        "k3_contract_maxwithindex_cast: flatten k_3, k_4 into k_3k_4; split l 8; bind i thread; sink l_i; sink k; sink j; sink l_o; stage right of acc at l_o into panel along columns; split l_i 4; bind l_i_i lane; split k 4; jam k_i, l_i_o interleaved",
        "k14_contract_parts: splitFold acc second launch 288; flatten k_1, l_1 into k_1l_1; flatten k_3_1, k_4_1 into k_3_1k_4_1; split k_1l_1 24; split k_1l_1_i 4; bind k_1l_1_i_i lane; jam k_1l_1_i_o interleaved; bind part thread",
        "k15_spread: bind i thread",
        "k16_sum_sub_parts: splitFold acc second launch 1352; splitFold acc_part serial 1024; split i_1 16; split i_1_i 4; bind i_1_i_i lane; jam i_1_i_o interleaved; bind part thread",
        "k17_contract_parts: splitFold acc second launch 2704; split l_1 8; bind part thread; bind i_1 thread; sink l_1_i; sink k_1; sink j_1; sink l_1_o; stage right of acc_part at l_1_o into panel along columns; split l_1_i 4; bind l_1_i_i lane; splitFold acc_part serial 1024; jam k_1, l_1_i_o interleaved",
      ]
    `);
    expect(large.filter((kernel) => printKernel(kernel).includes("guarded"))).toEqual([]);
  });

  test.each([
    [2, ["chosen"]],
    [4, ["chosen", "spread"]],
  ] as const)("of a convolution of one axis on wasm: over what a pool of %i chose", (size, wanted) => {
    const made = program({
      inputs: { x: f32(32, 258, 32), w: f32(3, 32, 16), v: f32(32, 256 / size, 16) },
      step({ x, w, v }: Readonly<Record<"x" | "w" | "v", Tensor>>) {
        const y = ops.maxPool(ops.relu(ops.conv(x as never, w as never) as never) as never, { size }) as Tensor;
        return { outputs: { slopes: grad(ops.sum(ops.mul(y, v)) as never, { x, w } as never) } };
      },
    } as never) as Program;
    const { fused } = stagesOf(made, "step", {}, plannedTargets.wasm).ordered;
    const names = new Set<string>(fused.entry.graph.nodes.map(({ op }) => op.name));
    expect(["chosen", "spread"].filter((name) => names.has(name))).toEqual(wanted);
  });

  test("of a convolution that reads beyond the edge, on js and wasm: over a border", () => {
    const made = program({
      inputs: { image: f32(8, 24, 24, 16) },
      state: { w: param(zeros(3, 3, 16, 32)) },
      step: ({ image }, { w }) => ({ outputs: { y: ops.conv(ops.neg(image), w, { padding: "same" }) } }),
    });
    for (const target of ["js", "wasm"] as const) {
      const { ordered, sequence } = stagesOf(made as Program, "step", {}, plannedTargets[target]);
      const outputs = ordered.fused.groups.flat().flatMap((cluster) => cluster.outputs);
      expect(outputs.map(({ op, type }) => `${op.name} ${type.shape}`)).toEqual([
        "pad 8,26,26,16",
        "contract 8,24,24,32",
      ]);
      const kernels = launchesOf(sequence).map(({ kernel }) => kernel);
      const guarded = kernels.filter((kernel) => printKernel(kernel).includes("guarded"));
      expect(guarded.map(({ name }) => name)).toEqual(["k0_pad"]);
    }
  });
});

/** Two convolutions of conv2's sizes and a dense layer, each convolution checkpointed. */
/** C5 in few words; `again`: all of it is checkpointed. */
function convolved(again: boolean): Program {
  type Model = Readonly<Record<"filters" | "wide" | "last", Tensor>>;
  const scores =
    ({ filters, wide, last }: Model) =>
    (image: Tensor): Tensor => {
      const pooled = ops.maxPool(ops.relu(ops.conv(image as never, filters as never) as never) as never, { size: 2 });
      const hidden = ops.relu(ops.matmul(ops.reshape(pooled as never, [512, 5408]) as never, wide as never) as never);
      return ops.matmul(hidden as never, last as never) as Tensor;
    };
  return program({
    inputs: { image: f32(512, 28, 28, 1), label: i32(512) },
    state: { model: { filters: param(zeros(3, 3, 1, 32)), wide: param(zeros(5408, 64)), last: param(zeros(64, 10)) } },
    step({ image, label }: { image: Tensor; label: Tensor }, { model }: { model: Model }) {
      const logits = again ? ops.checkpoint(scores(model), image) : scores(model)(image);
      const loss = ops.mean(ops.softmaxCrossEntropy(logits as never, label as never) as never);
      const slopes = grad(loss as never, model as never) as Model;
      const { filters, wide, last } = model;
      const next = {
        filters: ops.sub(filters, slopes.filters),
        wide: ops.sub(wide, slopes.wide),
        last: ops.sub(last, slopes.last),
      };
      return { outputs: { loss }, next: { model: next } };
    },
  } as never) as Program;
}

function twoConvolutions(): Program {
  const layer = (k: Tensor) => (x: Tensor) => ops.relu(ops.conv(x as never, k as never) as never) as Tensor;
  return program({
    inputs: { image: f32(128, 28, 28, 1), label: i32(128) },
    state: {
      model: { first: param(zeros(3, 3, 1, 32)), second: param(zeros(3, 3, 32, 64)), last: param(zeros(9216, 10)) },
    },
    step(
      { image, label }: { image: Tensor; label: Tensor },
      { model }: { model: Readonly<Record<"first" | "second" | "last", Tensor>> },
    ) {
      const { first, second, last } = model;
      const below = ops.checkpoint(layer(first), image);
      const above = ops.checkpoint((x: Tensor) => ops.maxPool(layer(second)(x) as never, { size: 2 }) as Tensor, below);
      const logits = ops.matmul(ops.reshape(above as never, [128, 9216]) as never, last as never);
      const loss = ops.mean(ops.softmaxCrossEntropy(logits as never, label as never) as never);
      const slopes = grad(loss as never, model as never) as typeof model;
      const next = {
        first: ops.sub(first, slopes.first),
        second: ops.sub(second, slopes.second),
        last: ops.sub(last, slopes.last),
      };
      return { outputs: { loss }, next: { model: next } };
    },
  } as never) as Program;
}
