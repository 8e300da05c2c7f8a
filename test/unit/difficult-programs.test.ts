/**
 * Programs that are hard to order, to update in place or to lay out: states that swap, cycles, results that are other
 * results. Each is run several calls in every variant of the pipeline (see program-case.ts).
 */
import { describe, expect, it } from "vitest";
import { stagesOf } from "../../src/compile.ts";
import { RandomStream } from "../../src/core/random.ts";
import { wasmTarget, wgslTarget } from "../../src/eager-targets.ts";
import {
  add,
  argmax,
  broadcastTo,
  compile,
  div,
  f32,
  globalNorm,
  grad,
  jsTarget,
  matmul,
  mean,
  meanSquaredError,
  minimum,
  mul,
  neg,
  normal,
  param,
  program,
  reshape,
  scalar,
  slot,
  softmax,
  sub,
  sum,
  type Tensor,
  tanh,
  transpose,
  values,
  zeros,
} from "../../src/index.ts";
import { type Call, expectSound, type TraceResult } from "../program-case.ts";

/** Seeded numbers with the given name. */
function noise(name: string, count: number): Float32Array {
  const random = new RandomStream(11, name);
  return Float32Array.from({ length: count }, () => random.uniform(-1, 1));
}

const times = (count: number, entry = "step"): Call[] => Array.from({ length: count }, () => ({ entry }));
const copied = (result: TraceResult): readonly string[] => Object.keys(result.report[0]?.copied ?? {});

describe("states that become one another", () => {
  it("two swap", async () => {
    const swap = program({
      state: { a: slot(values([1, 2, 3], 3)), b: slot(values([4, 5, 6], 3)) },
      step: (_, s) => ({ next: { a: s.b, b: s.a } }),
    });
    const result = await expectSound({ program: swap, calls: times(3) });
    expect([...(result.trace.get("state a") ?? [])]).toEqual([4, 5, 6]);
    expect(copied(result)).toHaveLength(1);
    expect(result.report[0]?.copies).toBe(3);
  });

  it("three rotate", async () => {
    const rotate = program({
      state: { a: slot(values([1], 1)), b: slot(values([2], 1)), c: slot(values([3], 1)) },
      step: (_, s) => ({ outputs: { first: s.a }, next: { a: s.b, b: s.c, c: s.a } }),
    });
    const result = await expectSound({ program: rotate, calls: times(4) });
    expect(["a", "b", "c"].map((name) => result.trace.get(`state ${name}`)?.[0])).toEqual([2, 3, 1]);
    expect(copied(result)).toHaveLength(1);
  });

  it("swap while both are computed with", async () => {
    const swap = program({
      state: { a: slot(values([1, 2], 2)), b: slot(values([3, 5], 2)), c: slot(zeros(2)) },
      step: (_, s) => ({ next: { a: add(s.b, 1), b: mul(s.a, 2), c: sub(s.a, s.b) } }),
    });
    await expectSound({ program: swap, calls: times(3) });
  });

  it("a shift register", async () => {
    const shift = program({
      inputs: { x: f32(2) },
      state: { a: slot(zeros(2)), b: slot(zeros(2)), c: slot(zeros(2)) },
      step: ({ x }, s) => ({ outputs: { last: s.c }, next: { a: x, b: s.a, c: s.b } }),
    });
    const calls = [1, 2, 3, 4].map((x): Call => ({ entry: "step", feeds: { x: Float32Array.of(x, -x) } }));
    const result = await expectSound({ program: shift, calls });
    expect([...(result.trace.get("call 3 last") ?? [])]).toEqual([1, -1]);
    expect(copied(result)).toEqual([]);
  });

  it("two with the same next value", async () => {
    const same = program({
      state: { a: slot(values([1, 2], 2)), b: slot(zeros(2)) },
      step(_, s) {
        const next = add(s.a, 1);
        return { outputs: { next }, next: { a: next, b: next } };
      },
    });
    const result = await expectSound({ program: same, calls: times(2) });
    expect([...(result.trace.get("state b") ?? [])]).toEqual([3, 4]);
  });
});

