/**
 * The maths library as WebAssembly, in scalars and in lanes, against the same routines as JavaScript: the same bits, over
 * all signs and exponents, NaN, infinities, -0 and subnormals. test/unit/maths/accuracy.test.ts holds what JavaScript gives
 * to its error bounds, so these are WebAssembly's too. With relaxed multiply-adds the last bits differ: the same bounds hold.
 */
import { describe, expect, test } from "vitest";
import type { Expr, Index, Kernel, MathsFn, RoutineFn } from "../../../src/kernel/kernel.ts";
import { maxUlps, routineFor } from "../../../src/kernel/maths/library.ts";
import { printSchedules } from "../../../src/kernel/moves.ts";
import { allowRelaxedSimd } from "../../../src/runtime/wasm/host.ts";
import { apply, load } from "../../kernel-pool.ts";
import { mapKernel } from "../js-case.ts";
import { operands, powEdges, powOperands, references, routine, unary } from "../maths/operands.ts";
import { bitsToFloat, floatToBits, run, ulps } from "../maths/run-routine.ts";
import { runWasm, scheduleWasm } from "./wasm-case.ts";

const COUNT = 40_000;
/** What no stride meets for sure. */
const special = [
  0x00000000, 0x80000000, 0x7f800000, 0xff800000, 0x7fc00000, 0xffc00000, 0x00000001, 0x80000001, 0x007fffff, 0x807fffff,
  0x00800000, 0x80800000, 0x7f7fffff, 0xff7fffff,
].map(bitsToFloat); // biome-ignore format: a table

/** The values in an order in which neighbours have nothing in common, so that the lanes of a vector differ. */
function scattered<T>(values: readonly T[]): readonly T[] {
  const stride = 7919; // prime, so every place is met, unless it divides the length
  expect(values.length % stride).not.toBe(0);
  return values.map((_, i) => values[(i * stride) % values.length] as T);
}

type Operands = readonly Float32Array[];
type Form = "scalars" | "lanes" | "lanes, relaxed";
const forms: readonly Form[] = ["scalars", "lanes"];

// Node 20 has relaxed SIMD behind a flag.
allowRelaxedSimd();

/** fn(x0[i], x1[i], ...) for each i. */
function kernelOfFn(fn: RoutineFn, inputs: Operands): Kernel {
  const names = inputs.map((_, k) => `x${k}`);
  const args = (i: Index): readonly Expr[] => names.map((name) => load("f32", name, i));
  const count = inputs[0]?.length ?? 0;
  return mapKernel(
    names.map((name) => [name, "f32"]),
    "f32",
    count,
    (i) => apply(fn, ...args(i)),
  );
}

function compute(kernel: Kernel, inputs: Operands, form: Form): Float32Array {
  const data = new Map(inputs.map((values, k) => [`x${k}`, values]));
  const scheduled = form === "scalars" ? kernel : scheduleWasm(kernel);
  expect(printSchedules(scheduled.schedule)).toMatch(form === "scalars" ? /^$/ : /bind i_i lane/);
  return runWasm(scheduled, data, { relaxed: form === "lanes, relaxed" }).get("y") as Float32Array;
}

/** The first operands whose results are not the wanted bits; a NaN is as good as any other. */
function firstDifference(found: Float32Array, wanted: Float32Array, inputs: Operands): string {
  for (const [i, value] of wanted.entries()) {
    const is = found[i] as number;
    if (Object.is(is, value)) continue;
    const given = inputs.map((values) => `${values[i]} (0x${floatToBits(values[i] as number).toString(16)})`);
    return `of ${given.join(", ")}: ${is}, not ${value}`;
  }
  return "";
}

/** The largest error, in units in the last place of what float64 gives; and of what. */
function largestError(fn: MathsFn, found: Float32Array, inputs: Operands): readonly [ulps: number, of: string] {
  let worst: readonly [number, string] = [0, ""];
  for (const [i, is] of found.entries()) {
    const [x = 0, y = 0] = inputs.map((values) => values[i] as number);
    // JavaScript differs from C99 in two cases: (+-1) ** +-Infinity and 1 ** NaN are NaN there.
    const isOne = fn === "pow" && (x === 1 || (x === -1 && Math.abs(y) === Number.POSITIVE_INFINITY));
    const error = ulps(is, isOne ? 1 : references[fn](x, y));
    if (error > worst[0]) worst = [error, `${x}, ${y}: ${is}`];
  }
  return worst;
}

describe.each(unary)("%s", (fn) => {
  const x = Float32Array.from(scattered([...special, ...operands(COUNT)]));
  const inputs = [x];
  const kernel = kernelOfFn(fn, inputs);
  const js = run(routine(fn));
  const wanted = x.map((value) => js(value));

  test.each(forms)("in %s has the bits that JavaScript has", (form) => {
    expect(firstDifference(compute(kernel, inputs, form), wanted, inputs)).toBe("");
  });

  test("in lanes, relaxed, keeps its bound", () => {
    const [worst, of] = largestError(fn, compute(kernel, inputs, "lanes, relaxed"), inputs);
    expect(worst, of).toBeLessThanOrEqual(maxUlps[fn]);
  });
});

describe("pow", () => {
  const edges = [...powEdges, ...special].flatMap((x) => [...powEdges, ...special].map((y) => [x, y] as const));
  const [some, others] = [[...operands(2_000)], [...operands(3_000)]];
  const mixed = some.map((x, i) => [x, others[(i * 31) % others.length] as number] as const);
  const pairs = scattered([...edges, ...mixed, ...powOperands(COUNT)]);
  const inputs = [Float32Array.from(pairs, ([x]) => x), Float32Array.from(pairs, ([, y]) => y)];
  const kernel = kernelOfFn("pow", inputs);
  const js = run(routine("pow"));
  const wanted = Float32Array.from(pairs, ([x, y]) => js(Math.fround(x), Math.fround(y)));

  test.each(forms)("in %s has the bits that JavaScript has", (form) => {
    expect(firstDifference(compute(kernel, inputs, form), wanted, inputs)).toBe("");
  });

  test("in lanes, relaxed, keeps its bound", () => {
    const [worst, of] = largestError("pow", compute(kernel, inputs, "lanes, relaxed"), inputs);
    expect(worst, of).toBeLessThanOrEqual(maxUlps.pow);
  });
});

test.each(["scalars", "lanes"] as const)("threefry in %s has the bits that JavaScript has", (form) => {
  const count = 4_001;
  const word = (i: number, k: number): number => Math.imul(i + 1, 0x9e3779b1 * (k + 1)) >>> 0;
  const given = [0, 1, 2, 3].map((k) => Uint32Array.from({ length: count }, (_, i) => word(i, k)));
  const names = given.map((_, k) => `x${k}`);
  const kernel = mapKernel(
    names.map((name) => [name, "u32"]),
    "u32",
    count,
    (i) => apply("threefry", ...names.map((name) => load("u32", name, i))),
  );
  const made = routineFor("threefry", "u32");
  if (made === undefined) throw new Error("no routine");
  const js = run(made);
  const wanted = given[0]?.map((_, i) => js(...given.map((words) => words[i] as number)));
  const data = new Map(given.map((words, k) => [`x${k}`, words]));
  expect(runWasm(form === "scalars" ? kernel : scheduleWasm(kernel), data).get("y")).toEqual(wanted);
});

test("the operands reach every exponent of either sign, and what has no exponent", () => {
  const exponents = new Set([...operands(COUNT)].map((x) => floatToBits(x) >>> 23));
  expect(exponents.size).toBe(512);
});
