/**
 * Batches of small products on a card: how many share a workgroup, what each invocation does, and that they compute what they computed
 * by themselves: any number of them, any sides, operands either way round, infinities beyond edges, and statements behind the sums.
 */
import { describe, expect, test } from "vitest";
import { wgslMoves } from "../../codegen/wgsl/moves/all.ts";
import { wgslCandidates } from "../../codegen/wgsl/policy/candidates.ts";
import { softwareTuning } from "../../codegen/wgsl/policy/tuning.ts";
import { scheduleKernel } from "../../passes/schedule/schedule.ts";
import { checkKernel } from "../../src/kernel/check.ts";
import { evaluateKernel, findFaults } from "../../src/kernel/evaluate.ts";
import type { Index, Kernel, Stmt } from "../../src/kernel/kernel.ts";
import { type AnyMove, printSchedules } from "../../src/kernel/moves.ts";
import { printKernel } from "../../src/kernel/print.ts";
import { ownExprs, walkExpr, walkStmts } from "../../src/kernel/rewrite.ts";
import { apply, constant, fold, letValue, load, name, store } from "../kernel-pool.ts";
import { at, batched, buffer, difference, feedsFor, kernelOf, loop, nest, scheduleWgsl } from "./wgsl-samples.ts";

/** Of an H100 through Dawn, and what every WebGPU has. */
const card = { maxInvocations: 1024, maxWorkgroupStorage: 49152 };
const portable = { maxInvocations: 256, maxWorkgroupStorage: 16384 };

const alone = { packLeastGroups: Number.POSITIVE_INFINITY };
const together = { packLeastGroups: 0, tileLeastWork: 0 };

