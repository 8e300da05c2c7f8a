/**
 * Sweeps with seeds: `pullback` nodes, and what gradient rules may ask for while they are asked: a sweep of their own, a second
 * form of what the forward pass has. The ops with such rules are made for the test.
 */
import { describe, expect, test } from "vitest";
import { simplify } from "../../passes/graph/simplify.ts";
import { builder } from "../../src/graph/build.ts";
import { transformOp } from "../../src/graph/define.ts";
import { createGraph, resultOf } from "../../src/graph/graph.ts";
import { ndarray } from "../../src/graph/ndarray.ts";
import type { Build, ComposedOp, Node } from "../../src/graph/node.ts";
import { gradient, pullback } from "../../src/graph/ops/transform.ts";
import { entryOf, evaluateEntry, expand, inputNode, runPasses } from "./oracle.ts";

const feeds = {
  x: ndarray("f64", [3], [0.5, -1, 2]),
  w: ndarray("f64", [3], [1, 10, -3]),
};

function given(): { b: Build; x: Node; w: Node } {
  const b = builder(createGraph());
  return { b, x: inputNode(b, "x", "f64", [3]), w: inputNode(b, "w", "f64", [3]) };
}

function valuesOf(nodes: Readonly<Record<string, Node>>, warnings: string[] = []): Record<string, number[]> {
  const plain = runPasses(entryOf(nodes), expand, {}, warnings);
  const found = evaluateEntry(plain, feeds);
  const simpler = evaluateEntry(runPasses(plain, [simplify]), feeds);
  for (const [name, { data }] of found) expect([...(simpler.get(name)?.data ?? [])]).toEqual([...data]);
  return Object.fromEntries([...found].map(([name, { data }]) => [name, [...data]]));
}

const pulled = (b: Build, values: readonly Node[], slopes: readonly Node[], by: Node): Node =>
  b.node(pullback, [...values, ...slopes, by], { silent: false });

describe("a pullback node", () => {
  test("weights each value by its slope, several at once", () => {
    const { b, x, w } = given();
    const square = b.map("mul", x, x);
    const cube = b.map("mul", square, x);
    const one = pulled(b, [square], [w], x);
    const two = pulled(b, [square, cube], [w, b.fill(w, 1)], x);
    expect(valuesOf({ one, two })).toEqual({ one: [1, -20, -12], two: [1 + 0.75, -20 + 3, -12 + 12] });
  });

  test("takes slopes as constants, whatever they are made of", () => {
    const { b, x } = given();
    expect(valuesOf({ y: pulled(b, [b.map("mul", x, x)], [x], x) })).toEqual({ y: [0.5, 2, 8] });
  });

  test("is differentiated by its slope: the derivative in a direction", () => {
    const { b, x, w } = given();
    const slope = inputNode(b, "slope", "f64", [3]);
    const back = pulled(b, [b.map("mul", b.map("mul", x, x), x)], [slope], x);
    // 3x² w, and nothing of `slope` is left in it: it is not even fed
    expect(valuesOf({ y: pulled(b, [back], [w], slope) })).toEqual({ y: [0.75, 30, -36] });
  });

  test("by the value itself it is the slope; without a path it is zero, with a warning that can be left out", () => {
    const { b, x, w } = given();
    const warnings: string[] = [];
    const none = pulled(b, [b.map("exp", w)], [w], x);
    const silent = b.node(pullback, [b.map("exp", w), w, x], { silent: true });
    expect(valuesOf({ own: pulled(b, [x], [w], x), none, silent }, warnings)).toEqual({
      own: [1, 10, -3],
      none: [0, 0, 0],
      silent: [0, 0, 0],
    });
    expect(warnings).toEqual([expect.stringContaining('the value does not depend on input "x"')]);
  });

  test("refuses slopes of another type, and integers", () => {
    const { b, x } = given();
    const short = inputNode(b, "short", "f64", [2]);
    const counts = inputNode(b, "counts", "i32", [3]);
    expect(() => pulled(b, [x], [short], x)).toThrow("the slope must have the type of its value, f64[3], not f64[2]");
    expect(() => pulled(b, [x], [x], counts)).toThrow("only floats have gradients, not i32[3]");
  });
});

describe("a gradient rule", () => {
  test("may sweep through what it writes, while it is swept", () => {
    /** x -> x³, whose rule writes the cube on the other side of a node and sweeps through that. */
    const cube = transformOp({
      name: "myCube",
      arity: 1,
      schema: {},
      infer: ([x]) => x,
      evaluate: ([x]) => ({ ...x, data: x.data.map((v) => v ** 3) }),
      vjp({ args: [x] }, g, b) {
        const again = b.permute(b.reshape(x, [3, 1]), [1, 0]);
        const written = b.map("mul", again, b.map("mul", again, again));
        const [flow] = b.pullback([written, written], [b.reshape(g, [1, 3]), null], [again]);
        return [flow === null || flow === undefined ? null : b.reshape(flow, [3])];
      },
    });
    const { b, x, w } = given();
    const loss = b.reduce("sum", b.map("mul", w, b.node(cube, [x], {})), [0]);
    const first = b.node(gradient, [loss, x], {});
    const second = b.node(gradient, [b.reduce("sum", first, [0]), x], {});
    expect(valuesOf({ first, second })).toEqual({ first: [0.75, 30, -36], second: [3, -60, -36] });
  });

  test("may put a wider form in the place of its node, more than once, and everybody reads the widest", () => {
    type Kept = { readonly keep: "number" };
    /** keep 0: x²; more: x, twice that often. */
    const square: ComposedOp<Kept, 1> = {
      name: "mySquare",
      kind: "composed",
      arity: 1,
      schema: { keep: "number" },
      infer: ([x], { keep }) => Array.from({ length: keep + 1 }, () => x),
      evaluate: ([x], { keep }) => [{ ...x, data: x.data.map((v) => v * v) }, ...Array.from({ length: keep }, () => x)],
      expand: ([x], { keep }, b) => [b.map("mul", x, x), ...Array.from({ length: keep }, () => x)],
      vjp(node, [g], b) {
        if (g === null || g === undefined) return [null];
        const before = b.latest(node);
        const wider = b.node(square, [node.args[0]], { keep: before.results.length });
        b.supersede(node, wider);
        const kept = resultOf(wider, before.results.length);
        return [b.map("mul", g, b.map("add", kept, kept))];
      },
    };
    const { b, x, w } = given();
    const y = b.node(square, [x], { keep: 0 });
    const first = pulled(b, [y], [w], x);
    const other = pulled(b, [y, b.map("mul", y, y)], [w, w], x);
    const entry = runPasses(entryOf({ y, first, other }), expand);
    const widths = entry.graph.nodes.flatMap(({ op, result, results }) =>
      op.name === "mySquare" && result === 0 ? [results.length] : [],
    );
    expect(widths).toEqual([3]);
    const values = evaluateEntry(entry, feeds);
    expect([...(values.get("first")?.data ?? [])]).toEqual([1, -20, -12]);
    expect([...(values.get("other")?.data ?? [])]).toEqual([1 + 0.5, -20 - 40, -12 - 96]);
  });

  test("writes a body on a graph of its own, which is settled when it is done", () => {
    const { b, x } = given();
    const fresh = b.within(createGraph());
    const parameter = inputNode(fresh, "p", "f64", [3]);
    const [inlined] = fresh.inline([b.map("mul", x, x)], [x], [parameter]);
    expect(inlined?.args).toEqual([parameter, parameter]);
    expect(() => fresh.pullback([parameter], [parameter], [parameter])).toThrow("only gradient rules sweep");
  });
});
