/**
 * Contractions that a pool computes for itself (passes/fuse/inner.ts), windows that no buffer holds, and operands that are computed
 * for a panel: what fuse decides, and that the numbers are those of the program without fusing.
 */
import { describe, expect, test } from "vitest";
import { stagesOf } from "../../src/compile.ts";
import { here } from "../../src/core/origin.ts";
import { applyOp } from "../../src/dsl/build.ts";
import { plannedTargets } from "../../src/eager-targets.ts";
import { contract } from "../../src/graph/ops/contract.ts";
import { reduceOps } from "../../src/graph/ops/reduce.ts";
import { window } from "../../src/graph/ops/window.ts";
import {
  add,
  compile,
  conv,
  f32,
  glorotUniform,
  grad,
  maxPool,
  mul,
  type Program,
  param,
  program,
  relu,
  sum,
  type Tensor,
} from "../../src/index.ts";
import { printSchedules } from "../../src/kernel/moves.ts";
import { launchesOf } from "../../src/program/sequence.ts";

interface Windows {
  readonly size: number;
  readonly stride?: number;
}

function windows(x: Tensor, { size, stride = 1 }: Windows): Tensor {
  const count = [1, 2].map((axis) => Math.floor((Number(x.shape[axis]) - size) / stride) + 1);
  const each = (value: number): number[] => [value, value];
  const attrs = {
    axes: [1, 2],
    count,
    size: each(size),
    stride: each(stride),
    dilation: each(1),
    base: each(1),
    before: each(0),
  };
  return applyOp(window, [x], { ...attrs, value: 0 }, here("windows"));
}

const convolve = (x: Tensor, w: Tensor): Tensor => {
  const attrs = { batchLeft: [], batchRight: [], sumLeft: [4, 5, 3], sumRight: [0, 1, 2] };
  return applyOp(contract, [windows(x, { size: Number(w.shape[0]) }), w], attrs, here("convolve"));
};

const pool = (x: Tensor, fold: "max" | "sum", of: Windows): Tensor =>
  applyOp(reduceOps[fold], [windows(x, of)], { axes: [4, 5] }, here("pool"));

interface Sizes {
  readonly batch?: number;
  readonly image?: number;
  readonly channels?: number;
  readonly filters?: number;
}

function network(
  after: (y: Tensor, x: Tensor) => Readonly<Record<string, Tensor>>,
  { batch = 4, image = 18, channels = 4, filters = 24 }: Sizes = {},
) {
  return program({
    inputs: { x: f32(batch, image, image, channels) },
    state: { w: param(glorotUniform(3, 3, channels, filters)) },
    step({ x }, { w }) {
      return { outputs: after(convolve(x as Tensor, w as Tensor), x as Tensor) };
    },
  });
}

const kernels = (made: Program<unknown>, target: "js" | "wasm" | "wgsl" = "wasm") =>
  launchesOf(stagesOf(made as Program, "step", {}, plannedTargets[target]).sequence).map(({ kernel }) => kernel);
const names = (made: Program<unknown>, target?: "js" | "wasm" | "wgsl") =>
  kernels(made, target).map(({ name }) => name);

const pooled = (fold: "max" | "sum", of: Windows = { size: 2, stride: 2 }, sizes?: Sizes) =>
  network((y) => ({ y: relu(add(pool(y, fold, of), 0.5)) }), sizes);

