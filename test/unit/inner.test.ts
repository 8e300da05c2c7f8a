/**
 * Contractions that a pool computes for itself (passes/fuse/inner.ts), windows that no buffer holds, and operands that are computed
 * for a panel: what fuse decides, and that the numbers are those of the program without fusing.
 */
import { describe, expect, test } from "vitest";
import { stagesOf } from "../../src/compile.ts";
import { here } from "../../src/core/origin.ts";
import { applyOp } from "../../src/dsl/build.ts";
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
import { targets } from "../../src/targets.ts";

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
  launchesOf(stagesOf(made as Program, "step", {}, targets[target].planned).sequence).map(({ kernel }) => kernel);
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
