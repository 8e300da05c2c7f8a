/**
 * Threefry as kernel expressions gives the bits of the host's generator, and the published known answers.
 */
import { expect, test } from "vitest";
import { threefry2x32 as host, uniformFromBits as hostUniform } from "../../../src/core/random.ts";
import type { Expr, Routine } from "../../../src/kernel/kernel.ts";
import { routineFor } from "../../../src/kernel/maths/library.ts";
import { threefry2x32, uniformFromBits } from "../../../src/kernel/maths/threefry.ts";
import { name } from "../../kernel-pool.ts";
import { run } from "./run-routine.ts";

const names = ["key0", "key1", "counter0", "counter1"] as const;

function words(): readonly [(...args: number[]) => number, (...args: number[]) => number] {
  const [k0, k1, c0, c1] = names.map((label) => name("u32", label)) as [Expr, Expr, Expr, Expr];
  const { lets, word0, word1 } = threefry2x32("r1_", k0, k1, c0, c1);
  const params = names.map((label) => ({ name: label, type: "u32" }) as const);
  const routine = (result: Expr): Routine => ({ name: "threefry", params, body: lets, result });
  return [run(routine(word0)), run(routine(word1))];
}

test("known answers of the Random123 distribution (threefry2x32, 20 rounds)", () => {
  const [word0, word1] = words();
  const known = [
    [
      [0, 0, 0, 0],
      [0x6b200159, 0x99ba4efe],
    ],
    [
      [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      [0x1cb996fc, 0xbb002be7],
    ],
    [
      [0x13198a2e, 0x03707344, 0x243f6a88, 0x85a308d3],
      [0xc4923a9c, 0x483df7a0],
    ],
  ] as const;
  for (const [operands, expected] of known) expect([word0(...operands), word1(...operands)]).toEqual(expected);
});

test("agrees with src/core/random.ts", () => {
  const [word0, word1] = words();
  for (let i = 0; i < 1000; i++) {
    const operands = [1, 2, 3, 4].map((n) => Math.imul(i + 1, 0x9e3779b1 * n) >>> 0) as [
      number,
      number,
      number,
      number,
    ];
    expect([word0(...operands), word1(...operands)]).toEqual([...host(...operands)]);
  }
});

test("the library's routine is the first word", () => {
  const routine = routineFor("threefry", "u32");
  if (routine === undefined) throw new Error("no routine");
  expect(run(routine)(0x13198a2e, 0x03707344, 0x243f6a88, 0x85a308d3)).toBe(0xc4923a9c);
  expect(routineFor("threefry", "f32")).toBeUndefined();
});

test("uniforms are those of the host", () => {
  const params = [{ name: "bits", type: "u32" }] as const;
  const uniform = run({ name: "uniform", params, body: [], result: uniformFromBits(name("u32", "bits")) });
  for (const bits of [0, 255, 256, 0x80000000, 0xffffffff, 0x12345678]) expect(uniform(bits)).toBe(hostUniform(bits));
});
