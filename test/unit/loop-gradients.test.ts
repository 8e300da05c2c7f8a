/**
 * Gradients of loops and branches: those of the same steps written out one after another, first and second derivatives; and what
 * the forward loop keeps for them.
 */
import { expect, test } from "vitest";
import { differentiate } from "../../passes/graph/differentiate.ts";
import { cond, scan, whileLoop } from "../../src/dsl/loops.ts";
import * as tl from "../../src/dsl/ops.ts";
import { program } from "../../src/dsl/program.ts";
import { f32 } from "../../src/dsl/spec.ts";
import type { Tensor } from "../../src/dsl/tensor.ts";
import { bodiesOf } from "../../src/graph/body.ts";
import { checkGraph } from "../../src/graph/check.ts";
import { type Entry, neededNodes } from "../../src/graph/entry.ts";
import { printEntry } from "../../src/graph/print.ts";
import { ProgramOracle } from "../program-oracle.ts";

interface Given {
  readonly h: Tensor;
  readonly x: Tensor;
  readonly w: Tensor;
}

interface Step {
  readonly carry: Tensor;
  readonly output: Tensor;
}

type Cell = (h: Tensor, x: Tensor, w: Tensor) => Step;

/** What a loop of `length` rows gives, as one node or row by row. */
type Loop = (cell: Cell, given: Given, reverse: boolean) => { readonly carry: Tensor; readonly outputs: Tensor };

const length = 3;

const asScan: Loop = (cell, { h, x, w }, reverse) =>
  scan((c: Tensor, row: Tensor) => cell(c, row, w), h, x, { reverse });

const writtenOut: Loop = (cell, { h, x, w }, reverse) => {
  let carry = h;
  const outputs: Tensor[] = [];
  for (let step = 0; step < length; step += 1) {
    const t = reverse ? length - 1 - step : step;
    const row = tl.reshape(tl.slice(x, [t, t + 1]), x.shape.slice(1)) as Tensor;
    const made = cell(carry, row, w);
    carry = made.carry;
    outputs[t] = tl.reshape(made.output, [1, ...made.output.shape]) as Tensor;
  }
  return { carry, outputs: tl.concat(outputs) as Tensor };
};

const tanhCell: Cell = (h, x, w) => {
  const next = tl.tanh(
    tl.add(x, tl.reshape(tl.matmul(tl.reshape(h, [1, 2]) as Tensor<[1, 2]>, w as Tensor<[2, 2]>), [2])),
  ) as Tensor;
  return { carry: next, output: tl.mul(next, h) as Tensor };
};

const cells: Readonly<Record<string, Cell>> = {
  tanh: tanhCell,
  linear: (h, x) => ({ carry: tl.add(h, x) as Tensor, output: h }),
  "carry alone": (h, x, w) => ({ carry: tl.mul(tl.mul(h, x), tl.sum(w)) as Tensor, output: tl.scalar(1) as Tensor }),
  "stack alone": (h, x, w) => ({
    carry: h,
    output: tl.matmul(w as Tensor<[2, 2]>, tl.reshape(tl.sin(x), [2, 1]) as Tensor<[2, 1]>) as Tensor,
  }),
  branches: (h, x, w) => ({
    carry: cond(
      tl.greater(tl.sum(x), 0) as Tensor<[], "bool">,
      (z) => tl.mul(z, tl.max(w)) as Tensor,
      (z) => tl.add(tl.exp(z), x) as Tensor,
      h,
    ),
    output: tl.sum(h) as Tensor,
  }),
  nested: (h, x, w) => {
    const inner = scan(
      (c: Tensor, row: Tensor) => ({
        carry: tl.sin(tl.add(tl.mul(c, row), h)) as Tensor,
        output: tl.mul(c, x) as Tensor,
      }),
      h,
      w,
    );
    return { carry: inner.carry, output: tl.sum(inner.outputs) as Tensor };
  },
  "a gradient in the body": (h, x, w) => {
    const y = tl.sum(tl.mul(tl.exp(h), tl.mul(x, tl.sum(w)))) as Tensor;
    return { carry: tl.sub(h, tl.mul(tl.grad(y, h), 0.1)) as Tensor, output: y };
  },
};

