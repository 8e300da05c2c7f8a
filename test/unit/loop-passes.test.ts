/**
 * What becomes of loops: what nobody reads is not computed in them, sums and products of rows alone are made outside.
 */
import { expect, test } from "vitest";
import { differentiate } from "../../passes/graph/differentiate.ts";
import { simplify } from "../../passes/graph/simplify.ts";
import { specialize } from "../../passes/graph/specialize.ts";
import { scan } from "../../src/dsl/loops.ts";
import * as tl from "../../src/dsl/ops.ts";
import { program } from "../../src/dsl/program.ts";
import { f32 } from "../../src/dsl/spec.ts";
import type { Tensor } from "../../src/dsl/tensor.ts";
import { bodiesOf } from "../../src/graph/body.ts";
import { checkGraph } from "../../src/graph/check.ts";
import { neededNodes, resultNodes } from "../../src/graph/entry.ts";
import { evaluateGraph } from "../../src/graph/evaluate.ts";
import { generate } from "../../src/graph/ndarray.ts";
import type { Node } from "../../src/graph/node.ts";

interface Given {
  readonly x: Tensor<[5, 2, 3], "f32">;
  readonly h: Tensor<[2, 4], "f32">;
  readonly w: Tensor<[3, 4], "f32">;
  readonly u: Tensor<[4, 4], "f32">;
  readonly b: Tensor<[4], "f32">;
}

const shapes = { x: f32(5, 2, 3), h: f32(2, 4), w: f32(3, 4), u: f32(4, 4), b: f32(4) };

/** The applications of loops in an entry, simplified; and that its numbers are what they were. */
function loopsOf(step: (given: Given) => unknown): readonly Node[] {
  const made = program({ inputs: shapes, step: (given) => ({ outputs: step(given as unknown as Given) }) });
  const written = made.entries.get("step");
  if (written === undefined) throw new Error("no entry");
  const context = { dims: {}, warn: () => undefined };
  const before = specialize.run(differentiate.run(written, context), context);
  const after = simplify.run(before, context);
  expect(checkGraph(after.graph)).toBeNull();
  const environment = new Map(
    Object.entries(shapes).map(([name, { shape }]) => {
      let count = name.length;
      const values = generate("f32", shape as readonly number[], () => {
        count += 1.3;
        return Math.sin(count);
      });
      return [name, values] as const;
    }),
  );
  const [found, wanted] = [after, before].map((entry) => evaluateGraph(resultNodes(entry), environment));
  found?.forEach(({ data }, i) => {
    data.forEach((value, k) => {
      expect(value).toBeCloseTo(wanted?.[i]?.data[k] ?? Number.NaN, 10);
    });
  });
  return neededNodes(after).filter(
    ({ op, results }, _, all) => op.kind === "loop" && results.some((one) => all.includes(one)),
  );
}

const applications = (nodes: readonly Node[]): readonly (readonly Node[])[] => [
  ...new Set(nodes.map(({ results }) => results)),
];
const shapesOf = (nodes: readonly Node[]): readonly unknown[] =>
  applications(nodes).map((results) => results.map(({ type }) => type.shape));
const opsIn = (nodes: readonly Node[]): readonly string[] =>
  nodes.flatMap((node) => bodiesOf(node).flatMap(([, { entry }]) => neededNodes(entry).map(({ op }) => op.name)));

const cell = ({ x, h, w, u, b }: Given) =>
  scan(
    (c, row) => {
      const next = tl.tanh(tl.add(tl.add(tl.matmul(row, w), tl.matmul(c, u)), b));
      return { carry: next, output: tl.sum(next, { axis: 1 }) };
    },
    h,
    x,
  );

