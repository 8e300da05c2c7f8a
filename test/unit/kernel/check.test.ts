import { describe, expect, test } from "vitest";
import { checkKernel } from "../../../src/kernel/check.ts";
import type { Expr, Index, Kernel, Stmt } from "../../../src/kernel/kernel.ts";
import * as b from "../../kernel-pool.ts";
import { addIndex, constIndex, rangedIndex, scaleIndex } from "../../kernel-pool.ts";
import { matmulRelu, tiledMatmulRelu, treeSum } from "./kernels.ts";
import { at, buffer, kernel, loopVar, nest } from "./notation.ts";

const buffers = [
  buffer("read", "x", 8),
  buffer("read", "label", 8, "i32"),
  buffer("read", "pixels", 8, "u8"),
  buffer("write", "y", 8),
  buffer("update", "w", 8),
] as const;
const i = loopVar("i", 8);
const one = b.constant("f32", 1);
const x = b.load("f32", "x", at(i));

/** One parallel loop over 8 elements. */
function over(body: readonly Stmt[], prelude: readonly Stmt[] = []): Kernel {
  return kernel("k", buffers, [nest([["parallel", i]], body, prelude)]);
}

/** A workgroup of 8 invocations with a shared array s. */
function inGroup(body: readonly Stmt[], prelude: readonly Stmt[] = []): Kernel {
  const loops = [["workgroup", loopVar("g", 2)] as const, ["invocation", i] as const];
  return kernel("k", buffers, [nest(loops, body, prelude)], { shared: [{ name: "s", type: "f32", count: 8 }] });
}

const storing = (value: Expr, index: Index = at(i)): Kernel => over([b.store("y", index, value)]);

test.each([
  matmulRelu(3, 4, 5),
  tiledMatmulRelu(20, 20, 20, 8),
  treeSum(3, 8),
  storing(x),
  matmulRelu(0, 4, 5),
  matmulRelu(3, 4, 0),
])("%#: $name is sound", (target) => {
  expect(checkKernel(target)).toBeNull();
});

describe("names", () => {
  const acc = b.variable("acc", one);
  test.each<[string, Kernel]>([
    ["the name x is used twice", over([b.letValue("x", one)])],
    ["the name i is used twice", over([b.forLoop(loopVar("i", 2), [])])],
    ["the name a is used twice", over([b.letValue("a", one), b.letValue("a", one)])],
    ["the name r is used twice", over([b.forLoop(loopVar("r", 2), []), b.forLoop(loopVar("r", 2), [])])],
    ['"a b" is not a name', over([b.letValue("a b", one)])],
    ["acc is not in scope", storing(b.name("f32", "acc"))],
    ["acc is not in scope", over([b.forLoop(loopVar("r", 2), [acc]), b.store("y", at(i), b.name("f32", "acc"))])],
    ["loop j is not in scope", storing(x, at(loopVar("j", 8)))],
    ["loop i has extent 8, an index takes it for 4", storing(x, at(loopVar("i", 4)))],
    ["acc is assigned, but not in scope", over([b.assign("acc", one)])],
    ["a is assigned, but is a let", over([b.letValue("a", one), b.assign("a", one)])],
    ["acc belongs to the prelude and is assigned in the body", over([b.assign("acc", one)], [acc])],
    ["load from z, which is not declared", storing(b.load("f32", "z", at(i)))],
    ["store to z, which is not declared", over([b.store("z", at(i), one)])],
    ["the extent of loop r is -1", over([b.forLoop(loopVar("r", -1), [])])],
  ])("%s", (words, target) => {
    expect(checkKernel(target)).toBe(words);
  });
});

describe("types", () => {
  const double = b.constant("f64", 1);
  const sum = (type: "f32" | "f64", ...args: readonly Expr[]): Expr => b.pool.nodes.apply(type, "add", args);
  test.each<[string, Kernel]>([
    ["y holds f32 values, stored f64", storing(double)],
    ["load from label gives i32, taken for f32", storing(b.load("f32", "label", at(i)))],
    ["add(f32, f64) -> f32: operands differ in type", storing(sum("f32", one, double))],
    ["add(f32) -> f32: add takes 2 operands", storing(sum("f32", one))],
    ["add(f32, f32) -> f64: the result is f32", storing(sum("f64", one, one))],
    ["sqrt(i32) -> i32: sqrt is not defined for i32", storing(b.apply("sqrt", b.constant("i32", 4)))],
    ["xor(f32, f32) -> f32: xor is not defined for f32", storing(b.apply("xor", one, one))],
    ["constant 0.1 is not a value of f32", storing({ ...b.constant("f32", 0), value: 0.1 })],
    ["constant 0 is not a value of i32", storing({ ...b.constant("i32", 0), value: -0 })],
    ["acc is f32, read as f64", over([b.variable("acc", one), b.letValue("a", b.name("f64", "acc"))])],
    ["acc is f32, assigned f64", over([b.variable("acc", one), b.assign("acc", double)])],
    ["acc is f64, but starts as f32", over([{ kind: "var", name: "acc", type: "f64", shape: [], init: one }])],
    ["if on a f32", over([b.when(one, [])])],
    ["bitcast from f64 to u32: f64 is not 32 bits", storing(b.bitcast("u32", double))],
    ["int(x[i]) is f32, not an integer", storing(x, rangedIndex(x, 0, 7))],
  ])("%s", (words, target) => {
    expect(checkKernel(target)).toBe(words);
  });

  test("a guard's other value has the load's type", () => {
    const guard = { bounds: [{ index: at(i), extent: 4 }], otherwise: b.constant("f64", 0) };
    const load = b.pool.nodes.load("f32", "x", at(i), guard);
    expect(checkKernel(storing(load))).toBe("load from x is f32, where its guard fails f64");
  });
});

