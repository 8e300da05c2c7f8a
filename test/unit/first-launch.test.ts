/** What a loop does not change is copied into panels before it: which factors are, from where, and that the numbers are the same. */
import { expect, test } from "vitest";
import { bindTarget } from "../../codegen/target.ts";
import { wasm } from "../../codegen/wasm/target.ts";
import { findOverlap } from "../../passes/plan/plan.ts";
import { stagesOf } from "../../src/compile.ts";
import {
  add,
  compile,
  f32,
  grad,
  less,
  matmul,
  mul,
  type Program,
  permute,
  program,
  scan,
  sum,
  type Tensor,
  tanh,
  whileLoop,
} from "../../src/index.ts";
import { printSchedules } from "../../src/kernel/moves.ts";
import { printSequence } from "../../src/program/print.ts";
import { launchesOf } from "../../src/program/sequence.ts";
import { noise } from "./js-case.ts";

type State = Tensor<[32, 30], "f32">;
type Weights = Tensor<[30, 30], "f32">;

const threads = 2;
const target = bindTarget(wasm, { joinsVectors: false, relaxed: false, threads });
const compiled = (made: Program<unknown>) => stagesOf(made as Program, "step", {}, target);

/** The steps, without what they are called with. */
const steps = (made: Program<unknown>): readonly string[] =>
  printSequence(compiled(made).sequence)
    .split("\n")
    .map((line) => line.replace(/\(.*\)/, ""));

const inputs = { h: f32(32, 30), xs: f32(6, 32, 30), u: f32(30, 30), us: f32(3, 30, 30) };
const cell = (h: State, x: State, u: Weights): State => tanh(add(x, matmul(h, u)));

const recurrent = program({
  inputs,
  step({ h, xs, u }) {
    const loss = sum(scan((c: State, x: State) => ({ carry: cell(c, x, u) }), h, xs).carry);
    return { outputs: { loss, slope: grad(loss, u) } };
  },
});

const nested = program({
  inputs,
  step: ({ h, xs, u, us }) => ({
    outputs: {
      y: scan(
        (outer: State, w: Weights) => ({
          carry: scan((c: State, x: State) => ({ carry: matmul(cell(c, x, w), u) }), outer, xs).carry,
        }),
        h,
        us,
      ).carry,
    },
  }),
});

test("a recurrent net's matrix is copied once before each of its loops, as it lies and turned", () => {
  expect(steps(recurrent)).toMatchInlineSnapshot(`
    [
      "launch k0_broadcast",
      "copy input h to %3 kept[0]",
      "launch k3_contract_sub_panel",
      "loop t < 6",
      "  launch k3_contract_sub at t",
      "launch k4_sum",
      "copy %8 to %9",
      "launch k8_contract_panel",
      "loop t2 < 6",
      "  launch k7_mul at t2",
      "  launch k8_contract at t2",
      "launch k9_contract",
    ]
  `);
  const { sequence, layout } = compiled(recurrent);
  const panels = launchesOf(sequence).filter(({ name }) => name.endsWith("_panel"));
  expect(panels.map(({ bindings }) => bindings.map(({ buffer }) => buffer.name))).toMatchInlineSnapshot(`
    [
      [
        "u",
        "panel of k3_contract_sub",
      ],
      [
        "u",
        "panel of k8_contract",
      ],
    ]
  `);
  // Columns that are left over lie in a block that is as wide, and partly empty.
  for (const { bindings } of panels) expect(bindings.at(-1)?.buffer.count).toBe(32 * 30);
  for (const { kernel } of launchesOf(sequence)) {
    if (kernel.iterations.length > 0) expect(printSchedules(kernel.schedule)).not.toMatch(/into panel/);
  }
  expect(findOverlap(layout.arena.placements)).toBeNull();
});

test("before the outermost loop that does not change it", () => {
  expect(steps(nested)).toMatchInlineSnapshot(`
    [
      "copy input h to output y",
      "launch k5_contract_panel",
      "loop t < 3",
      "  copy output y to %4",
      "  launch k4_contract_tanh_panel at t",
      "  loop t2 < 6",
      "    launch k4_contract_tanh at t, t2",
      "    launch k5_contract",
      "  copy %4 to output y",
    ]
  `);
});

test("not what the loop changes: a carry, a row", () => {
  const changed = program({
    inputs,
    step: ({ h, u, us }) => ({
      outputs: scan(
        (c: { h: State; u: Weights }, w: Weights) => ({ carry: { h: matmul(matmul(c.h, c.u), w), u: mul(c.u, 0.5) } }),
        { h, u },
        us,
      ).carry,
    }),
  });
  expect(steps(changed).filter((step) => step.includes("panel"))).toEqual([]);
});

test("before a loop that runs as long as it likes", () => {
  const growing = program({
    inputs,
    step: ({ h, u }) => ({
      outputs: {
        y: whileLoop(
          (c: State) => less(sum(c), 3),
          (c: State) => matmul(c, permute(u, [1, 0])),
          h,
          { most: 4 },
        ),
      },
    }),
  });
  expect(steps(growing)).toMatchInlineSnapshot(`
    [
      "launch k0_permute",
      "copy input h to output y",
      "launch k4_contract_panel",
      "test",
      "  launch k3_sum_lt",
      "while flag of %3 at most 4 times",
      "  launch k4_contract",
      "  copy %2 to output y",
    ]
  `);
});

test.each([
  { made: recurrent, output: "slope" },
  { made: nested, output: "y" },
])("the numbers of $output are those of js, and on two threads the bits of one", async ({ made, output }) => {
  const small = (count: number) => noise(count).map((x) => x / 10);
  const feeds = { h: noise(32 * 30), xs: noise(6 * 32 * 30), u: small(900), us: small(2700) };
  const run = async (options: Parameters<typeof compile>[1]) => {
    const executable = await compile(made as typeof nested, options);
    executable.step(feeds);
    const found = [...((await executable.read(output as "y")) as Float32Array)];
    executable.dispose();
    return found;
  };
  const expected = await run({ target: "js" });
  const one = await run({ target: "wasm", threads: 1 });
  const scale = Math.max(...expected.map(Math.abs));
  for (const [i, value] of one.entries())
    expect(Math.abs(value - (expected[i] ?? Number.NaN))).toBeLessThan(1e-5 * scale);
  expect(await run({ target: "wasm", threads })).toEqual(one);
});
