/**
 * Kernels that are equal but for the names of buffers are one object in a compilation, whichever entry launches them: scheduled
 * once, printed once.
 */
import {
  add,
  dense,
  f32,
  matmul,
  mean,
  mul,
  param,
  program,
  relu,
  rmsprop,
  sequential,
  sum,
  trainer,
  zeros,
} from "tensorloom";
import { describe, expect, test } from "vitest";
import type { BoundTarget } from "../../codegen/target.ts";
import { newTogether, type Stages, stagesOf } from "../../src/compile.ts";
import { jsTarget, plannedTargets } from "../../src/eager-targets.ts";
import { load } from "../../src/kernel/build.ts";
import type { Kernel, Stmt } from "../../src/kernel/kernel.ts";
import { KernelPool } from "../../src/kernel/kernel-pool.ts";
import { newPool } from "../../src/kernel/pool.ts";
import { printKernel } from "../../src/kernel/print.ts";
import { mapStmts, rewriting } from "../../src/kernel/rewrite.ts";
import type { Artifact } from "../../src/program/artifact.ts";
import { printSequence } from "../../src/program/print.ts";
import { kernelsOf, type Launch, launchesOf, mapKernels } from "../../src/program/sequence.ts";
import { runUpTo } from "../../src/stages.ts";
import { caseProgram } from "../op-case.ts";
import { opCases } from "../op-cases.ts";
import { contextOn } from "../stage-context.ts";

/** The kernel with its buffers called by other names. */
function renamed(kernel: Kernel, other: (at: number) => string): Kernel {
  const names = new Map(kernel.buffers.map(({ name }, at) => [name, other(at)]));
  const named = (name: string): string => names.get(name) ?? name;
  const loads = rewriting((expr) =>
    expr.kind === "load" ? load(expr.type, named(expr.buffer), expr.at, expr.guard) : expr,
  );
  const stored = (stmt: Stmt): Stmt => {
    if (stmt.kind === "store") return { ...stmt, buffer: named(stmt.buffer) };
    return "body" in stmt ? { ...stmt, body: stmt.body.map(stored) } : stmt;
  };
  const rename = (stmts: readonly Stmt[]): readonly Stmt[] => mapStmts(stmts, loads).map(stored);
  return {
    ...kernel,
    name: "renamed",
    buffers: kernel.buffers.map(({ sharing, ...buffer }) => {
      return { ...buffer, name: named(buffer.name), ...(sharing === undefined ? {} : { sharing: named(sharing) }) };
    }),
    nests: kernel.nests.map((nest) => ({ ...nest, prelude: rename(nest.prelude), body: rename(nest.body) })),
  };
}

describe("the kernels of all ops", () => {
  const context = contextOn(jsTarget);
  const written = [...new Set(opCases.map(({ op }) => op.split(" ")[0]))].flatMap((kind) => [
    ...caseProgram(opCases.filter(({ op }) => op.startsWith(`${kind} `))).entries.values(),
  ]);
  const kernels = [
    ...new Set(written.flatMap((entry) => kernelsOf(runUpTo("lowered", { written: entry }, context).lowered))),
  ];

  test("are found again under other names", () => {
    expect(kernels.length).toBeGreaterThan(100);
    for (const kernel of kernels) {
      const found = context.kernels.intern(renamed(kernel, (at) => `other_${at}`));
      expect(found === kernel ? "" : printKernel(kernel)).toBe("");
    }
  });

  test("are found when two parameters change names", () => {
    for (const kernel of kernels) {
      const names = kernel.buffers.map(({ name }) => name);
      const turned = renamed(kernel, (at) => names[(at + 1) % names.length] ?? "");
      expect(context.kernels.intern(turned) === kernel ? "" : printKernel(kernel)).toBe("");
    }
  });

  test("no two that are kept are the same text", () => {
    const texts = kernels.map((kernel) => {
      const plain = renamed(kernel, (at) => `other_${at}`);
      return `${printKernel(plain)} ${JSON.stringify(plain.nests, (key, value) => (key === "from" ? value : key === "pool" ? undefined : value))}`;
    });
    expect(new Set(texts).size).toBe(kernels.length);
  });

  test("differ where anything else does", () => {
    const pool = new KernelPool();
    const kernel = kernels.find(({ buffers, nests }) => {
      const isRead = buffers[0]?.role === "read" && buffers[0].element === "f32" && buffers[0].count > 7;
      return isRead && buffers.length > 1 && nests[0]?.body.some(({ kind }) => kind === "fold") === true;
    });
    if (kernel === undefined) throw new Error("no kernel that folds what it reads");
    const [first, ...rest] = kernel.buffers;
    const others: readonly Kernel[] = [
      kernel,
      { ...kernel, buffers: [...rest, first] as Kernel["buffers"] },
      { ...kernel, buffers: [{ ...first, count: 7 }, ...rest] as Kernel["buffers"] },
      { ...kernel, buffers: [{ ...first, element: "u8" }, ...rest] as Kernel["buffers"] },
      { ...kernel, buffers: [{ ...first, role: "update" }, ...rest] as Kernel["buffers"] },
      { ...kernel, buffers: [{ ...first, sharing: rest[0]?.name }, ...rest] as Kernel["buffers"] },
      { ...kernel, iterations: [{ name: "t", extent: 3 }] },
      { ...kernel, iterations: [{ name: "t", extent: 4 }] },
      { ...kernel, nests: [...kernel.nests, ...kernel.nests] },
      { ...kernel, nests: kernel.nests.map((nest) => ({ ...nest, loops: [] })) },
      { ...kernel, nests: kernel.nests.map((nest) => ({ ...nest, prelude: nest.body })) },
      {
        ...kernel,
        nests: kernel.nests.map((nest) => ({
          ...nest,
          body: nest.body.map((stmt) => ("from" in stmt ? { ...stmt, from: [9] } : stmt)),
        })),
      },
    ];
    for (const other of others) expect(pool.intern(other), printKernel(other)).toBe(other);
  });
});

