/**
 * `debug: { nan: true }` on a GPU: the first op that made a NaN or an infinity, by the user's name and line, in a program and in a step of
 * `fit`. What the other targets say is test/unit/debug-nan.test.ts.
 */
import { match, ok, rejects, strictEqual } from "node:assert/strict";
import { compile, dense, div, exp, f32, grad, greater, layer, log, mul, program, type Shape, sequential, sgd, sqrt, sub, sum, type Tensor, trainer, where } from "../../../src/index.ts"; // biome-ignore format: names
import type { GpuCase } from "../case.ts";

type Formula = (x: Tensor<[3], "f32">) => Tensor<Shape, "f32">;

/** The line of the caller. */
function line(): RegExp {
  const [, found] = /debug-nan\.ts:(\d+):/.exec(new Error().stack?.split("\n")[2] ?? "") ?? [];
  return new RegExp(`debug-nan\\.ts:${found}:`);
}

const formulas: readonly (readonly [Formula, RegExp, readonly number[], RegExp])[] = [
  [(x) => sum(log(x)), line(), [1, 0, 3], /^step: log made -Infinity of x in \[0, 3\]\n/],
  [(x) => sum(log(x)), line(), [1, -1, 3], /^step: log made NaN of x in \[-1, 3\]\n/],
  [(x) => sum(div(x, mul(x, 2))), line(), [1, 0, 3], /^step: div made NaN of x in \[0, 3\] and the result of mul in \[0, 6\]\n/],
  [(x) => sum(mul(exp(x), 0.5)), line(), [1, 100, 3], /^step: exp made Infinity of x in \[1, 100\]\n/],
  [(x) => sum(sub(exp(x), exp(mul(x, 2)))), line(), [1, 100, 3], /^step: exp made Infinity of /],
  [(x) => grad(sum(sqrt(x)), x), line(), [1, 0, 3], /^step: the gradient of sqrt.* made Infinity of /],
  [(x) => sum(mul(x, 2)), /^/, [1, Number.NaN, 3], /^step: the input x has NaN$/],
]; // biome-ignore format: a table

export const cases: readonly GpuCase[] = [
  {
    name: "debug: the first op that made a NaN or an infinity",
    async run({ device }) {
      for (const [make, at, x, wanted] of formulas) {
        const made = program({ inputs: { x: f32(3) }, step: ({ x }) => ({ outputs: { y: make(x) } }) });
        const executable = await compile(made, { target: "wgsl", device, debug: { nan: true } });
        const run = (x: readonly number[]) => executable.run({ entry: "step", feeds: { x } });
        await rejects(run(x), (error) => {
          ok(error instanceof Error);
          match(error.message, wanted);
          match(error.message, at);
          return true;
        });
        await run([1, 1, 1]);
        strictEqual(await executable.nonFinite(), null);
        executable.dispose();
      }
    },
  },
  {
    name: "debug: what was masked out is not blamed",
    async run({ device }) {
      const masked: Formula = (x) => sum(where(greater(x, 0), log(x), 0));
      const made = program({ inputs: { x: f32(3) }, step: ({ x }) => ({ outputs: { y: masked(x) } }) });
      const executable = await compile(made, { target: "wgsl", device, debug: { nan: true } });
      await executable.run({ entry: "step", feeds: { x: [1, 0, 3] } });
      executable.dispose();
    },
  },
  {
    name: "debug: a layer of the user's in a step of fit",
    async run({ device }) {
      const logs = layer({ name: "logs", rule: "same", apply: (_, x) => log(x) });
      const at = line();
      const net = trainer(sequential([logs, dense(1)]), { input: [2], loss: "meanSquaredError", optimizer: sgd() });
      await net.compile({ target: "wgsl", device, batch: 2, debug: { nan: true } });
      const x = Float32Array.of(1, 2, 3, 4, 5, 0);
      await rejects(net.fit({ x, y: Float32Array.of(1, 2, 3), shuffle: false }), (error) => {
        match(
          String(error),
          /fit: the loss is .* in epoch 1 of 1, at step 2 of 2: train: in the layer "logs1", log made -Infinity of /,
        );
        const [, told] = /debug-nan\.ts:(\d+):/.exec(String(error)) ?? [];
        match(String(error), new RegExp(`debug-nan\\.ts:${Number(/\d+/.exec(at.source)?.[0]) - 1}:`), told);
        return true;
      });
      net.dispose();
    },
  },
];
