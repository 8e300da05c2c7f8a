/**
 * checkpoint: the same numbers, to the bit, with less kept for the backward pass and the work in between done twice.
 */
import { describe, expect, test } from "vitest";
import { simplify } from "../../passes/graph/simplify.ts";
import { compile, stagesOf } from "../../src/compile.ts";
import { cond, scan, whileLoop } from "../../src/dsl/loops.ts";
import * as ops from "../../src/dsl/ops.ts";
import { type Program, program } from "../../src/dsl/program.ts";
import { f32 } from "../../src/dsl/spec.ts";
import type { Tensor } from "../../src/dsl/tensor.ts";
import { jsTarget, plannedTargets, wasmTarget } from "../../src/eager-targets.ts";
import type { Entry } from "../../src/graph/entry.ts";
import { launchesOf } from "../../src/program/sequence.ts";
import { checkpointedStep } from "../checkpoint-program.ts";
import { wgslEvaluatorTarget } from "../evaluator-machine.ts";
import { expectClose, expectSameBits, runOracle, runProgram, variants } from "../program-case.ts";
import { expand, runPasses } from "./oracle.ts";

type Given = Readonly<Record<string, Tensor>>;
type Wrap = (f: (x: Tensor) => Tensor, x: Tensor) => Tensor;

const plainly: Wrap = (f, x) => f(x);
const kept: Wrap = (f, x) => ops.checkpoint(f, x);
const rows = 64;
const wide = 256;
const depth = 8;

/** A block that makes much of little: its input and output are small beside what stands between. */
const block = (x: Tensor, w: Tensor, u: Tensor): Tensor => {
  const hidden = ops.tanh(ops.matmul(x, w as never)) as Tensor;
  return ops.add(x, ops.matmul(ops.mul(hidden, ops.exp(hidden)), u as never)) as Tensor;
};

const deep = (wrap: Wrap): Program<unknown> =>
  program({
    inputs: { x: f32(rows, 8), w: f32(8, wide), u: f32(wide, 8) },
    step({ x, w, u }: Given) {
      let h = x as Tensor;
      for (let i = 0; i < depth; i += 1) h = wrap((at) => block(at, w as Tensor, u as Tensor), h);
      const loss = ops.mean(ops.square(h));
      const [dw, du, dx] = [w, u, x].map((by) => ops.grad(loss as never, by as Tensor));
      return { outputs: { loss, dw, du, dx } };
    },
  }) as Program<unknown>;

const numbers = (count: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => Math.sin(i * 1.7) * 0.3);
const feeds = { x: numbers(rows * 8), w: numbers(8 * wide), u: numbers(wide * 8) };

async function run(made: Program<unknown>, target: "js" | "wasm", given: Readonly<Record<string, unknown>>) {
  const executable = await compile(made, { target, threads: 1, seed: 5 });
  const outputs = (await executable.run({ entry: "step", feeds: given } as never)) as Readonly<Record<string, unknown>>;
  const found = Object.fromEntries(
    Object.entries(outputs).map(([name, value]) => [
      name,
      typeof value === "number" ? [value] : [...(value as Float32Array)],
    ]),
  );
  const [entry] = executable.report.entries;
  executable.dispose();
  return { found, entry };
}

describe("a deep net of checkpoints", () => {
  test.each(["js", "wasm"] as const)("on %s: the same bits, less memory, more work", async (target) => {
    const [one, other] = [await run(deep(plainly), target, feeds), await run(deep(kept), target, feeds)];
    expect(other.found).toEqual(one.found);
    const [before, after] = [one.entry?.memory.peakBytes ?? 0, other.entry?.memory.peakBytes ?? 0];
    const hidden = rows * wide * 4;
    expect(before).toBeGreaterThan(depth * hidden);
    expect(after).toBeLessThan(5 * hidden); // however deep
    const flops = (entry: typeof one.entry): number =>
      entry?.kernels.reduce((sum, kernel) => sum + kernel.flops, 0) ?? 0;
    expect(flops(other.entry)).toBeGreaterThan(1.2 * flops(one.entry));
  });

  test("without a gradient is the function itself", () => {
    const made = (wrap: Wrap): string[] => {
      const { entries } = program({
        inputs: { x: f32(4, 8), w: f32(8, 9), u: f32(9, 8) },
        step: ({ x, w, u }) => ({ outputs: { y: wrap((at) => block(at, w, u), x) } }),
      });
      const simple = runPasses(entries.get("step") as Entry, [...expand, simplify]);
      return simple.graph.nodes.map(({ op }) => op.name);
    };
    expect(made(kept)).toEqual(made(plainly));
  });
});

