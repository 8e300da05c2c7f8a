/**
 * Contractions as a card gets them: which tile each class of shapes takes, what that means in workgroups, memory, loads and barriers,
 * and that it computes the same beyond all edges. Counted in the kernels that are printed, not in the table they come from.
 */
import { describe, expect, test } from "vitest";
import { bindTarget } from "../../codegen/target.ts";
import { invocationsOf, type TileShape, tileBytes } from "../../codegen/wgsl/policy/tile-shapes.ts";
import { contractionOf } from "../../codegen/wgsl/policy/tiles.ts";
import { softwareTuning, wgslTuning } from "../../codegen/wgsl/policy/tuning.ts";
import { wgsl } from "../../codegen/wgsl/target.ts";
import { Facts } from "../../passes/schedule/facts.ts";
import { stagesOf } from "../../src/compile.ts";
import { f32, matmul as multiply, program, rmsprop } from "../../src/index.ts";
import { checkKernel } from "../../src/kernel/check.ts";
import { evaluateKernel } from "../../src/kernel/evaluate.ts";
import type { Kernel, Stmt } from "../../src/kernel/kernel.ts";
import { printSchedules } from "../../src/kernel/moves.ts";
import { printKernel } from "../../src/kernel/print.ts";
import { ownExprs, walkExpr, walkStmts } from "../../src/kernel/rewrite.ts";
import { launchesOf } from "../../src/program/sequence.ts";
import { h100 } from "../h100.ts";
import { mnistStep } from "../mnist-step.ts";
import { batched, convolution, difference, feedsFor, matmul, scheduleWgsl } from "./wgsl-samples.ts";

/** Of an H100 through Dawn. */
const card = { maxInvocations: 1024, maxWorkgroupStorage: 49152 };

/** What a workgroup does, as it stands in the scheduled kernel. */
function counted(kernel: Kernel) {
  const [nest] = kernel.nests;
  const of = (mark: string): number =>
    (nest?.loops ?? []).reduce((n, each) => (each.mark === mark ? n * each.loop.extent : n), 1);
  const shared = new Map(kernel.shared.map(({ name, count }) => [name, 4 * count]));
  const inner = loopsIn(nest?.body ?? []).find(({ loop }) => loop.name.startsWith("k_in"));
  let [loads, products] = [0, 0];
  for (const stmt of inner?.body ?? []) {
    for (const own of ownExprs(stmt)) {
      walkExpr(own, (expr) => {
        if (expr.kind === "load" && shared.has(expr.buffer)) loads += 1;
        if (expr.kind === "apply" && expr.fn === "mul") products += 1;
      });
    }
  }
  const bytes = [...shared.values()].reduce((sum, each) => sum + each, 0);
  return { groups: of("workgroup"), invocations: of("invocation"), bytes, loads, products };
}

type ForStmt = Stmt & { readonly kind: "for" };

function loopsIn(stmts: readonly Stmt[]): readonly ForStmt[] {
  const found: ForStmt[] = [];
  walkStmts(stmts, {
    stmt: (stmt) => {
      if (stmt.kind === "for") found.push(stmt);
    },
  });
  return found;
}

const tileWords = (kernel: Kernel): string =>
  /tile acc\w* over \w+, \w+ ([^;]*)/.exec(printSchedules(kernel.schedule))?.[1] ?? printSchedules(kernel.schedule);

