/**
 * Between the kernels of a step all threads meet: what one has written is there when another reads it. One thread takes long
 * (a sum to a scalar belongs to a single thread) while the others have nothing to do but to go on.
 */
import { expect, test } from "vitest";
import { wasmTarget } from "../../../src/eager-targets.ts";
import { add, compileOn, f32, mul, program, sum } from "../../../src/index.ts";

const count = 600_000;

/** y = x * (the sum of x), by way of a kernel that a single thread runs, twice. */
const chained = () =>
  program({
    inputs: { x: f32(count) },
    step: ({ x }) => {
      const scaled = mul(x, sum(x));
      return { outputs: { y: add(x, sum(scaled)) } };
    },
  });

test.each([2, 4])(
  "no kernel of a step starts on %i threads before the one before it has ended on all",
  async (threads) => {
    const target = wasmTarget({ threads, vectors: 128 });
    const executable = await compileOn(chained(), target, { skip: ["fuse"] });
    expect(executable.report.device).toBe(`wasm (${threads} threads)`);
    expect(executable.report.entries[0]?.launches).toBeGreaterThan(3);
    // whole numbers, and sums of few of them: exact in any order
    const x = new Float32Array(count);
    for (let round = 1; round <= 12; round++) {
      for (let i = 0; i < 64; i++) x[(i * 9371 + round) % count] = i % round;
      const total = x.reduce((a, b) => a + b, 0);
      const { y } = await executable.run({ entry: "step", feeds: { x } });
      const wrong = y.findIndex((value, i) => value !== (x[i] ?? 0) + total * total);
      expect(wrong, `round ${round}: the first wrong element`).toBe(-1);
    }
    executable.dispose();
  },
);