describe("results that are other results", () => {
  it("an output that is an old state", async () => {
    const old = program({
      state: { w: param(values([1, 2, 3], 3)) },
      step: (_, { w }) => ({ outputs: { w, again: w }, next: { w: mul(w, 2) } }),
    });
    const result = await expectSound({ program: old, calls: times(3) });
    expect([...(result.trace.get("call 2 w") ?? [])]).toEqual([4, 8, 12]);
  });

  it("an output that is a next state", async () => {
    const next = program({
      state: { w: param(values([1, 2, 3], 3)) },
      step(_, { w }) {
        const doubled = mul(w, 2);
        return { outputs: { doubled, twice: doubled }, next: { w: doubled } };
      },
    });
    const result = await expectSound({ program: next, calls: times(2) });
    expect([...(result.trace.get("call 1 twice") ?? [])]).toEqual([4, 8, 12]);
  });

  it("state from an input, from a constant, from a view", async () => {
    const sources = program({
      inputs: { x: f32(2, 3) },
      state: { a: slot(zeros(2, 3)), b: slot(values([7, 7], 2)), c: slot(zeros(3, 2)), d: slot(zeros(6)) },
      step: ({ x }, s) => ({
        outputs: { x, one: scalar(1), before: s.a },
        next: { a: x, b: add(mul(s.b, 0), 4), c: transpose(s.a), d: reshape(s.c, [6]) },
      }),
    });
    const calls = [0, 1, 2].map((i): Call => ({ entry: "step", feeds: { x: noise(`x${i}`, 6) } }));
    await expectSound({ program: sources, calls });
  });

  it("a constant state, and nothing else", async () => {
    const reset = program({
      state: { w: slot(values([1, 2], 2)), n: slot(values([3], 1)) },
      step: () => ({ next: { n: reshape(scalar(5), [1]) } }),
    });
    const result = await expectSound({ program: reset, calls: times(1) });
    expect(result.trace.get("state n")?.[0]).toBe(5);
  });

  it("an output that is a view, of what its own readers are computed with", async () => {
    const spread = program({
      inputs: { x: f32(2, 3) },
      step({ x }) {
        const wide = broadcastTo(mean(x), [3]);
        return { outputs: { wide, share: softmax(wide) } };
      },
    });
    await expectSound({ program: spread, calls: [{ entry: "step", feeds: { x: noise("x", 6) } }] });
  });

  it("the gradient of a state that the loss does not depend on is zero", async () => {
    const unrelated = program({
      inputs: { x: f32(3) },
      state: { w: param(values([2, 3], 2)) },
      step({ x }, { w }) {
        const loss = sum(tanh(x));
        return { outputs: { loss }, next: { w: sub(w, grad(loss, w)) } };
      },
    });
    const { trace } = await expectSound({
      program: unrelated,
      calls: [{ entry: "step", feeds: { x: noise("x", 3) } }],
    });
    expect([...(trace.get("state w") ?? [])]).toEqual([2, 3]);
  });

  it("a gradient that is an output too is computed once", async () => {
    const w = param(normal(0, 1, 6, 4));
    const watched = program({
      inputs: { x: f32(5, 6), y: f32(5, 4) },
      state: { w },
      step({ x, y }, s) {
        const loss = meanSquaredError(matmul(x, s.w), y);
        const g = grad(loss, s.w);
        return { outputs: { loss, g }, next: { w: sub(s.w, mul(g, 0.1)) } };
      },
    });
    const calls = [0, 1, 2].map(
      (i): Call => ({ entry: "step", feeds: { x: noise(`x${i}`, 30), y: noise(`y${i}`, 20) } }),
    );
    const { report } = await expectSound({ program: watched, calls });
    expect(contractions(report[0]?.kernels ?? [])).toBe(2);
  });
});

/** How many contractions a call computes. */
function contractions(kernels: readonly { readonly fuses: readonly string[] }[]): number {
  return kernels.flatMap(({ fuses }) => fuses).filter((node) => node.includes(" = contract ")).length;
}