interface Sides {
  readonly batch: number;
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

/** y = relu(a b + c), and s updated in place; either operand the other way round. */
function products({ batch, m, n, k }: Sides, isLeftTurned: boolean, isRightTurned: boolean): Kernel {
  const [b, i, j, c] = [loop("b", batch), loop("i", m), loop("j", n), loop("c", k)];
  const left: Index = isLeftTurned ? at([m * k, b], [m, c], [1, i]) : at([m * k, b], [k, i], [1, c]);
  const right: Index = isRightTurned ? at([n * k, b], [k, j], [1, c]) : at([n * k, b], [n, c], [1, j]);
  const here = at([m * n, b], [n, i], [1, j]);
  const body = [
    fold("sum", ["acc"], [c], [apply("mul", load("f32", "x", left), load("f32", "w", right))]),
    letValue("z", apply("add", name("f32", "acc"), load("f32", "bias", at([1, j])))),
    store("y", here, apply("max", name("f32", "z"), constant("f32", 0))),
    letValue("old", load("f32", "s", here)),
    store("s", here, apply("sub", name("f32", "old"), name("f32", "z"))),
  ];
  const buffers = [
    buffer("read", "x", batch * m * k),
    buffer("read", "w", batch * n * k),
    buffer("read", "bias", n),
    buffer("write", "y", batch * m * n),
    buffer("update", "s", batch * m * n),
  ];
  return kernelOf("products", buffers, [nest([b, i, j], body)]);
}

const extents = ({ nests: [first] }: Kernel, wanted: string): number =>
  (first?.loops ?? []).reduce((all, { loop, mark }) => (mark === wanted ? all * loop.extent : all), 1);

/** Iterations of the loops of one invocation. */
function turns(stmts: readonly Stmt[]): number {
  return stmts.reduce((all, stmt) => {
    if (stmt.kind === "for")
      return all + (stmt.mark === "unrolled" ? 1 : stmt.loop.extent) * Math.max(1, turns(stmt.body));
    return all + ("body" in stmt ? turns(stmt.body) : 0);
  }, 0);
}

/** Loads and products for each k, as written in the innermost loop. */
function innermost(kernel: Kernel): string {
  let found: readonly Stmt[] = [];
  walkStmts(kernel.nests[0]?.body ?? [], {
    stmt: (stmt) => {
      if (stmt.kind === "for" && stmt.loop.name.startsWith("k_in")) found = stmt.body;
    },
  });
  let [loads, multiplied] = [0, 0];
  for (const own of found.flatMap((stmt) => ownExprs(stmt))) {
    walkExpr(own, (expr) => {
      if (expr.kind === "load") loads += 1;
      if (expr.kind === "apply" && expr.fn === "mul") multiplied += 1;
    });
  }
  return `${loads} for ${multiplied}`;
}

const packed = (kernel: Kernel): string | undefined =>
  /split (?:b|batch) (\d+) mask.* of each \w+ ([^;]*)/.exec(printSchedules(kernel.schedule))?.slice(1).join(" x ");

function check(kernel: Kernel, made: Kernel, title: string): void {
  expect(checkKernel(made), title).toBeNull();
  const [expected, actual] = [feedsFor(kernel), feedsFor(kernel)];
  evaluateKernel(kernel, expected, { races: false });
  evaluateKernel(made, actual);
  for (const { name } of kernel.buffers) {
    const [a, e] = [actual.get(name)?.data ?? [], expected.get(name)?.data ?? []];
    expect(difference(a, e, 1e-2), `${title}: ${name}`).toBeUndefined();
  }
}

describe("a workgroup", () => {
  // Products in it, its tile, workgroups, bytes of its memory; loads for products of each k; iterations of an invocation.
  test.each([
    [1024, 8, 8, 8, "16 x 8 deep 4 wide", 64, 8448, "8 for 16", 10],
    [1000, 7, 7, 7, "16 x 8 deep 4 wide", 63, 8448, "8 for 16", 10],
    [512, 16, 16, 16, "4 x 16 deep 4 wide", 128, 8704, "8 for 16", 18],
    [512, 16, 16, 64, "4 x 16 deep 4 wide", 128, 8704, "8 for 16", 72],
    [1000, 12, 12, 12, "4 x 16 deep 4 wide", 250, 6656, "6 for 9", 18],
    [512, 16, 32, 16, "2 x 16 deep 4 wide", 256, 6656, "8 for 16", 18],
    [2048, 4, 4, 4, "16 x 4 deep 4 wide", 128, 2176, "4 for 4", 6],
  ] as const)("%i of %i x %i, %i terms: %s", (batch, m, n, k, words, groups, bytes, loads, most) => {
    for (const [left, right] of [
      [false, false],
      [true, false],
      [false, true],
      [true, true],
    ] as const) {
      const made = scheduleWgsl(products({ batch, m, n, k }, left, right), portable);
      expect(packed(made)).toBe(words);
      expect([extents(made, "workgroup"), extents(made, "invocation")]).toEqual([groups, 64]);
      expect(made.shared.reduce((sum, { count }) => sum + 4 * count, 0)).toBe(bytes);
      expect(innermost(made)).toBe(loads);
      expect(turns(made.nests[0]?.body ?? [])).toBeLessThanOrEqual(most);
      expect(printKernel(scheduleWgsl(products({ batch, m, n, k }, left, right), card))).toBe(printKernel(made));
    }
  });

  test("sides of 8 and 16 leave no invocation without a product, and ask for no edge", () => {
    for (const side of [8, 16]) {
      const made = scheduleWgsl(products({ batch: 1024, m: side, n: side, k: side }, false, false), card);
      const [groups, invocations] = [extents(made, "workgroup"), extents(made, "invocation")];
      expect(groups * invocations * 16).toBe(1024 * side * side);
      expect(printKernel(made)).not.toContain("guarded");
      expect(printKernel(made)).not.toContain("if ");
    }
  });

  test("has one product where that fills it, where there are few of them, and on a driver that computes on a CPU", () => {
    const of = (batch: number, side: number, tuning = {}): string | undefined =>
      packed(scheduleWgsl(batched(batch, side, side, side), card, tuning));
    expect(of(1024, 32)).toBeUndefined();
    expect(of(64, 8)).toBeUndefined();
    expect(of(512, 8)).toBeDefined();
    expect(of(1024, 3)).toBeUndefined();
    expect(of(1024, 8, softwareTuning)).toBeUndefined();
  });

  test("few products of many terms keep the slices that share each", () => {
    expect(printSchedules(scheduleWgsl(batched(200, 16, 16, 512), card).schedule)).toContain("sliced 8");
    expect(packed(scheduleWgsl(batched(2048, 16, 16, 512), card))).toBe("4 x 16 deep 4 wide");
    expect(packed(scheduleWgsl(batched(2048, 16, 16, 1500), card))).toBe("4 x 16 deep 4 wide serial 1024");
  });

  test("of 256 invocations holds four times as many", () => {
    const made = scheduleWgsl(batched(2048, 16, 16, 16), card, { mapSize: 256 });
    expect([packed(made), extents(made, "invocation")]).toEqual(["16 x 16 deep 4 wide", 256]);
  });

  test("the tuner may ask for both", () => {
    const of = (name: string, batch: number) =>
      packed(scheduleWgsl(batched(batch, 8, 8, 8), card, Object.fromEntries(wgslCandidates)[name]));
    expect(of("small products together", 32)).toBe("16 x 8 deep 4 wide");
    expect(of("small products by themselves", 1024)).toBeUndefined();
  });
});

describe("together they compute what they compute by themselves", () => {
  const sides = [4, 5, 7, 8, 9, 11, 12, 13, 16, 17, 20, 31];
  const terms = [4, 7, 8, 15, 16, 17, 33, 50];
  const batches = [2, 3, 5, 17, 19, 33];
  // Every side beside every other one, with terms and numbers of products in turns.
  for (const [p, m] of sides.entries()) {
    test(`sides of ${m}`, () => {
      let count = 0;
      for (const [q, n] of sides.entries()) {
        const k = terms[(p + 3 * q) % terms.length] ?? 8;
        const batch = batches[(2 * p + q) % batches.length] ?? 2;
        const kernel = products({ batch, m, n, k }, (p + q) % 2 === 1, q % 4 > 1);
        const made = scheduleWgsl(kernel, portable, { ...together, terms: 20 });
        if (packed(made) === undefined) continue;
        count += 1;
        check(kernel, made, `${batch} of ${m} x ${n}, ${k} terms`);
        expect(checkKernel(scheduleWgsl(kernel, portable, alone))).toBeNull();
      }
      expect(count).toBeGreaterThan(m > 16 ? 6 : 9);
    });
  }

  test("with infinities where nothing was loaded, and what is read before and after the sum", () => {
    for (const [batch, m, n, k] of [
      [3, 9, 10, 11],
      [21, 8, 8, 8],
      [5, 16, 13, 40],
    ] as const) {
      const kernel = batched(batch, m, n, k);
      const made = scheduleWgsl(kernel, card, together);
      expect(packed(made)).toBeDefined();
      check(kernel, made, `${batch} of ${m} x ${n}`);
    }
  });

  test("and no barrier can be left out", () => {
    const kernel = products({ batch: 9, m: 8, n: 8, k: 20 }, false, true);
    const made = scheduleWgsl(kernel, card, together);
    let barriers = 0;
    const drop = (stmts: readonly Stmt[], nth: number): readonly Stmt[] =>
      stmts.flatMap((stmt): readonly Stmt[] => {
        if (stmt.kind === "barrier") return barriers++ === nth ? [] : [stmt];
        return stmt.kind === "for" || stmt.kind === "if" ? [{ ...stmt, body: drop(stmt.body, nth) }] : [stmt];
      });
    for (const nth of [0, 1]) {
      barriers = 0;
      const nests = made.nests.map((nest) => ({ ...nest, body: drop(nest.body, nth) }));
      expect(barriers).toBe(2);
      expect(findFaults({ ...made, nests }, feedsFor(kernel)).join()).toMatch(/without a barrier|before anyone wrote/);
    }
  });
});

describe("the move says why it cannot", () => {
  const kernel = products({ batch: 8, m: 8, n: 8, k: 8 }, false, false);
  const movesFor = (products: "bound" | "left", depth: number): readonly AnyMove[] => [
    { move: "split", axis: "b", by: 4, tail: "mask" },
    { move: "split", axis: "i", by: 4, tail: "exact" },
    { move: "split", axis: "j", by: 4, tail: "exact" },
    { move: "jam", axes: ["i_i", "j_i"], mark: "unrolled" },
    { move: "reorder", axes: ["b_o", "b_i", "i_o", "j_o"] },
    { move: "bind", axis: "j_o", to: "invocation" },
    { move: "bind", axis: "i_o", to: "invocation" },
    ...(products === "bound" ? ([{ move: "bind", axis: "b_i", to: "invocation" }] as const) : []),
    { move: "tile", of: "acc", rows: "i", columns: "j", depth, wide: 4, products: "b_i" },
    { move: "bind", axis: "b_o", to: "workgroup" },
  ];
  const scheduled = (moves: readonly AnyMove[]): Kernel =>
    scheduleKernel(kernel, { policy: () => [moves as never], ownMoves: wgslMoves, findsCommon: true });

  test("where it can, tiles of the products lie beside one another", () => {
    const made = scheduled(movesFor("bound", 8));
    expect(made.shared.map(({ count }) => count)).toEqual([8 * (4 * 8 + 4), 8 * (4 * 8 + 4)]);
    check(kernel, made, "by hand");
  });

  test("where it cannot", () => {
    expect(() => scheduled(movesFor("left", 8))).toThrow("b_i is no loop of invocations");
    expect(() => scheduled(movesFor("bound", 3))).toThrow("16 invocations do not fill a tile evenly");
    const without = movesFor("bound", 8).map((move) => {
      if (move.move !== "tile") return move;
      const { products: _, ...one } = move;
      return one;
    });
    expect(() => scheduled(without)).toThrow("its factors differ between invocations in another way");
  });
});
