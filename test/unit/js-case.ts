/**
 * Kernels for the tests of the JavaScript printer and the `js` schedule, and a judge that runs them twice: as generated
 * JavaScript and in the evaluator, which also looks for races. The results must agree bit for bit.
 */
import { expect } from "vitest";
import { factoryText } from "../../codegen/js/artifact.ts";
import { jsMoves } from "../../codegen/js/moves/all.ts";
import { type JsBlocks, jsPolicy } from "../../codegen/js/policy.ts";
import { JsPrinter } from "../../codegen/js/print.ts";
import { expandFolds } from "../../passes/kernel/expand-folds.ts";
import { scheduleKernel } from "../../passes/schedule/schedule.ts";
import type { DType } from "../../src/core/dtype.ts";
import { checkKernel } from "../../src/kernel/check.ts";
import { evaluateKernel } from "../../src/kernel/evaluate.ts";
import type { BufferParam, Expr, Index, Kernel, LoopVar, Nest, Stmt } from "../../src/kernel/kernel.ts";
import { routineFor } from "../../src/kernel/maths/library.ts";
import { printKernel } from "../../src/kernel/print.ts";
import {
  apply,
  constant,
  constIndex,
  convert,
  fold,
  letValue,
  load,
  loopIndex,
  name,
  store,
  sumIndex,
} from "../kernel-pool.ts";

export type Numbers = Float32Array | Float64Array | Int32Array | Uint32Array | Uint16Array | Uint8Array;

export function arrayFor(element: DType, count: number): Numbers {
  const make = {
    f32: () => new Float32Array(count),
    f64: () => new Float64Array(count),
    f16: () => new Uint16Array(count),
    bf16: () => new Uint16Array(count),
    i32: () => new Int32Array(count),
    u32: () => new Uint32Array(count),
    u8: () => new Uint8Array(count),
    bool: () => new Uint8Array(count),
  };
  return make[element]();
}

export const loop = (loopName: string, extent: number): LoopVar => ({ name: loopName, extent });

/** Sum of loop variables times factors, and of constants. */
export function at(...terms: readonly (readonly [LoopVar, number] | number)[]): Index {
  return sumIndex(
    terms.map((term) =>
      typeof term === "number"
        ? { factor: 1, index: constIndex(term) }
        : { factor: term[1], index: loopIndex(term[0]) },
    ),
  );
}

export function kernelOf(
  kernelName: string,
  buffers: readonly BufferParam[],
  nests: readonly Nest[],
  rest: Partial<Kernel> = {},
): Kernel {
  return { name: kernelName, buffers, shared: [], iterations: [], nests, flops: 0, bytes: 0, schedule: [], ...rest };
}

export function nestOf(loops: readonly LoopVar[], body: readonly Stmt[], prelude: readonly Stmt[] = []): Nest {
  return { loops: loops.map((one) => ({ loop: one, mark: "parallel" })), prelude, body };
}

export function buffer(
  bufferName: string,
  element: DType,
  count: number,
  role: BufferParam["role"] = "read",
): BufferParam {
  return { name: bufferName, element, count, role };
}

/** y[i] = f(x[i], ...) for each i. */
export function mapKernel(
  inputs: readonly (readonly [string, DType])[],
  output: DType,
  count: number,
  body: (i: Index) => Expr,
): Kernel {
  const i = loop("i", count);
  return kernelOf(
    "k0_map",
    [...inputs.map(([of, element]) => buffer(of, element, count)), buffer("y", output, count, "write")],
    [nestOf([i], [store("y", loopIndex(i), body(loopIndex(i)))])],
  );
}

/** The function of a kernel. */
export function compileJs(kernel: Kernel): (...args: readonly Numbers[]) => void {
  const [run] = new Function(factoryText(new JsPrinter(routineFor).print([expandFolds(kernel)])))() as ((
    ...args: readonly unknown[]
  ) => void)[];
  if (run === undefined) throw new Error("no function");
  return run;
}

/** As the `js` target schedules it. */
export function scheduleJs(kernel: Kernel, blocks?: Partial<JsBlocks>): Kernel {
  return scheduleKernel(kernel, { policy: jsPolicy(blocks), ownMoves: jsMoves });
}

export type Data = ReadonlyMap<string, Numbers>;

/** Copies of `data`, with an empty array for each buffer it lacks. */
function copies(kernel: Kernel, data: Data): Map<string, Numbers> {
  return new Map(
    kernel.buffers.map(({ name: of, element, count }) => [of, (data.get(of) ?? arrayFor(element, count)).slice()]),
  );
}

export function runJs(kernel: Kernel, data: Data): Data {
  const memory = copies(kernel, data);
  compileJs(kernel)(...memory.values());
  return memory;
}

export function runEvaluator(kernel: Kernel, data: Data): Data {
  const broken = checkKernel(kernel);
  if (broken !== null) throw new Error(`${broken}\n${printKernel(kernel)}`);
  const memory = copies(kernel, data);
  const elements = new Map(
    kernel.buffers.map(({ name: of, element }) => [of, { element, data: memory.get(of) ?? new Float32Array(0) }]),
  );
  evaluateKernel(kernel, elements, { routines: routineFor });
  return memory;
}

/** NaN equals NaN, 0 does not equal -0. */
export function expectSame(actual: Data, expected: Data): void {
  for (const [of, wanted] of expected) {
    const found = actual.get(of) ?? new Uint8Array(0);
    // Vitest's own comparison takes a microsecond a number: it is left to say what differs.
    if (!isSame(found, wanted)) expect(Array.from(found), of).toEqual(Array.from(wanted));
  }
}

function isSame(found: Numbers, wanted: Numbers): boolean {
  if (found.length !== wanted.length) return false;
  for (let i = 0; i < wanted.length; i += 1) if (!Object.is(found[i], wanted[i])) return false;
  return true;
}

/** Runs the kernel as JavaScript and in the evaluator. */
export function expectAgreement(kernel: Kernel, data: Data): Data {
  const expected = runEvaluator(kernel, data);
  expectSame(runJs(kernel, data), expected);
  return expected;
}

/** Seeded numbers between -2 and 2. */
export function noise(count: number, seed = 1): Float32Array {
  let state = seed * 2654435761;
  return new Float32Array(count).map(() => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 30 - 2;
  });
}

/** out = relu(a . b + bias) with an optional transposed operand: what `lower` writes for a dense layer. */
export function dense(m: number, k: number, n: number, transposed = false): Kernel {
  const [i, j, kk] = [loop("i", m), loop("j", n), loop("k", k)];
  const b = transposed ? at([j, k], [kk, 1]) : at([kk, n], [j, 1]);
  const product = apply(
    "mul",
    convert("f64", load("f32", "a", at([i, k], [kk, 1]))),
    convert("f64", load("f32", "b", b)),
  );
  const out = at([i, n], [j, 1]);
  const body = [
    fold("sum", ["acc"], [kk], [product]),
    letValue("v", convert("f32", name("f64", "acc"))),
    letValue("s", apply("add", name("f32", "v"), load("f32", "bias", loopIndex(j)))),
    store("out", out, apply("max", name("f32", "s"), constant("f32", 0))),
  ];
  return kernelOf(
    "k1_dense",
    [
      buffer("a", "f32", m * k),
      buffer("b", "f32", k * n),
      buffer("bias", "f32", n),
      buffer("out", "f32", m * n, "write"),
    ],
    [nestOf([i, j], body)],
  );
}
