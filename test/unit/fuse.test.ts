/**
 * Programs that once broke fusion: cycles that close late, buffer limits, rows updated in place, deep and wide graphs. Each is
 * run in every variant of the pipeline (see program-case.ts), and on a target of eight buffers.
 */
import { describe, expect, it } from "vitest";
import { stagesOf } from "../../src/compile.ts";
import { plannedTargets, wasmTarget } from "../../src/eager-targets.ts";
import {
  add,
  compileOn,
  concat,
  div,
  exp,
  f32,
  flip,
  gather,
  grad,
  greater,
  i32,
  jsTarget,
  matmul,
  mean,
  mul,
  normal,
  type Program,
  pad,
  param,
  program,
  relu,
  reshape,
  rsqrt,
  sin,
  slice,
  softmax,
  sub,
  sum,
  type Tensor,
  transpose,
  where,
} from "../../src/index.ts";
import { printKernel } from "../../src/kernel/print.ts";
import { launchesOf } from "../../src/program/sequence.ts";
import type { TargetSetup } from "../../src/target-setup.ts";
import { evaluatorTarget } from "../evaluator-machine.ts";
import { expectClose, expectSameBits, expectSound, runOracle, runProgram } from "../program-case.ts";
import { jacobianFeeds, jacobianStep, lstmFeeds, lstmStep } from "../wide-programs.ts";

const calls = [{ entry: "step" }, { entry: "step" }];
type Rows = Tensor<[16, 64], "f32">;
const weight = () => param(normal(0, 1, 4, 4));

it("rows picked for a product are stored, and read from there", async () => {
  const made = program({
    inputs: { index: i32(3) },
    state: { table: param(normal(0, 1, 7, 4)), w: weight() },
    step({ index }, { table, w }) {
      return { outputs: { y: matmul(gather(table, index), w) } };
    },
  });
  const feeds = { index: Int32Array.of(6, 0, 3) };
  await expectSound({ program: made, calls: [{ entry: "step", feeds }] });
  const executable = await compileOn(made, jsTarget, {});
  expect(executable.report.entries[0]?.kernels.map(({ name }) => name)).toEqual(["k0_gather", "k1_contract"]);
  executable.dispose();
});

describe("the factor of a contraction's rows", () => {
  /** Whether the contraction reads rows that another kernel has scaled. */
  const isStored = (name: "js" | "wasm" | "wgsl", columns: number, factor: (x: Rows) => Record<string, Rows>) => {
    const made = program({
      inputs: { x: f32(16, 64) },
      state: { w: param(normal(0, 1, 64, columns)) },
      step({ x }, { w }) {
        const { scaled, ...others } = factor(x);
        return { outputs: { y: matmul(scaled as Rows, w), ...others } };
      },
    });
    const { sequence } = stagesOf(made as Program, "step", {}, plannedTargets[name]);
    const kernel = launchesOf(sequence).find(({ kernel }) => kernel.name.includes("contract"))?.kernel;
    return kernel?.buffers.length === 3 && !kernel.buffers.some(({ name }) => name === "x");
  };
  const byNumber = (x: Rows) => ({ scaled: mul(x, 1 / 255) });
  /** What it is made of lies in memory anyway, as the gradient reads it. */
  const normalized = (x: Rows) => {
    const row = { axis: 1, keepDims: true } as const;
    const far = sub(x, mean(x, row));
    const rate = rsqrt(mean(mul(far, far), row));
    return { scaled: mul(far, rate), far, rate: rate as Tensor as Rows };
  };

  it.each(["js", "wasm"] as const)("%s: is stored where many columns would each compute it", (target) => {
    for (const factor of [byNumber, normalized]) {
      expect(isStored(target, 32, factor)).toBe(true);
      expect(isStored(target, 16, factor)).toBe(false);
    }
  });

  it("wgsl: is computed for a tile", () => {
    for (const factor of [byNumber, normalized]) expect(isStored("wgsl", 32, factor)).toBe(false);
  });
});

