/** What must not be vectorized, kept, fused or divided the easy way: small kernels, each of which an easy way gets wrong. */
import { expect, test } from "vitest";
import { wasmPrinter } from "../../../codegen/wasm/step.ts";
import type { Expr, Index, Kernel } from "../../../src/kernel/kernel.ts";
import { strideAlong } from "../../../src/kernel/stride.ts";
import { engineFeatures } from "../../../src/runtime/wasm/found.ts";
import { moduleImports } from "../../../src/runtime/wasm/worker.ts";
import { bufferOf } from "../../buffers.ts";
import {
  apply,
  assign,
  constant,
  floorDivIndex,
  fold,
  forLoop,
  letValue,
  load,
  loopIndex,
  modIndex,
  name,
  store,
  variable,
} from "../../kernel-pool.ts";
import { at, buffer, type Data, expectSame, kernelOf, loop, nestOf, noise, runEvaluator } from "../js-case.ts";
import { runWasm, scheduleWasm } from "./wasm-case.ts";

const f = (value: number): Expr => constant("f32", value);

/** The scheduled kernel gives what the evaluator gives for the plain one, but for the order of sums and the bits of exp. */
function expectScheduledAgrees(kernel: Kernel, data: Data): void {
  const found = runWasm(scheduleWasm(kernel), data);
  for (const [of, numbers] of runEvaluator(kernel, data)) {
    numbers.forEach((value, i) => {
      expect(Math.abs(Number(found.get(of)?.[i]) - value), `${of}[${i}]`).toBeLessThan(1e-5);
    });
  }
}

test.each([
  [24, 8, 6],
  [30, 10, 6],
  [24, 6, 4],
])(
  "a vector may cross from one block of a block to the next: mod %i / %i along rows of %i",
  (outer, inner, columns) => {
    const [i, j] = [loop("i", 20), loop("j", columns)];
    const element = floorDivIndex(modIndex(at([i, columns], [j, 1]), outer), inner);
    const count = outer / inner;
    const kernel = kernelOf(
      "k0",
      [buffer("x", "f32", count), buffer("y", "f32", 20 * columns, "write")],
      [nestOf([i, j], [store("y", at([i, columns], [j, 1]), apply("add", load("f32", "x", element), f(1)))])],
    );
    const data = new Map([["x", noise(count, 2)]]);
    expectSame(runWasm(scheduleWasm(kernel), data), runEvaluator(kernel, data));
  },
);

test("four neighbours in a block of a block are still one element", () => {
  const element = floorDivIndex(modIndex(at([loop("i", 20), 4], [loop("l", 4), 1]), 24), 8);
  expect(strideAlong(element, "l", 4, () => false)).toBe(0);
});

test("a longer row does not take the values that a shorter one has kept", () => {
  const [i, c, d] = [loop("i", 3), loop("c", 20), loop("d", 32)];
  const exp = (k: typeof c): Expr => apply("exp", load("f32", "x", at([i, 32], [k, 1])));
  const sum = name("f32", "sum");
  const kernel = kernelOf(
    "k0",
    [buffer("x", "f32", 96), buffer("y", "f32", 96, "write")],
    [
      nestOf(
        [i],
        [
          fold("sum", ["sum"], [c], [name("f32", "v")], { body: [letValue("v", exp(c))] }),
          forLoop(
            d,
            [letValue("w", exp(d)), store("y", at([i, 32], [d, 1]), apply("div", name("f32", "w"), sum))],
            "parallel",
          ),
        ],
      ),
    ],
  );
  expectScheduledAgrees(kernel, new Map([["x", noise(96, 2)]]));
});

test.each([
  ["one element", () => at(0)],
  ["three elements", (c: ReturnType<typeof loop>) => modIndex(loopIndex(c), 3)],
])("a loop that adds to %s of memory runs in order", (_, of) => {
  const c = loop("c", 21);
  const place = of(c);
  const more = apply("add", load("f32", "y", place), load("f32", "x", loopIndex(c)));
  const kernel = kernelOf(
    "k0",
    [buffer("x", "f32", 21), buffer("y", "f32", 3, "update")],
    [nestOf([], [forLoop(c, [letValue("v", more), store("y", place, name("f32", "v"))])])],
  );
  const data = new Map([
    ["x", noise(21, 2)],
    ["y", noise(3, 1)],
  ]);
  expectScheduledAgrees(kernel, data);
});

