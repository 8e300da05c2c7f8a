/**
 * Ops with several results: one application, a node for each result, in every language and pass. The op here is made for the
 * test; those of the library are in op-cases.ts like the rest.
 */
import { describe, expect, test } from "vitest";
import { graphJson } from "../../codegen/picture/json.ts";
import { differentiate } from "../../passes/graph/differentiate.ts";
import { simplify } from "../../passes/graph/simplify.ts";
import { compile } from "../../src/compile.ts";
import type { CompileOptions } from "../../src/compile-options.ts";
import { here } from "../../src/core/origin.ts";
import { applyAll } from "../../src/dsl/build.ts";
import { grad } from "../../src/dsl/grad.ts";
import { mul, scalar, sum } from "../../src/dsl/ops.ts";
import { program } from "../../src/dsl/program.ts";
import { f32 } from "../../src/dsl/spec.ts";
import type { Tensor } from "../../src/dsl/tensor.ts";
import { builder } from "../../src/graph/build.ts";
import { checkGraph } from "../../src/graph/check.ts";
import { merged } from "../../src/graph/entry.ts";
import { createGraph, createTrace, neededBy } from "../../src/graph/graph.ts";
import { ndarray } from "../../src/graph/ndarray.ts";
import type { Build, GatherOp, Node } from "../../src/graph/node.ts";
import { gradient } from "../../src/graph/ops/transform.ts";
import { printEntry } from "../../src/graph/print.ts";
import { apply } from "../kernel-pool.ts";
import { entryOf, evaluateEntry, inputNode, runPasses } from "./oracle.ts";

/** (a, b) -> (a + b, a · b) */
const both: GatherOp<Readonly<Record<never, never>>, 2> = {
  name: "myBoth",
  kind: "gather",
  arity: 2,
  schema: {},
  infer: ([a]) => [a, a],
  vjp({ args: [a, b] }, [ofSum, ofProduct], build) {
    const flow = (other: Node): Node | null => {
      const part = ofProduct === null || ofProduct === undefined ? null : build.map("mul", ofProduct, other);
      return part === null || ofSum === null || ofSum === undefined
        ? (part ?? ofSum ?? null)
        : build.addSlopes(ofSum, part);
    };
    return [flow(b), flow(a)];
  },
  evaluate: ([a, b]) => [
    { ...a, data: a.data.map((x, i) => x + (b.data[i] ?? 0)) },
    { ...a, data: a.data.map((x, i) => x * (b.data[i] ?? 0)) },
  ],
  elements(at, _attrs, _types, reads) {
    const [a, b] = [reads.read(0, at), reads.read(1, at)];
    return [apply("add", a, b), apply("mul", a, b)];
  },
};

function pair(build: Build, a: Node, b: Node): readonly [Node, Node] {
  const [total, product] = build.graph.node(both, [a, b]).results;
  if (total === undefined || product === undefined) throw new Error("two results");
  return [total, product];
}

function inputs(): readonly [Build, Node, Node] {
  const build = builder(createGraph());
  return [build, inputNode(build, "x", "f32", [2]), inputNode(build, "y", "f32", [2])];
}

const feeds = { x: ndarray("f32", [2], [1, 2]), y: ndarray("f32", [2], [3, 5]) };

describe("the graph", () => {
  test("has a node for each result, and one application for what is written twice", () => {
    const [build, x, y] = inputs();
    const [total, product] = pair(build, x, y);
    expect([total.result, product.result, product.id - total.id]).toEqual([0, 1, 1]);
    expect(total.results).toBe(product.results);
    expect(pair(build, x, y)).toEqual([total, product]);
    const [first, second] = [here("first"), here("second")];
    build.graph.node(both, [x, y], {}, [first]);
    build.graph.node(both, [x, y], {}, [second]);
    expect([total.origins, product.origins]).toEqual([
      [first, second],
      [first, second],
    ]);
    expect(() => build.graph.node(both, [x])).toThrow(/myBoth\(f32\[2\]\): takes two operands/);
    expect(checkGraph(build.graph)).toBeNull();
  });

  test("the checker sees results that do not know each other", () => {
    const [build, x, y] = inputs();
    const [, product] = pair(build, x, y);
    Object.assign(product, { result: 0 });
    expect(checkGraph(build.graph)).toBe("results of an application know each other: %2 myBoth");
  });

  test("is printed with all results, also where one is not needed", () => {
    const [build, x, y] = inputs();
    const [total, product] = pair(build, x, y);
    const entry = entryOf({ product, twice: build.map("add", total, total) });
    const lines = ["%0: f32[2] = input name=x", "%1: f32[2] = input name=y", "%2: f32[2], %3: f32[2] = myBoth %0 %1"];
    expect(printEntry(entry).split("\n").slice(1, 4)).toEqual(lines);
    const alone = entryOf({ product });
    expect(printEntry(alone).split("\n")).toEqual(["entry test", ...lines, "output product = %3"]);
    expect(neededBy([product])).not.toContain(total);
    expect(graphJson(entry).nodes).toContainEqual({
      ...{ id: 3, op: "myBoth", args: [0, 1], dtype: "f32", shape: [2], result: 1, part: "forward" },
    });
  });

  test("is evaluated, rebuilt and simplified", () => {
    const [build, x, y] = inputs();
    const [total, product] = pair(build, x, build.map("mul", y, build.fill(y, 1)));
    const entry = entryOf({ product, total });
    const values = { product: [3, 10], total: [4, 7] };
    const found = (of: typeof entry) =>
      Object.fromEntries([...evaluateEntry(of, feeds)].map(([name, { data }]) => [name, [...data]]));
    expect(found(entry)).toEqual(values);
    const simple = runPasses(entry, [simplify]);
    expect(found(simple)).toEqual(values);
    expect(printEntry(simple)).toContain(
      "%2: f32[2], %3: f32[2] = myBoth %0 %1\noutput product = %3\noutput total = %2",
    );
  });
});

