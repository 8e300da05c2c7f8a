/**
 * The WGSL schedule: kernels mean the same before and after, without races, at every size; and its choices as text.
 */
import { describe, expect, test } from "vitest";
import { wasmMoves } from "../../codegen/wasm/moves/all.ts";
import { wgslMoves } from "../../codegen/wgsl/moves/all.ts";
import { type Policy, scheduleKernel } from "../../passes/schedule/schedule.ts";
import type { DType } from "../../src/core/dtype.ts";
import { checkKernel } from "../../src/kernel/check.ts";
import { evaluateKernel, findFaults } from "../../src/kernel/evaluate.ts";
import { type Kernel, type Stmt, valueTypeOf } from "../../src/kernel/kernel.ts";
import { type AnyMove, printSchedules } from "../../src/kernel/moves.ts";
import { printKernel } from "../../src/kernel/print.ts";
import { apply, constIndex, convert, fold, load, loopIndex, name, store } from "../kernel-pool.ts";
import {
  argMax,
  at,
  buffer,
  columnSum,
  difference,
  feedsFor,
  horizontal,
  kernelOf,
  loop,
  matmul,
  nest,
  reduction,
  reverseInPlace,
  samples,
  scheduleWgsl,
  softmax,
} from "./wgsl-samples.ts";

const limits = { maxInvocations: 256, maxWorkgroupStorage: 16384 };
const small = { maxInvocations: 32, maxWorkgroupStorage: 512 };

function compare(before: Kernel, after: Kernel, tolerance: number): void {
  expect(checkKernel(before)).toBeNull();
  expect(checkKernel(after)).toBeNull();
  const [expected, actual] = [feedsFor(before), feedsFor(before)];
  evaluateKernel(before, expected);
  evaluateKernel(after, actual);
  for (const { name } of before.buffers) {
    const [a, e] = [actual.get(name)?.data ?? [], expected.get(name)?.data ?? []];
    expect(difference(a, e, tolerance), name).toBeUndefined();
  }
}

describe("a scheduled kernel computes the same, without races", () => {
  for (const { title, kernel, tolerance } of samples) {
    test(title, () => compare(kernel, scheduleWgsl(kernel, limits), tolerance));
    test(`${title}, small workgroups`, () => {
      compare(kernel, scheduleWgsl(kernel, small), tolerance);
    });
  }
});

/** The kernel without its n-th barrier, or undefined where it has fewer. */
function withoutBarrier(kernel: Kernel, n: number): Kernel | undefined {
  let seen = 0;
  const drop = (stmts: readonly Stmt[]): readonly Stmt[] =>
    stmts.flatMap((stmt): readonly Stmt[] => {
      if (stmt.kind === "barrier") return seen++ === n ? [] : [stmt];
      return stmt.kind === "for" || stmt.kind === "if" ? [{ ...stmt, body: drop(stmt.body) }] : [stmt];
    });
  const nests = kernel.nests.map((nest) => ({ ...nest, body: drop(nest.body) }));
  return seen > n ? { ...kernel, nests } : undefined;
}

describe("no barrier can be left out", () => {
  for (const kernel of [matmul(33, 47, 29), softmax(3, 70), columnSum(64, 20)]) {
    test(kernel.name, () => {
      const scheduled = scheduleWgsl(kernel, limits);
      let count = 0;
      for (; ; count += 1) {
        const broken = withoutBarrier(scheduled, count);
        if (broken === undefined) break;
        const faults = findFaults(broken, feedsFor(kernel));
        expect(faults.join(), `barrier ${count}`).toMatch(/without a barrier|before anyone wrote/);
      }
      expect(count).toBeGreaterThan(1);
    });
  }
});