describe("weights that are read while they are overwritten", () => {
  const batches = (count: number, sizes: Readonly<Record<string, number>>): Call[] =>
    Array.from({ length: count }, (_, i) => ({
      entry: "step",
      feeds: Object.fromEntries(Object.entries(sizes).map(([name, size]) => [name, noise(`${name} ${i}`, size)])),
    }));

  it("a factorization U V: each needs the other's old value, so the smaller is copied", async () => {
    const factors = program({
      inputs: { x: f32(7, 5) },
      state: { u: param(normal(0, 1, 7, 3)), v: param(normal(0, 1, 3, 5)) },
      step({ x }, s) {
        const loss = meanSquaredError(matmul(s.u, s.v), x);
        const g = grad(loss, s);
        return { outputs: { loss }, next: { u: sub(s.u, mul(g.u, 0.3)), v: sub(s.v, mul(g.v, 0.3)) } };
      },
    });
    const result = await expectSound({ program: factors, calls: batches(4, { x: 35 }) });
    expect(copied(result)).toEqual(["v"]);
    expect(result.report[0]?.copies).toBe(1);
  });

  it("a factorization U Vᵀ", async () => {
    const factors = program({
      inputs: { x: f32(7, 5) },
      state: { u: param(normal(0, 1, 7, 3)), v: param(normal(0, 1, 5, 3)) },
      step({ x }, s) {
        const loss = meanSquaredError(matmul(s.u, transpose(s.v)), x);
        const g = grad(loss, s);
        return { outputs: { loss }, next: { u: sub(s.u, mul(g.u, 0.3)), v: sub(s.v, mul(g.v, 0.3)) } };
      },
    });
    await expectSound({ program: factors, calls: batches(4, { x: 35 }) });
  });

  it("a tied autoencoder x W Wᵀ", async () => {
    const tied = program({
      inputs: { x: f32(4, 6) },
      state: { w: param(normal(0, 0.5, 6, 3)) },
      step({ x }, { w }) {
        const loss = meanSquaredError(matmul(matmul(x, w), transpose(w)), x);
        return { outputs: { loss }, next: { w: sub(w, mul(grad(loss, w), 0.1)) } };
      },
    });
    await expectSound({ program: tied, calls: batches(4, { x: 24 }) });
  });

  it("w + wᵀ does not race", async () => {
    const symmetric = program({
      state: { w: param(normal(0, 1, 5, 5)) },
      step: (_, { w }) => ({ next: { w: mul(add(w, transpose(w)), 0.5) } }),
    });
    const result = await expectSound({ program: symmetric, calls: times(2) });
    expect(copied(result)).toEqual(["w"]);
  });

  it("a moving average of the old weight", async () => {
    const averaged = program({
      inputs: { x: f32(4) },
      state: { w: param(normal(0, 1, 4)), average: slot(zeros(4)) },
      step: ({ x }, s) => ({
        next: { w: sub(s.w, mul(x, 0.1)), average: add(mul(s.average, 0.9), mul(s.w, 0.1)) },
      }),
    });
    expect(copied(await expectSound({ program: averaged, calls: batches(4, { x: 4 }) }))).toEqual([]);
  });

  it("a row softmax of the state itself", async () => {
    const rows = program({
      state: { w: param(normal(0, 2, 4, 6)) },
      step: (_, { w }) => ({ outputs: { best: argmax(w) }, next: { w: softmax(w) } }),
    });
    await expectSound({ program: rows, calls: times(3) });
  });

  it("weight decay read through an inlined producer", async () => {
    const decayed = program({
      inputs: { x: f32(4, 6), y: f32(4, 3) },
      state: { w: param(normal(0, 1, 6, 3)), decay: slot(values([0.01])) },
      step({ x, y }, s) {
        const loss = meanSquaredError(matmul(x, s.w), y);
        const pull = mul(neg(s.w), s.decay);
        return { outputs: { loss }, next: { w: add(sub(s.w, mul(grad(loss, s.w), 0.1)), pull) } };
      },
    });
    expect(copied(await expectSound({ program: decayed, calls: batches(3, { x: 24, y: 12 }) }))).toEqual([]);
  });

  it("clipping by the global norm stores each gradient once", async () => {
    const clipped = program({
      inputs: { x: f32(4, 6), y: f32(4, 3) },
      state: { w: param(normal(0, 1, 6, 3)), b: param(zeros(3)) },
      step({ x, y }, s) {
        const loss = meanSquaredError(add(matmul(x, s.w), s.b), y);
        const g = grad(loss, s);
        const norm = globalNorm([g.w, g.b]);
        const factor = minimum(div(0.05, norm), 1);
        return {
          outputs: { loss, norm },
          next: { w: sub(s.w, mul(g.w, factor)), b: sub(s.b, mul(g.b, factor)) },
        };
      },
    });
    const { report } = await expectSound({ program: clipped, calls: batches(3, { x: 24, y: 12 }) });
    const kernels = report[0]?.kernels ?? [];
    expect(contractions(kernels)).toBe(2);
    const gradient = kernels.find(({ fuses }) => fuses.some((node) => /f32\[6,3\] = contract/.test(node)));
    expect(gradient?.fuses.some((node) => node.includes("= sub"))).toBe(false);
  });

  it("a weight used twice", async () => {
    const shared = program({
      inputs: { x: f32(4, 5), y: f32(4, 5) },
      state: { w: param(normal(0, 0.5, 5, 5)) },
      step({ x, y }, { w }) {
        const loss = meanSquaredError(matmul(tanh(matmul(x, w)), w), y);
        return { outputs: { loss }, next: { w: sub(w, mul(grad(loss, w), 0.1)) } };
      },
    });
    await expectSound({ program: shared, calls: batches(3, { x: 20, y: 20 }) });
  });
});

