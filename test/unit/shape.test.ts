/**
 * Linear arithmetic of symbolic dimensions, and `specialize`, which binds them.
 */
import { describe, expect, test } from "vitest";
import { differentiate } from "../../passes/graph/differentiate.ts";
import { simplify } from "../../passes/graph/simplify.ts";
import { specialize } from "../../passes/graph/specialize.ts";
import { ShapeError } from "../../src/core/errors.ts";
import { zeros } from "../../src/dsl/initializers.ts";
import { concat, grad, max, mean, mul, reshape, slice, sub, sum } from "../../src/dsl/ops.ts";
import { program } from "../../src/dsl/program.ts";
import { f32, param } from "../../src/dsl/spec.ts";
import type { Tensor } from "../../src/dsl/tensor.ts";
import type { Entry } from "../../src/graph/entry.ts";
import { ndarray } from "../../src/graph/ndarray.ts";
import { printEntry } from "../../src/graph/print.ts";
import {
  addDims,
  bindDim,
  broadcastShapes,
  checkDim,
  dimNames,
  elementCount,
  multiplyDims,
  stridesOf,
} from "../../src/graph/shape.ts";
import { evaluateEntry, expectClose, randomArray, runPasses } from "./oracle.ts";

describe("linear dimensions", () => {
  test("have one spelling, so equal ones are ===", () => {
    expect(addDims("batch", 1)).toBe("batch+1");
    expect(addDims(1, "batch")).toBe("batch+1");
    expect(addDims("b", "a")).toBe(addDims("a", "b"));
    expect(addDims("batch", "batch")).toBe("2*batch");
    expect(addDims("batch", -2)).toBe("batch-2");
    expect(addDims(addDims("batch", -2), 2)).toBe("batch");
    expect(addDims("batch", "batch", -1)).toBe(0);
    expect(addDims("2*a+b+3", "a+b", -2)).toBe("3-b");
    expect(addDims(addDims("a", "b", -1), "b")).toBe("a");
    expect(addDims(addDims("a", "b", -3), 4)).toBe("a+4-3*b");
    expect(addDims(-1, "a", -1)).toBe("-a-1");
    expect(addDims(addDims(-1, "a", -1), "a+b+1")).toBe("b");
    expect(multiplyDims("batch", 3)).toBe("3*batch");
    expect(multiplyDims(2, "a-1")).toBe("2*a-2");
    expect(multiplyDims(0, "a")).toBe(0);
    expect(multiplyDims("a", "b")).toBeNull();
    expect(elementCount([2, "n", 3])).toBe("6*n");
    expect(() => elementCount(["n", "m"])).toThrow(/not linear/);
  });

  test("are bound by name", () => {
    expect(bindDim("2*batch-1", { batch: 4 })).toBe(7);
    expect(bindDim(5, {})).toBe(5);
    expect(dimNames(["a+2*b", 3, "c"])).toEqual(["a", "b", "c"]);
    expect(() => bindDim("a+b", { a: 1 })).toThrow(/the dimension "b" has no size/);
    expect(() => bindDim("toString", {})).toThrow(/no size/);
  });

  test("what a user may write as a dimension", () => {
    for (const dim of [0, 784, "batch", "_a1"]) expect(checkDim(dim)).toBe(dim);
    for (const dim of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, "", "2a", "a b", "a+1", "é"]) {
      expect(() => checkDim(dim)).toThrow(ShapeError);
    }
  });

  test("broadcast when equal or a literal 1", () => {
    expect(broadcastShapes(["n", 1], [1, 3])).toEqual(["n", 3]);
    expect(broadcastShapes([3], ["n", 3])).toEqual(["n", 3]);
    expect(broadcastShapes(["n"], ["m"])).toBeNull();
    expect(broadcastShapes(["n"], [2])).toBeNull();
    expect(broadcastShapes([0], [1])).toEqual([0]);
    expect(stridesOf([2, 3, 4])).toEqual([12, 4, 1]);
  });
});

function stepOf(made: { readonly entries: ReadonlyMap<string, Entry> }): Entry {
  return made.entries.get("step") as Entry;
}