describe("choices", () => {
  const words = (kernel: Kernel, allowed = limits): string => printSchedules(scheduleWgsl(kernel, allowed).schedule);

  const map = (axis: string, flatten = ""): string =>
    `${flatten}split ${axis} 64 guard; bind ${axis}_i invocation; bind ${axis}_o workgroup`;
  const flat = map("flat", "flatten i, j into flat; ");

  test("the kernels of a batch-128 784-512-10 step", () => {
    const tile =
      "reorder i, j; split i 32 mask; split i_i 4; split j 32 mask; split j_i 4; jam i_i_i, j_i_i; " +
      "reorder i_o, j_o, i_i_o, j_i_o; bind j_i_o invocation; bind i_i_o invocation; " +
      "tile acc over i_i, j_i 16 deep 4 wide ahead twice; " +
      "flatten i_i_o, j_i_o into lane; flatten i_o, j_o into group; bind group workgroup";
    // With 32 KB, which cards have, in slices: wgsl-tiles.test.ts.
    expect(words(matmul(128, 512, 784))).toBe(tile);
    expect(words(matmul(784, 512, 128, true))).toBe(tile);
    expect(words(matmul(128, 10, 512))).toBe("team 4 rows x 64 lanes along");
    expect(words(columnSum(128, 512))).toBe("team 16 rows x 16 lanes across");
    expect(words(softmax(128, 10))).toBe(map("r"));
  });

  test("tiles are not wider than what there is to fill them with", () => {
    const tiles = (m: number, n: number, k: number): readonly (string | undefined)[] =>
      /split i (\d+) .*split i_i (\d+); split j (\d+) /.exec(words(matmul(m, n, k)))?.slice(1) ?? [];
    // Places of images by filters, as forwards and backwards through a convolution: 64 filters, 32, 16, 80 and 100.
    expect(tiles(86_528, 64, 288)).toEqual(["64", "8", "64"]);
    expect(tiles(86_528, 32, 576)).toEqual(["32", "4", "32"]);
    expect(tiles(86_528, 16, 576)).toEqual(["64", "4", "16"]);
    expect(tiles(86_528, 80, 288)).toEqual(["32", "4", "32"]);
    expect(tiles(86_528, 100, 288)).toEqual(["64", "8", "64"]);
    // Where a tile that is full leaves too few workgroups, one of half the size does not.
    expect(tiles(512, 64, 1000)).toEqual(["32", "4", "32"]);
  });

  test("long rows are shared out, short ones and those that would race are not", () => {
    const by4 = (shared: string, ...folds: readonly string[]): string =>
      [`${shared} by 4`, ...folds.map((fold) => `splitFold ${fold}_part lanes x 1 unrolled`)].join("; ");
    expect(words(reduction(60000))).toBe(by4("team 1 rows x 256 lanes along", "acc", "top", "above"));
    expect(words(softmax(131, 1000))).toBe(by4("team 4 rows x 64 lanes along", "m", "s"));
    // 1,001 elements are no runs of four, and 1,000 less than one for each lane.
    expect(words(softmax(131, 1001))).toBe("team 4 rows x 64 lanes along");
    expect(words(argMax(3, 1000))).toBe("team 1 rows x 256 lanes along");
    expect(words(columnSum(8, 512))).toBe(map("j"));
    expect(words(columnSum(128, 100001))).toBe(map("j"));
    expect(words(columnSum(128, 100000))).toBe(`split j 4; jam j_i; ${map("j_o")}`);
    expect(words(reverseInPlace(3, 1000))).toBe(`${map("r")}; splitFold acc lanes x 1 unrolled`);
  });

  test("sums of more than 1,024 terms are sums of partial sums", () => {
    expect(words(reduction(300001))).toBe("team 1 rows x 256 lanes along; splitFold acc_part serial 1024");
    // Each of four sums has 1,172 terms.
    expect(words(reduction(1200000))).toContain("by 4; splitFold acc_part lanes x 1 unrolled serial 1024;");
    expect(words(columnSum(2000, 100001))).toBe(`${map("j")}; splitFold acc serial 1024`);
    expect(words(columnSum(2000, 100000))).toBe(`splitFold acc serial 1024; split j 4; jam j_i; ${map("j_o")}`);
    expect(words(matmul(64, 64, 3000))).toMatch(/tile acc over i_i, j_i .* serial 1024;/);
  });

  test("a long sum before the loops is shared out among the workgroup", () => {
    expect(words(horizontal())).toContain(
      "split e 256 guard; bind e_i invocation; bind e_o workgroup; splitFold norm tree 256",
    );
  });

  test("large maps have 16 bytes of neighbours in an invocation, small ones as many invocations as there can be", () => {
    const copy = (rows: number, columns: number, from: DType, to: DType = from): string => {
      const [i, j] = [loop("i", rows), loop("j", columns)];
      const here = at([columns, i], [1, j]);
      const buffers = [buffer("read", "x", rows * columns, from), buffer("write", "y", rows * columns, to)];
      const value = convert(valueTypeOf(to), load(valueTypeOf(from), "x", here));
      return words(kernelOf("copy", buffers, [nest([i, j], [store("y", here, value)])]));
    };
    const wide = (lanes: number): string =>
      `split j ${lanes}; sink j_i; unroll j_i; flatten i, j_o into flat; split flat 256 guard; bind flat_i invocation; bind flat_o workgroup`;
    expect(copy(512, 512, "f32")).toBe(wide(4));
    expect(copy(512, 512, "f16")).toBe(wide(8));
    expect(copy(1024, 1024, "u8")).toBe(wide(16));
    expect(copy(512, 512, "u8", "f32")).toBe(wide(4));
    expect(copy(200, 512, "f32")).toBe(flat);
    // Rows of 514 are whole only one after the other, 513 x 513 elements not even so.
    expect(copy(512, 514, "f32")).toMatch(
      /^flatten i, j into flat; split flat 4; sink flat_i; unroll flat_i; split flat_o 256 guard/,
    );
    expect(copy(513, 513, "f32")).toBe(flat);
  });

  test("what is read across goes through workgroup memory, where there is much of it", () => {
    const turned = (rows: number, columns: number): string => {
      const [i, j] = [loop("i", rows), loop("j", columns)];
      const buffers = [buffer("read", "x", rows * columns), buffer("write", "y", rows * columns)];
      const body = [store("y", at([columns, i], [1, j]), load("f32", "x", at([rows, j], [1, i])))];
      return words(kernelOf("turned", buffers, [nest([i, j], body)]));
    };
    expect(turned(1000, 700)).toBe("turn i, j in tiles of 32 by 256 invocations");
    expect(turned(100, 700)).toBe(flat);
    expect(turned(3, 70000)).toMatch(/^split j 4; /);
  });

  test("what the limits do not allow is not chosen", () => {
    const tight = { ...limits, maxInvocations: 64, maxWorkgroupStorage: 1024 };
    const without = { ...tight, maxWorkgroupStorage: 0 };
    expect(words(matmul(784, 512, 128), tight)).toBe(`split j 4; jam j_i; ${flat.replace("i, j ", "i, j_o ")}`);
    expect(words(columnSum(128, 512), tight)).toBe("team 16 rows x 4 lanes across");
    expect(words(columnSum(128, 512), without)).toBe(map("j"));
  });

  test("all nests of a kernel have one size of workgroup", () => {
    const kernel = scheduleWgsl(horizontal(), limits);
    const sizes = kernel.nests.map(({ loops }) => loops.find(({ mark }) => mark === "invocation")?.loop.extent);
    expect(sizes).toEqual([256, 256, 256, 256]);
  });
});

