/** Neighbours that are one access of memory: a GPU computes what each element by itself would be, bit for bit. */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { compileOn } from "../../../src/compile.ts";
import { values } from "../../../src/dsl/initializers.ts";
import { add, cast, mul, relu, softmax, sub, transpose } from "../../../src/dsl/ops.ts";
import { program } from "../../../src/dsl/program.ts";
import { f32, slot, u8 } from "../../../src/dsl/spec.ts";
import { evaluateKernel } from "../../../src/kernel/evaluate.ts";
import { difference, feedsFor } from "../../unit/wgsl-samples.ts";
import { wideSamples } from "../../unit/wgsl-wide-samples.ts";
import { cardTarget, sameAsJs } from "../against-js.ts";
import type { GpuCase } from "../case.ts";
import { launch } from "../run-kernel.ts";

const kernels = wideSamples.map(
  ({ title, kernel, plain, tolerance = 0 }): GpuCase => ({
    name: title,
    async run({ device }) {
      const expected = feedsFor(plain);
      evaluateKernel(plain, expected);
      const { buffers, source } = await launch(device, kernel, feedsFor(plain));
      for (const { name } of plain.buffers) {
        const [found, wanted] = [buffers.get(name) ?? [], expected.get(name)?.data ?? []];
        if (tolerance === 0) deepStrictEqual(found, wanted, `${name}\n${source}`);
        else strictEqual(difference(found, wanted, tolerance), undefined, `${name}\n${source}`);
      }
    },
  }),
);

const [rows, columns] = [300, 480];
const numbers = (seed: number): Float32Array =>
  Float32Array.from({ length: rows * columns }, (_, i) => Math.sin(seed * i * i + 3 * i));

/** As a card has it: intermediate results in one arena, of which a launch is given several ranges; bytes, turns, a state in place. */
const large: GpuCase = {
  name: "large maps of a program: an arena, a state in place, bytes, turned rows",
  async run({ device }) {
    const made = program({
      inputs: { x: f32(rows, columns), bytes: u8(rows, columns) },
      state: { kept: slot(values([...numbers(1)], rows, columns)) },
      entries: {
        step: ({ x, bytes }, { kept }) => {
          const first = softmax(x);
          const second = softmax(transpose(first));
          const sum = add(mul(transpose(second), cast(bytes, "f32")), add(first, kept));
          return {
            outputs: { sum, turned: transpose(sum), bytes: cast(sub(255, cast(bytes, "i32")), "u8") },
            next: { kept: sub(kept, mul(0.125, relu(sum))) },
          };
        },
      },
    });
    const bytes = Uint8Array.from({ length: rows * columns }, (_, i) => (7 * i) % 256);
    const calls = [2, 3].map((seed) => ({ feeds: { x: numbers(seed), bytes } }));
    const executable = await compileOn(made, cardTarget(device), {});
    const moves = executable.report.entries
      .flatMap(({ kernels }) => kernels.map(({ schedule }) => schedule))
      .join("\n");
    executable.dispose();
    match(moves, /turn \w+, \w+ in tiles of 32 by 256/);
    match(moves, /split \w+ (4|16); sink .*unroll/);
    await sameAsJs(device, made, calls, { asCard: true, tolerance: 1e-5 });
    await sameAsJs(device, made, calls, { tolerance: 1e-5 });
  },
};

export const cases: readonly GpuCase[] = [...kernels, large];