describe("what each class of shapes takes on a card", () => {
  // Rows x columns, terms; the tile; workgroups, invocations of each, bytes of its memory; loads for each k, and products of these.
  type Row = readonly [readonly [number, number, number, boolean?], string, readonly [number, number, number], string];
  const rows: readonly Row[] = [
    [[4096, 4096, 4096], "8 deep 4 wide ahead twice serial 1024", [4096, 128, 8704], "12 for 32"],
    [[1024, 1024, 1024], "16 deep 4 wide twice", [256, 128, 17408], "12 for 32"],
    [[2048, 512, 784], "16 deep 4 wide twice", [256, 128, 17408], "12 for 32"],
    // The first layer of the MNIST step, and the gradient of its weights.
    [[128, 512, 784], "32 deep 4 wide ahead twice sliced 4", [64, 256, 26624], "8 for 16"],
    [[784, 512, 128, true], "16 deep 4 wide ahead twice", [400, 64, 9216], "8 for 16"],
    // Few columns, as classes are: of a batch of 4,096, and the gradient of the weights from it.
    [[4096, 10, 512], "32 deep 4 wide ahead twice sliced 4", [128, 128, 18432], "8 for 16"],
    [[512, 10, 4096, true], "32 deep 4 wide ahead twice sliced 4 serial 1024", [16, 128, 18432], "8 for 16"],
    [[86_528, 16, 576], "16 deep 4 wide ahead twice", [1352, 64, 11264], "8 for 16"],
    // Behind that the gradient of what comes before it: few terms.
    [[4096, 512, 10], "8 deep 4 wide ahead twice", [512, 128, 8704], "12 for 32"],
    [[64, 64, 512], "32 deep 4 wide ahead twice sliced 8", [16, 128, 14336], "8 for 16"],
    [[40, 40, 40], "16 deep", [9, 64, 2176], "4 for 4"],
  ];
  test.each(rows)("%j", ([m, n, k, transposed], words, [groups, invocations, bytes], loads) => {
    const kernel = scheduleWgsl(matmul(m, n, k, transposed), card);
    const found = counted(kernel);
    expect(tileWords(kernel)).toBe(words);
    expect([found.groups, found.invocations, found.bytes]).toEqual([groups, invocations, bytes]);
    expect(`${found.loads} for ${found.products}`).toBe(loads);
  });

  test("a batch of products has its workgroups from all of them", () => {
    expect(tileWords(scheduleWgsl(batched(96, 64, 64, 32), card))).toBe("16 deep 4 wide ahead twice");
    expect(counted(scheduleWgsl(batched(96, 64, 64, 32), card)).groups).toBe(4 * 96);
  });

  // Rows, columns and terms of a head: of the scores, and of the values by them. With 32 heads and more nothing smaller is needed.
  test.each([
    [32, 32, 32],
    [32, 32, 64],
    [64, 64, 64],
    [64, 32, 64],
    [128, 128, 64],
    [128, 64, 128],
    [64, 128, 32],
  ] as const)(
    "heads of attention, %i x %i of %i terms: no invocation is idle, and each has 16 outputs or more",
    (m, n, k) => {
      for (const heads of [32, 96, 256, 1024]) {
        const { groups, invocations, products } = counted(scheduleWgsl(batched(heads, m, n, k), card));
        const words = tileWords(scheduleWgsl(batched(heads, m, n, k), card));
        const slices = Number(/sliced (\d+)/.exec(words)?.[1] ?? 1);
        expect((groups * invocations * products) / slices).toBe(heads * m * n);
        expect(products).toBeGreaterThanOrEqual(16);
        expect(invocations).toBeGreaterThanOrEqual(64);
      }
    },
  );

  test("where there is no memory for two tiles, there is one", () => {
    const tight = { ...card, maxWorkgroupStorage: 16384 };
    expect(tileWords(scheduleWgsl(matmul(1024, 1024, 1024), tight))).toBe("16 deep 4 wide");
    expect(counted(scheduleWgsl(matmul(1024, 1024, 1024), tight)).bytes).toBe(8704);
  });
});

test("the contractions of an MNIST step on a card: batch 128 in one launch each, of 4,096 the gradients in parts", () => {
  const planned = (batch: number): readonly string[] => {
    const { sequence } = stagesOf(
      mnistStep(rmsprop({ learningRate: 0.001 })),
      "train",
      { batch },
      bindTarget(wgsl, h100),
    );
    return launchesOf(sequence).flatMap(({ kernel }) => {
      const { groups, invocations } = counted(kernel);
      return kernel.name.includes("contract")
        ? [`${kernel.name}: ${groups} x ${invocations}, ${tileWords(kernel)}`]
        : [];
    });
  };
  expect(planned(128)).toEqual([
    "k0_contract_max: 64 x 256, 32 deep 4 wide ahead twice sliced 4",
    "k1_contract_add: 320 x 256, team 4 rows x 64 lanes along in subgroups of 32",
    "k3_contract_select: 64 x 64, 16 deep 4 wide ahead twice",
    "k4_contract_sub: 16 x 128, 32 deep 4 wide ahead twice sliced 4",
    "k6_contract_sub: 400 x 64, 16 deep 4 wide ahead twice",
  ]);
  expect(planned(4096).filter((line) => line.includes("deep"))).toEqual([
    "k0_contract_max: 512 x 128, 8 deep 4 wide ahead twice",
    "k1_contract_add: 128 x 128, 32 deep 4 wide ahead twice sliced 4",
    "k4_contract_select: 512 x 128, 8 deep 4 wide ahead twice",
    "k5_contract_sub_parts: 256 x 128, 32 deep 4 wide ahead twice sliced 4",
    "k6_contract_sub_parts: 416 x 128, 16 deep 4 wide twice",
  ]);
});