describe("as text", () => {
  test("a sum over the leading axis: neighbours take neighbouring columns", () => {
    expect(printKernel(scheduleWgsl(columnSum(128, 40), { ...limits, maxInvocations: 64 }))).toMatchInlineSnapshot(`
      "kernel column_sum(read d: f32[5120], update b: f32[40])
        // team 16 rows x 4 lanes across
        shared partials: f32[64]
        workgroup group < 3
          invocation lane < 64
            var acc_part: f32 = 0f
            for i_trip < 32
              acc_part = acc_part + guarded(0 <= 16*group + lane % 16 < 40 ? d[160*i_trip + 40*(lane / 16) + 16*group + lane % 16] : 0f)
            partials[lane] = acc_part
            barrier
            if (lane / 16) < 2
              partials[lane] = partials[lane] + partials[lane + 32]
            barrier
            if (lane / 16) < 1
              partials[lane] = partials[lane] + partials[lane + 16]
            barrier
            let acc: f32 = partials[lane % 16]
            if (lane / 16) < 1
              let old: f32 = guarded(0 <= 16*group + lane % 16 < 40 ? b[16*group + lane % 16] : 0f)
              b[16*group + lane % 16] = old - (0.5f * acc) where 0 <= 16*group + lane % 16 < 40"
    `);
  });

  test("a row of 64 columns", () => {
    const kernel = scheduleWgsl(softmax(2, 64), { ...limits, maxInvocations: 4 }, { heldMost: 0 });
    expect(printKernel(kernel)).toMatchInlineSnapshot(`
      "kernel softmax(update x: f32[128], write loss: f32[2])
        // team 1 rows x 4 lanes along by 4; splitFold m_part lanes x 1 unrolled; splitFold s_part lanes x 1 unrolled
        shared partials: f32[4]
        workgroup group < 2
          invocation lane < 4
            var m_part_part[4]: f32 = -Infinityf
            for c1_trip_1 < 4
              m_part_part[0] = max(m_part_part[0], x[64*group + 16*c1_trip_1 + 4*lane])
              m_part_part[1] = max(m_part_part[1], x[64*group + 16*c1_trip_1 + 4*lane + 1])
              m_part_part[2] = max(m_part_part[2], x[64*group + 16*c1_trip_1 + 4*lane + 2])
              m_part_part[3] = max(m_part_part[3], x[64*group + 16*c1_trip_1 + 4*lane + 3])
            let m_part: f32 = max(max(m_part_part[0], m_part_part[1]), max(m_part_part[2], m_part_part[3]))
            partials[lane] = m_part
            barrier
            if lane < 2
              partials[lane] = max(partials[lane], partials[lane + 2])
            barrier
            if lane < 1
              partials[lane] = max(partials[lane], partials[lane + 1])
            barrier
            let m: f32 = partials[0]
            var s_part_part[4]: f32 = 0f
            for c2_trip_1 < 4
              let e_1_1_0: f32 = exp(x[64*group + 16*c2_trip_1 + 4*lane] - m)
              s_part_part[0] = s_part_part[0] + e_1_1_0
              let e_1_1_1: f32 = exp(x[64*group + 16*c2_trip_1 + 4*lane + 1] - m)
              s_part_part[1] = s_part_part[1] + e_1_1_1
              let e_1_1_2: f32 = exp(x[64*group + 16*c2_trip_1 + 4*lane + 2] - m)
              s_part_part[2] = s_part_part[2] + e_1_1_2
              let e_1_1_3: f32 = exp(x[64*group + 16*c2_trip_1 + 4*lane + 3] - m)
              s_part_part[3] = s_part_part[3] + e_1_1_3
            let s_part: f32 = (s_part_part[0] + s_part_part[1]) + (s_part_part[2] + s_part_part[3])
            barrier
            partials[lane] = s_part
            barrier
            if lane < 2
              partials[lane] = partials[lane] + partials[lane + 2]
            barrier
            if lane < 1
              partials[lane] = partials[lane] + partials[lane + 1]
            barrier
            let s: f32 = partials[0]
            if lane < 1
              let loss_of_row: f32 = log(s) + m
              loss[group] = loss_of_row
            for c3_trip < 4
              let p_0: f32 = exp(x[64*group + 16*c3_trip + 4*lane] - m) / s
              x[64*group + 16*c3_trip + 4*lane] = p_0
              let p_1: f32 = exp(x[64*group + 16*c3_trip + 4*lane + 1] - m) / s
              x[64*group + 16*c3_trip + 4*lane + 1] = p_1
              let p_2: f32 = exp(x[64*group + 16*c3_trip + 4*lane + 2] - m) / s
              x[64*group + 16*c3_trip + 4*lane + 2] = p_2
              let p_3: f32 = exp(x[64*group + 16*c3_trip + 4*lane + 3] - m) / s
              x[64*group + 16*c3_trip + 4*lane + 3] = p_3"
    `);
  });
});