describe("memory", () => {
  const next = addIndex(at(i), constIndex(1));
  const bounds = [{ index: next, extent: 8 }];
  const inLoop = (index: Index): Kernel =>
    over([b.variable("acc", one, [4]), b.forLoop(loopVar("r", 4), [b.assign("acc", one, [index])], "unrolled")]);
  test.each<[string, Kernel]>([
    ["store to x, which is only read", over([b.store("x", at(i), one)])],
    ["load from y, which is only written", storing(b.load("f32", "y", at(i)))],
    ["y[i + 1] reaches 1..8, but y has 8 elements", storing(x, next)],
    ["x[i - 1] reaches -1..6, but x has 8 elements", storing(b.load("f32", "x", addIndex(at(i), constIndex(-1))))],
    [
      "y[int(label[i])] reaches 0..9, but y has 8 elements",
      storing(x, rangedIndex(b.load("i32", "label", at(i)), 0, 9)),
    ],
    ["index 2*i claims the range 0..3, its parts give 0..14", storing(x, { ...scaleIndex(at(i), 2), max: 3 })],
    ["the prelude stores to y", over([], [b.store("y", constIndex(0), one)])],
    ["acc has 1 axes, not 0", over([b.variable("acc", one, [4]), b.letValue("a", b.name("f32", "acc"))])],
    ["acc[r + 1] reaches 1..4, but acc has 4 elements", inLoop(addIndex(at(loopVar("r", 4)), constIndex(1)))],
    [
      "acc is indexed by the parallel loop i: it is an array of registers",
      over([b.variable("acc", one, [8]), b.assign("acc", one, [at(i)])]),
    ],
    [
      "acc is indexed by label[i]: it is an array of registers",
      over([b.variable("acc", one, [8]), b.assign("acc", one, [rangedIndex(b.load("i32", "label", at(i)), 0, 7)])]),
    ],
  ])("%s", (words, target) => {
    expect(checkKernel(target)).toBe(words);
  });

  test.each<[string, Kernel]>([
    ["a guarded load", storing(b.load("f32", "x", next, { bounds, otherwise: one }))],
    ["a guarded store", over([b.store("y", next, one, bounds)])],
    ["an if", over([b.when(b.constant("bool", 0), [b.store("y", next, one)])])],
    ["a loop that never runs", over([b.forLoop(loopVar("r", 0), [b.store("y", next, one)])])],
    ["a register of an unrolled loop", inLoop(at(loopVar("r", 4)))],
    ["an update in place", over([b.store("w", at(i), b.load("f32", "w", at(i)))])],
    ["narrow memory", over([b.letValue("p", b.load("u32", "pixels", at(i)))])],
  ])("%s is fine", (_, target) => {
    expect(checkKernel(target)).toBeNull();
  });
});

