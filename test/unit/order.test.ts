/** `order` chooses the sequence in which least is alive, and finds out anew what a step costs when another has run. */
import { expect, test } from "vitest";
import { stagesOf } from "../../src/compile.ts";
import { matmul, transpose } from "../../src/dsl/ops.ts";
import { program } from "../../src/dsl/program.ts";
import { f32 } from "../../src/dsl/spec.ts";
import { jsTarget } from "../../src/eager-targets.ts";

// t is large, and a and b read it. b makes more than c does, but once a is there, b is the last that needs t.
const chain = program({
  inputs: { x: f32(256, 32), w: f32(32, 256), u: f32(256, 8), r: f32(256, 60), v: f32(8, 48) },
  entries: {
    step({ x, w, u, r, v }) {
      const t = matmul(x, w);
      const a = matmul(t, u);
      const b = matmul(t, r);
      const c = matmul(a, v);
      return { outputs: { y: matmul(transpose(b), c) } };
    },
  },
});

test("what a step costs is asked again when one before it has run", () => {
  const { ordered, report } = stagesOf(chain, "step", {}, jsTarget);
  const made = ordered.steps.map((step) => {
    const outputs = step.kind === "group" ? step.clusters.flatMap((cluster) => cluster.outputs) : [];
    return outputs.map((node) => node.type.shape.join("x")).join(" ");
  });
  expect(made).toEqual(["256x256", "256x8", "256x60", "256x48", "60x48"]);
  expect(report.memory.peakBytes).toBe(4 * 256 * (256 + 8 + 60));
});
