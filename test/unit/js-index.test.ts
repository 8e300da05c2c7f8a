import { expect, test } from "vitest";
import { compile } from "../../src/compile.ts";
import { flip } from "../../src/dsl/ops.ts";
import { program } from "../../src/dsl/program.ts";
import { f32 } from "../../src/dsl/spec.ts";

test("an index whose outer part is negative keeps its sign: 4j - k - 12i", async () => {
  const shape = [2, 3, 4] as const;
  const z = Float32Array.from({ length: 24 }, (_, i) => i);
  for (const axes of [[0], [1], [2], [0, 1], [0, 2], [1, 2], [0, 1, 2]]) {
    const p = program({ inputs: { z: f32(...shape) }, step: ({ z }) => ({ outputs: { y: flip(z, axes) } }) });
    const executable = await compile(p, { target: "js" });
    const { y } = await executable.run({ entry: "step", feeds: { z } });
    const at = (axis: number, i: number): number => (axes.includes(axis) ? (shape[axis] ?? 1) - 1 - i : i);
    const expected = z.map((_, n) => 12 * at(0, Math.floor(n / 12)) + 4 * at(1, Math.floor(n / 4) % 3) + at(2, n % 4));
    expect(y).toEqual(expected);
  }
});