function entryOf(cell: Cell, loop: Loop, reverse: boolean) {
  const made = program({
    inputs: { h: f32(2), x: f32(length, 2), w: f32(2, 2) },
    step: (given) => {
      const all = given as unknown as Given;
      const { carry, outputs } = loop(cell, all, reverse);
      const loss = tl.add(tl.sum(tl.mul(carry, carry)), tl.sum(tl.sin(outputs))) as Tensor<[]>;
      const gradient = tl.grad(loss, { h: all.h, x: all.x, w: all.w });
      const second = tl.grad(
        tl.add(
          tl.sum(tl.mul(gradient.h, gradient.h)),
          tl.add(tl.sum(tl.sin(gradient.x)), tl.sum(tl.mul(gradient.w, gradient.w))),
        ) as Tensor<[]>,
        { h: all.h, x: all.x, w: all.w },
      );
      return { outputs: { loss, gradient, second } };
    },
  });
  return made;
}

const feeds = { h: [0.3, -0.7], x: [0.5, -0.2, -0.6, 0.3, 0.8, 0.4], w: [0.9, -0.4, 0.2, 0.7] };

const cases = Object.entries(cells).flatMap(([name, cell]) =>
  [false, true].map((reverse) => ({ name, cell, reverse })),
);

test.each(cases)("$name, reverse $reverse", ({ cell, reverse }) => {
  const [found, wanted] = [asScan, writtenOut].map((loop) =>
    new ProgramOracle(entryOf(cell, loop, reverse)).run("step", feeds),
  );
  for (const [path, values] of wanted ?? []) {
    values.forEach((value, i) => {
      expect(found?.get(path)?.[i], `${path} ${i}`).toBeCloseTo(value, 9);
    });
  }
});

/** An entry of one gradient, differentiated. */
function gradientEntry(cell: Cell): Entry {
  const made = program({
    inputs: { h: f32(2), x: f32(length, 2), w: f32(2, 2) },
    step: (given) => {
      const all = given as unknown as Given;
      return { outputs: tl.grad(tl.sum(asScan(cell, all, false).carry) as Tensor<[]>, { h: all.h, w: all.w }) };
    },
  });
  const entry = made.entries.get("step");
  if (entry === undefined) throw new Error("no entry");
  const done = differentiate.run(entry, { dims: {}, warn: () => undefined });
  expect(checkGraph(done.graph, ["transform"])).toBeNull();
  return done;
}

test("the forward loop keeps carries and what is dear, and stands there once", () => {
  const entry = gradientEntry(tanhCell);
  const loops = entry.graph.nodes.filter((node) => node.result === 0 && bodiesOf(node).length > 0);
  expect(loops.map(({ results }) => results.map(({ type }) => type.shape))).toEqual([
    [[2], [3, 2], [3, 2], [3, 2]], // the carry in the end; outputs; the carry before each step; tanh
    [[2], [2, 2], [3, 2]],
  ]);
  expect(printEntry(entry)).not.toContain("slopedAs");
});

test("a linear loop keeps nothing", () => {
  const entry = gradientEntry((h, x) => ({ carry: tl.add(h, x) as Tensor, output: h }));
  expect(
    new Set(
      neededNodes(entry)
        .filter(({ op }) => op.name === "scan")
        .map(({ results }) => results),
    ).size,
  ).toBe(1);
});

test("whileLoop has no gradient", () => {
  const made = program({
    inputs: { a: f32() },
    step: ({ a }) => {
      const y = whileLoop(
        (c: Tensor) => tl.less(c, 10) as Tensor<[], "bool">,
        (c) => tl.mul(c, 2) as Tensor,
        a as Tensor,
        { most: 9 },
      );
      return { outputs: { y: tl.grad(tl.sum(y) as Tensor<[]>, a) } };
    },
  });
  expect(() => new ProgramOracle(made).run("step", { a: [1] })).toThrow(
    /whileLoop has no gradient[\s\S]*loop-gradients.test.ts/,
  );
});