describe("folds", () => {
  const c = loopVar("c", 8);
  const part = b.load("f32", "x", at(c));
  const sum = b.fold("sum", ["acc"], [c], [part], { from: [4] });
  const acc = b.name("f32", "acc");
  const double = b.constant("f64", 1);
  const place = at(c);
  const y = b.store("y", at(i), acc);
  const lanes = { loop: loopVar("l", 4), mark: "lane" } as const;
  test.each<[string, Kernel]>([
    ["sum of f32, f32, not f32", over([b.fold("sum", ["acc", "other"], [c], [part, part])])],
    ["argMax of f32, f32, not f32, i32", over([b.fold("argMax", ["best", "place"], [c], [part, part])])],
    ["moments is not defined for i32", over([b.fold("moments", ["n", "m", "s"], [c], [place, place, place])])],
    ["max is not defined for bool", over([b.fold("max", ["acc"], [c], [b.constant("bool", 1)])])],
    ["acc is f64, but folds f32", over([{ ...sum, accumulators: [{ name: "acc", type: "f64" }] }])],
    ["sum has 1 accumulators, not 0", over([{ ...sum, accumulators: [] }])],
    ["sum of nothing", over([{ ...sum, values: [] }])],
    ["acc is not in scope", over([b.fold("sum", ["acc"], [c], [acc])])],
    ["acc is not in scope", over([{ ...sum, body: [b.letValue("a", acc)] }])],
    ["acc is not in scope", over([y, sum])],
    ["loop c is not in scope", over([sum, b.store("y", at(c), one)])],
    ["the name acc is used twice", over([b.letValue("acc", one), sum])],
    ["the name c is used twice", over([sum, { ...sum, accumulators: [{ name: "other", type: "f32" }] }])],
    ["acc is assigned, but is a let", over([sum, b.assign("acc", one)])],
    ["acc is f32, read as f64", over([sum, b.letValue("a", b.name("f64", "acc"))])],
    ["acc has 1 axes, not 0", over([{ ...sum, block: [lanes] }, y])],
    ["a store inside a fold", over([{ ...sum, body: [b.store("w", at(c), one)] }])],
    ["a var inside a fold", over([{ ...sum, body: [b.variable("v", one)] }])],
    [
      "x[c] reaches 0..8, but x has 8 elements",
      over([b.fold("sum", ["acc"], [loopVar("c", 9)], [b.load("f32", "x", at(loopVar("c", 9)))])]),
    ],
    ["the extent of loop c is -1", over([b.fold("sum", ["acc"], [loopVar("c", -1)], [one])])],
    ["a node that acc comes from is -1", over([{ ...sum, from: [-1] }])],
    [
      "add(f32, f64) -> f32: operands differ in type",
      over([b.fold("sum", ["acc"], [c], [b.pool.nodes.apply("f32", "add", [one, double])])]),
    ],
  ])("%s", (words, target) => {
    expect(checkKernel(target)).toBe(words);
  });

  test.each<[string, Kernel]>([
    ["a sum", over([sum, y])],
    ["a sum in a prelude", over([y], [sum])],
    ["an arg-max", over([b.fold("argMax", ["best", "place"], [c], [part, place])])],
    ["a block", over([{ ...sum, block: [lanes] }, b.letValue("a", b.name("f32", "acc", [constIndex(3)]))])],
    ["a fold over nothing", over([b.fold("sum", ["acc"], [], [one]), y])],
    ["a fold within a fold", over([b.fold("max", ["most"], [loopVar("r", 2)], [acc], { body: [sum] })])],
  ])("%s is fine", (_, target) => {
    expect(checkKernel(target)).toBeNull();
  });
});

describe("workgroups", () => {
  const condition = b.constant("bool", 1);
  const exchanged = (size: number, mask: number, value: Expr = b.constant("f32", 1)): Stmt =>
    b.exchange("a", value, { bits: "flipped", mask, size });
  test.each<[string, Kernel]>([
    ["barrier inside an if", inGroup([b.when(condition, [b.barrier])])],
    ["barrier inside an if", inGroup([b.when(condition, [b.forLoop(loopVar("r", 2), [b.barrier])])])],
    ["barrier in a prelude", inGroup([], [b.barrier])],
    ["barrier inside a lane loop", inGroup([b.forLoop(loopVar("r", 4), [b.barrier], "lane")])],
    ["exchange inside an if", inGroup([b.when(condition, [exchanged(4, 2)])])],
    ["subgroups of 3 in a workgroup of 8", inGroup([exchanged(3, 1)])],
    ["subgroups of 16 in a workgroup of 8", inGroup([exchanged(16, 4)])],
    ["the mask 4 in subgroups of 4", inGroup([exchanged(4, 4)])],
    ["exchange of a bool", inGroup([exchanged(4, 1, condition)])],
    ["the name a is used twice", inGroup([exchanged(4, 1), exchanged(4, 1)])],
    ["the prelude loads from the shared array s", inGroup([], [b.letValue("a", b.load("f32", "s", constIndex(0)))])],
  ])("%s", (words, target) => {
    expect(checkKernel(target)).toBe(words);
  });

  test("marks go together", () => {
    const [g, h] = [loopVar("g", 2), loopVar("h", 2)];
    const marked = (...loops: Parameters<typeof nest>[0]): string | null =>
      checkKernel(kernel("k", [], [nest(loops, [])]));
    expect(marked(["workgroup", g], ["invocation", h])).toBeNull();
    expect(marked(["thread", g], ["parallel", h])).toBeNull();
    expect(marked(["invocation", g], ["workgroup", h])).toBe("a workgroup loop lies inside an invocation loop");
    expect(marked(["workgroup", g], ["thread", h])).toBe("a nest has both thread and workgroup or invocation loops");
  });
});
