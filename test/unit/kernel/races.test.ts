import { describe, expect, test } from "vitest";
import { checkKernel } from "../../../src/kernel/check.ts";
import { findFaults } from "../../../src/kernel/evaluate.ts";
import type { Memory } from "../../../src/kernel/evaluate-memory.ts";
import type { Index, Kernel, Stmt } from "../../../src/kernel/kernel.ts";
import * as b from "../../kernel-pool.ts";
import { addIndex, constIndex, scaleIndex } from "../../kernel-pool.ts";
import { tiledMatmulRelu, treeSum } from "./kernels.ts";
import { at, buffer, flat, kernel, loopVar, nest } from "./notation.ts";

function faults(target: Kernel, seed = 1): readonly string[] {
  expect(checkKernel(target)).toBeNull();
  const memory = target.buffers.map(({ name, element, count }): [string, Memory] => {
    return [name, { element, data: Array.from({ length: count }, (_, i) => i) }];
  });
  return findFaults(target, new Map(memory), { seed });
}

/** w[i, j] = -w[...], in place. */
function inPlace(read: (i: Index, j: Index) => Index): Kernel {
  const [i, j] = [loopVar("i", 4), loopVar("j", 4)];
  const value = b.apply("neg", b.load("f32", "w", read(at(i), at(j))));
  return kernel(
    "negate",
    [buffer("update", "w", 16)],
    [nest([["parallel", i, j]], [b.store("w", flat([i, j], [4, 4]), value)])],
  );
}

describe("buffers", () => {
  test("an aligned update in place is fine", () => {
    expect(faults(inPlace((i, j) => flat([i, j], [4, 4])))).toEqual([]);
  });

  test("a transposed read in place is a race", () => {
    const found = faults(inPlace((i, j) => flat([j, i], [4, 4])));
    expect(found).toEqual([
      expect.stringMatching(/^race: w\[\d+\] is (read|written) by \(i=\d, j=\d\) and touched by/),
    ]);
  });

  test("all iterations reading one element that one of them writes is a race", () => {
    expect(faults(inPlace(() => constIndex(5)))).toEqual([expect.stringMatching(/^race: w\[5\]/)]);
  });

  test("two iterations writing one element are a race, even with the same value", () => {
    const i = loopVar("i", 4);
    const target = kernel(
      "flag",
      [buffer("write", "y", 1, "bool")],
      [nest([["parallel", i]], [b.store("y", constIndex(0), b.constant("bool", 1))])],
    );
    expect(faults(target)).toEqual([
      expect.stringMatching(/^race: y\[0\] is written by \(i=\d\) and touched by \(i=\d\)/),
    ]);
  });

  test("the same loop run by one thread is fine", () => {
    const i = loopVar("i", 4);
    const target = kernel(
      "flag",
      [buffer("write", "y", 1, "bool")],
      [nest([], [b.forLoop(i, [b.store("y", constIndex(0), b.constant("bool", 1))])])],
    );
    expect(faults(target)).toEqual([]);
  });

  test("invocations of one workgroup race on buffers, barrier or not", () => {
    const [g, t] = [loopVar("g", 2), loopVar("t", 2)];
    const other = addIndex(scaleIndex(at(g), 2), constIndex(0));
    const body = [
      b.store("y", flat([g, t], [2, 2]), b.constant("f32", 1)),
      b.barrier,
      b.store("z", flat([g, t], [2, 2]), b.load("f32", "y", other)),
    ];
    const target = kernel(
      "pass",
      [buffer("update", "y", 4), buffer("write", "z", 4)],
      [
        nest(
          [
            ["workgroup", g],
            ["invocation", t],
          ],
          body,
        ),
      ],
    );
    expect(faults(target)).toEqual([expect.stringMatching(/^race: y/)]);
  });

  test("nests are independent: one may not touch what another writes", () => {
    const [i, j] = [loopVar("i", 4), loopVar("j", 4)];
    const write = nest([["parallel", i]], [b.store("x", at(i), b.constant("f32", 1))]);
    const read = nest([["parallel", j]], [b.store("y", at(j), b.load("f32", "x", at(j)))]);
    const target = kernel("two", [buffer("update", "x", 4), buffer("write", "y", 4)], [write, read]);
    expect(faults(target)).toEqual([
      expect.stringMatching(/^race: x\[\d\] is .* of nest [01] and touched by .* of nest [01]/),
    ]);
    expect(faults(kernel("one", target.buffers, [write]))).toEqual([]);
  });

  test("a prelude belongs to no iteration, unless there is only one", () => {
    const i = loopVar("i", 2);
    const old = b.letValue("old", b.load("u32", "t", constIndex(0)));
    const next = b.apply("add", b.name("u32", "old"), b.constant("u32", 1));
    const buffers = [buffer("update", "t", 2, "u32")];
    const many = kernel("many", buffers, [nest([["parallel", i]], [b.store("t", at(i), next)], [old])]);
    expect(faults(many)).toEqual([
      expect.stringMatching(/^race: t\[0\] is written by \(i=0\) and touched by the prelude/),
    ]);
    expect(faults(kernel("one", buffers, [nest([], [b.store("t", constIndex(0), next)], [old])]))).toEqual([]);
  });

  test("two parameters on one memory are one memory", () => {
    const i = loopVar("i", 4);
    const shifted = b.load("f32", "x", addIndex(at(i), constIndex(1)), {
      bounds: [{ index: addIndex(at(i), constIndex(1)), extent: 4 }],
      otherwise: b.constant("f32", 0),
    });
    const target = kernel(
      "shift",
      [buffer("read", "x", 4), buffer("write", "y", 4)],
      [nest([["parallel", i]], [b.store("y", at(i), shifted)])],
    );
    const memory: Memory = { element: "f32", data: [1, 2, 3, 4] };
    const aliased = new Map([
      ["x", memory],
      ["y", memory],
    ]);
    expect(faults(target)).toEqual([]);
    expect(findFaults(target, aliased)).not.toEqual([]);
    expect(findFaults(target, aliased, { races: false })).toEqual([]);
  });
});

