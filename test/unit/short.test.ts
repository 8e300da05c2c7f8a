/**
 * A cast to f16 or bf16 rounds to it, whoever reads it: on `js` and `wasm`, in the kernel evaluator and by the oracle; with and
 * without each optional step. test/gpu/cases/short.ts holds `wgsl` to the same rows.
 */
import { describe, expect, test } from "vitest";
import { heldIn, roundTo, type ShortFloat, valueIn } from "../../src/core/dtype.ts";
import { InputSpec } from "../../src/dsl/spec.ts";
import { jsTarget, wasmTarget } from "../../src/eager-targets.ts";
import type { Entry } from "../../src/graph/entry.ts";
import { ndarray } from "../../src/graph/ndarray.ts";
import * as api from "../../src/index.ts";
import { cast, compile, compileOn, type DType, evaluate, f32, f64, program, type Tensor } from "../../src/index.ts";
import type { Kernel } from "../../src/kernel/kernel.ts";
import { doubleRoutineFor } from "../../src/kernel/maths/in-double.ts";
import type { Skippable } from "../../src/stages.ts";
import { evaluatorTarget, wasmEvaluatorTarget } from "../evaluator-machine.ts";
import { load } from "../kernel-pool.ts";
import { shortTypes } from "../op-case.ts";
import {
  brokenResults,
  brokenShorts,
  decodeShort,
  isAsTorch,
  nearestShort,
  shortInputs,
  shortProgram,
  torchNumbers,
} from "../short-rows.ts";
import { type Data, mapKernel, runJs } from "./js-case.ts";
import { evaluateEntry, expand, runPasses } from "./oracle.ts";
import { runWasm, scheduleWasm } from "./wasm/wasm-case.ts";

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
  const cases = shortTypes.flatMap((dtype) =>
    skips.map((skip) => [dtype, skip.join(", ") || "nothing", skip] as const),
  );
  test.each(cases)("%s without %s", async (dtype, _, skip) => {
    expect(await brokenShorts(dtype, target, skip)).toEqual([]);
  });
});

const castings = shortTypes.flatMap((dtype) =>
  (Object.keys(shortInputs[dtype]) as DType[]).map((from): [ShortFloat, DType] => [dtype, from]),
);
test.each(shortTypes)(
  "of %s a scalar is a number, an array its bits, and a list of numbers is rounded",
  async (dtype) => {
    const at = { s: 1.1, v: [1.1, 2] };
    const found = await evaluate(({ s, v }) => ({ s: mul(s, 3), v: mul(v, 3) }), at, { dtype });
    const tripled = (x: number): number => nearestShort(dtype, 3 * nearestShort(dtype, x));
    expect(found.s).toBe(tripled(1.1));
    expect(Array.from(found.v as Uint16Array, (bits) => decodeShort(dtype, bits))).toEqual([tripled(1.1), 6]);
    const read = await evaluate(({ v }) => to(v, "f32"), { v: found.v }, { dtype });
    expect([...(read as Float32Array)]).toEqual([tripled(1.1), 6]);
    const given = { v: Float32Array.of(1) };
    const made = program({ inputs: { v: new InputSpec([1], dtype) }, step: ({ v }) => ({ outputs: { v } }) });
    const executable = await compile(made, { target: "js" });
    await expect(executable.run({ entry: "step", feeds: given } as never)).rejects.toThrow(
      /the feed "v" is a Float32Array; b?f16\[1\] takes a .*Uint16Array with the bits,? or a list of numbers: Array.from\(values\)/,
    );
    executable.dispose();
  },
);