describe("specialize", () => {
  const means = program({
    inputs: { x: f32("batch", 3) },
    step: ({ x }) => ({ outputs: { mean: mean(x), rows: sum(x, { axis: 1 }) } }),
  });

  test("binds shapes and sizes", () => {
    const entry = runPasses(stepOf(means), [specialize, simplify], { batch: 4 });
    expect(printEntry(entry)).toBe(
      [
        "entry step",
        "%0: f32[4,3] = input name=x",
        "%1: f32[] = sum %0 axes=[0,1]",
        "%2: f32[] = constant value=12",
        "%3: f32[] = div %1 %2",
        "%4: f32[4] = sum %0 axes=[1]",
        "output mean = %3",
        "output rows = %4",
      ].join("\n"),
    );
    expect(printEntry(stepOf(means))).toContain("= size dim=batch");
  });

  test("wants every dimension, as a size", () => {
    const bind = (dims: Record<string, number>): unknown => runPasses(stepOf(means), [specialize], dims);
    expect(() => bind({})).toThrow(
      /"batch" has no size: compile with dims: \{ batch: … \}\n +at .*shape\.test\.ts:\d+/,
    );
    expect(() => bind({ batch: 1.5 })).toThrow(/"batch" becomes 1.5, which is no size/);
    expect(() => bind({ batch: -1 })).toThrow(/which is no size/);
    expect(() => bind({ batch: Number.NaN })).toThrow(/which is no size/);
  });

  test("a dimension bound to 1 does not broadcast, and an empty one is legal", () => {
    const one = runPasses(stepOf(means), [specialize, simplify], { batch: 1 });
    expect(evaluateEntry(one, { x: ndarray("f32", [1, 3], [1, 2, 6]) }).get("mean")?.data[0]).toBe(3);
    const none = runPasses(stepOf(means), [specialize, simplify], { batch: 0 });
    expect(evaluateEntry(none, { x: ndarray("f32", [0, 3], []) }).get("rows")?.shape).toEqual([0]);
  });

  test("slices of symbolic axes: checked when bound, negative ends count from the end", () => {
    const made = program({
      inputs: { x: f32("batch", 2) },
      step: ({ x }) => ({ outputs: { head: slice(x, [0, 3]), tail: slice(x, [-2, 5]), middle: slice(x, [1, -1]) } }),
    });
    const entry = runPasses(stepOf(made), [specialize], { batch: 5 });
    const values = evaluateEntry(entry, { x: ndarray("f32", [5, 2], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]) });
    expect([...(values.get("head")?.data ?? [])]).toEqual([0, 1, 2, 3, 4, 5]);
    expect([...(values.get("tail")?.data ?? [])]).toEqual([6, 7, 8, 9]);
    expect([...(values.get("middle")?.data ?? [])]).toEqual([2, 3, 4, 5, 6, 7]);
    expect(() => runPasses(stepOf(made), [specialize], { batch: 2 })).toThrow(/0:3 does not lie in an axis of 2\n +at/);
  });

  test("differentiating first or specializing first gives the same, also through slices and concats", () => {
    const made = program({
      inputs: { x: f32("batch", 2), y: f32("batch", 2) },
      state: { w: param(zeros(2)) },
      step({ x, y }, { w }) {
        const both = concat([mul(x, w), mul(y, w), mul(x, w)]) as Tensor;
        const part = slice(both, [1, -2]) as Tensor;
        const tall = reshape(part, [-1]) as Tensor;
        const rows = sub(both, max(both, { axis: 1, keepDims: true }) as Tensor) as Tensor;
        const loss = sum(mul(tall, mul(tall, tall) as Tensor) as Tensor) as Tensor<[]>;
        const other = sum(mul(rows, rows) as Tensor) as Tensor<[]>;
        return { outputs: { g: grad(loss, w), h: grad(sum(mul(grad(loss, x), x)), x), k: grad(other, { x, w }) } };
      },
    });
    const dims = { batch: 3 };
    const feeds = {
      x: randomArray("x", "f32", [3, 2]),
      y: randomArray("y", "f32", [3, 2]),
      w: randomArray("w", "f32", [2]),
    };
    const late = evaluateEntry(runPasses(stepOf(made), [differentiate, simplify, specialize, simplify], dims), feeds);
    const early = evaluateEntry(runPasses(stepOf(made), [specialize, differentiate], dims), feeds);
    expect([...late.keys()]).toEqual([...early.keys()]);
    for (const [name, value] of early) expectClose(late.get(name) ?? value, value, 1e-9);
  });

  test("reshapes that keep symbolic dimensions apart", () => {
    const made = program({
      inputs: { x: f32("batch", "time", 4) },
      step: ({ x }) => ({
        outputs: {
          a: reshape(x, ["batch", "time", 2, -1]),
          b: max(x, { axis: -1, keepDims: true }),
          c: reshape(sum(x, { axis: 1 }), [-1]),
        },
      }),
    });
    const shapes = Object.fromEntries(
      runPasses(stepOf(made), [specialize], { batch: 2, time: 3 }).outputs.map(({ name, node }) => [name, node.type]),
    );
    expect(shapes).toMatchObject({ a: { shape: [2, 3, 2, 2] }, b: { shape: [2, 3, 1] }, c: { shape: [8] } });
    expect(() =>
      program({ inputs: { x: f32("batch", 3) }, step: ({ x }) => ({ outputs: { y: reshape(x, ["time", 3]) } }) }),
    ).toThrow(/reshape\(f32\[batch,3\]\): cannot become \[time,3\]/);
  });
});