test("what is computed again waits for the slope, though a kernel of the forward pass could do it beside its own work", () => {
  const peak = (wrap: Wrap): number => {
    const made = program({
      inputs: { x: f32(rows, rows), w: f32(rows, rows) },
      step({ x, w }: Given) {
        const times = (a: Tensor): Tensor => ops.matmul(a as never, w as never) as Tensor;
        let h = x as Tensor;
        for (let i = 0; i < depth; i += 1) h = wrap((a) => times(ops.tanh(ops.exp(ops.sin(a))) as Tensor), times(h));
        const loss = ops.mean(ops.square(h));
        return { outputs: { loss, dw: ops.grad(loss as never, w as Tensor) } };
      },
    });
    return stagesOf(made as Program, "step", {}, plannedTargets.js).report.memory.peakBytes / (4 * rows * rows);
  };
  expect(peak(plainly)).toBeGreaterThan(4 * depth); // at each layer what sin, exp and tanh are of
  expect(peak(kept)).toBeLessThan(2 * depth + 4); // what a layer is of, and what its checkpoint is of
});

test("the plan of residual blocks of convolutions: a third less, near its lower bound", () => {
  const channels = 16;
  const plan = (wrap: Wrap) => {
    const made = program({
      inputs: { x: f32(32, 14, 14, channels), k: f32(3, 3, channels, channels) },
      step({ x, k }: Given) {
        const conv = (at: Tensor): Tensor => ops.relu(ops.conv(at as never, k as never, { padding: "same" })) as Tensor;
        let h = x as Tensor;
        for (let i = 0; i < 4; i += 1) h = wrap((at) => ops.add(conv(conv(at)), at) as Tensor, h);
        return { outputs: { slope: ops.grad(ops.sum(ops.square(h)) as never, k as Tensor) } };
      },
    }) as Program<unknown>;
    return stagesOf(made, "step", {}, plannedTargets.wasm).report.memory;
  };
  const [before, after] = [plan(plainly), plan(kept)];
  expect(after.peakBytes).toBeLessThan(0.75 * before.peakBytes);
  expect(after.peakBytes).toBeLessThanOrEqual(1.05 * after.lowerBoundBytes);
});

test("a training step that writes over what it reads, and moves a weight: every stage left out, and as for a GPU", async () => {
  const one = checkpointedStep();
  const { trace, report } = await runProgram(one, jsTarget);
  for (const variant of variants) {
    expectSameBits((await runProgram(one, jsTarget, variant)).trace, trace, JSON.stringify(variant));
  }
  const wanted = runOracle(one);
  for (const target of [jsTarget, wasmTarget({ threads: 2 }), wgslEvaluatorTarget])
    expectClose((await runProgram(one, target)).trace, wanted, 1e-5);
  expect(report[0]?.copied).toEqual({ "net.wide": expect.stringMatching(/checkpointed/) });
  const { sequence } = stagesOf(one.program, "step", {}, plannedTargets.js);
  const over = launchesOf(sequence).flatMap(({ kernel, bindings }) =>
    bindings.filter(({ param, buffer }) => {
      const role = kernel.buffers.find(({ name }) => name === param)?.role;
      return buffer.segment === "arena" && role === "update";
    }),
  );
  expect(over.length).toBeGreaterThan(0);
});