describe("slopes of slices are stored beside each other", () => {
  type Make = (parts: readonly Tensor[]) => Tensor;
  const product: Make = (parts) => parts.reduceRight((all, part) => mul(all, sin(part)));
  const productOfSums: Make = (parts) => product(parts.map((part) => sum(mul(part, sin(part)))));
  const joined = (name: "js" | "wasm" | "wgsl", widths: readonly number[], make: Make) => {
    const made = program({
      inputs: {
        x: f32(
          16,
          widths.reduce((all, width) => all + width),
        ),
      },
      step({ x }) {
        let from = 0;
        const parts = widths.map((width): Tensor => {
          from += width;
          return slice(x, null, [from - width, from]);
        });
        return { outputs: { slope: grad(sum(make(parts)) as Tensor<[], "f32">, x) } };
      },
    });
    const { sequence } = stagesOf(made as Program, "step", {}, plannedTargets[name]);
    return launchesOf(sequence).flatMap(({ kernel }) => (kernel.name.includes("concat") ? [kernel] : []));
  };

  it.each(["js", "wasm", "wgsl"] as const)("%s: by whoever computes them all", (target) => {
    const [kernel, ...others] = joined(target, [64, 64, 64], product);
    expect(others).toEqual([]);
    expect(kernel?.nests).toHaveLength(1);
    expect(kernel?.buffers.map(({ role, count }) => [role, count])).toEqual([
      ["read", 16 * 192],
      ["write", 16 * 192],
    ]);
  });

  it("and stay where they are when one of them is summed", async () => {
    const made = program({
      inputs: { x: f32(4, 3), y: f32(4, 3) },
      step({ x, y }) {
        const first = sin(x);
        const parts = [first, mul(first, y)] as const;
        const [below, beside] = [concat(parts, 0), concat(parts, 1)];
        return { outputs: { below, beside, sums: sum(parts[1], { axis: 1 }), all: sum(parts[0]) } };
      },
    });
    const numbers = Float32Array.from({ length: 12 }, (_, i) => i / 7 - 1);
    await expectSound({ program: made, calls: [{ entry: "step", feeds: { x: numbers, y: numbers.toReversed() } }] });
  });

  it.each(["js", "wasm", "wgsl"] as const)(
    "%s: else in loops for each, which ask not whose element they have",
    (target) => {
      const [kernel, ...others] = joined(target, [64, 32], productOfSums);
      expect(others).toEqual([]);
      expect(kernel?.nests).toHaveLength(2);
      expect(kernel === undefined ? "" : printKernel(kernel)).not.toMatch(/guarded|select/);
      // too few elements for loops of their own
      expect(joined(target, [8, 4], productOfSums).map(({ nests }) => nests.length)).toEqual([1]);
    },
  );
});

describe("cycles that would close late", () => {
  it("siblings are not merged when another operand depends on one of them", async () => {
    const made = program({
      state: { a: weight(), w: weight() },
      step(_, { a, w }) {
        const [o, d] = [exp(a), exp(sin(a))];
        return { outputs: { n: where(greater(transpose(matmul(o, w)), 0), d, o) } };
      },
    });
    await expectSound({ program: made, calls });
  });

  it("what a contraction reads is stored before anyone looks through it", async () => {
    const made = program({
      state: { a: weight(), w: weight() },
      step(_, { a, w }) {
        const n = matmul(a, w);
        const f = div(transpose(n), add(transpose(a), 5));
        return { outputs: { m: add(n, transpose(f)), z: matmul(f, w) } };
      },
    });
    await expectSound({ program: made, calls });
  });

  it("a view that is a result is stored before anyone looks through it", async () => {
    const made = program({
      state: { a: weight(), w: weight() },
      step(_, { a, w }) {
        const n = matmul(a, w);
        const v = pad(n, [
          [1, 1],
          [0, 0],
        ]);
        return { outputs: { m: relu(slice(v, [1, 5], null)), v, n } };
      },
    });
    await expectSound({ program: made, calls });
  });
});

describe("rows updated in place", () => {
  it("are copied when a row is read at other places", async () => {
    const made = program({
      state: { s: param(normal(0, 1, 4, 5)) },
      step(_, { s }) {
        const m = exp(s);
        const total = sum(m, { axis: 1, keepDims: true });
        return { next: { s: add(div(m, total), flip(m, [1])) } };
      },
    });
    const result = await expectSound({ program: made, calls });
    expect(result.report[0]?.copied).toHaveProperty("s");
  });

  it("are copied when sums run inside the row", async () => {
    const made = program({
      state: { s: param(normal(0, 1, 4, 5, 6)) },
      step(_, { s }) {
        const m = exp(s);
        const [total, inner] = [sum(m, { axis: [1, 2] }), sum(m, { axis: 2, keepDims: true })];
        return { next: { s: div(div(m, inner), reshape(total, [4, 1, 1])) } };
      },
    });
    await expectSound({ program: made, calls });
  });
});