describe("a tile", () => {
  const stepOf = (kernel: Kernel): readonly Stmt[] =>
    loopsIn(kernel.nests[0]?.body ?? []).find(({ loop }) => loop.name.startsWith("k_tile"))?.body ?? [];
  const loadsFrom = (stmts: readonly Stmt[], buffer: string): number => {
    let count = 0;
    for (const stmt of stmts) {
      for (const own of ownExprs(stmt)) {
        walkExpr(own, (expr) => {
          if (expr.kind === "load" && expr.buffer === buffer) count += 1;
        });
      }
    }
    return count;
  };

  test("is loaded between the barrier and the products of the one before it, which is its only barrier", () => {
    const step = stepOf(scheduleWgsl(matmul(4096, 4096, 1024), card));
    const kinds = step.map(({ kind }) => kind);
    const [barrier, products] = [kinds.indexOf("barrier"), kinds.indexOf("for")];
    expect(kinds.filter((kind) => kind === "barrier")).toHaveLength(1);
    const [next] = step.slice(barrier + 1, products);
    const between = next?.kind === "if" ? next.body : [];
    // 512 elements of each factor by 128 invocations, none of which asks whether it is there: the last tile loads nothing.
    expect([loadsFrom(between, "x"), loadsFrom(between, "w")]).toEqual([4, 4]);
    expect(loadsFrom(step.slice(0, barrier), "x")).toBe(0);
    expect(printKernel(scheduleWgsl(matmul(4096, 4096, 1024), card))).not.toContain("guarded");
  });

  test("takes what lies side by side in fours: rows, columns, places in its memory and outputs", () => {
    const kernel = scheduleWgsl(matmul(1024, 1024, 1024, true), card);
    const stored = stepOf(kernel).flatMap((stmt) => (stmt.kind === "store" ? [stmt] : []));
    const offsets = stored.map(({ at }) => (at.kind === "sum" ? at.offset % 4 : 0));
    expect(offsets).toEqual(stored.map((_, n) => n % 4));
    expect(kernel.shared.every(({ count }) => count % 4 === 0)).toBe(true);
  });
});

