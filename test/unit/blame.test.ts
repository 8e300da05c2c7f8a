/** A pass that makes what breaks an invariant is named in the error, and nothing broken is printed. */
import { expect, test } from "vitest";
import { stagesOf } from "../../src/compile.ts";
import { exp } from "../../src/dsl/ops.ts";
import { program } from "../../src/dsl/program.ts";
import { f32 } from "../../src/dsl/spec.ts";
import type { Node } from "../../src/graph/node.ts";
import { mapOps } from "../../src/graph/ops/map.ts";
import type { Kernel } from "../../src/kernel/kernel.ts";
import { jsTarget } from "../../src/targets.ts";
import { constant } from "../kernel-pool.ts";

const made = program({
  inputs: { x: f32(4) },
  entries: { step: ({ x }) => ({ outputs: { y: exp(x) } }) },
});

test("schedule, where its kernel is broken", () => {
  const schedule = (kernel: Kernel): Kernel => {
    const scheduled = jsTarget.schedule(kernel);
    return { ...scheduled, buffers: scheduled.buffers.slice(1) };
  };
  expect(() => stagesOf(made, "step", {}, { ...jsTarget, schedule })).toThrow(/pass "schedule" broke: /);
});

test("lower, where its kernel is broken, whatever the schedule makes of that", () => {
  // a map whose element is an i32 where its type says f32
  const op = { ...mapOps.exp, element: () => constant("i32", 1) };
  const entry = made.entries.get("step");
  if (entry === undefined) throw new Error("no entry");
  const [x] = entry.graph.nodes.filter(({ op: { kind } }) => kind === "source") as [Node];
  const y = entry.graph.node(op, [x]);
  const entries = new Map([["step", { ...entry, outputs: [{ name: "y", node: y }] }]]);
  const broken = { ...made, entries };
  const lowerBroke = /pass "lower" broke: /;
  expect(() => stagesOf(broken, "step", {}, jsTarget)).toThrow(lowerBroke);
  expect(() => stagesOf(broken, "step", {}, jsTarget, { skip: ["schedule"] })).toThrow(lowerBroke);
  const schedule = (): Kernel => {
    throw new Error("it cannot be scheduled");
  };
  expect(() => stagesOf(broken, "step", {}, { ...jsTarget, schedule })).toThrow(lowerBroke);
  expect(() => stagesOf(made, "step", {}, { ...jsTarget, schedule })).toThrow("it cannot be scheduled");
});