describe("dimensions beyond any memory", () => {
  it.each([
    ["an input", Number.MAX_SAFE_INTEGER, /^the input "x", f32\[9007199254740991,1\]: more elements than any memory/],
    [
      "what it is broadcast to",
      2 ** 40,
      /^broadcast is f32\[1099511627776,1000\]: more elements .*\n.*difficult-programs/,
    ],
  ])("are refused: %s", async (_, batch, message) => {
    const rows = program({
      inputs: { x: f32("batch", 1) },
      state: { w: slot(zeros(1000)) },
      step: ({ x }, { w }) => ({ outputs: { y: sub(x, w) } }),
    });
    await expect(compile(rows, { target: "js", dims: { batch } })).rejects.toThrow(message);
  });
});

describe("kernels that would count further than their target can", () => {
  const limits = { maxComputeWorkgroupSizeX: 256, maxComputeInvocationsPerWorkgroup: 256 };
  const gpu = wgslTarget({
    limits: {
      ...limits,
      maxComputeWorkgroupStorageSize: 16384,
      maxComputeWorkgroupsPerDimension: 65535,
      maxStorageBuffersPerShaderStage: 8,
      minStorageBufferOffsetAlignment: 256,
      isSoftware: false,
    },
  } as unknown as Parameters<typeof wgslTarget>[0]);
  const targets = { wasm: wasmTarget({ threads: 1 }), wgsl: gpu };
  const pairs = (use: (all: Tensor) => unknown) =>
    program({
      inputs: { x: f32(50_000, 1), y: f32(1, 50_000) },
      step: ({ x, y }) => ({ outputs: { s: use(mul(x, y) as Tensor) } }),
    });

  it.each(["wasm", "wgsl"] as const)("are refused on %s: 2.5e9 elements that are stored", (name) => {
    const stored = pairs((all) => tanh(all));
    expect(() => stagesOf(stored, "step", {}, targets[name])).toThrow(
      /^\w+ is f32\[50000,50000\]: a kernel of the \w+ target counts up to 2147483647, .*\n.*difficult-programs/,
    );
    expect(() => stagesOf(stored, "step", {}, jsTarget)).not.toThrow();
  });

  it.each(["wasm", "wgsl"] as const)("compile on %s where they are summed along rows and never stored", (name) => {
    expect(() =>
      stagesOf(
        pairs((all) => sum(all, { axis: 1 })),
        "step",
        {},
        targets[name],
      ),
    ).not.toThrow();
  });
});
