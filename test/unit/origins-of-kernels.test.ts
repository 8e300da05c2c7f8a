/**
 * What a kernel does says which nodes of the graph it does it for: each fold and each store, of every op of the table, after
 * lowering and after every target's schedule.
 */
import { describe, expect, test } from "vitest";
import type { Entry } from "../../src/graph/entry.ts";
import { jsTarget } from "../../src/index.ts";
import { checkKernel } from "../../src/kernel/check.ts";
import type { FoldStmt, Kernel, Stmt } from "../../src/kernel/kernel.ts";
import { printKernel } from "../../src/kernel/print.ts";
import { walkStmts } from "../../src/kernel/rewrite.ts";
import { launchesOf } from "../../src/program/sequence.ts";
import { runUpTo } from "../../src/stages.ts";
import { caseProgram } from "../op-case.ts";
import { opCases } from "../op-cases.ts";
import { contextOn } from "../stage-context.ts";
import { scheduleJs } from "./js-case.ts";
import { scheduleWasm } from "./wasm/wasm-case.ts";
import { scheduleWgsl } from "./wgsl-samples.ts";

const gpu = { maxInvocations: 256, maxWorkgroupStorage: 16384 };
const schedules = [scheduleJs, scheduleWasm, (kernel: Kernel) => scheduleWgsl(kernel, gpu)];

type Store = Stmt & { readonly kind: "store" };

function statements({ nests }: Kernel): readonly Stmt[] {
  const all: Stmt[] = [];
  const stmt = (one: Stmt): undefined => void all.push(one);
  for (const { prelude, body } of nests) walkStmts([...prelude, ...body], { stmt });
  return all;
}

const storesOf = (kernel: Kernel): readonly Store[] => {
  const buffers = new Set(kernel.buffers.map(({ name }) => name));
  return statements(kernel).filter((stmt): stmt is Store => stmt.kind === "store" && buffers.has(stmt.buffer));
};
const foldsOf = (kernel: Kernel): readonly FoldStmt[] =>
  statements(kernel).filter((stmt): stmt is FoldStmt => stmt.kind === "fold");

/** All launches of the cases of one kind of op. */
function lowered(kind: string) {
  const chosen = opCases.filter(({ op }) => op.startsWith(`${kind} `));
  const written = caseProgram(chosen).entries.get("step") as Entry;
  return launchesOf(runUpTo("lowered", { written }, contextOn(jsTarget)).lowered);
}

const kinds = [...new Set(opCases.map(({ op }) => op.split(" ")[0] ?? ""))];

describe.each(kinds)("%s", (kind) => {
  const launches = lowered(kind);

  test("every fold comes from a reduction or a contraction, every store from what it stores", () => {
    expect(launches.length).toBeGreaterThan(0);
    for (const { kernel, nodes: own } of launches) {
      const broken = checkKernel(kernel);
      expect(broken, broken === null ? "" : printKernel(kernel)).toBeNull();
      for (const { fn, from } of foldsOf(kernel)) {
        const ops = from.map((place) => own[place]?.op);
        expect(ops).toHaveLength(1);
        for (const op of ops)
          expect(op?.kind === "reduce" ? op.fold : op?.kind).toBe(op?.kind === "reduce" ? fn : "contract");
      }
      for (const { from } of storesOf(kernel)) expect(from.map((place) => own[place] !== undefined)).toEqual([true]);
      // A run alone has variables, which go from one of its iterations to the next.
      const variables = statements(kernel).filter((stmt) => stmt.kind === "var" || stmt.kind === "assign");
      expect(variables.length > 0).toBe(own.some(({ op }) => op.kind === "run"));
    }
  });

  test("schedules forget none", () => {
    for (const kernel of new Set(launches.map((launch) => launch.kernel))) {
      const before = new Set(storesOf(kernel).flatMap(({ from }) => from));
      for (const schedule of schedules) {
        const after = schedule(kernel);
        const lost = storesOf(after).filter(({ from }) => from.length !== 1);
        expect(lost, lost.length === 0 ? "" : printKernel(after)).toEqual([]);
        expect(new Set(storesOf(after).flatMap(({ from }) => from))).toEqual(before);
      }
    }
  });
});
