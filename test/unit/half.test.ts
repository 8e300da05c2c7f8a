/**
 * A cast to f16 rounds to half precision, whoever reads it: on `js` and `wasm`, in the kernel evaluator and by the oracle; with and
 * without each optional step. test/gpu/cases/half.ts holds `wgsl` to the same rows.
 */
import { describe, expect, test } from "vitest";
import { halfBits, roundTo } from "../../src/core/dtype.ts";
import type { Entry } from "../../src/graph/entry.ts";
import { ndarray } from "../../src/graph/ndarray.ts";
import * as api from "../../src/index.ts";
import { cast, compile, evaluate, f64, program, type Tensor } from "../../src/index.ts";
import { doubleRoutineFor } from "../../src/kernel/maths/in-double.ts";
import type { Skippable } from "../../src/stages.ts";
import { jsTarget, wasmTarget } from "../../src/targets.ts";
import { evaluatorTarget, wasmEvaluatorTarget } from "../evaluator-machine.ts";
import { brokenHalves, brokenResults, decodeHalf, halfInputs, halfProgram, nearestHalf } from "../half-rows.ts";
import { evaluateEntry, expand, runPasses } from "./oracle.ts";

const targets = [
  ["js", jsTarget],
  ["wasm", wasmTarget({ threads: 1 })],
  ["the kernel evaluator", evaluatorTarget],
  ["the kernel evaluator, as for wasm", wasmEvaluatorTarget],
] as const;
const skips: readonly (readonly Skippable[])[] = [[], ["fuse"], ["simplify"], ["simplify", "fuse", "schedule"]];

test("the cases of the issue", async () => {
  const x = [3e9, -1.9, 65519, 1e-8];
  const found = await evaluate(({ x }) => cast(cast(x as Tensor, "f16") as Tensor, "f32") as Tensor, { x });
  expect([...(found as unknown as Float32Array)]).toEqual([Number.POSITIVE_INFINITY, -1.900390625, 65504, 0]);
});

describe.each(targets)("%s", (_, target) => {
  test.each(skips.map((skip) => [skip.join(", ") || "nothing", skip] as const))("without %s", async (_, skip) => {
    expect(await brokenHalves(target, skip)).toEqual([]);
  });
});

test.each(Object.keys(halfInputs) as (keyof typeof halfInputs)[])("the oracle, from %s", (dtype) => {
  const entry = halfProgram(dtype).entries.get("step") as Entry;
  const numbers = halfInputs[dtype] ?? [];
  const found = evaluateEntry(runPasses(entry, expand), { x: ndarray(dtype, [numbers.length], numbers) });
  expect(brokenResults(dtype, (name) => found.get(name)?.data ?? [])).toEqual([]);
});

test("a cast to f32 rounds in a program of f64, on js and by the oracle", async () => {
  const made = program({
    inputs: { x: f64(3) },
    step: ({ x }) => ({ outputs: { y: cast(cast(x, "f32"), "f64") } }),
  });
  const x = [0.1, 1 + 2 ** -40, 1e300];
  const executable = await compile(made, { target: "js" });
  const { y } = await executable.run({ entry: "step", feeds: { x } });
  executable.dispose();
  const oracle = evaluateEntry(runPasses(made.entries.get("step") as Entry, expand), { x: ndarray("f64", [3], x) });
  expect([...y]).toEqual(x.map(Math.fround));
  expect([...(oracle.get("y")?.data ?? [])]).toEqual(x.map(Math.fround));
});

type Loose = (...operands: readonly unknown[]) => Tensor;
const [add, arange, broadcast, concat, flip, gather, grad, mul, slice, sum, to] = [
  api.add, api.arange, api.broadcastTo, api.concat, api.flip, api.gather, api.grad, api.mul, api.slice, api.sum, api.cast,
] as unknown as readonly [Loose, Loose, Loose, Loose, Loose, Loose, Loose, Loose, Loose, Loose, Loose]; // biome-ignore format: names

test.each<readonly [string, (half: Tensor) => Tensor, readonly number[]]>([
  ["twice", (half) => add(mul(to(half, "f32"), 0.1), to(flip(half, [0]), "f32")), [1.1, 1.1, 1.1, 1.1]],
  ["repeated", (half) => mul(to(broadcast(half, [3, 4]), "f32"), 0.1), [0.3, 0.3, 0.3, 0.3]],
  ["in parts", (half) => add(to(slice(half, [0, 2]), "f32"), to(slice(half, [1, 3]), "f32")), [1, 2, 1, 0]],
  ["looked up", (half) => to(gather(half, arange(2)), "f32"), [1, 1, 0, 0]],
  ["joined", (half) => to(concat([half, half]), "f32"), [2, 2, 2, 2]],
])("gradients of a value that is read %s add up in f32", async (_, read, wanted) => {
  const at = { x: [1, 2, 3, 4] };
  const found = await evaluate(({ x }) => grad(sum(read(to(x, "f16"))), x), at);
  // each slope is rounded to f16 where it comes from, and so is their sum
  [...(found as unknown as Float32Array)].forEach((slope, i) => {
    expect(Math.abs(slope - (wanted[i] ?? Number.NaN))).toBeLessThan(2 ** -10);
    expect(slope).toBe(nearestHalf(slope));
  });
});

test("every number of half precision is its own nearest, and has its own bits", () => {
  const wrong: number[] = [];
  for (let bits = 0; bits < 0x10000; bits++) {
    const value = decodeHalf(bits);
    const isRight = Number.isNaN(value) || (Object.is(roundTo("f16", value), value) && halfBits(value) === bits);
    if (!isRight) wrong.push(bits);
  }
  expect(wrong).toEqual([]);
  expect(doubleRoutineFor("roundHalf", "f32")).toBeDefined();
  expect([65519.999, 65520, 2 ** -25, 3 * 2 ** -25].map(nearestHalf)).toEqual([
    65504,
    Number.POSITIVE_INFINITY,
    0,
    2 ** -23,
  ]);
});