describe("a contraction inside of a fold", () => {
  test("is computed by a pool whose windows do not overlap, with what follows, and never stored", () => {
    for (const target of ["js", "wasm", "wgsl"] as const) {
      for (const fold of ["max", "sum"] as const) expect(names(pooled(fold), target)).toHaveLength(1);
    }
    const [kernel] = kernels(pooled("max"));
    expect(kernel?.buffers.map(({ count }) => count)).toEqual([4 * 18 * 18 * 4, 9 * 4 * 24, 4 * 8 * 8 * 24]);
    expect(printSchedules(kernel?.schedule ?? [])).toContain("into panel along columns");
    expect(printSchedules(kernel?.schedule ?? [])).toContain("jam k_i, l_i_o interleaved");
  });

  test("is a kernel of its own where windows overlap, it is read twice, or a result", () => {
    expect(names(pooled("max", { size: 3, stride: 2 }))).toHaveLength(2);
    expect(
      names(network((y) => ({ y: pool(y, "max", { size: 2, stride: 2 }), z: pool(y, "sum", { size: 2, stride: 2 }) }))),
    ).toEqual(["k0_contract", "k1_max_sum"]);
    expect(names(network((y) => ({ y, z: pool(y, "max", { size: 2, stride: 2 }) })))).toHaveLength(2);
  });

  test("and where a cache holds it, or a target computes no such long sum so", () => {
    expect(names(pooled("max", undefined, { batch: 1, image: 10, filters: 8 }))).toHaveLength(2);
    expect(names(pooled("max", undefined, { channels: 8 }), "wgsl")).toHaveLength(2);
    expect(names(pooled("max", undefined, { channels: 8 }), "js")).toHaveLength(1);
  });

  test.each(["max", "sum"] as const)(
    "a %s of convolutions has the bits of the unfused program on js, and on wasm its numbers",
    async (fold) => {
      const made = pooled(fold);
      const x = Float32Array.from({ length: 4 * 18 * 18 * 4 }, (_, i) => Math.sin(7 * i));
      const run = async (options: Parameters<typeof compile>[1]): Promise<Float32Array> => {
        const executable = await compile(made, options);
        executable.step({ x });
        const y = (await executable.read("y")) as Float32Array;
        executable.dispose();
        return y;
      };
      const unfused = await run({ target: "js", skip: ["fuse"] });
      expect(await run({ target: "js" })).toEqual(unfused);
      const y = await run({ target: "wasm", threads: 1 });
      expect(y.some((value) => value > 0)).toBe(true);
      expect(Math.max(...y.map((value, i) => Math.abs(value - (unfused[i] ?? 0))))).toBeLessThan(1e-5);
    },
  );
});

test("windows are never stored, however dear their operand is: that is", () => {
  const dear = program({
    inputs: {
      x: f32(4, 18, 18, 4),
      b: f32(4, 18, 18, 4),
      c: f32(4, 18, 18, 4),
      d: f32(4, 18, 18, 4),
      e: f32(4, 18, 18, 4),
    },
    state: { w: param(glorotUniform(3, 3, 4, 24)) },
    step({ x, b, c, d, e }, { w }) {
      return { outputs: { y: convolve(add(add(add(add(x, b), c), d), e) as Tensor, w as Tensor) } };
    },
  });
  const [first, second, ...others] = kernels(dear);
  expect(others).toEqual([]);
  expect(first?.buffers.at(-1)?.count).toBe(4 * 18 * 18 * 4);
  expect(second?.buffers.map(({ role }) => role)).toEqual(["read", "read", "write"]);
});

test("places of maxima are stored as bytes, and what they choose is computed for the panels of the filter's gradient", () => {
  const made = program({
    inputs: { x: f32(16, 30, 30, 1) },
    state: { w: param(glorotUniform(3, 3, 1, 32)) },
    step({ x }, { w }) {
      const y = maxPool(conv(x, w), { size: 2 });
      return { outputs: { g: grad(sum(mul(y, y)), w) } };
    },
  });
  const most = 16 * 28 * 28 * 32;
  const stored = kernels(made).flatMap(({ buffers }) => buffers.filter(({ role }) => role !== "read"));
  expect(stored.filter(({ element, count }) => element !== "f32" || count >= most)).toEqual([
    expect.objectContaining({ element: "u8", count: most / 4 }),
  ]);
});