test("a loop gives what is read of it, and reads what that takes", () => {
  expect(shapesOf(loopsOf((given) => cell(given).carry))).toEqual([[[2, 4]]]);
  const two = ({ x, h }: Given) =>
    scan(({ a, b }, row) => ({ carry: { a: tl.mul(a, 2), b: tl.add(b, tl.sum(row)) } }), { a: h, b: h }, x).carry;
  expect(shapesOf(loopsOf((given) => two(given).a))).toEqual([[[2, 4]]]);
  const [loop] = loopsOf((given) => two(given).a);
  expect(loop?.args).toHaveLength(1);
  const nested = ({ x, h }: Given) =>
    scan(
      (c) => {
        const inner = scan((d, row) => ({ carry: tl.mul(d, tl.sum(row)), output: tl.exp(d) }), c, x);
        return { carry: inner.carry, output: inner.outputs };
      },
      h,
      {},
      { length: 2 },
    ).carry;
  expect(
    opsIn(loopsOf(nested).flatMap((node) => bodiesOf(node).flatMap(([, { entry }]) => neededNodes(entry)))),
  ).not.toContain("exp");
});

test("products of rows alone are made outside, for all of them", () => {
  const [loop, ...others] = loopsOf((given) => cell(given).carry);
  expect(others).toEqual([]);
  expect(opsIn(loop === undefined ? [] : [loop]).filter((name) => name === "contract")).toHaveLength(1);
  expect(loop?.args.map(({ type }) => type.shape)).toContainEqual([5, 2, 4]);
});

test("slopes of weights are no sums in the loop, but contractions over all rows", () => {
  const loops = loopsOf((given) => {
    const { carry, outputs } = cell(given);
    return tl.grad(tl.add(tl.sum(carry), tl.sum(outputs)), { w: given.w, u: given.u, b: given.b });
  });
  const backward = shapesOf(loops)[1];
  expect(backward).toEqual([
    [2, 4], // the slope of the carry
    [5, 2, 4], // that of what tanh is taken of
  ]);
});

test("a sum that others read stays, and so does one whose rows would take more memory", () => {
  const read = ({ x, h, w }: Given) =>
    scan((sum, row) => ({ carry: tl.add(sum, tl.matmul(row, w)), output: tl.exp(sum) }), h, x);
  expect(shapesOf(loopsOf(read))).toEqual([
    [
      [2, 4],
      [5, 2, 4],
    ],
  ]);
  const large = ({ x, b }: Given) =>
    scan(
      ({ sum, c }, row) => {
        const next = tl.sin(tl.add(tl.broadcastTo(tl.sum(row), [50]), c));
        return { carry: { sum: tl.add(sum, tl.sum(next)), c: next } };
      },
      { sum: tl.sum(b), c: tl.full([50], 0) },
      x,
    ).carry.sum;
  expect(shapesOf(loopsOf(large))).toEqual([[[], [50]]]);
});

test("rows that are stacked for one sum are there for a smaller one before it", () => {
  const sums = ({ x, b }: Given) =>
    scan(
      ({ small, large, c }, row) => {
        const next = tl.sin(tl.add(tl.sum(row), c));
        const products = tl.einsum("ni,nj->ij", next, next);
        return { carry: { small: tl.add(small, tl.sum(next)), large: tl.add(large, products), c: next } };
      },
      { small: tl.sum(b), large: tl.full([30, 30], 0), c: tl.full([2, 30], 0) },
      x,
    ).carry;
  expect(shapesOf(loopsOf((given) => [sums(given).small, sums(given).large]))).toEqual([
    [
      [2, 30],
      [5, 2, 30],
    ],
  ]);
});

test("also where dimensions are still names, as in pictures of a program", () => {
  const made = program({
    inputs: { x: f32("time", "batch", 3), h: f32("batch", 4), w: f32(3, 4), u: f32(4, 4), b: f32(4) },
    step: (given) => ({ outputs: tl.grad(tl.sum(cell(given as unknown as Given).carry), { w: given.w, u: given.u }) }),
  });
  const written = made.entries.get("step");
  if (written === undefined) throw new Error("no entry");
  const context = { dims: {}, warn: () => undefined };
  const after = simplify.run(differentiate.run(written, context), context);
  expect(checkGraph(after.graph)).toBeNull();
  expect(neededNodes(after).some(({ type: { shape } }) => shape.join() === "time,batch,4")).toBe(true);
});