test.each(castings)("the oracle: %s of %s", (dtype, from) => {
  const entry = shortProgram(dtype, from).entries.get("step") as Entry;
  const numbers = shortInputs[dtype][from] ?? [];
  const found = evaluateEntry(runPasses(entry, expand), { x: ndarray(from, [numbers.length], numbers) });
  expect(brokenResults(dtype, from, (name) => found.get(name)?.data ?? [])).toEqual([]);
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

const reads: readonly (readonly [string, (short: Tensor) => Tensor, readonly number[]])[] = [
  ["twice", (short) => add(mul(to(short, "f32"), 0.1), to(flip(short, [0]), "f32")), [1.1, 1.1, 1.1, 1.1]],
  ["repeated", (short) => mul(to(broadcast(short, [3, 4]), "f32"), 0.1), [0.3, 0.3, 0.3, 0.3]],
  ["in parts", (short) => add(to(slice(short, [0, 2]), "f32"), to(slice(short, [1, 3]), "f32")), [1, 2, 1, 0]],
  ["looked up", (short) => to(gather(short, arange(2)), "f32"), [1, 1, 0, 0]],
  ["joined", (short) => to(concat([short, short]), "f32"), [2, 2, 2, 2]],
];
test.each(shortTypes.flatMap((dtype) => reads.map((row) => [dtype, ...row] as const)))(
  "gradients of a value of %s that is read %s add up in f32",
  async (dtype, _, read, wanted) => {
    const at = { x: [1, 2, 3, 4] };
    const found = await evaluate(({ x }) => grad(sum(read(to(x, dtype))), x), at);
    // each slope is rounded to the type where it comes from, and so is their sum
    [...(found as unknown as Float32Array)].forEach((slope, i) => {
      expect(Math.abs(slope - (wanted[i] ?? Number.NaN))).toBeLessThan(dtype === "f16" ? 2 ** -10 : 2 ** -7);
      expect(slope).toBe(nearestShort(dtype, slope));
    });
  },
);

test.each(shortTypes)("every number of %s is its own nearest, and has its own bits", (dtype) => {
  const wrong: number[] = [];
  for (let bits = 0; bits < 0x10000; bits++) {
    const value = decodeShort(dtype, bits);
    const isOwn = Object.is(roundTo(dtype, value), value) && Object.is(valueIn(dtype, bits), value);
    if (!isOwn || (heldIn(dtype, value) !== bits && !Number.isNaN(value))) wrong.push(bits);
  }
  expect(wrong).toEqual([]);
  expect(doubleRoutineFor(dtype === "f16" ? "roundHalf" : "roundBrain", "f32")).toBeDefined();
});

test("the reference itself", () => {
  const [half, brain] = shortTypes.map((dtype) => (value: number) => nearestShort(dtype, value));
  expect([65519.999, 65520, 2 ** -25, 3 * 2 ** -25].map((x) => half?.(x))).toEqual([65504, Infinity, 0, 2 ** -23]);
  expect([3.389e38, 3.3962e38, 2 ** -134, 3 * 2 ** -134, 257, 259].map((x) => brain?.(x))).toEqual([
    2 ** 128 - 2 ** 120, Infinity, 0, 2 ** -132, 256, 260,
  ]); // biome-ignore format: a line
});

describe.each(shortTypes)("PyTorch's roundings to %s, ties and all", (dtype) => {
  const numbers = torchNumbers();
  const kernel = mapKernel([["x", "f32"]], dtype, numbers.length, (i) => load("f32", "x", i));
  const data = new Map([["x", numbers]]);

  test("the reference's, and the host's", () => {
    const bitsOf = (round: (value: number) => number) => Uint16Array.from(numbers, (x) => heldIn(dtype, round(x)));
    const [own, reference] = [bitsOf((x) => roundTo(dtype, x)), bitsOf((x) => nearestShort(dtype, x))];
    expect([isAsTorch(dtype, own), isAsTorch(dtype, reference)]).toEqual([true, true]);
    const cut = Uint16Array.from(new Uint32Array(numbers.buffer), (bits) => bits >>> 16);
    expect(isAsTorch(dtype, cut)).toBe(false);
  });

  test.each<readonly [string, () => ArrayLike<number> | undefined]>([
    ["js", () => runJs(kernel, data).get("y")],
    ["wasm, one by one", () => runWasm(kernel, data).get("y")],
    ["wasm, four at once", () => runWasm(scheduleWasm(kernel), data).get("y")],
  ])("on %s", (_, run) => {
    expect(isAsTorch(dtype, run() ?? [])).toBe(true);
  });

  test.each<readonly [string, (kernel: Kernel, data: Data) => Data]>([
    ["js", runJs],
    ["wasm, one by one", runWasm],
    ["wasm, four at once", (kernel, data) => runWasm(scheduleWasm(kernel), data)],
  ])("all numbers of the type are read and copied on %s", (_, run) => {
    const all = Uint16Array.from({ length: 65536 }, (_, bits) => bits);
    const through = (to: DType): ArrayLike<number> => {
      const through = mapKernel([["x", dtype]], to, 65536, (i) => load("f32", "x", i));
      return run(through, new Map([["x", all]])).get("y") ?? [];
    };
    const [read, copied] = [through("f32"), through(dtype)];
    const isWrong = (bits: number): boolean => {
      const value = decodeShort(dtype, bits);
      const isKept = Number.isNaN(value) ? Number.isNaN(decodeShort(dtype, copied[bits] ?? 0)) : copied[bits] === bits;
      return !isKept || !Object.is(read[bits], value);
    };
    expect([...all].filter(isWrong)).toEqual([]);
  });

  test.each([jsTarget, wasmTarget({ threads: 1 })])(
    "as values that are rounded and not stored, target %#",
    async (target) => {
      const made = program({
        inputs: { x: f32(numbers.length) },
        step: ({ x }) => ({ outputs: { y: cast(add(to(x, dtype), to(mul(x, 0), dtype)), "f32") } }),
      });
      const executable = await compileOn(made, target, {});
      const { y } = await executable.run({ entry: "step", feeds: { x: numbers } });
      executable.dispose();
      const wrong = [...numbers].filter((x, i) => !Object.is((y as Float32Array)[i], nearestShort(dtype, x) + x * 0));
      expect(wrong.slice(0, 9)).toEqual([]);
    },
  );
});