test("a multiply-add that is no sum of products is rounded twice, relaxed or not", () => {
  expect(engineFeatures(true).relaxed).toBe(true);
  const lane = loop("l", 4);
  const x = load("f32", "x", loopIndex(lane));
  const kernel = kernelOf(
    "k0",
    [buffer("x", "f32", 4), buffer("y", "f32", 4, "write")],
    [
      nestOf(
        [],
        [
          forLoop(
            lane,
            [
              variable("v", f(0)),
              letValue("u", apply("neg", apply("div", x, x))),
              assign("v", apply("add", name("f32", "u"), apply("mul", x, x))),
              store("y", loopIndex(lane), name("f32", "v")),
            ],
            "lane",
          ),
        ],
      ),
    ],
  );
  const data = new Map([["x", new Float32Array(4).fill(1 + 2 ** -12)]]);
  expect([...(runWasm(kernel, data, { relaxed: true }).get("y") ?? [])]).toEqual(new Array(4).fill(2 ** -11));
});

test("a thread's own panels and sums start at its base, with no sum that would keep V8 from joining stores", () => {
  const [i, j, d] = [loop("i", 8), loop("j", 64), loop("k", 64)];
  const product = apply("mul", load("f32", "a", at([i, 64], [d, 1])), load("f32", "b", at([d, 64], [j, 1])));
  const sum = name("f32", "acc");
  const kernel = kernelOf(
    "k0",
    [buffer("a", "f32", 512), buffer("b", "f32", 4096), buffer("y", "f32", 512, "write")],
    [
      nestOf(
        [i, j],
        [
          fold("sum", ["acc"], [d], [product]),
          letValue("u", apply("mul", sum, sum)),
          letValue("v", apply("add", name("f32", "u"), sum)),
          letValue("w", apply("max", name("f32", "v"), f(0))),
          store("y", at([i, 64], [j, 1]), name("f32", "w")),
        ],
      ),
    ],
  );
  const scheduled = scheduleWasm(kernel);
  expect(scheduled.shared.map(({ name: shared }) => shared)).toContain("sums");
  const slots = kernel.buffers.map(({ name: buffer, count }, n) => {
    const made = bufferOf(buffer, count);
    return [made, { ...made, offset: n * 16384, bytes: 4 * count }] as const;
  });
  const bindings = slots.map(([made]) => ({ param: made.name, buffer: made }));
  const { module: bytes } = wasmPrinter({ relaxed: false })(
    [{ kind: "launch", id: 0, name: "k0", kernel: scheduled, bindings, iterations: [], nodes: [] }],
    { buffers: new Map(slots), segmentBytes: { state: 0, input: 0, output: 0, held: 0, arena: 65536 } },
    { threads: 2, sparing: false, shared: true },
  );
  // i32.const 0; local.get base; i32.add
  const sums = bytes.filter(
    (byte, n) => byte === 0x41 && bytes[n + 1] === 0 && bytes[n + 2] === 0x20 && bytes[n + 4] === 0x6a,
  );
  expect(sums).toHaveLength(0);
});

/** What one of many threads writes of a kernel whose one buffer is y: u8[count], all zero before. */
function runOneThread(kernel: Kernel, count: number, thread: number, threads: number): readonly number[] {
  const y = bufferOf("y", count, "arena", "u8");
  const { module: bytes, bases } = wasmPrinter({ relaxed: false })(
    [{ kind: "launch", id: 0, name: "k0", kernel, bindings: [{ param: "y", buffer: y }], iterations: [], nodes: [] }],
    {
      buffers: new Map([[y, { ...y, offset: 0, bytes: count }]]),
      segmentBytes: { state: 0, input: 0, output: 0, held: 0, arena: count },
    },
    { threads, sparing: false, shared: true },
  );
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), moduleImports(memory));
  (exports.step0 as (thread: number) => void)(thread);
  return [...new Uint8Array(memory.buffer, bases.arena, count)];
}

function ones(loops: readonly ReturnType<typeof loop>[], place: Index, count: number): Kernel {
  const nest = nestOf(loops, [store("y", place, constant("u32", 1))]);
  const shared = nest.loops.map(({ loop: each }) => ({ loop: each, mark: "thread" as const }));
  return kernelOf("k0", [buffer("y", "u8", count, "write")], [{ ...nest, loops: shared }]);
}

test("the last of 64 threads has its part of a loop of 2^27 iterations", () => {
  const i = loop("i", 2 ** 27);
  const kernel = ones([i], floorDivIndex(loopIndex(i), 2 ** 25), 4);
  expect(runOneThread(kernel, 4, 63, 64)).toEqual([0, 0, 0, 1]);
});

test.each([
  ["the inner, where the outer is short", 2, 16],
  ["the outer, where it is long enough", 16, 3],
  ["the longer, where both are short", 2, 6],
] as const)("of two thread loops one is divided: %s", (_, outer, inner) => {
  const [a, b] = [loop("a", outer), loop("b", inner)];
  const kernel = ones([a, b], at([a, inner], [b, 1]), outer * inner);
  const parts = [0, 1, 2, 3].map((thread) => runOneThread(kernel, outer * inner, thread, 4));
  for (let i = 0; i < outer * inner; i++) expect(parts.filter((part) => part[i] === 1).length).toBe(1);
  for (const part of parts) expect(part).toContain(1);
});