describe("shared arrays", () => {
  test("a tiled matmul with both barriers is fine; without either it is a race", () => {
    for (const seed of [1, 2, 3]) {
      expect(faults(tiledMatmulRelu(9, 9, 9, 4), seed)).toEqual([]);
      const early = faults(tiledMatmulRelu(9, 9, 9, 4, { fill: false, use: true }), seed);
      expect(early).toContainEqual(expect.stringMatching(/^race without a barrier: xs/));
      const late = faults(tiledMatmulRelu(9, 9, 9, 4, { fill: true, use: false }), seed);
      expect(late).toContainEqual(expect.stringMatching(/^race without a barrier: ws/));
    }
  });

  test("a tree reduction needs every barrier but the last: invocation 0 made the sum that it stores", () => {
    expect(faults(treeSum(2, 8))).toEqual([]);
    expect(faults(treeSum(2, 8, (level) => level !== 2))).toEqual([]);
    for (const missing of [0, 1]) {
      const found = faults(treeSum(2, 8, (level) => level !== missing));
      expect(found).toEqual([expect.stringMatching(/^race without a barrier: part/)]);
    }
  });

  function withShared(body: readonly Stmt[], invocations = 4): Kernel {
    const [g, t] = [loopVar("g", 2), loopVar("t", invocations)];
    const shared = [{ name: "s", type: "f32", count: 4 } as const];
    return kernel(
      "k",
      [buffer("write", "y", 2 * invocations)],
      [
        nest(
          [
            ["workgroup", g],
            ["invocation", t],
          ],
          body,
        ),
      ],
      { shared },
    );
  }
  const t = loopVar("t", 4);

  test("an element nobody wrote in this workgroup is a fault", () => {
    const y = b.store("y", flat([loopVar("g", 2), t], [2, 4]), b.load("f32", "s", at(t)));
    expect(faults(withShared([y]))).toEqual([expect.stringMatching(/^unwritten: s\[\d\]/)]);
    const half = b.when(b.apply("lt", at(loopVar("g", 2)), b.constant("i32", 1)), [
      b.store("s", at(t), b.constant("f32", 1)),
    ]);
    expect(faults(withShared([half, y]))).toEqual([expect.stringMatching(/^unwritten: s\[\d\]/)]);
  });

  /** What each invocation of 8 has of the others' numbers. */
  function exchanged(bits: "flipped" | "cleared", mask: number, size: number): readonly number[] {
    const u = loopVar("t", 8);
    const own = b.convert("f32", at(u));
    const body = [
      b.exchange("first", own, { bits, mask, size }),
      b.exchange("again", b.apply("add", b.name("f32", "first"), b.constant("f32", 0)), { bits, mask, size }),
      b.store("y", flat([loopVar("g", 2), u], [2, 8]), b.name("f32", mask === 1 ? "first" : "again")),
    ];
    const target = withShared(body, 8);
    expect(checkKernel(target)).toBeNull();
    const memory: Memory = { element: "f32", data: new Array<number>(16).fill(-1) };
    expect(findFaults(target, new Map([["y", memory]]))).toEqual([]);
    return Array.from({ length: 8 }, (_, i) => memory.data[i] ?? -1);
  }

  test("who exchanges has what another had when it came there, in its own subgroup", () => {
    expect(exchanged("flipped", 1, 4)).toEqual([1, 0, 3, 2, 5, 4, 7, 6]);
    expect(exchanged("flipped", 2, 4)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]); // there and back
    expect(exchanged("cleared", 3, 4)).toEqual([0, 0, 0, 0, 4, 4, 4, 4]);
    expect(exchanged("cleared", 6, 8)).toEqual([0, 1, 0, 1, 0, 1, 0, 1]);
  });

  test("it is no barrier for memory, and all have to come", () => {
    const meeting = b.exchange("other", b.constant("f32", 1), { bits: "flipped", mask: 1, size: 4 });
    const read = b.load("f32", "s", b.sumIndex([{ factor: -1, index: at(t) }], 3));
    const body = [
      b.store("s", at(t), b.constant("f32", 1)),
      meeting,
      b.store("y", flat([loopVar("g", 2), t], [2, 4]), read),
    ];
    expect(faults(withShared(body))).toContainEqual(expect.stringMatching(/^race without a barrier: s/));
    const some = withShared([b.when(b.apply("lt", at(t), b.constant("i32", 2)), [meeting])]);
    const memory: Memory = { element: "f32", data: new Array<number>(8).fill(0) };
    expect(findFaults(some, new Map([["y", memory]]))).toEqual([
      "barrier: not all invocations of a workgroup reach it",
    ]);
  });

  test("a barrier that only some reach is a fault, and the checker's business", () => {
    const some = b.apply("lt", at(t), b.constant("i32", 2));
    const target = withShared([b.when(some, [b.barrier])]);
    expect(checkKernel(target)).toBe("barrier inside an if");
    const memory: Memory = { element: "f32", data: new Array<number>(8).fill(0) };
    expect(findFaults(target, new Map([["y", memory]]))).toEqual([
      "barrier: not all invocations of a workgroup reach it",
    ]);
  });
});