// ---- compilations --------------------------------------------------------------------------------------------------------

/** The stages of all entries, compiled together, and the kernels that were scheduled. */
function together(made: Parameters<typeof stagesOf>[0], target: BoundTarget, dims = {}) {
  const scheduled: string[] = [];
  const watched: BoundTarget = {
    ...target,
    scheduling: {
      ...target.scheduling,
      policy(facts, kernel) {
        scheduled.push(kernel.name);
        return target.scheduling.policy(facts, kernel);
      },
    },
  };
  const all = newTogether(watched);
  const entries = new Map<string, Stages<Artifact>>();
  for (const name of made.entries.keys()) {
    entries.set(name, stagesOf(made, name, dims, watched, {}, { together: all }));
  }
  return { entries, scheduled };
}

const hidden = 16;
const deep = program({
  inputs: { x: f32(4, hidden) },
  state: { w: Array.from({ length: 12 }, () => param(zeros(hidden, hidden))), b: param(zeros(hidden)) },
  entries: {
    forward: ({ x }, { w, b }) => ({ outputs: { y: w.reduce((y, one) => relu(add(matmul(y, one), b)), x) } }),
    loss: ({ x }, { w, b }) => ({
      outputs: { y: sum(mul(mean(w.reduce((y, one) => relu(add(matmul(y, one), b)), x)), 2)) },
    }),
  },
});

describe.each(["js", "wasm", "wgsl"] as const)("%s", (name) => {
  test("layers that are alike are launches of one kernel, in both entries", () => {
    const { entries, scheduled } = together(deep, plannedTargets[name]);
    const [forward, loss] = [...entries.values()].map(({ sequence }) => launchesOf(sequence));
    expect(forward).toHaveLength(12);
    expect(new Set(forward?.map(({ name: launch }) => launch)).size).toBe(12);
    expect(new Set(forward?.map(({ kernel }) => kernel)).size).toBeLessThan(4);
    expect(loss?.slice(0, 10).map(({ kernel }) => kernel)).toEqual(forward?.slice(0, 10).map(({ kernel }) => kernel));
    for (const [at, { kernel }] of (loss ?? []).slice(0, 10).entries()) expect(kernel).toBe(forward?.[at]?.kernel);
    const all = new Set([...(forward ?? []), ...(loss ?? [])].map(({ kernel }) => kernel));
    expect(scheduled).toHaveLength(all.size);
  });

  test("a kernel is printed once, for whichever entry and however many launches", () => {
    const planned = plannedTargets[name];
    const { sequence, layout } = stagesOf(deep, "forward", {}, planned);
    const looks = new Map<Kernel, number>();
    const watchedOf = new Map(
      kernelsOf(sequence).map((kernel) => {
        const watched: Kernel = {
          ...kernel,
          get nests() {
            looks.set(kernel, (looks.get(kernel) ?? 0) + 1);
            return kernel.nests;
          },
        };
        return [kernel, watched];
      }),
    );
    const watched = mapKernels(sequence, (kernel) => watchedOf.get(kernel) ?? kernel);
    // WGSL says of each parameter whether it is an input, which nobody writes.
    const howLaunched = ({ kernel, bindings }: Launch): string =>
      [kernel.name, ...bindings.map(({ buffer }) => buffer.segment === "input")].join(" ");
    const first = new Map(launchesOf(watched).map((launch) => [howLaunched(launch), launch]));
    const print = planned.printer();
    print([...first.values()], layout);
    const once = new Map(looks);
    expect(once.size).toBe(watchedOf.size);
    print(watched, layout);
    expect(looks).toEqual(once);
  });
});

test("a launch binds its own buffers, and says whose kernel it is", () => {
  const { entries } = together(deep, jsTarget);
  const { sequence } = entries.get("forward") as Stages<Artifact>;
  const lines = printSequence(sequence).split("\n").slice(2, 4);
  expect(lines).toMatchInlineSnapshot(`
    [
      "launch k2_contract_max(x: %22, w_0: state w.2, b: state b, t19: %25) as k0_contract_max",
      "launch k3_contract_max(x: %25, w_0: state w.3, b: state b, t19: %28) as k0_contract_max",
    ]
  `);
});

test("a trainer's evaluate and predict print nothing that train has printed", () => {
  const net = trainer(sequential([dense(hidden, { activation: "relu" }), dense(3)]), {
    input: [5],
    loss: "softmaxCrossEntropy",
    optimizer: rmsprop(),
  });
  const { entries } = together(net.program, jsTarget, { batch: 8 });
  const texts = [...entries.values()].map(({ artifact }) => (artifact as unknown as { source: string }).source);
  const functions = texts.map((text) => text.match(/^function k\d+[\s\S]*?^}/gm) ?? []);
  const all = functions.flat();
  expect(new Set(all.map((text) => text.replace(/^function \w+/, ""))).size).toBe(new Set(all).size);
  expect(new Set(all).size).toBeLessThan(all.length);
});

test("an expression leads a printer to its operands, and not through its pool to all others", () => {
  const pool = newPool();
  for (let i = 0; i < 1000; i++) pool.constant("f32", i);
  const seen = new Set<object>();
  const walk = (value: unknown): void => {
    if (typeof value !== "object" || value === null || seen.has(value)) return;
    seen.add(value);
    for (const inner of value instanceof Map ? value.values() : Object.values(value)) walk(inner);
  };
  walk(pool.constant("f32", 1));
  expect(seen.size).toBeLessThan(10);
});