const withBuffers = (maxBuffers: number, target: TargetSetup = jsTarget): TargetSetup => ({
  ...target,
  traits: { ...target.traits, maxBuffers },
});

describe("few buffers", () => {
  it("an LSTM cell with its update compiles for any target, in few kernels", async () => {
    const lstm = { program: lstmStep, calls: [0, 1, 2].map((call) => ({ entry: "step", feeds: lstmFeeds(call) })) };
    const free = await expectSound(lstm);
    const wasm = await runProgram(lstm, wasmTarget({ threads: 1 }));
    const launches = [4, 5, 6, 8, 9, 10, 12, 13].map(async (limit) => {
      const limited = await runProgram(lstm, withBuffers(limit));
      expectSameBits(limited.trace, free.trace, `${limit} buffers`);
      if (![4, 8, 13].includes(limit)) return limited.launches / 3;
      expectSameBits((await runProgram(lstm, withBuffers(limit, evaluatorTarget))).trace, free.trace, "the evaluator");
      const onWasm = await runProgram(lstm, withBuffers(limit, wasmTarget({ threads: 1 })));
      expectClose(onWasm.trace, runOracle(lstm), 1e-5);
      expect([...onWasm.trace.keys()]).toEqual([...wasm.trace.keys()]);
      return limited.launches / 3;
    });
    // Unfused it takes 81, with as many buffers as it likes 7.
    expect(await Promise.all(launches)).toEqual([27, 20, 15, 12, 10, 10, 9, 9]);
  });

  it.each([63, 200])("a Jacobian of %i outputs compiles for any target", async (outputs) => {
    const made = { program: jacobianStep(outputs), calls: [{ entry: "step", feeds: jacobianFeeds }] };
    const [free, few] = [
      [jsTarget, wasmTarget({ threads: 1 })],
      [withBuffers(8), withBuffers(8, wasmTarget({ threads: 1 }))],
    ];
    for (const target of outputs > 100 ? few : [...free, ...few]) {
      const { trace } = await runProgram(made, target);
      const [y, slopes, w] = ["call 0 y", "call 0 slopes", "state w"].map((name) => trace.get(name) ?? []);
      for (let i = 0; i < outputs; i++) {
        for (let j = 0; j < 3; j++) {
          const wanted = (1 - Number(y?.[i]) ** 2) * Number(w?.[j * outputs + i]);
          expect(slopes?.[3 * i + j]).toBeCloseTo(wanted, 5);
        }
      }
    }
  });

  it("states that cannot be updated in place get buffers of their own", async () => {
    const made = program({
      state: Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`v${i}`, weight()])),
      step(_, states) {
        const old = Object.values(states);
        const next = old.map((v, i) => add(transpose(v), old[(i + 1) % 12] as Tensor<[4, 4], "f32">));
        return { next: Object.fromEntries(Object.keys(states).map((name, i) => [name, next[i] as Tensor])) };
      },
    });
    const free = await expectSound({ program: made, calls });
    for (const limit of [4, 8]) {
      const limited = await runProgram({ program: made, calls }, withBuffers(limit));
      expectSameBits(limited.trace, free.trace, `${limit} buffers`);
    }
  });

  it("an input that becomes a state has a buffer of its own beside the state's", async () => {
    const made = program({
      inputs: { x: f32(4, 4) },
      state: { last: weight() },
      step({ x }, { last }) {
        const outputs = Array.from({ length: 12 }, (_, i) => add(sin(mul(x, i)), mul(last, i)));
        return { outputs, next: { last: x } };
      },
    });
    const fed = {
      program: made,
      calls: [0, 1].map((call) => ({ entry: "step", feeds: { x: new Float32Array(16).fill(call) } })),
    };
    const free = await expectSound(fed);
    for (const limit of [4, 5, 6, 7, 8]) {
      const limited = await runProgram(fed, withBuffers(limit));
      expectSameBits(limited.trace, free.trace, `${limit} buffers`);
    }
  });

  it("a device of three is refused in words", async () => {
    const made = program({ state: { w: weight() }, step: (_, { w }) => ({ next: { w: sin(w) } }) });
    for (const skip of [[], ["fuse"]] as const) {
      const compiled = compileOn(made, withBuffers(3), { skip });
      await expect(compiled).rejects.toThrow(/^a kernel of the js target may touch 3 buffers, and needs 4 at least/);
    }
  });

  it("many large outputs of one value share kernels", async () => {
    const made = program({
      inputs: { x: f32(1000, 300) },
      step({ x }) {
        const a = exp(x);
        return { outputs: Array.from({ length: 40 }, (_, i) => sin(mul(a, i))) };
      },
    });
    expect(stagesOf(made, "step", {}, withBuffers(8)).report.launches).toBeLessThanOrEqual(7);
  });
});