describe("every shape of the tables computes the same, beyond all edges too", () => {
  /** Of sizes that no tile divides: more than one in each direction, where terms allow it. */
  const kernelsFor = ({ ny, nx, rm, rn, depth }: TileShape): readonly (readonly [string, Kernel])[] => {
    const [m, n, k] = [ny * rm + 3, nx * rn + 5, 3 * depth + 1];
    return [
      ["odd sizes", matmul(m, n, k)],
      ["odd sizes, transposed", matmul(m, n, k, true)],
      ["whole tiles", matmul(ny * rm, nx * rn, 2 * depth, true)],
      ["less than a tile", matmul(5, 7, 131)],
      ["one turn", matmul(m, 8, depth)],
      ["a batch, with infinities where nothing was loaded", batched(2, 9, 10, 2 * depth + 3)],
      ["windows", convolution(1, 6, 5, 3, 10)],
    ];
  };
  const check = (title: string, kernel: Kernel, made: Kernel): void => {
    expect(checkKernel(made), title).toBeNull();
    const [expected, actual] = [feedsFor(kernel), feedsFor(kernel)];
    evaluateKernel(kernel, expected, { races: false });
    evaluateKernel(made, actual);
    for (const { name } of kernel.buffers) {
      const [a, e] = [actual.get(name)?.data ?? [], expected.get(name)?.data ?? []];
      expect(difference(a, e, 1e-2), `${title}: ${name}`).toBeUndefined();
    }
  };
  for (const shape of wgslTuning.tiles) {
    const { most: _, ...any } = shape;
    const own = { tileLeastWork: 0, terms: 40, tiles: [{ ...any, least: 0, leastTerms: 0 }] };
    test(`a card's: ${JSON.stringify(shape)}`, () => {
      for (const [title, kernel] of kernelsFor(shape)) {
        const made = scheduleWgsl(kernel, card, own);
        expect(tileWords(made), title).toMatch(/^\d+ deep/);
        check(title, kernel, made);
      }
    });
  }
  for (const shape of softwareTuning.blocks) {
    const { rm, rn } = shape;
    // Sums of 40 terms and less: of 80 there are two, of 121 three and one of what is left over.
    const own = { ...softwareTuning, tileLeastWork: 0, terms: 40, blocks: [shape] };
    test(`software's: ${rm} x ${rn}`, () => {
      for (const [title, kernel] of kernelsFor({ ny: 4, nx: 4, rm, rn, depth: 40, least: 1, why: "" })) {
        const made = scheduleWgsl(kernel, card, own);
        if (title === "whole tiles")
          expect(printSchedules(made.schedule), title).toContain(`split i ${rm} mask; split j ${rn}`);
        if (title !== "less than a tile") expect(made.shared, title).toEqual([]);
        check(title, kernel, made);
      }
    });
  }
});

describe("on a driver that computes on the CPU", () => {
  const software = bindTarget(wgsl, { ...h100, isSoftware: true });

  test("the contractions of an MNIST step are blocks of registers, without workgroup memory", () => {
    const { sequence } = stagesOf(mnistStep(rmsprop({ learningRate: 0.001 })), "train", { batch: 32 }, software);
    const kernels = launchesOf(sequence).map(({ kernel }) => kernel);
    for (const { shared } of kernels) expect(shared).toEqual([]);
    expect(
      kernels.flatMap((kernel) => {
        const [rows, columns] = [...printSchedules(kernel.schedule).matchAll(/split \w+ (\d) mask/g)].map(
          ([, by]) => by,
        );
        const { groups, invocations } = counted(kernel);
        return kernel.name.includes("contract")
          ? [`${kernel.name}: ${groups} x ${invocations}, ${rows} x ${columns}`]
          : [];
      }),
    ).toEqual([
      "k0_contract_max: 4 x 64, 8 x 8",
      "k1_contract_add: 1 x 64, 4 x 2",
      "k3_contract_select: 4 x 64, 8 x 8",
      "k4_contract_sub: 5 x 64, 8 x 2",
      "k6_contract_sub: 98 x 64, 8 x 8",
    ]);
  });

  test("each of the 16 elements that 64 products need is loaded once", () => {
    const product = program({
      inputs: { a: f32(256, 256), b: f32(256, 256) },
      step: ({ a, b }) => ({ outputs: { y: multiply(a, b) } }),
    });
    const { sequence } = stagesOf(product, "step", {}, software);
    let [loads, products] = [0, 0];
    for (const { kernel } of launchesOf(sequence)) {
      walkStmts(kernel.nests[0]?.body ?? [], {
        expr: (expr) => {
          if (expr.kind === "load") loads += 1;
          if (expr.kind === "apply" && expr.fn === "mul") products += 1;
        },
      });
    }
    expect({ loads, products }).toEqual({ loads: 16, products: 64 });
  });
});

test("the bytes that the policy takes are those of the arrays", () => {
  for (const shape of wgslTuning.tiles) {
    const { most: _, ...any } = shape;
    const kernel = matmul(70, 70, 300);
    const [nest] = kernel.nests;
    expect(nest && contractionOf(new Facts(nest))).toBeDefined();
    const found = counted(scheduleWgsl(kernel, card, { tiles: [{ ...any, least: 0, leastTerms: 0 }] }));
    expect([found.bytes, found.invocations]).toEqual([tileBytes(shape), invocationsOf(shape)]);
  }
});
