/**
 * Programs that once broke fusion: cycles that close late, buffer limits, rows updated in place, deep and wide graphs. Each is
 * run in every variant of the pipeline (see program-case.ts), and on a target of eight buffers.
 */
import { describe, expect, it } from "vitest";
import {
  add,
  compileOn,
  concat,
  div,
  exp,
  flip,
  gather,
  greater,
  i32,
  jsTarget,
  matmul,
  mul,
  normal,
  pad,
  param,
  program,
  relu,
  reshape,
  sin,
  slice,
  sum,
  type Tensor,
  transpose,
  where,
} from "../../src/index.ts";
import type { TargetSetup } from "../../src/targets.ts";
import { expectSound, runProgram } from "../program-case.ts";

const calls = [{ entry: "step" }, { entry: "step" }];
const eightBuffers: TargetSetup = { ...jsTarget, traits: { ...jsTarget.traits, maxBuffers: 8 } };
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
      ...eightBuffers,
      schedule(kernel) {
        seen.push(kernel.buffers.length);
        return eightBuffers.schedule(kernel);
      },
    };
    const limited = await runProgram({ program: made, calls }, counted);
    const free = await runProgram({ program: made, calls }, jsTarget);
    expect(limited.trace).toEqual(free.trace);
    expect(Math.max(...seen)).toBeLessThanOrEqual(most);
  }
});

describe("deep graphs", () => {
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