describe("gradients", () => {
  const slopes = (make: (total: Node, product: Node, build: Build) => Node): number[] => {
    const [build, x, y] = inputs();
    const loss = build.reduce("sum", make(...pair(build, x, y), build), [0]);
    const entry = runPasses(entryOf({ g: build.graph.node(gradient, [loss, x]) }), [differentiate]);
    return [...(evaluateEntry(entry, feeds).get("g")?.data ?? [])];
  };

  test("flow from one result, from the other, from both", () => {
    expect(slopes((total) => total)).toEqual([1, 1]);
    expect(slopes((_, product) => product)).toEqual([3, 5]);
    expect(slopes((total, product, b) => b.map("add", total, product))).toEqual([4, 6]);
    expect(slopes((total, product, b) => b.map("mul", total, product))).toEqual([3 + 4 * 3, 10 + 7 * 5]);
  });

  test("are by one result, whatever equals it", () => {
    const graph = createTrace();
    const build = builder(graph);
    const [x, y] = [inputNode(build, "x", "f32", []), inputNode(build, "y", "f32", [])];
    const [first] = graph.node(both, [x, y]).results;
    const [second] = graph.node(both, [x, y]).results;
    if (first === undefined || second === undefined) throw new Error("two applications");
    const loss = build.map("add", build.map("mul", first, build.constant("f32", 3)), second);
    const entry = entryOf({ a: graph.node(gradient, [loss, first]), b: graph.node(gradient, [loss, second]) });
    const at = { x: ndarray("f32", [], [5]), y: ndarray("f32", [], [1]) };
    const found = evaluateEntry(runPasses(merged(entry, new Set([first, second])), [differentiate]), at);
    expect([...found].map(([, { data }]) => [...data])).toEqual([[3], [1]]);
  });
});

describe.each(["js", "wasm"] as const)("on %s", (target) => {
  const run = async (make: (x: Tensor, y: Tensor) => Record<string, Tensor>, options: CompileOptions = {}) => {
    const made = program({
      inputs: { x: f32(2), y: f32(2) },
      entries: { step: ({ x, y }) => ({ outputs: make(x, y) }) },
    });
    const executable = await compile(made, { target, ...options });
    const outputs = await executable.run({ entry: "step", feeds: { x: [1, 2], y: [3, 5] } });
    const report = executable.report.entries[0];
    executable.dispose();
    return {
      outputs: Object.fromEntries(Object.entries(outputs).map(([k, v]) => [k, [...(v as Float32Array)]])),
      report,
    };
  };
  const results = (x: Tensor, y: Tensor): readonly [Tensor, Tensor] => {
    const [total, product] = applyAll(both, [x, y], {}, here("myBoth"));
    return [total as Tensor, product as Tensor];
  };

  test("both results come from one kernel", async () => {
    const { outputs, report } = await run((x, y) => {
      const [total, product] = results(x, y);
      return { total, product };
    });
    expect(outputs).toEqual({ total: [4, 7], product: [3, 10] });
    expect(report?.launches).toBe(1);
    expect(report?.kernels[0]?.fuses).toEqual(["%2: f32[2], %3: f32[2] = myBoth %0 %1"]);
  });

  test("a result that nobody reads has no buffer", async () => {
    const { outputs, report } = await run((x, y) => ({ product: mul(results(x, y)[1], scalar(2)) as Tensor }));
    expect(outputs).toEqual({ product: [6, 20] });
    expect(report?.buffers.filter(({ segment }) => segment !== "state").length).toBeLessThanOrEqual(4);
    expect(report?.memory.peakBytes).toBeLessThanOrEqual(64);
  });

  test("the same where nothing is fused, and for gradients", async () => {
    const make = (x: Tensor, y: Tensor): Record<string, Tensor> => {
      const [total, product] = results(x, y);
      return { product, g: grad(sum(mul(total, product)) as Tensor<[]>, x) as Tensor };
    };
    const wanted = { product: [3, 10], g: [15, 45] };
    expect((await run(make)).outputs).toEqual(wanted);
    expect((await run(make, { skip: ["fuse", "order", "plan", "simplify"] })).outputs).toEqual(wanted);
  });
});
