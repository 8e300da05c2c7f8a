/** A pass that makes what breaks an invariant is named in the error, and nothing broken is printed. */
import { describe, expect, test } from "vitest";
import { wgslMoves } from "../../codegen/wgsl/moves/all.ts";
import type { MakeMoves } from "../../passes/schedule/apply.ts";
import { withBody } from "../../passes/schedule/piece.ts";
import type { Policy } from "../../passes/schedule/schedule.ts";
import { stagesOf } from "../../src/compile.ts";
import { exp } from "../../src/dsl/ops.ts";
import { program } from "../../src/dsl/program.ts";
import { f32 } from "../../src/dsl/spec.ts";
import { jsTarget } from "../../src/eager-targets.ts";
import type { Node } from "../../src/graph/node.ts";
import { mapOps } from "../../src/graph/ops/map.ts";
import type { AnyMove, WgslMoveName } from "../../src/kernel/moves.ts";
import type { TargetSetup } from "../../src/target-setup.ts";
import { constant, constIndex, store } from "../kernel-pool.ts";

const made = program({
  inputs: { x: f32(4) },
  entries: { step: ({ x }) => ({ outputs: { y: exp(x) } }) },
});

describe("schedule, where a move breaks its kernel", () => {
  /** `team` makes what is given: what it stores to is no buffer. */
  function broken(isBroken: () => boolean): TargetSetup {
    const team: MakeMoves<WgslMoveName>["team"] = (piece) =>
      isBroken() ? withBody(piece, [store("nothing", constIndex(0), constant("f32", 1))]) : piece;
    const policy: Policy<AnyMove> = () => [[{ move: "team", rows: 1, lanes: 2, layout: "along" }]];
    return { ...jsTarget, scheduling: { policy, ownMoves: { ...wgslMoves, team } } };
  }

  test("the move is named", () => {
    const named = /pass "schedule" broke: .*, after "team 1 rows x 2 lanes along"/;
    expect(() =>
      stagesOf(
        made,
        "step",
        {},
        broken(() => true),
      ),
    ).toThrow(named);
  });

  test("where no move is found that did it, the kernel is shown", () => {
    let times = 0;
    const first = broken(() => times++ === 0);
    expect(() => stagesOf(made, "step", {}, first)).toThrow(/pass "schedule" broke: .*\nkernel k0_exp\(/);
  });

  test("and a move that is another target's is none", () => {
    const { policy } = broken(() => true).scheduling;
    const other = { ...jsTarget, scheduling: { policy } };
    expect(() => stagesOf(made, "step", {}, other)).toThrow(
      'pass "schedule": "team 1 rows x 2 lanes along" is not legal: it is a move of another target',
    );
  });
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
  const policy = (): never => {
    throw new Error("it cannot be scheduled");
  };
  const target = { ...jsTarget, scheduling: { policy } };
  expect(() => stagesOf(broken, "step", {}, target)).toThrow(lowerBroke);
  expect(() => stagesOf(made, "step", {}, target)).toThrow("it cannot be scheduled");
});
