/**
 * The rules of batching against a loop over examples, for every op of the table: with all operands different from example to
 * example, and with each of them alone.
 */
import { describe, expect, test } from "vitest";
import { differentiate } from "../../passes/graph/differentiate.ts";
import { isFloat } from "../../src/core/dtype.ts";
import { RandomStream } from "../../src/core/random.ts";
import { vectorize } from "../../src/graph/batch.ts";
import { checkGraph } from "../../src/graph/check.ts";
import { neededNodes } from "../../src/graph/entry.ts";
import { evaluateGraph } from "../../src/graph/evaluate.ts";
import { createGraph } from "../../src/graph/graph.ts";
import { type NdArray, ndarray } from "../../src/graph/ndarray.ts";
import type { Batched, Node } from "../../src/graph/node.ts";
import { input as inputOp } from "../../src/graph/ops/source.ts";
import { fixedShape, sizeOf } from "../../src/graph/shape.ts";
import { caseProgram, type OpCase } from "../op-case.ts";
import { opCases } from "../op-cases.ts";
import { runPasses } from "./oracle.ts";

const examples = 3;

/** The operands of a case for each example. */
function drawn(c: OpCase, example: number): NdArray[] {
  return c.inputs.map(({ shape, dtype, low, high }, i) => {
    const stream = new RandomStream(5, `${c.op} ${i} ${example}`);
    const numbers = Array.from({ length: sizeOf(shape) }, () => {
      const value = stream.uniform(low, high);
      if (isFloat(dtype)) return Math.fround(value);
      return dtype === "bool" ? Number(value > (low + high) / 2) : Math.floor(value);
    });
    return ndarray(dtype, shape, numbers);
  });
}

const environment = (arrays: readonly NdArray[]) =>
  new Map([
    ...arrays.map((array, i): [string, NdArray] => [`c0x${i}`, array]),
    ["$random", ndarray("u32", [2], [3, 4])] as const,
  ]);

/** One array with the examples in front. */
function stacked(arrays: readonly NdArray[]): NdArray {
  const [first] = arrays;
  if (first === undefined) throw new Error("no examples");
  const data = Float64Array.from(arrays.flatMap((array) => [...array.data]));
  return { dtype: first.dtype, shape: [arrays.length, ...first.shape], data };
}

/** Holds the case with examples in the inputs `which` to one run for each example. */
function compare(c: OpCase, which: readonly number[]): void {
  const entry = runPasses(caseProgram([c]).entries.get("step") as never, [differentiate]);
  const results = entry.outputs.map(({ node }) => node);
  const each = Array.from({ length: examples }, (_, e) => drawn(c, e));
  const first = each[0] ?? [];
  const mixed = each.map((arrays) => arrays.map((array, i) => (which.includes(i) ? array : (first[i] ?? array))));

  const graph = createGraph();
  const given = new Map<Node, Batched>();
  for (const node of neededNodes(entry)) {
    if (node.op !== inputOp) continue;
    const batched = which.includes(Number(String(node.attrs.name).slice(3)));
    const shape = batched ? [examples, ...node.type.shape] : node.type.shape;
    given.set(node, { node: graph.node(inputOp, [], { ...node.attrs, shape }), batched });
  }
  const made = vectorize(graph, results, given, examples);
  expect(checkGraph(graph)).toBeNull();
  const fed = first.map((array, i) =>
    which.includes(i) ? stacked(each.map((arrays) => arrays[i] as NdArray)) : array,
  );
  const found = evaluateGraph(
    made.map(({ node }) => node),
    environment(fed),
  );
  const wanted = mixed.map((arrays) => evaluateGraph(results, environment(arrays)));
  made.forEach(({ batched, node }, r) => {
    const all = batched ? stacked(wanted.map((one) => one[r] as NdArray)) : (wanted[0]?.[r] as NdArray);
    const name = `${entry.outputs[r]?.name} with examples of ${which}`;
    expect(node.type.dtype, name).toBe(all.dtype);
    expect(fixedShape(node.type.shape), name).toEqual(all.shape);
    const values = found[r] as NdArray;
    all.data.forEach((value, i) => {
      const close = Math.abs((values.data[i] ?? 0) - value) <= 1e-9 * Math.max(1, Math.abs(value));
      if (!close && !Object.is(values.data[i], value)) {
        expect(values.data[i], `${name}, element ${i}`).toBe(value);
      }
    });
  });
}

describe("an axis of examples in front, against a loop over them", () => {
  for (const op of new Set(opCases.map((c) => c.op))) {
    test(op, () => {
      for (const c of opCases) {
        if (c.op !== op || c.inputs.length === 0) continue;
        const all = c.inputs.map((_, i) => i);
        compare(c, all);
        if (all.length > 1) for (const i of all) compare(c, [i]);
      }
    });
  }
});
