/**
 * What a row's plan asks of a GPU, told from the compiled entry: nothing runs. For the limits of the adapter at hand, or of a card
 * that is not (`h100`).
 */

import { bindTarget } from "../../codegen/target.ts";
import type { WgslFacts } from "../../codegen/wgsl/artifact.ts";
import { wgsl } from "../../codegen/wgsl/target.ts";
import { stagesOf } from "../../src/compile.ts";
import type { Kernel, Stmt } from "../../src/kernel/kernel.ts";
import { eachTime } from "../../src/program/sequence.ts";
import { arrayProgram, mainTrainer, stepProgram } from "./programs.ts";
import type { OwnWorkload } from "./rows.ts";

export interface Structure {
  /** Kernels launched in a call. */
  readonly launches: number;
  /** Of the invocation that turns most in its loops, how often: in a call's longest kernel. */
  readonly longest: number;
  /** Storage bindings by the width of an access in elements: how many have each. */
  readonly widths: Readonly<Record<number, number>>;
  /** Workgroups of the smallest and of the largest launch. */
  readonly workgroups: readonly [least: number, most: number];
}

/** The facts that tensorloom takes from an adapter's limits. */
export function factsOf(limits: Readonly<Record<string, number>>, isSoftware: boolean): WgslFacts {
  const known = Object.keys(wgsl.portable).flatMap((name) => (name in limits ? [[name, limits[name]]] : []));
  return { ...wgsl.portable, ...Object.fromEntries(known), isSoftware, minStorageBufferOffsetAlignment: 256 };
}

export function structureOf(workload: OwnWorkload, facts: WgslFacts): Structure {
  const { sequence, entry } = stagesFor(workload, facts);
  let [launches, longest] = [0, 0];
  eachTime(sequence, (step, times) => {
    if (step.kind !== "launch") return;
    launches += times;
    longest = Math.max(longest, longestInvocation(step.kernel));
  });
  const widths: Record<number, number> = {};
  const groups: number[] = [];
  for (const { source, workgroups } of entry.artifact.kernels) {
    groups.push(workgroups.reduce((product, count) => product * count, 1));
    for (const [, lanes = "1"] of source.matchAll(/var<storage[^>]*> \w+: array<(?:vec(\d))?/g)) {
      widths[Number(lanes)] = (widths[Number(lanes)] ?? 0) + 1;
    }
  }
  return { launches, longest, widths, workgroups: [Math.min(...groups), Math.max(...groups)] };
}

function stagesFor(workload: OwnWorkload, facts: WgslFacts) {
  const target = bindTarget(wgsl, facts);
  switch (workload.kind) {
    case "steps":
      return stagesOf(stepProgram(workload), "train", {}, target);
    case "epoch":
      return stagesOf(mainTrainer().program, "train", { batch: workload.batch }, target);
    default:
      return stagesOf(arrayProgram(workload), "go", {}, target);
  }
}

/** How often the loops of one invocation turn: an inner loop counts for each turn of the outer one. */
export function longestInvocation({ nests }: Kernel): number {
  return Math.max(0, ...nests.map(({ prelude, body }) => turns(prelude) + turns(body)));
}

function turns(stmts: readonly Stmt[]): number {
  return stmts.reduce((sum, stmt) => sum + turnsOf(stmt), 0);
}

/** Copies of an unrolled loop and lanes of a vector are no turns. */
function turnsOf(stmt: Stmt): number {
  switch (stmt.kind) {
    case "for": {
      const inner = turns(stmt.body);
      const isLoop = stmt.mark === "serial" || stmt.mark === "parallel";
      return isLoop ? stmt.loop.extent * Math.max(1, inner) : inner;
    }
    case "fold":
      return stmt.axes.reduce((product, { extent }) => product * extent, 1) * Math.max(1, turns(stmt.body));
    case "if":
      return turns(stmt.body);
    default:
      return 0;
  }
}