describe("a target of eight buffers", () => {
  const vectors = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`v${i}`, param(normal(0, 1, 6))]));

  it.each([8, 14])("takes a sum of %i vectors", async (count) => {
    const made = program({
      state: vectors(count),
      step: (_, s) => ({ outputs: { y: exp(Object.values(s).reduce((a, b) => add(a, b) as Tensor<[6], "f32">)) } }),
    });
    await expectWithin(made, 8);
  });

  it.each([8, 70])("takes a concatenation of %i vectors", async (count) => {
    const made = program({
      state: vectors(count),
      step: (_, s) => ({ outputs: { y: mul(concat(Object.values(s)), 2) } }),
    });
    await expectWithin(made, 8);
    await expectSound({ program: made, calls: [{ entry: "step" }] });
  });

  /** Same numbers as without the limit, and no kernel with more buffers. */
  async function expectWithin(made: ReturnType<typeof program>, most: number): Promise<void> {
    const seen: number[] = [];
    const counted: TargetSetup = {
      ...withBuffers(8),
      scheduling: {
        policy(facts, kernel) {
          seen.push(kernel.buffers.length);
          return jsTarget.scheduling.policy(facts, kernel);
        },
      },
    };
    const limited = await runProgram({ program: made, calls }, counted);
    const free = await runProgram({ program: made, calls }, jsTarget);
    expect(limited.trace).toEqual(free.trace);
    expect(Math.max(...seen)).toBeLessThanOrEqual(most);
  }
});

describe("deep graphs", () => {
  it("10,000 maps along a row, and then a sum, compile", async () => {
    const made = program({
      inputs: { x: f32(4, 8) },
      step({ x }) {
        let y: Tensor = x;
        for (let i = 0; i < 10_000; i++) y = add(y, 1 / 1024) as Tensor;
        return { outputs: { y: sum(y, { axis: 1 }) } };
      },
    });
    const { trace } = await runProgram(
      { program: made, calls: [{ entry: "step", feeds: { x: new Float32Array(32) } }] },
      jsTarget,
    );
    expect([...(trace.get("call 0 y") ?? [])]).toEqual([78.125, 78.125, 78.125, 78.125]);
  });

  it("softmax of softmax, 300 times, is no quadratic kernel", () => {
    const made = program({
      inputs: { x: f32(4, 8) },
      step({ x }) {
        let y: Tensor<[4, 8], "f32"> = x;
        for (let i = 0; i < 300; i++) y = softmax(y);
        return { outputs: { y } };
      },
    });
    const { sequence } = stagesOf(made, "step", {}, jsTarget, { skip: ["schedule"] });
    const kernels = sequence.flatMap((step) => (step.kind === "launch" ? [step.kernel] : []));
    const characters = kernels.reduce((sum, kernel) => sum + printKernel(kernel).length, 0);
    expect(characters).toBeLessThan(1e6);
  });

  it("2,000 element-wise ops in a row compile", async () => {
    const made = program({
      state: { x: param(normal(0, 1, 8)) },
      step(_, { x }) {
        let y: Tensor<[number], "f32"> = x;
        for (let i = 0; i < 2000; i++) y = sin(y);
        return { outputs: { y } };
      },
    });
    const executable = await compileOn(made, jsTarget, {});
    const outputs = (await executable.run({ entry: "step" })) as { y: Float32Array };
    let wanted = (await executable.state.read("x"))[0] as number;
    for (let i = 0; i < 2000; i++) wanted = Math.sin(wanted);
    expect(outputs.y[0]).toBeCloseTo(wanted, 4);
    executable.dispose();
  });

  it("views of views of several parts do not multiply", async () => {
    const made = program({
      state: { x: param(normal(0, 1, 8)) },
      step(_, { x }) {
        let y: Tensor = x;
        for (let i = 0; i < 20; i++) y = concat([slice(y, [1, 8]), slice(y, [0, 1])]);
        return { outputs: { y: exp(y) } };
      },
    });
    await expectSound({ program: made, calls: [{ entry: "step" }] });
  });
});