describe("it holds", () => {
  const cube = (x: Tensor): Tensor => ops.mul(ops.mul(x, x), x) as Tensor;
  const total = (x: Tensor): never => ops.sum(x) as never;
  /** The same program with and without, on both targets, to the bit. */
  async function same(make: (wrap: Wrap, given: Given) => Tensor): Promise<void> {
    const made = (wrap: Wrap) =>
      program({
        inputs: { x: f32(5, 3), w: f32(3) },
        step: (given: Given) => ({ outputs: { y: make(wrap, given) } }),
      }) as Program<unknown>;
    const given = { x: numbers(15), w: numbers(3) };
    for (const target of ["js", "wasm"] as const) {
      const [one, other] = [await run(made(plainly), target, given), await run(made(kept), target, given)];
      const [a, b] = [one.found.y ?? [], other.found.y ?? []];
      expect(a.length).toBeGreaterThan(0);
      a.forEach((value, i) => {
        expect(b[i]).toBeCloseTo(value, 5);
      });
    }
  }

  test("at second order", () =>
    same((wrap, { x }) => {
      const first = ops.grad(total(wrap(cube, x as Tensor)), x as Tensor);
      return ops.grad(total(ops.mul(first, first) as Tensor), x as Tensor);
    }));

  test("one in the other, by what it reads from around it", () =>
    same((wrap, { x, w }) => {
      const inner = (at: Tensor): Tensor => wrap((b) => ops.exp(ops.mul(b, w as Tensor)) as Tensor, ops.tanh(at));
      return ops.grad(total(wrap(inner, x as Tensor)), w as Tensor);
    }));

  test("with numbers that are drawn in it", () =>
    same((wrap, { x }) => {
      const noisy = (at: Tensor): Tensor => ops.mul(cube(at), ops.randomUniform([5, 3])) as Tensor;
      return ops.grad(total(wrap(noisy, x as Tensor)), x as Tensor);
    }));

  test("for each example, and around vmap", () =>
    same((wrap, { x, w }) => {
      const f = (row: Tensor): Tensor => wrap((at) => cube(ops.mul(at, w as Tensor) as Tensor), row);
      const each = ops.vmap((row: Tensor) => ops.grad(total(f(row)), row), x as Tensor);
      const around = ops.grad(total(wrap((all) => ops.vmap(f, all), x as Tensor)), w as Tensor);
      return ops.add(each, around) as Tensor;
    }));

  test("in the body of a scan and around it", () =>
    same((wrap, { x, w }) => {
      const loop = (start: Tensor): Tensor =>
        scan(
          (c: Tensor, row: Tensor) => ({ carry: wrap((at) => ops.tanh(ops.add(cube(at), row)) as Tensor, c) }),
          start,
          x as never,
        ).carry;
      return ops.grad(total(wrap(loop, w as Tensor)), w as Tensor);
    }));

  test("in jvp, and the other way about", () =>
    same((wrap, { x, w }) => {
      const f = (at: Tensor): Tensor => wrap((b) => cube(ops.mul(b, w as Tensor) as Tensor), at);
      const one = ops.jvp(f, x as Tensor, ops.sin(x as Tensor) as never).tangent as Tensor;
      const other = wrap((at) => ops.jvp(cube, at, at as never).tangent as Tensor, x as Tensor);
      return ops.add(one, ops.grad(total(other), x as Tensor)) as Tensor;
    }));

  test("in a Jacobian, a Hessian and its products", () =>
    same((wrap, { x, w }) => {
      const y = wrap((at) => ops.exp(ops.dot(x as never, at as never)) as Tensor, w as Tensor);
      const [rows, second, product] = [
        ops.jacobian(y, w as Tensor),
        ops.hessian(total(y), w as Tensor),
        ops.hvp(total(y), w as Tensor, w as never),
      ] as Tensor[];
      return ops.add(
        ops.sum(rows as Tensor, { axis: 0 }),
        ops.add(product as Tensor, ops.sum(second as Tensor, { axis: 1 })),
      ) as Tensor;
    }));

  test("in a branch and around one", () =>
    same((wrap, { x, w }) => {
      const isLarge = ops.greater(ops.sum(w as Tensor), -9) as never;
      const branch = (at: Tensor): Tensor =>
        cond(
          isLarge,
          (b: Tensor) => wrap(cube, b),
          (b) => ops.sin(b) as Tensor,
          at,
        );
      const both = ops.add(wrap(branch, x as Tensor), branch(x as Tensor)) as Tensor;
      return ops.grad(total(ops.mul(both, w as Tensor) as Tensor), x as Tensor);
    }));

  test("around a custom gradient, and in one", () =>
    same((wrap, { x }) => {
      const twice = (at: Tensor): Tensor =>
        ops.customGradient(
          (b: Tensor) => wrap(cube, b),
          ({ slope }) => ops.mul(slope, 2) as never,
          ops.exp(at) as Tensor,
        );
      return ops.grad(total(wrap(twice, x as Tensor)), x as Tensor);
    }));

  test("with whole numbers among what it takes and gives", () =>
    same((wrap, { x }) => {
      const place = ops.argmax(x as Tensor, { axis: 1 }) as Tensor;
      const f = ({ at, of }: Given) => ({
        y: cube(ops.gather(at as never, of as never) as Tensor),
        of,
      });
      const given = { at: x as Tensor, of: place };
      const { y } = wrap === kept ? ops.checkpoint(f, given) : f(given);
      return ops.grad(total(y as Tensor), x as Tensor);
    }));

  test("nothing of a loop that has no gradient, and says so", () => {
    const bounded = (at: Tensor): Tensor =>
      whileLoop(
        (c: Tensor) => ops.less(ops.sum(c), 9) as never,
        (c) => ops.mul(c, 2) as Tensor,
        at,
        { most: 5 },
      );
    expect(() =>
      stagesOf(
        program({
          inputs: { x: f32(3) },
          step: ({ x }: Given) => ({ outputs: { y: ops.grad(total(kept(bounded, x as Tensor)), x as Tensor) } }),
        }) as Program<unknown>,
        "step",
        {},
        plannedTargets.js,
      ),
    ).toThrow(/whileLoop.*no gradient/s);
  });

  test("with several results, of which one has a slope", () =>
    same((wrap, { x }) => {
      const pair = (at: Tensor): { a: Tensor; b: Tensor } => ({ a: cube(at), b: ops.exp(at) });
      const { a } = wrap === kept ? ops.checkpoint(pair, x as Tensor) : pair(x as Tensor);
      return ops.grad(total(a), x as Tensor);
    }));

  test("of one tensor in two places, whose slope it is once", () =>
    same((wrap, { x }) => {
      const both = ({ p, q }: { p: Tensor; q: Tensor }): Tensor => ops.mul(ops.exp(p), cube(q)) as Tensor;
      const at = { p: x as Tensor, q: x as Tensor };
      return ops.grad(total(wrap === kept ? ops.checkpoint(both, at) : both(at)), x as Tensor);
    }));
});