test("behind a pool a filter's gradient goes over what was chosen, on wasm, and the image's is that spread: the numbers are those of js", async () => {
  const made = program({
    inputs: { x: f32(8, 26, 26, 16) },
    state: { w: param(glorotUniform(3, 3, 16, 12)), first: param(glorotUniform(1, 1, 16, 16)) },
    step({ x }, state) {
      const y = maxPool(relu(conv(conv(x, state.first), state.w)), { size: 2 });
      return { outputs: grad(sum(mul(y, y)), state) };
    },
  });
  const x = Float32Array.from({ length: 8 * 26 * 26 * 16 }, (_, i) => Math.sin(7 * i));
  const run = async (options: Parameters<typeof compile>[1]) => {
    const executable = await compile(made, options);
    executable.step({ x });
    const read = ["w", "first"].map(async (name) => (await executable.read(name)) as Float32Array);
    const slopes = await Promise.all(read);
    const fused = executable.report.entries[0]?.kernels.map(({ name, schedule }) => `${name}: ${schedule}`) ?? [];
    executable.dispose();
    return { slopes, fused };
  };
  const [js, wasm] = [
    await run({ target: "js", skip: ["fuse"] }),
    await run({ target: "wasm", threads: 1, vectors: 128 }),
  ];
  for (const [i, expected] of js.slopes.entries()) {
    const most = Math.max(...expected.map(Math.abs));
    const off = expected.map((value, at) => Math.abs(value - (wasm.slopes[i]?.[at] ?? Number.NaN)));
    expect(Math.max(...off) / most).toBeLessThan(1e-5);
    expect((await run({ target: "js" })).slopes[i]).toEqual(expected);
  }
  expect(wasm.fused.filter((kernel) => /permute|spread|contract/.test(kernel))).toMatchInlineSnapshot(`
    [
      "k0_contract: bind i thread; sink l; sink k; sink j; stage right of acc into panel along columns; split l 4; bind l_i lane; split k 2; jam k_i, l_o interleaved",
      "k1_contract_maxwithindex_cast: flatten k_3, k_4 into k_3k_4; split l 8 peel(bind i thread; sink l_r; sink k; sink j; stage right of acc into panel along columns; bind l_r lane; split k 4; jam k_i); bind i thread; sink l_i; sink k; sink j; stage right of acc into panel along columns; split l_i 4; bind l_i_i lane; split k 4; jam k_i, l_i_o interleaved",
      "k2_add_permute: split j 4; bind j_i lane; bind i thread | flatten k_2, l_2 into k_2l_2; split j_2 4; bind j_2_i lane; bind i_2 thread | flatten j_3, k_3, l_3 into j_3k_3l_3; split i_3 4; bind i_3_i lane",
      "k3_contract_parts: splitFold acc second launch 144; flatten k_1, l_1 into k_1l_1; flatten k_3_1, k_4_1 into k_3_1k_4_1; split k_1l_1 24; split k_1l_1_i 4; bind k_1l_1_i_i lane; jam k_1l_1_i_o interleaved; bind part thread",
      "k3_contract: splitFold acc second launch 144; flatten i, j, k, l into ijkl; split ijkl 16; split ijkl_i 4; bind ijkl_i_i lane; jam ijkl_i_o interleaved; bind ijkl_o thread",
      "k4_spread: bind i thread",
      "k5_contract_parts: splitFold acc second launch 676; flatten k_2_1, k_3_1 into k_2_1k_3_1; split j_1 8; bind part thread; sink j_1_i; sink i_1; sink j_1_o; stage right of acc_part at j_1_o into panel along columns; split j_1_i 4; bind j_1_i_i lane; split i_1 4; jam i_1_i, j_1_i_o interleaved",
      "k5_contract: splitFold acc second launch 676; flatten i, j into ij; split ij 16; split ij_i 4; bind ij_i_i lane; jam ij_i_o interleaved; bind ij_o thread",
      "k6_permute_reshape: flatten i, j, k into ijk; split ijk 4; bind ijk_i lane | flatten i_2, j_2, k_2, l_2 into i_2j_2k_2l_2; split i_2j_2k_2l_2 4; bind i_2j_2k_2l_2_i lane",
    ]
  `);
});