describe("a fold above the loops stays whole and where it is", () => {
  const rows: readonly (readonly [string, AnyMove])[] = [
    ["it is not at the top of the body", { move: "splitFold", of: "acc", into: { by: "tree", lanes: 1 } }],
    ["it is not in the body", { move: "stage", operand: "left", of: "acc", at: null, into: { memory: "panel", along: "columns" } }], // biome-ignore format: a row
  ];
  const axis = { name: "k", extent: 8 };
  const at = loopIndex(axis);
  const product = apply("mul", load("f32", "x", at), load("f32", "w", at));
  const above: Kernel = {
    name: "above",
    buffers: [
      { name: "x", element: "f32", count: 8, role: "read" },
      { name: "w", element: "f32", count: 8, role: "read" },
      { name: "y", element: "f32", count: 1, role: "write" },
    ],
    shared: [],
    nests: [
      {
        loops: [],
        prelude: [fold("sum", ["acc"], [axis], [product])],
        body: [store("y", constIndex(0), name("f32", "acc"))],
      },
    ],
    flops: 16,
    bytes: 68,
    iterations: [],
    schedule: [],
  };
  test.each(rows)("%s", (reason, move) => {
    expect(checkKernel(above)).toBeNull();
    expect(() => scheduleKernel(above, { policy: () => [[move]], ownMoves: { ...wasmMoves, ...wgslMoves } })).toThrow(
      reason,
    );
  });
});

test("what a fold reads for iterations past the end must not be overwritten by one that is there", () => {
  const [i, k] = [
    { name: "i", extent: 1 },
    { name: "k", extent: 8 },
  ];
  const [row, at] = [loopIndex(i), loopIndex(k)];
  const first = load("f32", "s", constIndex(0)); // does not move with i
  const kernel: Kernel = {
    name: "overwritten",
    buffers: [
      { name: "s", element: "f32", count: 1, role: "update" },
      { name: "w", element: "f32", count: 8, role: "read" },
    ],
    shared: [],
    nests: [
      {
        loops: [{ loop: i, mark: "parallel" }],
        prelude: [],
        body: [
          fold("sum", ["acc"], [k], [apply("mul", first, load("f32", "w", at))]),
          store("s", row, name("f32", "acc")),
        ],
      },
    ],
    flops: 16,
    bytes: 40,
    iterations: [],
    schedule: [],
  };
  expect(checkKernel(kernel)).toBeNull();
  const policy: Policy = () => [[{ move: "split", axis: "i", by: 4, tail: "mask" }]];
  expect(() => scheduleKernel(kernel, { policy })).toThrow("those past the end read what another overwrites");
});
